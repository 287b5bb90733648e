/* Entry points: split a query string, compile one statement, lift its literals. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/copy.h"
#include "sql/lex.h"

/* --- split --------------------------------------------------------------------------------- */

struct splitter {
    struct arena *arena;
    struct span text;
    struct diag *diag;
    struct sql_text *list;
    uint32_t count;
    uint32_t room;
    size_t counted;      /* Bytes whose characters are counted: */
    uint32_t char_count; /* so many. */
};

/* Nearly always there is one. */
static bool grow(struct splitter *s)
{
    const uint32_t room = s->room == 0 ? 1 : 4 * s->room;
    struct sql_text *list = arena_alloc(s->arena, room * sizeof *list);
    if (list == NULL) return false;
    if (s->count > 0) memcpy(list, s->list, s->count * sizeof *list);
    s->list = list;
    s->room = room;
    return true;
}

static enum status add_text(struct splitter *s, size_t start, size_t end)
{
    if (start == end) return ST_OK;
    if (s->count == SQL_STATEMENTS_MAX) {
        diag_set(s->diag, "54000", "more than %u statements in one query string",
                 SQL_STATEMENTS_MAX);
        return ST_LIMIT;
    }
    if (s->count == s->room && !grow(s)) {
        diag_set(s->diag, "53200", "out of memory");
        return ST_NO_MEMORY;
    }
    must(start >= s->counted);
    s->char_count += lex_char_count(span_of(s->text.data + s->counted, start - s->counted));
    s->counted = start;
    s->list[s->count++] = (struct sql_text){.text = span_of(s->text.data + start, end - start),
                                            .position = s->char_count};
    return ST_OK;
}

/* A semicolon inside brackets ends nothing: CREATE RULE … DO (a; b). */
static enum status split_tokens(struct splitter *s)
{
    size_t start = 0;
    size_t end = 0;
    uint32_t depth = 0;
    for (struct lex_token t = lex_next(s->text, 0);; t = lex_next(s->text, t.start + t.size)) {
        bool is_end = t.kind == LEX_END || (t.kind == LEX_SEMICOLON && depth == 0);
        if (is_end) {
            /* The parser shall see a comment without end. */
            if (t.kind == LEX_END && lex_is_open_comment(s->text, end)) end = s->text.size;
            TRY(add_text(s, start, end));
            start = end = t.start + t.size;
        }
        if (t.kind == LEX_END) return ST_OK;
        if (is_end) continue;
        if (start == end) start = t.start;
        end = t.start + t.size;
        depth += t.kind == LEX_OPEN;
        depth -= t.kind == LEX_CLOSE && depth > 0;
    }
}

/* The limit of the caller's arena is one of the statement, the same on every machine. */
static enum status explain_full(const struct arena *a, enum status st, struct diag *d)
{
    if (st != ST_NO_MEMORY || !a->is_full) return st;
    diag_set(d, "54000", "the statement needs more memory than one statement may use");
    diag_hint(d, "Send it in parts, or its values as an array or with COPY.");
    return ST_LIMIT;
}

enum status sql_split(
    struct arena *a, struct span text, struct sql_text **out, uint32_t *count, struct diag *d)
{
    if (text.size > SQL_TEXT_MAX) {
        diag_set(d, "54000", "query string is longer than %u bytes", SQL_TEXT_MAX);
        return ST_LIMIT;
    }
    struct splitter s = {.arena = a, .text = text, .diag = d};
    TRY(explain_full(a, split_tokens(&s), d));
    if (s.count > 1) { /* One alone is parsed when it is compiled. */
        PgQuery__ParseResult *tree = NULL;
        struct arena scratch;
        arena_init(&scratch, a->mem, a->total_max);
        enum status st = explain_full(&scratch, parse_tree(&tree, &scratch, text, d), d);
        arena_fini(&scratch);
        if (st != ST_OK) return st;
    }
    *out = s.list;
    *count = s.count;
    return ST_OK;
}

