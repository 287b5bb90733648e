/* Goal: f validators that say whatever they like - votes for anything, locks without certificates,
 * false results, second blocks, view changes that deny - with loss, crashes and partitions around
 * them never make the others disagree, and never convict one of them; the rig checks both after
 * every step. What they cannot stop goes on in the end. */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/engine_forge.h"

#define SEEN_MAX 24u

struct world {
    enum block_mode mode;
    uint32_t count;
    uint32_t p;
};

struct ear { /* What the liars heard lately. */
    struct header headers[SEEN_MAX];
    uint32_t header_count;
    struct view_change change;
    bool has_change;
    uint64_t view;
    uint64_t height;
};

static bool listen(void *context, uint32_t from, uint32_t to, const struct consensus_message *m)
{
    struct ear *ear = context;
    (void)from;
    (void)to;
    if (m->kind == CONSENSUS_PROPOSAL) {
        const struct header *h = &m->proposal.header;
        uint32_t at = ear->header_count++ % SEEN_MAX;
        ear->headers[at] = *h;
        if (h->view > ear->view) ear->view = h->view;
        if (h->height > ear->height) ear->height = h->height;
    }
    if (m->kind == CONSENSUS_VIEW_CHANGE) {
        ear->change = m->view_change;
        ear->has_change = true;
        if (ear->change.to_view > ear->view) ear->view = ear->change.to_view;
    }
    return true;
}

static const struct header *some_header(const struct ear *ear, struct test_rng *rng)
{
    uint32_t count = ear->header_count < SEEN_MAX ? ear->header_count : SEEN_MAX;
    return count == 0 ? NULL : &ear->headers[test_rng_below(rng, count)];
}

static void lie_with_a_vote(
    struct engine_rig *r, const struct ear *ear, struct test_rng *rng, uint32_t liar, uint32_t to)
{
    const struct header *h = some_header(ear, rng);
    if (h == NULL) return;
    enum vote_part part = (enum vote_part)test_rng_below(rng, VOTE_PARTS);
    uint64_t view = h->view + test_rng_below(rng, 3);
    struct statement s = forge_statement(part == VOTE_P3 ? 0 : view, h);
    struct vote v = forge_vote(r, liar, part, &s);
    (void)forge_tell_vote(r, to, &v);
}

static void lie_with_a_block(
    struct engine_rig *r, const struct ear *ear, struct test_rng *rng, uint32_t liar, uint32_t to)
{
    const struct header *h = some_header(ear, rng);
    if (h == NULL || h->proposer != liar) return;
    struct header other = *h;
    other.tx_root.bytes[0] = (uint8_t)(other.tx_root.bytes[0] + 1u + test_rng_below(rng, 2));
    engine_rig_add_body(r, &other, false);
    struct proposal p = forge_proposal(r, &other);
    (void)forge_tell_proposal(r, to, &p);
}

/* Another's chain, certificate or nothing, with any voted view. */
static void lie_with_a_change(
    struct engine_rig *r, const struct ear *ear, struct test_rng *rng, uint32_t liar, uint32_t to)
{
    uint64_t view = ear->view + test_rng_below(rng, 2);
    struct view_change vc = forge_view_change(r, liar, view == 0 ? 1 : view);
    if (ear->has_change && test_rng_coin(rng)) {
        uint64_t to_view = vc.to_view;
        vc = ear->change;
        vc.sender = liar;
        vc.to_view = to_view;
        if (test_rng_coin(rng)) vc.header_count = 0;
        if (test_rng_coin(rng)) vc.has_hq = false;
        if (!vc.has_hq || vc.header_count == 0) vc.branch_count = 0;
        if (vc.header_count == 0) vc.has_tip_sig = false;
        if (to_view > 0 && test_rng_coin(rng)) vc.voted_view = to_view - 1;
        forge_sign_view_change(r, &vc);
    }
    (void)forge_tell_view_change(r, to, &vc);
}

