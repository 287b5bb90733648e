/* CREATE INDEX: over columns and expressions, whole or partial. */
#include "base/must.h"
#include "sql/ddl_model.h"

#define EXPRESSIONS_SINCE 4u /* exec_version: indexes over expressions, partial ones, storage. */

struct index {
    struct ddl_table table;
    struct ddl_key key;
};

static enum status check_options(struct binder *b, const PgQuery__IndexStmt *s)
{
    int32_t position = s->relation->location;
    if (s->access_method != NULL && s->access_method[0] != 0 &&
        strcmp(s->access_method, "btree") != 0)
        return bind_unsupported(b, position, "the only access method is btree", NULL);
    if (s->where_clause != NULL)
        TRY(bind_needs_or(b, EXPRESSIONS_SINCE, position, "partial indexes are not supported",
                          NULL));
    if (s->n_index_including_params > 0)
        return bind_unsupported(b, position, "INCLUDE is not supported",
                                "Add the columns to the index.");
    if (s->nulls_not_distinct)
        return bind_unsupported(b, position, "NULLS NOT DISTINCT is not supported", NULL);
    if (s->concurrent)
        TRY(bind_needs_or(b, EXPRESSIONS_SINCE, position, "CONCURRENTLY is not supported",
                          "Leave it out."));
    if (s->n_options > 0 || (s->table_space != NULL && s->table_space[0] != 0))
        TRY(bind_needs_or(b, EXPRESSIONS_SINCE, position, "storage options are not supported",
                          "Leave them out."));
    return ST_OK;
}

static enum status check_open(struct binder *b, const struct index *x, enum sql_type type, bool is)
{
    if (!is || type != SQL_NUMERIC || x->key.kind == CATALOG_INDEX) return ST_OK;
    return bind_unsupported(b, -1, "a key over numeric without precision is not supported",
                            "Use numeric(p,s): then equal values are equal bytes.");
}

/* An expression, or a column in brackets. */
static enum status add_expression(struct binder *b, struct index *x, const PgQuery__Node *n)
{
    struct ddl_key *k = &x->key;
    struct expr *e = NULL;
    TRY(ddl_bind_expr(b, &e, &x->table.catalog, n, true));
    if (e->kind == EXPR_COLUMN) {
        k->columns[k->column_count++] = e->column;
        return ST_OK;
    }
    TRY(bind_settle(b, &e));
    if (e->is_stable) {
        (void)bind_fail(b, -1, "42P17", "functions in index expression must be marked IMMUTABLE");
        return ST_INVALID;
    }
    TRY(check_open(b, x, e->type, e->scale < 0));
    if (k->exprs == NULL) {
        k->exprs = arena_alloc_zero(b->arena, CATALOG_KEY_COLUMNS_MAX, sizeof(struct expr *));
        k->texts = arena_alloc_zero(b->arena, CATALOG_KEY_COLUMNS_MAX, sizeof *k->texts);
        if (k->exprs == NULL || k->texts == NULL) return bind_no_memory(b);
    }
    k->exprs[k->column_count] = e;
    TRY(ddl_deparse(b, n, &k->texts[k->column_count]));
    k->columns[k->column_count++] = CATALOG_EXPRESSION;
    return ST_OK;
}

static uint8_t order_of(const PgQuery__IndexElem *e)
{
    uint8_t options = 0;
    if (e->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC) options |= CATALOG_DESC;
    if (e->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST)
        options |= CATALOG_NULLS_FIRST;
    if (e->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST)
        options |= CATALOG_NULLS_LAST;
    return options;
}

/* text_pattern_ops and its like: the order of the bytes, which is the only one here. */
static bool is_pattern(const struct binder *b, const PgQuery__IndexElem *e)
{
    if (b->exec_version < EXPRESSIONS_SINCE || e->n_opclass == 0) return false;
    const struct span name = bind_string(e->opclass[e->n_opclass - 1]);
    return span_equal(name, span_text("text_pattern_ops")) ||
           span_equal(name, span_text("varchar_pattern_ops")) ||
           span_equal(name, span_text("bpchar_pattern_ops"));
}

static enum status check_class(struct binder *b, const PgQuery__IndexElem *e, enum sql_type type)
{
    if (!is_pattern(b, e)) return ST_OK;
    const struct span name = bind_string(e->opclass[e->n_opclass - 1]);
    const bool is_bpchar = span_equal(name, span_text("bpchar_pattern_ops"));
    if (type == (is_bpchar ? SQL_BPCHAR : SQL_TEXT)) return ST_OK;
    return bind_fail(b, -1, "42804", "operator class \"%.*s\" does not accept data type %s",
                     (int)name.size, (const char *)name.data, bind_type_name(b, type));
}

