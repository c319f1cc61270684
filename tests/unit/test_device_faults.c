/* Faults on request: what each makes a host see. ST-LINK protocol sheet, 4.1, 4.2, 9.2 item 13. */
#include "test_device_fixture.h"

static probe entered(void)
{
    probe p = plug_in_v2(37);
    enter(&p);
    return p;
}

static void firmware_hides_four_waits_and_reports_the_fifth(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault wait 4");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x80);
    admin(&p, "fault wait 5");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x10);
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x80); /* repeating the command helps */
    assert_int_equal(sim_device_get_stats(p.device)->waits, 9);
    unplug(&p);
}

static void a_memory_command_that_waits_latches_10(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault wait 5");
    ask(&p, "F2 07 00 00 00 20 08 00", 8);
    assert_int_equal(ask(&p, "F2 3E", 12)[0], 0x10);
    assert_int_equal(ask(&p, "F2 3E", 12)[0], 0x10); /* until the next memory command */
    ask(&p, "F2 07 00 00 00 20 08 00", 8);
    assert_int_equal(ask(&p, "F2 3E", 12)[0], 0x80);
    unplug(&p);
}

static void silence_on_the_wire_is_12_and_09(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault ack none");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x12);
    expect(&p, "F2 32", "12 00");
    expect(&p, "F2 30 A3", "09 00");
    admin(&p, "fault clear");
    expect(&p, "F2 30 A3", "80 00");
    unplug(&p);
}

static void parity_and_idcode_errors_have_their_codes(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault parity 1");
    assert_int_equal(ask(&p, "F2 36 00 ED 00 E0", 8)[0], 0x13);
    admin(&p, "fault idcode 2");
    expect(&p, "F2 30 A3", "09 00");
    expect(&p, "F2 30 A3", "09 00");
    expect(&p, "F2 30 A3", "80 00");
    unplug(&p);
}

static void a_lost_reply_leaves_the_command_done(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault lost-reply at 2");
    ask(&p, "F1", 6);
    expect_silence(&p, "F2 35 00 00 00 20 78 56 34 12");
    expect(&p, "F2 36 00 00 00 20", "80 00 00 00 78 56 34 12");
    unplug(&p);
}

static void a_status_can_be_put_into_a_command(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault status 0D at 1");
    expect(&p, "F2 35 00 00 00 20 78 56 34 12", "0D 00");
    admin(&p, "fault status 18 at 1");
    ask(&p, "F2 07 00 00 00 20 04 00", 4);
    expect(&p, "F2 3B", "18 00");
    unplug(&p);
}

static void usb_faults_strike_the_named_transfer(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault usb timeout at 1");
    assert_int_equal(send_hex(&p, "F1"), SIM_USB_LOST);
    ask(&p, "F1", 6);
    admin(&p, "fault usb short at 2");
    ask(&p, "F1", 3);
    admin(&p, "fault usb garbage at 2");
    ask(&p, "F1", 6);
    assert_memory_not_equal(p.reply, "\x29\x47\x83\x04\x48\x37", 6);
    admin(&p, "fault usb disconnect at 2");
    say(&p, "F1");
    assert_int_equal(collect(&p), SIM_USB_GONE);
    unplug(&p);
}

static void a_fault_in_mid_block_is_located_and_the_rest_reads_zero(void **state)
{
    static const uint8_t zeros[16];
    (void)state;
    probe p = entered(); /* the last RAM word of a 16 KB part, then nothing */
    ask(&p, "F2 07 FC 3F 00 20 14 00", 20);
    assert_memory_equal(p.reply + 4, zeros, sizeof zeros);
    expect(&p, "F2 3E", "11 00 00 00 00 40 00 20 00 00 00 00");
    /* The registers show it until somebody clears it; the next memory command does. */
    assert_true(ask(&p, "F2 45 FF FF 04 00", 8)[4] & 0x20);
    ask(&p, "F2 07 00 00 00 20 04 00", 4);
    expect(&p, "F2 3B", "80 00");
    assert_false(ask(&p, "F2 45 FF FF 04 00", 8)[4] & 0x20);
    unplug(&p);
}

static void blocks_cross_the_1_kb_boundary_of_tar(void **state)
{
    static uint8_t bytes[2048];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    probe p = entered();
    write_data(&p, "F2 08 F0 01 00 20 00 08", bytes, sizeof bytes);
    expect(&p, "F2 3B", "80 00");
    ask(&p, "F2 07 F0 01 00 20 00 08", sizeof bytes);
    assert_memory_equal(p.reply, bytes, sizeof bytes);
    unplug(&p);
}

