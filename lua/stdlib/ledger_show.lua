--- Rows of the ledger for people and for --json. No key is in them, only which keys there are.
local format = require "stlua.format"
local json = require "stlua.json"
local sessions = require "stlua.ledger_session"

local M = {}

local function say_rows(session, rows)
  for _, line in ipairs(format.columns(rows)) do session:say("%s", line) end
end

local function state_of(row) return row.is_retired and "retired" or row.state end

local function fields_text(fields)
  local parts = {}
  for name, value in pairs(fields or {}) do parts[#parts + 1] = ("%s=%s"):format(name, value) end
  table.sort(parts)
  return table.concat(parts, " ")
end

local function keys_text(keys)
  local parts = {}
  for i, key in ipairs(keys or {}) do
    parts[i] = ("%s (%s)"):format(key.name, key.is_sealed and "sealed" or "check value only")
  end
  return table.concat(parts, ", ")
end

--- Units, one line each.
function M.units(session, rows)
  local lines = {}
  for i, row in ipairs(rows) do
    lines[i] = { row.serial or "-", row.uid, state_of(row), row.product, row.committed_at or row.reserved_at,
      fields_text(row.fields) }
  end
  say_rows(session, lines)
  return format.count(#rows, "unit"), { units = json.array(rows) }
end

local function attempt_line(row)
  local duration = row.duration_ms and format.seconds(row.duration_ms / 1000) or "-"
  return { row.started_at, row.result, row.serial or "-", duration, row.operator or "-", row.station or "-",
    row.error_code and ("%s: %s"):format(row.error_code, row.error_message) or row.notes or "" }
end

--- Attempts, one line each, oldest first.
function M.attempts(session, rows)
  local lines = {}
  for i, row in ipairs(rows) do lines[i] = attempt_line(row) end
  say_rows(session, lines)
  return format.count(#rows, "attempt"), { attempts = json.array(rows) }
end

--- One unit: its identities, newest last, and its attempts.
function M.unit(session, ledger, rows)
  for _, row in ipairs(rows) do
    local lines = { { "serial", row.serial or "-" }, { "uid", row.uid }, { "product", row.product },
      { "state", state_of(row) .. (row.void_reason and ": " .. row.void_reason or "") } }
    local names = {}
    for name in pairs(row.fields) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do lines[#lines + 1] = { name, row.fields[name] } end
    if #row.keys > 0 then lines[#lines + 1] = { "keys", keys_text(row.keys) } end
    say_rows(session, lines)
  end
  local attempts = ledger:history(rows[1].uid)
  M.attempts(session, attempts)
  return ("unit %s, %s"):format(rows[1].uid, format.count(#attempts, "attempt")),
    { identities = json.array(rows), attempts = json.array(attempts) }
end

--- Products: how many units, how many passed, what is left of numbers and lists.
function M.products(session, ledger)
  local list, lines = json.array(), { { "product", "passed", "failed", "units", "left" } }
  for _, row in ipairs(ledger.db:rows("SELECT name FROM products ORDER BY name")) do
    local report = ledger:report(row.name)
    local left = {}
    for field, count in pairs(report.numbers_left) do left[#left + 1] = ("%d %s"):format(count, field) end
    table.sort(left)
    if report.list_lines_left > 0 then left[#left + 1] = format.count(report.list_lines_left, "list line") end
    lines[#lines + 1] = { row.name, tostring(report.attempts.pass), tostring(report.attempts.fail), tostring(report.units),
      table.concat(left, ", ") }
    list[#list + 1] = report
  end
  say_rows(session, lines)
  return format.count(#list, "product"), { products = list }
end

--- The sessions whose processes live.
function M.sessions(session, ledger)
  local list = json.array()
  for _, row in ipairs(ledger.db:rows("SELECT id, host, pid, station, opened_at FROM sessions ORDER BY id")) do
    if sessions.is_alive(ledger.db, row.id) then
      list[#list + 1] = row
      session:say("%s", sessions.describe(ledger.db, row.id))
    end
  end
  return format.count(#list, "session") .. " at work", { sessions = list }
end

return M
