-- `stlua eeprom`, as a person types it.
local support = require "support"

--- The command must fail with this code; returns what it wrote to standard error.
local function fails(code, words)
  local result = support.stlua(words)
  assert.not_equal(0, result.status)
  assert.matches("stlua eeprom: error %[" .. code .. "%]: ", result.err)
  return result.err
end

describe("eeprom", function()
  teardown(support.clean)

  it("writes what it is told, leaves the rest, and reads it back", function()
    local probe = support.board "rak5205"
    assert.matches("eeprom: 4 bytes at 0x08080010 written and verified, 1 word changed\n$",
      support.good { "eeprom", "write", "0x10", "1234", "--type", "u32le", probe = probe }.out)
    assert.matches("0x08080021 written and verified, 2 words changed",
      support.good { "eeprom", "write", "0x08080021", "DEADBEEF", probe = probe }.out)
    assert.matches("u32le at 0x08080010 is 1234\n$",
      support.good { "eeprom", "read", "0x10", "--type", "u32le", probe = probe }.out)
    assert.matches("08080010  D2 04 00 00 .*08080020  00 DE AD BE EF 00",
      support.good { "eeprom", "read", probe = probe }.out)
  end)

  it("writes no word that is right already, and none with --dry-run", function()
    local probe = support.board "rak5205"
    support.good { "eeprom", "write", "0", "01020304", probe = probe }
    assert.matches("0 words changed", support.good { "eeprom", "write", "0", "01020304", probe = probe }.out)
    assert.matches("dry run, nothing written", support.good { "--dry-run", "eeprom", "write", "0", "FF", probe = probe }.out)
    assert.matches("01 02 03 04", support.good { "eeprom", "read", "0", "4", probe = probe }.out)
  end)

  it("reaches into the second bank, and not beyond it", function()
    local probe = support.board "nucleo-l152re"
    support.good { "eeprom", "write", "0x3FFC", "01020304", probe = probe }
    assert.matches("08083FFC  01 02 03 04", support.good { "eeprom", "read", "0x3FFC", probe = probe }.out)
    local err = fails("range", { "eeprom", "write", "0x3FFD", "01020304", probe = probe })
    assert.matches("not within data EEPROM: 0x08083FFD .. 0x08084000", err)
  end)

  it("says what is wrong with a value", function()
    local probe = support.board "rak5205"
    assert.matches("not pairs of hex digits", fails("format", { "eeprom", "write", "0", "DEA", probe = probe }))
    assert.matches("300 does not fit 8 bits",
      fails("range", { "eeprom", "write", "0", "300", "--type", "u8", probe = probe }))
    assert.matches("write takes AT and VALUE", fails("usage", { "eeprom", "write", "0", probe = probe }))
  end)
end)
