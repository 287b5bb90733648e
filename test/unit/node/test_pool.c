/* Goal: a transaction is admitted once within its span, leaves in order of arrival, and its id is
 * known for exactly as long as it could be included again. */
#include "node/pool.h"
#include "node/txset.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define NOW 1000000u

static struct hash chain_id(void)
{
    return hash_of("test", span_text("chain"));
}

static struct flow_tx *make_tx(uint64_t number)
{
    struct flow_tx *t = flow_tx_new(mem_system(), span_of(&number, sizeof number));
    assert_non_null(t);
    t->tx.chain_id = chain_id();
    t->tx.txid = hash_of("tx", span_of(&number, sizeof number));
    t->tx.leaf = hash_of("leaf", span_of(&number, sizeof number));
    t->tx.valid_until_ms = NOW + 1000;
    t->tx.valid_until_height = 100;
    return t;
}

static int setup(void **state)
{
    struct pool *p = NULL;
    struct hash id = chain_id();
    assert_int_equal(pool_new(&p, mem_system(), &id, 1), ST_OK);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    pool_free(*state);
    return 0;
}

static const struct pool_tip tip = {.height = 5, .time_ms = NOW};

static enum status add(struct pool *p, struct flow_tx *t, struct diag *d)
{
    enum status st = pool_add(p, t, &tip, d);
    if (st != ST_OK) flow_tx_free(t);
    return st;
}

static void drop(void *context, struct flow_tx *t)
{
    uint32_t *count = context;
    (*count)++;
    flow_tx_free(t);
}

static void test_each_refusal_has_its_code(void **state)
{
    struct pool *p = *state;
    struct diag d;
    struct flow_tx *foreign = make_tx(1);
    foreign->tx.chain_id.bytes[0] ^= 1;
    assert_int_equal(add(p, foreign, &d), ST_WRONG_CHAIN);
    assert_string_equal(d.sqlstate, "TQ001");
    struct flow_tx *late = make_tx(2);
    late->tx.valid_until_ms = NOW - 1;
    assert_int_equal(add(p, late, &d), ST_EXPIRED);
    assert_string_equal(d.sqlstate, "TQ002");
    struct flow_tx *far = make_tx(3);
    far->tx.valid_until_ms = NOW + TX_SPAN_MS_MAX + 1;
    assert_int_equal(add(p, far, &d), ST_EXPIRED);
    assert_int_equal(add(p, make_tx(4), &d), ST_OK);
    assert_int_equal(add(p, make_tx(4), &d), ST_DUPLICATE);
    assert_string_equal(d.sqlstate, "TQ003");
    assert_int_equal(pool_waiting(p), 1);
}

static void test_order_and_limits_of_a_batch(void **state)
{
    struct pool *p = *state;
    struct diag d;
    struct flow_tx *out[10];
    for (uint64_t i = 0; i < 6; i++) {
        struct flow_tx *t = make_tx(i);
        if (i == 1) t->tx.valid_until_height = 5;
        assert_int_equal(add(p, t, &d), ST_OK);
    }
    struct pool_take take = {
        .tip = {.height = 6, .time_ms = NOW}, .count_max = 3, .bytes_max = 1000};
    assert_int_equal(pool_take(p, out, &take), 3);
    const uint64_t expected[] = {0, 2, 3}; /* Number 1 cannot wait for height 6. */
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(out[i]->bytes, &expected[i], sizeof(uint64_t));
        flow_tx_free(out[i]);
    }
    take.bytes_max = 10; /* One fits. */
    assert_int_equal(pool_take(p, out, &take), 1);
    flow_tx_free(out[0]);
    assert_int_equal(pool_waiting(p), 6);
    uint32_t expired = 0;
    pool_sweep(p, &take.tip, drop, &expired);
    assert_int_equal(expired, 1);
    assert_int_equal(pool_waiting(p), 5);
}

/* A block of what is taken; the transactions in it are shared with the pool. */
static struct flow_block *take_block(struct pool *p, uint32_t count)
{
    struct flow_tx *out[10];
    struct pool_take take = {
        .tip = {.height = 6, .time_ms = NOW}, .count_max = count, .bytes_max = 1000};
    uint32_t taken = pool_take(p, out, &take);
    struct flow_block *b = NULL;
    assert_int_equal(flow_block_new(&b, mem_system(), out, taken), ST_OK);
    b->header.height = 6;
    b->header.time_ms = NOW;
    assert_int_equal(pool_mark(p, b, NOW), ST_OK);
    return b;
}

