-- Images in Lua: typed fields, merge, fill, move, difference, SHA-256.
local image = require "stlua.image"
local support = require "support"

local base = 0x08000000

local function two_runs() return image.new():add(base, "abcdefgh"):add(base + 16, "ijkl") end

local function bytes_of(fw)
  local list = {}
  for _, segment in ipairs(fw:segments()) do
    list[#list + 1] = ("%X %s"):format(segment.addr - base, (fw:read(segment.addr, segment.byte_count)))
  end
  return table.concat(list, ", ")
end

-- Whatever fails leaves the image as it was.
local function refused(code, text, fw, method, ...)
  local before = bytes_of(fw)
  local err = support.raises(code, fw[method], fw, ...)
  assert.matches(text, tostring(err))
  assert.equal(before, bytes_of(fw))
  return err
end

describe("a field", function()
  it("is written and read by its type", function()
    local fw = two_runs():put(base, "u16be", 0x4142):put(base + 8, "u32le", 0x44434241)
    assert.equal("0 ABcdefghABCD, 10 ijkl", bytes_of(fw))
    assert.equal(0x4241, fw:get(base, "u16le"))
    assert.equal("ABcd", fw:get(base, "ascii(4)"))
    fw:put(base + 16, "eui64-reversed", "70B3D57ED0050001")
    assert.equal("010005D07ED5B370", fw:get(base + 16, "hex(8)"))
    assert.equal("70B3D57ED0050001", fw:get(base + 16, { type = "eui64", order = "le" }))
    assert.same({ addr = base + 16, byte_count = 8 }, fw:field(base + 16, "eui64"))
  end)

  it("is never half in a gap when it is read", function()
    refused("range", "does not hold 2 of the 4 bytes at 0x08000006", two_runs(), "get", base + 6, "u32le")
    refused("range", "does not hold any of the 1 byte", two_runs(), "get", base + 8, "u8")
  end)

  it("that does not fit is refused, and nothing is written", function()
    refused("range", "field at 0x08000000: 256 does not fit 8 bits", two_runs(), "put", base, "u8", 256)
    refused("range", "exactly 8", two_runs(), "put", base, "ascii(8)", "short")
    refused("range", "passes 0xFFFFFFFF", two_runs(), "put", 0xFFFFFFFE, "u32le", 0)
    refused("range", "not one of 32 bits", two_runs(), "put", -1, "u32le", 0)
    refused("argument", "did you mean `u32le`", two_runs(), "put", base, "u32l", 0)
    refused("argument", "an address or a symbol", two_runs(), "put", 1.5, "u32le", 0)
  end)

  it("can be named by a symbol, which has to be large enough and in the file", function()
    local fw = image.load(support.images .. "/small.elf")
    local loaded, unloaded
    for _, symbol in ipairs(fw:symbols()) do
      if symbol.is_loaded and symbol.byte_count == 4 and not symbol.is_function then loaded = symbol end
      if not symbol.is_loaded and symbol.byte_count > 0 then unloaded = symbol end
    end
    fw:put(loaded.name, "u32le", 0x12345678)
    assert.equal(0x12345678, fw:get(loaded.load_addr, "u32le"))
    assert.matches("has 4 bytes, the field needs 8", support.raises("range", fw.put, fw, loaded.name, "u64le", 1).message)
    assert.matches("no bytes for the symbol", support.raises("argument", fw.get, fw, unloaded.name, "u8").message)
    support.raises("argument", fw.get, fw, "no_such_symbol", "u8")
  end)
end)

describe("two images", function()
  local function other() return image.new():add(base + 6, "gh12"):add(base + 32, "z") end

  it("are merged when they do not touch each other's bytes", function()
    local fw = two_runs():merge(image.new():add(base + 8, "12345678"))
    assert.equal("0 abcdefgh12345678ijkl", bytes_of(fw))
    refused("overlap", "both images hold 0x08000006", two_runs(), "merge", other())
  end)

  it("may overlap where they are equal, when that is said", function()
    assert.equal("0 abcdefgh12, 10 ijkl, 20 z", bytes_of(two_runs():merge(other(), { overlap = "same" })))
    refused("overlap", "0x08000007, with different values", two_runs(), "merge", image.new():add(base + 6, "gX"), { overlap = "same" })
  end)

  it("are laid over each other when that is said", function()
    assert.equal("0 abXXefgh, 10 ijkl", bytes_of(two_runs():merge(image.new():add(base + 2, "XX"), { overlap = "replace" })))
    refused("argument", "did you mean `replace`", two_runs(), "merge", other(), { overlap = "replac" })
    refused("argument", "did you mean `overlap`", two_runs(), "merge", other(), { overlaps = "same" })
  end)

  it("differ by address", function()
    assert.same({}, two_runs():diff(two_runs()))
    local changed = two_runs():write(base + 1, "XX"):write(base + 4, "X"):cut(base + 18, 2):add(base + 8, "12")
    assert.same({
      { addr = base + 1, byte_count = 2, kind = "changed" }, { addr = base + 4, byte_count = 1, kind = "changed" },
      { addr = base + 8, byte_count = 2, kind = "added" }, { addr = base + 18, byte_count = 2, kind = "removed" },
    }, two_runs():diff(changed))
  end)

  it("differ over any piece they are compared in", function()
    local long = support.bytes(200000)
    local one, two = image.new():add(base, long), image.new():add(base, long)
    two:write(base + 65535, long:sub(65536, 65537):reverse())
    assert.same({ { addr = base + 65535, byte_count = 2, kind = "changed" } }, one:diff(two))
  end)
end)

describe("images of thousands of segments", function()
  it("are merged, compared and filled like any other", function()
    local odd, even = image.new(), image.new()
    for i = 0, 3998, 2 do
      even:add(base + 2 * i, "e")
      odd:add(base + 2 * i + 2, "o")
    end
    assert.equal(4000, #odd:diff(even))
    local both = even:copy():merge(odd)
    assert.equal(4000, #both:segments())
    local list = even:diff(both)
    assert.same({ 2000, "added", base + 2 }, { #list, list[1].kind, list[1].addr })
    assert.equal(3999, #both:gaps(both:span()))
    assert.equal(1, #both:fill(base, 8000, 0):segments())
  end)
end)

describe("a range", function()
  it("has runs and gaps", function()
    assert.same({ { addr = base + 4, byte_count = 4 }, { addr = base + 16, byte_count = 1 } }, two_runs():runs(base + 4, 13))
    assert.same({ { addr = base + 8, byte_count = 8 }, { addr = base + 20, byte_count = 4 } }, two_runs():gaps(base, 24))
    assert.same({}, two_runs():gaps(base, 8))
    assert.same({ base, 20 }, { two_runs():span() })
    support.raises("range", two_runs().gaps, two_runs(), 0xFFFFFFFF, 2)
    support.raises("argument", image.new().span, image.new())
  end)

  it("is filled in its gaps, or altogether", function()
    assert.equal("0 abcdefgh........ijkl", bytes_of(two_runs():fill(base, 20, 0x2E)))
    assert.equal("0 abcd............ijkl", bytes_of(two_runs():fill(base + 4, 12, 0x2E, { replace = true })))
    refused("argument", "one byte", two_runs(), "fill", base, 4, 256)
    refused("argument", "did you mean `replace`", two_runs(), "fill", base, 4, 0, { replaces = true })
    refused("range", "not a range", two_runs(), "fill", 0xFFFFFFFF, 2, 0)
  end)

  it("is moved with its gaps, onto itself as well", function()
    assert.equal("0 abcdefgh, 20 ijkl", bytes_of(two_runs():move(base + 12, 8, base + 28)))
    assert.equal("2 abcdefgh, 12 ijkl", bytes_of(two_runs():move(base, 20, base + 2)))
    assert.equal("104 efgh, 110 ijkl", bytes_of(two_runs():crop(base + 4, 16):move(base, 32, base + 0x100)))
    refused("overlap", "0x08000010 is taken", two_runs(), "move", base, 8, base + 12)
    refused("argument", "nothing to move", two_runs(), "move", base + 64, 8, base)
    refused("range", "not a range", two_runs(), "move", base, 8, 0xFFFFFFFC)
  end)
end)

describe("the SHA-256 of an image", function()
  it("is that of the binary file", function()
    local path = support.folder() .. "/fw.bin"
    two_runs():save(path, { fill = 0xFF })
    assert.equal(support.shell("sha256sum " .. path).out:match("^%x+"), two_runs():sha256 { gap = 0xFF })
    assert.not_equal(two_runs():sha256 { gap = 0 }, two_runs():sha256 { gap = 0xFF })
    support.clean()
  end)

  it("needs a word about gaps", function()
    local fw = two_runs()
    assert.matches("0x08000008 %.%. 0x0800000F", support.raises("argument", fw.sha256, fw).message)
    fw:add(base + 0x10000000, "x")
    support.raises("range", fw.sha256, fw, { gap = 0 })
    support.raises("argument", image.new().sha256, image.new())
    assert.equal(64, #fw:crop(base, 8):sha256())
  end)
end)
