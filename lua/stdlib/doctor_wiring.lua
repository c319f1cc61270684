--- doctor, third stage: supply, SWD at several speeds, and nRST.
--- Source: facts/stm32l1 5.4 (reset and attach), 10.3; facts/stlink-protocol 5.3, 5.4.
local stlua = require "stlua"
local core = require "stlua.doctor_core"
local errors = require "stlua.errors"
local format = require "stlua.format"

local speeds_khz = { 1000000, 1800, 480, 125 } -- the first is "the fastest there is"
local under_reset_khz = { 480, 125 }
local leakage_mv = 500 -- what a probe measures where nothing is connected stays below it
local cpuid_addr, words_per_trial = 0xE000ED00, 16

local function voltage(exam, seen)
  seen.supply_mv = exam.session.supply_mv
  if seen.supply_mv then seen.is_supply_seen = seen.supply_mv >= leakage_mv end
  return seen.supply_mv and format.volts(seen.supply_mv) .. " as the probe reports it" or "this probe cannot measure it"
end

-- ---- SWD ----

local function read_words(dap)
  for _ = 1, words_per_trial do
    if dap:read32(cpuid_addr) ~= dap:info().cpuid then return false end
  end
  return true
end

--- One speed: does the debug port answer, and the bus behind it?
local function try_speed(exam, seen, khz)
  local trial = { swclk_khz = exam.probe:set_swclk(khz) }
  local _, entered = errors.attempt(exam.probe.enter, exam.probe)
  local dpidr, err = errors.attempt(exam.probe.read_dpidr, exam.probe)
  errors.attempt(exam.probe.exit, exam.probe)
  trial.dpidr = dpidr ~= 0 and dpidr ~= 0xFFFFFFFF and dpidr or nil
  trial.error = entered or err
  if not trial.dpidr or entered then return trial end
  local dap, connect_error = errors.attempt(exam.probe.connect, exam.probe, { mode = "hotplug", swclk_khz = khz })
  trial.error = connect_error
  if not dap then return trial end
  local state, state_error = errors.attempt(dap.state, dap)
  seen.first_state = seen.first_state or state
  local is_same, read_error = errors.attempt(read_words, dap)
  trial.is_good = is_same == true
  trial.error = state_error or read_error
  dap:close_halted() -- it stays as it was found
  return trial
end

local function trial_text(trial)
  local what = trial.is_good and "good" or trial.dpidr and "DPIDR only" or "silent"
  return ("%d kHz %s"):format(trial.swclk_khz, what)
end

local function swd(exam, seen)
  local most_khz = exam.session.options.speed or speeds_khz[1]
  local texts, last_khz = {}, nil
  seen.trials = {}
  for _, khz in ipairs(speeds_khz) do
    local trial = khz <= most_khz and try_speed(exam, seen, khz) or khz == speeds_khz[1] and try_speed(exam, seen, most_khz)
    if trial and trial.swclk_khz ~= last_khz then
      last_khz = trial.swclk_khz
      seen.trials[#seen.trials + 1], texts[#texts + 1] = trial, trial_text(trial)
      seen.dpidr = seen.dpidr or trial.dpidr
      if trial.is_good and not seen.swclk_khz then seen.swclk_khz = trial.swclk_khz end
      seen.swd_error = seen.swd_error or trial.error
    end
  end
  return table.concat(texts, ", ")
end

-- ---- attaching ----

local function attach_under_reset(exam, seen)
  local last_error
  for _, khz in ipairs(under_reset_khz) do
    local dap, err = errors.attempt(exam.probe.connect, exam.probe,
      { mode = "under-reset", swclk_khz = math.min(khz, exam.session.options.speed or khz) })
    if dap then
      exam.dap, seen.is_under_reset, seen.is_nrst_effective = dap, true, dap:info().is_nrst_effective
      return ("under reset, at %d kHz"):format(dap:info().swclk_khz)
    end
    last_error = err
  end
  seen.is_reset_in_vain = true
  error(seen.swd_error or last_error, 0)
end

local function attach_running(exam, seen)
  exam.dap = exam.probe:connect { mode = "hotplug", swclk_khz = seen.swclk_khz }
  exam.dap:state() -- S_RESET_ST is cleared by reading it, unless the reset lasts
  seen.is_reset_held = exam.dap:state().was_reset
  return ("hotplug, at %d kHz"):format(seen.swclk_khz)
end

-- As gently as it goes; under reset where nothing else answers, or where it was asked for.
local function attach(exam, seen)
  local is_answering, wants_reset = seen.swclk_khz ~= nil, exam.session.options.connect == "under-reset"
  if exam.may_reset and (wants_reset or not is_answering) then
    local text, err = errors.attempt(attach_under_reset, exam, seen)
    if text then return text end
    if not is_answering then error(err, 0) end
  end
  if is_answering then return attach_running(exam, seen) end
  if seen.swd_error then error(seen.swd_error, 0) end
  return "no answer", true
end

-- ---- nRST: the one check that disturbs ----

local function nrst(exam, seen)
  if seen.is_reset_held then return "held low by something else than the probe" end
  if seen.is_under_reset then -- attaching has tried it already
    return seen.is_nrst_effective and "pulled to attach, and the core was reset" or "pulled to attach, and nothing happened"
  end
  exam.dap:state()
  exam.probe:nrst(true)
  stlua.sleep(0.001, exam.probe)
  exam.probe:nrst(false)
  stlua.sleep(0.001, exam.probe)
  seen.is_nrst_effective = exam.dap:state().was_reset
  if not seen.is_nrst_effective then return "pulled, and nothing happened" end
  core.forget(exam)
  seen.was_reset = true
  return "pulled, and the core was reset"
end

return {
  checks = {
    { id = "wiring.voltage", title = "target voltage", needs = "probe", run = voltage },
    { id = "wiring.swd", title = "SWD", needs = "probe", run = swd },
    { id = "wiring.attach", title = "attaching", needs = "probe", run = attach },
    { id = "wiring.nrst", title = "nRST", needs = "reset", is_late = true, run = nrst },
  },
}
