/* env.h - What every file of this folder needs: the world, the directory, the chain, the checksum.
 *
 * Internal to src/store. Immutable after env_init, but for frames, which has a lock; shared by all
 * threads. */
#ifndef TRUSTSQL_STORE_ENV_H
#define TRUSTSQL_STORE_ENV_H

#include "store/crc32c.h"
#include "store/store.h"

#define ENV_COLD_MAX ((int)STORE_COLD_MAX)

struct frames;

struct env {
    struct os *os;
    struct mem *mem;
    struct hash chain_id;
    bool is_read_only;
    struct crc32c crc;
    struct frames *frames; /* Of compressed segments (pack.h). */
    char dir[OS_PATH_MAX];
    char cold[ENV_COLD_MAX + 1]; /* Directory of cold segments; "": below those of hot ones. */
};

/* ST_LIMIT: a directory's name is too long. */
NODISCARD enum status env_init(struct env *env, const struct store_config *config);
void env_fini(struct env *env); /* Accepts a zeroed one. */

/* The path of name, into out[OS_PATH_MAX]. */
NODISCARD enum status env_path(const struct env *env, const char *name, char *out);

/* Open the file name (relative to the directory, unless it begins with a slash). */
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
