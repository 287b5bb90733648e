/* store_rig.c - A store on a fake disk, with blocks that are made from their height. */
#include "store_rig.h"

#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"
#include "test_rng.h"

void store_rig_init(struct store_rig *r, uint64_t seed)
{
    *r = (struct store_rig){.fake = fake_os_new(seed), .salt = 1};
    r->config = (struct store_config){.os = fake_os_table(r->fake),
                                      .mem = mem_system(),
                                      .dir = "node",
                                      .chain_id = hash_of("test", span_text("chain")),
                                      .segment_size = 1500,
                                      .pending_size = 1500,
                                      .journal_area_size = 4096};
}

void store_rig_fini(struct store_rig *r)
{
    store_rig_close(r);
    fake_os_free(r->fake);
}

enum status store_rig_open(struct store_rig *r)
{
    must(r->store == NULL);
    r->damage = (struct damage){0};
    return store_open(&r->store, &r->config, &r->damage);
}

void store_rig_close(struct store_rig *r)
{
    store_close(r->store);
    r->store = NULL;
}

struct hash store_rig_hash(uint64_t height, uint64_t salt)
{
    struct hasher h;
    hash_init(&h, "block");
    hash_add_u64(&h, height);
    hash_add_u64(&h, salt);
    return hash_final(&h);
}

struct hash store_rig_txid(uint64_t height, uint32_t index, uint64_t salt)
{
    struct hasher h;
    hash_init(&h, "txid");
    hash_add_u64(&h, height);
    hash_add_u64(&h, index);
    hash_add_u64(&h, salt);
    return hash_final(&h);
}

uint32_t store_rig_txid_count(uint64_t height)
{
    return (uint32_t)(height % (STORE_RIG_TXIDS_MAX + 1));
}

void store_rig_block(struct buf *out, uint64_t height, uint64_t salt)
{
    struct test_rng rng = {.state = height * 1000003 + salt};
    uint64_t size = height % 6 == 0 ? 0 : test_rng_below(&rng, 600); /* Empty ones, too. */
    for (uint64_t i = 0; i < size; i++)
        buf_put_u8(out, (uint8_t)test_rng_u64(&rng));
    must(buf_status(out) == ST_OK);
}

enum status store_rig_append(struct store_rig *r)
{
    struct hash txids[STORE_RIG_TXIDS_MAX];
    uint64_t height = store_height(r->store) + 1;
    uint32_t count = store_rig_txid_count(height);
    for (uint32_t i = 0; i < count; i++)
        txids[i] = store_rig_txid(height, i, r->salt);
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    store_rig_block(&bytes, height, r->salt);
    struct store_block block = {.height = height,
                                .hash = store_rig_hash(height, r->salt),
                                .bytes = buf_span(&bytes),
                                .txids = txids,
                                .tx_count = count};
    enum status st = store_append(r->store, &block);
    buf_fini(&bytes);
    return st;
}

enum status store_rig_add(struct store_rig *r)
{
    uint64_t height = store_height(r->store) + 1;
    struct hash vote = store_rig_hash(height, r->salt + 1);
    TRY(store_rig_hold(r, height, r->salt));
    TRY(store_journal(r->store, 0, hash_span(&vote)));
    TRY(store_sync(r->store));
    return store_rig_append(r);
}

enum status store_rig_hold(struct store_rig *r, uint64_t height, uint64_t fork)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    store_rig_block(&bytes, height, fork);
    struct store_block block = {
        .height = height, .hash = store_rig_hash(height, fork), .bytes = buf_span(&bytes)};
    enum status st = store_hold(r->store, &block);
    buf_fini(&bytes);
    return st;
}

bool store_rig_holds(struct store_rig *r, uint64_t height, uint64_t fork)
{
    struct hash hash = store_rig_hash(height, fork);
    struct buf want;
    struct buf got;
    buf_init(&want, mem_system(), 0);
    buf_init(&got, mem_system(), 0);
    store_rig_block(&want, height, fork);
    enum status st = store_read_held(r->store, &hash, &got);
    must(st != ST_OK || span_equal(buf_span(&want), buf_span(&got)));
    buf_fini(&want);
    buf_fini(&got);
    return st == ST_OK;
}

enum status store_rig_result(struct store_rig *r, uint64_t height)
{
    struct buf result;
    buf_init(&result, mem_system(), 0);
    store_rig_block(&result, height, r->salt + 7);
    enum status st = store_append_result(r->store, height, buf_span(&result));
    buf_fini(&result);
    return st;
}

static bool is_block_whole(struct store_rig *r, uint64_t height)
{
    struct buf want;
    struct buf got;
    buf_init(&want, mem_system(), 0);
    buf_init(&got, mem_system(), 0);
    store_rig_block(&want, height, r->salt);
    bool is_whole = store_read_block(r->store, height, &got, NULL) == ST_OK &&
                    span_equal(buf_span(&want), buf_span(&got));
    buf_fini(&want);
    buf_fini(&got);
    for (uint32_t i = 0; is_whole && i < store_rig_txid_count(height); i++) {
        struct hash txid = store_rig_txid(height, i, r->salt);
        uint64_t found = 0;
        uint32_t index = 0;
        is_whole = store_find_tx(r->store, &txid, &found, &index) == ST_OK && found == height &&
                   index == i;
    }
    return is_whole;
}

