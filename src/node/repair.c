/* repair.c - Closing gaps of the store's blocks with those of other nodes.
 *
 * R1 One question is open at a time; its number is never used again, so a late answer is none.
 * R2 No block reaches the store that is not linked to the one before it; the last one of a gap only
 *    when its hash is the one known here. What was given before that is forgotten otherwise.
 * R3 An own block whose parent two peers deny is itself none of the chain: it becomes a gap. */
#include "node/repair.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/must.h"
#include "ledger/block.h"
#include "node/replay.h"
#include "node/wire.h"
#include "os/thread.h"

#define ANSWER_MS    3000u        /* Without an answer: the next peer. */
#define REST_MS      2000u        /* After all were asked, or a failure. */
#define TIDY_BYTES   (512u << 10) /* At a time, so often: */
#define TIDY_MS      20u
#define TIDY_REST_MS 1000u        /* Nothing is to do. */
#define TIDY_FAIL_MS 60000u       /* It failed: a full disk, perhaps. */
#define ID_FIRST     (1ULL << 63) /* Numbers of the core's questions are below. */
#define NOBODY       UINT32_MAX
#define DENIALS_MAX  2u
#define BLOCK_MAX    (66u << 20)

enum question { QUESTION_NONE, QUESTION_OPEN, QUESTION_SENT, QUESTION_ANSWERED };

struct ask {
    uint64_t id;
    uint64_t height;
    uint64_t offset;
    bool is_part; /* One block in parts; else a row. */
};

struct run { /* The gap at hand. */
    struct store_gap gap;
    uint64_t next;      /* Height of the block that is checked next. */
    struct hash before; /* Hash of the one before it; */
    bool is_linked;     /* known. */
    struct header parent;
    bool has_parent;
    struct repair_report done; /* Given, not yet seen as closed; last 0: none. */
};

struct repair {
    struct repair_config config;
    struct thread *thread;
    struct mutex *lock; /* Guards what follows, up to the empty line. */
    struct cond *turn;
    enum question state;
    struct ask ask;
    uint32_t peer;     /* Who was asked. */
    uint32_t liar;     /* To be told by the loop; NOBODY: none. */
    uint64_t until_ms; /* Of the question, or of the rest. */
    uint64_t now_ms;
    uint64_t tidy_ms; /* When the store is tidied next. */
    struct buf answer;
    bool is_stopping;

    uint64_t serial;
    uint32_t start_peer; /* Asked first. */
    uint32_t denials;
    struct wire_message *message; /* Of the thread. */
    struct wire_message *sent;    /* Of the loop. */
    struct buf out;
    struct buf block; /* Collected parts. */
    _Atomic uint64_t count;
};

static void run_thread(void *context);
static void tidy(struct repair *r);

