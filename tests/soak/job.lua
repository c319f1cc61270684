--- What the soak provisions: a small image with all that identifies a unit, in flash and in data EEPROM, sealed
--- by a CRC, and the lock, which a board that comes back is opened from.
return {
  name = "soak", board = "rak811", firmware = "../firmware/rtt.hex",
  identity = {
    serial = { "N", { counter = 6 } },
    eui64 = { dev_eui = { first = "70B3D57ED0000000", last = "70B3D57ED0FFFFFF" } },
    keys = { app_key = { byte_count = 16, source = "random" } },
  },
  patches = { { at = 0x08000800, type = { type = "ascii", byte_count = 16, pad = 0 }, field = "serial" } },
  stamps = { { name = "firmware", crc = "crc-32", from = 0x08000000, to = 0x0800080F, gap = 0x00, at = 0x08000810,
    store = "u32le" } },
  eeprom = {
    { offset_bytes = 0, type = { type = "ascii", byte_count = 16, pad = 0 }, field = "serial" },
    { offset_bytes = 16, type = "eui64", field = "dev_eui" },
    { offset_bytes = 24, key = "app_key" },
  },
  lock = { rdp_level = 1 },
  unlock = "returning",
}
