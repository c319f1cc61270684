--- The soak: stations that provision simulated chips with the real `provision`, killed at random and started
--- again; block by block, so that the chips of 10,000 units need not all be on the disk.
local ledgers = require "stlua.ledger"
local judge = require "judge"
local stlua = require "stlua"

local M = {}

local stlua_path = os.getenv "STLUA_BIN_DIR" .. "/stlua"

---@class SoakPlace
---@field where string the ledger
---@field vault string file of its key
---@field chips string folder of state files
---@field folder string of this file

local function start(place, seed, first, last, is_again)
  return { first = first, last = last, complaint = "", process = stlua.spawn { stlua_path, place.folder .. "/worker.lua", place.where,
    place.vault, place.chips, tostring(seed), tostring(first), tostring(last), is_again and "again" or nil } }
end

-- How a worker may end: done, left without goodbye, killed. Warnings of boards with bad luck are no complaint.
local expected = { [0] = true, [9] = true, [128 + 9] = true }

local function listen(worker)
  worker.complaint = worker.complaint .. (worker.process:read "stderr" or "")
  worker.process:read "stdout"
  local status = worker.process:status()
  if status and not expected[status] then
    error(("a station ended with status %d: %s"):format(status, worker.complaint), 0)
  end
end

local function running(workers)
  local list = {}
  for _, worker in ipairs(workers) do
    listen(worker)
    if not worker.process:status() then list[#list + 1] = worker end
  end
  return list
end

local function committed_count(ledger, first, last)
  return ledger.db:one([[SELECT COUNT(*) AS n FROM units u JOIN allocations a ON a.unit_id = u.id
      WHERE a.state = 'committed' AND u.uid >= ? AND u.uid <= ?]], judge.uid(first), judge.uid(last)).n
end

-- A range for each worker of units first..last.
local function ranges(first, last, count)
  local list, size = {}, (last - first + 1) // count
  for i = 1, count do
    local from = first + (i - 1) * size
    list[i] = { from, i == count and last or from + size - 1 }
  end
  return list
end

local function next_seed(run)
  run.seed = run.seed + 1
  return run.seed
end

local function start_all(run, first, last, is_again)
  local workers = {}
  for i, range in ipairs(ranges(first, last, run.options.workers)) do
    workers[i] = start(run.place, next_seed(run), range[1], range[2], is_again)
  end
  return workers
end

-- Kill as many as are due: kills are spread over the units that are done.
local function kill_due(run, workers, done)
  local options = run.options
  local due = math.min(options.kills, (options.kills + 2) * (done + 1) // options.units)
  while run.kills < due do
    local alive = running(workers)
    if #alive == 0 then return end
    local victim = alive[math.random(#alive)]
    victim.process:kill "kill"
    while not victim.process:status() do stlua.sleep(0.001) end
    run.kills = run.kills + 1
    stlua.sleep(math.random() * 0.02)
  end
end

-- Whoever has ended before its range was done is started again, at another station.
local function restart(run, workers)
  for i, worker in ipairs(workers) do
    listen(worker)
    if worker.process:status() and committed_count(run.ledger, worker.first, worker.last) < worker.last - worker.first + 1 then
      worker.process:close()
      workers[i] = start(run.place, next_seed(run), worker.first, worker.last)
    end
  end
end

local function work_off(run, workers, first, last)
  repeat
    stlua.sleep(math.random() * run.options.pause_s)
    kill_due(run, workers, first - 1 + committed_count(run.ledger, first, last))
    restart(run, workers)
    if stlua.monotonic() > run.give_up_s then error(("the soak did not end in %d s"):format(run.options.limit_s), 0) end
  until #running(workers) == 0 and committed_count(run.ledger, first, last) == last - first + 1
end

local function one_block(run, first, last)
  local workers = start_all(run, first, last)
  work_off(run, workers, first, last)
  -- boards come back, to other stations; and kills that were due get their victims
  repeat
    workers = start_all(run, first, math.min(last, first + run.options.workers * run.options.returning - 1), true)
    work_off(run, workers, first, last)
  until run.kills >= run.options.kills or last < run.options.units
  run.ledger:recover()
  judge.block(run, first, last)
  for n = first, last do os.remove(("%s/%d.sim"):format(run.place.chips, n)) end
end

---@class SoakOptions
---@field seed integer
---@field units integer
---@field workers integer
---@field kills integer
---@field block_units integer
---@field returning integer how many units of each worker come back in each block
---@field pause_s number
---@field limit_s number

--- Run the soak and judge it; gives figures. Raises at the first lie.
---@param place SoakPlace
---@param options SoakOptions
function M.run(place, options)
  math.randomseed(options.seed)
  local ledger <close> = ledgers.open(place.where, { create = true, vault_key_file = place.vault })
  local run = { place = place, options = options, ledger = ledger, seed = options.seed, kills = 0,
    give_up_s = stlua.monotonic() + options.limit_s, owner = {},
    figures = { units = 0, attempts = 0, passed = 0, failed = 0, abandoned = 0 } }
  for first = 1, options.units, options.block_units do
    one_block(run, first, math.min(options.units, first + options.block_units - 1))
    if options.on_block then options.on_block(run) end
  end
  judge.whole(run)
  run.figures.kills = run.kills
  return run.figures
end

return M
