/* Goal: whatever blocks change, and wherever the power goes, the tree of the rows is the one that
 * its definition gives, at every height that is kept. */
#include "rows/rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/cbor.h"
#include "crypto/merkle.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/slow_rows.h"
#include "support/test_rng.h"

#define DIR        "rows"
#define TABLE_ONE  20u
#define TABLE_TEXT 21u
#define TABLE_USER 1000u
#define HEIGHTS    700u

/* --- a chain of random changes --------------------------------------------------------------- */

/* What each height changes follows from the seed alone; model is the state after height. */
struct world {
    uint64_t seed;
    uint64_t height; /* Of the next block. */
    uint64_t before; /* Checkpoint before. */
    struct slow_rows model;
    struct buf write_set;
    struct hash txids[8];
    uint32_t tx_count;
    struct hash interval[16384]; /* Txids since the checkpoint before. */
    size_t interval_count;
    bool is_checkpoint;
    struct checkpoint checkpoint; /* is_checkpoint. */
    uint64_t user_table;          /* The present one. */
};

static void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.seed = seed, .user_table = TABLE_USER};
    buf_init(&w->write_set, mem_system(), 0);
}

static void world_fini(struct world *w)
{
    slow_rows_fini(&w->model);
    buf_fini(&w->write_set);
}

static void put_key(struct buf *out, uint64_t table, uint64_t id)
{
    cbor_put_array(out, 1);
    if (table == TABLE_TEXT) {
        char text[32];
        (void)snprintf(text, sizeof text, "key %llu", (unsigned long long)id);
        cbor_put_text(out, span_text(text));
    } else {
        cbor_put_int(out, (int64_t)(id * 7919) - 1000);
    }
}

static void put_entry(struct world *w, uint64_t table, uint64_t id, int64_t value, bool is_gone)
{
    struct buf *out = &w->write_set;
    const size_t from = out->size;
    cbor_put_array(out, 3);
    cbor_put_uint(out, table);
    put_key(out, table, id);
    if (is_gone) {
        cbor_put_null(out);
    } else {
        cbor_put_array(out, 1);
        cbor_put_int(out, value);
    }
    struct row_change c;
    assert_int_equal(row_change_of(&c, span_of(out->data + from, out->size - from)), ST_OK);
    if (is_gone)
        slow_rows_remove(&w->model, &c.place.position);
    else
        slow_rows_put(&w->model, &c.place);
}

/* The table's rows go without entries; only its row in trustsql.tables has one. */
static void drop_table(struct world *w)
{
    struct row_position first = row_position_first(w->user_table);
    struct row_position next = row_position_first(w->user_table + 1);
    for (size_t i = w->model.count; i-- > 0;) {
        struct row_position p = w->model.places[i].position;
        if (row_position_compare(&first, &p) <= 0 && row_position_compare(&p, &next) < 0)
            slow_rows_remove(&w->model, &p);
    }
    cbor_put_array(&w->write_set, 3);
    cbor_put_uint(&w->write_set, 1);
    cbor_put_array(&w->write_set, 1);
    cbor_put_uint(&w->write_set, w->user_table);
    cbor_put_null(&w->write_set);
    w->user_table++;
}

static uint64_t some_table(const struct world *w, struct test_rng *rng)
{
    static const uint64_t tables[] = {TABLE_ONE, TABLE_TEXT, 0};
    uint64_t table = tables[test_rng_below(rng, 3)];
    return table == 0 ? w->user_table : table;
}

/* Phases of growth and of shrinking, so that buckets split and join. */
static void make_changes(struct world *w, struct test_rng *rng)
{
    const bool is_shrinking = w->height / 150 % 2 == 1;
    const uint64_t changes = test_rng_below(rng, 12);
    uint64_t used[12];
    uint64_t count = 0;
    const bool drops = test_rng_below(rng, 60) == 0;
    cbor_put_array(&w->write_set, changes + (drops ? 1 : 0));
    if (drops) drop_table(w);
    while (count < changes) {
        uint64_t table = some_table(w, rng);
        uint64_t id = test_rng_below(rng, 900);
        bool is_known = false;
        for (uint64_t i = 0; i < count; i++)
            is_known = is_known || used[i] == table * 1000 + id;
        if (is_known) continue;
        used[count++] = table * 1000 + id;
        put_entry(w, table, id, (int64_t)test_rng_below(rng, 1000),
                  test_rng_below(rng, 10) < (is_shrinking ? 8u : 2u));
    }
}

