/* lua/bind/crc.c: running CRCs and sums, by catalogue name or by parameters. Values of up to 64 bits
 * are integers (with bit 63 set they print negative); wider ones, CRC-82/DARC alone in the catalogue,
 * are texts of hex digits, "0x09EA83F625023801FD612". Parameters may be given either way. */
#include "bind.h"

#include "stl/crc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STLUA_CRC "stlua.Crc"

typedef struct running {
    bool is_sum;
    stl_sum sum;
    stl_crc crc; /* large: last */
} running;

static running *check(lua_State *L)
{
    return luaL_checkudata(L, 1, STLUA_CRC);
}

/* ---- values ---- */

static void push_value(lua_State *L, unsigned width, uint64_t high, uint64_t low)
{
    if (width <= 64) {
        lua_pushinteger(L, (lua_Integer)low);
        return;
    }
    char digits[40], text[48];
    snprintf(digits, sizeof digits, "%016" PRIX64 "%016" PRIX64, high, low);
    snprintf(text, sizeof text, "0x%s", digits + 32 - (width + 3) / 4);
    lua_pushstring(L, text);
}

static bool add_digit(char c, uint64_t *high, uint64_t *low)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    if (!c || !at || *high >> 60)
        return false;
    *high = *high << 4 | *low >> 60;
    *low = *low << 4 | (uint64_t)(at - digits);
    return true;
}

static bool parse_hex(const char *text, uint64_t *high, uint64_t *low)
{
    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X') || !text[2])
        return false;
    *high = *low = 0;
    for (text += 2; *text; text++)
        if (!add_digit(*text, high, low))
            return false;
    return true;
}

/* ---- models ---- */

static void bad_field(lua_State *L, int arg, const char *name, const char *wanted)
{
    lua_pushfstring(L, "field '%s' must be %s", name, wanted);
    luaL_argerror(L, arg, lua_tostring(L, -1));
}

static void read_wide(lua_State *L, int arg, const char *name, uint64_t *high, uint64_t *low)
{
    int is_integer = 0;
    const int type = lua_getfield(L, arg, name);
    if (type == LUA_TNUMBER) {
        *high = 0;
        *low = (uint64_t)lua_tointegerx(L, -1, &is_integer);
    }
    if (type == LUA_TNUMBER ? !is_integer
                            : type != LUA_TSTRING || !parse_hex(lua_tostring(L, -1), high, low))
        bad_field(L, arg, name, "an integer, or a text of hex digits with 0x before them");
    lua_pop(L, 1);
}

/* The name stays valid as long as the table's text; a model of one's own has none. */
static void read_model(lua_State *L, int arg, stl_crc_model *model)
{
    static const char *const known[] = {"width", "poly",       "init",  "refin", "refout",
                                        "xorout", "word_bytes", "check", "name",  NULL};
    stlua_check_fields(L, arg, known);
    *model = (stl_crc_model){
        .width = stlua_need_u32(L, arg, "width"),
        .refin = stlua_field_bool(L, arg, "refin", false),
        .refout = stlua_field_bool(L, arg, "refout", false),
        .word_bytes = stlua_field_u32(L, arg, "word_bytes", 1),
    };
    read_wide(L, arg, "poly", &model->poly_high, &model->poly);
    read_wide(L, arg, "init", &model->init_high, &model->init);
    read_wide(L, arg, "xorout", &model->xorout_high, &model->xorout);
}

/* Push a running CRC or sum for the name or the parameters at arg. */
static running *push_running(lua_State *L, int arg)
{
    running *ud = lua_newuserdatauv(L, sizeof *ud, 0);
    ud->is_sum = true;
    stl_sum_init(&ud->sum, STL_SUM_8);
    luaL_setmetatable(L, STLUA_CRC);
    stl_error err;
    if (lua_type(L, arg) == LUA_TTABLE) {
        stl_crc_model model;
        read_model(L, arg, &model);
        ud->is_sum = false;
        if (stl_crc_init(&ud->crc, &model, &err))
            stlua_raise(L, &err);
        return ud;
    }
    const char *name = luaL_checkstring(L, arg);
    stl_sum_kind kind;
    if (stl_sum_find(name, &kind)) {
        stl_sum_init(&ud->sum, kind);
        return ud;
    }
    const stl_crc_model *model = stl_crc_find(name);
    if (!model)
        stlua_fail(L, STL_E_ARGUMENT, "`stlua crc --list` shows all", "there is no CRC or sum called %s",
                   name);
    ud->is_sum = false;
    if (stl_crc_init(&ud->crc, model, &err))
        stlua_raise(L, &err);
    return ud;
}

