/* core/dap/connect.c: attaching to a target and letting it go.
 * Source: facts/stlink-protocol 5.2 to 5.4, 5.10; facts/stm32l1 5.4. */
#include <stdlib.h>

#include "dap_internal.h"

#define RESET_HINT "try --connect under-reset, or a lower --speed"

enum { RESET_HALT_TIMEOUT_MS = 500, NRST_LOW_US = 100, FASTEST_KHZ = 1000000 };

/* Not an ordinary failure of a running target: nothing answers, or its bus is stopped. */
static bool is_silent(stl_code code)
{
    return code == STL_E_NO_TARGET || code == STL_E_DAP_WAIT || code == STL_E_DAP_FAULT ||
           code == STL_E_TIMEOUT;
}

static stl_code identify(stl_dap *dap, stl_error *err)
{
    stl_code code = stl_probe_read_dpidr(dap->probe, &dap->info.dpidr, err);
    if (!code && (dap->info.dpidr == 0 || dap->info.dpidr == 0xFFFFFFFFu))
        code = stl_fail(err, STL_E_NO_TARGET, RESET_HINT, "DPIDR reads 0x%08X", dap->info.dpidr);
    return code ? code : stl_mem_read_word(dap, REG_CPUID, &dap->info.cpuid, err);
}

static stl_code attach_normal(stl_dap *dap, stl_error *err)
{
    stl_code code = stl_probe_enter(dap->probe, err);
    if (!code)
        code = identify(dap, err);
    return code ? code : stl_core_reset(dap, STL_RESET_SYSTEM, true, err);
}

/* With nRST low the debug port and the system control space of an STM32L1 answer. Some other parts
 * refuse accesses then, so what fails here is tried again after the release. */
static stl_code arm_under_reset(stl_dap *dap, stl_error *err)
{
    stl_code code = stl_mem_write_word(
        dap, REG_DHCSR, DHCSR_KEY | DHCSR_C_DEBUGEN | DHCSR_C_HALT, err);
    return code ? code
                : stl_mem_write_word(dap, REG_DEMCR, DEMCR_TRCENA | DEMCR_VC_CORERESET, err);
}

static stl_code attach_under_reset(stl_dap *dap, stl_error *err)
{
    stl_probe *probe = dap->probe;
    stl_code code = stl_probe_drive_nrst(probe, true, err);
    if (!code)
        code = stl_probe_enter(probe, err);
    if (!code) /* some firmware knows the pin only after ENTER (facts 5.3) */
        code = stl_probe_drive_nrst(probe, true, err);
    stl_error ignored;
    const stl_code armed = code ? code : arm_under_reset(dap, &ignored);
    stl_sleep_us(stl_probe_clock(probe), NRST_LOW_US);
    if (!code)
        code = stl_probe_drive_nrst(probe, false, err);
    if (!code && armed)
        code = arm_under_reset(dap, err);
    dap->info.was_nrst_tried = true;
    if (!code)
        code = stl_dap_wait_reset_halt(dap, RESET_HALT_TIMEOUT_MS, &dap->info.is_nrst_effective,
                                       err);
    if (!code && !dap->info.is_nrst_effective)
        stl_log_write(stl_probe_log(probe), STL_LOG_WARN,
                      "nRST has no effect: not connected? Resetting by SYSRESETREQ instead");
    if (!code)
        code = identify(dap, err);
    if (!code && (!dap->info.is_nrst_effective || armed))
        code = stl_core_reset(dap, STL_RESET_SYSTEM, true, err);
    return code;
}

static stl_code attach_hotplug(stl_dap *dap, stl_error *err)
{
    stl_code code = stl_probe_enter(dap->probe, err);
    return code ? code : identify(dap, err);
}

/* It also releases nRST; the failure that led here is told, not this one. */
static void let_go(stl_dap *dap)
{
    stl_error ignored;
    const stl_code code = stl_probe_exit(dap->probe, &ignored);
    (void)code;
}

