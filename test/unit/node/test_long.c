/* Goal: statements that are too long for the doors' loop are compiled beside it, with the same
 * answers in the same order, in blocks too; a session that goes meanwhile leaves nothing. Those
 * that last longer than statement_timeout end. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/node_rig.h"

#define LONG_SIZE 20000u
#define STEPS_MAX 64u

struct step {
    const char *text; /* "#" stands for a long list of 1. */
    const char *expected;
    const char *sqlstate;
    bool is_prepare; /* Prepared, not executed; then described. */
};

struct script {
    const struct step *steps;
    uint32_t count;
    uint32_t at;
    struct node_rig *rig;
    struct backend *backend;
    struct backend_session *session;
    struct buf text;
    struct buf rows;
    char sqlstate[6];
    bool is_closed;
    bool closes_at_last; /* The last step is left alone. */
};

static void next(struct script *s);

static void on_columns(void *context, const struct sql_column *columns, uint32_t count)
{
    (void)context;
    (void)columns;
    (void)count;
}

static void on_rows(void *context,
                    const struct sql_column *columns,
                    uint32_t count,
                    struct span rows,
                    uint64_t row_count)
{
    struct script *s = context;
    for (uint64_t row = 0; row < row_count; row++) {
        if (s->rows.size > 0) buf_put_u8(&s->rows, ';');
        for (uint32_t i = 0; i < count; i++) {
            struct sql_value value;
            assert_true(sql_rowset_next(&rows, columns[i].type, &value));
            if (i > 0) buf_put_u8(&s->rows, ',');
            if (value.is_null)
                buf_put_text(&s->rows, "null");
            else
                sql_value_print(&s->rows, &value, columns[i].typmod);
        }
    }
}

static void on_complete(void *context, const char *tag, bool has_count, uint64_t count)
{
    (void)context;
    (void)tag;
    (void)has_count;
    (void)count;
}

static void on_diag(void *context, const struct diag *d)
{
    struct script *s = context;
    (void)snprintf(s->sqlstate, sizeof s->sqlstate, "%s", d->sqlstate);
}

static void on_notice(void *context, const struct diag *d)
{
    (void)context;
    (void)d;
}

static struct backend_call call_of(const struct script *s)
{
    return (struct backend_call){.text = buf_span(&s->text)};
}

/* What was prepared has a description, once. */
static void check_description(struct script *s)
{
    struct arena a;
    struct diag d = {0};
    struct backend_description out;
    const struct backend_call call = call_of(s);
    arena_init(&a, mem_system(), 0);
    assert_int_equal(s->backend->table->describe(s->backend, s->session, &a, &call, &out, &d),
                     ST_OK);
    assert_int_equal(out.column_count, 1);
    arena_fini(&a);
}

static void on_done(void *context)
{
    struct script *s = context;
    if (s->is_closed) return;
    const struct step *step = &s->steps[s->at];
    buf_put_u8(&s->rows, 0);
    if (strcmp(s->sqlstate, step->sqlstate) != 0)
        fail_msg("%s: \"%s\", expected \"%s\"", step->text, s->sqlstate, step->sqlstate);
    if (step->expected != NULL) assert_string_equal((const char *)s->rows.data, step->expected);
    if (step->is_prepare && step->sqlstate[0] == 0) check_description(s);
    s->at++;
    next(s);
}

static void put_text(struct script *s, const char *text)
{
    buf_reset(&s->text);
    for (; *text != 0; text++) {
        if (*text != '#') {
            buf_put_u8(&s->text, (uint8_t)*text);
            continue;
        }
        for (uint32_t i = 0; i < LONG_SIZE / 2; i++)
            buf_put_text(&s->text, i == 0 ? "1" : ",1");
    }
}

