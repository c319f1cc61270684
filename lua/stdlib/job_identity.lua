--- What a job knows about its units' identities before there is a unit: which fields there will be, how
--- long they are, and samples of them.
local errors = require "stlua.errors"
local identity = require "stlua.identity"
local nearest = require "stlua.nearest"

local M = {}

-- Field name -> { min_chars, max_chars, samples }.
local function describe_serial(product)
  if product.template then
    local counter = product.template.counter or {}
    local samples = {}
    for i, number in ipairs { counter.first or 0, counter.last or 0 } do
      samples[i] = product.template:render { uid = ("1"):rep(24), time = 0, counter = number }
    end
    return { min_chars = product.template.char_count, max_chars = product.template.char_count, samples = samples }
  elseif product.input then
    return { min_chars = 1, max_chars = product.input.max_chars, limit = "`input`" }
  end
  local column = product.list.columns.serial
  return { min_chars = column.min_chars or 1, max_chars = column.max_chars or 64, limit = "the list column `serial`" }
end

local function describe_column(name, column)
  if column.type == "eui64" then return { min_chars = 16, max_chars = 16, samples = { ("0"):rep(16) } } end
  if column.type == "hex" then
    return { min_chars = 2 * column.byte_count, max_chars = 2 * column.byte_count,
      samples = { ("0"):rep(2 * column.byte_count) } }
  end
  return { min_chars = column.min_chars or 1, max_chars = column.max_chars or 64, limit = "the list column `" .. name .. "`" }
end

--- The public fields a unit of this product has. Keys are none.
---@param product table compiled by stlua.ledger_spec
---@return table<string, { min_chars: integer, max_chars: integer, samples: string[]?, limit: string? }>
function M.fields(product)
  local known = { uid = { min_chars = 24, max_chars = 24, samples = { ("1"):rep(24) } } }
  if product.template or product.input or (product.list and product.list.columns.serial) then
    known.serial = describe_serial(product)
  end
  for name in pairs(product.blocks) do known[name] = { min_chars = 16, max_chars = 16, samples = { ("0"):rep(16) } } end
  for name, column in pairs(product.list and product.list.columns or {}) do
    if name ~= "serial" and column.type ~= "key" then known[name] = describe_column(name, column) end
  end
  return known
end

--- Raise unless units will have this public field.
function M.check_field(product, name)
  local known = M.fields(product)
  if known[name] then return known[name] end
  if product.keys[name] then
    errors.raise("argument", ("`key = %q` writes it into the chip"):format(name),
      "`%s` is a key: it is no field, and no label shows it", name)
  end
  local names = {}
  for field in pairs(known) do names[#names + 1] = field end
  table.sort(names)
  errors.raise("argument", nearest.hint(name, names) or "there are " .. table.concat(names, ", "),
    "`identity` gives units no field `%s`", name)
end

local function widest(spec)
  if spec.type == "ascii" then return spec.byte_count, spec.pad ~= nil end
  if spec.type == "bcd" then return 2 * spec.byte_count, spec.fill ~= nil end
end

--- Raise when a field's values cannot all be written in this form: a serial number that does not fit is
--- found here, not on the thousandth unit.
---@param product table
---@param name string
---@param spec stlua.ValueType
function M.check_room(product, name, spec)
  local field = M.fields(product)[name]
  local room, is_filled = widest(spec)
  if room and field.max_chars > room then
    errors.raise("range", field.limit and ("say `max_chars = %d` for %s, or make room"):format(room, field.limit),
      "`%s` has up to %d characters, there is room for %d", name, field.max_chars, room)
  end
  if room and field.min_chars < room and not is_filled then
    errors.raise("range", spec.type == "ascii" and "`pad = 0` fills up" or '`fill = "0"` puts zeros before',
      "`%s` may have %d characters, the form wants exactly %d", name, field.min_chars, room)
  end
  for _, sample in ipairs(field.samples or {}) do
    errors.within(("`%s`, such as %q"):format(name, sample), identity.encode, spec, sample)
  end
end

--- A unit's public fields, by name.
---@param unit { uid: string, serial: string?, fields: table<string, string> }
---@return table<string, string>
function M.public(unit)
  local public = { uid = unit.uid, serial = unit.serial }
  for name, value in pairs(unit.fields) do public[name] = value end
  return public
end

return M
