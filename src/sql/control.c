/* control.c - Statements that steer a session's transaction: BEGIN … ROLLBACK TO, SET TRANSACTION,
 * LOCK, and cursors.
 *
 * They change nothing themselves and are never operations of a transaction of the chain: the
 * session (node/block.c) does what they say. Here they are checked and taken apart. */
#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/lex.h"

static struct sql_control *control_new(struct binder *b, struct sql_statement *out);

static enum status bad_mode(struct binder *b, const char *what)
{
    return bind_fail(b, -1, "42601", "syntax error in %s", what);
}

/* A mode stands once: PostgreSQL takes the last; so do we. */
static enum status take_mode(struct binder *b, struct sql_control *c, const PgQuery__DefElem *d)
{
    static const struct {
        const char *name;
        enum sql_isolation level;
    } levels[] = {{"read uncommitted", SQL_READ_UNCOMMITTED},
                  {"read committed", SQL_READ_COMMITTED},
                  {"repeatable read", SQL_REPEATABLE_READ},
                  {"serializable", SQL_SERIALIZABLE}};
    if (d->arg == NULL || d->arg->node_case != PG_QUERY__NODE__NODE_A_CONST)
        return bad_mode(b, "transaction modes");
    const PgQuery__AConst *value = d->arg->a_const;
    if (strcmp(d->defname, "transaction_isolation") == 0) {
        if (value->val_case != PG_QUERY__A__CONST__VAL_SVAL) return bad_mode(b, "ISOLATION LEVEL");
        for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
            if (strcmp(value->sval->sval, levels[i].name) == 0) c->isolation = levels[i].level;
        return c->isolation == SQL_ISOLATION_UNSET ? bad_mode(b, "ISOLATION LEVEL") : ST_OK;
    }
    if (value->val_case != PG_QUERY__A__CONST__VAL_IVAL) return bad_mode(b, "transaction modes");
    const enum sql_choice choice = value->ival->ival != 0 ? SQL_CHOICE_ON : SQL_CHOICE_OFF;
    if (strcmp(d->defname, "transaction_read_only") == 0) c->read_only = choice;
    if (strcmp(d->defname, "transaction_deferrable") == 0) c->deferrable = choice;
    return ST_OK;
}

static enum status take_modes(struct binder *b,
                              struct sql_control *c,
                              PgQuery__Node **modes,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        must(modes[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM);
        TRY(take_mode(b, c, modes[i]->def_elem));
    }
    return ST_OK;
}

static struct sql_control *control_new(struct binder *b, struct sql_statement *out)
{
    struct sql_control *c = arena_alloc_zero(b->arena, 1, sizeof *c);
    out->kind = SQL_KIND_CONTROL;
    out->control = c;
    return c;
}

static enum status two_phases(struct binder *b)
{
    return bind_unsupported(
        b, 0, "transactions in two phases are not supported",
        "A transaction of the chain is committed by a quorum of nodes at once.");
}

enum status compile_transaction(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__TransactionStmt *s = n->transaction_stmt;
    struct sql_control *c = control_new(b, out);
    if (c == NULL) return bind_no_memory(b);
    c->is_chain = s->chain != 0;
    c->name = bind_cstring(s->savepoint_name);
    switch (s->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
        c->verb = SQL_VERB_BEGIN;
        out->tag = "BEGIN";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
        c->verb = SQL_VERB_BEGIN;
        out->tag = "START TRANSACTION";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
        c->verb = SQL_VERB_COMMIT;
        out->tag = "COMMIT";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
        c->verb = SQL_VERB_ROLLBACK;
        out->tag = "ROLLBACK";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
        c->verb = SQL_VERB_SAVEPOINT;
        out->tag = "SAVEPOINT";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
        c->verb = SQL_VERB_RELEASE;
        out->tag = "RELEASE";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
        c->verb = SQL_VERB_ROLLBACK_TO;
        out->tag = "ROLLBACK";
        break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT_PREPARED:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_PREPARED:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANSACTION_STMT_KIND_UNDEFINED:
    case _PG_QUERY__TRANSACTION_STMT_KIND_IS_INT_SIZE: return two_phases(b);
    }
    return take_modes(b, c, s->options, s->n_options);
}

