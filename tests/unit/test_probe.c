/* tests/unit/test_probe.c: identity, features, modes and errors of the ST-LINK driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

static void each_kind_of_probe_is_named(void **state)
{
    (void)state;
    static const struct {
        sim_device_options device;
        const char *kind, *firmware_prefix;
    } rows[] = {
        {{.kind = SIM_PROBE_V2}, "ST-LINK/V2", "V2J37"},
        {{.kind = SIM_PROBE_V2, .jtag = 17}, "ST-LINK/V2", "V2J17"},
        {{.kind = SIM_PROBE_V21}, "ST-LINK/V2-1", "V2J37M"},
        {{.kind = SIM_PROBE_V3}, "STLINK-V3", "V3J7M"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const board_options options = {.device = rows[i].device};
        board b;
        board_connect(&b, &options);
        const stl_probe_info *info = stl_probe_get_info(b.probe);
        assert_string_equal(info->kind, rows[i].kind);
        assert_memory_equal(info->firmware, rows[i].firmware_prefix,
                            strlen(rows[i].firmware_prefix));
        assert_int_equal(strlen(info->serial), 24);
        assert_int_equal(strspn(info->serial, "0123456789ABCDEF"), 24);
        board_throw_away(&b);
    }
}

static void old_firmware_works_with_what_it_has(void **state)
{
    (void)state;
    static const unsigned jtags[] = {13, 15, 17, 21, 22, 24, 26, 28, 29, 32, 37};
    for (size_t i = 0; i < sizeof jtags / sizeof jtags[0]; i++) {
        const board_options options = {.device = {.kind = SIM_PROBE_V2, .jtag = jtags[i]}};
        board b;
        stl_error err = {0};
        uint32_t mv, idcode;
        board_connect(&b, &options);
        assert_ok(stl_probe_voltage_mv(b.probe, &mv, &err));
        assert_in_range(mv, 3290, 3310);
        assert_ok(stl_mem_read_word(b.dap, 0xE0042000, &idcode, &err));
        assert_int_equal(idcode & 0xFFF, 0x429);
        uint8_t sent[100], found[100];
        fill_random(sent, sizeof sent, jtags[i]);
        assert_ok(stl_mem_write(b.dap, 0x200003F3, sent, sizeof sent, &err));
        assert_ok(stl_mem_read(b.dap, 0x200003F3, found, sizeof found, &err));
        assert_memory_equal(found, sent, sizeof sent);
        board_throw_away(&b);
    }
}

static void the_garbled_serial_of_old_firmware_is_shown_as_hex(void **state)
{
    (void)state;
    /* facts/stlink-protocol 1.4: bLength 26, raw bytes widened to 16 bits */
    static const uint8_t raw[26] = {26, 3,    0x57, 0, 0xFF, 0, 0x72, 0, 0x06, 0, 0x00, 0, 0x49,
                                    0,  0x80, 0,    0x51, 0, 0x67, 0, 0x3F, 0, 0x12, 0, 0xC2, 0};
    char serial[STL_SERIAL_CHARS], ascii[STL_SERIAL_CHARS];
    stl_probe_decode_serial(raw, sizeof raw, serial, ascii);
    assert_string_equal(serial, "57FF720600498051673F12C2");
    assert_int_equal(ascii[0], 'W');
    assert_int_equal(ascii[1], '?');
}

static void serials_of_any_length_survive(void **state)
{
    (void)state;
    static const uint8_t good[] = {10, 3, '0', 0, '6', 0, 'a', 0, 'F', 0};
    static const uint8_t name[] = {8, 3, 'x', 0, '-', 0, '1', 0};
    static const uint8_t cut[] = {50, 3, '1', 0, '2'};
    char serial[STL_SERIAL_CHARS], ascii[STL_SERIAL_CHARS];
    stl_probe_decode_serial(good, sizeof good, serial, ascii);
    assert_string_equal(serial, "06AF");
    stl_probe_decode_serial(name, sizeof name, serial, ascii);
    assert_string_equal(serial, "x-1");
    stl_probe_decode_serial(cut, sizeof cut, serial, ascii);
    assert_string_equal(serial, "1");
    stl_probe_decode_serial(cut, 0, serial, ascii);
    assert_string_equal(serial, "");
}

static void the_clock_is_the_highest_not_above_what_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        sim_probe_kind kind;
        uint32_t want, expect;
    } rows[] = {
        {SIM_PROBE_V2, 4000, 4000},  {SIM_PROBE_V2, 3999, 1800}, {SIM_PROBE_V2, 480, 480},
        {SIM_PROBE_V2, 1, 5},        {SIM_PROBE_V3, 24000, 24000}, {SIM_PROBE_V3, 7999, 3300},
        {SIM_PROBE_V3, 100000, 24000}, {SIM_PROBE_V3, 1, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const board_options options = {.device = {.kind = rows[i].kind}};
        board b;
        stl_error err = {0};
        uint32_t actual = 0;
        board_connect(&b, &options);
        assert_ok(stl_probe_set_swclk(b.probe, rows[i].want, &actual, &err));
        assert_int_equal(actual, rows[i].expect);
        board_throw_away(&b);
    }
}

static void a_silent_target_is_no_target_and_the_probe_stays_usable(void **state)
{
    (void)state;
    const board_options options = {.device = {.is_target_absent = true}};
    board b;
    stl_error err = {0};
    board_power_on(&b, &options);
    assert_int_equal(board_reconnect(&b, NULL, &err), STL_E_NO_TARGET);
    assert_non_null(err.hint);
    uint32_t mv;
    assert_ok(stl_probe_voltage_mv(b.probe, &mv, &err));
    board_throw_away(&b);
}

static void a_refused_access_names_its_address_and_does_no_harm_to_the_next(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint8_t bytes[64];
    uint32_t word;
    board_connect(&b, NULL);
    assert_int_equal(stl_mem_read(b.dap, 0x50000000, bytes, sizeof bytes, &err), STL_E_DAP_FAULT);
    assert_true(err.has_addr);
    assert_int_equal(err.addr, 0x50000000);
    assert_int_equal(stl_mem_read_word(b.dap, 0x60000000, &word, &err), STL_E_DAP_FAULT);
    assert_ok(stl_mem_read_word(b.dap, 0xE0042000, &word, &err));
    assert_int_equal(word & 0xFFF, 0x429);
    board_throw_away(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_probe_is_named),
        cmocka_unit_test(old_firmware_works_with_what_it_has),
        cmocka_unit_test(the_garbled_serial_of_old_firmware_is_shown_as_hex),
        cmocka_unit_test(serials_of_any_length_survive),
        cmocka_unit_test(the_clock_is_the_highest_not_above_what_was_asked_for),
        cmocka_unit_test(a_silent_target_is_no_target_and_the_probe_stays_usable),
        cmocka_unit_test(a_refused_access_names_its_address_and_does_no_harm_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
