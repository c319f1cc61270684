/* core/sim/commands.c: which commands there are, and what happens before and after each.
 * Source: ST-LINK protocol sheet, 3.0 and 3.1 (index), 2.4 (first versions), 9.2 items 3 to 6, 11. */
#include "device_internal.h"

#include <string.h>

enum { NEVER = SIM_FIRMWARE_NEVER };
enum { R0 = 0, R2 = 2, R8 = 8 };

/* The sub-commands of F2. */
static const sim_command debug_commands[] = {
    {0x01, 0, 0, 0, R2, cmd_v1_get_status, NULL, "GETSTATUS"},
    {0x02, 0, 0, 0, R2, cmd_v1_write_dhcsr, NULL, "FORCEDEBUG"},
    {0x03, 0, 0, 0, R2, cmd_reset_system, NULL, "RESETSYS (v1)"},
    {0x04, 0, 0, CMD_NO_STATUS, 84, cmd_v1_read_all_regs, NULL, "READALLREGS (v1)"},
    {0x05, 0, 0, CMD_NO_STATUS, 4, cmd_v1_read_reg, NULL, "READREG (v1)"},
    {0x06, 0, 0, 0, R2, cmd_v1_write_reg, NULL, "WRITEREG (v1)"},
    {0x07, 0, 0, CMD_MEMORY, R0, cmd_read_memory, NULL, "READMEM_32BIT"},
    {0x08, 0, 0, CMD_MEMORY, R0, cmd_write_memory, memory_data_bytes, "WRITEMEM_32BIT"},
    {0x09, 0, 0, 0, R2, cmd_v1_write_dhcsr, NULL, "RUNCORE"},
    {0x0A, 0, 0, 0, R2, cmd_v1_write_dhcsr, NULL, "STEPCORE"},
    {0x0B, 0, 0, 0, R2, cmd_v1_set_fp, NULL, "SETFP"},
    {0x0C, 0, 0, CMD_MEMORY, R0, cmd_read_memory, NULL, "READMEM_8BIT"},
    {0x0D, 0, 0, CMD_MEMORY, R0, cmd_write_memory, memory_data_bytes, "WRITEMEM_8BIT"},
    {0x0E, 0, 0, 0, R2, cmd_v1_clear_fp, NULL, "CLEARFP"},
    {0x0F, 0, 0, 0, R2, cmd_v1_write_debug_reg, NULL, "WRITEDEBUGREG (v1)"},
    {0x20, 0, 0, CMD_ANY_MODE, R0, cmd_v1_enter, NULL, "ENTER (v1)"},
    {0x21, 0, 0, CMD_ANY_MODE, R0, cmd_exit, NULL, "EXIT"},
    {0x22, 0, 0, CMD_NO_STATUS, 4, cmd_read_core_id, NULL, "READCOREID"},
    {0x30, 0, 0, CMD_ANY_MODE, R2, cmd_enter, NULL, "ENTER"},
    {0x31, 0, 0, 0, 12, cmd_read_idcodes, NULL, "READ_IDCODES"},
    {0x32, 0, 0, 0, R2, cmd_reset_system, NULL, "RESETSYS"},
    {0x33, 0, 0, 0, R8, cmd_read_reg, NULL, "READREG"},
    {0x34, 0, 0, 0, R2, cmd_write_reg, NULL, "WRITEREG"},
    {0x35, 0, 0, 0, R2, cmd_write_debug_reg, NULL, "WRITEDEBUGREG"},
    {0x36, 0, 0, 0, R8, cmd_read_debug_reg, NULL, "READDEBUGREG"},
    {0x3A, 0, 0, 0, 88, cmd_read_all_regs, NULL, "READALLREGS"},
    {0x3B, 0, 0, CMD_ANY_MODE | CMD_ANY_MODE_DFU, R2, cmd_rw_status, NULL, "GETLASTRWSTATUS"},
    {0x3C, 0, 0, CMD_ANY_MODE, R2, cmd_drive_nrst, NULL, "DRIVE_NRST"},
    {0x3E, 15, 0, CMD_ANY_MODE | CMD_ANY_MODE_DFU, 12, cmd_rw_status2, NULL, "GETLASTRWSTATUS2"},
    {0x40, 13, 0, 0, R2, cmd_accept, NULL, "START_TRACE_RX"},
    {0x41, 13, 0, 0, R2, cmd_accept, NULL, "STOP_TRACE_RX"},
    {0x42, 13, 0, CMD_NO_STATUS, 2, NULL, NULL, "GET_TRACE_NB"}, /* no SWO pin: 0 bytes */
    {0x43, 22, NEVER, CMD_ANY_MODE, R2, cmd_set_swd_divisor, NULL, "SWD_SET_FREQ"},
    {0x44, 24, NEVER, CMD_ANY_MODE, R2, cmd_accept, NULL, "JTAG_SET_FREQ"},
    {0x45, 24, 0, 0, R8, cmd_read_dap, NULL, "READ_DAP_REG"},
    {0x46, 24, 0, 0, R2, cmd_write_dap, NULL, "WRITE_DAP_REG"},
    {0x47, 26, 0, CMD_MEMORY, R0, cmd_read_memory, NULL, "READMEM_16BIT"},
    {0x48, 26, 0, CMD_MEMORY, R0, cmd_write_memory, memory_data_bytes, "WRITEMEM_16BIT"},
    {0x49, 28, 0, CMD_ANY_MODE, R2, cmd_accept, NULL, "BLINK_LED"},
    {0x4B, 28, 0, 0, R2, cmd_init_ap, NULL, "INIT_AP"},
    {0x4C, 28, 0, 0, R2, cmd_close_ap, NULL, "CLOSE_AP_DBG"},
    {0x50, 26, 0, CMD_MEMORY, R0, cmd_write_memory, memory_data_bytes, "WRITEMEM_32BIT_NO_ADDR_INC"},
    {0x51, 32, 2, 0, R0, cmd_misc_out, misc_data_bytes, "RW_MISC_OUT"},
    {0x52, 32, 2, CMD_NO_STATUS, R0, cmd_misc_in, NULL, "RW_MISC_IN"},
    {0x53, 32, 2, CMD_NO_STATUS, 2, cmd_misc_max, NULL, "RW_MISC_GET_MAX"},
    {0x54, 32, 2, CMD_MEMORY, R0, cmd_read_memory, NULL, "READMEM_32BIT_NO_ADDR_INC"},
    {0x56, 36, 6, CMD_ANY_MODE, 128, cmd_board_id, NULL, "GET_BOARD_IDENTIFIERS"},
    {0x61, NEVER, 0, CMD_ANY_MODE, R8, cmd_set_com_freq, NULL, "SET_COM_FREQ"},
    {0x62, NEVER, 0, CMD_ANY_MODE, 52, cmd_get_com_freq, NULL, "GET_COM_FREQ"},
    {0x63, NEVER, 0, CMD_ANY_MODE, R8, cmd_switch_freq, NULL, "SWITCH_STLINK_FREQ"},
};

