/* snapshot_write.c - The tree is walked from its root down; a subtree that is small enough becomes
 * a chunk, every other is divided. */
#include "node/snapshot_write.h"

#include "base/must.h"
#include "node/row_entry.h"
#include "rows/shape.h"

struct writing {
    const struct snapshot_write *w;
    struct rows_view *view;
    sqlite3 *reader;
    struct sql_catalog *catalog;
    struct row_reader rows;
    struct sql_context functions; /* Of indexes over expressions. */
    struct diag diag;
    struct snapshot snapshot;
    struct arena arena; /* Of the snapshot's head. */
    struct buf nodes;
    uint32_t node_count;
    struct os_file *file;
    uint64_t size;
    uint32_t chunk_count;
    /* The chunk at hand. */
    struct buf items;
    struct buf chunk;
    struct buf entry;
    struct arena scratch;
    uint32_t left; /* Rows. */
    bool is_bucket;
};

static enum status open_view(struct writing *x);
static enum status read_head(struct writing *x);
static enum status write_chunks(struct writing *x);
static enum status write_manifest(struct writing *x, struct snapshot_written *out);
static void close_all(struct writing *x);

enum status snapshot_write(const struct snapshot_write *w, struct snapshot_written *out)
{
    struct writing x = {.w = w};
    arena_init(&x.arena, w->mem, 0);
    arena_init(&x.scratch, w->mem, 0);
    buf_init(&x.nodes, w->mem, SNAPSHOT_MANIFEST_MAX);
    buf_init(&x.items, w->mem, SNAPSHOT_CHUNK_BYTES_MAX);
    buf_init(&x.chunk, w->mem, SNAPSHOT_CHUNK_BYTES_MAX);
    buf_init(&x.entry, w->mem, SNAPSHOT_CHUNK_BYTES_MAX);
    enum status st = open_view(&x);
    if (st == ST_OK) st = read_head(&x);
    if (st == ST_OK) st = write_chunks(&x);
    if (st == ST_OK) st = write_manifest(&x, out);
    close_all(&x);
    return st;
}

static void close_all(struct writing *x)
{
    row_reader_fini(&x->rows);
    if (x->reader != NULL) {
        (void)sqlite3_exec(x->reader, "COMMIT", NULL, NULL, NULL);
        db_reader_close(exec_db(x->w->exec), x->reader);
    }
    sql_catalog_unref(x->catalog);
    rows_view_close(x->view);
    x->w->os->file_close(x->w->os, x->file);
    buf_fini(&x->entry);
    buf_fini(&x->chunk);
    buf_fini(&x->items);
    buf_fini(&x->nodes);
    arena_fini(&x->scratch);
    arena_fini(&x->arena);
}

/* --- the height that is read ------------------------------------------------------------------ */

static bool is_open(const struct checkpoint *c, uint64_t height)
{
    return c->height + CHECKPOINT_LAG > height;
}

/* The checkpoints whose hash is due after the newest: its own, and those just before. */
static enum status find_checkpoints(struct writing *x, struct rows *rows)
{
    struct snapshot *s = &x->snapshot;
    struct checkpoint found[CHECKPOINT_LAG];
    uint32_t count = 0;
    found[count++] = *rows_view_checkpoint(x->view);
    while (count < CHECKPOINT_LAG) {
        struct checkpoint before;
        enum status st = rows_checkpoint(rows, found[count - 1].before, &before);
        if (st == ST_NOT_FOUND) break; /* The first one begins behind no checkpoint. */
        TRY(st);
        if (!is_open(&before, found[0].height)) break;
        found[count++] = before;
    }
    for (uint32_t i = 0; i < count; i++)
        s->checkpoints[i] = found[count - 1 - i];
    s->checkpoint_count = count;
    return ST_OK;
}

/* The newest checkpoint among the heights kept: between them may be some that are none. */
static enum status open_rows(struct writing *x, struct rows *rows)
{
    uint64_t height = x->w->height;
    for (;;) {
        TRY(rows_view_open(&x->view, rows, height));
        const uint64_t found = rows_view_checkpoint(x->view)->height;
        if (rows_view_is_checkpoint(x->view)) return ST_OK;
        rows_view_close(x->view);
        x->view = NULL;
        if (found == 0) return ST_NOT_FOUND;
        height = found - 1;
    }
}

