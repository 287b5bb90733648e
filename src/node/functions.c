#include "node/functions.h"

#include "base/must.h"
#include "node/chain_tables.h"
#include "node/proof_functions.h"
#include "node/tx_status.h"

/* Arguments have the storage class of their SQL type, or are NULL. No result set: NULL. A failure
 * without a diag in f->sql is reported by its status. */
typedef enum status implementation(const struct node_functions *f,
                                   sqlite3_context *to,
                                   int count,
                                   sqlite3_value **args);

struct node_function {
    const char *name; /* In the template of src/sql/node_functions.c. */
    int arg_count;
    implementation *call;
};

struct registration { /* What SQLite hands back with a call; freed with the connection. */
    const struct node_function *function;
    const struct node_functions *functions;
    struct mem *mem;
};

static implementation flush;
static implementation rebuild_indexes;
static implementation scrub;
static implementation tx_status;

static const struct node_function functions[] = {
    {"node_proof_tx", 1, proof_function_tx},
    {"node_proof_tx", 2, proof_function_tx},
    {"node_proof_row", 2, proof_function_row},
    {"node_proof_row", 3, proof_function_row},
    {"node_proof_absent", 1, proof_function_absent},
    {"node_proof_absent", 3, proof_function_absent},
    {"node_flush", 0, flush},
    {"node_rebuild_indexes", 0, rebuild_indexes},
    {"node_scrub", 0, scrub},
    {"node_tx_status", 1, tx_status},
    {"node_tx_status", 2, tx_status},
};

static void report(const struct node_functions *f,
                   const struct node_function *function,
                   sqlite3_context *to,
                   enum status st)
{
    struct diag *d = f->sql->diag;
    if (st == ST_NO_MEMORY) {
        sqlite3_result_error_nomem(to);
        return;
    }
    if (d->sqlstate[0] == 0)
        diag_set(d, "58000", "trustsql.%s: %s", function->name + strlen("node_"), status_text(st));
    sqlite3_result_error(to, d->message, -1);
}

static void on_call(sqlite3_context *to, int count, sqlite3_value **args)
{
    const struct registration *r = sqlite3_user_data(to);
    must(count == r->function->arg_count);
    enum status st = r->function->call(r->functions, to, count, args);
    if (st != ST_OK) report(r->functions, r->function, to, st);
}

static void on_destroy(void *aux)
{
    struct registration *r = aux;
    mem_free(r->mem, r);
}

static enum status install(sqlite3 *connection,
                           const struct node_functions *f,
                           const struct node_function *function)
{
    struct mem *mem = f->source->mem;
    struct registration *r = mem_alloc_zero(mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    *r = (struct registration){.function = function, .functions = f, .mem = mem};
    /* A failure frees r, too: SQLite calls on_destroy then. */
    int code = sqlite3_create_function_v2(connection, function->name, function->arg_count,
                                          SQLITE_UTF8 | SQLITE_DIRECTONLY, r, on_call, NULL, NULL,
                                          on_destroy);
    return code == SQLITE_OK ? ST_OK : ST_NO_MEMORY;
}

enum status node_functions_register(sqlite3 *connection, const struct node_functions *f)
{
    must(f->source != NULL);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        TRY(install(connection, f, &functions[i]));
    return ST_OK;
}

/* --- trustsql.flush(), trustsql.rebuild_indexes(), trustsql.scrub() --------------------------- */

static enum status check_admin(const struct node_functions *f, const char *name)
{
    if (f->account != NULL && f->account->is_admin) return ST_OK;
    diag_set(f->sql->diag, "42501", "trustsql.%s() is for administrators", name);
    return ST_DENIED;
}

/* The height that the state file holds then. */
static enum status flush(const struct node_functions *f,
                         sqlite3_context *to,
                         int count,
                         sqlite3_value **args)
{
    uint64_t height = 0;
    (void)count;
    (void)args;
    TRY(check_admin(f, "flush"));
    if (f->lasts != NULL) f->lasts(f->context);
    enum status st = f->source->flush(f->source->context, &height);
    if (st == ST_BUSY) diag_set(f->sql->diag, "55006", "another process is reading the state file");
    TRY(st);
    sqlite3_result_int64(to, (sqlite3_int64)height);
    return ST_OK;
}

/* How many were made. */
static enum status rebuild_indexes(const struct node_functions *f,
                                   sqlite3_context *to,
                                   int count,
                                   sqlite3_value **args)
{
    uint64_t made = 0;
    (void)count;
    (void)args;
    TRY(check_admin(f, "rebuild_indexes"));
    if (f->lasts != NULL) f->lasts(f->context);
    enum status st = store_rebuild_indexes(f->source->store, &made);
    if (st == ST_CORRUPT)
        diag_set(f->sql->diag, "XX001", "a segment is damaged; SELECT trustsql.scrub() names it");
    TRY(st);
    sqlite3_result_int64(to, (sqlite3_int64)made);
    return ST_OK;
}

static enum status scrub(const struct node_functions *f,
                         sqlite3_context *to,
                         int count,
                         sqlite3_value **args)
{
    struct buf report;
    (void)count;
    (void)args;
    TRY(check_admin(f, "scrub"));
    if (f->lasts != NULL) f->lasts(f->context);
    buf_init(&report, f->source->mem, 0);
    enum status st = f->source->scrub(f->source->context, &report, f->is_cancelled);
    if (st == ST_OK)
        sqlite3_result_text(to, (const void *)report.data, (int)report.size, SQLITE_TRANSIENT);
    if (st == ST_CLOSED) diag_set(f->sql->diag, "57P01", "the node is shutting down");
    buf_fini(&report);
    return st;
}

/* --- trustsql.tx_status(key [, account]) ------------------------------------------------------ */

static enum status tx_status(const struct node_functions *f,
                             sqlite3_context *to,
                             int count,
                             sqlite3_value **args)
{
    const char *word = NULL;
    TRY(tx_status_word(f, args[0], count > 1 ? args[1] : NULL, &word));
    if (word != NULL) sqlite3_result_text(to, word, -1, SQLITE_STATIC);
    return ST_OK;
}
