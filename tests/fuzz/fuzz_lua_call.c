/* tests/fuzz/fuzz_lua_call.c: see fuzz_lua.h. */
#include "fuzz_lua.h"

#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

static lua_State *new_state(const char *chunk)
{
    lua_State *L = luaL_newstate();
    fuzz_expect(L != NULL, "there is memory for a state");
    luaL_openlibs(L);
    luaL_requiref(L, "stlua", stlua_open_module, 0);
    lua_settop(L, 0);
    if (luaL_dostring(L, chunk)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return L; /* the function is at 1 */
}

static int is_refusal(lua_State *L)
{
    if (lua_type(L, -1) != LUA_TTABLE || lua_getfield(L, -1, "code") != LUA_TSTRING)
        return 0;
    const char *code = lua_tostring(L, -1);
    return !strcmp(code, "format") || !strcmp(code, "argument");
}

void fuzz_lua(const char *chunk, const uint8_t *bytes, size_t byte_count)
{
    static lua_State *L;
    if (!L)
        L = new_state(chunk);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, byte_count ? (const char *)bytes : "", byte_count);
    if (lua_pcall(L, 1, 0, 0) && !is_refusal(L)) {
        fprintf(stderr, "%s\n", luaL_tolstring(L, 2, NULL));
        fuzz_expect(0, "bad input is an error of ours");
    }
    lua_settop(L, 1);
}
