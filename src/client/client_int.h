/* client_int.h - Inside of libtrustsql: the library object over any os and memory (tests give
 * fakes), and the text of key files. */
#ifndef TRUSTSQL_CLIENT_CLIENT_INT_H
#define TRUSTSQL_CLIENT_CLIENT_INT_H

#include "base/buf.h"
#include "crypto/sign.h"
#include "os/os.h"
#include "trustsql.h"

struct trustsql {
    struct os *os;
    struct mem *mem;
    struct signer *signer;
};

/* As trustsql_new. */
NODISCARD enum status client_new(struct trustsql **out, struct os *os, struct mem *mem);

static inline enum trustsql_status client_status(enum status st)
{
    return (enum trustsql_status)st;
}

/* Fill *out from scheme and secret. */
NODISCARD enum status client_key_of(const struct trustsql *lib,
                                    struct trustsql_key *out,
                                    const struct secret_key *secret);

#define KEY_FILE_SIZE_MAX 1024u

/* The text of a key file, and back. passphrase null: in the clear. docs/format/key.md. */
NODISCARD enum status key_file_print(const struct trustsql *lib,
                                     struct buf *out,
                                     const struct trustsql_key *key,
                                     const char *passphrase);
NODISCARD enum status key_file_parse(const struct trustsql *lib,
                                     struct trustsql_key *out,
                                     struct span text,
                                     const char *passphrase);

#endif
