/* tests/unit/test_nvm_flash.c: images into flash and EEPROM, by both roads, on all categories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

enum { FLASH = 0x08000000, EEPROM = 0x08080000 };

static stl_image *make_image(uint32_t addr, const uint8_t *bytes, size_t byte_count)
{
    stl_image *image;
    stl_error err = {0};
    assert_ok(stl_image_new(&image, &err));
    assert_ok(stl_image_add(image, addr, bytes, byte_count, &err));
    return image;
}

static stl_code flash_image(board *b, const stl_image *image, stl_verify_method method,
                            stl_nvm_report *report, stl_error *err)
{
    stl_plan *plan;
    stl_code code = stl_nvm_make_plan(b->nvm, image, NULL, NULL, &plan, err);
    if (code)
        return code;
    code = stl_nvm_apply_plan(b->nvm, plan, method, NULL, report, err);
    stl_plan_free(plan);
    return code;
}

static void assert_flash_holds(board *b, uint32_t addr, const uint8_t *bytes, size_t byte_count)
{
    uint8_t *found = malloc(byte_count);
    board_peek(b, addr, found, byte_count);
    for (size_t i = 0; i < byte_count; i++)
        if (found[i] != bytes[i])
            fail_msg("0x%08zX: 0x%02X, not 0x%02X", addr + i, found[i], bytes[i]);
    free(found);
}

static void program_whole(const board_options *options, size_t byte_count)
{
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    board_connect(&b, options);
    uint8_t *bytes = malloc(byte_count), *old = malloc(byte_count);
    fill_random(bytes, byte_count, 7);
    fill_random(old, byte_count, 8);
    board_poke(&b, FLASH, old, byte_count);
    stl_image *image = make_image(FLASH, bytes, byte_count);
    assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
    if (b.warning_count)
        fail_msg("a warning: %s", b.last_warning);
    assert_flash_holds(&b, FLASH, bytes, byte_count);
    assert_int_equal(report.pages_erased, byte_count / 256);
    assert_int_equal(report.half_pages_programmed, byte_count / 128);
    assert_int_equal(report.road, options && options->nvm.is_direct_forced ? STL_ROAD_DIRECT
                                                                           : STL_ROAD_LOADER);
    assert_int_equal(board_stats(&b)->faults, 0);
    stl_image_free(image);
    free(bytes);
    free(old);
    board_throw_away(&b);
}

static void a_full_chip_of_each_category_is_programmed_over_old_contents(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        size_t kib;
    } rows[] = {{"STM32L151CB", 128}, {"STM32L151CB-A", 128}, {"STM32L151CC", 256},
                {"STM32L151ZD", 384}, {"STM32L151RE", 512},   {"STM32L100C6", 32}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const board_options options = {.model = rows[i].model};
        program_whole(&options, rows[i].kib * 1024);
    }
}

static void each_probe_programs_the_same(void **state)
{
    (void)state;
    static const sim_probe_kind kinds[] = {SIM_PROBE_V2, SIM_PROBE_V21, SIM_PROBE_V3};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const board_options options = {.device = {.kind = kinds[i]}};
        program_whole(&options, 16 * 1024);
    }
}

static void half_pages_are_fed_through_the_debug_port_when_that_is_asked_for(void **state)
{
    (void)state;
    const board_options options = {.nvm = {.is_direct_forced = true}};
    program_whole(&options, 16 * 1024);
}

static void a_chip_that_was_never_programmed_takes_the_fast_road(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t bytes[8192];
    fill_random(bytes, sizeof bytes, 3);
    board_connect(&b, NULL); /* freshly powered, blank: the core has locked up */
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    assert_ok(flash_image(&b, image, STL_VERIFY_READ, &report, &err));
    assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
    assert_int_equal(report.road, STL_ROAD_LOADER);
    assert_int_equal(report.pages_erased, 0);
    assert_int_equal(report.half_pages_programmed, 64);
    stl_image_free(image);
    board_throw_away(&b);
}

