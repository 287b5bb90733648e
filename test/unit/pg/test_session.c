/* Goal: a session answers every message in the protocol's order, whatever the backend's timing, and
 * survives all that a client may send. */
#include "pg/session.h"

#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/pg_fake.h"

#define TYPES_MAX 4096u

struct stage {
    struct pg_fake fake;
    struct pg_fake_link link;
    struct pg_session *session;
    struct buf say; /* What the client says next. */
    bool is_full;   /* No more clients are admitted. */
    uint32_t cancel_process;
    uint32_t cancel_secret;
    char types[TYPES_MAX];
};

static bool admit(void *context)
{
    const struct stage *t = context;
    return !t->is_full;
}

static void cancel(void *context, uint32_t process, uint32_t secret)
{
    struct stage *t = context;
    t->cancel_process = process;
    t->cancel_secret = secret;
}

static enum status stage_open(struct stage *t, struct mem *mem)
{
    memset(t, 0, sizeof *t);
    pg_fake_init(&t->fake, mem);
    pg_fake_link_init(&t->link);
    buf_init(&t->say, mem_system(), 0);
    const struct pg_session_config config = {
        .mem = mem,
        .os = pg_fake_os(),
        .backend = &t->fake.backend,
        .house = {.admit = admit, .cancel = cancel, .context = t}};
    const struct pg_link link = pg_fake_link_of(&t->link);
    return pg_session_new(&t->session, &config, &link, 7);
}

static void stage_close(struct stage *t)
{
    pg_session_free(t->session);
    assert_int_equal(t->fake.running, 0);
    assert_int_equal(t->fake.sessions, 0);
    pg_fake_link_fini(&t->link);
    buf_fini(&t->say);
}

/* Types of all messages the server has sent since the last call, as text. */
static const char *heard(struct stage *t)
{
    size_t count = 0;
    size_t at = 0;
    const struct buf *out = &t->link.out;
    while (at < out->size) {
        assert_true(at + 5 <= out->size);
        assert_true(count + 1 < sizeof t->types);
        t->types[count++] = (char)out->data[at];
        at += 1 + get_u32_be(out->data + at + 1);
    }
    assert_int_equal(at, out->size);
    t->types[count] = 0;
    buf_reset(&t->link.out);
    return t->types;
}

static bool out_holds(const struct stage *t, const char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; at + size <= t->link.out.size; at++)
        if (memcmp(t->link.out.data + at, text, size) == 0) return true;
    return false;
}

static void send_said(struct stage *t)
{
    pg_session_data(t->session, buf_span(&t->say));
    buf_reset(&t->say);
}

static void log_in(struct stage *t)
{
    assert_int_equal(stage_open(t, mem_system()), ST_OK);
    pg_fake_login(&t->say, "main");
    send_said(t);
    assert_string_equal(heard(t), "RRRRSSSSSSSSSSSSSKZ");
    assert_int_equal(pg_session_state(t->session), PG_SESSION_IDLE);
}

/* --- the client's messages
 * -----------------------------------------------------------------------*/

static size_t begin(struct stage *t, char type)
{
    size_t at = t->say.size;
    buf_put_u8(&t->say, (uint8_t)type);
    buf_put_u32_be(&t->say, 0);
    return at;
}

static void end(struct stage *t, size_t at)
{
    put_u32_be(t->say.data + at + 1, (uint32_t)(t->say.size - at - 1));
}

static void put_string(struct stage *t, const char *text)
{
    buf_put(&t->say, span_of(text, strlen(text) + 1));
}

static void say_query(struct stage *t, const char *text)
{
    size_t at = begin(t, 'Q');
    put_string(t, text);
    end(t, at);
}

static void say_parse(struct stage *t, const char *name, const char *text)
{
    size_t at = begin(t, 'P');
    put_string(t, name);
    put_string(t, text);
    buf_put_u16_be(&t->say, 0);
    end(t, at);
}

