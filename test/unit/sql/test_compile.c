/* Goal: a statement compiled and run on SQLite answers as PostgreSQL 15 does, lifted or not, and
 * what PostgreSQL or this dialect refuses is refused with the right state, position and text. */
#include <stdio.h>
#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/sql_rig.h"

#define TRANSCRIPT_MAX (1u << 20)

typedef const char *run_fn(struct sql_rig *r, const char *text);

/* --- transcripts --------------------------------------------------------------------------- */

/* The answer ends where the next statement or the file does. Ends it with 0; the next place. */
static char *cut_answer(char *at)
{
    char *next = strncmp(at, "> ", 2) == 0 ? at : strstr(at, "\n> ");
    if (next == NULL) return at + strlen(at);
    if (next == at) return at;
    *next = 0;
    return next + 1;
}

static void trim_end(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '\n')
        text[--size] = 0;
}

static void replay(const char *name, run_fn *run)
{
    char path[128];
    (void)snprintf(path, sizeof path, "test/unit/sql/transcripts/%s.txt", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, TRANSCRIPT_MAX);
    assert_non_null(text);
    assert_true(fread(text, 1, TRANSCRIPT_MAX - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    struct sql_rig *r = sql_rig_new();
    char *at = strstr(text, "\n> ") + 1;
    uint32_t count = 0;
    while (*at != 0) {
        char *statement = at + 2;
        char *answer = strchr(statement, '\n');
        *answer++ = 0;
        at = cut_answer(answer);
        trim_end(answer);
        char got[1u << 16];
        (void)snprintf(got, sizeof got, "%s", run(r, statement));
        trim_end(got);
        if (strcmp(got, answer) != 0) print_error("%s\n", statement);
        assert_string_equal(got, answer);
        count++;
    }
    assert_true(count > 80);
    sql_rig_free(r);
    free(text);
}

static void answers_are_postgresql_s(void **state)
{
    (void)state;
    replay("queries", sql_rig_run);
    replay("bills", sql_rig_run);
    replay("statements", sql_rig_run);
}

static void lifting_changes_no_answer(void **state)
{
    (void)state;
    replay("queries", sql_rig_run_lifted);
    replay("bills", sql_rig_run_lifted);
    replay("statements", sql_rig_run_lifted);
}

/* --- lifting ------------------------------------------------------------------------------- */

static void equal_shapes_lift_to_equal_texts(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY, n numeric(10,2), b text, f boolean)");
    static const struct {
        const char *text;
        const char *lifted;
    } cases[] = {
        {"INSERT INTO t VALUES (1, 2.5, 'x', true)",
         "INSERT INTO t VALUES ( $1 ,  $2 ,  $3 , true) -- 1 integer, 2.5 numeric, x text"},
        {"INSERT INTO t(id, n) VALUES (-7, '3')",
         "INSERT INTO t(id, n) VALUES ( $1 ,  $2 ) -- -7 integer, 3 numeric"},
        {"SELECT 'it''s' || E'\\n' FROM t WHERE id = 5 LIMIT 3",
         "SELECT  $1  ||  $2  FROM t WHERE id =  $3  LIMIT  $4  -- it's text, \n text, 5 integer, "
         "3 integer"},
        {"SELECT id + 1 FROM t GROUP BY id + 1 ORDER BY 1", /* Matched constants stay. */
         "SELECT id + 1 FROM t GROUP BY id + 1 ORDER BY 1"},
        {"SELECT b FROM t WHERE id IN (1,2) ORDER BY 1",
         "SELECT b FROM t WHERE id IN ( $1 , $2 ) ORDER BY 1 -- 1 integer, 2 integer"},
        {"SELECT integer '5', numeric(5,2) '1.5', '7'::int, CAST('8' AS bigint)",
         "SELECT integer '5', numeric(5,2) '1.5',  $1 ::int, CAST( $2  AS bigint) -- 7 integer, 8 "
         "bigint"},
        {"CREATE TABLE u(a int DEFAULT 5)", "CREATE TABLE u(a int DEFAULT 5)"},
        {"SELECT id FROM t WHERE id = $1 AND n = 1",
         "SELECT id FROM t WHERE id = $1 AND n =  $1  -- 1 integer"},
    };
    for (size_t i = 0; i + 1 < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(sql_rig_lift(r, cases[i].text), cases[i].lifted);
    sql_rig_free(r);
}

static void lifted_numbers_follow_the_given_parameters(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    struct arena a;
    arena_init(&a, mem_system(), 0);
    enum sql_type types[] = {SQL_INT4, SQL_TEXT};
    struct sql_compile in = {.catalog = sql_rig_catalog(r),
                             .text = span_text("SELECT $1, $2, 3, 'x'"),
                             .param_types = types,
                             .param_count = 2};
    struct sql_lifted lifted;
    struct diag d;
    assert_int_equal(sql_lift(&lifted, &a, &in, &d), ST_OK);
    assert_int_equal(lifted.count, 2);
    assert_true(span_equal(lifted.text, span_text("SELECT $1, $2,  $3 ,  $4 ")));
    assert_int_equal(lifted.values[0].integer, 3);
    arena_fini(&a);
    sql_rig_free(r);
}

/* --- parameters ---------------------------------------------------------------------------- */

static void parameters_take_the_type_of_their_place(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id bigint PRIMARY KEY, n numeric(10,2), b text)");
    const char *row[] = {"5", "2.345", "x"};
    assert_string_equal(sql_rig_params(r, "INSERT INTO t VALUES ($1, $2, $3)", row, 3), "INSERT 0");
    const char *key[] = {"5", "0"};
    assert_string_equal(sql_rig_params(r, "SELECT n FROM t WHERE id = $1 OFFSET $2", key, 2),
                        "n\n2.35\n");
    const char *limit[] = {"-1"};
    assert_string_equal(sql_rig_params(r, "SELECT 1 LIMIT $1", limit, 1),
                        "ERROR 2201W: LIMIT must not be negative");
    const char *none[] = {NULL};
    assert_string_equal(sql_rig_params(r, "SELECT 1 LIMIT $1", none, 1), "?column?\n1\n");
    assert_string_equal(sql_rig_params(r, "INSERT INTO t(id) VALUES ($1)", none, 1),
                        "ERROR 23502: null value in column \"id\" of relation \"t\" violates "
                        "not-null constraint");
    assert_string_equal(sql_rig_params(r, "SELECT $1 + $2", none, 0),
                        "ERROR 42725 11: operator is not unique: unknown + unknown");
    assert_string_equal(sql_rig_params(r, "SELECT id FROM t WHERE id = $1 OR b = $1", none, 0),
                        "ERROR 42883 37: operator does not exist: text = bigint");
    assert_string_equal(sql_rig_params(r, "SELECT id FROM t WHERE id = $2", none, 0),
                        "ERROR 42P18: could not determine data type of parameter $1");
    sql_rig_free(r);
}

/* --- refusals ------------------------------------------------------------------------------ */

static void what_is_not_supported_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "PREPARE TRANSACTION 'x'",
        "SET TRANSACTION SNAPSHOT 'x'",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SELECT count(*) FROM t GROUP BY id FOR UPDATE",
        "SELECT DISTINCT id FROM t FOR SHARE",
        "CREATE TABLE x(a money)",
        "CREATE TABLE x(a int UNIQUE DEFERRABLE)",
        "CREATE TABLE x(a numeric PRIMARY KEY)",
        "CREATE TABLE x(a int CHECK (now() > '2026-01-01'))",
        "CREATE TEMP TABLE x(a int)",
        "CREATE TABLE x(a int) PARTITION BY RANGE (a)",
        "CREATE INDEX ON t USING hash (id)",
        "SELECT random()",
        "SELECT t FROM t",
        "INSERT INTO t SELECT oid FROM pg_class",
        "CREATE VIEW x AS SELECT * FROM information_schema.tables",
        "CREATE TABLE x(a oid)",
        "UPDATE t SET id = 't'::regclass::oid::int",
        "SELECT current_time",
        "INSERT INTO t SELECT DISTINCT 1.0 / 3",
        "SELECT 1.5 INTERSECT SELECT 1.50",
        "INSERT INTO t SELECT 5 LIMIT 1",
        "INSERT INTO t(id) SELECT height FROM trustsql.blocks",
        "INSERT INTO t(id) VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET id = 3",
        "INSERT INTO t(id) SELECT row_number() OVER (ORDER BY id % 2) FROM t",
        "INSERT INTO t(id) SELECT DISTINCT ON (id % 2) id FROM t ORDER BY id % 2",
        "UPDATE t SET id = 1 FROM t x WHERE x.id = t.id RETURNING x.id",
        "SELECT sum(id) OVER (ORDER BY id ROWS $1 PRECEDING) FROM t",
        "WITH RECURSIVE a AS (SELECT 1 FROM b), b AS (SELECT 2) SELECT * FROM a",
        "UPDATE t SET id = 1 RETURNING (SELECT 1)",
        "GRANT EXECUTE ON FUNCTION f() TO bob",
        "CREATE ROLE r PASSWORD 'in a transaction'",
        "EXPLAIN SELECT $1",
        "EXPLAIN ANALYZE DELETE FROM t",
        "EXPLAIN (FORMAT JSON) SELECT 1",
        "DO $$ BEGIN END $$",
    };
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *answer = sql_rig_run(r, texts[i]);
        if (strncmp(answer, "ERROR 0A000", 11) != 0) print_error("%s\n%s\n", texts[i], answer);
        assert_int_equal(strncmp(answer, "ERROR 0A000", 11), 0);
    }
    sql_rig_free(r);
}

