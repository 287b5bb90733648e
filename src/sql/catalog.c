/* Invariants of a loaded catalog:
 * C1 tables are sorted by id, ids are distinct; names points to the same tables sorted by
 *    (schema, name), also distinct;
 * C2 column positions of a table are 0 … column_count − 1; positions in indexes are below it;
 * C3 rights are sorted by (table, grantee);
 * C4 nothing changes after the load but the reference count.
 * Rows that break C1 or C2 are ST_CORRUPT: only the chain itself writes these tables. */
#include "sql/catalog.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/sql.h"

#define CATALOG_ARENA_MAX ((size_t)1 << 30)
#define CHAIN_TABLES_MAX  64u

struct grant {
    uint64_t table_id;
    uint64_t grantee;
    uint32_t rights;
};

struct sql_catalog {
    struct mem *mem;
    struct arena arena;
    struct catalog_table *tables;
    const struct catalog_table **names;
    struct catalog_column **columns; /* Those of tables[i], while loading. */
    struct catalog_index **indexes;
    struct grant *grants;
    uint64_t version;
    uint64_t next_id;
    uint32_t table_count;
    uint32_t grant_count;
    atomic_uint references;
};

/* One pass over the rows of a query; row is called for each. */
struct load {
    struct sql_catalog *catalog;
    sqlite3 *connection;
    struct catalog_table *table; /* Of the last row. */
    uint32_t count;
    bool is_there[CHAIN_TABLES_MAX]; /* Tables of the chain. */
};
typedef enum status row_fn(struct load *l, sqlite3_stmt *row);

static const char *const ddl[] = {
    "CREATE TABLE \"trustsql.tables\"(id INTEGER PRIMARY KEY, schema TEXT NOT NULL, "
    "name TEXT NOT NULL, sqlite_name TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL, "
    "UNIQUE(schema, name)) STRICT",
    "CREATE TABLE \"trustsql.columns\"(table_id INTEGER NOT NULL, position INTEGER NOT NULL, "
    "name TEXT NOT NULL, type INTEGER NOT NULL, typmod INTEGER NOT NULL, "
    "is_not_null INTEGER NOT NULL, default_sql TEXT NOT NULL, PRIMARY KEY(table_id, position)) "
    "STRICT",
    "CREATE TABLE \"trustsql.indexes\"(table_id INTEGER NOT NULL, id INTEGER NOT NULL, "
    "kind TEXT NOT NULL, name TEXT NOT NULL, columns TEXT NOT NULL, definition TEXT NOT NULL, "
    "PRIMARY KEY(table_id, id)) STRICT",
    "CREATE TABLE \"trustsql.sequences\"(name TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL) "
    "STRICT",
    "CREATE TABLE \"trustsql.rights\"(table_id INTEGER NOT NULL, grantee INTEGER NOT NULL, "
    "rights INTEGER NOT NULL, PRIMARY KEY(table_id, grantee)) STRICT",
    "CREATE TABLE \"trustsql.accounts\"(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "address TEXT NOT NULL UNIQUE, scheme INTEGER NOT NULL, public_key BLOB NOT NULL, "
    "custodian TEXT NOT NULL, organisation TEXT NOT NULL, is_admin INTEGER NOT NULL, "
    "created_height INTEGER NOT NULL, is_closed INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.idempotency\"(account INTEGER NOT NULL, key BLOB NOT NULL, "
    "txid BLOB NOT NULL, height INTEGER NOT NULL, operations BLOB NOT NULL, "
    "PRIMARY KEY(account, key)) STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.proposals\"(id INTEGER PRIMARY KEY, change TEXT NOT NULL, "
    "subject TEXT NOT NULL, value TEXT NOT NULL, is_forced INTEGER NOT NULL, "
    "organisation TEXT NOT NULL, account TEXT NOT NULL, height INTEGER NOT NULL, "
    "expires INTEGER NOT NULL, state TEXT NOT NULL, epoch INTEGER) STRICT",
    "CREATE TABLE \"trustsql.votes\"(proposal INTEGER NOT NULL, organisation TEXT NOT NULL, "
    "account TEXT NOT NULL, height INTEGER NOT NULL, PRIMARY KEY(proposal, organisation)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.epochs\"(epoch INTEGER PRIMARY KEY, first_height INTEGER, "
    "config_hash BLOB NOT NULL, config BLOB NOT NULL, cause TEXT NOT NULL, "
    "decided_height INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.validators\"(\"index\" INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "role TEXT NOT NULL, organisation TEXT NOT NULL, address TEXT NOT NULL, "
    "public_key BLOB NOT NULL, is_barred INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.parameters\"(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.mode_history\"(height INTEGER PRIMARY KEY, mode TEXT NOT NULL, "
    "cause TEXT NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.mode_state\"(id INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.convictions\"(public_key BLOB NOT NULL PRIMARY KEY, "
    "name TEXT NOT NULL, height INTEGER NOT NULL, is_closed INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID",
    "INSERT INTO \"trustsql.sequences\"(name, next) VALUES ('catalog', 1), ('object', 1000)",
    NULL,
};

