--- Typed values: how a number, a text or an EUI-64 becomes bytes in the chip. Everything is checked
--- for width and characters before a byte exists: nothing is truncated, padded or wrapped unless
--- the type says so in words (`pad`, `fill`).
local errors = require "stlua.identity_error"
local secret = require "stlua.identity_secret"

local M = {}

---@class stlua.ValueType
---@field type string "ascii", "bcd", "u8", "u16le" ... "u64be", "eui64", "hex"
---@field byte_count integer? ascii, bcd, hex: the width in the chip
---@field pad integer? ascii: the byte that fills up a shorter text; without it the text must fill the width
---@field fill string? bcd: "0" puts zeros before a shorter number; without it the digits must fill the width
---@field order "be"|"le"|nil bcd, eui64, hex: first byte first ("be", as printed) or reversed
---@field pattern string? ascii: a Lua pattern the whole text must match

local function mirrored(bytes, order)
  if order == nil or order == "be" then return bytes end
  return bytes:reverse()
end

--- Bytes of hex digits, which must be pairs. Raises: format.
local function from_hex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function text_of(value, what)
  if math.type(value) == "integer" then value = tostring(value) end
  if type(value) ~= "string" then
    errors.raise("argument", nil, "%s is made from a string, not from %s", what, type(value))
  end
  return value
end

local function check_width(have, want, unit, what, hint)
  if have ~= want then
    errors.raise("range", hint, "%s has %d %s, the field has room for %s%d", what, have, unit,
      have < want and "exactly " or "", want)
  end
end

local encoders = {}

