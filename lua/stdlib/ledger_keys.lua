--- A unit's keys: new ones stored, old ones given back or proved.
local errors = require "stlua.identity_error"
local secret = require "stlua.identity_secret"
local vaults = require "stlua.ledger_vault"

local M = {}

local function place(unit, name) return { unit.product, unit.uid, name } end

local function store(ledger, unit, name, item, generation)
  local check_value, salt = vaults.check_value(item)
  ledger.db:exec([[INSERT INTO unit_keys (allocation_id, name, generation, salt, check_value, sealed, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?)]], unit.allocation_id, name, generation, salt, check_value,
    ledger.vault and ledger.vault:seal(place(unit, name), item), ledger:now())
end

local function check_given(name, spec, item)
  if not secret.is(item) then
    errors.raise("argument", "`identity.secret` guards it", "key `%s` must be handed over as a secret", name)
  end
  if #item ~= spec.byte_count then
    errors.raise("range", nil, "key `%s` has %d bytes instead of %d", name, #item, spec.byte_count)
  end
  return item
end

local function proves(item, row) return (vaults.check_value(item, row.salt)) == row.check_value end

-- The key of a unit that came back; what became of it, for the record.
local function old_key(ledger, unit, name, spec, given, row)
  if given then
    if not proves(given, row) then
      errors.raise("refused", "the list or the board is a wrong one; `retire` the unit's identity to give it a new one",
        "unit %s has another key `%s` already", unit.uid, name)
    end
    return given, "restored"
  end
  if row.sealed then
    if not ledger.vault then
      errors.raise("refused", "open the ledger with its vault key", "the key `%s` of unit %s is sealed", name, unit.uid)
    end
    return ledger.vault:unseal(place(unit, name), row.sealed), "restored"
  end
  if spec.source == "random" and spec.renew then
    local item = secret.random(spec.byte_count)
    store(ledger, unit, name, item, row.generation + 1)
    return item, "renewed"
  end
  errors.raise("refused", "hand the key over again, or `retire` the unit's identity to give it a new one",
    "the ledger holds only a check value of key `%s` of unit %s", name, unit.uid)
end

local function new_key(ledger, unit, name, spec, given, from_pool)
  local item = given or from_pool
  if not item and spec.source == "random" then item = secret.random(spec.byte_count) end
  if not item then
    errors.raise("argument", "pass it as `keys." .. name .. "`", "the key `%s` of unit %s is not there", name, unit.uid)
  end
  store(ledger, unit, name, item, 1)
  return item, "new"
end

--- Before a serial is spent: can all keys be had? Raises: argument, range.
function M.check(ledger, product, given)
  for name in pairs(given or {}) do
    if not product.keys[name] then
      local near = errors.nearest(name, product.keys)
      errors.raise("argument", near and ("did you mean `" .. near .. "`?"), "product %s has no key `%s`", product.name,
        tostring(name))
    end
  end
  for name, spec in pairs(product.keys) do
    if given and given[name] then check_given(name, spec, given[name]) end
    if given and given[name] and spec.source and spec.source ~= "given" then
      errors.raise("argument", nil, "key `%s` comes from source \"%s\", it cannot be handed over", name, spec.source)
    end
    if spec.source == "random" and not ledger.vault and not spec.renew then
      -- else a unit whose first attempt failed could never be finished
      errors.raise("argument", "open the ledger with a vault key, or say `renew = true` for the key",
        "key `%s` is random, and the ledger has no vault key to keep it with", name)
    end
  end
end

--- The unit's keys, inside the transaction that reserves it. Fills unit.secrets and unit.key_origins.
---@param from_pool table<string, stlua.Secret>?
function M.give(ledger, unit, product, given, from_pool)
  local names = {}
  for name in pairs(product.keys) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local row = ledger.db:one([[SELECT generation, salt, check_value, sealed FROM unit_keys
        WHERE allocation_id = ? AND name = ? ORDER BY generation DESC LIMIT 1]], unit.allocation_id, name)
    local give = row and old_key or new_key
    local mine = given and given[name] and secret.new(given[name]:reveal()) -- ours to wipe
    unit.secrets[name], unit.key_origins[name] =
      give(ledger, unit, name, product.keys[name], mine, row or (from_pool or {})[name])
  end
end

--- Which keys units were given, by allocation: names and dates, nothing that proves or gives a key.
---@param allocations_sql string selects the ids
---@return table<integer, { name: string, generation: integer, is_sealed: boolean, created_at: string }[]>
function M.by_allocation(ledger, allocations_sql, ...)
  local keys = {}
  for _, row in ipairs(ledger.db:rows([[SELECT allocation_id, name, generation, created_at,
        CASE WHEN sealed IS NULL THEN 0 ELSE 1 END AS is_sealed
      FROM unit_keys WHERE allocation_id IN (]] .. allocations_sql .. ") ORDER BY allocation_id, name, generation", ...)) do
    local list = keys[row.allocation_id] or {}
    keys[row.allocation_id] = list
    list[#list + 1] = { name = row.name, generation = row.generation, is_sealed = row.is_sealed == 1,
      created_at = row.created_at }
  end
  return keys
end

--- Is this the unit's newest key of that name?
---@return boolean
function M.is_key(ledger, allocation_id, name, item)
  local row = ledger.db:one([[SELECT salt, check_value FROM unit_keys
      WHERE allocation_id = ? AND name = ? ORDER BY generation DESC LIMIT 1]], allocation_id, name)
  return row ~= nil and proves(item, row)
end

return M
