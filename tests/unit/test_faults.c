/* tests/unit/test_faults.c: a fault at every transfer of a whole programming job. After each: an error
 * or a true success, no hang, no false success, and one more run repairs the board.
 * A stride keeps the usual run short; STL_FAULT_STRIDE=1 tries every transfer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"

enum { FLASH = 0x08000000, IMAGE_BYTES = 1536, DEADLINE_S = 10 };

static unsigned stride(void)
{
    const char *text = getenv("STL_FAULT_STRIDE");
    return text ? (unsigned)atoi(text) : 7;
}

static void admin(board *b, const char *line)
{
    char answer[4096];
    if (!sim_device_admin(b->device, line, answer, sizeof answer))
        fail_msg("%s: %s", line, answer);
}

static stl_code job(board *b, const stl_nvm_options *options, const stl_image *image,
                    stl_error *err)
{
    stl_plan *plan = NULL;
    stl_nvm_report report;
    stl_code code = board_reconnect(b, options, err);
    if (!code)
        code = stl_nvm_make_plan(b->nvm, image, NULL, NULL, &plan, err);
    if (!code)
        code = stl_nvm_apply_plan(b->nvm, plan, STL_VERIFY_SIGNATURE, NULL, &report, err);
    stl_plan_free(plan);
    board_disconnect(b);
    return code;
}

static bool holds(board *b, const uint8_t *bytes)
{
    uint8_t found[IMAGE_BYTES];
    board_peek(b, FLASH, found, sizeof found);
    return !memcmp(found, bytes, sizeof found);
}

static void sweep(const char *kind, int direct)
{
    uint8_t old[IMAGE_BYTES], bytes[IMAGE_BYTES];
    fill_random(old, sizeof old, 31);
    fill_random(bytes, sizeof bytes, 32);
    stl_error err = {0};
    stl_image *image;
    assert_ok(stl_image_new(&image, &err));
    assert_ok(stl_image_add(image, FLASH, bytes, sizeof bytes, &err));
    const board_options options = {.nvm = {.is_direct_forced = direct}};

    board b; /* a clean run counts the transfers */
    board_power_on(&b, &options);
    board_poke(&b, FLASH, old, sizeof old);
    assert_ok(job(&b, &options.nvm, image, &err));
    const sim_device_stats *stats = sim_device_get_stats(b.device);
    const unsigned total = (unsigned)(stats->transfers_out + stats->transfers_in);
    board_throw_away(&b);

    unsigned tried = 0, failed = 0, survived = 0;
    for (unsigned n = 1; n <= total; n += stride()) {
        char line[80];
        snprintf(line, sizeof line, "fault usb %s at %u", kind, n);
        board_power_on(&b, &options);
        board_poke(&b, FLASH, old, sizeof old);
        admin(&b, line);
        const uint64_t begin_ns = sim_device_now_ns(b.device);
        const stl_code code = job(&b, &options.nvm, image, &err);
        assert_true(sim_device_now_ns(b.device) - begin_ns < DEADLINE_S * 1000000000ull);
        if (code == STL_OK && !holds(&b, bytes))
            fail_msg("%s at transfer %u: success, but the flash is wrong", kind, n);
        if (code && (!err.frame_count || err.code != code))
            fail_msg("%s at transfer %u: no error text", kind, n);
        failed += code != STL_OK;
        survived += code == STL_OK;
        admin(&b, "fault clear");
        if (!strcmp(kind, "disconnect"))
            admin(&b, "replug");
        if (job(&b, &options.nvm, image, &err)) {
            char text[1024];
            stl_error_text(&err, text, sizeof text);
            fail_msg("%s at transfer %u: the next run does not repair it: %s", kind, n, text);
        }
        assert_true(holds(&b, bytes));
        board_throw_away(&b);
        tried++;
    }
    stl_image_free(image);
    printf("%s, %s road: %u of %u transfers tried, %u ended in an error, %u were survived\n", kind,
           direct ? "direct" : "loader", tried, total, failed, survived);
    assert_true(tried > 10);
}

#define SWEEP(kind)                                                                                \
    static void a_##kind##_at_any_transfer_is_an_error_and_the_next_run_repairs_it(void **state)   \
    {                                                                                              \
        (void)state;                                                                               \
        sweep(#kind, 0);                                                                           \
        sweep(#kind, 1);                                                                           \
    }

SWEEP(timeout)
SWEEP(stall)
SWEEP(short)
SWEEP(garbage)
SWEEP(disconnect)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_stall_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_short_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_garbage_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
        cmocka_unit_test(a_disconnect_at_any_transfer_is_an_error_and_the_next_run_repairs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
