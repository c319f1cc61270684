/* core/sim/memory.c: memory commands through CSW, TAR and DRW, and the status they leave behind.
 *
 *   07 08 32 bit, 47 48 16 bit, 0C 0D 8 bit, 50 54 32 bit at a fixed address; 3B 3E status
 *
 * Source: ST-LINK protocol sheet, 3.5, 3.6, 5.8 (TAR wrap), 6.3; STM32L1 sheet, 5.5 (byte lanes). */
#include "device_internal.h"

#include <string.h>

#define TAR_WRAP_MASK 0x3FFu
#define CSW_DEFAULT   0x23000040u

enum { BENT_OFFSET = 0x100, ZEROED_OFFSET = 0x100, ZEROED_BYTES = 64 };

typedef struct request {
    unsigned unit_bytes, ap;
    bool is_fixed; /* 50, 54: TAR stays */
    uint32_t addr, byte_count, csw;
} request;

static unsigned unit_of(uint8_t op)
{
    if (op == 0x0C || op == 0x0D)
        return 1;
    return op == 0x47 || op == 0x48 ? 2 : 4;
}

/* Bytes 9 to 11 are CSW 31:8 since J32 / V3J2; zero means the firmware's own. */
static uint32_t csw_of(const sim_device *device, const uint8_t *command, const request *r)
{
    uint32_t top = 0;
    if (sim_firmware_has(&device->firmware, 32, 2))
        top = (uint32_t)command[9] << 8 | (uint32_t)command[10] << 16 | (uint32_t)command[11] << 24;
    const uint32_t size = r->unit_bytes == 4 ? 2 : r->unit_bytes == 2 ? 1 : 0;
    return (top ? top | 0x40u : CSW_DEFAULT) | (r->is_fixed ? 0 : 0x10u) | size;
}

static request parse(const sim_device *device, const uint8_t *command)
{
    request r = {.unit_bytes = unit_of(command[1]),
                 .is_fixed = command[1] == 0x50 || command[1] == 0x54,
                 .addr = stl_get_u32le(command + 2),
                 .byte_count = stl_get_u16le(command + 6),
                 .ap = sim_firmware_has(&device->firmware, 28, 0) ? command[8] : 0};
    r.csw = csw_of(device, command, &r);
    return r;
}

size_t memory_data_bytes(const sim_device *device, const uint8_t *command)
{
    (void)device;
    return stl_get_u16le(command + 6);
}

/* 8-bit transfers have a small buffer: 64, from V3J6 on 512, of which reads of J6 and J7 manage 255
 * (facts 3.5, 7 row 5). */
static uint32_t max_bytes(const sim_device *device, const request *r, bool is_read)
{
    if (r->unit_bytes == 1) {
        if (!sim_firmware_has(&device->firmware, SIM_FIRMWARE_NEVER, 6))
            return 64;
        return is_read && !sim_firmware_has(&device->firmware, SIM_FIRMWARE_NEVER, 8) ? 255 : 512;
    }
    return is_read ? MAX_READ_BYTES : UINT16_MAX;
}

/* What the command itself gets wrong. Firmware without the alignment error drops the low bits. */
static uint8_t check(const sim_device *device, request *r, bool is_read)
{
    const uint32_t low = r->unit_bytes - 1;
    if (!r->byte_count || r->byte_count > max_bytes(device, r, is_read))
        return ST_CMD_ERROR;
    if ((r->addr | r->byte_count) & low) {
        if (sim_firmware_has(&device->firmware, 26, 0))
            return ST_ALIGNMENT_ERROR;
        r->addr &= ~low;
        r->byte_count &= ~low;
    }
    return ap_check(device, r->ap, false);
}

static uint8_t set_up(sim_device *device, const request *r)
{
    swd_clear_sticky(device);
    device->csw_known_ap = NO_AP;
    uint8_t status = swd_ap_write(device, r->ap, AP_CSW, r->csw);
    if (status == ST_OK)
        status = swd_ap_write(device, r->ap, AP_TAR, r->addr);
    if (status == ST_OK && r->csw == CSW_WORD)
        device->csw_known_ap = (uint16_t)r->ap;
    return status;
}

/* TAR counts by itself inside 1 KB; old firmware writes it for every word. */
static uint8_t move_on(sim_device *device, const request *r, uint32_t addr)
{
    const bool is_first = addr == r->addr;
    const bool is_wrap = !is_first && !r->is_fixed && !(addr & TAR_WRAP_MASK);
    device_pass_us(device, device->timing.gap);
    if (!is_wrap && device->timing.transactions_per_word == 1)
        return ST_OK;
    return swd_ap_write(device, r->ap, AP_TAR, addr);
}

