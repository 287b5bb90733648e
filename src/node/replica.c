/* I1 blocks[h mod REPLICA_BLOCKS] holds block h from its proposal until its result is certified.
 * I2 every storage job and every executing block comes back to the inbox, which has room for them.
 * I3 after a failure no effect is performed any more.
 * I4 every ticket is settled once, after a failure too: nobody waits for what never comes. */
#include "node/replica.h"

#include <stdatomic.h>

#include "base/must.h"
#include "node/executor.h"
#include "node/pool.h"
#include "node/replay.h"
#include "node/storage.h"
#include "node/verify.h"
#include "os/loop.h"
#include "os/thread.h"

#define REPLICA_BLOCKS          128u
#define REPLICA_INBOX_MAX       (VERIFY_QUEUE_MAX + 4u * REPLICA_BLOCKS)
#define REPLICA_CHUNK           256u
#define REPLICA_TICK_MS         10u
#define REPLICA_VOTE_MAX        512u
#define REPLICA_BLOCK_BYTES_MAX (BLOCK_BYTES_MAX / 2u)

_Static_assert(REPLICA_BLOCKS > ENGINE_WINDOW + ENGINE_LAG_MAX, "I1: heights must not collide");

struct replica {
    struct replica_config config;
    struct solo engine;
    struct engine_effects effects;
    struct pool *pool;
    struct storage *storage;
    struct executor *executor;
    struct queue *inbox;
    struct loop *loop;
    struct loop_wake *wake;
    struct loop_timer *timer;
    struct thread *thread;
    struct mutex *view_mutex;
    struct replica_view view;
    struct flow_block *blocks[REPLICA_BLOCKS];
    struct flow_block *proposed; /* Its body is encoded; its header is not known yet. */
    struct flow_tx *batch[BLOCK_TXS_MAX];
    uint32_t jobs_out; /* Storage jobs under way. */
    atomic_bool is_stopping;
    atomic_bool has_failed;
};

static void on_wake(void *context);
static void on_timer(void *context);
static void refuse_rest(struct replica *r);
static void step(struct replica *r, const struct engine_event *event);
static enum status build_batch(struct replica *r, const struct engine_effect *need);

static void fail(struct replica *r, enum status st, const char *what)
{
    if (atomic_exchange(&r->has_failed, true)) return; /* I3 */
    r->config.failed(r->config.context, st, what);
}

/* From the executor's threads. The loop sees it with its next tick. */
static void on_part_failed(void *context, enum status st, const char *what)
{
    fail(context, st, what);
}

static void wake_inbox(void *context)
{
    struct replica *r = context;
    loop_wake_send(r->wake);
}

/* --- life ------------------------------------------------------------------------------------- */

static void publish_view(struct replica *r)
{
    mutex_lock(r->view_mutex);
    r->view = (struct replica_view){.height = r->engine.tip.height,
                                    .final_height = r->engine.final_height,
                                    .executed_height = r->engine.executed_height,
                                    .digest = r->engine.executed_digest,
                                    .block_hash = r->engine.tip.hash,
                                    .time_ms = r->engine.tip.time_ms,
                                    .waiting = pool_waiting(r->pool)};
    mutex_unlock(r->view_mutex);
}

static enum status open_parts(struct replica *r)
{
    struct mem *mem = r->config.mem;
    TRY(loop_new(&r->loop, mem));
    TRY(loop_wake_new(&r->wake, r->loop, on_wake, r));
    TRY(loop_timer_new(&r->timer, r->loop, on_timer, r));
    TRY(mutex_new(&r->view_mutex, mem));
    TRY(queue_new(&r->inbox, mem, REPLICA_INBOX_MAX, wake_inbox, r));
    uint64_t key = 0;
    r->config.os->entropy(r->config.os, &key, sizeof key);
    TRY(pool_new(&r->pool, mem, &r->config.engine.chain_id, key));
    struct storage_config storage = {.mem = mem, .store = r->config.store, .done = r->inbox};
    TRY(storage_new(&r->storage, &storage));
    struct executor_config executor = {.os = r->config.os,
                                       .mem = mem,
                                       .exec = r->config.exec,
                                       .store = r->config.store,
                                       .done = r->inbox,
                                       .failed = on_part_failed,
                                       .context = r};
    return executor_new(&r->executor, &executor);
}

