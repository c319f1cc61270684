--- Identities from a CSV list: each column has a type, every line is checked, before one is used.
local errors = require "stlua.identity_error"
local csv = require "stlua.csv"
local value = require "stlua.identity_value"
local secret = require "stlua.identity_secret"

---@class stlua.ListColumn
---@field type "text"|"eui64"|"hex"|"key"|nil "text" unless said; "key" becomes a secret
---@field byte_count integer? hex, key: exactly this many bytes
---@field pattern string? text: a Lua pattern the whole value must match
---@field min_chars integer? text: 1 unless said
---@field max_chars integer? text: 64 unless said
---@field unique boolean? no value may come twice; eui64, key and `serial` are always unique

---@class stlua.IdentityList
---@field columns table<string, stlua.ListColumn>
local list = {}
list.__index = list

local FIELDS = { type = "string", byte_count = "integer", pattern = "string", min_chars = "integer",
  max_chars = "integer", unique = "boolean" }
local TYPES = { text = true, eui64 = true, hex = true, key = true }

local readers = {}

function readers.text(column, text)
  local min_chars, max_chars = column.min_chars or 1, column.max_chars or 64
  if #text < min_chars or #text > max_chars then
    errors.raise("range", nil, "%q has %d characters, %d to %d may be", text, #text, min_chars, max_chars)
  end
  local odd = text:find("[^\x21-\x7E]")
  if odd then errors.raise("format", nil, "%q has a blank or unprintable character at %d", text, odd) end
  if column.pattern then
    local from, to = text:find(column.pattern)
    if from ~= 1 or to ~= #text then errors.raise("format", nil, "%q does not match %s", text, column.pattern) end
  end
  return text
end

function readers.eui64(_, text) return value.eui64(text) end

function readers.hex(column, text)
  value.encode({ type = "hex", byte_count = column.byte_count }, text)
  return text:upper()
end

function readers.key(column, text) return secret.from_hex(text, column.byte_count) end

--- Read CSV text into rows of checked values; keys become secrets. Each row has its `line`.
--- Raises: format, range, with the line and the column.
---@param text string
---@param name string? of the file, for messages
---@return table[]
function list:parse(text, name)
  name = name or "list"
  local names, unique = {}, {}
  for column_name, column in pairs(self.columns) do
    names[#names + 1] = column_name
    if column.unique or column.type == "eui64" or column.type == "key" or column_name == "serial" then
      unique[#unique + 1] = column_name
    end
  end
  table.sort(names)
  local parsed = csv.parse(text, { name = name, columns = names, unique = unique })
  if #parsed.rows == 0 then errors.raise("format", nil, "%s: a header and no line below it", name) end
  local rows, seen = {}, {}
  for i, row in ipairs(parsed.rows) do
    rows[i] = { line = row.line }
    for _, column_name in ipairs(names) do
      local column = self.columns[column_name]
      rows[i][column_name] = errors.within(("%s:%d, column %s"):format(name, row.line, column_name),
        readers[column.type or "text"], column, row[column_name])
    end
    -- once more in one spelling: 70-B3-… and 70B3… are the same number
    for _, column_name in ipairs(unique) do
      local item = rows[i][column_name]
      local key = column_name .. "\0" .. (secret.is(item) and item:reveal() or item)
      if seen[key] then
        errors.raise("format", nil, "%s:%d: `%s` is the same as in line %d", name, row.line, column_name, seen[key])
      end
      seen[key] = row.line
    end
  end
  return rows
end

--- Read a CSV file. Raises: file, format, range.
---@param path string
---@return table[]
function list:read(path)
  local file, why = io.open(path, "rb")
  if not file then errors.raise("file", nil, "cannot open the list: %s", why) end
  local text = file:read("a")
  file:close()
  if not text then errors.raise("file", nil, "cannot read the list %s", path) end
  return self:parse(text, path)
end

local M = {}

--- Check what a list's columns hold. Raises: argument.
---@param columns table<string, stlua.ListColumn>
---@return stlua.IdentityList
function M.new(columns)
  if type(columns) ~= "table" or next(columns) == nil then
    errors.raise("argument", nil, "a list needs its columns, such as { serial = {} }")
  end
  for name, column in pairs(columns) do
    local what = "list column `" .. tostring(name) .. "`"
    if type(name) ~= "string" or not name:match("^[%a_][%w_]*$") or name == "line" then
      errors.raise("argument", nil, "%s: a column's name is a word, and not `line`", what)
    end
    errors.check_fields(what, column, FIELDS)
    local kind = column.type or "text"
    if not TYPES[kind] then
      local near = errors.nearest(kind, TYPES)
      errors.raise("argument", near and ("did you mean `" .. near .. "`?"), "%s: no type is called %q", what, kind)
    end
    if (kind == "hex" or kind == "key") and not (column.byte_count and column.byte_count > 0) then
      errors.raise("argument", nil, "%s: the type `%s` needs its `byte_count`", what, kind)
    end
  end
  return setmetatable({ columns = columns }, list)
end

return M
