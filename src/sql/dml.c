/* SELECT, UPDATE and DELETE as statements, and what writes share (dml_int.h).
 *
 * Where SQLite would see a statement's own changes and PostgreSQL does not: SET or WHERE with a
 * subquery goes through UPDATE … FROM (SELECT 1), which finds and computes all new rows before it
 * writes the first; DELETE with a subquery finds all rows first too; RETURNING has no subqueries.
 */
#include "base/must.h"
#include "sql/dml_int.h"

static const char *table_reference(struct binder *b, const struct catalog_table *t)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    sql_put_name(&text, t->sqlite_name);
    return emit_finish(b, &text, &copy) == ST_OK ? copy : NULL;
}

/* --- SELECT -------------------------------------------------------------------------------- */

/* The call of s when it is SELECT … FROM trustsql.function(…): null when it is anything else. */
static const PgQuery__FuncCall *own_function(const PgQuery__SelectStmt *s, const char *name)
{
    if (s->n_from_clause != 1) return NULL;
    const PgQuery__Node *n = s->from_clause[0];
    if (n->node_case != PG_QUERY__NODE__NODE_RANGE_FUNCTION) return NULL;
    const PgQuery__RangeFunction *r = n->range_function;
    if (r->n_functions != 1 || r->functions[0]->node_case != PG_QUERY__NODE__NODE_LIST) return NULL;
    const PgQuery__List *pair = r->functions[0]->list;
    if (pair->n_items < 1 || pair->items[0]->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
        return NULL;
    const PgQuery__FuncCall *c = pair->items[0]->func_call;
    bool is_it = c->n_funcname == 2 &&
                 span_equal(bind_string(c->funcname[0]), span_text("trustsql")) &&
                 span_equal(bind_string(c->funcname[1]), span_text(name));
    return is_it ? c : NULL;
}

static bool is_only_star(const PgQuery__SelectStmt *s)
{
    if (s->n_target_list != 1 || s->where_clause != NULL || s->n_sort_clause > 0) return false;
    if (s->n_group_clause > 0 || s->n_distinct_clause > 0 || s->limit_count != NULL) return false;
    const PgQuery__Node *t = s->target_list[0]->res_target->val;
    return t->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && t->column_ref->n_fields == 1 &&
           t->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

static enum status add_argument(struct binder *b, struct sql_statement *out, const struct expr *e)
{
    if (e->kind != EXPR_CONST && e->kind != EXPR_PARAM)
        return bind_unsupported(b, e->position, "arguments must be constants or parameters",
                                "Compute the value in the client.");
    out->arguments = bind_grow(b, out->arguments, out->argument_count, sizeof *out->arguments);
    if (out->arguments == NULL) return bind_no_memory(b);
    out->arguments[out->argument_count++] = (struct sql_argument){
        .is_param = e->kind == EXPR_PARAM, .param = e->param, .value = e->value};
    return ST_OK;
}

static enum status put_result(struct binder *b,
                              struct sql_statement *out,
                              const struct sql_column *columns,
                              uint32_t count)
{
    out->tag = "SELECT";
    out->tag_has_count = true;
    out->column_count = count;
    out->columns = arena_alloc(b->arena, count * sizeof *columns);
    if (out->columns == NULL) return bind_no_memory(b);
    memcpy(out->columns, columns, count * sizeof *columns);
    return ST_OK;
}

static enum status put_argument(struct binder *b,
                                struct sql_statement *out,
                                const PgQuery__Node *n,
                                enum sql_type type)
{
    struct expr *e = NULL;
    TRY(bind_expr(b, &e, n));
    TRY(bind_coerce_implicit(b, &e, type));
    return add_argument(b, out, e);
}

#define RESULT(name_, type_)                                                                       \
    {                                                                                              \
        .name = {(const uint8_t *)(name_), sizeof(name_) - 1}, .type = (type_), .typmod = -1       \
    }
#define SUBMIT_COLUMNS 5u /* Without what is given on request. */

static enum status compile_submit(struct binder *b,
                                  struct sql_statement *out,
                                  const PgQuery__SelectStmt *s,
                                  const PgQuery__FuncCall *c)
{
    static const struct sql_column columns[] = {
        RESULT("txid", SQL_TEXT),     RESULT("height", SQL_INT8), RESULT("status", SQL_TEXT),
        RESULT("receipt", SQL_BYTEA), RESULT("proof", SQL_BYTEA), RESULT("results", SQL_BYTEA),
        RESULT("reply", SQL_BYTEA),
    };
    if (!is_only_star(s))
        return bind_unsupported(b, c->location, "trustsql.submit stands alone",
                                "Write SELECT * FROM trustsql.submit($1::bytea).");
    if (c->n_args < 1 || c->n_args > 2)
        return bind_fail(
            b, c->location, "42883",
            "function trustsql.submit takes one bytea, and true for results and reply");
    TRY(put_argument(b, out, c->args[0], SQL_BYTEA));
    if (c->n_args == 2) {
        TRY(put_argument(b, out, c->args[1], SQL_BOOL));
        if (out->arguments[1].is_param)
            return bind_unsupported(b, c->location, "the second argument must be a constant",
                                    "Write true: it decides which columns there are.");
    }
    bool is_full =
        c->n_args == 2 && !out->arguments[1].value.is_null && out->arguments[1].value.integer != 0;
    out->kind = SQL_KIND_SUBMIT;
    return put_result(b, out, columns,
                      is_full ? sizeof columns / sizeof columns[0] : SUBMIT_COLUMNS);
}

static enum status compile_complain(struct binder *b,
                                    struct sql_statement *out,
                                    const PgQuery__SelectStmt *s,
                                    const PgQuery__FuncCall *c)
{
    static const struct sql_column columns[] = {RESULT("answer", SQL_TEXT)};
    if (!is_only_star(s))
        return bind_unsupported(b, c->location, "trustsql.complain stands alone",
                                "Write SELECT * FROM trustsql.complain(kind, $1::bytea).");
    if (c->n_args != 2)
        return bind_fail(b, c->location, "42883",
                         "function trustsql.complain takes a kind and one bytea");
    TRY(put_argument(b, out, c->args[0], SQL_TEXT));
    TRY(put_argument(b, out, c->args[1], SQL_BYTEA));
    out->kind = SQL_KIND_COMPLAIN;
    return put_result(b, out, columns, 1);
}

enum status compile_select(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    if (n->select_stmt->into_clause != NULL && b->exec_version >= 4)
        return compile_select_into(b, out, n);
    const PgQuery__FuncCall *submit = own_function(n->select_stmt, "submit");
    if (submit != NULL) return compile_submit(b, out, n->select_stmt, submit);
    const PgQuery__FuncCall *complain = own_function(n->select_stmt, "complain");
    if (complain != NULL) return compile_complain(b, out, n->select_stmt, complain);
    if (b->exec_version >= 4 && bind_setting_call(n->select_stmt))
        return compile_setting_call(b, out, n);
    struct query *q = NULL;
    TRY(bind_query(b, &q, n->select_stmt));
    out->kind = SQL_KIND_SELECT;
    out->tag = "SELECT";
    out->tag_has_count = true;
    TRY(compile_columns(b, out, q));
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_query(&text, q);
    return emit_finish(b, &text, &out->sqlite);
}

/* --- shared by writes ---------------------------------------------------------------------- */

static enum status check_writable(struct binder *b, const struct catalog_table *t, int32_t position)
{
    if (t->relation == CATALOG_SEQUENCE)
        return bind_fail(b, -1, "42809", "cannot change sequence \"%.*s\"", (int)t->name.size,
                         (const char *)t->name.data);
    if (t->relation == CATALOG_VIEW)
        return bind_unsupported(b, position, "rows of a view cannot be changed",
                                "Change the tables that it reads.");
    if (t->id >= CATALOG_FIRST_ID) return ST_OK;
    (void)bind_fail(b, position, "42501", "permission denied for table %.*s", (int)t->name.size,
                    (const char *)t->name.data);
    diag_hint(b->diag, "Tables of schema trustsql are changed with CALL, GRANT and DDL only.");
    return ST_INVALID;
}

/* Sources are emitted as r<n>: a target called r7 must not be taken for one. */
static void skip_own_name(struct binder *b, struct span name)
{
    if (name.size < 2 || name.size > 9 || (name.data[0] | 0x20u) != 'r') return;
    uint32_t number = 0;
    for (size_t i = 1; i < name.size; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') return;
        number = number * 10 + (uint32_t)(name.data[i] - '0');
    }
    if (b->next_id < number) b->next_id = number;
}

enum status write_open(struct binder *b, struct write *w, const PgQuery__RangeVar *r)
{
    struct span alias = r->alias != NULL ? bind_cstring(r->alias->aliasname) : (struct span){0};
    TRY(bind_table(b, r, &w->table));
    TRY(check_writable(b, w->table, r->location));
    skip_own_name(b, w->table->sqlite_name);
    TRY(bind_table_source(b, &w->target, w->table, alias));
    w->target->reference = table_reference(b, w->table);
    w->query = arena_alloc_zero(b->arena, 1, sizeof *w->query);
    w->values = arena_alloc_zero(b->arena, w->table->column_count, sizeof(struct expr *));
    if (w->target->reference == NULL || w->query == NULL || w->values == NULL)
        return bind_no_memory(b);
    return ST_OK;
}

enum status write_find_column(struct binder *b,
                              const struct catalog_table *t,
                              const PgQuery__ResTarget *target,
                              uint32_t *column)
{
    struct span name = bind_cstring(target->name);
    if (target->n_indirection > 0)
        return bind_unsupported(b, target->location,
                                "subscripts and composite fields are not supported", NULL);
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, name)) continue;
        *column = i;
        return ST_OK;
    }
    return bind_fail(b, target->location, "42703",
                     "column \"%s\" of relation \"%.*s\" does not exist", target->name,
                     (int)t->name.size, (const char *)t->name.data);
}

