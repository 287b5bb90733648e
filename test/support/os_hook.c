/* os_hook.c - Passing calls on, or not: see os_hook.h. */
#include "support/os_hook.h"

static struct os_hook *hook_of(struct os *os)
{
    return (struct os_hook *)(void *)os;
}

static bool may_pass(struct os *os, enum fake_os_call kind)
{
    const struct os_hook *h = hook_of(os);
    return h->before == NULL || h->before(h->context, kind);
}

static enum status hook_open(struct os *os, struct os_file **out, const char *path, uint32_t flags)
{
    struct os *inner = hook_of(os)->inner;
    return inner->file_open(inner, out, path, flags);
}

static void hook_close(struct os *os, struct os_file *file)
{
    struct os *inner = hook_of(os)->inner;
    inner->file_close(inner, file);
}

/* NOLINTNEXTLINE(readability-function-size): the shape of the table. */
static enum status hook_read(
    struct os *os, struct os_file *file, void *to, size_t size, uint64_t offset, size_t *got)
{
    struct os *inner = hook_of(os)->inner;
    enum status st = inner->file_read(inner, file, to, size, offset, got);
    if (hook_of(os)->after_read != NULL) hook_of(os)->after_read(hook_of(os)->context);
    return st;
}

static enum status hook_write(struct os *os,
                              struct os_file *file,
                              struct span bytes,
                              uint64_t offset)
{
    struct os *inner = hook_of(os)->inner;
    if (!may_pass(os, FAKE_OS_WRITE)) return ST_OK;
    return inner->file_write(inner, file, bytes, offset);
}

static enum status hook_sync(struct os *os, struct os_file *file)
{
    struct os *inner = hook_of(os)->inner;
    return may_pass(os, FAKE_OS_SYNC) ? inner->file_sync(inner, file) : ST_OK;
}

static enum status hook_size(struct os *os, struct os_file *file, uint64_t *size)
{
    struct os *inner = hook_of(os)->inner;
    return inner->file_size(inner, file, size);
}

static enum status hook_is_at(struct os *os, struct os_file *file, const char *path, bool *is_at)
{
    struct os *inner = hook_of(os)->inner;
    return inner->file_is_at(inner, file, path, is_at);
}

static enum status hook_truncate(struct os *os, struct os_file *file, uint64_t size)
{
    struct os *inner = hook_of(os)->inner;
    return may_pass(os, FAKE_OS_TRUNCATE) ? inner->file_truncate(inner, file, size) : ST_OK;
}

static enum status hook_lock(
    struct os *os, struct os_file *file, enum os_lock kind, uint64_t offset, uint64_t size)
{
    struct os *inner = hook_of(os)->inner;
    return inner->file_lock(inner, file, kind, offset, size);
}

static enum status hook_sync_dir(struct os *os, const char *path)
{
    struct os *inner = hook_of(os)->inner;
    return inner->sync_dir(inner, path);
}

static uint64_t hook_clock(struct os *os)
{
    struct os *inner = hook_of(os)->inner;
    return inner->monotonic_ns(inner);
}

void os_hook_init(struct os_hook *h, struct os *inner)
{
    *h = (struct os_hook){.os = {.file_open = hook_open,
                                 .file_close = hook_close,
                                 .file_read = hook_read,
                                 .file_write = hook_write,
                                 .file_sync = hook_sync,
                                 .file_size = hook_size,
                                 .file_is_at = hook_is_at,
                                 .file_truncate = hook_truncate,
                                 .file_lock = hook_lock,
                                 .sync_dir = hook_sync_dir,
                                 .monotonic_ns = hook_clock},
                          .inner = inner};
}
