/* endian.h - Integers to and from bytes, in a fixed order, on any machine. Pure. */
#ifndef TRUSTSQL_BASE_ENDIAN_H
#define TRUSTSQL_BASE_ENDIAN_H

#include <stdint.h>

static inline void put_u16_be(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void put_u32_be(uint8_t *to, uint32_t value)
{
    put_u16_be(to, (uint16_t)(value >> 16));
    put_u16_be(to + 2, (uint16_t)value);
}

static inline void put_u64_be(uint8_t *to, uint64_t value)
{
    put_u32_be(to, (uint32_t)(value >> 32));
    put_u32_be(to + 4, (uint32_t)value);
}

static inline void put_u32_le(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static inline void put_u64_le(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static inline uint16_t get_u16_be(const uint8_t *from)
{
    return (uint16_t)((uint32_t)from[0] << 8 | from[1]);
}

static inline uint32_t get_u32_be(const uint8_t *from)
{
    return (uint32_t)get_u16_be(from) << 16 | get_u16_be(from + 2);
}

static inline uint64_t get_u64_be(const uint8_t *from)
{
    return (uint64_t)get_u32_be(from) << 32 | get_u32_be(from + 4);
}

static inline uint32_t get_u32_le(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static inline uint64_t get_u64_le(const uint8_t *from)
{
    return (uint64_t)get_u32_le(from) | (uint64_t)get_u32_le(from + 4) << 32;
}

#endif
