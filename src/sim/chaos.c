/* chaos.c - See chaos.h. */
#include "sim/chaos.h"

#include <stdio.h>

#include "base/must.h"
#include "sim/clients.h"
#include "sim/epochs.h"
#include "sim/host.h"
#include "sim/liar.h"
#include "sim/oracle.h"
#include "sim/reads.h"

#define PPM              1000000u
#define STEP_US          50000u
#define LOAD_US          10000u
#define PHASE_US         200000u
#define REAL_TXS         10u
#define CROWD_ONE_IN     40u
#define CROWD_TXS        50u  /* Blocks with room for more: a crowd comes. */
#define CROWD_US         200u /* Between its transactions. */
#define REAL_ONE_IN      100u /* Runs with real signatures. */
#define SETTLE_US        UINT64_C(15000000)
#define CHAOS_EPOCHS_MAX 8u
#define ROTATIONS_MAX    3u
#define RESTART_US       300000u
#define READS_ONE_IN     4u /* Runs in which somebody reads. */
#define READ_ONE_IN      3u /* Steps of such a run in which a read begins. */
#define RAFT_NODES_MIN   3u
#define RAFT_LIAR_ONE_IN 8u /* Runs of raft with a Byzantine node: it promises them nothing. */

enum trouble {
    TROUBLE_LOSS,
    TROUBLE_DOUBLE,
    TROUBLE_DISORDER,
    TROUBLE_PARTITION,
    TROUBLE_ONE_WAY,
    TROUBLE_CRASH,
    TROUBLE_POWER,
    TROUBLE_SLOW_DISK,
    TROUBLE_CLOCK,
    TROUBLE_SLOW_LINK,
    TROUBLE_SLOW_EXECUTOR,
    TROUBLE_DISCONNECT,
    TROUBLE_SYNC_FAILS,
    TROUBLE_LISTENER, /* One host alone hears the votes of a moment, and then dies or is cut off. */
    TROUBLE_SLOW_NODE, /* The fast path without one of its voters. */
    TROUBLE_CONFIG,    /* The configuration changes. */
    TROUBLE_COUNT
};

struct phase {
    uint32_t troubles; /* Bits. */
    uint64_t length_us;
    struct rng rng; /* Its own: other phases do not change what it does. */
};

/* How much happens in a run. Most runs are short: much of what goes wrong, goes wrong in the first
 * phase, and many small runs meet more of it than few large ones. Load goes on through the phases.
 */
struct length {
    uint32_t share; /* In a hundred runs. */
    uint32_t phases;
    uint32_t txs_low;
    uint32_t txs_high;
    uint64_t period_us; /* Between transactions: up to this and LOAD_US. */
    uint64_t begin_us;  /* Before the first phase: up to this and as much as a third of it. */
    uint64_t phase_us;  /* A phase: up to this and PHASE_US. */
};

struct chaos {
    const struct chaos_options *options;
    const struct length *length;
    struct world *world;
    struct rng rng; /* Decides the plan; the world has its own. */
    struct phase phases[CHAOS_PHASES_MAX];
    uint32_t phase_count;
    uint32_t rotations; /* Keys given so far. */
    uint32_t restored;  /* Host whose directory is put back, + 1; 0: none. */
    bool has_reads;
    struct rng reads; /* Its own, too. */
};

static const struct length *length_of(struct rng *r);
static void load(struct chaos *c);
static void make_plan(struct chaos *c);
static void make_byzantine(struct chaos *c);
static void run_phase(struct chaos *c, struct phase *p);
static void heal(struct chaos *c);
static void check_life(struct chaos *c);

/* --- size and mode ---------------------------------------------------------------------------- */

struct shape {
    uint32_t nodes;
    uint32_t f;
    uint32_t p;
    enum block_mode mode;
};

static uint32_t size_of(struct rng *r)
{
    static const struct {
        uint32_t nodes;
        uint32_t share; /* In a hundred: small ones most of all, a run of 16 costs fifteen of 4. */
    } sizes[] = {{1, 4}, {3, 14}, {4, 61}, {5, 7}, {6, 5}, {7, 5}, {9, 3}, {16, 1}};
    uint64_t draw = rng_below(r, 100);
    size_t i = 0;
    while (draw >= sizes[i].share)
        draw -= sizes[i++].share;
    return sizes[i].nodes;
}

