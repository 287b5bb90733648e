/* Goal: what an outbox cuts an inbox puts together, in any portions; the urgent passes the large;
 * memory stays within the limits; pieces that do not fit together are refused. */
#include <stdlib.h>

#include "base/endian.h"
#include "p2p/inbox.h"
#include "p2p/outbox.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/test_rng.h"

#define MESSAGES_MAX 256u
#define BIG          200000u

/* What an inbox gave. */
struct heard {
    uint32_t count;
    uint32_t controls;
    struct {
        enum p2p_channel channel;
        size_t size;
        uint8_t first;
        bool is_whole; /* All bytes as said_bytes made them. */
    } messages[MESSAGES_MAX];
};

static uint8_t pattern(uint8_t first, size_t at)
{
    return (uint8_t)(first + at * 7 + at / 251);
}

static struct span said_bytes(uint8_t *to, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++)
        to[i] = pattern(first, i);
    return span_of(to, size);
}

static enum status on_message(void *context, enum p2p_channel channel, struct span bytes)
{
    struct heard *h = context;
    assert_true(h->count < MESSAGES_MAX);
    bool is_whole = true;
    for (size_t i = 0; i < bytes.size; i++)
        is_whole &= bytes.data[i] == pattern(bytes.data[0], i);
    h->messages[h->count].channel = channel;
    h->messages[h->count].size = bytes.size;
    h->messages[h->count].first = bytes.data[0];
    h->messages[h->count++].is_whole = is_whole;
    return ST_OK;
}

static enum status on_control(void *context, const struct frame *frame)
{
    struct heard *h = context;
    assert_true(frame_is_control(frame));
    h->controls++;
    return ST_OK;
}

static struct inbox_events events_of(struct heard *h)
{
    return (struct inbox_events){.message = on_message, .control = on_control, .context = h};
}

static enum status say(struct outbox *o, enum p2p_channel channel, size_t size, uint8_t first)
{
    static uint8_t bytes[BIG];
    assert_true(size <= sizeof bytes);
    struct span message = said_bytes(bytes, size, first);
    if (!letter_is_needed(size)) return outbox_put(o, channel, message);
    struct letter *letter = letter_new(o->mem, message);
    if (letter == NULL) return ST_NO_MEMORY;
    enum status st = outbox_put_letter(o, channel, letter);
    letter_release(letter);
    return st;
}

static struct buf drained(struct outbox *o)
{
    struct buf all;
    uint8_t record[FRAME_MAX];
    buf_init(&all, mem_system(), 0);
    for (;;) {
        size_t size = outbox_fill(o, record);
        if (size == 0) return all;
        assert_true(size <= FRAME_MAX);
        buf_put(&all, span_of(record, size));
    }
}

/* Random messages on all channels, received in random portions: whole, once, in order per channel.
 */
static void round_trip(void **state)
{
    (void)state;
    struct test_rng rng = {11};
    for (uint32_t round = 0; round < 200; round++) {
        struct outbox o;
        struct heard said = {0};
        struct heard heard = {0};
        outbox_init(&o, mem_system());
        for (uint32_t i = 0; i < 20; i++) {
            enum p2p_channel c = (enum p2p_channel)test_rng_below(&rng, P2P_CHANNELS);
            size_t size = 1 + test_rng_below(&rng, test_rng_below(&rng, 3) == 0 ? 70000 : 500);
            if (test_rng_below(&rng, 8) == 0)
                size = FRAME_PAYLOAD_MAX - 1 + test_rng_below(&rng, 3);
            assert_int_equal(say(&o, c, size, (uint8_t)i), ST_OK);
            said.messages[said.count].channel = c;
            said.messages[said.count++].size = size;
        }
        struct buf all = drained(&o);
        assert_true(outbox_is_empty(&o));
        struct inbox in;
        struct inbox_events events = events_of(&heard);
        inbox_init(&in, mem_system());
        for (size_t at = 0; at < all.size;) {
            size_t part = 1 + test_rng_below(&rng, round % 2 == 0 ? 40000 : 50);
            if (part > all.size - at) part = all.size - at;
            assert_int_equal(inbox_feed(&in, span_of(all.data + at, part), &events), ST_OK);
            at += part;
        }
        assert_int_equal(heard.count, said.count);
        uint32_t last[P2P_CHANNELS] = {0};
        for (uint32_t i = 0; i < heard.count; i++) {
            uint32_t number = heard.messages[i].first;
            enum p2p_channel c = heard.messages[i].channel;
            assert_true(heard.messages[i].is_whole);
            assert_int_equal(said.messages[number].channel, c);
            assert_int_equal(said.messages[number].size, heard.messages[i].size);
            assert_true(number + 1 > last[c]);
            last[c] = number + 1;
        }
        buf_fini(&all);
        inbox_fini(&in);
        outbox_clear(&o);
    }
}

