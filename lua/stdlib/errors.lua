--- Errors as values: { code, message, hint, cause, context }. Scripts test err.code, never the text.
local memory = require "stlua.memory"
local stlua = require "stlua"

local M = {}

---@param code string one of stlua.codes
---@param hint string? what the user can do about it
---@param format string
---@return stlua.Error
function M.new(code, hint, format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  return stlua.error { code = code, message = message, hint = hint }
end

--- Raise a new error.
function M.raise(code, hint, format, ...) error(M.new(code, hint, format, ...), 0) end

--- Is this one of our error values, from C or from Lua?
function M.is_error(err) return type(err) == "table" and type(err.code) == "string" and err.message ~= nil end

--- An error of the identity and ledger modules, whose frames stand beside its message, as one whose
--- message is the whole chain; anything else as it is.
function M.chained(err)
  if not M.is_error(err) or err.cause then return err end
  local message = err.message
  for _, frame in ipairs(err.context or {}) do message = frame .. ": " .. message end
  return stlua.error { code = err.code, message = message, hint = err.hint, context = err.context,
    cause = err.message, reason = err.reason, traceback = err.traceback }
end

--- An error value for whatever was raised; our own keep what they are.
---@param hint string? for a text that a script, a job or a hook has raised
---@return stlua.Error
function M.of(err, hint)
  if M.is_error(err) then return M.chained(err) end
  if memory.is_short(err) then
    return M.new("memory", "end other programs, or give this one more; what is unfinished, the next run repairs",
      "out of memory")
  end
  return M.new("script", hint, "%s", tostring(err))
end

--- Say what was being done: one frame wider.
function M.wrap(err, format, ...)
  if not M.is_error(err) then return err end
  err = M.chained(err)
  local frame = select("#", ...) > 0 and format:format(...) or format
  err.context = err.context or {}
  err.context[#err.context + 1] = frame
  err.message = frame .. ": " .. err.message
  return err
end

--- Run fn(...); what it raises gets one more frame of context and travels on.
function M.within(frame, fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  error(M.wrap(results[2], "%s", frame), 0)
end

--- Call fn(...) where an error is an answer, too: its result, or nil and the error. Ctrl-C, a lack of memory
--- and defects of the caller's own code travel on.
---@return any result
---@return stlua.Error? err
function M.attempt(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result, nil end
  if not M.is_error(result) or result.code == "interrupted" or memory.is_short(result) then error(result, 0) end
  return nil, result
end

return M
