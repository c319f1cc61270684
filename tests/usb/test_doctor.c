/* tests/usb/test_doctor.c: what `stlua doctor` says of a desk, on the simulated bus: the causes that only USB
 * can have. Those of the probe and the target are in tests/doctor. */
#include "desk.h"

#define STLUA STL_BINARY_DIR "/bin/stlua"

static unsigned recognised, expected; /* findings, over all tests */

/* The findings are the last line. */
static void assert_finding(desk *d, const char *id)
{
    char line[96];
    snprintf(line, sizeof line, "doctor: 1 finding: %s\n", id);
    expected++;
    desk_assert_output(d, line);
    recognised++;
}

static void an_empty_desk_has_no_probe(void **state)
{
    desk *d = *state;
    desk_admin(desk_plug(d, "rak5205", "port=1"), "unplug");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "no_probe");
    desk_assert_output(d, "no ST-LINK on USB");
}

static void several_probes_are_not_guessed_among(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1");
    desk_plug(d, "rak5205?probe=v3", "port=4.2");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "several_probes");
    desk_assert_output(d, "usb:1-1 ");
    desk_assert_output(d, "usb:1-4.2 ");
}

/* users.md B24, B26: clones share a serial number. */
static void one_serial_on_two_probes_is_not_guessed_either(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?serial=0000001", "port=1");
    desk_plug(d, "rak5205?serial=0000001", "port=2");
    assert_int_equal(RUN(d, STLUA, "--probe", "0000001", "doctor"), 0);
    assert_finding(d, "several_probes");
    desk_assert_output(d, "serial 0000001 belongs to 2 probes");
}

static void a_missing_udev_rule_is_named(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1,denied");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "probe_permission");
    desk_assert_output(d, "next: stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules");
}

static void the_program_that_holds_the_probe_is_named(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1,held=openocd");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "probe_busy");
    desk_assert_output(d, "held by openocd (pid ");
}

static void a_cable_that_loses_transfers_is_named_and_the_hub_with_it(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205", "port=4.2");
    desk_admin(socket_path, "fault usb short at 40");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "usb_unreliable");
    desk_assert_output(d, "behind 1 hub");
    desk_assert_output(d, "the hub in between");
}

static void a_probe_that_never_answers_is_a_usb_matter(void **state)
{
    desk *d = *state;
    desk_plug_odd(d, ODD_TERSE, "port=1");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "usb_unreliable");
}

static void a_new_board_behind_a_hub_is_only_blank(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=4.2");
    assert_int_equal(RUN(d, STLUA, "doctor"), 0);
    assert_finding(d, "blank_flash");
    desk_assert_output(d, "opening the probe  ok    usb:1-4.2, behind 1 hub");
}

static void the_figure(void **state)
{
    (void)state;
    print_message("causes recognised on USB: %u of %u simulated\n", recognised, expected);
    assert_int_equal(recognised, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DESK(an_empty_desk_has_no_probe),
        ON_A_DESK(several_probes_are_not_guessed_among),
        ON_A_DESK(one_serial_on_two_probes_is_not_guessed_either),
        ON_A_DESK(a_missing_udev_rule_is_named),
        ON_A_DESK(the_program_that_holds_the_probe_is_named),
        ON_A_DESK(a_cable_that_loses_transfers_is_named_and_the_hub_with_it),
        ON_A_DESK(a_probe_that_never_answers_is_a_usb_matter),
        ON_A_DESK(a_new_board_behind_a_hub_is_only_blank),
        cmocka_unit_test(the_figure),
    };
    return cmocka_run_group_tests_name("usb/doctor", tests, NULL, NULL);
}
