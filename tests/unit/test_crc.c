/* tests/unit/test_crc.c: CRC models against the catalogue, the STM32 unit, sums. */
#include "test_image_support.h"

#include "stl/bytes.h"
#include "stl/crc.h"

static const char nine[] = "123456789";

static uint64_t crc_of(const stl_crc_model *model, const void *bytes, size_t count, uint64_t *high)
{
    static stl_crc crc;
    stl_error err;
    uint64_t value = 0;
    assert_ok(stl_crc_init(&crc, model, &err), &err);
    stl_crc_update(&crc, bytes, count);
    assert_ok(stl_crc_final(&crc, &value, high, &err), &err);
    return value;
}

static void every_model_of_the_catalogue_has_its_check_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < stl_crc_model_count(); i++) {
        const stl_crc_model *m = stl_crc_model_at(i);
        uint64_t high = 0;
        const uint64_t value = crc_of(m, nine, m->word_bytes > 1 ? 8 : 9, &high);
        if (value != m->check || high != m->check_high)
            fail_msg("%s: 0x%llx, should be 0x%llx", m->name, (unsigned long long)value,
                     (unsigned long long)m->check);
    }
    assert_int_equal(stl_crc_model_count(), 113 + 1); /* and the STM32 unit */
    assert_null(stl_crc_model_at(stl_crc_model_count()));
}

/* A second implementation, bit by bit as the model is defined, over lengths that reach the sliced
 * path; 9 bytes alone would hardly leave the byte-wise one. */
static uint64_t bitwise(const stl_crc_model *m, const uint8_t *bytes, size_t count)
{
    const uint64_t top = UINT64_C(1) << (m->width - 1), mask = top | (top - 1);
    uint64_t reg = m->init;
    for (size_t i = 0; i < count; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            const uint64_t in = (unsigned)bytes[i] >> (m->refin ? bit : 7 - bit) & 1u;
            const bool out = !!(reg & top) ^ !!in;
            reg = (reg << 1 & mask) ^ (out ? m->poly : 0);
        }
    if (!m->refout)
        return reg ^ m->xorout;
    uint64_t reversed = 0;
    for (unsigned bit = 0; bit < m->width; bit++)
        reversed |= (reg >> bit & 1) << (m->width - 1 - bit);
    return reversed ^ m->xorout;
}

static void tables_agree_with_bit_by_bit_arithmetic_however_the_data_is_cut(void **state)
{
    (void)state;
    rng r = rng_announced("crc");
    static stl_crc crc;
    uint8_t bytes[300];
    stl_error err;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rng_below(&r, 256);
    for (size_t i = 0; i < stl_crc_model_count(); i++) {
        const stl_crc_model *m = stl_crc_model_at(i);
        if (m->width > 64 || m->word_bytes > 1)
            continue;
        assert_ok(stl_crc_init(&crc, m, &err), &err);
        for (size_t at = 0, n; at < sizeof bytes; at += n) {
            n = rng_below(&r, 40);
            n = n < sizeof bytes - at ? n : sizeof bytes - at;
            stl_crc_update(&crc, bytes + at, n);
        }
        uint64_t value = 0;
        assert_ok(stl_crc_final(&crc, &value, NULL, &err), &err);
        if (value != bitwise(m, bytes, sizeof bytes))
            fail_msg("%s", m->name);
    }
}

