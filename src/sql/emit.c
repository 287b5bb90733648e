/* The compiler's form to SQLite's text. No decision is made here: every expression carries its
 * template, every name is qualified and quoted. Sources are r<n>; the only table
 * that keeps its own name is the target of a write, and numbers start above it if it is called so.
 * WITH queries are "w.<n>": a name no table has. Output columns are c1, c2, … */
#include <inttypes.h>

#include "base/must.h"
#include "sql/bind_int.h"

static void emit_bare(struct buf *out, const struct expr *e);

#define JOINED_FLAT_MAX 64u /* Operands of AND and OR side by side. */

static void emit_source_name(struct buf *out, const struct source *s)
{
    if (s->reference != NULL)
        buf_put_text(out, s->reference);
    else
        buf_printf(out, "r%u", s->id);
}

static void emit_source(struct buf *out, const struct source *s);

static void emit_bytes(struct buf *out, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    buf_put_text(out, "x'");
    for (size_t i = 0; i < bytes.size; i++) {
        buf_put_u8(out, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_put_u8(out, (uint8_t)digits[bytes.data[i] & 15u]);
    }
    buf_put_u8(out, '\'');
}

static void emit_const(struct buf *out, const struct sql_value *v)
{
    if (v->is_null) {
        buf_put_text(out, "NULL");
        return;
    }
    switch (sql_type_storage(v->type)) {
    case SQL_STORE_INTEGER:
        buf_printf(out, v->integer < 0 ? "(%" PRId64 ")" : "%" PRId64, v->integer);
        return;
    case SQL_STORE_BLOB: emit_bytes(out, v->bytes); return;
    case SQL_STORE_TEXT: sql_put_text(out, v->bytes); return;
    case SQL_STORE_NONE: break;
    }
    must(false); /* Constants have a type. */
}

/* An argument of a function goes without its collation, which SQLite would carry over to what the
 * function gives; where SQLite itself compares, it says it. */
static void emit_arg(struct buf *out, const struct expr *e, uint32_t index)
{
    const char *t = e->template;
    const bool is_call = e->kind != EXPR_QUERY && t[0] >= 'a' && t[0] <= 'z' && !e->is_distinct &&
                         strncmp(t, "min(", 4) != 0 && strncmp(t, "max(", 4) != 0;
    if (is_call)
        emit_bare(out, e->args[index]);
    else
        emit_expr(out, e->args[index]);
}

static void emit_args(struct buf *out, const struct expr *e, uint32_t first)
{
    for (uint32_t i = first; i < e->arg_count; i++) {
        if (i > first) buf_put_text(out, ", ");
        emit_arg(out, e, i);
    }
}

static void emit_sort_key(struct buf *out, const struct expr *e)
{
    buf_put_text(out, "sql_sort_key('");
    for (uint32_t i = 0; i < e->order_count; i++) {
        const struct sort *s = &e->order[i];
        const char small = s->is_desc ? 'd' : 'a';
        const bool is_usual = s->is_desc == s->is_nulls_first;
        buf_put_u8(out, (uint8_t)(is_usual ? small : small - 32));
    }
    buf_put_u8(out, '\'');
    for (uint32_t i = 0; i < e->order_count; i++) {
        buf_put_text(out, ", ");
        emit_expr(out, e->order[i].expr);
    }
    buf_put_u8(out, ')');
}

/* "%p": of each argument its type and itself. */
static void emit_pairs(struct buf *out, const struct expr *e)
{
    for (uint32_t i = 0; i < e->arg_count; i++) {
        buf_printf(out, "%s%u, ", i > 0 ? ", " : "", (unsigned)e->args[i]->type);
        emit_arg(out, e, i);
    }
}

static void emit_placeholder(struct buf *out, const struct expr *e, char what)
{
    if (e->is_distinct && (what == '*' || what == '1')) buf_put_text(out, "DISTINCT ");
    switch (what) {
    case '*': emit_args(out, e, 0); break;
    case 'p': emit_pairs(out, e); break;
    case '+': emit_args(out, e, 1); break;
    case 'q':
        must(e->query != NULL);
        emit_query(out, e->query);
        break;
    case 'k': emit_sort_key(out, e); break;
    case 'd': buf_put_u8(out, e->is_once ? '1' : '0'); break;
    case 's':
        must(e->source != NULL);
        emit_source(out, e->source);
        break;
    case '%': buf_put_u8(out, '%'); break;
    default:
        must(what >= '1' && what <= '9');
        must((uint32_t)(what - '1') < e->arg_count);
        emit_arg(out, e, (uint32_t)(what - '1'));
        break;
    }
}

/* "%t1": the OID of the first argument's type; "%t0": of the result's. */
static void emit_type(struct buf *out, const struct expr *e, char which)
{
    must(which >= '0' && which <= '9');
    must((uint32_t)(which - '0') <= e->arg_count);
    buf_printf(out, "%u", (unsigned)(which == '0' ? e->type : e->args[which - '1']->type));
}

static void emit_template(struct buf *out, const struct expr *e)
{
    for (const char *at = e->template; *at != 0;) {
        size_t plain = strcspn(at, "%");
        buf_put(out, span_of(at, plain));
        at += plain;
        if (*at == 0) break;
        if (at[1] == 't') {
            emit_type(out, e, at[2]);
            at += 3;
            continue;
        }
        emit_placeholder(out, e, at[1]);
        at += 2;
    }
    if (e->filter != NULL) {
        buf_put_text(out, " FILTER (WHERE ");
        emit_expr(out, e->filter);
        buf_put_text(out, ")");
    }
    if (e->kind == EXPR_WINDOW) emit_window(out, e->window);
}

/* SQLite's tree of a AND b AND c … is as deep as the list is long, and bounded: long lists are
 * emitted as a balanced tree. */
static void emit_joined_part(struct buf *out, const struct expr *e, uint32_t first, uint32_t count)
{
    buf_put_u8(out, '(');
    if (count > JOINED_FLAT_MAX) {
        emit_joined_part(out, e, first, count / 2);
        buf_put_text(out, e->template);
        emit_joined_part(out, e, first + count / 2, count - count / 2);
    }
    for (uint32_t i = 0; count <= JOINED_FLAT_MAX && i < count; i++) {
        if (i > 0) buf_put_text(out, e->template);
        emit_expr(out, e->args[first + i]);
    }
    buf_put_u8(out, ')');
}

static void emit_case(struct buf *out, const struct expr *e)
{
    must(e->arg_count % 2 == 1);
    buf_put_text(out, "(CASE");
    for (uint32_t i = 0; i + 1 < e->arg_count; i += 2) {
        buf_put_text(out, " WHEN ");
        emit_expr(out, e->args[i]);
        buf_put_text(out, " THEN ");
        emit_expr(out, e->args[i + 1]);
    }
    buf_put_text(out, " ELSE ");
    emit_expr(out, e->args[e->arg_count - 1]);
    buf_put_text(out, " END)");
}

/* "%s" in the text is the source. */
static void emit_made_column(struct buf *out, const struct source *s, const char *text)
{
    const char *at = strstr(text, "%s");
    must(at != NULL);
    buf_put(out, span_of(text, (size_t)(at - text)));
    emit_source_name(out, s);
    buf_put_text(out, at + 2);
}

static void emit_column(struct buf *out, const struct expr *e)
{
    const bool is_alone = e->source->reference != NULL && e->source->reference[0] == 0;
    const char *made = e->source->fields[e->column].sqlite;
    if (made != NULL) {
        emit_made_column(out, e->source, made);
        return;
    }
    emit_source_name(out, e->source);
    if (!is_alone) buf_put_u8(out, '.');
    if (e->source->table != NULL)
        sql_put_name(out, catalog_column_name(e->source->table, e->column));
    else
        buf_printf(out, "c%u", e->column + 1);
}

/* What a column says by itself, other expressions must be told: by what they are compared. */
static const char *collation_of(const struct expr *e)
{
    const bool is_made =
        e->kind == EXPR_COLUMN &&
        (e->source->function != NULL || e->source->rows != NULL || e->source->is_lateral);
    if (e->kind == EXPR_COLUMN && !is_made) return NULL;
    if (e->kind == EXPR_DEFAULT) return NULL;
    return sql_type_info(e->type)->collation;
}

void emit_expr(struct buf *out, const struct expr *e)
{
    const char *collation = collation_of(e);
    if (collation == NULL) {
        emit_bare(out, e);
        return;
    }
    buf_put_u8(out, '(');
    emit_bare(out, e);
    buf_printf(out, " COLLATE %s)", collation);
}

static void emit_bare(struct buf *out, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_CONST: emit_const(out, &e->value); return;
    case EXPR_PARAM: buf_printf(out, "?%u", e->param); return;
    case EXPR_COLUMN: emit_column(out, e); return;
    case EXPR_JOINED: emit_joined_part(out, e, 0, e->arg_count); return;
    case EXPR_CASE: emit_case(out, e); return;
    case EXPR_CALL:
    case EXPR_QUERY:
    case EXPR_AGGREGATE:
    case EXPR_WINDOW: emit_template(out, e); return;
    case EXPR_GROUPING: buf_put_u8(out, '0'); return; /* Printed only to be compared. */
    case EXPR_DEFAULT: break;
    }
    must(false); /* DEFAULT is replaced before. */
}

