--- What a product's units get, checked and compiled: where serials, EUIs, keys and list columns come from.
local errors = require "stlua.identity_error"
local identity = require "stlua.identity"

local M = {}

---@class stlua.KeySpec
---@field byte_count integer
---@field source "random"|"list"|"given"|nil "given" unless said: handed over at reserve
---@field renew boolean? a unit that comes back may get a new random key when the ledger cannot give the old one

---@class stlua.ProductSpec
---@field serial stlua.TemplatePart[]|"list"|"input"|nil nil: units have no serial number
---@field serial_space string? products that name the same one share counter and uniqueness; the product's name unless said
---@field input stlua.InputRule? for serial = "input", without `template`
---@field max_chars integer? room for the serial number in the chip
---@field eui64 table<string, stlua.Eui64BlockSpec>? by the field's name
---@field keys table<string, stlua.KeySpec>?
---@field list table<string, stlua.ListColumn>? columns of the product's list
---@field on_fail "reuse"|"void"|nil what a unit that failed gets next time: its own serial again (unless said), or a new one

local FIELDS = { serial = "table|string", serial_space = "string", input = "table", max_chars = "integer",
  eui64 = "table", keys = "table", list = "table", on_fail = "string" }
local KEY_FIELDS = { byte_count = "integer", source = "string", renew = "boolean" }
local SOURCES = { random = true, list = true, given = true }

local function word(what, name)
  if type(name) ~= "string" or not name:match("^[%a_][%w_]*$") then
    errors.raise("argument", nil, "%s: a name is a word, not %q", what, tostring(name))
  end
end

local function check_keys(compiled, spec)
  for name, key in pairs(spec.keys or {}) do
    local what = "key `" .. tostring(name) .. "`"
    word(what, name)
    errors.check_fields(what, key, KEY_FIELDS)
    if not key.byte_count or key.byte_count < 1 or key.byte_count > 64 then
      errors.raise("argument", nil, "%s needs its `byte_count`, 1 to 64", what)
    end
    if key.source and not SOURCES[key.source] then
      local near = errors.nearest(key.source, SOURCES)
      errors.raise("argument", near and ("did you mean `" .. near .. "`?"), "%s: no source is called %q", what, key.source)
    end
    if key.renew and key.source ~= "random" then
      errors.raise("argument", nil, "%s: only a random key can be renewed", what)
    end
    local column = (spec.list or {})[name]
    if (key.source == "list") ~= (column ~= nil and column.type == "key") then
      errors.raise("argument", nil, "%s: source \"list\" and a list column of type \"key\" go together", what)
    end
    if column and column.byte_count ~= key.byte_count then
      errors.raise("argument", nil, "%s has %d bytes, its list column %d", what, key.byte_count, column.byte_count)
    end
  end
  for name, column in pairs(spec.list or {}) do
    if column.type == "key" and not (spec.keys or {})[name] then
      errors.raise("argument", nil, "the list column `%s` is a key that `keys` does not name", name)
    end
  end
  compiled.keys = spec.keys or {}
end

local function check_serial(compiled, spec)
  local serial = spec.serial
  if type(serial) == "table" then
    compiled.template = errors.within("serial", identity.template, serial, spec.max_chars)
  elseif serial == "list" then
    if not (spec.list and spec.list.serial) then
      errors.raise("argument", nil, 'serial = "list" needs a list with a column `serial`')
    end
  elseif serial == "input" then
    compiled.input = { what = "serial", pattern = (spec.input or {}).pattern,
      max_chars = math.min((spec.input or {}).max_chars or 128, spec.max_chars or 128) }
    errors.check_fields("input", spec.input or {}, { pattern = "string", max_chars = "integer" })
  elseif serial ~= nil then
    errors.raise("argument", nil, 'serial is a template, "list" or "input", not %q', serial)
  end
  if spec.list and spec.list.serial and serial ~= "list" then
    errors.raise("argument", nil, 'the list has a column `serial`, so serial must be "list"')
  end
  if spec.input and serial ~= "input" then errors.raise("argument", nil, '`input` needs serial = "input"') end
end

local function check_fields_apart(compiled, spec)
  compiled.blocks, compiled.block_names = {}, {}
  for name, block in pairs(spec.eui64 or {}) do
    word("eui64", name)
    if (spec.list or {})[name] or (spec.keys or {})[name] or name == "serial" then
      errors.raise("argument", nil, "the field `%s` comes from two sources", name)
    end
    compiled.blocks[name] = errors.within("eui64 `" .. name .. "`", identity.eui64_block, block)
    compiled.block_names[#compiled.block_names + 1] = name
  end
  -- numbers are taken in the order of the blocks, so that two products never wait for each other
  table.sort(compiled.block_names, function(a, b)
    local x, y = compiled.blocks[a].first, compiled.blocks[b].first
    return x < y or (x == y and a < b)
  end)
end

--- Check a product's specification. Raises: argument, range, format; a wrong field names the nearest right one.
---@param name string
---@param spec stlua.ProductSpec
function M.compile(name, spec)
  if type(name) ~= "string" or not name:match("^[%w][%w%._%-]*$") or #name > 64 then
    errors.raise("argument", nil, "a product's name has letters, digits, `.`, `_` and `-`, not %q", tostring(name))
  end
  return errors.within("product " .. name, function()
    errors.check_fields("a product", spec, FIELDS)
    local compiled = { name = name, on_fail = spec.on_fail or "reuse", space = spec.serial_space or name }
    if compiled.on_fail ~= "reuse" and compiled.on_fail ~= "void" then
      errors.raise("argument", nil, 'on_fail is "reuse" or "void", not %q', spec.on_fail)
    end
    if spec.list then compiled.list = identity.list(spec.list) end
    check_serial(compiled, spec)
    check_fields_apart(compiled, spec)
    check_keys(compiled, spec)
    return compiled
  end)
end

return M
