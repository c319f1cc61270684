/* core/probe/stlink/wire.c: one command and its reply; what a status byte means.
 * Source: facts/stlink-protocol 1.5 (framing), 4.1 (status), 4.2 (WAIT). */
#include <string.h>

#include "stlink.h"

#define WIRING_HINT                                                                                \
    "check the target's supply, SWDIO, SWCLK and GND; a sleeping or SWD-disabled chip needs "      \
    "--connect under-reset; long wires need a lower --speed"

static size_t whole_packets(const stlink *link, size_t byte_count)
{
    const size_t packet = link->transport->identity.max_packet_bytes
                              ? link->transport->identity.max_packet_bytes
                              : 64;
    return (byte_count + packet - 1) / packet * packet;
}

static void note_failure(stlink *link, stl_code code)
{
    stl_error ignored;
    link->failure_count += code == STL_E_PROBE_GONE ? 2 : 1;
    if (link->failure_count == 1 && stl_transport_reset(link->transport, &ignored))
        link->failure_count++;
}

stl_code stlink_run(stlink *link, stl_transfer *transfers, unsigned count, stl_error *err)
{
    if (link->failure_count > 1)
        return stl_fail(err, STL_E_USB, "unplug the probe and plug it in again",
                        "the probe has stopped answering");
    const uint32_t timeout_ms = link->failure_count ? STLINK_RETRY_TIMEOUT_MS : STLINK_TIMEOUT_MS;
    stl_code code = stl_transport_run(link->transport, transfers, count, timeout_ms, err);
    if (code)
        note_failure(link, code);
    return code;
}

stl_code stlink_exchange(stlink *link, const uint8_t *request, size_t request_bytes,
                         uint8_t *reply, size_t reply_bytes, stl_error *err)
{
    uint8_t padded[STLINK_REQUEST_BYTES] = {0};
    memcpy(padded, request, request_bytes);
    /* A buffer of whole packets: a probe that sends more than it should overflows nothing. */
    stl_transfer transfers[] = {
        {link->transport->identity.endpoint_out, padded, sizeof padded, 0},
        {link->transport->identity.endpoint_in, link->bounce, whole_packets(link, reply_bytes), 0},
    };
    stl_code code = stlink_run(link, transfers, reply_bytes ? 2 : 1, err);
    if (code)
        return stl_wrap(err, "ST-LINK command %02X %02X", padded[0], padded[1]), code;
    const size_t actual = transfers[1].actual_count;
    /* A READMEM_8BIT of one byte brings two (facts 3.5). */
    if (actual != reply_bytes && !(reply_bytes == 1 && actual == 2)) {
        note_failure(link, STL_E_PROTOCOL); /* host and probe are out of step */
        return stl_fail(err, STL_E_PROTOCOL, "unplug the probe and plug it in again",
                        "ST-LINK command %02X %02X: %zu bytes of reply, %zu expected", padded[0],
                        padded[1], actual, reply_bytes);
    }
    if (reply_bytes)
        memcpy(reply, link->bounce, reply_bytes);
    return STL_OK;
}

bool stlink_is_wait(uint8_t status)
{
    return status == 0x10 || status == 0x14;
}

bool stlink_wait_before_retry(stlink *link, unsigned n)
{
    /* 0.1 ms doubling to 12.8 ms, then 100 ms: about a second in all (facts 4.2). After that in vain, 25 ms
     * a command until one is taken: leaving a target whose bus stands still is dozens of commands. */
    if (n >= (link->has_waited_in_vain ? 8u : 17u)) {
        link->has_waited_in_vain = true;
        return false;
    }
    stl_sleep_us(link->transport->clock, n < 8 ? 100u << n : 100000u);
    return true;
}

#define REFUSED_HINT                                                                               \
    "no memory or register answers there, or RDP level 1 closes it; `stlua info` shows which"

typedef struct status_row {
    uint8_t status;
    stl_code code;
    const char *text, *hint;
} status_row;