/* The rowid alias would take a new number for NULL. */
static bool is_rowid(const struct catalog_table *t, uint32_t column)
{
    enum sql_type type = t->columns[column].type;
    return t->key_count == 1 && t->key_columns[0] == column &&
           (type == SQL_INT2 || type == SQL_INT4 || type == SQL_INT8);
}

static enum status guard_rowid(struct binder *b,
                               struct expr **e,
                               const struct catalog_table *t,
                               uint32_t column)
{
    if (!is_rowid(t, column)) return ST_OK;
    if ((*e)->kind == EXPR_CONST && !(*e)->value.is_null) return ST_OK;
    struct expr *names[2];
    struct span texts[2] = {t->columns[column].name, t->name};
    for (int i = 0; i < 2; i++) {
        names[i] = bind_new_expr(b, EXPR_CONST, SQL_TEXT, -1);
        if (names[i] == NULL) return bind_no_memory(b);
        names[i]->value = (struct sql_value){.type = SQL_TEXT, .bytes = texts[i]};
    }
    struct expr *call = bind_call(b, (*e)->type, "sql_not_null(%1, %2, %3)",
                                  (struct expr *[3]){*e, names[0], names[1]});
    if (call == NULL) return bind_no_memory(b);
    *e = call;
    return ST_OK;
}

