/* finality.c - What is committed becomes final in order; what is executed becomes a certified
 * result.
 *
 * A certificate commits its block and all its ancestors. It may come before their bodies are here:
 * then it is kept (ahead), what is missing is asked for, and a distance of more than the window is
 * the runtime's to catch up.
 *
 * When a final block is not on the chain that this node voted for in the present view - its leader
 * said two things - the voted chain is dead: root and line stay as the record has them, so that a
 * VC tells exactly what was voted, and nothing is voted before the next view's anchor. */
#include "consensus/consensus_int.h"

static void commit_below(struct consensus *c, const struct certificate *cert);
static void await(struct consensus *c, const struct certificate *cert);
static void finalize(struct consensus *c, struct block **path, uint32_t count);
static bool settle_line(struct consensus *c, struct block **path, uint32_t count);
static const struct certificate *show(struct consensus *c, const struct block *b);
static void add_final(struct consensus *c, const struct block *b);
static void move_root(struct consensus *c);
static void forget_lost(struct consensus *c);
static void kill_line(struct consensus *c, uint64_t height);
static void forget_ahead(struct consensus *c);
static bool is_passed(struct consensus *c, const struct consensus_event *event, uint64_t *fork);
static void accept_result(struct consensus *c, const struct certificate *cert);
static void certify_executed(struct consensus *c, uint64_t height);

/* cert is valid: a quorum of P2, or the fast quorum of P1. */
void finality_commit(struct consensus *c, const struct certificate *cert)
{
    must(cert->part != VOTE_P3);
    const struct statement *s = &cert->statement;
    if (s->height <= c->final.height) {
        commit_below(c, cert);
        return;
    }
    struct block *path[PATH_BLOCKS_MAX];
    uint32_t count = 0;
    struct statement missing;
    enum path found = path_find(c, s, path, &count, &missing);
    if (found == PATH_FORK) {
        suspect_commits(c, cert);
        alarm_raise(c, ALARM_CONFLICT);
        return;
    }
    bool is_whole = found == PATH_WHOLE;
    for (uint32_t i = 0; i < count && is_whole; i++)
        is_whole = block_is_whole(c, path[i]);
    if (!is_whole) {
        await(c, cert);
        return;
    }
    c->commit_cert = *cert;
    finalize(c, path, count);
}

void finality_retry(struct consensus *c)
{
    if (!c->is_ahead) return;
    struct certificate cert = c->ahead;
    finality_commit(c, &cert);
}

void finality_on_result(struct consensus *c, const struct certificate *cert)
{
    must(cert->part == VOTE_P3);
    const struct statement *s = &cert->statement;
    if (s->height <= c->result_height) return;
    if (s->height > c->executed_height) {
        bool is_newer = !c->has_next_res || s->height > c->next_res.statement.height;
        if (is_newer) c->next_res = *cert;
        c->has_next_res = true;
        return;
    }
    const struct hash *own = digest_at(c, s->height);
    if (own != NULL && !hash_equal(own, &s->hash)) {
        alarm_raise(c, ALARM_DIVERGED);
        return;
    }
    accept_result(c, cert);
}

enum status finality_on_executed(struct consensus *c, const struct consensus_event *event)
{
    if (event->height <= c->executed_height || event->height > c->final.height) return ST_INVALID;
    /* Blocks that the runtime caught up with may be executed without a word. */
    if (event->height > c->executed_height + 1) c->digest_low = event->height;
    c->executed_height = event->height;
    c->executed_mono_ms = c->mono_ms;
    c->digests[event->height % RESULT_HEIGHTS] = event->digest;
    if (event->height >= c->digest_low + RESULT_HEIGHTS)
        c->digest_low = event->height - RESULT_HEIGHTS + 1;
    c->wanted_height = event->wanted_height;
    epoch_on_executed(c, event);
    certify_executed(c, event->height);
    if (c->has_next_res && c->next_res.statement.height <= event->height) {
        c->has_next_res = false;
        struct certificate cert = c->next_res;
        finality_on_result(c, &cert);
    }
    return ST_OK;
}

enum status finality_on_advanced(struct consensus *c, const struct consensus_event *event)
{
    must(event->final_cert != NULL && event->header != NULL && event->history != NULL);
    uint64_t height = event->header->height;
    if (height > c->final.height) TRY(adapt_on_advanced(c, event));
    if (event->res_cert != NULL) finality_on_result(c, event->res_cert);
    if (height <= c->final.height) {
        commit_below(c, event->final_cert);
        return ST_OK;
    }
    must(event->history->count == height);
    uint64_t fork = 0;
    bool is_on_line = is_passed(c, event, &fork);
    bool is_line_longer = height < voted_tip_height(c);
    c->commit_cert = *event->final_cert;
    if (!is_on_line) kill_line(c, fork);
    if (!c->is_dead && !is_line_longer) line_cut(c, c->voted_count);
    c->final = tip_of(event->header, &event->hash);
    c->final_tree = *event->history;
    c->last_final_txs = event->header->tx_count;
    c->last_txs_height = event->last_txs_height;
    if (!c->is_dead) line_cut(c, c->voted_count);
    move_root(c);
    forget_ahead(c);
    pace_on_final(c);
    c->is_dirty = true; /* The record no longer tells where this node stands. */
    return ST_OK;
}

