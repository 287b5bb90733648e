/* Steps of DDL, names of objects, and what the other DDL files share. */
#include "sql/ddl_int.h"

#include <inttypes.h>
#include <pg_query.h>
#include <stdarg.h>
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

enum status ddl_number_step(struct binder *b, struct sql_statement *out, struct ddl_numbered n)
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
        TRY(ddl_number_step(b, out, (struct ddl_numbered){set, next_id, " WHERE name = 'object'"}));
    uint64_t version = sql_catalog_version(b->catalog) + 1;
    return ddl_number_step(b, out, (struct ddl_numbered){set, version, " WHERE name = 'catalog'"});
}

enum status ddl_reload(struct binder *b, struct sql_statement *out)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, SQL_STEP_RELOAD);
    return ddl_step_end(b, out, &text);
}

void ddl_notice(struct binder *b, struct sql_statement *out, const char *format, ...)
{
    char line[DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    out->notice = arena_text(b->arena, line);
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

bool ddl_is_same_folded(struct span a, struct span b)
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
    if (sql_catalog_find(b->catalog, names->schema, name) != NULL) return true;
    return sql_catalog_find_index(b->catalog, names->schema, name, &table) != NULL;
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

bool ddl_is_sqlite_free(const struct binder *b, struct span name, uint64_t id)
{
    if (name.size >= 7 && ddl_is_same_folded(span_of(name.data, 7), span_text("sqlite_")))
        return false;
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (t->id != id && ddl_is_same_folded(t->sqlite_name, name)) return false;
        for (uint32_t k = 0; k < t->index_count; k++)
            if (ddl_is_same_folded(t->indexes[k].sqlite_name, name)) return false;
    }
    return true;
}

enum status ddl_check_name(struct binder *b, struct span name, int32_t position)
{
    if (memchr(name.data, '.', name.size) != NULL)
        return bind_unsupported(b, position, "a name with a dot is not supported", NULL);
    if (name.size >= 7 && ddl_is_same_folded(span_of(name.data, 7), span_text("sqlite_")))
        return bind_unsupported(b, position, "names that begin with \"sqlite_\" are reserved",
                                NULL);
    if (!ddl_is_sqlite_free(b, name, 0))
        return bind_unsupported(b, position,
                                "names that differ only in upper and lower case are not supported",
                                "Choose another name.");
    return ST_OK;
}

bool ddl_is_reserved_schema(struct span name)
{
    return span_equal(name, span_text("trustsql")) || span_equal(name, span_text("pg_catalog")) ||
           span_equal(name, span_text("information_schema"));
}

enum status ddl_target_schema(struct binder *b, const PgQuery__RangeVar *r, struct span *out)
{
    struct span schema = bind_cstring(r->schemaname);
    if (r->catalogname != NULL && r->catalogname[0] != 0)
        return bind_unsupported(b, r->location, "cross-database references are not supported",
                                NULL);
    if (ddl_is_reserved_schema(schema))
        return bind_fail(b, r->location, "42501", "permission denied for schema %s", r->schemaname);
    for (uint32_t i = 0; schema.size == 0 && i < b->path_count; i++)
        if (sql_catalog_schema(b->catalog, b->path[i]) != NULL) schema = b->path[i];
    if (schema.size == 0)
        return bind_fail(b, r->location, "3F000", "no schema has been selected to create in");
    const struct catalog_schema *s = sql_catalog_schema(b->catalog, schema);
    if (s == NULL)
        return bind_fail(b, r->location, "3F000", "schema \"%.*s\" does not exist",
                         (int)schema.size, (const char *)schema.data);
    const uint32_t has = b->account == 0
                             ? SQL_RIGHT_CREATE
                             : sql_catalog_object_rights(b->catalog, s->id, s->owner, b->account);
    if ((has & SQL_RIGHT_CREATE) == 0)
        return bind_fail(b, r->location, "42501", "permission denied for schema %.*s",
                         (int)schema.size, (const char *)schema.data);
    *out = s->name;
    return ST_OK;
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
    sql_put_text(&text, row->name);
    buf_put_text(&text, ", '");
    for (uint32_t i = 0; i < row->column_count; i++) {
        const uint8_t options = row->options == NULL ? 0 : row->options[i];
        if (i > 0) buf_put_u8(&text, ',');
        if (row->columns[i] == CATALOG_EXPRESSION)
            buf_put_u8(&text, 'e');
        else
            buf_printf(&text, "%u", row->columns[i]);
        if ((options & CATALOG_DESC) != 0) buf_put_u8(&text, 'd');
        if ((options & CATALOG_NULLS_FIRST) != 0) buf_put_u8(&text, 'f');
        if ((options & CATALOG_NULLS_LAST) != 0) buf_put_u8(&text, 'l');
        if ((options & CATALOG_PATTERN) != 0) buf_put_u8(&text, 'p');
    }
    buf_put_text(&text, "', ");
    sql_put_text(&text, row->definition);
    buf_put_u8(&text, ')');
    return ddl_step_end(b, out, &text);
}

/* SELECT <expression>, printed by libpg_query, without "SELECT ". */
static enum status deparse_tree(struct binder *b,
                                PgQuery__ParseResult *tree,
                                size_t skipped,
                                struct span *out)
{
    size_t size = pg_query__parse_result__get_packed_size(tree);
    uint8_t *packed = arena_alloc(b->arena, size);
    if (packed == NULL) return bind_no_memory(b);
    PgQueryProtobuf protobuf = {.len = pg_query__parse_result__pack(tree, packed),
                                .data = (char *)packed};
    PgQueryDeparseResult result = pg_query_deparse_protobuf(protobuf);
    enum status st = ST_OK;
    if (result.error != NULL || result.query == NULL || strlen(result.query) < skipped) {
        st = bind_unsupported(b, -1, "this expression is not supported in DDL", NULL);
    } else {
        *out = arena_copy(b->arena, span_text(result.query + skipped));
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
    return deparse_tree(b, &tree, strlen("SELECT "), out);
}

enum status ddl_deparse_query(struct binder *b, const PgQuery__Node *n, struct span *out)
{
    PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
    PgQuery__ParseResult tree = PG_QUERY__PARSE_RESULT__INIT;
    PgQuery__Node value = *n; /* The generated structures want it without const. */
    raw.stmt = &value;
    tree.version = PG_VERSION_NUM;
    tree.stmts = (PgQuery__RawStmt *[1]){&raw};
    tree.n_stmts = 1;
    return deparse_tree(b, &tree, 0, out);
}
