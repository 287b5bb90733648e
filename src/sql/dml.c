/* SELECT, INSERT, UPDATE and DELETE as statements.
 *
 * Where SQLite would see a statement's own changes and PostgreSQL does not: SET or WHERE with a
 * subquery goes through UPDATE … FROM (SELECT 1), which finds and computes all new rows before it
 * writes the first; DELETE with a subquery finds all rows first too; RETURNING has no subqueries;
 * ON CONFLICT DO UPDATE of several rows finds keys that come twice before the first is written. */
#include "base/must.h"
#include "sql/dml_int.h"

static const char *table_reference(struct binder *b, const struct catalog_table *t)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    emit_name(&text, t->sqlite_name);
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

static enum status open_target(struct binder *b, struct write *w, const PgQuery__RangeVar *r)
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

static enum status find_column(struct binder *b,
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
static enum status default_expr(struct binder *b,
                                struct expr **out,
                                const struct catalog_column *column)
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
static enum status assign(struct binder *b,
                          struct expr **e,
                          const struct catalog_table *t,
                          uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    must(*e != NULL);
    if ((*e)->kind == EXPR_DEFAULT) TRY(default_expr(b, e, c));
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
    TRY(bind_access(b, w->table, SQL_RIGHT_SELECT));
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
    TRY(find_column(b, w->table, t, column));
    if (w->values[*column] == NULL) return ST_OK;
    return bind_fail(b, t->location, "42601", "multiple assignments to same column \"%s\"",
                     t->name);
}

static enum status not_of_user(struct binder *b, struct span column, const char *before)
{
    const char *after =
        before[0] == 'c' && before[1] == 'o' ? " can only be updated to DEFAULT" : "";
    (void)bind_fail(b, -1, "428C9", "%s \"%.*s\"%s", before, (int)column.size,
                    (const char *)column.data, after);
    diag_detail(b->diag, "Column \"%.*s\" is an identity column defined as GENERATED ALWAYS.",
                (int)column.size, (const char *)column.data);
    return ST_INVALID;
}

static enum status set_value(struct binder *b, struct write *w, uint32_t column, struct expr *value)
{
    w->values[column] = value;
    if (reads_target(value)) TRY(bind_access(b, w->table, SQL_RIGHT_SELECT));
    w->value_count++;
    if (w->table->columns[column].identity == 'a' && value->kind != EXPR_DEFAULT)
        return not_of_user(b, w->table->columns[column].name, "column");
    return assign(b, &w->values[column], w->table, column);
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

enum status write_set_list(struct binder *b,
                           struct write *w,
                           PgQuery__Node *const *items,
                           size_t count)
{
    b->clause = CLAUSE_SET;
    for (size_t i = 0; i < count; i++) {
        const PgQuery__ResTarget *t = items[i]->res_target;
        const PgQuery__Node *value = t->val;
        if (value->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF) {
            const PgQuery__MultiAssignRef *m = value->multi_assign_ref;
            const PgQuery__Node *source = m->source;
            if (source->node_case == PG_QUERY__NODE__NODE_SUB_LINK) {
                TRY(set_from_query(b, w, t, m));
                continue;
            }
            if (source->node_case != PG_QUERY__NODE__NODE_ROW_EXPR)
                return bind_unsupported(b, t->location,
                                        "SET (columns) = (SELECT ...) is not supported",
                                        "Set each column by itself.");
            if ((size_t)m->ncolumns != source->row_expr->n_args)
                return bind_fail(b, t->location, "42601",
                                 "number of columns does not match number of values");
            value = source->row_expr->args[m->colno - 1];
        }
        TRY(set_column(b, w, t, value));
    }
    return ST_OK;
}

static void emit_set_list(struct buf *out, const struct write *w)
{
    bool is_first = true;
    for (uint32_t i = 0; i < w->table->column_count; i++) {
        if (w->values[i] == NULL) continue;
        buf_put_text(out, is_first ? " SET " : ", ");
        is_first = false;
        emit_name(out, catalog_column_name(w->table, i));
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
    return bind_access(b, w->table, SQL_RIGHT_SELECT);
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
    TRY(open_target(b, &w, u->relation));
    TRY(bind_access(b, w.table, SQL_RIGHT_UPDATE));
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
    emit_name(&text, w.table->sqlite_name);
    emit_set_list(&text, &w);
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
        emit_name(out, catalog_column_name(w->table, 0));
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
    TRY(open_target(b, &w, s->relation));
    TRY(bind_access(b, w.table, SQL_RIGHT_DELETE));
    TRY(enter_target(b, &w, s->with_clause));
    if (s->n_using_clause > 0) return compile_delete_using(b, out, &w, s);
    TRY(write_where(b, &w, s->where_clause));
    TRY(write_returning(b, out, &w, s->returning_list, s->n_returning_list));
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, w.query);
    buf_put_text(&text, "DELETE FROM ");
    emit_name(&text, w.table->sqlite_name);
    emit_where(&text, w.query);
    if (has_query(w.query->where)) write_emit_find_first(&text, &w);
    write_emit_returning(&text, &w);
    return emit_finish(b, &text, &out->sqlite);
}

/* --- INSERT -------------------------------------------------------------------------------- */

struct insert {
    struct write write;
    PgQuery__OverridingKind override;
    uint32_t *columns; /* Where the given values go. */
    uint32_t column_count;
    struct row *rows; /* VALUES: one value per table column. */
    uint32_t row_count;
    struct query *select;
    uint32_t source_id; /* Of select. */
    struct span *conflict_columns;
    uint32_t conflict_count;
    bool has_conflict;
    bool is_update;
    bool is_several; /* Rows that DO UPDATE must not meet twice. */
    struct expr *conflict_where;
};

static enum status insert_columns(struct binder *b, struct insert *in, const PgQuery__InsertStmt *s)
{
    const struct catalog_table *t = in->write.table;
    size_t count = s->n_cols > 0 ? s->n_cols : t->column_count;
    in->columns = arena_alloc_zero(b->arena, count, sizeof *in->columns);
    if (in->columns == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < count; i++) {
        uint32_t column = (uint32_t)i;
        if (s->n_cols > 0) TRY(find_column(b, t, s->cols[i]->res_target, &column));
        for (uint32_t k = 0; k < in->column_count; k++)
            if (in->columns[k] == column)
                return bind_fail(b, s->cols[i]->res_target->location, "42701",
                                 "column \"%s\" specified more than once",
                                 s->cols[i]->res_target->name);
        in->columns[in->column_count++] = column;
    }
    return ST_OK;
}

static enum status check_width(struct binder *b,
                               const struct insert *in,
                               size_t width,
                               const PgQuery__InsertStmt *s)
{
    if (width > in->column_count)
        return bind_fail(b, -1, "42601", "INSERT has more expressions than target columns");
    if (s->n_cols > 0 && width < in->column_count)
        return bind_fail(b, s->cols[width]->res_target->location, "42601",
                         "INSERT has more target columns than expressions");
    return ST_OK;
}

/* One row of VALUES, spread over the table's columns. */
/* A value for an identity column: OVERRIDING says whether it counts. */
static enum status override(struct binder *b,
                            const struct insert *in,
                            struct expr **value,
                            const struct catalog_column *c)
{
    if (*value == NULL || c->identity == 0 || (*value)->kind == EXPR_DEFAULT) return ST_OK;
    if (in->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE) {
        *value = NULL;
        return ST_OK;
    }
    if (c->identity != 'a' || in->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE)
        return ST_OK;
    (void)not_of_user(b, c->name, "cannot insert a non-DEFAULT value into column");
    diag_hint(b->diag, "Use OVERRIDING SYSTEM VALUE to override.");
    return ST_INVALID;
}

static enum status insert_row(struct binder *b, struct insert *in, const PgQuery__List *list)
{
    const struct catalog_table *t = in->write.table;
    struct expr **values = arena_alloc_zero(b->arena, t->column_count, sizeof(struct expr *));
    if (values == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < list->n_items; i++)
        TRY(bind_expr(b, &values[in->columns[i]], list->items[i]));
    for (uint32_t i = 0; i < t->column_count; i++) {
        TRY(override(b, in, &values[i], &t->columns[i]));
        if (values[i] == NULL) TRY(default_expr(b, &values[i], &t->columns[i]));
        TRY(assign(b, &values[i], t, i));
    }
    in->rows[in->row_count++] = (struct row){.values = values, .count = t->column_count};
    return ST_OK;
}

static enum status insert_values(struct binder *b,
                                 struct insert *in,
                                 const PgQuery__InsertStmt *s,
                                 const PgQuery__SelectStmt *v)
{
    size_t count = v == NULL ? 1 : v->n_values_lists;
    PgQuery__List none = PG_QUERY__LIST__INIT;
    in->rows = arena_alloc_zero(b->arena, count, sizeof *in->rows);
    if (in->rows == NULL) return bind_no_memory(b);
    b->clause = CLAUSE_VALUES;
    for (size_t i = 0; i < count; i++) {
        const PgQuery__List *list = v == NULL ? &none : v->values_lists[i]->list;
        if (v != NULL && list->n_items != v->values_lists[0]->list->n_items)
            return bind_fail(b, -1, "42601", "VALUES lists must all be the same length");
        if (v != NULL) TRY(check_width(b, in, list->n_items, s));
        TRY(insert_row(b, in, list));
    }
    return ST_OK;
}

/* The outer SELECT gives every column of the table from c1 … cn of the inner one, in a total order
 * over its values, so that rows get their places in the same order everywhere. */
static enum status insert_select(struct binder *b, struct insert *in, const PgQuery__InsertStmt *s)
{
    const struct catalog_table *t = in->write.table;
    b->keeps_unknown = true; /* Constants take the column's type. */
    TRY(bind_query_node(b, &in->select, s->select_stmt));
    TRY(check_width(b, in, in->select->target_count, s));
    struct source *source = arena_alloc_zero(b->arena, 1, sizeof *source);
    struct row *row = arena_alloc_zero(b->arena, 1, sizeof *row);
    if (source == NULL || row == NULL) return bind_no_memory(b);
    source->id = in->source_id = ++b->next_id;
    source->query = in->select;
    source->field_count = in->select->target_count;
    source->fields = arena_alloc_zero(b->arena, source->field_count + 1u, sizeof *source->fields);
    row->values = arena_alloc_zero(b->arena, t->column_count, sizeof(struct expr *));
    if (source->fields == NULL || row->values == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < source->field_count; i++) {
        struct expr *e = in->select->targets[i].expr;
        if (e->type == SQL_UNKNOWN)
            TRY(bind_coerce_implicit(b, &e, t->columns[in->columns[i]].type));
        source->fields[i] = (struct field){.type = e->type, .typmod = e->typmod, .scale = e->scale};
        row->values[in->columns[i]] = bind_field(b, source, i);
        if (row->values[in->columns[i]] == NULL) return bind_no_memory(b);
    }
    for (uint32_t i = 0; i < t->column_count; i++) {
        TRY(override(b, in, &row->values[i], &t->columns[i]));
        if (row->values[i] == NULL) TRY(default_expr(b, &row->values[i], &t->columns[i]));
        TRY(assign(b, &row->values[i], t, i));
    }
    in->rows = row;
    in->row_count = 1;
    return ST_OK;
}

static bool is_values(const PgQuery__SelectStmt *s)
{
    return s->n_values_lists > 0 && s->with_clause == NULL && s->n_sort_clause == 0 &&
           s->limit_count == NULL && s->limit_offset == NULL;
}

/* --- ON CONFLICT --------------------------------------------------------------------------- */

static bool is_same_set(const struct catalog_index *index,
                        const struct catalog_table *t,
                        const struct insert *in)
{
    if (index->column_count != in->conflict_count || index->predicate.size > 0) return false;
    for (uint32_t i = 0; i < index->column_count; i++) {
        bool is_found = false;
        if (index->columns[i] == CATALOG_EXPRESSION) return false;
        const struct span name = catalog_column_name(t, index->columns[i]);
        for (uint32_t k = 0; k < in->conflict_count; k++)
            is_found = is_found || span_equal(name, in->conflict_columns[k]);
        if (!is_found) return false;
    }
    return true;
}

static enum status conflict_constraint(struct binder *b,
                                       struct insert *in,
                                       const PgQuery__InferClause *c)
{
    const struct catalog_table *t = in->write.table;
    for (uint32_t i = 0; i < t->index_count; i++) {
        const struct catalog_index *index = &t->indexes[i];
        if (!span_equal(index->name, span_text(c->conname))) continue;
        if (index->kind != CATALOG_PRIMARY && index->kind != CATALOG_UNIQUE) continue;
        in->conflict_columns =
            arena_alloc_zero(b->arena, index->column_count, sizeof *in->conflict_columns);
        if (in->conflict_columns == NULL) return bind_no_memory(b);
        for (uint32_t k = 0; k < index->column_count; k++)
            in->conflict_columns[in->conflict_count++] = catalog_column_name(t, index->columns[k]);
        return ST_OK;
    }
    return bind_fail(b, c->location, "42704", "constraint \"%s\" for table \"%.*s\" does not exist",
                     c->conname, (int)t->name.size, (const char *)t->name.data);
}

static enum status conflict_target(struct binder *b,
                                   struct insert *in,
                                   const PgQuery__InferClause *c)
{
    const struct catalog_table *t = in->write.table;
    if (c->conname != NULL && c->conname[0] != 0) return conflict_constraint(b, in, c);
    if (c->where_clause != NULL)
        return bind_unsupported(b, c->location, "partial indexes are not supported", NULL);
    in->conflict_columns =
        arena_alloc_zero(b->arena, c->n_index_elems, sizeof *in->conflict_columns);
    if (in->conflict_columns == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < c->n_index_elems; i++) {
        const PgQuery__IndexElem *e = c->index_elems[i]->index_elem;
        if (e->expr != NULL)
            return bind_unsupported(b, c->location, "expressions in ON CONFLICT are not supported",
                                    NULL);
        PgQuery__ResTarget named;
        pg_query__res_target__init(&named); /* The macro casts const away. */
        named.name = e->name;
        named.location = c->location;
        uint32_t column = 0;
        TRY(find_column(b, t, &named, &column));
        in->conflict_columns[in->conflict_count++] = catalog_column_name(t, column);
    }
    for (uint32_t i = 0; i < t->index_count; i++) {
        enum catalog_index_kind kind = t->indexes[i].kind;
        bool is_unique =
            kind == CATALOG_PRIMARY || kind == CATALOG_UNIQUE || kind == CATALOG_UNIQUE_INDEX;
        if (is_unique && is_same_set(&t->indexes[i], t, in)) return ST_OK;
    }
    return bind_fail(b, c->location, "42P10",
                     "there is no unique or exclusion constraint matching the ON CONFLICT "
                     "specification");
}

static bool is_conflict_column(const struct insert *in, uint32_t column)
{
    for (uint32_t i = 0; i < in->conflict_count; i++)
        if (span_equal(in->conflict_columns[i], catalog_column_name(in->write.table, column)))
            return true;
    return false;
}

/* A row that is met twice is found by its key before anything is written (21000): so the key must
 * be that of the proposed row, and every conflict must be an update. */
static enum status check_several(struct binder *b, const struct insert *in, int32_t position)
{
    bool is_moved = in->conflict_where != NULL;
    for (uint32_t i = 0; i < in->write.table->column_count; i++)
        is_moved = is_moved || (in->write.values[i] != NULL && is_conflict_column(in, i));
    if (!is_moved) return ST_OK;
    return bind_unsupported(b, position,
                            "ON CONFLICT DO UPDATE of several rows with WHERE, or of the columns "
                            "in conflict, is not supported",
                            "Send one INSERT for each row.");
}

static enum status conflict_update(struct binder *b,
                                   struct insert *in,
                                   const PgQuery__OnConflictClause *c)
{
    struct source *excluded = NULL;
    if (in->conflict_count == 0)
        return bind_fail(b, c->location, "42601",
                         "ON CONFLICT DO UPDATE requires inference specification or constraint "
                         "name");
    in->is_several = in->row_count != 1 || in->select != NULL;
    if (in->is_several)
        TRY(bind_needs_or(b, 4, c->location,
                          "ON CONFLICT DO UPDATE is supported for one row of VALUES",
                          "Send one INSERT for each row."));
    TRY(bind_table_source(b, &excluded, in->write.table, span_text("excluded")));
    excluded->reference = "excluded";
    struct scope *scope = &in->write.query->scope;
    uint32_t entry_count = scope->entry_count;
    uint32_t source_count = scope->source_count;
    TRY(bind_scope_add(b, scope, excluded)); /* A bare column name is ambiguous now: 42702. */
    TRY(bind_access(b, in->write.table, SQL_RIGHT_UPDATE | SQL_RIGHT_SELECT));
    TRY(write_set_list(b, &in->write, c->target_list, c->n_target_list));
    if (c->where_clause != NULL) {
        b->clause = CLAUSE_WHERE;
        TRY(bind_expr(b, &in->conflict_where, c->where_clause));
        TRY(bind_condition(b, &in->conflict_where, "WHERE"));
    }
    scope->source_count = source_count;
    scope->entry_count = entry_count;
    in->is_update = true;
    return in->is_several ? check_several(b, in, c->location) : ST_OK;
}

static enum status bind_conflict(struct binder *b,
                                 struct insert *in,
                                 const PgQuery__OnConflictClause *c)
{
    if (c == NULL) return ST_OK;
    in->has_conflict = true;
    if (c->infer != NULL) TRY(conflict_target(b, in, c->infer));
    if (c->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE)
        return conflict_update(b, in, c);
    return ST_OK;
}

static void emit_conflict(struct buf *out, const struct insert *in)
{
    if (!in->has_conflict) return;
    buf_put_text(out, " ON CONFLICT");
    for (uint32_t i = 0; i < in->conflict_count; i++) {
        buf_put_text(out, i == 0 ? "(" : ", ");
        emit_name(out, in->conflict_columns[i]);
    }
    if (in->conflict_count > 0) buf_put_u8(out, ')');
    buf_put_text(out, in->is_update ? " DO UPDATE" : " DO NOTHING");
    if (!in->is_update) return;
    emit_set_list(out, &in->write);
    if (in->conflict_where == NULL) return;
    buf_put_text(out, " WHERE ");
    emit_expr(out, in->conflict_where);
}

static void emit_row(struct buf *out, const struct row *row)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        emit_expr(out, row->values[i]);
    }
}

