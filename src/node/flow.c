#include "node/flow.h"

#include "base/must.h"

struct flow_tx *flow_tx_new(struct mem *mem, struct span bytes)
{
    must(bytes.size <= TX_BYTES_MAX);
    struct flow_tx *t = mem_alloc(mem, sizeof *t + bytes.size);
    if (t == NULL) return NULL;
    *t = (struct flow_tx){.flow = {FLOW_TX}, .mem = mem, .size = bytes.size};
    atomic_init(&t->refs, 1);
    arena_init(&t->arena, mem, 0);
    if (bytes.size > 0) memcpy(t->bytes, bytes.data, bytes.size);
    return t;
}

struct flow_tx *flow_tx_ref(struct flow_tx *t)
{
    unsigned before = atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    must(before > 0);
    return t;
}

void flow_tx_free(struct flow_tx *t)
{
    if (t == NULL) return;
    unsigned before = atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel);
    must(before > 0);
    if (before > 1) return;
    arena_fini(&t->arena);
    mem_free(t->mem, t);
}

static enum status allocate(struct flow_block *b, uint32_t count)
{
    size_t room = count == 0 ? 1 : count;
    b->txs = mem_alloc_zero(b->mem, room, sizeof(struct flow_tx *));
    b->views = mem_alloc_zero(b->mem, room, sizeof *b->views);
    b->wants_rows = mem_alloc_zero(b->mem, room, sizeof *b->wants_rows);
    b->txids = mem_alloc_zero(b->mem, room, sizeof *b->txids);
    bool is_complete =
        b->txs != NULL && b->views != NULL && b->wants_rows != NULL && b->txids != NULL;
    return is_complete ? ST_OK : ST_NO_MEMORY;
}

struct flow_proof *flow_proof_new(struct mem *mem, struct span bytes)
{
    must(bytes.size <= FLOW_PROOF_SIZE_MAX);
    struct flow_proof *p = mem_alloc(mem, sizeof *p + bytes.size);
    if (p == NULL) return NULL;
    *p = (struct flow_proof){.flow = {FLOW_PROOF}, .mem = mem, .size = bytes.size};
    if (bytes.size > 0) memcpy(p->bytes, bytes.data, bytes.size);
    return p;
}

void flow_proof_free(struct flow_proof *p)
{
    mem_free(p->mem, p);
}

enum status flow_block_new(struct flow_block **out,
                           struct mem *mem,
                           struct flow_tx *const *txs,
                           uint32_t count)
{
    must(count <= BLOCK_TXS_MAX);
    struct flow_block *b = mem_alloc_zero(mem, 1, sizeof *b);
    if (b == NULL) return ST_NO_MEMORY;
    b->flow.kind = FLOW_BLOCK;
    b->mem = mem;
    atomic_init(&b->refs, 1);
    buf_init(&b->header_bytes, mem, 0);
    buf_init(&b->body_bytes, mem, BLOCK_BYTES_MAX);
    buf_init(&b->bytes, mem, 0);
    buf_init(&b->successors, mem, 0);
    buf_init(&b->later, mem, 0);
    buf_init(&b->epochs, mem, 0);
    buf_init(&b->proof_shared, mem, 0);
    exec_outcome_init(&b->outcome, mem);
    enum status st = allocate(b, count);
    if (st != ST_OK) {
        flow_block_free(b);
        return st;
    }
    for (uint32_t i = 0; i < count; i++) {
        b->txs[i] = txs[i];
        b->views[i] = txs[i]->tx;
        b->txids[i] = txs[i]->tx.txid;
    }
    b->tx_count = count;
    flow_block_note_wishes(b);
    *out = b;
    return ST_OK;
}

void flow_block_note_wishes(struct flow_block *b)
{
    for (uint32_t i = 0; i < b->tx_count; i++)
        b->wants_rows[i] = b->txs[i]->ticket != NULL && b->txs[i]->wants_rows;
}

enum status flow_block_note_incidents(struct flow_block *b, const struct body_notes *notes)
{
    const uint32_t count = notes == NULL ? 0 : notes->incident_count;
    size_t size = count * sizeof *b->incidents;
    if (count == 0 || b->incidents != NULL) return ST_OK;
    for (uint32_t i = 0; i < count; i++)
        size += notes->incidents[i].size;
    b->incidents = mem_alloc(b->mem, size);
    if (b->incidents == NULL) return ST_NO_MEMORY;
    uint8_t *at = (uint8_t *)(b->incidents + count);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(at, notes->incidents[i].data, notes->incidents[i].size);
        b->incidents[i] = span_of(at, notes->incidents[i].size);
        at += notes->incidents[i].size;
    }
    b->incident_count = count;
    return ST_OK;
}

