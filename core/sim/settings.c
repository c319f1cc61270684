/* core/sim/settings.c: what is asked of the probe itself: version, mode, voltage, clocks, board.
 * Source: ST-LINK protocol sheet, 2.1 to 2.3, 2.5, 3.8, 3.9, 3.11. */
#include "device_internal.h"

#include <string.h>

enum { VENDOR_ID = 0x0483, V3_LIST_ROOM = 10, ADC_VREF = 1521 };

void cmd_version(sim_device *device, const uint8_t *command)
{
    (void)command;
    const uint16_t word = sim_firmware_version_word(&device->firmware);
    device->reply[0] = (uint8_t)(word >> 8); /* this one is big-endian */
    device->reply[1] = (uint8_t)word;
    stl_put_u16le(device->reply + 2, VENDOR_ID);
    stl_put_u16le(device->reply + 4, usb_layout(device)->product_id);
}

void cmd_version_ex(sim_device *device, const uint8_t *command)
{
    (void)command;
    const sim_firmware *firmware = &device->firmware;
    device->reply[0] = 3;
    device->reply[1] = (uint8_t)firmware->swim;
    device->reply[2] = (uint8_t)firmware->jtag;
    device->reply[3] = (uint8_t)firmware->msd;
    device->reply[4] = (uint8_t)firmware->bridge;
    stl_put_u16le(device->reply + 8, VENDOR_ID);
    stl_put_u16le(device->reply + 10, usb_layout(device)->product_id);
}

void cmd_mode(sim_device *device, const uint8_t *command)
{
    (void)command;
    device->reply[0] = (uint8_t)device->mode;
}

/* Volts = 2.4 * second / first. */
void cmd_voltage(sim_device *device, const uint8_t *command)
{
    (void)command;
    const sim_faults *faults = &device->faults;
    const uint32_t mv = faults->is_voltage_faked         ? faults->voltage_mv
                        : device->options.is_target_absent ? 0
                                                           : device->supply_mv;
    if (faults->has_no_vref)
        return;
    stl_put_u32le(device->reply, ADC_VREF);
    stl_put_u32le(device->reply + 4, (mv * ADC_VREF + 1200) / 2400);
}

void cmd_accept(sim_device *device, const uint8_t *command)
{
    (void)command;
    reply_status(device, ST_OK);
}

/* ---- clocks ---- */

void cmd_set_swd_divisor(sim_device *device, const uint8_t *command)
{
    device->divisor = stl_get_u16le(command + 2);
    reply_status(device, ST_OK);
}

static uint32_t *v3_clock(sim_device *device, uint8_t type)
{
    return type ? &device->jtag_khz : &device->swd_khz;
}

void cmd_set_com_freq(sim_device *device, const uint8_t *command)
{
    uint32_t *khz = v3_clock(device, command[2]);
    const uint32_t wanted = stl_get_u32le(command + 4);
    size_t count;
    const uint32_t *list = sim_v3_clocks_khz(command[2] != 0, &count);
    uint8_t status = ST_CMD_ERROR; /* below the lowest */
    for (size_t i = 0; i < count && status != ST_OK; i++) {
        if (list[i] <= wanted) {
            *khz = list[i];
            status = ST_OK;
        }
    }
    reply_value(device, status, *khz);
}

void cmd_get_com_freq(sim_device *device, const uint8_t *command)
{
    size_t count;
    const uint32_t *list = sim_v3_clocks_khz(command[2] != 0, &count);
    if (count > V3_LIST_ROOM)
        count = V3_LIST_ROOM;
    reply_value(device, ST_OK, *v3_clock(device, command[2]));
    stl_put_u32le(device->reply + 8, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        stl_put_u32le(device->reply + 12 + 4 * i, list[i]);
}

/* The list seen is that of prescaler 1; those of 2 and 4 are not on record and not offered. */
void cmd_switch_freq(sim_device *device, const uint8_t *command)
{
    const uint8_t prescaler = command[2];
    const bool is_known = prescaler == 1 || prescaler == 2 || prescaler == 4;
    reply_status(device, is_known ? ST_CONF_CHANGED : ST_CMD_ERROR);
}

void cmd_board_id(sim_device *device, const uint8_t *command)
{
    (void)command;
    const char *id = device->options.board_id;
    reply_status(device, ST_OK);
    memcpy(device->reply + 2, id[0] ? id : "0000", 4);
}
