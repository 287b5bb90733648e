/* FROM: tables, subqueries and joins, and the look-up of column names in them. */
#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/numeric.h"

#define LATERAL_FIELDS_MAX 100u /* SQLite allows 127 arguments. */

/* --- tables -------------------------------------------------------------------------------- */

static bool is_system_schema(struct span schema, struct span name)
{
    if (span_equal(schema, span_text("pg_catalog"))) return true;
    if (span_equal(schema, span_text("information_schema"))) return true;
    return schema.size == 0 && name.size > 3 && memcmp(name.data, "pg_", 3) == 0;
}

const struct catalog_table *bind_find_table(const struct binder *b,
                                            struct span schema,
                                            struct span name)
{
    if (schema.size > 0) return sql_catalog_find(b->catalog, schema, name);
    for (uint32_t i = 0; i < b->path_count; i++) {
        const struct catalog_table *t = sql_catalog_find(b->catalog, b->path[i], name);
        if (t != NULL) return t;
    }
    return NULL;
}

enum status bind_table(struct binder *b,
                       const PgQuery__RangeVar *r,
                       const struct catalog_table **out)
{
    struct span schema = bind_cstring(r->schemaname);
    struct span name = bind_cstring(r->relname);
    if (r->catalogname != NULL && r->catalogname[0] != 0)
        return bind_unsupported(b, r->location, "cross-database references are not supported",
                                "Write the table as schema.table.");
    *out = bind_find_table(b, schema, name);
    if (*out != NULL) return bind_access_schema(b, (*out)->schema, SQL_RIGHT_USAGE);
    if (is_system_schema(schema, name))
        return bind_unsupported(b, r->location, "PostgreSQL's system catalogs do not exist here",
                                "See trustsql.tables, trustsql.columns and trustsql.indexes.");
    if (schema.size > 0)
        return bind_fail(b, r->location, "42P01", "relation \"%s.%s\" does not exist",
                         r->schemaname, r->relname);
    return bind_fail(b, r->location, "42P01", "relation \"%s\" does not exist", r->relname);
}

static int32_t scale_of(enum sql_type type, int32_t typmod)
{
    if (type != SQL_NUMERIC || typmod < 0) return -1;
    int32_t scale = numeric_typmod_scale(typmod);
    return scale < 0 ? 0 : scale;
}

static struct source *new_source(struct binder *b, struct span alias, uint32_t field_count)
{
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return NULL;
    s->id = ++b->next_id;
    s->alias = alias;
    s->field_count = field_count;
    s->fields = arena_alloc_zero(b->arena, field_count, sizeof *s->fields);
    if (s->fields == NULL || !b->explains) return s->fields == NULL ? NULL : s;
    b->explained = bind_grow(b, b->explained, b->explained_count, sizeof(struct source *));
    if (b->explained == NULL) return NULL;
    b->explained[b->explained_count++] = s;
    return s;
}

enum status bind_table_source(struct binder *b,
                              struct source **out,
                              const struct catalog_table *t,
                              struct span alias)
{
    struct source *s = new_source(b, alias.size > 0 ? alias : t->name, t->column_count);
    if (s == NULL) return bind_no_memory(b);
    s->table = t;
    if (alias.size == 0) s->schema = t->schema;
    for (uint32_t i = 0; i < t->column_count; i++)
        s->fields[i] = bind_table_field(t, i);
    *out = s;
    return ST_OK;
}

struct field bind_table_field(const struct catalog_table *t, uint32_t column)
{
    must(column < t->column_count);
    const struct catalog_column *c = &t->columns[column];
    return (struct field){.name = c->name,
                          .type = c->type,
                          .typmod = c->typmod,
                          .scale = scale_of(c->type, c->typmod),
                          .is_not_null = c->is_not_null};
}

static void fields_of_query(struct field *fields, const struct query *q)
{
    for (uint32_t i = 0; i < q->target_count; i++)
        fields[i] = (struct field){.name = q->targets[i].name,
                                   .type = q->targets[i].expr->type,
                                   .typmod = q->targets[i].expr->typmod,
                                   .scale = q->targets[i].expr->scale};
}

enum status bind_rename_fields(struct binder *b, struct source *s, const PgQuery__Alias *alias)
{
    if (alias == NULL) return ST_OK;
    if (alias->n_colnames > s->field_count)
        return bind_fail(b, -1, "42P10",
                         "table \"%s\" has %u columns available but %zu columns specified",
                         alias->aliasname, s->field_count, alias->n_colnames);
    for (size_t i = 0; i < alias->n_colnames; i++)
        s->fields[i].name = bind_string(alias->colnames[i]);
    return ST_OK;
}

