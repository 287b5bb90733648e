/* import.c - One run, then the manifest that names it: a crash before that leaves an empty tree. */
#include "rows/import.h"

#include "base/must.h"
#include "rows/rows_int.h"

#define IMPORT_RUN 1u

struct rows_import {
    struct run_env env;
    char dir[OS_PATH_MAX];
    struct run_writer writer;
    bool is_writing;
    bool has_rows;
    struct row_position last;
    uint64_t row_count;
};

static enum status begin(struct rows_import *i)
{
    struct os *os = i->env.os;
    enum status st = os->make_dir(os, i->dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    TRY(rows_remove(os, i->dir));
    TRY(row_run_writer_begin(&i->writer, &i->env, IMPORT_RUN));
    i->is_writing = true;
    return ST_OK;
}

enum status rows_import_new(struct rows_import **out, const struct rows_config *config)
{
    must(config->dir != NULL);
    struct rows_import *i = mem_alloc_zero(config->mem, 1, sizeof *i);
    if (i == NULL) return ST_NO_MEMORY;
    i->env = (struct run_env){.os = config->os, .mem = config->mem, .dir = i->dir};
    crc32c_init(&i->env.crc);
    enum status st = os_path_join(i->dir, "", config->dir);
    if (st == ST_OK) st = begin(i);
    if (st != ST_OK) {
        rows_import_free(i);
        return st;
    }
    *out = i;
    return ST_OK;
}

void rows_import_free(struct rows_import *i)
{
    if (i == NULL) return;
    if (i->is_writing) row_run_writer_abort(&i->writer);
    mem_free(i->env.mem, i);
}

enum status rows_import_put(struct rows_import *i, const struct rows_row *row)
{
    const struct row_record record = {
        .place = row->place,
        .key = row_position_has_key(&row->place.position) ? span_of(NULL, 0) : row->key};
    must(i->is_writing);
    if (i->has_rows && row_position_compare(&i->last, &row->place.position) >= 0) return ST_INVALID;
    i->last = row->place.position;
    i->has_rows = true;
    i->row_count++;
    return row_run_writer_put(&i->writer, &record);
}

static enum status write_manifest(const struct rows_import *i, const struct saved *saved)
{
    char path[OS_PATH_MAX];
    struct buf bytes;
    TRY(os_path_join(path, i->dir, "manifest"));
    buf_init(&bytes, i->env.mem, 0);
    manifest_encode(&bytes, saved);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) st = os_replace_file(i->env.os, path, buf_span(&bytes));
    buf_fini(&bytes);
    return st;
}

enum status rows_import_end(struct rows_import *i,
                            const struct checkpoint *checkpoints,
                            uint32_t count)
{
    struct run *run = NULL;
    must(count > 0 && count <= RECENT_MAX);
    if (checkpoints[count - 1].row_count != i->row_count) return ST_INVALID;
    i->is_writing = false;
    TRY(row_run_writer_end(&i->writer, &run));
    uint64_t id = IMPORT_RUN;
    uint64_t size = row_run_size(run);
    row_run_unref(run);
    struct saved saved = {.checkpoint = checkpoints[count - 1],
                          .is_checkpoint = true,
                          .next_id = IMPORT_RUN + 1,
                          .run_ids = &id,
                          .run_sizes = &size,
                          .run_count = 1};
    for (uint32_t k = 0; k < count; k++)
        recent_add(&saved.recent, &checkpoints[k]);
    TRY(i->env.os->sync_dir(i->env.os, i->dir));
    return write_manifest(i, &saved);
}