static void what_is_right_already_is_not_written(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t bytes[4096];
    fill_random(bytes, sizeof bytes, 4);
    memset(bytes + 1024, 0, 256);      /* a page that stays blank */
    memset(bytes + 2048 + 128, 0, 128); /* a half page that does */
    board_connect(&b, NULL);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
    assert_int_equal(report.half_pages_programmed, 32 - 2 - 1);
    bytes[300] ^= 0x55;
    stl_image *changed = make_image(FLASH, bytes, sizeof bytes);
    assert_ok(flash_image(&b, changed, STL_VERIFY_SIGNATURE, &report, &err));
    assert_int_equal(report.pages_erased, 1);
    assert_int_equal(report.half_pages_programmed, 2);
    assert_ok(flash_image(&b, changed, STL_VERIFY_SIGNATURE, &report, &err));
    assert_int_equal(report.pages_erased + report.half_pages_programmed, 0);
    assert_int_equal(report.verified_bytes, sizeof bytes);
    stl_image_free(image);
    stl_image_free(changed);
    board_throw_away(&b);
}

static void what_shares_a_page_with_the_image_is_kept(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t old[1024], bytes[300];
    fill_random(old, sizeof old, 5);
    fill_random(bytes, sizeof bytes, 6);
    board_connect(&b, NULL);
    board_poke(&b, FLASH, old, sizeof old);
    stl_image *image = make_image(FLASH + 201, bytes, sizeof bytes);
    assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
    memcpy(old + 201, bytes, sizeof bytes);
    assert_flash_holds(&b, FLASH, old, sizeof old);
    assert_int_equal(report.pages_erased, 2);
    stl_image_free(image);
    board_throw_away(&b);
}

static void eeprom_words_that_differ_are_written_by_both_roads(void **state)
{
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        const board_options options = {.nvm = {.is_direct_forced = direct}};
        board b;
        stl_error err = {0};
        uint8_t old[4096], bytes[4096];
        fill_random(old, sizeof old, 11);
        fill_random(bytes, sizeof bytes, 12);
        memcpy(bytes + 256, old + 256, 64); /* some are right */
        memset(bytes + 512, 0, 40);         /* some become zero */
        memset(old + 1024, 0, 100);         /* some were */
        board_connect(&b, &options);
        board_poke(&b, EEPROM, old, sizeof old);
        uint32_t written = 0;
        assert_ok(stl_nvm_write_eeprom(b.nvm, EEPROM, bytes, sizeof bytes, &written, NULL, &err));
        assert_flash_holds(&b, EEPROM, bytes, sizeof bytes);
        assert_int_equal(written, 1024 - 16);
        assert_ok(stl_nvm_write_eeprom(b.nvm, EEPROM + 5, (const uint8_t *)"serial", 6, &written,
                                       NULL, &err));
        memcpy(bytes + 5, "serial", 6);
        assert_flash_holds(&b, EEPROM, bytes, sizeof bytes);
        assert_int_equal(written, 2);
        assert_int_equal(board_stats(&b)->faults, 0);
        board_throw_away(&b);
    }
}

static void an_image_outside_the_regions_is_refused_before_anything_is_written(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t bytes[600] = {1, 2, 3};
    board_connect(&b, NULL);
    static const uint32_t addrs[] = {0x00000000, 0x08020000, 0x0801FF00, 0x1FF80000, 0x20000000};
    for (size_t i = 0; i < sizeof addrs / sizeof addrs[0]; i++) {
        stl_image *image = make_image(addrs[i], bytes, sizeof bytes);
        assert_int_equal(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err), STL_E_RANGE);
        assert_non_null(err.hint);
        stl_image_free(image);
    }
    stl_image *empty;
    assert_ok(stl_image_new(&empty, &err));
    assert_int_equal(flash_image(&b, empty, STL_VERIFY_SIGNATURE, &report, &err), STL_E_RANGE);
    stl_image_free(empty);
    assert_int_equal(board_stats(&b)->half_pages + board_stats(&b)->pages_erased, 0);
    board_throw_away(&b);
}

static void a_write_protected_page_is_found_before_anything_is_written(void **state)
{
    (void)state;
    const board_options options = {.chip = {.wrp = {1u << 2}}};
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t bytes[3 * 4096];
    fill_random(bytes, sizeof bytes, 9);
    board_connect(&b, &options);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    assert_int_equal(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err),
                     STL_E_WRITE_PROTECTED);
    assert_int_equal(err.addr, FLASH + 2 * 4096);
    assert_int_equal(board_stats(&b)->pages_erased + board_stats(&b)->half_pages, 0);
    stl_image_free(image);
    board_throw_away(&b);
}

