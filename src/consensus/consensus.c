/* consensus.c - The engine's frame: events in, effects out, and one record and one sync for
 * everything that is due in between.
 *
 * A step handles its event, then settles: own statements that became durable leave, certificates
 * that they complete are acted on, what changed is written. At most one sync is under way; what
 * comes due meanwhile shares the next. */
#include "consensus/consensus_int.h"

static enum status handle(struct consensus *c, const struct consensus_event *event);
static enum status on_message(struct consensus *c, const struct consensus_event *event);
static enum status on_persisted(struct consensus *c, uint64_t lsn);
static void on_tick(struct consensus *c, const struct consensus_event *event);
static void on_stop(struct consensus *c);
static bool is_record_old(const struct consensus *c);
static void note_rest(struct consensus *c);
static void settle(struct consensus *c);
static void persist(struct consensus *c);
static void hold_bodies(struct consensus *c);
static void fill_record(struct consensus *c);
static enum status allocate(struct consensus *c, uint32_t count);
static bool is_key_right(const struct consensus_config *config);

enum status consensus_new(struct consensus **out,
                          struct mem *mem,
                          const struct consensus_config *config,
                          const struct consensus_start *start)
{
    must(config->validators.count > 0 && config->validators.count <= NODES_MAX);
    must(config->self < config->validators.count || config->self == NODES_MAX);
    must(config->validators.mode != MODE_STRICT);
    must(start->digest_count >= 1);
    if (start->record != NULL && start->record->epoch != config->epoch) return ST_INVALID;
    if (!is_key_right(config)) return ST_INVALID;
    struct consensus *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    c->config = *config;
    if (config->self == NODES_MAX) c->config.is_voter = false;
    if (c->config.view_ms == 0) c->config.view_ms = CONSENSUS_VIEW_MS;
    enum status st = allocate(c, config->validators.count);
    if (st != ST_OK) {
        consensus_free(c);
        return st;
    }
    c->check = (struct check_context){.validators = &c->config.validators,
                                      .previous = &c->config.previous,
                                      .signer = config->signer,
                                      .chain_id = &c->config.chain_id,
                                      .epoch = config->epoch,
                                      .fault = config->fault};
    c->quorum = quorum_size(&config->validators);
    if (config->fault == FAULT_Q_MINUS_1 && c->quorum > 1) c->quorum--;
    c->commit_p1 = quorum_commit_p1(&config->validators);
    if (config->fault == FAULT_FAST_MINUS_1 && c->commit_p1 > 1) c->commit_p1--;
    c->vc_quorum = quorum_view_change(&config->validators);
    c->next_lsn = 1;
    adapt_start(c, start);
    recover_start(c, start);
    *out = c;
    return ST_OK;
}

static bool is_key_right(const struct consensus_config *config)
{
    struct public_key key;
    if (config->self == NODES_MAX) return true;
    if (sign_public(config->signer, &key, &config->node_key) != ST_OK) return false;
    return public_key_equal(&key, &config->validators.keys[config->self]);
}

void consensus_free(struct consensus *c)
{
    if (c == NULL) return;
    mem_wipe(&c->config.node_key, sizeof c->config.node_key);
    struct mem *mem = c->mem;
    mem_free(mem, c->votes);
    mem_free(mem, c->results);
    mem_free(mem, c->vcs);
    mem_free(mem, c->own_vc);
    mem_free(mem, c->new_view);
    mem_free(mem, c->evidence_bytes);
    mem_free(mem, c);
}

enum status consensus_step(struct consensus *c,
                           const struct consensus_event *event,
                           struct consensus_effects *out)
{
    must(event->mono_ms >= c->mono_ms);
    out->count = 0;
    c->out = out;
    c->mono_ms = event->mono_ms;
    c->wall_ms = event->wall_ms;
    c->small_count = 0;
    c->shown_count = 0;
    c->evidence_used = 0;
    c->evidence_size = 0;
    if (!c->is_started) recover_first_step(c);
    enum status st = handle(c, event);
    settle(c);
    c->out = NULL;
    return st;
}

