/* checkpoint.c - The rule of due checkpoints, and their hash.
 *
 *   checkpoint  H("checkpoint" ‖ u64 height ‖ u64 before ‖ row_root ‖ txid_root)
 *   txid_root   RFC 9162 root over the leaves of the transaction ids, ascending
 *
 * before stands in the hash so that a proof that a transaction never happened can show that the
 * intervals it searched leave no block out. */
#include "ledger/checkpoint.h"

#include "base/must.h"
#include "crypto/merkle.h"

struct hash checkpoint_hash(const struct checkpoint *c)
{
    must(c->before < c->height);
    struct hasher h;
    hash_init(&h, "checkpoint");
    hash_add_u64(&h, c->height);
    hash_add_u64(&h, c->before);
    hash_add_hash(&h, &c->row_root);
    hash_add_hash(&h, &c->txid_root);
    return hash_final(&h);
}

bool checkpoint_is_due(const struct checkpoint_cause *c)
{
    must(c->height > 0);
    if (c->is_called || c->height % CHECKPOINT_BLOCKS == 0) return true;
    return c->has_changed && c->time_ms >= c->last_ms &&
           c->time_ms - c->last_ms >= CHECKPOINT_IDLE_MS;
}

struct hash checkpoint_txid_root(struct hash *txids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count) must(memcmp(txids[i].bytes, txids[i + 1].bytes, HASH_SIZE) < 0);
        txids[i] = merkle_leaf(hash_span(&txids[i]));
    }
    return merkle_root(txids, count);
}
