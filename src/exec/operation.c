/* operation.c - Run one operation of a transaction: SQL text with typed parameters.
 *
 * Fuel is counted in SQLite's steps: the progress handler (exec.c) takes EXEC_FUEL_STEP at a time
 * while a user's statement runs, the rest is taken when it ends. The statement's own counter then
 * starts from zero again, so one that comes from the cache costs the same as a new one (E5). */
#include "exec/exec_int.h"

#include "base/must.h"
#include "exec/sqlite.h"
#include "sql/copy.h"
#include "sql/keys.h"

static enum status run_kind(struct job *j, const struct tx_op *op);
static enum status prepare(struct job *j, const struct tx_op *op, struct prepared **out);
static enum status run_call(struct job *j, const struct tx_op *op, const struct sql_statement *s);
static enum status run_ddl(struct job *j, const struct sql_statement *s);
static enum status run_statement(struct job *j, const struct tx_op *op, const struct prepared *s);
static enum status run_copy(struct job *j, const struct tx_op *op, const struct prepared *s);
static enum status copy_rows(struct job *j,
                             struct span rows,
                             const struct prepared *s,
                             struct sql_value *values,
                             uint64_t *count);
static enum status bind(struct job *j, const struct tx_op *op, const struct prepared *s);
static enum status collect(struct job *j, const struct prepared *s, uint64_t *row_count);
static enum status add_row(struct job *j, const struct prepared *s, uint64_t row_count);
static enum status run_steps(struct job *j, const struct sql_statement *s);
static enum status run_own_step(struct job *j, const char *text);
static enum status check_grantees(struct job *j, const struct sql_statement *s);
static enum status keep_rows(struct job *j, const struct sql_statement *s, uint64_t returned);

enum status operation_run(struct job *j, const struct tx_op *op)
{
    buf_reset(&j->exec->keys.notes); /* W1 of keys.c. */
    TRY(run_kind(j, op));
    return keys_settle(j);
}

static enum status run_kind(struct job *j, const struct tx_op *op)
{
    if (expect_is_operation(op, j->block->header->exec_version)) return expect_check(j, op);
    if (op->kind != TX_OP_SQL) {
        diag_set(&j->diag, "0A000", "this chain runs no operations of kind %u", (unsigned)op->kind);
        return ST_REJECTED;
    }
    operation_charge(j, op->text.size);
    if (j->exec->context.fuel == 0) return job_fuel_limit(j);
    struct prepared *s = NULL;
    TRY(prepare(j, op, &s));
    buf_reset(&j->exec->rows);
    j->notice[0] = 0;
    switch (s->compiled.kind) {
    case SQL_KIND_SELECT:
    case SQL_KIND_INSERT:
    case SQL_KIND_UPDATE:
    case SQL_KIND_DELETE: return run_statement(j, op, s);
    case SQL_KIND_CALL: return run_call(j, op, &s->compiled);
    case SQL_KIND_COPY_IN: return run_copy(j, op, s);
    case SQL_KIND_CREATE_TABLE:
    case SQL_KIND_DROP_TABLE:
    case SQL_KIND_CREATE_INDEX:
    case SQL_KIND_DROP_INDEX:
    case SQL_KIND_GRANT:
    case SQL_KIND_REVOKE:
    case SQL_KIND_DDL: return run_ddl(j, &s->compiled);
    case SQL_KIND_EMPTY:
    case SQL_KIND_SUBMIT:
    case SQL_KIND_COMPLAIN:
    case SQL_KIND_SET:
    case SQL_KIND_SHOW:
    case SQL_KIND_CONTROL:
    case SQL_KIND_COPY_OUT:
    case SQL_KIND_FORGET: break;
    }
    must(false); /* statements_get refuses these. */
    return ST_REJECTED;
}

enum status operation_open(struct job *j, const struct tx_op *op, struct prepared **out)
{
    struct prepared *s = NULL;
    operation_charge(j, op->text.size);
    if (j->exec->context.fuel == 0) return job_fuel_limit(j);
    TRY(prepare(j, op, &s));
    must(s->stmt != NULL);
    TRY(bind(j, op, s));
    *out = s;
    return ST_OK;
}

enum status job_limit(struct job *j, const char *what)
{
    diag_set(&j->diag, "54000", "%s", what);
    return ST_REJECTED;
}

enum status job_fuel_limit(struct job *j)
{
    if (!j->is_short) return job_limit(j, "the transaction used up its fuel");
    diag_set(&j->diag, "54000", "the block has no fuel left for the transaction");
    diag_hint(&j->diag, "Send it again.");
    return ST_REJECTED;
}

