/* votes.c - The table of votes, the certificates they make, and how own votes leave.
 *
 * Per voter and height the statements of the newest two views are kept, whole votes, so that they
 * are proof against their signer. A certificate needs identical statements (the exactness rule,
 * 1.2). Statements of several kinds that are due together share one signature, oldest first. */
#include "consensus/consensus_int.h"

static enum consensus_reject screen(const struct consensus *c, const struct vote *v);
static enum consensus_reject judge_block(const struct consensus *c,
                                         const struct vote *v,
                                         enum vote_part part);
static bool is_contradicted(const struct vote_slot *slots,
                            const struct statement *s,
                            enum vote_part part);
static enum consensus_reject judge_result(const struct consensus *c, const struct vote *v);
static bool is_against_certified(const struct consensus *c, const struct statement *s);
static bool is_of_use(enum consensus_reject judged);
static enum consensus_reject judge(const struct consensus *c,
                                   const struct vote *v,
                                   enum vote_part part);
static void accuse(struct consensus *c, const struct vote *v);
static enum status on_own_vote(struct consensus *c, const struct vote *v);
static void store(struct consensus *c, const struct vote *v, const struct hash parts[VOTE_PARTS]);
static bool is_vacant(const struct consensus *c, const struct vote *v, enum vote_part part);
static void store_part(struct consensus *c, const struct vote_slot *added, enum vote_part part);
static bool is_newest(const struct consensus *c, const struct vote *v);
static void note_newest(struct consensus *c, const struct vote *v);
static void act_on(struct consensus *c, const struct vote *v);
static void act_on_p1(struct consensus *c, const struct statement *s);
static void note_gap(struct consensus *c, const struct statement *s);
static uint64_t lock_wait_ms(const struct consensus *c);
static void fetch_below(struct consensus *c, const struct statement *s);
static bool counts_below(const struct consensus *c, uint32_t voter, const struct statement *s);
static bool fill_due(struct consensus *c, struct vote *v, uint64_t *lsn);
static struct line_item *due_item(struct consensus *c, enum vote_part part, uint64_t *height);
static bool is_due(const struct consensus *c, const struct promise *p);
static void say(struct promise *p, uint64_t *lsn);
static bool is_next_near(const struct consensus *c);
static bool may_result_wait(const struct consensus *c);
static bool fill_result(struct consensus *c, struct statement *s);
static struct vote_slot *find_statement(const struct consensus *c,
                                        uint32_t voter,
                                        enum vote_part part,
                                        const struct statement *s);

enum status votes_on_vote(struct consensus *c, const struct vote *v)
{
    enum consensus_reject wrong = screen(c, v);
    bool is_late = wrong == REJECT_STALE && is_newest(c, v);
    if (wrong != REJECT_NONE && !is_late) return engine_reject(c, wrong);
    struct hash parts[VOTE_PARTS];
    vote_part_hashes(v, parts);
    struct hash hash = vote_hash_of_parts(parts, &c->config.chain_id);
    if (!is_signed_by(c, v->voter, &hash, &v->sig)) return engine_reject(c, REJECT_SIGNATURE);
    if (v->voter == c->config.self) return on_own_vote(c, v);
    if (is_late) { /* It votes, only later than a quorum: whoever asks is told so. */
        store(c, v, parts);
        return engine_reject(c, wrong);
    }
    accuse(c, v);
    bool is_contradiction = false;
    for (int i = 0; i < VOTE_PARTS; i++)
        if (judge(c, v, (enum vote_part)i) == REJECT_EQUIVOCATION) is_contradiction = true;
    store(c, v, parts);
    suspect_show(c, v);
    act_on(c, v);
    return is_contradiction ? engine_reject(c, REJECT_EQUIVOCATION) : ST_OK;
}

