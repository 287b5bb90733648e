/* joining_files.c - The directory joining/, and the exchange of the state.
 *
 * The file done is written when state and rows in it are whole. From then on the exchange can be
 * repeated: what is renamed is in its place, what is not yet is still here. */
#include "node/joining_int.h"

#include <stdio.h>

#include "base/must.h"
#include "rows/rows.h"

#define SMALL_MAX ((size_t)64 << 20)

static const char *const state_files[] = {"main.db-journal", "main.db.sums", "main.db"};

static enum status make_path(char *out, const char *dir, const char *sub, const char *name)
{
    int length = snprintf(out, OS_PATH_MAX, "%s/%s/%s", dir, sub, name);
    return length < 0 || (size_t)length >= OS_PATH_MAX ? ST_LIMIT : ST_OK;
}

static enum status exists(struct os *os, const char *dir, const char *name, bool *is_there)
{
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    TRY(make_path(path, dir, JOINING_DIR, name));
    enum status st = os->file_open(os, &file, path, OS_READ);
    os->file_close(os, file);
    *is_there = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status make_dir(struct os *os, const char *dir, const char *name)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, name));
    enum status st = os->make_dir(os, path);
    return st == ST_EXISTS ? ST_OK : st;
}

enum status joining_path(const struct joining *j, char *out, const char *name)
{
    return make_path(out, j->config->dir, JOINING_DIR, name);
}

enum status joining_write(const struct joining *j, const char *name, struct span bytes)
{
    char path[OS_PATH_MAX];
    TRY(joining_path(j, path, name));
    return os_replace_file(j->config->os, path, bytes);
}

enum status joining_read(const struct joining *j, const char *name, struct buf *out)
{
    char path[OS_PATH_MAX];
    TRY(joining_path(j, path, name));
    return os_read_file(j->config->os, path, SMALL_MAX, out);
}

enum status joining_finish(const struct joining *j)
{
    return joining_write(j, "done", span_text("done\n"));
}

enum status joining_ask(struct os *os, const char *dir)
{
    char path[OS_PATH_MAX];
    TRY(make_dir(os, dir, JOINING_DIR));
    TRY(make_path(path, dir, JOINING_DIR, "wanted"));
    return os_replace_file(os, path, span_text("wanted\n"));
}

bool joining_is_due(struct os *os, const char *dir)
{
    bool is_there = false;
    return exists(os, dir, "wanted", &is_there) == ST_OK && is_there;
}

/* --- the end ---------------------------------------------------------------------------------- */

struct sweep {
    struct os *os;
    const char *path;
};

static enum status remove_name(void *context, const char *name)
{
    const struct sweep *s = context;
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, s->path, name));
    enum status st = s->os->remove(s->os, path);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* A directory with files alone. */
static enum status remove_flat(struct os *os, const char *dir, const char *name)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, name));
    struct sweep s = {.os = os, .path = path};
    enum status st = os->list_dir(os, path, remove_name, &s);
    if (st == ST_OK) st = os->remove(os, path);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* What asks for a start to join goes last. */
enum status joining_forget(struct os *os, const char *dir)
{
    static const char *const last[] = {"done", "wanted"};
    char path[OS_PATH_MAX];
    TRY(remove_flat(os, dir, JOINING_DIR "/state"));
    TRY(remove_flat(os, dir, JOINING_DIR "/rows"));
    for (size_t i = 0; i < 2; i++) {
        TRY(make_path(path, dir, JOINING_DIR, last[i]));
        enum status st = os->remove(os, path);
        if (st != ST_OK && st != ST_NOT_FOUND) return st;
    }
    return remove_flat(os, dir, JOINING_DIR);
}

static enum status move(struct os *os, const char *dir, const char *sub, const char *name)
{
    char inside[64];
    char from[OS_PATH_MAX];
    char to[OS_PATH_MAX];
    (void)snprintf(inside, sizeof inside, JOINING_DIR "/%s", sub);
    TRY(make_path(from, dir, inside, name));
    TRY(make_path(to, dir, sub, name));
    enum status st = os->rename(os, from, to);
    return st == ST_NOT_FOUND ? ST_OK : st; /* Before the crash. */
}

static enum status sync_one(struct os *os, const char *dir, const char *name)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, name));
    return os->sync_dir(os, path);
}

/* The journal of the old state is of no use without it: it goes first. */
static enum status exchange_state(struct os *os, const char *dir)
{
    char path[OS_PATH_MAX];
    bool is_there = false;
    TRY(make_dir(os, dir, "state"));
    TRY(exists(os, dir, "state/main.db", &is_there));
    if (is_there) {
        TRY(make_path(path, dir, "state", state_files[0]));
        enum status st = os->remove(os, path);
        if (st != ST_OK && st != ST_NOT_FOUND) return st;
    }
    for (size_t i = 0; i < sizeof state_files / sizeof state_files[0]; i++)
        TRY(move(os, dir, "state", state_files[i]));
    return sync_one(os, dir, "state");
}

static enum status exchange_rows(struct os *os, const char *dir)
{
    char path[OS_PATH_MAX];
    bool is_there = false;
    TRY(make_dir(os, dir, ROWS_DIR));
    TRY(exists(os, dir, "rows/manifest", &is_there));
    if (is_there) {
        TRY(os_path_join(path, dir, ROWS_DIR));
        bool has_run = false;
        TRY(exists(os, dir, "rows/run-1", &has_run));
        if (has_run) TRY(rows_remove(os, path));
        TRY(move(os, dir, ROWS_DIR, "run-1"));
        TRY(sync_one(os, dir, ROWS_DIR));
        TRY(move(os, dir, ROWS_DIR, "manifest"));
    }
    return sync_one(os, dir, ROWS_DIR);
}

enum status joining_settle(struct os *os, const char *dir, bool *is_done)
{
    TRY(exists(os, dir, "done", is_done));
    if (!*is_done) return ST_OK;
    TRY(exchange_state(os, dir));
    TRY(exchange_rows(os, dir));
    return joining_forget(os, dir);
}