/* --- queries ------------------------------------------------------------------------------- */

static void emit_from(struct buf *out, const struct from *f);
static void emit_columns(struct buf *out, uint32_t count);

static void emit_call(struct buf *out, const struct source *s)
{
    sql_put_name(out, span_text(s->function));
    for (uint32_t i = 0; i < s->arg_count; i++) {
        buf_put_text(out, i == 0 ? "(" : ", ");
        emit_expr(out, s->args[i]);
    }
    buf_put_u8(out, ')');
}

/* Items of FROM that name others before them are arguments of json_each, which may: SQLite has no
 * LATERAL of its own. */
static void emit_lateral(struct buf *out, const struct source *s)
{
    buf_put_text(out, "json_each((SELECT sql_rows(");
    emit_columns(out, s->field_count);
    buf_put_text(out, s->field_count == 0 ? "NULL) FROM (" : ") FROM (");
    emit_query(out, s->query);
    buf_put_text(out, ")))");
}

static void emit_source(struct buf *out, const struct source *s)
{
    must(s->joined == NULL); /* A name, whose parts stand in FROM. */
    if (s->table != NULL) {
        sql_put_name(out, s->table->sqlite_name);
    } else if (s->cte != NULL) {
        buf_printf(out, "\"w.%u\"", s->cte->id);
    } else if (s->function != NULL) {
        emit_call(out, s);
    } else if (s->rows != NULL) {
        emit_bare(out, s->rows);
    } else if (s->is_lateral) {
        emit_lateral(out, s);
    } else {
        buf_put_u8(out, '(');
        emit_query(out, s->query);
        buf_put_u8(out, ')');
    }
    buf_put_text(out, " AS ");
    emit_source_name(out, s);
}