static void next(struct script *s)
{
    if (s->at == s->count) {
        node_stop(s->rig->node);
        return;
    }
    const struct step *step = &s->steps[s->at];
    const struct backend_table *table = s->backend->table;
    const struct backend_reply reply = {.columns = on_columns,
                                        .rows = on_rows,
                                        .complete = on_complete,
                                        .notice = on_notice,
                                        .failed = on_diag,
                                        .done = on_done,
                                        .context = s};
    put_text(s, step->text);
    buf_reset(&s->rows);
    s->sqlstate[0] = 0;
    const struct backend_call call = call_of(s);
    if (s->closes_at_last && s->at + 1 == s->count) node_stop(s->rig->node);
    (step->is_prepare ? table->prepare : table->execute)(s->backend, s->session, &call, &reply);
}

static void begin(struct node_rig *rig, void *context)
{
    struct script *s = context;
    struct diag d = {0};
    s->rig = rig;
    s->backend = node_backend(rig->node);
    assert_int_equal(s->backend->table->session_open(
                         s->backend, &s->session, span_text(NODE_RIG_USER), span_text("main"), &d),
                     ST_OK);
    next(s);
}

static void end(void *context)
{
    struct script *s = context;
    s->is_closed = true;
    s->backend->table->session_close(s->backend, s->session);
}

static void run_steps(struct script *s)
{
    struct node_rig rig;
    char what[NODE_WHAT_MAX];
    node_rig_init(&rig);
    rig.script = begin;
    rig.context = s;
    buf_init(&s->text, mem_system(), 0);
    buf_init(&s->rows, mem_system(), 0);
    assert_int_equal(loop_timer_new(&rig.timer, node_loop(rig.node), node_rig_fire, &rig), ST_OK);
    loop_timer_start(rig.timer, 1, 0);
    assert_int_equal(node_run(rig.node, end, s, what), ST_OK);
    loop_timer_free(rig.timer);
    node_rig_fini(&rig);
    buf_fini(&s->text);
    buf_fini(&s->rows);
}

#define ENDLESS                                                                                    \
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"

static void test_answers(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY)", "", "", false},
        {"SELECT 1 WHERE 1 IN (#)", "1", "", false},
        {"SELECT 1 WHERE 1 IN (#)", "1", "", false},
        {"SELECT 1 WHERE 1 IN (#); SELECT 2 WHERE 1 IN (#)", "1;2", "", false},
        {"INSERT INTO t SELECT 1 WHERE 1 IN (#); SELECT count(*) FROM t WHERE 1 IN (#)", "1", "",
         false},
        {"SELECT nothing WHERE 1 IN (#)", NULL, "42703", false},
        {"SELECT 1 WHERE 1 IN (#", NULL, "42601", false},
        {"BEGIN; DECLARE c CURSOR FOR SELECT id FROM t WHERE 1 IN (#); FETCH c; COMMIT", "1", "",
         false},
        {"BEGIN; INSERT INTO t SELECT 2 WHERE 1 IN (#); SELECT nothing WHERE 1 IN (#)", NULL,
         "42703", false},
        {"SELECT 1 WHERE 1 IN (#)", NULL, "25P02", false},
        {"ROLLBACK", NULL, "", false},
        {"SELECT count(*) FROM t", "1", "", false},
        {"SELECT 5 WHERE 1 IN (#)", NULL, "", true},
        {"SELECT nothing WHERE 1 IN (#)", NULL, "42703", true},
        {"SELECT 1; SELECT 1 WHERE 1 IN (#)", NULL, "42601", true},
    };
    struct script s = {.steps = steps, .count = sizeof steps / sizeof steps[0]};
    run_steps(&s);
    assert_int_equal(s.at, s.count);
}

static void test_leaving(void **state)
{
    (void)state;
    static const struct step steps[][2] = {
        {{"SELECT 1", "1", "", false}, {"SELECT 1 WHERE 1 IN (#)", NULL, "", false}},
        {{"BEGIN", NULL, "", false}, {"SELECT 1 WHERE 1 IN (#)", NULL, "", false}},
        {{"SELECT 1", "1", "", false}, {"SELECT 1 WHERE 1 IN (#)", NULL, "", true}},
    };
    for (uint32_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct script s = {.steps = steps[i], .count = 2, .closes_at_last = true};
        run_steps(&s);
    }
}

