/* snapshot_server.c - Serving nodes that join.
 *
 * V1 a slot belongs to the loop, but to the serving thread while it is SLOT_TAKEN.
 * V2 files of a snapshot are complete from the moment their manifest has its name; while a newer
 *    one is made the older is served.
 * V3 at most one snapshot is being made; it holds back one height of the state, which the page
 *    store retires when that costs too much. Then a newer checkpoint is tried. */
#include "node/snapshot_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "node/snapshot_write.h"
#include "node/wire.h"
#include "os/thread.h"
#include "rows/rows.h"

#define TRIES_MAX   4u
#define FRESH_MS    600000u /* A snapshot is made at most so often, */
#define FRESH_LAG   4096u   /* unless so many blocks came since. */
#define IN_USE_MS   30000u  /* A piece of it was asked for lately: it stays. */
#define PIECE_BYTES WIRE_CHUNK_BYTES
#define KINDS       3u /* Of questions; each peer has one of each open. */
#define SLOTS       (SNAPSHOT_SERVER_PEERS * KINDS)

enum slot_state { SLOT_EMPTY, SLOT_ASKED, SLOT_TAKEN, SLOT_READY };

struct slot {
    enum slot_state state;
    enum wire_kind kind;
    union {
        struct wire_get_chain history;
        struct wire_get_snapshot snapshot;
        struct wire_get_piece piece;
    } question;
    struct certificate commit;
    struct certificate result;
    struct buf answer;
};

struct snapshot_server {
    struct snapshot_server_config config;
    char dir[OS_PATH_MAX];
    struct thread *server;
    struct thread *maker;
    struct mutex *lock; /* Guards what follows, up to the empty line. */
    struct cond *asked; /* For both threads. */
    struct slot slots[SLOTS];
    bool is_stopping;
    bool has_current;
    struct snapshot_written current;
    uint64_t made_ms;
    uint64_t used_ms;
    bool is_making;
    uint64_t making; /* Height. */
    uint64_t now_ms;

    atomic_bool is_cancelled;
    struct wire_message *question; /* The loop's. */
    struct wire_message *message;  /* The serving thread's, as what follows. */
    struct buf items;
    struct buf block;
    struct buf record;
};

static enum status open_all(struct snapshot_server *s);
static enum status load_current(struct snapshot_server *s);
static void run_server(void *context);
static void run_maker(void *context);
static void answer(struct snapshot_server *s, struct slot *slot);
static enum status put_history(struct snapshot_server *s, const struct slot *slot);
static void put_snapshot(struct snapshot_server *s, const struct wire_get_snapshot *q);
static enum status put_piece(struct snapshot_server *s, const struct wire_get_piece *q);

