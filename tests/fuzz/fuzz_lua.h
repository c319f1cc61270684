/* tests/fuzz/fuzz_lua.h: a Lua function as a fuzzer. */
#ifndef FUZZ_LUA_H
#define FUZZ_LUA_H

#include "fuzz.h"

/* Call the function that `chunk` returns with the input as a string; the function is made once. It may
 * raise an error of ours with code "format" or "argument", and nothing else; it says itself what else
 * must hold, by error(). */
void fuzz_lua(const char *chunk, const uint8_t *bytes, size_t byte_count);

#endif
