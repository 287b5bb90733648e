/* host.c - A machine of the simulated world: the core over its ports, the disk, life and death. */
#include "sim/host.h"

#include <stdio.h>

#include "base/must.h"
#include "node/core_start.h"
#include "sim/epochs.h"
#include "sim/liar.h"
#include "sim/oracle.h"
#include "sim/reads.h"

#define BURST_US      60u /* A tick follows what arrived: as after a turn of a loop. */
#define VERIFY_US     60u
#define REDIAL_US     100000u /* Until a dropped connection is tried again. */
#define JOURNAL_AREA  (64u << 10)
#define SEGMENT_SIZE  (64u << 10)
#define PENDING_SIZE  (32u << 10)
#define DISK_CAPACITY (UINT64_C(1) << 40)

static struct core_ports ports_of(struct host *h);
static void forget_places(struct host *h);
static void die_if_wanted(struct host *h);
static void stop(struct host *h, enum fake_os_crash mode);

/* --- life ------------------------------------------------------------------------------------- */

void host_init(struct host *h, struct world *w, uint32_t id, uint32_t voter, enum host_part part)
{
    *h = (struct host){.world = w,
                       .id = id,
                       .voter = voter,
                       .keys = {voter},
                       .key_count = 1,
                       .part = part,
                       .disk_low_us = 300,
                       .disk_high_us = 900,
                       .execute_us = 200,
                       .crash_mode = FAKE_OS_LOSE_SOME};
    forget_places(h);
    memory_init(&h->memory);
    h->os = fake_os_new(w->config.seed ^ ((uint64_t)id << 48) ^ 0x5eedu);
    h->ports = ports_of(h);
}

void host_fini(struct host *h)
{
    if (h->is_up) stop(h, FAKE_OS_KEEP_ALL);
    memory_drop(&h->memory);
    fake_os_free(h->os);
    liar_free(h->liar);
}

static enum status open_disk(struct host *h)
{
    struct world *w = h->world;
    struct os *os = fake_os_table(h->os);
    enum status st = os->make_dir(os, HOST_DIR);
    if (st == ST_OK) st = os->sync_dir(os, ".");
    if (st != ST_OK && st != ST_EXISTS) return st;
    if (w->config.fault == FAULT_JOURNAL_NOSYNC) fake_os_ignore_sync(h->os, "journal");
    struct store_config config = {.os = os,
                                  .mem = &h->memory.mem,
                                  .dir = HOST_DIR,
                                  .chain_id = w->chain_id,
                                  .segment_size = SEGMENT_SIZE,
                                  .pending_size = PENDING_SIZE,
                                  .journal_area_size =
                                      w->config.nodes > 7 ? 4 * JOURNAL_AREA : JOURNAL_AREA,
                                  .has_peers = w->config.nodes > 1};
    struct damage damage = {.file = ""};
    st = store_open(&h->store, &config, &damage);
    if (damage.file[0] != 0)
        world_say(w, "n%u finds damage in %s: %s", h->id, damage.file, damage.what);
    return st;
}

/* The oracle believes the disk, not the sync. */
static void note_durable(struct host *h)
{
    struct oracle *o = h->world->oracle;
    bool is_durable = fake_os_is_durable(h->os, HOST_DIR "/journal") &&
                      fake_os_is_durable(h->os, HOST_DIR "/pending");
    if (!is_durable) {
        world_say(h->world, "n%u believes a sync that was none", h->id);
        return;
    }
    struct buf record;
    struct buf vc;
    buf_init(&record, mem_system(), 0);
    buf_init(&vc, mem_system(), 0);
    enum status first = store_journal_read(h->store, CONSENSUS_SLOT_PROMISE, &record);
    enum status second = store_journal_read(h->store, CONSENSUS_SLOT_VIEW_CHANGE, &vc);
    must(first == ST_OK || first == ST_NOT_FOUND);
    must(second == ST_OK || second == ST_NOT_FOUND);
    oracle_on_durable(o, h, buf_span(&record), buf_span(&vc));
    buf_fini(&record);
    buf_fini(&vc);
}

/* What a crash left is durable, more of it perhaps than was ever reported. */
static enum status note_held(void *context,
                             uint64_t height,
                             const struct hash *hash,
                             struct span bytes)
{
    struct host *h = context;
    struct flow_block *b = NULL;
    (void)height;
    (void)hash;
    if (replay_decode(&b, &h->memory.mem, bytes) != ST_OK) return ST_OK;
    oracle_on_hold(h->world->oracle, h, b);
    flow_block_free(b);
    return ST_OK;
}

