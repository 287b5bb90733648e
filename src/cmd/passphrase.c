#include "cmd/passphrase.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/os.h"
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

enum status password_read(const char *file, const char *prompt, char *out)
{
    if (file == NULL) return terminal_ask_secret(prompt, out, PASSPHRASE_MAX);
    struct buf text;
    buf_init(&text, mem_system(), 0);
    enum status st = os_read_file(os_posix(), file, PASSPHRASE_MAX - 1, &text);
    size_t size = 0;
    while (size < text.size && text.data[size] != '\n' && text.data[size] != '\r')
        size++;
    if (st == ST_OK && size == 0) st = ST_INVALID;
    if (st == ST_OK) {
        memcpy(out, text.data, size);
        out[size] = 0;
    }
    if (text.data != NULL) mem_wipe(text.data, text.size);
    buf_fini(&text);
    return st;
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
