--- Stamps: a CRC, sum or digest over a range of an image, written into the image. What a gap holds, what the
--- field itself counts as, and what fills up half a word is always stated, never guessed.
---
---   local stamp = require "stlua.stamp"
---   stamp.apply(fw, { crc = "stm32", from = 0x08000000, to = 0x0801FFFF, gap = 0x00, at = "last", store = "u32le" })
---
--- `to` is the last address covered. The order of a board: patch, fill, stamp, write; prove on the target.
local covers = require "stlua.stamp_cover"
local errors = require "stlua.errors"
local format = require "stlua.format"
local image = require "stlua.image"
local order = require "stlua.stamp_order"
local specs = require "stlua.stamp_spec"
local stlua = require "stlua"
local value_types = require "stlua.identity_value"

local M = { check = specs.check, check_order = order.check }

local read_bytes = 16 * 1024 -- between two looks at Ctrl-C

---@class stlua.StampResult
---@field model string
---@field value integer|string "0x..." for more than 64 bits, hex digits for a digest
---@field text string the value as it is shown, "0x0000F00D"
---@field from integer
---@field to integer the last address covered
---@field byte_count integer of the range, gaps counted, a field that is left out not
---@field gap_bytes integer bytes that were not in the image, and taken as `gap`
---@field pad_bytes integer
---@field at integer? the field's address
---@field bytes string? what was written there
---@field replaced string? what the field held before; nil when it was not, or not wholly, in the image
---@field spec stlua.StampSpec with addresses for names: it stands without the ELF

-- Names become addresses, so that a target can be asked the same.
local function settled(spec, cover)
  local copy = {}
  for name, content in pairs(spec) do copy[name] = content end
  copy.from, copy.to, copy.section, copy.symbols, copy.byte_count = cover.from, cover.to, nil, nil, nil
  copy.own_field = cover.own_field or nil
  copy.idiom, copy.offset_bytes = nil, nil
  if cover.field then copy.at = cover.field.addr end
  return copy
end

local function encoded(spec, model, value)
  local store = value_types.check_type(spec.store)
  local digits = model.text(value):gsub("^0x", "")
  if store.type ~= "hex" then return value_types.encode(store, "0x" .. digits) end
  return value_types.encode(store, ("0"):rep(store.byte_count * 2 - #digits) .. digits)
end

local function frame(spec) return "stamp" .. (spec.name and " `" .. spec.name .. "`" or "") end

local function computed(from_image, spec)
  local cover, model = covers.read(from_image, spec), specs.model(spec)
  local value = model.compute(cover.bytes)
  local result = {
    model = model.name, value = value, text = model.text(value), from = cover.from, to = cover.to,
    byte_count = cover.byte_count, gap_bytes = cover.gap_bytes, pad_bytes = cover.pad_bytes, spec = settled(spec, cover),
  }
  if cover.field then
    result.at, result.bytes = cover.field.addr, encoded(spec, model, value)
    local replaced, missing = from_image:read(result.at, #result.bytes)
    result.replaced = missing == 0 and replaced or nil
  end
  return result, cover.gaps
end

--- The value, without writing it; the stamp needs no `at` and no `store`. Raises as M.apply.
---@param from_image stlua.Image
---@param spec stlua.StampSpec
---@return stlua.StampResult
function M.compute(from_image, spec)
  return (computed(from_image, specs.check(spec, true)))
end

--- Compute and write one stamp. Raises: argument, range, ambiguous; then the image is as it was.
---@param to_image stlua.Image
---@param spec stlua.StampSpec
---@return stlua.StampResult
function M.apply(to_image, spec)
  spec = specs.check(spec)
  local result, gaps = errors.within(frame(spec), computed, to_image, spec)
  for _, gap in ipairs(spec.fill and gaps or {}) do to_image:fill(gap.addr, gap.byte_count, spec.gap) end
  to_image:write(result.at, result.bytes)
  return result
end

--- Several, in this order, all or none. One that would write into what an earlier one has covered is refused.
---@param to_image stlua.Image
---@param list stlua.StampSpec[]
---@return stlua.StampResult[]
function M.apply_all(to_image, list)
  order.check(list, {}, to_image)
  local work <close>, results = to_image:copy(), {}
  for i, spec in ipairs(list) do results[i] = M.apply(work, spec) end
  to_image:merge(work, { overlap = "replace" })
  return results
end

-- ---- on the target ----

local function read_into(content, session, addr, byte_count)
  for offset = 0, byte_count - 1, read_bytes do
    stlua.interrupt()
    local count = math.min(read_bytes, byte_count - offset)
    content:write(addr + offset, session:read(addr + offset, count))
  end
end

-- What may have gone wrong, from the three values that should be the same.
local function explain(result, stored, on_target)
  local spec = result.spec
  if on_target.bytes == result.bytes then return "the field itself was not written, or was written over" end
  if stored ~= result.bytes then return "another image is on the board: `stlua flash` this one first" end
  if result.gap_bytes > 0 and not spec.fill then
    return ("gaps were taken as 0x%02X; the target may hold something else there: `fill = true` (--fill) writes it"):format(spec.gap)
  end
  return "what the stamp covers was changed on the board: patch before stamping"
end

local function prove_one(session, result)
  local spec, content <close> = result.spec, image.new()
  read_into(content, session, result.from, result.to - result.from + 1)
  read_into(content, session, result.at, #result.bytes)
  local stored = content:read(result.at, #result.bytes)
  local on_target = computed(content, spec)
  if stored == on_target.bytes and stored == result.bytes then return on_target end
  local err = errors.new("verify", explain(result, stored, on_target),
    "%s over %s on the target is %s, the field at %s holds %s, the image was stamped with %s", result.model,
    format.range(result.from, result.to - result.from + 1), format.hex(on_target.bytes), format.addr(result.at),
    format.hex(stored), format.hex(result.bytes))
  err.addr = result.at
  error(err, 0)
end

--- Read what a stamp covers from the target, compute its value again, and compare it with the field there and
--- with what the image was stamped with. Gaps are read, too. Raises: verify, read_protected.
---@param session stlua.Session
---@param result stlua.StampResult|stlua.StampResult[] what M.apply or M.apply_all gave
---@return stlua.StampResult|stlua.StampResult[] the same, computed of the target's bytes
function M.prove(session, result)
  if result.spec then return errors.within("prove the " .. frame(result.spec), prove_one, session, result) end
  local list = {}
  for i, one in ipairs(result) do list[i] = M.prove(session, one) end
  return list
end

return M
