--- doctor, fourth stage: which chip, which memories, and what its registers say. Reads only.
--- Source: facts/stm32l1 1.2, 1.3, 2 (FLASH), 3.7, 3.8 (option bytes, RDP), 4.3 (VCORE), 5.2, 5.6, 7.1 (RCC).
local errors = require "stlua.errors"
local format = require "stlua.format"
local targets = require "stlua.targets"

local flash_addr, system_addr = 0x08000000, 0x1FF00000
local FLASH, RCC, PWR_CR = 0x40023C00, 0x40023800, 0x40007000
local ACR, PECR, SR, OBR, WRPR1, WRPR2 = FLASH, FLASH + 0x04, FLASH + 0x18, FLASH + 0x1C, FLASH + 0x20, FLASH + 0x80

local function bit(word, n) return word >> n & 1 == 1 end

-- ---- which chip ----

local function idcode(exam, seen)
  local _, family = next(targets.all())
  local word = exam.dap:read32(family.dev_id.addr)
  seen.idcode, seen.dev_id = word, word & family.dev_id.mask
  local part = exam.session.part or nil
  local target, err = errors.attempt(targets.identify, exam.dap, part)
  if err then
    seen.identify_error = err
    return ("IDCODE 0x%08X: %s"):format(word, err.cause or err.message)
  end
  seen.target = target
  return ("DEV_ID 0x%03X, category %d%s"):format(seen.dev_id, target.variant.category,
    part and ", as " .. part.name .. " has" or "")
end

-- Read twice: a size that changes is no size.
local function flash_size(exam, seen)
  local target = seen.target
  if not target then return "the chip is not known", true end
  local again = targets.identify(exam.dap, exam.session.part or nil)
  seen.is_size_unstable = again.flash_kib_raw ~= target.flash_kib_raw
  seen.size_warning = target.warnings[1]
  local text = ("%d KiB: %s"):format(target.flash_kib,
    targets.register_text(target.flash_kib_raw, target.flash_kib_rule, target.variant))
  local raw = target.flash_kib_raw
  return text .. (raw and raw > 0xFF and target.variant.flash_kib_mask == 0xFF
    and ("; a tool that takes all 16 bits shows %d KB"):format(raw) or "")
end

-- Reading says whether it is there; whether it holds what is written, the loader stage says.
local function ram(exam, seen)
  local target = seen.target
  local byte_count = target and target.ram_bytes or 4096
  local base = 0x20000000
  local _, err = errors.attempt(exam.dap.read32, exam.dap, base + byte_count - 4)
  if not err then return ("%s at least, as %s"):format(format.size(byte_count),
    target and target.part and target.part.name .. " has" or "every chip of this DEV_ID has") end
  if err.code ~= "dap_fault" then error(err, 0) end
  local there = byte_count
  repeat
    there = there // 2
    local _, why = errors.attempt(exam.dap.read32, exam.dap, base + there - 4)
  until not why or there <= 256
  seen.ram_there_bytes, seen.ram_wanted_bytes = there, byte_count
  return ("%s there, %s expected"):format(format.size(there), format.size(byte_count))
end

-- ---- power and clocks ----

local hpre = { [8] = 2, 4, 8, 16, 64, 128, 256, 512 }
local sources = { [0] = "MSI", "HSI", "HSE", "PLL" }

