/* Goal: changes of the schema do what PostgreSQL 15 does, from exec_version 4 on, and below it are
 * refused as they always were. What they answer is compared with PostgreSQL in
 * test/conform/sqldiff. */
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/sql_rig.h"

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

static void what_version_4_brought_is_refused_below_it(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "CREATE TABLE x(a int, \"A\" int)",
        "CREATE TABLE sqlite_x(a int)",
        "CREATE TABLE \"a.b\"(a int)",
        "CREATE INDEX ON t((id + 1))",
        "CREATE INDEX ON t(id) WHERE id > 5",
        "CREATE SCHEMA s",
        "CREATE VIEW v AS SELECT id FROM t",
        "TRUNCATE t",
        "VACUUM t",
        "COMMENT ON TABLE t IS 'x'",
        "CREATE TABLE x(a int) WITH (fillfactor = 70)",
        "CREATE SEQUENCE s",
        "CREATE TABLE x(a serial)",
        "CREATE TABLE x(a int GENERATED ALWAYS AS IDENTITY)",
        "ALTER TABLE t ADD COLUMN z int",
        "ALTER TABLE t RENAME TO z",
        "ALTER TABLE t SET SCHEMA q",
        "DROP SCHEMA q",
    };
    struct sql_rig *r = sql_rig_new();
    struct diag d;
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY)");
    sql_rig_ok(r, "CREATE SCHEMA q");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (compile_at(r, texts[i], 3, &d) != ST_UNSUPPORTED) print_error("%s\n", texts[i]);
        assert_int_equal(compile_at(r, texts[i], 3, &d), ST_UNSUPPORTED);
        assert_string_equal(d.sqlstate, "0A000");
        assert_int_equal(compile_at(r, texts[i], 4, &d), ST_OK);
    }
    sql_rig_free(r);
}

static void names_may_be_any(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE SCHEMA s");
    sql_rig_ok(r, "CREATE TABLE t(a int PRIMARY KEY)");
    sql_rig_ok(r, "CREATE TABLE \"T\"(\"a.b\" int PRIMARY KEY, a int CHECK (a > 0), \"A\" int)");
    sql_rig_ok(r, "CREATE TABLE s.t(\"c0\" text UNIQUE)");
    sql_rig_ok(r, "INSERT INTO \"T\" VALUES (1, 2, 3)");
    sql_rig_ok(r, "INSERT INTO s.t VALUES ('x')");
    static const struct {
        const char *schema, *name, *sqlite_name;
    } plain[] = {{"public", "t", "t"}, {"public", "T", NULL}, {"s", "t", "s.t"}};
    for (size_t i = 0; i < 3; i++) { /* The sqlite3 tool finds what can be found. */
        const struct catalog_table *t = sql_catalog_find(
            sql_rig_catalog(r), span_text(plain[i].schema), span_text(plain[i].name));
        assert_non_null(t);
        if (plain[i].sqlite_name != NULL)
            assert_true(span_equal(t->sqlite_name, span_text(plain[i].sqlite_name)));
        else
            assert_memory_equal(t->sqlite_name.data, "t.", 2);
    }
    assert_string_equal(sql_rig_run(r, "SELECT \"a.b\", a, \"A\" FROM \"T\""), "a.b|a|A\n1|2|3\n");
    assert_string_equal(sql_rig_run(r, "INSERT INTO \"T\" VALUES (2, 0, 0)"),
                        "ERROR 23514: new row for relation \"T\" violates check constraint "
                        "\"T_a_check\"");
    assert_string_equal(sql_rig_run(r, "INSERT INTO s.t VALUES ('x')"),
                        "ERROR 23505: duplicate key value violates unique constraint "
                        "\"t_c0_key\"");
    assert_string_equal(sql_rig_run(r, "DROP SCHEMA s"),
                        "ERROR 2BP01: cannot drop schema s because other objects depend on it");
    assert_string_equal(sql_rig_run(r, "DROP SCHEMA s CASCADE"),
                        "NOTICE: drop cascades to table s.t\n");
    sql_rig_free(r);
}

