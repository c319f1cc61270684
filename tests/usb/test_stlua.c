/* tests/usb/test_stlua.c: the stlua command on a bus, as its user has it: which probe, what goes wrong with
 * plugs, and that the next command finds everything usable. */
#include "desk.h"

#include "admin_client.h"

#define STLUA  STL_BINARY_DIR "/bin/stlua "
#define INSIDE STL_BINARY_DIR "/bin/usb_inside "
#define BLINK  STL_SOURCE_DIR "/tests/firmware/blink.hex"

/* A shell line on the bus; returns its exit status. */
static int run_line(desk *d, const char *line)
{
    return RUN(d, "/bin/sh", "-c", line);
}

static void expect(desk *d, const char *line, int status, const char *output)
{
    const int got = run_line(d, line);
    if (got != status)
        print_message("%s\n%s", line, d->output);
    assert_int_equal(got, status);
    if (output)
        desk_assert_output(d, output);
}

/* ---- which probe ---- */

static void every_spelling_of_a_serial_selects_its_probe(void **state)
{
    static const char *const spellings[] = {
        "57FF72064983505428501587", "57ff72064983505428501587", "usb:1-4.2",
        "5700FF007200060049008300500054002800500015008700",
    };
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&serial=57FF72064983505428501587&serial-form=binary",
              "port=4.2");
    desk_plug(d, "rak5205?probe=v21&serial=066EFF4E8E98AB04E67E6511", "port=1");
    expect(d, STLUA "list", 0, "usb:1-4.2  ST-LINK/V2");
    desk_assert_output(d, "serial also  W?r");
    for (unsigned i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, STLUA "--probe %s info", spellings[i]);
        expect(d, line, 0, "probe           ST-LINK/V2 ");
    }
    /* what libusb's ASCII helper makes of it, control characters and all */
    expect(d, STLUA "--probe \"$(printf 'W?r\\006I?PT(P\\025?')\" info", 0, "usb:1-4.2");
}

static void more_than_one_match_is_an_error_that_lists_them(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?serial=066EFF4E8E98AB04E67E6511", "port=1");
    desk_plug(d, "rak5205?serial=066EFF4E8E98AB04E67E6511", "port=2");
    assert_int_not_equal(run_line(d, STLUA "info"), 0);
    desk_assert_output(d, "error [ambiguous]: 2 ST-LINKs on USB: usb:1-1 STM32 STLink, serial 066EFF");
    assert_int_not_equal(run_line(d, STLUA "--probe 066EFF4E8E98AB04E67E6511 info"), 0);
    desk_assert_output(d, "belongs to 2 probes: usb:1-1");
    desk_assert_output(d, "hint: ports are certain: --probe usb:PORT");
    expect(d, STLUA "--probe usb:1-2 info", 0, "usb:1-2");
}

static void the_list_says_why_a_probe_cannot_be_used(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v1", "port=1");
    desk_plug(d, "rak5205", "port=2,denied");
    desk_plug(d, "rak5205", "port=3,held=openocd");
    desk_plug(d, "rak5205?fw=J10", "port=4");
    desk_plug_odd(d, ODD_UPDATING, "port=5");
    desk_plug_odd(d, ODD_NONSENSE, "port=6"); /* its serial number is not ASCII, either */
    expect(d, STLUA "list", 0, "list: 6 probes");
    desk_assert_output(d, "ST-LINK/V1 (USB mass storage) is not supported");
    desk_assert_output(d, "no permission to open the probe at usb:1-2");
    desk_assert_output(d, "hint: stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules && ");
    desk_assert_output(d, "held by openocd (pid ");
    desk_assert_output(d, "probe firmware V2J10S7 is too old");
    desk_assert_output(d, "serial also  ?d?");
    desk_assert_output(d, "in update mode (USB id 0483:374d)");
    assert_int_not_equal(run_line(d, STLUA "--probe usb:1-5 info"), 0);
    desk_assert_output(d, "hint: unplug the probe and plug it in again; do not start ST's updater");
}

/* V2 powers up in DFU mode, an ST-LINK that ST's tool left is in mass storage mode. */
static void a_mode_that_is_not_debug_is_switched(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205?probe=v2&mode=dfu", "port=1");
    desk_plug(d, "rak5205?probe=v21&mode=mass", "port=2");
    desk_plug(d, "rak5205?probe=v2&fw=J13", "port=3");
    expect(d, STLUA "--probe usb:1-1 flash " BLINK, 0, "written and verified");
    expect(d, STLUA "--probe usb:1-2 flash " BLINK, 0, "written and verified");
    expect(d, STLUA "--probe usb:1-3 flash " BLINK, 0, "written and verified");
}

static void wait_waits_for_the_probe_and_for_the_target(void **state)
{
    char line[512];
    desk *d = *state;
    const char *socket_path = desk_plug(d, "rak5205?clock=paced&power=off", "port=1");
    snprintf(line, sizeof line,
             STL_BINARY_DIR "/bin/stlua-sim --admin %s unplug; (sleep 0.3; "
             STL_BINARY_DIR "/bin/stlua-sim --admin %s replug; sleep 0.5; "
             STL_BINARY_DIR "/bin/stlua-sim --admin %s 'power on') & " STLUA "--wait info",
             socket_path, socket_path, socket_path);
    expect(d, line, 0, "waiting for a probe: no ST-LINK on USB\n");
    desk_assert_output(d, "waiting for a target: the target does not give its IDCODE");
    desk_assert_output(d, "info: STM32L1");
}

