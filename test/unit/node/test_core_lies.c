/* Goal: what a member of the chain makes up does no harm and has a name: forged and repeated
 * transactions of a leader, blocks that do not follow, catch-up without a quorum, false evidence.
 */
#include "node/core.h"

#include "node/wire.h"
#include "support/cmocka_all.h"
#include "support/core_rig.h"
#include "support/sample_ledger.h"
#include <stdlib.h>

#define PUPPET 0u /* Member 0 leads view 0; the test speaks for it. */

static uint64_t wanted;

static bool all_done(struct core_rig *rig)
{
    for (uint64_t i = 1; i <= wanted; i++)
        if (rig->clients[i].outcome != RIG_DONE) return false;
    return true;
}

/* --- a leader in the test's hand -------------------------------------------------------------- */

struct lie { /* A block at height 1. */
    struct buf txs[4];
    uint32_t count;
    struct hash leaves[4];
    struct header header;
    struct signature sig;
    struct buf bytes; /* The whole block. */
    bool answers_leaves;
    bool answers_parts;
    struct wire_message *m;
};

static void lie_init(struct lie *lie)
{
    *lie = (struct lie){.answers_leaves = true, .answers_parts = true};
    for (uint32_t i = 0; i < 4; i++)
        buf_init(&lie->txs[i], mem_system(), 0);
    buf_init(&lie->bytes, mem_system(), 0);
    lie->m = mem_alloc_zero(mem_system(), 1, sizeof *lie->m);
    assert_non_null(lie->m);
}

static void lie_fini(struct lie *lie)
{
    for (uint32_t i = 0; i < 4; i++)
        buf_fini(&lie->txs[i]);
    buf_fini(&lie->bytes);
    mem_free(mem_system(), lie->m);
}

static void add_tx(struct lie *lie, uint64_t number, bool is_forged)
{
    struct buf *bytes = &lie->txs[lie->count];
    core_rig_tx(number, bytes);
    if (is_forged) bytes->data[bytes->size - 1] ^= 1; /* In its signature. */
    struct arena a;
    struct tx tx;
    arena_init(&a, mem_system(), 0);
    assert_int_equal(tx_decode(&tx, &a, buf_span(bytes)), ST_OK);
    lie->leaves[lie->count++] = tx.leaf;
    arena_fini(&a);
}

static void sign_block(struct lie *lie, const struct core_rig *rig)
{
    struct span txs[4];
    struct hash leaves[4];
    struct buf body_bytes;
    struct buf header_bytes;
    static struct body body;
    for (uint32_t i = 0; i < lie->count; i++) {
        txs[i] = buf_span(&lie->txs[i]);
        leaves[i] = lie->leaves[i];
    }
    body = (struct body){.txs = txs, .tx_count = lie->count};
    buf_init(&body_bytes, mem_system(), 0);
    buf_init(&header_bytes, mem_system(), 0);
    body_encode(&body_bytes, &body);
    struct merkle_tree none = {.count = 0};
    lie->header = (struct header){.chain_id = sample_chain_id(),
                                  .height = 1,
                                  .parent = sample_chain_id(),
                                  .exec_version = 1,
                                  .history_root = merkle_tree_root(&none),
                                  .time_ms = SAMPLE_TIME_MS + rig->ms,
                                  .tx_root = merkle_root(leaves, lie->count),
                                  .tx_count = lie->count,
                                  .body_size = (uint32_t)body_bytes.size,
                                  .proposer = PUPPET,
                                  .mode = MODE_BFT};
    header_encode(&header_bytes, &lie->header);
    buf_reset(&lie->bytes);
    block_encode(&lie->bytes, buf_span(&header_bytes), buf_span(&body_bytes));
    struct hash hash = header_hash(&lie->header);
    struct hash signed_hash = proposal_hash(&hash);
    struct secret_key secret = sample_node_secret(PUPPET);
    assert_int_equal(sign_hash(sample_signer(), &lie->sig, &secret, &signed_hash), ST_OK);
    buf_fini(&body_bytes);
    buf_fini(&header_bytes);
}

