/* tests/unit/test_chip.c: the simulated chip against the rules it was written from (facts/stm32l1,
 * appendix A), seen from the AHB-AP as a debugger would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chip.h"

#define F 0x40023C00u

enum { PECR = 0x04, PEKEYR = 0x0C, PRGKEYR = 0x10, OPTKEYR = 0x14, SR = 0x18, OBR = 0x1C,
       FLASH = 0x08000000, EEPROM = 0x08080000, RAM = 0x20000000,
       BSY = 1, WRPERR = 1 << 8, PGAERR = 1 << 9, SIZERR = 1 << 10, OPTVERR = 1 << 11 };

static sim_chip *new_chip(const char *name, const sim_chip_options *options)
{
    sim_chip *chip = sim_chip_new(sim_chip_model_find(name), options);
    assert_non_null(chip);
    sim_chip_set_supply(chip, 3300);
    const sim_ack ack = sim_chip_dp_write(chip, 4, 0x50000000); /* power for the debug domain */
    assert_true(ack == SIM_ACK_OK || (options && options->rdp_byte == 0xCC));
    return chip;
}

static sim_ack try_access(sim_chip *chip, bool is_write, uint32_t addr, unsigned size, uint32_t *value)
{
    assert_int_equal(sim_chip_ap_write(chip, 0, 0x00, 0x23000050 | (size == 4 ? 2u : size == 2 ? 1u : 0u)),
                     SIM_ACK_OK);
    assert_int_equal(sim_chip_ap_write(chip, 0, 0x04, addr), SIM_ACK_OK);
    if (is_write)
        return sim_chip_ap_write(chip, 0, 0x0C, *value << 8 * (addr & 3));
    const sim_ack ack = sim_chip_ap_read(chip, 0, 0x0C, value);
    *value >>= 8 * (addr & 3);
    return ack;
}

static uint32_t rd(sim_chip *chip, uint32_t addr)
{
    uint32_t value = 0;
    assert_int_equal(try_access(chip, false, addr, 4, &value), SIM_ACK_OK);
    return value;
}

static void wr(sim_chip *chip, uint32_t addr, uint32_t value)
{
    assert_int_equal(try_access(chip, true, addr, 4, &value), SIM_ACK_OK);
}

static void wr_faults(sim_chip *chip, uint32_t addr, uint32_t value)
{
    assert_int_equal(try_access(chip, true, addr, 4, &value), SIM_ACK_FAULT);
    assert_int_equal(sim_chip_dp_write(chip, 0, 0x1E), SIM_ACK_OK);
}

static void halt(sim_chip *chip)
{
    wr(chip, 0xE000EDF0, 0xA05F0003);
}

static void unlock(sim_chip *chip)
{
    wr(chip, F + PEKEYR, 0x89ABCDEF);
    wr(chip, F + PEKEYR, 0x02030405);
    wr(chip, F + PRGKEYR, 0x8C9DAEBF);
    wr(chip, F + PRGKEYR, 0x13141516);
    assert_int_equal(rd(chip, F + PECR), 0x4);
}

static void wait_us(sim_chip *chip, uint64_t us)
{
    sim_chip_advance(chip, us * 1000);
}

static uint64_t ready_after_us(sim_chip *chip)
{
    uint64_t us = 0;
    while (rd(chip, F + SR) & BSY) {
        wait_us(chip, 1);
        us++;
        assert_true(us < 100000);
    }
    return us;
}

static void half_page(sim_chip *chip, uint32_t addr, uint32_t first)
{
    for (uint32_t i = 0; i < 32; i++)
        wr(chip, addr + 4 * i, first + i);
}

static void every_model_has_its_numbers(void **state)
{
    (void)state;
    size_t count = 0;
    const sim_chip_model *model;
    for (; (model = sim_chip_model_at(count)); count++) {
        sim_chip *chip = new_chip(model->name, NULL);
        assert_ptr_equal(sim_chip_get_model(chip), model);
        assert_int_equal(rd(chip, 0xE0042000) & 0xFFF, model->dev_id);
        assert_int_equal(rd(chip, model->flash_size_addr & ~3u) & 0xFFFF, model->flash_size_raw);
        assert_int_equal(rd(chip, F + PECR), 0x7);
        assert_int_equal(rd(chip, F + OBR) & 0xFF, 0xAA);
        sim_chip_free(chip);
    }
    assert_int_equal(count, 88);
    assert_int_equal(sim_chip_model_find("l151cbu6a")->dev_id, 0x429);
    assert_int_equal(sim_chip_model_find("STM32L151CB")->dev_id, 0x416);
    assert_null(sim_chip_model_find("STM32F103"));
}

