/* Goal: what a core starts with is what the disk proves: final blocks that a crash took off the
 * store come back from the held ones, promises are read, and what cannot be kept ends the votes. */
#include "node/core_start.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/sample_ledger.h"

#define HEIGHTS 6u

struct machine { /* Folds hashes; knows the digests of all heights. */
    uint64_t height;
    struct hash digests[64];
    struct merkle_tree history;
};

struct rig {
    struct fake_os *fake;
    struct store_config config;
    struct store *store;
    struct machine machine;
    struct header headers[2][HEIGHTS + 1]; /* [fork][height] */
    struct hash hashes[2][HEIGHTS + 1];
};

static uint64_t machine_height(void *context)
{
    const struct machine *m = context;
    return m->height;
}

static enum status machine_apply(void *context, struct flow_block *b)
{
    struct machine *m = context;
    assert_int_equal(b->header.height, m->height + 1);
    m->height++;
    m->digests[m->height] = digest_fold(&m->digests[m->height - 1], &b->hash);
    struct hash leaf = merkle_leaf(hash_span(&b->hash));
    merkle_tree_add(&m->history, &leaf);
    return ST_OK;
}

static enum status machine_digest(void *context, uint64_t height, struct hash *out)
{
    const struct machine *m = context;
    assert_true(height <= m->height);
    if (height + 3 < m->height) return ST_NOT_FOUND; /* Derived: only the newest are here. */
    *out = m->digests[height];
    return ST_OK;
}

static void machine_history(void *context, struct merkle_tree *out)
{
    const struct machine *m = context;
    *out = m->history;
}

static void make_chain(struct rig *r, uint32_t fork)
{
    struct hash parent = sample_chain_id();
    r->hashes[fork][0] = parent;
    for (uint32_t i = 1; i <= HEIGHTS; i++) {
        struct header *h = &r->headers[fork][i];
        *h = (struct header){.chain_id = sample_chain_id(),
                             .height = i,
                             .parent = parent,
                             .exec_version = 1,
                             .time_ms = SAMPLE_TIME_MS + i,
                             .proposer = fork,
                             .mode = MODE_BFT};
        parent = r->hashes[fork][i] = header_hash(h);
    }
}

static void encode(const struct header *h, struct buf *out)
{
    static struct body body;
    struct buf header_bytes;
    struct buf body_bytes;
    body = (struct body){.txs = NULL};
    buf_init(&header_bytes, mem_system(), 0);
    buf_init(&body_bytes, mem_system(), 0);
    header_encode(&header_bytes, h);
    body_encode(&body_bytes, &body);
    block_encode(out, buf_span(&header_bytes), buf_span(&body_bytes));
    buf_fini(&header_bytes);
    buf_fini(&body_bytes);
}

static void hold(struct rig *r, uint32_t fork, uint32_t height)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    encode(&r->headers[fork][height], &bytes);
    struct store_block b = {
        .height = height, .hash = r->hashes[fork][height], .bytes = buf_span(&bytes)};
    assert_int_equal(store_hold(r->store, &b), ST_OK);
    buf_fini(&bytes);
}

static void append(struct rig *r, uint32_t height)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    encode(&r->headers[0][height], &bytes);
    struct store_block b = {
        .height = height, .hash = r->hashes[0][height], .bytes = buf_span(&bytes)};
    assert_int_equal(store_append(r->store, &b), ST_OK);
    buf_fini(&bytes);
}

static void journal(struct rig *r, const struct consensus_record *record)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    consensus_record_encode(&bytes, record);
    assert_int_equal(buf_status(&bytes), ST_OK);
    assert_int_equal(store_journal(r->store, CONSENSUS_SLOT_PROMISE, buf_span(&bytes)), ST_OK);
    buf_fini(&bytes);
    assert_int_equal(store_sync(r->store), ST_OK);
}

/* Final up to final_height, voted for on fork up to tip. */
static struct consensus_record record_of(const struct rig *r,
                                         uint32_t final_height,
                                         uint32_t fork,
                                         uint32_t tip)
{
    struct consensus_record record = {
        .is_open = true, .final_height = final_height, .final_hash = r->hashes[0][final_height]};
    record.anchor_hash = sample_chain_id();
    for (uint32_t h = final_height + 1; h <= tip; h++)
        record.chain[record.chain_count++] = r->hashes[fork][h];
    return record;
}

static void open_store(struct rig *r)
{
    struct damage damage;
    assert_int_equal(store_open(&r->store, &r->config, &damage), ST_OK);
}

static void crash(struct rig *r)
{
    fake_os_crash(r->fake, FAKE_OS_LOSE_ALL);
    store_close(r->store);
    open_store(r);
}

