/* merge.c - Sets of runs, and the cursor over one.
 *
 * Runs are few and halve in size, so the smallest position is looked for in a plain loop. */
#include "rows/merge.h"

#include "base/must.h"

static void choose(struct merge *m);
static enum status settle(struct merge *m);
static bool is_before(const struct run_cursor *a, const struct run_cursor *b);
static enum status step_over(struct merge *m, const struct row_position *position);
static enum status skip_table(struct merge *m, uint64_t table);

struct run_set *run_set_new(struct mem *mem)
{
    return mem_alloc_zero(mem, 1, sizeof(struct run_set));
}

struct run_set *run_set_copy(struct mem *mem, const struct run_set *from)
{
    struct run_set *s = run_set_new(mem);
    if (s == NULL) return NULL;
    if (from->dropped_count > 0) {
        s->dropped = mem_alloc(mem, from->dropped_count * sizeof *s->dropped);
        if (s->dropped == NULL) {
            mem_free(mem, s);
            return NULL;
        }
        memcpy(s->dropped, from->dropped, from->dropped_count * sizeof *s->dropped);
        s->dropped_count = from->dropped_count;
    }
    for (uint32_t i = 0; i < from->count; i++)
        s->runs[i] = row_run_ref(from->runs[i]);
    s->count = from->count;
    return s;
}

void run_set_free(struct mem *mem, struct run_set *s)
{
    if (s == NULL) return;
    for (uint32_t i = 0; i < s->count; i++)
        row_run_unref(s->runs[i]);
    mem_free(mem, s->dropped);
    mem_free(mem, s);
}

void run_set_push(struct run_set *s, struct run *r)
{
    must(s->count < RUN_SET_MAX);
    memmove(s->runs + 1, s->runs, s->count * sizeof(struct run *));
    s->runs[0] = r;
    s->count++;
}

enum status run_set_drop(struct run_set *s, struct mem *mem, uint64_t table)
{
    if (run_set_is_dropped(s, table)) return ST_OK;
    uint64_t *dropped = mem_resize(mem, s->dropped, (s->dropped_count + 1) * sizeof *dropped);
    if (dropped == NULL) return ST_NO_MEMORY;
    uint32_t at = s->dropped_count;
    for (; at > 0 && dropped[at - 1] > table; at--)
        dropped[at] = dropped[at - 1];
    dropped[at] = table;
    s->dropped = dropped;
    s->dropped_count++;
    return ST_OK;
}

bool run_set_is_dropped(const struct run_set *s, uint64_t table)
{
    uint32_t low = 0;
    uint32_t high = s->dropped_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->dropped[middle] == table) return true;
        if (s->dropped[middle] < table)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void merge_begin(struct merge *m, struct mem *mem, const struct run_set *set)
{
    merge_begin_part(m, mem, set, 0, set->count);
}

void merge_begin_part(
    struct merge *m, struct mem *mem, const struct run_set *set, uint32_t first, uint32_t count)
{
    must(first + count <= set->count);
    m->mem = mem;
    m->set = set;
    m->count = count;
    m->keeps_gone = false;
    m->at = NULL;
    m->behind = NULL;
    m->has = false;
    m->record = NULL;
    for (uint32_t i = 0; i < count; i++)
        row_run_cursor_init(&m->cursors[i], set->runs[first + i]);
}

void merge_end(struct merge *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        row_run_cursor_fini(&m->cursors[i]);
    m->count = 0;
}

enum status merge_seek(struct merge *m,
                       const struct row_position *first,
                       const struct row_position *last)
{
    if (last != NULL)
        m->last = *last;
    else
        memset(m->last.bytes, UINT8_MAX, sizeof m->last.bytes);
    for (uint32_t i = 0; i < m->count; i++)
        TRY(row_run_cursor_seek(&m->cursors[i], first));
    choose(m);
    return settle(m);
}

/* Most records in a row are of one run, so the others are looked at only when it passes them. */
enum status merge_next(struct merge *m)
{
    must(m->has);
    struct run_cursor *c = m->at;
    const bool is_alone = m->behind == NULL || is_before(c, m->behind);
    if (is_alone) {
        TRY(row_run_cursor_next(c));
    } else {
        const struct row_position position = c->record.place.position;
        TRY(step_over(m, &position));
    }
    if (!is_alone || !c->has || (m->behind != NULL && !is_before(c, m->behind))) choose(m);
    return settle(m);
}

/* Rows in a row that one run alone has are decoded one after the other, straight to where they go.
 */
enum status merge_take(struct merge *m, struct row_place *to, uint32_t most, uint32_t *count)
{
    must(!m->keeps_gone);
    *count = 0;
    while (m->has && *count < most) {
        const struct row_position *behind =
            m->behind == NULL ? NULL : &m->behind->record.place.position;
        const bool is_bound = behind != NULL && row_position_compare(behind, &m->last) <= 0;
        const bool is_alone = behind == NULL || is_before(m->at, m->behind);
        const struct run_take take = {.last = is_bound ? behind : &m->last,
                                      .is_inclusive = !is_bound,
                                      .to = to + *count,
                                      .most = most - *count};
        uint32_t taken = 1;
        if (is_alone && m->set->dropped_count == 0)
            TRY(row_run_cursor_take(m->at, &take, &taken));
        else
            take.to[0] = m->record->place;
        *count += taken;
        TRY(merge_next(m));
    }
    return ST_OK;
}

/* The newest record of the smallest position, unless it says that nothing is there. */
static enum status settle(struct merge *m)
{
    for (;;) {
        struct run_cursor *c = m->at;
        m->has = c != NULL && row_position_compare(&c->record.place.position, &m->last) <= 0;
        if (!m->has) return ST_OK;
        TRY(row_run_cursor_load(c));
        m->record = &c->record;
        const bool is_dropped =
            m->set->dropped_count > 0 &&
            run_set_is_dropped(m->set, row_position_table(&c->record.place.position));
        const bool is_hidden = c->record.is_gone && !m->keeps_gone;
        if (!is_dropped && !is_hidden) return ST_OK;
        const struct row_position at = c->record.place.position;
        TRY(is_dropped ? skip_table(m, row_position_table(&at)) : step_over(m, &at));
        choose(m);
    }
}

static bool is_before(const struct run_cursor *a, const struct run_cursor *b)
{
    return row_position_compare(&a->record.place.position, &b->record.place.position) < 0;
}

/* The first of equals is the newest. */
static void choose(struct merge *m)
{
    m->at = NULL;
    m->behind = NULL;
    for (uint32_t i = 0; i < m->count; i++) {
        struct run_cursor *c = &m->cursors[i];
        if (!c->has) continue;
        if (m->at == NULL || is_before(c, m->at)) {
            m->behind = m->at;
            m->at = c;
        } else if (m->behind == NULL || is_before(c, m->behind)) {
            m->behind = c;
        }
    }
}

static enum status step_over(struct merge *m, const struct row_position *position)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct run_cursor *c = &m->cursors[i];
        if (c->has && row_position_compare(&c->record.place.position, position) == 0)
            TRY(row_run_cursor_next(c));
    }
    return ST_OK;
}

static enum status skip_table(struct merge *m, uint64_t table)
{
    must(table < UINT64_MAX);
    const struct row_position next = row_position_first(table + 1);
    for (uint32_t i = 0; i < m->count; i++) {
        struct run_cursor *c = &m->cursors[i];
        if (c->has && row_position_compare(&c->record.place.position, &next) < 0)
            TRY(row_run_cursor_seek(c, &next));
    }
    return ST_OK;
}
