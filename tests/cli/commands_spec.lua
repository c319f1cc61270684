-- Every command on simulated boards, as a person types them.
local support = require "support"

local firmware_bytes = support.bytes(10000, 1)
local folder, firmware

local function setup_files()
  folder = support.folder()
  firmware = support.write_file(folder .. "/fw.bin", firmware_bytes)
end

describe("flash", function()
  setup(setup_files)
  teardown(support.clean)

  it("writes a binary that a later verify and read in other processes agree with", function()
    local probe = support.board "rak5205"
    local result = support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    assert.matches("^plan: ", result.out)
    assert.matches("flash   0x08000000 .. 0x0800270F  10000 bytes, 40 pages", result.out)
    assert.matches("flash: 10000 bytes written and verified by signature in [%d.]+ s %(flash itself [%d.]+ s, %d+ %%%)\n$",
      result.out)
    assert.matches("verify: 10000 bytes equal", support.good { "verify", firmware, "--base", "0x08000000", probe = probe }.out)
    support.good { "read", "0x08000000", "10000", "-o", folder .. "/out.bin", probe = probe }
    assert.is_true(support.read_file(folder .. "/out.bin") == firmware_bytes)
  end)

  it("has nothing to do the second time", function()
    local probe = support.board "rak5205"
    support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    local result = support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    assert.matches("40 equal", result.out)
    assert.matches("flash: 10000 bytes already right, verified by signature in [%d.]+ s\n$", result.out)
  end)

  it("writes nothing with --dry-run", function()
    local probe = support.board "rak5205"
    local result = support.good { "--dry-run", "flash", firmware, "--base", "0x08000000", probe = probe }
    assert.matches("erase %d+ pages, program", result.out)
    assert.matches("flash: dry run, nothing written\n$", result.out)
    support.good { "read", "0x08000000", "256", "-o", folder .. "/blank.bin", probe = probe }
    assert.is_true(support.read_file(folder .. "/blank.bin") == ("\0"):rep(256))
  end)

  it("keeps what shares a page with the image", function()
    local probe = support.board "rak5205"
    local patch = support.write_file(folder .. "/patch.bin", "SERIAL")
    support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    assert.matches("250 bytes beside it kept", support.good { "flash", patch, "--base", "0x08000100", probe = probe }.out)
    support.good { "read", "0x08000000", "10000", "-o", folder .. "/out.bin", probe = probe }
    assert.is_true(support.read_file(folder .. "/out.bin")
      == firmware_bytes:sub(1, 256) .. "SERIAL" .. firmware_bytes:sub(263))
  end)

  it("makes the rest blank with --erase-all", function()
    local probe = support.board "rak5205"
    support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    local patch = support.write_file(folder .. "/patch.bin", "SERIAL")
    support.good { "flash", patch, "--base", "0x08000100", "--erase-all", probe = probe }
    support.good { "read", "0x08000000", "10000", "-o", folder .. "/out.bin", probe = probe }
    assert.is_true(support.read_file(folder .. "/out.bin") == ("\0"):rep(256) .. "SERIAL" .. ("\0"):rep(10000 - 262))
  end)

  it("verifies every byte with --verify read", function()
    local probe = support.board "rak5205"
    assert.matches("verified by read", support.good { "flash", firmware, "--base", "0x08000000", "--verify", "read",
      probe = probe }.out)
  end)

  it("writes flash and EEPROM from one image", function()
    local probe = support.board "rak5205"
    local image = require("stlua").image.new():add(0x08000000, firmware_bytes):add(0x08080010, "EEPROM!!")
    image:save(folder .. "/both.hex")
    assert.matches("EEPROM  0x08080010", support.good { "flash", folder .. "/both.hex", probe = probe }.out)
    assert.matches("45 45 50 52 4F 4D 21 21", support.good { "read", "0x08080010", "8", probe = probe }.out)
  end)

  for _, row in ipairs {
    { "STM32L151CB", "v2" }, { "STM32L151CB-A", "v21" }, { "STM32L151CC", "v3" }, { "STM32L151ZD", "v21" },
    { "STM32L152RE", "v2" },
  } do
    it(("programs %s behind a %s, from ELF, HEX, S-record and gzip"):format(row[1], row[2]), function()
      local probe = support.board(row[1], { probe = row[2] })
      for _, name in ipairs { "small.elf", "small.hex", "small.s19", "small.hex.gz" } do
        local result = support.good { "flash", support.images .. "/" .. name, probe = probe }
        assert.matches("verified by signature", support.last_line(result.out), name)
        support.good { "verify", support.images .. "/" .. name, probe = probe }
      end
    end)
  end

  it("programs a chip that has never been programmed on the fast road", function()
    local report = support.json { "flash", firmware, "--base", "0x08000000", "--require-fast", probe = "sim:rak5205" }
    assert.equal("loader", report.report.report.road)
  end)

  it("says percentages in plain lines into a log, never a carriage return", function()
    local result = support.good { "flash", firmware, "--base", "0x08000000", probe = support.board "rak5205" }
    assert.matches("writing 100 %%\n", result.err)
    assert.is_nil(result.err:find("\r"))
  end)

  it("draws a bar on a terminal, and takes it away again", function()
    local command = ("script -qec %s /dev/null"):format(support.quote(("%s/stlua flash %s --base 0x08000000 --probe sim:rak5205")
      :format(support.bin, firmware)))
    local result = support.shell(command)
    assert.equal(0, result.status)
    assert.matches("writing    %[#+%.*%]", result.out)
    assert.matches("\r\27%[Kflash: 10000 bytes written", result.out)
  end)

  it("--quiet says only the verdict", function()
    local result = support.good { "flash", firmware, "--base", "0x08000000", "--quiet", probe = support.board "rak5205" }
    assert.equal("", result.err)
    assert.matches("^flash: [^\n]*\n$", result.out)
  end)
end)

