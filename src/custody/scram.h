/* scram.h - SCRAM-SHA-256 (RFC 5802, RFC 7677), server side, as PostgreSQL speaks it.
 *
 * A verifier never gives the password back. An unknown user gets a verifier made from a secret and
 * the name, so that it takes as long and looks the same as a wrong password. Channel binding is not
 * offered. Passwords are used byte for byte: SASLprep changes nothing in ASCII, and for what it
 * would change PostgreSQL, too, falls back to the bytes as they are. Pure but for the inputs given;
 * one exchange belongs to one thread. */
#ifndef TRUSTSQL_CUSTODY_SCRAM_H
#define TRUSTSQL_CUSTODY_SCRAM_H

#include "base/buf.h"
#include "base/status.h"

#define SCRAM_ITERATIONS  4096u
#define SCRAM_SALT_SIZE   16u
#define SCRAM_KEY_SIZE    32u
#define SCRAM_NONCE_SIZE  18u /* Random bytes behind the server's part of the nonce. */
#define SCRAM_NONCE_MAX   64u /* Characters of the server's part. */
#define SCRAM_MESSAGE_MAX 1024u

struct scram_verifier {
    uint32_t iterations;
    uint8_t salt[SCRAM_SALT_SIZE];
    uint8_t stored_key[SCRAM_KEY_SIZE];
    uint8_t server_key[SCRAM_KEY_SIZE];
};

/* With SCRAM_ITERATIONS. ST_NO_MEMORY when the library cannot work. */
NODISCARD enum status scram_verifier_make(struct scram_verifier *out,
                                          struct span password,
                                          const uint8_t salt[SCRAM_SALT_SIZE]);

/* The verifier shown for a user that does not exist; secret is the node's own, 32 bytes. */
void scram_verifier_mock(struct scram_verifier *out, const uint8_t secret[32], struct span name);

/* random in Base64, terminated: the server's part of the nonce. */
#define SCRAM_NONCE_TEXT 25u
void scram_nonce_text(char out[SCRAM_NONCE_TEXT], const uint8_t random[SCRAM_NONCE_SIZE]);

struct scram; /* One exchange. */

/* nonce: 1 to SCRAM_NONCE_MAX printable characters, no comma; never used twice. A mock verifier
 * runs the whole exchange and is denied at the end. */
NODISCARD enum status scram_new(struct scram **out,
                                struct mem *mem,
                                const struct scram_verifier *verifier,
                                bool is_mock,
                                struct span nonce);
void scram_free(struct scram *s); /* Null allowed; wipes. */

/* Feed the client's message; reply (appended) is the server's. ST_OK, ST_INVALID for a malformed
 * message, ST_DENIED for a wrong proof, ST_NO_MEMORY. *is_done after the second good one. After a
 * failure or the end every call is ST_INVALID. */
NODISCARD enum status scram_step(struct scram *s,
                                 struct span client,
                                 struct buf *reply,
                                 bool *is_done);

#endif
