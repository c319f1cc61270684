/* tests/unit/test_image_file.c: files on disk, gzip, which format a file is, and saving. */
#include "test_image_support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#define DATA_DIR STL_SOURCE_DIR "/tests/data/images/"
#define HEX_TEXT ":020000040800F2\n:040000006162636472\n:00000001FF\n"

/* One gzip member; returns its length. */
static size_t gzipped(const void *bytes, size_t byte_count, uint8_t *out, size_t room)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes,
                  .avail_in = (uInt)byte_count,
                  .next_out = out,
                  .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static stl_image *loaded(const char *path, const stl_image_options *options)
{
    stl_image *image = NULL;
    stl_error err;
    assert_ok(stl_image_load(path, options, &image, &err), &err);
    return image;
}

static void assert_not_loaded(const char *path, stl_code code, const char *message)
{
    stl_image *image = NULL;
    stl_error err = {0};
    assert_int_equal(stl_image_load(path, NULL, &image, &err), code);
    assert_null(image);
    assert_message(&err, code, message);
}

static void assert_not_parsed(const stl_image_options *options, const char *name, const void *bytes,
                              size_t count, stl_code code, const char *message)
{
    stl_image *image = NULL;
    stl_error err = {0};
    if (!stl_image_parse(name, bytes, count, options, &image, &err))
        fail_msg("accepted, should be: %s", message);
    assert_null(image);
    assert_message(&err, code, message);
    assert_non_null(err.hint);
}

/* Made by arm-none-eabi-gcc and objcopy; see small.c. */
static void one_firmware_in_every_format_is_one_image(void **state)
{
    (void)state;
    static const struct {
        const char *path, *format_name;
        bool has_base;
    } files[] = {
        {DATA_DIR "small.elf", "ELF", false},
        {DATA_DIR "small.hex", "Intel HEX", false},
        {DATA_DIR "small.s19", "Motorola S-record", false},
        {DATA_DIR "small.bin", "binary", true},
        {DATA_DIR "small.hex.gz", "Intel HEX, gzip", false},
    };
    stl_image *first = loaded(files[0].path, NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const stl_image_options options = {STL_IMAGE_AUTO, files[i].has_base, 0x08000000};
        stl_image *image = loaded(files[i].path, &options);
        assert_string_equal(stl_image_format_name(image), files[i].format_name);
        assert_images_equal(first, image);
        stl_image_free(image);
    }
    stl_image_name found;
    stl_error err;
    assert_ok(stl_image_symbol(first, "counter", &found, &err), &err);
    uint8_t value = 0;
    stl_image_read(first, found.load_addr, &value, 1, 0, NULL);
    assert_int_equal(value, 3);
    stl_image_free(first);
}

static void files_that_cannot_be_read_say_why(void **state)
{
    (void)state;
    assert_not_loaded("/nonexistent/fw.hex", STL_E_FILE,
                      "/nonexistent/fw.hex: cannot be opened: No");
    assert_not_loaded(DATA_DIR, STL_E_FILE, "is a folder");
    const char *path = scratch_path("empty.hex");
    write_whole_file(path, "", 0);
    assert_not_loaded(path, STL_E_FORMAT, "empty.hex: the file is empty");
    unlink(path);
}

static void what_is_too_large_is_refused_before_it_is_read(void **state)
{
    (void)state;
    const char *path = scratch_path("large.bin");
    write_whole_file(path, "x", 1);
    assert_int_equal(truncate(path, ((off_t)256 << 20) + 1), 0); /* sparse: takes no room */
    assert_not_loaded(path, STL_E_FORMAT, "large.bin: larger than 256 MiB");
    write_whole_file(path, "\x1F\x8B\x08", 3);
    assert_int_equal(truncate(path, ((off_t)64 << 20) + 1), 0);
    assert_not_loaded(path, STL_E_FORMAT, "larger than 64 MiB");
    unlink(path);
}

static void a_gzip_bomb_is_refused(void **state)
{
    (void)state;
    static uint8_t zeros[1 << 20], member[4096];
    static uint8_t bomb[257 * sizeof member];
    const size_t n = gzipped(zeros, sizeof zeros, member, sizeof member);
    for (size_t i = 0; i < 257; i++) /* members of 1 MiB each */
        memcpy(bomb + i * n, member, n);
    const stl_image_options options = {STL_IMAGE_BIN, true, 0};
    assert_not_parsed(&options, "bomb.gz", bomb, 257 * n, STL_E_FORMAT,
                      "bomb.gz: more than 256 MiB when unpacked");
}