/* Signs and sends what is due, and counts it: only now, when it is durable. */
void votes_flush(struct consensus *c)
{
    if (!is_signing(c)) return;
    for (uint32_t i = 0; i < FLUSH_MAX; i++) {
        struct vote v;
        uint64_t lsn = 0;
        if (c->small_count == SMALL_MESSAGES_MAX || !fill_due(c, &v, &lsn)) return; /* Next time. */
        struct small_message *m = message_add(c, CONSENSUS_VOTE);
        must(m != NULL);
        m->vote = v;
        message_send(c, m, NODES_MAX, lsn);
        struct hash parts[VOTE_PARTS];
        vote_part_hashes(&v, parts);
        store(c, &v, parts);
        act_on(c, &v);
    }
}

uint32_t votes_count(const struct consensus *c,
                     enum vote_part part,
                     const struct statement *s,
                     bool with_own)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        bool is_asked = with_own || i != c->config.self;
        bool counts = is_asked && find_statement(c, i, part, s) != NULL;
        if (c->config.fault == FAULT_INEXACT && part == VOTE_P1)
            counts = counts || counts_below(c, i, s);
        count += counts;
    }
    return count;
}

void votes_certify(const struct consensus *c,
                   struct certificate *out,
                   enum vote_part part,
                   const struct statement *s)
{
    *out = (struct certificate){.part = part, .statement = *s};
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        const struct vote_slot *slot = find_statement(c, i, part, s);
        if (slot != NULL) out->entries[out->entry_count++] = slot->cut;
    }
}

void votes_make(struct consensus *c, struct vote *v)
{
    v->voter = c->config.self;
    struct hash hash = vote_hash(v, &c->config.chain_id);
    v->sig = sign_own(c, &hash);
}

/* A quorum's P1 on s are here. The certificate is kept as hq when this node voted for its block:
 * only such are ever locked here, and only for them a VC can show the chain that leads to them. */
void votes_on_quorum_p1(struct consensus *c, const struct statement *s)
{
    if (s->height <= vote_floor(c) || s->view > c->cur_view) return;
    struct line_item *item = c->is_dead ? NULL : line_at(c, s->height);
    if (item != NULL && !hash_equal(&item->hash, &s->hash)) item = NULL;
    if (item == NULL) fetch_below(c, s);
    if (item == NULL || s->height > voted_tip_height(c) || is_raft(c)) return;
    struct certificate cert;
    bool is_new = !c->has_hq || s->view > c->hq.statement.view ||
                  (s->view == c->hq.statement.view && s->height > c->hq.statement.height);
    if (is_new) {
        votes_certify(c, &cert, VOTE_P1, s);
        votes_raise_hq(c, &cert);
    }
    if (s->view != c->voted_view || !is_open_for_votes(c)) return;
    if (item->qc_mono_ms == 0) item->qc_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    if (mode_for(c, s->height) != MODE_FAST) votes_want_p2(c, item, s->height);
}

void votes_ride(struct consensus *c)
{
    if (!is_open_for_votes(c)) return;
    for (uint32_t i = 0; i < c->voted_count; i++) {
        uint64_t height = c->root_height + i + 1;
        if (c->line[i].qc_mono_ms != 0 && height > c->final.height)
            votes_want_p2(c, &c->line[i], height);
    }
}

void votes_settle(struct consensus *c)
{
    uint64_t due = consensus_due_ms(c);
    if (due != 0 && due <= c->mono_ms) votes_ride(c);
}

/* The oldest lock that waits; the others go with it. */
uint64_t consensus_due_ms(const struct consensus *c)
{
    if (!is_open_for_votes(c)) return 0;
    for (uint32_t i = 0; i < c->voted_count; i++) {
        const struct line_item *item = &c->line[i];
        if (item->qc_mono_ms == 0 || item->p2.is_wanted) continue;
        if (c->root_height + i + 1 > c->final.height) return item->qc_mono_ms + lock_wait_ms(c);
    }
    return 0;
}

bool votes_commit(const struct consensus *c, struct certificate *out, const struct statement *s)
{
    bool is_fast = c->commit_p1 > 0 && votes_count(c, VOTE_P1, s, true) >= c->commit_p1;
    if (!is_fast && votes_count(c, VOTE_P2, s, true) < c->quorum) return false;
    votes_certify(c, out, is_fast ? VOTE_P1 : VOTE_P2, s);
    return true;
}

