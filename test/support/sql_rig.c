/* See sql_rig.h. Account 7 runs everything; "bob" is account 8. */
#include "support/sql_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/keys.h"
#include "sql/system.h"

#define RIG_ACCOUNT 7
#define RIG_VERSION 4u /* exec_version of the catalog: the newest. */

struct sql_rig {
    sqlite3 *connection;
    struct sql_catalog *catalog;
    uint64_t account;
    struct arena arena;
    struct sql_context context;
    struct diag diag;
    struct buf out;
};

static void run_raw(struct sql_rig *r, const char *text)
{
    must(sqlite3_exec(r->connection, text, NULL, NULL, NULL) == SQLITE_OK);
}

static void load(struct sql_rig *r)
{
    sql_catalog_unref(r->catalog);
    r->catalog = NULL;
    must(sql_catalog_load(&r->catalog, mem_system(), r->connection) == ST_OK);
    r->context.catalog = r->catalog;
}

struct sql_rig *sql_rig_new(void)
{
    struct sql_rig *r = mem_alloc_zero(mem_system(), 1, sizeof *r);
    must(r != NULL);
    r->account = RIG_ACCOUNT;
    must(sqlite3_open(":memory:", &r->connection) == SQLITE_OK);
    arena_init(&r->arena, mem_system(), 0);
    buf_init(&r->out, mem_system(), 0);
    r->context = (struct sql_context){.now_us = 820540800000000,
                                      .fuel = UINT64_MAX,
                                      .user = span_text("alice"),
                                      .ledger = span_text("main"),
                                      .diag = &r->diag};
    must(sql_functions_register(r->connection, &r->context) == ST_OK);
    must(sql_system_register(r->connection, &r->context, mem_system()) == ST_OK);
    run_raw(r, "PRAGMA trusted_schema = OFF");
    for (uint32_t version = 1; version <= RIG_VERSION; version++)
        for (const char *const *ddl = sql_catalog_ddl(version); *ddl != NULL; ddl++)
            run_raw(r, *ddl);
    run_raw(r, "INSERT INTO \"trustsql.accounts\" VALUES"
               "(7, 'alice', 'A7', 1, x'07', '', 'bank', 1, 0, 0),"
               "(8, 'bob', 'A8', 1, x'08', '', 'bank', 0, 0, 0)");
    run_raw(r, "INSERT INTO \"trustsql.roles\" VALUES"
               "(7, 'alice', 1, 1, 1, 1, 'bank'), (8, 'bob', 1, 1, 0, 0, 'bank')");
    run_raw(r, "UPDATE \"trustsql.sequences\" SET next = 9 WHERE name = 'role'");
    load(r);
    return r;
}

void sql_rig_free(struct sql_rig *r)
{
    sql_catalog_unref(r->catalog);
    arena_fini(&r->arena);
    buf_fini(&r->out);
    must(sqlite3_close(r->connection) == SQLITE_OK);
    mem_free(mem_system(), r);
}

const struct sql_catalog *sql_rig_catalog(struct sql_rig *r)
{
    return r->catalog;
}

sqlite3 *sql_rig_connection(struct sql_rig *r)
{
    return r->connection;
}

static void put_error(struct sql_rig *r)
{
    buf_reset(&r->out);
    buf_printf(&r->out, "ERROR %s", r->diag.sqlstate);
    if (r->diag.position > 0) buf_printf(&r->out, " %u", r->diag.position);
    buf_printf(&r->out, ": %s", r->diag.message);
}

static void put_row(struct sql_rig *r, const struct sql_statement *s, sqlite3_stmt *stmt)
{
    for (uint32_t i = 0; i < s->column_count; i++) {
        if (i > 0) buf_put_u8(&r->out, '|');
        struct buf row;
        struct sql_value v;
        buf_init(&row, mem_system(), 0);
        sql_rowset_put_column(&row, stmt, (int)i);
        struct span at = buf_span(&row);
        must(sql_rowset_next(&at, s->columns[i].type, &v));
        if (v.is_null)
            buf_put_text(&r->out, "\\N");
        else
            sql_value_print(&r->out, &v, s->columns[i].typmod);
        buf_fini(&row);
    }
    buf_put_u8(&r->out, '\n');
}

