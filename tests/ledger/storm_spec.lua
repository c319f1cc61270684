-- Eight processes, 300 units, kill -9 at random moments: what must hold whatever happens.
local support = require "support"
local backends = require "backends"
local storm = require "storm"

local UNITS, KILLS = tonumber(os.getenv("STORM_UNITS") or 300), tonumber(os.getenv("STORM_KILLS") or 60)
local SEED = tonumber(os.getenv("STORM_SEED") or os.time())

teardown(backends.stop)

for _, backend in ipairs(backends.list) do
  describe("a storm on " .. backend.name, function()
    it("issues no serial number to two units, and loses none without a record", function()
      local folder = support.folder()
      finally(function() support.remove(folder) end)
      local place = { where = backend.fresh(), chips = folder, log = folder .. "/log" }
      print(("# %s: seed %d"):format(backend.name, SEED))
      local kills = storm.run(place, { seed = SEED, workers = 8, units = UNITS, kills = KILLS, pause_s = 0.04,
        limit_s = 240 + UNITS // 10 })
      local log = io.open(place.log)
      local text = log and log:read("a") or ""
      if log then log:close() end
      assert.equal("", text)
      local figures = storm.judge(place, UNITS)
      print(("# %s: %d units, %d programmings, %d failed, %d abandoned, %d processes killed"):format(backend.name,
        figures.units, figures.writes, figures.failed, figures.abandoned, kills))
      assert.equal(KILLS, kills)
    end)
  end)
end