static struct cte *find_cte(const struct binder *b, const PgQuery__RangeVar *r)
{
    if (r->schemaname != NULL && r->schemaname[0] != 0) return NULL;
    struct span name = bind_cstring(r->relname);
    for (struct cte *c = b->ctes; c != NULL; c = c->next)
        if (span_equal(c->name, name)) return c;
    return NULL;
}

static enum status bind_view_source(struct binder *b,
                                    struct source **out,
                                    const struct catalog_table *view,
                                    struct span alias)
{
    struct query *q = NULL;
    TRY(bind_view(b, &q, view));
    struct source *s = new_source(b, alias.size > 0 ? alias : view->name, q->target_count);
    if (s == NULL) return bind_no_memory(b);
    s->query = q;
    s->view = view;
    if (alias.size == 0) s->schema = view->schema;
    fields_of_query(s->fields, q);
    for (uint32_t i = 0; i < s->field_count; i++)
        s->fields[i].name = view->columns[i].name;
    *out = s;
    return ST_OK;
}

static enum status bind_system_source(struct binder *b,
                                      struct source **out,
                                      const PgQuery__RangeVar *r,
                                      bool *is_system)
{
    struct system_source found;
    struct span alias = r->alias != NULL ? bind_cstring(r->alias->aliasname) : (struct span){0};
    TRY(bind_system_relation(b, bind_cstring(r->schemaname), bind_cstring(r->relname), &found));
    *is_system = found.oid != 0;
    if (!*is_system) return ST_OK;
    TRY(bind_table_source(b, out, found.table, alias));
    (*out)->system_oid = found.oid;
    if (found.query == NULL) return ST_OK;
    (*out)->table = NULL;
    (*out)->query = found.query;
    return ST_OK;
}

static enum status bind_range_var(struct binder *b, struct source **out, const PgQuery__RangeVar *r)
{
    struct span alias = r->alias != NULL ? bind_cstring(r->alias->aliasname) : (struct span){0};
    struct cte *cte = find_cte(b, r);
    if (cte != NULL) {
        TRY(bind_cte_use(b, cte, r->location));
        struct source *s = new_source(b, alias.size > 0 ? alias : cte->name, cte->field_count);
        if (s == NULL) return bind_no_memory(b);
        s->cte = cte;
        memcpy(s->fields, cte->fields, cte->field_count * sizeof *s->fields);
        *out = s;
        return bind_rename_fields(b, s, r->alias);
    }
    bool is_system = false;
    TRY(bind_system_source(b, out, r, &is_system));
    if (is_system) return bind_rename_fields(b, *out, r->alias);
    const struct catalog_table *t = NULL;
    TRY(bind_table(b, r, &t));
    must(t != NULL);
    if (t->is_virtual && b->is_write)
        return bind_unsupported(b, r->location,
                                "a write cannot read what each node knows for itself",
                                "Read them first, and give the values.");
    TRY(bind_access_any(b, t, SQL_RIGHT_SELECT));
    if (t->relation == CATALOG_VIEW)
        TRY(bind_view_source(b, out, t, alias));
    else
        TRY(bind_table_source(b, out, t, alias));
    return bind_rename_fields(b, *out, r->alias);
}

/* The query of FROM sees the items before it. */
static enum status bind_lateral_query(struct binder *b,
                                      struct query **out,
                                      const PgQuery__Node *query,
                                      bool *is_lateral)
{
    TRY(bind_needs_or(b, 4, -1, "LATERAL is not supported", NULL));
    struct scope *scope = b->scope;
    const uint32_t refs = b->beside->outer_ref_count;
    b->scope = b->beside;
    TRY(bind_query_node(b, out, query));
    b->scope = scope;
    *is_lateral = b->beside->outer_ref_count > refs;
    return ST_OK;
}

static enum status bind_range_subselect(struct binder *b,
                                        struct source **out,
                                        const PgQuery__RangeSubselect *r)
{
    bool is_lateral = false;
    if (r->alias == NULL) {
        (void)bind_fail(b, -1, "42601", "subquery in FROM must have an alias");
        diag_hint(b->diag, "For example, FROM (SELECT ...) [AS] foo.");
        return ST_INVALID;
    }
    struct query *q = NULL;
    if (r->lateral)
        TRY(bind_lateral_query(b, &q, r->subquery, &is_lateral));
    else
        TRY(bind_query_node(b, &q, r->subquery));
    struct source *s = new_source(b, bind_cstring(r->alias->aliasname), q->target_count);
    if (s == NULL) return bind_no_memory(b);
    s->query = q;
    fields_of_query(s->fields, q);
    s->is_lateral = is_lateral;
    if (is_lateral && s->field_count > LATERAL_FIELDS_MAX)
        return bind_too_many(b, "columns of a LATERAL query", LATERAL_FIELDS_MAX);
    for (uint32_t i = 0; is_lateral && i < s->field_count; i++)
        TRY(bind_list_column(b, &s->fields[i], i, s->field_count));
    *out = s;
    return bind_rename_fields(b, s, r->alias);
}

