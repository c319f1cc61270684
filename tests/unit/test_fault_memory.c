/* tests/unit/test_fault_memory.c: every command and every image format, and at every allocation of it no
 * memory. Judged as in test_faults.c; nothing is lost (the leak checker of the build looks).
 * Linked with --wrap: the calls of libstl come here, those of the simulator are let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault_jobs.h"

void *__real_malloc(size_t byte_count);
void *__real_calloc(size_t count, size_t item_bytes);
void *__real_realloc(void *old, size_t byte_count);
void *__wrap_malloc(size_t byte_count);
void *__wrap_calloc(size_t count, size_t item_bytes);
void *__wrap_realloc(void *old, size_t byte_count);

static bool is_counting;
static unsigned seen_count, fail_at; /* 0: never */

static bool must_fail(void)
{
    return is_counting && !board_is_in_simulator() && ++seen_count == fail_at;
}

void *__wrap_malloc(size_t byte_count)
{
    return must_fail() ? NULL : __real_malloc(byte_count);
}

void *__wrap_calloc(size_t count, size_t item_bytes)
{
    return must_fail() ? NULL : __real_calloc(count, item_bytes);
}

void *__wrap_realloc(void *old, size_t byte_count)
{
    return must_fail() ? NULL : __real_realloc(old, byte_count);
}

static void count_from_now(unsigned at)
{
    seen_count = 0;
    fail_at = at;
    is_counting = true;
}

/* ---- commands ---- */

static void a_command_without_memory_is_an_error_and_the_next_run_repairs_the_board(void **state)
{
    (void)state;
    fault_tally tally = {0};
    const unsigned step = fault_step(1);
    for (unsigned i = 0; i < fault_job_count; i++) {
        const fault_job *job = &fault_jobs[i];
        for (unsigned at = fault_first(step);; at += step) {
            board b;
            stl_error err = {0};
            char what[80];
            snprintf(what, sizeof what, "no memory at allocation %u", at);
            fault_job_begin(job, &b);
            count_from_now(at);
            const stl_code code = fault_job_do(job, &b, &err);
            is_counting = false;
            const bool is_reached = seen_count >= at;
            if (is_reached)
                fault_job_judge(job, &b, code, &err, what, &tally);
            board_throw_away(&b);
            if (!is_reached)
                break;
        }
    }
    fault_tally_print("no_memory", &tally);
    assert_true(tally.failed > tally.points / 2);
}

/* ---- images ---- */

static const char *const images[] = {
    STL_SOURCE_DIR "/tests/data/images/small.hex", STL_SOURCE_DIR "/tests/data/images/small.s19",
    STL_SOURCE_DIR "/tests/data/images/small.elf", STL_SOURCE_DIR "/tests/data/images/small.hex.gz",
    STL_SOURCE_DIR "/tests/firmware/blink.hex",
};

/* Load, copy, edit, save: what a job does with an image. */
static stl_code use_image(const char *path, const char *out_path, stl_error *err)
{
    stl_image *image = NULL, *copy = NULL;
    stl_code code = stl_image_load(path, NULL, &image, err);
    if (!code)
        code = stl_image_copy(image, &copy, err);
    if (!code)
        code = stl_image_write(copy, 0x08010000, "stamp", 5, err);
    if (!code)
        code = stl_image_cut(copy, 0x08010001, 2, err);
    if (!code)
        code = stl_image_save(copy, out_path, STL_IMAGE_AUTO, 0, err);
    stl_image_free(copy);
    stl_image_free(image);
    return code;
}

static void an_image_without_memory_is_an_error_and_leaves_no_file(void **state)
{
    (void)state;
    static const char *const ends[] = {"hex", "s19", "bin"};
    fault_tally tally = {0};
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        for (unsigned end = 0; end < 3; end++) {
            char out_path[256];
            snprintf(out_path, sizeof out_path, STL_BINARY_DIR "/no_memory.%s", ends[end]);
            for (unsigned at = 1;; at++) {
                stl_error err = {0};
                remove(out_path);
                count_from_now(at);
                const stl_code code = use_image(images[i], out_path, &err);
                is_counting = false;
                FILE *file = fopen(out_path, "rb");
                if (file)
                    fclose(file);
                assert_int_equal(code == STL_OK, file != NULL);
                if (seen_count < at)
                    break;
                tally.points++;
                tally.failed += code != STL_OK;
                tally.survived += code == STL_OK;
                if (code && (err.code != code || !err.frame_count))
                    fail_msg("%s, allocation %u: an error without a text", images[i], at);
            }
            remove(out_path);
        }
    fault_tally_print("no_memory", &tally);
    assert_true(tally.failed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_without_memory_is_an_error_and_the_next_run_repairs_the_board),
        cmocka_unit_test(an_image_without_memory_is_an_error_and_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
