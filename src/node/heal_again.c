/* heal_again.c - The state made once more from the blocks, beside the one that is damaged.
 *
 * The same program executes the same blocks, so SQLite makes the same pages: nearly always, and
 * where it does not, the hash of the page tells (H2). Nothing here reads the damaged file. */
#include <stdio.h>

#include "node/heal_int.h"
#include "node/replay.h"
#include "rows/rows.h"

#define AGAIN_NAME "state/again.db"

struct heal_again {
    struct heal *heal;
    struct exec *exec;
    struct rows *rows; /* In memory. */
    char path[OS_PATH_MAX];
    struct buf bytes;
};

static void remove_files(const struct heal_again *a);
static enum status apply(struct heal_again *a, uint64_t height, struct buf *record);
static enum status check_digest(struct heal_again *a, const struct flow_block *b);

enum status heal_again_new(struct heal_again **out, struct heal *h, uint64_t height)
{
    char reason[160];
    struct heal_again *a = mem_alloc_zero(h->config.mem, 1, sizeof *a);
    if (a == NULL) return ST_NO_MEMORY;
    a->heal = h;
    buf_init(&a->bytes, h->config.mem, 0);
    enum status st = os_path_join(a->path, h->config.dir, AGAIN_NAME);
    if (st == ST_OK) {
        remove_files(a);
        const struct exec_config config = {.os = h->config.os,
                                           .mem = h->config.mem,
                                           .path = a->path,
                                           .genesis = h->config.genesis};
        const struct rows_config rows = {.os = h->config.os, .mem = h->config.mem};
        st = exec_open(&a->exec, &config, reason);
        if (st == ST_OK) st = rows_open(&a->rows, &rows);
        if (st == ST_OK) st = exec_attach_rows(a->exec, a->rows, &config, NULL);
    }
    for (uint64_t at = 1; at <= height && st == ST_OK; at++)
        st = heal_is_closing(h) ? ST_CLOSED : apply(a, at, NULL);
    if (st != ST_OK) {
        heal_again_free(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void heal_again_free(struct heal_again *a)
{
    if (a == NULL) return;
    exec_close(a->exec);
    rows_close(a->rows);
    remove_files(a);
    buf_fini(&a->bytes);
    mem_free(a->heal->config.mem, a);
}

enum status heal_again_page(struct heal_again *a, uint32_t page, uint8_t *to)
{
    return db_page(exec_db(a->exec), page, to);
}

enum status heal_again_next(struct heal_again *a, struct buf *record)
{
    return apply(a, exec_height(a->exec) + 1, record);
}

/* record: null, or for its result. */
static enum status apply(struct heal_again *a, uint64_t height, struct buf *record)
{
    struct flow_block *b = NULL;
    uint64_t saved = 0;
    buf_reset(&a->bytes);
    TRY(store_read_block(a->heal->config.store, height, &a->bytes, NULL));
    enum status st = replay_decode(&b, a->heal->config.mem, buf_span(&a->bytes));
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    st = replay_apply(a->exec, b);
    if (st == ST_OK) st = check_digest(a, b);
    if (st == ST_OK && record != NULL) {
        buf_put(record, b->outcome.record);
        st = buf_status(record);
    }
    flow_block_free(b);
    /* So that not all of the state is in memory; the file is not what counts. */
    if (st == ST_OK && db_checkpoint_due(exec_db(a->exec)))
        st = db_checkpoint(exec_db(a->exec), &saved);
    return st;
}

/* Where the chain says what the result is, this is it. */
static enum status check_digest(struct heal_again *a, const struct flow_block *b)
{
    const struct header *h = &b->header;
    struct exec_record record;
    struct arena arena;
    struct buf bytes;
    buf_init(&bytes, a->heal->config.mem, 0);
    arena_init(&arena, a->heal->config.mem, 0);
    enum status st = store_read_result(a->heal->config.store, h->height, &bytes, NULL);
    if (st == ST_OK) st = exec_record_decode(&record, &arena, buf_span(&bytes));
    const struct hash own = exec_digest(a->exec);
    const bool is_other = st == ST_OK && !hash_equal(&own, &record.digest);
    arena_fini(&arena);
    buf_fini(&bytes);
    if (st == ST_NO_MEMORY) return st;
    return is_other ? ST_CORRUPT : ST_OK; /* Results may be damaged, too: no judge then. */
}

static void remove_files(const struct heal_again *a)
{
    static const char *const ends[] = {"", "-journal", ".sums"};
    struct os *os = a->heal->config.os;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[OS_PATH_MAX + 16];
        (void)snprintf(path, sizeof path, "%s%s", a->path, ends[i]);
        enum status st = os->remove(os, path);
        (void)st; /* What stays is removed by the next one. */
    }
}
