-- lock, unlock and options --set: what they do to a chip, what they refuse, and what they say before.
local stlua = require "stlua"
local option_bytes = require "stlua.option_bytes"
local protect = require "stlua.protect"
local sim = require "stlua.sim"
local support = require "support"

local blink = support.source .. "/tests/firmware/blink.hex"

--- The command must fail like this, and say no success.
local function fails(code, words, ...)
  local result = support.stlua(words)
  assert.not_equal(0, result.status, result.out)
  assert.matches("error %[" .. code .. "%]", result.err)
  for _, text in ipairs { ... } do assert.matches(text, result.err) end
  return result
end

describe("lock", function()
  teardown(support.clean)

  it("needs consent, and says before what it means", function()
    local probe = support.board "rak5205"
    local result = fails("refused", { "lock", probe = probe }, "hint: .*%-%-yes")
    assert.matches("RDP level 0 %(byte 0xAA%) %-> level 1", result.out)
    assert.equal(0, support.json { "options", probe = probe }.report.rdp_level)
  end)

  it("changes nothing with --dry-run", function()
    local probe = support.board "rak5205"
    assert.matches("dry run, nothing changed\n$", support.good { "lock", "--yes", "--dry-run", probe = probe }.out)
    assert.equal(0, support.json { "options", probe = probe }.report.rdp_level)
  end)

  it("proves that the chip itself refuses to be read", function()
    local probe = support.board "rak5205"
    support.good { "flash", blink, probe = probe }
    local report = support.json { "lock", "--yes", "--level", "1", "--wrp", "0-1,31", probe = probe }.report
    assert.equal(0x08000000, report.refused[1])
    assert.equal(0x08080000, report.refused[#report.refused])
    assert.same({ 0, 1, 31 }, report.wrp_sectors)
    fails("read_protected", { "read", "0x08000000", "16", probe = probe })
  end)

  it("write-protects without touching the RDP level", function()
    local probe = support.board "rak5205"
    support.good { "lock", "--wrp", "2", probe = probe }
    assert.equal(0, support.json { "options", probe = probe }.report.rdp_level)
    fails("write_protected", { "erase", "--pages", "0x08002000", "1", probe = probe })
    support.good { "erase", "--pages", "0x08003000", "1", probe = probe }
    support.good { "lock", "--wrp", "none", probe = probe }
    support.good { "erase", "--pages", "0x08002000", "1", probe = probe }
  end)

  it("refuses level 2 unless it is said twice", function()
    local probe = support.board("rak5205", { level2 = "allowed" })
    fails("refused", { "lock", "--level", "2", "--yes", probe = probe }, "hint: .*%-%-irreversible")
    fails("usage", { "lock", "--irreversible", "--yes", probe = probe })
    assert.equal(0, support.json { "options", probe = probe }.report.rdp_level)
  end)

  it("takes the silence of the debug port as the proof of level 2", function()
    local probe = support.board("rak5205", { level2 = "allowed" })
    support.good { "lock", "--level", "2", "--yes", "--irreversible", probe = probe }
    fails("no_target", { "unlock", "--yes", probe = probe })
  end)

  it("does not call a chip locked that still answers after level 2", function()
    fails("option_bytes", { "lock", "--level", "2", "--yes", "--irreversible", probe = "sim:rak5205" }, "still answers")
  end)

  it("names the sectors there are", function()
    fails("argument", { "lock", "--wrp", "32", probe = "sim:rak5205" }, "sectors 0 to 31")
    fails("argument", { "lock", "--wrp", "3-1", probe = "sim:rak5205" }, "0%-3,7")
  end)
end)

describe("unlock", function()
  teardown(support.clean)

  it("says what will be lost, and needs consent", function()
    local probe = support.board("rak811", { rdp = "0xBB" })
    local result = fails("refused", { "unlock", probe = probe }, "keys and serial numbers", "hint: .*%-%-yes")
    assert.matches("LOST: flash 0x08000000 .. 0x0801FFFF", result.out)
    assert.matches("LOST: data EEPROM 0x08080000", result.out)
    assert.equal(1, support.json { "options", probe = probe }.report.rdp_level)
  end)

  for _, part in ipairs { "STM32L151C6", "rak811", "STM32L151CC", "STM32L151ZD", "STM32L152RE", "STM32L151VD-X" } do
    it("opens " .. part .. ", leaves it blank, and all option words sound", function()
      local probe = support.board(part, { rdp = "0x11", wrp = "0x00000003" })
      local report = support.json { "unlock", "--yes", probe = probe }.report
      assert.is_true(report.did_mass_erase)
      local options = support.json { "options", probe = probe }.report
      assert.equal(0, options.rdp_level)
      assert.is_false(options.has_option_error)
      assert.same({}, options.wrp_sectors)
      for _, word in ipairs(options.option_words) do assert.is_true(word.is_good, word.name) end
      assert.matches("open already", support.good { "unlock", "--yes", probe = probe }.out) -- again: nothing
    end)
  end

  it("repairs damaged words of an open chip without erasing anything", function()
    local probe = support.board("rak5205", { ["user-word"] = "zero" })
    local keep = support.folder() .. "/keep.hex"
    stlua.image.new():add(0x08000000, "STAYS"):add(0x08080000, "KEEP"):save(keep)
    support.good { "flash", keep, probe = probe }
    local result = support.good { "unlock", probe = probe } -- no consent needed
    assert.matches("1 option word repaired", result.out)
    support.good { "verify", keep, probe = probe }
    assert.is_false(support.json { "options", probe = probe }.report.has_option_error)
  end)

  it("opens a chip again whatever operation its supply was cut in", function()
    local probe, admin = support.listen "rak811?rdp=0xBB"
    local cuts = 0
    for n = 1, 40 do
      support.good { "lock", "--yes", probe = probe }
      admin("fault op cut " .. n)
      local result = support.stlua { "unlock", "--yes", probe = probe }
      admin "fault clear"
      admin "power cycle"
      if result.status == 0 then break end
      cuts = cuts + 1
      assert.matches("error %[", result.err)
      support.good { "unlock", "--yes", probe = probe }
      local options = support.json { "options", probe = probe }.report
      assert.equal(0, options.rdp_level)
      assert.is_false(options.has_option_error)
    end
    assert.is_true(cuts >= 4, "the mass erase and three words at least were cut") -- RDP, USER, two of WRP
    assert.is_true(cuts < 40)
  end)
end)

describe("unlock of a chip whose firmware", function()
  teardown(support.clean)

  -- vectors, then: MODER of port A becomes 0 (PA13, PA14 are inputs); and: SCR.SLEEPDEEP, WFI
  local firmwares = {
    ["gives the SWD pins away"] = "0010002009000008024803490160FEE700BF00BF0000024000000000",
    ["sleeps"] = "001000200900000802480421016030BFFDE700BF10ED00E0",
  }

  -- A locked board that runs this firmware.
  local function board(name, keys)
    local probe, admin = support.listen("rak811?rdp=0xBB" .. (keys or ""))
    admin("poke 0x08000000 " .. firmwares[name])
    admin "power cycle"
    return probe, admin
  end

  for name in pairs(firmwares) do
    it(name .. " connects under reset by itself", function()
      local probe = board(name)
      local result = support.good { "unlock", "--yes", probe = probe }
      assert.matches("trying again under reset", result.err)
      assert.matches("flash and data EEPROM blank", result.out)
    end)
  end

  it("gives the SWD pins away, without a wire to nRST, waits for a person at the reset button", function()
    local probe, admin = board("gives the SWD pins away", "&nrst=unwired")
    local result = fails("no_target", { "unlock", "--yes", probe = probe }, "RDP level 2 never answers")
    assert.equal("", result.out)
    local process <close> = stlua.spawn { support.bin .. "/stlua", "unlock", "--yes", "--insist", "60", "--probe", probe }
    local out, err = "", ""
    while not process:status() do
      if not err:find "the chip answers now" then -- until then a person goes on
        admin "nrst low"
        admin "nrst high"
      end
      out, err = out .. (process:read() or ""), err .. (process:read "stderr" or "")
      stlua.sleep(0.01)
    end
    assert.equal("", err:match "error.*" or "")
    assert.equal(0, process:status())
    -- pressed in the middle of it, the second attempt finds less to do
    assert.matches("unlock: [^\n]*all [^\n]*sound[^\n]*\n$", out .. (process:read() or ""))
    local options = support.json { "options", probe = probe }.report
    assert.equal(0, options.rdp_level)
    assert.is_false(options.has_option_error)
  end)
end)

describe("flash of firmware that does not answer a debugger", function()
  teardown(support.clean)

  it("says so, and that it is in the chip", function()
    local file = support.write_file(support.folder() .. "/fw.bin", "\0\16\0\32\9\0\0\8\2\72\3\73\1\96\254\231\0\191\0\191"
      .. "\0\0\2\64\0\0\0\0") -- gives the SWD pins away
    local result = support.good { "flash", file, "--base", "0x08000000", probe = "sim:rak5205" }
    assert.matches("warning: the target has not answered since its firmware was started", result.err)
    assert.matches("written and verified", result.out)
  end)
end)

describe("options --set", function()
  teardown(support.clean)

  it("changes what is named and nothing else", function()
    local probe = support.board("rak5205", { wrp = "0x00000009" })
    local result = support.good { "options", "--set", "BOR=3", "--set", "nrst_stop=0", probe = probe }
    assert.matches("USER  0x78 %-> 0x5A", result.out)
    local options = support.json { "options", probe = probe }.report
    assert.equal(3, options.bor_level)
    assert.is_false(options.is_nrst_stop)
    assert.same({ 0, 3 }, options.wrp_sectors)
    support.good { "options", "--set", "WRP=0-3,7", probe = probe }
    options = support.json { "options", probe = probe }.report
    assert.same({ 0, 1, 2, 3, 7 }, options.wrp_sectors)
    assert.equal(3, options.bor_level)
  end)

  it("writes nothing with --dry-run", function()
    local probe = support.board "rak5205"
    assert.matches("USER  0x78 %-> 0x68", support.good { "options", "--set", "IWDG_SW=0", "--dry-run", probe = probe }.out)
    assert.is_true(support.json { "options", probe = probe }.report.is_iwdg_software)
  end)

  it("refuses what is no field, no value, or would keep the chip in reset", function()
    fails("argument", { "options", "--set", "BORE=1", probe = "sim:rak5205" }, "did you mean `BOR`")
    fails("argument", { "options", "--set", "BOR=6", probe = "sim:rak5205" }, "1 %(1.8 V%)")
    fails("argument", { "options", "--set", "BOR", probe = "sim:rak5205" }, "FIELD=VALUE")
    fails("argument", { "options", "--set", "RDP=1", probe = "sim:rak5205" }, "stlua lock")
    fails("argument", { "options", "--set", "SPRMOD=1", probe = "sim:rak5205" }, "never set")
    fails("argument", { "options", "--set", "BFB2=1", probe = "sim:rak5205" }, "one bank")
    fails("refused", { "options", "--set", "BOR=5", probe = "sim:rak5205?voltage=2500" }, "2%.50 V")
  end)
end)

describe("stlua.protect", function()
  it("knows a spec with a typing error", function()
    assert.matches("wrp", support.raises("argument", protect.check, { wrpp = 1 }).hint)
    support.raises("argument", protect.check, { rdp_level = 0 })
    support.raises("argument", protect.check, { rdp_level = 3 })
    support.raises("argument", protect.check, { rdp_level = 1, rdp = 1 })
    assert.equal(1, protect.check({ rdp = 1 }).rdp_level)
  end)

  it("needs consent in Lua, too", function()
    local session <close> = sim.session { board = "rak5205", keys = { rdp = "0xBB" } }
    support.raises("refused", protect.unlock, session)
    support.raises("refused", protect.lock, session, { rdp_level = 2 })
    assert.equal(1, session.nvm:status().rdp_level)
  end)

  it("does not prove what is not so", function()
    local session <close> = sim.session { board = "rak5205" }
    assert.matches("level 0", support.raises("option_bytes", protect.prove, session).message)
    protect.lock(session, { rdp_level = 1 })
    assert.matches("not 0%-1", support.raises("option_bytes", protect.prove, session, { rdp_level = 1, wrp = "0-1" }).message)
    protect.prove(session)
  end)

  it("holds over a power cycle", function()
    local session <close> = sim.session { board = "rak5205" }
    protect.lock(session, { rdp_level = 1, wrp = { 0 } })
    local findings = protect.prove(session, { rdp_level = 1, wrp = { 0 }, power_cycle = function(s)
      s.probe:admin "power cycle"
    end })
    assert.is_true(findings.was_power_cycled)
    assert.equal(1, findings.rdp_level)
  end)

  it("counts the sectors of every category", function()
    for part, count in pairs { ["STM32L151CB-A"] = 32, STM32L151CC = 64, STM32L151ZD = 96, STM32L152RE = 128 } do
      local session <close> = sim.session { target = part }
      assert.equal(count, #option_bytes.sectors("all", session.target))
      session:set_option_bytes { wrp = option_bytes.wrp_words({ 0, count - 1 }, session.target) }
      assert.same({ 0, count - 1 }, option_bytes.protected(session.nvm:status(), session.target))
    end
  end)

  it("writes sectors as it reads them", function()
    for _, text in ipairs { "none", "0", "0-3,7", "1,3,5-6" } do
      assert.equal(text, option_bytes.sectors_text(option_bytes.sectors(text)))
    end
  end)
end)
