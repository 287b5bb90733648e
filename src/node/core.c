/* The middle of the core: every event of the engine starts here, every effect of it ends here.
 *
 *   what arrives            | what the engine hears            | beside it
 *   ------------------------+----------------------------------+-----------------------------------
 *   core_tick               | TICK                             | questions, answers, gossip,
 * catch-up core_on_message         | MESSAGE                          | bodies, transactions,
 * blocks core_on_tx              | (later: BODY_OK, BODY_BAD)       | pool core_on_stored |
 * PERSISTED                        | blocks leave memory core_on_executed        | EXECUTED |
 * answers */
#include "node/core_int.h"

static enum status perform(struct core *c, const struct consensus_effect *effect);
static enum status flush_job(struct core *c);

/* --- failing, sending ------------------------------------------------------------------------- */

void core_fail(struct core *c, enum status st, const char *what)
{
    must(st != ST_OK);
    if (c->has_failed) return; /* I6 */
    c->has_failed = true;
    c->ports->failed(c->ports->context, st, what);
}

void core_look_at_clocks(struct core *c)
{
    c->mono_ms = c->ports->mono_ms(c->ports->context);
    c->wall_ms = c->ports->wall_ms(c->ports->context);
}

bool core_is_usable(const struct core *c, uint32_t peer)
{
    return peer < CORE_PEERS_MAX && peer != c->self && c->peers[peer].is_up;
}

uint32_t core_peer_tag(const struct core *c, uint32_t peer)
{
    must(peer <= CORE_NOBODY);
    return c->peer_generation * FLOW_PLACES + peer;
}

uint32_t core_peer_of_tag(const struct core *c, uint32_t tag)
{
    bool is_ours = tag / FLOW_PLACES == c->peer_generation;
    return is_ours ? tag % FLOW_PLACES : CORE_NOBODY;
}

/* What a peer misses it asks for, or hears again: a full queue loses the message. */
void core_send(struct core *c, uint32_t peer, enum core_channel channel)
{
    if (!core_is_usable(c, peer) || buf_status(&c->out) != ST_OK) return;
    enum status st = c->ports->send(c->ports->context, peer, channel, buf_span(&c->out));
    must(st == ST_OK || st == ST_BUSY || st == ST_CLOSED || st == ST_LIMIT);
}

void core_send_all(struct core *c, enum core_channel channel)
{
    for (uint32_t i = 0; i < c->node_count; i++)
        core_send(c, i, channel);
}

void core_lie(struct core *c, uint32_t peer)
{
    must(peer < CORE_PEERS_MAX);
    c->peers[peer].lies++;
    c->peers[peer].bad_until_ms = c->mono_ms + CORE_BAD_MS;
}

uint64_t core_lies(const struct core *c, uint32_t peer)
{
    must(peer < CORE_PEERS_MAX);
    return c->peers[peer].lies;
}

/* --- events ----------------------------------------------------------------------------------- */

void core_push(struct core *c, enum consensus_event_kind kind, const struct hash *hash)
{
    must(c->queue_count < CORE_QUEUE_MAX);
    struct core_event *event = &c->queue[(c->queue_first + c->queue_count) % CORE_QUEUE_MAX];
    *event = (struct core_event){.kind = kind};
    if (hash != NULL) event->hash = *hash;
    c->queue_count++;
}

/* False: what it was about is gone. */
static void fill_advanced(struct core *c, struct consensus_event *event)
{
    struct core_sync *s = &c->sync;
    event->header = &c->final_header;
    event->final_cert = &s->apply_cert;
    event->res_cert = s->has_res_cert ? &s->res_cert : NULL;
    event->last_txs_height = c->last_txs_height;
    event->history = &c->history;
    event->mode = c->has_mode ? &c->mode : NULL;
    event->passed = s->passed;
    event->passed_count = s->passed_count;
    c->engine_final = c->final_height;
}

/* What catch-up executed before the engine knew of it: the newest tells all, but for the height as
 * of which a configuration waits. */
static bool fill_executed(struct core *c, struct consensus_event *event)
{
    uint64_t height = c->executed_height;
    uint64_t from = c->epoch.next_from;
    bool is_passed = from > c->engine_executed && from < height && from <= c->engine_final;
    const struct core_digest *d = core_digest_at(c, is_passed ? from : height);
    if (is_passed) core_push(c, CONSENSUS_ON_EXECUTED, NULL);
    if (d == NULL || d->height <= c->engine_executed || d->height > c->engine_final) return false;
    event->height = d->height;
    event->digest = d->chained;
    event->next_config = d->next_config;
    event->wanted_height = c->wanted_height;
    c->engine_executed = d->height;
    return true;
}

