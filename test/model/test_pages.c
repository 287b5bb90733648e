/* test_pages.c - Whatever the disk does, the state database holds one committed height, never an
 * older one than the last checkpoint, and every view is what it was. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "support/cmocka_all.h"
#include "support/os_hook.h"
#include "support/state_model.h"

#define RUN_SEEDS   20u
#define RUN_STEPS   400u
#define CUT_SEEDS   6u
#define FAULT_KINDS 3u

/* Fails the test with what would repeat it. */
static void assert_right(const char *wrong, uint64_t seed, uint64_t n)
{
    if (wrong == NULL) return;
    print_error("%s (seed %llu, n %llu)\n", wrong, (unsigned long long)seed, (unsigned long long)n);
    fail();
}

static const char *reopen(struct state_model *m)
{
    state_model_close(m);
    const char *wrong = state_model_open(m);
    return wrong != NULL ? wrong : state_model_check_open(m);
}

/* The power goes somewhere inside a checkpoint, often a second time inside the repair. */
static const char *cut_checkpoint(struct state_model *m)
{
    fake_os_cut_power(m->disk, 1 + test_rng_below(&m->rng, 40));
    const char *wrong = state_model_checkpoint(m, true);
    if (wrong != NULL) return wrong;
    fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    if (test_rng_coin(&m->rng)) {
        state_model_close(m);
        fake_os_cut_power(m->disk, 1 + test_rng_below(&m->rng, 8));
        (void)state_model_open(m);
        fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    }
    return reopen(m);
}

/* A call of the checkpoint fails. Either nothing happened and the next one succeeds, or it is
 * final. */
static const char *fail_checkpoint(struct state_model *m)
{
    static const uint32_t kinds[FAULT_KINDS] = {FAKE_OS_WRITE | FAKE_OS_TRUNCATE, FAKE_OS_SYNC,
                                                FAKE_OS_READ};
    uint32_t kind = (uint32_t)test_rng_below(&m->rng, FAULT_KINDS);
    enum status st = test_rng_coin(&m->rng) ? ST_IO : ST_NO_SPACE;
    fake_os_fail(m->disk, kinds[kind], 1 + test_rng_below(&m->rng, 12), st);
    const char *wrong = state_model_checkpoint(m, true);
    if (wrong == NULL && kind == 1 && fake_os_has_failed(m->disk) && !db_has_failed(m->db))
        wrong = "a failed sync was not final";
    fake_os_heal(m->disk);
    if (wrong == NULL) wrong = state_model_view(m);
    if (wrong != NULL) return wrong;
    /* A checkpoint on a mixed file would show only when the power goes in it. */
    if (!db_has_failed(m->db))
        return test_rng_coin(&m->rng) ? cut_checkpoint(m) : state_model_checkpoint(m, false);
    fake_os_crash(m->disk, test_rng_coin(&m->rng) ? FAKE_OS_LOSE_SOME : FAKE_OS_KEEP_ALL);
    return reopen(m);
}

static const char *step(struct state_model *m)
{
    uint64_t choice = test_rng_below(&m->rng, 100);
    if (m->newest == STATE_MODEL_NONE || choice < 55) return state_model_block(m);
    if (choice < 80) return state_model_view(m);
    if (choice < 88) return state_model_checkpoint(m, false);
    if (choice < 91) return state_model_integrity(m);
    if (choice < 95) return cut_checkpoint(m);
    if (choice < 98) return fail_checkpoint(m);
    fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    return reopen(m);
}

/* Blocks, views, checkpoints, faults and crashes in random order. */
static void random_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUN_SEEDS; seed++) {
        struct state_model *m = state_model_new(fake_os_new(seed), NULL, seed);
        assert_right(state_model_open(m), seed, 0);
        for (uint64_t n = 0; n < RUN_STEPS; n++)
            assert_right(step(m), seed, n);
        state_model_free(m);
    }
}

/* Two checkpoints with blocks between; the power goes at the nth change, then at the kth of the
 * repair. Null when all is right; *is_done: there is no nth change. */
static const char *cut_at(struct state_model *m, uint64_t n, uint64_t k, bool *is_done)
{
    const char *wrong = state_model_open(m);
    for (int i = 0; wrong == NULL && i < 12; i++)
        wrong = state_model_block(m);
    if (wrong == NULL) wrong = state_model_checkpoint(m, false);
    for (int i = 0; wrong == NULL && i < 12; i++)
        wrong = state_model_block(m);
    if (wrong != NULL) return wrong;
    fake_os_cut_power(m->disk, n);
    wrong = state_model_checkpoint(m, true);
    *is_done = !fake_os_has_failed(m->disk);
    fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    state_model_close(m);
    if (wrong == NULL && k > 0) {
        fake_os_cut_power(m->disk, k);
        (void)state_model_open(m);
        fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    }
    return wrong != NULL ? wrong : reopen(m);
}

