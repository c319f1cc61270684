/* tests/usb/test_bus.c: the simulated bus itself, as programs that know nothing of it see it. */
#include "desk.h"

#include <unistd.h>

static void the_command_s_exit_status_is_passed_on(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1");
    assert_int_equal(RUN(d, "/bin/sh", "-c", "exit 7"), 7);
    assert_int_equal(RUN(d, "/bin/sh", "-c", "kill -9 $$"), 128 + 9);
    assert_int_equal(RUN(d, "/no/such/program"), 127);
}

static void sysfs_and_the_nodes_show_the_probe(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v21&serial=066EFF4E8E98AB04E67E6511", "port=4.2");
    assert_int_equal(
        RUN(d, "/bin/sh", "-c",
            "cd /sys/bus/usb/devices/1-4.2 && cat serial idProduct product busnum devnum && "
            "ls /dev/bus/usb/001 && readlink -f . && ls -d *:1.*"),
        0);
    desk_assert_output(d, "066EFF4E8E98AB04E67E6511\n374b\nSTM32 STLink\n1\n3\n");
    desk_assert_output(d, "001\n002\n003\n/sys/devices/stlua/usb1/1-4/1-4.2\n"
                          "1-4.2:1.0\n1-4.2:1.1\n1-4.2:1.2\n1-4.2:1.3\n");
}

/* A program that counts processors, opens a terminal or a null device must not notice. */
static void the_rest_of_the_machine_is_still_there(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=1");
    assert_int_equal(RUN(d, "/bin/sh", "-c",
                         "echo x > /dev/null && test -c /dev/null && test -d /dev/pts && "
                         "test -r /sys/devices/system/cpu/online && test -d /sys/class/net"),
                     0);
}

static void nothing_of_it_is_seen_outside(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "bus=9,port=15");
    assert_int_equal(RUN(d, "/bin/ls", "/sys/bus/usb/devices/9-15"), 0);
    assert_int_not_equal(access("/sys/bus/usb/devices/9-15", F_OK), 0);
    assert_int_not_equal(access("/sys/devices/stlua", F_OK), 0);
    assert_int_not_equal(access("/dev/bus/usb/009", F_OK), 0);
}

static void libusb_hears_of_plugs_being_pulled(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205", "port=1");
    if (geteuid() != 0) {
        print_message("SKIPPED: libudev believes events of root only\n");
        skip();
    }
    assert_int_equal(RUN_INSIDE(d, "hotplug", socket_path), 0);
    desk_assert_output(d, "left bus=1 address=2\narrived bus=1 address=3\nseen=2");
}

static void an_ordinary_user_can_have_the_bus(void **state)
{
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205?probe=v2&fw=V2J29S7", "port=1");
    if (geteuid() == 0) {
        d->run_as = 65534; /* nobody */
        assert_int_equal(chown(socket_path, d->run_as, d->run_as), 0);
    }
    assert_int_equal(RUN_INSIDE(d, "version", "usb:1-1"), 0);
    desk_assert_output(d, "usb:1-1 version=274783044837");
}

static void a_missing_simulator_is_named(void **state)
{
    desk *d = *state;
    snprintf(d->probes[0].spec, sizeof d->probes[0].spec, "%s/none", d->folder);
    d->probe_count = 1;
    assert_int_equal(RUN(d, "/bin/true"), 125);
    d->probe_count = 0;
    desk_assert_output(d, "/none: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DESK(the_command_s_exit_status_is_passed_on),
        ON_A_DESK(sysfs_and_the_nodes_show_the_probe),
        ON_A_DESK(the_rest_of_the_machine_is_still_there),
        ON_A_DESK(nothing_of_it_is_seen_outside),
        ON_A_DESK(libusb_hears_of_plugs_being_pulled),
        ON_A_DESK(an_ordinary_user_can_have_the_bus),
        ON_A_DESK(a_missing_simulator_is_named),
    };
    return cmocka_run_group_tests_name("usb/bus", tests, NULL, NULL);
}
