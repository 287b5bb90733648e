/* Goal: through the backend alone, on real files and threads, a node answers reads and writes in
 * order, refuses what it must without a trace, and after a restart stands where it stood; a full
 * disk ends it without a hang, and lost results are named. */
#include <stdatomic.h>
#include <stdio.h>

#include "node/audit.h"
#include "support/cmocka_all.h"
#include "support/node_rig.h"

#define STEPS_MAX 32u

struct step { /* One call and what is expected of it. */
    const char *text;
    const char *expected; /* Rows as text: fields with ",", rows with ";". Null: not compared. */
    const char *sqlstate; /* "": it succeeds. */
};

struct script {
    const struct step *steps;
    uint32_t count;
    uint32_t at;
    struct backend *backend;
    struct backend_session *session;
    struct node_rig *rig;
    struct buf rows;
    struct diag failure;
    uint32_t done_count;
    bool may_fail; /* The disk fails at some point: calls may end with anything. */
    bool is_closed;
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
    assert_int_equal(rows.size, 0);
}

static void on_complete(void *context, const char *tag, bool has_count, uint64_t count)
{
    (void)context;
    (void)tag;
    (void)has_count;
    (void)count;
}

static void on_notice(void *context, const struct diag *d)
{
    (void)context;
    (void)d;
}

static void on_failed(void *context, const struct diag *d)
{
    ((struct script *)context)->failure = *d;
}

static void on_done(void *context)
{
    struct script *s = context;
    const struct step *step = &s->steps[s->at];
    buf_put_u8(&s->rows, 0);
    if (s->may_fail) {
        if (s->failure.sqlstate[0] == 0 && !s->is_closed) s->done_count++;
        s->at++;
        if (!s->is_closed) next(s);
        return;
    }
    if (strcmp(s->failure.sqlstate, step->sqlstate) != 0)
        fail_msg("%s: sqlstate \"%s\" (%s), expected \"%s\"", step->text, s->failure.sqlstate,
                 s->failure.message, step->sqlstate);
    if (step->expected != NULL) assert_string_equal((const char *)s->rows.data, step->expected);
    s->at++;
    s->done_count++;
    next(s);
}

static const struct backend_reply replies = {.columns = on_columns,
                                             .rows = on_rows,
                                             .complete = on_complete,
                                             .notice = on_notice,
                                             .failed = on_failed,
                                             .done = on_done};

static void next(struct script *s)
{
    if (s->at == s->count) {
        node_stop(s->rig->node);
        return;
    }
    buf_reset(&s->rows);
    s->failure = (struct diag){0};
    struct backend_call call = {.text = span_text(s->steps[s->at].text)};
    struct backend_reply reply = replies;
    reply.context = s;
    s->backend->table->execute(s->backend, s->session, &call, &reply);
}

static void begin(struct node_rig *rig, void *context)
{
    struct script *s = context;
    struct diag d = {0};
    s->rig = rig;
    s->backend = node_backend(rig->node);
    assert_int_equal(s->backend->table->session_open(s->backend, &s->session, span_text("nobody"),
                                                     span_text("main"), &d),
                     ST_NOT_FOUND);
    assert_string_equal(d.sqlstate, "28000");
    assert_int_equal(s->backend->table->session_open(
                         s->backend, &s->session, span_text(NODE_RIG_USER), span_text("other"), &d),
                     ST_NOT_FOUND);
    assert_string_equal(d.sqlstate, "3D000");
    assert_int_equal(s->backend->table->session_open(
                         s->backend, &s->session, span_text(NODE_RIG_USER), span_text("main"), &d),
                     ST_OK);
    next(s);
}

static void close_session(void *context)
{
    struct script *s = context;
    s->is_closed = true;
    s->backend->table->session_close(s->backend, s->session);
}

struct hooks { /* Called when the node runs, and when it stops. */
    void (*begin)(struct node_rig *rig, void *context);
    void (*end)(void *context);
    void *context;
};