static void tables_of_the_chain_are_read_only(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "INSERT INTO trustsql.accounts(id) VALUES (9)",
        "UPDATE trustsql.rights SET rights = 31",
        "DELETE FROM trustsql.tables",
        "CREATE TABLE trustsql.x(a int)",
        "CREATE TABLE pg_catalog.x(a int)",
        "DROP TABLE trustsql.accounts",
        "GRANT SELECT ON trustsql.accounts TO bob",
        "CREATE INDEX ON trustsql.accounts(name)",
    };
    struct sql_rig *r = sql_rig_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(strncmp(sql_rig_run(r, texts[i]), "ERROR 42501", 11), 0);
    assert_string_equal(sql_rig_run(r, "SELECT name FROM trustsql.accounts ORDER BY id"),
                        "name\nalice\nbob\n");
    sql_rig_free(r);
}

static char *repeat(const char *before, const char *unit, size_t count, const char *after)
{
    size_t size = strlen(before) + strlen(unit) * count + strlen(after) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    char *at = text + snprintf(text, size, "%s", before);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, unit, strlen(unit));
        at += strlen(unit);
    }
    (void)snprintf(at, size - (size_t)(at - text), "%s", after);
    return text;
}

static void hostile_depth_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *unit;
        size_t count;
        const char *sqlstate;
    } cases[] = {
        {"SELECT ", "(", 1000000, "54001"},
        {"SELECT ", "NOT ", 200000, "54001"},
        {"SELECT ", "- ", 400000, "54001"},
        {"SELECT ", "CASE WHEN true THEN ", 40000, "54001"},
        {"SELECT 1", "+1", 50000, "54001"},
        {"SELECT 1", " UNION SELECT 1,1", 50000, "54001"},
        {"SELECT 1", "::int", 100000, "54001"},
        {"SELECT ", "1 BETWEEN 1 AND NOT ", 40000, "54001"},
        {"SELECT ", "(SELECT ", 50000, "54001"},
        {"SELECT * FROM t", " JOIN t ON true AND true", 10000, "54001"},
        {"SELECT ", "'", 400001, "42601"},
        {"SELECT ", "/*", 400000, "54001"},
        {"SELECT 1", "/*+*/-", 150000, "54001"},
        {"SELECT 1", "+/**/+", 150000, "54001"},
        {"SELECT 1 /* ", "x", 10, "42601"},
        {"SELECT ", "$", 500000, "42601"},
        {"SELECT 1", ", 1", 2000, "54011"},
        {"SELECT * FROM t", ", t", 70, "42712"},
        {"SELECT ", "x", 1100000, "54000"},
    };
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = repeat(cases[i].before, cases[i].unit, cases[i].count, "");
        const char *answer = sql_rig_run(r, text);
        if (strncmp(answer + 6, cases[i].sqlstate, 5) != 0)
            print_error("%.60s\n%.200s\n", text, answer);
        assert_int_equal(strncmp(answer, "ERROR ", 6), 0);
        assert_int_equal(strncmp(answer + 6, cases[i].sqlstate, 5), 0);
        free(text);
    }
    char *ands = repeat("SELECT true", " AND true", 20000, " AS x");
    assert_string_equal(sql_rig_run(r, ands), "x\nt\n");
    free(ands);
    char *text = repeat("SELECT length('a'", " || 'a'", 99, ")");
    assert_string_equal(sql_rig_run(r, text), "length\n100\n");
    free(text);
    sql_rig_free(r);
}

