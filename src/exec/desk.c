/* desk.c - See desk.h. A desk is a struct exec of its own, with a session connection for a writer
 * and without what only blocks have: capture, digests, epochs.
 *
 * Invariants
 * K1  A transaction is under way exactly between desk_begin and desk_end; it is lost when SQLite is
 *     in autocommit meanwhile.
 * K2  exec.catalog is what the connection sees; `base` is that of the height, kept from transaction
 *     to transaction while the version of the catalog is the same. */
#include "exec/desk.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "exec/exec_int.h"
#include "exec/sqlite.h"

struct desk {
    struct exec exec;
    struct exec *chain;
    struct sql_catalog *base; /* K2 */
    struct exec_account account;
    struct header header; /* Of a block in which it could all happen: what operations look at. */
    struct exec_block block;
    uint64_t now_ms;
    bool has_begun; /* K1 */
    desk_stop *stop;
    void *stop_context;
    bool was_stopped;
    uint64_t fuel_before; /* Of the transaction, while a statement runs free. */
};

#define FREE_FUEL (UINT64_MAX / 2)

static enum status set_up(struct desk *d);
static int on_progress(void *context);
static enum status find_catalog(struct desk *d);
static struct job job_of(struct desk *d, const struct tx *tx, struct arena *a);
static enum status explain_status(struct desk *d, enum status st, struct diag *diag);
static enum status run_text(struct desk *d, const char *text, struct diag *diag);

enum status desk_open(struct desk **out, struct mem *mem, struct exec *exec)
{
    struct desk *d = mem_alloc_zero(mem, 1, sizeof *d);
    if (d == NULL) return ST_NO_MEMORY;
    d->chain = exec;
    struct exec *e = &d->exec;
    e->mem = mem;
    e->db = exec->db;
    e->signer = exec->signer; /* Read-only. */
    buf_init(&e->rows, mem, EXEC_ROWS_BYTES_MAX);
    buf_init(&e->bytes, mem, 0);
    buf_init(&e->write_set, mem, 0);
    arena_init(&e->arena, mem, 0);
    keys_init(e);
    enum status st = set_up(d);
    if (st != ST_OK) {
        desk_close(d);
        return st;
    }
    *out = d;
    return ST_OK;
}

static enum status set_up(struct desk *d)
{
    struct exec *e = &d->exec;
    TRY(db_session_open(e->db, &e->writer));
    e->context.diag = &e->function_diag;
    TRY(sql_functions_register(e->writer, &e->context));
    /* As on the writer: plans must not depend on the values of parameters. */
    int is_set = 0;
    int rc = sqlite3_db_config(e->writer, SQLITE_DBCONFIG_ENABLE_QPSG, 1, &is_set);
    if (rc != SQLITE_OK || is_set != 1) return ST_UNSUPPORTED;
    sqlite3_progress_handler(e->writer, EXEC_FUEL_STEP, on_progress, d);
    TRY(accounts_new(&e->accounts, e->mem, e->writer));
    return statements_new(&e->statements, e->mem, e->writer);
}

void desk_close(struct desk *d)
{
    if (d == NULL) return;
    struct exec *e = &d->exec;
    if (e->writer != NULL) desk_end(d);
    statements_free(e->statements);
    accounts_free(e->accounts);
    if (e->writer != NULL) {
        sqlite3_progress_handler(e->writer, 0, NULL, NULL);
        db_session_close(e->db, e->writer);
    }
    sql_catalog_unref(e->catalog);
    sql_catalog_unref(d->base);
    arena_fini(&e->arena);
    buf_fini(&e->rows);
    buf_fini(&e->bytes);
    buf_fini(&e->write_set);
    keys_fini(e);
    mem_free(e->mem, d);
}

sqlite3 *desk_connection(struct desk *d)
{
    return d->exec.writer;
}

struct sql_context *desk_context(struct desk *d)
{
    return &d->exec.context;
}

void desk_watch(struct desk *d, desk_stop *stop, void *context)
{
    d->stop = stop;
    d->stop_context = context;
    d->was_stopped = false;
}

/* --- life of a transaction ------------------------------------------------------------------- */

