#include "node/cursors.h"

#include "base/must.h"

static enum status too_much(struct diag *d)
{
    diag_set(d, "54000", "the rows of cursors take more than %u bytes", CURSORS_BYTES_MAX);
    diag_hint(d, "Read them without a cursor, or in parts with LIMIT.");
    return ST_LIMIT;
}

static enum status no_memory(struct diag *d)
{
    diag_set(d, "53200", "out of memory");
    return ST_NO_MEMORY;
}

static enum status copy_columns(struct cursor_rows *r, const struct sql_statement *s)
{
    r->columns = arena_alloc_zero(&r->arena, s->column_count + 1u, sizeof *r->columns);
    if (r->columns == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < s->column_count; i++) {
        r->columns[i] = s->columns[i];
        r->columns[i].name = arena_copy(&r->arena, s->columns[i].name);
        if (r->columns[i].name.data == NULL) return ST_NO_MEMORY;
    }
    r->column_count = s->column_count;
    return ST_OK;
}

static void free_cursor(struct cursors *c, struct cursor_rows *r)
{
    c->bytes -= r->rows.size;
    c->count--;
    buf_fini(&r->rows);
    buf_fini(&r->offsets);
    arena_fini(&r->arena);
    mem_free(c->mem, r);
}

static void put_offset(struct cursor_rows *r, size_t offset)
{
    buf_put(&r->offsets, span_of((const uint8_t *)&offset, sizeof offset));
}

static size_t offset_of(const struct cursor_rows *r, uint64_t row)
{
    size_t offset = 0;
    must((row + 1) * sizeof offset <= r->offsets.size);
    memcpy(&offset, r->offsets.data + row * sizeof offset, sizeof offset);
    return offset;
}

enum status cursors_declare(struct cursors *c,
                            struct cursor_rows **out,
                            const struct sql_control *control,
                            const struct sql_statement *select,
                            struct diag *d)
{
    if (cursors_find(c, control->name) != NULL) {
        diag_set(d, "42P03", "cursor \"%.*s\" already exists", (int)control->name.size,
                 (const char *)control->name.data);
        return ST_EXISTS;
    }
    if (c->count == CURSORS_MAX) {
        diag_set(d, "54000", "more than %u cursors", CURSORS_MAX);
        return ST_LIMIT;
    }
    struct cursor_rows *r = mem_alloc_zero(c->mem, 1, sizeof *r);
    if (r == NULL) return no_memory(d);
    arena_init(&r->arena, c->mem, 0);
    buf_init(&r->rows, c->mem, 0);
    buf_init(&r->offsets, c->mem, 0);
    c->count++;
    r->is_scroll = control->is_scroll;
    r->name = arena_copy(&r->arena, control->name);
    put_offset(r, 0);
    enum status st = r->name.data == NULL ? ST_NO_MEMORY : copy_columns(r, select);
    if (st == ST_OK) st = buf_status(&r->offsets);
    if (st != ST_OK) {
        free_cursor(c, r);
        return no_memory(d);
    }
    r->next = c->first;
    c->first = r;
    *out = r;
    return ST_OK;
}

enum status cursors_add(struct cursors *c,
                        struct cursor_rows *cursor,
                        struct span rows,
                        uint64_t row_count,
                        struct diag *d)
{
    if (c->bytes + rows.size > CURSORS_BYTES_MAX) return too_much(d);
    const size_t before = cursor->rows.size;
    struct span at = rows;
    for (uint64_t i = 0; i < row_count; i++) {
        struct sql_value value;
        for (uint32_t k = 0; k < cursor->column_count; k++) {
            const bool is_there = sql_rowset_next(&at, cursor->columns[k].type, &value);
            must(is_there); /* The node made them. */
        }
        put_offset(cursor, before + rows.size - at.size);
    }
    buf_put(&cursor->rows, rows);
    if (buf_status(&cursor->rows) != ST_OK || buf_status(&cursor->offsets) != ST_OK)
        return no_memory(d);
    cursor->row_count += row_count;
    c->bytes += rows.size;
    return ST_OK;
}