enum status snapshot_server_new(struct snapshot_server **out,
                                const struct snapshot_server_config *config)
{
    struct snapshot_server *s = mem_alloc_zero(config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->config = *config;
    atomic_init(&s->is_cancelled, false);
    enum status st = open_all(s);
    if (st != ST_OK) {
        snapshot_server_free(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

static enum status open_all(struct snapshot_server *s)
{
    struct mem *mem = s->config.mem;
    struct os *os = s->config.os;
    for (uint32_t i = 0; i < SLOTS; i++)
        buf_init(&s->slots[i].answer, mem, 0);
    buf_init(&s->items, mem, 0);
    buf_init(&s->block, mem, 0);
    buf_init(&s->record, mem, 0);
    s->question = mem_alloc_zero(mem, 1, sizeof *s->question);
    s->message = mem_alloc_zero(mem, 1, sizeof *s->message);
    if (s->question == NULL || s->message == NULL) return ST_NO_MEMORY;
    TRY(os_path_join(s->dir, s->config.dir, SNAPSHOT_DIR));
    enum status st = os->make_dir(os, s->dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    TRY(load_current(s));
    TRY(mutex_new(&s->lock, mem));
    TRY(cond_new(&s->asked, mem));
    TRY(thread_start(&s->server, mem, "snapshots", run_server, s));
    return thread_start(&s->maker, mem, "snapshot", run_maker, s);
}

void snapshot_server_free(struct snapshot_server *s)
{
    if (s == NULL) return;
    atomic_store(&s->is_cancelled, true);
    if (s->server != NULL) {
        mutex_lock(s->lock);
        s->is_stopping = true;
        cond_broadcast(s->asked);
        mutex_unlock(s->lock);
        thread_join(s->server);
        thread_join(s->maker);
    }
    struct mem *mem = s->config.mem;
    cond_free(s->asked);
    mutex_free(s->lock);
    for (uint32_t i = 0; i < SLOTS; i++)
        buf_fini(&s->slots[i].answer);
    buf_fini(&s->items);
    buf_fini(&s->block);
    buf_fini(&s->record);
    mem_free(mem, s->question);
    mem_free(mem, s->message);
    mem_free(mem, s);
}

/* --- files ------------------------------------------------------------------------------------ */

static enum status file_path(const struct snapshot_server *s,
                             char *out,
                             const char *name,
                             const char *ending)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s.%s", name, ending);
    return os_path_join(out, s->dir, text);
}

static enum status height_path(const struct snapshot_server *s,
                               char *out,
                               uint64_t height,
                               const char *ending)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%llu", (unsigned long long)height);
    return file_path(s, out, name, ending);
}

struct listing {
    uint64_t newest;
};

static enum status visit_name(void *context, const char *name)
{
    struct listing *l = context;
    char *end = NULL;
    const unsigned long long height = strtoull(name, &end, 10);
    if (strcmp(end, ".manifest") == 0 && height > l->newest) l->newest = height;
    return ST_OK;
}

static enum status load_manifest(struct snapshot_server *s, struct span bytes, uint64_t height)
{
    struct arena arena;
    struct snapshot snapshot;
    arena_init(&arena, s->config.mem, 0);
    enum status st = snapshot_decode(&snapshot, &arena, bytes);
    if (st == ST_OK && snapshot_checkpoint(&snapshot)->height == height) {
        s->has_current = true;
        s->current = (struct snapshot_written){.height = height,
                                               .hash = snapshot_hash(bytes),
                                               .manifest_size = bytes.size,
                                               .chunk_count = snapshot.part_count};
        for (uint32_t i = 0; i < snapshot.part_count; i++)
            s->current.size += snapshot.parts[i].size;
    }
    arena_fini(&arena);
    return st == ST_NO_MEMORY ? st : ST_OK;
}

/* That of an earlier run; damaged or not ours: none. */
static enum status load_current(struct snapshot_server *s)
{
    struct listing l = {.newest = 0};
    char path[OS_PATH_MAX];
    struct buf bytes;
    struct os *os = s->config.os;
    TRY(os->list_dir(os, s->dir, visit_name, &l));
    if (l.newest == 0) return ST_OK;
    TRY(height_path(s, path, l.newest, "manifest"));
    buf_init(&bytes, s->config.mem, 0);
    enum status st = os_read_file(os, path, SNAPSHOT_MANIFEST_MAX, &bytes);
    if (st == ST_OK) st = load_manifest(s, buf_span(&bytes), l.newest);
    buf_fini(&bytes);
    return st == ST_NO_MEMORY ? st : ST_OK;
}

static void remove_old(const struct snapshot_server *s, uint64_t height)
{
    static const char *const endings[] = {"manifest", "chunks"}; /* V2: in this order. */
    char path[OS_PATH_MAX];
    for (size_t i = 0; i < 2; i++)
        if (height_path(s, path, height, endings[i]) == ST_OK)
            (void)!s->config.os->remove(s->config.os, path);
}

/* --- the loop's side -------------------------------------------------------------------------- */

bool snapshot_server_on_message(struct snapshot_server *s,
                                uint32_t peer,
                                bool is_member,
                                struct span bytes)
{
    must(peer < SNAPSHOT_SERVER_PEERS);
    if (bytes.size == 0) return false;
    const uint8_t kind = bytes.data[0];
    if (kind != WIRE_GET_HISTORY && kind != WIRE_GET_SNAPSHOT && kind != WIRE_GET_PIECE)
        return false;
    if (wire_decode(s->question, bytes) != ST_OK) return false; /* The core bans for it. */
    uint32_t which = kind == WIRE_GET_HISTORY ? 0 : 1;
    if (kind == WIRE_GET_PIECE) which = 2;
    struct slot *slot = &s->slots[peer * KINDS + which];
    if (!is_member) return true;
    mutex_lock(s->lock);
    if (slot->state != SLOT_TAKEN) { /* V1: else it asks again. */
        slot->state = SLOT_ASKED;
        slot->kind = s->question->kind;
        if (kind == WIRE_GET_HISTORY) slot->question.history = s->question->get_history;
        if (kind == WIRE_GET_SNAPSHOT) slot->question.snapshot = s->question->get_snapshot;
        if (kind == WIRE_GET_PIECE) slot->question.piece = s->question->get_piece;
        if (kind == WIRE_GET_HISTORY)
            s->config.certificates(s->config.context, &slot->commit, &slot->result);
        cond_broadcast(s->asked);
    }
    mutex_unlock(s->lock);
    return true;
}

void snapshot_server_tick(struct snapshot_server *s, uint64_t mono_ms)
{
    mutex_lock(s->lock);
    s->now_ms = mono_ms;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->state != SLOT_READY) continue;
        enum status st = s->config.send(s->config.context, i / KINDS, buf_span(&slot->answer));
        if (st != ST_BUSY) slot->state = SLOT_EMPTY;
    }
    mutex_unlock(s->lock);
}

/* --- the serving thread ----------------------------------------------------------------------- */

static struct slot *take_slot(struct snapshot_server *s, uint32_t *next)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        const uint32_t k = (*next + i) % SLOTS;
        if (s->slots[k].state != SLOT_ASKED) continue;
        *next = k + 1;
        s->slots[k].state = SLOT_TAKEN;
        return &s->slots[k];
    }
    return NULL;
}

