/* import.c - A few chunks are one commit, so that memory is bounded; a commit is a height, so the
 * first of them is as far below the snapshot's as there are commits. Nobody reads those heights. */
#include "exec/import.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "exec/sqlite.h"
#include "sql/quote.h"
#include "state/db.h"

#define COMMITS_MAX  8192u
#define IMPORT_VIEWS 2u
#define IMPORT_BYTES ((size_t)8 << 20)
#define IMPORT_PAGES ((size_t)32 << 20)
#define DIRTY_CHUNKS 32u /* Then the pages go to the file. */

struct exec_import {
    struct mem *mem;
    const struct snapshot *snapshot;
    struct db *db;
    sqlite3 *writer;
    struct sql_context context;
    struct diag diag;
    uint32_t commits;  /* In all; the first makes the objects. */
    uint32_t commit;   /* Under way, from 0. */
    uint32_t chunk;    /* Next. */
    uint32_t unsaved;  /* Chunks since the file was written. */
    bool is_open;      /* A transaction is. */
    sqlite3_stmt *put; /* For rows of this shape: */
    uint64_t table;
    uint32_t columns;
    bool has_rowid;
    struct buf text;
};

static enum status open_db(struct exec_import *i, const struct exec_import_config *config);
static enum status make_objects(struct exec_import *i);
static enum status begin(struct exec_import *i);
static enum status commit(struct exec_import *i);
static enum status put_row(struct exec_import *i, const struct snapshot_row *row);
static enum status prepare(struct exec_import *i, const struct snapshot_table *t);
static enum status bind_value(sqlite3_stmt *s, int at, struct cbor *in);

enum status exec_import_new(struct exec_import **out, const struct exec_import_config *config)
{
    struct exec_import *i = mem_alloc_zero(config->mem, 1, sizeof *i);
    if (i == NULL) return ST_NO_MEMORY;
    i->mem = config->mem;
    i->snapshot = config->snapshot;
    buf_init(&i->text, i->mem, 0);
    enum status st = open_db(i, config);
    if (st == ST_OK) st = begin(i);
    if (st == ST_OK) st = make_objects(i);
    if (st == ST_OK) st = commit(i);
    if (st != ST_OK) {
        exec_import_free(i);
        return st;
    }
    *out = i;
    return ST_OK;
}

void exec_import_free(struct exec_import *i)
{
    if (i == NULL) return;
    sqlite3_finalize(i->put);
    if (i->is_open) db_rollback(i->db);
    db_close(i->db);
    buf_fini(&i->text);
    mem_free(i->mem, i);
}

static uint64_t height_of(const struct exec_import *i)
{
    return snapshot_checkpoint(i->snapshot)->height - (i->commits - 1) + i->commit;
}

static enum status open_db(struct exec_import *i, const struct exec_import_config *config)
{
    char what[DB_WHAT_MAX];
    const uint64_t height = snapshot_checkpoint(i->snapshot)->height;
    i->commits = i->snapshot->part_count < COMMITS_MAX ? i->snapshot->part_count + 1 : COMMITS_MAX;
    if (i->commits > height) i->commits = (uint32_t)height;
    if (i->commits < 2) return ST_INVALID; /* No checkpoint of a chain is so low. */
    const struct db_config db = {.os = config->os,
                                 .mem = config->mem,
                                 .path = config->path,
                                 .view_heights = IMPORT_VIEWS,
                                 .view_bytes = IMPORT_BYTES,
                                 .clean_bytes = IMPORT_PAGES,
                                 .first_height = height_of(i)};
    TRY(db_open(&i->db, &db, what));
    if (db_file_height(i->db) + 1 != db.first_height) return ST_EXISTS;
    i->writer = db_writer(i->db);
    i->context.diag = &i->diag;
    TRY(sql_functions_register(i->writer, &i->context));
    /* Rows come in the order of their positions, not in that of their references. */
    int is_set = 1;
    TRY(sqlite_status(sqlite3_db_config(i->writer, SQLITE_DBCONFIG_ENABLE_FKEY, 0, &is_set)));
    if (is_set != 0) return ST_UNSUPPORTED;
    TRY(sqlite_status(sqlite3_db_config(i->writer, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, &is_set)));
    return is_set != 0 ? ST_UNSUPPORTED : ST_OK;
}

static enum status begin(struct exec_import *i)
{
    must(!i->is_open);
    TRY(db_begin(i->db, height_of(i)));
    i->is_open = true;
    return ST_OK;
}

