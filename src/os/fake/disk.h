/* disk.h - The model of a disk behind fake_os: what is seen now, and what a power cut leaves.
 *
 * Every file has two contents, the live one and the durable one, in pages of eight sectors; a
 * sector that differs since the last sync is dirty. Every directory has two lists of names; the
 * difference is a list of changes (link, unlink, rename), each pending until its directory is
 * synced. A power cut keeps or loses each dirty sector and each pending change; a rename is kept or
 * lost as one.
 *
 * Not thread-safe: fake_os holds a lock around it. Paths: '/' between names, no ".."; "a", "./a"
 * and "/a" are the same. Its memory is the process heap; running out of it aborts the test. */
#ifndef TRUSTSQL_OS_FAKE_DISK_H
#define TRUSTSQL_OS_FAKE_DISK_H

#include "base/rng.h"
#include "base/span.h"
#include "base/status.h"

#define DISK_SECTOR 512u
#define DISK_PAGE   4096u

struct disk;

enum disk_crash { DISK_LOSE_ALL, DISK_KEEP_ALL, DISK_LOSE_SOME };

struct disk *disk_new(uint64_t capacity);
struct disk *disk_copy(const struct disk *d); /* Without open files. */
void disk_free(struct disk *d);               /* Null allowed. */
void disk_set_capacity(struct disk *d, uint64_t capacity);
uint64_t disk_free_bytes(const struct disk *d);

/* Names. Nodes are numbers; 0 is the root directory. */
NODISCARD enum status disk_find(const struct disk *d, const char *path, uint32_t *node);
NODISCARD enum status disk_make(struct disk *d, const char *path, bool is_dir, uint32_t *node);
NODISCARD enum status disk_remove(struct disk *d, const char *path);
NODISCARD enum status disk_rename(struct disk *d, const char *from, const char *to);
NODISCARD enum status disk_sync_dir(struct disk *d, const char *path);
/* *names: count strings in byte order, one block of the caller's to free with mem_free. */
NODISCARD enum status disk_list(const struct disk *d,
                                const char *path,
                                char ***names,
                                size_t *count);

/* Files. A node in use lives on when its name is removed. */
bool disk_is_dir(const struct disk *d, uint32_t node);
void disk_use(struct disk *d, uint32_t node);
void disk_unuse(struct disk *d, uint32_t node);
uint64_t disk_size(const struct disk *d, uint32_t node);
size_t disk_read(const struct disk *d, uint32_t node, void *to, size_t size, uint64_t offset);
/* ST_NO_SPACE: what fitted was written. */
NODISCARD enum status disk_write(struct disk *d, uint32_t node, struct span bytes, uint64_t offset);
NODISCARD enum status disk_truncate(struct disk *d, uint32_t node, uint64_t size);
NODISCARD enum status disk_allocate(struct disk *d, uint32_t node, uint64_t size);
void disk_sync(struct disk *d, uint32_t node);
/* A sync that fails: each dirty sector becomes durable, or clean without having been written. */
void disk_sync_failed(struct disk *d, uint32_t node, struct rng *rng);

/* After a power cut now the file, or the directory and all that is in it, would be as it is. Names
 * that were removed may come back. */
bool disk_is_durable(const struct disk *d, uint32_t node);

/* Power cut. Nothing is in use any more afterwards. */
void disk_crash(struct disk *d, enum disk_crash mode, struct rng *rng);

#endif
