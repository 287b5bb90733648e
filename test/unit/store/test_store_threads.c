/* Readers on other threads see only whole, right blocks, held and final, results and txids while
 * blocks are held, appended and settled, segments sealed, results appended and synced beside them.
 * Meant for the thread sanitizer. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/must.h"
#include "os/thread.h"
#include "support/cmocka_all.h"
#include "support/store_rig.h"
#include "support/test_rng.h"

#define BLOCKS  300u
#define READERS 2u

struct shared {
    struct store_rig rig;
    atomic_bool is_done;
    atomic_uint wrong;
    atomic_uint reads;
    atomic_ullong held; /* Up to this height every block can be read, held or final. */
};

/* Settled between the two looks, it is final. */
static bool can_read_held(struct shared *s, uint64_t height)
{
    struct buf got;
    buf_init(&got, mem_system(), 0);
    bool is_there = store_rig_holds(&s->rig, height, s->rig.salt) ||
                    store_read_block(s->rig.store, height, &got, NULL) == ST_OK;
    buf_fini(&got);
    return is_there;
}

static void read_one(struct shared *s, struct test_rng *rng)
{
    struct store *store = s->rig.store;
    uint64_t top = store_height(store);
    if (top == 0) return;
    uint64_t height = 1 + test_rng_below(rng, top);
    struct buf want;
    struct buf got;
    buf_init(&want, mem_system(), 0);
    buf_init(&got, mem_system(), 0);
    store_rig_block(&want, height, s->rig.salt);
    bool is_right = store_read_block(store, height, &got, NULL) == ST_OK &&
                    span_equal(buf_span(&want), buf_span(&got));
    uint64_t results = store_result_height(store);
    if (results > 0) {
        uint64_t result = 1 + test_rng_below(rng, results);
        buf_reset(&want);
        buf_reset(&got);
        store_rig_block(&want, result, s->rig.salt + 7);
        is_right = is_right && store_read_result(store, result, &got, NULL) == ST_OK &&
                   span_equal(buf_span(&want), buf_span(&got));
    }
    if (height < top && store_rig_txid_count(height) > 0) {
        struct hash txid = store_rig_txid(height, 0, s->rig.salt);
        uint64_t found = 0;
        uint32_t index = 1;
        is_right = is_right && store_find_tx(store, &txid, &found, &index) == ST_OK &&
                   found == height && index == 0;
    }
    buf_fini(&want);
    buf_fini(&got);
    uint64_t held = atomic_load(&s->held);
    if (held > 0)
        is_right = can_read_held(s, held - test_rng_below(rng, held < 9 ? held : 9)) && is_right;
    if (!is_right) atomic_fetch_add(&s->wrong, 1);
    atomic_fetch_add(&s->reads, 1);
}

static void run_reader(void *context)
{
    struct shared *s = context;
    struct test_rng rng = {.state = 5};
    while (!atomic_load(&s->is_done))
        read_one(s, &rng);
}

static void run_executor(void *context)
{
    struct shared *s = context;
    for (uint64_t height = 1; height <= BLOCKS; height++)
        if (store_rig_result(&s->rig, height) != ST_OK) atomic_fetch_add(&s->wrong, 1);
}

static void run_checkpoint(void *context)
{
    struct shared *s = context;
    while (!atomic_load(&s->is_done))
        if (store_results_sync(s->rig.store) != ST_OK || store_blocks_sync(s->rig.store) != ST_OK)
            atomic_fetch_add(&s->wrong, 1);
}

static void add_block(struct store_rig *r, struct shared *s, uint64_t height)
{
    assert_int_equal(store_rig_hold(r, height + 1, r->salt), ST_OK);
    assert_int_equal(store_rig_add(r), ST_OK);
    atomic_store(&s->held, height + 1);
    if (height % 7 == 0) assert_int_equal(store_settle(r->store), ST_OK);
}

static void reads_beside_writers(void **state)
{
    (void)state;
    static struct shared s;
    struct thread *threads[READERS + 2] = {NULL};
    store_rig_init(&s.rig, 1);
    assert_int_equal(store_rig_open(&s.rig), ST_OK);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(thread_start(&threads[i], mem_system(), "reader", run_reader, &s), ST_OK);
    assert_int_equal(
        thread_start(&threads[READERS], mem_system(), "checkpoint", run_checkpoint, &s), ST_OK);
    assert_int_equal(
        thread_start(&threads[READERS + 1], mem_system(), "executor", run_executor, &s), ST_OK);
    for (uint64_t height = 1; height <= BLOCKS; height++)
        add_block(&s.rig, &s, height);
    thread_join(threads[READERS + 1]);
    while (atomic_load(&s.reads) < BLOCKS) {
        struct test_rng rng = {.state = 6};
        read_one(&s, &rng);
    }
    atomic_store(&s.is_done, true);
    for (size_t i = 0; i <= READERS; i++)
        thread_join(threads[i]);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_int_equal(store_result_height(s.rig.store), BLOCKS);
    assert_true(store_rig_is_whole(&s.rig));
    store_rig_fini(&s.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_beside_writers),
    };
    return cmocka_run_group_tests_name("store threads", tests, NULL, NULL);
}