static enum status commit(struct exec_import *i)
{
    must(i->is_open);
    if (i->commit + 1 == i->commits) db_note(i->db, i->snapshot->note);
    i->is_open = false; /* A failed commit is rolled back. */
    TRY(db_commit(i->db));
    i->commit++;
    return ST_OK;
}

/* The authorizer of the connection refuses all but ordinary objects. */
static enum status make_objects(struct exec_import *i)
{
    for (uint32_t k = 0; k < i->snapshot->schema_count; k++) {
        sqlite3_stmt *s = NULL;
        const struct span text = i->snapshot->schema[k];
        const char *rest = NULL;
        if (text.size > INT32_MAX) return ST_LIMIT;
        int code =
            sqlite3_prepare_v2(i->writer, (const char *)text.data, (int)text.size, &s, &rest);
        bool is_one = code == SQLITE_OK && s != NULL && sqlite3_stmt_readonly(s) == 0 &&
                      rest == (const char *)text.data + text.size;
        if (is_one) code = sqlite3_step(s);
        (void)sqlite3_finalize(s);
        if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
        if (!is_one || code == SQLITE_ERROR || code == SQLITE_AUTH) return ST_INVALID;
        TRY(sqlite_status(code));
    }
    return ST_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Of the chunks, so many belong to the commits up to the one under way. */
static uint32_t chunks_until(const struct exec_import *i)
{
    const uint64_t parts = i->snapshot->part_count;
    const uint64_t commits = i->commits - 1;
    return (uint32_t)(parts * i->commit / commits);
}

enum status exec_import_chunk(struct exec_import *i, struct span chunk)
{
    struct snapshot_rows rows;
    struct snapshot_row row;
    must(i->chunk < i->snapshot->part_count);
    if (!i->is_open) TRY(begin(i));
    snapshot_rows_begin(&rows, chunk);
    while (snapshot_rows_next(&rows, &row))
        TRY(put_row(i, &row));
    i->chunk++;
    i->unsaved++;
    if (i->chunk < chunks_until(i)) return ST_OK;
    TRY(commit(i));
    if (i->unsaved < DIRTY_CHUNKS || i->commit == i->commits) return ST_OK;
    uint64_t height = 0;
    i->unsaved = 0;
    return db_checkpoint(i->db, &height);
}

enum status exec_import_end(struct exec_import *i)
{
    uint64_t height = 0;
    must(i->chunk == i->snapshot->part_count);
    must(i->commit == i->commits);
    sqlite3_finalize(i->put);
    i->put = NULL;
    TRY(db_checkpoint(i->db, &height));
    return height == snapshot_checkpoint(i->snapshot)->height ? ST_OK : ST_CORRUPT;
}

static const struct snapshot_table *find_table(const struct snapshot *s, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = s->table_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (s->tables[middle].id == id) return &s->tables[middle];
        if (s->tables[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The names of the first columns: a row may have fewer than its table, whose rest has defaults. */
static enum status put_columns(struct exec_import *i, const struct snapshot_table *t)
{
    struct buf text;
    sqlite3_stmt *s = NULL;
    buf_init(&text, i->mem, 0);
    buf_put_text(&text, "SELECT * FROM ");
    sql_put_name(&text, t->name);
    enum status st = buf_status(&text);
    if (st == ST_OK)
        st = sqlite3_prepare_v2(i->writer, (const char *)text.data, (int)text.size, &s, NULL) ==
                     SQLITE_OK
                 ? ST_OK
                 : ST_INVALID;
    if (st == ST_OK && i->columns > (uint32_t)sqlite3_column_count(s)) st = ST_INVALID;
    for (uint32_t k = 0; st == ST_OK && k < i->columns; k++) {
        const char *name = sqlite3_column_name(s, (int)k);
        if (name == NULL) st = ST_NO_MEMORY;
        if (st != ST_OK) break;
        if (k > 0) buf_put_text(&i->text, ", ");
        sql_put_name(&i->text, span_text(name));
    }
    (void)sqlite3_finalize(s);
    buf_fini(&text);
    return st;
}

/* A name of SQLite's row id that is no column: snapshots have none of tables without one. */
static const char *rowid_name(const struct buf *columns)
{
    static const char *const names[] = {"\"rowid\"", "\"_rowid_\"", "\"oid\""};
    const struct span text = buf_span(columns);
    for (size_t k = 0; k + 1 < sizeof names / sizeof names[0]; k++) {
        const size_t size = strlen(names[k]);
        bool is_taken = false;
        for (size_t at = 0; at + size <= text.size && !is_taken; at++)
            is_taken = sqlite3_strnicmp((const char *)text.data + at, names[k], (int)size) == 0;
        if (!is_taken) return names[k];
    }
    return names[2];
}

static enum status prepare(struct exec_import *i, const struct snapshot_table *t)
{
    sqlite3_finalize(i->put);
    i->put = NULL;
    i->table = t->id;
    buf_reset(&i->text);
    buf_put_text(&i->text, "INSERT INTO ");
    sql_put_name(&i->text, t->name);
    buf_put_text(&i->text, "(");
    TRY(put_columns(i, t));
    if (i->has_rowid) buf_printf(&i->text, ", %s", rowid_name(&i->text));
    buf_put_text(&i->text, ") VALUES(");
    for (uint32_t k = 0; k < i->columns + i->has_rowid; k++)
        buf_printf(&i->text, k == 0 ? "?%u" : ", ?%u", k + 1);
    buf_put_text(&i->text, ")");
    TRY(buf_status(&i->text));
    int code = sqlite3_prepare_v3(i->writer, (const char *)i->text.data, (int)i->text.size,
                                  SQLITE_PREPARE_PERSISTENT, &i->put, NULL);
    return code == SQLITE_ERROR ? ST_INVALID : sqlite_status(code);
}

static enum status put_row(struct exec_import *i, const struct snapshot_row *row)
{
    struct cbor in = cbor_of(row->entry);
    cbor_expect_array(&in, 3);
    const uint64_t id = cbor_get_uint(&in);
    (void)cbor_get_item(&in, 1); /* The key stands in the columns, or is the row id. */
    const uint64_t count = cbor_get_array(&in);
    if (in.status != ST_OK || count == 0 || count > INT16_MAX) return ST_INVALID;
    i->context.fuel = INT64_MAX; /* What checks and indexes cost was paid when it was written. */
    const bool is_same =
        i->put != NULL && i->table == id && i->columns == count && i->has_rowid == row->has_rowid;
    if (!is_same) {
        const struct snapshot_table *t = find_table(i->snapshot, id);
        if (t == NULL) return ST_INVALID;
        i->columns = (uint32_t)count;
        i->has_rowid = row->has_rowid;
        TRY(prepare(i, t));
    }
    for (int k = 1; k <= (int)count; k++)
        TRY(bind_value(i->put, k, &in));
    TRY(cbor_end(&in));
    if (row->has_rowid) TRY(sqlite_status(sqlite3_bind_int64(i->put, (int)count + 1, row->rowid)));
    int code = sqlite3_step(i->put);
    const int reset = sqlite3_reset(i->put);
    if (code == SQLITE_DONE) code = reset;
    if ((code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_MISMATCH) return ST_INVALID;
    return sqlite_done_status(code == SQLITE_OK ? SQLITE_DONE : code);
}

/* Bytes that are text but not UTF-8 come as a byte string (writeset.md): a column of text says so
 * by itself, since no text of the chain is other than UTF-8. */
static enum status bind_value(sqlite3_stmt *s, int at, struct cbor *in)
{
    enum cbor_kind kind = CBOR_NULL;
    struct span bytes;
    int code = SQLITE_OK;
    if (!cbor_peek(in, &kind)) return ST_TRUNCATED;
    switch (kind) {
    case CBOR_UINT:
    case CBOR_NEGATIVE: code = sqlite3_bind_int64(s, at, cbor_get_int(in)); break;
    case CBOR_FLOAT: code = sqlite3_bind_double(s, at, cbor_get_float(in)); break;
    case CBOR_NULL:
        (void)cbor_get_null(in);
        code = sqlite3_bind_null(s, at);
        break;
    case CBOR_TEXT:
        bytes = cbor_get_text(in);
        code = sqlite3_bind_text64(s, at, (const char *)bytes.data, bytes.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
        break;
    case CBOR_BYTES:
        bytes = cbor_get_bytes(in);
        code = bytes.size == 0 ? sqlite3_bind_zeroblob(s, at, 0)
                               : sqlite3_bind_blob64(s, at, bytes.data, bytes.size, SQLITE_STATIC);
        break;
    case CBOR_ARRAY:
    case CBOR_FALSE:
    case CBOR_TRUE: return ST_INVALID;
    }
    return in->status == ST_OK ? sqlite_status(code) : ST_INVALID;
}
