/* files.c - Whole-file helpers over the table of os.h: pure composition, the same on any table. */
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "os/os.h"

#define TEMPORARY_SUFFIX ".tmp"

static enum status read_all(struct os *os, struct os_file *file, uint64_t size, struct buf *out);
static enum status write_new(struct os *os, const char *path, struct span bytes);
static enum status dir_of(char *out, const char *path);

enum status os_read_file(struct os *os, const char *path, size_t size_max, struct buf *out)
{
    struct os_file *file = NULL;
    TRY(os->file_open(os, &file, path, OS_READ));
    uint64_t size = 0;
    enum status st = os->file_size(os, file, &size);
    if (st != ST_OK) goto out;
    st = size > size_max ? ST_LIMIT : read_all(os, file, size, out);
out:
    os->file_close(os, file);
    return st;
}

/* After a crash path holds the old bytes or the new ones; the temporary file may be left, and the
 * next call writes over it. */
enum status os_replace_file(struct os *os, const char *path, struct span bytes)
{
    char temporary[OS_PATH_MAX];
    char dir[OS_PATH_MAX];
    size_t len = strlen(path);
    if (len + sizeof(TEMPORARY_SUFFIX) > sizeof(temporary)) return ST_LIMIT;
    memcpy(temporary, path, len + 1);
    memcpy(temporary + len, TEMPORARY_SUFFIX, sizeof(TEMPORARY_SUFFIX));
    TRY(dir_of(dir, path));

    enum status st = write_new(os, temporary, bytes);
    if (st == ST_OK) st = os->rename(os, temporary, path);
    if (st != ST_OK) {
        /* A full disk should not stay full of our rest. Whether this works does not matter. */
        (void)os->remove(os, temporary);
        return st;
    }
    return os->sync_dir(os, dir);
}

enum status os_path_join(char *out, const char *dir, const char *name)
{
    size_t dir_len = strlen(dir);
    size_t name_len = strlen(name);
    bool has_slash = dir_len > 0 && dir[dir_len - 1] == '/';
    size_t slash_len = dir_len == 0 || has_slash ? 0 : 1;
    if (dir_len >= OS_PATH_MAX || name_len >= OS_PATH_MAX) return ST_LIMIT;
    if (dir_len + slash_len + name_len + 1 > OS_PATH_MAX) return ST_LIMIT;
    memmove(out, dir, dir_len + 1); /* out may be dir: descending in place. */
    if (slash_len == 1) out[dir_len] = '/';
    memcpy(out + dir_len + slash_len, name, name_len + 1);
    must(strlen(out) == dir_len + slash_len + name_len);
    return ST_OK;
}

static enum status read_all(struct os *os, struct os_file *file, uint64_t size, struct buf *out)
{
    if (size == 0) return buf_status(out);
    size_t want = (size_t)size;
    size_t before = out->size;
    uint8_t *to = buf_extend(out, want);
    if (to == NULL) return buf_status(out);
    size_t got = 0;
    enum status st = os->file_read(os, file, to, want, 0, &got);
    /* Cut short between the two calls: someone else is at work on the file. */
    if (st == ST_OK && got != want) st = ST_IO;
    if (st != ST_OK) out->size = before;
    return st;
}

static enum status write_new(struct os *os, const char *path, struct span bytes)
{
    struct os_file *file = NULL;
    TRY(os->file_open(os, &file, path, OS_WRITE | OS_CREATE));
    enum status st = os->file_truncate(os, file, 0);
    if (st != ST_OK) goto out;
    st = os->file_write(os, file, bytes, 0);
    if (st != ST_OK) goto out;
    st = os->file_sync(os, file); /* The rename must never show bytes that a crash can lose. */
out:
    os->file_close(os, file);
    return st;
}

static enum status dir_of(char *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        memcpy(out, ".", 2);
        return ST_OK;
    }
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    if (len + 1 > OS_PATH_MAX) return ST_LIMIT;
    memcpy(out, path, len);
    out[len] = 0;
    return ST_OK;
}
