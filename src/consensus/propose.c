/* propose.c - A leader's blocks: when, on what, with which certificates.
 *
 * A block is due when transactions wait (nothing in flight: at once; else a full batch or old
 * enough, see distance_ms), when a certified result of transactions is in no header yet, or after a
 * minute of silence (1.9). A header never falls behind its parent in final_height and res_height,
 * so a leader that has not collected such a certificate yet waits for it.
 *
 * A node proposes in a view only under a durable promise, and never again in that view after a
 * restart (1.14). */
#include "consensus/consensus_int.h"

static bool is_proposing(const struct consensus *c);
static bool has_room(const struct consensus *c, const struct tip *parent);
static bool is_block_due(const struct consensus *c, const struct tip *parent);
static uint64_t distance_ms(const struct consensus *c);
static uint64_t newest_txs_height(const struct consensus *c);
static void ask_batch(struct consensus *c, const struct tip *parent);
static void fill_header(const struct consensus *c,
                        const struct consensus_batch *batch,
                        struct header *h);
static void send_proposal(struct consensus *c, const struct block *b);

/* As soon as it leads an open view, so that the first batch need not wait for the promise. */
void propose_claim(struct consensus *c)
{
    if (c->phase != PHASE_OPEN || leader_of(c, c->cur_view) != c->config.self) return;
    if (!is_signing(c) || (c->has_proposed && c->proposer_view >= c->cur_view)) return;
    c->has_proposed = true;
    c->proposer_view = c->cur_view;
    c->proposer_lsn = c->next_lsn;
    c->is_dirty = true;
}

void propose_settle(struct consensus *c)
{
    if (c->is_batch_asked || !is_proposing(c)) return;
    struct tip parent = line_tip(c);
    if (c->proposed_mono_ms == 0) c->proposed_mono_ms = c->mono_ms;
    if (!is_block_due(c, &parent) || !has_room(c, &parent)) return;
    ask_batch(c, &parent);
}

enum status propose_on_batch(struct consensus *c, const struct consensus_event *event)
{
    if (!c->is_batch_asked) return ST_INVALID;
    c->is_batch_asked = false;
    struct tip parent = line_tip(c);
    if (!is_proposing(c) || !hash_equal(&parent.hash, &c->batch_parent.hash)) return ST_OK;
    struct header h;
    fill_header(c, &event->batch, &h);
    struct hash hash = header_hash(&h);
    struct block *b = block_add(c, &h, &hash);
    if (b == NULL) return ST_OK;
    b->has_body = true;
    const struct block_content content = {
        .final_cert = c->batch_final_height > 0 ? &c->batch_final_cert : NULL,
        .res_cert = c->batch_res_height > 0 ? &c->batch_res_cert : NULL,
        .notes = event->notes};
    adapt_note_body(c, b, &content);
    c->idle_blocks = h.tx_count > 0 ? 0 : c->idle_blocks + 1;
    b->has_sig = true;
    b->from = c->config.self;
    b->proposed_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    struct hash signed_hash = proposal_hash(&hash);
    b->sig = sign_own(c, &signed_hash);
    c->proposed_mono_ms = c->mono_ms;
    c->waiting_since_ms = 0;
    /* A body without transactions took all there was: notes, or nothing. */
    const uint32_t taken = event->batch.tx_count > 0 ? event->batch.tx_count : c->waiting;
    c->waiting -= taken < c->waiting ? taken : c->waiting;
    c->last_tx_count = event->batch.tx_count;
    send_proposal(c, b);
    line_add(c, &b->hash, b);
    return ST_OK; /* settle votes for it. */
}

/* What this node proposed is final: the mean of the times that this took. */
void propose_on_final(struct consensus *c, const struct block *b)
{
    if (b->proposed_mono_ms == 0 || b->header.tx_count == 0) return;
    must(b->proposed_mono_ms <= c->mono_ms);
    uint64_t taken_ms = c->mono_ms - b->proposed_mono_ms;
    if (taken_ms > AGREEMENT_MS_MAX) taken_ms = AGREEMENT_MS_MAX;
    c->agreement += (uint32_t)taken_ms * AGREEMENT_SCALE / AGREEMENT_WEIGHT;
    c->agreement -= c->agreement / AGREEMENT_WEIGHT;
    must(c->agreement <= AGREEMENT_MS_MAX * AGREEMENT_SCALE);
}

static bool is_proposing(const struct consensus *c)
{
    return c->phase == PHASE_OPEN && leader_of(c, c->cur_view) == c->config.self &&
           is_open_for_votes(c) && c->has_proposed && c->proposer_view == c->cur_view &&
           c->proposer_lsn != 0 && is_durable(c, c->proposer_lsn) &&
           c->voted_count == c->line_count;
}

static bool has_room(const struct consensus *c, const struct tip *parent)
{
    if (c->line_count >= W || parent->is_close) return false;
    if (c->has_res_cert ? c->res_cert.statement.height < parent->res_height
                        : parent->res_height > 0)
        return false;
    if (c->has_root_cert ? c->root_height < parent->final_height : parent->final_height > 0)
        return false;
    uint64_t certified = c->has_res_cert ? c->res_cert.statement.height : 0;
    if (!epoch_close(c, certified, NULL)) return false;
    if (parent->height + 1 > certified + CONSENSUS_LAG_MAX) return false;
    /* Time of blocks may not run ahead of the clock (1.16). */
    return parent->height == 0 || parent->time_ms + 1 <= c->wall_ms + CONSENSUS_PREC_MS;
}