static uint8_t first_type(struct outbox *o)
{
    uint8_t record[FRAME_MAX];
    assert_true(outbox_fill(o, record) > 0);
    return record[0];
}

/* A vote said in the middle of a body is in the very next record, before the body's next piece. */
static void urgent_first(void **state)
{
    (void)state;
    struct outbox o;
    outbox_init(&o, mem_system());
    assert_int_equal(say(&o, P2P_BULK, BIG, 1), ST_OK);
    assert_int_equal(first_type(&o), P2P_BULK);
    assert_int_equal(say(&o, P2P_TX, 300, 2), ST_OK);
    assert_int_equal(say(&o, P2P_CONSENSUS, 200, 3), ST_OK);
    uint8_t record[FRAME_MAX];
    size_t size = outbox_fill(&o, record);
    assert_int_equal(size, FRAME_MAX); /* Filled up with the body. */
    assert_int_equal(record[0], P2P_CONSENSUS);
    assert_int_equal(record[FRAME_HEADER + 200], P2P_TX);
    assert_int_equal(record[FRAME_HEADER + 200 + FRAME_HEADER + 300], P2P_BULK);
    outbox_clear(&o);
}

/* Under a flood of transactions, bulk gets one record in OUTBOX_TX_RUN + 1; under a flood of votes
 * nothing else gets any. */
static void bulk_has_its_turn(void **state)
{
    (void)state;
    struct outbox o;
    outbox_init(&o, mem_system());
    assert_int_equal(say(&o, P2P_BULK, BIG, 1), ST_OK);
    uint32_t bulk = 0;
    for (uint32_t i = 0; i < 45; i++) {
        while (o.queued[P2P_TX] < (size_t)4 * FRAME_MAX)
            assert_int_equal(say(&o, P2P_TX, 400, 2), ST_OK);
        if (first_type(&o) == P2P_BULK) bulk++;
    }
    assert_int_equal(bulk, 5);
    for (uint32_t i = 0; i < 45; i++) {
        while (o.queued[P2P_CONSENSUS] < (size_t)4 * FRAME_MAX)
            assert_int_equal(say(&o, P2P_CONSENSUS, 400, 3), ST_OK);
        assert_int_equal(first_type(&o), P2P_CONSENSUS);
    }
    outbox_clear(&o);
}

/* A queue takes its maximum and not more; a channel that is full does not fill the others. */
static void queues_are_bounded(void **state)
{
    (void)state;
    struct outbox o;
    outbox_init(&o, mem_system());
    uint32_t count = 0;
    while (say(&o, P2P_CONSENSUS, 16000, 1) == ST_OK)
        count++;
    assert_int_equal(count, outbox_max(P2P_CONSENSUS) / (16000 + FRAME_HEADER));
    assert_int_equal(say(&o, P2P_CONSENSUS, BIG, 1), ST_BUSY);
    assert_true(o.queued[P2P_CONSENSUS] <= outbox_max(P2P_CONSENSUS));
    assert_int_equal(say(&o, P2P_TX, 16000, 1), ST_OK);
    (void)first_type(&o);
    assert_int_equal(say(&o, P2P_CONSENSUS, 16000, 1), ST_OK);
    outbox_clear(&o);
    assert_true(outbox_is_empty(&o));
    assert_int_equal(say(&o, P2P_CONSENSUS, 16000, 1), ST_OK);
    outbox_clear(&o);
}

/* --- what an inbox refuses ----------------------------------------------------------------- */

struct piece {
    uint8_t channel;
    uint8_t flags;
    uint32_t total; /* In front; 0: none. */
    uint32_t size;
};

static enum status feed_pieces(const struct piece *pieces, uint32_t count, struct heard *heard)
{
    struct inbox in;
    struct buf all;
    static const uint8_t zeroes[FRAME_PAYLOAD_MAX];
    struct inbox_events events = events_of(heard);
    buf_init(&all, mem_system(), 0);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t header[FRAME_HEADER];
        size_t front = pieces[i].total > 0 ? FRAME_TOTAL : 0;
        frame_header_put(header, pieces[i].channel, pieces[i].flags, pieces[i].size + front);
        buf_put(&all, span_of(header, sizeof header));
        if (front > 0) buf_put_u32_le(&all, pieces[i].total);
        buf_put(&all, span_of(zeroes, pieces[i].size));
    }
    inbox_init(&in, mem_system());
    enum status st = inbox_feed(&in, buf_span(&all), &events);
    inbox_fini(&in);
    buf_fini(&all);
    return st;
}

