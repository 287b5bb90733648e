/* utf8.c - Well-formed UTF-8 (Unicode 15, table 3-7): no overlong form, no surrogate, at most
 * U+10FFFF.
 *
 *   first     second    third     fourth
 *   00..7F
 *   C2..DF    80..BF
 *   E0        A0..BF    80..BF
 *   E1..EC    80..BF    80..BF
 *   ED        80..9F    80..BF
 *   EE..EF    80..BF    80..BF
 *   F0        90..BF    80..BF    80..BF
 *   F1..F3    80..BF    80..BF    80..BF
 *   F4        80..8F    80..BF    80..BF
 */
#include "codec/cbor.h"

#include "base/must.h"

#define WORD_HIGH_BITS 0x8080808080808080u

static size_t character_size(const uint8_t *at, size_t left);
static size_t skip_ascii(struct span text, size_t at);

bool utf8_valid(struct span text)
{
    size_t at = skip_ascii(text, 0);
    while (at < text.size) {
        size_t size = character_size(text.data + at, text.size - at);
        if (size == 0) return false;
        at = skip_ascii(text, at + size);
    }
    must(at == text.size);
    return true;
}

/* Offset of the first byte at or after at that is not ASCII. */
static size_t skip_ascii(struct span text, size_t at)
{
    uint64_t word;
    while (text.size - at >= sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if ((word & WORD_HIGH_BITS) != 0) break;
        at += sizeof word;
    }
    while (at < text.size && text.data[at] < 0x80)
        at++;
    return at;
}

static bool in_range(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

/* Bytes of the character at the start of at[left], whose first byte is not ASCII; 0: malformed. */
static size_t character_size(const uint8_t *at, size_t left)
{
    must(left > 0);
    uint8_t first = at[0];
    size_t size = 0;
    if (in_range(first, 0xC2, 0xDF)) size = 2;
    if (in_range(first, 0xE0, 0xEF)) size = 3;
    if (in_range(first, 0xF0, 0xF4)) size = 4;
    if (size == 0 || left < size) return 0;
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (!in_range(at[1], low, high)) return 0;
    for (size_t i = 2; i < size; i++)
        if (!in_range(at[i], 0x80, 0xBF)) return 0;
    return size;
}
