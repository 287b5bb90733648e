/* newview.c - A new view opens: n - f VCs (raft: a majority, and all that come within 2 Δ), the
 * block they lead to, and its adoption.
 *
 * The anchor's path may be unknown here: it is walked down by parent hash, from the headers inside
 * the VCs or from peers, until it meets the final block; bodies are asked for on the way. Then the
 * whole path is adopted in one record with one view number (1.5). P1 goes to the anchor alone: a
 * first-phase vote is exact, and what stands below it becomes final through it. */
#include "consensus/consensus_int.h"

static bool is_ours_to_make(struct consensus *c);
static bool is_waiting_for_all(struct consensus *c);
static void make(struct consensus *c);
static void keep(struct consensus *c, const struct new_view *nv);
static void await_anchor(struct consensus *c);
static void commit_base(struct consensus *c);
static bool fetch_path(struct consensus *c, struct block **path, uint32_t *count);
static const struct header *header_in_changes(const struct consensus *c, const struct statement *s);
static bool adopt(struct consensus *c, struct block **path, uint32_t count);
static bool rebuild_line(struct consensus *c, struct block **path, uint32_t count);
static void announce(struct consensus *c);

enum status newview_on_message(struct consensus *c, const struct new_view *nv)
{
    if (nv->epoch != c->config.epoch) return engine_reject(c, REJECT_EPOCH);
    if (nv->sender >= c->config.validators.count) return engine_reject(c, REJECT_SENDER);
    if (nv->view == 0 || nv->view < c->cur_view) return engine_reject(c, REJECT_OLD_VIEW);
    if (nv->view >= VIEW_MAX) return engine_reject(c, REJECT_FAR_VIEW);
    if (nv->sender != leader_of(c, nv->view)) return engine_reject(c, REJECT_NOT_LEADER);
    if (nv->view == c->cur_view && c->phase != PHASE_CHANGING)
        return engine_reject(c, REJECT_DUPLICATE);
    if (nv->sender == c->config.self) return engine_reject(c, REJECT_STALE);
    struct select_result x;
    enum consensus_reject wrong = new_view_check(nv, &c->check, &x);
    if (wrong == REJECT_NV_ANCHOR && c->config.fault == FAULT_SELECT_BASE) {
        x = (struct select_result){nv->height, nv->hash, nv->height, nv->hash};
        wrong = REJECT_NONE;
    }
    if (wrong != REJECT_NONE) {
        bool is_proof = wrong != REJECT_SIGNATURE;
        if (is_proof) {
            suspect_new_view(c, nv);
            /* Only the present view has failed by it: following one liar to a view far above
             * would take this node away from the others for ever. */
            if (nv->view == c->cur_view) change_start(c, nv->view + 1, true);
        }
        return engine_reject(c, wrong);
    }
    keep(c, nv);
    c->is_nv_ours = false;
    c->anchor = x;
    await_anchor(c);
    for (uint32_t i = 0; i < nv->vc_count && c->config.fault != FAULT_NEWVIEW_UNJUDGED; i++)
        change_learn(c, &nv->vcs[i]);
    return ST_OK;
}

void newview_settle(struct consensus *c)
{
    if (is_ours_to_make(c)) make(c);
    if (c->phase == PHASE_ANCHORING) {
        commit_base(c);
        struct block *path[PATH_BLOCKS_MAX];
        uint32_t count = 0;
        bool is_here = fetch_path(c, path, &count) && !c->is_record_ahead;
        if (is_here && adopt(c, path, count)) normal_extend(c);
    }
    announce(c);
}

static bool is_ours_to_make(struct consensus *c)
{
    if (c->phase != PHASE_CHANGING || leader_of(c, c->cur_view) != c->config.self) return false;
    if (!is_signing(c) || !c->is_vc_sent) return false;
    if (c->has_proposed && c->proposer_view >= c->cur_view) return false; /* 1.14 */
    return change_count(c, c->cur_view, false) >= c->vc_quorum && !is_waiting_for_all(c);
}

/* raft: a follower that leaves out what it voted for is harmless if another shows it (1.18). */
static bool is_waiting_for_all(struct consensus *c)
{
    if (!is_raft(c)) return false;
    if (c->majority_mono_ms == 0) c->majority_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    if (change_count(c, c->cur_view, false) == c->config.validators.count) return false;
    uint64_t view = view_ms(c) / 2; /* The view that was left has doubled it. */
    if (view < c->config.view_ms) view = c->config.view_ms;
    return c->mono_ms - c->majority_mono_ms < 2 * view / RAFT_DELTAS;
}

