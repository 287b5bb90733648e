/* vfs.c - sqlite3_vfs and sqlite3_io_methods over the page store: see vfs.h. */
#include "state/vfs.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "state/overlay.h"

#define VFS_NAME_MAX 32

struct vfs {
    sqlite3_vfs base;
    struct mem *mem;
    struct pages *pages;
    bool has_writer;
    struct vfs_limits limits;
    _Atomic uint32_t overlay_left; /* Pages that sessions may still take. */
    char name[VFS_NAME_MAX];
};

enum role { ROLE_WRITER, ROLE_READER, ROLE_SESSION };

struct vfs_file {
    sqlite3_file base;
    struct vfs *vfs;
    enum role role;
    int lock;        /* SQLITE_LOCK_*: locks are free, nobody else sees them. */
    uint64_t wanted; /* Reader: what to pin; writer: what the next commit makes, 0 unnamed. */
    struct window_view view; /* Reader, session: pinned from SHARED on (I1). */
    /* Session: what it changed, from RESERVED on, and how many pages its database has now. */
    struct overlay overlay;
    uint32_t page_count;
};

static enum role role_of(const char *name, int flags);
static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags, int *out);
static int vfs_delete(sqlite3_vfs *v, const char *name, int sync);
static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *out);
static int vfs_full_path(sqlite3_vfs *v, const char *name, int size, char *out);
static int vfs_randomness(sqlite3_vfs *v, int size, char *out);
static int vfs_sleep(sqlite3_vfs *v, int microseconds);
static int vfs_time(sqlite3_vfs *v, double *out);
static int vfs_last_error(sqlite3_vfs *v, int size, char *out);
static int file_close(sqlite3_file *file);
static int file_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset);
static int file_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset);
static int file_truncate(sqlite3_file *file, sqlite3_int64 size);
static int file_sync(sqlite3_file *file, int flags);
static int file_size(sqlite3_file *file, sqlite3_int64 *out);
static int file_lock(sqlite3_file *file, int level);
static int file_unlock(sqlite3_file *file, int level);
static int file_check_reserved(sqlite3_file *file, int *out);
static int file_control(sqlite3_file *file, int operation, void *argument);
static int file_sector_size(sqlite3_file *file);
static int file_characteristics(sqlite3_file *file);
static struct vfs_file *file_of(sqlite3 *connection);
static int code_of(enum status st, int io_code);
static enum status read_page(struct vfs_file *f, uint32_t number, uint8_t *to);
static int prepare(struct vfs_file *f);
static uint32_t count_of(const struct vfs_file *f);
static int write_overlay(struct vfs_file *f, uint32_t number, const void *image);

static const sqlite3_io_methods io_methods = {
    .iVersion = 1, /* No shared memory, no mapping: WAL is impossible. */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

enum status vfs_register(struct vfs **out,
                         struct mem *mem,
                         struct pages *pages,
                         const struct vfs_limits *limits)
{
    must(pages != NULL);
    struct vfs *v = mem_alloc_zero(mem, 1, sizeof *v);
    if (v == NULL) return ST_NO_MEMORY;
    v->mem = mem;
    v->pages = pages;
    v->limits = *limits;
    atomic_init(&v->overlay_left, limits->all_pages);
    /* Unique while it is registered, without a counter that the whole process would share. */
    (void)snprintf(v->name, sizeof v->name, "trustsql-%p", (void *)v);
    v->base = (sqlite3_vfs){.iVersion = 1,
                            .szOsFile = sizeof(struct vfs_file),
                            .mxPathname = OS_PATH_MAX,
                            .zName = v->name,
                            .pAppData = v,
                            .xOpen = vfs_open,
                            .xDelete = vfs_delete,
                            .xAccess = vfs_access,
                            .xFullPathname = vfs_full_path,
                            .xRandomness = vfs_randomness,
                            .xSleep = vfs_sleep,
                            .xCurrentTime = vfs_time,
                            .xGetLastError = vfs_last_error};
    if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
        mem_free(mem, v);
        return ST_NO_MEMORY;
    }
    *out = v;
    return ST_OK;
}

void vfs_unregister(struct vfs *v)
{
    if (v == NULL) return;
    must(!v->has_writer);
    must(atomic_load(&v->overlay_left) == v->limits.all_pages); /* I9 */
    int rc = sqlite3_vfs_unregister(&v->base);
    must(rc == SQLITE_OK);
    mem_free(v->mem, v);
}

const char *vfs_name(const struct vfs *v)
{
    return v->name;
}

void vfs_set_version(sqlite3 *writer, uint64_t version)
{
    struct vfs_file *f = file_of(writer);
    must(f->role == ROLE_WRITER);
    f->wanted = version;
}

void vfs_set_view(sqlite3 *reader, uint64_t version)
{
    struct vfs_file *f = file_of(reader);
    must(f->role != ROLE_WRITER);
    f->wanted = version;
}

