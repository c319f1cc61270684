-- Stamps: ranges, gaps, own fields, padding, places, order; and the proof on a target.
local crc = require "stlua.crc"
local format = require "stlua.format"
local image = require "stlua.image"
local stamp = require "stlua.stamp"
local support = require "support"

local base = 0x08000000

local function firmware(byte_count) return image.new():add(base, support.bytes(byte_count or 64)) end

local function spec(changes, ...)
  local full = { crc = "crc-32", from = base, to = base + 63, at = base + 0x100, store = "u32le" }
  for name, content in pairs(changes or {}) do full[name] = content end
  for _, name in ipairs { ... } do full[name] = nil end
  return full
end

local function refused(code, text, changes, ...)
  return assert.matches(text, tostring(support.raises(code, stamp.apply, firmware(), spec(changes, ...))))
end

describe("a stamp", function()
  it("writes the value of its range where it is told to", function()
    local fw = firmware()
    local result = stamp.apply(fw, spec())
    assert.equal(crc.compute("crc-32", support.bytes(64)), result.value)
    assert.equal(result.value, fw:get(base + 0x100, "u32le"))
    assert.same({ base, base + 63, 64, 0, 0, base + 0x100 },
      { result.from, result.to, result.byte_count, result.gap_bytes, result.pad_bytes, result.at })
    assert.equal("CRC-32/ISO-HDLC", result.model)
    assert.equal(string.pack("<I4", result.value), result.bytes)
  end)

  it("stores in the type it is given, at an offset if there is one", function()
    for store, pattern in pairs { u32be = ">I4", u64le = "<I8", u64be = ">I8" } do
      local result = stamp.apply(firmware(), spec { store = store })
      assert.equal(string.pack(pattern, result.value), result.bytes)
    end
    local result = stamp.apply(firmware(), spec { crc = "crc-64/xz", store = "u64be", offset_bytes = 8 })
    assert.equal(string.pack(">i8", crc.compute("crc-64/xz", support.bytes(64))), result.bytes)
    assert.equal(base + 0x108, result.at)
    result = stamp.apply(firmware(), spec { crc = "crc-82/darc", store = "hex(12)" })
    assert.equal("0x" .. format.hex(result.bytes):sub(4), crc.compute("crc-82/darc", support.bytes(64)))
  end)

  it("can be a sum or a digest", function()
    local fw = firmware()
    assert.equal(crc.compute("sum32", support.bytes(64)), stamp.apply(fw, spec({ sum = "sum32" }, "crc")).value)
    local result = stamp.apply(fw, spec({ digest = "sha256", store = "hex(32)" }, "crc"))
    assert.equal(require("stlua.digest").sha256(support.bytes(64)), format.hex(result.bytes):lower())
  end)

  it("says what its field held before", function()
    local fw = firmware()
    assert.is_nil(stamp.apply(fw, spec()).replaced)
    assert.equal((fw:read(base + 0x100, 4)), stamp.apply(fw, spec()).replaced)
    assert.is_nil(stamp.apply(fw, spec { at = base + 0x102 }).replaced)
  end)

  it("in the last word of its range leaves that word out", function()
    local fw = firmware()
    local result = stamp.apply(fw, spec { at = "last", crc = "stm32" })
    assert.equal(base + 60, result.at)
    assert.equal(60, result.byte_count)
    assert.equal(crc.compute("stm32", support.bytes(64):sub(1, 60)), fw:get(base + 60, "u32le"))
    assert.equal(result.value, stamp.apply(fw, spec { at = "last", crc = "stm32" }).value) -- once more is the same
  end)

  it("inside its range leaves its field out, or takes it as a stated byte", function()
    local bytes = support.bytes(64)
    local function value(own_field) return stamp.apply(firmware(), spec { at = base + 16, own_field = own_field }).value end
    assert.equal(crc.compute("crc-32", bytes:sub(1, 16) .. bytes:sub(21)), value "exclude")
    assert.equal(crc.compute("crc-32", bytes:sub(1, 16) .. "\xFF\xFF\xFF\xFF" .. bytes:sub(21)), value(0xFF))
    assert.equal(crc.compute("crc-32", bytes:sub(1, 16) .. "\0\0\0\0" .. bytes:sub(21)), value(0))
    refused("argument", "lies inside the range", { at = base + 16 })
    -- half inside: only what is inside counts
    assert.equal(crc.compute("crc-32", bytes:sub(1, 62)),
      stamp.apply(firmware(), spec { at = base + 62, own_field = "exclude" }).value)
  end)

  it("needs a word about gaps, and says which", function()
    local fw = firmware():cut(base + 8, 4):cut(base + 32, 8)
    local err = support.raises("argument", stamp.apply, fw, spec())
    assert.matches("0x08000008 %.%. 0x0800000B %(4 bytes%), 0x08000020 %.%. 0x08000027 %(8 bytes%)", err.message)
    assert.matches("`gap` %(%-%-gap%)", err.hint)
    assert.is_nil(next(fw:runs(base + 0x100, 4)), "nothing was written")
    local result = stamp.apply(fw, spec { gap = 0xA5 })
    assert.equal(12, result.gap_bytes)
    assert.equal(crc.compute("crc-32", (fw:read(base, 64, 0xA5))), result.value)
    assert.equal(2, #fw:gaps(base, 64), "gaps stay gaps")
    stamp.apply(fw, spec { gap = 0xA5, fill = true })
    assert.same({}, fw:gaps(base, 64))
    assert.equal(result.value, fw:get(base + 0x100, "u32le"))
    assert.equal("\xA5\xA5\xA5\xA5", (fw:read(base + 8, 4)))
  end)

  it("does not call its own field a gap", function()
    assert.equal(0, stamp.apply(firmware():cut(base + 60, 4), spec { at = "last" }).gap_bytes)
    assert.equal(0, stamp.apply(firmware():cut(base + 60, 4), spec { at = base + 60, own_field = 0 }).gap_bytes)
  end)

  it("needs a word about half a word", function()
    refused("argument", "62 bytes are no whole number of them", { crc = "stm32", to = base + 61 })
    refused("argument", "no whole number", { sum = "sum32-words", to = base + 61 }, "crc")
    local result = stamp.apply(firmware(), spec { crc = "stm32", to = base + 61, pad = 0xFF })
    assert.equal(crc.compute("stm32", support.bytes(64):sub(1, 62) .. "\xFF\xFF"), result.value)
    assert.equal(2, result.pad_bytes)
    refused("argument", "does not keep to them", { crc = "stm32", from = base + 2 })
    refused("argument", "does not keep to them", { crc = "stm32", at = base + 17, own_field = "exclude" })
    stamp.apply(firmware(), spec { crc = "stm32", at = base + 17, own_field = 0xFF }) -- no word is shifted
  end)

  -- users.md D-II: magic, length, and CRC-16/XMODEM in 32 bits, behind them what is covered
  it("makes the configuration table of RAK's firmware", function()
    local at, fw = 0x0801E200, image.new():add(0x0801E200, support.bytes(512))
    fw:put(at, "ascii(4)", "RLTH"):put(at + 4, "u32le", 500)
    local result = stamp.apply(fw, { crc = "xmodem", from = at + 12, byte_count = fw:get(at + 4, "u32le"), at = at,
      offset_bytes = 8, store = "u32le" })
    assert.equal(crc.compute("crc-16/xmodem", support.bytes(512):sub(13)), fw:get(at + 8, "u32le"))
    assert.equal(0, result.value >> 16)
  end)

  it("takes names from the ELF", function()
    local fw = image.load(support.images .. "/small.elf")
    local section = fw:section(".text")
    local result = stamp.apply(fw, spec({ section = ".text", at = base + 0x4000 }, "from", "to"))
    assert.equal(section.load_addr, result.from)
    assert.equal(section.byte_count, result.byte_count)
    assert.same({ result.from, result.to }, { result.spec.from, result.spec.to })
    assert.is_nil(result.spec.section)
    support.raises("argument", stamp.apply, fw, spec({ section = ".txet" }, "from", "to"))
    support.raises("argument", stamp.apply, fw, spec { at = "no_such_symbol" })
  end)
end)

-- Computed byte by byte, as the rules are worded.
local function by_the_rules(fw, range, own)
  local list = {}
  for addr = range.from, range.to do
    local is_own = addr >= range.at and addr < range.at + 4
    if not (is_own and own == "exclude") then
      list[#list + 1] = is_own and string.char(own) or fw:read(addr, 1, range.gap)
    end
  end
  while #list % 4 ~= 0 do list[#list + 1] = string.char(range.pad) end
  return table.concat(list)
end

describe("any stamp", function()
  it("covers what its words say", function()
    local seed = os.time()
    math.randomseed(seed)
    for round = 1, 300 do
      local fw = image.new()
      for _ = 1, math.random(4) do fw:write(base + math.random(0, 99), support.bytes(math.random(30), round)) end
      local from = base + 4 * math.random(0, 12)
      local range = { from = from, to = from + math.random(8, 60), at = base + 4 * math.random(0, 30), store = "u32le",
        gap = math.random(0, 255), pad = math.random(0, 255), own_field = math.random(2) == 1 and "exclude" or 0x77,
        crc = "stm32" }
      local bytes = by_the_rules(fw, range, range.own_field)
      local ok, result = pcall(stamp.apply, fw, range)
      if not ok then error(("seed %d, round %d: %s"):format(seed, round, result)) end
      assert.equal(crc.compute("stm32", bytes), result.value, ("seed %d, round %d"):format(seed, round))
      assert.equal(result.value, fw:get(range.at, "u32le"))
    end
  end)
end)

describe("a stamp that is wrong", function()
  it("says what is wrong with it", function()
    refused("argument", "did you mean `store`", { stor = "u32le" })
    refused("argument", "needs one of `crc`", nil, "crc")
    refused("argument", "`crc` and `sum`", { sum = "sum32" })
    refused("argument", "did you mean `CRC%-24`", { crc = "CRC-23" })
    refused("argument", "is a CRC, not a sum", { sum = "crc-32" }, "crc")
    refused("argument", "is a sum, not a CRC", { crc = "sum32" })
    refused("argument", "needs its range", nil, "from", "to")
    refused("argument", "`from` and `section`", { section = ".text" })
    refused("argument", "`to` or `byte_count`", nil, "to")
    refused("argument", "`to` or `byte_count`", { byte_count = 4 })
    refused("range", "is no range", { to = base - 1 })
    refused("range", "more than a stamp covers", { to = 0xFFFFFFFF, gap = 0 })
    refused("argument", "needs `at`", nil, "at")
    refused("argument", "needs `store`", nil, "store")
    refused("range", "32 bits, `u16le` has room for 16", { store = "u16le" })
    refused("argument", "not as `i32le`", { store = "i32le" })
    refused("argument", "`gap` is one byte", { gap = 256 })
    refused("argument", "`own_field` is", { own_field = "skip" })
    refused("argument", '"sha256"', { digest = "md5" }, "crc")
    refused("argument", "`fill` writes what `gap` says", { fill = true })
    refused("argument", "`to` must be integer", { to = "end" })
    refused("argument", "did you mean `iar`", { idiom = "iaar" })
    refused("range", "no room for its own field", { at = "last", to = base + 1 })
    refused("range", "outside of 32%-bit addresses", { at = 0xFFFFFFFE })
    refused("argument", "stamp `app`: the field", { name = "app", at = base + 8 })
  end)
end)

describe("several stamps", function()
  local header = { name = "header", crc = "modbus", from = base, byte_count = 16, at = base + 16, store = "u16le" }
  local app = { name = "app", crc = "crc-32", from = base + 32, byte_count = 32, at = base + 8, store = "u32le" }

  it("are applied in their order", function()
    local fw = firmware()
    local results = stamp.apply_all(fw, { app, header })
    assert.equal(2, #results)
    assert.equal(crc.compute("modbus", (fw:read(base, 16))), fw:get(base + 16, "u16le"))
    assert.equal(crc.compute("crc-32", (fw:read(base + 32, 32))), fw:get(base + 8, "u32le"))
  end)

  it("in the wrong order are refused, and nothing is written", function()
    local fw = firmware()
    local err = support.raises("argument", stamp.apply_all, fw, { header, app })
    assert.matches("stamp `app` writes to 0x08000008 %.%. 0x0800000B, which stamp `header` has covered", err.message)
    assert.equal("put stamp `app` before stamp `header`", err.hint)
    assert.same({}, fw:diff(firmware()))
  end)

  it("that cover each other have no order", function()
    local back = { crc = "crc-8", from = base, byte_count = 34, at = base + 40, store = "u8" }
    local err = support.raises("argument", stamp.check_order, { back, app })
    assert.matches("each covers the other's field", err.hint)
    support.raises("argument", stamp.check_order, { app, app })
  end)

  it("all fail when the last one does", function()
    local fw = firmware()
    local broken = { crc = "crc-32", from = base + 32, byte_count = 64, at = base + 0x100, store = "u32le" }
    support.raises("argument", stamp.apply_all, fw, { app, broken })
    assert.same({}, fw:diff(firmware()))
  end)

  it("come after the patches", function()
    local serial = { name = "serial", addr = base + 40, byte_count = 8 }
    assert.matches("patch `serial` writes to", support.raises("argument", stamp.check_order, { app }, { serial }).message)
    stamp.check_order({ app }, { { addr = base + 64, byte_count = 8 } })
    support.raises("argument", stamp.check_order, { app }, { { addr = base + 8, byte_count = 1 } }) -- over the value
    support.raises("argument", stamp.check_order, { app }, { { addr = base, bytes = 1 } })
    local results = stamp.apply_all(firmware(), { app })
    support.raises("argument", stamp.check_order, results, { serial }) -- results stand for their stamps
    assert.matches("only an image resolves", support.raises("argument", stamp.check_order, { spec { at = "x" } }).message)
  end)
end)
