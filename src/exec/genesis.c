/* genesis.c - Height 0: tables of the chain and its first accounts.
 *
 * The rows of height 0 are captured like any others, but capture must know tables before rows enter
 * them. So the statements run twice: once to learn what tables they make, and, after a rollback, to
 * stay. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "exec/sqlite.h"

static enum status make_rows(struct exec *e, const struct genesis *genesis);
static enum status add_account(struct exec *e, const struct genesis_account *in);
static enum status copy_name(char *out, struct span name, bool may_be_empty);
static enum status finish(struct exec *e);

enum status genesis_apply(struct exec *e, const struct genesis *genesis)
{
    TRY(db_begin(e->db, 0));
    enum status st = make_rows(e, genesis);
    if (st == ST_OK) st = schema_reload(e); /* What the tables are stays known. */
    db_rollback(e->db);
    accounts_forget(e->accounts);
    TRY(st);
    TRY(db_begin(e->db, 0));
    capture_begin(e->capture);
    st = make_rows(e, genesis);
    if (st == ST_OK) st = finish(e);
    if (st == ST_OK) return db_commit(e->db);
    db_rollback(e->db);
    return st;
}

static enum status make_rows(struct exec *e, const struct genesis *genesis)
{
    TRY(schema_make(e, 1, genesis->exec_version, SCHEMA_TABLES));
    TRY(schema_make(e, 1, genesis->exec_version, SCHEMA_ROWS));
    for (uint32_t i = 0; i < genesis->account_count; i++)
        TRY(add_account(e, &genesis->accounts[i]));
    return epoch_genesis(e, genesis);
}

static enum status add_account(struct exec *e, const struct genesis_account *in)
{
    struct account account = {.key = in->key, .is_admin = in->is_admin};
    if (public_key_check(e->signer, &in->key) != ST_OK) return ST_INVALID;
    TRY(copy_name(account.name, in->name, false));
    TRY(copy_name(account.custodian, in->custodian, true));
    TRY(copy_name(account.organisation, in->organisation, true));
    enum status st = accounts_add(e->accounts, &account, 0);
    return st == ST_EXISTS ? ST_INVALID : st;
}

static enum status copy_name(char *out, struct span name, bool may_be_empty)
{
    out[0] = 0;
    if (name.size == 0) return may_be_empty ? ST_OK : ST_INVALID;
    if (!account_name_is_valid(name)) return ST_INVALID;
    memcpy(out, name.data, name.size);
    out[name.size] = 0;
    return ST_OK;
}

static enum status finish(struct exec *e)
{
    struct block_result result = {.height = 0, .block_hash = e->chain_id};
    uint32_t entry_count = 0;
    buf_reset(&e->write_set);
    TRY(capture_finish(e->capture, &result.writeset_root, &entry_count, &e->write_set));
    must(entry_count > 0);
    result.receipts_root = merkle_root(NULL, 0);
    struct hash own = block_result_digest(&result);
    struct hash before = {{0}};
    struct hash digest = digest_fold(&before, &own);
    const struct note note = {.digest = digest};
    e->has_genesis_rows = true;
    return note_write(e, &note);
}
