--- doctor: causes at the desk: USB, the probe, supply and wires. See stlua.doctor_causes.
local format = require "stlua.format"

local least_supply_mv = 1650 -- STM32L1 data sheets: VDD with BOR off

local function open_error_is(seen, ...)
  for _, code in ipairs { ... } do
    if seen.open_error and seen.open_error.code == code then return true end
  end
  return false
end

local function is_silent(seen) return seen.trials and not seen.dpidr end

-- DPIDR answers, the bus behind it does not.
local function is_bus_silent(seen) return seen.dpidr and not seen.swclk_khz end

return {
  -- ---- the desk ----
  { id = "no_probe", check = "usb.open", hides = "*",
    rule = function(seen) return open_error_is(seen, "no_probe") end,
    sentence = function(seen) return "There is no such probe: " .. seen.open_error.cause end,
    next = function(seen) return seen.is_simulated and seen.open_error.hint or "stlua list" end },
  { id = "several_probes", check = "usb.open", hides = "*", -- B26
    rule = function(seen) return open_error_is(seen, "ambiguous") end,
    sentence = function(seen) return "It is not certain which probe is meant, and the first may be on another board: "
      .. seen.open_error.cause end,
    next = "stlua list, then stlua --probe usb:PORT doctor" },
  { id = "probe_permission", check = "usb.open", hides = "*",
    rule = function(seen) return open_error_is(seen, "permission") end,
    sentence = "The system does not let this user open the probe: the udev rule is missing",
    next = "stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules && sudo udevadm control --reload "
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
    rule = function(seen) return is_silent(seen) and seen.is_supply_seen == false and not seen.is_under_reset end,
    sentence = "The target has no supply, or the probe is not connected to it: no voltage at VREF, nothing on SWD",
    next = "power the target and connect VREF, GND, SWDIO and SWCLK; then stlua doctor" },
  { id = "supply_low", check = "wiring.voltage", hides = "*", -- (13)
    rule = function(seen) return seen.supply_mv and seen.is_supply_seen and seen.supply_mv < least_supply_mv end,
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
    next = "check the wires; or hold the board's reset button down, type stlua --connect under-reset --speed 125 info, "
      .. "and let go" },
  { id = "nrst_held", check = "wiring.nrst", hides = "*",
    rule = function(seen) return seen.is_reset_held end,
    sentence = "nRST is held low by something on the board: the chip never leaves reset",
    next = "release the reset button, look for a short or a supervisor on nRST; then stlua doctor" },
  { id = "firmware_asleep", check = "wiring.swd", hides = "*", -- (9)
    rule = function(seen) return is_bus_silent(seen) end,
    sentence = function(seen) return "The debug port answers, the chip behind it does not: firmware keeps it in Stop or "
      .. "Standby" .. (seen.is_reset_in_vain and "; attaching under reset fails, too: nRST is not wired" or "") end,
    next = function(seen) return seen.is_reset_in_vain and "hold the board's reset button down, type "
      .. "stlua --connect under-reset flash FIRMWARE, and let go" or "stlua --connect under-reset flash FIRMWARE" end },
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
    sentence = function(seen) return "Data is bent on its way into RAM " .. (seen.is_speed_fixed
      and "(this probe has one speed only: RAM itself may be at fault, too)" or "at this speed, and not at a lower one")
      .. ": noise, or wires too long" end,
    next = function(seen) return seen.is_speed_fixed and "shorter wires, or another probe; then stlua doctor"
      or "stlua --speed 125 flash FIRMWARE" end },
}
