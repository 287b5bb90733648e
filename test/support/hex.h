/* hex.h - Bytes written as hexadecimal digits in tests. */
#ifndef TRUSTSQL_TEST_HEX_H
#define TRUSTSQL_TEST_HEX_H

#include "base/span.h"
#include "crypto/hash.h"

/* The bytes of text (lower or upper case digits, spaces ignored) into to[size]; how many. Fails the
 * test when text is no hex or does not fit. */
size_t hex_bytes(uint8_t *to, size_t size, const char *text);

/* As hex_bytes for exactly 32 bytes. */
struct hash hex_hash(const char *text);

/* Fails the test unless bytes are what text says. */
void hex_assert_equal(struct span bytes, const char *text);

#endif
