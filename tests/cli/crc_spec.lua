-- `stlua crc`: values, lists, stamps into files, and what is wrong with a command line.
local support = require "support"

local folder, nine, firmware

local function setup_files()
  folder = support.folder()
  nine = support.write_file(folder .. "/nine.bin", "123456789")
  firmware = folder .. "/fw.hex"
  require("stlua.image").new():add(0x08000000, support.bytes(600)):add(0x08000400, support.bytes(100, 2)):save(firmware)
end

local function fails(status, code, words, ...)
  local result = support.stlua(words)
  assert.equal(status, result.status, result.out .. result.err)
  assert.matches("stlua crc: error %[" .. code .. "%]: [^\n]+\n", result.err)
  for _, text in ipairs { ... } do assert.matches(text, result.err) end
  assert.equal("", result.out)
end

describe("crc", function()
  setup(setup_files)
  teardown(support.clean)

  it("gives CRC-32 by default, or whatever is named", function()
    assert.equal("crc: CRC-32/ISO-HDLC 0xCBF43926\n", support.good { "crc", nine, "--raw", "--quiet" }.out)
    local result = support.good { "crc", nine, "--raw", "--model", "modbus", "--model", "adler32", "--model", "sha256" }
    assert.matches("CRC%-16/MODBUS  0x4B37  0x00000000 .. 0x00000008  9 bytes\n", result.out)
    assert.matches("\ncrc: CRC%-16/MODBUS 0x4B37, adler32 0x091E01DE, SHA%-256 15e2b0d3[%x]+\n$", result.out)
  end)

  it("takes the parameters of a CRC", function()
    local line = "width=16 poly=0x1021 init=0xffff refin=false refout=false xorout=0x0000"
    assert.matches("\ncrc: the CRC given by its parameters 0x29B1\n$", support.good { "crc", nine, "--raw", "--model", line }.out)
  end)

  it("is what cksum says of the same bytes", function()
    local sum, count = support.shell("cksum " .. nine).out:match("^(%d+) (%d+)")
    local with_length = support.write_file(folder .. "/cksum.bin", support.read_file(nine) .. string.char(math.tointeger(count)))
    local report = support.json { "crc", with_length, "--raw", "--model", "cksum" }
    assert.equal(("0x%08X"):format(math.tointeger(sum)), report.report.results[1].value)
  end)

  it("reports numbers with --json", function()
    local report = support.json { "crc", firmware, "--gap", "0xFF", "--model", "stm32" }
    local result = report.report.results[1]
    assert.same({ "CRC-32/STM32", 0x08000000, 0x08000463, 1124, 424, 0 },
      { result.model, result.from, result.to, result.byte_count, result.gap_bytes, result.pad_bytes })
  end)

  it("lists every model", function()
    local result = support.good { "crc", "--list" }
    assert.matches("\nCRC%-16/XMODEM +16 bits +poly 1021 +init 0000 +xorout 0000 +check 31C3 +CRC%-16/ACORN", result.out)
    assert.matches("crc: 114 CRCs, 13 sums, and sha256\n$", result.out)
    local report = support.json { "crc", "--list" }
    assert.equal(127, #report.report.models)
  end)

  it("stamps an image", function()
    local out = folder .. "/out.s19"
    local words = { "crc", firmware, "--model", "stm32", "--to", "0x08000FFF", "--gap", "0", "--at", "last", "--store", "u32le", "-o", out }
    local result = support.good(words)
    assert.matches("4 bytes at 0x08000FFC: %x+\ncrc: CRC%-32/STM32 0x%x+ at 0x08000FFC stamped, in ", result.out)
    local stamped = require("stlua.image").load(out)
    local value = result.out:match("crc: CRC%-32/STM32 0x(%x+)")
    assert.equal(tonumber(value, 16), stamped:get(0x08000FFC, "u32le"))
    assert.equal(600 + 100 + 4, stamped:byte_count()) -- gaps stay gaps
    -- what was stamped checks itself: the word behind the range makes the unit's value 0
    assert.equal("crc: CRC-32/STM32 0x00000000\n",
      support.good { "crc", out, "--model", "stm32", "--gap", "0", "--quiet" }.out)
  end)

  it("is proved on the target, or not", function()
    local probe, out = support.board "rak5205", folder .. "/stamped.hex"
    local stamped = { "--idiom", "srec_cat -STM32", "--from", "0x08000000", "--to", "0x08000FFB", "--gap", "0", "--at", "0x08000FFC" }
    support.good { "crc", firmware, "-o", out, table.unpack(stamped) }
    support.good { "flash", out, "--no-run", probe = probe }
    assert.matches("\ncrc: CRC%-32/STM32 0x%x+ at 0x08000FFC is right on the target\n$",
      support.good { "crc", out, "--prove", probe = probe, table.unpack(stamped) }.out)
    support.good { "flash", support.write_file(folder .. "/one.bin", "?"), "--base", "0x08000010", "--no-run", probe = probe }
    local result = support.stlua { "crc", out, "--prove", probe = probe, table.unpack(stamped) }
    assert.equal(45, result.status)
    assert.matches("error %[verify%]: prove the stamp: CRC%-32/STM32 over 0x08000000 %.%. 0x08000FFB on the target is", result.err)
    assert.is_nil(result.out:find("is right", 1, true))
  end)

  it("fills gaps only when told to, and writes binaries only when their gaps are stated", function()
    local out = folder .. "/out.bin"
    support.good { "crc", firmware, "--gap", "0xA5", "--fill", "--idiom", "srec_cat -CRC32_Big_Endian", "--at", "0x08000464",
      "-o", out }
    assert.equal(1124 + 4, #support.read_file(out))
    assert.equal(("\xA5"):rep(424), support.read_file(out):sub(601, 1024))
    local small = folder .. "/small.bin"
    fails(10, "argument", { "crc", firmware, "--to", "0x080000FF", "--at", "0x08000258", "--store", "u32le", "-o", small },
      "a binary has no gaps, the image has: 0x0800025C .. 0x080003FF")
    assert.is_nil(io.open(small))
  end)

  it("writes nothing with --dry-run", function()
    local out = folder .. "/dry.hex"
    assert.matches("crc: dry run, nothing written\n$", support.good { "crc", firmware, "--gap", "0", "--at", "0x08000464",
      "--store", "u32le", "-o", out, "--dry-run" }.out)
    assert.is_nil(io.open(out))
  end)

  it("warns when the field held something", function()
    local result = support.good { "crc", firmware, "--to", "0x080000FF", "--at", "last", "--store", "u32le", "-o", folder .. "/w.hex" }
    assert.matches("warning: 4 bytes at 0x080000FC held %x+: is that the field%?", result.err)
  end)

  it("says what is wrong", function()
    fails(64, "usage", { "crc" }, "which file")
    fails(12, "file", { "crc", folder .. "/none.hex" }, "none.hex")
    fails(12, "file", { "crc", folder .. "/none.hex", "--raw" }, "none.hex")
    fails(10, "argument", { "crc", nine }, "%-%-base")
    fails(10, "argument", { "crc", nine, "--raw", "--model", "modbsu" }, "did you mean `MODBUS`")
    fails(10, "argument", { "crc", firmware }, "gaps: 0x08000258 .. 0x080003FF", "`gap` %(%-%-gap%)")
    fails(10, "argument", { "crc", firmware, "--gap", "256" }, "one byte")
    fails(10, "argument", { "crc", nine, "--raw", "--model", "stm32" }, "9 bytes are no whole number")
    fails(10, "argument", { "crc", firmware, "--from", "main", "--to", "0x08000010" }, "main")
    fails(64, "usage", { "crc", firmware, "--at", "last", "--store", "u32le" }, "`%-o FILE`")
    fails(64, "usage", { "crc", firmware, "--at", "last", "--store", "u32le", "-o", "x.hex" }, "where the range ends")
    fails(10, "argument", { "crc", firmware, "--gap", "0", "-o", folder .. "/x.hex" }, "needs `at`")
    fails(64, "usage", { "crc", firmware, "--gap", "0", "--own-field", "skip" }, "`exclude` or a byte")
    fails(64, "usage", { "crc", firmware, nine, "--raw" }, "one file")
    fails(14, "overlap", { "crc", firmware, firmware }, "fw.hex: both images hold 0x08000000")
    fails(15, "range", { "crc", firmware, "--gap", "0", "--at", "0x08000464", "--store", "u16le", "-o", folder .. "/x.hex" },
      "room for 16")
  end)
end)
