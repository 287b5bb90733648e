/* P1 a table is in memory whole, as of the height, or not at all.
 * P2 the chain's own tables begin with what the genesis made of them, all others empty. */
#include "node/past.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "node/versions.h"
#include "sql/quote.h"
#include "sql/system.h"

#define TABLES_MAX   256u /* Loaded at once. */
#define CATALOG_LAST 5u   /* trustsql.tables, columns, indexes, sequences, rights: from 1 on. */
#define LOOK_STEP    1024u

struct past {
    struct past_config config;
    struct chain_tables_source tables; /* As the reader's, for this connection. */
    struct node_functions functions;
    sqlite3 *connection;
    bool has_chain_tables; /* The DDL of the chain has run. */
    uint64_t loaded[TABLES_MAX];
    uint32_t loaded_count;
};

struct filling { /* One table. */
    struct past *past;
    const struct catalog_table *table;
    sqlite3_stmt *put;
    sqlite3_stmt *drop;
    struct span *values;
};

static enum status load_table(struct past *p, const struct catalog_table *t);

static enum status status_of(int code)
{
    switch (code) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return ST_OK;
    case SQLITE_NOMEM: return ST_NO_MEMORY;
    case SQLITE_FULL:
    case SQLITE_TOOBIG: return ST_LIMIT;
    default: return ST_CORRUPT;
    }
}

static enum status run(const struct past *p, const char *text)
{
    return status_of(sqlite3_exec(p->connection, text, NULL, NULL, NULL));
}

static enum status run_buf(const struct past *p, struct buf *text)
{
    buf_put_u8(text, 0);
    TRY(buf_status(text));
    return run(p, (const char *)text->data);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static enum status set_up(struct past *p)
{
    char text[256];
    (void)snprintf(
        text, sizeof text,
        "PRAGMA page_size = 4096; PRAGMA max_page_count = %u; PRAGMA temp_store = MEMORY;"
        "CREATE TABLE \"" DB_APPLIED_TABLE "\"(height INTEGER NOT NULL);"
        "INSERT INTO \"" DB_APPLIED_TABLE "\" VALUES(%" PRIu64 ")",
        PAST_PAGES_MAX, p->config.height);
    TRY(status_of(sqlite3_open_v2(":memory:", &p->connection,
                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY |
                                      SQLITE_OPEN_NOMUTEX,
                                  NULL)));
    TRY(run(p, text));
    TRY(sql_functions_register(p->connection, p->config.reader->sql));
    TRY(sql_system_register(p->connection, p->config.reader->sql, p->config.source->mem));
    TRY(chain_tables_register(p->connection, &p->tables));
    return node_functions_register(p->connection, &p->functions);
}

enum status past_open(struct past **out, const struct past_config *config)
{
    must(config->height > 0);
    struct past *p = mem_alloc_zero(config->source->mem, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    p->config = *config;
    p->tables = *config->source;
    p->tables.height = &p->config.height;
    p->tables.reader = &p->functions;
    p->functions.source = &p->tables;
    enum status st = set_up(p);
    if (st != ST_OK) {
        past_close(p);
        return st;
    }
    past_begin(p, config->reader);
    *out = p;
    return ST_OK;
}

void past_close(struct past *p)
{
    if (p == NULL) return;
    int code = sqlite3_close(p->connection);
    must(code == SQLITE_OK); /* Nobody leaves a statement. */
    mem_free(p->config.source->mem, p);
}

void past_begin(struct past *p, const struct node_functions *reader)
{
    p->functions = *reader;
    p->functions.source = &p->tables;
    p->functions.connection = p->connection;
}

uint64_t past_height(const struct past *p)
{
    return p->config.height;
}

sqlite3 *past_connection(struct past *p)
{
    return p->connection;
}

bool past_is_small(const struct past *p)
{
    sqlite3_stmt *s = NULL;
    bool is_small = false;
    if (sqlite3_prepare_v2(p->connection, "PRAGMA page_count", -1, &s, NULL) == SQLITE_OK)
        is_small = sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int64(s, 0) <= PAST_PAGES_KEPT;
    (void)sqlite3_finalize(s);
    return is_small;
}

/* --- tables -------------------------------------------------------------------------------------
 */

static void put_list(struct buf *out, const struct catalog_table *t, bool is_typed)
{
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        sql_put_name(out, catalog_column_name(t, i));
        if (is_typed) buf_printf(out, " %s", sql_type_column(t->columns[i].type));
    }
}

static bool has_column(const struct catalog_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->column_count; i++)
        if (span_equal(catalog_column_name(t, i), span_text(name))) return true;
    return false;
}

