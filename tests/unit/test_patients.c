/* tests/unit/test_patients.c: what can be wrong with a simulated board, seen from the core's own layers; doctor is
 * tested on these. Without its option a board is well: every other test shows that. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

enum { RAM = 0x20000000, SYSTEM = 0x1FF00000, RCC_CSR = 0x40023834, PC = 15 };
#define IDCODE      0xE0042000u
#define PIN_RESET   (1u << 26)
#define POWER_RESET (1u << 27)
#define FLAGS_CLEAR (1u << 24)

/* b . */
static const uint8_t spin[] = {0xFE, 0xE7};

static uint32_t read_word(board *b, uint32_t addr)
{
    stl_error err = {0};
    uint32_t value = 0;
    assert_ok(stl_mem_read_word(b->dap, addr, &value, &err));
    return value;
}

static void with_boot0_high_the_rom_runs_and_is_seen_at_0(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint32_t pc = 0;
    board_connect(&b, &(board_options){.chip.is_boot0_high = true});
    assert_int_equal(read_word(&b, 0), read_word(&b, SYSTEM));
    assert_int_not_equal(read_word(&b, 0), 0); /* which blank flash would be */
    assert_ok(stl_core_read_reg(b.dap, PC, &pc, &err));
    assert_int_equal(pc & 0xFFFF0000, SYSTEM);
    board_throw_away(&b);
}

static void an_idcode_can_be_another_chip_s_or_none(void **state)
{
    (void)state;
    static const struct {
        uint16_t dev_id;
        uint32_t mask, value;
    } rows[] = {{0x416, 0xFFF, 0x416}, {0, UINT32_MAX, 0}, {0xFFF, UINT32_MAX, UINT32_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        board b;
        board_connect(&b, &(board_options){.chip = {.is_dev_id_overridden = true,
                                                    .dev_id = rows[i].dev_id}});
        assert_int_equal(read_word(&b, IDCODE) & rows[i].mask, rows[i].value);
        board_throw_away(&b);
    }
}

static void a_stuck_bit_of_ram_stays_0_and_its_neighbours_do_not(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    board_connect(&b, &(board_options){.chip.ram_stuck_addr = RAM + 5});
    assert_ok(stl_mem_write_word(b.dap, RAM + 4, UINT32_MAX, &err));
    assert_int_equal(read_word(&b, RAM + 4), 0xFFFFFEFF);
    assert_ok(stl_mem_write_word(b.dap, RAM + 8, UINT32_MAX, &err));
    assert_int_equal(read_word(&b, RAM + 8), UINT32_MAX);
    board_throw_away(&b);
}

static void thin_wires_carry_a_slow_clock_only(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    const stl_connect_options slow = {.mode = STL_CONNECT_HOTPLUG, .swclk_khz = 480};
    board_power_on(&b, &(board_options){.device.swd_limit_khz = 1000});
    assert_int_equal(board_reconnect(&b, NULL, &err), STL_E_NO_TARGET); /* at the fastest there is */
    assert_ok(stl_dap_connect(b.probe, &slow, &b.dap, &err));
    board_throw_away(&b);
}

/* Both report success: only looking twice tells. */
static void bent_writes_and_zeroed_reads_are_silent(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint8_t sent[1024], found[1024];
    fill_random(sent, sizeof sent, 7);
    board_connect(&b, &(board_options){.device.swd_bend_khz = 100});
    assert_ok(stl_mem_write(b.dap, RAM, sent, sizeof sent, &err));
    board_peek(&b, RAM, found, sizeof found);
    assert_memory_not_equal(found, sent, sizeof sent);
    board_throw_away(&b);

    board_connect(&b, &(board_options){.device.is_read_zeroed = true});
    assert_ok(stl_mem_write(b.dap, RAM, sent, sizeof sent, &err));
    board_peek(&b, RAM, found, sizeof found);
    assert_memory_equal(found, sent, sizeof sent);
    assert_ok(stl_mem_read(b.dap, RAM, found, sizeof found, &err));
    assert_memory_not_equal(found, sent, sizeof sent);
    assert_ok(stl_mem_read(b.dap, RAM, found, 64, &err)); /* short ones are right */
    assert_memory_equal(found, sent, 64);
    board_throw_away(&b);
}

static stl_code call_in_ram(board *b, const uint8_t *bytes, size_t byte_count, stl_error *err)
{
    const uint32_t args[4] = {0};
    uint32_t result;
    stl_code code = stl_mem_write(b->dap, RAM, bytes, byte_count, err);
    return code ? code : stl_core_call(b->dap, RAM, RAM + 0x800, RAM + 0x100, args, 20, &result, err);
}

static void code_in_ram_can_be_refused(void **state)
{
    (void)state;
    static const uint8_t bx_lr[] = {0x70, 0x47};
    board b;
    stl_error err = {0};
    board_connect(&b, &(board_options){.chip.is_ram_code_refused = true});
    assert_int_not_equal(call_in_ram(&b, bx_lr, sizeof bx_lr, &err), STL_OK);
    board_throw_away(&b);
}

static void a_weak_supply_dips_when_code_runs_in_ram(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    board_connect(&b, &(board_options){.chip.is_supply_weak = true});
    const uint64_t power_ons = board_stats(&b)->power_ons;
    assert_int_not_equal(call_in_ram(&b, spin, sizeof spin, &err), STL_OK);
    assert_true(board_stats(&b)->power_ons > power_ons);
    uint32_t ignored;
    assert_int_not_equal(stl_mem_read_word(b.dap, RCC_CSR, &ignored, &err), STL_OK); /* until ENTER */
    assert_ok(stl_probe_enter(b.probe, &err));
    assert_true(read_word(&b, RCC_CSR) & POWER_RESET);
    board_throw_away(&b);
}

static void a_supervisor_resets_a_core_that_is_kept_halted(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    board_connect(&b, &(board_options){.chip.supervisor_ms = 50});
    assert_ok(stl_mem_write_word(b.dap, RCC_CSR, FLAGS_CLEAR, &err));
    assert_false(read_word(&b, RCC_CSR) & PIN_RESET);
    sim_device_idle(b.device, 60 * 1000000u);
    assert_true(read_word(&b, RCC_CSR) & PIN_RESET);
    assert_false(read_word(&b, RCC_CSR) & POWER_RESET);
    board_throw_away(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_boot0_high_the_rom_runs_and_is_seen_at_0),
        cmocka_unit_test(an_idcode_can_be_another_chip_s_or_none),
        cmocka_unit_test(a_stuck_bit_of_ram_stays_0_and_its_neighbours_do_not),
        cmocka_unit_test(thin_wires_carry_a_slow_clock_only),
        cmocka_unit_test(bent_writes_and_zeroed_reads_are_silent),
        cmocka_unit_test(code_in_ram_can_be_refused),
        cmocka_unit_test(a_weak_supply_dips_when_code_runs_in_ram),
        cmocka_unit_test(a_supervisor_resets_a_core_that_is_kept_halted),
    };
    return cmocka_run_group_tests_name("patients", tests, NULL, NULL);
}
