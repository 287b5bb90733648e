/* Random histories of one store against a model: forks held at several heights, appends, votes,
 * syncs, settling, results, crashes, restarts. After each restart the store has what the model says
 * was acknowledged, in a segment or held, and no more than was handed over. The same histories with
 * planted faults (a sync that lies) must be caught.
 *
 *     test_store_model [FIRST_SEED [COUNT]] */
#include <stdio.h>
#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/store_rig.h"
#include "support/test_rng.h"

#define STEPS         300u
#define SEEDS_DEFAULT 25u
#define VERSIONS_MAX  (STEPS + 1u)
#define HEIGHTS_MAX   (STEPS + 8u)
#define AHEAD_MAX     4u /* Heights held above the newest block. */
#define FORKS         3u /* The first is the one that becomes final. */

enum held { HELD_NOT, HELD_HANDED, HELD_DURABLE };

struct slot { /* All records since the last acknowledged one, which is the first. */
    struct hash versions[VERSIONS_MAX];
    uint32_t count;
    bool is_known; /* versions[0] was acknowledged. */
};

struct model {
    struct test_rng rng;
    uint64_t durable; /* Height acknowledged. */
    enum held held[HEIGHTS_MAX][FORKS];
    uint64_t result; /* Result height acknowledged. */
    struct slot slots[JOURNAL_SLOTS];
    uint64_t records;  /* Journal records made, so that each is different. */
    const char *wrong; /* What the store got wrong; null: nothing. */
};

static uint64_t first_seed = 1;
static uint64_t seed_count = SEEDS_DEFAULT;

static void check_slot(struct store_rig *r, struct model *m, uint32_t index)
{
    struct slot *s = &m->slots[index];
    struct buf got;
    buf_init(&got, mem_system(), 0);
    enum status st = store_journal_read(r->store, index, &got);
    bool is_right = st == ST_NOT_FOUND && !s->is_known;
    for (uint32_t i = 0; i < s->count && st == ST_OK && !is_right; i++) {
        if (!span_equal(buf_span(&got), hash_span(&s->versions[i]))) continue;
        is_right = true;
        s->versions[0] = s->versions[i];
    }
    if (!is_right) m->wrong = "a journal record is lost";
    s->is_known = st == ST_OK;
    s->count = s->is_known ? 1 : 0;
    buf_fini(&got);
}

static enum status on_held(void *context,
                           uint64_t height,
                           const struct hash *hash,
                           struct span bytes)
{
    struct model *m = context;
    (void)bytes;
    for (uint64_t f = 0; f < FORKS && height < HEIGHTS_MAX; f++) {
        struct hash want = store_rig_hash(height, f + 1);
        if (hash_equal(hash, &want) && m->held[height][f] != HELD_NOT) return ST_OK;
    }
    m->wrong = "a held block appeared";
    return ST_OK;
}

static enum status on_found(void *context, const struct damage *damage)
{
    struct model *m = context;
    (void)damage;
    m->wrong = "a held block is damaged";
    return ST_OK;
}

static void check_held(struct store_rig *r, struct model *m)
{
    struct store_held_visitor v = {.visit = on_held, .found = on_found, .context = m};
    assert_int_equal(store_held_each(r->store, &v), ST_OK);
    for (uint64_t height = store_height(r->store) + 1; height < HEIGHTS_MAX; height++)
        for (uint64_t f = 0; f < FORKS; f++) {
            bool is_held = store_rig_holds(r, height, f + 1);
            if (!is_held && m->held[height][f] == HELD_DURABLE)
                m->wrong = "an acknowledged held block is lost";
            if (!is_held) m->held[height][f] = HELD_NOT;
        }
}

/* Open again; what the store shows now is what the model goes on with. */
static void restart(struct store_rig *r, struct model *m, uint64_t appended, uint64_t results)
{
    enum status st = store_rig_open(r);
    if (st != ST_OK) {
        m->wrong = st == ST_CORRUPT ? r->damage.what : status_name(st);
        return;
    }
    uint64_t height = store_height(r->store);
    if (height < m->durable) m->wrong = "an acknowledged block is lost";
    if (height > appended) m->wrong = "a block appeared";
    if (store_result_height(r->store) < m->result) m->wrong = "an acknowledged result is lost";
    if (store_result_height(r->store) > results) m->wrong = "a result appeared";
    if (!store_rig_is_whole(r)) m->wrong = "a block is not what was appended";
    m->durable = height;
    m->result = store_result_height(r->store);
    check_held(r, m);
    for (uint32_t i = 0; i < JOURNAL_SLOTS; i++)
        check_slot(r, m, i);
}

static void crash(struct store_rig *r, struct model *m)
{
    uint64_t appended = store_height(r->store);
    uint64_t results = store_result_height(r->store);
    store_rig_close(r);
    fake_os_crash(r->fake, test_rng_below(&m->rng, 4) == 0 ? FAKE_OS_KEEP_ALL : FAKE_OS_LOSE_SOME);
    struct store_rig_scan scan;
    if (store_rig_scan(r, &scan) == ST_OK && scan.blocks < m->durable)
        m->wrong = "the scan missed that a block is lost";
    restart(r, m, appended, results);
}

