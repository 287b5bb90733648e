/* CREATE VIEW, and views in FROM.
 *
 * A view is kept as the text of its query and the search path it was made under; it is bound again
 * wherever it is used, with the rights of its owner. In SQLite it has an empty table, so that all
 * who go through the tables of a catalog find one. What a view reads keeps its name and form while
 * the view is there (ddl_has_views). */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/ddl_model.h"

#define VIEWS_MAX 64u /* Expanded in one statement. */

/* --- use ----------------------------------------------------------------------------------- */

static enum status parse_view(struct binder *b,
                              const struct catalog_table *view,
                              const PgQuery__Node **out)
{
    PgQuery__ParseResult *tree = NULL;
    TRY(parse_tree(&tree, b->arena, view->definition, b->diag));
    must(tree->n_stmts == 1);
    *out = tree->stmts[0]->stmt;
    return ST_OK;
}

enum status bind_view(struct binder *b, struct query **out, const struct catalog_table *view)
{
    const PgQuery__Node *n = NULL;
    const struct binder before = *b;
    if (b->view_count == VIEWS_MAX) return bind_too_many(b, "views", VIEWS_MAX);
    TRY(parse_view(b, view, &n));
    b->text = view->definition;
    b->scope = NULL;
    b->ctes = NULL;
    b->query = NULL;
    b->clause = CLAUSE_NONE;
    b->access = NULL;
    b->access_count = 0;
    b->schemas = NULL; /* Whoever made the view could use them. */
    b->schema_count = 0;
    b->keep_literals++;
    b->view_count++;
    bind_take_path(b, sql_catalog_property(b->catalog, view->id, 0, "path"));
    TRY(bind_query_node(b, out, n));
    for (uint32_t i = 0; i < (*out)->target_count; i++)
        TRY(bind_settle(b, &(*out)->targets[i].expr));
    /* What the view reads, its owner must be allowed to read. */
    if (sql_check_tables(b->catalog, b->access, b->access_count, view->owner, b->diag) != ST_OK)
        return ST_INVALID;
    b->text = before.text;
    b->scope = before.scope;
    b->ctes = before.ctes;
    b->query = before.query;
    b->clause = before.clause;
    b->access = before.access;
    b->access_count = before.access_count;
    b->schemas = before.schemas;
    b->schema_count = before.schema_count;
    b->keep_literals--;
    memcpy(b->path, before.path, sizeof b->path);
    b->path_count = before.path_count;
    return (*out)->target_count == view->column_count ? ST_OK : ST_CORRUPT;
}

/* --- CREATE VIEW --------------------------------------------------------------------------- */

struct view {
    const PgQuery__ViewStmt *stmt;
    const struct catalog_table *old; /* Replaced; null: none. */
    struct ddl_table table;
    struct query *query;
    struct span text;
};