static enum status run_with(struct node_rig *rig, struct script *s, const struct hooks *hooks)
{
    char what[NODE_WHAT_MAX];
    buf_init(&s->rows, mem_system(), 0);
    rig->script = hooks->begin;
    rig->context = hooks->context;
    assert_int_equal(loop_timer_new(&rig->timer, node_loop(rig->node), node_rig_fire, rig), ST_OK);
    loop_timer_start(rig->timer, 1, 0);
    enum status st = node_run(rig->node, hooks->end, hooks->context, what);
    loop_timer_free(rig->timer);
    buf_fini(&s->rows);
    return st;
}

static enum status run_script(struct node_rig *rig, struct script *s)
{
    const struct hooks hooks = {begin, close_session, s};
    return run_with(rig, s, &hooks);
}

static void run_steps(struct node_rig *rig, const struct step *steps, uint32_t count)
{
    struct script s = {.steps = steps, .count = count};
    assert_int_equal(run_script(rig, &s), ST_OK);
    assert_int_equal(s.done_count, count);
}

#define RUN(rig, steps) run_steps((rig), (steps), sizeof(steps) / sizeof((steps)[0]))

static int setup(void **state)
{
    static struct node_rig rig;
    node_rig_init(&rig);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    node_rig_fini(*state);
    return 0;
}

static void test_reads_see_the_writes_before_them(void **state)
{
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY, v text)", "", ""},
        {"INSERT INTO t VALUES (1, 'a'), (2, 'b') RETURNING id", "1;2", ""},
        {"SELECT id, v FROM t ORDER BY id", "1,a;2,b", ""},
        {"UPDATE t SET v = 'c' WHERE id = 2", "", ""},
        {"SELECT v FROM t WHERE id = 2; SELECT count(*) FROM t", "c;2", ""},
        {"SHOW server_encoding", "UTF8", ""},
        {"", "", ""},
    };
    RUN(*state, steps);
}

static void test_one_query_string_is_one_transaction(void **state)
{
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1)", "", ""},
        {"INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)", "", "23505"},
        {"SELECT id FROM t", "1", ""},
        {"INSERT INTO t VALUES (3); SELECT count(*) FROM t", "2", ""},
        {"CREATE TABLE u (id bigint); INSERT INTO missing VALUES (1)", "", "42P01"},
        {"SELECT * FROM u", NULL, "42P01"},
        {"INSERT INTO t VALUES (4); SHOW server_version", NULL, "0A000"},
        {"SELECT count(*) FROM t", "2", ""},
    };
    RUN(*state, steps);
}

static void test_refusals_leave_no_trace(void **state)
{
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY)", "", ""},
        {"SELEC 1", NULL, "42601"},
        {"INSERT INTO t VALUES ('x')", NULL, "22P02"},
        {"SELECT * FROM trustsql.submit('\\x00'::bytea)", NULL, "TQ005"},
        {"SELECT * FROM trustsql.submit(NULL::bytea)", NULL, "22004"},
        {"SET nothing = 1", NULL, "42704"},
        {"SELECT height FROM trustsql.blocks WHERE tx_count > 0", "1", ""},
        {"SELECT status FROM trustsql.transactions", "ok", ""},
    };
    RUN(*state, steps);
}

static void test_functions_of_the_node(void **state)
{
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY)", "", ""},
        {"INSERT INTO t VALUES (1)", "", ""},
        {"SELECT length(trustsql.proof_tx(txid)) > 300 FROM trustsql.transactions WHERE height = 1",
         "t", ""},
        {"SELECT trustsql.proof_tx(NULL)", "null", ""},
        {"SELECT trustsql.proof_tx(E'\\\\x0123')", NULL, "22023"},
        {"INSERT INTO t VALUES (2); SELECT trustsql.proof_tx(E'\\\\x0123')", NULL, "0A000"},
        {"SELECT count(*) FROM t", "1", ""},
    };
    RUN(*state, steps);
}

static void test_restart_stands_where_it_stood(void **state)
{
    struct node_rig *rig = *state;
    static const struct step before[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY, n numeric(10,2))", "", ""},
        {"INSERT INTO t VALUES (1, 1.5)", "", ""},
        {"INSERT INTO t VALUES (1, 1.5)", "", "23505"},
    };
    static const struct step after[] = {
        {"SELECT id, n FROM t", "1,1.50", ""},
        {"SELECT status, sqlstate FROM trustsql.transactions ORDER BY height",
         "ok,null;ok,null;failed,23505", ""},
        {"INSERT INTO t VALUES (2, 2)", "", ""},
        {"SELECT count(*) FROM t", "2", ""},
    };
    RUN(rig, before);
    struct replica_view was;
    node_view(rig->node, &was);
    node_rig_close(rig);
    node_rig_open(rig);
    struct replica_view is;
    node_view(rig->node, &is);
    assert_int_equal(is.height, was.height);
    assert_memory_equal(&is.digest, &was.digest, HASH_SIZE);
    RUN(rig, after);
}

