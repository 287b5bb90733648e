/* Goal: libpq, over real sockets, gets from the door what it would get from PostgreSQL; whoever is
 * not a client is shown out without harm. */
#include "pg/door.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endian.h"
#include "crypto/sign.h"
#include "os/thread.h"
#include "support/cmocka_all.h"
#include "support/pg_fake.h"
#include "support/test_rng.h"

#define PIPELINED 1000

struct house {
    struct loop *loop;
    struct loop_wake *stop;
    struct loop_timer *answer; /* Lets the backend answer in a later turn. */
    struct thread *thread;
    struct pg_fake fake;
    struct pg_door *door;
    uint16_t port;
};

static void on_stop(void *context)
{
    struct house *h = context;
    pg_door_close(h->door);
    h->door = NULL;
    loop_stop(h->loop);
}

static void on_answer(void *context)
{
    struct house *h = context;
    pg_fake_run(&h->fake);
}

static void run(void *context)
{
    const struct house *h = context;
    loop_run(h->loop);
}

static void house_open(struct house *h, const struct pg_door_config *config)
{
    memset(h, 0, sizeof *h);
    pg_fake_init(&h->fake, mem_system());
    h->fake.is_deferred = true;
    assert_int_equal(loop_new(&h->loop, mem_system()), ST_OK);
    assert_int_equal(loop_wake_new(&h->stop, h->loop, on_stop, h), ST_OK);
    assert_int_equal(loop_timer_new(&h->answer, h->loop, on_answer, h), ST_OK);
    loop_timer_start(h->answer, 1, 1);
    assert_int_equal(pg_door_open(&h->door, h->loop, &h->fake.backend, config), ST_OK);
    h->port = pg_door_port(h->door);
    assert_int_equal(thread_start(&h->thread, mem_system(), "door", run, h), ST_OK);
}

static void house_open_default(struct house *h)
{
    const struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    house_open(h, &config);
}

static void house_close(struct house *h)
{
    loop_wake_send(h->stop);
    thread_join(h->thread);
    loop_timer_free(h->answer);
    loop_wake_free(h->stop);
    loop_free(h->loop);
    assert_int_equal(h->fake.sessions, 0);
    assert_int_equal(h->fake.running, 0);
}

static PGconn *dial(const struct house *h, const char *user, const char *password, const char *db)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "host=127.0.0.1 port=%u user=%s password=%s dbname=%s application_name=test "
                   "connect_timeout=10",
                   h->port, user, password, db);
    return PQconnectdb(text);
}

static PGconn *dial_alice(const struct house *h)
{
    PGconn *c = dial(h, "alice", "pencil", "main");
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
    return c;
}

static void assert_result(PGresult *r, ExecStatusType status)
{
    if (PQresultStatus(r) != status) fail_msg("%s", PQresultErrorMessage(r));
}

/* --- login
 * ---------------------------------------------------------------------------------------*/

static void test_login(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    assert_int_equal(PQserverVersion(c), 150008);
    assert_string_equal(PQparameterStatus(c, "server_encoding"), "UTF8");
    assert_string_equal(PQparameterStatus(c, "client_encoding"), "UTF8");
    assert_string_equal(PQparameterStatus(c, "DateStyle"), "ISO, MDY");
    assert_string_equal(PQparameterStatus(c, "integer_datetimes"), "on");
    assert_string_equal(PQparameterStatus(c, "standard_conforming_strings"), "on");
    assert_string_equal(PQparameterStatus(c, "TimeZone"), "UTC");
    assert_string_equal(PQparameterStatus(c, "application_name"), "test");
    assert_string_equal(PQparameterStatus(c, "session_authorization"), "alice");
    assert_int_equal(PQtransactionStatus(c), PQTRANS_IDLE);
    PQfinish(c);
    house_close(&h);
}

static void assert_no_login(PGconn *c, const char *message)
{
    assert_int_equal(PQstatus(c), CONNECTION_BAD);
    if (strstr(PQerrorMessage(c), message) == NULL) fail_msg("%s", PQerrorMessage(c));
    PQfinish(c);
}