/* I5: the lock waits for the record with hq. */
void votes_want_p2(struct consensus *c, struct line_item *item, uint64_t height)
{
    if (item->p2.is_wanted) return;
    struct statement s = statement_of(c, item, height);
    item->p2 = (struct promise){.is_wanted = true, .lsn = c->next_lsn};
    if (c->config.fault != FAULT_LOCK_WITHOUT_QC) must(c->has_hq && c->hq.statement.view >= s.view);
    bool is_higher = !c->has_lock || s.view > c->lock.view ||
                     (s.view == c->lock.view && s.height > c->lock.height);
    if (is_higher) c->lock = s;
    c->has_lock = true;
    c->is_dirty = true;
}

void votes_raise_hq(struct consensus *c, const struct certificate *cert)
{
    const struct statement *s = &cert->statement;
    const struct statement *old = &c->hq.statement;
    if (c->has_hq && (s->view < old->view || (s->view == old->view && s->height <= old->height)))
        return;
    must(s->view <= c->cur_view);
    c->hq = *cert;
    c->has_hq = true; /* Written with what is promised under it: a lock, or a VC. */
}

struct vote_slot *vote_slots(const struct consensus *c,
                             uint32_t voter,
                             enum vote_part part,
                             uint64_t height)
{
    must(voter < c->config.validators.count && part != VOTE_P3);
    size_t row = ((size_t)voter * 2 + (size_t)part) * VOTE_HEIGHTS + height % VOTE_HEIGHTS;
    return &c->votes[row * VOTE_VIEWS];
}

struct vote_slot *result_slot(const struct consensus *c, uint32_t voter, uint64_t height)
{
    must(voter < c->config.validators.count);
    return &c->results[(size_t)voter * RESULT_HEIGHTS + height % RESULT_HEIGHTS];
}

const struct vote *votes_newest_of(const struct consensus *c,
                                   uint32_t voter,
                                   enum vote_part part,
                                   uint64_t height)
{
    if (part == VOTE_P3) {
        const struct vote_slot *slot = result_slot(c, voter, height);
        bool is_there = slot->is_used && slot->vote.parts[VOTE_P3].height == height;
        return is_there ? &slot->vote : NULL;
    }
    const struct vote_slot *slots = vote_slots(c, voter, part, height);
    const struct vote *newest = NULL;
    for (uint32_t i = 0; i < VOTE_VIEWS; i++) {
        if (!slots[i].is_used || slots[i].vote.parts[part].height != height) continue;
        if (newest == NULL || slots[i].vote.parts[part].view > newest->parts[part].view)
            newest = &slots[i].vote;
    }
    return newest;
}

/* Votes for heights up to it say nothing new. */
uint64_t vote_floor(const struct consensus *c)
{
    return c->is_dead ? c->final.height : c->root_height;
}

struct statement statement_of(const struct consensus *c,
                              const struct line_item *item,
                              uint64_t height)
{
    return (struct statement){
        .epoch = c->config.epoch, .view = c->voted_view, .height = height, .hash = item->hash};
}

static enum consensus_reject screen(const struct consensus *c, const struct vote *v)
{
    if (v->voter >= c->config.validators.count) return REJECT_SENDER;
    enum consensus_reject first = REJECT_NONE;
    bool is_empty = true;
    bool is_useful = false;
    for (int i = 0; i < VOTE_PARTS; i++) {
        const struct statement *s = &v->parts[i];
        if (s->is_null) continue;
        is_empty = false;
        if (s->epoch != c->config.epoch) return REJECT_EPOCH;
        enum consensus_reject wrong = judge(c, v, (enum vote_part)i);
        if (is_of_use(wrong)) is_useful = true;
        if (first == REJECT_NONE) first = wrong;
    }
    if (is_empty) return REJECT_VOTE_EMPTY;
    if (v->voter == c->config.self) return REJECT_NONE;
    return is_useful ? REJECT_NONE : first;
}

static enum consensus_reject judge(const struct consensus *c,
                                   const struct vote *v,
                                   enum vote_part part)
{
    if (v->parts[part].is_null) return REJECT_STALE;
    return part == VOTE_P3 ? judge_result(c, v) : judge_block(c, v, part);
}

