/* core/probe/stlink.c: ST-LINK/V2, V2-1, V3: identity, modes, entering and leaving debug.
 * Source: facts/stlink-protocol 1.1, 2.1 to 2.5, 3.2, 3.3, 5.10.
 *   F1 -> 6 bytes: version BE, VID, PID               F1/FB V3 only: FB -> 12 bytes
 *   F5 -> 2 bytes: mode       F3 07, F4 01, F2 21: leave DFU, SWIM, DEBUG (no reply)
 *   F7 -> 8 bytes: two ADC readings (from J13)        F2 30 A3 -> R2: enter SWD
 *   F2 4B ap -> R2: open an AP (from J28)             F2 31 -> 12 bytes: status, DPIDR
 *   F2 3C x -> R2: nRST 0 low, 1 high */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stl/bytes.h"
#include "stlink/stlink.h"

#define UPDATE_MODE_HINT "unplug the probe and plug it in again; do not start ST's updater"

static const stl_usb_id usb_ids[] = {
    {0x0483, 0x3744}, {0x0483, 0x3748}, {0x0483, 0x374A}, {0x0483, 0x374B}, {0x0483, 0x374D},
    {0x0483, 0x374E}, {0x0483, 0x374F}, {0x0483, 0x3752}, {0x0483, 0x3753}, {0x0483, 0x3754},
    {0x0483, 0x3755}, {0x0483, 0x3757},
};

/* ---- version ---- */

static bool is_v21(uint16_t product_id)
{
    return product_id == 0x374A || product_id == 0x374B || product_id == 0x3752;
}

static void decode_version(stl_probe_info *info, const uint8_t reply[6])
{
    const uint16_t word = stl_get_u16be(reply);
    const unsigned x = word >> 6 & 0x3F, y = word & 0x3F;
    info->major = word >> 12;
    info->jtag = x;
    if (!is_v21(info->product_id)) {
        info->swim = y;
    } else if ((x <= 22 && y == 7) || (x >= 25 && y >= 7 && y <= 12)) {
        info->jtag = 0; /* a V2-1 that is for STM8 only (facts 2.1) */
        info->msd = x;
        info->swim = y;
    } else {
        info->msd = y;
    }
}

static void decode_version_ex(stl_probe_info *info, const uint8_t reply[12])
{
    info->major = reply[0];
    info->swim = reply[1];
    info->jtag = reply[2];
    info->msd = reply[3];
    info->bridge = reply[4];
    info->power = reply[5];
}

static void name_firmware(stl_probe_info *info)
{
    int at = snprintf(info->firmware, sizeof info->firmware, "V%uJ%u", info->major, info->jtag);
    const struct {
        char letter;
        unsigned number;
    } parts[] = {{'M', info->msd}, {'B', info->bridge}, {'S', info->swim}, {'P', info->power}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].number && at > 0 && (size_t)at < sizeof info->firmware)
            at += snprintf(info->firmware + at, sizeof info->firmware - (size_t)at, "%c%u",
                           parts[i].letter, parts[i].number);
}

/* Facts 2.4: what appeared with which firmware. */
static void derive_features(stl_probe_info *info)
{
    stl_probe_features *features = &info->features;
    const bool is_v3 = info->major >= 3;
    const unsigned j = info->jtag;
    features->has_voltage = is_v3 || j >= 13;
    features->has_rw_status2 = is_v3 || j >= 15;
    features->has_swd_set_freq = !is_v3 && j >= 22;
    features->has_dap_registers = is_v3 || j >= 24;
    features->has_mem_16bit = is_v3 || j >= 26;
    features->has_multi_ap = is_v3 || j >= 28;
    features->has_csw = is_v3 ? j >= 2 : j >= 32;
    features->has_com_freq = is_v3;
    features->mem8_max_bytes = is_v3 && j >= 6 ? 128 : 64;
    features->mem32_max_bytes = STLINK_MAX_READ_BYTES;
    const char *kind = info->major >= 4              ? "STLINK-V3PWR"
                       : is_v3                       ? "STLINK-V3"
                       : is_v21(info->product_id)    ? "ST-LINK/V2-1"
                                                     : "ST-LINK/V2";
    snprintf(info->kind, sizeof info->kind, "%s", kind);
}

