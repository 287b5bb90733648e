/* I1 what was given away (storage jobs, blocks to execute, transactions to verify) comes back to
 *    the inbox, which has room for it.
 * I2 after a failure nothing is decided any more: the core takes things back and says nothing.
 * I3 every ticket is settled once, after a failure too: nobody waits for what never comes. */
#include "node/replica.h"

#include <stdio.h>

#include "base/must.h"
#include "node/core_start.h"
#include "node/epoch_links.h"
#include "node/incident_store.h"
#include "node/joining.h"
#include "node/lag.h"
#include "node/quarantine.h"
#include "node/replica_int.h"

#define REBUILD_FACTOR     16u /* Of snapshot_blocks: more take minutes. */
#define REPLICA_INBOX_MAX  (2u * VERIFY_QUEUE_MAX + REPLICA_READS_MAX + 1024u)
#define REPLICA_CHUNK      256u
#define REPLICA_TICK_MS    10u
#define REPLICA_INVITED_MS 1000u /* Between two looks for invitations, while it is alone. */
#define REPLICA_VIEW_MS    50u   /* The large view is copied at most this often. */

static void on_wake(void *context);
static void on_timer(void *context);
static void warn(void *context, const char *text);
static enum status new_network(struct replica *r);
static enum status follow_network(struct replica *r, char *what);
static void describe_core(const struct replica *r,
                          const struct core_start_data *start,
                          struct core_config *out);
static void set_ports(struct replica *r);
static void tell_key(struct replica *r, const struct chain_config *config);
static enum status open_repair(struct replica *r);
static enum status open_snapshots(struct replica *r);
static void look_for_lag(struct replica *r);
static void publish(struct replica *r);
static void take_proof(struct replica *r, struct flow_proof *p);

static void fail(void *context, enum status st, const char *what)
{
    struct replica *r = context;
    if (atomic_exchange(&r->has_failed, true)) return; /* I2 */
    r->config.failed(r->config.context, st, what);
}

/* The log, and the webhook. */
static void tell(const struct replica *r, const char *text)
{
    if (r->config.warn != NULL) r->config.warn(text);
    alarm_raise_text(r->config.alarm, text);
}

static void wake_inbox(void *context)
{
    struct replica *r = context;
    loop_wake_send(r->wake);
}

/* --- life ------------------------------------------------------------------------------------- */

static enum status wait_for_heal(void *context)
{
    const struct replica *r = context;
    return heal_wait(r->heal);
}

/* The operator hears of it here, the others from the loop. */
static void on_find(void *context, const struct heal_find *find)
{
    struct replica *r = context;
    char text[INCIDENT_PLACE_MAX + 80];
    (void)snprintf(text, sizeof text, "stored data are damaged (%s): %s",
                   incident_state_text(find->state), find->place);
    tell(r, text);
    replica_note_find(r, find);
}

void replica_note_find(struct replica *r, const struct heal_find *find)
{
    finds_add(&r->finds, find);
}

static void tell_finds(struct replica *r)
{
    struct heal_find find;
    struct incident incident;
    while (finds_take(&r->finds, &find, &incident))
        core_incident_found(r->core, &incident);
}

static void port_keep_incident(void *context, const struct incident *i, struct span bytes)
{
    const struct replica *r = context;
    incident_store_keep(r->config.os, r->config.dir, i, bytes);
}

static void port_drop_incident(void *context, const struct incident *i)
{
    const struct replica *r = context;
    incident_store_drop(r->config.os, r->config.dir, i);
}

static void take_kept(void *context, struct span bytes)
{
    const struct replica *r = context;
    core_incident_own(r->core, bytes);
}

static enum status new_heal(struct replica *r)
{
    const struct node_config *settings = r->config.settings;
    const bool is_alone = r->config.genesis->member_count == 1;
    const struct heal_config config = {
        .os = r->config.os,
        .mem = r->config.mem,
        .dir = r->config.dir,
        .genesis = r->config.genesis_bytes,
        .exec = r->config.exec,
        .store = r->config.store,
        .executor = r->executor,
        .was_made_again = r->config.was_made_again,
        .settings = {.cpu_percent = settings->scrub_cpu_percent,
                     .mb_per_second = settings->scrub_mb_per_second,
                     .pause_seconds = settings->scrub_pause_seconds,
                     .blocks_most =
                         is_alone ? 0 : REBUILD_FACTOR * (uint64_t)settings->snapshot_blocks},
        .found = on_find,
        .failed = fail,
        .context = r};
    return heal_new(&r->heal, &config);
}