static enum consensus_reject judge_block(const struct consensus *c,
                                         const struct vote *v,
                                         enum vote_part part)
{
    const struct statement *s = &v->parts[part];
    const struct vote_slot *slots = vote_slots(c, v->voter, part, s->height);
    if (is_contradicted(slots, s, part)) return REJECT_EQUIVOCATION; /* However late it comes. */
    if (s->height <= vote_floor(c)) return REJECT_STALE;
    if (s->height > vote_floor(c) + VOTE_HEIGHTS) return REJECT_HEIGHT;
    if (s->view >= VIEW_MAX) return REJECT_FAR_VIEW;
    uint32_t newer = 0;
    for (uint32_t i = 0; i < VOTE_VIEWS; i++) {
        const struct statement *kept = &slots[i].vote.parts[part];
        if (!slots[i].is_used || kept->height != s->height) continue;
        if (kept->view == s->view) return REJECT_DUPLICATE;
        if (kept->view > s->view) newer++;
    }
    return newer == VOTE_VIEWS ? REJECT_OLD_VIEW : REJECT_NONE;
}

static bool is_contradicted(const struct vote_slot *slots,
                            const struct statement *s,
                            enum vote_part part)
{
    for (uint32_t i = 0; i < VOTE_VIEWS; i++) {
        const struct statement *kept = &slots[i].vote.parts[part];
        if (slots[i].is_used && kept->height == s->height && kept->view == s->view &&
            !hash_equal(&kept->hash, &s->hash))
            return true;
    }
    return false;
}

static enum consensus_reject judge_result(const struct consensus *c, const struct vote *v)
{
    const struct statement *s = &v->parts[VOTE_P3];
    const struct vote_slot *slot = result_slot(c, v->voter, s->height);
    const struct statement *kept = &slot->vote.parts[VOTE_P3];
    bool is_known = slot->is_used && kept->height == s->height;
    bool is_same = is_known && hash_equal(&kept->hash, &s->hash);
    if (is_known && !is_same) return REJECT_EQUIVOCATION; /* However late it comes. */
    if (is_against_certified(c, s)) return REJECT_RESULT;
    if (s->height <= c->result_height) return REJECT_STALE;
    if (s->height > c->result_height + RESULT_HEIGHTS) return REJECT_HEIGHT;
    return is_same ? REJECT_DUPLICATE : REJECT_NONE;
}

/* A result of the height that was certified last, and not the certified one. */
static bool is_against_certified(const struct consensus *c, const struct statement *s)
{
    const struct statement *right = &c->res_cert.statement;
    return c->has_res_cert && s->height == right->height && s->epoch == right->epoch &&
           !hash_equal(&s->hash, &right->hash);
}

/* To be counted, or against its voter. */
static bool is_of_use(enum consensus_reject judged)
{
    return judged == REJECT_NONE || judged == REJECT_EQUIVOCATION || judged == REJECT_RESULT;
}

/* What v, whose signature holds, proves against its voter. */
static void accuse(struct consensus *c, const struct vote *v)
{
    const struct statement *s = &v->parts[VOTE_P1];
    if (!s->is_null && judge_block(c, v, VOTE_P1) == REJECT_EQUIVOCATION) {
        const struct vote_slot *slots = vote_slots(c, v->voter, VOTE_P1, s->height);
        for (uint32_t i = 0; i < VOTE_VIEWS; i++)
            if (slots[i].is_used && slots[i].vote.parts[VOTE_P1].view == s->view &&
                slots[i].vote.parts[VOTE_P1].height == s->height)
                suspect_votes(c, &slots[i].vote, v);
    }
    if (!s->is_null && s->height > vote_floor(c)) suspect_fork(c, v);
    const struct statement *p3 = &v->parts[VOTE_P3];
    if (!p3->is_null && judge_result(c, v) == REJECT_EQUIVOCATION)
        suspect_results(c, &result_slot(c, v->voter, p3->height)->vote, v);
    suspect_result(c, v);
    suspect_vote_against_changes(c, v);
}