static void test_refused_logins(void **state)
{
    (void)state;
    struct house h;
    struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    config.connections_max = 1;
    house_open(&h, &config);
    assert_no_login(dial(&h, "alice", "Pencil", "main"),
                    "password authentication failed for user \"alice\"");
    assert_no_login(dial(&h, "mallory", "pencil", "main"),
                    "password authentication failed for user \"mallory\"");
    assert_no_login(dial(&h, "alice", "pencil", "other"), "database \"other\" does not exist");
    PGconn *c = dial_alice(&h);
    assert_no_login(dial(&h, "alice", "pencil", "main"), "too many clients");
    PQfinish(c);
    house_close(&h);
}

/* --- queries
 * -------------------------------------------------------------------------------------*/

static void test_simple_query(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    PGresult *r = PQexec(c, "rows 3");
    assert_result(r, PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(r), 3);
    assert_string_equal(PQfname(r, 1), "t");
    assert_int_equal(PQftype(r, 0), SQL_INT4);
    assert_int_equal(PQfsize(r, 0), 4);
    assert_int_equal(PQfsize(r, 1), -1);
    assert_int_equal(PQfmod(r, 0), -1);
    assert_string_equal(PQgetvalue(r, 2, 1), "row 3");
    assert_string_equal(PQcmdStatus(r), "SELECT 3");
    PQclear(r);
    r = PQexec(c, "insert");
    assert_result(r, PGRES_COMMAND_OK);
    assert_string_equal(PQcmdTuples(r), "1");
    PQclear(r);
    r = PQexec(c, "");
    assert_result(r, PGRES_EMPTY_QUERY);
    PQclear(r);
    r = PQexec(c, "fail");
    assert_result(r, PGRES_FATAL_ERROR);
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "42601");
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SEVERITY), "ERROR");
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED), "ERROR");
    assert_string_equal(PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL), "The detail.");
    assert_string_equal(PQresultErrorField(r, PG_DIAG_MESSAGE_HINT), "The hint.");
    assert_string_equal(PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION), "3");
    PQclear(r);
    r = PQexec(c, "one");
    assert_string_equal(PQgetvalue(r, 0, 0), "1");
    PQclear(r);
    PQfinish(c);
    house_close(&h);
}

static void test_parameters_in_text(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    const char *const values[] = {"t",
                                  "\\x00ff",
                                  "-7",
                                  "2147483647",
                                  "-9223372036854775808",
                                  "h\xc3\xa4",
                                  "12.50",
                                  "2020-02-29 12:34:56.789+00",
                                  NULL};
    PGresult *r = PQexecParams(c, "echo bool bytea int2 int4 int8 text numeric timestamptz text", 9,
                               NULL, values, NULL, NULL, 0);
    assert_result(r, PGRES_TUPLES_OK);
    assert_int_equal(PQnfields(r), 9);
    for (int i = 0; i < 8; i++)
        assert_string_equal(PQgetvalue(r, 0, i), values[i]);
    assert_true(PQgetisnull(r, 0, 8));
    PQclear(r);
    const char *const wrong[] = {"many"};
    r = PQexecParams(c, "echo int4", 1, NULL, wrong, NULL, NULL, 0);
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "22P02");
    PQclear(r);
    PQfinish(c);
    house_close(&h);
}

static void test_parameters_in_binary(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    const char *const values[] = {"\x80\0\0\1",
                                  "\0\1\2",
                                  "text",
                                  "\1",
                                  "\0\0\0\0\0\0\0\x0a",
                                  "\0\2\0\0\0\0\0\1\0\x0c\x13\x88"};
    const int lengths[] = {4, 3, 4, 1, 8, 12};
    const int formats[] = {1, 1, 1, 1, 1, 1};
    PGresult *r = PQexecParams(c, "echo int4 bytea text bool timestamptz numeric", 6, NULL, values,
                               lengths, formats, 1);
    assert_result(r, PGRES_TUPLES_OK);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(PQfformat(r, i), 1);
        assert_int_equal(PQgetlength(r, 0, i), lengths[i]);
        assert_memory_equal(PQgetvalue(r, 0, i), values[i], (size_t)lengths[i]);
    }
    PQclear(r);
    const int short_length[] = {3};
    r = PQexecParams(c, "echo int4", 1, NULL, values, short_length, formats, 1);
    assert_result(r, PGRES_FATAL_ERROR);
    PQclear(r);
    const Oid point[] = {600};
    r = PQexecParams(c, "echo text", 1, point, values, lengths, NULL, 0);
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "0A000");
    PQclear(r);
    PQfinish(c);
    house_close(&h);
}