static bool fill_event(struct core *c, struct consensus_event *event, const struct core_event *e)
{
    *event = (struct consensus_event){.kind = e->kind, .hash = e->hash, .batch = e->batch};
    if (e->kind == CONSENSUS_ON_ADVANCED) fill_advanced(c, event);
    if (e->kind == CONSENSUS_ON_EXECUTED) return fill_executed(c, event);
    if (e->kind == CONSENSUS_ON_BATCH) event->notes = c->proposed_notes;
    if (e->kind != CONSENSUS_ON_BODY_OK) return true;
    const struct core_block *b = core_block_find(c, &e->hash);
    if (b == NULL) return false;
    event->header = &b->flow->header;
    event->final_cert = b->has_final_cert ? &b->final_cert : NULL;
    event->res_cert = b->has_res_cert ? &b->res_cert : NULL;
    event->notes = b->notes;
    return true;
}

static uint64_t cpu_ns(const struct core *c)
{
    return c->ports->cpu_ns == NULL ? 0 : c->ports->cpu_ns();
}

static enum status step_once(struct core *c, struct consensus_event *event)
{
    event->mono_ms = c->mono_ms;
    event->wall_ms = c->wall_ms;
    c->is_stepping = true;
    const uint64_t before = cpu_ns(c);
    enum status told = consensus_step(c->engine, event, c->effects);
    c->engine_ns += cpu_ns(c) - before;
    /* Events come from here, in order; a planted fault may have the engine run ahead of them. */
    must(told == ST_OK || told == ST_REJECTED || c->fault != FAULT_NONE);
    c->has_tip = false;
    if (told == ST_REJECTED) c->rejected++;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < c->effects->count && st == ST_OK; i++)
        st = perform(c, &c->effects->items[i]);
    if (st == ST_OK) st = flush_job(c);
    c->is_stepping = false;
    if (st != ST_OK) core_fail(c, st, "an effect of the agreement could not be performed");
    return told;
}

void core_step_queued(struct core *c)
{
    while (c->queue_count > 0 && !c->has_failed) {
        struct consensus_event event;
        struct core_event queued = c->queue[c->queue_first];
        c->queue_first = (c->queue_first + 1) % CORE_QUEUE_MAX;
        c->queue_count--;
        if (fill_event(c, &event, &queued)) (void)step_once(c, &event);
    }
}

enum status core_step(struct core *c, struct consensus_event *event)
{
    must(!c->is_stepping); /* I1 */
    core_step_queued(c);
    if (c->has_failed) return ST_CLOSED;
    enum status told = step_once(c, event);
    core_step_queued(c);
    return told;
}

/* --- effects ---------------------------------------------------------------------------------- */

struct storage_job *core_new_job(struct core *c, uint32_t slot, struct span record)
{
    struct storage_job *job = storage_job_new(c->mem, slot, record);
    if (job == NULL) core_fail(c, ST_NO_MEMORY, "no memory to write to disk");
    return job;
}

enum status core_submit(struct core *c, struct storage_job *job)
{
    struct core_block *hold = job->hold == NULL ? NULL : core_block_of(c, job->hold);
    struct core_block *append = job->append == NULL ? NULL : core_block_of(c, job->append);
    must((hold == NULL) == (job->hold == NULL));
    must((append == NULL) == (job->append == NULL));
    enum status st = c->ports->store(c->ports->context, job);
    if (st != ST_OK) {
        storage_job_free(c->mem, job);
        return st;
    }
    if (hold != NULL) hold->jobs++;
    if (append != NULL) append->jobs++;
    c->jobs_out++;
    core_tidy_submitted(c, job);
    return ST_OK;
}

static enum status flush_job(struct core *c)
{
    struct storage_job *job = c->job;
    c->job = NULL;
    return job == NULL ? ST_OK : core_submit(c, job);
}

/* The job being filled. */
static struct storage_job *open_job(struct core *c)
{
    if (c->job == NULL) c->job = storage_job_new(c->mem, 0, span_of(NULL, 0));
    return c->job;
}

static enum status hold(struct core *c, const struct consensus_effect *effect)
{
    struct core_block *b = core_block_find(c, &effect->hash);
    if (b == NULL && effect->height <= c->final_height) return ST_OK; /* Caught up with. */
    must(b != NULL); /* The engine holds only what it was told of. */
    TRY(flush_job(c));
    struct storage_job *job = open_job(c);
    if (job == NULL) return ST_NO_MEMORY;
    job->hold = b->flow;
    b->is_held = true;
    return ST_OK;
}

