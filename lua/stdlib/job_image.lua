--- The image of one unit. The order matters: patches, then fill, then stamps, which cover both.
local errors = require "stlua.errors"
local stamp = require "stlua.stamp"

local M = {}

local function build(job, put_patches)
  local image = job.firmware:copy()
  put_patches(image)
  for _, range in ipairs(job.fill) do image:fill(range.addr, range.byte_count, range.byte) end
  return image, stamp.apply_all(image, job.stamps)
end

---@param job stlua.Job
---@param unit stlua.JobUnit
---@return stlua.Image
---@return stlua.StampResult[]
function M.build(job, unit)
  return build(job, function(image)
    for _, patch in ipairs(job.patches) do
      image:write(patch.addr, errors.within(patch.name, patch.render, unit))
    end
  end)
end

--- The same before there is a unit, with zeros for its bytes: where everything lies is known then.
---@param job stlua.Job
---@return stlua.Image
---@return stlua.StampResult[]
function M.sample(job)
  return build(job, function(image)
    for _, patch in ipairs(job.patches) do image:write(patch.addr, ("\0"):rep(patch.byte_count)) end
  end)
end

return M
