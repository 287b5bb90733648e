/* fake_os.c - The table of fake_os.h: faults, locks, clocks and file objects over the model disk.
 */
#include "os/fake/fake_os.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "base/rng.h"
#include "os/fake/disk.h"
#include "os/thread.h"

#define CAPACITY           ((uint64_t)1 << 40)
#define WALL_MS_START      UINT64_C(1767225600000)
#define MONOTONIC_NS_START UINT64_C(1000000000)
#define LOCKS_MAX          256u
#define PROCESSES          2u

struct os_file {
    struct os_file *next; /* Of all open ones. */
    uint32_t node;
    bool can_write;
    bool is_stale;        /* Made before the last crash. */
    bool is_sync_ignored; /* See fake_os_ignore_sync. */
};

struct range_lock {
    uint32_t process;
    uint32_t node;
    enum os_lock kind;
    uint64_t first;
    uint64_t last; /* Inclusive. */
};

struct process {
    struct os table; /* First: a table is its process. */
    struct fake_os *fake;
    uint32_t number;
};

struct fake_os {
    struct process processes[PROCESSES];
    struct mutex *mutex;
    struct disk *disk;
    struct os_file *files;
    struct range_lock locks[LOCKS_MAX];
    size_t lock_count;
    struct rng rng;         /* What crashes and failures do. */
    struct rng entropy_rng; /* Apart, so that faults do not change keys. */
    uint64_t calls[FAKE_OS_KINDS];
    uint32_t fault_kinds; /* 0: no fault is set. */
    uint64_t fault_in;    /* Calls until it strikes. */
    enum status fault_status;
    bool fault_is_lasting;
    bool fault_cuts_power;
    bool has_failed;
    bool is_cut;
    const char *ignored_suffix; /* Null: no sync is ignored. */
    uint64_t wall_ms;
    uint64_t monotonic_ns;
};

static struct fake_os *enter(struct os *os);
static void leave(struct fake_os *f);
static enum status strike(struct fake_os *f, enum fake_os_call kind);
static enum status begin(struct fake_os *f, const struct os_file *file, enum fake_os_call kind);
static void set_fault(struct fake_os *f, uint32_t kinds, uint64_t nth, enum status st);
static struct os table_make(void);
static struct fake_os *fake_make(struct disk *disk, uint64_t seed);

/* --- for tests ----------------------------------------------------------------------------- */

struct fake_os *fake_os_new(uint64_t seed)
{
    return fake_make(disk_new(CAPACITY), seed);
}

struct fake_os *fake_os_copy(const struct fake_os *f, uint64_t seed)
{
    struct fake_os *copy = fake_make(disk_copy(f->disk), seed);
    copy->wall_ms = f->wall_ms;
    copy->monotonic_ns = f->monotonic_ns;
    return copy;
}

void fake_os_free(struct fake_os *f)
{
    if (f == NULL) return;
    must(f->files == NULL); /* The code under test leaks a file object. */
    disk_free(f->disk);
    mutex_free(f->mutex);
    mem_free(mem_system(), f);
}

struct os *fake_os_table(struct fake_os *f)
{
    return &f->processes[0].table;
}

struct os *fake_os_other_process(struct fake_os *f)
{
    return &f->processes[1].table;
}

void fake_os_crash(struct fake_os *f, enum fake_os_crash how)
{
    mutex_lock(f->mutex);
    for (struct os_file *file = f->files; file != NULL; file = file->next)
        file->is_stale = true;
    enum disk_crash mode = how == FAKE_OS_LOSE_ALL   ? DISK_LOSE_ALL
                           : how == FAKE_OS_KEEP_ALL ? DISK_KEEP_ALL
                                                     : DISK_LOSE_SOME;
    disk_crash(f->disk, mode, &f->rng);
    f->lock_count = 0;
    f->is_cut = false;
    f->fault_kinds = 0;
    mutex_unlock(f->mutex);
}

