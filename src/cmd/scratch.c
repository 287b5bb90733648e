#include "cmd/scratch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"

#define SCRATCH_DEPTH_MAX 8u

const char *scratch_base(void)
{
    const char *base = getenv("TMPDIR");
    return base != NULL ? base : "/tmp";
}

enum status scratch_make_in(const char *base, const char *prefix, char *out)
{
    struct os *os = os_posix();
    uint8_t random[8];
    char digits[2 * sizeof random + 1];
    char name[OS_NAME_MAX];
    os->entropy(os, random, sizeof random);
    hex_encode(digits, span_of(random, sizeof random));
    (void)snprintf(name, sizeof name, "%s-%s", prefix, digits);
    TRY(os_path_join(out, base, name));
    return os->make_dir(os, out);
}

enum status scratch_make(const char *prefix, char *out)
{
    return scratch_make_in(scratch_base(), prefix, out);
}

struct removal {
    const char *dir;
    uint32_t depth;
};

static enum status remove_entry(void *context, const char *name)
{
    const struct removal *parent = context;
    struct os *os = os_posix();
    char path[OS_PATH_MAX];
    if (parent->depth == 0) return ST_LIMIT;
    TRY(os_path_join(path, parent->dir, name));
    if (os->remove(os, path) == ST_OK) return ST_OK;
    struct removal removal = {.dir = path, .depth = parent->depth - 1};
    TRY(os->list_dir(os, path, remove_entry, &removal));
    return os->remove(os, path);
}

void scratch_remove(const char *dir)
{
    struct os *os = os_posix();
    struct removal removal = {.dir = dir, .depth = SCRATCH_DEPTH_MAX};
    (void)!os->list_dir(os, dir, remove_entry, &removal);
    (void)!os->remove(os, dir);
}
