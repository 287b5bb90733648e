#include "node/incident_store.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "crypto/hash.h"

#define FOLDER    "incidents"
#define NAME_SIZE 64u
#define ID_BYTES  8u

static enum status path_of(char *out, const char *dir, const struct incident *i)
{
    char name[NAME_SIZE];
    char id[2 * ID_BYTES + 1];
    const struct hash place = hash_of("", i->place);
    hex_encode(id, span_of(place.bytes, ID_BYTES));
    (void)snprintf(name, sizeof name, FOLDER "/%020" PRIu64 "-%s", i->time_ms, id);
    return os_path_join(out, dir, name);
}

static enum status make_folder(struct os *os, const char *dir)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, FOLDER));
    enum status st = os->make_dir(os, path);
    if (st == ST_EXISTS) return ST_OK;
    TRY(st);
    return os->sync_dir(os, dir);
}

void incident_store_keep(struct os *os,
                         const char *dir,
                         const struct incident *i,
                         struct span bytes)
{
    char path[OS_PATH_MAX];
    enum status st = make_folder(os, dir);
    if (st == ST_OK) st = path_of(path, dir, i);
    if (st == ST_OK) st = os_replace_file(os, path, bytes);
    (void)st;
}

void incident_store_drop(struct os *os, const char *dir, const struct incident *i)
{
    char path[OS_PATH_MAX];
    enum status st = path_of(path, dir, i);
    if (st == ST_OK) st = os->remove(os, path);
    (void)st; /* Told once more after the next start: the chain knows it already. */
}

struct walk {
    struct os *os;
    char dir[OS_PATH_MAX];
    void (*visit)(void *context, struct span bytes);
    void *context;
    uint32_t count;
};

static enum status visit_one(void *context, const char *name)
{
    struct walk *w = context;
    char path[OS_PATH_MAX];
    struct buf bytes;
    struct incident i;
    if (w->count++ == INCIDENT_FILES_MAX) return ST_LIMIT;
    TRY(os_path_join(path, w->dir, name));
    buf_init(&bytes, mem_system(), INCIDENT_SIZE_MAX);
    enum status st = os_read_file(w->os, path, INCIDENT_SIZE_MAX, &bytes);
    if (st == ST_OK && incident_decode(&i, buf_span(&bytes)) == ST_OK)
        w->visit(w->context, buf_span(&bytes));
    buf_fini(&bytes);
    return ST_OK;
}

void incident_store_each(struct os *os,
                         const char *dir,
                         void (*visit)(void *context, struct span bytes),
                         void *context)
{
    struct walk w = {.os = os, .visit = visit, .context = context};
    if (os_path_join(w.dir, dir, FOLDER) != ST_OK) return;
    enum status st = os->list_dir(os, w.dir, visit_one, &w);
    (void)st; /* No folder: there was never any. */
}
