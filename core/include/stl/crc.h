/* core/include/stl/crc.h: CRCs by parameters or by catalogue name, and the plain checksums.
 * Pure functions; nothing here allocates. */
#ifndef STL_CRC_H
#define STL_CRC_H

#include "stl/error.h"

#define STL_CRC_WIDTH_MIN 3
#define STL_CRC_WIDTH_MAX 128

/* The Rocksoft parameters, as the RevEng catalogue gives them: poly, init and xorout right-aligned
 * and not reflected. The _high words are bits 64 and up, 0 for all but CRC-82/DARC. */
typedef struct stl_crc_model {
    const char *name;
    unsigned width; /* 3 to 128 bits */
    uint64_t poly, init, xorout;
    bool refin, refout;
    /* 0 or 1: bytes as they come. 2, 4, 8: bytes are little-endian words of that size, fed most
     * significant byte first, as the STM32 CRC unit takes them (RM0038 rev 17, chapter 4). */
    unsigned word_bytes;
    uint64_t check; /* the CRC of the ASCII bytes "123456789"; of "12345678" when word_bytes > 1 */
    uint64_t poly_high, init_high, xorout_high, check_high;
} stl_crc_model;

/* The catalogue, by index and by name or alias, in any case ("crc-32", "modbus", "stm32");
 * NULL past the end, or when the name is unknown. */
size_t stl_crc_model_count(void);
const stl_crc_model *stl_crc_model_at(size_t index);
const stl_crc_model *stl_crc_find(const char *name);

/* Aliases by index: alias is another name of model; false past the end. */
bool stl_crc_alias_at(size_t index, const char **alias, const char **model);

/* A running CRC: owned by the caller, copied freely. Its fields are private; 16 KiB of tables. */
typedef struct stl_crc {
    stl_crc_model model;
    uint64_t reg, reg_high;
    unsigned held_count; /* bytes of a word that is not complete yet */
    uint8_t held[8];
    bool is_zlib; /* CRC-32/ISO-HDLC, for which zlib's routine is faster than ours */
    uint64_t table[8][256];
} stl_crc;

/* Errors: STL_E_ARGUMENT (width, a parameter wider than width, word_bytes). model is copied; its
 * name must outlive the stl_crc. */
STL_MUST_USE stl_code stl_crc_init(stl_crc *crc, const stl_crc_model *model, stl_error *err);
void stl_crc_update(stl_crc *crc, const void *bytes, size_t byte_count);

/* The CRC of all bytes so far; more may follow. value_high may be NULL.
 * Errors: STL_E_ARGUMENT when word_bytes > 1 and the last word is not complete: how it is padded is
 * for the caller to say. */
STL_MUST_USE stl_code stl_crc_final(const stl_crc *crc, uint64_t *value, uint64_t *value_high,
                                    stl_error *err);

/* CRC-32/ISO-HDLC, what zlib, gzip and Ethernet have. Start with crc32 = 0; feed results back in.
 */
uint32_t stl_crc32(uint32_t crc32, const void *bytes, size_t byte_count);
/* The STM32 CRC unit over little-endian words in target order. Start with STL_CRC_STM32_INIT. */
#define STL_CRC_STM32_INIT 0xFFFFFFFFu
uint32_t stl_crc_stm32(uint32_t reg, const void *words, size_t word_count);

/* Plain sums. Words are little-endian, and a tail that fills no word counts as if followed by
 * zeros; sums wrap at their width. All start with 0 except Adler-32, and none but these keep a
 * state. */
typedef enum stl_sum_kind {
    STL_SUM_8,           /* bytes, 8 bits */
    STL_SUM_16,          /* bytes, 16 bits */
    STL_SUM_32,          /* bytes, 32 bits: the checksum of ST-LINK Utility and st-flash */
    STL_SUM_WORDS_16,    /* 16-bit words, 16 bits */
    STL_SUM_WORDS_32,    /* 32-bit words, 32 bits */
    STL_SUM_TWOS_8,      /* 0 - STL_SUM_8: all bytes and this add to 0 */
    STL_SUM_TWOS_16,     /* 0 - STL_SUM_WORDS_16 */
    STL_SUM_TWOS_32,     /* 0 - STL_SUM_WORDS_32: the vector checksum of NXP parts */
    STL_SUM_XOR_8,       /* bytes */
    STL_SUM_XOR_32,      /* 32-bit words */
    STL_SUM_FLETCHER_16, /* bytes, modulo 255; second sum in the high half */
    STL_SUM_FLETCHER_32, /* 16-bit words, modulo 65535; second sum in the high half */
    STL_SUM_ADLER_32,    /* RFC 1950 */
    STL_SUM_KIND_COUNT
} stl_sum_kind;

typedef struct stl_sum {
    stl_sum_kind kind;
    uint32_t a, b; /* the sum; the second sum of Fletcher */
    unsigned held_count;
    uint8_t held[4];
} stl_sum;

/* "sum8", "sum16", "sum32", "sum16-words", "sum32-words", "twos8", "twos16", "twos32", "xor8",
 * "xor32", "fletcher16", "fletcher32", "adler32". */
const char *stl_sum_name(stl_sum_kind kind);
bool stl_sum_find(const char *name, stl_sum_kind *kind); /* in any case */
unsigned stl_sum_width(stl_sum_kind kind);               /* bits of the result */
unsigned stl_sum_unit_bytes(stl_sum_kind kind);          /* 1, or the bytes of the words it adds */

void stl_sum_init(stl_sum *sum, stl_sum_kind kind);
void stl_sum_update(stl_sum *sum, const void *bytes, size_t byte_count);
uint32_t stl_sum_final(const stl_sum *sum); /* more may follow */

#endif
