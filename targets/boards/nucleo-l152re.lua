--- ST NUCLEO-L152RE.
--- Source: ST UM1724 (Nucleo-64), solder bridges as delivered; pins also in Zephyr's board nucleo_l152re.
return {
  name = "nucleo-l152re",
  description = "ST Nucleo-64 with STM32L152RE",
  part = "STM32L152RE",
  probe = "ST-LINK/V2-1 on board",
  nrst_wired = true, -- SB12
  leds = { { name = "LD2", pin = "PA5" } },
  usart = { name = "USART2", tx = "PA2", rx = "PA3", baud = 115200 }, -- the probe's virtual COM port
  notes = {
    "Both CN2 jumpers on: the probe drives this board's chip. Off: it drives what is on CN4.",
    "LD2 shares PA5 with SPI1_SCK on the Arduino header (D13).",
  },
}
