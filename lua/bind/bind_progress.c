/* lua/bind/bind_progress.c: calling Lua from inside a core function.
 * The core's frames have no idea of Lua's jumps, so nothing here may raise through them: the call is
 * protected, and its arguments are made inside the protection. */
#include "bind.h"

typedef struct call {
    stlua_progress *progress;
    const char *phase;
    uint64_t done, total;
} call;

static int call_function(lua_State *L)
{
    const call *c = lua_touserdata(L, 1);
    lua_pushvalue(L, 2);
    lua_pushstring(L, c->phase);
    lua_pushinteger(L, (lua_Integer)c->done);
    lua_pushinteger(L, (lua_Integer)c->total);
    lua_call(L, 3, 1);
    return 1;
}

static bool report(void *self, const char *phase, uint64_t done, uint64_t total)
{
    stlua_progress *p = self;
    lua_State *L = p->L;
    if (p->is_stopped || stlua_take_interrupt()) {
        p->is_stopped = true;
        return false;
    }
    if (!p->function_index)
        return true;
    call c = {p, phase, done, total};
    lua_pushcfunction(L, call_function); /* no allocation: room was asked for in begin */
    lua_pushlightuserdata(L, &c);
    lua_pushvalue(L, p->function_index);
    if (lua_pcall(L, 2, 1, 0)) {
        lua_replace(L, p->error_index);
        p->is_stopped = true;
        return false;
    }
    p->is_stopped = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    return !p->is_stopped;
}

void stlua_progress_begin(lua_State *L, stlua_progress *progress, int options_arg)
{
    *progress = (stlua_progress){{progress, report}, L, 0, 0, false};
    luaL_checkstack(L, 10, "progress");
    if (!lua_isnoneornil(L, options_arg)) {
        const int kind = lua_getfield(L, options_arg, "progress");
        luaL_argcheck(L, kind == LUA_TNIL || kind == LUA_TFUNCTION, options_arg,
                      "field 'progress' must be a function");
        if (kind == LUA_TFUNCTION)
            progress->function_index = lua_gettop(L);
        else
            lua_pop(L, 1);
    }
    lua_pushnil(L);
    progress->error_index = lua_gettop(L);
}

void stlua_progress_end(stlua_progress *progress)
{
    if (lua_isnil(progress->L, progress->error_index))
        return;
    lua_pushvalue(progress->L, progress->error_index);
    lua_error(progress->L);
}
