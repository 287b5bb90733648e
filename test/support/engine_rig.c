#include "support/engine_rig.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/engine_rig_int.h"

static void look_for_epoch(struct engine_rig *r, uint32_t node);
static void catch_up(struct engine_rig *r, uint32_t node, uint32_t peers);
static void perform(struct engine_rig *r, uint32_t node);
static void perform_one(struct engine_rig *r, uint32_t node, const struct consensus_effect *e);

/* --- making and ending --- */

struct engine_rig *engine_rig_new(const struct engine_rig_options *options)
{
    struct engine_rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->options = *options;
    r->rng.state = options->seed;
    r->signer = engine_rig_signer_new();
    r->chain_id = hash_of("rig chain", span_text("x"));
    r->now_ms = 1000;
    r->blocks = calloc(RIG_BLOCKS_MAX, sizeof *r->blocks);
    r->jobs = calloc(RIG_JOBS_MAX, sizeof *r->jobs);
    assert_non_null(r->blocks);
    assert_non_null(r->jobs);
    r->total = options->nodes > options->count ? options->nodes : options->count;
    r->epochs[0].validators = rig_validators_of(r, options->count, 0);
    for (uint32_t i = 0; i < r->total; i++)
        rig_start_node(r, i, 100 + i);
    return r;
}

void engine_rig_free(struct engine_rig *r)
{
    for (uint32_t i = 0; i < r->total; i++) {
        rig_check_mode(r, i);
        consensus_free(r->nodes[i].engine);
    }
    for (uint32_t i = 0; i < r->job_count; i++)
        free(r->jobs[i].message);
    signer_free(r->signer);
    free(r->jobs);
    for (uint32_t i = 0; i < r->block_count; i++)
        mem_free(mem_system(), r->blocks[i].notes);
    free(r->blocks);
    free(r);
}

/* --- blocks of the world --- */

static struct rig_block *find_block(struct engine_rig *r, const struct hash *hash)
{
    for (uint32_t i = r->block_count; i > 0; i--)
        if (hash_equal(&r->blocks[i - 1].hash, hash)) return &r->blocks[i - 1];
    return NULL;
}

struct rig_block *rig_get_block(struct engine_rig *r, const struct hash *hash)
{
    struct rig_block *b = find_block(r, hash);
    must(b != NULL);
    return b;
}

static struct rig_block *add_block(struct engine_rig *r, const struct header *h)
{
    struct hash hash = header_hash(h);
    struct rig_block *b = find_block(r, &hash);
    if (b != NULL) return b;
    assert_true(r->block_count < RIG_BLOCKS_MAX);
    b = &r->blocks[r->block_count++];
    *b = (struct rig_block){.hash = hash, .header = *h};
    return b;
}

struct hash rig_digest_of(const struct hash *before, const struct hash *block)
{
    struct hasher h;
    hash_init(&h, "rig digest");
    hash_add_hash(&h, before);
    hash_add_hash(&h, block);
    return hash_final(&h);
}

/* --- crashes --- */

/* Final blocks that no sync followed are gone; those that were held are still held. */
static void lose_blocks(struct engine_rig *r, struct rig_node *n)
{
    n->final_count = n->final_synced;
    n->final_txs = 0;
    n->history = (struct merkle_tree){0};
    for (uint64_t h = 1; h <= n->final_count; h++) {
        const struct rig_block *b = &r->blocks[n->chain[h]];
        n->final_txs += b->header.tx_count;
        struct hash leaf = merkle_leaf(hash_span(&b->hash));
        merkle_tree_add(&n->history, &leaf);
    }
}

void engine_rig_crash(struct engine_rig *r, uint32_t node, bool keeps)
{
    struct rig_node *n = &r->nodes[node];
    assert_non_null(n->engine);
    consensus_free(n->engine);
    n->engine = NULL;
    n->life++;
    n->is_ending = false;
    n->crash_count = 0;
    n->is_crashing = false;
    if (!keeps) lose_blocks(r, n);
    if (keeps) {
        n->durable = n->written;
        for (uint32_t i = 0; i < n->hold_count; i++)
            r->blocks[n->holds[i]].held |= 1u << node;
    }
    for (uint32_t i = 0; i < r->block_count; i++) {
        r->blocks[i].here &= ~(1u << node);
        r->blocks[i].line &= ~(1u << node);
        if ((r->blocks[i].held >> node & 1u) != 0) r->blocks[i].here |= 1u << node;
    }
}

