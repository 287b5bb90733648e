/* custody.h - Keys this node keeps for accounts, sealed, and the verifiers of their passwords.
 *
 * Node-local, never chain state. File DIR/custody (docs/format/custody.md): one sealed CBOR item,
 * replaced as a whole; the sealing key is in DIR/custody.key, mode 0600. Secrets are wiped after
 * use. Safe from any thread. */
#ifndef TRUSTSQL_CUSTODY_CUSTODY_H
#define TRUSTSQL_CUSTODY_CUSTODY_H

#include "crypto/sign.h"
#include "custody/scram.h"
#include "os/os.h"

#define CUSTODY_NAME_MAX     63u
#define CUSTODY_PASSWORD_MAX 1024u
#define CUSTODY_ENTRIES_MAX  100000u

struct custody;

/* The files are made when there are none. ST_CORRUPT: damaged, or sealed under another key;
 * ST_NOT_FOUND: there is a custody file but no key. signer is borrowed until custody_close. */
NODISCARD enum status custody_open(struct custody **out,
                                   struct os *os,
                                   struct mem *mem,
                                   const char *dir,
                                   const struct signer *signer);
void custody_close(struct custody *c); /* Null allowed. */

/* Make or replace the entry of name and write the file durably. ST_LIMIT: name or password too long
 * or empty, or too many entries; ST_INVALID: no secret key. After ST_IO or ST_NO_SPACE this process
 * keeps the old entry; the file holds the old or the new one. */
NODISCARD enum status custody_put(struct custody *c,
                                  struct span name,
                                  const struct secret_key *secret,
                                  struct span password);
NODISCARD enum status custody_remove(struct custody *c, struct span name);

/* ST_NOT_FOUND when there is no such entry. */
NODISCARD enum status custody_verifier(struct custody *c,
                                       struct span name,
                                       struct scram_verifier *out);
/* As custody_verifier, but a name without an entry gets the verifier of nobody
 * (scram_verifier_mock) and *is_mock, in the same time: what a door asks for. */
void custody_verifier_or_mock(struct custody *c,
                              struct span name,
                              struct scram_verifier *out,
                              bool *is_mock);
/* The verifier of nobody, for a name that has no entry that counts. */
void custody_mock(struct custody *c, struct span name, struct scram_verifier *out);
NODISCARD enum status custody_public(struct custody *c, struct span name, struct public_key *out);
NODISCARD enum status custody_sign(struct custody *c,
                                   struct span name,
                                   const struct hash *hash,
                                   struct signature *out);

#endif
