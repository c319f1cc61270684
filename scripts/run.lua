--- `stlua run FILE ...` is `stlua FILE ...`, for files whose names do not end in .lua.
local errors = require "stlua.errors"

return {
  summary = "Run a Lua script: stlua run FILE [ARGUMENTS]",
  description = "FILE's own `args` decide what may follow it. The runner takes FILE over before this runs.",
  args = { { "file", type = "path", optional = true, help = "the script" } },
  run = function() errors.raise("usage", "stlua run FILE", "which script?") end,
}
