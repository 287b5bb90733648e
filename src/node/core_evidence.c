/* Proofs of misbehaviour: kept once, told to everybody, believed only after verification. */
#include "node/core_int.h"

#define ACCUSE_AGAIN_MS  2000u /* A block that accused somebody may have lost its view. */
#define EVIDENCE_PACE_MS 20u   /* Between two verifications of what one peer sends. */

static bool is_known(const struct core *c, const struct evidence *e)
{
    for (uint32_t i = 0; i < c->proof_count; i++) {
        const struct core_proof *p = &c->proofs[i];
        if (p->kind == e->kind && p->offender == e->offender && p->epoch == e->epoch &&
            p->view == e->view && p->height == e->height)
            return true;
    }
    return false;
}

static void encode(struct core *c, struct span bytes)
{
    buf_reset(&c->out);
    wire_begin(&c->out, WIRE_EVIDENCE);
    buf_put(&c->out, bytes);
}

/* In memory too, for peers that come later, as far as there is room. */
static void remember(struct core *c, const struct evidence *e, struct span bytes)
{
    struct core_proof *p = &c->proofs[c->proof_count++];
    *p = (struct core_proof){.kind = e->kind,
                             .epoch = e->epoch,
                             .offender = e->offender,
                             .view = e->view,
                             .height = e->height};
    if (bytes.size > CORE_EVIDENCE_BYTES - c->proof_bytes) return;
    p->bytes = mem_alloc(c->mem, bytes.size);
    if (p->bytes == NULL) return;
    memcpy(p->bytes, bytes.data, bytes.size);
    p->size = bytes.size;
    c->proof_bytes += bytes.size;
}

void core_evidence_keep(struct core *c, const struct evidence *e)
{
    if (c->proof_count == CORE_EVIDENCE_MAX || is_known(c, e)) return;
    struct buf bytes;
    buf_init(&bytes, c->mem, EVIDENCE_SIZE_MAX);
    evidence_encode(&bytes, e);
    if (buf_status(&bytes) == ST_OK) {
        remember(c, e, buf_span(&bytes));
        c->ports->keep_evidence(c->ports->context, e);
        encode(c, buf_span(&bytes));
        core_send_all(c, CORE_BULK);
    }
    buf_fini(&bytes);
}

/* ST_INVALID: it proves nothing. Correct peers verify what they pass on. */
enum status core_on_evidence(struct core *c, uint32_t peer, struct span bytes)
{
    struct evidence e;
    struct core_peer *p = &c->peers[peer];
    const struct consensus_config *config = &c->config.engine;
    if (evidence_decode(&e, bytes) != ST_OK) return ST_INVALID;
    if (is_known(c, &e) || c->proof_count == CORE_EVIDENCE_MAX) return ST_OK;
    if (p->evidence_ms != 0 && c->mono_ms - p->evidence_ms < EVIDENCE_PACE_MS) return ST_OK;
    p->evidence_ms = c->mono_ms + 1;
    struct validators v;
    enum status st = core_epoch_validators(c, e.epoch, &v);
    if (st != ST_OK) return ST_OK; /* Of an epoch that is not known here, or no memory. */
    st = evidence_verify(&e, &v, config->signer, &config->chain_id, c->mem);
    if (st == ST_NO_MEMORY) return ST_OK;
    if (st != ST_OK) return ST_INVALID;
    core_evidence_keep(c, &e);
    if (e.epoch != config->epoch || evidence_is_divergence(e.kind)) return ST_OK;
    struct consensus_event event = {.kind = CONSENSUS_ON_CONVICTED, .from = e.offender};
    (void)core_step(c, &event);
    return ST_OK;
}

enum status core_on_proof(struct core *c, struct span bytes)
{
    struct evidence e;
    struct validators v;
    const struct consensus_config *config = &c->config.engine;
    TRY(evidence_decode(&e, bytes));
    if (is_known(c, &e) || c->proof_count == CORE_EVIDENCE_MAX) return ST_EXISTS;
    TRY(core_epoch_validators(c, e.epoch, &v));
    TRY(evidence_verify(&e, &v, config->signer, &config->chain_id, c->mem));
    core_evidence_keep(c, &e);
    return ST_OK;
}

void core_evidence_to(struct core *c, uint32_t peer)
{
    for (uint32_t i = 0; i < c->proof_count; i++) {
        const struct core_proof *p = &c->proofs[i];
        if (p->bytes == NULL) continue;
        encode(c, span_of(p->bytes, p->size));
        core_send(c, peer, CORE_BULK);
    }
}

void core_evidence_free(struct core *c)
{
    for (uint32_t i = 0; i < c->proof_count; i++)
        mem_free(c->mem, c->proofs[i].bytes);
    c->proof_count = 0;
}

/* --- in blocks ------------------------------------------------------------------------------- */

static bool is_worth_showing(const struct core *c, const struct core_proof *p)
{
    if (p->bytes == NULL || p->size > BLOCK_EVIDENCE_BYTES_MAX) return false; /* It stays here. */
    if (p->epoch != c->config.engine.epoch || p->offender >= c->n) return false;
    const uint32_t known = evidence_is_divergence(p->kind) ? c->diverged : c->convicted;
    if ((known >> p->offender & 1u) != 0) return false;
    return c->mono_ms >= c->accuse_again_ms[p->offender];
}

