--- Labels: a text with {names} of a unit's public fields, or a function of them. A key can never be on one:
--- a label is given the public fields and nothing else.
local errors = require "stlua.errors"
local fields = require "stlua.job_fields"
local job_identity = require "stlua.job_identity"
local whole_file = require "stlua.whole_file"

local M = {}

local function check_names(text, product)
  for name in text:gmatch("{([^{}]*)}") do job_identity.check_field(product, name) end
end

--- Raises: argument.
---@param spec stlua.JobLabel|function
---@param product table
function M.check(spec, product)
  if type(spec) == "function" then return end
  fields.check("label", spec, fields.label)
  if not spec.text then errors.raise("argument", 'such as text = "SN {serial}"', "a label has a `text`") end
  check_names(spec.text, product)
  if spec.path then check_names(spec.path, product) end
end

-- A field in a file's name must not lead out of the folder.
local function expand(text, public, is_path)
  return (text:gsub("{([^{}]*)}", function(name)
    local value = public[name]
    return is_path and value:gsub("[^%w%._%-]", "_") or value
  end))
end

--- Make a unit's label; gives its text, if it has one.
---@param job stlua.Job
---@param public table<string, string>
---@return string?
function M.make(job, public)
  local spec = job.label
  if type(spec) == "function" then
    local text = spec(public)
    if text ~= nil and type(text) ~= "string" then
      errors.raise("argument", nil, "the label's function gave %s instead of a text", type(text))
    end
    return text
  end
  local text = expand(spec.text, public)
  if spec.path then -- whoever watches the folder never reads half a label
    whole_file.save(job:path(expand(spec.path, public, true)), text .. "\n", "label", "the label's folder must be there, and have room")
  end
  return text
end

return M
