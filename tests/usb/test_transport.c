/* tests/usb/test_transport.c: the core's libusb transport on the simulated bus. */
#include "desk.h"

#include <unistd.h>

static void a_probe_is_found_where_it_is_plugged_in(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&serial=066EFF4E8E98AB04E67E6511", "port=4.2");
    desk_plug(d, "rak5205?probe=v21", "bus=2,port=1");
    desk_plug(d, "rak5205?probe=v3", "port=10");
    assert_int_equal(RUN_INSIDE(d, "list"), 0);
    desk_assert_output(d, "count=3\n"
                          "usb:1-4.2 0483:3748 out=02 in=81 trace=83 packet=64");
    desk_assert_output(d, "product=STM32 STLink serial=066EFF4E8E98AB04E67E6511 "
                          "ascii=066EFF4E8E98AB04E67E6511 open=ok holder=\n"
                          "usb:1-10 0483:374F out=01 in=81 trace=82 packet=512");
    desk_assert_output(d, "usb:2-1 0483:374B out=01 in=81 trace=82 packet=64");
}

static void a_binary_serial_is_read_byte_by_byte(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&serial=57FF72064983505428501587&serial-form=binary", "port=1");
    assert_int_equal(RUN_INSIDE(d, "list"), 0);
    desk_assert_output(d, "serial=57FF72064983505428501587 ascii=W?r");
}

static void a_command_and_its_reply_go_round(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=4.2");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-4.2"), 0);
    desk_assert_output(d, "usb:1-4.2 version=274783044837"); /* facts 2.1 */
}

static void six_probes_at_once_are_not_mixed_up(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&fw=V2J24S1", "port=1");
    desk_plug(d, "rak5205?probe=v2&fw=V2J25S2", "port=2.1");
    desk_plug(d, "rak5205?probe=v2&fw=V2J26S3", "port=2.2");
    desk_plug(d, "rak5205?probe=v2&fw=V2J27S4", "port=2.3.1");
    desk_plug(d, "rak5205?probe=v2&fw=V2J28S5", "port=3");
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S6", "bus=2,port=1");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-1", "usb:1-2.1", "usb:1-2.2", "usb:1-2.3.1",
                                "usb:1-3", "usb:2-1"),
                     0);
    desk_assert_output(d, "usb:1-1 version=260183044837\nusb:1-2.1 version=264283044837\n"
                          "usb:1-2.2 version=268383044837\nusb:1-2.3.1 version=26C483044837\n"
                          "usb:1-3 version=270583044837\nusb:2-1 version=274683044837\n");
}

static void without_permission_the_error_says_what_to_type(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1,denied");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-1"), 1);
    desk_assert_output(d, "error=permission no permission to open the probe at usb:1-1");
    desk_assert_output(d, "hint=stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules && ");
    assert_int_equal(RUN_INSIDE(d, "list"), 0);
    desk_assert_output(d, "open=permission");
}

static void the_error_names_who_holds_the_probe(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1,held=openocd");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-1"), 1);
    desk_assert_output(d, "error=probe_busy the probe at usb:1-1 is held by openocd (pid ");
    assert_int_equal(RUN_INSIDE(d, "list"), 0);
    desk_assert_output(d, "open=probe_busy holder=openocd (pid ");
}

static void two_programs_cannot_have_one_probe(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1");
    const char *self = STL_BINARY_DIR "/bin/usb_inside";
    assert_int_equal(RUN_INSIDE(d, "holding", "usb:1-1", self, "version", "usb:1-1"), 1);
    desk_assert_output(d, "error=probe_busy the probe at usb:1-1 is held by usb_inside (pid ");
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-1"), 0);
}

static void a_pulled_plug_is_told_and_survived(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    assert_int_equal(RUN_INSIDE(d, "unplug", "usb:1-1", socket_path, "usb:1-1"), 0);
    desk_assert_output(d, "run=probe_gone\n");
    desk_assert_output(d, "again=probe_gone\nunplugged: count=0\nopen=no_probe\n"
                          "plugged in: count=1\nusb:1-1 ");
    desk_assert_output(d, "open=ok holder=\nusb:1-1 version=274783044837");
}

static void a_plug_pulled_during_a_transfer_is_told(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205", "port=1");
    assert_int_equal(RUN_INSIDE(d, "fault", "usb:1-1", socket_path, "fault usb disconnect at 2"),
                     1);
    desk_assert_output(d, "error=probe_gone bulk IN: the probe at usb:1-1 was unplugged");
}

static void a_stalled_endpoint_is_cleared(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    assert_int_equal(RUN_INSIDE(d, "fault", "usb:1-1", socket_path, "fault usb stall at 1"), 0);
    desk_assert_output(d, "error=usb bulk OUT of a command: endpoint 0x02 stalled");
    desk_assert_output(d, "usb:1-1 version=274783044837");
}

static void a_lost_reply_ends_with_the_time_and_the_probe_is_usable(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    assert_int_equal(RUN_INSIDE(d, "fault", "usb:1-1", socket_path, "fault lost-reply at 1"), 0);
    desk_assert_output(d, "error=usb bulk IN: no answer within 1000 ms");
    desk_assert_output(d, "usb:1-1 version=274783044837");
}

static void a_reset_finds_the_same_probe(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=4.2");
    assert_int_equal(RUN_INSIDE(d, "reset", "usb:1-4.2"), 0);
    desk_assert_output(d, "usb:1-4.2 version=274783044837\nusb:1-4.2 version=274783044837\n");
}

static void a_stale_reply_is_dropped_when_opening(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    assert_int_equal(RUN_INSIDE(d, "stale", "usb:1-1"), 0);
    desk_assert_output(d, "usb:1-1 version=274783044837");
}

/* Leaked memory ends the program with another status where it is built with ASan. */
static void a_thousand_sessions_leave_nothing_behind(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1");
    assert_int_equal(RUN_INSIDE(d, "cycles", "usb:1-1", "1000"), 0);
    desk_assert_output(d, "cycles=1000 descriptors=+0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DESK(a_probe_is_found_where_it_is_plugged_in),
        ON_A_DESK(a_binary_serial_is_read_byte_by_byte),
        ON_A_DESK(a_command_and_its_reply_go_round),
        ON_A_DESK(six_probes_at_once_are_not_mixed_up),
        ON_A_DESK(without_permission_the_error_says_what_to_type),
        ON_A_DESK(the_error_names_who_holds_the_probe),
        ON_A_DESK(two_programs_cannot_have_one_probe),
        ON_A_DESK(a_pulled_plug_is_told_and_survived),
        ON_A_DESK(a_plug_pulled_during_a_transfer_is_told),
        ON_A_DESK(a_stalled_endpoint_is_cleared),
        ON_A_DESK(a_lost_reply_ends_with_the_time_and_the_probe_is_usable),
        ON_A_DESK(a_reset_finds_the_same_probe),
        ON_A_DESK(a_stale_reply_is_dropped_when_opening),
        ON_A_DESK(a_thousand_sessions_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("usb/transport", tests, NULL, NULL);
}