enum status exec_check_access(const struct sql_catalog *catalog,
                              const struct sql_statement *statement,
                              const struct exec_account *account,
                              struct diag *d)
{
    TRY(sql_check_schemas(catalog, statement->schemas, statement->schema_count, account->id, d));
    return sql_check_tables(catalog, statement->access, statement->access_count, account->id, d);
}

/* Compiled, and allowed to this account. */
static enum status prepare(struct job *j, const struct tx_op *op, struct prepared **out)
{
    struct exec *e = j->exec;
    const struct statements_want want = {.catalog = e->catalog,
                                         .op = op,
                                         .account = j->account.id,
                                         .height = j->block->header->height,
                                         .exec_version = j->block->header->exec_version};
    TRY(statements_get(e->statements, out, &want, &j->diag));
    const struct exec_account account = {.id = j->account.id, .is_admin = j->account.is_admin};
    enum status st = exec_check_access(e->catalog, &(*out)->compiled, &account, &j->diag);
    return st == ST_OK ? approval_check_access(j, &(*out)->compiled) : ST_REJECTED;
}

static enum status run_call(struct job *j, const struct tx_op *op, const struct sql_statement *s)
{
    TRY(procedure_run(j, op, s)); /* s may be gone then: what is approved empties the cache. */
    TRY(operation_check(j));
    const struct sql_statement done = {.kind = SQL_KIND_CALL, .tag = "CALL"};
    return keep_rows(j, &done, 0);
}

static enum status run_ddl(struct job *j, const struct sql_statement *s)
{
    if (s->key != NULL && public_key_check(j->exec->signer, s->key) != ST_OK) {
        diag_set(&j->diag, "22023", "this is not a public key");
        return ST_REJECTED;
    }
    TRY(keys_check_pending(j, s));
    TRY(run_steps(j, s));
    if (s->changes_accounts) accounts_forget(j->exec->accounts);
    TRY(keep_rows(j, s, 0));
    /* Last, for it empties the cache s lives in. */
    return s->step_count > 0 ? schema_reload(j->exec) : ST_OK;
}

static enum status run_statement(struct job *j, const struct tx_op *op, const struct prepared *s)
{
    must(s->stmt != NULL);
    uint64_t returned = 0;
    enum status st = bind(j, op, s);
    if (st == ST_OK) st = collect(j, s, &returned);
    /* Set to zero for the next use; the code of the reset repeats that of the step. */
    uint64_t steps =
        (uint64_t)(uint32_t)sqlite3_stmt_status(s->stmt, SQLITE_STMTSTATUS_VM_STEP, true);
    (void)sqlite3_reset(s->stmt);
    TRY(st);
    operation_charge(j, steps % EXEC_FUEL_STEP);
    TRY(operation_check(j));
    struct op_result *result = &j->ops[j->op];
    bool is_change = s->compiled.kind != SQL_KIND_SELECT;
    result->row_count = is_change ? (uint64_t)sqlite3_changes64(j->exec->writer) : returned;
    result->result_hash = (struct hash){{0}};
    if (s->compiled.column_count > 0)
        result->result_hash = hash_of("rows", buf_span(&j->exec->rows));
    return keep_rows(j, &s->compiled, returned);
}

/* The rows of each parameter in turn: one INSERT for each. */
static enum status run_copy(struct job *j, const struct tx_op *op, const struct prepared *s)
{
    must(s->stmt != NULL);
    struct exec *e = j->exec;
    const struct sql_copy *copy = s->compiled.copy;
    struct sql_value *values = mem_alloc_zero(e->mem, copy->column_count + 1u, sizeof *values);
    if (values == NULL) return ST_NO_MEMORY;
    enum status st = ST_OK;
    uint64_t count = 0;
    for (uint32_t i = 0; i < op->param_count && st == ST_OK; i++) {
        struct cbor in = cbor_of(op->params[i].value);
        const struct span rows = cbor_get_bytes(&in);
        if (op->params[i].type == SQL_BYTEA && cbor_end(&in) == ST_OK) {
            operation_charge(j, rows.size);
            st = copy_rows(j, rows, s, values, &count);
        } else {
            diag_set(&j->diag, "22P03", "parameter $%u of COPY holds no rows", i + 1);
            st = ST_REJECTED;
        }
    }
    (void)sqlite3_clear_bindings(s->stmt); /* They pointed into the operation. */
    mem_free(e->mem, values);
    if (st == ST_REJECTED) j->diag.row = count;
    TRY(st);
    j->ops[j->op].row_count = count;
    j->ops[j->op].result_hash = (struct hash){{0}};
    return keep_rows(j, &s->compiled, 0);
}

