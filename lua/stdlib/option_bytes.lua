--- Option bytes by the names of RM0038: from "BOR=3" to the USER byte, from "0-3,7" to WRP words, and back.
--- Values only: complements, order and consent are the core's (core/nvm/stm32l1/options.c).
--- Source: facts sheet stm32l1, 3.7 (USER bits, BOR_LEV, polarity of WRP).
local errors = require "stlua.errors"
local nearest = require "stlua.nearest"

local M = {}

local bor_off_below = 8

-- Supply that a level may ask for at most before it lets the chip start, in mV; facts 3.7.
local bor_most_mv = { 1800, 2000, 2400, 2650, 2900 }

local user_bits = { IWDG_SW = 4, nRST_STOP = 5, nRST_STDBY = 6 }

local names = { "BOR", "IWDG_SW", "nRST_STOP", "nRST_STDBY", "BFB2", "WRP" }

local function name_of(target) return target.part and target.part.name or target.variant.name end

-- The name as RM0038 spells it.
local function canonical(name)
  for _, known in ipairs(names) do
    if known:lower() == name:lower() then return known end
  end
  if name:lower() == "rdp" then
    errors.raise("argument", "`stlua lock` and `stlua unlock` change the RDP level",
      "the RDP level is not set like the others: one way locks the chip, the other erases it")
  end
  if name:lower() == "sprmod" then
    errors.raise("argument", "`stlua options` shows it",
      "SPRMOD is never set here: it turns WRP into read protection, and only a mass erase clears it")
  end
  errors.raise("argument", nearest.hint(name, names) or "there are " .. table.concat(names, ", "),
    "there is no option field %q", name)
end

-- ---- WRP: sectors, words, text ----

--- How many WRP sectors a target's flash has; the hole of a Cat.6 chip counts (facts 3.7).
---@param target stlua.Target
function M.sector_count(target)
  local flash, end_addr = target.family.flash, 0
  for _, bank in ipairs(target.flash_banks) do end_addr = math.max(end_addr, bank.base_addr + bank.size_bytes) end
  return (end_addr - flash.base_addr) // flash.wrp_sector_bytes
end

local function check_sector(target, sector)
  if math.type(sector) ~= "integer" then
    errors.raise("argument", "WRP is none, all, or sectors as in 0-3,7", "%q is no WRP sector", tostring(sector))
  end
  local count = M.sector_count(target)
  if sector < 0 or sector >= count then
    errors.raise("argument", ("sectors have %d bytes; they are numbered from 0x%08X on"):format(
      target.family.flash.wrp_sector_bytes, target.family.flash.base_addr),
      "there is no WRP sector %d: %s has sectors 0 to %d", sector, name_of(target), count - 1)
  end
end

