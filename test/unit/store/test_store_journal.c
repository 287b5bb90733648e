/* What becomes of promises when records of the journal are torn, zeroed or flipped, in one copy or
 * in both: the newest of a crash may be missing where nobody was told of it; anything else that is
 * in one copy counts; anything else that is in none is a fault of the disk. */
#include <stdio.h>

#include "base/endian.h"
#include "support/cmocka_all.h"
#include "support/store_rig.h"

#define AREA        (64u << 10)
#define RECORD_SIZE 3000u /* As long as the engine's: several sectors. */
#define SYNCS       6u
#define SECTOR      512u
#define RECORDS_MAX 64u

struct span_at { /* A record, in both copies. */
    size_t offset;
    size_t size;
    bool is_first; /* Of a sync. */
};

struct journal_file {
    struct store_rig r;
    struct buf bytes;
    size_t twin; /* From copy 1 to copy 2. */
    struct span_at records[RECORDS_MAX];
    uint32_t count;
};

static void fill(uint8_t *record, uint64_t version)
{
    for (uint32_t i = 0; i < RECORD_SIZE; i++)
        record[i] = (uint8_t)(version * 31 + i % 251 + 1);
}

static void list_records(struct journal_file *f)
{
    size_t area = f->bytes.size / 4;
    size_t start = get_u32_le(f->bytes.data) != 0 ? 0 : area;
    f->twin = 2 * area;
    f->count = 0;
    for (size_t at = start; get_u32_le(f->bytes.data + at) != 0;) {
        size_t size = get_u32_le(f->bytes.data + at) + 24u;
        assert_true(f->count < RECORDS_MAX);
        f->records[f->count++] =
            (struct span_at){.offset = at, .size = size, .is_first = f->bytes.data[at + 7] == 1};
        at += size;
    }
    assert_true(f->count > SYNCS);
    assert_memory_equal(f->bytes.data, f->bytes.data + f->twin, f->twin);
}

static void journal_file_init(struct journal_file *f, uint32_t area)
{
    uint8_t record[RECORD_SIZE];
    store_rig_init(&f->r, 60);
    f->r.config.journal_area_size = area;
    assert_int_equal(store_rig_open(&f->r), ST_OK);
    for (uint64_t version = 1; version <= SYNCS; version++) {
        fill(record, version);
        struct span bytes = span_of(record, sizeof record);
        assert_int_equal(store_rig_hold(&f->r, version, 1), ST_OK);
        assert_int_equal(store_journal(f->r.store, 0, bytes), ST_OK);
        assert_int_equal(store_sync(f->r.store), ST_OK);
    }
    store_rig_close(&f->r);
    buf_init(&f->bytes, mem_system(), 0);
    store_rig_file(&f->r, "journal", &f->bytes);
    list_records(f);
}

static void journal_file_fini(struct journal_file *f)
{
    buf_fini(&f->bytes);
    store_rig_fini(&f->r);
}

enum verdict { REFUSED, NEWEST, ONE_BEFORE };

/* What a start makes of the bytes; *is_told: it found something to tell the operator. */
static enum verdict judge(struct journal_file *f, bool *is_told)
{
    struct store_rig copy = f->r;
    copy.fake = fake_os_copy(f->r.fake, 1);
    copy.config.os = fake_os_table(copy.fake);
    copy.store = NULL;
    store_rig_set_file(&copy, "journal", buf_span(&f->bytes));
    enum verdict verdict = REFUSED;
    enum status st = store_rig_open(&copy);
    *is_told = copy.damage.file[0] != '\0';
    if (st == ST_OK) {
        uint8_t record[RECORD_SIZE];
        struct buf got;
        buf_init(&got, mem_system(), 0);
        assert_int_equal(store_journal_read(copy.store, 0, &got), ST_OK);
        assert_int_equal(got.size, RECORD_SIZE);
        fill(record, SYNCS);
        verdict = memcmp(got.data, record, RECORD_SIZE) == 0 ? NEWEST : ONE_BEFORE;
        fill(record, SYNCS - 1);
        if (verdict == ONE_BEFORE) assert_memory_equal(got.data, record, RECORD_SIZE);
        buf_fini(&got);
        store_rig_close(&copy);
        struct store_rig_scan scan; /* Both copies are whole again. */
        assert_int_equal(store_rig_scan(&copy, &scan), ST_OK);
    } else {
        assert_int_equal(st, ST_CORRUPT);
        assert_string_equal(copy.damage.file, "journal");
    }
    store_rig_fini(&copy);
    return verdict;
}

static void expect(struct journal_file *f, enum verdict want, bool want_told, const char *what)
{
    bool is_told = false;
    enum verdict got = judge(f, &is_told);
    if (got != want || (want != REFUSED && is_told != want_told))
        fail_msg("%s: verdict %d, not %d; told %d", what, got, want, is_told);
}

static void put_back(struct journal_file *f, const struct buf *original)
{
    memcpy(f->bytes.data, original->data, original->size);
}

static const struct span_at *newest(const struct journal_file *f)
{
    uint32_t i = f->count - 1;
    while (!f->records[i].is_first)
        i--;
    return &f->records[i];
}

static size_t end_of(const struct journal_file *f)
{
    const struct span_at *last = &f->records[f->count - 1];
    return last->offset + last->size;
}

static void original_init(struct buf *original, const struct journal_file *f)
{
    buf_init(original, mem_system(), 0);
    buf_put(original, buf_span(&f->bytes));
    assert_int_equal(buf_status(original), ST_OK);
}