void core_evidence_choose(struct core *c, struct body_notes *notes)
{
    notes->evidence_count = 0;
    for (uint32_t i = 0; i < c->proof_count; i++) {
        const struct core_proof *p = &c->proofs[i];
        if (notes->evidence_count == BLOCK_EVIDENCE_MAX || !is_worth_showing(c, p)) continue;
        c->accuse_again_ms[p->offender] = c->mono_ms + ACCUSE_AGAIN_MS;
        notes->evidence[notes->evidence_count++] = span_of(p->bytes, p->size);
    }
}

/* Every voter comes to the same answer: keys of the epoch, and nothing else, decide. */
enum status core_evidence_check(struct core *c,
                                const struct header *h,
                                const struct body_notes *notes)
{
    const struct consensus_config *config = &c->config.engine;
    struct evidence all[BLOCK_EVIDENCE_MAX];
    for (uint32_t i = 0; notes != NULL && i < notes->evidence_count; i++) {
        if (evidence_decode(&all[i], notes->evidence[i]) != ST_OK) return ST_INVALID;
        if (all[i].epoch != h->epoch || h->epoch != config->epoch) return ST_INVALID;
        if (i > 0 && evidence_is_same(&all[0], &all[i])) return ST_INVALID;
        enum status st = evidence_verify(&all[i], &config->validators, config->signer,
                                         &config->chain_id, c->mem);
        if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_INVALID;
    }
    return ST_OK;
}

void core_evidence_final(struct core *c, const struct core_block *b)
{
    c->convicted |= b->flow->facts.convicted;
    c->diverged |= b->flow->facts.diverged;
    for (uint32_t i = 0; b->notes != NULL && i < b->notes->evidence_count; i++) {
        struct evidence e;
        if (evidence_decode(&e, b->notes->evidence[i]) == ST_OK) core_evidence_keep(c, &e);
    }
}

/* --- E6 --------------------------------------------------------------------------------------- */

struct finding {
    enum evidence_content fault;
    uint32_t indexes[2];
    uint32_t count;
};

static bool find_duplicate(const struct core_body *b, struct finding *f)
{
    for (uint32_t i = 0; i < b->count; i++)
        for (uint32_t k = i + 1; k < b->count; k++)
            if (hash_equal(&b->txs[i]->tx.txid, &b->txs[k]->tx.txid)) {
                *f = (struct finding){CONTENT_DUPLICATE, {i, k}, 2};
                return true;
            }
    return false;
}

/* The first fault that the transactions themselves prove. */
static bool find_fault(const struct core_body *b, struct finding *f)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const struct tx *tx = &b->txs[i]->tx;
        *f = (struct finding){CONTENT_SIGNATURE, {i, 0}, 1};
        if (b->states[i] == TX_BAD) {
            if (b->txs[i]->status == ST_REJECTED) f->fault = CONTENT_MALFORMED;
            return true;
        }
        bool is_foreign = !hash_equal(&tx->chain_id, &b->header.chain_id) || tx->is_redacted;
        bool is_outside = tx_check_span(tx, b->header.time_ms, b->header.height) != ST_OK;
        f->fault = is_foreign ? CONTENT_MALFORMED : CONTENT_SPAN;
        if (is_foreign || is_outside) return true;
    }
    return find_duplicate(b, f);
}

void core_evidence_of_body(struct core *c, const struct core_body *b)
{
    struct finding f;
    if (!core_body_is_complete(b) || b->count == 0 || !find_fault(b, &f)) return;
    struct hash *levels = mem_alloc_zero(c->mem, merkle_levels_size(b->count), sizeof *levels);
    if (levels == NULL) return;
    merkle_levels_build(levels, b->leaves, b->count);
    struct content_item items[2];
    for (uint32_t i = 0; i < f.count; i++) {
        const struct flow_tx *t = b->txs[f.indexes[i]];
        items[i].index = f.indexes[i];
        items[i].tx = span_of(t->bytes, t->size);
        merkle_levels_path(&items[i].path, levels, b->count, f.indexes[i]);
    }
    mem_free(c->mem, levels);
    struct buf bytes;
    struct evidence e;
    struct proposal p = {.header = b->header, .sig = b->sig};
    const struct consensus_config *config = &c->config.engine;
    buf_init(&bytes, c->mem, EVIDENCE_SIZE_MAX);
    struct content_proof proof = {.fault = f.fault, .items = items, .item_count = f.count};
    evidence_of_content(&e, &bytes, &p, &proof);
    e.bytes = buf_span(&bytes);
    /* A fault that only this node's state shows is none that others could check. */
    if (buf_status(&bytes) == ST_OK && evidence_verify(&e, &config->validators, config->signer,
                                                       &config->chain_id, c->mem) == ST_OK)
        core_evidence_keep(c, &e);
    buf_fini(&bytes);
}
