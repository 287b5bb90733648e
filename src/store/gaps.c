/* gaps.c - Heights of a log that are damaged: a sorted table of at most GAPS_MAX.
 *
 * G1 Gaps are in ascending order of file and first height, and those of one file do not touch. */
#include "store/gaps.h"

#include "base/must.h"

struct gaps {
    struct mem *mem;
    struct mutex *lock; /* Guards the rest. */
    uint32_t count;
    struct gap items[GAPS_MAX];
};

static bool touches(const struct gap *a, const struct gap *b);
static void widen(struct gaps *g, const struct gap *gap);
static void insert(struct gaps *g, const struct gap *gap);
static void drop(struct gaps *g, uint32_t index);

enum status gaps_new(struct gaps **out, struct mem *mem)
{
    struct gaps *g = mem_alloc_zero(mem, 1, sizeof *g);
    if (g == NULL) return ST_NO_MEMORY;
    g->mem = mem;
    enum status st = mutex_new(&g->lock, mem);
    if (st != ST_OK) {
        mem_free(mem, g);
        return st;
    }
    *out = g;
    return ST_OK;
}

void gaps_free(struct gaps *g)
{
    if (g == NULL) return;
    mutex_free(g->lock);
    mem_free(g->mem, g);
}

void gaps_add(struct gaps *g, const struct gap *gap)
{
    struct gap whole = *gap;
    must(whole.number > 0);
    mutex_lock(g->lock);
    for (uint32_t i = g->count; i > 0; i--) {
        struct gap *other = &g->items[i - 1];
        if (!touches(other, &whole)) continue;
        whole.place = other->place; /* The first that was seen. */
        if (other->first < whole.first) whole.first = other->first;
        if (other->last > whole.last) whole.last = other->last;
        whole.is_false = whole.is_false || other->is_false;
        drop(g, i - 1);
    }
    if (g->count < GAPS_MAX)
        insert(g, &whole);
    else
        widen(g, &whole);
    mutex_unlock(g->lock);
}

bool gaps_highest(const struct gaps *g, struct gap *out)
{
    mutex_lock(g->lock);
    bool is_there = g->count > 0;
    if (is_there) *out = g->items[g->count - 1];
    mutex_unlock(g->lock);
    return is_there;
}

bool gaps_of_file(const struct gaps *g, uint64_t number, struct gap *out)
{
    bool is_there = false;
    mutex_lock(g->lock);
    for (uint32_t i = 0; i < g->count && !is_there; i++) {
        is_there = g->items[i].number == number;
        if (is_there) *out = g->items[i];
    }
    mutex_unlock(g->lock);
    return is_there;
}

bool gaps_next(const struct gaps *g, uint64_t number, uint64_t height, struct gap *out)
{
    bool is_there = false;
    mutex_lock(g->lock);
    for (uint32_t i = 0; i < g->count && !is_there; i++) {
        const struct gap *gap = &g->items[i];
        is_there = gap->number == number && gap->first <= gap->last && gap->last >= height;
        if (is_there) *out = *gap;
    }
    mutex_unlock(g->lock);
    return is_there;
}

void gaps_clear(struct gaps *g, uint64_t number)
{
    mutex_lock(g->lock);
    for (uint32_t i = g->count; i > 0; i--)
        if (g->items[i - 1].number == number) drop(g, i - 1);
    mutex_unlock(g->lock);
}

void gaps_clear_height(struct gaps *g, uint64_t number, uint64_t height)
{
    mutex_lock(g->lock);
    for (uint32_t i = g->count; i > 0; i--) {
        const struct gap *gap = &g->items[i - 1];
        if (gap->number == number && gap->first == height && gap->last == height) drop(g, i - 1);
    }
    mutex_unlock(g->lock);
}

/* They overlap or follow on each other. One without heights is part of any other. */
static bool touches(const struct gap *a, const struct gap *b)
{
    if (a->number != b->number) return false;
    if (a->first > a->last || b->first > b->last) return true;
    return a->first <= b->last + 1 && b->first <= a->last + 1;
}

/* No room: another one of its file, and what then touches it, becomes one with it. */
static void widen(struct gaps *g, const struct gap *gap)
{
    uint32_t at = 0;
    while (at < g->count && g->items[at].number != gap->number)
        at++;
    if (at == g->count) return;
    struct gap *to = &g->items[at];
    if (gap->first < to->first) to->first = gap->first;
    if (gap->last > to->last) to->last = gap->last;
    while (at + 1 < g->count && touches(to, &g->items[at + 1])) {
        if (g->items[at + 1].last > to->last) to->last = g->items[at + 1].last;
        drop(g, at + 1);
    }
}

static void insert(struct gaps *g, const struct gap *gap)
{
    uint32_t at = g->count;
    must(g->count < GAPS_MAX);
    for (; at > 0; at--) {
        const struct gap *before = &g->items[at - 1];
        bool is_before = before->number < gap->number ||
                         (before->number == gap->number && before->last < gap->first);
        if (is_before) break; /* G1. */
        g->items[at] = *before;
    }
    g->items[at] = *gap;
    g->count++;
}

static void drop(struct gaps *g, uint32_t index)
{
    must(index < g->count);
    for (uint32_t i = index; i + 1 < g->count; i++)
        g->items[i] = g->items[i + 1];
    g->count--;
}
