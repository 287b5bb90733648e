/* joining_snapshot.c - Which snapshot f + 1 validators name alike, and its chunks from all who do.
 */
#include <stdio.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "node/joining_int.h"
#include "node/snapshot_install.h"

#define OFFER_MS  500u    /* Between two questions to a peer for its snapshot. */
#define AGREE_MS  15000u  /* So few name it: another height. */
#define NONE_MS   2000u   /* Who has none is asked again so much later; */
#define WAIT_MS   25000u  /* a checkpoint may come meanwhile. */
#define MAKE_MS   900000u /* A snapshot takes no longer. */
#define HAS_CHUNK 1u
#define ASKED     2u

static void ask_offers(struct joining *j);
static void choose(struct joining *j);
static void other_height(struct joining *j);
static void fetch_manifest(struct joining *j);
static void take_manifest(struct joining *j);
static void fetch_chunks(struct joining *j);

void joining_snapshot_fini(struct joining *j)
{
    j->config->os->file_close(j->config->os, j->chunks);
    mem_free(j->config->mem, j->has_chunk);
    mem_free(j->config->mem, j->offsets);
    j->chunks = NULL;
    j->has_chunk = NULL;
    j->offsets = NULL;
}

void joining_snapshot_tick(struct joining *j)
{
    if (j->step == STEP_READY) return;
    if (j->step == STEP_HISTORY) {
        if (!joining_history_is_near(j)) return;
        j->step = STEP_OFFERS;
    }
    ask_offers(j);
    if (j->step == STEP_OFFERS) choose(j);
    if (j->step == STEP_MANIFEST) fetch_manifest(j);
    if (j->step == STEP_CHUNKS) fetch_chunks(j);
}

/* --- offers ----------------------------------------------------------------------------------- */

static bool is_usable(const struct joining *j, uint32_t peer)
{
    return peer < j->nodes->node_count && !j->peer[peer].is_liar && peers_is_up(j->peers, peer);
}

static void want(struct joining *j, uint64_t height)
{
    j->wanted = height;
    j->wanted_ms = j->now_ms;
    j->made_until_ms = j->now_ms + MAKE_MS;
}

/* A run before may have brought chunks of this one. */
static void begin_with_old(struct joining *j)
{
    struct arena arena;
    struct snapshot old;
    if (j->wanted != 0 || j->tries > 0 || j->manifest.size > 0) return;
    if (joining_read(j, "manifest", &j->manifest) != ST_OK) {
        buf_reset(&j->manifest);
        return;
    }
    arena_init(&arena, j->config->mem, 0);
    if (snapshot_decode(&old, &arena, buf_span(&j->manifest)) == ST_OK) {
        want(j, snapshot_checkpoint(&old)->height);
    }
    arena_fini(&arena);
}

/* Any height is asked of one alone: the others then make the same. */
static void ask_offers(struct joining *j)
{
    begin_with_old(j);
    for (uint32_t i = 0; i < j->nodes->node_count; i++) {
        struct joining_peer *p = &j->peer[i];
        if (!is_usable(j, i) || (p->asked_ms != 0 && j->now_ms - p->asked_ms < OFFER_MS)) continue;
        const bool has_none = p->offer.is_known && p->offer.snapshot.height == 0;
        if (j->wanted == 0 && has_none && j->now_ms - p->asked_ms < NONE_MS) continue;
        if (j->step > STEP_OFFERS && p->offer.is_known && p->offer.snapshot.is_ready) continue;
        p->asked_ms = j->now_ms;
        p->offer_id = ++j->serial;
        j->out->kind = WIRE_GET_SNAPSHOT;
        j->out->get_snapshot = (struct wire_get_snapshot){.id = p->offer_id, .height = j->wanted};
        (void)joining_send(j, i);
        if (j->wanted == 0) return;
    }
}

void joining_on_offer(struct joining *j, uint32_t peer, const struct wire_snapshot *s)
{
    struct joining_peer *p = &j->peer[peer];
    if (s->id != p->offer_id || p->offer_id == 0) return; /* J3 */
    p->offer_id = 0;
    p->offer = (struct offer){.is_known = true, .snapshot = *s};
    if (s->is_ready && (s->manifest_size == 0 || s->chunk_count == 0)) {
        joining_lie(j, peer, "a snapshot without content");
        return;
    }
    if (j->wanted == 0 && s->height > 0 && j->step == STEP_OFFERS) {
        want(j, s->height);
    }
    if (s->height > 0 && s->height == j->wanted && !s->is_ready && j->now_ms < j->made_until_ms)
        joining_progress(j);
}

