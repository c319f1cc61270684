--- The bytes that a stamp's value is computed of: which range, without its own field or with a stated byte
--- there, with a stated byte in gaps and behind half a word. See stlua.stamp.
local errors = require "stlua.errors"
local format = require "stlua.format"
local specs = require "stlua.stamp_spec"
local value_types = require "stlua.identity_value"

local M = {}

local covered_bytes_max = 64 * 1024 * 1024 -- what image:read gives at once

-- From the first to the last address.
local function find_range(image, spec)
  if spec.section then
    local section = image:section(spec.section)
    if not section.is_loaded then
      errors.raise("argument", nil, "the section `%s` has no bytes in the file", spec.section)
    end
    return section.load_addr, section.load_addr + section.byte_count - 1
  end
  if spec.symbols then return image:resolve(spec.symbols[1]), image:resolve(spec.symbols[2]) - 1 end
  local from = image:resolve(spec.from)
  return from, spec.to or from + spec.byte_count - 1
end

local function check_range(from, to)
  if to < from or to > 0xFFFFFFFF then
    errors.raise("range", "`to` is the last address covered", "0x%08X to 0x%X is no range of addresses", from, to)
  end
  if to - from >= covered_bytes_max then
    errors.raise("range", nil, "%s has %s, more than a stamp covers", format.range(from, to - from + 1),
      format.size(to - from + 1))
  end
end

-- Where the value goes; nil for a stamp that is only computed.
local function find_field(image, spec, from, to)
  if spec.at == nil then return nil end
  local byte_count = value_types.byte_count(spec.store)
  local addr, room
  if spec.at == "last" then
    addr = to + 1 - byte_count
    if addr < from then
      errors.raise("range", nil, "%s has no room for its own field of %s", format.range(from, to - from + 1),
        format.size(byte_count))
    end
  else
    addr, room = image:resolve(spec.at)
    local offset_bytes = spec.offset_bytes or 0
    addr = addr + offset_bytes
    if room and offset_bytes + byte_count > room then
      errors.raise("range", nil, "the symbol `%s` has %s, the field ends at %d", spec.at, format.size(room),
        offset_bytes + byte_count)
    end
    if addr + byte_count > 1 << 32 then
      errors.raise("range", nil, "the field at 0x%X is outside of 32-bit addresses", addr)
    end
  end
  return { addr = addr, byte_count = byte_count }
end

-- The range as parts: its own bytes, and its field if that lies inside and is taken as a stated byte.
local function parts_of(spec, from, to, field)
  local past = to + 1
  local inside_from = field and math.max(from, field.addr) or past
  local inside_past = field and math.min(past, field.addr + field.byte_count) or past
  if inside_from >= inside_past then return { { addr = from, byte_count = past - from } }, false end
  local own_field = spec.own_field or (spec.at == "last" and "exclude")
  if not own_field then
    errors.raise("argument", '`own_field` (--own-field): "exclude" leaves it out, a byte is what it is taken as',
      "the field at %s lies inside the range it is computed over", format.addr(field.addr))
  end
  local parts = {}
  if inside_from > from then parts[1] = { addr = from, byte_count = inside_from - from } end
  if own_field ~= "exclude" then
    parts[#parts + 1] = { addr = inside_from, byte_count = inside_past - inside_from, byte = own_field }
  end
  if past > inside_past then parts[#parts + 1] = { addr = inside_past, byte_count = past - inside_past } end
  if #parts == 0 then
    errors.raise("range", nil, "nothing is left of %s without its own field", format.range(from, past - from))
  end
  return parts, own_field
end

-- Words begin at word addresses, as on the chip; a field left out must not shift them.
local function check_words(model, cover)
  local stretches = cover.own_field == "exclude" and cover.parts
    or { { addr = cover.from, byte_count = cover.to - cover.from + 1 } }
  for i, stretch in ipairs(stretches) do
    if stretch.addr % model.word_bytes ~= 0 or (i < #stretches and stretch.byte_count % model.word_bytes ~= 0) then
      errors.raise("argument", "let the range, and a field that is left out, begin and end at words",
        "%s takes words of %d bytes, %s does not keep to them", model.name, model.word_bytes,
        format.range(stretch.addr, stretch.byte_count))
    end
  end
end

local function gather(image, spec, parts)
  local texts, gaps, gap_bytes = {}, {}, 0
  for i, part in ipairs(parts) do
    if part.byte then
      texts[i] = string.char(part.byte):rep(part.byte_count)
    else
      local missing
      texts[i], missing = image:read(part.addr, part.byte_count, spec.gap)
      gap_bytes = gap_bytes + missing
      for _, gap in ipairs(missing > 0 and image:gaps(part.addr, part.byte_count) or {}) do gaps[#gaps + 1] = gap end
    end
  end
  if gap_bytes > 0 and not spec.gap then
    errors.raise("argument", "`gap` (--gap) says what a gap holds: 0x00 on a chip that erases to 0x00 (STM32L1), 0xFF on most others",
      "the range has gaps: %s", format.ranges(gaps))
  end
  return #texts == 1 and texts[1] or table.concat(texts), gaps, gap_bytes -- 64 MiB are not copied for nothing
end

local function padded(spec, model, bytes)
  local odd = #bytes % model.word_bytes
  if odd == 0 then return bytes, 0 end
  if not spec.pad then
    errors.raise("argument", "`to` is the last address covered; `pad` (--pad) is the byte that fills up the last word, if that is meant",
      "%s takes words of %d bytes, %d bytes are no whole number of them", model.name, model.word_bytes, #bytes)
  end
  return bytes .. string.char(spec.pad):rep(model.word_bytes - odd), model.word_bytes - odd
end

---@class stlua.StampCover
---@field from integer
---@field to integer the last address
---@field parts { addr: integer, byte_count: integer, byte: integer? }[] what is covered
---@field field { addr: integer, byte_count: integer }? where the value goes
---@field own_field "exclude"|integer|false false: the field is not inside
---@field bytes string what goes through the model, padding included
---@field byte_count integer of the range, without a field that is left out
---@field gaps { addr: integer, byte_count: integer }[]
---@field gap_bytes integer
---@field pad_bytes integer

--- Where a stamp's range and field are. Raises: argument, range, ambiguous.
---@param image stlua.Image
---@param spec stlua.StampSpec checked
---@return stlua.StampCover without bytes and gaps
function M.find(image, spec)
  local from, to = find_range(image, spec)
  check_range(from, to)
  local field = find_field(image, spec, from, to)
  local parts, own_field = parts_of(spec, from, to, field)
  local byte_count = 0
  for _, part in ipairs(parts) do byte_count = byte_count + part.byte_count end
  return { from = from, to = to, field = field, parts = parts, own_field = own_field, byte_count = byte_count }
end

--- The bytes, too. Raises: argument (gaps, half a word), range, ambiguous.
---@param image stlua.Image
---@param spec stlua.StampSpec checked
---@return stlua.StampCover
function M.read(image, spec)
  local model, cover = specs.model(spec), M.find(image, spec)
  check_words(model, cover)
  local bytes
  bytes, cover.gaps, cover.gap_bytes = gather(image, spec, cover.parts)
  cover.bytes, cover.pad_bytes = padded(spec, model, bytes)
  return cover
end

return M