/* --- text, positions, splitting ------------------------------------------------------------ */

static void positions_count_characters(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    assert_string_equal(sql_rig_run(r, "SELECT 'h\xC3\xA9\xE2\x82\xAC', nope"),
                        "ERROR 42703 15: column \"nope\" does not exist");
    assert_string_equal(sql_rig_run(r, "SELECT '\xC3\xA9'; SELECT nope"),
                        "ERROR 42703 20: column \"nope\" does not exist");
    assert_string_equal(sql_rig_run(r, "SELECT 'h\xC3\xA9' nope nope"),
                        "ERROR 42601 18: syntax error at or near \"nope\"");
    assert_string_equal(sql_rig_run(r, "SELECT '\xC3'"),
                        "ERROR 22021: invalid byte sequence for encoding \"UTF8\": 0xc3");
    sql_rig_free(r);
}

static void a_query_string_splits_at_semicolons(void **state)
{
    (void)state;
    struct arena a;
    struct sql_text *list = NULL;
    uint32_t count = 0;
    struct diag d;
    arena_init(&a, mem_system(), 0);
    const char *text = " ; SELECT ';' ; /* ; */ -- ;\n SELECT \";\", $q$;$q$ ;;";
    assert_int_equal(sql_split(&a, span_text(text), &list, &count, &d), ST_OK);
    assert_int_equal(count, 2);
    assert_true(span_equal(list[0].text, span_text("SELECT ';'")));
    assert_int_equal(list[0].position, 3);
    assert_true(span_equal(list[1].text, span_text("SELECT \";\", $q$;$q$")));
    assert_int_equal(sql_split(&a, span_text("  -- nothing\n;"), &list, &count, &d), ST_OK);
    assert_int_equal(count, 0);
    assert_int_equal(sql_split(&a, span_text("SELECT 1; SELEC 2"), &list, &count, &d), ST_INVALID);
    assert_string_equal(d.sqlstate, "42601");
    assert_int_equal(d.position, 11);
    arena_fini(&a);
}