static bool is_mode_possible(enum block_mode mode, uint32_t nodes)
{
    if (mode == MODE_STRICT) return false;
    return mode == MODE_RAFT ? nodes >= RAFT_NODES_MIN : quorum_bounds_hold(mode, nodes, 0, 0);
}

/* Bits of those of modes that nodes can have. */
static uint32_t modes_for(uint32_t modes, uint32_t nodes)
{
    uint32_t possible = 0;
    for (int mode = MODE_FAST; mode <= MODE_RAFT; mode++)
        if (is_mode_possible((enum block_mode)mode, nodes)) possible |= 1u << mode;
    return modes & possible;
}

static enum block_mode mode_of(struct rng *r, uint32_t modes)
{
    must(modes != 0);
    uint32_t at = (uint32_t)rng_below(r, MODE_RAFT) + MODE_FAST;
    while ((modes >> at & 1u) == 0)
        at = at == MODE_RAFT ? MODE_FAST : at + 1;
    return (enum block_mode)at;
}

/* Most often the most that there is room for. */
static uint32_t tolerance_of(struct rng *r, uint32_t most)
{
    bool is_most = rng_below(r, 4) != 0;
    uint32_t other = (uint32_t)rng_below(r, most + 1u);
    return is_most ? most : other;
}

/* Its own draws: what is given changes nothing of what comes after. */
static struct shape shape_of(const struct chaos_options *options, uint64_t seed)
{
    struct rng own = {seed};
    struct rng *r = &own;
    struct shape s = {.nodes = size_of(r)};
    if (options->nodes > 0) s.nodes = options->nodes;
    const uint32_t modes = options->modes == 0 ? 1u << MODE_BFT : options->modes;
    if (modes_for(modes, s.nodes) == 0) s.nodes = modes == 1u << MODE_RAFT ? RAFT_NODES_MIN : 4;
    s.mode = mode_of(r, modes_for(modes, s.nodes));
    const uint32_t slack = options->p == UINT32_MAX ? 0 : options->p;
    s.f = tolerance_of(r, 2 * slack < s.nodes ? (s.nodes - 1 - 2 * slack) / 3 : 0);
    if (options->f != UINT32_MAX) s.f = options->f;
    s.p = tolerance_of(r, 3 * s.f < s.nodes ? (s.nodes - 1 - 3 * s.f) / 2 : 0);
    if (options->p != UINT32_MAX) s.p = options->p;
    if (s.mode != MODE_FAST) s.p = 0;
    if (s.mode == MODE_RAFT) s.f = 0;
    return s;
}

bool chaos_is_possible(const struct chaos_options *options)
{
    uint32_t modes = options->modes;
    const uint32_t f = options->f == UINT32_MAX ? 0 : options->f;
    const uint32_t p = options->p == UINT32_MAX ? 0 : options->p;
    if (options->nodes == 0) return modes != 0 && f == 0 && p == 0;
    modes = modes_for(modes, options->nodes);
    for (int mode = MODE_FAST; mode <= MODE_RAFT; mode++) {
        bool is_wanted = modes >> mode & 1u;
        bool has_room =
            mode == MODE_RAFT ||
            quorum_bounds_hold((enum block_mode)mode, options->nodes, f, mode == MODE_FAST ? p : 0);
        if (is_wanted && !has_room) return false;
    }
    return modes != 0;
}

