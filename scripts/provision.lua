--- Provision one unit by a job.
local errors = require "stlua.errors"
local job_ledger = require "stlua.job_ledger"
local jobs = require "stlua.job"
local provision = require "stlua.provision"

local function named(outcome)
  return (outcome.serial and "serial " .. outcome.serial .. ", " or "") .. "unit " .. (outcome.uid or "unknown")
end

-- What --json gives of a unit.
local function object(outcome)
  local result = {}
  for name, value in pairs(outcome) do
    if type(value) ~= "table" or not errors.is_error(value) then result[name] = value end
  end
  return result
end

-- The error of a unit that failed, with the unit and what became of its number.
local function failure(outcome)
  local err = errors.wrap(outcome.error, "%s", named(outcome))
  local fate = outcome.ledger_error and ("%s (%s)"):format(outcome.fate, outcome.ledger_error.message) or outcome.fate
  if fate then err.hint = err.hint and ("%s; %s"):format(err.hint, fate) or fate end
  err.report = object(outcome)
  return err
end

local function verdict(outcome, job)
  if outcome.result == "dry_run" then return "dry run, nothing written, no number taken" end
  local steps = {}
  if job.self_test then steps[#steps + 1] = "tested" end
  if job.lock and job.lock.rdp_level then steps[#steps + 1] = ("locked at RDP level %d"):format(job.lock.rdp_level) end
  return ("PASS, %s: written, verified%s in %.2f s (flash itself %.2f s)"):format(named(outcome),
    #steps > 0 and ", " .. table.concat(steps, ", ") or "", outcome.elapsed_s, outcome.flash_time_us / 1e6)
end

return {
  summary = "Provision one unit: identity, firmware, CRC, options, self-test, lock, record",
  description = "JOB is a Lua file; scripts/jobs/ has examples. It is checked completely before a probe is opened.",
  args = {
    { "job", type = "path", help = "the job's file, or its name in ./stlua/jobs or on STLUA_PATH" },
    { "--ledger", metavar = "PATH|URL", help = "default: $STLUA_LEDGER, then what the job says" },
    { "--operator", metavar = "NAME", help = "for the record" },
    { "--station", metavar = "NAME", help = "for the record" },
    { "--serial", metavar = "TEXT", help = "what is on the label: taken for input, compared otherwise" },
    { "--irreversible", type = "flag", help = "consent to RDP level 2, if the job asks for it" },
    { "--check", type = "flag", help = "only check the job; no probe and no ledger are opened" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local job = jobs.load(args.job)
    if args.check then
      return ("job %s is sound: %s"):format(job.name, table.concat(provision.steps(job), ", ")), { steps = provision.steps(job) }
    end
    local ledger <close> = job_ledger.open_for(job, { ledger = args.ledger, station = args.station,
      read_only = session.is_dry_run or nil })
    local outcome = provision.run(session, job, { ledger = ledger, operator = args.operator, station = args.station,
      serial_input = args.serial, irreversible = args.irreversible, dry_run = session.is_dry_run,
      on_step = function(name, state) session.out:detail("%s: %s", name, state) end })
    if outcome.error then error(failure(outcome), 0) end
    if outcome.label then session:say("%s", outcome.label) end
    for _, note in ipairs(outcome.notes or {}) do session:say("note: %s", note) end
    return verdict(outcome, job), object(outcome)
  end,
}