/* --- statements for the caller ------------------------------------------------------------- */

struct compiled {
    struct arena arena;
    struct sql_statement s;
    struct diag d;
};

static enum status compile(struct sql_rig *r, struct compiled *c, const char *text)
{
    struct sql_compile in = {.catalog = sql_rig_catalog(r), .text = span_text(text)};
    arena_init(&c->arena, mem_system(), 0);
    return sql_compile(&c->s, &c->arena, &in, &c->d);
}

static uint32_t rights_on_first(struct sql_rig *r, const char *text)
{
    struct compiled c;
    assert_int_equal(compile(r, &c, text), ST_OK);
    assert_true(c.s.access_count >= 1);
    uint32_t rights = c.s.access[0].rights;
    arena_fini(&c.arena);
    return rights;
}

static void statements_name_the_rights_they_need(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY, a int)");
    assert_int_equal(rights_on_first(r, "SELECT 1 FROM t"), SQL_RIGHT_SELECT);
    assert_int_equal(rights_on_first(r, "INSERT INTO t VALUES (1)"), SQL_RIGHT_INSERT);
    assert_int_equal(rights_on_first(r, "INSERT INTO t VALUES (1) RETURNING a"),
                     SQL_RIGHT_INSERT | SQL_RIGHT_SELECT);
    assert_int_equal(rights_on_first(r, "UPDATE t SET a = 1"), SQL_RIGHT_UPDATE);
    assert_int_equal(rights_on_first(r, "UPDATE t SET a = a"), SQL_RIGHT_UPDATE | SQL_RIGHT_SELECT);
    assert_int_equal(rights_on_first(r, "DELETE FROM t WHERE a = 1"),
                     SQL_RIGHT_DELETE | SQL_RIGHT_SELECT);
    assert_int_equal(rights_on_first(r, "DROP TABLE t"), SQL_RIGHT_OWNER);
    assert_int_equal(rights_on_first(r, "CREATE INDEX ON t(a)"), SQL_RIGHT_OWNER);
    assert_int_equal(rights_on_first(r, "GRANT ALL ON t TO bob"), SQL_RIGHT_RULE);
    sql_rig_free(r);
}

