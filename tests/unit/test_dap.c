/* tests/unit/test_dap.c: connecting, memory, the core, and code in RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

enum { RAM = 0x20000000, PC = 15, R0 = 0 };

static void memory_of_any_alignment_reads_as_it_was_written(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint8_t sent[9000], found[9000];
    fill_random(sent, sizeof sent, 1);
    board_connect(&b, NULL);
    static const struct {
        uint32_t offset;
        size_t count;
    } rows[] = {{0, 1}, {1, 1}, {3, 2}, {2, 7}, {0, 4}, {5, 130}, {0, 6144}, {1, 9000}, {1022, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(found, 0, sizeof found);
        assert_ok(stl_mem_write(b.dap, RAM + rows[i].offset, sent, rows[i].count, &err));
        assert_ok(stl_mem_read(b.dap, RAM + rows[i].offset, found, rows[i].count, &err));
        assert_memory_equal(found, sent, rows[i].count);
    }
    board_throw_away(&b);
}

static void half_words_are_accessed_as_such(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    const uint8_t sent[4] = {1, 2, 3, 4};
    uint8_t found[4];
    board_connect(&b, NULL);
    assert_ok(stl_mem_write_as(b.dap, 2, RAM + 2, sent, 4, &err));
    assert_ok(stl_mem_read_as(b.dap, 2, RAM + 2, found, 4, &err));
    assert_memory_equal(found, sent, 4);
    assert_int_equal(stl_mem_read_as(b.dap, 2, RAM + 1, found, 2, &err), STL_E_ARGUMENT);
    board_throw_away(&b);
}

/* r0 = r0 + r1 * 2; bx lr */
static const uint8_t add_double[] = {0x00, 0xEB, 0x41, 0x00, 0x70, 0x47};

static void a_function_in_ram_is_called_with_arguments_on_a_blank_chip(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint32_t result = 0;
    board_connect(&b, NULL);
    assert_ok(stl_mem_write(b.dap, RAM, add_double, sizeof add_double, &err));
    const uint32_t args[4] = {1000, 21};
    assert_ok(stl_core_call(b.dap, RAM, RAM + 0x800, RAM + 0x100, args, 100, &result, &err));
    assert_int_equal(result, 1042);
    board_throw_away(&b);
}

static void a_function_that_never_returns_is_stopped_and_its_pc_told(void **state)
{
    (void)state;
    static const uint8_t spin[] = {0xFE, 0xE7};
    board b;
    stl_error err = {0};
    uint32_t result;
    board_connect(&b, NULL);
    assert_ok(stl_mem_write(b.dap, RAM + 0x40, spin, sizeof spin, &err));
    const uint32_t args[4] = {0};
    assert_int_equal(
        stl_core_call(b.dap, RAM + 0x40, RAM + 0x800, RAM + 0x100, args, 20, &result, &err),
        STL_E_TIMEOUT);
    assert_non_null(strstr(err.frame[0], "0x20000040"));
    stl_core_state core;
    assert_ok(stl_core_get_state(b.dap, &core, &err));
    assert_true(core.is_halted);
    board_throw_away(&b);
}

static void a_function_that_faults_says_where(void **state)
{
    (void)state;
    static const uint8_t bad[] = {0x00, 0xDE}; /* udf #0 */
    board b;
    stl_error err = {0};
    uint32_t result;
    board_connect(&b, NULL);
    assert_ok(stl_mem_write(b.dap, RAM, bad, sizeof bad, &err));
    const uint32_t args[4] = {0};
    assert_int_equal(
        stl_core_call(b.dap, RAM, RAM + 0x800, RAM + 0x100, args, 20, &result, &err),
        STL_E_LOADER);
    assert_non_null(strstr(err.frame[0], "CFSR="));
    board_throw_away(&b);
}

static void stepping_and_breakpoints_follow_the_code(void **state)
{
    (void)state;
    /* flash: vectors, then nop; nop; nop; b . at 0x08000008 */
    static const uint8_t code[] = {0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0x00, 0xBF,
                                   0x00, 0xBF, 0x00, 0xBF, 0xFE, 0xE7};
    board b;
    stl_error err = {0};
    uint32_t pc = 0;
    board_connect(&b, NULL);
    board_poke(&b, 0x08000000, code, sizeof code);
    assert_ok(stl_core_reset(b.dap, STL_RESET_SYSTEM, true, &err));
    assert_ok(stl_core_read_reg(b.dap, PC, &pc, &err));
    assert_int_equal(pc, 0x08000008);
    assert_ok(stl_core_step(b.dap, &err));
    assert_ok(stl_core_read_reg(b.dap, PC, &pc, &err));
    assert_int_equal(pc, 0x0800000A);
    assert_ok(stl_core_set_breakpoint(b.dap, 0x0800000E, &err));
    assert_ok(stl_core_run(b.dap, &err));
    assert_ok(stl_core_wait_halt(b.dap, 100, &err));
    assert_ok(stl_core_read_reg(b.dap, PC, &pc, &err));
    assert_int_equal(pc, 0x0800000E);
    assert_ok(stl_core_clear_breakpoint(b.dap, 0x0800000E, &err));
    assert_int_equal(stl_core_clear_breakpoint(b.dap, 0x0800000E, &err), STL_E_ARGUMENT);
    for (unsigned i = 0; i < 6; i++)
        assert_ok(stl_core_set_breakpoint(b.dap, 0x08000100 + 2 * i, &err));
    assert_int_equal(stl_core_set_breakpoint(b.dap, 0x08000200, &err), STL_E_UNSUPPORTED);
    board_throw_away(&b);
}