void fake_os_drop_files(struct fake_os *f)
{
    mutex_lock(f->mutex);
    while (f->files != NULL) {
        struct os_file *file = f->files;
        f->files = file->next;
        if (!file->is_stale) disk_unuse(f->disk, file->node);
        mem_free(mem_system(), file);
    }
    f->lock_count = 0;
    mutex_unlock(f->mutex);
}

void fake_os_fail(struct fake_os *f, uint32_t kinds, uint64_t nth, enum status st)
{
    set_fault(f, kinds, nth, st);
}

void fake_os_fail_from(struct fake_os *f, uint32_t kinds, uint64_t nth, enum status st)
{
    set_fault(f, kinds, nth, st);
    f->fault_is_lasting = true;
}

void fake_os_cut_power(struct fake_os *f, uint64_t nth)
{
    set_fault(f, FAKE_OS_CHANGES, nth, ST_IO);
    f->fault_cuts_power = true;
}

void fake_os_ignore_sync(struct fake_os *f, const char *suffix)
{
    f->ignored_suffix = suffix;
}

void fake_os_heal(struct fake_os *f)
{
    must(!f->is_cut); /* Only fake_os_crash brings the power back. */
    f->fault_kinds = 0;
}

bool fake_os_is_durable(struct fake_os *f, const char *path)
{
    uint32_t node = 0;
    mutex_lock(f->mutex);
    bool is_durable = disk_find(f->disk, path, &node) == ST_OK && disk_is_durable(f->disk, node);
    mutex_unlock(f->mutex);
    return is_durable;
}

bool fake_os_has_failed(const struct fake_os *f)
{
    return f->has_failed;
}

uint64_t fake_os_calls(const struct fake_os *f, uint32_t kinds)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < FAKE_OS_KINDS; i++)
        sum += kinds & (1u << i) ? f->calls[i] : 0;
    return sum;
}

void fake_os_set_capacity(struct fake_os *f, uint64_t bytes)
{
    disk_set_capacity(f->disk, bytes);
}

void fake_os_set_wall_ms(struct fake_os *f, uint64_t wall_ms)
{
    f->wall_ms = wall_ms;
}

void fake_os_advance_ms(struct fake_os *f, uint64_t ms)
{
    f->wall_ms += ms;
    f->monotonic_ns += ms * 1000000u;
}

/* --- faults -------------------------------------------------------------------------------- */

static struct fake_os *enter(struct os *os)
{
    struct fake_os *f = ((struct process *)os)->fake;
    mutex_lock(f->mutex);
    return f;
}

static void leave(struct fake_os *f)
{
    mutex_unlock(f->mutex);
}

static void set_fault(struct fake_os *f, uint32_t kinds, uint64_t nth, enum status st)
{
    must(kinds != 0 && (kinds & ~FAKE_OS_ALL) == 0);
    must(nth > 0 && st != ST_OK);
    f->fault_kinds = kinds;
    f->fault_in = nth;
    f->fault_status = st;
    f->fault_is_lasting = false;
    f->fault_cuts_power = false;
    f->has_failed = false;
}

/* Count a call; the status with which it has to fail. */
static enum status strike(struct fake_os *f, enum fake_os_call kind)
{
    uint32_t index = 0;
    while (((uint32_t)kind >> index) != 1)
        index++;
    must(index < FAKE_OS_KINDS);
    f->calls[index]++;
    if (f->is_cut) return ST_IO;
    if ((f->fault_kinds & (uint32_t)kind) == 0) return ST_OK;
    if (--f->fault_in > 0) return ST_OK;
    f->has_failed = true;
    if (f->fault_cuts_power) f->is_cut = true;
    if (f->fault_is_lasting) {
        f->fault_in = 1;
    } else {
        f->fault_kinds = 0;
    }
    return f->fault_status;
}

static enum status begin(struct fake_os *f, const struct os_file *file, enum fake_os_call kind)
{
    enum status st = strike(f, kind);
    return file->is_stale ? ST_IO : st;
}