static void grants_change_rights(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY)");
    uint64_t id = sql_catalog_find(sql_rig_catalog(r), (struct span){0}, span_text("t"))->id;
    assert_int_equal(sql_catalog_rights(sql_rig_catalog(r), id, 7), SQL_RIGHTS_ALL);
    assert_int_equal(sql_catalog_rights(sql_rig_catalog(r), id, 8), 0);
    sql_rig_ok(r, "GRANT SELECT, INSERT ON t TO bob");
    sql_rig_ok(r, "GRANT DELETE ON TABLE t TO PUBLIC");
    assert_int_equal(sql_catalog_rights(sql_rig_catalog(r), id, 8),
                     SQL_RIGHT_SELECT | SQL_RIGHT_INSERT | SQL_RIGHT_DELETE);
    assert_int_equal(sql_catalog_rights(sql_rig_catalog(r), id, 99), SQL_RIGHT_DELETE);
    sql_rig_ok(r, "REVOKE ALL ON t FROM bob, PUBLIC");
    assert_int_equal(sql_catalog_rights(sql_rig_catalog(r), id, 8), 0);
    sql_rig_free(r);
}

static void session_and_chain_statements_are_told_apart(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    struct compiled c;
    assert_int_equal(compile(r, &c, "SET search_path = public, x"), ST_OK);
    assert_int_equal(c.s.kind, SQL_KIND_SET);
    assert_true(span_equal(c.s.name, span_text("search_path")));
    assert_true(span_equal(c.s.arguments[0].value.bytes, span_text("public, x")));
    arena_fini(&c.arena);
    assert_int_equal(compile(r, &c, "SHOW server_version"), ST_OK);
    assert_int_equal(c.s.kind, SQL_KIND_SHOW);
    assert_true(span_equal(c.s.columns[0].name, span_text("server_version")));
    arena_fini(&c.arena);
    assert_int_equal(compile(r, &c, "RESET ALL"), ST_OK);
    assert_string_equal(c.s.tag, "RESET");
    assert_int_equal(c.s.argument_count, 0);
    arena_fini(&c.arena);
    assert_int_equal(compile(r, &c, "CALL trustsql.make(5, 'x', $1, '\\x01'::bytea)"), ST_OK);
    assert_int_equal(c.s.kind, SQL_KIND_CALL);
    assert_true(c.s.is_write);
    assert_true(span_equal(c.s.name, span_text("make")));
    assert_int_equal(c.s.argument_count, 4);
    assert_true(c.s.arguments[2].is_param);
    assert_int_equal(c.s.arguments[3].value.type, SQL_BYTEA);
    arena_fini(&c.arena);
    assert_int_equal(compile(r, &c, "SELECT * FROM trustsql.submit($1::bytea)"), ST_OK);
    assert_int_equal(c.s.kind, SQL_KIND_SUBMIT);
    assert_int_equal(c.s.column_count, 5);
    assert_int_equal(c.s.param_types[0], SQL_BYTEA);
    assert_true(c.s.arguments[0].is_param);
    arena_fini(&c.arena);
    assert_int_equal(compile(r, &c, " -- nothing\n"), ST_OK);
    assert_int_equal(c.s.kind, SQL_KIND_EMPTY);
    arena_fini(&c.arena);
    sql_rig_free(r);
}

