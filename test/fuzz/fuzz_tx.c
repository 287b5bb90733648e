/* Goal: no bytes make tx_decode misbehave, and what it takes it encodes to the same bytes; whatever
 * is taken has the same txid when it is built anew, and can be redacted without changing it. */
#include <stdlib.h>

#include "base/must.h"
#include "ledger/tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hash(const struct tx *t)
{
    struct tx built = *t;
    if (t->is_redacted) return;
    built.txid = (struct hash){0};
    must(tx_hash(&built) == ST_OK);
    must(hash_equal(&built.txid, &t->txid));
}

static void check_redaction(struct tx *t, struct arena *a)
{
    struct hash txid = t->txid;
    struct hash leaf = t->leaf;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    t->is_redacted = true;
    for (uint32_t i = 0; i < t->op_count; i++) {
        if (t->ops[i].param_count > 0) t->ops[i].params[0].is_purged = true;
        if (t->ops[i].auth_count > 0) t->ops[i].auths[0].is_purged = true;
    }
    tx_encode(t, &out);
    must(buf_status(&out) == ST_OK);
    struct tx again;
    must(tx_decode(&again, a, buf_span(&out)) == ST_OK);
    must(hash_equal(&again.txid, &txid));
    must(hash_equal(&again.leaf, &leaf));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf out;
    struct tx t;
    arena_init(&a, mem_system(), 64u << 20);
    buf_init(&out, mem_system(), 0);
    struct span bytes = span_of(data, size);
    if (tx_decode(&t, &a, bytes) == ST_OK) {
        tx_encode(&t, &out);
        must(span_equal(buf_span(&out), bytes));
        check_hash(&t);
        must(tx_check_span(&t, t.valid_until_ms, t.valid_until_height) == ST_OK);
        check_redaction(&t, &a);
    }
    buf_fini(&out);
    arena_fini(&a);
    return 0;
}
