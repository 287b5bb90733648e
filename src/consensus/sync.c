/* sync.c - Where everybody stands, and what a peer that missed something gets again.
 *
 * Nothing here decides about safety. A STATUS tells where its sender stands; from it follow the
 * repeats: own votes and proposals, the own VC, and the report that this node is behind. A node
 * that starts asks first: its peers answer, and show the newest vote of its own that they hold.
 *
 * Two validators without a connection hear one another through others, who pass on what is signed
 * (node/core_relay.c). A STATUS could be said again for ever: from another one it counts only while
 * there is no connection with its sender, and when it shows nothing older than what is known. */
#include "consensus/consensus_int.h"

static void send_status(struct consensus *c, uint32_t peer, uint64_t answer_nonce);
static void fill_status(struct consensus *c, struct status_report *s);
static void note_status(struct consensus *c, const struct status_report *s);
static bool is_older(const struct peer *p, const struct status_report *s);
static void answer(struct consensus *c, const struct status_report *s);
static void note_answer(struct consensus *c, const struct status_report *s);
static void show_votes_of(struct consensus *c, uint32_t voter);
static void help(struct consensus *c, const struct status_report *s);
static uint32_t resend_proposals(struct consensus *c, const struct status_report *s);
static void resend_votes(struct consensus *c, const struct status_report *s, uint32_t sent);
static bool send_vote(struct consensus *c, uint32_t peer, const struct vote *v, uint32_t *sent);
static void ask_again(struct consensus *c);
static void check_behind(struct consensus *c);
static uint64_t lowest_beyond(const struct consensus *c, uint64_t own);
static uint64_t certified_height(const struct consensus *c);

enum status sync_on_status(struct consensus *c, const struct status_report *s)
{
    if (s->epoch != c->config.epoch) return engine_reject(c, REJECT_EPOCH);
    if (s->sender >= c->config.validators.count) return engine_reject(c, REJECT_SENDER);
    if (s->sender == c->config.self) return engine_reject(c, REJECT_STALE);
    struct hash hash = status_report_hash(s, &c->config.chain_id);
    if (!is_signed_by(c, s->sender, &hash, &s->sig)) return engine_reject(c, REJECT_SIGNATURE);
    note_status(c, s);
    if (s->is_answer) note_answer(c, s);
    if (s->is_fresh) answer(c, s);
    help(c, s);
    return ST_OK;
}

enum status sync_on_passed_status(struct consensus *c, const struct status_report *s)
{
    if (s->epoch != c->config.epoch) return engine_reject(c, REJECT_EPOCH);
    if (s->sender >= c->config.validators.count) return engine_reject(c, REJECT_SENDER);
    struct peer *p = &c->peers[s->sender];
    if (s->sender == c->config.self || p->is_up) return engine_reject(c, REJECT_SENDER);
    bool is_same = memcmp(&p->passed_sig, &s->sig, sizeof s->sig) == 0;
    bool is_soon = c->mono_ms - p->stand.heard_mono_ms < CONSENSUS_STATUS_MS / 2;
    if (is_same && is_soon) return engine_reject(c, REJECT_DUPLICATE); /* Through several. */
    struct hash hash = status_report_hash(s, &c->config.chain_id);
    if (!is_signed_by(c, s->sender, &hash, &s->sig)) return engine_reject(c, REJECT_SIGNATURE);
    if (s->is_answer) note_answer(c, s);
    if (s->is_fresh) answer(c, s);
    if (is_older(p, s)) return engine_reject(c, REJECT_STALE);
    p->passed_sig = s->sig;
    p->stand.heard_mono_ms = c->mono_ms;
    note_status(c, s);
    help(c, s);
    return ST_OK;
}

void sync_tick(struct consensus *c)
{
    if (c->config.self == NODES_MAX) {
        ask_again(c);
        check_behind(c);
        return;
    }
    if (c->config.validators.count == 1 && !c->config.has_observers) return;
    uint64_t period = c->is_admitted ? CONSENSUS_STATUS_MS : FRESH_MS;
    if (c->is_status_due || c->status_mono_ms == 0 || c->mono_ms - c->status_mono_ms >= period) {
        c->status_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
        c->is_status_due = false;
        send_status(c, NODES_MAX, 0);
    }
    ask_again(c);
    check_behind(c);
}

void sync_on_peer(struct consensus *c, const struct consensus_event *event)
{
    if (event->from >= c->config.validators.count || event->from == c->config.self) return;
    c->peers[event->from].is_up = event->is_up;
    if (event->is_up && c->config.self != NODES_MAX) send_status(c, event->from, 0);
}

/* At most every BEHIND_MS: the runtime is at it. */
void sync_behind(struct consensus *c, uint64_t height, uint32_t peers)
{
    if (c->behind_mono_ms != 0 && c->mono_ms - c->behind_mono_ms < BEHIND_MS) return;
    c->behind_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    struct consensus_effect *behind = effect_add(c, CONSENSUS_BEHIND);
    behind->height = height;
    behind->peers = peers;
}

