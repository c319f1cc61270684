/* Descriptors and USB behaviour of the simulated probes: ST-LINK protocol sheet, 1.2 to 1.5, 9.2. */
#include "test_device_fixture.h"

static size_t control_in(probe *p, const char *setup_hex, uint8_t *bytes, size_t room)
{
    uint8_t setup[8];
    size_t actual;
    assert_int_equal(from_hex(setup_hex, setup, sizeof setup), 8);
    assert_int_equal(sim_device_control(p->device, setup, bytes, room, &actual), SIM_USB_OK);
    return actual;
}

static sim_usb_status control(probe *p, const char *setup_hex)
{
    uint8_t setup[8], bytes[256];
    size_t actual;
    assert_int_equal(from_hex(setup_hex, setup, sizeof setup), 8);
    return sim_device_control(p->device, setup, bytes, sizeof bytes, &actual);
}

static probe plug_in_kind(sim_probe_kind kind, uint16_t product_id)
{
    sim_device_options options;
    sim_device_options_default(&options, kind);
    options.product_id = product_id;
    return plug_in("STM32L151CB", &options, NULL);
}

typedef struct expected {
    sim_probe_kind kind;
    uint16_t product_id, total_bytes;
    uint8_t class, interfaces, max_power_2ma;
    const char *endpoints; /* address and packet size in descriptor order */
} expected;

static void list_endpoints(const uint8_t *config, size_t count, char *text, size_t text_size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t at = 0; at < count; at += config[at]) {
        assert_true(config[at] >= 2 && at + config[at] <= count);
        if (config[at + 1] == 5)
            used += (size_t)snprintf(text + used, text_size - used, "%02X:%u ", config[at + 2],
                                     (unsigned)stl_get_u16le(config + at + 4));
    }
}

