--- Provision one unit by a job: an identity from the ledger, the image, option bytes, self-test, lock, and a
--- record of how it ended. The order is that of production practice: what identifies comes before what is
--- written, the self-test before the lock, the proof before the commit; PASS is said after the commit only.
local errors = require "stlua.errors"
local identity = require "stlua.identity"
local steps = require "stlua.provision_steps"
local stlua = require "stlua"

--- The names of the steps a job's units go through, in order: M.steps(job [, { dry_run = true }]).
local M = { steps = steps.order }

---@class stlua.ProvisionOptions
---@field ledger stlua.Ledger? opened; see stlua.job_ledger
---@field operator string?
---@field station string?
---@field slot string? of a gang, for the record
---@field serial_input string? what the operator scanned
---@field irreversible boolean? consent to RDP level 2, if the job says so, too
---@field dry_run boolean? show the plan, write and reserve nothing
---@field on_step fun(name: string, state: "start"|"done"|"failed")?

---@class stlua.Outcome
---@field result "pass"|"fail"|"dry_run"
---@field serial string?
---@field uid string?
---@field identity table<string, string> public fields only
---@field keys table<string, string> where each key came from, by name: "new", "restored", "renewed"
---@field is_returning boolean
---@field error stlua.Error? why it failed
---@field failed_step string?
---@field fate string? what became of the serial number of a unit that failed
---@field ledger_error stlua.Error? the ledger could not record how it ended
---@field hook_error stlua.Error? after_pass or after_fail went wrong, after everything was recorded
---@field durations_s table<string, number> by step, in the time of the probe
---@field elapsed_s number
---@field flash_time_us integer what the flash itself needed
---@field measurements table? of the self-test
---@field label string?
---@field notes string[]? of the proof of the lock, for people

local function as_error(err) return errors.of(err, "the line is the job's own, or a hook's") end

-- No key leaves in a message, whatever a job's function has put into it.
local function scrub(err, secrets)
  for _, field in ipairs { "message", "hint", "cause" } do
    if err[field] then err[field] = identity.scrub(err[field], secrets) end
  end
  for i, frame in ipairs(err.context or {}) do err.context[i] = identity.scrub(frame, secrets) end
  return err
end

-- The probe's clock does not jump; when the probe has gone it has stopped.
local function now_s(run)
  if run.session:is_probe_open() then
    local ok, value = pcall(run.session.now_s, run.session)
    if ok then run.last_s = value end
  end
  return run.last_s or 0
end

local function report(run, name, state)
  if run.options.on_step then run.options.on_step(name, state) end
end

local function do_step(run, name)
  if name == "contact" then run.session.probe:is_open() end -- opened now, so that its clock runs
  local start_s = now_s(run)
  run.start_s = run.start_s or start_s
  run.outcome.failed_step = name
  report(run, name, "start")
  stlua.interrupt()
  errors.within(name, steps[name], run)
  run.outcome.durations_s[name] = now_s(run) - start_s
  run.outcome.failed_step = nil
  report(run, name, "done")
end

local function fate_of(run)
  local unit = run.unit
  if not unit then return "no serial number was taken" end
  local name = unit.serial and "serial " .. unit.serial or "the identity"
  for _, row in ipairs(run.options.ledger:find { product = run.job.product_name, uid = unit.uid }) do
    if row.serial == unit.serial and row.is_retired then return name .. " is retired: it is given to no unit again" end
  end
  return ("%s stays with unit %s: its next attempt gets it again"):format(name, unit.uid)
end

local function record(run, err)
  local ledger = run.options.ledger
  if run.unit then return run.unit:void(err, run:result()) end
  ledger:record_attempt { product = run.job.product_name, uid = run.outcome.uid, result = "fail", error = err,
    station = run.options.station, operator = run.options.operator, details = run:result() }
end

