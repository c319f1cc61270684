--- What is behind the probe: chip, memories, protection; and the probe itself.
local format = require "stlua.format"
local json = require "stlua.json"
local targets = require "stlua.targets"

-- WRP sectors as runs: "0-3, 7"
local function sectors_text(wrp, sector_count)
  local runs, first = {}, nil
  for sector = 0, sector_count do
    local is_set = sector < sector_count and (wrp[sector // 32 + 1] or 0) >> sector % 32 & 1 == 1
    if is_set and not first then first = sector end
    if not is_set and first then
      runs[#runs + 1] = first == sector - 1 and tostring(first) or ("%d-%d"):format(first, sector - 1)
      first = nil
    end
  end
  return #runs > 0 and "sectors " .. table.concat(runs, ", ") or "none"
end

local function bank_text(banks)
  local total, parts = 0, {}
  for i, bank in ipairs(banks) do
    total = total + bank.size_bytes
    parts[i] = ("%s at %s"):format(format.size(bank.size_bytes), format.addr(bank.base_addr))
  end
  if #parts == 1 then return parts[1] end
  return ("%s: %s"):format(format.size(total), table.concat(parts, " and "))
end

local function part_text(target)
  if target.part then return target.part.name end
  local names = target.part_names
  if #names == 0 then return target.family.family .. " " .. target.variant.name end
  if #names <= 4 then return table.concat(names, " or ") end
  return ("%s or %d others of %s"):format(names[1], #names - 1, target.variant.name)
end

local option_states = { [true] = "sound", [false] = "damaged" }

local function damaged_words(status)
  local list = {}
  for i, word in ipairs(status.option_words) do
    if not word.is_good then list[#list + 1] = ("word %d is 0x%08X"):format(i - 1, word.value) end
  end
  return list
end

local function rdp_text(status)
  return ("level %d (byte 0x%02X)%s"):format(status.rdp_level, status.rdp_byte,
    status.rdp_level > 0 and ": flash and data EEPROM are closed to the debugger" or "")
end

local function total(banks)
  local sum = 0
  for _, bank in ipairs(banks) do sum = sum + bank.size_bytes end
  return sum
end

return {
  summary = "Identify probe and target: memories, unique ID, protection",
  needs = "target",

  run = function(session)
    local probe, target, dap = session.probe:info(), session.target, session.dap:info()
    local status, uid = session.nvm:status(), session.uid
    local damaged = damaged_words(status)
    local are_sound = #damaged == 0 and not status.has_option_error
    local sector_count = target.flash_kib * 1024 // target.family.flash.wrp_sector_bytes
    local rows = {
      { "probe", ("%s %s, %s"):format(probe.kind, probe.firmware, probe.port) },
      { "serial", probe.serial ~= "" and probe.serial or "none" },
      { "target voltage", session.supply_mv and format.volts(session.supply_mv) or "this probe cannot measure it" },
      { "SWD", ("%d kHz, DPIDR 0x%08X, CPUID 0x%08X"):format(dap.swclk_khz, dap.dpidr, dap.cpuid) },
      { "board", session.board and ("%s, %s"):format(session.board.name, session.board.description or "") or "not named" },
      { "part", part_text(target) },
      { "DEV_ID", ("0x%03X, category %d"):format(target.dev_id, target.variant.category or 0) },
      { "revision", ("0x%04X%s"):format(target.rev_id, target.revision and " (" .. target.revision .. ")" or "") },
      { "flash", ("%s; %s"):format(bank_text(target.flash_banks),
        targets.register_text(target.flash_kib_raw, target.flash_kib_rule, target.variant)) },
      { "EEPROM", bank_text(target.eeprom_banks) },
      { "RAM", ("%s at %s%s"):format(format.size(target.ram_bytes), format.addr(target.family.ram.base_addr),
        target.part and "" or " at least") },
      { "UID", uid },
      { "RDP", rdp_text(status) },
      { "WRP", sectors_text(status.wrp, sector_count) },
      { "option bytes", ("%s%s"):format(option_states[are_sound],
        #damaged > 0 and ": " .. table.concat(damaged, ", ") or status.has_option_error and ": OPTVERR is set" or "") },
    }
    for _, line in ipairs(format.columns(rows)) do session:say("%s", line) end
    if session.board then
      for _, note in ipairs(session.board.notes or {}) do session.out:detail("note: %s", note) end
    end
    local words = json.array()
    for i, word in ipairs(status.option_words) do words[i] = word end
    return ("%s, %d KiB flash, RDP level %d"):format(part_text(target), target.flash_kib, status.rdp_level), {
      probe = probe, voltage_mv = session.supply_mv or nil, swclk_khz = dap.swclk_khz, dpidr = dap.dpidr,
      cpuid = dap.cpuid, board = session.board and session.board.name or nil, part = target.part and target.part.name,
      part_names = json.array(target.part_names), dev_id = target.dev_id, rev_id = target.rev_id,
      revision = target.revision, category = target.variant.category, variant = target.variant.name,
      flash_kib = target.flash_kib, flash_kib_raw = target.flash_kib_raw, flash_kib_rule = target.flash_kib_rule,
      eeprom_bytes = total(target.eeprom_banks), ram_bytes = target.ram_bytes, uid = uid,
      rdp_level = status.rdp_level, rdp_byte = status.rdp_byte, wrp = json.array(status.wrp),
      option_words = words, are_option_bytes_sound = are_sound,
    }
  end,
}
