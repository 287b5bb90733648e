/* identity.h - The certificate that a node makes of its own key for TLS.
 *
 * TLS wants a certificate; this product wants a key. So a node signs an X.509 certificate for
 * itself with its Ed25519 key, and whoever receives one takes out the key and looks it up among the
 * members of the genesis. Name, dates, serial number and signature of the certificate say nothing
 * that is believed: TLS proves that the other side holds the key (the dates are there for tools
 * that look at a handshake). Pure but for OpenSSL's memory; safe from any thread. */
#ifndef TRUSTSQL_CRYPTO_IDENTITY_H
#define TRUSTSQL_CRYPTO_IDENTITY_H

#include "base/buf.h"
#include "crypto/sign.h"

#define IDENTITY_CERTIFICATE_MAX 1024u /* Ours has less than half; larger ones are refused. */

/* When a certificate says it is valid. Seconds of Unix time; before 2050. */
struct identity_span {
    uint64_t from_s;
    uint64_t until_s;
};

/* Appends DER. The same key and span, the same bytes. ST_INVALID: no Ed25519 key, or a span that
 * ends before it begins. */
NODISCARD enum status identity_certificate_make(struct buf *out,
                                                const struct secret_key *secret,
                                                const struct identity_span *valid);

/* Appends the same certificate as PEM, for programs that read it from a file. ST_INVALID: der is
 * no certificate. */
NODISCARD enum status identity_certificate_pem(struct buf *out, struct span der);

/* The Ed25519 key of a certificate. ST_INVALID: not one certificate and nothing behind it, or
 * another kind of key. Neither dates nor signature are looked at: see above. */
NODISCARD enum status identity_certificate_key(struct public_key *out, struct span der);

#endif
