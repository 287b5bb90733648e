/* run.c - Sorted runs: writer, reader, and the check of a whole file.
 *
 *   file     "TSQLROWS", u32 version = 1, u64 id, u32 crc of these 20 bytes; blocks to the end
 *   block    u32 size of payload, u32 records, u32 crc; payload
 *   record   u8 kind: 0 row, 1 gone, + 2 when the position is hashed
 *            u64 BE table, then 8 bytes (integer) or 31 bytes (hashed) of the position
 *            of a row: leaf, 32 bytes; of a hashed row: u32 size of key, key
 *
 * crc is CRC-32C; that of a block goes over id, offset, size, records and payload, so that a block
 * in another place is as wrong as another block. Integers are little-endian where nothing is said.
 *
 * Invariants
 * R1  Positions ascend strictly, inside blocks and from block to block.
 * R2  A run never changes after row_run_writer_end or row_run_open. */
#include "rows/run.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"

#define FILE_HEAD_SIZE  24u
#define BLOCK_HEAD_SIZE 12u
#define FILE_VERSION    1u
#define KIND_GONE       1u
#define KIND_HASHED     2u
#define KIND_MAX        3u
#define TABLE_SIZE      8u
#define INTEGER_SIZE    8u
#define HASHED_SIZE     (ROW_POSITION_SIZE - TABLE_SIZE - 1u)
#define KEY_SIZE_SIZE   4u
#define WRITE_SIZE      (256u << 10) /* A file is written in pieces of this size. */

static const char magic[8] = {'T', 'S', 'Q', 'L', 'R', 'O', 'W', 'S'};

struct run_block {
    struct row_position first;
    uint64_t offset; /* Of its head, in the file or in bytes. */
    uint32_t size;   /* Of its payload. */
    uint32_t count;
};

struct run {
    const struct run_env *env;
    uint64_t id;
    uint64_t size;
    uint64_t count;
    struct os_file *file; /* Null: in memory. */
    struct buf bytes;     /* In memory: the same bytes as a file has. Of a file: not written yet. */
    struct run_block *blocks;
    size_t block_count;
    size_t block_capacity;
    atomic_uint references;
    atomic_bool is_doomed;
};

static struct run *run_new(const struct run_env *env, uint64_t id);
static enum status write_head(struct run *r);
static enum status write_bytes(struct run *r, struct span bytes);
static enum status write_waiting(struct run *r);
static enum status end_block(struct run_writer *w);
static enum status add_block(struct run *r, const struct run_block *b);
static enum status open_file(struct run *r, uint64_t size);
static enum status check_head(struct run *r);
static enum status scan_block(struct run *r, struct run_cursor *c, uint64_t *offset);
static void to_block(struct run_cursor *c, size_t block);
static enum status read_block(const struct run *r,
                              const struct run_block *b,
                              struct buf *bytes,
                              struct span *payload);
static uint32_t block_crc(const struct run *r, uint64_t offset, const uint8_t *head, struct span p);
static enum status take_record(struct span *from, struct row_record *out);
static enum status take_place(struct span *from,
                              struct row_place *to,
                              bool *is_gone,
                              struct span *key);
static size_t block_of(const struct run *r, const struct row_position *position, size_t from);

/* --- references ------------------------------------------------------------------------------ */

static struct run *run_new(const struct run_env *env, uint64_t id)
{
    struct run *r = mem_alloc_zero(env->mem, 1, sizeof *r);
    if (r == NULL) return NULL;
    r->env = env;
    r->id = id;
    buf_init(&r->bytes, env->mem, 0);
    atomic_init(&r->references, 1u);
    atomic_init(&r->is_doomed, false);
    return r;
}

struct run *row_run_ref(struct run *r)
{
    unsigned before = atomic_fetch_add(&r->references, 1u);
    must(before > 0);
    return r;
}

void row_run_unref(struct run *r)
{
    char path[OS_PATH_MAX];
    if (r == NULL) return;
    unsigned before = atomic_fetch_sub(&r->references, 1u);
    must(before > 0);
    if (before > 1) return;
    const struct run_env *env = r->env;
    if (r->file != NULL) env->os->file_close(env->os, r->file);
    /* A rest that stays is removed by the next start. */
    if (r->id != 0 && atomic_load(&r->is_doomed) && row_run_path(path, env, r->id) == ST_OK)
        (void)env->os->remove(env->os, path);
    buf_fini(&r->bytes);
    mem_free(env->mem, r->blocks);
    mem_free(env->mem, r);
}