describe("info", function()
  it("prints what the issue names for a RAK5205", function()
    local out = support.good { "info", probe = "sim:rak5205?uid=112233445566778899AABBCC" }.out
    for _, text in ipairs { "DEV_ID%s+0x429", "flash%s+128 KiB at 0x08000000", "0x6B80 %(0x6B80 & 0xFF%)",
      "EEPROM%s+4 KiB", "RAM%s+32 KiB", "UID%s+112233445566778899AABBCC", "RDP%s+level 0 %(byte 0xAA%)", "WRP%s+none",
      "ST%-LINK/V2 V2J37S7", "3%.30 V", "STM32L151CB%-A", "option bytes%s+sound", "info: STM32L151CB%-A, 128 KiB flash" } do
      assert.matches(text, out)
    end
  end)

  for probe, kind in pairs { v2 = "ST%-LINK/V2 ", v21 = "ST%-LINK/V2%-1 ", v3 = "STLINK%-V3" } do
    it("names a " .. probe, function()
      assert.matches(kind, support.good { "info", probe = "sim:STM32L151CC?probe=" .. probe }.out)
    end)
  end

  it("takes the board from the simulator's name, or from --board", function()
    assert.equal("rak811", support.json { "info", probe = "sim:rak811" }.report.board)
    assert.equal("rak5205", support.json { "info", "--board", "rak5205", probe = "sim:STM32L151CB-A" }.report.board)
    assert.is_nil(support.json { "info", probe = "sim:STM32L151CB-A" }.report.board)
  end)

  it("works on a chip under RDP level 1, and names it", function()
    assert.matches("level 1 %(byte 0xBB%)", support.good { "info", probe = "sim:rak5205?rdp=0xBB" }.out)
  end)
end)

describe("list", function()
  it("shows a simulated probe that is named", function()
    local out = support.good { "list", probe = "sim:rak5205" }.out
    assert.matches("sim:rak5205%s+ST%-LINK/V2%s+V2J37S7%s+%x+%s+target 3.30 V", out)
  end)

  it("takes STLUA_PROBE", function()
    assert.matches("sim:rak811", support.good { "list", env = { STLUA_PROBE = "sim:rak811" } }.out)
  end)
end)

