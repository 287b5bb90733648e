/* ALTER … RENAME and SET SCHEMA. Names live in the catalog alone; a column's new name is written
 * into the texts that mention it. */
#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/ddl_model.h"
#include "sql/role_int.h"

/* --- names in texts ------------------------------------------------------------------------ */

struct renaming {
    struct binder *b;
    struct span from;
    const char *to;
    bool is_found;
};

static void rename_in(struct renaming *r, ProtobufCMessage *m);

static const void *member(const ProtobufCMessage *m, unsigned offset)
{
    return (const uint8_t *)m + offset;
}

static void rename_member(struct renaming *r,
                          const ProtobufCFieldDescriptor *field,
                          const ProtobufCMessage *m)
{
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) return;
    const void *at = member(m, field->offset);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t *count = member(m, field->quantifier_offset);
        ProtobufCMessage *const *const *items = at;
        for (size_t i = 0; i < *count; i++)
            rename_in(r, (*items)[i]);
        return;
    }
    const uint32_t *which = member(m, field->quantifier_offset);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && *which != field->id) return;
    ProtobufCMessage *const *inner = at;
    if (*inner != NULL) rename_in(r, *inner);
}

/* The depth is that of a statement that was parsed: bounded. */
static void rename_in(struct renaming *r, ProtobufCMessage *m)
{
    if (m->descriptor == &pg_query__column_ref__descriptor) {
        PgQuery__ColumnRef *ref = (PgQuery__ColumnRef *)m;
        PgQuery__Node *last = ref->n_fields > 0 ? ref->fields[ref->n_fields - 1] : NULL;
        if (last == NULL || !span_equal(bind_string(last), r->from)) return;
        char *copy = arena_alloc(r->b->arena, strlen(r->to) + 1);
        r->is_found = true;
        if (copy == NULL) return; /* The deparser finds the old name: told by the caller. */
        memcpy(copy, r->to, strlen(r->to) + 1);
        last->string->sval = copy;
        return;
    }
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        rename_member(r, &m->descriptor->fields[i], m);
}

static enum status rename_text(struct renaming *r, struct span *text)
{
    const PgQuery__Node *n = NULL;
    if (text->size == 0) return ST_OK;
    TRY(ddl_parse_expr(r->b, *text, &n));
    PgQuery__Node copy = *n;
    rename_in(r, &copy.base);
    return ddl_deparse(r->b, &copy, text);
}

static enum status rename_texts(struct renaming *r, struct ddl_table *t)
{
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(rename_text(r, &t->checks[i].definition));
    for (uint32_t i = 0; i < t->catalog.column_count; i++)
        TRY(rename_text(r, &t->columns[i].generated));
    for (uint32_t i = 0; i < t->key_count; i++) {
        struct ddl_key *k = &t->keys[i];
        TRY(rename_text(r, &k->predicate));
        for (uint32_t c = 0; c < k->column_count && k->texts != NULL; c++)
            TRY(rename_text(r, &k->texts[c]));
    }
    return ST_OK;
}

/* --- RENAME -------------------------------------------------------------------------------- */

static enum status open_model(struct binder *b, struct ddl_change *c)
{
    TRY(ddl_change_open(b, c, 0));
    c->is_reshaped = !c->old->has_own_names; /* Then SQLite's names are to be its own. */
    return ST_OK;
}

static enum status rename_column(struct binder *b,
                                 struct sql_statement *out,
                                 struct ddl_change *c,
                                 const PgQuery__RenameStmt *s)
{
    struct ddl_table *t = &c->now;
    uint32_t at = UINT32_MAX;
    TRY(ddl_check_views(b, c->old));
    TRY(open_model(b, c));
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        if (span_equal(t->columns[i].name, bind_cstring(s->newname)))
            return bind_fail(b, -1, "42701", "column \"%s\" of relation \"%.*s\" already exists",
                             s->newname, (int)t->catalog.name.size,
                             (const char *)t->catalog.name.data);
        if (span_equal(t->columns[i].name, bind_cstring(s->subname))) at = i;
    }
    if (at == UINT32_MAX)
        return bind_fail(b, -1, "42703", "column \"%s\" does not exist", s->subname);
    struct renaming r = {.b = b, .from = t->columns[at].name, .to = s->newname};
    TRY(rename_texts(&r, t));
    if (t->columns[at].sqlite_name.size == 0) t->columns[at].sqlite_name = t->columns[at].name;
    t->columns[at].name = bind_cstring(s->newname);
    TRY(ddl_model_bind(b, t));
    return ddl_change_steps(b, out, c);
}

