/* Steps of DDL, names of objects, DROP, and what the other DDL files share. */
#include "sql/ddl_int.h"

#include <inttypes.h>
#include <pg_query.h>
#include <stdio.h>

#include "base/must.h"

#define STEP_TEXT_MAX (4u << 20)

void ddl_step(struct binder *b, struct buf *text)
{
    buf_init(text, b->arena->mem, STEP_TEXT_MAX);
}

enum status ddl_step_end(struct binder *b, struct sql_statement *out, struct buf *text)
{
    const char *copy = NULL;
    TRY(emit_finish(b, text, &copy));
    out->steps = bind_grow(b, out->steps, out->step_count, sizeof *out->steps);
    if (out->steps == NULL) return bind_no_memory(b);
    out->steps[out->step_count++] = copy;
    return ST_OK;
}

/* before number after. */
struct numbered {
    const char *before;
    uint64_t number;
    const char *after;
};

static enum status add_step(struct binder *b, struct sql_statement *out, struct numbered n)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text, "%s%" PRIu64 "%s", n.before, n.number, n.after);
    return ddl_step_end(b, out, &text);
}

enum status ddl_finish(struct binder *b, struct sql_statement *out, uint64_t next_id)
{
    static const char set[] = "UPDATE \"trustsql.sequences\" SET next = ";
    must(next_id >= sql_catalog_next_id(b->catalog));
    if (next_id != sql_catalog_next_id(b->catalog))
        TRY(add_step(b, out, (struct numbered){set, next_id, " WHERE name = 'object'"}));
    uint64_t version = sql_catalog_version(b->catalog) + 1;
    return add_step(b, out, (struct numbered){set, version, " WHERE name = 'catalog'"});
}

void ddl_skip(struct binder *b, struct sql_statement *out, const char *kind, struct span name)
{
    char line[DIAG_TEXT_MAX];
    bool exists = strcmp(kind, "relation") == 0;
    (void)snprintf(line, sizeof line, "%s \"%.*s\" %s, skipping", kind, (int)name.size,
                   (const char *)name.data, exists ? "already exists" : "does not exist");
    out->notice = arena_text(b->arena, line);
    out->is_no_op = true;
}

/* --- names --------------------------------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool is_same_folded(struct span a, struct span b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i])) return false;
    return true;
}

bool ddl_is_taken(const struct binder *b, const struct ddl_names *names, struct span name)
{
    const struct catalog_table *table = NULL;
    for (uint32_t i = 0; i < names->count; i++)
        if (span_equal(names->taken[i], name)) return true;
    if (sql_catalog_find(b->catalog, (struct span){0}, name) != NULL) return true;
    return sql_catalog_find_index(b->catalog, name, &table) != NULL;
}

enum status ddl_take(struct binder *b, struct ddl_names *names, struct span name)
{
    names->taken = bind_grow(b, names->taken, names->count, sizeof *names->taken);
    if (names->taken == NULL) return bind_no_memory(b);
    names->taken[names->count++] = name;
    return ST_OK;
}

/* The longest prefix of at most max bytes that ends at a character. */
static size_t clip(struct span text, size_t max)
{
    if (text.size <= max) return text.size;
    while (max > 0 && (text.data[max] & 0xC0u) == 0x80u)
        max--;
    return max;
}

enum status ddl_choose_name(struct binder *b,
                            struct ddl_names *names,
                            const struct ddl_name_parts *parts,
                            struct span *out)
{
    for (uint32_t number = 0; number < 1000; number++) {
        char label[32];
        char name[DDL_NAME_MAX + 1];
        if (number == 0)
            (void)snprintf(label, sizeof label, "%s", parts->label);
        else
            (void)snprintf(label, sizeof label, "%s%u", parts->label, number);
        size_t table = parts->table.size;
        size_t columns = parts->columns.size;
        size_t room = DDL_NAME_MAX - strlen(label) - 1 - (columns > 0);
        while (table + columns > room) { /* PostgreSQL shortens the longer. */
            if (table > columns)
                table--;
            else
                columns--;
        }
        table = clip(parts->table, table);
        columns = clip(parts->columns, columns);
        int size = snprintf(name, sizeof name, "%.*s%s%.*s_%s", (int)table,
                            (const char *)parts->table.data, columns > 0 ? "_" : "", (int)columns,
                            columns > 0 ? (const char *)parts->columns.data : "", label);
        must(size > 0);
        must((size_t)size <= DDL_NAME_MAX);
        if (ddl_is_taken(b, names, span_of(name, (size_t)size))) continue;
        *out = arena_copy(b->arena, span_of(name, (size_t)size));
        return out->data == NULL ? bind_no_memory(b) : ddl_take(b, names, *out);
    }
    return bind_fail(b, -1, "42P07", "too many objects named like \"%.*s\"", (int)parts->table.size,
                     (const char *)parts->table.data);
}