enum status replica_new(struct replica **out,
                        const struct replica_config *config,
                        void (*progress)(uint64_t height, uint64_t target))
{
    struct replica *r = mem_alloc_zero(config->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->config = *config;
    struct solo_tip tip;
    struct replay_tip newest;
    struct replay_exec machine = {.mem = config->mem, .exec = config->exec, .store = config->store};
    enum status st = open_parts(r);
    if (st == ST_OK) {
        struct replay replay = {.mem = config->mem,
                                .machine = replay_machine_of(&machine),
                                .store = config->store,
                                .pool = r->pool,
                                .chain_id = config->engine.chain_id,
                                .progress = progress};
        st = replay_run(&replay, &newest);
        tip = (struct solo_tip){.height = newest.height,
                                .hash = newest.hash,
                                .time_ms = newest.time_ms,
                                .digest = exec_digest(config->exec),
                                .res_height = newest.res_height,
                                .has_txs = newest.last_txs_height > 0};
        exec_history(config->exec, &tip.history);
    }
    if (st == ST_OK) st = solo_init(&r->engine, &config->engine, &tip);
    if (st != ST_OK) {
        replica_free(r);
        return st;
    }
    publish_view(r);
    *out = r;
    return ST_OK;
}

void replica_free(struct replica *r)
{
    if (r == NULL) return;
    storage_free(r->storage);
    executor_free(r->executor);
    for (uint32_t i = 0; i < REPLICA_BLOCKS; i++)
        flow_block_free(r->blocks[i]);
    flow_block_free(r->proposed);
    pool_free(r->pool);
    queue_free(r->inbox);
    if (r->timer != NULL) loop_timer_free(r->timer);
    if (r->wake != NULL) loop_wake_free(r->wake);
    if (r->loop != NULL) loop_free(r->loop);
    mutex_free(r->view_mutex);
    solo_fini(&r->engine);
    mem_free(r->config.mem, r);
}

static void run(void *context)
{
    struct replica *r = context;
    loop_timer_start(r->timer, REPLICA_TICK_MS, REPLICA_TICK_MS);
    loop_run(r->loop);
}

struct queue *replica_inbox(struct replica *r)
{
    return r->inbox;
}

enum status replica_start(struct replica *r)
{
    return thread_start(&r->thread, r->config.mem, "replica", run, r);
}

void replica_stop(struct replica *r)
{
    if (r->thread == NULL) return;
    atomic_store(&r->is_stopping, true);
    loop_wake_send(r->wake);
    thread_join(r->thread);
    r->thread = NULL;
    executor_stop(r->executor); /* What it still held is nobody's but ours now. */
    must(r->jobs_out == 0);     /* I2: nothing will be pushed any more but by doors. */
    queue_close(r->inbox);
    refuse_rest(r);
}

void replica_view(struct replica *r, struct replica_view *out)
{
    mutex_lock(r->view_mutex);
    *out = r->view;
    mutex_unlock(r->view_mutex);
}

void replica_cpu(const struct replica *r, struct replica_cpu *out)
{
    out->consensus = r->thread == NULL ? 0 : thread_cpu_ns(r->thread);
    out->store = storage_cpu_ns(r->storage);
    out->exec = executor_cpu_ns(r->executor);
    out->checkpoint = executor_checkpoint_cpu_ns(r->executor);
}

/* --- what arrives ----------------------------------------------------------------------------- */

static void refuse(void *context, struct flow_tx *t)
{
    struct replica *r = context;
    if (t->ticket == NULL) {
        flow_tx_free(t);
        return;
    }
    t->flow.kind = FLOW_REFUSED;
    enum status st = queue_push(r->config.outbox, t);
    must(st == ST_OK || st == ST_CLOSED); /* Tickets are bounded by the outbox's room. */
    if (st != ST_OK) flow_tx_free(t);
}

static void refuse_stopping(struct replica *r, struct flow_tx *t)
{
    if (t->ticket != NULL) {
        t->ticket->status = ST_CLOSED;
        diag_set(&t->ticket->diag, "57P01", "the node is shutting down");
        diag_hint(&t->ticket->diag, "Whether the transaction took effect is told by "
                                    "trustsql.transactions when this node is back.");
    }
    refuse(r, t);
}

/* I4: who waits for a block that did not come back is let go, so that its session can end. */
static void refuse_block(struct replica *r, struct flow_block *b)
{
    for (uint32_t i = 0; b != NULL && i < b->tx_count; i++) {
        struct flow_tx *t = b->txs[i];
        if (t->ticket == NULL) continue;
        b->txs[i] = NULL;
        refuse_stopping(r, t);
    }
}

static void refuse_rest(struct replica *r)
{
    void *item;
    while (queue_take(r->inbox, &item, 1) > 0) {
        const struct flow *flow = item;
        if (flow->kind == FLOW_TX) refuse_stopping(r, item);
    }
    for (struct flow_tx *t = pool_drain(r->pool); t != NULL; t = pool_drain(r->pool))
        refuse_stopping(r, t);
    for (uint32_t i = 0; i < REPLICA_BLOCKS; i++)
        refuse_block(r, r->blocks[i]);
}

static void refuse_expired(void *context, struct flow_tx *t)
{
    if (t->ticket != NULL) {
        t->ticket->status = ST_EXPIRED;
        diag_set(&t->ticket->diag, "TQ002", "the transaction expired before a block could take it");
        diag_hint(&t->ticket->diag, "Sign it again.");
    }
    refuse(context, t);
}

static void on_tx(struct replica *r, struct flow_tx *t)
{
    uint64_t wall = r->config.os->wall_ms(r->config.os);
    uint64_t after = r->engine.tip.time_ms + 1;
    struct pool_tip tip = {.height = r->engine.tip.height + 1,
                           .time_ms = wall > after ? wall : after};
    struct diag d = {0};
    enum status st = ST_CLOSED;
    if (atomic_load(&r->is_stopping)) {
        diag_set(&d, "57P01", "the node is shutting down");
        diag_hint(&d, "Send the transaction to another node, or again when this one is back.");
    } else {
        st = pool_add(r->pool, t, &tip, &d);
    }
    if (st == ST_OK) return;
    if (t->ticket != NULL) {
        t->ticket->status = st;
        t->ticket->diag = d;
    }
    refuse(r, t);
}

static void on_persisted(struct replica *r, struct storage_job *job)
{
    must(r->jobs_out > 0);
    r->jobs_out--;
    if (job->status != ST_OK) {
        fail(r, job->status, "blocks could not be written");
    } else if (job->needs_sync) {
        struct engine_event event = {.kind = ENGINE_PERSISTED, .lsn = job->lsn};
        step(r, &event);
    }
    storage_job_free(r->config.mem, job);
}

static void on_executed(struct replica *r, const struct flow_block *b)
{
    struct engine_event event = {
        .kind = ENGINE_EXECUTED, .height = b->header.height, .digest = b->outcome.digest};
    step(r, &event);
}

static void on_message(struct replica *r, void *item)
{
    const struct flow *flow = item;
    switch (flow->kind) {
    case FLOW_TX: on_tx(r, item); return;
    case FLOW_PERSISTED: on_persisted(r, item); return;
    case FLOW_BLOCK: on_executed(r, item); return;
    case FLOW_REFUSED:
    case FLOW_READ: break;
    }
    must(false); /* Those go to the doors. */
}

static void tick(struct replica *r)
{
    if (atomic_load(&r->has_failed)) {
        if (r->jobs_out == 0) loop_stop(r->loop); /* I2 */
        return;
    }
    struct os *os = r->config.os;
    uint64_t mono_ms = os->monotonic_ns(os) / 1000000u;
    if (!atomic_load(&r->is_stopping)) {
        struct engine_event event = {.kind = ENGINE_TICK,
                                     .wall_ms = os->wall_ms(os),
                                     .mono_ms = mono_ms,
                                     .waiting = pool_waiting(r->pool)};
        step(r, &event);
    } else {
        for (struct flow_tx *t = pool_drain(r->pool); t != NULL; t = pool_drain(r->pool))
            on_tx(r, t);
        bool is_done = r->engine.executed_height == r->engine.tip.height && r->jobs_out == 0;
        if (is_done) loop_stop(r->loop);
    }
    executor_tick(r->executor, mono_ms);
    publish_view(r);
}

static void on_wake(void *context)
{
    struct replica *r = context;
    void *chunk[REPLICA_CHUNK];
    uint32_t count = queue_take(r->inbox, chunk, REPLICA_CHUNK);
    for (uint32_t i = 0; i < count; i++)
        on_message(r, chunk[i]);
    tick(r);
}

static void on_timer(void *context)
{
    tick(context);
}

/* --- what the engine wants ------------------------------------------------------------------- */

static enum status encode_body(struct flow_block *b, const struct engine_effect *need)
{
    struct span *txs = arena_alloc(&b->outcome.arena, (b->tx_count + 1u) * sizeof *txs);
    struct body *body = arena_alloc_zero(&b->outcome.arena, 1, sizeof *body);
    if (txs == NULL || body == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < b->tx_count; i++)
        txs[i] = span_of(b->txs[i]->bytes, b->txs[i]->size);
    body->txs = txs;
    body->tx_count = b->tx_count;
    body->has_final_cert = need->final_cert != NULL;
    body->has_res_cert = need->res_cert != NULL;
    if (body->has_final_cert) body->final_cert = *need->final_cert;
    if (body->has_res_cert) body->res_cert = *need->res_cert;
    body_encode(&b->body_bytes, body);
    return buf_status(&b->body_bytes);
}

static enum status build_batch(struct replica *r, const struct engine_effect *need)
{
    struct pool_take take = {.tip = {.height = need->height, .time_ms = need->time_ms},
                             .count_max = r->config.engine.block_txs_max,
                             .bytes_max = REPLICA_BLOCK_BYTES_MAX};
    pool_sweep(r->pool, &take.tip, refuse_expired, r);
    uint32_t count = pool_take(r->pool, r->batch, &take);
    must(r->proposed == NULL);
    enum status st = flow_block_new(&r->proposed, r->config.mem, r->batch, count);
    for (uint32_t i = 0; i < count && st != ST_OK; i++)
        flow_tx_free(r->batch[i]);
    TRY(st);
    TRY(encode_body(r->proposed, need));
    struct hash *leaves =
        arena_alloc(&r->proposed->outcome.arena, (count + 1u) * sizeof(struct hash));
    if (leaves == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        leaves[i] = r->proposed->views[i].leaf;
    struct os *os = r->config.os;
    struct engine_event event = {.kind = ENGINE_BATCH,
                                 .wall_ms = os->wall_ms(os),
                                 .mono_ms = os->monotonic_ns(os) / 1000000u,
                                 .batch = {.tx_root = merkle_root(leaves, count),
                                           .tx_count = count,
                                           .body_size = (uint32_t)r->proposed->body_bytes.size}};
    step(r, &event);
    return ST_OK;
}

static enum status keep_proposed(struct replica *r, const struct engine_effect *effect)
{
    struct flow_block *b = r->proposed;
    must(b != NULL);
    r->proposed = NULL;
    must(r->blocks[effect->height % REPLICA_BLOCKS] == NULL); /* I1 */
    r->blocks[effect->height % REPLICA_BLOCKS] = b;
    b->header = effect->header;
    b->hash = effect->hash;
    header_encode(&b->header_bytes, &b->header);
    TRY(buf_status(&b->header_bytes));
    block_encode(&b->bytes, buf_span(&b->header_bytes), buf_span(&b->body_bytes));
    TRY(buf_status(&b->bytes));
    return pool_note_block(r->pool, b->header.height, b->header.time_ms, b->txids, b->tx_count);
}

static struct flow_block *block_at(struct replica *r, uint64_t height)
{
    struct flow_block *b = r->blocks[height % REPLICA_BLOCKS];
    must(b != NULL);
    must(b->header.height == height); /* I1 */
    return b;
}

static enum status write_vote(struct replica *r,
                              const struct engine_effect *write,
                              const struct engine_effect *sync)
{
    uint8_t bytes[REPLICA_VOTE_MAX];
    struct buf record;
    buf_init_fixed(&record, bytes, sizeof bytes);
    vote_encode(&record, &write->vote);
    TRY(buf_status(&record));
    struct storage_job *job =
        storage_job_new(r->config.mem, (uint32_t)write->slot, buf_span(&record));
    if (job == NULL) return ST_NO_MEMORY;
    if (write->height > 0) job->append = block_at(r, write->height);
    if (sync != NULL) {
        job->needs_sync = true;
        job->lsn = sync->lsn;
    }
    enum status st = storage_submit(r->storage, job);
    if (st == ST_OK)
        r->jobs_out++;
    else
        storage_job_free(r->config.mem, job);
    return st;
}

/* Hand a certified block to the doors, or drop it when nobody here waits for it. */
static void release_block(struct replica *r, uint64_t height, const struct certificate *cert)
{
    struct flow_block *b = block_at(r, height);
    b->res_cert = *cert;
    r->blocks[height % REPLICA_BLOCKS] = NULL;
    bool has_ticket = false;
    for (uint32_t i = 0; i < b->tx_count && !has_ticket; i++)
        has_ticket = b->txs[i]->ticket != NULL;
    if (!has_ticket || queue_push(r->config.outbox, b) != ST_OK) flow_block_free(b);
}

static enum status perform(struct replica *r,
                           const struct engine_effect *effect,
                           const struct engine_effect *next)
{
    switch (effect->kind) {
    case ENGINE_NEED_BATCH: return ST_OK; /* Last in its step: step() answers it. */
    case ENGINE_PROPOSE: return keep_proposed(r, effect);
    case ENGINE_WRITE:
        return write_vote(r, effect, next != NULL && next->kind == ENGINE_SYNC ? next : NULL);
    case ENGINE_SYNC: return ST_OK; /* Taken along with the write before it. */
    case ENGINE_FINAL:
        block_at(r, effect->height)->final_cert = *effect->final_cert;
        block_at(r, effect->height)->has_final_cert = true;
        return executor_submit(r->executor, block_at(r, effect->height));
    case ENGINE_RESULT: release_block(r, effect->height, effect->res_cert); return ST_OK;
    }
    return ST_INVALID;
}

static void step(struct replica *r, const struct engine_event *event)
{
    if (atomic_load(&r->has_failed)) return; /* I3 */
    struct engine_effects *effects = &r->effects;
    enum status st = solo_step(&r->engine, event, effects);
    must(st == ST_OK); /* Events come from our own threads, in order. */
    for (uint32_t i = 0; i < effects->count && st == ST_OK; i++)
        st = perform(r, &effects->items[i], i + 1 < effects->count ? &effects->items[i + 1] : NULL);
    if (st == ST_OK && effects->count > 0 &&
        effects->items[effects->count - 1].kind == ENGINE_NEED_BATCH) {
        struct engine_effect need = effects->items[effects->count - 1];
        st = build_batch(r, &need);
    }
    if (st != ST_OK) fail(r, st, "a block could not be made");
}