static struct sql_compile compile_of(struct sql_rig *r, struct span text)
{
    return (struct sql_compile){.catalog = r->catalog,
                                .text = text,
                                .account = r->account,
                                .state = r->connection,
                                .height = 1};
}

void sql_rig_as(struct sql_rig *r, uint64_t account)
{
    r->account = account;
}

struct params {
    const struct sql_value *values;
    uint32_t count;
};

static bool run_one(struct sql_rig *r,
                    const struct sql_statement *s,
                    const char *sqlite,
                    struct params p)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(r->connection, sqlite, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        buf_reset(&r->out);
        buf_printf(&r->out, "ERROR prepare: %s in: %s", sqlite3_errmsg(r->connection), sqlite);
        return false;
    }
    if (s->step_count > 0 && sqlite3_bind_parameter_count(stmt) > 0)
        must(sqlite3_bind_int64(stmt, 1, (sqlite3_int64)r->account) == SQLITE_OK);
    int wanted = sqlite3_bind_parameter_count(stmt);
    for (uint32_t i = 0; s->step_count == 0 && i < p.count && (int)i < wanted; i++)
        must(sql_value_bind(stmt, (int)i + 1, &p.values[i]) == ST_OK);
    for (uint32_t i = 0; i < s->column_count; i++) {
        if (i > 0) buf_put_u8(&r->out, '|');
        buf_put(&r->out, s->columns[i].name);
    }
    if (s->column_count > 0) buf_put_u8(&r->out, '\n');
    r->diag = (struct diag){.position = 0};
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        put_row(r, s, stmt);
    if (code != SQLITE_DONE) {
        sql_error(&r->diag, r->connection, code, r->catalog, &r->context);
        put_error(r);
    }
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    return code == SQLITE_DONE;
}

/* Steps for foreign keys (sql/keys.h) are left out: no statement here needs their triggers. */
static bool run_step(struct sql_rig *r,
                     const struct sql_statement *s,
                     const char *step,
                     struct params p)
{
    const size_t rows = strlen(SQL_STEP_ROWS);
    if (strcmp(step, SQL_STEP_RELOAD) == 0) {
        load(r);
        return true;
    }
    if (strncmp(step, SQL_STEP_KEYS, strlen(SQL_STEP_KEYS)) == 0) return true;
    if (strncmp(step, SQL_STEP_CHECK, strlen(SQL_STEP_CHECK)) == 0) return true;
    return run_one(r, s, strncmp(step, SQL_STEP_ROWS, rows) == 0 ? step + rows : step, p);
}

static bool run_compiled(struct sql_rig *r, const struct sql_statement *s, struct params p)
{
    buf_reset(&r->out);
    if (sql_check_schemas(r->catalog, s->schemas, s->schema_count, r->account, &r->diag) != ST_OK ||
        sql_check_tables(r->catalog, s->access, s->access_count, r->account, &r->diag) != ST_OK)
        return false;
    if (s->notice != NULL) buf_printf(&r->out, "NOTICE: %s\n", s->notice);
    for (uint32_t i = 0; i < s->step_count; i++)
        if (!run_step(r, s, s->steps[i], p)) return false;
    if (s->step_count > 0) load(r);
    if (s->sqlite != NULL && !run_one(r, s, s->sqlite, p)) return false;
    if (s->column_count == 0 && s->notice == NULL) buf_put_text(&r->out, s->tag);
    return true;
}

static bool lift_and_run(struct sql_rig *r, struct span text)
{
    struct sql_compile in = compile_of(r, text);
    struct sql_lifted lifted;
    if (sql_lift(&lifted, &r->arena, &in, &r->diag) != ST_OK) return false;
    enum sql_type *types = arena_alloc(&r->arena, (lifted.count + 1) * sizeof *types);
    for (uint32_t i = 0; i < lifted.count; i++)
        types[i] = lifted.values[i].type;
    in.text = lifted.text;
    in.param_types = types;
    in.param_count = lifted.count;
    struct sql_statement s;
    if (sql_compile(&s, &r->arena, &in, &r->diag) != ST_OK) return false;
    return run_compiled(r, &s, (struct params){lifted.values, lifted.count});
}

static bool compile_and_run(struct sql_rig *r, struct span text)
{
    struct sql_compile in = compile_of(r, text);
    struct sql_statement s;
    if (sql_compile(&s, &r->arena, &in, &r->diag) != ST_OK) return false;
    return run_compiled(r, &s, (struct params){NULL, 0});
}

