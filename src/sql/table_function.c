/* Functions in FROM: trustsql.history('table') and trustsql.tx_status(key [, account]), which each
 * node answers for itself.
 *
 * They are emitted as SQLite's table-valued functions (src/node/history_table.c, tx_status.c),
 * whose columns are c1, c2, … as those of a subquery. What history gives depends on the table, so
 * its argument is a constant, and what is handed over is the table's id. In a transaction of the
 * chain they are refused as every function in FROM was before there were any. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/bind_int.h"

#define ARGUMENTS_MAX 2u

struct table_function {
    const char *name;
    enum status (*bind)(struct binder *b, struct source **out, const PgQuery__FuncCall *c);
};

static enum status bind_history(struct binder *b, struct source **out, const PgQuery__FuncCall *c);
static enum status bind_tx_status(struct binder *b,
                                  struct source **out,
                                  const PgQuery__FuncCall *c);

static const struct table_function functions[] = {{"history", bind_history},
                                                  {"tx_status", bind_tx_status}};

#define FIELD(name_, type_)                                                                        \
    {                                                                                              \
        .name = {(const uint8_t *)(name_), sizeof(name_) - 1}, .type = (type_), .typmod = -1,      \
        .scale = -1                                                                                \
    }

static enum status refuse(struct binder *b, const PgQuery__FuncCall *c)
{
    return bind_unsupported(b, c == NULL ? -1 : c->location, "functions in FROM are not supported",
                            c == NULL ? NULL : "But trustsql.history and trustsql.tx_status are.");
}

enum status bind_range_function(struct binder *b,
                                struct source **out,
                                const PgQuery__RangeFunction *r)
{
    bool is_ready = false;
    TRY(bind_rows_function(b, out, r, &is_ready));
    if (is_ready) return ST_OK;
    if (b->is_write || b->exec_version != BIND_VERSION_NEWEST) return refuse(b, NULL);
    const bool is_plain =
        !r->lateral && !r->ordinality && !r->is_rowsfrom && r->n_functions == 1 &&
        r->n_coldeflist == 0 && r->functions[0]->node_case == PG_QUERY__NODE__NODE_LIST &&
        r->functions[0]->list->n_items > 0 &&
        r->functions[0]->list->items[0]->node_case == PG_QUERY__NODE__NODE_FUNC_CALL;
    if (!is_plain) return refuse(b, NULL);
    const PgQuery__FuncCall *c = r->functions[0]->list->items[0]->func_call;
    const bool is_ours =
        c->n_funcname == 2 && span_equal(bind_string(c->funcname[0]), span_text("trustsql"));
    for (size_t i = 0; is_ours && i < sizeof functions / sizeof functions[0]; i++) {
        if (!span_equal(bind_string(c->funcname[1]), span_text(functions[i].name))) continue;
        b->calls_node = true;
        b->keep_literals++;
        TRY(functions[i].bind(b, out, c));
        b->keep_literals--;
        (*out)->alias = span_text(functions[i].name);
        if (r->alias == NULL) return ST_OK;
        (*out)->alias = bind_cstring(r->alias->aliasname);
        return bind_rename_fields(b, *out, r->alias);
    }
    return refuse(b, c);
}

static enum status new_call(struct binder *b,
                            struct source **out,
                            const char *function,
                            uint32_t field_count)
{
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return bind_no_memory(b);
    s->id = ++b->next_id;
    s->function = function;
    s->field_count = field_count;
    s->fields = arena_alloc_zero(b->arena, field_count, sizeof *s->fields);
    s->args = arena_alloc_zero(b->arena, ARGUMENTS_MAX, sizeof(struct expr *));
    if (s->fields == NULL || s->args == NULL) return bind_no_memory(b);
    *out = s;
    return ST_OK;
}

static enum status bind_arguments(struct binder *b, struct source *s, const PgQuery__FuncCall *c)
{
    must(c->n_args <= ARGUMENTS_MAX);
    for (size_t i = 0; i < c->n_args; i++) {
        struct expr **e = &s->args[s->arg_count++];
        TRY(bind_expr(b, e, c->args[i]));
        if ((*e)->kind != EXPR_CONST && (*e)->kind != EXPR_PARAM)
            return bind_unsupported(b, (*e)->position,
                                    "arguments of a function in FROM must be constants or "
                                    "parameters",
                                    NULL);
        TRY(bind_coerce_implicit(b, e, SQL_TEXT));
    }
    return ST_OK;
}

/* --- trustsql.history --------------------------------------------------------------------------
 */

