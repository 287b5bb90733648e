/* Goal: a session answers every message in the protocol's order, whatever the backend's timing, and
 * survives all that a client may send. */
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/pg_stage.h"

/* --- login
 * ---------------------------------------------------------------------------------------*/

static void test_login_in_single_bytes(void **state)
{
    (void)state;
    struct stage t;
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    pg_fake_login(&t.say, "main");
    for (size_t i = 0; i < t.say.size; i++) {
        assert_int_equal(pg_session_state(t.session), PG_SESSION_LOGIN);
        pg_session_data(t.session, span_of(t.say.data + i, 1));
    }
    assert_true(stage_holds(&t, "server_version"));
    assert_true(stage_holds(&t, "client_encoding\0UTF8"));
    assert_string_equal(stage_heard(&t), "RRRRSSSSSSSSSSSSSKZ");
    stage_close(&t);
}

static void assert_refused(struct stage *t, const char *sqlstate, const char *message)
{
    stage_send(t);
    assert_true(t->link.is_closed);
    assert_int_equal(pg_session_state(t->session), PG_SESSION_OVER);
    assert_true(stage_holds(t, "FATAL"));
    assert_true(stage_holds(t, sqlstate));
    assert_true(stage_holds(t, message));
    stage_close(t);
}

static void test_wrong_password_and_unknown_user_look_the_same(void **state)
{
    (void)state;
    struct stage t;
    for (int who = 0; who < 2; who++) {
        assert_int_equal(stage_open(&t, mem_system()), ST_OK);
        pg_fake_login(&t.say, "main");
        uint8_t *user = (uint8_t *)strstr((char *)t.say.data + 13, "alice");
        assert_non_null(user);
        if (who == 0)
            t.say.data[t.say.size - 5] ^= 1; /* In the proof. */
        else
            user[0] = 'e';
        stage_send(&t);
        assert_true(stage_holds(&t, "C28P01"));
        assert_true(stage_holds(&t, who == 0 ? "authentication failed for user \"alice\""
                                             : "authentication failed for user \"elice\""));
        assert_string_equal(stage_heard(&t), "RRE");
        assert_true(t.link.is_closed);
        stage_close(&t);
    }
}

static void test_unknown_database(void **state)
{
    (void)state;
    struct stage t;
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    pg_fake_login(&t.say, "nowhere");
    assert_refused(&t, "C3D000", "database \"nowhere\" does not exist");
}

static void test_too_many_clients(void **state)
{
    (void)state;
    struct stage t;
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    t.is_full = true;
    pg_fake_login(&t.say, "main");
    assert_refused(&t, "C53300", "too many clients");
}

static void put_startup(struct stage *t, uint32_t version, const char *pairs, size_t size)
{
    buf_put_u32_be(&t->say, (uint32_t)(8 + size));
    buf_put_u32_be(&t->say, version);
    buf_put(&t->say, span_of(pairs, size));
}

static void test_startups_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t version;
        const char *pairs;
        size_t size;
        const char *sqlstate;
        const char *message;
    } bad[] = {
#define PAIRS(text) (text), sizeof(text)
        {2u << 16, PAIRS("x"), "C0A000", "unsupported frontend protocol 2.0"},
        {3u << 16, PAIRS("database\0main\0"), "C28000", "no PostgreSQL user name"},
        {3u << 16, PAIRS("user\0a\0client_encoding\0LATIN1\0"), "C22023", "LATIN1"},
        {3u << 16, PAIRS("user\0a\0replication\0database\0"), "C0A000", "replication"},
        {3u << 16, PAIRS("user\0\xff\0"), "C22021", "UTF8"},
        {3u << 16, PAIRS("user\0a"), "C08P01", "startup packet"},
#undef PAIRS
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stage t;
        assert_int_equal(stage_open(&t, mem_system()), ST_OK);
        put_startup(&t, bad[i].version, bad[i].pairs, bad[i].size);
        assert_refused(&t, bad[i].sqlstate, bad[i].message);
    }
}

