/* core/loader/loader.c: bringing the loader up, and down. Streaming is in stream.c. */
#include <stdlib.h>
#include <string.h>

#include "loader_internal.h"
#include "stl/bytes.h"

#define RAM_HINT "lower --speed; `stlua info` shows which chip and how much RAM was found"

enum {
    MIN_SLOTS = 2,
    PROOF_TIMEOUT_MS = 100,
    STOP_TIMEOUT_MS = 50
};

static uint32_t align4(uint32_t value)
{
    return (value + 3u) & ~3u;
}

/* Divide the RAM. Results get at most a third, so that small chips keep a ring. */
static stl_code lay_out(stl_loader *loader, const stl_loader_config *config, stl_error *err)
{
    const uint32_t fixed =
        align4((uint32_t)config->code_bytes) + STL_LOADER_CONTROL_BYTES + STL_LOADER_STACK_BYTES;
    loader->slot_bytes = STL_LOADER_SLOT_OVERHEAD_BYTES + align4(config->unit_bytes);
    const uint32_t least = fixed + MIN_SLOTS * loader->slot_bytes;
    if (config->ram_bytes < least)
        return stl_fail(err, STL_E_LOADER, RAM_HINT,
                        "the loader needs %u bytes of RAM, the target has %u", least,
                        config->ram_bytes);
    const uint32_t room = config->ram_bytes - fixed;
    loader->result_bytes = config->result_bytes < room / 3 ? config->result_bytes
                                                           : (room / 3 & ~7u);
    loader->control_addr = config->ram_addr + align4((uint32_t)config->code_bytes);
    loader->stack_addr = loader->control_addr + STL_LOADER_CONTROL_BYTES + STL_LOADER_STACK_BYTES;
    loader->result_addr = loader->stack_addr;
    loader->ring_addr = loader->result_addr + loader->result_bytes;
    const uint32_t slots = (room - loader->result_bytes) / loader->slot_bytes;
    loader->slot_count = slots < MAX_SLOTS ? slots : MAX_SLOTS;
    return STL_OK;
}

/* Distinct words in the middle and at the end: RAM that is missing faults or reads nothing, RAM that is
 * smaller than told shows an alias. The beginning is proved by the code that is read back there. */
static stl_code test_ram(stl_loader *loader, stl_error *err)
{
    const uint32_t end = loader->ring_addr + loader->slot_count * loader->slot_bytes;
    const uint32_t base = loader->config.ram_addr;
    const uint32_t probes[] = {base + (end - base) / 2 / 4 * 4, end - 4};
    enum { COUNT = sizeof probes / sizeof probes[0] };
    stl_code code = STL_OK;
    for (unsigned i = 0; i < COUNT && !code; i++)
        code = stl_mem_write_word(loader->dap, probes[i], loader->nonce ^ probes[i], err);
    for (unsigned i = 0; i < COUNT && !code; i++) {
        uint32_t found;
        code = stl_mem_read_word(loader->dap, probes[i], &found, err);
        if (!code && found != (loader->nonce ^ probes[i]))
            code = stl_fail(err, STL_E_LOADER, RAM_HINT,
                            "RAM does not hold: 0x%08X was written at 0x%08X, 0x%08X is read",
                            loader->nonce ^ probes[i], probes[i], found);
    }
    if (code == STL_E_DAP_FAULT) /* less RAM than told is the loader's trouble, not the port's */
        code = stl_fail(err, STL_E_LOADER, RAM_HINT,
                        "there is no RAM at 0x%08X, where the target's description puts it",
                        err->addr);
    return code;
}

