/* A store mends what is damaged with blocks that its owner gives: whatever byte, length or file is
 * wrong, whether it runs or not, plain, compressed or cold, the files are in the end what they
 * were. */
#include <stdio.h>

#include "base/must.h"
#include "support/cmocka_all.h"
#include "support/share.h"
#include "support/store_rig.h"
#include "support/test_rng.h"

#define BLOCKS    13u
#define FILES_MAX 16u
#define STEP      4u

struct saved { /* A file and its bytes. */
    char name[OS_NAME_MAX + 1];
    struct buf bytes;
};

static bool plain;
static bool packed = true; /* Sealed files are compressed, all but one cold. */

struct folder {
    struct saved files[FILES_MAX];
    uint32_t count;
};

static void make_chain(struct store_rig *r, uint64_t salt, bool is_packed)
{
    store_rig_init(r, 1);
    r->config.can_mend = true;
    r->config.has_peers = true;
    r->config.hot_segments = is_packed ? 1 : 0;
    r->salt = salt;
    assert_int_equal(store_rig_open(r), ST_OK);
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        assert_int_equal(store_rig_add(r), ST_OK);
        assert_int_equal(store_rig_result(r, i), ST_OK);
    }
    assert_int_equal(store_results_sync(r->store), ST_OK);
    assert_int_equal(store_settle(r->store), ST_OK);
    if (is_packed) store_rig_tidy(r);
}

static bool is_there(struct store_rig *r, const char *name)
{
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    assert_int_equal(os_path_join(path, r->config.dir, name), ST_OK);
    bool is_found = r->config.os->file_open(r->config.os, &file, path, OS_READ) == ST_OK;
    r->config.os->file_close(r->config.os, file);
    return is_found;
}

static void save(struct folder *f, struct store_rig *r, const char *dir, const char *suffix)
{
    f->count = 0;
    for (uint32_t number = 1; number <= FILES_MAX; number++) {
        struct saved *s = &f->files[f->count];
        (void)snprintf(s->name, sizeof s->name, "%s/%08u.%s", dir, number, suffix);
        if (!is_there(r, s->name))
            (void)snprintf(s->name, sizeof s->name, "%s/cold/%08u.%s", dir, number, suffix);
        if (!is_there(r, s->name)) break;
        buf_init(&s->bytes, mem_system(), 0);
        store_rig_file(r, s->name, &s->bytes);
        f->count++;
    }
    assert_true(f->count >= 2);
}

static void folder_fini(struct folder *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        buf_fini(&f->files[i].bytes);
}

static void expect_same(struct store_rig *r, const struct saved *s)
{
    struct buf now;
    buf_init(&now, mem_system(), 0);
    store_rig_file(r, s->name, &now);
    assert_true(span_equal(buf_span(&now), buf_span(&s->bytes)));
    buf_fini(&now);
}

static struct store_rig copy_of(const struct store_rig *r)
{
    struct store_rig copy = *r;
    copy.fake = fake_os_copy(r->fake, 1);
    copy.config.os = fake_os_table(copy.fake);
    copy.store = NULL;
    return copy;
}

/* It opens, says what is missing, takes it and is as before; then it goes on. */
static uint32_t expect_mended(struct store_rig *r, const struct folder *f)
{
    struct store_rig_mending mending;
    struct store_rig_scrub scrub;
    struct store_rig_scan scan;
    if (r->store == NULL) assert_int_equal(store_rig_open(r), ST_OK);
    assert_int_equal(store_height(r->store), BLOCKS);
    store_rig_scrub(r, &scrub);
    assert_int_equal(store_rig_mend(r, &mending), ST_NOT_FOUND);
    assert_false(store_has_gap(r->store, STORE_BLOCKS));
    assert_true(store_rig_is_whole(r));
    if (r->config.hot_segments > 0) store_rig_tidy(r);
    for (uint32_t i = 0; i < f->count; i++)
        expect_same(r, &f->files[i]);
    store_rig_scrub(r, &scrub);
    assert_int_equal(scrub.found, 0);
    assert_int_equal(scrub.blocks, BLOCKS);
    assert_int_equal(store_rig_add(r), ST_OK);
    assert_int_equal(store_settle(r->store), ST_OK);
    store_rig_close(r);
    assert_int_equal(store_rig_scan(r, &scan), ST_OK);
    assert_int_equal(scan.blocks, BLOCKS + 1);
    return mending.given;
}

