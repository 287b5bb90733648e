/* core_tidy.c - What the core asks of the disk beside what the engine wants: settling after a pause
 * and room for held blocks.
 *
 *   when                                        | job
 *   --------------------------------------------+--------------------------------------------------
 *   CORE_SETTLE_MS after the newest append      | settle: an idle node has nothing unsettled
 *   forks fill half of the room for held blocks | release all but what flies and what is promised
 *
 * Jobs are done in order: what is held or promised by an earlier job is known here already, what a
 * later one holds is written after the release. */
#include "node/core_int.h"

static enum status submit_settle(struct core *c)
{
    struct storage_job *job = core_new_job(c, 0, span_of(NULL, 0));
    if (job == NULL) return ST_NO_MEMORY;
    job->needs_settle = true;
    return core_submit(c, job);
}

/* What loses its view can come back: then it is held anew. */
static void list_kept(struct core *c, struct buf *out)
{
    for (uint32_t i = 0; i < c->promised_count; i++)
        buf_put(out, hash_span(&c->promised[i]));
    for (uint32_t i = 0; i < c->block_count; i++) {
        struct core_block *b = c->blocks[i];
        if (b->state == BLOCK_FLYING)
            buf_put(out, hash_span(&b->flow->hash));
        else if (b->state == BLOCK_DROPPED)
            b->is_held = false;
    }
}

static enum status submit_release(struct core *c)
{
    struct buf kept;
    struct storage_job *job = NULL;
    buf_init(&kept, c->mem, JOURNAL_RECORD_MAX);
    list_kept(c, &kept);
    if (buf_status(&kept) == ST_OK) job = storage_job_new(c->mem, 0, buf_span(&kept));
    buf_fini(&kept);
    if (job == NULL) return ST_NO_MEMORY;
    job->needs_release = true;
    return core_submit(c, job);
}

void core_tidy_promised(struct core *c, const struct consensus_record *record)
{
    must(record->chain_count <= CONSENSUS_WINDOW);
    c->promised[0] = record->final_hash;
    for (uint32_t i = 0; i < record->chain_count; i++)
        c->promised[i + 1] = record->chain[i];
    c->promised_count = record->chain_count + 1;
}

void core_tidy_submitted(struct core *c, const struct storage_job *job)
{
    if (job->needs_settle) c->is_settled = true;
    if (job->append == NULL || job->needs_settle) return;
    c->is_settled = false;
    c->appended_ms = c->mono_ms;
}

void core_tidy(struct core *c)
{
    if (c->has_failed || c->is_stopping || c->jobs_out >= CORE_JOBS_MAX) return;
    enum status st = ST_OK;
    if (!c->is_settled && c->mono_ms - c->appended_ms >= CORE_SETTLE_MS) st = submit_settle(c);
    bool is_due = c->is_crowded && c->mono_ms - c->released_ms >= CORE_RELEASE_MS;
    if (is_due && st == ST_OK) {
        c->is_crowded = false;
        c->released_ms = c->mono_ms;
        st = submit_release(c);
    }
    if (st != ST_OK) core_fail(c, st, "the disk could not be tidied");
}
