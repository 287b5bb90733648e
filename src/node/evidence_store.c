/* I1 entries[i < count] are durable files, each identity once. */
#include "node/evidence_store.h"

#include <stdio.h>

#include "base/must.h"
#include "os/thread.h"

#define EVIDENCE_NAME_SIZE 96u
#define EVIDENCE_SUFFIX    ".ev"

struct entry {
    enum evidence_kind kind;
    uint32_t offender;
    uint64_t epoch;
    uint64_t view;
    uint64_t height;
};

struct evidence_store {
    struct os *os;
    struct mem *mem;
    struct mutex *mutex; /* Of entries and count. */
    char dir[OS_PATH_MAX];
    uint32_t count;
    struct entry entries[EVIDENCE_STORE_MAX];
};

static enum status read_entry(void *context, const char *name);

enum status evidence_store_new(struct evidence_store **out,
                               struct os *os,
                               struct mem *mem,
                               const char *dir)
{
    struct evidence_store *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->os = os;
    s->mem = mem;
    enum status st = mutex_new(&s->mutex, mem);
    if (st == ST_OK) st = os_path_join(s->dir, dir, "evidence");
    if (st == ST_OK) st = os->make_dir(os, s->dir);
    if (st == ST_OK) st = os->sync_dir(os, dir);
    if (st == ST_EXISTS) st = os->list_dir(os, s->dir, read_entry, s);
    if (st != ST_OK) {
        evidence_store_free(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void evidence_store_free(struct evidence_store *s)
{
    if (s == NULL) return;
    mutex_free(s->mutex);
    mem_free(s->mem, s);
}

static struct entry entry_of(const struct evidence *e)
{
    return (struct entry){.kind = e->kind,
                          .offender = e->offender,
                          .epoch = e->epoch,
                          .view = e->view,
                          .height = e->height};
}

static enum status path_of(const struct evidence_store *s, const struct entry *e, char *out)
{
    char name[EVIDENCE_NAME_SIZE];
    int size = snprintf(name, sizeof name, "%s-%u-%llu-%llu-%llu" EVIDENCE_SUFFIX,
                        evidence_name(e->kind), e->offender, (unsigned long long)e->epoch,
                        (unsigned long long)e->view, (unsigned long long)e->height);
    must(size > 0);
    must((size_t)size < sizeof name);
    return os_path_join(out, s->dir, name);
}

static bool has_suffix(const char *name)
{
    size_t size = strlen(name);
    size_t suffix = strlen(EVIDENCE_SUFFIX);
    return size > suffix && memcmp(name + size - suffix, EVIDENCE_SUFFIX, suffix) == 0;
}

static enum status read_entry(void *context, const char *name)
{
    struct evidence_store *s = context;
    char path[OS_PATH_MAX];
    struct buf bytes;
    struct evidence e;
    if (s->count == EVIDENCE_STORE_MAX || !has_suffix(name)) return ST_OK;
    TRY(os_path_join(path, s->dir, name));
    buf_init(&bytes, s->mem, EVIDENCE_SIZE_MAX);
    enum status st = os_read_file(s->os, path, EVIDENCE_SIZE_MAX, &bytes);
    if (st == ST_OK && evidence_decode(&e, buf_span(&bytes)) == ST_OK)
        s->entries[s->count++] = entry_of(&e);
    buf_fini(&bytes);
    return st == ST_NO_MEMORY ? st : ST_OK;
}

static bool is_known(struct evidence_store *s, const struct entry *entry)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct entry *other = &s->entries[i];
        if (other->kind == entry->kind && other->offender == entry->offender &&
            other->epoch == entry->epoch && other->view == entry->view &&
            other->height == entry->height)
            return true;
    }
    return false;
}

enum status evidence_store_keep(struct evidence_store *s, const struct evidence *e)
{
    struct entry entry = entry_of(e);
    char path[OS_PATH_MAX];
    if (s->count == EVIDENCE_STORE_MAX || is_known(s, &entry)) return ST_OK;
    TRY(path_of(s, &entry, path));
    struct buf bytes;
    buf_init(&bytes, s->mem, EVIDENCE_SIZE_MAX);
    evidence_encode(&bytes, e);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) st = os_replace_file(s->os, path, buf_span(&bytes));
    buf_fini(&bytes);
    TRY(st);
    mutex_lock(s->mutex);
    must(s->count < EVIDENCE_STORE_MAX); /* I1 */
    s->entries[s->count++] = entry;
    mutex_unlock(s->mutex);
    return ST_OK;
}

uint32_t evidence_store_count(struct evidence_store *s)
{
    mutex_lock(s->mutex);
    uint32_t count = s->count;
    mutex_unlock(s->mutex);
    return count;
}

enum status evidence_store_get(struct evidence_store *s,
                               uint32_t index,
                               struct evidence_view *out,
                               struct buf *bytes)
{
    mutex_lock(s->mutex);
    bool is_there = index < s->count;
    struct entry entry = is_there ? s->entries[index] : (struct entry){.kind = EVIDENCE_E1};
    mutex_unlock(s->mutex);
    if (!is_there) return ST_NOT_FOUND;
    *out = (struct evidence_view){
        .offender = entry.offender, .view = entry.view, .height = entry.height};
    (void)snprintf(out->kind, sizeof out->kind, "%s", evidence_name(entry.kind));
    char path[OS_PATH_MAX];
    if (bytes == NULL) return ST_OK;
    TRY(path_of(s, &entry, path));
    return os_read_file(s->os, path, EVIDENCE_SIZE_MAX, bytes);
}
