--- What a unit would get, for --dry-run: nothing is reserved, no number is spent. A key that would be new is
--- shown by a stand-in of its length.
local errors = require "stlua.identity_error"
local identity = require "stlua.identity"
local json = require "stlua.ledger_json"
local value = require "stlua.identity_value"

local M = {}

local function next_number(ledger, name, first)
  local row = ledger and ledger.db:one("SELECT CAST(next_number AS TEXT) AS number FROM counters WHERE name = ?", name)
  return math.max(first, row and math.tointeger(tonumber(row.number)) or first)
end

local function next_serial(ledger, product, uid, scanned)
  if product.input then
    if not scanned then
      errors.raise("argument", "scan or type it", "product %s takes its serial numbers from the operator", product.name)
    end
    return identity.check_input(product.input, scanned)
  end
  if not product.template then return nil end
  local context = { uid = uid, time = (ledger and ledger.clock or os.time)() }
  local counter = product.template.counter
  if counter then
    local period = product.template:period(context)
    context.counter = next_number(ledger, "serial:" .. product.space .. (period ~= "" and ":" .. period or ""), counter.first)
  end
  return product.template:render(context)
end

-- The next free line of the list, without its keys.
local function next_line(ledger, product)
  local row = ledger and ledger.db:one([[SELECT pool.serial, pool.fields_json FROM pool JOIN products p ON p.id = product_id
      WHERE p.name = ? AND allocation_id IS NULL ORDER BY pool.id LIMIT 1]], product.name)
  if not row then
    errors.raise("range", "`stlua ledger import` adds another", "the list of product %s is used up", product.name)
  end
  return row.serial, json.decode(row.fields_json)
end

local function known_unit(ledger, product, uid)
  for _, row in ipairs(ledger and ledger:find { product = product.name, uid = uid } or {}) do
    if not row.is_retired then return row end
  end
end

--- The identity a unit has, or would get next. Raises: range (numbers used up), argument (nothing scanned), and
--- what the database raises.
---@param ledger stlua.Ledger?
---@param product table compiled
---@param uid string
---@param scanned string? what the operator scanned
---@return { uid: string, serial: string?, fields: table<string, string>, secrets: table<string, stlua.Secret>,
---  is_returning: boolean, is_preview: true }
function M.unit(ledger, product, uid, scanned)
  uid = value.uid(uid)
  local unit = { uid = uid, fields = {}, secrets = {}, is_preview = true, is_returning = false }
  local row = known_unit(ledger, product, uid)
  if row then
    unit.serial, unit.fields, unit.is_returning = row.serial, row.fields, true
  else
    if product.list then unit.serial, unit.fields = next_line(ledger, product) end
    unit.serial = unit.serial or next_serial(ledger, product, uid, scanned)
    for _, name in ipairs(product.block_names) do
      local block = product.blocks[name]
      unit.fields[name] = block:at(next_number(ledger, "eui64:" .. block.first, 0))
    end
  end
  for name, key in pairs(product.keys) do unit.secrets[name] = identity.secret(("\xA5"):rep(key.byte_count)) end
  return unit
end

return M
