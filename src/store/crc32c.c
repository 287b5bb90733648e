/* crc32c.c - CRC-32C by slicing: Kounavis and Berry, "A Systematic Approach to Building High
 * Performance Software-based CRC Generators", 2005. */
#include "store/crc32c.h"

#include "base/endian.h"
#include "base/must.h"

#define POLYNOMIAL 0x82f63b78u /* Reflected 0x1edc6f41. */

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
}

uint32_t crc32c_add(const struct crc32c *c, uint32_t seed, struct span bytes)
{
    uint32_t crc = ~seed;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    must(c->table[0][1] == 0xf26b8303u); /* Initialised. */
    for (; left >= 8; left -= 8, at += 8) {
        uint32_t low = crc ^ get_u32_le(at);
        crc = c->table[7][low & 0xff] ^ c->table[6][(low >> 8) & 0xff] ^
              c->table[5][(low >> 16) & 0xff] ^ c->table[4][low >> 24] ^ c->table[3][at[4]] ^
              c->table[2][at[5]] ^ c->table[1][at[6]] ^ c->table[0][at[7]];
    }
    for (; left > 0; left--, at++)
        crc = (crc >> 8) ^ c->table[0][(crc ^ *at) & 0xff];
    return ~crc;
}