/* The power goes at every change of a checkpoint, and at every change of the repair after it. */
static void every_cut_is_repaired(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= CUT_SEEDS; seed++) {
        for (uint64_t k = 0; k < 10; k++) {
            bool is_done = false;
            for (uint64_t n = 1; !is_done; n++) {
                struct state_model *m = state_model_new(fake_os_new(seed * n + k), NULL, seed);
                assert_right(cut_at(m, n, k, &is_done), seed, n);
                state_model_free(m);
            }
        }
    }
}

/* The nth write of a checkpoint fails, then the power goes at the kth change of the next one. */
static const char *fail_then_cut(struct state_model *m, uint64_t n, uint64_t k, bool *is_done)
{
    const char *wrong = state_model_open(m);
    for (int i = 0; wrong == NULL && i < 12; i++)
        wrong = state_model_block(m);
    if (wrong == NULL) wrong = state_model_checkpoint(m, false);
    for (int i = 0; wrong == NULL && i < 12; i++)
        wrong = state_model_block(m);
    if (wrong != NULL) return wrong;
    fake_os_fail(m->disk, FAKE_OS_WRITE | FAKE_OS_TRUNCATE, n, ST_IO);
    wrong = state_model_checkpoint(m, true);
    *is_done = !fake_os_has_failed(m->disk);
    fake_os_heal(m->disk);
    if (wrong == NULL) wrong = state_model_view(m);
    if (wrong == NULL) wrong = state_model_block(m);
    if (wrong != NULL) return wrong;
    fake_os_cut_power(m->disk, k);
    wrong = state_model_checkpoint(m, true);
    fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    return wrong != NULL ? wrong : reopen(m);
}

/* After a failed write no checkpoint begins on a file that is half old, half new. */
static void no_checkpoint_on_a_mixed_file(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 14; k++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct state_model *m = state_model_new(fake_os_new(n + k), NULL, k);
            assert_right(fail_then_cut(m, n, k, &is_done), k, n);
            state_model_free(m);
        }
    }
}

/* A disk that pretends one of the five syncs of each checkpoint. */
struct liar {
    uint64_t calls;
    uint64_t skipped; /* 0 … 4: the sync that is not done. */
    bool is_on;
};

static bool liar_before(void *context, enum fake_os_call kind)
{
    struct liar *l = context;
    return !l->is_on || kind != FAKE_OS_SYNC || l->calls++ % 5 != l->skipped;
}

/* One checkpoint over the liar, the power going at the nth change; what the checks say. */
static bool is_found(uint64_t skipped, uint64_t seed, uint64_t n, bool *is_done)
{
    struct fake_os *disk = fake_os_new(seed);
    struct liar liar = {.skipped = skipped};
    struct os_hook hook;
    os_hook_init(&hook, fake_os_table(disk));
    hook.before = liar_before;
    hook.context = &liar;
    struct state_model *m = state_model_new(disk, &hook.os, seed);
    const char *wrong = state_model_open(m);
    liar.is_on = true;
    for (int i = 0; wrong == NULL && i < 8; i++)
        wrong = state_model_block(m);
    if (wrong == NULL) wrong = state_model_checkpoint(m, false);
    for (int i = 0; wrong == NULL && i < 8; i++)
        wrong = state_model_block(m);
    must(wrong == NULL);
    fake_os_cut_power(m->disk, n);
    wrong = state_model_checkpoint(m, true);
    *is_done = !fake_os_has_failed(m->disk);
    fake_os_crash(m->disk, FAKE_OS_LOSE_SOME);
    liar.is_on = false;
    if (wrong == NULL) wrong = reopen(m);
    bool found = wrong != NULL;
    state_model_free(m);
    return found;
}

/* Planted faults: each of the five syncs left out is found. */
static void each_sync_is_needed(void **state)
{
    (void)state;
    for (uint64_t skipped = 0; skipped < 5; skipped++) {
        bool found = false;
        for (uint64_t seed = 1; !found && seed <= 40; seed++) {
            bool is_done = false;
            for (uint64_t n = 1; !found && !is_done; n++)
                found = is_found(skipped, seed, n, &is_done);
        }
        if (!found) print_error("sync %llu left out is not found\n", (unsigned long long)skipped);
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs),
        cmocka_unit_test(every_cut_is_repaired),
        cmocka_unit_test(no_checkpoint_on_a_mixed_file),
        cmocka_unit_test(each_sync_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