static void lie(struct engine_rig *r, struct ear *ear, struct test_rng *rng, uint32_t count)
{
    uint32_t f = engine_rig_config(r, 0)->validators.f;
    if (f == 0) return;
    uint32_t liar = (uint32_t)test_rng_below(rng, f);
    uint32_t to = f + (uint32_t)test_rng_below(rng, count - f);
    if (!engine_rig_is_up(r, to)) return;
    switch (test_rng_below(rng, 4)) {
    case 0: lie_with_a_change(r, ear, rng, liar, to); return;
    case 1: lie_with_a_block(r, ear, rng, liar, to); return;
    default: lie_with_a_vote(r, ear, rng, liar, to); return;
    }
}

/* Only the honest crash here: a liar may say what it likes anyway. */
static void disturb(struct engine_rig *r, struct test_rng *rng, uint32_t first, uint32_t count)
{
    uint32_t node = first + (uint32_t)test_rng_below(rng, count - first);
    switch (test_rng_below(rng, 5)) {
    case 0:
        if (engine_rig_is_up(r, node)) engine_rig_crash(r, node, test_rng_coin(rng));
        return;
    case 1:
    case 2:
        for (uint32_t i = 0; i < count; i++)
            if (!engine_rig_is_up(r, i)) engine_rig_restart(r, i);
        return;
    case 3:
        engine_rig_cut(r, node, (uint32_t)test_rng_below(rng, count), test_rng_coin(rng));
        return;
    default: engine_rig_submit(r, (uint32_t)test_rng_below(rng, 50)); return;
    }
}

static void run_seed(uint64_t seed, const struct world *world)
{
    static struct ear ear;
    memset(&ear, 0, sizeof ear);
    struct test_rng rng = {seed * 131 + world->count};
    struct engine_rig_options options = {.count = world->count,
                                         .mode = world->mode,
                                         .p = world->p,
                                         .seed = seed,
                                         .loss_permille = (uint32_t)test_rng_below(&rng, 150),
                                         .delay_ms_max = (uint32_t)test_rng_below(&rng, 60),
                                         .disk_ms = (uint32_t)test_rng_below(&rng, 10),
                                         .block_txs_max = 5};
    struct engine_rig *r = engine_rig_new(&options);
    uint32_t f = engine_rig_config(r, 0)->validators.f;
    for (uint32_t i = 0; i < f; i++)
        engine_rig_set_byzantine(r, i);
    engine_rig_filter(r, listen, &ear);
    for (int i = 0; i < 150; i++) {
        engine_rig_run(r, 1 + test_rng_below(&rng, 80));
        for (uint64_t k = test_rng_below(&rng, 4); k > 0; k--)
            lie(r, &ear, &rng, world->count);
        if (test_rng_below(&rng, 4) == 0) disturb(r, &rng, f, world->count);
    }
    for (uint32_t i = 0; i < world->count; i++) {
        for (uint32_t k = 0; k < world->count; k++)
            engine_rig_cut(r, i, k, false);
        if (!engine_rig_is_up(r, i)) engine_rig_restart(r, i);
    }
    for (uint32_t i = 0; i < f;
         i++) /* Their own engines could be out of step with what was said. */
        engine_rig_crash(r, i, false);
    engine_rig_submit(r, 3);
    if (!engine_rig_settle(r, 240000))
        fail_msg("seed %llu with %u nodes does not go on", (unsigned long long)seed, world->count);
    assert_int_equal(engine_rig_alarms(r, ALARM_CONFLICT), 0);
    engine_rig_free(r);
}

static void liars(void **state)
{
    (void)state;
    static const struct world worlds[] = {{MODE_FAST, 4, 0}, {MODE_BFT, 4, 0},  {MODE_FAST, 6, 1},
                                          {MODE_FAST, 4, 0}, {MODE_FAST, 5, 0}, {MODE_FAST, 7, 0},
                                          {MODE_BFT, 7, 0},  {MODE_FAST, 9, 1}};
    const char *from = getenv("ENGINE_SEED");
    uint64_t first = from != NULL ? strtoull(from, NULL, 10) : 1;
    const char *many = getenv("ENGINE_SEEDS");
    uint64_t count = many != NULL ? strtoull(many, NULL, 10) : 16;
    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed, &worlds[seed % (sizeof worlds / sizeof worlds[0])]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(liars)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