local function power(exam, seen)
  local word = exam.dap:read32(PWR_CR)
  seen.vcore_range, seen.is_low_power_run = word >> 11 & 3, bit(word, 14)
  local icscr, cfgr = exam.dap:read32(RCC + 0x04), exam.dap:read32(RCC + 0x08)
  local source = cfgr >> 2 & 3
  local khz = source == 0 and 32.768 * (1 << (icscr >> 13 & 7) + 1) or source == 1 and 16000 or nil
  if khz then seen.hclk_khz = khz / (hpre[cfgr >> 4 & 15] or 1) end
  return ("VCORE range %d%s, clock from %s%s"):format(seen.vcore_range, seen.is_low_power_run and ", low-power run" or "",
    sources[source], seen.hclk_khz and (", %d kHz"):format(seen.hclk_khz // 1) or "")
end

local causes_of_reset = { [25] = "option loading", [26] = "nRST", [27] = "power", [28] = "software", [29] = "IWDG",
  [30] = "WWDG", [31] = "low power" }

-- The flags gather from one power-on to the next.
local function resets(exam, seen)
  local csr, names = exam.dap:read32(RCC + 0x34), {}
  for n = 25, 31 do
    if bit(csr, n) then names[#names + 1] = causes_of_reset[n] end
  end
  seen.is_watchdog_seen = bit(csr, 29) or bit(csr, 30)
  seen.watchdog_name = bit(csr, 29) and "independent watchdog (IWDG)" or "window watchdog (WWDG)"
  return ("since power-on by %s"):format(#names > 0 and table.concat(names, ", ") or "nothing: the flags were cleared")
end

-- ---- the flash controller ----

local error_flags = { [8] = "WRPERR", [9] = "PGAERR", [10] = "SIZERR", [13] = "RDERR" }

local function controller(exam, seen)
  local acr, ahbenr = exam.dap:read32(ACR), exam.dap:read32(RCC + 0x1C)
  local pecr, sr = exam.dap:read32(PECR), exam.dap:read32(SR)
  seen.is_flash_off = bit(acr, 4) or not bit(ahbenr, 15)
  seen.is_run_pd = bit(acr, 4)
  seen.pecr, seen.sr, seen.is_busy = pecr, sr, bit(sr, 0)
  local flags = {}
  for n = 8, 13 do
    if error_flags[n] and bit(sr, n) then flags[#flags + 1] = error_flags[n] end
  end
  seen.flash_flags = flags
  local text = ("SR 0x%X, PECR 0x%X"):format(sr, pecr)
  if seen.is_flash_off then text = text .. (seen.is_run_pd and ", RUN_PD is set" or ", FLITFEN is off") end
  return text .. (seen.is_busy and ", busy" or "") .. (#flags > 0 and ", " .. table.concat(flags, " ") or "")
end

-- ---- option bytes ----

local function rdp(exam, seen)
  local obr = exam.dap:read32(OBR)
  local byte = obr & 0xFF
  seen.rdp_byte, seen.rdp_level = byte, byte == 0xAA and 0 or byte == 0xCC and 2 or 1
  seen.is_sprmod, seen.user_byte = bit(obr, 8), obr >> 16 & 0xFF
  return ("level %d (byte 0x%02X)"):format(seen.rdp_level, byte)
end

local function option_words(exam, seen)
  local base, offsets = 0x1FF80000, seen.target and seen.target.variant.option_offsets or { 0, 4, 8, 12 }
  local damaged = {}
  for i, offset in ipairs(offsets) do
    local word = exam.dap:read32(base + offset)
    if word & 0xFFFF ~= ~word >> 16 & 0xFFFF then
      damaged[#damaged + 1] = ("0x%08X is 0x%08X"):format(base + offset, word)
      if i == 1 then seen.is_rdp_word_damaged = true end
    end
  end
  seen.damaged_words = damaged
  seen.is_optverr = seen.sr and (bit(seen.sr, 11) or bit(seen.sr, 12)) or false
  return (#damaged == 0 and ("%d words and their complements agree"):format(#offsets)
    or "damaged: " .. table.concat(damaged, ", ")) .. (seen.is_optverr and ", OPTVERR is set" or "")
end

local function wrp(exam, seen)
  local words = { exam.dap:read32(WRPR1) }
  local count = seen.target and seen.target.variant.wrp_word_count or 1
  for n = 2, count do words[n] = exam.dap:read32(WRPR2 + 4 * (n - 2)) end
  local sectors = {}
  for n, word in ipairs(words) do
    for i = 0, 31 do
      if bit(word, i) then sectors[#sectors + 1] = 32 * (n - 1) + i end
    end
  end
  seen.wrp_sectors = sectors
  if seen.is_sprmod then return "SPRMOD is on: WRP bits that are 0 close sectors to reading and writing (PCROP)" end
  return #sectors == 0 and "no sector protected" or
    ("%s protected, the first is %d at 0x%08X"):format(format.count(#sectors, "sector"), sectors[1],
      flash_addr + 4096 * sectors[1])
end

-- The supply at which a level surely lets the chip go; RM0038 names them level 1 to 5.
local bor_mv = { [8] = 1800, [9] = 2000, [10] = 2400, [11] = 2650, [12] = 2900 }

local function bor(_, seen)
  if not seen.user_byte then return "the option bytes cannot be read", true end
  seen.bor_mv = bor_mv[seen.user_byte & 0xF]
  return seen.bor_mv and ("on: the chip is held in reset below a level of up to %s"):format(
    format.volts(seen.bor_mv)) or "off"
end

local function watchdog(_, seen)
  if not seen.user_byte then return "the option bytes cannot be read", true end
  seen.is_iwdg_hardware = not bit(seen.user_byte, 4)
  return seen.is_iwdg_hardware and "started by hardware at every reset" or "started by software, if at all"
end

-- ---- boot ----

local function words_at(exam, addr)
  local words = errors.attempt(exam.dap.read32, exam.dap, addr, 2)
  return words and ("%08X%08X"):format(words[1], words[2])
end

-- BOOT0 and BOOT1 have no register; what is seen at address 0 tells.
local function boot(exam, seen)
  if seen.is_under_reset then return "not known after a reset", true end
  local at_0 = words_at(exam, 0)
  if not at_0 then return "address 0 cannot be read", true end
  seen.is_boot_from_system = at_0 == words_at(exam, system_addr) and at_0 ~= words_at(exam, flash_addr)
  return seen.is_boot_from_system and "system memory is at address 0" or "flash is at address 0"
end

-- ---- an image that was named ----

local function image(exam, seen)
  if not exam.image then return "none named", true end
  if not seen.target then return "the chip is not known", true end
  for _, segment in ipairs(exam.image:segments()) do
    if not targets.region_of(seen.target, segment.addr, segment.byte_count) then
      seen.outside = segment
      return ("0x%08X .. 0x%08X is no memory of this chip"):format(segment.addr, segment.addr + segment.byte_count - 1)
    end
  end
  return format.size(exam.image:byte_count()) .. ", all inside"
end

return {
  checks = {
    { id = "chip.idcode", title = "chip", needs = "dap", run = idcode },
    { id = "chip.flash_size", title = "flash size", needs = "dap", run = flash_size },
    { id = "chip.ram", title = "RAM", needs = "dap", run = ram },
    { id = "chip.power", title = "power and clock", needs = "dap", run = power },
    { id = "chip.resets", title = "resets", needs = "dap", run = resets },
    { id = "chip.flash", title = "flash controller", needs = "dap", run = controller },
    { id = "chip.rdp", title = "RDP", needs = "dap", run = rdp },
    { id = "chip.options", title = "option words", needs = "dap", run = option_words },
    { id = "chip.wrp", title = "WRP", needs = "dap", run = wrp },
    { id = "chip.bor", title = "BOR", needs = "dap", run = bor },
    { id = "chip.watchdog", title = "watchdog", needs = "dap", run = watchdog },
    { id = "chip.boot", title = "boot", needs = "open", run = boot },
    { id = "chip.image", title = "image", run = image },
  },
}
