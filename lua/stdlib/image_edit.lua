--- Whole ranges of images: gaps, merge, fill, move, difference, SHA-256. Methods of stlua.Image; each change
--- is made altogether or not at all.
local digest = require "stlua.digest"
local errors = require "stlua.errors"
local format = require "stlua.format"
local check_fields = require("stlua.identity_error").check_fields
local nearest = require "stlua.nearest"

---@class stlua.Image
local M = {}

local piece_bytes = 64 * 1024 -- read at a time
local hashed_bytes_max = 64 * 1024 * 1024

local function check_range(addr, byte_count)
  if math.type(addr) ~= "integer" or math.type(byte_count) ~= "integer" or addr < 0 or byte_count < 0
    or addr + byte_count > 1 << 32 then
    errors.raise("range", nil, "%s bytes at %s: not a range of 32-bit addresses", tostring(byte_count),
      math.type(addr) == "integer" and ("0x%X"):format(addr) or tostring(addr))
  end
end

local function check_byte(byte, what)
  if math.type(byte) ~= "integer" or byte < 0 or byte > 255 then
    errors.raise("argument", nil, "%s is one byte, 0 to 255, not %s", what, tostring(byte))
  end
end

-- The parts of [addr, past) that the segments hold; they are sorted, and may be thousands.
local function runs_in(segments, addr, past)
  local low, high = 1, #segments + 1 -- the first one that ends behind addr
  while low < high do
    local middle = (low + high) // 2
    if segments[middle].addr + segments[middle].byte_count > addr then high = middle else low = middle + 1 end
  end
  local list = {}
  while segments[low] and segments[low].addr < past do
    local from = math.max(addr, segments[low].addr)
    list[#list + 1] = { addr = from, byte_count = math.min(past, segments[low].addr + segments[low].byte_count) - from }
    low = low + 1
  end
  return list
end

-- The parts of [addr, past) that the segments do not hold.
local function gaps_in(segments, addr, past)
  local list, at = {}, addr
  for _, run in ipairs(runs_in(segments, addr, past)) do
    if run.addr > at then list[#list + 1] = { addr = at, byte_count = run.addr - at } end
    at = run.addr + run.byte_count
  end
  if at < past then list[#list + 1] = { addr = at, byte_count = past - at } end
  return list
end

-- Every run that both images hold, in pieces: visit(addr, mine, theirs).
local function each_common(mine, theirs, visit)
  local segments = mine:segments()
  for _, segment in ipairs(theirs:segments()) do
    for _, run in ipairs(runs_in(segments, segment.addr, segment.addr + segment.byte_count)) do
      for offset = 0, run.byte_count - 1, piece_bytes do
        local count = math.min(piece_bytes, run.byte_count - offset)
        visit(run.addr + offset, mine:read(run.addr + offset, count), (theirs:read(run.addr + offset, count)))
      end
    end
  end
end

--- What the image holds of a range.
---@param addr integer
---@param byte_count integer
---@return { addr: integer, byte_count: integer }[]
function M:runs(addr, byte_count)
  check_range(addr, byte_count)
  return runs_in(self:segments(), addr, addr + byte_count)
end

--- What the image does not hold of a range.
---@param addr integer
---@param byte_count integer
---@return { addr: integer, byte_count: integer }[]
function M:gaps(addr, byte_count)
  check_range(addr, byte_count)
  return gaps_in(self:segments(), addr, addr + byte_count)
end

--- From the lowest address held to the highest. Raises: argument for an image without bytes.
---@return integer addr
---@return integer byte_count gaps counted
function M:span()
  local segments = self:segments()
  if #segments == 0 then errors.raise("argument", nil, "the image is empty") end
  local last = segments[#segments]
  return segments[1].addr, last.addr + last.byte_count - segments[1].addr
end

-- The first offset at which two strings of the same length differ, from 0 on.
local function first_difference(a, b)
  for i = 1, #a do
    if a:byte(i) ~= b:byte(i) then return i - 1 end
  end
end

local overlaps = { error = true, same = true, replace = true }

-- Raise unless the other image may be laid over this one.
local function check_overlap(self, other, how)
  if how == "replace" then return end
  each_common(self, other, function(addr, mine, theirs)
    if how == "same" and mine == theirs then return end
    local at = how == "same" and addr + first_difference(mine, theirs) or addr
    errors.raise("overlap", how == "error" and '`overlap = "same"` allows what is equal, "replace" prefers the second image'
      or nil, "both images hold %s%s", format.addr(at), how == "same" and ", with different values" or "")
  end)
end

--- Add all that another image holds. Both holding an address is an error, unless `overlap` says that equal
--- bytes ("same") or all of them ("replace": the other image wins) are meant. Raises: overlap, argument.
---@param other stlua.Image
---@param options { overlap: "error"|"same"|"replace"|nil }?
---@return stlua.Image self
function M:merge(other, options)
  check_fields("merge's options", options or {}, { overlap = "string" })
  local how = options and options.overlap or "error"
  if not overlaps[how] then
    errors.raise("argument", nearest.hint(how, { "error", "same", "replace" }),
      '`overlap` is "error", "same" or "replace", not %q', how)
  end
  check_overlap(self, other, how)
  for _, segment in ipairs(other:segments()) do
    self:write(segment.addr, (other:read(segment.addr, segment.byte_count)))
  end
  return self
end

--- Fill the gaps of a range with a byte; with `replace = true` all of it. Raises: range, argument.
---@param addr integer
---@param byte_count integer
---@param byte integer
---@param options { replace: boolean? }?
---@return stlua.Image self
function M:fill(addr, byte_count, byte, options)
  check_fields("fill's options", options or {}, { replace = "boolean" })
  check_byte(byte, "what gaps are filled with")
  check_range(addr, byte_count)
  local ranges = options and options.replace and { { addr = addr, byte_count = byte_count } } or M.gaps(self, addr, byte_count)
  for _, range in ipairs(ranges) do self:write(range.addr, string.char(byte):rep(range.byte_count)) end
  return self
end

--- Move what a range holds to another address; its gaps stay gaps. Raises: overlap when something else is
--- there, range, argument when the range holds nothing.
---@param addr integer
---@param byte_count integer
---@param new_addr integer
---@return stlua.Image self
function M:move(addr, byte_count, new_addr)
  check_range(addr, byte_count)
  check_range(new_addr, byte_count)
  local runs = M.runs(self, addr, byte_count)
  if #runs == 0 then errors.raise("argument", nil, "nothing to move at %s", format.addr(addr)) end
  local rest <close> = self:copy():cut(addr, byte_count)
  local segments = rest:segments()
  for _, run in ipairs(runs) do
    local new_from = run.addr - addr + new_addr
    local taken = runs_in(segments, new_from, new_from + run.byte_count)[1]
    if taken then
      errors.raise("overlap", "move or cut what is there first", "%s is taken, nothing was moved", format.addr(taken.addr))
    end
    run.bytes = self:read(run.addr, run.byte_count)
  end
  self:cut(addr, byte_count)
  for _, run in ipairs(runs) do self:write(run.addr - addr + new_addr, run.bytes) end
  return self
end

-- Runs of bytes that differ, as { addr, byte_count, kind = "changed" }.
local function changed_runs(self, other)
  local list = {}
  local function differs(addr)
    local last = list[#list]
    if last and last.addr + last.byte_count == addr then
      last.byte_count = last.byte_count + 1
    else
      list[#list + 1] = { addr = addr, byte_count = 1, kind = "changed" }
    end
  end
  each_common(self, other, function(addr, mine, theirs)
    if mine == theirs then return end
    for i = 1, #mine do
      if mine:byte(i) ~= theirs:byte(i) then differs(addr + i - 1) end
    end
  end)
  return list
end

-- What one image holds and the other does not.
local function add_missing(list, from, other, kind)
  local segments = other:segments()
  for _, segment in ipairs(from:segments()) do
    for _, gap in ipairs(gaps_in(segments, segment.addr, segment.addr + segment.byte_count)) do
      list[#list + 1] = { addr = gap.addr, byte_count = gap.byte_count, kind = kind }
    end
  end
end

---@class stlua.ImageDifference
---@field addr integer
---@field byte_count integer
---@field kind "changed"|"added"|"removed" added: only the other image has it

--- How another image differs from this one, by address; empty when both hold the same.
---@param other stlua.Image
---@return stlua.ImageDifference[]
function M:diff(other)
  local list = changed_runs(self, other)
  add_missing(list, other, self, "added")
  add_missing(list, self, other, "removed")
  table.sort(list, function(a, b) return a.addr < b.addr end)
  return list
end

--- SHA-256 of what image:save("x.bin", { fill = gap }) writes: the lowest to the highest address. An image
--- with gaps needs `gap`. Raises: argument, unsupported without luaossl.
---@param options { gap: integer? }?
---@return string 64 lower-case hex digits
function M:sha256(options)
  check_fields("sha256's options", options or {}, { gap = "integer" })
  local gap = options and options.gap
  if gap then check_byte(gap, "`gap`") end
  local addr, byte_count = M.span(self)
  if byte_count > hashed_bytes_max then
    errors.raise("range", "crop it: image:crop(addr, byte_count)", "the image spans %s, from %s on",
      format.size(byte_count), format.addr(addr))
  end
  local gaps = M.gaps(self, addr, byte_count)
  if #gaps > 0 and not gap then
    errors.raise("argument", "say what a gap holds: image:sha256 { gap = 0xFF }", "the image has gaps: %s",
      format.ranges(gaps))
  end
  return digest.sha256((self:read(addr, byte_count, gap)))
end

return M