enum status desk_begin(struct desk *d, const struct desk_begin *begin)
{
    struct exec *e = &d->exec;
    must(!d->has_begun);
    must(sqlite3_get_autocommit(e->writer) != 0);
    struct exec_terms terms;
    exec_terms(d->chain, &terms);
    TRY(db_view(e->db, e->writer, 0));
    TRY(sqlite_status(sqlite3_exec(e->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL)));
    d->has_begun = true;
    if (d->header.exec_version != terms.exec_version) statements_clear(e->statements); /* E4 */
    d->account = *begin->account;
    d->now_ms = begin->now_ms;
    d->header = (struct header){
        .height = desk_height(d) + 1, .exec_version = terms.exec_version, .time_ms = begin->now_ms};
    d->block = (struct exec_block){.header = &d->header};
    e->context.fuel = terms.fuel_tx;
    e->context.now_us = (int64_t)((begin->now_ms - EXEC_EPOCH_2000_MS) * 1000);
    e->context.user = span_text(d->account.name);
    e->context.ledger = span_text("main");
    accounts_forget(e->accounts);
    keys_begin(e);
    enum status st = find_catalog(d);
    if (st != ST_OK) desk_end(d);
    return st;
}

/* K2. Loading costs more than a transaction: it is done when the version says so. */
static enum status find_catalog(struct desk *d)
{
    struct exec *e = &d->exec;
    uint64_t version = 0;
    TRY(sql_catalog_version_read(e->writer, &version));
    if (d->base == NULL || sql_catalog_version(d->base) != version) {
        struct sql_catalog *now = exec_catalog(d->chain); /* Nearly always this one. */
        if (sql_catalog_version(now) != version) {
            sql_catalog_unref(now);
            TRY(sql_catalog_load(&now, e->mem, e->writer));
        }
        sql_catalog_unref(d->base);
        d->base = now;
    }
    if (e->catalog == d->base) return ST_OK;
    return schema_take(e, sql_catalog_ref(d->base));
}

void desk_end(struct desk *d)
{
    struct exec *e = &d->exec;
    if (!d->has_begun) return;
    d->has_begun = false;
    arena_reset(&e->arena);
    if (sqlite3_get_autocommit(e->writer) == 0) {
        int rc = sqlite3_exec(e->writer, "ROLLBACK", NULL, NULL, NULL);
        must(rc == SQLITE_OK || sqlite3_get_autocommit(e->writer) != 0);
    }
    if (e->catalog != d->base) statements_clear(e->statements);
}

bool desk_is_open(const struct desk *d)
{
    return d->has_begun && sqlite3_get_autocommit(d->exec.writer) == 0;
}

bool desk_is_lost(const struct desk *d)
{
    return d->has_begun && sqlite3_get_autocommit(d->exec.writer) != 0; /* K1 */
}

uint64_t desk_height(struct desk *d)
{
    return db_session_height(d->exec.writer);
}

uint32_t desk_exec_version(const struct desk *d)
{
    return d->header.exec_version;
}

struct sql_catalog *desk_catalog(struct desk *d)
{
    return sql_catalog_ref(d->exec.catalog);
}

/* --- statements ------------------------------------------------------------------------------ */

static struct job job_of(struct desk *d, const struct tx *tx, struct arena *a)
{
    struct job j = {.exec = &d->exec, .block = &d->block, .tx = tx, .out = a};
    j.account = (struct account){
        .id = d->account.id, .address = d->account.address, .is_admin = d->account.is_admin};
    memcpy(j.account.name, d->account.name, sizeof j.account.name);
    return j;
}

enum status desk_run(struct desk *d,
                     const struct tx_op *op,
                     struct arena *a,
                     struct desk_result *out,
                     struct diag *diag)
{
    must(d->has_begun);
    must(op->kind == TX_OP_SQL);
    arena_reset(&d->exec.arena);
    const struct tx tx = {.op_count = 1, .now_ms = d->now_ms};
    struct job j = job_of(d, &tx, a);
    struct desk_result result = {0};
    j.ops = &result.result;
    j.rows = &result.rows;
    d->was_stopped = false;
    enum status st = operation_run(&j, op);
    if (st == ST_OK) {
        *out = result;
        return ST_OK;
    }
    *diag = j.diag;
    return explain_status(d, st, diag);
}

enum status desk_read_begin(struct desk *d,
                            const struct tx_op *op,
                            sqlite3_stmt **out,
                            struct diag *diag)
{
    must(d->has_begun);
    arena_reset(&d->exec.arena);
    const struct tx tx = {.op_count = 1, .now_ms = d->now_ms};
    struct job j = job_of(d, &tx, NULL);
    struct prepared *p = NULL;
    d->was_stopped = false;
    enum status st = operation_open(&j, op, &p);
    if (st != ST_OK) {
        *diag = j.diag;
        return explain_status(d, st, diag);
    }
    desk_free_begin(d);
    *out = p->stmt;
    return ST_OK;
}

void desk_free_begin(struct desk *d)
{
    d->exec.function_diag.sqlstate[0] = 0;
    d->fuel_before = d->exec.context.fuel;
    d->exec.context.fuel = FREE_FUEL;
}

