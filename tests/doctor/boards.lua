--- tests/doctor/boards.lua: boards with one thing wrong each, and the cause that doctor must name; and healthy
--- ones. The numbers in brackets are rows of facts/stm32l1 10.3; B.. are entries of users.md.
---
--- A board: { cause =, board = "rak5205", keys = { of its spec }, flash = image of tests/doctor/firmware.lua (false:
--- blank), admin = { lines before power-on }, after = { lines behind it }, prepare = function(dap) by the tool or
--- firmware before us, options = { of the session }, image = { { addr, byte_count } } }.
local firmware = require "firmware"

local M = {}

local FLASH, RCC, PWR_CR, GPIOA_MODER, SCR = 0x40023C00, 0x40023800, 0x40007000, 0x40020000, 0xE000ED10
local PECR, PDKEYR, PEKEYR, PRGKEYR = FLASH + 0x04, FLASH + 0x08, FLASH + 0x0C, FLASH + 0x10
local IWDG_KR = 0x40003000
local SLEEPDEEP, PDDS = 4, 2

local function image(writes, ending, handler)
  return firmware.image { writes = writes, ending = ending, handler = handler }
end

local function poke_word(addr, word)
  return ("poke 0x%08X %s"):format(addr, (string.pack("<I4", word):gsub(".", function(c) return ("%02X"):format(c:byte()) end)))
end

-- The core goes on in RAM, where the flash is not missed.
local function run_from_ram(dap)
  dap:halt()
  dap:write(firmware.ram_addr, firmware.code({}, "loop"))
  dap:write_reg("pc", firmware.ram_addr)
  dap:run()
end

local function open_pecr(dap)
  dap:write32(PEKEYR, 0x89ABCDEF)
  dap:write32(PEKEYR, 0x02030405)
end

local function begin_erase(dap)
  open_pecr(dap)
  dap:write32(PRGKEYR, 0x8C9DAEBF)
  dap:write32(PRGKEYR, 0x13141516)
  dap:write32(PECR, 0x208)
  dap:write32(0x08001000, 0)
end

