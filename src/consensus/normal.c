/* normal.c - Proposals become the line, their bodies come, and they are voted for in order.
 *
 * A proposal may come before its parent, and before the NEWVIEW of its view: it waits in the table
 * of blocks. Bodies are asked for as soon as the header is valid and linked, several at a time. */
#include "consensus/consensus_int.h"

static void learn_result(struct consensus *c, const struct certificate *cert);
static enum consensus_reject screen(struct consensus *c, const struct proposal *p);
static void accuse_late(struct consensus *c, const struct proposal *p, enum consensus_reject wrong);
static struct block *next_proposal(struct consensus *c);
static void vote_line(struct consensus *c);
static bool is_epoch_right(struct consensus *c, struct block *b);
static bool is_own_vote_last(const struct consensus *c, const struct statement *s);
static void prepare_vote(struct consensus *c, struct line_item *item, const struct statement *s);

enum status normal_on_proposal(struct consensus *c, const struct proposal *p, uint32_t from)
{
    enum consensus_reject wrong = screen(c, p);
    if (wrong != REJECT_NONE) {
        accuse_late(c, p, wrong);
        return engine_reject(c, wrong);
    }
    struct hash hash = header_hash(&p->header);
    struct block *known = block_find(c, &hash);
    if (known != NULL && known->has_sig) return engine_reject(c, REJECT_DUPLICATE);
    struct hash signed_hash = proposal_hash(&hash);
    if (!is_signed_by(c, p->header.proposer, &signed_hash, &p->sig))
        return engine_reject(c, REJECT_SIGNATURE);
    struct block *other = block_proposed(c, p->header.view, p->header.height);
    if (other != NULL && !hash_equal(&other->hash, &hash)) {
        suspect_proposals(c, other, p);
        return engine_reject(c, REJECT_EQUIVOCATION);
    }
    struct block *b = block_add(c, &p->header, &hash);
    if (b == NULL) return engine_reject(c, REJECT_HEIGHT);
    b->has_sig = true;
    b->sig = p->sig;
    b->from = from;
    uint64_t refused = 0;
    for (uint32_t i = 0; i < REJECT_COUNT; i++)
        refused += c->rejects[i];
    normal_extend(c);
    for (uint32_t i = 0; i < REJECT_COUNT; i++)
        refused -= c->rejects[i];
    return refused == 0 ? ST_OK : ST_REJECTED;
}

enum status normal_on_body_ok(struct consensus *c, const struct consensus_event *event)
{
    struct block *b = block_find(c, &event->hash);
    if (b == NULL) {
        if (event->header->height <= c->final.height) return ST_OK;
        b = block_add(c, event->header, &event->hash);
        if (b == NULL) return ST_OK;
    }
    bool is_of_start = b->has_body && b->asked_mono_ms == 0; /* Nobody asked: it was held. */
    if (block_is_whole(c, b) || is_of_start) {
        learn_result(c, event->res_cert);
        return ST_OK;
    }
    enum consensus_reject wrong = body_check(c, b, event);
    const struct block_content content = {
        .final_cert = event->final_cert, .res_cert = event->res_cert, .notes = event->notes};
    adapt_note_body(c, b, &content);
    b->has_body = wrong == REJECT_NONE || wrong == REJECT_RESULT;
    b->is_bad = !b->has_body;
    b->is_refused = b->is_refused || wrong != REJECT_NONE;
    finality_retry(c);
    if (wrong != REJECT_NONE) return engine_reject(c, wrong);
    normal_extend(c);
    return ST_OK;
}

/* Its leader signed it, so it is proven to be at fault; the runtime keeps the proof. */
enum status normal_on_body_bad(struct consensus *c, const struct hash *hash)
{
    struct block *b = block_find(c, hash);
    if (b != NULL) {
        b->is_bad = true;
        bool is_of_leader = b->has_sig && b->header.view == c->cur_view;
        if (is_of_leader && b->header.proposer != c->config.self) {
            c->peers[b->header.proposer].stand.is_convicted = true;
            change_start(c, c->cur_view + 1, true);
        }
    }
    return engine_reject(c, REJECT_BODY);
}

void normal_extend(struct consensus *c)
{
    if (c->is_record_ahead) return;
    bool is_followed = c->phase == PHASE_OPEN || c->config.fault == FAULT_PROMISE_DROPPED;
    while (is_followed && !c->is_dead && c->line_count < W) {
        struct block *b = next_proposal(c);
        if (b == NULL) break;
        struct tip parent = line_tip(c);
        enum consensus_reject wrong = header_check(c, b, &parent);
        if (wrong != REJECT_NONE) {
            b->is_refused = true;
            c->rejects[wrong]++;
            break;
        }
        line_add(c, &b->hash, b);
        c->waiting -= b->header.tx_count < c->waiting ? b->header.tx_count : c->waiting;
        if (!b->has_body) block_ask(c, b);
    }
    vote_line(c);
}