static enum status null_const(struct binder *b, struct expr **out, enum sql_type type)
{
    *out = bind_new_expr(b, EXPR_CONST, type, -1);
    if (*out == NULL) return bind_no_memory(b);
    (*out)->value = (struct sql_value){.type = type, .is_null = true};
    return ST_OK;
}

/* The column's DEFAULT, bound from its text. */
enum status write_default(struct binder *b, struct expr **out, const struct catalog_column *column)
{
    if (column->default_sql.size == 0) return null_const(b, out, column->type);
    struct buf text;
    const char *select = NULL;
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, "SELECT ");
    buf_put(&text, column->default_sql);
    TRY(emit_finish(b, &text, &select));
    PgQuery__ParseResult *tree = NULL;
    TRY(parse_tree(&tree, b->arena, span_text(select), b->diag));
    must(tree->n_stmts == 1);
    const PgQuery__SelectStmt *s = tree->stmts[0]->stmt->select_stmt;
    must(s->n_target_list == 1);
    struct span before = b->text;
    enum clause clause = b->clause;
    b->text = span_text(select);
    b->clause = CLAUSE_DEFAULT;
    b->keep_literals++;
    b->is_identity = column->identity != 0;
    TRY(bind_expr(b, out, s->target_list[0]->res_target->val));
    b->is_identity = false;
    b->keep_literals--;
    b->clause = clause;
    b->text = before;
    return ST_OK;
}

