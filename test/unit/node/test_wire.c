/* Goal: each message between replicas has one encoding, stands the sweep of the codecs, and its
 * lists give back what was put in. */
#include <stdio.h>

#include "node/wire.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static struct wire_message shared; /* Too large for a stack. */

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    TRY(wire_decode(&shared, bytes));
    wire_encode(out, &shared);
    return buf_status(out);
}

static struct wire_items put_items(struct buf *items, const char *const *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        wire_put(items, span_text(texts[i]));
    assert_int_equal(buf_status(items), ST_OK);
    return (struct wire_items){.bytes = buf_span(items), .count = count};
}

static void fill_proposal(struct wire_message *m, struct buf *leaves)
{
    struct arena a;
    arena_init(&a, mem_system(), 0);
    struct sample_block b;
    sample_block(&b, &a, 3);
    m->proposal = (struct wire_proposal){.proposal = {.header = b.header},
                                         .has_final_cert = b.body.has_final_cert,
                                         .final_cert = b.body.final_cert,
                                         .notes = b.body.notes};
    memset(m->proposal.proposal.sig.bytes, 7, SIGN_SIGNATURE_SIZE);
    for (uint32_t i = 0; i < 3; i++)
        buf_put(leaves, hash_span(&b.txs[i].leaf));
    m->proposal.leaves = buf_span(leaves);
    arena_fini(&a);
}

/* What is said to a node that joins, and by it. */
static void fill_joining(struct wire_message *m, enum wire_kind kind, struct buf *parts)
{
    static const char *const texts[] = {"one", "two"};
    const struct hash hash = hash_of("test", span_text("hash"));
    if (kind == WIRE_GET_HISTORY) {
        m->get_history = (struct wire_get_chain){.id = 4, .height = 78};
    }
    if (kind == WIRE_HISTORY) {
        m->history = (struct wire_history){.id = 4, .final_height = 81, .has_cert = true};
        m->history.cert = sample_certificate(VOTE_P2, 81, &hash, 3);
        m->history.items = put_items(parts, texts, 2);
    }
    if (kind == WIRE_GET_SNAPSHOT) {
        m->get_snapshot = (struct wire_get_snapshot){.id = 5, .height = 1280};
    }
    if (kind == WIRE_SNAPSHOT) {
        m->snapshot = (struct wire_snapshot){.id = 5,
                                             .height = 1280,
                                             .is_ready = true,
                                             .hash = hash,
                                             .manifest_size = 9000,
                                             .size = 1u << 20,
                                             .chunk_count = 17};
    }
    if (kind == WIRE_GET_PIECE) {
        m->get_piece = (struct wire_get_piece){.id = 6,
                                               .kind = PIECE_CHUNK,
                                               .height = 1280,
                                               .at = 1u << 21,
                                               .size = 1u << 20,
                                               .offset = 4096};
    }
    if (kind == WIRE_PIECE) {
        m->piece = (struct wire_piece){
            .id = 6, .size = 5000, .offset = 4096, .bytes = span_text("a piece")};
    }
}

/* parts keeps what m borrows. */
static void fill(struct wire_message *m, enum wire_kind kind, struct buf *parts)
{
    static const char *const texts[] = {"one", "two", "three"};
    *m = (struct wire_message){.kind = kind};
    struct hash hash = hash_of("test", span_text("hash"));
    switch (kind) {
    case WIRE_CONSENSUS:
    case WIRE_INCIDENT:
    case WIRE_EVIDENCE: m->bytes = span_text("not looked into"); return;
    case WIRE_PROPOSAL: fill_proposal(m, parts); return;
    case WIRE_TXS: m->txs = put_items(parts, texts, 3); return;
    case WIRE_GET_TXS:
        buf_put(parts, hash_span(&hash));
        m->get_txs = (struct wire_get_txs){.id = 300, .leaves = buf_span(parts)};
        return;
    case WIRE_TXS_FOUND:
        wire_put_found(parts, 0, span_text("first"));
        wire_put_found(parts, 7, span_text("eighth"));
        m->txs_found =
            (struct wire_txs_found){.id = 300, .txs = {.bytes = buf_span(parts), .count = 2}};
        return;
    case WIRE_GET_BLOCK:
        m->get_block = (struct wire_get_block){.id = 1, .height = 9, .hash = hash, .offset = 4096};
        return;
    case WIRE_BLOCK_PART:
        m->block_part = (struct wire_block_part){
            .id = 1, .size = 5000, .offset = 4096, .bytes = span_text("a part")};
        return;
    case WIRE_GET_CHAIN: m->get_chain = (struct wire_get_chain){.id = 2, .height = 77}; return;
    case WIRE_CHAIN:
        m->chain = (struct wire_chain){.id = 2, .final_height = 80, .has_cert = true};
        m->chain.cert = sample_certificate(VOTE_P2, 80, &hash, 3);
        m->chain.blocks = put_items(parts, texts, 2);
        return;
    case WIRE_GET_HEIGHT:
        m->get_height = (struct wire_get_height){.id = 3, .epoch = 2, .final_height = 1000};
        return;
    case WIRE_HEIGHT:
        m->height = (struct wire_height){.id = 3, .height = 1002, .has_cert = true};
        m->height.cert = sample_certificate(VOTE_P2, 1003, &hash, 3);
        return;
    case WIRE_REPORT:
        m->report = (struct wire_report){.program = hash,
                                         .exec_version_min = 1,
                                         .exec_version_max = 2,
                                         .version = span_text("1.2.3-rc4")};
        return;
    case WIRE_LINKS: m->links = (struct wire_links){.epoch = 2, .links = 0x2du}; return;
    case WIRE_JOIN: m->card = span_text("version = 1\n"); return;
    case WIRE_WELCOME:
        m->welcome = (struct wire_welcome){.genesis = span_text("a genesis"),
                                           .is_accepted = true,
                                           .said = span_text("proposal 1 has 1 of 3 votes")};
        return;
    case WIRE_GET_HISTORY:
    case WIRE_HISTORY:
    case WIRE_GET_SNAPSHOT:
    case WIRE_SNAPSHOT:
    case WIRE_GET_PIECE:
    case WIRE_PIECE: fill_joining(m, kind, parts); return;
    }
}