static enum status copy_row(struct job *j, const struct prepared *s, const struct sql_value *values)
{
    enum status st = ST_OK;
    for (uint32_t i = 0; i < s->compiled.copy->column_count && st == ST_OK; i++)
        st = sql_value_bind(s->stmt, (int)i + 1, &values[i]);
    if (st == ST_OK) {
        const int code = operation_step(j, s->stmt);
        if (code != SQLITE_DONE) st = operation_failed(j, code);
    }
    uint64_t steps =
        (uint64_t)(uint32_t)sqlite3_stmt_status(s->stmt, SQLITE_STMTSTATUS_VM_STEP, true);
    (void)sqlite3_reset(s->stmt);
    TRY(st);
    operation_charge(j, steps % EXEC_FUEL_STEP);
    return operation_check(j);
}

static enum status copy_rows(struct job *j,
                             struct span rows,
                             const struct prepared *s,
                             struct sql_value *values,
                             uint64_t *count)
{
    struct cbor in = cbor_of(rows);
    const struct sql_copy *copy = s->compiled.copy;
    while (cbor_end(&in) != ST_OK) {
        (*count)++;
        if (copy->column_count == 0 || sql_copy_row(&in, copy, values) != ST_OK) {
            diag_set(&j->diag, "22P03", "row %llu of COPY is no row of the table",
                     (unsigned long long)*count);
            return ST_REJECTED;
        }
        TRY(copy_row(j, s, values));
    }
    return ST_OK;
}

static enum status bind(struct job *j, const struct tx_op *op, const struct prepared *s)
{
    for (uint32_t i = 0; i < s->compiled.param_count; i++) {
        struct sql_value value;
        const struct tx_param *param = &op->params[i];
        enum status st = sql_value_from_cbor(&value, (enum sql_type)param->type, param->value);
        if (st != ST_OK) {
            if (st == ST_NO_MEMORY) return st;
            diag_set(&j->diag, "22P03", "parameter $%u is no value of its type", i + 1);
            return ST_REJECTED;
        }
        TRY(sql_value_bind(s->stmt, (int)i + 1, &value));
    }
    return ST_OK;
}

static enum status collect(struct job *j, const struct prepared *s, uint64_t *row_count)
{
    int code;
    while ((code = operation_step(j, s->stmt)) == SQLITE_ROW)
        TRY(add_row(j, s, (*row_count)++));
    return code == SQLITE_DONE ? ST_OK : operation_failed(j, code);
}

static enum status add_row(struct job *j, const struct prepared *s, uint64_t row_count)
{
    struct buf *rows = &j->exec->rows;
    if (row_count == EXEC_ROWS_MAX) return job_limit(j, "the statement returns too many rows");
    for (uint32_t i = 0; i < s->compiled.column_count; i++)
        sql_rowset_put_column(rows, s->stmt, (int)i);
    enum status st = buf_status(rows);
    return st == ST_LIMIT ? job_limit(j, "the statement returns too many bytes") : st;
}

/* After everything that ran for a user. */
enum status operation_check(struct job *j)
{
    struct exec *e = j->exec;
    enum status st = capture_status(e->capture);
    if (st == ST_LIMIT) return job_limit(j, "the block changes too many rows");
    TRY(st);
    if (e->context.fuel == 0) return job_fuel_limit(j);
    return ST_OK;
}

static enum status run_steps(struct job *j, const struct sql_statement *s)
{
    struct sql_context *c = &j->exec->context;
    enum status st = check_grantees(j, s);
    c->key_notes = NULL; /* W2 of keys.c. */
    for (uint32_t i = 0; st == ST_OK && i < s->step_count; i++)
        st = run_own_step(j, s->steps[i]);
    c->key_notes = &j->exec->keys.notes;
    return st == ST_OK ? operation_check(j) : st;
}

static bool takes_word(const char **text, const char *word)
{
    if (strncmp(*text, word, strlen(word)) != 0) return false;
    *text += strlen(word);
    return true;
}

static uint64_t take_number(const char **text)
{
    uint64_t value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text)
        value = value * 10 + (uint64_t)(**text - '0');
    if (**text == ' ') ++*text;
    return value;
}

/* Steps that are no SQLite text: sql.h and sql/keys.h. */
static enum status run_own_step(struct job *j, const char *text)
{
    if (text[0] == 0) return schema_renew(j->exec); /* SQL_STEP_RELOAD */
    if (takes_word(&text, SQL_STEP_ROWS)) {
        TRY(operation_run_step(j, text));
        j->ops[j->op].row_count = (uint64_t)sqlite3_changes64(j->exec->writer);
        return ST_OK;
    }
    if (takes_word(&text, SQL_STEP_KEYS)) return keys_make_triggers(j, take_number(&text));
    if (takes_word(&text, SQL_STEP_DEFER)) return keys_set_mode(j, take_number(&text), true);
    if (takes_word(&text, SQL_STEP_IMMEDIATE)) return keys_set_mode(j, take_number(&text), false);
    if (takes_word(&text, SQL_STEP_RECHECK)) return keys_recheck(j);
    if (!takes_word(&text, SQL_STEP_CHECK)) return operation_run_step(j, text);
    const uint64_t table = take_number(&text);
    return keys_check(j, table, take_number(&text));
}