static void emit_join(struct buf *out, const struct from *f)
{
    static const char *const words[] = {"", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "};
    bool is_nested = f->right->join != JOIN_NONE;
    emit_from(out, f->left);
    buf_put_text(out, words[f->join]);
    if (is_nested) buf_put_u8(out, '(');
    emit_from(out, f->right);
    if (is_nested) buf_put_u8(out, ')');
    if (f->on == NULL) return;
    buf_put_text(out, " ON ");
    emit_expr(out, f->on);
}

static void emit_from(struct buf *out, const struct from *f)
{
    if (f->join == JOIN_NONE)
        emit_source(out, f->source);
    else
        emit_join(out, f);
}

/* a, (b LEFT JOIN c): without parentheses it means the same as long as rows of b and c are looked
 * for from the left, and what stands behind a is then seen by b and c. */
static bool is_open(const struct from *f)
{
    if (f->join == JOIN_NONE) return true;
    return f->join != JOIN_RIGHT && f->join != JOIN_FULL && is_open(f->left);
}

static bool is_lateral(const struct from *f)
{
    if (f->join != JOIN_NONE) return is_lateral(f->left) || is_lateral(f->right);
    return f->source->is_lateral || f->source->rows != NULL;
}

void emit_from_items(struct buf *out, const struct query *q, bool is_beside)
{
    for (uint32_t i = 0; i < q->from_count; i++) {
        bool is_nested = (i > 0 || is_beside) && q->from[i]->join != JOIN_NONE;
        if (is_nested && is_lateral(q->from[i]) && is_open(q->from[i])) is_nested = false;
        buf_put_text(out, i == 0 && !is_beside ? " FROM " : ", ");
        if (is_nested) buf_put_u8(out, '(');
        emit_from(out, q->from[i]);
        if (is_nested) buf_put_u8(out, ')');
    }
}

void emit_targets(struct buf *out, const struct target *targets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        emit_expr(out, targets[i].expr);
        buf_printf(out, " AS c%u", i + 1);
    }
    if (count == 0) buf_put_text(out, "NULL");
}

static bool is_never_null(const struct expr *e)
{
    return e->kind == EXPR_COLUMN && e->source->fields[e->column].is_not_null &&
           !e->source->is_nullable;
}

static void emit_direction(struct buf *out, const struct sort *s)
{
    if (s->is_desc) buf_put_text(out, " DESC");
    if (s->is_nulls_first != s->is_desc || !is_never_null(s->expr))
        buf_put_text(out, s->is_nulls_first ? " NULLS FIRST" : " NULLS LAST");
}

