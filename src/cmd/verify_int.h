/* verify_int.h - The parts of `trustsql verify`. */
#ifndef TRUSTSQL_CMD_VERIFY_INT_H
#define TRUSTSQL_CMD_VERIFY_INT_H

#include "cmd/cmd.h"

/* verify_evidence.c: the bytes of trustsql.evidence, as they are or as psql writes them. Returns an
 * exit code. */
int verify_evidence(const struct command *self,
                    const char *path,
                    const char *genesis,
                    bool is_json);

struct verify_proof_options {
    const char *genesis; /* Its hash in digits, or a file. */
    bool is_json;
};

/* verify_proof.c: a proof in CBOR, in JSON, or as psql writes bytea. Returns an exit code. */
int verify_proof(const struct command *self,
                 const char *path,
                 const struct verify_proof_options *options);

/* psql writes bytea as "\x" and digits: such a file is taken as what it means. */
NODISCARD enum status verify_from_hex(struct buf *file);

#endif
