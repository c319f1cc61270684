--- Blocks of EUI-64: numbers from a range the maker owns, never invented.
local errors = require "stlua.identity_error"
local value = require "stlua.identity_value"

---@class stlua.Eui64Block
---@field first string 16 hex digits
---@field last string
---@field count integer
local block = {}
block.__index = block

--- The EUI at an index from 0. Raises: range.
---@param index integer
---@return string 16 hex digits
function block:at(index)
  if math.type(index) ~= "integer" or index < 0 or index >= self.count then
    errors.raise("range", "a new block is bought from the IEEE and named in the job",
      "the EUI-64 block %s to %s has no number %s", self.first, self.last, tostring(index))
  end
  return ("%016X"):format(self.start + index)
end

--- Is an EUI inside?
---@param eui string
---@return boolean
function block:contains(eui)
  local offset = math.tointeger(tonumber("0x" .. value.eui64(eui))) - self.start
  return offset >= 0 and offset < self.count
end

local M = {}

---@class stlua.Eui64BlockSpec
---@field first string
---@field last string
---@field local_admin boolean? numbers with the U/L bit set are made up, and refused unless this says so

--- Check a block. Raises: argument, format, range.
---@param spec stlua.Eui64BlockSpec
---@return stlua.Eui64Block
function M.block(spec)
  errors.check_fields("an EUI-64 block", spec, { first = "string", last = "string", local_admin = "boolean" })
  if not spec.first or not spec.last then
    errors.raise("argument", nil, "an EUI-64 block is its `first` and its `last` number")
  end
  local first, last = value.eui64(spec.first), value.eui64(spec.last)
  local start = math.tointeger(tonumber("0x" .. first))
  local count = math.tointeger(tonumber("0x" .. last)) - start + 1
  if last < first then errors.raise("range", nil, "the EUI-64 block %s to %s is empty", first, last) end
  -- an OUI has 24 bits, so no block of one owner is larger than 2^40
  if first:sub(1, 6) ~= last:sub(1, 6) then
    errors.raise("range", nil, "the EUI-64 block %s to %s is of more than one owner (the first 24 bits differ)", first,
      last)
  end
  local top = tonumber(first:sub(1, 2), 16)
  if top & 1 ~= 0 then errors.raise("range", nil, "%s is a group address (I/G bit set)", first) end
  if top & 2 ~= 0 and not spec.local_admin then
    errors.raise("range", "`local_admin = true` allows it, for trials",
      "%s is locally administered (U/L bit set), no number of the IEEE", first)
  end
  return setmetatable({ first = first, last = last, start = start, count = count }, block)
end

return M
