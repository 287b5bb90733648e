/* schedule.c - A binary heap. */
#include "sim/schedule.h"

#include "base/must.h"

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->seq < b->seq;
}

void schedule_init(struct schedule *s)
{
    *s = (struct schedule){0};
}

void schedule_fini(struct schedule *s)
{
    mem_free(mem_system(), s->heap);
    *s = (struct schedule){0};
}

void schedule_add(struct schedule *s, const struct event *e)
{
    if (s->count == s->room) {
        s->room = s->room == 0 ? 256 : 2 * s->room;
        s->heap = mem_resize(mem_system(), s->heap, s->room * sizeof *s->heap);
        must(s->heap != NULL);
    }
    struct event added = *e;
    added.seq = s->seq++;
    uint32_t at = s->count++;
    while (at > 0 && is_before(&added, &s->heap[(at - 1) / 2])) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = added;
}

uint64_t schedule_next_us(const struct schedule *s)
{
    return s->count == 0 ? UINT64_MAX : s->heap[0].at_us;
}

bool schedule_take(struct schedule *s, struct event *out)
{
    if (s->count == 0) return false;
    *out = s->heap[0];
    struct event last = s->heap[--s->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= s->count) break;
        if (child + 1 < s->count && is_before(&s->heap[child + 1], &s->heap[child])) child++;
        if (!is_before(&s->heap[child], &last)) break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    return true;
}
