--- doctor: the causes there are, and which of them fit what was seen.
---
--- { id =, check =, severity =, rule =, sentence =, next =, hides = }. The list is ordered: what makes other
--- things happen stands before them, so the first that fits is the most likely cause. `hides` names what
--- follows from it and is no finding of its own; "*" is everything that comes after. check is the row that
--- shows it. The ids are stable: programs and tests go by them.
--- Source: facts/stm32l1 10.3 (the numbers in brackets), users.md B-I and B-II.
local format = require "stlua.format"

local M = {}

local least_supply_mv = 1650 -- STM32L1 data sheets: VDD with BOR off
local no_supply_mv = 500     -- below it a probe measures its own leakage
local DEV_ID_ALL_ONES = 0xFFF

local function open_error_is(seen, ...)
  for _, code in ipairs { ... } do
    if seen.open_error and seen.open_error.code == code then return true end
  end
  return false
end

local function is_silent(seen) return seen.trials and not seen.dpidr end

-- DPIDR answers, the bus behind it does not.
local function is_bus_silent(seen) return seen.dpidr and not seen.swclk_khz end

local function has_supply(seen) return not seen.supply_mv or seen.supply_mv >= no_supply_mv end

local function flags(seen) return seen.flash_flags or {} end

local function stopped_at(seen) return ("0x%08X"):format(seen.pc or 0) end