/* A record comes after the body that it names, in one job. */
static enum status write_record(struct core *c, const struct consensus_effect *effect)
{
    buf_reset(&c->record);
    if (effect->slot == CONSENSUS_SLOT_PROMISE) {
        consensus_record_encode(&c->record, effect->record);
        core_tidy_promised(c, effect->record);
    } else if (effect->view_change != NULL)
        view_change_encode(&c->record, effect->view_change);
    else
        cbor_put_null(&c->record);
    TRY(buf_status(&c->record));
    struct storage_job *job = storage_job_new(c->mem, (uint32_t)effect->slot, buf_span(&c->record));
    if (job == NULL) return ST_NO_MEMORY;
    if (c->job != NULL && c->job->record_size == 0) {
        job->hold = c->job->hold;
        storage_job_free(c->mem, c->job);
        c->job = NULL;
    }
    enum status st = flush_job(c);
    c->job = job;
    return st;
}

static enum status sync_job(struct core *c, uint64_t lsn)
{
    struct storage_job *job = open_job(c);
    if (job == NULL) return ST_NO_MEMORY;
    job->needs_sync = c->fault != FAULT_JOURNAL_NOSYNC;
    job->lsn = lsn;
    return flush_job(c);
}

static void check_durable(const struct core *c, const struct consensus_effect *effect)
{
    if (c->fault == FAULT_VOTE_BEFORE_DURABLE) return;
    must(effect->after_lsn <= c->durable_lsn);
}

/* The engine knows voters alone. */
static uint32_t receiver_of(const struct consensus_effect *effect)
{
    return effect->peer == NODES_MAX ? CORE_NOBODY : effect->peer;
}

/* Who was away when its key was exchanged knows the key of before, and so do we: it hears that
 * there is a newer epoch, and then asks for the blocks that lead there. */
static void show_late(struct core *c)
{
    for (uint32_t i = c->node_count; i < CORE_PEERS_MAX && c->peers[i].has_key; i++)
        if (c->peers[i].is_late) core_send(c, i, CORE_URGENT);
}

static void send_message(struct core *c, const struct consensus_effect *effect)
{
    const struct consensus_message *m = effect->message;
    check_durable(c, effect);
    if (m->kind == CONSENSUS_PROPOSAL) {
        struct hash hash = header_hash(&m->proposal.header);
        const struct core_block *b = core_block_find(c, &hash);
        if (b != NULL && b->has_sig) {
            core_block_send(c, b, receiver_of(effect));
            return;
        }
    }
    buf_reset(&c->out);
    wire_begin(&c->out, WIRE_CONSENSUS);
    consensus_message_encode(&c->out, m);
    if (effect->peer == NODES_MAX)
        core_send_all(c, CORE_URGENT);
    else if (core_is_usable(c, effect->peer))
        core_send(c, effect->peer, CORE_URGENT);
    else
        core_relay_send(c, effect->peer);
    if (effect->peer == NODES_MAX && m->kind == CONSENSUS_STATUS) show_late(c);
}

static enum status make_final(struct core *c, const struct consensus_effect *effect)
{
    if (effect->height > c->engine_final) c->engine_final = effect->height;
    if (effect->height <= c->final_height) return ST_OK; /* Catch-up was faster. */
    struct core_block *b = core_block_find(c, &effect->hash);
    if (b == NULL) return ST_NOT_FOUND;
    TRY(flush_job(c));
    struct storage_job *job = open_job(c);
    if (job == NULL) return ST_NO_MEMORY;
    /* The next record names it as final: what this node did not vote for is held by now, too. */
    if (!b->is_held) job->hold = b->flow;
    job->append = b->flow;
    TRY(flush_job(c));
    TRY(core_block_final(c, b, effect->final_cert));
    c->execute_gate = c->final_height;
    return ST_OK;
}

static void drop(struct core *c, const struct hash *hash)
{
    struct core_block *b = core_block_find(c, hash);
    if (b != NULL) core_block_drop(c, b);
}

static void open_view(struct core *c, const struct consensus_effect *effect)
{
    c->open_view = effect->view;
    buf_reset(&c->new_view);
    if (effect->message == NULL) return;
    wire_begin(&c->new_view, WIRE_CONSENSUS);
    consensus_message_encode(&c->new_view, effect->message);
    if (buf_status(&c->new_view) != ST_OK) buf_reset(&c->new_view);
    pool_visit_again(c->pool); /* The new leader hears of what is late. */
}

