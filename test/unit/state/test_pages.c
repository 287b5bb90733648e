/* test_pages.c - Every page at every retained version is what it was, through limits, kills,
 * eviction, checkpoints and lack of memory. */
#include <stdlib.h>

#include "base/must.h"
#include "os/fake/fake_os.h"
#include "state/checkpoint.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/os_hook.h"
#include "support/test_rng.h"

#define PAGES_MAX    40u
#define VERSIONS_MAX 400u

/* The page store over a fake disk, beside whole images of every version ever published. */
struct rig {
    struct fake_os *disk;
    struct os_hook hook; /* Between the store and the disk. */
    struct os *os;
    struct mem *mem;
    struct os_file *file;
    struct os_file *journal;
    struct pages *pages;
    struct checkpoint checkpoint;
    struct test_rng rng;
    uint64_t newest;
    uint32_t spread; /* Pages changed by a block, at most; 1: page 1 alone. */
    uint32_t counts[VERSIONS_MAX];
    uint8_t (*images)[PAGES_MAX][PAGE_BYTES]; /* By version. */
};

struct options {
    uint32_t view_heights;
    size_t view_bytes;
    size_t clean_bytes;
};

static void rig_open(struct rig *r, const struct options *o)
{
    *r = (struct rig){
        .disk = fake_os_new(1), .mem = mem_system(), .rng = {.state = 11}, .spread = 6};
    os_hook_init(&r->hook, fake_os_table(r->disk));
    r->hook.context = r;
    r->os = &r->hook.os;
    r->images = calloc(VERSIONS_MAX, sizeof *r->images);
    must(r->images != NULL);
    must(r->os->file_open(r->os, &r->file, "main.db", OS_WRITE | OS_CREATE) == ST_OK);
    must(r->os->file_open(r->os, &r->journal, "main.db-journal", OS_WRITE | OS_CREATE) == ST_OK);
    const struct pages_config config = {
        .os = r->os,
        .mem = r->mem,
        .file = r->file,
        .limits = {.view_heights = o->view_heights, .view_bytes = o->view_bytes},
        .clean_bytes = o->clean_bytes};
    must(pages_new(&r->pages, &config) == ST_OK);
    r->checkpoint = (struct checkpoint){
        .files = {.os = r->os, .mem = r->mem, .file = r->file, .journal = r->journal},
        .pages = r->pages};
}

static void rig_close(struct rig *r)
{
    pages_free(r->pages);
    r->os->file_close(r->os, r->journal);
    r->os->file_close(r->os, r->file);
    fake_os_free(r->disk);
    free(r->images);
}

/* Stage some pages of the next version, in the store and in the model. */
static void stage_some(struct rig *r)
{
    uint64_t version = r->newest + 1;
    must(version < VERSIONS_MAX);
    memcpy(r->images[version], r->images[r->newest], sizeof r->images[version]);
    uint32_t count = r->counts[r->newest];
    uint64_t writes = 1 + test_rng_below(&r->rng, r->spread);
    for (uint64_t i = 0; i < writes; i++) {
        uint32_t last = count < PAGES_MAX ? count + 1 : PAGES_MAX;
        /* Page 1 in each block: long chains with keys. */
        uint32_t number = i == 0 ? 1 : 1 + (uint32_t)test_rng_below(&r->rng, last);
        uint8_t *image = r->images[version][number - 1];
        for (int k = 0; k < 12; k++)
            image[test_rng_below(&r->rng, PAGE_BYTES)] = (uint8_t)test_rng_u64(&r->rng);
        assert_int_equal(pages_stage(r->pages, number, image), ST_OK);
        if (number > count) count = number;
    }
    r->counts[version] = count;
}

static void publish_some(struct rig *r)
{
    stage_some(r);
    assert_int_equal(pages_prepare(r->pages, r->newest + 1), ST_OK);
    pages_publish(r->pages);
    r->newest++;
    assert_int_equal(pages_newest(r->pages), r->newest);
}

static void assert_view(struct rig *r, const struct window_view *view)
{
    assert_int_equal(view->page_count, r->counts[view->version]);
    for (uint32_t n = 1; n <= view->page_count; n++) {
        uint8_t page[PAGE_BYTES];
        assert_int_equal(pages_read(r->pages, view, n, page), ST_OK);
        assert_memory_equal(page, r->images[view->version][n - 1], PAGE_BYTES);
    }
}

