/* core/dap/dap_internal.h: what the parts of the debug layer share. */
#ifndef STL_DAP_INTERNAL_H
#define STL_DAP_INTERNAL_H

#include "stl/dap.h"

#define REG_CPUID    0xE000ED00u
#define REG_ICSR     0xE000ED04u
#define REG_AIRCR    0xE000ED0Cu
#define REG_CFSR     0xE000ED28u
#define REG_HFSR     0xE000ED2Cu
#define REG_DFSR     0xE000ED30u
#define REG_DHCSR    0xE000EDF0u
#define REG_DEMCR    0xE000EDFCu
#define REG_FP_CTRL  0xE0002000u
#define REG_FP_COMP0 0xE0002008u

#define DHCSR_KEY            0xA05F0000u
#define AIRCR_SYSRESETREQ    0x05FA0004u
#define AIRCR_VECTCLRACTIVE  0x05FA0002u
#define DEMCR_TRCENA         (1u << 24)
#define DEMCR_VC_CORERESET   (1u << 0)
#define DEMCR_VC_FAULTS      0x700u /* VC_HARDERR, VC_INTERR, VC_BUSERR */
#define DFSR_ALL             0x1Fu

enum {
    CORE_REG_R0 = 0,
    CORE_REG_SP = 13,
    CORE_REG_LR = 14,
    CORE_REG_PC = 15,
    CORE_REG_XPSR = 16,
    CORE_REG_MSP = 17,
    CORE_REG_SPECIAL = 20
};

enum { MAX_BREAKPOINTS = 16 };

struct stl_dap {
    stl_probe *probe;
    stl_dap_info info;
    bool is_known_halted; /* as last seen, and not let run since */
    unsigned comparator_count; /* 0: FP_CTRL not read yet */
    uint32_t breakpoints[MAX_BREAKPOINTS]; /* address, or 0 for a free comparator */
};

/* Wait for S_HALT after a reset that was armed with VC_CORERESET; accesses that fail while the chip
 * comes up are forgiven. *was_reset: S_RESET_ST has been seen. */
stl_code stl_dap_wait_reset_halt(stl_dap *dap, uint32_t timeout_ms, bool *was_reset,
                                 stl_error *err);

#endif
