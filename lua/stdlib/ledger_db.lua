--- The ledger's database through LuaDBI: SQLite by path, PostgreSQL by URL, the same SQL for both.
--- Values are always bound, as text: LuaDBI binds numbers as doubles and reads integers as a C int,
--- so a column that may pass 2^31 is read with CAST(... AS TEXT). Every result is read to its end at once.
local has_core, stlua = pcall(require, "stlua") -- these modules also run without libstl

local errors = require "stlua.identity_error"
local memory = require "stlua.memory"
local lfs = require "lfs"

---@class stlua.LedgerDb
---@field kind "sqlite3"|"postgresql"
---@field name string path or URL, without a password
local db = {}
db.__index = db

local M = {}

-- What the drivers say, by reason. LuaDBI passes text only, no SQLSTATE.
local SAYINGS = {
  { "busy", "database is locked", "database table is locked", "lock timeout", "deadlock detected",
    "could not serialize", "55P03" },
  { "full", "database or disk is full", "No space left", "could not extend file", "disk full" },
  { "read_only", "readonly database", "read%-only transaction", "attempt to write a readonly", "permission denied for" },
  { "gone", "unable to open database file", "server closed the connection", "no connection to the server",
    "terminating connection", "could not connect", "connection to server", "Connection refused", "disk I/O error",
    "shutting down", "starting up", "Statement unavailable", "not connected", "SSL connection has been closed",
    "could not receive data from server", "could not send data to server", "idle%-in%-transaction timeout" },
  { "damaged", "file is not a database", "malformed", "file is encrypted" },
  { "taken", "claims_value_once", "UNIQUE constraint failed: claims" },
  { "duplicate", "UNIQUE constraint failed", "duplicate key" },
  { "no_schema", "no such table", "does not exist" },
}
local MEANING = {
  busy = { "timeout", "another station holds the ledger; try again, `stlua ledger sessions` shows who" },
  full = { "file", "make room on the disk of the ledger; nothing of this step was recorded" },
  read_only = { "permission", "the ledger's file, folder and database role must allow writing" },
  gone = { "file", "check that the ledger's disk or server is there; nothing of this step was recorded" },
  damaged = { "format", "this is no ledger, or it is damaged: restore the last backup beside it and compare" },
  taken = { "refused", "the number belongs to another unit; set the counter's `first` past it, or correct the list" },
  duplicate = { "internal", nil },
  no_schema = { "format", "this database holds no ledger; `create` makes one" },
}

--- One error of the driver as an error of ours.
local function explain(self, text)
  if memory.is_short(text) then return errors.new("memory", "out of memory", nil, "memory") end
  text = tostring(text):gsub("%s+$", ""):gsub("\n%s*", " ")
  local reason
  for _, saying in ipairs(SAYINGS) do
    for i = 2, #saying do
      if text:find(saying[i]) then reason = saying[1] break end
    end
    if reason then break end
  end
  local meaning = MEANING[reason] or { "file", "the database refused a step; nothing of it was recorded" }
  return errors.new(meaning[1], ("ledger %s: %s"):format(self.name, text), meaning[2], reason or "database")
end

-- Stock Lua has neither umask nor access(); the shell has. In stlua no path ever reaches a shell.
local function shell(command, path) return os.execute(command:format("'" .. path:gsub("'", "'\\''") .. "'")) == true end

--- An empty file of mode 0600 that was not there before; one that appears in between is never taken over.
local function create_private(path)
  if has_core then return stlua.create_private_file(path) end
  if lfs.attributes(path) then return false end
  return shell("exec 2>/dev/null; umask 077 && set -C && : > %s", path) -- noclobber is O_EXCL
end
M.create_private = create_private

local function is_writable(path)
  if has_core then return stlua.is_writable(path) end
  return shell("test -w %s", path)
end

local function sleep_s(seconds)
  if has_core then stlua.sleep(seconds) else require("socket").sleep(seconds) end
end


--- Statements ---------------------------------------------------------------------------------

local function bindable(value)
  local kind = math.type(value) or type(value)
  if kind == "nil" or kind == "string" then
    if kind == "string" and value:find("\0", 1, true) then
      errors.raise("internal", nil, "a NUL byte cannot be stored in the ledger")
    end
    return value
  end
  if kind == "integer" then return tostring(value) end
  if kind == "float" then return ("%.17g"):format(value) end
  if kind == "boolean" then return value and "1" or "0" end
  errors.raise("internal", nil, "a %s cannot be stored in the ledger", kind)
end

local function prepare(self, sql)
  local statement = self.statements[sql]
  if statement then return statement end
  local why
  statement, why = self.connection:prepare(sql)
  if not statement then error(explain(self, why), 0) end
  -- PostgreSQL keeps a prepared statement on the server until the connection ends, so each is prepared once
  if self.keeps_statements then self.statements[sql] = statement end
  return statement
end