static void send_encoded(struct core_rig *rig, struct lie *lie, uint32_t to, enum core_channel c)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    wire_encode(&out, lie->m);
    assert_int_equal(buf_status(&out), ST_OK);
    core_rig_send(rig, PUPPET, to, c, buf_span(&out));
    buf_fini(&out);
}

static void propose(struct core_rig *rig, struct lie *lie)
{
    sign_block(lie, rig);
    lie->m->kind = WIRE_PROPOSAL;
    lie->m->proposal =
        (struct wire_proposal){.proposal = {.header = lie->header, .sig = lie->sig},
                               .leaves = span_of(lie->leaves, (size_t)lie->count * HASH_SIZE)};
    for (uint32_t i = 1; i < rig->n; i++)
        send_encoded(rig, lie, i, CORE_URGENT);
}

static void answer_leaves(struct core_rig *rig, struct lie *lie, uint32_t to)
{
    struct wire_get_txs q = lie->m->get_txs;
    struct buf items;
    buf_init(&items, mem_system(), 0);
    uint32_t found = 0;
    for (uint32_t i = 0; i < q.leaves.size / HASH_SIZE; i++)
        for (uint32_t k = 0; k < lie->count; k++)
            if (memcmp(q.leaves.data + (size_t)i * HASH_SIZE, lie->leaves[k].bytes, HASH_SIZE) ==
                0) {
                wire_put_found(&items, i, buf_span(&lie->txs[k]));
                found++;
                break;
            }
    lie->m->kind = WIRE_TXS_FOUND;
    lie->m->txs_found =
        (struct wire_txs_found){.id = q.id, .txs = {.bytes = buf_span(&items), .count = found}};
    send_encoded(rig, lie, to, CORE_TXS);
    buf_fini(&items);
}

static void answer_part(struct core_rig *rig, struct lie *lie, uint32_t to)
{
    struct wire_get_block q = lie->m->get_block;
    lie->m->kind = WIRE_BLOCK_PART;
    lie->m->block_part = (struct wire_block_part){.id = q.id};
    if (q.offset < lie->bytes.size) {
        size_t left = lie->bytes.size - q.offset; /* In small pieces. */
        lie->m->block_part.size = lie->bytes.size;
        lie->m->block_part.offset = q.offset;
        lie->m->block_part.bytes = span_of(lie->bytes.data + q.offset, left < 100 ? left : 100);
    }
    send_encoded(rig, lie, to, CORE_TXS);
}

static bool speak_for_puppet(struct core_rig *rig, const struct core_rig_message *m)
{
    struct lie *lie = rig->context;
    if (m->from == PUPPET) {
        (void)core_rig_inject(rig, PUPPET, m->to, m->channel, m->bytes);
        return false;
    }
    if (m->to != PUPPET || wire_decode(lie->m, m->bytes) != ST_OK) return m->to != PUPPET;
    if (lie->m->kind == WIRE_GET_TXS && lie->answers_leaves) answer_leaves(rig, lie, m->from);
    if (lie->m->kind == WIRE_GET_BLOCK && lie->answers_parts) answer_part(rig, lie, m->from);
    return false;
}

static struct core_rig *rig_with(struct lie *lie, uint64_t seed)
{
    struct core_rig *rig = core_rig_new(4, seed);
    rig->nodes[PUPPET].is_down = true;
    rig->filter = speak_for_puppet;
    rig->context = lie;
    core_rig_run(rig, 400); /* The others have met. */
    return rig;
}

/* Pieces of evidence in the bodies of node's final blocks. */
static uint32_t accusations_in_chain(const struct core_rig *rig, uint32_t node)
{
    uint32_t count = 0;
    const struct core_rig_node *of = &rig->nodes[node];
    struct body *body = calloc(1, sizeof *body);
    for (uint64_t h = 0; h < of->block_count; h++) {
        struct arena arena;
        struct span header;
        struct span bytes;
        arena_init(&arena, mem_system(), 0);
        assert_int_equal(
            block_split(span_of(of->blocks[h].bytes, of->blocks[h].size), &header, &bytes), ST_OK);
        assert_int_equal(body_decode(body, &arena, bytes), ST_OK);
        count += body->notes.evidence_count;
        arena_fini(&arena);
    }
    free(body);
    return count;
}