static void narrow_accesses_travel_in_their_byte_lanes(void **state)
{
    static const uint8_t bytes[5] = {1, 2, 3, 4, 5};
    uint8_t seen[8];
    (void)state;
    probe p = entered();
    expect(&p, "F2 35 00 00 00 20 FF FF FF FF", "80 00");
    expect(&p, "F2 35 04 00 00 20 FF FF FF FF", "80 00");
    write_data(&p, "F2 0D 01 00 00 20 05 00", bytes, sizeof bytes);
    assert_true(sim_chip_peek(sim_device_chip(p.device), 0x20000000, seen, sizeof seen));
    assert_memory_equal(seen, "\xFF\1\2\3\4\5\xFF\xFF", sizeof seen);
    write_data(&p, "F2 48 02 00 00 20 04 00", bytes, 4);
    assert_true(sim_chip_peek(sim_device_chip(p.device), 0x20000000, seen, sizeof seen));
    assert_memory_equal(seen, "\xFF\1\1\2\3\4\xFF\xFF", sizeof seen);
    ask(&p, "F2 47 02 00 00 20 04 00", 4);
    assert_memory_equal(p.reply, "\1\2\3\4", 4);
    unplug(&p);
}

static void registers_of_a_running_core_are_refused(void **state)
{
    (void)state;
    probe p = entered();
    expect(&p, "F2 35 F0 ED 00 E0 01 00 5F A0", "80 00");
    const uint8_t *dhcsr = ask(&p, "F2 36 F0 ED 00 E0", 8);
    if (!(dhcsr[6] & 0x02)) /* S_HALT */
        assert_int_equal(ask(&p, "F2 33 0F", 8)[0], 0x81);
    expect(&p, "F2 35 F0 ED 00 E0 03 00 5F A0", "80 00");
    expect(&p, "F2 34 03 44 33 22 11", "80 00");
    expect(&p, "F2 33 03", "80 00 00 00 44 33 22 11");
    ask(&p, "F2 3A", 88);
    assert_memory_equal(p.reply + 4 + 4 * 3, "\x44\x33\x22\x11", 4);
    unplug(&p);
}

static void the_voltage_can_lie(void **state)
{
    (void)state;
    probe p = entered();
    admin(&p, "fault voltage 1200");
    expect(&p, "F7", "F1 05 00 00 F9 02 00 00"); /* 760.5: 761 */
    admin(&p, "fault voltage none");
    expect(&p, "F7", "00 00 00 00 00 00 00 00");
    admin(&p, "fault voltage off");
    expect(&p, "F7", "F1 05 00 00 2B 08 00 00");
    unplug(&p);
}

static void wrong_admin_lines_are_refused_with_a_reason(void **state)
{
    static const char *const lines[] = {"",           "fault",          "fault usb melt at 1",
                                        "fault wait", "fault wait -1",  "fault usb stall 3",
                                        "peek 0 1000", "peek 0x30000000 4", "poke 0x20000000 123",
                                        "pin Z3",     "pin A16",        "power maybe",
                                        "nrst",       "save",           "quit"};
    char answer[256];
    (void)state;
    probe p = plug_in_v2(37);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        answer[0] = '\0';
        if (sim_device_admin(p.device, lines[i], answer, sizeof answer))
            fail_msg("\"%s\" was accepted", lines[i]);
        assert_true(answer[0]);
    }
    unplug(&p);
}

static void admin_lines_look_into_the_chip(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    admin(&p, "poke 0x08000010 0102a0FF");
    assert_string_equal(admin(&p, "peek 0x08000010 4"), "0102A0FF");
    assert_non_null(strstr(admin(&p, "pin PA5"), "PA5 "));
    assert_non_null(strstr(admin(&p, "stats"), "\"firmware\":\"V2J37S7\""));
    assert_string_equal(admin(&p, "power off"), "supply 0 mV");
    assert_string_equal(admin(&p, "power on 1800"), "supply 1800 mV");
    unplug(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_hides_four_waits_and_reports_the_fifth),
        cmocka_unit_test(a_memory_command_that_waits_latches_10),
        cmocka_unit_test(silence_on_the_wire_is_12_and_09),
        cmocka_unit_test(parity_and_idcode_errors_have_their_codes),
        cmocka_unit_test(a_lost_reply_leaves_the_command_done),
        cmocka_unit_test(a_status_can_be_put_into_a_command),
        cmocka_unit_test(usb_faults_strike_the_named_transfer),
        cmocka_unit_test(a_fault_in_mid_block_is_located_and_the_rest_reads_zero),
        cmocka_unit_test(blocks_cross_the_1_kb_boundary_of_tar),
        cmocka_unit_test(narrow_accesses_travel_in_their_byte_lanes),
        cmocka_unit_test(registers_of_a_running_core_are_refused),
        cmocka_unit_test(the_voltage_can_lie),
        cmocka_unit_test(wrong_admin_lines_are_refused_with_a_reason),
        cmocka_unit_test(admin_lines_look_into_the_chip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