/* The proposed rows as a query with columns o (their order) and c1 … */
static void emit_proposed(struct buf *out, const struct insert *in)
{
    const uint32_t count = in->write.table->column_count;
    if (in->select != NULL) {
        buf_put_text(out, "SELECT 0 AS o");
        for (uint32_t i = 0; i < count; i++) {
            buf_put_text(out, ", ");
            emit_expr(out, in->rows[0].values[i]);
            buf_printf(out, " AS c%u", i + 1);
        }
        buf_put_text(out, " FROM (");
        emit_query(out, in->select);
        buf_printf(out, ") AS r%u", in->source_id);
        return;
    }
    buf_put_text(out, "SELECT column1 AS o");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, ", column%u AS c%u", i + 2, i + 1);
    buf_put_text(out, " FROM (VALUES ");
    for (uint32_t i = 0; i < in->row_count; i++) {
        buf_printf(out, "%s(%u, ", i > 0 ? ", " : "", i);
        emit_row(out, &in->rows[i]);
        buf_put_u8(out, ')');
    }
    buf_put_u8(out, ')');
}

/* Rows whose key comes once; NULL conflicts with nothing. */
static void emit_several(struct buf *out, const struct insert *in)
{
    const uint32_t count = in->write.table->column_count;
    buf_put_text(out, " SELECT ");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%sc%u", i > 0 ? ", " : "", i + 1);
    buf_put_text(out, " FROM (SELECT *, CASE WHEN 0");
    for (uint32_t i = 0; i < count; i++)
        if (is_conflict_column(in, i)) buf_printf(out, " OR c%u IS NULL", i + 1);
    buf_put_text(out, " THEN 1 ELSE count(*) OVER (PARTITION BY 0");
    for (uint32_t i = 0; i < count; i++)
        if (is_conflict_column(in, i)) buf_printf(out, ", c%u", i + 1);
    buf_put_text(out, ") END AS n FROM (");
    emit_proposed(out, in);
    buf_put_text(out, ")) WHERE sql_once(n) ORDER BY o");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, ", c%u", i + 1);
}

