/* tests/usb/desk.h: a desk with simulated probes, and programs that are run on their USB bus. */
#ifndef DESK_H
#define DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "odd_probe.h"

enum { DESK_MAX_PROBES = 8, DESK_OUTPUT_BYTES = 65536 };

typedef struct desk_probe {
    pid_t pid;
    char socket_path[96];
    char spec[160]; /* for --probe */
} desk_probe;

typedef struct desk {
    char folder[64];
    desk_probe probes[DESK_MAX_PROBES];
    unsigned probe_count;
    uid_t run_as;                   /* 0: as whoever runs the test */
    char output[DESK_OUTPUT_BYTES]; /* of the last program, both streams */
} desk;

void desk_set_up(desk *d);
void desk_tear_down(desk *d);

/* Start a simulator for board ("rak5205?probe=v3") and plug it in with options ("port=4.2,denied").
 * Returns its socket. */
const char *desk_plug(desk *d, const char *board, const char *options);

/* The same with a device that is no sane ST-LINK. */
void desk_plug_odd(desk *d, odd_kind kind, const char *options);

/* Run a program on the bus; returns its exit status, its output is in d->output. */
int desk_run(desk *d, const char *const arguments[]);
#define RUN(d, ...) desk_run((d), (const char *const[]){__VA_ARGS__, NULL})
/* The same for usb_inside, our program for the inside. */
#define RUN_INSIDE(d, ...) RUN(d, STL_BINARY_DIR "/bin/usb_inside", __VA_ARGS__)

/* The person at the desk. */
void desk_admin(const char *socket_path, const char *line);

void desk_assert_output(const desk *d, const char *part);
void desk_assert_no_output(const desk *d, const char *part);

/* A desk of its own for each test. */
int desk_test_set_up(void **state);
int desk_test_tear_down(void **state);
#define ON_A_DESK(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, desk_test_set_up, desk_test_tear_down)

#endif
