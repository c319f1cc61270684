/* What changes from one ST-LINK firmware to the next: ST-LINK protocol sheet, 2.4, 3.5, 9.2. */
#include "test_device_fixture.h"

static probe plug_in_j(unsigned jtag, bool is_v3)
{
    return is_v3 ? plug_in_v3(jtag) : plug_in_v2(jtag);
}

/* A command is known from one version on; before, it is silence (< J30) or 42. */
static void check_first_version(const char *hex, size_t reply_count, unsigned since)
{
    probe p = plug_in_v2(since);
    enter(&p);
    ask(&p, hex, reply_count);
    unplug(&p);
    p = plug_in_v2(since - 1);
    enter(&p);
    if (since - 1 >= 30)
        expect(&p, hex, "42 00");
    else
        expect_silence(&p, hex);
    unplug(&p);
}

static void commands_are_unknown_before_their_first_firmware(void **state)
{
    (void)state;
    check_first_version("F2 3E", 12, 15);
    check_first_version("F2 43 01", 2, 22);
    check_first_version("F2 45 FF FF 04 00", 8, 24);
    check_first_version("F2 47 00 00 00 20 02 00", 2, 26);
    check_first_version("F2 4B 00", 2, 28);
    check_first_version("F2 53", 2, 32);
    check_first_version("F2 54 00 00 00 20 04 00", 4, 32);
    check_first_version("F2 56", 128, 36);
}

static void v2_and_v3_have_their_own_clock_commands(void **state)
{
    (void)state;
    probe p = plug_in_v3(7);
    enter(&p);
    expect(&p, "F2 43 01", "42 00");
    unplug(&p);
    p = plug_in_v2(37);
    enter(&p);
    expect(&p, "F2 61 00 00 E8 03", "42 00");
    expect_silence(&p, "FB 80");
    unplug(&p);
}

static void an_unknown_first_byte_is_never_answered(void **state)
{
    (void)state;
    for (int is_v3 = 0; is_v3 < 2; is_v3++) {
        probe p = plug_in_j(is_v3 ? 7 : 37, is_v3);
        expect_silence(&p, "AA");
        ask(&p, "F1", 6); /* and does no harm */
        unplug(&p);
    }
}

static void a_memory_fault_is_01_before_j26_and_11_after(void **state)
{
    (void)state;
    probe p = plug_in_v2(25);
    enter(&p);
    expect(&p, "F2 07 00 00 00 50 04 00", "00 00 00 00");
    expect(&p, "F2 3B", "01 00");
    expect(&p, "F2 3E", "01 00 00 00 00 00 00 50 00 00 00 00");
    unplug(&p);
    p = plug_in_v2(26);
    enter(&p);
    expect(&p, "F2 07 00 00 00 50 04 00", "00 00 00 00");
    expect(&p, "F2 3B", "11 00");
    unplug(&p);
}

static void closing_an_ap_fails_on_j28_only(void **state)
{
    (void)state;
    probe p = plug_in_v2(28);
    enter(&p);
    expect(&p, "F2 4C 00", "1D 00");
    unplug(&p);
    p = plug_in_v2(29);
    enter(&p);
    expect(&p, "F2 4C 00", "80 00");
    expect(&p, "F2 4C 00", "1D 00"); /* it is closed already */
    unplug(&p);
}

static void an_unopened_ap_is_refused_as_the_firmware_does(void **state)
{
    (void)state;
    probe p = plug_in_v2(36); /* AP 0 opens by itself */
    say(&p, "F3 07");
    expect(&p, "F2 30 A3", "80 00");
    assert_int_equal(ask(&p, "F2 45 00 00 00 00", 8)[0], 0x80);
    unplug(&p);
    p = plug_in_v2(37); /* memory on AP 0 is served, its registers are not, IDR is */
    say(&p, "F3 07");
    expect(&p, "F2 30 A3", "80 00");
    assert_int_equal(ask(&p, "F2 45 00 00 00 00", 8)[0], 0x1D);
    assert_int_equal(ask(&p, "F2 45 00 00 FC 00", 8)[0], 0x80);
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x80);
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0 01", 8)[0], 0x1D);
    expect(&p, "F2 4B 09", "1D 00");
    expect(&p, "F2 4B 01", "1D 00"); /* no such AP on this chip */
    unplug(&p);
}

static void strict_firmware_wants_init_ap_after_each_enter(void **state)
{
    sim_device_options options;
    (void)state;
    sim_device_options_default(&options, SIM_PROBE_V2);
    options.is_init_ap_required = true;
    probe p = plug_in("STM32L151CB", &options, NULL);
    enter(&p);
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x80);
    expect(&p, "F2 30 A3", "80 00");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x1D);
    ask(&p, "F2 07 00 00 00 20 04 00", 4);
    expect(&p, "F2 3B", "1D 00");
    unplug(&p);
}

static void check_8_bit_read(bool is_v3, unsigned jtag, unsigned count, bool is_served)
{
    char hex[64];
    probe p = plug_in_j(jtag, is_v3);
    enter(&p);
    snprintf(hex, sizeof hex, "F2 0C 00 00 00 20 %02X %02X", count & 0xFF, count >> 8);
    say(&p, hex);
    assert_int_equal(collect(&p), SIM_USB_OK);
    expect(&p, "F2 3B", is_served ? "80 00" : "08 00");
    unplug(&p);
}

