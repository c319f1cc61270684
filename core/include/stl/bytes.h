/* core/include/stl/bytes.h: byte order. The wire and the target are little-endian. */
#ifndef STL_BYTES_H
#define STL_BYTES_H

#include <stdint.h>

static inline uint16_t stl_get_u16le(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint16_t stl_get_u16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t stl_get_u32le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t stl_get_u64le(const uint8_t *p)
{
    return (uint64_t)stl_get_u32le(p) | (uint64_t)stl_get_u32le(p + 4) << 32;
}

static inline void stl_put_u16le(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void stl_put_u32le(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static inline void stl_put_u64le(uint8_t *p, uint64_t value)
{
    stl_put_u32le(p, (uint32_t)value);
    stl_put_u32le(p + 4, (uint32_t)(value >> 32));
}

#endif