static void descriptors_are_those_of_table_1_3(void **state)
{
    static const expected kinds[] = {
        {SIM_PROBE_V1, 0x3744, 0x20, 0x00, 1, 50, "81:64 02:64 "},
        {SIM_PROBE_V2, 0x3748, 0x27, 0x00, 1, 50, "81:64 02:64 83:64 "},
        {SIM_PROBE_V21, 0x374B, 0x80, 0xEF, 4, 50,
         "81:64 01:64 82:32 83:64 03:64 84:2 05:8 85:16 "},
        {SIM_PROBE_V21, 0x3752, 0x69, 0xEF, 3, 150, "81:64 01:64 82:32 84:8 05:64 85:64 "},
        {SIM_PROBE_V3, 0x374E, 0x80, 0xEF, 4, 250,
         "81:512 01:512 82:512 83:512 03:512 84:10 05:512 85:512 "},
        {SIM_PROBE_V3, 0x374F, 0x97, 0xEF, 5, 250,
         "81:512 01:512 82:512 83:512 03:512 84:10 05:512 85:512 86:512 06:512 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const expected *want = &kinds[i];
        probe p = plug_in_kind(want->kind, want->product_id);
        uint8_t bytes[512];
        char endpoints[256];
        assert_int_equal(control_in(&p, "80 06 00 01 00 00 12 00", bytes, sizeof bytes), 18);
        assert_int_equal(stl_get_u16le(bytes + 8), 0x0483);
        assert_int_equal(stl_get_u16le(bytes + 10), want->product_id);
        assert_int_equal(bytes[4], want->class);
        assert_int_equal(control_in(&p, "80 06 00 02 00 00 FF 00", bytes, sizeof bytes),
                         want->total_bytes);
        assert_int_equal(stl_get_u16le(bytes + 2), want->total_bytes);
        assert_int_equal(bytes[4], want->interfaces);
        assert_int_equal(bytes[8], want->max_power_2ma);
        list_endpoints(bytes, want->total_bytes, endpoints, sizeof endpoints);
        assert_string_equal(endpoints, want->endpoints);
        unplug(&p);
    }
}

static void a_short_request_gets_the_beginning_of_a_descriptor(void **state)
{
    uint8_t bytes[64];
    (void)state;
    probe p = plug_in_v2(37);
    assert_int_equal(control_in(&p, "80 06 00 02 00 00 09 00", bytes, sizeof bytes), 9);
    assert_int_equal(stl_get_u16le(bytes + 2), 0x27);
    assert_int_equal(control_in(&p, "80 06 00 03 00 00 FF 00", bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "\x04\x03\x09\x04", 4);
    assert_int_equal(control(&p, "80 06 00 06 00 00 0A 00"), SIM_USB_STALL); /* no qualifier */
    assert_int_equal(control(&p, "80 06 09 03 09 04 FF 00"), SIM_USB_STALL); /* no string 9 */
    unplug(&p);
}

static void a_v3_tells_of_its_other_speed(void **state)
{
    uint8_t bytes[512];
    char endpoints[256];
    (void)state;
    probe p = plug_in_v3(7);
    assert_int_equal(control_in(&p, "80 06 00 06 00 00 0A 00", bytes, sizeof bytes), 10);
    const size_t count = control_in(&p, "80 06 00 07 00 00 FF 00", bytes, sizeof bytes);
    assert_int_equal(bytes[1], 7);
    list_endpoints(bytes, count, endpoints, sizeof endpoints);
    assert_non_null(strstr(endpoints, "81:64 01:64 82:64 "));
    unplug(&p);
}

static void the_serial_is_24_digits_or_12_raw_bytes(void **state)
{
    static const uint8_t raw[26] = {26,   3, 0x57, 0, 0xFF, 0, 0x72, 0, 0x06, 0, 0x7A, 0, 0x80, 0,
                                    0x55, 0, 0x51, 0, 0x34, 0, 0x12, 0, 0x0A, 0, 0x67, 0};
    uint8_t bytes[64];
    sim_device_options options;
    (void)state;
    sim_device_options_default(&options, SIM_PROBE_V2);
    snprintf(options.serial, sizeof options.serial, "57FF72067A80555134120A67");
    probe p = plug_in("STM32L151CB", &options, NULL);
    assert_int_equal(control_in(&p, "80 06 03 03 09 04 FF 00", bytes, sizeof bytes), 50);
    assert_memory_equal(bytes, "\x32\x03" "5\0007\0F\0F\0007\0002\0", 14);
    unplug(&p);
    options.has_binary_serial = true;
    p = plug_in("STM32L151CB", &options, NULL);
    assert_int_equal(control_in(&p, "80 06 03 03 09 04 FF 00", bytes, sizeof bytes), 26);
    assert_memory_equal(bytes, raw, sizeof raw);
    unplug(&p);
}

static void configuration_can_be_set_again_and_again(void **state)
{
    uint8_t bytes[8];
    (void)state;
    probe p = plug_in_v2(37);
    for (int i = 0; i < 3; i++)
        assert_int_equal(control(&p, "00 09 01 00 00 00 00 00"), SIM_USB_OK);
    assert_int_equal(control_in(&p, "80 08 00 00 00 00 01 00", bytes, sizeof bytes), 1);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(control(&p, "00 09 02 00 00 00 00 00"), SIM_USB_STALL);
    assert_int_equal(control_in(&p, "80 00 00 00 00 00 02 00", bytes, sizeof bytes), 2);
    assert_int_equal(control(&p, "C0 01 00 00 00 00 00 00"), SIM_USB_STALL); /* vendor request */
    unplug(&p);
}

static void a_stalled_endpoint_is_cleared_by_clear_feature(void **state)
{
    uint8_t bytes[8];
    (void)state;
    probe p = plug_in_v2(37);
    admin(&p, "fault usb stall at 2");
    say(&p, "F1");
    assert_int_equal(collect(&p), SIM_USB_STALL);
    assert_int_equal(collect(&p), SIM_USB_STALL);
    assert_int_equal(control_in(&p, "82 00 00 00 81 00 02 00", bytes, sizeof bytes), 2);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(control(&p, "02 01 00 00 81 00 00 00"), SIM_USB_OK);
    assert_int_equal(collect(&p), SIM_USB_OK);
    assert_int_equal(p.reply_count, 6);
    unplug(&p);
}

static void a_transfer_that_is_no_command_is_discarded(void **state)
{
    static const uint8_t odd[17] = {0xF1};
    (void)state;
    probe p = plug_in_v2(37);
    for (size_t count = 0; count <= sizeof odd; count++) {
        if (count == 16)
            continue;
        assert_int_equal(sim_device_out(p.device, p.out, odd, count), SIM_USB_OK);
        assert_int_equal(collect(&p), SIM_USB_NAK);
    }
    assert_int_equal(sim_device_get_stats(p.device)->protocol_errors, 17);
    ask(&p, "F1", 6);
    unplug(&p);
}

static void a_command_waits_until_the_reply_was_collected(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    say(&p, "F1");
    assert_int_equal(send_hex(&p, "F5"), SIM_USB_NAK);
    assert_int_equal(collect(&p), SIM_USB_OK);
    ask(&p, "F5", 2);
    say(&p, "F1"); /* a host that dies here */
    sim_device_usb_reset(p.device);
    ask(&p, "F5", 2);
    unplug(&p);
}

static void too_small_a_buffer_is_an_overflow(void **state)
{
    uint8_t bytes[64];
    size_t actual;
    (void)state;
    probe p = plug_in_v2(37);
    say(&p, "F1");
    assert_int_equal(sim_device_in(p.device, 0x81, bytes, 4, &actual), SIM_USB_OVERFLOW);
    ask(&p, "F5", 2);
    enter(&p);
    say(&p, "F2 07 00 00 00 20 80 00"); /* 128 bytes in two transfers of one packet */
    assert_int_equal(sim_device_in(p.device, 0x81, bytes, 64, &actual), SIM_USB_OK);
    assert_int_equal(actual, 64);
    assert_int_equal(sim_device_in(p.device, 0x81, bytes, 64, &actual), SIM_USB_OK);
    assert_int_equal(actual, 64);
    unplug(&p);
}

static void an_unplugged_probe_is_gone_and_comes_back_fresh(void **state)
{
    (void)state;
    probe p = plug_in_v2(37);
    enter(&p);
    expect(&p, "F2 43 00", "80 00");
    admin(&p, "unplug");
    assert_int_equal(send_hex(&p, "F1"), SIM_USB_GONE);
    assert_int_equal(collect(&p), SIM_USB_GONE);
    assert_int_equal(control(&p, "80 06 00 01 00 00 12 00"), SIM_USB_GONE);
    assert_int_equal(sim_device_plug_count(p.device), 0);
    admin(&p, "replug");
    assert_int_equal(sim_device_plug_count(p.device), 2);
    expect(&p, "F5", "00 00");
    unplug(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_those_of_table_1_3),
        cmocka_unit_test(a_short_request_gets_the_beginning_of_a_descriptor),
        cmocka_unit_test(a_v3_tells_of_its_other_speed),
        cmocka_unit_test(the_serial_is_24_digits_or_12_raw_bytes),
        cmocka_unit_test(configuration_can_be_set_again_and_again),
        cmocka_unit_test(a_stalled_endpoint_is_cleared_by_clear_feature),
        cmocka_unit_test(a_transfer_that_is_no_command_is_discarded),
        cmocka_unit_test(a_command_waits_until_the_reply_was_collected),
        cmocka_unit_test(too_small_a_buffer_is_an_overflow),
        cmocka_unit_test(an_unplugged_probe_is_gone_and_comes_back_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
