--- Looking into the ledger: find, history, report, export.
local errors = require "stlua.identity_error"
local csv = require "stlua.csv"
local identity = require "stlua.identity"
local json = require "stlua.ledger_json"
local keys = require "stlua.ledger_keys"

local M = {}

-- What one may search by: a fixed piece of SQL each, the value always bound.
local FILTERS = {
  serial = "a.serial = ?", uid = "u.uid = ?", product = "p.name = ?", state = "a.state = ?",
  since = "a.reserved_at >= ?", ["until"] = "a.reserved_at <= ?",
  eui64 = "a.id IN (SELECT allocation_id FROM claims WHERE space = 'eui64' AND value = ?)",
  station = "a.id IN (SELECT allocation_id FROM attempts WHERE station = ?)",
  operator = "a.id IN (SELECT allocation_id FROM attempts WHERE operator = ?)",
}
local FILTER_FIELDS = { limit = "integer" }
for name in pairs(FILTERS) do FILTER_FIELDS[name] = "string" end

local function where(filter)
  errors.check_fields("a search", filter, FILTER_FIELDS)
  local names, conditions, values = {}, {}, {}
  for name in pairs(filter) do
    if FILTERS[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = filter[name]
    if name == "uid" then value = identity.uid(value) end
    if name == "eui64" then value = identity.eui64(value) end
    conditions[i], values[i] = FILTERS[name], value
  end
  return #conditions > 0 and " WHERE " .. table.concat(conditions, " AND ") or "", values
end

--- Identities that fit all of the filter, oldest first. Raises: argument, and what the database raises.
function M.find(ledger, filter)
  local conditions, values = where(filter)
  local limit = filter.limit and (" LIMIT " .. math.max(0, filter.limit)) or "" -- a checked integer
  local rows = ledger.db:rows([[SELECT a.id, p.name AS product, u.uid, a.serial, a.state, a.is_retired, a.fields_json,
        a.reserved_at, a.committed_at, a.voided_at, a.void_reason,
        (SELECT COUNT(*) FROM attempts t WHERE t.allocation_id = a.id) AS attempt_count
      FROM allocations a JOIN units u ON u.id = a.unit_id JOIN products p ON p.id = u.product_id]] .. conditions
    .. " ORDER BY a.id" .. limit, table.unpack(values))
  local keys_of = keys.by_allocation(ledger, [[SELECT a.id FROM allocations a JOIN units u ON u.id = a.unit_id
      JOIN products p ON p.id = u.product_id]] .. conditions, table.unpack(values))
  for _, row in ipairs(rows) do
    row.fields, row.fields_json = json.decode(row.fields_json), nil
    row.is_retired = row.is_retired == 1
    row.keys = keys_of[row.id] or {}
  end
  return rows
end

local ATTEMPT_COLUMNS = { "id", "product", "uid", "serial", "result", "started_at", "ended_at", "station", "operator",
  "probe", "slot", "firmware_sha256", "job_sha256", "tool_version", "options_written", "durations_ms", "duration_ms",
  "measurements", "error_code", "error_message", "error_context", "notes" }
local UNIT_COLUMNS = { "product", "uid", "serial", "state", "is_retired", "reserved_at", "committed_at", "voided_at",
  "void_reason", "attempt_count", "fields" }
local AS_JSON = { "options_written", "durations_ms", "measurements", "error_context" }

local function attempts(ledger, condition, ...)
  local rows = ledger.db:rows([[SELECT t.*, p.name AS product FROM attempts t JOIN products p ON p.id = t.product_id
      WHERE ]] .. condition .. " ORDER BY t.id", ...)
  for _, row in ipairs(rows) do
    for _, name in ipairs(AS_JSON) do
      row[name], row[name .. "_json"] = json.decode(row[name .. "_json"]), nil
    end
    row.product_id, row.unit_id, row.allocation_id, row.session_id = nil, nil, nil, nil
  end
  return rows
end

--- All attempts with a chip, oldest first.
function M.history(ledger, uid) return attempts(ledger, "t.uid = ?", identity.uid(uid)) end

-- Export --------------------------------------------------------------------------------------

local function exported(ledger, options)
  options = options or {}
  errors.check_fields("an export", options, { product = "string", what = "string" })
  local what = options.what or "attempts"
  if what ~= "attempts" and what ~= "units" then
    errors.raise("argument", nil, 'what is exported is "attempts" or "units", not %q', what)
  end
  if what == "units" then
    local rows = M.find(ledger, { product = options.product })
    for _, row in ipairs(rows) do row.id = nil end
    return rows, UNIT_COLUMNS
  end
  if options.product then return attempts(ledger, "p.name = ?", options.product), ATTEMPT_COLUMNS end
  return attempts(ledger, "1 = 1"), ATTEMPT_COLUMNS
end

function M.export_csv(ledger, options)
  local rows, columns = exported(ledger, options)
  for _, row in ipairs(rows) do
    for _, name in ipairs(columns) do
      if type(row[name]) == "table" then row[name] = json.encode(row[name]) end
    end
  end
  return csv.write(columns, rows)
end

function M.export_json(ledger, options)
  local rows, lines = exported(ledger, options), {}
  for i, row in ipairs(rows) do lines[i] = json.encode(row) end
  return "[" .. table.concat(lines, ",\n") .. "]\n"
end

-- Report --------------------------------------------------------------------------------------

local function time_per_unit(ledger, product_id)
  local times, sum = {}, 0
  for i, row in ipairs(ledger.db:rows([[SELECT duration_ms FROM attempts
      WHERE product_id = ? AND result = 'pass' AND duration_ms IS NOT NULL ORDER BY duration_ms]], product_id)) do
    times[i] = row.duration_ms
    sum = sum + row.duration_ms
  end
  if #times == 0 then return nil end
  return { unit_count = #times, mean_ms = sum / #times, median_ms = (times[(#times + 1) // 2] + times[#times // 2 + 1]) / 2,
    min_ms = times[1], max_ms = times[#times] }
end

-- The commonest errors first, with the share of all failures up to each.
local function pareto(ledger, product_id)
  local rows = ledger.db:rows([[SELECT error_code AS code, COUNT(*) AS n FROM attempts
      WHERE product_id = ? AND result IN ('fail', 'abandoned') GROUP BY error_code ORDER BY n DESC, code]], product_id)
  local total, so_far, list = 0, 0, {}
  for _, row in ipairs(rows) do total = total + row.n end
  for i, row in ipairs(rows) do
    so_far = so_far + row.n
    list[i] = { code = row.code or "unknown", count = row.n, share = row.n / total, cumulative_share = so_far / total }
  end
  return list
end

local function count_by(ledger, names, sql, ...)
  local counts = {}
  for _, name in ipairs(names) do counts[name] = 0 end
  for _, row in ipairs(ledger.db:rows(sql, ...)) do counts[row.name] = row.n end
  return counts
end

-- How many numbers each source still has; a counter that starts again with the date has no such end.
local function numbers_left(ledger, product)
  local left = {}
  local function count(field, counter, first, last)
    local row = ledger.db:one("SELECT CAST(next_number AS TEXT) AS number FROM counters WHERE name = ?", counter)
    local next_number = row and math.tointeger(tonumber(row.number)) or first
    left[field] = math.max(0, last - math.max(first, next_number) + 1)
  end
  local counter = product.template and product.template.counter
  if counter and not counter.per then count("serial", "serial:" .. product.space, counter.first, counter.last) end
  for name, block in pairs(product.blocks) do count(name, "eui64:" .. block.first, 0, block.count - 1) end
  return left
end

--- Counts, yield, time and errors of a product. First pass: units whose first ended attempt was a pass.
function M.report(ledger, name)
  local product = ledger.db:one("SELECT id, spec_json FROM products WHERE name = ?", name)
  if not product then errors.raise("argument", nil, "the ledger has no product `%s`", tostring(name)) end
  local report = { product = name,
    attempts = count_by(ledger, { "pass", "fail", "abandoned", "running", "void" }, [[SELECT result AS name, COUNT(*) AS n
        FROM attempts WHERE product_id = ? GROUP BY result]], product.id),
    serials = count_by(ledger, { "reserved", "committed", "void", "retired" }, [[SELECT
        CASE WHEN a.is_retired = 1 THEN 'retired' ELSE a.state END AS name, COUNT(*) AS n
        FROM allocations a JOIN units u ON u.id = a.unit_id WHERE u.product_id = ?
        GROUP BY CASE WHEN a.is_retired = 1 THEN 'retired' ELSE a.state END]], product.id) }
  local function count(sql) return ledger.db:one(sql, product.id).n end
  report.units = count("SELECT COUNT(*) AS n FROM units WHERE product_id = ?")
  report.units_tried = count([[SELECT COUNT(DISTINCT unit_id) AS n FROM attempts
      WHERE product_id = ? AND result IN ('pass', 'fail', 'abandoned')]])
  report.units_passed = count("SELECT COUNT(DISTINCT unit_id) AS n FROM attempts WHERE product_id = ? AND result = 'pass'")
  report.units_passed_first = count([[SELECT COUNT(*) AS n FROM attempts WHERE result = 'pass' AND id IN
      (SELECT MIN(id) FROM attempts WHERE product_id = ? AND result IN ('pass', 'fail', 'abandoned') GROUP BY unit_id)]])
  if report.units_tried > 0 then
    report.yield = report.units_passed / report.units_tried
    report.first_pass_yield = report.units_passed_first / report.units_tried
  end
  report.list_lines_left = count("SELECT COUNT(*) AS n FROM pool WHERE product_id = ? AND allocation_id IS NULL")
  report.numbers_left = numbers_left(ledger, ledger:compiled(name, product.spec_json))
  report.time_per_unit = time_per_unit(ledger, product.id)
  report.errors = pareto(ledger, product.id)
  return report
end

return M