static void world_next(struct world *w)
{
    struct test_rng rng = {w->seed * 1000003 + w->height};
    buf_reset(&w->write_set);
    make_changes(w, &rng);
    w->tx_count = w->height == 0 ? 0 : (uint32_t)test_rng_below(&rng, 8);
    for (uint32_t i = 0; i < w->tx_count; i++) {
        uint64_t number = test_rng_u64(&rng);
        w->txids[i] = hash_of("tx", span_of(&number, sizeof number));
        w->interval[w->interval_count++] = w->txids[i];
    }
    w->is_checkpoint =
        w->height > 0 && (w->height % CHECKPOINT_BLOCKS == 0 || test_rng_below(&rng, 9) == 0);
    w->height++;
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_SIZE);
}

static void world_checkpoint(struct world *w)
{
    if (!w->is_checkpoint) return;
    qsort(w->interval, w->interval_count, sizeof w->interval[0], compare_hashes);
    w->checkpoint = (struct checkpoint){.height = w->height - 1,
                                        .before = w->before,
                                        .row_count = w->model.count,
                                        .row_root = slow_rows_root(&w->model)};
    w->checkpoint.txid_root = checkpoint_txid_root(w->interval, w->interval_count);
    w->before = w->height - 1;
    w->interval_count = 0;
}

static struct rows_block block_of(const struct world *w)
{
    return (struct rows_block){.height = w->height - 1,
                               .write_set = buf_span(&w->write_set),
                               .txids = w->txids,
                               .tx_count = w->tx_count,
                               .is_checkpoint = w->is_checkpoint,
                               .before = w->is_checkpoint ? w->checkpoint.before : 0};
}

/* Make the next block and feed it. */
static enum status feed(struct rows *r, struct world *w)
{
    world_next(w);
    world_checkpoint(w);
    struct rows_block b = block_of(w);
    return rows_feed(r, &b);
}

/* Changes are too many to be held, and runs too large for memory, after a few blocks. */
static struct rows_config config_of(struct os *os, struct mem *mem, const char *dir)
{
    return (struct rows_config){
        .os = os, .mem = mem, .dir = dir, .changes_max = 100, .run_bytes_max = 6000};
}

static struct rows *opened(struct os *os, const char *dir, bool is_threaded)
{
    struct rows *r = NULL;
    struct rows_config config = config_of(os, mem_system(), dir);
    config.is_threaded = is_threaded;
    if (is_threaded) config.changes_max = config.run_bytes_max = 0;
    assert_int_equal(rows_open(&r, &config), ST_OK);
    return r;
}

static void expect_checkpoint(struct rows *r, const struct checkpoint *expected)
{
    struct checkpoint got = {0};
    assert_int_equal(rows_checkpoint(r, expected->height, &got), ST_OK);
    assert_int_equal(got.row_count, expected->row_count);
    assert_memory_equal(&got.row_root, &expected->row_root, HASH_SIZE);
    assert_memory_equal(&got.txid_root, &expected->txid_root, HASH_SIZE);
}

/* --- the tests ------------------------------------------------------------------------------- */

static void follows(struct os *os, const char *dir, bool is_threaded)
{
    struct world *w = malloc(sizeof *w);
    world_init(w, 42);
    struct rows *r = opened(os, dir, is_threaded);
    assert_int_equal(rows_next(r), 0);
    struct checkpoint waiting[HEIGHTS];
    size_t from = 0;
    size_t count = 0;
    while (w->height < HEIGHTS) {
        assert_int_equal(feed(r, w), ST_OK);
        if (w->is_checkpoint) waiting[count++] = w->checkpoint;
        while (from < count && waiting[from].height + CHECKPOINT_LAG <= w->height)
            expect_checkpoint(r, &waiting[from++]);
        if (w->height % 50 == 0) assert_int_equal(rows_save(r, w->height - 20), ST_OK);
    }
    struct checkpoint none;
    assert_int_equal(rows_checkpoint(r, 0, &none), ST_NOT_FOUND);
    struct rows_block wrong = {.height = w->height + 1};
    assert_int_equal(rows_feed(r, &wrong), ST_INVALID);
    rows_close(r);
    world_fini(w);
    free(w);
}