/* users.md E-I: the names people use for these. */
static void models_are_found_by_alias_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *alias;
        uint64_t check;
    } known[] = {
        {"zlib", 0xCBF43926},    {"CRC-32", 0xCBF43926},
        {"crc-32c", 0xE3069283}, {"CCITT-FALSE", 0x29B1},
        {"xmodem", 0x31C3},      {"AUG-CCITT", 0xE5CC},
        {"Kermit", 0x2189},      {"X-25", 0x906E},
        {"modbus", 0x4B37},      {"BUYPASS", 0xFEE8},
        {"jamcrc", 0x340BC6D9},  {"cksum", 0x765E7680},
        {"stm32", 0xFEFC54F9},   {"crc-16/usb", 0xB4C8},
        {"CRC-24", 0x21CF02},    {"CRC-64/XZ", 0x995DC9BBDF1939FA},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const stl_crc_model *m = stl_crc_find(known[i].alias);
        assert_non_null(m);
        assert_int_equal(m->check, known[i].check);
    }
    assert_null(stl_crc_find("CRC-33"));
    assert_null(stl_crc_find(""));

    const char *alias = NULL, *model = NULL;
    size_t count = 0;
    while (stl_crc_alias_at(count++, &alias, &model)) {
        assert_ptr_equal(stl_crc_find(alias), stl_crc_find(model));
        assert_non_null(stl_crc_find(model));
    }
    assert_true(count > 40);
}

