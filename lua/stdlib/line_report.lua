--- What a run at the line comes to: counts, yield, time a unit, and which errors there were, the commonest first.
local errors = require "stlua.errors"
local format = require "stlua.format"
local json = require "stlua.json"

---@class stlua.LineUnit one unit that was done
---@field result "pass"|"fail"
---@field serial string?
---@field uid string?
---@field slot string?
---@field code string? of the error
---@field message string?
---@field hint string?
---@field step string? that failed
---@field is_returning boolean?
---@field elapsed_s number in the time of the probe

---@class stlua.LineReport
---@field units stlua.LineUnit[]
---@field started_s number
local Report = {}
Report.__index = Report

local M = {}

---@param now_s number on the wall's clock
---@return stlua.LineReport
function M.new(now_s) return setmetatable({ units = json.array(), started_s = now_s, passed = 0, failed = 0 }, Report) end

---@param unit stlua.LineUnit
function Report:add(unit)
  self.units[#self.units + 1] = unit
  if unit.result == "pass" then self.passed = self.passed + 1 else self.failed = self.failed + 1 end
end

-- The commonest error first.
local function pareto(units)
  local by_code, list = {}, json.array()
  for _, unit in ipairs(units) do
    if unit.result ~= "pass" then
      local code = unit.code or "script"
      if not by_code[code] then
        by_code[code] = { code = code, count = 0, example = unit.message }
        list[#list + 1] = by_code[code]
      end
      by_code[code].count = by_code[code].count + 1
    end
  end
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.code < b.code
  end)
  return list
end

local function times(units)
  local list, sum = {}, 0
  for _, unit in ipairs(units) do
    if unit.result == "pass" then
      list[#list + 1] = unit.elapsed_s
      sum = sum + unit.elapsed_s
    end
  end
  if #list == 0 then return nil end
  table.sort(list)
  return { mean_s = sum / #list, median_s = (list[(#list + 1) // 2] + list[#list // 2 + 1]) / 2, min_s = list[1],
    max_s = list[#list] }
end

--- All of it as plain values.
---@param now_s number
function Report:object(now_s)
  return { unit_count = #self.units, passed = self.passed, failed = self.failed,
    yield = #self.units > 0 and self.passed / #self.units or nil, time_per_unit = times(self.units),
    errors = pareto(self.units), units = self.units, wall_s = now_s - self.started_s }
end

--- Lines for people.
---@param object table of Report:object
---@return string[]
function M.lines(object)
  local rows = { { "units", ("%d: %d passed, %d failed"):format(object.unit_count, object.passed, object.failed) } }
  if object.yield then rows[#rows + 1] = { "yield", ("%.1f %%"):format(100 * object.yield) } end
  local time = object.time_per_unit
  if time then
    rows[#rows + 1] = { "time a unit", ("%s median, %s to %s"):format(format.seconds(time.median_s),
      format.seconds(time.min_s), format.seconds(time.max_s)) }
  end
  if object.unit_count > 0 and object.wall_s > 0 then
    rows[#rows + 1] = { "in all", ("%s by the clock on the wall, %.0f units an hour"):format(format.seconds(object.wall_s),
      3600 * object.unit_count / object.wall_s) }
  end
  for i, row in ipairs(object.errors) do
    rows[#rows + 1] = { i == 1 and "errors" or "", ("%d x [%s], as in: %s"):format(row.count, row.code, row.example or "?") }
  end
  return format.columns(rows)
end

--- The one line at the end.
function M.verdict(object)
  if object.unit_count == 0 then return "no unit was done" end
  return ("%s, %d passed, yield %.1f %%%s"):format(format.count(object.unit_count, "unit"), object.passed,
    100 * object.yield, object.time_per_unit and (", %s a unit"):format(format.seconds(object.time_per_unit.median_s)) or "")
end

--- Raise if any unit failed; the code is that of the commonest error. With --json the report is in it.
function M.need_all_passed(object)
  if object.failed == 0 then return end
  local parts = {}
  for i, row in ipairs(object.errors) do parts[i] = ("%s %d"):format(row.code, row.count) end
  local err = errors.new(object.errors[1].code,
    "the report tells which; `stlua ledger history UID` tells what was done to a unit", "%d of %s failed: %s",
    object.failed, format.count(object.unit_count, "unit"), table.concat(parts, ", "))
  err.report = object
  error(err, 0)
end

return M
