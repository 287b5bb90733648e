/* Roles and rights: each script is run by its accounts in turn, and answers what PostgreSQL 15
 * answers (test/conform/rights asks both). */
#include "support/sql_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALICE 7 /* Creates roles. */
#define BOB   8
#define CAROL 9 /* The first that a script creates, and so on. */
#define DAVE  10

struct line {
    uint64_t account;
    const char *text;
    const char *answer; /* Null: it succeeds. */
};

static void play(struct sql_rig *r, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sql_rig_as(r, lines[i].account);
        const char *answer = sql_rig_run(r, lines[i].text);
        if (lines[i].answer == NULL) {
            if (strncmp(answer, "ERROR", 5) == 0) print_error("%s\n%s\n", lines[i].text, answer);
            assert_int_not_equal(strncmp(answer, "ERROR", 5), 0);
        } else {
            if (strcmp(answer, lines[i].answer) != 0) print_error("%s\n", lines[i].text);
            assert_string_equal(answer, lines[i].answer);
        }
    }
}

#define PLAY(lines)                                                                                \
    struct sql_rig *r = sql_rig_new();                                                             \
    play(r, lines, sizeof(lines) / sizeof((lines)[0]));                                            \
    sql_rig_free(r)

static void roles_are_made_and_dropped(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE ROLE carol", NULL},
        {ALICE, "CREATE ROLE carol", "ERROR 42710: role \"carol\" already exists"},
        {ALICE, "CREATE USER pg_x", "ERROR 42939: role name \"pg_x\" is reserved"},
        {ALICE, "CREATE ROLE \"public\"", "ERROR 42939 13: role name \"public\" is reserved"},
        {BOB, "CREATE ROLE x", "ERROR 42501: permission denied to create role"},
        {BOB, "DROP ROLE carol", "ERROR 42501: permission denied to drop role"},
        {ALICE, "CREATE ROLE x SUPERUSER", "ERROR 42501: must be superuser to create superusers"},
        {ALICE, "CREATE ROLE x LOGIN LOGIN", "ERROR 42601 21: conflicting or redundant options"},
        {ALICE, "ALTER ROLE carol RENAME TO bob", "ERROR 42710: role \"bob\" already exists"},
        {ALICE, "ALTER ROLE carol LOGIN NOINHERIT CREATEROLE", NULL},
        {ALICE, "SELECT name, can_login, inherits, creates_roles FROM trustsql.roles WHERE id > 8",
         "name|can_login|inherits|creates_roles\ncarol|t|f|t\n"},
        {ALICE, "DROP ROLE carol, nobody", "ERROR 42704: role \"nobody\" does not exist"},
        {ALICE, "DROP ROLE IF EXISTS nobody", "NOTICE: role \"nobody\" does not exist, skipping\n"},
        {ALICE, "DROP ROLE alice", "ERROR 55006: current user cannot be dropped"},
        {ALICE, "DROP USER carol", NULL},
        {ALICE, "CREATE USER carol", NULL}, /* The name is free, the id is not. */
        {ALICE, "SELECT id, can_login FROM trustsql.roles WHERE name = 'carol'",
         "id|can_login\n10|t\n"},
    };
    PLAY(lines);
}