static void test_prepared(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    PGresult *r = PQprepare(c, "e", "echo int8 text", 0, NULL);
    assert_result(r, PGRES_COMMAND_OK);
    PQclear(r);
    r = PQdescribePrepared(c, "e");
    assert_result(r, PGRES_COMMAND_OK);
    assert_int_equal(PQnparams(r), 2);
    assert_int_equal(PQparamtype(r, 0), SQL_INT8);
    assert_int_equal(PQnfields(r), 2);
    PQclear(r);
    for (int i = 0; i < 3; i++) {
        const char *const values[] = {"5", "x"};
        r = PQexecPrepared(c, "e", 2, values, NULL, NULL, 0);
        assert_result(r, PGRES_TUPLES_OK);
        assert_string_equal(PQgetvalue(r, 0, 0), "5");
        PQclear(r);
    }
    r = PQprepare(c, "bad", "nonsense", 0, NULL);
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "42P01");
    PQclear(r);
    PQfinish(c);
    house_close(&h);
}

/* --- pipelines
 * -----------------------------------------------------------------------------------*/

static void assert_next(PGconn *c, ExecStatusType status)
{
    PGresult *r = PQgetResult(c);
    assert_non_null(r);
    assert_result(r, status);
    if (status == PGRES_TUPLES_OK) assert_string_equal(PQgetvalue(r, 0, 0), "final");
    PQclear(r);
    if (status != PGRES_PIPELINE_SYNC) assert_null(PQgetResult(c));
}

static void send_submit(PGconn *c, const char *bytes)
{
    const char *const values[] = {bytes};
    const int lengths[] = {(int)strlen(bytes)};
    const int formats[] = {1};
    assert_int_equal(PQsendQueryPrepared(c, "s", 1, values, lengths, formats, 0), 1);
}

static void test_pipeline(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    PQclear(PQprepare(c, "s", "submit", 0, NULL));
    assert_int_equal(PQenterPipelineMode(c), 1);
    for (int i = 0; i < PIPELINED; i++)
        send_submit(c, "a signed transaction");
    assert_int_equal(PQpipelineSync(c), 1);
    send_submit(c, "good");
    send_submit(c, "bad");
    send_submit(c, "good");
    assert_int_equal(PQpipelineSync(c), 1);
    send_submit(c, "good");
    assert_int_equal(PQpipelineSync(c), 1);
    for (int i = 0; i < PIPELINED; i++)
        assert_next(c, PGRES_TUPLES_OK);
    assert_next(c, PGRES_PIPELINE_SYNC);
    assert_next(c, PGRES_TUPLES_OK);
    assert_next(c, PGRES_FATAL_ERROR);
    assert_next(c, PGRES_PIPELINE_ABORTED);
    assert_next(c, PGRES_PIPELINE_SYNC);
    assert_next(c, PGRES_TUPLES_OK);
    assert_next(c, PGRES_PIPELINE_SYNC);
    assert_int_equal(PQexitPipelineMode(c), 1);
    PQfinish(c);
    house_close(&h);
    assert_int_equal(h.fake.executed, PIPELINED + 4);
    assert_true(h.fake.running_max > 1); /* They did overlap. */
}

static void test_many_rows_to_a_slow_reader(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    assert_int_equal(PQsendQuery(c, "rows 300000"), 1);
    assert_int_equal(PQsetSingleRowMode(c), 1);
    int count = 0;
    for (PGresult *r = PQgetResult(c); r != NULL; r = PQgetResult(c)) {
        if (PQresultStatus(r) == PGRES_SINGLE_TUPLE)
            count++;
        else
            assert_result(r, PGRES_TUPLES_OK);
        PQclear(r);
    }
    assert_int_equal(count, 300000);
    PGresult *r = PQexec(c, "one");
    assert_result(r, PGRES_TUPLES_OK);
    PQclear(r);
    PQfinish(c);
    house_close(&h);
}

static void test_cancel(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    PGcancel *key = PQgetCancel(c);
    char why[256];
    assert_int_equal(PQsendQuery(c, "wait"), 1);
    assert_int_equal(PQcancel(key, why, sizeof why), 1);
    PGresult *r = PQgetResult(c);
    assert_string_equal(PQresultErrorField(r, PG_DIAG_SQLSTATE), "57014");
    PQclear(r);
    assert_null(PQgetResult(c));
    PQfreeCancel(key);
    PQfinish(c);
    house_close(&h);
}

/* --- who is no client
 * ----------------------------------------------------------------------------*/