/* --- plans and memory ---------------------------------------------------------------------- */

static void comparisons_use_indexes(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id bigint PRIMARY KEY, b text, n numeric(9,2), d timestamptz);"
                  "CREATE INDEX tb ON t(b); CREATE INDEX tn ON t(n); CREATE INDEX td ON t(d)");
    static const char *const texts[] = {
        "SELECT 1 FROM t WHERE id = 5",          "SELECT 1 FROM t WHERE b = 'x'",
        "SELECT 1 FROM t WHERE n >= 5.5",        "SELECT 1 FROM t WHERE d < '2026-01-01'",
        "SELECT 1 FROM t WHERE id IN (1, 2, 3)", "UPDATE t SET b = 'y' WHERE id = 3",
        "DELETE FROM t WHERE b = 'q'",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char explain[1024];
        sqlite3_stmt *stmt = NULL;
        (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s",
                       sql_rig_sqlite(r, texts[i]));
        assert_int_equal(sqlite3_prepare_v2(sql_rig_connection(r), explain, -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        const char *plan = (const char *)sqlite3_column_text(stmt, 3);
        assert_non_null(strstr(plan, "SEARCH"));
        assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    }
    sql_rig_free(r);
}

static enum status compile_at(struct sql_rig *r, const char *text, uint32_t version, struct diag *d)
{
    struct arena a;
    struct sql_statement s;
    struct sql_compile in = {
        .catalog = sql_rig_catalog(r), .text = span_text(text), .exec_version = version};
    arena_init(&a, mem_system(), 0);
    *d = (struct diag){0};
    enum status st = sql_compile(&s, &a, &in, d);
    arena_fini(&a);
    return st;
}

/* A transaction of a chain that is below the version of a construct fails there as it always did.
 */
static void constructs_begin_with_their_exec_version(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 2 FROM n) SELECT i FROM n",
        "INSERT INTO t SELECT row_number() OVER (ORDER BY id) FROM t",
        "INSERT INTO t SELECT id FROM t WINDOW w AS (ORDER BY id)",
        "INSERT INTO t SELECT DISTINCT ON (id) id FROM t ORDER BY id",
        "INSERT INTO t SELECT id FROM t ORDER BY id FETCH FIRST 2 ROWS WITH TIES",
        "INSERT INTO t SELECT id FROM t EXCEPT ALL SELECT 1",
        "INSERT INTO t(id, a) VALUES (1, 2), (2, 3) ON CONFLICT (id) DO UPDATE SET a = 0",
        "INSERT INTO t SELECT a FROM t GROUP BY ROLLUP (a)",
        "INSERT INTO t SELECT a FROM t GROUP BY (a, id)",
        "INSERT INTO t SELECT GROUPING(a) FROM t GROUP BY a",
        "INSERT INTO t SELECT 1 FROM t HAVING true",
        "DELETE FROM t WHERE 'x' = (SELECT string_agg('x', ',' ORDER BY id) FROM t)",
        "DELETE FROM t WHERE 'x' = (SELECT string_agg(DISTINCT 'x', ',') FROM t)",
        "UPDATE t SET a = u.a FROM t u WHERE u.id = t.id",
        "DELETE FROM t USING t u WHERE u.id = t.id",
        "DELETE FROM t WHERE (id, a) = (1, 2)",
        "DELETE FROM t WHERE (id, a) IN ((1, 2), (3, 4))",
        "DELETE FROM t WHERE (id, a) IN (SELECT 1, 2)",
        "DELETE FROM t WHERE id > ALL (SELECT 1)",
        "CREATE TABLE x(a double precision)",
        "CREATE TABLE x(a date, b time, c timestamp(3), d interval day to hour, e uuid, f char(3))",
        "CREATE TABLE x(a int[], b jsonb)",
        "DELETE FROM t WHERE now() < '2026-01-01'::date",
        "DELETE FROM t WHERE id = ANY (ARRAY[1, 2])",
        "DELETE FROM t WHERE (ARRAY[id])[1] = 1",
        "DELETE FROM t WHERE sqrt(id) > 2",
        "DELETE FROM t WHERE 'a' ~ 'b'",
        "DELETE FROM t WHERE current_date IS NULL",
        "INSERT INTO t SELECT * FROM generate_series(1, 3)",
    };
    struct sql_rig *r = sql_rig_new();
    struct diag d;
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY, a int)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(compile_at(r, texts[i], 4, &d), ST_OK);
        assert_int_equal(compile_at(r, texts[i], 3, &d), ST_UNSUPPORTED);
        assert_string_equal(d.sqlstate, "0A000");
    }
    sql_rig_free(r);
}

