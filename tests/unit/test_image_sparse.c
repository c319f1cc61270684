/* tests/unit/test_image_sparse.c: segments, gaps and the edges of the address space. */
#include "test_image_support.h"

static stl_image *new_image(void)
{
    stl_image *image = NULL;
    stl_error err;
    assert_ok(stl_image_new(&image, &err), &err);
    return image;
}

static void add_text(stl_image *image, uint32_t addr, const char *text)
{
    stl_error err;
    assert_ok(stl_image_add(image, addr, text, strlen(text), &err), &err);
}

static void assert_segment(const stl_image *image, size_t index, uint32_t addr, const char *text)
{
    const stl_segment s = stl_image_segment(image, index);
    assert_int_equal(s.addr, addr);
    assert_int_equal(s.byte_count, strlen(text));
    assert_memory_equal(s.bytes, text, s.byte_count);
}

static void a_new_image_is_empty(void **state)
{
    (void)state;
    stl_image *image = new_image();
    uint32_t entry = 7;
    assert_int_equal(stl_image_segment_count(image), 0);
    assert_int_equal(stl_image_byte_count(image), 0);
    assert_false(stl_image_has_entry(image, &entry));
    assert_int_equal(entry, 7);
    assert_string_equal(stl_image_format_name(image), "");
    assert_null(stl_image_segment(image, 0).bytes);
    stl_error err;
    assert_ok(stl_image_cut(image, 0, 100, &err), &err);
    assert_ok(stl_image_crop(image, 0, 100, &err), &err);
    stl_image_free(image);
    stl_image_free(NULL);
}

static void touching_segments_become_one_and_gaps_stay(void **state)
{
    (void)state;
    stl_image *image = new_image();
    add_text(image, 0x20, "cc");
    add_text(image, 0x10, "aa");
    add_text(image, 0x30, "ee");
    assert_int_equal(stl_image_segment_count(image), 3);
    add_text(image, 0x12, "bbbbbbbbbbbbbb"); /* fills the gap between the first two exactly */
    assert_int_equal(stl_image_segment_count(image), 2);
    assert_segment(image, 0, 0x10, "aabbbbbbbbbbbbbbcc");
    assert_segment(image, 1, 0x30, "ee");
    add_text(image, 0x2F, "d"); /* before */
    add_text(image, 0x32, "f"); /* behind */
    assert_segment(image, 1, 0x2F, "deef");
    assert_int_equal(stl_image_byte_count(image), 22);
    stl_image_free(image);
}