static uint8_t read_unit(sim_device *device, const request *r, uint32_t addr, uint8_t *bytes)
{
    uint32_t word;
    const uint8_t status = swd_ap_read(device, r->ap, AP_DRW, &word);
    for (unsigned i = 0; status == ST_OK && i < r->unit_bytes; i++)
        bytes[i] = (uint8_t)(word >> 8 * ((addr + i) & 3u));
    return status;
}

static uint8_t write_unit(sim_device *device, const request *r, uint32_t addr, const uint8_t *bytes)
{
    uint32_t word = 0;
    for (unsigned i = 0; i < r->unit_bytes; i++)
        word |= (uint32_t)bytes[i] << 8 * ((addr + i) & 3u);
    if (addr - r->addr == BENT_OFFSET && swd_is_above(device, device->options.swd_bend_khz))
        word ^= 3; /* two bits: parity does not tell */
    return swd_ap_write(device, r->ap, AP_DRW, word);
}

/* The last transactions of every memory command: let the posted access end, look at the flags. */
static uint8_t close_access(sim_device *device)
{
    uint32_t ignored, ctrl_stat;
    uint8_t status = swd_dp_read(device, DP_RDBUFF, &ignored);
    if (status == ST_OK)
        status = swd_dp_read(device, DP_CTRL_STAT, &ctrl_stat);
    if (status != ST_OK)
        return status;
    if (ctrl_stat & (CTRL_STICKYERR | CTRL_WDATAERR))
        device->has_sticky = true;
    if (ctrl_stat & CTRL_WDATAERR)
        return ST_AP_WDATA_ERROR;
    if (ctrl_stat & CTRL_STICKYERR)
        return sim_firmware_has(&device->firmware, 26, 0) ? ST_AP_FAULT : ST_UNKNOWN_ERROR;
    return ST_OK;
}

static void latch(sim_device *device, uint8_t status, uint32_t addr)
{
    device->rw_status = status;
    device->rw_fault_addr = status == ST_OK ? 0 : addr;
}

/* Exactly one of to and from is given. */
static void transfer(sim_device *device, const request *r, uint8_t *to, const uint8_t *from)
{
    uint32_t addr = r->addr;
    uint8_t status = set_up(device, r);
    for (uint32_t done = 0; status == ST_OK && done < r->byte_count; done += r->unit_bytes) {
        addr = r->is_fixed ? r->addr : r->addr + done;
        status = move_on(device, r, addr);
        if (status == ST_OK)
            status = to ? read_unit(device, r, addr, to + done)
                        : write_unit(device, r, addr, from + done);
    }
    if (status == ST_OK)
        status = close_access(device);
    latch(device, status, addr);
}

/* How many bytes a read delivers whatever becomes of it: a length of 1 gives 2. */
static size_t reply_bytes(const sim_device *device, const request *r)
{
    const uint32_t limit = max_bytes(device, r, true);
    const uint32_t count = r->byte_count < limit ? r->byte_count : limit;
    return r->unit_bytes == 1 && count == 1 ? 2 : count;
}

static bool is_read_op(uint8_t op)
{
    return op == 0x07 || op == 0x0C || op == 0x47 || op == 0x54;
}

void memory_refuse(sim_device *device, const uint8_t *command, uint8_t status)
{
    const request r = parse(device, command);
    device->reply_count = is_read_op(command[1]) ? reply_bytes(device, &r) : 0;
    memset(device->reply, 0, device->reply_count);
    latch(device, status, r.addr);
}

void cmd_read_memory(sim_device *device, const uint8_t *command)
{
    request r = parse(device, command);
    const uint8_t status = check(device, &r, true);
    memory_refuse(device, command, status); /* zeros where no data comes */
    if (status != ST_OK) {
        device->stats.protocol_errors++;
        return;
    }
    if (device->reply_count > r.byte_count)
        device->reply[1] = 0xA5; /* junk behind a single byte */
    transfer(device, &r, device->reply, NULL);
    if (device->options.is_read_zeroed && device->reply_count >= ZEROED_OFFSET + ZEROED_BYTES)
        memset(device->reply + ZEROED_OFFSET, 0, ZEROED_BYTES);
    device_pass_us(device, (double)device->reply_count * device->timing.t_byte);
}

void cmd_write_memory(sim_device *device, const uint8_t *command)
{
    request r = parse(device, command);
    const uint8_t status = check(device, &r, false);
    if (status == ST_OK) {
        transfer(device, &r, NULL, device->data);
        return;
    }
    device->stats.protocol_errors++;
    latch(device, status, r.addr);
}

void cmd_rw_status(sim_device *device, const uint8_t *command)
{
    (void)command;
    reply_status(device, device->rw_status);
}

void cmd_rw_status2(sim_device *device, const uint8_t *command)
{
    (void)command;
    reply_value(device, device->rw_status, device->rw_fault_addr);
}