static bool is_folded_taken(const struct binder *b, struct span name)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (is_same_folded(t->sqlite_name, name)) return true;
        for (uint32_t k = 0; k < t->index_count; k++)
            if (is_same_folded(t->indexes[k].name, name)) return true;
    }
    return false;
}

enum status ddl_check_name(struct binder *b, struct span name, int32_t position)
{
    if (memchr(name.data, '.', name.size) != NULL)
        return bind_unsupported(b, position, "a name with a dot is not supported", NULL);
    if (name.size >= 7 && is_same_folded(span_of(name.data, 7), span_text("sqlite_")))
        return bind_unsupported(b, position, "names that begin with \"sqlite_\" are reserved",
                                NULL);
    if (is_folded_taken(b, name))
        return bind_unsupported(b, position,
                                "names that differ only in upper and lower case are not supported",
                                "Choose another name.");
    return ST_OK;
}

enum status ddl_check_schema(struct binder *b, const PgQuery__RangeVar *r)
{
    struct span schema = bind_cstring(r->schemaname);
    if (r->catalogname != NULL && r->catalogname[0] != 0)
        return bind_unsupported(b, r->location, "cross-database references are not supported",
                                NULL);
    if (schema.size == 0 || span_equal(schema, span_text("public"))) return ST_OK;
    bool is_ours = span_equal(schema, span_text("trustsql")) ||
                   span_equal(schema, span_text("pg_catalog")) ||
                   span_equal(schema, span_text("information_schema"));
    if (is_ours)
        return bind_fail(b, r->location, "42501", "permission denied for schema %s", r->schemaname);
    return bind_fail(b, r->location, "3F000", "schema \"%s\" does not exist", r->schemaname);
}

/* --- catalog rows -------------------------------------------------------------------------- */

enum status ddl_index_row(struct binder *b,
                          struct sql_statement *out,
                          const struct ddl_index_row *row)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.indexes\"(table_id, id, kind, name, columns, definition) "
               "VALUES (%" PRIu64 ", %" PRIu64 ", '%c', ",
               row->table_id, row->id, (char)row->kind);
    emit_text(&text, row->name);
    buf_put_text(&text, ", '");
    for (uint32_t i = 0; i < row->column_count; i++)
        buf_printf(&text, "%s%u", i > 0 ? "," : "", row->columns[i]);
    buf_put_text(&text, "', ");
    emit_text(&text, row->definition);
    buf_put_u8(&text, ')');
    return ddl_step_end(b, out, &text);
}

/* SELECT <expression>, printed by libpg_query, without "SELECT ". */
static enum status deparse_select(struct binder *b, PgQuery__ParseResult *tree, struct span *out)
{
    size_t size = pg_query__parse_result__get_packed_size(tree);
    uint8_t *packed = arena_alloc(b->arena, size);
    if (packed == NULL) return bind_no_memory(b);
    PgQueryProtobuf protobuf = {.len = pg_query__parse_result__pack(tree, packed),
                                .data = (char *)packed};
    PgQueryDeparseResult result = pg_query_deparse_protobuf(protobuf);
    enum status st = ST_OK;
    if (result.error != NULL || result.query == NULL || strncmp(result.query, "SELECT ", 7) != 0) {
        st = bind_unsupported(b, -1, "this expression is not supported in DDL", NULL);
    } else {
        *out = arena_copy(b->arena, span_text(result.query + 7));
        if (out->data == NULL) st = bind_no_memory(b);
    }
    pg_query_free_deparse_result(result);
    return st;
}