static void flip(struct store_rig *r, const struct saved *s, size_t offset)
{
    uint8_t *byte = s->bytes.data + offset;
    *byte ^= 0x10;
    store_rig_set_file(r, s->name, buf_span(&s->bytes));
    *byte ^= 0x10;
}

/* A closed store of one of the two kinds, and its segments. */
static void stopped_chain(struct store_rig *r, struct folder *f, void **state)
{
    make_chain(r, 1, *(const bool *)*state);
    store_rig_close(r);
    save(f, r, "blocks", "seg");
}

/* Places at which a file is damaged, so far apart that all kinds of bytes get their turn. */
#define APART 7u

static void flipped_bytes_of_a_stopped_store(void **state)
{
    struct store_rig r;
    struct folder f;
    stopped_chain(&r, &f, state);
    for (uint32_t i = 0; i < f.count; i++) {
        for (size_t offset = 0; offset < f.files[i].bytes.size; offset += APART) {
            struct store_rig copy = copy_of(&r);
            flip(&copy, &f.files[i], offset);
            (void)expect_mended(&copy, &f);
            store_rig_fini(&copy);
        }
    }
    folder_fini(&f);
    store_rig_fini(&r);
}

static void lengths_of_a_stopped_store(void **state)
{
    struct store_rig r;
    struct folder f;
    stopped_chain(&r, &f, state);
    for (uint32_t i = 0; i < f.count; i++) {
        for (size_t size = 0; size < f.files[i].bytes.size; size += APART) {
            struct store_rig copy = copy_of(&r);
            store_rig_set_file(&copy, f.files[i].name, span_of(f.files[i].bytes.data, size));
            assert_true(expect_mended(&copy, &f) > 0 || size + 200 > f.files[i].bytes.size);
            store_rig_fini(&copy);
        }
    }
    folder_fini(&f);
    store_rig_fini(&r);
}

static void deleted_and_exchanged_files_of_a_stopped_store(void **state)
{
    struct store_rig r;
    struct folder f;
    stopped_chain(&r, &f, state);
    for (uint32_t i = 0; i < f.count; i++) {
        for (uint32_t k = 0; k < f.count; k++) {
            struct store_rig copy = copy_of(&r);
            if (i == k) {
                store_rig_remove(&copy, f.files[i].name);
            } else {
                store_rig_set_file(&copy, f.files[i].name, buf_span(&f.files[k].bytes));
                store_rig_set_file(&copy, f.files[k].name, buf_span(&f.files[i].bytes));
            }
            assert_true(expect_mended(&copy, &f) > 0);
            store_rig_fini(&copy);
        }
    }
    struct store_rig copy = copy_of(&r); /* All of them at once. */
    for (uint32_t i = 0; i < f.count; i++)
        store_rig_remove(&copy, f.files[i].name);
    assert_int_equal(expect_mended(&copy, &f), BLOCKS);
    store_rig_fini(&copy);
    folder_fini(&f);
    store_rig_fini(&r);
}

static void files_of_another_history(void **state)
{
    const bool is_packed = *(const bool *)*state;
    struct store_rig r;
    struct store_rig other;
    struct folder f;
    struct folder others;
    make_chain(&r, 1, is_packed);
    make_chain(&other, 2, is_packed);
    store_rig_close(&r);
    save(&f, &r, "blocks", "seg");
    save(&others, &other, "blocks", "seg");
    for (uint32_t i = 0; i < f.count; i++) { /* All checksums are right. */
        struct store_rig copy = copy_of(&r);
        store_rig_set_file(&copy, f.files[i].name, buf_span(&others.files[i].bytes));
        assert_true(expect_mended(&copy, &f) > 0);
        store_rig_fini(&copy);
        copy = copy_of(&r);
        assert_int_equal(store_rig_open(&copy), ST_OK);
        store_rig_set_file(&copy, f.files[i].name, buf_span(&others.files[i].bytes));
        struct store_rig_scrub scrub;
        store_rig_scrub(&copy, &scrub);
        assert_true(scrub.found > 0);
        assert_string_equal(scrub.first.file, f.files[i].name);
        assert_true(expect_mended(&copy, &f) > 0);
        store_rig_fini(&copy);
    }
    folder_fini(&f);
    folder_fini(&others);
    store_rig_fini(&r);
    store_rig_fini(&other);
}

