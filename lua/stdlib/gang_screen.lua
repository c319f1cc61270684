--- What a gang looks like: a table that stays in its place on a terminal, a line for each change in a log.
local format = require "stlua.format"
local stlua = require "stlua"

local M = {}

local bar_columns = 10

local function bar(percent)
  local filled = percent * bar_columns // 100
  return ("[%s%s]"):format(("#"):rep(filled), ("."):rep(bar_columns - filled))
end

local function verdict_of(unit)
  if not unit then return "" end
  if unit.result == "pass" then return "PASS " .. (unit.serial or unit.uid or "") end
  return ("FAIL [%s] %s"):format(unit.code or "?", unit.message or "")
end

-- What the slot does now, and what a person is to do there.
local function doing(slot)
  if slot.state == "working" then
    return ("%s %s"):format(slot.percent and bar(slot.percent) or (" "):rep(bar_columns + 2), slot.step or "")
  end
  if slot.state == "waiting" then return "put a board in" end
  if slot.state == "leaving" then return "take it out" end
  if slot.state == "probe lost" then return "plug the probe in again" end
  return slot.state
end

--- The table, as lines.
---@param slots stlua.GangSlot[]
---@param width integer
---@return string[]
function M.lines(slots, width)
  local rows = { { "SLOT", "PASS", "FAIL", "NOW", "LAST" } }
  for _, slot in ipairs(slots) do
    local last = slot.problem and ("[%s] %s"):format(slot.problem.code, slot.problem.message) or verdict_of(slot.unit)
    rows[#rows + 1] = { slot.name, tostring(slot.passed), tostring(slot.failed), ("%-30s"):format(doing(slot)), last }
  end
  local lines = format.columns(rows)
  for i, line in ipairs(lines) do lines[i] = line:sub(1, width - 1) end
  return lines
end

--- A painter for a terminal: each call draws the table over the last one.
---@param stream file*
function M.painter(stream)
  local drawn, last = 0, nil
  return function(slots)
    local lines = M.lines(slots, stlua.terminal_width "stdout")
    local text = table.concat(lines, "\27[K\n")
    if text == last then return end
    last = text
    stream:write(drawn > 0 and ("\27[%dA\r"):format(drawn) or "", text, "\27[K\n")
    stream:flush()
    drawn = #lines
  end
end

--- For a log: one line for each thing worth one; nil for the others.
---@param slot stlua.GangSlot
---@param event table
---@return string?
function M.event_line(slot, event)
  if event.event == "unit" then
    return ("slot %s: %s, UID %s, %.2f s"):format(slot.name, verdict_of(event), event.uid or "?", event.elapsed_s)
  elseif event.event == "probe_lost" then
    return ("slot %s: %s"):format(slot.name, event.message)
  elseif event.event == "retry" then
    return ("slot %s: [%s] %s; once more"):format(slot.name, event.code, event.message)
  elseif event.event == "warning" then
    return ("slot %s: warning: %s"):format(slot.name, event.message)
  end
end

return M