static stl_code attach(stl_dap *dap, stl_connect_mode mode, stl_error *err)
{
    if (mode == STL_CONNECT_HOTPLUG)
        return attach_hotplug(dap, err);
    if (mode == STL_CONNECT_UNDER_RESET)
        return attach_under_reset(dap, err);
    stl_code code = attach_normal(dap, err);
    if (!is_silent(code))
        return code;
    stl_log_write(stl_probe_log(dap->probe), STL_LOG_WARN,
                  "%s; trying again under reset", err->frame[0]);
    let_go(dap);
    stl_error second;
    if (attach_under_reset(dap, &second) == STL_OK)
        return STL_OK;
    return code; /* the first failure tells more: nRST may not even be wired */
}

/* Every step is tried, whatever became of those before it; the first failure is kept. */
typedef struct farewell {
    stl_dap *dap;
    stl_code code;
    stl_error *err;
} farewell;

static void keep(farewell *last, stl_code code, const stl_error *err)
{
    /* firmware that runs may have gone to sleep, or given the SWD pins away */
    if (!code || last->code || (is_silent(code) && !last->dap->is_known_halted))
        return;
    last->code = code;
    if (last->err)
        *last->err = *err;
}

static void write_last(farewell *last, uint32_t addr, uint32_t value)
{
    stl_error err;
    keep(last, stl_mem_write_word(last->dap, addr, value, &err), &err);
}

static stl_code close_with(stl_dap *dap, bool is_released, stl_error *err)
{
    if (!dap)
        return STL_OK;
    farewell last = {.dap = dap, .err = err};
    for (unsigned i = 0; i < dap->comparator_count; i++)
        if (dap->breakpoints[i])
            write_last(&last, REG_FP_COMP0 + 4 * i, 0);
    /* DEMCR and C_DEBUGEN survive a reset: a board left armed looks bricked (facts 5.10). */
    write_last(&last, REG_DEMCR, 0);
    if (is_released) {
        write_last(&last, REG_DFSR, DFSR_ALL);
        write_last(&last, REG_DHCSR, DHCSR_KEY);
    }
    stl_error exit_err;
    keep(&last, stl_probe_exit(dap->probe, &exit_err), &exit_err);
    free(dap);
    if (!last.code)
        return STL_OK;
    return err ? stl_wrap(err, "let go of the target") : last.code;
}

/* After a failure, which is told instead of what may happen here. Disarm what has been armed on the way. */
static void give_up(stl_dap *dap, bool is_armed)
{
    if (is_armed) {
        const stl_code left = close_with(dap, true, NULL);
        (void)left;
        return;
    }
    let_go(dap);
    free(dap);
}

stl_code stl_dap_connect(stl_probe *probe, const stl_connect_options *options, stl_dap **out,
                         stl_error *err)
{
    stl_error local;
    if (!err)
        err = &local;
    stl_dap *dap = calloc(1, sizeof *dap);
    if (!dap)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    dap->probe = probe;
    /* Before ENTER, which already clocks the target. */
    stl_code code =
        stl_probe_set_swclk(probe, options->swclk_khz ? options->swclk_khz : FASTEST_KHZ,
                            &dap->info.swclk_khz, err);
    const bool is_clocked = !code;
    if (!code)
        code = attach(dap, options->mode, err);
    if (code) {
        if (is_silent(code)) {
            if (!err->hint)
                err->hint = RESET_HINT;
            stl_wrap(err, "connect to the target");
        }
        give_up(dap, is_clocked && options->mode != STL_CONNECT_HOTPLUG);
        return code;
    }
    *out = dap;
    return STL_OK;
}

stl_code stl_dap_close(stl_dap *dap, stl_error *err)
{
    return close_with(dap, true, err);
}

stl_code stl_dap_close_halted(stl_dap *dap, stl_error *err)
{
    return close_with(dap, false, err);
}

const stl_dap_info *stl_dap_get_info(const stl_dap *dap)
{
    return &dap->info;
}

stl_probe *stl_dap_probe(stl_dap *dap)
{
    return dap->probe;
}

const stl_clock *stl_dap_clock(const stl_dap *dap)
{
    return stl_probe_clock(dap->probe);
}