static const char *result(struct sql_rig *r)
{
    buf_put_u8(&r->out, 0);
    must(buf_status(&r->out) == ST_OK);
    return (const char *)r->out.data;
}

static const char *run_all(struct sql_rig *r, const char *text, bool is_lifted)
{
    struct sql_text *list = NULL;
    uint32_t count = 0;
    arena_reset(&r->arena);
    buf_reset(&r->out);
    r->diag = (struct diag){.position = 0};
    if (sql_split(&r->arena, span_text(text), &list, &count, &r->diag) != ST_OK) {
        put_error(r);
        return result(r);
    }
    run_raw(r, "SAVEPOINT rig");
    bool is_ok = true;
    for (uint32_t i = 0; i < count && is_ok; i++) {
        is_ok = is_lifted ? lift_and_run(r, list[i].text) : compile_and_run(r, list[i].text);
        if (!is_ok && r->diag.sqlstate[0] != 0) {
            if (r->diag.position > 0) r->diag.position += list[i].position;
            put_error(r);
        }
    }
    if (!is_ok) run_raw(r, "ROLLBACK TO rig");
    run_raw(r, "RELEASE rig");
    if (!is_ok) load(r);
    return result(r);
}

const char *sql_rig_run(struct sql_rig *r, const char *text)
{
    return run_all(r, text, false);
}

const char *sql_rig_run_lifted(struct sql_rig *r, const char *text)
{
    return run_all(r, text, true);
}

const char *sql_rig_params(struct sql_rig *r,
                           const char *text,
                           const char *const *params,
                           uint32_t count)
{
    struct sql_compile in = compile_of(r, span_text(text));
    struct sql_statement s;
    arena_reset(&r->arena);
    buf_reset(&r->out);
    r->diag = (struct diag){.position = 0};
    if (sql_compile(&s, &r->arena, &in, &r->diag) != ST_OK) {
        put_error(r);
        return result(r);
    }
    struct sql_value *values = arena_alloc_zero(&r->arena, count + 1, sizeof *values);
    must(s.param_count == count);
    for (uint32_t i = 0; i < count; i++) {
        values[i].type = s.param_types[i];
        values[i].is_null = params[i] == NULL;
        if (params[i] == NULL) continue;
        must(sql_value_parse(&values[i], &r->arena, s.param_types[i], -1, span_text(params[i]),
                             &r->diag) == ST_OK);
    }
    (void)run_compiled(r, &s, (struct params){values, count});
    return result(r);
}

void sql_rig_ok(struct sql_rig *r, const char *text)
{
    const char *answer = sql_rig_run(r, text);
    if (strncmp(answer, "ERROR", 5) != 0) return;
    (void)fprintf(stderr, "%s\n%s\n", text, answer);
    abort();
}

const char *sql_rig_sqlite(struct sql_rig *r, const char *text)
{
    struct sql_compile in = compile_of(r, span_text(text));
    struct sql_statement s;
    arena_reset(&r->arena);
    buf_reset(&r->out);
    if (sql_compile(&s, &r->arena, &in, &r->diag) != ST_OK)
        put_error(r);
    else if (s.sqlite != NULL)
        buf_put_text(&r->out, s.sqlite);
    for (uint32_t i = 0; buf_span(&r->out).size == 0 && i < s.step_count; i++) {
        buf_put_text(&r->out, s.steps[0]);
    }
    return result(r);
}

const char *sql_rig_lift(struct sql_rig *r, const char *text)
{
    struct sql_compile in = compile_of(r, span_text(text));
    struct sql_lifted lifted;
    arena_reset(&r->arena);
    buf_reset(&r->out);
    if (sql_lift(&lifted, &r->arena, &in, &r->diag) != ST_OK) {
        put_error(r);
        return result(r);
    }
    buf_put(&r->out, lifted.text);
    for (uint32_t i = 0; i < lifted.count; i++) {
        char name[64];
        sql_type_name(name, lifted.values[i].type, -1);
        buf_put_text(&r->out, i == 0 ? " -- " : ", ");
        sql_value_print(&r->out, &lifted.values[i], -1);
        buf_printf(&r->out, " %s", name);
    }
    return result(r);
}
