/* lua/module.c: stlua.so for a stock lua5.4. The only symbol it shows is luaopen_stlua. */
#include "bind.h"

__attribute__((visibility("default"))) int luaopen_stlua(lua_State *L);

int luaopen_stlua(lua_State *L)
{
    return stlua_open_module(L);
}