/* What comes with exec_version 3. A catalog that has more tables is another one. */
static const char *const ddl_3[] = {
    "CREATE TABLE \"trustsql.checkpoints\"(height INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
    "row_root BLOB NOT NULL, txid_root BLOB NOT NULL, row_count INTEGER NOT NULL, "
    "before INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.incidents\"(height INTEGER NOT NULL, node TEXT NOT NULL, "
    "found_ms INTEGER NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, old_hash BLOB, "
    "new_hash BLOB, state TEXT NOT NULL, concerns INTEGER NOT NULL, "
    "PRIMARY KEY(node, found_ms, place)) STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.retention\"(table_id INTEGER PRIMARY KEY, blocks INTEGER NOT NULL) "
    "STRICT",
    "UPDATE \"trustsql.sequences\" SET next = next + 1 WHERE name = 'catalog'",
    NULL,
};

/* Tables of the chain: what a column is, in the order of the DDL above. */
#define TEXT_OF(s)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }
#define COLUMN(name_, type_)                                                                       \
    {                                                                                              \
        .name = TEXT_OF(name_), .type = (type_), .typmod = -1, .is_not_null = true                 \
    }
static const struct catalog_column tables_columns[] = {
    COLUMN("id", SQL_INT8),          COLUMN("schema", SQL_TEXT), COLUMN("name", SQL_TEXT),
    COLUMN("sqlite_name", SQL_TEXT), COLUMN("owner", SQL_INT8),
};
static const struct catalog_column columns_columns[] = {
    COLUMN("table_id", SQL_INT8),    COLUMN("position", SQL_INT4), COLUMN("name", SQL_TEXT),
    COLUMN("type", SQL_INT4),        COLUMN("typmod", SQL_INT4),   COLUMN("is_not_null", SQL_BOOL),
    COLUMN("default_sql", SQL_TEXT),
};
static const struct catalog_column indexes_columns[] = {
    COLUMN("table_id", SQL_INT8), COLUMN("id", SQL_INT8),      COLUMN("kind", SQL_TEXT),
    COLUMN("name", SQL_TEXT),     COLUMN("columns", SQL_TEXT), COLUMN("definition", SQL_TEXT),
};
static const struct catalog_column sequences_columns[] = {
    COLUMN("name", SQL_TEXT),
    COLUMN("next", SQL_INT8),
};
static const struct catalog_column rights_columns[] = {
    COLUMN("table_id", SQL_INT8),
    COLUMN("grantee", SQL_INT8),
    COLUMN("rights", SQL_INT4),
};
static const struct catalog_column accounts_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("name", SQL_TEXT),
    COLUMN("address", SQL_TEXT),
    COLUMN("scheme", SQL_INT4),
    COLUMN("public_key", SQL_BYTEA),
    COLUMN("custodian", SQL_TEXT),
    COLUMN("organisation", SQL_TEXT),
    COLUMN("is_admin", SQL_BOOL),
    COLUMN("created_height", SQL_INT8),
    COLUMN("is_closed", SQL_BOOL),
};
static const struct catalog_column idempotency_columns[] = {
    COLUMN("account", SQL_INT8), COLUMN("key", SQL_BYTEA),        COLUMN("txid", SQL_BYTEA),
    COLUMN("height", SQL_INT8),  COLUMN("operations", SQL_BYTEA),
};
static const struct catalog_column blocks_columns[] = {
    COLUMN("height", SQL_INT8),      COLUMN("hash", SQL_BYTEA),        COLUMN("parent", SQL_BYTEA),
    COLUMN("time", SQL_TIMESTAMPTZ), COLUMN("tx_count", SQL_INT4),     COLUMN("proposer", SQL_INT4),
    COLUMN("view", SQL_INT8),        COLUMN("digest", SQL_BYTEA),      COLUMN("epoch", SQL_INT8),
    COLUMN("mode", SQL_TEXT),        COLUMN("exec_version", SQL_INT4),
};
static const struct catalog_column transactions_columns[] = {
    COLUMN("txid", SQL_BYTEA),
    COLUMN("height", SQL_INT8),
    COLUMN("index", SQL_INT4),
    COLUMN("account", SQL_TEXT),
    COLUMN("status", SQL_TEXT),
    {.name = TEXT_OF("sqlstate"), .type = SQL_TEXT, .typmod = -1},
    {.name = TEXT_OF("message"), .type = SQL_TEXT, .typmod = -1},
    COLUMN("time", SQL_TIMESTAMPTZ),
};

