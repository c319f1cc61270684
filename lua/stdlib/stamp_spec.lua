--- What a stamp is made of, checked before an image is touched. See stlua.stamp.
local crc = require "stlua.crc"
local digest = require "stlua.digest"
local errors = require "stlua.errors"
local idioms = require "stlua.stamp_idioms"
local known = require "stlua.identity_error"
local value_types = require "stlua.identity_value"

local M = {}

---@class stlua.StampSpec
---@field name string? for messages
---@field idiom string? what another tool calls it: "iar", "srec_cat -STM32"; gives what is not said otherwise
---@field crc string|stlua.CrcModel|nil one of crc, sum, digest
---@field sum string?
---@field digest "sha256"|nil
---@field from integer|string|nil the first address covered, or a symbol
---@field to integer? the last address covered
---@field byte_count integer? instead of `to`
---@field section string? instead of from and to: a section of the ELF, where it is loaded
---@field symbols string[]? instead of from and to: { first, past }, as linker scripts write them
---@field gap integer? the byte that a gap holds; needed when there are gaps
---@field fill boolean? write the gap's byte into the image, too
---@field pad integer? the byte that fills up the last word; needed when there is half a word
---@field at integer|string|nil where the value goes: an address, a symbol, or "last": the end of the range
---@field offset_bytes integer? the field's distance from `at`
---@field store stlua.ValueType|string|nil how: "u32le", "u16be", "hex(32)"
---@field own_field "exclude"|integer|nil a field inside the range: left out, or every byte of it taken as this one

local FIELDS = { name = "string", idiom = "string", crc = "string|table", sum = "string", digest = "string",
  from = "integer|string", to = "integer", byte_count = "integer", section = "string", symbols = "table",
  gap = "integer", fill = "boolean", pad = "integer", at = "integer|string", offset_bytes = "integer",
  store = "string|table", own_field = "integer|string" }

local function fail(hint, text, ...) errors.raise("argument", hint, text, ...) end

local function check_byte(spec, name)
  local byte = spec[name]
  if byte and (byte < 0 or byte > 255) then fail(nil, "`%s` is one byte, 0 to 255, not %d", name, byte) end
end

local function with_idiom(spec)
  if not spec.idiom then return spec end
  local idiom = idioms[spec.idiom]
  if not idiom then
    local near = known.nearest(spec.idiom, idioms)
    fail(near and ("did you mean `%s`?"):format(near) or "`stlua crc --list` shows all", "no idiom is called `%s`", spec.idiom)
  end
  local full = {}
  for name, content in pairs(idiom) do full[name] = content end
  for name, content in pairs(spec) do full[name] = content end
  return full
end

local function given(spec, ...)
  local names = {}
  for _, name in ipairs { ... } do
    if spec[name] ~= nil then names[#names + 1] = "`" .. name .. "`" end
  end
  return names
end

--- The model: its name, width and word, how it is computed and shown.
---@param spec stlua.StampSpec
---@return { name: string, width: integer, word_bytes: integer, compute: fun(bytes: string), text: fun(value): string }
function M.model(spec)
  if spec.digest then
    return { name = "SHA-256", width = 256, word_bytes = 1, compute = digest.sha256, text = tostring }
  end
  local wanted = spec.crc or spec.sum
  local found = crc.find(wanted)
  return { name = found.name or "the CRC given by its parameters", width = found.width, word_bytes = found.word_bytes or 1,
    compute = function(bytes) return crc.compute(wanted, bytes) end, text = function(value) return crc.text(found, value) end }
end

local function check_model(spec)
  local names = given(spec, "crc", "sum", "digest")
  if #names ~= 1 then
    fail('crc = "crc-32"', "%s", #names == 0 and "a stamp needs one of `crc`, `sum`, `digest`"
      or "a stamp has one model, not " .. table.concat(names, " and "))
  end
  if spec.digest and spec.digest ~= "sha256" then fail(nil, '`digest` can only be "sha256", not %q', spec.digest) end
  local model = M.model(spec)
  if spec.sum and not crc.is_sum(spec.sum) then fail("write it as `crc`", "`%s` is a CRC, not a sum", spec.sum) end
  if spec.crc and type(spec.crc) == "string" and crc.is_sum(spec.crc) then
    fail("write it as `sum`", "`%s` is a sum, not a CRC", spec.crc)
  end
  return model
end

local function check_range(spec)
  local names = given(spec, "from", "section", "symbols")
  if #names == 0 then fail("from = 0x08000000, to = 0x0801FFFF (the last address covered)", "a stamp needs its range") end
  if #names > 1 then fail(nil, "a stamp has one range, not %s", table.concat(names, " and ")) end
  local ends = given(spec, "to", "byte_count")
  if spec.from and #ends ~= 1 then
    fail("`to` is the last address covered", "a range that begins at `from` needs `to` or `byte_count`, one of them")
  end
  if not spec.from and #ends > 0 then fail(nil, "%s goes with `from`, not with %s", ends[1], names[1]) end
  if spec.byte_count and spec.byte_count < 1 then fail(nil, "a range of %d bytes", spec.byte_count) end
  if spec.symbols and not (#spec.symbols == 2 and type(spec.symbols[1]) == "string" and type(spec.symbols[2]) == "string") then
    fail('symbols = { "__app_start", "__app_end" }', "`symbols` are two names: the first address, and the one past the last")
  end
end

local function is_unsigned(store) return store.type:match("^u%d") ~= nil end

local function check_place(spec, model)
  if spec.at == nil then fail('an address, a symbol, or "last"', "a stamp needs `at`, where its value goes") end
  if spec.store == nil then fail('store = "u32le"', "a stamp needs `store`, the type of its field") end
  local store = value_types.check_type(spec.store)
  if not is_unsigned(store) and store.type ~= "hex" then
    fail('"u32le", "hex(32)"', "a value is stored as an unsigned number or as hex, not as `%s`", store.type)
  end
  local room = value_types.byte_count(store) * 8
  if room < model.width then
    errors.raise("range", nil, "%s has %d bits, `%s` has room for %d", model.name, model.width, store.type, room)
  end
  if spec.offset_bytes and (spec.at == "last" or spec.offset_bytes < 0) then
    fail(nil, '`offset_bytes` counts from the address or symbol in `at`, up from 0; "last" has none')
  end
end

--- Check a stamp; the names in it are looked up when it is applied. Raises: argument, range.
---@param spec stlua.StampSpec
---@param is_only_computed boolean? then it needs no `at` and no `store`
---@return stlua.StampSpec complete with what its idiom says; checking it again changes nothing
function M.check(spec, is_only_computed)
  known.check_fields("a stamp", spec, FIELDS)
  spec = with_idiom(spec)
  local model = check_model(spec)
  check_range(spec)
  if not is_only_computed then check_place(spec, model) end
  for _, name in ipairs { "gap", "pad" } do check_byte(spec, name) end
  if spec.fill and not spec.gap then fail("gap = 0xFF", "`fill` writes what `gap` says, and that is missing") end
  if math.type(spec.own_field) == "integer" then
    check_byte(spec, "own_field")
  elseif spec.own_field and spec.own_field ~= "exclude" then
    fail(nil, '`own_field` is "exclude" or one byte, not %q', spec.own_field)
  end
  return spec
end

return M