/* With one value in binary form, or none. */
static void say_bind(struct stage *t, const char *portal, const char *name, const char *value)
{
    size_t at = begin(t, 'B');
    put_string(t, portal);
    put_string(t, name);
    buf_put_u16_be(&t->say, 1);
    buf_put_u16_be(&t->say, 1);
    buf_put_u16_be(&t->say, value == NULL ? 0 : 1);
    if (value != NULL) {
        buf_put_u32_be(&t->say, (uint32_t)strlen(value));
        buf_put_text(&t->say, value);
    }
    buf_put_u16_be(&t->say, 0);
    end(t, at);
}

static void say_execute(struct stage *t, const char *portal, uint32_t row_max)
{
    size_t at = begin(t, 'E');
    put_string(t, portal);
    buf_put_u32_be(&t->say, row_max);
    end(t, at);
}

static void say_target(struct stage *t, char type, char target, const char *name)
{
    size_t at = begin(t, type);
    buf_put_u8(&t->say, (uint8_t)target);
    put_string(t, name);
    end(t, at);
}

static void say_empty(struct stage *t, char type)
{
    end(t, begin(t, type));
}

static void say_submit(struct stage *t, const char *bytes)
{
    say_bind(t, "", "s", bytes);
    say_execute(t, "", 0);
}

static void say_statement(struct stage *t, const char *text)
{
    say_parse(t, "", text);
    say_bind(t, "", "", NULL);
    say_execute(t, "", 0);
}

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
    assert_true(out_holds(&t, "server_version"));
    assert_true(out_holds(&t, "client_encoding\0UTF8"));
    assert_string_equal(heard(&t), "RRRRSSSSSSSSSSSSSKZ");
    stage_close(&t);
}

static void assert_refused(struct stage *t, const char *sqlstate, const char *message)
{
    send_said(t);
    assert_true(t->link.is_closed);
    assert_int_equal(pg_session_state(t->session), PG_SESSION_OVER);
    assert_true(out_holds(t, "FATAL"));
    assert_true(out_holds(t, sqlstate));
    assert_true(out_holds(t, message));
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
        send_said(&t);
        assert_true(out_holds(&t, "C28P01"));
        assert_true(out_holds(&t, who == 0 ? "authentication failed for user \"alice\""
                                           : "authentication failed for user \"elice\""));
        assert_string_equal(heard(&t), "RRE");
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
    send_said(&t);
    put_startup(&t, 80877104u, "", 0);
    send_said(&t);
    assert_int_equal(t.link.out.size, 2);
    assert_memory_equal(t.link.out.data, "NN", 2);
    buf_reset(&t.link.out);
    static const char pairs[] = "user\0alice\0_pq_.x\0y\0client_encoding\0sql_ascii\0";
    put_startup(&t, (3u << 16) + 2, pairs, sizeof pairs);
    send_said(&t);
    assert_true(out_holds(&t, "_pq_.x"));
    assert_string_equal(heard(&t), "vR");
    stage_close(&t);

    assert_int_equal(stage_open(&t, mem_system()), ST_OK);
    put_startup(&t, 80877102u, "\0\0\0\7\1\2\3\4", 8);
    send_said(&t);
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
    log_in(&t);
    for (int turn = 0; turn < 2; turn++) {
        t.fake.is_deferred = turn == 1;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            say_query(&t, cases[i].text);
            send_said(&t);
            pg_fake_run(&t.fake);
            assert_string_equal(heard(&t), cases[i].types);
        }
    }
    stage_close(&t);
}

static void test_error_fields(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_query(&t, "fail");
    send_said(&t);
    static const char error[] =
        "SERROR\0VERROR\0C42601\0Msyntax error\0DThe detail.\0HThe hint.\0P3\0";
    assert_true(t.link.out.size > sizeof error + 5);
    assert_memory_equal(t.link.out.data + 5, error, sizeof error);
    assert_string_equal(heard(&t), "EZ");
    stage_close(&t);
}

