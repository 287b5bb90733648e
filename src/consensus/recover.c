/* recover.c - The state of a node that starts: where its blocks end, and what it promised.
 *
 * The record may be older than the newest final block: the certificate of that block may be lost
 * with the last steps before a crash. Then root stays at the record's final block and its chain
 * tells what was voted for, final or not; a VC from there is true. Where chain and final block do
 * not fit together the voted chain is dead (finality.c).
 *
 * It may be newer, too, when stored blocks were lost that were not yet synced. Then nothing is
 * written and nothing is voted for until they are final here again: their bodies are held, and the
 * record's own certificate commits them. */
#include "consensus/consensus_int.h"

static void take_blocks(struct consensus *c, const struct consensus_start *start);
static void take_digests(struct consensus *c, const struct consensus_start *start);
static void take_promises(struct consensus *c, const struct consensus_record *r);
static void take_chain(struct consensus *c, const struct consensus_record *r);
static bool is_chain_settled(const struct consensus *c, const struct consensus_record *r);
static void take_view_change(struct consensus *c, const struct view_change *vc);
static void attest_alone(struct consensus *c);
static void want_votes_again(struct consensus *c);

void recover_start(struct consensus *c, const struct consensus_start *start)
{
    c->nonce = start->nonce;
    c->is_admitted = c->config.validators.count == 1 && c->config.self == 0;
    c->is_open_told = true;
    take_blocks(c, start);
    take_digests(c, start);
    epoch_start(c, start);
    c->root_height = c->final.height;
    c->root_hash = c->final.hash;
    c->has_root_cert = c->has_final_cert;
    if (c->has_final_cert) c->root_cert = c->final_cert;
    c->anchor_hash = c->config.chain_id;
    if (start->record != NULL) {
        c->record = *start->record;
        take_promises(c, &c->record);
        recover_chain(c);
    }
    attest_alone(c);
    if (start->view_change != NULL) take_view_change(c, start->view_change);
}

void recover_first_step(struct consensus *c)
{
    for (uint32_t i = 0; i < c->config.validators.count; i++) /* A new epoch forgives nobody. */
        if ((c->config.validators.barred >> i & 1u) != 0) suspect_convict(c, i);
    c->is_started = true;
    c->open_mono_ms = c->mono_ms;
    finality_retry(c);
    if (c->record.has_res_cert) { /* What is certified is known at once, also to a leader. */
        struct certificate cert = c->record.res_cert;
        finality_on_result(c, &cert);
    }
    bool is_leader = leader_of(c, c->cur_view) == c->config.self;
    if (is_leader && c->has_proposed && c->proposer_view >= c->cur_view) {
        change_start(c, c->cur_view + 1, false); /* It may not propose here again (1.14). */
        return;
    }
    if (c->phase == PHASE_CHANGING && !c->is_vc_made) c->is_vc_pending = true;
}

void recover_chain(struct consensus *c)
{
    const struct consensus_record *r = &c->record;
    c->is_record_ahead = r->final_height > c->final.height;
    if (c->is_record_ahead) {
        c->is_ahead = r->has_final_cert;
        if (c->is_ahead) c->ahead = r->final_cert;
        return;
    }
    if (is_chain_settled(c, r)) return;
    c->root_height = r->final_height;
    c->root_hash = r->final_hash;
    c->has_root_cert = r->has_final_cert;
    if (r->has_final_cert) c->root_cert = r->final_cert;
    take_chain(c, r);
    want_votes_again(c);
}

static void take_blocks(struct consensus *c, const struct consensus_start *start)
{
    c->final = (struct tip){.height = start->height,
                            .hash = start->hash,
                            .time_ms = start->time_ms,
                            .res_height = start->res_height};
    c->final_tree = start->history;
    must(c->final_tree.count == start->height);
    c->last_txs_height = start->last_txs_height;
    c->wanted_height = start->wanted_height;
    const struct certificate *cert = &start->final_cert;
    if (start->height > 0 && cert->entry_count > 0) {
        bool is_exact = cert->statement.height == start->height &&
                        hash_equal(&cert->statement.hash, &start->hash);
        if (is_exact) c->final_cert = *cert;
        c->has_final_cert = is_exact;
        c->is_ahead = cert->statement.height > start->height;
        if (c->is_ahead) c->ahead = *cert;
    }
    for (uint32_t i = 0; i < start->held_count; i++) {
        struct hash hash = header_hash(&start->held[i]);
        struct block *b = block_add(c, &start->held[i], &hash);
        if (b == NULL) return; /* The others can be asked for again. */
        b->has_body = b->is_held = true;
    }
}

static void take_digests(struct consensus *c, const struct consensus_start *start)
{
    must(start->digest_count <= CONSENSUS_LAG_MAX);
    must(start->executed_height == start->height);
    c->executed_height = start->executed_height;
    c->digest_low = start->executed_height - (start->digest_count - 1);
    for (uint32_t i = 0; i < start->digest_count; i++)
        c->digests[(start->executed_height - i) % RESULT_HEIGHTS] = start->digests[i];
    c->p3_height = c->result_height = start->res_height;
    if (c->p3_height + 1 < c->digest_low) c->p3_height = c->digest_low - 1;
    if (c->p3_height < start->silent_until) c->p3_height = start->silent_until;
}

