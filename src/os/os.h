/* os.h - Files, clocks and entropy: the one table through which the program touches the world.
 *
 * os_posix() is the real one; tests put a fake in its place that loses un-synced data, tears
 * writes, fills the disk or fails the Nth call. Nothing above src/os sees errno: failures are
 * ST_IO, ST_NO_SPACE, ST_NOT_FOUND, ST_EXISTS, ST_DENIED, ST_LOCKED, ST_NO_MEMORY, and ST_LIMIT
 * (too many open files, a name too long). Paths are UTF-8, at most OS_PATH_MAX bytes with the
 * terminating 0. Functions are safe from any thread; one file's reads and writes may run on several
 * threads at once. Threads are in os/thread.h, sockets and timers in os/loop.h. */
#ifndef TRUSTSQL_OS_OS_H
#define TRUSTSQL_OS_OS_H

#include <stdbool.h>

#include "base/span.h"
#include "base/status.h"

#define OS_PATH_MAX 4096u
#define OS_NAME_MAX 255u

struct os_file; /* Made by file_open, ended by file_close. */

enum os_open {
    OS_READ = 1u,      /* Read only; must exist. */
    OS_WRITE = 2u,     /* Read and write; must exist unless OS_CREATE. */
    OS_CREATE = 4u,    /* Make it (mode 0600) if absent. */
    OS_EXCLUSIVE = 8u, /* With OS_CREATE: ST_EXISTS if present. */
};

enum os_lock { OS_UNLOCK, OS_LOCK_SHARED, OS_LOCK_EXCLUSIVE };

struct os {
    enum status (*file_open)(struct os *os, struct os_file **out, const char *path, uint32_t flags);
    void (*file_close)(struct os *os, struct os_file *file); /* Null allowed. */
    /* Up to size bytes at offset; *got < size only at the end of the file. */
    enum status (*file_read)(
        struct os *os, struct os_file *file, void *to, size_t size, uint64_t offset, size_t *got);
    /* All of bytes, or an error (then any part may have been written). */
    enum status (*file_write)(struct os *os,
                              struct os_file *file,
                              struct span bytes,
                              uint64_t offset);
    /* fdatasync: data and size. After a failure un-synced bytes may be lost although reads still
     * show them, and a second sync may succeed without writing them: stop, do not try again. */
    enum status (*file_sync)(struct os *os, struct os_file *file);
    enum status (*file_size)(struct os *os, struct os_file *file, uint64_t *size);
    /* False: the file was removed from path or another one is there. */
    enum status (*file_is_at)(struct os *os, struct os_file *file, const char *path, bool *is_at);
    enum status (*file_truncate)(struct os *os, struct os_file *file, uint64_t size);
    /* Reserve blocks so that later writes below size need no new space; grows the file. */
    enum status (*file_allocate)(struct os *os, struct os_file *file, uint64_t size);
    /* POSIX byte-range lock of this process, size > 0; ST_LOCKED when another process holds it. Two
     * objects of one process do not block each other, and closing any object of a file drops all
     * locks of the process on that file: keep one object for locks and open the file nowhere else.
     */
    enum status (*file_lock)(
        struct os *os, struct os_file *file, enum os_lock kind, uint64_t offset, uint64_t size);

    enum status (*rename)(struct os *os, const char *from, const char *to);
    enum status (*remove)(struct os *os, const char *path);   /* A file, or an empty directory. */
    enum status (*make_dir)(struct os *os, const char *path); /* Mode 0700; ST_EXISTS if there. */
    enum status (*sync_dir)(struct os *os, const char *path); /* After create, rename, remove. */
    /* Names in path but . and .., in byte order, each passed to visit; stops at its first failure.
     */
    enum status (*list_dir)(struct os *os,
                            const char *path,
                            enum status (*visit)(void *context, const char *name),
                            void *context);
    enum status (*free_bytes)(struct os *os, const char *path, uint64_t *bytes);

    uint64_t (*wall_ms)(struct os *os);      /* Unix time in milliseconds. */
    uint64_t (*monotonic_ns)(struct os *os); /* For timers and measurements only. */
    void (*entropy)(struct os *os,
                    void *to,
                    size_t size); /* Cryptographic; aborts if there is none. */

    uint64_t (*process_cpu_ns)(struct os *os); /* Used so far by all threads of the process. */
    uint64_t (*process_memory)(struct os *os); /* Resident bytes; 0 when unknown. */
};

/* The operating system. One object for the life of the process. */
struct os *os_posix(void);

/* Whole file into out (appended), ST_LIMIT beyond size_max bytes. */
struct buf;
NODISCARD enum status os_read_file(struct os *os,
                                   const char *path,
                                   size_t size_max,
                                   struct buf *out);

/* Replace path durably: path.tmp, sync, rename, sync of the directory. After a crash path has the
 * old bytes or the new. One caller at a time for one path. */
NODISCARD enum status os_replace_file(struct os *os, const char *path, struct span bytes);

/* "dir/name" into out[OS_PATH_MAX]; ST_LIMIT when it does not fit. */
NODISCARD enum status os_path_join(char *out, const char *dir, const char *name);

#endif