static void run_server(void *context)
{
    struct snapshot_server *s = context;
    uint32_t next = 0;
    mutex_lock(s->lock);
    while (!s->is_stopping) {
        struct slot *slot = take_slot(s, &next);
        if (slot == NULL) {
            cond_wait(s->asked, s->lock);
            continue;
        }
        mutex_unlock(s->lock);
        answer(s, slot);
        mutex_lock(s->lock);
        slot->state = slot->answer.size > 0 ? SLOT_READY : SLOT_EMPTY;
    }
    mutex_unlock(s->lock);
}

/* Without an answer the peer asks somebody else. */
static void answer(struct snapshot_server *s, struct slot *slot)
{
    struct wire_message *m = s->message;
    enum status st = ST_OK;
    buf_reset(&slot->answer);
    if (slot->kind == WIRE_GET_HISTORY) st = put_history(s, slot);
    if (slot->kind == WIRE_GET_SNAPSHOT) put_snapshot(s, &slot->question.snapshot);
    if (slot->kind == WIRE_GET_PIECE) st = put_piece(s, &slot->question.piece);
    if (st == ST_OK) wire_encode(&slot->answer, m);
    if (st != ST_OK || buf_status(&slot->answer) != ST_OK) buf_reset(&slot->answer);
}

static enum status read_pair(struct snapshot_server *s, uint64_t height)
{
    buf_reset(&s->block);
    buf_reset(&s->record);
    TRY(store_read_block(s->config.store, height, &s->block, NULL));
    return store_read_result(s->config.store, height, &s->record, NULL);
}

static enum status put_history(struct snapshot_server *s, const struct slot *slot)
{
    struct store *store = s->config.store;
    uint64_t newest = store_height(store);
    uint32_t count = 0;
    if (store_result_height(store) < newest) newest = store_result_height(store);
    buf_reset(&s->items);
    for (uint64_t h = slot->question.history.height; h > 0 && h <= newest; h++) {
        if (count == WIRE_CHAIN_BLOCKS || read_pair(s, h) != ST_OK) break;
        const size_t size = s->block.size + s->record.size;
        if (s->items.size + size > WIRE_CHUNK_BYTES) break;
        wire_put(&s->items, buf_span(&s->block));
        wire_put(&s->items, buf_span(&s->record));
        count++;
    }
    TRY(buf_status(&s->items));
    s->message->kind = WIRE_HISTORY;
    s->message->history = (struct wire_history){
        .id = slot->question.history.id,
        .final_height = newest,
        .has_cert = slot->commit.entry_count > 0,
        .cert = slot->commit,
        .has_res_cert = slot->result.entry_count > 0,
        .res_cert = slot->result,
        .items = {.bytes = buf_span(&s->items), .count = 2 * count},
    };
    return ST_OK;
}