-- A unit went wrong: its serial's fate goes into the ledger before anybody hears of it.
local function settle(run, err)
  local outcome, ledger = run.outcome, run.options.ledger
  if run.unit then scrub(err, run.unit.secrets) end
  outcome.result, outcome.error, outcome.elapsed_s = "fail", err, now_s(run) - (run.start_s or 0)
  if not ledger then return end
  local ok, why = pcall(record, run, err)
  if ok then ok, why = pcall(fate_of, run) end
  if ok then
    outcome.fate = why
  else
    outcome.ledger_error = as_error(why)
    outcome.fate = run.unit and ("the ledger could not record it; the reservation of %s for unit %s stands"):format(
      run.unit.serial or "its identity", run.unit.uid) or "the ledger could not record it"
    if run.unit then run.unit:abandon() end
  end
end

-- A ledger that is of no use to the next unit either.
local unusable = { gone = true, full = true, read_only = true, damaged = true, no_schema = true }

local function is_unusable(run, err)
  return run.outcome.failed_step == "reserve" and errors.is_error(err) and unusable[err.reason or ""]
end

local function call_hook(run, name)
  local hook = run.job[name]
  if not hook then return end
  local ok, err = pcall(hook, run.public_unit(), run.outcome)
  if ok then return end
  run.outcome.hook_error = errors.wrap(as_error(err), "%s", name)
  run.session:warn("%s", run.outcome.hook_error.message)
end

local function check_usable(session, job, options)
  local ledger = options.ledger
  if not ledger and next(job.identity) and not options.dry_run then
    errors.raise("argument", "open it with stlua.job_ledger", "job %s gives units an identity: it needs its ledger", job.name)
  end
  if job.lock and job.lock.rdp_level == 2 and not options.irreversible and not options.dry_run then
    errors.raise("refused", "--irreversible consents, if that is what the product needs",
      "job %s sets RDP level 2, which is for ever", job.name)
  end
  local named = session.options.board
  if named and session.board.name ~= job.board.name then
    errors.raise("argument", "leave --board out: the job names it", "job %s is for board %s, not %s", job.name,
      job.board.name, session.board.name)
  end
  if not session:is_probe_open() then rawset(session, "board", job.board) end
end

local function new_run(session, job, options)
  local outcome = { identity = {}, keys = {}, durations_s = {}, elapsed_s = 0, flash_time_us = 0, is_returning = false }
  local run = { session = session, job = job, options = options, outcome = outcome }
  function run.public_unit()
    return { uid = outcome.uid, serial = outcome.serial, fields = outcome.identity, is_returning = outcome.is_returning,
      operator = options.operator, station = options.station, slot = options.slot, job = job.name }
  end
  --- What the ledger keeps of this attempt.
  function run:result()
    local durations_ms = {}
    for name, seconds in pairs(outcome.durations_s) do durations_ms[name] = seconds * 1000 end
    return { firmware_sha256 = job.firmware_sha256, job_sha256 = job.sha256, probe = self.probe_name, slot = options.slot,
      durations_ms = durations_ms, duration_ms = math.max(0, now_s(self) - (self.start_s or 0)) * 1000,
      measurements = outcome.measurements, options_written = self.options_written }
  end
  return run
end

--- Provision the unit behind a session. What goes wrong with it is in the outcome, and in the ledger.
--- Raises only when job or ledger are of no use: argument, refused (RDP level 2), and what a lost ledger raises
--- when the unit's identity is to be reserved.
---@param session stlua.Session not connected yet, or connected to the board the job is for
---@param job stlua.Job
---@param options stlua.ProvisionOptions?
---@return stlua.Outcome
function M.run(session, job, options)
  options = options or {}
  check_usable(session, job, options)
  if next(job.product.keys) then stlua.forbid_core_dumps() end
  local run = new_run(session, job, options)
  local ok, err = pcall(function()
    for _, name in ipairs(steps.order(job, options)) do do_step(run, name) end
  end)
  if run.image then run.image:close() end
  local outcome = run.outcome
  if not ok then
    if is_unusable(run, err) then error(as_error(err), 0) end
    report(run, outcome.failed_step, "failed")
    settle(run, as_error(err))
    call_hook(run, "after_fail")
    return outcome
  end
  outcome.elapsed_s = now_s(run) - run.start_s
  outcome.result = options.dry_run and "dry_run" or "pass"
  if not options.dry_run then call_hook(run, "after_pass") end
  return outcome
end

return M