static void adding_over_a_taken_address_changes_nothing_and_says_where(void **state)
{
    (void)state;
    stl_image *image = new_image();
    add_text(image, 0x08000010, "abcd");
    static const struct {
        uint32_t addr, taken;
        const char *text;
    } tries[] = {
        {0x08000010, 0x08000010, "abcd"},     {0x0800000F, 0x08000010, "xx"},
        {0x08000013, 0x08000013, "xx"},       {0x08000011, 0x08000011, "x"},
        {0x0800000E, 0x08000010, "xxxxxxxx"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        stl_error err;
        assert_int_equal(
            stl_image_add(image, tries[i].addr, tries[i].text, strlen(tries[i].text), &err),
            STL_E_OVERLAP);
        assert_true(err.has_addr);
        assert_int_equal(err.addr, tries[i].taken);
        assert_message(&err, STL_E_OVERLAP, "overlap segment 0x08000010");
        assert_non_null(err.hint);
    }
    assert_int_equal(stl_image_segment_count(image), 1);
    assert_segment(image, 0, 0x08000010, "abcd");
    assert_int_equal(stl_image_add(image, 0x08000010, "x", 1, NULL), STL_E_OVERLAP);
    stl_image_free(image);
}

static void the_last_address_is_usable_and_nothing_wraps(void **state)
{
    (void)state;
    stl_image *image = new_image();
    stl_error err;
    assert_int_equal(stl_image_add(image, 0xFFFFFFFF, "ab", 2, &err), STL_E_RANGE);
    assert_message(&err, STL_E_RANGE, "2 bytes at 0xFFFFFFFF run past 0xFFFFFFFF");
    assert_int_equal(stl_image_add(image, 1, "ab", SIZE_MAX, &err), STL_E_RANGE);
    assert_int_equal(stl_image_segment_count(image), 0);
    add_text(image, 0xFFFFFFFF, "z");
    add_text(image, 0xFFFFFFFE, "y");
    add_text(image, 0, "a");
    assert_int_equal(stl_image_segment_count(image), 2);
    assert_segment(image, 1, 0xFFFFFFFE, "yz");
    assert_int_equal(stl_image_add(image, 0xFFFFFFFF, "q", 1, &err), STL_E_OVERLAP);

    char bytes[5] = "";
    size_t missing = 0;
    stl_image_read(image, 0xFFFFFFFD, bytes, 4, '.',
                   &missing); /* the 4th byte would be past 2^32 */
    assert_memory_equal(bytes, ".yz.", 4);
    assert_int_equal(missing, 2);
    assert_ok(stl_image_cut(image, 0xFFFFFFFF, UINT64_MAX, &err), &err);
    assert_segment(image, 1, 0xFFFFFFFE, "y");
    assert_ok(stl_image_crop(image, 1, UINT64_MAX, &err), &err);
    assert_int_equal(stl_image_segment_count(image), 1);
    stl_image_free(image);
}

static void reading_fills_gaps_and_counts_them(void **state)
{
    (void)state;
    stl_image *image = new_image();
    add_text(image, 4, "ab");
    add_text(image, 8, "cd");
    char bytes[12];
    size_t missing = 0;
    stl_image_read(image, 2, bytes, 10, '-', &missing);
    assert_memory_equal(bytes, "--ab--cd--", 10);
    assert_int_equal(missing, 6);
    stl_image_read(image, 5, bytes, 1, '-', NULL);
    assert_int_equal(bytes[0], 'b');
    stl_image_read(image, 5, bytes, 0, '-', &missing);
    assert_int_equal(missing, 0);
    stl_image_free(image);
}

static void copies_live_on_their_own(void **state)
{
    (void)state;
    stl_image *image = new_image(), *copy = NULL;
    stl_error err;
    add_text(image, 4, "ab");
    add_text(image, 8, "cd");
    assert_ok(stl_image_copy(image, &copy, &err), &err);
    assert_images_equal(image, copy);
    assert_ok(stl_image_write(image, 4, "XX", 2, &err), &err);
    assert_segment(copy, 0, 4, "ab");
    stl_image_free(image);
    assert_segment(copy, 1, 8, "cd");
    stl_image_free(copy);
}

/* The model: 256 cells, each with a byte or -1. Base at both ends of the address space. */
#define CELLS 256

static void assert_matches_model(const stl_image *image, uint32_t base, const int cells[CELLS])
{
    uint64_t previous_end = 0;
    size_t held = 0, wanted = 0;
    for (size_t i = 0; i < stl_image_segment_count(image); i++) {
        const stl_segment s = stl_image_segment(image, i);
        assert_true(s.byte_count > 0);
        assert_true(!i || s.addr > previous_end); /* sorted, not even touching */
        previous_end = (uint64_t)s.addr + s.byte_count;
        held += s.byte_count;
    }
    for (unsigned i = 0; i < CELLS; i++) {
        uint8_t byte = 0;
        size_t missing = 0;
        stl_image_read(image, base + i, &byte, 1, 0x5A, &missing);
        wanted += cells[i] >= 0;
        assert_int_equal(missing, cells[i] < 0);
        assert_int_equal(byte, cells[i] < 0 ? 0x5A : cells[i]);
    }
    assert_int_equal(held, wanted);
    assert_int_equal(stl_image_byte_count(image), wanted);
}

static void model_step(rng *r, stl_image *image, uint32_t base, int cells[CELLS])
{
    stl_error err;
    uint8_t bytes[CELLS];
    const uint32_t at = rng_below(r, CELLS);
    const uint32_t count = rng_below(r, CELLS - at + 1) >> rng_below(r, 6);
    const uint32_t what = rng_below(r, 20);
    bool is_free = true;
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)rng_below(r, 256);
        is_free = is_free && cells[at + i] < 0;
    }
    if (what < 8) {
        const stl_code code = stl_image_add(image, base + at, bytes, count, &err);
        assert_int_equal(code, is_free ? STL_OK : STL_E_OVERLAP);
        for (uint32_t i = 0; i < count && is_free; i++)
            cells[at + i] = bytes[i];
    } else if (what < 13) {
        assert_ok(stl_image_write(image, base + at, bytes, count, &err), &err);
        for (uint32_t i = 0; i < count; i++)
            cells[at + i] = bytes[i];
    } else if (what < 19) {
        assert_ok(stl_image_cut(image, base + at, count, &err), &err);
        for (uint32_t i = 0; i < count; i++)
            cells[at + i] = -1;
    } else {
        assert_ok(stl_image_crop(image, base + at, count, &err), &err);
        for (uint32_t i = 0; i < CELLS; i++)
            if (i < at || i >= at + count)
                cells[i] = -1;
    }
}

static void random_edits_agree_with_a_flat_model(void **state)
{
    (void)state;
    rng r = rng_announced("sparse");
    static const uint32_t bases[] = {0, 0x08000000, 0xFFFFFF00};
    for (unsigned round = 0; round < 60; round++) {
        int cells[CELLS];
        for (unsigned i = 0; i < CELLS; i++)
            cells[i] = -1;
        stl_image *image = new_image();
        for (unsigned step = 0; step < 60; step++) {
            model_step(&r, image, bases[round % 3], cells);
            assert_matches_model(image, bases[round % 3], cells);
        }
        stl_image_free(image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_image_is_empty),
        cmocka_unit_test(touching_segments_become_one_and_gaps_stay),
        cmocka_unit_test(adding_over_a_taken_address_changes_nothing_and_says_where),
        cmocka_unit_test(the_last_address_is_usable_and_nothing_wraps),
        cmocka_unit_test(reading_fills_gaps_and_counts_them),
        cmocka_unit_test(copies_live_on_their_own),
        cmocka_unit_test(random_edits_agree_with_a_flat_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
