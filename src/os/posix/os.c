/* os.c - The table of os.h over POSIX: pread, pwrite, fdatasync, posix_fallocate, fcntl.
 *
 * A file is a descriptor and nothing else: no buffering and no position, so every call is one place
 * of the file named by its arguments and threads need no lock. Calls interrupted by a signal are
 * repeated, partial reads and writes are continued.
 *
 * Locks are those of fcntl: they belong to the process, not to the file object. Two objects of one
 * process never block each other, and closing any object of a file drops all locks the process
 * holds on that file. So whoever locks keeps one object for it and opens the file nowhere else. */
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"

#define FILE_MODE      0600
#define DIR_MODE       0700
#define DESCRIPTOR_MIN 3    /* 0, 1, 2 are for messages: never a file of data. */
#define ENTROPY_STEP   256u /* What one getentropy gives at most. */
#define OFFSET_MAX     ((uint64_t)INT64_MAX)
#define LIST_MAX       (1u << 20)         /* Names in one directory. */
#define LIST_BYTES_MAX ((size_t)64 << 20) /* All their texts. */

_Static_assert(sizeof(off_t) == 8, "files may be larger than 2 GiB");

struct os_file {
    int descriptor;
};

static enum status file_open(struct os *os, struct os_file **out, const char *path, uint32_t flags);
static void file_close(struct os *os, struct os_file *file);
static enum status file_read(
    struct os *os, struct os_file *file, void *to, size_t size, uint64_t offset, size_t *got);
static enum status file_write(struct os *os,
                              struct os_file *file,
                              struct span bytes,
                              uint64_t offset);
static enum status file_sync(struct os *os, struct os_file *file);
static enum status file_size(struct os *os, struct os_file *file, uint64_t *size);
static enum status file_is_at(struct os *os, struct os_file *file, const char *path, bool *is_at);
static enum status file_truncate(struct os *os, struct os_file *file, uint64_t size);
static enum status file_allocate(struct os *os, struct os_file *file, uint64_t size);
static enum status file_lock(
    struct os *os, struct os_file *file, enum os_lock kind, uint64_t offset, uint64_t size);
static enum status path_rename(struct os *os, const char *from, const char *to);
static enum status path_remove(struct os *os, const char *path);
static enum status make_dir(struct os *os, const char *path);
static enum status sync_dir(struct os *os, const char *path);
static enum status list_dir(struct os *os,
                            const char *path,
                            enum status (*visit)(void *context, const char *name),
                            void *context);
static enum status free_bytes(struct os *os, const char *path, uint64_t *bytes);
static uint64_t wall_ms(struct os *os);
static uint64_t monotonic_ns(struct os *os);
static void entropy(struct os *os, void *to, size_t size);
static uint64_t process_cpu_ns(struct os *os);
static uint64_t process_memory(struct os *os);

static enum status status_of(int error);
static int open_retry(const char *path, int flags);
static int above_standard(int descriptor);
static short lock_type(enum os_lock kind);
static enum status names_read(DIR *dir, struct buf *text, size_t *count);
static int name_compare(const void *a, const void *b);
static enum status names_visit(const struct buf *text,
                               size_t count,
                               enum status (*visit)(void *context, const char *name),
                               void *context);
static uint64_t clock_ns(clockid_t clock);

struct os *os_posix(void)
{
    static struct os table = {
        .file_open = file_open,
        .file_close = file_close,
        .file_read = file_read,
        .file_write = file_write,
        .file_sync = file_sync,
        .file_size = file_size,
        .file_is_at = file_is_at,
        .file_truncate = file_truncate,
        .file_allocate = file_allocate,
        .file_lock = file_lock,
        .rename = path_rename,
        .remove = path_remove,
        .make_dir = make_dir,
        .sync_dir = sync_dir,
        .list_dir = list_dir,
        .free_bytes = free_bytes,
        .wall_ms = wall_ms,
        .monotonic_ns = monotonic_ns,
        .entropy = entropy,
        .process_cpu_ns = process_cpu_ns,
        .process_memory = process_memory,
    };
    return &table;
}

/* --- files --------------------------------------------------------------------------------- */

static enum status file_open(struct os *os, struct os_file **out, const char *path, uint32_t flags)
{
    (void)os;
    must((flags & ~(uint32_t)(OS_READ | OS_WRITE | OS_CREATE | OS_EXCLUSIVE)) == 0);
    must(flags & (OS_READ | OS_WRITE));
    must(!(flags & OS_CREATE) || (flags & OS_WRITE));
    must(!(flags & OS_EXCLUSIVE) || (flags & OS_CREATE));
    int how = O_CLOEXEC | ((flags & OS_WRITE) ? O_RDWR : O_RDONLY);
    if (flags & OS_CREATE) how |= O_CREAT;
    if (flags & OS_EXCLUSIVE) how |= O_EXCL;