/* --- compile ------------------------------------------------------------------------------- */

enum status compile_columns(struct binder *b, struct sql_statement *out, const struct query *q)
{
    out->columns = arena_alloc_zero(b->arena, q->target_count, sizeof *out->columns);
    if (out->columns == NULL) return bind_no_memory(b);
    out->column_count = q->target_count;
    for (uint32_t i = 0; i < q->target_count; i++)
        out->columns[i] = (struct sql_column){.name = q->targets[i].name,
                                              .type = q->targets[i].expr->type,
                                              .typmod = q->targets[i].expr->typmod};
    return ST_OK;
}

static const struct {
    bind_statement_fn *compile;
    PgQuery__Node__NodeCase kind;
    bool is_write;
    uint32_t since; /* exec_version; 0: always. */
} statements[] = {
    {compile_select, PG_QUERY__NODE__NODE_SELECT_STMT, false, 0},
    {compile_insert, PG_QUERY__NODE__NODE_INSERT_STMT, true, 0},
    {compile_update, PG_QUERY__NODE__NODE_UPDATE_STMT, true, 0},
    {compile_delete, PG_QUERY__NODE__NODE_DELETE_STMT, true, 0},
    {compile_create_table, PG_QUERY__NODE__NODE_CREATE_STMT, true, 0},
    {compile_drop, PG_QUERY__NODE__NODE_DROP_STMT, true, 0},
    {compile_create_index, PG_QUERY__NODE__NODE_INDEX_STMT, true, 0},
    {compile_alter_table, PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, true, 4},
    {compile_rename, PG_QUERY__NODE__NODE_RENAME_STMT, true, 4},
    {compile_set_schema, PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, true, 4},
    {compile_create_sequence, PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, true, 4},
    {compile_alter_sequence, PG_QUERY__NODE__NODE_ALTER_SEQ_STMT, true, 4},
    {compile_truncate, PG_QUERY__NODE__NODE_TRUNCATE_STMT, true, 4},
    {compile_vacuum, PG_QUERY__NODE__NODE_VACUUM_STMT, true, 4},
    {compile_reindex, PG_QUERY__NODE__NODE_REINDEX_STMT, true, 4},
    {compile_cluster, PG_QUERY__NODE__NODE_CLUSTER_STMT, true, 4},
    {compile_comment, PG_QUERY__NODE__NODE_COMMENT_STMT, true, 4},
    {compile_create_view, PG_QUERY__NODE__NODE_VIEW_STMT, true, 4},
    {compile_create_schema, PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, true, 4},
    {compile_grant, PG_QUERY__NODE__NODE_GRANT_STMT, true, 0},
    {compile_create_role, PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, true, 4},
    {compile_alter_role, PG_QUERY__NODE__NODE_ALTER_ROLE_STMT, true, 4},
    {compile_drop_role, PG_QUERY__NODE__NODE_DROP_ROLE_STMT, true, 4},
    {compile_grant_role, PG_QUERY__NODE__NODE_GRANT_ROLE_STMT, true, 4},
    {compile_reassign, PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT, true, 4},
    {compile_owner, PG_QUERY__NODE__NODE_ALTER_OWNER_STMT, true, 4},
    {compile_call, PG_QUERY__NODE__NODE_CALL_STMT, true, 0},
    {compile_set, PG_QUERY__NODE__NODE_VARIABLE_SET_STMT, false, 0},
    {compile_show, PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT, false, 0},
    {compile_explain, PG_QUERY__NODE__NODE_EXPLAIN_STMT, false, 0},
    {compile_transaction, PG_QUERY__NODE__NODE_TRANSACTION_STMT, false, 4},
    {compile_lock, PG_QUERY__NODE__NODE_LOCK_STMT, false, 4},
    {compile_declare, PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT, false, 4},
    {compile_fetch, PG_QUERY__NODE__NODE_FETCH_STMT, false, 4},
    {compile_close, PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT, false, 4},
    {compile_deallocate, PG_QUERY__NODE__NODE_DEALLOCATE_STMT, false, 4},
    {compile_discard, PG_QUERY__NODE__NODE_DISCARD_STMT, false, 4},
    {compile_unlisten, PG_QUERY__NODE__NODE_UNLISTEN_STMT, false, 4},
    {compile_create_table_as, PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, true, 4},
    {compile_set_constraints, PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT, true, 4},
    {compile_copy, PG_QUERY__NODE__NODE_COPY_STMT, false, 4}, /* Decides itself if it writes. */
};

