/* tests/unit/test_faults.c: every command, and at every USB transfer of it a fault. After each: an error
 * with a text, or a true success; no hang over the deadline; and one more run repairs the board.
 * A stride keeps the usual run short; STL_FAULT_STRIDE=1 tries every transfer, STL_FAULT_SEED shifts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault_jobs.h"

enum { USUAL_STRIDE = 17, DEADLINE_S = 20 };

static unsigned count_transfers(const fault_job *job)
{
    board b;
    stl_error err = {0};
    fault_job_begin(job, &b);
    const stl_code code = fault_job_do(job, &b, &err);
    if (job->must_fail)
        assert_int_not_equal(code, STL_OK);
    else
        assert_ok(code);
    const unsigned count = b.transfer_count;
    board_throw_away(&b);
    return count;
}

static void try_at(const fault_job *job, const char *kind, const char *line, unsigned at,
                   fault_tally *tally)
{
    board b;
    stl_error err = {0};
    char what[80];
    snprintf(what, sizeof what, "%s at transfer %u", kind, at);
    fault_job_begin(job, &b);
    b.trap = (struct board_trap){at, line};
    const uint64_t begin_ns = sim_device_now_ns(b.device);
    const stl_code code = fault_job_do(job, &b, &err);
    const uint64_t took_ns = sim_device_now_ns(b.device) - begin_ns;
    if (took_ns > DEADLINE_S * 1000000000ull)
        fail_msg("%s, %s: it took %.1f s", job->name, what, (double)took_ns / 1e9);
    fault_job_judge(job, &b, code, &err, what, tally);
    board_throw_away(&b);
}

static void sweep(const char *kind, const char *line)
{
    fault_tally all = {0};
    const unsigned step = fault_step(USUAL_STRIDE);
    for (unsigned i = 0; i < fault_job_count; i++) {
        const fault_job *job = &fault_jobs[i];
        fault_tally tally = {0};
        const unsigned total = count_transfers(job);
        for (unsigned at = fault_first(step); at <= total; at += step)
            try_at(job, kind, line, at, &tally);
        printf("%s, %s: %u of %u transfers tried, %u ended in an error, %u were survived\n", kind,
               job->name, tally.points, total, tally.failed, tally.survived);
        assert_true(tally.points > 0);
        all.points += tally.points;
        all.failed += tally.failed;
        all.survived += tally.survived;
    }
    fault_tally_print(kind, &all);
    assert_true(all.failed > all.points / 4); /* otherwise the faults do not arrive */
}

#define SWEEP(kind, line)                                                                          \
    static void a_##kind##_at_any_transfer_is_an_error_and_the_next_run_repairs_it(void **state)   \
    {                                                                                              \
        (void)state;                                                                               \
        sweep(#kind, line);                                                                        \
    }

SWEEP(timeout, "fault usb timeout at 1")
SWEEP(stall, "fault usb stall at 1")
SWEEP(short, "fault usb short at 1")
SWEEP(garbage, "fault usb garbage at 1")
SWEEP(disconnect, "fault usb disconnect at 1")
SWEEP(wait, "fault wait 4294967295") /* for ever */
SWEEP(fault, "fault ack fault 1")
SWEEP(silence, "fault ack none") /* the target's pins have come off */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_stall_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_short_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_garbage_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_disconnect_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_wait_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_fault_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_silence_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