static void test_time_limit(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY)", "", "", false},
        {"SET statement_timeout = '20ms'", "", "", false},
        {ENDLESS, NULL, "57014", false},
        {"BEGIN; INSERT INTO t VALUES (1); " ENDLESS, NULL, "57014", false},
        {"ROLLBACK", NULL, "", false},
        {"SET statement_timeout = 0; SELECT count(*) FROM t", "0", "", false},
        {"SHOW statement_timeout", "0", "", false},
    };
    struct script s = {.steps = steps, .count = sizeof steps / sizeof steps[0]};
    run_steps(&s);
    assert_int_equal(s.at, s.count);
}

/* Names without a schema, and statements by name. */
static void test_names(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"CREATE SCHEMA a; CREATE SCHEMA \"B c\"; CREATE TABLE public.t (v int)", "", "", false},
        {"SHOW search_path", "\"$user\", public", "", false},
        {"SET search_path = a, public", "", "", false},
        {"SELECT current_schema()", "a", "", false},
        {"CREATE TABLE t (v int); INSERT INTO t VALUES (1)", "", "", false},
        {"SELECT v FROM t", "1", "", false},
        {"SELECT count(*) FROM public.t", "0", "", false},
        {"SET search_path = \"B c\", nowhere", "", "", false},
        {"SHOW search_path", "\"B c\", nowhere", "", false},
        {"SELECT v FROM t", NULL, "42P01", false},
        {"CREATE TABLE t (v int); INSERT INTO t VALUES (2)", "", "", false},
        {"BEGIN; SET LOCAL search_path = a; UPDATE t SET v = 7; SELECT v FROM t; COMMIT", "7", "",
         false},
        {"SELECT v FROM t", "2", "", false},
        {"SELECT set_config('search_path', '', false)", "", "", false},
        {"SELECT v FROM t", NULL, "42P01", false},
        {"CREATE TABLE u (v int)", NULL, "3F000", false},
        {"SELECT current_schema() IS NULL", "t", "", false},
        {"RESET search_path; SELECT count(*) FROM t", "0", "", false},
        {"SET search_path = a; SELECT nothing", NULL, "42703", false},
        {"SELECT count(*) FROM t", "0", "", false},
        {"SELECT v FROM a.t UNION ALL SELECT v FROM \"B c\".t", "7;2", "", false},
        {"PREPARE p(int, text) AS SELECT $1 + 1, $2 || 'x'", "", "", false},
        {"EXECUTE p(1, 'a')", "2,ax", "", false},
        {"EXECUTE P ( '41' , NULL )", "42,null", "", false},
        {"PREPARE p AS SELECT 1", NULL, "42P05", false},
        {"PREPARE q AS INSERT INTO t VALUES ($1) RETURNING v", "", "", false},
        {"EXECUTE q(-3)", "-3", "", false},
        {"BEGIN; EXECUTE q(1.5); EXECUTE q('4'); COMMIT", "2;4", "", false},
        {"PREPARE r AS SELECT $1::int; EXECUTE r(1); EXECUTE r(2)", "1;2", "", false},
        {"EXECUTE q(1 + 1)", NULL, "0A000", false},
        {"EXECUTE q(true)", NULL, "0A000", false},
        {"EXECUTE q(1, 2)", NULL, "42601", false},
        {"EXECUTE q('x')", NULL, "22P02", false},
        {"EXECUTE nothing", NULL, "26000", false},
        {"EXECUTE", NULL, "42601", false},
        {"PREPARE s AS", NULL, "42601", false},
        {"PREPARE s AS CREATE TABLE x (a int)", NULL, "42601", false},
        {"PREPARE s AS SELECT nothing", NULL, "42703", false},
        {"DEALLOCATE q; EXECUTE q(1)", NULL, "26000", false},
        {"DEALLOCATE ALL; EXECUTE p(1, 'a')", NULL, "26000", false},
        {"DEALLOCATE p", NULL, "26000", false},
        {"SELECT sum(v) FROM t", "3", "", false},
    };
    struct script s = {.steps = steps, .count = sizeof steps / sizeof steps[0]};
    run_steps(&s);
    assert_int_equal(s.at, s.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