static void make(struct consensus *c)
{
    c->new_view->kind = CONSENSUS_NEW_VIEW;
    struct new_view *nv = &c->new_view->new_view;
    nv->epoch = c->config.epoch;
    nv->view = c->cur_view;
    nv->sender = c->config.self;
    nv->vc_count = 0;
    struct select_claim claims[NODES_MAX];
    uint32_t most = is_raft(c) ? c->config.validators.count : c->vc_quorum;
    for (uint32_t i = 0; i < c->config.validators.count && nv->vc_count < most; i++) {
        const struct vc_slot *slot = vc_slot_of(c, i, c->cur_view);
        if (slot == NULL) continue;
        claims[nv->vc_count] = slot->claim;
        nv->vcs[nv->vc_count++] = slot->vc;
    }
    must(nv->vc_count >= c->vc_quorum);
    select_anchor_faulty(&c->anchor, &c->config.validators, claims, nv->vc_count, c->config.fault);
    if (c->config.fault == FAULT_SELECT_BASE) {
        c->anchor.height = c->anchor.base_height;
        c->anchor.hash = c->anchor.base_hash;
    }
    nv->height = c->anchor.height;
    nv->hash = c->anchor.hash;
    struct statement x = {
        .epoch = nv->epoch, .view = nv->view, .height = nv->height, .hash = nv->hash};
    struct hash word = anchor_hash(&x, &c->config.chain_id);
    nv->has_word = is_raft(c);
    nv->word = is_raft(c) ? sign_own(c, &word) : (struct signature){{0}};
    struct hash hash = new_view_hash(nv, &c->config.chain_id);
    nv->sig = sign_own(c, &hash);
    c->has_proposed = true;
    c->proposer_view = c->cur_view;
    c->proposer_lsn = c->nv_lsn = c->next_lsn;
    c->is_nv_ours = true;
    c->is_nv_sent = false;
    c->is_dirty = true;
    await_anchor(c);
}

static void keep(struct consensus *c, const struct new_view *nv)
{
    struct new_view *kept = &c->new_view->new_view;
    c->new_view->kind = CONSENSUS_NEW_VIEW;
    kept->epoch = nv->epoch;
    kept->view = nv->view;
    kept->sender = nv->sender;
    kept->vc_count = nv->vc_count;
    kept->height = nv->height;
    kept->hash = nv->hash;
    kept->has_word = nv->has_word;
    kept->word = nv->word;
    kept->sig = nv->sig;
    memcpy(kept->vcs, nv->vcs, nv->vc_count * sizeof nv->vcs[0]);
}

/* The promise of the view holds from here on, its anchor is adopted when its path is here. */
static void await_anchor(struct consensus *c)
{
    uint64_t view = c->new_view->new_view.view;
    must(view >= c->cur_view);
    if (view > c->cur_view) line_cut(c, c->voted_count);
    c->cur_view = view;
    c->phase = PHASE_ANCHORING;
    c->is_vc_pending = c->is_vc_made = c->is_vc_sent = false;
    c->is_open_told = true;
    c->is_dirty = true;
    pace_restart(c);
}

/* The base is final somewhere: here too, or about to be. */
static void commit_base(struct consensus *c)
{
    if (c->anchor.base_height < c->root_height || c->anchor.base_height == 0) return;
    if (c->anchor.base_height <= c->final.height && c->has_final_cert) return;
    const struct new_view *nv = &c->new_view->new_view;
    for (uint32_t i = 0; i < nv->vc_count; i++) {
        const struct view_change *vc = &nv->vcs[i];
        if (vc->final_height != c->anchor.base_height ||
            !hash_equal(&vc->final_hash, &c->anchor.base_hash))
            continue;
        struct certificate cert = vc->final_cert;
        finality_commit(c, &cert);
        return;
    }
}

/* True: all of it is here. */
static bool fetch_path(struct consensus *c, struct block **path, uint32_t *count)
{
    if (c->anchor.height <= c->final.height) return true;
    struct statement to = {.height = c->anchor.height, .hash = c->anchor.hash};
    struct statement missing;
    enum path found = path_find(c, &to, path, count, &missing);
    while (found == PATH_MISSING) {
        const struct header *h = header_in_changes(c, &missing);
        if (h == NULL || block_add(c, h, &missing.hash) == NULL) break;
        found = path_find(c, &to, path, count, &missing);
    }
    if (found == PATH_MISSING) block_fetch(c, missing.height, &missing.hash);
    if (found == PATH_FAR)
        sync_behind(c, c->anchor.base_height, sync_peers_beyond(c, c->final.height));
    if (found != PATH_WHOLE) return false;
    bool is_whole = true;
    for (uint32_t i = 0; i < *count; i++) {
        if (path[i]->has_body) continue;
        block_ask(c, path[i]);
        is_whole = false;
    }
    return is_whole;
}

