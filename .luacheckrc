-- luacheck of everything that is Lua here; `ctest -R luacheck` wants it clean.
std = "lua54"
max_line_length = 145
exclude_files = { "build" }

files["lua/meta"] = { ignore = { "211", "212", "241", "311", "431" } } -- declarations without bodies
files["tests/**/*_spec.lua"] = { std = "+busted" }