static void test_audit_proves_what_the_node_left(void **state)
{
    struct node_rig *rig = *state;
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY, v text)", "", ""},
        {"INSERT INTO t VALUES (1, 'a'), (2, 'b')", "", ""},
        {"DELETE FROM t WHERE id = 1", "", ""},
    };
    char scratch[OS_PATH_MAX];
    char what[160];
    RUN(rig, steps);
    struct replica_view view;
    node_view(rig->node, &view);
    node_rig_close(rig);
    assert_int_equal(os_path_join(scratch, rig->dir, "scratch"), ST_OK);
    assert_int_equal(os_posix()->make_dir(os_posix(), scratch), ST_OK);
    struct audit_config config = {.os = os_posix(),
                                  .mem = mem_system(),
                                  .dir = rig->dir,
                                  .scratch = scratch,
                                  .thread_count = 2};
    struct audit_report *report = test_calloc(1, sizeof *report);
    enum status st = audit_run(&config, report, what);
    if (report->damage_kept > 0) fprintf(stderr, "%s\n", report->damage[0].what);
    assert_int_equal(st, ST_OK);
    assert_int_equal(report->signatures, 3);
    assert_true(report->is_certified);
    assert_int_equal(report->height, view.height);
    assert_memory_equal(&report->digest, &view.digest, HASH_SIZE);
    test_free(report);
}

/* --- slow clients --------------------------------------------------------------------------------
 */

#define SLOW_CLIENTS 4u /* More than the threads that read at once. */

static void drop_rows(void *context,
                      const struct sql_column *columns,
                      uint32_t count,
                      struct span rows,
                      uint64_t row_count)
{
    (void)context;
    (void)columns;
    (void)count;
    (void)rows;
    (void)row_count;
}

static void drop_failure(void *context, const struct diag *d)
{
    (void)context;
    (void)d;
}

static void drop_done(void *context)
{
    (void)context;
}

struct slow_clients {
    struct script script; /* Of the one that is quick. */
    struct backend_session *sessions[SLOW_CLIENTS];
};

static void begin_beside_slow(struct node_rig *rig, void *context)
{
    static const char text[] = "SELECT a.v FROM t a, t b, t c, t d, t e, t f";
    const struct backend_reply dropped = {.columns = on_columns,
                                          .rows = drop_rows,
                                          .complete = on_complete,
                                          .notice = on_notice,
                                          .failed = drop_failure,
                                          .done = drop_done};
    struct slow_clients *slow = context;
    struct backend *b = node_backend(rig->node);
    struct diag d = {0};
    for (uint32_t i = 0; i < SLOW_CLIENTS; i++) {
        const struct backend_call call = {.text = span_text(text)};
        assert_int_equal(b->table->session_open(b, &slow->sessions[i], span_text(NODE_RIG_USER),
                                                span_text("main"), &d),
                         ST_OK);
        b->table->flow(b, slow->sessions[i], false);
        b->table->execute(b, slow->sessions[i], &call, &dropped);
    }
    begin(rig, &slow->script);
}

static void close_beside_slow(void *context)
{
    struct slow_clients *slow = context;
    struct backend *b = slow->script.backend;
    for (uint32_t i = 0; i < SLOW_CLIENTS; i++)
        b->table->session_close(b, slow->sessions[i]);
    close_session(&slow->script);
}

static void test_slow_clients_do_not_keep_others_from_reading(void **state)
{
    static const struct step create[] = {
        {"CREATE TABLE t (v text)", "", ""},
        {"INSERT INTO t VALUES ('aaaaaaaa'), ('b'), ('c'), ('d'), ('e'), ('f'), ('g'), ('h')", "",
         ""},
    };
    static const struct step steps[] = {{"SELECT count(*) FROM t", "8", ""},
                                        {"SELECT $1", NULL, "42P02"}};
    struct node_rig *rig = *state;
    struct slow_clients slow = {.script = {.steps = steps, .count = 2}};
    RUN(rig, create);
    node_rig_close(rig);
    node_rig_open(rig);
    const struct hooks hooks = {begin_beside_slow, close_beside_slow, &slow};
    assert_int_equal(run_with(rig, &slow.script, &hooks), ST_OK);
    assert_int_equal(slow.script.done_count, 2);
}

