/* joining.c - The loop of a node that joins: whom it asks, and what becomes of the answers. */
#include "node/joining_int.h"

#include <stdio.h>

#include "base/must.h"

#define TICK_MS 10u
#define TELL_MS 2000u
#define SLOW_MS 8000u

static enum status open_all(struct joining *j);
static void close_all(struct joining *j);
static void on_timer(void *context);
static void on_up(void *context, uint32_t place, bool is_up);
static void on_message(void *context, uint32_t place, enum p2p_channel channel, struct span bytes);
static void tell(struct joining *j);

enum status joining_run(const struct joining_config *config, char *what)
{
    struct joining *j = mem_alloc_zero(config->mem, 1, sizeof *j);
    if (j == NULL) return ST_NO_MEMORY;
    j->config = config;
    j->now_ms = j->progress_ms = config->os->monotonic_ns(config->os) / 1000000u;
    enum status st = open_all(j);
    if (st == ST_OK) {
        loop_timer_start(j->timer, TICK_MS, TICK_MS);
        loop_run(j->loop);
        st = j->status;
    }
    if (st != ST_OK)
        (void)snprintf(what, JOINING_WHAT_MAX, "this node could not join by snapshot: %s",
                       j->why != NULL ? j->why : status_text(st));
    close_all(j);
    mem_free(config->mem, j);
    return st;
}

static enum status open_all(struct joining *j)
{
    const struct joining_config *config = j->config;
    struct mem *mem = config->mem;
    char path[OS_PATH_MAX];
    buf_init(&j->sent, mem, 0);
    buf_init(&j->next_config, mem, 0);
    buf_init(&j->manifest, mem, SNAPSHOT_MANIFEST_MAX);
    arena_init(&j->config_arena, mem, 0);
    arena_init(&j->manifest_arena, mem, 0);
    for (uint32_t i = 0; i < 2; i++)
        buf_init(&j->large[i].bytes, mem, 0);
    for (uint32_t i = 0; i < JOINING_LANES; i++)
        buf_init(&j->lanes[i].bytes, mem, SNAPSHOT_CHUNK_BYTES_MAX);
    j->in = mem_alloc_zero(mem, 1, sizeof *j->in);
    j->out = mem_alloc_zero(mem, 1, sizeof *j->out);
    if (j->in == NULL || j->out == NULL) return ST_NO_MEMORY;
    TRY(os_path_join(path, config->dir, JOINING_DIR));
    enum status st = config->os->make_dir(config->os, path);
    if (st != ST_OK && st != ST_EXISTS) return st;
    TRY(loop_new(&j->loop, mem));
    TRY(loop_timer_new(&j->timer, j->loop, on_timer, j));
    const struct peers_config peers = {
        .os = config->os,
        .mem = mem,
        .loop = j->loop,
        .chain_id = config->chain_id,
        .settings = config->settings,
        .keys = config->keys,
        .events = {.up = on_up, .message = on_message, .context = j}};
    TRY(peers_new(&j->peers, &peers));
    TRY(joining_history_open(j));
    peers_nodes(j->peers, j->nodes, NULL, 0);
    j->is_peers_stale = false;
    return peers_follow(j->peers);
}

static void close_all(struct joining *j)
{
    struct mem *mem = j->config->mem;
    joining_snapshot_fini(j);
    joining_history_fini(j);
    peers_free(j->peers);
    if (j->timer != NULL) loop_timer_free(j->timer);
    if (j->loop != NULL) loop_free(j->loop);
    for (uint32_t i = 0; i < 2; i++)
        buf_fini(&j->large[i].bytes);
    for (uint32_t i = 0; i < JOINING_LANES; i++)
        buf_fini(&j->lanes[i].bytes);
    buf_fini(&j->sent);
    buf_fini(&j->next_config);
    buf_fini(&j->manifest);
    arena_fini(&j->config_arena);
    arena_fini(&j->manifest_arena);
    mem_free(mem, j->in);
    mem_free(mem, j->out);
}

void joining_fail(struct joining *j, enum status st, const char *why)
{
    must(st != ST_OK);
    if (j->status != ST_OK) return;
    j->status = st;
    j->why = why;
}

void joining_warn(const struct joining *j, const char *text)
{
    if (j->config->warn != NULL) j->config->warn(text);
}

void joining_progress(struct joining *j)
{
    j->progress_ms = j->now_ms;
}

/* --- peers ------------------------------------------------------------------------------------ */

const char *joining_name(const struct joining *j, uint32_t peer)
{
    if (peer >= j->nodes->node_count) return "a node";
    return (const char *)j->nodes->nodes[peer].node_name.data;
}

void joining_lie(struct joining *j, uint32_t peer, const char *what)
{
    char text[256];
    must(peer < PEERS_PLACES);
    if (j->peer[peer].is_liar) return;
    j->peer[peer].is_liar = true;
    const struct span name =
        peer < j->nodes->node_count ? j->nodes->nodes[peer].node_name : span_text("?");
    (void)snprintf(text, sizeof text, "joining: %.*s gave %s: it is not asked any more",
                   (int)name.size, (const char *)name.data, what);
    joining_warn(j, text);
    peers_ban(j->peers, peer, what);
}

uint32_t joining_next_peer(struct joining *j, bool (*is_fit)(const struct joining *, uint32_t))
{
    uint32_t slow = JOINING_NOBODY;
    for (uint32_t i = 0; i < j->nodes->node_count; i++) {
        const uint32_t peer = (j->next_peer + i) % j->nodes->node_count;
        if (j->peer[peer].is_liar || !peers_is_up(j->peers, peer)) continue;
        if (is_fit != NULL && !is_fit(j, peer)) continue;
        if (j->peer[peer].slow_until_ms > j->now_ms) {
            slow = peer;
            continue;
        }
        j->next_peer = peer + 1;
        return peer;
    }
    return slow;
}