/* Statements that are not supported, or were not below some exec_version (bind_needs). */
static const struct refusal {
    PgQuery__Node__NodeCase kind;
    const char *what;
    const char *hint;
} refusals[] = {
    {PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, "ALTER TABLE is not supported",
     "Create a new table and copy the rows with INSERT ... SELECT."},
    {PG_QUERY__NODE__NODE_RENAME_STMT, "renaming is not supported",
     "Create a new table and copy the rows with INSERT ... SELECT."},
    {PG_QUERY__NODE__NODE_TRUNCATE_STMT, "TRUNCATE is not supported",
     "Use DELETE FROM: every removed row is part of the chain's history."},
    {PG_QUERY__NODE__NODE_COPY_STMT, "COPY is not supported", "Use INSERT with several rows."},
    {PG_QUERY__NODE__NODE_VIEW_STMT, "views are not supported", NULL},
    {PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, "sequences are not supported", NULL},
    {PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, "schemas are not supported",
     "All tables are in schema public."},
    {PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, "functions are not supported", NULL},
    {PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, "triggers are not supported", NULL},
    {PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, "CREATE ROLE is not supported",
     "Accounts are made with CALL trustsql.create_account(...)."},
    {PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, "CREATE TABLE AS is not supported",
     "Use CREATE TABLE and INSERT ... SELECT."},
    {PG_QUERY__NODE__NODE_PREPARE_STMT, "PREPARE is not supported",
     "Use the extended protocol of your driver."},
    {PG_QUERY__NODE__NODE_EXECUTE_STMT, "EXECUTE is not supported",
     "Use the extended protocol of your driver."},
    {PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT, "cursors are not supported", NULL},
    {PG_QUERY__NODE__NODE_FETCH_STMT, "cursors are not supported", NULL},
    {PG_QUERY__NODE__NODE_LISTEN_STMT, "LISTEN is not supported", NULL},
    {PG_QUERY__NODE__NODE_NOTIFY_STMT, "NOTIFY is not supported", NULL},
    {PG_QUERY__NODE__NODE_LOCK_STMT, "LOCK is not supported",
     "Transactions run one after the other."},
    {PG_QUERY__NODE__NODE_MERGE_STMT, "MERGE is not supported", "Use INSERT ... ON CONFLICT."},
    {PG_QUERY__NODE__NODE_VACUUM_STMT, "VACUUM and ANALYZE are not supported",
     "Nothing needs them here."},
    {PG_QUERY__NODE__NODE_TRANSACTION_STMT, "BEGIN, COMMIT and ROLLBACK are not supported",
     "Send the statements in one query string, separated by semicolons: they are one transaction."},
    {PG_QUERY__NODE__NODE_COMMENT_STMT, "COMMENT is not supported", NULL},
};

static const struct refusal *find_refusal(const PgQuery__Node *n)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].kind == n->node_case) return &refusals[i];
    return NULL;
}

static enum status unsupported_statement(struct binder *b, const PgQuery__Node *n)
{
    const struct refusal *r = find_refusal(n);
    if (r != NULL) return bind_unsupported(b, 0, r->what, r->hint);
    return bind_unsupported(b, 0, "this statement is not supported",
                            "See docs/sql for what is supported.");
}

