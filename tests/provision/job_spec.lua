-- A job is checked completely before a probe is opened, and says what is wrong and what would be right.
local support = require "support"
package.path = support.source .. "/tests/provision/?.lua;" .. package.path
local fields = require "stlua.job_fields"
local jobs = require "stlua.job"
local line = require "line"

local function refused(changes)
  local ok, err = pcall(line.job, changes)
  if ok then error("the job was taken", 2) end
  return err
end

-- { what, changes, code, message, hint }
local bad = {
  { "an unknown field", { pathces = "{}" }, "argument", "no field `pathces`", "patches" },
  { "a field of a wrong type", { patches = "7" }, "argument", "`patches` must be table, not integer" },
  { "a list written as a table of names", { patches = "{ at = 1 }" }, "argument", "`patches` is a list, it has no field `at`" },
  { "no name", { name = false }, "argument", "a job has a `name`" },
  { "no board", { board = false }, "argument", "names its `board`" },
  { "an unknown board", { board = '"rak812"' }, "unknown_target", "no board `rak812`", "rak811" },
  { "no firmware", { firmware = false }, "argument", "names its `firmware`" },
  { "firmware that is not there", { firmware = '"gone.hex"' }, "file", "gone.hex" },
  { "another release of the firmware", { firmware = '{ path = "fw.hex", sha256 = ("0"):rep(64) }' }, "refused", "has SHA%-256" },
  { "an address outside of the board", { patches = '{ { at = 0x08020000, bytes = "x" } }' }, "range",
    "patches%[1%]: 0x08020000 .. 0x08020000 is outside", "flash 0x08000000 .. 0x0801FFFF" },
  { "a patch that leaves the flash", { patches = '{ { at = 0x0801FFFF, bytes = "xy" } }' }, "range", "is outside" },
  { "EEPROM behind its end", { eeprom = '{ { offset_bytes = 4095, bytes = "xy" } }' }, "range", "eeprom%[1%].*is outside" },
  { "flash among the EEPROM", { eeprom = '{ { at = 0x08000000, bytes = "x" } }' }, "range", "not in data EEPROM" },
  { "overlapping patches", { patches = '{ { at = 0x0801E000, bytes = "abcd" }, { at = 0x0801E003, bytes = "x" } }' }, "overlap",
    "patches%[1%] at 0x0801E000 .. 0x0801E003 and patches%[2%]" },
  { "a patch without an address", { patches = '{ { bytes = "x" } }' }, "argument", "`at` says where" },
  { "a patch without a source", { patches = '{ { at = 0x0801E000, type = "u8" } }' }, "argument", "no source" },
  { "a patch with two sources", { patches = '{ { at = 0x0801E000, bytes = "x", field = "serial" } }' }, "argument", "and from" },
  { "a patch without a type", { patches = '{ { at = 0x0801E000, field = "serial" } }' }, "argument", "no `type`" },
  { "an unknown type", { patches = '{ { at = 0x0801E000, type = "ascci(16)", field = "serial" } }' }, "argument", "ascci", "ascii" },
  { "an unknown identity field", { patches = '{ { at = 0x0801E000, type = "eui64", field = "dev_eiu" } }' }, "argument",
    "no field `dev_eiu`", "dev_eui" },
  { "an unknown key", { patches = '{ { at = 0x0801E000, key = "app_kye" } }' }, "argument", "no key `app_kye`", "app_key" },
  { "a key as a field", { patches = '{ { at = 0x0801E000, type = "hex(16)", field = "app_key" } }' }, "argument", "is a key" },
  { "a serial that does not fit", { eeprom = '{ { offset_bytes = 0, type = "ascii(4)", field = "serial" } }' }, "range",
    "`serial` has up to 6 characters, there is room for 4" },
  { "a serial that does not fill", { eeprom = '{ { offset_bytes = 0, type = "ascii(8)", field = "serial" } }' }, "range",
    "the form wants exactly 8" },
  { "letters in BCD", { eeprom = '{ { offset_bytes = 0, type = "bcd(3)", field = "serial" } }' }, "format", "BCD" },
  { "a function's bytes without their count", { patches = "{ { at = 0x0801E000, bytes = function() end } }" }, "argument",
    "need `byte_count`" },
  { "a stamp over a range with gaps", { stamps = [[{ { crc = "crc-32", from = 0x08000000, to = 0x0800FFFF, at = "last",
    store = "u32le" } }]] }, "argument", "gaps" },
  { "a stamp into a patch", { stamps = [[{ { crc = "crc-32", from = 0x08000000, to = 0x080000FF, at = 0x0801E004, gap = 0,
    store = "u32le" } }]] }, "overlap", "stamps%[1%]" },
  { "stamps in the wrong order", { stamps = [[{
      { name = "all", crc = "crc-32", from = 0x08000000, to = 0x0800FFFF, at = "last", gap = 0, store = "u32le" },
      { name = "head", crc = "crc-32", from = 0x08000000, to = 0x080000FF, at = 0x08008000, gap = 0, store = "u32le" } }]] },
    "argument", "stamp `head` writes to 0x08008000", "before stamp `all`" },
  { "a stamp outside of the board", { stamps = [[{ { crc = "crc-32", from = 0x08000000, to = 0x080000FF, at = 0x09000000,
    gap = 0, store = "u32le" } }]] }, "range", "stamps%[1%].*outside" },
  { "an unknown option byte", { option_bytes = "{ BOR_LEV = 1 }" }, "argument", "no field `BOR_LEV`" },
  { "an impossible BOR level", { option_bytes = "{ BOR = 6 }" }, "argument", "no BOR level 6" },
  { "WRP of sectors that are not there", { option_bytes = '{ WRP = "0-32" }' }, "argument", "no WRP sector 32" },
  { "a lock at level 3", { lock = "{ rdp_level = 3 }" }, "argument", "no RDP level 3" },
  { "a self-test that measures nothing", { self_test = "{ measurements = {} }" }, "argument", "measurements" },
  { "a label with a key", { label = '{ text = "{app_key}" }' }, "argument", "is a key" },
  { "a label with a misspelled field", { label = '{ text = "{seral}" }' }, "argument", "no field `seral`", "serial" },
  { "an unlock word nobody knows", { unlock = '"yes"' }, "argument", "returning" },
  { "an identity with a wrong field", { identity = "{ serail = {} }" }, "argument", "no field `serail`", "serial" },
  { "a list serial longer than its room", { patches = "{}", identity = [[{ serial = "list", list = { serial = {} } }]] }, "range",
    "up to 64 characters", "max_chars = 16" },
  { "Lua that is none", { name = '"node' }, "format", "job.lua" },
  { "a misspelled global", { name = "nmae" }, "format", "no global `nmae`" },
}