void flow_block_free(struct flow_block *b)
{
    if (b == NULL) return;
    unsigned before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    must(before > 0);
    if (before > 1) return;
    for (uint32_t i = 0; i < b->tx_count; i++)
        flow_tx_free(b->txs[i]);
    mem_free(b->mem, b->txs);
    mem_free(b->mem, b->views);
    mem_free(b->mem, b->wants_rows);
    mem_free(b->mem, b->txids);
    mem_free(b->mem, b->receipt_tree);
    mem_free(b->mem, b->incidents);
    buf_fini(&b->header_bytes);
    buf_fini(&b->body_bytes);
    buf_fini(&b->bytes);
    buf_fini(&b->successors);
    buf_fini(&b->later);
    buf_fini(&b->epochs);
    buf_fini(&b->proof_shared);
    exec_outcome_fini(&b->outcome);
    mem_free(b->mem, b);
}

static bool is_early(const struct flow_tx *t)
{
    return t->ticket != NULL && t->ticket->is_early;
}

struct flow_executed *flow_executed_new(struct flow_block *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->tx_count; i++)
        count += is_early(b->txs[i]);
    if (count == 0) return NULL;
    struct flow_executed *e = mem_alloc(b->mem, sizeof *e + count * sizeof(struct ticket *));
    if (e == NULL) return NULL;
    *e = (struct flow_executed){.flow = {FLOW_EXECUTED}, .block = b};
    for (uint32_t i = 0; i < b->tx_count; i++) {
        if (!is_early(b->txs[i])) continue;
        struct ticket *t = b->txs[i]->ticket;
        b->txs[i]->ticket = NULL;
        t->index = i;
        e->tickets[e->count++] = t;
    }
    must(e->count == count);
    (void)atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return e;
}

void flow_executed_free(struct flow_executed *e)
{
    struct flow_block *b = e->block;
    mem_free(b->mem, e);
    flow_block_free(b);
}

/* All levels of the tree, once for all proofs of the block. */
static enum status build_tree(struct flow_block *b)
{
    if (b->receipt_tree != NULL) return ST_OK;
    b->receipt_tree = mem_alloc_zero(b->mem, merkle_levels_size(b->tx_count), sizeof(struct hash));
    if (b->receipt_tree == NULL) return ST_NO_MEMORY;
    merkle_levels_build(b->receipt_tree, b->outcome.receipt_leaves, b->tx_count);
    return ST_OK;
}

/* Certificates, headers and digests, once for all proofs of the block. */
static enum status encode_shared(struct flow_block *b)
{
    if (b->proof_shared.size > 0) return buf_status(&b->proof_shared);
    must(b->successor_count <= PROOF_SUCCESSORS_MAX);
    struct proof_block proof = {.result = b->outcome.result,
                                .digest_before = b->outcome.digest_before,
                                .header = buf_span(&b->header_bytes),
                                .successor_count = b->successor_count,
                                .final_cert = b->final_cert,
                                .res_cert = b->res_cert,
                                .later = buf_span(&b->later),
                                .epochs = buf_span(&b->epochs)};
    struct cbor in = cbor_of(buf_span(&b->successors));
    for (uint32_t i = 0; i < b->successor_count; i++)
        proof.successors[i] = cbor_get_item(&in, 1);
    must(cbor_end(&in) == ST_OK);
    proof_block_write(&b->proof_shared, &proof);
    return buf_status(&b->proof_shared);
}

enum status flow_block_proof(struct flow_block *b, uint32_t index, struct buf *out)
{
    must(index < b->tx_count);
    must(b->res_cert.entry_count > 0);
    if (!b->has_proof) return ST_NOT_FOUND;
    TRY(build_tree(b));
    TRY(encode_shared(b));
    struct proof_tx own;
    own.receipt = b->outcome.txs[index].receipt;
    own.has_shown = false;
    merkle_levels_path(&own.path, b->receipt_tree, b->tx_count, index);
    proof_encode_tx(out, &own, buf_span(&b->proof_shared));
    return buf_status(out);
}