/* A value for a column: DEFAULT replaced, converted by assignment, fitted, guarded. */
enum status write_assign(struct binder *b,
                         struct expr **e,
                         const struct catalog_table *t,
                         uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    must(*e != NULL);
    if ((*e)->kind == EXPR_DEFAULT) TRY(write_default(b, e, c));
    struct coercion to = {
        .type = c->type, .typmod = c->typmod, .context = SQL_CAST_ASSIGNMENT, .column = c->name};
    TRY(bind_coerce(b, e, &to));
    return guard_rowid(b, e, t, column);
}

enum status write_returning(struct binder *b,
                            struct sql_statement *out,
                            struct write *w,
                            PgQuery__Node *const *items,
                            size_t count)
{
    if (count == 0) return ST_OK;
    b->clause = CLAUSE_RETURNING;
    TRY(bind_access_any(b, w->table, SQL_RIGHT_SELECT));
    TRY(bind_targets(b, w->query, items, count));
    for (uint32_t i = 0; i < w->query->target_count; i++)
        TRY(bind_settle(b, &w->query->targets[i].expr));
    return compile_columns(b, out, w->query);
}

void write_emit_returning(struct buf *out, const struct write *w)
{
    if (w->query->target_count == 0) return;
    buf_put_text(out, " RETURNING ");
    emit_targets(out, w->query->targets, w->query->target_count);
}

static bool has_query(const struct expr *e)
{
    if (e == NULL) return false;
    if (e->kind == EXPR_QUERY) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (has_query(e->args[i])) return true;
    return false;
}

static bool reads_target(const struct expr *e)
{
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_QUERY) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (reads_target(e->args[i])) return true;
    return false;
}

/* --- SET ----------------------------------------------------------------------------------- */

/* The column that SET names, which has no value yet. */
static enum status set_target(struct binder *b,
                              const struct write *w,
                              const PgQuery__ResTarget *t,
                              uint32_t *column)
{
    TRY(write_find_column(b, w->table, t, column));
    if (w->values[*column] == NULL) return ST_OK;
    return bind_fail(b, t->location, "42601", "multiple assignments to same column \"%s\"",
                     t->name);
}

enum status write_not_of_user(struct binder *b, struct span column, const char *before)
{
    const char *after =
        before[0] == 'c' && before[1] == 'o' ? " can only be updated to DEFAULT" : "";
    (void)bind_fail(b, -1, "428C9", "%s \"%.*s\"%s", before, (int)column.size,
                    (const char *)column.data, after);
    diag_detail(b->diag, "Column \"%.*s\" is an identity column defined as GENERATED ALWAYS.",
                (int)column.size, (const char *)column.data);
    return ST_INVALID;
}

/* From exec_version 4 on only what is read of the table itself counts (bind_access_field). */
static enum status write_reads(struct binder *b,
                               const struct catalog_table *t,
                               const struct expr *value)
{
    must(value != NULL);
    return b->exec_version >= 4 ? ST_OK : bind_access(b, t, SQL_RIGHT_SELECT);
}