static void assert_all_versions(struct rig *r)
{
    for (uint64_t v = pages_oldest(r->pages); v <= r->newest; v++) {
        struct window_view view;
        assert_int_equal(pages_pin(r->pages, v, &view), ST_OK);
        assert_view(r, &view);
        pages_unpin(r->pages, &view);
    }
}

static void assert_file(struct rig *r, uint64_t version)
{
    struct os *os = fake_os_table(r->disk);
    uint8_t page[PAGE_BYTES];
    for (uint32_t n = 1; n <= r->counts[version]; n++) {
        size_t got = 0;
        uint64_t offset = (uint64_t)(n - 1) * PAGE_BYTES;
        must(os->file_read(os, r->file, page, PAGE_BYTES, offset, &got) == ST_OK);
        assert_int_equal(got, PAGE_BYTES);
        assert_memory_equal(page, r->images[version][n - 1], PAGE_BYTES);
    }
}

static void run_checkpoint(struct rig *r)
{
    uint64_t version = 0;
    assert_int_equal(checkpoint_run(&r->checkpoint, WINDOW_NEWEST, &version), ST_OK);
    assert_int_equal(version, r->newest);
    assert_file(r, version);
}

/* Reads at each retained version against kept whole images; nothing below the window is given. */
static void each_version_is_what_it_was(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 150, .view_bytes = 64 << 20});
    for (int i = 0; i < 330; i++) {
        publish_some(&r);
        if (i % 60 == 59) assert_all_versions(&r);
    }
    assert_int_equal(pages_oldest(r.pages), r.newest - 150);
    struct window_view view;
    assert_int_equal(pages_pin(r.pages, r.newest - 151, &view), ST_NOT_FOUND);
    assert_int_equal(pages_pin(r.pages, r.newest + 1, &view), ST_NOT_FOUND);
    rig_close(&r);
}

/* Clean images are dropped and read from the file again, at old versions too. */
static void dropped_images_come_from_the_file(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 40, .view_bytes = 64 << 20, .clean_bytes = 0});
    for (int i = 0; i < 300; i++) {
        publish_some(&r);
        if (i % 25 == 24) run_checkpoint(&r);
        if (i % 20 == 19) assert_all_versions(&r);
    }
    run_checkpoint(&r);
    for (int i = 0; i < 40; i++)
        publish_some(&r);
    struct pages_usage usage;
    pages_usage(r.pages, &usage);
    assert_true(usage.image_count <= usage.dirty_count + 8);
    assert_true(usage.image_count < PAGES_MAX);
    assert_all_versions(&r);
    rig_close(&r);
}

/* Publishes a version before each write of a checkpoint; its context is the rig. */
static bool publish_before(void *context, enum fake_os_call kind)
{
    struct rig *r = context;
    if (kind == FAKE_OS_WRITE) publish_some(r);
    return true;
}

/* Blocks under a checkpoint: the file gets the height it began with, and the next one the rest. */
static void blocks_go_on_under_a_checkpoint(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 100, .view_bytes = 64 << 20, .clean_bytes = 0});
    for (int i = 0; i < 12; i++) {
        for (int k = 0; k < 3; k++)
            publish_some(&r);
        uint64_t began = r.newest;
        uint64_t version = 0;
        r.hook.before = publish_before;
        assert_int_equal(checkpoint_run(&r.checkpoint, WINDOW_NEWEST, &version), ST_OK);
        r.hook.before = NULL;
        assert_int_equal(version, began);
        assert_true(r.newest > began + 2);
        assert_file(&r, began);
        assert_all_versions(&r);
        if (i % 3 == 2) run_checkpoint(&r);
    }
    rig_close(&r);
}

/* A checkpoint of an older version, with blocks under it too: the file gets that one, the next
 * checkpoint the rest; what is not retained any more is refused, and nothing is written. */
