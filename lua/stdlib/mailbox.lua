--- A mailbox in target RAM through which a debugger gives firmware work; tests/firmware/selftest.h is one.
--- Six words: magic, command, argument[2], result, done. The host waits for magic, writes the arguments,
--- done = 0 and then command; the firmware writes result, then done, and last command = 0.
local errors = require "stlua.errors"
local wait = require "stlua.wait"

---@class stlua.Mailbox
---@field session stlua.Session
---@field addr integer
local Mailbox = {}
Mailbox.__index = Mailbox

local M = {}

local offset = { magic = 0, command = 4, argument = 8, result = 16, done = 20 }
local done_ok = 1

local default_magic = 0x54534554 -- "TEST"

local function pc_text(session)
  local ok, pc = pcall(function()
    session.dap:halt()
    local at = session.dap:read_reg "pc"
    session.dap:run()
    return at
  end)
  return ok and (", PC 0x%08X"):format(pc) or ""
end

--- The mailbox at addr, once the running firmware has written its magic. Raises: self_test.
---@param session stlua.Session
---@param options { addr: integer, magic: integer?, time_limit_s: number? }
---@return stlua.Mailbox
function M.open(session, options)
  local magic, time_limit_s = options.magic or default_magic, options.time_limit_s or 2
  local found
  if not wait.until_true(session, time_limit_s, function()
    found = session.dap:read32(options.addr + offset.magic)
    return found == magic
  end) then
    errors.raise("self_test", "does this firmware have the mailbox, and does it start? `stlua reset` tells",
      "no mailbox at 0x%08X after %.1f s: 0x%08X stands there, not 0x%08X%s", options.addr, time_limit_s, found, magic,
      pc_text(session))
  end
  return setmetatable({ session = session, addr = options.addr }, Mailbox)
end

--- Make sure that what an earlier run left is not taken for an answer. The core is halted.
---@param session stlua.Session
---@param addr integer
function M.forget(session, addr) session.dap:write32(addr, { 0, 0, 0, 0, 0, 0 }) end

--- Have the firmware do something. Raises: self_test (no answer in time, or it refuses).
---@param command integer
---@param arguments integer[]? up to two words
---@param time_limit_s number?
---@return integer result
function Mailbox:call(command, arguments, time_limit_s)
  local dap, session = self.session.dap, self.session
  arguments, time_limit_s = arguments or {}, time_limit_s or 2
  dap:write32(self.addr + offset.argument, { arguments[1] or 0, arguments[2] or 0, 0, 0 }) -- and result, done
  dap:write32(self.addr + offset.command, command)
  local words
  if not wait.until_true(session, time_limit_s, function()
    words = dap:read32(self.addr, 6)
    return words[2] == 0 and words[6] ~= 0
  end) then
    errors.raise("self_test", nil, "no answer to command %d within %.1f s%s", command, time_limit_s, pc_text(session))
  end
  if words[6] ~= done_ok then
    errors.raise("self_test", "the firmware knows no such command, or an argument is out of range",
      "the firmware refuses command %d (%s)", command, table.concat(arguments, ", "))
  end
  return words[5]
end

return M