/* A name of SQLite's row id that is no column of the table. */
static const char *rowid_name(const struct catalog_table *t)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    for (size_t i = 0; i + 1 < sizeof names / sizeof names[0]; i++)
        if (!has_column(t, names[i])) return names[i];
    return names[2];
}

static enum status create(const struct past *p, const struct catalog_table *t)
{
    struct buf text;
    buf_init(&text, p->config.source->mem, 0);
    buf_put_text(&text, "CREATE TABLE ");
    sql_put_name(&text, t->sqlite_name);
    buf_put_text(&text, "(");
    put_list(&text, t, true);
    for (uint32_t i = 0; i < t->key_count; i++) {
        buf_put_text(&text, i == 0 ? ", PRIMARY KEY(" : ", ");
        sql_put_name(&text, catalog_column_name(t, t->key_columns[i]));
    }
    buf_put_text(&text, t->key_count > 0 ? ")) STRICT" : ") STRICT");
    const enum status st = run_buf(p, &text);
    buf_fini(&text);
    return st;
}

static enum status prepare(const struct past *p, struct buf *text, sqlite3_stmt **out)
{
    buf_put_u8(text, 0);
    TRY(buf_status(text));
    return status_of(sqlite3_prepare_v2(p->connection, (const char *)text->data, -1, out, NULL));
}

/* INSERT OR REPLACE INTO t(…, rowid) VALUES(?1, …) */
static enum status prepare_put(struct filling *f, struct buf *text)
{
    const struct catalog_table *t = f->table;
    const bool has_rowid = t->key_count == 0;
    buf_put_text(text, "INSERT OR REPLACE INTO ");
    sql_put_name(text, t->sqlite_name);
    buf_put_u8(text, '(');
    put_list(text, t, false);
    if (has_rowid) buf_printf(text, ", %s", rowid_name(t));
    buf_put_text(text, ") VALUES(");
    for (uint32_t i = 0; i < t->column_count + has_rowid; i++)
        buf_printf(text, i == 0 ? "?%u" : ", ?%u", i + 1);
    buf_put_u8(text, ')');
    return prepare(f->past, text, &f->put);
}

static enum status prepare_drop(struct filling *f, struct buf *text)
{
    const struct catalog_table *t = f->table;
    buf_put_text(text, "DELETE FROM ");
    sql_put_name(text, t->sqlite_name);
    buf_put_text(text, " WHERE ");
    if (t->key_count == 0) buf_printf(text, "%s = ?1", rowid_name(t));
    for (uint32_t i = 0; i < t->key_count; i++) {
        if (i > 0) buf_put_text(text, " AND ");
        sql_put_name(text, catalog_column_name(t, t->key_columns[i]));
        buf_printf(text, " IS ?%u", i + 1);
    }
    return prepare(f->past, text, &f->drop);
}

static enum status step(sqlite3_stmt *s)
{
    const int code = sqlite3_step(s);
    (void)sqlite3_reset(s); /* Repeats the code of the step. */
    return status_of(code);
}