uint64_t vfs_view(sqlite3 *reader)
{
    const struct vfs_file *f = file_of(reader);
    must(f->role != ROLE_WRITER);
    return f->lock == SQLITE_LOCK_NONE ? WINDOW_NEWEST : f->view.version;
}

static enum role role_of(const char *name, int flags)
{
    if ((flags & SQLITE_OPEN_READWRITE) == 0) return ROLE_READER;
    return strcmp(name, VFS_SESSION_NAME) == 0 ? ROLE_SESSION : ROLE_WRITER;
}

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct vfs *vfs = v->pAppData;
    file->pMethods = NULL;
    /* A journal or temporary file here means that a connection was not set up as it must be. */
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
    const enum role role = role_of(name, flags);
    if (role == ROLE_WRITER && vfs->has_writer) return SQLITE_CANTOPEN;
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    *f = (struct vfs_file){.base.pMethods = &io_methods,
                           .vfs = vfs,
                           .role = role,
                           .wanted = role == ROLE_WRITER ? 0 : WINDOW_NEWEST};
    overlay_init(&f->overlay, vfs->mem, &vfs->overlay_left, vfs->limits.session_pages);
    if (role == ROLE_WRITER) vfs->has_writer = true;
    if (out != NULL) *out = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    (void)name;
    (void)sync;
    return SQLITE_IOERR_DELETE;
}

/* Always "no": the checkpoint's journal beside the file is not the connection's hot journal. */
static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    (void)v;
    (void)name;
    (void)flags;
    *out = 0;
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *v, const char *name, int size, char *out)
{
    (void)v;
    must(size > 0);
    int length = snprintf(out, (size_t)size, "%s", name);
    return length >= 0 && length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* Nothing that reaches state may be random or know the time: constants. */
static int vfs_randomness(sqlite3_vfs *v, int size, char *out)
{
    (void)v;
    must(size >= 0);
    memset(out, 0, (size_t)size);
    return size;
}

static int vfs_sleep(sqlite3_vfs *v, int microseconds)
{
    (void)v;
    return microseconds;
}

static int vfs_time(sqlite3_vfs *v, double *out)
{
    (void)v;
    *out = 2440587.5; /* The Unix epoch as a Julian day. */
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *v, int size, char *out)
{
    (void)v;
    if (size > 0) out[0] = 0;
    return 0;
}

static int file_close(sqlite3_file *file)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    (void)file_unlock(file, SQLITE_LOCK_NONE);
    if (f->role == ROLE_WRITER) f->vfs->has_writer = false;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    must(size > 0);
    must(offset >= 0);
    /* Opening reads the head before any lock: such a call pins for itself. */
    bool pins = f->role != ROLE_WRITER && f->lock == SQLITE_LOCK_NONE;
    if (pins && pages_pin(f->vfs->pages, f->wanted, &f->view) != ST_OK) return SQLITE_BUSY_SNAPSHOT;
    uint32_t at = (uint32_t)(offset % PAGE_BYTES);
    int64_t number = offset / PAGE_BYTES + 1;
    const uint32_t count = count_of(f);
    int rc = SQLITE_IOERR_READ;
    if (number > count) {
        memset(to, 0, (size_t)size);
        rc = SQLITE_IOERR_SHORT_READ;
    } else if (at == 0 && size == (int)PAGE_BYTES) {
        rc = code_of(read_page(f, (uint32_t)number, to), SQLITE_IOERR_READ);
    } else if ((uint32_t)size <= PAGE_BYTES - at) {
        uint8_t page[PAGE_BYTES];
        rc = code_of(read_page(f, (uint32_t)number, page), SQLITE_IOERR_READ);
        if (rc == SQLITE_OK) memcpy(to, page + at, (size_t)size);
    }
    if (pins) pages_unpin(f->vfs->pages, &f->view);
    return rc;
}

static int file_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    bool is_page = size == (int)PAGE_BYTES && offset >= 0 && offset % PAGE_BYTES == 0 &&
                   offset / PAGE_BYTES < UINT32_MAX;
    if (f->role == ROLE_READER || !is_page) return SQLITE_IOERR_WRITE;
    uint32_t number = (uint32_t)(offset / PAGE_BYTES) + 1;
    if (f->role == ROLE_SESSION) return write_overlay(f, number, from);
    return code_of(pages_stage(f->vfs->pages, number, from), SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    bool is_cut = f->role != ROLE_READER && size >= 0 && size % PAGE_BYTES == 0 &&
                  size / PAGE_BYTES <= count_of(f);
    if (!is_cut) return SQLITE_IOERR_TRUNCATE;
    const uint32_t count = (uint32_t)(size / PAGE_BYTES);
    if (f->role == ROLE_WRITER) {
        pages_stage_truncate(f->vfs->pages, count);
    } else {
        overlay_truncate(&f->overlay, count);
        f->page_count = count;
    }
    return SQLITE_OK;
}

