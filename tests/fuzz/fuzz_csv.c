/* tests/fuzz/fuzz_csv.c: any text, as a list for the ledger, is rows or a clear error; and what is read can
 * be written and read again. */
#include "fuzz_lua.h"

static const char chunk[] =
    "local csv = require 'stlua.csv'\n"
    "return function(text)\n"
    "  local list = csv.parse(text, { name = 'fuzz' })\n"
    "  local again = csv.parse(csv.write(list.columns, list.rows))\n"
    "  assert(#again.rows == #list.rows, 'as many rows')\n"
    "  for i, row in ipairs(list.rows) do\n"
    "    for _, column in ipairs(list.columns) do assert(again.rows[i][column] == row[column], 'the same') end\n"
    "  end\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    fuzz_lua(chunk, bytes, byte_count);
    return 0;
}