void engine_rig_restart(struct engine_rig *r, uint32_t node)
{
    struct rig_node *n = &r->nodes[node];
    assert_null(n->engine);
    if (n->has_kept) n->durable = n->kept;
    n->has_kept = false;
    rig_start_node(r, node, test_rng_u64(&r->rng));
}

void engine_rig_keep_journal(struct engine_rig *r, uint32_t node)
{
    r->nodes[node].kept = r->nodes[node].durable;
    r->nodes[node].has_kept = true;
}

void engine_rig_crash_at(struct engine_rig *r, uint32_t node, uint32_t count, bool keeps)
{
    r->nodes[node].crash_count = count;
    r->nodes[node].crash_keeps = keeps;
}

uint32_t engine_rig_writes_left(const struct engine_rig *r, uint32_t node)
{
    return r->nodes[node].crash_count;
}

bool engine_rig_is_up(const struct engine_rig *r, uint32_t node)
{
    return r->nodes[node].engine != NULL;
}

/* --- jobs --- */

static struct job *add_job(struct engine_rig *r, enum job_kind kind, uint32_t node, uint64_t in_ms)
{
    assert_true(r->job_count < RIG_JOBS_MAX);
    struct job *j = &r->jobs[r->job_count++];
    *j = (struct job){.kind = kind,
                      .due_ms = r->now_ms + in_ms,
                      .order = r->order++,
                      .node = node,
                      .life = r->nodes[node].life};
    return j;
}

static size_t message_size(const struct consensus_message *m)
{
    size_t head = offsetof(struct consensus_message, vote);
    switch (m->kind) {
    case CONSENSUS_PROPOSAL: return head + sizeof m->proposal;
    case CONSENSUS_VOTE: return head + sizeof m->vote;
    case CONSENSUS_VIEW_CHANGE: return head + sizeof m->view_change;
    case CONSENSUS_NEW_VIEW: return head + sizeof m->new_view;
    case CONSENSUS_STATUS: return head + sizeof m->status;
    }
    return sizeof *m;
}

/* As large as its kind needs: the largest kind is half a megabyte. */
static struct consensus_message *copy_message(const struct consensus_message *m)
{
    struct consensus_message *copy = malloc(message_size(m));
    assert_non_null(copy);
    if (m->kind == CONSENSUS_NEW_VIEW) {
        size_t head = offsetof(struct consensus_message, new_view.vcs);
        memcpy(copy, m, head + m->new_view.vc_count * sizeof m->new_view.vcs[0]);
        copy->new_view.height = m->new_view.height;
        copy->new_view.hash = m->new_view.hash;
        copy->new_view.has_word = m->new_view.has_word;
        copy->new_view.word = m->new_view.word;
        copy->new_view.sig = m->new_view.sig;
        return copy;
    }
    memcpy(copy, m, message_size(m));
    return copy;
}

static void post(struct engine_rig *r,
                 uint32_t from,
                 uint32_t to,
                 const struct consensus_message *m)
{
    if (r->cut[from][to]) return;
    if (r->filter != NULL && !r->filter(r->filter_context, from, to, m)) return;
    if (test_rng_below(&r->rng, 1000) < r->options.loss_permille) return;
    uint32_t copies = test_rng_below(&r->rng, 1000) < r->options.copy_permille ? 2 : 1;
    for (uint32_t i = 0; i < copies; i++) {
        uint64_t delay = test_rng_below(&r->rng, r->options.delay_ms_max + 1);
        struct job *j = add_job(r, JOB_MESSAGE, to, delay);
        j->from = from;
        j->message = copy_message(m);
    }
}

static void send_to(struct engine_rig *r,
                    uint32_t from,
                    uint32_t peer,
                    const struct consensus_message *m)
{
    for (uint32_t i = 0; i < r->total; i++)
        if (i != from && (peer == NODES_MAX || peer == i)) post(r, from, i, m);
}

/* --- steps --- */

