-- Eight stations that provision simulated chips, kill -9 at random moments: what must hold whatever happens.
-- 300 units here; `make soak` sets SOAK_UNITS=10000 SOAK_KILLS=200. SOAK_SEED repeats a run's dice.
local folder = os.getenv "STLUA_SOURCE_DIR" .. "/tests/"
package.path = folder .. "soak/?.lua;" .. folder .. "ledger/?.lua;" .. package.path
local support = require "support" -- of tests/ledger
local backends = require "backends"
local identity = require "stlua.identity_secret"
local soak = require "soak"
local stlua = require "stlua"

local units, kills = tonumber(os.getenv "SOAK_UNITS" or 300), tonumber(os.getenv "SOAK_KILLS" or 12)
local seed = tonumber(os.getenv "SOAK_SEED" or os.time())
local block_units = 500

teardown(backends.stop)

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

for _, backend in ipairs(backends.list) do
  describe("a soak on " .. backend.name, function()
    it("has every unit's record true to its chip", function()
      local scratch = support.folder()
      finally(function() support.remove(scratch) end)
      support.write(scratch .. "/vault.key", hex(identity.random(32):reveal()) .. "\n")
      os.execute("chmod 600 " .. scratch .. "/vault.key")
      print(("# %s: seed %d"):format(backend.name, seed))
      local start_s = stlua.monotonic()
      local figures = soak.run({ where = backend.fresh(), vault = scratch .. "/vault.key", chips = scratch,
        folder = folder .. "soak" }, { seed = seed, units = units, kills = kills, workers = 8, block_units = block_units,
        returning = 2, pause_s = 0.05, limit_s = 300 + units,
        on_block = function(run)
          if units > block_units then print(("# %d units, %d killed"):format(run.figures.units, run.kills)) end
        end })
      print(("# %s: %d units true to their chips; %d attempts: %d passed, %d failed, %d abandoned; %d processes killed; %.0f s")
        :format(backend.name, figures.units, figures.attempts, figures.passed, figures.failed, figures.abandoned,
          figures.kills, stlua.monotonic() - start_s))
      assert.equal(units, figures.units)
      assert.equal(kills, figures.kills)
    end)
  end)
end
