/* Goal: a proof of each kind verifies from the hash of the genesis alone and says what it proves;
 * no bit of it can change; one of another chain, epoch or height is refused with its reason. */
#include "ledger/proof.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"
#include "support/sample_proof.h"
#include "support/share.h"

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct proof p;
    TRY(proof_decode(&p, a, bytes));
    proof_encode(out, &p);
    return buf_status(out);
}

static enum status check(struct span bytes,
                         struct proof_facts *facts,
                         struct arena *a,
                         const char **what)
{
    static struct hash chain_id; /* Made once: it takes keys. */
    if (hash_is_zero(&chain_id)) chain_id = sample_chain_id();
    const struct proof_anchor anchor = {.chain_id = &chain_id, .signer = sample_signer()};
    return proof_verify_bytes(bytes, &anchor, facts, a, what);
}

static void make(struct buf *out, struct arena *a, enum sample_subject subject)
{
    struct proof p;
    sample_proof_of(&p, a, subject);
    buf_reset(out);
    proof_encode(out, &p);
    assert_int_equal(buf_status(out), ST_OK);
}

static void each_kind_verifies(void **state)
{
    (void)state;
    static const char *const names[SAMPLE_SUBJECTS] = {
        "proof-tx",          "proof-tx-later",     "proof-tx-shown",
        "proof-version",     "proof-version-gone", "proof-row",
        "proof-row-of-many", "proof-no-row",       "proof-no-row-of-none",
        "proof-no-tx",       "proof-no-tx-of-none"};
    struct arena a;
    struct buf out;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    for (int i = 0; i < SAMPLE_SUBJECTS; i++) {
        struct proof_facts facts;
        const char *what = "";
        make(&out, &a, (enum sample_subject)i);
        golden_check(names[i], buf_span(&out));
        codec_sweep(buf_span(&out), again);
        if (check(buf_span(&out), &facts, &a, &what) != ST_OK) fail_msg("%s: %s", names[i], what);
        assert_null(what);
    }
    buf_fini(&out);
    arena_fini(&a);
}

static void what_is_proved_comes_out(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct proof_facts facts;
    const char *what;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    make(&out, &a, SAMPLE_TX_SHOWN);
    assert_int_equal(check(buf_span(&out), &facts, &a, &what), ST_OK);
    struct tx whole = sample_tx();
    assert_non_null(facts.shown);
    assert_true(hash_equal(&facts.receipt.txid, &whole.txid));
    assert_true(span_equal(facts.shown->ops[0].params[0].value, whole.ops[0].params[0].value));
    assert_false(facts.shown->ops[0].params[0].is_purged);
    assert_true(facts.shown->ops[0].params[1].is_purged);
    make(&out, &a, SAMPLE_VERSION);
    assert_int_equal(check(buf_span(&out), &facts, &a, &what), ST_OK);
    assert_int_equal(facts.kind, PROOF_ROW_VERSION);
    assert_int_equal(facts.table_id, 1000);
    assert_memory_equal(facts.key.data, "\x81\x03", facts.key.size);
    assert_memory_equal(facts.row.data, "\x82\x03\x65value", facts.row.size);
    make(&out, &a, SAMPLE_VERSION_GONE);
    assert_int_equal(check(buf_span(&out), &facts, &a, &what), ST_OK);
    assert_int_equal(facts.row.size, 0);
    assert_int_equal(facts.height, SAMPLE_HEIGHT);
    make(&out, &a, SAMPLE_ROW_OF_MANY);
    assert_int_equal(check(buf_span(&out), &facts, &a, &what), ST_OK);
    assert_int_equal(facts.height, 128);
    assert_memory_equal(facts.key.data, "\x81\x18\xf6", facts.key.size);
    make(&out, &a, SAMPLE_NO_ROW);
    assert_int_equal(check(buf_span(&out), &facts, &a, &what), ST_OK);
    assert_int_equal(facts.kind, PROOF_NO_ROW);
    assert_int_equal(facts.height, 256);
    assert_memory_equal(facts.key.data, "\x81\x07", facts.key.size);
    assert_int_equal(facts.row.size, 0);
    buf_fini(&out);
    arena_fini(&a);
}

