/* tests/unit/test_firmware.c: compiled programs on the simulated core. What they are to do is said
 * in tests/firmware; they were tried on another model of the core first, so a failure is the
 * simulator's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"
#include "stl/bytes.h"
#include "stl/crc.h"

#define FIRMWARE STL_SOURCE_DIR "/tests/firmware/"

enum {
    FLASH = 0x08000000,
    TABLE = FLASH + 0x1000,
    FREE_RAM = 0x20001000,
    MS = 1000000, /* in ns */
    /* tests/firmware/selftest.h */
    MAGIC = 0x54534554,
    ECHO = 1,
    CRC = 2,
    UID = 3,
    MARCH = 4,
    OK = 1,
    REFUSED = 2
};

/* ---- a chip with a program in it ---- */

static uint32_t symbol(const char *program, const char *name)
{
    char path[512], line[128];
    snprintf(path, sizeof path, FIRMWARE "%s.sym", program);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const size_t length = strlen(name);
    uint32_t addr = 0;
    while (!addr && fgets(line, sizeof line, file))
        if (!strncmp(line, name, length) && line[length] == ' ')
            addr = (uint32_t)strtoul(line + length, NULL, 16);
    fclose(file);
    if (!addr)
        fail_msg("%s has no %s", path, name);
    return addr;
}

static stl_image *load(const char *program)
{
    char path[512];
    stl_image *image;
    stl_error err = {0};
    snprintf(path, sizeof path, FIRMWARE "%s.hex", program);
    assert_ok(stl_image_load(path, NULL, &image, &err));
    return image;
}

static sim_chip *chip_with(const char *model, const char *program)
{
    const sim_chip_options options = {.uid_seed = 5};
    sim_chip *chip = sim_chip_new(sim_chip_model_find(model), &options);
    assert_non_null(chip);
    stl_image *image = load(program);
    for (size_t i = 0; i < stl_image_segment_count(image); i++) {
        const stl_segment s = stl_image_segment(image, i);
        assert_true(sim_chip_poke(chip, s.addr, s.bytes, s.byte_count));
    }
    stl_image_free(image);
    return chip;
}

static uint32_t peek(const sim_chip *chip, uint32_t addr)
{
    uint8_t bytes[4];
    assert_true(sim_chip_peek(chip, addr, bytes, sizeof bytes));
    return stl_get_u32le(bytes);
}

static void poke(sim_chip *chip, uint32_t addr, uint32_t value)
{
    uint8_t bytes[4];
    stl_put_u32le(bytes, value);
    assert_true(sim_chip_poke(chip, addr, bytes, sizeof bytes));
}

/* ---- blink ---- */

static void assert_between(uint64_t value, uint64_t least, uint64_t most)
{
    if (value < least || value > most)
        fail_msg("%llu is not in %llu .. %llu", (unsigned long long)value,
                 (unsigned long long)least, (unsigned long long)most);
}

/* 20 toggles a second by the data sheet of the core; a simulator that counts a taken branch as one
 * cycle makes it 30. */
static void blink_toggles_its_pin_and_counts(void **state)
{
    static const char *const models[] = {"cat1", "cat2", "cat3", "cat4", "cat5"};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        sim_chip *chip = chip_with(models[i], "blink");
        sim_chip_set_supply(chip, 3300);
        sim_chip_advance(chip, 1000ull * MS);
        const uint64_t toggles = sim_chip_pin_toggles(chip, 'A', 12);
        assert_between(toggles, 15, 35);
        assert_between(peek(chip, symbol("blink", "g_blink_count")), toggles - 1, toggles + 1);
        assert_int_equal(sim_chip_pin_level(chip, 'A', 12), toggles % 2);
        assert_int_equal(peek(chip, symbol("blink", "g_table_errors")), 0);
        assert_int_equal(peek(chip, symbol("blink", "g_is_hsi")), 1);
        assert_int_equal(sim_chip_get_stats(chip)->faults, 0);
        sim_chip_free(chip);
    }
}

static void blink_starts_again_after_a_reset_and_stands_still_in_it(void **state)
{
    (void)state;
    sim_chip *chip = chip_with("STM32L151CB-A", "blink");
    sim_chip_set_supply(chip, 3300);
    sim_chip_advance(chip, 500ull * MS);
    sim_chip_set_nrst(chip, true);
    const uint64_t at_reset = sim_chip_pin_toggles(chip, 'A', 12);
    sim_chip_advance(chip, 500ull * MS);
    assert_between(sim_chip_pin_toggles(chip, 'A', 12), at_reset, at_reset + 1);
    sim_chip_set_nrst(chip, false);
    sim_chip_advance(chip, 500ull * MS);
    assert_between(peek(chip, symbol("blink", "g_blink_count")), 7, 18);
    sim_chip_free(chip);
}

static void blink_stays_dark_when_one_bit_of_its_table_is_wrong(void **state)
{
    static const uint32_t offsets[] = {0, 0x600, 0x67C, 0xC00};
    (void)state;
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        sim_chip *chip = chip_with("STM32L151CB-A", "blink");
        poke(chip, TABLE + offsets[i], peek(chip, TABLE + offsets[i]) ^ 0x00010000);
        sim_chip_set_supply(chip, 3300);
        sim_chip_advance(chip, 300ull * MS);
        assert_int_equal(sim_chip_pin_toggles(chip, 'A', 12), 0);
        assert_int_equal(peek(chip, symbol("blink", "g_table_errors")), 1);
        sim_chip_free(chip);
    }
}