static enum status note_damaged(void *context, const struct damage *damage)
{
    struct host *h = context;
    world_say(h->world, "n%u finds a held body damaged: %s", h->id, damage->what);
    return ST_OK;
}

static enum status note_disk(struct host *h)
{
    struct store_held_visitor visitor = {.visit = note_held, .found = note_damaged, .context = h};
    TRY(store_held_each(h->store, &visitor));
    if (!store_journal_is_lost(h->store)) note_durable(h);
    return ST_OK;
}

/* --- starting: the machine is executed again from the blocks -----------------------------------
 */

static uint64_t machine_height(void *context)
{
    return ((struct host *)context)->machine.height;
}

static enum status machine_replay(void *context, struct flow_block *b)
{
    struct host *h = context;
    TRY(machine_apply(&h->machine, b));
    oracle_on_replayed(h->world->oracle, h, b);
    return store_append_result(h->store, b->header.height, b->outcome.record);
}

static enum status machine_digest_at(void *context, uint64_t height, struct hash *out)
{
    const struct machine *m = &((struct host *)context)->machine;
    must(height <= m->height);
    if (m->height - height >= CONSENSUS_LAG_MAX) return ST_NOT_FOUND;
    *out = m->digests[height % CONSENSUS_LAG_MAX];
    return ST_OK;
}

static void machine_history(void *context, struct merkle_tree *out)
{
    *out = ((struct host *)context)->machine.history;
}

static const struct mode_state *machine_mode(void *context)
{
    return &((struct host *)context)->machine.mode;
}

static enum status read_start(struct host *h, uint64_t key, struct core_start_data *out)
{
    struct world *w = h->world;
    struct core_start_config config = {.mem = &h->memory.mem,
                                       .store = h->store,
                                       .machine = {.height = machine_height,
                                                   .apply = machine_replay,
                                                   .digest = machine_digest_at,
                                                   .history = machine_history,
                                                   .mode = machine_mode,
                                                   .context = h},
                                       .chain_id = w->chain_id,
                                       .genesis_time_ms = w->genesis.time_ms,
                                       .validator_count = w->config.nodes,
                                       .key = key,
                                       .nonce = rng_u64(&w->rng)};
    TRY(core_start_read(out, &config));
    if (!out->is_voter) world_say(w, "n%u does not vote: %s", h->id, out->why);
    return ST_OK;
}

static enum status open_core(struct host *h)
{
    struct world *w = h->world;
    struct core_start_data data;
    uint64_t key = rng_u64(&w->rng) | 1u;
    TRY(read_start(h, key, &data));
    struct core_config config = {.mem = &h->memory.mem,
                                 .engine = {.chain_id = w->chain_id,
                                            .signer = w->signer,
                                            .node_key = w->node_keys[h->voter],
                                            .is_voter = data.is_voter,
                                            .fault = w->config.fault},
                                 .view_ms = w->config.view_ms,
                                 .genesis = &w->genesis,
                                 .ports = &h->ports,
                                 .key = key};
    data.start.next_config =
        machine_next_config(&h->machine, data.start.epoch, &data.start.next_from);
    enum status st = core_new(&h->core, &config, &data.start);
    if (st == ST_OK) data.start.pool = NULL;
    core_start_fini(&data);
    return st;
}

static void plan_tick(struct host *h, uint64_t after_us, bool is_burst)
{
    struct event e = {.at_us = h->world->now_us + after_us,
                      .kind = HAPPENS_TICK,
                      .host = h->id,
                      .life = h->life,
                      .flag = is_burst};
    schedule_add(&h->world->schedule, &e);
}

void host_start(struct host *h)
{
    struct world *w = h->world;
    must(!h->is_up);
    must(h->part != PART_PUPPET);
    h->life++;
    h->is_halted = h->cannot_run = false;
    h->complaints = (struct complaints){0};
    const struct machine_keys keys = {.keys = w->public_keys, .count = w->key_count};
    machine_init(&h->machine, &h->memory.mem, &w->genesis, &keys);
    enum status st = open_disk(h);
    if (st == ST_OK) st = note_disk(h);
    if (st == ST_OK) st = open_core(h);
    if (st != ST_OK) {
        h->cannot_run = true;
        h->failure = st;
        world_say(w, "n%u cannot start: %s", h->id, status_text(st));
        world_mix(w, (uint64_t)st);
        stop(h, FAKE_OS_KEEP_ALL);
        return;
    }
    h->machine.false_from = h->false_from;
    h->is_up = true;
    h->has_tick = false;
    world_say(w, "n%u starts at height %llu", h->id, (unsigned long long)h->machine.height);
    plan_tick(h, 1 + rng_below(&w->rng, WORLD_TICK_US), false);
    for (uint32_t i = 0; i < w->host_count; i++)
        network_connect(w, h->id, i);
}

