#include "support/hex.h"

#include "support/cmocka_all.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

size_t hex_bytes(uint8_t *to, size_t size, const char *text)
{
    size_t digits = 0;
    for (; *text != 0; text++) {
        if (*text == ' ' || *text == '\n') continue;
        int value = digit(*text);
        assert_true(value >= 0);
        assert_true(digits / 2 < size);
        to[digits / 2] = (uint8_t)(digits % 2 == 0 ? value * 16 : to[digits / 2] + value);
        digits++;
    }
    assert_true(digits % 2 == 0);
    return digits / 2;
}

struct hash hex_hash(const char *text)
{
    struct hash out;
    assert_int_equal(hex_bytes(out.bytes, HASH_SIZE, text), HASH_SIZE);
    return out;
}

void hex_assert_equal(struct span bytes, const char *text)
{
    uint8_t want[4096];
    size_t size = hex_bytes(want, sizeof want, text);
    assert_int_equal(bytes.size, size);
    if (size > 0) assert_memory_equal(bytes.data, want, size);
}
