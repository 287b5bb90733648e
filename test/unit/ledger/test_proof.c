/* Goal: a receipt proof verifies from the genesis alone, and no bit of it can change without being
 * noticed. */
#include "ledger/proof.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct proof p;
    TRY(proof_decode(&p, a, bytes));
    proof_encode(out, &p);
    return buf_status(out);
}

static enum status verify(const struct proof *p, struct arena *a, const char **what)
{
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    struct proof_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    struct proof_facts facts;
    return proof_verify(p, &trust, &facts, a, what);
}

static void encoding(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct proof p;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    sample_proof(&p, &a, 2);
    proof_encode(&out, &p);
    golden_check("proof", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    sample_successors(&p, &a, 2);
    buf_reset(&out);
    proof_encode(&out, &p);
    golden_check("proof-successors", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    buf_fini(&out);
    arena_fini(&a);
}

static void what_a_block_shares_is_encoded_once(void **state)
{
    (void)state;
    struct arena a;
    struct buf whole;
    struct buf shared;
    struct buf parts;
    struct proof p;
    arena_init(&a, mem_system(), 0);
    buf_init(&whole, mem_system(), 0);
    buf_init(&shared, mem_system(), 0);
    buf_init(&parts, mem_system(), 0);
    sample_proof(&p, &a, 2);
    sample_successors(&p, &a, 1);
    proof_encode(&whole, &p);
    proof_block_write(&shared, &p.block);
    proof_encode_tx(&parts, &p.of.tx, buf_span(&shared));
    assert_true(span_equal(buf_span(&whole), buf_span(&parts)));
    buf_fini(&whole);
    buf_fini(&shared);
    buf_fini(&parts);
    arena_fini(&a);
}

static void good_proofs_verify(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    const char *what;
    arena_init(&a, mem_system(), 0);
    for (uint32_t later = 0; later <= 8; later += 4) {
        sample_proof(&p, &a, later);
        assert_int_equal(verify(&p, &a, &what), ST_OK);
        assert_null(what);
    }
    for (uint32_t count = 0; count <= PROOF_SUCCESSORS_MAX; count++) {
        sample_successors(&p, &a, count);
        assert_int_equal(verify(&p, &a, &what), ST_OK);
    }
    arena_fini(&a);
}

static void too_many_successors_are_refused(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct proof p;
    struct proof back;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    sample_proof(&p, &a, 0);
    sample_successors(&p, &a, PROOF_SUCCESSORS_MAX);
    proof_encode(&out, &p);
    assert_int_equal(proof_decode(&back, &a, buf_span(&out)), ST_OK);
    assert_int_equal(back.block.successor_count, PROOF_SUCCESSORS_MAX);
    uint8_t *head = out.data;
    while (span_equal(span_of(head, p.block.header.size), p.block.header) == false)
        head++;
    head += p.block.header.size; /* The array's head follows the block's own header. */
    assert_int_equal(*head, 0x80u + PROOF_SUCCESSORS_MAX);
    *head = 0x80u + PROOF_SUCCESSORS_MAX + 1;
    assert_int_equal(proof_decode(&back, &a, buf_span(&out)), ST_LIMIT);
    buf_fini(&out);
    arena_fini(&a);
}

/* Every bit of every field: the proof must stop verifying. Bits of a certificate's view in P3 do
 * not exist on the wire, so the sweep is over the encoding. */
static void no_bit_can_change(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct proof p;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    sample_proof(&p, &a, 2);
    sample_successors(&p, &a, 2);
    proof_encode(&out, &p);
    for (size_t bit = 0; bit < 8 * out.size; bit++) {
        const char *what = NULL;
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        arena_reset(&a);
        if (proof_decode(&p, &a, buf_span(&out)) == ST_OK) {
            assert_int_not_equal(verify(&p, &a, &what), ST_OK);
            assert_non_null(what);
        }
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_fini(&out);
    arena_fini(&a);
}

static void pieces_of_two_proofs_do_not_mix(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    struct proof other;
    const char *what;
    arena_init(&a, mem_system(), 0);
    sample_proof(&p, &a, 2);
    sample_proof(&other, &a, 4);
    p.block.res_cert = other.block.res_cert;
    assert_int_equal(verify(&p, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "another height"));
    p.block.later = other.block.later;
    assert_int_equal(verify(&p, &a, &what), ST_OK);
    struct hash block = p.block.result.block_hash;
    p.block.final_cert = sample_certificate(VOTE_P2, SAMPLE_HEIGHT, &block, 2);
    assert_int_equal(verify(&p, &a, &what), ST_INVALID);
    assert_non_null(strstr(what, "commit certificate"));
    p.block.final_cert = sample_certificate(VOTE_P1, SAMPLE_HEIGHT, &block, 4);
    assert_int_equal(verify(&p, &a, &what), ST_OK);
    p.block.final_cert = sample_certificate(VOTE_P1, SAMPLE_HEIGHT, &block, 3);
    assert_int_equal(verify(&p, &a, &what), ST_INVALID);
    arena_fini(&a);
}

/* The first four validators sign one statement; nobody of them looks at what it means. */
static struct certificate sign_anything(enum vote_part part, const struct statement *s)
{
    struct certificate c = {.part = part, .statement = *s, .entry_count = SAMPLE_NODES};
    struct hash chain_id = sample_chain_id();
    for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
        struct vote v = {.voter = i};
        for (int other = 0; other < VOTE_PARTS; other++)
            v.parts[other].is_null = true;
        v.parts[part] = *s;
        struct hash hash = vote_hash(&v, &chain_id);
        struct secret_key secret = sample_node_secret(i);
        assert_int_equal(sign_hash(sample_signer(), &v.sig, &secret, &hash), ST_OK);
        c.entries[i] = certificate_cut(&v, part);
    }
    return c;
}

struct lie { /* What the proof says; made consistent and signed by forge(). */
    struct header header;
    struct receipt receipt;
    uint64_t result_height;
    struct statement commit; /* hash is filled in. */
    struct statement result; /* hash is filled in. */
};

static struct span encoded(struct arena *a, const struct header *h, const struct receipt *r)
{
    uint8_t bytes[2048];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    if (h != NULL) header_encode(&out, h);
    if (r != NULL) receipt_encode(&out, r);
    return arena_copy(a, buf_span(&out));
}

static void forge(struct proof *p, struct arena *a, struct lie *lie)
{
    struct hash leaves[SAMPLE_TXS_MAX] = {{{0}}};
    struct hash levels[3 * SAMPLE_TXS_MAX];
    p->of.tx.receipt = encoded(a, NULL, &lie->receipt);
    p->block.header = encoded(a, &lie->header, NULL);
    leaves[2] = receipt_leaf(p->of.tx.receipt);
    merkle_levels_build(levels, leaves, SAMPLE_TXS_MAX);
    merkle_levels_path(&p->of.tx.path, levels, SAMPLE_TXS_MAX, 2);
    p->block.result.height = lie->result_height;
    p->block.result.block_hash = header_hash(&lie->header);
    p->block.result.receipts_root = levels[merkle_levels_size(SAMPLE_TXS_MAX) - 1];
    p->block.later = (struct span){0};
    struct hash d = block_result_digest(&p->block.result);
    lie->commit.hash = p->block.result.block_hash;
    lie->result.hash = digest_fold(&p->block.digest_before, &d);
    p->block.final_cert = sign_anything(VOTE_P2, &lie->commit);
    p->block.res_cert = sign_anything(VOTE_P3, &lie->result);
}

static struct lie truth(struct arena *a)
{
    struct sample_block b;
    sample_block(&b, a, SAMPLE_TXS_MAX);
    return (struct lie){.header = b.header,
                        .receipt = sample_receipt_ok(),
                        .result_height = SAMPLE_HEIGHT,
                        .commit = {.view = b.header.view, .height = SAMPLE_HEIGHT},
                        .result = {.height = SAMPLE_HEIGHT}};
}

static void expect_lie(struct arena *a, struct lie *lie, const char *part_of_what)
{
    struct proof p = {.kind = PROOF_TX, .block = {.digest_before = {{7}}}};
    const char *what = NULL;
    forge(&p, a, lie);
    assert_int_equal(verify(&p, a, &what), part_of_what == NULL ? ST_OK : ST_REJECTED);
    if (part_of_what != NULL && strstr(what, part_of_what) == NULL) fail_msg("said: %s", what);
    *lie = truth(a);
}

/* Every quorum signs, every hash fits; only the meaning does not. */
static void well_signed_nonsense_is_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, mem_system(), 0);
    struct lie lie = truth(&a);
    expect_lie(&a, &lie, NULL);
    lie.header.view++;
    expect_lie(&a, &lie, "earlier view");
    lie.header.epoch = lie.commit.epoch = lie.result.epoch = 1;
    expect_lie(&a, &lie, "validators are unknown");
    lie.header.tx_count += 4;
    expect_lie(&a, &lie, "not under the receipts root");
    lie.header.chain_id.bytes[0] ^= 1;
    expect_lie(&a, &lie, "another chain");
    lie.receipt.index = 1;
    expect_lie(&a, &lie, "not under the receipts root");
    lie.receipt.height++;
    expect_lie(&a, &lie, "receipt is of another height");
    lie.result_height++;
    expect_lie(&a, &lie, "result is of another height");
    lie.commit.height++;
    expect_lie(&a, &lie, "another block");
    lie.commit.epoch++;
    expect_lie(&a, &lie, "another block");
    lie.result.height++;
    expect_lie(&a, &lie, "execution certificate is of another height");
    lie.result.height--;
    expect_lie(&a, &lie, "execution certificate is of another height");
    lie.result.epoch++;
    expect_lie(&a, &lie, "another epoch");
    arena_fini(&a);
}

