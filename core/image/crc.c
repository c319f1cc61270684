/* core/image/crc.c: the parametric CRC; see stl/crc.h.
 *
 * Up to 64 bits the register is kept where shifting is cheapest: at the top of 64 bits when bits go
 * in most significant first, reflected at the bottom when least significant first. Then one table
 * walk of eight bytes (slicing-by-8) serves every width. Wider models, one in the catalogue, go bit
 * by bit. Source: R. N. Williams, A Painless Guide to CRC Error Detection Algorithms, 1993 (the
 * model); Kounavis and Berry, ISCC 2005 (slicing). */
#include "stl/crc.h"

#include "stl/bytes.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#define TOP_BIT ((uint64_t)1 << 63)

typedef struct wide {
    uint64_t high, low;
} wide;

static wide wide_shift_right(wide value, unsigned count)
{
    if (count >= 64)
        return (wide){0, count == 128 ? 0 : value.high >> (count - 64)};
    if (!count)
        return value;
    return (wide){value.high >> count, value.low >> count | value.high << (64 - count)};
}

static wide wide_shift_left(wide value, unsigned count)
{
    if (count >= 64)
        return (wide){count == 128 ? 0 : value.low << (count - 64), 0};
    if (!count)
        return value;
    return (wide){value.high << count | value.low >> (64 - count), value.low << count};
}

static uint64_t reverse_64(uint64_t value)
{
    uint64_t reversed = 0;
    for (unsigned i = 0; i < 64; i++, value >>= 1)
        reversed = reversed << 1 | (value & 1);
    return reversed;
}

/* Reverse the lowest width bits. */
static wide reflect(wide value, unsigned width)
{
    return wide_shift_right((wide){reverse_64(value.low), reverse_64(value.high)}, 128 - width);
}

/* A parameter, as the register has it. */
static wide to_register(const stl_crc_model *model, uint64_t high, uint64_t low)
{
    const wide value = {high, low};
    if (model->refin)
        return reflect(value, model->width);
    return wide_shift_left(value, (model->width <= 64 ? 64 : 128) - model->width);
}

static wide poly_of(const stl_crc_model *model)
{
    return to_register(model, model->poly_high, model->poly);
}

static uint64_t shift_byte(uint64_t reg, uint64_t poly, bool refin)
{
    for (unsigned bit = 0; bit < 8; bit++) {
        if (refin)
            reg = reg >> 1 ^ (reg & 1 ? poly : 0);
        else
            reg = reg << 1 ^ (reg & TOP_BIT ? poly : 0);
    }
    return reg;
}

/* table[n][byte]: what byte does to an empty register with n zero bytes behind it. */
static void fill_tables(stl_crc *crc)
{
    const bool refin = crc->model.refin;
    const uint64_t poly = poly_of(&crc->model).low;
    for (unsigned byte = 0; byte < 256; byte++)
        crc->table[0][byte] = shift_byte(refin ? byte : (uint64_t)byte << 56, poly, refin);
    for (unsigned n = 1; n < 8; n++)
        for (unsigned byte = 0; byte < 256; byte++) {
            const uint64_t reg = crc->table[n - 1][byte];
            crc->table[n][byte] =
                refin ? reg >> 8 ^ crc->table[0][reg & 0xFF] : reg << 8 ^ crc->table[0][reg >> 56];
        }
}

static void update_reflected(stl_crc *crc, const uint8_t *bytes, size_t byte_count)
{
    uint64_t(*const t)[256] = crc->table;
    uint64_t reg = crc->reg;
    for (; byte_count >= 8; bytes += 8, byte_count -= 8) {
        reg ^= stl_get_u64le(bytes);
        reg = t[7][reg & 0xFF] ^ t[6][reg >> 8 & 0xFF] ^ t[5][reg >> 16 & 0xFF] ^
              t[4][reg >> 24 & 0xFF] ^ t[3][reg >> 32 & 0xFF] ^ t[2][reg >> 40 & 0xFF] ^
              t[1][reg >> 48 & 0xFF] ^ t[0][reg >> 56];
    }
    while (byte_count--)
        reg = reg >> 8 ^ t[0][(reg ^ *bytes++) & 0xFF];
    crc->reg = reg;
}