static void test_other_first_packets(void **state)
{
    (void)state;
    struct stage t;
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    put_startup(&t, 80877103u, "", 0);
    stage_send(&t);
    put_startup(&t, 80877104u, "", 0);
    stage_send(&t);
    assert_int_equal(t.link.out.size, 2);
    assert_memory_equal(t.link.out.data, "NN", 2);
    buf_reset(&t.link.out);
    static const char pairs[] = "user\0alice\0_pq_.x\0y\0client_encoding\0sql_ascii\0";
    put_startup(&t, (3u << 16) + 2, pairs, sizeof pairs);
    stage_send(&t);
    assert_true(stage_holds(&t, "_pq_.x"));
    assert_string_equal(stage_heard(&t), "vR");
    stage_close(&t);

    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    put_startup(&t, 80877102u, "\0\0\0\7\1\2\3\4", 8);
    stage_send(&t);
    assert_int_equal(t.cancel_process, 7);
    assert_int_equal(t.cancel_secret, 0x01020304);
    assert_true(t.link.is_closed);
    assert_int_equal(t.link.out.size, 0);
    stage_close(&t);
}

static void test_limits_before_login(void **state)
{
    (void)state;
    struct stage t;
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    buf_put_u32_be(&t.say, 10001);
    assert_refused(&t, "C08P01", "too long");
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    put_startup(&t, 3u << 16, "user\0alice\0", 12);
    buf_put_u8(&t.say, 'p');
    buf_put_u32_be(&t.say, 4096);
    assert_refused(&t, "C08P01", "too long");
    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    put_startup(&t, 3u << 16, "user\0alice\0", 12);
    say_query(&t, "one");
    assert_refused(&t, "C08P01", "SASL");
}

/* --- queries
 * -------------------------------------------------------------------------------------*/

static void test_simple_queries(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *types;
    } cases[] = {{"one", "TDCZ"},   {"two", "TDCTDCZ"}, {"rows 3", "TDDDCZ"}, {"rows 0", "TCZ"},
                 {"", "IZ"},        {"insert", "CZ"},   {"fail", "EZ"},       {"nonsense", "EZ"},
                 {"notice", "NCZ"}, {"broken", "TEZ"},  {"\xff", "EZ"}};
    struct stage t;
    stage_log_in(&t);
    for (int turn = 0; turn < 2; turn++) {
        t.fake.is_deferred = turn == 1;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            say_query(&t, cases[i].text);
            stage_send(&t);
            pg_fake_run(&t.fake);
            assert_string_equal(stage_heard(&t), cases[i].types);
        }
    }
    stage_close(&t);
}

static void test_error_fields(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_query(&t, "fail");
    stage_send(&t);
    static const char error[] =
        "SERROR\0VERROR\0C42601\0Msyntax error\0DThe detail.\0HThe hint.\0P3\0";
    assert_true(t.link.out.size > sizeof error + 5);
    assert_memory_equal(t.link.out.data + 5, error, sizeof error);
    assert_string_equal(stage_heard(&t), "EZ");
    stage_close(&t);
}

static void test_extended_query(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_parse(&t, "", "rows 2");
    say_target(&t, 'D', 'S', "");
    say_bind(&t, "", "", NULL);
    say_target(&t, 'D', 'P', "");
    say_execute(&t, "", 0);
    say_empty(&t, 'H');
    say_target(&t, 'C', 'P', "");
    say_target(&t, 'C', 'S', "nothing");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "1tT2TDDC33Z");
    say_statement(&t, "insert");
    say_statement(&t, "");
    say_parse(&t, "", "insert");
    say_target(&t, 'D', 'S', "");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12C12I1tnZ");
    stage_close(&t);
}

