/* md5.c - MD5 as RFC 1321 has it.
 *
 * Own code, because the library that has it may refuse it by the machine's policy, and a result of
 * the chain must not depend on that. */
#include "sql/md5.h"

#include "base/endian.h"
#include "base/must.h"

#define BLOCK_SIZE 64u
#define WORDS      16u

/* floor(2^32 × |sin(i + 1)|) */
static const uint32_t sines[64] = {
    0xd76aa478u, 0xe8c7b756u, 0x242070dbu, 0xc1bdceeeu, 0xf57c0fafu, 0x4787c62au, 0xa8304613u,
    0xfd469501u, 0x698098d8u, 0x8b44f7afu, 0xffff5bb1u, 0x895cd7beu, 0x6b901122u, 0xfd987193u,
    0xa679438eu, 0x49b40821u, 0xf61e2562u, 0xc040b340u, 0x265e5a51u, 0xe9b6c7aau, 0xd62f105du,
    0x02441453u, 0xd8a1e681u, 0xe7d3fbc8u, 0x21e1cde6u, 0xc33707d6u, 0xf4d50d87u, 0x455a14edu,
    0xa9e3e905u, 0xfcefa3f8u, 0x676f02d9u, 0x8d2a4c8au, 0xfffa3942u, 0x8771f681u, 0x6d9d6122u,
    0xfde5380cu, 0xa4beea44u, 0x4bdecfa9u, 0xf6bb4b60u, 0xbebfbc70u, 0x289b7ec6u, 0xeaa127fau,
    0xd4ef3085u, 0x04881d05u, 0xd9d4d039u, 0xe6db99e5u, 0x1fa27cf8u, 0xc4ac5665u, 0xf4292244u,
    0x432aff97u, 0xab9423a7u, 0xfc93a039u, 0x655b59c3u, 0x8f0ccc92u, 0xffeff47du, 0x85845dd1u,
    0x6fa87e4fu, 0xfe2ce6e0u, 0xa3014314u, 0x4e0811a1u, 0xf7537e82u, 0xbd3af235u, 0x2ad7d2bbu,
    0xeb86d391u,
};

static const uint8_t shifts[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void add_block(uint32_t state[4], const uint8_t *block);
static uint32_t mix(uint32_t round, uint32_t b, uint32_t c, uint32_t d);

void md5_of(uint8_t out[MD5_SIZE], struct span bytes)
{
    uint32_t state[4] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
    size_t at = 0;
    for (; bytes.size - at >= BLOCK_SIZE; at += BLOCK_SIZE)
        add_block(state, bytes.data + at);
    /* The rest, the bit 1, zeroes, and the length in bits: one or two blocks. */
    uint8_t last[2 * BLOCK_SIZE] = {0};
    const size_t rest = bytes.size - at;
    if (rest > 0) memcpy(last, bytes.data + at, rest);
    last[rest] = 0x80;
    const size_t size = rest + 9 <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    put_u64_le(last + size - 8, (uint64_t)bytes.size * 8);
    for (at = 0; at < size; at += BLOCK_SIZE)
        add_block(state, last + at);
    for (size_t i = 0; i < 4; i++)
        put_u32_le(out + 4 * i, state[i]);
}

static void add_block(uint32_t state[4], const uint8_t *block)
{
    uint32_t words[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        words[i] = get_u32_le(block + 4 * i);
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    for (uint32_t i = 0; i < 64; i++) {
        static const uint8_t factors[4] = {1, 5, 3, 7};
        static const uint8_t starts[4] = {0, 1, 5, 0};
        const uint32_t round = i / WORDS;
        const uint32_t word = words[(factors[round] * i + starts[round]) % WORDS];
        const uint32_t sum = a + mix(round, b, c, d) + sines[i] + word;
        const uint32_t shift = shifts[round][i % 4];
        a = d;
        d = c;
        c = b;
        b += sum << shift | sum >> (32 - shift);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static uint32_t mix(uint32_t round, uint32_t b, uint32_t c, uint32_t d)
{
    must(round < 4);
    if (round == 0) return (b & c) | (~b & d);
    if (round == 1) return (b & d) | (c & ~d);
    return round == 2 ? b ^ c ^ d : c ^ (b | ~d);
}
