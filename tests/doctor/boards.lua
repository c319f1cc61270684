--- tests/doctor/boards.lua: boards with one thing wrong each, and the cause that doctor must name; and healthy
--- ones.
---
--- A board: { cause =, rows = { of facts/stm32l1 10.3 }, items = { of users.md }, board = "rak5205", keys =
--- { of its spec }, flash = image of tests/doctor/firmware.lua (false: blank), admin = { lines before power-on },
--- after = { lines behind it }, prepare = function(dap) by the tool or firmware before us, options = { of the
--- session }, image = { { addr, byte_count } }, is_held = by another program, sleep_s = before we come }.
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
  { cause = "probe_busy", rows = { 23 }, is_held = true },
  { cause = "probe_unusable", keys = { probe = "v1" } },
  { cause = "probe_unusable", rows = { 22 }, keys = { fw = "J10" } },
  { cause = "usb_unreliable", items = { "B28" }, after = { "fault usb timeout at 21" } },
  { cause = "usb_unreliable", after = { "fault usb short at 12" } },
  { cause = "usb_unreliable", after = { "fault usb disconnect at 30" } },
  { cause = "old_probe_firmware", rows = { 22 }, keys = { fw = "J21" } },
  { cause = "old_probe_firmware", keys = { fw = "J17" } },
  { cause = "odd_serial", items = { "B24", "B27" }, keys = { serial = "0000001" } },

  -- ---- supply and wires ----
  { cause = "target_unpowered", keys = { target = "absent" } },
  { cause = "target_unpowered", keys = { power = "off" } },
  { cause = "supply_low", rows = { 13 }, keys = { voltage = 1500 } },
  { cause = "supply_near_bor", rows = { 13 }, keys = { voltage = 2600 }, admin = { poke_word(0x1FF80004, 0xFF84007B) } },
  { cause = "vref_unconnected", rows = { 14 }, after = { "fault voltage 0" } },
  { cause = "vref_unconnected", after = { "fault voltage none" } },
  { cause = "swd_silent", rows = { 2 }, keys = { rdp = "0xCC" } },
  { cause = "swd_silent", after = { "fault ack none" } },
  { cause = "swd_silent", rows = { 10, 11 }, keys = { nrst = "unwired" }, flash = image({ { GPIOA_MODER, 0 } }, "loop") },
  { cause = "swd_pins_reused", rows = { 10 }, flash = image({ { GPIOA_MODER, 0 } }, "loop") },
  { cause = "firmware_asleep", rows = { 9 }, flash = image({ { SCR, SLEEPDEEP } }, "sleep") }, -- Stop
  { cause = "firmware_asleep", rows = { 9 }, flash = image({ { PWR_CR, 0x1000 | PDDS }, { SCR, SLEEPDEEP } }, "sleep") }, -- Standby
  { cause = "firmware_asleep", keys = { nrst = "unwired" }, flash = image({ { SCR, SLEEPDEEP } }, "sleep") },
  { cause = "nrst_held", keys = { nrst = "held" } },
  { cause = "nrst_unwired", rows = { 11 }, keys = { nrst = "unwired" } },
  { cause = "swclk_too_fast", rows = { 24 }, keys = { ["swd-limit"] = 2000 } },
  { cause = "swclk_too_fast", keys = { ["swd-limit"] = 400 } },
  { cause = "swd_bends_data", rows = { 6 }, keys = { ["swd-bend"] = 1000 } },
  { cause = "probe_zeroes_reads", items = { "B29" }, keys = { reads = "zeroed" } },

  -- ---- which chip ----
  { cause = "idcode_unreadable", rows = { 4 }, keys = { ["dev-id"] = 0 } },
  { cause = "idcode_unreadable", keys = { ["dev-id"] = 0xFFF } },
  { cause = "wrong_part", rows = { 4 }, options = { target = "STM32L151CC" } },
  { cause = "unknown_chip", rows = { 4 }, board = "STM32L151CC", keys = { ["dev-id"] = 0x413 } },
  { cause = "size_unknown", rows = { 3 }, board = "STM32L151CB", keys = { ["flash-size"] = 0 } },
  { cause = "size_unknown", keys = { ["flash-size"] = 0xFFFF } },
  { cause = "size_unstable", items = { "B31" }, keys = { ["flash-size"] = "unstable" } },
  { cause = "ram_missing", rows = { 5 }, keys = { ram = 16384 } },
  { cause = "ram_missing", keys = { ram = 2048 }, board = "STM32L151C6" },
  { cause = "ram_defective", keys = { ["ram-stuck"] = 0x20000123 } },
  { cause = "boot_pins", keys = { boot0 = "high" } },

  -- ---- protection and option bytes ----
  { cause = "read_protected", rows = { 1 }, items = { "B8" }, keys = { rdp = "0xBB" } },
  { cause = "read_protected", board = "STM32L151CC", admin = { poke_word(0x1FF80000, 0xFFFF0000) } },
  { cause = "rdp_word_damaged", items = { "B11" }, admin = { poke_word(0x1FF80000, 0xFF5400AA) } },
  { cause = "write_protected", rows = { 20 }, keys = { wrp = "0x00000011" } },
  { cause = "write_protected", board = "STM32L151RE", keys = { wrp = "0,0,0,0x80000000" } },
  { cause = "pcrop", admin = { poke_word(0x1FF80000, 0xFE5501AA), poke_word(0x1FF80008, 0x0000FFFF),
    poke_word(0x1FF8000C, 0x00FFFF00) }, rows = { 20 } },
  { cause = "option_bytes_damaged", items = { "B9" }, keys = { ["user-word"] = "zero" } },
  { cause = "option_bytes_damaged", board = "STM32L151CC", keys = { ["user-word"] = "zero" } },
  { cause = "option_bytes_damaged", admin = { poke_word(0x1FF80008, 0x12340000) } },
  { cause = "hardware_watchdog", rows = { 12 }, keys = { iwdg = "hardware" } },

  -- ---- what firmware, or a tool before us, left behind ----
  { cause = "core_will_not_halt", rows = { 7 }, keys = { halt = "ignored" } },
  { cause = "watchdog_bites", rows = { 12 }, flash = image({ { IWDG_KR, 0xCCCC } }, "loop"), sleep_s = 1 },
  { cause = "low_power_run", rows = { 15 }, flash = image({ { PWR_CR, 0x1800 } }, "loop") },
  { cause = "low_power_run", flash = image({ { PWR_CR, 0x5000 } }, "loop") },
  { cause = "clock_slow", flash = image({ { RCC + 0x04, 0 } }, "loop") },
  { cause = "flash_powered_down", rows = { 16 }, prepare = function(dap)
    run_from_ram(dap)
    dap:write32(PDKEYR, 0x04152637)
    dap:write32(PDKEYR, 0xFAFBFCFD)
    dap:write32(FLASH, 0x10)
  end },
  { cause = "flash_powered_down", prepare = function(dap)
    run_from_ram(dap)
    dap:write32(RCC + 0x1C, 0)
  end },
  { cause = "keys_dead", rows = { 17 }, prepare = function(dap) pcall(dap.write32, dap, PEKEYR, 0x12345678) end },
  { cause = "stale_flags", rows = { 18 }, prepare = function(dap) dap:write32(0x08001000, 1) end },
  { cause = "flash_busy", rows = { 19 }, after = { "fault op hang 1" }, prepare = begin_erase },
  { cause = "loader_left_behind", rows = { 26 }, after = { "fault op hang 1" }, prepare = function(dap)
    run_from_ram(dap)
    begin_erase(dap)
  end },
  { cause = "firmware_writes_flash", rows = { 25 }, prepare = open_pecr },
  { cause = "core_runs", rows = { 25 }, options = { connect = "hotplug" } },
  { cause = "blank_flash", rows = { 8 }, items = { "B3" }, flash = false },
  { cause = "bad_vector_table", flash = ("\xFF"):rep(256) },
  { cause = "bad_vector_table", flash = string.pack("<I4I4", 0x20010000, 0x10000101) },
  { cause = "firmware_crashed", rows = { 8 }, flash = image({}, "fault") },
  { cause = "firmware_crashed", flash = image({}, "fault", true) },

  { cause = "supply_dips", rows = { 13 }, keys = { supply = "weak" } },
  { cause = "resets_itself", rows = { 12 }, keys = { supervisor = 40 } },
  { cause = "resets_itself", keys = { supervisor = 200 } },
  { cause = "loader_fails", rows = { 8 }, keys = { ["ram-code"] = "refused" } },

  -- ---- an image that does not fit ----
  { cause = "image_outside", rows = { 21 }, image = { { 0x08010000, 0x20000 } } },
  { cause = "image_outside", items = { "B22" }, image = { { 0x00000000, 0x400 } } },
  { cause = "image_outside", rows = { 21 }, board = "STM32L151VD-X", image = { { 0x08030000, 0x100 } } }, -- the hole
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