static enum status set_value(struct binder *b, struct write *w, uint32_t column, struct expr *value)
{
    w->values[column] = value;
    if (reads_target(value)) TRY(write_reads(b, w->table, value));
    TRY(bind_access_column(b, w->table, column, SQL_RIGHT_UPDATE));
    w->value_count++;
    if (w->table->columns[column].generated.size > 0) {
        if (value->kind != EXPR_DEFAULT)
            return generated_refuse(b, "column", w->table->columns[column].name,
                                    " can only be updated to DEFAULT");
        struct expr *e = bind_field(b, w->target, column); /* What it is already. */
        if (e == NULL) return bind_no_memory(b);
        w->values[column] = e;
        return ST_OK;
    }
    if (w->table->columns[column].identity == 'a' && value->kind != EXPR_DEFAULT)
        return write_not_of_user(b, w->table->columns[column].name, "column");
    return write_assign(b, &w->values[column], w->table, column);
}

static enum status set_column(struct binder *b,
                              struct write *w,
                              const PgQuery__ResTarget *t,
                              const PgQuery__Node *value)
{
    struct expr *e = NULL;
    uint32_t column = 0;
    TRY(set_target(b, w, t, &column));
    TRY(bind_expr(b, &e, value));
    return set_value(b, w, column, e);
}

/* SET (a, b) = (SELECT x, y …): the query once for each column. */
static enum status set_from_query(struct binder *b,
                                  struct write *w,
                                  const PgQuery__ResTarget *t,
                                  const PgQuery__MultiAssignRef *m)
{
    struct query *q = NULL;
    struct buf text;
    const char *template = NULL;
    uint32_t target = 0;
    TRY(bind_needs_or(b, 4, t->location, "SET (columns) = (SELECT ...) is not supported",
                      "Set each column by itself."));
    TRY(set_target(b, w, t, &target));
    b->keep_literals++;
    TRY(bind_query_node(b, &q, m->source->sub_link->subselect));
    b->keep_literals--;
    if ((uint32_t)m->ncolumns != q->target_count)
        return bind_fail(b, m->source->sub_link->location, "42601",
                         "number of columns does not match number of values");
    must(m->colno >= 1 && m->colno <= m->ncolumns);
    buf_init(&text, b->arena->mem, 0);
    buf_printf(&text, "(SELECT sql_single(c%d) FROM (%%q))", m->colno);
    TRY(emit_finish(b, &text, &template));
    const struct expr *column = q->targets[m->colno - 1].expr;
    struct expr *e = bind_new_expr(b, EXPR_QUERY, column->type, t->location);
    if (e == NULL) return bind_no_memory(b);
    e->typmod = column->typmod;
    e->scale = column->scale;
    e->query = q;
    e->template = template;
    return set_value(b, w, target, e);
}

/* One column of SET (a, b) = … */
static enum status set_of_several(struct binder *b, struct write *w, const PgQuery__ResTarget *t)
{
    const PgQuery__MultiAssignRef *m = t->val->multi_assign_ref;
    const PgQuery__Node *source = m->source;
    if (source->node_case == PG_QUERY__NODE__NODE_SUB_LINK) return set_from_query(b, w, t, m);
    if (source->node_case != PG_QUERY__NODE__NODE_ROW_EXPR)
        return bind_unsupported(b, t->location, "SET (columns) = (SELECT ...) is not supported",
                                "Set each column by itself.");
    if ((size_t)m->ncolumns != source->row_expr->n_args)
        return bind_fail(b, t->location, "42601",
                         "number of columns does not match number of values");
    return set_column(b, w, t, source->row_expr->args[m->colno - 1]);
}

enum status write_set_list(struct binder *b,
                           struct write *w,
                           PgQuery__Node *const *items,
                           size_t count)
{
    b->clause = CLAUSE_SET;
    for (size_t i = 0; i < count; i++) {
        const PgQuery__ResTarget *t = items[i]->res_target;
        if (t->val->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF)
            TRY(set_of_several(b, w, t));
        else
            TRY(set_column(b, w, t, t->val));
    }
    return generated_set(b, w);
}

void write_emit_set_list(struct buf *out, const struct write *w)
{
    bool is_first = true;
    for (uint32_t i = 0; i < w->table->column_count; i++) {
        if (w->values[i] == NULL) continue;
        buf_put_text(out, is_first ? " SET " : ", ");
        is_first = false;
        sql_put_name(out, catalog_column_name(w->table, i));
        buf_put_text(out, " = ");
        emit_expr(out, w->values[i]);
    }
}