static int32_t location(const PgQuery__Node *n)
{
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_A_EXPR: return n->a_expr->location;
    case PG_QUERY__NODE__NODE_COLUMN_DEF: return n->column_def->location;
    case PG_QUERY__NODE__NODE_COLUMN_REF: return n->column_ref->location;
    case PG_QUERY__NODE__NODE_CONSTRAINT: return n->constraint->location;
    case PG_QUERY__NODE__NODE_FUNC_CALL: return n->func_call->location;
    case PG_QUERY__NODE__NODE_RANGE_VAR: return n->range_var->location;
    case PG_QUERY__NODE__NODE_SUB_LINK: return n->sub_link->location;
    case PG_QUERY__NODE__NODE_TYPE_CAST: return n->type_cast->location;
    case PG_QUERY__NODE__NODE_TYPE_NAME: return n->type_name->location;
    case PG_QUERY__NODE__NODE_WITH_CLAUSE: return n->with_clause->location;
    default: return -1; /* The place of the statement. */
    }
}

enum status bind_needs(struct binder *b,
                       uint32_t exec_version,
                       const PgQuery__Node *node,
                       const char *what)
{
    if (b->exec_version >= exec_version) return ST_OK;
    if (find_refusal(node) != NULL) return unsupported_statement(b, node);
    char message[DIAG_TEXT_MAX];
    (void)snprintf(message, sizeof message, "%s is not supported", what);
    return bind_unsupported(b, location(node), message, NULL);
}

/* "a", b, c: names as SET search_path gives them. */
void bind_take_path(struct binder *b, struct span text)
{
    size_t at = 0;
    b->path_count = 0;
    while (at < text.size && b->path_count < BIND_PATH_MAX) {
        while (at < text.size && (text.data[at] == ' ' || text.data[at] == ','))
            at++;
        bool is_quoted = at < text.size && text.data[at] == '"';
        size_t start = at += is_quoted;
        while (at < text.size && (is_quoted ? text.data[at] != '"' : text.data[at] != ','))
            at++;
        size_t end = at;
        while (!is_quoted && end > start && text.data[end - 1] == ' ')
            end--;
        at += is_quoted;
        if (end > start) b->path[b->path_count++] = span_of(text.data + start, end - start);
    }
}

static enum status start(struct binder *b,
                         struct arena *a,
                         const struct sql_compile *in,
                         struct diag *d)
{
    *b = (struct binder){.arena = a,
                         .catalog = in->catalog,
                         .exec_version =
                             in->exec_version == 0 ? BIND_VERSION_NEWEST : in->exec_version,
                         .text = in->text,
                         .diag = d,
                         .account = in->account,
                         .state = in->state,
                         .height = in->height};
    bind_take_path(b, in->search_path.size > 0 ? in->search_path : span_text("public"));
    if (in->param_count > BIND_PARAMS_MAX) {
        diag_set(d, "54023", "more than %u parameters", BIND_PARAMS_MAX);
        return ST_LIMIT;
    }
    for (uint32_t i = 0; i < in->param_count; i++) {
        b->param_types = bind_grow(b, b->param_types, i, sizeof *b->param_types);
        if (b->param_types == NULL) return bind_no_memory(b);
        b->param_types[i] = in->param_types[i];
    }
    b->param_count = in->param_count;
    return ST_OK;
}

/* The types the statement left open: 42P18. A declared parameter that is not used may be open. */
static enum status check_params(struct binder *b, uint32_t declared)
{
    for (uint32_t i = 0; i < b->param_count; i++) {
        if (b->param_types[i] != SQL_UNKNOWN) continue;
        if (i >= declared)
            return bind_fail(b, -1, "42P18", "could not determine data type of parameter $%u",
                             i + 1);
        b->param_types[i] = SQL_TEXT;
    }
    return ST_OK;
}