static stl_code connect_as(board *b, stl_connect_mode mode, stl_error *err)
{
    const stl_connect_options options = {mode, 0};
    assert_int_equal(stl_dap_close(b->dap, err), STL_OK);
    b->dap = NULL;
    return stl_dap_connect(b->probe, &options, &b->dap, err);
}

static void connecting_under_reset_halts_at_the_vector_and_knows_whether_nrst_is_wired(void **state)
{
    (void)state;
    for (int unwired = 0; unwired < 2; unwired++) {
        const board_options options = {.chip = {.is_nrst_unwired = unwired}};
        board b;
        stl_error err = {0};
        board_connect(&b, &options);
        stl_nvm_close(b.nvm);
        b.nvm = NULL;
        assert_ok(connect_as(&b, STL_CONNECT_UNDER_RESET, &err));
        stl_core_state core;
        assert_ok(stl_core_get_state(b.dap, &core, &err));
        assert_true(core.is_halted);
        assert_int_equal(stl_dap_get_info(b.dap)->is_nrst_effective, !unwired);
        assert_int_equal(b.warning_count, unwired);
        board_throw_away(&b);
    }
}

static void hotplug_neither_resets_nor_halts(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0xFE, 0xE7};
    board b;
    stl_error err = {0};
    board_connect(&b, NULL);
    stl_nvm_close(b.nvm);
    b.nvm = NULL;
    board_poke(&b, 0x08000000, code, sizeof code);
    assert_ok(stl_core_reset(b.dap, STL_RESET_SYSTEM, false, &err));
    const uint64_t resets = board_stats(&b)->resets;
    assert_ok(connect_as(&b, STL_CONNECT_HOTPLUG, &err));
    stl_core_state core;
    assert_ok(stl_core_get_state(b.dap, &core, &err));
    assert_false(core.is_halted);
    assert_int_equal(board_stats(&b)->resets, resets);
    board_throw_away(&b);
}

static void letting_go_leaves_nothing_armed(void **state)
{
    (void)state;
    board b;
    stl_error err = {0};
    uint32_t demcr = 1, dhcsr = 1;
    board_connect(&b, NULL);
    assert_ok(stl_core_set_breakpoint(b.dap, 0x08000100, &err));
    stl_nvm_close(b.nvm);
    b.nvm = NULL;
    assert_ok(connect_as(&b, STL_CONNECT_HOTPLUG, &err));
    assert_ok(stl_mem_read_word(b.dap, 0xE000EDFC, &demcr, &err));
    assert_int_equal(demcr & 0x7F1, 0);
    assert_ok(stl_mem_read_word(b.dap, 0xE000EDF0, &dhcsr, &err));
    assert_int_equal(dhcsr & 0xF, 0);
    board_throw_away(&b);
}

/* A chip whose firmware waits in a loop: attached, halted. */
static void attach_to_a_loop(board *b, stl_error *err)
{
    static const uint8_t loop[] = {0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0xFE, 0xE7};
    board_connect(b, NULL);
    stl_nvm_close(b->nvm);
    b->nvm = NULL;
    board_poke(b, 0x08000000, loop, sizeof loop);
    assert_int_equal(stl_core_reset(b->dap, STL_RESET_SYSTEM, true, err), STL_OK);
}

static stl_code close_dap(board *b, stl_error *err)
{
    stl_dap *dap = b->dap;
    b->dap = NULL;
    return stl_dap_close(dap, err);
}

static void letting_go_says_when_the_probe_has_gone_at_any_transfer(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (unsigned at = 1, is_done = 0; !is_done; at++) {
        board b;
        stl_error err = {0};
        attach_to_a_loop(&b, &err);
        b.transfer_count = 0;
        b.trap = (struct board_trap){at, "unplug"};
        const stl_code code = close_dap(&b, &err);
        is_done = b.transfer_count < at;
        if (is_done) {
            assert_ok(code);
            const sim_core_view core = sim_chip_view_core(sim_device_chip(b.device));
            assert_string_equal(core.doing, "runs");
            assert_false(core.is_debugen);
            assert_int_equal(core.demcr, 0);
        } else {
            assert_int_equal(code, STL_E_PROBE_GONE);
            assert_int_equal(err.code, STL_E_PROBE_GONE);
            tried++;
        }
        board_throw_away(&b);
    }
    assert_true(tried >= 7); /* three registers, each a command and its reply, and EXIT */
}

static void a_silence_counts_only_where_the_core_was_halted(void **state)
{
    (void)state;
    for (int runs = 0; runs < 2; runs++) {
        board b;
        stl_error err = {0};
        attach_to_a_loop(&b, &err);
        if (runs)
            assert_ok(stl_core_run(b.dap, &err));
        board_admin(&b, "fault ack none");
        assert_int_equal(close_dap(&b, &err), runs ? STL_OK : STL_E_NO_TARGET);
        board_throw_away(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_any_alignment_reads_as_it_was_written),
        cmocka_unit_test(half_words_are_accessed_as_such),
        cmocka_unit_test(a_function_in_ram_is_called_with_arguments_on_a_blank_chip),
        cmocka_unit_test(a_function_that_never_returns_is_stopped_and_its_pc_told),
        cmocka_unit_test(a_function_that_faults_says_where),
        cmocka_unit_test(stepping_and_breakpoints_follow_the_code),
        cmocka_unit_test(connecting_under_reset_halts_at_the_vector_and_knows_whether_nrst_is_wired),
        cmocka_unit_test(hotplug_neither_resets_nor_halts),
        cmocka_unit_test(letting_go_leaves_nothing_armed),
        cmocka_unit_test(letting_go_says_when_the_probe_has_gone_at_any_transfer),
        cmocka_unit_test(a_silence_counts_only_where_the_core_was_halted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