/* A crash during the last sync: sectors of what it wrote are missing in one copy, or in both. */
static void takes_torn_last_write_for_a_crash(void **state)
{
    (void)state;
    struct journal_file f;
    struct buf original;
    journal_file_init(&f, AREA);
    original_init(&original, &f);
    size_t from = newest(&f)->offset;
    size_t end = end_of(&f);
    uint32_t tries = 0;
    for (size_t at = from; at < end; at = (at / SECTOR + 1) * SECTOR, tries++) {
        size_t next = (at / SECTOR + 1) * SECTOR < end ? (at / SECTOR + 1) * SECTOR : end;
        size_t sizes[2] = {next - at, end - at}; /* One sector; all from here on. */
        for (int i = 0; i < 2; i++) {
            for (size_t copy = 0; copy < 2; copy++) {
                memset(f.bytes.data + at + copy * f.twin, 0, sizes[i]);
                expect(&f, NEWEST, false, "torn in one copy");
                put_back(&f, &original);
            }
            memset(f.bytes.data + at, 0, sizes[i]);
            memset(f.bytes.data + at + f.twin, 0, sizes[i]);
            bool is_told = false; /* A whole vote may stand before what is missing. */
            assert_true(judge(&f, &is_told) != REFUSED);
            assert_false(is_told);
            put_back(&f, &original);
        }
    }
    assert_true(tries > 4);
    memset(f.bytes.data + from, 0, end - from);
    memset(f.bytes.data + from + f.twin, 0, end - from);
    expect(&f, ONE_BEFORE, false, "nothing of it written");
    buf_fini(&original);
    journal_file_fini(&f);
}

/* A flipped byte of any record in one copy: all promises stand, and the operator is told. The same
 * record flipped in both: the disk lost a promise. */
static void tells_flips_from_crashes(void **state)
{
    (void)state;
    struct journal_file f;
    struct buf original;
    journal_file_init(&f, AREA);
    original_init(&original, &f);
    for (uint32_t i = 0; i < f.count; i++) {
        const struct span_at *r = &f.records[i];
        size_t places[4] = {0, 5, r->size / 2, r->size - 1};
        for (int p = 0; p < 4; p++) {
            size_t at = r->offset + places[p];
            for (size_t copy = 0; copy < 2; copy++) {
                f.bytes.data[at + copy * f.twin] ^= 0x10;
                expect(&f, NEWEST, true, "flipped in one copy");
                put_back(&f, &original);
            }
            f.bytes.data[at] ^= 0x10;
            f.bytes.data[at + f.twin] ^= 0x20;
            expect(&f, REFUSED, true, "flipped in both copies");
            put_back(&f, &original);
            f.bytes.data[at] ^= 0x10;
            f.bytes.data[at + f.twin] ^= 0x10;
            expect(&f, REFUSED, true, "flipped in both copies alike");
            put_back(&f, &original);
        }
    }
    buf_fini(&original);
    journal_file_fini(&f);
}

/* A record that a later sync followed was complete: where it is gone from both copies, the disk
 * lost it; gone from one, it is repaired and told. */
static void refuses_holes_in_the_middle(void **state)
{
    (void)state;
    struct journal_file f;
    struct buf original;
    journal_file_init(&f, AREA);
    original_init(&original, &f);
    size_t from = newest(&f)->offset;
    for (uint32_t i = 0; f.records[i].offset < from; i++) {
        const struct span_at *r = &f.records[i];
        for (size_t copy = 0; copy < 2; copy++) {
            memset(f.bytes.data + r->offset + copy * f.twin, 0, r->size);
            expect(&f, NEWEST, true, "a hole in one copy");
            put_back(&f, &original);
        }
        memset(f.bytes.data + r->offset, 0, r->size);
        memset(f.bytes.data + r->offset + f.twin, 0, r->size);
        expect(&f, REFUSED, true, "a hole in both copies");
        put_back(&f, &original);
        memset(f.bytes.data + r->offset, 0, r->size); /* Another one in the other copy. */
        const struct span_at *other = &f.records[i == 0 ? f.count - 1 : i - 1];
        memset(f.bytes.data + other->offset + f.twin, 0, other->size);
        expect(&f, NEWEST, true, "a hole in each copy, at different places");
        put_back(&f, &original);
    }
    buf_fini(&original);
    journal_file_fini(&f);
}

/* Each copy alone, the other area's and the other copy's bytes gone, is enough. */
static void needs_one_copy_only(void **state)
{
    (void)state;
    struct journal_file f;
    struct buf original;
    journal_file_init(&f, AREA);
    original_init(&original, &f);
    for (size_t copy = 0; copy < 2; copy++) {
        memset(f.bytes.data + copy * f.twin, 0, f.twin);
        expect(&f, NEWEST, true, "one copy is zero");
        put_back(&f, &original);
    }
    memset(f.bytes.data, 0, f.bytes.size);
    expect(&f, REFUSED, true, "both copies are zero");
    buf_fini(&original);
    journal_file_fini(&f);
}

/* In the standard journal the copies are at least 1 MiB apart, in one file of fixed size. */
static void keeps_copies_apart(void **state)
{
    (void)state;
    struct journal_file f;
    journal_file_init(&f, 0);
    assert_true(f.twin >= 1u << 20);
    assert_int_equal(f.bytes.size, 4u << 20);
    journal_file_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_torn_last_write_for_a_crash),
        cmocka_unit_test(tells_flips_from_crashes),
        cmocka_unit_test(refuses_holes_in_the_middle),
        cmocka_unit_test(needs_one_copy_only),
        cmocka_unit_test(keeps_copies_apart),
    };
    return cmocka_run_group_tests_name("store journal", tests, NULL, NULL);
}
