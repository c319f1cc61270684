/* tests/unit/test_image_tools.c: other people's tools agree with ours: arm-none-eabi-objcopy
 * (binutils) and srec_cat (srecord). A tool that is missing is named, and the program then ends
 * with 77. */
#include "test_image_support.h"

#include "stl/bytes.h"
#include "stl/crc.h"

#include <sys/wait.h>

#define OBJCOPY      "arm-none-eabi-objcopy"
#define SREC_CAT     "srec_cat"
#define SMALL_ELF    STL_SOURCE_DIR "/tests/data/images/small.elf"
#define EXIT_SKIPPED 77

static unsigned skipped_count;

/* Runs argv with its output dropped; the exit status, or 127 when there is no such program. */
static int spawn(const char *const argv[])
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(126);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define RUN(...) assert_int_equal(spawn((const char *const[]){__VA_ARGS__, NULL}), 0)

static void need(const char *tool, const char *package)
{
    if (spawn((const char *const[]){tool, "--version", NULL}) == 0)
        return;
    print_message("SKIPPED: no %s here; `apt-get install %s`\n", tool, package);
    skipped_count++;
    skip();
}

static stl_image *loaded(const char *path, const stl_image_options *options)
{
    stl_image *image = NULL;
    stl_error err;
    assert_ok(stl_image_load(path, options, &image, &err), &err);
    return image;
}

static void saved(const stl_image *image, const char *path)
{
    stl_error err;
    assert_ok(stl_image_save(image, path, STL_IMAGE_AUTO, 0, &err), &err);
}

static void objcopy_makes_of_an_elf_what_we_read_from_it(void **state)
{
    (void)state;
    need(OBJCOPY, "binutils-arm-none-eabi");
    stl_image *elf = loaded(SMALL_ELF, NULL);
    static const char *const formats[][2] = {
        {"ihex", "tool.hex"}, {"srec", "tool.s19"}, {"binary", "tool.bin"}};
    for (unsigned i = 0; i < 3; i++) {
        const char *path = scratch_path(formats[i][1]);
        RUN(OBJCOPY, "-O", formats[i][0], SMALL_ELF, path);
        const stl_image_options options = {STL_IMAGE_AUTO, i == 2, 0x08000000};
        stl_image *theirs = loaded(path, &options);
        assert_images_equal(elf, theirs);
        stl_image_free(theirs);
        unlink(path);
    }
    stl_image_free(elf);
}

/* ours -> objcopy -> ours, for HEX and S-records, over images with gaps. */
static void objcopy_reads_what_we_save(void **state)
{
    (void)state;
    need(OBJCOPY, "binutils-arm-none-eabi");
    rng r = rng_announced("objcopy");
    for (unsigned round = 0; round < 6; round++) {
        stl_image *image = random_image(&r, round % 2 ? 0x0801F800 : 0, 0x8000);
        const char *hex = scratch_path("ours.hex"), *back = scratch_path("back.s19");
        const char *srec = scratch_path("ours.s19"), *back_hex = scratch_path("back.hex");
        saved(image, hex);
        saved(image, srec);
        RUN(OBJCOPY, "-I", "ihex", "-O", "srec", hex, back);
        RUN(OBJCOPY, "-I", "srec", "-O", "ihex", srec, back_hex);
        stl_image *one = loaded(back, NULL), *two = loaded(back_hex, NULL);
        assert_images_equal(image, one);
        assert_images_equal(image, two);
        stl_image_free(one);
        stl_image_free(two);
        stl_image_free(image);
        unlink(hex), unlink(back), unlink(srec), unlink(back_hex);
    }
}

/* ours -> srec_cat -> ours: random sparse images, in every direction. */
static void srec_cat_reads_what_we_save_and_we_what_it_writes(void **state)
{
    (void)state;
    need(SREC_CAT, "srecord");
    rng r = rng_announced("srec_cat");
    static const uint32_t bases[] = {0, 0xFF00, 0xFFFF00, 0x0801F800};
    for (unsigned round = 0; round < 12; round++) {
        stl_image *image = random_image(&r, bases[round % 4], 0x8000);
        const char *hex = scratch_path("ours.hex"), *back = scratch_path("back.s19");
        const char *srec = scratch_path("ours.s19"), *back_hex = scratch_path("back.hex");
        saved(image, hex);
        saved(image, srec);
        RUN(SREC_CAT, hex, "-Intel", "-o", back, "-Motorola");
        RUN(SREC_CAT, srec, "-Motorola", "-o", back_hex, "-Intel");
        stl_image *one = loaded(back, NULL), *two = loaded(back_hex, NULL);
        assert_images_equal(image, one);
        assert_images_equal(image, two);
        stl_image_free(one);
        stl_image_free(two);
        stl_image_free(image);
        unlink(hex), unlink(back), unlink(srec), unlink(back_hex);
    }
}

