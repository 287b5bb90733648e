/* EXPLAIN: the statement is compiled, and the node says how SQLite would run it
 * (src/node/explain_table.c). The plan speaks of the sources by their emitted names, r<n>; what
 * they are called in the statement goes along. */
#include "base/must.h"
#include "sql/bind_int.h"

static enum status bind_options(struct binder *b, const PgQuery__ExplainStmt *s, bool *analyze);
static enum status emit_plan(struct binder *b,
                             struct sql_statement *out,
                             const struct sql_statement *inner,
                             bool analyze);

enum status compile_explain(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    static const struct sql_column column = {
        .name = {(const uint8_t *)"QUERY PLAN", 10}, .type = SQL_TEXT, .typmod = -1};
    const PgQuery__ExplainStmt *s = n->explain_stmt;
    struct sql_statement inner = {.kind = SQL_KIND_EMPTY, .tag = ""};
    bool analyze = false;
    if (b->exec_version != BIND_VERSION_NEWEST)
        return bind_unsupported(b, 0, "EXPLAIN is not supported", NULL);
    TRY(bind_options(b, s, &analyze));
    b->explains = true;
    TRY(compile_statement(b, &inner, s->query));
    if (inner.sqlite == NULL)
        return bind_unsupported(b, 0, "EXPLAIN of this statement is not supported",
                                "It explains SELECT, INSERT, UPDATE and DELETE.");
    if (b->param_count > 0)
        return bind_unsupported(b, 0, "EXPLAIN of a statement with parameters is not supported",
                                "Write the values.");
    if (analyze && inner.is_write)
        return bind_unsupported(b, 0, "EXPLAIN ANALYZE of a write is not supported",
                                "It would have to be ordered by the chain; EXPLAIN alone shows "
                                "the plan.");
    b->literal_count = 0; /* They stay in the text. */
    b->calls_node = true;
    out->kind = SQL_KIND_SELECT;
    out->is_write = false;
    out->tag = "EXPLAIN";
    out->columns = arena_alloc(b->arena, sizeof column);
    if (out->columns == NULL) return bind_no_memory(b);
    out->columns[0] = column;
    out->column_count = 1;
    return emit_plan(b, out, &inner, analyze);
}

/* A flag without a value, or with one that PostgreSQL takes for true. */
static bool is_on(const PgQuery__DefElem *option)
{
    if (option->arg == NULL) return true;
    const PgQuery__Node *n = option->arg;
    if (n->node_case == PG_QUERY__NODE__NODE_INTEGER) return n->integer->ival != 0;
    if (n->node_case == PG_QUERY__NODE__NODE_BOOLEAN) return n->boolean->boolval != 0;
    const struct span word = bind_string(n);
    return !span_equal(word, span_text("false")) && !span_equal(word, span_text("off")) &&
           !span_equal(word, span_text("0"));
}

static enum status bind_options(struct binder *b, const PgQuery__ExplainStmt *s, bool *analyze)
{
    /* Of PostgreSQL's plans; ours have neither. */
    static const char *const others[] = {"verbose", "costs",  "settings", "buffers",
                                         "wal",     "timing", "summary"};
    for (size_t i = 0; i < s->n_options; i++) {
        const PgQuery__DefElem *option = s->options[i]->def_elem;
        const struct span name = bind_cstring(option->defname);
        bool is_known = span_equal(name, span_text("analyze"));
        if (is_known) *analyze = is_on(option);
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
            is_known = is_known || span_equal(name, span_text(others[k]));
        if (span_equal(name, span_text("format"))) {
            if (option->arg != NULL && span_equal(bind_string(option->arg), span_text("text")))
                continue;
            return bind_unsupported(b, option->location, "EXPLAIN has the format text only", NULL);
        }
        if (!is_known)
            return bind_fail(b, option->location, "42601", "unrecognized EXPLAIN option \"%.*s\"",
                             (int)name.size, (const char *)name.data);
    }
    return ST_OK;
}

static enum status emit_plan(struct binder *b,
                             struct sql_statement *out,
                             const struct sql_statement *inner,
                             bool analyze)
{
    struct buf names;
    struct buf text;
    const char *list = NULL;
    buf_init(&names, b->arena->mem, 0);
    for (uint32_t i = 0; i < b->explained_count; i++) {
        buf_printf(&names, "%u=", b->explained[i]->id);
        buf_put(&names, b->explained[i]->alias);
        buf_put_u8(&names, '\n');
    }
    TRY(emit_finish(b, &names, &list));
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, "SELECT c1 FROM \"trustsql.explain\"(");
    sql_put_text(&text, span_text(inner->sqlite));
    buf_put_text(&text, ", ");
    sql_put_text(&text, span_text(list));
    buf_put_text(&text, analyze ? ", 1)" : ", 0)");
    return emit_finish(b, &text, &out->sqlite);
}