enum status compile_set_transaction(struct binder *b,
                                    struct sql_statement *out,
                                    const PgQuery__VariableSetStmt *s)
{
    TRY(bind_needs_or(b, 4, 0, "SET TRANSACTION is not supported",
                      "Transactions run one after the other: they are serializable."));
    struct sql_control *c = control_new(b, out);
    if (c == NULL) return bind_no_memory(b);
    out->tag = "SET";
    if (strcmp(s->name, "TRANSACTION SNAPSHOT") == 0)
        return bind_unsupported(b, 0, "SET TRANSACTION SNAPSHOT is not supported",
                                "SET trustsql.read_height gives several sessions one height.");
    const bool is_session = strcmp(s->name, "SESSION CHARACTERISTICS") == 0;
    c->verb = is_session ? SQL_VERB_SET_SESSION : SQL_VERB_SET_TRANSACTION;
    return take_modes(b, c, s->args, s->n_args);
}

enum status compile_lock(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__LockStmt *s = n->lock_stmt;
    struct sql_control *c = control_new(b, out);
    if (c == NULL) return bind_no_memory(b);
    c->verb = SQL_VERB_LOCK;
    out->tag = "LOCK TABLE";
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct catalog_table *t = NULL;
        TRY(bind_table(b, s->relations[i]->range_var, &t));
        TRY(bind_access(b, t, SQL_RIGHT_SELECT));
    }
    return ST_OK;
}

/* --- cursors ------------------------------------------------------------------------------- */

#define CURSOR_BINARY    0x0001
#define CURSOR_SCROLL    0x0002
#define CURSOR_NO_SCROLL 0x0004
#define CURSOR_HOLD      0x0020

/* What follows the FOR of DECLARE name … CURSOR … FOR query. */
static struct span query_of(struct span text)
{
    struct lex_token t = lex_next(text, 0);
    bool is_behind = false;
    for (; t.kind != LEX_END; t = lex_next(text, t.start + t.size)) {
        if (is_behind && lex_is(text, t, "for")) break;
        /* The name may be the word itself: DECLARE cursor CURSOR FOR. */
        if (lex_is(text, t, "cursor")) is_behind = true;
    }
    if (t.kind == LEX_END) return span_of(NULL, 0);
    const size_t at = t.start + t.size;
    return span_of(text.data + at, text.size - at);
}