describe("a job", function()
  teardown(support.clean)

  for _, case in ipairs(bad) do
    it("with " .. case[1] .. " is refused", function()
      local err = refused(case[2])
      assert.equal(case[3], err.code, tostring(err))
      assert.matches(case[4], err.message)
      if case[5] then assert.matches(case[5], err.hint or "") end
    end)
  end

  it("names its file in what it refuses", function() assert.matches("^job job.lua: ", refused({ patches = "7" }).message) end)

  it("has a name, hashes, and absolute places", function()
    local job = line.job()
    assert.equal("node", job.name)
    assert.matches("^" .. ("%x"):rep(64) .. "$", job.sha256)
    assert.equal("rak811", job.board.name)
    assert.equal(0x08080000, job.patches[3].addr)
    assert.equal("/x", job:path "/x")
    assert.equal(job.folder .. "/x", job:path "x")
  end)

  it("takes a release whose hash it names, in any case", function()
    local sha256 = line.job().firmware_sha256
    line.job { firmware = ('{ path = "fw.hex", sha256 = %q }'):format(sha256:upper()) }
  end)

  it("may require a module beside itself", function()
    local folder = support.folder()
    support.write_file(folder .. "/shared_part.lua", 'return { join_eui = "70B3D57ED0000001" }')
    local job = line.job({ patches = '{ { at = 0x0801E000, type = "eui64", value = require("shared_part").join_eui } }' }, folder)
    assert.equal(8, job.patches[1].byte_count)
  end)

  it("takes symbols of its ELF file for addresses", function()
    local elf = ('"%s/small.elf"'):format(support.images)
    local job = line.job { firmware = elf, patches = '{ { at = "version", offset_bytes = 2, bytes = "ab" } }' }
    assert.equal(0x08000032, job.patches[1].addr)
    assert.matches("versoin", refused { firmware = elf, patches = '{ { at = "versoin", bytes = "ab" } }' }.message)
  end)

  it("may reach from one bank into the next, but not into a hole", function()
    local across = '{ { at = 0x0803FFFE, bytes = "abcd" } }'
    line.job { board = '"nucleo-l152re"', patches = across }
    assert.equal("range", refused({ board = '"stm32l-discovery"', patches = across }).code)
  end)

  it("is found by its name on the search path", function()
    local folder = support.folder()
    line.write_job({}, folder)
    assert(require("lfs").mkdir(folder .. "/stlua"))
    assert(require("lfs").mkdir(folder .. "/stlua/jobs"))
    os.rename(folder .. "/job.lua", folder .. "/stlua/jobs/node.lua")
    os.rename(folder .. "/fw.hex", folder .. "/stlua/jobs/fw.hex")
    assert.matches("names no ledger", support.stlua { "provision", "node", cwd = folder }.err)
    assert.matches("did you mean `node`", support.stlua { "provision", "noed", cwd = folder }.err)
  end)

  it("writes the gaps that its stamps count", function()
    local job = line.job { stamps = [[{ { crc = "crc-32", from = 0x08000000, to = 0x0800FFFF, gap = 0xA5, at = "last",
      store = "u32le" } }]] }
    local image <close> = job:image { uid = "00112233445566778899AABB", serial = "SN0001", secrets = {
      app_key = require("stlua.identity").secret(("k"):rep(16)) },
      fields = { serial = "SN0001", dev_eui = "70B3D57ED0050000" } }
    assert.equal("\xA5\xA5", (image:read(0x0800F000, 2)))
  end)

  for _, name in ipairs { "minimal", "rak811_lorawan", "eeprom_identity" } do
    it("is an example: " .. name, function()
      local job = jobs.load(support.source .. "/scripts/jobs/" .. name .. ".lua")
      assert.equal("rak811", job.board.name)
    end)
  end
end)

