-- lua/embed.lua: writes files into a C table, unchanged. Run by the build:
-- lua5.4 embed.lua OUT.c ROOT FILE ...   (FILE relative to ROOT is its name)
local out_path, root = arg[1], arg[2]
local parts = { "/* Written by lua/embed.lua. */\n#include \"bind.h\"\n\n" }
local rows = {}
for i = 3, #arg do
  local file = assert(io.open(root .. "/" .. arg[i], "rb"))
  local bytes = file:read("a")
  file:close()
  local lines = {}
  for at = 1, #bytes, 32 do
    local numbers = { bytes:byte(at, at + 31) }
    lines[#lines + 1] = table.concat(numbers, ",")
  end
  parts[#parts + 1] = ("static const unsigned char file_%d[] = {\n%s\n};\n"):format(i, #bytes > 0 and table.concat(lines, ",\n") or "0")
  rows[#rows + 1] = ('    {"%s", file_%d, %d},\n'):format(arg[i], i, #bytes)
end
parts[#parts + 1] = "const stlua_embedded_file stlua_embedded_files[] = {\n" .. table.concat(rows) .. "    {NULL, NULL, 0},\n};\n"
local out = assert(io.open(out_path, "wb"))
assert(out:write(table.concat(parts)))
out:close()