uint64_t row_run_id(const struct run *r)
{
    return r->id;
}

uint64_t row_run_size(const struct run *r)
{
    return r->size;
}

uint64_t row_run_count(const struct run *r)
{
    return r->count;
}

void row_run_doom(struct run *r)
{
    must(r->id != 0);
    atomic_store(&r->is_doomed, true);
}

enum status row_run_path(char *out, const struct run_env *env, uint64_t id)
{
    char name[32];
    (void)snprintf(name, sizeof name, "run-%llu", (unsigned long long)id);
    return os_path_join(out, env->dir, name);
}

/* --- writing --------------------------------------------------------------------------------- */

enum status row_run_writer_begin(struct run_writer *w, const struct run_env *env, uint64_t id)
{
    char path[OS_PATH_MAX];
    *w = (struct run_writer){.run = run_new(env, id)};
    if (w->run == NULL) return ST_NO_MEMORY;
    buf_init(&w->block, env->mem, 0);
    enum status st = ST_OK;
    if (id != 0) {
        st = row_run_path(path, env, id);
        if (st == ST_OK)
            st = env->os->file_open(env->os, &w->run->file, path, OS_WRITE | OS_CREATE);
        if (st == ST_OK) st = env->os->file_truncate(env->os, w->run->file, 0);
    }
    if (st == ST_OK) st = write_head(w->run);
    if (st != ST_OK) row_run_writer_abort(w);
    return st;
}

void row_run_writer_abort(struct run_writer *w)
{
    if (w->run != NULL && w->run->id != 0) row_run_doom(w->run);
    row_run_unref(w->run);
    w->run = NULL;
    buf_fini(&w->block);
}

static enum status write_head(struct run *r)
{
    uint8_t head[FILE_HEAD_SIZE];
    memcpy(head, magic, sizeof magic);
    put_u32_le(head + 8, FILE_VERSION);
    put_u64_le(head + 12, r->id);
    put_u32_le(head + 20, crc32c_add(&r->env->crc, 0, span_of(head, 20)));
    return write_bytes(r, span_of(head, sizeof head));
}

static enum status write_bytes(struct run *r, struct span bytes)
{
    buf_put(&r->bytes, bytes);
    TRY(buf_status(&r->bytes));
    r->size += bytes.size;
    return r->file == NULL || r->bytes.size < WRITE_SIZE ? ST_OK : write_waiting(r);
}

static enum status write_waiting(struct run *r)
{
    must(r->file != NULL);
    struct os *os = r->env->os;
    const uint64_t offset = r->size - r->bytes.size;
    TRY(os->file_write(os, r->file, buf_span(&r->bytes), offset));
    buf_reset(&r->bytes);
    return ST_OK;
}

enum status row_run_writer_put(struct run_writer *w, const struct row_record *r)
{
    static const uint8_t no_head[BLOCK_HEAD_SIZE] = {0};
    const struct row_position *p = &r->place.position;
    if (w->run->count > 0) must(row_position_compare(&w->last, p) < 0); /* R1 */
    if (w->block_count == 0) {
        const struct run_block b = {.first = *p, .offset = w->run->size};
        TRY(add_block(w->run, &b));
        buf_reset(&w->block);
        buf_put(&w->block, span_of(no_head, sizeof no_head));
    }
    const bool is_hashed = !row_position_has_key(p);
    const uint32_t kind = (r->is_gone ? KIND_GONE : 0u) | (is_hashed ? KIND_HASHED : 0u);
    buf_put_u8(&w->block, (uint8_t)kind);
    buf_put(&w->block, span_of(p->bytes, TABLE_SIZE));
    buf_put(&w->block, span_of(p->bytes + TABLE_SIZE + 1, is_hashed ? HASHED_SIZE : INTEGER_SIZE));
    if (!r->is_gone) {
        buf_put(&w->block, hash_span(&r->place.leaf));
        if (is_hashed) {
            buf_put_u32_le(&w->block, (uint32_t)r->key.size);
            buf_put(&w->block, r->key);
        }
    }
    TRY(buf_status(&w->block));
    w->last = *p;
    w->block_count++;
    w->run->count++;
    return w->block.size < RUN_BLOCK_SIZE ? ST_OK : end_block(w);
}