struct cursor_rows *cursors_find(const struct cursors *c, struct span name)
{
    struct cursor_rows *r = c->first;
    while (r != NULL && !span_equal(r->name, name))
        r = r->next;
    return r;
}

bool cursors_close(struct cursors *c, struct span name)
{
    bool is_found = name.size == 0;
    struct cursor_rows **at = &c->first;
    while (*at != NULL) {
        struct cursor_rows *r = *at;
        if (name.size > 0 && !span_equal(r->name, name)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        free_cursor(c, r);
        is_found = true;
    }
    return is_found;
}

void cursors_close_from(struct cursors *c, uint32_t depth)
{
    struct cursor_rows **at = &c->first;
    while (*at != NULL) {
        struct cursor_rows *r = *at;
        if (r->depth < depth) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        free_cursor(c, r);
    }
}

/* Positions are 0 (before the first row) … row_count + 1 (behind the last). */
static uint64_t target_of(const struct cursor_rows *r, const struct sql_control *control)
{
    const int64_t end = (int64_t)r->row_count + 1;
    const int64_t at = (int64_t)r->at;
    int64_t to = control->count;
    if (control->direction == SQL_FETCH_RELATIVE)
        to = control->count > end - at ? end : at + control->count;
    else if (control->count < 0) /* ABSOLUTE from the end. */
        to = control->count < -end ? 0 : end + control->count;
    if (to < 0) to = 0;
    return (uint64_t)(to > end ? end : to);
}

static enum status scan_only(struct diag *d)
{
    diag_set(d, "55000", "cursor can only scan forward");
    diag_hint(d, "Declare it with SCROLL option to enable backward scan.");
    return ST_INVALID;
}

/* The row that it then stands on, if any. */
static enum status move_to(struct cursor_rows *r,
                           struct cursor_move *out,
                           uint64_t to,
                           struct diag *d)
{
    if (to < r->at && !r->is_scroll) return scan_only(d);
    r->at = to;
    const bool is_row = to > 0 && to <= r->row_count;
    *out = (struct cursor_move){.first = is_row ? to - 1 : 0, .count = is_row ? 1 : 0};
    return ST_OK;
}

static enum status move_back(struct cursor_rows *r,
                             struct cursor_move *out,
                             uint64_t count,
                             struct diag *d)
{
    if (!r->is_scroll) return scan_only(d);
    const uint64_t before = r->at == 0 ? 0 : r->at - 1; /* Rows behind which it stands. */
    const uint64_t taken = count < before ? count : before;
    r->at = taken < count ? 0 : r->at - count;
    *out = (struct cursor_move){.first = before - taken, .count = taken, .is_backward = true};
    return ST_OK;
}

enum status cursor_move(struct cursor_rows *cursor,
                        struct cursor_move *out,
                        const struct sql_control *control,
                        struct diag *d)
{
    const bool is_back = control->direction == SQL_FETCH_BACKWARD;
    if (control->direction == SQL_FETCH_ABSOLUTE || control->direction == SQL_FETCH_RELATIVE)
        return move_to(cursor, out, target_of(cursor, control), d);
    if (control->count == 0) /* The same row again. */
        return move_to(cursor, out, cursor->at, d);
    const uint64_t count =
        control->count < 0 ? (uint64_t) - (control->count + 1) + 1 : (uint64_t)control->count;
    if (is_back != (control->count < 0)) return move_back(cursor, out, count, d);
    const uint64_t left = cursor->at > cursor->row_count ? 0 : cursor->row_count - cursor->at;
    const uint64_t taken = count < left ? count : left;
    *out = (struct cursor_move){.first = cursor->at, .count = taken};
    cursor->at = taken < count ? cursor->row_count + 1 : cursor->at + taken;
    return ST_OK;
}

struct span cursor_span(const struct cursor_rows *cursor, uint64_t first, uint64_t count)
{
    must(first + count <= cursor->row_count);
    const size_t start = offset_of(cursor, first);
    return span_of(cursor->rows.data + start, offset_of(cursor, first + count) - start);
}
