--- Which file a command comes from, and where else it was looked for.
local errors = require "stlua.errors"
local nearest = require "stlua.nearest"
local path = require "stlua.path"

return {
  summary = "Show which file a command, module, chip or board comes from",
  args = { { "name", help = "flash, or stlua.session for a module" } },

  ---@param session stlua.Session
  run = function(session, args)
    local module = args.name:match("^stlua%.(.*)$")
    for _, kind in ipairs(module and { "module" } or { "script", "board", "target", "module" }) do
      local text, where, tried = path.find(kind, module or args.name)
      if text then
        for _, place in ipairs(tried) do session.out:detail("not at %s", place) end
        local is_embedded = where:match("^lua/") or where:match("^scripts/") or where:match("^targets/")
        return ("%s%s"):format(where, is_embedded and " in the binary" or ""), { kind = kind, file = where }
      end
    end
    errors.raise("usage", nearest.hint(args.name, path.names "script"), "nothing is called `%s`", args.name)
  end,
}
