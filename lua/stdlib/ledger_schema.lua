--- The ledger's tables, as a list of migrations. A migration that has left this house is never
--- changed: what is to be different is a new one below it.
local errors = require "stlua.identity_error"

local M = {}

-- $ID is the dialect's self-numbering key. Times are UTC, as ISO 8601 text. *_json are JSON text.
M.migrations = {
  { -- 1: everything a line needs
    [[CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)]],
    [[CREATE TABLE products (
        id $ID, name TEXT NOT NULL, spec_json TEXT NOT NULL, created_at TEXT NOT NULL, changed_at TEXT,
        CONSTRAINT products_name_once UNIQUE (name))]],
    -- a process that works with the ledger; whether it lives is known by a lock it holds (ledger_session.lua)
    [[CREATE TABLE sessions (
        id $ID, host TEXT, pid TEXT, boot_id TEXT, station TEXT, tool_version TEXT, opened_at TEXT NOT NULL)]],
    [[CREATE TABLE units (
        id $ID, product_id INTEGER NOT NULL REFERENCES products (id), uid TEXT NOT NULL, first_seen_at TEXT NOT NULL,
        CONSTRAINT units_uid_once UNIQUE (product_id, uid))]],
    [[CREATE TABLE counters (name TEXT PRIMARY KEY, next_number BIGINT NOT NULL)]],
    -- an identity given to a unit; a unit has at most one that is not retired, and may have retired ones
    [[CREATE TABLE allocations (
        id $ID, unit_id INTEGER NOT NULL REFERENCES units (id), serial TEXT, fields_json TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('reserved', 'committed', 'void')),
        is_retired INTEGER NOT NULL DEFAULT 0 CHECK (is_retired IN (0, 1)),
        session_id INTEGER NOT NULL REFERENCES sessions (id),
        reserved_at TEXT NOT NULL, committed_at TEXT, voided_at TEXT, void_reason TEXT)]],
    [[CREATE UNIQUE INDEX allocations_one_in_use ON allocations (unit_id) WHERE is_retired = 0]],
    -- the guarantee: a value, once here, belongs to one unit for ever; rows are only ever added
    [[CREATE TABLE claims (
        space TEXT NOT NULL, value TEXT NOT NULL, unit_id INTEGER NOT NULL REFERENCES units (id),
        allocation_id INTEGER NOT NULL REFERENCES allocations (id),
        CONSTRAINT claims_value_once PRIMARY KEY (space, value))]],
    [[CREATE TABLE pool (
        id $ID, product_id INTEGER NOT NULL REFERENCES products (id), list_name TEXT NOT NULL, line INTEGER NOT NULL,
        serial TEXT, fields_json TEXT NOT NULL, sealed_json TEXT, imported_at TEXT NOT NULL,
        allocation_id INTEGER REFERENCES allocations (id),
        CONSTRAINT pool_serial_once UNIQUE (product_id, serial))]],
    -- no key is ever stored in the clear: sealed is encrypted, check_value is a salted hash
    [[CREATE TABLE unit_keys (
        id $ID, allocation_id INTEGER NOT NULL REFERENCES allocations (id), name TEXT NOT NULL,
        generation INTEGER NOT NULL, salt TEXT NOT NULL, check_value TEXT NOT NULL, sealed TEXT, created_at TEXT NOT NULL,
        CONSTRAINT unit_keys_once UNIQUE (allocation_id, name, generation))]],
    [[CREATE TABLE attempts (
        id $ID, product_id INTEGER NOT NULL REFERENCES products (id), unit_id INTEGER REFERENCES units (id),
        allocation_id INTEGER REFERENCES allocations (id), session_id INTEGER REFERENCES sessions (id),
        uid TEXT, serial TEXT,
        result TEXT NOT NULL CHECK (result IN ('running', 'pass', 'fail', 'abandoned', 'void')),
        started_at TEXT NOT NULL, ended_at TEXT, station TEXT, operator TEXT, probe TEXT, slot TEXT,
        firmware_sha256 TEXT, job_sha256 TEXT, tool_version TEXT,
        options_written_json TEXT, durations_ms_json TEXT, duration_ms DOUBLE PRECISION, measurements_json TEXT,
        error_code TEXT, error_message TEXT, error_context_json TEXT, notes TEXT)]],
  },
  { -- 2: what searches and the report go by
    [[CREATE INDEX allocations_by_serial ON allocations (serial)]],
    [[CREATE INDEX allocations_by_state ON allocations (state)]],
    [[CREATE INDEX attempts_by_unit ON attempts (unit_id)]],
    [[CREATE INDEX attempts_by_allocation ON attempts (allocation_id)]],
    [[CREATE INDEX attempts_by_uid ON attempts (uid)]],
    [[CREATE INDEX pool_by_use ON pool (product_id, allocation_id)]],
  },
}