struct expr *bind_field(struct binder *b, struct source *s, uint32_t column)
{
    must(column < s->field_count);
    if (s->joined != NULL) {
        struct expr *copy = arena_alloc(b->arena, sizeof *copy);
        if (copy != NULL) *copy = *s->entries[column].expr;
        return copy;
    }
    const struct field *f = &s->fields[column];
    struct expr *e = bind_new_expr(b, EXPR_COLUMN, f->type, -1);
    if (e == NULL) return NULL;
    e->typmod = f->typmod;
    e->scale = f->scale;
    e->source = s;
    e->column = column;
    return e;
}

static enum status add_entry(struct binder *b,
                             struct entry **entries,
                             uint32_t *count,
                             struct entry entry)
{
    if (entry.expr == NULL) return bind_no_memory(b);
    *entries = bind_grow(b, *entries, *count, sizeof **entries);
    if (*entries == NULL) return bind_no_memory(b);
    (*entries)[(*count)++] = entry;
    return ST_OK;
}

static enum status add_source(struct binder *b,
                              struct source ***sources,
                              uint32_t *count,
                              struct source *s)
{
    if (*count == BIND_SOURCES_MAX) return bind_too_many(b, "tables in one FROM", BIND_SOURCES_MAX);
    must(*count == 0 || *sources != NULL);
    for (uint32_t i = 0; i < *count; i++)
        if (span_equal((*sources)[i]->alias, s->alias) &&
            span_equal((*sources)[i]->schema, s->schema))
            return bind_fail(b, -1, "42712", "table name \"%.*s\" specified more than once",
                             (int)s->alias.size, (const char *)s->alias.data);
    *sources = bind_grow(b, *sources, *count, sizeof(struct source *));
    if (*sources == NULL) return bind_no_memory(b);
    (*sources)[(*count)++] = s;
    return ST_OK;
}

enum status bind_scope_add(struct binder *b, struct scope *scope, struct source *s)
{
    TRY(add_source(b, &scope->sources, &scope->source_count, s));
    for (uint32_t i = 0; i < s->field_count; i++)
        TRY(add_entry(b, &scope->entries, &scope->entry_count,
                      (struct entry){s->fields[i].name, bind_field(b, s, i)}));
    return ST_OK;
}

/* --- joins --------------------------------------------------------------------------------- */

static enum status bind_from_item(struct binder *b, struct from **out, const PgQuery__Node *n);

static enum status join_kind_of(struct binder *b, const PgQuery__JoinExpr *j, enum join_kind *kind)
{
    switch (j->jointype) {
    case PG_QUERY__JOIN_TYPE__JOIN_INNER: *kind = JOIN_INNER; return ST_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT: *kind = JOIN_LEFT; return ST_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT: *kind = JOIN_RIGHT; return ST_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL: *kind = JOIN_FULL; return ST_OK;
    case PG_QUERY__JOIN_TYPE__JOIN_SEMI:
    case PG_QUERY__JOIN_TYPE__JOIN_ANTI:
    case PG_QUERY__JOIN_TYPE__JOIN_UNIQUE_OUTER:
    case PG_QUERY__JOIN_TYPE__JOIN_UNIQUE_INNER:
    case PG_QUERY__JOIN_TYPE__JOIN_TYPE_UNDEFINED:
    case _PG_QUERY__JOIN_TYPE_IS_INT_SIZE: break;
    }
    return bind_unsupported(b, -1, "this kind of join is not supported", NULL);
}

static void mark_nullable(const struct from *f)
{
    if (f->join != JOIN_NONE) {
        mark_nullable(f->left);
        mark_nullable(f->right);
        return;
    }
    f->source->is_nullable = true;
}

static struct entry *find_entry(const struct from *f, struct span name)
{
    for (uint32_t i = 0; i < f->entry_count; i++)
        if (span_equal(f->entries[i].name, name)) return &f->entries[i];
    return NULL;
}

static enum status check_once(struct binder *b,
                              const struct from *f,
                              struct span name,
                              const char *side)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->entry_count; i++)
        count += span_equal(f->entries[i].name, name);
    if (count <= 1) return ST_OK;
    return bind_fail(b, -1, "42702",
                     "common column name \"%.*s\" appears more than once in %s table",
                     (int)name.size, (const char *)name.data, side);
}

