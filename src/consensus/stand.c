/* stand.c - The engine seen from outside: where it stands, who voted, and a digest of all of it.
 *
 * The digest covers what decides about later effects. What only one step uses, and what is derived
 * (messages under way, hashes of checked certificates) is left out. */
#include "consensus/consensus_int.h"

static void add_promises(struct hasher *h, const struct consensus *c);
static void add_chain(struct hasher *h, const struct consensus *c);
static void add_mode(struct hasher *h, const struct consensus *c);
static void add_timing(struct hasher *h, const struct consensus *c);
static void add_tables(struct hasher *h, const struct consensus *c);
static void add_statement(struct hasher *h, const struct statement *s);
static void add_flags(struct hasher *h, const struct consensus *c);

void consensus_stand_of(const struct consensus *c, struct consensus_stand *out, uint64_t mono_ms)
{
    struct tip tip = line_tip(c);
    *out = (struct consensus_stand){.view = c->cur_view,
                                    .is_open = c->phase == PHASE_OPEN,
                                    .is_changing = c->phase == PHASE_CHANGING,
                                    .leader = leader_of(c, c->cur_view),
                                    .failed_views = c->failed_views,
                                    .is_voting = is_open_for_votes(c),
                                    .alarm = c->alarm,
                                    .is_final_halted = c->is_final_halted,
                                    .tip_height = tip.height,
                                    .tip_hash = tip.hash,
                                    .tip_time_ms = tip.time_ms,
                                    .final_height = c->final.height,
                                    .final_hash = c->final.hash,
                                    .executed_height = c->executed_height,
                                    .result_height = c->result_height,
                                    .vc_count = change_count(c, c->cur_view, false)};
    const struct hash *digest = digest_at(c, c->executed_height);
    if (digest != NULL) out->executed_digest = *digest;
    if (c->is_timing && c->deaf_mono_ms == 0 && pace_is_due(c)) {
        uint64_t gone = mono_ms - c->timer_mono_ms;
        out->timer_left_ms = gone < view_ms(c) ? view_ms(c) - gone : 1;
    }
    memcpy(out->rejects, c->rejects, sizeof out->rejects);
    for (uint32_t i = 0; i < c->config.validators.count; i++)
        out->peers[i] = c->peers[i].stand;
}

struct hash consensus_tip_hash(const struct consensus *c)
{
    return line_tip(c).hash;
}

bool consensus_is_final_halted(const struct consensus *c)
{
    return c->is_final_halted;
}

const struct certificate *consensus_commit_certificate(const struct consensus *c)
{
    return c->has_final_cert ? &c->final_cert : NULL;
}

bool consensus_signers(const struct consensus *c, uint64_t height, uint32_t signers[VOTE_PARTS])
{
    memset(signers, 0, VOTE_PARTS * sizeof signers[0]);
    bool is_any = false;
    for (int part = VOTE_P1; part < VOTE_PARTS; part++) {
        uint64_t view = 0;
        for (uint32_t i = 0; i < c->config.validators.count; i++) {
            const struct vote *v = votes_newest_of(c, i, (enum vote_part)part, height);
            if (v == NULL) continue;
            is_any = true;
            if (v->parts[part].view > view) {
                view = v->parts[part].view;
                signers[part] = 0;
            }
            if (v->parts[part].view == view) signers[part] |= 1u << i;
        }
    }
    return is_any;
}

struct hash consensus_digest(const struct consensus *c)
{
    struct hasher h;
    hash_init(&h, "consensus");
    add_promises(&h, c);
    add_chain(&h, c);
    add_flags(&h, c);
    add_timing(&h, c);
    add_tables(&h, c);
    return hash_final(&h);
}

static void add_promises(struct hasher *h, const struct consensus *c)
{
    hash_add_u64(h, c->cur_view);
    hash_add_u64(h, c->voted_view);
    hash_add_u64(h, c->phase);
    hash_add_u64(h, c->anchor_height);
    hash_add_hash(h, &c->anchor_hash);
    hash_add_u64(h, c->has_proposed ? c->proposer_view + 1 : 0);
    if (c->has_lock) add_statement(h, &c->lock);
    if (!c->has_hq) return;
    struct hash hq = certificate_hash(&c->hq);
    hash_add_hash(h, &hq);
}

static void add_chain(struct hasher *h, const struct consensus *c)
{
    hash_add_u64(h, c->root_height);
    hash_add_hash(h, &c->root_hash);
    hash_add_u64(h, c->voted_count);
    for (uint32_t i = 0; i < c->line_count; i++) {
        const struct line_item *item = &c->line[i];
        hash_add_hash(h, &item->hash);
        hash_add_u64(h, (uint64_t)item->p1.is_wanted | (uint64_t)item->p1.is_sent << 1 |
                            (uint64_t)item->p2.is_wanted << 2 | (uint64_t)item->p2.is_sent << 3);
        hash_add_u64(h, item->qc_mono_ms);
        hash_add_u64(h, item->p1.lsn);
        hash_add_u64(h, item->p2.lsn);
    }
    hash_add_u64(h, c->final.height);
    hash_add_hash(h, &c->final.hash);
    if (c->is_ahead) add_statement(h, &c->ahead.statement);
    hash_add_u64(h, c->executed_height);
    hash_add_hash(h, &c->digests[c->executed_height % RESULT_HEIGHTS]);
    hash_add_u64(h, c->p3_height);
    hash_add_u64(h, c->result_height);
    for (uint32_t i = 0; i < c->block_count; i++) {
        const struct block *b = &c->blocks[i];
        hash_add_hash(h, &b->hash);
        hash_add_u64(h, (uint64_t)b->has_sig | (uint64_t)b->has_body << 1 |
                            (uint64_t)b->is_held << 2 | (uint64_t)b->is_bad << 3 |
                            (uint64_t)b->is_refused << 4);
        hash_add_u64(h, b->asked_mono_ms);
    }
}