/* Who says the same decides what no quorum has signed. */
static uint32_t needed(const struct joining *j)
{
    return j->validators.mode == MODE_RAFT ? 1u : j->validators.f + 1u;
}

static bool is_same(const struct offer *a, const struct offer *b)
{
    return a->is_known && b->is_known && a->snapshot.is_ready && b->snapshot.is_ready &&
           a->snapshot.height == b->snapshot.height &&
           a->snapshot.manifest_size == b->snapshot.manifest_size &&
           hash_equal(&a->snapshot.hash, &b->snapshot.hash);
}

static uint32_t count_same(const struct joining *j, const struct offer *o)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < j->validators.count; i++)
        count += is_usable(j, i) && is_same(&j->peer[i].offer, o);
    return count;
}

/* Validators that have this height, or make it. */
static uint32_t count_at(const struct joining *j, uint64_t height)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < j->validators.count; i++) {
        const struct offer *o = &j->peer[i].offer;
        count += is_usable(j, i) && o->is_known && o->snapshot.height == height;
    }
    return count;
}

static void name_liars(struct joining *j)
{
    for (uint32_t i = 0; i < j->nodes->node_count; i++) {
        const struct offer *o = &j->peer[i].offer;
        const bool is_other = o->is_known && o->snapshot.is_ready &&
                              o->snapshot.height == j->chosen.snapshot.height &&
                              !is_same(o, &j->chosen);
        if (is_other) joining_lie(j, i, "a snapshot that is another than the others'");
    }
}

/* Everybody who can be asked says that there is none. */
static bool has_nobody_any(const struct joining *j)
{
    uint32_t up = 0;
    for (uint32_t i = 0; i < j->nodes->node_count; i++) {
        if (!is_usable(j, i)) continue;
        up++;
        if (!j->peer[i].offer.is_known || j->peer[i].offer.snapshot.height != 0) return false;
    }
    return up > 0;
}

static void wait_for_any(struct joining *j)
{
    if (!has_nobody_any(j)) return;
    if (j->none_ms == 0) j->none_ms = j->now_ms;
    if (j->now_ms - j->none_ms > WAIT_MS)
        joining_fail(j, ST_NOT_FOUND, "no other node has a checkpoint to hand on");
}

/* Enough may still come to name the one that is wanted. */
static bool is_being_made(const struct joining *j)
{
    if (j->now_ms >= j->made_until_ms || count_at(j, j->wanted) < needed(j)) return false;
    for (uint32_t i = 0; i < j->validators.count; i++) {
        const struct offer *o = &j->peer[i].offer;
        if (!is_usable(j, i) || !o->is_known) continue;
        if (o->snapshot.height == j->wanted && !o->snapshot.is_ready) return true;
    }
    return false;
}

static void choose(struct joining *j)
{
    if (j->wanted == 0) {
        wait_for_any(j);
        return;
    }
    for (uint32_t i = 0; i < j->validators.count; i++) {
        const struct offer *o = &j->peer[i].offer;
        if (!o->is_known || o->snapshot.height != j->wanted || !o->snapshot.is_ready) continue;
        if (count_same(j, o) < needed(j)) continue;
        j->chosen = *o;
        j->step = STEP_MANIFEST;
        joining_progress(j);
        name_liars(j);
        return;
    }
    if (is_being_made(j)) j->wanted_ms = j->now_ms;
    if (j->now_ms - j->wanted_ms > AGREE_MS) other_height(j);
}

/* The newest height that somebody else has or makes; else whatever the next one says. */
static void other_height(struct joining *j)
{
    uint64_t height = 0;
    if (++j->tries >= JOINING_OFFERS) {
        joining_fail(j, ST_NOT_FOUND, "too few validators have the same snapshot");
        return;
    }
    for (uint32_t i = 0; i < j->nodes->node_count; i++) {
        struct offer *o = &j->peer[i].offer;
        const uint64_t h = o->is_known ? o->snapshot.height : 0;
        if (is_usable(j, i) && h != j->wanted && h > height) height = h;
        j->peer[i].asked_ms = 0;
        o->is_known = false;
    }
    want(j, height);
    j->step = STEP_OFFERS;
}

/* --- the manifest ----------------------------------------------------------------------------- */

static bool gives_chosen(const struct joining *j, uint32_t peer)
{
    return is_same(&j->peer[peer].offer, &j->chosen) && !j->peer[peer].is_busy;
}