/* 16-bit segment addresses, as srec_cat writes them on request. */
static void segmented_hex_of_srec_cat_is_read(void **state)
{
    (void)state;
    need(SREC_CAT, "srecord");
    rng r = rng_announced("segments");
    stl_image *image = random_image(&r, 0x8000, 0x20000);
    const char *ours = scratch_path("ours.hex"), *theirs = scratch_path("segmented.hex");
    saved(image, ours);
    RUN(SREC_CAT, ours, "-Intel", "-o", theirs, "-Intel", "-address-length=3");
    stl_image *again = loaded(theirs, NULL);
    assert_images_equal(image, again);
    stl_image_free(again);
    stl_image_free(image);
    unlink(ours), unlink(theirs);
}

static void crop_and_cut_are_those_of_srec_cat(void **state)
{
    (void)state;
    need(SREC_CAT, "srecord");
    rng r = rng_announced("crop");
    stl_error err;
    for (unsigned round = 0; round < 6; round++) {
        stl_image *image = random_image(&r, 0x08000000, 0x4000);
        const stl_segment first = stl_image_segment(image, 0); /* so that something stays */
        const uint32_t from = first.addr + (uint32_t)first.byte_count / 2;
        const uint32_t count = 1 + rng_below(&r, 0x2000);
        char low[16], high[16];
        snprintf(low, sizeof low, "0x%x", from);
        snprintf(high, sizeof high, "0x%x", from + count);
        const char *ours = scratch_path("ours.hex"), *theirs = scratch_path("theirs.hex");
        saved(image, ours);
        const bool is_crop = round % 2;
        RUN(SREC_CAT, ours, "-Intel", is_crop ? "-crop" : "-exclude", low, high, "-o", theirs,
            "-Intel");
        if (is_crop)
            assert_ok(stl_image_crop(image, from, count, &err), &err);
        else
            assert_ok(stl_image_cut(image, from, count, &err), &err);
        stl_image *again = loaded(theirs, NULL);
        assert_images_equal(image, again);
        stl_image_free(again);
        stl_image_free(image);
        unlink(ours), unlink(theirs);
    }
}

/* users.md E-III: the idioms of srec_cat, over a filled range with the value behind it. */
static void checksums_are_those_of_srec_cat(void **state)
{
    (void)state;
    need(SREC_CAT, "srecord");
    static const struct {
        const char *filter, *model;
        unsigned bytes;
        bool is_big_endian;
    } idioms[] = {
        {"-crc32-l-e", "CRC-32", 4, false},
        {"-crc32-b-e", "CRC-32", 4, true},
        {"-stm32-l-e", "STM32", 4, false},
        {"-stm32-b-e", "STM32", 4, true},
        {"-crc16-b-e", "CRC-16/SPI-FUJITSU", 2, true},
        {"-adler32-l-e", NULL, 4, false},
    };
    rng r = rng_announced("srec_cat crc");
    stl_image *image = random_image(&r, 0x08000000, 0x1000);
    const char *ours = scratch_path("ours.hex"), *theirs = scratch_path("theirs.bin");
    saved(image, ours);
    static uint8_t range[0x1000];
    stl_image_read(image, 0x08000000, range, sizeof range, 0xFF, NULL);
    for (size_t i = 0; i < sizeof idioms / sizeof *idioms; i++) {
        RUN(SREC_CAT, ours, "-Intel", "-fill", "0xFF", "0x08000000", "0x08001000", idioms[i].filter,
            "0x08001000", "-offset", "-0x08000000", "-o", theirs, "-Binary");
        uint64_t value = 0;
        if (idioms[i].model) {
            static stl_crc crc;
            stl_error err;
            assert_ok(stl_crc_init(&crc, stl_crc_find(idioms[i].model), &err), &err);
            stl_crc_update(&crc, range, sizeof range);
            assert_ok(stl_crc_final(&crc, &value, NULL, &err), &err);
        } else {
            stl_sum sum;
            stl_sum_init(&sum, STL_SUM_ADLER_32);
            stl_sum_update(&sum, range, sizeof range);
            value = stl_sum_final(&sum);
        }
        size_t count = 0;
        uint8_t *bytes = read_whole_file(theirs, &count);
        assert_int_equal(count, sizeof range + idioms[i].bytes);
        uint64_t stored = 0;
        for (unsigned k = 0; k < idioms[i].bytes; k++)
            stored = stored << 8 |
                     bytes[sizeof range + (idioms[i].is_big_endian ? k : idioms[i].bytes - 1 - k)];
        free(bytes);
        if (stored != value)
            fail_msg("%s: srec_cat 0x%llx, ours 0x%llx", idioms[i].filter,
                     (unsigned long long)stored, (unsigned long long)value);
    }
    stl_image_free(image);
    unlink(ours), unlink(theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objcopy_makes_of_an_elf_what_we_read_from_it),
        cmocka_unit_test(objcopy_reads_what_we_save),
        cmocka_unit_test(srec_cat_reads_what_we_save_and_we_what_it_writes),
        cmocka_unit_test(segmented_hex_of_srec_cat_is_read),
        cmocka_unit_test(crop_and_cut_are_those_of_srec_cat),
        cmocka_unit_test(checksums_are_those_of_srec_cat),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : skipped_count ? EXIT_SKIPPED : 0;
}
