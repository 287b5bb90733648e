/* disk.c - Names of the model disk: directories, pending changes, the power cut. */
#include "os/fake/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "os/fake/disk_int.h"

#define ROOT 0u

/* Where a path leads: the directory that has or would have its last name. */
struct place {
    uint32_t dir;
    char name[OS_NAME_MAX + 1]; /* Empty: the root itself. */
};

static struct disk_node *node_of(const struct disk *d, uint32_t node);
static uint32_t node_new(struct disk *d, bool is_dir);
static void node_free(struct disk_node *n);
static char *text_copy(const char *text);
static enum status place_find(const struct disk *d, const char *path, struct place *out);
static struct disk_entry *names_find(const struct disk_names *names, const char *name);
static void names_set(struct disk_names *names, const char *name, uint32_t node);
static void names_unset(struct disk_names *names, const char *name);
static void names_copy(struct disk_names *to, const struct disk_names *from);
static void names_free(struct disk_names *names);
static int name_compare(const void *a, const void *b);
static struct disk_change *change_add(struct disk *d, uint32_t node);
static void change_from(struct disk_change *c, const struct place *place);
static void change_to(struct disk_change *c, const struct place *place);
static void change_apply_from(struct disk *d, struct disk_change *c);
static void change_apply_to(struct disk *d, struct disk_change *c);
static void changes_drop_done(struct disk *d);
static void unlink_live(struct disk *d, const struct place *place);
static void space_leave(struct disk *d, const struct disk_node *n);
static void collect(struct disk *d);
static void mark(const struct disk *d, bool *is_reached, uint32_t node);
static void relink(struct disk *d);

/* --- the disk ------------------------------------------------------------------------------ */

struct disk *disk_new(uint64_t capacity)
{
    struct disk *d = disk_memory(1, sizeof(*d));
    d->capacity = capacity;
    uint32_t root = node_new(d, true);
    must(root == ROOT);
    d->nodes[root]->is_linked = true;
    return d;
}

struct disk *disk_copy(const struct disk *d)
{
    struct disk *copy = disk_memory(1, sizeof(*copy));
    copy->capacity = d->capacity;
    copy->node_count = d->node_count;
    copy->nodes = disk_memory(d->node_count, sizeof(struct disk_node *));
    for (size_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i] == NULL) continue;
        struct disk_node *n = disk_memory(1, sizeof(*n));
        n->is_dir = d->nodes[i]->is_dir;
        disk_file_copy(n, d->nodes[i]);
        names_copy(&n->live, &d->nodes[i]->live);
        names_copy(&n->durable, &d->nodes[i]->durable);
        copy->nodes[i] = n;
    }
    for (size_t i = 0; i < d->change_count; i++) {
        const struct disk_change *from = &d->changes[i];
        struct disk_change *to = change_add(copy, from->node);
        *to = *from;
        to->from_name = from->from_name == NULL ? NULL : text_copy(from->from_name);
        to->to_name = from->to_name == NULL ? NULL : text_copy(from->to_name);
    }
    relink(copy);
    return copy;
}

void disk_free(struct disk *d)
{
    if (d == NULL) return;
    for (size_t i = 0; i < d->node_count; i++)
        node_free(d->nodes[i]);
    for (size_t i = 0; i < d->change_count; i++)
        d->changes[i].from_pending = d->changes[i].to_pending = false;
    changes_drop_done(d);
    mem_free(mem_system(), d->changes);
    mem_free(mem_system(), d->nodes);
    mem_free(mem_system(), d);
}

void disk_set_capacity(struct disk *d, uint64_t capacity)
{
    d->capacity = capacity;
}

uint64_t disk_free_bytes(const struct disk *d)
{
    return d->used < d->capacity ? d->capacity - d->used : 0;
}

void disk_use(struct disk *d, uint32_t node)
{
    node_of(d, node)->uses++;
}

void disk_unuse(struct disk *d, uint32_t node)
{
    struct disk_node *n = node_of(d, node);
    must(n->uses > 0);
    n->uses--;
    space_leave(d, n);
}

/* --- names --------------------------------------------------------------------------------- */

enum status disk_find(const struct disk *d, const char *path, uint32_t *node)
{
    struct place place;
    TRY(place_find(d, path, &place));
    if (place.name[0] == 0) {
        *node = ROOT;
        return ST_OK;
    }
    const struct disk_entry *entry = names_find(&node_of(d, place.dir)->live, place.name);
    if (entry == NULL) return ST_NOT_FOUND;
    *node = entry->node;
    return ST_OK;
}

