--- Giving a unit its identity, inside one transaction: its old one when it has been here, a new one else.
--- What happens to a reservation whose process died: the number stays with its UID for ever (the chip
--- may hold it already), the attempt is recorded as abandoned, and the unit gets the same number when it
--- returns; with on_fail = "void" and never committed, the number is retired and the unit gets a new one.
local errors = require "stlua.identity_error"
local eui64 = require "stlua.identity_value"
local identity = require "stlua.identity"
local json = require "stlua.ledger_json"
local keys = require "stlua.ledger_keys"
local sessions = require "stlua.ledger_session"

local M = {}

-- The next number of a counter; each is given once, even when the spec's range moves.
local function next_number(ledger, name, first, last)
  for _ = 1, 2 do
    local row = ledger.db:one([[UPDATE counters
        SET next_number = CASE WHEN next_number < CAST(? AS BIGINT) THEN CAST(? AS BIGINT) ELSE next_number END + 1
        WHERE name = ? AND next_number <= CAST(? AS BIGINT)
        RETURNING CAST(next_number - 1 AS TEXT) AS number]], first, first, name, last)
    if row then return math.tointeger(tonumber(row.number)) end
    row = ledger.db:one([[INSERT INTO counters (name, next_number) VALUES (?, CAST(? AS BIGINT))
        ON CONFLICT DO NOTHING RETURNING name]], name, first)
    if not row then break end
  end
  error(errors.new("range", ("the numbers of `%s` are used up: the last is %d"):format(name, last),
    "a wider range is named in the product", "exhausted"), 0)
end

-- From now on the value belongs to this unit.
local function claim(ledger, space, value, unit)
  local ok, err = pcall(ledger.db.exec, ledger.db,
    "INSERT INTO claims (space, value, unit_id, allocation_id) VALUES (?, ?, ?, ?)", space, value, unit.unit_id,
    unit.allocation_id)
  if ok then return end
  if type(err) == "table" and err.reason == "taken" then
    err.message = ("%s is issued to another unit already"):format(value)
  end
  error(err, 0)
end

local function serial_of(ledger, product, unit, args, pool)
  if product.template then
    local context = { uid = unit.uid, time = ledger.clock() }
    local counter = product.template.counter
    if counter then
      local period = product.template:period(context)
      context.counter = next_number(ledger, "serial:" .. product.space .. (period ~= "" and ":" .. period or ""),
        counter.first, counter.last)
    end
    return product.template:render(context)
  elseif product.input then
    if not args.serial then
      errors.raise("argument", "scan or type it", "product %s takes its serial numbers from the operator", product.name)
    end
    return identity.check_input(product.input, args.serial)
  end
  return pool and pool.serial
end

-- The next free line of the product's list.
local function take_from_pool(ledger, product, product_id)
  if not product.list then return nil end
  local row = ledger.db:one([[SELECT id, serial, fields_json, sealed_json FROM pool
      WHERE product_id = ? AND allocation_id IS NULL ORDER BY id LIMIT 1]], product_id)
  if not row then
    error(errors.new("range", ("the list of product %s is used up"):format(product.name),
      "`stlua ledger import` adds another", "exhausted"), 0)
  end
  row.fields = json.decode(row.fields_json)
  row.secrets = {}
  for name, sealed in pairs(json.decode(row.sealed_json) or {}) do
    if not ledger.vault then
      errors.raise("refused", "open the ledger with its vault key", "the keys of product %s are sealed", product.name)
    end
    row.secrets[name] = ledger.vault:unseal({ product.name, "pool " .. row.id, name }, sealed)
  end
  return row
end

local function new_allocation(ledger, product, product_id, unit, args)
  local pool = take_from_pool(ledger, product, product_id)
  unit.serial = serial_of(ledger, product, unit, args, pool)
  unit.fields = pool and pool.fields or {}
  for _, name in ipairs(product.block_names) do
    local block = product.blocks[name]
    unit.fields[name] = block:at(next_number(ledger, "eui64:" .. block.first, 0, block.count - 1))
  end
  unit.allocation_id = ledger.db:one([[INSERT INTO allocations
      (unit_id, serial, fields_json, state, session_id, reserved_at) VALUES (?, ?, ?, 'reserved', ?, ?) RETURNING id]],
    unit.unit_id, unit.serial, json.encode(unit.fields), ledger.session_id, ledger:now()).id
  if unit.serial then claim(ledger, "serial:" .. product.space, unit.serial, unit) end
  for name, value in pairs(unit.fields) do
    local column = product.list and product.list.columns[name]
    if not column or column.type == "eui64" then claim(ledger, "eui64", eui64.eui64(value), unit)
    elseif column.unique then claim(ledger, name .. ":" .. product.name, value, unit) end
  end
  if pool then ledger.db:exec("UPDATE pool SET allocation_id = ? WHERE id = ?", unit.allocation_id, pool.id) end
  return pool and pool.secrets
end