static enum status perform(struct core *c, const struct consensus_effect *effect)
{
    switch (effect->kind) {
    case CONSENSUS_NEED_BATCH: return core_block_batch(c, effect);
    case CONSENSUS_PROPOSE: check_durable(c, effect); return core_block_propose(c, effect);
    case CONSENSUS_GET_BODY:
    case CONSENSUS_GET_BLOCK: core_body_want(c, effect); return ST_OK;
    case CONSENSUS_HOLD: return hold(c, effect);
    case CONSENSUS_WRITE: return write_record(c, effect);
    case CONSENSUS_SYNC: return sync_job(c, effect->lsn);
    case CONSENSUS_SEND: send_message(c, effect); return ST_OK;
    case CONSENSUS_FINAL: return make_final(c, effect);
    case CONSENSUS_RESULT: core_result(c, effect->height, effect->res_cert); return ST_OK;
    case CONSENSUS_DROP: drop(c, &effect->hash); return ST_OK;
    case CONSENSUS_OPEN: open_view(c, effect); return ST_OK;
    case CONSENSUS_BEHIND: core_sync_start(c, effect->height, effect->peers); return ST_OK;
    case CONSENSUS_EVIDENCE: core_evidence_keep(c, effect->evidence); return ST_OK;
    case CONSENSUS_EPOCH_END: core_epoch_end(c, effect->final_cert, effect->res_cert); return ST_OK;
    case CONSENSUS_ALARM: return ST_OK; /* consensus_stand_of shows it. */
    }
    return ST_INVALID;
}

/* --- life ------------------------------------------------------------------------------------- */

static void init_buffers(struct core *c)
{
    buf_init(&c->gossip, c->mem, 0);
    buf_init(&c->relay.txs, c->mem, 0);
    buf_init(&c->out, c->mem, 0);
    buf_init(&c->items, c->mem, 0);
    buf_init(&c->record, c->mem, JOURNAL_RECORD_MAX);
    buf_init(&c->part, c->mem, 0);
    buf_init(&c->new_view, c->mem, 0);
    buf_init(&c->epoch.next, c->mem, CONFIG_BYTES_MAX);
    buf_init(&c->epoch.links, c->mem, EPOCH_BYTES_MAX);
    buf_init(&c->epoch.ends, c->mem, 0);
    arena_init(&c->epoch.arena, c->mem, 0);
}

static enum status allocate(struct core *c)
{
    c->effects = mem_alloc(c->mem, sizeof *c->effects);
    c->message = mem_alloc(c->mem, sizeof *c->message);
    c->wire = mem_alloc(c->mem, sizeof *c->wire);
    c->answer = mem_alloc(c->mem, sizeof *c->answer);
    c->batch =
        mem_alloc_zero(c->mem, c->config.engine.block_txs_max + 1u, sizeof(struct flow_tx *));
    c->proofs = mem_alloc_zero(c->mem, CORE_EVIDENCE_MAX, sizeof *c->proofs);
    c->incidents = mem_alloc_zero(c->mem, CORE_INCIDENTS_MAX, sizeof *c->incidents);
    c->commits = mem_alloc(c->mem, CORE_COMMITS * sizeof *c->commits);
    for (uint32_t i = 0; c->commits != NULL && i < CORE_COMMITS; i++)
        c->commits[i].header.height = 0; /* None; the rest is large and unused as long. */
    bool is_complete = c->effects != NULL && c->message != NULL && c->wire != NULL &&
                       c->answer != NULL && c->batch != NULL && c->proofs != NULL &&
                       c->incidents != NULL && c->commits != NULL;
    return is_complete ? ST_OK : ST_NO_MEMORY;
}

/* The header of the newest final block: its child is measured against it. */
static enum status read_tip(struct core *c)
{
    if (c->final_height == 0) return ST_OK;
    struct span header;
    struct span body;
    buf_reset(&c->part);
    TRY(c->ports->read_block(c->ports->context, c->final_height, &c->part));
    if (block_split(buf_span(&c->part), &header, &body) != ST_OK) return ST_CORRUPT;
    struct cbor in = cbor_of(header);
    header_decode(&c->final_header, &in);
    if (cbor_end(&in) != ST_OK) return ST_CORRUPT;
    struct hash hash = hash_of("hdr", header);
    return hash_equal(&hash, &c->final_hash) ? ST_OK : ST_CORRUPT;
}

static void copy_start(struct core *c, const struct consensus_start *start)
{
    c->final_height = start->height;
    c->final_hash = start->hash;
    c->final_cert = start->final_cert;
    c->history = start->history;
    c->has_mode = start->mode != NULL;
    if (c->has_mode) c->mode = *start->mode;
    if (c->has_mode) c->convicted = c->mode.convicted;
    if (c->has_mode) c->diverged = c->mode.diverged;
    c->last_txs_height = start->last_txs_height;
    c->wanted_height = start->wanted_height;
    c->stored_height = start->height;
    c->execute_gate = start->height;
    c->execute_next = start->executed_height + 1;
    c->executed_height = start->executed_height;
    c->answered_height = start->executed_height;
    c->engine_final = start->height;
    c->engine_executed = start->executed_height;
    c->result_height = start->res_height;
    for (uint32_t i = 0; i < start->digest_count; i++) {
        uint64_t height = start->executed_height - i;
        c->digests[height % CORE_DIGESTS] =
            (struct core_digest){.height = height, .chained = start->digests[i]};
        if (height == 0) break;
    }
}