static void roots_follow(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    follows(fake_os_table(f), NULL, false);
    follows(fake_os_table(f), NULL, true);
    follows(fake_os_table(f), DIR, false);
    assert_int_equal(rows_remove(fake_os_table(f), DIR), ST_OK);
    follows(fake_os_table(f), DIR, true);
    fake_os_free(f);
}

static void check_paths(struct rows_view *v, const struct slow_rows *model)
{
    struct arena a;
    arena_init(&a, mem_system(), 0);
    const struct hash root = rows_view_checkpoint(v)->row_root;
    for (uint64_t i = 0; i < 300; i++) {
        struct row_position p;
        uint8_t bytes[32];
        struct buf key;
        buf_init_fixed(&key, bytes, sizeof bytes);
        put_key(&key, i % 2 == 0 ? TABLE_ONE : TABLE_TEXT, i * 3);
        assert_int_equal(row_position_of(&p, i % 2 == 0 ? TABLE_ONE : TABLE_TEXT, buf_span(&key)),
                         ST_OK);
        struct row_path path;
        struct slow_path expected;
        const struct row_place *found;
        arena_reset(&a);
        assert_int_equal(rows_view_path(v, &p, &a, &path), ST_OK);
        assert_int_equal(row_path_check(&path, &root, &p, &found), ST_OK);
        slow_rows_path(&expected, model, &p);
        assert_int_equal(path.step_count, expected.path.step_count);
        assert_int_equal(path.place_count, expected.path.place_count);
        assert_memory_equal(path.places, expected.places, path.place_count * sizeof path.places[0]);
    }
    arena_fini(&a);
}

struct walked {
    const struct slow_rows *model;
    size_t at;
};

static enum status on_row(void *context, const struct rows_row *row)
{
    struct walked *w = context;
    struct row_position p;
    uint64_t table = row_position_table(&row->place.position);
    assert_true(w->at < w->model->count);
    assert_memory_equal(&w->model->places[w->at++], &row->place, sizeof row->place);
    assert_int_equal(row_position_of(&p, table, row->key), ST_OK);
    assert_memory_equal(&p, &row->place.position, sizeof p);
    return ST_OK;
}

/* From every row on, before it and behind it, up to some later one, the checked walk gives the
 * model's rows; and tables have as many rows as there. */
static void check_walks(struct rows_view *v, const struct slow_rows *model)
{
    for (size_t i = 0; i < model->count; i += 7) {
        for (int step = -1; step <= 1; step++) {
            const size_t to = i + (i * 13) % (model->count - i);
            struct walked walked = {.model = model, .at = step > 0 ? i + 1 : i};
            struct rows_walk walk = {.from = model->places[i].position,
                                     .below = model->places[to].position,
                                     .visit = on_row,
                                     .context = &walked};
            uint8_t *last = &walk.from.bytes[ROW_POSITION_SIZE - 1];
            const int moved = *last + step;
            if (to <= walked.at || moved < 0 || moved > UINT8_MAX) continue;
            *last = (uint8_t)moved;
            assert_int_equal(rows_view_walk_checked(v, &walk), ST_OK);
            assert_int_equal(walked.at, to);
        }
    }
    for (size_t i = 0; i < model->count;) {
        const uint64_t table = row_position_table(&model->places[i].position);
        uint64_t count = 0;
        uint64_t expected = 0;
        for (; i < model->count && row_position_table(&model->places[i].position) == table; i++)
            expected++;
        assert_int_equal(rows_view_count(v, table, &count), ST_OK);
        assert_int_equal(count, expected);
    }
    uint64_t count = 1;
    assert_int_equal(rows_view_count(v, UINT64_MAX - 1, &count), ST_OK);
    assert_int_equal(count, 0);
}

