#include "node/finds.h"

enum status finds_init(struct finds *f, struct mem *mem)
{
    f->count = 0;
    return mutex_new(&f->mutex, mem);
}

void finds_fini(struct finds *f)
{
    mutex_free(f->mutex);
    f->mutex = NULL;
}

void finds_add(struct finds *f, const struct heal_find *find)
{
    mutex_lock(f->mutex);
    if (f->count < FINDS_MAX) f->items[f->count++] = *find;
    mutex_unlock(f->mutex);
}

bool finds_take(struct finds *f, struct heal_find *find, struct incident *out)
{
    mutex_lock(f->mutex);
    const bool is_there = f->count > 0;
    if (is_there) {
        *find = f->items[0];
        f->count--;
        memmove(f->items, f->items + 1, f->count * sizeof f->items[0]);
    }
    mutex_unlock(f->mutex);
    if (!is_there) return false;
    /* Control characters of file names have no place in an incident. */
    for (char *at = find->place; *at != 0; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) *at = '?';
    *out = (struct incident){.kind = find->kind,
                             .state = find->state,
                             .place = span_text(find->place),
                             .height = find->height,
                             .old_hash = find->old_hash,
                             .new_hash = find->new_hash,
                             .time_ms = find->time_ms};
    return true;
}
