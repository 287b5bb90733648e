/* Window functions: f(…) OVER (…), WINDOW w AS (…).
 *
 * SQLite has PostgreSQL's window functions and frames. What is refused: an aggregate that cannot
 * take a row back over a frame whose start moves, offsets that are no constants, and, in a write,
 * a result that depends on the order of rows that the window's ORDER BY leaves equal. */
#include "base/must.h"
#include "sql/bind_int.h"

#define WINDOWS_SINCE 4u /* exec_version */

/* PostgreSQL's FRAMEOPTION_ bits (parsenodes.h), as libpg_query gives them. */
enum frame_option {
    FRAME_NONDEFAULT = 0x1,
    FRAME_RANGE = 0x2,
    FRAME_ROWS = 0x4,
    FRAME_GROUPS = 0x8,
    FRAME_START_UNBOUNDED = 0x20,
    FRAME_END_UNBOUNDED = 0x100,
    FRAME_START_CURRENT = 0x200,
    FRAME_END_CURRENT = 0x400,
    FRAME_START_PRECEDING = 0x800,
    FRAME_END_PRECEDING = 0x1000,
    FRAME_START_FOLLOWING = 0x2000,
    FRAME_END_FOLLOWING = 0x4000,
    FRAME_EXCLUDE_CURRENT = 0x8000,
    FRAME_EXCLUDE_GROUP = 0x10000,
    FRAME_EXCLUDE_TIES = 0x20000
};

#define FRAME_EXCLUDES (FRAME_EXCLUDE_CURRENT | FRAME_EXCLUDE_GROUP | FRAME_EXCLUDE_TIES)

/* Functions that are nothing without a window. */
struct window_function {
    const char *name;
    const char *template;
    uint8_t min_args;
    uint8_t max_args;
    enum sql_type result; /* SQL_UNKNOWN: that of the first argument. */
    bool is_tied;         /* Equal rows have equal results. */
    uint8_t number;       /* 1-based argument that is a constant whole number; 0: none. */
    const char *too_low;  /* SQLSTATE when that number is not above zero; null: 0 is allowed. */
};

static const struct window_function window_functions[] = {
    {"row_number", "row_number()", 0, 0, SQL_INT8, false, 0, NULL},
    {"rank", "rank()", 0, 0, SQL_INT8, true, 0, NULL},
    {"dense_rank", "dense_rank()", 0, 0, SQL_INT8, true, 0, NULL},
    {"percent_rank", "percent_rank()", 0, 0, SQL_FLOAT8, true, 0, NULL},
    {"cume_dist", "cume_dist()", 0, 0, SQL_FLOAT8, true, 0, NULL},
    {"ntile", "ntile(%1)", 1, 1, SQL_INT4, false, 1, "22014"},
    {"lag", "lag(%*)", 1, 3, SQL_UNKNOWN, false, 2, NULL},
    {"lead", "lead(%*)", 1, 3, SQL_UNKNOWN, false, 2, NULL},
    {"first_value", "first_value(%1)", 1, 1, SQL_UNKNOWN, false, 0, NULL},
    {"last_value", "last_value(%1)", 1, 1, SQL_UNKNOWN, false, 0, NULL},
    {"nth_value", "nth_value(%1, %2)", 2, 2, SQL_UNKNOWN, false, 2, "22016"},
};

static enum status check_place(struct binder *b, int32_t position);
static enum status bind_definition(struct binder *b,
                                   struct window **out,
                                   const PgQuery__WindowDef *d);
static enum status bind_own(struct binder *b,
                            struct expr **out,
                            const struct window_function *f,
                            const PgQuery__FuncCall *c);
static enum status bind_aggregate(struct binder *b, struct expr **out, const PgQuery__FuncCall *c);
static enum status check_order(struct binder *b, const struct expr *e, bool is_tied);

static const struct window_function *find_function(struct span name)
{
    for (size_t i = 0; i < sizeof window_functions / sizeof window_functions[0]; i++)
        if (span_equal(name, span_text(window_functions[i].name))) return &window_functions[i];
    return NULL;
}

static struct span name_of(const PgQuery__FuncCall *c)
{
    return bind_string(c->funcname[c->n_funcname - 1]);
}

/* --- calls --------------------------------------------------------------------------------- */

