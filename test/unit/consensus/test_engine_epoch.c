/* Goal: an epoch ends once, at the same block everywhere, and the next one goes on from there with
 * its own validators and quorums, whoever fails in between. */
#include "ledger/mode.h"
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

static struct engine_rig *begin(uint32_t count, uint32_t nodes)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .count = count, .nodes = nodes, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_run(r, 100);
    engine_rig_submit(r, 3);
    assert_true(engine_rig_settle(r, 2000));
    return r;
}

static bool await_epoch(struct engine_rig *r, uint32_t nodes, uint64_t epoch, uint64_t ms)
{
    uint64_t end = engine_rig_now(r) + ms;
    for (;;) {
        bool is_there = true;
        for (uint32_t i = 0; i < nodes; i++)
            if (engine_rig_is_up(r, i) && engine_rig_epoch(r, i) < epoch) is_there = false;
        if (is_there || engine_rig_now(r) >= end) return is_there;
        engine_rig_run(r, 10);
    }
}

/* The one block that closes, and what stands around it. */
static void check_border(struct engine_rig *r, uint32_t node, uint64_t epoch)
{
    uint64_t base = engine_rig_base(r, epoch);
    const struct header *close = engine_rig_header(r, node, base);
    assert_int_equal(close->epoch, epoch - 1);
    assert_int_equal(close->flags, BLOCK_EPOCH_CLOSE);
    assert_false(hash_is_zero(&close->next_config_hash));
    if (engine_rig_final_height(r, node) == base) return;
    const struct header *first = engine_rig_header(r, node, base + 1);
    assert_int_equal(first->epoch, epoch);
    assert_int_equal(first->flags, 0);
    assert_int_equal(first->final_height, base);
    assert_int_equal(first->res_height, base);
}

static void the_idle_chain_changes_at_once(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 5);
    engine_rig_change(r, 5, 0);
    engine_rig_submit(r, 1); /* The transaction that changes it. */
    assert_true(await_epoch(r, 5, 1, 1000));
    engine_rig_run(r, 200);
    for (uint32_t i = 0; i < 5; i++) {
        check_border(r, i, 1);
        assert_int_equal(engine_rig_final_height(r, i), engine_rig_base(r, 1) + 1);
    }
    assert_int_equal(engine_rig_config(r, 4)->self, 4); /* It has joined, and is needed: */
    engine_rig_crash(r, 0, true);
    engine_rig_submit(r, 10);
    assert_true(engine_rig_settle(r, 5000));
    engine_rig_free(r);
}

static void quorums_follow(void **state)
{
    (void)state;
    static const uint32_t counts[] = {5, 7, 4, 4};
    struct engine_rig *r = begin(4, 7);
    for (uint64_t epoch = 1; epoch <= 4; epoch++) {
        engine_rig_change(r, counts[epoch - 1], 0);
        for (int i = 0; i < 20; i++) { /* Under load: blocks are in flight below the last one. */
            engine_rig_submit(r, 3);
            engine_rig_run(r, 7);
        }
        assert_true(await_epoch(r, 7, epoch, 3000));
        for (uint32_t i = 0; i < 7; i++)
            check_border(r, i, epoch);
    }
    assert_true(engine_rig_settle(r, 3000));
    /* Four again: the three former ones cannot stop them. */
    for (uint32_t i = 4; i < 7; i++)
        engine_rig_crash(r, i, true);
    engine_rig_submit(r, 10);
    assert_true(engine_rig_settle(r, 3000));
    engine_rig_free(r);
}

static void who_is_barred_never_leads(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 4);
    engine_rig_change(r, 4, 1);
    engine_rig_submit(r, 1);
    assert_true(await_epoch(r, 4, 1, 2000));
    engine_rig_submit(r, 5);
    assert_true(engine_rig_settle(r, 2000));
    struct consensus_stand stand;
    engine_rig_stand(r, 2, &stand);
    assert_int_equal(stand.view, 0);
    assert_int_equal(stand.leader, 1);
    engine_rig_crash(r, 1, true);
    engine_rig_submit(r, 5);
    assert_true(engine_rig_settle(r, 10000));
    engine_rig_free(r);
}

