--- Where other commands point to `stlua doctor`: the one place that knows for which errors it helps.
local M = {}

local offer = "`stlua doctor` looks for the cause"

-- What says that something is wrong, but seldom what: doctor is offered after any hint.
local obscure = { usb = true, protocol = true, no_target = true, dap_wait = true, dap_fault = true, not_halted = true,
  timeout = true, flash = true, loader = true, unknown_target = true }
-- What says itself what is wrong: doctor is offered where nothing else is.
local clear = { no_probe = true, ambiguous = true, permission = true, probe_busy = true, probe_gone = true,
  unsupported = true, wrong_target = true, read_protected = true, write_protected = true, option_bytes = true,
  verify = true }

--- The hint of an error, with doctor in it where that helps.
---@param err stlua.Error
---@param command string? doctor itself sends nobody to doctor
---@return string?
function M.with_doctor(err, command)
  local hint = err.hint
  if command == "doctor" or (hint and hint:find("stlua doctor", 1, true)) then return hint end
  if obscure[err.code] then return hint and hint .. "; " .. offer or offer end
  return hint or (clear[err.code] and offer or nil)
end

return M