static enum status take_held(struct core *c, const struct core_start *start)
{
    for (uint32_t i = 0; i < start->held_count; i++) {
        struct core_block *b = NULL;
        TRY(core_block_decode(c, start->held[i], &b));
        b->is_held = true;
        TRY(pool_mark(start->pool, b->flow, c->mono_ms));
        if (b->has_res_cert) core_push(c, CONSENSUS_ON_BODY_OK, &b->flow->hash);
    }
    return ST_OK;
}

enum status core_new(struct core **out,
                     const struct core_config *config,
                     const struct core_start *start)
{
    struct core *c = mem_alloc_zero(config->mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->config = *config;
    c->ports = config->ports;
    c->mem = config->mem;
    c->fault = config->engine.fault;
    init_buffers(c);
    copy_start(c, &start->engine);
    core_look_at_clocks(c);
    c->appended_ms = c->mono_ms; /* What the last run left is settled soon, too. */
    enum status st = core_epoch_open(c, start);
    if (st == ST_OK) st = allocate(c);
    if (st == ST_OK) st = read_tip(c);
    if (st == ST_OK) st = take_held(c, start);
    if (st == ST_OK) st = core_epoch_engine(c, &start->engine);
    if (st != ST_OK) {
        core_free(c);
        return st;
    }
    c->pool = start->pool;
    core_relay_restart(c);
    core_reads_start(c);
    if (c->fault == FAULT_DEDUPE_OFF) pool_forget_ids(c->pool);
    *out = c;
    return ST_OK;
}

static void free_peers(struct core *c)
{
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++) {
        struct core_peer *p = &c->peers[i];
        for (uint32_t k = 0; k < p->backlog_count; k++)
            flow_tx_free(p->backlog[(p->backlog_first + k) % CORE_BACKLOG_MAX]);
        mem_free(c->mem, p->backlog);
    }
}

void core_free(struct core *c)
{
    if (c == NULL) return;
    core_sync_free(c);
    for (uint32_t i = 0; i < CORE_BODIES_MAX; i++)
        if (c->bodies[i] != NULL) core_body_free(c, c->bodies[i]);
    while (c->block_count > 0)
        core_block_free(c, c->blocks[c->block_count - 1]);
    flow_block_free(c->proposed);
    mem_free(c->mem, c->proposed_notes);
    storage_job_free(c->mem, c->job);
    free_peers(c);
    pool_free(c->pool);
    consensus_free(c->engine);
    core_evidence_free(c);
    core_epoch_free(c);
    mem_wipe(&c->config.engine.node_key, sizeof c->config.engine.node_key);
    buf_fini(&c->gossip);
    buf_fini(&c->relay.txs);
    buf_fini(&c->out);
    buf_fini(&c->items);
    buf_fini(&c->record);
    buf_fini(&c->part);
    buf_fini(&c->new_view);
    mem_free(c->mem, c->effects);
    mem_free(c->mem, c->message);
    mem_free(c->mem, c->wire);
    mem_free(c->mem, c->answer);
    mem_free(c->mem, c->batch);
    mem_free(c->mem, c->proofs);
    mem_free(c->mem, c->incidents);
    mem_free(c->mem, c->commits);
    mem_free(c->mem, c);
}

/* --- what arrives ----------------------------------------------------------------------------- */

/* What is in flight may become final yet, if the others are there. */
static void stop_engine(struct core *c)
{
    struct consensus_stand stand;
    if (c->is_engine_stopped || c->has_failed) return;
    consensus_stand_of(c->engine, &stand, c->mono_ms);
    bool is_in_flight =
        stand.tip_height > stand.final_height || c->answered_height < c->final_height;
    if (is_in_flight && c->mono_ms - c->stop_ms < CORE_STOP_MS) return;
    c->is_engine_stopped = true;
    struct consensus_event event = {.kind = CONSENSUS_ON_STOP};
    (void)core_step(c, &event);
    core_execute(c);
}

static bool is_leader(const struct core *c)
{
    struct consensus_stand stand;
    consensus_stand_of(c->engine, &stand, c->mono_ms);
    return stand.leader == c->self;
}

