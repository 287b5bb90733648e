/* Goal: each frame and control message has one encoding, the documented one, and every other
 * sequence of bytes is refused without harm. */
#include "p2p/frame.h"

#include "p2p/p2p.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/hex.h"

static const struct hello sample_hello = {.version = PROTOCOL_VERSION,
                                          .chain_id = {{0xc1, 0xc2, 0xc3, [31] = 0xcf}},
                                          .key = {0xa1, 0xa2, [31] = 0xaf},
                                          .incarnation = 0x1112131415161718,
                                          .lost_link = 0x2122232425262728};

static void expect(const struct buf *b, const char *hex)
{
    uint8_t bytes[256];
    size_t size = hex_bytes(bytes, sizeof bytes, hex);
    assert_int_equal(buf_status(b), ST_OK);
    assert_int_equal(b->size, size);
    assert_memory_equal(b->data, bytes, size);
}

/* The bytes of docs/format/p2p.md. */
static void golden(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct buf b;
    buf_init_fixed(&b, bytes, sizeof bytes);
    hello_encode(&b, &sample_hello);
    expect(&b, "10005800"
               "54535032"
               "02000000"
               "c1c2c300000000000000000000000000000000000000000000000000000000cf"
               "a1a20000000000000000000000000000000000000000000000000000000000af"
               "1817161514131211"
               "2827262524232221");
    buf_reset(&b);
    adopt_encode(&b, 0x0102030405060708);
    expect(&b, "11000800"
               "0807060504030201");
    buf_reset(&b);
    ping_encode(&b, 9);
    expect(&b, "12000800"
               "0900000000000000");
    buf_reset(&b);
    pong_encode(&b, &(struct pong){.token = 9, .wall_ms = 0x0a0b});
    expect(&b, "13001000"
               "0900000000000000"
               "0b0a000000000000");
    buf_reset(&b);
    bye_encode(&b, BYE_OTHER_CHAIN);
    expect(&b, "1400010004");
    buf_reset(&b);
    frame_encode(&b, &(struct frame){P2P_TX, FRAME_WHOLE, span_text("abc")});
    expect(&b, "01030300616263");
}

/* --- sweeps: whatever decodes encodes to itself -------------------------------------------- */

static enum status payload_again(const struct frame *f, struct buf *out)
{
    struct hello hello;
    struct pong pong;
    uint64_t number;
    enum bye bye;
    switch (f->type) {
    case FRAME_HELLO:
        TRY(hello_decode(&hello, f->payload));
        hello_encode(out, &hello);
        return ST_OK;
    case FRAME_ADOPT:
        TRY(adopt_decode(&number, f->payload));
        adopt_encode(out, number);
        return ST_OK;
    case FRAME_PING:
        TRY(ping_decode(&number, f->payload));
        ping_encode(out, number);
        return ST_OK;
    case FRAME_PONG:
        TRY(pong_decode(&pong, f->payload));
        pong_encode(out, &pong);
        return ST_OK;
    case FRAME_BYE:
        TRY(bye_decode(&bye, f->payload));
        bye_encode(out, bye);
        return ST_OK;
    default: frame_encode(out, f); return ST_OK;
    }
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct frame f;
    size_t used = 0;
    (void)a;
    TRY(frame_decode(&f, &used, bytes));
    if (used != bytes.size) return ST_INVALID;
    return payload_again(&f, out);
}

static void sweeps(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct buf b;
    buf_init_fixed(&b, bytes, sizeof bytes);
    hello_encode(&b, &sample_hello);
    codec_sweep(buf_span(&b), again);
    buf_reset(&b);
    adopt_encode(&b, 77);
    codec_sweep(buf_span(&b), again);
    buf_reset(&b);
    ping_encode(&b, 77);
    codec_sweep(buf_span(&b), again);
    buf_reset(&b);
    pong_encode(&b, &(struct pong){1, 2});
    codec_sweep(buf_span(&b), again);
    for (int reason = BYE_STOPPING; reason <= BYE_NO_MEMBER; reason++) {
        buf_reset(&b);
        bye_encode(&b, (enum bye)reason);
        codec_sweep(buf_span(&b), again);
        assert_true(strlen(bye_text((enum bye)reason)) > 3);
    }
    buf_reset(&b);
    frame_encode(&b, &(struct frame){P2P_BULK, FRAME_FIRST, span_text("0123456789")});
    codec_sweep(buf_span(&b), again);
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "03000000",               /* No such channel. */
        "0f000000", "15000000",   /* No such control frame. */
        "ff000000", "00040100aa", /* No such flag. */
        "10010000",               /* Flags in a control frame. */
        "0003fd3f",               /* 16,381 bytes of payload. */
        "0003ffff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t bytes[16];
        struct frame f = {.type = 99};
        size_t used = 0;
        size_t size = hex_bytes(bytes, sizeof bytes, bad[i]);
        assert_int_equal(frame_decode(&f, &used, span_of(bytes, size)), ST_INVALID);
        assert_int_equal(f.type, 99);
    }
    uint8_t code = 0;
    enum bye reason = BYE_SILENT;
    assert_int_equal(bye_decode(&reason, span_of(&code, 1)), ST_INVALID);
    code = BYE_NO_MEMBER + 1;
    assert_int_equal(bye_decode(&reason, span_of(&code, 1)), ST_INVALID);
    assert_int_equal(reason, BYE_SILENT);
}

/* A later version may look different behind the version: it is named, not called garbage. */
static void other_version(void **state)
{
    (void)state;
    struct hello hello = {.incarnation = 5};
    const uint8_t bytes[] = {'T', 'S', 'P', '2', 9, 0, 0, 0, 1, 2, 3};
    assert_int_equal(hello_decode(&hello, span_of(bytes, sizeof bytes)), ST_UNSUPPORTED);
    assert_int_equal(hello.version, 9);
    assert_int_equal(hello_decode(&hello, span_of(bytes, 7)), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),
        cmocka_unit_test(sweeps),
        cmocka_unit_test(refused),
        cmocka_unit_test(other_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