static bool is_chosen(const struct joining *j)
{
    const struct hash hash = snapshot_hash(buf_span(&j->manifest));
    return j->manifest.size > 0 && hash_equal(&hash, &j->chosen.snapshot.hash);
}

static void fetch_manifest(struct joining *j)
{
    struct lane *lane = &j->lanes[0];
    if (is_chosen(j)) {
        take_manifest(j);
        return;
    }
    if (lane->is_open && j->now_ms < lane->until_ms) return;
    if (lane->is_open) j->peer[lane->peer].slow_until_ms = j->now_ms + JOINING_ASK_MS;
    joining_lane_close(lane);
    const uint32_t peer = joining_next_peer(j, gives_chosen);
    if (peer == JOINING_NOBODY) {
        if (j->now_ms - j->progress_ms > AGREE_MS) other_height(j);
        return;
    }
    lane->question = (struct wire_get_piece){.kind = PIECE_MANIFEST, .height = j->wanted};
    joining_lane_ask(j, lane, peer);
}

static void got_manifest(struct joining *j, uint32_t peer)
{
    struct lane *lane = &j->lanes[0];
    buf_reset(&j->manifest);
    buf_put(&j->manifest, buf_span(&lane->bytes));
    joining_lane_close(lane);
    if (buf_status(&j->manifest) != ST_OK) {
        joining_fail(j, ST_NO_MEMORY, NULL);
    } else if (!is_chosen(j)) {
        buf_reset(&j->manifest);
        joining_lie(j, peer, "a manifest that is not the one it named");
    } else {
        joining_progress(j);
        enum status st = joining_write(j, "manifest", buf_span(&j->manifest));
        if (st != ST_OK) joining_fail(j, st, NULL);
    }
}

/* The result of height, decoded; bytes and arena keep it. */
static enum status read_result(const struct joining *j,
                               uint64_t height,
                               struct buf *bytes,
                               struct arena *a,
                               struct exec_record *out)
{
    buf_reset(bytes);
    TRY(store_read_result(j->config->store, height, bytes, NULL));
    return exec_record_decode(out, a, buf_span(bytes));
}

/* The certified results carry the hashes of its checkpoints. */
static enum status check_roots(struct joining *j, struct buf *bytes, struct arena *a)
{
    for (uint32_t i = 0; i < j->snapshot.checkpoint_count; i++) {
        struct exec_record r;
        const struct checkpoint *c = &j->snapshot.checkpoints[i];
        const struct hash hash = checkpoint_hash(c);
        TRY(read_result(j, c->height + CHECKPOINT_LAG, bytes, a, &r));
        if (!hash_equal(&hash, &r.result.checkpoint)) return ST_INVALID;
    }
    return ST_OK;
}

static enum status read_header(const struct joining *j, uint64_t height, struct header *out)
{
    struct buf bytes;
    struct span header = {0};
    struct span body = {0};
    buf_init(&bytes, j->config->mem, 0);
    enum status st = store_read_block(j->config->store, height, &bytes, NULL);
    if (st == ST_OK) st = block_split(buf_span(&bytes), &header, &body);
    if (st == ST_OK) {
        struct cbor in = cbor_of(header);
        header_decode(out, &in);
        st = cbor_end(&in);
    }
    buf_fini(&bytes);
    return st;
}

/* The note's digest is the certified one, its history the one that the next header names. */
static enum status check_note(struct joining *j, struct buf *bytes, struct arena *a)
{
    struct exec_record r;
    struct header next;
    struct hash digest;
    struct merkle_tree history;
    const uint64_t height = snapshot_checkpoint(&j->snapshot)->height;
    TRY(exec_note_read(j->snapshot.note, &digest, &history));
    TRY(read_result(j, height, bytes, a, &r));
    TRY(read_header(j, height + 1, &next));
    const struct hash root = merkle_tree_root(&history);
    const bool is_right = history.count == height && hash_equal(&digest, &r.digest) &&
                          hash_equal(&root, &next.history_root);
    return is_right ? ST_OK : ST_INVALID;
}

static enum status check_manifest(struct joining *j)
{
    struct buf bytes;
    struct arena arena;
    buf_init(&bytes, j->config->mem, 0);
    arena_init(&arena, j->config->mem, 0);
    enum status st = check_roots(j, &bytes, &arena);
    if (st == ST_OK) st = check_note(j, &bytes, &arena);
    arena_fini(&arena);
    buf_fini(&bytes);
    return st;
}