describe("read", function()
  teardown(support.clean)

  it("shows a hex dump", function()
    local out = support.good { "read", "0x1FF80050", "16", probe = "sim:rak5205?uid=112233445566778899AABBCC" }.out
    assert.matches("1FF80050  44 33 22 11 88 77 66 55", out)
    assert.matches("read: 16 bytes from 0x1FF80050\n$", out)
  end)

  it("writes a whole region, in the format of the file's name", function()
    local path = support.folder()
    for _, name in ipairs { "f.bin", "f.hex", "f.s19" } do
      support.good { "read", "--region", "eeprom", "-o", path .. "/" .. name, probe = "sim:rak5205" }
    end
    assert.equal(4096, #support.read_file(path .. "/f.bin"))
    assert.matches("^:02000004", support.read_file(path .. "/f.hex"))
    assert.matches("^S0", support.read_file(path .. "/f.s19"))
  end)

  it("reads option words of every category, also those that stand apart", function()
    assert.matches("1FF80080", support.good { "read", "--region", "options", probe = "sim:STM32L152RE" }.out)
  end)
end)

describe("erase", function()
  setup(setup_files)
  teardown(support.clean)

  it("makes some pages blank and leaves the others", function()
    local probe = support.board "rak5205"
    support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    assert.matches("erase: 2 pages of flash", support.good { "erase", "--pages", "0x08000100", "2", probe = probe }.out)
    support.good { "read", "0x08000000", "10000", "-o", folder .. "/out.bin", probe = probe }
    assert.is_true(support.read_file(folder .. "/out.bin")
      == firmware_bytes:sub(1, 256) .. ("\0"):rep(512) .. firmware_bytes:sub(769))
  end)

  it("makes all of flash blank, and the EEPROM only when told so", function()
    local probe = support.board "rak5205"
    require("stlua").image.new():add(0x08000000, firmware_bytes):add(0x08080000, "KEEP"):save(folder .. "/both.hex")
    support.good { "flash", folder .. "/both.hex", probe = probe }
    support.good { "erase", "--all", probe = probe }
    assert.matches("08000000  00 00 00 00", support.good { "read", "0x08000000", "16", probe = probe }.out)
    assert.matches("4B 45 45 50", support.good { "read", "0x08080000", "4", probe = probe }.out)
    assert.matches("1 word of data EEPROM", support.good { "erase", "--eeprom", probe = probe }.out)
    assert.matches("08080000  00 00 00 00", support.good { "read", "0x08080000", "4", probe = probe }.out)
  end)

  it("writes nothing with --dry-run", function()
    local probe = support.board "rak5205"
    support.good { "flash", firmware, "--base", "0x08000000", probe = probe }
    assert.matches("nothing erased\n$", support.good { "erase", "--all", "--dry-run", probe = probe }.out)
    support.good { "verify", firmware, "--base", "0x08000000", probe = probe }
  end)
end)

describe("reset, options and targets", function()
  it("reset runs the target, or halts it at its reset vector", function()
    local probe = support.board "rak5205"
    support.good { "flash", support.source .. "/tests/firmware/blink.hex", probe = probe }
    assert.matches("reset: the target runs\n$", support.good { "reset", probe = probe }.out)
    assert.matches("reset: halted at 0x0800%x+\n$", support.good { "reset", "--halt", probe = probe }.out)
    support.clean()
  end)

  it("options shows levels, sectors and words", function()
    local out = support.good { "options", probe = "sim:rak5205?wrp=0x00000009" }.out
    assert.matches("RDP%s+level 0, byte 0xAA", out)
    assert.matches("WRP%s+2 sectors%s+0 3: from 0x08000000", out)
    assert.matches("options: RDP level 0, 2 sectors protected, all words sound\n$", out)
  end)

  it("targets needs no probe", function()
    local out = support.good { "targets" }.out
    assert.matches("STM32L151CB%-A%s+cat2%s+DEV_ID 0x429%s+flash 128 KiB%s+EEPROM  4 KiB%s+RAM 32 KiB", out)
    assert.matches("rak5205%s+STM32L151CB%-A", out)
  end)
end)

describe("two processes", function()
  teardown(support.clean)

  it("share a board that is kept alive, one after the other", function()
    local probe, _, socket = support.listen "rak5205"
    local file = support.write_file(support.folder() .. "/fw.bin", support.bytes(600, 7))
    support.good { "flash", file, "--base", "0x08000000", probe = probe }
    support.good { "verify", file, "--base", "0x08000000", probe = probe }
    local held = require("stlua").join_sim(socket)
    local result = support.stlua { "info", probe = probe }
    assert.equal(23, result.status)
    assert.matches("probe_busy", result.err)
    held:close()
    support.good { "info", probe = probe }
  end)
end)
