/* What others see of the core: plain values, filled anew on each call. */
#include "ledger/mode.h"
#include "node/core_int.h"

#define LATE_BLOCKS 2u    /* Who did not vote for this many blocks since it came up, */
#define LATE_MS     1000u /* or who was not heard for this long, is late. */

const struct consensus *core_engine(const struct core *c)
{
    return c->engine;
}

uint32_t core_waiting(const struct core *c)
{
    return pool_waiting(c->pool);
}

uint64_t core_engine_ns(const struct core *c)
{
    return c->engine_ns;
}

/* --- the newest blocks ------------------------------------------------------------------------ */

static struct core_seen *seen_at(struct core *c, const struct header *h, const struct hash *hash)
{
    struct core_seen *s = &c->seen[h->height % CONSENSUS_VIEW_BLOCKS];
    if (s->height != h->height || !hash_equal(&s->hash, hash))
        *s = (struct core_seen){.height = h->height,
                                .view = h->view,
                                .hash = *hash,
                                .proposer = h->proposer,
                                .tx_count = h->tx_count};
    return s;
}

/* A fork does not push out what is final. */
void core_seen_note(struct core *c, const struct header *h, const struct hash *hash)
{
    const struct core_seen *s = &c->seen[h->height % CONSENSUS_VIEW_BLOCKS];
    if (s->height > h->height || (s->height == h->height && s->is_final)) return;
    (void)seen_at(c, h, hash);
}

void core_seen_final(struct core *c, const struct header *h, const struct hash *hash)
{
    seen_at(c, h, hash)->is_final = true;
}

/* The votes are not kept much longer: remember who gave them. */
void core_seen_certified(struct core *c, uint64_t height)
{
    for (uint32_t i = 0; i < CONSENSUS_VIEW_BLOCKS; i++) {
        struct core_seen *s = &c->seen[i];
        if (s->height == 0 || s->height > height || !s->is_final || s->is_certified) continue;
        s->is_certified = true;
        if (!consensus_signers(c->engine, s->height, s->signers))
            memset(s->signers, 0, sizeof s->signers);
    }
}

static void fill_block(const struct core *c,
                       const struct core_seen *s,
                       struct consensus_view_block *out)
{
    *out = (struct consensus_view_block){.height = s->height,
                                         .view = s->view,
                                         .hash = s->hash,
                                         .proposer = s->proposer,
                                         .tx_count = s->tx_count,
                                         .is_final = s->is_final,
                                         .is_certified = s->is_certified};
    if (!consensus_signers(c->engine, s->height, out->signers))
        memcpy(out->signers, s->signers, sizeof out->signers);
}

static void fill_blocks(const struct core *c, struct consensus_view *out)
{
    uint64_t top = 0;
    for (uint32_t i = 0; i < CONSENSUS_VIEW_BLOCKS; i++)
        if (c->seen[i].height > top) top = c->seen[i].height;
    uint64_t low = top >= CONSENSUS_VIEW_BLOCKS ? top - CONSENSUS_VIEW_BLOCKS + 1 : 1;
    out->block_count = 0;
    for (uint64_t h = low; h <= top; h++) {
        const struct core_seen *s = &c->seen[h % CONSENSUS_VIEW_BLOCKS];
        if (s->height == h) fill_block(c, s, &out->blocks[out->block_count++]);
    }
}

/* --- members ---------------------------------------------------------------------------------- */

static void fill_peer(const struct core *c,
                      const struct consensus_peer_stand *p,
                      uint64_t up_height,
                      struct consensus_view_member *m)
{
    bool was_heard = p->heard_mono_ms != 0;
    uint64_t silence = c->mono_ms > p->heard_mono_ms ? c->mono_ms - p->heard_mono_ms : 0;
    m->last_seen_ms = was_heard ? silence : CONSENSUS_VIEW_NEVER;
    m->has_status = was_heard;
    m->view = p->view;
    m->tip_height = p->tip_height;
    m->final_height = p->final_height;
    m->executed_height = p->executed_height;
    m->executed_digest = p->executed_digest;
    memcpy(m->voted_height, p->vote_heights, sizeof m->voted_height);
    uint64_t seen = up_height > c->unseen_height ? up_height : c->unseen_height;
    for (int i = 0; i < VOTE_PARTS;
         i++) /* Who got a block with its certificate signs the result. */
        if (p->vote_heights[i] > seen) seen = p->vote_heights[i];
    bool is_behind = seen + LATE_BLOCKS < c->final_height;
    m->is_late = !was_heard || silence > LATE_MS || is_behind;
}

static void fill_self(const struct consensus_stand *s, struct consensus_view_member *m)
{
    m->is_self = true;
    m->is_connected = true;
    m->has_status = true;
    m->view = s->view;
    m->tip_height = s->tip_height;
    m->final_height = s->final_height;
    m->executed_height = s->executed_height;
    m->executed_digest = s->executed_digest;
}

static void copy_text(char *to, size_t size_max, struct span from)
{
    size_t size = from.size < size_max ? from.size : size_max;
    if (size > 0) memcpy(to, from.data, size);
    to[size] = 0;
}

