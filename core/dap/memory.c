/* core/dap/memory.c: target memory of any alignment, in as few commands as the probe allows.
 * Source: facts/stlink-protocol 3.5, 5.8. */
#include <string.h>

#include "dap_internal.h"
#include "stl/bytes.h"

enum { TAR_WRAP_BYTES = 1024 };

/* The next run of accesses of one width, from addr on. */
static size_t next_run(const stl_dap *dap, unsigned width_bytes, uint32_t addr, size_t byte_count)
{
    const stl_probe_features *features = &stl_probe_get_info(dap->probe)->features;
    size_t limit = width_bytes == 1 ? features->mem8_max_bytes : features->mem32_max_bytes;
    /* Firmware before J24 may leave the TAR wrap to us (facts 5.8). */
    if (!features->has_dap_registers) {
        const size_t to_wrap = TAR_WRAP_BYTES - addr % TAR_WRAP_BYTES;
        limit = limit < to_wrap ? limit : to_wrap;
    }
    return byte_count < limit ? byte_count : limit;
}

static stl_code wrap_access(stl_error *err, const char *verb, uint32_t addr, size_t byte_count)
{
    return stl_wrap(err, "%s %zu bytes at 0x%08X", verb, byte_count, addr);
}

static stl_code check_aligned(unsigned width_bytes, uint32_t addr, size_t byte_count,
                              stl_error *err)
{
    if ((width_bytes == 1 || width_bytes == 2 || width_bytes == 4) && addr % width_bytes == 0 &&
        byte_count % width_bytes == 0)
        return STL_OK;
    return stl_fail(err, STL_E_ARGUMENT, NULL,
                    "0x%08X and %zu bytes are not multiples of an access of %u bytes", addr,
                    byte_count, width_bytes);
}

stl_code stl_mem_read_as(stl_dap *dap, unsigned width_bytes, uint32_t addr, void *bytes,
                         size_t byte_count, stl_error *err)
{
    stl_code code = check_aligned(width_bytes, addr, byte_count, err);
    uint8_t *at = bytes;
    if (!code && width_bytes == 4 && byte_count == 4) { /* one command instead of two */
        uint32_t word;
        code = stl_mem_read_word(dap, addr, &word, err);
        if (!code)
            stl_put_u32le(at, word);
        return code;
    }
    while (!code && byte_count) {
        const size_t run = next_run(dap, width_bytes, addr, byte_count);
        code = stl_probe_read_mem(dap->probe, width_bytes, addr, at, run, err);
        if (code)
            return wrap_access(err, "read", addr, run);
        addr += (uint32_t)run;
        at += run;
        byte_count -= run;
    }
    return code;
}

stl_code stl_mem_write_as(stl_dap *dap, unsigned width_bytes, uint32_t addr, const void *bytes,
                          size_t byte_count, stl_error *err)
{
    stl_code code = check_aligned(width_bytes, addr, byte_count, err);
    const uint8_t *at = bytes;
    while (!code && byte_count) {
        const size_t run = next_run(dap, width_bytes, addr, byte_count);
        code = stl_probe_write_mem(dap->probe, width_bytes, addr, at, run, STL_REPLAY_ON_WAIT, err);
        if (code)
            return wrap_access(err, "write", addr, run);
        addr += (uint32_t)run;
        at += run;
        byte_count -= run;
    }
    return code;
}

/* Bytes before the first word boundary, then words, then the bytes that are left. */
static void split(uint32_t addr, size_t byte_count, size_t *head, size_t *body, size_t *tail)
{
    *head = (4 - addr % 4) % 4;
    if (*head > byte_count)
        *head = byte_count;
    *body = (byte_count - *head) & ~(size_t)3;
    *tail = byte_count - *head - *body;
}

stl_code stl_mem_read(stl_dap *dap, uint32_t addr, void *bytes, size_t byte_count, stl_error *err)
{
    uint8_t *at = bytes;
    size_t head, body, tail;
    split(addr, byte_count, &head, &body, &tail);
    stl_code code = stl_mem_read_as(dap, 1, addr, at, head, err);
    if (!code && body)
        code = stl_mem_read_as(dap, 4, addr + (uint32_t)head, at + head, body, err);
    if (!code)
        code = stl_mem_read_as(dap, 1, addr + (uint32_t)(head + body), at + head + body, tail,
                               err);
    return code;
}

stl_code stl_mem_write(stl_dap *dap, uint32_t addr, const void *bytes, size_t byte_count,
                       stl_error *err)
{
    const uint8_t *at = bytes;
    if (byte_count == 4 && addr % 4 == 0)
        return stl_mem_write_word(dap, addr, stl_get_u32le(at), err);
    size_t head, body, tail;
    split(addr, byte_count, &head, &body, &tail);
    stl_code code = stl_mem_write_as(dap, 1, addr, at, head, err);
    if (!code && body)
        code = stl_mem_write_as(dap, 4, addr + (uint32_t)head, at + head, body, err);
    if (!code)
        code = stl_mem_write_as(dap, 1, addr + (uint32_t)(head + body), at + head + body, tail,
                                err);
    return code;
}

stl_code stl_mem_read_word(stl_dap *dap, uint32_t addr, uint32_t *value, stl_error *err)
{
    stl_code code = stl_probe_read_word(dap->probe, addr, value, err);
    return code ? stl_wrap(err, "read word 0x%08X", addr) : STL_OK;
}

stl_code stl_mem_write_word(stl_dap *dap, uint32_t addr, uint32_t value, stl_error *err)
{
    stl_code code = stl_probe_write_word(dap->probe, addr, value, err);
    return code ? stl_wrap(err, "write word 0x%08X", addr) : STL_OK;
}

stl_code stl_mem_feed_words(stl_dap *dap, uint32_t addr, const void *bytes, size_t byte_count,
                            stl_error *err)
{
    stl_code code = check_aligned(4, addr, byte_count, err);
    if (!code)
        code = stl_probe_write_mem(dap->probe, 4, addr, bytes, byte_count, STL_REPLAY_NEVER, err);
    return code ? wrap_access(err, "feed", addr, byte_count) : STL_OK;
}