static void rig_init(struct rig *r)
{
    *r = (struct rig){.fake = fake_os_new(1)};
    r->config = (struct store_config){.os = fake_os_table(r->fake),
                                      .mem = mem_system(),
                                      .dir = "node",
                                      .chain_id = sample_chain_id(),
                                      .has_peers = true};
    struct os *os = fake_os_table(r->fake);
    assert_int_equal(os->make_dir(os, "node"), ST_OK);
    r->machine.digests[0] = hash_of("test", span_text("genesis"));
    make_chain(r, 0);
    make_chain(r, 1);
    open_store(r);
}

static void rig_fini(struct rig *r)
{
    store_close(r->store);
    fake_os_free(r->fake);
}

static enum status start_with(struct rig *r,
                              uint32_t validators,
                              struct mem *mem,
                              struct core_start_data *out)
{
    struct core_start_config config = {.mem = mem,
                                       .store = r->store,
                                       .machine = {.height = machine_height,
                                                   .apply = machine_apply,
                                                   .digest = machine_digest,
                                                   .history = machine_history,
                                                   .context = &r->machine},
                                       .chain_id = sample_chain_id(),
                                       .genesis_time_ms = SAMPLE_TIME_MS,
                                       .validator_count = validators,
                                       .key = 3,
                                       .nonce = 4};
    return core_start_read(out, &config);
}

static enum status start(struct rig *r, uint32_t validators, struct core_start_data *out)
{
    return start_with(r, validators, mem_system(), out);
}

static void test_a_fresh_directory(void **state)
{
    (void)state;
    struct rig r;
    struct core_start_data d;
    rig_init(&r);
    assert_int_equal(start(&r, 4, &d), ST_OK);
    struct hash chain_id = sample_chain_id();
    assert_int_equal(d.start.engine.height, 0);
    assert_true(hash_equal(&d.start.engine.hash, &chain_id));
    assert_int_equal(d.start.engine.time_ms, SAMPLE_TIME_MS);
    assert_null(d.start.engine.record);
    assert_int_equal(d.start.engine.digest_count, 1);
    assert_true(d.is_voter);
    core_start_fini(&d);
    rig_fini(&r);
}

static void test_final_blocks_come_back_from_the_held_ones(void **state)
{
    (void)state;
    struct rig r;
    struct core_start_data d;
    rig_init(&r);
    for (uint32_t h = 1; h <= 5; h++)
        hold(&r, 0, h);
    hold(&r, 1, 4); /* A fork. */
    struct consensus_record record = record_of(&r, 3, 0, 5);
    record.cur_view = 7;
    journal(&r, &record);
    for (uint32_t h = 1; h <= 3; h++)
        append(&r, h); /* Not settled: lost. */
    crash(&r);
    assert_int_equal(store_height(r.store), 0);
    assert_int_equal(start(&r, 4, &d), ST_OK);
    const struct consensus_start *e = &d.start.engine;
    assert_int_equal(store_height(r.store), 3);
    assert_int_equal(r.machine.height, 3);
    assert_int_equal(e->height, 3);
    assert_true(hash_equal(&e->hash, &r.hashes[0][3]));
    assert_int_equal(e->history.count, 3);
    assert_int_equal(e->digest_count, 4); /* D of 3, 2, 1 and of the genesis. */
    assert_true(hash_equal(&e->digests[0], &r.machine.digests[3]));
    assert_int_equal(e->record->cur_view, 7);
    assert_null(e->view_change);
    assert_int_equal(e->held_count, 3); /* 4, 5 and the fork. */
    assert_int_equal(d.start.held_count, 3);
    assert_int_equal(e->held[0].height, 4);
    assert_int_equal(e->held[0].proposer, 0);
    assert_true(d.is_voter);
    core_start_fini(&d);
    rig_fini(&r);
}

static void test_a_lost_voted_block_ends_the_votes(void **state)
{
    (void)state;
    for (uint32_t validators = 1; validators <= 4; validators += 3) {
        struct rig r;
        struct core_start_data d;
        rig_init(&r);
        hold(&r, 0, 1);
        hold(&r, 0, 2);
        struct consensus_record record = record_of(&r, 1, 0, 3); /* 3 was never held. */
        journal(&r, &record);
        enum status st = start(&r, validators, &d);
        assert_int_equal(st, validators == 1 ? ST_CORRUPT : ST_OK);
        if (st == ST_OK) {
            assert_false(d.is_voter);
            assert_non_null(d.why);
            assert_int_equal(d.start.engine.height, 1);
            assert_int_equal(d.start.held_count, 1);
        }
        core_start_fini(&d);
        rig_fini(&r);
    }
}

