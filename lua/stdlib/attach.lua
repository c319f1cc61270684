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

-- Let go of the target, so that the next access attaches anew.
local function let_go(session)
  local nvm, dap = rawget(session, "nvm"), rawget(session, "dap")
  if nvm then nvm:close() end
  if dap then dap:close() end
  session.nvm, session.dap = nil, nil
end

--- fn(), again and again while nothing answers, for up to wait_s seconds by the clock on the wall. fn attaches,
--- and can be repeated.
---@param session stlua.Session
---@param wait_s number 0: one attempt
---@param fn function
function M.insist(session, wait_s, fn)
  local give_up_s, is_told = stlua.monotonic() + wait_s, false
  while true do
    local ok, result = pcall(fn)
    if ok then
      session:hear(true)
      if is_told then session:warn "the chip answers now: leave button and supply alone" end
      return result
    end
    if not errors.is_error(result) or not is_silence[result.code] then error(result, 0) end
    if stlua.monotonic() >= give_up_s then error(with_level2(result), 0) end
    if not is_told then session:warn("no answer: %s", advice) end
    is_told = true
    session:hear(false)
    let_go(session)
    stlua.interrupt()
    stlua.sleep(pause_s)
  end
end

return M