/* Height of the newest checkpoint that is certified and still readable; 0: none. A node that has
 * just started reads no height before its start. */
static uint64_t newest_checkpoint(const struct snapshot_server *s, uint64_t most)
{
    struct rows *rows = exec_row_tree(s->config.exec);
    const uint64_t executed = store_result_height(s->config.store);
    if (rows == NULL || executed < CHECKPOINT_LAG) return 0;
    if (most == 0 || most > executed - CHECKPOINT_LAG) most = executed - CHECKPOINT_LAG;
    for (;;) {
        struct rows_view *view = NULL;
        if (rows_view_open(&view, rows, most) != ST_OK) return 0;
        const uint64_t height = rows_view_checkpoint(view)->height;
        const bool is_checkpoint = rows_view_is_checkpoint(view);
        rows_view_close(view);
        if (height < db_height_min(exec_db(s->config.exec))) return 0;
        if (is_checkpoint || height == 0) return height;
        most = height - 1;
    }
}

/* Under lock. What to make for this question; 0: nothing. */
static uint64_t worth_making(const struct snapshot_server *s, uint64_t asked, uint64_t newest)
{
    const bool is_in_use = s->used_ms != 0 && s->now_ms - s->used_ms < IN_USE_MS;
    if (s->is_making || newest == 0) return 0;
    if (!s->has_current) return newest;
    if (newest <= s->current.height) return 0;
    if (asked != 0) return newest == asked && !is_in_use ? newest : 0;
    const bool is_old = s->made_ms == 0 || s->now_ms - s->made_ms >= FRESH_MS ||
                        newest - s->current.height >= FRESH_LAG;
    return is_old && !is_in_use ? newest : 0;
}

static void put_snapshot(struct snapshot_server *s, const struct wire_get_snapshot *q)
{
    const uint64_t newest = newest_checkpoint(s, q->height);
    struct wire_snapshot a = {.id = q->id};
    mutex_lock(s->lock);
    const bool is_current = s->has_current && (q->height == 0 || q->height == s->current.height);
    const uint64_t make = is_current && q->height != 0 ? 0 : worth_making(s, q->height, newest);
    if (make != 0) {
        s->is_making = true;
        s->making = make;
        cond_broadcast(s->asked);
    }
    if (s->is_making && (!is_current || make != 0)) {
        a.height = s->making;
    } else if (s->has_current) {
        a.height = s->current.height;
        a.is_ready = true;
        a.hash = s->current.hash;
        a.manifest_size = s->current.manifest_size;
        a.size = s->current.size;
        a.chunk_count = s->current.chunk_count;
    }
    mutex_unlock(s->lock);
    s->message->kind = WIRE_SNAPSHOT;
    s->message->snapshot = a;
}

/* From whole bytes. */
static void cut_piece(struct wire_piece *p, struct span bytes, uint64_t offset)
{
    const uint64_t left = offset < bytes.size ? bytes.size - offset : 0;
    if (left == 0) return; /* Not here. */
    p->size = bytes.size;
    p->offset = offset;
    p->bytes = span_of(bytes.data + offset, (size_t)(left < PIECE_BYTES ? left : PIECE_BYTES));
}

static enum status cut_file(struct snapshot_server *s,
                            struct wire_piece *p,
                            const struct wire_get_piece *q)
{
    struct os *os = s->config.os;
    const bool is_chunk = q->kind == PIECE_CHUNK;
    struct os_file *file = NULL;
    char path[OS_PATH_MAX];
    uint64_t whole = 0;
    size_t got = 0;
    TRY(height_path(s, path, q->height, is_chunk ? "chunks" : "manifest"));
    TRY(os->file_open(os, &file, path, OS_READ));
    enum status st = os->file_size(os, file, &whole);
    const uint64_t begin = is_chunk ? q->at : 0;
    const uint64_t size = is_chunk ? q->size : whole;
    bool is_inside = st == ST_OK && begin <= whole && size <= whole - begin && q->offset < size;
    uint64_t left = is_inside ? size - q->offset : 0;
    if (left > PIECE_BYTES) left = PIECE_BYTES;
    buf_reset(&s->block);
    uint8_t *to = left == 0 ? NULL : buf_extend(&s->block, (size_t)left);
    if (to != NULL) st = os->file_read(os, file, to, (size_t)left, begin + q->offset, &got);
    os->file_close(os, file);
    if (to == NULL || st != ST_OK || got < left) return ST_NOT_FOUND;
    p->size = size;
    p->offset = q->offset;
    p->bytes = buf_span(&s->block);
    return ST_OK;
}