/* With synchronous=OFF SQLite does not come here: SQLITE_FCNTL_SYNC is the place of the commit. */
static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    uint32_t count = count_of(f);
    if (f->role != ROLE_WRITER && f->lock == SQLITE_LOCK_NONE) {
        struct window_view view;
        if (pages_pin(f->vfs->pages, f->wanted, &view) != ST_OK) return SQLITE_BUSY_SNAPSHOT;
        pages_unpin(f->vfs->pages, &view);
        count = view.page_count;
    }
    *out = (sqlite3_int64)count * PAGE_BYTES;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    if (f->lock >= level) return SQLITE_OK;
    if (f->role == ROLE_READER && level > SQLITE_LOCK_SHARED) return SQLITE_IOERR_LOCK;
    if (f->role != ROLE_WRITER && f->lock == SQLITE_LOCK_NONE) {
        if (pages_pin(f->vfs->pages, f->wanted, &f->view) != ST_OK) return SQLITE_BUSY_SNAPSHOT;
        f->page_count = f->view.page_count;
    }
    f->lock = level;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    if (f->lock <= level) return SQLITE_OK;
    if (f->role == ROLE_SESSION && f->lock >= SQLITE_LOCK_RESERVED) {
        overlay_clear(&f->overlay); /* I6: whatever it was, it was a rollback. */
        f->page_count = f->view.page_count;
    }
    if (f->role != ROLE_WRITER) {
        must(level == SQLITE_LOCK_NONE || f->role == ROLE_SESSION);
        if (level == SQLITE_LOCK_NONE) pages_unpin(f->vfs->pages, &f->view);
    } else if (f->lock >= SQLITE_LOCK_RESERVED) {
        pages_discard(f->vfs->pages); /* What a commit published is not staged any more. */
        f->wanted = 0;
    }
    f->lock = level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    struct vfs_file *f = (struct vfs_file *)(void *)file;
    (void)argument;
    if (operation == SQLITE_FCNTL_SYNC) return prepare(f);
    if (operation == SQLITE_FCNTL_COMMIT_PHASETWO) {
        if (f->role == ROLE_WRITER && pages_is_prepared(f->vfs->pages))
            pages_publish(f->vfs->pages);
        return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return (int)PAGE_BYTES; /* A larger one would make the pager journal neighbours. */
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static struct vfs_file *file_of(sqlite3 *connection)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    must(rc == SQLITE_OK);
    must(file != NULL);
    must(file->pMethods == &io_methods);
    return (struct vfs_file *)(void *)file;
}

static int code_of(enum status st, int io_code)
{
    if (st == ST_OK) return SQLITE_OK;
    if (st == ST_NO_MEMORY) return SQLITE_IOERR_NOMEM;
    if (st == ST_EXPIRED) return SQLITE_BUSY_SNAPSHOT;
    if (st == ST_CORRUPT) return SQLITE_IOERR_DATA; /* As a checksum of SQLite's own would say. */
    return io_code;
}

static enum status read_page(struct vfs_file *f, uint32_t number, uint8_t *to)
{
    if (f->role == ROLE_WRITER) return pages_read_staged(f->vfs->pages, number, to);
    const uint8_t *changed = overlay_find(&f->overlay, number);
    if (changed != NULL) {
        memcpy(to, changed, PAGE_BYTES);
        return ST_OK;
    }
    if (number > f->view.page_count) { /* It was given up by a page count that grew again. */
        memset(to, 0, PAGE_BYTES);
        return ST_OK;
    }
    return pages_read(f->vfs->pages, &f->view, number, to);
}

static uint32_t count_of(const struct vfs_file *f)
{
    if (f->role == ROLE_WRITER) return pages_staged_count(f->vfs->pages);
    return f->lock >= SQLITE_LOCK_RESERVED ? f->page_count : f->view.page_count;
}

static int write_overlay(struct vfs_file *f, uint32_t number, const void *image)
{
    if (f->lock < SQLITE_LOCK_RESERVED) return SQLITE_IOERR_WRITE;
    enum status st = overlay_put(&f->overlay, number, image);
    if (st == ST_LIMIT) return SQLITE_FULL;
    if (st == ST_OK && number > f->page_count) f->page_count = number;
    return code_of(st, SQLITE_IOERR_WRITE);
}

/* The last moment at which a commit may fail: publishing cannot (I2). */
static int prepare(struct vfs_file *f)
{
    if (f->role != ROLE_WRITER) return SQLITE_IOERR_FSYNC;
    if (!pages_has_staged(f->vfs->pages)) return SQLITE_OK;
    return code_of(pages_prepare(f->vfs->pages, f->wanted), SQLITE_IOERR_FSYNC);
}