static enum status taken(struct binder *b, struct span schema, const char *name)
{
    struct ddl_names names = {.schema = schema};
    if (!ddl_is_taken(b, &names, bind_cstring(name))) return ST_OK;
    return bind_fail(b, -1, "42P07", "relation \"%s\" already exists", name);
}

static enum status rename_constraint(struct binder *b,
                                     struct sql_statement *out,
                                     struct ddl_change *c,
                                     const PgQuery__RenameStmt *s)
{
    struct span *found = NULL;
    const struct span from = bind_cstring(s->subname);
    TRY(open_model(b, c));
    for (uint32_t i = 0; i < c->now.key_count; i++) {
        const enum catalog_index_kind kind = c->now.keys[i].kind;
        const bool is_constraint = kind == CATALOG_PRIMARY || kind == CATALOG_UNIQUE;
        if (!is_constraint || !span_equal(c->now.keys[i].name, from)) continue;
        found = &c->now.keys[i].name;
        TRY(taken(b, c->old->schema, s->newname));
    }
    for (uint32_t i = 0; i < c->now.check_count; i++)
        if (span_equal(c->now.checks[i].name, from)) found = &c->now.checks[i].name;
    for (uint32_t i = 0; i < c->now.foreign_count; i++)
        if (span_equal(c->now.foreigns[i].name, from)) found = &c->now.foreigns[i].name;
    const struct span table = c->old->name;
    if (found == NULL)
        return bind_fail(b, -1, "42704", "constraint \"%s\" for table \"%.*s\" does not exist",
                         s->subname, (int)table.size, (const char *)table.data);
    for (uint32_t i = 0; i < c->now.constraints.count; i++)
        if (span_equal(c->now.constraints.taken[i], bind_cstring(s->newname)))
            return bind_fail(b, -1, "42710",
                             "constraint \"%s\" for relation \"%.*s\" already exists", s->newname,
                             (int)table.size, (const char *)table.data);
    *found = bind_cstring(s->newname);
    return ddl_change_steps(b, out, c);
}