static void gzip_of_several_members_is_one_file(void **state)
{
    (void)state;
    uint8_t file[512];
    const size_t half = strlen(HEX_TEXT) / 2;
    size_t n = gzipped(HEX_TEXT, half, file, sizeof file);
    n += gzipped(&HEX_TEXT[half], strlen(HEX_TEXT) - half, file + n, sizeof file - n);
    memset(file + n, 0, 16); /* padding, as gzip(1) accepts it */
    stl_image *image = NULL;
    stl_error err;
    assert_ok(stl_image_parse("fw.hex.gz", file, n + 16, NULL, &image, &err), &err);
    assert_string_equal(stl_image_format_name(image), "Intel HEX, gzip");
    assert_int_equal(stl_image_byte_count(image), 4);
    stl_image_free(image);

    file[n + 3] = 'x';
    assert_not_parsed(NULL, "fw.hex.gz", file, n + 16, STL_E_FORMAT, "that are not gzip behind");
}

static void broken_gzip_is_refused_wherever_it_breaks(void **state)
{
    (void)state;
    uint8_t file[256], twice[512];
    const size_t n = gzipped(HEX_TEXT, strlen(HEX_TEXT), file, sizeof file);
    for (size_t cut = 2; cut < n; cut++)
        assert_not_parsed(NULL, "fw.gz", file, cut, STL_E_FORMAT, "fw.gz: gzip data ends after");
    file[n - 6] ^= 1; /* the CRC-32 of the trailer */
    assert_not_parsed(NULL, "fw.gz", file, n, STL_E_FORMAT, "corrupt near byte");
    file[n - 6] ^= 1;
    file[n - 1] ^= 1; /* the length */
    assert_not_parsed(NULL, "fw.gz", file, n, STL_E_FORMAT, "corrupt near byte");
    file[n - 1] ^= 1;
    const size_t outer = gzipped(file, n, twice, sizeof twice);
    assert_not_parsed(NULL, "fw.gz", twice, outer, STL_E_FORMAT, "gzip inside gzip");
    const size_t none = gzipped("", 0, file, sizeof file);
    assert_not_parsed(NULL, "fw.gz", file, none, STL_E_FORMAT, "holds an empty file");
}

static void only_a_plausible_record_makes_a_text_format(void **state)
{
    (void)state;
    static const char *const binaries[] = {
        ":not a record at all",
        ":00\x01\x02\x03",
        "S0me binary thing",
        "S1\xFF\xFF\xFF\xFF",
        "::::::::::::",
        ":0000000\x80",
        "\177EL",
        "\n\n:\n:0400000061626364F2\n",
    };
    const stl_image_options options = {STL_IMAGE_AUTO, true, 0x08000000};
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++) {
        stl_image *image = NULL;
        stl_error err;
        assert_ok(stl_image_parse("fw", binaries[i], strlen(binaries[i]), &options, &image, &err),
                  &err);
        assert_string_equal(stl_image_format_name(image), "binary");
        assert_int_equal(stl_image_byte_count(image), strlen(binaries[i]));
        stl_image_free(image);
    }
}

static void a_stated_format_goes_before_the_contents(void **state)
{
    (void)state;
    stl_image *image = NULL;
    stl_error err;
    const stl_image_options binary = {STL_IMAGE_BIN, true, 0x08000000};
    assert_ok(stl_image_parse("fw.hex", HEX_TEXT, strlen(HEX_TEXT), &binary, &image, &err), &err);
    assert_int_equal(stl_image_byte_count(image), strlen(HEX_TEXT));
    stl_image_free(image);
    const stl_image_options srec = {STL_IMAGE_SREC, false, 0};
    assert_not_parsed(&srec, "fw", HEX_TEXT, strlen(HEX_TEXT), STL_E_FORMAT,
                      "fw:1: a record starts with 'S'");
    const stl_image_options wrong = {(stl_image_format)99, false, 0};
    assert_not_parsed(&srec, "fw",
                      "\x7F"
                      "ELF",
                      4, STL_E_FORMAT, "fw:1: a record starts with 'S'");
    assert_int_equal(stl_image_parse("fw", "x", 1, &wrong, &image, &err), STL_E_ARGUMENT);
}