/* The C library's last digits are in no state. */
static void inexact_functions_are_for_plain_reads_only(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "DELETE FROM t WHERE exp(id) > 2",
        "DELETE FROM t WHERE id ^ 0.5::float8 > 2",
        "DELETE FROM t WHERE 2 < (SELECT sum(id::float8) FROM t)",
        "DELETE FROM t WHERE sin(id) > 2",
    };
    struct sql_rig *r = sql_rig_new();
    struct diag d;
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(compile_at(r, texts[i], 4, &d), ST_UNSUPPORTED);
        assert_string_equal(d.sqlstate, "0A000");
    }
    assert_int_equal(compile_at(r, "SELECT exp(id) FROM t", 4, &d), ST_UNSUPPORTED);
    assert_int_equal(compile_at(r, "SELECT exp(id) FROM t", 0, &d), ST_OK);
    assert_int_equal(compile_at(r, "DELETE FROM t WHERE sqrt(id) + id * 1.5::float8 > 2", 4, &d),
                     ST_OK);
    sql_rig_free(r);
}

static void what_a_node_answers_for_itself_is_for_plain_reads_only(void **state)
{
    (void)state;
    static const char *const reads[] = {
        "SELECT trustsql.proof_tx('\\x00')",
        "SELECT 1 FROM t WHERE trustsql.proof_tx($1) IS NULL",
    };
    static const char *const writes[] = {
        "INSERT INTO t(b) VALUES (trustsql.proof_tx('\\x00'))",
        "UPDATE t SET b = trustsql.proof_tx(b)",
        "DELETE FROM t WHERE trustsql.proof_tx(b) IS NULL",
        "INSERT INTO t(b) SELECT trustsql.proof_tx(b) FROM t",
        "INSERT INTO t(b) VALUES ('') RETURNING trustsql.proof_tx(b)",
        "CREATE TABLE u(b bytea CHECK (trustsql.proof_tx(b) IS NULL))",
        "CREATE TABLE u(b bytea DEFAULT trustsql.proof_tx('\\x00'))",
    };
    struct sql_rig *r = sql_rig_new();
    struct diag d;
    sql_rig_ok(r, "CREATE TABLE t(id int, b bytea)");
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        assert_int_equal(compile_at(r, reads[i], 0, &d), ST_OK);
        assert_int_equal(compile_at(r, reads[i], 3, &d), ST_UNSUPPORTED);
        assert_string_equal(d.sqlstate, "0A000");
        assert_int_equal(compile_at(r, reads[i], 2, &d), ST_INVALID);
        assert_string_equal(d.sqlstate, "42883");
    }
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        assert_int_equal(compile_at(r, writes[i], 0, &d), ST_UNSUPPORTED);
        assert_string_equal(d.sqlstate, "0A000");
    }
    /* In a transaction what a newer node may know is refused alike; elsewhere it is not there. */
    assert_int_equal(compile_at(r, "SELECT trustsql.nothing(1)", 3, &d), ST_UNSUPPORTED);
    assert_int_equal(compile_at(r, "SELECT trustsql.nothing(1)", 0, &d), ST_INVALID);
    assert_string_equal(d.sqlstate, "42883");
    assert_int_equal(compile_at(r, "SELECT trustsql.proof_tx(1)", 0, &d), ST_INVALID);
    assert_string_equal(d.sqlstate, "42883");
    assert_int_equal(compile_at(r, "SELECT proof_tx('\\x00'::bytea)", 0, &d), ST_INVALID);
    sql_rig_free(r);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ("SELECT a, count(*) FROM t JOIN t u USING (id, a) WHERE id IN (SELECT 1) "
         "OR a BETWEEN 1 AND 5 GROUP BY a HAVING count(*) > 1 ORDER BY 2 LIMIT 3"),
        "INSERT INTO t(id, a) VALUES (1, 2), (3, 4) ON CONFLICT (id) DO NOTHING RETURNING *",
        "WITH w AS (SELECT 1 AS x) UPDATE t SET a = (SELECT x FROM w) WHERE id = $1",
        "CREATE TABLE v(a int PRIMARY KEY, b text DEFAULT 'x' CHECK (b <> ''), UNIQUE (b))",
        "DROP TABLE t",
        "GRANT SELECT ON t TO bob",
        "SELECT 1 UNION SELECT 2 ORDER BY 1",
        ("SELECT (ARRAY[id, 2])[1], '{1,NULL}'::int[] || a, '1 day'::interval * 2, x.value "
         "FROM t, jsonb_array_elements('[1, {\"a\": 2}]') x WHERE id = ANY ('{1,2}')"),
        "CREATE TABLE w(a interval UNIQUE DEFAULT '1 day', b jsonb, c char(3), d real[])",
    };
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY, a int DEFAULT 7)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        enum status st = ST_NO_MEMORY;
        for (uint64_t n = 1; st != ST_OK; n++) {
            struct fail_mem f;
            struct arena a;
            struct diag d;
            struct sql_statement s;
            struct sql_compile in = {.catalog = sql_rig_catalog(r), .text = span_text(texts[i])};
            fail_mem_init(&f, n);
            arena_init(&a, &f.mem, 0);
            st = sql_compile(&s, &a, &in, &d);
            arena_fini(&a);
            assert_int_equal(f.live, 0);
            assert_true(st == ST_OK || st == ST_NO_MEMORY);
            assert_true(n < 10000);
        }
    }
    sql_rig_free(r);
}

