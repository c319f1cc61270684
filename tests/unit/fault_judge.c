/* tests/unit/fault_judge.c: what must hold after every fault, and the figures; see fault_jobs.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault_jobs.h"

static unsigned from_environment(const char *name, unsigned usual)
{
    const char *text = getenv(name);
    return text && *text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

unsigned fault_step(unsigned usual)
{
    const unsigned step = from_environment("STL_FAULT_STRIDE", usual);
    return step ? step : 1;
}

unsigned fault_first(unsigned step)
{
    return 1 + from_environment("STL_FAULT_SEED", 0) % step;
}

void fault_tally_print(const char *kind, const fault_tally *tally)
{
    printf("faults: kind=%s points=%u errors=%u survived=%u seed=%u\n", kind, tally->points,
           tally->failed, tally->survived, from_environment("STL_FAULT_SEED", 0));
}

void fault_job_mend(board *b)
{
    board_admin(b, "fault clear");
    b->trap.at = 0;
    b->is_supply_kept = false;
    if (!sim_device_plug_count(b->device))
        board_admin(b, "replug");
    board_admin(b, "power on");
}

static void check_error(const fault_job *job, const char *what, stl_code code, const stl_error *err)
{
    if (!err->frame_count || err->code != code || !err->frame[0][0])
        fail_msg("%s, %s: an error without a text", job->name, what);
    if (code == STL_E_INTERNAL)
        fail_msg("%s, %s: a fault is no defect of stlua: %s", job->name, what, err->frame[0]);
}

static void check_success(const fault_job *job, board *b, const char *what)
{
    if (job->must_fail)
        fail_msg("%s, %s: success, which cannot be", job->name, what);
    if (job->is_right && !job->is_unproved && !job->is_right(b))
        fail_msg("%s, %s: success, but the board is wrong", job->name, what);
}

void fault_job_judge(const fault_job *job, board *b, stl_code code, const stl_error *err,
                     const char *what, fault_tally *tally)
{
    tally->points++;
    tally->failed += code != STL_OK;
    tally->survived += code == STL_OK;
    if (code)
        check_error(job, what, code, err);
    else
        check_success(job, b, what);

    fault_job_mend(b);
    stl_error next = {0};
    const stl_code again = fault_job_do(job, b, &next);
    char text[1024] = "";
    if (again)
        stl_error_text(&next, text, sizeof text);
    if ((again != STL_OK) != job->must_fail)
        fail_msg("%s, %s: the next run does not repair it: %s", job->name, what, text);
    bool (*const is_mended)(board *b) = job->is_repaired ? job->is_repaired : job->is_right;
    if (!again && is_mended && !is_mended(b))
        fail_msg("%s, %s: the next run leaves the board wrong", job->name, what);
}
