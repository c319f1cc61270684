--- Chips and boards: tables in targets/*.lua and targets/boards/*.lua, loaded as data
--- (stlua.load_data); and which of them answers behind a probe.
local memory = require "stlua.memory"
local stlua = require "stlua"

local board_check = require "stlua.board_check"
local errors = require "stlua.errors"
local nearest = require "stlua.nearest"
local path = require "stlua.path"

local M = {}

local KiB = 1024
local max_file_bytes = 1024 * KiB

-- ---- loading ----

--- Run text as data: nothing of ours, and neither for ever nor with all of the memory.
---@param text string
---@param name string
---@return table
function M.load_data(text, name)
  text = text:gsub("^#[^\n]*", "", 1)
  return stlua.load_data(text, name)
end

local function need(data, name, field, kind)
  local value = data[field]
  local is_right = type(value) == kind or math.type(value) == kind
  if not is_right then
    errors.raise("format", nil, "%s: field `%s` must be %s, not %s", name, field, kind, type(value))
  end
  return value
end

local variant_fields = {
  name = "string", dev_id = "integer", flash_kib_addr = "integer", flash_kib_mask = "integer",
  flash_kib_allowed = "table", uid_addr = "integer", uid_offsets = "table", flash_banks = "table",
  eeprom_banks = "table", option_offsets = "table", ram_min_bytes = "integer", user_default = "integer",
  flash_max_bytes = "integer", eeprom_max_bytes = "integer", ram_max_bytes = "integer",
}

local function check_family(data, name)
  for field, kind in pairs { family = "string", nvm = "string", nvm_regs_addr = "integer", dev_id = "table",
    flash = "table", eeprom = "table", ram = "table", option_bytes = "table", op_typical_us = "integer",
    op_max_us = "integer", variants = "table", parts = "table" } do
    need(data, name, field, kind)
  end
  local by_name = {}
  for _, variant in ipairs(data.variants) do
    for field, kind in pairs(variant_fields) do need(variant, name .. ": a variant", field, kind) end
    variant.family = data
    by_name[variant.name] = variant
  end
  for _, part in ipairs(data.parts) do
    need(part, name .. ": a part", "name", "string")
    local where = name .. ": " .. part.name
    for _, field in ipairs { "flash_kib", "ram_kib", "eeprom_kib" } do need(part, where, field, "integer") end
    if not by_name[need(part, where, "variant", "string")] then
      errors.raise("format", nil, "%s: there is no variant %s", where, part.variant)
    end
    part.variant = by_name[part.variant]
  end
  return data
end

local families, boards

--- All families by name.
---@return table<string, table>
function M.all()
  if families then return families end
  local found = {}
  for _, name in ipairs(path.names "target") do
    local text, where = path.find("target", name)
    found[name] = check_family(M.load_data(text, where), where)
  end
  families = found
  return found
end

local function load_board(text, where) return board_check.check(M.load_data(text, where), where) end

--- All boards by name. A board that cannot be used says why in its field `problem`.
---@return table<string, table>
function M.boards()
  if boards then return boards end
  local found = {}
  for _, name in ipairs(path.names "board") do
    local text, where = path.find("board", name)
    local ok, board = memory.pcall(load_board, text, where)
    found[name] = ok and board or { name = name, problem = board }
  end
  boards = found
  return found
end

local function keys(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ---- by name ----

local function parts_by_key()
  local map, names = {}, {}
  for _, family in pairs(M.all()) do
    for _, part in ipairs(family.parts) do
      map[part.name:upper()] = part
      names[#names + 1] = part.name
    end
  end
  table.sort(names)
  return map, names
end

--- A part by its name as people write it: any case, with or without STM32, with or without package.
---@param name string
---@return table part
function M.part(name)
  local map, names = parts_by_key()
  local key = name:upper()
  if key:match("^L1") then key = "STM32" .. key end
  if map[key] then return map[key] end
  -- STM32L151CBU6A: package and temperature left out, the suffix kept
  local stem, suffix = key:match("^(STM32L1%d%d%w%w)%w%d([AX]?)")
  if stem then
    local short = suffix ~= "" and stem .. "-" .. suffix or stem
    if map[short] then return map[short] end
  end
  errors.raise("unknown_target", nearest.hint(key, names) or "`stlua targets` lists them",
    "there is no part `%s`", name)
end

--- A board by name, or by the path of its file.
---@param name string
---@return table board
function M.board(name)
  if name:match("/") or name:match("%.lua$") then
    local file, why = io.open(name, "rb")
    if not file then errors.raise("file", "check the path", "board: %s", why) end
    local text, reason = file:read(max_file_bytes + 1)
    file:close()
    if reason then errors.raise("file", "check the path", "board: %s", reason) end
    if #(text or "") > max_file_bytes then errors.raise("format", nil, "%s: too large for a board", name) end
    return load_board(text or "", name)
  end
  local all = M.boards()
  local board = all[name] or all[name:lower()]
  if not board then
    local names = keys(all)
    errors.raise("unknown_target", nearest.hint(name, names) or "there are " .. table.concat(names, ", "),
      "there is no board `%s`", name)
  end
  if board.problem then error(board.problem, 0) end
  return board
end

---@return boolean
function M.has_board(name) return M.boards()[name:lower()] ~= nil end

-- ---- what answers ----

-- The parts a variant and a flash size allow, for people.
local function parts_of(variant, flash_kib)
  local names = {}
  for _, part in ipairs(variant.family.parts) do
    if part.variant == variant and part.flash_kib == flash_kib then names[#names + 1] = part.name end
  end
  return names
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- nil when the target does not let us read it. A whole word, because that is one command of any probe.
local function read_flash_kib(dap, variant)
  local ok, raw = pcall(dap.read32, dap, variant.flash_kib_addr)
  if ok then return raw & 0xFFFF end
  if errors.is_error(raw) and raw.code == "dap_fault" then return nil end
  error(raw, 0)
end

--- What a raw flash size means for a variant.
---@return integer? flash_kib nil if it says nothing
---@return string rule how it was read
function M.decode_flash_kib(variant, raw)
  local masked = raw & variant.flash_kib_mask
  local kib = variant.flash_kib_codes and variant.flash_kib_codes[masked]
  local rule = ("0x%04X & 0x%X"):format(raw, variant.flash_kib_mask)
  if kib then
    rule = rule .. (", code %d"):format(masked)
  elseif not variant.flash_kib_codes or masked >= 16 then
    kib = masked
  end
  if kib and contains(variant.flash_kib_allowed, kib) then return kib, rule end
  return nil, rule
end

-- Banks from the front, as far as the size goes.
local function cut_banks(banks, byte_count)
  local list, left = {}, byte_count
  for _, bank in ipairs(banks) do
    local size = math.min(bank.size_bytes, left)
    if size > 0 then list[#list + 1] = { base_addr = bank.base_addr, size_bytes = size } end
    left = left - size
  end
  return list
end

---@class stlua.Target
---@field part table? the part, if it was named or only one is possible
---@field part_names string[] the parts it may be
---@field variant table
---@field family table
---@field dev_id integer
---@field rev_id integer?
---@field revision string?
---@field flash_kib integer
---@field flash_kib_raw integer?
---@field flash_kib_rule string
---@field flash_banks { base_addr: integer, size_bytes: integer }[]
---@field eeprom_banks { base_addr: integer, size_bytes: integer }[]
---@field ram_bytes integer
---@field warnings string[]

-- What is known once variant, size and perhaps the part are.
local function describe(variant, flash_kib, part)
  local eeprom_bytes = part and part.eeprom_kib * KiB or variant.eeprom_max_bytes
  return {
    part = part, variant = variant, family = variant.family, dev_id = variant.dev_id, flash_kib = flash_kib,
    flash_kib_rule = "as the part is named", part_names = part and { part.name } or parts_of(variant, flash_kib),
    flash_banks = cut_banks(variant.flash_banks, flash_kib * KiB),
    eeprom_banks = cut_banks(variant.eeprom_banks, eeprom_bytes),
    ram_bytes = part and part.ram_kib * KiB or variant.ram_min_bytes,
    warnings = {},
  }
end

--- A target as its part name says, without asking a chip.
---@param part table
---@return stlua.Target
function M.of_part(part) return describe(part.variant, part.flash_kib, part) end

local function variants_with(dev_id)
  local list = {}
  for _, name in ipairs(keys(M.all())) do
    for _, variant in ipairs(M.all()[name].variants) do
      if variant.dev_id == dev_id then list[#list + 1] = variant end
    end
  end
  return list
end

-- Among the variants of one DEV_ID, the one whose list has the size in the register.
local function choose(dap, variants)
  local raw = read_flash_kib(dap, variants[1])
  local first_rule
  for _, variant in ipairs(variants) do
    local kib, rule
    if raw then kib, rule = M.decode_flash_kib(variant, raw) end
    first_rule = first_rule or rule
    if kib then return variant, kib, raw, rule end
  end
  return variants[1], nil, raw, first_rule
end

local function known_ids()
  local ids, seen = {}, {}
  for _, family in pairs(M.all()) do
    for _, variant in ipairs(family.variants) do
      if not seen[variant.dev_id] then ids[#ids + 1] = ("0x%03X"):format(variant.dev_id) end
      seen[variant.dev_id] = true
    end
  end
  table.sort(ids)
  return table.concat(ids, ", ")
end

local function check_part(part, dev_id, why)
  if part.variant.dev_id == dev_id then return end
  if dev_id == 0 or dev_id == 0xFFF then
    errors.raise("wrong_target", "`stlua doctor` looks for the cause",
      "DEV_ID reads 0x%03X, which is no chip's: reading it failed", dev_id)
  end
  errors.raise("wrong_target", "is it the right board? leave --board and --target out to take what is there",
    "DEV_ID is 0x%03X, but %s (%s) has 0x%03X", dev_id, part.name, why, part.variant.dev_id)
end

-- The register of the family: all families so far have it in one place.
local function read_idcode(dap)
  local _, family = next(M.all())
  local idcode = dap:read32(family.dev_id.addr)
  return idcode & family.dev_id.mask, idcode >> (family.dev_id.rev_shift or 16)
end

--- Ask the chip what it is. With a part named, that is checked and believed where registers are silent.
---@param dap stlua.Dap
---@param part table? from --target or the board
---@param why string? where the part's name comes from
---@return stlua.Target
function M.identify(dap, part, why)
  local dev_id, rev_id = read_idcode(dap)
  local variants = variants_with(dev_id)
  if part then check_part(part, dev_id, why or "as named") end
  if #variants == 0 then
    errors.raise("unknown_target", "stlua knows " .. known_ids() .. "; --speed lower, if this is none of them",
      "DEV_ID 0x%03X is in no table", dev_id)
  end
  local variant, kib, raw, rule = choose(dap, variants)
  local warnings = {}
  local register = M.register_text(raw, rule, variant)
  if not kib then
    kib = part and part.flash_kib or variant.flash_max_bytes // KiB
    warnings[1] = ("%s: not a size of this chip; taking %d KiB, %s"):format(register, kib,
      part and "as " .. part.name .. " has" or "the most there is")
  elseif part and part.flash_kib ~= kib then
    warnings[1] = ("%s: %d KiB, but %s has %d KiB; taking the latter"):format(register, kib, part.name, part.flash_kib)
    kib = part.flash_kib
  end
  local target = describe(part and part.variant or variant, kib, part)
  target.rev_id = rev_id
  target.revision = target.variant.rev_ids and target.variant.rev_ids[rev_id]
  target.flash_kib_raw, target.flash_kib_rule, target.warnings = raw, rule or "not readable", warnings
  return target
end

--- The flash size register and the rule, in words.
function M.register_text(raw, rule, variant)
  if not raw then return ("flash size register 0x%08X cannot be read"):format(variant.flash_kib_addr) end
  return ("flash size register 0x%04X (%s)"):format(raw, rule)
end

--- The 12 bytes of the unique ID: three words that do not follow each other.
---@return string uid 24 hex digits, word by word
function M.read_uid(dap, target)
  local words = {}
  for i, offset in ipairs(target.variant.uid_offsets) do
    words[i] = ("%08X"):format(dap:read32(target.variant.uid_addr + offset))
  end
  return table.concat(words)
end

--- What the flash controller's driver has to be told.
---@param target stlua.Target
---@param supply_mv integer?
---@return table config for dap:nvm()
function M.nvm_config(target, supply_mv)
  local family, variant = target.family, target.variant
  return {
    driver = family.nvm, regs_addr = family.nvm_regs_addr,
    flash = target.flash_banks, eeprom = target.eeprom_banks,
    page_bytes = family.flash.page_bytes, half_page_bytes = family.flash.half_page_bytes,
    wrp_sector_bytes = family.flash.wrp_sector_bytes, erased_byte = family.flash.erased_byte,
    ram_addr = family.ram.base_addr, ram_bytes = target.ram_bytes,
    option_base_addr = family.option_bytes.base_addr, option_offsets = variant.option_offsets,
    user_default = variant.user_default, op_typical_us = family.op_typical_us, op_max_us = family.op_max_us,
    has_parallel_banks = #target.flash_banks > 1 and variant.has_parallel_banks or false,
    has_sprmod = variant.has_sprmod or false, supply_mv = supply_mv or 0,
  }
end

--- The regions of a target by name: flash, eeprom, options, ram.
---@param target stlua.Target
---@return { name: string, addr: integer, byte_count: integer }[]
function M.regions(target)
  local list = {}
  local function add(name, addr, byte_count) list[#list + 1] = { name = name, addr = addr, byte_count = byte_count } end
  for _, bank in ipairs(target.flash_banks) do add("flash", bank.base_addr, bank.size_bytes) end
  for _, bank in ipairs(target.eeprom_banks) do add("eeprom", bank.base_addr, bank.size_bytes) end
  local offsets = target.variant.option_offsets
  add("options", target.family.option_bytes.base_addr, offsets[#offsets] + 4)
  add("ram", target.family.ram.base_addr, target.ram_bytes)
  return list
end

--- Is [addr, addr + byte_count) inside the named region, whose banks may follow each other?
function M.region_of(target, addr, byte_count)
  for _, region in ipairs(M.regions(target)) do
    local last = region.addr + region.byte_count
    if addr >= region.addr and addr < last then
      if addr + byte_count <= last then return region end
      -- on into the bank behind it
      local rest = M.region_of(target, last, addr + byte_count - last)
      if rest and rest.name == region.name then return region end
    end
  end
end

--- Forget what was loaded; for tests that change the search path.
function M.forget() families, boards = nil, nil end

return M
