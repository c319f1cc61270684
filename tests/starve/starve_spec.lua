--- tests/starve/starve_spec.lua: every command without memory, at allocations all over its run: a proper
--- error or a true success; no crash, no leak (the sanitizers of the build look), no hang, nothing half done
--- that the same command does not repair.
---   STL_FAULT_STRIDE=N  every N-th allocation of Lua's, and N/400 of libstl's; 1 is all of them: a day
---   STL_FAULT_SEED=N    other points
---   STL_STARVE_ONLY=X   only commands with X in them
local support = require "support"
package.path = support.source .. "/tests/starve/?.lua;" .. package.path
local starved = require "starved"

local stride = math.max(1, math.tointeger(tonumber(os.getenv "STL_FAULT_STRIDE")) or 40000)
local seed = math.tointeger(tonumber(os.getenv "STL_FAULT_SEED")) or 0
local only = os.getenv "STL_STARVE_ONLY" or ""

local tally = {}
for _, kind in ipairs(starved.kinds) do tally[kind.name] = { points = 0, errors = 0, survived = 0 } end

-- Where the points of a sweep begin: elsewhere for each command.
local function first_point(name, kind, step)
  local x = seed * 2654435761 + 97
  for i = 1, #name do x = (x * 1664525 + name:byte(i)) & 0xFFFFFFFF end
  return 1 + (x + kind.in_a_row * 40503) % step
end

local function sweep(job, kind)
  local count, failures = starved.count(job, kind), {}
  local step = math.max(1, math.tointeger(stride * kind.share // 1))
  if job.command.is_dense and kind.who == "core" then step = 1 end
  local sum = tally[kind.name]
  for at = first_point(job.name, kind, step), count, step do
    local failure, is_error = starved.try(job, kind, at)
    sum.points = sum.points + 1
    sum[is_error and "errors" or "survived"] = sum[is_error and "errors" or "survived"] + 1
    failures[#failures + 1] = failure
  end
  if #failures > 0 then
    error(("%d points are wrong; the first:\n%s"):format(#failures, failures[1]), 0)
  end
end

describe("without memory", function()
  teardown(support.clean)

  for _, command in ipairs(starved.commands) do
    local name = table.concat(command.words, " "):gsub(support.source .. "/", "")
    if name:find(only, 1, true) then
      it("`" .. name .. "` is an error or done, and the next run repairs", function()
        local job = starved.prepare(command)
        for _, kind in ipairs(starved.kinds) do sweep(job, kind) end
      end)
    end
  end

  it("most points are errors", function()
    for _, kind in ipairs(starved.kinds) do
      local sum = tally[kind.name]
      io.write(("\nfaults: kind=%s points=%d errors=%d survived=%d seed=%d\n"):format(kind.name, sum.points,
        sum.errors, sum.survived, seed))
      if only == "" and kind.name ~= "starved_lua_once" then
        assert.is_true(sum.errors > sum.points / 2, kind.name)
      end
    end
  end)
end)