/* 'name', 'public.name' or 'trustsql.name', in small letters unless it is found as it stands. */
static const struct catalog_table *find_table(struct binder *b, struct span name)
{
    struct span schema = {0};
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] != '.') continue;
        schema = span_of(name.data, i);
        name = span_of(name.data + i + 1, name.size - i - 1);
        break;
    }
    if (span_equal(schema, span_text("public"))) schema.size = 0;
    const struct catalog_table *t = sql_catalog_find(b->catalog, schema, name);
    uint8_t *small = t == NULL ? arena_alloc(b->arena, name.size + 1) : NULL;
    if (small == NULL) return t;
    for (size_t i = 0; i < name.size; i++)
        small[i] = name.data[i] >= 'A' && name.data[i] <= 'Z' ? (uint8_t)(name.data[i] + 32)
                                                              : name.data[i];
    return sql_catalog_find(b->catalog, schema, span_of(small, name.size));
}

static void history_fields(struct field *fields, const struct catalog_table *t)
{
    static const struct field head[HISTORY_FIELDS] = {
        FIELD("height", SQL_INT8), FIELD("time", SQL_TIMESTAMPTZ), FIELD("txid", SQL_BYTEA),
        FIELD("op", SQL_TEXT)};
    memcpy(fields, head, sizeof head);
    for (uint32_t i = 0; i < t->column_count; i++) {
        fields[HISTORY_FIELDS + i] = bind_table_field(t, i);
        fields[HISTORY_FIELDS + i].is_not_null = false;
    }
}

static enum status bind_history(struct binder *b, struct source **out, const PgQuery__FuncCall *c)
{
    struct expr *name = NULL;
    if (c->n_args != 1)
        return bind_fail(b, c->location, "42883",
                         "function trustsql.history takes the name of a table");
    TRY(bind_expr(b, &name, c->args[0]));
    const bool is_name = name->kind == EXPR_CONST && !name->value.is_null &&
                         (name->type == SQL_UNKNOWN || name->type == SQL_TEXT);
    if (!is_name)
        return bind_unsupported(b, c->location, "the table of trustsql.history must be a constant",
                                "It decides which columns there are: trustsql.history('t').");
    const struct catalog_table *t = find_table(b, name->value.bytes);
    if (t == NULL)
        return bind_fail(b, name->position, "42P01", "relation \"%.*s\" does not exist",
                         (int)name->value.bytes.size, (const char *)name->value.bytes.data);
    if (t->is_virtual)
        return bind_fail(b, name->position, "42809", "\"%.*s\" is no table with rows of its own",
                         (int)name->value.bytes.size, (const char *)name->value.bytes.data);
    TRY(bind_access(b, t, SQL_RIGHT_SELECT));
    TRY(new_call(b, out, "trustsql.history", HISTORY_FIELDS + t->column_count));
    history_fields((*out)->fields, t);
    struct expr *id = bind_new_expr(b, EXPR_CONST, SQL_INT8, -1);
    if (id == NULL) return bind_no_memory(b);
    id->value = (struct sql_value){.type = SQL_INT8, .integer = (int64_t)t->id};
    (*out)->args[(*out)->arg_count++] = id;
    return ST_OK;
}

/* --- trustsql.tx_status ------------------------------------------------------------------------
 */

enum status bind_key_access(struct binder *b)
{
    const struct catalog_table *t =
        sql_catalog_find(b->catalog, span_text("trustsql"), span_text("idempotency"));
    must(t != NULL);
    return bind_access(b, t, SQL_RIGHT_SELECT);
}

static enum status bind_tx_status(struct binder *b, struct source **out, const PgQuery__FuncCall *c)
{
    static const struct field fields[] = {
        FIELD("status", SQL_TEXT),      FIELD("txid", SQL_BYTEA),    FIELD("height", SQL_INT8),
        FIELD("time", SQL_TIMESTAMPTZ), FIELD("receipt", SQL_BYTEA), FIELD("proof", SQL_BYTEA),
        FIELD("until", SQL_TIMESTAMPTZ)};
    if (c->n_args < 1 || c->n_args > ARGUMENTS_MAX)
        return bind_fail(b, c->location, "42883",
                         "function trustsql.tx_status takes a key, and the name of an account");
    TRY(bind_key_access(b));
    TRY(new_call(b, out, "trustsql.tx_status", sizeof fields / sizeof fields[0]));
    memcpy((*out)->fields, fields, sizeof fields);
    return bind_arguments(b, *out, c);
}