static enum status put_row(const struct filling *f, const struct versions *v)
{
    const struct catalog_table *t = f->table;
    uint32_t count = 0;
    TRY(versions_split(v->row, f->values, t->column_count, &count));
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (i < count)
            TRY(versions_bind(f->put, (int)i + 1, f->values[i]));
        else if (sqlite3_bind_null(f->put, (int)i + 1) != SQLITE_OK)
            return ST_NO_MEMORY;
    }
    if (t->key_count > 0) return step(f->put);
    TRY(versions_split(v->key, f->values, 1, &count));
    if (count != 1) return ST_CORRUPT;
    TRY(versions_bind(f->put, (int)t->column_count + 1, f->values[0]));
    return step(f->put);
}

static enum status drop_row(const struct filling *f, const struct versions *v)
{
    const uint32_t expected = f->table->key_count == 0 ? 1 : f->table->key_count;
    uint32_t count = 0;
    TRY(versions_split(v->key, f->values, f->table->column_count + 1, &count));
    if (count != expected) return ST_CORRUPT;
    for (uint32_t i = 0; i < count; i++)
        TRY(versions_bind(f->drop, (int)i + 1, f->values[i]));
    return step(f->drop);
}

static enum status apply_versions(const struct filling *f, struct versions *v)
{
    const struct past *p = f->past;
    const struct history_range range = {.table = f->table->id, .last = p->config.height};
    TRY(versions_seek(v, &range));
    enum status st = versions_next(v);
    for (uint64_t n = 0; st == ST_OK; n++) {
        const atomic_bool *is_cancelled = p->functions.is_cancelled;
        if (n % LOOK_STEP == 0 && is_cancelled != NULL && atomic_load(is_cancelled))
            return ST_CLOSED;
        st = v->op == VERSION_DELETE ? drop_row(f, v) : put_row(f, v);
        if (st == ST_OK) st = versions_next(v);
    }
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status prepare_filling(struct filling *f)
{
    struct mem *mem = f->past->config.source->mem;
    struct buf text;
    f->values = mem_alloc_zero(mem, (size_t)f->table->column_count + 1, sizeof *f->values);
    if (f->values == NULL) return ST_NO_MEMORY;
    buf_init(&text, mem, 0);
    enum status st = prepare_put(f, &text);
    buf_reset(&text);
    if (st == ST_OK) st = prepare_drop(f, &text);
    buf_fini(&text);
    return st;
}

static enum status fill(struct past *p, const struct catalog_table *t)
{
    const struct chain_tables_source *source = p->config.source;
    struct filling f = {.past = p, .table = t};
    struct versions v;
    versions_init(&v, source->historian, source->store, source->mem);
    enum status st = prepare_filling(&f);
    if (st == ST_OK) st = run(p, "SAVEPOINT fill");
    if (st == ST_OK) {
        st = apply_versions(&f, &v);
        if (st == ST_OK)
            st = run(p, "RELEASE fill");
        else
            (void)run(p, "ROLLBACK TO fill; RELEASE fill");
    }
    (void)sqlite3_finalize(f.put);
    (void)sqlite3_finalize(f.drop);
    mem_free(source->mem, f.values);
    versions_fini(&v);
    return st;
}

/* --- the chain's own tables ---------------------------------------------------------------------
 */

static enum status copy_rows(struct past *p, sqlite3 *from, const struct catalog_table *t)
{
    struct buf text;
    struct filling f = {.past = p, .table = t};
    sqlite3_stmt *rows = NULL;
    buf_init(&text, p->config.source->mem, 0);
    enum status st = prepare_put(&f, &text);
    buf_reset(&text);
    buf_put_text(&text, "SELECT ");
    put_list(&text, t, false);
    buf_put_text(&text, " FROM ");
    sql_put_name(&text, t->sqlite_name);
    buf_put_u8(&text, 0);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK)
        st = status_of(sqlite3_prepare_v2(from, (const char *)text.data, -1, &rows, NULL));
    while (st == ST_OK && sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; st == ST_OK && i < (int)t->column_count; i++)
            st = status_of(sqlite3_bind_value(f.put, i + 1, sqlite3_column_value(rows, i)));
        if (st == ST_OK) st = step(f.put);
    }
    (void)sqlite3_finalize(rows);
    (void)sqlite3_finalize(f.put);
    buf_fini(&text);
    return st;
}

