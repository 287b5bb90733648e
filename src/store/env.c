/* env.c - Paths below the node's directory and the one way to name damage. */
#include "store/env.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "store/pack.h"

enum status env_init(struct env *env, const struct store_config *config)
{
    must(config->os != NULL);
    must(config->mem != NULL);
    if (strlen(config->dir) + OS_NAME_MAX + 2 > OS_PATH_MAX) return ST_LIMIT;
    env->os = config->os;
    env->mem = config->mem;
    env->chain_id = config->chain_id;
    env->is_read_only = config->is_read_only;
    crc32c_init(&env->crc);
    (void)snprintf(env->dir, sizeof env->dir, "%s", config->dir);
    const char *cold = config->cold_dir == NULL ? "" : config->cold_dir;
    if (strlen(cold) > ENV_COLD_MAX) return ST_LIMIT;
    (void)snprintf(env->cold, sizeof env->cold, "%s", cold);
    return frames_new(&env->frames, env->mem);
}

void env_fini(struct env *env)
{
    frames_free(env->frames);
    env->frames = NULL;
}

enum status env_path(const struct env *env, const char *name, char *out)
{
    if (name[0] != '/') return os_path_join(out, env->dir, name);
    must(strlen(name) < OS_PATH_MAX);
    memcpy(out, name, strlen(name) + 1);
    return ST_OK;
}

enum status env_open(const struct env *env, struct os_file **out, const char *name, uint32_t flags)
{
    char path[OS_PATH_MAX];
    must(!env->is_read_only || flags == OS_READ); /* S9. */
    TRY(env_path(env, name, path));
    return env->os->file_open(env->os, out, path, flags);
}

enum status env_remove(const struct env *env, const char *name)
{
    char path[OS_PATH_MAX];
    must(!env->is_read_only); /* S9. */
    TRY(env_path(env, name, path));
    enum status st = env->os->remove(env->os, path);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status env_rename(const struct env *env, const char *from, const char *to)
{
    char from_path[OS_PATH_MAX];
    char to_path[OS_PATH_MAX];
    must(!env->is_read_only); /* S9. */
    TRY(env_path(env, from, from_path));
    TRY(env_path(env, to, to_path));
    return env->os->rename(env->os, from_path, to_path);
}

enum status env_sync_dir(const struct env *env, const char *name)
{
    char path[OS_PATH_MAX];
    must(!env->is_read_only); /* S9. */
    if (name[0] == '\0') return env->os->sync_dir(env->os, env->dir);
    TRY(env_path(env, name, path));
    return env->os->sync_dir(env->os, path);
}

enum status env_sync_parent(const struct env *env)
{
    char path[OS_PATH_MAX];
    must(!env->is_read_only); /* S9. */
    size_t size = strlen(env->dir);
    memcpy(path, env->dir, size + 1);
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 1 && path[size - 1] == '/')
        size--;
    path[size] = '\0';
    must(size < OS_PATH_MAX);
    return env->os->sync_dir(env->os, size == 0 ? "." : path);
}

enum status env_make_dir(const struct env *env, const char *name)
{
    char path[OS_PATH_MAX];
    must(!env->is_read_only); /* S9. */
    TRY(env_path(env, name, path));
    enum status st = env->os->make_dir(env->os, path);
    return st == ST_EXISTS ? ST_OK : st;
}

enum status env_read(
    const struct env *env, struct os_file *file, void *to, size_t size, uint64_t offset)
{
    size_t got = 0;
    TRY(env->os->file_read(env->os, file, to, size, offset, &got));
    must(got <= size);
    return got == size ? ST_OK : ST_TRUNCATED;
}

void damage_set(
    struct damage *d, const char *file, uint64_t offset, uint64_t height, const char *what)
{
    must(strlen(file) <= OS_NAME_MAX);
    must(strlen(what) < STORE_WHAT_MAX);
    if (d == NULL) return;
    struct damage set = {.offset = offset, .height = height}; /* file may be in *d. */
    (void)snprintf(set.file, sizeof set.file, "%s", file);
    (void)snprintf(set.what, sizeof set.what, "%s", what);
    *d = set;
}

enum status damaged(
    struct damage *d, const char *file, uint64_t offset, uint64_t height, const char *what)
{
    damage_set(d, file, offset, height, what);
    return ST_CORRUPT;
}