static const status_row status_rows[] = {
    {0x01, STL_E_DAP_FAULT, "the probe reports an error it does not name", REFUSED_HINT},
    {0x02, STL_E_PROTOCOL, "SPI error inside the probe", NULL},
    {0x03, STL_E_PROTOCOL, "DMA error inside the probe", NULL},
    {0x04, STL_E_NO_TARGET, "unknown JTAG chain", WIRING_HINT},
    {0x05, STL_E_NO_TARGET, "no target on the wire", WIRING_HINT},
    {0x06, STL_E_PROTOCOL, "internal error of the probe", NULL},
    {0x07, STL_E_DAP_WAIT, "the probe is busy", NULL},
    {0x08, STL_E_PROTOCOL, "the probe does not accept the command in this mode", NULL},
    {0x09, STL_E_NO_TARGET, "the target does not give its IDCODE", WIRING_HINT},
    {0x0A, STL_E_ARGUMENT, "misaligned access", NULL},
    {0x0B, STL_E_NO_TARGET, "the debug domain does not power up", WIRING_HINT},
    {0x0C, STL_E_DAP_FAULT, "write error", NULL},
    {0x0E, STL_E_PROBE_BUSY, "the probe is open in another mode", "unplug it and plug it in again"},
    {0x10, STL_E_DAP_WAIT, "the target answers WAIT (AP): busy, or its bus clock is stopped", NULL},
    {0x11, STL_E_DAP_FAULT, "the target refuses the access (AP FAULT)", REFUSED_HINT},
    {0x12, STL_E_NO_TARGET, "no valid acknowledge from the target (AP)", WIRING_HINT},
    {0x13, STL_E_NO_TARGET, "parity error on SWD (AP)", WIRING_HINT},
    {0x14, STL_E_DAP_WAIT, "the target answers WAIT (DP): busy, or its bus clock is stopped", NULL},
    {0x15, STL_E_DAP_FAULT, "the target refuses the access (DP FAULT)", REFUSED_HINT},
    {0x16, STL_E_NO_TARGET, "no valid acknowledge from the target (DP)", WIRING_HINT},
    {0x17, STL_E_NO_TARGET, "parity error on SWD (DP)", WIRING_HINT},
    {0x18, STL_E_DAP_FAULT, "write data refused (WDATAERR)", REFUSED_HINT},
    {0x19, STL_E_DAP_FAULT, "the target refuses the access (STICKYERR)", REFUSED_HINT},
    {0x1A, STL_E_DAP_FAULT, "sticky overrun", NULL},
    {0x1D, STL_E_UNSUPPORTED, "no such access port, or it is not open", NULL},
    {0x42, STL_E_UNSUPPORTED, "the probe's firmware does not know the command", NULL},
    {0x81, STL_E_DAP_FAULT, "the probe reports a fault", NULL},
};

stl_code stlink_status_error(stlink *link, uint8_t status, const uint8_t *request, stl_error *err)
{
    if (status == STATUS_OK) {
        link->has_waited_in_vain = false;
        return STL_OK;
    }
    if (status == 0x0D) { /* spurious on self-clearing bits: what counts is read back anyway */
        stl_log_write(link->transport->log, STL_LOG_DEBUG,
                      "ST-LINK %02X %02X: write-verify status 0x0D taken as OK", request[0],
                      request[1]);
        return STL_OK;
    }
    for (size_t i = 0; i < sizeof status_rows / sizeof status_rows[0]; i++)
        if (status_rows[i].status == status)
            return stl_fail(err, status_rows[i].code, status_rows[i].hint,
                            "%s (ST-LINK %02X %02X: status 0x%02X)", status_rows[i].text,
                            request[0], request[1], status);
    return stl_fail(err, STL_E_PROTOCOL, NULL, "ST-LINK %02X %02X: unknown status 0x%02X",
                    request[0], request[1], status);
}

stl_code stlink_command(stlink *link, const uint8_t *request, size_t request_bytes, uint8_t *reply,
                        size_t reply_bytes, stl_error *err)
{
    for (unsigned n = 0;; n++) {
        stl_code code = stlink_exchange(link, request, request_bytes, reply, reply_bytes, err);
        if (code)
            return code;
        if (!stlink_is_wait(reply[0]) || !stlink_wait_before_retry(link, n))
            return stlink_status_error(link, reply[0], request, err);
    }
}
