--- "did you mean": the name most like a wrong one.
local M = {}

-- Insertions, deletions, replacements and swaps of neighbours, each counting one.
local function distance(a, b)
  local before, last = nil, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local is_same = a:byte(i) == b:byte(j)
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (is_same and 0 or 1))
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

--- The nearest of names, or nil if none is near. A name that begins with the wrong one counts as near.
---@param wrong string
---@param names string[]
---@return string?
function M.find(wrong, names)
  local best, best_distance
  local lower = wrong:lower()
  for _, name in ipairs(names) do
    local other = name:lower()
    local d = distance(lower, other)
    if #lower >= 2 and other:sub(1, #lower) == lower then d = math.min(d, 1) end
    if not best or d < best_distance then best, best_distance = name, d end
  end
  if best and best_distance <= math.max(1, #wrong // 3) then return best end
end

--- A hint for an error, or nil.
function M.hint(wrong, names)
  local near = M.find(wrong, names)
  return near and ("did you mean `%s`?"):format(near)
end

return M
