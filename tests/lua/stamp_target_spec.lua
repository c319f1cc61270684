-- A stamp proved on the target: right, damaged, with gaps that the chip fills its own way.
local image = require "stlua.image"
local sim = require "stlua.sim"
local stamp = require "stlua.stamp"
local support = require "support"

local base = 0x08000000

local function firmware() return image.new():add(base, support.bytes(600)):add(base + 800, support.bytes(200)) end

local function spec(changes)
  local full = { crc = "stm32", from = base, to = base + 1023, gap = 0x00, at = "last", store = "u32le" }
  for name, content in pairs(changes or {}) do full[name] = content end
  return full
end

describe("a stamp on the target", function()
  it("is proved by the target's bytes, gaps and all", function()
    local session <close> = sim.session { board = "rak5205" }
    local fw = firmware()
    local result = stamp.apply(fw, spec())
    session:flash(fw)
    local proved = stamp.prove(session, result)
    assert.equal(result.value, proved.value)
    assert.equal(0, proved.gap_bytes)
    assert.equal(1, #stamp.prove(session, { result }))
  end)

  it("with gaps taken as 0xFF is not what an STM32L1 erases to, unless they are written", function()
    local session <close> = sim.session { board = "rak5205" }
    local fw = firmware()
    local result = stamp.apply(fw, spec { gap = 0xFF })
    session:flash(fw)
    local err = support.raises("verify", stamp.prove, session, result)
    assert.matches("gaps were taken as 0xFF", err.hint)
    assert.equal(result.at, err.addr)
    result = stamp.apply(fw, spec { gap = 0xFF, fill = true })
    session:flash(fw)
    stamp.prove(session, result)
  end)

  it("fails when a covered byte, the field or the whole image is another", function()
    local session <close> = sim.session { board = "rak5205" }
    local fw = firmware()
    local result = stamp.apply(fw, spec { fill = true })
    local function fails(change, hint)
      local other = fw:copy()
      change(other)
      session:flash(other)
      assert.matches(hint, support.raises("verify", stamp.prove, session, result).hint)
    end
    fails(function(other) other:put(base + 8, "u8", 0) end, "was changed on the board")
    fails(function(other) other:put(result.at, "u32le", 0) end, "the field itself")
    fails(function(other)
      other:put(base + 8, "u8", 0)
      stamp.apply(other, spec())
    end, "another image is on the board")
    session:flash(fw)
    stamp.prove(session, result)
  end)

  -- RM0038 rev 17: RCC_AHBENR 6.3.8, CRC_DR and CRC_CR 4.4
  it("has the value that the chip's own CRC unit gives", function()
    local session <close> = sim.session { board = "rak5205" }
    local fw = image.new():add(base, support.bytes(128))
    local result = stamp.apply(fw, { crc = "stm32", from = base, byte_count = 128, at = base + 128, store = "u32le" })
    session:flash(fw)
    local dap = session.dap
    dap:write32(0x4002381C, dap:read32(0x4002381C) | 1 << 12)
    dap:write32(0x40023008, 1)
    for offset = 0, 124, 4 do dap:write32(0x40023000, dap:read32(base + offset)) end
    assert.equal(result.value, dap:read32(0x40023000))
  end)

  it("proves a value in data EEPROM as well", function()
    local session <close> = sim.session { board = "rak5205" }
    local fw = image.new():add(base, support.bytes(64))
    local result = stamp.apply(fw, { crc = "crc-16/xmodem", from = base, byte_count = 64, at = 0x08080000, store = "u32be" })
    session:flash(fw)
    stamp.prove(session, result)
  end)

  it("cannot be proved when flash is closed, and says so", function()
    local session <close> = sim.session { board = "rak5205" }
    local fw = firmware()
    local result = stamp.apply(fw, spec())
    session:flash(fw)
    session:set_option_bytes { rdp_level = 1 }
    support.raises("read_protected", stamp.prove, session, result)
  end)
end)