--- Close what a dead process left: its attempts are abandoned, its number retired where the product says so.
---@return boolean is_retired
function M.abandon(ledger, product, allocation)
  local now, session = ledger:now(), sessions.describe(ledger.db, allocation.session_id)
  ledger.db:exec([[UPDATE attempts SET result = 'abandoned', ended_at = ?, error_code = 'interrupted', error_message = ?
      WHERE allocation_id = ? AND result = 'running']], now, "the process ended without a result: " .. session,
    allocation.id)
  local is_retired = product.on_fail == "void" and not allocation.committed_at
  ledger.db:exec([[UPDATE allocations SET state = 'void', voided_at = ?, void_reason = ?, is_retired = ?
      WHERE id = ? AND state = 'reserved']], now, "abandoned: " .. session, is_retired, allocation.id)
  return is_retired
end

-- Somebody is at work on this unit: refuse, or find that he is dead.
local function check_reservation(ledger, product, unit, allocation)
  local busy = ledger.units_in_work[allocation.id]
  if busy and not busy.is_closed then
    error(errors.new("refused", ("unit %s is in work in this process already"):format(unit.uid),
      "is the same board on two probes, or was the last attempt not ended?", "in_use"), 0)
  end
  if allocation.session_id ~= ledger.session_id and sessions.is_alive(ledger.db, allocation.session_id) then
    error(errors.new("refused", ("unit %s is in work at %s"):format(unit.uid,
      sessions.describe(ledger.db, allocation.session_id)), "is the same board on two probes?", "in_use"), 0)
  end
  return M.abandon(ledger, product, allocation)
end

local function old_allocation(ledger, product, unit, args)
  local allocation = ledger.db:one([[SELECT id, serial, fields_json, state, session_id, committed_at
      FROM allocations WHERE unit_id = ? AND is_retired = 0]], unit.unit_id)
  if not allocation then return false end
  if allocation.state == "reserved" and check_reservation(ledger, product, unit, allocation) then return false end
  if args.serial and args.serial ~= allocation.serial then
    errors.raise("refused", "the label or the board is a wrong one; `stlua ledger void` can retire the old number",
      "unit %s has the serial number %s, not %s", unit.uid, tostring(allocation.serial), args.serial)
  end
  unit.serial, unit.fields = allocation.serial, json.decode(allocation.fields_json)
  unit.allocation_id, unit.is_returning = allocation.id, true
  ledger.db:exec([[UPDATE allocations SET state = 'reserved', session_id = ?, reserved_at = ?, voided_at = NULL,
      void_reason = NULL WHERE id = ?]], ledger.session_id, ledger:now(), allocation.id)
  return true
end

-- One station at a time in a product: the row's lock ends with the transaction.
local function lock_product(ledger, name)
  local row = ledger.db:one("UPDATE products SET name = name WHERE name = ? RETURNING id, spec_json", name)
  if not row then
    local names = {}
    for i, product in ipairs(ledger.db:rows("SELECT name FROM products")) do names[i] = product.name end
    local near = errors.nearest(name, names)
    errors.raise("argument", near and ("did you mean `" .. near .. "`?") or "`ledger:product` makes one",
      "the ledger has no product `%s`", name)
  end
  return row.id, ledger:compiled(name, row.spec_json)
end
M.lock_product = lock_product

--- Reserve inside a transaction; may run more than once.
---@return table unit its plain fields
function M.reserve(ledger, args)
  local product_id, product = lock_product(ledger, args.product)
  keys.check(ledger, product, args.keys)
  if args.serial and not product.input and not product.template and not product.list then
    errors.raise("argument", nil, "product %s has no serial numbers", product.name)
  end
  local unit = { uid = args.uid, product = args.product, secrets = {}, key_origins = {}, is_returning = false }
  local row = ledger.db:one("SELECT id FROM units WHERE product_id = ? AND uid = ?", product_id, args.uid)
  row = row or ledger.db:one("INSERT INTO units (product_id, uid, first_seen_at) VALUES (?, ?, ?) RETURNING id",
    product_id, args.uid, ledger:now())
  unit.unit_id = row.id
  local from_pool
  if not old_allocation(ledger, product, unit, args) then
    from_pool = new_allocation(ledger, product, product_id, unit, args)
    if args.serial and args.serial ~= unit.serial then
      errors.raise("refused", "leave `serial` out, or use serial = \"input\"",
        "the next serial number of product %s is not %s", product.name, args.serial)
    end
  end
  keys.give(ledger, unit, product, args.keys, from_pool)
  unit.attempt_id = ledger.db:one([[INSERT INTO attempts (product_id, unit_id, allocation_id, session_id, uid, serial,
        result, started_at, station, operator, probe, slot, firmware_sha256, job_sha256, tool_version)
      VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id]], product_id, unit.unit_id,
    unit.allocation_id, ledger.session_id, unit.uid, unit.serial, ledger:now(), args.station, args.operator, args.probe,
    args.slot, args.firmware_sha256, args.job_sha256, args.tool_version or ledger.tool_version).id
  unit.attempt_number = ledger.db:one("SELECT COUNT(*) AS n FROM attempts WHERE unit_id = ?", unit.unit_id).n
  unit.on_fail = product.on_fail
  return unit
end

return M