/* --- locks --------------------------------------------------------------------------------- */

static void lock_add(struct fake_os *f, struct range_lock lock)
{
    must(f->lock_count < LOCKS_MAX);
    f->locks[f->lock_count++] = lock;
}

/* What the process holds of the range, or of the whole file, goes; the rest of a lock cut in two
 * stays. */
static void lock_drop(struct fake_os *f, const struct range_lock *range)
{
    size_t count = f->lock_count;
    struct range_lock held[LOCKS_MAX];
    memcpy(held, f->locks, count * sizeof(*held));
    f->lock_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct range_lock lock = held[i];
        bool is_hit = lock.process == range->process && lock.node == range->node &&
                      lock.first <= range->last && range->first <= lock.last;
        if (!is_hit) {
            lock_add(f, lock);
            continue;
        }
        struct range_lock left = lock;
        struct range_lock right = lock;
        if (lock.first < range->first) {
            left.last = range->first - 1;
            lock_add(f, left);
        }
        if (lock.last > range->last) {
            right.first = range->last + 1;
            lock_add(f, right);
        }
    }
}

static bool lock_is_refused(const struct fake_os *f, const struct range_lock *range)
{
    for (size_t i = 0; i < f->lock_count; i++) {
        const struct range_lock *lock = &f->locks[i];
        bool is_other = lock->process != range->process && lock->node == range->node &&
                        lock->first <= range->last && range->first <= lock->last;
        if (is_other && (lock->kind == OS_LOCK_EXCLUSIVE || range->kind == OS_LOCK_EXCLUSIVE))
            return true;
    }
    return false;
}

/* --- files --------------------------------------------------------------------------------- */

static enum status open_node(struct fake_os *f, const char *path, uint32_t flags, uint32_t *node)
{
    uint32_t found = 0;
    enum status st = disk_find(f->disk, path, &found);
    bool is_new = st == ST_NOT_FOUND && (flags & OS_CREATE);
    TRY(strike(f, is_new ? FAKE_OS_CREATE : FAKE_OS_OPEN));
    if (is_new) return disk_make(f->disk, path, false, node);
    TRY(st);
    if (flags & OS_EXCLUSIVE) return ST_EXISTS;
    if (disk_is_dir(f->disk, found)) return ST_IO;
    *node = found;
    return ST_OK;
}

static bool ends_with(const char *path, const char *suffix)
{
    if (suffix == NULL || strlen(path) < strlen(suffix)) return false;
    return strcmp(path + strlen(path) - strlen(suffix), suffix) == 0;
}

static enum status file_open(struct os *os, struct os_file **out, const char *path, uint32_t flags)
{
    must(flags & (OS_READ | OS_WRITE));
    must(!(flags & OS_CREATE) || (flags & OS_WRITE));
    must(!(flags & OS_EXCLUSIVE) || (flags & OS_CREATE));
    struct fake_os *f = enter(os);
    uint32_t node = 0;
    enum status st = open_node(f, path, flags, &node);
    if (st == ST_OK) {
        struct os_file *file = mem_alloc_zero(mem_system(), 1, sizeof(*file));
        must(file != NULL);
        file->node = node;
        file->can_write = (flags & OS_WRITE) != 0;
        file->is_sync_ignored = ends_with(path, f->ignored_suffix);
        file->next = f->files;
        f->files = file;
        disk_use(f->disk, node);
        *out = file;
    }
    leave(f);
    return st;
}

static void file_close(struct os *os, struct os_file *file)
{
    if (file == NULL) return;
    struct fake_os *f = enter(os);
    struct os_file **at = &f->files;
    while (*at != NULL && *at != file)
        at = &(*at)->next;
    must(*at == file); /* Closed twice, or never opened. */
    *at = file->next;
    if (!file->is_stale) {
        struct range_lock all = {.process = ((struct process *)os)->number,
                                 .node = file->node,
                                 .first = 0,
                                 .last = UINT64_MAX};
        lock_drop(f, &all);
        disk_unuse(f->disk, file->node);
    }
    mem_free(mem_system(), file);
    leave(f);
}