enum status disk_make(struct disk *d, const char *path, bool is_dir, uint32_t *node)
{
    struct place place;
    TRY(place_find(d, path, &place));
    if (place.name[0] == 0) return ST_EXISTS;
    if (names_find(&node_of(d, place.dir)->live, place.name) != NULL) return ST_EXISTS;
    uint32_t made = node_new(d, is_dir);
    names_set(&node_of(d, place.dir)->live, place.name, made);
    node_of(d, made)->is_linked = true;
    change_to(change_add(d, made), &place);
    *node = made;
    return ST_OK;
}

enum status disk_remove(struct disk *d, const char *path)
{
    struct place place;
    TRY(place_find(d, path, &place));
    const struct disk_entry *entry = names_find(&node_of(d, place.dir)->live, place.name);
    if (entry == NULL) return ST_NOT_FOUND;
    if (node_of(d, entry->node)->live.count > 0) return ST_EXISTS;
    change_from(change_add(d, entry->node), &place);
    unlink_live(d, &place);
    return ST_OK;
}

enum status disk_rename(struct disk *d, const char *from, const char *to)
{
    struct place from_place;
    struct place to_place;
    TRY(place_find(d, from, &from_place));
    TRY(place_find(d, to, &to_place));
    const struct disk_entry *entry = names_find(&node_of(d, from_place.dir)->live, from_place.name);
    if (entry == NULL) return ST_NOT_FOUND;
    uint32_t node = entry->node;
    const struct disk_entry *old = names_find(&node_of(d, to_place.dir)->live, to_place.name);
    if (old != NULL && old->node == node) return ST_OK;
    if (old != NULL) {
        const struct disk_node *target = node_of(d, old->node);
        if (target->is_dir != node_of(d, node)->is_dir) return ST_IO;
        if (target->live.count > 0) return ST_EXISTS;
        unlink_live(d, &to_place);
    }
    struct disk_change *change = change_add(d, node);
    change_from(change, &from_place);
    change_to(change, &to_place);
    names_unset(&node_of(d, from_place.dir)->live, from_place.name);
    names_set(&node_of(d, to_place.dir)->live, to_place.name, node);
    return ST_OK;
}

enum status disk_sync_dir(struct disk *d, const char *path)
{
    uint32_t dir = 0;
    TRY(disk_find(d, path, &dir));
    if (!node_of(d, dir)->is_dir) return ST_NOT_FOUND;
    for (size_t i = 0; i < d->change_count; i++) {
        struct disk_change *c = &d->changes[i];
        if (c->from_pending && c->from_dir == dir) change_apply_from(d, c);
        if (c->to_pending && c->to_dir == dir) change_apply_to(d, c);
    }
    changes_drop_done(d);
    collect(d);
    return ST_OK;
}

enum status disk_list(const struct disk *d, const char *path, char ***names, size_t *count)
{
    uint32_t dir = 0;
    TRY(disk_find(d, path, &dir));
    const struct disk_node *n = node_of(d, dir);
    if (!n->is_dir) return ST_NOT_FOUND;
    size_t bytes = 0;
    for (size_t i = 0; i < n->live.count; i++)
        bytes += strlen(n->live.entries[i].name) + 1;
    char **list = disk_memory(1, n->live.count * sizeof(*list) + bytes + 1);
    char *at = (char *)(list + n->live.count);
    for (size_t i = 0; i < n->live.count; i++) {
        size_t size = strlen(n->live.entries[i].name) + 1;
        memcpy(at, n->live.entries[i].name, size);
        list[i] = at;
        at += size;
    }
    qsort(list, n->live.count, sizeof(*list), name_compare);
    *names = list;
    *count = n->live.count;
    return ST_OK;
}

/* Depth is that of the directories a test makes. */
bool disk_is_durable(const struct disk *d, uint32_t node) // NOLINT(misc-no-recursion)
{
    const struct disk_node *n = node_of(d, node);
    if (!n->is_dir) return disk_file_is_durable(n);
    for (size_t i = 0; i < d->change_count; i++) {
        const struct disk_change *c = &d->changes[i];
        if (c->to_pending && c->to_dir == node) return false;
    }
    for (size_t i = 0; i < n->live.count; i++) {
        if (!disk_is_durable(d, n->live.entries[i].node)) return false;
    }
    return true;
}