static void emit_insert_rows(struct buf *out, const struct insert *in)
{
    if (in->is_several && in->is_update) {
        emit_several(out, in);
        return;
    }
    if (in->select == NULL) {
        buf_put_text(out, " VALUES ");
        for (uint32_t i = 0; i < in->row_count; i++) {
            buf_put_text(out, i > 0 ? ", (" : "(");
            emit_row(out, &in->rows[i]);
            buf_put_u8(out, ')');
        }
        return;
    }
    const struct catalog_table *t = in->write.table;
    buf_put_text(out, " SELECT ");
    emit_row(out, &(struct row){.values = in->rows[0].values, .count = t->column_count});
    buf_put_text(out, " FROM (");
    emit_query(out, in->select);
    buf_printf(out, ") AS r%u ORDER BY ", in->source_id);
    for (uint32_t i = 0; i < in->select->target_count; i++)
        buf_printf(out, "%sc%u", i > 0 ? ", " : "", i + 1);
}

static enum status emit_insert(struct binder *b, struct sql_statement *out, const struct insert *in)
{
    const struct catalog_table *t = in->write.table;
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, in->write.query);
    buf_put_text(&text, "INSERT INTO ");
    emit_name(&text, t->sqlite_name);
    for (uint32_t i = 0; i < t->column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        emit_name(&text, catalog_column_name(t, i));
    }
    buf_put_u8(&text, ')');
    emit_insert_rows(&text, in);
    emit_conflict(&text, in);
    write_emit_returning(&text, &in->write);
    return emit_finish(b, &text, &out->sqlite);
}

enum status compile_insert(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__InsertStmt *s = n->insert_stmt;
    struct insert in = {.override = s->override};
    out->kind = SQL_KIND_INSERT;
    out->tag = "INSERT 0";
    out->tag_has_count = true;
    TRY(open_target(b, &in.write, s->relation));
    if (in.write.table->column_count == 0)
        return bind_unsupported(b, -1, "a table without columns takes no rows", NULL);
    TRY(bind_access(b, in.write.table, SQL_RIGHT_INSERT));
    TRY(bind_with(b, in.write.query, s->with_clause));
    TRY(insert_columns(b, &in, s));
    const PgQuery__SelectStmt *v = s->select_stmt == NULL ? NULL : s->select_stmt->select_stmt;
    if (v == NULL || is_values(v))
        TRY(insert_values(b, &in, s, v));
    else
        TRY(insert_select(b, &in, s));
    TRY(bind_scope_add(b, &in.write.query->scope, in.write.target));
    b->scope = &in.write.query->scope;
    TRY(bind_conflict(b, &in, s->on_conflict_clause));
    TRY(write_returning(b, out, &in.write, s->returning_list, s->n_returning_list));
    return emit_insert(b, out, &in);
}