bool store_rig_is_whole(struct store_rig *r)
{
    uint64_t top = store_height(r->store);
    for (uint64_t height = 1; height <= top; height++)
        if (!is_block_whole(r, height)) return false;
    struct buf none;
    buf_init(&none, mem_system(), 0);
    enum status st = store_read_block(r->store, top + 1, &none, NULL);
    struct hash txid = store_rig_txid(top * 6 + 7, 0, r->salt);
    uint64_t height = 0;
    uint32_t index = 0;
    enum status absent = store_find_tx(r->store, &txid, &height, &index);
    buf_fini(&none);
    return st == ST_NOT_FOUND && absent == ST_NOT_FOUND;
}

static void path_of(const struct store_rig *r, const char *name, char *out)
{
    must(os_path_join(out, r->config.dir, name) == ST_OK);
}

void store_rig_file(struct store_rig *r, const char *name, struct buf *out)
{
    char path[OS_PATH_MAX];
    path_of(r, name, path);
    must(os_read_file(r->config.os, path, 1u << 30, out) == ST_OK);
}

void store_rig_set_file(struct store_rig *r, const char *name, struct span bytes)
{
    char path[OS_PATH_MAX];
    struct os *os = r->config.os;
    struct os_file *file = NULL;
    path_of(r, name, path);
    must(os->file_open(os, &file, path, OS_WRITE | OS_CREATE) == ST_OK);
    must(os->file_truncate(os, file, bytes.size) == ST_OK);
    if (bytes.size > 0) must(os->file_write(os, file, bytes, 0) == ST_OK);
    must(os->file_sync(os, file) == ST_OK);
    os->file_close(os, file);
}

void store_rig_remove(struct store_rig *r, const char *name)
{
    char path[OS_PATH_MAX];
    path_of(r, name, path);
    must(r->config.os->remove(r->config.os, path) == ST_OK);
}

static enum status visit(void *context,
                         uint64_t height,
                         struct span block,
                         const struct damage *place)
{
    struct store_rig_scan *out = context;
    (void)block;
    must(place->height == height);
    out->blocks++;
    return ST_OK;
}

static void found(void *context, const struct damage *damage)
{
    struct store_rig_scan *out = context;
    if (out->found++ == 0) out->first = *damage;
}

enum status store_rig_scan(struct store_rig *r, struct store_rig_scan *out)
{
    *out = (struct store_rig_scan){0};
    struct store_scan scan = {
        .visit = visit, .found = found, .context = out, .final_height = r->final_height};
    struct store_config config = r->config;
    config.is_read_only = true;
    enum status st = store_scan(&config, &scan);
    must(st == ST_OK || st == ST_CORRUPT);
    must((st == ST_CORRUPT) == (out->found > 0));
    return st;
}

void store_rig_tidy(struct store_rig *r)
{
    enum status st = ST_OK;
    while (st == ST_OK)
        st = store_tidy(r->store, 1000);
    must(st == ST_NOT_FOUND);
}

static enum status give(struct store_rig *r, enum store_part part, const struct store_gap *gap)
{
    const uint64_t height = gap->first;
    struct hash txids[STORE_RIG_TXIDS_MAX];
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    bool is_block = part == STORE_BLOCKS;
    struct store_block block = {.height = height};
    store_rig_block(&bytes, height, is_block ? r->salt : r->salt + 7);
    block.bytes = buf_span(&bytes);
    if (is_block) {
        block.hash = store_rig_hash(height, r->salt);
        block.tx_count = store_rig_txid_count(height);
        for (uint32_t i = 0; i < block.tx_count; i++)
            txids[i] = store_rig_txid(height, i, r->salt);
        block.txids = txids;
    }
    const struct hash end = store_rig_hash(gap->last, r->salt);
    must(!is_block || !gap->is_end || hash_equal(&gap->end_hash, &end));
    enum status st = store_repair(r->store, part, &block);
    buf_fini(&bytes);
    return st;
}

static enum status mend_part(struct store_rig *r,
                             enum store_part part,
                             struct store_rig_mending *out)
{
    struct store_gap gap;
    enum status st = ST_OK;
    while ((st = store_gap(r->store, part, &gap)) == ST_OK) {
        if (out->given++ == 0) out->first = gap.place;
        TRY(give(r, part, &gap));
    }
    return st;
}

enum status store_rig_mend(struct store_rig *r, struct store_rig_mending *out)
{
    *out = (struct store_rig_mending){0};
    for (;;) {
        enum status st = mend_part(r, STORE_BLOCKS, out);
        if (st != ST_NOT_FOUND) return st;
        if (!store_is_broken(r->store)) return mend_part(r, STORE_RESULTS, out);
        must(out->opened++ == 0);
        store_rig_close(r);
        TRY(store_rig_open(r));
    }
}

static enum status visit_scrubbed(void *context,
                                  uint64_t height,
                                  const struct hash *hash,
                                  struct span block,
                                  const struct damage *place)
{
    struct store_rig_scrub *out = context;
    (void)block;
    must(place->height == height);
    must(!hash_is_zero(hash));
    out->blocks++;
    return ST_OK;
}

static void found_by_scrub(void *context, const struct damage *damage)
{
    struct store_rig_scrub *out = context;
    if (out->found++ == 0) out->first = *damage;
    if (damage->is_mended) out->mended++;
}

void store_rig_scrub(struct store_rig *r, struct store_rig_scrub *out)
{
    *out = (struct store_rig_scrub){0};
    struct store_scrub_visitor visitor = {
        .visit = visit_scrubbed, .found = found_by_scrub, .context = out};
    struct store_scrub *scrub = NULL;
    must(store_scrub_new(&scrub, r->store, &visitor) == ST_OK);
    enum status st = ST_OK;
    uint64_t read = 0;
    while (st == ST_OK)
        st = store_scrub_step(scrub, 1000, &read);
    must(st == ST_NOT_FOUND);
    store_scrub_free(scrub);
}