    struct os_file *file = mem_alloc(mem_system(), sizeof(*file));
    if (file == NULL) return ST_NO_MEMORY;
    file->descriptor = open_retry(path, how);
    if (file->descriptor < 0) {
        enum status st = status_of(errno);
        mem_free(mem_system(), file);
        return st;
    }
    must(file->descriptor >= DESCRIPTOR_MIN);
    *out = file;
    return ST_OK;
}

static void file_close(struct os *os, struct os_file *file)
{
    (void)os;
    if (file == NULL) return;
    must(file->descriptor >= DESCRIPTOR_MIN);
    /* Not repeated when interrupted: Linux has closed it by then. What close reports was reported
     * by the sync of whoever needs the bytes. */
    (void)close(file->descriptor);
    mem_free(mem_system(), file);
}

/* The sixth parameter is the table. */
// NOLINTNEXTLINE(readability-function-size)
static enum status file_read(
    struct os *os, struct os_file *file, void *to, size_t size, uint64_t offset, size_t *got)
{
    (void)os;
    if (offset > OFFSET_MAX || size > OFFSET_MAX - offset) return ST_LIMIT;
    uint8_t *at = to;
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(file->descriptor, at + done, size - done, (off_t)(offset + done));
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return status_of(errno);
        done += (size_t)n;
    }
    must(done <= size);
    *got = done;
    return ST_OK;
}

