/* core/probe/stlink/registers.c: single words, core registers, DP and AP registers.
 * Source: facts/stlink-protocol 3.4, 3.7.
 *   F2 36 addr u32 -> R8         F2 35 addr u32, value u32 -> R2      any aligned word
 *   F2 33 reg -> R8              F2 34 reg, value u32 -> R2           core registers, halted
 *   F2 45 port u16, reg u16 -> R8   F2 46 port u16, reg u16, value u32 -> R2   port FFFF is the DP */
#include "stl/bytes.h"
#include "stlink.h"

enum { R2_BYTES = 2, R8_BYTES = 8, PORT_DP = 0xFFFF };

static stl_code read_value(stlink *link, const uint8_t *request, size_t request_bytes,
                           uint32_t *value, stl_error *err)
{
    uint8_t reply[R8_BYTES];
    stl_code code = stlink_command(link, request, request_bytes, reply, sizeof reply, err);
    if (!code)
        *value = stl_get_u32le(reply + 4);
    return code;
}

stl_code stlink_read_word(void *state, uint32_t addr, uint32_t *value, stl_error *err)
{
    uint8_t request[6] = {CMD_DEBUG, DEBUG_READDEBUGREG};
    stl_put_u32le(request + 2, addr);
    stl_code code = read_value(state, request, sizeof request, value, err);
    return code ? stl_error_at(err, addr) : STL_OK;
}

stl_code stlink_write_word(void *state, uint32_t addr, uint32_t value, stl_error *err)
{
    uint8_t request[10] = {CMD_DEBUG, DEBUG_WRITEDEBUGREG}, reply[R2_BYTES];
    stl_put_u32le(request + 2, addr);
    stl_put_u32le(request + 6, value);
    stl_code code = stlink_command(state, request, sizeof request, reply, sizeof reply, err);
    return code ? stl_error_at(err, addr) : STL_OK;
}

stl_code stlink_read_core_reg(void *state, unsigned reg, uint32_t *value, stl_error *err)
{
    const uint8_t request[] = {CMD_DEBUG, DEBUG_READREG, (uint8_t)reg};
    return read_value(state, request, sizeof request, value, err);
}

stl_code stlink_write_core_reg(void *state, unsigned reg, uint32_t value, stl_error *err)
{
    uint8_t request[7] = {CMD_DEBUG, DEBUG_WRITEREG, (uint8_t)reg}, reply[R2_BYTES];
    stl_put_u32le(request + 3, value);
    return stlink_command(state, request, sizeof request, reply, sizeof reply, err);
}

static stl_code check_dap(const stlink *link, stl_error *err)
{
    if (link->info->features.has_dap_registers)
        return STL_OK;
    return stl_fail(err, STL_E_UNSUPPORTED, "update the probe's firmware with ST's tool",
                    "DP and AP registers need probe firmware J24, this is %s",
                    link->info->firmware);
}

stl_code stlink_read_dap(void *state, int ap, uint8_t reg_addr, uint32_t *value, stl_error *err)
{
    stlink *link = state;
    stl_code code = check_dap(link, err);
    if (code)
        return code;
    uint8_t request[6] = {CMD_DEBUG, DEBUG_READ_DAP_REG};
    stl_put_u16le(request + 2, ap == STL_PROBE_AP_DP ? PORT_DP : (uint16_t)ap);
    stl_put_u16le(request + 4, reg_addr);
    return read_value(link, request, sizeof request, value, err);
}

stl_code stlink_write_dap(void *state, int ap, uint8_t reg_addr, uint32_t value, stl_error *err)
{
    stlink *link = state;
    stl_code code = check_dap(link, err);
    if (code)
        return code;
    uint8_t request[10] = {CMD_DEBUG, DEBUG_WRITE_DAP_REG}, reply[R2_BYTES];
    stl_put_u16le(request + 2, ap == STL_PROBE_AP_DP ? PORT_DP : (uint16_t)ap);
    stl_put_u16le(request + 4, reg_addr);
    stl_put_u32le(request + 6, value);
    return stlink_command(link, request, sizeof request, reply, sizeof reply, err);
}