static void the_base_is_for_binaries_and_they_need_it(void **state)
{
    (void)state;
    const stl_image_options based = {STL_IMAGE_AUTO, true, 0x08000000};
    stl_image *image = NULL;
    stl_error err;
    assert_not_parsed(NULL, "fw.bin", "\x01\x02", 2, STL_E_ARGUMENT,
                      "fw.bin: is binary, so it does");
    assert_int_equal(stl_image_parse("fw", "\x01\x02", 2, NULL, &image, &err), STL_E_ARGUMENT);
    assert_string_equal(err.hint, "--base ADDR");
    assert_not_parsed(&based, "fw.hex", HEX_TEXT, strlen(HEX_TEXT), STL_E_ARGUMENT,
                      "fw.hex: Intel HEX files carry their own addresses");
    const stl_image_options last = {STL_IMAGE_AUTO, true, 0xFFFFFFFF};
    assert_not_parsed(&last, "fw.bin", "\x01\x02", 2, STL_E_RANGE, "run past 0xFFFFFFFF");
    assert_ok(stl_image_parse("fw.bin", "\x01", 1, &last, &image, &err), &err);
    stl_image_free(image);
}

/* A web page, saved under the firmware's name by a download that failed. */
static void a_name_that_promises_a_format_is_not_taken_for_a_binary(void **state)
{
    (void)state;
    const stl_image_options based = {STL_IMAGE_AUTO, true, 0x08000000};
    static const char page[] = "<!DOCTYPE html><title>404</title>";
    assert_not_parsed(&based, "fw.hex", page, sizeof page, STL_E_FORMAT, "fw.hex:1: not an Intel");
    assert_not_parsed(NULL, "fw.S19", page, sizeof page, STL_E_FORMAT, "fw.S19:1: not an S-record");
    assert_not_parsed(NULL, "a/fw.elf", page, sizeof page, STL_E_FORMAT, "not an ELF file");
    assert_not_parsed(NULL, "fw.bin", " \r\n ", 4, STL_E_FORMAT, "holds nothing but blanks");
}

static void what_is_saved_is_what_is_loaded(void **state)
{
    (void)state;
    rng r = rng_announced("save and load");
    static const struct {
        stl_image_format format;
        const char *name;
    } formats[] = {
        {STL_IMAGE_HEX, "any.hex"},   {STL_IMAGE_SREC, "any.s19"}, {STL_IMAGE_AUTO, "auto.HEX"},
        {STL_IMAGE_AUTO, "auto.mot"}, {STL_IMAGE_BIN, "any.bin"},
    };
    static const uint32_t bases[] = {0, 0xFC00, 0xFFF800, 0x0801F000, 0xFFFF0000};
    for (unsigned round = 0; round < 40; round++) {
        const uint32_t base = bases[round % 5];
        stl_image *image = random_image(&r, base, 0x10000);
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
            const char *path = scratch_path(formats[i].name);
            const bool is_binary = formats[i].format == STL_IMAGE_BIN;
            const stl_image_options options = {formats[i].format, is_binary,
                                               stl_image_segment(image, 0).addr};
            stl_error err;
            assert_ok(stl_image_save(image, path, formats[i].format, 0xA5, &err), &err);
            stl_image *again = loaded(path, &options);
            if (is_binary) { /* gaps became fill */
                const stl_segment all = stl_image_segment(again, 0);
                uint8_t *wanted = malloc(all.byte_count);
                stl_image_read(image, all.addr, wanted, all.byte_count, 0xA5, NULL);
                assert_memory_equal(all.bytes, wanted, all.byte_count);
                free(wanted);
            } else {
                assert_images_equal(image, again);
            }
            stl_image_free(again);
            unlink(path);
        }
        stl_image_free(image);
    }
}

static void the_entry_address_is_saved_too(void **state)
{
    (void)state;
    stl_error err;
    uint32_t wanted = 0, found = 0;
    stl_image *image = loaded(DATA_DIR "small.elf", NULL);
    assert_true(stl_image_has_entry(image, &wanted));
    static const char *const names[] = {"entry.hex", "entry.s19"};
    for (unsigned i = 0; i < 2; i++) {
        const char *path = scratch_path(names[i]);
        assert_ok(stl_image_save(image, path, STL_IMAGE_AUTO, 0, &err), &err);
        stl_image *again = loaded(path, NULL);
        assert_true(stl_image_has_entry(again, &found));
        assert_int_equal(found, wanted);
        stl_image_free(again);
        unlink(path);
    }
    stl_image_free(image);
}

