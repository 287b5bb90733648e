/* TRUNCATE, COMMENT ON, and what needs nothing here: VACUUM, ANALYZE, REINDEX, CLUSTER. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/ddl_model.h"

/* --- TRUNCATE ------------------------------------------------------------------------------ */

static enum status add_truncated(struct binder *b, struct ddl_drops *d, const PgQuery__RangeVar *r)
{
    const struct catalog_table *t = NULL;
    TRY(bind_table(b, r, &t));
    if (t->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "permission denied for table %s", r->relname);
    if (t->relation != CATALOG_TABLE)
        return bind_fail(b, -1, "42809", "\"%s\" is not a table", r->relname);
    TRY(bind_access(b, t, SQL_RIGHT_TRUNCATE));
    return ddl_drops_add(b, d, (struct ddl_object){.table = t});
}

static bool is_listed(const struct ddl_drops *d, const struct catalog_table *t)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (d->items[i].table == t) return true;
    return false;
}

static bool refers_to(const struct catalog_table *t, const struct catalog_table *to)
{
    for (uint32_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].foreign != NULL && t->indexes[i].foreign->table_id == to->id) return true;
    return false;
}

static enum status refuse_referred(struct binder *b,
                                   const struct catalog_table *t,
                                   const struct catalog_table *to)
{
    (void)bind_fail(b, -1, "0A000",
                    "cannot truncate a table referenced in a foreign key constraint");
    diag_detail(b->diag, "Table \"%.*s\" references \"%.*s\".", (int)t->name.size,
                (const char *)t->name.data, (int)to->name.size, (const char *)to->name.data);
    diag_hint(b->diag, "Truncate table \"%.*s\" at the same time, or use TRUNCATE ... CASCADE.",
              (int)t->name.size, (const char *)t->name.data);
    return ST_UNSUPPORTED;
}

/* Tables that refer to those of the list: they join it (CASCADE), or forbid it. */
static enum status add_referring(struct binder *b,
                                 struct sql_statement *out,
                                 struct ddl_drops *d,
                                 bool is_cascade)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct catalog_table *to = d->items[i].table;
        for (uint32_t k = 0; k < sql_catalog_table_count(b->catalog); k++) {
            const struct catalog_table *t = sql_catalog_table_at(b->catalog, k);
            if (!refers_to(t, to) || is_listed(d, t)) continue;
            if (!is_cascade) return refuse_referred(b, t, to);
            ddl_notice(b, out, "truncate cascades to table \"%.*s\"", (int)t->name.size,
                       (const char *)t->name.data);
            TRY(bind_access(b, t, SQL_RIGHT_TRUNCATE));
            TRY(ddl_drops_add(b, d, (struct ddl_object){.table = t}));
        }
    }
    return ST_OK;
}

static enum status restart_sequences(struct binder *b,
                                     struct sql_statement *out,
                                     const struct catalog_table *of)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        struct ddl_sequence s;
        struct buf text;
        if (t->relation != CATALOG_SEQUENCE) continue;
        ddl_sequence_load(&s, b->catalog, t);
        if (s.table_id != of->id) continue;
        ddl_step(b, &text);
        buf_printf(&text,
                   "UPDATE \"t.%" PRIu64 "\" SET last_value = %" PRId64
                   ", log_cnt = 0, is_called = 0",
                   s.id, s.start);
        TRY(ddl_step_end(b, out, &text));
    }
    return ST_OK;
}

enum status compile_truncate(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__TruncateStmt *s = n->truncate_stmt;
    struct ddl_drops tables = {0};
    out->kind = SQL_KIND_DDL;
    out->tag = "TRUNCATE TABLE";
    for (size_t i = 0; i < s->n_relations; i++)
        TRY(add_truncated(b, &tables, s->relations[i]->range_var));
    TRY(add_referring(b, out, &tables, s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE));
    for (uint32_t i = 0; i < tables.count; i++) {
        struct buf text;
        ddl_step(b, &text);
        buf_put_text(&text, "DELETE FROM "); /* Every row's end is in the write set. */
        sql_put_name(&text, tables.items[i].table->sqlite_name);
        TRY(ddl_step_end(b, out, &text));
        if (s->restart_seqs) TRY(restart_sequences(b, out, tables.items[i].table));
    }
    return ST_OK;
}

/* --- VACUUM and the like ------------------------------------------------------------------- */

static enum status nothing(struct binder *b, struct sql_statement *out, const char *tag)
{
    out->kind = SQL_KIND_DDL;
    out->tag = tag;
    out->is_no_op = true;
    ddl_notice(b, out, "%s has nothing to do here", tag);
    return out->notice == NULL ? bind_no_memory(b) : ST_OK;
}