static void no_bit_can_change(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    for (int i = 0; i < SAMPLE_SUBJECTS; i++) {
        arena_reset(&a);
        make(&out, &a, (enum sample_subject)i);
        for (size_t bit = share_from(9); bit < 8 * out.size; bit += share_step(9)) {
            struct proof_facts facts;
            const char *what = NULL;
            out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            arena_reset(&a);
            assert_int_not_equal(check(buf_span(&out), &facts, &a, &what), ST_OK);
            assert_non_null(what);
            out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    buf_fini(&out);
    arena_fini(&a);
}

static void expect(struct proof *p, struct arena *a, const char *reason)
{
    struct buf out;
    struct proof_facts facts;
    const char *what = NULL;
    buf_init(&out, mem_system(), 0);
    proof_encode(&out, p);
    assert_int_equal(check(buf_span(&out), &facts, a, &what), ST_REJECTED);
    if (strcmp(what, reason) != 0) fail_msg("said: %s", what);
    buf_fini(&out);
}

static void foreign_proofs_are_refused_with_their_reason(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    arena_init(&a, mem_system(), 0);
    sample_proof_of(&p, &a, SAMPLE_TX);
    p.genesis = (struct span){0};
    expect(&p, &a, "the proof does not contain the genesis: give its file");
    const struct span own = sample_genesis_bytes();
    uint8_t *other = arena_alloc(&a, own.size);
    assert_non_null(other);
    memcpy(other, own.data, own.size);
    other[5] ^= 1;
    p.genesis = span_of(other, own.size);
    expect(&p, &a, "the genesis in the proof is of another chain");
    sample_proof_of(&p, &a, SAMPLE_TX);
    p.block.epochs = span_text("\x80");
    expect(&p, &a, "a block of epoch 0 needs no chain of epochs");
    sample_proof_of(&p, &a, SAMPLE_TX_LATER);
    p.block.epochs = (struct span){0};
    expect(&p, &a, "the block is of another epoch: its validators are unknown");
    struct proof early;
    sample_proof_of(&p, &a, SAMPLE_TX_LATER);
    sample_proof_of(&early, &a, SAMPLE_TX);
    p.block.final_cert = early.block.final_cert;
    expect(&p, &a, "the commit certificate is of another block");
    sample_proof_of(&p, &a, SAMPLE_TX);
    p.block.result.height++;
    expect(&p, &a, "the result is of another height");
    sample_proof_of(&p, &a, SAMPLE_VERSION);
    p.of.version.entry = span_text("\x83\x01\x81\x01\xf6");
    expect(&p, &a, "the row is not under the root of the write set");
    p.of.version.entry = span_text("\x83\x01\x81\x01");
    expect(&p, &a, "the row is malformed");
    sample_proof_of(&p, &a, SAMPLE_TX_SHOWN);
    p.of.tx.shown_path.count--;
    expect(&p, &a, "the transaction shown is not under the root of transactions");
    sample_proof_of(&p, &a, SAMPLE_TX_SHOWN);
    p.of.tx.shown.size--;
    expect(&p, &a, "the transaction shown is malformed");
    struct buf bytes;
    struct tx small = sample_small_tx(1);
    buf_init(&bytes, mem_system(), 0);
    tx_encode(&small, &bytes);
    p.of.tx.shown = buf_span(&bytes);
    expect(&p, &a, "the transaction shown is another one");
    buf_fini(&bytes);
    arena_fini(&a);
}

static void absence_covers_a_life(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct proof_facts f;
    const char *what;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    make(&out, &a, SAMPLE_NO_TX);
    assert_int_equal(check(buf_span(&out), &f, &a, &what), ST_OK);
    assert_int_equal(f.after, 0);
    assert_int_equal(f.height, 256);
    assert_int_equal(f.txid.bytes[0], 0x38);
    const uint64_t passed = SAMPLE_TIME_MS + 136; /* Of block 136, which certifies 128. */
    assert_int_equal(f.passed_ms, passed);
    assert_true(proof_covers_life(&f, UINT64_MAX, 256));
    assert_false(proof_covers_life(&f, UINT64_MAX, 257));
    assert_true(proof_covers_life(&f, passed - 1, 60000));
    assert_false(proof_covers_life(&f, passed, 60000));
    f.after = 100; /* What stood in block 100 or below is not told. */
    assert_false(proof_covers_life(&f, passed - 1, TX_SPAN_BLOCKS_MAX + 100));
    assert_true(proof_covers_life(&f, passed - 1, TX_SPAN_BLOCKS_MAX + 101));
    buf_fini(&out);
    arena_fini(&a);
}

static void absence_leaves_nothing_out(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    arena_init(&a, mem_system(), 0);
    sample_proof_of(&p, &a, SAMPLE_NO_TX);
    struct proof_no_tx *n = &p.of.no_tx;
    struct proof_neighbour left = n->interval.left;
    n->interval.left = n->interval.right;
    expect(&p, &a, "the transaction is not between its neighbours");
    n->interval.left = left;
    n->txid.bytes[0] = 0x30; /* It is the left one. */
    expect(&p, &a, "the transaction is not between its neighbours");
    n->txid.bytes[0] = 0x70;
    expect(&p, &a, "the transaction is not between its neighbours");
    n->txid.bytes[0] = 0x38;
    n->interval.left.is_there = false;
    expect(&p, &a, "other transactions are between the neighbours");
    n->interval.left = left;
    n->interval.right.is_there = false;
    expect(&p, &a, "other transactions are between the neighbours");
    sample_proof_of(&p, &a, SAMPLE_NO_TX);
    n->interval.left.txid.bytes[31] ^= 1;
    expect(&p, &a, "a neighbour is not under the root of transaction ids");
    sample_proof_of(&p, &a, SAMPLE_NO_TX);
    n->older[0].interval.checkpoint.height--;
    expect(&p, &a, "blocks between two checkpoints are left out");
    sample_proof_of(&p, &a, SAMPLE_NO_TX);
    n->interval.checkpoint.before--;
    expect(&p, &a, "the checkpoint is not the one that the block certifies");
    sample_proof_of(&p, &a, SAMPLE_NO_TX);
    n->interval.checkpoint.height--;
    expect(&p, &a, "the checkpoint is of another height");
    n->interval.checkpoint.height++;
    n->older[0].block.result.height++;
    expect(&p, &a, "the result is of another height");
    arena_fini(&a);
}

static void rows_at_a_checkpoint_are_the_ones_there(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    struct proof other;
    arena_init(&a, mem_system(), 0);
    sample_proof_of(&p, &a, SAMPLE_ROW_OF_MANY);
    sample_proof_of(&other, &a, SAMPLE_ROW);
    p.of.row.entry = other.of.row.entry; /* Of another bucket. */
    expect(&p, &a, "the path does not lead to the row");
    sample_proof_of(&p, &a, SAMPLE_ROW);
    p.of.row.entry = span_text("\x83\x19\x03\xe8\x81\x0e\x82\x0e\x65"
                               "valuf");
    expect(&p, &a, "the row is another one at the checkpoint");
    p.of.row.entry = span_text("\x83\x19\x03\xe8\x81\x0e\xf6");
    expect(&p, &a, "the row is malformed");
    sample_proof_of(&p, &a, SAMPLE_NO_ROW);
    p.of.row.key = span_text("\x81\x06");
    expect(&p, &a, "the row is there");
    p.of.row.key = span_text("\x06");
    expect(&p, &a, "the key is malformed");
    sample_proof_of(&p, &a, SAMPLE_NO_ROW);
    p.of.row.checkpoint.height++;
    expect(&p, &a, "the checkpoint is of another height");
    arena_fini(&a);
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct arena good;
    struct buf out;
    arena_init(&good, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    make(&out, &good, SAMPLE_TX_SHOWN);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        struct proof_facts facts;
        const char *what = NULL;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = check(buf_span(&out), &facts, &a, &what);
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    buf_fini(&out);
    arena_fini(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_verifies),
        cmocka_unit_test(what_is_proved_comes_out),
        cmocka_unit_test(no_bit_can_change),
        cmocka_unit_test(foreign_proofs_are_refused_with_their_reason),
        cmocka_unit_test(absence_covers_a_life),
        cmocka_unit_test(absence_leaves_nothing_out),
        cmocka_unit_test(rows_at_a_checkpoint_are_the_ones_there),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