static void an_older_version_can_be_saved(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 20, .view_bytes = 64 << 20, .clean_bytes = 0});
    for (int i = 0; i < 12; i++) {
        for (int k = 0; k < 6; k++)
            publish_some(&r);
        uint64_t wanted = r.newest - (uint64_t)(i % 4);
        uint64_t version = 0;
        if (i % 2 == 1) r.hook.before = publish_before;
        assert_int_equal(checkpoint_run(&r.checkpoint, wanted, &version), ST_OK);
        r.hook.before = NULL;
        assert_int_equal(version, wanted);
        assert_file(&r, wanted);
        assert_all_versions(&r);
    }
    uint64_t version = 0;
    for (int i = 0; i < 30; i++)
        publish_some(&r);
    assert_int_equal(checkpoint_run(&r.checkpoint, r.newest - 21, &version), ST_BUSY);
    run_checkpoint(&r);
    rig_close(&r);
}

/* What is published between the hold and the list is not in the list. */
static void list_is_of_the_held_version(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 100, .view_bytes = 64 << 20});
    publish_some(&r);
    uint32_t last = r.counts[r.newest];
    struct window_view view;
    assert_int_equal(pages_hold(r.pages, WINDOW_NEWEST, &view), ST_OK);
    for (int i = 0; i < 30; i++)
        publish_some(&r);
    must(r.counts[r.newest] > last);
    uint32_t *numbers = NULL;
    uint32_t count = 0;
    assert_int_equal(pages_list_dirty(r.pages, &view, &numbers, &count), ST_OK);
    assert_int_equal(count, last);
    assert_int_equal(numbers[count - 1], last);
    mem_free(r.mem, numbers);
    pages_release(r.pages, &view);
    rig_close(&r);
}

/* A checkpoint, then blocks that leave all pages but the first alone, until their images are gone.
 */
static void drop_images(struct rig *r)
{
    run_checkpoint(r);
    r->spread = 1;
    for (int i = 0; i < 40; i++)
        publish_some(r);
    r->spread = 6;
}

/* Changes, writes and drops the very page whose bytes a reader has just taken from the file. */
static void overtake(void *context)
{
    struct rig *r = context;
    r->hook.after_read = NULL;
    for (int i = 0; i < 20; i++)
        publish_some(r);
    drop_images(r);
}

/* I4: a reader that is overtaken between its read of the file and its second look. */
static void overtaken_reader_sees_its_version(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 100, .view_bytes = 64 << 20, .clean_bytes = 0});
    for (int i = 0; i < 60; i++)
        publish_some(&r);
    for (int i = 0; i < 3; i++) {
        drop_images(&r);
        struct window_view view;
        assert_int_equal(pages_pin(r.pages, WINDOW_NEWEST, &view), ST_OK);
        r.hook.after_read = overtake;
        assert_view(&r, &view);
        assert_null(r.hook.after_read); /* A page did come from the file. */
        assert_view(&r, &view);
        pages_unpin(r.pages, &view);
    }
    rig_close(&r);
}

/* A pinned version outlives view_heights, but not the room of the ring; then its reads fail. */
static void pinned_version_stays_until_the_ring_is_full(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 8, .view_bytes = 64 << 20});
    publish_some(&r);
    struct window_view view;
    assert_int_equal(pages_pin(r.pages, WINDOW_NEWEST, &view), ST_OK);
    for (int i = 0; i < 60; i++)
        publish_some(&r);
    assert_view(&r, &view);
    assert_int_equal(pages_oldest(r.pages), view.version);
    for (int i = 0; i < 10; i++)
        publish_some(&r);
    uint8_t page[PAGE_BYTES];
    assert_int_equal(pages_read(r.pages, &view, 1, page), ST_EXPIRED);
    assert_true(pages_oldest(r.pages) >= r.newest - 8);
    pages_unpin(r.pages, &view);
    assert_all_versions(&r);
    rig_close(&r);
}

/* Above view_bytes the window shrinks and kills pinned views; memory stays at the limit. */
static void bytes_limit_shrinks_the_window(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 300, .view_bytes = 16384});
    publish_some(&r);
    struct window_view view;
    assert_int_equal(pages_pin(r.pages, WINDOW_NEWEST, &view), ST_OK);
    for (int i = 0; i < 200; i++) {
        publish_some(&r);
        struct pages_usage usage;
        pages_usage(r.pages, &usage);
        assert_true(usage.diff_bytes <= 16384);
    }
    assert_true(pages_oldest(r.pages) > view.version);
    assert_true(pages_oldest(r.pages) > r.newest - 150);
    assert_true(pages_oldest(r.pages) < r.newest);
    uint8_t page[PAGE_BYTES];
    assert_int_equal(pages_read(r.pages, &view, 1, page), ST_EXPIRED);
    pages_unpin(r.pages, &view);
    assert_all_versions(&r);
    rig_close(&r);
}

