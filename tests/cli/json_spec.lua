-- --json: one object on standard output, whatever happens.
local support = require "support"

describe("--json", function()
  teardown(support.clean)

  it("gives verdict and report of a success", function()
    local file = support.write_file(support.folder() .. "/fw.bin", support.bytes(3000))
    local object, result = support.json { "flash", file, "--base", "0x08000000", probe = "sim:rak5205" }
    assert.is_true(object.ok)
    assert.equal(0, object.exit_status)
    assert.equal("flash", object.command)
    assert.matches("3000 bytes written", object.verdict)
    assert.equal(3000, object.report.report.verified_bytes)
    assert.equal("signature", object.report.report.verified_by)
    assert.equal(0x08000000, object.report.plan.ranges[1].addr)
    assert.equal("", result.err)
    assert.equal(1, select(2, result.out:gsub("\n", "")))
  end)

  it("gives code, message, hint and context of a failure", function()
    local object, result = support.json { "verify", support.images .. "/small.hex", probe = "sim:rak5205" }
    assert.is_false(object.ok)
    assert.equal(45, object.exit_status)
    assert.equal(45, result.status)
    assert.equal("verify", object.error.code)
    assert.is_true(#object.error.message > 0 and #object.error.hint > 0)
    assert.is_true(object.error.addr >= 0x08000000)
    assert.equal("", result.err)
  end)

  it("also answers a usage error", function()
    local object, result = support.json { "flash" }
    assert.equal("usage", object.error.code)
    assert.equal(64, result.status)
  end)

  it("has warnings as a list", function()
    local object = support.json { "info", probe = "sim:STM32L151CB-A?flash-size=0x0011" }
    assert.is_true(object.ok)
    assert.matches("0x0011", object.warnings[1])
  end)

  it("has the facts of info", function()
    local report = support.json({ "info", probe = "sim:rak5205?rdp=0xBB" }).report
    assert.equal(0x429, report.dev_id)
    assert.equal(128, report.flash_kib)
    assert.equal(4096, report.eeprom_bytes)
    assert.equal(32768, report.ram_bytes)
    assert.equal(1, report.rdp_level)
    assert.equal("V2J37S7", report.probe.firmware)
    assert.equal(24, #report.uid)
  end)

  it("lists probes, parts and boards", function()
    assert.equal("sim:rak5205", support.json({ "list", probe = "sim:rak5205" }).report.probes[1].port)
    assert.is_true(#support.json({ "targets" }).report.parts > 50)
  end)

  it("keeps what a script prints out of the object's way", function()
    local script = support.write_file(support.folder() .. "/p.lua",
      'return { run = function(session) print("hello") session:say("there") return "ok", { x = 1 } end }')
    local object = support.json { script }
    assert.same({ "hello", "there" }, object.lines)
    assert.equal(1, object.report.x)
  end)
end)