/* The columns both sides share, one of each: the names of USING, or all common ones of NATURAL. */
static enum status shared_names(struct binder *b,
                                const struct from *f,
                                const PgQuery__JoinExpr *j,
                                struct row *names)
{
    uint32_t max = j->is_natural ? f->left->entry_count : (uint32_t)j->n_using_clause;
    struct expr **list = arena_alloc_zero(b->arena, 2 * (size_t)max + 1, sizeof(struct expr *));
    if (list == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < max; i++) {
        struct span name =
            j->is_natural ? f->left->entries[i].name : bind_string(j->using_clause[i]);
        const struct entry *left = find_entry(f->left, name);
        const struct entry *right = find_entry(f->right, name);
        if (j->is_natural && right == NULL) continue;
        if (left == NULL || right == NULL)
            return bind_fail(b, -1, "42703",
                             "column \"%.*s\" specified in USING clause does not exist in %s table",
                             (int)name.size, (const char *)name.data,
                             left == NULL ? "left" : "right");
        TRY(check_once(b, f->left, name, "left"));
        TRY(check_once(b, f->right, name, "right"));
        list[names->count++] = left->expr;
        list[names->count++] = right->expr;
    }
    names->values = list;
    return ST_OK;
}

static enum status merged_column(struct binder *b,
                                 struct from *f,
                                 struct expr *const pair[2],
                                 struct expr **equal)
{
    must(pair != NULL);
    TRY(bind_operator(b, equal, span_text("="), pair, -1));
    for (int i = 0; i < 2; i++)
        TRY(bind_access_field(b, pair[i]));
    struct expr *value = f->join == JOIN_RIGHT ? pair[1] : pair[0];
    struct span name = {0};
    for (uint32_t i = 0; i < f->left->entry_count; i++)
        if (f->left->entries[i].expr == pair[0]) name = f->left->entries[i].name;
    if (f->join == JOIN_FULL) {
        value = bind_call(b, (*equal)->args[0]->type, "coalesce(%1, %2)",
                          (struct expr *[3]){(*equal)->args[0], (*equal)->args[1]});
        if (value == NULL) return bind_no_memory(b);
        if (pair[0]->scale == pair[1]->scale) value->scale = pair[0]->scale;
    }
    return add_entry(b, &f->entries, &f->entry_count, (struct entry){name, value});
}

static bool is_in(const struct row *list, const struct expr *e)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->values[i] == e) return true;
    return false;
}

static enum status add_rest(struct binder *b,
                            struct from *f,
                            const struct from *side,
                            const struct row *merged)
{
    for (uint32_t i = 0; i < side->entry_count; i++)
        if (!is_in(merged, side->entries[i].expr))
            TRY(add_entry(b, &f->entries, &f->entry_count, side->entries[i]));
    return ST_OK;
}

static enum status bind_using(struct binder *b, struct from *f, const PgQuery__JoinExpr *j)
{
    struct row merged = {0};
    TRY(shared_names(b, f, j, &merged));
    struct expr *on = bind_new_expr(b, EXPR_JOINED, SQL_BOOL, -1);
    if (on == NULL) return bind_no_memory(b);
    on->template = " AND ";
    on->args = arena_alloc_zero(b->arena, merged.count / 2 + 1, sizeof(struct expr *));
    if (on->args == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < merged.count; i += 2)
        TRY(merged_column(b, f, &merged.values[i], &on->args[on->arg_count++]));
    if (on->arg_count > 0) f->on = on;
    TRY(add_rest(b, f, f->left, &merged));
    return add_rest(b, f, f->right, &merged);
}

static enum status bind_on(struct binder *b, struct from *f, const PgQuery__Node *quals)
{
    struct row none = {0};
    TRY(add_rest(b, f, f->left, &none));
    TRY(add_rest(b, f, f->right, &none));
    if (quals == NULL) return ST_OK;
    struct scope scope = {.parent = b->scope->parent,
                          .sources = f->sources,
                          .source_count = f->source_count,
                          .entries = f->entries,
                          .entry_count = f->entry_count};
    struct scope *before = b->scope;
    enum clause clause = b->clause;
    /* cppcheck-suppress autoVariables; put back below, and a binder that failed is not used again
     */
    b->scope = &scope;
    b->clause = CLAUSE_ON;
    TRY(bind_expr(b, &f->on, quals));
    b->scope = before;
    b->clause = clause;
    return bind_condition(b, &f->on, "JOIN/ON");
}

