/* twins.c - See twins.h. The number of a schedule is read as digits: first who is twinned, then for
 * each round which hosts are on the first side, host 0 always being there. */
#include "sim/twins.h"

#include "base/must.h"
#include "sim/clients.h"
#include "sim/host.h"
#include "sim/liar.h"
#include "sim/network.h"
#include "sim/oracle.h"

#define VIEW_MS  60u
#define ROUND_US 240000u /* Room for a view change or two. */

static uint32_t twins_of(uint32_t nodes)
{
    return (nodes - 1) / 3;
}

static uint64_t sides_of(uint32_t nodes)
{
    return UINT64_C(1) << (nodes + twins_of(nodes) - 1);
}

uint64_t twins_schedules(uint32_t nodes)
{
    uint64_t count = nodes;
    for (uint32_t i = 0; i < TWINS_ROUNDS; i++)
        count *= sides_of(nodes);
    return count;
}

static void divide(struct world *w, uint64_t side)
{
    for (uint32_t a = 0; a < w->host_count; a++) {
        for (uint32_t b = 0; b < w->host_count; b++) {
            bool is_cut = (side >> a & 1u) != (side >> b & 1u);
            network_link(w, a, b)->is_cut = is_cut;
            if (is_cut) network_disconnect(w, a, b);
        }
    }
    network_connect_all(w);
    world_say(w, "--- side %llx", (unsigned long long)side);
}

static void make_twins(struct world *w, uint32_t first)
{
    for (uint32_t i = 0; i < twins_of(w->config.nodes); i++) {
        struct host *h = &w->hosts[(first + i) % w->config.nodes];
        h->part = PART_LIAR;
        h->liar = liar_new(0, 0);
        h = world_add_host(w, h->voter, PART_LIAR);
        h->liar = liar_new(0, 0);
    }
}

/* Neighbouring numbers are far apart in the sweep, so that a range is a sample of all of it. Odd
 * and no multiple of what counts of nodes there are: nothing comes twice. */
static uint64_t place_of(const struct twins_options *options)
{
    const uint64_t stride = 1000003;
    uint64_t all = twins_schedules(options->nodes);
    return options->number % all * stride % all;
}

void twins_run(const struct twins_options *options, struct twins_result *out)
{
    uint64_t rest = place_of(options);
    struct world_config config = {.nodes = options->nodes,
                                  .f = twins_of(options->nodes),
                                  .mode = MODE_BFT,
                                  .seed = options->number,
                                  .view_ms = VIEW_MS,
                                  .fault = options->fault,
                                  .say = options->say,
                                  .context = options->context};
    struct world *w = world_new(&config);
    make_twins(w, (uint32_t)(rest % options->nodes));
    rest /= options->nodes;
    world_begin(w);
    clients_load(w, HOSTS_ALL >> (64u - w->host_count), TWINS_ROUNDS * 6u, ROUND_US / 6u);
    for (uint32_t i = 0; i < TWINS_ROUNDS && !w->violation.is_set; i++) {
        divide(w, 1u | (rest % sides_of(options->nodes)) << 1);
        rest /= sides_of(options->nodes);
        world_run_until(w, w->now_us + ROUND_US);
    }
    *out = (struct twins_result){.violation = w->violation,
                                 .trace = w->trace,
                                 .events = w->event_count,
                                 .blocks = oracle_committed_height(w->oracle),
                                 .virtual_us = w->now_us};
    world_free(w);
}
