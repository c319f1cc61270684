--- Who lives: a session is one process working with a ledger, and holds a lock for as long as it
--- does. The system takes the lock away when the process dies, however it dies; so no clock, lease
--- or process number decides about a reservation.
---   SQLite: byte N of FILE-sessions, locked by fcntl, for session N.
---   PostgreSQL: the advisory lock (LOCK_CLASS, N) of the connection.
local errors = require "stlua.identity_error"
local lfs = require "lfs"

local LOCK_CLASS = 1937009268 -- "stlt", so that other users of advisory locks are not met

local M = {}

-- fcntl's locks belong to the process and all go when one handle of the file closes:
-- one handle a file, shared by all ledgers of this process, and never closed.
local lock_files = {}

local function lock_file(db)
  local path = db.path .. "-sessions"
  local entry = lock_files[path]
  if entry then
    if lfs.attributes(path, "ino") ~= entry.ino then
      error(errors.new("file", path .. " was deleted or replaced while in use",
        "stop all stations that use this ledger, then start them again", "gone"), 0)
    end
    return entry
  end
  require("stlua.ledger_db").create_private(path)
  local file, why = io.open(path, "r+b")
  if not file then
    error(errors.new("permission", "ledger: " .. why, "the ledger's folder must allow writing", "read_only"), 0)
  end
  entry = { file = file, ino = lfs.attributes(path, "ino"), mine = {} }
  lock_files[path] = entry
  return entry
end

local function first_line(path)
  local file = io.open(path)
  local line = file and file:read("l")
  if file then file:close() end
  return line
end

local function take_lock(db, id)
  if db.kind == "postgresql" then
    local row = db:one("SELECT pg_try_advisory_lock(CAST(? AS INTEGER), CAST(? AS INTEGER))::text AS taken",
      LOCK_CLASS, id)
    return row.taken == "true"
  end
  local entry = lock_file(db)
  local is_taken, why = lfs.lock(entry.file, "w", id, 1)
  if not is_taken then -- nobody else has the number: it is the disk that does not lock
    error(errors.new("file", ("ledger: session %d cannot be locked in %s-sessions: %s"):format(id, db.path, why),
      "the ledger must be on a disk that allows locks; nothing of this step was recorded", "gone"), 0)
  end
  entry.mine[id] = true
  return true
end

--- Begin a session; it ends with the process, or by M.close. Raises what the database raises.
---@param db stlua.LedgerDb
---@param facts { station: string?, tool_version: string?, now: string }
---@return integer id
function M.open(db, facts)
  local id = db:transaction("begin a session", function()
    return db:one([[INSERT INTO sessions (host, pid, boot_id, station, tool_version, opened_at)
        VALUES (?, ?, ?, ?, ?, ?) RETURNING id]], first_line("/proc/sys/kernel/hostname"),
      (first_line("/proc/self/stat") or ""):match("^%d+"), first_line("/proc/sys/kernel/random/boot_id"),
      facts.station, facts.tool_version, facts.now).id
  end)
  if not take_lock(db, id) then errors.raise("internal", nil, "the lock of the new session %d is taken", id) end
  db.after_reconnect = function()
    -- the server may need a moment to see that the old connection is gone
    for try = 1, 10 do
      if take_lock(db, id) then return end
      db.sleep_s(0.1 * try)
    end
    error(errors.new("file", "ledger: the server still holds the lost connection", "try again in a minute", "gone"), 0)
  end
  return id
end

--- Does the process of a session live? Ask inside a transaction.
---@param db stlua.LedgerDb
---@param id integer
---@param own_id integer?
---@return boolean
function M.is_alive(db, id, own_id)
  if id == own_id then return true end
  if db.kind == "postgresql" then
    -- shared, so that two that ask at once do not take each other for the owner; ends with the transaction
    local row = db:one("SELECT pg_try_advisory_xact_lock_shared(CAST(? AS INTEGER), CAST(? AS INTEGER))::text AS free",
      LOCK_CLASS, id)
    return row.free ~= "true"
  end
  local entry = lock_file(db)
  if entry.mine[id] then return true end -- another ledger of this process: fcntl would let us lock it
  if lfs.lock(entry.file, "r", id, 1) then
    lfs.unlock(entry.file, id, 1)
    return false
  end
  return true
end

--- End a session: its reservations count as abandoned from now on.
function M.close(db, id)
  db.after_reconnect = nil
  if db.kind == "sqlite3" then
    local entry = lock_files[db.path .. "-sessions"]
    if entry and entry.mine[id] then
      entry.mine[id] = nil
      lfs.unlock(entry.file, id, 1)
    end
    return
  end
  -- the server gives the lock back when it sees that the connection has gone, which may take it a moment
  pcall(db.one, db, "SELECT pg_advisory_unlock(CAST(? AS INTEGER), CAST(? AS INTEGER))::text AS is_released", LOCK_CLASS, id)
end

--- Where a session runs, for people.
---@return string
function M.describe(db, id)
  local row = db:one("SELECT host, pid, station, opened_at FROM sessions WHERE id = ?", id) or {}
  return ("session %d: process %s on %s%s, since %s"):format(id, row.pid or "?", row.host or "?",
    row.station and ", station " .. row.station or "", row.opened_at or "?")
end

return M