enum status engine_rig_step(struct engine_rig *r, uint32_t node, struct consensus_event *event)
{
    struct rig_node *n = &r->nodes[node];
    assert_non_null(n->engine);
    event->mono_ms = r->now_ms;
    event->wall_ms = RIG_TIME_MS + r->now_ms + n->skew_ms;
    enum status st = consensus_step(n->engine, event, &r->effects);
    assert_true(st == ST_OK || st == ST_REJECTED);
    if (r->options.is_traced) {
        struct hash state = consensus_digest(n->engine);
        r->trace = rig_digest_of(&r->trace, &state);
    }
    perform(r, node);
    return st;
}

static uint32_t waiting_at(const struct engine_rig *r, uint32_t node)
{
    uint64_t in_flight = 0;
    for (uint32_t i = 0; i < r->block_count; i++)
        if ((r->blocks[i].line >> node & 1u) != 0) in_flight += r->blocks[i].header.tx_count;
    uint64_t gone = r->nodes[node].final_txs + in_flight;
    uint32_t waiting = gone < r->submitted ? (uint32_t)(r->submitted - gone) : 0;
    uint32_t most = r->nodes[node].throttle;
    return most > 0 && waiting > most ? most : waiting;
}

static void tick(struct engine_rig *r, uint32_t node)
{
    struct rig_node *n = &r->nodes[node];
    if (n->engine == NULL) return;
    struct consensus_event event = {.kind = CONSENSUS_ON_TICK, .waiting = waiting_at(r, node)};
    if (event.waiting == 0) n->waiting_since_ms = r->now_ms;
    event.oldest_wait_ms = r->now_ms - n->waiting_since_ms;
    if (event.oldest_wait_ms < r->options.pressed_ms) event.oldest_wait_ms = r->options.pressed_ms;
    (void)engine_rig_step(r, node, &event);
    if (n->engine != NULL) look_for_epoch(r, node);
}

static void give_body(struct engine_rig *r, uint32_t node, uint32_t index)
{
    struct rig_block *b = &r->blocks[index];
    struct consensus_event event = {.kind =
                                        b->is_bad ? CONSENSUS_ON_BODY_BAD : CONSENSUS_ON_BODY_OK,
                                    .header = &b->header,
                                    .hash = b->hash,
                                    .final_cert = b->has_final_cert ? &b->final_cert : NULL,
                                    .res_cert = b->has_res_cert ? &b->res_cert : NULL,
                                    .notes = b->notes};
    b->here |= 1u << node;
    (void)engine_rig_step(r, node, &event);
}

/* The peer shows that the last block here is the last of the epoch. */
static void leave_epoch(struct engine_rig *r, uint32_t node, const struct rig_node *peer)
{
    struct rig_node *n = &r->nodes[node];
    if (n->executed < n->final_count) return;
    n->end_final = peer->epoch_cert[n->epoch];
    n->end_result = peer->epoch_result[n->epoch];
    n->is_ending = true;
    rig_switch_epoch(r, node);
}

/* Others are in a later epoch, whose messages its engine does not read. */
static void look_for_epoch(struct engine_rig *r, uint32_t node)
{
    struct rig_node *n = &r->nodes[node];
    if (n->epoch >= r->epoch || r->now_ms - n->caught_ms < 500) return;
    n->caught_ms = r->now_ms;
    catch_up(r, node, UINT32_MAX >> 1);
}

static const struct rig_node *best_peer(const struct engine_rig *r, uint32_t node, uint32_t peers)
{
    const struct rig_node *best = NULL;
    for (uint32_t i = 0; i < r->total; i++) {
        const struct rig_node *n = &r->nodes[i];
        bool is_near = (peers >> i & 1u) != 0 && i != node && n->engine != NULL &&
                       !r->cut[i][node] && !r->cut[node][i];
        if (!is_near) continue;
        bool is_better = best == NULL || n->epoch > best->epoch ||
                         (n->epoch == best->epoch && n->final_count > best->final_count);
        if (is_better) best = n;
    }
    return best;
}

