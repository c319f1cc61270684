--- What other tools call their checksums, as fields of a stamp. What the stamp says itself comes first.
--- Source: srec_cat(1) and srec_input(1) of srecord 1.64; IAR technical note 64424 for ielftool; ST's article
--- on post-build CRCs; each srec_cat idiom is compared with srec_cat in tests/lua/stamp_tools_spec.lua.
return {
  -- ielftool --checksum __checksum:4,crc32:L with unit size 32-bit, initial value FFFFFFFF
  ["iar"] = { crc = "CRC-32/STM32", at = "__checksum", store = "u32le", own_field = "exclude" },
  -- the word behind the range: give `at`
  ["srec_cat -STM32"] = { crc = "CRC-32/STM32", store = "u32le" },
  ["srec_cat -STM32_Little_Endian"] = { crc = "CRC-32/STM32", store = "u32le" },
  ["srec_cat -STM32_Big_Endian"] = { crc = "CRC-32/STM32", store = "u32be" },
  ["srec_cat -CRC32-L-E"] = { crc = "CRC-32/ISO-HDLC", store = "u32le" },
  ["srec_cat -CRC32-B-E"] = { crc = "CRC-32/ISO-HDLC", store = "u32be" },
  -- seed FFFF with 16 zero bits behind the data, which is the catalogue's 1D0F; -XMODEM and -BROKEN differ
  ["srec_cat -CRC16-L-E"] = { crc = "CRC-16/SPI-FUJITSU", store = "u16le" },
  ["srec_cat -CRC16-B-E"] = { crc = "CRC-16/SPI-FUJITSU", store = "u16be" },
  ["srec_cat -CRC16-L-E -XMODEM"] = { crc = "CRC-16/XMODEM", store = "u16le" },
  ["srec_cat -CRC16-B-E -XMODEM"] = { crc = "CRC-16/XMODEM", store = "u16be" },
  ["srec_cat -CRC16-L-E -BROKEN"] = { crc = "CRC-16/IBM-3740", store = "u16le" },
  ["srec_cat -CRC16-B-E -BROKEN"] = { crc = "CRC-16/IBM-3740", store = "u16be" },
  ["srec_cat -ADler32-L-E"] = { sum = "adler32", store = "u32le" },
  ["srec_cat -ADler32-B-E"] = { sum = "adler32", store = "u32be" },
  ["srec_cat -FLEtcher16-L-E"] = { sum = "fletcher16", store = "u16le" },
  ["srec_cat -FLEtcher16-B-E"] = { sum = "fletcher16", store = "u16be" },
  ["srec_cat -Checksum_Positive_L-E 4"] = { sum = "sum32", store = "u32le" },
  -- all words from the start of the vector table up to this one add to 0
  ["nxp vector"] = { sum = "twos32", at = "last", store = "u32le", own_field = "exclude" },
}