function encoders.ascii(spec, value)
  local text = text_of(value, "a text")
  local bad = text:find("[^\x20-\x7E]")
  if bad then
    errors.raise("format", nil, "%q has a character that is not printable ASCII, at %d", text, bad)
  end
  if spec.pattern and not text:match("^" .. spec.pattern:gsub("^%^", ""):gsub("%$$", "") .. "$") then
    errors.raise("format", nil, "%q does not match %s", text, spec.pattern)
  end
  if spec.pad and #text < spec.byte_count then
    return text .. string.char(spec.pad):rep(spec.byte_count - #text)
  end
  check_width(#text, spec.byte_count, "characters", ("%q"):format(text),
    #text < spec.byte_count and "`pad = 0` in the field's type fills up, if that is meant" or nil)
  return text
end

function encoders.bcd(spec, value)
  local text = text_of(value, "BCD")
  if not text:match("^%d+$") then
    errors.raise("format", nil, "BCD holds decimal digits, %q has others", text)
  end
  local digit_count = spec.byte_count * 2
  if spec.fill == "0" and #text < digit_count then
    text = ("0"):rep(digit_count - #text) .. text
  end
  check_width(#text, digit_count, "digits", ("%q"):format(text),
    #text < digit_count and '`fill = "0"` in the field\'s type puts zeros before, if that is meant' or nil)
  return mirrored(from_hex(text), spec.order)
end

function encoders.hex(spec, value)
  local is_secret = secret.is(value)
  local bytes
  if is_secret then
    bytes = value:reveal()
  else
    local text = text_of(value, "bytes")
    if not text:match("^%x+$") or #text % 2 ~= 0 then
      errors.raise("format", nil, "%q is not pairs of hex digits", text)
    end
    bytes = from_hex(text)
  end
  check_width(#bytes, spec.byte_count, "bytes", is_secret and tostring(value) or ("%q"):format(value))
  return mirrored(bytes, spec.order)
end

function encoders.eui64(spec, value)
  return mirrored(from_hex(M.eui64(value)), spec.order)
end

-- An unsigned integer of bit_count bits, from an integer or from digits ("0x" allowed).
local function unsigned(value, bit_count)
  if type(value) == "string" then
    local digits = value:match("^0[xX](%x+)$")
    if digits and #(digits:gsub("^0+", "")) <= 16 then
      value = math.tointeger(tonumber("0x" .. digits))
      if bit_count == 64 then return value end
    elseif value:match("^%d+$") and #(value:gsub("^0+", "")) <= 18 then
      value = math.tointeger(tonumber(value))
    else
      errors.raise("format", nil, "%q is not a whole number", value)
    end
  end
  if math.type(value) ~= "integer" then
    errors.raise("argument", nil, "a whole number is wanted, not %s", tostring(value))
  end
  if value < 0 or (bit_count < 64 and value >= 1 << bit_count) then
    errors.raise("range", nil, "%d does not fit %d bits", value, bit_count)
  end
  return value
end

for _, bit_count in ipairs { 8, 16, 32, 64 } do
  for _, order in ipairs { "le", "be" } do
    local format = (order == "le" and "<I" or ">I") .. bit_count // 8
    encoders["u" .. bit_count .. order] = function(_, value)
      return string.pack(format, unsigned(value, bit_count))
    end
  end
end
encoders.u8, encoders.u8le, encoders.u8be = encoders.u8le, nil, nil

local FIELDS = { type = "string", byte_count = "integer", pad = "integer", fill = "string", order = "string",
  pattern = "string" }
local NEEDS_WIDTH = { ascii = true, bcd = true, hex = true }
local TAKES = { ascii = { pad = true, pattern = true, byte_count = true },
  bcd = { fill = true, order = true, byte_count = true }, hex = { order = true, byte_count = true },
  eui64 = { order = true } }

--- Check a type, as written in a job. A string stands for { type = string }. Raises: argument.
---@param spec stlua.ValueType|string
---@return stlua.ValueType
function M.check_type(spec)
  if type(spec) == "string" then spec = { type = spec } end
  errors.check_fields("a value's type", spec, FIELDS)
  if not encoders[spec.type or ""] then
    local near = errors.nearest(tostring(spec.type), encoders)
    errors.raise("argument", near and ("did you mean `" .. near .. "`?"), "no value type is called %q",
      tostring(spec.type))
  end
  for name in pairs(spec) do
    if name ~= "type" and not (TAKES[spec.type] or {})[name] then
      errors.raise("argument", nil, "the type `%s` takes no `%s`", spec.type, name)
    end
  end
  if NEEDS_WIDTH[spec.type] and not (spec.byte_count and spec.byte_count >= 1 and spec.byte_count <= 4096) then
    errors.raise("argument", nil, "the type `%s` needs its `byte_count`, 1 to 4096", spec.type)
  end
  if spec.order and spec.order ~= "be" and spec.order ~= "le" then
    errors.raise("argument", nil, '`order` is "be" or "le", not %q', spec.order)
  end
  if spec.pad and (spec.pad < 0 or spec.pad > 255) then errors.raise("argument", nil, "`pad` is one byte") end
  if spec.fill and spec.fill ~= "0" then errors.raise("argument", nil, '`fill` can only be "0"') end
  return spec
end

--- The bytes of a value. Raises: argument, format, range; then nothing has been made.
---@param spec stlua.ValueType|string
---@param value string|integer|stlua.Secret
---@return string bytes
function M.encode(spec, value)
  spec = M.check_type(spec)
  if secret.is(value) and spec.type ~= "hex" then
    errors.raise("argument", nil, "a secret is written as type `hex`, not `%s`", spec.type)
  end
  return encoders[spec.type](spec, value)
end

--- The width of a type in the chip.
---@return integer
function M.byte_count(spec)
  spec = M.check_type(spec)
  if spec.byte_count then return spec.byte_count end
  return spec.type == "eui64" and 8 or tonumber(spec.type:match("%d+")) // 8
end

--- An EUI-64 as 16 upper-case hex digits; `-` and `:` between bytes are read over. Raises: argument, format.
---@param text string
---@return string
function M.eui64(text)
  if type(text) ~= "string" then
    errors.raise("argument", nil, "an EUI-64 is written in hex digits, not given as %s", type(text))
  end
  local pair = "%x%x"
  for _, between in ipairs { "", "-", ":" } do
    local pattern = "^" .. pair .. ((between == "-" and "%-" or between) .. pair):rep(7) .. "$"
    if text:match(pattern) then return (text:gsub("[-:]", ""):upper()) end
  end
  errors.raise("format", "16 hex digits, or 8 pairs with `-` or `:` between them", "%q is not an EUI-64", text)
end

--- A chip's UID as upper-case hex, in the byte order the session reads it. A UID of nothing but
--- 00 or FF is what a failed read looks like, and is refused. Raises: argument, format.
---@param text string
---@return string
function M.uid(text)
  if type(text) ~= "string" or not text:match("^%x+$") or #text % 2 ~= 0 or #text < 8 or #text > 64 then
    errors.raise("format", "an STM32's UID has 24 hex digits", "%q is not a chip's UID", tostring(text))
  end
  text = text:upper()
  if text:match("^0+$") or text:match("^F+$") then
    errors.raise("format", "read the UID again; the connection may be bad",
      "the UID %s is what a failed read gives, not a chip's", text)
  end
  return text
end

return M
