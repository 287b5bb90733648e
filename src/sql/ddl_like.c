/* CREATE TABLE (LIKE other INCLUDING …): what is copied from another table. Columns and NOT NULL
 * always; names of keys and indexes are chosen anew, those of checks stay. */
#include "base/must.h"
#include "sql/ddl_model.h"

enum like_option { /* Bits, as the grammar gives them. */
                   LIKE_COMMENTS = 1 << 0,
                   LIKE_CONSTRAINTS = 1 << 2,
                   LIKE_DEFAULTS = 1 << 3,
                   LIKE_GENERATED = 1 << 4,
                   LIKE_IDENTITY = 1 << 5,
                   LIKE_INDEXES = 1 << 6
};

struct like {
    const struct catalog_table *from;
    uint32_t options;
    uint32_t first; /* The first column of the new table. */
};

static bool has(const struct like *l, enum like_option option)
{
    return (l->options & (uint32_t)option) != 0;
}

enum status ddl_like_table(struct binder *b,
                           const PgQuery__TableLikeClause *c,
                           const struct catalog_table **out)
{
    const PgQuery__RangeVar *r = c->relation;
    TRY(bind_needs_or(b, DDL_OWN_NAMES_SINCE, -1, "LIKE in CREATE TABLE is not supported",
                      "Write the columns out."));
    TRY(bind_table(b, r, out));
    if ((*out)->relation == CATALOG_SEQUENCE) {
        (void)bind_fail(b, r->location, "42809", "relation \"%s\" is invalid in LIKE clause",
                        r->relname);
        diag_detail(b->diag, "This operation is not supported for sequences.");
        return ST_INVALID;
    }
    return bind_access(b, *out, SQL_RIGHT_SELECT);
}

/* --- columns ------------------------------------------------------------------------------- */

static enum status copy_identity(struct binder *b,
                                 struct ddl_table *t,
                                 const struct like *l,
                                 uint32_t column)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *of = sql_catalog_table_at(b->catalog, i);
        struct ddl_sequence s;
        if (of->relation != CATALOG_SEQUENCE) continue;
        ddl_sequence_load(&s, b->catalog, of);
        if (s.table_id != l->from->id || s.column != column) continue;
        const uint32_t at = l->first + column;
        TRY(ddl_model_add_serial(b, t, at, NULL));
        struct ddl_sequence *made = &t->serials[t->serial_count - 1];
        made->start = s.start;
        made->increment = s.increment;
        made->min = s.min;
        made->max = s.max;
        made->cache = s.cache;
        made->is_cycle = s.is_cycle;
        t->columns[at].identity = l->from->columns[column].identity;
    }
    return ST_OK;
}

enum status ddl_like_columns(struct binder *b,
                             struct ddl_table *t,
                             const PgQuery__TableLikeClause *c)
{
    struct like l = {.options = c->options, .first = t->catalog.column_count};
    TRY(ddl_like_table(b, c, &l.from));
    for (uint32_t i = 0; i < l.from->column_count; i++) {
        struct catalog_column column = l.from->columns[i];
        const bool is_identity = column.identity != 0;
        for (uint32_t k = 0; k < t->catalog.column_count; k++)
            if (span_equal(t->columns[k].name, column.name))
                return bind_fail(b, -1, "42701", "column \"%.*s\" specified more than once",
                                 (int)column.name.size, (const char *)column.name.data);
        if (t->catalog.column_count >= SQL_COLUMNS_MAX)
            return bind_fail(b, -1, "54011", "tables can have at most %u columns", SQL_COLUMNS_MAX);
        column.sqlite_name = (struct span){0};
        column.identity = 0;
        if (!has(&l, LIKE_DEFAULTS) || is_identity) column.default_sql = (struct span){0};
        if (!has(&l, LIKE_GENERATED)) column.generated = (struct span){0};
        t->columns = bind_grow(b, t->columns, t->catalog.column_count, sizeof *t->columns);
        if (t->columns == NULL) return bind_no_memory(b);
        t->columns[t->catalog.column_count++] = column;
        t->catalog.columns = t->columns;
        if (is_identity && has(&l, LIKE_IDENTITY)) TRY(copy_identity(b, t, &l, i));
    }
    return ST_OK;
}

