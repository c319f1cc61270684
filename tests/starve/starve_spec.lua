--- tests/starve/starve_spec.lua: every command without memory, at allocations all over its run: a proper
--- error or a true success; no crash, no leak (the sanitizers of the build look), no hang, nothing half done
--- that the same command does not repair.
---   STL_FAULT_STRIDE=N  every N-th allocation of Lua's, and N/400 of libstl's; 1 is all of them: a day
---   STL_FAULT_SEED=N    other points
---   STL_FAULT_ONLY=X    only commands with X in them
local support = require "support"
package.path = support.source .. "/tests/starve/?.lua;" .. package.path
local starved = require "starved"
local sweeps = require "sweep"

local sweep = sweeps.new(40000)

local function sweep_one(job, kind)
  local is_all = job.command.is_dense and kind.who == "core"
  sweep:over(kind.name, job.name, starved.count(job, kind), is_all and 1 or sweep.stride * kind.share,
    function(at) return starved.try(job, kind, at) end)
end

describe("without memory", function()
  teardown(support.clean)

  for _, command in ipairs(starved.commands) do
    local name = sweeps.name(command, support.source)
    if sweep:wants(name) then
      it("`" .. name .. "` is an error or done, and the next run repairs", function()
        local job = starved.prepare(command)
        for _, kind in ipairs(starved.kinds) do sweep_one(job, kind) end
      end)
    end
  end

  it("most points are errors", function()
    sweep:print(starved.kinds, "")
    for _, kind in ipairs(starved.kinds) do
      if sweep.only == "" and kind.name ~= "starved_lua_once" then
        assert.is_true(sweep:error_share(kind.name) > 0.5, kind.name)
      end
    end
  end)
end)
