/* core/dap/core.c: halt, run, step, reset; core registers.
 * Source: ARMv7-M ARM C1.6 (DHCSR, DEMCR), B3.2.6 (AIRCR); facts/stlink-protocol 5.5 to 5.7. */
#include "dap_internal.h"

enum { HALT_TIMEOUT_MS = 100, RESET_TIMEOUT_MS = 500, NRST_LOW_US = 100 };

static stl_code write_dhcsr(stl_dap *dap, uint32_t bits, stl_error *err)
{
    if (!(bits & DHCSR_C_HALT))
        dap->is_known_halted = false;
    return stl_mem_write_word(dap, REG_DHCSR, DHCSR_KEY | bits, err);
}

stl_code stl_core_get_state(stl_dap *dap, stl_core_state *state, stl_error *err)
{
    uint32_t dhcsr;
    stl_code code = stl_mem_read_word(dap, REG_DHCSR, &dhcsr, err);
    if (code)
        return code;
    *state = (stl_core_state){
        .dhcsr = dhcsr,
        .is_halted = dhcsr & DHCSR_S_HALT,
        .is_sleeping = dhcsr & DHCSR_S_SLEEP,
        .is_locked_up = dhcsr & DHCSR_S_LOCKUP,
        .was_reset = dhcsr & DHCSR_S_RESET_ST,
    };
    dap->is_known_halted = state->is_halted;
    return STL_OK;
}

stl_code stl_core_wait_halt(stl_dap *dap, uint32_t timeout_ms, stl_error *err)
{
    stl_deadline deadline = stl_deadline_in_ms(stl_dap_clock(dap), timeout_ms);
    for (;;) {
        const bool is_last = stl_deadline_is_last_look(&deadline);
        stl_core_state state;
        stl_code code = stl_core_get_state(dap, &state, err);
        if (code)
            return code;
        if (state.is_halted)
            return STL_OK;
        if (is_last)
            return stl_fail(err, STL_E_TIMEOUT, "try --connect under-reset",
                            "core not halted after %u ms, DHCSR=0x%08X%s%s", timeout_ms,
                            state.dhcsr, state.is_locked_up ? ", locked up" : "",
                            state.is_sleeping ? ", asleep" : "");
    }
}

stl_code stl_core_halt(stl_dap *dap, stl_error *err)
{
    stl_code code = write_dhcsr(dap, DHCSR_C_DEBUGEN | DHCSR_C_HALT, err);
    if (!code)
        code = stl_core_wait_halt(dap, HALT_TIMEOUT_MS, err);
    return code ? stl_wrap(err, "halt the core") : STL_OK;
}

stl_code stl_core_run(stl_dap *dap, stl_error *err)
{
    stl_code code = write_dhcsr(dap, DHCSR_C_DEBUGEN, err);
    return code ? stl_wrap(err, "run the core") : STL_OK;
}

/* Masked, so that a pending interrupt does not carry the step away; C_MASKINTS changes only while
 * C_HALT stays set (ARMv7-M ARM, DHCSR). */
stl_code stl_core_step(stl_dap *dap, stl_error *err)
{
    stl_code code =
        write_dhcsr(dap, DHCSR_C_DEBUGEN | DHCSR_C_HALT | DHCSR_C_MASKINTS, err);
    if (!code)
        code = write_dhcsr(dap, DHCSR_C_DEBUGEN | DHCSR_C_STEP | DHCSR_C_MASKINTS, err);
    if (!code)
        code = stl_core_wait_halt(dap, HALT_TIMEOUT_MS, err);
    if (!code)
        code = write_dhcsr(dap, DHCSR_C_DEBUGEN | DHCSR_C_HALT, err);
    return code ? stl_wrap(err, "step the core") : STL_OK;
}