static enum status file_write(struct os *os,
                              struct os_file *file,
                              struct span bytes,
                              uint64_t offset)
{
    (void)os;
    if (offset > OFFSET_MAX || bytes.size > OFFSET_MAX - offset) return ST_LIMIT;
    size_t done = 0;
    while (done < bytes.size) {
        ssize_t n =
            pwrite(file->descriptor, bytes.data + done, bytes.size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return status_of(errno);
        if (n == 0) return ST_IO;
        done += (size_t)n;
    }
    must(done == bytes.size);
    return ST_OK;
}

static enum status file_sync(struct os *os, struct os_file *file)
{
    (void)os;
    int result;
    do {
        result = fdatasync(file->descriptor);
    } while (result < 0 && errno == EINTR);
    return result == 0 ? ST_OK : status_of(errno);
}

static enum status file_size(struct os *os, struct os_file *file, uint64_t *size)
{
    (void)os;
    struct stat about;
    if (fstat(file->descriptor, &about) < 0) return status_of(errno);
    must(about.st_size >= 0);
    *size = (uint64_t)about.st_size;
    return ST_OK;
}

static enum status file_is_at(struct os *os, struct os_file *file, const char *path, bool *is_at)
{
    (void)os;
    struct stat about;
    struct stat there;
    if (fstat(file->descriptor, &about) < 0) return status_of(errno);
    *is_at = false;
    if (stat(path, &there) < 0) return errno == ENOENT ? ST_OK : status_of(errno);
    *is_at = about.st_dev == there.st_dev && about.st_ino == there.st_ino;
    return ST_OK;
}

static enum status file_truncate(struct os *os, struct os_file *file, uint64_t size)
{
    (void)os;
    if (size > OFFSET_MAX) return ST_LIMIT;
    int result;
    do {
        result = ftruncate(file->descriptor, (off_t)size);
    } while (result < 0 && errno == EINTR);
    return result == 0 ? ST_OK : status_of(errno);
}

static enum status file_allocate(struct os *os, struct os_file *file, uint64_t size)
{
    (void)os;
    if (size > OFFSET_MAX) return ST_LIMIT;
    if (size == 0) return ST_OK;
    int error;
    do {
        error = posix_fallocate(file->descriptor, 0, (off_t)size);
    } while (error == EINTR);
    return error == 0 ? ST_OK : status_of(error);
}

static enum status file_lock(
    struct os *os, struct os_file *file, enum os_lock kind, uint64_t offset, uint64_t size)
{
    (void)os;
    must(size > 0); /* For fcntl 0 would mean "to the end". */
    must(offset <= OFFSET_MAX && size <= OFFSET_MAX - offset);
    struct flock range = {
        .l_type = lock_type(kind),
        .l_whence = SEEK_SET,
        .l_start = (off_t)offset,
        .l_len = (off_t)size,
    };
    int result;
    do {
        result = fcntl(file->descriptor, F_SETLK, &range);
    } while (result < 0 && errno == EINTR);
    if (result == 0) return ST_OK;
    return errno == EACCES || errno == EAGAIN ? ST_LOCKED : status_of(errno);
}

/* --- paths --------------------------------------------------------------------------------- */

static enum status path_rename(struct os *os, const char *from, const char *to)
{
    (void)os;
    return rename(from, to) == 0 ? ST_OK : status_of(errno);
}

static enum status path_remove(struct os *os, const char *path)
{
    (void)os;
    return remove(path) == 0 ? ST_OK : status_of(errno);
}

static enum status make_dir(struct os *os, const char *path)
{
    (void)os;
    return mkdir(path, DIR_MODE) == 0 ? ST_OK : status_of(errno);
}

static enum status sync_dir(struct os *os, const char *path)
{
    (void)os;
    int descriptor = open_retry(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return status_of(errno);
    int result;
    do {
        result = fsync(descriptor);
    } while (result < 0 && errno == EINTR);
    enum status st = result == 0 ? ST_OK : status_of(errno);
    (void)close(descriptor);
    return st;
}

static enum status list_dir(struct os *os,
                            const char *path,
                            enum status (*visit)(void *context, const char *name),
                            void *context)
{
    (void)os;
    struct buf text;
    buf_init(&text, mem_system(), LIST_BYTES_MAX);
    size_t count = 0;
    enum status st = ST_OK;
    DIR *dir = opendir(path);
    if (dir == NULL) return status_of(errno);
    st = names_read(dir, &text, &count);
    (void)closedir(dir); /* Before the visits: they may remove what they see. */
    if (st == ST_OK) st = names_visit(&text, count, visit, context);
    buf_fini(&text);
    return st;
}

static enum status free_bytes(struct os *os, const char *path, uint64_t *bytes)
{
    (void)os;
    struct statvfs about;
    int result;
    do {
        result = statvfs(path, &about);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return status_of(errno);
    *bytes = (uint64_t)about.f_bavail * (uint64_t)about.f_frsize;
    return ST_OK;
}

/* --- clocks, entropy, this process --------------------------------------------------------- */

static uint64_t wall_ms(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_REALTIME) / 1000000u;
}

static uint64_t monotonic_ns(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_MONOTONIC);
}

static void entropy(struct os *os, void *to, size_t size)
{
    (void)os;
    uint8_t *at = to;
    while (size > 0) {
        size_t step = size < ENTROPY_STEP ? size : ENTROPY_STEP;
        must(getentropy(at, step) == 0); /* Keys without entropy are worse than a stop. */
        at += step;
        size -= step;
    }
}

static uint64_t process_cpu_ns(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* The second number of /proc/self/statm: resident pages. */
static uint64_t process_memory(struct os *os)
{
    (void)os;
    int descriptor = open_retry("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return 0;
    char text[128];
    ssize_t n = read(descriptor, text, sizeof(text) - 1);
    (void)close(descriptor);
    if (n <= 0) return 0;
    text[n] = 0;
    char *rest = NULL;
    (void)strtoull(text, &rest, 10);
    uint64_t pages = strtoull(rest, NULL, 10);
    long page_size = sysconf(_SC_PAGESIZE);
    must(page_size > 0);
    return pages * (uint64_t)page_size;
}

/* --- helpers ------------------------------------------------------------------------------- */

static enum status status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return ST_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return ST_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS: return ST_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ST_NO_SPACE;
    case ENOMEM: return ST_NO_MEMORY;
    case EMFILE:
    case ENFILE:
    case ENAMETOOLONG:
    case ENOLCK: return ST_LIMIT;
    default: return ST_IO;
    }
}

static int open_retry(const char *path, int flags)
{
    int descriptor;
    do {
        descriptor = open(path, flags, FILE_MODE);
    } while (descriptor < 0 && errno == EINTR);
    return above_standard(descriptor);
}

/* A process started with standard error closed must not write its messages into a file of data. */
static int above_standard(int descriptor)
{
    if (descriptor < 0 || descriptor >= DESCRIPTOR_MIN) return descriptor;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
    int error = errno;
    (void)close(descriptor);
    errno = error;
    return moved;
}

static short lock_type(enum os_lock kind)
{
    switch (kind) {
    case OS_UNLOCK: return F_UNLCK;
    case OS_LOCK_SHARED: return F_RDLCK;
    case OS_LOCK_EXCLUSIVE: return F_WRLCK;
    }
    must(false);
}

/* Every name with its terminating 0, one after another. */
static enum status names_read(DIR *dir, struct buf *text, size_t *count)
{
    size_t names = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0) return status_of(errno);
        if (entry == NULL) break;
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (++names > LIST_MAX) return ST_LIMIT;
        buf_put(text, span_of(name, strlen(name) + 1));
    }
    *count = names;
    return buf_status(text);
}

static int name_compare(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right); /* Total: a directory has no name twice. */
}

static enum status names_visit(const struct buf *text,
                               size_t count,
                               enum status (*visit)(void *context, const char *name),
                               void *context)
{
    if (count == 0) return ST_OK;
    const char **names = mem_alloc_zero(mem_system(), count, sizeof(*names));
    if (names == NULL) return ST_NO_MEMORY;
    const char *at = (const char *)text->data;
    for (size_t i = 0; i < count; i++) {
        names[i] = at;
        at += strlen(at) + 1;
    }
    must(at == (const char *)text->data + text->size);
    qsort(names, count, sizeof(*names), name_compare);
    enum status st = ST_OK;
    for (size_t i = 0; i < count && st == ST_OK; i++)
        st = visit(context, names[i]);
    mem_free(mem_system(), names);
    return st;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    must(clock_gettime(clock, &now) == 0);
    must(now.tv_sec >= 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
