--- Identity in data EEPROM, in the manner of Semtech's LoRaMac-node on STM32L1: a block at the beginning of
--- the EEPROM that ends in its CRC-32, which the firmware checks before it believes the block. The firmware
--- itself is the same for all units. Offsets are this example's own: LoRaMac's follow from the build, so take
--- them from its ELF, or name a symbol: at = "SecureElementNvm", offset_bytes = 8.
---   stlua ledger create line.db --vault line.key
---   stlua --probe sim:rak811 provision scripts/jobs/eeprom_identity.lua --ledger line.db
local eeprom_addr = 0x08080000
local block_bytes = 0x60 -- DevEUI, JoinEUI, PIN, keys, serial number; the CRC-32 follows

---@type stlua.JobSpec
local job = {
  name = "eeprom-identity",
  board = "rak811",
  firmware = { path = "../../tests/firmware/selftest.hex" },

  -- What each unit gets, from the ledger. The same chip always gets the same.
  identity = {
    serial = { "EI", { date = "ggww" }, { counter = 5 }, { check = "luhn", over = { 2, 3 } } }, -- EI 2648 00001 check digit
    eui64 = { dev_eui = { first = "70B3D57ED0060000", last = "70B3D57ED00603E7" } }, -- from a block that you own
    keys = { nwk_key = { byte_count = 16, source = "random" } }, -- AppKey in LoRaWAN 1.0.x
  },

  eeprom = {
    { offset_bytes = 0x00, type = "eui64", field = "dev_eui" },
    { offset_bytes = 0x08, type = "eui64", value = "70B3D57ED0000001" }, -- JoinEUI
    { offset_bytes = 0x10, type = "u32be", value = 0 }, -- PIN
    { offset_bytes = 0x14, key = "nwk_key" },
    { offset_bytes = 0x50, type = { type = "ascii", byte_count = 16, pad = 0 }, field = "serial" },
  },
  stamps = {
    { name = "block", crc = "crc-32", from = eeprom_addr, byte_count = block_bytes, gap = 0x00,
      at = eeprom_addr + block_bytes, store = "u32le" },
  },

  option_bytes = { BOR = 1 }, -- reset below 1.8 V: no half-written EEPROM when a battery ends
  lock = { rdp_level = 1 },
  unlock = "returning", -- a unit that comes back is opened, which erases it, and gets its own identity again
  label = { text = "S/N {serial}\nDevEUI {dev_eui}" }, -- public fields only: a key cannot be named here
}

return job