void emit_sort_terms(struct buf *out, const struct sort *sorts, uint32_t count, bool is_output)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct sort *s = &sorts[i];
        buf_put_text(out, i == 0 ? " ORDER BY " : ", ");
        /* A constant would be taken for an output column. */
        if (s->ordinal > 0 && (is_output || s->expr->kind != EXPR_COLUMN))
            buf_printf(out, "%u", s->ordinal);
        else if (s->expr->kind == EXPR_CONST)
            buf_put_text(out, "NULL");
        else
            emit_expr(out, s->expr);
        emit_direction(out, s);
    }
}

static void emit_sorts(struct buf *out, const struct query *q)
{
    emit_sort_terms(out, q->sorts, q->sort_count, q->op != SET_NONE || q->row_count > 0);
}

static void emit_groups(struct buf *out, const struct query *q)
{
    for (uint32_t i = 0; i < q->group_count; i++) {
        buf_put_text(out, i == 0 ? " GROUP BY " : ", ");
        if (q->groups[i]->kind == EXPR_CONST)
            buf_put_text(out, "NULL");
        else
            emit_expr(out, q->groups[i]);
    }
    if (q->having == NULL) return;
    buf_put_text(out, " HAVING ");
    emit_expr(out, q->having);
}

static void emit_values(struct buf *out, const struct query *q)
{
    buf_put_text(out, "SELECT ");
    for (uint32_t i = 0; i < q->target_count; i++)
        buf_printf(out, "%scolumn%u AS c%u", i > 0 ? ", " : "", i + 1, i + 1);
    buf_put_text(out, " FROM (VALUES ");
    for (uint32_t i = 0; i < q->row_count; i++) {
        buf_put_text(out, i > 0 ? ", (" : "(");
        for (uint32_t k = 0; k < q->rows[i].count; k++) {
            const struct expr *e = q->rows[i].values[k];
            if (k > 0) buf_put_text(out, ", ");
            /* SQLite would call a column of VALUES by the name of one that stands there. */
            if (e->kind != EXPR_CONST && e->kind != EXPR_PARAM) buf_put_u8(out, '+');
            emit_expr(out, e);
        }
        buf_put_u8(out, ')');
    }
    buf_put_u8(out, ')');
}

/* An operand of a set operation: wrapped where SQLite's flat, left-to-right list would read it
 * otherwise. */
static void emit_operand(struct buf *out, const struct query *q, bool is_right)
{
    bool is_wrapped = q->sort_count > 0 || q->limit != NULL || q->offset != NULL ||
                      q->cte_count > 0 || (is_right && q->op != SET_NONE);
    if (is_wrapped) buf_put_text(out, "SELECT * FROM (");
    emit_query(out, q);
    if (is_wrapped) buf_put_u8(out, ')');
}

/* c1, c2, … */
static void emit_columns(struct buf *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%sc%u", i > 0 ? ", " : "", i + 1);
}

/* ALL: the first, second, … of equal rows are different rows. */
static void emit_numbered(struct buf *out, const struct query *q)
{
    buf_put_text(out, "SELECT *, row_number() OVER (PARTITION BY ");
    emit_columns(out, q->target_count);
    buf_put_text(out, ") AS n FROM (");
    emit_query(out, q);
    buf_put_u8(out, ')');
}

static void emit_set_all(struct buf *out, const struct query *q)
{
    buf_put_text(out, "SELECT ");
    emit_columns(out, q->target_count);
    buf_put_text(out, " FROM (");
    emit_numbered(out, q->left);
    buf_put_text(out, q->op == SET_INTERSECT ? " INTERSECT " : " EXCEPT ");
    emit_numbered(out, q->right);
    buf_put_u8(out, ')');
}

static void emit_set(struct buf *out, const struct query *q)
{
    if (q->is_all) {
        emit_set_all(out, q);
        return;
    }
    static const char *const words[] = {"", " UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT "};
    emit_operand(out, q->left, false);
    buf_put_text(out, words[q->op]);
    emit_operand(out, q->right, true);
}

void emit_ctes(struct buf *out, const struct query *q)
{
    for (uint32_t i = 0; i < q->cte_count; i++) {
        buf_printf(out, "%s\"w.%u\" AS (", i == 0 ? "WITH " : ", ", q->ctes[i]->id);
        emit_query(out, q->ctes[i]->query);
        buf_put_text(out, i + 1 == q->cte_count ? ") " : ")");
    }
}

