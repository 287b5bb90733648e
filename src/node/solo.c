/* Transitions:
 *
 * event      | when                                  | effects
 * -----------+---------------------------------------+---------------------------------------------
 * TICK       | a block is due and there is room      | NEED_BATCH
 * BATCH      | asked for                             | PROPOSE, WRITE(vote), SYNC
 * PERSISTED  | lsn covers votes in flight            | FINAL for each, in order of height
 * EXECUTED   | next height                           | WRITE(result vote), RESULT
 *
 * A block is due when transactions wait (nothing in flight: at once; else a full batch or old
 * enough), when a result of transactions is in no header yet, or after a minute of silence (1.9).
 *
 * I1 executed ≤ final ≤ tip ≤ final + W.
 * I2 a block is final only when the lsn of its vote is durable.
 * I3 heights become final, and are executed, one after the other. */
#include "node/solo.h"

#include "base/must.h"

static bool is_block_due(const struct solo *s, const struct engine_event *event);
static struct engine_effect *add_effect(struct engine_effects *out, enum engine_effect_kind kind);
static void sign_vote(const struct solo *s, struct vote *vote);
static void certify(struct certificate *out, const struct vote *vote, enum vote_part part);
static struct vote make_vote(const struct solo *s, uint64_t height, const struct hash *hash);

enum status solo_init(struct solo *s, const struct solo_config *config, const struct solo_tip *tip)
{
    must(config->node_key.scheme == SIGN_ED25519);
    must(tip->res_height <= tip->height);
    *s = (struct solo){.config = *config, .tip = *tip, .next_lsn = 1};
    struct public_key key;
    TRY(sign_public(config->signer, &key, &config->node_key));
    s->final_height = tip->height;
    s->executed_height = tip->height;
    s->executed_digest = tip->digest;
    s->last_txs_height = tip->has_txs ? tip->height : 0;
    if (tip->height > 0) {
        struct vote vote = make_vote(s, tip->height, &tip->hash);
        sign_vote(s, &vote);
        certify(&s->final_cert, &vote, VOTE_P2);
        certify(&s->res_cert, &vote, VOTE_P3);
    }
    return ST_OK;
}

void solo_fini(struct solo *s)
{
    mem_wipe(&s->config.node_key, sizeof s->config.node_key);
}

static struct engine_effect *add_effect(struct engine_effects *out, enum engine_effect_kind kind)
{
    must(out->count < ENGINE_EFFECTS_MAX);
    struct engine_effect *effect = &out->items[out->count++];
    *effect = (struct engine_effect){.kind = kind};
    return effect;
}

/* P1 and P2 name the block: with one voter the vote is its own quorum certificate. P3 is
 * cumulative. */
static struct vote make_vote(const struct solo *s, uint64_t height, const struct hash *hash)
{
    struct vote vote = {.voter = 0};
    struct statement block = {.height = height, .hash = *hash};
    vote.parts[VOTE_P1] = block;
    vote.parts[VOTE_P2] = block;
    vote.parts[VOTE_P3] =
        (struct statement){.height = s->executed_height, .hash = s->executed_digest};
    return vote;
}

static void sign_vote(const struct solo *s, struct vote *vote)
{
    struct hash hash = vote_hash(vote, &s->config.chain_id);
    enum status st = sign_hash(s->config.signer, &vote->sig, &s->config.node_key, &hash);
    must(st == ST_OK); /* The key was checked by solo_init. */
}

static void certify(struct certificate *out, const struct vote *vote, enum vote_part part)
{
    *out = (struct certificate){.part = part, .statement = vote->parts[part], .entry_count = 1};
    out->entries[0] = certificate_cut(vote, part);
}

static bool is_block_due(const struct solo *s, const struct engine_event *event)
{
    bool is_idle = s->tip.height == s->final_height;
    uint64_t silence = event->mono_ms - s->proposed_mono_ms;
    if (event->waiting > 0) {
        if (event->waiting >= s->config.block_txs_max) return true;
        /* Under load blocks keep a distance: each costs signatures, a sync and certificates. */
        bool is_loaded = s->last_tx_count > SOLO_QUIET_TXS;
        if (is_loaded && silence < s->config.batch_age_ms / 2) return false;
        if (is_idle) return true;
        return event->mono_ms - s->waiting_since_ms >= s->config.batch_age_ms;
    }
    bool is_result_open =
        s->last_txs_height > s->tip.res_height && s->executed_height >= s->last_txs_height;
    if (is_result_open && is_idle) return silence >= SOLO_CERTIFY_MS;
    return silence >= SOLO_HEARTBEAT_MS;
}

static void step_tick(struct solo *s, const struct engine_event *event, struct engine_effects *out)
{
    if (event->waiting == 0)
        s->waiting_since_ms = 0;
    else if (s->waiting_since_ms == 0)
        s->waiting_since_ms = event->mono_ms;
    if (s->proposed_mono_ms == 0) s->proposed_mono_ms = event->mono_ms;

    if (s->is_batch_asked || !is_block_due(s, event)) return;
    if (s->tip.height >= s->final_height + ENGINE_WINDOW) return;
    if (s->tip.height >= s->executed_height + ENGINE_LAG_MAX) return;
    uint64_t time_ms = event->wall_ms > s->tip.time_ms ? event->wall_ms : s->tip.time_ms + 1;
    if (time_ms > event->wall_ms + SOLO_AHEAD_MS_MAX && s->tip.height > 0) return;

    struct engine_effect *need = add_effect(out, ENGINE_NEED_BATCH);
    need->height = s->tip.height + 1;
    need->time_ms = time_ms;
    need->final_cert = s->final_cert.entry_count > 0 ? &s->final_cert : NULL;
    need->res_cert = s->res_cert.entry_count > 0 ? &s->res_cert : NULL;
    s->batch_time_ms = time_ms;
    s->is_batch_asked = true;
}

