/* viewchange.c - VCs: the own one, frozen once made (1.14), and those of others.
 *
 * Of each voter the VCs of its newest two views are kept, valid ones only. f + 1 of views above
 * ours show that somebody honest has left: we join the (f + 1)-th highest (1.5).
 *
 * A VC carries the chain that was voted for and, where the highest certificate stands beside it,
 * what leads there: so select knows how each certificate stands to each claim. */
#include "consensus/consensus_int.h"

static enum consensus_reject screen(const struct consensus *c, const struct view_change *vc);
static struct vc_slot *place_for(struct consensus *c, uint32_t voter, uint64_t view);
static void keep(struct consensus *c, const struct view_change *vc);
static void join(struct consensus *c);
static bool can_make(struct consensus *c, struct branch *branch);
static void make(struct consensus *c, const struct branch *branch);

/* Leaves every view below for ever. is_failure: the view that is left counts as failed. */
void change_start(struct consensus *c, uint64_t view, bool is_failure)
{
    if (view <= c->cur_view || view >= VIEW_MAX) return;
    if (!c->config.is_voter || is_halted(c)) return;
    c->cur_view = view;
    c->phase = PHASE_CHANGING;
    line_cut(c, c->voted_count);
    if (is_failure && c->failed_views < FAILED_VIEWS_MAX) c->failed_views++;
    c->calm_blocks = 0;
    c->is_timing = false;
    c->is_vc_pending = true;
    c->is_vc_made = c->is_vc_sent = false;
    c->majority_mono_ms = 0;
    c->is_nv_ours = false;
    c->is_open_told = true;
    c->is_dirty = true;
    c->is_status_due = true;
}

enum status change_on_message(struct consensus *c, const struct view_change *vc)
{
    enum consensus_reject wrong = screen(c, vc);
    if (wrong != REJECT_NONE) return engine_reject(c, wrong);
    struct hash hash = view_change_hash(vc, &c->config.chain_id);
    struct vc_slot *same = vc_slot_of(c, vc->sender, vc->to_view);
    if (same != NULL && hash_equal(&same->hash, &hash)) return engine_reject(c, REJECT_DUPLICATE);
    if (same != NULL) {
        if (!is_signed_by(c, vc->sender, &hash, &vc->sig))
            return engine_reject(c, REJECT_SIGNATURE);
        suspect_changes(c, &same->vc, vc);
        return engine_reject(c, REJECT_EQUIVOCATION);
    }
    wrong = view_change_check(vc, &c->check);
    if (wrong != REJECT_NONE) return engine_reject(c, wrong);
    if (vc->sender == c->config.self) {
        if (vc->to_view > c->cur_view) alarm_raise(c, ALARM_JOURNAL_ROLLED_BACK);
        return engine_reject(c, REJECT_STALE);
    }
    keep(c, vc);
    struct vc_slot *slot = vc_slot_of(c, vc->sender, vc->to_view);
    must(slot != NULL);
    /* What it shows final may contradict what is final here. */
    if (vc->has_final_cert && vc->final_height <= c->final.height)
        finality_commit(c, &vc->final_cert);
    suspect_change_against_votes(c, slot);
    join(c);
    return ST_OK;
}

/* One that a valid NEWVIEW holds, perhaps the only way that it comes here: what contradicts it is
 * found as if its sender had sent it (1.10). It makes nobody join: the view has opened. */
void change_learn(struct consensus *c, const struct view_change *vc)
{
    if (vc->sender == c->config.self || screen(c, vc) != REJECT_NONE) return;
    struct hash hash = view_change_hash(vc, &c->config.chain_id);
    struct vc_slot *slot = vc_slot_of(c, vc->sender, vc->to_view);
    if (slot != NULL && hash_equal(&slot->hash, &hash)) return;
    if (slot != NULL) {
        suspect_changes(c, &slot->vc, vc);
        return;
    }
    keep(c, vc);
    slot = vc_slot_of(c, vc->sender, vc->to_view);
    must(slot != NULL);
    suspect_change_against_votes(c, slot);
}

void change_settle(struct consensus *c)
{
    if (c->phase != PHASE_CHANGING) return;
    struct branch branch;
    if (c->is_vc_pending && can_make(c, &branch)) make(c, &branch);
    if (!c->is_vc_made || c->is_vc_sent || !is_signing(c) || !is_durable(c, c->vc_lsn)) return;
    c->is_vc_sent = true;
    change_send(c, NODES_MAX);
    keep(c, &c->own_vc->view_change);
}

void change_send(struct consensus *c, uint32_t peer)
{
    if (c->phase != PHASE_CHANGING || !c->is_vc_sent) return;
    if (peer == NODES_MAX) c->vc_mono_ms = c->mono_ms;
    message_send_large(c, c->own_vc, peer, c->vc_lsn);
}