/* The right side of RIGHT and FULL JOIN cannot look at rows of the left side. */
static enum status check_lateral(struct binder *b, const struct from *f, uint32_t first_ref)
{
    for (uint32_t i = first_ref; i < b->beside->outer_ref_count; i++) {
        const struct expr *e = b->beside->outer_refs[i];
        for (uint32_t k = 0; e->kind == EXPR_COLUMN && k < f->left->source_count; k++) {
            if (f->left->sources[k] != e->source) continue;
            const struct span name = e->source->alias;
            (void)bind_fail(b, e->position, "42P10",
                            "invalid reference to FROM-clause entry for table \"%.*s\"",
                            (int)name.size, (const char *)name.data);
            diag_detail(b->diag,
                        "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
            return ST_INVALID;
        }
    }
    return ST_OK;
}

static enum status new_joined(
    struct binder *b, struct source **out, struct from *f, struct span alias, uint32_t count)
{
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return bind_no_memory(b);
    s->alias = alias;
    s->joined = f;
    s->field_count = count;
    s->entries = arena_alloc_zero(b->arena, count + 1u, sizeof *s->entries);
    s->fields = arena_alloc_zero(b->arena, count + 1u, sizeof *s->fields);
    if (s->entries == NULL || s->fields == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < count; i++) {
        const struct expr *e = f->entries[i].expr;
        s->entries[i] = f->entries[i];
        s->fields[i] = (struct field){
            .name = f->entries[i].name, .type = e->type, .typmod = e->typmod, .scale = e->scale};
    }
    *out = s;
    return ST_OK;
}

/* (a JOIN b) AS j: the names of a and b are not seen any more. */
static enum status name_join(struct binder *b, struct from *f, const PgQuery__Alias *alias)
{
    struct source *s = NULL;
    if (alias == NULL) return ST_OK;
    TRY(bind_needs_or(b, 4, -1, "an alias of a join is not supported", "Give the tables aliases."));
    TRY(new_joined(b, &s, f, bind_cstring(alias->aliasname), f->entry_count));
    must(s != NULL);
    TRY(bind_rename_fields(b, s, alias));
    for (uint32_t i = 0; i < f->entry_count; i++)
        f->entries[i].name = s->fields[i].name;
    f->sources = NULL;
    f->source_count = 0;
    return add_source(b, &f->sources, &f->source_count, s);
}

/* JOIN … USING (a) AS j: of the columns of USING alone, beside the other names. */
static enum status name_using(struct binder *b, struct from *f, const PgQuery__JoinExpr *j)
{
    struct source *s = NULL;
    if (j->join_using_alias == NULL) return ST_OK;
    TRY(bind_needs_or(b, 4, -1, "an alias of a join is not supported", "Give the tables aliases."));
    TRY(new_joined(b, &s, f, bind_cstring(j->join_using_alias->aliasname),
                   (uint32_t)j->n_using_clause));
    return add_source(b, &f->sources, &f->source_count, s);
}

static enum status bind_join(struct binder *b, struct from *f, const PgQuery__JoinExpr *j)
{
    TRY(join_kind_of(b, j, &f->join));
    TRY(bind_from_item(b, &f->left, j->larg));
    const uint32_t first_ref = b->beside->outer_ref_count;
    TRY(bind_from_item(b, &f->right, j->rarg));
    if (f->join == JOIN_RIGHT || f->join == JOIN_FULL) TRY(check_lateral(b, f, first_ref));
    for (uint32_t i = 0; i < f->left->source_count; i++)
        TRY(add_source(b, &f->sources, &f->source_count, f->left->sources[i]));
    for (uint32_t i = 0; i < f->right->source_count; i++)
        TRY(add_source(b, &f->sources, &f->source_count, f->right->sources[i]));
    if (f->join == JOIN_LEFT || f->join == JOIN_FULL) mark_nullable(f->right);
    if (f->join == JOIN_RIGHT || f->join == JOIN_FULL) mark_nullable(f->left);
    if (j->is_natural || j->n_using_clause > 0)
        TRY(bind_using(b, f, j));
    else
        TRY(bind_on(b, f, j->quals));
    TRY(name_using(b, f, j));
    return name_join(b, f, j->alias);
}

/* A function sees the items of FROM before it. */
static enum status bind_beside(struct binder *b,
                               struct source **out,
                               const PgQuery__RangeFunction *r)
{
    struct scope *scope = b->scope;
    struct scope own = {.parent = b->beside};
    /* cppcheck-suppress autoVariables; put back below, and a binder that failed is not used again
     */
    b->scope = &own;
    TRY(bind_range_function(b, out, r));
    b->scope = scope;
    return ST_OK;
}

/* What items behind it see of an item of FROM. */
static enum status show_beside(struct binder *b, const struct from *f, const struct scope *before)
{
    struct scope *beside = b->beside;
    must(beside != NULL);
    beside->source_count = before->source_count;
    beside->entry_count = before->entry_count;
    for (uint32_t i = 0; i < f->source_count; i++)
        TRY(add_source(b, &beside->sources, &beside->source_count, f->sources[i]));
    for (uint32_t i = 0; i < f->entry_count; i++)
        TRY(add_entry(b, &beside->entries, &beside->entry_count, f->entries[i]));
    return ST_OK;
}

static enum status bind_from_item(struct binder *b, struct from **out, const PgQuery__Node *n)
{
    struct from *f = arena_alloc_zero(b->arena, 1, sizeof *f);
    if (f == NULL) return bind_no_memory(b);
    *out = f;
    const struct scope before = *b->beside;
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
        TRY(bind_join(b, f, n->join_expr));
        return show_beside(b, f, &before);
    case PG_QUERY__NODE__NODE_RANGE_VAR: TRY(bind_range_var(b, &f->source, n->range_var)); break;
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        TRY(bind_range_subselect(b, &f->source, n->range_subselect));
        break;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        TRY(bind_beside(b, &f->source, n->range_function));
        break;
    default: return bind_unsupported(b, -1, "this kind of FROM item is not supported", NULL);
    }
    TRY(add_source(b, &f->sources, &f->source_count, f->source));
    for (uint32_t i = 0; i < f->source->field_count; i++) {
        const struct entry e = {f->source->fields[i].name, bind_field(b, f->source, i)};
        TRY(add_entry(b, &f->entries, &f->entry_count, e));
    }
    return show_beside(b, f, &before);
}