/* Columns come, go and change while rows are there; an id is used once. */
static void tables_change_their_form(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY, a int CHECK (a > 0), b text UNIQUE)");
    sql_rig_ok(r, "INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y')");
    sql_rig_ok(r, "GRANT SELECT ON t TO bob");
    const uint64_t before =
        sql_catalog_table_at(sql_rig_catalog(r), sql_catalog_table_count(sql_rig_catalog(r)) - 1)
            ->id;
    sql_rig_ok(r, "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT 'z', DROP COLUMN a");
    const struct catalog_table *t =
        sql_catalog_find(sql_rig_catalog(r), (struct span){0}, span_text("t"));
    assert_non_null(t);
    const uint64_t id = t->id; /* The next statement gives the catalog away. */
    assert_true(id > before);
    assert_null(sql_catalog_by_id(sql_rig_catalog(r), before));
    assert_int_equal(t->column_count, 3);
    assert_int_equal(t->index_count, 2);
    assert_int_equal(sql_catalog_granted(sql_rig_catalog(r), t->id, 8), SQL_RIGHT_SELECT);
    assert_string_equal(sql_rig_run(r, "SELECT * FROM t ORDER BY id"), "id|b|c\n1|x|z\n2|y|z\n");
    assert_string_equal(sql_rig_run(r, "INSERT INTO t VALUES (3, 'x')"),
                        "ERROR 23505: duplicate key value violates unique constraint \"t_b_key\"");
    assert_string_equal(sql_rig_run(r, "ALTER TABLE t ADD CHECK (b <> 'y')"),
                        "ERROR 23514: check constraint \"t_b_check\" of relation \"t\" is violated "
                        "by some row");
    sql_rig_ok(r, "ALTER TABLE t RENAME COLUMN b TO \"B\"");
    sql_rig_ok(r, "ALTER TABLE t RENAME TO \"T\"");
    t = sql_catalog_find(sql_rig_catalog(r), (struct span){0}, span_text("T"));
    assert_non_null(t);
    assert_int_equal(t->id, id); /* Names are the catalog's alone. */
    assert_string_equal(sql_rig_run(r, "SELECT \"B\" FROM \"T\" WHERE \"B\" = 'y'"), "B\ny\n");
    sql_rig_free(r);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "CREATE TABLE x(id serial PRIMARY KEY, \"A\" int, a int GENERATED ALWAYS AS IDENTITY)",
        "ALTER TABLE t ADD COLUMN z int DEFAULT 5 NOT NULL CHECK (z > 1) UNIQUE, DROP COLUMN a",
        "ALTER TABLE t ALTER b TYPE varchar(5) USING b || 'x', ADD CHECK (id > 0)",
        "ALTER TABLE t ADD COLUMN n bigserial",
        "ALTER TABLE t RENAME COLUMN b TO c",
        "ALTER TABLE t RENAME TO \"T\"",
        "ALTER SEQUENCE q RESTART 5",
        "CREATE INDEX ON t(lower(b), a DESC) WHERE a > 3",
        "CREATE VIEW w AS SELECT * FROM v",
        "SELECT nextval('q'), k FROM v",
        "DROP SCHEMA s CASCADE",
        "DROP TABLE t CASCADE",
        "TRUNCATE t RESTART IDENTITY CASCADE",
        "COMMENT ON COLUMN t.a IS 'x'",
    };
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE SCHEMA s");
    sql_rig_ok(r, "CREATE TABLE s.u(id serial)");
    sql_rig_ok(r, "CREATE SEQUENCE q");
    sql_rig_ok(r, "CREATE TABLE t(id int PRIMARY KEY, a int CHECK (a > 0), b text UNIQUE)");
    sql_rig_ok(r, "CREATE INDEX ON t(lower(b)) WHERE b IS NOT NULL");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (i == 8) sql_rig_ok(r, "CREATE VIEW v AS SELECT a, b AS k FROM t");
        enum status st = ST_NO_MEMORY;
        for (uint64_t n = 1; st != ST_OK; n++) {
            struct fail_mem f;
            struct arena a;
            struct diag d = {0};
            struct sql_statement s;
            struct sql_compile in = {.catalog = sql_rig_catalog(r), .text = span_text(texts[i])};
            fail_mem_init(&f, n);
            arena_init(&a, &f.mem, 0);
            st = sql_compile(&s, &a, &in, &d);
            arena_fini(&a);
            if (f.live != 0) print_error("%s\n", texts[i]);
            assert_int_equal(f.live, 0);
            if (st != ST_OK && st != ST_NO_MEMORY) print_error("%s\n%s\n", texts[i], d.message);
            assert_true(st == ST_OK || st == ST_NO_MEMORY);
            assert_true(n < 10000);
        }
    }
    sql_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_version_4_brought_is_refused_below_it),
        cmocka_unit_test(names_may_be_any),
        cmocka_unit_test(tables_change_their_form),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
