/* Goal: under loss, copies, reordering, partitions and crashes final chains agree and nobody honest
 * is convicted - the rig checks both after every step - and when the world is whole again all that
 * was submitted becomes final. */
#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/engine_rig.h"

static void heal(struct engine_rig *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < count; k++)
            engine_rig_cut(r, i, k, false);
        engine_rig_crash_at(r, i, 0, false);
        if (!engine_rig_is_up(r, i)) engine_rig_restart(r, i);
    }
}

static void disturb(struct engine_rig *r, struct test_rng *rng, uint32_t count)
{
    uint32_t node = (uint32_t)test_rng_below(rng, count);
    switch (test_rng_below(rng, 6)) {
    case 0:
        if (engine_rig_is_up(r, node)) engine_rig_crash(r, node, test_rng_coin(rng));
        return;
    case 1:
        if (!engine_rig_is_up(r, node)) engine_rig_restart(r, node);
        return;
    case 2:
        engine_rig_crash_at(r, node, 1 + (uint32_t)test_rng_below(rng, 5), test_rng_coin(rng));
        return;
    case 3:
        engine_rig_cut(r, node, (uint32_t)test_rng_below(rng, count), test_rng_coin(rng));
        return;
    case 4: heal(r, count); return;
    default: engine_rig_submit(r, (uint32_t)test_rng_below(rng, 300)); return;
    }
}

struct world {
    enum block_mode mode;
    uint32_t count;
    uint32_t p;
};

static void run_seed(uint64_t seed, const struct world *world)
{
    uint32_t count = world->count;
    struct test_rng rng = {seed * 77 + count};
    struct engine_rig_options options = {.count = count,
                                         .mode = world->mode,
                                         .p = world->p,
                                         .seed = seed,
                                         .loss_permille = (uint32_t)test_rng_below(&rng, 200),
                                         .copy_permille = (uint32_t)test_rng_below(&rng, 100),
                                         .delay_ms_max = (uint32_t)test_rng_below(&rng, 100),
                                         .disk_ms = (uint32_t)test_rng_below(&rng, 20),
                                         .execute_ms = (uint32_t)test_rng_below(&rng, 30),
                                         .block_txs_max = 20};
    struct engine_rig *r = engine_rig_new(&options);
    for (int i = 0; i < 40; i++) {
        engine_rig_run(r, 1 + test_rng_below(&rng, 400));
        disturb(r, &rng, count);
    }
    heal(r, count);
    engine_rig_submit(r, 5);
    if (!engine_rig_settle(r, 120000)) {
        for (uint32_t i = 0; i < count; i++) {
            struct consensus_stand s;
            engine_rig_stand(r, i, &s);
            print_message("node %u: view %lu, open %d, tip %lu, final %lu, voting %d\n", i,
                          (unsigned long)s.view, s.is_open, (unsigned long)s.tip_height,
                          (unsigned long)s.final_height, s.is_voting);
        }
        fail_msg("seed %lu with %u nodes does not go on", (unsigned long)seed, count);
    }
    for (int a = ALARM_JOURNAL_ROLLED_BACK; a <= ALARM_CONFLICT; a++)
        if (engine_rig_alarms(r, (enum consensus_alarm)a) > 0)
            fail_msg("seed %lu with %u nodes: alarm %d", (unsigned long)seed, count, a);
    engine_rig_free(r);
}

/* Small ones more often: they break sooner. */
static const struct world *world_of(uint64_t seed)
{
    static const struct world worlds[] = {
        {MODE_BFT, 4, 0},  {MODE_FAST, 4, 0}, {MODE_RAFT, 3, 0}, {MODE_FAST, 6, 1},
        {MODE_FAST, 4, 0}, {MODE_BFT, 4, 0},  {MODE_FAST, 5, 0}, {MODE_RAFT, 5, 0},
        {MODE_FAST, 4, 0}, {MODE_BFT, 7, 0},  {MODE_FAST, 7, 0}, {MODE_RAFT, 3, 0},
        {MODE_BFT, 1, 0},  {MODE_FAST, 6, 1}, {MODE_FAST, 9, 1}, {MODE_BFT, 4, 0},
        {MODE_FAST, 4, 0}, {MODE_FAST, 7, 1},
    };
    uint64_t count = sizeof worlds / sizeof worlds[0];
    static const struct world large = {MODE_FAST, 16, 1};
    return seed % 61 == 0 ? &large : &worlds[seed % count];
}

static void test_random(void **state)
{
    (void)state;
    const char *from = getenv("ENGINE_SEED");
    uint64_t first = from != NULL ? strtoull(from, NULL, 10) : 1;
    const char *many = getenv("ENGINE_SEEDS");
    uint64_t count = many != NULL ? strtoull(many, NULL, 10) : 30;
    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed, world_of(seed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
