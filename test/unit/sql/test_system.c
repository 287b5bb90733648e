/* Goal: the system catalogs show what the catalog has, in reads only: every relation can be read,
 * an oid leads back to its object, and definitions, names and rights are those of the schema. */
#include "sql/system.h"

#include <stdio.h>

#include "sql/system_int.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/sql_rig.h"

static struct sql_rig *schema(void)
{
    static const char *const texts[] = {
        "CREATE SCHEMA shop",
        "CREATE TABLE t(id serial PRIMARY KEY, name varchar(20) DEFAULT 'x', n numeric(10,2))",
        "ALTER TABLE t ADD CONSTRAINT big CHECK (n > 0 AND id > 1)",
        "CREATE TABLE shop.\"Odd Name\"(a int, b text, PRIMARY KEY (b, a), UNIQUE (a))",
        "CREATE INDEX parts ON shop.\"Odd Name\"(a DESC, lower(b)) WHERE a > 3",
        "CREATE VIEW v AS SELECT t.id FROM t",
        "COMMENT ON TABLE t IS 'what it is'",
        "COMMENT ON COLUMN t.name IS 'who'",
    };
    struct sql_rig *r = sql_rig_new();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        sql_rig_ok(r, texts[i]);
    return r;
}

static void every_relation_can_be_read(void **state)
{
    (void)state;
    char text[160];
    struct sql_rig *r = schema();
    const struct system_relation *relation = NULL;
    uint32_t count = 0;
    for (; (relation = system_at(count)) != NULL; count++) {
        (void)snprintf(text, sizeof text, "SELECT count(*) >= 0 FROM (SELECT * FROM %s.%s) x",
                       system_schema_name(relation->schema), relation->name);
        assert_null(strstr(sql_rig_run(r, text), "ERROR"));
    }
    assert_true(count > 80);
    sql_rig_free(r);
}

static void an_oid_leads_back(void **state)
{
    (void)state;
    struct sql_rig *r = schema();
    static const char *const all[] = {
        /* A key finds what a scan finds. */
        "SELECT count(*) = 0 FROM pg_class c WHERE oid <> (SELECT oid FROM pg_class WHERE oid = "
        "c.oid)",
        "SELECT sum(relnatts) = (SELECT count(*) FROM pg_attribute) FROM pg_class",
        "SELECT count(*) = 0 FROM pg_class WHERE oid::regclass::oid <> oid",
        "SELECT count(*) = 0 FROM pg_type WHERE oid::regtype::text::regtype <> oid",
        "SELECT count(*) = 0 FROM pg_namespace WHERE nspname::regnamespace <> oid",
        "SELECT count(*) = count(DISTINCT oid) FROM pg_class",
        "SELECT count(*) = 2 FROM pg_class WHERE relname IN ('t', 'v') AND "
        "pg_table_is_visible(oid)",
        "SELECT NOT pg_table_is_visible('shop.\"Odd Name\"'::regclass)",
        "SELECT min(oid) >= 16384 FROM pg_class WHERE relname IN ('t', 'v', 'parts')",
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *got = sql_rig_run(r, all[i]);
        if (strstr(got, "\nt\n") == NULL && strstr(got, "t") == NULL)
            print_error("%s\n%s\n", all[i], got);
        assert_null(strstr(got, "ERROR"));
        assert_null(strstr(got, "\nf"));
    }
    sql_rig_free(r);
}

struct value {
    const char *query;
    const char *answer;
};

