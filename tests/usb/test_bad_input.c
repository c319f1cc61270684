/* tests/usb/test_bad_input.c: what a USB port may bring, and what must not follow: a hang, a stuck
 * claim, a message that helps nobody. */
#include "desk.h"

static const char inside[] = STL_BINARY_DIR "/bin/usb_inside";

static void expect_error(desk *d, odd_kind kind, const char *error)
{
    desk_set_up(d);
    desk_plug_odd(d, kind, "port=1");
    assert_int_equal(RUN_INSIDE(d, "probe", "usb:1-1"), 1);
    desk_assert_output(d, error);
    print_message("%s\n", strstr(d->output, "took="));
    desk_tear_down(d);
}

/* The driver tries twice, with a USB reset between: 1000 and 500 ms, so that the error comes within
 * two seconds. */
static void whatever_a_device_answers_the_error_says_so_soon(void **state)
{
    desk *d = *state;
    expect_error(d, ODD_SILENT, "error=usb ");
    desk_assert_output(d, "bulk IN: no answer within 500 ms");
    expect_error(d, ODD_DEAF, "bulk OUT of a command: no answer within 500 ms");
    expect_error(d, ODD_TERSE, "ST-LINK command F1 80: 1 bytes of reply, 6 expected");
    expect_error(d, ODD_NONSENSE, "error=");
    expect_error(d, ODD_BABBLE, "bulk IN: the probe sent more than the 64 bytes asked for");
    expect_error(d, ODD_STALLED, "stalled");
}

static void a_device_without_strings_is_listed_all_the_same(void **state)
{
    desk *d = *state;
    desk_set_up(d);
    desk_plug_odd(d, ODD_MUTE_STRINGS, "port=1");
    assert_int_equal(RUN_INSIDE(d, "list"), 0);
    desk_assert_output(d, "usb:1-1 0483:3748 out=02 in=81 trace=83 packet=64 product= serial=");
    desk_assert_output(d, "open=ok");
    desk_tear_down(d);
}

static void sigint_during_a_transfer_leaves_no_claim(void **state)
{
    static const char script[] = "timeout --preserve-status -s INT 0.5 \"$0\" hang usb:1-1; "
                                 "echo status=$?; \"$0\" version usb:1-1";
    desk *d = *state;
    desk_set_up(d);
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    assert_int_equal(RUN(d, "/bin/sh", "-c", script, inside), 0);
    desk_assert_output(d, "status=130\nusb:1-1 version=274783044837");
    desk_tear_down(d);
}

static void a_probe_of_a_killed_program_is_free_at_once(void **state)
{
    static const char script[] =
        "for i in 1 2 3 4 5; do \"$0\" hang usb:1-1 & sleep 0.2; kill -9 $!; "
        "wait $! 2>/dev/null; \"$0\" version usb:1-1 || exit 1; done";
    desk *d = *state;
    desk_set_up(d);
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    assert_int_equal(RUN(d, "/bin/sh", "-c", script, inside), 0);
    desk_tear_down(d);
}

static void equal_serials_are_told_apart_by_their_ports(void **state)
{
    desk *d = *state;
    desk_set_up(d);
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S7&serial=066EFF4E8E98AB04E67E6511", "port=1");
    desk_plug(d, "rak5205?probe=v2&fw=V2J28S7&serial=066EFF4E8E98AB04E67E6511", "port=2");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-2", "usb:1-1"), 0);
    desk_assert_output(d, "usb:1-2 version=270783044837\nusb:1-1 version=274783044837");
    desk_tear_down(d);
}

static void short_and_garbled_serials_are_kept_as_they_are(void **state)
{
    desk *d = *state;
    desk_set_up(d);
    desk_plug(d, "rak5205?serial=1", "port=1");
    desk_plug_odd(d, ODD_NONSENSE, "port=2");
    assert_int_equal(RUN_INSIDE(d, "list"), 0);
    desk_assert_output(d, "count=2\nusb:1-1 0483:3748");
    desk_assert_output(d, "product=\xC3\xB6"
                          "d\xE2\x82\xAC ");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-2"), 0);
    desk_tear_down(d);
}

static void an_unplugged_probe_is_told_at_every_transfer(void **state)
{
    desk *d = *state;
    for (unsigned at = 1; at <= 2; at++) {
        char line[64];
        desk_set_up(d);
        const char *socket_path = desk_plug(d, "rak5205", "port=1");
        snprintf(line, sizeof line, "fault usb disconnect at %u", at);
        assert_int_equal(RUN_INSIDE(d, "fault", "usb:1-1", socket_path, line), 1);
        desk_assert_output(d, "error=probe_gone");
        desk_tear_down(d);
    }
}

static int set_up(void **state)
{
    static desk d;
    *state = &d;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whatever_a_device_answers_the_error_says_so_soon, set_up),
        cmocka_unit_test_setup(a_device_without_strings_is_listed_all_the_same, set_up),
        cmocka_unit_test_setup(sigint_during_a_transfer_leaves_no_claim, set_up),
        cmocka_unit_test_setup(a_probe_of_a_killed_program_is_free_at_once, set_up),
        cmocka_unit_test_setup(equal_serials_are_told_apart_by_their_ports, set_up),
        cmocka_unit_test_setup(short_and_garbled_serials_are_kept_as_they_are, set_up),
        cmocka_unit_test_setup(an_unplugged_probe_is_told_at_every_transfer, set_up),
    };
    return cmocka_run_group_tests_name("usb/bad_input", tests, NULL, NULL);
}
