/* passphrase.h - Secrets that commands are told: of key files and of accounts; never by argument.
 */
#ifndef TRUSTSQL_CMD_PASSPHRASE_H
#define TRUSTSQL_CMD_PASSPHRASE_H

#include "cmd/cmd.h"
#include "trustsql.h"

#define PASSPHRASE_MAX 1024u

/* Into out[PASSPHRASE_MAX]; false: there is none, complained. Wipe after use. */
bool passphrase_ask(const struct command *self, char *out);

/* The first line of a file, or, when file is null, asked for on the terminal. ST_INVALID: it is
 * empty. Into out[PASSPHRASE_MAX]; wipe after use. */
NODISCARD enum status password_read(const char *file, const char *prompt, char *out);

/* Read a key file, with a passphrase when it needs one. False: complained. */
bool key_file_read(const struct command *self,
                   const struct trustsql *lib,
                   struct trustsql_key *out,
                   const char *path);

#endif