static void fill_identity(const struct core *c, uint32_t i, struct consensus_view_member *m)
{
    const struct chain_node *node = &c->epoch.config.nodes[i];
    *m = (struct consensus_view_member){.is_validator = i < c->n,
                                        .is_barred = node->is_barred,
                                        .last_seen_ms = CONSENSUS_VIEW_NEVER};
    copy_text(m->name, GENESIS_NAME_MAX, node->node_name);
    copy_text(m->organisation, GENESIS_NAME_MAX, node->organisation);
    copy_text(m->address, sizeof m->address - 1, node->address);
}

static void fill_members(const struct core *c,
                         const struct consensus_stand *s,
                         struct consensus_view *out)
{
    for (uint32_t i = 0; i < out->node_count; i++) {
        struct consensus_view_member *m = &out->members[i];
        fill_identity(c, i, m);
        if (m->is_validator)
            memcpy(m->voted_height, s->peers[i].vote_heights, sizeof m->voted_height);
        if (i == c->self) {
            fill_self(s, m);
            m->release = c->config.release;
            continue;
        }
        m->is_connected = c->peers[i].is_up;
        m->said_final = c->peers[i].said_final;
        m->release = c->peers[i].release;
        if (!m->is_validator) continue; /* An observer says nothing of where it stands. */
        fill_peer(c, &s->peers[i], c->peers[i].up_height, m);
        bool is_silent = m->last_seen_ms > LATE_MS; /* NEVER, too. */
        m->is_suspect = s->peers[i].is_convicted || is_silent;
    }
}

static const char *why_silent(const struct core *c, const struct consensus_stand *s)
{
    if (s->is_voting) return "";
    switch (s->alarm) {
    case ALARM_JOURNAL_ROLLED_BACK:
        return "a peer holds a vote of this node that its journal does not know: the journal is "
               "older than what was said";
    case ALARM_DIVERGED: return "the result of a block differs from what the others computed";
    case ALARM_EVIDENCE: return "a member is proven to lie, which mode raft cannot bear";
    case ALARM_CONFLICT: return "two certificates contradict each other: too many members lie";
    case ALARM_NONE: break;
    }
    if (!c->config.engine.is_voter) return "its journal or a block it voted for is lost";
    if (!s->is_open) return "its view is not open yet: it waits for the others to change";
    return "it has just started and waits for answers of the others";
}

/* Of an adaptive chain; others keep their mode. */
static void fill_mode(const struct core *c, struct consensus_view *out)
{
    const struct mode_state *s = consensus_mode(c->engine);
    struct consensus_view_mode *m = &out->change;
    if (s == NULL || s->rules.mode != MODE_FAST) return;
    out->mode = mode_at(s, s->height + 1);
    m->decided = mode_decided(s);
    const uint64_t next = s->height + 1; /* Whose mode is the present one. */
    if (s->pending_count > 0 && s->pending[s->pending_count - 1].height > next)
        m->decided_height = s->pending[s->pending_count - 1].height;
    m->convicted = s->convicted | s->rules.barred;
    m->diverged = s->diverged;
    m->absent = mode_absent(s);
    mode_progress(s, &m->well_blocks, &m->well_needed);
}

uint64_t core_present_epoch(const struct core *c)
{
    return c->config.engine.epoch;
}

uint64_t core_certified_height(const struct core *c)
{
    return c->certified.entry_count == 0 ? 0 : c->certified.statement.height;
}

void core_voice(const struct core *c, struct core_voice *out)
{
    *out = (struct core_voice){.certified = c->certified,
                               .committed = c->final_cert,
                               .epoch = c->config.engine.epoch,
                               .self = c->self,
                               .key = c->config.engine.node_key};
}

void core_view(const struct core *c, struct consensus_view *out)
{
    struct consensus_stand s;
    consensus_stand_of(c->engine, &s, c->mono_ms);
    const struct validators *v = &c->config.engine.validators;
    uint32_t waiting = pool_waiting(c->pool);
    *out = (struct consensus_view){
        .epoch = c->config.engine.epoch,
        .exec_version = c->config.engine.exec_version,
        .mode = v->mode,
        .change = {.decided = v->mode},
        .n = c->n,
        .node_count = c->node_count,
        .f = v->f,
        .p = v->p,
        .quorum = quorum_size(v),
        .fast_quorum = v->mode == MODE_FAST ? quorum_fast_size(v) : 0,
        .view_change_quorum = quorum_view_change(v),
        .self = c->self < c->node_count ? c->self : CONFIG_NO_NODE,
        .leader = s.leader,
        .view = s.view,
        .failed_views = s.failed_views,
        .is_anchored = s.is_open,
        .is_voting = s.is_voting,
        .tip_height = s.tip_height,
        .final_height = c->final_height,
        .executed_height = c->executed_height,
        .result_height = s.result_height,
        .view_timer_ms = s.timer_left_ms == 0 ? CONSENSUS_VIEW_NEVER : s.timer_left_ms,
        .view_change_held = s.vc_count,
        .waiting_txs = waiting,
        .oldest_waiting_ms = waiting == 0 ? 0 : c->mono_ms - pool_oldest_ms(c->pool),
        .evidence_count = c->proof_count};
    struct span why = span_text(why_silent(c, &s));
    must(why.size < sizeof out->not_voting_reason);
    memcpy(out->not_voting_reason, why.data, why.size);
    fill_mode(c, out);
    fill_blocks(c, out);
    fill_members(c, &s, out);
}