static enum status put_piece(struct snapshot_server *s, const struct wire_get_piece *q)
{
    struct wire_piece p = {.id = q->id};
    enum status st = ST_OK;
    buf_reset(&s->block);
    switch (q->kind) {
    case PIECE_BLOCK:
        st = store_read_block(s->config.store, q->height, &s->block, NULL);
        if (st == ST_OK) cut_piece(&p, buf_span(&s->block), q->offset);
        break;
    case PIECE_RESULT:
        st = store_read_result(s->config.store, q->height, &s->block, NULL);
        if (st == ST_OK) cut_piece(&p, buf_span(&s->block), q->offset);
        break;
    case PIECE_MANIFEST:
    case PIECE_CHUNK:
        st = cut_file(s, &p, q);
        mutex_lock(s->lock);
        s->used_ms = s->now_ms;
        mutex_unlock(s->lock);
        break;
    }
    s->message->kind = WIRE_PIECE;
    s->message->piece = p;
    return st == ST_NO_MEMORY ? st : ST_OK;
}

/* --- the making thread ------------------------------------------------------------------------ */

/* A retired height: the next newer one. */
static enum status write_files(struct snapshot_server *s,
                               uint64_t height,
                               struct snapshot_written *out)
{
    char chunks[OS_PATH_MAX];
    char manifest[OS_PATH_MAX];
    struct snapshot_write w = {.os = s->config.os,
                               .mem = s->config.mem,
                               .exec = s->config.exec,
                               .chain_id = s->config.chain_id,
                               .chunks = chunks,
                               .manifest = manifest,
                               .height = height,
                               .is_cancelled = &s->is_cancelled};
    TRY(file_path(s, chunks, "making", "chunks"));
    TRY(file_path(s, manifest, "making", "manifest"));
    enum status st = snapshot_write(&w, out);
    for (uint32_t i = 1; i < TRIES_MAX && st == ST_BUSY; i++) {
        w.height = newest_checkpoint(s, 0);
        mutex_lock(s->lock);
        s->making = w.height;
        mutex_unlock(s->lock);
        st = snapshot_write(&w, out);
    }
    return st;
}

static enum status rename_file(const struct snapshot_server *s, uint64_t height, const char *ending)
{
    char from[OS_PATH_MAX];
    char to[OS_PATH_MAX];
    TRY(file_path(s, from, "making", ending));
    TRY(height_path(s, to, height, ending));
    return s->config.os->rename(s->config.os, from, to);
}

static void make(struct snapshot_server *s, uint64_t height)
{
    struct snapshot_written written = {.height = 0};
    enum status st = write_files(s, height, &written);
    if (st == ST_OK) st = rename_file(s, written.height, "chunks");
    if (st == ST_OK) st = rename_file(s, written.height, "manifest"); /* V2 */
    mutex_lock(s->lock);
    const bool has_old = s->has_current && s->current.height != written.height;
    const uint64_t old = s->current.height;
    if (st == ST_OK) {
        s->has_current = true;
        s->current = written;
        s->made_ms = s->now_ms;
    }
    s->is_making = false;
    mutex_unlock(s->lock);
    if (st == ST_OK && has_old) remove_old(s, old);
    if (st == ST_OK || st == ST_CLOSED || s->config.warn == NULL) return;
    char text[160];
    (void)snprintf(text, sizeof text, "a snapshot at height %llu could not be made: %s",
                   (unsigned long long)height, status_text(st));
    s->config.warn(s->config.context, text);
}

static void run_maker(void *context)
{
    struct snapshot_server *s = context;
    mutex_lock(s->lock);
    while (!s->is_stopping) {
        if (!s->is_making) {
            cond_wait(s->asked, s->lock);
            continue;
        }
        const uint64_t height = s->making;
        mutex_unlock(s->lock);
        make(s, height);
        mutex_lock(s->lock);
    }
    mutex_unlock(s->lock);
}
