/* checkpoint.c - The four steps and what follows when one fails: see checkpoint.h. */
#include "state/checkpoint.h"

#include "base/must.h"

struct plan {
    struct window_view view;
    uint32_t *numbers; /* Pages to write, sorted. */
    uint32_t count;
    uint32_t old_count; /* Of these, in the file before. */
};

static enum status plan_make(struct checkpoint *c, struct plan *plan);
static enum status run_plan(struct checkpoint *c, const struct plan *plan);
static enum status write_sums(struct checkpoint *c, const struct plan *plan);
static enum status write_journal(struct checkpoint *c, const struct plan *plan);
static enum status sync_or_fail(struct checkpoint *c, struct os_file *file);
static enum status drop_journal(struct checkpoint *c, enum status why);
static enum status lock_out(struct checkpoint *c);
static void let_in(struct checkpoint *c);
static enum status write_pages(struct checkpoint *c, const struct plan *plan);
static enum status write_run(struct checkpoint *c,
                             const struct plan *plan,
                             uint32_t *at,
                             uint8_t *buffer);
static enum status undo_pages(struct checkpoint *c, enum status why);

enum status checkpoint_run(struct checkpoint *c, uint64_t version_max, uint64_t *version)
{
    if (c->has_failed) return ST_CLOSED;
    struct plan plan = {0};
    if (pages_hold(c->pages, version_max, &plan.view) != ST_OK) return ST_BUSY;
    enum status st = plan_make(c, &plan);
    if (st == ST_OK && plan.count > 0) st = run_plan(c, &plan);
    if (st != ST_OK && c->sums != NULL) sums_drop(c->sums);
    if (st == ST_OK) {
        c->file_pages = plan.view.page_count;
        pages_mark_clean(c->pages, &plan.view, plan.numbers, plan.count);
        *version = plan.view.version;
    }
    pages_release(c->pages, &plan.view);
    mem_free(c->files.mem, plan.numbers);
    return st == ST_EXPIRED ? ST_BUSY : st;
}

static enum status plan_make(struct checkpoint *c, struct plan *plan)
{
    TRY(pages_list_dirty(c->pages, &plan->view, &plan->numbers, &plan->count));
    while (plan->old_count < plan->count && plan->numbers[plan->old_count] <= c->file_pages)
        plan->old_count++;
    /* A database grows by its last page: writing that makes the file as long as it must be. */
    bool has_grown = plan->view.page_count > c->file_pages;
    if (has_grown) must(plan->count > 0 && plan->numbers[plan->count - 1] == plan->view.page_count);
    return ST_OK;
}

static enum status run_plan(struct checkpoint *c, const struct plan *plan)
{
    TRY(write_sums(c, plan)); /* Nothing has happened until they are there. */
    enum status st = write_journal(c, plan);
    if (st == ST_OK) st = lock_out(c);
    if (st != ST_OK) return drop_journal(c, st);
    st = write_pages(c, plan);
    if (st == ST_OK) st = sync_or_fail(c, c->files.file);
    if (st != ST_OK) st = undo_pages(c, st);
    let_in(c);
    TRY(st);
    st = undo_clear(&c->files);
    if (st != ST_OK) c->has_failed = true;
    return st;
}

/* Step 0. */
static enum status write_sums(struct checkpoint *c, const struct plan *plan)
{
    struct os_file *file = NULL;
    if (c->sums == NULL) return ST_OK;
    for (uint32_t i = 0; i < plan->count; i++) {
        uint8_t page[PAGE_BYTES];
        TRY(pages_read(c->pages, &plan->view, plan->numbers[i], page));
        TRY(sums_stage(c->sums, plan->numbers[i], sum_of_page(plan->numbers[i], page)));
    }
    TRY(sums_write(c->sums, plan->view.version, plan->view.page_count, &file));
    return sync_or_fail(c, file);
}