static void test_a_lost_block_gives_its_transactions_back_in_their_old_place(void **state)
{
    struct pool *p = *state;
    struct diag d;
    for (uint64_t i = 0; i < 5; i++) {
        struct pool_tip then = tip;
        then.mono_ms = 100 + i;
        assert_int_equal(pool_add(p, make_tx(i), &then, &d), ST_OK);
    }
    struct flow_block *lost = take_block(p, 2);
    assert_int_equal(pool_waiting(p), 3);
    assert_int_equal(pool_oldest_ms(p), 102);
    struct flow_block *next = take_block(p, 2);
    assert_int_equal(pool_oldest_ms(p), 104);
    assert_true(pool_is_marked(p, &lost->txids[1]));
    pool_unmark(p, lost);
    assert_int_equal(pool_oldest_ms(p), 100);
    assert_int_equal(pool_waiting(p), 3);
    struct flow_block *again = take_block(p, 10);
    assert_int_equal(again->tx_count, 3);
    assert_true(hash_equal(&again->txids[0], &lost->txids[0]));
    assert_int_equal(pool_settle(p, next), ST_OK);
    pool_unmark(p, next); /* Of a fork with the same ones: nothing comes back. */
    assert_int_equal(pool_waiting(p), 0);
    assert_int_equal(add(p, make_tx(2), &d), ST_DUPLICATE);
    flow_block_free(lost);
    flow_block_free(next);
    flow_block_free(again);
}

static void nobody(struct ticket *t)
{
    (void)t;
}

static void test_a_client_joins_what_a_peer_brought(void **state)
{
    struct pool *p = *state;
    struct diag d;
    struct ticket ticket = {.settled = nobody};
    struct flow_tx *first = make_tx(1);
    first->source = FLOW_PEER;
    first->peer = 2;
    assert_int_equal(add(p, first, &d), ST_OK);
    struct flow_tx *second = make_tx(1);
    second->ticket = &ticket;
    second->wants_rows = true;
    assert_int_equal(pool_add(p, second, &tip, &d), ST_EXISTS);
    assert_null(second->ticket);
    flow_tx_free(second);
    assert_ptr_equal(first->ticket, &ticket);
    struct flow_tx *third = make_tx(1);
    third->ticket = &ticket;
    assert_int_equal(add(p, third, &d), ST_DUPLICATE);

    /* The block has it under other signatures: the ticket goes over to that one. */
    struct flow_tx *other = make_tx(1);
    other->tx.leaf.bytes[0] ^= 1;
    struct flow_block *b = NULL;
    assert_int_equal(flow_block_new(&b, mem_system(), &other, 1), ST_OK);
    b->header.height = 6;
    b->header.time_ms = NOW;
    assert_int_equal(pool_mark(p, b, NOW), ST_OK);
    assert_int_equal(pool_settle(p, b), ST_OK);
    assert_ptr_equal(other->ticket, &ticket);
    flow_block_note_wishes(b);
    assert_true(b->wants_rows[0]);
    flow_block_free(b);
}

static void test_what_came_with_a_block_alone_goes_with_it(void **state)
{
    struct pool *p = *state;
    struct flow_tx *t = make_tx(1);
    t->source = FLOW_BODY;
    struct hash leaf = t->tx.leaf;
    struct flow_block *b = NULL;
    assert_int_equal(flow_block_new(&b, mem_system(), &t, 1), ST_OK);
    assert_int_equal(pool_mark(p, b, NOW), ST_OK);
    assert_ptr_equal(pool_find_leaf(p, &leaf), t);
    assert_int_equal(pool_waiting(p), 0);
    pool_unmark(p, b);
    assert_null(pool_find_leaf(p, &leaf));
    flow_block_free(b);
}

static void test_one_peer_fills_its_share_alone(void **state)
{
    struct pool *p = *state;
    struct diag d;
    for (uint64_t i = 0; i <= POOL_TXS_MAX / POOL_SHARE; i++) {
        struct flow_tx *t = make_tx(i);
        t->source = FLOW_PEER;
        t->peer = 1;
        assert_int_equal(add(p, t, &d), i < POOL_TXS_MAX / POOL_SHARE ? ST_OK : ST_BUSY);
    }
    assert_int_equal(add(p, make_tx(POOL_TXS_MAX), &d), ST_OK);
}

static bool count_visit(void *context, struct flow_tx *t)
{
    (void)t;
    (*(uint32_t *)context)++;
    return true;
}