/* Peers give back what they have of us. What we do not remember was promised by a journal that is
 * gone (1.14). */
static enum status on_own_vote(struct consensus *c, const struct vote *v)
{
    const struct statement *p1 = &v->parts[VOTE_P1];
    const struct statement *p2 = &v->parts[VOTE_P2];
    uint64_t tip =
        c->is_record_ahead ? c->record.final_height + c->record.chain_count : voted_tip_height(c);
    bool is_here = c->phase == PHASE_OPEN && !c->is_dead && p1->view == c->voted_view;
    bool is_above = p1->height > tip && p1->height > c->final.height;
    bool is_p1_new = !p1->is_null && (p1->view > c->voted_view || (is_here && is_above));
    bool is_p2_new = !p2->is_null && (!c->has_lock || p2->view > c->lock.view ||
                                      (p2->view == c->lock.view && p2->height > c->lock.height));
    if (is_p1_new || is_p2_new) alarm_raise(c, ALARM_JOURNAL_ROLLED_BACK);
    return engine_reject(c, REJECT_STALE);
}

static void store(struct consensus *c, const struct vote *v, const struct hash parts[VOTE_PARTS])
{
    for (int i = 0; i < VOTE_PARTS; i++) {
        enum vote_part part = (enum vote_part)i;
        enum consensus_reject wrong = judge(c, v, part);
        if (wrong != REJECT_NONE && !(wrong == REJECT_STALE && is_vacant(c, v, part))) continue;
        const struct vote_slot added = {
            .is_used = true, .vote = *v, .cut = certificate_cut_of(v, part, parts)};
        store_part(c, &added, part);
    }
    note_newest(c, v);
}

/* A vote that came too late still shows that its voter is there, where no newer one stands. */
static bool is_vacant(const struct consensus *c, const struct vote *v, enum vote_part part)
{
    const struct statement *s = &v->parts[part];
    if (s->is_null) return false;
    uint32_t count = part == VOTE_P3 ? 1 : VOTE_VIEWS;
    const struct vote_slot *slots = part == VOTE_P3 ? result_slot(c, v->voter, s->height)
                                                    : vote_slots(c, v->voter, part, s->height);
    for (uint32_t i = 0; i < count; i++)
        if (slots[i].is_used && slots[i].vote.parts[part].height >= s->height) return false;
    return true;
}

/* In the place of another height, or of the older view. */
static void store_part(struct consensus *c, const struct vote_slot *added, enum vote_part part)
{
    const struct vote *v = &added->vote;
    if (part == VOTE_P3) {
        *result_slot(c, v->voter, v->parts[part].height) = *added;
        return;
    }
    struct vote_slot *slots = vote_slots(c, v->voter, part, v->parts[part].height);
    struct vote_slot *worst = NULL;
    for (uint32_t i = 0; i < VOTE_VIEWS; i++) {
        const struct statement *kept = &slots[i].vote.parts[part];
        if (!slots[i].is_used || kept->height != v->parts[part].height) {
            worst = &slots[i];
            break;
        }
        if (worst == NULL || kept->view < worst->vote.parts[part].view) worst = &slots[i];
    }
    must(worst != NULL);
    *worst = *added;
}

/* Higher than any part of its kind that its voter has sent. */
static bool is_newest(const struct consensus *c, const struct vote *v)
{
    must(v->voter < c->config.validators.count);
    const uint64_t *heights = c->peers[v->voter].stand.vote_heights;
    for (int i = 0; i < VOTE_PARTS; i++)
        if (!v->parts[i].is_null && v->parts[i].height > heights[i]) return true;
    return false;
}

static void note_newest(struct consensus *c, const struct vote *v)
{
    uint64_t *heights = c->peers[v->voter].stand.vote_heights;
    for (int i = 0; i < VOTE_PARTS; i++)
        if (!v->parts[i].is_null && v->parts[i].height > heights[i])
            heights[i] = v->parts[i].height;
}