local function execute(self, sql, ...)
  if self.is_closed then errors.raise("argument", nil, "ledger %s is closed", self.name) end
  if not self.connection then error(explain(self, "not connected"), 0) end
  local values = table.pack(...)
  for i = 1, values.n do values[i] = bindable(values[i]) end
  local statement = prepare(self, sql)
  local ok, done, why = pcall(statement.execute, statement, table.unpack(values, 1, values.n))
  if not ok or not done then
    if not self.keeps_statements then pcall(statement.close, statement) end
    error(explain(self, ok and why or done), 0)
  end
  return statement
end

--- All rows, by column name. Raises: timeout (busy), file (full, gone), permission, refused, format.
---@param sql string with ? for each value
---@return table[]
function db:rows(sql, ...)
  local statement = execute(self, sql, ...)
  local rows = {}
  local ok, why = pcall(function()
    while true do
      local row = statement:fetch(true)
      if not row then break end
      rows[#rows + 1] = row
    end
  end)
  pcall(statement.close, statement) -- frees the result
  if not ok then error(explain(self, why), 0) end
  return rows
end

--- The first row, or nil.
---@return table?
function db:one(sql, ...) return self:rows(sql, ...)[1] end

--- Run a statement that gives no rows.
function db:exec(sql, ...)
  local statement = execute(self, sql, ...)
  pcall(statement.close, statement)
end

--- Opening ------------------------------------------------------------------------------------

local function file_id(path)
  local attributes = lfs.attributes(path)
  return attributes and attributes.mode == "file" and (attributes.dev .. ":" .. attributes.ino) or nil
end

-- SQLite goes on writing into a file that was deleted or replaced; nobody would ever see it again.
local function check_file(self)
  if self.kind == "sqlite3" and file_id(self.path) ~= self.file_id then
    error(errors.new("file", ("ledger %s: the file was moved, deleted or replaced while in use"):format(self.name),
      "put the ledger back; nothing of this step was recorded", "gone"), 0)
  end
end

-- Connect through a LuaDBI driver, or say what to install.
local function dbi_connect(driver, package_name, where)
  local ok, DBI = memory.pcall(require, "DBI")
  if not ok or not memory.pcall(require, "dbd." .. driver:lower()) then
    errors.raise("unsupported", "install LuaDBI's driver (Debian: " .. package_name .. ")",
      "the ledger cannot be opened: LuaDBI has no driver for %s here", driver)
  end
  return pcall(DBI.Connect, driver, where)
end

local function connect_sqlite(self)
  local ok, connection, why = dbi_connect("SQLite3", "lua-dbi-sqlite3", self.path)
  if not ok or not connection then error(explain(self, ok and why or connection), 0) end
  connection:autocommit(true) -- transactions are ours: BEGIN IMMEDIATE
  self.connection, self.statements, self.keeps_statements = connection, {}, false
  -- a pragma takes no bound values; this one is a checked integer
  self:rows(("PRAGMA busy_timeout = %d"):format(self.busy_timeout_ms))
  self:rows("PRAGMA foreign_keys = ON")
  self:rows("PRAGMA synchronous = FULL") -- in WAL mode NORMAL may lose the last commits to a power cut
  if self.is_read_only then self:rows("PRAGMA query_only = ON") end
  local row = self:one("PRAGMA journal_mode")
  if row.journal_mode ~= "wal" and not self.is_read_only then
    row = self:one("PRAGMA journal_mode = WAL")
    if row.journal_mode ~= "wal" then
      errors.raise("unsupported", "keep the ledger on a local disk, or on a PostgreSQL server",
        "ledger %s: the file system allows no write-ahead log", self.name)
    end
  end
  self.path = self:one("PRAGMA database_list").file or self.path -- without symbolic links
end

local function disconnect(self)
  local connection = self.connection
  self.connection = nil
  self.statements = {}
  if connection then pcall(connection.close, connection) end
end

local function open_sqlite(self, options)
  local path = self.path
  if path == "" or path == ":memory:" then
    errors.raise("argument", nil, "the ledger is a file, or a PostgreSQL URL")
  end
  if not file_id(path) then
    if not options.create then
      error(errors.new("file", ("no ledger at %s"):format(path),
        "check the path; a new ledger starts counting anew, so only `create` makes one", "gone"), 0)
    end
    if not create_private(path) and not file_id(path) then
      error(errors.new("file", ("cannot create the ledger %s"):format(path),
        "its folder must exist and allow writing", "gone"), 0)
    end
  end
  self.file_id = file_id(path)
  for try = 1, self.busy_tries do -- the first two to open a new ledger meet when they turn WAL on
    local ok, err = pcall(connect_sqlite, self)
    if ok then return end
    disconnect(self)
    if err.reason ~= "busy" or try == self.busy_tries then
      if err.reason == "gone" and not is_writable(path) then
        err.code, err.reason, err.hint = "permission", "read_only", MEANING.read_only[2]
      end
      error(err, 0)
    end
    self.sleep_s(0.05 * try)
  end
end

-- libpq waits for ever on a cable that was pulled, unless told otherwise.
local function with_timeouts(url)
  for _, pair in ipairs { { "connect_timeout", "5" }, { "tcp_user_timeout", "10000" }, { "keepalives_idle", "5" },
    { "keepalives_interval", "2" }, { "keepalives_count", "3" } } do
    if not url:find(pair[1] .. "=", 1, true) then
      url = url .. (url:find("?", 1, true) and "&" or "?") .. pair[1] .. "=" .. pair[2]
    end
  end
  return url
end

local function connect_postgresql(self)
  local ok, connection, why = dbi_connect("PostgreSQL", "lua-dbi-postgresql", with_timeouts(self.url))
  if not ok or not connection then
    local err = explain(self, ok and why or connection)
    err.code, err.reason, err.hint = "file", "gone", MEANING.gone[2]
    error(err, 0)
  end
  connection:autocommit(true)
  self.connection, self.statements, self.keeps_statements = connection, {}, false
  self:rows("SELECT set_config('client_min_messages', 'error', false)")
  -- our reasons are recognised by the English texts; a role that may not set this still gets clear errors
  pcall(self.rows, self, "SELECT set_config('lc_messages', 'C', false)")
  self:rows("SELECT set_config('lock_timeout', ?, false)", self.busy_timeout_ms .. "ms")
  -- a station that hangs in the middle of a step must not hold up the others
  self:rows("SELECT set_config('idle_in_transaction_session_timeout', '60s', false)")
  if self.is_read_only then self:rows("SELECT set_config('default_transaction_read_only', 'on', false)") end
  -- LuaDBI 0.7.2 does not free a statement on the server when it is closed, so it can run again; newer ones may
  local probe = connection:prepare("SELECT 1")
  if probe and probe:execute() then
    probe:close()
    local reusable, done = pcall(probe.execute, probe)
    if reusable and done then
      probe:close()
      self.keeps_statements = true
    end
  end
end

--- Open a database. Raises: argument, file, format, permission, timeout.
---@param where string
---@param options { create: boolean?, read_only: boolean?, busy_timeout_ms: integer?, busy_tries: integer?, sleep_s: function? }
---@return stlua.LedgerDb
function M.open(where, options)
  local is_url = where:match("^postgres%a*://") ~= nil
  if not is_url and where:match("^%a[%w+]*://") then
    errors.raise("argument", "a path, or postgresql://HOST/DATABASE", "no ledger can be at %s",
      where:gsub("//.*", "//..."))
  end
  local self = setmetatable({
    kind = is_url and "postgresql" or "sqlite3", busy_timeout_ms = options.busy_timeout_ms or 5000,
    busy_tries = options.busy_tries or 3, is_read_only = options.read_only or false,
    sleep_s = options.sleep_s or sleep_s, statements = {},
  }, db)
  if is_url then
    self.url = where
    self.name = where:gsub("(//[^/@]-):[^/@]*@", "%1:<secret>@"):gsub("(password=)[^&]*", "%1<secret>")
    connect_postgresql(self)
  else
    self.path, self.name = where:gsub("^sqlite:", ""), where
    open_sqlite(self, options)
  end
  return self
end

--- Close the connection for good; may be called twice.
function db:close()
  self.is_closed = true
  disconnect(self)
end
db.__close = db.close

--- Transactions -------------------------------------------------------------------------------

-- A disk or a server that was lost in the middle of COMMIT may have it or not.
local function doubt(err)
  if type(err) == "table" and err.reason == "gone" then
    err.hint = "check that the ledger's disk or server is there; whether this step was recorded shows when it is done again"
  end
end

local function run_once(self, fn)
  check_file(self)
  local is_committing = false
  -- IMMEDIATE: take the write lock now, so that what is read inside cannot change before it is written
  self:exec(self.kind == "sqlite3" and not self.is_read_only and "BEGIN IMMEDIATE" or "BEGIN")
  local ok, result = pcall(function()
    local value = fn()
    check_file(self)
    is_committing = true
    self:exec("COMMIT")
    return value
  end)
  if ok then return result end
  if is_committing then doubt(result) end
  pcall(self.exec, self, "ROLLBACK") -- the first error is the one worth reporting
  error(result, 0)
end

local function reconnect(self)
  disconnect(self)
  connect_postgresql(self)
  if self.after_reconnect then self.after_reconnect() end
end

--- Run fn in a transaction: all of it is recorded, or nothing. It may be run again after a busy
--- database or a lost connection, so it must look before it writes. Raises what fn and the database raise.
---@param what string for the error's context
---@param fn fun(): any
function db:transaction(what, fn)
  if self.is_in_transaction then errors.raise("internal", nil, "a transaction inside another") end
  local tries = 0
  while true do
    tries = tries + 1
    self.is_in_transaction = true
    local ok, result = pcall(run_once, self, fn)
    self.is_in_transaction = false
    if ok then return result end
    local reason = type(result) == "table" and result.reason
    local again = tries < self.busy_tries and (reason == "busy" or (reason == "gone" and self.kind == "postgresql"))
    if again and reason == "gone" then
      self.sleep_s(0.2 * tries)
      local back, why = pcall(reconnect, self)
      if not back and tries + 1 >= self.busy_tries then result, again = why, false end
    end
    if not again then
      if type(result) == "table" and result.context then
        if reason == "busy" then result.message = ("%s (tried %d times)"):format(result.message, tries) end
        result.context[#result.context + 1] = what
      end
      error(result, 0)
    end
  end
end

return M