static void test_long_statements_are_prepared_first(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    for (int turn = 0; turn < 2; turn++) {
        t.fake.is_deferred = turn == 1;
        say_query(&t, "long");
        say_parse(&t, "", "one");
        say_statement(&t, "long");
        say_empty(&t, 'S');
        stage_send(&t);
        pg_fake_run(&t.fake);
        assert_string_equal(stage_heard(&t), "TDCZ112DCZ");
        say_statement(&t, "longfail");
        say_statement(&t, "one");
        say_empty(&t, 'S');
        say_statement(&t, "one");
        say_empty(&t, 'S');
        stage_send(&t);
        pg_fake_run(&t.fake);
        assert_string_equal(stage_heard(&t), "EZ12DCZ");
        assert_int_equal(t.fake.prepared, 2 * turn + 2);
    }
    stage_close(&t);
}

/* Nothing behind it is read, and cancelling or leaving ends it. */
static void test_preparing_is_waited_for(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_statement(&t, "long");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "");
    assert_true(t.link.is_paused);
    pg_session_cancel(t.session, 0x5a5a5a5a);
    pg_fake_run(&t.fake);
    assert_string_equal(stage_heard(&t), "EZ");
    assert_false(t.link.is_paused);
    say_statement(&t, "long");
    stage_send(&t);
    stage_close(&t);
}

static void test_failures_skip_until_sync(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    static const struct {
        const char *text;
        const char *types;
    } cases[] = {{"nonsense", "EZ12DCZ"},
                 {"fail", "12EZ12DCZ"},
                 {"two", "EZ12DCZ"},
                 {"\xff", "EZ12DCZ"},
                 {"change", "12EZ12DCZ"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        say_statement(&t, cases[i].text);
        say_statement(&t, "one");
        say_empty(&t, 'S');
        say_statement(&t, "one");
        say_empty(&t, 'S');
        stage_send(&t);
        assert_string_equal(stage_heard(&t), cases[i].types);
    }
    stage_close(&t);
}

static void assert_fails(struct stage *t, const char *sqlstate, const char *types)
{
    say_empty(t, 'S');
    stage_send(t);
    assert_true(stage_holds(t, sqlstate));
    assert_string_equal(stage_heard(t), types);
    assert_false(t->link.is_closed);
}

static void test_names(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_bind(&t, "", "none", NULL);
    assert_fails(&t, "C26000", "EZ");
    say_bind(&t, "", "", NULL);
    assert_fails(&t, "unnamed prepared", "EZ");
    say_target(&t, 'D', 'S', "none");
    assert_fails(&t, "C26000", "EZ");
    say_target(&t, 'D', 'P', "none");
    assert_fails(&t, "C34000", "EZ");
    say_execute(&t, "none", 0);
    assert_fails(&t, "C34000", "EZ");
    say_parse(&t, "a", "one");
    say_parse(&t, "a", "one");
    assert_fails(&t, "C42P05", "1EZ");
    say_bind(&t, "p", "a", NULL);
    say_bind(&t, "p", "a", NULL);
    assert_fails(&t, "C42P03", "2EZ");
    say_execute(&t, "p", 0);
    assert_fails(&t, "C34000", "EZ"); /* Portals end with the Sync. */
    say_bind(&t, "p", "a", NULL);
    say_execute(&t, "p", 0);
    say_execute(&t, "p", 0);
    assert_fails(&t, "C55000", "2DCEZ");
    say_bind(&t, "", "a", "value");
    assert_fails(&t, "C08P01", "EZ");
    say_target(&t, 'C', 'S', "a");
    say_bind(&t, "", "a", NULL);
    assert_fails(&t, "C26000", "3EZ");
    stage_close(&t);
}

static void test_statement_limit(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    for (int i = 0; i < 1025; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%d", i);
        say_parse(&t, name, "one");
    }
    say_empty(&t, 'S');
    stage_send(&t);
    assert_true(stage_holds(&t, "C54000"));
    const char *types = stage_heard(&t);
    assert_int_equal(strlen(types), 1026);
    assert_string_equal(types + 1023, "1EZ");
    stage_close(&t);
}

static void test_row_limit(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_parse(&t, "", "rows 7");
    say_bind(&t, "p", "", NULL);
    say_execute(&t, "p", 3);
    say_execute(&t, "p", 3);
    say_execute(&t, "p", 3);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_true(stage_holds(&t, "SELECT 1"));
    assert_string_equal(stage_heard(&t), "12DDDsDDDsDCZ");
    t.fake.is_deferred = true;
    say_parse(&t, "", "rows 6");
    say_bind(&t, "", "", NULL);
    say_execute(&t, "", 6);
    say_execute(&t, "", 0);
    say_empty(&t, 'S');
    stage_send(&t);
    pg_fake_run(&t.fake);
    assert_true(stage_holds(&t, "SELECT 0"));
    assert_string_equal(stage_heard(&t), "12DDDDDDsCZ");
    stage_close(&t);
}

static void test_row_limit_on_no_rows(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_parse(&t, "", "rows 0");
    say_bind(&t, "p", "", NULL);
    say_execute(&t, "p", 3);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12CZ");
    stage_close(&t);
}

static void test_row_limit_on_a_huge_result(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_parse(&t, "", "rows 1000000");
    say_bind(&t, "p", "", NULL);
    say_execute(&t, "p", 2);
    say_empty(&t, 'H');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "12DDs");
    say_execute(&t, "p", 0);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_true(stage_holds(&t, "C54000"));
    stage_close(&t);
}

