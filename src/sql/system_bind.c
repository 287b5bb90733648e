/* system_bind.c - The system catalogs in FROM: found by name, and made a table of the binder's, or
 * a query that is expanded like a view.
 *
 * They are found in reads only. A statement that reads them reads the catalog, so it asks for what
 * everybody may read of it, trustsql.tables and trustsql.accounts: by that it is read at a height
 * like any other statement. */
#include "base/must.h"
#include "sql/system_int.h"

#define SYSTEM_VIEWS_MAX 64u /* Expanded in one statement. */

/* --- look-up ------------------------------------------------------------------------------- */

const char *system_schema_name(enum system_schema schema)
{
    return schema == CATALOG ? "pg_catalog" : "information_schema";
}

const struct system_relation *system_at(uint32_t index)
{
    if (index < system_catalog_count) return &system_catalog_relations[index];
    index -= system_catalog_count;
    return index < system_information_count ? &system_information_relations[index] : NULL;
}

const struct system_relation *system_find(struct span schema, struct span name)
{
    const struct system_relation *r = NULL;
    const bool is_open = schema.size == 0; /* pg_catalog is in every search path. */
    for (uint32_t i = 0; (r = system_at(i)) != NULL; i++) {
        if (is_open ? r->schema != CATALOG
                    : !span_equal(schema, span_text(system_schema_name(r->schema))))
            continue;
        if (span_equal(name, span_text(r->name))) return r;
    }
    return NULL;
}

/* The types of the columns, the usual ones first. */
static const enum sql_type column_types[] = {
    SQL_NAME,          SQL_OID,       SQL_TEXT,       SQL_BOOL,          SQL_INT4,
    SQL_CHAR,          SQL_REGPROC,   SQL_INT2,       SQL_TEXT_ARRAY,    SQL_NODE_TREE,
    SQL_ACLITEM_ARRAY, SQL_INT8,      SQL_OID_ARRAY,  SQL_TIMESTAMPTZ,   SQL_XID,
    SQL_INT2VECTOR,    SQL_OIDVECTOR, SQL_INT2_ARRAY, SQL_FLOAT4,        SQL_NAME_ARRAY,
    SQL_CHAR_ARRAY,    SQL_INTERVAL,  SQL_REGTYPE,    SQL_REGTYPE_ARRAY, SQL_BYTEA};

static enum sql_type type_of_word(struct span word)
{
    for (size_t i = 0; i < sizeof column_types / sizeof column_types[0]; i++)
        if (span_equal(word, span_text(sql_type_info(column_types[i])->name)))
            return column_types[i];
    must(false); /* The lists of columns name these alone: test_system.c reads all of them. */
    return SQL_TEXT;
}

bool system_next_column(const char **at, struct system_column *out)
{
    if (**at == 0) return false;
    const size_t name = strcspn(*at, " ");
    const size_t whole = strcspn(*at, ",");
    must(name < whole);
    out->name = span_of(*at, name);
    out->type = type_of_word(span_of(*at + name + 1, whole - name - 1));
    *at += whole;
    if (**at == ',') ++*at;
    return true;
}

uint32_t system_column_count(const struct system_relation *r)
{
    uint32_t count = 1;
    for (const char *at = r->columns; *at != 0; at++)
        count += *at == ',';
    return count;
}

/* --- FROM ---------------------------------------------------------------------------------- */

enum status bind_reads_system(struct binder *b, int32_t position)
{
    if (b->is_write || b->exec_version != BIND_VERSION_NEWEST)
        return bind_unsupported(b, position,
                                "the system catalogs cannot be read in a transaction of the chain",
                                "Read them in a statement of its own, and give the values.");
    b->calls_node = true;
    static const char *const tables[] = {"tables", "accounts"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct catalog_table *t =
            sql_catalog_find(b->catalog, span_text("trustsql"), span_text(tables[i]));
        must(t != NULL); /* Tables of the first version. */
        TRY(bind_access(b, t, SQL_RIGHT_SELECT));
    }
    return ST_OK;
}

enum status bind_system_path(struct binder *b, struct expr **out)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < b->path_count; i++) {
        if (i > 0) buf_put_u8(&text, ',');
        buf_put(&text, b->path[i]);
    }
    const size_t size = text.size;
    TRY(emit_finish(b, &text, &copy));
    *out = bind_new_expr(b, EXPR_CONST, SQL_TEXT, -1);
    if (*out == NULL) return bind_no_memory(b);
    (*out)->value = (struct sql_value){.type = SQL_TEXT, .bytes = span_of(copy, size)};
    return ST_OK;
}

