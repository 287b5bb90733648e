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

#endif
