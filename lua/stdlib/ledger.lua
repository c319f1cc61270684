--- The ledger: which unit has which identity, and what was done to it. SQLite by path, PostgreSQL by URL.
--- A serial number is reserved for a UID, then committed or voided; it is never issued to two UIDs, and
--- a UID that comes back gets its own again. See ledger_allocate.lua for what becomes of a dead process's
--- reservation, ledger_vault.lua for how keys are kept, ledger_schema.lua for the tables.
local errors = require "stlua.identity_error"
local identity = require "stlua.identity"
local databases = require "stlua.ledger_db"
local schema = require "stlua.ledger_schema"
local sessions = require "stlua.ledger_session"
local specs = require "stlua.ledger_spec"
local vaults = require "stlua.ledger_vault"
local allocate = require "stlua.ledger_allocate"
local units = require "stlua.ledger_unit"
local keys = require "stlua.ledger_keys"
local query = require "stlua.ledger_query"
local json = require "stlua.ledger_json"

---@class stlua.Ledger
---@field name string path or URL, without a password
local ledger = {}
ledger.__index = ledger
ledger.__name = "stlua.Ledger"

function ledger:__tostring() return "<ledger " .. self.db.name .. ">" end

--- The time as the ledger writes it.
function ledger:now() return os.date("!%Y-%m-%dT%H:%M:%SZ", self.clock()) end

-- A product's spec, compiled once.
function ledger:compiled(name, spec_json)
  local cached = self.products[name]
  if not cached or cached.spec_json ~= spec_json then
    cached = { spec_json = spec_json, product = specs.compile(name, json.decode(spec_json)) }
    self.products[name] = cached
  end
  return cached.product
end

local function begin_session(self)
  if self.is_read_only then errors.raise("permission", nil, "ledger %s was opened for reading only", self.name) end
  self.session_id = self.session_id or sessions.open(self.db,
    { station = self.station, tool_version = self.tool_version, now = self:now() })
end

--- Make or confirm a product. Another spec than the one stored is refused, unless `replace` says so;
--- counters go on where they are. Raises: argument, range, format, refused.
---@param name string
---@param spec stlua.ProductSpec
---@param options { replace: boolean? }?
function ledger:product(name, spec, options)
  options = options or {}
  errors.check_fields("product options", options, { replace = "boolean" })
  specs.compile(name, spec)
  local spec_json = json.encode(spec)
  self.db:transaction("product " .. name, function()
    local row = self.db:one("SELECT id, spec_json FROM products WHERE name = ?", name)
    if not row then
      self.db:exec("INSERT INTO products (name, spec_json, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", name,
        spec_json, self:now())
      row = self.db:one("SELECT id, spec_json FROM products WHERE name = ?", name)
    end
    if row.spec_json == spec_json then return end
    if not options.replace then
      errors.raise("refused", "`replace` changes the product for all stations",
        "the ledger knows product %s with another specification", name)
    end
    self.db:exec("UPDATE products SET spec_json = ?, changed_at = ? WHERE id = ?", spec_json, self:now(), row.id)
  end)
end

---@class stlua.ReserveArgs
---@field product string
---@field uid string the chip's, in hex
---@field station string?
---@field operator string?
---@field serial string? what the operator scanned: taken for serial = "input", compared else
---@field keys table<string, stlua.Secret>? keys of source "given"
---@field probe string?
---@field slot string?
---@field firmware_sha256 string?
---@field job_sha256 string?
---@field tool_version string?

--- Reserve the identity of a unit: its own when it has been here, a new one else. When this returns, the
--- reservation is on the disk. The unit is to be closed: uncommitted at the end of its scope, it is voided.
--- Raises: argument, format, range (numbers used up), refused (in work elsewhere, number taken, wrong
--- label), timeout (busy), file (full, gone), permission.
---@param args stlua.ReserveArgs
---@return stlua.Unit
function ledger:reserve(args)
  errors.check_fields("a reservation", args, { product = "string", uid = "string", station = "string",
    operator = "string", serial = "string", keys = "table", probe = "string", slot = "string",
    firmware_sha256 = "string", job_sha256 = "string", tool_version = "string" })
  if not args.product or not args.uid then
    errors.raise("argument", nil, "a reservation needs `product` and `uid`")
  end
  local given = {}
  for name, value in pairs(args) do given[name] = value end
  given.uid, given.station = identity.uid(args.uid), args.station or self.station
  begin_session(self)
  local plain = self.db:transaction("reserve an identity for unit " .. given.uid,
    function() return allocate.reserve(self, given) end)
  local unit = units.new(self, plain)
  self.units_in_work[unit.allocation_id] = unit
  return unit
