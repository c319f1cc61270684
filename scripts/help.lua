--- `stlua help`, `stlua help COMMAND`, `stlua help exit-status`.
local arguments = require "stlua.arguments"
local exit_status = require "stlua.exit_status"
local errors = require "stlua.errors"
local nearest = require "stlua.nearest"
local path = require "stlua.path"
local strict = require "stlua.strict"

local function help_of(name)
  local text, where = path.find("script", name)
  if not text then
    errors.raise("usage", nearest.hint(name, path.names "script"), "there is no command `%s`", name)
  end
  local chunk, why = path.load(text, where, strict.environment())
  if not chunk then error(why, 0) end
  return arguments.parser(name, chunk()):get_help()
end

return {
  summary = "Explain a command, or the exit statuses",
  args = { { "topic", optional = true, help = "a command, or exit-status" } },

  ---@param session stlua.Session
  run = function(session, args)
    if not args.topic then
      session:say("%s", require("stlua.runner").help())
    elseif args.topic == "exit-status" then
      for _, line in ipairs(exit_status.lines()) do session:say("%s", line) end
    else
      session:say("%s", help_of(args.topic))
    end
    return "done"
  end,
}
