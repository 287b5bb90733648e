/* claims.c - See claims.h. */
#include "sim/claims.h"

#include "base/must.h"
#include "consensus/select.h"
#include "sim/epochs.h"
#include "sim/liar.h"
#include "sim/oracle_int.h"

static bool stands_on(const struct view_change *vc, uint64_t height, const struct hash *hash)
{
    if (height == vc->final_height) return hash_equal(hash, &vc->final_hash);
    const uint64_t at = height - vc->final_height - 1;
    if (at >= vc->header_count) return false;
    struct hash own = header_hash(&vc->headers[at]);
    return hash_equal(&own, hash);
}

static void put_branch(struct world *w, struct view_change *vc)
{
    const struct statement *s = &vc->hq.statement;
    const struct known_header *path[CONSENSUS_WINDOW];
    uint32_t count = 0;
    vc->branch_count = 0;
    if (!vc->has_hq || s->height <= vc->final_height || select_is_superseded(vc)) return;
    struct hash at = s->hash;
    for (uint64_t height = s->height; !stands_on(vc, height, &at); height--) {
        const struct known_header *known = oracle_header(w->oracle, &at);
        if (known == NULL || count == CONSENSUS_WINDOW || height == vc->final_height) return;
        path[count++] = known;
        at = known->parent;
    }
    for (uint32_t i = 0; i < count; i++)
        vc->branch[i] = path[count - 1 - i]->header;
    vc->branch_count = count;
}

static void put_tip_word(struct world *w, struct view_change *vc)
{
    const struct known_epoch *e = epochs_at(w, vc->epoch);
    vc->has_tip_sig = false;
    if (e == NULL || e->config.mode != MODE_RAFT || vc->header_count == 0) return;
    const struct header *tip = &vc->headers[vc->header_count - 1];
    struct statement anchor = {.epoch = vc->epoch,
                               .view = vc->voted_view,
                               .height = tip->height,
                               .hash = header_hash(tip)};
    vc->has_tip_sig = oracle_word(w->oracle, &anchor, tip->view == vc->voted_view, &vc->tip_sig);
    const struct host *leader =
        epochs_host_at(w, vc->epoch, epochs_leader(w, vc->epoch, vc->voted_view));
    if (vc->has_tip_sig || leader == NULL || host_is_honest(leader)) return;
    vc->has_tip_sig = true;
    if (tip->view != vc->voted_view) {
        liar_sign_anchor(leader, &anchor, &vc->tip_sig);
        return;
    }
    struct proposal p = {.header = *tip};
    liar_sign_proposal(leader, &p);
    vc->tip_sig = p.sig;
}

void claims_complete(struct world *w, struct view_change *vc)
{
    put_branch(w, vc);
    put_tip_word(w, vc);
}

bool claims_take_old_hq(struct world *w, struct view_change *vc, uint64_t draw)
{
    const struct oracle *o = w->oracle;
    if (!vc->has_hq || o->certified_count == 0) return false;
    const struct view_mark *mark = &o->certified[draw % o->certified_count];
    struct statement s = {.epoch = oracle_round_epoch(mark->round),
                          .view = oracle_round_view(mark->round),
                          .height = mark->height,
                          .hash = mark->hash};
    struct certificate old;
    if (s.epoch != vc->epoch || s.view >= vc->hq.statement.view) return false;
    if (!oracle_certificate(o, VOTE_P1, &s, UINT64_MAX, &old)) return false;
    vc->hq = old;
    return true;
}