enum status compile_statement(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (statements[i].kind != n->node_case) continue;
        if (b->exec_version < statements[i].since) break;
        b->is_write = statements[i].is_write;
        out->is_write = statements[i].is_write;
        return statements[i].compile(b, out, n);
    }
    return unsupported_statement(b, n);
}

/* "SET LOCAL search_path = a, b; statement": how an operation says what its names mean, so that
 * every node resolves them alike. */
static bool take_path_prefix(struct binder *b, const PgQuery__ParseResult *tree)
{
    if (tree->n_stmts != 2 || b->exec_version < SQL_PATH_SINCE) return false;
    const PgQuery__Node *n = tree->stmts[0]->stmt;
    if (n == NULL || n->node_case != PG_QUERY__NODE__NODE_VARIABLE_SET_STMT) return false;
    const PgQuery__VariableSetStmt *s = n->variable_set_stmt;
    const bool is_path = s->is_local != 0 && strcmp(s->name, "search_path") == 0 &&
                         s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE &&
                         s->n_args <= BIND_PATH_MAX;
    if (!is_path) return false;
    struct span path[BIND_PATH_MAX] = {{NULL, 0}};
    uint32_t count = 0;
    for (size_t i = 0; i < s->n_args; i++) {
        const PgQuery__Node *arg = s->args[i];
        const bool is_text = arg->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                             arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
        if (!is_text) return false;
        path[count] = bind_cstring(arg->a_const->sval->sval);
        if (path[count].size > 0) count++;
    }
    memcpy(b->path, path, sizeof path);
    b->path_count = count;
    return true;
}

static enum status bind_statement(struct binder *b,
                                  struct sql_statement *out,
                                  const struct sql_compile *in)
{
    PgQuery__ParseResult *tree = NULL;
    TRY(parse_tree(&tree, b->arena, in->text, b->diag));
    const size_t at = take_path_prefix(b, tree) ? 1 : 0;
    if (tree->n_stmts > at + 1)
        return bind_fail(b, -1, "42601",
                         "cannot insert multiple commands into a prepared statement");
    if (tree->n_stmts == at || tree->stmts[at]->stmt == NULL) {
        out->kind = SQL_KIND_EMPTY;
        out->tag = "";
        return ST_OK;
    }
    TRY(compile_statement(b, out, tree->stmts[at]->stmt));
    return check_params(b, in->param_count);
}

static enum status compile_with(struct binder *b,
                                struct sql_statement *out,
                                struct arena *a,
                                const struct sql_compile *in,
                                struct diag *d)
{
    struct sql_statement s = {.kind = SQL_KIND_EMPTY, .tag = ""};
    TRY(start(b, a, in, d));
    TRY(bind_statement(b, &s, in));
    s.param_types = b->param_types;
    s.param_count = b->param_count;
    s.access = b->access;
    s.access_count = b->access_count;
    s.schemas = b->schemas;
    s.schema_count = b->schema_count;
    s.password = b->password;
    s.calls_node = b->calls_node;
    s.is_inexact = b->is_inexact;
    s.locks = b->locks;
    s.is_write = s.is_write || b->moves_sequence;
    must(s.tag != NULL);
    *out = s;
    return ST_OK;
}

enum status sql_compile(struct sql_statement *out,
                        struct arena *a,
                        const struct sql_compile *in,
                        struct diag *d)
{
    struct binder b;
    return explain_full(a, compile_with(&b, out, a, in, d), d);
}

/* --- lift ---------------------------------------------------------------------------------- */

static void sort_literals(struct binder *b)
{
    /* Almost in order already, and never the same place twice: insertion sort. */
    for (uint32_t i = 1; i < b->literal_count; i++) {
        struct literal l = b->literals[i];
        uint32_t k = i;
        for (; k > 0 && b->literals[k - 1].start > l.start; k--)
            b->literals[k] = b->literals[k - 1];
        b->literals[k] = l;
    }
}

