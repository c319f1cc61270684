--- One station of the soak: stlua worker.lua LEDGER VAULT CHIPS SEED FIRST LAST [again]
--- Provisions units FIRST..LAST in random order until the ledger says that all are committed; with `again`,
--- each once more. Some fail, since their flash or their probe is made to; some processes leave without a
--- word. It may be killed anywhere. What it did not expect it says on standard error.
local jobs = require "stlua.job"
local ledgers = require "stlua.ledger"
local provision = require "stlua.provision"
local sessions = require "stlua.session"
local sim = require "stlua.sim"
local stlua = require "stlua"

local where, vault, chips, seed, first, last, again = ...
seed, first, last = tonumber(seed), tonumber(first), tonumber(last)
math.randomseed(seed)
stlua.end_with_parent()

local folder = debug.getinfo(1, "S").source:match "^@(.*)/" or "."
local job = jobs.load(folder .. "/job.lua")
local L = ledgers.open(where, { busy_timeout_ms = 20000, busy_tries = 5, station = "seed " .. seed, vault_key_file = vault })
L:product(job.product_name, job.identity)

local function uid(n) return ("3331383536350000%08X"):format(n) end

-- Bad luck for a board: what the simulator is told. Most have none.
local function bad_luck()
  local dice = math.random(100)
  if dice <= 6 then return "fault op fail " .. math.random(1, 30) end
  if dice <= 9 then return "fault usb disconnect at " .. math.random(1, 300) end
  if dice <= 11 then return "fault op cut " .. math.random(1, 30) end
end

-- A step at which this process leaves without any goodbye; mostly none.
local function last_step() return math.random(100) <= 2 and math.random(1, 9) or nil end

local function one_unit(n)
  local session <close> = sessions.new { probe = sim.spec("rak811", { uid = uid(n), state = chips .. "/" .. n .. ".sim" }) }
  session.board = job.board
  local luck, leave_at, step_count = bad_luck(), last_step(), 0
  if luck then session.probe:admin(luck) end
  local outcome = provision.run(session, job, { ledger = L, operator = "soak", on_step = function(_, state)
    if state == "start" then step_count = step_count + 1 end
    if step_count == leave_at then os.exit(9, false) end
  end })
  if outcome.result ~= "pass" and not luck then
    io.stderr:write(("worker %d, unit %d: %s\n"):format(seed, n, outcome.error and outcome.error.message or "no error"))
    os.exit(3, false)
  end
  if outcome.ledger_error then
    io.stderr:write(("worker %d, unit %d: %s\n"):format(seed, n, outcome.ledger_error.message))
    os.exit(3, false)
  end
end

-- The units not committed yet, in random order.
local function waiting()
  local done, left = {}, {}
  if not again then
    for _, row in ipairs(L.db:rows([[SELECT u.uid FROM units u JOIN allocations a ON a.unit_id = u.id
        WHERE a.state = 'committed' AND u.uid >= ? AND u.uid <= ?]], uid(first), uid(last))) do
      done[row.uid] = true
    end
  end
  again = nil
  for n = first, last do
    if not done[uid(n)] then table.insert(left, math.random(#left + 1), n) end
  end
  return left
end

repeat
  local left = waiting()
  for _, n in ipairs(left) do one_unit(n) end
until #left == 0
L:close()