/* Everything final that the best reachable peer has. */
static void catch_up(struct engine_rig *r, uint32_t node, uint32_t peers)
{
    struct rig_node *n = &r->nodes[node];
    uint64_t before = n->final_count;
    const struct rig_node *best = best_peer(r, node, peers);
    if (best == NULL || best->final_count < before || best->final_count == 0) return;
    bool is_ahead = best->epoch > n->epoch; /* To the end of the epoch; then leave it. */
    uint64_t top = is_ahead ? r->epochs[n->epoch + 1].base : best->final_count;
    if (!is_ahead && best->newest_cert.statement.height != best->final_count) return;
    if (top < before) return;
    if (is_ahead && top == before) {
        leave_epoch(r, node, best);
        return;
    }
    struct consensus_event event = {.kind = CONSENSUS_ON_ADVANCED, .history = &n->history};
    struct hash passed[CONSENSUS_WINDOW];
    if (before > 0) {
        event.header = &r->blocks[best->chain[before]].header;
        event.hash = r->blocks[best->chain[before]].hash;
    }
    for (uint64_t h = before + 1; h <= top; h++) {
        struct rig_block *b = &r->blocks[best->chain[h]];
        n->chain[h] = best->chain[h];
        n->final_txs += b->header.tx_count;
        b->here |= 1u << node;
        b->line &= ~(1u << node);
        struct hash leaf = merkle_leaf(hash_span(&b->hash));
        merkle_tree_add(&n->history, &leaf);
        if (event.passed_count < CONSENSUS_WINDOW) passed[event.passed_count++] = b->hash;
        n->final_count = h;
        event.header = &b->header;
        event.hash = b->hash;
    }
    for (uint64_t h = 1; h <= n->final_count; h++)
        if (r->blocks[n->chain[h]].header.tx_count > 0) event.last_txs_height = h;
    n->newest_cert = is_ahead ? best->epoch_cert[n->epoch] : best->newest_cert;
    struct mode_state *mode = malloc(sizeof *mode);
    assert_non_null(mode);
    engine_rig_mode(r, node, mode);
    event.mode = mode;
    event.passed = passed;
    event.final_cert = &n->newest_cert;
    uint64_t executed = n->executed;
    (void)engine_rig_step(r, node, &event);
    free(mode);
    for (uint64_t h = executed + 1; h <= n->final_count && n->engine != NULL; h++)
        add_job(r, JOB_EXECUTED, node, r->options.execute_ms)->height = h;
}

/* --- effects --- */

/* Those that there are: room for all is large. */
static struct consensus_effects *keep_effects(const struct consensus_effects *effects)
{
    size_t size =
        offsetof(struct consensus_effects, items) + effects->count * sizeof *effects->items;
    struct consensus_effects *kept = malloc(size);
    assert_non_null(kept);
    memcpy(kept, effects, size);
    return kept;
}

static void restore_effects(struct consensus_effects *effects, struct consensus_effects *kept)
{
    size_t size = offsetof(struct consensus_effects, items) + kept->count * sizeof *kept->items;
    memcpy(effects, kept, size);
    free(kept);
}

static void on_need_batch(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_node *n = &r->nodes[node];
    uint32_t waiting = waiting_at(r, node);
    uint32_t max = n->config.block_txs_max;
    struct consensus_event event = {.kind = CONSENSUS_ON_BATCH};
    event.batch.tx_count = waiting < max ? waiting : max;
    event.batch.body_size = 100;
    event.batch.tx_root = hash_of("rig root", span_of(&event.batch.tx_count, 4));
    struct certificate *final_cert = malloc(sizeof *final_cert);
    struct certificate *res_cert = malloc(sizeof *res_cert);
    assert_non_null(final_cert);
    assert_non_null(res_cert);
    bool has_final_cert = e->final_cert != NULL;
    bool has_res_cert = e->res_cert != NULL;
    if (has_final_cert) *final_cert = *e->final_cert;
    if (has_res_cert) *res_cert = *e->res_cert;
    struct body_notes *notes = NULL;
    assert_int_equal(notes_copy(&notes, mem_system(), e->notes), ST_OK);
    event.batch.notes_hash = notes_hash(notes);
    event.notes = notes;
    event.mono_ms = r->now_ms;
    event.wall_ms = RIG_TIME_MS + r->now_ms;
    struct consensus_effects *outer = keep_effects(&r->effects);
    enum status st = consensus_step(n->engine, &event, &r->effects);
    assert_int_equal(st, ST_OK);
    for (uint32_t i = 0; i < r->effects.count; i++) {
        if (r->effects.items[i].kind != CONSENSUS_PROPOSE) continue;
        struct rig_block *b = add_block(r, &r->effects.items[i].proposal->header);
        b->has_final_cert = has_final_cert;
        b->has_res_cert = has_res_cert;
        if (has_final_cert) b->final_cert = *final_cert;
        if (has_res_cert) b->res_cert = *res_cert;
        b->notes = notes;
        notes = NULL;
    }
    mem_free(mem_system(), notes);
    free(final_cert);
    free(res_cert);
    perform(r, node);
    restore_effects(&r->effects, outer);
}