static stl_code upload(stl_loader *loader, stl_error *err)
{
    const stl_loader_config *config = &loader->config;
    const size_t code_bytes = align4((uint32_t)config->code_bytes);
    const size_t total = code_bytes + STL_LOADER_CONTROL_BYTES;
    uint8_t *sent = calloc(2, total);
    if (!sent)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    uint8_t *found = sent + total, *control = sent + code_bytes;
    memcpy(sent, config->code, config->code_bytes);
    stl_put_u32le(control + 4 * CONTROL_NONCE, loader->nonce);
    stl_put_u32le(control + 4 * CONTROL_RING_ADDR, loader->ring_addr);
    stl_put_u32le(control + 4 * CONTROL_SLOT_BYTES, loader->slot_bytes);
    stl_put_u32le(control + 4 * CONTROL_SLOT_COUNT, loader->slot_count);
    for (unsigned i = 0; i < STL_LOADER_PARAMS; i++)
        stl_put_u32le(control + 4 * (CONTROL_PARAMS + i), config->params[i]);
    stl_code code = stl_mem_write(loader->dap, config->ram_addr, sent, total, err);
    if (!code)
        code = stl_mem_read(loader->dap, config->ram_addr, found, total, err);
    for (size_t i = 0; i < total && !code; i++)
        if (sent[i] != found[i])
            code = stl_fail(err, STL_E_LOADER, RAM_HINT,
                            "the uploaded loader reads back wrong: 0x%02X instead of 0x%02X at "
                            "0x%08X",
                            found[i], sent[i], config->ram_addr + (uint32_t)i);
    free(sent);
    return code;
}

static stl_code wait_proof(stl_loader *loader, stl_error *err)
{
    stl_deadline deadline = stl_deadline_in_ms(stl_dap_clock(loader->dap), PROOF_TIMEOUT_MS);
    for (;;) {
        const bool is_last = stl_deadline_is_last_look(&deadline);
        uint32_t proof;
        stl_code code = stl_mem_read_word(loader->dap, loader->control_addr + 4 * CONTROL_PROOF,
                                          &proof, err);
        if (code)
            return code;
        if (proof == ~loader->nonce)
            return STL_OK;
        if (is_last)
            return stl_loader_explain_silence(loader, "does not start", err);
    }
}

stl_code stl_loader_open(stl_dap *dap, const stl_loader_config *config, stl_loader **out,
                         stl_error *err)
{
    stl_loader *loader = calloc(1, sizeof *loader);
    if (!loader)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    loader->dap = dap;
    loader->config = *config;
    /* Old contents of RAM must not look like this run's sequence numbers. */
    loader->nonce = (uint32_t)(stl_now_us(stl_dap_clock(dap)) * 2654435761u) ^ 0x5EED0000u;
    stl_code code = lay_out(loader, config, err);
    if (!code) {
        loader->block = malloc(MAX_BLOCK_BYTES);
        if (!loader->block)
            code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    }
    if (!code)
        code = test_ram(loader, err);
    if (!code)
        code = upload(loader, err);
    if (!code)
        code = stl_core_clean(dap, err);
    const uint32_t control_addr = loader->control_addr;
    if (!code)
        code = stl_core_start(dap, config->ram_addr, loader->stack_addr, config->ram_addr,
                              &control_addr, 1, err);
    if (!code) {
        loader->is_running = true;
        code = wait_proof(loader, err);
    }
    if (code) {
        stl_loader_close(loader);
        return stl_wrap(err, "start the loader");
    }
    *out = loader;
    return STL_OK;
}

void stl_loader_results(const stl_loader *loader, uint32_t *addr, uint32_t *byte_count)
{
    *addr = loader->result_addr;
    *byte_count = loader->result_bytes;
}

/* Ask the code to stop, so that it restores the clocks; then make sure that the core is halted. */
static void stop(stl_loader *loader)
{
    stl_error ignored;
    const stl_loader_item item = {.op = STL_LOADER_OP_STOP};
    stl_code code = stl_loader_put(loader, &item, 1, &ignored);
    if (!code)
        code = stl_core_wait_halt(loader->dap, STOP_TIMEOUT_MS, &ignored);
    if (code)
        code = stl_core_halt(loader->dap, &ignored);
    (void)code; /* the next session resets the target in any case */
}

void stl_loader_close(stl_loader *loader)
{
    if (!loader)
        return;
    stl_error ignored;
    if (loader->is_running && !loader->is_broken)
        stop(loader);
    else if (loader->is_running && stl_core_halt(loader->dap, &ignored) == STL_OK)
        loader->is_running = false;
    free(loader->block);
    free(loader);
}
