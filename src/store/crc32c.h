/* crc32c.h - CRC-32C (Castagnoli, as in RFC 3720 appendix B.4), eight bytes a step: by the
 * processor's own instruction where it has one, else by tables.
 *
 * Finds every flipped byte and every burst up to 32 bits. It is no defence against intent: hashes
 * and signatures above it are. The tables are computed once by the caller's crc32c_init, so that
 * there is neither global state nor a page of constants. Pure; thread-safe after init. */
#ifndef TRUSTSQL_STORE_CRC32C_H
#define TRUSTSQL_STORE_CRC32C_H

#include <stdbool.h>

#include "base/span.h"

struct crc32c {
    uint32_t table[8][256]; /* table[k][b]: byte b followed by k zero bytes. */
    bool has_instruction;
};

void crc32c_init(struct crc32c *c);

/* Continue from seed, the checksum of what came before (0: nothing). */
uint32_t crc32c_add(const struct crc32c *c, uint32_t seed, struct span bytes);

#endif