/* In SQLite, too, so that who reads the file finds the table. */
static enum status set_name(struct binder *b,
                            struct sql_statement *out,
                            const struct catalog_table *t,
                            const struct catalog_table *now)
{
    struct span name = t->sqlite_name;
    struct buf text;
    TRY(ddl_check_views(b, t));
    if (t->relation == CATALOG_TABLE) TRY(ddl_sqlite_name(b, now, &name));
    if (!span_equal(name, t->sqlite_name)) {
        ddl_step(b, &text);
        buf_put_text(&text, "ALTER TABLE ");
        sql_put_name(&text, t->sqlite_name);
        buf_put_text(&text, " RENAME TO ");
        sql_put_name(&text, name);
        TRY(ddl_step_end(b, out, &text));
    }
    ddl_step(b, &text);
    buf_put_text(&text, "UPDATE \"trustsql.tables\" SET schema = ");
    sql_put_text(&text, now->schema);
    buf_put_text(&text, ", name = ");
    sql_put_text(&text, now->name);
    buf_put_text(&text, ", sqlite_name = ");
    sql_put_text(&text, name);
    buf_printf(&text, " WHERE id = %" PRIu64, t->id);
    TRY(ddl_step_end(b, out, &text));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

static enum status missing(struct binder *b,
                           struct sql_statement *out,
                           const PgQuery__RangeVar *r,
                           bool is_ok)
{
    if (!is_ok) return bind_fail(b, -1, "42P01", "relation \"%s\" does not exist", r->relname);
    ddl_notice(b, out, "relation \"%s\" does not exist, skipping", r->relname);
    out->is_no_op = true;
    return ST_OK;
}

static enum status rename_relation(struct binder *b,
                                   struct sql_statement *out,
                                   const PgQuery__RenameStmt *s)
{
    const struct span schema = bind_cstring(s->relation->schemaname);
    const struct span name = bind_cstring(s->relation->relname);
    const struct catalog_table *t = bind_find_table(b, schema, name);
    const struct catalog_index *index = NULL;
    for (uint32_t i = 0; t == NULL && index == NULL && i < b->path_count; i++)
        index = sql_catalog_find_index(b->catalog, schema.size > 0 ? schema : b->path[i], name, &t);
    if (t == NULL) return missing(b, out, s->relation, s->missing_ok);
    if (t->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of table %s", s->relation->relname);
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    TRY(taken(b, t->schema, s->newname));
    struct catalog_table now = *t;
    now.name = bind_cstring(s->newname);
    if (index == NULL) return set_name(b, out, t, &now);
    struct ddl_change c = {.old = t};
    TRY(open_model(b, &c));
    for (uint32_t i = 0; i < c.now.key_count; i++)
        if (c.now.keys[i].id == index->id) c.now.keys[i].name = bind_cstring(s->newname);
    return ddl_change_steps(b, out, &c);
}

static enum status rename_schema(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__RenameStmt *s)
{
    const struct catalog_schema *from = sql_catalog_schema(b->catalog, bind_cstring(s->subname));
    struct buf text;
    if (from == NULL) return bind_fail(b, -1, "3F000", "schema \"%s\" does not exist", s->subname);
    TRY(ddl_check_schema_owner(b, from));
    if (sql_catalog_schema(b->catalog, bind_cstring(s->newname)) != NULL)
        return bind_fail(b, -1, "42P06", "schema \"%s\" already exists", s->newname);
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (span_equal(t->schema, from->name)) TRY(ddl_check_views(b, t));
    }
    for (int i = 0; i < 2; i++) {
        ddl_step(b, &text);
        buf_put_text(&text, i == 0 ? "UPDATE \"trustsql.schemas\" SET name = "
                                   : "UPDATE \"trustsql.tables\" SET schema = ");
        sql_put_text(&text, bind_cstring(s->newname));
        buf_put_text(&text, i == 0 ? " WHERE name = " : " WHERE schema = ");
        sql_put_text(&text, from->name);
        TRY(ddl_step_end(b, out, &text));
    }
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

static const char *tag_of(PgQuery__ObjectType type)
{
    switch ((int)type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: return "ALTER INDEX";
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW: return "ALTER VIEW";
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return "ALTER SEQUENCE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: return "ALTER SCHEMA";
    default: return "ALTER TABLE";
    }
}

enum status compile_rename(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__RenameStmt *s = n->rename_stmt;
    struct ddl_change c = {0};
    out->kind = SQL_KIND_DDL;
    out->tag = tag_of(s->rename_type);
    const bool is_part = s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN ||
                         s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT;
    switch ((int)s->rename_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: return rename_schema(b, out, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE: return role_rename(b, out, s);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: return rename_relation(b, out, s);
    default: break;
    }
    if (!is_part) return bind_unsupported(b, 0, "this renaming is not supported", NULL);
    c.old = bind_find_table(b, bind_cstring(s->relation->schemaname),
                            bind_cstring(s->relation->relname));
    if (c.old == NULL) return missing(b, out, s->relation, s->missing_ok);
    if (c.old->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of table %s", s->relation->relname);
    if (c.old->relation != CATALOG_TABLE)
        return bind_unsupported(b, 0, "this renaming is supported for tables", NULL);
    TRY(bind_access(b, c.old, SQL_RIGHT_OWNER));
    if (s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN) return rename_column(b, out, &c, s);
    return rename_constraint(b, out, &c, s);
}

enum status compile_set_schema(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__AlterObjectSchemaStmt *s = n->alter_object_schema_stmt;
    out->kind = SQL_KIND_DDL;
    out->tag = tag_of(s->object_type);
    if (s->relation == NULL)
        return bind_unsupported(b, 0, "SET SCHEMA is supported for relations", NULL);
    const struct catalog_table *t = bind_find_table(b, bind_cstring(s->relation->schemaname),
                                                    bind_cstring(s->relation->relname));
    if (t == NULL) return missing(b, out, s->relation, s->missing_ok);
    if (t->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of table %s", s->relation->relname);
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    PgQuery__RangeVar target;
    pg_query__range_var__init(&target);
    target.schemaname = s->newschema;
    target.location = -1;
    struct span schema = {0};
    TRY(ddl_target_schema(b, &target, &schema));
    if (span_equal(schema, t->schema)) {
        out->is_no_op = true;
        return ST_OK;
    }
    struct ddl_names names = {.schema = schema};
    if (ddl_is_taken(b, &names, t->name))
        return bind_fail(b, -1, "42P07", "relation \"%.*s\" already exists in schema \"%s\"",
                         (int)t->name.size, (const char *)t->name.data, s->newschema);
    struct catalog_table now = *t;
    now.schema = schema;
    return set_name(b, out, t, &now);
}