struct consensus_effect *effect_add(struct consensus *c, enum consensus_effect_kind kind)
{
    must(c->out->count < CONSENSUS_EFFECTS_MAX);
    struct consensus_effect *effect = &c->out->items[c->out->count++];
    *effect = (struct consensus_effect){.kind = kind};
    return effect;
}

/* Null when the step has said enough; what is not said now is said later or asked for again. */
struct small_message *message_add(struct consensus *c, enum consensus_message_kind kind)
{
    if (c->small_count == SMALL_MESSAGES_MAX) return NULL;
    struct small_message *m = &c->small[c->small_count++];
    m->kind = kind;
    return m;
}

/* A small message is the head of a consensus_message: kind, then the union. The bytes behind it
 * belong to the engine too, so whoever copies by kind reads nothing foreign. */
void message_send(struct consensus *c, const struct small_message *m, uint32_t peer, uint64_t lsn)
{
    _Static_assert(offsetof(struct small_message, vote) == offsetof(struct consensus_message, vote),
                   "a small message is laid out as a message");
    const void *message = m;
    message_send_large(c, message, peer, lsn);
}

void message_send_large(struct consensus *c,
                        const struct consensus_message *m,
                        uint32_t peer,
                        uint64_t lsn)
{
    if (c->config.validators.count == 1 && !c->config.has_observers) return;
    must(is_durable(c, lsn) || c->config.fault == FAULT_VOTE_BEFORE_DURABLE); /* I2 */
    must(peer != c->config.self);
    struct consensus_effect *send = effect_add(c, CONSENSUS_SEND);
    send->message = m;
    send->peer = peer;
    send->after_lsn = lsn;
}

enum status engine_reject(struct consensus *c, enum consensus_reject reason)
{
    must(reason > REJECT_NONE && reason < REJECT_COUNT);
    c->rejects[reason]++;
    return ST_REJECTED;
}

/* The worst one stays: a halted engine has nothing more to say about its results, and evidence
 * stands behind whatever is known of this node itself. */
void alarm_raise(struct consensus *c, enum consensus_alarm alarm)
{
    must(alarm != ALARM_NONE);
    if (c->alarm == alarm) return;
    if (is_halted(c)) return;
    if (alarm != ALARM_EVIDENCE || c->alarm == ALARM_NONE) c->alarm = alarm;
    effect_add(c, CONSENSUS_ALARM)->alarm = alarm;
}

bool is_durable(const struct consensus *c, uint64_t lsn)
{
    return lsn <= c->durable_lsn;
}

bool is_raft(const struct consensus *c)
{
    return c->config.validators.mode == MODE_RAFT;
}

bool is_halted(const struct consensus *c)
{
    return c->alarm == ALARM_JOURNAL_ROLLED_BACK || c->alarm == ALARM_CONFLICT;
}

bool is_signing(const struct consensus *c)
{
    return c->config.is_voter && c->is_admitted && !is_halted(c) && !c->is_stopping && !c->is_over;
}

/* I3. The planted fault forgets that a left view is left. */
bool is_open_for_votes(const struct consensus *c)
{
    if (!is_signing(c) || c->is_dead || c->is_record_ahead) return false;
    if (c->config.fault == FAULT_PROMISE_DROPPED) return true;
    return c->phase == PHASE_OPEN && c->voted_view == c->cur_view;
}

uint32_t leader_of(const struct consensus *c, uint64_t view)
{
    return quorum_leader(&c->config.validators, view);
}

/* Of the first view's time: nobody's timer may run out for it. */
uint64_t load_wait_ms(const struct consensus *c)
{
    return c->config.view_ms / PATIENCE_PARTS;
}

struct signature sign_own(const struct consensus *c, const struct hash *hash)
{
    struct signature sig;
    enum status st = sign_hash(c->config.signer, &sig, &c->config.node_key, hash);
    must(st == ST_OK); /* The key was checked by consensus_new. */
    return sig;
}

bool is_signed_by(const struct consensus *c,
                  uint32_t voter,
                  const struct hash *hash,
                  const struct signature *sig)
{
    must(voter < c->config.validators.count);
    const struct public_key *key = &c->config.validators.keys[voter];
    return sign_verify(c->config.signer, key, hash, sig) == ST_OK;
}