/* Memory, file objects and what was under way are gone: W2. */
static void stop(struct host *h, enum fake_os_crash mode)
{
    if (h->is_up) oracle_on_crash(h->world->oracle, h);
    h->is_up = false;
    for (uint32_t i = 0; i < h->world->host_count; i++)
        network_disconnect(h->world, h->id, i);
    h->life++;
    h->core = NULL;
    h->store = NULL;
    h->machine = (struct machine){0};
    h->job_count = h->jobs_under_way = 0;
    h->execute_count = h->verify_count = 0;
    h->executor_free_us = 0;
    forget_places(h);
    h->is_cut_armed = false;
    memory_drop(&h->memory);
    fake_os_crash(h->os, mode);
    fake_os_drop_files(h->os);
}

static void plan_restart(struct host *h, uint64_t after_us)
{
    struct event e = {.at_us = h->world->now_us + after_us, .kind = HAPPENS_RESTART, .host = h->id};
    schedule_add(&h->world->schedule, &e);
}

void host_crash(struct host *h, enum fake_os_crash mode)
{
    if (!h->is_up) return;
    world_say(h->world, "n%u dies", h->id);
    world_mix(h->world, h->id);
    stop(h, mode);
    if (h->restart_us > 0) plan_restart(h, h->restart_us);
}

/* What a port noticed takes effect when the core has returned. */
static void die_if_wanted(struct host *h)
{
    if (!h->is_up) return;
    if (h->is_cut_armed && fake_os_has_failed(h->os)) {
        host_crash(h, h->crash_mode);
    } else if (h->is_halted) {
        world_say(h->world, "n%u stops: %s (%s)", h->id, h->why, status_text(h->failure));
        world_mix(h->world, (uint64_t)h->failure);
        stop(h, FAKE_OS_KEEP_ALL);
        if (h->restart_us > 0) plan_restart(h, h->restart_us);
    }
}

/* --- ports ------------------------------------------------------------------------------------ */

static uint64_t port_mono(void *context)
{
    return host_mono_ms(context);
}

static uint64_t port_wall(void *context)
{
    return host_wall_ms(context);
}

static enum status port_send(void *context,
                             uint32_t peer,
                             enum core_channel channel,
                             struct span bytes)
{
    struct host *h = context;
    if (h->part == PART_LIAR) return liar_send(h, peer, channel, bytes);
    return network_send(h->world, h->id, peer, channel, bytes);
}

static enum status port_read_config(void *context, uint64_t epoch, struct buf *out, uint64_t *base)
{
    return machine_config(&((struct host *)context)->machine, epoch, out, base);
}

static bool port_own_key(void *context, const struct public_key *key, struct secret_key *out)
{
    struct host *h = context;
    uint32_t number = epochs_key_number(h->world, key);
    if (number == KEY_NONE || !host_owns(h, number)) return false;
    *out = h->world->node_keys[number];
    return true;
}

static void plan_look_around(struct host *h)
{
    struct event e = {.at_us = h->world->now_us + 1,
                      .kind = HAPPENS_PEER,
                      .host = h->id,
                      .life = h->life,
                      .number = h->id};
    schedule_add(&h->world->schedule, &e);
}

/* The core keeps what it knows of a key that moves to another place. */
static void port_nodes(void *context,
                       const struct chain_config *config,
                       const struct public_key *former,
                       uint32_t former_count)
{
    struct host *h = context;
    bool was_up[WORLD_KEYS_MAX] = {false};
    for (uint32_t i = 0; i < HOST_PLACES_MAX; i++)
        if (h->is_place_up[i]) was_up[h->places[i]] = true;
    must(config->node_count + former_count <= HOST_PLACES_MAX);
    for (uint32_t i = 0; i < HOST_PLACES_MAX; i++) {
        const struct public_key *key = NULL;
        if (i < config->node_count)
            key = &config->nodes[i].node_key;
        else if (i - config->node_count < former_count)
            key = &former[i - config->node_count];
        h->places[i] = key == NULL ? KEY_NONE : epochs_key_number(h->world, key);
        h->is_place_up[i] = h->places[i] != KEY_NONE && was_up[h->places[i]];
    }
    h->epoch = config->epoch;
    world_say(h->world, "n%u is in epoch %llu", h->id, (unsigned long long)config->epoch);
    world_mix(h->world, config->epoch);
    plan_look_around(h);
}

