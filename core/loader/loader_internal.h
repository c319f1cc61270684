/* core/loader/loader_internal.h: what the parts of the engine share. */
#ifndef STL_LOADER_INTERNAL_H
#define STL_LOADER_INTERNAL_H

#include "stl/loader.h"

enum { /* words of the control block */
    CONTROL_DONE,
    CONTROL_PROOF,
    CONTROL_FLAGS,
    CONTROL_ADDR,
    CONTROL_NONCE,
    CONTROL_RING_ADDR,
    CONTROL_SLOT_BYTES,
    CONTROL_SLOT_COUNT,
    CONTROL_PARAMS
};

#define DONE_FAILED 0x80000000u

enum {
    MAX_BLOCK_BYTES = 6144, /* one memory command (facts/stlink-protocol 3.5) */
    MAX_SLOTS = 64
};

struct stl_loader {
    stl_dap *dap;
    stl_loader_config config;
    uint32_t nonce;
    uint32_t control_addr, stack_addr, result_addr, result_bytes, ring_addr;
    uint32_t slot_bytes, slot_count;
    uint32_t submitted, done; /* items, since the loader was started */
    uint8_t *block;           /* slots on their way */
    bool is_running, is_broken;
};

/* Write count items into the next slots by one memory command; they fit, and do not wrap. */
stl_code stl_loader_put(stl_loader *loader, const stl_loader_item *items, uint32_t count,
                        stl_error *err);

/* Say what is known of a loader that does not answer: STL_E_LOADER. */
stl_code stl_loader_explain_silence(stl_loader *loader, const char *what, stl_error *err);

#endif
