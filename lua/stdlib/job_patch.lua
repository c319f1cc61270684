--- Patches of a job: bytes at an address, and where they come from. Checked before a unit is there,
--- rendered for each unit.
local errors = require "stlua.errors"
local fields = require "stlua.job_fields"
local format = require "stlua.format"
local identity = require "stlua.identity"
local job_identity = require "stlua.job_identity"
local nearest = require "stlua.nearest"
local targets = require "stlua.targets"

local M = {}

---@class stlua.CompiledPatch
---@field addr integer
---@field byte_count integer
---@field name string "patches[3]"
---@field is_key boolean?
---@field is_function boolean? its bytes are known only when there is a unit
---@field render fun(unit: stlua.JobUnit): string exactly byte_count bytes
---@field show fun(unit: stlua.JobUnit): string its source in words, for the plan; never a key

local function only_source(patch)
  local found
  for name in pairs(fields.source) do
    if patch[name] ~= nil then
      if found then errors.raise("argument", nil, "its bytes come from `%s` and from `%s`", found, name) end
      found = name
    end
  end
  if not found then
    errors.raise("argument", "`field`, `key`, `value` or `bytes` says where its bytes come from", "it has no source")
  end
  return found
end

local function type_of(patch, otherwise)
  local spec = patch.type or otherwise
  if not spec then errors.raise("argument", 'such as type = "ascii(16)"', "it has no `type`") end
  if patch.byte_count then errors.raise("argument", 'it is part of the type: "hex(8)"', "`byte_count` goes with `bytes`") end
  return identity.check_type(spec)
end

local sources = {}

function sources.field(patch, job)
  local name, spec = patch.field, type_of(patch)
  job_identity.check_field(job.product, name)
  job_identity.check_room(job.product, name, spec)
  return { byte_count = identity.byte_count(spec), render = function(unit) return identity.encode(spec, unit.fields[name]) end,
    show = function(unit) return ("%s %s"):format(name, unit.fields[name]) end }
end

function sources.key(patch, job)
  local name, key = patch.key, job.product.keys[patch.key]
  if not key then
    local names = {}
    for known in pairs(job.product.keys) do names[#names + 1] = known end
    errors.raise("argument", nearest.hint(name, names), "`identity` has no key `%s`", name)
  end
  local spec = type_of(patch, { type = "hex", byte_count = key.byte_count })
  if spec.type ~= "hex" or spec.byte_count ~= key.byte_count then
    errors.raise("argument", nil, 'the key `%s` is written as "hex(%d)"', name, key.byte_count)
  end
  return { byte_count = key.byte_count, is_key = true,
    render = function(unit) return identity.encode(spec, unit.secrets[name]) end,
    show = function(unit) return ("key %s %s"):format(name, tostring(unit.secrets[name])) end }
end

function sources.value(patch)
  local spec = type_of(patch)
  if type(patch.value) ~= "function" then
    local bytes = identity.encode(spec, patch.value)
    return { byte_count = #bytes, render = function() return bytes end,
      show = function() return "value " .. tostring(patch.value) end }
  end
  return { byte_count = identity.byte_count(spec), is_function = true, show = function() return "a function's value" end,
    render = function(unit) return identity.encode(spec, patch.value(unit)) end }
end

local function check_bytes(bytes, byte_count)
  if type(bytes) ~= "string" then
    errors.raise("argument", nil, "its function gave %s instead of bytes", type(bytes))
  end
  if #bytes ~= byte_count then
    errors.raise("range", nil, "its function gave %d bytes instead of %d", #bytes, byte_count)
  end
  return bytes
end

function sources.bytes(patch)
  if patch.type then errors.raise("argument", "a type goes with `value` or `field`", "`bytes` are written as they are") end
  if type(patch.bytes) == "string" then
    if #patch.bytes == 0 then errors.raise("argument", nil, "`bytes` are empty") end
    if patch.byte_count then check_bytes(patch.bytes, patch.byte_count) end
    return { byte_count = #patch.bytes, render = function() return patch.bytes end, show = function() return "fixed bytes" end }
  end
  local byte_count = patch.byte_count
  if not byte_count or byte_count < 1 then
    errors.raise("argument", "overlaps are looked for before the function runs", "a function's bytes need `byte_count`")
  end
  return { byte_count = byte_count, is_function = true, show = function() return "a function's bytes" end,
    render = function(unit) return check_bytes(patch.bytes(unit), byte_count) end }
end

--- The address of `at`, an address or a symbol, and `offset_bytes` from there. `base_addr` stands for a
--- missing `at`.
---@param place { at: integer|string|nil, offset_bytes: integer? }
---@param job stlua.Job
---@param base_addr integer?
---@return integer
function M.addr_of(place, job, base_addr)
  if place.at == nil and not (base_addr and place.offset_bytes) then
    errors.raise("argument", base_addr and "or `offset_bytes` from the beginning of data EEPROM", "`at` says where it is")
  end
  return (place.at == nil and base_addr or job.firmware:resolve(place.at)) + (place.offset_bytes or 0)
end

--- Raise unless the range lies in flash or data EEPROM of the board.
function M.check_range(job, addr, byte_count)
  if byte_count < 1 then errors.raise("argument", nil, "%d bytes are none", byte_count) end
  local found = targets.region_of(job.target, addr, byte_count)
  if found and (found.name == "flash" or found.name == "eeprom") then return found.name end
  local known = {}
  for i, region in ipairs(job.regions) do
    known[i] = ("%s %s"):format(region.name, format.range(region.addr, region.byte_count))
  end
  errors.raise("range", ("board %s has %s"):format(job.board.name, table.concat(known, ", ")),
    "%s is outside its flash and data EEPROM", format.range(addr, byte_count))
end

local function compile(patch, job, eeprom)
  fields.check("a patch", patch, fields.patch)
  local kind = only_source(patch)
  local compiled = sources[kind](patch, job)
  compiled.addr = M.addr_of(patch, job, eeprom and eeprom.addr)
  local region = M.check_range(job, compiled.addr, compiled.byte_count)
  if eeprom and region ~= "eeprom" then
    errors.raise("range", "`patches` are for flash", "%s is not in data EEPROM", format.addr(compiled.addr))
  end
  return compiled
end

--- Raise when a range meets one of the patches.
---@param list stlua.CompiledPatch[]
---@param one { name: string, addr: integer, byte_count: integer }
function M.check_apart(list, one)
  for _, other in ipairs(list) do
    if one.addr < other.addr + other.byte_count and other.addr < one.addr + one.byte_count then
      errors.raise("overlap", nil, "%s at %s and %s at %s overlap", other.name, format.range(other.addr, other.byte_count),
        one.name, format.range(one.addr, one.byte_count))
    end
  end
end

--- Check and compile the patches of a job and what it puts into data EEPROM.
---@param job stlua.Job
---@return stlua.CompiledPatch[]
function M.compile(job)
  local list = {}
  local eeprom
  for _, region in ipairs(job.regions) do
    if region.name == "eeprom" and not eeprom then eeprom = region end
  end
  for _, field in ipairs { "patches", "eeprom" } do
    for i, patch in ipairs(job.spec[field] or {}) do
      local name = ("%s[%d]"):format(field, i)
      local compiled = errors.within(name, compile, patch, job, field == "eeprom" and eeprom)
      compiled.name = name
      M.check_apart(list, compiled)
      list[#list + 1] = compiled
    end
  end
  return list
end

return M
