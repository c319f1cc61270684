--- Labels: a text with {names} of a unit's public fields, or a function of them. A key can never be on one:
--- a label is given the public fields and nothing else.
local errors = require "stlua.errors"
local fields = require "stlua.job_fields"
local job_identity = require "stlua.job_identity"

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

-- Written beside it and renamed: whoever watches the folder never reads half a label.
local function save(path, text)
  local part = path .. ".part"
  local file, why = io.open(part, "wb")
  if not file then errors.raise("file", "the label's folder must be there", "label: %s", why) end
  local ok, write_error = file:write(text, "\n")
  ok, write_error = file:close() and ok, write_error
  if ok then ok, write_error = os.rename(part, path) end
  if not ok then errors.raise("file", nil, "label %s: %s", path, tostring(write_error)) end
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
  if spec.path then save(job:path(expand(spec.path, public, true)), text) end
  return text
end

return M
