/* Goal: addresses and proxy settings are read in one way only, and the talk with a proxy ends at
 * the right byte, however its answer is cut, or with a reason in one line. */
#include "p2p/proxy.h"

#include <stdio.h>

#include "support/cmocka_all.h"

static void addresses(void **state)
{
    (void)state;
    struct endpoint e;
    assert_int_equal(endpoint_parse(&e, "node1.example:7000"), ST_OK);
    assert_string_equal(e.host, "node1.example");
    assert_int_equal(e.port, 7000);
    assert_int_equal(endpoint_parse(&e, "[2001:db8::1]:65535"), ST_OK);
    assert_string_equal(e.host, "2001:db8::1");
    assert_int_equal(e.port, 65535);
    static const char *const bad[] = {
        "",        "host",     "host:",    ":1",          "host:0", "host:65536",
        "host:-1", "host: 1",  "host:1x",  "::1:5",       "[]:5",   "[::1:5",
        "h st:5",  "u@host:5", "ho\nst:5", "host:000001", "a:b:5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(endpoint_parse(&e, bad[i]), ST_INVALID);
    assert_int_equal(e.port, 65535); /* Untouched. */
    char longest[300];
    (void)snprintf(longest, sizeof longest, "%0253d:1", 0);
    assert_int_equal(endpoint_parse(&e, longest), ST_OK);
    (void)snprintf(longest, sizeof longest, "%0254d:1", 0);
    assert_int_equal(endpoint_parse(&e, longest), ST_INVALID);
}

static void settings(void **state)
{
    (void)state;
    struct proxy p;
    assert_int_equal(proxy_parse(&p, ""), ST_OK);
    assert_int_equal(p.kind, PROXY_NONE);
    assert_int_equal(proxy_parse(&p, "http://proxy:3128"), ST_OK);
    assert_int_equal(p.kind, PROXY_HTTP);
    assert_string_equal(p.at.host, "proxy");
    assert_string_equal(p.user, "");
    assert_int_equal(proxy_parse(&p, "socks5://me:p%40ss:w@[::1]:1080"), ST_OK);
    assert_int_equal(p.kind, PROXY_SOCKS5);
    assert_string_equal(p.user, "me");
    assert_string_equal(p.password, "p@ss:w");
    assert_int_equal(p.at.port, 1080);
    static const char *const bad[] = {
        "proxy:3128",           "https://proxy:1",   "http://proxy",
        "http://me@proxy:1",    "http://:x@proxy:1", "http://a:%4@proxy:1",
        "http://a:%0a@proxy:1", "socks4://proxy:1",  "http://proxy:1/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(proxy_parse(&p, bad[i]), ST_INVALID);
}

/* The talk with answers given in portions of step bytes. said: all that we said. */
static enum status talk_of(const char *url, struct span answer, size_t step, struct buf *said)
{
    struct proxy p;
    struct endpoint target = {.host = "peer.example", .port = 7000};
    struct proxy_talk t;
    assert_int_equal(proxy_parse(&p, url), ST_OK);
    proxy_begin(&t, &p, &target, said);
    enum status st = ST_BUSY;
    size_t at = 0;
    while (st == ST_BUSY && at < answer.size) {
        size_t part = answer.size - at < step ? answer.size - at : step;
        size_t used = 0;
        st = proxy_input(&t, span_of(answer.data + at, part), &used, said);
        at += st == ST_REJECTED ? part : used;
    }
    if (st == ST_OK) assert_int_equal(answer.size - at, 3); /* "TLS" is left. */
    if (st == ST_REJECTED) {
        buf_reset(said);
        buf_put_text(said, t.failure);
    }
    return st;
}

static void expect_talk(const char *url, struct span answer, enum status st, const char *said)
{
    for (size_t step = 1; step <= answer.size; step++) {
        struct buf b;
        buf_init(&b, mem_system(), 0);
        assert_int_equal(talk_of(url, answer, step, &b), st);
        assert_int_equal(b.size, strlen(said));
        assert_memory_equal(b.data, said, b.size);
        buf_fini(&b);
    }
    for (size_t size = 0; st == ST_OK && size + 3 < answer.size; size++) { /* Cut: it goes on. */
        struct buf b;
        buf_init(&b, mem_system(), 0);
        assert_int_equal(talk_of(url, span_of(answer.data, size), 5, &b), ST_BUSY);
        buf_fini(&b);
    }
}

static void http(void **state)
{
    (void)state;
    expect_talk("http://proxy:3128",
                span_text("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nTLS"), ST_OK,
                "CONNECT peer.example:7000 HTTP/1.1\r\nHost: peer.example:7000\r\n\r\n");
    expect_talk("http://Aladdin:open%20sesame@proxy:3128", span_text("HTTP/1.0 200 \r\n\r\nTLS"),
                ST_OK,
                "CONNECT peer.example:7000 HTTP/1.1\r\nHost: peer.example:7000\r\n"
                "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    expect_talk("http://proxy:3128",
                span_text("HTTP/1.1 407 Proxy Authentication \x01 Required\r\nX: y\r\n\r\nbody"),
                ST_REJECTED, "proxy answered 407 Proxy Authentication ? Required");
    expect_talk("http://proxy:3128", span_text("SSH-2.0-OpenSSH\r\n\r\n"), ST_REJECTED,
                "proxy does not speak HTTP");
}

static void http_endless(void **state)
{
    (void)state;
    static uint8_t flood[PROXY_ANSWER_MAX + 10];
    memset(flood, 'x', sizeof flood);
    struct buf b;
    buf_init(&b, mem_system(), 0);
    assert_int_equal(talk_of("http://p:1", span_of(flood, sizeof flood), 999, &b), ST_REJECTED);
    assert_true(span_equal(buf_span(&b), span_text("proxy answered too much")));
    buf_fini(&b);
}

#define BYTES(...) span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static enum status socks(const char *url, struct span answer, struct buf *said)
{
    buf_reset(said);
    return talk_of(url, answer, 2, said);
}

static void socks5(void **state)
{
    (void)state;
    struct buf said;
    buf_init(&said, mem_system(), 0);
    static const char open[] = "\x05\x01\x00\x05\x01\x00\x03\x0cpeer.example\x1b\x58";
    static const char secret[] =
        "\x05\x02\x00\x02\x01\x02me\x04pass\x05\x01\x00\x03\x0cpeer.example\x1b\x58";
    assert_int_equal(
        socks("socks5://p:1", BYTES(5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 9, 9, 'T', 'L', 'S'), &said),
        ST_OK);
    assert_true(span_equal(buf_span(&said), span_of(open, sizeof open - 1)));
    assert_int_equal(
        socks("socks5://p:1", BYTES(5, 0, 5, 0, 0, 3, 1, 'h', 9, 9, 'T', 'L', 'S'), &said), ST_OK);
    assert_int_equal(socks("socks5://p:1",
                           BYTES(5, 0, 5, 0, 0, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5,
                                 9, 9, 'T', 'L', 'S'),
                           &said),
                     ST_OK);
    assert_int_equal(socks("socks5://me:pass@p:1",
                           BYTES(5, 2, 1, 0, 5, 0, 0, 1, 1, 2, 3, 4, 9, 9, 'T', 'L', 'S'), &said),
                     ST_OK);
    assert_true(span_equal(buf_span(&said), span_of(secret, sizeof secret - 1)));
    buf_fini(&said);
}

static void socks5_refusals(void **state)
{
    (void)state;
    expect_talk("socks5://p:1", BYTES(4, 0), ST_REJECTED, "proxy does not speak SOCKS5");
    expect_talk("socks5://p:1", BYTES(5, 255), ST_REJECTED, "proxy wants credentials");
    expect_talk("socks5://p:1", BYTES(5, 2), ST_REJECTED, "proxy wants credentials");
    expect_talk("socks5://a:b@p:1", BYTES(5, 2, 1, 1), ST_REJECTED,
                "proxy refused the user or password");
    expect_talk("socks5://p:1", BYTES(5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0), ST_REJECTED,
                "proxy answered: connection refused");
    expect_talk("socks5://p:1", BYTES(5, 0, 5, 0, 0, 9, 0), ST_REJECTED,
                "proxy answered with an unknown kind of address");
    for (uint8_t code = 1; code < 12; code++) {
        struct buf said;
        buf_init(&said, mem_system(), 0);
        assert_int_equal(socks("socks5://p:1", BYTES(5, 0, 5, code, 0, 1, 0), &said), ST_REJECTED);
        buf_fini(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(settings),
        cmocka_unit_test(http),      cmocka_unit_test(http_endless),
        cmocka_unit_test(socks5),    cmocka_unit_test(socks5_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
