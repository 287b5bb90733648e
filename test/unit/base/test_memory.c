/* Goal: buffers and arenas keep their limits, survive failing memory at every call and give all of
 * it back. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

#include "support/cmocka_all.h"
#include "support/fail_mem.h"

static void buffers_grow(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, mem_system(), 0);
    for (uint32_t i = 0; i < 1000; i++)
        buf_put_u32_le(&b, i);
    assert_int_equal(buf_status(&b), ST_OK);
    assert_int_equal(b.size, 4000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(b.data[4 * i] | b.data[4 * i + 1] << 8, i);
    buf_reset(&b);
    buf_put_u8(&b, 1);
    buf_put_u16_be(&b, 0x0203);
    buf_put_u32_be(&b, 0x04050607);
    buf_put_u64_be(&b, 0x08090a0b0c0d0e0fu);
    buf_put_u64_le(&b, 1);
    buf_put_text(&b, "xy");
    buf_printf(&b, "%d-%s", 5, "z");
    buf_put(&b, (struct span){0});
    static const char want[] = "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\1\0\0\0\0\0\0\0xy5-z";
    assert_true(span_equal(buf_span(&b), span_of(want, sizeof want - 1)));
    buf_fini(&b);
    buf_fini(&b);
    assert_int_equal(b.size, 0);
}

static void a_limit_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, mem_system(), 5);
    buf_put_text(&b, "12345");
    assert_int_equal(buf_status(&b), ST_OK);
    buf_put_u8(&b, 6);
    assert_int_equal(buf_status(&b), ST_LIMIT);
    assert_int_equal(b.size, 5);
    buf_reset(&b);
    assert_int_equal(buf_status(&b), ST_OK);
    assert_null(buf_extend(&b, 6));
    assert_null(buf_extend(&b, 1)); /* The first failure sticks. */
    buf_reset(&b);
    assert_null(buf_extend(&b, SIZE_MAX));
    assert_int_equal(buf_status(&b), ST_LIMIT);
    buf_fini(&b);
}

static void fixed_buffers_never_grow(void **state)
{
    (void)state;
    uint8_t bytes[4];
    struct buf b;
    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_put_u32_le(&b, 7);
    assert_int_equal(buf_status(&b), ST_OK);
    assert_ptr_equal(b.data, bytes);
    buf_put_u8(&b, 1);
    assert_int_equal(buf_status(&b), ST_LIMIT);
    buf_reset(&b);
    buf_printf(&b, "%s", "abc"); /* Needs a fourth byte for its terminating zero. */
    assert_int_equal(buf_status(&b), ST_OK);
    buf_printf(&b, "%s", "d");
    assert_int_equal(buf_status(&b), ST_LIMIT);
}

static void arenas_give_aligned_distinct_blocks(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, mem_system(), 0);
    uint8_t *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = arena_alloc(&a, i * 7);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal(blocks[i][j], i);
    struct span copy = arena_copy(&a, span_text("text"));
    assert_string_equal((const char *)copy.data, "text");
    assert_int_equal(copy.size, 4);
    assert_string_equal(arena_text(&a, "again"), "again");
    uint8_t *zero = arena_alloc_zero(&a, 10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zero[i], 0);
    assert_null(arena_alloc_zero(&a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&a, SIZE_MAX));
    size_t total = a.total;
    arena_reset(&a);
    assert_true(a.total < total);
    assert_non_null(arena_alloc(&a, 100));
    arena_fini(&a);
    arena_fini(&a);
    struct arena zeroed = {0};
    arena_reset(&zeroed);
    arena_fini(&zeroed);
}

static void arenas_keep_their_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, mem_system(), 10000);
    size_t taken = 0;
    while (arena_alloc(&a, 160) != NULL)
        taken += 160;
    assert_true(taken > 8000);
    assert_true(taken <= 10000);
    assert_true(a.total <= 10000);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 160));
    arena_fini(&a);
}

static enum status use_memory(struct mem *mem)
{
    struct arena a;
    struct buf b;
    arena_init(&a, mem, 0);
    buf_init(&b, mem, 0);
    bool is_given = true;
    for (size_t i = 0; i < 30; i++) {
        is_given = arena_alloc(&a, 1000) != NULL && is_given;
        is_given = arena_copy(&a, span_text("x")).data != NULL && is_given;
        buf_printf(&b, "%100d", 5);
    }
    enum status st = buf_status(&b);
    buf_fini(&b);
    arena_fini(&a);
    void *block = mem_alloc_zero(mem, 3, 5);
    is_given = block != NULL && is_given;
    mem_free(mem, block);
    return is_given ? st : ST_NO_MEMORY;
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        fail_mem_init(&memory, n);
        enum status st = use_memory(&memory.mem);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

static void heap_edges(void **state)
{
    (void)state;
    struct mem *mem = mem_system();
    assert_null(mem_alloc_zero(mem, SIZE_MAX, 2));
    uint8_t *block = mem_alloc(mem, 4);
    memcpy(block, "abc", 4);
    block = mem_resize(mem, block, 4000);
    assert_string_equal((const char *)block, "abc");
    mem_wipe(block, 4000);
    for (int i = 0; i < 4000; i++)
        assert_int_equal(block[i], 0);
    mem_free(mem, block);
    mem_free(mem, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_grow),
        cmocka_unit_test(a_limit_sticks),
        cmocka_unit_test(fixed_buffers_never_grow),
        cmocka_unit_test(arenas_give_aligned_distinct_blocks),
        cmocka_unit_test(arenas_keep_their_limit),
        cmocka_unit_test(memory_may_fail_at_any_call),
        cmocka_unit_test(heap_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
