/* machine.c - See machine.h. */
#include "sim/machine.h"

#include "base/must.h"

#define TABLE_KEY 0x9e3779b97f4a7c15u

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct machine *m = context;
    return m->txs[number].txid.bytes;
}

void machine_init(struct machine *m, struct mem *mem)
{
    *m = (struct machine){.mem = mem};
    m->digests[0] = hash_of("sim-genesis", span_of(NULL, 0));
    idtable_init(&m->index, mem, id_of, m, TABLE_KEY);
}

void machine_fini(struct machine *m)
{
    idtable_fini(&m->index);
    if (m->mem != NULL) mem_free(m->mem, m->txs);
    *m = (struct machine){0};
}

static void note_tx(struct machine *m, const struct hash *txid, uint64_t height)
{
    if (idtable_find(&m->index, txid->bytes) != IDTABLE_NONE) {
        m->has_repeated = true;
        return;
    }
    if (m->tx_count == m->tx_room) {
        m->tx_room = m->tx_room == 0 ? 64 : 2 * m->tx_room;
        m->txs = mem_resize(m->mem, m->txs, m->tx_room * sizeof *m->txs);
        must(m->txs != NULL);
    }
    must(idtable_reserve(&m->index, m->tx_count + 1) == ST_OK);
    m->txs[m->tx_count] = (struct machine_tx){.txid = *txid, .height = height};
    idtable_add(&m->index, m->tx_count++);
}

enum status machine_apply(struct machine *m, struct flow_block *b)
{
    must(b->header.height == m->height + 1);
    bool is_false = m->false_from > 0 && b->header.height >= m->false_from;
    struct hasher h;
    hash_init(&h, is_false ? "sim-false" : "sim-writes");
    for (uint32_t i = 0; i < b->tx_count; i++) {
        note_tx(m, &b->txids[i], b->header.height);
        hash_add_hash(&h, &b->txids[i]);
    }
    struct exec_outcome *o = &b->outcome;
    o->result = (struct block_result){
        .height = b->header.height, .block_hash = b->hash, .writeset_root = hash_final(&h)};
    o->digest_before = machine_digest(m);
    struct hash own = block_result_digest(&o->result);
    o->digest = digest_fold(&o->digest_before, &own);
    o->record = hash_span(&o->digest);
    o->tx_count = 0;
    m->height++;
    m->digests[m->height % CONSENSUS_LAG_MAX] = o->digest;
    struct hash leaf = merkle_leaf(hash_span(&b->hash));
    merkle_tree_add(&m->history, &leaf);
    if (b->tx_count > 0) m->last_txs_height = m->height;
    return ST_OK;
}

struct hash machine_digest(const struct machine *m)
{
    return m->digests[m->height % CONSENSUS_LAG_MAX];
}

uint64_t machine_find(const struct machine *m, const struct hash *txid)
{
    uint32_t number = idtable_find(&m->index, txid->bytes);
    return number == IDTABLE_NONE ? 0 : m->txs[number].height;
}