/* --- pipelines
 * -----------------------------------------------------------------------------------*/

static void test_submits_overlap_in_order(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    for (int i = 0; i < 300; i++)
        say_submit(&t, "tx");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_int_equal(t.fake.running, BACKEND_CALLS_MAX);
    assert_true(t.link.is_paused);
    assert_string_equal(stage_heard(&t),
                        "12"); /* The other Binds' answers wait behind the first call. */
    for (int i = 0; i < 44; i++) {
        assert_true(pg_fake_run_one(&t.fake));
        assert_int_equal(t.fake.running, BACKEND_CALLS_MAX);
    }
    assert_false(t.link.is_paused);
    pg_fake_run(&t.fake);
    const char *types = stage_heard(&t);
    assert_int_equal(strlen(types), 300 * 3);
    for (int i = 0; i < 299; i++)
        assert_memory_equal(types + (size_t)3 * (size_t)i, "DC2", 3);
    assert_string_equal(types + 897, "DCZ");
    assert_int_equal(t.fake.executed, 300);
    stage_close(&t);
}

static void test_unnamed_submit_is_not_parsed_again(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    for (int i = 0; i < 3; i++) {
        say_parse(&t, "", "submit");
        say_bind(&t, "", "", "tx");
        say_execute(&t, "", 0);
        say_empty(&t, 'S');
    }
    stage_send(&t);
    assert_int_equal(t.fake.running, 3);
    pg_fake_run(&t.fake);
    assert_string_equal(stage_heard(&t), "12DCZ12DCZ12DCZ");
    stage_close(&t);
}

static void test_failed_submit_mutes_the_rest_of_its_group(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    say_submit(&t, "tx");
    say_submit(&t, "bad");
    say_submit(&t, "tx");
    say_bind(&t, "", "none", NULL); /* Its error is not heard either. */
    say_empty(&t, 'S');
    say_submit(&t, "tx");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_int_equal(t.fake.running, 4);
    pg_fake_run(&t.fake);
    assert_string_equal(stage_heard(&t), "12DC2EZ2DCZ");
    assert_int_equal(t.fake.executed, 4);
    stage_close(&t);
}

static void test_failure_after_answers_skips_what_comes_later(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    say_submit(&t, "bad");
    stage_send(&t);
    pg_fake_run(&t.fake);
    say_submit(&t, "tx");
    say_empty(&t, 'S');
    stage_send(&t);
    pg_fake_run(&t.fake);
    assert_string_equal(stage_heard(&t), "12EZ");
    assert_int_equal(t.fake.executed, 1);
    stage_close(&t);
}

