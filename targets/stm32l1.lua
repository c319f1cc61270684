--- STM32L100, L151, L152, L162: one variant per device category and DEV_ID, one part per order code.
--- Source: facts sheet stm32l1, 1.1 (category table), 1.2 (IDCODE), 1.3 (flash size), 1.4 (UID), 2 (FLASH
--- registers), 3.7 (option bytes), 4.1 (times); RM0038 3 (FLASH), 31 (device signature).
---
--- Which variant a chip is: dev_id, and where two variants share it, the decoded flash size: read 16 bits
--- at flash_kib_addr, AND with flash_kib_mask, look up in flash_kib_codes where a variant has them; the
--- variant is the one whose flash_kib_allowed has the result. Values in no list (0 on early silicon,
--- 0xFFFF) say nothing: take the first variant of that dev_id, that is the largest, and say so.
--- Which part it is, no register tells: RAM and EEPROM are as sold, the die often has more. With no part
--- named, ram_min_bytes is what every part of the variant has.
local KiB = 1024

return {
  family = "STM32L1", core = "cortex-m3",
  nvm = "stm32l1", nvm_regs_addr = 0x40023C00, -- driver: core/nvm/stm32l1.c
  dev_id = { addr = 0xE0042000, mask = 0xFFF, rev_shift = 16 }, -- DBGMCU_IDCODE
  flash = { base_addr = 0x08000000, page_bytes = 256, half_page_bytes = 128,
            wrp_sector_bytes = 4 * KiB, erased_byte = 0x00 },
  eeprom = { base_addr = 0x08080000, erased_byte = 0x00 },
  ram = { base_addr = 0x20000000 },
  system_memory = { base_addr = 0x1FF00000 },
  option_bytes = { base_addr = 0x1FF80000, rdp_offset = 0x00, user_offset = 0x04, wrp1_offset = 0x08 },
  op_typical_us = 3280, op_max_us = 3940, -- one operation of any kind, by the NVM's own timer

  -- option_offsets: RDP, USER, then WRP in parts of 16 sectors, two for each WRPR register.
  variants = {
    { name = "cat1", category = 1, dev_id = 0x416,
      flash_kib_addr = 0x1FF8004C, flash_kib_mask = 0xFF, flash_kib_allowed = { 32, 64, 128 },
      uid_addr = 0x1FF80050, uid_offsets = { 0x00, 0x04, 0x14 },
      flash_max_bytes = 128 * KiB, eeprom_max_bytes = 4 * KiB, ram_max_bytes = 16 * KiB,
      ram_min_bytes = 4 * KiB, system_memory_bytes = 4 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 128 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 4 * KiB } },
      option_offsets = { 0x00, 0x04, 0x08, 0x0C }, wrp_word_count = 1,
      has_parallel_banks = false, has_sprmod = false, user_default = 0x78,
      -- 0x1018 is seen in the field; its letter is from memory, and OpenOCD's table lacks it
      rev_ids = { [0x1000] = "A", [0x1008] = "Y", [0x1018] = "X", [0x1038] = "W", [0x1078] = "V" },
      proven = { "sim" } },

    { name = "cat2", category = 2, dev_id = 0x429,
      -- the upper byte of the size register is undefined here: 0x6B80 is 128 KiB
      flash_kib_addr = 0x1FF8004C, flash_kib_mask = 0xFF, flash_kib_allowed = { 32, 64, 128 },
      uid_addr = 0x1FF80050, uid_offsets = { 0x00, 0x04, 0x14 },
      flash_max_bytes = 128 * KiB, eeprom_max_bytes = 4 * KiB, ram_max_bytes = 32 * KiB,
      ram_min_bytes = 4 * KiB, system_memory_bytes = 4 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 128 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 4 * KiB } },
      option_offsets = { 0x00, 0x04, 0x08, 0x0C }, wrp_word_count = 1,
      has_parallel_banks = false, has_sprmod = true, user_default = 0x78,
      rev_ids = { [0x1000] = "A", [0x1018] = "Z" }, proven = { "sim" } },

    { name = "cat3", category = 3, dev_id = 0x427,
      flash_kib_addr = 0x1FF800CC, flash_kib_mask = 0xFFFF, flash_kib_allowed = { 256 },
      uid_addr = 0x1FF800D0, uid_offsets = { 0x00, 0x04, 0x14 },
      flash_max_bytes = 256 * KiB, eeprom_max_bytes = 8 * KiB, ram_max_bytes = 32 * KiB,
      ram_min_bytes = 16 * KiB, system_memory_bytes = 8 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 256 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 8 * KiB } },
      option_offsets = { 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14 }, wrp_word_count = 2,
      has_parallel_banks = false, has_sprmod = true, user_default = 0x78,
      rev_ids = { [0x1000] = "A", [0x1018] = "Y", [0x1038] = "X", [0x10F8] = "V" }, proven = { "sim" } },

    { name = "cat4", category = 4, dev_id = 0x436,
      flash_kib_addr = 0x1FF800CC, flash_kib_mask = 0xFFFF, flash_kib_allowed = { 384 },
      flash_kib_codes = { [0] = 384, [1] = 256 }, -- the register holds a code, not a size
      uid_addr = 0x1FF800D0, uid_offsets = { 0x00, 0x04, 0x14 },
      flash_max_bytes = 384 * KiB, eeprom_max_bytes = 12 * KiB, ram_max_bytes = 48 * KiB,
      ram_min_bytes = 48 * KiB, system_memory_bytes = 8 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 192 * KiB },
                      { base_addr = 0x08030000, size_bytes = 192 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 6 * KiB },
                       { base_addr = 0x08081800, size_bytes = 6 * KiB } },
      option_offsets = { 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C }, wrp_word_count = 3,
      has_parallel_banks = true, has_sprmod = false, user_default = 0xF8,
      rev_ids = { [0x1000] = "A", [0x1008] = "Z", [0x1018] = "Y", [0x1038] = "X" }, proven = { "sim" } },

    -- The die of cat4 sold with 256 KiB. One bank here, as the category says; OpenOCD makes it 192 + 64.
    { name = "cat3-a", category = 3, dev_id = 0x436,
      flash_kib_addr = 0x1FF800CC, flash_kib_mask = 0xFFFF, flash_kib_allowed = { 256 },
      flash_kib_codes = { [0] = 384, [1] = 256 },
      uid_addr = 0x1FF800D0, uid_offsets = { 0x00, 0x04, 0x14 },
      flash_max_bytes = 256 * KiB, eeprom_max_bytes = 8 * KiB, ram_max_bytes = 32 * KiB,
      ram_min_bytes = 32 * KiB, system_memory_bytes = 8 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 256 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 8 * KiB } },
      option_offsets = { 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14 }, wrp_word_count = 2,
      has_parallel_banks = false, has_sprmod = false, user_default = 0x78,
      rev_ids = { [0x1000] = "A", [0x1008] = "Z", [0x1018] = "Y", [0x1038] = "X" }, proven = { "sim" } },

    { name = "cat5", category = 5, dev_id = 0x437,
      flash_kib_addr = 0x1FF800CC, flash_kib_mask = 0xFFFF, flash_kib_allowed = { 512 },
      uid_addr = 0x1FF800D0, uid_offsets = { 0x00, 0x04, 0x14 },
      flash_max_bytes = 512 * KiB, eeprom_max_bytes = 16 * KiB, ram_max_bytes = 80 * KiB,
      ram_min_bytes = 80 * KiB, system_memory_bytes = 8 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 256 * KiB },
                      { base_addr = 0x08040000, size_bytes = 256 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 8 * KiB },
                       { base_addr = 0x08082000, size_bytes = 8 * KiB } },
      -- the fourth register's words do not follow the third's
      option_offsets = { 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C, 0x80, 0x84 },
      wrp_word_count = 4,
      has_parallel_banks = true, has_sprmod = false, user_default = 0xF8,
      rev_ids = { [0x1000] = "A" }, proven = { "sim" } },

    -- The die of cat5 sold with 384 KiB and a hole between the banks; sectors are numbered through the
    -- hole, so bank 2 starts at sector 64, and the word at 0x84 protects nothing that was sold.
    { name = "cat6", category = 6, dev_id = 0x437,
      flash_kib_addr = 0x1FF800CC, flash_kib_mask = 0xFFFF, flash_kib_allowed = { 384 },
      uid_addr = 0x1FF800D0, uid_offsets = { 0x00, 0x04, 0x14 },
      -- RAM: ST and others say 80 KiB, probe-rs 48 KiB
      flash_max_bytes = 384 * KiB, eeprom_max_bytes = 16 * KiB, ram_max_bytes = 80 * KiB,
      ram_min_bytes = 48 * KiB, system_memory_bytes = 8 * KiB,
      flash_banks = { { base_addr = 0x08000000, size_bytes = 192 * KiB },
                      { base_addr = 0x08040000, size_bytes = 192 * KiB } },
      eeprom_banks = { { base_addr = 0x08080000, size_bytes = 8 * KiB },
                       { base_addr = 0x08082000, size_bytes = 8 * KiB } },
      option_offsets = { 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C, 0x80, 0x84 },
      wrp_word_count = 4,
      has_parallel_banks = true, has_sprmod = false, user_default = 0xF8,
      rev_ids = { [0x1000] = "A" }, proven = { "sim" } },
  },

  -- Names end before package and temperature: STM32L151CBU6A is STM32L151CB-A, VDT6X is VD-X. Where the
  -- sources disagree the smaller value stands, and the comment has both.
  parts = {
    -- EEPROM of L100xB: ST's headers say 2 KiB, other tables 4 (the die)
    { name = "STM32L100C6", variant = "cat1", flash_kib = 32, ram_kib = 4, eeprom_kib = 2 },
    { name = "STM32L100R8", variant = "cat1", flash_kib = 64, ram_kib = 8, eeprom_kib = 2 },
    { name = "STM32L100RB", variant = "cat1", flash_kib = 128, ram_kib = 10, eeprom_kib = 2 },

    { name = "STM32L151C6", variant = "cat1", flash_kib = 32, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L151R6", variant = "cat1", flash_kib = 32, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L151C8", variant = "cat1", flash_kib = 64, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L151R8", variant = "cat1", flash_kib = 64, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L151V8", variant = "cat1", flash_kib = 64, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L151CB", variant = "cat1", flash_kib = 128, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L151RB", variant = "cat1", flash_kib = 128, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L151VB", variant = "cat1", flash_kib = 128, ram_kib = 16, eeprom_kib = 4 },

    { name = "STM32L152C6", variant = "cat1", flash_kib = 32, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L152R6", variant = "cat1", flash_kib = 32, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L152C8", variant = "cat1", flash_kib = 64, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L152R8", variant = "cat1", flash_kib = 64, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L152V8", variant = "cat1", flash_kib = 64, ram_kib = 10, eeprom_kib = 4 },
    { name = "STM32L152CB", variant = "cat1", flash_kib = 128, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L152RB", variant = "cat1", flash_kib = 128, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L152VB", variant = "cat1", flash_kib = 128, ram_kib = 16, eeprom_kib = 4 },

    -- EEPROM as above; RAM of RB-A: 16 KiB or 10
    { name = "STM32L100C6-A", variant = "cat2", flash_kib = 32, ram_kib = 4, eeprom_kib = 2 },
    { name = "STM32L100R8-A", variant = "cat2", flash_kib = 64, ram_kib = 8, eeprom_kib = 2 },
    { name = "STM32L100RB-A", variant = "cat2", flash_kib = 128, ram_kib = 10, eeprom_kib = 2 },

    { name = "STM32L151C6-A", variant = "cat2", flash_kib = 32, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L151R6-A", variant = "cat2", flash_kib = 32, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L151C8-A", variant = "cat2", flash_kib = 64, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L151R8-A", variant = "cat2", flash_kib = 64, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L151V8-A", variant = "cat2", flash_kib = 64, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L151CB-A", variant = "cat2", flash_kib = 128, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L151RB-A", variant = "cat2", flash_kib = 128, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L151VB-A", variant = "cat2", flash_kib = 128, ram_kib = 32, eeprom_kib = 4 },

    { name = "STM32L152C6-A", variant = "cat2", flash_kib = 32, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L152R6-A", variant = "cat2", flash_kib = 32, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L152C8-A", variant = "cat2", flash_kib = 64, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L152R8-A", variant = "cat2", flash_kib = 64, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L152V8-A", variant = "cat2", flash_kib = 64, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L152CB-A", variant = "cat2", flash_kib = 128, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L152RB-A", variant = "cat2", flash_kib = 128, ram_kib = 32, eeprom_kib = 4 },
    { name = "STM32L152VB-A", variant = "cat2", flash_kib = 128, ram_kib = 32, eeprom_kib = 4 },

    -- EEPROM: ST's headers say 4 KiB, others 8
    { name = "STM32L100RC", variant = "cat3", flash_kib = 256, ram_kib = 16, eeprom_kib = 4 },
    { name = "STM32L151CC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L151UC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L151RC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L151VC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152CC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152UC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152RC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152VC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L162RC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L162VC", variant = "cat3", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },

    { name = "STM32L151RC-A", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L151VC-A", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L151QC", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L151ZC", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152RC-A", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152VC-A", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152QC", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L152ZC", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L162RC-A", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L162VC-A", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L162QC", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },
    { name = "STM32L162ZC", variant = "cat3-a", flash_kib = 256, ram_kib = 32, eeprom_kib = 8 },

    { name = "STM32L151QD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L151RD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L151VD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L151ZD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L152QD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L152RD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L152VD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L152ZD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L162QD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L162RD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L162VD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },
    { name = "STM32L162ZD", variant = "cat4", flash_kib = 384, ram_kib = 48, eeprom_kib = 12 },

    { name = "STM32L151QE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L151RE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L151VE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L151ZE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L152QE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L152RE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L152VE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L152ZE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L162QE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L162RE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L162VE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },
    { name = "STM32L162ZE", variant = "cat5", flash_kib = 512, ram_kib = 80, eeprom_kib = 16 },

    -- RAM: 80 KiB or 48
    { name = "STM32L151VD-X", variant = "cat6", flash_kib = 384, ram_kib = 48, eeprom_kib = 16 },
    { name = "STM32L152VD-X", variant = "cat6", flash_kib = 384, ram_kib = 48, eeprom_kib = 16 },
    { name = "STM32L162VD-X", variant = "cat6", flash_kib = 384, ram_kib = 48, eeprom_kib = 16 },
  },
}
