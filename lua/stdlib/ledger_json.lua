--- JSON for the ledger: keys in order, so that the same contents are the same text. The rest is
--- dkjson's, which keeps integers of 64 bits what they are (cjson makes doubles of them).
local dkjson = require "dkjson"
local errors = require "stlua.identity_error"

local M = {}

local encode

local function encode_list(list)
  local parts = {}
  for i, item in ipairs(list) do parts[i] = encode(item) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(object)
  local names, parts = {}, {}
  for name in pairs(object) do
    if type(name) ~= "string" then
      errors.raise("argument", nil, "a table has both names and numbers, or other keys: it cannot be recorded")
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = dkjson.quotestring(name) .. ":" .. encode(object[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
  if type(value) ~= "table" then
    if math.type(value) == "integer" then return tostring(value) end
    if type(value) == "number" and (value ~= value or math.abs(value) == math.huge) then return "null" end
    if type(value) == "string" then return dkjson.quotestring(value) end
    if type(value) ~= "number" and type(value) ~= "boolean" then
      errors.raise("argument", nil, "a %s cannot be recorded", type(value))
    end
    return dkjson.encode(value)
  end
  local meta = getmetatable(value)
  if meta == "stlua.Secret" then return dkjson.quotestring(tostring(value)) end -- its size, never its bytes
  if #value > 0 then return encode_list(value) end
  return encode_object(value)
end

--- Raises: argument, for what JSON cannot hold.
---@return string?
function M.encode(value)
  if value == nil then return nil end
  return encode(value)
end

---@param text string?
function M.decode(text)
  if text == nil then return nil end
  local value, _, why = dkjson.decode(text, 1, nil, nil) -- without metatables, so that records are plain
  if why then errors.raise("format", nil, "the ledger holds a damaged record: %s", why) end
  return value
end

return M
