/* exec.c - Open the state, apply blocks.
 *
 * A block is one SQLite transaction, a transaction of the chain one savepoint in it. SQLite rolls
 * back the whole block when a writing statement is interrupted, which is how fuel stops one. Then
 * the block begins again, and that transaction is failed without being run: its outcome is known.
 * The fuel of a block is bounded too, so only a few transactions can do this to one block, and what
 * has to be run again is bounded. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "exec/apply.h"
#include "exec/sqlite.h"

static enum status open_all(struct exec *e, const struct exec_config *config, char *what);
static enum status open_writer(struct exec *e, char *what);
static enum status load(struct exec *e, const struct exec_config *config, char *what);
static enum status prepare_savepoints(struct exec *e);
static int on_progress(void *context);
static enum status say(char *what, enum status st, const char *text);

enum status exec_open(struct exec **out, const struct exec_config *config, char *what)
{
    what[0] = 0;
    struct exec *e = mem_alloc_zero(config->mem, 1, sizeof *e);
    if (e == NULL) return say(what, ST_NO_MEMORY, status_text(ST_NO_MEMORY));
    e->mem = config->mem;
    enum status st = open_all(e, config, what);
    if (st != ST_OK) {
        if (what[0] == 0) (void)say(what, st, status_text(st));
        exec_close(e);
        return st;
    }
    *out = e;
    return ST_OK;
}

void exec_close(struct exec *e)
{
    if (e == NULL) return;
    for (int i = 0; i < SAVEPOINT_COUNT; i++)
        sqlite3_finalize(e->savepoints[i]);
    statements_free(e->statements);
    accounts_free(e->accounts);
    capture_free(e->capture);
    if (e->writer != NULL) sqlite3_progress_handler(e->writer, 0, NULL, NULL);
    db_close(e->db);
    sql_catalog_unref(e->catalog);
    sql_catalog_unref(e->published);
    mutex_free(e->lock);
    epoch_free(e->epoch);
    signer_free(e->signer);
    arena_fini(&e->arena);
    buf_fini(&e->rows);
    buf_fini(&e->bytes);
    buf_fini(&e->write_set);
    keys_fini(e);
    mem_free(e->mem, e);
}

struct db *exec_db(struct exec *e)
{
    return e->db;
}

uint64_t exec_height(const struct exec *e)
{
    return e->height;
}

struct hash exec_digest(const struct exec *e)
{
    return e->digest;
}

void exec_history(const struct exec *e, struct merkle_tree *out)
{
    *out = e->history;
}

struct sql_catalog *exec_catalog(struct exec *e)
{
    mutex_lock(e->lock);
    struct sql_catalog *c = sql_catalog_ref(e->published);
    mutex_unlock(e->lock);
    return c;
}

void exec_terms(struct exec *e, struct exec_terms *out)
{
    mutex_lock(e->lock);
    *out = e->terms;
    mutex_unlock(e->lock);
}

static enum status open_account(const struct account *account, struct exec_account *out)
{
    if (account->is_closed) return ST_NOT_FOUND;
    *out = (struct exec_account){.id = account->id,
                                 .address = account->address,
                                 .key = account->key,
                                 .is_admin = account->is_admin};
    memcpy(out->name, account->name, sizeof out->name);
    return ST_OK;
}

enum status exec_account_by_name(sqlite3 *connection, struct span name, struct exec_account *out)
{
    struct account account;
    TRY(account_by_name(connection, name, &account));
    return open_account(&account, out);
}

enum status exec_account_by_address(sqlite3 *connection,
                                    const struct account_id *address,
                                    struct exec_account *out)
{
    struct account account;
    TRY(account_by_address(connection, address, &account));
    return open_account(&account, out);
}

enum status exec_account_may_login(sqlite3 *connection, uint64_t id, bool *may)
{
    return account_may_login(connection, id, may);
}

void exec_outcome_init(struct exec_outcome *o, struct mem *mem)
{
    *o = (struct exec_outcome){0};
    arena_init(&o->arena, mem, 0);
}

void exec_outcome_fini(struct exec_outcome *o)
{
    if (o->arena.mem != NULL) arena_fini(&o->arena);
    *o = (struct exec_outcome){0};
}

/* The epoch closes where the rule of blocks says; here only with the configuration that is next. */
static bool is_of_epoch(const struct epoch *epoch, const struct header *h)
{
    const bool is_close = (h->flags & BLOCK_EPOCH_CLOSE) != 0;
    if (h->epoch != epoch->config.epoch) return false;
    if (h->exec_version != epoch->config.exec_version) return false;
    if (!is_close) return true;
    return epoch->next.config.size > 0 && hash_equal(&h->next_config_hash, &epoch->next_hash);
}

void exec_epoch(const struct exec *e, struct exec_epoch *out)
{
    *out = (struct exec_epoch){.epoch = e->epoch->now.epoch,
                               .first_height = e->epoch->now.first_height,
                               .config = e->epoch->now.config,
                               .next_config = e->epoch->next.config,
                               .next_from = e->epoch->next.decided_height};
}

const struct mode_state *exec_mode(const struct exec *e)
{
    return &e->mode;
}

enum status exec_config_of(sqlite3 *connection,
                           struct arena *a,
                           uint64_t epoch,
                           struct exec_epoch *out)
{
    struct chain_epoch row;
    TRY(chain_epoch_at(connection, a, epoch, &row));
    *out = (struct exec_epoch){
        .epoch = row.epoch, .first_height = row.first_height, .config = row.config};
    return ST_OK;
}

