--- Does anything write into what a stamp has covered already? See stlua.stamp.
local covers = require "stlua.stamp_cover"
local errors = require "stlua.errors"
local format = require "stlua.format"
local check_fields = require("stlua.identity_error").check_fields
local images = require "stlua.image"
local specs = require "stlua.stamp_spec"

local M = {}

local function meet(a, b) return a.addr < b.addr + b.byte_count and b.addr < a.addr + a.byte_count end

local function covers_range(step, range)
  for _, part in ipairs(step.parts) do
    if not part.byte and meet(part, range) then return true end
  end
  return false
end

local function needs_image(spec)
  return spec.section or spec.symbols or type(spec.from) == "string" or type(spec.at) == "string" and spec.at ~= "last"
end

-- A stamp, or the result of one, as what it covers and what it writes.
local function step_of(item, index, image)
  local spec = specs.check(item.spec or item)
  if not image and needs_image(spec) then
    errors.raise("argument", "stamp.check_order(stamps, patches, image)", "stamp %d has names, which only an image resolves", index)
  end
  local cover = covers.find(image or images.new(), spec)
  return { label = spec.name and ("stamp `%s`"):format(spec.name) or ("stamp %d"):format(index), parts = cover.parts,
    field = cover.field }
end

local function check_pair(earlier, later)
  local where = format.range(later.field.addr, later.field.byte_count)
  if meet(earlier.field, later.field) then
    errors.raise("argument", nil, "%s and %s write to the same place, %s", earlier.label, later.label, where)
  end
  if not covers_range(earlier, later.field) then return end
  errors.raise("argument", covers_range(later, earlier.field) and "each covers the other's field: one range must leave it out"
    or ("put %s before %s"):format(later.label, earlier.label),
    "%s writes to %s, which %s has covered before: that value would be wrong", later.label, where, earlier.label)
end

local function check_patch(patch, index, steps)
  check_fields("a patch", patch, { addr = "integer", byte_count = "integer", name = "string" })
  local label = patch.name and ("patch `%s`"):format(patch.name) or ("patch %d"):format(index)
  for _, step in ipairs(steps) do
    if covers_range(step, patch) or meet(step.field, patch) then
      errors.raise("argument", "patch first, stamp last; or let the stamp's range leave the patch out",
        "%s writes to %s, which %s has covered before: that value would be wrong", label,
        format.range(patch.addr, patch.byte_count), step.label)
    end
  end
end

--- Raise when a stamp writes into what an earlier one covers, or a patch into what any of them covers.
--- Raises: argument, and what is wrong with a stamp.
---@param stamps (stlua.StampSpec|stlua.StampResult)[] in the order they are applied
---@param patches { addr: integer, byte_count: integer, name: string? }[]? what is written after all stamps
---@param image stlua.Image? resolves symbols and sections
function M.check(stamps, patches, image)
  local steps = {}
  for index, item in ipairs(stamps) do
    steps[index] = step_of(item, index, image)
    for earlier = 1, index - 1 do check_pair(steps[earlier], steps[index]) end
  end
  for index, patch in ipairs(patches or {}) do check_patch(patch, index, steps) end
end

return M