static void push_model(lua_State *L, const stl_crc_model *model)
{
    lua_newtable(L);
    stlua_set_string(L, "name", model->name);
    stlua_set_integer(L, "width", model->width);
    stlua_set_integer(L, "word_bytes", model->word_bytes ? model->word_bytes : 1);
    stlua_set_bool(L, "refin", model->refin);
    stlua_set_bool(L, "refout", model->refout);
    push_value(L, model->width, model->poly_high, model->poly);
    lua_setfield(L, -2, "poly");
    push_value(L, model->width, model->init_high, model->init);
    lua_setfield(L, -2, "init");
    push_value(L, model->width, model->xorout_high, model->xorout);
    lua_setfield(L, -2, "xorout");
    push_value(L, model->width, model->check_high, model->check);
    lua_setfield(L, -2, "check");
}

/* crc.find(name) -> parameters of a CRC, nil when there is none; names and aliases in any case */
static int l_find(lua_State *L)
{
    const stl_crc_model *model = stl_crc_find(luaL_checkstring(L, 1));
    if (!model)
        return 0;
    push_model(L, model);
    return 1;
}

/* crc.find_sum(name) -> { name, width, word_bytes }, nil when there is none */
static int l_find_sum(lua_State *L)
{
    stl_sum_kind kind;
    if (!stl_sum_find(luaL_checkstring(L, 1), &kind))
        return 0;
    lua_newtable(L);
    stlua_set_string(L, "name", stl_sum_name(kind));
    stlua_set_integer(L, "width", stl_sum_width(kind));
    stlua_set_integer(L, "word_bytes", stl_sum_unit_bytes(kind));
    return 1;
}

/* crc.models() -> array of names, as the catalogue has them */
static int l_models(lua_State *L)
{
    lua_newtable(L);
    for (size_t i = 0; i < stl_crc_model_count(); i++) {
        lua_pushstring(L, stl_crc_model_at(i)->name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* crc.aliases() -> { alias = name } */
static int l_aliases(lua_State *L)
{
    const char *alias, *model;
    lua_newtable(L);
    for (size_t i = 0; stl_crc_alias_at(i, &alias, &model); i++)
        stlua_set_string(L, alias, model);
    return 1;
}

/* crc.sums() -> array of names */
static int l_sums(lua_State *L)
{
    lua_newtable(L);
    for (int kind = 0; kind < STL_SUM_KIND_COUNT; kind++) {
        lua_pushstring(L, stl_sum_name((stl_sum_kind)kind));
        lua_rawseti(L, -2, kind + 1);
    }
    return 1;
}

/* ---- running ---- */

static void update(running *ud, const char *bytes, size_t byte_count)
{
    if (ud->is_sum)
        stl_sum_update(&ud->sum, bytes, byte_count);
    else
        stl_crc_update(&ud->crc, bytes, byte_count);
}

static int push_result(lua_State *L, const running *ud)
{
    if (ud->is_sum) {
        lua_pushinteger(L, stl_sum_final(&ud->sum));
        return 1;
    }
    uint64_t low, high;
    stl_error err;
    if (stl_crc_final(&ud->crc, &low, &high, &err))
        return stlua_raise(L, &err);
    push_value(L, ud->crc.model.width, high, low);
    return 1;
}

/* crc.new(model) -> a running CRC or sum: a name, or parameters. Raises: argument. */
static int l_new(lua_State *L)
{
    push_running(L, 1);
    return 1;
}

/* crc.compute(model, bytes) -> value. Raises: argument. */
static int l_compute(lua_State *L)
{
    size_t byte_count;
    const char *bytes = luaL_checklstring(L, 2, &byte_count);
    running *ud = push_running(L, 1);
    update(ud, bytes, byte_count);
    return push_result(L, ud);
}

/* crc:update(bytes) -> crc */
static int l_update(lua_State *L)
{
    size_t byte_count;
    running *ud = check(L);
    const char *bytes = luaL_checklstring(L, 2, &byte_count);
    update(ud, bytes, byte_count);
    lua_settop(L, 1);
    return 1;
}

/* crc:value() -> the value of all bytes so far; more may follow. Raises: argument (half a word). */
static int l_value(lua_State *L)
{
    return push_result(L, check(L));
}

/* crc:copy() -> another one with the same bytes behind it */
static int l_copy(lua_State *L)
{
    const running *from = check(L);
    running *ud = lua_newuserdatauv(L, sizeof *ud, 0);
    ud->is_sum = from->is_sum;
    if (from->is_sum)
        ud->sum = from->sum;
    else
        ud->crc = from->crc;
    luaL_setmetatable(L, STLUA_CRC);
    return 1;
}

void stlua_register_crc(lua_State *L);

void stlua_register_crc(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"new", l_new},       {"compute", l_compute}, {"find", l_find}, {"find_sum", l_find_sum},
        {"models", l_models}, {"aliases", l_aliases}, {"sums", l_sums}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"update", l_update}, {"value", l_value}, {"copy", l_copy}, {NULL, NULL}};
    static const luaL_Reg meta[] = {{NULL, NULL}};
    stlua_new_type(L, STLUA_CRC, methods, meta);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "crc");
}