void chaos_run(const struct chaos_options *options, struct chaos_result *out)
{
    struct chaos c = {.options = options, .rng = {options->seed * 0x9e3779b97f4a7c15u}};
    const struct shape shape = shape_of(options, rng_u64(&c.rng));
    /* One draw a statement, here and everywhere: compilers differ in the order within one. */
    uint32_t view_ms = 200 + 100 * (uint32_t)rng_below(&c.rng, 4);
    uint32_t block_txs_max = 1 + (uint32_t)rng_below(&c.rng, 20);
    if (rng_below(&c.rng, CROWD_ONE_IN) == 0) block_txs_max *= 5;
    c.length = length_of(&c.rng);
    struct world_config config = {.nodes = shape.nodes,
                                  .f = shape.f,
                                  .p = shape.p,
                                  .mode = shape.mode,
                                  .spares = shape.nodes > 1 ? 1 : 0,
                                  .seed = options->seed,
                                  .view_ms = view_ms,
                                  .batch_age_ms = 10,
                                  .block_txs_max = block_txs_max,
                                  .has_real_signatures = options->seed % REAL_ONE_IN == 99,
                                  .has_step_digests = options->has_step_digests,
                                  .fault = options->fault,
                                  .say = options->say,
                                  .context = options->context};
    struct world *w = world_new(&config);
    c.world = w;
    make_plan(&c);
    make_byzantine(&c);
    c.reads.state = options->seed ^ UINT64_C(0x7265616473);
    c.has_reads = rng_below(&c.reads, READS_ONE_IN) == 0;
    world_begin(w);
    load(&c);
    world_run_until(w, c.length->begin_us / 3 + rng_below(&c.rng, c.length->begin_us));
    for (uint32_t i = 0; i < c.phase_count; i++)
        if (options->phases >> i & 1u) run_phase(&c, &c.phases[i]);
    heal(&c);
    check_life(&c);
    *out = (struct chaos_result){.violation = w->violation,
                                 .trace = w->trace,
                                 .events = w->event_count,
                                 .blocks = oracle_committed_height(w->oracle),
                                 .virtual_us = w->now_us,
                                 .nodes = shape.nodes,
                                 .f = shape.f,
                                 .p = shape.p,
                                 .mode = shape.mode,
                                 .has_anarchy = w->anarchy.is_set,
                                 .phases = c.phase_count};
    for (uint32_t i = 0; i < w->host_count; i++)
        out->commits += w->hosts[i].machine.height;
    world_free(w);
}

uint32_t chaos_shrink(const struct chaos_options *options, const struct violation *violation)
{
    struct chaos_options fewer = *options;
    fewer.say = NULL;
    for (uint32_t i = 0; i < CHAOS_PHASES_MAX; i++) {
        struct chaos_result result;
        uint32_t before = fewer.phases;
        fewer.phases &= ~(1u << i);
        if (fewer.phases == before) continue;
        chaos_run(&fewer, &result);
        bool is_same =
            result.violation.is_set && strcmp(result.violation.rule, violation->rule) == 0;
        if (!is_same) fewer.phases = before;
    }
    return fewer.phases;
}

/* --- the plan --------------------------------------------------------------------------------- */

static const struct length *length_of(struct rng *r)
{
    static const struct length lengths[] = {
        {80, 1, 4, 15, 50000, 100000, 900000},
        {15, 2, 10, 29, 50000, 300000, 1800000},
        {5, CHAOS_PHASES_MAX, 10, 59, 50000, 300000, 1800000},
    };
    uint64_t draw = rng_below(r, 100);
    const struct length *l = lengths;
    while (draw >= l->share)
        draw -= (l++)->share;
    return l;
}

/* One run in CROWD_ONE_IN has blocks of many transactions and bursts that fill them. */
static void load(struct chaos *c)
{
    const struct length *l = c->length;
    struct world *w = c->world;
    uint32_t txs = l->txs_low + (uint32_t)rng_below(&c->rng, l->txs_high - l->txs_low + 1);
    uint64_t period_us = LOAD_US + rng_below(&c->rng, l->period_us);
    if (w->config.has_real_signatures && txs > REAL_TXS) txs = REAL_TXS;
    clients_load(w, HOSTS_ALL, txs, period_us);
    bool is_crowd = w->config.block_txs_max > CROWD_TXS && !w->config.has_real_signatures;
    if (is_crowd) clients_load(w, HOSTS_ALL, 2 * w->config.block_txs_max, CROWD_US);
}

static void make_plan(struct chaos *c)
{
    c->phase_count = 1 + (uint32_t)rng_below(&c->rng, c->length->phases);
    for (uint32_t i = 0; i < c->phase_count; i++) {
        struct phase *p = &c->phases[i];
        for (uint64_t count = 1 + rng_below(&c->rng, 3); count > 0; count--)
            p->troubles |= 1u << rng_below(&c->rng, TROUBLE_COUNT);
        p->length_us = PHASE_US + rng_below(&c->rng, c->length->phase_us);
        p->rng.state = rng_u64(&c->rng);
    }
}

static void make_twin(struct chaos *c, uint32_t voter)
{
    struct world *w = c->world;
    struct host *first = &w->hosts[voter];
    first->part = PART_LIAR;
    first->liar = liar_new(0, 0);
    struct host *second = world_add_host(w, voter, PART_LIAR);
    second->liar = liar_new(0, 0);
}

