/* scram.h - SCRAM-SHA-256 (RFC 5802, RFC 7677), server side, as PostgreSQL speaks it.
 *
 * A verifier never gives the password back. An unknown user gets a verifier made from a secret and the
 * name, so that it takes as long and looks the same as a wrong password. Pure but for the inputs given;
 * thread-safe. */
#ifndef TRUSTSQL_CUSTODY_SCRAM_H
#define TRUSTSQL_CUSTODY_SCRAM_H

#include "base/buf.h"
#include "base/status.h"

#define SCRAM_ITERATIONS 4096u
#define SCRAM_SALT_SIZE  16u
#define SCRAM_KEY_SIZE   32u
#define SCRAM_NONCE_SIZE 18u

struct scram_verifier {
    uint32_t iterations;
    uint8_t salt[SCRAM_SALT_SIZE];
    uint8_t stored_key[SCRAM_KEY_SIZE];
    uint8_t server_key[SCRAM_KEY_SIZE];
};

NODISCARD enum status scram_verifier_make(struct scram_verifier *out, struct span password,
                                          const uint8_t salt[SCRAM_SALT_SIZE]);

/* The verifier shown for a user that does not exist; secret is the node's own, 32 bytes. */
void scram_verifier_mock(struct scram_verifier *out, const uint8_t secret[32], struct span name);

struct scram; /* One exchange. */
NODISCARD enum status scram_new(struct scram **out, struct mem *mem,
                                const struct scram_verifier *verifier, bool is_mock,
                                const uint8_t nonce[SCRAM_NONCE_SIZE]);
void scram_free(struct scram *s);

/* Feed the client's message; reply (appended) is the server's. ST_OK, ST_INVALID for a malformed
 * message, ST_DENIED for a wrong proof. *is_done after the second good one. */
NODISCARD enum status scram_step(struct scram *s, struct span client, struct buf *reply,
                                 bool *is_done);

#endif