const struct hash *digest_at(const struct consensus *c, uint64_t height)
{
    if (height < c->digest_low || height > c->executed_height) return NULL;
    return &c->digests[height % RESULT_HEIGHTS];
}

/* Of a block that is final here already: it may be the certificate that a restart did not find. */
static void commit_below(struct consensus *c, const struct certificate *cert)
{
    const struct statement *s = &cert->statement;
    if (s->height == c->final.height) {
        if (!hash_equal(&s->hash, &c->final.hash)) {
            suspect_commits(c, cert);
            alarm_raise(c, ALARM_CONFLICT);
            return;
        }
        if (!c->has_final_cert) c->final_cert = *cert;
        c->has_final_cert = true;
        forget_lost(c);
    }
    if (c->is_dead || s->height < c->root_height) return;
    if (s->height == c->root_height) {
        if (!hash_equal(&s->hash, &c->root_hash)) return;
        if (!c->has_root_cert && s->height > 0) c->root_cert = *cert;
        c->has_root_cert = s->height > 0;
        return;
    }
    const struct line_item *item = line_at(c, s->height);
    if (item == NULL) return;
    if (!hash_equal(&item->hash, &s->hash)) {
        suspect_commits(c, cert);
        alarm_raise(c, ALARM_CONFLICT);
        return;
    }
    line_trim(c, s->height);
    c->root_cert = *cert;
    c->has_root_cert = true;
}

static void await(struct consensus *c, const struct certificate *cert)
{
    const struct statement *s = &cert->statement;
    if (!c->is_ahead || s->height > c->ahead.statement.height) c->ahead = *cert;
    c->is_ahead = true;
    struct block *path[PATH_BLOCKS_MAX];
    uint32_t count = 0;
    struct statement missing;
    switch (path_find(c, &c->ahead.statement, path, &count, &missing)) {
    case PATH_MISSING: block_fetch(c, missing.height, &missing.hash); return;
    case PATH_FAR: sync_behind(c, s->height, sync_peers_beyond(c, c->final.height)); return;
    case PATH_FORK: return; /* The next certificate shows it. */
    case PATH_WHOLE: break;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!block_is_whole(c, path[i])) block_ask(c, path[i]);
}

static void finalize(struct consensus *c, struct block **path, uint32_t count)
{
    must(count > 0);
    bool is_on_line = settle_line(c, path, count);
    bool is_voted = is_on_line && c->commit_cert.statement.height <= voted_tip_height(c);
    if (!is_voted) c->is_dirty = true; /* The record cannot tell of it. */
    for (uint32_t i = 0; i < count; i++)
        add_final(c, path[i]);
    must(c->final.height == c->commit_cert.statement.height);
    if (is_on_line) must(!c->is_dead);
    move_root(c);
    forget_ahead(c);
}

/* Takes from the line what the path contradicts. False: what was voted for is on another fork. */
static bool settle_line(struct consensus *c, struct block **path, uint32_t count)
{
    if (c->is_dead) return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct line_item *item = line_at(c, path[i]->header.height);
        if (item == NULL || hash_equal(&item->hash, &path[i]->hash)) continue;
        if (path[i]->header.height > voted_tip_height(c)) {
            line_cut(c, (uint32_t)(path[i]->header.height - c->root_height - 1));
            return true;
        }
        kill_line(c, path[i]->header.height);
        return false;
    }
    return true;
}

/* What a receipt's proof will show: the block's own certificate if its votes are here too, else the
 * one that commits it with a descendant. */
static const struct certificate *show(struct consensus *c, const struct block *b)
{
    struct statement s = c->commit_cert.statement;
    if (c->shown_count == W) c->shown_count--;
    struct certificate *out = &c->shown[c->shown_count++];
    s.height = b->header.height;
    s.hash = b->hash;
    bool has_own = s.height < c->commit_cert.statement.height && c->shown_count < W &&
                   votes_commit(c, out, &s);
    if (!has_own) *out = c->commit_cert;
    return out;
}