static void test_a_lost_final_block_ends_the_votes(void **state)
{
    (void)state;
    struct rig r;
    struct core_start_data d;
    rig_init(&r);
    hold(&r, 0, 1);
    hold(&r, 0, 3);
    struct consensus_record record = record_of(&r, 3, 0, 3);
    journal(&r, &record);
    assert_int_equal(start(&r, 4, &d), ST_OK);
    assert_false(d.is_voter);
    assert_int_equal(d.start.engine.height, 0);
    core_start_fini(&d);
    assert_int_equal(start(&r, 1, &d), ST_CORRUPT);
    core_start_fini(&d);
    rig_fini(&r);
}

static void test_the_frozen_view_change_is_read(void **state)
{
    (void)state;
    struct rig r;
    struct core_start_data d;
    static struct view_change vc;
    rig_init(&r);
    vc = (struct view_change){.to_view = 9, .sender = 2, .final_hash = sample_chain_id()};
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    view_change_encode(&bytes, &vc);
    assert_int_equal(store_journal(r.store, CONSENSUS_SLOT_VIEW_CHANGE, buf_span(&bytes)), ST_OK);
    struct consensus_record record = record_of(&r, 0, 0, 0);
    record.cur_view = 9;
    record.is_open = false;
    journal(&r, &record);
    assert_int_equal(start(&r, 4, &d), ST_OK);
    assert_non_null(d.start.engine.view_change);
    assert_int_equal(d.start.engine.view_change->sender, 2);
    core_start_fini(&d);

    buf_reset(&bytes); /* Cleared. */
    cbor_put_null(&bytes);
    assert_int_equal(store_journal(r.store, CONSENSUS_SLOT_VIEW_CHANGE, buf_span(&bytes)), ST_OK);
    assert_int_equal(start(&r, 4, &d), ST_OK);
    assert_null(d.start.engine.view_change);
    core_start_fini(&d);
    buf_fini(&bytes);
    rig_fini(&r);
}

/* Both go to the disk together, the view change first, and the power may go between them: it is in
 * the place of the one that this node has said for the view of its record. */
static void test_a_view_change_ahead_of_its_record_is_read(void **state)
{
    (void)state;
    struct rig r;
    struct core_start_data d;
    static struct view_change vc;
    const uint64_t views[] = {8, 10, 11};
    rig_init(&r);
    struct consensus_record record = record_of(&r, 0, 0, 0);
    record.cur_view = 9;
    record.is_open = false;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        struct buf bytes;
        buf_init(&bytes, mem_system(), 0);
        vc =
            (struct view_change){.to_view = views[i], .sender = 2, .final_hash = sample_chain_id()};
        view_change_encode(&bytes, &vc);
        assert_int_equal(store_journal(r.store, CONSENSUS_SLOT_VIEW_CHANGE, buf_span(&bytes)),
                         ST_OK);
        journal(&r, &record);
        assert_int_equal(start(&r, 4, &d), ST_OK);
        assert_int_equal(d.start.engine.view_change != NULL, views[i] > 9);
        core_start_fini(&d);
        buf_fini(&bytes);
    }
    rig_fini(&r);
}

static void test_a_lost_journal_ends_the_votes(void **state)
{
    (void)state;
    struct rig r;
    struct core_start_data d;
    rig_init(&r);
    hold(&r, 0, 1);
    struct consensus_record record = record_of(&r, 0, 0, 1);
    journal(&r, &record);
    store_close(r.store);
    struct os *os = fake_os_table(r.fake);
    assert_int_equal(os->remove(os, "node/journal"), ST_OK);
    open_store(&r);
    assert_int_equal(start(&r, 4, &d), ST_OK);
    assert_false(d.is_voter);
    core_start_fini(&d);
    rig_fini(&r);
}

static void test_each_failing_allocation(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    for (uint32_t h = 1; h <= 4; h++)
        hold(&r, 0, h);
    struct consensus_record record = record_of(&r, 2, 0, 4);
    journal(&r, &record);
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        struct core_start_data d;
        fail_mem_init(&f, n);
        enum status st = start_with(&r, 4, &f.mem, &d);
        core_start_fini(&d);
        assert_int_equal(f.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    assert_int_equal(r.machine.height, 2);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fresh_directory),
        cmocka_unit_test(test_final_blocks_come_back_from_the_held_ones),
        cmocka_unit_test(test_a_lost_voted_block_ends_the_votes),
        cmocka_unit_test(test_a_lost_final_block_ends_the_votes),
        cmocka_unit_test(test_the_frozen_view_change_is_read),
        cmocka_unit_test(test_a_view_change_ahead_of_its_record_is_read),
        cmocka_unit_test(test_a_lost_journal_ends_the_votes),
        cmocka_unit_test(test_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
