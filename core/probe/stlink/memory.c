/* core/probe/stlink/memory.c: memory commands, and the status that must be asked for after each.
 * Source: facts/stlink-protocol 3.5, 3.6, 5.8.
 *   F2 07/08/0C/0D/47/48 addr u32, length u16, AP u8  data IN or OUT
 *   F2 3E -> 12 bytes: status u16, 2 reserved, fault address u32 (from J15; before: F2 3B -> 2) */
#include <string.h>

#include "stl/bytes.h"
#include "stlink.h"

enum { ABORT_CLEAR_ALL = 0x1E /* STKCMPCLR, STKERRCLR, WDERRCLR, ORUNERRCLR */ };

static void make_request(uint8_t request[STLINK_REQUEST_BYTES], bool is_write,
                         unsigned width_bytes, uint32_t addr, size_t byte_count)
{
    static const uint8_t opcodes[2][3] = {
        {DEBUG_READMEM_8BIT, DEBUG_READMEM_16BIT, DEBUG_READMEM_32BIT},
        {DEBUG_WRITEMEM_8BIT, DEBUG_WRITEMEM_16BIT, DEBUG_WRITEMEM_32BIT},
    };
    memset(request, 0, STLINK_REQUEST_BYTES);
    request[0] = CMD_DEBUG;
    request[1] = opcodes[is_write][width_bytes >> 1];
    stl_put_u32le(request + 2, addr);
    stl_put_u16le(request + 6, (uint16_t)byte_count);
}

/* The status of the last memory command, and where it faulted (addr itself if the firmware cannot
 * tell). */
static stl_code get_status(stlink *link, uint32_t addr, uint8_t *status, uint32_t *fault_addr,
                           stl_error *err)
{
    uint8_t reply[12];
    const bool has_addr = link->info->features.has_rw_status2;
    const uint8_t request[] = {CMD_DEBUG, has_addr ? DEBUG_GETLASTRWSTATUS2 : DEBUG_GETLASTRWSTATUS};
    stl_code code = stlink_exchange(link, request, sizeof request, reply, has_addr ? 12 : 2, err);
    if (code)
        return code;
    *status = reply[0];
    *fault_addr = has_addr ? stl_get_u32le(reply + 4) : addr;
    return STL_OK;
}

static stl_code fail_access(stlink *link, uint8_t status, const uint8_t *request,
                            uint32_t fault_addr, stl_error *err)
{
    stl_code code = stlink_status_error(link, status, request, err);
    if (!code)
        return STL_OK;
    stl_error_at(err, fault_addr);
    /* Whether the firmware clears the sticky flags itself depends on its version (facts, open
     * question 17); asking twice does no harm. */
    if (code == STL_E_DAP_FAULT && link->info->features.has_dap_registers) {
        stl_error ignored;
        const stl_code cleared =
            stlink_write_dap(link, STL_PROBE_AP_DP, 0, ABORT_CLEAR_ALL, &ignored);
        (void)cleared; /* the fault itself is what is worth reporting */
    }
    return code;
}

static stl_code read_once(stlink *link, const uint8_t *request, uint32_t addr, uint8_t *bytes,
                          size_t byte_count, uint8_t *status, uint32_t *fault_addr, stl_error *err)
{
    stl_code code =
        stlink_exchange(link, request, STLINK_REQUEST_BYTES, bytes, byte_count, err);
    return code ? code : get_status(link, addr, status, fault_addr, err);
}

static stl_code write_once(stlink *link, const uint8_t *request, uint32_t addr,
                           const uint8_t *bytes, size_t byte_count, uint8_t *status,
                           uint32_t *fault_addr, stl_error *err)
{
    uint8_t command[STLINK_REQUEST_BYTES];
    memcpy(command, request, sizeof command);
    const uint8_t out = link->transport->identity.endpoint_out;
    stl_transfer transfers[] = {
        {out, command, sizeof command, 0},
        {out, (void *)(uintptr_t)bytes, byte_count, 0}, /* not written: an OUT transfer */
    };
    stl_code code = stlink_run(link, transfers, 2, err);
    if (code)
        return stl_wrap(err, "ST-LINK command %02X %02X", command[0], command[1]), code;
    return get_status(link, addr, status, fault_addr, err);
}

stl_code stlink_read_mem(void *state, unsigned width_bytes, uint32_t addr, uint8_t *bytes,
                         size_t byte_count, stl_error *err)
{
    stlink *link = state;
    if (width_bytes == 2 && !link->info->features.has_mem_16bit)
        return stl_fail(err, STL_E_UNSUPPORTED, NULL,
                        "16-bit access needs probe firmware J26, this is %s", link->info->firmware);
    uint8_t request[STLINK_REQUEST_BYTES];
    make_request(request, false, width_bytes, addr, byte_count);
    for (unsigned n = 0;; n++) {
        uint8_t status;
        uint32_t fault_addr;
        stl_code code =
            read_once(link, request, addr, bytes, byte_count, &status, &fault_addr, err);
        if (code)
            return code;
        if (!stlink_is_wait(status) || !stlink_wait_before_retry(link, n))
            return fail_access(link, status, request, fault_addr, err);
    }
}

stl_code stlink_write_mem(void *state, unsigned width_bytes, uint32_t addr, const uint8_t *bytes,
                          size_t byte_count, stl_replay replay, stl_error *err)
{
    stlink *link = state;
    if (width_bytes == 2 && !link->info->features.has_mem_16bit)
        return stl_fail(err, STL_E_UNSUPPORTED, NULL,
                        "16-bit access needs probe firmware J26, this is %s", link->info->firmware);
    uint8_t request[STLINK_REQUEST_BYTES];
    make_request(request, true, width_bytes, addr, byte_count);
    for (unsigned n = 0;; n++) {
        uint8_t status;
        uint32_t fault_addr;
        stl_code code =
            write_once(link, request, addr, bytes, byte_count, &status, &fault_addr, err);
        if (code)
            return code;
        if (!stlink_is_wait(status) || replay == STL_REPLAY_NEVER ||
            !stlink_wait_before_retry(link, n))
            return fail_access(link, status, request, fault_addr, err);
    }
}
