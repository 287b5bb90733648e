#include "base/hex.h"

void hex_encode(char *out, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.size] = 0;
}

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

enum status hex_decode(uint8_t *out, size_t size, struct span text)
{
    if (text.size != 2 * size) return ST_INVALID;
    for (size_t i = 0; i < text.size; i++)
        if (digit_value(text.data[i]) < 0) return ST_INVALID;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(digit_value(text.data[2 * i]) * 16 + digit_value(text.data[2 * i + 1]));
    return ST_OK;
}