static stl_code get_version(stlink *link, stl_probe_info *info, stl_error *err)
{
    const uint8_t request[] = {CMD_GET_VERSION, 0x80};
    uint8_t reply[12];
    stl_code code = stlink_exchange(link, request, sizeof request, reply, 6, err);
    if (code == STL_E_USB || code == STL_E_PROTOCOL) {
        /* A session that was cut off may have left the probe in the middle of a command. */
        stl_log_write(link->transport->log, STL_LOG_INFO, "probe does not answer; it was reset");
        stl_sleep_us(link->transport->clock, 100000);
        code = stlink_exchange(link, request, sizeof request, reply, 6, err);
        link->failure_count = code ? link->failure_count : 0;
    }
    if (code)
        return code;
    decode_version(info, reply);
    if (info->major >= 3) {
        const uint8_t extended[] = {CMD_GET_VERSION_EX, 0x80};
        code = stlink_exchange(link, extended, sizeof extended, reply, 12, err);
        if (code)
            return code;
        decode_version_ex(info, reply);
    }
    name_firmware(info);
    derive_features(info);
    return STL_OK;
}

/* ---- modes ---- */

static stl_code get_mode(stlink *link, uint8_t *mode, stl_error *err)
{
    const uint8_t request[] = {CMD_GET_CURRENT_MODE};
    uint8_t reply[2];
    stl_code code = stlink_exchange(link, request, sizeof request, reply, sizeof reply, err);
    *mode = code ? MODE_MASS : reply[0];
    return code;
}

static stl_code leave_mode(stlink *link, stl_error *err)
{
    static const uint8_t leave[][2] = {
        [MODE_DFU] = {CMD_DFU, DFU_EXIT},
        [MODE_DEBUG] = {CMD_DEBUG, DEBUG_EXIT},
        [MODE_SWIM] = {CMD_SWIM, SWIM_EXIT},
    };
    uint8_t mode;
    stl_code code = get_mode(link, &mode, err);
    if (code || mode == MODE_MASS)
        return code;
    if (mode <= MODE_SWIM)
        code = stlink_exchange(link, leave[mode], 2, NULL, 0, err);
    if (!code && (mode == MODE_DFU || mode > MODE_SWIM)) {
        code = get_mode(link, &mode, err);
        if (!code && (mode == MODE_DFU || mode >= MODE_BOOTLOADER))
            code = stl_fail(err, STL_E_UNSUPPORTED, UPDATE_MODE_HINT,
                            "the probe is in update mode (mode %u)", mode);
    }
    return code;
}

/* ---- the driver ---- */

static stl_code check_product(uint16_t product_id, stl_error *err)
{
    if (product_id == 0x3744)
        return stl_fail(err, STL_E_UNSUPPORTED, "use an ST-LINK/V2 or newer",
                        "ST-LINK/V1 (USB mass storage) is not supported");
    if (product_id == 0x374D || product_id == 0x3755)
        return stl_fail(err, STL_E_UNSUPPORTED, UPDATE_MODE_HINT,
                        "the probe is an ST-LINK in update mode (USB id 0483:%04x)", product_id);
    return STL_OK;
}

static stl_code stlink_open(stl_transport *transport, stl_probe_info *info, void **state,
                            stl_error *err)
{
    const stl_usb_identity *identity = &transport->identity;
    info->vendor_id = identity->vendor_id;
    info->product_id = identity->product_id;
    memcpy(info->port, identity->port, sizeof info->port);
    memcpy(info->product, identity->product, sizeof info->product);
    stl_probe_decode_serial(identity->serial_raw, identity->serial_raw_count, info->serial,
                            info->serial_ascii);
    stl_code code = check_product(info->product_id, err);
    if (code)
        return code;
    stlink *link = calloc(1, sizeof *link);
    if (!link)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    link->transport = transport;
    link->info = info;
    code = get_version(link, info, err);
    if (!code)
        code = leave_mode(link, err);
    if (!code && info->major < 3 && info->jtag < 11)
        code = stl_fail(err, STL_E_UNSUPPORTED, "update the probe's firmware with ST's tool",
                        "probe firmware %s is too old: no commands of the second API",
                        info->firmware);
    if (code) {
        free(link);
        return code;
    }
    *state = link;
    return STL_OK;
}

static stl_code stlink_exit(void *state, stl_error *err)
{
    stlink *link = state;
    const uint8_t request[] = {CMD_DEBUG, DEBUG_EXIT};
    link->is_entered = false;
    return stlink_exchange(link, request, sizeof request, NULL, 0, err);
}

static void stlink_close(void *state)
{
    stlink *link = state;
    stl_error ignored;
    /* Without this nRST may stay low and some probes wedge (facts, rule 10). */
    const stl_code code = link->is_entered ? stlink_exit(link, &ignored) : STL_OK;
    (void)code;
    free(link);
}