uint32_t sync_peers_beyond(const struct consensus *c, uint64_t height)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++)
        if (i != c->config.self && c->peers[i].stand.final_height > height) bits |= 1u << i;
    return bits;
}

/* Peers that something came from lately. */
uint32_t sync_heard(const struct consensus *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        uint64_t heard = c->peers[i].stand.heard_mono_ms;
        if (i != c->config.self && heard != 0 && c->mono_ms - heard < HEARD_MS) count++;
    }
    return count;
}

static void send_status(struct consensus *c, uint32_t peer, uint64_t answer_nonce)
{
    struct small_message *m = message_add(c, CONSENSUS_STATUS);
    if (m == NULL) return;
    fill_status(c, &m->status);
    if (answer_nonce != 0) {
        m->status.is_answer = true;
        m->status.is_fresh = false;
        m->status.nonce = answer_nonce;
    }
    struct hash hash = status_report_hash(&m->status, &c->config.chain_id);
    m->status.sig = sign_own(c, &hash);
    message_send(c, m, peer, 0);
}

static void fill_status(struct consensus *c, struct status_report *s)
{
    struct tip tip = line_tip(c);
    *s = (struct status_report){.epoch = c->config.epoch,
                                .sender = c->config.self,
                                .view = c->cur_view,
                                .is_open = c->phase == PHASE_OPEN,
                                .tip_height = tip.height,
                                .final_height = certified_height(c),
                                .executed_height = c->executed_height,
                                .result_height = c->result_height};
    const struct hash *digest = digest_at(c, c->executed_height);
    if (digest != NULL) s->executed_digest = *digest;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        uint64_t heard = c->peers[i].stand.heard_mono_ms;
        bool is_late = heard == 0 || c->mono_ms - heard >= HEARD_MS;
        if (i != c->config.self && is_late) s->suspects |= 1u << i;
    }
    if (!c->is_admitted) {
        s->is_fresh = true;
        s->nonce = c->nonce;
    }
}

static void note_status(struct consensus *c, const struct status_report *s)
{
    struct peer *p = &c->peers[s->sender];
    p->shown_final = p->stand.final_height;
    p->shown_result = p->result_height;
    p->shown_tip = p->stand.tip_height;
    p->stand.view = s->view;
    p->stand.tip_height = s->tip_height;
    p->stand.final_height = s->final_height;
    p->stand.executed_height = s->executed_height;
    p->stand.executed_digest = s->executed_digest;
    p->result_height = s->result_height;
}

static bool is_older(const struct peer *p, const struct status_report *s)
{
    return s->view < p->stand.view || s->final_height < p->stand.final_height ||
           s->executed_height < p->stand.executed_height || s->result_height < p->result_height;
}

/* The votes first: who reads in order knows them before it may vote. */
static void answer(struct consensus *c, const struct status_report *s)
{
    struct peer *p = &c->peers[s->sender];
    if (p->answered_mono_ms != 0 && c->mono_ms - p->answered_mono_ms < FRESH_MS / 2) return;
    p->answered_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    show_votes_of(c, s->sender);
    if (c->config.self != NODES_MAX) send_status(c, s->sender, s->nonce);
}

static void note_answer(struct consensus *c, const struct status_report *s)
{
    if (c->is_admitted || s->nonce != c->nonce) return;
    c->answered |= 1u << s->sender;
    uint32_t count = 0;
    for (uint32_t bits = c->answered; bits != 0; bits &= bits - 1)
        count++;
    c->is_admitted = count + 1 >= c->quorum;
    if (c->is_admitted) normal_want_anchor(c);
}

/* The newest P1 and the newest P2 of voter, by view and height. */
static void show_votes_of(struct consensus *c, uint32_t voter)
{
    for (int part = VOTE_P1; part <= VOTE_P2; part++) {
        const struct vote_slot *all = vote_slots(c, voter, (enum vote_part)part, 0);
        const struct vote *newest = NULL;
        for (uint32_t i = 0; i < VOTE_HEIGHTS * VOTE_VIEWS; i++) {
            if (!all[i].is_used) continue;
            const struct statement *s = &all[i].vote.parts[part];
            const struct statement *best = newest != NULL ? &newest->parts[part] : NULL;
            if (best == NULL || s->view > best->view ||
                (s->view == best->view && s->height > best->height))
                newest = &all[i].vote;
        }
        uint32_t sent = 0;
        if (newest != NULL) (void)send_vote(c, voter, newest, &sent);
    }
}

/* Only to a peer that stands still where we have gone on: what is on its way is not repeated. */
static void help(struct consensus *c, const struct status_report *s)
{
    struct peer *p = &c->peers[s->sender];
    bool is_below = s->view < c->cur_view || (s->view == c->cur_view && !s->is_open);
    if (is_below && c->mono_ms - p->changed_mono_ms >= CONSENSUS_STATUS_MS / 2) {
        p->changed_mono_ms = c->mono_ms; /* A VC is a hundred times as long as what asks for it. */
        change_send(c, s->sender);
    }
    bool is_still = p->shown_final == s->final_height || p->shown_result == s->result_height;
    if (!is_still || s->is_answer) return;
    if (p->resent_mono_ms != 0 && c->mono_ms - p->resent_mono_ms < CONSENSUS_STATUS_MS / 2) return;
    p->resent_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    if (!is_signing(c)) return;
    resend_votes(c, s, resend_proposals(c, s));
}

