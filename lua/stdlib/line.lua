--- The line: wait for a board, provision it, wait until it has left, the next one; hands-free.
--- What happens is told as events, tables with a field `event`:
---   waiting { n }            put board n in              found { n, by }        it makes contact
---   step { step, state }     of provisioning             uid { uid }            the chip has said who it is
---   unit { stlua.LineUnit }  done                        retry { code, message } bad contact: once more
---   leaving { n }            take it out                 probe_lost { message } plug the probe in again
local contact = require "stlua.line_contact"
local errors = require "stlua.errors"
local line_report = require "stlua.line_report"
local provision = require "stlua.provision"
local sessions = require "stlua.session"
local stlua = require "stlua"

local M = {}

---@class stlua.LineOptions
---@field job stlua.Job
---@field ledger stlua.Ledger?
---@field session stlua.SessionOptions for each unit; {n} in `probe` is the number of the unit
---@field count integer? units to do; nil: until Ctrl-C
---@field most_fails integer? in a row, then the line stops
---@field retries integer? how often a board is tried again whose contact was bad; 0
---@field operator string?
---@field station string?
---@field slot string?
---@field irreversible boolean?
---@field scan fun(): string? what is on the next board's label; nil ends the line
---@field on_event fun(event: table)
---@field contact stlua.ContactOptions?

local probe_retry_s = 1

-- What the probe, not the board, is to blame for while we wait.
local is_probe_trouble = { no_probe = true, probe_gone = true, probe_busy = true, usb = true, protocol = true }

-- What pogo pins do: worth another attempt, which the ledger records as one.
local is_contact_trouble = { no_target = true, dap_wait = true, dap_fault = true, timeout = true, usb = true }

-- A simulated board of our own is a new one with each session: nobody has to take it out.
local function is_private_sim(selector) return selector ~= nil and selector:match "^sim:[^@]" ~= nil end

local function open_session(options, n)
  local copy = {}
  for key, value in pairs(options.session) do copy[key] = value end
  copy.probe = copy.probe and copy.probe:gsub("{n}", tostring(n))
  local session = sessions.new(copy)
  if not copy.board then session.board = options.job.board end
  return session
end

local function to_unit(outcome, n, slot)
  local err = outcome.error or {}
  return { event = "unit", n = n, slot = slot, result = outcome.result, serial = outcome.serial, uid = outcome.uid,
    code = err.code, message = err.message, hint = err.hint, step = outcome.failed_step, fate = outcome.fate,
    elapsed_s = outcome.elapsed_s, flash_time_us = outcome.flash_time_us, label = outcome.label,
    measurements = outcome.measurements, is_returning = outcome.is_returning }
end

-- Wait with a session of its own for the board before this one to leave, then for the next.
local function wait_for_board(session, options, n, state)
  local is_own = is_private_sim(session.options.probe)
  state.has_opened = session.probe:is_open() or state.has_opened
  local how = options.contact or {}
  if is_own then how = { pause = function(seconds) stlua.sleep(seconds, session.probe) end } end
  if n > 1 and not is_own then
    options.on_event { event = "leaving", n = n - 1 }
    contact.wait_until_gone(session.probe, how)
  end
  options.on_event { event = "waiting", n = n }
  options.on_event { event = "found", n = n, by = contact.wait_for_board(session.probe, how) }
end

local function provision_one(session, options, n, label)
  local is_named = false
  local outcome = provision.run(session, options.job, { ledger = options.ledger, operator = options.operator,
    station = options.station, slot = options.slot, irreversible = options.irreversible, serial_input = label,
    on_step = function(step, state)
      local uid = rawget(session, "uid")
      if uid and not is_named then
        is_named = true
        options.on_event { event = "uid", n = n, uid = uid }
      end
      options.on_event { event = "step", n = n, step = step, state = state }
    end })
  return to_unit(outcome, n, options.slot)
end

-- What the unit is has been decided; a probe that is lost now is the next contact's trouble.
local function let_go(session, options, n, unit)
  local ok, err = pcall(session.close, session)
  if ok or unit.result ~= "pass" then return end -- a failure has told its own reason
  if not errors.is_error(err) then error(err, 0) end
  options.on_event { event = "probe_lost", n = n, message = err.message, hint = err.hint }
end

-- The board again, on a connection of its own, as long as its contact is bad and there are attempts left.
local function provision_again(options, n, label, unit)
  for _ = 1, options.retries or 0 do
    if unit.result == "pass" or not is_contact_trouble[unit.code] then break end
    options.on_event { event = "retry", n = n, code = unit.code, message = unit.message }
    local session <close> = open_session(options, n)
    unit = provision_one(session, options, n, label)
    let_go(session, options, n, unit)
  end
  return unit
end

-- One unit; nil if the probe got lost while nothing was on it. One that was never there is an error.
local function one_unit(options, n, state)
  local label
  if options.scan then
    label = options.scan()
    if not label then return nil, true end
  end
  local session <close> = open_session(options, n)
  local ok, err = pcall(wait_for_board, session, options, n, state)
  if not ok then
    if not state.has_opened or not errors.is_error(err) or not is_probe_trouble[err.code] then error(err, 0) end
    options.on_event { event = "probe_lost", n = n, message = err.message, hint = err.hint }
    return nil
  end
  local unit = provision_one(session, options, n, label)
  let_go(session, options, n, unit)
  return provision_again(options, n, label, unit)
end

local function run(options, report)
  local n, fails_in_a_row, state = 1, 0, {}
  while not options.count or n <= options.count do
    local unit, is_end = one_unit(options, n, state)
    if is_end then return end
    if unit then
      report:add(unit)
      options.on_event(unit)
      if unit.code == "interrupted" then errors.raise("interrupted", "do this board again", "stopped on request") end
      fails_in_a_row = unit.result == "pass" and 0 or fails_in_a_row + 1
      if options.most_fails and fails_in_a_row >= options.most_fails then
        errors.raise(unit.code or "script", unit.hint, "the line stops: %d boards running have failed, the last one: %s",
          fails_in_a_row, unit.message)
      end
      n = n + 1
    else
      stlua.sleep(probe_retry_s)
    end
  end
end

--- Run the line. What stops it early is given back beside the report of what was done until then: Ctrl-C,
--- a ledger or a job that are of no use, a probe that was not there to begin with.
---@param options stlua.LineOptions
---@return stlua.LineReport
---@return stlua.Error? why it stopped before its time
function M.run(options)
  local report = line_report.new(stlua.monotonic())
  local ok, err = pcall(run, options, report)
  if ok then return report end
  return report, errors.of(err)
end

return M