/* --- power cut ----------------------------------------------------------------------------- */

void disk_crash(struct disk *d, enum disk_crash mode, struct rng *rng)
{
    for (size_t i = 0; i < d->change_count; i++) {
        struct disk_change *c = &d->changes[i];
        bool is_kept = mode == DISK_KEEP_ALL || (mode == DISK_LOSE_SOME && rng_coin(rng));
        if (is_kept && c->from_pending) change_apply_from(d, c);
        if (is_kept && c->to_pending) change_apply_to(d, c);
        c->from_pending = false;
        c->to_pending = false;
    }
    changes_drop_done(d);
    for (size_t i = 0; i < d->node_count; i++) {
        struct disk_node *n = d->nodes[i];
        if (n == NULL) continue;
        n->uses = 0;
        disk_file_crash(n, mode, rng);
        names_free(&n->live);
        names_copy(&n->live, &n->durable);
    }
    collect(d);
    relink(d);
}

/* --- helpers: nodes ------------------------------------------------------------------------ */

static struct disk_node *node_of(const struct disk *d, uint32_t node)
{
    must(node < d->node_count && d->nodes[node] != NULL);
    return d->nodes[node];
}

static uint32_t node_new(struct disk *d, bool is_dir)
{
    size_t at = 0;
    while (at < d->node_count && d->nodes[at] != NULL)
        at++;
    if (at == d->node_count) {
        d->nodes = mem_resize(mem_system(), d->nodes, (at + 1) * sizeof(struct disk_node *));
        must(d->nodes != NULL);
        d->node_count++;
    }
    d->nodes[at] = disk_memory(1, sizeof(struct disk_node));
    d->nodes[at]->is_dir = is_dir;
    return (uint32_t)at;
}

static void node_free(struct disk_node *n)
{
    if (n == NULL) return;
    disk_file_free(n);
    names_free(&n->live);
    names_free(&n->durable);
    mem_free(mem_system(), n);
}

/* Free the nodes that no name, no change and no user leads to. */
static void collect(struct disk *d)
{
    bool *is_reached = disk_memory(d->node_count, sizeof(*is_reached));
    mark(d, is_reached, ROOT);
    for (size_t i = 0; i < d->change_count; i++) {
        mark(d, is_reached, d->changes[i].node);
        if (d->changes[i].from_pending) mark(d, is_reached, d->changes[i].from_dir);
        if (d->changes[i].to_pending) mark(d, is_reached, d->changes[i].to_dir);
    }
    for (size_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i] != NULL && d->nodes[i]->uses > 0) mark(d, is_reached, (uint32_t)i);
    }
    for (size_t i = 0; i < d->node_count; i++) {
        if (is_reached[i]) continue;
        node_free(d->nodes[i]);
        d->nodes[i] = NULL;
    }
    mem_free(mem_system(), is_reached);
}

/* Depth is that of the directories a test makes. */
static void mark(const struct disk *d, bool *is_reached, uint32_t node) // NOLINT(misc-no-recursion)
{
    if (is_reached[node]) return;
    is_reached[node] = true;
    const struct disk_node *n = node_of(d, node);
    for (size_t i = 0; i < n->live.count; i++)
        mark(d, is_reached, n->live.entries[i].node);
    for (size_t i = 0; i < n->durable.count; i++)
        mark(d, is_reached, n->durable.entries[i].node);
}

/* After all names changed at once: who has a live name, and how much space that takes. D3. */
static void relink(struct disk *d)
{
    d->used = 0;
    for (size_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i] != NULL) d->nodes[i]->is_linked = i == ROOT;
    }
    for (size_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i] == NULL) continue;
        for (size_t j = 0; j < d->nodes[i]->live.count; j++)
            node_of(d, d->nodes[i]->live.entries[j].node)->is_linked = true;
    }
    for (size_t i = 0; i < d->node_count; i++) {
        if (d->nodes[i] != NULL && d->nodes[i]->is_linked)
            d->used += disk_file_reserved(d->nodes[i]);
    }
}

static void space_leave(struct disk *d, const struct disk_node *n)
{
    if (n->is_linked || n->uses > 0) return;
    uint64_t bytes = disk_file_reserved(n);
    must(bytes <= d->used);
    d->used -= bytes; /* D3. */
}

static void unlink_live(struct disk *d, const struct place *place)
{
    struct disk_names *names = &node_of(d, place->dir)->live;
    const struct disk_entry *entry = names_find(names, place->name);
    must(entry != NULL);
    struct disk_node *n = node_of(d, entry->node);
    must(n->is_linked);
    n->is_linked = false;
    names_unset(names, place->name);
    space_leave(d, n);
}