enum status ddl_deparse(struct binder *b, const PgQuery__Node *n, struct span *out)
{
    PgQuery__ResTarget target;
    pg_query__res_target__init(&target); /* The macro casts const away. */
    PgQuery__Node target_node = PG_QUERY__NODE__INIT;
    PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
    PgQuery__Node select_node = PG_QUERY__NODE__INIT;
    PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
    PgQuery__ParseResult tree = PG_QUERY__PARSE_RESULT__INIT;
    PgQuery__Node value = *n; /* The generated structures want it without const. */
    target.val = &value;
    target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
    target_node.res_target = &target;
    select.target_list = (PgQuery__Node *[1]){&target_node};
    select.n_target_list = 1;
    select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
    select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
    select_node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    select_node.select_stmt = &select;
    raw.stmt = &select_node;
    tree.version = PG_VERSION_NUM;
    tree.stmts = (PgQuery__RawStmt *[1]){&raw};
    tree.n_stmts = 1;
    return deparse_select(b, &tree, out);
}

/* --- DROP ---------------------------------------------------------------------------------- */

struct dropped {
    struct span schema;
    struct span name;
};

static enum status object_name(struct binder *b, const PgQuery__Node *n, struct dropped *out)
{
    if (n->node_case != PG_QUERY__NODE__NODE_LIST || n->list->n_items > 2)
        return bind_unsupported(b, -1, "cross-database references are not supported", NULL);
    *out = (struct dropped){.name = bind_string(n->list->items[n->list->n_items - 1])};
    if (n->list->n_items == 2) out->schema = bind_string(n->list->items[0]);
    return ST_OK;
}

static bool is_schema(struct span name)
{
    return name.size == 0 || span_equal(name, span_text("public")) ||
           span_equal(name, span_text("trustsql")) || span_equal(name, span_text("pg_catalog"));
}

static enum status missing(struct binder *b,
                           struct sql_statement *out,
                           const struct dropped *dropped,
                           const PgQuery__DropStmt *d)
{
    bool is_table = d->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    struct span name = dropped->name;
    if (!is_schema(dropped->schema)) {
        name = dropped->schema;
        if (!d->missing_ok)
            return bind_fail(b, -1, "3F000", "schema \"%.*s\" does not exist", (int)name.size,
                             (const char *)name.data);
        ddl_skip(b, out, "schema", name);
        return ST_OK;
    }
    if (d->missing_ok) {
        ddl_skip(b, out, is_table ? "table" : "index", name);
        return ST_OK;
    }
    return bind_fail(b, -1, is_table ? "42P01" : "42704", "%s \"%.*s\" does not exist",
                     is_table ? "table" : "index", (int)name.size, (const char *)name.data);
}

