--- RAK811: LoRaWAN module, bare or on a breakout board.
--- Source: facts sheet stm32l1, 1.1 and 3.8 (the part, RDP level); users.md D-II (configuration tables).
--- Pins: board.h of the vendor's firmware.
return {
  name = "rak811",
  description = "RAK811 LoRaWAN module: STM32L151 and SX1276",
  part = "STM32L151CB-A",
  probe = "external ST-LINK/V2 on SWDIO, SWCLK, GND, 3V3",
  nrst_wired = false,
  leds = {}, -- the module has none
  usart = { name = "USART1", tx = "PA9", rx = "PA10", baud = 115200 },
  notes = {
    "Some batches ship with RDP level 1 (byte 0xBB): unlocking erases flash and data EEPROM, and with"
      .. " them keys and identity.",
    "The chip is an STM32L151CB-A (DEV_ID 0x429, RAM 32 KiB) though documents and marking say STM32L151CB.",
    "Early modules are reported with 16 KiB of RAM, the older STM32L151CB: DEV_ID 0x416 tells.",
    "AT firmware keeps two tables (magic RLTH, CRC-16/XMODEM) with keys in clear from 0x0801E000 on; "
      .. "BreakBoard firmware a plain structure at the same place.",
    "HF and LF modules wire the radio differently: PB4 is free on HF and the radio's DIO0 on LF.",
  },
}
