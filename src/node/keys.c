#include "node/keys.h"

#include "base/must.h"
#include "node/node.h"

static const char *const file_names[NODE_KEYS_MAX] = {"node.key", "next.key", "former.key"};

enum status node_keys_read(struct node_keys *out,
                           struct os *os,
                           const char *dir,
                           const struct signer *signer)
{
    *out = (struct node_keys){.count = 0};
    enum status st = ST_OK;
    for (uint32_t i = 0; i < NODE_KEYS_MAX && st == ST_OK; i++) {
        struct secret_key *secret = &out->secrets[out->count];
        st = node_key_read_file(os, dir, file_names[i], secret);
        if (st == ST_NOT_FOUND) {
            st = ST_OK;
            continue;
        }
        if (st == ST_OK) st = sign_public(signer, &out->publics[out->count], secret);
        if (st == ST_OK) out->count++;
    }
    if (st == ST_OK && out->count == 0) st = ST_NOT_FOUND;
    if (st != ST_OK) node_keys_wipe(out);
    return st;
}

void node_keys_wipe(struct node_keys *k)
{
    mem_wipe(k, sizeof *k);
}

void node_keys_look_again(struct node_keys *k,
                          struct os *os,
                          const char *dir,
                          const struct signer *signer)
{
    struct secret_key secret;
    struct public_key public = {0};
    must(k->count >= 1);
    enum status st = node_key_read_file(os, dir, "next.key", &secret);
    if (st == ST_OK) st = sign_public(signer, &public, &secret);
    struct secret_key known = {0};
    if (st == ST_OK && !node_keys_secret(k, &public, &known)) {
        uint32_t at = k->count < NODE_KEYS_MAX ? k->count++ : NODE_KEYS_MAX - 1;
        k->secrets[at] = secret;
        k->publics[at] = public;
    }
    mem_wipe(&known, sizeof known);
    mem_wipe(&secret, sizeof secret);
}

uint32_t node_keys_find(const struct node_keys *k, const struct chain_config *config)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (chain_config_find_key(config, &k->publics[i]) != CONFIG_NO_NODE) return i;
    return k->count;
}

bool node_keys_secret(const struct node_keys *k,
                      const struct public_key *key,
                      struct secret_key *out)
{
    for (uint32_t i = 0; i < k->count; i++) {
        if (!public_key_equal(&k->publics[i], key)) continue;
        *out = k->secrets[i];
        return true;
    }
    return false;
}

static enum status move(struct os *os, const char *dir, const char *from, const char *to)
{
    char old[OS_PATH_MAX];
    char new[OS_PATH_MAX];
    TRY(os_path_join(old, dir, from));
    TRY(os_path_join(new, dir, to));
    TRY(os->rename(os, old, new));
    return os->sync_dir(os, dir);
}

enum status node_keys_settle(struct node_keys *k,
                             struct os *os,
                             const char *dir,
                             const struct chain_config *config)
{
    struct secret_key next;
    enum status st = node_key_read_file(os, dir, "next.key", &next);
    uint32_t used = node_keys_find(k, config);
    bool is_next = st == ST_OK && used < k->count &&
                   memcmp(next.bytes, k->secrets[used].bytes, SIGN_SECRET_SIZE) == 0;
    mem_wipe(&next, sizeof next);
    if (!is_next) return ST_OK;
    /* A crash in between leaves no node.key but both others: node_keys_read finds them. */
    st = move(os, dir, "node.key", "former.key");
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    TRY(move(os, dir, "next.key", "node.key"));
    struct secret_key secret = k->secrets[0];
    struct public_key public = k->publics[0];
    k->secrets[0] = k->secrets[used];
    k->publics[0] = k->publics[used];
    k->secrets[used] = secret;
    k->publics[used] = public;
    mem_wipe(&secret, sizeof secret);
    return ST_OK;
}