static const struct catalog_column status_columns[] = {
    COLUMN("name", SQL_TEXT),
    COLUMN("value", SQL_TEXT),
};

#define NULLABLE(name_, type_)                                                                     \
    {                                                                                              \
        .name = TEXT_OF(name_), .type = (type_), .typmod = -1                                      \
    }
static const struct catalog_column nodes_columns[] = {
    COLUMN("index", SQL_INT4),
    COLUMN("name", SQL_TEXT),
    COLUMN("organisation", SQL_TEXT),
    COLUMN("address", SQL_TEXT),
    COLUMN("is_self", SQL_BOOL),
    COLUMN("is_connected", SQL_BOOL),
    COLUMN("is_late", SQL_BOOL),
    NULLABLE("view", SQL_INT8),
    NULLABLE("tip", SQL_INT8),
    NULLABLE("final", SQL_INT8),
    NULLABLE("height", SQL_INT8),
    NULLABLE("digest", SQL_BYTEA),
    NULLABLE("lag", SQL_INT8),
    COLUMN("voted", SQL_INT8),
    COLUMN("locked", SQL_INT8),
    COLUMN("certified", SQL_INT8),
    NULLABLE("rtt_us", SQL_INT8),
    NULLABLE("clock_offset_ms", SQL_INT8),
    NULLABLE("last_seen_ms", SQL_INT8),
    NULLABLE("last_failure", SQL_TEXT),
    COLUMN("role", SQL_TEXT),
    COLUMN("epoch", SQL_INT8),
    COLUMN("is_barred", SQL_BOOL),
    COLUMN("is_suspect", SQL_BOOL),
    NULLABLE("version", SQL_TEXT),
    NULLABLE("exec_version_min", SQL_INT4),
    NULLABLE("exec_version_max", SQL_INT4),
    NULLABLE("program", SQL_BYTEA),
    NULLABLE("is_same_program", SQL_BOOL),
};
static const struct catalog_column consensus_columns[] = {
    COLUMN("height", SQL_INT8),
    COLUMN("view", SQL_INT8),
    COLUMN("proposer", SQL_INT4),
    COLUMN("hash", SQL_BYTEA),
    COLUMN("tx_count", SQL_INT4),
    COLUMN("voted", SQL_TEXT),
    COLUMN("locked", SQL_TEXT),
    COLUMN("certified", SQL_TEXT),
    COLUMN("missing", SQL_TEXT),
    COLUMN("is_final", SQL_BOOL),
    COLUMN("is_certified", SQL_BOOL),
    COLUMN("epoch", SQL_INT8),
    COLUMN("mode", SQL_TEXT),
    COLUMN("leader", SQL_INT4),
    COLUMN("f", SQL_INT4),
    COLUMN("p", SQL_INT4),
    COLUMN("quorum", SQL_INT4),
    NULLABLE("fast_quorum", SQL_INT4),
    COLUMN("view_change_quorum", SQL_INT4),
    COLUMN("suspects", SQL_TEXT),
};
static const struct catalog_column evidence_columns[] = {
    COLUMN("kind", SQL_TEXT),           COLUMN("offender", SQL_INT4),
    NULLABLE("node", SQL_TEXT),         COLUMN("view", SQL_INT8),
    COLUMN("height", SQL_INT8),         COLUMN("size", SQL_INT8),
    NULLABLE("bytes", SQL_BYTEA),       COLUMN("is_in_chain", SQL_BOOL),
    NULLABLE("chain_height", SQL_INT8),
};

static const struct catalog_column certified_columns[] = {
    COLUMN("height", SQL_INT8),       COLUMN("digest", SQL_BYTEA),   COLUMN("executed", SQL_INT8),
    COLUMN("certificate", SQL_BYTEA), NULLABLE("epochs", SQL_BYTEA),
};

static const struct catalog_column receipts_columns[] = {
    COLUMN("txid", SQL_BYTEA),    COLUMN("height", SQL_INT8),   COLUMN("index", SQL_INT4),
    COLUMN("receipt", SQL_BYTEA), NULLABLE("proof", SQL_BYTEA), NULLABLE("reply", SQL_BYTEA),
};