/* The sixth parameter is the table. */
// NOLINTNEXTLINE(readability-function-size)
static enum status file_read(
    struct os *os, struct os_file *file, void *to, size_t size, uint64_t offset, size_t *got)
{
    struct fake_os *f = enter(os);
    enum status st = begin(f, file, FAKE_OS_READ);
    if (st == ST_OK) {
        *got = disk_read(f->disk, file->node, to, size, offset);
    } else if (!file->is_stale && !f->is_cut) {
        size_t part = (size_t)rng_below(&f->rng, (uint64_t)size + 1);
        (void)disk_read(f->disk, file->node, to, part, offset);
    }
    leave(f);
    return st;
}

static enum status file_write(struct os *os,
                              struct os_file *file,
                              struct span bytes,
                              uint64_t offset)
{
    must(file->can_write);
    struct fake_os *f = enter(os);
    bool was_cut = f->is_cut;
    enum status st = begin(f, file, FAKE_OS_WRITE);
    if (st == ST_OK) {
        st = disk_write(f->disk, file->node, bytes, offset);
    } else if (!file->is_stale && !was_cut) {
        size_t part = (size_t)rng_below(&f->rng, (uint64_t)bytes.size + 1);
        enum status torn = disk_write(f->disk, file->node, span_of(bytes.data, part), offset);
        must(torn == ST_OK || torn == ST_NO_SPACE);
    }
    leave(f);
    return st;
}

static enum status file_sync(struct os *os, struct os_file *file)
{
    struct fake_os *f = enter(os);
    bool was_cut = f->is_cut;
    enum status st = begin(f, file, FAKE_OS_SYNC);
    if (st == ST_OK) {
        if (!file->is_sync_ignored) disk_sync(f->disk, file->node);
    } else if (!file->is_stale && !was_cut) {
        disk_sync_failed(f->disk, file->node, &f->rng);
    }
    leave(f);
    return st;
}

static enum status file_size(struct os *os, struct os_file *file, uint64_t *size)
{
    struct fake_os *f = enter(os);
    enum status st = begin(f, file, FAKE_OS_SIZE);
    if (st == ST_OK) *size = disk_size(f->disk, file->node);
    leave(f);
    return st;
}

static enum status file_is_at(struct os *os, struct os_file *file, const char *path, bool *is_at)
{
    struct fake_os *f = enter(os);
    uint32_t node = 0;
    enum status st = begin(f, file, FAKE_OS_SIZE);
    if (st == ST_OK) *is_at = disk_find(f->disk, path, &node) == ST_OK && node == file->node;
    leave(f);
    return st;
}

static enum status file_truncate(struct os *os, struct os_file *file, uint64_t size)
{
    must(file->can_write);
    struct fake_os *f = enter(os);
    enum status st = begin(f, file, FAKE_OS_TRUNCATE);
    if (st == ST_OK) st = disk_truncate(f->disk, file->node, size);
    leave(f);
    return st;
}

static enum status file_allocate(struct os *os, struct os_file *file, uint64_t size)
{
    must(file->can_write);
    struct fake_os *f = enter(os);
    enum status st = begin(f, file, FAKE_OS_ALLOCATE);
    if (st == ST_OK) st = disk_allocate(f->disk, file->node, size);
    leave(f);
    return st;
}

static enum status file_lock(
    struct os *os, struct os_file *file, enum os_lock kind, uint64_t offset, uint64_t size)
{
    must(size > 0 && size - 1 <= UINT64_MAX - offset);
    must(kind != OS_LOCK_EXCLUSIVE || file->can_write);
    struct range_lock range = {.process = ((struct process *)os)->number,
                               .node = file->node,
                               .kind = kind,
                               .first = offset,
                               .last = offset + (size - 1)};
    struct fake_os *f = enter(os);
    enum status st = begin(f, file, FAKE_OS_LOCK);
    if (st == ST_OK && kind != OS_UNLOCK && lock_is_refused(f, &range)) st = ST_LOCKED;
    if (st == ST_OK) {
        lock_drop(f, &range);
        if (kind != OS_UNLOCK) lock_add(f, range);
    }
    leave(f);
    return st;
}

