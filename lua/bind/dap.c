/* lua/bind/dap.c: an attached Cortex-M target: its memory and its core. */
#include "bind.h"

#include <string.h>

#include "stl/bytes.h"

enum { MAX_CALL_ARGS = 4, SPECIAL_REGS = 20, DEFAULT_CALL_TIMEOUT_MS = 1000 };

static void release_dap(stlua_node *node)
{
    stlua_dap *ud = (stlua_dap *)node;
    stl_error ignored = {0}, *err = ud->left_err ? ud->left_err : &ignored;
    const stl_code code =
        ud->is_left_halted ? stl_dap_close_halted(ud->dap, err) : stl_dap_close(ud->dap, err);
    (void)code; /* err->code tells */
    ud->dap = NULL;
}

stlua_dap *stlua_check_dap(lua_State *L, int arg)
{
    stlua_dap *ud = luaL_checkudata(L, arg, STLUA_DAP);
    luaL_argcheck(L, ud->node.is_open, arg, "the connection to the target is closed");
    stlua_log(L);
    return ud;
}

static stl_dap *check(lua_State *L)
{
    return stlua_check_dap(L, 1)->dap;
}

/* probe:connect { mode = "normal" | "under-reset" | "hotplug", swclk_khz = 0 } -> dap.
 * Raises: no_target, dap_fault, timeout, usb. */
int stlua_dap_connect(lua_State *L)
{
    static const char *const modes[] = {"normal", "under-reset", "hotplug", NULL};
    static const char *const known[] = {"mode", "swclk_khz", NULL};
    stlua_probe *probe = stlua_check_probe(L, 1);
    luaL_argcheck(L, !probe->node.first_child, 1, "the probe is connected already; close that first");
    stlua_check_fields(L, 2, known);
    const stl_connect_options options = {
        .mode = (stl_connect_mode)stlua_field_choice(L, 2, "mode", modes, STL_CONNECT_NORMAL),
        .swclk_khz = stlua_field_u32(L, 2, "swclk_khz", 0),
    };
    stlua_dap *ud = lua_newuserdatauv(L, sizeof *ud, 1);
    memset(ud, 0, sizeof *ud);
    luaL_setmetatable(L, STLUA_DAP);
    lua_pushvalue(L, 1); /* keeps the probe alive */
    lua_setiuservalue(L, -2, 1);
    stl_error err;
    if (stl_dap_connect(probe->probe, &options, &ud->dap, &err))
        return stlua_raise(L, &err);
    ud->probe = probe;
    stlua_node_open(&ud->node, &probe->node, release_dap);
    return 1;
}

/* dap:info() -> { dpidr, cpuid, swclk_khz, is_nrst_effective, was_nrst_tried }. No transfer. */
static int l_info(lua_State *L)
{
    const stl_dap_info *info = stl_dap_get_info(check(L));
    lua_newtable(L);
    stlua_set_integer(L, "dpidr", info->dpidr);
    stlua_set_integer(L, "cpuid", info->cpuid);
    stlua_set_integer(L, "swclk_khz", info->swclk_khz);
    stlua_set_bool(L, "is_nrst_effective", info->is_nrst_effective);
    stlua_set_bool(L, "was_nrst_tried", info->was_nrst_tried);
    return 1;
}

/* ---- memory ---- */

/* dap:read(addr, byte_count) -> string. Raises: dap_fault, no_target, usb. */
static int l_read(lua_State *L)
{
    stl_dap *dap = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    const size_t count = stlua_check_count(L, 3, STLUA_MAX_BYTES);
    luaL_argcheck(L, addr + (uint64_t)count <= UINT64_C(1) << 32, 3, "runs past 0xFFFFFFFF");
    luaL_Buffer out;
    char *bytes = luaL_buffinitsize(L, &out, count);
    stl_error err;
    if (stl_mem_read(dap, addr, bytes, count, &err))
        return stlua_raise(L, &err);
    luaL_pushresultsize(&out, count);
    return 1;
}

/* dap:write(addr, bytes) */
static int l_write(lua_State *L)
{
    stl_dap *dap = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    size_t count;
    const char *bytes = luaL_checklstring(L, 3, &count);
    luaL_argcheck(L, addr + (uint64_t)count <= UINT64_C(1) << 32, 3, "runs past 0xFFFFFFFF");
    stl_error err;
    return stl_mem_write(dap, addr, bytes, count, &err) ? stlua_raise(L, &err) : 0;
}