enum status compile_vacuum(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__VacuumStmt *s = n->vacuum_stmt;
    for (size_t i = 0; i < s->n_rels; i++) {
        const struct catalog_table *t = NULL;
        TRY(bind_table(b, s->rels[i]->vacuum_relation->relation, &t));
    }
    return nothing(b, out, s->is_vacuumcmd ? "VACUUM" : "ANALYZE");
}

enum status compile_reindex(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    (void)n;
    return nothing(b, out, "REINDEX");
}

/* No table is ever clustered, so its index must be named. */
enum status compile_cluster(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__ClusterStmt *s = n->cluster_stmt;
    if (s->relation == NULL) return nothing(b, out, "CLUSTER");
    const struct catalog_table *t = NULL;
    const struct span name = bind_cstring(s->indexname);
    TRY(bind_table(b, s->relation, &t));
    if (name.size == 0)
        return bind_fail(b, -1, "42704",
                         "there is no previously clustered index for table \"%.*s\"",
                         (int)t->name.size, (const char *)t->name.data);
    for (uint32_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].kind != CATALOG_CHECK && span_equal(t->indexes[i].name, name))
            return nothing(b, out, "CLUSTER");
    return bind_fail(b, -1, "42704", "index \"%s\" for table \"%.*s\" does not exist", s->indexname,
                     (int)t->name.size, (const char *)t->name.data);
}

/* --- COMMENT ON ---------------------------------------------------------------------------- */

struct commented {
    const PgQuery__CommentStmt *stmt;
    struct ddl_property property;
};

static enum status no_relation(struct binder *b, struct span schema, struct span name)
{
    const bool is_full = schema.size > 0;
    return bind_fail(b, -1, "42P01", "relation \"%.*s%s%.*s\" does not exist",
                     is_full ? (int)schema.size : 0, (const char *)schema.data, is_full ? "." : "",
                     (int)name.size, (const char *)name.data);
}

/* [schema,] relation [, column] */
static enum status find_commented(struct binder *b, struct commented *c, bool has_column)
{
    const PgQuery__List *names = c->stmt->object->list;
    const size_t used = names->n_items - has_column;
    if (used < 1 || used > 2)
        return bind_unsupported(b, 0, "this form of COMMENT is not supported", NULL);
    const struct span name = bind_string(names->items[used - 1]);
    const struct span schema = used == 2 ? bind_string(names->items[0]) : (struct span){0};
    const struct catalog_table *t = bind_find_table(b, schema, name);
    const struct catalog_index *x = NULL;
    for (uint32_t i = 0; t == NULL && x == NULL && !has_column && i < b->path_count; i++)
        x = sql_catalog_find_index(b->catalog, used == 2 ? schema : b->path[i], name, &t);
    if (t == NULL) return no_relation(b, schema, name);
    if (t->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of relation %.*s", (int)name.size,
                         (const char *)name.data);
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    c->property.object = x != NULL ? x->id : t->id;
    if (!has_column) return ST_OK;
    const struct span column = bind_string(names->items[names->n_items - 1]);
    for (uint32_t i = 0; i < t->column_count; i++)
        if (span_equal(t->columns[i].name, column)) c->property.part = i + 1;
    if (c->property.part > 0) return ST_OK;
    return bind_fail(b, -1, "42703", "column \"%.*s\" of relation \"%.*s\" does not exist",
                     (int)column.size, (const char *)column.data, (int)name.size,
                     (const char *)name.data);
}

static enum status find_schema(struct binder *b, struct commented *c)
{
    const struct span name = bind_string(c->stmt->object);
    const struct catalog_schema *s = sql_catalog_schema(b->catalog, name);
    if (s == NULL)
        return bind_fail(b, -1, "3F000", "schema \"%.*s\" does not exist", (int)name.size,
                         (const char *)name.data);
    c->property.object = s->id;
    return ST_OK;
}

enum status compile_comment(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    struct commented c = {.stmt = n->comment_stmt, .property = {.kind = "comment"}};
    c.property.value = bind_cstring(c.stmt->comment);
    out->kind = SQL_KIND_DDL;
    out->tag = "COMMENT";
    switch ((int)c.stmt->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: TRY(find_commented(b, &c, false)); break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN: TRY(find_commented(b, &c, true)); break;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: TRY(find_schema(b, &c)); break;
    default: return bind_unsupported(b, 0, "COMMENT on this kind of object is not supported", NULL);
    }
    TRY(ddl_put_property(b, out, &c.property));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