/* What stands at byte 0 by itself. */
static const sim_command top_commands[] = {
    {0xF1, 0, 0, CMD_ANY_MODE | CMD_ANY_MODE_DFU | CMD_NO_STATUS, 6, cmd_version, NULL,
     "GET_VERSION"},
    {0xF5, 0, 0, CMD_ANY_MODE | CMD_ANY_MODE_DFU | CMD_NO_STATUS, 2, cmd_mode, NULL,
     "GET_CURRENT_MODE"},
    {0xF7, 13, 0, CMD_ANY_MODE | CMD_NO_STATUS, 8, cmd_voltage, NULL, "GET_TARGET_VOLTAGE"},
    {0xFB, NEVER, 0, CMD_ANY_MODE | CMD_ANY_MODE_DFU | CMD_NO_STATUS, 12, cmd_version_ex, NULL,
     "GET_VERSION_EX"},
};

static const sim_command unknown_debug_command = {0, 0, 0, CMD_ANY_MODE, R2, NULL, NULL,
                                                  "unknown sub-command"};

static const sim_command *find(const sim_device *device, const sim_command *table, size_t count,
                               uint8_t op)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].op == op)
            return sim_firmware_has(&device->firmware, table[i].since_v2, table[i].since_v3)
                       ? &table[i]
                       : NULL;
    return NULL;
}

