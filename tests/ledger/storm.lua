--- A storm on a ledger: processes that work on the same units, killed at random, started again; then the
--- ledger is compared with what the chips hold. STORM_UNITS, STORM_KILLS make it larger (`make soak`).
local support = require "support"
local ledger = require "stlua.ledger"
local socket = require "socket"

local M = {}

local LUA = os.getenv("LUA_INTERPRETER") or "lua5.4"

local function start(place, seed, first, last)
  local pipe = assert(io.popen(("%s '%s/tests/ledger/worker.lua' '%s' '%s' %d %d %d >>'%s' 2>&1 & echo $!"):format(LUA,
    support.root, place.where, place.chips, seed, first, last, place.log)))
  local pid = pipe:read("l")
  pipe:close()
  return { pid = pid, first = first, last = last }
end

-- A zombie is waited for by init; it counts as dead.
local function is_running(worker)
  local file = io.open("/proc/" .. worker.pid .. "/stat")
  if not file then return false end
  local state = (file:read("a") or ""):match("^%d+ %b() (%a)")
  file:close()
  return state ~= nil and state ~= "Z" and state ~= "X"
end

local function kill(worker)
  return os.execute(("kill -9 %s 2>/dev/null"):format(worker.pid)) == true
end

-- Each worker has its own range and half of the next one's, so every unit meets two stations.
local function range_of(i, worker_count, unit_count)
  local size = unit_count // worker_count
  local first = (i - 1) * size + 1
  return first, i == worker_count and unit_count or math.min(unit_count, first + size + size // 2)
end

-- At random, one of those that still run; nil if none does.
local function running_one(workers)
  local alive = {}
  for _, worker in ipairs(workers) do
    if is_running(worker) then alive[#alive + 1] = worker end
  end
  return alive[1] and alive[math.random(#alive)]
end

--- Run the storm; gives how many were killed.
function M.run(place, options)
  math.randomseed(options.seed)
  local L <close> = ledger.open(place.where, { create = true })
  L:product("node", { serial = { "N", { counter = 6 } },
    eui64 = { dev_eui = { first = "70B3D57ED0000000", last = "70B3D57ED0FFFFFF" } } })
  local workers, seed, kills = {}, options.seed, 0
  for i = 1, options.workers do
    seed = seed + 1
    workers[i] = start(place, seed, range_of(i, options.workers, options.units))
  end
  local give_up = socket.gettime() + options.limit_s
  repeat
    socket.sleep(math.random() * options.pause_s)
    -- kills are spread over the work: as many are due as units are done
    local done = L.db:one("SELECT COUNT(*) AS n FROM allocations WHERE state = 'committed'").n
    local due = math.min(options.kills, (options.kills + 2) * (done + 1) // options.units)
    for _ = kills + 1, due do
      local victim = running_one(workers)
      if victim and kill(victim) then kills = kills + 1 end
      socket.sleep(math.random() * 0.01)
    end
    local running = 0
    for i, worker in ipairs(workers) do
      if is_running(worker) then running = running + 1
      else
        local left = {}
        for _, row in ipairs(L:find { product = "node", state = "committed" }) do left[row.uid] = true end
        for n = worker.first, worker.last do
          if not left[("3331383536350000%08X"):format(n)] then
            seed = seed + 1
            workers[i] = start(place, seed, worker.first, worker.last)
            running = running + 1
            break
          end
        end
      end
    end
    -- a fast machine may be done before all kills were due: then all units come back once more
    if running == 0 and kills < options.kills then
      for i, worker in ipairs(workers) do
        seed = seed + 1
        workers[i] = start(place, seed, worker.first, worker.last)
      end
      running = #workers
    end
    if socket.gettime() > give_up then
      for _, worker in ipairs(workers) do kill(worker) end
      error("the storm did not end in " .. options.limit_s .. " s")
    end
  until running == 0
  L:recover()
  return kills
end

local function lines_of(path)
  local list, file = {}, io.open(path)
  if not file then return list end
  for line in file:lines() do list[#list + 1] = line end
  file:close()
  return list
end

--- Is the ledger true to the chips? Gives figures; raises at the first lie.
function M.judge(place, unit_count)
  local L <close> = ledger.open(place.where)
  local owner, figures = {}, { units = 0, writes = 0, abandoned = 0, failed = 0 }
  for n = 1, unit_count do
    local uid = ("3331383536350000%08X"):format(n)
    local rows = L:find { product = "node", uid = uid }
    assert(#rows == 1, uid .. " has " .. #rows .. " identities")
    local row = rows[1]
    assert(row.state == "committed", uid .. " is " .. row.state)
    for _, value in ipairs { row.serial, row.fields.dev_eui } do
      assert(not owner[value], ("%s belongs to %s and %s"):format(value, tostring(owner[value]), uid))
      owner[value] = uid
    end
    -- every programming of the chip wrote what the ledger says, and each has its record
    local lines = lines_of(place.chips .. "/" .. uid)
    for _, line in ipairs(lines) do
      assert(line == row.serial .. " " .. row.fields.dev_eui, ("%s holds %s, the ledger says %s"):format(uid, line, row.serial))
    end
    local history, passes = L:history(uid), 0
    assert(#history >= #lines, uid .. ": more programmings than attempts on record")
    for _, attempt in ipairs(history) do
      assert(attempt.serial == row.serial, uid .. ": an attempt with another serial number")
      assert(attempt.result ~= "running", uid .. ": an attempt without an end")
      if attempt.result == "pass" then passes = passes + 1 end
      if attempt.result == "abandoned" then figures.abandoned = figures.abandoned + 1 end
      if attempt.result == "fail" then figures.failed = figures.failed + 1 end
    end
    assert(passes >= 1, uid .. " is committed without a pass")
    figures.units, figures.writes = figures.units + 1, figures.writes + #lines
  end
  -- none lost: exactly the first unit_count numbers are issued
  for n = 1, unit_count do assert(owner[("N%06d"):format(n)], ("serial number %d is lost"):format(n)) end
  local counter = L.db:one("SELECT CAST(next_number AS TEXT) AS next FROM counters WHERE name = 'serial:node'").next
  assert(tonumber(counter) == unit_count + 1, "the counter stands at " .. counter)
  return figures
end

return M