static int dial_raw(const struct house *h)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(h->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* What the server says until it closes. */
static size_t hear_out(int fd, char *out, size_t size)
{
    size_t heard = 0;
    for (;;) {
        char bytes[4096];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 10000), 1);
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0) break;
        size_t more = (size_t)got < size - heard ? (size_t)got : size - heard;
        memcpy(out + heard, bytes, more);
        heard += more;
    }
    (void)close(fd);
    return heard;
}

static bool holds(const char *bytes, size_t size, const char *text)
{
    for (size_t at = 0; at + strlen(text) <= size; at++)
        if (memcmp(bytes + at, text, strlen(text)) == 0) return true;
    return false;
}

static void test_timeouts(void **state)
{
    (void)state;
    struct house h;
    struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    config.auth_timeout_ms = 40;
    config.idle_timeout_ms = 40;
    house_open(&h, &config);
    char said[1024];
    size_t size = hear_out(dial_raw(&h), said, sizeof said);
    assert_true(holds(said, size, "canceling authentication due to timeout"));
    PGconn *c = dial_alice(&h);
    PGresult *r = PQexec(c, "one");
    assert_result(r, PGRES_TUPLES_OK);
    PQclear(r);
    size = hear_out(dup(PQsocket(c)), said, sizeof said);
    assert_true(holds(said, size, "C57P05"));
    PQfinish(c);
    house_close(&h);
}

static void test_memory_of_all_sessions_is_bounded(void **state)
{
    (void)state;
    struct house h;
    struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    config.memory_max = (size_t)4 << 20;
    house_open(&h, &config);
    PGconn *other = dial_alice(&h);
    PGconn *c = dial_alice(&h);
    size_t size = (size_t)8 << 20;
    char *value = malloc(size + 1);
    assert_non_null(value);
    memset(value, 'x', size);
    value[size] = 0;
    const char *const values[] = {value};
    const int lengths[] = {(int)size};
    const int formats[] = {1};
    PGresult *r = PQexecParams(c, "submit", 1, NULL, values, lengths, formats, 0);
    assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
    PQclear(r);
    PQfinish(c);
    free(value);
    r = PQexec(other, "one"); /* The others live on. */
    assert_result(r, PGRES_TUPLES_OK);
    PQclear(r);
    PQfinish(other);
    c = dial_alice(&h);
    PQfinish(c);
    house_close(&h);
}

static void test_garbage(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    struct test_rng rng = {20240601};
    for (int i = 0; i < 1000; i++) {
        uint8_t bytes[600];
        size_t size = test_rng_below(&rng, sizeof bytes);
        for (size_t at = 0; at < size; at++)
            bytes[at] = (uint8_t)test_rng_u64(&rng);
        if (i % 2 == 0) { /* Get past the first look at the size. */
            memcpy(bytes, "\0\0\0\x18\0\3\0\0user\0alice\0a\0b\0", 24);
            if (size < 24) size = 24;
        }
        int fd = dial_raw(&h);
        assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        char said[256];
        (void)hear_out(fd, said, sizeof said);
    }
    PGconn *c = dial_alice(&h);
    PQfinish(c);
    house_close(&h);
}

static void test_end_of_the_house(void **state)
{
    (void)state;
    struct house h;
    house_open_default(&h);
    PGconn *c = dial_alice(&h);
    assert_int_equal(PQsendQuery(c, "wait"), 1);
    assert_int_equal(PQflush(c), 0);
    house_close(&h);
    PQfinish(c);
    struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    house_open(&h, &config);
    config.port = h.port;
    struct loop *loop = NULL;
    struct pg_door *second = NULL;
    assert_int_equal(loop_new(&loop, mem_system()), ST_OK);
    assert_int_equal(pg_door_open(&second, loop, &h.fake.backend, &config), ST_EXISTS);
    config.host = "somewhere";
    assert_int_equal(pg_door_open(&second, loop, &h.fake.backend, &config), ST_INVALID);
    loop_free(loop);
    house_close(&h);
}

/* --- TLS
 * -----------------------------------------------------------------------------------------*/

static const struct secret_key door_key = {.scheme = SIGN_ED25519, .bytes = {7, 1, 2, 3}};

static void house_open_tls(struct house *h, bool needs_tls)
{
    struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    config.tls_key = &door_key;
    config.needs_tls = needs_tls;
    house_open(h, &config);
}

