/* tests/unit/test_nvm_options.c: option bytes and RDP, and what must never happen by default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

enum { FLASH = 0x08000000, EEPROM = 0x08080000 };

static void a_factory_chip_reads_as_such(void **state)
{
    (void)state;
    static const char *const models[] = {"cat1", "cat2", "cat3", "cat4", "cat5", "cat6"};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const board_options options = {.model = models[i]};
        board b;
        stl_error err = {0};
        stl_nvm_status status;
        board_connect(&b, &options);
        assert_ok(stl_nvm_get_status(b.nvm, &status, &err));
        assert_int_equal(status.rdp_level, 0);
        assert_int_equal(status.rdp_byte, 0xAA);
        assert_true(status.is_iwdg_software);
        assert_false(status.is_sprmod);
        assert_int_equal(status.bor_level, 1);
        assert_false(status.has_option_error);
        for (unsigned w = 0; w < status.option_word_count; w++)
            assert_true(status.is_option_word_good[w]);
        for (unsigned w = 0; w < status.wrp_word_count; w++)
            assert_int_equal(status.wrp[w], 0);
        board_throw_away(&b);
    }
}

static void user_and_wrp_are_written_with_their_complements_and_become_active(void **state)
{
    (void)state;
    static const char *const models[] = {"cat1", "cat2", "cat3", "cat4", "cat5"};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const board_options options = {.model = models[i]};
        board b;
        stl_error err = {0};
        stl_nvm_status status;
        board_connect(&b, &options);
        const uint64_t words_before = board_stats(&b)->option_words;
        stl_option_values values = {.has_user = true, .has_wrp = true};
        values.user_byte = (uint8_t)((b.config.user_default & 0xF0) | 0x0A);
        values.wrp[0] = 1u << 5 | 1u << 20;
        assert_ok(stl_nvm_write_options(b.nvm, &values, 0, &err));
        assert_int_equal(board_stats(&b)->option_words - words_before, 3); /* USER, two of WRP */
        assert_ok(stl_nvm_get_status(b.nvm, &status, &err));
        assert_int_equal(status.bor_level, 3);
        assert_int_equal(status.wrp[0], values.wrp[0]);
        assert_false(status.has_option_error);
        assert_int_equal(board_stats(&b)->faults, 0);
        /* once more: nothing differs, nothing is written */
        const uint64_t words = board_stats(&b)->option_words;
        assert_ok(stl_nvm_write_options(b.nvm, &values, 0, &err));
        assert_int_equal(board_stats(&b)->option_words, words);
        board_throw_away(&b);
    }
}

static void rdp_level_1_locks_and_the_way_back_needs_consent_and_repairs_all_words(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    stl_nvm_status status;
    uint8_t bytes[1024], found[1024];
    fill_random(bytes, sizeof bytes, 1);
    board_connect(&b, NULL);
    board_poke(&b, FLASH, bytes, sizeof bytes);
    board_poke(&b, EEPROM, bytes, sizeof bytes);
    const stl_option_values lock = {.has_rdp = true, .rdp_byte = 0xBB};
    assert_ok(stl_nvm_write_options(b.nvm, &lock, 0, &err));
    assert_int_equal(stl_mem_read(b.dap, FLASH, found, sizeof found, &err), STL_E_DAP_FAULT);
    const stl_option_values unlock = {.has_rdp = true, .rdp_byte = 0xAA};
    assert_int_equal(stl_nvm_write_options(b.nvm, &unlock, 0, &err), STL_E_REFUSED);
    board_peek(&b, FLASH, found, sizeof found);
    assert_memory_equal(found, bytes, sizeof bytes);
    assert_ok(stl_nvm_write_options(b.nvm, &unlock, STL_CONSENT_MASS_ERASE, &err));
    assert_int_equal(board_stats(&b)->mass_erases, 1);
    assert_ok(stl_nvm_get_status(b.nvm, &status, &err));
    assert_int_equal(status.rdp_level, 0);
    assert_int_equal(status.user_byte, 0x78);
    assert_false(status.has_option_error);
    for (unsigned w = 0; w < status.option_word_count; w++)
        assert_true(status.is_option_word_good[w]);
    memset(bytes, 0, sizeof bytes);
    assert_ok(stl_mem_read(b.dap, FLASH, found, sizeof found, &err));
    assert_memory_equal(found, bytes, sizeof bytes);
    assert_ok(stl_mem_read(b.dap, EEPROM, found, sizeof found, &err));
    assert_memory_equal(found, bytes, sizeof bytes);
    assert_int_equal(board_stats(&b)->faults, 0);
    board_throw_away(&b);
}

static void rdp_level_2_is_refused_without_its_own_consent(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    board_connect(&b, NULL);
    const uint64_t words = board_stats(&b)->option_words;
    const stl_option_values values = {.has_rdp = true, .rdp_byte = 0xCC};
    assert_int_equal(stl_nvm_write_options(b.nvm, &values, 0, &err), STL_E_REFUSED);
    assert_int_equal(stl_nvm_write_options(b.nvm, &values, STL_CONSENT_MASS_ERASE, &err),
                     STL_E_REFUSED);
    assert_int_equal(board_stats(&b)->option_words, words);
    board_throw_away(&b);
}

static void a_virgin_user_word_is_shown_as_damaged_and_repaired_by_any_write(void **state)
{
    (void)state;
    const board_options options = {.chip = {.has_user_word_zero = true}};
    board b;
    stl_error err = {0};
    stl_nvm_status status;
    board_connect(&b, &options);
    assert_ok(stl_nvm_get_status(b.nvm, &status, &err));
    assert_true(status.has_option_error);
    assert_false(status.is_option_word_good[1]);
    const stl_option_values none = {.has_rdp = false};
    assert_ok(stl_nvm_write_options(b.nvm, &none, 0, &err));
    assert_ok(stl_nvm_get_status(b.nvm, &status, &err));
    assert_false(status.has_option_error);
    assert_int_equal(status.user_byte, 0x78);
    board_throw_away(&b);
}

static void flash_can_be_written_after_the_options_were(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint8_t bytes[512], found[512];
    fill_random(bytes, sizeof bytes, 2);
    board_connect(&b, NULL);
    assert_ok(stl_nvm_erase(b.nvm, FLASH, 512, NULL, &err));
    const stl_option_values values = {.has_user = true, .user_byte = 0x79};
    assert_ok(stl_nvm_write_options(b.nvm, &values, 0, &err));
    assert_ok(stl_nvm_program(b.nvm, FLASH, bytes, sizeof bytes, NULL, &err));
    board_peek(&b, FLASH, found, sizeof found);
    assert_memory_equal(found, bytes, sizeof bytes);
    board_throw_away(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_factory_chip_reads_as_such),
        cmocka_unit_test(user_and_wrp_are_written_with_their_complements_and_become_active),
        cmocka_unit_test(rdp_level_1_locks_and_the_way_back_needs_consent_and_repairs_all_words),
        cmocka_unit_test(rdp_level_2_is_refused_without_its_own_consent),
        cmocka_unit_test(a_virgin_user_word_is_shown_as_damaged_and_repaired_by_any_write),
        cmocka_unit_test(flash_can_be_written_after_the_options_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