static void rdp_level_1_is_named(void **state)
{
    (void)state;
    const board_options options = {.chip = {.rdp_byte = 0xBB}};
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t bytes[256] = {1};
    board_connect(&b, &options);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    assert_int_equal(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err),
                     STL_E_READ_PROTECTED);
    assert_non_null(strstr(err.frame[0], "RDP level 1"));
    assert_non_null(strstr(err.frame[0], "0xBB"));
    stl_image_free(image);
    board_throw_away(&b);
}

static void a_difference_is_named_with_address_and_both_values(void **state)
{
    (void)state;
    for (int method = 0; method < 2; method++) {
        board b;
        stl_error err = {0};
        stl_nvm_report report;
        uint8_t bytes[3000];
        fill_random(bytes, sizeof bytes, 10);
        bytes[1234] = 0x5A;
        board_connect(&b, NULL);
        board_poke(&b, FLASH + 4, bytes, sizeof bytes);
        stl_image *image = make_image(FLASH + 4, bytes, sizeof bytes);
        assert_ok(stl_nvm_verify(b.nvm, image, (stl_verify_method)method, NULL, &report, &err));
        const uint8_t wrong = 0x5B;
        board_poke(&b, FLASH + 4 + 1234, &wrong, 1);
        assert_int_equal(
            stl_nvm_verify(b.nvm, image, (stl_verify_method)method, NULL, &report, &err),
            STL_E_VERIFY);
        assert_int_equal(err.addr, FLASH + 4 + 1234);
        assert_non_null(strstr(err.frame[0], "0x5A expected, 0x5B found"));
        stl_image_free(image);
        board_throw_away(&b);
    }
}

/* Wherever the power cut falls, it is reported as such and a second run repairs it. */
static void flashing_recovers_from_a_power_cut_at_every_operation(void **state)
{
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        const board_options options = {.nvm = {.is_direct_forced = direct}};
        uint8_t old[2048], bytes[2048];
        fill_random(old, sizeof old, 20);
        fill_random(bytes, sizeof bytes, 21);
        stl_image *image = make_image(FLASH, bytes, sizeof bytes);
        const unsigned total_ops = 8 * 3;
        for (unsigned cut_at = 1; cut_at <= total_ops; cut_at++) {
            board b;
            stl_error err = {0};
            stl_nvm_report report;
            board_connect(&b, &options);
            board_poke(&b, FLASH, old, sizeof old);
            sim_chip_cut_supply_at_op(sim_device_chip(b.device), cut_at);
            const stl_code code = flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err);
            assert_int_not_equal(code, STL_OK);
            board_disconnect(&b);
            sim_chip_set_supply(sim_device_chip(b.device), 3300);
            sim_chip_cut_supply_at_op(sim_device_chip(b.device), 0);
            assert_ok(board_reconnect(&b, &options.nvm, &err));
            assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
            assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
            board_throw_away(&b);
        }
        stl_image_free(image);
    }
}

static void an_operation_that_ends_in_an_error_flag_is_named_and_repaired(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    fill_random(bytes, sizeof bytes, 22);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    for (unsigned n = 1; n <= 16; n += 3) {
        board b;
        stl_error err = {0};
        stl_nvm_report report;
        board_connect(&b, NULL);
        sim_chip_fail_op(sim_device_chip(b.device), n, 1u << 8);
        assert_int_equal(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err),
                         STL_E_WRITE_PROTECTED);
        assert_in_range(err.addr, FLASH, FLASH + sizeof bytes - 1);
        assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
        assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
        board_throw_away(&b);
    }
    stl_image_free(image);
}

static void an_operation_that_never_ends_is_a_timeout_and_the_next_run_repairs(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    fill_random(bytes, sizeof bytes, 23);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    board_connect(&b, NULL);
    sim_chip_hang_op(sim_device_chip(b.device), 5);
    const stl_code code = flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err);
    if (code) { /* or the slow road has finished it after the reset */
        assert_ok(board_reconnect(&b, NULL, &err));
        assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
    } else {
        assert_int_equal(report.road, STL_ROAD_DIRECT);
        assert_int_equal(b.warning_count, 1);
    }
    assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
    stl_image_free(image);
    board_throw_away(&b);
}