enum status bind_from(struct binder *b, struct query *q, PgQuery__Node *const *items, size_t count)
{
    q->from = arena_alloc_zero(b->arena, count + 1, sizeof(struct from *));
    if (q->from == NULL) return bind_no_memory(b);
    struct scope *before = b->beside;
    struct scope beside = {.parent = b->scope};
    /* cppcheck-suppress autoVariables; put back below, and a binder that failed is not used again
     */
    b->beside = &beside;
    for (size_t i = 0; i < count; i++)
        TRY(bind_from_item(b, &q->from[q->from_count++], items[i]));
    b->beside = before;
    /* Only now: items of FROM do not see each other. */
    for (uint32_t i = 0; i < q->from_count; i++) {
        struct from *f = q->from[i];
        for (uint32_t k = 0; k < f->source_count; k++)
            TRY(add_source(b, &q->scope.sources, &q->scope.source_count, f->sources[k]));
        for (uint32_t k = 0; k < f->entry_count; k++)
            TRY(add_entry(b, &q->scope.entries, &q->scope.entry_count, f->entries[k]));
    }
    return ST_OK;
}

/* --- names --------------------------------------------------------------------------------- */

struct lookup {
    struct span schema;
    struct span table; /* Size 0: not qualified. */
    struct span column;
    int32_t position;
};

static enum status use_column(struct binder *b,
                              struct expr **out,
                              struct scope *scope,
                              const struct expr *found)
{
    struct expr *e = arena_alloc(b->arena, sizeof *e);
    if (e == NULL) return bind_no_memory(b);
    *e = *found;
    *out = e;
    TRY(bind_access_field(b, e));
    if (scope == b->scope) return ST_OK;
    scope->outer_refs =
        bind_grow(b, scope->outer_refs, scope->outer_ref_count, sizeof(struct expr *));
    if (scope->outer_refs == NULL) return bind_no_memory(b);
    scope->outer_refs[scope->outer_ref_count++] = e;
    return ST_OK;
}

static bool is_ambiguous(const struct scope *scope, const struct lookup *l)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < scope->source_count; i++)
        count += l->schema.size == 0 && span_equal(scope->sources[i]->alias, l->table);
    return count > 1;
}

static struct source *find_source(const struct scope *scope, const struct lookup *l)
{
    for (uint32_t i = 0; i < scope->source_count; i++) {
        struct source *s = scope->sources[i];
        if (!span_equal(s->alias, l->table)) continue;
        if (l->schema.size == 0 || span_equal(s->schema, l->schema)) return s;
    }
    return NULL;
}

bool bind_is_system_column(struct span name)
{
    static const char *const names[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_equal(name, span_text(names[i]))) return true;
    return false;
}

static enum status no_column(struct binder *b, const struct lookup *l)
{
    if (bind_is_system_column(l->column))
        return bind_unsupported(b, l->position, "system columns are not supported",
                                "Use the primary key.");
    if (l->table.size == 0)
        return bind_fail(b, l->position, "42703", "column \"%.*s\" does not exist",
                         (int)l->column.size, (const char *)l->column.data);
    return bind_fail(b, l->position, "42703", "column %.*s.%.*s does not exist", (int)l->table.size,
                     (const char *)l->table.data, (int)l->column.size,
                     (const char *)l->column.data);
}

/* tableoid of a system catalog: what its rows are rows of. */
static enum status system_column(struct binder *b,
                                 struct expr **out,
                                 const struct source *s,
                                 const struct lookup *l)
{
    *out = NULL;
    if (s->system_oid == 0 || !span_equal(l->column, span_text("tableoid"))) return ST_OK;
    *out = bind_new_expr(b, EXPR_CONST, SQL_OID, l->position);
    if (*out == NULL) return bind_no_memory(b);
    (*out)->value = (struct sql_value){.type = SQL_OID, .integer = s->system_oid};
    return ST_OK;
}