static void act_on(struct consensus *c, const struct vote *v)
{
    const struct statement *p1 = &v->parts[VOTE_P1];
    const struct statement *p2 = &v->parts[VOTE_P2];
    const struct statement *p3 = &v->parts[VOTE_P3];
    if (!p1->is_null) act_on_p1(c, p1);
    if (!p2->is_null && p2->height > vote_floor(c) &&
        votes_count(c, VOTE_P2, p2, true) >= c->quorum) {
        struct certificate cert;
        note_gap(c, p2);
        votes_certify(c, &cert, VOTE_P2, p2);
        finality_commit(c, &cert);
    }
    if (!p3->is_null && p3->height > c->result_height &&
        votes_count(c, VOTE_P3, p3, true) >= c->quorum) {
        struct certificate cert;
        votes_certify(c, &cert, VOTE_P3, p3);
        finality_on_result(c, &cert);
    }
}

static void act_on_p1(struct consensus *c, const struct statement *s)
{
    uint32_t count = votes_count(c, VOTE_P1, s, true);
    if (count >= c->quorum) votes_on_quorum_p1(c, s);
    if (c->commit_p1 == 0 || count < c->commit_p1 || s->height <= vote_floor(c)) return;
    struct certificate cert;
    note_gap(c, s);
    votes_certify(c, &cert, VOTE_P1, s);
    finality_commit(c, &cert);
}

/* s is committed: how long after the first quorum? What the locks committed first would have taken
 * the fast quorum longer still, so the mean grows until the fast path has its chance again. */
static void note_gap(struct consensus *c, const struct statement *s)
{
    const struct line_item *item = c->is_dead ? NULL : line_at(c, s->height);
    if (item == NULL || item->qc_mono_ms == 0 || s->height <= c->final.height) return;
    if (s->view != c->voted_view || !hash_equal(&item->hash, &s->hash)) return;
    uint64_t gap_ms = c->mono_ms - item->qc_mono_ms;
    if (gap_ms > GAP_MS_MAX) gap_ms = GAP_MS_MAX;
    c->gap += (uint32_t)gap_ms * GAP_SCALE / GAP_WEIGHT;
    c->gap -= c->gap / GAP_WEIGHT;
    must(c->gap <= GAP_MS_MAX * GAP_SCALE);
}

static uint64_t lock_wait_ms(const struct consensus *c)
{
    if (is_next_near(c)) return load_wait_ms(c);
    uint64_t wait = 2 * (uint64_t)c->gap / GAP_SCALE;
    if (wait < LOCK_WAIT_MS_MIN) return LOCK_WAIT_MS_MIN;
    return wait < LOCK_WAIT_MS_MAX ? wait : LOCK_WAIT_MS_MAX;
}

/* Load: a block follows, and with its first vote goes what could be said alone now. Each statement
 * that leaves alone costs every node a signature. */
static bool is_next_near(const struct consensus *c)
{
    const struct line_item *tip = c->line_count > 0 ? &c->line[c->line_count - 1] : NULL;
    if (c->config.validators.count == 1 || c->waiting <= QUIET_TXS) return false;
    if (c->is_dead || c->final.is_close || c->phase != PHASE_OPEN) return false;
    if (tip == NULL || tip->block == NULL) return c->last_final_txs > BUSY_TXS;
    const struct header *h = &tip->block->header;
    return h->tx_count > BUSY_TXS && (h->flags & BLOCK_EPOCH_CLOSE) == 0;
}

/* The newest alone: who has executed more than one block says so at once. */
static bool may_result_wait(const struct consensus *c)
{
    if (c->p3_height + 1 < c->executed_height || !is_next_near(c)) return false;
    return c->mono_ms - c->executed_mono_ms < load_wait_ms(c);
}

/* A quorum voted for what is not known here. */
static void fetch_below(struct consensus *c, const struct statement *s)
{
    struct block *path[PATH_BLOCKS_MAX];
    uint32_t count;
    struct statement missing;
    if (s->height <= c->final.height || s->view != c->cur_view || c->phase != PHASE_OPEN) return;
    if (path_find(c, s, path, &count, &missing) == PATH_MISSING)
        block_fetch(c, missing.height, &missing.hash);
}

