/* core/sim/dap.c: DP and AP registers one by one, opening of access ports, and RW_MISC.
 * Source: ST-LINK protocol sheet, 3.7; 2.4 (which firmware has what). */
#include "device_internal.h"

#include <string.h>

enum { PORT_DP = 0xFFFF };
enum { MISC_ADDRESS = 1, MISC_WRITE = 2, MISC_READ = 3, MISC_APNUM = 5 };

static uint8_t check_port(const sim_device *device, unsigned port, unsigned reg)
{
    if (port != PORT_DP) {
        if ((reg & 3u) || reg > 0xFC)
            return ST_CMD_ERROR;
        if (reg == AP_IDR && port <= MAX_AP)
            return ST_OK; /* readable without opening: hosts scan for APs with it */
        return ap_check(device, port, true);
    }
    const bool has_banks = sim_firmware_has(&device->firmware, 32, 2);
    return (reg & 3u) || reg > (has_banks ? 0xFCu : 0x0Cu) ? ST_CMD_ERROR : ST_OK;
}

/* A banked DP register: SELECT before and after; the firmware keeps bank 0 otherwise. */
static uint8_t select_bank(sim_device *device, unsigned reg)
{
    return reg > 0xF ? swd_dp_write(device, DP_SELECT, reg >> 4) : ST_OK;
}

static void leave_bank(sim_device *device, unsigned reg)
{
    if (reg > 0xF) {
        const uint8_t ignored = swd_dp_write(device, DP_SELECT, 0);
        (void)ignored; /* the next access shows whether the line is dead */
    }
}

void cmd_read_dap(sim_device *device, const uint8_t *command)
{
    const unsigned port = stl_get_u16le(command + 2), reg = stl_get_u16le(command + 4);
    uint32_t value = 0;
    uint8_t status = check_port(device, port, reg);
    if (status == ST_OK && port == PORT_DP) {
        status = select_bank(device, reg);
        if (status == ST_OK)
            status = swd_dp_read(device, reg & 0xFu, &value);
        leave_bank(device, reg);
    } else if (status == ST_OK) {
        status = swd_ap_read(device, port, reg, &value);
        if (status == ST_OK) {
            uint32_t ignored;
            status = swd_dp_read(device, DP_RDBUFF, &ignored); /* reads are complete */
        }
    }
    reply_value(device, status, value);
}

void cmd_write_dap(sim_device *device, const uint8_t *command)
{
    const unsigned port = stl_get_u16le(command + 2), reg = stl_get_u16le(command + 4);
    const uint32_t value = stl_get_u32le(command + 6);
    uint8_t status = check_port(device, port, reg);
    if (status == ST_OK && port == PORT_DP) {
        status = select_bank(device, reg);
        if (status == ST_OK)
            status = swd_dp_write(device, reg & 0xFu, value);
        leave_bank(device, reg);
        if (status == ST_OK && reg == DP_ABORT)
            device->has_sticky = device->has_sticky && !(value & 0x4u);
    } else if (status == ST_OK) {
        if (reg == AP_CSW)
            device->csw_known_ap = NO_AP;
        status = swd_ap_write(device, port, reg, value);
    }
    reply_status(device, status);
}

/* ---- opening ---- */

static uint8_t init_ap(sim_device *device, unsigned ap)
{
    /* J28 to J31 knew four of them, later firmware nine. */
    const unsigned last = sim_firmware_has(&device->firmware, 32, 0) ? MAX_AP : 3;
    if (ap > last)
        return ST_BAD_AP;
    device_pass_us(device, device->timing.init_ap);
    swd_clear_sticky(device);
    uint32_t idr;
    uint8_t status = swd_ap_read(device, ap, AP_IDR, &idr);
    if (status == ST_OK && !idr)
        return ST_BAD_AP;
    if (status == ST_OK)
        status = swd_ap_write(device, ap, AP_CSW, CSW_WORD);
    if (status != ST_OK)
        return status;
    device->csw_known_ap = (uint16_t)ap;
    device->open_aps |= (uint16_t)(1u << ap);
    return ST_OK;
}

void cmd_init_ap(sim_device *device, const uint8_t *command)
{
    reply_status(device, init_ap(device, command[2]));
}

void cmd_close_ap(sim_device *device, const uint8_t *command)
{
    const unsigned ap = command[2];
    const bool is_open = ap <= MAX_AP && device->open_aps & 1u << ap;
    if (is_open)
        device->open_aps &= (uint16_t)~(1u << ap);
    /* J28 closes, and always says it could not. */
    const bool is_honest = sim_firmware_has(&device->firmware, 29, 0);
    reply_status(device, is_open && is_honest ? ST_OK : ST_BAD_AP);
}

/* ---- RW_MISC: a list of operations, then the list of their results ---- */

static uint32_t misc_max(const sim_device *device)
{
    return sim_firmware_is_v3(&device->firmware) ? 1227 : 64;
}

size_t misc_data_bytes(const sim_device *device, const uint8_t *command)
{
    const uint32_t count = stl_get_u32le(command + 2);
    return count <= misc_max(device) ? (count + 3u) / 4u * 4u + 4u * count : 0;
}

typedef struct misc_state {
    unsigned ap;
    uint32_t addr;
} misc_state;

static uint8_t misc_step(sim_device *device, misc_state *at, uint8_t op, uint32_t payload,
                         uint32_t *result)
{
    uint8_t status;
    switch (op) {
    case MISC_APNUM:
        at->ap = payload <= MAX_AP ? payload : MAX_AP + 1;
        return ap_check(device, at->ap, false);
    case MISC_ADDRESS:
        at->addr = payload;
        return ST_OK;
    case MISC_WRITE:
    case MISC_READ:
        status = ap_check(device, at->ap, false);
        if (status == ST_OK && ((op == MISC_READ ? payload : at->addr) & 3u))
            status = ST_ALIGNMENT_ERROR;
        if (status != ST_OK)
            return status;
        return op == MISC_READ ? swd_read_word(device, at->ap, payload, result)
                               : swd_write_word(device, at->ap, at->addr, payload);
    default:
        return ST_CMD_ERROR;
    }
}

void cmd_misc_out(sim_device *device, const uint8_t *command)
{
    const uint32_t count = stl_get_u32le(command + 2);
    device->misc_count = 0;
    if (count > misc_max(device)) {
        device->stats.protocol_errors++;
        return;
    }
    const uint8_t *payloads = device->data + (count + 3u) / 4u * 4u;
    misc_state at = {.ap = MAX_AP + 1}; /* the list has to start with APNUM */
    for (uint32_t i = 0; i < count; i++) {
        device->misc_values[i] = 0;
        device->misc_statuses[i] = misc_step(device, &at, device->data[i],
                                             stl_get_u32le(payloads + 4 * i),
                                             &device->misc_values[i]);
    }
    device->misc_count = count;
}

void cmd_misc_in(sim_device *device, const uint8_t *command)
{
    (void)command;
    const uint32_t count = device->misc_count;
    for (uint32_t i = 0; i < count; i++) {
        stl_put_u32le(device->reply + 4 * i, device->misc_values[i]);
        stl_put_u32le(device->reply + 4 * (count + i), device->misc_statuses[i]);
    }
    device->reply_count = 8u * count;
    device_pass_us(device, (double)device->reply_count * device->timing.t_byte);
}

void cmd_misc_max(sim_device *device, const uint8_t *command)
{
    (void)command;
    stl_put_u16le(device->reply, (uint16_t)misc_max(device));
}
