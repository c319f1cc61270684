--- JSON out, for programs that read our reports. Written here for three things the usual libraries do
--- not promise: integers of 64 bits stay exact, an empty list stays a list, keys have an order.
local M = {}

local array_type = { __name = "stlua.json.array" }

--- Mark a table as a list, so that it is one even when empty.
function M.array(list) return setmetatable(list or {}, array_type) end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  if not utf8.len(text) then -- bytes of a probe or a file: each is shown as the character of its number
    text = text:gsub("[\128-\255]", function(c) return utf8.char(c:byte()) end)
  end
  return '"' .. text:gsub('[%c"\\\127]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local encode

local function encode_list(list, depth)
  local parts = {}
  for i, item in ipairs(list) do parts[i] = encode(item, depth) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(map, depth)
  local keys, parts = {}, {}
  for key in pairs(map) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local value = map[key]
    if value == nil then value = map[tonumber(key)] end
    parts[#parts + 1] = quote(key) .. ":" .. encode(value, depth)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function encode_number(number)
  if math.type(number) == "integer" then return ("%d"):format(number) end
  if number ~= number or number == math.huge or number == -math.huge then return "null" end
  return ("%.9g"):format(number):gsub(",", ".")
end

function encode(value, depth)
  local kind = type(value)
  if kind == "string" then return quote(value) end
  if kind == "number" then return (encode_number(value)) end
  if kind == "boolean" then return tostring(value) end
  if kind == "nil" then return "null" end
  if kind ~= "table" then return quote(tostring(value)) end
  if depth > 50 then error("json: tables nested too deeply, or in a circle", 0) end
  if getmetatable(value) == array_type or #value > 0 then return encode_list(value, depth + 1) end
  return encode_object(value, depth + 1)
end

--- One line of JSON. What JSON cannot say (functions, userdata) is written as text.
---@return string
function M.encode(value) return encode(value, 0) end

return M