static void start_disk(struct host *h)
{
    struct world *w = h->world;
    must(h->jobs_under_way == 0);
    h->jobs_under_way = h->job_count;
    struct event e = {.at_us = w->now_us + rng_between(&w->rng, h->disk_low_us, h->disk_high_us),
                      .kind = HAPPENS_SYNC,
                      .host = h->id,
                      .life = h->life};
    schedule_add(&w->schedule, &e);
}

static enum status port_store(void *context, struct storage_job *job)
{
    struct host *h = context;
    if (h->job_count == WORLD_JOBS_MAX) {
        world_violate(h->world, "I14", "host %u has too many jobs for its disk", h->id);
        return ST_BUSY;
    }
    h->jobs[h->job_count++] = job;
    if (h->jobs_under_way == 0) start_disk(h);
    return ST_OK;
}

static enum status port_verify(void *context, struct flow_tx *t)
{
    struct host *h = context;
    struct world *w = h->world;
    if (h->verify_count == WORLD_VERIFIES_MAX) return ST_BUSY;
    h->verify_count++;
    struct event e = {.at_us = w->now_us + VERIFY_US + rng_below(&w->rng, VERIFY_US),
                      .kind = HAPPENS_VERIFIED,
                      .host = h->id,
                      .life = h->life,
                      .item = t};
    schedule_add(&w->schedule, &e);
    return ST_OK;
}

static enum status port_execute(void *context, struct flow_block *b)
{
    struct host *h = context;
    struct world *w = h->world;
    oracle_on_execute(w->oracle, h, b);
    if (h->execute_count == WORLD_EXECUTES_MAX) {
        world_violate(w, "I14", "host %u has too many blocks to execute", h->id);
        return ST_BUSY;
    }
    h->execute_count++;
    uint64_t start = h->executor_free_us > w->now_us ? h->executor_free_us : w->now_us;
    h->executor_free_us = start + h->execute_us;
    struct event e = {.at_us = h->executor_free_us,
                      .kind = HAPPENS_EXECUTED,
                      .host = h->id,
                      .life = h->life,
                      .item = b};
    schedule_add(&w->schedule, &e);
    return ST_OK;
}

static void port_answer(void *context, struct flow *item)
{
    struct host *h = context;
    if (item->kind == FLOW_BLOCK) {
        struct flow_block *b = (struct flow_block *)(void *)item;
        oracle_on_answer(h->world->oracle, h, b);
        for (uint32_t i = 0; i < b->tx_count; i++) {
            mem_free(&h->memory.mem, b->txs[i]->ticket);
            b->txs[i]->ticket = NULL;
        }
        flow_block_free(b);
        return;
    }
    if (item->kind == FLOW_HEIGHT) {
        reads_on_answer(h->world, (const struct flow_read *)(const void *)item);
        return;
    }
    must(item->kind == FLOW_REFUSED); /* Nobody here asks for early answers. */
    struct flow_tx *t = (struct flow_tx *)(void *)item;
    mem_free(&h->memory.mem, t->ticket);
    t->ticket = NULL;
    flow_tx_free(t);
}

static enum status port_read_block(void *context, uint64_t height, struct buf *out)
{
    return store_read_block(((struct host *)context)->store, height, out, NULL);
}

static enum status port_read_held(void *context, const struct hash *hash, struct buf *out)
{
    return store_read_held(((struct host *)context)->store, hash, out);
}

static void port_evidence(void *context, const struct evidence *e)
{
    struct host *h = context;
    world_say(h->world, "n%u holds %s against %u", h->id, evidence_name(e->kind), e->offender);
    world_mix(h->world, (uint64_t)e->kind << 32 | e->offender);
    oracle_on_evidence(h->world->oracle, h, e);
}

static void port_failed(void *context, enum status status, const char *what)
{
    struct host *h = context;
    h->is_halted = true;
    h->failure = status;
    (void)snprintf(h->why, sizeof h->why, "%s", what);
}

static struct core_ports ports_of(struct host *h)
{
    return (struct core_ports){.mono_ms = port_mono,
                               .wall_ms = port_wall,
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
                               .keep_evidence = port_evidence,
                               .failed = port_failed,
                               .context = h};
}