void core_tick(struct core *c)
{
    if (c->has_failed) return;
    core_look_at_clocks(c);
    core_gossip_tick(c);
    core_relay_tick(c);
    core_body_tick(c);
    core_sync_tick(c);
    core_execute(c);
    core_serve(c);
    core_sweep(c);
    core_tidy(c);
    core_reads_tick(c);
    core_reports_tick(c);
    core_incidents_tick(c);
    if (c->has_failed) return;
    if (c->is_stopping) {
        core_step_queued(c);
        stop_engine(c);
        return;
    }
    if (core_block_follow_line(c) != ST_OK) {
        core_fail(c, ST_NO_MEMORY, "no memory for a block's transactions");
        return;
    }
    uint64_t oldest = pool_oldest_ms(c->pool);
    uint32_t waiting = pool_waiting(c->pool);
    if (waiting == 0 && core_incidents_wait(c) && (is_leader(c) || core_incidents_are_late(c))) {
        waiting = 1; /* Worth a block of their own. */
        oldest = c->mono_ms;
    }
    struct consensus_event event = {.kind = CONSENSUS_ON_TICK,
                                    .waiting = waiting,
                                    .oldest_wait_ms = waiting == 0 ? 0 : c->mono_ms - oldest};
    (void)core_step(c, &event);
    core_execute(c);
    core_epoch_settle(c);
}

/* Who only follows says nothing from which it could be seen that it missed a view. */
static void show_view(struct core *c, uint32_t peer)
{
    if (c->new_view.size == 0 || peer >= c->node_count) return;
    buf_reset(&c->out);
    buf_put(&c->out, buf_span(&c->new_view));
    core_send(c, peer, CORE_URGENT);
}

void core_on_peer(struct core *c, uint32_t peer, bool is_up)
{
    must(peer < CORE_PEERS_MAX);
    if (c->has_failed || peer == c->self) return;
    core_look_at_clocks(c);
    c->peers[peer].is_up = is_up;
    if (is_up) {
        c->peers[peer].up_height = c->final_height;
        c->peers[peer].said_final = 0;
        c->peers[peer].view_sent_ms = 0;
        core_gossip_to(c, peer);
        core_evidence_to(c, peer);
        core_incidents_to(c, peer);
        core_report_to(c, peer);
        if (peer >= c->n) show_view(c, peer);
    } else {
        c->peers[peer].question_count = 0;
    }
    core_relay_on_peer(c, peer);
    if (peer >= c->n) return; /* Who does not vote is nothing to the engine. */
    struct consensus_event event = {.kind = CONSENSUS_ON_PEER, .from = peer, .is_up = is_up};
    (void)core_step(c, &event);
}

static enum core_channel channel_of(enum wire_kind kind)
{
    switch (kind) {
    case WIRE_CONSENSUS:
    case WIRE_PROPOSAL:
    case WIRE_GET_TXS:
    case WIRE_GET_BLOCK:
    case WIRE_GET_HEIGHT:
    case WIRE_HEIGHT:
    case WIRE_LINKS: return CORE_URGENT;
    case WIRE_TXS:
    case WIRE_TXS_FOUND:
    case WIRE_BLOCK_PART: return CORE_TXS;
    case WIRE_GET_CHAIN:
    case WIRE_CHAIN:
    case WIRE_EVIDENCE:
    case WIRE_INCIDENT:
    case WIRE_REPORT:
    case WIRE_JOIN:
    case WIRE_WELCOME:
    case WIRE_GET_HISTORY:
    case WIRE_HISTORY:
    case WIRE_GET_SNAPSHOT:
    case WIRE_SNAPSHOT:
    case WIRE_GET_PIECE:
    case WIRE_PIECE: return CORE_BULK;
    }
    return CORE_BULK;
}

/* A peer in an older view, or waiting for ours to open, gets the message that opened it. */
static void help_along(struct core *c, uint32_t peer, const struct status_report *s)
{
    if (s->sender != peer || c->new_view.size == 0) return;
    bool is_behind = s->view < c->open_view || (s->view == c->open_view && !s->is_open);
    struct core_peer *p = &c->peers[peer];
    if (!is_behind || c->mono_ms - p->view_sent_ms < CORE_VIEW_AGAIN_MS) return;
    p->view_sent_ms = c->mono_ms;
    buf_reset(&c->out);
    buf_put(&c->out, buf_span(&c->new_view));
    core_send(c, peer, CORE_URGENT);
}

/* A peer is in a newer epoch: the blocks that lead there are asked for, from it. What it says may
 * be false; then it costs a question now and then. */