--- "0-3,7", "all", "none", or a list of sectors -> a list of sectors, ascending. Without a target only
--- the form is checked.
---@param wrp string|integer[]
---@param target stlua.Target?
---@return integer[]|"all"
function M.sectors(wrp, target)
  local set, list = {}, {}
  if wrp == "all" then
    if not target then return "all" end
    for sector = 0, M.sector_count(target) - 1 do list[#list + 1] = sector end
    return list
  end
  if type(wrp) == "table" then
    for _, sector in ipairs(wrp) do
      if math.type(sector) ~= "integer" then check_sector(target, sector) end
      set[sector] = true
    end
  elseif wrp ~= "none" then
    for part in (tostring(wrp) .. ","):gmatch("([^,]*),") do
      local first, last = part:match("^%s*(%d+)%s*%-%s*(%d+)%s*$")
      first = math.tointeger(tonumber(first or part:match("^%s*(%d+)%s*$")))
      last = math.tointeger(tonumber(last)) or first
      if not first or last < first or last - first > 1023 then
        errors.raise("argument", "WRP is none, all, or sectors as in 0-3,7", "%q is no WRP sector", part)
      end
      for sector = first, last do set[sector] = true end
    end
  end
  for sector in pairs(set) do
    if target then check_sector(target, sector) end
    list[#list + 1] = sector
  end
  table.sort(list)
  return list
end

--- Sectors -> WRP words, as nvm:write_options takes them: all of the target's, so that nothing stays.
---@param sectors integer[]
---@param target stlua.Target
---@return integer[]
function M.wrp_words(sectors, target)
  local words = {}
  for i = 1, target.variant.wrp_word_count do words[i] = 0 end
  for _, sector in ipairs(sectors) do
    local i = sector // 32 + 1
    words[i] = (words[i] or 0) | 1 << sector % 32
  end
  return words
end

--- The protected sectors that status tells of.
---@param status stlua.NvmStatus
---@param target stlua.Target
---@return integer[]
function M.protected(status, target)
  local list = {}
  for sector = 0, M.sector_count(target) - 1 do
    if (status.wrp[sector // 32 + 1] or 0) >> sector % 32 & 1 == 1 then list[#list + 1] = sector end
  end
  return list
end

--- Sectors as people write them: "0-3,7", "none".
---@param sectors integer[]
function M.sectors_text(sectors)
  local parts, i = {}, 1
  while sectors[i] do
    local last = i
    while sectors[last + 1] == sectors[last] + 1 do last = last + 1 end
    parts[#parts + 1] = last > i and ("%d-%d"):format(sectors[i], sectors[last]) or tostring(sectors[i])
    i = last + 1
  end
  return #parts > 0 and table.concat(parts, ",") or "none"
end

-- ---- USER ----

local function check_bor(level, supply_mv)
  if math.type(level) ~= "integer" or level < 0 or level > 5 then
    errors.raise("argument", "BOR is 0 or off, or 1 (1.8 V) to 5 (3.0 V)", "there is no BOR level %s", tostring(level))
  end
  local most_mv = bor_most_mv[level]
  if most_mv and supply_mv and supply_mv > 0 and supply_mv < most_mv then
    errors.raise("refused", "take a lower level, or supply the board as it will be in the field",
      "BOR level %d holds the chip in reset below %.2f V, and the probe measures %.2f V", level, most_mv / 1000,
      supply_mv / 1000)
  end
end

local function with_bit(byte, bit, is_set) return is_set and byte | 1 << bit or byte & ~(1 << bit) end

--- The USER byte with some of its fields changed.
---@param byte integer as it is
---@param fields { BOR: integer?, IWDG_SW: boolean?, nRST_STOP: boolean?, nRST_STDBY: boolean?, BFB2: boolean? }
---@param target stlua.Target
---@param supply_mv integer|false
function M.user_byte(byte, fields, target, supply_mv)
  if fields.BOR then
    check_bor(fields.BOR, supply_mv)
    byte = byte & 0xF0 | (fields.BOR == 0 and 0 or bor_off_below + fields.BOR - 1)
  end
  for name, bit in pairs(user_bits) do
    if fields[name] ~= nil then byte = with_bit(byte, bit, fields[name]) end
  end
  if fields.BFB2 ~= nil then
    if not target.variant.has_parallel_banks then
      errors.raise("argument", nil, "%s has one bank: there is no BFB2", name_of(target))
    end
    byte = with_bit(byte, 7, not fields.BFB2) -- nBFB2
  end
  return byte
end

-- ---- what a person types ----

local truth = { ["0"] = false, ["1"] = true, off = false, on = true }

local function parse_value(name, text)
  if name == "WRP" then return M.sectors(text) and text end
  if name == "BOR" then
    local level = text:lower() == "off" and 0 or math.tointeger(tonumber(text))
    check_bor(level or text)
    return level
  end
  local value = truth[text:lower()]
  if value == nil then errors.raise("argument", name .. "=0 or " .. name .. "=1", "%s cannot be %q", name, text) end
  return value
end

--- { "BOR=3", "wrp=0-3" } -> { BOR = 3, WRP = "0-3" }. Raises: argument.
---@param assignments string[]
---@return table<string, any>
function M.parse(assignments)
  local fields = {}
  for _, text in ipairs(assignments) do
    local name, value = text:match("^%s*([%w_]+)%s*=%s*(.-)%s*$")
    if not name then errors.raise("argument", "as in --set BOR=3", "%q is no FIELD=VALUE", text) end
    name = canonical(name)
    if fields[name] ~= nil then errors.raise("argument", nil, "%s is given twice", name) end
    fields[name] = parse_value(name, value)
  end
  return fields
end

return M
