/* Goal: the index of ids agrees with a plain list through adding, finding, removing and growing,
 * also when many ids want the same place; and ids chosen to want it do not get there. */
#include "base/idtable.h"

#include <stdbool.h>
#include <string.h>

#include "base/endian.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define IDS_MAX 600u
#define KEY     0x5bf0363546b1aa2eu

struct model {
    uint8_t ids[IDS_MAX][IDTABLE_ID_SIZE];
    bool is_in[IDS_MAX];
    struct idtable table;
    uint64_t *looks; /* How often the table looked at an id. */
};

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct model *m = context;
    if (m->looks != NULL) (*m->looks)++;
    return m->ids[number];
}

/* spread: how many different places the ids want. */
static struct model *fresh(uint64_t spread)
{
    static struct model m;
    memset(&m, 0, sizeof m);
    for (uint32_t i = 0; i < IDS_MAX; i++) {
        put_u64_le(m.ids[i], i * 0x9e3779b97f4a7c15u % spread);
        put_u32_le(m.ids[i] + 8, i);
    }
    idtable_init(&m.table, mem_system(), id_of, &m, KEY);
    return &m;
}

static void check_all(const struct model *m)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < IDS_MAX; i++) {
        uint32_t want = m->is_in[i] ? i : IDTABLE_NONE;
        assert_int_equal(idtable_find(&m->table, m->ids[i]), want);
        count += m->is_in[i] ? 1 : 0;
    }
    assert_int_equal(m->table.count, count);
}

static void agrees_with_a_list(void **state)
{
    (void)state;
    static const uint64_t spreads[] = {1, 3, 64, UINT64_MAX};
    for (size_t s = 0; s < sizeof spreads / sizeof spreads[0]; s++) {
        struct model *m = fresh(spreads[s]);
        uint32_t random = 1;
        for (int step = 0; step < 3000; step++) {
            random = random * 1664525u + 1013904223u;
            uint32_t i = (random >> 8) % IDS_MAX;
            if (m->is_in[i]) {
                idtable_remove(&m->table, m->ids[i]);
            } else {
                assert_int_equal(idtable_reserve(&m->table, m->table.count + 1), ST_OK);
                idtable_add(&m->table, i);
            }
            m->is_in[i] = !m->is_in[i];
            if (step % 100 == 0) check_all(m);
        }
        check_all(m);
        idtable_fini(&m->table);
        idtable_fini(&m->table);
    }
}

/* Ids whose first or last four bytes of the hash value are all the same: a table that took its
 * places from those would look at hundreds of ids for each. */
static void chosen_ids_do_not_crowd(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift <= 32; shift += 32) {
        struct model *m = fresh(UINT64_MAX);
        uint64_t looks = 0;
        for (uint32_t i = 0; i < IDS_MAX; i++)
            put_u64_le(m->ids[i], i * UINT64_C(2654435761) % UINT32_MAX << shift);
        assert_int_equal(idtable_reserve(&m->table, IDS_MAX), ST_OK);
        for (uint32_t i = 0; i < IDS_MAX; i++) {
            idtable_add(&m->table, i);
            m->is_in[i] = true;
        }
        m->looks = &looks;
        check_all(m);
        assert_true(looks < UINT64_C(2) * IDS_MAX);
        idtable_fini(&m->table);
    }
}

static void limits(void **state)
{
    (void)state;
    struct model *m = fresh(UINT64_MAX);
    assert_int_equal(idtable_find(&m->table, m->ids[0]), IDTABLE_NONE);
    assert_int_equal(idtable_reserve(&m->table, UINT32_MAX), ST_LIMIT);
    struct idtable zeroed = {0};
    idtable_fini(&zeroed);
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct model *m = fresh(UINT64_MAX);
        enum status st = ST_OK;
        fail_mem_init(&memory, n);
        idtable_init(&m->table, &memory.mem, id_of, m, KEY);
        for (uint32_t i = 0; i < IDS_MAX && st == ST_OK; i++) {
            st = idtable_reserve(&m->table, i + 1);
            if (st != ST_OK) break;
            idtable_add(&m->table, i);
            m->is_in[i] = true;
        }
        check_all(m); /* What was in stays in. */
        idtable_fini(&m->table);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_list),
        cmocka_unit_test(chosen_ids_do_not_crowd),
        cmocka_unit_test(limits),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
