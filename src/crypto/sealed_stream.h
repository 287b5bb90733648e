/* sealed_stream.h - A stream of pieces under a passphrase: Argon2id for the key, XChaCha20-Poly1305
 * (libsodium's secretstream) for the pieces, so that none can be changed, left out, repeated, put
 * elsewhere or cut off at the end without being found.
 *
 * Pure but for memory: salt and key header are made of the caller's random bytes. One thread. */
#ifndef TRUSTSQL_CRYPTO_SEALED_STREAM_H
#define TRUSTSQL_CRYPTO_SEALED_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/status.h"

#define SEALED_SALT_SIZE      16u
#define SEALED_HEADER_SIZE    24u
#define SEALED_OVERHEAD       17u /* Of each piece. */
#define SEALED_STATE_SIZE     52u
#define SEALED_PASSES         3u
#define SEALED_MEMORY_KIB     (64u << 10)
#define SEALED_PASSES_MAX     16u        /* What one opening may cost, whoever */
#define SEALED_MEMORY_KIB_MAX (1u << 20) /* wrote it. */

struct sealed_stream {
    uint8_t state[SEALED_STATE_SIZE]; /* libsodium's. Secret. */
};

struct sealed_head { /* Stands in the clear before the pieces. */
    uint32_t passes;
    uint32_t memory_kib;
    uint8_t salt[SEALED_SALT_SIZE];
    uint8_t header[SEALED_HEADER_SIZE];
};

/* head: all but header set; header is made. ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status sealed_begin(struct sealed_stream *s,
                                   struct sealed_head *head,
                                   struct span passphrase);
/* piece.size + SEALED_OVERHEAD bytes to out. */
void sealed_push(struct sealed_stream *s, uint8_t *out, struct span piece, bool is_last);

NODISCARD enum status sealed_open(struct sealed_stream *s,
                                  const struct sealed_head *head,
                                  struct span passphrase);
/* sealed.size - SEALED_OVERHEAD bytes to out. ST_DENIED: another passphrase, or not the piece that
 * was written here. */
NODISCARD enum status sealed_pull(struct sealed_stream *s,
                                  uint8_t *out,
                                  struct span sealed,
                                  bool *is_last);

void sealed_wipe(struct sealed_stream *s);

#endif