enum status compile_declare(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__DeclareCursorStmt *s = n->declare_cursor_stmt;
    struct sql_control *c = control_new(b, out);
    if (c == NULL) return bind_no_memory(b);
    c->verb = SQL_VERB_DECLARE;
    out->tag = "DECLARE CURSOR";
    c->name = bind_cstring(s->portalname);
    c->is_scroll = (s->options & CURSOR_NO_SCROLL) == 0;
    if ((s->options & CURSOR_HOLD) != 0)
        return bind_unsupported(b, 0, "DECLARE CURSOR ... WITH HOLD is not supported",
                                "Fetch all rows before the end of the transaction.");
    if ((s->options & CURSOR_BINARY) != 0)
        return bind_unsupported(b, 0, "binary cursors are not supported",
                                "Ask for binary rows in the extended protocol.");
    c->query = query_of(b->text);
    must(c->query.size > 0);
    if (s->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return bind_fail(b, 0, "42601", "DECLARE CURSOR must not be used with this statement");
    return ST_OK;
}

enum status compile_fetch(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__FetchStmt *s = n->fetch_stmt;
    struct sql_control *c = control_new(b, out);
    if (c == NULL) return bind_no_memory(b);
    c->verb = s->ismove != 0 ? SQL_VERB_MOVE : SQL_VERB_FETCH;
    out->tag = s->ismove != 0 ? "MOVE" : "FETCH";
    out->tag_has_count = true;
    c->name = bind_cstring(s->portalname);
    c->count = s->how_many;
    switch (s->direction) {
    case PG_QUERY__FETCH_DIRECTION__FETCH_FORWARD: c->direction = SQL_FETCH_FORWARD; break;
    case PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD: c->direction = SQL_FETCH_BACKWARD; break;
    case PG_QUERY__FETCH_DIRECTION__FETCH_ABSOLUTE: c->direction = SQL_FETCH_ABSOLUTE; break;
    case PG_QUERY__FETCH_DIRECTION__FETCH_RELATIVE: c->direction = SQL_FETCH_RELATIVE; break;
    case PG_QUERY__FETCH_DIRECTION__FETCH_DIRECTION_UNDEFINED:
    case _PG_QUERY__FETCH_DIRECTION_IS_INT_SIZE: return bad_mode(b, "FETCH");
    }
    return ST_OK;
}

enum status compile_close(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    struct sql_control *c = control_new(b, out);
    if (c == NULL) return bind_no_memory(b);
    c->verb = SQL_VERB_CLOSE;
    c->name = bind_cstring(n->close_portal_stmt->portalname); /* Size 0: ALL. */
    out->tag = c->name.size == 0 ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    return ST_OK;
}

/* --- FOR UPDATE, FOR SHARE ------------------------------------------------------------------- */

static const char *strength_text(PgQuery__LockClauseStrength strength)
{
    switch (strength) {
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE: return "FOR KEY SHARE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE: return "FOR SHARE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE: return "FOR NO KEY UPDATE";
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORUPDATE:
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_NONE:
    case PG_QUERY__LOCK_CLAUSE_STRENGTH__LOCK_CLAUSE_STRENGTH_UNDEFINED:
    case _PG_QUERY__LOCK_CLAUSE_STRENGTH_IS_INT_SIZE: break;
    }
    return "FOR UPDATE";
}

enum status bind_locking(struct binder *b, const PgQuery__SelectStmt *s)
{
    if (s->n_locking_clause == 0) return ST_OK;
    TRY(bind_needs_or(b, 4, -1, "FOR UPDATE and FOR SHARE are not supported",
                      "Transactions run one after the other."));
    const char *what = strength_text(s->locking_clause[0]->locking_clause->strength);
    const char *with = NULL;
    if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE) with = "UNION/INTERSECT/EXCEPT";
    if (s->n_values_lists > 0) with = "VALUES";
    if (s->n_distinct_clause > 0) with = "DISTINCT clause";
    if (s->n_group_clause > 0) with = "GROUP BY clause";
    if (s->having_clause != NULL) with = "HAVING clause";
    if (with != NULL)
        return bind_fail(b, -1, "0A000", "%s %s %s", what,
                         s->n_values_lists > 0 ? "cannot be applied to" : "is not allowed with",
                         with);
    b->locks = what;
    return ST_OK;
}

static bool is_source(const struct query *q, struct span name)
{
    for (uint32_t i = 0; i < q->scope.source_count; i++)
        if (span_equal(q->scope.sources[i]->alias, name)) return true;
    return false;
}

/* FOR UPDATE OF names what stands in FROM. */
static enum status check_locked(struct binder *b,
                                const struct query *q,
                                const PgQuery__LockingClause *clause)
{
    const char *what = strength_text(clause->strength);
    for (size_t i = 0; i < clause->n_locked_rels; i++) {
        const PgQuery__RangeVar *r = clause->locked_rels[i]->range_var;
        if (is_source(q, bind_cstring(r->relname))) continue;
        return bind_fail(b, r->location, "42P01",
                         "relation \"%s\" in %s clause not found in FROM clause", r->relname, what);
    }
    return ST_OK;
}

enum status bind_locked(struct binder *b, const struct query *q, const PgQuery__SelectStmt *s)
{
    for (size_t i = 0; i < s->n_locking_clause; i++) {
        const PgQuery__LockingClause *clause = s->locking_clause[i]->locking_clause;
        if (q->has_aggregates)
            return bind_fail(b, -1, "0A000", "%s is not allowed with aggregate functions",
                             strength_text(clause->strength));
        TRY(check_locked(b, q, clause));
    }
    return ST_OK;
}
