--- Get hold of a chip whose firmware does not want to be debugged: it sleeps, or gives the SWD pins away right
--- after reset. One attempt tries normally and then under reset (core/dap/connect.c); this tries again and again,
--- while a person presses the reset button or switches the supply.
local errors = require "stlua.errors"
local stlua = require "stlua"

local M = {}

local pause_s = 0.02

local is_silence = { no_target = true, dap_wait = true, dap_fault = true, timeout = true, not_halted = true }

local advice = "press and release the board's reset button, several times; or power it with BOOT0 high, "
  .. "so that its firmware does not run"

-- Level 2 cannot be told from a wire that came off (facts sheet stm32l1, 3.8).
local function with_level2(err)
  err.hint = (err.hint and err.hint .. "; " or "") .. "a chip at RDP level 2 never answers again"
  return err
end

--- session.target, tried for up to wait_s seconds by the clock on the wall.
---@param session stlua.Session
---@param wait_s number 0: one attempt
---@return stlua.Target
function M.target(session, wait_s)
  local give_up_s, is_told = stlua.monotonic() + wait_s, false
  while true do
    local ok, found = pcall(function() return session.target end)
    if ok then
      session:hear(true)
      return found
    end
    if not errors.is_error(found) or not is_silence[found.code] then error(found, 0) end
    if stlua.monotonic() >= give_up_s then error(with_level2(found), 0) end
    if not is_told then session:warn("no answer yet: %s", advice) end
    is_told = true
    session:hear(false)
    local dap = rawget(session, "dap")
    if dap then dap:close() end
    session.dap = nil
    stlua.interrupt()
    stlua.sleep(pause_s)
  end
end

return M