void normal_want_p1(struct consensus *c, struct line_item *item)
{
    must(item->block != NULL && item->block->has_body);
    uint64_t height = item->block->header.height;
    struct statement s = statement_of(c, item, height);
    item->p1 = (struct promise){.is_wanted = true, .lsn = c->next_lsn};
    c->is_dirty = true;
    votes_ride(c);
    if (is_raft(c)) return;
    if (is_own_vote_last(c, &s)) prepare_vote(c, item, &s);
    if (c->config.fault == FAULT_LOCK_WITHOUT_QC) votes_want_p2(c, item, height);
}

void normal_want_anchor(struct consensus *c)
{
    if (!is_open_for_votes(c) || c->anchor_height > voted_tip_height(c)) return;
    struct line_item *item = line_at(c, c->anchor_height);
    if (item == NULL || item->p1.is_wanted || c->anchor_height <= c->final.height) return;
    bool is_here = item->block != NULL && item->block->has_body;
    if (is_here && hash_equal(&item->hash, &c->anchor_hash)) normal_want_p1(c, item);
}

void block_ask(struct consensus *c, struct block *b)
{
    must(!block_is_whole(c, b));
    if (b->is_bad) return;
    if (b->asked_mono_ms != 0 && c->mono_ms - b->asked_mono_ms < ASK_MS) return;
    b->asked_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    if (!b->has_sig) {
        struct consensus_effect *get = effect_add(c, CONSENSUS_GET_BLOCK);
        get->height = b->header.height;
        get->hash = b->hash;
        get->peer = b->from;
        return;
    }
    struct small_message *m = message_add(c, CONSENSUS_PROPOSAL);
    if (m == NULL) return;
    m->proposal = (struct proposal){.header = b->header, .sig = b->sig};
    struct consensus_effect *get = effect_add(c, CONSENSUS_GET_BODY);
    get->height = b->header.height;
    get->hash = b->hash;
    get->peer = b->from;
    get->view = b->header.view;
    get->proposal = &m->proposal;
}

/* The next parent is known only when this one has come; several walks may be under way. */
void block_fetch(struct consensus *c, uint64_t height, const struct hash *hash)
{
    uint64_t now = c->mono_ms > 0 ? c->mono_ms : 1;
    uint32_t at = c->fetch_next;
    for (uint32_t i = 0; i < FETCHES_MAX; i++) {
        if (c->fetches[i].mono_ms == 0 || !hash_equal(&c->fetches[i].hash, hash)) continue;
        if (now - c->fetches[i].mono_ms < ASK_MS) return;
        at = i;
    }
    if (at == c->fetch_next) c->fetch_next = (c->fetch_next + 1) % FETCHES_MAX;
    c->fetches[at] = (struct fetch){.hash = *hash, .mono_ms = now};
    struct consensus_effect *get = effect_add(c, CONSENSUS_GET_BLOCK);
    get->height = height;
    get->hash = *hash;
    get->peer = NODES_MAX;
}

/* Of a body that was held when this node started. Validators repeat their votes to one another; an
 * observer has no other word of that result while the chain is idle. */
static void learn_result(struct consensus *c, const struct certificate *cert)
{
    if (cert == NULL || cert->statement.height <= c->result_height) return;
    if (certificate_is_valid(c, cert, VOTE_P3)) finality_on_result(c, cert);
}

/* Cheap checks that need nothing but the header. */
static enum consensus_reject screen(struct consensus *c, const struct proposal *p)
{
    const struct header *h = &p->header;
    if (h->epoch != c->config.epoch) return REJECT_EPOCH;
    if (!hash_equal(&h->chain_id, &c->config.chain_id)) return REJECT_CHAIN;
    if (h->proposer >= c->config.validators.count) return REJECT_SENDER;
    if (h->proposer != leader_of(c, h->view)) return REJECT_NOT_LEADER;
    if (h->height <= c->final.height) return REJECT_STALE;
    if (h->view < c->cur_view && c->config.fault != FAULT_PROMISE_DROPPED) return REJECT_OLD_VIEW;
    if (h->view > c->cur_view && h->view - c->cur_view > VIEWS_AHEAD) return REJECT_FAR_VIEW;
    if (h->height > c->final.height + VOTE_HEIGHTS) return REJECT_HEIGHT;
    if (h->proposer == c->config.self) return REJECT_STALE;
    bool is_here = h->view == c->cur_view && c->phase == PHASE_OPEN && !c->is_dead;
    const struct line_item *below = is_here ? line_at(c, h->height - 1) : NULL;
    if (below != NULL && !hash_equal(&below->hash, &h->parent)) return REJECT_PARENT;
    return REJECT_NONE;
}

