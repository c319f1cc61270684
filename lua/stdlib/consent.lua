--- Consent to what cannot be undone: --yes, or a word typed on a terminal. Nobody there: refused.
local stlua = require "stlua"
local errors = require "stlua.errors"

local M = {}

--- Return only if a person agrees. What will be lost was printed before.
---@param session stlua.Session
---@param request { word: string, is_given: boolean, what: string, hint: string? }
function M.need(session, request)
  if request.is_given then return end
  local hint = request.hint or "add --yes if that is what you want"
  if not stlua.is_terminal "stdin" or session.out.is_json then
    errors.raise("refused", hint, "%s, and nobody has agreed to it", request.what)
  end
  session.out.progress:finish()
  io.stderr:write(("%s. Type `%s` to go on: "):format(request.what:gsub("^%l", string.upper), request.word))
  io.stderr:flush()
  local answer = io.stdin:read("l")
  stlua.interrupt()
  if answer ~= request.word then errors.raise("refused", hint, "not agreed: nothing was changed") end
end

return M
