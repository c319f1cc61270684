--- tests/cli/full_disk_spec.lua: no room where something is written. The command says so, says nothing of
--- success, and leaves neither halves nor leftovers; the next one with room is as if nothing had been.
local support = require "support"

local quote = support.quote
local stlua = quote(support.bin .. "/stlua")
local blink = support.source .. "/tests/firmware/blink.hex"
local folder

local function in_folder(command) return support.shell("sh -c " .. quote(command), { cwd = folder }) end

local function names() return in_folder("ls").out end

describe("without room", function()
  before_each(function() folder = support.folder() end)
  after_each(support.clean)

  for _, words in ipairs { "targets", "info --json", "read 0x08000000 64", "--help", "flash " .. quote(blink) } do
    it("on standard output, `" .. words:match "^%S+" .. "` is an error", function()
      local result = in_folder(stlua .. " --probe sim:rak5205 " .. words .. " >/dev/full")
      assert.equal(12, result.status, result.err)
      assert.matches("error %[file%]: standard output", result.err)
    end)
  end

  it("a reader that has gone is none", function()
    assert.matches("^0\n", in_folder(("{ %s --help; echo $? >status; } | true; cat status"):format(stlua)).out)
  end)

  -- ulimit -f counts blocks of 512 or 1024 bytes, by shell; the file needs some 23 KiB
  it("a file that is read out is not there, or as it was before", function()
    local command = "ulimit -f %d; " .. stlua .. " --probe sim:rak5205 read 0x08000000 8192 -o out.hex"
    for limit = 0, 8 do
      local result = in_folder(command:format(limit))
      assert.equal(12, result.status, result.err)
      assert.equal("", names())
    end
    assert.equal(0, in_folder(command:format(100)).status)
    local whole = support.read_file(folder .. "/out.hex")
    assert.equal(12, in_folder(command:format(2)).status)
    assert.equal(whole, support.read_file(folder .. "/out.hex"))
    assert.equal("out.hex\n", names())
  end)

  it("a simulated board says that it is not kept, and what it was stays", function()
    local command = stlua .. " --probe 'sim:rak5205?state=b.sim' "
    assert.equal(0, in_folder(command .. "info").status)
    local before = support.read_file(folder .. "/b.sim")
    local result = in_folder("ulimit -f 8; " .. command .. "flash " .. quote(blink))
    assert.matches("stlua%-sim: cannot write the state file b.sim: File too large", result.err)
    assert.equal(before, support.read_file(folder .. "/b.sim"))
    assert.equal("b.sim\n", names())
  end)

  it("the ledger issues nothing that it does not hold", function()
    support.write_file(folder .. "/one.lua", [[
      return { args = { { "uid" } }, run = function(_, args)
        local ledger = require("stlua.ledger").open("l.db", { create = true })
        ledger:product("p", { serial = { "P", { counter = 6 } } })
        local unit = ledger:reserve { uid = args.uid, product = "p" }
        unit:commit()
        return "serial " .. unit.serial
      end }]])
    local function one(limit, uid) return in_folder(("ulimit -f %s; %s one.lua %s"):format(limit, stlua, uid)) end
    local first = one("unlimited", "333138353635000000000001")
    assert.equal(0, first.status, first.err)
    local refused, serials = 0, { [first.out:match "serial (%w+)"] = true }
    for n = 2, 60 do
      local result = one(n < 50 and n - 2 or "unlimited", ("3331383536350000%08X"):format(n))
      local serial = result.out:match "serial (%w+)"
      assert.equal(result.status == 0, serial ~= nil)
      assert.is_true(result.status < 70, result.err) -- neither a defect nor a signal
      if serial then assert.is_nil(serials[serial], "issued twice") serials[serial] = true else refused = refused + 1 end
    end
    assert.is_true(refused > 3)
    assert.matches("ok", in_folder("sqlite3 l.db 'pragma integrity_check'").out)
  end)
end)
