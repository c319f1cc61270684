--- Numbers as bytes and back: u8, u16le ... u64be, i8 ... i64be, f32le ... f64be. A number that does not
--- fit is an error; nothing wraps. Types as stlua.identity_value wants them.
local errors = require "stlua.identity_error"

local M = {}

--- An integer from an integer or from digits ("0x" allowed); nil when a text is none. 16 hex digits may
--- set bit 63: the integer is negative then, and is_pattern says that its bits are meant.
local function integer_of(value)
  if type(value) ~= "string" then return math.type(value) == "integer" and value or nil end
  local digits = value:match("^0[xX](%x+)$")
  if digits and #(digits:gsub("^0+", "")) <= 16 then return math.tointeger(tonumber("0x" .. digits)), true end
  if value:match("^%-?%d+$") and #(value:gsub("^%-?0*", "")) <= 18 then return math.tointeger(tonumber(value)) end
  errors.raise("format", nil, "%q is not a whole number", value)
end

-- A whole number of bit_count bits.
local function checked(value, bit_count, is_signed)
  local number, is_pattern = integer_of(value)
  if not number then errors.raise("argument", nil, "a whole number is wanted, not %s", tostring(value)) end
  if bit_count == 64 and (is_signed and not (is_pattern and number < 0) or not is_signed and is_pattern) then
    return number
  end
  local least = is_signed and -(1 << bit_count - 1) or 0
  local most = bit_count == 64 and math.maxinteger or (1 << (is_signed and bit_count - 1 or bit_count)) - 1
  if number < least or number > most or (is_signed and is_pattern and number < 0) then
    errors.raise("range", nil, "%d does not fit %d bits%s", number, bit_count, is_signed and " with a sign" or "")
  end
  return number
end

local function integer_type(format, bit_count, is_signed)
  return {
    byte_count = bit_count // 8,
    encode = function(_, value) return string.pack(format, checked(value, bit_count, is_signed)) end,
    decode = function(_, bytes) return (string.unpack(format, bytes)) end,
  }
end

local function float_type(format, byte_count)
  return {
    byte_count = byte_count,
    encode = function(_, value)
      if math.type(value) == nil then
        errors.raise("argument", nil, "a number is wanted, not %s", tostring(value))
      end
      local bytes = string.pack(format, value)
      local is_finite = math.abs(string.unpack(format, bytes)) < math.huge
      if not is_finite then errors.raise("range", nil, "%g does not fit %d bits", value, byte_count * 8) end
      return bytes
    end,
    decode = function(_, bytes) return (string.unpack(format, bytes)) end,
  }
end

-- One byte has no order.
local function add(name, byte_count, make)
  if byte_count == 1 then
    M[name] = make "<"
  else
    M[name .. "le"], M[name .. "be"] = make "<", make ">"
  end
end

for _, bit_count in ipairs { 8, 16, 24, 32, 64 } do
  local byte_count = bit_count // 8
  add("u" .. bit_count, byte_count, function(order)
    return integer_type(order .. "I" .. byte_count, bit_count, false)
  end)
  add("i" .. bit_count, byte_count, function(order)
    return integer_type(order .. "i" .. byte_count, bit_count, true)
  end)
end
add("f32", 4, function(order) return float_type(order .. "f", 4) end)
add("f64", 8, function(order) return float_type(order .. "d", 8) end)

return M
