#include "cmd/backup_common.h"

#include <stdio.h>

#include "base/hex.h"
#include "cmd/passphrase.h"
#include "os/process.h"

#define SHOW_NS UINT64_C(500000000)

void backup_on_progress(void *context, uint64_t height)
{
    struct backup_progress *p = context;
    const uint64_t now = p->os->monotonic_ns(p->os);
    if (!p->is_shown || now - p->shown_ns < SHOW_NS) return;
    p->shown_ns = now;
    fprintf(stderr, "\rblock %llu ", (unsigned long long)height);
}

void backup_end_progress(const struct backup_progress *p)
{
    if (p->is_shown && p->shown_ns > 0) fputc('\n', stderr);
}

bool backup_passphrase(const struct command *self, const char *file, char *out)
{
    if (file == NULL) return passphrase_ask(self, out);
    const enum status st = password_read(file, "", out);
    if (st == ST_OK) return true;
    complain(self, NULL, "%s: %s", file, status_text(st));
    return false;
}

void backup_put_json(struct buf *out,
                     const char *file,
                     const struct backup_report *r,
                     const char *more)
{
    char chain[2 * HASH_SIZE + 1];
    char block[2 * HASH_SIZE + 1];
    char digest[2 * HASH_SIZE + 1];
    hex_encode(chain, hash_span(&r->chain_id));
    hex_encode(block, hash_span(&r->block));
    hex_encode(digest, hash_span(&r->digest));
    buf_put_text(out, "{\"file\":");
    json_put_text(out, span_text(file));
    buf_printf(out,
               ",\"chain_id\":\"%s\",\"time_ms\":%llu,\"height\":%llu,\"block\":\"%s\","
               "\"files\":%llu,\"size\":%llu,\"digest\":\"%s\"%s}\n",
               chain, (unsigned long long)r->time_ms, (unsigned long long)r->height, block,
               (unsigned long long)r->files, (unsigned long long)r->size, digest,
               more == NULL ? "" : more);
}

int backup_exit_code(enum status st)
{
    if (st == ST_DENIED || st == ST_TRUNCATED || st == ST_INVALID || st == ST_CORRUPT)
        return EXIT_CORRUPT;
    return exit_code_of(st);
}
