/* env.h - What every file of this folder needs: the world, the directory, the chain, the checksum.
 *
 * Internal to src/store. Immutable after env_init; shared by all threads. */
#ifndef TRUSTSQL_STORE_ENV_H
#define TRUSTSQL_STORE_ENV_H

#include "store/crc32c.h"
#include "store/store.h"

struct env {
    struct os *os;
    struct mem *mem;
    struct hash chain_id;
    bool is_read_only;
    struct crc32c crc;
    char dir[OS_PATH_MAX];
};

/* ST_LIMIT: the directory's name is too long. */
NODISCARD enum status env_init(struct env *env, const struct store_config *config);

/* Open the file name (relative to the directory). */
NODISCARD enum status env_open(const struct env *env,
                               struct os_file **out,
                               const char *name,
                               uint32_t flags);
/* Remove it; its absence is no failure. */
NODISCARD enum status env_remove(const struct env *env, const char *name);
NODISCARD enum status env_rename(const struct env *env, const char *from, const char *to);
/* Make the directory's entry name ("": the directory itself) durable. */
NODISCARD enum status env_sync_dir(const struct env *env, const char *name);
/* Make the directory's own name durable in its parent. */
NODISCARD enum status env_sync_parent(const struct env *env);
/* Make the directory name; its presence is no failure. */
NODISCARD enum status env_make_dir(const struct env *env, const char *name);

/* Exactly size bytes at offset; ST_TRUNCATED when the file ends before. */
NODISCARD enum status env_read(
    const struct env *env, struct os_file *file, void *to, size_t size, uint64_t offset);

/* Fill *d (null allowed). */
void damage_set(
    struct damage *d, const char *file, uint64_t offset, uint64_t height, const char *what);
/* The same, and return ST_CORRUPT. */
NODISCARD enum status damaged(
    struct damage *d, const char *file, uint64_t offset, uint64_t height, const char *what);

#endif