static PGconn *dial_as(const struct house *h,
                       const char *user,
                       const char *password,
                       const char *mode)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "host=127.0.0.1 port=%u user=%s password='%s' dbname=main sslmode=%s "
                   "connect_timeout=10",
                   h->port, user, password, mode);
    return PQconnectdb(text);
}

static void test_tls(void **state)
{
    (void)state;
    struct house h;
    house_open_tls(&h, false);
    PGconn *c = dial_as(&h, "alice", "pencil", "require");
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
    assert_int_equal(PQsslInUse(c), 1);
    assert_string_equal(PQsslAttribute(c, "protocol"), "TLSv1.3");
    PGresult *r = PQexec(c, "rows 100000"); /* Many records. */
    assert_result(r, PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(r), 100000);
    assert_string_equal(PQgetvalue(r, 99999, 1), "row 100000");
    PQclear(r);
    PQfinish(c);
    c = dial_as(&h, "alice", "pencil", "disable"); /* In the clear beside it. */
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    PQfinish(c);
    house_close(&h);
    house_open_tls(&h, true);
    c = dial_as(&h, "alice", "pencil", "disable");
    assert_int_equal(PQstatus(c), CONNECTION_BAD);
    assert_non_null(strstr(PQerrorMessage(c), "TLS only"));
    PQfinish(c);
    c = dial_as(&h, "alice", "pencil", "require");
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    PQfinish(c);
    house_close(&h);
}

static void test_tokens(void **state)
{
    (void)state;
    struct house h;
    house_open_tls(&h, false);
    PGconn *c = dial_as(&h, "carol", "a token", "require");
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
    PQfinish(c);
    c = dial_as(&h, "carol", "another", "require");
    assert_non_null(strstr(PQerrorMessage(c), "no token of carol"));
    PQfinish(c);
    c = dial_as(&h, "carol", "a token", "disable"); /* Never in the clear. */
    assert_int_equal(PQstatus(c), CONNECTION_BAD);
    assert_null(strstr(PQerrorMessage(c), "no token of carol"));
    PQfinish(c);
    c = dial_as(&h, "nobody", "a token", "require");
    assert_int_equal(PQstatus(c), CONNECTION_BAD);
    PQfinish(c);
    house_close(&h);
}

/* What stands in the clear behind the request is not taken for what stands inside TLS. */
static void test_nothing_slips_in_before_tls(void **state)
{
    (void)state;
    static const char bytes[] = "\0\0\0\x8\x04\xd2\x16\x2f\0\0\0\x18\0\3\0\0user\0alice\0a\0b\0";
    char said[256] = {0};
    struct house h;
    house_open_tls(&h, false);
    int fd = dial_raw(&h);
    assert_int_equal(send(fd, bytes, sizeof bytes - 1, MSG_NOSIGNAL), sizeof bytes - 1);
    assert_int_equal(hear_out(fd, said, sizeof said), 1);
    assert_int_equal(said[0], 'S');
    fd = dial_raw(&h); /* Garbage instead of a handshake. */
    assert_int_equal(send(fd, bytes, 8, MSG_NOSIGNAL), 8);
    assert_int_equal(recv(fd, said, 1, 0), 1);
    assert_int_equal(send(fd, "Q\0\0\0\x8one\0", 9, MSG_NOSIGNAL), 9);
    (void)hear_out(fd, said, sizeof said);
    house_close(&h);
}

static void test_a_door_for_one_user(void **state)
{
    (void)state;
    struct house h;
    struct pg_door_config config = pg_door_config_default(mem_system(), os_posix());
    config.login = PG_LOGIN_FREE;
    house_open(&h, &config);
    h.fake.is_free = true;
    PGconn *c = dial_as(&h, "whoever", "", "prefer");
    if (PQstatus(c) != CONNECTION_OK) fail_msg("%s", PQerrorMessage(c));
    PGresult *r = PQexec(c, "one");
    assert_result(r, PGRES_TUPLES_OK);
    PQclear(r);
    PQfinish(c);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_refused_logins),
        cmocka_unit_test(test_simple_query),
        cmocka_unit_test(test_parameters_in_text),
        cmocka_unit_test(test_parameters_in_binary),
        cmocka_unit_test(test_prepared),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_many_rows_to_a_slow_reader),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_memory_of_all_sessions_is_bounded),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_end_of_the_house),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_nothing_slips_in_before_tls),
        cmocka_unit_test(test_a_door_for_one_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
