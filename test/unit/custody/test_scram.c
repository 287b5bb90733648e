/* Goal: the server's side of SCRAM-SHA-256 speaks as RFC 7677 says, lets only the right password
 * in, and gives nothing away about users that do not exist. */
#include <stdio.h>

#include "custody/scram.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_PART  "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define NONCES       "rOprNGfwEbeRWgbNEkqO" SERVER_PART
#define SERVER_FIRST "r=" NONCES ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define CLIENT_FINAL "c=biws,r=" NONCES ",p=" PROOF
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const uint8_t salt[SCRAM_SALT_SIZE] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                              0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};

struct exchange {
    struct scram *scram;
    struct buf reply;
};

static void exchange_begin(struct exchange *x, const char *password, bool is_mock)
{
    struct scram_verifier v;
    assert_int_equal(scram_verifier_make(&v, span_text(password), salt), ST_OK);
    assert_int_equal(scram_new(&x->scram, mem_system(), &v, is_mock, span_text(SERVER_PART)),
                     ST_OK);
    buf_init(&x->reply, mem_system(), 0);
}

static enum status exchange_step(struct exchange *x, struct span message, bool *is_done)
{
    buf_reset(&x->reply);
    return scram_step(x->scram, message, &x->reply, is_done);
}

static void exchange_end(struct exchange *x)
{
    scram_free(x->scram);
    buf_fini(&x->reply);
}

static void assert_reply(const struct exchange *x, const char *expected)
{
    assert_int_equal(x->reply.size, strlen(expected));
    assert_memory_equal(x->reply.data, expected, x->reply.size);
}

static enum status run(struct exchange *x, const char *first, const char *final)
{
    bool is_done = true;
    enum status st = exchange_step(x, span_text(first), &is_done);
    assert_false(is_done);
    if (st != ST_OK) return st;
    st = exchange_step(x, span_text(final), &is_done);
    assert_int_equal(is_done, st == ST_OK);
    return st;
}

static void test_rfc_7677(void **state)
{
    (void)state;
    struct exchange x;
    bool is_done = true;
    exchange_begin(&x, "pencil", false);
    assert_int_equal(exchange_step(&x, span_text(CLIENT_FIRST), &is_done), ST_OK);
    assert_false(is_done);
    assert_reply(&x, SERVER_FIRST);
    assert_int_equal(exchange_step(&x, span_text(CLIENT_FINAL), &is_done), ST_OK);
    assert_true(is_done);
    assert_reply(&x, SERVER_FINAL);
    assert_int_equal(exchange_step(&x, span_text(CLIENT_FINAL), &is_done), ST_INVALID);
    assert_false(is_done);
    exchange_end(&x);
}

static void test_wrong_password_is_denied(void **state)
{
    (void)state;
    struct exchange x;
    exchange_begin(&x, "Pencil", false);
    assert_int_equal(run(&x, CLIENT_FIRST, CLIENT_FINAL), ST_DENIED);
    assert_int_equal(x.reply.size, 0);
    exchange_end(&x);
}

static void test_mock_is_denied_at_the_end_only(void **state)
{
    (void)state;
    struct exchange x;
    exchange_begin(&x, "pencil", true);
    assert_int_equal(run(&x, CLIENT_FIRST, CLIENT_FINAL), ST_DENIED);
    assert_int_equal(x.reply.size, 0);
    exchange_end(&x);
}

static void test_mock_verifier_is_stable_and_per_name(void **state)
{
    (void)state;
    uint8_t secret[32] = {1, 2, 3};
    struct scram_verifier a;
    struct scram_verifier b;
    scram_verifier_mock(&a, secret, span_text("nobody"));
    scram_verifier_mock(&b, secret, span_text("nobody"));
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.iterations, SCRAM_ITERATIONS);
    scram_verifier_mock(&b, secret, span_text("nobodi"));
    assert_memory_not_equal(a.salt, b.salt, sizeof a.salt);
    secret[31] ^= 1;
    scram_verifier_mock(&b, secret, span_text("nobody"));
    assert_memory_not_equal(a.salt, b.salt, sizeof a.salt);
}

