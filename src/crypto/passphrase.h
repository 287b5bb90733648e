/* passphrase.h - A 32-byte secret under a passphrase: Argon2id and XSalsa20-Poly1305 (libsodium).
 *
 * Sealing is a pure function of its inputs: salt and nonce are the caller's, drawn at random for
 * each box. Thread-safe. */
#ifndef TRUSTSQL_CRYPTO_PASSPHRASE_H
#define TRUSTSQL_CRYPTO_PASSPHRASE_H

#include <stdint.h>

#include "base/span.h"
#include "base/status.h"

#define PASSPHRASE_SECRET_SIZE 32u
#define PASSPHRASE_SALT_SIZE   16u
#define PASSPHRASE_NONCE_SIZE  24u
#define PASSPHRASE_SEALED_SIZE (PASSPHRASE_SECRET_SIZE + 16u)

/* What one opening may cost, whoever wrote the box. */
#define PASSPHRASE_PASSES_MAX     16u
#define PASSPHRASE_MEMORY_KIB_MIN 8u
#define PASSPHRASE_MEMORY_KIB_MAX (1u << 20)

struct passphrase_box {
    uint32_t passes;     /* 1…PASSPHRASE_PASSES_MAX */
    uint32_t memory_kib; /* PASSPHRASE_MEMORY_KIB_MIN…PASSPHRASE_MEMORY_KIB_MAX */
    uint8_t salt[PASSPHRASE_SALT_SIZE];
    uint8_t nonce[PASSPHRASE_NONCE_SIZE];
    uint8_t sealed[PASSPHRASE_SEALED_SIZE];
};

/* Fill box->sealed; everything else in box is set. ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status passphrase_seal(struct passphrase_box *box,
                                      const uint8_t secret[PASSPHRASE_SECRET_SIZE],
                                      struct span passphrase);

/* ST_DENIED: another passphrase, or a changed box. ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status passphrase_open(uint8_t secret[PASSPHRASE_SECRET_SIZE],
                                      const struct passphrase_box *box,
                                      struct span passphrase);

#endif
