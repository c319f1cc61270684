/* core/nvm/nvm_signature.c: the signature of a page, as target code computes it too.
 * High word: CRC-32, polynomial 0x04C11DB7, initial value all ones, fed with little-endian words, most
 * significant bit first: what the CRC unit of an STM32L1 gives (facts/stm32l1 6). Low word: a
 * multiplicative mix that shares no structure with the CRC. Together 64 bits. */
#include "stl/bytes.h"
#include "stl/nvm.h"

#define MIX_SEED   0x2545F491u
#define MIX_FACTOR 0x85EBCA6Bu

static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
    /* a nibble at a time: 16 entries, no table to set up at run time */
    static const uint32_t table[16] = {
        0x00000000, 0x04C11DB7, 0x09823B6E, 0x0D4326D9, 0x130476DC, 0x17C56B6B,
        0x1A864DB2, 0x1E475005, 0x2608EDB8, 0x22C9F00F, 0x2F8AD6D6, 0x2B4BCB61,
        0x350C9B64, 0x31CD86D3, 0x3C8EA00A, 0x384FBDBD,
    };
    crc ^= (uint32_t)byte << 24;
    crc = crc << 4 ^ table[crc >> 28];
    return crc << 4 ^ table[crc >> 28];
}

uint64_t stl_nvm_page_signature(const uint8_t *bytes, size_t byte_count)
{
    uint32_t crc = 0xFFFFFFFFu, mix = MIX_SEED;
    for (size_t at = 0; at + 4 <= byte_count; at += 4) {
        for (unsigned i = 4; i-- > 0;)
            crc = crc_byte(crc, bytes[at + i]);
        mix = (mix ^ stl_get_u32le(bytes + at)) * MIX_FACTOR;
        mix = mix >> 13 | mix << 19;
    }
    return (uint64_t)crc << 32 | mix;
}