static bool is_block_due(const struct consensus *c, const struct tip *parent)
{
    bool is_idle = parent->height == c->final.height;
    uint64_t silence = c->mono_ms - c->proposed_mono_ms;
    if (epoch_is_step_due(c, parent)) return true;
    if (c->waiting > 0) {
        if (c->waiting >= c->config.block_txs_max) return true;
        if (silence < distance_ms(c)) return false;
        if (is_idle) return true;
        return c->mono_ms - c->waiting_since_ms >= c->config.batch_age_ms;
    }
    uint64_t txs_height = newest_txs_height(c);
    bool is_result_new = txs_height > parent->res_height && c->has_res_cert &&
                         c->res_cert.statement.height >= txs_height;
    const bool is_wanted = parent->height < c->wanted_height;
    if (is_idle && (is_result_new || is_wanted || adapt_wants_blocks(c, parent->height + 1)))
        return silence >= CERTIFY_MS;
    return silence >= CONSENSUS_QUIET_MS;
}

/* Under load blocks keep a distance: each costs syncs, and of several validators two signatures of
 * each on every node. Under heavy load it follows the time that a block takes to become final,
 * which grows when the nodes are what limits, until so many transactions wait that the signatures
 * no longer count beside them. */
static uint64_t distance_ms(const struct consensus *c)
{
    uint64_t age = c->config.batch_age_ms;
    uint32_t validators = c->config.validators.count;
    if (c->last_tx_count <= QUIET_TXS) return 0;
    if (validators == 1) return age / 2;
    if (c->last_tx_count <= BUSY_TXS) return age;
    uint64_t agreement = c->agreement / AGREEMENT_SCALE;
    if (agreement > load_wait_ms(c)) agreement = load_wait_ms(c);
    bool is_enough = c->waiting >= validators * ENOUGH_TXS;
    return is_enough || agreement < 2 * age ? 2 * age : agreement;
}

static uint64_t newest_txs_height(const struct consensus *c)
{
    for (uint32_t i = c->line_count; i > 0; i--) {
        const struct block *b = c->line[i - 1].block;
        if (b != NULL && b->header.tx_count > 0 && b->header.height > c->last_txs_height)
            return b->header.height;
    }
    return c->last_txs_height;
}

static void ask_batch(struct consensus *c, const struct tip *parent)
{
    c->is_batch_asked = true;
    c->batch_parent = *parent;
    c->batch_time_ms = c->wall_ms > parent->time_ms ? c->wall_ms : parent->time_ms + 1;
    struct consensus_effect *need = effect_add(c, CONSENSUS_NEED_BATCH);
    need->height = parent->height + 1;
    need->hash = parent->hash;
    need->view = c->cur_view;
    need->time_ms = c->batch_time_ms;
    need->notes = adapt_gather(c, need->height);
    c->batch_final_height = c->batch_res_height = 0;
    if (c->has_root_cert) {
        need->final_cert = &c->root_cert;
        c->batch_final_cert = c->root_cert;
        c->batch_final_height = c->root_height;
        c->batch_final_hash = certificate_hash(&c->root_cert);
    }
    if (c->has_res_cert) {
        need->res_cert = &c->res_cert;
        c->batch_res_cert = c->res_cert;
        c->batch_res_height = c->res_cert.statement.height;
        c->batch_res_digest = c->res_cert.statement.hash;
        c->batch_res_hash = certificate_hash(&c->res_cert);
    }
}

static void fill_header(const struct consensus *c,
                        const struct consensus_batch *batch,
                        struct header *h)
{
    uint64_t height = c->batch_parent.height + 1;
    *h = (struct header){.chain_id = c->config.chain_id,
                         .epoch = c->config.epoch,
                         .height = height,
                         .view = c->cur_view,
                         .parent = c->batch_parent.hash,
                         .exec_version = c->config.exec_version,
                         .history_root = merkle_tree_root(tree_below(c, height)),
                         .time_ms = c->batch_time_ms,
                         .tx_root = batch->tx_root,
                         .tx_count = batch->tx_count,
                         .body_size = batch->body_size,
                         .proposer = c->config.self,
                         .notes_hash = batch->notes_hash,
                         .mode = mode_for(c, height)};
    bool is_known = epoch_close(c, c->batch_res_height, h);
    must(is_known);
    if (c->batch_final_height > 0) {
        h->final_height = c->batch_final_height;
        h->final_cert_hash = c->batch_final_hash;
    }
    if (c->batch_res_height > 0) {
        h->res_height = c->batch_res_height;
        h->res_digest = c->batch_res_digest;
        h->res_cert_hash = c->batch_res_hash;
    }
}

static void send_proposal(struct consensus *c, const struct block *b)
{
    struct small_message *m = message_add(c, CONSENSUS_PROPOSAL);
    must(m != NULL);
    m->proposal = (struct proposal){.header = b->header, .sig = b->sig};
    struct consensus_effect *propose = effect_add(c, CONSENSUS_PROPOSE);
    propose->height = b->header.height;
    propose->hash = b->hash;
    propose->view = c->cur_view;
    propose->proposal = &m->proposal;
    propose->after_lsn = c->proposer_lsn;
}
