--- A complete job: RAK811 with LoRaWAN identity where its AT firmware reads it, a serial number in data EEPROM,
--- a CRC for the bootloader, BOR, a self-test, and the lock.
---   stlua ledger create line.db --vault line.key
---   stlua --probe sim:rak811 provision scripts/jobs/rak811_lorawan.lua --ledger line.db
--- Replace `firmware`, the EUI block and JoinEUI by yours. tests/firmware/rtt.hex stands in for AT firmware.
---
--- Configuration area of RAK811_LoRaNode (partition.c): 0x0801E000 selector of 512 bytes, two tables of 2 KiB,
--- 0x0801F200 selector of 256 bytes, two tables of 256 bytes. A selector that is not "RLTH" means the first
--- table. A table: "RLTH", length, CRC-16/XMODEM of what follows, then lora_config_t (lora_config.h). Its size is
--- that of a build with 12 bytes a channel; the firmware takes its own defaults if it expects another.
local config_addr <const>, config_area_bytes <const> = 0x0801E000, 0x1500
local table_addr <const> = config_addr + 512
local lora_config_addr <const>, lora_config_bytes <const> = table_addr + 12, 1360

-- What follows the keys: EU868 as the firmware's own "restore" has it (rw_lora.c).
local function eu868()
  local channels = {}
  for i, frequency_hz in ipairs { 868100000, 868300000, 868500000 } do
    channels[i] = string.pack("<I4 I4 B B xx", frequency_hz, 0, 0x50, 1) -- DR0 to DR5, band 1
  end
  return table.concat(channels) .. ("\0"):rep((96 - #channels) * 12)
    .. string.pack("<B x I2 I2 I2 I2 I2 I2", 16, 0x0007, 0, 0, 0, 0, 0) -- channels at most, their mask
    .. string.pack("<B B B B B B I4", 1, 1, 1, 0, 0, 0, 1000) -- public, ADR, duty cycle, power, offset; RX1 after 1000 ms
    .. string.pack("<B xxx I4 B B B B", 0, 869525000, 0, 48, 1, 8) -- RX2; data rate, joins, repetitions, retries
    .. ("\0"):rep(4 + 64) -- counters, reserved
    .. string.pack("<B xxx I4 B B B x I2 B x", 0, 868100000, 12, 0, 1, 8, 20) -- LoRaWAN; what P2P would use
end

---@type stlua.JobSpec
local job = {
  name = "rak811-lorawan",
  board = "rak811",
  firmware = { path = "../../tests/firmware/rtt.hex" }, -- sha256 = "..." refuses another file

  -- From the ledger, once for each chip. `serial` is RK, year and week, a number, a check digit: RK26480000018.
  identity = {
    serial = { "RK", { date = "ggww" }, { counter = 6 }, { check = "luhn", over = { 2, 3 } } },
    eui64 = { dev_eui = { first = "70B3D57ED0050000", last = "70B3D57ED005FFFF" } },
    keys = { app_key = { byte_count = 16, source = "random" } },
  },

  patches = {
    { at = config_addr, bytes = ("\0"):rep(4) }, -- the first table is the active one
    { at = table_addr, bytes = "RLTH" },
    { at = table_addr + 4, type = "u32le", value = lora_config_bytes },
    { at = table_addr + 10, bytes = "\0\0" }, -- the CRC has 16 bits in a field of 32
    { at = lora_config_addr + 1, type = { type = "ascii", byte_count = 16, pad = 0 }, value = "EU868" },
    { at = lora_config_addr + 21, type = "eui64", field = "dev_eui" },
    { at = lora_config_addr + 29, type = "eui64", value = "70B3D57ED0000001" }, -- JoinEUI, "app_eui" in LoRaWAN 1.0
    { at = lora_config_addr + 37, key = "app_key" },
    { at = lora_config_addr + 88, bytes = eu868() },
  },
  -- All else in the area becomes blank: nothing of a board's former keys stays in the other table.
  fill = { { at = config_addr, byte_count = config_area_bytes, byte = 0x00 } },
  stamps = {
    { name = "table", crc = "crc-16/xmodem", from = lora_config_addr, byte_count = lora_config_bytes,
      at = table_addr + 8, store = "u16le" },
    { name = "firmware", crc = "crc-32", from = 0x08000000, to = config_addr - 1, gap = 0x00, at = "last", store = "u32le" },
  },
  eeprom = {
    { offset_bytes = 0, type = { type = "ascii", byte_count = 16, pad = 0 }, field = "serial" },
  },

  option_bytes = { BOR = 1 }, -- reset below 1.8 V
  self_test = {
    via = "rtt", addr = 0x20000000, -- or an ELF as `firmware`, which has the symbol
    measurements = {
      { name = "greeting", expect = "ready", equals = "ready" },
      { name = "uid", send = "uid 0\n", equals = function(session) return session.uid:sub(1, 8) end },
    },
  },
  lock = { rdp_level = 1 },
  unlock = "always", -- some batches come locked from the maker, and a unit that returns is locked, too

  -- Public fields only. The second line is the QR code of TR005: JoinEUI, DevEUI, profile.
  label = { text = "S/N {serial}\nLW:D0:70B3D57ED0000001:{dev_eui}:FFFFFFFF" },
}

return job