static const struct catalog_column proposals_columns[] = {
    COLUMN("id", SQL_INT8),      COLUMN("change", SQL_TEXT),    COLUMN("subject", SQL_TEXT),
    COLUMN("value", SQL_TEXT),   COLUMN("is_forced", SQL_BOOL), COLUMN("organisation", SQL_TEXT),
    COLUMN("account", SQL_TEXT), COLUMN("height", SQL_INT8),    COLUMN("expires", SQL_TIMESTAMPTZ),
    COLUMN("state", SQL_TEXT),   NULLABLE("epoch", SQL_INT8),
};
static const struct catalog_column votes_columns[] = {
    COLUMN("proposal", SQL_INT8),
    COLUMN("organisation", SQL_TEXT),
    COLUMN("account", SQL_TEXT),
    COLUMN("height", SQL_INT8),
};
static const struct catalog_column epochs_columns[] = {
    COLUMN("epoch", SQL_INT8),        NULLABLE("first_height", SQL_INT8),
    COLUMN("config_hash", SQL_BYTEA), COLUMN("config", SQL_BYTEA),
    COLUMN("cause", SQL_TEXT),        COLUMN("decided_height", SQL_INT8),
};
static const struct catalog_column validators_columns[] = {
    COLUMN("index", SQL_INT4),        COLUMN("name", SQL_TEXT),    COLUMN("role", SQL_TEXT),
    COLUMN("organisation", SQL_TEXT), COLUMN("address", SQL_TEXT), COLUMN("public_key", SQL_BYTEA),
    COLUMN("is_barred", SQL_BOOL),
};
static const struct catalog_column parameters_columns[] = {
    COLUMN("name", SQL_TEXT),
    COLUMN("value", SQL_TEXT),
};
static const struct catalog_column mode_history_columns[] = {
    COLUMN("height", SQL_INT8),
    COLUMN("mode", SQL_TEXT),
    COLUMN("cause", SQL_TEXT),
};
static const struct catalog_column mode_state_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("state", SQL_BYTEA),
};
static const struct catalog_column convictions_columns[] = {
    COLUMN("public_key", SQL_BYTEA),
    COLUMN("name", SQL_TEXT),
    COLUMN("height", SQL_INT8),
    COLUMN("is_closed", SQL_BOOL),
};

static const struct catalog_column incidents_columns[] = {
    COLUMN("height", SQL_INT8),      COLUMN("node", SQL_TEXT),  COLUMN("found_ms", SQL_INT8),
    COLUMN("kind", SQL_TEXT),        COLUMN("place", SQL_TEXT), NULLABLE("old_hash", SQL_BYTEA),
    NULLABLE("new_hash", SQL_BYTEA), COLUMN("state", SQL_TEXT), COLUMN("concerns", SQL_INT8),
};

static const struct catalog_column checkpoints_columns[] = {
    COLUMN("height", SQL_INT8),     COLUMN("time", SQL_TIMESTAMPTZ), COLUMN("row_root", SQL_BYTEA),
    COLUMN("txid_root", SQL_BYTEA), COLUMN("row_count", SQL_INT8),   COLUMN("before", SQL_INT8),
};

static const struct catalog_column retention_columns[] = {
    COLUMN("table_id", SQL_INT8),
    COLUMN("blocks", SQL_INT8),
};

static const uint32_t first_column[] = {0};
static const uint32_t first_two_columns[] = {0, 1};
static const uint32_t incidents_key[] = {1, 2, 4};   /* node, found_ms, place */
static const uint32_t evidence_key[] = {0, 1, 3, 4}; /* kind, offender, view, height */

#define CHAIN_TABLE(id_, name_, columns_, key_, key_count_, is_virtual_)                           \
    {                                                                                              \
        .id = (id_), .schema = TEXT_OF("trustsql"), .name = TEXT_OF(name_),                        \
        .sqlite_name = TEXT_OF("trustsql." name_), .columns = (columns_),                          \
        .column_count = sizeof(columns_) / sizeof((columns_)[0]), .key_columns = (key_),           \
        .key_count = (key_count_), .is_virtual = (is_virtual_)                                     \
    }