/* The planted fault: a P1 of the same view for a descendant on the line. */
static bool counts_below(const struct consensus *c, uint32_t voter, const struct statement *s)
{
    uint64_t low = c->root_height + 1;
    if (s->height < low || s->height >= low + c->line_count) return false;
    if (!hash_equal(&c->line[s->height - low].hash, &s->hash)) return false;
    for (uint64_t h = s->height + 1; h < low + c->line_count; h++) {
        struct statement above = *s;
        above.height = h;
        above.hash = c->line[h - low].hash;
        if (find_statement(c, voter, VOTE_P1, &above) != NULL) return true;
    }
    return false;
}

/* The oldest due statement of each kind, signed. False: nothing is due. */
static bool fill_due(struct consensus *c, struct vote *v, uint64_t *lsn)
{
    uint64_t h1 = 0;
    uint64_t h2 = 0;
    struct line_item *i1 = is_open_for_votes(c) ? due_item(c, VOTE_P1, &h1) : NULL;
    if (i1 != NULL && i1->has_prepared && i1->p2.is_wanted && !i1->p2.is_sent) {
        *v = i1->prepared;
        say(&i1->p1, lsn);
        say(&i1->p2, lsn);
        return true;
    }
    struct line_item *i2 = is_open_for_votes(c) ? due_item(c, VOTE_P2, &h2) : NULL;
    *v = (struct vote){.parts = {{.is_null = true}, {.is_null = true}, {.is_null = true}}};
    if (i1 != NULL) {
        v->parts[VOTE_P1] = statement_of(c, i1, h1);
        say(&i1->p1, lsn);
    }
    if (i2 != NULL) {
        v->parts[VOTE_P2] = statement_of(c, i2, h2);
        say(&i2->p2, lsn);
    }
    bool is_alone = i1 == NULL && i2 == NULL;
    bool has_result = !(is_alone && may_result_wait(c)) && fill_result(c, &v->parts[VOTE_P3]);
    if (is_alone && !has_result) return false;
    votes_make(c, v);
    return true;
}

static struct line_item *due_item(struct consensus *c, enum vote_part part, uint64_t *height)
{
    for (uint32_t i = 0; i < c->voted_count; i++) {
        struct line_item *item = &c->line[i];
        *height = c->root_height + i + 1;
        if (is_due(c, part == VOTE_P1 ? &item->p1 : &item->p2)) return item;
    }
    return NULL;
}

static bool is_due(const struct consensus *c, const struct promise *p)
{
    bool is_safe = is_durable(c, p->lsn) || c->config.fault == FAULT_VOTE_BEFORE_DURABLE;
    return p->is_wanted && !p->is_sent && is_safe;
}

static void say(struct promise *p, uint64_t *lsn)
{
    p->is_sent = true;
    if (p->lsn > *lsn) *lsn = p->lsn;
}

static bool fill_result(struct consensus *c, struct statement *s)
{
    if (c->alarm == ALARM_DIVERGED) return false;
    uint64_t height = c->p3_height + 1;
    if (height < c->digest_low) height = c->digest_low;
    const struct hash *digest = digest_at(c, height);
    if (digest == NULL) return false;
    *s = (struct statement){.epoch = c->config.epoch, .height = height, .hash = *digest};
    c->p3_height = height;
    return true;
}

static struct vote_slot *find_statement(const struct consensus *c,
                                        uint32_t voter,
                                        enum vote_part part,
                                        const struct statement *s)
{
    uint32_t count = part == VOTE_P3 ? 1 : VOTE_VIEWS;
    struct vote_slot *slots =
        part == VOTE_P3 ? result_slot(c, voter, s->height) : vote_slots(c, voter, part, s->height);
    for (uint32_t i = 0; i < count; i++) {
        const struct statement *kept = &slots[i].vote.parts[part];
        bool is_same = slots[i].is_used && kept->height == s->height && kept->view == s->view;
        if (is_same && hash_equal(&kept->hash, &s->hash)) return &slots[i];
    }
    return NULL;
}