static void make_liar(struct chaos *c, struct host *h)
{
    uint32_t lies = 1u + (uint32_t)rng_below(&c->rng, (1u << LIE_COUNT) - 1u);
    uint32_t chance_ppm = 10000 + (uint32_t)rng_below(&c->rng, 600000);
    h->liar = liar_new(lies, chance_ppm);
}

static void make_byzantine(struct chaos *c)
{
    struct world *w = c->world;
    uint32_t most = w->config.f;
    if (w->config.mode == MODE_RAFT) most = rng_below(&c->rng, RAFT_LIAR_ONE_IN) == 0 ? 1 : 0;
    if (most == 0) return;
    uint32_t first = (uint32_t)rng_below(&c->rng, w->config.nodes);
    uint32_t count = 1 + (uint32_t)rng_below(&c->rng, most);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t voter = (first + i) % w->config.nodes;
        struct host *h = &w->hosts[voter];
        switch (rng_below(&c->rng, 8)) {
        case 0: break; /* Honest after all. */
        case 1: make_twin(c, voter); break;
        case 2:
            h->part = PART_LIAR;
            h->liar = liar_new(1u << LIE_SILENT, PPM);
            break;
        case 3:
            h->false_from = 1 + rng_below(&c->rng, 20);
            h->part = PART_LIAR;
            h->liar = liar_new(0, 0);
            break;
        case 4:
            c->restored = h->id + 1;
            h->was_restored = true;
            break;
        default:
            h->part = PART_LIAR;
            make_liar(c, h);
            break;
        }
    }
}

/* --- troubles --------------------------------------------------------------------------------- */

static struct host *any_host(struct chaos *c, struct rng *r)
{
    return &c->world->hosts[rng_below(r, c->world->host_count)];
}

static void set_links(struct chaos *c, struct rng *r, enum trouble trouble)
{
    struct world *w = c->world;
    uint32_t loss = 10000 + (uint32_t)rng_below(r, 250000);
    uint64_t spread = 1000 + rng_below(r, 80000);
    for (uint32_t a = 0; a < w->host_count; a++) {
        for (uint32_t b = 0; b < w->host_count; b++) {
            struct link *l = network_link(w, a, b);
            if (trouble == TROUBLE_LOSS) l->loss_ppm = loss;
            if (trouble == TROUBLE_DOUBLE) l->double_ppm = loss;
            if (trouble != TROUBLE_DISORDER) continue;
            l->is_orderly = false;
            l->high_us = l->low_us + spread;
        }
    }
}

static void cut(struct world *w, uint32_t a, uint32_t b, bool is_noticed)
{
    network_link(w, a, b)->is_cut = true;
    if (is_noticed) network_disconnect(w, a, b);
}

static void partition(struct chaos *c, struct rng *r)
{
    struct world *w = c->world;
    uint64_t side = rng_u64(r);
    bool is_noticed = rng_coin(r);
    for (uint32_t a = 0; a < w->host_count; a++)
        for (uint32_t b = 0; b < w->host_count; b++)
            if ((side >> a & 1u) != (side >> b & 1u)) cut(w, a, b, is_noticed);
}

static void cut_one(struct chaos *c, struct rng *r)
{
    uint32_t from = any_host(c, r)->id;
    uint32_t to = any_host(c, r)->id;
    bool is_noticed = rng_below(r, 4) == 0;
    cut(c->world, from, to, is_noticed);
}

static void cut_some(struct chaos *c, struct rng *r)
{
    struct world *w = c->world;
    for (uint64_t count = 1 + rng_below(r, (uint64_t)w->host_count * 2); count > 0; count--)
        cut_one(c, r);
}

static void slow_link(struct chaos *c, struct rng *r)
{
    struct world *w = c->world;
    uint32_t slow = any_host(c, r)->id;
    uint64_t delay = 20000 + rng_below(r, 600000);
    for (uint32_t i = 0; i < w->host_count; i++) {
        struct link *out = network_link(w, slow, i);
        struct link *in = network_link(w, i, slow);
        out->low_us = in->low_us = delay;
        out->high_us = in->high_us = delay + delay / 4;
    }
}

static void cut_power(struct chaos *c, struct rng *r)
{
    struct host *h = any_host(c, r);
    if (!h->is_up || h->is_cut_armed) return;
    h->crash_mode = rng_coin(r) ? FAKE_OS_LOSE_SOME : FAKE_OS_LOSE_ALL;
    h->restart_us = 10000 + rng_below(r, RESTART_US);
    h->is_cut_armed = true;
    fake_os_cut_power(h->os, 1 + rng_below(r, 30));
}

