/* Goal: a configuration has one encoding, its hash names it, what could not begin an epoch is
 * refused with the reason, and that of epoch 0 says what the genesis says. */
#include "ledger/config.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

/* Four validators, one of them barred, and an observer. */
static struct chain_config sample_config(void)
{
    struct genesis g = sample_genesis();
    struct chain_config c;
    struct secret_key secret = sample_node_secret(SAMPLE_NODES);
    chain_config_of_genesis(&c, &g);
    c.epoch = 7;
    c.nodes[2].is_barred = true;
    c.nodes[c.node_count++] = (struct chain_node){.organisation = span_text("Aufsicht \xc3\xb6"),
                                                  .node_name = span_text("watcher"),
                                                  .node_key = sample_public(&secret),
                                                  .address = span_text("")};
    return c;
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct chain_config c;
    TRY(chain_config_decode(&c, a, bytes));
    chain_config_encode(out, &c);
    return buf_status(out);
}

static void encoding_and_hash(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct chain_config c = sample_config();
    chain_config_encode(&out, &c);
    golden_check("config", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    struct hash hash = chain_config_hash(buf_span(&out));
    golden_check("config-hash", hash_span(&hash));
    buf_fini(&out);
}

static void decoded_value_is_its_own(void **state)
{
    (void)state;
    struct buf out;
    struct arena a;
    struct chain_config got;
    buf_init(&out, mem_system(), 0);
    arena_init(&a, mem_system(), 0);
    struct chain_config c = sample_config();
    chain_config_encode(&out, &c);
    assert_int_equal(chain_config_decode(&got, &a, buf_span(&out)), ST_OK);
    memset(out.data, 0xee, out.size);
    assert_int_equal(got.node_count, SAMPLE_NODES + 1);
    assert_int_equal(chain_config_find(&got, span_text("watcher")), SAMPLE_NODES);
    assert_int_equal(chain_config_find_key(&got, &c.nodes[3].node_key), 3);
    assert_int_equal(chain_config_find(&got, span_text("nobody")), CONFIG_NO_NODE);
    struct secret_key stranger = sample_node_secret(9);
    struct public_key key = sample_public(&stranger);
    assert_int_equal(chain_config_find_key(&got, &key), CONFIG_NO_NODE);
    arena_fini(&a);
    buf_fini(&out);
}

static void genesis_makes_the_first(void **state)
{
    (void)state;
    char why[CONFIG_WHY_MAX];
    struct genesis g = sample_genesis();
    struct chain_config c;
    chain_config_of_genesis(&c, &g);
    assert_int_equal(chain_config_check(&c, why), ST_OK);
    assert_string_equal(why, "");
    assert_int_equal(c.epoch, 0);
    assert_int_equal(c.node_count, SAMPLE_NODES);
    struct validators of_genesis = genesis_validators(&g);
    struct validators v = chain_config_validators(&c);
    assert_memory_equal(&v, &of_genesis, sizeof v);
}

static void observers_are_no_validators(void **state)
{
    (void)state;
    struct chain_config c = sample_config();
    struct validators v = chain_config_validators(&c);
    assert_int_equal(v.count, SAMPLE_NODES);
    assert_int_equal(v.barred, 1u << 2);
}

static void expect_refused(const struct chain_config *c, const char *word)
{
    char why[CONFIG_WHY_MAX];
    assert_int_equal(chain_config_check(c, why), ST_INVALID);
    if (strstr(why, word) == NULL) fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    struct chain_config c = sample_config();
    const struct chain_config sound = c;
    static const char *const words[] = {"3f + 2p + 1",       "3f + 2p + 1",
                                        "adaptive, bft",     "exec_version",
                                        "block_txs_max",     "batch_age_ms",
                                        "fuel_tx",           "view_ms",
                                        "mode_window",       "slow_max",
                                        "low_percent",       "return_blocks",
                                        "one validator and", "at most 31 validators"};
    const struct {
        uint32_t *at;
        uint32_t value;
    } faults[] = {{&c.f, 2},
                  {&c.p, 1},
                  {NULL, 0},
                  {&c.exec_version, 0},
                  {&c.block_txs_max, BLOCK_TXS_MAX + 1},
                  {&c.batch_age_ms, GENESIS_BATCH_AGE_MS_MAX + 1},
                  {NULL, 1},
                  {&c.params.view_ms, 9},
                  {&c.params.mode_window, 257},
                  {&c.params.slow_max, 65},
                  {&c.params.low_percent, 96},
                  {&c.params.return_blocks, 0},
                  {&c.validator_count, 2},
                  {&c.node_count, 3}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        c = sound;
        if (faults[i].at != NULL)
            *faults[i].at = faults[i].value;
        else if (faults[i].value == 0)
            c.mode = MODE_STRICT;
        else
            c.fuel_tx = 0;
        expect_refused(&c, words[i]);
    }
}

static void impossible_nodes_are_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"organisation", "name of a node", "Ed25519", "host:port",
                                        "observer",     "same name",      "same key"};
    struct secret_key secret = sample_account_secret(0);
    for (int n = 0; n < 7; n++) {
        struct chain_config c = sample_config();
        if (n == 0) c.nodes[1].organisation = span_text("");
        if (n == 1) c.nodes[1].node_name = span_text("line\nbreak");
        if (n == 2) c.nodes[1].node_key = sample_public(&secret);
        if (n == 3) c.nodes[1].address = span_text("nowhere");
        if (n == 4) c.nodes[4].is_barred = true;
        if (n == 5) c.nodes[4].node_name = c.nodes[0].node_name;
        if (n == 6) c.nodes[4].node_key = c.nodes[0].node_key;
        expect_refused(&c, words[n]);
    }
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct chain_config c = sample_config();
    chain_config_encode(&out, &c);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = chain_config_decode(&c, &a, buf_span(&out));
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
        cmocka_unit_test(encoding_and_hash),
        cmocka_unit_test(decoded_value_is_its_own),
        cmocka_unit_test(genesis_makes_the_first),
        cmocka_unit_test(observers_are_no_validators),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(impossible_nodes_are_refused),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