/* All three have proof of kind against the puppet, no block came about, and life goes on. */
static void check_convicted(struct core_rig *rig, bool has_proof)
{
    for (uint32_t i = 1; i < 4; i++) {
        const struct core_rig_node *node = &rig->nodes[i];
        assert_int_equal(core_rig_final(rig, i), 0);
        assert_int_equal(node->evidence_count, has_proof ? 1 : 0);
        if (!has_proof) continue;
        assert_int_equal(node->evidence[0].kind, EVIDENCE_E6);
        assert_int_equal(node->evidence[0].offender, PUPPET);
        assert_int_equal(node->evidence[0].height, 1);
    }
    core_rig_submit(rig, 2, 1);
    wanted = 1;
    assert_true(core_rig_until(rig, 8000, all_done));
    core_rig_check_equal(rig);
    assert_int_equal(accusations_in_chain(rig, 2), has_proof ? 1 : 0);
}

static void test_a_forged_transaction_convicts_the_leader(void **state)
{
    (void)state;
    struct lie lie;
    lie_init(&lie);
    struct core_rig *rig = rig_with(&lie, 1);
    add_tx(&lie, 10, false);
    add_tx(&lie, 11, true);
    propose(rig, &lie);
    core_rig_run(rig, 400);
    check_convicted(rig, true);
    core_rig_free(rig);
    lie_fini(&lie);
}

static void test_forged_and_only_to_be_had_as_a_whole_block(void **state)
{
    (void)state;
    struct lie lie;
    lie_init(&lie);
    lie.answers_leaves = false;
    struct core_rig *rig = rig_with(&lie, 2);
    add_tx(&lie, 10, true);
    add_tx(&lie, 11, false);
    add_tx(&lie, 12, false);
    propose(rig, &lie);
    core_rig_run(rig, 4000);
    check_convicted(rig, true);
    core_rig_free(rig);
    lie_fini(&lie);
}

static void test_one_transaction_twice_convicts_the_leader(void **state)
{
    (void)state;
    struct lie lie;
    lie_init(&lie);
    struct core_rig *rig = rig_with(&lie, 3);
    add_tx(&lie, 10, false);
    add_tx(&lie, 10, false);
    propose(rig, &lie);
    core_rig_run(rig, 400);
    check_convicted(rig, true);
    core_rig_free(rig);
    lie_fini(&lie);
}

static void test_an_announced_forgery_does_not_slip_in(void **state)
{
    (void)state;
    struct lie lie;
    lie_init(&lie);
    struct core_rig *rig = rig_with(&lie, 4);
    add_tx(&lie, 10, true);
    struct buf items;
    buf_init(&items, mem_system(), 0);
    wire_put(&items, buf_span(&lie.txs[0]));
    lie.m->kind = WIRE_TXS;
    lie.m->txs = (struct wire_items){.bytes = buf_span(&items), .count = 1};
    for (uint32_t i = 1; i < 4; i++)
        send_encoded(rig, &lie, i, CORE_TXS);
    core_rig_run(rig, 50);
    for (uint32_t i = 1; i < 4; i++)
        assert_int_equal(core_waiting(rig->nodes[i].core), 0);
    propose(rig, &lie);
    core_rig_run(rig, 400);
    check_convicted(rig, true);
    buf_fini(&items);
    core_rig_free(rig);
    lie_fini(&lie);
}

/* Nothing in it is provably wrong, it just cannot be had. */
static void test_a_body_nobody_has_costs_the_view_alone(void **state)
{
    (void)state;
    struct lie lie;
    lie_init(&lie);
    lie.answers_leaves = false;
    lie.answers_parts = false;
    struct core_rig *rig = rig_with(&lie, 5);
    add_tx(&lie, 10, false);
    propose(rig, &lie);
    core_rig_run(rig, 400);
    check_convicted(rig, false);
    core_rig_free(rig);
    lie_fini(&lie);
}

/* --- catch-up --------------------------------------------------------------------------------- */

struct forger { /* Node 1 answers catch-up questions of node 3 with what make makes, and passes
                   nothing on. */
    struct wire_message *m;
    void (*make)(struct core_rig *rig, struct wire_chain *chain, struct buf *items);
    uint32_t answers;
};

