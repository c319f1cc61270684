/* lua/bind/probe.c: one ST-LINK, real or simulated. */
#include "bind.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_REQUEST_BYTES = 16, MAX_REPLY_BYTES = 65536, ADMIN_ANSWER_BYTES = 8192 };

/* Nothing is raised here: the work is done, and what could not be traced is a remark on it. */
static void close_trace(stlua_probe *ud, const stl_log *log)
{
    stl_error err;
    if (ud->trace && stl_trace_close(ud->trace, NULL, &err))
        stl_log_write(log, STL_LOG_WARN, "%s", err.frame[0]);
    ud->trace = NULL;
}

static void release_probe(stlua_node *node)
{
    stlua_probe *ud = (stlua_probe *)node;
    const stl_log *log = stl_probe_log(ud->probe);
    stl_probe_close(ud->probe);
    ud->probe = NULL;
    close_trace(ud, log);
}

stlua_probe *stlua_check_probe(lua_State *L, int arg)
{
    stlua_probe *ud = luaL_checkudata(L, arg, STLUA_PROBE);
    luaL_argcheck(L, ud->node.is_open, arg, "probe is closed");
    stlua_log(L);
    return ud;
}

static stl_probe *check(lua_State *L)
{
    return stlua_check_probe(L, 1)->probe;
}

/* The userdata exists, marked closed, before the probe does: a raise cannot leak it. */
static stlua_probe *push_probe(lua_State *L)
{
    stlua_probe *ud = lua_newuserdatauv(L, sizeof *ud, 0);
    memset(ud, 0, sizeof *ud);
    luaL_setmetatable(L, STLUA_PROBE);
    return ud;
}

/* trace_path may be NULL. */
static int open_probe(lua_State *L, stlua_probe *ud, stl_transport *transport,
                      const char *trace_path)
{
    stl_error err;
    if (trace_path && stl_trace_open(trace_path, &ud->trace, &err)) {
        stl_transport_close(transport);
        return stlua_raise(L, &err);
    }
    transport->trace = ud->trace;
    if (stl_probe_open(transport, &ud->probe, &err)) {
        close_trace(ud, stlua_log(L));
        return stlua_raise(L, &err);
    }
    stlua_node_open(&ud->node, NULL, release_probe);
    return 1;
}

/* stlua.open_usb(port or nil [, trace_path]) -> probe. Without a port: the only one there is.
 * Raises: no_probe, ambiguous, permission, probe_busy, usb, unsupported. */
static int l_open_usb(lua_State *L)
{
    const char *port = luaL_optstring(L, 1, NULL), *trace_path = luaL_optstring(L, 2, NULL);
    stlua_probe *ud = push_probe(L);
    size_t id_count;
    const stl_usb_id *ids = stl_probe_usb_ids(&id_count);
    stl_transport *transport;
    stl_error err;
    if (port ? stl_transport_open_usb(port, stlua_log(L), &transport, &err)
             : stl_transport_open_only_usb(ids, id_count, stlua_log(L), &transport, &err))
        return stlua_raise(L, &err);
    return open_probe(L, ud, transport, trace_path);
}

/* stlua.open_sim(spec, simulator_path [, trace_path]) -> probe with a simulator of its own. Raises: argument, file. */
static int l_open_sim(lua_State *L)
{
    const char *spec = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2);
    const char *trace_path = luaL_optstring(L, 3, NULL);
    stlua_probe *ud = push_probe(L);
    stl_transport *transport;
    stl_error err;
    if (stl_transport_open_sim(path, spec, stlua_log(L), &transport, &err))
        return stlua_raise(L, &err);
    return open_probe(L, ud, transport, trace_path);
}

/* stlua.join_sim(socket_path [, trace_path]) -> probe of a running simulator. Raises: no_probe, probe_busy. */
static int l_join_sim(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1), *trace_path = luaL_optstring(L, 2, NULL);
    stlua_probe *ud = push_probe(L);
    stl_transport *transport;
    stl_error err;
    if (stl_transport_join_sim(path, stlua_log(L), &transport, &err))
        return stlua_raise(L, &err);
    return open_probe(L, ud, transport, trace_path);
}

