--- Waiting: for a probe to be plugged in, for a target to answer or to leave. A signal ends it.
local stlua = require "stlua"
local errors = require "stlua.errors"

local M = {}

local poll_s = 0.1
local settle_s = 2 -- udev sets the rights of a device some time after it has appeared

--- What may pass by itself; anything else is for the caller.
local is_absent = { no_probe = true, probe_gone = true }
local silence = { no_target = true, dap_fault = true, dap_wait = true }

local function is_silence(err) return errors.is_error(err) and silence[err.code] or false end

--- Open a probe as soon as there is one.
---@param open fun(): stlua.Probe
---@param say fun(text: string)
---@return stlua.Probe
function M.wait_for_probe(open, say)
  local is_told, refused_s = false, nil
  while true do
    local ok, probe = pcall(open)
    if ok then return probe end
    local is_settling = errors.is_error(probe) and probe.code == "permission" and is_told
    if is_settling then refused_s = refused_s or stlua.monotonic() end
    local may_pass = errors.is_error(probe) and is_absent[probe.code]
      or is_settling and stlua.monotonic() - refused_s < settle_s
    if not may_pass then error(probe, 0) end
    if not is_told then say(("waiting for a probe: %s"):format(probe.cause)) end
    is_told = true
    stlua.sleep(poll_s)
    stlua.interrupt()
  end
end

local function answers(probe)
  probe:enter()
  probe:read_dpidr()
end

--- True if a target answers on SWD. It is not halted, and debug mode is left again. Where `may_reset`, one that
--- is silent is tried once more with nRST low: it may sleep, or have its SWD pins in use.
--- Raises what is not the target's fault.
---@param probe stlua.Probe
---@param may_reset boolean
---@return boolean
---@return stlua.Error? why not
function M.is_target_there(probe, may_reset)
  local ok, why = pcall(answers, probe)
  if not ok and may_reset and is_silence(why) then
    ok = pcall(function()
      probe:nrst(true)
      answers(probe)
    end)
    pcall(probe.nrst, probe, false)
  end
  pcall(probe.exit, probe)
  if not ok and not is_silence(why) then error(why, 0) end
  return ok, not ok and why or nil
end

--- Return when a target answers.
---@param probe stlua.Probe
---@param may_reset boolean
---@param say fun(text: string)
function M.wait_for_target(probe, may_reset, say)
  local is_told = false
  while true do
    stlua.interrupt()
    local is_there, why = M.is_target_there(probe, may_reset)
    if is_there then return end
    if not is_told then say(("waiting for a target: %s"):format(why.cause)) end
    is_told = true
    stlua.sleep(poll_s, probe)
  end
end

return M