static void remove_state(const struct past *p, const char *path)
{
    static const char *const ends[] = {"", "-journal", ".sums"};
    char name[OS_PATH_MAX];
    struct os *os = p->config.os;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (snprintf(name, sizeof name, "%s%s", path, ends[i]) < (int)sizeof name)
            (void)os->remove(os, name);
}

/* P2: the rows of a table at height 0, from a state that knows nothing but the genesis. */
static enum status copy_genesis(struct past *p, const struct catalog_table *t)
{
    struct os *os = p->config.os;
    char name[64] = "history/genesis-";
    char path[OS_PATH_MAX];
    char what[160] = "";
    uint8_t random[8];
    sqlite3 *reader = NULL;
    struct exec *genesis = NULL;
    os->entropy(os, random, sizeof random);
    hex_encode(name + strlen(name), span_of(random, sizeof random));
    TRY(os_path_join(path, p->config.source->dir, name));
    const struct exec_config config = {
        .os = os, .mem = p->config.source->mem, .path = path, .genesis = p->config.source->genesis};
    enum status st = exec_open(&genesis, &config, what);
    if (st == ST_OK) st = db_reader_open(exec_db(genesis), &reader);
    if (st == ST_OK) st = copy_rows(p, reader, t);
    if (reader != NULL) db_reader_close(exec_db(genesis), reader);
    exec_close(genesis);
    remove_state(p, path);
    return st;
}

static enum status create_chain_tables(struct past *p)
{
    if (p->has_chain_tables) return ST_OK;
    for (uint32_t version = 1; version <= EXEC_VERSION_MAX; version++)
        for (const char *const *ddl = sql_catalog_ddl(version); *ddl != NULL; ddl++)
            TRY(run(p, *ddl));
    p->has_chain_tables = true;
    return ST_OK;
}

/* --- loading ------------------------------------------------------------------------------------
 */

static enum status load_table(struct past *p, const struct catalog_table *t)
{
    if (t->is_virtual) return ST_OK;
    for (uint32_t i = 0; i < p->loaded_count; i++)
        if (p->loaded[i] == t->id) return ST_OK;
    if (p->loaded_count == TABLES_MAX) return ST_LIMIT;
    if (t->id < CATALOG_FIRST_ID) {
        TRY(create_chain_tables(p));
        /* A table that came later had no rows then. */
        if (t->id > CATALOG_LAST && sql_catalog_since(t->id) == 1) TRY(copy_genesis(p, t));
    } else {
        TRY(create(p, t));
    }
    TRY(fill(p, t));
    p->loaded[p->loaded_count++] = t->id; /* P1 */
    return ST_OK;
}

enum status past_load(struct past *p,
                      const struct sql_catalog *catalog,
                      const struct sql_statement *statement)
{
    for (uint32_t i = 0; i < statement->access_count; i++) {
        const struct catalog_table *t = sql_catalog_by_id(catalog, statement->access[i].table_id);
        if (t == NULL) return ST_CORRUPT;
        TRY(load_table(p, t));
    }
    return ST_OK;
}

enum status past_catalog(const struct past_config *config, struct sql_catalog **out)
{
    struct past *p = NULL;
    TRY(past_open(&p, config));
    enum status st = ST_OK;
    for (uint64_t id = 1; id <= CATALOG_LAST && st == ST_OK; id++) {
        const struct catalog_table *t = sql_catalog_by_id(config->reader->catalog, id);
        must(t != NULL); /* The chain's own tables are in every catalog. */
        st = load_table(p, t);
    }
    if (st == ST_OK) st = sql_catalog_load(out, config->source->mem, p->connection);
    past_close(p);
    return st;
}