M.sick = {
  -- ---- the desk ----
  { cause = "no_probe", options = { probe = "sim:@/no/such/socket" } },
  { cause = "probe_unusable", keys = { probe = "v1" } },
  { cause = "probe_unusable", keys = { fw = "J10" } }, -- (22)
  { cause = "usb_unreliable", after = { "fault usb timeout at 21" } }, -- B28
  { cause = "usb_unreliable", after = { "fault usb short at 12" } },
  { cause = "usb_unreliable", after = { "fault usb disconnect at 30" } },
  { cause = "old_probe_firmware", keys = { fw = "J21" } }, -- (22)
  { cause = "old_probe_firmware", keys = { fw = "J17" } },
  { cause = "odd_serial", keys = { serial = "0000001" } }, -- B24, B27

  -- ---- supply and wires ----
  { cause = "target_unpowered", keys = { target = "absent" } },
  { cause = "target_unpowered", keys = { power = "off" } },
  { cause = "supply_low", keys = { voltage = 1500 } }, -- (13)
  { cause = "supply_near_bor", keys = { voltage = 2600 }, admin = { poke_word(0x1FF80004, 0xFF84007B) } }, -- (13)
  { cause = "vref_unconnected", after = { "fault voltage 0" } }, -- (14)
  { cause = "vref_unconnected", after = { "fault voltage none" } },
  { cause = "swd_silent", keys = { rdp = "0xCC" } }, -- (2)
  { cause = "swd_silent", after = { "fault ack none" } },
  { cause = "swd_silent", keys = { nrst = "unwired" }, flash = image({ { GPIOA_MODER, 0 } }, "loop") }, -- (10), (11)
  { cause = "swd_pins_reused", flash = image({ { GPIOA_MODER, 0 } }, "loop") }, -- (10)
  { cause = "firmware_asleep", flash = image({ { SCR, SLEEPDEEP } }, "sleep") }, -- (9) Stop
  { cause = "firmware_asleep", flash = image({ { PWR_CR, 0x1000 | PDDS }, { SCR, SLEEPDEEP } }, "sleep") }, -- (9) Standby
  { cause = "firmware_asleep", keys = { nrst = "unwired" }, flash = image({ { SCR, SLEEPDEEP } }, "sleep") },
  { cause = "nrst_held", keys = { nrst = "held" } },
  { cause = "nrst_unwired", keys = { nrst = "unwired" } }, -- (11)
  { cause = "swclk_too_fast", keys = { ["swd-limit"] = 2000 } }, -- (24)
  { cause = "swclk_too_fast", keys = { ["swd-limit"] = 400 } },
  { cause = "swd_bends_data", keys = { ["swd-bend"] = 1000 } }, -- (6)
  { cause = "probe_zeroes_reads", keys = { reads = "zeroed" } }, -- B29

  -- ---- which chip ----
  { cause = "idcode_unreadable", keys = { ["dev-id"] = 0 } }, -- (4)
  { cause = "idcode_unreadable", keys = { ["dev-id"] = 0xFFF } },
  { cause = "wrong_part", options = { target = "STM32L151CC" } }, -- (4)
  { cause = "unknown_chip", board = "STM32L151CC", keys = { ["dev-id"] = 0x413 } }, -- (4)
  { cause = "size_unknown", board = "STM32L151CB", keys = { ["flash-size"] = 0 } }, -- (3)
  { cause = "size_unknown", keys = { ["flash-size"] = 0xFFFF } },
  { cause = "size_unstable", keys = { ["flash-size"] = "unstable" } }, -- B31
  { cause = "ram_missing", keys = { ram = 16384 } }, -- (5)
  { cause = "ram_missing", keys = { ram = 2048 }, board = "STM32L151C6" },
  { cause = "ram_defective", keys = { ["ram-stuck"] = 0x20000123 } },
  { cause = "boot_pins", keys = { boot0 = "high" } },

  -- ---- protection and option bytes ----
  { cause = "read_protected", keys = { rdp = "0xBB" } }, -- (1), B8
  { cause = "read_protected", board = "STM32L151CC", admin = { poke_word(0x1FF80000, 0xFFFF0000) } },
  { cause = "rdp_word_damaged", admin = { poke_word(0x1FF80000, 0xFF5400AA) } }, -- B11
  { cause = "write_protected", keys = { wrp = "0x00000011" } }, -- (20)
  { cause = "write_protected", board = "STM32L151RE", keys = { wrp = "0,0,0,0x80000000" } },
  { cause = "pcrop", admin = { poke_word(0x1FF80000, 0xFE5501AA), poke_word(0x1FF80008, 0x0000FFFF),
    poke_word(0x1FF8000C, 0x00FFFF00) } }, -- (20)
  { cause = "option_bytes_damaged", keys = { ["user-word"] = "zero" } }, -- B9
  { cause = "option_bytes_damaged", board = "STM32L151CC", keys = { ["user-word"] = "zero" } },
  { cause = "option_bytes_damaged", admin = { poke_word(0x1FF80008, 0x12340000) } },
  { cause = "hardware_watchdog", keys = { iwdg = "hardware" } }, -- (12)

  -- ---- what firmware, or a tool before us, left behind ----
  { cause = "core_will_not_halt", keys = { halt = "ignored" } }, -- (7)
  { cause = "watchdog_bites", flash = image({ { IWDG_KR, 0xCCCC } }, "loop"), sleep_s = 1 }, -- (12)
  { cause = "low_power_run", flash = image({ { PWR_CR, 0x1800 } }, "loop") }, -- (15)
  { cause = "low_power_run", flash = image({ { PWR_CR, 0x5000 } }, "loop") },
  { cause = "clock_slow", flash = image({ { RCC + 0x04, 0 } }, "loop") },
  { cause = "flash_powered_down", prepare = function(dap) -- (16)
    run_from_ram(dap)
    dap:write32(PDKEYR, 0x04152637)
    dap:write32(PDKEYR, 0xFAFBFCFD)
    dap:write32(FLASH, 0x10)
  end },
  { cause = "flash_powered_down", prepare = function(dap)
    run_from_ram(dap)
    dap:write32(RCC + 0x1C, 0)
  end },
  { cause = "keys_dead", prepare = function(dap) pcall(dap.write32, dap, PEKEYR, 0x12345678) end }, -- (17)
  { cause = "stale_flags", prepare = function(dap) dap:write32(0x08001000, 1) end }, -- (18)
  { cause = "flash_busy", after = { "fault op hang 1" }, prepare = begin_erase }, -- (19)
  { cause = "loader_left_behind", after = { "fault op hang 1" }, prepare = function(dap) -- (26)
    run_from_ram(dap)
    begin_erase(dap)
  end },
  { cause = "firmware_writes_flash", prepare = open_pecr }, -- (25)
  { cause = "core_runs", options = { connect = "hotplug" } }, -- (25)
  { cause = "blank_flash", flash = false }, -- (8), B3
  { cause = "bad_vector_table", flash = ("\xFF"):rep(256) },
  { cause = "bad_vector_table", flash = string.pack("<I4I4", 0x20010000, 0x10000101) },
  { cause = "firmware_crashed", flash = image({}, "fault") }, -- (8)
  { cause = "firmware_crashed", flash = image({}, "fault", true) },

  { cause = "loader_fails", keys = { ["ram-code"] = "refused" } }, -- (8)

  -- ---- an image that does not fit ----
  { cause = "image_outside", image = { { 0x08010000, 0x20000 } } }, -- (21)
  { cause = "image_outside", image = { { 0x00000000, 0x400 } } }, -- B22
  { cause = "image_outside", board = "STM32L151VD-X", image = { { 0x08030000, 0x100 } } }, -- (21) the hole
}

M.healthy = {
  { board = "rak5205" }, { board = "rak811" }, { board = "nucleo-l152re" }, { board = "stm32l-discovery" },
  { board = "cat1" }, { board = "cat3" }, { board = "cat4" }, { board = "cat5" }, { board = "cat6" },
  { name = "STM32L100C6, the least RAM there is", board = "STM32L100C6" },
  { name = "cat3 on the die of cat4", board = "STM32L151RC-A" },
  { name = "a V3", board = "STM32L151CC", keys = { probe = "v3" } },
  { name = "a V3 on a full-speed port", keys = { probe = "v3e", usb = "full-speed" } },
  { name = "a V2-1 without mass storage", keys = { probe = "v21-nomsd" } },
  { name = "firmware J28, as clones have it", keys = { fw = "J28" } },
  { name = "a probe that insists on INIT_AP", keys = { ["init-ap"] = "required", host = "slow" } },
  { name = "a serial number of old firmware", keys = { ["serial-form"] = "binary" } },
  { name = "1.8 V with BOR off", keys = { voltage = 1800 }, admin = { poke_word(0x1FF80004, 0xFF8F0070) } },
  { name = "firmware that sleeps lightly, a quirky size register", keys = { ["flash-size"] = "0xA980" },
    flash = image({}, "sleep") },
  { name = "a core that another tool has halted, an image that fits", prepare = function(dap) dap:halt() end,
    is_left_halted = true, image = { { 0x08000000, 0x20000 }, { 0x08080000, 16 } } },
}

return M
