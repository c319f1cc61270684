/* core/sim/commands_v1.c: the commands of the first API that V2 firmware still takes.
 * Source: ST-LINK protocol sheet, 3.1 (rows "v1"), 5.0 (FPB). Hosts should not use them. */
#include "device_internal.h"

#define DHCSR   0xE000EDF0u
#define FP_COMP 0xE0002008u
#define FP_CTRL 0xE0002000u

enum { OP_HALT = 0x02, OP_RUN = 0x09 };
enum { FP_ENABLE_KEY = 3, FP_COMPARATORS = 6 };

void cmd_v1_get_status(sim_device *device, const uint8_t *command)
{
    (void)command;
    uint32_t dhcsr;
    const uint8_t status = swd_read_word(device, 0, DHCSR, &dhcsr);
    reply_status(device, status != ST_OK ? status : dhcsr & 0x20000u ? ST_FAULT : ST_OK);
}

void cmd_v1_write_dhcsr(sim_device *device, const uint8_t *command)
{
    const uint32_t value = command[1] == OP_HALT ? 0xA05F0003u
                           : command[1] == OP_RUN ? 0xA05F0001u
                                                  : 0xA05F000Du;
    reply_status(device, swd_write_word(device, 0, DHCSR, value));
}

void cmd_v1_read_all_regs(sim_device *device, const uint8_t *command)
{
    (void)command;
    const uint8_t ignored = core_read_all(device, 0, device->reply);
    (void)ignored; /* the reply has no place for it */
}

void cmd_v1_read_reg(sim_device *device, const uint8_t *command)
{
    uint32_t value;
    const uint8_t ignored = core_read_register(device, 0, command[2] & 0x7Fu, &value);
    (void)ignored; /* the reply has no place for it */
    stl_put_u32le(device->reply, value);
}

void cmd_v1_write_reg(sim_device *device, const uint8_t *command)
{
    reply_status(device, core_write_register(device, 0, command[2] & 0x7Fu,
                                             stl_get_u32le(command + 3)));
}

/* Bits 31:30 of a comparator: 1 lower, 2 upper, 3 both halfwords of the word. */
void cmd_v1_set_fp(sim_device *device, const uint8_t *command)
{
    const uint32_t addr = stl_get_u32le(command + 3);
    if (command[2] >= FP_COMPARATORS || command[7] > 2) {
        reply_status(device, ST_CMD_ERROR);
        return;
    }
    const uint32_t value = (addr & 0x1FFFFFFCu) | (command[7] + 1u) << 30 | 1u;
    uint8_t status = swd_write_word(device, 0, FP_CTRL, FP_ENABLE_KEY);
    if (status == ST_OK)
        status = swd_write_word(device, 0, FP_COMP + 4u * command[2], value);
    reply_status(device, status);
}

void cmd_v1_clear_fp(sim_device *device, const uint8_t *command)
{
    reply_status(device, command[2] < FP_COMPARATORS
                             ? swd_write_word(device, 0, FP_COMP + 4u * command[2], 0)
                             : ST_CMD_ERROR);
}

void cmd_v1_write_debug_reg(sim_device *device, const uint8_t *command)
{
    reply_status(device, swd_write_word(device, 0, stl_get_u32le(command + 2) & ~3u,
                                        stl_get_u32le(command + 6)));
}