/* --- helpers: paths and names -------------------------------------------------------------- */

static enum status place_find(const struct disk *d, const char *path, struct place *out)
{
    struct place at = {.dir = ROOT};
    while (*path != 0) {
        size_t len = strcspn(path, "/");
        const char *name = path;
        path += path[len] == '/' ? len + 1 : len;
        if (len == 0 || (len == 1 && name[0] == '.')) continue;
        must(!(len == 2 && memcmp(name, "..", 2) == 0));
        if (len > OS_NAME_MAX) return ST_LIMIT;
        if (at.name[0] != 0) {
            const struct disk_entry *entry = names_find(&node_of(d, at.dir)->live, at.name);
            if (entry == NULL || !node_of(d, entry->node)->is_dir) return ST_NOT_FOUND;
            at.dir = entry->node;
        }
        memcpy(at.name, name, len);
        at.name[len] = 0;
    }
    *out = at;
    return ST_OK;
}

static struct disk_entry *names_find(const struct disk_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->entries[i].name, name) == 0) return &names->entries[i];
    }
    return NULL;
}

static void names_set(struct disk_names *names, const char *name, uint32_t node)
{
    struct disk_entry *entry = names_find(names, name);
    if (entry != NULL) {
        entry->node = node;
        return;
    }
    if (names->count == names->capacity) {
        names->capacity = names->capacity == 0 ? 16 : 2 * names->capacity;
        names->entries =
            mem_resize(mem_system(), names->entries, names->capacity * sizeof(*names->entries));
        must(names->entries != NULL);
    }
    names->entries[names->count++] = (struct disk_entry){.name = text_copy(name), .node = node};
}

static void names_unset(struct disk_names *names, const char *name)
{
    struct disk_entry *entry = names_find(names, name);
    if (entry == NULL) return;
    mem_free(mem_system(), entry->name);
    *entry = names->entries[--names->count];
}

static void names_copy(struct disk_names *to, const struct disk_names *from)
{
    must(to->count == 0);
    for (size_t i = 0; i < from->count; i++)
        names_set(to, from->entries[i].name, from->entries[i].node);
}

static void names_free(struct disk_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(mem_system(), names->entries[i].name);
    mem_free(mem_system(), names->entries);
    *names = (struct disk_names){0};
}

static int name_compare(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right); /* Total: no name twice. */
}

static char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = disk_memory(1, size);
    memcpy(copy, text, size);
    return copy;
}

/* --- helpers: changes ---------------------------------------------------------------------- */

static struct disk_change *change_add(struct disk *d, uint32_t node)
{
    if (d->change_count == d->change_capacity) {
        d->change_capacity = d->change_capacity == 0 ? 16 : 2 * d->change_capacity;
        d->changes = mem_resize(mem_system(), d->changes, d->change_capacity * sizeof(*d->changes));
        must(d->changes != NULL);
    }
    struct disk_change *change = &d->changes[d->change_count++];
    *change = (struct disk_change){.node = node};
    return change;
}

static void change_from(struct disk_change *c, const struct place *place)
{
    c->from_dir = place->dir;
    c->from_name = text_copy(place->name);
    c->from_pending = true;
}

static void change_to(struct disk_change *c, const struct place *place)
{
    c->to_dir = place->dir;
    c->to_name = text_copy(place->name);
    c->to_pending = true;
}

static void change_apply_from(struct disk *d, struct disk_change *c)
{
    must(c->from_pending);
    c->from_pending = false;
    struct disk_names *names = &node_of(d, c->from_dir)->durable;
    const struct disk_entry *entry = names_find(names, c->from_name);
    if (entry != NULL && entry->node == c->node) names_unset(names, c->from_name);
}

static void change_apply_to(struct disk *d, struct disk_change *c)
{
    must(c->to_pending);
    c->to_pending = false;
    names_set(&node_of(d, c->to_dir)->durable, c->to_name, c->node);
}

static void changes_drop_done(struct disk *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->change_count; i++) {
        struct disk_change *c = &d->changes[i];
        if (c->from_pending || c->to_pending) {
            d->changes[kept++] = *c;
        } else {
            mem_free(mem_system(), c->from_name);
            mem_free(mem_system(), c->to_name);
        }
    }
    d->change_count = kept;
}