static void what_cannot_be_saved_is_refused(void **state)
{
    (void)state;
    stl_image *image = NULL;
    stl_error err;
    assert_ok(stl_image_new(&image, &err), &err);
    const char *path = scratch_path("refused.hex");
    assert_int_equal(stl_image_save(image, path, STL_IMAGE_HEX, 0, &err), STL_E_ARGUMENT);
    assert_message(&err, STL_E_ARGUMENT, "the image is empty");
    assert_ok(stl_image_add(image, 0x08000000, "a", 1, &err), &err);
    assert_int_equal(stl_image_save(image, path, STL_IMAGE_ELF, 0, &err), STL_E_ARGUMENT);
    assert_int_equal(stl_image_save(image, "fw.txt", STL_IMAGE_AUTO, 0, &err), STL_E_ARGUMENT);
    assert_ok(stl_image_add(image, 0x1FF80000, "o", 1, &err), &err);
    assert_int_equal(stl_image_save(image, path, STL_IMAGE_BIN, 0, &err), STL_E_RANGE);
    assert_message(&err, STL_E_RANGE, "would have 383 MiB, mostly gaps");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(stl_image_save(image, "/nonexistent/fw.hex", STL_IMAGE_HEX, 0, &err),
                     STL_E_FILE);
    stl_image_free(image);
}

/* /dev/full takes every byte and fails at the flush: the error must not be lost. */
static void a_full_disk_is_an_error_and_the_old_file_stays(void **state)
{
    (void)state;
    stl_image *image = loaded(DATA_DIR "small.elf", NULL);
    stl_error err;
    assert_int_equal(stl_image_save(image, "/dev/full", STL_IMAGE_HEX, 0, &err), STL_E_FILE);
    assert_message(&err, STL_E_FILE, "/dev/full: cannot be written: No space left");

    char folder[512], path[600];
    snprintf(folder, sizeof folder, "%s", scratch_path("full"));
    snprintf(path, sizeof path, "%s/fw.hex", folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    write_whole_file(path, "old", 3);

    /* A limit on file size stands for the full disk: it holds for root, too. */
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const stl_code code = stl_image_save(image, path, STL_IMAGE_HEX, 0, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(code, STL_E_FILE);
    assert_message(&err, STL_E_FILE, "cannot be written: File too large");
    size_t count = 0;
    uint8_t *bytes = read_whole_file(path, &count);
    assert_int_equal(count, 3);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* and nothing else is left in it */
    stl_image_free(image);
}

static void saving_over_a_link_replaces_what_it_names_and_keeps_its_mode(void **state)
{
    (void)state;
    stl_image *image = loaded(DATA_DIR "small.elf", NULL);
    stl_error err;
    const char *real = scratch_path("real.hex"), *link = scratch_path("link.hex");
    write_whole_file(real, "old", 3);
    assert_int_equal(chmod(real, 0640), 0);
    assert_int_equal(symlink(real, link), 0);
    assert_ok(stl_image_save(image, link, STL_IMAGE_AUTO, 0, &err), &err);
    struct stat status;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(real, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    stl_image *again = loaded(real, NULL);
    assert_images_equal(image, again);
    stl_image_free(again);
    stl_image_free(image);
    unlink(link);
    unlink(real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_firmware_in_every_format_is_one_image),
        cmocka_unit_test(files_that_cannot_be_read_say_why),
        cmocka_unit_test(what_is_too_large_is_refused_before_it_is_read),
        cmocka_unit_test(a_gzip_bomb_is_refused),
        cmocka_unit_test(gzip_of_several_members_is_one_file),
        cmocka_unit_test(broken_gzip_is_refused_wherever_it_breaks),
        cmocka_unit_test(only_a_plausible_record_makes_a_text_format),
        cmocka_unit_test(a_stated_format_goes_before_the_contents),
        cmocka_unit_test(the_base_is_for_binaries_and_they_need_it),
        cmocka_unit_test(a_name_that_promises_a_format_is_not_taken_for_a_binary),
        cmocka_unit_test(what_is_saved_is_what_is_loaded),
        cmocka_unit_test(the_entry_address_is_saved_too),
        cmocka_unit_test(what_cannot_be_saved_is_refused),
        cmocka_unit_test(a_full_disk_is_an_error_and_the_old_file_stays),
        cmocka_unit_test(saving_over_a_link_replaces_what_it_names_and_keeps_its_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