static void a_wrong_or_repeated_key_kills_its_register_until_a_reset(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    halt(chip);
    wr(chip, F + PRGKEYR, 0x12345678); /* while PELOCK = 1: ignored, no harm */
    wr_faults(chip, F + PEKEYR, 0x12345678);
    wr_faults(chip, F + PEKEYR, 0x89ABCDEF);
    assert_int_equal(rd(chip, F + PECR), 0x7);
    wr(chip, 0xE000ED0C, 0x05FA0004);
    halt(chip);
    unlock(chip);
    wr_faults(chip, F + PEKEYR, 0x89ABCDEF); /* open already: dead */
    wr(chip, F + PECR, 0x7);
    wr_faults(chip, F + PEKEYR, 0x89ABCDEF);
    sim_chip_free(chip);
}

static void erase_and_half_pages_take_their_time_and_set_bits_only(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    halt(chip);
    unlock(chip);
    wr(chip, F + PECR, 0x408);
    half_page(chip, FLASH + 128, 0xA0000000);
    assert_in_range(ready_after_us(chip), 3279, 3281);
    assert_int_equal(rd(chip, FLASH + 128 + 4 * 31), 0xA000001F);
    half_page(chip, FLASH + 128, 0x0F000000); /* not erased: ORed, and noted */
    ready_after_us(chip);
    assert_int_equal(rd(chip, FLASH + 128), 0xAF000000);
    assert_int_equal(sim_chip_get_stats(chip)->faults, 1);
    wr(chip, F + PECR, 0x208);
    wr(chip, FLASH, 0);
    assert_in_range(ready_after_us(chip), 3279, 3281);
    assert_int_equal(rd(chip, FLASH + 128), 0);
    assert_int_equal(rd(chip, F + SR) & 0x3F00, 0);
    sim_chip_free(chip);
}

static void what_is_forbidden_sets_its_flag_and_changes_nothing(void **state)
{
    (void)state;
    const sim_chip_options options = {.wrp = {2}};
    sim_chip *chip = new_chip("cat2", &options);
    halt(chip);
    wr(chip, FLASH, 1); /* locked */
    assert_int_equal(rd(chip, F + SR) & 0x3F00, WRPERR);
    unlock(chip);
    wr(chip, F + SR, 0x3F00);
    uint32_t byte = 0x55;
    assert_int_equal(try_access(chip, true, FLASH + 1, 1, &byte), SIM_ACK_OK);
    assert_int_equal(rd(chip, F + SR) & 0x3F00, SIZERR);
    wr(chip, F + SR, 0x3F00);
    wr(chip, F + PECR, 0x408);
    wr(chip, FLASH + 4, 1); /* not at the start of a half page */
    assert_int_equal(rd(chip, F + SR) & 0x3F00, PGAERR);
    wr(chip, F + SR, 0x3F00);
    wr(chip, FLASH, 1);
    (void)rd(chip, FLASH + 0x1000); /* a read while the buffer fills */
    assert_int_equal(rd(chip, F + SR) & 0x3F00, PGAERR);
    wr(chip, F + SR, 0x3F00);
    wr(chip, F + PECR, 0x208);
    wr(chip, FLASH + 0x1000, 0); /* WRP sector 1 */
    assert_int_equal(rd(chip, F + SR) & 0x3F00, WRPERR);
    assert_int_equal(rd(chip, FLASH), 0);
    sim_chip_free(chip);
}

static void the_debugger_waits_while_the_flash_is_busy(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    uint32_t value;
    halt(chip);
    unlock(chip);
    wr(chip, F + PECR, 0x208);
    wr(chip, FLASH, 0);
    assert_int_equal(try_access(chip, false, FLASH, 4, &value), SIM_ACK_WAIT);
    wr(chip, F + SR, 0x3F00); /* SR never stalls */
    wait_us(chip, 3300);
    assert_int_equal(try_access(chip, false, FLASH, 4, &value), SIM_ACK_OK);
    sim_chip_free(chip);
}

static void both_banks_work_in_one_operation(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat5", NULL);
    halt(chip);
    unlock(chip);
    wr(chip, F + PECR, 0x8408);
    half_page(chip, FLASH + 0x100, 0x1000);
    assert_int_equal(rd(chip, F + SR) & BSY, 0);
    half_page(chip, FLASH + 0x40200, 0x2000);
    assert_in_range(ready_after_us(chip), 3279, 3281);
    assert_int_equal(rd(chip, FLASH + 0x100), 0x1000);
    assert_int_equal(rd(chip, FLASH + 0x40200), 0x2000);
    assert_int_equal(sim_chip_get_stats(chip)->half_page_pairs, 1);
    wr(chip, F + PECR, 0x8208);
    wr(chip, FLASH + 0x100, 0);
    wr(chip, FLASH + 0x40200, 0);
    assert_in_range(ready_after_us(chip), 3279, 3281);
    assert_int_equal(rd(chip, FLASH + 0x40200), 0);
    sim_chip_free(chip);
}