static void a_loader_that_does_not_fit_gives_way_to_the_debug_port_with_a_warning(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    fill_random(bytes, sizeof bytes, 24);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    for (int fast = 0; fast < 2; fast++) {
        board b;
        stl_error err = {0};
        stl_nvm_report report;
        /* the table believes in 32 KiB, the part has 4 */
        const board_options options = {.chip = {.ram_bytes = 4096},
                                       .nvm = {.is_fast_required = fast}};
        board_power_on(&b, &options);
        b.config.ram_bytes = 32 * 1024;
        assert_ok(board_reconnect(&b, &options.nvm, &err));
        const stl_code code = flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err);
        if (fast) {
            assert_int_not_equal(code, STL_OK);
            assert_int_equal(board_stats(&b)->half_pages, 0);
        } else {
            assert_ok(code);
            assert_int_equal(report.road, STL_ROAD_DIRECT);
            assert_true(b.warning_count >= 1);
            assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
        }
        board_throw_away(&b);
    }
    stl_image_free(image);
}

static void a_hardware_watchdog_does_not_bite_during_the_work(void **state)
{
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        const board_options options = {.chip = {.is_iwdg_hardware = true},
                                       .nvm = {.is_direct_forced = direct}};
        program_whole(&options, 64 * 1024); /* 2.5 s: the watchdog would bite after 0.44 s */
    }
}

static void firmware_that_sleeps_or_drops_its_debug_pins_is_programmed_all_the_same(void **state)
{
    (void)state;
    /* vectors, then: ldr r0,=GPIOA_MODER; ldr r1,=0; str r1,[r0]; b .  -- PA13, PA14 are inputs
     * and: SCR.SLEEPDEEP; wfi; b wfi */
    static const uint8_t pins[] = {0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0x02, 0x48, 0x03,
                                   0x49, 0x01, 0x60, 0xFE, 0xE7, 0x00, 0xBF, 0x00, 0xBF, 0x00, 0x00,
                                   0x02, 0x40, 0x00, 0x00, 0x00, 0x00};
    static const uint8_t sleep[] = {0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0x02, 0x48, 0x04,
                                    0x21, 0x01, 0x60, 0x30, 0xBF, 0xFD, 0xE7, 0x00, 0xBF, 0x10, 0xED,
                                    0x00, 0xE0};
    uint8_t bytes[4096];
    fill_random(bytes, sizeof bytes, 33);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    for (int i = 0; i < 2; i++) {
        board b;
        stl_error err = {0};
        stl_nvm_report report;
        board_power_on(&b, NULL);
        board_poke(&b, FLASH, i ? sleep : pins, i ? sizeof sleep : sizeof pins);
        sim_chip_set_supply(sim_device_chip(b.device), 0);
        sim_chip_set_supply(sim_device_chip(b.device), 3300);
        sim_device_idle(b.device, 5000000);
        assert_ok(board_reconnect(&b, NULL, &err));
        assert_int_equal(b.warning_count, 1); /* it says that it went under reset */
        assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
        assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
        board_throw_away(&b);
    }
    stl_image_free(image);
}

/* Counted, not timed: what is asked of the probe between opening it and the proof. */
static void proving_an_equal_image_takes_few_commands(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    stl_nvm_report report;
    uint8_t bytes[64 * 1024];
    fill_random(bytes, sizeof bytes, 40);
    board_power_on(&b, NULL);
    board_poke(&b, FLASH, bytes, sizeof bytes);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    assert_ok(board_reconnect(&b, NULL, &err));
    assert_in_range(b.transport->run_count, 10, 14); /* open, clock, ENTER, AP, ids, reset and halt */
    assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
    assert_int_equal(report.verified_bytes, sizeof bytes);
    assert_in_range(b.transport->run_count, 50, 75); /* unlock, loader, three parts of signatures */
    stl_image_free(image);
    board_throw_away(&b);
}