bool joining_send(struct joining *j, uint32_t peer)
{
    buf_reset(&j->sent);
    wire_encode(&j->sent, j->out);
    if (buf_status(&j->sent) != ST_OK) return false;
    return peers_send(j->peers, peer, P2P_BULK, buf_span(&j->sent)) == ST_OK;
}

static void on_up(void *context, uint32_t place, bool is_up)
{
    struct joining *j = context;
    if (place >= PEERS_PLACES || !is_up) return;
    j->peer[place].asked_ms = 0;
    j->has_met = true;
}

static void on_message(void *context, uint32_t place, enum p2p_channel channel, struct span bytes)
{
    struct joining *j = context;
    if (channel != P2P_BULK || place >= PEERS_PLACES || j->status != ST_OK) return;
    if (bytes.size == 0 || (bytes.data[0] != WIRE_HISTORY && bytes.data[0] != WIRE_SNAPSHOT &&
                            bytes.data[0] != WIRE_PIECE))
        return; /* All else waits for the core. */
    if (j->peer[place].is_liar) return;
    if (wire_decode(j->in, bytes) != ST_OK) {
        joining_lie(j, place, "a message that is none");
        return;
    }
    if (j->in->kind == WIRE_HISTORY) joining_on_history(j, place, &j->in->history);
    if (j->in->kind == WIRE_SNAPSHOT) joining_on_offer(j, place, &j->in->snapshot);
    if (j->in->kind != WIRE_PIECE) return;
    if (!joining_history_piece(j, place, &j->in->piece))
        joining_snapshot_piece(j, place, &j->in->piece);
}

/* --- lanes ------------------------------------------------------------------------------------ */

void joining_lane_ask(struct joining *j, struct lane *lane, uint32_t peer)
{
    lane->is_open = true;
    lane->peer = peer;
    lane->id = ++j->serial;
    lane->until_ms = j->now_ms + JOINING_ASK_MS;
    lane->question.id = lane->id;
    lane->question.offset = lane->bytes.size;
    j->out->kind = WIRE_GET_PIECE;
    j->out->get_piece = lane->question;
    if (!joining_send(j, peer)) lane->until_ms = j->now_ms;
}

void joining_lane_close(struct lane *lane)
{
    lane->is_open = false;
    lane->id = 0;
    lane->size = 0;
    buf_reset(&lane->bytes);
}

enum lane_result joining_lane_take(struct joining *j,
                                   struct lane *lane,
                                   uint32_t peer,
                                   const struct wire_piece *p)
{
    if (!lane->is_open || lane->id != p->id || lane->peer != peer) return LANE_OTHER; /* J3 */
    if (p->size == 0) return LANE_NONE;
    if (p->offset != lane->bytes.size || (lane->size != 0 && p->size != lane->size))
        return LANE_LIE;
    lane->size = p->size;
    buf_put(&lane->bytes, p->bytes);
    if (buf_status(&lane->bytes) == ST_NO_MEMORY) joining_fail(j, ST_NO_MEMORY, NULL);
    if (buf_status(&lane->bytes) != ST_OK) return LANE_LIE;
    if (lane->bytes.size == lane->size) return LANE_DONE;
    joining_lane_ask(j, lane, peer);
    return LANE_MORE;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_timer(void *context)
{
    struct joining *j = context;
    j->now_ms = j->config->os->monotonic_ns(j->config->os) / 1000000u;
    if (j->is_peers_stale) {
        j->is_peers_stale = false;
        for (uint32_t i = 0; i < PEERS_PLACES; i++)
            j->peer[i] = (struct joining_peer){.asked_ms = 0}; /* Places mean others now. */
        peers_nodes(j->peers, j->nodes, NULL, 0);
    }
    if (peers_follow(j->peers) != ST_OK)
        joining_fail(j, ST_NOT_FOUND, "the connections to the other nodes could not be made");
    if (j->status == ST_OK) joining_history_tick(j);
    if (j->status == ST_OK) joining_snapshot_tick(j);
    if (j->now_ms - j->progress_ms > (j->has_met ? JOINING_PATIENCE_MS : JOINING_ALONE_MS))
        joining_fail(j, ST_NOT_FOUND, "no node gave what is missing");
    tell(j);
    if (j->status != ST_OK || j->step == STEP_READY) loop_stop(j->loop);
}

static void tell(struct joining *j)
{
    char text[256];
    const uint64_t height = joining_height(j);
    const uint64_t most = j->seen_final > height ? j->seen_final : height;
    if (j->now_ms - j->told_ms < TELL_MS || j->step == STEP_READY) return;
    j->told_ms = j->now_ms;
    if (j->step == STEP_CHUNKS)
        (void)snprintf(text, sizeof text, "joining: snapshot at height %llu: %u of %u chunks",
                       (unsigned long long)snapshot_checkpoint(&j->snapshot)->height, j->have,
                       j->snapshot.part_count);
    else if (j->step == STEP_HISTORY || !joining_history_is_near(j))
        (void)snprintf(text, sizeof text, "joining: block %llu of %llu", (unsigned long long)height,
                       (unsigned long long)most);
    else
        (void)snprintf(text, sizeof text,
                       "joining: block %llu; the other nodes make a snapshot (height %llu)",
                       (unsigned long long)height, (unsigned long long)j->wanted);
    joining_warn(j, text);
}