enum status exec_apply(struct exec *e, const struct exec_block *in, struct exec_outcome *out)
{
    const struct header *h = in->header;
    if (h->height != e->height + 1 || in->tx_count > BLOCK_TXS_MAX) return ST_INVALID;
    if (h->exec_version < EXEC_VERSION_MIN || h->exec_version > EXEC_VERSION_MAX)
        return ST_UNSUPPORTED;
    if (!is_of_epoch(e->epoch, h)) return ST_INVALID;
    if (h->exec_version >= CHECKPOINT_EXEC_VERSION && e->row_tree == NULL) return ST_INVALID;
    must(db_height(e->db) == e->height);
    struct apply apply = {.exec = e, .in = in, .out = out};
    arena_reset(&out->arena);
    TRY(apply_block(&apply));
    must(db_height(e->db) == h->height);
    e->height = h->height; /* E2 */
    e->digest = out->digest;
    e->history = apply.history;
    e->mode = apply.mode;
    e->checkpoints = apply.checkpoints;
    out->wanted_height = exec_wanted_height(e);
    if (apply.epoch != e->epoch) {
        statements_clear(e->statements); /* E4: functions depend on the exec_version. */
        epoch_free(e->epoch);
    }
    e->epoch = apply.epoch;
    schema_publish(e);
    return checkpoints_feed(&apply);
}

static enum status open_all(struct exec *e, const struct exec_config *config, char *what)
{
    buf_init(&e->rows, e->mem, EXEC_ROWS_BYTES_MAX);
    buf_init(&e->bytes, e->mem, 0);
    buf_init(&e->write_set, e->mem, 0);
    keys_init(e);
    arena_init(&e->arena, e->mem, 0);
    static const uint8_t seed[32] = {0}; /* This signer never sees a secret. */
    TRY(signer_new(&e->signer, seed));
    TRY(mutex_new(&e->lock, e->mem));
    const struct db_config db = {.os = config->os,
                                 .mem = config->mem,
                                 .path = config->path,
                                 .clean_bytes = config->cache_bytes};
    TRY(db_open(&e->db, &db, what));
    TRY(open_writer(e, what));
    return load(e, config, what);
}

static enum status open_writer(struct exec *e, char *what)
{
    e->writer = db_writer(e->db);
    TRY(capture_new(&e->capture, e->mem, e->writer)); /* E1 */
    e->context.diag = &e->function_diag;
    enum status st = sql_functions_register(e->writer, &e->context);
    if (st != ST_OK) return say(what, st, "the SQL functions could not be registered");
    /* Plans must not depend on the values of parameters. */
    int is_set = 0;
    int rc = sqlite3_db_config(e->writer, SQLITE_DBCONFIG_ENABLE_QPSG, 1, &is_set);
    if (rc != SQLITE_OK || is_set != 1) return ST_UNSUPPORTED;
    sqlite3_progress_handler(e->writer, EXEC_FUEL_STEP, on_progress, e);
    TRY(accounts_new(&e->accounts, e->mem, e->writer));
    TRY(statements_new(&e->statements, e->mem, e->writer));
    return prepare_savepoints(e);
}

static enum status load(struct exec *e, const struct exec_config *config, char *what)
{
    struct genesis genesis;
    enum status st = genesis_decode(&genesis, &e->arena, config->genesis);
    if (st != ST_OK) return say(what, st, "the genesis file is not well formed");
    if (genesis.exec_version < EXEC_VERSION_MIN || genesis.exec_version > EXEC_VERSION_MAX)
        return say(what, ST_UNSUPPORTED, "the chain needs another version of this program");
    e->chain_id = genesis_chain_id(config->genesis);
    if (db_is_new(e->db)) {
        st = genesis_apply(e, &genesis);
        if (st != ST_OK) return say(what, st, "the rows of the genesis could not be made");
    }
    st = note_read(e);
    if (st != ST_OK) return say(what, st, "the state does not say its height and digest");
    st = epoch_load(&e->epoch, e);
    if (st == ST_OK) st = epoch_mode_read(e);
    if (st != ST_OK) return say(what, st, "the state does not say its epoch and mode");
    if (e->epoch->config.exec_version > EXEC_VERSION_MAX)
        return say(what, ST_UNSUPPORTED, "the chain needs another version of this program");
    if (e->catalog == NULL) st = schema_reload(e);
    if (st != ST_OK) return say(what, st, "the catalog of the state cannot be read");
    schema_publish(e);
    arena_reset(&e->arena);
    return ST_OK;
}

static enum status prepare_savepoints(struct exec *e)
{
    static const char *const text[SAVEPOINT_COUNT] = {
        [SAVEPOINT_SET] = "SAVEPOINT tx",
        [SAVEPOINT_RELEASE] = "RELEASE tx",
        [SAVEPOINT_ROLLBACK] = "ROLLBACK TO tx",
    };
    const unsigned flags = SQLITE_PREPARE_PERSISTENT;
    for (int i = 0; i < SAVEPOINT_COUNT; i++) {
        int rc = sqlite3_prepare_v3(e->writer, text[i], -1, flags, &e->savepoints[i], NULL);
        TRY(sqlite_status(rc));
    }
    return ST_OK;
}

/* Non-zero interrupts the running statement. */
static int on_progress(void *context)
{
    struct exec *e = context;
    if (!e->is_metered) return 0;
    if (e->context.fuel <= EXEC_FUEL_STEP) {
        e->context.fuel = 0;
        return 1;
    }
    e->context.fuel -= EXEC_FUEL_STEP;
    return 0;
}

static enum status say(char *what, enum status st, const char *text)
{
    size_t size = strlen(text);
    must(size < DB_WHAT_MAX);
    memcpy(what, text, size + 1);
    return st;
}