/* What PASSWORD becomes at a door is a key; a password itself is refused, and not repeated. */
static void passwords_are_keys(void **state)
{
    (void)state;
    static const char key[] = "02b4632d08485ff1df2db55b9dafd23347d1c47a457072a1e87be26896549a8737";
    struct sql_rig *r = sql_rig_new();
    char text[256];
    (void)snprintf(text, sizeof text, "CREATE USER carol PASSWORD 'TRUSTSQL$org a$%s'", key);
    sql_rig_ok(r, text);
    assert_string_equal(sql_rig_run(r, "SELECT id, custodian, organisation, is_closed, "
                                       "length(public_key) FROM trustsql.accounts WHERE id = 9"),
                        "id|custodian|organisation|is_closed|length\n9|org a|bank|f|33\n");
    (void)snprintf(text, sizeof text, "CREATE USER dave PASSWORD 'TRUSTSQL$$%s'", key);
    assert_string_equal(sql_rig_run(r, text),
                        "ERROR 42710: the key belongs to another account already");
    sql_rig_as(r, BOB);
    (void)snprintf(text, sizeof text, "ALTER USER carol PASSWORD 'TRUSTSQL$$%s'", key);
    assert_string_equal(sql_rig_run(r, text), "ERROR 42501: permission denied");
    sql_rig_as(r, CAROL);
    sql_rig_ok(r, text); /* Its own. */
    sql_rig_as(r, ALICE);
    assert_string_equal(sql_rig_run(r, text),
                        "ERROR 42501: the owner of account \"carol\" keeps its key");
    assert_string_equal(sql_rig_run(r, "ALTER USER bob PASSWORD 'secret'"),
                        "ERROR 0A000 16: a password cannot be part of a transaction");
    assert_string_equal(sql_rig_run(r, "ALTER USER bob PASSWORD 'TRUSTSQL$x$00'"),
                        "ERROR 22023: this is not a public key");
    sql_rig_ok(r, "DROP ROLE carol");
    assert_string_equal(
        sql_rig_run(r, "SELECT name, is_closed FROM trustsql.accounts WHERE id = 9"),
        "name|is_closed\npg_dropped_9|t\n");
    sql_rig_free(r);
}

/* A door has no state: it finds the password, and what is signed without it has none. */
static void a_door_takes_the_password_out(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    struct arena a;
    struct sql_statement s;
    struct sql_lifted lifted;
    struct diag d;
    struct sql_compile in = {
        .catalog = sql_rig_catalog(r),
        .text = span_text("CREATE USER x LOGIN ENCRYPTED PASSWORD E'se\\'cret' NOINHERIT")};
    arena_init(&a, mem_system(), 0);
    assert_int_equal(sql_compile_and_lift(&s, &lifted, &a, &in, &d), ST_OK);
    assert_non_null(s.password);
    assert_true(span_equal(s.password->value, span_text("se'cret")));
    assert_true(span_equal(s.password->role, span_text("x")));
    assert_true(s.password->is_new);
    assert_true(span_equal(lifted.text,
                           span_text("CREATE USER x LOGIN ENCRYPTED PASSWORD NULL NOINHERIT")));
    in.text = span_text("CREATE USER x PASSWORD 'secret' 'more'");
    assert_int_equal(sql_compile_and_lift(&s, &lifted, &a, &in, &d), ST_INVALID);
    assert_string_equal(d.sqlstate, "42601");
    assert_string_equal(d.message, "syntax error at or near a literal");
    assert_true(sql_sets_password(span_text("alter /* x */ user y with password 'z'")));
    assert_false(sql_sets_password(span_text("ALTER USER y PASSWORD 'TRUSTSQL$a$00'")));
    assert_false(sql_sets_password(span_text("SELECT password FROM users WHERE password = 'z'")));
    arena_fini(&a);
    sql_rig_free(r);
}

static void members_have_the_rights_of_their_roles(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE ROLE carol; CREATE ROLE dave NOINHERIT", NULL},
        {ALICE, "CREATE TABLE t(a int PRIMARY KEY, b int)", NULL},
        {ALICE, "GRANT SELECT ON t TO carol", NULL},
        {BOB, "SELECT a FROM t", "ERROR 42501: permission denied for table t"},
        {BOB, "GRANT carol TO bob", "ERROR 42501: must have admin option on role \"carol\""},
        {ALICE, "GRANT carol TO bob", NULL},
        {ALICE, "GRANT carol TO bob",
         "NOTICE: role \"bob\" is already a member of role \"carol\"\n"},
        {ALICE, "GRANT bob TO carol", "ERROR 0LP01: role \"bob\" is a member of role \"carol\""},
        {BOB, "SELECT a FROM t", "a\n"},
        {ALICE, "GRANT carol TO dave WITH ADMIN OPTION", NULL},
        {DAVE, "SELECT a FROM t", "ERROR 42501: permission denied for table t"},
        {DAVE, "REVOKE carol FROM bob", NULL},
        {BOB, "SELECT a FROM t", "ERROR 42501: permission denied for table t"},
        {DAVE, "REVOKE carol FROM bob", "NOTICE: role \"bob\" is not a member of role \"carol\"\n"},
        {ALICE, "REVOKE ADMIN OPTION FOR carol FROM dave", NULL},
        {DAVE, "GRANT carol TO bob", "ERROR 42501: must have admin option on role \"carol\""},
        {ALICE, "DROP ROLE carol",
         "ERROR 2BP01: role \"carol\" cannot be dropped because some objects depend on it"},
        {ALICE, "DROP TABLE t; DROP ROLE carol", NULL},
        {ALICE, "SELECT count(*) FROM trustsql.role_members", "count\n0\n"},
    };
    PLAY(lines);
}