/* ---- the bus ---- */

static void push_found(lua_State *L, const stl_usb_found *found)
{
    char serial[STL_SERIAL_CHARS], ascii[STL_SERIAL_CHARS];
    const stl_usb_identity *identity = &found->identity;
    stl_probe_decode_serial(identity->serial_raw, identity->serial_raw_count, serial, ascii);
    lua_newtable(L);
    stlua_set_string(L, "port", identity->port);
    stlua_set_string(L, "product", identity->product);
    lua_pushlstring(L, (const char *)identity->serial_raw, identity->serial_raw_count);
    lua_setfield(L, -2, "serial_raw");
    stlua_set_string(L, "serial", serial);
    stlua_set_string(L, "serial_ascii", ascii);
    stlua_set_integer(L, "vendor_id", identity->vendor_id);
    stlua_set_integer(L, "product_id", identity->product_id);
    if (found->open_code)
        stlua_set_string(L, "open_error", stl_code_name(found->open_code));
    if (found->holder[0])
        stlua_set_string(L, "holder", found->holder);
}

static int free_found(lua_State *L)
{
    stl_usb_found **found = lua_touserdata(L, 1);
    free(*found);
    *found = NULL;
    return 0;
}

/* stlua.list_usb() -> array of what is on the bus, whether or not it could be opened. Raises: usb. */
static int l_list_usb(lua_State *L)
{
    /* a pointer is what is kept: NOLINTNEXTLINE(bugprone-sizeof-expression) */
    stl_usb_found **found = lua_newuserdatauv(L, sizeof *found, 0);
    *found = NULL;
    if (luaL_newmetatable(L, "stlua.UsbList")) {
        lua_pushcfunction(L, free_found);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    size_t id_count, found_count;
    const stl_usb_id *ids = stl_probe_usb_ids(&id_count);
    stl_error err;
    if (stl_usb_enumerate(ids, id_count, found, &found_count, &err))
        return stlua_raise(L, &err);
    lua_newtable(L);
    for (size_t i = 0; i < found_count; i++) {
        push_found(L, &(*found)[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- what it is ---- */

static void set_features(lua_State *L, const stl_probe_features *features)
{
    lua_newtable(L);
    stlua_set_bool(L, "has_voltage", features->has_voltage);
    stlua_set_bool(L, "has_rw_status2", features->has_rw_status2);
    stlua_set_bool(L, "has_swd_set_freq", features->has_swd_set_freq);
    stlua_set_bool(L, "has_dap_registers", features->has_dap_registers);
    stlua_set_bool(L, "has_mem_16bit", features->has_mem_16bit);
    stlua_set_bool(L, "has_multi_ap", features->has_multi_ap);
    stlua_set_bool(L, "has_csw", features->has_csw);
    stlua_set_bool(L, "has_com_freq", features->has_com_freq);
    stlua_set_integer(L, "mem8_max_bytes", features->mem8_max_bytes);
    stlua_set_integer(L, "mem32_max_bytes", features->mem32_max_bytes);
    lua_setfield(L, -2, "features");
}

/* probe:info() -> table. No transfer. */
static int l_info(lua_State *L)
{
    const stl_probe_info *info = stl_probe_get_info(check(L));
    lua_newtable(L);
    stlua_set_string(L, "kind", info->kind);
    stlua_set_string(L, "product", info->product);
    stlua_set_string(L, "port", info->port);
    stlua_set_string(L, "firmware", info->firmware);
    stlua_set_integer(L, "major", info->major);
    stlua_set_integer(L, "jtag", info->jtag);
    stlua_set_integer(L, "swim", info->swim);
    stlua_set_integer(L, "msd", info->msd);
    stlua_set_integer(L, "bridge", info->bridge);
    stlua_set_integer(L, "power", info->power);
    stlua_set_integer(L, "vendor_id", info->vendor_id);
    stlua_set_integer(L, "product_id", info->product_id);
    stlua_set_string(L, "serial", info->serial);
    stlua_set_string(L, "serial_ascii", info->serial_ascii);
    set_features(L, &info->features);
    return 1;
}

/* probe:voltage_mv() -> target supply; 0 when the probe has no reference. Raises: unsupported, usb. */
static int l_voltage_mv(lua_State *L)
{
    uint32_t mv;
    stl_error err;
    if (stl_probe_voltage_mv(check(L), &mv, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, mv);
    return 1;
}

/* probe:set_swclk(khz) -> what the probe has that is not above it. */
static int l_set_swclk(lua_State *L)
{
    uint32_t actual_khz;
    stl_error err;
    if (stl_probe_set_swclk(check(L), stlua_check_u32(L, 2), &actual_khz, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, actual_khz);
    return 1;
}

/* probe:enter(): SWD debug mode; the target is neither halted nor reset. */
static int l_enter(lua_State *L)
{
    stl_error err;
    return stl_probe_enter(check(L), &err) ? stlua_raise(L, &err) : 0;
}

/* probe:exit(): leave debug mode, which releases nRST too. */
static int l_exit(lua_State *L)
{
    stl_error err;
    return stl_probe_exit(check(L), &err) ? stlua_raise(L, &err) : 0;
}

/* probe:is_entered() -> boolean */
static int l_is_entered(lua_State *L)
{
    bool is_entered;
    stl_error err;
    if (stl_probe_is_entered(check(L), &is_entered, &err))
        return stlua_raise(L, &err);
    lua_pushboolean(L, is_entered);
    return 1;
}

/* probe:nrst(is_low): drive the pin low, or release it. */
static int l_nrst(lua_State *L)
{
    stl_probe *probe = check(L);
    luaL_checktype(L, 2, LUA_TBOOLEAN);
    stl_error err;
    return stl_probe_drive_nrst(probe, lua_toboolean(L, 2), &err) ? stlua_raise(L, &err) : 0;
}

/* ---- raw access ---- */

/* probe:command(request [, data_out [, reply_room]]) -> reply. The status in it is not looked at. */
static int l_command(lua_State *L)
{
    stl_probe *probe = check(L);
    size_t request_bytes, data_bytes, reply_bytes = 0;
    const char *request = luaL_checklstring(L, 2, &request_bytes);
    luaL_argcheck(L, request_bytes >= 1 && request_bytes <= MAX_REQUEST_BYTES, 2,
                  "a command has 1 to 16 bytes");
    const char *data = luaL_optlstring(L, 3, "", &data_bytes);
    const size_t room = lua_isnoneornil(L, 4) ? 64 : stlua_check_count(L, 4, MAX_REPLY_BYTES);
    luaL_Buffer reply;
    char *bytes = luaL_buffinitsize(L, &reply, room + 1);
    stl_error err;
    if (stl_probe_raw_command(probe, (const uint8_t *)request, request_bytes, (const uint8_t *)data,
                              data_bytes, (uint8_t *)bytes, room, &reply_bytes, &err))
        return stlua_raise(L, &err);
    luaL_pushresultsize(&reply, reply_bytes);
    return 1;
}

/* probe:read_dpidr() -> integer */
static int l_read_dpidr(lua_State *L)
{
    uint32_t value;
    stl_error err;
    if (stl_probe_read_dpidr(check(L), &value, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, value);
    return 1;
}

/* probe:read_dp(reg_addr) -> integer. Raises: unsupported before firmware J24. */
static int l_read_dp(lua_State *L)
{
    uint32_t value;
    stl_error err;
    if (stl_probe_read_dp(check(L), stlua_check_u8(L, 2), &value, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, value);
    return 1;
}

/* probe:write_dp(reg_addr, value) */
static int l_write_dp(lua_State *L)
{
    stl_error err;
    return stl_probe_write_dp(check(L), stlua_check_u8(L, 2), stlua_check_u32(L, 3), &err)
               ? stlua_raise(L, &err)
               : 0;
}

/* probe:read_ap(ap, reg_addr) -> integer */
static int l_read_ap(lua_State *L)
{
    uint32_t value;
    stl_error err;
    if (stl_probe_read_ap(check(L), stlua_check_u8(L, 2), stlua_check_u8(L, 3), &value, &err))
        return stlua_raise(L, &err);
    lua_pushinteger(L, value);
    return 1;
}

/* probe:write_ap(ap, reg_addr, value) */
static int l_write_ap(lua_State *L)
{
    stl_error err;
    return stl_probe_write_ap(check(L), stlua_check_u8(L, 2), stlua_check_u8(L, 3),
                              stlua_check_u32(L, 4), &err)
               ? stlua_raise(L, &err)
               : 0;
}

/* probe:admin(line) -> the simulator's answer. Raises: unsupported on a real probe, argument. */
static int l_admin(lua_State *L)
{
    stl_probe *probe = check(L);
    const char *line = luaL_checkstring(L, 2);
    luaL_Buffer answer;
    char *text = luaL_buffinitsize(L, &answer, ADMIN_ANSWER_BYTES);
    stl_error err;
    if (stl_transport_sim_admin(stl_probe_transport(probe), line, text, ADMIN_ANSWER_BYTES, &err))
        return stlua_raise(L, &err);
    luaL_pushresultsize(&answer, strlen(text));
    return 1;
}

/* ---- counters and time ---- */

/* probe:transfers() -> { run_count, bytes_out, bytes_in } since it was opened */
static int l_transfers(lua_State *L)
{
    const stl_transport *transport = stl_probe_transport(check(L));
    lua_newtable(L);
    stlua_set_integer(L, "run_count", (lua_Integer)transport->run_count);
    stlua_set_integer(L, "bytes_out", (lua_Integer)transport->bytes_out);
    stlua_set_integer(L, "bytes_in", (lua_Integer)transport->bytes_in);
    return 1;
}

/* probe:now_s() -> seconds in the time this probe lives in */
static int l_now_s(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)stl_now_us(stl_probe_clock(check(L))) / 1e6);
    return 1;
}

/* probe:close(), `local p <close>` and __gc all come here; the second call is a no-op. */
static int l_close(lua_State *L)
{
    stlua_probe *ud = luaL_checkudata(L, 1, STLUA_PROBE);
    stlua_log(L);
    stlua_node_close(&ud->node);
    return 0;
}

/* probe:is_open() -> boolean */
static int l_is_open(lua_State *L)
{
    const stlua_probe *ud = luaL_checkudata(L, 1, STLUA_PROBE);
    lua_pushboolean(L, ud->node.is_open);
    return 1;
}

static int l_tostring(lua_State *L)
{
    const stlua_probe *ud = luaL_checkudata(L, 1, STLUA_PROBE);
    if (ud->node.is_open)
        lua_pushfstring(L, "stlua.Probe (%s %s)", stl_probe_get_info(ud->probe)->kind,
                        stl_probe_get_info(ud->probe)->port);
    else
        lua_pushliteral(L, "stlua.Probe (closed)");
    return 1;
}

void stlua_register_probe(lua_State *L);

void stlua_register_probe(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"list_usb", l_list_usb}, {"open_usb", l_open_usb}, {"open_sim", l_open_sim},
        {"join_sim", l_join_sim}, {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"info", l_info},
        {"voltage_mv", l_voltage_mv},
        {"set_swclk", l_set_swclk},
        {"enter", l_enter},
        {"exit", l_exit},
        {"is_entered", l_is_entered},
        {"nrst", l_nrst},
        {"command", l_command},
        {"read_dpidr", l_read_dpidr},
        {"read_dp", l_read_dp},
        {"write_dp", l_write_dp},
        {"read_ap", l_read_ap},
        {"write_ap", l_write_ap},
        {"connect", stlua_dap_connect},
        {"admin", l_admin},
        {"transfers", l_transfers},
        {"now_s", l_now_s},
        {"is_open", l_is_open},
        {"close", l_close},
        {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", l_close}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};
    stlua_new_type(L, STLUA_PROBE, methods, meta);
    luaL_setfuncs(L, functions, 0);
}
