/* world.c - The loop of the simulated world, its genesis, its trace. */
#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/must.h"
#include "sim/clients.h"
#include "sim/epochs.h"
#include "sim/host.h"
#include "sim/oracle.h"
#include "sim/puppet.h"
#include "sim/reads.h"

static void make_chain(struct world *w);
static void handle(struct world *w, struct event *e);

struct world *world_new(const struct world_config *config)
{
    must(config->nodes > 0 && config->nodes <= NODES_MAX);
    struct world *w = mem_alloc_zero(mem_system(), 1, sizeof *w);
    must(w != NULL);
    w->config = *config;
    if (w->config.view_ms == 0) w->config.view_ms = CONSENSUS_VIEW_MS;
    w->rng.state = config->seed;
    w->message = mem_alloc_zero(mem_system(), 1, sizeof *w->message);
    w->stand = mem_alloc_zero(mem_system(), 1, sizeof *w->stand);
    must(w->message != NULL && w->stand != NULL);
    schedule_init(&w->schedule);
    arena_init(&w->arena, mem_system(), 0);
    buf_init(&w->genesis_bytes, mem_system(), 0);
    w->signer = keys_signer(config->has_real_signatures);
    make_chain(w);
    w->network = network_new(w);
    w->oracle = oracle_new(w);
    w->clients = clients_new(w);
    w->reads = reads_new();
    for (uint32_t i = 0; i < config->nodes; i++)
        (void)world_add_host(w, i, PART_HONEST);
    for (uint32_t i = 0; i < config->spares; i++)
        (void)world_add_host(w, config->nodes + i, PART_HONEST);
    return w;
}

void world_free(struct world *w)
{
    if (w == NULL) return;
    struct event e;
    while (schedule_take(&w->schedule, &e))
        if (e.kind == HAPPENS_MESSAGE) parcel_unref(e.item);
    for (uint32_t i = 0; i < w->host_count; i++)
        host_fini(&w->hosts[i]);
    puppet_free(w);
    reads_free(w->reads);
    clients_free(w->clients);
    oracle_free(w->oracle);
    network_free(w->network);
    epochs_free(w);
    schedule_fini(&w->schedule);
    signer_free(w->signer);
    buf_fini(&w->genesis_bytes);
    arena_fini(&w->arena);
    mem_free(mem_system(), w->message);
    mem_free(mem_system(), w->stand);
    mem_free(mem_system(), w);
}

static void make_keys(struct world *w)
{
    w->key_count = w->config.nodes + w->config.spares + WORLD_ROTATIONS;
    must(w->key_count <= WORLD_KEYS_MAX);
    for (uint32_t i = 0; i < w->key_count; i++) {
        w->node_keys[i] = keys_secret(w->signer, KEYS_NODE, i);
        must(sign_public(w->signer, &w->public_keys[i], &w->node_keys[i]) == ST_OK);
    }
}

static void make_chain(struct world *w)
{
    const struct world_config *c = &w->config;
    make_keys(w);
    struct genesis g = {.chain_name = span_text("sim"),
                        .time_ms = WORLD_WALL_MS,
                        .suite = GENESIS_SUITE_INTL,
                        .exec_version = 1,
                        .mode = c->mode,
                        .f = c->f,
                        .p = c->p,
                        .block_txs_max = c->block_txs_max == 0 ? 500 : c->block_txs_max,
                        .batch_age_ms = c->batch_age_ms == 0 ? 10 : c->batch_age_ms,
                        .fuel_tx = 1000000,
                        .params = consensus_params_default(),
                        .member_count = c->nodes};
    g.members = arena_alloc_zero(&w->arena, c->nodes, sizeof *g.members);
    must(g.members != NULL);
    for (uint32_t i = 0; i < c->nodes; i++) {
        char name[16];
        must(snprintf(name, sizeof name, "node%u", i) > 0);
        struct genesis_member *m = &g.members[i];
        m->organisation = m->node_name = span_text(arena_text(&w->arena, name));
        m->address = span_text("");
        m->node_key = w->public_keys[i];
    }
    g.params.view_ms = c->view_ms < PARAMS_VIEW_MS_MIN ? PARAMS_VIEW_MS_MIN : c->view_ms;
    genesis_encode(&w->genesis_bytes, &g);
    must(buf_status(&w->genesis_bytes) == ST_OK);
    must(genesis_decode(&w->genesis, &w->arena, buf_span(&w->genesis_bytes)) == ST_OK);
    w->chain_id = genesis_chain_id(buf_span(&w->genesis_bytes));
    struct chain_config *first = mem_alloc_zero(mem_system(), 1, sizeof *first);
    struct buf bytes;
    must(first != NULL);
    buf_init(&bytes, mem_system(), 0);
    chain_config_of_genesis(first, &w->genesis);
    chain_config_encode(&bytes, first);
    epochs_learn(w, buf_span(&bytes), 0);
    buf_fini(&bytes);
    mem_free(mem_system(), first);
}