static void fill_header(const struct solo *s, const struct engine_batch *batch, struct header *h)
{
    *h = (struct header){.chain_id = s->config.chain_id,
                         .height = s->tip.height + 1,
                         .parent = s->tip.hash,
                         .exec_version = s->config.exec_version,
                         .history_root = merkle_tree_root(&s->tip.history),
                         .time_ms = s->batch_time_ms,
                         .tx_root = batch->tx_root,
                         .tx_count = batch->tx_count,
                         .body_size = batch->body_size,
                         .mode = MODE_BFT};
    if (s->final_cert.entry_count > 0) {
        h->final_height = s->final_cert.statement.height;
        h->final_cert_hash = certificate_hash(&s->final_cert);
    }
    if (s->res_cert.entry_count > 0) {
        h->res_height = s->res_cert.statement.height;
        h->res_digest = s->res_cert.statement.hash;
        h->res_cert_hash = certificate_hash(&s->res_cert);
    }
}

static enum status step_batch(struct solo *s,
                              const struct engine_event *event,
                              struct engine_effects *out)
{
    if (!s->is_batch_asked) return ST_INVALID;
    s->is_batch_asked = false;
    struct engine_effect *propose = add_effect(out, ENGINE_PROPOSE);
    fill_header(s, &event->batch, &propose->header);
    propose->height = propose->header.height;
    propose->hash = header_hash(&propose->header);

    struct hash leaf = merkle_leaf(hash_span(&propose->hash));
    merkle_tree_add(&s->tip.history, &leaf);
    s->tip.height = propose->height;
    s->tip.hash = propose->hash;
    s->tip.time_ms = s->batch_time_ms;
    s->tip.res_height = propose->header.res_height;
    if (event->batch.tx_count > 0) s->last_txs_height = s->tip.height;
    s->proposed_mono_ms = event->mono_ms;
    s->waiting_since_ms = 0;
    s->last_tx_count = event->batch.tx_count;
    must(s->tip.height <= s->final_height + ENGINE_WINDOW); /* I1 */

    struct engine_effect *write = add_effect(out, ENGINE_WRITE);
    write->slot = ENGINE_SLOT_VOTE;
    write->height = s->tip.height;
    write->vote = make_vote(s, s->tip.height, &s->tip.hash);
    sign_vote(s, &write->vote);
    s->in_flight[s->tip.height % ENGINE_WINDOW].lsn = s->next_lsn;
    certify(&s->in_flight[s->tip.height % ENGINE_WINDOW].cert, &write->vote, VOTE_P2);
    add_effect(out, ENGINE_SYNC)->lsn = s->next_lsn++;
    return ST_OK;
}

static enum status step_persisted(struct solo *s,
                                  const struct engine_event *event,
                                  struct engine_effects *out)
{
    if (event->lsn >= s->next_lsn || event->lsn < s->durable_lsn) return ST_INVALID;
    s->durable_lsn = event->lsn;
    while (s->final_height < s->tip.height) {
        uint64_t height = s->final_height + 1;
        if (s->in_flight[height % ENGINE_WINDOW].lsn > s->durable_lsn) break; /* I2 */
        struct certificate *cert = &s->in_flight[height % ENGINE_WINDOW].cert;
        must(cert->statement.height == height); /* I3 */
        s->final_height = height;
        s->final_cert = *cert;
        struct engine_effect *final = add_effect(out, ENGINE_FINAL);
        final->height = height;
        final->final_cert = cert;
    }
    return ST_OK;
}

static enum status step_executed(struct solo *s,
                                 const struct engine_event *event,
                                 struct engine_effects *out)
{
    if (event->height != s->executed_height + 1 || event->height > s->final_height)
        return ST_INVALID; /* I1, I3 */
    s->executed_height = event->height;
    s->executed_digest = event->digest;
    struct vote vote = make_vote(s, s->tip.height, &s->tip.hash);
    /* Statements about blocks leave only with their own, durable vote (1.14). */
    vote.parts[VOTE_P1] = (struct statement){.is_null = true};
    vote.parts[VOTE_P2] = (struct statement){.is_null = true};
    sign_vote(s, &vote);
    certify(&s->res_cert, &vote, VOTE_P3);
    struct engine_effect *write = add_effect(out, ENGINE_WRITE);
    write->slot = ENGINE_SLOT_RESULT;
    write->vote = vote;
    struct engine_effect *result = add_effect(out, ENGINE_RESULT);
    result->height = event->height;
    result->res_cert = &s->res_cert;
    return ST_OK;
}

enum status solo_step(struct solo *s, const struct engine_event *event, struct engine_effects *out)
{
    out->count = 0;
    switch (event->kind) {
    case ENGINE_TICK: step_tick(s, event, out); return ST_OK;
    case ENGINE_BATCH: return step_batch(s, event, out);
    case ENGINE_PERSISTED: return step_persisted(s, event, out);
    case ENGINE_EXECUTED: return step_executed(s, event, out);
    }
    return ST_INVALID;
}