static void columns_are_granted_one_by_one(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE TABLE t(a int PRIMARY KEY, b int, c int)", NULL},
        {ALICE, "INSERT INTO t VALUES (1, 2, 3)", NULL},
        {ALICE, "GRANT SELECT (a, b), UPDATE (b), INSERT (a, b) ON t TO bob", NULL},
        {BOB, "SELECT a, b FROM t", "a|b\n1|2\n"},
        {BOB, "SELECT * FROM t", "ERROR 42501: permission denied for table t"},
        {BOB, "SELECT a FROM t WHERE c = 3", "ERROR 42501: permission denied for table t"},
        {BOB, "SELECT a FROM t ORDER BY c", "ERROR 42501: permission denied for table t"},
        {BOB, "SELECT count(*) FROM t", "count\n1\n"},
        {BOB, "SELECT x.a FROM t x JOIN t y USING (c)",
         "ERROR 42501: permission denied for table t"},
        {BOB, "SELECT (SELECT t.c) FROM t", "ERROR 42501: permission denied for table t"},
        {BOB, "UPDATE t SET b = a + 1", NULL},
        {BOB, "UPDATE t SET b = c", "ERROR 42501: permission denied for table t"},
        {BOB, "UPDATE t SET c = 1", "ERROR 42501: permission denied for table t"},
        {BOB, "UPDATE t SET b = 1 RETURNING c", "ERROR 42501: permission denied for table t"},
        {BOB, "UPDATE t SET b = 1 RETURNING a", "a\n1\n"},
        {BOB, "INSERT INTO t(a, b) VALUES (2, 2)", NULL},
        {BOB, "INSERT INTO t VALUES (3, 3)", NULL},
        {BOB, "INSERT INTO t VALUES (4, 4, 4)", "ERROR 42501: permission denied for table t"},
        {BOB, "INSERT INTO t(a, b) VALUES (2, 9) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
         NULL},
        {BOB, "INSERT INTO t(a, b) VALUES (2, 9) ON CONFLICT (a) DO UPDATE SET b = t.c",
         "ERROR 42501: permission denied for table t"},
        {BOB, "DELETE FROM t", "ERROR 42501: permission denied for table t"},
        {BOB, "TRUNCATE t", "ERROR 42501: permission denied for table t"},
        {ALICE, "ALTER TABLE t DROP COLUMN a", NULL}, /* What was granted follows its column. */
        {BOB, "SELECT b FROM t ORDER BY b", "b\n1\n3\n9\n"},
        {BOB, "SELECT c FROM t", "ERROR 42501: permission denied for table t"},
        {ALICE, "REVOKE SELECT ON t FROM bob", NULL}, /* Those on columns, too. */
        {BOB, "SELECT b FROM t", "ERROR 42501: permission denied for table t"},
        {ALICE, "GRANT DELETE (b) ON t TO bob",
         "ERROR 0LP01: invalid privilege type DELETE for column"},
        {ALICE, "GRANT USAGE ON t TO bob", "ERROR 0LP01: invalid privilege type USAGE for table"},
        {ALICE, "GRANT SELECT (x) ON t TO bob",
         "ERROR 42703: column \"x\" of relation \"t\" does not exist"},
    };
    PLAY(lines);
}