/* ---- replies ---- */

void reply_status(sim_device *device, uint8_t status)
{
    device->reply[0] = status;
}

void reply_value(sim_device *device, uint8_t status, uint32_t value)
{
    device->reply[0] = status;
    stl_put_u32le(device->reply + 4, value);
}

uint8_t ap_check(const sim_device *device, unsigned ap, bool is_dap_register)
{
    const sim_firmware *firmware = &device->firmware;
    if (!sim_firmware_has(firmware, 28, 0))
        return ap ? ST_BAD_AP : ST_OK;
    if (ap > MAX_AP)
        return ST_BAD_AP;
    if (device->open_aps & 1u << ap)
        return ST_OK;
    if (ap)
        return ST_BAD_AP;
    /* AP 0 is open by itself before J37 / V3J7, and for memory commands later, too: see the note on
     * INIT_AP in 2.4, where the sources disagree. */
    if (!sim_firmware_has(firmware, 37, 7))
        return ST_OK;
    return is_dap_register || device->options.is_init_ap_required ? ST_BAD_AP : ST_OK;
}

static void log_command(const sim_device *device, const sim_command *command)
{
    FILE *log = device->options.log;
    if (!log)
        return;
    fprintf(log, "%.6f %s", (double)device->stats.sim_time_ns / 1e9,
            command ? command->name : "not a command of this firmware");
    for (int i = 0; i < COMMAND_BYTES; i++)
        fprintf(log, "%s%02X", i ? " " : " | ", device->command[i]);
    fputs(" ->", log);
    for (size_t i = 0; i < device->reply_count && i < 12; i++)
        fprintf(log, " %02X", device->reply[i]);
    if (device->reply_count > 12)
        fprintf(log, " .. (%zu)", device->reply_count);
    if (command && command->flags & CMD_MEMORY)
        fprintf(log, " status %02X", device->rw_status);
    fputc('\n', log);
}

static void spring_command_traps(sim_device *device, const sim_command *command)
{
    if (device_trap_is_due(&device->faults.status)) {
        if (command->flags & CMD_MEMORY)
            device->rw_status = (uint8_t)device->faults.status.what;
        else if (device->reply_count && !(command->flags & CMD_NO_STATUS))
            device->reply[0] = (uint8_t)device->faults.status.what;
    }
    if (device_trap_is_due(&device->faults.lost_reply))
        device->reply_count = 0;
}

static void finish(sim_device *device, const sim_command *command)
{
    spring_command_traps(device, command);
    log_command(device, command);
    device->running = NULL;
    device->reply_sent = 0;
    device->phase = device->reply_count ? PHASE_REPLY : PHASE_IDLE;
}

/* ---- dispatch ---- */

static void no_answer(sim_device *device)
{
    device->stats.protocol_errors++;
    log_command(device, NULL);
}

static bool is_mode_right(const sim_device *device, const sim_command *command)
{
    if (device->mode == MODE_DFU)
        return command->flags & CMD_ANY_MODE_DFU;
    return device->mode == MODE_DEBUG || command->flags & CMD_ANY_MODE;
}

