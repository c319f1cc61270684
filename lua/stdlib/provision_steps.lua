--- The steps of provisioning, in order. Each takes the run and raises what goes wrong; stlua.provision
--- does the recording.
local errors = require "stlua.errors"
local identity = require "stlua.identity"
local job_identity = require "stlua.job_identity"
local labels = require "stlua.job_label"
local option_bytes = require "stlua.option_bytes"
local plans = require "stlua.provision_plan"
local previews = require "stlua.ledger_preview"
local protect = require "stlua.protect"
local selftest = require "stlua.selftest"
local targets = require "stlua.targets"

local M = {}

local order = { "contact", "before", "reserve", "build", "unlock", "flash", "option_bytes", "self_test", "verify", "label", "lock",
  "prove", "commit" }
local dry_order = { "contact", "reserve", "build", "show" }

-- Steps a job may do without.
local needs = {
  before = function(job) return job.before end,
  option_bytes = function(job) return job.option_bytes end,
  self_test = function(job) return job.self_test end,
  label = function(job) return job.label end,
  lock = function(job) return job.lock end,
  prove = function(job) return job.lock end,
}

--- The names of a job's steps.
---@param job stlua.Job
---@param options { dry_run: boolean? }?
---@return string[]
function M.order(job, options)
  local list = {}
  for _, name in ipairs(options and options.dry_run and dry_order or order) do
    if not needs[name] or needs[name](job) then list[#list + 1] = name end
  end
  return list
end

-- ---- who is there ----

local function probe_name(session)
  local info = session.probe:info()
  return info.serial ~= "" and ("%s %s"):format(info.port, info.serial) or info.port
end

-- Read from the chip now, not from what the session remembers: the cable may be on another board.
local function check_same_unit(run)
  local uid = targets.read_uid(run.session.dap, run.session.target)
  if uid == run.outcome.uid then return end
  errors.raise("wrong_target", "was the cable moved? do both boards again", "the UID is %s now, and was %s", uid,
    run.outcome.uid)
end

function M.contact(run)
  local session = run.session
  run.probe_name = probe_name(session)
  run.outcome.uid = identity.uid(session.uid) -- all zeros or ones is a failed read, not a chip
  check_same_unit(run) -- a contact that gives two answers is none
  session:need_halted()
  run.status = session.nvm:status()
end

function M.before(run) run.job.before(run.public_unit()) end

-- ---- identity ----

local function is_known(run)
  local ledger = run.options.ledger
  return ledger and #ledger:find { product = run.job.product_name, uid = run.outcome.uid } > 0
end

-- Known before a number is spent: may this chip be opened?
local function check_unlock(run)
  local level = run.status.rdp_level
  if level == 0 then return end
  if level == 2 then errors.raise("read_protected", "this chip stays as it is", "RDP level 2 cannot be opened") end
  local unlock = run.job.unlock
  if unlock == "always" or (unlock == "returning" and is_known(run)) then return end
  errors.raise("read_protected", unlock and "the ledger has never seen this unit; `stlua unlock` erases it"
    or '`stlua unlock` erases the chip; unlock = "returning" or "always" in the job lets it do so',
    "RDP level 1 (byte 0x%02X): the chip is locked, and opening it erases flash and data EEPROM", run.status.rdp_byte)
end

local function unit_without_ledger(run)
  return { uid = run.outcome.uid, fields = {}, secrets = {}, key_origins = {}, is_returning = false }
end

local function reserve(run)
  local job, options = run.job, run.options
  if options.dry_run then return previews.unit(options.ledger, job.product, run.outcome.uid, options.serial_input) end
  if not options.ledger then return unit_without_ledger(run) end
  run.unit = options.ledger:reserve { product = job.product_name, uid = run.outcome.uid, station = options.station,
    operator = options.operator, serial = options.serial_input, keys = job.keys and job.keys(run.public_unit()), probe = run.probe_name,
    slot = options.slot, firmware_sha256 = job.firmware_sha256, job_sha256 = job.sha256 }
  return run.unit
end

function M.reserve(run)
  check_unlock(run)
  local unit, outcome = reserve(run), run.outcome
  outcome.serial, outcome.is_returning, outcome.keys = unit.serial, unit.is_returning, unit.key_origins or {}
  outcome.identity = job_identity.public(unit)
  run.job_unit = { uid = unit.uid, serial = unit.serial, fields = job_identity.public(unit), secrets = unit.secrets,
    is_returning = unit.is_returning, operator = run.options.operator, station = run.options.station,
    slot = run.options.slot, job = run.job.name }
end

function M.build(run) run.image, run.stamped = run.job:image(run.job_unit) end

-- ---- what is written ----

function M.unlock(run)
  if run.status.rdp_level == 0 and not run.status.has_option_error then return end
  protect.unlock(run.session, { mass_erase = run.status.rdp_level == 1 })
end

local function plan_image(run)
  return run.session:plan(run.image, { erase_all = run.job.erase_all, erase_eeprom = run.job.erase_eeprom })
end

-- Sectors that the job itself protects are opened first: the unit has been here before.
local function plan_anew(run, err)
  local is_ours = (run.job.option_bytes or {}).WRP or (run.job.lock or {}).wrp
  if not is_ours or not errors.is_error(err) or err.code ~= "write_protected" then error(err, 0) end
  run.session:set_option_bytes { wrp = option_bytes.wrp_words({}, run.session.target) }
  return plan_image(run)
end

function M.flash(run)
  local ok, plan = pcall(plan_image, run)
  if not ok then plan = plan_anew(run, plan) end
  local closing <close> = plan
  plans.show(run, closing)
  run.report = run.session:apply(closing)
  run.outcome.flash_time_us = run.report.flash_time_us
end

--- Dry run: everything a unit would get, and nothing of it done.
function M.show(run)
  if run.status.rdp_level > 0 then return plans.show(run, nil) end
  local plan <close> = plan_image(run)
  plans.show(run, plan)
  run.outcome.flash_time_us = plan:totals().flash_time_us
end

function M.option_bytes(run)
  local session, spec, status = run.session, run.job.option_bytes, run.session.nvm:status()
  local is_sound = status.option_words[2].is_good
  local byte = option_bytes.user_byte(is_sound and status.user_byte or session.target.variant.user_default, spec,
    session.target, session.supply_mv)
  local values = { user_byte = byte }
  if spec.WRP then values.wrp = option_bytes.wrp_words(option_bytes.sectors(spec.WRP, session.target), session.target) end
  session:set_option_bytes(values)
  run.options_written = { USER = ("0x%02X"):format(byte), WRP = spec.WRP and option_bytes.sectors_text(
    option_bytes.sectors(spec.WRP, session.target)) }
end

-- ---- what is proved ----

function M.self_test(run)
  local ok, taken = pcall(selftest.run, run.session, run.job.self_test, run.job.firmware)
  run.outcome.measurements = ok and taken or errors.is_error(taken) and taken.measurements or nil
  if not ok then error(taken, 0) end
end

-- The firmware has run: what it may have changed is left out, the rest is proved again with the core halted.
local function verify_again(run)
  local session = run.session
  local expected <close> = run.image:copy()
  for _, range in ipairs(run.job.volatile) do expected:cut(range.addr, range.byte_count) end
  session:verify(expected)
end

function M.verify(run)
  check_same_unit(run)
  if run.job.self_test then verify_again(run) end
end

function M.label(run) run.outcome.label = labels.make(run.job, run.outcome.identity) end

function M.lock(run)
  local report = protect.lock(run.session, run.job.lock, { irreversible = run.options.irreversible })
  run.options_written = run.options_written or {}
  run.options_written.RDP = report.rdp_level
  if report.wrp_sectors then run.options_written.WRP = option_bytes.sectors_text(report.wrp_sectors) end
end

function M.prove(run)
  local findings = protect.prove(run.session, run.job.lock)
  run.outcome.notes = findings.notes
  if not findings.is_debug_port_silent then check_same_unit(run) end
end

function M.commit(run)
  if not run.unit then return end
  run.unit:commit(run:result())
end

return M
