/* lua/bind/plan.c: what would be written, for people and for nvm:apply. */
#include "bind.h"

#include <string.h>

typedef struct plan_ud {
    stl_plan *plan;
} plan_ud;

stl_plan **stlua_push_plan(lua_State *L, int nvm_arg)
{
    plan_ud *ud = lua_newuserdatauv(L, sizeof *ud, 1);
    ud->plan = NULL;
    luaL_setmetatable(L, STLUA_PLAN);
    lua_pushvalue(L, nvm_arg); /* a plan is a comparison with one target, and good for that only */
    lua_setiuservalue(L, -2, 1);
    return &ud->plan;
}

const stl_plan *stlua_check_plan(lua_State *L, int arg, int nvm_arg)
{
    const plan_ud *ud = luaL_checkudata(L, arg, STLUA_PLAN);
    luaL_argcheck(L, ud->plan, arg, "plan is closed");
    if (nvm_arg) {
        lua_getiuservalue(L, arg, 1);
        luaL_argcheck(L, lua_rawequal(L, -1, nvm_arg), arg, "the plan was made for another connection");
        lua_pop(L, 1);
    }
    return ud->plan;
}

/* plan:totals() -> table */
static int l_totals(lua_State *L)
{
    const stl_plan_totals *totals = stl_plan_get_totals(stlua_check_plan(L, 1, 0));
    lua_newtable(L);
    stlua_set_integer(L, "image_bytes", totals->image_bytes);
    stlua_set_integer(L, "page_count", totals->page_count);
    stlua_set_integer(L, "pages_equal", totals->pages_equal);
    stlua_set_integer(L, "pages_to_erase", totals->pages_to_erase);
    stlua_set_integer(L, "half_pages_to_program", totals->half_pages_to_program);
    stlua_set_integer(L, "eeprom_words", totals->eeprom_words);
    stlua_set_integer(L, "eeprom_words_to_write", totals->eeprom_words_to_write);
    stlua_set_integer(L, "flash_time_us", (lua_Integer)totals->flash_time_us);
    return 1;
}

/* plan:ranges() -> array of { kind, addr, byte_count, unit_count, equal_count, preserved_bytes } */
static int l_ranges(lua_State *L)
{
    const stl_plan *plan = stlua_check_plan(L, 1, 0);
    const size_t count = stl_plan_range_count(plan);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const stl_plan_range range = stl_plan_get_range(plan, i);
        lua_newtable(L);
        stlua_set_string(L, "kind", range.kind == STL_PLAN_FLASH ? "flash" : "eeprom");
        stlua_set_integer(L, "addr", range.addr);
        stlua_set_integer(L, "byte_count", range.byte_count);
        stlua_set_integer(L, "unit_count", range.unit_count);
        stlua_set_integer(L, "equal_count", range.equal_count);
        stlua_set_integer(L, "preserved_bytes", range.preserved_bytes);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int l_close(lua_State *L)
{
    plan_ud *ud = luaL_checkudata(L, 1, STLUA_PLAN);
    stl_plan_free(ud->plan);
    ud->plan = NULL;
    return 0;
}

static int l_tostring(lua_State *L)
{
    const plan_ud *ud = luaL_checkudata(L, 1, STLUA_PLAN);
    if (ud->plan)
        lua_pushfstring(L, "stlua.Plan (%I bytes)",
                        (LUAI_UACINT)stl_plan_get_totals(ud->plan)->image_bytes);
    else
        lua_pushliteral(L, "stlua.Plan (closed)");
    return 1;
}

void stlua_register_plan(lua_State *L);

void stlua_register_plan(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"totals", l_totals}, {"ranges", l_ranges}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__gc", l_close}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};
    stlua_new_type(L, STLUA_PLAN, methods, meta);
}
