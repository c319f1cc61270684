--- RAK5205 WisTrio: LoRaWAN tracker board around a RAK811 module.
--- Source: facts sheet stm32l1, 1.1 and 3.8 (the part, RDP level); users.md D-II (configuration tables).
--- Pins: variant RAK811_TRACKER of the Arduino core for STM32, and board.h of the vendor's firmware (HF).
return {
  name = "rak5205",
  description = "RAK5205 WisTrio LoRa tracker: RAK811 module, SX1276, GPS, BME680, LIS3DH",
  part = "STM32L151CB-A",
  probe = "external ST-LINK/V2 on SWDIO, SWCLK, GND, 3V3",
  nrst_wired = false, -- not on every SWD lead people make; connect under reset wants it as a fifth wire
  leds = {
    { name = "LED1", pin = "PA12" },
    { name = "LED2", pin = "PB4" }, -- LF modules have the radio's DIO0 here: do not drive it there
  },
  usart = { name = "USART1", tx = "PA9", rx = "PA10", baud = 115200 }, -- AT commands of the vendor's firmware
  notes = {
    "Some batches ship with RDP level 1 (byte 0xBB): unlocking erases flash and data EEPROM, and with"
      .. " them keys and identity.",
    "The chip is an STM32L151CB-A (DEV_ID 0x429, RAM 32 KiB) though documents and marking say STM32L151CB.",
    "Early modules are reported with 16 KiB of RAM, the older STM32L151CB: DEV_ID 0x416 tells.",
    "The vendor's firmware keeps its LoRaWAN configuration, keys in clear, in flash from 0x0801E000 "
      .. "on: an image that reaches there replaces it.",
    "PB1, PA11, PA3, PH0 and PC13 are outputs of the radio (DIO0 to DIO4): a test must not drive them.",
  },
}