enum status row_run_writer_cut(struct run_writer *w)
{
    return w->block_count == 0 || w->block.size < RUN_BLOCK_CUT ? ST_OK : end_block(w);
}

static enum status add_block(struct run *r, const struct run_block *b)
{
    if (r->block_count == r->block_capacity) {
        size_t capacity = 2 * r->block_capacity + 8;
        struct run_block *blocks = mem_resize(r->env->mem, r->blocks, capacity * sizeof *r->blocks);
        if (blocks == NULL) return ST_NO_MEMORY;
        r->blocks = blocks;
        r->block_capacity = capacity;
    }
    r->blocks[r->block_count++] = *b;
    return ST_OK;
}

static enum status end_block(struct run_writer *w)
{
    struct run *r = w->run;
    if (w->block_count == 0) return ST_OK;
    struct run_block *b = &r->blocks[r->block_count - 1];
    struct span payload = span_of(w->block.data + BLOCK_HEAD_SIZE, w->block.size - BLOCK_HEAD_SIZE);
    must(b->offset == r->size);
    if (payload.size > RUN_BLOCK_MAX) return ST_LIMIT;
    b->size = (uint32_t)payload.size;
    b->count = w->block_count;
    put_u32_le(w->block.data, b->size);
    put_u32_le(w->block.data + 4, b->count);
    put_u32_le(w->block.data + 8, block_crc(r, b->offset, w->block.data, payload));
    w->block_count = 0;
    return write_bytes(r, buf_span(&w->block));
}

/* Over where the block stands, what its head says, and its payload. */
static uint32_t block_crc(const struct run *r, uint64_t offset, const uint8_t *head, struct span p)
{
    uint8_t place[24];
    put_u64_le(place, r->id);
    put_u64_le(place + 8, offset);
    memcpy(place + 16, head, 8);
    uint32_t crc = crc32c_add(&r->env->crc, 0, span_of(place, sizeof place));
    return crc32c_add(&r->env->crc, crc, p);
}

enum status row_run_writer_end(struct run_writer *w, struct run **out)
{
    enum status st = end_block(w);
    struct os *os = w->run->env->os;
    if (st == ST_OK && w->run->file != NULL) {
        st = write_waiting(w->run);
        if (st == ST_OK) st = os->file_sync(os, w->run->file);
    }
    if (st != ST_OK) {
        row_run_writer_abort(w);
        return st;
    }
    if (w->run->file != NULL) buf_fini(&w->run->bytes);
    buf_fini(&w->block);
    *out = w->run;
    w->run = NULL;
    return ST_OK;
}

/* --- opening --------------------------------------------------------------------------------- */

enum status row_run_open(struct run **out, const struct run_env *env, uint64_t id, uint64_t size)
{
    must(id != 0);
    struct run *r = run_new(env, id);
    if (r == NULL) return ST_NO_MEMORY;
    enum status st = open_file(r, size);
    if (st != ST_OK) {
        row_run_unref(r);
        return st == ST_NOT_FOUND ? ST_CORRUPT : st;
    }
    *out = r;
    return ST_OK;
}

static enum status open_file(struct run *r, uint64_t size)
{
    char path[OS_PATH_MAX];
    uint64_t found = 0;
    struct os *os = r->env->os;
    TRY(row_run_path(path, r->env, r->id));
    TRY(os->file_open(os, &r->file, path, OS_READ));
    TRY(os->file_size(os, r->file, &found));
    if (found != size || size < FILE_HEAD_SIZE) return ST_CORRUPT;
    r->size = size;
    TRY(check_head(r));
    struct run_cursor c;
    row_run_cursor_init(&c, r);
    enum status st = ST_OK;
    for (uint64_t offset = FILE_HEAD_SIZE; offset < size && st == ST_OK;)
        st = scan_block(r, &c, &offset);
    row_run_cursor_fini(&c);
    return st;
}