static uint32_t resend_proposals(struct consensus *c, const struct status_report *s)
{
    uint32_t sent = 0;
    bool is_ours = leader_of(c, c->cur_view) == c->config.self && c->phase == PHASE_OPEN;
    bool is_still = c->peers[s->sender].shown_tip == s->tip_height;
    if (!is_ours || !is_still || s->view != c->cur_view || c->is_dead) return 0;
    for (uint32_t i = 0; i < c->line_count && sent < RESEND_MAX; i++) {
        const struct block *b = c->line[i].block;
        if (b == NULL || !b->has_sig || b->header.height <= s->tip_height) continue;
        if (b->header.view != c->cur_view || !is_durable(c, c->proposer_lsn)) continue;
        struct small_message *m = message_add(c, CONSENSUS_PROPOSAL);
        if (m == NULL) break;
        m->proposal = (struct proposal){.header = b->header, .sig = b->sig};
        message_send(c, m, s->sender, c->proposer_lsn);
        sent++;
    }
    return sent;
}

static void resend_votes(struct consensus *c, const struct status_report *s, uint32_t sent)
{
    must(c->config.self < c->config.validators.count);
    uint64_t top = c->root_height + VOTE_HEIGHTS;
    for (uint64_t h = s->final_height + 1; h <= top && h <= s->final_height + VOTE_HEIGHTS; h++)
        for (int part = VOTE_P1; part <= VOTE_P2; part++) {
            const struct vote *v = votes_newest_of(c, c->config.self, (enum vote_part)part, h);
            if (v != NULL && !send_vote(c, s->sender, v, &sent)) return;
        }
    for (uint64_t h = s->result_height + 1; h <= c->p3_height; h++) {
        if (h > s->result_height + RESULT_HEIGHTS) return;
        const struct vote *v = votes_newest_of(c, c->config.self, VOTE_P3, h);
        if (v != NULL && !send_vote(c, s->sender, v, &sent)) return;
    }
}

/* Each signature once; false: enough was said. */
static bool send_vote(struct consensus *c, uint32_t peer, const struct vote *v, uint32_t *sent)
{
    for (uint32_t i = 0; i < c->small_count; i++)
        if (c->small[i].kind == CONSENSUS_VOTE &&
            memcmp(&c->small[i].vote.sig, &v->sig, sizeof v->sig) == 0)
            return true;
    if (*sent >= RESEND_MAX) return false;
    struct small_message *m = message_add(c, CONSENSUS_VOTE);
    if (m == NULL) return false;
    m->vote = *v;
    message_send(c, m, peer, 0);
    (*sent)++;
    return true;
}

/* Bodies and blocks that have not come. */
static void ask_again(struct consensus *c)
{
    for (uint32_t i = 0; i < c->line_count; i++) {
        struct line_item *item = &c->line[i];
        uint64_t height = c->root_height + i + 1;
        if (item->block == NULL) item->block = block_find(c, &item->hash);
        if (item->block == NULL)
            block_fetch(c, height, &item->hash);
        else if (!item->block->has_body && height > c->final.height)
            block_ask(c, item->block);
    }
    finality_retry(c);
}

/* Votes close a small gap soon; a peer that stays ahead has blocks that we shall not get so. */
static void check_behind(struct consensus *c)
{
    uint64_t certified = certified_height(c);
    uint64_t height = lowest_beyond(c, certified);
    if (height == 0) {
        c->lagging_mono_ms = 0;
        return;
    }
    if (c->lagging_mono_ms == 0) c->lagging_mono_ms = c->mono_ms > 0 ? c->mono_ms : 1;
    bool is_far = height > certified + W;
    if (!is_far && c->mono_ms - c->lagging_mono_ms < VOTES_CLOSE_MS) return;
    sync_behind(c, height, sync_peers_beyond(c, certified));
}

/* After a restart the certificate of the final block may be lost, and the voted chain does not
 * help: then it counts as missing, so that peers repeat their votes for it, or give the
 * certificate. */
static uint64_t certified_height(const struct consensus *c)
{
    bool is_lost = !c->has_final_cert && c->final.height > 0 &&
                   (c->is_dead || (c->root_height == c->final.height && !c->has_root_cert));
    return is_lost ? c->final.height - 1 : c->final.height;
}

/* What f + 1 peers claim is true of one honest among them; less is taken at its lowest word. */
static uint64_t lowest_beyond(const struct consensus *c, uint64_t own)
{
    uint64_t lowest = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        uint64_t height = c->peers[i].stand.final_height;
        if (i == c->config.self || height <= own) continue;
        if (lowest == 0 || height < lowest) lowest = height;
    }
    return lowest;
}
