/* lua/bind/log.c: the core's remarks, handed to a Lua function. */
#include "bind.h"

#include <string.h>

/* In the registry; probes point at its log, so it lives as long as the state. */
typedef struct log_sink {
    stl_log log;
    lua_State *L; /* whoever called into the core last */
} log_sink;

static const char sink_key, function_key;

static int call_function(lua_State *L)
{
    static const char *const names[] = {"warn", "info", "debug"};
    const stl_log_level level = (stl_log_level)lua_tointeger(L, 2);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &function_key) != LUA_TFUNCTION)
        return 0;
    lua_pushstring(L, names[level]);
    lua_pushstring(L, lua_touserdata(L, 1));
    lua_call(L, 2, 0);
    return 0;
}

/* Called from inside the core: nothing may be raised through it. A log function that fails is not
 * worth more than the work it remarks on. */
static void write_log(void *self, stl_log_level level, const char *text)
{
    lua_State *L = ((log_sink *)self)->L;
    if (!lua_checkstack(L, 10))
        return;
    lua_pushcfunction(L, call_function);
    lua_pushlightuserdata(L, (void *)(uintptr_t)text);
    lua_pushinteger(L, level);
    if (lua_pcall(L, 2, 0, 0))
        lua_pop(L, 1);
}

static log_sink *get_sink(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &sink_key);
    log_sink *sink = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return sink;
}

const stl_log *stlua_log(lua_State *L)
{
    log_sink *sink = get_sink(L);
    sink->L = L;
    return &sink->log;
}

/* stlua.set_log(fn | nil [, level = "warn"]): fn(level, text) gets the core's remarks. */
static int l_set_log(lua_State *L)
{
    static const char *const names[] = {"warn", "info", "debug", NULL};
    const bool is_off = lua_isnoneornil(L, 1);
    if (!is_off)
        luaL_checktype(L, 1, LUA_TFUNCTION);
    const int level = luaL_checkoption(L, 2, "warn", names);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &function_key);
    log_sink *sink = get_sink(L);
    sink->log.level = (stl_log_level)level;
    sink->log.write = is_off ? NULL : write_log;
    return 0;
}

void stlua_register_log(lua_State *L);

void stlua_register_log(lua_State *L)
{
    log_sink *sink = lua_newuserdatauv(L, sizeof *sink, 0);
    *sink = (log_sink){{sink, STL_LOG_WARN, NULL}, L};
    lua_rawsetp(L, LUA_REGISTRYINDEX, &sink_key);
    lua_pushcfunction(L, l_set_log);
    lua_setfield(L, -2, "set_log");
}