static enum status check_head(struct run *r)
{
    uint8_t head[FILE_HEAD_SIZE];
    size_t got = 0;
    struct os *os = r->env->os;
    TRY(os->file_read(os, r->file, head, sizeof head, 0, &got));
    if (got < sizeof head || memcmp(head, magic, sizeof magic) != 0) return ST_CORRUPT;
    if (get_u32_le(head + 20) != crc32c_add(&r->env->crc, 0, span_of(head, 20))) return ST_CORRUPT;
    if (get_u32_le(head + 8) != FILE_VERSION) return ST_UNSUPPORTED;
    return get_u64_le(head + 12) == r->id ? ST_OK : ST_CORRUPT;
}

/* One block: its place in the table of blocks, and R1 over its records. */
static enum status scan_block(struct run *r, struct run_cursor *c, uint64_t *offset)
{
    uint8_t head[BLOCK_HEAD_SIZE];
    size_t got = 0;
    struct os *os = r->env->os;
    TRY(os->file_read(os, r->file, head, sizeof head, *offset, &got));
    if (got < sizeof head) return ST_CORRUPT;
    struct run_block b = {
        .offset = *offset, .size = get_u32_le(head), .count = get_u32_le(head + 4)};
    if (b.size > RUN_BLOCK_MAX || b.size > r->size - *offset - BLOCK_HEAD_SIZE) return ST_CORRUPT;
    struct row_position last = c->record.place.position;
    bool has_last = r->count > 0;
    TRY(read_block(r, &b, &c->bytes, &c->rest));
    if (b.count == 0) return ST_CORRUPT;
    for (uint32_t i = 0; i < b.count; i++) {
        TRY(take_record(&c->rest, &c->record));
        const struct row_position *p = &c->record.place.position;
        if (has_last && row_position_compare(&last, p) >= 0) return ST_CORRUPT;
        if (i == 0) b.first = *p;
        last = *p;
        has_last = true;
    }
    if (c->rest.size != 0) return ST_CORRUPT;
    r->count += b.count;
    *offset += BLOCK_HEAD_SIZE + b.size;
    return add_block(r, &b);
}

/* --- reading --------------------------------------------------------------------------------- */

void row_run_cursor_init(struct run_cursor *c, const struct run *run)
{
    *c = (struct run_cursor){.run = run};
    buf_init(&c->bytes, run->env->mem, 0);
}

void row_run_cursor_fini(struct run_cursor *c)
{
    buf_fini(&c->bytes);
}

enum status row_run_cursor_seek(struct run_cursor *c, const struct row_position *position)
{
    const struct run *r = c->run;
    if (r->block_count == 0) return ST_OK;
    const bool is_near = c->has_after && row_position_compare(&c->after, position) < 0;
    if (is_near && (!c->has || row_position_compare(position, &c->record.place.position) <= 0))
        return ST_OK;
    const size_t block = block_of(r, position, is_near ? c->block : 0);
    if (!is_near || block != c->block) to_block(c, block);
    while (c->has && row_position_compare(&c->record.place.position, position) < 0)
        TRY(row_run_cursor_next(c));
    c->after = *position;
    c->has_after = true;
    return ST_OK;
}

/* At the first record of a block, which is not read before it must be. */
static void to_block(struct run_cursor *c, size_t block)
{
    c->block = block;
    c->has = true;
    c->is_pending = true;
    c->record.place.position = c->run->blocks[block].first;
}

enum status row_run_cursor_next(struct run_cursor *c)
{
    must(c->has);
    TRY(row_run_cursor_load(c));
    c->after = c->record.place.position;
    c->has_after = true;
    if (c->rest.size > 0) return take_record(&c->rest, &c->record);
    c->has = c->block + 1 < c->run->block_count;
    if (c->has) to_block(c, c->block + 1);
    return ST_OK;
}

enum status row_run_cursor_load(struct run_cursor *c)
{
    if (!c->is_pending) return ST_OK;
    const struct run_block *b = &c->run->blocks[c->block];
    TRY(read_block(c->run, b, &c->bytes, &c->rest));
    TRY(take_record(&c->rest, &c->record));
    c->is_pending = false;
    return row_position_compare(&c->record.place.position, &b->first) == 0 ? ST_OK : ST_CORRUPT;
}