static void take_promises(struct consensus *c, const struct consensus_record *r)
{
    c->cur_view = r->cur_view;
    c->voted_view = r->voted_view;
    c->phase = r->is_open ? PHASE_OPEN : PHASE_CHANGING;
    c->anchor_height = r->anchor_height;
    c->anchor_hash = r->anchor_hash;
    c->has_proposed = r->has_proposed;
    c->proposer_view = r->proposer_view;
    c->has_lock = r->has_lock;
    c->lock = (struct statement){
        .epoch = r->epoch, .view = r->lock_view, .height = r->lock_height, .hash = r->lock_hash};
    c->has_hq = r->has_hq;
    if (r->has_hq) c->hq = r->hq;
}

/* The certificate of the final block is here, and nothing that was voted for matters any more:
 * there is nothing, or it belongs to a view that is left and lost against a later one. Root is
 * final. */
static bool is_chain_settled(const struct consensus *c, const struct consensus_record *r)
{
    if (!c->has_final_cert) return false;
    if (r->chain_count == 0) return true;
    const struct statement *final = &c->final_cert.statement;
    if (final->epoch != r->epoch) return false; /* Of the base: views do not compare. */
    return r->voted_view < r->cur_view && r->voted_view < final->view;
}

static void take_chain(struct consensus *c, const struct consensus_record *r)
{
    must(r->chain_count <= W);
    uint64_t index = c->final.height - c->root_height; /* Of the block after the final one. */
    bool is_on_chain =
        index == 0 ? hash_equal(&c->root_hash, &c->final.hash)
                   : index <= r->chain_count && hash_equal(&r->chain[index - 1], &c->final.hash);
    c->is_dead = !is_on_chain;
    for (uint32_t i = 0; i < r->chain_count; i++) {
        struct block *b = block_find(c, &r->chain[i]);
        if (b != NULL && b->header.height != c->root_height + i + 1) b = NULL;
        if (c->is_dead) {
            c->line[c->line_count++] = (struct line_item){.hash = r->chain[i], .block = b};
            continue;
        }
        line_add(c, &r->chain[i], b);
    }
    c->voted_count = c->line_count;
    if (c->is_dead || !c->has_final_cert || index == 0) return;
    line_trim(c, c->final.height);
    c->root_cert = c->final_cert;
    c->has_root_cert = true;
}

/* The VC of cur_view is said again, the same bytes. One of a later view means a crash before its
 * record was written: it was never said, but it stands in the place of one that may have been, so
 * that view is left with it. */
static void take_view_change(struct consensus *c, const struct view_change *vc)
{
    if (vc->sender != c->config.self || vc->epoch != c->config.epoch) return;
    bool is_frozen = vc->to_view == c->cur_view && c->phase == PHASE_CHANGING;
    bool is_unsaid = vc->to_view > c->cur_view;
    if (!is_frozen && !is_unsaid) return;
    if (is_unsaid) {
        c->cur_view = vc->to_view;
        c->phase = PHASE_CHANGING;
        if (vc->has_hq) votes_raise_hq(c, &vc->hq);
        c->is_dirty = true;
    }
    for (uint32_t i = 0; i < vc->branch_count; i++) { /* The next VC may have to show it too. */
        struct hash hash = header_hash(&vc->branch[i]);
        (void)block_add(c, &vc->branch[i], &hash);
    }
    c->own_vc->kind = CONSENSUS_VIEW_CHANGE;
    c->own_vc->view_change = *vc;
    c->is_vc_made = true;
    c->vc_lsn = is_unsaid ? c->next_lsn : 0;
}

/* One validator can say again that its newest block is final: its word is the quorum. */
static void attest_alone(struct consensus *c)
{
    if (c->quorum != 1 || !c->config.is_voter || c->final.height == 0 || c->has_final_cert ||
        c->is_dead)
        return;
    if (c->root_height != c->final.height) return;
    struct statement s = {
        .epoch = c->config.epoch, .height = c->final.height, .hash = c->final.hash};
    struct vote v = {.parts = {{.is_null = true}, s, {.is_null = true}}};
    votes_make(c, &v);
    c->final_cert = (struct certificate){.part = VOTE_P2, .statement = s, .entry_count = 1};
    c->final_cert.entries[0] = certificate_cut(&v, VOTE_P2);
    c->root_cert = c->final_cert;
    c->has_final_cert = c->has_root_cert = true;
}

/* What was said may have been lost with the crash: it is said again, the same. */
static void want_votes_again(struct consensus *c)
{
    if (c->phase != PHASE_OPEN || c->voted_view != c->cur_view || c->is_dead) return;
    for (uint32_t i = 0; i < c->voted_count; i++) {
        struct line_item *item = &c->line[i];
        uint64_t height = c->root_height + i + 1;
        if (item->block == NULL || !item->block->has_body) continue;
        bool is_anchor = height == c->anchor_height && hash_equal(&item->hash, &c->anchor_hash);
        bool is_fresh = height > c->anchor_height && item->block->header.view == c->cur_view;
        if (is_anchor || is_fresh) item->p1 = (struct promise){.is_wanted = true};
        bool is_locked = c->has_lock && c->lock.view == c->cur_view && c->lock.height == height;
        if (is_locked) item->p2 = (struct promise){.is_wanted = true};
    }
}