static const struct catalog_table chain_tables[] = {
    CHAIN_TABLE(1, "tables", tables_columns, first_column, 1, false),
    CHAIN_TABLE(2, "columns", columns_columns, first_two_columns, 2, false),
    CHAIN_TABLE(3, "indexes", indexes_columns, first_two_columns, 2, false),
    CHAIN_TABLE(4, "sequences", sequences_columns, first_column, 1, false),
    CHAIN_TABLE(5, "rights", rights_columns, first_two_columns, 2, false),
    CHAIN_TABLE(6, "accounts", accounts_columns, first_column, 1, false),
    CHAIN_TABLE(7, "blocks", blocks_columns, first_column, 1, true),
    CHAIN_TABLE(8, "transactions", transactions_columns, first_column, 1, true),
    CHAIN_TABLE(9, "idempotency", idempotency_columns, first_two_columns, 2, false),
    CHAIN_TABLE(10, "status", status_columns, first_column, 1, true),
    CHAIN_TABLE(11, "nodes", nodes_columns, first_column, 1, true),
    CHAIN_TABLE(12, "consensus", consensus_columns, first_column, 1, true),
    CHAIN_TABLE(13, "evidence", evidence_columns, evidence_key, 4, true),
    CHAIN_TABLE(20, "proposals", proposals_columns, first_column, 1, false),
    CHAIN_TABLE(21, "votes", votes_columns, first_two_columns, 2, false),
    CHAIN_TABLE(22, "epochs", epochs_columns, first_column, 1, false),
    CHAIN_TABLE(23, "validators", validators_columns, first_column, 1, false),
    CHAIN_TABLE(24, "parameters", parameters_columns, first_column, 1, false),
    CHAIN_TABLE(25, "mode_history", mode_history_columns, first_column, 1, false),
    CHAIN_TABLE(26, "mode_state", mode_state_columns, first_column, 1, false),
    CHAIN_TABLE(27, "convictions", convictions_columns, first_column, 1, false),
    CHAIN_TABLE(28, "checkpoints", checkpoints_columns, first_column, 1, false),
    CHAIN_TABLE(29, "incidents", incidents_columns, incidents_key, 3, false),
    CHAIN_TABLE(30, "certified", certified_columns, first_column, 1, true),
    CHAIN_TABLE(31, "receipts", receipts_columns, first_column, 1, true),
    CHAIN_TABLE(32, "retention", retention_columns, first_column, 1, false),
};
/* Not there from the genesis on: from which exec_version. */
static const struct {
    uint64_t id;
    uint32_t since;
} late_tables[] = {
    {28, 3},
    {29, 3},
    {32, 3},
};
#define CHAIN_TABLE_COUNT ((uint32_t)(sizeof chain_tables / sizeof chain_tables[0]))
_Static_assert(sizeof chain_tables / sizeof chain_tables[0] <= CHAIN_TABLES_MAX, "grow the array");

static enum status load_all(struct load *l);
static int compare_names(const struct catalog_table *t, struct span schema, struct span name);

const char *const *sql_catalog_ddl(uint32_t exec_version)
{
    static const char *const none[] = {NULL};
    if (exec_version == 1) return ddl;
    return exec_version == 3 ? ddl_3 : none;
}

