--- Everything reachable from a value by pairs and metatables, as text: what a careless log would show.
local function walk(value, seen)
  if type(value) ~= "table" then return tostring(value) end
  if seen[value] then return "..." end
  seen[value] = true
  local parts = { tostring(value) }
  for k, v in next, value do parts[#parts + 1] = walk(k, seen) .. "=" .. walk(v, seen) end
  local meta = debug.getmetatable(value)
  if meta then parts[#parts + 1] = walk(meta, seen) end
  return "{" .. table.concat(parts, ",") .. "}"
end

return function(value) return walk(value, {}) end
