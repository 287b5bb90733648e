/* rescue.c - A start with damaged blocks. */
#include "node/rescue.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/must.h"
#include "node/peers.h"
#include "os/loop.h"
#include "os/thread.h"

#define TICK_MS 10u

struct rescue {
    const struct rescue_config *config;
    struct loop *loop;
    struct loop_timer *timer;
    struct peers *peers;
    struct repair *repair;
    uint64_t count;       /* Blocks that were put back when it was last looked, */
    uint64_t progress_ms; /* and when they became more. */
    enum status status;
    _Atomic int failure; /* Of the thread: a status that no peer can mend. */
};

static void on_timer(void *context);

static uint64_t now_ms(const struct rescue *r)
{
    return r->config->os->monotonic_ns(r->config->os) / 1000000u;
}

static void on_up(void *context, uint32_t place, bool is_up)
{
    (void)context;
    (void)place;
    (void)is_up; /* Whom a question reaches is asked. */
}

static void on_message(void *context, uint32_t place, enum p2p_channel channel, struct span bytes)
{
    const struct rescue *r = context;
    (void)channel;
    (void)repair_on_message(r->repair, place, bytes); /* All else waits for the core. */
}

static enum status send(void *context, uint32_t peer, struct span message, bool is_urgent)
{
    const struct rescue *r = context;
    return peers_send(r->peers, peer, is_urgent ? P2P_CONSENSUS : P2P_BULK, message);
}

static void lied(void *context, uint32_t peer)
{
    const struct rescue *r = context;
    peers_ban(r->peers, peer, "it gave blocks that are none of the chain");
}

static void closed(void *context, const struct repair_report *report)
{
    const struct rescue *r = context;
    char text[REPAIR_WHAT_MAX];
    if (r->config->warn == NULL) return;
    repair_describe(text, report);
    r->config->warn(text);
}

static void failed(void *context, enum status st, const char *what)
{
    struct rescue *r = context;
    (void)what;
    must(st != ST_OK);
    atomic_store(&r->failure, (int)st);
}

static enum status open_all(struct rescue *r)
{
    const struct rescue_config *config = r->config;
    struct peers_config peers = {.os = config->os,
                                 .mem = config->mem,
                                 .loop = r->loop,
                                 .chain_id = config->chain_id,
                                 .settings = config->settings,
                                 .keys = config->keys,
                                 .events = {.up = on_up, .message = on_message, .context = r}};
    struct repair_config repair = {.os = config->os,
                                   .mem = config->mem,
                                   .store = config->store,
                                   .chain_id = config->chain_id,
                                   .peer_count = config->nodes->node_count,
                                   .send = send,
                                   .lied = lied,
                                   .closed = closed,
                                   .failed = failed,
                                   .context = r};
    TRY(loop_timer_new(&r->timer, r->loop, on_timer, r));
    TRY(peers_new(&r->peers, &peers));
    TRY(repair_new(&r->repair, &repair));
    peers_nodes(r->peers, config->nodes, NULL, 0);
    return peers_follow(r->peers);
}

static void on_timer(void *context)
{
    struct rescue *r = context;
    const uint64_t now = now_ms(r);
    repair_tick(r->repair, now);
    if (repair_count(r->repair) > r->count) {
        r->count = repair_count(r->repair);
        r->progress_ms = now;
    }
    const int failure = atomic_load(&r->failure);
    if (failure != ST_OK) r->status = (enum status)failure;
    if (now - r->progress_ms > RESCUE_PATIENCE_MS) r->status = ST_CORRUPT;
    if (r->status != ST_OK || !store_has_gap(r->config->store, STORE_BLOCKS)) loop_stop(r->loop);
}

static void describe(const struct rescue *r, char *what)
{
    struct store_gap gap;
    enum status st = store_gap(r->config->store, STORE_BLOCKS, &gap);
    if (st != ST_OK)
        (void)snprintf(what, RESCUE_WHAT_MAX, "damaged blocks could not be repaired: %s",
                       status_text(st));
    else
        (void)snprintf(
            what, RESCUE_WHAT_MAX,
            "file %.120s offset %llu height %llu: %.120s; no other node gave the blocks %llu to "
            "%llu. Nothing was changed: start this node again when others run",
            gap.place.file, (unsigned long long)gap.place.offset,
            (unsigned long long)gap.place.height, gap.place.what, (unsigned long long)gap.first,
            (unsigned long long)gap.last);
}

enum status rescue_run(const struct rescue_config *config, char what[RESCUE_WHAT_MAX])
{
    struct rescue r = {.config = config};
    r.progress_ms = now_ms(&r);
    TRY(loop_new(&r.loop, config->mem));
    enum status st = open_all(&r);
    if (st == ST_OK) {
        loop_timer_start(r.timer, TICK_MS, TICK_MS);
        loop_run(r.loop);
        st = r.status;
    }
    repair_free(r.repair); /* Its thread is the only other one. */
    if (st == ST_CORRUPT) describe(&r, what);
    peers_free(r.peers);
    if (r.timer != NULL) loop_timer_free(r.timer);
    loop_free(r.loop);
    return st;
}