static void journal(struct store_rig *r, struct model *m)
{
    uint32_t index = (uint32_t)test_rng_below(&m->rng, JOURNAL_SLOTS);
    struct hash record = store_rig_hash(++m->records, 77);
    assert_int_equal(store_journal(r->store, index, hash_span(&record)), ST_OK);
    struct slot *s = &m->slots[index];
    assert_true(s->count < VERSIONS_MAX);
    s->versions[s->count++] = record;
}

static void sync_all(struct store_rig *r, struct model *m)
{
    assert_int_equal(store_sync(r->store), ST_OK);
    for (uint64_t height = 0; height < HEIGHTS_MAX; height++)
        for (uint64_t f = 0; f < FORKS; f++)
            if (m->held[height][f] == HELD_HANDED) m->held[height][f] = HELD_DURABLE;
    for (uint32_t i = 0; i < JOURNAL_SLOTS; i++) {
        struct slot *s = &m->slots[i];
        if (s->count == 0) continue;
        s->versions[0] = s->versions[s->count - 1];
        s->count = 1;
        s->is_known = true;
    }
}

static void hold(struct store_rig *r, struct model *m)
{
    uint64_t height = store_height(r->store) + 1 + test_rng_below(&m->rng, AHEAD_MAX);
    uint64_t f = test_rng_below(&m->rng, FORKS);
    assert_int_equal(store_rig_hold(r, height, f + 1), ST_OK);
    if (m->held[height][f] == HELD_NOT) m->held[height][f] = HELD_HANDED;
    if (!store_rig_holds(r, height, f + 1)) m->wrong = "a held block cannot be read";
}

static void make_durable(struct store_rig *r, struct model *m)
{
    if (test_rng_coin(&m->rng)) {
        assert_int_equal(store_settle(r->store), ST_OK);
    } else {
        assert_int_equal(store_blocks_sync(r->store), ST_OK);
    }
    m->durable = store_height(r->store);
}

/* A record of the engine that promises some of the held blocks, and no others. */
static void release(struct store_rig *r, struct model *m)
{
    struct hash keep[AHEAD_MAX * FORKS];
    uint32_t count = 0;
    uint64_t top = store_height(r->store);
    for (uint64_t height = 0; height < HEIGHTS_MAX; height++)
        for (uint64_t f = 0; f < FORKS; f++) {
            bool is_held = height > top && m->held[height][f] != HELD_NOT;
            bool is_kept = is_held && test_rng_coin(&m->rng);
            m->held[height][f] = is_kept ? HELD_DURABLE : HELD_NOT;
            if (is_kept) keep[count++] = store_rig_hash(height, f + 1);
        }
    assert_int_equal(store_release(r->store, keep, count), ST_OK);
    m->durable = top;
    check_held(r, m);
}

static void add_result(struct store_rig *r, struct model *m)
{
    uint64_t top = store_result_height(r->store);
    uint64_t height = top + 1;
    if (top > 3 && test_rng_below(&m->rng, 10) == 0) height = top - test_rng_below(&m->rng, 3);
    if (height > store_height(r->store)) return;
    assert_int_equal(store_rig_result(r, height), ST_OK);
    if (height - 1 < m->result) m->result = height - 1;
}

static void step(struct store_rig *r, struct model *m)
{
    switch (test_rng_below(&m->rng, 20)) {
    case 0:
    case 1:
    case 2:
    case 3: assert_int_equal(store_rig_append(r), ST_OK); break;
    case 4:
    case 5:
    case 6:
    case 7: hold(r, m); break;
    case 8:
    case 9:
    case 10: journal(r, m); break;
    case 11:
    case 12: sync_all(r, m); break;
    case 13: test_rng_below(&m->rng, 4) == 0 ? release(r, m) : make_durable(r, m); break;
    case 14:
    case 15:
    case 16: add_result(r, m); break;
    case 17:
        assert_int_equal(store_results_sync(r->store), ST_OK);
        m->result = store_result_height(r->store);
        break;
    case 18:
        if (test_rng_below(&m->rng, 4) == 0) crash(r, m);
        break;
    default:
        if (!store_rig_is_whole(r)) m->wrong = "a block cannot be read";
    }
}

/* What went wrong, or null. lie: syncs of files whose name ends so do nothing. */
static const char *run(uint64_t seed, const char *lie)
{
    static struct store_rig r; /* The answer may be its damage. */
    static struct model m;
    store_rig_init(&r, seed);
    m = (struct model){.rng = {.state = seed}};
    fake_os_ignore_sync(r.fake, lie);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint32_t i = 0; i < STEPS && m.wrong == NULL; i++)
        step(&r, &m);
    store_rig_fini(&r);
    return m.wrong;
}

static void keeps_promises(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        const char *wrong = run(seed, NULL);
        if (wrong != NULL)
            fail_msg("seed %llu: %s (repeat: test_store_model %llu 1)", (unsigned long long)seed,
                     wrong, (unsigned long long)seed);
    }
}

static bool is_caught(const char *lie)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        if (run(seed, lie) != NULL) return true;
    return false;
}

/* The checks bite: each of the syncs is needed, and this test knows when it is left out. */
static void catches_lies(void **state)
{
    (void)state;
    assert_true(is_caught(".seg"));
    assert_true(is_caught(".blk"));
    assert_true(is_caught(".res"));
    assert_true(is_caught("journal"));
}

int main(int argc, char **argv)
{
    if (argc > 1) first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2) seed_count = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_promises),
        cmocka_unit_test(catches_lies),
    };
    return cmocka_run_group_tests_name("store model", tests, NULL, NULL);
}