static uint32_t get_value(const uint8_t *bytes, unsigned width)
{
    return width == 1 ? bytes[0] : width == 2 ? stl_get_u16le(bytes) : stl_get_u32le(bytes);
}

static void put_value(uint8_t *bytes, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

/* Without a count one value, with one an array. All accesses are width bytes wide. */
static int read_values(lua_State *L, unsigned width)
{
    stl_dap *dap = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    const bool is_array = !lua_isnoneornil(L, 3);
    const size_t count = is_array ? stlua_check_count(L, 3, STLUA_MAX_BYTES / width) : 1;
    luaL_argcheck(L, addr % width == 0, 2, "is not aligned");
    luaL_argcheck(L, addr + (uint64_t)count * width <= UINT64_C(1) << 32, 3, "runs past 0xFFFFFFFF");
    uint8_t *bytes = lua_newuserdatauv(L, count * width + 1, 0); /* Lua frees it */
    stl_error err;
    if (count && stl_mem_read_as(dap, width, addr, bytes, count * width, &err))
        return stlua_raise(L, &err);
    if (!is_array) {
        lua_pushinteger(L, get_value(bytes, width));
        return 1;
    }
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, get_value(bytes + i * width, width));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static uint32_t check_value(lua_State *L, int index, unsigned width)
{
    int is_integer;
    const lua_Integer value = lua_tointegerx(L, index, &is_integer);
    const lua_Integer most = (lua_Integer)(UINT32_MAX >> (32 - 8 * width));
    if (!is_integer || value < 0 || value > most)
        luaL_argerror(L, 3, lua_pushfstring(L, "values must be in 0 .. %I", (LUAI_UACINT)most));
    return (uint32_t)value;
}

static int write_values(lua_State *L, unsigned width)
{
    stl_dap *dap = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    const bool is_array = lua_istable(L, 3);
    if (!is_array)
        luaL_checkinteger(L, 3);
    const size_t count = is_array ? lua_rawlen(L, 3) : 1;
    luaL_argcheck(L, addr % width == 0, 2, "is not aligned");
    luaL_argcheck(L, count <= STLUA_MAX_BYTES && addr + (uint64_t)count * width <= UINT64_C(1) << 32, 3,
                  "runs past 0xFFFFFFFF");
    uint8_t *bytes = lua_newuserdatauv(L, count * width + 1, 0);
    for (size_t i = 0; i < count; i++) {
        if (is_array)
            lua_rawgeti(L, 3, (lua_Integer)i + 1);
        else
            lua_pushvalue(L, 3);
        put_value(bytes + i * width, width, check_value(L, -1, width));
        lua_pop(L, 1);
    }
    stl_error err;
    if (count && stl_mem_write_as(dap, width, addr, bytes, count * width, &err))
        return stlua_raise(L, &err);
    return 0;
}

/* dap:read8(addr [, count]), read16, read32 -> integer, or an array of count integers */
static int l_read8(lua_State *L)
{
    return read_values(L, 1);
}
static int l_read16(lua_State *L)
{
    return read_values(L, 2);
}
static int l_read32(lua_State *L)
{
    return read_values(L, 4);
}

/* dap:write8(addr, value | array), write16, write32 */
static int l_write8(lua_State *L)
{
    return write_values(L, 1);
}
static int l_write16(lua_State *L)
{
    return write_values(L, 2);
}
static int l_write32(lua_State *L)
{
    return write_values(L, 4);
}

/* ---- registers ---- */

/* The four special registers share one DCRSR number (ARMv7-M ARM, C1.6.3): shift is where in it. */
typedef struct reg_name {
    const char *name;
    unsigned reg, shift;
    bool is_special;
} reg_name;

static const reg_name reg_names[] = {
    {"r0", 0, 0, false},        {"r1", 1, 0, false},          {"r2", 2, 0, false},
    {"r3", 3, 0, false},        {"r4", 4, 0, false},          {"r5", 5, 0, false},
    {"r6", 6, 0, false},        {"r7", 7, 0, false},          {"r8", 8, 0, false},
    {"r9", 9, 0, false},        {"r10", 10, 0, false},        {"r11", 11, 0, false},
    {"r12", 12, 0, false},      {"sp", 13, 0, false},         {"lr", 14, 0, false},
    {"pc", 15, 0, false},       {"xpsr", 16, 0, false},       {"msp", 17, 0, false},
    {"psp", 18, 0, false},      {"r13", 13, 0, false},        {"r14", 14, 0, false},
    {"r15", 15, 0, false},      {"primask", 20, 0, true},     {"basepri", 20, 8, true},
    {"faultmask", 20, 16, true}, {"control", 20, 24, true},
};

static const reg_name *check_reg(lua_State *L, int arg)
{
    const char *name = luaL_checkstring(L, arg);
    for (size_t i = 0; i < sizeof reg_names / sizeof *reg_names; i++)
        if (!strcmp(reg_names[i].name, name))
            return &reg_names[i];
    luaL_argerror(L, arg, lua_pushfstring(L, "there is no core register '%s'", name));
    return NULL;
}

/* dap:read_reg(name) -> integer. The core must be halted. */
static int l_read_reg(lua_State *L)
{
    stl_dap *dap = check(L);
    const reg_name *reg = check_reg(L, 2);
    uint32_t value;
    stl_error err;
    if (stl_core_read_reg(dap, reg->reg, &value, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, reg->is_special ? value >> reg->shift & 0xFFu : value);
    return 1;
}

/* dap:write_reg(name, value) */
static int l_write_reg(lua_State *L)
{
    stl_dap *dap = check(L);
    const reg_name *reg = check_reg(L, 2);
    uint32_t value = reg->is_special ? stlua_check_u8(L, 3) : stlua_check_u32(L, 3);
    stl_error err;
    if (reg->is_special) {
        uint32_t all;
        if (stl_core_read_reg(dap, SPECIAL_REGS, &all, &err))
            return stlua_raise(L, &err);
        value = (all & ~(0xFFu << reg->shift)) | value << reg->shift;
    }
    return stl_core_write_reg(dap, reg->reg, value, &err) ? stlua_raise(L, &err) : 0;
}

/* ---- the core ---- */

/* dap:state() -> { dhcsr, is_halted, is_sleeping, is_locked_up, was_reset } */
static int l_state(lua_State *L)
{
    stl_core_state state;
    stl_error err;
    if (stl_core_get_state(check(L), &state, &err))
        return stlua_raise(L, &err);
    lua_newtable(L);
    stlua_set_integer(L, "dhcsr", state.dhcsr);
    stlua_set_bool(L, "is_halted", state.is_halted);
    stlua_set_bool(L, "is_sleeping", state.is_sleeping);
    stlua_set_bool(L, "is_locked_up", state.is_locked_up);
    stlua_set_bool(L, "was_reset", state.was_reset);
    return 1;
}

static int l_halt(lua_State *L)
{
    stl_error err;
    return stl_core_halt(check(L), &err) ? stlua_raise(L, &err) : 0;
}

static int l_run(lua_State *L)
{
    stl_error err;
    return stl_core_run(check(L), &err) ? stlua_raise(L, &err) : 0;
}

static int l_step(lua_State *L)
{
    stl_error err;
    return stl_core_step(check(L), &err) ? stlua_raise(L, &err) : 0;
}

/* dap:clean(): bring a halted core into a state in which code in RAM can run. */
static int l_clean(lua_State *L)
{
    stl_error err;
    return stl_core_clean(check(L), &err) ? stlua_raise(L, &err) : 0;
}

/* dap:reset { kind = "system" | "nrst", halt = true } */
static int l_reset(lua_State *L)
{
    static const char *const kinds[] = {"system", "nrst", NULL};
    static const char *const known[] = {"kind", "halt", NULL};
    stl_dap *dap = check(L);
    stlua_check_fields(L, 2, known);
    const stl_reset_kind kind = (stl_reset_kind)stlua_field_choice(L, 2, "kind", kinds, STL_RESET_SYSTEM);
    stl_error err;
    return stl_core_reset(dap, kind, stlua_field_bool(L, 2, "halt", true), &err) ? stlua_raise(L, &err)
                                                                                   : 0;
}

/* dap:wait_halt(timeout_ms). Raises: timeout, and leaves the core running then. */
static int l_wait_halt(lua_State *L)
{
    stl_error err;
    return stl_core_wait_halt(check(L), stlua_check_u32(L, 2), &err) ? stlua_raise(L, &err) : 0;
}

/* dap:set_breakpoint(addr): hardware, below 0x20000000. Raises: unsupported when all are used. */
static int l_set_breakpoint(lua_State *L)
{
    stl_error err;
    return stl_core_set_breakpoint(check(L), stlua_check_u32(L, 2), &err) ? stlua_raise(L, &err) : 0;
}

static int l_clear_breakpoint(lua_State *L)
{
    stl_error err;
    return stl_core_clear_breakpoint(check(L), stlua_check_u32(L, 2), &err) ? stlua_raise(L, &err) : 0;
}

/* dap:call(entry_addr, { args }, { stack_addr =, return_addr =, timeout_ms = 1000 }) -> r0 */
static int l_call(lua_State *L)
{
    static const char *const known[] = {"stack_addr", "return_addr", "timeout_ms", NULL};
    stl_dap *dap = check(L);
    const uint32_t entry_addr = stlua_check_u32(L, 2);
    uint32_t args[MAX_CALL_ARGS] = {0};
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        const lua_Unsigned count = lua_rawlen(L, 3);
        luaL_argcheck(L, count <= MAX_CALL_ARGS, 3, "at most four arguments go in registers");
        for (lua_Unsigned i = 0; i < count; i++) {
            lua_rawgeti(L, 3, (lua_Integer)i + 1);
            args[i] = check_value(L, -1, 4);
            lua_pop(L, 1);
        }
    }
    luaL_checktype(L, 4, LUA_TTABLE);
    stlua_check_fields(L, 4, known);
    const uint32_t stack_addr = stlua_need_u32(L, 4, "stack_addr");
    const uint32_t return_addr = stlua_need_u32(L, 4, "return_addr");
    const uint32_t timeout_ms = stlua_field_u32(L, 4, "timeout_ms", DEFAULT_CALL_TIMEOUT_MS);
    uint32_t result;
    stl_error err;
    if (stl_core_call(dap, entry_addr, stack_addr, return_addr, args, timeout_ms, &result, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, result);
    return 1;
}

/* ---- the end ---- */

/* __close and __gc: as l_close, and nobody hears how it went. */
static int l_drop(lua_State *L)
{
    stlua_dap *ud = luaL_checkudata(L, 1, STLUA_DAP);
    stlua_log(L);
    stlua_node_close(&ud->node);
    return 0;
}

/* dap:close() -> true | nil, error: disarm, let the core run, leave debug mode. It is often called on the
 * way out of another error, so it raises none of its own. */
static int l_close(lua_State *L)
{
    stlua_dap *ud = luaL_checkudata(L, 1, STLUA_DAP);
    stl_error err = {0};
    ud->left_err = &err;
    l_drop(L);
    ud->left_err = NULL;
    if (!err.code) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushnil(L);
    stlua_push_error(L, &err);
    return 2;
}

/* dap:close_halted() -> true | nil, error: the same, but the core stays as it is. */
static int l_close_halted(lua_State *L)
{
    stlua_dap *ud = luaL_checkudata(L, 1, STLUA_DAP);
    ud->is_left_halted = true;
    return l_close(L);
}

static int l_is_open(lua_State *L)
{
    const stlua_dap *ud = luaL_checkudata(L, 1, STLUA_DAP);
    lua_pushboolean(L, ud->node.is_open);
    return 1;
}

static int l_tostring(lua_State *L)
{
    const stlua_dap *ud = luaL_checkudata(L, 1, STLUA_DAP);
    lua_pushfstring(L, "stlua.Dap (%s)", ud->node.is_open ? "connected" : "closed");
    return 1;
}

void stlua_register_dap(lua_State *L);

void stlua_register_dap(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"info", l_info},
        {"read", l_read},
        {"write", l_write},
        {"read8", l_read8},
        {"read16", l_read16},
        {"read32", l_read32},
        {"write8", l_write8},
        {"write16", l_write16},
        {"write32", l_write32},
        {"read_reg", l_read_reg},
        {"write_reg", l_write_reg},
        {"state", l_state},
        {"halt", l_halt},
        {"run", l_run},
        {"step", l_step},
        {"reset", l_reset},
        {"wait_halt", l_wait_halt},
        {"set_breakpoint", l_set_breakpoint},
        {"clear_breakpoint", l_clear_breakpoint},
        {"clean", l_clean},
        {"call", l_call},
        {"nvm", stlua_nvm_open},
        {"is_open", l_is_open},
        {"close", l_close},
        {"close_halted", l_close_halted},
        {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", l_drop}, {"__close", l_drop}, {"__tostring", l_tostring}, {NULL, NULL}};
    stlua_new_type(L, STLUA_DAP, methods, meta);
}