static void an_eeprom_word_over_data_takes_twice_the_time(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    halt(chip);
    wr(chip, F + PEKEYR, 0x89ABCDEF);
    wr(chip, F + PEKEYR, 0x02030405);
    wr(chip, EEPROM, 5);
    assert_in_range(ready_after_us(chip), 3279, 3281);
    wr(chip, EEPROM, 16);
    assert_in_range(ready_after_us(chip), 6559, 6561);
    assert_int_equal(rd(chip, EEPROM), 16);
    sim_chip_free(chip);
}

static void the_crc_unit_gives_the_values_of_the_manual(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    static const uint32_t rows[][3] = {
        {0x12345678, 0, 0xDF8A8A2B}, {0x12345678, 0x9ABCDEF0, 0x7D24A31B},
        {0x00000000, 0, 0xC704DD7B}, {0xFFFFFFFF, 0, 0x00000000}};
    halt(chip);
    wr(chip, 0x4002381C, 0x9000);
    for (size_t i = 0; i < 4; i++) {
        wr(chip, 0x40023008, 1);
        wr(chip, 0x40023000, rows[i][0]);
        if (rows[i][1])
            wr(chip, 0x40023000, rows[i][1]);
        assert_int_equal(rd(chip, 0x40023000), rows[i][2]);
    }
    sim_chip_free(chip);
}

static void a_blank_chip_locks_up_and_can_still_run_code_in_ram(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    wait_us(chip, 100);
    assert_int_equal(rd(chip, 0xE000EDF0) >> 19 & 1, 1); /* S_LOCKUP */
    halt(chip);
    wr(chip, RAM, 0xBE002042); /* movs r0, #0x42; bkpt */
    wr(chip, 0xE000EDF8, RAM);
    wr(chip, 0xE000EDF4, 0x10000 | 15);
    wr(chip, 0xE000EDF8, 0x01000000);
    wr(chip, 0xE000EDF4, 0x10000 | 16);
    wr(chip, 0xE000EDF0, 0xA05F0001);
    wait_us(chip, 100);
    assert_int_equal(rd(chip, 0xE000EDF0) >> 17 & 1, 1);
    wr(chip, 0xE000EDF4, 0);
    assert_int_equal(rd(chip, 0xE000EDF8), 0x42);
    sim_chip_free(chip);
}

/* A loop that only looks is skipped over, and still ends when what it looks at changes. */
static void a_loop_that_waits_for_the_host_sees_what_it_writes(void **state)
{
    (void)state;
    /* ldr r0,[r1]; cmp r0,#7; bne start; bkpt */
    static const uint32_t code[] = {0x28076808, 0xBE00D1FC};
    sim_chip *chip = new_chip("cat2", NULL);
    halt(chip);
    wr(chip, RAM, code[0]);
    wr(chip, RAM + 4, code[1]);
    wr(chip, RAM + 0x100, 0);
    static const uint32_t regs[][2] = {{1, RAM + 0x100}, {15, RAM}, {16, 0x01000000}};
    for (size_t i = 0; i < 3; i++) {
        wr(chip, 0xE000EDF8, regs[i][1]);
        wr(chip, 0xE000EDF4, 0x10000 | regs[i][0]);
    }
    wr(chip, 0xE000EDF0, 0xA05F0001);
    sim_chip_advance(chip, 10000000000u); /* ten seconds of waiting cost nothing */
    assert_int_equal(rd(chip, 0xE000EDF0) >> 17 & 1, 0);
    wr(chip, RAM + 0x200, 7); /* somewhere else */
    wait_us(chip, 100);
    assert_int_equal(rd(chip, 0xE000EDF0) >> 17 & 1, 0);
    wr(chip, RAM + 0x100, 7);
    wait_us(chip, 100);
    assert_int_equal(rd(chip, 0xE000EDF0) >> 17 & 1, 1);
    sim_chip_free(chip);
}

static void a_hardware_watchdog_bites_unless_it_is_frozen(void **state)
{
    (void)state;
    const sim_chip_options options = {.is_iwdg_hardware = true};
    sim_chip *chip = new_chip("cat2", &options);
    halt(chip);
    wait_us(chip, 500000);
    assert_int_equal(sim_chip_get_stats(chip)->watchdog_resets, 1);
    halt(chip);
    wr(chip, 0xE0042008, 0x1800);
    wait_us(chip, 2000000);
    assert_int_equal(sim_chip_get_stats(chip)->watchdog_resets, 1);
    sim_chip_free(chip);
}