/* The limit of the arena is an answer, not a failure of the machine. */
static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    char text[40000] = "SELECT 1 WHERE 1 IN (1";
    size_t size = strlen(text);
    struct sql_rig *r = sql_rig_new();
    while (size + 3 < sizeof text) {
        text[size++] = ',';
        text[size++] = '1';
    }
    text[size++] = ')';
    struct arena a;
    struct sql_statement s;
    struct diag d = {0};
    struct sql_compile in = {.catalog = sql_rig_catalog(r), .text = span_of(text, size)};
    arena_init(&a, mem_system(), 1u << 20);
    assert_int_equal(sql_compile(&s, &a, &in, &d), ST_LIMIT);
    assert_string_equal(d.sqlstate, "54000");
    arena_fini(&a);
    arena_init(&a, mem_system(), 64u << 20);
    assert_int_equal(sql_compile(&s, &a, &in, &d), ST_OK);
    arena_fini(&a);
    sql_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_postgresql_s),
        cmocka_unit_test(lifting_changes_no_answer),
        cmocka_unit_test(equal_shapes_lift_to_equal_texts),
        cmocka_unit_test(lifted_numbers_follow_the_given_parameters),
        cmocka_unit_test(parameters_take_the_type_of_their_place),
        cmocka_unit_test(what_is_not_supported_is_refused),
        cmocka_unit_test(tables_of_the_chain_are_read_only),
        cmocka_unit_test(hostile_depth_is_refused),
        cmocka_unit_test(positions_count_characters),
        cmocka_unit_test(a_query_string_splits_at_semicolons),
        cmocka_unit_test(statements_name_the_rights_they_need),
        cmocka_unit_test(grants_change_rights),
        cmocka_unit_test(session_and_chain_statements_are_told_apart),
        cmocka_unit_test(comparisons_use_indexes),
        cmocka_unit_test(constructs_begin_with_their_exec_version),
        cmocka_unit_test(inexact_functions_are_for_plain_reads_only),
        cmocka_unit_test(what_a_node_answers_for_itself_is_for_plain_reads_only),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
