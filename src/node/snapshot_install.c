/* snapshot_install.c - Each chunk goes two ways: into SQLite, and into the run of the tree. */
#include "node/snapshot_install.h"

#include <stdio.h>

#include "base/must.h"
#include "exec/import.h"
#include "rows/import.h"

struct installing {
    const struct snapshot_install *to;
    struct exec_import *state;
    struct rows_import *rows;
    struct os_file *file;
    struct buf chunk;
    struct arena scratch;
};

static enum status open_all(struct installing *x);
static enum status take_chunks(struct installing *x);
static enum status remove_state(const struct snapshot_install *i);

enum status snapshot_install(const struct snapshot_install *i)
{
    struct installing x = {.to = i};
    buf_init(&x.chunk, i->mem, SNAPSHOT_CHUNK_BYTES_MAX);
    arena_init(&x.scratch, i->mem, 0);
    enum status st = open_all(&x);
    if (st == ST_OK) st = take_chunks(&x);
    if (st == ST_OK) st = exec_import_end(x.state);
    if (st == ST_OK)
        st = rows_import_end(x.rows, i->snapshot->checkpoints, i->snapshot->checkpoint_count);
    exec_import_free(x.state);
    rows_import_free(x.rows);
    i->os->file_close(i->os, x.file);
    arena_fini(&x.scratch);
    buf_fini(&x.chunk);
    return st;
}

static enum status open_all(struct installing *x)
{
    const struct snapshot_install *i = x->to;
    const struct exec_import_config state = {
        .os = i->os, .mem = i->mem, .path = i->state, .snapshot = i->snapshot};
    const struct rows_config rows = {.os = i->os, .mem = i->mem, .dir = i->rows};
    TRY(remove_state(i));
    TRY(i->os->file_open(i->os, &x->file, i->chunks, OS_READ));
    TRY(exec_import_new(&x->state, &state));
    return rows_import_new(&x->rows, &rows);
}

static enum status remove_state(const struct snapshot_install *i)
{
    static const char *const ends[] = {"-journal", ".sums", ""};
    char name[OS_PATH_MAX];
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
        int length = snprintf(name, sizeof name, "%s%s", i->state, ends[k]);
        if (length < 0 || (size_t)length >= sizeof name) return ST_LIMIT;
        enum status st = i->os->remove(i->os, name);
        if (st != ST_OK && st != ST_NOT_FOUND) return st;
    }
    return ST_OK;
}

static enum status put_rows(struct installing *x, struct span chunk)
{
    struct snapshot_rows rows;
    struct snapshot_row row;
    snapshot_rows_begin(&rows, chunk);
    while (snapshot_rows_next(&rows, &row)) {
        struct row_change change;
        TRY(row_change_of(&change, row.entry));
        const struct rows_row out = {.place = change.place, .key = change.key};
        TRY(rows_import_put(x->rows, &out));
    }
    return ST_OK;
}

static enum status take_chunks(struct installing *x)
{
    const struct snapshot_install *i = x->to;
    uint64_t offset = 0;
    for (uint32_t k = 0; k < i->snapshot->part_count; k++) {
        const struct snapshot_part *part = &i->snapshot->parts[k];
        TRY(snapshot_read_chunk(i->os, x->file, offset, part, &x->chunk));
        arena_reset(&x->scratch);
        TRY(snapshot_chunk_check(buf_span(&x->chunk), part, &x->scratch));
        TRY(exec_import_chunk(x->state, buf_span(&x->chunk)));
        TRY(put_rows(x, buf_span(&x->chunk)));
        offset += part->size;
        if (i->progress != NULL) i->progress(i->context, k + 1);
    }
    return ST_OK;
}

enum status snapshot_read_chunk(struct os *os,
                                struct os_file *file,
                                uint64_t offset,
                                const struct snapshot_part *part,
                                struct buf *out)
{
    size_t got = 0;
    buf_reset(out);
    uint8_t *bytes = buf_extend(out, (size_t)part->size);
    if (bytes == NULL) return buf_status(out);
    TRY(os->file_read(os, file, bytes, (size_t)part->size, offset, &got));
    if (got < part->size) return ST_CORRUPT;
    const struct hash hash = snapshot_chunk_hash(buf_span(out));
    return hash_equal(&hash, &part->chunk) ? ST_OK : ST_CORRUPT;
}