static void on_get(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_block *b = find_block(r, &e->hash);
    if (b == NULL) return;
    if (e->kind == CONSENSUS_GET_BODY) b->line |= 1u << node;
    for (uint32_t i = 0; i < r->total; i++) {
        bool has = (b->here >> i & 1u) != 0;
        if (!has || (i != node && (r->nodes[i].engine == NULL || r->cut[i][node]))) continue;
        if (i != node && test_rng_below(&r->rng, 1000) < r->options.loss_permille) continue;
        struct job *j =
            add_job(r, JOB_BODY, node, test_rng_below(&r->rng, r->options.delay_ms_max + 1));
        j->block = (uint32_t)(b - r->blocks);
        return;
    }
}

static void on_write(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_node *n = &r->nodes[node];
    if (e->slot == CONSENSUS_SLOT_PROMISE) {
        n->written.record = *e->record;
        n->written.has_record = true;
        for (uint32_t i = 0; i < e->record->chain_count; i++) {
            const struct rig_block *b = rig_get_block(r, &e->record->chain[i]);
            bool is_held = (b->held >> node & 1u) != 0;
            for (uint32_t k = 0; k < n->hold_count; k++)
                if (&r->blocks[n->holds[k]] == b) is_held = true;
            assert_true(is_held || b->header.height <= n->final_count);
        }
        return;
    }
    n->written.has_vc = e->view_change != NULL;
    if (e->view_change != NULL) n->written.vc = *e->view_change;
}

static void on_final(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_node *n = &r->nodes[node];
    struct rig_block *b = rig_get_block(r, &e->hash);
    assert_int_equal(e->height, n->final_count + 1);
    assert_true((b->here >> node & 1u) != 0);
    n->final_count = e->height;
    n->chain[e->height] = (uint32_t)(b - r->blocks);
    for (uint32_t i = 0; i < r->total; i++)
        if (r->nodes[i].final_count >= e->height)
            assert_int_equal(r->nodes[i].chain[e->height], n->chain[e->height]);
    b->line &= ~(1u << node);
    n->final_txs += b->header.tx_count;
    n->waiting_since_ms = r->now_ms;
    n->newest_cert = *e->final_cert;
    /* Nobody's votes are late: each block can be proven by its own certificate, but for those of an
     * earlier life, which says again only its highest vote. */
    if (r->options.count == 1 && e->height > n->voted_before)
        assert_int_equal(e->final_cert->statement.height, e->height);
    struct hash leaf = merkle_leaf(hash_span(&b->hash));
    merkle_tree_add(&n->history, &leaf);
    if (r->options.fault == FAULT_NONE)
        assert_int_equal(
            quorum_check_commit(&n->config.validators, e->final_cert, r->signer, &r->chain_id),
            ST_OK);
    add_job(r, JOB_EXECUTED, node, r->options.execute_ms)->height = e->height;
}

static void on_result(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_node *n = &r->nodes[node];
    assert_true(e->height > n->result);
    n->result = e->height;
    assert_int_equal(e->res_cert->statement.height, e->height);
    if (r->options.fault != FAULT_NONE) return;
    const struct validators *v = &r->epochs[e->res_cert->statement.epoch].validators;
    assert_int_equal(quorum_check_result(v, e->res_cert, r->signer, &r->chain_id), ST_OK);
    if (e->height <= n->executed)
        assert_true(hash_equal(&e->res_cert->statement.hash, &n->digests[e->height]));
}