static void the_leader_dies_between_the_epochs(void **state)
{
    (void)state;
    for (uint64_t wait = 0; wait < 24; wait += 3) {
        struct engine_rig *r = begin(4, 4);
        engine_rig_change(r, 4, 0);
        engine_rig_submit(r, 1);
        engine_rig_run(r, wait);
        engine_rig_crash(r, 0, wait % 2 == 0);
        assert_true(await_epoch(r, 4, 1, 20000));
        engine_rig_submit(r, 3);
        assert_true(engine_rig_settle(r, 20000)); /* By a view change at the epoch's first block. */
        engine_rig_restart(r, 0);
        assert_true(await_epoch(r, 4, 1, 5000));
        assert_true(engine_rig_settle(r, 10000));
        for (uint32_t i = 0; i < 4; i++)
            check_border(r, i, 1);
        engine_rig_free(r);
    }
}

static void all_die_between_the_epochs(void **state)
{
    (void)state;
    for (uint64_t wait = 0; wait < 40; wait += 2) {
        struct engine_rig *r = begin(4, 5);
        engine_rig_change(r, 5, 0);
        engine_rig_submit(r, 1);
        engine_rig_run(r, wait);
        for (uint32_t i = 0; i < 5; i++)
            engine_rig_crash(r, i, (wait >> 1 & i) != 0);
        engine_rig_run(r, 100);
        for (uint32_t i = 0; i < 5; i++)
            engine_rig_restart(r, i);
        engine_rig_submit(r, 3);
        assert_true(engine_rig_settle(r, 30000));
        assert_true(await_epoch(r, 5, 1, 5000));
        engine_rig_free(r);
    }
}

static void a_node_that_slept_follows(void **state)
{
    (void)state;
    struct engine_rig *r = begin(5, 6);
    engine_rig_crash(r, 4, true);
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        engine_rig_change(r, epoch == 2 ? 6 : 5, 0);
        engine_rig_submit(r, 2);
        assert_true(await_epoch(r, 6, epoch, 5000));
        engine_rig_submit(r, 5);
        assert_true(engine_rig_settle(r, 5000));
    }
    engine_rig_restart(r, 4);
    assert_true(await_epoch(r, 6, 3, 20000));
    assert_true(engine_rig_settle(r, 10000));
    engine_rig_free(r);
}

static void epochs_in_bad_weather(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct engine_rig *r = engine_rig_new(
            &(struct engine_rig_options){.mode = seed % 2 == 0 ? MODE_FAST : MODE_BFT,
                                         .count = 4,
                                         .nodes = 7,
                                         .seed = seed,
                                         .disk_ms = 2,
                                         .execute_ms = (uint32_t)(seed % 3) * 20,
                                         .delay_ms_max = 5,
                                         .loss_permille = 40});
        for (uint64_t epoch = 1; epoch <= 5; epoch++) {
            engine_rig_change(r, 4 + (uint32_t)((seed + epoch) % 4), 0);
            for (int i = 0; i < 20; i++) {
                engine_rig_submit(r, 2);
                engine_rig_run(r, 20);
                if (i == 10) engine_rig_crash(r, (uint32_t)((seed + epoch) % 4), seed % 3 == 0);
                if (i == 15) engine_rig_restart(r, (uint32_t)((seed + epoch) % 4));
            }
            if (!await_epoch(r, 7, epoch, 60000))
                fail_msg("seed %u, epoch %u", (unsigned)seed, (unsigned)epoch);
        }
        assert_true(engine_rig_settle(r, 60000));
        engine_rig_free(r);
    }
}

/* --- lies ------------------------------------------------------------------------------------- */

struct lie {
    uint64_t height;
    struct hash next;
    bool is_close;
};

/* What leader 0 proposes on the final block. */
static struct header child_of(struct engine_rig *r, const struct lie *lie, uint8_t tag)
{
    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    struct header h = forge_first(r, 0, tag);
    h.height = stand.final_height + 1;
    h.parent = stand.final_hash;
    h.res_height = lie->height;
    h.res_digest.bytes[0] = 1;
    h.res_cert_hash.bytes[0] = 1;
    h.final_height = stand.final_height;
    h.final_cert_hash.bytes[0] = 1;
    h.flags = lie->is_close ? BLOCK_EPOCH_CLOSE : 0;
    h.next_config_hash = lie->next;
    return h;
}