static void check_kind(enum wire_kind kind)
{
    static struct wire_message m;
    struct buf parts;
    struct buf out;
    buf_init(&parts, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    fill(&m, kind, &parts);
    wire_encode(&out, &m);
    assert_int_equal(buf_status(&out), ST_OK);
    assert_int_equal(wire_decode(&shared, buf_span(&out)), ST_OK);
    assert_int_equal(shared.kind, kind);
    /* What the engine or evidence.h decode has no form here: any bytes pass. */
    if (kind != WIRE_CONSENSUS && kind != WIRE_EVIDENCE && kind != WIRE_INCIDENT)
        codec_sweep(buf_span(&out), again);
    char name[32];
    (void)snprintf(name, sizeof name, "wire-%02u", (unsigned)kind);
    golden_check(name, buf_span(&out));
    buf_fini(&out);
    buf_fini(&parts);
}

static void test_every_kind_stands_the_sweep(void **state)
{
    (void)state;
    for (int kind = WIRE_CONSENSUS; kind <= WIRE_KIND_LAST; kind++)
        check_kind((enum wire_kind)kind);
}

static void test_lists_give_back_what_was_put_in(void **state)
{
    (void)state;
    struct buf parts;
    buf_init(&parts, mem_system(), 0);
    static struct wire_message m;
    struct span item;
    fill(&m, WIRE_TXS, &parts);
    assert_true(wire_next(&m.txs, &item));
    assert_true(span_equal(item, span_text("one")));
    assert_true(wire_next(&m.txs, &item));
    assert_true(wire_next(&m.txs, &item));
    assert_true(span_equal(item, span_text("three")));
    assert_false(wire_next(&m.txs, &item));

    buf_reset(&parts);
    uint32_t position = 0;
    fill(&m, WIRE_TXS_FOUND, &parts);
    assert_true(wire_next_found(&m.txs_found.txs, &position, &item));
    assert_int_equal(position, 0);
    assert_true(wire_next_found(&m.txs_found.txs, &position, &item));
    assert_int_equal(position, 7);
    assert_true(span_equal(item, span_text("eighth")));
    assert_false(wire_next_found(&m.txs_found.txs, &position, &item));
    buf_fini(&parts);
}

/* The bytes of m with a change that the encoder itself would not make. */
static enum status decode_raw(const char *text, size_t size)
{
    return wire_decode(&shared, span_of(text, size));
}

static void test_bounds(void **state)
{
    (void)state;
    assert_int_equal(decode_raw("", 0), ST_TRUNCATED);
    assert_int_equal(decode_raw("\x00", 1), ST_INVALID);
    assert_int_equal(decode_raw("\x11\x80", 2), ST_INVALID);
    assert_int_equal(decode_raw("\x01", 1), ST_TRUNCATED);           /* An empty engine message. */
    assert_int_equal(decode_raw("\x03\x80", 2), ST_INVALID);         /* No transactions. */
    assert_int_equal(decode_raw("\x03\x81\x40", 3), ST_INVALID);     /* An empty one. */
    assert_int_equal(decode_raw("\x04\x82\x01\x40", 4), ST_INVALID); /* No leaf. */
    assert_int_equal(decode_raw("\x04\x82\x01\x41\x00", 5), ST_INVALID);
    /* Positions that do not ascend. */
    assert_int_equal(decode_raw("\x05\x82\x01\x84\x01\x41\x61\x01\x41\x61", 10), ST_INVALID);
    assert_int_equal(decode_raw("\x05\x82\x01\x81\x01", 5), ST_INVALID);
    /* A part outside the block, and one that brings nothing. */
    assert_int_equal(decode_raw("\x07\x84\x01\x02\x02\x41\x61", 7), ST_INVALID);
    assert_int_equal(decode_raw("\x07\x84\x01\x02\x01\x40", 6), ST_INVALID);
    assert_int_equal(decode_raw("\x07\x84\x01\x00\x00\x40", 6), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_stands_the_sweep),
        cmocka_unit_test(test_lists_give_back_what_was_put_in),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
