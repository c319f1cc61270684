/* lua/bind/nvm.c: flash, data EEPROM and option bytes of a connected target. */
#include "bind.h"

#include <string.h>

static const char *const method_names[] = {"signature", "read", NULL};

static void release_nvm(stlua_node *node)
{
    stlua_nvm *ud = (stlua_nvm *)node;
    stl_nvm_close(ud->nvm);
    ud->nvm = NULL;
}

stlua_nvm *stlua_check_nvm(lua_State *L, int arg)
{
    stlua_nvm *ud = luaL_checkudata(L, arg, STLUA_NVM);
    luaL_argcheck(L, ud->node.is_open, arg, "nvm is closed");
    stlua_log(L);
    return ud;
}

static stl_nvm *check(lua_State *L)
{
    return stlua_check_nvm(L, 1)->nvm;
}

/* ---- opening ---- */

static unsigned read_banks(lua_State *L, int arg, const char *name, stl_nvm_bank banks[STL_NVM_MAX_BANKS])
{
    if (lua_getfield(L, arg, name) != LUA_TTABLE)
        luaL_argerror(L, arg, lua_pushfstring(L, "field '%s' must be an array of banks", name));
    const int list = lua_gettop(L);
    const lua_Unsigned count = lua_rawlen(L, list);
    luaL_argcheck(L, count <= STL_NVM_MAX_BANKS, arg, "more than two banks");
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        banks[i].base_addr = stlua_need_u32(L, lua_gettop(L), "base_addr");
        banks[i].size_bytes = stlua_need_u32(L, lua_gettop(L), "size_bytes");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return (unsigned)count;
}

static void read_option_offsets(lua_State *L, int arg, stl_nvm_config *config)
{
    if (lua_getfield(L, arg, "option_offsets") != LUA_TTABLE)
        luaL_argerror(L, arg, "field 'option_offsets' must be an array");
    const lua_Unsigned count = lua_rawlen(L, -1);
    luaL_argcheck(L, count <= STL_NVM_MAX_OPTION_WORDS, arg, "too many option_offsets");
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        config->option_offsets[i] = (uint32_t)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    config->option_word_count = (unsigned)count;
    lua_pop(L, 1);
}

static void read_config(lua_State *L, int arg, stl_nvm_config *config)
{
    memset(config, 0, sizeof *config);
    lua_getfield(L, arg, "driver");
    const char *driver = lua_tostring(L, -1);
    luaL_argcheck(L, driver && strlen(driver) < sizeof config->driver, arg,
                  "field 'driver' must name a flash controller");
    memcpy(config->driver, driver, strlen(driver) + 1);
    lua_pop(L, 1);
    config->regs_addr = stlua_need_u32(L, arg, "regs_addr");
    config->flash_bank_count = read_banks(L, arg, "flash", config->flash);
    config->eeprom_bank_count = read_banks(L, arg, "eeprom", config->eeprom);
    config->page_bytes = stlua_need_u32(L, arg, "page_bytes");
    config->half_page_bytes = stlua_need_u32(L, arg, "half_page_bytes");
    config->wrp_sector_bytes = stlua_need_u32(L, arg, "wrp_sector_bytes");
    config->ram_addr = stlua_need_u32(L, arg, "ram_addr");
    config->ram_bytes = stlua_need_u32(L, arg, "ram_bytes");
    config->option_base_addr = stlua_need_u32(L, arg, "option_base_addr");
    read_option_offsets(L, arg, config);
    config->user_default = stlua_need_u32(L, arg, "user_default");
    config->op_typical_us = stlua_need_u32(L, arg, "op_typical_us");
    config->op_max_us = stlua_need_u32(L, arg, "op_max_us");
    config->supply_mv = stlua_field_u32(L, arg, "supply_mv", 0);
    config->erased_byte = (uint8_t)stlua_need_u32(L, arg, "erased_byte");
    config->has_parallel_banks = stlua_field_bool(L, arg, "has_parallel_banks", false);
    config->has_sprmod = stlua_field_bool(L, arg, "has_sprmod", false);
}

/* dap:nvm(config [, { require_fast =, force_direct = }]) -> nvm. Reads no register of the target.
 * Raises: unsupported, argument. */
