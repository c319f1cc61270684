--- doctor: causes in the chip: which one it is, its protection, and what state it was left in. See
--- stlua.doctor_causes.
local format = require "stlua.format"

local DEV_ID_ALL_ONES = 0xFFF

local function flags(seen) return seen.flash_flags or {} end

-- Asking once more in the way that has just failed leads nowhere.
local function more_gently(seen)
  return seen.connect_option == "under-reset" and "switch the board off and on; then stlua --speed 125 doctor"
    or "stlua --connect under-reset --speed 125 doctor"
end

local function stopped_at(seen) return ("0x%08X"):format(seen.pc or 0) end

return {
  -- ---- which chip ----
  { id = "idcode_unreadable", check = "chip.idcode", hides = "*", -- (4)
    rule = function(seen) return seen.dev_id == 0 or seen.dev_id == DEV_ID_ALL_ONES end,
    sentence = function(seen) return ("DBGMCU_IDCODE reads 0x%08X, which is no chip's: the read failed, whatever the "
      .. "probe says; no family is guessed from that"):format(seen.idcode) end,
    next = more_gently },
  { id = "wrong_part", check = "chip.idcode", hides = "*", -- (4)
    rule = function(seen) return seen.identify_error and seen.identify_error.code == "wrong_target" end,
    sentence = function(seen) return "Another chip than the one that was named: " .. seen.identify_error.cause end,
    next = "stlua doctor without --board and --target, to take what is there" },
  { id = "unknown_chip", check = "chip.idcode", hides = "*", -- (4)
    rule = function(seen) return seen.identify_error and seen.identify_error.code == "unknown_target" end,
    sentence = function(seen) return ("DEV_ID 0x%03X is no STM32L1"):format(seen.dev_id) end,
    next = "stlua targets" },
  { id = "read_protected", check = "chip.rdp", hides = { "option_bytes_damaged", "firmware_crashed" }, -- (1), B8
    rule = function(seen) return seen.rdp_level == 1 and not seen.is_rdp_word_damaged end,
    sentence = function(seen) return ("The chip is read protected, RDP level 1 (byte 0x%02X): flash and data EEPROM "
      .. "are closed; unlocking erases both, and with them keys and identity%s"):format(seen.rdp_byte,
      seen.first_state and seen.first_state.is_locked_up
      and ". The core has locked up, as it does when flash is blank, or when a "
      .. "debugger was here: then a power cycle ends that" or "") end,
    next = "stlua unlock" },
  { id = "rdp_word_damaged", check = "chip.options", hides = { "option_bytes_damaged", "firmware_crashed" }, -- B11
    rule = function(seen) return seen.is_rdp_word_damaged end,
    sentence = "The RDP option word and its complement do not agree, which counts as RDP level 1: an option write "
      .. "went wrong or lost power",
    next = "stlua unlock" },
  { id = "core_will_not_halt", check = "core.halt", hides = "*", -- (7)
    rule = function(seen) return seen.halt_error end,
    sentence = function(seen) return "The core does not halt when asked: " .. seen.halt_error.cause end,
    next = more_gently },
  { id = "boot_pins", check = "chip.boot", hides = { "blank_flash" },
    rule = function(seen) return seen.is_boot_from_system end,
    sentence = "BOOT0 is high: the chip starts its ROM loader, not the firmware in flash",
    next = "pull BOOT0 low; then stlua reset" },
  { id = "size_unstable", check = "chip.flash_size", hides = { "size_unknown" }, -- B31
    rule = function(seen) return seen.is_size_unstable end,
    sentence = "The flash size register reads differently each time: reads cannot be trusted",
    next = more_gently },
  { id = "size_unknown", check = "chip.flash_size", severity = "note", -- (3)
    rule = function(seen) return seen.size_warning end,
    sentence = function(seen) return "The size register names no size of this chip: " .. seen.size_warning end,
    next = "stlua --target PART flash FIRMWARE; `stlua targets` lists the parts" },
  { id = "ram_missing", check = "chip.ram", -- (5)
    rule = function(seen) return seen.ram_there_bytes end,
    sentence = function(seen) return ("RAM is smaller than it should be: %s answer, %s are expected; a loader that "
      .. "uses the rest fails"):format(format.size(seen.ram_there_bytes), format.size(seen.ram_wanted_bytes)) end,
    next = "stlua --target PART doctor, with the part that is really there" },
  { id = "ram_defective", check = "loader.ram", hides = { "loader_fails" },
    rule = function(seen) return seen.is_ram_defective end,
    sentence = function(seen) return ("RAM does not hold what is written at 0x%08X, at any speed: the chip is "
      .. "damaged"):format(seen.ram_bad.addr) end,
    next = "replace the chip" },

  -- ---- what state the chip is in ----
  { id = "loader_left_behind", check = "core.halt", hides = { "flash_busy", "firmware_writes_flash" }, -- (26)
    rule = function(seen) return seen.is_busy and seen.pc and seen.pc >> 24 == 0x20 end,
    sentence = function(seen) return ("A loader is still waiting for the flash, at %s: the tool that started it gave "
      .. "up too early"):format(stopped_at(seen)) end,
    next = "stlua reset, then stlua flash FIRMWARE" },
  { id = "flash_busy", check = "chip.flash", hides = { "firmware_writes_flash" }, -- (19)
    rule = function(seen) return seen.is_busy end,
    sentence = "The flash controller is busy and does not finish: an operation was interrupted",
    next = "stlua reset; if it stays, check the supply" },
  { id = "flash_powered_down", check = "chip.flash", hides = { "firmware_crashed" }, -- (16)
    rule = function(seen) return seen.is_flash_off end,
    sentence = function(seen) return ("Firmware has switched the flash off (%s): it can neither be read nor "
      .. "written"):format(seen.is_run_pd and "RUN_PD" or "FLITFEN") end,
    next = "stlua reset --halt" },
  { id = "keys_dead", check = "core.keys", -- (17)
    rule = function(seen) return seen.are_keys_dead end,
    sentence = "The flash controller does not take its keys any more: a wrong key was written since the last reset",
    next = "stlua reset, then stlua flash FIRMWARE" },
  { id = "low_power_run", check = "chip.power", severity = "note", -- (15)
    rule = function(seen) return seen.vcore_range == 3 or seen.is_low_power_run end,
    sentence = "Firmware has put the chip into VCORE range 3 or low-power run, where flash cannot be written",
    next = "stlua flash FIRMWARE, which resets first; --connect hotplug does not" },
  { id = "clock_slow", check = "chip.power", severity = "note",
    rule = function(seen) return seen.hclk_khz and seen.hclk_khz < 1000 end,
    sentence = function(seen) return ("Firmware lets the core run at %d kHz: loaders that do not set the clock take "
      .. "too long"):format(seen.hclk_khz // 1) end,
    next = "stlua flash FIRMWARE, which resets first; --connect hotplug does not" },
  { id = "firmware_writes_flash", check = "chip.flash", severity = "note", -- (25)
    rule = function(seen) return seen.pecr and seen.pecr & 1 == 0 end,
    sentence = "PECR is open: firmware, or a tool before us, was writing flash or EEPROM; doing so at the same time "
      .. "fails",
    next = "stlua flash FIRMWARE without --connect hotplug" },
  { id = "core_runs", check = "core.state", severity = "note", -- (25)
    rule = function(seen) return seen.connect_option == "hotplug" and seen.first_state
      and not seen.first_state.is_halted end,
    sentence = "Firmware runs, and --connect hotplug does not stop it: its interrupts and DMA get in the way of any "
      .. "loader",
    next = "stlua flash FIRMWARE without --connect hotplug" },
  { id = "stale_flags", check = "chip.flash", severity = "note", -- (18)
    rule = function(seen) return #flags(seen) > 0 and not seen.is_busy end,
    sentence = function(seen) return ("An earlier flash operation failed and left %s set: tools that do not clear "
      .. "it refuse to go on"):format(table.concat(flags(seen), " ")) end,
    next = "stlua flash FIRMWARE" },
  { id = "hardware_watchdog", check = "chip.watchdog", severity = "note", hides = { "watchdog_bites" }, -- (12)
    rule = function(seen) return seen.is_iwdg_hardware end,
    sentence = "The option bytes start the watchdog at every reset: it ends loaders that do not refresh it",
    next = "stlua options --set IWDG_SW=1, unless the product wants it so" },
  { id = "watchdog_bites", check = "chip.resets", severity = "note", hides = { "firmware_crashed" }, -- (12)
    rule = function(seen) return seen.is_watchdog_seen end,
    sentence = function(seen) return ("The %s has reset the chip since power-on: firmware hangs, or a loader was cut "
      .. "off"):format(seen.watchdog_name) end,
    next = "stlua flash FIRMWARE" },
  { id = "pcrop", check = "chip.wrp", hides = { "write_protected" }, -- (20)
    rule = function(seen) return seen.is_sprmod end,
    sentence = "SPRMOD is on: sectors whose WRP bit is 0 can be neither read nor written; only going from RDP 1 to 0, "
      .. "a mass erase, ends it",
    next = "stlua lock, then stlua unlock, which erases flash and data EEPROM" },
  { id = "write_protected", check = "chip.wrp", -- (20)
    rule = function(seen) return seen.wrp_sectors and #seen.wrp_sectors > 0 end,
    sentence = function(seen) return ("%s write protected: sector %s"):format(
      format.count(#seen.wrp_sectors, "sector is", "sectors are"), table.concat(seen.wrp_sectors, " ", 1,
      math.min(#seen.wrp_sectors, 8)) .. (#seen.wrp_sectors > 8 and " ..." or "")) end,
    next = "stlua options --set WRP=none" },
  { id = "option_bytes_damaged", check = "chip.options", -- B9, B11
    rule = function(seen) return (seen.damaged_words and #seen.damaged_words > 0) or seen.is_optverr end,
    sentence = "Option words are damaged (OPTVERR): a new chip, an unlock that did not rewrite them, or a raw write",
    next = "stlua unlock" },
  { id = "supply_near_bor", check = "chip.bor", -- (13)
    rule = function(seen) return seen.bor_mv and seen.supply_mv and seen.is_supply_seen and seen.supply_mv < seen.bor_mv end,
    sentence = function(seen) return ("The supply, %s, is at the brown-out level of the option bytes, which may need "
      .. "%s"):format(format.volts(seen.supply_mv), format.volts(seen.bor_mv)) end,
    next = "raise the supply, or lower BOR: stlua options" },
  { id = "image_outside", check = "chip.image", -- (21), B22
    rule = function(seen) return seen.outside end,
    sentence = function(seen) return ("The image does not fit this chip: 0x%08X, %s, is no memory of it%s"):format(
      seen.outside.addr, format.size(seen.outside.byte_count),
      seen.outside.addr < 0x00080000 and "; it is linked at 0, flash is at 0x08000000" or "") end,
    next = "stlua info shows the ranges; link the image for this chip" },
}