/* I4 */
static void add_final(struct consensus *c, const struct block *b)
{
    must(b->header.height == c->final.height + 1);
    adapt_on_final(c, b);
    floor_on_final(c, b);
    propose_on_final(c, b);
    struct consensus_effect *final = effect_add(c, CONSENSUS_FINAL);
    final->height = b->header.height;
    final->hash = b->hash;
    final->view = c->commit_cert.statement.view;
    final->final_cert = show(c, b);
    c->final = tip_of(&b->header, &b->hash);
    c->last_final_txs = b->header.tx_count;
    struct hash leaf = merkle_leaf(hash_span(&b->hash));
    merkle_tree_add(&c->final_tree, &leaf);
    must(c->final_tree.count == c->final.height);
    if (b->header.tx_count > 0) c->last_txs_height = b->header.height;
    if (c->config.fault == FAULT_P3_BEFORE_EXEC) {
        struct consensus_event guess = {.height = c->final.height};
        guess.digest = c->digests[c->executed_height % RESULT_HEIGHTS];
        (void)finality_on_executed(c, &guess);
    }
    pace_on_final(c);
}

/* commit_cert is exactly of the final block. */
static void move_root(struct consensus *c)
{
    must(c->commit_cert.statement.height == c->final.height);
    c->final_cert = c->commit_cert;
    c->has_final_cert = true;
    if (c->is_dead) return;
    if (line_at(c, c->final.height) != NULL) {
        line_trim(c, c->final.height);
    } else {
        c->line_count = c->voted_count = 0;
        c->root_height = c->final.height;
        c->root_hash = c->final.hash;
    }
    must(hash_equal(&c->root_hash, &c->final.hash)); /* I1 */
    c->root_cert = c->commit_cert;
    c->has_root_cert = true;
    if (c->is_record_ahead) recover_chain(c);
}

/* A restart found that what was voted for lost, and perhaps none of it on the disk any more; the
 * certificate that it did not find comes later. As if it had been there (recover.c): the votes are
 * of a view that is left, and lost against a later one, so no view change has to show them. */
static void forget_lost(struct consensus *c)
{
    const struct statement *final = &c->final_cert.statement;
    if (!c->is_dead || final->epoch != c->config.epoch) return;
    if (c->voted_view >= c->cur_view || c->voted_view >= final->view) return;
    c->is_dead = false;
    c->line_count = c->voted_count = 0;
    c->root_height = c->final.height;
    c->root_hash = c->final.hash;
    c->root_cert = c->final_cert;
    c->has_root_cert = true;
    c->is_dirty = true;
}

/* From height on the voted chain lost. What was not voted for goes, the rest stays as promised. */
static void kill_line(struct consensus *c, uint64_t height)
{
    line_cut(c, c->voted_count);
    for (uint64_t h = height; h <= voted_tip_height(c); h++) {
        struct consensus_effect *drop = effect_add(c, CONSENSUS_DROP);
        drop->height = h;
        drop->hash = line_at(c, h)->hash;
    }
    c->is_dead = true;
}

static void forget_ahead(struct consensus *c)
{
    if (c->is_ahead && c->ahead.statement.height <= c->final.height) c->is_ahead = false;
}

/* Is what was voted for above final among the blocks that were caught up with? */
static bool is_passed(struct consensus *c, const struct consensus_event *event, uint64_t *fork)
{
    if (c->is_dead) return true;
    uint64_t old = c->final.height;
    for (uint64_t h = old + 1; h <= voted_tip_height(c) && h <= event->header->height; h++) {
        const struct hash *hash = NULL;
        if (h == event->header->height)
            hash = &event->hash;
        else if (h - old <= event->passed_count)
            hash = &event->passed[h - old - 1];
        *fork = h;
        if (hash == NULL || !hash_equal(hash, &line_at(c, h)->hash)) return false;
    }
    return true;
}

static void accept_result(struct consensus *c, const struct certificate *cert)
{
    c->result_height = cert->statement.height;
    c->res_cert = *cert;
    c->has_res_cert = true;
    c->result_cert = *cert;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        const struct vote *v = votes_newest_of(c, i, VOTE_P3, cert->statement.height);
        if (v != NULL) suspect_result(c, v);
    }
    if (c->is_final_halted) return;
    for (uint32_t i = 0; i < c->out->count; i++) {
        if (c->out->items[i].kind != CONSENSUS_RESULT) continue;
        c->out->items[i].height = cert->statement.height; /* One a step: it covers those below. */
        c->out->items[i].hash = cert->statement.hash;
        return;
    }
    struct consensus_effect *result = effect_add(c, CONSENSUS_RESULT);
    result->height = cert->statement.height;
    result->hash = cert->statement.hash;
    result->res_cert = &c->result_cert;
}

/* Others may have voted for the result before it was computed here. */
static void certify_executed(struct consensus *c, uint64_t height)
{
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        const struct vote *v = votes_newest_of(c, i, VOTE_P3, height);
        if (v == NULL) continue;
        const struct statement *s = &v->parts[VOTE_P3];
        if (votes_count(c, VOTE_P3, s, true) < c->quorum) continue;
        struct certificate cert;
        votes_certify(c, &cert, VOTE_P3, s);
        finality_on_result(c, &cert);
        return;
    }
}