/* What makes it worth flashing: tests of plans and verdicts count on it. */
static void blink_has_a_gap_and_a_half_page_of_zeros(void **state)
{
    (void)state;
    uint8_t bytes[128], zeros[128] = {0};
    stl_image *image = load("blink");
    assert_int_equal(stl_image_segment_count(image), 2);
    assert_int_equal(stl_image_segment(image, 0).addr, FLASH);
    assert_in_range(stl_image_segment(image, 0).byte_count, 0x100, 0xF00);
    assert_int_equal(stl_image_segment(image, 1).addr, TABLE);
    assert_int_not_equal(stl_image_segment(image, 1).byte_count % 128, 0);
    stl_image_read(image, TABLE + 0x600, bytes, sizeof bytes, 0xFF, NULL);
    assert_memory_equal(bytes, zeros, sizeof bytes);
    stl_image_free(image);
}

/* ---- selftest ---- */

typedef struct answer {
    uint32_t result, done;
} answer;

static answer ask(sim_chip *chip, uint32_t command, uint32_t first, uint32_t second)
{
    const uint32_t mailbox = symbol("selftest", "g_mailbox");
    assert_int_equal(peek(chip, mailbox), MAGIC);
    poke(chip, mailbox + 8, first);
    poke(chip, mailbox + 12, second);
    poke(chip, mailbox + 20, 0);
    poke(chip, mailbox + 4, command);
    for (unsigned ms = 0; peek(chip, mailbox + 4) && ms < 1000; ms++)
        sim_chip_advance(chip, MS);
    assert_int_equal(peek(chip, mailbox + 4), 0);
    return (answer){peek(chip, mailbox + 16), peek(chip, mailbox + 20)};
}

static void assert_answer(answer got, uint32_t result, uint32_t done)
{
    assert_int_equal(got.done, done);
    assert_int_equal(got.result, result);
}

static sim_chip *selftest_on(const char *model)
{
    sim_chip *chip = chip_with(model, "selftest");
    sim_chip_set_supply(chip, 3300);
    sim_chip_advance(chip, 10ull * MS);
    return chip;
}

static void selftest_echoes_and_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    sim_chip *chip = selftest_on("STM32L151CB-A");
    assert_answer(ask(chip, ECHO, 0xCAFEF00D, 0), 0xCAFEF00D, OK);
    assert_answer(ask(chip, 77, 1, 2), 0, REFUSED);
    assert_answer(ask(chip, CRC, FREE_RAM + 2, 4), 0, REFUSED);
    assert_answer(ask(chip, UID, 3, 0), 0, REFUSED);
    assert_answer(ask(chip, MARCH, 0x20000000, 64), 0, REFUSED);
    assert_answer(ask(chip, ECHO, 0, 0), 0, OK);
    sim_chip_free(chip);
}

static void the_crc_unit_and_the_host_agree(void **state)
{
    (void)state;
    sim_chip *chip = selftest_on("STM32L151CB-A");
    poke(chip, FREE_RAM, 0x12345678);
    poke(chip, FREE_RAM + 4, 0x9ABCDEF0);
    assert_answer(ask(chip, CRC, FREE_RAM, 8), 0x7D24A31B, OK); /* facts 6, worked example */
    uint8_t bytes[1024];
    assert_true(sim_chip_peek(chip, FLASH, bytes, sizeof bytes));
    const uint32_t expected = stl_crc_stm32(STL_CRC_STM32_INIT, bytes, sizeof bytes / 4);
    assert_answer(ask(chip, CRC, FLASH, sizeof bytes), expected, OK);
    sim_chip_free(chip);
}

static void the_program_and_the_debugger_read_one_uid(void **state)
{
    static const char *const models[] = {"cat1", "cat2", "cat3", "cat4", "cat5"};
    static const uint32_t offsets[] = {0x00, 0x04, 0x14};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        sim_chip *chip = selftest_on(models[i]);
        const uint32_t uid_addr = sim_chip_get_model(chip)->uid_addr;
        for (uint32_t word = 0; word < 3; word++)
            assert_answer(ask(chip, UID, word, 0), peek(chip, uid_addr + offsets[word]), OK);
        sim_chip_free(chip);
    }
}

static void ram_is_marched_without_a_fault(void **state)
{
    (void)state;
    sim_chip *chip = selftest_on("STM32L151CB-A");
    assert_answer(ask(chip, MARCH, 0x20000400, 0x2000), 0, OK);
    assert_answer(ask(chip, MARCH, 0x20002800, 0x5800), 0, OK);
    assert_int_equal(sim_chip_get_stats(chip)->faults, 0);
    sim_chip_free(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blink_has_a_gap_and_a_half_page_of_zeros),
        cmocka_unit_test(blink_toggles_its_pin_and_counts),
        cmocka_unit_test(blink_starts_again_after_a_reset_and_stands_still_in_it),
        cmocka_unit_test(blink_stays_dark_when_one_bit_of_its_table_is_wrong),
        cmocka_unit_test(selftest_echoes_and_refuses_what_it_does_not_know),
        cmocka_unit_test(the_crc_unit_and_the_host_agree),
        cmocka_unit_test(the_program_and_the_debugger_read_one_uid),
        cmocka_unit_test(ram_is_marched_without_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
