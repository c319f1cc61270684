--- ST STM32L-DISCOVERY (the first one; the 32L152CDISCOVERY that followed has an STM32L152RC).
--- Source: ST UM1079; LED pins also in Zephyr's board stm32l1_disco.
return {
  name = "stm32l-discovery",
  description = "ST STM32L-DISCOVERY with STM32L152RB",
  part = "STM32L152RB",
  probe = "ST-LINK/V2 on board",
  nrst_wired = true,
  leds = { { name = "LD3", pin = "PB7" }, { name = "LD4", pin = "PB6" } },
  notes = {
    "Both CN3 jumpers on: the probe drives this board's chip. Off: it drives what is on CN2.",
    "The probe has no virtual COM port.",
    "Boards from the factory run a demonstration that sleeps in Stop mode: connect under reset if it does not answer.",
  },
}