static void note_epoch(struct core *c, uint32_t peer, const struct status_report *s)
{
    struct core_peer *p = &c->peers[peer];
    if (s->epoch <= c->config.engine.epoch) return;
    if (p->epoch_at_ms != 0 && c->mono_ms - p->epoch_at_ms < CORE_ASK_MS) return;
    p->epoch_at_ms = c->mono_ms;
    uint64_t most = c->final_height + CORE_SYNC_MAX;
    uint64_t height = s->final_height < most ? s->final_height : most;
    if (height <= c->final_height) height = c->final_height + 1;
    core_sync_start(c, height, (uint64_t)1 << peer);
}

/* Of another validator of this epoch (core_relay.c). */
static bool is_passed_on(const struct core *c, uint32_t peer, const struct status_report *s)
{
    return peer < c->n && s->epoch == c->config.engine.epoch && s->sender != peer;
}

static enum status on_consensus(struct core *c, uint32_t peer, struct span bytes)
{
    if (consensus_message_decode(c->message, bytes) != ST_OK) return ST_INVALID;
    core_relay_message(c, peer, bytes);
    if (c->message->kind == CONSENSUS_STATUS && !is_passed_on(c, peer, &c->message->status)) {
        note_epoch(c, peer, &c->message->status);
        struct core_peer *p = &c->peers[peer];
        p->said_final = c->message->status.final_height;
        p->is_late = peer >= c->node_count && c->message->status.final_height < p->serve_max;
    }
    struct consensus_event event = {
        .kind = CONSENSUS_ON_MESSAGE, .from = peer, .message = c->message};
    if (peer >= c->n) return ST_OK; /* Those that vote alone are heard. */
    enum status told = core_step(c, &event);
    if (told == ST_OK && c->message->kind == CONSENSUS_STATUS)
        help_along(c, peer, &c->message->status);
    return ST_OK;
}

static enum status on_proposal(struct core *c, uint32_t peer, const struct wire_proposal *p)
{
    if (peer >= c->n) return ST_OK;
    /* Another epoch may allow more: its blocks come by catch-up. */
    bool is_of_epoch = p->proposal.header.epoch == c->config.engine.epoch;
    if (p->proposal.header.tx_count > c->config.engine.block_txs_max)
        return is_of_epoch ? ST_INVALID : ST_OK;
    c->message->kind = CONSENSUS_PROPOSAL;
    c->message->proposal = p->proposal;
    c->compact = p;
    c->compact_from = peer;
    c->compact_hash = header_hash(&p->proposal.header);
    struct consensus_event event = {
        .kind = CONSENSUS_ON_MESSAGE, .from = peer, .message = c->message};
    enum status told = core_step(c, &event);
    if (!c->has_failed) core_body_keep_compact(c, peer, told == ST_OK);
    c->compact = NULL;
    return ST_OK;
}

static enum status on_decoded(struct core *c, uint32_t peer, struct wire_message *m)
{
    struct core_question question = {.kind = QUESTION_BLOCK};
    switch (m->kind) {
    case WIRE_CONSENSUS: return on_consensus(c, peer, m->bytes);
    case WIRE_PROPOSAL: return on_proposal(c, peer, &m->proposal);
    case WIRE_TXS: core_on_txs(c, peer, &m->txs); return ST_OK;
    case WIRE_GET_TXS: core_on_get_txs(c, peer, &m->get_txs); return ST_OK;
    case WIRE_TXS_FOUND: core_on_txs_found(c, peer, &m->txs_found); return ST_OK;
    case WIRE_GET_BLOCK:
        question.block = m->get_block;
        core_on_question(c, peer, &question);
        return ST_OK;
    case WIRE_BLOCK_PART: core_on_block_part(c, peer, &m->block_part); return ST_OK;
    case WIRE_GET_CHAIN:
        question.kind = QUESTION_CHAIN;
        question.chain = m->get_chain;
        core_on_question(c, peer, &question);
        return ST_OK;
    case WIRE_CHAIN: return core_on_chain(c, peer, &m->chain);
    case WIRE_EVIDENCE: return core_on_evidence(c, peer, m->bytes);
    case WIRE_INCIDENT: return core_on_incident(c, m->bytes);
    case WIRE_GET_HEIGHT: core_on_get_height(c, peer, &m->get_height); return ST_OK;
    case WIRE_HEIGHT: core_on_height(c, peer, &m->height); return ST_OK;
    case WIRE_REPORT: core_on_report(c, peer, &m->report); return ST_OK;
    case WIRE_LINKS: core_on_links(c, peer, &m->links); return ST_OK;
    case WIRE_GET_HISTORY: /* Answered beside the core (snapshot_server); or too late. */
    case WIRE_HISTORY:
    case WIRE_GET_SNAPSHOT:
    case WIRE_SNAPSHOT:
    case WIRE_GET_PIECE:
    case WIRE_PIECE: return ST_OK;
    case WIRE_JOIN: /* Of guests and to them: no member says it. */
    case WIRE_WELCOME: break;
    }
    return ST_INVALID;
}

