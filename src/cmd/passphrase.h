/* passphrase.h - The passphrase of a key file: from TRUSTSQL_PASSPHRASE, or asked for. */
#ifndef TRUSTSQL_CMD_PASSPHRASE_H
#define TRUSTSQL_CMD_PASSPHRASE_H

#include "cmd/cmd.h"
#include "trustsql.h"

#define PASSPHRASE_MAX 1024u

/* Into out[PASSPHRASE_MAX]; false: there is none, complained. Wipe after use. */
bool passphrase_ask(const struct command *self, char *out);

/* Read a key file, with a passphrase when it needs one. False: complained. */
bool key_file_read(const struct command *self,
                   const struct trustsql *lib,
                   struct trustsql_key *out,
                   const char *path);

#endif