static void test_malformed_messages(void **state)
{
    (void)state;
    static const char *const first[] = {"",
                                        "n",
                                        "n,,",
                                        "n,,n=user",
                                        "n,,n=user,",
                                        "n,,n=user,r=",
                                        "n,,r=abc",
                                        "p=tls-unique,,n=,r=a",
                                        "n,a=other,n=user,r=abc",
                                        "n,,m=ext,n=user,r=abc",
                                        "x,,n=user,r=abc",
                                        "N,,n=user,r=abc"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        struct exchange x;
        exchange_begin(&x, "pencil", false);
        assert_int_equal(run(&x, first[i], CLIENT_FINAL), ST_INVALID);
        exchange_end(&x);
    }
    static const char *const final[] = {"",
                                        "c=biws",
                                        "c=eSws,r=" NONCES ",p=" PROOF,
                                        "c=biws,r=" SERVER_PART ",p=" PROOF,
                                        "c=biws,r=" NONCES,
                                        "c=biws,r=" NONCES ",p=",
                                        "c=biws,r=" NONCES ",p=AAAA",
                                        "c=biws,r=" NONCES ",x=" PROOF,
                                        "c=biws,r=" NONCES ",p=" PROOF "AAAA",
                                        "c=biws,r=" NONCES ",p=" PROOF ",x=1",
                                        "c=biws,r=" NONCES ",p=!" PROOF};
    for (size_t i = 0; i < sizeof final / sizeof *final; i++) {
        struct exchange x;
        exchange_begin(&x, "pencil", false);
        assert_int_equal(run(&x, CLIENT_FIRST, final[i]), ST_INVALID);
        exchange_end(&x);
    }
}

static void test_truncation_and_flips_never_let_in(void **state)
{
    (void)state;
    struct exchange x;
    for (size_t size = 0; size < strlen(CLIENT_FINAL); size++) {
        bool is_done = false;
        exchange_begin(&x, "pencil", false);
        assert_int_equal(exchange_step(&x, span_text(CLIENT_FIRST), &is_done), ST_OK);
        assert_int_not_equal(exchange_step(&x, span_of(CLIENT_FINAL, size), &is_done), ST_OK);
        assert_false(is_done);
        exchange_end(&x);
    }
    for (size_t at = 0; at < strlen(CLIENT_FINAL); at++) {
        char message[] = CLIENT_FINAL;
        message[at] ^= 1;
        exchange_begin(&x, "pencil", false);
        assert_int_not_equal(run(&x, CLIENT_FIRST, message), ST_OK);
        exchange_end(&x);
    }
}

static void test_extensions_are_signed(void **state)
{
    (void)state;
    struct exchange x;
    exchange_begin(&x, "pencil", false);
    assert_int_equal(run(&x, CLIENT_FIRST, "c=biws,r=" NONCES ",x=y,p=" PROOF), ST_DENIED);
    exchange_end(&x);
}

static void test_too_long_message(void **state)
{
    (void)state;
    struct exchange x;
    struct span first = span_text("n,,n=,r=");
    static uint8_t message[SCRAM_MESSAGE_MAX + 1];
    memset(message, 'a', sizeof message);
    memcpy(message, first.data, first.size);
    bool is_done = false;
    exchange_begin(&x, "pencil", false);
    assert_int_equal(exchange_step(&x, span_of(message, sizeof message), &is_done), ST_INVALID);
    exchange_end(&x);
    exchange_begin(&x, "pencil", false);
    assert_int_equal(exchange_step(&x, span_of(message, sizeof message - 1), &is_done), ST_OK);
    exchange_end(&x);
}

static void test_nonce_text(void **state)
{
    (void)state;
    uint8_t random[SCRAM_NONCE_SIZE];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(i * 14);
    char text[SCRAM_NONCE_TEXT];
    scram_nonce_text(text, random);
    assert_string_equal(text, "AA4cKjhGVGJwfoyaqLbE0uDu");
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    struct scram_verifier v;
    assert_int_equal(scram_verifier_make(&v, span_text("pencil"), salt), ST_OK);
    enum status st = ST_NO_MEMORY;
    for (uint32_t n = 1; st != ST_OK; n++) {
        assert_true(n < 20);
        struct fail_mem heap;
        fail_mem_init(&heap, n);
        struct exchange x = {0};
        buf_init(&x.reply, &heap.mem, 0);
        bool is_done = false;
        st = scram_new(&x.scram, &heap.mem, &v, false, span_text(SERVER_PART));
        if (st == ST_OK) st = exchange_step(&x, span_text(CLIENT_FIRST), &is_done);
        if (st == ST_OK) st = exchange_step(&x, span_text(CLIENT_FINAL), &is_done);
        assert_int_equal(is_done, st == ST_OK);
        assert_true(st == ST_OK || st == ST_NO_MEMORY);
        exchange_end(&x);
        assert_int_equal(heap.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_7677),
        cmocka_unit_test(test_wrong_password_is_denied),
        cmocka_unit_test(test_mock_is_denied_at_the_end_only),
        cmocka_unit_test(test_mock_verifier_is_stable_and_per_name),
        cmocka_unit_test(test_malformed_messages),
        cmocka_unit_test(test_truncation_and_flips_never_let_in),
        cmocka_unit_test(test_extensions_are_signed),
        cmocka_unit_test(test_too_long_message),
        cmocka_unit_test(test_nonce_text),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
