/* Threads run, count their processor time and end; a condition hands each item over exactly once.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "os/thread.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define ITEMS     20000u
#define CONSUMERS 3u

struct spin {
    _Atomic bool is_ended;
    char name[16];
};

static void spin_until_told(void *context)
{
    struct spin *spin = context;
    (void)prctl(PR_GET_NAME, spin->name);
    while (!atomic_load(&spin->is_ended))
        continue;
}

static void test_name_and_cpu_time(void **state)
{
    (void)state;
    struct spin spin = {.is_ended = false};
    struct thread *thread = NULL;
    assert_int_equal(thread_start(&thread, mem_system(), "fifteen letters", spin_until_told, &spin),
                     ST_OK);
    while (thread_cpu_ns(thread) < 2000000)
        continue;
    atomic_store(&spin.is_ended, true);
    /* Also of a thread that ends meanwhile and was not joined. What it uses after its own last
     * look at the clock is not counted, so the end may show a little less than the moment
     * before. */
    for (int i = 0; i < 1000; i++)
        assert_true(thread_cpu_ns(thread) >= 2000000);
    thread_join(thread);
    assert_string_equal(spin.name, "fifteen letters");
}

/* A box for one item between producer and consumers. */
struct box {
    struct mutex *mutex;
    struct cond *filled;
    struct cond *emptied;
    uint32_t item; /* 0: empty. */
    bool is_ended;
    uint8_t taken[ITEMS + 1];
};

static void consume(void *context)
{
    struct box *box = context;
    mutex_lock(box->mutex);
    for (;;) {
        while (box->item == 0 && !box->is_ended)
            cond_wait(box->filled, box->mutex);
        if (box->item == 0) break;
        box->taken[box->item]++;
        box->item = 0;
        cond_signal(box->emptied);
    }
    mutex_unlock(box->mutex);
}

static void test_each_item_is_taken_once(void **state)
{
    (void)state;
    static struct box box;
    struct thread *threads[CONSUMERS];
    assert_int_equal(mutex_new(&box.mutex, mem_system()), ST_OK);
    assert_int_equal(cond_new(&box.filled, mem_system()), ST_OK);
    assert_int_equal(cond_new(&box.emptied, mem_system()), ST_OK);
    for (uint32_t i = 0; i < CONSUMERS; i++)
        assert_int_equal(thread_start(&threads[i], mem_system(), "consumer", consume, &box), ST_OK);
    mutex_lock(box.mutex);
    for (uint32_t item = 1; item <= ITEMS; item++) {
        while (box.item != 0)
            cond_wait(box.emptied, box.mutex);
        box.item = item;
        cond_signal(box.filled);
    }
    while (box.item != 0)
        cond_wait(box.emptied, box.mutex);
    box.is_ended = true;
    cond_broadcast(box.filled);
    mutex_unlock(box.mutex);
    for (uint32_t i = 0; i < CONSUMERS; i++)
        thread_join(threads[i]);
    for (uint32_t item = 1; item <= ITEMS; item++)
        assert_int_equal(box.taken[item], 1);
    mutex_free(box.mutex);
    cond_free(box.filled);
    cond_free(box.emptied);
}

static void do_nothing(void *context)
{
    (void)context;
}

static void test_without_memory(void **state)
{
    (void)state;
    struct fail_mem f;
    struct thread *thread = NULL;
    struct mutex *mutex = NULL;
    struct cond *cond = NULL;
    fail_mem_init(&f, 1);
    assert_int_equal(thread_start(&thread, &f.mem, "t", do_nothing, NULL), ST_NO_MEMORY);
    fail_mem_init(&f, 1);
    assert_int_equal(mutex_new(&mutex, &f.mem), ST_NO_MEMORY);
    fail_mem_init(&f, 1);
    assert_int_equal(cond_new(&cond, &f.mem), ST_NO_MEMORY);
    thread_join(thread);
    mutex_free(mutex);
    cond_free(cond);
    fail_mem_init(&f, 0);
    assert_int_equal(thread_start(&thread, &f.mem, "t", do_nothing, NULL), ST_OK);
    thread_join(thread);
    assert_int_equal(f.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_and_cpu_time),
        cmocka_unit_test(test_each_item_is_taken_once),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