/* A view stays what it is while blocks, saves and merges go on. */
static void views_stay(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(2);
    struct rows *r = opened(fake_os_table(f), DIR, false);
    struct world *w = malloc(sizeof *w);
    struct rows_view *v = NULL;
    struct slow_rows model;
    world_init(w, 7);
    assert_int_equal(rows_view_open(&v, r, 100), ST_NOT_FOUND);
    while (w->height <= 256)
        assert_int_equal(feed(r, w), ST_OK);
    slow_rows_copy(&model, &w->model);
    assert_int_equal(rows_view_open(&v, r, 256), ST_OK);
    assert_int_equal(rows_view_checkpoint(v)->height, 256);
    assert_true(rows_view_is_checkpoint(v));
    while (w->height < 600) {
        assert_int_equal(feed(r, w), ST_OK);
        if (w->height % 40 == 0) assert_int_equal(rows_save(r, w->height), ST_OK);
    }
    check_paths(v, &model);
    struct walked walked = {.model = &model};
    struct rows_walk walk = {.visit = on_row, .context = &walked};
    memset(walk.below.bytes, 0xff, sizeof walk.below.bytes);
    assert_int_equal(rows_view_walk(v, &walk), ST_OK);
    assert_int_equal(walked.at, model.count);
    walked.at = 0;
    assert_int_equal(rows_view_walk_checked(v, &walk), ST_OK);
    assert_int_equal(walked.at, model.count);
    check_walks(v, &model);
    struct rows_view *gone = NULL;
    assert_int_equal(rows_view_open(&gone, r, 256), ST_NOT_FOUND);
    rows_view_close(v);
    slow_rows_fini(&model);
    rows_close(r);
    world_fini(w);
    free(w);
    fake_os_free(f);
}

/* Blocks are made again from the beginning, up to what the directory lacks. */
static void catch_up(struct rows *r, struct world *w)
{
    while (w->height < rows_next(r)) {
        world_next(w);
        world_checkpoint(w);
    }
}

/* Work on a disk whose power goes at some call; the height that was saved for certain. */
static uint64_t work_until_cut(struct os *os, uint64_t heights)
{
    struct rows *r = NULL;
    struct world *w = malloc(sizeof *w);
    uint64_t saved = 0;
    struct rows_config config = config_of(os, mem_system(), DIR);
    world_init(w, 3);
    enum status st = rows_open(&r, &config);
    while (st == ST_OK && w->height < heights) {
        st = feed(r, w); /* Large runs are files. */
        if (st == ST_OK && w->height % 30 == 0) st = rows_save(r, w->height - 1);
        if (st == ST_OK) saved = rows_saved(r);
    }
    rows_close(r);
    world_fini(w);
    free(w);
    return saved;
}

static void crashes(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fake_os *f = fake_os_new(n);
        fake_os_cut_power(f, n);
        uint64_t saved = work_until_cut(fake_os_table(f), 220);
        is_done = !fake_os_has_failed(f);
        fake_os_crash(f, n % 3 == 0 ? FAKE_OS_LOSE_ALL : FAKE_OS_LOSE_SOME);
        struct rows *r = opened(fake_os_table(f), DIR, false);
        if (saved > 0) assert_true(rows_next(r) > saved);
        struct world *w = malloc(sizeof *w);
        world_init(w, 3);
        catch_up(r, w);
        while (w->height < 260) {
            assert_int_equal(feed(r, w), ST_OK);
            if (w->is_checkpoint) expect_checkpoint(r, &w->checkpoint);
        }
        assert_int_equal(rows_save(r, 260), ST_OK);
        rows_close(r);
        world_fini(w);
        free(w);
        fake_os_free(f);
    }
}

/* After a restart the open checkpoints are still known. */
static void recent_survive(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(5);
    struct world *w = malloc(sizeof *w);
    struct checkpoint last[2] = {0};
    world_init(w, 9);
    struct rows *r = opened(fake_os_table(f), DIR, false);
    while (w->height < 300 || !w->is_checkpoint) {
        assert_int_equal(feed(r, w), ST_OK);
        if (!w->is_checkpoint) continue;
        last[0] = last[1];
        last[1] = w->checkpoint;
    }
    assert_int_equal(rows_save(r, w->height), ST_OK);
    rows_close(r);
    r = opened(fake_os_table(f), DIR, false);
    assert_int_equal(rows_next(r), w->height);
    expect_checkpoint(r, &last[0]);
    expect_checkpoint(r, &last[1]);
    rows_close(r);
    world_fini(w);
    free(w);
    fake_os_free(f);
}