local ID = {
  sqlite3 = "INTEGER PRIMARY KEY AUTOINCREMENT", -- a number is never given again
  postgresql = "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}

--- The version of the database's schema, 0 when it holds none. Raises what the database raises.
---@param db stlua.LedgerDb
---@return integer
function M.version(db)
  local exists
  if db.kind == "sqlite3" then
    exists = db:one("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'")
  else
    -- not to_regclass: its cache does not see what another station made while we waited for the schema's lock
    exists = db:one([[SELECT c.relname AS name FROM pg_catalog.pg_class c
        WHERE c.relname = 'schema_version' AND pg_catalog.pg_table_is_visible(c.oid)]])
  end
  if not exists then return 0 end
  local row = db:one("SELECT MAX(version) AS version FROM schema_version")
  return row and row.version or 0
end

-- Two stations must not migrate at once; SQLite's write lock sees to that itself.
local function lock_schema(db)
  if db.kind == "postgresql" then db:rows("SELECT pg_advisory_xact_lock(1937009269, 0)::text") end
end

-- A copy from before the migration, beside the ledger.
local function back_up(db, version)
  if db.kind ~= "sqlite3" then return end
  local path = ("%s.v%d.backup"):format(db.path, version)
  if require("stlua.ledger_db").create_private(path) then db:exec("VACUUM INTO ?", path) end
end

local function migrate(db, from, tool_version)
  lock_schema(db)
  local version = M.version(db) -- somebody may have been faster
  if version == 0 then
    db:exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, tool_version TEXT)")
  end
  for number = math.max(version, from) + 1, #M.migrations do
    for _, sql in ipairs(M.migrations[number]) do db:exec((sql:gsub("%$ID", ID[db.kind]))) end
    db:exec("INSERT INTO schema_version (version, applied_at, tool_version) VALUES (?, ?, ?)", number,
      os.date("!%Y-%m-%dT%H:%M:%SZ"), tool_version)
  end
end

--- Bring the database to the newest schema, or say why not.
--- Raises: unsupported (newer), refused (older, no `migrate`), format (no ledger, no `create`).
---@param db stlua.LedgerDb
---@param options { create: boolean?, migrate: boolean?, tool_version: string? }
function M.prepare(db, options)
  local newest, version = #M.migrations, M.version(db)
  if version > newest then
    error(errors.new("unsupported", ("ledger %s has schema version %d, this stlua knows %d"):format(db.name, version,
      newest), "use the newer stlua that other stations have", "newer"), 0)
  end
  if version == newest then return end
  if version == 0 and not options.create then
    error(errors.new("format", ("%s holds no ledger"):format(db.name),
      "check the path or URL; only `create` makes a new ledger", "no_schema"), 0)
  end
  if version > 0 and not options.migrate then
    error(errors.new("refused", ("ledger %s has schema version %d, this stlua needs %d"):format(db.name, version, newest),
      "`migrate` brings it up to date; older stlua cannot use it then", "older"), 0)
  end
  if version > 0 then back_up(db, version) end
  db:transaction("migrate the ledger", function() migrate(db, version, options.tool_version) end)
end

return M