/* Two successors, the second changed by one field at a time, and a quorum signs the second. */
static void expect_bad_successor(struct arena *a, struct header next[2], const char *part_of_what)
{
    struct lie lie = truth(a);
    struct proof p = {.kind = PROOF_TX, .block = {.digest_before = {{7}}}};
    const char *what = NULL;
    forge(&p, a, &lie);
    for (uint32_t i = 0; i < 2; i++)
        p.block.successors[i] = encoded(a, &next[i], NULL);
    p.block.successor_count = 2;
    struct statement s = {
        .view = next[1].view, .height = next[1].height, .hash = header_hash(&next[1])};
    p.block.final_cert = sign_anything(VOTE_P2, &s);
    assert_int_equal(verify(&p, a, &what), part_of_what == NULL ? ST_OK : ST_REJECTED);
    if (part_of_what != NULL && strstr(what, part_of_what) == NULL) fail_msg("said: %s", what);
    const struct header *parent = &lie.header;
    for (uint32_t i = 0; i < 2; i++) {
        next[i] = *parent;
        next[i].parent = header_hash(parent);
        next[i].height++;
        parent = &next[i];
    }
}

static void successors_are_children(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, mem_system(), 0);
    struct lie lie = truth(&a);
    struct header next[2] = {lie.header, lie.header};
    expect_bad_successor(&a, next, "another height"); /* And makes them good ones. */
    expect_bad_successor(&a, next, NULL);
    next[1].chain_id.bytes[31] ^= 1;
    expect_bad_successor(&a, next, "successor is of another chain");
    next[1].epoch = 1;
    expect_bad_successor(&a, next, "successor is of another epoch");
    next[1].height++;
    expect_bad_successor(&a, next, "successor is of another height");
    next[1].height--;
    expect_bad_successor(&a, next, "successor is of another height");
    next[1].view--;
    expect_bad_successor(&a, next, "successor is of an earlier view");
    next[1].parent.bytes[0] ^= 1;
    expect_bad_successor(&a, next, "child of another block");
    next[0].parent.bytes[0] ^= 1;
    expect_bad_successor(&a, next, "child of another block");
    next[0].time_ms++; /* Still a child, but the second is not its child any more. */
    expect_bad_successor(&a, next, "child of another block");
    arena_fini(&a);
}

