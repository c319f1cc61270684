/* core/dap/breakpoints.c: hardware breakpoints of the FPB, version 1.
 * Source: ARMv7-M ARM C1.11 (FP_CTRL, FP_COMPn: REPLACE in 31:30, address in 28:2). */
#include "dap_internal.h"

enum { FP_CTRL_ENABLE = 1, FP_CTRL_KEY = 2, CODE_END = 0x20000000 };

static stl_code enable_unit(stl_dap *dap, stl_error *err)
{
    if (dap->comparator_count)
        return STL_OK;
    uint32_t ctrl;
    stl_code code = stl_mem_read_word(dap, REG_FP_CTRL, &ctrl, err);
    if (code)
        return code;
    const unsigned count = (ctrl >> 4 & 0xF) | (ctrl >> 8 & 0x70);
    if (count == 0)
        return stl_fail(err, STL_E_UNSUPPORTED, NULL, "this core has no breakpoint comparators");
    code = stl_mem_write_word(dap, REG_FP_CTRL, FP_CTRL_ENABLE | FP_CTRL_KEY, err);
    if (!code)
        dap->comparator_count = count < MAX_BREAKPOINTS ? count : MAX_BREAKPOINTS;
    return code;
}

static stl_code find(const stl_dap *dap, uint32_t addr, unsigned *index)
{
    for (*index = 0; *index < dap->comparator_count; ++*index)
        if (dap->breakpoints[*index] == addr)
            return STL_OK;
    return STL_E_ARGUMENT;
}

stl_code stl_core_set_breakpoint(stl_dap *dap, uint32_t addr, stl_error *err)
{
    if (addr % 2 || addr >= CODE_END || addr == 0)
        return stl_fail(err, STL_E_ARGUMENT, "in RAM, put a BKPT instruction instead",
                        "0x%08X is not a half word of code memory", addr);
    stl_code code = enable_unit(dap, err);
    unsigned index;
    if (code || find(dap, addr, &index) == STL_OK)
        return code;
    if (find(dap, 0, &index))
        return stl_fail(err, STL_E_UNSUPPORTED, "clear another breakpoint first",
                        "all %u breakpoint comparators are in use", dap->comparator_count);
    const uint32_t replace = addr % 4 ? 2u << 30 : 1u << 30;
    code = stl_mem_write_word(dap, REG_FP_COMP0 + 4 * index, replace | (addr & 0x1FFFFFFCu) | 1u,
                              err);
    if (!code)
        dap->breakpoints[index] = addr;
    return code;
}

stl_code stl_core_clear_breakpoint(stl_dap *dap, uint32_t addr, stl_error *err)
{
    unsigned index;
    if (addr == 0 || find(dap, addr, &index))
        return stl_fail(err, STL_E_ARGUMENT, NULL, "no breakpoint is set at 0x%08X", addr);
    stl_code code = stl_mem_write_word(dap, REG_FP_COMP0 + 4 * index, 0, err);
    if (!code)
        dap->breakpoints[index] = 0;
    return code;
}