enum status sql_catalog_load(struct sql_catalog **out, struct mem *mem, sqlite3 *connection)
{
    struct sql_catalog *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    atomic_init(&c->references, 1u);
    arena_init(&c->arena, mem, CATALOG_ARENA_MAX);
    struct load l = {.catalog = c, .connection = connection};
    enum status st = load_all(&l);
    if (st != ST_OK) {
        sql_catalog_unref(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

struct sql_catalog *sql_catalog_ref(struct sql_catalog *c)
{
    unsigned before = atomic_fetch_add(&c->references, 1u);
    must(before > 0);
    return c;
}

void sql_catalog_unref(struct sql_catalog *c)
{
    if (c == NULL) return;
    unsigned before = atomic_fetch_sub(&c->references, 1u);
    must(before > 0);
    if (before > 1) return;
    arena_fini(&c->arena);
    mem_free(c->mem, c);
}

uint64_t sql_catalog_version(const struct sql_catalog *c)
{
    return c->version;
}

uint64_t sql_catalog_next_id(const struct sql_catalog *c)
{
    must(c->next_id >= CATALOG_FIRST_ID);
    return c->next_id;
}

enum status sql_catalog_version_read(sqlite3 *connection, uint64_t *version)
{
    sqlite3_stmt *stmt = NULL;
    const char *text = "SELECT next FROM \"trustsql.sequences\" WHERE name = 'catalog'";
    int code = sqlite3_prepare_v2(connection, text, -1, &stmt, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) *version = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    if (code == SQLITE_DONE) return ST_CORRUPT;
    return code == SQLITE_ROW ? ST_OK : ST_IO;
}

uint32_t sql_catalog_table_count(const struct sql_catalog *c)
{
    return c->table_count;
}

const struct catalog_table *sql_catalog_table_at(const struct sql_catalog *c, uint32_t index)
{
    must(index < c->table_count);
    return &c->tables[index];
}

const struct catalog_table *sql_catalog_find(const struct sql_catalog *c,
                                             struct span schema,
                                             struct span name)
{
    if (schema.size == 0) schema = span_text("public");
    uint32_t low = 0;
    uint32_t high = c->table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_names(c->names[middle], schema, name);
        if (order == 0) return c->names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct catalog_table *find_id(const struct sql_catalog *c, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = c->table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->tables[middle].id == id) return &c->tables[middle];
        if (c->tables[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct catalog_table *sql_catalog_by_id(const struct sql_catalog *c, uint64_t id)
{
    return find_id(c, id);
}

const struct catalog_table *sql_catalog_by_sqlite_name(const struct sql_catalog *c,
                                                       struct span sqlite_name)
{
    for (uint32_t i = 0; i < c->table_count; i++)
        if (span_equal(c->tables[i].sqlite_name, sqlite_name)) return &c->tables[i];
    return NULL;
}

const struct catalog_index *sql_catalog_find_index(const struct sql_catalog *c,
                                                   struct span name,
                                                   const struct catalog_table **table)
{
    for (uint32_t i = 0; i < c->table_count; i++) {
        const struct catalog_table *t = &c->tables[i];
        for (uint32_t k = 0; k < t->index_count; k++) {
            if (t->indexes[k].kind == CATALOG_CHECK) continue;
            if (!span_equal(t->indexes[k].name, name)) continue;
            *table = t;
            return &t->indexes[k];
        }
    }
    return NULL;
}

uint32_t sql_catalog_granted(const struct sql_catalog *c, uint64_t table_id, uint64_t grantee)
{
    uint32_t low = 0;
    uint32_t high = c->grant_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct grant *g = &c->grants[middle];
        if (g->table_id == table_id && g->grantee == grantee) return g->rights;
        bool is_before =
            g->table_id < table_id || (g->table_id == table_id && g->grantee < grantee);
        if (is_before)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

uint32_t sql_catalog_rights(const struct sql_catalog *c, uint64_t table_id, uint64_t account)
{
    const struct catalog_table *t = find_id(c, table_id);
    if (t == NULL) return 0;
    if (table_id < CATALOG_FIRST_ID) return SQL_RIGHT_SELECT;
    const uint32_t all =
        SQL_RIGHT_SELECT | SQL_RIGHT_INSERT | SQL_RIGHT_UPDATE | SQL_RIGHT_DELETE | SQL_RIGHT_OWNER;
    if (t->owner == account) return all;
    return sql_catalog_granted(c, table_id, account) |
           sql_catalog_granted(c, table_id, CATALOG_GRANTEE_ALL);
}

/* --- loading ------------------------------------------------------------------------------- */

static int compare_names(const struct catalog_table *t, struct span schema, struct span name)
{
    int order = span_compare(t->schema, schema);
    return order != 0 ? order : span_compare(t->name, name);
}

static int compare_tables(const void *a, const void *b)
{
    const struct catalog_table *const *left = a;
    const struct catalog_table *const *right = b;
    return compare_names(*left, (*right)->schema, (*right)->name);
}

static enum status from_sqlite(int code)
{
    if (code == SQLITE_DONE) return ST_OK;
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return ST_CORRUPT;
    return ST_IO;
}

static enum status each_row(struct load *l, const char *text, row_fn *row)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(l->connection, text, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        (void)sqlite3_finalize(stmt);
        return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_IO;
    }
    enum status st = ST_OK;
    while (st == ST_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        st = row(l, stmt);
    if (st == ST_OK) st = from_sqlite(code);
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    return st;
}

static enum status copy_text(struct load *l, sqlite3_stmt *row, int column, struct span *out)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    if (text == NULL) return ST_NO_MEMORY; /* The columns are NOT NULL. */
    *out = arena_copy(&l->catalog->arena, span_of(text, (size_t)sqlite3_column_bytes(row, column)));
    return out->data == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status count_row(struct load *l, sqlite3_stmt *row)
{
    l->count = (uint32_t)sqlite3_column_int64(row, 0);
    return ST_OK;
}

static enum status sequence_row(struct load *l, sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    if (name == NULL) return ST_NO_MEMORY;
    uint64_t next = (uint64_t)sqlite3_column_int64(row, 1);
    if (strcmp(name, "catalog") == 0) l->catalog->version = next;
    if (strcmp(name, "object") == 0) l->catalog->next_id = next;
    return ST_OK;
}

static enum status table_row(struct load *l, sqlite3_stmt *row)
{
    struct sql_catalog *c = l->catalog;
    struct catalog_table *t = &c->tables[c->table_count];
    *t = (struct catalog_table){.id = (uint64_t)sqlite3_column_int64(row, 0),
                                .owner = (uint64_t)sqlite3_column_int64(row, 4)};
    if (t->id < CATALOG_FIRST_ID) return ST_CORRUPT; /* C1 */
    TRY(copy_text(l, row, 1, &t->schema));
    TRY(copy_text(l, row, 2, &t->name));
    TRY(copy_text(l, row, 3, &t->sqlite_name));
    t->column_count = (uint32_t)sqlite3_column_int64(row, 5);
    t->index_count = (uint32_t)sqlite3_column_int64(row, 6);
    struct catalog_column *columns = arena_alloc_zero(&c->arena, t->column_count, sizeof *columns);
    struct catalog_index *indexes = arena_alloc_zero(&c->arena, t->index_count, sizeof *indexes);
    if (columns == NULL || indexes == NULL) return ST_NO_MEMORY;
    t->columns = columns;
    t->indexes = indexes;
    c->columns[c->table_count] = columns;
    c->indexes[c->table_count] = indexes;
    c->table_count++;
    return ST_OK;
}

/* The table a row of another table belongs to; its rows come in order, so the last is tried first.
 * l->count: rows of this table so far. */
static enum status enter_table(struct load *l, uint64_t id)
{
    if (l->table == NULL || l->table->id != id) {
        l->table = find_id(l->catalog, id);
        l->count = 0;
    }
    return l->table == NULL || id < CATALOG_FIRST_ID ? ST_CORRUPT : ST_OK;
}

static enum status column_row(struct load *l, sqlite3_stmt *row)
{
    TRY(enter_table(l, (uint64_t)sqlite3_column_int64(row, 0)));
    uint32_t position = (uint32_t)sqlite3_column_int64(row, 1);
    if (position != l->count || position >= l->table->column_count) return ST_CORRUPT; /* C2 */
    struct catalog_column c = {.type = (enum sql_type)sqlite3_column_int(row, 3),
                               .typmod = sqlite3_column_int(row, 4),
                               .is_not_null = sqlite3_column_int(row, 5) != 0};
    TRY(copy_text(l, row, 2, &c.name));
    TRY(copy_text(l, row, 6, &c.default_sql));
    l->catalog->columns[l->table - l->catalog->tables][position] = c;
    l->count++;
    return ST_OK;
}

/* "0,2" → positions. */
static enum status parse_columns(struct load *l, struct span text, struct catalog_index *out)
{
    uint32_t positions[CATALOG_KEY_COLUMNS_MAX];
    uint32_t count = 0;
    size_t at = 0;
    while (at < text.size) {
        uint32_t value = 0;
        size_t start = at;
        for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && value < 10000;
             at++)
            value = value * 10 + (uint32_t)(text.data[at] - '0');
        if (at == start || count == CATALOG_KEY_COLUMNS_MAX) return ST_CORRUPT;
        if (value >= l->table->column_count) return ST_CORRUPT; /* C2 */
        positions[count++] = value;
        if (at < text.size && text.data[at++] != ',') return ST_CORRUPT;
    }
    uint32_t *columns = arena_alloc(&l->catalog->arena, count * sizeof *columns);
    if (columns == NULL) return ST_NO_MEMORY;
    memcpy(columns, positions, count * sizeof *columns);
    out->columns = columns;
    out->column_count = count;
    return ST_OK;
}

static bool kind_of(struct span text, enum catalog_index_kind *kind)
{
    static const enum catalog_index_kind all[] = {
        CATALOG_PRIMARY, CATALOG_UNIQUE, CATALOG_UNIQUE_INDEX, CATALOG_INDEX, CATALOG_CHECK};
    for (size_t i = 0; text.size == 1 && i < sizeof all / sizeof all[0]; i++) {
        if (text.data[0] != (uint8_t)all[i]) continue;
        *kind = all[i];
        return true;
    }
    return false;
}

static enum status index_row(struct load *l, sqlite3_stmt *row)
{
    TRY(enter_table(l, (uint64_t)sqlite3_column_int64(row, 0)));
    if (l->count >= l->table->index_count) return ST_CORRUPT;
    struct catalog_index index = {.id = (uint64_t)sqlite3_column_int64(row, 1)};
    struct span kind;
    struct span columns;
    TRY(copy_text(l, row, 2, &kind));
    TRY(copy_text(l, row, 3, &index.name));
    TRY(copy_text(l, row, 4, &columns));
    if (!kind_of(kind, &index.kind)) return ST_CORRUPT;
    TRY(parse_columns(l, columns, &index));
    l->catalog->indexes[l->table - l->catalog->tables][l->count++] = index;
    if (index.kind == CATALOG_PRIMARY) {
        l->table->key_columns = index.columns;
        l->table->key_count = index.column_count;
    }
    return ST_OK;
}

static enum status right_row(struct load *l, sqlite3_stmt *row)
{
    struct sql_catalog *c = l->catalog;
    c->grants[c->grant_count++] = (struct grant){.table_id = (uint64_t)sqlite3_column_int64(row, 0),
                                                 .grantee = (uint64_t)sqlite3_column_int64(row, 1),
                                                 .rights = (uint32_t)sqlite3_column_int64(row, 2)};
    return ST_OK;
}

uint32_t sql_catalog_since(uint64_t id)
{
    for (size_t i = 0; i < sizeof late_tables / sizeof late_tables[0]; i++)
        if (late_tables[i].id == id) return late_tables[i].since;
    return 1;
}

/* What a later exec_version brings is in the catalog from then on. */
static enum status late_table_row(struct load *l, sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    if (name == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < CHAIN_TABLE_COUNT; i++)
        l->is_there[i] = l->is_there[i] || span_equal(chain_tables[i].sqlite_name, span_text(name));
    return ST_OK;
}

static enum status load_tables(struct load *l)
{
    struct sql_catalog *c = l->catalog;
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.tables\"", count_row));
    uint32_t capacity = l->count + CHAIN_TABLE_COUNT;
    c->tables = arena_alloc_zero(&c->arena, capacity, sizeof *c->tables);
    c->names = arena_alloc_zero(&c->arena, capacity, sizeof(struct catalog_table *));
    c->columns = arena_alloc_zero(&c->arena, capacity, sizeof(struct catalog_column *));
    c->indexes = arena_alloc_zero(&c->arena, capacity, sizeof(struct catalog_index *));
    if (c->tables == NULL || c->names == NULL) return ST_NO_MEMORY;
    if (c->columns == NULL || c->indexes == NULL) return ST_NO_MEMORY;
    TRY(each_row(l,
                 "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'trustsql.*'",
                 late_table_row));
    for (uint32_t i = 0; i < CHAIN_TABLE_COUNT; i++)
        if (sql_catalog_since(chain_tables[i].id) == 1 || l->is_there[i])
            c->tables[c->table_count++] = chain_tables[i];
    const uint32_t absent = CHAIN_TABLE_COUNT - c->table_count;
    TRY(each_row(l,
                 "SELECT id, schema, name, sqlite_name, owner, "
                 "(SELECT count(*) FROM \"trustsql.columns\" c WHERE c.table_id = t.id), "
                 "(SELECT count(*) FROM \"trustsql.indexes\" i WHERE i.table_id = t.id) "
                 "FROM \"trustsql.tables\" t ORDER BY id",
                 table_row));
    must(c->table_count + absent == capacity);
    return ST_OK;
}

static enum status load_all(struct load *l)
{
    struct sql_catalog *c = l->catalog;
    TRY(each_row(l, "SELECT name, next FROM \"trustsql.sequences\"", sequence_row));
    if (c->version == 0 || c->next_id < CATALOG_FIRST_ID) return ST_CORRUPT;
    TRY(load_tables(l));
    TRY(each_row(l,
                 "SELECT table_id, position, name, type, typmod, is_not_null, default_sql "
                 "FROM \"trustsql.columns\" ORDER BY table_id, position",
                 column_row));
    l->table = NULL;
    TRY(each_row(l,
                 "SELECT table_id, id, kind, name, columns FROM \"trustsql.indexes\" "
                 "ORDER BY table_id, id",
                 index_row));
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.rights\"", count_row));
    c->grants = arena_alloc_zero(&c->arena, l->count, sizeof *c->grants);
    if (c->grants == NULL) return ST_NO_MEMORY;
    TRY(each_row(l,
                 "SELECT table_id, grantee, rights FROM \"trustsql.rights\" "
                 "ORDER BY table_id, grantee",
                 right_row));
    for (uint32_t i = 0; i < c->table_count; i++)
        c->names[i] = &c->tables[i];
    qsort(c->names, c->table_count, sizeof(struct catalog_table *),
          compare_tables); /* C1: no ties. */
    return ST_OK;
}