/* --- UPDATE and DELETE --------------------------------------------------------------------- */

enum status write_where(struct binder *b, struct write *w, const PgQuery__Node *where)
{
    if (where == NULL) return ST_OK;
    b->clause = CLAUSE_WHERE;
    TRY(bind_expr(b, &w->query->where, where));
    TRY(bind_condition(b, &w->query->where, "WHERE"));
    return b->exec_version >= 4 ? ST_OK : bind_access(b, w->table, SQL_RIGHT_SELECT);
}

static enum status enter_target(struct binder *b, struct write *w, const PgQuery__WithClause *with)
{
    TRY(bind_with(b, w->query, with));
    TRY(bind_scope_add(b, &w->query->scope, w->target));
    b->scope = &w->query->scope;
    return ST_OK;
}

static void emit_where(struct buf *out, const struct query *q)
{
    if (q->where == NULL) return;
    buf_put_text(out, " WHERE (");
    emit_expr(out, q->where);
    buf_put_u8(out, ')');
}

enum status compile_update(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__UpdateStmt *u = n->update_stmt;
    struct write w = {0};
    out->kind = SQL_KIND_UPDATE;
    out->tag = "UPDATE";
    out->tag_has_count = true;
    TRY(write_open(b, &w, u->relation));
    TRY(bind_access_any(b, w.table, SQL_RIGHT_UPDATE));
    TRY(enter_target(b, &w, u->with_clause));
    if (u->n_from_clause > 0) return compile_update_from(b, out, &w, u);
    TRY(write_set_list(b, &w, u->target_list, u->n_target_list));
    TRY(write_where(b, &w, u->where_clause));
    TRY(write_returning(b, out, &w, u->returning_list, u->n_returning_list));
    bool needs_all_first = has_query(w.query->where);
    for (uint32_t i = 0; i < w.table->column_count; i++)
        needs_all_first = needs_all_first || has_query(w.values[i]);
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, w.query);
    buf_put_text(&text, "UPDATE ");
    sql_put_name(&text, w.table->sqlite_name);
    write_emit_set_list(&text, &w);
    if (needs_all_first) buf_put_text(&text, " FROM (SELECT 1) AS \"r.0\"");
    emit_where(&text, w.query);
    write_emit_returning(&text, &w);
    return emit_finish(b, &text, &out->sqlite);
}

/* SQLite runs an uncorrelated subquery when it first needs it, which may be after it has deleted
 * rows. A correlated one, whatever it says, makes it find all rows before it deletes the first. */
void write_emit_find_first(struct buf *out, const struct write *w)
{
    must(w->table->column_count > 0);
    buf_put_text(out, " AND (SELECT ");
    for (int i = 0; i < 2; i++) {
        buf_put_text(out, w->target->reference);
        buf_put_u8(out, '.');
        sql_put_name(out, catalog_column_name(w->table, 0));
        buf_put_text(out, i == 0 ? " IS " : ")");
    }
}

enum status compile_delete(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__DeleteStmt *s = n->delete_stmt;
    struct write w = {0};
    out->kind = SQL_KIND_DELETE;
    out->tag = "DELETE";
    out->tag_has_count = true;
    TRY(write_open(b, &w, s->relation));
    TRY(bind_access(b, w.table, SQL_RIGHT_DELETE));
    TRY(enter_target(b, &w, s->with_clause));
    if (s->n_using_clause > 0) return compile_delete_using(b, out, &w, s);
    TRY(write_where(b, &w, s->where_clause));
    TRY(write_returning(b, out, &w, s->returning_list, s->n_returning_list));
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, w.query);
    buf_put_text(&text, "DELETE FROM ");
    sql_put_name(&text, w.table->sqlite_name);
    emit_where(&text, w.query);
    if (has_query(w.query->where)) write_emit_find_first(&text, &w);
    write_emit_returning(&text, &w);
    return emit_finish(b, &text, &out->sqlite);
}
