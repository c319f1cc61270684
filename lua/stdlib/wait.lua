--- Waiting for something on the target, in the time the probe lives in.
local stlua = require "stlua"

local M = {}

local least_looks = 20 -- a slow host is no dead firmware: so often at least, then the time counts
local pause_s = 0.002

--- Until is_there() is true; false when the time is up.
---@param session stlua.Session
---@param time_limit_s number
---@param is_there fun(): boolean
---@return boolean
function M.until_true(session, time_limit_s, is_there)
  local give_up_s, looks = session:now_s() + time_limit_s, 0
  while not is_there() do
    looks = looks + 1
    if looks >= least_looks and session:now_s() > give_up_s then return false end
    stlua.interrupt()
    stlua.sleep(pause_s, session.probe)
  end
  return true
end

return M
