-- The command as a person types it, and the way to it from the errors of other commands.
local bench = require "bench"
local doctor_hint = require "stlua.doctor_hint"
local doctor_next = require "stlua.doctor_next"
local sim = require "stlua.sim"
local stlua = require "stlua"
local support = require "support"

describe("stlua doctor", function()
  teardown(support.clean)

  it("answers the question of the thread: which chip, how much flash, by which rule, and what is wrong", function()
    local result = support.good { "doctor", probe = "sim:rak5205?rdp=0xBB" }
    assert.matches("flash size%s+ok%s+128 KiB: flash size register 0x6B80 %(0x6B80 & 0xFF%); a tool that takes all 16 bits "
      .. "shows 27520 KB", result.out)
    assert.matches("RDP%s+BAD%s+level 1 %(byte 0xBB%)", result.out)
    assert.matches("\nmost likely: The chip is read protected, RDP level 1 %(byte 0xBB%)[^\n]+\nnext: stlua "
      .. "%-%-probe 'sim:rak5205%?rdp=0xBB' unlock\n", result.out)
    assert.equal("doctor: 1 finding: read_protected", support.last_line(result.out))
    assert.equal("", result.err)
  end)

  it("has a line for every check, also when nothing answers, and a verdict on each", function()
    for _, spec in ipairs { "sim:rak5205", "sim:rak5205?target=absent", "sim:rak5205?probe=v1" } do
      local object = support.json { "doctor", probe = spec }
      assert.is_true(object.ok)
      assert.equal(30, #object.report.checks)
      for _, check in ipairs(object.report.checks) do
        assert.matches("^[okBADnte?-]+$", check.verdict)
        assert.is_true(#check.text > 0, check.id)
      end
    end
  end)

  it("gives programs the cause, the sentence, the next command and all findings", function()
    local report = support.json({ "doctor", probe = "sim:rak5205?wrp=0x30" }).report
    assert.equal("write_protected", report.cause)
    assert.matches("2 sectors are write protected: sector 4 5", report.sentence)
    assert.equal("stlua --probe 'sim:rak5205?wrp=0x30' options --set WRP=none", report.next)
    assert.same({ "write_protected", "blank_flash" }, { report.findings[1].id, report.findings[2].id })
  end)

  it("names a next command that can be typed as it stands, and then works", function()
    local probe = support.board("rak5205", { wrp = "0x30" })
    local next_command = support.json({ "doctor", probe = probe }).report.next
    assert.matches("^stlua %-%-probe '[^']+' options", next_command)
    assert.equal("write_protected", support.json({ "doctor", probe = probe }).report.cause)
    assert.equal(0, support.shell((next_command:gsub("^stlua", support.bin .. "/stlua"))).status)
    assert.equal("blank_flash", support.json({ "doctor", probe = probe }).report.cause)
  end)

  it("gives the next command the probe, board and chip of this one, as words of a shell", function()
    local given = { probe = "sim:x?state=a b's", board = "./my board.lua", target = "STM32L151CB" }
    local words = "--probe 'sim:x?state=a b'\\''s' --board './my board.lua' --target STM32L151CB "
    assert.equal(("stlua %sreset, then stlua %sflash FIRMWARE"):format(words, words),
      doctor_next.complete("stlua reset, then stlua flash FIRMWARE", given))
    assert.equal("stlua list, then stlua --probe usb:PORT doctor",
      doctor_next.complete("stlua list, then stlua --probe usb:PORT doctor", given))
    assert.equal("stlua doctor without --board and --target", doctor_next.complete(
      "stlua doctor without --board and --target", { board = "b", target = "t", probe = "usb:1-4" }, "usb:1-4"))
  end)

  it("does not reset with --no-reset, and says so", function()
    assert.matches("nRST%s+%-%s+left out: %-%-no%-reset", support.good({ "doctor", "--no-reset", probe = "sim:rak5205" }).out)
    assert.matches("nRST%s+%-%s+left out: %-%-no%-reset", support.good({ "--dry-run", "doctor", probe = "sim:rak5205" }).out)
  end)

  it("attaches under reset where that is asked for, and still where nothing else works", function()
    local result = support.good { "--connect", "under-reset", "doctor", probe = "sim:rak5205" }
    assert.matches("attaching%s+ok%s+under reset, at 480 kHz", result.out)
    assert.matches("nRST%s+ok%s+pulled to attach", result.out)
    local stubborn = support.good { "--connect", "under-reset", "doctor", probe = "sim:rak5205?halt=ignored" }
    assert.matches("attaching%s+ok%s+hotplug", stubborn.out)
    assert.equal("doctor: 1 finding: core_will_not_halt", support.last_line(stubborn.out))
  end)

  it("sees no hub in the name of a socket", function()
    local probe, _, socket = support.listen "rak5205"
    for _ = 1, 500 do -- it may not have begun to listen
      if os.rename(socket, socket .. ".a.b") then break end
      stlua.sleep(0.01)
    end
    assert.matches("opening the probe%s+ok%s+sim:@[^\n]+%.a%.b\n", support.good({ "doctor", probe = probe .. ".a.b" }).out)
  end)

  it("looks whether an image fits", function()
    local image = support.write_file(support.folder() .. "/big.bin", ("\1"):rep(200 * 1024))
    local report = support.json({ "doctor", image, "--base", "0x08000000", probe = "sim:rak5205" }).report
    assert.equal("image_outside", report.cause)
  end)

  it("sees that another program holds the probe", function()
    local selector, holder = bench.held_elsewhere "sim:rak5205"
    local other <close> = holder
    assert.is_true(other:is_open())
    assert.equal("probe_busy", support.json({ "doctor", probe = selector }).report.cause)
  end)

  it("raises what is wrong with the question itself", function()
    local result = support.stlua { "doctor", probe = "sim:rak5205?colour=red" }
    assert.equal(10, result.status)
    assert.equal("", result.out)
    assert.equal(12, support.stlua({ "doctor", "nowhere.hex", probe = "sim:rak5205" }).status)
  end)
end)

describe("an error of another command", function()
  teardown(support.clean)

  -- command words, spec keys, the code it fails with, the cause doctor then names
  local rows = {
    { { "info" }, { target = "absent" }, "no_target", "target_unpowered" },
    { { "info" }, { rdp = "0xCC" }, "no_target", "swd_silent" },
    { { "info" }, { ["dev-id"] = 0 }, "wrong_target", "idcode_unreadable" },
    { { "info" }, { nrst = "held" }, "timeout", "nrst_held" },
    { { "info" }, { halt = "ignored" }, "timeout", "core_will_not_halt" },
    { { "read", "0x08000000", "16" }, { rdp = "0xBB" }, "read_protected", "read_protected" },
    { { "erase", "--all" }, { wrp = "0x1" }, "write_protected", "write_protected" },
    { { "info" }, { probe = "v1" }, "unsupported", "probe_unusable" },
    { { "info" }, { ["swd-limit"] = 2000 }, "no_target", "swclk_too_fast" },
  }

  for _, row in ipairs(rows) do
    local words, keys, code, cause = table.unpack(row)
    it(("%s of `stlua %s` leads to doctor, which names %s"):format(code, table.concat(words, " "), cause), function()
      local probe = sim.spec("rak5205", keys)
      local object = support.json { probe = probe, table.unpack(words) }
      assert.equal(code, object.error.code)
      assert.is_true(#object.error.hint > 0)
      assert.equal(cause, support.json({ "doctor", probe = probe }).report.cause)
    end)
  end

  it("is not called write protection when a reset has locked PECR; doctor names the supervisor", function()
    local probe = "sim:rak5205?supervisor=40&ram-code=refused" -- through the debug port, on which PECR is ours
    local image = support.write_file(support.folder() .. "/whole.bin", ("\x5A"):rep(16 * 1024))
    local object = support.json { "flash", image, "--base", "0x08000000", probe = probe }
    assert.equal("flash", object.error.code)
    assert.matches("the chip was reset while 0x0800%x+ was written.*PECR is locked again", object.error.message)
    assert.matches("`stlua doctor`", object.error.hint)
    assert.equal("resets_itself", support.json({ "doctor", probe = probe }).report.cause)
  end)

  it("may be to come: a supply that is too low is told by those that still work", function()
    assert.matches("^warning: the probe measures 1%.50 V at the target, the chip needs 1%.65 V",
      support.good({ "info", probe = "sim:rak5205?voltage=1500" }).err)
    assert.equal("", support.good({ "info", probe = "sim:rak5205?voltage=1800" }).err)
  end)

  it("of an IDCODE that reads as nothing does not blame the name of the board", function()
    local object = support.json { "info", probe = "sim:rak5205?dev-id=0" }
    assert.matches("DEV_ID reads 0x000, which is no chip's", object.error.message)
    assert.equal("`stlua doctor` looks for the cause", object.error.hint)
  end)

  it("has a hint that names doctor where it says little itself", function()
    for _, code in ipairs { "no_target", "dap_wait", "timeout", "loader", "flash", "usb" } do
      assert.equal("`stlua doctor` looks for the cause", doctor_hint.with_doctor({ code = code }, "flash"))
      assert.equal("wiggle; `stlua doctor` looks for the cause", doctor_hint.with_doctor({ code = code, hint = "wiggle" }, "flash"))
    end
    assert.equal("`stlua options`", doctor_hint.with_doctor({ code = "read_protected", hint = "`stlua options`" }, "flash"))
    assert.matches("doctor", doctor_hint.with_doctor({ code = "read_protected" }, "flash"))
    assert.is_nil(doctor_hint.with_doctor({ code = "file" }, "flash"))
    assert.is_nil(doctor_hint.with_doctor({ code = "usb" }, "doctor"))
  end)
end)