/* Some milliseconds behind all others. */
static void slow_node(struct chaos *c, const struct host *h, struct rng *r)
{
    uint64_t delay = 2000 + rng_below(r, 40000);
    for (uint32_t i = 0; i < c->world->host_count; i++) {
        struct link *out = network_link(c->world, h->id, i);
        out->low_us = delay;
        out->high_us = delay + delay / 8;
    }
}

/* One change while all else goes on: a new validator, one less, other numbers, another key. */
static void change_config(struct chaos *c, struct rng *r)
{
    struct world *w = c->world;
    const struct chain_config *now = &epochs_newest(w)->config;
    char text[64];
    uint64_t number = rng_below(r, w->config.nodes);
    uint32_t spare = w->config.nodes;
    uint32_t key = spare + w->config.spares + c->rotations;
    uint64_t kind = rng_below(r, 6);
    if (w->config.spares == 0 || w->epoch_count > CHAOS_EPOCHS_MAX) return;
    if (kind == 5 && c->rotations == ROTATIONS_MAX) return;
    switch (kind) {
    case 0: must(snprintf(text, sizeof text, "config add %u", spare) > 0); break;
    case 1: must(snprintf(text, sizeof text, "config observe %u", spare) > 0); break;
    case 2: must(snprintf(text, sizeof text, "config drop %u", spare) > 0); break;
    case 3:
        must(snprintf(text, sizeof text, "config block-txs %u", 1 + now->block_txs_max % 20) > 0);
        break;
    case 4: must(snprintf(text, sizeof text, "config bar %u", (unsigned)number) > 0); break;
    default:
        must(snprintf(text, sizeof text, "config rotate %u %u", (unsigned)number, key) > 0);
        host_give_key(&w->hosts[number], key);
        c->rotations++;
        break;
    }
    struct tx_wish wish = {.operation = text};
    struct client_tx *t = clients_make(w, &wish);
    t->is_tracked = true;
    world_say(w, "--- %s", text);
    clients_submit(w, t, (uint32_t)number, 2000000);
    if (!w->hosts[spare].is_up && !w->violation.is_set) host_start(&w->hosts[spare]);
}

/* Blocks may be committed by votes that nobody else has, when it is gone. */
static void let_one_listen(struct chaos *c, struct rng *r)
{
    struct world *w = c->world;
    struct host *h = any_host(c, r);
    struct rule rule = {.name = "listener",
                        .from = HOSTS_ALL,
                        .to = HOSTS_ALL & ~(UINT64_C(1) << h->id),
                        .kinds = 1u << GIST_VOTE,
                        .authors = HOSTS_ALL,
                        .height_high = UINT64_MAX,
                        .view_high = UINT64_MAX,
                        .action = RULE_DROP,
                        .count_left = UINT64_MAX};
    uint64_t length = 2000 + rng_below(r, 60000);
    bool is_cut = rng_coin(r);
    uint64_t away = 200000 + rng_below(r, 2000000);
    if (!network_add_rule(w, &rule)) return;
    world_run_until(w, w->now_us + length);
    network_end_rule(w, "listener");
    if (w->violation.is_set) return;
    if (is_cut) {
        for (uint32_t i = 0; i < w->host_count; i++) {
            if (i == h->id) continue;
            cut(w, h->id, i, true);
            cut(w, i, h->id, true);
        }
        return;
    }
    h->restart_us = away;
    host_crash(h, FAKE_OS_LOSE_SOME);
}

