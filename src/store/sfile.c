/* sfile.c - One segment file as its reader sees it. */
#include "store/sfile.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"

const struct segment_kind segment_blocks = {
    .dir = "blocks", .suffix = "seg", .magic = {'T', 'S', 'Q', 'L', 'S', 'E', 'G', '1'}};
const struct segment_kind segment_results = {
    .dir = "results", .suffix = "res", .magic = {'T', 'S', 'Q', 'L', 'R', 'E', 'S', '1'}};

void segment_name(char out[OS_NAME_MAX + 1], const struct segment_kind *kind, uint64_t number)
{
    must(number > 0);
    int size =
        snprintf(out, OS_NAME_MAX + 1, "%s/%08" PRIu64 ".%s", kind->dir, number, kind->suffix);
    must(size > 0);
    must((uint32_t)size <= OS_NAME_MAX);
}

enum status sfile_open(struct sfile *f,
                       const struct env *env,
                       const struct segment_kind *kind,
                       uint64_t number,
                       struct damage *damage)
{
    *f = (struct sfile){.env = env};
    (void)damage;
    segment_name(f->name, kind, number);
    TRY(env_open(env, &f->file, f->name, OS_READ));
    enum status st = env->os->file_size(env->os, f->file, &f->size);
    if (st != ST_OK) sfile_close(f);
    return st;
}

void sfile_close(struct sfile *f)
{
    if (f->file == NULL) return;
    f->env->os->file_close(f->env->os, f->file);
    f->file = NULL;
}

enum status sfile_read(struct sfile *f, void *to, size_t size, uint64_t offset)
{
    must(f->file != NULL);
    return env_read(f->env, f->file, to, size, offset);
}
