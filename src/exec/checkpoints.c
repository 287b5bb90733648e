/* checkpoints.c - Which blocks are checkpoints, and the tree of rows behind them.
 *
 * A block that is a checkpoint is decided on when its write set is known; the tree is made off this
 * thread while the next blocks are applied, and waited for when the result of the eighth must carry
 * its hash. Everything decided here follows from the chain: heights, times, rows. */
#include <stdio.h>

#include "base/must.h"
#include "exec/apply.h"
#include "exec/modules/system/cursor.h"

#define SCRATCH_SIZE_MAX 24u
#define EPOCH_2000_MS    946684800000u /* PostgreSQL's epoch in Unix time. */

struct past { /* A checkpoint that stands in the chain's rows. */
    uint64_t height;
    uint64_t before;
};

static enum status write_row(struct apply *a,
                             const struct open_checkpoint *o,
                             const struct checkpoint *c);
static enum status feed_genesis(struct exec *e,
                                struct rows *rows,
                                const struct exec_config *config);
static enum status remove_scratch(char *path, const struct exec_config *config);
static enum status feed_result(struct exec *e,
                               struct rows *rows,
                               uint64_t height,
                               struct span record);
static enum status past_of(struct exec *e, uint64_t height, struct past *out);

enum status checkpoints_settle(struct apply *a)
{
    struct checkpoints *c = &a->checkpoints;
    const uint64_t height = a->in->header->height;
    if (c->open_count == 0 || c->open[0].height + CHECKPOINT_LAG > height) return ST_OK;
    const struct open_checkpoint due = c->open[0];
    must(due.height + CHECKPOINT_LAG == height);
    struct checkpoint found;
    TRY(rows_checkpoint(a->exec->row_tree, due.height, &found));
    if (found.height != due.height || found.before != due.before) return ST_CORRUPT;
    a->out->result.checkpoint = checkpoint_hash(&found);
    c->open_count--;
    memmove(c->open, c->open + 1, c->open_count * sizeof *c->open);
    return write_row(a, &due, &found);
}

static enum status write_row(struct apply *a,
                             const struct open_checkpoint *o,
                             const struct checkpoint *c)
{
    const struct field f[] = {
        field_int(c->height),
        field_int((o->time_ms - EPOCH_2000_MS) * 1000),
        field_blob(hash_span(&c->row_root)),
        field_blob(hash_span(&c->txid_root)),
        field_int(c->row_count),
        field_int(c->before),
    };
    return cursor_run(a->exec->writer,
                      "INSERT INTO \"trustsql.checkpoints\"(height, time, row_root, txid_root, "
                      "row_count, before) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                      f, 6);
}

void checkpoints_decide(struct apply *a, bool has_changed)
{
    struct checkpoints *c = &a->checkpoints;
    const struct header *h = a->in->header;
    a->is_checkpoint = false;
    if (h->exec_version < CHECKPOINT_EXEC_VERSION) return;
    if (!c->has_begun)
        *c = (struct checkpoints){.last = h->height - 1, .last_ms = h->time_ms, .has_begun = true};
    c->has_changed = c->has_changed || has_changed;
    const struct checkpoint_cause cause = {.height = h->height,
                                           .time_ms = h->time_ms,
                                           .last_ms = c->last_ms,
                                           .is_called = a->is_called,
                                           .has_changed = c->has_changed};
    if (!checkpoint_is_due(&cause)) return;
    must(c->open_count < CHECKPOINT_LAG); /* settle came first. */
    a->is_checkpoint = true;
    c->open[c->open_count++] =
        (struct open_checkpoint){.height = h->height, .before = c->last, .time_ms = h->time_ms};
    c->last = h->height;
    c->last_ms = h->time_ms;
    c->has_changed = false;
}

enum status checkpoints_feed(struct apply *a)
{
    struct exec *e = a->exec;
    const struct exec_block *in = a->in;
    if (e->row_tree == NULL) return ST_OK;
    struct rows_block block = {.height = e->height,
                               .write_set = buf_span(&e->write_set),
                               .is_checkpoint = a->is_checkpoint};
    if (in->header->exec_version >= CHECKPOINT_EXEC_VERSION) {
        struct hash *txids = arena_alloc(&e->arena, in->tx_count * sizeof *txids);
        if (txids == NULL) return ST_NO_MEMORY;
        for (uint32_t i = 0; i < in->tx_count; i++)
            txids[i] = in->txs[i].txid;
        block.txids = txids;
        block.tx_count = in->tx_count;
    }
    if (a->is_checkpoint) {
        must(a->checkpoints.open_count > 0);
        block.before = a->checkpoints.open[a->checkpoints.open_count - 1].before;
    }
    return rows_feed(e->row_tree, &block);
}

/* --- catching up ----------------------------------------------------------------------------- */

enum status exec_attach_rows(struct exec *e,
                             struct rows *rows,
                             const struct exec_config *config,
                             const struct exec_results *results)
{
    must(e->row_tree == NULL);
    if (rows_next(rows) > e->height + 1) return ST_EXISTS;
    if (e->height > 0) must(results != NULL);
    if (rows_next(rows) == 0) TRY(feed_genesis(e, rows, config));
    struct buf record;
    buf_init(&record, e->mem, 0);
    enum status st = ST_OK;
    for (uint64_t h = rows_next(rows); h <= e->height && st == ST_OK; h++) {
        buf_reset(&record);
        st = results->read(results->context, h, &record);
        if (st == ST_OK) st = feed_result(e, rows, h, buf_span(&record));
    }
    buf_fini(&record);
    if (st == ST_OK) e->row_tree = rows;
    return st;
}

uint64_t exec_wanted_height(const struct exec *e)
{
    const struct checkpoints *c = &e->checkpoints;
    return c->open_count == 0 ? 0 : c->open[c->open_count - 1].height + CHECKPOINT_LAG;
}

struct rows *exec_row_tree(const struct exec *e)
{
    return e->row_tree;
}

/* The rows of height 0 stand in no result: a state of that height is made once more, beside. */
static enum status feed_genesis(struct exec *e, struct rows *rows, const struct exec_config *config)
{
    char path[OS_PATH_MAX];
    char what[DB_WHAT_MAX];
    struct rows_block block = {.height = 0, .write_set = buf_span(&e->write_set)};
    if (e->has_genesis_rows) return rows_feed(rows, &block);
    struct exec *scratch = NULL;
    struct exec_config beside = *config;
    beside.path = path;
    TRY(remove_scratch(path, config)); /* What a crash left. */
    enum status st = exec_open(&scratch, &beside, what);
    if (st == ST_OK) {
        must(scratch->has_genesis_rows);
        block.write_set = buf_span(&scratch->write_set);
        st = rows_feed(rows, &block);
    }
    exec_close(scratch);
    TRY(remove_scratch(path, config));
    return st;
}

/* path[OS_PATH_MAX]: that of the file, which is gone with what belongs to it. */
static enum status remove_scratch(char *path, const struct exec_config *config)
{
    static const char *const endings[] = {"-journal", ".sums", ""};
    const size_t size = strlen(config->path);
    if (size + SCRATCH_SIZE_MAX > OS_PATH_MAX) return ST_LIMIT;
    memcpy(path, config->path, size);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(path + size, SCRATCH_SIZE_MAX, ".genesis%s", endings[i]);
        enum status st = config->os->remove(config->os, path);
        if (st != ST_OK && st != ST_NOT_FOUND) return st;
    }
    return ST_OK;
}

