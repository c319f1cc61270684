/* lua/bind/bind.c: the module `stlua`, the same in the executable and in stlua.so. */
#include "bind.h"

#include <string.h>

/* stlua.embedded_read(name) -> string | nil */
static int l_embedded_read(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    for (const stlua_embedded_file *file = stlua_embedded_files; file->name; file++) {
        if (strcmp(file->name, name))
            continue;
        lua_pushlstring(L, (const char *)file->bytes, file->byte_count);
        return 1;
    }
    return 0;
}

/* stlua.embedded_names() -> array of names */
static int l_embedded_names(lua_State *L)
{
    lua_newtable(L);
    lua_Integer count = 0;
    for (const stlua_embedded_file *file = stlua_embedded_files; file->name; file++) {
        lua_pushstring(L, file->name);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static void push_codes(lua_State *L)
{
    lua_newtable(L);
    for (int code = 0; code < STL_CODE_COUNT; code++) {
        lua_pushstring(L, stl_code_name((stl_code)code));
        lua_rawseti(L, -2, code + 1);
    }
}

/* The search path is Lua; it is the one module that cannot be found by itself. */
static void install_search(lua_State *L)
{
    static const char name[] = "lua/stdlib/path.lua";
    for (const stlua_embedded_file *file = stlua_embedded_files; file->name; file++) {
        if (strcmp(file->name, name))
            continue;
        if (luaL_loadbufferx(L, (const char *)file->bytes, file->byte_count, "@lua/stdlib/path.lua", "t"))
            lua_error(L);
        lua_pushvalue(L, -2);
        lua_call(L, 1, 1);
        luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "stlua.path");
        lua_pop(L, 2);
        return;
    }
    luaL_error(L, "%s is not in the binary", name);
}

int stlua_open_module(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"embedded_read", l_embedded_read},
        {"embedded_names", l_embedded_names},
        {NULL, NULL},
    };
    luaL_checkversion(L);
    luaL_newlib(L, functions);
    lua_pushliteral(L, STLUA_VERSION);
    lua_setfield(L, -2, "version");
    push_codes(L);
    lua_setfield(L, -2, "codes");
    stlua_register_all(L);
    install_search(L);
    return 1;
}