/* A killed view is freed late: the slot of its version belongs to another one by then. */
static void late_unpin_leaves_the_new_owner_alone(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 4, .view_bytes = 64 << 20});
    publish_some(&r);
    struct window_view old;
    assert_int_equal(pages_pin(r.pages, WINDOW_NEWEST, &old), ST_OK);
    for (int i = 0; i < 64; i++)
        publish_some(&r);
    struct window_view heir; /* Same slot, 64 later. */
    assert_int_equal(pages_pin(r.pages, old.version + 64, &heir), ST_OK);
    pages_unpin(r.pages, &old);
    for (int i = 0; i < 20; i++)
        publish_some(&r);
    assert_view(&r, &heir);
    pages_unpin(r.pages, &heir);
    rig_close(&r);
}

/* What is staged is seen by the writer alone, and nothing of it stays after a discard. */
static void discard_leaves_nothing(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 50, .view_bytes = 64 << 20});
    for (int i = 0; i < 30; i++) {
        publish_some(&r);
        stage_some(&r);
        for (uint32_t n = 1; n <= r.counts[r.newest + 1]; n++) {
            uint8_t page[PAGE_BYTES];
            assert_int_equal(pages_read_staged(r.pages, n, page), ST_OK);
            assert_memory_equal(page, r.images[r.newest + 1][n - 1], PAGE_BYTES);
        }
        if (i % 2 == 0) assert_int_equal(pages_prepare(r.pages, r.newest + 1), ST_OK);
        assert_all_versions(&r);
        pages_discard(r.pages);
        assert_int_equal(pages_staged_count(r.pages), r.counts[r.newest]);
        assert_all_versions(&r);
    }
    rig_close(&r);
}

/* I7 and the rule that a database never becomes shorter. */
static void prepare_refuses(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 50, .view_bytes = 64 << 20});
    for (int i = 0; i < 20; i++)
        publish_some(&r);
    stage_some(&r);
    assert_int_equal(pages_prepare(r.pages, r.newest), ST_INVALID);
    assert_int_equal(pages_prepare(r.pages, r.newest + 2), ST_INVALID);
    assert_int_equal(pages_prepare(r.pages, 0), ST_INVALID);
    pages_stage_truncate(r.pages, r.counts[r.newest] - 1);
    assert_int_equal(pages_prepare(r.pages, r.newest + 1), ST_INVALID);
    pages_discard(r.pages);
    publish_some(&r);
    assert_all_versions(&r);
    rig_close(&r);
}

/* SQLite that gives a prepared commit up writes the old pages back and unlocks. */
static void staging_after_prepare_undoes_it(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 50, .view_bytes = 64 << 20});
    publish_some(&r);
    publish_some(&r);
    stage_some(&r);
    assert_int_equal(pages_prepare(r.pages, r.newest + 1), ST_OK);
    assert_int_equal(pages_stage(r.pages, 1, r.images[r.newest][0]), ST_OK);
    assert_false(pages_is_prepared(r.pages));
    pages_discard(r.pages);
    publish_some(&r);
    assert_all_versions(&r);
    rig_close(&r);
}

/* Pages that SQLite never wrote read as zero, before and after a checkpoint. */
static void skipped_pages_are_zero(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 50, .view_bytes = 64 << 20});
    publish_some(&r);
    uint8_t image[PAGE_BYTES];
    memset(image, 7, sizeof image);
    assert_int_equal(pages_stage(r.pages, 20, image), ST_OK);
    assert_int_equal(pages_prepare(r.pages, 2), ST_OK);
    pages_publish(r.pages);
    memcpy(r.images[2], r.images[1], sizeof r.images[2]);
    memcpy(r.images[2][19], image, PAGE_BYTES);
    r.counts[2] = 20;
    r.newest = 2;
    assert_all_versions(&r);
    run_checkpoint(&r);
    assert_all_versions(&r);
    for (int i = 0; i < 30; i++)
        publish_some(&r);
    assert_all_versions(&r);
    rig_close(&r);
}

