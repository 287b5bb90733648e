/* Goal: COPY, and transactions of several statements, go through a session in the protocol's order,
 * whatever comes between. */
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "support/cmocka_all.h"
#include "support/pg_stage.h"

static void test_copy_and_function_messages(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_empty(&t, 'd');
    say_empty(&t, 'c');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "");
    say_empty(&t, 'F');
    stage_send(&t);
    assert_true(stage_holds(&t, "C0A000"));
    assert_string_equal(stage_heard(&t), "EZ");
    stage_close(&t);
}

static void say_bytes(struct stage *t, const char *text)
{
    size_t at = say_begin(t, 'd');
    buf_put_text(&t->say, text);
    say_end(t, at);
}

static void test_copy_in(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    for (uint32_t is_deferred = 0; is_deferred < 2; is_deferred++) {
        t.fake.is_deferred = is_deferred != 0;
        t.fake.copied = 0;
        say_query(&t, "copyin"); /* All of it is sent ahead, in odd portions. */
        say_bytes(&t, "1\n");
        say_bytes(&t, "\\");
        say_empty(&t, 'H');
        say_bytes(&t, "N\n3");
        say_empty(&t, 'c');
        say_query(&t, "one");
        stage_send(&t);
        pg_fake_run(&t.fake);
        assert_int_equal(t.fake.copied, 3);
        assert_true(stage_holds(&t, "COPY 3"));
        assert_string_equal(stage_heard(&t), "GCZTDCZ");
    }
    t.fake.is_deferred = false;
    say_query(&t, "copyin");
    say_bytes(&t, "5\n2\n");
    say_empty(&t, 'c');
    stage_send(&t);
    assert_true(stage_holds(&t, "WCOPY t, line 2"));
    assert_string_equal(stage_heard(&t), "GEZ");
    stage_close(&t);
}

static void test_copy_in_that_fails(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_query(&t, "copyin");
    say_bytes(&t, "1\nx\n2\n");
    say_bytes(&t, "dropped");
    say_empty(&t, 'c');
    stage_send(&t);
    assert_true(stage_holds(&t, "WCOPY t, line 2, column a: \"x\""));
    assert_string_equal(stage_heard(&t), "GEZ");
    say_query(&t, "copyin");
    size_t at = say_begin(&t, 'f');
    say_string(&t, "no more");
    say_end(&t, at);
    stage_send(&t);
    assert_true(stage_holds(&t, "COPY from stdin failed: no more"));
    assert_string_equal(stage_heard(&t), "GEZ");
    say_query(&t, "copyin");
    for (uint32_t i = 0; i < 70; i++)
        say_bytes(&t, "1\n");
    stage_send(&t);
    assert_true(stage_holds(&t, "C54000"));
    assert_string_equal(stage_heard(&t), "GEZ");
    assert_int_equal(t.fake.copied, 0);
    say_query(&t, "copyin");
    stage_send(&t);
    pg_session_cancel(t.session, 0x5a5a5a5a);
    assert_true(stage_holds(&t, "C57014"));
    assert_string_equal(stage_heard(&t), "GEZ");
    say_query(&t, "copyin"); /* And the end of the session. */
    stage_send(&t);
    stage_close(&t);
}

static void test_copy_in_parts(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_query(&t, "copysplit");
    for (uint32_t i = 0; i < 200; i++)
        say_bytes(&t, "1\n1\n");
    say_empty(&t, 'c');
    stage_send(&t);
    assert_true(t.fake.copy_parts > 10);
    assert_int_equal(t.fake.copied, 400);
    assert_true(stage_holds(&t, "COPY 400"));
    assert_string_equal(stage_heard(&t), "GCZ");
    stage_close(&t);
}

static void test_copy_out(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_query(&t, "copyout");
    stage_send(&t);
    assert_true(stage_holds(&t, "a\n"));
    assert_true(stage_holds(&t, "7\n"));
    assert_true(stage_holds(&t, "\\N\n"));
    assert_string_equal(stage_heard(&t), "HdddcCZ");
    say_statement(&t, "copyout");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12HdddcCZ");
    stage_close(&t);
}

/* One Execute with its Sync is a transaction of its own; what more there is joins one. */
static void test_transaction_of_a_pipeline(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_statement(&t, "insert");
    say_target(&t, 'C', 'P', "");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12C3Z");
    assert_int_equal(t.fake.open_count, 0);
    assert_int_equal(t.fake.sync_count, 0);
    say_statement(&t, "insert");
    say_statement(&t, "insert");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12C12CZ");
    assert_int_equal(t.fake.open_count, 2);
    assert_int_equal(t.fake.sync_count, 1);
    say_statement(&t, "insert");
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12"); /* What is behind it is not here. */
    assert_false(t.link.is_paused);
    say_empty(&t, 'H');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "C");
    assert_int_equal(t.fake.open_count, 3);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "Z");
    assert_int_equal(t.fake.sync_count, 2);
    say_statement(&t, "fail");
    say_statement(&t, "insert");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12EZ");
    assert_int_equal(t.fake.sync_count, 3);
    stage_close(&t);
}

static char last_state(const struct stage *t)
{
    return (char)t->link.out.data[t->link.out.size - 1];
}

static void test_portals_of_a_block(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_query(&t, "begin");
    say_parse(&t, "r", "rows 3");
    say_bind(&t, "p", "r", NULL);
    say_execute(&t, "p", 2);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_int_equal(last_state(&t), 'T');
    assert_string_equal(stage_heard(&t), "CZ12DDsZ");
    say_execute(&t, "p", 2);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "DCZ");
    say_bind(&t, "q", "nothing", NULL); /* The door's own error spoils the block. */
    say_empty(&t, 'S');
    stage_send(&t);
    assert_int_equal(last_state(&t), 'E');
    assert_string_equal(stage_heard(&t), "EZ");
    say_query(&t, "commit");
    stage_send(&t);
    assert_int_equal(last_state(&t), 'I');
    assert_string_equal(stage_heard(&t), "CZ");
    say_execute(&t, "p", 2);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_true(stage_holds(&t, "C34000"));
    assert_string_equal(stage_heard(&t), "EZ");
    say_query(&t, "deallocate");
    say_bind(&t, "", "r", NULL);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_true(stage_holds(&t, "C26000"));
    assert_string_equal(stage_heard(&t), "CZEZ");
    stage_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_and_function_messages),
        cmocka_unit_test(test_copy_in),
        cmocka_unit_test(test_copy_in_that_fails),
        cmocka_unit_test(test_copy_in_parts),
        cmocka_unit_test(test_copy_out),
        cmocka_unit_test(test_transaction_of_a_pipeline),
        cmocka_unit_test(test_portals_of_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