static void test_extended_query(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_parse(&t, "", "rows 2");
    say_target(&t, 'D', 'S', "");
    say_bind(&t, "", "", NULL);
    say_target(&t, 'D', 'P', "");
    say_execute(&t, "", 0);
    say_empty(&t, 'H');
    say_target(&t, 'C', 'P', "");
    say_target(&t, 'C', 'S', "nothing");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "1tT2TDDC33Z");
    say_statement(&t, "insert");
    say_statement(&t, "");
    say_parse(&t, "", "insert");
    say_target(&t, 'D', 'S', "");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "12C12I1tnZ");
    stage_close(&t);
}

static void test_failures_skip_until_sync(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
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
        send_said(&t);
        assert_string_equal(heard(&t), cases[i].types);
    }
    stage_close(&t);
}

static void assert_fails(struct stage *t, const char *sqlstate, const char *types)
{
    say_empty(t, 'S');
    send_said(t);
    assert_true(out_holds(t, sqlstate));
    assert_string_equal(heard(t), types);
    assert_false(t->link.is_closed);
}

static void test_names(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
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
    log_in(&t);
    for (int i = 0; i < 1025; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%d", i);
        say_parse(&t, name, "one");
    }
    say_empty(&t, 'S');
    send_said(&t);
    assert_true(out_holds(&t, "C54000"));
    const char *types = heard(&t);
    assert_int_equal(strlen(types), 1026);
    assert_string_equal(types + 1023, "1EZ");
    stage_close(&t);
}

static void test_row_limit(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_parse(&t, "", "rows 7");
    say_bind(&t, "p", "", NULL);
    say_execute(&t, "p", 3);
    say_execute(&t, "p", 3);
    say_execute(&t, "p", 3);
    say_empty(&t, 'S');
    send_said(&t);
    assert_true(out_holds(&t, "SELECT 1"));
    assert_string_equal(heard(&t), "12DDDsDDDsDCZ");
    t.fake.is_deferred = true;
    say_parse(&t, "", "rows 6");
    say_bind(&t, "", "", NULL);
    say_execute(&t, "", 6);
    say_execute(&t, "", 0);
    say_empty(&t, 'S');
    send_said(&t);
    pg_fake_run(&t.fake);
    assert_true(out_holds(&t, "SELECT 0"));
    assert_string_equal(heard(&t), "12DDDDDDsCZ");
    stage_close(&t);
}

static void test_row_limit_on_no_rows(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_parse(&t, "", "rows 0");
    say_bind(&t, "p", "", NULL);
    say_execute(&t, "p", 3);
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "12CZ");
    stage_close(&t);
}

static void test_row_limit_on_a_huge_result(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_parse(&t, "", "rows 1000000");
    say_bind(&t, "p", "", NULL);
    say_execute(&t, "p", 2);
    say_empty(&t, 'H');
    send_said(&t);
    assert_string_equal(heard(&t), "12DDs");
    say_execute(&t, "p", 0);
    say_empty(&t, 'S');
    send_said(&t);
    assert_true(out_holds(&t, "C54000"));
    stage_close(&t);
}

/* --- pipelines
 * -----------------------------------------------------------------------------------*/

static void test_submits_overlap_in_order(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    for (int i = 0; i < 300; i++)
        say_submit(&t, "tx");
    say_empty(&t, 'S');
    send_said(&t);
    assert_int_equal(t.fake.running, BACKEND_CALLS_MAX);
    assert_true(t.link.is_paused);
    assert_string_equal(heard(&t), "12"); /* The other Binds' answers wait behind the first call. */
    for (int i = 0; i < 44; i++) {
        assert_true(pg_fake_run_one(&t.fake));
        assert_int_equal(t.fake.running, BACKEND_CALLS_MAX);
    }
    assert_false(t.link.is_paused);
    pg_fake_run(&t.fake);
    const char *types = heard(&t);
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
    log_in(&t);
    t.fake.is_deferred = true;
    for (int i = 0; i < 3; i++) {
        say_parse(&t, "", "submit");
        say_bind(&t, "", "", "tx");
        say_execute(&t, "", 0);
        say_empty(&t, 'S');
    }
    send_said(&t);
    assert_int_equal(t.fake.running, 3);
    pg_fake_run(&t.fake);
    assert_string_equal(heard(&t), "12DCZ12DCZ12DCZ");
    stage_close(&t);
}