/* --- failures ------------------------------------------------------------------------------------
 */

static atomic_int writes_left; /* Then the disk is full; negative: it never is. */

static enum status full_write(struct os *os,
                              struct os_file *file,
                              struct span bytes,
                              uint64_t offset)
{
    (void)os;
    if (atomic_load(&writes_left) == 0) return ST_NO_SPACE;
    if (atomic_load(&writes_left) > 0) atomic_fetch_sub(&writes_left, 1);
    return os_posix()->file_write(os_posix(), file, bytes, offset);
}

static void test_full_disk_at_every_write(void **state)
{
    static const struct step steps[] = {
        {"INSERT INTO t VALUES (1)", NULL, ""},
        {"INSERT INTO t VALUES (2)", NULL, ""},
        {"SELECT * FROM t", NULL, ""},
        {"INSERT INTO t VALUES (3)", NULL, ""},
        {"DELETE FROM t WHERE id > 0", NULL, ""},
    };
    static const struct step create[] = {{"CREATE TABLE t (id bigint)", "", ""}};
    static const struct step check[] = {{"DELETE FROM t WHERE id > 0", NULL, ""}};
    struct node_rig *rig = *state;
    struct os full = *os_posix();
    full.file_write = full_write;
    RUN(rig, create);
    enum status st = ST_NO_SPACE;
    for (int n = 0; st != ST_OK; n++) {
        assert_true(n < 1000);
        node_rig_close(rig);
        rig->os = &full;
        atomic_store(&writes_left, -1);
        node_rig_open(rig);
        atomic_store(&writes_left, n);
        struct script s = {.steps = steps, .count = 5, .may_fail = true};
        st = run_script(rig, &s);
        assert_true(st == ST_OK || st == ST_NO_SPACE);
        if (st == ST_OK) assert_int_equal(s.done_count, 5);
        node_rig_close(rig);
        rig->os = os_posix();
        node_rig_open(rig);
        RUN(rig, check);
    }
}

/* Expects that a start is refused with text in its reason. */
static void expect_refused_start(struct node_rig *rig, const char *text)
{
    char what[NODE_WHAT_MAX] = "";
    struct node *node = NULL;
    struct node_open open = {.os = os_posix(), .mem = mem_system(), .dir = rig->dir};
    assert_int_equal(node_open(&node, &open, what), ST_CORRUPT);
    if (strstr(what, text) == NULL) fail_msg("%s: lacks %s", what, text);
}

static void cut_file(struct node_rig *rig, const char *name)
{
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    struct os *os = os_posix();
    uint64_t size = 0;
    assert_int_equal(os_path_join(path, rig->dir, name), ST_OK);
    assert_int_equal(os->file_open(os, &file, path, OS_WRITE), ST_OK);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(os->file_truncate(os, file, size - 1), ST_OK);
    os->file_close(os, file);
}

static void test_lost_results_are_made_again(void **state)
{
    static const struct step steps[] = {
        {"CREATE TABLE t (id bigint PRIMARY KEY)", "", ""},
        {"INSERT INTO t VALUES (1)", "", ""},
    };
    struct node_rig *rig = *state;
    RUN(rig, steps);
    node_rig_close(rig);
    cut_file(rig, "results/00000001.res");
    static const struct step check[] = {{"INSERT INTO t VALUES (1)", NULL, "23505"}};
    node_rig_open(rig); /* They are derived, as the state is. */
    RUN(rig, check);
    node_rig_close(rig);
    cut_file(rig, "genesis");
    expect_refused_start(rig, "genesis");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slow_clients_do_not_keep_others_from_reading, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_at_every_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_results_are_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_see_the_writes_before_them, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_query_string_is_one_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_leave_no_trace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_functions_of_the_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_stands_where_it_stood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit_proves_what_the_node_left, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