enum status bind_window_call(struct binder *b, struct expr **out, const PgQuery__FuncCall *c)
{
    TRY(bind_needs_or(b, WINDOWS_SINCE, c->location, "window functions are not supported",
                      "Use GROUP BY, or compute in the client."));
    TRY(check_place(b, c->location));
    if (c->agg_distinct)
        return bind_fail(b, c->location, "0A000",
                         "DISTINCT is not implemented for window functions");
    if (c->n_agg_order > 0)
        return bind_fail(b, c->location, "0A000",
                         "aggregate ORDER BY is not implemented for window functions");
    const struct window_function *f = find_function(name_of(c));
    const enum clause before = b->clause;
    b->clause = CLAUSE_WINDOW;
    struct expr *e = NULL;
    if (f != NULL)
        TRY(bind_own(b, &e, f, c));
    else
        TRY(bind_aggregate(b, &e, c));
    must(e != NULL);
    TRY(bind_definition(b, &e->window, c->over));
    b->clause = before;
    e->kind = EXPR_WINDOW;
    *out = e;
    TRY(check_order(b, e, f == NULL || f->is_tied));
    if (f == NULL || f->result != SQL_FLOAT8) return ST_OK;
    *out = bind_call(b, SQL_FLOAT8, "sql_real(%1)", (struct expr *[3]){e}); /* As it is stored. */
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

enum status bind_needs_window(struct binder *b, const PgQuery__FuncCall *c)
{
    if (b->exec_version < WINDOWS_SINCE || find_function(name_of(c)) == NULL) return ST_OK;
    const struct span name = name_of(c);
    return bind_fail(b, c->location, "42809", "window function %.*s requires an OVER clause",
                     (int)name.size, (const char *)name.data);
}

static enum status check_place(struct binder *b, int32_t position)
{
    if (b->clause == CLAUSE_AGGREGATE)
        return bind_fail(b, position, "42803",
                         "aggregate function calls cannot contain window function calls");
    if (b->clause == CLAUSE_WINDOW)
        return bind_fail(b, position, "42P20", "window function calls cannot be nested");
    const char *name = b->clause == CLAUSE_HAVING ? "HAVING" : bind_clause_name(b->clause);
    if (name == NULL && b->query != NULL) return ST_OK;
    return bind_fail(b, position, "42P20", "window functions are not allowed in %s",
                     name == NULL ? "this place" : name);
}

/* A number that decides what is looked at: it stays in the text. */
static enum status constant_number(struct binder *b,
                                   struct expr **e,
                                   const struct window_function *f,
                                   int32_t position)
{
    const struct coercion to = {.type = SQL_INT4, .typmod = -1, .context = SQL_CAST_IMPLICIT};
    TRY(bind_coerce(b, e, &to));
    const bool is_constant = (*e)->kind == EXPR_CONST && !(*e)->value.is_null;
    const int64_t number = is_constant ? (*e)->value.integer : -1;
    if (is_constant && number <= 0 && f->too_low != NULL)
        return bind_fail(b, -1, f->too_low, "argument of %s must be greater than zero", f->name);
    if (number >= 0) return ST_OK;
    return bind_unsupported(b, position,
                            "a number in a window function that is no constant above zero",
                            "Write it as a literal.");
}

/* lag(value, offset, other): other has the type of the value. */
static enum status common_type(struct binder *b, struct expr *e)
{
    struct expr *pair[2] = {e->args[0], e->args[e->arg_count == 3 ? 2 : 0]};
    if (e->arg_count == 3)
        TRY(bind_coerce_all(b, pair, 2, "LAG", &e->type));
    else
        TRY(bind_settle(b, &pair[0]));
    e->args[0] = pair[0];
    if (e->arg_count == 3) e->args[2] = pair[1];
    e->type = pair[0]->type;
    e->typmod = e->arg_count == 3 ? bind_common_typmod(pair, 2) : pair[0]->typmod;
    e->scale = e->arg_count == 3 && pair[1]->scale != pair[0]->scale ? -1 : pair[0]->scale;
    return ST_OK;
}

static enum status bind_own(struct binder *b,
                            struct expr **out,
                            const struct window_function *f,
                            const PgQuery__FuncCall *c)
{
    if (c->agg_filter != NULL)
        return bind_fail(b, c->location, "0A000",
                         "FILTER is not implemented for non-aggregate window functions");
    if (c->n_args < f->min_args || c->n_args > f->max_args || c->agg_star)
        return bind_fail(b, c->location, "42883", "function %s with %zu arguments does not exist",
                         f->name, c->n_args);
    struct expr *e = bind_new_expr(b, EXPR_WINDOW, f->result, c->location);
    if (e == NULL) return bind_no_memory(b);
    e->args = arena_alloc_zero(b->arena, c->n_args + 1, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < c->n_args; i++) {
        const bool is_number = i + 1u == f->number;
        b->keep_literals += is_number;
        TRY(bind_expr(b, &e->args[e->arg_count++], c->args[i]));
        b->keep_literals -= is_number;
        if (is_number) TRY(constant_number(b, &e->args[i], f, c->location));
    }
    e->template = f->template;
    *out = e;
    return f->result == SQL_UNKNOWN ? common_type(b, e) : ST_OK;
}

static enum status bind_aggregate(struct binder *b, struct expr **out, const PgQuery__FuncCall *c)
{
    const struct span name = name_of(c);
    if (!bind_is_aggregate_name(name))
        return bind_fail(b, c->location, "42809",
                         "OVER specified, but %.*s is not a window function nor an aggregate "
                         "function",
                         (int)name.size, (const char *)name.data);
    struct call_site site = {
        .name = name, .arg_count = (uint32_t)c->n_args, .position = c->location};
    TRY(bind_expr_list(b, &site.args, c->args, c->n_args));
    TRY(bind_function(b, out, &site));
    must((*out)->function != NULL);
    if ((*out)->function->window == SQL_WINDOW_NONE)
        return bind_unsupported(b, c->location, "this aggregate with OVER is not supported", NULL);
    return bind_finish_aggregate(b, *out, c);
}

/* --- definitions --------------------------------------------------------------------------- */

static struct window *find_window(struct binder *b, const char *name)
{
    for (uint32_t i = 0; b->query != NULL && i < b->query->window_count; i++)
        if (span_equal(b->query->windows[i]->name, span_text(name))) return b->query->windows[i];
    return NULL;
}

static enum status bind_terms(struct binder *b, struct window *w, const PgQuery__WindowDef *d)
{
    if (d->n_partition_clause > BIND_TERMS_MAX || d->n_order_clause > BIND_TERMS_MAX)
        return bind_too_many(b, "terms in a window", BIND_TERMS_MAX);
    if (d->n_partition_clause > 0)
        TRY(bind_expr_list(b, &w->partitions, d->partition_clause, d->n_partition_clause));
    if (d->n_partition_clause > 0) w->partition_count = (uint32_t)d->n_partition_clause;
    for (uint32_t i = 0; d->n_partition_clause > 0 && i < w->partition_count; i++) {
        TRY(bind_settle(b, &w->partitions[i]));
        TRY(bind_canonical(b, &w->partitions[i]));
    }
    if (d->n_order_clause == 0) return ST_OK;
    w->sorts = arena_alloc_zero(b->arena, d->n_order_clause, sizeof *w->sorts);
    if (w->sorts == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < d->n_order_clause; i++) {
        struct sort *s = &w->sorts[w->sort_count++];
        TRY(bind_expr(b, &s->expr, d->order_clause[i]->sort_by->node));
        TRY(bind_settle(b, &s->expr));
        TRY(bind_canonical(b, &s->expr));
        TRY(bind_sort_direction(b, s, d->order_clause[i]->sort_by));
    }
    return ST_OK;
}

static enum status frame_offset(struct binder *b,
                                struct window *w,
                                struct expr **out,
                                const PgQuery__Node *n)
{
    const char *which = out == &w->start ? "starting" : "ending";
    if (n == NULL) return ST_OK;
    b->keep_literals++;
    TRY(bind_expr(b, out, n));
    b->keep_literals--;
    TRY(bind_settle(b, out));
    const struct expr *e = *out;
    const bool is_whole = e->type == SQL_INT2 || e->type == SQL_INT4 || e->type == SQL_INT8;
    const bool is_constant = is_whole && e->kind == EXPR_CONST && !e->value.is_null;
    if (is_constant && e->value.integer < 0)
        return bind_fail(b, -1, "22013", "frame %s offset must not be negative", which);
    if (!is_constant)
        return bind_unsupported(b, e->position, "the offset of a frame must be a whole constant",
                                "Write it as a literal.");
    if ((w->frame & FRAME_RANGE) == 0) return ST_OK;
    if (w->sort_count != 1)
        return bind_fail(b, e->position, "42P20",
                         "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY "
                         "column");
    const enum sql_type type = w->sorts[0].expr->type;
    if (type == SQL_INT2 || type == SQL_INT4) return ST_OK;
    return bind_unsupported(b, e->position, "RANGE with an offset over this type is not supported",
                            "Order by an integer column, or use ROWS.");
}

static enum status bind_frame(struct binder *b, struct window *w, const PgQuery__WindowDef *d)
{
    w->frame = (uint32_t)d->frame_options;
    if ((w->frame & FRAME_GROUPS) != 0 && w->sort_count == 0)
        return bind_fail(b, d->location, "42P20", "GROUPS mode requires an ORDER BY clause");
    TRY(frame_offset(b, w, &w->start, d->start_offset));
    return frame_offset(b, w, &w->end, d->end_offset);
}

/* (w …): the window w and more; what w has cannot be given again. */
static enum status copy_window(struct binder *b, struct window *w, const PgQuery__WindowDef *d)
{
    if (d->refname == NULL || d->refname[0] == 0) return ST_OK;
    const struct window *base = find_window(b, d->refname);
    if (base == NULL)
        return bind_fail(b, d->location, "42704", "window \"%s\" does not exist", d->refname);
    if (d->n_partition_clause > 0)
        return bind_fail(b, d->location, "42P20",
                         "cannot override PARTITION BY clause of window \"%s\"", d->refname);
    if (d->n_order_clause > 0 && base->sort_count > 0)
        return bind_fail(b, d->location, "42P20",
                         "cannot override ORDER BY clause of window \"%s\"", d->refname);
    if ((base->frame & FRAME_NONDEFAULT) != 0)
        return bind_fail(b, d->location, "42P20",
                         "cannot copy window \"%s\" because it has a frame clause", d->refname);
    *w = *base;
    return ST_OK;
}

static enum status bind_definition(struct binder *b,
                                   struct window **out,
                                   const PgQuery__WindowDef *d)
{
    if (d->name != NULL && d->name[0] != 0) { /* OVER w */
        *out = find_window(b, d->name);
        if (*out != NULL) return ST_OK;
        return bind_fail(b, d->location, "42704", "window \"%s\" does not exist", d->name);
    }
    struct window *w = arena_alloc_zero(b->arena, 1, sizeof *w);
    if (w == NULL) return bind_no_memory(b);
    TRY(copy_window(b, w, d));
    TRY(bind_terms(b, w, d));
    *out = w;
    return bind_frame(b, w, d);
}

enum status bind_windows(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    if (s->n_window_clause == 0) return ST_OK;
    if (s->n_window_clause > BIND_TERMS_MAX) return bind_too_many(b, "windows", BIND_TERMS_MAX);
    q->windows = arena_alloc_zero(b->arena, s->n_window_clause, sizeof(struct window *));
    if (q->windows == NULL) return bind_no_memory(b);
    b->clause = CLAUSE_WINDOW;
    for (size_t i = 0; i < s->n_window_clause; i++) {
        PgQuery__WindowDef d = *s->window_clause[i]->window_def;
        const struct span name = bind_cstring(d.name);
        if (find_window(b, d.name) != NULL)
            return bind_fail(b, d.location, "42P20", "window \"%s\" is already defined", d.name);
        d.name = NULL;
        struct window *w = NULL;
        TRY(bind_definition(b, &w, &d));
        must(w != NULL);
        w->name = name;
        q->windows[q->window_count++] = w;
    }
    return ST_OK;
}

/* --- order --------------------------------------------------------------------------------- */

static bool orders_by(const struct window *w, const struct source *s, uint32_t column)
{
    for (uint32_t i = 0; i < w->partition_count; i++) {
        const struct expr *e = w->partitions[i];
        if (e->kind == EXPR_COLUMN && e->source == s && e->column == column) return true;
    }
    for (uint32_t i = 0; i < w->sort_count; i++) {
        const struct expr *e = w->sorts[i].expr;
        if (e->kind == EXPR_COLUMN && e->source == s && e->column == column) return true;
    }
    return false;
}

/* No two rows of a partition are equal: they come from one table, ordered by its primary key. */
static bool is_total(const struct binder *b, const struct window *w)
{
    const struct query *q = b->query;
    if (q->from_count != 1 || q->from[0]->join != JOIN_NONE || q->group_count > 0) return false;
    const struct source *s = q->from[0]->source;
    if (s->table == NULL || s->table->key_count == 0) return false;
    for (uint32_t k = 0; k < s->table->key_count; k++)
        if (!orders_by(w, s, s->table->key_columns[k])) return false;
    return true;
}

static enum status check_order(struct binder *b, const struct expr *e, bool is_tied)
{
    const struct window *w = e->window;
    const uint32_t grows = FRAME_START_UNBOUNDED;
    const bool is_moving = (w->frame & grows) == 0 || (w->frame & FRAME_EXCLUDES) != 0;
    const struct sql_function *f = e->function;
    if (f != NULL && is_moving) {
        const bool can_take_back =
            f->window == SQL_WINDOW_ANY || e->template == f->sqlite_same_scale;
        const bool is_open =
            e->arg_count > 0 && e->args[0]->type == SQL_NUMERIC && e->args[0]->scale < 0;
        if (!can_take_back || is_open)
            return bind_unsupported(b, e->position,
                                    "this aggregate over a frame whose start moves is not "
                                    "supported",
                                    "Start the frame at UNBOUNDED PRECEDING; cast numeric values "
                                    "to numeric(p,s).");
    }
    const uint32_t all = FRAME_START_UNBOUNDED | FRAME_END_UNBOUNDED;
    const bool is_by_row = (w->frame & FRAME_ROWS) != 0 && (w->frame & all) != all;
    if (!b->is_write || (is_tied && (f == NULL || !is_by_row)) || is_total(b, w)) return ST_OK;
    return bind_unsupported(b, e->position,
                            "a window function in a write needs an ORDER BY that leaves no ties",
                            "Select from one table and order by its primary key.");
}

/* --- emission ------------------------------------------------------------------------------ */

static void emit_bound(struct buf *out, const struct window *w, bool is_start)
{
    const uint32_t f = w->frame;
    const struct expr *offset = is_start ? w->start : w->end;
    if (offset != NULL) {
        emit_expr(out, offset);
        const bool is_preceding =
            (f & (is_start ? FRAME_START_PRECEDING : FRAME_END_PRECEDING)) != 0;
        buf_put_text(out, is_preceding ? " PRECEDING" : " FOLLOWING");
    } else if ((f & (is_start ? FRAME_START_CURRENT : FRAME_END_CURRENT)) != 0) {
        buf_put_text(out, "CURRENT ROW");
    } else {
        buf_put_text(out, is_start ? "UNBOUNDED PRECEDING" : "UNBOUNDED FOLLOWING");
    }
}

static void emit_frame(struct buf *out, const struct window *w)
{
    const uint32_t f = w->frame;
    if ((f & FRAME_NONDEFAULT) == 0) return;
    buf_put_text(out, (f & FRAME_ROWS) != 0     ? " ROWS BETWEEN "
                      : (f & FRAME_GROUPS) != 0 ? " GROUPS BETWEEN "
                                                : " RANGE BETWEEN ");
    emit_bound(out, w, true);
    buf_put_text(out, " AND ");
    emit_bound(out, w, false);
    if ((f & FRAME_EXCLUDE_CURRENT) != 0) buf_put_text(out, " EXCLUDE CURRENT ROW");
    if ((f & FRAME_EXCLUDE_GROUP) != 0) buf_put_text(out, " EXCLUDE GROUP");
    if ((f & FRAME_EXCLUDE_TIES) != 0) buf_put_text(out, " EXCLUDE TIES");
}

void emit_window(struct buf *out, const struct window *w)
{
    buf_put_text(out, " OVER (");
    for (uint32_t i = 0; i < w->partition_count; i++) {
        buf_put_text(out, i == 0 ? "PARTITION BY " : ", ");
        emit_expr(out, w->partitions[i]);
    }
    emit_sort_terms(out, w->sorts, w->sort_count, false);
    emit_frame(out, w);
    buf_put_u8(out, ')');
}