static void test_failed_submit_mutes_the_rest_of_its_group(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    say_submit(&t, "tx");
    say_submit(&t, "bad");
    say_submit(&t, "tx");
    say_bind(&t, "", "none", NULL); /* Its error is not heard either. */
    say_empty(&t, 'S');
    say_submit(&t, "tx");
    say_empty(&t, 'S');
    send_said(&t);
    assert_int_equal(t.fake.running, 4);
    pg_fake_run(&t.fake);
    assert_string_equal(heard(&t), "12DC2EZ2DCZ");
    assert_int_equal(t.fake.executed, 4);
    stage_close(&t);
}

static void test_failure_after_answers_skips_what_comes_later(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    say_submit(&t, "bad");
    send_said(&t);
    pg_fake_run(&t.fake);
    say_submit(&t, "tx");
    say_empty(&t, 'S');
    send_said(&t);
    pg_fake_run(&t.fake);
    assert_string_equal(heard(&t), "12EZ");
    assert_int_equal(t.fake.executed, 1);
    stage_close(&t);
}

static void test_other_statements_wait_for_each_other(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    say_parse(&t, "i", "insert");
    say_submit(&t, "tx");
    say_bind(&t, "", "i", NULL);
    say_execute(&t, "", 0);
    say_submit(&t, "tx");
    say_empty(&t, 'S');
    say_query(&t, "one");
    send_said(&t);
    for (uint32_t i = 1; i <= 5; i++) { /* The Sync ends the transaction of "insert". */
        assert_int_equal(t.fake.running, 1);
        assert_int_equal(t.fake.executed, i);
        assert_int_equal(pg_session_state(t.session), PG_SESSION_BUSY);
        assert_true(pg_fake_run_one(&t.fake));
    }
    assert_string_equal(heard(&t), "112DC2C2DCZTDCZ");
    stage_close(&t);
}

static void test_failed_statement_stops_those_behind_it(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    t.fake.is_deferred = true;
    say_statement(&t, "fail");
    say_statement(&t, "insert");
    say_empty(&t, 'S');
    send_said(&t);
    pg_fake_run(&t.fake);
    assert_string_equal(heard(&t), "12EZ");
    assert_int_equal(t.fake.executed, 2); /* "fail", and the end of its transaction. */
    stage_close(&t);
}

static void test_slow_reader_holds_rows_and_input_back(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    t.link.queued = 2u << 20;
    say_query(&t, "rows 10000");
    say_query(&t, "one");
    send_said(&t);
    assert_int_equal(t.fake.flow_closed, 1);
    assert_int_equal(t.fake.executed, 1);
    assert_true(t.link.is_paused);
    t.link.queued = 0;
    buf_reset(&t.link.out);
    pg_session_drained(t.session);
    assert_string_equal(heard(&t), "TDCZ");
    assert_int_equal(t.fake.executed, 2);
    assert_false(t.link.is_paused);
    stage_close(&t);
}

static void test_cancel(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    pg_session_cancel(t.session, 0x5a5a5a5a); /* Nothing runs. */
    say_query(&t, "wait");
    send_said(&t);
    assert_int_equal(t.fake.running, 1);
    pg_session_cancel(t.session, 0x5a5a5a5b);
    assert_int_equal(t.fake.running, 1);
    pg_session_cancel(t.session, 0x5a5a5a5a);
    assert_true(out_holds(&t, "C57014"));
    assert_string_equal(heard(&t), "EZ");
    stage_close(&t);
}

static void test_end_while_calls_run(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_query(&t, "wait");
    send_said(&t);
    stage_close(&t);
    log_in(&t);
    t.fake.is_deferred = true;
    say_parse(&t, "s", "submit");
    for (int i = 0; i < 10; i++)
        say_submit(&t, "tx");
    say_empty(&t, 'X');
    send_said(&t);
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
        log_in(&t);
        buf_put(&t.say, span_of(bad[i], 5));
        if (i == 2) buf_put_u8(&t.say, 'x');
        if (i == 5) buf_put(&t.say, span_of("?\0", 2));
        assert_refused(&t, "C08P01", "message");
    }
}

