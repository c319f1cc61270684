/* The transcript of the ST-LINK protocol sheet, section 8, byte by byte. */
#include "test_device_fixture.h"

static const uint8_t vectors[32] = {0x00, 0x40, 0x00, 0x20, 0x89, 0x01, 0x00, 0x08,
                                    0x71, 0x01, 0x00, 0x08, 0x73, 0x01, 0x00, 0x08,
                                    0x75, 0x01, 0x00, 0x08, 0x77, 0x01, 0x00, 0x08,
                                    0x79, 0x01, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00};

static probe transcript_board(void)
{
    sim_device_options options;
    sim_device_options_default(&options, SIM_PROBE_V2);
    options.jtag = 29;
    options.swim = 7;
    options.supply_mv = 3249;
    probe p = plug_in("STM32L151CB", &options, NULL);
    assert_true(sim_chip_poke(sim_device_chip(p.device), 0x08000000, vectors, sizeof vectors));
    return p;
}

static void part_a_opens_and_leaves_dfu(void **state)
{
    (void)state;
    probe p = transcript_board();
    expect(&p, "F1 80", "27 47 83 04 48 37");
    expect(&p, "F5", "00 00");
    expect_silence(&p, "F3 07");
    expect(&p, "F5", "01 00");
    expect(&p, "F7", "F1 05 00 00 0B 08 00 00");
    unplug(&p);
}

static void enter_and_halt(probe *p)
{
    expect(p, "F2 43 01 00", "80 00");
    expect(p, "F2 30 A3 00", "80 00");
    expect(p, "F5", "02 00");
    expect(p, "F2 4B 00 00", "80 00");
    expect(p, "F2 35 F0 ED 00 E0 03 00 5F A0", "80 00");
}

static void part_b_identifies_the_target(void **state)
{
    (void)state;
    probe p = transcript_board();
    say(&p, "F3 07");
    enter_and_halt(&p);
    expect(&p, "F2 31", "80 00 00 00 77 14 A0 2B 00 00 00 00");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x80);
    assert_int_equal(stl_get_u32le(p.reply + 4) >> 4 & 0xFFF, 0xC23); /* Cortex-M3 */
    assert_int_equal(ask(&p, "F2 36 00 20 04 E0", 8)[0], 0x80);
    assert_int_equal(stl_get_u32le(p.reply + 4) & 0xFFF, 0x416);
    unplug(&p);
}

static void parts_c_to_f_halt_read_write_and_leave(void **state)
{
    static const uint8_t words[16] = {0xEF, 0xBE, 0xAD, 0xDE, 0x01, 0x00, 0x00, 0x00,
                                      0x78, 0x56, 0x34, 0x12, 0x0D, 0xF0, 0xFE, 0xCA};
    uint8_t seen[16];
    (void)state;
    probe p = transcript_board();
    say(&p, "F3 07");
    enter_and_halt(&p);
    /* Bits 24 and 25 tell of instructions retired and resets since the last read. */
    assert_int_equal(ask(&p, "F2 36 F0 ED 00 E0", 8)[0], 0x80);
    assert_int_equal(stl_get_u32le(p.reply + 4) & 0x0003000F, 0x00030003);
    ask(&p, "F2 07 00 00 00 08 20 00", sizeof vectors);
    assert_memory_equal(p.reply, vectors, sizeof vectors);
    expect(&p, "F2 3E", "80 00 00 00 00 00 00 00 00 00 00 00");
    write_data(&p, "F2 08 00 00 00 20 10 00", words, sizeof words);
    expect(&p, "F2 3E", "80 00 00 00 00 00 00 00 00 00 00 00");
    assert_true(sim_chip_peek(sim_device_chip(p.device), 0x20000000, seen, sizeof seen));
    assert_memory_equal(seen, words, sizeof seen);
    expect(&p, "F2 34 0F A4 01 00 08", "80 00");
    expect(&p, "F2 33 0F", "80 00 00 00 A4 01 00 08");
    expect(&p, "F2 35 F0 ED 00 E0 01 00 5F A0", "80 00");
    expect(&p, "F2 35 F0 ED 00 E0 00 00 5F A0", "80 00");
    expect_silence(&p, "F2 21");
    expect(&p, "F5", "01 00");
    unplug(&p);
}

static void part_g_reports_faults_and_an_empty_connector(void **state)
{
    (void)state;
    probe p = transcript_board();
    say(&p, "F3 07");
    enter_and_halt(&p);
    expect(&p, "F2 07 00 00 00 50 08 00", "00 00 00 00 00 00 00 00");
    expect(&p, "F2 3E", "11 00 00 00 00 00 00 50 00 00 00 00");
    expect(&p, "F2 46 FF FF 00 00 1E 00 00 00", "80 00");
    expect(&p, "F2 45 00 00 FC 00", "80 00 00 00 11 00 77 24");
    admin(&p, "power off");
    expect(&p, "F2 30 A3", "09 00");
    expect(&p, "F5", "02 00"); /* a failed ENTER leaves DEBUG, too */
    unplug(&p);
}

static void the_v3_variant_gives_version_and_clocks(void **state)
{
    (void)state;
    probe p = plug_in_v3(7);
    expect(&p, "F1", "30 00 83 04 4F 37");
    expect(&p, "FB 80", "03 01 07 02 05 00 00 00 83 04 4F 37");
    expect(&p, "F5", "01 00");
    expect(&p, "F2 62 00", "80 00 00 00 40 1F 00 00 07 00 00 00 C0 5D 00 00 40 1F 00 00 E4 0C 00 00 "
                           "E8 03 00 00 C8 00 00 00 32 00 00 00 05 00 00 00 00 00 00 00 00 00 00 00 "
                           "00 00 00 00");
    expect(&p, "F2 61 00 00 C0 5D 00 00", "80 00 00 00 C0 5D 00 00");
    expect(&p, "F2 61 00 00 10 27 00 00", "80 00 00 00 40 1F 00 00"); /* 10 MHz: 8 */
    expect(&p, "F2 61 00 00 04 00 00 00", "08 00 00 00 40 1F 00 00"); /* 4 kHz: too slow */
    expect(&p, "F2 63 01", "40 00 00 00 00 00 00 00");
    unplug(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_a_opens_and_leaves_dfu),
        cmocka_unit_test(part_b_identifies_the_target),
        cmocka_unit_test(parts_c_to_f_halt_read_write_and_leave),
        cmocka_unit_test(part_g_reports_faults_and_an_empty_connector),
        cmocka_unit_test(the_v3_variant_gives_version_and_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