/* Two constants never share a place in the text; if the grammar made two of one, neither moves. */
static bool is_disjoint(const struct binder *b)
{
    for (uint32_t i = 1; i < b->literal_count; i++)
        if (b->literals[i].start < b->literals[i - 1].start + b->literals[i - 1].size) return false;
    return true;
}

static bool can_lift(const struct binder *b, const struct sql_statement *s)
{
    bool is_dml = s->kind == SQL_KIND_SELECT || s->kind == SQL_KIND_INSERT ||
                  s->kind == SQL_KIND_UPDATE || s->kind == SQL_KIND_DELETE;
    return is_dml && b->literal_count > 0 && b->literal_count <= SQL_LIFT_MAX &&
           b->literal_count + b->param_count <= BIND_PARAMS_MAX && is_disjoint(b);
}

static enum status lifted_text(struct binder *b,
                               uint32_t param_count,
                               struct span *text,
                               struct sql_value *values)
{
    struct buf out;
    const char *copy = NULL;
    buf_init(&out, b->arena->mem, 0);
    size_t at = 0;
    for (uint32_t i = 0; i < b->literal_count; i++) {
        const struct literal *l = &b->literals[i];
        must(l->start >= at);
        buf_put(&out, span_of(b->text.data + at, l->start - at));
        /* Blanks keep it apart from what stood around the literal: SELECT'a'FROM t, a-1. */
        buf_printf(&out, " $%u ", param_count + i + 1);
        values[i] = l->expr->value;
        values[i].type = l->expr->type;
        at = l->start + l->size;
    }
    buf_put(&out, span_of(b->text.data + at, b->text.size - at));
    size_t size = out.size;
    TRY(emit_finish(b, &out, &copy));
    *text = span_of(copy, size);
    return ST_OK;
}

/* What is signed by who knows nothing of passwords has none. */
static enum status hide_password(struct sql_lifted *out, struct binder *b)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    buf_put(&text, b->password->before);
    buf_put_text(&text, "NULL");
    buf_put(&text, b->password->after);
    const size_t size = text.size;
    TRY(emit_finish(b, &text, &copy));
    out->text = span_of(copy, size);
    return ST_OK;
}

/* param_count: of those before the lifted ones. */
static enum status lift(struct sql_lifted *out,
                        struct binder *b,
                        const struct sql_statement *s,
                        uint32_t param_count)
{
    *out = (struct sql_lifted){.text = b->text};
    if (s->kind == SQL_KIND_COPY_IN)
        out->text = s->copy->text; /* What is signed names its columns. */
    if (b->password != NULL) return hide_password(out, b);
    if (b->literal_count <= SQL_LIFT_MAX) sort_literals(b);
    if (!can_lift(b, s)) return ST_OK;
    struct sql_value *lifted = arena_alloc_zero(b->arena, b->literal_count, sizeof *lifted);
    if (lifted == NULL) return bind_no_memory(b);
    TRY(lifted_text(b, param_count, &out->text, lifted));
    out->values = lifted;
    out->count = b->literal_count;
    return ST_OK;
}

enum status sql_lift(struct sql_lifted *out,
                     struct arena *a,
                     const struct sql_compile *in,
                     struct diag *d)
{
    struct binder b;
    struct sql_statement s = {.kind = SQL_KIND_EMPTY};
    enum status st = start(&b, a, in, d);
    if (st == ST_OK) st = bind_statement(&b, &s, in);
    if (st == ST_OK) st = lift(out, &b, &s, in->param_count);
    return explain_full(a, st, d);
}

enum status sql_compile_and_lift(struct sql_statement *out,
                                 struct sql_lifted *lifted,
                                 struct arena *a,
                                 const struct sql_compile *in,
                                 struct diag *d)
{
    struct binder b;
    enum status st = compile_with(&b, out, a, in, d);
    if (st == ST_OK) st = lift(lifted, &b, out, b.param_count);
    return explain_full(a, st, d);
}