/* --- events ----------------------------------------------------------------------------------- */

static void tick_soon(struct host *h)
{
    if (h->has_tick || !h->is_up) return;
    h->has_tick = true;
    plan_tick(h, BURST_US, true);
}

static void on_sync(struct host *h)
{
    struct storage_job *jobs[WORLD_JOBS_MAX];
    uint32_t count = h->jobs_under_way;
    must(count > 0);
    memcpy(jobs, h->jobs, count * sizeof(struct storage_job *));
    h->job_count -= count;
    memmove(h->jobs, h->jobs + count, h->job_count * sizeof(struct storage_job *));
    h->jobs_under_way = 0;
    bool needs_sync = false;
    for (uint32_t i = 0; i < count; i++)
        needs_sync = needs_sync || jobs[i]->needs_sync;
    enum status st = storage_perform(h->store, jobs, count);
    if (h->is_cut_armed && fake_os_has_failed(h->os)) return; /* The power is gone. */
    for (uint32_t i = 0; st == ST_OK && i < count; i++)
        if (jobs[i]->hold != NULL) oracle_on_hold(h->world->oracle, h, jobs[i]->hold);
    if (st == ST_OK && needs_sync) note_durable(h);
    for (uint32_t i = 0; i < count && !h->is_halted; i++)
        core_on_stored(h->core, jobs[i]);
    if (st == ST_OK && h->is_up && !h->is_halted) {
        st = storage_tidy(h->store);
        must(st != ST_INVALID); /* The store keeps a failure: the next job tells. */
    }
    if (h->jobs_under_way == 0 && h->job_count > 0 && !h->is_halted) start_disk(h);
}

static void on_executed(struct host *h, struct flow_block *b)
{
    must(h->execute_count > 0);
    h->execute_count--;
    if (h->crash_at_height == b->header.height) {
        h->crash_at_height = 0;
        host_crash(h, h->crash_mode);
        return;
    }
    enum status st = machine_apply(&h->machine, b);
    must(st == ST_OK);
    oracle_on_executed(h->world->oracle, h, b);
    st = store_append_result(h->store, b->header.height, b->outcome.record);
    if (st != ST_OK) port_failed(h, st, "a result could not be written");
    if (!h->is_halted) core_on_executed(h->core, b);
}

/* As node/verify.c does with one that comes from a peer or from a body. */
static void on_verified(struct host *h, struct flow_tx *t)
{
    must(h->verify_count > 0);
    h->verify_count--;
    struct world *w = h->world;
    enum status st = tx_decode(&t->tx, &t->arena, span_of(t->bytes, t->size));
    if (st == ST_OK && t->tx.is_redacted) st = ST_INVALID;
    if (st == ST_OK && !hash_equal(&t->tx.chain_id, &w->chain_id)) st = ST_WRONG_CHAIN;
    if (st == ST_OK) st = tx_verify(&t->tx, w->signer);
    t->flow.kind = st == ST_OK ? FLOW_TX : FLOW_REFUSED;
    t->status = st;
    if (st != ST_OK && t->source == FLOW_LOCAL) {
        port_answer(h, &t->flow);
        return;
    }
    core_on_tx(h->core, t);
}

static void on_parcel(struct host *h, const struct event *e)
{
    const struct parcel *p = e->item;
    struct world *w = h->world;
    uint32_t from = (uint32_t)e->number;
    world_mix(w, (uint64_t)from << 32 | h->id);
    if (w->config.say != NULL) {
        char text[256];
        gist_text(text, sizeof text, &p->gist);
        world_say(w, "n%u < n%u %s", h->id, from, text);
    }
    uint32_t place = host_place_of(h, &w->hosts[from]);
    if (place == HOST_PLACES_MAX) return; /* No node any more. */
    enum status st = core_on_message(h->core, place, p->channel, span_of(p->bytes, p->size));
    if (st == ST_OK) return;
    must(st == ST_INVALID);
    h->codec_refusals++;
    if (host_is_honest(&w->hosts[from]) && host_is_honest(h))
        world_violate(w, "codec", "host %u refuses what honest host %u says", h->id, from);
    network_disconnect(w, h->id, from);
    network_reconnect(w, h->id, from, REDIAL_US);
}

/* --- peers ------------------------------------------------------------------------------------ */

