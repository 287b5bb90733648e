#include "node/invitations.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"

#define FOLDER        "invitations"
#define FILE_SIZE_MAX 4096u

static enum status path_of(const struct invitations *in, const char *name, char *out)
{
    char folder[OS_PATH_MAX];
    TRY(os_path_join(folder, in->dir, FOLDER));
    return os_path_join(out, folder, name);
}

enum status invitations_put(const struct invitations *in,
                            const struct hash *hash,
                            const struct invitation_kept *kept)
{
    char name[2 * HASH_SIZE + 1];
    char key[2 * SIGN_PUBLIC_MAX + 1];
    char path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(path, in->dir, FOLDER));
    enum status st = in->os->make_dir(in->os, path);
    if (st != ST_OK && st != ST_EXISTS) return st;
    hex_encode(name, hash_span(hash));
    TRY(path_of(in, name, path));
    buf_init(&text, in->mem, FILE_SIZE_MAX);
    buf_printf(&text, "expires_ms = %llu\naccount = %s\n", (unsigned long long)kept->expires_ms,
               kept->account);
    if (kept->is_used) {
        hex_encode(key, span_of(kept->node_key.bytes, kept->node_key.size));
        buf_printf(&text, "node_key = %s\n", key);
    }
    st = buf_status(&text);
    if (st == ST_OK) st = os_replace_file(in->os, path, buf_span(&text));
    buf_fini(&text);
    return st;
}

static bool take_key(struct public_key *out, const char *value)
{
    const size_t digits = strlen(value);
    if (digits != 64) return false; /* Ed25519. */
    *out = (struct public_key){.scheme = SIGN_ED25519, .size = 32};
    return hex_decode(out->bytes, 32, span_text(value)) == ST_OK;
}

static int on_line(void *context, const char *section, const char *name, const char *value)
{
    struct invitation_kept *kept = context;
    char *end;
    if (section[0] != 0) return 0;
    if (strcmp(name, "expires_ms") == 0) {
        kept->expires_ms = strtoull(value, &end, 10);
        return *end == 0;
    }
    if (strcmp(name, "account") == 0 && strlen(value) <= GENESIS_NAME_MAX) {
        (void)snprintf(kept->account, sizeof kept->account, "%s", value);
        return 1;
    }
    if (strcmp(name, "node_key") != 0) return 0;
    kept->is_used = true;
    return take_key(&kept->node_key, value);
}

static enum status read_file(const struct invitations *in,
                             const char *name,
                             struct invitation_kept *out)
{
    char path[OS_PATH_MAX];
    struct buf text;
    struct invitation_kept kept = {.is_used = false};
    TRY(path_of(in, name, path));
    buf_init(&text, in->mem, FILE_SIZE_MAX + 1);
    enum status st = os_read_file(in->os, path, FILE_SIZE_MAX, &text);
    buf_put_u8(&text, 0);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK && ini_parse_string((const char *)text.data, on_line, &kept) != 0)
        st = ST_CORRUPT;
    if (st == ST_OK && (kept.account[0] == 0 || kept.expires_ms == 0)) st = ST_CORRUPT;
    buf_fini(&text);
    if (st == ST_OK) *out = kept;
    return st;
}

enum status invitations_get(const struct invitations *in,
                            const struct hash *hash,
                            struct invitation_kept *out)
{
    char name[2 * HASH_SIZE + 1];
    hex_encode(name, hash_span(hash));
    return read_file(in, name, out);
}

bool invitations_admit(const struct invitations *in,
                       struct span secret,
                       const struct public_key *key,
                       uint64_t now_ms)
{
    struct invitation_kept kept;
    if (secret.size != INVITATION_SECRET_SIZE) return false;
    const struct hash hash = invitation_hash(secret);
    if (invitations_get(in, &hash, &kept) != ST_OK || now_ms >= kept.expires_ms) return false;
    return !kept.is_used || public_key_equal(&kept.node_key, key);
}

struct count {
    const struct invitations *in;
    uint64_t now_ms;
    uint32_t seen;
    uint32_t open;
    uint64_t last_ms;
};

static enum status count_one(void *context, const char *name)
{
    struct count *c = context;
    struct invitation_kept kept;
    if (c->seen++ == INVITATIONS_MAX) return ST_LIMIT;
    if (read_file(c->in, name, &kept) != ST_OK) return ST_OK; /* Another file. */
    if (kept.is_used || kept.expires_ms <= c->now_ms) return ST_OK;
    c->open++;
    if (kept.expires_ms > c->last_ms) c->last_ms = kept.expires_ms;
    return ST_OK;
}

uint32_t invitations_open(const struct invitations *in, uint64_t now_ms, uint64_t *last_ms)
{
    char folder[OS_PATH_MAX];
    struct count c = {.in = in, .now_ms = now_ms};
    *last_ms = 0;
    if (os_path_join(folder, in->dir, FOLDER) != ST_OK) return 0;
    enum status st = in->os->list_dir(in->os, folder, count_one, &c);
    must(st != ST_OK || c.seen <= INVITATIONS_MAX);
    *last_ms = c.last_ms;
    return c.open;
}
