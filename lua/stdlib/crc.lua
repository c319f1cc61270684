--- CRCs and sums by name: the whole RevEng catalogue with its aliases, the STM32 unit ("stm32"), and the
--- plain sums. A model is a name in any case, a table of parameters (stlua.CrcModel), or these as a text,
--- as RevEng writes them: "width=16 poly=0x1021 init=0xffff refin=false refout=false xorout=0x0000".
local bound = require("stlua").crc
local errors = require "stlua.errors"
local check_fields = require("stlua.identity_error").check_fields
local nearest = require "stlua.nearest"

local M = {}

local FIELDS = { name = "string", width = "integer", poly = "integer|string", init = "integer|string",
  xorout = "integer|string", refin = "boolean", refout = "boolean", word_bytes = "integer", check = "integer|string" }

--- What CRC check values are computed of: the last digit does not fill a word.
local function check_text(model) return (model.word_bytes or 1) > 1 and "12345678" or "123456789" end

--- Every name that M.find knows: the catalogue, the sums, then the aliases.
---@return string[]
function M.names()
  local list = bound.models()
  table.move(bound.sums(), 1, #bound.sums(), #list + 1, list)
  local aliases = {}
  for alias in pairs(bound.aliases()) do aliases[#aliases + 1] = alias end
  table.sort(aliases)
  return table.move(aliases, 1, #aliases, #list + 1, list)
end

--- The other names of a model, sorted.
---@param name string as the catalogue writes it
---@return string[]
function M.aliases(name)
  local list = {}
  for alias, model in pairs(bound.aliases()) do
    if model == name then list[#list + 1] = alias end
  end
  table.sort(list)
  return list
end

---@param name string
---@return boolean
function M.is_sum(name) return bound.find_sum(name) ~= nil end

-- Parameters of one's own: complete, and right if their check value is given.
local function check_parameters(model)
  check_fields("a CRC model", model, FIELDS)
  for _, name in ipairs { "width", "poly", "init", "xorout" } do
    if model[name] == nil then
      errors.raise("argument", "all of width, poly, init, refin, refout and xorout make a model",
        "a CRC model has no `%s`", name)
    end
  end
  local value = bound.compute(model, check_text(model)) -- raises what else is wrong with them
  if model.check ~= nil and M.text(model, model.check) ~= M.text(model, value) then
    errors.raise("argument", "compare poly, init, refin, refout and xorout with the catalogue",
      "the CRC of %q is %s, not %s as `check` says", check_text(model), M.text(model, value), M.text(model, model.check))
  end
  return model
end

local words = { ["true"] = true, ["false"] = false }

-- "width=16 poly=0x1021 ..." as a table; what is wrong with its fields is found later.
local function parse(text)
  local model = {}
  for word in text:gmatch("[^%s,]+") do
    local name, content = word:match("^(%a[%w_]*)=(%S+)$")
    if not name then
      errors.raise("argument", "width=16 poly=0x1021 init=0xFFFF refin=false refout=false xorout=0",
        "%q is not a parameter of a CRC", word)
    end
    content = content:gsub('^"(.*)"$', "%1")
    local value = words[content]
    if value == nil then value = content:match("^%d+$") and math.tointeger(tonumber(content)) or content end
    model[name] = value
  end
  model.residue = nil -- the catalogue's lines have one
  return model
end

--- The parameters of a CRC, or { name, width, word_bytes, is_sum } of a sum. Raises: argument, with the
--- nearest name.
---@param model string|stlua.CrcModel
---@return stlua.CrcModel
function M.find(model)
  if type(model) == "string" and model:find("=", 1, true) then model = parse(model) end
  if type(model) == "table" then return check_parameters(model) end
  if type(model) ~= "string" then
    errors.raise("argument", nil, "a CRC is named by a text, or given by its parameters, not by %s", type(model))
  end
  local found = bound.find(model)
  if found then return found end
  found = bound.find_sum(model)
  if found then
    found.is_sum = true
    return found
  end
  errors.raise("argument", nearest.hint(model, M.names()) or "`stlua crc --list` shows all",
    "there is no CRC or sum called `%s`", model)
end

local function as_bound(model)
  local found = M.find(model)
  return found.is_sum and found.name or found
end

--- Up to 64 bits the value is an integer (negative with bit 63 set), otherwise "0x...". Raises: argument.
---@param model string|stlua.CrcModel
---@param bytes string
---@return integer|string
function M.compute(model, bytes)
  return bound.compute(as_bound(model), bytes)
end

--- A running CRC or sum: update(bytes), value(), copy(). Raises: argument.
---@param model string|stlua.CrcModel
---@return stlua.Crc
function M.new(model) return bound.new(as_bound(model)) end

--- A value as hex digits of the model's whole width: "0x00FF".
---@param model stlua.CrcModel what M.find gave
---@param value integer|string
---@return string
function M.text(model, value)
  local digit_count = (model.width + 3) // 4
  local digits = math.type(value) == "integer" and ("%X"):format(value) or tostring(value):gsub("^0[xX]", ""):upper()
  return "0x" .. ("0"):rep(digit_count - #digits) .. digits
end

return M