static void the_clocks_are_as_they_were_when_the_work_is_done(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint64_t signatures[4];
    uint32_t before[4], after[4];
    static const uint32_t regs[4] = {0x40023808, 0x4002381C, 0x40023824, 0x40007000};
    board_connect(&b, NULL);
    for (unsigned i = 0; i < 4; i++)
        assert_ok(stl_mem_read_word(b.dap, regs[i], &before[i], &err));
    assert_ok(stl_nvm_signatures(b.nvm, FLASH, 4, signatures, &err));
    stl_nvm_close(b.nvm);
    b.nvm = NULL;
    for (unsigned i = 0; i < 4; i++)
        assert_ok(stl_mem_read_word(b.dap, regs[i], &after[i], &err));
    assert_memory_equal(before, after, sizeof before);
    board_throw_away(&b);
}

static bool stop_at_half(void *self, const char *phase, uint64_t done, uint64_t total)
{
    unsigned *calls = self;
    ++*calls;
    return strcmp(phase, "write") || done < total / 2;
}

static void an_interrupted_write_stops_between_operations_and_the_next_run_repairs(void **state)
{
    (void)state;
    uint8_t bytes[48 * 1024]; /* more than the ring holds */
    fill_random(bytes, sizeof bytes, 25);
    stl_image *image = make_image(FLASH, bytes, sizeof bytes);
    for (int direct = 0; direct < 2; direct++) {
        const board_options options = {.nvm = {.is_direct_forced = direct}};
        board b;
        stl_error err = {0};
        stl_nvm_report report;
        unsigned calls = 0;
        const stl_progress progress = {&calls, stop_at_half};
        board_connect(&b, &options);
        stl_plan *plan;
        assert_ok(stl_nvm_make_plan(b.nvm, image, NULL, NULL, &plan, &err));
        assert_int_equal(
            stl_nvm_apply_plan(b.nvm, plan, STL_VERIFY_SIGNATURE, &progress, &report, &err),
            STL_E_INTERRUPTED);
        stl_plan_free(plan);
        assert_true(calls > 1);
        assert_in_range(report.half_pages_programmed, 1, 383);
        assert_ok(board_reconnect(&b, &options.nvm, &err));
        assert_ok(flash_image(&b, image, STL_VERIFY_SIGNATURE, &report, &err));
        assert_flash_holds(&b, FLASH, bytes, sizeof bytes);
        board_throw_away(&b);
    }
    stl_image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_chip_of_each_category_is_programmed_over_old_contents),
        cmocka_unit_test(each_probe_programs_the_same),
        cmocka_unit_test(half_pages_are_fed_through_the_debug_port_when_that_is_asked_for),
        cmocka_unit_test(a_chip_that_was_never_programmed_takes_the_fast_road),
        cmocka_unit_test(what_is_right_already_is_not_written),
        cmocka_unit_test(what_shares_a_page_with_the_image_is_kept),
        cmocka_unit_test(eeprom_words_that_differ_are_written_by_both_roads),
        cmocka_unit_test(an_image_outside_the_regions_is_refused_before_anything_is_written),
        cmocka_unit_test(a_write_protected_page_is_found_before_anything_is_written),
        cmocka_unit_test(rdp_level_1_is_named),
        cmocka_unit_test(a_difference_is_named_with_address_and_both_values),
        cmocka_unit_test(flashing_recovers_from_a_power_cut_at_every_operation),
        cmocka_unit_test(an_operation_that_ends_in_an_error_flag_is_named_and_repaired),
        cmocka_unit_test(an_operation_that_never_ends_is_a_timeout_and_the_next_run_repairs),
        cmocka_unit_test(a_loader_that_does_not_fit_gives_way_to_the_debug_port_with_a_warning),
        cmocka_unit_test(a_hardware_watchdog_does_not_bite_during_the_work),
        cmocka_unit_test(firmware_that_sleeps_or_drops_its_debug_pins_is_programmed_all_the_same),
        cmocka_unit_test(proving_an_equal_image_takes_few_commands),
        cmocka_unit_test(the_clocks_are_as_they_were_when_the_work_is_done),
        cmocka_unit_test(an_interrupted_write_stops_between_operations_and_the_next_run_repairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
