--- Globals of a script: those of Lua can be read, a misspelled one is an error, and none can be made.
local nearest = require "stlua.nearest"

local M = {}

local function names_of(map)
  local names = {}
  for name in pairs(map) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  return names
end

--- A new environment for one script.
---@param extra table? more names it may read
function M.environment(extra)
  local env = {}
  for name, value in pairs(extra or {}) do env[name] = value end
  return setmetatable(env, {
    __index = function(_, name)
      local value = _G[name]
      if value ~= nil then return value end
      local hint = type(name) == "string" and nearest.hint(name, names_of(_G))
      error(("there is no global `%s`%s"):format(tostring(name), hint and "; " .. hint or ""), 2)
    end,
    __newindex = function(_, name) error(("global `%s` is assigned; say `local`"):format(tostring(name)), 2) end,
  })
end

return M
