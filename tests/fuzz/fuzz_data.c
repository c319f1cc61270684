/* tests/fuzz/fuzz_data.c: any text, as a chip or board file, is a plain table or a clear error. */
#include "fuzz_lua.h"

static const char chunk[] =
    "local stlua = require 'stlua'\n"
    "local function check(value, seen)\n"
    "  assert(type(value) ~= 'function' and type(value) ~= 'userdata' and type(value) ~= 'thread')\n"
    "  if type(value) ~= 'table' or seen[value] then return end\n"
    "  seen[value] = true\n"
    "  assert(getmetatable(value) == nil)\n"
    "  for k, v in next, value do check(k, seen) check(v, seen) end\n"
    "end\n"
    "return function(text)\n"
    "  local data = stlua.load_data(text, 'fuzz')\n"
    "  assert(type(data) == 'table')\n"
    "  check(data, {})\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    fuzz_lua(chunk, bytes, byte_count);
    return 0;
}
