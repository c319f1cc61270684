--- Firmware images: load, look, change, save. lua/meta/stlua.lua has the methods that are written in C;
--- here are typed fields at an address or a symbol, and what holds them. image_edit.lua moves whole ranges.
local errors = require "stlua.errors"
local edit = require "stlua.image_edit"
local format = require "stlua.format"
local value = require "stlua.identity_value"

local image = require("stlua").image

---@class stlua.Image
local methods = image.methods

for name, method in pairs(edit) do methods[name] = method end

--- The address of a symbol's bytes in the image, or the address itself. `.data` lies at its load address.
--- Raises: argument (no such symbol, none of its bytes in the file), ambiguous.
---@param where integer|string an address, or the name of a symbol
---@return integer addr
---@return integer? byte_count the symbol's size, when it has one
function methods:resolve(where)
  if math.type(where) == "integer" then
    if where < 0 or where > 0xFFFFFFFF then errors.raise("range", nil, "address %d is not one of 32 bits", where) end
    return where
  end
  if type(where) ~= "string" then
    errors.raise("argument", nil, "a place in an image is an address or a symbol, not %s", tostring(where))
  end
  local symbol = self:symbol(where)
  if not symbol.is_loaded and symbol.byte_count > 0 then
    errors.raise("argument", "a variable in .bss has no bytes in the file; give it a section that is loaded",
      "the image holds no bytes for the symbol `%s` at %s", where, format.addr(symbol.addr))
  end
  return symbol.load_addr, symbol.byte_count > 0 and symbol.byte_count or nil
end

--- Where a field of this type lies. Raises: argument, ambiguous, range (a symbol too small for the type).
---@param where integer|string
---@param field_type stlua.ValueType|string
---@return { addr: integer, byte_count: integer }
function methods:field(where, field_type)
  local addr, room = self:resolve(where)
  local byte_count = value.byte_count(field_type)
  if room and byte_count > room then
    errors.raise("range", nil, "the symbol `%s` has %s, the field needs %d", where, format.size(room), byte_count)
  end
  if addr + byte_count > 1 << 32 then
    errors.raise("range", nil, "a field of %s at %s passes 0xFFFFFFFF", format.size(byte_count), format.addr(addr))
  end
  return { addr = addr, byte_count = byte_count }
end

--- The value of a field; all its bytes must be in the image. Raises: range, format, argument, ambiguous.
---@param where integer|string an address, or the name of a symbol
---@param field_type stlua.ValueType|string "u32le", "ascii(16)", { type = "ascii", byte_count = 16, pad = 0 }
---@return string|number
function methods:get(where, field_type)
  local field = self:field(where, field_type)
  local bytes, missing = self:read(field.addr, field.byte_count)
  if missing > 0 then
    errors.raise("range", "`stlua image info FILE` shows what the image holds",
      "the image does not hold %s of the %s at %s", missing == field.byte_count and "any" or missing,
      format.size(field.byte_count), format.addr(field.addr))
  end
  return errors.within("field at " .. format.addr(field.addr), value.decode, field_type, bytes)
end

--- Write a field over what is there, or into a gap. Nothing is truncated, padded or wrapped unless the type
--- says so. Raises: range, format, argument, ambiguous; then nothing has been written.
---@param where integer|string
---@param field_type stlua.ValueType|string
---@param content string|number|stlua.Secret
---@return stlua.Image self
function methods:put(where, field_type, content)
  local field = self:field(where, field_type)
  return self:write(field.addr, errors.within("field at " .. format.addr(field.addr), value.encode, field_type, content))
end

return image
