/* core/probe/stlink/speed.c: the SWD clock. It outlives sessions, so it is always set.
 * Source: facts/stlink-protocol 3.8 (V2, V2-1), 3.9 (V3).
 *   F2 43 divisor u16 -> R2                                  V2, V2-1 from J22
 *   F2 62 00 -> 52 bytes: status, current kHz, count, list   V3
 *   F2 61 00 00 kHz u32 -> 8 bytes: status, actual kHz       V3 */
#include "stl/bytes.h"
#include "stlink.h"

typedef struct divisor_row {
    uint16_t divisor;
    uint32_t khz; /* nominal: a divisor of 0 has been measured at 2360 kHz */
} divisor_row;

static const divisor_row divisors[] = {
    {0, 4000},  {1, 1800},  {2, 1200}, {3, 950}, {7, 480},  {15, 240},
    {31, 125},  {40, 100},  {79, 50},  {158, 25}, {265, 15}, {798, 5},
};

enum { DIVISOR_COUNT = sizeof divisors / sizeof divisors[0], DEFAULT_KHZ = 1800 };

static stl_code set_divisor(stlink *link, uint32_t want_khz, uint32_t *actual_khz, stl_error *err)
{
    size_t row = 0;
    while (row + 1 < DIVISOR_COUNT && divisors[row].khz > want_khz)
        row++;
    uint8_t request[4] = {CMD_DEBUG, DEBUG_SWD_SET_FREQ}, reply[2];
    stl_put_u16le(request + 2, divisors[row].divisor);
    *actual_khz = divisors[row].khz;
    return stlink_command(link, request, sizeof request, reply, sizeof reply, err);
}

static stl_code set_frequency(stlink *link, uint32_t want_khz, uint32_t *actual_khz,
                              stl_error *err)
{
    enum { LIST_AT = 12, LIST_MAX = 10 };
    const uint8_t list_request[] = {CMD_DEBUG, DEBUG_GET_COM_FREQ, 0};
    uint8_t list[52];
    stl_code code =
        stlink_command(link, list_request, sizeof list_request, list, sizeof list, err);
    if (code)
        return code;
    const unsigned count = list[8] < LIST_MAX ? list[8] : LIST_MAX;
    uint32_t chosen = 0, lowest = 0;
    for (unsigned i = 0; i < count; i++) {
        const uint32_t khz = stl_get_u32le(list + LIST_AT + 4 * i);
        if (khz && khz <= want_khz && khz > chosen)
            chosen = khz;
        if (khz && (!lowest || khz < lowest))
            lowest = khz;
    }
    if (!lowest)
        return stl_fail(err, STL_E_PROTOCOL, NULL, "the probe offers no SWD clock");
    uint8_t request[8] = {CMD_DEBUG, DEBUG_SET_COM_FREQ}, reply[8];
    stl_put_u32le(request + 4, chosen ? chosen : lowest);
    code = stlink_command(link, request, sizeof request, reply, sizeof reply, err);
    *actual_khz = code ? 0 : stl_get_u32le(reply + 4);
    return code;
}

stl_code stlink_set_swclk(void *state, uint32_t want_khz, uint32_t *actual_khz, stl_error *err)
{
    stlink *link = state;
    stl_code code;
    if (link->info->features.has_com_freq) {
        code = set_frequency(link, want_khz, actual_khz, err);
    } else if (link->info->features.has_swd_set_freq) {
        code = set_divisor(link, want_khz, actual_khz, err);
    } else {
        *actual_khz = DEFAULT_KHZ;
        stl_log_write(link->transport->log, STL_LOG_WARN,
                      "probe firmware %s cannot change SWCLK (J22 can); it stays at its default",
                      link->info->firmware);
        return STL_OK;
    }
    return code ? stl_wrap(err, "set SWCLK to %u kHz", want_khz) : STL_OK;
}
