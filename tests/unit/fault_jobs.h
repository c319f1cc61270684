/* tests/unit/fault_jobs.h: what the commands do to a board, each as one job that a fault may hit. */
#ifndef TEST_FAULT_JOBS_H
#define TEST_FAULT_JOBS_H

#include "board.h"

typedef struct fault_job {
    const char *name;
    board_options options;
    void (*prepare)(board *b); /* what is on the chip before */
    /* On a board that is connected: do it. */
    stl_code (*run)(board *b, stl_error *err);
    /* What a success promises; NULL: nothing that can be seen from outside. */
    bool (*is_right)(board *b);
    bool is_unproved; /* what a damaged reply to a plain read says, nobody can know */
    bool must_fail;   /* success would be a lie, with or without a fault */
    /* What the next run brings back; NULL: all of is_right. */
    bool (*is_repaired)(board *b);
} fault_job;

extern const fault_job fault_jobs[];
extern const unsigned fault_job_count;

/* Connect, run, disconnect. */
stl_code fault_job_do(const fault_job *job, board *b, stl_error *err);
/* Power a board on and prepare it. */
void fault_job_begin(const fault_job *job, board *b);

/* ---- figures ---- */
typedef struct fault_tally {
    unsigned points, failed, survived;
} fault_tally;

/* One line that tests/soak/faults.sh adds up. */
void fault_tally_print(const char *kind, const fault_tally *tally);
/* The points of 1 .. total that this run tries: STL_FAULT_STRIDE (or the usual one), and an offset by
 * STL_FAULT_SEED. The first of them, and the step. */
unsigned fault_first(unsigned step);
unsigned fault_step(unsigned usual);

/* A board that has had its fault, in order again: no fault armed, plugged in, powered. */
void fault_job_mend(board *b);
/* What holds after every fault: see test_faults.c. Adds to the tally. */
void fault_job_judge(const fault_job *job, board *b, stl_code code, const stl_error *err,
                     const char *what, fault_tally *tally);

#endif