static enum status feed_result(struct exec *e,
                               struct rows *rows,
                               uint64_t height,
                               struct span record)
{
    struct arena a;
    struct exec_record r;
    struct past past = {0};
    arena_init(&a, e->mem, 0);
    enum status st = exec_record_decode(&r, &a, record);
    if (st == ST_OK && r.result.height != height) st = ST_CORRUPT;
    struct hash *txids = NULL;
    if (st == ST_OK) {
        txids = arena_alloc(&a, r.receipt_count * sizeof *txids);
        st = txids == NULL ? ST_NO_MEMORY : past_of(e, height, &past);
    }
    for (uint32_t i = 0; st == ST_OK && i < r.receipt_count; i++) {
        struct receipt receipt;
        st = receipt_decode(&receipt, &a, r.receipts[i]);
        if (st == ST_OK) txids[i] = receipt.txid;
    }
    if (st == ST_OK) {
        const struct rows_block block = {.height = height,
                                         .write_set = r.rows.write_set,
                                         .txids = txids,
                                         .tx_count = r.receipt_count,
                                         .is_checkpoint = past.height == height,
                                         .before = past.before};
        st = rows_feed(rows, &block);
    }
    arena_fini(&a);
    return st == ST_INVALID || st == ST_TRUNCATED ? ST_CORRUPT : st;
}

/* out->height 0: the block was no checkpoint. */
static enum status past_of(struct exec *e, uint64_t height, struct past *out)
{
    const struct checkpoints *c = &e->checkpoints;
    for (uint32_t i = 0; i < c->open_count; i++)
        if (c->open[i].height == height)
            *out = (struct past){.height = height, .before = c->open[i].before};
    if (out->height != 0 || !c->has_begun) return ST_OK;
    struct cursor r;
    const struct field f = field_int(height);
    enum status st = cursor_begin(
        &r, e->writer, "SELECT before FROM \"trustsql.checkpoints\" WHERE height = ?1", &f, 1);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) *out = (struct past){.height = height, .before = cursor_int(&r, 0)};
    cursor_end(&r);
    return st == ST_NOT_FOUND ? ST_OK : st;
}