static enum status allocate(struct consensus *c, uint32_t count)
{
    size_t votes = (size_t)count * 2 * VOTE_HEIGHTS * VOTE_VIEWS;
    size_t results = (size_t)count * RESULT_HEIGHTS;
    c->votes = mem_alloc_zero(c->mem, votes, sizeof *c->votes);
    c->results = mem_alloc_zero(c->mem, results, sizeof *c->results);
    c->vcs = mem_alloc_zero(c->mem, (size_t)count * 2, sizeof *c->vcs);
    c->own_vc = mem_alloc(c->mem, sizeof *c->own_vc);
    c->new_view = mem_alloc(c->mem, sizeof *c->new_view);
    c->evidence_bytes = mem_alloc(c->mem, EVIDENCE_BYTES);
    bool is_all = c->votes != NULL && c->results != NULL && c->vcs != NULL && c->own_vc != NULL &&
                  c->new_view != NULL && c->evidence_bytes != NULL;
    return is_all ? ST_OK : ST_NO_MEMORY;
}

static enum status handle(struct consensus *c, const struct consensus_event *event)
{
    switch (event->kind) {
    case CONSENSUS_ON_TICK: on_tick(c, event); return ST_OK;
    case CONSENSUS_ON_BATCH: return propose_on_batch(c, event);
    case CONSENSUS_ON_MESSAGE: return on_message(c, event);
    case CONSENSUS_ON_BODY_OK: return normal_on_body_ok(c, event);
    case CONSENSUS_ON_BODY_BAD: return normal_on_body_bad(c, &event->hash);
    case CONSENSUS_ON_PERSISTED: return on_persisted(c, event->lsn);
    case CONSENSUS_ON_EXECUTED: return finality_on_executed(c, event);
    case CONSENSUS_ON_ADVANCED: return finality_on_advanced(c, event);
    case CONSENSUS_ON_PEER: sync_on_peer(c, event); return ST_OK;
    case CONSENSUS_ON_CONVICTED:
        if (event->from >= c->config.validators.count) return ST_INVALID;
        suspect_convict(c, event->from);
        return ST_OK;
    case CONSENSUS_ON_STOP: on_stop(c); return ST_OK;
    }
    return ST_INVALID;
}

static enum status on_message(struct consensus *c, const struct consensus_event *event)
{
    const struct consensus_message *m = event->message;
    if (event->from >= c->config.validators.count) return engine_reject(c, REJECT_SENDER);
    c->peers[event->from].stand.heard_mono_ms = c->mono_ms;
    if (c->alarm == ALARM_CONFLICT) return engine_reject(c, REJECT_HALTED);
    switch (m->kind) {
    case CONSENSUS_PROPOSAL: return normal_on_proposal(c, &m->proposal, event->from);
    case CONSENSUS_VOTE: return votes_on_vote(c, &m->vote);
    case CONSENSUS_VIEW_CHANGE: return change_on_message(c, &m->view_change);
    case CONSENSUS_NEW_VIEW: return newview_on_message(c, &m->new_view);
    case CONSENSUS_STATUS:
        if (m->status.sender != event->from) return sync_on_passed_status(c, &m->status);
        return sync_on_status(c, &m->status);
    }
    return ST_INVALID;
}

static enum status on_persisted(struct consensus *c, uint64_t lsn)
{
    if (lsn >= c->next_lsn || lsn < c->durable_lsn) return ST_INVALID;
    c->durable_lsn = lsn;
    return ST_OK;
}

static void on_tick(struct consensus *c, const struct consensus_event *event)
{
    c->waiting = event->waiting;
    c->oldest_wait_ms = event->waiting > 0 ? event->oldest_wait_ms : 0;
    if (event->waiting == 0)
        c->waiting_since_ms = 0;
    else if (c->waiting_since_ms == 0)
        c->waiting_since_ms = c->mono_ms;
    sync_tick(c);
    pace_tick(c);
    note_rest(c);
}

static void on_stop(struct consensus *c)
{
    c->is_stopping = true;
    if (is_record_old(c)) c->is_dirty = true;
}

/* Its certificates are older than those known here: no promise depends on them, but who audits this
 * node after its end finds nothing newer. */