/* In the wrong mode: the documented length with status 08, never silence (9.2 item 5). */
static void refuse(sim_device *device, const sim_command *command, uint8_t status)
{
    device->stats.protocol_errors++;
    if (command->flags & CMD_MEMORY)
        memory_refuse(device, device->command, status);
    else if (command->reply_bytes && !(command->flags & CMD_NO_STATUS))
        reply_status(device, status);
}

static void run(sim_device *device, const sim_command *command)
{
    memset(device->reply, 0, command->reply_bytes);
    device->reply_count = command->reply_bytes;
    if (!is_mode_right(device, command))
        refuse(device, command, ST_CMD_ERROR);
    else if (command->run)
        command->run(device, device->command);
    finish(device, command);
}

static void start(sim_device *device, const sim_command *command)
{
    if (!command->data_bytes) {
        run(device, command);
        return;
    }
    device->running = command;
    device->data_count = 0;
    device->data_expected = command->data_bytes(device, device->command);
    device->phase = PHASE_DATA_OUT;
    if (device->data_expected > MAX_READ_BYTES && !sim_firmware_has(&device->firmware, 26, 0)) {
        device_idle_usb(device); /* more than its buffer stalls old firmware (facts 7 row 4) */
        device->is_halted[0][usb_layout(device)->endpoint_out] = true;
        device->stats.protocol_errors++;
        return;
    }
    if (device->data_expected || sim_firmware_is_v3(&device->firmware))
        return; /* V3 waits for a data phase even of length 0 (facts 3.5, 7 row 37) */
    command_data_done(device);
}

void command_data_done(sim_device *device)
{
    device_pass_us(device, (double)device->data_count * device->timing.t_byte);
    device->phase = PHASE_IDLE;
    run(device, device->running);
}

/* F3 07 leaves DFU; the updater's commands are not simulated. SWIM knows only its modes: there is no
 * STM8 on the wire. */
static void run_without_reply(sim_device *device)
{
    const uint8_t group = device->command[0], op = device->command[1];
    if (group == 0xF3 && op == 0x07) {
        if (device->mode == MODE_DFU)
            device->mode = MODE_MASS;
    } else if (group == 0xF4 && op == 0x00 && device->mode == MODE_MASS) {
        device->mode = MODE_SWIM;
    } else if (group == 0xF4 && op == 0x01 && device->mode == MODE_SWIM) {
        device->mode = MODE_MASS;
    } else {
        no_answer(device);
        return;
    }
    device->reply_count = 0;
    finish(device, &(const sim_command){.flags = CMD_NO_STATUS, .name = "mode"});
}

static void unknown_debug(sim_device *device)
{
    if (!sim_firmware_has(&device->firmware, 30, 0)) {
        no_answer(device);
        return;
    }
    device->stats.protocol_errors++;
    memset(device->reply, 0, R2);
    device->reply_count = R2;
    reply_status(device, ST_UNKNOWN_CMD);
    finish(device, &unknown_debug_command);
}

static void pass_command_time(sim_device *device)
{
    double us = device->timing.t_cmd;
    if (device->timing.jitter > 0) {
        const double unit = (double)(device_random(device) >> 11) / 9007199254740992.0; /* 2^53 */
        us *= 1 + device->timing.jitter * (2 * unit - 1);
    }
    device_pass_us(device, us);
}

void command_begin(sim_device *device)
{
    device->stats.commands++;
    pass_command_time(device);
    device->reply_count = 0;
    if (device->options.kind == SIM_PROBE_V1) { /* wants CBWs; this one only enumerates */
        no_answer(device);
        return;
    }
    if (device->command[0] == 0xF2) {
        const sim_command *command =
            find(device, debug_commands, sizeof debug_commands / sizeof *debug_commands,
                 device->command[1]);
        if (command)
            start(device, command);
        else
            unknown_debug(device);
        return;
    }
    const sim_command *command = find(
        device, top_commands, sizeof top_commands / sizeof *top_commands, device->command[0]);
    if (command)
        start(device, command);
    else
        run_without_reply(device);
}