/* facts/stm32l1.md section 6, and users.md E-II. */
static void the_stm32_unit_gives_the_vectors_of_its_fact_sheet(void **state)
{
    (void)state;
    static const uint32_t four[] = {0x11111111, 0x22222222, 0x33333333, 0x44444444};
    static const uint32_t eight[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const uint32_t two[] = {0x12345678, 0x9ABCDEF0};
    static uint8_t zeros[512 * 1024], count[256], ones[256];
    for (unsigned i = 0; i < 256; i++)
        count[i] = (uint8_t)i;
    memset(ones, 0xFF, sizeof ones);
    uint8_t words[64];
    const struct {
        const void *bytes;
        size_t byte_count;
        uint32_t unit, zlib;
    } vectors[] = {
        {two, 4, 0xDF8A8A2B, 0xAF6D87D2},
        {two, 8, 0x7D24A31B, 0x86829DEB},
        {four, 16, 0xBB06E699, 0x76F3B1FB},
        {zeros, 4, 0xC704DD7B, 0x2144DF1C},
        {ones, 4, 0x00000000, 0xFFFFFFFF},
        {eight, 32, 0x0424686C, 0x790723DC},
        {count, 256, 0xB7EC66F4, 0x29058C73},
        {"123456789ABC", 12, 0xF8506732, 0x2B17826E},
        {"12345678", 8, 0xFEFC54F9, 0x9AE0DAAF},
        {"123456789\xFF\xFF\xFF", 12, 0xD9020D98, 0},
        {"123456789\0\0\0", 12, 0xAFF19057, 0},
        {zeros, 128, 0x46A0EABC, 0xC2A8FA9D},
        {zeros, 256, 0xE55E964F, 0x0D968558},
        {ones, 256, 0x7BEAEA80, 0xFEA8A821},
        {zeros, 32 * 1024, 0x9AC0077F, 0x011FFCA6},
        {zeros, 64 * 1024, 0x288E1614, 0xD7978EEB},
        {zeros, 128 * 1024, 0x4C4CE881, 0x7EE8CDCD},
        {zeros, 256 * 1024, 0xBBA88FB8, 0xE20EEA22},
        {zeros, 384 * 1024, 0xB11371DB, 0x24713772},
        {zeros, 512 * 1024, 0xCAAF9951, 0x75660AAC},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const uint8_t *bytes = vectors[i].bytes;
        if (bytes == (const uint8_t *)two || bytes == (const uint8_t *)four ||
            bytes == (const uint8_t *)eight) { /* words of the host, into target order */
            for (size_t w = 0; w < vectors[i].byte_count / 4; w++)
                stl_put_u32le(words + 4 * w, ((const uint32_t *)vectors[i].bytes)[w]);
            bytes = words;
        }
        const size_t n = vectors[i].byte_count;
        assert_int_equal(crc_of(stl_crc_find("stm32"), bytes, n, NULL), vectors[i].unit);
        assert_int_equal(stl_crc_stm32(STL_CRC_STM32_INIT, bytes, n / 4), vectors[i].unit);
        if (vectors[i].zlib)
            assert_int_equal(stl_crc32(0, bytes, n), vectors[i].zlib);
    }
}

static void words_may_arrive_in_any_pieces_but_must_be_whole_at_the_end(void **state)
{
    (void)state;
    static stl_crc crc;
    stl_error err;
    uint64_t value = 0;
    for (size_t cut = 0; cut <= 12; cut++)
        for (size_t second = cut; second <= 12; second++) {
            assert_ok(stl_crc_init(&crc, stl_crc_find("stm32"), &err), &err);
            stl_crc_update(&crc, "123456789ABC", cut);
            stl_crc_update(&crc, &"123456789ABC"[cut], second - cut);
            if (second % 4)
                assert_int_equal(stl_crc_final(&crc, &value, NULL, &err), STL_E_ARGUMENT);
            stl_crc_update(&crc, &"123456789ABC"[second], 12 - second);
            assert_ok(stl_crc_final(&crc, &value, NULL, &err), &err);
            assert_int_equal(value, 0xF8506732);
        }
    assert_ok(stl_crc_init(&crc, stl_crc_find("stm32"), &err), &err);
    stl_crc_update(&crc, nine, 9);
    assert_int_equal(stl_crc_final(&crc, &value, NULL, &err), STL_E_ARGUMENT);
    assert_message(&err, STL_E_ARGUMENT, "CRC-32/STM32 takes words of 4 bytes, 1 bytes are left");
    assert_non_null(strstr(err.hint, "pad"));
}

static void impossible_models_are_refused(void **state)
{
    (void)state;
    static stl_crc crc;
    stl_error err;
    const stl_crc_model good = *stl_crc_find("CRC-16/ARC");
    stl_crc_model bad = good;
    bad.width = 2;
    assert_int_equal(stl_crc_init(&crc, &bad, &err), STL_E_ARGUMENT);
    bad.width = 129;
    assert_int_equal(stl_crc_init(&crc, &bad, &err), STL_E_ARGUMENT);
    bad = good;
    bad.poly = 0x18005;
    assert_int_equal(stl_crc_init(&crc, &bad, &err), STL_E_ARGUMENT);
    assert_message(&err, STL_E_ARGUMENT, "more than 16 bits");
    bad = good;
    bad.xorout_high = 1;
    assert_int_equal(stl_crc_init(&crc, &bad, &err), STL_E_ARGUMENT);
    bad = good;
    bad.word_bytes = 3;
    assert_int_equal(stl_crc_init(&crc, &bad, &err), STL_E_ARGUMENT);
}

static uint32_t sum_of(stl_sum_kind kind, const void *bytes, size_t count)
{
    stl_sum sum;
    stl_sum_init(&sum, kind);
    stl_sum_update(&sum, bytes, count);
    return stl_sum_final(&sum);
}

static void sums_have_their_known_values(void **state)
{
    (void)state;
    static const struct {
        stl_sum_kind kind;
        const char *bytes;
        uint32_t value;
    } known[] = {
        {STL_SUM_8, "123456789", 0xDD},
        {STL_SUM_16, "123456789", 0x01DD},
        {STL_SUM_32, "123456789", 0x000001DD},
        {STL_SUM_WORDS_16, "abcdef", 0x2D29}, /* 0x6261 + 0x6463 + 0x6665, 16 bits */
        {STL_SUM_WORDS_16, "abcde", 0xC729},  /* 0x6261 + 0x6463 + 0x0065 */
        {STL_SUM_WORDS_32, "abcde", 0x646362C6},
        {STL_SUM_TWOS_8, "123456789", 0x23},
        {STL_SUM_TWOS_16, "abcdef", 0xD2D7},
        {STL_SUM_TWOS_32, "abcd", 0x9B9C9D9F},
        {STL_SUM_XOR_8, "123456789", 0x31},
        {STL_SUM_XOR_32, "abcdabcde", 0x00000065},
        {STL_SUM_FLETCHER_16, "abcde", 0xC8F0}, /* the values everybody quotes */
        {STL_SUM_FLETCHER_16, "abcdef", 0x2057},
        {STL_SUM_FLETCHER_16, "abcdefgh", 0x0627},
        {STL_SUM_FLETCHER_32, "abcde", 0xF04FC729},
        {STL_SUM_FLETCHER_32, "abcdef", 0x56502D2A},
        {STL_SUM_FLETCHER_32, "abcdefgh", 0xEBE19591},
        {STL_SUM_ADLER_32, "123456789", 0x091E01DE},
        {STL_SUM_ADLER_32, "Wikipedia", 0x11E60398},
        {STL_SUM_ADLER_32, "", 1},
        {STL_SUM_8, "", 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t value = sum_of(known[i].kind, known[i].bytes, strlen(known[i].bytes));
        if (value != known[i].value)
            fail_msg("%s of \"%s\": 0x%x, should be 0x%x", stl_sum_name(known[i].kind),
                     known[i].bytes, value, known[i].value);
    }
}

static void sums_do_not_depend_on_how_the_data_is_cut(void **state)
{
    (void)state;
    rng r = rng_announced("sums");
    uint8_t bytes[103];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rng_below(&r, 256);
    for (unsigned kind = 0; kind < STL_SUM_KIND_COUNT; kind++)
        for (unsigned round = 0; round < 50; round++) {
            stl_sum sum;
            stl_sum_init(&sum, (stl_sum_kind)kind);
            for (size_t at = 0, n; at < sizeof bytes; at += n) {
                n = rng_below(&r, 9);
                n = n < sizeof bytes - at ? n : sizeof bytes - at;
                stl_sum_update(&sum, bytes + at, n);
            }
            assert_int_equal(stl_sum_final(&sum), sum_of((stl_sum_kind)kind, bytes, sizeof bytes));
        }
}

/* The two's complement kinds exist so that data and value add to zero. */
static void data_and_its_twos_complement_add_to_zero(void **state)
{
    (void)state;
    uint8_t bytes[12] = "12345678";
    stl_put_u32le(bytes + 8, sum_of(STL_SUM_TWOS_32, bytes, 8));
    assert_int_equal(sum_of(STL_SUM_WORDS_32, bytes, 12), 0);
    bytes[8] = (uint8_t)sum_of(STL_SUM_TWOS_8, bytes, 8);
    assert_int_equal(sum_of(STL_SUM_8, bytes, 9), 0);
}

static void every_sum_has_a_name_and_a_width(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < STL_SUM_KIND_COUNT; kind++) {
        stl_sum_kind found = STL_SUM_KIND_COUNT;
        assert_true(stl_sum_find(stl_sum_name((stl_sum_kind)kind), &found));
        assert_int_equal(found, kind);
        const unsigned width = stl_sum_width(found);
        assert_true(width == 8 || width == 16 || width == 32);
    }
    stl_sum_kind found = STL_SUM_8;
    assert_false(stl_sum_find("sum64", &found));
    assert_true(stl_sum_find("ADLER32", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_of_the_catalogue_has_its_check_value),
        cmocka_unit_test(tables_agree_with_bit_by_bit_arithmetic_however_the_data_is_cut),
        cmocka_unit_test(models_are_found_by_alias_in_any_case),
        cmocka_unit_test(the_stm32_unit_gives_the_vectors_of_its_fact_sheet),
        cmocka_unit_test(words_may_arrive_in_any_pieces_but_must_be_whole_at_the_end),
        cmocka_unit_test(impossible_models_are_refused),
        cmocka_unit_test(sums_have_their_known_values),
        cmocka_unit_test(sums_do_not_depend_on_how_the_data_is_cut),
        cmocka_unit_test(data_and_its_twos_complement_add_to_zero),
        cmocka_unit_test(every_sum_has_a_name_and_a_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
