/* tests/fuzz/fuzz_job.c: any table, as a job, is a job that can be built or a clear error. */
#include "fuzz_lua.h"

static const char chunk[] =
    "local stlua, errors, job = require 'stlua', require 'stlua.errors', require 'stlua.job'\n"
    "return function(text)\n"
    "  local spec = stlua.load_data(text, 'fuzz')\n"
    "  local ok, checked = pcall(job.check, spec, '" STL_SOURCE_DIR "/tests/firmware')\n"
    "  if ok then\n"
    "    checked.firmware:close()\n"
    "  elseif not errors.is_error(checked) then\n"
    "    error(checked, 0)\n"
    "  end\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    fuzz_lua(chunk, bytes, byte_count);
    return 0;
}