/* --- paths --------------------------------------------------------------------------------- */

static enum status path_rename(struct os *os, const char *from, const char *to)
{
    struct fake_os *f = enter(os);
    enum status st = strike(f, FAKE_OS_RENAME);
    if (st == ST_OK) st = disk_rename(f->disk, from, to);
    leave(f);
    return st;
}

static enum status path_remove(struct os *os, const char *path)
{
    struct fake_os *f = enter(os);
    enum status st = strike(f, FAKE_OS_REMOVE);
    if (st == ST_OK) st = disk_remove(f->disk, path);
    leave(f);
    return st;
}

static enum status make_dir(struct os *os, const char *path)
{
    struct fake_os *f = enter(os);
    uint32_t node = 0;
    enum status st = strike(f, FAKE_OS_MAKE_DIR);
    if (st == ST_OK) st = disk_make(f->disk, path, true, &node);
    leave(f);
    return st;
}

static enum status sync_dir(struct os *os, const char *path)
{
    struct fake_os *f = enter(os);
    enum status st = strike(f, FAKE_OS_SYNC_DIR);
    if (st == ST_OK) st = disk_sync_dir(f->disk, path);
    leave(f);
    return st;
}

static enum status list_dir(struct os *os,
                            const char *path,
                            enum status (*visit)(void *context, const char *name),
                            void *context)
{
    struct fake_os *f = enter(os);
    char **names = NULL;
    size_t count = 0;
    enum status st = strike(f, FAKE_OS_LIST_DIR);
    if (st == ST_OK) st = disk_list(f->disk, path, &names, &count);
    leave(f); /* Before the visits: they may use the table. */
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = visit(context, names[i]);
    mem_free(mem_system(), names);
    return st;
}

static enum status free_bytes(struct os *os, const char *path, uint64_t *bytes)
{
    struct fake_os *f = enter(os);
    uint32_t node = 0;
    enum status st = strike(f, FAKE_OS_FREE_BYTES);
    if (st == ST_OK) st = disk_find(f->disk, path, &node);
    if (st == ST_OK) *bytes = disk_free_bytes(f->disk);
    leave(f);
    return st;
}

/* --- clocks, entropy, process -------------------------------------------------------------- */

static uint64_t wall_ms(struct os *os)
{
    struct fake_os *f = enter(os);
    uint64_t now = f->wall_ms;
    leave(f);
    return now;
}

static uint64_t monotonic_ns(struct os *os)
{
    struct fake_os *f = enter(os);
    uint64_t now = f->monotonic_ns;
    leave(f);
    return now;
}

static void entropy(struct os *os, void *to, size_t size)
{
    struct fake_os *f = enter(os);
    uint8_t *at = to;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)rng_u64(&f->entropy_rng);
    leave(f);
}

static uint64_t nothing_used(struct os *os)
{
    (void)os;
    return 0;
}

static struct os table_make(void)
{
    return (struct os){
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
        .process_cpu_ns = nothing_used,
        .process_memory = nothing_used,
    };
}

static struct fake_os *fake_make(struct disk *disk, uint64_t seed)
{
    struct fake_os *f = mem_alloc_zero(mem_system(), 1, sizeof(*f));
    must(f != NULL);
    must(mutex_new(&f->mutex, mem_system()) == ST_OK);
    f->disk = disk;
    f->rng.state = seed;
    f->entropy_rng.state = ~seed;
    f->wall_ms = WALL_MS_START;
    f->monotonic_ns = MONOTONIC_NS_START;
    for (uint32_t i = 0; i < PROCESSES; i++)
        f->processes[i] = (struct process){.table = table_make(), .fake = f, .number = i};
    return f;
}