struct host *world_add_host(struct world *w, uint32_t voter, enum host_part part)
{
    must(w->host_count < HOSTS_MAX);
    struct host *h = &w->hosts[w->host_count];
    host_init(h, w, w->host_count++, voter, part);
    return h;
}

void world_begin(struct world *w)
{
    for (uint32_t i = 0; i < w->host_count; i++)
        if (w->hosts[i].part != PART_PUPPET && !world_is_spare(w, i)) host_start(&w->hosts[i]);
    network_connect_all(w);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void handle(struct world *w, struct event *e)
{
    if (e->kind == HAPPENS_CLIENT || e->kind == HAPPENS_LOAD) {
        clients_on_event(w, e);
        return;
    }
    if (e->kind == HAPPENS_READ) {
        reads_on_event(w, e);
        return;
    }
    if (e->kind == HAPPENS_CONNECT) {
        network_connect(w, e->host, (uint32_t)e->number);
        return;
    }
    struct host *h = &w->hosts[e->host];
    if (e->kind == HAPPENS_MESSAGE && h->part == PART_PUPPET)
        puppet_on_parcel(h, (uint32_t)e->number, e->item);
    bool is_stale = e->kind != HAPPENS_RESTART && (e->life != h->life || !h->is_up); /* N1 */
    if (e->kind == HAPPENS_MESSAGE && network_has_lost(w, e)) is_stale = true;
    if (!is_stale) {
        host_handle(h, e);
        oracle_settle(w->oracle, h);
        if (w->config.has_step_digests && h->is_up) {
            struct hash digest = consensus_digest(core_engine(h->core));
            world_mix_bytes(w, hash_span(&digest));
        }
    }
    if (e->kind == HAPPENS_MESSAGE) parcel_unref(e->item);
}

bool world_step(struct world *w)
{
    struct event e;
    if (w->violation.is_set || !schedule_take(&w->schedule, &e)) return false;
    must(e.at_us >= w->now_us);
    w->now_us = e.at_us;
    w->event_count++;
    handle(w, &e);
    return !w->violation.is_set;
}

void world_run_until(struct world *w, uint64_t at_us)
{
    while (schedule_next_us(&w->schedule) <= at_us && world_step(w))
        continue;
    if (!w->violation.is_set && w->now_us < at_us) w->now_us = at_us;
}

static void say_host(struct world *w, const struct host *h)
{
    if (w->config.say == NULL || h->core == NULL) return;
    struct consensus_stand *s = w->stand;
    consensus_stand_of(core_engine(h->core), s, host_mono_ms(h));
    world_say(w,
              "n%u view %llu%s%s tip %llu final %llu executed %llu result %llu, %u wait, %u vcs, "
              "%u views failed, %llu ms left%s, alarm %d",
              h->id, (unsigned long long)s->view, s->is_open ? " open" : "",
              s->is_changing ? " changing" : "", (unsigned long long)s->tip_height,
              (unsigned long long)s->final_height, (unsigned long long)s->executed_height,
              (unsigned long long)s->result_height, core_waiting(h->core), s->vc_count,
              s->failed_views, (unsigned long long)s->timer_left_ms,
              s->is_voting ? "" : ", does not vote", (int)s->alarm);
}

/* What follows from a fork, and from a block that no honest node judged when it was fresh. */
static bool is_anarchy(const struct world *w, const char *rule)
{
    static const char *const rules[] = {"I1", "I5", "I6", "I8", "I13", "R1"};
    /* E8 of whoever lost, and epochs that begin on another branch. */
    bool is_excused = w->anarchy.is_set && (strcmp(rule, "I11") == 0 || strcmp(rule, "I12") == 0);
    if (w->config.mode != MODE_RAFT) return false;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rule, rules[i]) == 0) is_excused = true;
    for (uint32_t i = 0; i < w->host_count; i++)
        if (!host_is_honest(&w->hosts[i])) return is_excused;
    return false;
}