enum status core_on_message(struct core *c,
                            uint32_t peer,
                            enum core_channel channel,
                            struct span bytes)
{
    must(peer < CORE_PEERS_MAX);
    must(peer != c->self);
    if (c->has_failed) return ST_OK;
    core_look_at_clocks(c);
    if (wire_decode(c->wire, bytes) != ST_OK) return ST_INVALID;
    if (channel_of(c->wire->kind) != channel) return ST_INVALID;
    enum status st = on_decoded(c, peer, c->wire);
    core_step_queued(c);
    core_epoch_settle(c);
    return st;
}

void core_on_tx(struct core *c, struct flow_tx *t)
{
    if (t->source == FLOW_LOCAL) {
        if (!c->has_failed) core_look_at_clocks(c);
        core_on_client_tx(c, t);
        return;
    }
    must(c->verify_out > 0);
    c->verify_out--;
    if (!c->has_failed) core_look_at_clocks(c);
    if (t->source == FLOW_BODY)
        core_body_on_tx(c, t);
    else
        core_on_client_tx(c, t);
}

static void note_stored(struct core *c, const struct flow_block *flow)
{
    if (flow == NULL) return;
    struct core_block *b = core_block_of(c, flow);
    must(b != NULL);
    must(b->jobs > 0); /* I3 */
    b->jobs--;
}

void core_on_stored(struct core *c, struct storage_job *job)
{
    must(c->jobs_out > 0);
    c->jobs_out--;
    bool is_stale = c->jobs_stale > 0; /* Jobs come back in order. */
    if (is_stale) c->jobs_stale--;
    note_stored(c, job->hold);
    note_stored(c, job->append);
    struct core_block *hold_block = job->hold == NULL ? NULL : core_block_of(c, job->hold);
    if (job->append != NULL && job->status == ST_OK) c->stored_height = job->append->header.height;
    enum status st = job->status;
    uint64_t lsn = job->lsn;
    bool is_settled = job->append != NULL && job->needs_settle;
    c->is_crowded = c->is_crowded || job->is_crowded;
    struct core_block *append_block = job->append == NULL ? NULL : core_block_of(c, job->append);
    storage_job_free(c->mem, job);
    if (hold_block != NULL) core_block_leave(c, hold_block);
    if (append_block != NULL && append_block != hold_block) core_block_leave(c, append_block);
    if (c->has_failed) return;
    core_look_at_clocks(c);
    if (st != ST_OK) {
        core_fail(c, st, "blocks could not be written");
        return;
    }
    if (is_settled) core_sync_stored(c);
    if (lsn > 0 && !is_stale) {
        c->durable_lsn = lsn;
        struct consensus_event event = {.kind = CONSENSUS_ON_PERSISTED, .lsn = lsn};
        (void)core_step(c, &event);
    }
    core_execute(c);
    core_epoch_settle(c);
}

/* --- stopping --------------------------------------------------------------------------------- */

static void refuse_stopping(struct core *c, struct flow_tx *t)
{
    struct diag d = {0};
    diag_set(&d, "57P01", "the node is shutting down");
    diag_hint(&d, "Whether the transaction took effect is told by trustsql.transactions when this "
                  "node is back.");
    core_refuse(c, t, ST_CLOSED, &d);
}

void core_stop(struct core *c)
{
    c->is_stopping = true;
    c->stop_ms = c->mono_ms;
    for (struct flow_tx *t = pool_drain_waiting(c->pool); t != NULL;
         t = pool_drain_waiting(c->pool))
        refuse_stopping(c, t);
}

bool core_is_idle(const struct core *c)
{
    if (c->jobs_out > 0 || c->executing > 0 || c->verify_out > 0) return false;
    return c->has_failed || (c->is_engine_stopped && c->execute_next > c->final_height);
}

void core_refuse_rest(struct core *c)
{
    c->is_stopping = true;
    core_reads_end(c);
    for (struct flow_tx *t = pool_drain(c->pool); t != NULL; t = pool_drain(c->pool))
        refuse_stopping(c, t);
    for (uint32_t i = 0; i < c->block_count; i++) {
        const struct core_block *b = c->blocks[i];
        if (b->state != BLOCK_FINAL) continue; /* I5 */
        for (uint32_t k = 0; k < b->flow->tx_count; k++)
            if (b->flow->txs[k]->ticket != NULL) refuse_stopping(c, flow_tx_ref(b->flow->txs[k]));
    }
}
