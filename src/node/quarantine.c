#include "node/quarantine.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/must.h"
#include "rows/rows.h"

#define FILE_SIZE_MAX 128u

static enum status write_file(struct os *os, const char *dir, const struct quarantine *q);
static enum status remove_in(struct os *os, const char *dir, const char *folder);

/* "name 123\n" at the front of text. */
static bool take_line(struct span *text, const char *name, uint64_t *out)
{
    struct span word = span_text(name);
    size_t at = word.size;
    if (text->size < at + 2 || memcmp(text->data, word.data, at) != 0 || text->data[at] != ' ')
        return false;
    *out = 0;
    size_t first = ++at;
    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        if (*out > UINT64_MAX / 10 - 1) return false;
        *out = *out * 10 + (uint64_t)(text->data[at] - '0');
    }
    if (at == first || at == text->size || text->data[at] != '\n') return false;
    *text = span_of(text->data + at + 1, text->size - at - 1);
    return true;
}

enum status quarantine_read(struct quarantine *out, struct os *os, const char *dir)
{
    char path[OS_PATH_MAX];
    struct buf bytes;
    uint64_t height = 0;
    uint64_t rebuilds = 0;
    uint64_t due = 0;
    TRY(os_path_join(path, dir, QUARANTINE_FILE));
    buf_init(&bytes, mem_system(), 0);
    enum status st = os_read_file(os, path, FILE_SIZE_MAX, &bytes);
    struct span text = buf_span(&bytes);
    bool is_formed = st == ST_OK && take_line(&text, "height", &height) &&
                     take_line(&text, "rebuilds", &rebuilds) && take_line(&text, "is_due", &due) &&
                     text.size == 0 && rebuilds <= QUARANTINE_REBUILDS_MAX && due <= 1 &&
                     (due == 0 || rebuilds < QUARANTINE_REBUILDS_MAX);
    buf_fini(&bytes);
    if (st != ST_OK) return st == ST_LIMIT ? ST_CORRUPT : st;
    if (!is_formed) return ST_CORRUPT;
    *out =
        (struct quarantine){.height = height, .rebuilds = (uint32_t)rebuilds, .is_due = due == 1};
    return ST_OK;
}

enum status quarantine_note(struct os *os, const char *dir, uint64_t height, bool *is_due)
{
    struct quarantine q = {.height = 0};
    enum status st = quarantine_read(&q, os, dir);
    if (st == ST_CORRUPT) q.rebuilds = QUARANTINE_REBUILDS_MAX; /* Not trusted with more. */
    if (st != ST_OK && st != ST_CORRUPT && st != ST_NOT_FOUND) return st;
    if (height > q.height) q.height = height;
    q.is_due = q.rebuilds < QUARANTINE_REBUILDS_MAX;
    *is_due = q.is_due;
    return write_file(os, dir, &q);
}

enum status quarantine_settle(struct os *os, const char *dir, bool *was_due)
{
    struct quarantine q;
    *was_due = false;
    enum status st = quarantine_read(&q, os, dir);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    if (!q.is_due) return ST_OK;
    must(q.rebuilds < QUARANTINE_REBUILDS_MAX);
    TRY(quarantine_clear(os, dir));
    q.rebuilds++;
    q.is_due = false;
    *was_due = true;
    return write_file(os, dir, &q);
}

/* The state first: results without it are made again, it without results is damage. */
enum status quarantine_clear(struct os *os, const char *dir)
{
    TRY(remove_in(os, dir, "state"));
    TRY(remove_in(os, dir, ROWS_DIR));
    TRY(remove_in(os, dir, "results/cold"));
    return remove_in(os, dir, "results");
}

static enum status write_file(struct os *os, const char *dir, const struct quarantine *q)
{
    char path[OS_PATH_MAX];
    char text[FILE_SIZE_MAX];
    TRY(os_path_join(path, dir, QUARANTINE_FILE));
    (void)snprintf(text, sizeof text, "height %llu\nrebuilds %u\nis_due %u\n",
                   (unsigned long long)q->height, q->rebuilds, q->is_due ? 1u : 0u);
    return os_replace_file(os, path, span_text(text));
}

struct removal {
    struct os *os;
    char dir[OS_PATH_MAX];
};

static enum status remove_one(void *context, const char *name)
{
    struct removal *r = context;
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, r->dir, name));
    return r->os->remove(r->os, path);
}

/* A crash in between leaves some: the next start goes on. */
static enum status remove_in(struct os *os, const char *dir, const char *folder)
{
    struct removal r = {.os = os};
    TRY(os_path_join(r.dir, dir, folder));
    enum status st = os->list_dir(os, r.dir, remove_one, &r);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    return os->sync_dir(os, r.dir);
}