static bool is_record_old(const struct consensus *c)
{
    const struct consensus_record *r = &c->record;
    uint64_t res_height = r->has_res_cert ? r->res_cert.statement.height : 0;
    bool is_final_old = c->has_root_cert && r->final_height < c->root_height;
    return is_final_old || (c->has_res_cert && res_height < c->res_cert.statement.height);
}

/* Under load the next vote's record has all of it. */
static void note_rest(struct consensus *c)
{
    if (line_tip_height(c) > c->final.height || !is_record_old(c)) {
        c->rest_mono_ms = 0;
        return;
    }
    if (c->rest_mono_ms == 0) c->rest_mono_ms = c->mono_ms;
    if (c->mono_ms - c->rest_mono_ms >= REST_MS) c->is_dirty = true;
}

/* Each part may make work for the ones before it; two rounds do all that one event can cause but
 * for what a later event comes back to anyway. */
static void settle(struct consensus *c)
{
    if (c->alarm == ALARM_CONFLICT) return;
    for (int round = 0; round < 2; round++) {
        newview_settle(c);
        normal_extend(c);
        votes_settle(c);
        propose_claim(c);
        change_settle(c);
        votes_flush(c);
        persist(c);
    }
    epoch_settle(c);
    propose_settle(c); /* Last: its certificates must not change before the runtime encodes them. */
}

static void persist(struct consensus *c)
{
    if (!c->is_dirty || c->is_record_ahead || c->durable_lsn + 1 < c->next_lsn) return;
    hold_bodies(c);
    if (c->is_vc_dirty) {
        struct consensus_effect *write = effect_add(c, CONSENSUS_WRITE);
        write->slot = CONSENSUS_SLOT_VIEW_CHANGE;
        write->view_change = &c->own_vc->view_change;
    }
    fill_record(c);
    struct consensus_effect *write = effect_add(c, CONSENSUS_WRITE);
    write->slot = CONSENSUS_SLOT_PROMISE;
    write->record = &c->record;
    effect_add(c, CONSENSUS_SYNC)->lsn = c->next_lsn++;
    c->is_dirty = false;
    c->is_vc_dirty = false;
}

static void hold_bodies(struct consensus *c)
{
    for (uint32_t i = 0; i < c->voted_count; i++) {
        struct block *b = c->line[i].block;
        if (b == NULL || b->is_held || b->header.height <= c->final.height) continue;
        must(b->has_body);
        b->is_held = true;
        struct consensus_effect *hold = effect_add(c, CONSENSUS_HOLD);
        hold->height = b->header.height;
        hold->hash = b->hash;
    }
}

static void fill_record(struct consensus *c)
{
    struct consensus_record *r = &c->record;
    struct signature word = {0};
    bool has_word = is_raft(c) && c->voted_count > 0 && tip_word(c, &word);
    *r = (struct consensus_record){.epoch = c->config.epoch,
                                   .cur_view = c->cur_view,
                                   .voted_view = c->voted_view,
                                   .has_proposed = c->has_proposed,
                                   .proposer_view = c->proposer_view,
                                   .is_open = c->phase == PHASE_OPEN,
                                   .has_lock = c->has_lock,
                                   .final_height = c->root_height,
                                   .final_hash = c->root_hash,
                                   .has_final_cert = c->has_root_cert,
                                   .chain_count = c->voted_count,
                                   .has_hq = c->has_hq,
                                   .has_tip_sig = has_word,
                                   .tip_sig = word};
    if (r->is_open) {
        r->anchor_height = c->anchor_height;
        r->anchor_hash = c->anchor_hash;
    }
    if (c->has_lock) {
        r->lock_view = c->lock.view;
        r->lock_height = c->lock.height;
        r->lock_hash = c->lock.hash;
    }
    if (c->has_root_cert) r->final_cert = c->root_cert;
    if (c->has_hq) r->hq = c->hq;
    r->has_res_cert = c->has_res_cert;
    if (c->has_res_cert) r->res_cert = c->res_cert;
    for (uint32_t i = 0; i < c->voted_count; i++)
        r->chain[i] = c->line[i].hash;
}
