-- Which probe is meant. The bus is made up here; what is on it is not opened.
local select_probe = require "stlua.select"
local stlua = require "stlua"
local support = require "support"

local function found(port, serial, raw)
  local descriptor = raw and "\26\3" .. raw or ""
  return { port = port, product = "ST-LINK/V2", serial_raw = descriptor, serial = serial,
    serial_ascii = serial, vendor_id = 0x0483, product_id = 0x3748 }
end

describe("selecting a probe", function()
  local list_usb, open_usb = stlua.list_usb, stlua.open_usb
  local bus, opened

  before_each(function()
    bus, opened = {}, nil
    stlua.list_usb = function() return bus end
    stlua.open_usb = function(port)
      if not port and #bus ~= 1 then
        error(stlua.error { code = #bus == 0 and "no_probe" or "ambiguous", message = "", hint = "--probe sim:BOARD" }, 0)
      end
      opened = port or bus[1].port
      return opened
    end
  end)
  after_each(function() stlua.list_usb, stlua.open_usb = list_usb, open_usb end)

  it("takes the only one", function()
    bus = { found("usb:1-1", "A1") }
    select_probe.open()
    assert.equal("usb:1-1", opened)
  end)

  it("says so when there is none", function()
    assert.matches("sim:", support.raises("no_probe", select_probe.open).hint)
  end)

  it("never takes the first of several, but lists them", function()
    bus = { found("usb:1-1", "A1"), found("usb:1-2", "B2") }
    local err = support.raises("ambiguous", select_probe.open)
    assert.matches("usb:1%-1.*A1.*usb:1%-2.*B2", err.message)
  end)

  it("knows a serial in upper and lower case", function()
    bus = { found("usb:1-1", "066EFF30"), found("usb:1-2", "B2") }
    select_probe.open "066eff30"
    assert.equal("usb:1-1", opened)
  end)

  it("knows a garbled serial as raw bytes, as hex, and with question marks", function()
    local bad = found("usb:1-1", "48FF70", "H\0\255\0p\0")
    bad.serial_ascii = "H?p"
    for _, spelling in ipairs { "48ff70", "h?p", "H\0\255\0p\0", "4800FF007000" } do
      bus, opened = { bad, found("usb:1-2", "B2") }, nil
      select_probe.open(spelling)
      assert.equal("usb:1-1", opened, spelling)
    end
  end)

  it("refuses a serial that two probes have", function()
    bus = { found("usb:1-1", "A1"), found("usb:1-2", "A1") }
    assert.matches("usb:1%-2", support.raises("ambiguous", select_probe.open, "A1").message)
  end)

  it("refuses a serial that none has, and says which there are", function()
    bus = { found("usb:1-1", "A1") }
    assert.matches("A1", support.raises("no_probe", select_probe.open, "XX").message)
  end)

  it("takes a port as it is", function()
    select_probe.open "usb:1-4.2"
    assert.equal("usb:1-4.2", opened)
  end)
end)
