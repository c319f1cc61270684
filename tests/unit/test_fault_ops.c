/* tests/unit/test_fault_ops.c: every command that writes, and at every flash operation of it a power cut, a
 * dip of the supply that leaves the operation torn, an error flag, or BSY for ever. Judged as in
 * test_faults.c. All operations are tried, unless STL_FAULT_STRIDE says otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault_jobs.h"

enum { USUAL_STRIDE = 3, DEADLINE_S = 40 }; /* writing RDP may hold a mass erase: 30 s */

typedef struct op_fault {
    const char *kind, *line; /* the number of the operation goes where %u is */
    bool is_dip;
} op_fault;

static const op_fault op_faults[] = {
    {"power_cut", "fault op cut %u", false},
    {"torn_write", "fault op cut %u", true},
    {"busy_for_ever", "fault op hang %u", false},
    {"WRPERR", "fault op fail %u 0x100", false},
    {"PGAERR", "fault op fail %u 0x200", false},
    {"SIZERR", "fault op fail %u 0x400", false},
    {"RDERR", "fault op fail %u 0x2000", false},
};

static unsigned count_operations(const fault_job *job)
{
    board b;
    stl_error err = {0};
    fault_job_begin(job, &b);
    const uint64_t before = board_stats(&b)->operations;
    const stl_code code = fault_job_do(job, &b, &err);
    assert_int_equal(code != STL_OK, job->must_fail);
    const unsigned count = (unsigned)(board_stats(&b)->operations - before);
    board_throw_away(&b);
    return count;
}

static void try_at(const fault_job *job, const op_fault *fault, unsigned at, fault_tally *tally)
{
    board b;
    stl_error err = {0};
    char what[80], line[80];
    snprintf(what, sizeof what, "%s at operation %u", fault->kind, at);
    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): from the table above */
    snprintf(line, sizeof line, fault->line, at);
    fault_job_begin(job, &b);
    board_admin(&b, line);
    b.is_supply_kept = fault->is_dip;
    const uint64_t begin_ns = sim_device_now_ns(b.device);
    const stl_code code = fault_job_do(job, &b, &err);
    const uint64_t took_ns = sim_device_now_ns(b.device) - begin_ns;
    if (took_ns > DEADLINE_S * 1000000000ull)
        fail_msg("%s, %s: it took %.1f s", job->name, what, (double)took_ns / 1e9);
    fault_job_judge(job, &b, code, &err, what, tally);
    board_throw_away(&b);
}

static void a_fault_at_any_flash_operation_is_an_error_and_the_next_run_repairs_it(void **state)
{
    const op_fault *fault = *state;
    fault_tally tally = {0};
    unsigned total = 0;
    const unsigned step = fault_step(USUAL_STRIDE);
    for (unsigned i = 0; i < fault_job_count; i++) {
        const unsigned count = count_operations(&fault_jobs[i]);
        for (unsigned at = fault_first(step); at <= count; at += step)
            try_at(&fault_jobs[i], fault, at, &tally);
        total += count;
    }
    printf("%s: %u of %u operations tried\n", fault->kind, tally.points, total);
    fault_tally_print(fault->kind, &tally);
    assert_true(total > 100 && tally.points > total / step / 2);
    assert_true(tally.failed > tally.points / 4); /* otherwise the faults do not arrive */
}

int main(void)
{
    enum { COUNT = sizeof op_faults / sizeof op_faults[0] };
    struct CMUnitTest tests[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){
            op_faults[i].kind, a_fault_at_any_flash_operation_is_an_error_and_the_next_run_repairs_it,
            NULL, NULL, (void *)(uintptr_t)&op_faults[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