static enum status drop_table(struct binder *b,
                              struct sql_statement *out,
                              const struct catalog_table *t)
{
    static const char *const rows[] = {
        "DELETE FROM \"trustsql.rights\" WHERE table_id = ",
        "DELETE FROM \"trustsql.indexes\" WHERE table_id = ",
        "DELETE FROM \"trustsql.columns\" WHERE table_id = ",
        "DELETE FROM \"trustsql.tables\" WHERE id = ",
    };
    static const char *const verbs[] = {"DELETE FROM ", "DROP TABLE "};
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    for (size_t i = 0; i < 2; i++) { /* Rows first: each becomes part of the write set. */
        struct buf text;
        ddl_step(b, &text);
        buf_put_text(&text, verbs[i]);
        emit_name(&text, t->sqlite_name);
        TRY(ddl_step_end(b, out, &text));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        TRY(add_step(b, out, (struct numbered){rows[i], t->id, ""}));
    return ST_OK;
}

static enum status wrong_kind(struct binder *b, struct span name, bool wants_table)
{
    (void)bind_fail(b, -1, "42809", "\"%.*s\" is not %s", (int)name.size, (const char *)name.data,
                    wants_table ? "a table" : "an index");
    diag_hint(b->diag, wants_table ? "Use DROP INDEX to remove an index."
                                   : "Use DROP TABLE to remove a table.");
    return ST_INVALID;
}

static enum status find_and_drop_table(struct binder *b,
                                       struct sql_statement *out,
                                       const struct dropped *d,
                                       const PgQuery__DropStmt *s)
{
    const struct catalog_table *owner = NULL;
    const struct catalog_table *t = sql_catalog_find(b->catalog, d->schema, d->name);
    if (t == NULL) {
        if (sql_catalog_find_index(b->catalog, d->name, &owner) != NULL)
            return wrong_kind(b, d->name, true);
        return missing(b, out, d, s);
    }
    if (t->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of table %.*s", (int)d->name.size,
                         (const char *)d->name.data);
    return drop_table(b, out, t);
}

static enum status drop_index(struct binder *b,
                              struct sql_statement *out,
                              const struct catalog_table *t,
                              const struct catalog_index *index)
{
    struct buf text;
    if (index->kind == CATALOG_PRIMARY || index->kind == CATALOG_UNIQUE) {
        (void)bind_fail(b, -1, "2BP01",
                        "cannot drop index %.*s because constraint %.*s on table %.*s requires it",
                        (int)index->name.size, (const char *)index->name.data,
                        (int)index->name.size, (const char *)index->name.data, (int)t->name.size,
                        (const char *)t->name.data);
        return ST_INVALID;
    }
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    ddl_step(b, &text);
    buf_put_text(&text, "DROP INDEX ");
    emit_name(&text, index->name);
    TRY(ddl_step_end(b, out, &text));
    ddl_step(b, &text);
    buf_printf(&text,
               "DELETE FROM \"trustsql.indexes\" WHERE table_id = %" PRIu64 " AND id = %" PRIu64,
               t->id, index->id);
    return ddl_step_end(b, out, &text);
}

static enum status find_and_drop_index(struct binder *b,
                                       struct sql_statement *out,
                                       const struct dropped *d,
                                       const PgQuery__DropStmt *s)
{
    const struct catalog_table *t = NULL;
    const struct catalog_index *index = sql_catalog_find_index(b->catalog, d->name, &t);
    bool is_public = d->schema.size == 0 || span_equal(d->schema, span_text("public"));
    if (index != NULL && is_public) return drop_index(b, out, t, index);
    if (sql_catalog_find(b->catalog, d->schema, d->name) != NULL)
        return wrong_kind(b, d->name, false);
    return missing(b, out, d, s);
}

static enum status is_named_before(struct binder *b,
                                   const PgQuery__DropStmt *d,
                                   size_t index,
                                   bool *is_known)
{
    struct dropped object = {0};
    TRY(object_name(b, d->objects[index], &object));
    for (size_t i = 0; i < index; i++) {
        struct dropped other = {0};
        TRY(object_name(b, d->objects[i], &other));
        *is_known = *is_known || span_equal(other.name, object.name);
    }
    return ST_OK;
}

enum status compile_drop(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__DropStmt *d = n->drop_stmt;
    bool is_table = d->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    if (!is_table && d->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
        return bind_unsupported(b, 0, "DROP is supported for tables and indexes", NULL);
    if (d->concurrent)
        return bind_unsupported(b, 0, "CONCURRENTLY is not supported", "Leave it out.");
    out->kind = is_table ? SQL_KIND_DROP_TABLE : SQL_KIND_DROP_INDEX;
    out->tag = is_table ? "DROP TABLE" : "DROP INDEX";
    for (size_t i = 0; i < d->n_objects; i++) {
        struct dropped object = {0};
        TRY(object_name(b, d->objects[i], &object));
        bool is_known = false; /* Named twice: dropped once. */
        TRY(is_named_before(b, d, i, &is_known));
        if (is_known) continue;
        if (is_table)
            TRY(find_and_drop_table(b, out, &object, d));
        else
            TRY(find_and_drop_index(b, out, &object, d));
    }
    out->is_no_op = out->step_count == 0;
    return out->is_no_op ? ST_OK : ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