/* ---- several at once ---- */

static void six_boards_at_once_get_six_firmwares(void **state)
{
    static const char script[] =
        "for i in 1 2 3 4 5 6; do head -c 3000 /dev/zero | tr '\\000' \"\\\\10$i\" > $D/$i.bin; done; "
        "for i in 1 2 3 4 5 6; do " STLUA "--quiet --probe usb:1-$i flash --base 0x08000000 --no-run "
        "$D/$i.bin & pids=\"$pids $!\"; done; "
        "for p in $pids; do wait $p || exit 1; done; "
        "for i in 1 2 3 4 5 6; do " STLUA "--quiet --probe usb:1-$i verify --verify read "
        "--base 0x08000000 $D/$i.bin || exit 1; done";
    desk *d = *state;
    for (unsigned i = 1; i <= 6; i++) {
        char options[16];
        snprintf(options, sizeof options, "port=%u", i);
        desk_plug(d, i % 2 ? "rak5205" : "nucleo-l152re?probe=v21", options);
    }
    setenv("D", d->folder, 1);
    expect(d, script, 0, NULL);
    for (unsigned i = 0; i < 6; i++) {
        char answer[64];
        const char expected[] = {'4', (char)('1' + i), '\0'}; /* octal 101 is 0x41 */
        assert_true(sim_admin_send(d->probes[i].socket_path, "peek 0x08000000 1", answer,
                                   sizeof answer));
        assert_string_equal(answer, expected);
    }
}

/* ---- plugs, resets, signals ---- */

/* The error names the unplugged probe, nothing claims success, and the next run repairs the board. */
static void a_probe_pulled_at_any_moment_is_told_and_repaired(void **state)
{
    static const unsigned moments[] = {1, 2, 3, 5, 8, 13, 21, 34, 47, 60, 75, 90, 110, 130};
    desk *d = *state;
    unsigned pulled_count = 0;
    const char *socket_path = desk_plug(d, "rak5205", "port=1");
    for (unsigned i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "fault usb disconnect at %u", moments[i]);
        desk_admin(socket_path, "poke 0x08000000 00");
        desk_admin(socket_path, line);
        if (run_line(d, STLUA "flash " BLINK)) {
            desk_assert_output(d, "error [probe_gone]");
            desk_assert_no_output(d, "written and verified");
            desk_admin(socket_path, "replug");
            pulled_count++;
        } else { /* pulled when all was done, or not at all */
            char answer[256];
            desk_admin(socket_path, "fault clear");
            sim_admin_send(socket_path, "replug", answer, sizeof answer);
        }
        expect(d, STLUA "flash " BLINK, 0, "verified by signature");
        expect(d, STLUA "verify --verify read " BLINK, 0, NULL);
    }
    print_message("pulled at %u moments\n", pulled_count);
    assert_true(pulled_count >= 10);
}

/* The kernel takes the claim away and ends what is under way; where nothing was, the job may go on. */
static void a_usb_reset_in_the_middle_is_told_or_survived(void **state)
{
    static const char script[] =
        "head -c 60000 /dev/urandom > $D/r.bin; (" STLUA
        "flash --base 0x08000000 $D/r.bin; echo flash=$?) & "
        "for i in 1 2 3 4 5 6 7 8; do sleep 0.2; " INSIDE "usbreset usb:1-1; done; "
        "wait; " STLUA "flash --base 0x08000000 $D/r.bin && " STLUA
        "verify --verify read --base 0x08000000 $D/r.bin";
    desk *d = *state;
    desk_plug(d, "rak5205?clock=paced", "port=1");
    setenv("D", d->folder, 1);
    expect(d, script, 0, "usbreset=LIBUSB_SUCCESS");
    desk_assert_output(d, strstr(d->output, "flash=0") ? "verified by signature" : "error [");
}

static void sigint_in_the_middle_of_flashing_leaves_a_usable_probe(void **state)
{
    static const char script[] =
        "head -c 60000 /dev/urandom > $D/r.bin; timeout --preserve-status -s INT 0.7 " STLUA
        "flash --base 0x08000000 $D/r.bin; echo flash=$?; " STLUA
        "flash --base 0x08000000 $D/r.bin; " STLUA "--probe usb:1-1 info";
    desk *d = *state;
    desk_plug(d, "rak5205?clock=paced", "port=1");
    setenv("D", d->folder, 1);
    expect(d, script, 0, "flash=130");
    desk_assert_output(d, "error [interrupted]");
    desk_assert_output(d, "written and verified by signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DESK(every_spelling_of_a_serial_selects_its_probe),
        ON_A_DESK(more_than_one_match_is_an_error_that_lists_them),
        ON_A_DESK(the_list_says_why_a_probe_cannot_be_used),
        ON_A_DESK(a_mode_that_is_not_debug_is_switched),
        ON_A_DESK(wait_waits_for_the_probe_and_for_the_target),
        ON_A_DESK(six_boards_at_once_get_six_firmwares),
        ON_A_DESK(a_probe_pulled_at_any_moment_is_told_and_repaired),
        ON_A_DESK(a_usb_reset_in_the_middle_is_told_or_survived),
        ON_A_DESK(sigint_in_the_middle_of_flashing_leaves_a_usable_probe),
    };
    return cmocka_run_group_tests_name("usb/stlua", tests, NULL, NULL);
}