static void test_other_statements_wait_for_each_other(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    say_parse(&t, "i", "insert");
    say_submit(&t, "tx");
    say_bind(&t, "", "i", NULL);
    say_execute(&t, "", 0);
    say_submit(&t, "tx");
    say_empty(&t, 'S');
    say_query(&t, "one");
    stage_send(&t);
    for (uint32_t i = 1; i <= 5; i++) { /* The Sync ends the transaction of "insert". */
        assert_int_equal(t.fake.running, 1);
        assert_int_equal(t.fake.executed, i);
        assert_int_equal(pg_session_state(t.session), PG_SESSION_BUSY);
        assert_true(pg_fake_run_one(&t.fake));
    }
    assert_string_equal(stage_heard(&t), "112DC2C2DCZTDCZ");
    stage_close(&t);
}

static void test_failed_statement_stops_those_behind_it(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_statement(&t, "fail");
    say_statement(&t, "insert");
    say_empty(&t, 'S');
    stage_send(&t);
    pg_fake_run(&t.fake);
    assert_string_equal(stage_heard(&t), "12EZ");
    assert_int_equal(t.fake.executed, 2); /* "fail", and the end of its transaction. */
    stage_close(&t);
}

static void test_slow_reader_holds_rows_and_input_back(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    t.link.queued = 2u << 20;
    say_query(&t, "rows 10000");
    say_query(&t, "one");
    stage_send(&t);
    assert_int_equal(t.fake.flow_closed, 1);
    assert_int_equal(t.fake.executed, 1);
    assert_true(t.link.is_paused);
    t.link.queued = 0;
    buf_reset(&t.link.out);
    pg_session_drained(t.session);
    assert_string_equal(stage_heard(&t), "TDCZ");
    assert_int_equal(t.fake.executed, 2);
    assert_false(t.link.is_paused);
    stage_close(&t);
}

static void test_cancel(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    pg_session_cancel(t.session, 0x5a5a5a5a); /* Nothing runs. */
    say_query(&t, "wait");
    stage_send(&t);
    assert_int_equal(t.fake.running, 1);
    pg_session_cancel(t.session, 0x5a5a5a5b);
    assert_int_equal(t.fake.running, 1);
    pg_session_cancel(t.session, 0x5a5a5a5a);
    assert_true(stage_holds(&t, "C57014"));
    assert_string_equal(stage_heard(&t), "EZ");
    stage_close(&t);
}

static void test_end_while_calls_run(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_query(&t, "wait");
    stage_send(&t);
    stage_close(&t);
    stage_log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    for (int i = 0; i < 10; i++)
        say_submit(&t, "tx");
    say_empty(&t, 'X');
    stage_send(&t);
    assert_true(t.link.is_closed);
    stage_close(&t);
}

/* --- bad input
 * -----------------------------------------------------------------------------------*/

static void test_fatal_messages(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z\0\0\0\4",         "Q\0\0\0\3", "Q\0\0\0\5x",
                                      "S\xff\xff\xff\xff", "p\0\0\0\4", "D\0\0\0\6?"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stage t;
        stage_log_in(&t);
        buf_put(&t.say, span_of(bad[i], 5));
        if (i == 2) buf_put_u8(&t.say, 'x');
        if (i == 5) buf_put(&t.say, span_of("?\0", 2));
        assert_refused(&t, "C08P01", "message");
    }
}