static void definitions_are_shown(void **state)
{
    (void)state;
    static const struct value values[] = {
        {"SELECT pg_get_indexdef('shop.parts'::regclass)",
         "CREATE INDEX parts ON shop.\"Odd Name\" USING btree (a DESC, lower(b)) WHERE (a > 3)"},
        {"SELECT pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conname = 'big'",
         "CHECK (n > 0 AND id > 1)"},
        {"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'Odd Name_pkey'",
         "PRIMARY KEY (b, a)"},
        {"SELECT pg_get_viewdef('v'::regclass)", " SELECT t.id FROM t;"},
        {"SELECT count(*) FROM pg_depend WHERE deptype = 'n' AND classid = 'pg_attrdef'::regclass",
         "1"},
        {"SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adnum = 2",
         "'x'::character varying"},
        {"SELECT format_type(1700, 655366)", "numeric(10,2)"},
        {"SELECT format_type(1043, 24)", "character varying(20)"},
        {"SELECT format_type(1184, 3)", "timestamp(3) with time zone"},
        {"SELECT format_type(1186, 2147418115)", "interval(3)"},
        {"SELECT format_type(1009, -1)", "text[]"},
        {"SELECT format_type(18, NULL)", "\"char\""},
        {"SELECT conkey FROM pg_constraint WHERE conname = 'big'", "{1,3}"},
        {"SELECT indkey FROM pg_index WHERE indexrelid = 'shop.\"Odd Name_pkey\"'::regclass",
         "2 1"},
        {"SELECT indkey[0] FROM pg_index WHERE indexrelid = 'shop.\"Odd Name_pkey\"'::regclass",
         "2"},
        {"SELECT indoption FROM pg_index WHERE indexrelid = 'shop.parts'::regclass", "3 0"},
        {"SELECT obj_description('t'::regclass)", "what it is"},
        {"SELECT col_description('t'::regclass, 2)", "who"},
        {"SELECT pg_get_serial_sequence('t', 'id')", "public.t_id_seq"},
        {"SELECT 'shop.\"Odd Name\"'::regclass", "shop.\"Odd Name\""},
        {"SELECT 'T'::regclass::text", "t"},
        {"SELECT 0::regclass", "-"},
        {"SELECT 4000000000::regclass", "4000000000"},
        {"SELECT to_regclass('none') IS NULL", "t"},
        {"SELECT 'timestamp with time zone'::regtype::oid", "1184"},
        {"SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'shop'", "alice"},
        {"SELECT has_table_privilege('t', 'SELECT, DELETE')", "t"},
        {"SELECT has_table_privilege('bob', 't'::regclass, 'SELECT')", "f"},
        {"SELECT quote_ident('a\"b') || quote_ident('plain') || quote_ident('table')",
         "\"a\"\"b\"plain\"table\""},
        {"SELECT current_schemas(true)", "{pg_catalog,public}"},
        {"SELECT relname[0] FROM pg_class WHERE oid = 't'::regclass", "t"},
        {"SELECT tableoid::regclass FROM pg_class WHERE relname = 't'", "pg_class"},
    };
    char text[512];
    struct sql_rig *r = schema();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *got = sql_rig_run(r, values[i].query);
        (void)snprintf(text, sizeof text, "%s\n", values[i].answer);
        if (strstr(got, text) == NULL) print_error("%s\n%s\n", values[i].query, got);
        assert_non_null(strstr(got, text));
    }
    sql_rig_free(r);
}

static void what_is_not_there_fails(void **state)
{
    (void)state;
    struct sql_rig *r = schema();
    assert_non_null(strstr(sql_rig_run(r, "SELECT 'none'::regclass"), "42P01"));
    assert_non_null(strstr(sql_rig_run(r, "SELECT 'none'::regtype"), "42704"));
    assert_non_null(strstr(sql_rig_run(r, "SELECT 'none'::regnamespace"), "3F000"));
    assert_non_null(strstr(sql_rig_run(r, "SELECT 'none'::regrole"), "42704"));
    assert_non_null(strstr(sql_rig_run(r, "SELECT tableoid FROM t"), "0A000"));
    assert_non_null(
        strstr(sql_rig_run(r, "DELETE FROM t WHERE id IN (SELECT 1 FROM pg_class)"), "0A000"));
    assert_non_null(strstr(sql_rig_run(r, "INSERT INTO pg_class(relname) VALUES ('x')"), "ERROR"));
    sql_rig_free(r);
}

/* Everything that was taken is given back, whichever allocation fails. */
static void failing_memory(void **state)
{
    (void)state;
    enum status st = ST_NO_MEMORY;
    for (uint64_t nth = 1; st != ST_OK; nth++) {
        sqlite3 *db = NULL;
        struct diag d = {0};
        struct fail_mem mem;
        struct sql_context context = {.fuel = 1000000, .diag = &d};
        assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
        fail_mem_init(&mem, nth);
        st = sql_system_register(db, &context, &mem.mem);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        assert_int_equal(mem.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_relation_can_be_read),
        cmocka_unit_test(an_oid_leads_back),
        cmocka_unit_test(definitions_are_shown),
        cmocka_unit_test(what_is_not_there_fails),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