static void whatever_happens_while_it_runs(void **state)
{
    struct store_rig r;
    struct folder f;
    stopped_chain(&r, &f, state);
    for (uint32_t i = 0; i < f.count; i++) {
        const struct saved *s = &f.files[i];
        const size_t step = STEP * share_step(4);
        for (size_t at = s->bytes.size % step; at <= s->bytes.size; at += step) {
            struct store_rig copy = copy_of(&r);
            struct store_rig_scrub scrub;
            assert_int_equal(store_rig_open(&copy), ST_OK);
            if (at == s->bytes.size)
                store_rig_remove(&copy, s->name);
            else if (at % 3 == 0) /* Cut; else flipped. */
                store_rig_set_file(&copy, s->name, span_of(s->bytes.data, at));
            else
                flip(&copy, s, at);
            store_rig_scrub(&copy, &scrub);
            assert_true(scrub.found > 0);
            assert_string_equal(scrub.first.file, s->name);
            (void)expect_mended(&copy, &f);
            store_rig_fini(&copy);
        }
    }
    folder_fini(&f);
    store_rig_fini(&r);
}

/* What this process still has open needs nobody else. */
static void a_current_file_without_a_name(void **state)
{
    (void)state;
    struct store_rig r;
    struct store_rig_scrub scrub;
    struct store_rig_mending mending;
    make_chain(&r, 1, plain);
    char name[OS_NAME_MAX + 1];
    struct folder f;
    save(&f, &r, "blocks", "seg");
    (void)snprintf(name, sizeof name, "%s", f.files[f.count - 1].name);
    store_rig_remove(&r, name);
    assert_int_equal(store_rig_add(&r), ST_OK);
    store_rig_scrub(&r, &scrub);
    assert_string_equal(scrub.first.file, name);
    assert_int_equal(store_rig_mend(&r, &mending), ST_NOT_FOUND);
    assert_int_equal(mending.given, 0);
    store_rig_remove(&r, name);
    assert_int_equal(store_blocks_sync(r.store), ST_OK); /* A checkpoint finds it, too. */
    assert_int_equal(store_settle(r.store), ST_OK);
    store_rig_close(&r);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_height(r.store), BLOCKS + 1);
    assert_true(store_rig_is_whole(&r));
    folder_fini(&f);
    store_rig_fini(&r);
}

static void each_byte_of_index_results_and_journal(void **state)
{
    (void)state;
    static const struct {
        const char *dir;
        const char *suffix;
    } kinds[] = {{"blocks", "idx"}, {"results", "res"}};
    struct store_rig r;
    struct store_rig_scrub scrub;
    struct store_rig_mending mending;
    make_chain(&r, 1, plain);
    for (uint32_t kind = 0; kind < 2; kind++) {
        const size_t apart = (kind == 0 ? 37 : APART) * share_step(6);
        struct folder f;
        save(&f, &r, kinds[kind].dir, kinds[kind].suffix);
        for (uint32_t i = 0; i < f.count; i++) {
            for (size_t at = share_from(apart); at <= f.files[i].bytes.size; at += apart) {
                if (at + apart > f.files[i].bytes.size)
                    store_rig_remove(&r, f.files[i].name);
                else
                    flip(&r, &f.files[i], at);
                store_rig_scrub(&r, &scrub);
                assert_true(scrub.found > 0);
                assert_string_equal(scrub.first.file, f.files[i].name);
                assert_int_equal(scrub.mended, kind == 0 ? scrub.found : 0);
                assert_int_equal(store_rig_mend(&r, &mending), ST_NOT_FOUND);
                expect_same(&r, &f.files[i]);
            }
        }
        folder_fini(&f);
    }
    uint64_t made = 0;
    store_rig_remove(&r, "blocks/00000001.idx");
    assert_int_equal(store_rebuild_indexes(r.store, &made), ST_OK);
    assert_true(made > 0);
    assert_true(store_rig_is_whole(&r));
    store_rig_scrub(&r, &scrub);
    assert_int_equal(scrub.found, 0);
    struct buf journal;
    buf_init(&journal, mem_system(), 0);
    store_rig_file(&r, "journal", &journal);
    const size_t apart = APART * share_step(6);
    for (size_t at = share_from(apart); at <= journal.size; at += apart) {
        if (at < journal.size) journal.data[at] ^= 1;
        store_rig_set_file(&r, "journal", buf_span(&journal));
        if (at < journal.size) journal.data[at] ^= 1;
        if (at + apart > journal.size) store_rig_remove(&r, "journal");
        store_rig_scrub(&r, &scrub);
        assert_int_equal(scrub.found, 1);
        assert_int_equal(scrub.mended, 1);
        assert_string_equal(scrub.first.file, "journal");
        assert_int_equal(store_rig_add(&r), ST_OK);
        assert_int_equal(store_settle(r.store), ST_OK);
    }
    buf_fini(&journal);
    store_rig_close(&r);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    store_rig_fini(&r);
}

