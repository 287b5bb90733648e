/* Goal: a genesis has one encoding, its hash is the chain id, and one that could not make a working
 * chain is refused. */
#include "ledger/genesis.h"

#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct genesis g;
    TRY(genesis_decode(&g, a, bytes));
    genesis_encode(out, &g);
    return buf_status(out);
}

static enum status attempt(const struct genesis *g)
{
    struct arena a;
    struct buf out;
    struct genesis got;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    genesis_encode(&out, g);
    enum status st = genesis_decode(&got, &a, buf_span(&out));
    buf_fini(&out);
    arena_fini(&a);
    return st;
}

static void encoding_and_chain_id(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct genesis g = sample_genesis();
    genesis_encode(&out, &g);
    golden_check("genesis", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    struct hash id = genesis_chain_id(buf_span(&out));
    golden_check("genesis-chain-id", hash_span(&id));
    struct hash direct = hash_of("genesis", buf_span(&out));
    assert_true(hash_equal(&id, &direct));
    buf_fini(&out);
}

static void validators_are_the_members(void **state)
{
    (void)state;
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    assert_int_equal(v.count, SAMPLE_NODES);
    assert_int_equal(v.f, 1);
    for (uint32_t i = 0; i < v.count; i++)
        assert_true(public_key_equal(&v.keys[i], &g.members[i].node_key));
}

static void no_name(struct genesis *g)
{
    g->chain_name = (struct span){0};
}

static void control_character(struct genesis *g)
{
    g->chain_name = span_text("line\nbreak");
}

static void no_suite(struct genesis *g)
{
    g->suite = 0;
}

static void no_exec_version(struct genesis *g)
{
    g->exec_version = 0;
}

static void mode_that_is_a_state(struct genesis *g)
{
    g->mode = MODE_STRICT;
}

static void too_many_faults(struct genesis *g)
{
    g->f = 2;
}

static void too_much_slack(struct genesis *g)
{
    g->p = 1;
}

static void no_txs(struct genesis *g)
{
    g->block_txs_max = 0;
}

static void too_many_txs(struct genesis *g)
{
    g->block_txs_max = BLOCK_TXS_MAX + 1;
}

static void no_fuel(struct genesis *g)
{
    g->fuel_tx = 0;
}

static void three_members(struct genesis *g)
{
    g->member_count = 3;
}

static void no_members(struct genesis *g)
{
    g->member_count = 0;
}

static void impossible_parameters_are_refused(void **state)
{
    (void)state;
    static void (*const spoil[])(struct genesis * g) = {
        no_name,         control_character, no_suite, no_exec_version, mode_that_is_a_state,
        too_many_faults, too_much_slack,    no_txs,   too_many_txs,    no_fuel,
        three_members,   no_members};
    struct genesis g = sample_genesis();
    assert_int_equal(attempt(&g), ST_OK);
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        g = sample_genesis();
        spoil[i](&g);
        assert_int_equal(attempt(&g), ST_INVALID);
    }
    static char long_name[GENESIS_NAME_MAX + 2];
    memset(long_name, 'n', GENESIS_NAME_MAX + 1);
    g = sample_genesis();
    g.chain_name = span_text(long_name);
    assert_int_equal(attempt(&g), ST_LIMIT);
}

static void members_and_accounts_are_distinct(void **state)
{
    (void)state;
    for (int n = 0; n < 5; n++) {
        struct genesis g = sample_genesis();
        if (n == 1) g.members[3].node_name = g.members[1].node_name;
        if (n == 2) g.members[3].node_key = g.members[0].node_key;
        if (n == 3) g.accounts[1].name = g.accounts[0].name;
        if (n == 4) g.accounts[1].key = g.accounts[0].key;
        assert_int_equal(attempt(&g), n == 0 ? ST_OK : ST_INVALID);
    }
    struct genesis g = sample_genesis();
    g.members[2].node_key = g.accounts[0].key; /* A node signs with Ed25519. */
    assert_int_equal(attempt(&g), ST_INVALID);
}

static void addresses_have_a_host_and_a_port(void **state)
{
    (void)state;
    static const char *const good[] = {"a:1", "bank-a.example:5440", "10.0.0.1:65535", "[::1]:5440",
                                       "[2001:db8::ffff:192.0.2.1]:1"};
    static const char *const bad[] = {
        "a",     ":1",     "a:",       "a:0",  "a:65536", "a:05440", "a:123456", "a:1x",
        "a b:1", "a\nb:1", "::1:5440", "[]:1", "[::g]:1", "[::1:1",  "a/b:1",    "\xc3\xb6:1"};
    struct genesis g = sample_genesis();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        g.members[1].address = span_text(good[i]);
        assert_int_equal(attempt(&g), ST_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        g.members[1].address = span_text(bad[i]);
        assert_int_equal(attempt(&g), ST_INVALID);
    }
    char long_address[GENESIS_ADDRESS_MAX + 2];
    memset(long_address, 'n', sizeof long_address);
    (void)snprintf(long_address + GENESIS_ADDRESS_MAX - 2, 3, ":1");
    g.members[1].address = span_text(long_address);
    assert_int_equal(g.members[1].address.size, GENESIS_ADDRESS_MAX);
    assert_int_equal(attempt(&g), ST_OK);
    memset(long_address, 'n', sizeof long_address);
    (void)snprintf(long_address + GENESIS_ADDRESS_MAX - 1, 3, ":1");
    g.members[1].address = span_text(long_address);
    assert_int_equal(g.members[1].address.size, GENESIS_ADDRESS_MAX + 1);
    assert_int_equal(attempt(&g), ST_LIMIT);
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct genesis g = sample_genesis();
    genesis_encode(&out, &g);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = genesis_decode(&g, &a, buf_span(&out));
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_and_chain_id),
        cmocka_unit_test(validators_are_the_members),
        cmocka_unit_test(impossible_parameters_are_refused),
        cmocka_unit_test(members_and_accounts_are_distinct),
        cmocka_unit_test(addresses_have_a_host_and_a_port),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