enum status repair_new(struct repair **out, const struct repair_config *config)
{
    struct repair *r = mem_alloc_zero(config->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->config = *config;
    r->liar = NOBODY;
    r->serial = ID_FIRST;
    must(config->peer_count <= REPAIR_PEERS_MAX);
    buf_init(&r->answer, config->mem, 0);
    buf_init(&r->out, config->mem, 0);
    buf_init(&r->block, config->mem, BLOCK_MAX);
    r->message = mem_alloc_zero(config->mem, 1, sizeof *r->message);
    r->sent = mem_alloc_zero(config->mem, 1, sizeof *r->sent);
    enum status st = r->message == NULL || r->sent == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) st = mutex_new(&r->lock, config->mem);
    if (st == ST_OK) st = cond_new(&r->turn, config->mem);
    if (st == ST_OK) st = thread_start(&r->thread, config->mem, "repair", run_thread, r);
    if (st != ST_OK) {
        repair_free(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

void repair_free(struct repair *r)
{
    if (r == NULL) return;
    if (r->thread != NULL) {
        mutex_lock(r->lock);
        r->is_stopping = true;
        cond_broadcast(r->turn);
        mutex_unlock(r->lock);
        thread_join(r->thread);
    }
    struct mem *mem = r->config.mem;
    cond_free(r->turn);
    mutex_free(r->lock);
    buf_fini(&r->answer);
    buf_fini(&r->out);
    buf_fini(&r->block);
    mem_free(mem, r->message);
    mem_free(mem, r->sent);
    mem_free(mem, r);
}

uint64_t repair_count(const struct repair *r)
{
    return atomic_load(&r->count);
}

uint64_t repair_cpu_ns(const struct repair *r)
{
    return r->thread == NULL ? 0 : thread_cpu_ns(r->thread);
}

void repair_describe(char out[REPAIR_WHAT_MAX], const struct repair_report *report)
{
    const struct damage *place = &report->place;
    (void)snprintf(out, REPAIR_WHAT_MAX,
                   "file %s offset %llu height %llu: %s; blocks %llu to %llu came from others",
                   place->file, (unsigned long long)place->offset,
                   (unsigned long long)place->height, place->what,
                   (unsigned long long)report->first, (unsigned long long)report->last);
}

/* --- the loop's side -------------------------------------------------------------------------- */

static bool send_question(struct repair *r, uint32_t peer)
{
    struct wire_message *m = r->sent;
    buf_reset(&r->out);
    if (r->ask.is_part) {
        m->kind = WIRE_GET_BLOCK;
        m->get_block = (struct wire_get_block){
            .id = r->ask.id, .height = r->ask.height, .offset = r->ask.offset};
    } else {
        m->kind = WIRE_GET_CHAIN;
        m->get_chain = (struct wire_get_chain){.id = r->ask.id, .height = r->ask.height};
    }
    wire_encode(&r->out, m);
    if (buf_status(&r->out) != ST_OK) return false;
    const struct repair_config *config = &r->config;
    return config->send(config->context, peer, buf_span(&r->out), r->ask.is_part) == ST_OK;
}

/* The first who can be reached. Nobody: again at the next tick. */
static void send_open(struct repair *r)
{
    for (uint32_t i = 0; i < r->config.peer_count; i++) {
        uint32_t peer = (r->start_peer + i) % r->config.peer_count;
        if (!send_question(r, peer)) continue;
        r->peer = peer;
        r->state = QUESTION_SENT;
        r->until_ms = r->now_ms + ANSWER_MS;
        return;
    }
}

void repair_tick(struct repair *r, uint64_t mono_ms)
{
    const bool has_gap = store_has_gap(r->config.store, STORE_BLOCKS);
    mutex_lock(r->lock);
    r->now_ms = mono_ms;
    if (r->liar != NOBODY && r->config.lied != NULL) r->config.lied(r->config.context, r->liar);
    r->liar = NOBODY;
    if (r->state == QUESTION_OPEN) send_open(r);
    if (r->state == QUESTION_SENT && mono_ms >= r->until_ms) {
        buf_reset(&r->answer);
        r->state = QUESTION_ANSWERED;
    }
    if (has_gap || r->state == QUESTION_ANSWERED || mono_ms >= r->tidy_ms) cond_broadcast(r->turn);
    mutex_unlock(r->lock);
}

bool repair_on_message(struct repair *r, uint32_t peer, struct span bytes)
{
    bool is_own = false;
    if (bytes.size == 0 || (bytes.data[0] != WIRE_CHAIN && bytes.data[0] != WIRE_BLOCK_PART))
        return false;
    mutex_lock(r->lock);
    enum wire_kind want = r->ask.is_part ? WIRE_BLOCK_PART : WIRE_CHAIN;
    bool is_waiting = r->state == QUESTION_SENT && r->peer == peer && bytes.data[0] == want;
    if (is_waiting && wire_decode(r->sent, bytes) == ST_OK) {
        uint64_t id = r->ask.is_part ? r->sent->block_part.id : r->sent->chain.id;
        is_own = id == r->ask.id; /* R1. */
    }
    if (is_own) {
        buf_reset(&r->answer);
        buf_put(&r->answer, bytes);
        if (buf_status(&r->answer) != ST_OK) buf_fini(&r->answer); /* As if none had come. */
        r->state = QUESTION_ANSWERED;
        cond_broadcast(r->turn);
    }
    mutex_unlock(r->lock);
    return is_own;
}

/* --- the thread's side: asking ---------------------------------------------------------------- */

/* Decoded in r->message; false: no answer came, or the end has. */
static bool ask(struct repair *r, const struct ask *question)
{
    mutex_lock(r->lock);
    r->ask = *question;
    r->ask.id = ++r->serial;
    r->state = QUESTION_OPEN;
    while (r->state != QUESTION_ANSWERED && !r->is_stopping)
        cond_wait(r->turn, r->lock);
    r->state = QUESTION_NONE;
    bool is_there = !r->is_stopping && r->answer.size > 0;
    mutex_unlock(r->lock); /* Nobody writes to the answer before the next question. */
    return is_there && wire_decode(r->message, buf_span(&r->answer)) == ST_OK;
}

static void next_peer(struct repair *r)
{
    mutex_lock(r->lock);
    r->start_peer = (r->peer + 1) % r->config.peer_count;
    mutex_unlock(r->lock);
}

static void name_liar(struct repair *r)
{
    store_repair_cancel(r->config.store); /* R2. */
    mutex_lock(r->lock);
    r->liar = r->peer;
    mutex_unlock(r->lock);
    next_peer(r);
}

/* Until there may be something to do. False: the end. */
static bool rest(struct repair *r, uint64_t ms)
{
    mutex_lock(r->lock);
    uint64_t until_ms = r->now_ms + ms;
    do {
        if (!r->is_stopping) cond_wait(r->turn, r->lock);
    } while (!r->is_stopping && ms > 0 && r->now_ms < until_ms);
    bool goes_on = !r->is_stopping;
    mutex_unlock(r->lock);
    return goes_on;
}

/* --- the thread's side: proving --------------------------------------------------------------- */

static enum status read_header(const struct repair *r, uint64_t height, struct header *out)
{
    struct buf bytes;
    struct span header = {0};
    struct span body = {0};
    buf_init(&bytes, r->config.mem, 0);
    enum status st = store_read_block(r->config.store, height, &bytes, NULL);
    if (st == ST_OK && block_split(buf_span(&bytes), &header, &body) != ST_OK) st = ST_CORRUPT;
    if (st == ST_OK) {
        struct cbor in = cbor_of(header);
        header_decode(out, &in);
        if (cbor_end(&in) != ST_OK) st = ST_CORRUPT;
    }
    buf_fini(&bytes);
    return st;
}

/* What the block before is, as far as it can be told. */
static void find_parent(const struct repair *r, struct run *run)
{
    const uint64_t height = run->gap.first;
    bool is_continued = run->is_linked && run->next == height;
    run->next = height;
    if (is_continued) return;
    run->has_parent = height > 1 && read_header(r, height - 1, &run->parent) == ST_OK;
    run->is_linked = run->has_parent || height == 1;
    run->before = run->has_parent ? header_hash(&run->parent) : r->config.chain_id;
}

/* Of what the last block's hash must be. ST_CORRUPT: nobody tells. */
static enum status expected(const struct repair *r, const struct store_gap *gap, struct hash *out)
{
    struct header next;
    *out = gap->end_hash;
    if (gap->is_end) return ST_OK;
    TRY(read_header(r, gap->last + 1, &next));
    *out = next.parent;
    return ST_OK;
}

static enum status decode_body(struct body *body, struct arena *arena, struct span bytes)
{
    struct span header;
    struct span encoded;
    TRY(block_split(bytes, &header, &encoded));
    return body_decode(body, arena, encoded);
}

/* Form, roots, chain, link. ST_INVALID: it is none of this place. */
static enum status prove(const struct repair *r,
                         const struct run *run,
                         const struct flow_block *b,
                         struct span bytes)
{
    const char *what = NULL;
    struct arena arena;
    if (b->header.height != run->next) return ST_INVALID;
    if (run->is_linked && !hash_equal(&b->header.parent, &run->before)) return ST_INVALID;
    arena_init(&arena, r->config.mem, 0);
    struct body *body = arena_alloc_zero(&arena, 1, sizeof *body);
    enum status st = body == NULL ? ST_NO_MEMORY : decode_body(body, &arena, bytes);
    if (st == ST_OK) {
        /* An unknown parent is believed for now: what follows is linked to it up to the end. */
        struct header parent = b->header;
        parent.height = b->header.height - 1;
        parent.time_ms = 0;
        struct hash parent_hash = b->header.parent;
        struct block_parts parts = {.header = &b->header, .body = body, .txs = b->views};
        bool is_first = b->header.height == 1;
        const struct header *own = run->has_parent ? &run->parent : &parent;
        st = block_check(&parts, is_first ? NULL : own,
                         is_first ? &r->config.chain_id : &parent_hash, &arena, &what);
        if (!hash_equal(&b->header.chain_id, &r->config.chain_id)) st = ST_INVALID;
    }
    arena_fini(&arena);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_INVALID;
}

/* R3. */
static void deny(struct repair *r, const struct store_gap *gap)
{
    struct damage place = gap->place;
    if (gap->is_end || ++r->denials < DENIALS_MAX) return;
    r->denials = 0;
    place.height = gap->last + 1;
    store_note_false(r->config.store, STORE_BLOCKS, gap->last + 1, gap->last + 1, &place);
}

static enum status give(struct repair *r, struct run *run, struct flow_block *b, struct span bytes)
{
    const struct store_gap *gap = &run->gap;
    if (run->next == gap->last) {
        struct hash want;
        enum status st = expected(r, gap, &want);
        if (st == ST_CORRUPT) return ST_BUSY; /* The gap is a larger one, as shows now. */
        TRY(st);
        if (!hash_equal(&want, &b->hash)) {
            deny(r, gap);
            return ST_INVALID; /* R2. */
        }
        r->denials = 0;
    }
    struct store_block block = {.height = b->header.height,
                                .hash = b->hash,
                                .bytes = bytes,
                                .txids = b->txids,
                                .tx_count = b->tx_count};
    TRY(store_repair(r->config.store, STORE_BLOCKS, &block));
    atomic_fetch_add(&r->count, 1);
    return ST_OK;
}

/* The next block of the gap. ST_INVALID: a lie. */
static enum status take_block(struct repair *r, struct run *run, struct span bytes)
{
    struct flow_block *b = NULL;
    enum status st = replay_decode(&b, r->config.mem, bytes);
    if (st == ST_NO_MEMORY) return st;
    if (st != ST_OK) return ST_INVALID;
    st = prove(r, run, b, bytes);
    if (st == ST_OK) st = give(r, run, b, bytes);
    if (st == ST_OK) {
        run->next++;
        run->before = b->hash;
        run->parent = b->header;
        run->is_linked = run->has_parent = true;
    }
    flow_block_free(b);
    return st;
}

/* --- the thread's side: a gap ------------------------------------------------------------------
 */

/* A block that is larger than an answer, in parts from one peer. */
static enum status fetch_large(struct repair *r, struct run *run)
{
    uint64_t size = 1;
    buf_reset(&r->block);
    while (r->block.size < size) {
        struct ask question = {.height = run->next, .offset = r->block.size, .is_part = true};
        if (!ask(r, &question)) return ST_TIMEOUT;
        const struct wire_block_part *part = &r->message->block_part;
        if (part->size == 0) return ST_NOT_FOUND;
        if (part->offset != r->block.size || part->bytes.size == 0 || part->size > BLOCK_MAX ||
            (r->block.size > 0 && part->size != size))
            return ST_INVALID;
        size = part->size;
        buf_put(&r->block, part->bytes);
        TRY(buf_status(&r->block));
    }
    return take_block(r, run, buf_span(&r->block));
}

static enum status fetch_row(struct repair *r, struct run *run)
{
    struct ask question = {.height = run->next};
    if (!ask(r, &question)) return ST_TIMEOUT;
    struct wire_chain *chain = &r->message->chain;
    if (chain->blocks.count == 0)
        return chain->final_height >= run->next ? fetch_large(r, run) : ST_NOT_FOUND;
    struct span bytes;
    enum status st = ST_OK;
    while (st == ST_OK && run->next <= run->gap.last && wire_next(&chain->blocks, &bytes))
        st = take_block(r, run, bytes);
    return st;
}

/* ST_OK: all its blocks are given. */
static enum status fill(struct repair *r, struct run *run)
{
    const uint64_t first = run->gap.first;
    find_parent(r, run);
    while (run->next <= run->gap.last) {
        enum status st = fetch_row(r, run);
        if (st == ST_INVALID) name_liar(r);
        if (st == ST_TIMEOUT || st == ST_NOT_FOUND) next_peer(r);
        TRY(st);
    }
    run->done = (struct repair_report){
        .place = run->gap.place, .first = first, .last = run->gap.last, .hash = run->before};
    return ST_OK;
}

/* The store has written it, and names another gap or none. */
static void report(const struct repair *r, struct run *run)
{
    bool is_open = run->gap.first <= run->done.last && run->done.first <= run->gap.last;
    if (run->done.last > 0 && !is_open && r->config.closed != NULL)
        r->config.closed(r->config.context, &run->done);
    run->done = (struct repair_report){.last = 0};
}

static void tell_failure(struct repair *r, enum status st, const struct run *run)
{
    char what[REPAIR_WHAT_MAX];
    if (r->config.failed == NULL) return;
    (void)snprintf(what, sizeof what, "%.120s could not be repaired: %s", run->gap.place.file,
                   status_text(st));
    r->config.failed(r->config.context, st, what);
}

static void tidy(struct repair *r)
{
    mutex_lock(r->lock);
    bool is_due = r->now_ms >= r->tidy_ms;
    mutex_unlock(r->lock);
    if (!is_due) return;
    enum status st = store_tidy(r->config.store, TIDY_BYTES);
    uint64_t ms = st == ST_OK ? TIDY_MS : (st == ST_NOT_FOUND ? TIDY_REST_MS : TIDY_FAIL_MS);
    if (st != ST_OK && st != ST_NOT_FOUND && r->config.failed != NULL)
        r->config.failed(r->config.context, st,
                         "a sealed segment could not be compressed or moved");
    mutex_lock(r->lock);
    r->tidy_ms = r->now_ms + ms;
    mutex_unlock(r->lock);
}

static void run_thread(void *context)
{
    struct repair *r = context;
    struct run run = {.next = 0};
    uint64_t ms = 0;
    while (rest(r, ms)) {
        enum status st = store_gap(r->config.store, STORE_BLOCKS, &run.gap);
        ms = 0;
        if (st == ST_NOT_FOUND) run.gap = (struct store_gap){.first = 1};
        if (st == ST_NOT_FOUND || st == ST_OK) report(r, &run);
        if (st == ST_NOT_FOUND) tidy(r);
        if (st == ST_NOT_FOUND) continue;
        if (st == ST_OK) {
            st = fill(r, &run);
            run.is_linked = false;
            if (st == ST_TIMEOUT || st == ST_NOT_FOUND || st == ST_INVALID) continue;
        }
        if (st == ST_OK || st == ST_BUSY) continue;
        tell_failure(r, st, &run);
        ms = REST_MS;
    }
}