static void test_copy_and_function_messages(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_empty(&t, 'd');
    say_empty(&t, 'c');
    send_said(&t);
    assert_string_equal(heard(&t), "");
    say_empty(&t, 'F');
    send_said(&t);
    assert_true(out_holds(&t, "C0A000"));
    assert_string_equal(heard(&t), "EZ");
    stage_close(&t);
}

static void say_bytes(struct stage *t, const char *text)
{
    size_t at = begin(t, 'd');
    buf_put_text(&t->say, text);
    end(t, at);
}

static void test_copy_in(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
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
        send_said(&t);
        pg_fake_run(&t.fake);
        assert_int_equal(t.fake.copied, 3);
        assert_true(out_holds(&t, "COPY 3"));
        assert_string_equal(heard(&t), "GCZTDCZ");
    }
    t.fake.is_deferred = false;
    say_query(&t, "copyin");
    say_bytes(&t, "5\n2\n");
    say_empty(&t, 'c');
    send_said(&t);
    assert_true(out_holds(&t, "WCOPY t, line 2"));
    assert_string_equal(heard(&t), "GEZ");
    stage_close(&t);
}

static void test_copy_in_that_fails(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_query(&t, "copyin");
    say_bytes(&t, "1\nx\n2\n");
    say_bytes(&t, "dropped");
    say_empty(&t, 'c');
    send_said(&t);
    assert_true(out_holds(&t, "WCOPY t, line 2, column a: \"x\""));
    assert_string_equal(heard(&t), "GEZ");
    say_query(&t, "copyin");
    size_t at = begin(&t, 'f');
    put_string(&t, "no more");
    end(&t, at);
    send_said(&t);
    assert_true(out_holds(&t, "COPY from stdin failed: no more"));
    assert_string_equal(heard(&t), "GEZ");
    say_query(&t, "copyin");
    for (uint32_t i = 0; i < 70; i++)
        say_bytes(&t, "1\n");
    send_said(&t);
    assert_true(out_holds(&t, "C54000"));
    assert_string_equal(heard(&t), "GEZ");
    assert_int_equal(t.fake.copied, 0);
    say_query(&t, "copyin");
    send_said(&t);
    pg_session_cancel(t.session, 0x5a5a5a5a);
    assert_true(out_holds(&t, "C57014"));
    assert_string_equal(heard(&t), "GEZ");
    say_query(&t, "copyin"); /* And the end of the session. */
    send_said(&t);
    stage_close(&t);
}

static void test_copy_in_parts(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_query(&t, "copysplit");
    for (uint32_t i = 0; i < 200; i++)
        say_bytes(&t, "1\n1\n");
    say_empty(&t, 'c');
    send_said(&t);
    assert_true(t.fake.copy_parts > 10);
    assert_int_equal(t.fake.copied, 400);
    assert_true(out_holds(&t, "COPY 400"));
    assert_string_equal(heard(&t), "GCZ");
    stage_close(&t);
}

static void test_copy_out(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_query(&t, "copyout");
    send_said(&t);
    assert_true(out_holds(&t, "a\n"));
    assert_true(out_holds(&t, "7\n"));
    assert_true(out_holds(&t, "\\N\n"));
    assert_string_equal(heard(&t), "HdddcCZ");
    say_statement(&t, "copyout");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "12HdddcCZ");
    stage_close(&t);
}