static void rdp_level_1_closes_flash_but_not_ram(void **state)
{
    (void)state;
    const sim_chip_options options = {.rdp_byte = 0xBB};
    sim_chip *chip = new_chip("cat2", &options);
    uint32_t value;
    halt(chip);
    assert_int_equal(try_access(chip, false, FLASH, 4, &value), SIM_ACK_FAULT);
    assert_int_equal(sim_chip_dp_write(chip, 0, 4), SIM_ACK_OK);
    assert_int_equal(try_access(chip, false, EEPROM, 4, &value), SIM_ACK_FAULT);
    assert_int_equal(sim_chip_dp_write(chip, 0, 4), SIM_ACK_OK);
    wr(chip, RAM, 0x1234);
    assert_int_equal(rd(chip, RAM), 0x1234);
    assert_int_equal(rd(chip, F + OBR) & 0xFF, 0xBB);
    unlock(chip);
    wr(chip, F + PECR, 0x208);
    wr(chip, FLASH, 0);
    assert_int_equal(rd(chip, F + SR) & 0x3F00, WRPERR);
    sim_chip_free(chip);
}

static void a_power_cut_leaves_a_torn_page(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL);
    uint8_t page[256], zeros[256] = {0}, full[256];
    memset(full, 0xFF, sizeof full);
    assert_true(sim_chip_poke(chip, FLASH, full, sizeof full));
    halt(chip);
    unlock(chip);
    sim_chip_cut_supply_at_op(chip, 1);
    wr(chip, F + PECR, 0x208);
    wr(chip, FLASH, 0);
    wait_us(chip, 5000);
    uint32_t value;
    assert_int_equal(sim_chip_dp_read(chip, 0, &value), SIM_ACK_NONE);
    assert_true(sim_chip_peek(chip, FLASH, page, sizeof page));
    assert_memory_not_equal(page, zeros, sizeof page);
    assert_memory_not_equal(page, full, sizeof page);
    sim_chip_free(chip);
}

static void memories_survive_in_a_stream_and_damage_is_refused(void **state)
{
    (void)state;
    sim_chip *chip = new_chip("cat2", NULL), *other = new_chip("cat2", NULL),
             *wrong = new_chip("cat1", NULL);
    char reason[160] = "";
    uint8_t found[16];
    FILE *stream = tmpfile();
    assert_non_null(stream);
    assert_true(sim_chip_poke(chip, FLASH + 0x1FFF0, "the last 16 byte", 16));
    assert_true(sim_chip_is_dirty(chip));
    assert_true(sim_chip_save(chip, stream));
    assert_false(sim_chip_is_dirty(chip));
    rewind(stream);
    assert_true(sim_chip_load(other, stream, reason, sizeof reason));
    assert_true(sim_chip_peek(other, FLASH + 0x1FFF0, found, sizeof found));
    assert_memory_equal(found, "the last 16 byte", 16);
    rewind(stream);
    assert_false(sim_chip_load(wrong, stream, reason, sizeof reason));
    assert_non_null(strstr(reason, "STM32L151CB-A"));
    fseek(stream, 5000, SEEK_SET);
    fputc('x', stream);
    rewind(stream);
    assert_false(sim_chip_load(other, stream, reason, sizeof reason));
    assert_non_null(strstr(reason, "checksum"));
    fclose(stream);
    sim_chip_free(chip);
    sim_chip_free(other);
    sim_chip_free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_has_its_numbers),
        cmocka_unit_test(a_wrong_or_repeated_key_kills_its_register_until_a_reset),
        cmocka_unit_test(erase_and_half_pages_take_their_time_and_set_bits_only),
        cmocka_unit_test(what_is_forbidden_sets_its_flag_and_changes_nothing),
        cmocka_unit_test(the_debugger_waits_while_the_flash_is_busy),
        cmocka_unit_test(both_banks_work_in_one_operation),
        cmocka_unit_test(an_eeprom_word_over_data_takes_twice_the_time),
        cmocka_unit_test(the_crc_unit_gives_the_values_of_the_manual),
        cmocka_unit_test(a_blank_chip_locks_up_and_can_still_run_code_in_ram),
        cmocka_unit_test(a_loop_that_waits_for_the_host_sees_what_it_writes),
        cmocka_unit_test(a_hardware_watchdog_bites_unless_it_is_frozen),
        cmocka_unit_test(rdp_level_1_closes_flash_but_not_ram),
        cmocka_unit_test(a_power_cut_leaves_a_torn_page),
        cmocka_unit_test(memories_survive_in_a_stream_and_damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
