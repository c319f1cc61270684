--- Is there a board on the probe? Asked cheaply and often: the supply, then DPIDR. A board counts as there,
--- or as gone, when the answer has been the same several times running: pogo pins bounce.
local errors = require "stlua.errors"
local stlua = require "stlua"

local M = {}

local poll_s = 0.1
local steady_count = 3
local least_supply_mv = 1650 -- STM32L1 data sheets: VDD with BOR off
local patience_s = 2 -- a board that has just been powered and does not answer by then is a case for the report

-- Codes that mean that nothing sound answers; all others are the probe's own trouble.
local is_silence = { no_target = true, dap_wait = true, dap_fault = true, timeout = true, not_halted = true }

-- The supply in mV; nil where the probe cannot measure.
local function supply_mv(probe)
  local ok, mv = pcall(probe.voltage_mv, probe)
  if ok then return mv end
  if errors.is_error(mv) and mv.code == "unsupported" then return nil end
  error(mv, 0)
end

local function read_dpidr(probe)
  local ok, value = pcall(function()
    probe:enter()
    local dpidr = probe:read_dpidr()
    probe:exit()
    return dpidr
  end)
  if not ok then
    if errors.is_error(value) and is_silence[value.code] then return nil end
    error(value, 0)
  end
  return value ~= 0 and value ~= 0xFFFFFFFF and value or nil
end

--- One look. Raises what the probe itself does: probe_gone, usb.
---@param probe stlua.Probe
---@return { supply_mv: integer?, is_powered: boolean, dpidr: integer? }
function M.look(probe)
  local mv = supply_mv(probe)
  local is_powered = mv == nil or mv >= least_supply_mv
  return { supply_mv = mv, is_powered = is_powered, dpidr = is_powered and read_dpidr(probe) or nil }
end

---@class stlua.ContactOptions
---@field poll_s number?
---@field pause fun(seconds: number)? stlua.sleep

local function pause(options) (options.pause or stlua.sleep)(options.poll_s or poll_s) end

--- Wait until a board makes contact. "supply": it was powered while we looked, and has not answered since.
---@param probe stlua.Probe
---@param options stlua.ContactOptions?
---@return "contact"|"supply" by what it was noticed
function M.wait_for_board(probe, options)
  options = options or {}
  local last_dpidr, count, was_off, powered_count = nil, 0, false, 0
  local patience_count = patience_s / (options.poll_s or poll_s)
  while true do
    local look = M.look(probe)
    count = look.dpidr and (look.dpidr == last_dpidr and count + 1 or 1) or 0
    last_dpidr = look.dpidr
    if count >= steady_count then return "contact" end
    was_off = was_off or not look.is_powered
    powered_count = look.is_powered and was_off and not look.dpidr and powered_count + 1 or 0
    if powered_count >= patience_count then return "supply" end
    stlua.interrupt()
    pause(options)
  end
end

--- Wait until the board has left. One whose firmware switches SWD off counts as gone, too; it does not come
--- back by itself, since it does not answer.
---@param probe stlua.Probe
---@param options stlua.ContactOptions?
function M.wait_until_gone(probe, options)
  options = options or {}
  local count = 0
  while true do
    local look = M.look(probe)
    count = look.dpidr and 0 or count + 1
    if count >= steady_count then return end
    stlua.interrupt()
    pause(options)
  end
end

return M