static enum status flip_in(struct os *os, const char *name, uint64_t at)
{
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    uint8_t byte;
    size_t got = 0;
    TRY(os_path_join(path, DIR, name));
    TRY(os->file_open(os, &file, path, OS_WRITE));
    enum status st = os->file_read(os, file, &byte, 1, at, &got);
    if (st == ST_OK && got == 1) {
        byte ^= 0x10;
        st = os->file_write(os, file, span_of(&byte, 1), at);
    } else {
        st = ST_NOT_FOUND;
    }
    os->file_close(os, file);
    return st;
}

struct names {
    char names[16][OS_NAME_MAX + 1];
    uint32_t count;
};

static enum status on_name(void *context, const char *name)
{
    struct names *n = context;
    memcpy(n->names[n->count++], name, strlen(name) + 1);
    return ST_OK;
}

/* A flipped byte anywhere is found by the next start. */
static void damage(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(6);
    struct os *os = fake_os_table(f);
    (void)work_until_cut(os, 150);
    struct names names = {.count = 0};
    struct rows_config config = config_of(os, mem_system(), DIR);
    assert_int_equal(os->list_dir(os, DIR, on_name, &names), ST_OK);
    assert_true(names.count >= 2);
    for (uint32_t i = 0; i < names.count; i++) {
        for (uint64_t at = 0; flip_in(os, names.names[i], at) == ST_OK; at += i == 0 ? 1 : 41) {
            struct rows *r = NULL;
            assert_int_not_equal(rows_open(&r, &config), ST_OK);
            assert_int_equal(flip_in(os, names.names[i], at), ST_OK);
        }
    }
    struct rows *r = opened(os, DIR, false);
    assert_true(rows_next(r) > 100);
    rows_close(r);
    assert_int_equal(rows_remove(os, DIR), ST_OK);
    r = opened(os, DIR, false);
    assert_int_equal(rows_next(r), 0);
    rows_close(r);
    fake_os_free(f);
}

static enum status work(struct os *os, struct mem *mem, struct world *w)
{
    struct rows *r = NULL;
    struct rows_view *v = NULL;
    struct rows_config config = config_of(os, mem, DIR);
    TRY(rows_open(&r, &config));
    enum status st = ST_OK;
    while (st == ST_OK && w->height < 140)
        st = feed(r, w);
    if (st == ST_OK) st = rows_save(r, 140);
    if (st == ST_OK) st = rows_view_open(&v, r, 140);
    rows_view_close(v);
    rows_close(r);
    return st;
}

static void no_memory(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof *w);
    enum status st = ST_NO_MEMORY;
    for (uint64_t n = 1; st != ST_OK; n += 1 + n / 16) {
        struct fail_mem mem;
        struct fake_os *f = fake_os_new(n);
        fail_mem_init(&mem, n);
        world_init(w, 11);
        st = work(fake_os_table(f), &mem.mem, w);
        assert_int_equal(mem.live, 0);
        if (st != ST_OK) assert_int_equal(st, ST_NO_MEMORY);
        world_fini(w);
        fake_os_free(f);
    }
    free(w);
}

static void bad_write_sets(void **state)
{
    (void)state;
    static const uint8_t wrong[] = {0x81, 0x83, 0x14, 0x01, 0xf6};
    struct fake_os *f = fake_os_new(8);
    struct rows *r = opened(fake_os_table(f), NULL, false);
    struct rows_block b = {.write_set = span_of(wrong, sizeof wrong)};
    assert_int_equal(rows_feed(r, &b), ST_INVALID);
    assert_int_equal(rows_feed(r, &b), ST_INVALID); /* A failure is final. */
    rows_close(r);
    fake_os_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_follow),   cmocka_unit_test(views_stay), cmocka_unit_test(crashes),
        cmocka_unit_test(recent_survive), cmocka_unit_test(damage),     cmocka_unit_test(no_memory),
        cmocka_unit_test(bad_write_sets),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
