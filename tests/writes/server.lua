--- A PostgreSQL ledger whose connection breaks at any message: sent or not, answered or not, what is then said
--- must be true.
local databases = require "stlua.ledger_db"
local judge = require "judge"
local own_support = require "support"
local world = require "world"

-- tests/ledger has a support of its own by the same name.
local folder = own_support.source .. "/tests/ledger/"
package.loaded.support = dofile(folder .. "support.lua")
local postgres = dofile(folder .. "postgres.lua")
package.loaded.support = own_support

local server, where, unit_count, is_ledger = nil, nil, 0, {}

local function uid() return ("3331383536350000%08X"):format(unit_count) end

local function spec(place) return ("rak811?uid=%s&state=%s/b.sim"):format(uid(), place) end

local provision = {
  name = "provision", title = "provision, on PostgreSQL", tries = 3, calls = { "connect", "sendto", "recvfrom" },
  prepare = function(place)
    server = postgres.start()
    where = postgres.database(server)
    return world.prepare_line(place, where)
  end,
  renew = function() unit_count = unit_count + 1 end, -- the server is not put back: each point has its own unit
  words = function(place) return { "--probe", "sim:" .. spec(place), "provision", place .. "/job.lua" } end,
  -- The simulator has a socket, too; the server's is known by its connect.
  is_meant = function(path, line)
    if line:match "^connect%(.*%.s%.PGSQL" then is_ledger[path] = true end
    return is_ledger[path] or false
  end,
  judge = function(place, is_done)
    local db <close> = databases.open(where, {})
    local has_passed = judge.truth(db, uid(), spec(place.folder))
    if is_done then assert(has_passed, "PASS was told, the ledger knows of none") end
  end,
}

return { provision, stop = function() if server then postgres.stop(server) end end }
