--- No memory: what Lua says then is a text and none of our errors, and no answer to whatever was being tried.
--- Where a pcall turns "it cannot be done" into a result, that is not the result.
local M = {}

local saying = "not enough memory" -- Lua's own; `require` and tracebacks put words around it

--- Does this error, of Lua or of ours, say that the host has no memory left?
function M.is_short(err)
  if type(err) == "table" then return err.code == "memory" end
  return type(err) == "string" and err:find(saying, 1, true) ~= nil
end

local function pass_on(ok, ...)
  if not ok and M.is_short((...)) then error((...), 0) end
  return ok, ...
end

--- pcall for errors that are an answer: a lack of memory travels on.
function M.pcall(fn, ...) return pass_on(pcall(fn, ...)) end

return M