/* No source of the name: one that has an alias cannot be called by its table's name. */
static enum status no_source(struct binder *b, const struct lookup *l)
{
    for (struct scope *scope = b->scope; scope != NULL; scope = scope->parent) {
        for (uint32_t i = 0; i < scope->source_count; i++) {
            const struct source *s = scope->sources[i];
            if (s->table == NULL || !span_equal(s->table->name, l->table)) continue;
            (void)bind_fail(b, l->position, "42P01",
                            "invalid reference to FROM-clause entry for table \"%.*s\"",
                            (int)l->table.size, (const char *)l->table.data);
            diag_hint(b->diag, "Perhaps you meant to reference the table alias \"%.*s\".",
                      (int)s->alias.size, (const char *)s->alias.data);
            return ST_INVALID;
        }
    }
    return bind_fail(b, l->position, "42P01", "missing FROM-clause entry for table \"%.*s\"",
                     (int)l->table.size, (const char *)l->table.data);
}

static bool is_twice(const struct source *s, struct span column)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->field_count; i++)
        count += span_equal(s->fields[i].name, column);
    return count > 1;
}

static enum status qualified(struct binder *b, struct expr **out, const struct lookup *l)
{
    for (struct scope *scope = b->scope; scope != NULL; scope = scope->parent) {
        struct source *s = find_source(scope, l);
        if (s == NULL) continue;
        if (is_ambiguous(scope, l))
            return bind_fail(b, l->position, "42P09", "table reference \"%.*s\" is ambiguous",
                             (int)l->table.size, (const char *)l->table.data);
        if (b->exec_version >= 4 && is_twice(s, l->column))
            return bind_fail(b, l->position, "42702", "column reference \"%.*s\" is ambiguous",
                             (int)l->column.size, (const char *)l->column.data);
        for (uint32_t i = 0; i < s->field_count; i++) {
            if (!span_equal(s->fields[i].name, l->column)) continue;
            struct expr *e = bind_field(b, s, i);
            if (e == NULL) return bind_no_memory(b);
            e->position = l->position;
            return use_column(b, out, scope, e);
        }
        TRY(system_column(b, out, s, l));
        if (*out != NULL) return ST_OK;
        return no_column(b, l);
    }
    return no_source(b, l);
}

static enum status unqualified(struct binder *b, struct expr **out, const struct lookup *l)
{
    for (struct scope *scope = b->scope; scope != NULL; scope = scope->parent) {
        const struct entry *found = NULL;
        for (uint32_t i = 0; i < scope->entry_count; i++) {
            if (!span_equal(scope->entries[i].name, l->column)) continue;
            if (found != NULL)
                return bind_fail(b, l->position, "42702", "column reference \"%.*s\" is ambiguous",
                                 (int)l->column.size, (const char *)l->column.data);
            found = &scope->entries[i];
        }
        if (found == NULL) continue;
        TRY(use_column(b, out, scope, found->expr));
        (*out)->position = l->position;
        return ST_OK;
    }
    for (struct scope *scope = b->scope; scope != NULL; scope = scope->parent) {
        if (scope->source_count != 1) continue;
        TRY(system_column(b, out, scope->sources[0], l));
        if (*out != NULL) return ST_OK;
    }
    struct lookup whole = {.table = l->column};
    for (struct scope *scope = b->scope; scope != NULL; scope = scope->parent)
        if (find_source(scope, &whole) != NULL)
            return bind_unsupported(b, l->position, "a whole row as a value is not supported",
                                    "Name the columns.");
    return no_column(b, l);
}

