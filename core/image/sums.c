/* core/image/sums.c: additive sums, XOR, Fletcher, Adler-32; see stl/crc.h.
 * Source: J. G. Fletcher, IEEE Trans. Comm. COM-30, 1982; RFC 1950 for Adler-32, by zlib. */
#include "stl/crc.h"

#include "stl/bytes.h"

#include <strings.h>
#include <zlib.h>

typedef enum step { STEP_ADD, STEP_XOR, STEP_FLETCHER, STEP_ADLER } step;

static const struct {
    const char *name;
    step step;
    uint8_t unit_bytes, width;
    bool is_negated;
} kinds[STL_SUM_KIND_COUNT] = {
    [STL_SUM_8] = {"sum8", STEP_ADD, 1, 8, false},
    [STL_SUM_16] = {"sum16", STEP_ADD, 1, 16, false},
    [STL_SUM_32] = {"sum32", STEP_ADD, 1, 32, false},
    [STL_SUM_WORDS_16] = {"sum16-words", STEP_ADD, 2, 16, false},
    [STL_SUM_WORDS_32] = {"sum32-words", STEP_ADD, 4, 32, false},
    [STL_SUM_TWOS_8] = {"twos8", STEP_ADD, 1, 8, true},
    [STL_SUM_TWOS_16] = {"twos16", STEP_ADD, 2, 16, true},
    [STL_SUM_TWOS_32] = {"twos32", STEP_ADD, 4, 32, true},
    [STL_SUM_XOR_8] = {"xor8", STEP_XOR, 1, 8, false},
    [STL_SUM_XOR_32] = {"xor32", STEP_XOR, 4, 32, false},
    [STL_SUM_FLETCHER_16] = {"fletcher16", STEP_FLETCHER, 1, 16, false},
    [STL_SUM_FLETCHER_32] = {"fletcher32", STEP_FLETCHER, 2, 32, false},
    [STL_SUM_ADLER_32] = {"adler32", STEP_ADLER, 1, 32, false},
};

static bool is_kind(stl_sum_kind kind)
{
    return (unsigned)kind < STL_SUM_KIND_COUNT;
}

const char *stl_sum_name(stl_sum_kind kind)
{
    return is_kind(kind) ? kinds[kind].name : "";
}

bool stl_sum_find(const char *name, stl_sum_kind *kind)
{
    for (unsigned i = 0; i < STL_SUM_KIND_COUNT; i++)
        if (!strcasecmp(name, kinds[i].name)) {
            *kind = (stl_sum_kind)i;
            return true;
        }
    return false;
}

unsigned stl_sum_width(stl_sum_kind kind)
{
    return is_kind(kind) ? kinds[kind].width : 0;
}

unsigned stl_sum_unit_bytes(stl_sum_kind kind)
{
    return is_kind(kind) ? kinds[kind].unit_bytes : 0;
}

void stl_sum_init(stl_sum *sum, stl_sum_kind kind)
{
    *sum = (stl_sum){.kind = is_kind(kind) ? kind : STL_SUM_8};
    if (kinds[sum->kind].step == STEP_ADLER)
        sum->a = 1;
}

static void take_unit(stl_sum *sum, uint32_t unit)
{
    const uint32_t modulus = kinds[sum->kind].unit_bytes == 1 ? 255 : 65535;
    switch (kinds[sum->kind].step) {
    case STEP_ADD:
        sum->a += unit;
        break;
    case STEP_XOR:
        sum->a ^= unit;
        break;
    default:
        sum->a = (sum->a + unit) % modulus;
        sum->b = (sum->b + sum->a) % modulus;
    }
}

static uint32_t get_unit(const uint8_t *bytes, unsigned unit_bytes)
{
    return unit_bytes == 1   ? bytes[0]
           : unit_bytes == 2 ? stl_get_u16le(bytes)
                             : stl_get_u32le(bytes);
}

void stl_sum_update(stl_sum *sum, const void *bytes, size_t byte_count)
{
    const uint8_t *from = bytes;
    const unsigned unit_bytes = kinds[sum->kind].unit_bytes;
    if (kinds[sum->kind].step == STEP_ADLER) {
        if (byte_count)
            sum->a = (uint32_t)adler32_z(sum->a, from, byte_count);
        return;
    }
    while (byte_count && (sum->held_count || byte_count < unit_bytes)) {
        sum->held[sum->held_count++] = *from++;
        byte_count--;
        if (sum->held_count == unit_bytes) {
            take_unit(sum, get_unit(sum->held, unit_bytes));
            sum->held_count = 0;
        }
    }
    for (; byte_count >= unit_bytes; from += unit_bytes, byte_count -= unit_bytes)
        take_unit(sum, get_unit(from, unit_bytes));
    while (byte_count--)
        sum->held[sum->held_count++] = *from++;
}

uint32_t stl_sum_final(const stl_sum *sum)
{
    stl_sum done = *sum;
    if (done.held_count) { /* a tail counts as if followed by zeros */
        for (unsigned i = done.held_count; i < 4; i++)
            done.held[i] = 0;
        take_unit(&done, get_unit(done.held, kinds[done.kind].unit_bytes));
    }
    const unsigned width = kinds[done.kind].width;
    if (kinds[done.kind].step == STEP_FLETCHER)
        return done.b << width / 2 | done.a;
    const uint32_t value = kinds[done.kind].is_negated ? 0 - done.a : done.a;
    return width == 32 ? value : value & (((uint32_t)1 << width) - 1);
}