static void on_evidence(struct engine_rig *r, const struct evidence *e)
{
    assert_true(e->epoch <= r->epoch);
    r->evidence[e->kind]++;
    enum status st =
        evidence_verify(e, &r->epochs[e->epoch].validators, r->signer, &r->chain_id, mem_system());
    assert_int_equal(st, ST_OK);
    bool is_spoilt = evidence_is_divergence(e->kind) && r->nodes[e->offender].is_spoilt;
    if (r->options.fault == FAULT_NONE && !r->nodes[e->offender].is_byzantine && !is_spoilt)
        fail_msg("seed %llu: %s against node %u, view %llu, height %llu",
                 (unsigned long long)r->options.seed, evidence_name(e->kind), e->offender,
                 (unsigned long long)e->view, (unsigned long long)e->height);
}

static void perform_one(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_node *n = &r->nodes[node];
    struct rig_block *b = NULL;
    bool is_disk = e->kind == CONSENSUS_WRITE || e->kind == CONSENSUS_SYNC;
    if (is_disk && n->crash_count > 0 && --n->crash_count == 0) n->is_crashing = true;
    if (n->is_crashing) return;
    switch (e->kind) {
    case CONSENSUS_NEED_BATCH: on_need_batch(r, node, e); return;
    case CONSENSUS_PROPOSE: {
        b = rig_get_block(r, &e->hash);
        b->here |= 1u << node;
        b->line |= 1u << node;
        struct consensus_message *m =
            malloc(offsetof(struct consensus_message, proposal) + sizeof m->proposal);
        assert_non_null(m);
        m->kind = CONSENSUS_PROPOSAL;
        m->proposal = *e->proposal;
        assert_true(e->after_lsn <= n->durable_lsn);
        send_to(r, node, NODES_MAX, m);
        free(m);
        return;
    }
    case CONSENSUS_GET_BODY:
    case CONSENSUS_GET_BLOCK: on_get(r, node, e); return;
    case CONSENSUS_HOLD:
        b = rig_get_block(r, &e->hash);
        assert_true((b->here >> node & 1u) != 0);
        assert_true(n->hold_count < 64);
        n->holds[n->hold_count++] = (uint32_t)(b - r->blocks);
        return;
    case CONSENSUS_WRITE: on_write(r, node, e); return;
    case CONSENSUS_SYNC:
        assert_true(e->lsn > n->pending_lsn);
        n->pending_lsn = e->lsn;
        n->syncs++;
        add_job(r, JOB_SYNCED, node, r->options.disk_ms)->lsn = e->lsn;
        return;
    case CONSENSUS_SEND:
        if (r->options.fault != FAULT_VOTE_BEFORE_DURABLE)
            assert_true(e->after_lsn <= n->durable_lsn);
        send_to(r, node, e->peer, e->message);
        return;
    case CONSENSUS_FINAL: on_final(r, node, e); return;
    case CONSENSUS_RESULT: on_result(r, node, e); return;
    case CONSENSUS_DROP:
        b = find_block(r, &e->hash);
        if (b != NULL) b->line &= ~(1u << node);
        return;
    case CONSENSUS_OPEN: return;
    case CONSENSUS_BEHIND: catch_up(r, node, e->peers); return;
    case CONSENSUS_EVIDENCE: on_evidence(r, e->evidence); return;
    case CONSENSUS_EPOCH_END: rig_on_epoch_end(r, node, e); return;
    case CONSENSUS_ALARM: r->alarms[e->alarm]++; return;
    }
}

static void perform(struct engine_rig *r, uint32_t node)
{
    struct rig_node *n = &r->nodes[node];
    struct consensus_effects *mine = keep_effects(&r->effects);
    uint32_t life = n->life;
    uint32_t behind = 0;
    for (uint32_t i = 0; i < mine->count && n->life == life; i++) {
        if (mine->items[i].kind == CONSENSUS_BEHIND) {
            behind |= mine->items[i].peers;
            continue;
        }
        perform_one(r, node, &mine->items[i]);
    }
    if (n->is_crashing && n->life == life)
        engine_rig_crash(r, node, n->crash_keeps);
    else if (n->is_ending && n->life == life)
        rig_switch_epoch(r, node);
    else if (behind != 0 && n->life == life)
        catch_up(r, node, behind);
    free(mine);
}

/* --- time --- */

