/* lua/bind/bind_args.c: checked arguments. Nothing is cast silently: a number that does not fit is an
 * argument error that names it. */
#include "bind.h"

#include <string.h>

static lua_Integer check_integer(lua_State *L, int arg, lua_Integer most)
{
    const lua_Integer value = luaL_checkinteger(L, arg);
    if (value < 0 || value > most) {
        lua_pushfstring(L, "%I is not in 0 .. %I", (LUAI_UACINT)value, (LUAI_UACINT)most);
        luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    return value;
}

uint32_t stlua_check_u32(lua_State *L, int arg)
{
    return (uint32_t)check_integer(L, arg, UINT32_MAX);
}

uint8_t stlua_check_u8(lua_State *L, int arg)
{
    return (uint8_t)check_integer(L, arg, UINT8_MAX);
}

size_t stlua_check_count(lua_State *L, int arg, size_t most)
{
    return (size_t)check_integer(L, arg, (lua_Integer)most);
}

static void field_error(lua_State *L, int arg, const char *name, const char *wanted)
{
    lua_pushfstring(L, "field '%s' must be %s", name, wanted);
    luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Push the field; false (and nothing pushed) when the table or the field is absent. */
static bool get_field(lua_State *L, int arg, const char *name)
{
    if (lua_isnoneornil(L, arg))
        return false;
    luaL_checktype(L, arg, LUA_TTABLE);
    if (lua_getfield(L, arg, name) != LUA_TNIL)
        return true;
    lua_pop(L, 1);
    return false;
}

uint32_t stlua_field_u32(lua_State *L, int arg, const char *name, uint32_t fallback)
{
    if (!get_field(L, arg, name))
        return fallback;
    int is_integer;
    const lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || lua_type(L, -1) != LUA_TNUMBER || value < 0 || value > UINT32_MAX)
        field_error(L, arg, name, "an integer of 32 bits");
    lua_pop(L, 1);
    return (uint32_t)value;
}

uint32_t stlua_need_u32(lua_State *L, int arg, const char *name)
{
    if (!get_field(L, arg, name))
        field_error(L, arg, name, "given");
    lua_pop(L, 1);
    return stlua_field_u32(L, arg, name, 0);
}

bool stlua_field_bool(lua_State *L, int arg, const char *name, bool fallback)
{
    if (!get_field(L, arg, name))
        return fallback;
    if (!lua_isboolean(L, -1))
        field_error(L, arg, name, "true or false");
    const bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

int stlua_field_choice(lua_State *L, int arg, const char *name, const char *const names[], int fallback)
{
    if (!get_field(L, arg, name))
        return fallback;
    const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    for (int i = 0; names[i]; i++) {
        if (!strcmp(value, names[i])) {
            lua_pop(L, 1);
            return i;
        }
    }
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (int i = 0; names[i]; i++) {
        luaL_addstring(&all, i ? " or \"" : "\"");
        luaL_addstring(&all, names[i]);
        luaL_addchar(&all, '"');
    }
    luaL_pushresult(&all);
    field_error(L, arg, name, lua_tostring(L, -1));
    return fallback;
}

void stlua_check_fields(lua_State *L, int arg, const char *const known[])
{
    if (lua_isnoneornil(L, arg))
        return;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        lua_pop(L, 1);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
        int i = 0;
        while (known[i] && strcmp(known[i], name))
            i++;
        if (!known[i]) {
            lua_pushfstring(L, "there is no field '%s'", name);
            luaL_argerror(L, arg, lua_tostring(L, -1));
        }
    }
}

void stlua_set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

void stlua_set_bool(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

void stlua_set_string(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

void stlua_new_type(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta)
{
    luaL_newmetatable(L, name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    luaL_setfuncs(L, meta, 0);
    lua_pushliteral(L, "protected");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