stl_code stl_dap_wait_reset_halt(stl_dap *dap, uint32_t timeout_ms, bool *was_reset,
                                 stl_error *err)
{
    stl_deadline deadline = stl_deadline_in_ms(stl_dap_clock(dap), timeout_ms);
    *was_reset = false;
    for (;;) {
        const bool is_last = stl_deadline_is_last_look(&deadline);
        stl_core_state state;
        stl_code code = stl_core_get_state(dap, &state, err);
        if (code == STL_E_USB || code == STL_E_PROBE_GONE || (code && is_last))
            return code;
        if (!code) {
            *was_reset |= state.was_reset;
            if (state.is_halted && !state.was_reset)
                return STL_OK;
            if (is_last)
                return stl_fail(err, STL_E_TIMEOUT, "try --connect under-reset",
                                "core not halted %u ms after reset, DHCSR=0x%08X", timeout_ms,
                                state.dhcsr);
        }
    }
}

static stl_code pulse(stl_dap *dap, stl_reset_kind kind, stl_error *err)
{
    if (kind == STL_RESET_SYSTEM) {
        /* The reset may cut off the answer to its own request (facts 5.7): whether it came is seen
         * in DHCSR, not here. */
        stl_error ignored;
        const stl_code code =
            stl_mem_write_word(dap, REG_AIRCR, AIRCR_SYSRESETREQ, &ignored);
        if (code == STL_E_USB || code == STL_E_PROBE_GONE) {
            *err = ignored;
            return code;
        }
        return STL_OK;
    }
    stl_code code = stl_probe_drive_nrst(dap->probe, true, err);
    if (code)
        return code;
    stl_sleep_us(stl_dap_clock(dap), NRST_LOW_US);
    return stl_probe_drive_nrst(dap->probe, false, err);
}

static stl_code wait_reset_seen(stl_dap *dap, stl_error *err)
{
    stl_deadline deadline = stl_deadline_in_ms(stl_dap_clock(dap), RESET_TIMEOUT_MS);
    for (;;) {
        const bool is_last = stl_deadline_is_last_look(&deadline);
        stl_core_state state;
        stl_code code = stl_core_get_state(dap, &state, err);
        if (code == STL_E_USB || code == STL_E_PROBE_GONE || (code && is_last))
            return code;
        if (!code && state.was_reset)
            return STL_OK;
        if (is_last)
            return stl_fail(err, STL_E_TIMEOUT, "check that nRST is connected",
                            "no reset seen within %u ms, DHCSR=0x%08X", RESET_TIMEOUT_MS,
                            state.dhcsr);
    }
}

stl_code stl_core_reset(stl_dap *dap, stl_reset_kind kind, bool is_halting, stl_error *err)
{
    stl_error local;
    if (!err)
        err = &local;
    const uint32_t catch_reset = is_halting ? DEMCR_VC_CORERESET : 0;
    stl_code code =
        write_dhcsr(dap, DHCSR_C_DEBUGEN | (is_halting ? DHCSR_C_HALT : 0u), err);
    if (!code)
        code = stl_mem_write_word(dap, REG_DEMCR, DEMCR_TRCENA | catch_reset, err);
    if (!code)
        code = pulse(dap, kind, err);
    if (!code && is_halting) {
        bool was_reset;
        code = stl_dap_wait_reset_halt(dap, RESET_TIMEOUT_MS, &was_reset, err);
        if (!code && !was_reset)
            code = stl_fail(err, STL_E_TIMEOUT, "check that nRST is connected",
                            "the core is halted, but no reset was seen");
    } else if (!code) {
        code = wait_reset_seen(dap, err);
    }
    return code ? stl_wrap(err, "reset the target by %s",
                           kind == STL_RESET_SYSTEM ? "SYSRESETREQ" : "nRST")
                : STL_OK;
}

stl_code stl_core_read_reg(stl_dap *dap, unsigned reg, uint32_t *value, stl_error *err)
{
    stl_code code = stl_probe_read_core_reg(dap->probe, reg, value, err);
    return code ? stl_wrap(err, "read core register %u", reg) : STL_OK;
}

stl_code stl_core_write_reg(stl_dap *dap, unsigned reg, uint32_t value, stl_error *err)
{
    stl_code code = stl_probe_write_core_reg(dap->probe, reg, value, err);
    return code ? stl_wrap(err, "write core register %u", reg) : STL_OK;
}