static void options_are_passed_on_and_taken_back(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE ROLE carol; CREATE ROLE dave", NULL},
        {ALICE, "CREATE TABLE t(a int)", NULL},
        {BOB, "GRANT SELECT ON t TO carol", "ERROR 42501: permission denied for table t"},
        {ALICE, "GRANT SELECT ON t TO bob WITH GRANT OPTION", NULL},
        {ALICE, "GRANT INSERT ON t TO bob", NULL},
        {BOB, "GRANT INSERT ON t TO carol", "NOTICE: no privileges were granted for \"t\"\n"},
        {BOB, "GRANT SELECT, INSERT ON t TO carol WITH GRANT OPTION",
         "NOTICE: not all privileges were granted for \"t\"\n"},
        {CAROL, "GRANT SELECT ON t TO bob WITH GRANT OPTION",
         "ERROR 0LP01: grant options cannot be granted back to your own grantor"},
        {CAROL, "GRANT SELECT ON t TO dave", NULL},
        {DAVE, "SELECT a FROM t", "a\n"},
        {ALICE, "REVOKE SELECT ON t FROM bob", "ERROR 2BP01: dependent privileges exist"},
        {ALICE, "REVOKE GRANT OPTION FOR SELECT ON t FROM bob",
         "ERROR 2BP01: dependent privileges exist"},
        {ALICE, "REVOKE GRANT OPTION FOR SELECT ON t FROM bob CASCADE", NULL},
        {BOB, "SELECT a FROM t", "a\n"},
        {CAROL, "SELECT a FROM t", "ERROR 42501: permission denied for table t"},
        {DAVE, "SELECT a FROM t", "ERROR 42501: permission denied for table t"},
        {ALICE, "GRANT SELECT ON t TO PUBLIC WITH GRANT OPTION",
         "ERROR 0LP01: grant options can only be granted to roles"},
        {ALICE, "GRANT SELECT ON t TO PUBLIC", NULL},
        {DAVE, "SELECT a FROM t", "a\n"},
        {ALICE, "GRANT SELECT ON t TO nobody", "ERROR 42704: role \"nobody\" does not exist"},
    };
    PLAY(lines);
}

static void schemas_are_entered_by_right(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE SCHEMA s", NULL},
        {ALICE, "CREATE TABLE s.t(a int PRIMARY KEY)", NULL},
        {ALICE, "CREATE SEQUENCE s.q", NULL},
        {ALICE, "GRANT ALL ON ALL TABLES IN SCHEMA s TO bob", NULL},
        {BOB, "SELECT a FROM s.t", "ERROR 42501: permission denied for schema s"},
        {ALICE, "GRANT USAGE ON SCHEMA s TO bob", NULL},
        {BOB, "SELECT a FROM s.t", "a\n"},
        {BOB, "SELECT nextval('s.q')", "ERROR 42501: permission denied for sequence q"},
        {ALICE, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA s TO bob", NULL},
        {BOB, "SELECT nextval('s.q')", "nextval\n1\n"},
        {BOB, "SELECT setval('s.q', 7)", "ERROR 42501: permission denied for sequence q"},
        {BOB, "CREATE TABLE s.u(a int)", "ERROR 42501 14: permission denied for schema s"},
        {ALICE, "GRANT CREATE ON SCHEMA s TO bob", NULL},
        {BOB, "CREATE TABLE s.u(a int)", NULL},
        {BOB, "DROP SCHEMA s CASCADE", "ERROR 42501: must be owner of schema s"},
        {BOB, "DROP TABLE s.t", "ERROR 42501: must be owner of table t"},
        {ALICE, "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
         NULL}, /* An administrator, for the chain. */
        {BOB, "CREATE TABLE v(a int)", "ERROR 42501 14: permission denied for schema public"},
        {BOB, "GRANT USAGE ON SCHEMA public TO bob",
         "NOTICE: no privileges were granted for "
         "\"public\"\n"},
        {ALICE, "REVOKE CREATE ON DATABASE main FROM PUBLIC", NULL},
        {BOB, "CREATE SCHEMA z", "ERROR 42501: permission denied for database main"},
    };
    PLAY(lines);
}