static void do_synced(struct engine_rig *r, const struct job *j)
{
    struct rig_node *n = &r->nodes[j->node];
    n->durable = n->written;
    for (uint32_t i = 0; i < n->hold_count; i++)
        r->blocks[n->holds[i]].held |= 1u << j->node;
    n->hold_count = 0;
    n->final_synced = n->final_count;
    n->durable_lsn = j->lsn;
    struct consensus_event event = {.kind = CONSENSUS_ON_PERSISTED, .lsn = j->lsn};
    (void)engine_rig_step(r, j->node, &event);
}

static void do_executed(struct engine_rig *r, const struct job *j)
{
    struct rig_node *n = &r->nodes[j->node];
    if (j->height != n->executed + 1) return;
    n->executed = j->height;
    n->digests[j->height] =
        rig_digest_of(&n->digests[j->height - 1], &r->blocks[n->chain[j->height]].hash);
    if (n->is_spoilt) n->digests[j->height].bytes[0] ^= 1;
    if (r->options.fault == FAULT_P3_BEFORE_EXEC) return;
    struct consensus_event event = {.kind = CONSENSUS_ON_EXECUTED,
                                    .height = j->height,
                                    .digest = n->digests[j->height],
                                    .next_config = rig_next_config(r, n->epoch, j->height)};
    (void)engine_rig_step(r, j->node, &event);
}

static void do_job(struct engine_rig *r, const struct job *j)
{
    struct rig_node *n = &r->nodes[j->node];
    bool is_stale = n->engine == NULL || (j->kind != JOB_MESSAGE && n->life != j->life);
    if (is_stale) return;
    struct consensus_event event = {.kind = CONSENSUS_ON_MESSAGE, .from = j->from};
    switch (j->kind) {
    case JOB_MESSAGE:
        event.message = j->message;
        (void)engine_rig_step(r, j->node, &event);
        return;
    case JOB_SYNCED: do_synced(r, j); return;
    case JOB_EXECUTED: do_executed(r, j); return;
    case JOB_BODY: give_body(r, j->node, j->block); return;
    }
}

static bool pop_job(struct engine_rig *r, struct job *out)
{
    uint32_t best = r->job_count;
    for (uint32_t i = 0; i < r->job_count; i++) {
        if (r->jobs[i].due_ms > r->now_ms) continue;
        if (best == r->job_count || r->jobs[i].due_ms < r->jobs[best].due_ms ||
            (r->jobs[i].due_ms == r->jobs[best].due_ms && r->jobs[i].order < r->jobs[best].order))
            best = i;
    }
    if (best == r->job_count) return false;
    *out = r->jobs[best];
    r->jobs[best] = r->jobs[--r->job_count];
    return true;
}

void engine_rig_run(struct engine_rig *r, uint64_t ms)
{
    for (uint64_t end = r->now_ms + ms; r->now_ms < end; r->now_ms++) {
        struct job j;
        while (pop_job(r, &j)) {
            do_job(r, &j);
            free(j.message);
        }
        for (uint32_t i = 0; i < r->total; i++)
            if ((r->now_ms + 3ull * i) % TICK_MS == 0) tick(r, i);
    }
}

bool engine_rig_settle(struct engine_rig *r, uint64_t ms)
{
    for (uint64_t end = r->now_ms + ms; r->now_ms < end;) {
        engine_rig_run(r, 10);
        bool is_done = true;
        for (uint32_t i = 0; i < r->total; i++) {
            const struct rig_node *n = &r->nodes[i];
            if (n->engine == NULL) continue;
            uint64_t last = 0;
            for (uint64_t h = 1; h <= n->final_count; h++)
                if (r->blocks[n->chain[h]].header.tx_count > 0) last = h;
            if (n->final_txs < r->submitted || n->result < last) is_done = false;
        }
        if (is_done) return true;
    }
    return false;
}

void engine_rig_submit(struct engine_rig *r, uint32_t txs)
{
    for (uint32_t i = 0; i < r->total; i++)
        if (waiting_at(r, i) == 0) r->nodes[i].waiting_since_ms = r->now_ms;
    r->submitted += txs;
}

