/* I1 a transaction waits here, or its id is in the span, never both.
 * I2 index holds exactly the ids of waiting transactions, under their ring position. */
#include "node/pool.h"

#include "base/idtable.h"
#include "base/must.h"

struct pool {
    struct mem *mem;
    struct hash chain_id;
    struct txset *span;
    struct idtable index;
    struct flow_tx **waiting; /* Ring of POOL_TXS_MAX. */
    uint32_t first;
    uint32_t count;
    size_t bytes;
};

static enum status check(const struct pool *p,
                         const struct flow_tx *t,
                         const struct pool_tip *tip,
                         struct diag *d);

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct pool *p = context;
    return p->waiting[number]->tx.txid.bytes;
}

enum status pool_new(struct pool **out, struct mem *mem, const struct hash *chain_id, uint64_t key)
{
    struct pool *p = mem_alloc_zero(mem, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    p->mem = mem;
    p->chain_id = *chain_id;
    idtable_init(&p->index, mem, id_of, p, key);
    enum status st = txset_new(&p->span, mem, key);
    if (st == ST_OK) st = idtable_reserve(&p->index, POOL_TXS_MAX);
    p->waiting = mem_alloc_zero(mem, POOL_TXS_MAX, sizeof(struct flow_tx *));
    if (st != ST_OK || p->waiting == NULL) {
        pool_free(p);
        return ST_NO_MEMORY;
    }
    *out = p;
    return ST_OK;
}

void pool_free(struct pool *p)
{
    if (p == NULL) return;
    for (struct flow_tx *t = pool_drain(p); t != NULL; t = pool_drain(p))
        flow_tx_free(t);
    idtable_fini(&p->index);
    txset_free(p->span);
    mem_free(p->mem, p->waiting);
    mem_free(p->mem, p);
}

static enum status check(const struct pool *p,
                         const struct flow_tx *t,
                         const struct pool_tip *tip,
                         struct diag *d)
{
    if (!hash_equal(&t->tx.chain_id, &p->chain_id)) {
        diag_set(d, "TQ001", "the transaction is made for another chain");
        diag_hint(d, "Sign it again with the chain id that `trustsql status` shows.");
        return ST_WRONG_CHAIN;
    }
    if (tx_check_span(&t->tx, tip->time_ms, tip->height) != ST_OK) {
        diag_set(d, "TQ002", "the transaction is outside its span of validity");
        diag_detail(
            d, "It may be included for at most 10 minutes and 65,536 blocks, until its own limit.");
        diag_hint(d, "Sign it again; check the clock of the signing machine.");
        return ST_EXPIRED;
    }
    uint64_t height = txset_find(p->span, &t->tx.txid);
    if (height == 0 && idtable_find(&p->index, t->tx.txid.bytes) == IDTABLE_NONE) return ST_OK;
    diag_set(d, "TQ003", "the transaction is known already");
    if (height > 0)
        diag_detail(d, "It is in block %llu.", (unsigned long long)height);
    else
        diag_detail(d, "It waits for a block.");
    diag_hint(d, "Its result is in trustsql.transactions; sign with a new nonce to repeat it.");
    return ST_DUPLICATE;
}

enum status pool_add(struct pool *p, struct flow_tx *t, const struct pool_tip *tip, struct diag *d)
{
    TRY(check(p, t, tip, d));
    if (p->count == POOL_TXS_MAX || t->size > POOL_BYTES_MAX - p->bytes) {
        diag_set(d, "53400", "too many transactions are waiting");
        diag_hint(d, "Try again in a moment.");
        return ST_BUSY;
    }
    uint32_t position = (p->first + p->count) % POOL_TXS_MAX;
    p->waiting[position] = t;
    p->count++;
    p->bytes += t->size;
    idtable_add(&p->index, position);
    must(p->index.count == p->count); /* I2 */
    return ST_OK;
}

uint32_t pool_waiting(const struct pool *p)
{
    return p->count;
}

struct flow_tx *pool_drain(struct pool *p)
{
    if (p->count == 0) return NULL;
    must(p->waiting != NULL);
    struct flow_tx *t = p->waiting[p->first];
    idtable_remove(&p->index, t->tx.txid.bytes);
    p->waiting[p->first] = NULL;
    p->first = (p->first + 1) % POOL_TXS_MAX;
    p->count--;
    must(p->bytes >= t->size);
    p->bytes -= t->size;
    return t;
}

uint32_t pool_take(struct pool *p, struct flow_tx **out, const struct pool_take *take)
{
    uint32_t count = 0;
    size_t bytes = 0;
    while (p->count > 0 && count < take->count_max) {
        struct flow_tx *oldest = p->waiting[p->first];
        if (count > 0 && oldest->size > take->bytes_max - bytes) break;
        struct flow_tx *t = pool_drain(p);
        if (tx_check_span(&t->tx, take->tip.time_ms, take->tip.height) != ST_OK) {
            take->expired(take->context, t);
            continue;
        }
        out[count++] = t;
        bytes += t->size;
        if (bytes >= take->bytes_max) break;
    }
    return count;
}

enum status pool_note_block(
    struct pool *p, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count)
{
    txset_expire(p->span, height, time_ms);
    return txset_add_block(p->span, height, time_ms, txids, count);
}