static void views_read_with_the_rights_of_their_owner(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE TABLE t(a int, b int)", NULL},
        {ALICE, "CREATE VIEW v AS SELECT a, b FROM t", NULL},
        {BOB, "SELECT a FROM v", "ERROR 42501: permission denied for view v"},
        {ALICE, "GRANT SELECT (a) ON v TO bob", NULL},
        {BOB, "SELECT a FROM v", "a\n"},
        {BOB, "SELECT b FROM v", "ERROR 42501: permission denied for view v"},
        {BOB, "SELECT a FROM t", "ERROR 42501: permission denied for table t"},
        {BOB, "CREATE VIEW w AS SELECT a FROM t", NULL}, /* As PostgreSQL: asked when it is read. */
        {BOB, "SELECT a FROM w", "ERROR 42501: permission denied for table t"},
        {ALICE, "REVOKE SELECT ON t FROM alice",
         "ERROR 0A000 1: rights of an owner cannot be revoked"},
    };
    PLAY(lines);
}

static void owners_change(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {ALICE, "CREATE ROLE carol", NULL},
        {ALICE, "CREATE TABLE t(a serial, b int)", NULL},
        {ALICE, "GRANT SELECT ON t TO bob", NULL},
        {ALICE, "ALTER TABLE t OWNER TO carol", "ERROR 42501: must be member of role \"carol\""},
        {BOB, "ALTER TABLE t OWNER TO bob", "ERROR 42501: must be owner of table t"},
        {ALICE, "GRANT carol TO alice", NULL},
        {ALICE, "ALTER TABLE t OWNER TO carol", NULL},
        {ALICE, "REVOKE carol FROM alice", NULL},
        {ALICE, "SELECT b FROM t", "ERROR 42501: permission denied for table t"},
        {BOB, "SELECT b FROM t", "b\n"},
        {CAROL, "REVOKE SELECT ON t FROM bob", NULL}, /* It is the grantor now. */
        {BOB, "SELECT b FROM t", "ERROR 42501: permission denied for table t"},
        {CAROL, "INSERT INTO t(b) VALUES (1)", NULL}, /* The sequence came along. */
        {ALICE, "REASSIGN OWNED BY carol TO alice",
         "ERROR 42501: permission denied to reassign objects"},
        {ALICE, "GRANT carol TO alice; REASSIGN OWNED BY carol TO alice; DROP ROLE carol", NULL},
    };
    PLAY(lines);
}

/* Access is asked by the tests of others, too: every allocation of GRANT may fail. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE t(a int PRIMARY KEY, b int)");
    static const char *const texts[] = {
        "GRANT SELECT (a), UPDATE ON t TO bob WITH GRANT OPTION",
        "CREATE ROLE x IN ROLE bob",
        "DROP ROLE bob",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t limit = 0; limit < 65536; limit += 256) {
            struct arena a;
            struct sql_statement s;
            struct diag d;
            const struct sql_compile in = {.catalog = sql_rig_catalog(r),
                                           .text = span_text(texts[i]),
                                           .account = ALICE,
                                           .state = sql_rig_connection(r)};
            arena_init(&a, mem_system(), limit);
            const enum status st = sql_compile(&s, &a, &in, &d);
            arena_fini(&a);
            assert_true(st == ST_OK || st == ST_NO_MEMORY || st == ST_LIMIT || limit == 0);
        }
    }
    sql_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_made_and_dropped),
        cmocka_unit_test(passwords_are_keys),
        cmocka_unit_test(a_door_takes_the_password_out),
        cmocka_unit_test(members_have_the_rights_of_their_roles),
        cmocka_unit_test(columns_are_granted_one_by_one),
        cmocka_unit_test(options_are_passed_on_and_taken_back),
        cmocka_unit_test(schemas_are_entered_by_right),
        cmocka_unit_test(views_read_with_the_rights_of_their_owner),
        cmocka_unit_test(owners_change),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