void engine_rig_change(struct engine_rig *r, uint32_t count, uint32_t barred)
{
    uint64_t top = 0;
    assert_true(r->epoch + 1 < RIG_EPOCHS_MAX);
    assert_true(count <= r->total);
    assert_int_equal(r->epochs[r->epoch].from, 0);
    for (uint32_t i = 0; i < r->total; i++)
        if (r->nodes[i].final_count > top) top = r->nodes[i].final_count;
    r->epochs[r->epoch + 1] = (struct rig_epoch){.validators = rig_validators_of(r, count, barred)};
    r->epochs[r->epoch].from = top + 1;
}

uint64_t engine_rig_epoch(const struct engine_rig *r, uint32_t node)
{
    return r->nodes[node].epoch;
}

uint64_t engine_rig_base(const struct engine_rig *r, uint64_t epoch)
{
    return r->epochs[epoch].base;
}

const struct header *engine_rig_header(const struct engine_rig *r, uint32_t node, uint64_t height)
{
    assert_true(height > 0 && height <= r->nodes[node].final_count);
    return &r->blocks[r->nodes[node].chain[height]].header;
}

void engine_rig_cut(struct engine_rig *r, uint32_t from, uint32_t to, bool is_cut)
{
    r->cut[from][to] = is_cut;
}

void engine_rig_filter(struct engine_rig *r,
                       bool (*filter)(void *, uint32_t, uint32_t, const struct consensus_message *),
                       void *context)
{
    r->filter = filter;
    r->filter_context = context;
}

void engine_rig_skew(struct engine_rig *r, uint32_t node, uint64_t ms)
{
    r->nodes[node].skew_ms = ms;
}

void engine_rig_spoil(struct engine_rig *r, uint32_t node, bool is_spoilt)
{
    r->nodes[node].is_spoilt = is_spoilt;
}

void engine_rig_throttle(struct engine_rig *r, uint32_t node, uint32_t txs)
{
    r->nodes[node].throttle = txs;
}

void engine_rig_set_byzantine(struct engine_rig *r, uint32_t node)
{
    r->nodes[node].is_byzantine = true;
}

/* --- looking --- */

struct consensus *engine_rig_engine(struct engine_rig *r, uint32_t node)
{
    return r->nodes[node].engine;
}

void engine_rig_stand(struct engine_rig *r, uint32_t node, struct consensus_stand *out)
{
    assert_non_null(r->nodes[node].engine);
    consensus_stand_of(r->nodes[node].engine, out, r->now_ms);
}

uint64_t engine_rig_final_height(const struct engine_rig *r, uint32_t node)
{
    return r->nodes[node].final_count;
}

uint64_t engine_rig_now(const struct engine_rig *r)
{
    return r->now_ms;
}

uint32_t engine_rig_evidence(const struct engine_rig *r, enum evidence_kind kind)
{
    return r->evidence[kind];
}

uint32_t engine_rig_alarms(const struct engine_rig *r, enum consensus_alarm alarm)
{
    return r->alarms[alarm];
}

uint32_t engine_rig_syncs(const struct engine_rig *r, uint32_t node)
{
    return r->nodes[node].syncs;
}

struct hash engine_rig_trace(const struct engine_rig *r)
{
    return r->trace;
}

const struct signer *engine_rig_signer(const struct engine_rig *r)
{
    return r->signer;
}

const struct consensus_config *engine_rig_config(const struct engine_rig *r, uint32_t node)
{
    return &r->nodes[node].config;
}

void engine_rig_sign(const struct engine_rig *r,
                     uint32_t node,
                     const struct hash *hash,
                     struct signature *sig)
{
    assert_int_equal(sign_hash(r->signer, sig, &r->nodes[node].config.node_key, hash), ST_OK);
}

enum status engine_rig_tell(struct engine_rig *r,
                            uint32_t from,
                            uint32_t to,
                            const struct consensus_message *m)
{
    struct consensus_event event = {.kind = CONSENSUS_ON_MESSAGE, .from = from, .message = m};
    return engine_rig_step(r, to, &event);
}

void engine_rig_add_body(struct engine_rig *r, const struct header *h, bool is_bad)
{
    struct rig_block *b = add_block(r, h);
    b->is_bad = is_bad;
    b->here = (uint32_t)((1ull << r->total) - 1);
}
