/* The time a block read takes: the predictions of the ST-LINK protocol sheet, 6.3, within 1 %. */
#include "test_device_fixture.h"

static double read_us(probe *p, unsigned byte_count)
{
    char hex[64];
    snprintf(hex, sizeof hex, "F2 07 00 00 00 20 %02X %02X", byte_count & 0xFF, byte_count >> 8);
    const double before_us = now_us(p);
    ask(p, hex, byte_count);
    assert_int_equal(ask(p, "F2 3E", 12)[0], 0x80);
    return now_us(p) - before_us;
}

static void check(probe *p, unsigned byte_count, double wanted_ms)
{
    const double ms = read_us(p, byte_count) / 1000;
    if (ms < wanted_ms * 0.99 || ms > wanted_ms * 1.01)
        fail_msg("%u bytes took %.3f ms, not %.3f ms", byte_count, ms, wanted_ms);
}

static void v2_reads_as_fast_as_was_measured(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    enter(&p);
    check(&p, 1024, 10.1);
    check(&p, 4096, 35.9);
    check(&p, 6144, 53.2);
    expect(&p, "F2 43 00", "80 00");
    check(&p, 1024, 7.5);
    check(&p, 4096, 25.5);
    check(&p, 6144, 37.6);
    unplug(&p);
}

static void old_firmware_needs_two_transactions_a_word(void **state)
{
    (void)state;
    probe p = plug_in_v2(21);
    enter(&p);
    const double before_us = now_us(&p);
    ask(&p, "F2 07 00 00 00 20 00 10", 4096);
    assert_int_equal(ask(&p, "F2 3B", 2)[0], 0x80);
    const double ms = (now_us(&p) - before_us) / 1000;
    assert_true(ms > 79.4 * 0.99 && ms < 79.4 * 1.01);
    unplug(&p);
}

static void v3_reads_as_fast_as_its_clock_allows(void **state)
{
    static const struct {
        const char *set_clock;
        unsigned byte_count;
        double ms;
    } rows[] = {{"F2 61 00 00 C0 5D", 1024, 1.48}, {"F2 61 00 00 C0 5D", 4096, 4.11},
                {"F2 61 00 00 C0 5D", 6144, 5.86}, {"F2 61 00 00 40 1F", 4096, 8.05},
                {"F2 61 00 00 E4 0C", 4096, 16.5}, {"F2 61 00 00 E8 03", 4096, 49.4}};
    (void)state;
    probe p = plug_in_v3(7);
    enter(&p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ask(&p, rows[i].set_clock, 8)[0], 0x80);
        check(&p, rows[i].byte_count, rows[i].ms);
    }
    unplug(&p);
}

static void a_write_takes_its_time_before_the_status_is_there(void **state)
{
    static uint8_t bytes[1024];
    (void)state;
    probe p = plug_in_v2(37);
    enter(&p);
    const double before_us = now_us(&p);
    write_data(&p, "F2 08 00 00 00 20 00 04", bytes, sizeof bytes);
    assert_int_equal(ask(&p, "F2 3E", 12)[0], 0x80);
    const double ms = (now_us(&p) - before_us) / 1000;
    assert_true(ms > 10.1 * 0.99 && ms < 10.1 * 1.01);
    unplug(&p);
}

static void all_registers_at_once_take_the_time_of_the_model(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    enter(&p);
    expect(&p, "F2 35 F0 ED 00 E0 03 00 5F A0", "80 00");
    const double before_us = now_us(&p);
    assert_int_equal(ask(&p, "F2 3A", 88)[0], 0x80);
    const double ms = (now_us(&p) - before_us) / 1000;
    assert_true(ms > 2.4 && ms < 2.7); /* "~2.6 ms" */
    unplug(&p);
}

static void slow_procedures_take_their_extra_time(void **state)
{
    (void)state;
    probe p = plug_in_v3(7);
    const double start_us = now_us(&p);
    expect(&p, "F2 30 A3", "80 00");
    const double entered_us = now_us(&p);
    expect(&p, "F2 4B 00", "80 00");
    assert_true(entered_us - start_us > 110000 && entered_us - start_us < 112000);
    assert_true(now_us(&p) - entered_us > 20000 && now_us(&p) - entered_us < 21000);
    unplug(&p);
}

static void parameters_can_be_overridden(void **state)
{
    sim_device_options options;
    (void)state;
    sim_device_options_default(&options, SIM_PROBE_V2);
    options.t_cmd_us = 2200;
    options.timing.enter_us = -1; /* free */
    probe p = plug_in("STM32L151CB", &options, NULL);
    ask(&p, "F1", 6);
    assert_true(now_us(&p) > 2199 && now_us(&p) < 2201);
    say(&p, "F3 07");
    expect(&p, "F2 30 A3", "80 00");
    assert_true(now_us(&p) < 3 * 2200 + 1000);
    unplug(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_reads_as_fast_as_was_measured),
        cmocka_unit_test(old_firmware_needs_two_transactions_a_word),
        cmocka_unit_test(v3_reads_as_fast_as_its_clock_allows),
        cmocka_unit_test(a_write_takes_its_time_before_the_status_is_there),
        cmocka_unit_test(all_registers_at_once_take_the_time_of_the_model),
        cmocka_unit_test(slow_procedures_take_their_extra_time),
        cmocka_unit_test(parameters_can_be_overridden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