static void eight_bit_transfers_have_the_limit_of_the_firmware(void **state)
{
    (void)state;
    check_8_bit_read(false, 37, 64, true);
    check_8_bit_read(false, 37, 65, false);
    check_8_bit_read(true, 5, 64, true);
    check_8_bit_read(true, 5, 65, false);
    check_8_bit_read(true, 7, 255, true);
    check_8_bit_read(true, 7, 256, false);
    check_8_bit_read(true, 8, 512, true);
    check_8_bit_read(true, 8, 513, false);
}

static void a_single_byte_comes_with_a_second(void **state)
{
    static const uint8_t byte = 0x5A;
    (void)state;
    probe p = plug_in_v2(37);
    enter(&p);
    write_data(&p, "F2 0D 03 00 00 20 01 00", &byte, 1);
    assert_int_equal(ask(&p, "F2 0C 03 00 00 20 01 00", 2)[0], 0x5A);
    unplug(&p);
}

static void debug_commands_outside_debug_are_refused_in_their_length(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    for (int is_mass = 0; is_mass < 2; is_mass++) {
        assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x08);
        assert_int_equal(ask(&p, "F2 3A", 88)[0], 0x08);
        expect(&p, "F2 32", "08 00");
        expect(&p, "F2 07 00 00 00 08 04 00", "00 00 00 00");
        expect(&p, "F2 3E", "08 00 00 00 00 00 00 08 00 00 00 00");
        if (!is_mass) {
            expect(&p, "F2 30 A3", "08 00"); /* first out of DFU */
            expect(&p, "F7", "00 00 00 00 00 00 00 00");
            say(&p, "F3 07");
        }
    }
    unplug(&p);
}

static void old_firmware_enters_an_empty_connector(void **state)
{
    sim_device_options options;
    (void)state;
    sim_device_options_default(&options, SIM_PROBE_V2);
    options.is_target_absent = true;
    options.jtag = 21;
    probe p = plug_in("STM32L151CB", &options, NULL);
    say(&p, "F3 07");
    expect(&p, "F2 30 A3", "80 00");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x12);
    unplug(&p);
    options.jtag = 22;
    p = plug_in("STM32L151CB", &options, NULL);
    say(&p, "F3 07");
    expect(&p, "F2 30 A3", "09 00");
    unplug(&p);
}

static void leaving_debug_lets_nrst_go_and_keeps_the_clock(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    say(&p, "F3 07");
    expect(&p, "F2 3C 00", "80 00"); /* works before ENTER */
    expect(&p, "F2 43 FF 00", "80 00");
    enter(&p);
    say(&p, "F2 21");
    const double before_us = now_us(&p);
    enter(&p);
    ask(&p, "F2 31", 12);
    assert_true(now_us(&p) - before_us > 20000 + 5000 + 4 * 700 + 8 * 46 * 64); /* 15.6 kHz */
    unplug(&p);
}

static void rw_misc_runs_a_list_of_accesses(void **state)
{
    static const uint8_t list[4 + 16] = {5, 1, 2, 3, 0,    0,    0, 0,    0x10, 0, 0, 0x20,
                                         0xEF, 0xBE, 0xAD, 0xDE, 0x10, 0, 0, 0x20};
    (void)state;
    probe p = plug_in_v2(37);
    enter(&p);
    expect(&p, "F2 53", "40 00");
    write_data(&p, "F2 51 04 00 00 00", list, sizeof list);
    expect(&p, "F2 52", "00 00 00 00 00 00 00 00 00 00 00 00 EF BE AD DE "
                        "80 00 00 00 80 00 00 00 80 00 00 00 80 00 00 00");
    unplug(&p);
}

static void an_empty_write_makes_v3_wait_for_data(void **state)
{
    (void)state;
    probe p = plug_in_v3(7);
    enter(&p);
    say(&p, "F2 08 00 00 00 20 00 00");
    expect_silence(&p, "F1"); /* swallowed as the data */
    ask(&p, "F1", 6);
    unplug(&p);
}

static void a_misaligned_access_is_refused_or_rounded(void **state)
{
    (void)state;
    probe p = plug_in_v2(26);
    enter(&p);
    ask(&p, "F2 07 02 00 00 20 04 00", 4);
    expect(&p, "F2 3B", "0A 00");
    unplug(&p);
    p = plug_in_v2(25);
    enter(&p);
    assert_true(sim_chip_poke(sim_device_chip(p.device), 0x20000000, "\1\2\3\4", 4));
    expect(&p, "F2 07 02 00 00 20 04 00", "01 02 03 04");
    expect(&p, "F2 3B", "80 00");
    unplug(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_unknown_before_their_first_firmware),
        cmocka_unit_test(v2_and_v3_have_their_own_clock_commands),
        cmocka_unit_test(an_unknown_first_byte_is_never_answered),
        cmocka_unit_test(a_memory_fault_is_01_before_j26_and_11_after),
        cmocka_unit_test(closing_an_ap_fails_on_j28_only),
        cmocka_unit_test(an_unopened_ap_is_refused_as_the_firmware_does),
        cmocka_unit_test(strict_firmware_wants_init_ap_after_each_enter),
        cmocka_unit_test(eight_bit_transfers_have_the_limit_of_the_firmware),
        cmocka_unit_test(a_single_byte_comes_with_a_second),
        cmocka_unit_test(debug_commands_outside_debug_are_refused_in_their_length),
        cmocka_unit_test(old_firmware_enters_an_empty_connector),
        cmocka_unit_test(leaving_debug_lets_nrst_go_and_keeps_the_clock),
        cmocka_unit_test(rw_misc_runs_a_list_of_accesses),
        cmocka_unit_test(an_empty_write_makes_v3_wait_for_data),
        cmocka_unit_test(a_misaligned_access_is_refused_or_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