static void begin_trouble(struct chaos *c, struct rng *r, enum trouble trouble)
{
    struct host *h = any_host(c, r);
    int64_t skew;
    int64_t drift;
    switch (trouble) {
    case TROUBLE_LOSS:
    case TROUBLE_DOUBLE:
    case TROUBLE_DISORDER: set_links(c, r, trouble); return;
    case TROUBLE_PARTITION: partition(c, r); return;
    case TROUBLE_ONE_WAY: cut_some(c, r); return;
    case TROUBLE_SLOW_DISK:
        h->disk_low_us = 1000 + rng_below(r, 20000);
        h->disk_high_us = h->disk_low_us + rng_below(r, 300000);
        return;
    case TROUBLE_CLOCK:
        skew = (int64_t)rng_below(r, 4000) - 2000;
        drift = (int64_t)rng_below(r, 2000) - 1000;
        host_set_clock(h, skew, drift);
        return;
    case TROUBLE_SLOW_LINK: slow_link(c, r); return;
    case TROUBLE_SLOW_EXECUTOR: h->execute_us = 1000 + rng_below(r, 200000); return;
    case TROUBLE_SYNC_FAILS:
        if (!h->is_up || h->is_cut_armed) return;
        h->restart_us = 10000 + rng_below(r, RESTART_US);
        fake_os_fail(h->os, FAKE_OS_SYNC, 1 + rng_below(r, 20), ST_IO);
        return;
    case TROUBLE_SLOW_NODE: slow_node(c, h, r); return;
    case TROUBLE_CRASH:
    case TROUBLE_POWER:
    case TROUBLE_LISTENER:
    case TROUBLE_CONFIG:
    case TROUBLE_DISCONNECT: return; /* Again and again: go_on_trouble. */
    case TROUBLE_COUNT: break;
    }
    must(false);
}

/* The directory as it was when the run began to be troubled: a rollback. */
static void restore_once(struct chaos *c)
{
    if (c->restored == 0) return;
    struct world *w = c->world;
    struct host *h = &w->hosts[c->restored - 1];
    if (!h->is_up) return;
    struct fake_os *old = fake_os_copy(h->os, w->config.seed);
    fake_os_crash(old, FAKE_OS_KEEP_ALL);
    world_run_until(w, w->now_us + 200000);
    h->restart_us = 0;
    host_crash(h, FAKE_OS_KEEP_ALL);
    fake_os_free(h->os);
    h->os = old;
    c->restored = 0;
    if (!w->violation.is_set) host_start(h);
}

static void go_on_trouble(struct chaos *c, struct phase *p)
{
    struct rng *r = &p->rng;
    struct host *h = any_host(c, r);
    if ((p->troubles >> TROUBLE_CRASH & 1u) && rng_below(r, 6) == 0) {
        h->restart_us = 5000 + rng_below(r, RESTART_US);
        host_crash(h, (enum fake_os_crash)rng_below(r, 3));
    }
    if ((p->troubles >> TROUBLE_POWER & 1u) && rng_below(r, 4) == 0) cut_power(c, r);
    if ((p->troubles >> TROUBLE_CONFIG & 1u) && rng_below(r, 12) == 0) change_config(c, r);
    if (c->world->violation.is_set) return;
    if ((p->troubles >> TROUBLE_LISTENER & 1u) && rng_below(r, 8) == 0) let_one_listen(c, r);
    if ((p->troubles >> TROUBLE_DISCONNECT & 1u) && rng_coin(r)) {
        uint32_t other = any_host(c, r)->id;
        network_disconnect(c->world, h->id, other);
        network_reconnect(c->world, h->id, other, 1000 + rng_below(r, 200000));
    }
}

/* Of a session at a node, or of a client that reaches some of them. */
static void read_now_and_then(struct chaos *c)
{
    struct world *w = c->world;
    if (!c->has_reads || w->violation.is_set || rng_below(&c->reads, READ_ONE_IN) != 0) return;
    uint64_t hosts = rng_u64(&c->reads);
    hosts |= rng_u64(&c->reads); /* Most of them. */
    if (rng_coin(&c->reads))
        (void)reads_begin_at(w, any_host(c, &c->reads)->id);
    else
        (void)reads_begin_from(w, hosts & (HOSTS_ALL >> (64u - w->host_count)));
}

static void run_phase(struct chaos *c, struct phase *p)
{
    struct world *w = c->world;
    world_say(w, "--- troubles %x for %llu ms", p->troubles,
              (unsigned long long)(p->length_us / 1000));
    for (uint32_t i = 0; i < TROUBLE_COUNT; i++)
        if (p->troubles >> i & 1u) begin_trouble(c, &p->rng, (enum trouble)i);
    uint64_t end = w->now_us + p->length_us;
    while (w->now_us < end && !w->violation.is_set) {
        go_on_trouble(c, p);
        if (rng_below(&p->rng, 8) == 0) restore_once(c);
        read_now_and_then(c);
        world_run_until(w, w->now_us + STEP_US);
    }
    if (rng_coin(&p->rng)) heal(c); /* Else its troubles stay beside those of the next. */
}

/* --- afterwards ------------------------------------------------------------------------------- */