static uint64_t get_u64be(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | p[7];
}

static void update_straight(stl_crc *crc, const uint8_t *bytes, size_t byte_count)
{
    uint64_t(*const t)[256] = crc->table;
    uint64_t reg = crc->reg;
    for (; byte_count >= 8; bytes += 8, byte_count -= 8) {
        reg ^= get_u64be(bytes);
        reg = t[7][reg >> 56] ^ t[6][reg >> 48 & 0xFF] ^ t[5][reg >> 40 & 0xFF] ^
              t[4][reg >> 32 & 0xFF] ^ t[3][reg >> 24 & 0xFF] ^ t[2][reg >> 16 & 0xFF] ^
              t[1][reg >> 8 & 0xFF] ^ t[0][reg & 0xFF];
    }
    while (byte_count--)
        reg = reg << 8 ^ t[0][reg >> 56 ^ *bytes++];
    crc->reg = reg;
}

static void update_wide(stl_crc *crc, const uint8_t *bytes, size_t byte_count)
{
    const wide poly = poly_of(&crc->model);
    const bool refin = crc->model.refin;
    wide reg = {crc->reg_high, crc->reg};
    for (; byte_count--; bytes++) {
        if (refin)
            reg.low ^= *bytes;
        else
            reg.high ^= (uint64_t)*bytes << 56;
        for (unsigned bit = 0; bit < 8; bit++) {
            const bool is_out = refin ? reg.low & 1 : reg.high >> 63;
            reg = refin ? wide_shift_right(reg, 1) : wide_shift_left(reg, 1);
            reg.high ^= is_out ? poly.high : 0;
            reg.low ^= is_out ? poly.low : 0;
        }
    }
    crc->reg_high = reg.high;
    crc->reg = reg.low;
}

uint32_t stl_crc32(uint32_t crc32_so_far, const void *bytes, size_t byte_count)
{
    return (uint32_t)crc32_z(crc32_so_far, bytes, byte_count);
}

static void update_bytes(stl_crc *crc, const uint8_t *bytes, size_t byte_count)
{
    if (crc->is_zlib)
        crc->reg = stl_crc32((uint32_t)crc->reg, bytes, byte_count);
    else if (crc->model.width > 64)
        update_wide(crc, bytes, byte_count);
    else if (crc->model.refin)
        update_reflected(crc, bytes, byte_count);
    else
        update_straight(crc, bytes, byte_count);
}

/* Whole words only: their bytes, most significant first, in runs that stay in the cache. */
static void update_words(stl_crc *crc, const uint8_t *bytes, size_t byte_count)
{
    uint8_t swapped[1024];
    const size_t word_bytes = crc->model.word_bytes;
    while (byte_count) {
        const size_t n = byte_count < sizeof swapped ? byte_count : sizeof swapped;
        for (size_t i = 0; i < n; i += word_bytes)
            for (size_t k = 0; k < word_bytes; k++)
                swapped[i + k] = bytes[i + word_bytes - 1 - k];
        update_bytes(crc, swapped, n);
        bytes += n;
        byte_count -= n;
    }
}

void stl_crc_update(stl_crc *crc, const void *bytes, size_t byte_count)
{
    const uint8_t *from = bytes;
    const unsigned word_bytes = crc->model.word_bytes;
    if (word_bytes <= 1) {
        if (byte_count)
            update_bytes(crc, from, byte_count);
        return;
    }
    while (byte_count && crc->held_count) {
        crc->held[crc->held_count++] = *from++;
        byte_count--;
        if (crc->held_count == word_bytes) {
            update_words(crc, crc->held, word_bytes);
            crc->held_count = 0;
        }
    }
    const size_t whole = byte_count - byte_count % word_bytes;
    if (whole)
        update_words(crc, from, whole);
    for (size_t i = whole; i < byte_count; i++)
        crc->held[crc->held_count++] = from[i];
}