static bool forge_chain(struct core_rig *rig, const struct core_rig_message *m)
{
    struct forger *f = rig->context;
    if (m->from == 3 && m->to == 1 && m->bytes.data[0] == WIRE_GET_CHAIN) {
        assert_int_equal(wire_decode(f->m, m->bytes), ST_OK);
        struct wire_get_chain q = f->m->get_chain;
        struct buf items;
        struct buf out;
        buf_init(&items, mem_system(), 0);
        buf_init(&out, mem_system(), 0);
        f->m->kind = WIRE_CHAIN;
        f->m->chain = (struct wire_chain){.id = q.id, .final_height = q.height + 100};
        f->make(rig, &f->m->chain, &items);
        f->m->chain.blocks.bytes = buf_span(&items);
        wire_encode(&out, f->m);
        core_rig_send(rig, 1, 3, CORE_BULK, buf_span(&out));
        buf_fini(&items);
        buf_fini(&out);
        f->answers++;
        return false;
    }
    return m->bytes.data[0] != WIRE_LINKS;
}

/* A chain of its own, well formed and linked, with certificates signed by node 1 alone. */
static void make_own_chain(struct core_rig *rig, struct wire_chain *chain, struct buf *items)
{
    struct hash parent = sample_chain_id();
    struct merkle_tree history = {.count = 0};
    struct merkle_tree none = {.count = 0};
    for (uint64_t height = 1; height <= 8; height++) {
        struct buf body_bytes;
        struct buf header_bytes;
        struct buf block;
        buf_init(&body_bytes, mem_system(), 0);
        buf_init(&header_bytes, mem_system(), 0);
        buf_init(&block, mem_system(), 0);
        static struct body body;
        body = (struct body){.txs = NULL};
        body_encode(&body_bytes, &body);
        struct header h = {.chain_id = sample_chain_id(),
                           .height = height,
                           .parent = parent,
                           .exec_version = 1,
                           .history_root = merkle_tree_root(&history),
                           .time_ms = SAMPLE_TIME_MS + height,
                           .tx_root = merkle_tree_root(&none),
                           .body_size = (uint32_t)body_bytes.size,
                           .proposer = 1,
                           .mode = MODE_BFT};
        header_encode(&header_bytes, &h);
        block_encode(&block, buf_span(&header_bytes), buf_span(&body_bytes));
        wire_put(items, buf_span(&block));
        chain->blocks.count++;
        parent = header_hash(&h);
        struct hash leaf = merkle_leaf(hash_span(&parent));
        merkle_tree_add(&history, &leaf);
        buf_fini(&body_bytes);
        buf_fini(&header_bytes);
        buf_fini(&block);
    }
    (void)rig;
    chain->has_cert = true; /* Two of three that a quorum needs. */
    chain->cert = sample_certificate(VOTE_P2, 8, &parent, 2);
}

static void make_other_height(struct core_rig *rig, struct wire_chain *chain, struct buf *items)
{
    const struct core_rig_node *node = &rig->nodes[0];
    for (uint32_t i = 1; i < 4; i++) { /* From the second one on. */
        wire_put(items, span_of(node->blocks[i].bytes, node->blocks[i].size));
        chain->blocks.count++;
    }
}

static void make_garbage(struct core_rig *rig, struct wire_chain *chain, struct buf *items)
{
    (void)rig;
    wire_put(items, span_text("no block at all"));
    chain->blocks.count++;
}

static uint64_t wanted_height;

static bool has_height(struct core_rig *rig)
{
    return core_rig_executed(rig, 3) >= wanted_height;
}

