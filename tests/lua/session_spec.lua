-- Sessions: each step when it is needed, everything given back.
local image = require "stlua.image"
local sessions = require "stlua.session"
local sim = require "stlua.sim"
local support = require "support"

describe("a session", function()
  it("opens nothing before it is used", function()
    local session <close> = sim.session { board = "rak5205" }
    assert.is_false(session:is_probe_open())
    assert.equal("STM32L151CB-A", session.part.name)
    assert.is_false(session:is_probe_open())
    assert.equal(24, #session.uid)
    assert.is_true(session:is_probe_open())
  end)

  it("flashes and verifies an image in one call each", function()
    local session <close> = sim.session { target = "STM32L151CC" }
    local firmware = image.new():add(0x08000000, support.bytes(700))
    assert.equal(700, session:flash(firmware).verified_bytes)
    assert.equal(700, session:verify(firmware, { verify = "read" }).verified_bytes)
    session:run_firmware()
    assert.is_false(session.dap:state().is_halted)
  end)

  it("refuses to erase a protected sector and says where", function()
    local session <close> = sim.session { target = "STM32L151CC", wrp_sectors = { 3 } }
    local err = support.raises("write_protected", session.erase, session, 0x08003000, 256)
    assert.matches("erase page 0x08003000", err.message)
    assert.matches("stlua options", err.hint)
    session:erase(0x08002000, 4096)
  end)

  it("sets option bytes by what they mean", function()
    local session <close> = sim.session { board = "rak5205" }
    session:set_option_bytes { rdp_level = 1 }
    assert.equal(1, session.nvm:status().rdp_level)
    support.raises("argument", session.set_option_bytes, session, { rdp_level = 3 })
    support.raises("read_protected", session.read, session, 0x08000000, 4)
  end)

  it("knows the chunks of a region", function()
    local session <close> = sim.session { target = "STM32L152RE" }
    assert.same({ { addr = 0x08000000, byte_count = 256 * 1024 }, { addr = 0x08040000, byte_count = 256 * 1024 } },
      session:chunks "flash")
    assert.same({ { addr = 0x1FF80000, byte_count = 32 }, { addr = 0x1FF80080, byte_count = 8 } }, session:chunks "options")
  end)

  it("is closed once, and then refuses", function()
    local session = sim.session { board = "rak5205" }
    assert.is_truthy(session.probe)
    session:close()
    session:close()
    assert.has_error(function() return session.dap end)
  end)

  it("takes few transfers for its own purposes", function()
    local session <close> = sim.session { board = "rak5205" }
    assert.is_truthy(session.target)
    assert.is_true(session.probe:transfers().run_count < 60, tostring(session.probe:transfers().run_count))
  end)

  it("makes a spec that the simulator understands", function()
    assert.equal("sim:rak5205?state=a%26b&uid=1", sim.spec("rak5205", { uid = 1, state = "a&b" }))
  end)

  it("needs no options", function() assert.is_truthy(sessions.new {}) end)
end)