static void forget_places(struct host *h)
{
    for (uint32_t i = 0; i < HOST_PLACES_MAX; i++)
        h->places[i] = KEY_NONE;
    memset(h->is_place_up, 0, sizeof h->is_place_up);
    memset(h->is_linked, 0, sizeof h->is_linked);
}

uint32_t host_place_of(const struct host *h, const struct host *other)
{
    uint32_t i = 0;
    while (i < HOST_PLACES_MAX && (h->places[i] == KEY_NONE || !host_owns(other, h->places[i])))
        i++;
    return i;
}

void host_give_key(struct host *h, uint32_t key_number)
{
    if (host_owns(h, key_number)) return;
    must(h->key_count < HOST_KEYS_MAX);
    h->keys[h->key_count++] = key_number;
}

/* Twins are one peer to others: it is up while one of them is. */
static void look_around(struct host *h)
{
    bool is_up[HOST_PLACES_MAX] = {false};
    struct world *w = h->world;
    for (uint32_t i = 0; i < w->host_count; i++) {
        uint32_t place = host_place_of(h, &w->hosts[i]);
        if (h->is_linked[i] && place < HOST_PLACES_MAX) is_up[place] = true;
    }
    for (uint32_t i = 0; i < HOST_PLACES_MAX; i++) {
        if (is_up[i] == h->is_place_up[i]) continue;
        h->is_place_up[i] = is_up[i];
        core_on_peer(h->core, i, is_up[i]);
    }
}

/* Of itself: others are its peers now. */
static void on_peer(struct host *h, uint32_t other, bool is_up)
{
    struct world *w = h->world;
    for (uint32_t i = 0; other == h->id && i < w->host_count; i++)
        network_connect(w, h->id, i);
    if (other != h->id) h->is_linked[other] = is_up;
    look_around(h);
}

void host_handle(struct host *h, const struct event *e)
{
    h->events++;
    if (e->kind == HAPPENS_RESTART) {
        if (!h->is_up && h->part != PART_PUPPET) host_start(h);
        return;
    }
    switch (e->kind) {
    case HAPPENS_TICK:
        if (e->flag) h->has_tick = false;
        core_tick(h->core);
        if (!e->flag) plan_tick(h, WORLD_TICK_US, false);
        break;
    case HAPPENS_MESSAGE:
        on_parcel(h, e);
        tick_soon(h);
        break;
    case HAPPENS_VERIFIED:
        on_verified(h, e->item);
        tick_soon(h);
        break;
    case HAPPENS_SYNC:
        on_sync(h);
        tick_soon(h);
        break;
    case HAPPENS_EXECUTED:
        on_executed(h, e->item);
        tick_soon(h);
        break;
    case HAPPENS_PEER: on_peer(h, (uint32_t)e->number, e->flag); break;
    case HAPPENS_CONNECT:
    case HAPPENS_RESTART:
    case HAPPENS_CLIENT:
    case HAPPENS_LOAD:
    case HAPPENS_READ: must(false);
    }
    die_if_wanted(h);
}

static void settled(struct ticket *t)
{
    (void)t;
}

void host_submit(struct host *h, struct span tx_bytes, bool has_ticket)
{
    struct flow_tx *t = flow_tx_new(&h->memory.mem, tx_bytes);
    must(t != NULL);
    t->source = FLOW_LOCAL;
    if (has_ticket) {
        t->ticket = mem_alloc_zero(&h->memory.mem, 1, sizeof *t->ticket);
        must(t->ticket != NULL);
        t->ticket->settled = settled;
    }
    if (port_verify(h, t) != ST_OK) port_answer(h, &t->flow);
}

void host_read(struct host *h, struct flow_read *r)
{
    must(h->is_up);
    core_on_read(h->core, r);
    tick_soon(h);
}

void host_complain(struct host *h, const struct complaint *complaint)
{
    const char *why = NULL;
    if (!h->is_up) return;
    enum status st = complaints_judge(&h->complaints, complaint, host_mono_ms(h), &why);
    if (st == ST_BUSY) h->complained.refused++;
    if (st == ST_INVALID) h->complained.baseless++;
    if (st != ST_OK) return;
    h->complained.taken++;
    world_mix(h->world, complaint->account);
    if (complaint->kind == COMPLAINT_TIMEOUT) {
        host_submit(h, complaint->bytes, false);
        return;
    }
    st = core_on_proof(h->core, complaint->bytes);
    if (st != ST_OK)
        world_say(h->world, "n%u takes no proof of a client: %s", h->id, status_text(st));
    tick_soon(h);
    die_if_wanted(h);
}
