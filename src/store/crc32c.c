/* crc32c.c - CRC-32C by slicing: Kounavis and Berry, "A Systematic Approach to Building High
 * Performance Software-based CRC Generators", 2005; on x86 by the instruction of SSE 4.2. */
#include "store/crc32c.h"

#include "base/endian.h"
#include "base/must.h"

#define POLYNOMIAL 0x82f63b78u /* Reflected 0x1edc6f41. */

static uint32_t by_table(const struct crc32c *c, uint32_t crc, struct span bytes);

#ifdef __x86_64__
static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, struct span bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    uint64_t wide = crc;
    for (; left >= 8; left -= 8, at += 8)
        wide = __builtin_ia32_crc32di(wide, get_u64_le(at));
    uint32_t narrow = (uint32_t)wide;
    for (; left > 0; left--, at++)
        narrow = __builtin_ia32_crc32qi(narrow, *at);
    return narrow;
}
#else
static bool has_instruction(void)
{
    return false;
}

static uint32_t by_instruction(uint32_t crc, struct span bytes)
{
    must(bytes.size > SIZE_MAX - 1); /* Never called. */
    return crc;
}
#endif

void crc32c_init(struct crc32c *c)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ ((value & 1) != 0 ? POLYNOMIAL : 0);
        c->table[0][byte] = value;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int k = 1; k < 8; k++) {
            uint32_t before = c->table[k - 1][byte];
            c->table[k][byte] = (before >> 8) ^ c->table[0][before & 0xff];
        }
    must(c->table[0][1] == 0xf26b8303u);
    c->has_instruction = has_instruction();
}

uint32_t crc32c_add(const struct crc32c *c, uint32_t seed, struct span bytes)
{
    must(c->table[0][1] == 0xf26b8303u); /* Initialised. */
    return ~(c->has_instruction ? by_instruction(~seed, bytes) : by_table(c, ~seed, bytes));
}

static uint32_t by_table(const struct crc32c *c, uint32_t crc, struct span bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= 8; left -= 8, at += 8) {
        uint32_t low = crc ^ get_u32_le(at);
        crc = c->table[7][low & 0xff] ^ c->table[6][(low >> 8) & 0xff] ^
              c->table[5][(low >> 16) & 0xff] ^ c->table[4][low >> 24] ^ c->table[3][at[4]] ^
              c->table[2][at[5]] ^ c->table[1][at[6]] ^ c->table[0][at[7]];
    }
    for (; left > 0; left--, at++)
        crc = (crc >> 8) ^ c->table[0][(crc ^ *at) & 0xff];
    return crc;
}