/* --- constraints --------------------------------------------------------------------------- */

static enum status copy_key(struct binder *b,
                            struct ddl_table *t,
                            const struct like *l,
                            const struct catalog_index *x)
{
    if (x->expressions != NULL || x->predicate.size > 0)
        return bind_unsupported(b, 0,
                                "LIKE of a table with indexes over expressions or with WHERE is "
                                "not supported",
                                "Make these indexes with CREATE INDEX.");
    for (uint32_t i = 0; i < t->key_count; i++)
        if (x->kind == CATALOG_PRIMARY && t->keys[i].kind == CATALOG_PRIMARY)
            return bind_fail(b, -1, "42P16",
                             "multiple primary keys for table \"%.*s\" are not allowed",
                             (int)t->catalog.name.size, (const char *)t->catalog.name.data);
    t->keys = bind_grow(b, t->keys, t->key_count, sizeof *t->keys);
    if (t->keys == NULL) return bind_no_memory(b);
    struct ddl_key *k = &t->keys[t->key_count++];
    *k = (struct ddl_key){.kind = x->kind, .column_count = x->column_count};
    for (uint32_t i = 0; i < x->column_count; i++) {
        k->columns[i] = l->first + x->columns[i];
        k->options[i] = x->options[i];
    }
    return ST_OK;
}

static bool has_comment(const struct binder *b, uint64_t object, uint32_t part)
{
    return sql_catalog_property(b->catalog, object, part, "comment").size > 0;
}

static enum status check_comments(struct binder *b, const struct like *l)
{
    bool is_any = false;
    for (uint32_t i = 0; i < l->from->column_count; i++)
        is_any = is_any || has_comment(b, l->from->id, i + 1);
    for (uint32_t i = 0; i < l->from->index_count; i++)
        is_any = is_any || has_comment(b, l->from->indexes[i].id, 0);
    if (!is_any) return ST_OK;
    return bind_unsupported(b, 0, "LIKE … INCLUDING COMMENTS is not supported", "Use COMMENT ON.");
}

/* The columns of the new table at which those of the clause begin: first. */
enum status ddl_like_keys(struct binder *b,
                          struct ddl_table *t,
                          const PgQuery__TableLikeClause *c,
                          uint32_t first)
{
    struct like l = {.options = c->options, .first = first};
    TRY(ddl_like_table(b, c, &l.from));
    if (has(&l, LIKE_COMMENTS)) TRY(check_comments(b, &l));
    for (uint32_t i = 0; has(&l, LIKE_INDEXES) && i < l.from->index_count; i++) {
        const enum catalog_index_kind kind = l.from->indexes[i].kind;
        if (kind != CATALOG_CHECK && kind != CATALOG_FOREIGN)
            TRY(copy_key(b, t, &l, &l.from->indexes[i]));
    }
    return ST_OK;
}

enum status ddl_like_checks(struct binder *b,
                            struct ddl_table *t,
                            const PgQuery__TableLikeClause *c)
{
    struct like l = {.options = c->options};
    TRY(ddl_like_table(b, c, &l.from));
    for (uint32_t i = 0; has(&l, LIKE_CONSTRAINTS) && i < l.from->index_count; i++) {
        const struct catalog_index *x = &l.from->indexes[i];
        const PgQuery__Node *n = NULL;
        const struct span before = b->text;
        if (x->kind != CATALOG_CHECK) continue;
        t->checks = bind_grow(b, t->checks, t->check_count, sizeof *t->checks);
        if (t->checks == NULL) return bind_no_memory(b);
        struct ddl_check *check = &t->checks[t->check_count++];
        *check = (struct ddl_check){.name = x->name, .definition = x->definition};
        TRY(ddl_parse_expr(b, x->definition, &n));
        TRY(ddl_bind_expr(b, &check->expr, &t->catalog, n, false));
        b->text = before;
    }
    return ST_OK;
}