/* One Execute with its Sync is a transaction of its own; what more there is joins one. */
static void test_transaction_of_a_pipeline(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_statement(&t, "insert");
    say_target(&t, 'C', 'P', "");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "12C3Z");
    assert_int_equal(t.fake.open_count, 0);
    assert_int_equal(t.fake.sync_count, 0);
    say_statement(&t, "insert");
    say_statement(&t, "insert");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "12C12CZ");
    assert_int_equal(t.fake.open_count, 2);
    assert_int_equal(t.fake.sync_count, 1);
    say_statement(&t, "insert");
    send_said(&t);
    assert_string_equal(heard(&t), "12"); /* What is behind it is not here. */
    assert_false(t.link.is_paused);
    say_empty(&t, 'H');
    send_said(&t);
    assert_string_equal(heard(&t), "C");
    assert_int_equal(t.fake.open_count, 3);
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "Z");
    assert_int_equal(t.fake.sync_count, 2);
    say_statement(&t, "fail");
    say_statement(&t, "insert");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "12EZ");
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
    log_in(&t);
    say_query(&t, "begin");
    say_parse(&t, "r", "rows 3");
    say_bind(&t, "p", "r", NULL);
    say_execute(&t, "p", 2);
    say_empty(&t, 'S');
    send_said(&t);
    assert_int_equal(last_state(&t), 'T');
    assert_string_equal(heard(&t), "CZ12DDsZ");
    say_execute(&t, "p", 2);
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "DCZ");
    say_bind(&t, "q", "nothing", NULL); /* The door's own error spoils the block. */
    say_empty(&t, 'S');
    send_said(&t);
    assert_int_equal(last_state(&t), 'E');
    assert_string_equal(heard(&t), "EZ");
    say_query(&t, "commit");
    send_said(&t);
    assert_int_equal(last_state(&t), 'I');
    assert_string_equal(heard(&t), "CZ");
    say_execute(&t, "p", 2);
    say_empty(&t, 'S');
    send_said(&t);
    assert_true(out_holds(&t, "C34000"));
    assert_string_equal(heard(&t), "EZ");
    say_query(&t, "deallocate");
    say_bind(&t, "", "r", NULL);
    say_empty(&t, 'S');
    send_said(&t);
    assert_true(out_holds(&t, "C26000"));
    assert_string_equal(heard(&t), "CZEZ");
    stage_close(&t);
}

static void test_zero_and_bad_bytes_in_values(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    say_parse(&t, "e", "echo text");
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "1Z");
    say_bind(&t, "", "e", "\xc3\x28");
    assert_fails(&t, "C22021", "EZ");
    say_bind(&t, "", "e", "x");
    t.say.data[t.say.size - 3] = 0; /* The value. */
    assert_fails(&t, "C22021", "EZ");
    say_bind(&t, "", "e", "x");
    say_execute(&t, "", 0);
    say_empty(&t, 'S');
    send_said(&t);
    assert_string_equal(heard(&t), "2DCZ");
    stage_close(&t);
}

static void test_large_message_in_portions(void **state)
{
    (void)state;
    struct stage t;
    log_in(&t);
    size_t size = (size_t)16 << 20;
    say_parse(&t, "s", "submit");
    size_t at = begin(&t, 'B');
    buf_put(&t.say, span_of("\0s\0\0\1\0\1\0\1", 9));
    buf_put_u32_be(&t.say, (uint32_t)size);
    uint8_t *room = buf_extend(&t.say, size);
    assert_non_null(room);
    memset(room, 'x', size);
    buf_put_u16_be(&t.say, 0);
    end(&t, at);
    say_execute(&t, "", 0);
    say_empty(&t, 'S');
    for (size_t done = 0; done < t.say.size; done += 65536) {
        size_t left = t.say.size - done;
        pg_session_data(t.session, span_of(t.say.data + done, left < 65536 ? left : 65536));
    }
    assert_true(out_holds(&t, "16777216"));
    assert_string_equal(heard(&t), "12DCZ");
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
        cmocka_unit_test(test_copy_and_function_messages),
        cmocka_unit_test(test_copy_in),
        cmocka_unit_test(test_copy_in_that_fails),
        cmocka_unit_test(test_copy_in_parts),
        cmocka_unit_test(test_copy_out),
        cmocka_unit_test(test_transaction_of_a_pipeline),
        cmocka_unit_test(test_portals_of_a_block),
        cmocka_unit_test(test_zero_and_bad_bytes_in_values),
        cmocka_unit_test(test_large_message_in_portions),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