/* Chunks that a run before brought are found by their hashes. */
static enum status find_chunks(struct joining *j)
{
    struct buf chunk;
    uint64_t offset = 0;
    buf_init(&chunk, j->config->mem, SNAPSHOT_CHUNK_BYTES_MAX);
    for (uint32_t i = 0; i < j->snapshot.part_count; i++) {
        const struct snapshot_part *part = &j->snapshot.parts[i];
        j->offsets[i] = offset;
        enum status st = snapshot_read_chunk(j->config->os, j->chunks, offset, part, &chunk);
        if (st != ST_OK && st != ST_CORRUPT) {
            buf_fini(&chunk);
            return st;
        }
        if (st == ST_OK) {
            j->has_chunk[i] = HAS_CHUNK;
            j->have++;
        }
        offset += part->size;
    }
    j->reused = j->have;
    buf_fini(&chunk);
    return ST_OK;
}

static enum status open_chunks(struct joining *j)
{
    struct os *os = j->config->os;
    char path[OS_PATH_MAX];
    joining_snapshot_fini(j);
    j->have = 0;
    j->has_chunk = mem_alloc_zero(j->config->mem, j->snapshot.part_count, 1);
    j->offsets = mem_alloc_zero(j->config->mem, j->snapshot.part_count, sizeof *j->offsets);
    if (j->has_chunk == NULL || j->offsets == NULL) return ST_NO_MEMORY;
    TRY(joining_path(j, path, "chunks"));
    enum status st = os->file_open(os, &j->chunks, path, OS_WRITE);
    if (st == ST_NOT_FOUND) st = os->file_open(os, &j->chunks, path, OS_WRITE | OS_CREATE);
    TRY(st);
    return find_chunks(j);
}

static void take_manifest(struct joining *j)
{
    if (joining_height(j) < j->wanted + CHECKPOINT_LAG) return; /* Not certified here yet. */
    arena_reset(&j->manifest_arena);
    enum status st = snapshot_decode(&j->snapshot, &j->manifest_arena, buf_span(&j->manifest));
    if (st == ST_OK && snapshot_checkpoint(&j->snapshot)->height != j->wanted) st = ST_INVALID;
    if (st == ST_OK && !hash_equal(&j->snapshot.chain_id, &j->config->chain_id)) st = ST_INVALID;
    if (st == ST_OK) st = check_manifest(j);
    if (st == ST_OK) st = open_chunks(j);
    if (st == ST_OK) {
        j->step = STEP_CHUNKS;
        joining_progress(j);
        if (j->reused > 0) {
            char text[128];
            (void)snprintf(text, sizeof text, "joining: %llu of %u chunks are here from before",
                           (unsigned long long)j->reused, j->snapshot.part_count);
            joining_warn(j, text);
        }
    } else if (st == ST_INVALID || st == ST_TRUNCATED || st == ST_LIMIT) {
        joining_fail(j, ST_NOT_FOUND, "the snapshot that f + 1 validators name is not certified");
    } else {
        joining_fail(j, st, NULL);
    }
}

/* --- chunks ----------------------------------------------------------------------------------- */

static void close_lane(struct joining *j, struct lane *lane)
{
    if (j->has_chunk[lane->chunk] == ASKED) j->has_chunk[lane->chunk] = 0;
    j->peer[lane->peer].is_busy = false;
    joining_lane_close(lane);
}

static uint32_t next_missing(const struct joining *j)
{
    for (uint32_t i = 0; i < j->snapshot.part_count; i++)
        if (j->has_chunk[i] == 0) return i;
    return j->snapshot.part_count;
}

static bool start_lane(struct joining *j, struct lane *lane)
{
    const uint32_t chunk = next_missing(j);
    if (chunk == j->snapshot.part_count) return false;
    const uint32_t peer = joining_next_peer(j, gives_chosen);
    if (peer == JOINING_NOBODY) return false;
    joining_lane_close(lane);
    lane->chunk = chunk;
    lane->question = (struct wire_get_piece){.kind = PIECE_CHUNK,
                                             .height = j->wanted,
                                             .at = j->offsets[chunk],
                                             .size = j->snapshot.parts[chunk].size};
    j->has_chunk[chunk] = ASKED;
    j->peer[peer].is_busy = true;
    joining_lane_ask(j, lane, peer);
    return true;
}

