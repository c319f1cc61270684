/* core/include/stl/dap.h: an attached Cortex-M target: memory of any alignment, and the core.
 * Opaque; borrows the probe. Source of the registers: ARMv7-M ARM, C1 (DHCSR, DCRSR, DEMCR, FPB). */
#ifndef STL_DAP_H
#define STL_DAP_H

#include "stl/probe.h"

typedef struct stl_dap stl_dap;

typedef enum stl_connect_mode {
    STL_CONNECT_NORMAL,      /* attach, then reset and halt before the first instruction */
    STL_CONNECT_UNDER_RESET, /* hold nRST low while attaching, halt at the reset vector */
    STL_CONNECT_HOTPLUG      /* attach only: neither reset nor halt */
} stl_connect_mode;

typedef struct stl_connect_options {
    stl_connect_mode mode;
    uint32_t swclk_khz; /* 0: the fastest the probe has */
} stl_connect_options;

typedef struct stl_dap_info {
    uint32_t dpidr, cpuid;
    uint32_t swclk_khz;
    bool is_nrst_effective; /* meaningful if was_nrst_tried */
    bool was_nrst_tried;
} stl_dap_info;

/* Bits of DHCSR. */
#define DHCSR_C_DEBUGEN   (1u << 0)
#define DHCSR_C_HALT      (1u << 1)
#define DHCSR_C_STEP      (1u << 2)
#define DHCSR_C_MASKINTS  (1u << 3)
#define DHCSR_S_REGRDY    (1u << 16)
#define DHCSR_S_HALT      (1u << 17)
#define DHCSR_S_SLEEP     (1u << 18)
#define DHCSR_S_LOCKUP    (1u << 19)
#define DHCSR_S_RETIRE_ST (1u << 24)
#define DHCSR_S_RESET_ST  (1u << 25)

/*
 * Attach to the target behind probe. NORMAL and UNDER_RESET leave the core halted at its reset vector.
 * Errors: STL_E_NO_TARGET (nothing answers), STL_E_DAP_FAULT, STL_E_TIMEOUT (does not halt), STL_E_USB.
 */
STL_MUST_USE stl_code stl_dap_connect(stl_probe *probe, const stl_connect_options *options,
                                      stl_dap **out, stl_error *err);

/* Disarm vector catch and breakpoints, let the core run, leave debug mode; frees dap, not the probe.
 * Accepts NULL; err may be NULL. Continues through errors and returns the first one: the target may then
 * have stayed halted or armed. A target whose firmware runs already may sleep: its silence is no failure. */
STL_MUST_USE stl_code stl_dap_close(stl_dap *dap, stl_error *err);
/* The same, but the core stays as it is: debug stays enabled, halted stays halted. */
STL_MUST_USE stl_code stl_dap_close_halted(stl_dap *dap, stl_error *err);

const stl_dap_info *stl_dap_get_info(const stl_dap *dap);
stl_probe *stl_dap_probe(stl_dap *dap); /* borrowed */
const stl_clock *stl_dap_clock(const stl_dap *dap);

/* ---- memory ---- */
/* Any address, any count: heads and tails go by bytes, the body by words. */
STL_MUST_USE stl_code stl_mem_read(stl_dap *dap, uint32_t addr, void *bytes, size_t byte_count,
                                   stl_error *err);
STL_MUST_USE stl_code stl_mem_write(stl_dap *dap, uint32_t addr, const void *bytes,
                                    size_t byte_count, stl_error *err);
/* One width only (1, 2, 4 bytes), aligned: for registers and for checking byte lanes. */
STL_MUST_USE stl_code stl_mem_read_as(stl_dap *dap, unsigned width_bytes, uint32_t addr,
                                      void *bytes, size_t byte_count, stl_error *err);
STL_MUST_USE stl_code stl_mem_write_as(stl_dap *dap, unsigned width_bytes, uint32_t addr,
                                       const void *bytes, size_t byte_count, stl_error *err);
STL_MUST_USE stl_code stl_mem_read_word(stl_dap *dap, uint32_t addr, uint32_t *value,
                                        stl_error *err);
STL_MUST_USE stl_code stl_mem_write_word(stl_dap *dap, uint32_t addr, uint32_t value,
                                         stl_error *err);
/* 32-bit words fed into an open half page: one command, never sent twice (see stl_replay). */
STL_MUST_USE stl_code stl_mem_feed_words(stl_dap *dap, uint32_t addr, const void *bytes,
                                         size_t byte_count, stl_error *err);

/* ---- core ---- */
typedef struct stl_core_state {
    uint32_t dhcsr;
    bool is_halted, is_sleeping, is_locked_up, was_reset;
} stl_core_state;

STL_MUST_USE stl_code stl_core_get_state(stl_dap *dap, stl_core_state *state, stl_error *err);
STL_MUST_USE stl_code stl_core_halt(stl_dap *dap, stl_error *err);
STL_MUST_USE stl_code stl_core_run(stl_dap *dap, stl_error *err);
STL_MUST_USE stl_code stl_core_step(stl_dap *dap, stl_error *err);

typedef enum stl_reset_kind { STL_RESET_SYSTEM, STL_RESET_NRST } stl_reset_kind;
/* Reset; then halted before the first instruction (VC_CORERESET), or running. */
STL_MUST_USE stl_code stl_core_reset(stl_dap *dap, stl_reset_kind kind, bool is_halting,
                                     stl_error *err);

STL_MUST_USE stl_code stl_core_read_reg(stl_dap *dap, unsigned reg, uint32_t *value,
                                        stl_error *err);
STL_MUST_USE stl_code stl_core_write_reg(stl_dap *dap, unsigned reg, uint32_t value,
                                         stl_error *err);

/* Hardware breakpoint on a half-word address below 0x20000000. STL_E_UNSUPPORTED when all are used. */
STL_MUST_USE stl_code stl_core_set_breakpoint(stl_dap *dap, uint32_t addr, stl_error *err);
STL_MUST_USE stl_code stl_core_clear_breakpoint(stl_dap *dap, uint32_t addr, stl_error *err);

/* Bring a halted core into a state in which code in RAM can run: no pending fault, interrupts masked,
 * exception number 0, Thumb state. A blank chip has just locked up and needs it. */
STL_MUST_USE stl_code stl_core_clean(stl_dap *dap, stl_error *err);

/* Start code in RAM at entry with arg_count arguments in r0..r3; returns with the core running, which
 * must have been cleaned (stl_core_clean). lr points at return_addr. */
STL_MUST_USE stl_code stl_core_start(stl_dap *dap, uint32_t entry_addr, uint32_t stack_addr,
                                     uint32_t return_addr, const uint32_t *args, unsigned arg_count,
                                     stl_error *err);
/* Wait until the core has halted; STL_E_TIMEOUT leaves it running. */
STL_MUST_USE stl_code stl_core_wait_halt(stl_dap *dap, uint32_t timeout_ms, stl_error *err);

/*
 * Call a Thumb function in RAM with up to four arguments and return its r0. A BKPT is placed at
 * return_addr (RAM, a half word). On STL_E_TIMEOUT the core is halted again and the text tells the PC.
 */
STL_MUST_USE stl_code stl_core_call(stl_dap *dap, uint32_t entry_addr, uint32_t stack_addr,
                                    uint32_t return_addr, const uint32_t args[4],
                                    uint32_t timeout_ms, uint32_t *result, stl_error *err);

#endif
