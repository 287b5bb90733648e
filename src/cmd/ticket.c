#include "cmd/ticket.h"

#include "base/must.h"

enum status ticket_make(struct buf *out,
                        const struct signer *signer,
                        const struct ticket_request *request)
{
    must(request->life_ms <= TOKEN_LIFE_MS_MAX);
    const struct trustsql_key *key = request->key;
    struct token t = {.chain_id = *request->chain_id,
                      .node = *request->node,
                      .account = {.scheme = key->scheme, .size = key->public_size},
                      .from_ms = request->now_ms,
                      .until_ms = request->now_ms + request->life_ms};
    struct secret_key secret = {.scheme = key->scheme};
    memcpy(t.account.bytes, key->public_key, key->public_size);
    memcpy(secret.bytes, key->secret, sizeof secret.bytes);
    struct hash hash = token_hash(&t);
    enum status st = sign_hash(signer, &t.sig, &secret, &hash);
    mem_wipe(&secret, sizeof secret);
    return st == ST_OK ? token_print(out, &t) : st;
}
