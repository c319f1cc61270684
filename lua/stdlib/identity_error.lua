--- Errors of the identity, CSV and ledger modules: the table every part of stlua raises,
--- `{ code, message, hint, context }`, which prints as one line. Scripts test `err.code`.
local error_type = {}
error_type.__name = "stlua.Error"
error_type.__index = error_type

---@class stlua.Error
---@field code string one of the names in core/include/stl/error.h
---@field message string what went wrong, and where
---@field hint string? what the user can do about it
---@field context string[] what was being done, ever wider
---@field reason string? a finer word for ledger errors: "busy", "full", "gone", ...

function error_type:__tostring()
  local text = self.code .. ": " .. self.message
  for _, frame in ipairs(self.context) do text = text .. "; " .. frame end
  if self.hint then text = text .. " (" .. self.hint .. ")" end
  return text
end

local M = {}

--- Make an error without raising it.
---@param code string
---@param message string
---@param hint string?
---@param reason string?
---@return stlua.Error
function M.new(code, message, hint, reason)
  return setmetatable({ code = code, message = message, hint = hint, context = {}, reason = reason },
    error_type)
end

--- Raise a new error; the message is a format when more arguments follow.
function M.raise(code, hint, format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  error(M.new(code, message, hint), 0)
end

--- Run fn; what it raises gets one more frame of context, then travels on.
function M.within(frame, fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err = results[2]
  if type(err) == "table" and type(err.context) == "table" then
    err.context[#err.context + 1] = frame
  end
  error(err, 0)
end

--- What any raised value says, for a record; never fails.
function M.describe(err)
  if type(err) == "table" and err.code then
    return tostring(err.code), tostring(err.message), err.context
  end
  return "internal", tostring(err), nil
end

-- Edit distance, for `did you mean`.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

--- The name in the set (or list) that is most like the wrong one, or nil.
function M.nearest(wrong, names)
  local best, best_distance
  for key, value in pairs(names) do
    local name = type(key) == "number" and value or key
    local d = distance(tostring(wrong):lower(), name:lower())
    if not best or d < best_distance or (d == best_distance and name < best) then
      best, best_distance = name, d
    end
  end
  if best and best_distance <= math.max(2, #best // 2) then return best end
end

--- Refuse fields nobody knows, naming the nearest right one; check the types of the others.
---@param what string named in the message
---@param given table
---@param known table<string, string> name -> type, "a|b" for either
function M.check_fields(what, given, known)
  if type(given) ~= "table" then
    M.raise("argument", nil, "%s must be a table, not %s", what, type(given))
  end
  for name, value in pairs(given) do
    local want = known[name]
    if not want then
      local near = M.nearest(name, known)
      M.raise("argument", near and ("did you mean `" .. near .. "`?"), "%s has no field `%s`", what,
        tostring(name))
    end
    local kind = math.type(value) == "integer" and "integer" or type(value)
    local fits = want == "any"
    for alternative in want:gmatch("[^|]+") do
      fits = fits or alternative == kind or (alternative == "number" and type(value) == "number")
    end
    if not fits then
      M.raise("argument", nil, "%s: `%s` must be %s, not %s", what, name, want:gsub("|", " or "), kind)
    end
  end
end

return M
