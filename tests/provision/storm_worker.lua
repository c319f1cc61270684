-- One station of the storm: stlua storm_worker.lua LEDGER JOB FOLDER SEED BOARD ...
-- Provisions each board (FOLDER/BOARD.sim) once. Probes are unplugged, supplies cut, contacts lost, and the process
-- ends in the middle of a step without any goodbye.
local ledgers = require "stlua.ledger"
local jobs = require "stlua.job"
local lfs = require "lfs"
local provision = require "stlua.provision"
local sim = require "stlua.sim"

local where, job_file, folder, seed = arg[1], arg[2], arg[3], tonumber(arg[4])
math.randomseed(seed)

local job = jobs.load(job_file)
local ledger = ledgers.open(where, { busy_timeout_ms = 20000, busy_tries = 5, station = "seed " .. seed,
  vault_key_file = where .. ".key" })

local faults = { "fault usb disconnect at %d", "fault op cut %d", "fault lost-reply at %d", "fault ack none %d" }
local steps = provision.steps(job)

local function one_board(name)
  local session <close> = sim.session { board = "rak811", keys = { state = ("%s/%s.sim"):format(folder, name) } }
  local is_open = session.probe:is_open()
  if is_open and math.random() < 0.4 then session.probe:admin(faults[math.random(#faults)]:format(math.random(120))) end
  local fatal = math.random() < 0.15 and steps[math.random(#steps)]
  local outcome = provision.run(session, job, { ledger = ledger, on_step = function(step, state)
    if step == fatal and (state == "start") == (seed % 2 == 0) then os.exit(9, false) end
  end })
  local code = outcome.error and outcome.error.code
  if code == "script" or code == "internal" or outcome.ledger_error then
    io.stderr:write("worker ", seed, ": ", tostring(outcome.ledger_error or outcome.error), "\n")
    os.exit(3, false)
  end
  if outcome.result == "pass" then lfs.mkdir(("%s/%s.done"):format(folder, name)) end
end

for i = 5, #arg do one_board(arg[i]) end
