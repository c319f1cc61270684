--- tests/starve/sweep.lua: points all over the runs of commands, tried one by one and counted by kind.
local M = {}

local Sweep = {}
Sweep.__index = Sweep

local function number(name, default) return math.tointeger(tonumber(os.getenv(name))) or default end

--- What a command is called in the tests.
function M.name(command, source) return (table.concat(command.words, " "):gsub(source .. "/", "")) end

--- A sweep, as the environment wants it.
---@param usual_stride integer
function M.new(usual_stride)
  return setmetatable({ stride = math.max(1, number("STL_FAULT_STRIDE", usual_stride)),
    seed = number("STL_FAULT_SEED", 0), only = os.getenv "STL_FAULT_ONLY" or "", tally = {} }, Sweep)
end

--- Is this command to be tried?
function Sweep:wants(name) return name:find(self.only, 1, true) ~= nil end

-- Where the points begin: elsewhere for each command and kind.
local function first_point(self, name, step)
  local x = self.seed * 2654435761 + 97
  for i = 1, #name do x = (x * 1664525 + name:byte(i)) & 0xFFFFFFFF end
  return 1 + (x * 40503 >> 8) % step
end

--- try(at) at every step-th of count points; it returns what is wrong, or nil, and whether it was an error.
--- Raises with the first that is wrong, and how many are.
---@param kind string
---@param job_name string
---@param count integer
---@param step number
---@param try fun(at: integer): string?, boolean?
function Sweep:over(kind, job_name, count, step, try)
  step = math.max(1, math.tointeger(step // 1))
  local sum, failures = self.tally[kind] or { points = 0, errors = 0, survived = 0 }, {}
  self.tally[kind] = sum
  for at = first_point(self, job_name .. kind, step), count, step do
    local failure, is_error = try(at)
    sum.points = sum.points + 1
    sum[is_error and "errors" or "survived"] = sum[is_error and "errors" or "survived"] + 1
    failures[#failures + 1] = failure
  end
  if #failures > 0 then
    error(("%d of the points are wrong; the first:\n%s"):format(#failures, failures[1]), 0)
  end
end

--- The figures, one line a kind, as tests/soak/faults.sh reads them.
---@param prefix string before the names of the kinds
function Sweep:print(kinds, prefix)
  for _, kind in ipairs(kinds) do
    local sum = self.tally[kind.name] or { points = 0, errors = 0, survived = 0 }
    io.write(("\nfaults: kind=%s points=%d errors=%d survived=%d seed=%d\n"):format(prefix .. kind.name, sum.points,
      sum.errors, sum.survived, self.seed))
  end
end

--- Of all points, or of those of a kind, the share that ended in an error.
---@param kind string?
function Sweep:error_share(kind)
  local points, errors = 0, 0
  for name, sum in pairs(self.tally) do
    if not kind or name == kind then points, errors = points + sum.points, errors + sum.errors end
  end
  return points > 0 and errors / points or 0
end

return M