static enum status check_view(struct binder *b, const PgQuery__ViewStmt *s)
{
    const char *persistence = s->view->relpersistence;
    if (persistence != NULL && persistence[0] != 0 && persistence[0] != 'p')
        return bind_unsupported(b, 0, "temporary views are not supported", NULL);
    if (s->with_check_option > PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION || s->n_options > 0)
        return bind_unsupported(b, 0, "options of a view are not supported", NULL);
    if (s->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return bind_unsupported(b, 0, "this kind of view is not supported", NULL);
    return ST_OK;
}

static enum status bind_text(struct binder *b, struct view *v)
{
    struct sql_access *access = b->access;
    const uint32_t params = b->param_count;
    b->keep_literals++;
    TRY(bind_query_node(b, &v->query, v->stmt->query));
    b->keep_literals--;
    if (b->param_count != params || b->moves_sequence)
        return bind_unsupported(b, 0, "parameters and nextval in a view are not supported", NULL);
    for (uint32_t i = 0; i < b->access_count; i++) {
        const struct catalog_table *t = sql_catalog_by_id(b->catalog, b->access[i].table_id);
        if (t != NULL && t->is_virtual)
            return bind_unsupported(b, 0,
                                    "a view over what a node knows for itself is not "
                                    "supported",
                                    NULL);
    }
    (void)access;
    return ddl_deparse_query(b, v->stmt->query, &v->text);
}

static enum status add_columns(struct binder *b, struct view *v)
{
    struct ddl_table *t = &v->table;
    const struct query *q = v->query;
    if (v->stmt->n_aliases > q->target_count)
        return bind_fail(b, -1, "42601", "CREATE VIEW specifies more column names than columns");
    if (q->target_count == 0)
        return bind_unsupported(b, 0, "a view without columns is not supported", NULL);
    for (uint32_t i = 0; i < q->target_count; i++) {
        TRY(bind_settle(b, &q->targets[i].expr));
        struct catalog_column c = {.name = q->targets[i].name,
                                   .type = q->targets[i].expr->type,
                                   .typmod = q->targets[i].expr->typmod};
        if (i < v->stmt->n_aliases) c.name = bind_string(v->stmt->aliases[i]);
        for (uint32_t k = 0; k < i; k++)
            if (span_equal(t->columns[k].name, c.name))
                return bind_fail(b, -1, "42701", "column \"%.*s\" specified more than once",
                                 (int)c.name.size, (const char *)c.name.data);
        t->columns = bind_grow(b, t->columns, i, sizeof *t->columns);
        if (t->columns == NULL) return bind_no_memory(b);
        t->columns[i] = c;
    }
    t->catalog.columns = t->columns;
    t->catalog.column_count = q->target_count;
    return ddl_model_name_columns(b, t);
}

/* Columns that are there stay as they are. */
static enum status check_replaced(struct binder *b, const struct view *v)
{
    const struct catalog_table *old = v->old;
    const struct catalog_table *now = &v->table.catalog;
    for (uint32_t i = 0; i < old->column_count; i++) {
        const struct catalog_column *c = &old->columns[i];
        if (i >= now->column_count)
            return bind_fail(b, -1, "42P16", "cannot drop columns from view");
        if (!span_equal(c->name, now->columns[i].name)) {
            const struct span name = now->columns[i].name;
            (void)bind_fail(b, -1, "42P16",
                            "cannot change name of view column \"%.*s\" to \"%.*s\"",
                            (int)c->name.size, (const char *)c->name.data, (int)name.size,
                            (const char *)name.data);
            diag_hint(b->diag, "Use ALTER VIEW ... RENAME COLUMN ... to change name of view "
                               "column instead.");
            return ST_INVALID;
        }
        if (c->type != now->columns[i].type || c->typmod != now->columns[i].typmod) {
            char from[64];
            char to[64];
            sql_type_name(from, c->type, c->typmod);
            sql_type_name(to, now->columns[i].type, now->columns[i].typmod);
            return bind_fail(b, -1, "42P16",
                             "cannot change data type of view column \"%.*s\" from %s to %s",
                             (int)c->name.size, (const char *)c->name.data, from, to);
        }
    }
    if (ddl_has_views(b, old->id))
        return bind_unsupported(b, 0, "a view that others read cannot be replaced",
                                "Drop and create them again.");
    return ST_OK;
}

static enum status put_view(struct binder *b, struct sql_statement *out, const struct view *v)
{
    struct buf text;
    const char *copy = NULL;
    struct ddl_property p = {.object = v->table.catalog.id, .kind = "view", .value = v->text};
    TRY(ddl_put_property(b, out, &p));
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < b->access_count; i++)
        if (b->access[i].table_id >= CATALOG_FIRST_ID)
            buf_printf(&text, "%s%" PRIu64, text.size > 0 ? " " : "", b->access[i].table_id);
    TRY(emit_finish(b, &text, &copy));
    p.kind = "uses";
    p.value = span_text(copy);
    TRY(ddl_put_property(b, out, &p));
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < b->path_count; i++) {
        if (i > 0) buf_put_text(&text, ", ");
        sql_put_name(&text, b->path[i]);
    }
    TRY(emit_finish(b, &text, &copy));
    p.kind = "path";
    p.value = span_text(copy);
    return ddl_put_property(b, out, &p);
}

static enum status find_old(struct binder *b, struct view *v)
{
    const struct span name = bind_cstring(v->stmt->view->relname);
    const struct span schema = v->table.catalog.schema;
    struct ddl_names names = {.schema = schema};
    if (!ddl_is_taken(b, &names, name)) return ST_OK;
    v->old = sql_catalog_find(b->catalog, schema, name);
    if (v->stmt->replace && v->old != NULL && v->old->relation != CATALOG_VIEW)
        return bind_fail(b, -1, "42809", "\"%s\" is not a view", v->stmt->view->relname);
    if (v->stmt->replace && v->old != NULL) return bind_access(b, v->old, SQL_RIGHT_OWNER);
    return bind_fail(b, -1, "42P07", "relation \"%s\" already exists", v->stmt->view->relname);
}

enum status compile_create_view(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    struct view v = {.stmt = n->view_stmt};
    struct ddl_drops old = {0};
    out->kind = SQL_KIND_DDL;
    out->tag = "CREATE VIEW";
    TRY(check_view(b, v.stmt));
    TRY(ddl_target_schema(b, v.stmt->view, &v.table.catalog.schema));
    TRY(bind_text(b, &v));
    const uint32_t used = b->access_count;
    TRY(find_old(b, &v));
    uint64_t next_id = sql_catalog_next_id(b->catalog);
    TRY(ddl_model_begin(b, &v.table, next_id, bind_cstring(v.stmt->view->relname)));
    TRY(ddl_own_name(b, next_id++, &v.table.catalog.sqlite_name));
    TRY(add_columns(b, &v));
    if (v.old != NULL) {
        TRY(check_replaced(b, &v));
        v.table.catalog.owner = v.old->owner;
        TRY(ddl_drops_add(b, &old, (struct ddl_object){.table = v.old}));
        TRY(ddl_drops_steps(b, out, &old));
    }
    TRY(ddl_model_create(b, out, &v.table));
    TRY(ddl_model_rows(b, out, &v.table));
    const uint32_t all = b->access_count;
    b->access_count = used;
    TRY(put_view(b, out, &v));
    if (used > 0) b->access += used; /* Rights on what it reads are asked when it is read. */
    b->access_count = all - used;
    return ddl_finish(b, out, next_id);
}