static void executed(void *context)
{
    const struct replica *r = context;
    if (r->config.executed != NULL) r->config.executed(r->config.context);
}

static enum status open_threads(struct replica *r)
{
    const struct replica_config *config = &r->config;
    struct storage_config storage = {.mem = config->mem, .store = config->store, .done = r->inbox};
    TRY(storage_new(&r->storage, &storage));
    struct executor_config executor = {.os = config->os,
                                       .mem = config->mem,
                                       .exec = config->exec,
                                       .store = config->store,
                                       .done = r->inbox,
                                       .mend = wait_for_heal,
                                       .failed = fail,
                                       .executed = executed,
                                       .context = r};
    TRY(executor_new(&r->executor, &executor));
    TRY(new_heal(r));
    struct verify_config verify = {.mem = config->mem,
                                   .signer = config->signer,
                                   .exec = config->exec,
                                   .chain_id = config->chain_id,
                                   .keyed = config->keyed,
                                   .thread_count = config->settings->verify_threads,
                                   .verified = r->inbox,
                                   .refused = config->outbox};
    return verify_new(&r->verify, &verify);
}

static enum status open_parts(struct replica *r)
{
    struct mem *mem = r->config.mem;
    TRY(loop_new(&r->loop, mem));
    TRY(loop_wake_new(&r->wake, r->loop, on_wake, r));
    TRY(loop_timer_new(&r->timer, r->loop, on_timer, r));
    TRY(mutex_new(&r->view_mutex, mem));
    TRY(finds_init(&r->finds, mem));
    TRY(queue_new(&r->inbox, mem, REPLICA_INBOX_MAX, wake_inbox, r));
    TRY(evidence_store_new(&r->evidence, r->config.os, mem, r->config.dir));
    set_ports(r);
    TRY(new_network(r));
    return open_threads(r);
}

static enum status open_core(struct replica *r, void (*progress)(uint64_t height, uint64_t target))
{
    const struct replica_config *config = &r->config;
    struct replay_exec exec = {.mem = config->mem, .exec = config->exec, .store = config->store};
    struct core_start_config start = {.mem = config->mem,
                                      .store = config->store,
                                      .machine = replay_machine_of(&exec),
                                      .chain_id = config->chain_id,
                                      .genesis_time_ms = config->genesis->time_ms,
                                      .validator_count = config->genesis->member_count,
                                      .progress = progress};
    config->os->entropy(config->os, &start.key, sizeof start.key);
    config->os->entropy(config->os, &start.nonce, sizeof start.nonce);
    struct core_start_data data = {0};
    struct quarantine quarantine = {.height = 0};
    enum status st = core_start_read(&data, &start);
    if (quarantine_read(&quarantine, config->os, config->dir) == ST_OK)
        data.start.engine.silent_until = quarantine.height;
    if (st == ST_OK) {
        struct core_config core;
        describe_core(r, &data, &core);
        st = core_new(&r->core, &core, &data.start);
        if (st == ST_OK) data.start.pool = NULL; /* The core's now. */
        mem_wipe(&core.engine.node_key, sizeof core.engine.node_key);
    }
    r->why_silent = data.is_voter ? NULL : data.why;
    core_start_fini(&data);
    return st;
}

static void describe_core(const struct replica *r,
                          const struct core_start_data *start,
                          struct core_config *out)
{
    const struct genesis *g = r->config.genesis;
    *out = (struct core_config){
        .mem = r->config.mem,
        .engine = {.chain_id = r->config.chain_id,
                   .signer = r->config.signer,
                   .node_key = r->config.keys->secrets[0],
                   .is_voter = start->is_voter},
        .genesis = g,
        .ports = &r->ports,
    };
    if (r->config.release != NULL) out->release = *r->config.release;
    r->config.os->entropy(r->config.os, &out->key, sizeof out->key);
}