static bool fits(const stl_crc_model *model, uint64_t high, uint64_t low)
{
    const wide rest = wide_shift_right((wide){high, low}, model->width);
    return !rest.high && !rest.low;
}

static stl_code check_model(const stl_crc_model *model, stl_error *err)
{
    if (model->width < STL_CRC_WIDTH_MIN || model->width > STL_CRC_WIDTH_MAX)
        return stl_fail(err, STL_E_ARGUMENT, "count the bits of the polynomial without its top one",
                        "CRC width %u, should be %d to %d", model->width, STL_CRC_WIDTH_MIN,
                        STL_CRC_WIDTH_MAX);
    if (!fits(model, model->poly_high, model->poly) ||
        !fits(model, model->init_high, model->init) ||
        !fits(model, model->xorout_high, model->xorout))
        return stl_fail(err, STL_E_ARGUMENT, "poly is written without its top bit, not reflected",
                        "a CRC parameter has more than %u bits", model->width);
    if (model->word_bytes > 8 || (model->word_bytes & (model->word_bytes - 1)))
        return stl_fail(err, STL_E_ARGUMENT, NULL, "CRC over words of %u bytes, not 1, 2, 4 or 8",
                        model->word_bytes);
    return STL_OK;
}

static bool is_iso_hdlc(const stl_crc_model *model)
{
    return model->width == 32 && model->poly == 0x04C11DB7 && model->init == 0xFFFFFFFF &&
           model->xorout == 0xFFFFFFFF && model->refin && model->refout;
}

stl_code stl_crc_init(stl_crc *crc, const stl_crc_model *model, stl_error *err)
{
    stl_code code = check_model(model, err);
    if (code)
        return code;
    memset(crc, 0, sizeof *crc);
    crc->model = *model;
    crc->is_zlib = is_iso_hdlc(model);
    if (crc->is_zlib)
        return STL_OK; /* zlib keeps the register inverted and starts from 0 */
    const wide reg = to_register(model, model->init_high, model->init);
    crc->reg_high = reg.high;
    crc->reg = reg.low;
    if (model->width <= 64)
        fill_tables(crc);
    return STL_OK;
}

stl_code stl_crc_final(const stl_crc *crc, uint64_t *value, uint64_t *value_high, stl_error *err)
{
    const stl_crc_model *model = &crc->model;
    if (crc->held_count)
        return stl_fail(err, STL_E_ARGUMENT, "pad the range to whole words, with a stated value",
                        "%s takes words of %u bytes, %u bytes are left over",
                        model->name ? model->name : "this CRC", model->word_bytes, crc->held_count);
    wide reg = {crc->reg_high, crc->reg};
    if (!crc->is_zlib) {
        if (!model->refin)
            reg = wide_shift_right(reg, (model->width <= 64 ? 64 : 128) - model->width);
        if (model->refin != model->refout)
            reg = reflect(reg, model->width);
        reg.high ^= model->xorout_high;
        reg.low ^= model->xorout;
    }
    *value = reg.low;
    if (value_high)
        *value_high = reg.high;
    return STL_OK;
}

/* Four bits at a time: 64 bytes of table, fast enough for a target's whole flash, nothing to set
 * up. */
uint32_t stl_crc_stm32(uint32_t reg, const void *words, size_t word_count)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x04C11DB7, 0x09823B6E, 0x0D4326D9, 0x130476DC, 0x17C56B6B,
        0x1A864DB2, 0x1E475005, 0x2608EDB8, 0x22C9F00F, 0x2F8AD6D6, 0x2B4BCB61,
        0x350C9B64, 0x31CD86D3, 0x3C8EA00A, 0x384FBDBD,
    };
    const uint8_t *bytes = words;
    for (; word_count--; bytes += 4) {
        reg ^= stl_get_u32le(bytes);
        for (unsigned i = 0; i < 8; i++)
            reg = reg << 4 ^ nibbles[reg >> 28];
    }
    return reg;
}