/* As the binder sees a table; sqlite_name is what system.c registers. */
static enum status table_of(struct binder *b,
                            const struct system_relation *r,
                            const struct catalog_table **out)
{
    struct catalog_table *t = arena_alloc_zero(b->arena, 1, sizeof *t);
    const uint32_t count = system_column_count(r);
    struct catalog_column *columns = arena_alloc_zero(b->arena, count, sizeof *columns);
    const char *at = r->columns;
    struct system_column c;
    if (t == NULL || columns == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < count && system_next_column(&at, &c); i++)
        columns[i] = (struct catalog_column){.name = c.name, .type = c.type, .typmod = -1};
    struct buf name;
    const char *copy = NULL;
    buf_init(&name, b->arena->mem, 0);
    buf_printf(&name, "%s.%s", system_schema_name(r->schema), r->name);
    TRY(emit_finish(b, &name, &copy));
    *t = (struct catalog_table){.id = 0,
                                .schema = span_text(system_schema_name(r->schema)),
                                .name = span_text(r->name),
                                .sqlite_name = span_text(copy),
                                .columns = columns,
                                .column_count = count,
                                .is_virtual = true};
    *out = t;
    return ST_OK;
}

/* A query of the program's own: names in it are those of pg_catalog. */
static enum status bind_text(struct binder *b, struct query **out, const struct system_relation *r)
{
    PgQuery__ParseResult *tree = NULL;
    const struct binder before = *b;
    TRY(parse_tree(&tree, b->arena, span_text(r->text), b->diag));
    must(tree->n_stmts == 1);
    b->text = span_text(r->text);
    b->scope = NULL;
    b->beside = NULL;
    b->ctes = NULL;
    b->query = NULL;
    b->clause = CLAUSE_NONE;
    b->keep_literals++;
    TRY(bind_query_node(b, out, tree->stmts[0]->stmt));
    b->text = before.text;
    b->scope = before.scope;
    b->beside = before.beside;
    b->ctes = before.ctes;
    b->query = before.query;
    b->clause = before.clause;
    b->keep_literals--;
    return ST_OK;
}

/* A query over another that gives each column the type that the relation says. */
static enum status fit_columns(struct binder *b, struct query **q, const struct catalog_table *t)
{
    struct source *s = NULL;
    struct query *outer = arena_alloc_zero(b->arena, 1, sizeof *outer);
    struct from *item = arena_alloc_zero(b->arena, 1, sizeof *item);
    if (outer == NULL || item == NULL) return bind_no_memory(b);
    must((*q)->target_count == t->column_count);
    TRY(bind_query_source(b, &s, *q));
    outer->targets = arena_alloc_zero(b->arena, t->column_count, sizeof *outer->targets);
    outer->from = arena_alloc_zero(b->arena, 1, sizeof(struct from *));
    if (outer->targets == NULL || outer->from == NULL) return bind_no_memory(b);
    item->source = s;
    outer->from[0] = item;
    outer->from_count = 1;
    outer->target_count = t->column_count;
    for (uint32_t i = 0; i < t->column_count; i++) {
        const struct coercion to = {
            .type = t->columns[i].type, .typmod = -1, .context = SQL_CAST_EXPLICIT};
        struct expr *e = bind_field(b, s, i);
        if (e == NULL) return bind_no_memory(b);
        TRY(bind_coerce(b, &e, &to));
        outer->targets[i] = (struct target){.expr = e, .name = t->columns[i].name};
    }
    *q = outer;
    return ST_OK;
}

/* SELECT NULL, NULL … WHERE false */
static enum status no_rows(struct binder *b, struct query **out, const struct catalog_table *t)
{
    struct query *q = arena_alloc_zero(b->arena, 1, sizeof *q);
    struct expr *never = bind_new_expr(b, EXPR_CONST, SQL_BOOL, -1);
    if (q == NULL || never == NULL) return bind_no_memory(b);
    never->value = (struct sql_value){.type = SQL_BOOL};
    q->where = never;
    q->target_count = t->column_count;
    q->targets = arena_alloc_zero(b->arena, t->column_count, sizeof *q->targets);
    if (q->targets == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < t->column_count; i++) {
        struct expr *e = bind_new_expr(b, EXPR_CONST, t->columns[i].type, -1);
        if (e == NULL) return bind_no_memory(b);
        e->value = (struct sql_value){.type = e->type, .is_null = true};
        q->targets[i] = (struct target){.expr = e, .name = t->columns[i].name};
    }
    *out = q;
    return ST_OK;
}

enum status bind_system_relation(struct binder *b,
                                 struct span schema,
                                 struct span name,
                                 struct system_source *out)
{
    const struct system_relation *r = system_find(schema, name);
    *out = (struct system_source){0};
    if (r == NULL || b->is_write || b->exec_version != BIND_VERSION_NEWEST) return ST_OK;
    TRY(bind_reads_system(b, -1));
    out->oid = r->oid;
    TRY(table_of(b, r, &out->table));
    if (r->fill != NULL) return ST_OK;
    if (r->text == NULL) return no_rows(b, &out->query, out->table);
    if (b->view_count == SYSTEM_VIEWS_MAX) return bind_too_many(b, "views", SYSTEM_VIEWS_MAX);
    b->view_count++;
    TRY(bind_text(b, &out->query, r));
    return fit_columns(b, &out->query, out->table);
}