static enum status add_column(struct binder *b, struct index *x, const PgQuery__IndexElem *e)
{
    const struct catalog_table *t = &x->table.catalog;
    struct ddl_key *k = &x->key;
    if (e->expr != NULL)
        TRY(bind_needs_or(b, EXPRESSIONS_SINCE, -1, "indexes over expressions are not supported",
                          "Keep the value in a column of its own."));
    if (e->n_collation > 0 || (e->n_opclass > 0 && (e->expr != NULL || !is_pattern(b, e))))
        return bind_unsupported(b, -1, "operator classes and collations are not supported", NULL);
    if (k->column_count == CATALOG_KEY_COLUMNS_MAX)
        return bind_fail(b, -1, "54011", "cannot use more than %u columns in an index",
                         CATALOG_KEY_COLUMNS_MAX);
    k->options[k->column_count] = order_of(e) | (is_pattern(b, e) ? CATALOG_PATTERN : 0);
    if (e->expr != NULL) return add_expression(b, x, e->expr);
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, bind_cstring(e->name))) continue;
        TRY(check_open(b, x, t->columns[i].type, t->columns[i].typmod < 0));
        TRY(check_class(b, e, t->columns[i].type));
        k->columns[k->column_count++] = i;
        return ST_OK;
    }
    return bind_fail(b, -1, "42703", "column \"%s\" does not exist", e->name);
}

static enum status add_predicate(struct binder *b, struct index *x, const PgQuery__Node *where)
{
    if (where == NULL) return ST_OK;
    TRY(ddl_bind_expr(b, &x->key.where, &x->table.catalog, where, true));
    TRY(bind_condition(b, &x->key.where, "WHERE"));
    if (x->key.where->is_stable)
        return bind_fail(b, -1, "42P17", "functions in index predicate must be marked IMMUTABLE");
    return ddl_deparse(b, where, &x->key.predicate);
}

/* PostgreSQL calls an expression as it would call a column of that value. */
static enum status choose_name(struct binder *b, struct index *x, const PgQuery__IndexStmt *s)
{
    struct buf text;
    const char *columns = NULL;
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < x->key.column_count; i++) {
        if (i > 0) buf_put_u8(&text, '_');
        if (x->key.columns[i] != CATALOG_EXPRESSION) {
            buf_put(&text, x->table.columns[x->key.columns[i]].name);
            continue;
        }
        const struct span name = bind_column_name(s->index_params[i]->index_elem->expr);
        const bool has_name = !span_equal(name, span_text("?column?"));
        buf_put(&text, has_name ? name : span_text("expr"));
    }
    TRY(emit_finish(b, &text, &columns));
    struct ddl_names names = {.schema = x->table.catalog.schema};
    struct ddl_name_parts parts = {
        .table = x->table.catalog.name, .columns = span_text(columns), .label = "idx"};
    return ddl_choose_name(b, &names, &parts, &x->key.name);
}

static enum status add_steps(struct binder *b, struct sql_statement *out, struct index *x)
{
    x->key.id = sql_catalog_next_id(b->catalog);
    TRY(ddl_model_name_index(b, &x->table, &x->key));
    TRY(ddl_model_index(b, out, &x->table, &x->key));
    TRY(ddl_model_key_row(b, out, &x->table, &x->key));
    return ddl_finish(b, out, x->key.id + 1);
}

enum status compile_create_index(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__Node *n)
{
    const PgQuery__IndexStmt *s = n->index_stmt;
    const struct catalog_table *t = NULL;
    struct index x = {.key = {.name = bind_cstring(s->idxname),
                              .kind = s->unique ? CATALOG_UNIQUE_INDEX : CATALOG_INDEX}};
    out->kind = SQL_KIND_CREATE_INDEX;
    out->tag = "CREATE INDEX";
    TRY(check_options(b, s));
    if (s->concurrent) ddl_notice(b, out, "CONCURRENTLY has no effect here: reads never wait");
    TRY(bind_table(b, s->relation, &t));
    if (t->id < CATALOG_FIRST_ID)
        return bind_fail(b, s->relation->location, "42501", "permission denied for schema %s",
                         s->relation->schemaname);
    if (t->relation != CATALOG_TABLE)
        return bind_fail(b, -1, "42809", "cannot create index on relation \"%s\"",
                         s->relation->relname);
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    struct ddl_names names = {.schema = t->schema};
    if (x.key.name.size > 0 && ddl_is_taken(b, &names, x.key.name)) {
        if (!s->if_not_exists)
            return bind_fail(b, -1, "42P07", "relation \"%s\" already exists", s->idxname);
        ddl_skip(b, out, "relation", x.key.name);
        return ST_OK;
    }
    TRY(ddl_model_load(b, &x.table, t));
    for (size_t i = 0; i < s->n_index_params; i++)
        TRY(add_column(b, &x, s->index_params[i]->index_elem));
    TRY(add_predicate(b, &x, s->where_clause));
    if (x.key.name.size == 0) TRY(choose_name(b, &x, s));
    if (!t->has_own_names) TRY(ddl_check_name(b, x.key.name, s->relation->location));
    return add_steps(b, out, &x);
}