static void test_zero_and_bad_bytes_in_values(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    say_parse(&t, "e", "echo text");
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "1Z");
    say_bind(&t, "", "e", "\xc3\x28");
    assert_fails(&t, "C22021", "EZ");
    say_bind(&t, "", "e", "x");
    t.say.data[t.say.size - 3] = 0; /* The value. */
    assert_fails(&t, "C22021", "EZ");
    say_bind(&t, "", "e", "x");
    say_execute(&t, "", 0);
    say_empty(&t, 'S');
    stage_send(&t);
    assert_string_equal(stage_heard(&t), "2DCZ");
    stage_close(&t);
}

static void test_large_message_in_portions(void **state)
{
    (void)state;
    struct stage t;
    stage_log_in(&t);
    size_t size = (size_t)16 << 20;
    say_parse(&t, "s", "submit");
    size_t at = say_begin(&t, 'B');
    buf_put(&t.say, span_of("\0s\0\0\1\0\1\0\1", 9));
    buf_put_u32_be(&t.say, (uint32_t)size);
    uint8_t *room = buf_extend(&t.say, size);
    assert_non_null(room);
    memset(room, 'x', size);
    buf_put_u16_be(&t.say, 0);
    say_end(&t, at);
    say_execute(&t, "", 0);
    say_empty(&t, 'S');
    for (size_t done = 0; done < t.say.size; done += 65536) {
        size_t left = t.say.size - done;
        pg_session_data(t.session, span_of(t.say.data + done, left < 65536 ? left : 65536));
    }
    assert_true(stage_holds(&t, "16777216"));
    assert_string_equal(stage_heard(&t), "12DCZ");
    stage_close(&t);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint32_t n = 1;; n++) {
        assert_true(n < 1000);
        struct fail_mem heap;
        fail_mem_init(&heap, n);
        struct stage t;
        bool is_whole = false;
        if (stage_open(&t, &heap.mem) == ST_OK) {
            pg_fake_login(&t.say, "main");
            say_statement(&t, "rows 100");
            say_parse(&t, "s", "submit");
            say_submit(&t, "tx");
            say_execute(&t, "", 1);
            say_empty(&t, 'S');
            say_query(&t, "one");
            for (size_t i = 0; i < t.say.size; i += 7)
                pg_session_data(t.session,
                                span_of(t.say.data + i, t.say.size - i < 7 ? t.say.size - i : 7));
            is_whole = heap.calls < n;
        }
        stage_close(&t);
        assert_int_equal(heap.live, 0);
        if (is_whole) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_in_single_bytes),
        cmocka_unit_test(test_wrong_password_and_unknown_user_look_the_same),
        cmocka_unit_test(test_unknown_database),
        cmocka_unit_test(test_too_many_clients),
        cmocka_unit_test(test_startups_that_are_refused),
        cmocka_unit_test(test_other_first_packets),
        cmocka_unit_test(test_limits_before_login),
        cmocka_unit_test(test_simple_queries),
        cmocka_unit_test(test_error_fields),
        cmocka_unit_test(test_extended_query),
        cmocka_unit_test(test_long_statements_are_prepared_first),
        cmocka_unit_test(test_preparing_is_waited_for),
        cmocka_unit_test(test_failures_skip_until_sync),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_statement_limit),
        cmocka_unit_test(test_row_limit),
        cmocka_unit_test(test_row_limit_on_no_rows),
        cmocka_unit_test(test_row_limit_on_a_huge_result),
        cmocka_unit_test(test_submits_overlap_in_order),
        cmocka_unit_test(test_unnamed_submit_is_not_parsed_again),
        cmocka_unit_test(test_failed_submit_mutes_the_rest_of_its_group),
        cmocka_unit_test(test_failure_after_answers_skips_what_comes_later),
        cmocka_unit_test(test_other_statements_wait_for_each_other),
        cmocka_unit_test(test_failed_statement_stops_those_behind_it),
        cmocka_unit_test(test_slow_reader_holds_rows_and_input_back),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_end_while_calls_run),
        cmocka_unit_test(test_fatal_messages),
        cmocka_unit_test(test_zero_and_bad_bytes_in_values),
        cmocka_unit_test(test_large_message_in_portions),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