---@type table[]
M.list = {
  -- ---- the desk ----
  { id = "no_probe", check = "usb.open", hides = "*",
    rule = function(seen) return open_error_is(seen, "no_probe") end,
    sentence = function(seen) return "There is no such probe: " .. seen.open_error.cause end,
    next = "stlua list" },
  { id = "several_probes", check = "usb.open", hides = "*", -- B26
    rule = function(seen) return open_error_is(seen, "ambiguous") end,
    sentence = function(seen) return "It is not certain which probe is meant, and the first may be on another board: "
      .. seen.open_error.cause end,
    next = "stlua list, then stlua --probe usb:PORT doctor" },
  { id = "probe_permission", check = "usb.open", hides = "*",
    rule = function(seen) return open_error_is(seen, "permission") end,
    sentence = "The system does not let this user open the probe: the udev rule is missing",
    next = "sudo cp core/transport/60-stlua.rules /etc/udev/rules.d/ && sudo udevadm control --reload "
      .. "&& sudo udevadm trigger" },
  { id = "probe_busy", check = "usb.open", hides = "*", -- (23)
    rule = function(seen) return open_error_is(seen, "probe_busy") end,
    sentence = function(seen) return "Another program holds the probe: " .. seen.open_error.cause end,
    next = "stlua list, and end the program that it names" },
  { id = "probe_unusable", check = "usb.open", hides = "*", -- (22)
    rule = function(seen) return open_error_is(seen, "unsupported") end,
    sentence = function(seen) return "This probe cannot be used as it is: " .. seen.open_error.cause end,
    next = function(seen) return seen.open_error.hint end },
  { id = "usb_unreliable", check = "usb.transfers", hides = "*", -- B28
    rule = function(seen) return seen.usb_failure or seen.is_usb_garbled
      or open_error_is(seen, "usb", "protocol", "probe_gone", "timeout") end,
    sentence = function(seen) return "USB transfers to the probe fail: cable, "
      .. ((seen.hub_depth or 0) > 0 and "the hub in between" or "hub") .. " or supply of the probe" end,
    next = "plug the probe into a port of the machine itself, with another cable; then stlua doctor" },

  -- ---- supply and wires ----
  { id = "target_unpowered", check = "wiring.voltage", hides = "*",
    rule = function(seen) return is_silent(seen) and not has_supply(seen) and not seen.is_under_reset end,
    sentence = "The target has no supply, or the probe is not connected to it: no voltage at VREF, nothing on SWD",
    next = "power the target and connect VREF, GND, SWDIO and SWCLK; then stlua doctor" },
  { id = "supply_low", check = "wiring.voltage", hides = "*", -- (13)
    rule = function(seen) return seen.supply_mv and has_supply(seen) and seen.supply_mv < least_supply_mv end,
    sentence = function(seen) return ("The supply is too low: %s as the probe reports it, the chip needs %s"):format(
      format.volts(seen.supply_mv), format.volts(least_supply_mv)) end,
    next = "feed the target with 1.8 to 3.6 V; then stlua doctor" },
  { id = "swd_pins_reused", check = "wiring.swd", hides = "*", -- (10)
    rule = function(seen) return is_silent(seen) and seen.is_under_reset end,
    sentence = "The firmware uses the SWD pins PA13 and PA14 for something else: SWD answers under reset only",
    next = "stlua --connect under-reset flash FIRMWARE" },
  { id = "swd_silent", check = "wiring.swd", hides = "*", -- (2), and wiring
    rule = function(seen) return is_silent(seen) end,
    sentence = "Nothing answers on SWD although there is supply: a wire (SWDIO, SWCLK, GND) is missing, firmware "
      .. "reuses the pins and nRST is not wired, or RDP level 2 has closed the debug port for ever; "
      .. "from here these look alike",
    next = "check the wires; stlua --connect under-reset --speed 125 info" },
  { id = "nrst_held", check = "wiring.nrst", hides = "*",
    rule = function(seen) return seen.is_reset_held end,
    sentence = "nRST is held low by something on the board: the chip never leaves reset",
    next = "release the reset button, look for a short or a supervisor on nRST; then stlua doctor" },
  { id = "firmware_asleep", check = "wiring.swd", hides = "*", -- (9)
    rule = function(seen) return is_bus_silent(seen) end,
    sentence = "The debug port answers, the chip behind it does not: firmware keeps it in Stop or Standby",
    next = "stlua --connect under-reset flash FIRMWARE" },
  { id = "swclk_too_fast", check = "wiring.swd", -- (24)
    rule = function(seen) return seen.swclk_khz and not seen.trials[1].is_good end,
    sentence = function(seen) return ("SWCLK is too fast for these wires: %d kHz fails, %d kHz is good"):format(
      seen.trials[1].swclk_khz, seen.swclk_khz) end,
    next = function(seen) return ("stlua --speed %d flash FIRMWARE, or shorter wires"):format(seen.swclk_khz) end },
  { id = "probe_zeroes_reads", check = "loader.ram", -- B29
    rule = function(seen) return seen.is_read_zeroed end,
    sentence = "The probe fills long reads with zeros and reports success: a clone with broken firmware",
    next = "use another probe" },
  { id = "swd_bends_data", check = "loader.ram", -- (6)
    rule = function(seen) return seen.is_write_bent or (seen.is_read_wrong and not seen.is_read_zeroed) end,
    sentence = "Data is bent on its way into RAM at this speed, and not at a lower one: noise, or wires too long",
    next = "stlua --speed 125 flash FIRMWARE" },

  -- ---- which chip ----
  { id = "idcode_unreadable", check = "chip.idcode", hides = "*", -- (4)
    rule = function(seen) return seen.dev_id == 0 or seen.dev_id == DEV_ID_ALL_ONES end,
    sentence = function(seen) return ("DBGMCU_IDCODE reads 0x%08X, which is no chip's: the read failed, whatever the "
      .. "probe says; no family is guessed from that"):format(seen.idcode) end,
    next = "stlua --connect under-reset --speed 125 doctor" },
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
      and ". The core has locked up, as it does when a debugger was here: a power cycle ends that" or "") end,
    next = "stlua options" },
  { id = "rdp_word_damaged", check = "chip.options", hides = { "option_bytes_damaged", "firmware_crashed" }, -- B11
    rule = function(seen) return seen.is_rdp_word_damaged end,
    sentence = "The RDP option word and its complement do not agree, which counts as RDP level 1: an option write "
      .. "went wrong or lost power",
    next = "stlua options" },
  { id = "core_will_not_halt", check = "core.halt", hides = "*", -- (7)
    rule = function(seen) return seen.halt_error end,
    sentence = function(seen) return "The core does not halt when asked: " .. seen.halt_error.cause end,
    next = "stlua --connect under-reset doctor" },
  { id = "boot_pins", check = "chip.boot", hides = { "blank_flash" },
    rule = function(seen) return seen.is_boot_from_system end,
    sentence = "BOOT0 is high: the chip starts its ROM loader, not the firmware in flash",
    next = "pull BOOT0 low; then stlua reset" },
  { id = "size_unstable", check = "chip.flash_size", hides = { "size_unknown" }, -- B31
    rule = function(seen) return seen.is_size_unstable end,
    sentence = "The flash size register reads differently each time: reads cannot be trusted",
    next = "stlua --speed 125 --connect under-reset doctor" },
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
    next = "stlua options" },
  { id = "watchdog_bites", check = "chip.resets", severity = "note", hides = { "firmware_crashed" }, -- (12)
    rule = function(seen) return seen.is_watchdog_seen end,
    sentence = function(seen) return ("The %s has reset the chip since power-on: firmware hangs, or a loader was cut "
      .. "off"):format(seen.watchdog_name) end,
    next = "stlua flash FIRMWARE" },
  { id = "pcrop", check = "chip.wrp", hides = { "write_protected" }, -- (20)
    rule = function(seen) return seen.is_sprmod end,
    sentence = "SPRMOD is on: sectors whose WRP bit is 0 can be neither read nor written; only going from RDP 1 to 0, "
      .. "a mass erase, ends it",
    next = "stlua options" },
  { id = "write_protected", check = "chip.wrp", -- (20)
    rule = function(seen) return seen.wrp_sectors and #seen.wrp_sectors > 0 end,
    sentence = function(seen) return ("%s write protected: sector %s"):format(
      format.count(#seen.wrp_sectors, "sector is", "sectors are"), table.concat(seen.wrp_sectors, " ", 1,
      math.min(#seen.wrp_sectors, 8)) .. (#seen.wrp_sectors > 8 and " ..." or "")) end,
    next = "stlua options" },
  { id = "option_bytes_damaged", check = "chip.options", -- B9, B11
    rule = function(seen) return (seen.damaged_words and #seen.damaged_words > 0) or seen.is_optverr end,
    sentence = "Option words are damaged (OPTVERR): a new chip, an unlock that did not rewrite them, or a raw write",
    next = "stlua options" },
  { id = "supply_near_bor", check = "chip.bor", -- (13)
    rule = function(seen) return seen.bor_mv and seen.supply_mv and has_supply(seen) and seen.supply_mv < seen.bor_mv end,
    sentence = function(seen) return ("The supply, %s, is at the brown-out level of the option bytes, which may need "
      .. "%s"):format(format.volts(seen.supply_mv), format.volts(seen.bor_mv)) end,
    next = "raise the supply, or lower BOR: stlua options" },
  { id = "image_outside", check = "chip.image", -- (21), B22
    rule = function(seen) return seen.outside end,
    sentence = function(seen) return ("The image does not fit this chip: 0x%08X, %s, is no memory of it%s"):format(
      seen.outside.addr, format.size(seen.outside.byte_count),
      seen.outside.addr < 0x00080000 and "; it is linked at 0, flash is at 0x08000000" or "") end,
    next = "stlua info shows the ranges; link the image for this chip" },

  -- ---- firmware and loader ----
  { id = "supply_dips", check = "core.halt", hides = { "loader_fails", "firmware_crashed", "resets_itself" }, -- (13)
    rule = function(seen) return seen.is_supply_dipping end,
    sentence = "The chip lost its supply while it was looked at (a power-on reset): the supply is too weak, or a contact "
      .. "is bad",
    next = "feed the target from a stronger supply, with 100 nF at the chip; then stlua doctor" },
  { id = "resets_itself", check = "core.halt", hides = { "loader_fails", "firmware_crashed" }, -- (12)
    rule = function(seen) return seen.was_reset_by_itself end,
    sentence = "The chip was reset while its firmware was stopped, and not by us: an external watchdog or supervisor pulls "
      .. "nRST",
    next = "take the supervisor off nRST while programming, or let firmware run that serves it" },
  { id = "loader_fails", check = "loader.proof", hides = { "firmware_crashed", "blank_flash" }, -- (8)
    rule = function(seen) return seen.loader_error or seen.is_proof_wrong end,
    sentence = function(seen) return "Code in RAM does not run: "
      .. (seen.loader_error and seen.loader_error.cause or "its answer is wrong") end,
    next = "stlua flash FIRMWARE, which then goes through the debug port" },
  { id = "blank_flash", check = "core.vectors", hides = { "firmware_crashed" }, severity = "note", -- (8), B3
    rule = function(seen) return seen.is_blank end,
    sentence = "Flash is blank, so the core has nothing to run and locks up: as a new chip does",
    next = "stlua flash FIRMWARE" },
  { id = "bad_vector_table", check = "core.vectors", hides = { "firmware_crashed" },
    rule = function(seen) return seen.is_vector_table_bad end,
    sentence = function(seen) return ("Flash does not start with a vector table (SP 0x%08X, PC 0x%08X): the image is "
      .. "linked for another address, or for another chip"):format(seen.initial_sp, seen.initial_pc) end,
    next = "stlua verify FIRMWARE" },
  { id = "firmware_crashed", check = "core.state", -- (8)
    rule = function(seen) return seen.first_state and (seen.first_state.is_locked_up or seen.exception == 3) end,
    sentence = function(seen) return ("Firmware has crashed: %s, CFSR 0x%08X, HFSR 0x%08X"):format(
      seen.first_state.is_locked_up and "the core has locked up" or "the core is in HardFault", seen.cfsr or 0,
      seen.hfsr or 0) end,
    next = "stlua flash FIRMWARE" },

  -- ---- what is not as it should be, but stops nothing ----
  { id = "vref_unconnected", check = "wiring.voltage", severity = "note", -- (14)
    rule = function(seen) return seen.dpidr and not has_supply(seen) end,
    sentence = "The target answers, but the probe measures no voltage: VREF is not connected",
    next = "connect VREF of the probe to the target's supply" },
  { id = "nrst_unwired", check = "wiring.nrst", severity = "note", -- (11)
    rule = function(seen) return seen.is_nrst_effective == false end,
    sentence = "nRST has no effect: it is not wired, or the clone's RST pin is the STM8's; connecting under reset "
      .. "cannot work",
    next = "connect nRST; until then the core is asked to reset itself (SYSRESETREQ)" },
  { id = "old_probe_firmware", check = "probe.firmware", severity = "note", hides = { "odd_serial" }, -- (22)
    rule = function(seen) return seen.probe and not seen.probe.features.has_mem_16bit end,
    sentence = function(seen) return ("The probe's firmware %s is old: it lacks commands that make work fast and "
      .. "errors clear"):format(seen.probe.firmware) end,
    next = "update it with ST's tool if the probe is genuine; never a clone" },
  { id = "odd_serial", check = "probe.serial", severity = "note", -- B24, B27
    rule = function(seen) return seen.is_serial_odd end,
    sentence = "The probe's serial number is none of ST's: a clone, and other probes may have the same number",
    next = "name it by its port: stlua --probe usb:PORT" },
}

--- Where a check failed and nothing explains it: the first failure, as it is.
local function unexplained(seen)
  local first
  for id in pairs(seen.errors) do
    if not first or id < first then first = id end
  end
  if not first then return nil end
  local err = seen.errors[first]
  return { id = "unexplained", check = first, severity = "bad", sentence = "A check failed and nothing seen explains it: "
    .. (err.cause or err.message), next = "stlua --verbose doctor, and once more with --speed 125" }
end

-- ---- judging ----

local function text_of(value, seen) return type(value) == "function" and value(seen) or value end

local function hide(hidden, cause)
  for _, id in ipairs(type(cause.hides) == "table" and cause.hides or {}) do hidden[id] = true end
end

--- What fits, the most likely first.
---@param seen table
---@return { id: string, check: string, severity: string, sentence: string, next: string }[]
function M.judge(seen)
  local findings, hidden = {}, {}
  for _, cause in ipairs(M.list) do
    if not hidden[cause.id] and cause.rule(seen) then
      findings[#findings + 1] = { id = cause.id, check = cause.check, severity = cause.severity or "bad",
        sentence = text_of(cause.sentence, seen), next = text_of(cause.next, seen) }
      if cause.hides == "*" then break end
      hide(hidden, cause)
    end
  end
  if #findings == 0 then findings[1] = unexplained(seen) end
  return findings
end

return M
