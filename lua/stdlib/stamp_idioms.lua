--- What other tools call their checksums, as fields of a stamp; what the stamp says itself goes first.
--- Every srec_cat idiom is the option's full name, then what follows the address; tests/lua/stamp_tools_spec.lua
--- compares each with srec_cat. Its Fletcher sums are not here: they write 0xFF for a sum of 0.
--- Source: srec_input(1) of srecord 1.64; IAR technical note 64424 (ielftool).
return {
  -- --checksum __checksum:4,crc32: words of 32 bits from FFFFFFFF on, most significant bit first, as the STM32 unit
  ["iar"] = { crc = "CRC-32/STM32", at = "__checksum", store = "u32le", own_field = "exclude" },
  ["srec_cat -STM32"] = { crc = "CRC-32/STM32", store = "u32le" },
  ["srec_cat -STM32_Little_Endian"] = { crc = "CRC-32/STM32", store = "u32le" },
  ["srec_cat -STM32_Big_Endian"] = { crc = "CRC-32/STM32", store = "u32be" },
  ["srec_cat -CRC32_Little_Endian"] = { crc = "CRC-32/ISO-HDLC", store = "u32le" },
  ["srec_cat -CRC32_Big_Endian"] = { crc = "CRC-32/ISO-HDLC", store = "u32be" },
  -- seed FFFF, then 16 zero bits behind the data: the catalogue's seed 1D0F
  ["srec_cat -CRC16_Little_Endian"] = { crc = "CRC-16/SPI-FUJITSU", store = "u16le" },
  ["srec_cat -CRC16_Big_Endian"] = { crc = "CRC-16/SPI-FUJITSU", store = "u16be" },
  ["srec_cat -CRC16_Little_Endian -XMODEM"] = { crc = "CRC-16/XMODEM", store = "u16le" },
  ["srec_cat -CRC16_Big_Endian -XMODEM"] = { crc = "CRC-16/XMODEM", store = "u16be" },
  ["srec_cat -CRC16_Little_Endian -BROKEN"] = { crc = "CRC-16/IBM-3740", store = "u16le" },
  ["srec_cat -CRC16_Big_Endian -BROKEN"] = { crc = "CRC-16/IBM-3740", store = "u16be" },
  ["srec_cat -Adler_32_Little_Endian"] = { sum = "adler32", store = "u32le" },
  ["srec_cat -Adler_32_Big_Endian"] = { sum = "adler32", store = "u32be" },
  ["srec_cat -Checksum_Positive_Little_Endian 4"] = { sum = "sum32", store = "u32le" },
  ["srec_cat -Checksum_Positive_Big_Endian 4"] = { sum = "sum32", store = "u32be" },
  -- all words of the range and this one add to 0
  ["nxp vector"] = { sum = "twos32", at = "last", store = "u32le", own_field = "exclude" },
}