static enum status open_view(struct writing *x)
{
    struct exec *exec = x->w->exec;
    struct rows *rows = exec_row_tree(exec);
    if (rows == NULL) return ST_NOT_FOUND;
    TRY(open_rows(x, rows));
    TRY(find_checkpoints(x, rows));
    TRY(db_reader_open(exec_db(exec), &x->reader));
    row_reader_init(&x->rows, x->reader);
    x->functions.diag = &x->diag;
    TRY(sql_functions_register(x->reader, &x->functions));
    enum status st = db_view(exec_db(exec), x->reader, rows_view_checkpoint(x->view)->height);
    if (st == ST_NOT_FOUND) return ST_BUSY;
    TRY(st);
    int code = sqlite3_exec(x->reader, "BEGIN", NULL, NULL, NULL);
    return code == SQLITE_OK ? ST_OK : ST_NO_MEMORY;
}

/* --- the head --------------------------------------------------------------------------------- */

static enum status read_status(int code)
{
    if (code == SQLITE_DONE || code == SQLITE_ROW || code == SQLITE_OK) return ST_OK;
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    return (code & 0xff) == SQLITE_BUSY ? ST_BUSY : ST_CORRUPT;
}

static enum status read_note(struct writing *x)
{
    sqlite3_stmt *s = NULL;
    const struct checkpoint *c = snapshot_checkpoint(&x->snapshot);
    int code = sqlite3_prepare_v2(
        x->reader, "SELECT height, note FROM \"" DB_APPLIED_TABLE "\" WHERE rowid = 1", -1, &s,
        NULL);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    enum status st = read_status(code);
    if (code == SQLITE_ROW) {
        if ((uint64_t)sqlite3_column_int64(s, 0) != c->height) st = ST_CORRUPT;
        const size_t size = (size_t)sqlite3_column_bytes(s, 1);
        x->snapshot.note = arena_copy(&x->arena, span_of(sqlite3_column_blob(s, 1), size));
        if (st == ST_OK && x->snapshot.note.data == NULL) st = ST_NO_MEMORY;
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum status count_schema(struct writing *x, uint32_t *count)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(x->reader, "SELECT count(*) FROM sqlite_schema", -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    *count = code == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_finalize(s);
    return read_status(code);
}

/* All that has a statement of its own, as it was made; the table of the height is made by db. */
static enum status read_schema(struct writing *x)
{
    static const char text[] = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND "
                               "name <> '" DB_APPLIED_TABLE "' ORDER BY rowid";
    struct snapshot *snapshot = &x->snapshot;
    sqlite3_stmt *s = NULL;
    uint32_t most = 0;
    TRY(count_schema(x, &most));
    if (most > SNAPSHOT_STATEMENTS_MAX) return ST_LIMIT;
    snapshot->schema = arena_alloc_zero(&x->arena, (size_t)most + 1, sizeof(struct span));
    if (snapshot->schema == NULL) return ST_NO_MEMORY;
    int code = sqlite3_prepare_v2(x->reader, text, -1, &s, NULL);
    enum status st = read_status(code);
    while (st == ST_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        must(snapshot->schema_count < most);
        const struct span sql =
            span_of(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        struct span *copy = &snapshot->schema[snapshot->schema_count++];
        *copy = arena_copy(&x->arena, sql);
        if (copy->data == NULL) st = ST_NO_MEMORY;
    }
    if (st == ST_OK) st = read_status(code);
    (void)sqlite3_finalize(s);
    return st;
}

/* The tables that have rows in the tree, as their ids name them. */
static enum status read_tables(struct writing *x)
{
    struct snapshot *s = &x->snapshot;
    TRY(sql_catalog_load(&x->catalog, x->w->mem, x->reader));
    const uint32_t count = sql_catalog_table_count(x->catalog);
    if (count > SNAPSHOT_TABLES_MAX) return ST_LIMIT;
    s->tables = arena_alloc_zero(&x->arena, count, sizeof *s->tables);
    if (s->tables == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct catalog_table *t = sql_catalog_table_at(x->catalog, i);
        if (t->is_virtual) continue;
        if (s->table_count > 0) must(s->tables[s->table_count - 1].id < t->id);
        s->tables[s->table_count++] = (struct snapshot_table){.id = t->id, .name = t->sqlite_name};
    }
    return ST_OK;
}

static enum status read_head(struct writing *x)
{
    x->snapshot.chain_id = x->w->chain_id;
    TRY(read_note(x));
    TRY(read_schema(x));
    return read_tables(x);
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* ST_LIMIT: enough for a chunk and more. ST_EXISTS: it is complete. */
static enum status take_row(void *context, const struct rows_row *row)
{
    struct writing *x = context;
    struct snapshot_row out = {.rowid = 0};
    const uint64_t id = row_position_table(&row->place.position);
    const struct catalog_table *t = sql_catalog_by_id(x->catalog, id);
    if (t == NULL || t->is_virtual) return ST_CORRUPT;
    buf_reset(&x->entry);
    enum status st = row_reader_read(&x->rows, &x->entry, t, row->key, &out.rowid);
    if (st == ST_NOT_FOUND) return ST_CORRUPT;
    TRY(st);
    out.has_rowid = x->rows.has_rowid;
    out.entry = buf_span(&x->entry);
    snapshot_put_row(&x->items, &out);
    TRY(buf_status(&x->items));
    if (!x->is_bucket && x->items.size > SNAPSHOT_CHUNK_BYTES) return ST_LIMIT;
    must(x->left > 0);
    return --x->left == 0 ? ST_EXISTS : ST_OK;
}

/* The rows of the part into x->chunk. ST_LIMIT: it is to be divided. */
static enum status collect(struct writing *x, const struct rows_part *part)
{
    struct rows_walk walk = {.from = part->first, .visit = take_row, .context = x};
    memset(walk.below.bytes, 0xff, sizeof walk.below.bytes);
    buf_reset(&x->items);
    x->left = (uint32_t)part->row_count;
    x->is_bucket = part->is_bucket;
    enum status st = rows_view_walk(x->view, &walk);
    if (st == ST_OK) return ST_CORRUPT; /* There were fewer. */
    if (st != ST_EXISTS) return st;
    buf_reset(&x->chunk);
    snapshot_put_chunk(&x->chunk, buf_span(&x->items), (uint32_t)part->row_count);
    return buf_status(&x->chunk);
}

static enum status write_chunk(struct writing *x, const struct rows_part *part)
{
    struct os *os = x->w->os;
    const struct span chunk = buf_span(&x->chunk);
    const struct snapshot_part out = {.row_count = (uint32_t)part->row_count,
                                      .size = chunk.size,
                                      .subtree = part->hash,
                                      .chunk = snapshot_chunk_hash(chunk)};
    arena_reset(&x->scratch);
    enum status st = snapshot_chunk_check(chunk, &out, &x->scratch);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    TRY(os->file_write(os, x->file, chunk, x->size));
    snapshot_put_part(&x->nodes, &out);
    x->node_count++;
    x->chunk_count++;
    x->size += chunk.size;
    return buf_status(&x->nodes);
}

static enum status visit_part(void *context, const struct rows_part *part, bool *is_whole)
{
    struct writing *x = context;
    enum status st = ST_LIMIT;
    if (atomic_load(x->w->is_cancelled)) return ST_CLOSED;
    if (part->row_count <= SNAPSHOT_CHUNK_ROWS) st = collect(x, part);
    *is_whole = st == ST_OK;
    if (st == ST_OK) return write_chunk(x, part);
    if (st != ST_LIMIT || part->is_bucket) return st;
    snapshot_put_branch(&x->nodes, part->bit);
    x->node_count++;
    return buf_status(&x->nodes);
}

static enum status write_chunks(struct writing *x)
{
    const struct rows_shape shape = {.visit = visit_part, .context = x};
    struct os *os = x->w->os;
    TRY(os->file_open(os, &x->file, x->w->chunks, OS_WRITE | OS_CREATE));
    TRY(os->file_truncate(os, x->file, 0));
    TRY(rows_view_shape(x->view, &shape));
    return os->file_sync(os, x->file);
}

static enum status write_manifest(struct writing *x, struct snapshot_written *out)
{
    struct buf bytes;
    buf_init(&bytes, x->w->mem, SNAPSHOT_MANIFEST_MAX);
    snapshot_encode(&bytes, &x->snapshot, buf_span(&x->nodes), x->node_count);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) st = os_replace_file(x->w->os, x->w->manifest, buf_span(&bytes));
    if (st == ST_OK)
        *out = (struct snapshot_written){.height = snapshot_checkpoint(&x->snapshot)->height,
                                         .hash = snapshot_hash(buf_span(&bytes)),
                                         .manifest_size = bytes.size,
                                         .size = x->size,
                                         .chunk_count = x->chunk_count};
    buf_fini(&bytes);
    return st;
}