int stlua_nvm_open(lua_State *L)
{
    static const char *const known[] = {"require_fast", "force_direct", NULL};
    stlua_dap *dap = stlua_check_dap(L, 1);
    luaL_argcheck(L, !dap->node.first_child, 1, "the target's nvm is open already; close that first");
    luaL_checktype(L, 2, LUA_TTABLE);
    stlua_check_fields(L, 3, known);
    stl_nvm_config config;
    read_config(L, 2, &config);
    const stl_nvm_options options = {
        .is_fast_required = stlua_field_bool(L, 3, "require_fast", false),
        .is_direct_forced = stlua_field_bool(L, 3, "force_direct", false),
    };
    stlua_nvm *ud = lua_newuserdatauv(L, sizeof *ud, 1);
    memset(ud, 0, sizeof *ud);
    luaL_setmetatable(L, STLUA_NVM);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    stl_error err;
    if (stl_nvm_open(dap->dap, &config, &options, &ud->nvm, &err))
        return stlua_raise(L, &err);
    ud->dap = dap;
    stlua_node_open(&ud->node, &dap->node, release_nvm);
    return 1;
}

/* ---- state ---- */

/* An array of words, and is_good beside it. */
static void set_option_words(lua_State *L, const stl_nvm_status *status)
{
    lua_newtable(L);
    for (unsigned i = 0; i < status->option_word_count; i++) {
        lua_newtable(L);
        stlua_set_integer(L, "value", status->option_words[i]);
        stlua_set_bool(L, "is_good", status->is_option_word_good[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "option_words");
}

/* nvm:status() -> table; see lua/meta/stlua.lua */
static int l_status(lua_State *L)
{
    stl_nvm_status status;
    stl_error err;
    if (stl_nvm_get_status(check(L), &status, &err))
        return stlua_raise(L, &err);
    lua_newtable(L);
    stlua_set_integer(L, "rdp_byte", status.rdp_byte);
    stlua_set_integer(L, "rdp_level", status.rdp_level);
    stlua_set_bool(L, "is_sprmod", status.is_sprmod);
    stlua_set_integer(L, "user_byte", status.user_byte);
    stlua_set_integer(L, "bor_level", status.bor_level);
    stlua_set_bool(L, "is_iwdg_software", status.is_iwdg_software);
    stlua_set_bool(L, "is_nrst_stop", status.is_nrst_stop);
    stlua_set_bool(L, "is_nrst_stdby", status.is_nrst_stdby);
    stlua_set_bool(L, "is_bfb2", status.is_bfb2);
    stlua_set_bool(L, "has_option_error", status.has_option_error);
    stlua_set_integer(L, "sr", status.sr);
    stlua_set_integer(L, "pecr", status.pecr);
    stlua_set_integer(L, "obr", status.obr);
    set_option_words(L, &status);
    lua_newtable(L);
    for (unsigned i = 0; i < status.wrp_word_count; i++) {
        lua_pushinteger(L, status.wrp[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "wrp");
    return 1;
}

/* ---- flash by pages ---- */

/* nvm:erase(addr, byte_count [, { progress = fn }]): whole pages. */
static int l_erase(lua_State *L)
{
    static const char *const known[] = {"progress", NULL};
    stl_nvm *nvm = check(L);
    const uint32_t addr = stlua_check_u32(L, 2), count = stlua_check_u32(L, 3);
    stlua_progress progress;
    stl_error err;
    lua_settop(L, 4);
    stlua_check_fields(L, 4, known);
    stlua_progress_begin(L, &progress, 4);
    const stl_code code = stl_nvm_erase(nvm, addr, count, &progress.progress, &err);
    stlua_progress_end(&progress);
    return code ? stlua_raise(L, &err) : 0;
}

/* nvm:program(addr, bytes [, { progress = fn }]): whole half pages of erased flash. */
static int l_program(lua_State *L)
{
    static const char *const known[] = {"progress", NULL};
    stl_nvm *nvm = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    size_t count;
    const char *bytes = luaL_checklstring(L, 3, &count);
    luaL_argcheck(L, count <= STLUA_MAX_BYTES, 3, "too long");
    stlua_progress progress;
    stl_error err;
    lua_settop(L, 4);
    stlua_check_fields(L, 4, known);
    stlua_progress_begin(L, &progress, 4);
    const stl_code code =
        stl_nvm_program(nvm, addr, (const uint8_t *)bytes, (uint32_t)count, &progress.progress, &err);
    stlua_progress_end(&progress);
    return code ? stlua_raise(L, &err) : 0;
}

/* nvm:signatures(addr, page_count) -> array of 64-bit integers, one a page */
static int l_signatures(lua_State *L)
{
    stl_nvm *nvm = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    const uint32_t count =
        (uint32_t)stlua_check_count(L, 3, STLUA_MAX_BYTES / stl_nvm_get_config(nvm)->page_bytes);
    uint64_t *signatures = lua_newuserdatauv(L, (count + 1) * sizeof *signatures, 0);
    stl_error err;
    if (count && stl_nvm_signatures(nvm, addr, count, signatures, &err))
        return stlua_raise(L, &err);
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)signatures[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* stlua.page_signature(bytes) -> the signature the target computes over a page with these bytes */
static int l_page_signature(lua_State *L)
{
    size_t count;
    const char *bytes = luaL_checklstring(L, 1, &count);
    luaL_argcheck(L, count && count % 4 == 0, 1, "a page has whole words");
    lua_pushinteger(L, (lua_Integer)stl_nvm_page_signature((const uint8_t *)bytes, count));
    return 1;
}

/* nvm:write_eeprom(addr, bytes [, { progress = fn }]) -> number of words written */
static int l_write_eeprom(lua_State *L)
{
    static const char *const known[] = {"progress", NULL};
    stl_nvm *nvm = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    size_t count;
    const char *bytes = luaL_checklstring(L, 3, &count);
    luaL_argcheck(L, count >= 1 && count <= STLUA_MAX_BYTES, 3, "no bytes, or too many");
    stlua_progress progress;
    stl_error err;
    uint32_t words = 0;
    lua_settop(L, 4);
    stlua_check_fields(L, 4, known);
    stlua_progress_begin(L, &progress, 4);
    const stl_code code = stl_nvm_write_eeprom(nvm, addr, (const uint8_t *)bytes, (uint32_t)count, &words,
                                               &progress.progress, &err);
    stlua_progress_end(&progress);
    if (code)
        return stlua_raise(L, &err);
    lua_pushinteger(L, words);
    return 1;
}

/* ---- an image as a whole ---- */

/* nvm:plan(image [, { erase_all =, erase_eeprom =, progress = fn }]) -> plan. Writes nothing.
 * Raises: range, read_protected, write_protected. */
static int l_plan(lua_State *L)
{
    static const char *const known[] = {"erase_all", "erase_eeprom", "progress", NULL};
    stl_nvm *nvm = check(L);
    const stl_image *image = stlua_check_image(L, 2);
    lua_settop(L, 3);
    stlua_check_fields(L, 3, known);
    const stl_plan_options options = {
        .is_erase_all = stlua_field_bool(L, 3, "erase_all", false),
        .is_eeprom_erased = stlua_field_bool(L, 3, "erase_eeprom", false),
    };
    stl_plan **plan = stlua_push_plan(L, 1);
    const int plan_index = lua_gettop(L);
    stlua_progress progress;
    stl_error err;
    stlua_progress_begin(L, &progress, 3);
    const stl_code code = stl_nvm_make_plan(nvm, image, &options, &progress.progress, plan, &err);
    stlua_progress_end(&progress);
    if (code)
        return stlua_raise(L, &err);
    lua_pushvalue(L, plan_index);
    return 1;
}

static void push_report(lua_State *L, const stl_nvm_report *report)
{
    lua_newtable(L);
    stlua_set_string(L, "road", report->road == STL_ROAD_LOADER ? "loader" : "direct");
    stlua_set_string(L, "verified_by", method_names[report->verified_by]);
    stlua_set_integer(L, "pages_erased", report->pages_erased);
    stlua_set_integer(L, "half_pages_programmed", report->half_pages_programmed);
    stlua_set_integer(L, "words_programmed", report->words_programmed);
    stlua_set_integer(L, "eeprom_words_written", report->eeprom_words_written);
    stlua_set_integer(L, "flash_time_us", (lua_Integer)report->flash_time_us);
    stlua_set_integer(L, "elapsed_us", (lua_Integer)report->elapsed_us);
    stlua_set_integer(L, "verified_bytes", (lua_Integer)report->verified_bytes);
}

/* What was done before it failed is part of the failure. */
static int raise_with_report(lua_State *L, const stl_error *err, const stl_nvm_report *report)
{
    stlua_push_error(L, err);
    push_report(L, report);
    lua_setfield(L, -2, "report");
    return lua_error(L);
}

/* nvm:apply(plan [, { verify = "signature" | "read", progress = fn }]) -> report. On failure the error
 * has the report so far in its field `report`. */
static int l_apply(lua_State *L)
{
    static const char *const known[] = {"verify", "progress", NULL};
    stl_nvm *nvm = check(L);
    const stl_plan *plan = stlua_check_plan(L, 2, 1);
    lua_settop(L, 3);
    stlua_check_fields(L, 3, known);
    const stl_verify_method method =
        (stl_verify_method)stlua_field_choice(L, 3, "verify", method_names, STL_VERIFY_SIGNATURE);
    stlua_progress progress;
    stl_nvm_report report = {0};
    stl_error err;
    stlua_progress_begin(L, &progress, 3);
    const stl_code code = stl_nvm_apply_plan(nvm, plan, method, &progress.progress, &report, &err);
    stlua_progress_end(&progress);
    if (code)
        return raise_with_report(L, &err, &report);
    push_report(L, &report);
    return 1;
}

/* nvm:verify(image [, { verify = "signature" | "read", progress = fn }]) -> report.
 * Raises: verify (with addr), range, read_protected. */
static int l_verify(lua_State *L)
{
    static const char *const known[] = {"verify", "progress", NULL};
    stl_nvm *nvm = check(L);
    const stl_image *image = stlua_check_image(L, 2);
    lua_settop(L, 3);
    stlua_check_fields(L, 3, known);
    const stl_verify_method method =
        (stl_verify_method)stlua_field_choice(L, 3, "verify", method_names, STL_VERIFY_SIGNATURE);
    stlua_progress progress;
    stl_nvm_report report = {0};
    stl_error err;
    stlua_progress_begin(L, &progress, 3);
    const stl_code code = stl_nvm_verify(nvm, image, method, &progress.progress, &report, &err);
    stlua_progress_end(&progress);
    if (code)
        return raise_with_report(L, &err, &report);
    push_report(L, &report);
    return 1;
}

/* ---- option bytes ---- */

static void read_wrp(lua_State *L, int arg, stl_option_values *values)
{
    if (lua_getfield(L, arg, "wrp") != LUA_TNIL) {
        luaL_argcheck(L, lua_istable(L, -1) && lua_rawlen(L, -1) <= STL_NVM_MAX_WRP_WORDS, arg,
                      "field 'wrp' must be an array of up to four words");
        values->has_wrp = true;
        for (lua_Unsigned i = 0; i < lua_rawlen(L, -1); i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            values->wrp[i] = stlua_check_u32(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static uint8_t field_byte(lua_State *L, int arg, const char *name, bool *is_given)
{
    *is_given = lua_getfield(L, arg, name) != LUA_TNIL;
    lua_pop(L, 1);
    const uint32_t value = stlua_field_u32(L, arg, name, 0);
    luaL_argcheck(L, value <= UINT8_MAX, arg, "an option byte is not above 0xFF");
    return (uint8_t)value;
}

/* nvm:write_options({ rdp_byte =, user_byte =, wrp = {} } [, { mass_erase =, irreversible = }]).
 * Raises: refused (a consent is missing), option_bytes. */
static int l_write_options(lua_State *L)
{
    static const char *const known[] = {"rdp_byte", "user_byte", "wrp", NULL};
    static const char *const consents[] = {"mass_erase", "irreversible", NULL};
    stl_nvm *nvm = check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    stlua_check_fields(L, 2, known);
    stlua_check_fields(L, 3, consents);
    stl_option_values values = {0};
    values.rdp_byte = field_byte(L, 2, "rdp_byte", &values.has_rdp);
    values.user_byte = field_byte(L, 2, "user_byte", &values.has_user);
    read_wrp(L, 2, &values);
    const unsigned consent =
        (stlua_field_bool(L, 3, "mass_erase", false) ? STL_CONSENT_MASS_ERASE : 0u) |
        (stlua_field_bool(L, 3, "irreversible", false) ? STL_CONSENT_IRREVERSIBLE : 0u);
    stl_error err;
    return stl_nvm_write_options(nvm, &values, consent, &err) ? stlua_raise(L, &err) : 0;
}

/* ---- the end ---- */

static int l_close(lua_State *L)
{
    stlua_nvm *ud = luaL_checkudata(L, 1, STLUA_NVM);
    stlua_log(L);
    stlua_node_close(&ud->node);
    return 0;
}

static int l_is_open(lua_State *L)
{
    const stlua_nvm *ud = luaL_checkudata(L, 1, STLUA_NVM);
    lua_pushboolean(L, ud->node.is_open);
    return 1;
}

static int l_tostring(lua_State *L)
{
    const stlua_nvm *ud = luaL_checkudata(L, 1, STLUA_NVM);
    lua_pushfstring(L, "stlua.Nvm (%s)", ud->node.is_open ? "open" : "closed");
    return 1;
}

void stlua_register_nvm(lua_State *L);

void stlua_register_nvm(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"status", l_status},   {"erase", l_erase},
        {"program", l_program}, {"signatures", l_signatures},
        {"plan", l_plan},       {"write_eeprom", l_write_eeprom},
        {"apply", l_apply},     {"verify", l_verify},
        {"close", l_close},     {"write_options", l_write_options},
        {"is_open", l_is_open}, {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", l_close}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};
    stlua_new_type(L, STLUA_NVM, methods, meta);
    lua_pushcfunction(L, l_page_signature);
    lua_setfield(L, -2, "page_signature");
}