/* In the newest configuration, as a validator or an observer. */
static bool is_node(const struct host *h)
{
    const struct known_epoch *e = epochs_newest(h->world);
    for (uint32_t i = 0; i < e->config.node_count; i++)
        if (host_owns(h, e->keys[i])) return true;
    return false;
}

static void heal(struct chaos *c)
{
    struct world *w = c->world;
    if (w->violation.is_set) return;
    world_say(w, "--- everything is repaired");
    for (uint32_t a = 0; a < w->host_count; a++)
        for (uint32_t b = 0; b < w->host_count; b++)
            *network_link(w, a, b) =
                (struct link){.low_us = 200, .high_us = 800, .is_orderly = true};
    for (uint32_t i = 0; i < w->host_count; i++) {
        struct host *h = &w->hosts[i];
        h->disk_low_us = 300;
        h->disk_high_us = 900;
        h->execute_us = 200;
        host_set_clock(h, 0, 0);
        h->restart_us = RESTART_US;
        if (!h->is_cut_armed) fake_os_heal(h->os);
        if (!h->is_up && is_node(h)) host_start(h);
    }
    network_connect_all(w);
}

static uint32_t worst_failures(struct world *w)
{
    uint32_t worst = 0;
    for (uint32_t i = 0; i < w->host_count; i++) {
        if (w->hosts[i].core == NULL || !host_is_honest(&w->hosts[i])) continue;
        consensus_stand_of(core_engine(w->hosts[i].core), w->stand, host_mono_ms(&w->hosts[i]));
        if (w->stand->failed_views > worst) worst = w->stand->failed_views;
    }
    return worst;
}

static uint64_t bound_us(struct world *w)
{
    uint64_t view_us = (uint64_t)w->config.view_ms * 1000;
    for (uint32_t k = worst_failures(w) + w->config.f + 1; k > 0; k--)
        if (view_us < (uint64_t)CONSENSUS_VIEW_MS_MAX * 1000) view_us *= 2;
    if (view_us > (uint64_t)CONSENSUS_VIEW_MS_MAX * 1000)
        view_us = (uint64_t)CONSENSUS_VIEW_MS_MAX * 1000;
    return (w->config.f + 2) * view_us + SETTLE_US;
}

/* What is missing, or null. */
static const struct client_tx *missing_tx(struct world *w, const struct host *h, uint64_t result)
{
    for (uint32_t i = 0; i < clients_count(w); i++) {
        const struct client_tx *t = clients_at(w, i);
        if (!t->is_tracked || !t->is_good) continue;
        uint64_t height = machine_find(&h->machine, &t->txid);
        if (height == 0 || height > result) return t;
    }
    return NULL;
}

static bool is_alive(struct world *w, const char **what, uint32_t *who)
{
    const struct host *first = NULL;
    for (uint32_t i = 0; i < w->host_count; i++) {
        const struct host *h = &w->hosts[i];
        *who = i;
        if (!host_is_honest(h) || !is_node(h)) continue;
        *what = "is not up";
        if (!h->is_up) return false;
        *what = "misses a transaction";
        if (missing_tx(w, h, host_result_height(h)) != NULL) return false;
        if (first == NULL) first = h;
        struct hash a = machine_digest(&first->machine);
        struct hash b = machine_digest(&h->machine);
        *what = "has another state";
        if (first->machine.height != h->machine.height || !hash_equal(&a, &b)) return false;
    }
    return true;
}

static bool has_liar(const struct world *w)
{
    for (uint32_t i = 0; i < w->host_count; i++)
        if (!host_is_honest(&w->hosts[i])) return true;
    return false;
}

static void check_life(struct chaos *c)
{
    struct world *w = c->world;
    if (w->violation.is_set) return;
    if (w->config.mode == MODE_RAFT && has_liar(w)) return; /* It promises nothing. */
    uint64_t start = w->now_us;
    uint64_t limit = bound_us(w);
    const char *what = "";
    uint32_t who = 0;
    struct tx_wish wish = {.name = "after-healing"};
    struct client_tx *t = clients_make(w, &wish);
    t->is_tracked = true;
    clients_submit(w, t, 0, 2000000);
    while (!w->violation.is_set && w->now_us - start < limit) {
        if (is_alive(w, &what, &who)) return;
        world_run_until(w, w->now_us + STEP_US);
    }
    if (!w->violation.is_set && !is_alive(w, &what, &who))
        world_violate(w, "live", "host %u %s %llu s after everything was repaired", who, what,
                      (unsigned long long)(limit / 1000000));
}