#define FEED(heard, ...)                                                                           \
    feed_pieces((const struct piece[]){__VA_ARGS__},                                               \
                sizeof((const struct piece[]){__VA_ARGS__}) / sizeof(struct piece), heard)

static void misfits(void **state)
{
    (void)state;
    struct heard h = {0};
    /* Good ones first, so that the others are refused for the right reason. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 2, 0, 4}), ST_OK);
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {2, 3, 0, 1}, {1, 0, 0, 3}, {1, 2, 0, 1}), ST_OK);
    assert_int_equal(h.count, 3);
    assert_int_equal(FEED(&h, {1, 3, 0, 0}), ST_INVALID);                 /* Empty. */
    assert_int_equal(FEED(&h, {1, 2, 0, 4}), ST_INVALID);                 /* An end alone. */
    assert_int_equal(FEED(&h, {1, 0, 0, 4}), ST_INVALID);                 /* A middle alone. */
    assert_int_equal(FEED(&h, {1, 1, 10, 10}), ST_INVALID);               /* Could be whole. */
    assert_int_equal(FEED(&h, {1, 1, 10, 0}), ST_INVALID);                /* Says nothing. */
    assert_int_equal(FEED(&h, {1, 1, 0, 3}), ST_INVALID);                 /* No total. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 2, 0, 3}), ST_INVALID);  /* Ends early. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 0, 0, 4}), ST_INVALID);  /* Does not end. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 2, 0, 5}), ST_INVALID);  /* Too long. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 0, 0, 0}), ST_INVALID);  /* Says nothing. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 1, 10, 6}), ST_INVALID); /* Begins again. */
    assert_int_equal(FEED(&h, {1, 1, 10, 6}, {1, 3, 0, 6}), ST_INVALID);  /* Another between. */
    assert_int_equal(FEED(&h, {0, 1, P2P_CONSENSUS_MAX, 6}), ST_OK);
    assert_int_equal(FEED(&h, {0, 1, P2P_CONSENSUS_MAX + 1, 6}), ST_LIMIT);
    assert_int_equal(FEED(&h, {2, 1, UINT32_MAX, 6}), ST_LIMIT);
    assert_int_equal(h.count, 3);
}

/* A peer that announces much and sends little costs what it sends. */
static void announced_is_not_reserved(void **state)
{
    (void)state;
    struct inbox in;
    struct heard h = {0};
    struct inbox_events events = events_of(&h);
    uint8_t frame[FRAME_HEADER + FRAME_TOTAL + 1] = {0};
    inbox_init(&in, mem_system());
    frame_header_put(frame, P2P_BULK, FRAME_FIRST, FRAME_TOTAL + 1);
    put_u32_le(frame + FRAME_HEADER, P2P_BULK_MAX);
    assert_int_equal(inbox_feed(&in, span_of(frame, sizeof frame), &events), ST_OK);
    assert_true(in.open[P2P_BULK].bytes.capacity <= 4096);
    inbox_fini(&in);
}

static enum status both_ways(struct mem *mem)
{
    struct outbox o;
    struct inbox in;
    struct heard h = {0};
    struct inbox_events events = events_of(&h);
    uint8_t record[FRAME_MAX];
    outbox_init(&o, mem);
    inbox_init(&in, mem);
    enum status st = say(&o, P2P_TX, 100, 1);
    if (st == ST_OK) st = say(&o, P2P_BULK, 50000, 2);
    while (st == ST_OK) {
        size_t size = outbox_fill(&o, record);
        if (size == 0) break;
        st = inbox_feed(&in, span_of(record, size), &events);
    }
    if (st == ST_OK) assert_int_equal(h.count, 2);
    outbox_clear(&o);
    inbox_fini(&in);
    return st;
}

static void memory_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        enum status st = both_ways(&f.mem);
        assert_int_equal(f.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),        cmocka_unit_test(urgent_first),
        cmocka_unit_test(bulk_has_its_turn), cmocka_unit_test(queues_are_bounded),
        cmocka_unit_test(misfits),           cmocka_unit_test(announced_is_not_reserved),
        cmocka_unit_test(memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