void desk_free_end(struct desk *d)
{
    d->exec.context.fuel = d->fuel_before;
}

bool desk_read_end(struct desk *d, sqlite3_stmt *statement)
{
    const uint64_t steps =
        (uint64_t)(uint32_t)sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, true);
    const uint64_t used = steps + FREE_FUEL - d->exec.context.fuel;
    desk_free_end(d);
    (void)sqlite3_reset(statement); /* Repeats the code of the step. */
    (void)sqlite3_clear_bindings(statement);
    if (used >= d->exec.context.fuel) return false;
    d->exec.context.fuel -= used;
    return true;
}

/* Non-zero interrupts the running statement. */
static int on_progress(void *context)
{
    struct desk *d = context;
    struct exec *e = &d->exec;
    if (d->stop != NULL && d->stop(d->stop_context)) {
        d->was_stopped = true;
        return 1;
    }
    if (!e->is_metered) return 0;
    if (e->context.fuel <= EXEC_FUEL_STEP) {
        e->context.fuel = 0;
        return 1;
    }
    e->context.fuel -= EXEC_FUEL_STEP;
    return 0;
}

/* --- failures -------------------------------------------------------------------------------- */

static void explain_height(struct diag *diag)
{
    diag_set(diag, "40001", "the height that the transaction reads cannot be read any more");
    diag_detail(diag, "So much was written since it began.");
    diag_hint(diag, "The transaction might succeed if retried.");
}

static void explain_limit(struct diag *diag)
{
    diag_set(diag, "53200", "the transaction changes more than this node can hold for it");
    diag_hint(diag, "Split it into several.");
}

/* A status that is none of the statement's: of this machine. */
static enum status explain_status(struct desk *d, enum status st, struct diag *diag)
{
    const int code = sqlite3_extended_errcode(d->exec.writer);
    if (d->was_stopped) {
        diag_set(diag, "57014", "canceling statement due to user request");
        return ST_REJECTED;
    }
    if (st == ST_REJECTED && diag->sqlstate[0] != 0) return st;
    if (code == SQLITE_BUSY_SNAPSHOT)
        explain_height(diag);
    else if ((code & 0xff) == SQLITE_FULL || st == ST_NO_SPACE)
        explain_limit(diag);
    else if (st == ST_NO_MEMORY)
        diag_set(diag, "53200", "out of memory");
    else if (diag->sqlstate[0] == 0)
        diag_set(diag, "58000", "the state of this node cannot be read: %s", status_text(st));
    return ST_REJECTED;
}

void desk_explain(struct desk *d, int code, struct diag *diag)
{
    struct exec *e = &d->exec;
    *diag = (struct diag){0};
    if (!d->was_stopped && code != SQLITE_BUSY_SNAPSHOT && (code & 0xff) != SQLITE_FULL)
        sql_error(diag, e->writer, code, e->catalog, &e->context);
    (void)explain_status(d, diag->sqlstate[0] == 0 ? sqlite_status(code) : ST_REJECTED, diag);
}

/* --- savepoints ------------------------------------------------------------------------------ */

static enum status run_text(struct desk *d, const char *text, struct diag *diag)
{
    must(d->has_begun);
    int rc = sqlite3_exec(d->exec.writer, text, NULL, NULL, NULL);
    if (rc == SQLITE_OK) return ST_OK;
    desk_explain(d, rc, diag);
    return ST_REJECTED;
}

static enum status run_numbered(struct desk *d,
                                const char *verb,
                                uint32_t number,
                                struct diag *diag)
{
    char text[64];
    must(number < DESK_SAVEPOINTS_MAX);
    (void)snprintf(text, sizeof text, "%s s%" PRIu32, verb, number);
    return run_text(d, text, diag);
}

enum status desk_savepoint(struct desk *d, uint32_t number, struct diag *diag)
{
    return run_numbered(d, "SAVEPOINT", number, diag);
}

enum status desk_release(struct desk *d, uint32_t number, struct diag *diag)
{
    return run_numbered(d, "RELEASE", number, diag);
}

enum status desk_rollback_to(struct desk *d, uint32_t number, struct diag *diag)
{
    TRY(run_numbered(d, "ROLLBACK TO", number, diag));
    accounts_forget(d->exec.accounts);
    uint64_t version = 0;
    enum status st = sql_catalog_version_read(d->exec.writer, &version);
    if (st == ST_OK && version != sql_catalog_version(d->exec.catalog))
        st = schema_reload(&d->exec);
    return st == ST_OK ? ST_OK : explain_status(d, st, diag);
}