enum status replica_new(struct replica **out,
                        const struct replica_config *config,
                        void (*progress)(uint64_t height, uint64_t target),
                        char *what)
{
    struct replica *r = mem_alloc_zero(config->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->config = *config;
    r->told_key = config->keys->publics[0];
    enum status st = open_parts(r);
    if (st == ST_OK) st = open_core(r, progress);
    if (st == ST_OK) st = open_repair(r);
    if (st == ST_OK) st = open_snapshots(r);
    if (st == ST_OK) incident_store_each(config->os, config->dir, take_kept, r);
    if (st == ST_OK) st = follow_network(r, what);
    if (st != ST_OK) {
        replica_free(r);
        return st;
    }
    publish(r);
    *out = r;
    return ST_OK;
}

void replica_free(struct replica *r)
{
    if (r == NULL) return;
    heal_free(r->heal);
    verify_free(r->verify);
    repair_free(r->repair);
    snapshot_server_free(r->snapshots);
    storage_free(r->storage);
    executor_free(r->executor);
    peers_free(r->peers);
    mem_free(r->config.mem, r->guests);
    core_free(r->core);
    evidence_store_free(r->evidence);
    queue_free(r->inbox);
    if (r->timer != NULL) loop_timer_free(r->timer);
    if (r->wake != NULL) loop_wake_free(r->wake);
    if (r->loop != NULL) loop_free(r->loop);
    mutex_free(r->view_mutex);
    finds_fini(&r->finds);
    mem_wipe(&r->voice, sizeof r->voice);
    mem_free(r->config.mem, r);
}

static void run(void *context)
{
    struct replica *r = context;
    loop_timer_start(r->timer, REPLICA_TICK_MS, REPLICA_TICK_MS);
    loop_run(r->loop);
}

enum status replica_start(struct replica *r)
{
    return thread_start(&r->thread, r->config.mem, "replica", run, r);
}

enum status replica_submit(struct replica *r, struct flow_tx *t)
{
    return verify_submit(r->verify, t);
}

enum status replica_guest(struct replica *r, struct flow_guest *guest)
{
    return queue_push(r->inbox, guest);
}

enum status replica_read(struct replica *r, struct flow_read *read)
{
    if (atomic_fetch_add(&r->read_count, 1) >= REPLICA_READS_MAX) {
        atomic_fetch_sub(&r->read_count, 1);
        return ST_BUSY;
    }
    read->flow.kind = FLOW_HEIGHT;
    enum status st = queue_push(r->inbox, read);
    if (st != ST_OK) atomic_fetch_sub(&r->read_count, 1);
    return st;
}

enum status replica_proof(struct replica *r, struct span bytes)
{
    if (atomic_fetch_add(&r->proof_count, 1) >= REPLICA_PROOFS_MAX) {
        atomic_fetch_sub(&r->proof_count, 1);
        return ST_BUSY;
    }
    struct flow_proof *p = flow_proof_new(r->config.mem, bytes);
    enum status st = p == NULL ? ST_NO_MEMORY : queue_push(r->inbox, p);
    if (st == ST_OK) return ST_OK;
    if (p != NULL) flow_proof_free(p);
    atomic_fetch_sub(&r->proof_count, 1);
    return st;
}

/* Whoever brought it was told that it is looked at; trustsql.evidence shows what it proved. */
static void take_proof(struct replica *r, struct flow_proof *p)
{
    enum status st = core_on_proof(r->core, span_of(p->bytes, p->size));
    (void)st;
    flow_proof_free(p);
    atomic_fetch_sub(&r->proof_count, 1);
}

/* Guests are of the running loop. */
static void answer_guest(struct replica *r, struct flow_guest *guest)
{
    if (atomic_load(&r->is_stopping))
        flow_guest_free(guest);
    else
        guests_answer(r->guests, peers_p2p(r->peers), guest);
}

/* Before its result can be signed and sent: whoever reads meanwhile must not be told less. */
static void note_signed(struct replica *r, const struct flow_block *b)
{
    mutex_lock(r->view_mutex);
    if (b->header.height > r->signed_height) r->signed_height = b->header.height;
    mutex_unlock(r->view_mutex);
}

static void take_back(struct replica *r, void *item)
{
    const struct flow *flow = item;
    switch (flow->kind) {
    case FLOW_TX:
    case FLOW_REFUSED: core_on_tx(r->core, item); return;
    case FLOW_PERSISTED:
        must(r->jobs_out > 0); /* I1 */
        r->jobs_out--;
        core_on_stored(r->core, item);
        return;
    case FLOW_BLOCK:
        note_signed(r, item);
        core_on_executed(r->core, item);
        return;
    case FLOW_HEIGHT: core_on_read(r->core, item); return;
    case FLOW_GUEST: answer_guest(r, item); return;
    case FLOW_PROOF: take_proof(r, item); return;
    case FLOW_EXECUTED:
    case FLOW_COMPILED:
    case FLOW_READ: break;
    }
    must(false); /* These go to the doors. */
}

void replica_stop(struct replica *r)
{
    if (r->thread == NULL) return;
    heal_stop(r->heal); /* The executor may wait for it. */
    atomic_store(&r->is_stopping, true);
    loop_wake_send(r->wake);
    thread_join(r->thread);
    r->thread = NULL;
    verify_free(r->verify); /* What it held is in the inbox now. */
    r->verify = NULL;
    executor_stop(r->executor);
    repair_free(r->repair);
    r->repair = NULL;
    snapshot_server_free(r->snapshots);
    r->snapshots = NULL;
    must(r->jobs_out == 0); /* I1: nothing will be pushed any more. */
    storage_free(
        r->storage); /* It settles by itself, too: from here on the store is the caller's. */
    r->storage = NULL;
    queue_close(r->inbox);
    void *item;
    while (queue_take(r->inbox, &item, 1) > 0)
        take_back(r, item);
    core_refuse_rest(r->core); /* I3 */
}

/* --- ports of the core ------------------------------------------------------------------------ */

static uint64_t port_mono_ms(void *context)
{
    const struct replica *r = context;
    return r->config.os->monotonic_ns(r->config.os) / 1000000u;
}

static uint64_t port_wall_ms(void *context)
{
    const struct replica *r = context;
    return r->config.os->wall_ms(r->config.os);
}

static enum status port_send(void *context,
                             uint32_t peer,
                             enum core_channel channel,
                             struct span bytes)
{
    static const enum p2p_channel channels[] = {P2P_CONSENSUS, P2P_TX, P2P_BULK};
    const struct replica *r = context;
    return peers_send(r->peers, peer, channels[channel], bytes);
}

static enum status port_store(void *context, struct storage_job *job)
{
    struct replica *r = context;
    TRY(storage_submit(r->storage, job));
    r->jobs_out++;
    return ST_OK;
}

static enum status port_verify(void *context, struct flow_tx *t)
{
    const struct replica *r = context;
    return verify_submit(r->verify, t);
}

static enum status port_execute(void *context, struct flow_block *b)
{
    const struct replica *r = context;
    return executor_submit(r->executor, b);
}

static void port_answer(void *context, struct flow *item)
{
    struct replica *r = context;
    if (item->kind == FLOW_HEIGHT) atomic_fetch_sub(&r->read_count, 1);
    enum status st = queue_push(r->config.outbox, item);
    must(st == ST_OK || st == ST_CLOSED); /* Tickets and reads are bounded by the outbox's room. */
    if (st == ST_OK) return;
    switch (item->kind) {
    case FLOW_BLOCK: flow_block_free((void *)item); break;
    case FLOW_EXECUTED: flow_executed_free((void *)item); break;
    case FLOW_TX:
    case FLOW_REFUSED: flow_tx_free((void *)item); break;
    case FLOW_PROOF:
    case FLOW_GUEST: flow_guest_free((void *)item); break;
    case FLOW_HEIGHT: /* Its asker's. */
    case FLOW_PERSISTED:
    case FLOW_COMPILED:
    case FLOW_READ: break;
    }
}

static enum status port_read_block(void *context, uint64_t height, struct buf *out)
{
    const struct replica *r = context;
    return store_read_block(r->config.store, height, out, NULL);
}

static enum status port_read_held(void *context, const struct hash *hash, struct buf *out)
{
    const struct replica *r = context;
    return store_read_held(r->config.store, hash, out);
}

/* Rare: at a start, for evidence of an old epoch. */
static enum status port_read_config(void *context, uint64_t epoch, struct buf *out, uint64_t *base)
{
    const struct replica *r = context;
    struct db *db = exec_db(r->config.exec);
    sqlite3 *reader = NULL;
    struct arena arena;
    struct exec_epoch found = {.first_height = 0};
    TRY(db_reader_open(db, &reader));
    arena_init(&arena, r->config.mem, 0);
    enum status st = db_view(db, reader, 0);
    if (st == ST_OK) st = exec_config_of(reader, &arena, epoch, &found);
    if (st == ST_OK && found.first_height == 0) st = ST_NOT_FOUND; /* It has not begun. */
    if (st == ST_OK) {
        buf_put(out, found.config);
        *base = found.first_height - 1;
        st = buf_status(out);
    }
    arena_fini(&arena);
    db_reader_close(db, reader);
    return st;
}

static bool port_own_key(void *context, const struct public_key *key, struct secret_key *out)
{
    const struct replica *r = context;
    if (node_keys_secret(r->config.keys, key, out)) return true;
    node_keys_look_again(r->config.keys, r->config.os, r->config.dir, r->config.signer);
    return node_keys_secret(r->config.keys, key, out);
}

/* The connections follow with the next tick, outside of all events. */
static void port_nodes(void *context,
                       const struct chain_config *config,
                       const struct public_key *former,
                       uint32_t former_count)
{
    struct replica *r = context;
    peers_nodes(r->peers, config, former, former_count);
    tell_key(r, config);
}

/* Doors show the key by which the chain knows this node. */
static void tell_key(struct replica *r, const struct chain_config *config)
{
    const struct node_keys *keys = r->config.keys;
    uint32_t used = node_keys_find(keys, config);
    if (used == keys->count || public_key_equal(&r->told_key, &keys->publics[used])) return;
    r->told_key = keys->publics[used];
    if (r->config.rekeyed != NULL)
        r->config.rekeyed(r->config.context, &r->told_key, &keys->secrets[used]);
}

static void port_keep_evidence(void *context, const struct evidence *e)
{
    const struct replica *r = context;
    enum status st = evidence_store_keep(r->evidence, e);
    /* A full disk stops the node at its next block; evidence alone does not. */
    if (st == ST_NO_MEMORY) fail(context, st, "evidence could not be kept");
}

static void set_ports(struct replica *r)
{
    r->ports = (struct core_ports){.mono_ms = port_mono_ms,
                                   .wall_ms = port_wall_ms,
                                   .send = port_send,
                                   .store = port_store,
                                   .verify = port_verify,
                                   .execute = port_execute,
                                   .answer = port_answer,
                                   .read_block = port_read_block,
                                   .read_held = port_read_held,
                                   .read_config = port_read_config,
                                   .own_key = port_own_key,
                                   .nodes = port_nodes,
                                   .keep_evidence = port_keep_evidence,
                                   .keep_incident = port_keep_incident,
                                   .drop_incident = port_drop_incident,
                                   .cpu_ns = thread_own_cpu_ns,
                                   .failed = fail,
                                   .context = r};
}

/* --- repair of blocks ------------------------------------------------------------------------- */

static enum status repair_send(void *context, uint32_t peer, struct span message, bool is_urgent)
{
    const struct replica *r = context;
    return peers_send(r->peers, peer, is_urgent ? P2P_CONSENSUS : P2P_BULK, message);
}

static void repair_lied(void *context, uint32_t peer)
{
    const struct replica *r = context;
    peers_ban(r->peers, peer, "it gave blocks that are none of the chain");
}

static void repair_closed(void *context, const struct repair_report *report)
{
    struct replica *r = context;
    char text[REPAIR_WHAT_MAX];
    repair_describe(text, report);
    tell(r, text);
    if (heal_expects(r->heal, &report->place)) return;
    struct heal_find find = {.kind = INCIDENT_BLOCK,
                             .state = INCIDENT_REPAIRED,
                             .height = report->first,
                             .old_hash = report->hash,
                             .time_ms = r->config.os->wall_ms(r->config.os)};
    (void)snprintf(find.place, sizeof find.place, "%.90s offset %llu height %llu: %s",
                   report->place.file, (unsigned long long)report->place.offset,
                   (unsigned long long)report->first, report->place.what);
    replica_note_find(r, &find);
}

static void repair_failed(void *context, enum status st, const char *what)
{
    const struct replica *r = context;
    (void)st; /* It tries again; the damaged blocks are not served meanwhile. */
    tell(r, what);
}

static enum status open_repair(struct replica *r)
{
    struct repair_config repair = {.os = r->config.os,
                                   .mem = r->config.mem,
                                   .store = r->config.store,
                                   .chain_id = r->config.chain_id,
                                   .peer_count = PEERS_PLACES,
                                   .send = repair_send,
                                   .lied = repair_lied,
                                   .closed = repair_closed,
                                   .failed = repair_failed,
                                   .context = r};
    return repair_new(&r->repair, &repair);
}

/* --- joining ---------------------------------------------------------------------------------- */

static enum status snapshots_send(void *context, uint32_t peer, struct span message)
{
    const struct replica *r = context;
    return peers_send(r->peers, peer, P2P_BULK, message);
}

static void snapshots_certificates(void *context,
                                   struct certificate *commit,
                                   struct certificate *result)
{
    const struct replica *r = context; /* The loop's thread alone writes voice. */
    *commit = r->voice.committed;
    *result = r->voice.certified;
}

static enum status open_snapshots(struct replica *r)
{
    const struct snapshot_server_config config = {.os = r->config.os,
                                                  .mem = r->config.mem,
                                                  .dir = r->config.dir,
                                                  .chain_id = r->config.chain_id,
                                                  .exec = r->config.exec,
                                                  .store = r->config.store,
                                                  .send = snapshots_send,
                                                  .certificates = snapshots_certificates,
                                                  .warn = warn,
                                                  .context = r};
    return snapshot_server_new(&r->snapshots, &config);
}

static void look_for_lag(struct replica *r)
{
    const uint32_t most = r->config.settings->snapshot_blocks;
    if (!r->config.may_join || atomic_load(&r->is_stopping)) return;
    if (!lag_is_large(&r->consensus, most)) return;
    if (joining_ask(r->config.os, r->config.dir) != ST_OK) return;
    fail(r, ST_BUSY, "the others are far ahead: this node joins by snapshot");
}

/* --- network ---------------------------------------------------------------------------------- */

static void on_peer(void *context, uint32_t peer, bool is_up)
{
    const struct replica *r = context;
    if (!atomic_load(&r->has_failed)) core_on_peer(r->core, peer, is_up);
}

/* The core's since then, on this thread. */
static void note_cpu(struct replica *r, uint64_t start_ns)
{
    atomic_fetch_add(&r->core_ns, thread_own_cpu_ns() - start_ns);
    atomic_store(&r->engine_ns, core_engine_ns(r->core));
}

static void on_peer_message(void *context,
                            uint32_t peer,
                            enum p2p_channel channel,
                            struct span bytes)
{
    static const enum core_channel channels[] = {CORE_URGENT, CORE_TXS, CORE_BULK};
    struct replica *r = context;
    if (atomic_load(&r->has_failed)) return; /* I2 */
    if (repair_on_message(r->repair, peer, bytes)) return;
    const bool is_member = peer < r->consensus.node_count;
    if (channel == P2P_BULK && snapshot_server_on_message(r->snapshots, peer, is_member, bytes))
        return;
    const uint64_t start = thread_own_cpu_ns();
    enum status st = core_on_message(r->core, peer, channels[channel], bytes);
    note_cpu(r, start);
    if (st != ST_OK) peers_ban(r->peers, peer, "it sent what no node sends");
}

static bool on_admit(void *context, const struct public_key *key, struct span token)
{
    const struct replica *r = context;
    return !atomic_load(&r->is_stopping) && guests_admit(r->guests, key, token);
}

static void on_guest(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes)
{
    const struct replica *r = context;
    if (channel == P2P_BULK && !atomic_load(&r->is_stopping))
        guests_message(r->guests, peers_p2p(r->peers), peer, bytes);
}

/* A chain of one node listens only when it expects somebody. */
static void look_for_invitations(struct replica *r)
{
    uint64_t last_ms;
    const uint64_t now = port_mono_ms(r);
    if (peers_p2p(r->peers) != NULL || now - r->invited_ms < REPLICA_INVITED_MS) return;
    r->invited_ms = now;
    if (invitations_open(&r->guests->invitations, port_wall_ms(r), &last_ms) > 0)
        peers_await(r->peers);
}

static enum status new_network(struct replica *r)
{
    r->guests = mem_alloc_zero(r->config.mem, 1, sizeof *r->guests);
    if (r->guests == NULL) return ST_NO_MEMORY;
    r->guests->mem = r->config.mem;
    r->guests->outbox = r->config.outbox;
    r->guests->invitations =
        (struct invitations){.os = r->config.os, .mem = r->config.mem, .dir = r->config.dir};
    struct peers_config config = {.os = r->config.os,
                                  .mem = r->config.mem,
                                  .loop = r->loop,
                                  .chain_id = r->config.chain_id,
                                  .settings = r->config.settings,
                                  .keys = r->config.keys,
                                  .events = {.up = on_peer,
                                             .message = on_peer_message,
                                             .admit = on_admit,
                                             .guest = on_guest,
                                             .context = r}};
    return peers_new(&r->peers, &config);
}

static enum status follow_network(struct replica *r, char *what)
{
    const struct node_config *settings = r->config.settings;
    enum status st = peers_follow(r->peers);
    if (st == ST_EXISTS)
        (void)snprintf(what, REPLICA_WHAT_MAX,
                       "port %u of %s is taken: another program listens "
                       "there (node.conf, [p2p])",
                       settings->p2p_port, settings->p2p_host);
    else if (st == ST_INVALID)
        (void)snprintf(what, REPLICA_WHAT_MAX,
                       "the addresses of the other nodes or the proxy are "
                       "malformed (node.conf, [p2p] and [peer.NAME])");
    return st;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void copy_consensus(struct replica *r, struct consensus_view *out)
{
    core_view(r->core, out);
    for (uint32_t i = 0; i < out->node_count; i++) {
        struct consensus_view_member *member = &out->members[i];
        struct p2p_peer_view peer;
        if (i == out->self || !peers_view(r->peers, i, &peer)) continue;
        member->is_connected = peers_is_up(r->peers, i);
        member->rtt_us = peer.rtt_us;
        member->clock_offset_ms = peer.clock_offset_ms;
        (void)snprintf(member->address, sizeof member->address, "%.*s",
                       (int)sizeof member->address - 1, peer.address);
        (void)snprintf(member->last_failure, sizeof member->last_failure, "%s", peer.last_failure);
    }
    out->evidence_count = evidence_store_count(r->evidence);
    if (r->why_silent != NULL)
        (void)snprintf(out->not_voting_reason, sizeof out->not_voting_reason, "%s", r->why_silent);
}

static void warn(void *context, const char *text)
{
    const struct replica *r = context;
    tell(r, text);
}

static void note_rollback(struct replica *r)
{
    const struct heal_find find = {
        .kind = INCIDENT_JOURNAL,
        .state = INCIDENT_LOST,
        .place = "journal: it is older than what this node has said; the node does not vote",
        .time_ms = r->config.os->wall_ms(r->config.os)};
    warn(r, find.place);
    replica_note_find(r, &find);
}

/* Judged by certificates alone (the engine's alarm). */
static void look_for_divergence(struct replica *r, const struct consensus_stand *stand)
{
    bool is_due = false;
    if (stand->alarm == ALARM_JOURNAL_ROLLED_BACK && !r->is_rollback_told) {
        r->is_rollback_told = true;
        note_rollback(r);
    }
    if (stand->alarm != ALARM_DIVERGED || atomic_exchange(&r->is_quarantined, true)) return;
    enum status st = quarantine_note(r->config.os, r->config.dir, stand->executed_height, &is_due);
    if (st != ST_OK) {
        fail(r, st, "the state of this node is refuted, and that could not be written down");
    } else if (is_due) {
        fail(r, ST_CORRUPT,
             "a certificate refutes the state of this node: it is made again from the blocks");
    } else {
        warn(r, "a certificate refutes the state of this node, after two rebuilds: it answers no "
                "reads and votes on no results; see trustsql doctor");
    }
}

static void publish(struct replica *r)
{
    struct consensus_stand stand;
    uint64_t now = port_mono_ms(r);
    consensus_stand_of(core_engine(r->core), &stand, now);
    look_for_divergence(r, &stand);
    bool is_due = now - r->consensus_mono_ms >= REPLICA_VIEW_MS;
    mutex_lock(r->view_mutex);
    r->view = (struct replica_view){.height = stand.tip_height,
                                    .final_height = stand.final_height,
                                    .executed_height = stand.executed_height,
                                    .digest = stand.executed_digest,
                                    .block_hash = stand.tip_hash,
                                    .view = stand.view,
                                    .leader = stand.leader,
                                    .time_ms = stand.tip_time_ms,
                                    .waiting = core_waiting(r->core)};
    r->signed_height = core_signed_height(r->core);
    if (is_due || r->consensus_mono_ms == 0) {
        copy_consensus(r, &r->consensus);
        r->consensus_mono_ms = now;
    }
    if (r->voice.certified.statement.height != core_certified_height(r->core) ||
        r->voice.epoch != core_present_epoch(r->core) || r->voice.key.scheme == 0)
        core_voice(r->core, &r->voice);
    mutex_unlock(r->view_mutex);
    if (is_due) look_for_lag(r);
    if (is_due) watch_look(&r->watch, &r->consensus, warn, r); /* Only this thread writes it. */
}

enum status replica_epochs(struct replica *r, uint64_t epoch, struct buf *out)
{
    const struct epoch_source source = {.mem = r->config.mem,
                                        .read_block = port_read_block,
                                        .read_config = port_read_config,
                                        .context = r};
    return epoch_chain_read(&source, epoch, out);
}

static void follow_or_fail(struct replica *r)
{
    char what[REPLICA_WHAT_MAX] = "the connections to the nodes of the new epoch could not be made";
    enum status st = follow_network(r, what);
    if (st != ST_OK) fail(r, st, what);
}

static void tick(struct replica *r)
{
    if (atomic_load(&r->has_failed)) {
        if (r->jobs_out == 0) loop_stop(r->loop); /* I1 */
        return;
    }
    if (atomic_load(&r->is_stopping)) {
        if (!r->is_core_stopped) core_stop(r->core);
        r->is_core_stopped = true;
    }
    core_tick(r->core);
    repair_tick(r->repair, port_mono_ms(r));
    snapshot_server_tick(r->snapshots, port_mono_ms(r));
    look_for_invitations(r);
    follow_or_fail(r);
    if (r->is_core_stopped && core_is_idle(r->core)) loop_stop(r->loop);
    executor_tick(r->executor, port_mono_ms(r));
    heal_tick(r->heal, port_mono_ms(r));
    tell_finds(r);
    publish(r);
}

static void on_wake(void *context)
{
    struct replica *r = context;
    void *chunk[REPLICA_CHUNK];
    const uint64_t start = thread_own_cpu_ns();
    uint32_t count = queue_take(r->inbox, chunk, REPLICA_CHUNK);
    for (uint32_t i = 0; i < count; i++)
        take_back(r, chunk[i]);
    tick(r);
    note_cpu(r, start);
    if (count == REPLICA_CHUNK) loop_wake_send(r->wake);
}

static void on_timer(void *context)
{
    struct replica *r = context;
    const uint64_t start = thread_own_cpu_ns();
    tick(r);
    note_cpu(r, start);
}