/* Voters whose newest VC is for view, or for it or one above. */
uint32_t change_count(const struct consensus *c, uint64_t view, bool is_above)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        bool is_counted = false;
        for (uint32_t k = 0; k < 2; k++) {
            const struct vc_slot *slot = &c->vcs[i * 2 + k];
            if (!slot->is_used) continue;
            if (slot->vc.to_view == view || (is_above && slot->vc.to_view > view))
                is_counted = true;
        }
        if (is_counted) count++;
    }
    return count;
}

struct vc_slot *vc_slot_of(const struct consensus *c, uint32_t voter, uint64_t view)
{
    must(voter < c->config.validators.count);
    for (uint32_t k = 0; k < 2; k++) {
        struct vc_slot *slot = &c->vcs[voter * 2 + k];
        if (slot->is_used && slot->vc.to_view == view) return slot;
    }
    return NULL;
}

static enum consensus_reject screen(const struct consensus *c, const struct view_change *vc)
{
    if (vc->epoch != c->config.epoch) return REJECT_EPOCH;
    if (vc->sender >= c->config.validators.count) return REJECT_SENDER;
    if (vc->to_view >= VIEW_MAX) return REJECT_FAR_VIEW;
    if (vc->to_view < c->cur_view) return REJECT_OLD_VIEW;
    uint32_t newer = 0;
    for (uint32_t k = 0; k < 2; k++) {
        const struct vc_slot *slot = &c->vcs[vc->sender * 2 + k];
        if (slot->is_used && slot->vc.to_view > vc->to_view) newer++;
    }
    return newer == 2 ? REJECT_OLD_VIEW : REJECT_NONE;
}

/* In the place of the older one. */
static struct vc_slot *place_for(struct consensus *c, uint32_t voter, uint64_t view)
{
    struct vc_slot *a = &c->vcs[(size_t)voter * 2];
    struct vc_slot *b = a + 1;
    if (!a->is_used || a->vc.to_view == view) return a;
    if (!b->is_used || b->vc.to_view == view) return b;
    return a->vc.to_view < b->vc.to_view ? a : b;
}

static void keep(struct consensus *c, const struct view_change *vc)
{
    struct vc_slot *slot = place_for(c, vc->sender, vc->to_view);
    slot->is_used = true;
    slot->vc = *vc;
    slot->hash = view_change_hash(vc, &c->config.chain_id);
    select_claim_of(&slot->claim, vc);
}

static void join(struct consensus *c)
{
    uint64_t views[NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        uint64_t newest = 0;
        for (uint32_t k = 0; k < 2; k++) {
            const struct vc_slot *slot = &c->vcs[i * 2 + k];
            if (slot->is_used && slot->vc.to_view > newest) newest = slot->vc.to_view;
        }
        if (newest <= c->cur_view) continue;
        uint32_t at = count++;
        for (; at > 0 && views[at - 1] < newest; at--)
            views[at] = views[at - 1];
        views[at] = newest;
    }
    uint32_t f = c->config.validators.f;
    if (count > f) change_start(c, views[f], true);
}

/* A VC tells all that was voted for, and what leads to hq; while a header of that is lost, or the
 * certificate of its root, there is none. */
static bool can_make(struct consensus *c, struct branch *branch)
{
    if (!is_signing(c) || c->is_record_ahead) return false;
    if (c->root_height > 0 && !c->has_root_cert) return false;
    for (uint32_t i = 0; i < c->voted_count; i++)
        if (c->line[i].block == NULL) return false;
    struct signature word;
    if (is_raft(c) && c->voted_count > 0 && !tip_word(c, &word)) return false;
    struct statement missing;
    if (branch_find(c, branch, &missing)) return true;
    if (missing.height > 0) block_fetch(c, missing.height, &missing.hash);
    return false;
}

static void make(struct consensus *c, const struct branch *branch)
{
    c->own_vc->kind = CONSENSUS_VIEW_CHANGE;
    struct view_change *vc = &c->own_vc->view_change;
    *vc = (struct view_change){.epoch = c->config.epoch,
                               .to_view = c->cur_view,
                               .sender = c->config.self,
                               .final_height = c->root_height,
                               .final_hash = c->root_hash,
                               .has_final_cert = c->has_root_cert,
                               .voted_view = c->voted_view,
                               .header_count = c->voted_count,
                               .has_hq = c->has_hq,
                               .branch_count = branch->count,
                               .has_tip_sig = is_raft(c) && c->voted_count > 0};
    must(c->voted_view < c->cur_view);
    if (c->has_root_cert) vc->final_cert = c->root_cert;
    for (uint32_t i = 0; i < c->voted_count; i++)
        vc->headers[i] = c->line[i].block->header;
    if (c->has_hq) vc->hq = c->hq;
    for (uint32_t i = 0; i < branch->count; i++)
        vc->branch[i] = branch->blocks[i]->header;
    if (vc->has_tip_sig) vc->has_tip_sig = tip_word(c, &vc->tip_sig);
    struct hash hash = view_change_hash(vc, &c->config.chain_id);
    vc->sig = sign_own(c, &hash);
    c->is_vc_pending = false;
    c->is_vc_made = true;
    c->vc_lsn = c->next_lsn;
    c->is_vc_dirty = c->is_dirty = true;
}
