--- What must hold after any write that failed.
local exit_status = require "stlua.exit_status"
local world = require "world"

local M = {}

local code_of = {}
for _, row in ipairs(exit_status.list) do code_of[row[1]] = row[2] end

-- 1 is a defect of a script, 70 one of stlua; from 124 on it was a time-out or a signal.
local function is_proper(status) return status >= 10 and status < 70 end

--- How a command that was not killed may end.
function M.ending(name, result)
  local status, err = result.status, result.err
  local function wrong(why) error(("%s: exit status %d\n%s%s"):format(why, status, result.out, err), 0) end
  if err:match "Sanitizer" or err:match "runtime error:" or err:match "stack traceback" then wrong "a defect" end
  if status == 0 then
    if err:match "error %[" then wrong "an error, and success" end
    return
  end
  if not is_proper(status) then wrong "no exit status of an error" end
  local code, text, rest = err:match "error %[([%w_]+)%]: ([^\n]+)(.*)"
  if code ~= code_of[status] then wrong "no error of this exit status" end
  if text:match "nil$" or text:match "^nil" or not text:match "%S" then wrong "an error without its reason" end
  if rest:match "error %[" then wrong "two errors" end
  local last = result.out:match "([^\n]*)\n?$"
  local is_lost = text:match "standard output" -- then the verdict is what was lost
  if not is_lost and (last:find(name .. ": ", 1, true) == 1 or result.out:match '"ok":true') then wrong "success was told" end
end

--- Nothing there that was not meant to be, unless taking it away is what failed.
function M.names(place, allowed, hit)
  if hit == "killed" or hit:match "^unlink" then return end
  for name in pairs(place:names()) do
    local is_allowed = false
    for _, pattern in ipairs(allowed) do is_allowed = is_allowed or name:match(pattern) == name end
    assert(is_allowed, "left behind: " .. name)
  end
end

--- Whole: one of these contents, and nil is that there is none.
function M.whole(place, name, ...)
  local found = place:bytes(name)
  for i = 1, select("#", ...) do
    if found == select(i, ...) then return end
  end
  error(("%s is neither the old file nor the new one: %s"):format(name, found and #found .. " bytes" or "not there"), 0)
end

local function first(db, sql, ...) return db:one(sql, ...) end

local function check_sound(db)
  if db.kind ~= "sqlite3" then return end
  local row = first(db, "PRAGMA integrity_check")
  assert(row.integrity_check == "ok", row.integrity_check)
  assert(not first(db, "PRAGMA foreign_key_check"), "a row refers to none")
end

-- The guarantee is a constraint; here it is counted once more.
local function check_once(db)
  local row = first(db, [[SELECT a.serial AS serial FROM allocations a GROUP BY a.serial HAVING COUNT(DISTINCT a.unit_id) > 1]])
  assert(not row, row and row.serial .. " was given to two units")
  row = first(db, [[SELECT a.serial AS serial FROM allocations a WHERE a.state = 'committed' AND NOT EXISTS
    (SELECT 1 FROM attempts t WHERE t.allocation_id = a.id AND t.result = 'pass')]])
  assert(not row, row and row.serial .. " is committed without a pass")
end

--- The ledger and one chip: what the chip holds is known, what has passed is in it.
---@param db stlua.LedgerDb
---@param uid string
---@param spec string the simulated board
---@return boolean has_passed
function M.truth(db, uid, spec)
  check_sound(db)
  check_once(db)
  local serial, is_locked = world.chip(spec)
  local row = first(db, [[SELECT a.serial AS serial, a.state AS state FROM allocations a JOIN units u ON u.id = a.unit_id
    WHERE u.uid = ? AND a.is_retired = 0]], uid)
  assert(serial == "" or (row and row.serial == serial), ("the chip holds %s, the ledger says %s"):format(serial,
    row and row.serial or "nothing"))
  local has_passed = row ~= nil and row.state == "committed"
  if has_passed then
    assert(serial == row.serial, ("%s has passed, the chip holds %q"):format(row.serial, serial))
    assert(is_locked, row.serial .. " has passed, and is not locked")
  end
  return has_passed
end

return M