/* GRANT and REVOKE name accounts, which the compiler does not know. */
static enum status check_grantees(struct job *j, const struct sql_statement *s)
{
    if (s->kind != SQL_KIND_GRANT && s->kind != SQL_KIND_REVOKE) return ST_OK;
    for (uint32_t i = 0; i < s->argument_count; i++) {
        struct span name = s->arguments[i].value.bytes;
        struct account account;
        enum status st = account_by_name(j->exec->writer, name, &account);
        if (st == ST_NOT_FOUND) {
            diag_set(&j->diag, "42704", "role \"%.*s\" does not exist", (int)name.size,
                     (const char *)name.data);
            return ST_REJECTED;
        }
        TRY(st);
    }
    return ST_OK;
}

enum status operation_run_step(struct job *j, const char *text)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(j->exec->writer, text, -1, &s, NULL);
    if (code != SQLITE_OK) return operation_failed(j, code);
    if (sqlite3_bind_parameter_count(s) > 0)
        code = sqlite3_bind_int64(s, 1, (sqlite3_int64)j->account.id);
    while (code == SQLITE_OK || code == SQLITE_ROW)
        code = operation_step(j, s);
    enum status st = code == SQLITE_DONE ? ST_OK : operation_failed(j, code);
    operation_charge(j,
                     (uint64_t)(uint32_t)sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, false) %
                         EXEC_FUEL_STEP);
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    return st;
}

int operation_step(struct job *j, sqlite3_stmt *s)
{
    struct exec *e = j->exec;
    e->function_diag.sqlstate[0] = 0;
    e->is_metered = true;
    int code = sqlite3_step(s);
    e->is_metered = false;
    return code;
}

void operation_charge(struct job *j, uint64_t fuel)
{
    uint64_t *left = &j->exec->context.fuel;
    *left = *left > fuel ? *left - fuel : 0;
}

/* A failure that every node sees alike rejects the transaction; any other stops the node (E5). */
enum status operation_failed(struct job *j, int code)
{
    struct exec *e = j->exec;
    enum status st = capture_status(e->capture);
    if (st != ST_OK && st != ST_LIMIT) return st;
    int primary = code & 0xff;
    bool is_out = e->context.fuel == 0;
    if (sqlite3_get_autocommit(e->writer) != 0) {
        /* SQLite rolls back everything when a writing statement is interrupted. */
        j->is_block_lost = primary == SQLITE_INTERRUPT && is_out;
        if (!j->is_block_lost)
            return primary == SQLITE_INTERRUPT ? ST_CORRUPT : sqlite_status(code);
    }
    if (primary != SQLITE_ERROR && primary != SQLITE_CONSTRAINT && primary != SQLITE_MISMATCH &&
        primary != SQLITE_RANGE && primary != SQLITE_TOOBIG && primary != SQLITE_INTERRUPT) {
        st = sqlite_status(code);
        return st == ST_OK ? ST_CORRUPT : st;
    }
    if (is_out) return job_fuel_limit(j);
    sql_error(&j->diag, e->writer, code, e->catalog, &e->context);
    must(j->diag.sqlstate[0] != 0);
    bool is_of_machine = memcmp(j->diag.sqlstate, "53", 2) == 0;
    return is_of_machine ? ST_NO_MEMORY : ST_REJECTED;
}

/* For the door that waits: everything it needs, in memory that outlives the block. */
static enum status keep_rows(struct job *j, const struct sql_statement *s, uint64_t returned)
{
    if (j->out == NULL) return ST_OK;
    struct exec_rows *rows = &j->rows[j->op];
    *rows = (struct exec_rows){.column_count = s->column_count,
                               .returned_count = returned,
                               .row_count = j->ops[j->op].row_count,
                               .tag_has_count = s->tag_has_count};
    rows->tag = arena_text(j->out, s->tag);
    rows->columns = arena_alloc(j->out, s->column_count * sizeof *rows->columns);
    rows->rows = arena_copy(j->out, buf_span(&j->exec->rows));
    if (rows->tag == NULL || rows->columns == NULL || rows->rows.data == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < s->column_count; i++) {
        rows->columns[i] = s->columns[i];
        rows->columns[i].name = arena_copy(j->out, s->columns[i].name);
        if (rows->columns[i].name.data == NULL) return ST_NO_MEMORY;
    }
    const char *notice = j->notice[0] != 0 ? j->notice : s->notice;
    if (notice == NULL) return ST_OK;
    rows->notice = arena_text(j->out, notice);
    return rows->notice == NULL ? ST_NO_MEMORY : ST_OK;
}