static stl_code stlink_voltage_mv(void *state, uint32_t *mv, stl_error *err)
{
    stlink *link = state;
    if (!link->info->features.has_voltage)
        return stl_fail(err, STL_E_UNSUPPORTED, NULL,
                        "target voltage needs probe firmware J13, this is %s",
                        link->info->firmware);
    const uint8_t request[] = {CMD_GET_TARGET_VOLTAGE};
    uint8_t reply[8];
    stl_code code = stlink_exchange(link, request, sizeof request, reply, sizeof reply, err);
    if (code)
        return code;
    const uint64_t reference = stl_get_u32le(reply), target = stl_get_u32le(reply + 4);
    /* clones have been seen with a reference of 0 */
    *mv = reference ? (uint32_t)(2400u * target / reference) : 0;
    return STL_OK;
}

static stl_code init_ap(stlink *link, stl_error *err)
{
    const uint8_t request[] = {CMD_DEBUG, DEBUG_INIT_AP, 0, 0};
    uint8_t reply[2];
    return stlink_command(link, request, sizeof request, reply, sizeof reply, err);
}

static stl_code stlink_enter(void *state, stl_error *err)
{
    stlink *link = state;
    const uint8_t request[] = {CMD_DEBUG, DEBUG_ENTER, ENTER_SWD_NO_RESET, 0};
    uint8_t reply[2];
    link->is_entered = true; /* the mode is DEBUG even when entering fails (facts 2.3) */
    stl_code code = stlink_command(link, request, sizeof request, reply, sizeof reply, err);
    if (!code && link->info->features.has_multi_ap)
        code = init_ap(link, err);
    if (code) {
        stl_error ignored;
        const stl_code left = stlink_exit(link, &ignored);
        (void)left;
        return stl_wrap(err, "enter SWD");
    }
    return STL_OK;
}

static stl_code stlink_is_entered(void *state, bool *is_entered, stl_error *err)
{
    uint8_t mode;
    stl_code code = get_mode(state, &mode, err);
    *is_entered = !code && mode == MODE_DEBUG;
    return code;
}

static stl_code stlink_drive_nrst(void *state, bool is_low, stl_error *err)
{
    const uint8_t request[] = {CMD_DEBUG, DEBUG_DRIVE_NRST, is_low ? 0 : 1};
    uint8_t reply[2];
    stl_code code = stlink_command(state, request, sizeof request, reply, sizeof reply, err);
    return code ? stl_wrap(err, "%s nRST", is_low ? "drive" : "release") : STL_OK;
}

static stl_code stlink_read_dpidr(void *state, uint32_t *dpidr, stl_error *err)
{
    const uint8_t request[] = {CMD_DEBUG, DEBUG_READ_IDCODES};
    uint8_t reply[12];
    stl_code code = stlink_command(state, request, sizeof request, reply, sizeof reply, err);
    *dpidr = code ? 0 : stl_get_u32le(reply + 4);
    return code;
}

static stl_code stlink_raw(void *state, const uint8_t *request, size_t request_bytes,
                           const uint8_t *data_out, size_t data_out_bytes, uint8_t *reply,
                           size_t in_room, size_t *reply_bytes, stl_error *err)
{
    stlink *link = state;
    const stl_usb_identity *identity = &link->transport->identity;
    uint8_t padded[STLINK_REQUEST_BYTES] = {0};
    if (request_bytes > sizeof padded)
        return stl_fail(err, STL_E_ARGUMENT, NULL, "a command has at most %zu bytes",
                        sizeof padded);
    memcpy(padded, request, request_bytes);
    stl_transfer transfers[3] = {{identity->endpoint_out, padded, sizeof padded, 0}};
    unsigned count = 1;
    if (data_out_bytes)
        transfers[count++] = (stl_transfer){identity->endpoint_out, (void *)(uintptr_t)data_out,
                                            data_out_bytes, 0};
    if (in_room)
        transfers[count++] = (stl_transfer){identity->endpoint_in, reply, in_room, 0};
    stl_code code = stlink_run(link, transfers, count, err);
    *reply_bytes = in_room ? transfers[count - 1].actual_count : 0;
    return code;
}

const stl_probe_driver stl_probe_driver_stlink = {
    .name = "stlink",
    .usb_ids = usb_ids,
    .usb_id_count = sizeof usb_ids / sizeof usb_ids[0],
    .open = stlink_open,
    .close = stlink_close,
    .voltage_mv = stlink_voltage_mv,
    .set_swclk = stlink_set_swclk,
    .enter = stlink_enter,
    .exit = stlink_exit,
    .is_entered = stlink_is_entered,
    .drive_nrst = stlink_drive_nrst,
    .read_dpidr = stlink_read_dpidr,
    .read_dap = stlink_read_dap,
    .write_dap = stlink_write_dap,
    .read_word = stlink_read_word,
    .write_word = stlink_write_word,
    .read_mem = stlink_read_mem,
    .write_mem = stlink_write_mem,
    .read_core_reg = stlink_read_core_reg,
    .write_core_reg = stlink_write_core_reg,
    .raw_command = stlink_raw,
};