static const struct header *header_in_changes(const struct consensus *c, const struct statement *s)
{
    const struct new_view *nv = &c->new_view->new_view;
    for (uint32_t i = 0; i < nv->vc_count; i++) {
        const struct view_change *vc = &nv->vcs[i];
        if (s->height <= vc->final_height) continue;
        uint64_t index = s->height - vc->final_height - 1;
        if (index >= vc->header_count) continue;
        struct hash hash = header_hash(&vc->headers[index]);
        if (hash_equal(&hash, &s->hash)) return &vc->headers[index];
    }
    for (uint32_t i = 0; i < nv->vc_count; i++) {
        const struct view_change *vc = &nv->vcs[i];
        uint64_t fork = vc->hq.statement.height - vc->branch_count;
        if (s->height <= fork || s->height - fork > vc->branch_count) continue;
        struct hash hash = header_hash(&vc->branch[s->height - fork - 1]);
        if (hash_equal(&hash, &s->hash)) return &vc->branch[s->height - fork - 1];
    }
    return NULL;
}

/* False: it contradicts what is final here, which no n - f honest VCs lead to; or it cannot be
 * said in one record. The view stays closed and its timer ends it. */
static bool adopt(struct consensus *c, struct block **path, uint32_t count)
{
    if (c->anchor.height == c->final.height && !hash_equal(&c->anchor.hash, &c->final.hash))
        return false;
    if (!rebuild_line(c, path, count)) return false;
    c->has_anchor_word = c->new_view->new_view.has_word;
    c->anchor_word = c->new_view->new_view.word;
    c->voted_view = c->cur_view;
    c->phase = PHASE_OPEN;
    c->anchor_height = c->anchor.height;
    c->anchor_hash = c->anchor.hash;
    c->is_open_told = false;
    c->open_lsn = c->next_lsn;
    c->open_mono_ms = c->mono_ms;
    c->is_dirty = true;
    c->is_status_due = true;
    pace_restart(c);
    /* Also when it is final here without a certificate: so a restart comes by one again. */
    struct line_item *item = line_at(c, c->anchor.height);
    bool is_here = item != NULL && item->block != NULL && item->block->has_body;
    if (is_here && is_signing(c)) normal_want_p1(c, item);
    return true;
}

/* Final blocks above the root stay where the certificate of the final one is not known. */
static bool rebuild_line(struct consensus *c, struct block **path, uint32_t count)
{
    uint32_t kept = c->is_dead ? 0 : (uint32_t)(c->final.height - c->root_height);
    if (c->has_final_cert || c->is_dead) kept = 0;
    if (kept + count > W) return false;
    uint32_t same = 0;
    while (!c->is_dead && same < count) {
        const struct line_item *item = line_at(c, path[same]->header.height);
        if (item == NULL || !hash_equal(&item->hash, &path[same]->hash)) break;
        same++;
    }
    if (c->is_dead)
        c->line_count = c->voted_count = 0; /* What it dropped was told when it died. */
    else
        line_cut(c, (uint32_t)(c->final.height - c->root_height) + same);
    bool is_root_final =
        !c->is_dead && c->root_height == c->final.height; /* Keeps its certificate. */
    if (kept == 0 && !is_root_final) {
        c->root_height = c->final.height;
        c->root_hash = c->final.hash;
        c->has_root_cert = c->has_final_cert;
        if (c->has_final_cert) c->root_cert = c->final_cert;
    }
    c->is_dead = false;
    c->line_count = kept;
    for (uint32_t i = 0; i < kept; i++) /* What was due in the old view is not due in this one. */
        c->line[i] = (struct line_item){.hash = c->line[i].hash, .block = c->line[i].block};
    for (uint32_t i = 0; i < count; i++)
        line_add(c, &path[i]->hash, path[i]);
    c->voted_count = c->line_count;
    return true;
}

/* Everybody learns of the view when its record is durable. */
static void announce(struct consensus *c)
{
    if (c->is_nv_ours && !c->is_nv_sent && is_durable(c, c->nv_lsn)) {
        c->is_nv_sent = true;
        message_send_large(c, c->new_view, NODES_MAX, c->nv_lsn);
    }
    if (c->is_open_told || c->phase != PHASE_OPEN || !is_durable(c, c->open_lsn)) return;
    c->is_open_told = true;
    struct consensus_effect *open = effect_add(c, CONSENSUS_OPEN);
    open->view = c->cur_view;
    open->height = c->anchor_height;
    open->hash = c->anchor_hash;
    open->message = c->cur_view > 0 ? c->new_view : NULL;
}