static void successors_are_neither_missing_nor_too_many(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    const char *what;
    arena_init(&a, mem_system(), 0);
    sample_proof(&p, &a, 1);
    struct certificate exact = p.block.final_cert;
    sample_successors(&p, &a, 3);
    struct proof q = p;
    q.block.successor_count = 2;
    assert_int_equal(verify(&q, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "commit certificate is of another block"));
    q = p;
    q.block.successor_count = 0;
    assert_int_equal(verify(&q, &a, &what), ST_REJECTED);
    q = p;
    q.block.final_cert = exact;
    assert_int_equal(verify(&q, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "commit certificate is of another block"));
    q = p;
    memmove(q.block.successors, q.block.successors + 1, 2 * sizeof *q.block.successors);
    q.block.successor_count = 2;
    assert_int_equal(verify(&q, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "another height"));
    q = p;
    q.block.successors[1].size--;
    assert_int_equal(verify(&q, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "malformed"));
    arena_fini(&a);
}

static void the_receipt_comes_out(void **state)
{
    (void)state;
    struct arena a;
    struct proof p;
    arena_init(&a, mem_system(), 0);
    sample_proof(&p, &a, 0);
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    struct proof_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    struct proof_facts facts;
    const char *what;
    assert_int_equal(proof_verify(&p, &trust, &facts, &a, &what), ST_OK);
    assert_int_equal(facts.receipt.height, SAMPLE_HEIGHT);
    assert_int_equal(facts.receipt.index, 2);
    chain_id.bytes[0] ^= 1;
    assert_int_equal(proof_verify(&p, &trust, &facts, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "another chain"));
    arena_fini(&a);
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct arena good;
    struct proof p;
    const char *what;
    arena_init(&good, mem_system(), 0);
    sample_proof(&p, &good, 1);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = verify(&p, &a, &what);
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    arena_fini(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding),
        cmocka_unit_test(what_a_block_shares_is_encoded_once),
        cmocka_unit_test(good_proofs_verify),
        cmocka_unit_test(too_many_successors_are_refused),
        cmocka_unit_test(no_bit_can_change),
        cmocka_unit_test(pieces_of_two_proofs_do_not_mix),
        cmocka_unit_test(well_signed_nonsense_is_refused),
        cmocka_unit_test(successors_are_children),
        cmocka_unit_test(successors_are_neither_missing_nor_too_many),
        cmocka_unit_test(the_receipt_comes_out),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