enum status bind_column_ref(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__ColumnRef *r = n->column_ref;
    struct lookup l = {.position = r->location};
    if (r->n_fields == 0 || r->n_fields > 3)
        return bind_unsupported(b, r->location, "cross-database references are not supported",
                                "Write schema.table.column.");
    if (r->fields[r->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR)
        return bind_unsupported(b, r->location, "a whole row as a value is not supported",
                                "Name the columns.");
    l.column = bind_string(r->fields[r->n_fields - 1]);
    if (r->n_fields >= 2) l.table = bind_string(r->fields[r->n_fields - 2]);
    if (r->n_fields == 3) l.schema = bind_string(r->fields[0]);
    if (b->clause == CLAUSE_DEFAULT)
        return bind_fail(b, r->location, "0A000",
                         "cannot use column reference in DEFAULT expression");
    if (b->clause == CLAUSE_LIMIT)
        return bind_fail(b, r->location, "42P10", "argument of LIMIT must not contain variables");
    return l.table.size == 0 ? unqualified(b, out, &l) : qualified(b, out, &l);
}

static enum status add_target(struct binder *b,
                              struct query *q,
                              struct span name,
                              struct expr *expr);

/* --- a whole row --------------------------------------------------------------------------- */

static bool has_column(const struct scope *scope, struct span name)
{
    for (uint32_t i = 0; i < scope->entry_count; i++)
        if (span_equal(scope->entries[i].name, name)) return true;
    return false;
}

static struct source *whole_row(const struct binder *b,
                                const PgQuery__ColumnRef *r,
                                struct scope **scope)
{
    const bool has_star =
        r->n_fields == 2 && r->fields[1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
    if (r->n_fields != 1 && !has_star) return NULL;
    const struct lookup l = {.table = bind_string(r->fields[0])};
    for (*scope = b->scope; *scope != NULL; *scope = (*scope)->parent) {
        if (!has_star && has_column(*scope, l.table)) return NULL;
        struct source *s = find_source(*scope, &l);
        if (s != NULL) return s;
    }
    return NULL;
}

bool bind_is_whole_row(const struct binder *b, const PgQuery__ColumnRef *r)
{
    struct scope *scope = NULL;
    return whole_row(b, r, &scope) != NULL;
}

enum status bind_whole_row(struct binder *b,
                           struct query *out,
                           const PgQuery__ColumnRef *r,
                           struct expr **mark)
{
    struct scope *scope = NULL;
    struct source *s = whole_row(b, r, &scope);
    must(s != NULL);
    for (uint32_t i = 0; i < s->field_count; i++) {
        struct expr *e = bind_field(b, s, i);
        if (e == NULL) return bind_no_memory(b);
        e->position = r->location;
        TRY(use_column(b, &e, scope, e));
        TRY(add_target(b, out, s->fields[i].name, e));
        if (s->is_nullable && s->fields[i].is_not_null && *mark == NULL) *mark = e;
    }
    const bool is_open = s->is_nullable || s->joined != NULL;
    if (!is_open || *mark != NULL) return ST_OK;
    return bind_unsupported(b, r->location, "a whole row that an outer join may miss",
                            "Name the columns, or give the table a primary key.");
}

/* --- * ------------------------------------------------------------------------------------- */

static enum status add_target(struct binder *b,
                              struct query *q,
                              struct span name,
                              struct expr *expr)
{
    if (expr == NULL) return bind_no_memory(b);
    if (q->target_count >= SQL_COLUMNS_MAX)
        return bind_fail(b, -1, "54011", "target lists can have at most %u entries",
                         SQL_COLUMNS_MAX);
    q->targets = bind_grow(b, q->targets, q->target_count, sizeof *q->targets);
    if (q->targets == NULL) return bind_no_memory(b);
    q->targets[q->target_count++] = (struct target){.expr = expr, .name = name};
    return ST_OK;
}

enum status bind_star(struct binder *b, struct query *q, const PgQuery__ColumnRef *r)
{
    if (r->n_fields == 1) {
        if (b->scope->source_count == 0)
            return bind_fail(b, r->location, "42601",
                             "SELECT * with no tables specified is not valid");
        for (uint32_t i = 0; i < b->scope->entry_count; i++) {
            TRY(add_target(b, q, b->scope->entries[i].name, b->scope->entries[i].expr));
            TRY(bind_access_field(b, b->scope->entries[i].expr));
        }
        return ST_OK;
    }
    struct lookup l = {.table = bind_string(r->fields[r->n_fields - 2])};
    if (r->n_fields == 3) l.schema = bind_string(r->fields[0]);
    struct source *s = find_source(b->scope, &l);
    l.position = r->location;
    if (s == NULL) return no_source(b, &l);
    for (uint32_t i = 0; i < s->field_count; i++) {
        TRY(add_target(b, q, s->fields[i].name, bind_field(b, s, i)));
        TRY(bind_access_field(b, q->targets[q->target_count - 1].expr));
    }
    return ST_OK;
}

static bool is_star(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) return false;
    const PgQuery__ColumnRef *r = n->column_ref;
    return r->n_fields > 0 && r->fields[r->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

enum status bind_targets(struct binder *b,
                         struct query *q,
                         PgQuery__Node *const *items,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const PgQuery__ResTarget *t = items[i]->res_target;
        if (is_star(t->val)) {
            TRY(bind_star(b, q, t->val->column_ref));
            continue;
        }
        struct expr *e = NULL;
        TRY(bind_expr(b, &e, t->val));
        bool is_named = t->name != NULL && t->name[0] != 0;
        TRY(add_target(b, q, is_named ? span_text(t->name) : bind_column_name(t->val), e));
    }
    return ST_OK;
}
