-- tests/lua/run.lua: busted inside the stlua binary, so that what it tests runs under the sanitizers.
-- Usage: stlua tests/lua/run.lua SPEC.lua ...
local words = { ... }
_G.arg = { [0] = "busted", "--output=plainTerminal", table.unpack(words) }
require "busted.runner" { standalone = false }
