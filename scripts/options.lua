--- The option bytes in words.
local format = require "stlua.format"
local json = require "stlua.json"
local option_bytes = require "stlua.option_bytes"

-- BOR_LEV as the reference manual names it (RM0038, 3.7: FLASH_OBR).
local bor_texts = { [0] = "off", "level 1 (1.8 V)", "level 2 (2.0 V)", "level 3 (2.5 V)", "level 4 (2.7 V)",
  "level 5 (3.0 V)" }

local function yes(flag, if_true, if_false) return flag and if_true or if_false end

local function word_name(index) return index == 1 and "RDP" or index == 2 and "USER" or ("WRP %d"):format(index - 3) end

-- "USER 0x78 -> 0x7A"; nothing for what stays.
local function show_changes(session, status, values)
  session:say("plan:")
  local lines = 0
  if values.user_byte and values.user_byte ~= status.user_byte then
    session:say("  USER  0x%02X -> 0x%02X", status.user_byte, values.user_byte)
    lines = lines + 1
  end
  for i, word in ipairs(values.wrp or {}) do
    if word ~= status.wrp[i] then
      session:say("  WRP%d  0x%08X -> 0x%08X", i, status.wrp[i], word)
      lines = lines + 1
    end
  end
  if lines == 0 then session:say("  nothing: all of it is so already") end
  session:say("  the option bytes are reloaded, which resets the chip; flash and EEPROM stay")
end

--- --set: only the fields that are named change.
local function set(session, assignments)
  local fields = option_bytes.parse(assignments)
  local status, target = session.nvm:status(), session.target
  local values = {}
  if fields.WRP then
    values.wrp = option_bytes.wrp_words(option_bytes.sectors(fields.WRP, target), target)
    fields.WRP = nil
  end
  if next(fields) then
    values.user_byte = option_bytes.user_byte(status.user_byte, fields, target, session.supply_mv)
  end
  show_changes(session, status, values)
  if not session.is_dry_run then session:set_option_bytes(values) end
end

return {
  summary = "Show the option bytes: RDP, WRP, BOR and the rest; --set changes them",
  needs = "target",
  args = {
    { "--set", many = true, metavar = "FIELD=VALUE",
      help = "BOR=0..5, IWDG_SW=0|1, nRST_STOP=0|1, nRST_STDBY=0|1, BFB2=0|1, WRP=none|all|0-3,7" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local is_set = args.set and #args.set > 0
    if is_set then
      set(session, args.set)
      if session.is_dry_run then return "dry run, nothing changed" end
    end
    local status = session.nvm:status()
    local sectors = json.array(option_bytes.protected(status, session.target))
    local flash = session.target.family.flash
    local rows = {
      { "RDP", ("level %d, byte 0x%02X"):format(status.rdp_level, status.rdp_byte),
        ({ [0] = "open to the debugger", "closed; going back to level 0 erases flash and data EEPROM",
          "closed for ever" })[status.rdp_level] },
      { "USER", ("0x%02X"):format(status.user_byte), "BOR " .. (bor_texts[status.bor_level] or status.bor_level) },
      { "", "IWDG", yes(status.is_iwdg_software, "started by software", "started by hardware") },
      { "", "nRST_STOP", yes(status.is_nrst_stop, "no reset on Stop", "reset when Stop is entered") },
      { "", "nRST_STDBY", yes(status.is_nrst_stdby, "no reset on Standby", "reset when Standby is entered") },
    }
    if session.target.variant.has_parallel_banks then
      rows[#rows + 1] = { "", "BFB2", yes(status.is_bfb2, "boots from bank 2", "boots from bank 1") }
    end
    if session.target.variant.has_sprmod then
      rows[#rows + 1] = { "SPRMOD", yes(status.is_sprmod, "on", "off"),
        yes(status.is_sprmod, "WRP bits mean read protection", "WRP bits mean write protection") }
    end
    local first_addr = flash.base_addr + (sectors[1] or 0) * flash.wrp_sector_bytes
    rows[#rows + 1] = { "WRP", format.count(#sectors, "sector"), #sectors > 0
      and ("%s: from %s"):format(table.concat(sectors, " "), format.addr(first_addr)) or "nothing is write-protected" }
    local damaged = 0
    for i, word in ipairs(status.option_words) do
      if not word.is_good then damaged = damaged + 1 end
      rows[#rows + 1] = { word_name(i), ("0x%08X"):format(word.value), yes(word.is_good, "sound", "DAMAGED") }
    end
    for _, line in ipairs(format.columns(rows)) do session:say("%s", line) end
    if status.has_option_error then
      session:warn("OPTVERR is set: the chip found damaged option bytes when it last loaded them")
    end
    local words = json.array()
    for i, word in ipairs(status.option_words) do
      words[i] = { name = word_name(i), value = word.value, is_good = word.is_good }
    end
    status.option_words, status.wrp, status.wrp_sectors = words, json.array(status.wrp), sectors
    return ("%sRDP level %d, %s protected, %s"):format(is_set and "written and read back; " or "", status.rdp_level,
      format.count(#sectors, "sector"),
      damaged == 0 and "all words sound" or format.count(damaged, "word") .. " damaged"), status
  end,
}
