#include "cmd/passphrase.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/process.h"

bool passphrase_ask(const struct command *self, char *out)
{
    const char *given = getenv("TRUSTSQL_PASSPHRASE");
    if (given != NULL && given[0] != 0) {
        (void)snprintf(out, PASSPHRASE_MAX, "%s", given);
        return true;
    }
    if (terminal_ask_secret("Passphrase: ", out, PASSPHRASE_MAX) == ST_OK && out[0] != 0)
        return true;
    complain(self, "Set TRUSTSQL_PASSPHRASE, or run it on a terminal.", "there is no passphrase");
    return false;
}

bool key_file_read(const struct command *self,
                   const struct trustsql *lib,
                   struct trustsql_key *out,
                   const char *path)
{
    enum trustsql_status st = trustsql_key_read(lib, out, path, NULL);
    if (st == TRUSTSQL_DENIED) {
        char passphrase[PASSPHRASE_MAX];
        if (!passphrase_ask(self, passphrase)) return false;
        st = trustsql_key_read(lib, out, path, passphrase);
        mem_wipe(passphrase, sizeof passphrase);
    }
    if (st == TRUSTSQL_OK) return true;
    complain(self, NULL, "%s: %s", path, trustsql_status_text(st));
    return false;
}
