--- tests/starve/wire_spec.lua: every command that talks to a probe, and at transfers all over its run something
--- happens: a proper error or a true success; no crash, no hang, no target left armed without a word, and
--- the same command once more repairs the board.
---   STL_FAULT_STRIDE=N  every N-th transfer; 1 is all of them: hours
---   STL_FAULT_SEED=N    other points
---   STL_FAULT_ONLY=X    only commands with X in them
local support = require "support"
package.path = support.source .. "/tests/starve/?.lua;" .. package.path
local commands = require "commands"
local sweeps = require "sweep"
local wire = require "wire"

local sweep = sweeps.new(2000)

describe("with a fault on the wire", function()
  teardown(support.clean)

  for _, command in ipairs(commands) do
    local name = sweeps.name(command, support.source)
    if sweep:wants(name) and not command.has_no_probe then
      it("`" .. name .. "` is an error or done, and the next run repairs", function()
        local job = wire.prepare(command)
        assert.is_true(job.transfer_count > 0)
        for _, kind in ipairs(wire.kinds) do
          sweep:over(kind.name, job.name, job.transfer_count, sweep.stride,
            function(at) return wire.try(job, kind, at) end)
        end
      end)
    end
  end

  it("the faults arrive", function()
    sweep:print(wire.kinds, "process_")
    if sweep.only ~= "" then return end
    assert.is_true(sweep:error_share() > 0.2)
  end)
end)