static void add_flags(struct hasher *h, const struct consensus *c)
{
    const bool flags[] = {c->is_started,     c->is_dead,         c->is_dirty,       c->is_vc_dirty,
                          c->is_vc_pending,  c->is_vc_made,      c->is_vc_sent,     c->is_nv_ours,
                          c->is_nv_sent,     c->is_open_told,    c->is_admitted,    c->is_timing,
                          c->is_batch_asked, c->has_root_cert,   c->has_final_cert, c->has_res_cert,
                          c->has_next_res,   c->is_record_ahead, c->is_status_due};
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        bits |= (uint64_t)flags[i] << i;
    hash_add_u64(h, bits);
    hash_add_u64(h, c->alarm);
    add_mode(h, c);
    hash_add_u64(h, c->answered);
    hash_add_u64(h, c->anchor.height);
    hash_add_hash(h, &c->anchor.hash);
}

static void add_mode(struct hasher *h, const struct consensus *c)
{
    uint8_t bytes[MODE_ENCODED_SIZE];
    struct buf out;
    if (!c->is_adapting) return;
    buf_init_fixed(&out, bytes, sizeof bytes);
    mode_encode(&out, &c->mode);
    must(buf_status(&out) == ST_OK);
    hash_add(h, buf_span(&out));
    hash_add_u64(h, c->idle_blocks);
}

static void add_timing(struct hasher *h, const struct consensus *c)
{
    const uint64_t values[] = {c->mono_ms,          c->wall_ms,         c->next_lsn,
                               c->durable_lsn,      c->vc_lsn,          c->nv_lsn,
                               c->open_lsn,         c->proposer_lsn,    c->failed_views,
                               c->calm_blocks,      c->timer_mono_ms,   c->vc_mono_ms,
                               c->open_mono_ms,     c->status_mono_ms,  c->behind_mono_ms,
                               c->lagging_mono_ms,  c->fetch_next,      c->proposed_mono_ms,
                               c->waiting_since_ms, c->oldest_wait_ms,  c->waiting,
                               c->last_tx_count,    c->agreement,       c->executed_mono_ms,
                               c->last_final_txs,   c->last_txs_height, c->batch_time_ms,
                               c->wanted_height,    c->deaf_mono_ms,    c->gap,
                               c->floor.since_ms,   c->floor.txs,       c->floor.view_ms,
                               c->floor.view_txs,   c->floor.low,       c->floor.count};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        hash_add_u64(h, values[i]);
    for (uint32_t i = 0; i < REJECT_COUNT; i++)
        hash_add_u64(h, c->rejects[i]);
}

static void add_tables(struct hasher *h, const struct consensus *c)
{
    uint32_t n = c->config.validators.count;
    for (size_t i = 0; i < (size_t)n * 2 * VOTE_HEIGHTS * VOTE_VIEWS; i++)
        if (c->votes[i].is_used)
            hash_add(h, span_of(c->votes[i].vote.sig.bytes, SIGN_SIGNATURE_SIZE));
    for (size_t i = 0; i < (size_t)n * RESULT_HEIGHTS; i++)
        if (c->results[i].is_used)
            hash_add(h, span_of(c->results[i].vote.sig.bytes, SIGN_SIGNATURE_SIZE));
    for (size_t i = 0; i < (size_t)n * 2; i++)
        if (c->vcs[i].is_used) hash_add_hash(h, &c->vcs[i].hash);
    for (uint32_t i = 0; i < n; i++) {
        const struct peer *p = &c->peers[i];
        hash_add_u64(h, p->stand.view);
        hash_add_u64(h, p->stand.tip_height);
        hash_add_u64(h, p->stand.final_height);
        hash_add_u64(h, p->stand.heard_mono_ms);
        hash_add_u64(h, (uint64_t)p->stand.is_convicted | (uint64_t)p->stand.is_divergent << 1);
        hash_add_u64(h, p->result_height);
        hash_add_u64(h, p->resent_mono_ms);
        hash_add_u64(h, p->answered_mono_ms);
        hash_add(h, span_of(p->passed_sig.bytes, SIGN_SIGNATURE_SIZE));
    }
}

static void add_statement(struct hasher *h, const struct statement *s)
{
    hash_add_u64(h, s->view);
    hash_add_u64(h, s->height);
    hash_add_hash(h, &s->hash);
}