static void wrong_ends_are_refused(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 4);
    engine_rig_set_byzantine(r, 0);
    engine_rig_run(r, 200);
    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    struct hash config = {{7}};
    struct lie early = {.height = stand.executed_height, .next = config, .is_close = true};
    struct header h = child_of(r, &early, 1);
    struct proposal p = forge_proposal(r, &h);
    assert_int_equal(forge_tell_proposal(r, 1, &p), ST_REJECTED); /* Nothing waits. */
    assert_int_equal(forge_refused(r, 1, REJECT_FLAGS), 1);
    engine_rig_free(r);
}

static bool only_from_1(void *context,
                        uint32_t from,
                        uint32_t to,
                        const struct consensus_message *m)
{
    (void)context;
    (void)to;
    return from != 0 || m->kind != CONSENSUS_PROPOSAL;
}

static void nothing_stands_above_the_end(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 4);
    engine_rig_set_byzantine(r, 0);
    engine_rig_change(r, 4, 0);
    /* The leader's own block with the change, its close, and then one more of its making. */
    engine_rig_submit(r, 1);
    struct header close = {.height = 0};
    while (close.height == 0) {
        engine_rig_run(r, 1);
        uint64_t top = engine_rig_final_height(r, 1);
        const struct header *h = engine_rig_header(r, 1, top);
        if ((h->flags & BLOCK_EPOCH_CLOSE) != 0) close = *h;
        if (engine_rig_epoch(r, 1) == 1) break;
    }
    assert_true(close.height > 0);
    if (engine_rig_epoch(r, 1) == 0) {
        struct header h = forge_child(r, &close, close.view, 1);
        struct proposal p = forge_proposal(r, &h);
        assert_int_equal(forge_tell_proposal(r, 1, &p), ST_REJECTED);
        assert_true(forge_refused(r, 1, REJECT_PARENT) > 0);
    }
    engine_rig_filter(r, only_from_1, NULL);
    assert_true(await_epoch(r, 4, 1, 10000));
    engine_rig_free(r);
}

/* A leader that never closes loses its view, and the next one closes. */
static bool no_close(void *context, uint32_t from, uint32_t to, const struct consensus_message *m)
{
    (void)context;
    (void)to;
    return from != 0 || m->kind != CONSENSUS_PROPOSAL || m->proposal.header.flags == 0;
}

static void a_leader_that_does_not_close_is_replaced(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 4);
    engine_rig_filter(r, no_close, NULL);
    engine_rig_change(r, 4, 0);
    engine_rig_submit(r, 1);
    assert_true(await_epoch(r, 4, 1, 10000));
    assert_true(engine_rig_header(r, 1, engine_rig_base(r, 1))->view > 0);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 5000));
    engine_rig_free(r);
}

static void one_validator_has_epochs_too(void **state)
{
    (void)state;
    struct engine_rig *r = begin(1, 5);
    engine_rig_change(r, 1, 0);
    engine_rig_submit(r, 2);
    assert_true(await_epoch(r, 5, 1, 5000));
    engine_rig_change(r, 4, 0); /* Four take over from one. */
    engine_rig_submit(r, 2);
    assert_true(await_epoch(r, 5, 2, 5000));
    engine_rig_submit(r, 2);
    assert_true(engine_rig_settle(r, 5000));
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_idle_chain_changes_at_once),
        cmocka_unit_test(quorums_follow),
        cmocka_unit_test(who_is_barred_never_leads),
        cmocka_unit_test(the_leader_dies_between_the_epochs),
        cmocka_unit_test(all_die_between_the_epochs),
        cmocka_unit_test(a_node_that_slept_follows),
        cmocka_unit_test(epochs_in_bad_weather),
        cmocka_unit_test(wrong_ends_are_refused),
        cmocka_unit_test(nothing_stands_above_the_end),
        cmocka_unit_test(a_leader_that_does_not_close_is_replaced),
        cmocka_unit_test(one_validator_has_epochs_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
