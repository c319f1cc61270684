--- Typed values: how a number, a text or an EUI-64 becomes bytes in the chip. Everything is checked
--- for width and characters before a byte exists: nothing is truncated, padded or wrapped unless
--- the type says so in words (`pad`, `fill`).
local errors = require "stlua.identity_error"
local number_types = require "stlua.identity_number"
local secret = require "stlua.identity_secret"

local M = {}

---@class stlua.ValueType
---@field type string "ascii", "utf8", "bcd", "eui64", "hex", "bytes", "u8", "u16le" ... "i64be", "f32le" ... "f64be"
---@field byte_count integer? ascii, utf8, bcd, hex, bytes: the width in the chip
---@field pad integer? ascii, utf8: the byte that fills up a shorter text; without it the text must fill the width
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

local function to_hex(bytes) return (bytes:gsub("[%s%S]", function(c) return ("%02X"):format(c:byte()) end)) end

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

-- Every type: what it takes, how it is made, how it is read. `byte_count` where the type has only one width.
local types = {
  ascii = { takes = { pad = true, pattern = true, byte_count = true } },
  utf8 = { takes = { pad = true, byte_count = true } },
  bcd = { takes = { fill = true, order = true, byte_count = true } },
  hex = { takes = { order = true, byte_count = true } },
  bytes = { takes = { byte_count = true } },
  eui64 = { takes = { order = true }, byte_count = 8 },
}
for name, number_type in pairs(number_types) do types[name] = number_type end

-- A shorter text is filled up only where the type says with what.
local function padded(spec, text, unit)
  if spec.pad and #text < spec.byte_count then
    return text .. string.char(spec.pad):rep(spec.byte_count - #text)
  end
  check_width(#text, spec.byte_count, unit, ("%q"):format(text),
    #text < spec.byte_count and "`pad = 0` in the field's type fills up, if that is meant" or nil)
  return text
end

local function unpadded(spec, bytes)
  local count = #bytes
  while spec.pad and count > 0 and bytes:byte(count) == spec.pad do count = count - 1 end
  return bytes:sub(1, count)
end

function types.ascii.encode(spec, value)
  local text = text_of(value, "a text")
  local bad = text:find("[^\x20-\x7E]")
  if bad then
    errors.raise("format", nil, "%q has a character that is not printable ASCII, at %d", text, bad)
  end
  if spec.pattern and not text:match("^" .. spec.pattern:gsub("^%^", ""):gsub("%$$", "") .. "$") then
    errors.raise("format", nil, "%q does not match %s", text, spec.pattern)
  end
  return padded(spec, text, "characters")
end

function types.ascii.decode(spec, bytes)
  local text = unpadded(spec, bytes)
  if text:find("[^\x20-\x7E]") then errors.raise("format", nil, "%s is no printable ASCII", to_hex(bytes)) end
  return text
end

function types.utf8.encode(spec, value)
  local text = text_of(value, "a text")
  if not utf8.len(text) then errors.raise("format", nil, "%s is not UTF-8", to_hex(text)) end
  return padded(spec, text, "bytes")
end

function types.utf8.decode(spec, bytes)
  local text = unpadded(spec, bytes)
  if not utf8.len(text) then errors.raise("format", nil, "%s is not UTF-8", to_hex(bytes)) end
  return text
end

function types.bcd.encode(spec, value)
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

function types.bcd.decode(spec, bytes)
  local digits = to_hex(mirrored(bytes, spec.order))
  if digits:find("%D") then errors.raise("format", nil, "%s is no BCD", to_hex(bytes)) end
  return digits
end

function types.hex.encode(spec, value)
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

function types.hex.decode(spec, bytes) return to_hex(mirrored(bytes, spec.order)) end

function types.eui64.encode(spec, value)
  return mirrored(from_hex(M.eui64(value)), spec.order)
end

types.eui64.decode = types.hex.decode

function types.bytes.encode(spec, value)
  if type(value) ~= "string" then
    errors.raise("argument", nil, "bytes are given as a string, not as %s", type(value))
  end
  check_width(#value, spec.byte_count, "bytes", "the string")
  return value
end

function types.bytes.decode(_, bytes) return bytes end

local FIELDS = { type = "string", byte_count = "integer", pad = "integer", fill = "string", order = "string",
  pattern = "string" }

-- "ascii(16)" -> { type = "ascii", byte_count = 16 }; "eui64-reversed" -> { type = "eui64", order = "le" }
local function from_text(text)
  local name, byte_count = text:match("^(%w+)%((%d+)%)$")
  if name then return { type = name, byte_count = math.tointeger(byte_count) } end
  name = text:match("^(%w+)%-reversed$")
  if name then return { type = name, order = "le" } end
  return { type = text }
end

--- Check a type, as written in a job. A text stands for a table: "u32le", "ascii(16)", "eui64-reversed".
--- Raises: argument.
---@param spec stlua.ValueType|string
---@return stlua.ValueType
function M.check_type(spec)
  if type(spec) == "string" then spec = from_text(spec) end
  errors.check_fields("a value's type", spec, FIELDS)
  local kind = types[spec.type or ""]
  if not kind then
    local near = errors.nearest(tostring(spec.type), types)
    errors.raise("argument", near and ("did you mean `" .. near .. "`?"), "no value type is called %q",
      tostring(spec.type))
  end
  for name in pairs(spec) do
    if name ~= "type" and not (kind.takes or {})[name] then
      errors.raise("argument", nil, "the type `%s` takes no `%s`", spec.type, name)
    end
  end
  if not kind.byte_count and not (spec.byte_count and spec.byte_count >= 1 and spec.byte_count <= 4096) then
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
---@param value string|number|stlua.Secret
---@return string bytes
function M.encode(spec, value)
  spec = M.check_type(spec)
  if secret.is(value) and spec.type ~= "hex" then
    errors.raise("argument", nil, "a secret is written as type `hex`, not `%s`", spec.type)
  end
  return types[spec.type].encode(spec, value)
end

--- The value of bytes: numbers as numbers (64 bits with the top one set as a negative integer), the others
--- as texts; `pad` at the end is taken off. Raises: argument, format when they are not of the type.
---@param spec stlua.ValueType|string
---@param bytes string
---@return string|number
function M.decode(spec, bytes)
  spec = M.check_type(spec)
  check_width(#bytes, M.byte_count(spec), "bytes", "what was read")
  return types[spec.type].decode(spec, bytes)
end

--- The width of a type in the chip.
---@return integer
function M.byte_count(spec)
  spec = M.check_type(spec)
  return types[spec.type].byte_count or spec.byte_count
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