/* Steps 1 and 2. */
static enum status write_journal(struct checkpoint *c, const struct plan *plan)
{
    must(plan->view.version > 0);
    struct undo_head head = {.seed = (uint32_t)plan->view.version,
                             .page_count = c->file_pages,
                             .height = plan->view.version - 1};
    TRY(undo_write_records(&c->files, &head, plan->numbers, plan->old_count));
    TRY(sync_or_fail(c, c->files.journal));
    uint8_t bytes[UNDO_HEAD_BYTES];
    undo_head_encode(bytes, &head);
    struct os *os = c->files.os;
    TRY(os->file_write(os, c->files.journal, span_of(bytes, sizeof bytes), 0));
    return sync_or_fail(c, c->files.journal);
}

/* After a failed sync nobody knows what the disk holds. */
static enum status sync_or_fail(struct checkpoint *c, struct os_file *file)
{
    enum status st = c->files.os->file_sync(c->files.os, file);
    if (st != ST_OK) c->has_failed = true;
    return st;
}

/* The file is untouched: forget the journal. It must be durably empty before another one begins. */
static enum status drop_journal(struct checkpoint *c, enum status why)
{
    must(why != ST_OK);
    if (c->has_failed) return why;
    if (undo_clear(&c->files) != ST_OK) c->has_failed = true;
    return why;
}

/* Keep the readers of other processes out while the file is mixed. */
static enum status lock_out(struct checkpoint *c)
{
    struct os *os = c->files.os;
    uint64_t now = os->monotonic_ns(os);
    enum status st = os->file_lock(os, c->files.file, OS_LOCK_EXCLUSIVE, LOCK_PENDING, 1);
    if (st == ST_OK)
        st = os->file_lock(os, c->files.file, OS_LOCK_EXCLUSIVE, LOCK_SHARED, LOCK_SHARED_BYTES);
    if (st == ST_OK) return ST_OK;
    if (st != ST_LOCKED) {
        let_in(c);
        return st;
    }
    if (c->waiting_since_ns == 0) c->waiting_since_ns = now;
    /* PENDING stays locked: no new reader comes while the old ones leave. */
    return now - c->waiting_since_ns < CHECKPOINT_PATIENCE_NS ? ST_BUSY : ST_OK;
}

static void let_in(struct checkpoint *c)
{
    struct os *os = c->files.os;
    c->waiting_since_ns = 0;
    /* Giving a lock back has no way to fail that we could do anything about. */
    (void)os->file_lock(os, c->files.file, OS_UNLOCK, LOCK_SHARED, LOCK_SHARED_BYTES);
    (void)os->file_lock(os, c->files.file, OS_UNLOCK, LOCK_PENDING, 1);
}

/* Step 3 without its sync. */
static enum status write_pages(struct checkpoint *c, const struct plan *plan)
{
    uint8_t *buffer = mem_alloc(c->files.mem, (size_t)UNDO_BATCH * PAGE_BYTES);
    if (buffer == NULL) return ST_NO_MEMORY;
    enum status st = ST_OK;
    for (uint32_t at = 0; st == ST_OK && at < plan->count;)
        st = write_run(c, plan, &at, buffer);
    mem_free(c->files.mem, buffer);
    return st;
}

/* Neighbours from *at on, in one write. */
static enum status write_run(struct checkpoint *c,
                             const struct plan *plan,
                             uint32_t *at,
                             uint8_t *buffer)
{
    uint32_t first = plan->numbers[*at];
    uint32_t length = 0;
    while (length < UNDO_BATCH && *at + length < plan->count &&
           plan->numbers[*at + length] == first + length) {
        uint8_t *to = buffer + (size_t)length * PAGE_BYTES;
        TRY(pages_read(c->pages, &plan->view, first + length, to));
        length++;
    }
    must(length > 0);
    *at += length;
    struct span bytes = span_of(buffer, (size_t)length * PAGE_BYTES);
    return c->files.os->file_write(c->files.os, c->files.file, bytes,
                                   (uint64_t)(first - 1) * PAGE_BYTES);
}

/* The file is mixed: its bytes are no "old images" any more, so it is put right before anything
 * else. */
static enum status undo_pages(struct checkpoint *c, enum status why)
{
    must(why != ST_OK);
    if (c->has_failed) return why; /* The sync failed: the restart repairs. */
    bool did_repair = false;
    enum status st = undo_repair(&c->files, &did_repair);
    if (st != ST_OK || !did_repair) c->has_failed = true;
    return why;
}
