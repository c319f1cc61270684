/* lua/module.c: stlua.so for a stock lua5.4: luaopen_stlua, and one entry for each of its modules. */
#include "bind.h"

#define VISIBLE __attribute__((visibility("default")))

VISIBLE int luaopen_stlua(lua_State *L);

int luaopen_stlua(lua_State *L)
{
    return stlua_open_module(L);
}

/* Loading stlua installs the search path; then the module is found like any other. */
static int open_submodule(lua_State *L, const char *module)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "stlua");
    lua_call(L, 1, 0);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "stlua.path");
    lua_getfield(L, -1, "open");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
    return 1;
}

#define MODULE_ENTRY(name)                                                                         \
    VISIBLE int luaopen_stlua_##name(lua_State *L);                                                \
    int luaopen_stlua_##name(lua_State *L)                                                         \
    {                                                                                              \
        return open_submodule(L, "stlua." #name);                                                  \
    }
#include "module_entries.h"
