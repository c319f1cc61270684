/* core/dap/call.c: running code in target RAM.
 * Source: facts/stm32l1 5.7: a blank chip has locked up with T = 0 and an active fault; all of that
 * must be undone before code in RAM can run. */
#include <string.h>

#include "dap_internal.h"
#include "stl/bytes.h"

enum { BKPT = 0xBE00, THUMB_STATE = 1 << 24, PRIMASK_SET = 1 };

static stl_code write_all(stl_dap *dap, const uint32_t (*rows)[2], unsigned count, stl_error *err)
{
    stl_code code = STL_OK;
    for (unsigned i = 0; i < count && !code; i++)
        code = stl_mem_write_word(dap, rows[i][0], rows[i][1], err);
    return code;
}

stl_code stl_core_clean(stl_dap *dap, stl_error *err)
{
    static const uint32_t rows[][2] = {
        {REG_AIRCR, AIRCR_VECTCLRACTIVE}, /* takes effect only while halted */
        {REG_DEMCR, DEMCR_TRCENA | DEMCR_VC_FAULTS},
    };
    /* CFSR, HFSR, DFSR stand together and are cleared by ones: also so that the cause of the next halt
     * is unambiguous */
    uint8_t ones[12];
    memset(ones, 0xFF, sizeof ones);
    stl_code code = write_all(dap, rows, sizeof rows / sizeof rows[0], err);
    if (!code)
        code = stl_mem_write(dap, REG_CFSR, ones, sizeof ones, err);
    if (!code)
        code = stl_core_write_reg(dap, CORE_REG_XPSR, THUMB_STATE, err);
    if (!code)
        code = stl_core_write_reg(dap, CORE_REG_SPECIAL, PRIMASK_SET, err);
    return code ? stl_wrap(err, "bring the core into a clean state") : STL_OK;
}

stl_code stl_core_start(stl_dap *dap, uint32_t entry_addr, uint32_t stack_addr,
                        uint32_t return_addr, const uint32_t *args, unsigned arg_count,
                        stl_error *err)
{
    const uint32_t rows[][2] = {
        {CORE_REG_SP, stack_addr},
        {CORE_REG_LR, return_addr | 1u},
        {CORE_REG_PC, entry_addr & ~1u},
    };
    stl_code code = STL_OK;
    for (unsigned i = 0; i < arg_count && i < 4 && !code; i++)
        code = stl_core_write_reg(dap, CORE_REG_R0 + i, args[i], err);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0] && !code; i++)
        code = stl_core_write_reg(dap, rows[i][0], rows[i][1], err);
    if (!code)
        code = stl_core_run(dap, err);
    return code ? stl_wrap(err, "start code at 0x%08X", entry_addr) : STL_OK;
}

/* The core stopped somewhere else than it should: say where and why. */
static stl_code explain_stop(stl_dap *dap, uint32_t pc, uint32_t expected_pc, stl_error *err)
{
    uint32_t cfsr = 0, hfsr = 0;
    stl_error ignored;
    if (stl_mem_read_word(dap, REG_CFSR, &cfsr, &ignored) ||
        stl_mem_read_word(dap, REG_HFSR, &hfsr, &ignored))
        cfsr = hfsr = 0;
    return stl_fail(err, STL_E_LOADER, "`stlua info` shows the state of the target",
                    "the core stopped at 0x%08X instead of 0x%08X, CFSR=0x%08X HFSR=0x%08X", pc,
                    expected_pc, cfsr, hfsr);
}

static stl_code stop_runaway(stl_dap *dap, uint32_t timeout_ms, stl_error *err)
{
    stl_error ignored;
    uint32_t pc = 0;
    if (stl_core_halt(dap, &ignored) ||
        stl_core_read_reg(dap, CORE_REG_PC, &pc, &ignored))
        return stl_fail(err, STL_E_TIMEOUT, NULL,
                        "the function did not return within %u ms, and the core cannot be halted",
                        timeout_ms);
    return stl_fail(err, STL_E_TIMEOUT, NULL,
                    "the function did not return within %u ms; the core was at 0x%08X", timeout_ms,
                    pc);
}

stl_code stl_core_call(stl_dap *dap, uint32_t entry_addr, uint32_t stack_addr,
                       uint32_t return_addr, const uint32_t args[4], uint32_t timeout_ms,
                       uint32_t *result, stl_error *err)
{
    stl_error local;
    if (!err)
        err = &local;
    uint8_t bkpt[2];
    stl_put_u16le(bkpt, BKPT);
    stl_code code = stl_core_halt(dap, err);
    if (!code)
        code = stl_core_clean(dap, err);
    if (!code)
        code = stl_mem_write(dap, return_addr, bkpt, sizeof bkpt, err);
    if (!code)
        code = stl_core_start(dap, entry_addr, stack_addr, return_addr, args, 4, err);
    if (!code) {
        code = stl_core_wait_halt(dap, timeout_ms, err);
        if (code == STL_E_TIMEOUT)
            code = stop_runaway(dap, timeout_ms, err);
    }
    uint32_t pc = 0;
    if (!code)
        code = stl_core_read_reg(dap, CORE_REG_PC, &pc, err);
    if (!code && pc != (return_addr & ~1u))
        code = explain_stop(dap, pc, return_addr & ~1u, err);
    if (!code)
        code = stl_core_read_reg(dap, CORE_REG_R0, result, err);
    return code ? stl_wrap(err, "call 0x%08X", entry_addr) : STL_OK;
}