describe("whatever stands in a job", function()
  teardown(support.clean)

  -- Every table and value below a table, as { holder, name }.
  local function places(value, list)
    for name, item in pairs(value) do
      list[#list + 1] = { holder = value, name = name }
      if type(item) == "table" then places(item, list) end
    end
    return list
  end

  local odd = { 7, -1, 0.5, 1 << 40, "x", "", "\0\xFF", true, {}, { 7 }, { x = {} }, function() error "called" end }

  it("the error is one of ours, with a code and a message", function()
    local file = support.write_file(support.folder() .. "/job.lua", "return package.loaded.job_under_test")
    local tried, taken = 0, 0
    for _, name in ipairs { "rak811_lorawan", "eeprom_identity" } do
      local spec = dofile(support.source .. "/scripts/jobs/" .. name .. ".lua")
      spec.firmware = { { path = support.source .. "/tests/firmware/rtt.hex" } }
      spec.volatile, spec.ledger = { { at = 0x0801E000, byte_count = 4 } }, { path = "x", product = "y" }
      package.loaded.job_under_test = spec
      jobs.load(file)
      for _, place in ipairs(places(spec, {})) do
        local right = place.holder[place.name]
        for _, value in ipairs(odd) do
          place.holder[place.name] = value
          local ok, err = pcall(jobs.load, file)
          tried, taken = tried + 1, taken + (ok and 1 or 0)
          if not ok and (type(err) ~= "table" or not err.code or not err.message or err.code == "internal") then
            error(("%s = %s: %s"):format(place.name, tostring(value), tostring(err)))
          end
        end
        place.holder[place.name] = right
      end
    end
    assert.is_true(tried > 1000 and taken < tried // 2, ("%d tried, %d taken"):format(tried, taken))
  end)
end)

describe("lua/meta/job.lua", function()
  -- The fields of a class: ---@class NAME ... ---@field NAME
  local function declared(class)
    local text = support.read_file(support.source .. "/lua/meta/job.lua")
    local body = assert(text:match("%-%-%-@class " .. class:gsub("%.", "%%.") .. "[^\n]*\n(.-)\n\n"), class)
    local names = {}
    for name in body:gmatch("%-%-%-@field ([%w_]+)") do names[name] = true end
    return names
  end

  local function names_of(map)
    local names = {}
    for name in pairs(map) do names[name] = true end
    return names
  end

  for class, known in pairs { ["stlua.JobSpec"] = fields.job, ["stlua.JobFirmware"] = fields.firmware,
    ["stlua.JobPatch"] = fields.patch, ["stlua.JobOptionBytes"] = fields.option_bytes, ["stlua.JobLabel"] = fields.label,
    ["stlua.JobLedger"] = fields.ledger, ["stlua.JobRange"] = fields.range } do
    it("declares what is checked: " .. class, function() assert.same(names_of(known), declared(class)) end)
  end
end)