/* Blocks that are not the chain's never reach the file. */
static void false_blocks_are_refused(void **state)
{
    const bool is_packed = *(const bool *)*state;
    struct store_rig r;
    struct folder f;
    struct store_rig_mending mending;
    struct damage place;
    make_chain(&r, 1, is_packed);
    store_rig_close(&r);
    save(&f, &r, "blocks", "seg");
    for (uint32_t i = 0; i < f.count; i++) {
        struct store_rig copy = copy_of(&r);
        store_rig_remove(&copy, f.files[i].name);
        assert_int_equal(store_rig_open(&copy), ST_OK);
        copy.salt = 2; /* A liar gives. */
        struct store_gap gap;
        while (store_gap(copy.store, STORE_BLOCKS, &gap) == ST_OK && !gap.is_end) {
            struct buf bytes;
            buf_init(&bytes, mem_system(), 0);
            store_rig_block(&bytes, gap.first, 2);
            struct store_block block = {.height = gap.first,
                                        .hash = store_rig_hash(gap.first, 2),
                                        .bytes = buf_span(&bytes)};
            assert_int_equal(store_repair(copy.store, STORE_BLOCKS, &block), ST_OK);
            block.height += 2;
            assert_int_equal(store_repair(copy.store, STORE_BLOCKS, &block), ST_INVALID);
            buf_fini(&bytes);
        }
        if (i + 1 < f.count)
            assert_int_equal(store_gap(copy.store, STORE_BLOCKS, &gap), ST_CORRUPT);
        store_repair_cancel(copy.store);
        copy.salt = 1;
        assert_true(expect_mended(&copy, &f) > 0);
        store_rig_fini(&copy);
    }
    /* The owner may know that a block is none of the chain. */
    assert_int_equal(store_rig_open(&r), ST_OK);
    place = (struct damage){.file = "blocks/00000001.seg", .height = 2};
    store_note_false(r.store, STORE_BLOCKS, 2, 9, &place);
    assert_int_equal(store_rig_mend(&r, &mending), ST_NOT_FOUND);
    assert_int_equal(mending.given, 8);
    folder_fini(&f);
    store_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(flipped_bytes_of_a_stopped_store, &plain),
        cmocka_unit_test_prestate(flipped_bytes_of_a_stopped_store, &packed),
        cmocka_unit_test_prestate(lengths_of_a_stopped_store, &plain),
        cmocka_unit_test_prestate(lengths_of_a_stopped_store, &packed),
        cmocka_unit_test_prestate(deleted_and_exchanged_files_of_a_stopped_store, &plain),
        cmocka_unit_test_prestate(deleted_and_exchanged_files_of_a_stopped_store, &packed),
        cmocka_unit_test_prestate(files_of_another_history, &plain),
        cmocka_unit_test_prestate(files_of_another_history, &packed),
        cmocka_unit_test_prestate(whatever_happens_while_it_runs, &plain),
        cmocka_unit_test_prestate(whatever_happens_while_it_runs, &packed),
        cmocka_unit_test(a_current_file_without_a_name),
        cmocka_unit_test(each_byte_of_index_results_and_journal),
        cmocka_unit_test_prestate(false_blocks_are_refused, &plain),
        cmocka_unit_test_prestate(false_blocks_are_refused, &packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