static void catch_up_past(void (*make)(struct core_rig *, struct wire_chain *, struct buf *))
{
    struct core_rig *rig = core_rig_new(4, 21);
    struct forger forger = {.make = make};
    forger.m = mem_alloc_zero(mem_system(), 1, sizeof *forger.m);
    core_rig_cut(rig, 3, true);
    wanted = 60;
    for (uint64_t i = 1; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % 3), i);
        core_rig_run(rig, 5);
    }
    assert_true(core_rig_until(rig, 4000, all_done));
    wanted_height = core_rig_final(rig, 0);
    assert_true(wanted_height > (uint64_t)2 * CONSENSUS_WINDOW);
    rig->filter = forge_chain;
    rig->context = &forger;
    core_rig_cut(rig, 3, false);
    for (uint32_t i = 0; i < 3; i += 2) { /* At first only the liar is heard. */
        rig->is_cut[i][3] = true;
        core_on_peer(rig->nodes[3].core, i, false);
    }
    core_rig_run(rig, 2500);
    assert_true(forger.answers > 0);
    assert_true(core_lies(rig->nodes[3].core, 1) > 0);
    assert_int_equal(core_rig_final(rig, 3), 0);
    for (uint32_t i = 0; i < 3; i += 2) {
        rig->is_cut[i][3] = false;
        core_on_peer(rig->nodes[3].core, i, true);
    }
    assert_true(core_rig_until(rig, 12000, has_height));
    core_rig_check_equal(rig);
    assert_int_equal(core_lies(rig->nodes[3].core, 0), 0);
    core_rig_free(rig);
    mem_free(mem_system(), forger.m);
}

static void test_catch_up_needs_the_word_of_a_quorum(void **state)
{
    (void)state;
    catch_up_past(make_own_chain);
}

static void test_catch_up_needs_the_next_block(void **state)
{
    (void)state;
    catch_up_past(make_other_height);
}

static void test_catch_up_with_garbage(void **state)
{
    (void)state;
    catch_up_past(make_garbage);
}

/* --- evidence --------------------------------------------------------------------------------- */

static void test_evidence_of_nothing_is_the_senders_fault(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 31);
    struct buf items;
    struct buf out;
    struct evidence e;
    buf_init(&items, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    struct proposal a = {.header = {.chain_id = sample_chain_id(),
                                    .height = 1,
                                    .parent = sample_chain_id(),
                                    .exec_version = 1,
                                    .time_ms = 1,
                                    .mode = MODE_BFT}};
    struct proposal b = a;
    b.header.time_ms = 2; /* Two headers for one place, signed by nobody. */
    evidence_of_proposals(&e, &items, &a, &b);
    e.bytes = buf_span(&items);
    wire_begin(&out, WIRE_EVIDENCE);
    evidence_encode(&out, &e);
    assert_int_equal(core_rig_inject(rig, 2, 1, CORE_BULK, buf_span(&out)), ST_INVALID);
    assert_int_equal(rig->nodes[1].evidence_count, 0);

    /* The same, really signed: kept once, told to the others. */
    struct secret_key secret = sample_node_secret(0);
    struct proposal *both[] = {&a, &b};
    for (uint32_t i = 0; i < 2; i++) {
        struct hash hash = header_hash(&both[i]->header);
        hash = proposal_hash(&hash);
        assert_int_equal(sign_hash(sample_signer(), &both[i]->sig, &secret, &hash), ST_OK);
    }
    buf_reset(&items);
    buf_reset(&out);
    evidence_of_proposals(&e, &items, &a, &b);
    e.bytes = buf_span(&items);
    wire_begin(&out, WIRE_EVIDENCE);
    evidence_encode(&out, &e);
    core_rig_run(rig, 100);
    for (int i = 0; i < 3; i++)
        assert_int_equal(core_rig_inject(rig, 2, 1, CORE_BULK, buf_span(&out)), ST_OK);
    core_rig_run(rig, 50);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(rig->nodes[i].evidence_count, 1);
    buf_fini(&items);
    buf_fini(&out);
    core_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_forged_transaction_convicts_the_leader),
        cmocka_unit_test(test_forged_and_only_to_be_had_as_a_whole_block),
        cmocka_unit_test(test_one_transaction_twice_convicts_the_leader),
        cmocka_unit_test(test_an_announced_forgery_does_not_slip_in),
        cmocka_unit_test(test_a_body_nobody_has_costs_the_view_alone),
        cmocka_unit_test(test_catch_up_needs_the_word_of_a_quorum),
        cmocka_unit_test(test_catch_up_needs_the_next_block),
        cmocka_unit_test(test_catch_up_with_garbage),
        cmocka_unit_test(test_evidence_of_nothing_is_the_senders_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
