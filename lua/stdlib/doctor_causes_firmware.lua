--- doctor: causes in firmware and loader; and last, what is not as it should be but stops nothing. See
--- stlua.doctor_causes.

return {
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
  { id = "firmware_crashed", check = "core.state", also = { "core.faults" }, -- (8)
    rule = function(seen) return seen.first_state and (seen.first_state.is_locked_up or seen.exception == 3) end,
    sentence = function(seen) return ("Firmware has crashed: %s, CFSR 0x%08X, HFSR 0x%08X"):format(
      seen.first_state.is_locked_up and "the core has locked up" or "the core is in HardFault", seen.cfsr or 0,
      seen.hfsr or 0) end,
    next = "stlua flash FIRMWARE" },

  -- ---- what is not as it should be, but stops nothing ----
  { id = "vref_unconnected", check = "wiring.voltage", severity = "note", -- (14)
    rule = function(seen) return seen.dpidr and seen.is_supply_seen == false end,
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