static void test_late_ones_are_visited_once(void **state)
{
    struct pool *p = *state;
    struct diag d;
    for (uint64_t i = 0; i < 4; i++) {
        struct pool_tip then = tip;
        then.mono_ms = 100 * (i + 1);
        assert_int_equal(pool_add(p, make_tx(i), &then, &d), ST_OK);
    }
    uint32_t count = 0;
    struct pool_visit v = {
        .is_late = true, .late_ms = 200, .visit = count_visit, .context = &count};
    pool_visit(p, &v);
    pool_visit(p, &v);
    assert_int_equal(count, 2);
    v.late_ms = 300;
    pool_visit(p, &v);
    assert_int_equal(count, 3);
    pool_visit_again(p);
    pool_visit(p, &v);
    assert_int_equal(count, 6);
}

static void test_included_id_is_refused_with_its_height(void **state)
{
    struct pool *p = *state;
    struct diag d;
    struct flow_tx *t = make_tx(1);
    struct hash txid = t->tx.txid;
    flow_tx_free(t);
    assert_int_equal(pool_note_block(p, 4, NOW - 1, &txid, 1), ST_OK);
    assert_int_equal(add(p, make_tx(1), &d), ST_DUPLICATE);
    assert_string_equal(d.detail, "It is in block 4.");
}

static void test_full_pool_says_try_again(void **state)
{
    struct pool *p = *state;
    struct diag d;
    for (uint64_t i = 0; i < POOL_TXS_MAX; i++)
        assert_int_equal(add(p, make_tx(i), &d), ST_OK);
    assert_int_equal(add(p, make_tx(POOL_TXS_MAX), &d), ST_BUSY);
    assert_string_equal(d.sqlstate, "53400");
}

/* Against a plain list: the ids of the last span, after many random blocks. */
static void test_span_set_against_a_list(void **state)
{
    (void)state;
    enum { BLOCKS = TX_SPAN_BLOCKS_MAX + 1000, PER_BLOCK = 7 };
    struct txset *s = NULL;
    assert_int_equal(txset_new(&s, mem_system(), 1), ST_OK);
    for (uint64_t height = 1; height <= BLOCKS; height++) {
        struct hash ids[PER_BLOCK];
        uint32_t count = (uint32_t)(height * 2654435761u >> 3) % (PER_BLOCK + 1);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t name[2] = {height, i};
            ids[i] = hash_of("id", span_of(name, sizeof name));
        }
        txset_expire(s, height, NOW);
        assert_int_equal(txset_add_block(s, height, NOW, ids, count), ST_OK);
    }
    uint64_t live = 0;
    for (uint64_t height = 1; height <= BLOCKS; height++) {
        uint32_t count = (uint32_t)(height * 2654435761u >> 3) % (PER_BLOCK + 1);
        bool is_live = height + TX_SPAN_BLOCKS_MAX >= BLOCKS;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t name[2] = {height, i};
            struct hash id = hash_of("id", span_of(name, sizeof name));
            assert_int_equal(txset_find(s, &id), is_live ? height : 0);
            live += is_live;
        }
    }
    assert_int_equal(txset_count(s), live);
    txset_expire(s, BLOCKS + 1, NOW + TX_SPAN_MS_MAX + 1); /* Time alone expires too. */
    assert_int_equal(txset_count(s), 0);
    txset_free(s);
}

static void test_no_memory_leaves_the_set_as_it_was(void **state)
{
    (void)state;
    struct fail_mem mem;
    struct hash ids[3000];
    for (uint64_t i = 0; i < 3000; i++)
        ids[i] = hash_of("id", span_of(&i, sizeof i));
    for (uint32_t fail_at = 1;; fail_at++) {
        struct txset *s = NULL;
        fail_mem_init(&mem, fail_at);
        enum status st = txset_new(&s, &mem.mem, 1);
        if (st == ST_OK) {
            st = txset_add_block(s, 1, NOW, ids, 10);
            if (st == ST_OK) st = txset_add_block(s, 2, NOW, ids + 10, 2990);
            assert_int_equal(txset_count(s), st == ST_OK ? 3000 : txset_count(s));
            assert_true(txset_count(s) == 0 || txset_find(s, &ids[9]) == 1);
        }
        txset_free(s);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_refusal_has_its_code, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_and_limits_of_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_lost_block_gives_its_transactions_back_in_their_old_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_client_joins_what_a_peer_brought, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_came_with_a_block_alone_goes_with_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_one_peer_fills_its_share_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_ones_are_visited_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_included_id_is_refused_with_its_height, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_full_pool_says_try_again, setup, teardown),
        cmocka_unit_test(test_span_set_against_a_list),
        cmocka_unit_test(test_no_memory_leaves_the_set_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
