/* What a simulated board can be told, and how it answers a mistyped word. */
#include "test_device_fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "sim/spec.h"

static bool understand(sim_spec *spec, const char *text, char *reason, size_t reason_size)
{
    sim_spec_init(spec);
    return sim_spec_parse(spec, text, reason, reason_size) &&
           sim_spec_finish(spec, reason, reason_size);
}

static sim_spec must_understand(const char *text)
{
    char reason[512] = "";
    sim_spec spec;
    if (!understand(&spec, text, reason, sizeof reason))
        fail_msg("%s: %s", text, reason);
    return spec;
}

static void must_refuse(const char *text, const char *why)
{
    char reason[512] = "";
    sim_spec spec;
    if (understand(&spec, text, reason, sizeof reason))
        fail_msg("%s was understood", text);
    if (!strstr(reason, why) || strchr(reason, '\n'))
        fail_msg("%s: \"%s\" says nothing of \"%s\"", text, reason, why);
}

static void every_board_and_every_chip_has_a_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; sim_board_at(i); i++) {
        const sim_spec spec = must_understand(sim_board_at(i)->name);
        assert_string_equal(spec.model->name, sim_board_at(i)->chip);
        assert_int_equal(spec.device.kind, sim_board_at(i)->probe);
    }
    for (size_t i = 0; sim_chip_model_at(i); i++)
        assert_ptr_equal(must_understand(sim_chip_model_at(i)->name).model, sim_chip_model_at(i));
}

static void a_line_for_a_transfer_has_both_parts(void **state)
{
    (void)state;
    const sim_spec spec = must_understand("rak5205?at=12:fault%20usb%20stall%20at%201");
    assert_int_equal(spec.device.at_transfer, 12);
    assert_string_equal(spec.device.at_line, "fault usb stall at 1");
    must_understand("rak5205?at=1:123456789012345678901234567890123456789012345678901234567890123");
    must_refuse("rak5205?at=1:1234567890123456789012345678901234567890123456789012345678901234", "N:LINE");
    static const char *const wrong[] = {"12", "12:", "0:unplug", ":unplug", "x:unplug", "9999999999:unplug"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[80];
        snprintf(text, sizeof text, "rak5205?at=%s", wrong[i]);
        must_refuse(text, "N:LINE");
    }
}

static void keys_reach_their_options(void **state)
{
    (void)state;
    const sim_spec spec = must_understand(
        "rak5205?probe=v3&fw=V3J8M3&clock=paced&serial=ABC&voltage=1800&rdp=0xBB&wrp=1,0x80"
        "&flash-size=0x6B80&nrst=unwired&target=absent&op-us=100&t-cmd-us=0&lenient&state=a%26b.sim"
        "&uid=000000010000000200000003&init-ap=required&mode=dfu&jitter=20");
    assert_int_equal(spec.device.kind, SIM_PROBE_V3);
    assert_int_equal(spec.device.jtag, 8);
    assert_int_equal(spec.device.msd, 3);
    assert_true(spec.server.is_paced);
    assert_string_equal(spec.device.serial, "ABC");
    assert_int_equal(spec.device.supply_mv, 1800);
    assert_int_equal(spec.chip.rdp_byte, 0xBB);
    assert_int_equal(spec.chip.wrp[0], 1);
    assert_int_equal(spec.chip.wrp[1], 0x80);
    assert_int_equal(spec.chip.flash_size_raw, 0x6B80);
    assert_true(spec.chip.is_nrst_unwired && spec.device.is_target_absent);
    assert_int_equal(spec.chip.op_us, 100);
    assert_true(spec.device.t_cmd_us < 0); /* asked to be free, which is not the default */
    assert_true(spec.chip.is_lenient && spec.device.is_init_ap_required);
    assert_string_equal(spec.state_path, "a&b.sim");
    assert_int_equal(spec.chip.uid[2], 3);
    assert_true(spec.device.starts_in_dfu);
}

static void a_mistyped_word_is_answered_with_the_right_one(void **state)
{
    (void)state;
    must_refuse("rak5206", "did you mean \"rak5205\"?");
    must_refuse("toaster", "no chip or board is called \"toaster\"");
    must_refuse("", "no chip or board");
    must_refuse("rak5205?clok=fast", "did you mean \"clock\"?");
    must_refuse("rak5205?clock=fats", "fast|paced");
    must_refuse("rak5205?clock", "clock wants a value");
    must_refuse("rak5205?probe=v4", "v2|v21");
    must_refuse("rak5205?fw=V3J7", "no firmware of this probe");
    must_refuse("rak5205?fw=J99", "no firmware of this probe");
    must_refuse("rak5205?voltage=volt", "from 1 to 5500");
    must_refuse("rak5205?voltage=6000", "from 1 to 5500");
    must_refuse("rak5205?op-us=-1", "op-us=-1 is not understood");
    must_refuse("rak5205?rdp=0x1FF", "rdp=0x1FF");
    must_refuse("rak5205?wrp=1,2,3,4,5", "wrp");
    must_refuse("rak5205?serial=%22", "serial");
    must_refuse("rak5205?state=a%2", "two hex digits");
    must_refuse("rak5205?lenient=no", "lenient");
}

static void a_serial_number_is_the_same_every_time(void **state)
{
    char folder[256], absolute[512];
    (void)state;
    assert_non_null(getcwd(folder, sizeof folder));
    snprintf(absolute, sizeof absolute, "rak5205?state=%s/b.sim", folder);
    const sim_spec plain = must_understand("rak5205"), again = must_understand("rak5205"),
                   other = must_understand("rak811"),
                   relative = must_understand("rak5205?state=b.sim"),
                   dotted = must_understand("rak5205?state=./b.sim"),
                   full = must_understand(absolute);
    assert_int_equal(strlen(plain.device.serial), 24);
    assert_string_equal(plain.device.serial, again.device.serial);
    assert_string_not_equal(plain.device.serial, other.device.serial);
    assert_string_equal(relative.device.serial, dotted.device.serial);
    assert_string_equal(relative.device.serial, full.device.serial);
    assert_string_not_equal(relative.device.serial, plain.device.serial);
    assert_int_equal(relative.chip.uid_seed, full.chip.uid_seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_board_and_every_chip_has_a_meaning),
        cmocka_unit_test(keys_reach_their_options),
        cmocka_unit_test(a_line_for_a_transfer_has_both_parts),
        cmocka_unit_test(a_mistyped_word_is_answered_with_the_right_one),
        cmocka_unit_test(a_serial_number_is_the_same_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
