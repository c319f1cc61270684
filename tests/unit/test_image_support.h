/* tests/unit/test_image_support.h: what the tests of images and CRCs share. */
#ifndef TEST_IMAGE_SUPPORT_H
#define TEST_IMAGE_SUPPORT_H

#include "stl/error.h"
#include "stl/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

/* xorshift64*: the same numbers everywhere for one seed. */
typedef struct rng {
    uint64_t state;
} rng;

static inline uint32_t rng_below(rng *r, uint32_t limit)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)((r->state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % limit;
}

/* STL_SEED in the environment repeats a run; without it the seed is fixed, so that CI is stable. */
static inline rng rng_announced(const char *what)
{
    const char *given = getenv("STL_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 0) : 0x5EED1;
    print_message("%s: STL_SEED=0x%llx\n", what, (unsigned long long)seed);
    return (rng){seed * 2 + 1};
}

static inline stl_code parse_as(stl_image_format format, const char *name, const void *bytes,
                                size_t byte_count, stl_image **out, stl_error *err)
{
    const stl_image_options options = {.format = format};
    return stl_image_parse(name, bytes, byte_count, &options, out, err);
}

/* The whole error in one line, for messages and substring checks. */
static inline const char *error_line(const stl_error *err)
{
    static char text[1024];
    stl_error_text(err, text, sizeof text);
    return text;
}

static inline void assert_message(const stl_error *err, stl_code code, const char *wanted)
{
    if (err->code != code || !strstr(error_line(err), wanted))
        fail_msg("wanted %s \"%s\", got %s \"%s\"", stl_code_name(code), wanted,
                 stl_code_name(err->code), error_line(err));
}

static inline void assert_ok(stl_code code, const stl_error *err)
{
    if (code)
        fail_msg("%s: %s", stl_code_name(code), error_line(err));
}

static inline void assert_images_equal(const stl_image *a, const stl_image *b)
{
    assert_int_equal(stl_image_segment_count(a), stl_image_segment_count(b));
    for (size_t i = 0; i < stl_image_segment_count(a); i++) {
        const stl_segment x = stl_image_segment(a, i), y = stl_image_segment(b, i);
        assert_int_equal(x.addr, y.addr);
        assert_int_equal(x.byte_count, y.byte_count);
        assert_memory_equal(x.bytes, y.bytes, x.byte_count);
    }
}

/* A path of this process in the build folder. */
static inline const char *scratch_path(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/scratch-%ld-%s", STL_BINARY_DIR, (long)getpid(), name);
    return path;
}

static inline void write_whole_file(const char *path, const void *bytes, size_t byte_count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (byte_count)
        assert_int_equal(fwrite(bytes, 1, byte_count, file), byte_count);
    assert_int_equal(fclose(file), 0);
}

/* Owned by the caller. */
static inline uint8_t *read_whole_file(const char *path, size_t *byte_count)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    *byte_count = fread(bytes, 1, (size_t)size, file);
    assert_int_equal(*byte_count, size);
    fclose(file);
    return bytes;
}

/* Up to 20 runs of up to 600 bytes near base_addr, some touching, some far apart. */
static inline stl_image *random_image(rng *r, uint32_t base_addr, uint32_t span_bytes)
{
    stl_image *image = NULL;
    stl_error err;
    assert_ok(stl_image_new(&image, &err), &err);
    for (uint32_t run = 1 + rng_below(r, 20); run--;) {
        uint8_t bytes[600];
        const uint32_t count = 1 + rng_below(r, sizeof bytes);
        for (uint32_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)rng_below(r, 256);
        const uint32_t addr = base_addr + rng_below(r, span_bytes - count);
        assert_ok(stl_image_write(image, addr, bytes, count, &err), &err);
    }
    return image;
}

#endif