static void emit_select(struct buf *out, const struct query *q)
{
    buf_put_text(out, q->is_distinct ? "SELECT DISTINCT " : "SELECT ");
    emit_targets(out, q->targets, q->target_count);
    emit_from_items(out, q, false);
    if (q->where != NULL) {
        buf_put_text(out, " WHERE ");
        emit_expr(out, q->where);
    }
    emit_groups(out, q);
}

/* DISTINCT ON and WITH TIES: the rows that a number from their window lets through. */
static void emit_ranked(struct buf *out, const struct query *q)
{
    const struct window w = {.partitions = q->distinct_on,
                             .partition_count = q->distinct_on_count,
                             .sorts = q->sorts,
                             .sort_count = q->keeps_any ? 0 : q->sort_count};
    buf_put_text(out, "SELECT ");
    emit_columns(out, q->target_count);
    buf_put_text(out, " FROM (SELECT ");
    emit_targets(out, q->targets, q->target_count);
    for (uint32_t i = 0; i < q->sort_count; i++) {
        buf_put_text(out, ", ");
        emit_expr(out, q->sorts[i].expr);
        buf_printf(out, " AS s%u", i + 1);
    }
    buf_put_text(out, q->with_ties ? ", rank()" : ", row_number()");
    emit_window(out, &w);
    buf_put_text(out, " AS n");
    emit_from_items(out, q, false);
    if (q->where != NULL) {
        buf_put_text(out, " WHERE ");
        emit_expr(out, q->where);
    }
    emit_groups(out, q);
    buf_put_text(out, q->with_ties ? ")" : ") WHERE n = 1");
    if (q->with_ties && q->limit != NULL) {
        buf_put_text(out, " WHERE n <= ");
        emit_expr(out, q->limit);
        if (q->offset != NULL) buf_put_text(out, " + ");
        if (q->offset != NULL) emit_expr(out, q->offset);
    }
    for (uint32_t i = 0; i < q->sort_count; i++) {
        buf_printf(out, "%ss%u", i == 0 ? " ORDER BY " : ", ", i + 1);
        emit_direction(out, &q->sorts[i]);
    }
}

/* GROUPING SETS. A branch is a grouped query also where its set is empty: count(*) makes it one. */
static void emit_branches(struct buf *out, const struct query *q)
{
    for (uint32_t i = 0; i < q->branch_count; i++) {
        const struct query *branch = q->branches[i];
        buf_put_text(out, i == 0 ? "SELECT " : " UNION ALL SELECT ");
        emit_targets(out, branch->targets, branch->target_count);
        buf_put_text(out, ", count(*) AS n");
        emit_from_items(out, branch, false);
        if (branch->where != NULL) {
            buf_put_text(out, " WHERE ");
            emit_expr(out, branch->where);
        }
        emit_groups(out, branch);
    }
}

static void emit_limit(struct buf *out, const struct query *q)
{
    if ((q->limit == NULL || q->with_ties) && q->offset == NULL) return;
    buf_put_text(out, " LIMIT ");
    if (q->limit != NULL && !q->with_ties)
        emit_expr(out, q->limit);
    else
        buf_put_text(out, "-1");
    if (q->offset == NULL) return;
    buf_put_text(out, " OFFSET ");
    emit_expr(out, q->offset);
}

void emit_query(struct buf *out, const struct query *q)
{
    const bool is_ranked = q->distinct_on_count > 0 || q->with_ties;
    if (q->is_scalar) buf_put_text(out, "SELECT sql_single(c1) FROM (");
    emit_ctes(out, q);
    if (q->row_count > 0)
        emit_values(out, q);
    else if (q->op != SET_NONE)
        emit_set(out, q);
    else if (q->branch_count > 0)
        emit_branches(out, q);
    else if (is_ranked)
        emit_ranked(out, q);
    else
        emit_select(out, q);
    if (!is_ranked) emit_sorts(out, q);
    emit_limit(out, q);
    if (q->is_scalar) buf_put_u8(out, ')');
}

enum status emit_finish(struct binder *b, struct buf *out, const char **text)
{
    enum status st = buf_status(out);
    struct span copy = {0};
    if (st == ST_OK) {
        copy = arena_copy(b->arena, buf_span(out));
        if (copy.data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(out);
    if (st == ST_OK) *text = (const char *)copy.data;
    if (st == ST_LIMIT) {
        diag_set(b->diag, "54000", "statement is too long");
        return st;
    }
    return st == ST_OK ? ST_OK : bind_no_memory(b);
}
