/* lua/bind/error.c: an stl_error as a Lua value: { code, message, hint, cause, context, addr }.
 * message is the whole chain in one line, cause its innermost part, context what was being done, ever
 * wider. tostring() gives one line with everything a person needs. */
#include "bind.h"

#include <string.h>

/* err:__tostring() -> "code: message (hint)" */
static int l_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "code");
    lua_getfield(L, 1, "message");
    lua_getfield(L, 1, "hint");
    const char *code = lua_tostring(L, -3), *message = lua_tostring(L, -2), *hint = lua_tostring(L, -1);
    if (hint)
        lua_pushfstring(L, "%s: %s (%s)", code ? code : "?", message ? message : "?", hint);
    else
        lua_pushfstring(L, "%s: %s", code ? code : "?", message ? message : "?");
    return 1;
}

static void push_error_type(lua_State *L)
{
    if (!luaL_newmetatable(L, STLUA_ERROR))
        return;
    lua_pushcfunction(L, l_tostring);
    lua_setfield(L, -2, "__tostring");
}

void stlua_push_error(lua_State *L, const stl_error *err)
{
    char text[STL_ERROR_FRAMES * (STL_ERROR_FRAME_CHARS + 2)];
    stl_error_text(err, text, sizeof text);
    lua_createtable(L, 0, 6);
    stlua_set_string(L, "code", stl_code_name(err->code));
    stlua_set_string(L, "message", text);
    if (err->hint)
        stlua_set_string(L, "hint", err->hint);
    if (err->has_addr)
        stlua_set_integer(L, "addr", err->addr);
    if (err->frame_count)
        stlua_set_string(L, "cause", err->frame[0]);
    lua_newtable(L);
    for (unsigned i = 1; i < err->frame_count; i++) {
        lua_pushstring(L, err->frame[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, -2, "context");
    push_error_type(L);
    lua_setmetatable(L, -2);
}

int stlua_raise(lua_State *L, const stl_error *err)
{
    stlua_push_error(L, err);
    return lua_error(L);
}

int stlua_fail(lua_State *L, stl_code code, const char *hint, const char *format, ...)
{
    stl_error err = {.code = code, .hint = hint, .frame_count = 1};
    va_list args;
    va_start(args, format);
    vsnprintf(err.frame[0], sizeof err.frame[0], format, args);
    va_end(args);
    return stlua_raise(L, &err);
}

/* stlua.error { code =, message =, hint = ... } -> the same table as an error value, not raised */
static int l_error(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (lua_getfield(L, 1, "code") != LUA_TSTRING || lua_getfield(L, 1, "message") != LUA_TSTRING)
        return luaL_argerror(L, 1, "code and message must be strings");
    if (lua_getfield(L, 1, "context") == LUA_TNIL) {
        lua_newtable(L);
        lua_setfield(L, 1, "context");
    }
    if (lua_getfield(L, 1, "cause") == LUA_TNIL) {
        lua_getfield(L, 1, "message");
        lua_setfield(L, 1, "cause");
    }
    lua_settop(L, 1);
    push_error_type(L);
    lua_setmetatable(L, 1);
    return 1;
}

void stlua_register_error(lua_State *L);

void stlua_register_error(lua_State *L)
{
    lua_pushcfunction(L, l_error);
    lua_setfield(L, -2, "error");
}