/* Reads while the file fails: an error, then the truth again. */
static void read_error_is_told(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &(struct options){.view_heights = 1, .view_bytes = 64 << 20, .clean_bytes = 0});
    for (int i = 0; i < 60; i++)
        publish_some(&r);
    run_checkpoint(&r);
    struct pages_usage usage;
    do { /* Until nearly all images are gone. */
        assert_int_equal(pages_stage(r.pages, 1, r.images[r.newest][1]), ST_OK);
        assert_int_equal(pages_prepare(r.pages, r.newest + 1), ST_OK);
        pages_publish(r.pages);
        r.newest++;
        memcpy(r.images[r.newest], r.images[r.newest - 1], sizeof r.images[0]);
        memcpy(r.images[r.newest][0], r.images[r.newest - 1][1], PAGE_BYTES);
        r.counts[r.newest] = r.counts[r.newest - 1];
        pages_usage(r.pages, &usage);
    } while (usage.image_count > 2);
    struct window_view view;
    assert_int_equal(pages_pin(r.pages, WINDOW_NEWEST, &view), ST_OK);
    uint8_t page[PAGE_BYTES];
    fake_os_fail(r.disk, FAKE_OS_READ, 1, ST_IO);
    assert_int_equal(pages_read(r.pages, &view, 2, page), ST_IO);
    assert_view(&r, &view);
    /* The writer needs the old image of page 3: prepare fails, the block is rolled back. */
    memset(page, 1, sizeof page);
    assert_int_equal(pages_stage(r.pages, 3, page), ST_OK);
    fake_os_fail(r.disk, FAKE_OS_READ, 1, ST_IO);
    assert_int_equal(pages_prepare(r.pages, r.newest + 1), ST_IO);
    pages_discard(r.pages);
    assert_view(&r, &view);
    pages_unpin(r.pages, &view);
    rig_close(&r);
}

/* No memory at each call in turn: nothing leaks, nothing is half-published. */
static void no_memory_at_every_call(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        struct fake_os *disk = fake_os_new(n);
        struct os *os = fake_os_table(disk);
        struct os_file *file = NULL;
        must(os->file_open(os, &file, "main.db", OS_WRITE | OS_CREATE) == ST_OK);
        const struct pages_config config = {.os = os,
                                            .mem = &f.mem,
                                            .file = file,
                                            .limits = {.view_heights = 4, .view_bytes = 1 << 20},
                                            .clean_bytes = 0};
        struct pages *p = NULL;
        enum status st = pages_new(&p, &config);
        uint8_t image[PAGE_BYTES] = {0};
        for (uint32_t v = 1; st == ST_OK && v <= 80; v++) {
            image[v] = (uint8_t)v;
            for (uint32_t number = 1; st == ST_OK && number <= 3; number++)
                st = pages_stage(p, number, image);
            if (st == ST_OK) st = pages_prepare(p, v);
            if (st == ST_OK) pages_publish(p);
            if (st != ST_OK) {
                assert_int_equal(pages_newest(p), v - 1);
                pages_discard(p);
            }
        }
        is_done = st == ST_OK;
        if (!is_done) assert_int_equal(st, ST_NO_MEMORY);
        pages_free(p);
        assert_int_equal(f.live, 0);
        os->file_close(os, file);
        fake_os_free(disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_is_what_it_was),
        cmocka_unit_test(dropped_images_come_from_the_file),
        cmocka_unit_test(blocks_go_on_under_a_checkpoint),
        cmocka_unit_test(an_older_version_can_be_saved),
        cmocka_unit_test(list_is_of_the_held_version),
        cmocka_unit_test(overtaken_reader_sees_its_version),
        cmocka_unit_test(pinned_version_stays_until_the_ring_is_full),
        cmocka_unit_test(bytes_limit_shrinks_the_window),
        cmocka_unit_test(late_unpin_leaves_the_new_owner_alone),
        cmocka_unit_test(discard_leaves_nothing),
        cmocka_unit_test(prepare_refuses),
        cmocka_unit_test(staging_after_prepare_undoes_it),
        cmocka_unit_test(skipped_pages_are_zero),
        cmocka_unit_test(read_error_is_told),
        cmocka_unit_test(no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