/* What comes too late to be voted for, or does not fit, still convicts a leader that said another
 * thing before; once is enough. */
static void accuse_late(struct consensus *c, const struct proposal *p, enum consensus_reject wrong)
{
    if (wrong != REJECT_STALE && wrong != REJECT_OLD_VIEW && wrong != REJECT_PARENT) return;
    uint32_t leader = p->header.proposer;
    if (leader == c->config.self || !suspect_wants_proposals(c, &p->header)) return;
    const struct block *other = block_proposed(c, p->header.view, p->header.height);
    struct hash hash = header_hash(&p->header);
    if (other == NULL || hash_equal(&other->hash, &hash)) return;
    struct hash signed_hash = proposal_hash(&hash);
    if (is_signed_by(c, leader, &signed_hash, &p->sig)) suspect_proposals(c, other, p);
}

/* A proposal of the line's view that is to stand on its tip. */
static struct block *next_proposal(struct consensus *c)
{
    uint64_t view = c->config.fault == FAULT_PROMISE_DROPPED ? c->voted_view : c->cur_view;
    uint64_t height = line_tip_height(c) + 1;
    if (height > c->root_height + W) return NULL;
    struct tip parent = line_tip(c);
    for (uint32_t i = 0; i < c->block_count; i++) {
        struct block *b = &c->blocks[i];
        if (c->block_heights[i] != height) continue;
        if (b->is_bad || b->is_refused || b->header.view != view) continue;
        if (!hash_equal(&b->header.parent, &parent.hash)) continue;
        /* Without the leader's word only what a quorum voted for; in raft a VC must show it. */
        struct statement s = {
            .epoch = c->config.epoch, .view = view, .height = height, .hash = b->hash};
        bool is_certified = !is_raft(c) && votes_count(c, VOTE_P1, &s, false) >= c->quorum;
        if (b->has_sig || is_certified) return b;
    }
    return NULL;
}

static void vote_line(struct consensus *c)
{
    if (!is_open_for_votes(c)) return;
    while (c->voted_count < c->line_count) {
        struct line_item *item = &c->line[c->voted_count];
        const struct block *b = item->block;
        if (b == NULL || !b->has_body || b->is_bad || b->is_refused) return;
        if (!is_epoch_right(c, item->block)) return;
        c->voted_count++;
        normal_want_p1(c, item);
    }
}

/* Judged once more: now its result may be known. */
static bool is_epoch_right(struct consensus *c, struct block *b)
{
    switch (epoch_judge(c, &b->header)) {
    case EPOCH_RIGHT: return true;
    case EPOCH_WAIT: return false;
    case EPOCH_WRONG: break;
    }
    b->is_refused = true;
    c->rejects[REJECT_FLAGS]++;
    return false;
}

static bool is_own_vote_last(const struct consensus *c, const struct statement *s)
{
    return votes_count(c, VOTE_P1, s, false) + 1 >= c->quorum;
}

/* The own P1 makes the quorum certificate, so the lock goes into the same record: the vote with
 * both is signed now and leaves when that record is durable. */
static void prepare_vote(struct consensus *c, struct line_item *item, const struct statement *s)
{
    item->prepared = (struct vote){0};
    item->prepared.parts[VOTE_P1] = *s;
    item->prepared.parts[VOTE_P2] = *s;
    item->prepared.parts[VOTE_P3].is_null = true;
    votes_make(c, &item->prepared);
    item->has_prepared = true;
    struct certificate cert;
    votes_certify(c, &cert, VOTE_P1, s);
    struct certificate_entry own = certificate_cut(&item->prepared, VOTE_P1);
    uint32_t at = 0;
    while (at < cert.entry_count && cert.entries[at].voter < own.voter)
        at++;
    memmove(cert.entries + at + 1, cert.entries + at,
            (cert.entry_count - at) * sizeof cert.entries[0]);
    cert.entries[at] = own;
    cert.entry_count++;
    votes_raise_hq(c, &cert);
    votes_want_p2(c, item, s->height);
}
