/* lua/bind/data.c: Lua text as data. It runs in a state of its own, which has no library, no function of
 * ours and not even the methods of strings, a limit of memory and one of instructions; what it returns is
 * copied out of there. So nothing that a chip or board file says can reach the program. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#define DATA_STATE "stlua.DataState"
#define PLAIN_TABLES "chips and boards are plain tables"

enum {
    MAX_MEMORY_BYTES = 4 * 1024 * 1024,
    MAX_INSTRUCTIONS = 1000000,
    MAX_DEPTH = 64 /* of tables in tables */
};

typedef struct data_state {
    lua_State *inner; /* NULL once closed */
    size_t used_bytes;
    bool is_host_short; /* what failed last did not do so at the limit: no fault of the text */
} data_state;

static void *limited(void *self, void *old, size_t old_bytes, size_t new_bytes)
{
    data_state *data = self;
    if (!old)
        old_bytes = 0; /* then it is a kind of object */
    if (!new_bytes) {
        data->used_bytes -= old_bytes;
        free(old);
        return NULL;
    }
    if (new_bytes > old_bytes && new_bytes - old_bytes > MAX_MEMORY_BYTES - data->used_bytes) {
        data->is_host_short = false;
        return NULL;
    }
    void *moved = realloc(old, new_bytes);
    if (!moved && old && new_bytes < old_bytes)
        return old; /* Lua relies on shrinking; what is counted stays what it was told */
    if (moved)
        data->used_bytes = data->used_bytes - old_bytes + new_bytes;
    else
        data->is_host_short = true;
    return moved;
}

static int close_data(lua_State *L)
{
    data_state *data = lua_touserdata(L, 1);
    if (data->inner)
        lua_close(data->inner);
    data->inner = NULL;
    return 0;
}

static data_state *push_data_state(lua_State *L)
{
    data_state *data = lua_newuserdatauv(L, sizeof *data, 0);
    *data = (data_state){0};
    if (luaL_newmetatable(L, DATA_STATE)) {
        lua_pushcfunction(L, close_data);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    data->inner = lua_newstate(limited, data);
    return data;
}

static void stop(lua_State *inner, lua_Debug *ar)
{
    (void)ar;
    luaL_error(inner, "it does not end");
}

typedef struct source {
    const char *text, *name;
    size_t byte_count;
} source;

/* Inside the limited state: the text's one result. */
static int run_text(lua_State *inner)
{
    const source *from = lua_touserdata(inner, 1);
    lua_settop(inner, 0);
    if (luaL_loadbufferx(inner, from->text, from->byte_count, from->name, "t"))
        return lua_error(inner);
    lua_newtable(inner);
    lua_setupvalue(inner, 1, 1); /* _ENV */
    lua_sethook(inner, stop, LUA_MASKCOUNT, MAX_INSTRUCTIONS);
    lua_call(inner, 0, 1);
    lua_sethook(inner, NULL, 0, 0);
    return 1;
}

static int refuse(lua_State *L, const char *name, const char *why)
{
    return stlua_fail(L, STL_E_FORMAT, PLAIN_TABLES, "%s: %s", name, why);
}

/* What Lua itself says begins with the name where it knows the line, and without it elsewhere. */
static int refuse_error(lua_State *L, const char *name, const char *why)
{
    const size_t count = strlen(name);
    const bool is_named = !strncmp(why, name, count) && why[count] == ':';
    return is_named ? stlua_fail(L, STL_E_FORMAT, PLAIN_TABLES, "%s", why) : refuse(L, name, why);
}

static int raise_no_memory(lua_State *L)
{
    return stlua_fail(L, STL_E_MEMORY, NULL, "out of memory");
}

static void copy_table(lua_State *L, lua_State *inner, int seen, unsigned depth, const char *name);

/* Copy the value on top of inner to the top of L. */
static void copy_value(lua_State *L, lua_State *inner, int seen, unsigned depth, const char *name)
{
    switch (lua_type(inner, -1)) {
    case LUA_TBOOLEAN:
        lua_pushboolean(L, lua_toboolean(inner, -1));
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(inner, -1))
            lua_pushinteger(L, lua_tointeger(inner, -1));
        else
            lua_pushnumber(L, lua_tonumber(inner, -1));
        return;
    case LUA_TSTRING: {
        size_t count;
        const char *text = lua_tolstring(inner, -1, &count);
        lua_pushlstring(L, text, count);
        return;
    }
    case LUA_TTABLE:
        copy_table(L, inner, seen, depth + 1, name);
        return;
    default:
        refuse(L, name, "it holds a function, and functions are no data");
    }
}

/* A table that stands in two places is one table in the copy, too. */
static void copy_table(lua_State *L, lua_State *inner, int seen, unsigned depth, const char *name)
{
    if (depth > MAX_DEPTH)
        refuse(L, name, "its tables are nested too deep");
    if (!lua_checkstack(inner, 4) || !lua_checkstack(L, 4))
        raise_no_memory(L);
    if (lua_rawgetp(L, seen, lua_topointer(inner, -1)) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, seen, lua_topointer(inner, -1));
    lua_pushnil(inner);
    while (lua_next(inner, -2)) {
        lua_pushvalue(inner, -2);
        copy_value(L, inner, seen, depth, name); /* the key */
        lua_pop(inner, 1);
        copy_value(L, inner, seen, depth, name);
        lua_pop(inner, 1);
        lua_rawset(L, -3);
    }
}

/* stlua.load_data(text, name) -> table. Raises: format, memory. */
static int l_load_data(lua_State *L)
{
    source from = {.text = luaL_checklstring(L, 1, &from.byte_count)};
    const char *name = luaL_checkstring(L, 2);
    from.name = lua_pushfstring(L, "@%s", name);
    data_state *data = push_data_state(L);
    lua_State *inner = data->inner;
    if (!inner)
        return raise_no_memory(L);
    lua_pushcfunction(inner, run_text);
    lua_pushlightuserdata(inner, &from);
    const int status = lua_pcall(inner, 1, 1, 0);
    if (status == LUA_ERRMEM && data->is_host_short)
        return raise_no_memory(L);
    if (status == LUA_ERRMEM)
        return refuse(L, name, "it takes more memory than any chip or board has to say");
    if (status) /* a text: there is nothing in there that could raise another value */
        return refuse_error(L, name, lua_type(inner, -1) == LUA_TSTRING ? lua_tostring(inner, -1) : "");
    if (!lua_istable(inner, -1))
        return stlua_fail(L, STL_E_FORMAT, "it must end with `return { ... }`",
                          "%s: returns no table", name);
    lua_newtable(L);
    copy_table(L, inner, lua_gettop(L), 0, name);
    lua_close(inner);
    data->inner = NULL;
    return 1;
}

void stlua_register_data(lua_State *L);

void stlua_register_data(lua_State *L)
{
    static const luaL_Reg functions[] = {{"load_data", l_load_data}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
