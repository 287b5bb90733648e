/* tls.h - TLS 1.3 over bytes: OpenSSL without sockets. Mutual between nodes; for clients of the
 * doors only the server shows a certificate.
 *
 * A node shows a certificate made of its key (crypto/identity.h). Chains, names and
 * dates are not looked at; the owner of the connection says of the key whether it is welcome. No
 * session is resumed, no early data, no older version, no other algorithm than the few named here.
 * OpenSSL draws its own entropy and uses its own memory. One thread. */
#ifndef TRUSTSQL_P2P_TLS_H
#define TRUSTSQL_P2P_TLS_H

#include "base/mem.h"
#include "base/span.h"
#include "base/status.h"
#include "crypto/identity.h"

#define TLS_TEXT_MAX 128u

struct tls_context; /* Our key and certificate. */
struct tls;         /* One connection. */

NODISCARD enum status tls_context_new(struct tls_context **out,
                                      struct mem *mem,
                                      const struct secret_key *key,
                                      const struct identity_span *valid);
/* A server that asks clients for no certificate: struct tls_events needs no key. */
NODISCARD enum status tls_context_new_door(struct tls_context **out,
                                           struct mem *mem,
                                           const struct secret_key *key,
                                           const struct identity_span *valid);
void tls_context_free(struct tls_context *c); /* Connections live on with it. Null allowed. */
/* A new certificate of the same key for later handshakes. */
NODISCARD enum status tls_context_renew(struct tls_context *c, const struct identity_span *valid);

struct tls_events {
    /* Bytes for the other side. False: it cannot take them. */
    bool (*output)(void *context, struct span bytes);
    /* The other side showed this key (it proves later that it holds it). False: go away. Null with
     * the context of a door. */
    bool (*key)(void *context, const struct public_key *key);
    void *context;
};

NODISCARD enum status tls_new(struct tls **out,
                              struct tls_context *c,
                              const struct tls_events *events,
                              bool is_client);
void tls_free(struct tls *t); /* Null allowed. */

/* Bytes from the other side, borrowed until tls_read says ST_BUSY or anything fails. */
void tls_input(struct tls *t, struct span bytes);
/* ST_OK: done. ST_BUSY: wants input. ST_REJECTED: failed, tls_failure tells. */
NODISCARD enum status tls_handshake(struct tls *t);
/* ST_OK: 1…size bytes. ST_BUSY: all input is used. ST_CLOSED: an orderly end. ST_REJECTED. */
NODISCARD enum status tls_read(struct tls *t, void *to, size_t size, size_t *got);
/* One record for at most 16,384 bytes. ST_REJECTED. */
NODISCARD enum status tls_write(struct tls *t, struct span bytes);
void tls_end(struct tls *t); /* Say goodbye, if that is possible. */

/* In one line. */
const char *tls_failure(const struct tls *t);

#endif
