/* Goal: no query string crashes the compiler, and what it compiles, SQLite can prepare or finds too
 * complex: never a name or syntax of our own that SQLite does not know.
 *
 * Entry as the doors': sql_split, then sql_lift and sql_compile of each statement. */
#include <stdlib.h>

#include "base/must.h"
#include "sql/functions.h"
#include "support/sql_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Those of the transcripts in test/unit/sql, from which the seeds are. */
static const char tables[] =
    "CREATE TABLE t(id int PRIMARY KEY, a int CHECK (a > 0), b text DEFAULT 'x' NOT NULL,"
    " n numeric(9,2), ts timestamptz DEFAULT now(), f boolean, d bytea, UNIQUE (a, b));"
    "CREATE TABLE u(k text, v bigint, f boolean DEFAULT true, d bytea, s smallint,"
    " PRIMARY KEY (k, v));"
    "CREATE TABLE bills(id bigint PRIMARY KEY, bank text NOT NULL, amount numeric(14,2) NOT NULL"
    " CHECK (amount > 0), due timestamptz, paid boolean NOT NULL DEFAULT false, note varchar(10),"
    " tag bytea, rate numeric);"
    "CREATE INDEX ON bills(bank, due);"
    "CREATE TABLE r5(id int PRIMARY KEY, a int);"
    "CREATE TABLE d(a int, b smallint, c bigint, e text, f varchar(4))";

static struct sql_rig *rig;

/* What a node offers as virtual tables stands here as empty ones with the same columns. */
static void make_virtual_tables(void)
{
    const struct sql_catalog *catalog = sql_rig_catalog(rig);
    struct buf text;
    buf_init(&text, mem_system(), 0);
    for (uint32_t i = 0; i < sql_catalog_table_count(catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(catalog, i);
        if (!t->is_virtual) continue;
        buf_printf(&text, "CREATE TABLE \"%.*s\"", (int)t->sqlite_name.size,
                   (const char *)t->sqlite_name.data);
        for (uint32_t k = 0; k < t->column_count; k++)
            buf_printf(&text, "%s\"%.*s\"", k == 0 ? "(" : ", ", (int)t->columns[k].name.size,
                       (const char *)t->columns[k].name.data);
        buf_put_text(&text, ");");
    }
    buf_put_u8(&text, 0);
    must(buf_status(&text) == ST_OK);
    const char *sql = (const char *)buf_span(&text).data;
    must(sqlite3_exec(sql_rig_connection(rig), sql, NULL, NULL, NULL) == SQLITE_OK);
    buf_fini(&text);
}

static void nothing(sqlite3_context *to, int count, sqlite3_value **args)
{
    (void)to;
    (void)count;
    (void)args;
}

/* What a node answers for itself: functions, and those in FROM as tables, of which SQLite says no
 * more than that they are no functions. */
static void make_node_functions(void)
{
    sqlite3 *connection = sql_rig_connection(rig);
    const struct sql_function *f = NULL;
    for (uint32_t i = 0; (f = sql_node_function_at(i)) != NULL; i++) {
        char name[64] = "";
        const size_t size = strcspn(f->sqlite, "(");
        must(size < sizeof name);
        memcpy(name, f->sqlite, size);
        must(sqlite3_create_function(connection, name, -1, SQLITE_UTF8, NULL, nothing, NULL,
                                     NULL) == SQLITE_OK);
    }
    must(sqlite3_exec(connection,
                      "CREATE TABLE \"trustsql.history\"(c1);"
                      "CREATE TABLE \"trustsql.tx_status\"(c1);"
                      "CREATE TABLE \"trustsql.explain\"(c1)",
                      NULL, NULL, NULL) == SQLITE_OK);
}

static void prepare(const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(sql_rig_connection(rig), text, -1, &stmt, NULL);
    const char *why = sqlite3_errmsg(sql_rig_connection(rig));
    if (code == SQLITE_ERROR) must(strstr(why, "no such") == NULL);
    if (code == SQLITE_ERROR) must(strstr(why, "syntax error") == NULL);
    (void)sqlite3_finalize(stmt);
}

static void compile(struct arena *a, struct span text)
{
    struct diag d;
    struct sql_compile in = {.catalog = sql_rig_catalog(rig), .text = text};
    struct sql_statement s;
    struct sql_lifted lifted;
    if (sql_compile(&s, a, &in, &d) != ST_OK) {
        must(d.sqlstate[0] != 0);
        return;
    }
    if (s.sqlite != NULL && s.kind != SQL_KIND_SUBMIT) prepare(s.sqlite);
    must(sql_lift(&lifted, a, &in, &d) == ST_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct diag d;
    struct sql_text *list = NULL;
    uint32_t count = 0;
    if (rig == NULL) {
        rig = sql_rig_new();
        sql_rig_ok(rig, tables);
        make_virtual_tables();
        make_node_functions();
    }
    arena_init(&a, mem_system(), 256u << 20);
    if (sql_split(&a, span_of(data, size), &list, &count, &d) == ST_OK)
        for (uint32_t i = 0; i < count; i++)
            compile(&a, list[i].text);
    arena_fini(&a);
    return 0;
}