void world_violate(struct world *w, const char *rule, const char *format, ...)
{
    const bool has_excuse = is_anarchy(w, rule);
    struct violation *v = has_excuse ? &w->anarchy : &w->violation;
    if (v->is_set) return; /* W3 */
    *v = (struct violation){.is_set = true, .at_us = w->now_us};
    must(strlen(rule) < sizeof v->rule);
    memcpy(v->rule, rule, strlen(rule));
    va_list args;
    va_start(args, format);
    must(vsnprintf(v->text, sizeof v->text, format, args) >= 0);
    va_end(args);
    if (has_excuse) {
        world_say(w, "ANARCHY, %s: %s", rule, v->text);
        return;
    }
    for (uint32_t i = 0; i < w->host_count; i++)
        say_host(w, &w->hosts[i]);
    world_say(w, "VIOLATION %s: %s", rule, w->violation.text);
}

/* --- trace ------------------------------------------------------------------------------------ */

void world_mix(struct world *w, uint64_t value)
{
    uint64_t z = (w->trace ^ value) * 0x9e3779b97f4a7c15u;
    w->trace = (z ^ (z >> 29)) + w->now_us;
}

void world_mix_bytes(struct world *w, struct span bytes)
{
    uint64_t z = bytes.size;
    size_t at = 0;
    for (; at + 8 <= bytes.size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes.data + at, 8);
        z = (z ^ word) * 0xbf58476d1ce4e5b9u;
        z ^= z >> 31;
    }
    for (; at < bytes.size; at++)
        z = (z ^ bytes.data[at]) * 0x94d049bb133111ebu;
    world_mix(w, z);
}

void world_say(struct world *w, const char *format, ...)
{
    if (w->config.say == NULL) return;
    char line[512];
    int used = snprintf(line, sizeof line, "%8llu.%03llu ", (unsigned long long)(w->now_us / 1000),
                        (unsigned long long)(w->now_us % 1000));
    must(used > 0);
    va_list args;
    va_start(args, format);
    must(vsnprintf(line + used, sizeof line - (size_t)used, format, args) >= 0);
    va_end(args);
    w->config.say(w->config.context, line);
}

/* --- asking ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum block_mode mode;
} modes[] = {{"bft", MODE_BFT}, {"adaptive", MODE_FAST}, {"raft", MODE_RAFT}};

bool world_mode_of(const char *name, enum block_mode *mode)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) != 0) continue;
        *mode = modes[i].mode;
        return true;
    }
    return false;
}

const char *world_mode_name(enum block_mode mode)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (modes[i].mode == mode) return modes[i].name;
    return "strict";
}

bool host_is_honest(const struct host *h)
{
    return h->part == PART_HONEST && !h->was_restored;
}

/* Of a host's own clock, which may run fast or slow but never back. */
static uint64_t host_now_us(const struct host *h)
{
    int64_t passed = (int64_t)(h->world->now_us - h->drift_since_us);
    return h->drift_base_us + (uint64_t)(passed + passed / 1000 * h->drift_ppm / 1000);
}

void host_set_clock(struct host *h, int64_t skew_ms, int64_t drift_ppm)
{
    h->drift_base_us = host_now_us(h);
    h->drift_since_us = h->world->now_us;
    h->drift_ppm = drift_ppm;
    h->skew_ms = skew_ms;
}

uint64_t host_mono_ms(const struct host *h)
{
    return 1000u + h->id + host_now_us(h) / 1000u;
}

uint64_t host_wall_ms(const struct host *h)
{
    return (uint64_t)((int64_t)(WORLD_WALL_MS + host_now_us(h) / 1000u) + h->skew_ms);
}

uint64_t host_result_height(const struct host *h)
{
    if (h->core == NULL) return 0;
    consensus_stand_of(core_engine(h->core), h->world->stand, host_mono_ms(h));
    return h->world->stand->result_height;
}

bool world_is_spare(const struct world *w, uint32_t host)
{
    return host >= w->config.nodes && host < w->config.nodes + w->config.spares;
}
