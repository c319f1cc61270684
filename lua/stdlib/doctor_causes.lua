--- doctor: the causes there are, and which of them fit what was seen.
---
--- { id =, check =, severity =, rule =, sentence =, next =, hides = }. The list is ordered: what makes other
--- things happen stands before them, so the first that fits is the most likely cause. `hides` names what
--- follows from it and is no finding of its own; "*" is everything that comes after. check is the row that
--- shows it, also are others that do. The ids are stable: programs and tests go by them.
--- Source: facts/stm32l1 10.3 (the numbers in brackets), users.md B-I and B-II.
local M = {}

---@type table[]
M.list = {}
for _, part in ipairs { "desk", "chip", "firmware" } do -- in this order: without a probe nothing is known of the chip
  for _, cause in ipairs(require("stlua.doctor_causes_" .. part)) do M.list[#M.list + 1] = cause end
end

--- Where a check failed and nothing explains it: the first failure, as it is.
local function unexplained(seen)
  local first
  for id in pairs(seen.errors) do
    if not first or id < first then first = id end
  end
  if not first then return nil end
  local err = seen.errors[first]
  return { id = "unexplained", check = first, severity = "bad", sentence = "A check failed and nothing seen explains it: "
    .. (err.cause or err.message), next = "stlua --verbose doctor, and once more with --speed 125" }
end

-- ---- judging ----

local function text_of(value, seen) return type(value) == "function" and value(seen) or value end

-- What a cause explains is no worse than the cause.
local function hide(hidden, cause, severity)
  if cause.hides == "*" then
    setmetatable(hidden, { __index = function() return severity end })
    return
  end
  for _, id in ipairs(cause.hides or {}) do hidden[id] = hidden[id] == "note" and "note" or severity end
end

--- What fits, the most likely first; and what fits but follows from one of those: no finding, yet its row is
--- not as it should be.
---@param seen table
---@return { id: string, check: string, severity: string, sentence: string, next: string }[]
---@return { check: string, severity: string }[]
function M.judge(seen)
  local findings, explained, hidden = {}, {}, {}
  for _, cause in ipairs(M.list) do
    if cause.rule(seen) then
      local why, severity = hidden[cause.id], cause.severity or "bad"
      if why == "note" then severity = "note" end
      if why then
        explained[#explained + 1] = { check = cause.check, severity = severity }
      else
        findings[#findings + 1] = { id = cause.id, check = cause.check, severity = severity,
          sentence = text_of(cause.sentence, seen), next = text_of(cause.next, seen) }
      end
      for _, check in ipairs(cause.also or {}) do explained[#explained + 1] = { check = check, severity = severity } end
      hide(hidden, cause, severity)
    end
  end
  if #findings == 0 then findings[1] = unexplained(seen) end
  return findings, explained
end

return M