static void install(struct joining *j)
{
    char chunks[OS_PATH_MAX];
    char state[OS_PATH_MAX];
    char rows[OS_PATH_MAX];
    struct os *os = j->config->os;
    const struct snapshot_install i = {.os = os,
                                       .mem = j->config->mem,
                                       .snapshot = &j->snapshot,
                                       .chunks = chunks,
                                       .state = state,
                                       .rows = rows};
    joining_warn(j, "joining: all chunks are here; the state is made of them");
    enum status st = os->file_sync(os, j->chunks);
    if (st == ST_OK) st = joining_path(j, chunks, "chunks");
    if (st == ST_OK) st = joining_path(j, state, "state");
    if (st == ST_OK) st = os->make_dir(os, state);
    if (st == ST_EXISTS) st = ST_OK;
    if (st == ST_OK) st = joining_path(j, state, "state/main.db");
    if (st == ST_OK) st = joining_path(j, rows, "rows");
    if (st == ST_OK) st = snapshot_install(&i);
    /* The store has to be ahead of the state whatever happens now. */
    if (st == ST_OK) st = store_settle(j->config->store);
    if (st == ST_OK) st = store_results_sync(j->config->store);
    if (st == ST_OK) st = joining_finish(j);
    if (st == ST_OK)
        j->step = STEP_READY;
    else
        joining_fail(j, st == ST_INVALID ? ST_NOT_FOUND : st,
                     st == ST_INVALID ? "the snapshot makes no state" : NULL);
}

static void fetch_chunks(struct joining *j)
{
    for (uint32_t i = 0; i < JOINING_LANES; i++) {
        struct lane *lane = &j->lanes[i];
        if (lane->is_open && j->now_ms >= lane->until_ms) {
            j->peer[lane->peer].slow_until_ms = j->now_ms + JOINING_ASK_MS;
            close_lane(j, lane);
        }
        if (!lane->is_open && !start_lane(j, lane)) continue;
    }
    if (j->have == j->snapshot.part_count) {
        install(j);
    } else if (count_same(j, &j->chosen) == 0 && j->now_ms - j->progress_ms > AGREE_MS) {
        other_height(j); /* Nobody has it any more. */
    }
}

static void got_chunk(struct joining *j, struct lane *lane, uint32_t peer)
{
    const struct snapshot_part *part = &j->snapshot.parts[lane->chunk];
    const struct span bytes = buf_span(&lane->bytes);
    const struct hash hash = snapshot_chunk_hash(bytes);
    struct arena scratch;
    arena_init(&scratch, j->config->mem, 0);
    bool is_right = bytes.size == part->size && hash_equal(&hash, &part->chunk); /* J2 */
    enum status st = is_right ? snapshot_chunk_check(bytes, part, &scratch) : ST_OK;
    arena_fini(&scratch);
    if (st == ST_OK && is_right)
        st = j->config->os->file_write(j->config->os, j->chunks, bytes, j->offsets[lane->chunk]);
    if (st == ST_OK && is_right) {
        j->has_chunk[lane->chunk] = HAS_CHUNK;
        j->have++;
        joining_progress(j);
    }
    const uint32_t chunk = lane->chunk;
    close_lane(j, lane);
    if (!is_right) {
        char text[96];
        (void)snprintf(text, sizeof text, "a chunk (%u) that is not of the snapshot", chunk);
        joining_lie(j, peer, text);
    } else if (st == ST_INVALID || st == ST_TRUNCATED) {
        joining_fail(j, ST_NOT_FOUND, "the snapshot that f + 1 validators name is not certified");
    } else if (st != ST_OK) {
        joining_fail(j, st, NULL);
    }
}

void joining_snapshot_piece(struct joining *j, uint32_t peer, const struct wire_piece *p)
{
    if (j->step != STEP_MANIFEST && j->step != STEP_CHUNKS) return;
    for (uint32_t i = 0; i < JOINING_LANES; i++) {
        struct lane *lane = &j->lanes[i];
        const enum lane_result result = joining_lane_take(j, lane, peer, p);
        if (result == LANE_OTHER) continue;
        if (result == LANE_MORE) return;
        if (result == LANE_DONE && j->step == STEP_MANIFEST) {
            got_manifest(j, peer);
        } else if (result == LANE_DONE) {
            got_chunk(j, lane, peer);
        } else {
            if (result == LANE_NONE) j->peer[peer].offer.is_known = false;
            if (j->step == STEP_CHUNKS)
                close_lane(j, lane);
            else
                joining_lane_close(lane);
            if (result == LANE_LIE)
                joining_lie(j, peer, "parts that are none of what it was asked");
        }
        joining_snapshot_tick(j);
        return;
    }
}