end

--- Record an attempt that never came to a reservation: no target, a wrong chip, no UID.
--- Raises: argument, and what the database raises.
---@param attempt { product: string, uid: string?, result: "pass"|"fail"|nil, error: any,
---  station: string?, operator: string?, details: stlua.Result? }
function ledger:record_attempt(attempt)
  errors.check_fields("an attempt", attempt, { product = "string", uid = "string", result = "string", error = "any",
    station = "string", operator = "string", details = "table" })
  local result = attempt.result or "fail"
  if result ~= "fail" and result ~= "pass" then errors.raise("argument", nil, 'a result is "pass" or "fail", not %q', result) end
  local uid = attempt.uid and identity.uid(attempt.uid)
  local columns = units.columns(attempt.details, {})
  local code, message, context
  if attempt.error ~= nil then code, message, context = errors.describe(attempt.error) end
  begin_session(self)
  self.db:transaction("record an attempt", function()
    local product_id = allocate.lock_product(self, attempt.product or "")
    local unit = uid and self.db:one("SELECT id FROM units WHERE product_id = ? AND uid = ?", product_id, uid) or {}
    self.db:exec([[INSERT INTO attempts (product_id, unit_id, session_id, uid, result, started_at, ended_at, station,
          operator, probe, slot, firmware_sha256, job_sha256, tool_version, options_written_json, durations_ms_json,
          duration_ms, measurements_json, error_code, error_message, error_context_json, notes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]], product_id, unit.id, self.session_id,
      uid, result, self:now(), self:now(), attempt.station or self.station, attempt.operator, columns.probe, columns.slot,
      columns.firmware_sha256, columns.job_sha256, columns.tool_version or self.tool_version,
      columns.options_written_json, columns.durations_ms_json, columns.duration_ms, columns.measurements_json, code,
      message and units.clean(message, {}), context and #context > 0 and units.clean(json.encode(context), {}) or nil,
      columns.notes)
  end)
end

--- Void an identity by hand: a board that was scrapped, a label that tore. The number is never issued to
--- another unit. `retire`: this unit, too, gets a new one when it comes back.
--- Raises: argument, refused (in work), and what the database raises.
---@param args { serial: string?, uid: string?, product: string, reason: string, operator: string?, retire: boolean? }
function ledger:void(args)
  errors.check_fields("void", args, { serial = "string", uid = "string", product = "string", reason = "string",
    operator = "string", retire = "boolean" })
  if not args.product or not (args.serial or args.uid) then
    errors.raise("argument", nil, "void needs `product`, and `serial` or `uid`")
  end
  if not args.reason or args.reason == "" then errors.raise("argument", nil, "void needs its `reason`") end
  begin_session(self)
  self.db:transaction("void an identity", function()
    local product_id = allocate.lock_product(self, args.product)
    local row = self.db:one([[SELECT a.id, a.serial, a.state, a.session_id, u.id AS unit_id, u.uid FROM allocations a
        JOIN units u ON u.id = a.unit_id WHERE u.product_id = ? AND a.is_retired = 0
        AND (a.serial = ? OR CAST(? AS TEXT) IS NULL) AND (u.uid = ? OR CAST(? AS TEXT) IS NULL)]], product_id,
      args.serial, args.serial, args.uid and identity.uid(args.uid), args.uid)
    if not row then errors.raise("argument", nil, "product %s has no such unit in use", args.product) end
    if row.state == "reserved" and sessions.is_alive(self.db, row.session_id, self.session_id) then
      error(errors.new("refused", ("unit %s is in work at %s"):format(row.uid,
        sessions.describe(self.db, row.session_id)), "end that first", "in_use"), 0)
    end
    self.db:exec([[UPDATE attempts SET result = 'abandoned', ended_at = ? WHERE allocation_id = ? AND result = 'running']],
      self:now(), row.id)
    self.db:exec("UPDATE allocations SET state = 'void', voided_at = ?, void_reason = ?, is_retired = ? WHERE id = ?",
      self:now(), units.clean(args.reason, {}), args.retire or false, row.id)
    self.db:exec([[INSERT INTO attempts (product_id, unit_id, allocation_id, session_id, uid, serial, result, started_at,
          ended_at, station, operator, tool_version, notes) VALUES (?, ?, ?, ?, ?, ?, 'void', ?, ?, ?, ?, ?, ?)]],
      product_id, row.unit_id, row.id, self.session_id, row.uid, row.serial, self:now(), self:now(), self.station,
      args.operator, self.tool_version, units.clean(args.reason, {}))
  end)
end

--- Close all reservations of dead processes, as a returning unit would its own. Gives what was found.
---@return { uid: string, serial: string?, product: string, is_retired: boolean }[]
function ledger:recover()
  begin_session(self)
  local found = {}
  local products = self.db:rows("SELECT name FROM products ORDER BY name")
  for _, product in ipairs(products) do
    local closed = self.db:transaction("recover reservations", function()
      local product_id, compiled = allocate.lock_product(self, product.name)
      local list = {}
      for _, row in ipairs(self.db:rows([[SELECT a.id, a.serial, a.session_id, a.committed_at, u.uid FROM allocations a
          JOIN units u ON u.id = a.unit_id WHERE u.product_id = ? AND a.state = 'reserved' ORDER BY a.id]], product_id)) do
        if not sessions.is_alive(self.db, row.session_id, self.session_id) then
          list[#list + 1] = { uid = row.uid, serial = row.serial, product = product.name,
            is_retired = allocate.abandon(self, compiled, row) }
        end
      end
      return list
    end)
    table.move(closed, 1, #closed, #found + 1, found)
  end
  return found
end

local function import_row(self, product_id, compiled, name, row)
  local fields, sealed = {}, {}
  for column in pairs(compiled.list.columns) do
    if column ~= "serial" and compiled.list.columns[column].type ~= "key" then fields[column] = row[column] end
  end
  if row.serial and self.db:one("SELECT value FROM claims WHERE space = ? AND value = ?", "serial:" .. compiled.space,
    row.serial) then
    errors.raise("format", nil, "%s:%d: serial %s is issued already", name, row.line, row.serial)
  end
  local ok, id = pcall(self.db.one, self.db, [[INSERT INTO pool
      (product_id, list_name, line, serial, fields_json, imported_at) VALUES (?, ?, ?, ?, ?, ?)
      RETURNING id]], product_id, name, row.line, row.serial, json.encode(fields), self:now())
  if not ok then
    if type(id) == "table" and id.reason == "duplicate" then
      errors.raise("format", nil, "%s:%d: serial %s was imported before", name, row.line, row.serial)
    end
    error(id, 0)
  end
  for column, value in pairs(row) do
    if identity.is_secret(value) then
      sealed[column] = self.vault:seal({ compiled.name, "pool " .. id.id, column }, value)
    end
  end
  if next(sealed) then self.db:exec("UPDATE pool SET sealed_json = ? WHERE id = ?", json.encode(sealed), id.id) end
end

-- An EUI in the pool twice, or issued already, would stop the line in the middle of the list.
local function check_euis(self, compiled, name, rows)
  local waiting = {}
  for _, row in ipairs(self.db:rows("SELECT fields_json, list_name, line FROM pool WHERE allocation_id IS NULL")) do
    for _, value in pairs(json.decode(row.fields_json)) do waiting[value] = row.list_name .. ":" .. row.line end
  end
  for column_name, column in pairs(compiled.list.columns) do
    for _, row in ipairs(column.type == "eui64" and rows or {}) do
      local value = row[column_name]
      local where = waiting[value]
        or self.db:one("SELECT value FROM claims WHERE space = 'eui64' AND value = ?", value) and "a unit"
      if where then errors.raise("format", nil, "%s:%d: %s %s is in %s already", name, row.line, column_name, value, where) end
    end
  end
end

--- Import a product's list: all of it, or nothing. Raises: argument, format and range with the line, refused.
---@param source string a path, or CSV text when it has a line break
---@param options { product: string, name: string? }
---@return integer line_count
function ledger:import_list(source, options)
  errors.check_fields("import options", options, { product = "string", name = "string" })
  if not options.product then errors.raise("argument", nil, "a list is imported for a `product`") end
  local is_text = source:find("\n", 1, true) ~= nil
  local name = options.name or (is_text and "list" or source)
  begin_session(self)
  return self.db:transaction("import " .. name, function()
    local product_id, compiled = allocate.lock_product(self, options.product)
    if not compiled.list then errors.raise("argument", nil, "product %s takes nothing from a list", options.product) end
    local rows
    if is_text then rows = compiled.list:parse(source, name) else rows = compiled.list:read(source) end
    for _, key in pairs(compiled.keys) do
      if key.source == "list" and not self.vault then
        errors.raise("argument", "open the ledger with a vault key", "a list with keys is stored only encrypted")
      end
    end
    check_euis(self, compiled, name, rows)
    for _, row in ipairs(rows) do import_row(self, product_id, compiled, name, row) end
    return #rows
  end)
end

--- Identities by serial, uid, eui64, product, state, station, operator, since, until; all must fit.
---@param filter table<string, string>
---@return table[]
function ledger:find(filter) return query.find(self, filter) end

--- All attempts with a chip, oldest first.
---@param uid string
---@return table[]
function ledger:history(uid) return query.history(self, uid) end

--- Counts, yield, first-pass yield, time per unit and the errors by frequency.
---@param product string
---@return table
function ledger:report(product) return query.report(self, product) end

--- Attempts, or units with `what = "units"`, as CSV text. Keys are not in it.
---@param options { product: string?, what: "attempts"|"units"|nil }?
---@return string
function ledger:export_csv(options) return query.export_csv(self, options) end

--- The same as a JSON array, one line a record.
function ledger:export_json(options) return query.export_json(self, options) end

--- Is this the key the unit was given? For a label or a server's list that is to be proved.
---@param args { product: string, uid: string, name: string, key: stlua.Secret }
---@return boolean
function ledger:is_key(args)
  errors.check_fields("is_key", args, { product = "string", uid = "string", name = "string", key = "table" })
  for _, row in ipairs(query.find(self, { product = args.product, uid = args.uid })) do
    if not row.is_retired then return keys.is_key(self, row.id, args.name, args.key) end
  end
  return false
end

--- Close the ledger; units still open count as abandoned. May be called twice.
function ledger:close()
  if self.session_id then sessions.close(self.db, self.session_id) end
  self.session_id = nil
  self.db:close()
end

ledger.__close = ledger.close
ledger.__gc = ledger.close

-- A ledger has one vault key, known by its fingerprint: with another one nothing would open again.
local function check_vault(self)
  if not self.vault then return end
  local mine = self.vault:fingerprint()
  local row = self.db:one("SELECT value FROM settings WHERE name = 'vault'")
  if not row and not self.is_read_only then
    self.db:transaction("record the vault key's fingerprint", function()
      self.db:exec("INSERT INTO settings (name, value) VALUES ('vault', ?) ON CONFLICT DO NOTHING", mine)
    end)
    row = self.db:one("SELECT value FROM settings WHERE name = 'vault'")
  end
  if row and row.value ~= mine then
    errors.raise("refused", "use the key this ledger was made with", "ledger %s is sealed with another vault key", self.name)
  end
end

local M = { create_vault_key = vaults.create_file }

--- Is this a ledger that was begun and never used, by a `create` that did not come to its end? Whatever else
--- it may be counts as used.
---@param path string
---@return boolean
function M.is_unused(path)
  local ok, is_unused = pcall(function()
    local db <close> = databases.open(path, { read_only = true })
    if schema.version(db) == 0 then return not db:one("SELECT name FROM sqlite_master") end
    return not db:one("SELECT id FROM sessions UNION ALL SELECT id FROM products")
  end)
  return ok and is_unused
end

---@class stlua.LedgerOptions
---@field create boolean? make the ledger when there is none; without it a wrong path is an error, not a new count from 1
---@field migrate boolean? bring an older schema up to date
---@field read_only boolean?
---@field vault_key stlua.Secret? 32 bytes that encrypt keys
---@field vault_key_file string? a file with them as hex, mode 0600
---@field station string? for every attempt that names none
---@field tool_version string?
---@field busy_timeout_ms integer? how long one try waits for others, 5000 unless said
---@field busy_tries integer? 3 unless said
---@field clock (fun(): integer)? seconds since 1970, os.time unless said
---@field sleep_s function?

--- Open a ledger. Raises: argument, file, permission, format, unsupported (newer schema), refused, timeout.
---@param where string a path, or postgresql://...
---@param options stlua.LedgerOptions?
---@return stlua.Ledger
function M.open(where, options)
  options = options or {}
  if type(where) ~= "string" then errors.raise("argument", nil, "a ledger is opened by path or URL") end
  errors.check_fields("ledger options", options, { create = "boolean", migrate = "boolean", read_only = "boolean",
    vault_key = "table", vault_key_file = "string", station = "string", tool_version = "string",
    busy_timeout_ms = "integer", busy_tries = "integer", clock = "function", sleep_s = "function" })
  local vault = options.vault_key and vaults.new(options.vault_key)
    or options.vault_key_file and vaults.from_file(options.vault_key_file) or nil
  local db = databases.open(where, options)
  local self = setmetatable({ db = db, name = db.name, vault = vault, station = options.station,
    tool_version = options.tool_version, clock = options.clock or os.time, is_read_only = options.read_only or false,
    products = {}, units_in_work = setmetatable({}, { __mode = "v" }) }, ledger)
  local ok, err = pcall(function()
    schema.prepare(db, options)
    check_vault(self)
  end)
  if not ok then
    self:close()
    error(err, 0)
  end
  return self
end

return M
