/* tests/usb/test_witnesses.c: other people's tools, unmodified, on the simulated bus. */
#include "desk.h"

static const char *const probe_kinds[] = {"v2", "v21", "v3"};

static void st_info_finds_the_chip_through_every_probe(void **state)
{
    desk *d = *state;
    for (unsigned i = 0; i < 3; i++) {
        char board[64];
        desk_set_up(d);
        snprintf(board, sizeof board, "rak5205?probe=%s", probe_kinds[i]);
        desk_plug(d, board, "port=4.2");
        assert_int_equal(RUN(d, "st-info", "--probe"), 0);
        desk_assert_output(d, "Found 1 stlink programmers");
        desk_assert_output(d, "flash:      131072 (pagesize: 256)");
        desk_assert_output(d, "chipid:     0x0429");
        desk_tear_down(d);
    }
}

static void openocd_examines_the_core_through_every_probe(void **state)
{
    static const char *const transports[] = {"hla_swd", "dapdirect_swd"};
    desk *d = *state;
    for (unsigned i = 0; i < 6; i++) {
        char board[64], transport[64];
        desk_set_up(d);
        snprintf(board, sizeof board, "rak5205?probe=%s", probe_kinds[i / 2]);
        snprintf(transport, sizeof transport, "transport select %s", transports[i % 2]);
        desk_plug(d, board, "port=4.2");
        const char *config = i % 2 ? "interface/stlink-dap.cfg" : "interface/stlink.cfg";
        assert_int_equal(RUN(d, "openocd", "-f", config, "-c", transport, "-f", "target/stm32l1.cfg",
                             "-c", "gdb_port disabled; tcl_port disabled; telnet_port disabled; "
                                   "init; exit"), 0);
        desk_assert_output(d, "Cortex-M3 r2p0 processor detected");
        /* "Error: clearing lockup" is the truth: a blank chip locks up at once */
        desk_assert_no_output(d, "init mode failed");
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
        cmocka_unit_test_setup(st_info_finds_the_chip_through_every_probe, set_up),
        cmocka_unit_test_setup(openocd_examines_the_core_through_every_probe, set_up),
    };
    return cmocka_run_group_tests_name("usb/witnesses", tests, NULL, NULL);
}