/* What is behind last was decoded for nothing, into a place that nobody reads. */
enum status row_run_cursor_take(struct run_cursor *c, const struct run_take *take, uint32_t *count)
{
    const int order_max = take->is_inclusive ? 0 : -1;
    uint32_t n = 1;
    must(c->has && !c->is_pending && !c->record.is_gone);
    must(take->most > 0);
    take->to[0] = c->record.place;
    while (n < take->most && c->rest.size > 0) {
        bool is_gone = false;
        struct span key;
        struct span rest = c->rest;
        TRY(take_place(&rest, &take->to[n], &is_gone, &key));
        if (is_gone || row_position_compare(&take->to[n].position, take->last) > order_max) break;
        c->rest = rest;
        n++;
    }
    c->record = (struct row_record){.place = take->to[n - 1]};
    *count = n;
    return ST_OK;
}

/* The last block that begins at position or before it; the first when none does. from: a block that
 * begins there or before, or 0; it is near when positions are looked for in order. */
static size_t block_of(const struct run *r, const struct row_position *position, size_t from)
{
    size_t low = from;
    size_t step = 1;
    while (low + step < r->block_count &&
           row_position_compare(&r->blocks[low + step].first, position) <= 0) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < r->block_count ? low + step : r->block_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (row_position_compare(&r->blocks[middle].first, position) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static enum status read_block(const struct run *r,
                              const struct run_block *b,
                              struct buf *bytes,
                              struct span *payload)
{
    const size_t size = BLOCK_HEAD_SIZE + b->size;
    if (r->file == NULL) { /* Nothing can have changed it. */
        *payload = span_of(r->bytes.data + b->offset + BLOCK_HEAD_SIZE, b->size);
        return ST_OK;
    }
    buf_reset(bytes);
    uint8_t *to = buf_extend(bytes, size);
    if (to == NULL) return buf_status(bytes);
    size_t got = 0;
    struct os *os = r->env->os;
    TRY(os->file_read(os, r->file, to, size, b->offset, &got));
    if (got < size || get_u32_le(to) != b->size || get_u32_le(to + 4) != b->count)
        return ST_CORRUPT;
    *payload = span_of(to + BLOCK_HEAD_SIZE, b->size);
    return get_u32_le(to + 8) == block_crc(r, b->offset, to, *payload) ? ST_OK : ST_CORRUPT;
}

static enum status take_record(struct span *from, struct row_record *out)
{
    return take_place(from, &out->place, &out->is_gone, &out->key);
}

/* One test of the size for all that has a fixed one: trees of millions of rows read all the time.
 */
static enum status take_place(struct span *from,
                              struct row_place *to,
                              bool *is_gone,
                              struct span *key)
{
    const uint8_t *at = from->data;
    if (from->size == 0 || at[0] > KIND_MAX) return ST_CORRUPT;
    const bool is_hashed = (at[0] & KIND_HASHED) != 0;
    *is_gone = (at[0] & KIND_GONE) != 0;
    const bool has_key = is_hashed && !*is_gone;
    const size_t size = 1u + TABLE_SIZE + (is_hashed ? HASHED_SIZE : INTEGER_SIZE) +
                        (*is_gone ? 0u : HASH_SIZE) + (has_key ? KEY_SIZE_SIZE : 0u);
    if (from->size < size) return ST_CORRUPT;
    struct row_position *p = &to->position;
    memcpy(p->bytes, at + 1, TABLE_SIZE);
    p->bytes[TABLE_SIZE] = is_hashed ? 1 : 0;
    at += 1u + TABLE_SIZE;
    if (is_hashed) {
        memcpy(p->bytes + TABLE_SIZE + 1, at, HASHED_SIZE);
        at += HASHED_SIZE;
    } else {
        memcpy(p->bytes + TABLE_SIZE + 1, at, INTEGER_SIZE);
        memset(p->bytes + TABLE_SIZE + 1 + INTEGER_SIZE, 0, HASHED_SIZE - INTEGER_SIZE);
        at += INTEGER_SIZE;
    }
    if (!*is_gone) memcpy(to->leaf.bytes, at, HASH_SIZE);
    const size_t key_size = has_key ? get_u32_le(at + HASH_SIZE) : 0;
    if (key_size > from->size - size) return ST_CORRUPT;
    *key = has_key ? span_of(from->data + size, key_size) : (struct span){0};
    *from = span_of(from->data + size + key_size, from->size - size - key_size);
    return ST_OK;
}
