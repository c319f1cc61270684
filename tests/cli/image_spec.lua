-- `stlua image`: what a file holds, how two differ, and edits into another file.
local image = require "stlua.image"
local support = require "support"

local base, folder, firmware, small = 0x08000000, nil, nil, nil

local function setup_files()
  folder = support.folder()
  firmware, small = folder .. "/fw.hex", support.images .. "/small.elf"
  image.new():add(base, support.bytes(600)):add(base + 0x400, support.bytes(100, 2)):save(firmware)
end

-- Edit, and load what was written.
local function edited(...)
  local words = { "image", ... }
  words[#words + 1], words[#words + 2] = "-o", folder .. "/out.hex"
  support.good(words)
  return image.load(folder .. "/out.hex")
end

local function fails(status, code, words, ...)
  local result = support.stlua { "image", table.unpack(words) }
  assert.equal(status, result.status, result.out .. result.err)
  assert.matches("stlua image: error %[" .. code .. "%]: [^\n]+\n", result.err)
  for _, text in ipairs { ... } do assert.matches(text, result.err) end
  assert.is_nil(result.out:find("\nimage: ", 1, true))
end

describe("image", function()
  setup(setup_files)
  teardown(support.clean)

  it("info shows segments, sections and symbols", function()
    local out = support.good { "image", "info", small, "--symbols" }.out
    assert.matches("  0x08000000 %.%. 0x08000037  56 bytes\n", out)
    assert.matches("  %.data +0x08000034 +4 bytes\n", out)
    assert.matches("  zero +0x20000004 +16 bytes +no bytes in the file\n", out)
    assert.matches("\nimage: 56 bytes in 1 segment\n$", out)
    local report = support.json({ "image", "info", firmware }).report
    assert.same({ { addr = base, byte_count = 600 }, { addr = base + 0x400, byte_count = 100 } }, report.segments)
  end)

  it("diff is silent about equal ones and fails with the first difference", function()
    assert.matches("hold the same 56 bytes\n$", support.good { "image", "diff", small, support.images .. "/small.s19" }.out)
    local other = folder .. "/other.s19"
    image.load(firmware):put(base + 4, "u16le", 0):save(other)
    fails(45, "verify", { "diff", firmware, other }, "differ in 2 bytes, first at 0x08000004 %(changed%)")
    fails(64, "usage", { "diff", firmware }, "two files")
  end)

  it("convert, crop, fill, move and put write what the library makes", function()
    local fw = image.load(firmware)
    assert.same({}, fw:diff(edited("convert", firmware)))
    assert.same({}, fw:copy():crop(base + 0x10, 0x20):diff(edited("crop", firmware, "--from", "0x08000010", "--to", "0x0800002F")))
    assert.same({}, fw:copy():fill(base, 0x464, 0xA5):diff(edited("fill", firmware, "--gap", "0xA5")))
    assert.same({}, fw:copy():move(base, 0x464, base + 0x4000):diff(edited("move", firmware, "--new-addr", "0x08004000")))
    assert.same({}, fw:copy():put(base + 0x300, "eui64-reversed", "70B3D57ED0050001"):diff(
      edited("put", firmware, "--at", "0x08000300", "--type", "eui64-reversed", "--value", "70-B3-D5-7E-D0-05-00-01")))
    assert.equal(1.5, edited("put", firmware, "--at", "0x08000000", "--type", "f32le", "--value", "1.5"):get(base, "f32le"))
  end)

  it("merge puts files together, and says who wins", function()
    local other = folder .. "/second.hex"
    image.new():add(base + 0x300, "second"):add(base, "xy"):save(other)
    fails(14, "overlap", { "merge", firmware, other, "-o", folder .. "/no.hex" }, "second.hex: both images hold 0x08000000")
    assert.equal("xy", (edited("merge", firmware, other, "--overlap", "replace"):read(base, 2)))
    fails(64, "usage", { "merge", firmware, "-o", folder .. "/no.hex" }, "one file")
  end)

  it("get reads a field at an address or a symbol", function()
    assert.matches("\nimage: 3 %(0x00000003%)\n$", support.good { "image", "get", small, "--at", "counter", "--type", "u32le" }.out)
    assert.equal(3, support.json({ "image", "get", small, "--at", "0x08000034", "--type", "u16le" }).report.value)
  end)

  it("writes a binary only when its gaps are stated", function()
    fails(10, "argument", { "convert", firmware, "-o", folder .. "/fw.bin" }, "a binary has no gaps")
    assert.is_nil(io.open(folder .. "/fw.bin"))
    support.good { "image", "convert", firmware, "-o", folder .. "/fw.bin", "--gap", "0xFF" }
    assert.equal((image.load(firmware):read(base, 0x464, 0xFF)), support.read_file(folder .. "/fw.bin"))
  end)

  it("says what is wrong, and writes nothing", function()
    local no = folder .. "/no.hex"
    fails(64, "usage", { "convert", firmware }, "needs %-%-output")
    fails(64, "usage", { "info", firmware, "-o", no }, "writes no file")
    fails(64, "usage", { "crop", firmware, "-o", no }, "needs %-%-from")
    fails(64, "usage", { "fill", firmware, "-o", no }, "needs %-%-gap")
    fails(64, "usage", { "put", firmware, "-o", no, "--at", "0" }, "needs %-%-type")
    fails(64, "usage", { "explode", firmware }, "must be one of")
    fails(15, "range", { "crop", firmware, "--from", "0x09000000", "--to", "0x09000010", "-o", no }, "nothing is left")
    fails(15, "range", { "crop", firmware, "--from", "0x08000010", "--to", "0x08000000", "-o", no }, "no range")
    fails(15, "range", { "put", firmware, "--at", "0x08000000", "--type", "u8", "--value", "256", "-o", no }, "does not fit")
    fails(13, "format", { "put", firmware, "--at", "0x08000000", "--type", "u8", "--value", "x", "-o", no }, "whole number")
    fails(15, "range", { "get", firmware, "--at", "0x08000256", "--type", "u32le" }, "does not hold 2 of the 4 bytes")
    fails(10, "argument", { "get", firmware, "--at", "main", "--type", "u32le" }, "main")
    fails(10, "argument", { "convert", firmware, "-o", folder .. "/no.xyz" }, "%.hex")
    assert.is_nil(io.open(no))
    assert.matches("dry run", support.good { "image", "convert", firmware, "-o", no, "--dry-run" }.out)
    assert.is_nil(io.open(no))
  end)
end)
