/* Everything is looked at in the order: the state at the height of the reading, then what may still
 * come. A block that is not part of the reading has a later time than the newest that is; so what
 * is valid until before that one's time, and not in the state, never will be.
 *
 * I1 the height whose time counts is the height of the state that was looked at. */
#include "node/tx_status.h"

#include "base/must.h"
#include "custody/custody.h"
#include "ledger/block.h"
#include "node/functions.h"
#include "node/keyed.h"
#include "node/passwords.h"
#include "node/proof_maker.h"
#include "node/repeat.h"
#include "node/vtable.h"

#define SPAN_MS       UINT64_C(600000) /* Longest validity of a transaction. */
#define LOOK_AT       4096u            /* Blocks since the newest checkpoint that can be proved. */
#define EPOCH_2000_MS INT64_C(946684800000)
#define KNOWN_MAX     64u /* Transactions under one key that are looked at. */

enum word { WORD_PENDING, WORD_COMMITTED, WORD_NEVER };
static const char *const words[] = {"pending", "committed", "never"};

struct answer {
    enum word word;
    bool has_txid;
    struct hash txid;
    uint64_t height;   /* Of its block; 0: none. */
    uint32_t index;    /* In the block. */
    uint64_t time_ms;  /* Of the block. */
    uint64_t until_ms; /* Pending: decided at the latest by a block later than that. 0: not. */
    struct span receipt;
    uint64_t account; /* never: whose key was not found, */
    struct span key;
    uint64_t seen_height; /* at which height, */
    uint64_t over_ms;     /* and when the last known transaction under it was over. */
};

struct question {
    const struct node_functions *reader;
    const struct chain_tables_source *source;
    struct arena *arena;
    struct exec_account account;
    struct span key;
    uint64_t height; /* I1 */
    uint64_t time_ms;
};

struct cursor {
    struct vtable_cursor base;
    struct arena arena;
    struct answer answer;
    enum status status;
};

/* --- what the state says ------------------------------------------------------------------------
 */

static enum status prepare(const struct question *q, const char *text, sqlite3_stmt **out)
{
    const int code = sqlite3_prepare_v2(q->reader->connection, text, -1, out, NULL);
    return code == SQLITE_OK ? ST_OK : ST_CORRUPT;
}

static enum status read_height(struct question *q)
{
    sqlite3_stmt *s = NULL;
    TRY(prepare(q, "SELECT height FROM \"" DB_APPLIED_TABLE "\"", &s));
    const bool is_row = sqlite3_step(s) == SQLITE_ROW;
    if (is_row) q->height = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return is_row ? ST_OK : ST_IO;
}

static enum status read_row(const struct question *q, struct answer *out)
{
    sqlite3_stmt *s = NULL;
    TRY(prepare(q,
                "SELECT txid, height FROM \"trustsql.idempotency\" WHERE account = ?1 AND key = ?2",
                &s));
    enum status st = ST_OK;
    const void *key = q->key.size == 0 ? "" : (const void *)q->key.data;
    if (sqlite3_bind_int64(s, 1, (sqlite3_int64)q->account.id) != SQLITE_OK ||
        sqlite3_bind_blob(s, 2, key, (int)q->key.size, SQLITE_STATIC) != SQLITE_OK)
        st = ST_NO_MEMORY;
    const int code = st == ST_OK ? sqlite3_step(s) : SQLITE_DONE;
    if (code == SQLITE_ROW && sqlite3_column_bytes(s, 0) == (int)HASH_SIZE) {
        memcpy(out->txid.bytes, sqlite3_column_blob(s, 0), HASH_SIZE);
        out->height = (uint64_t)sqlite3_column_int64(s, 1);
        out->has_txid = true;
        out->word = WORD_COMMITTED;
    } else if (code != SQLITE_DONE) {
        st = code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_IO;
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum status time_of(const struct question *q, uint64_t height, uint64_t *out)
{
    struct buf block;
    struct span head = {0};
    struct span rest;
    struct header header;
    *out = 0;
    if (height == 0) return ST_OK;
    buf_init(&block, q->source->mem, 0);
    enum status st = store_read_block(q->source->store, height, &block, NULL);
    if (st == ST_OK) st = block_split(buf_span(&block), &head, &rest);
    struct cbor in = cbor_of(head);
    if (st == ST_OK) header_decode(&header, &in);
    if (st == ST_OK) st = cbor_end(&in);
    if (st == ST_OK) *out = header.time_ms;
    buf_fini(&block);
    return st;
}

static enum status find_account(struct question *q, sqlite3_value *account, struct diag *d)
{
    q->account = *q->reader->account;
    if (account == NULL) return ST_OK;
    const char *text = (const char *)sqlite3_value_text(account);
    struct account_id address;
    if (text == NULL) return ST_NO_MEMORY;
    enum status st = exec_account_by_name(q->reader->connection, span_text(text), &q->account);
    if (st == ST_NOT_FOUND && account_id_parse(&address, text) == ST_OK)
        st = exec_account_by_address(q->reader->connection, &address, &q->account);
    if (st == ST_NOT_FOUND) diag_set(d, "42704", "account \"%.100s\" does not exist", text);
    return st;
}

/* --- what may still come ------------------------------------------------------------------------
 */

static bool is_over(const struct question *q, const struct keyed_tx *tx)
{
    return q->time_ms > tx->until_ms || q->height > tx->until_height;
}

/* It stands in a block of the reading without having written its row: it failed. */
static bool has_failed(const struct question *q, const struct keyed_tx *tx)
{
    uint64_t height = 0;
    uint32_t index = 0;
    return store_find_tx(q->source->store, &tx->txid, &height, &index) == ST_OK &&
           height <= q->height;
}

static void wait_until(struct answer *out, uint64_t until_ms)
{
    out->word = WORD_PENDING;
    if (until_ms > out->until_ms) out->until_ms = until_ms;
}

/* Somebody else may have signed one that this node has not seen: it is waited for from the first
 * time that it was asked about. */
static void note_question(const struct question *q, const struct hash *name)
{
    const struct keyed_tx asked = {.until_ms = q->time_ms + SPAN_MS, .until_height = UINT64_MAX};
    keyed_note(q->source->keyed, name, &asked);
}

static void look_ahead(const struct question *q, struct answer *out)
{
    struct keyed *keyed = q->source->keyed;
    struct keyed_tx known[KNOWN_MAX];
    char entry[CUSTODY_NAME_MAX + 1];
    const struct hash name = keyed_name(&q->account.address, q->key);
    const bool is_own = passwords_entry(q->source->custody, &q->account, entry) == ST_OK;
    uint32_t count = keyed_find(keyed, &name, known, KNOWN_MAX);
    if (!is_own && count == 0) {
        note_question(q, &name);
        count = keyed_find(keyed, &name, known, KNOWN_MAX);
    }
    const uint64_t floor = keyed_floor(keyed, is_own);
    out->word = WORD_NEVER;
    out->account = q->account.id;
    out->key = q->key;
    out->seen_height = q->height;
    for (uint32_t i = 0; i < count; i++)
        if (known[i].until_ms > out->over_ms) out->over_ms = known[i].until_ms;
    if (q->time_ms <= floor) wait_until(out, floor);
    for (uint32_t i = 0; i < count; i++) {
        if (hash_is_zero(&known[i].txid)) {
            if (!is_over(q, &known[i])) wait_until(out, known[i].until_ms);
            continue;
        }
        if (!out->has_txid) out->txid = known[i].txid;
        out->has_txid = true;
        if (!is_over(q, &known[i]) && !has_failed(q, &known[i])) wait_until(out, known[i].until_ms);
    }
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static enum status complete(const struct question *q, struct answer *out)
{
    uint64_t height = 0;
    struct receipt receipt;
    TRY(time_of(q, out->height, &out->time_ms));
    enum status st = store_find_tx(q->source->store, &out->txid, &height, &out->index);
    if (st == ST_OK)
        st = receipt_find(q->source->store, q->arena, &out->txid, &receipt, &out->receipt);
    return st == ST_NOT_FOUND ? ST_OK : st; /* The block is executed, and not in the store yet. */
}

static enum status ask(struct question *q,
                       sqlite3_value *key,
                       sqlite3_value *account,
                       struct answer *out)
{
    struct diag *d = q->reader->sql->diag;
    *out = (struct answer){.word = WORD_PENDING};
    if (sqlite3_value_type(key) == SQLITE_NULL) return ST_NOT_FOUND;
    if (account != NULL && sqlite3_value_type(account) == SQLITE_NULL) return ST_NOT_FOUND;
    if (q->source->keyed == NULL || q->source->custody == NULL) return ST_UNSUPPORTED;
    q->key =
        arena_copy(q->arena, span_of(sqlite3_value_text(key), (size_t)sqlite3_value_bytes(key)));
    if (q->key.data == NULL) return ST_NO_MEMORY;
    TRY(find_account(q, account, d));
    TRY(read_row(q, out));
    TRY(read_height(q)); /* I1: one statement runs around all of this. */
    if (out->word == WORD_COMMITTED) return complete(q, out);
    TRY(time_of(q, q->height, &q->time_ms));
    look_ahead(q, out);
    return ST_OK;
}

enum status tx_status_word(const struct node_functions *f,
                           sqlite3_value *key,
                           sqlite3_value *account,
                           const char **out)
{
    struct arena arena;
    struct answer answer;
    arena_init(&arena, f->source->mem, 0);
    struct question q = {.reader = f, .source = f->source, .arena = &arena};
    const enum status st = ask(&q, key, account, &answer);
    arena_fini(&arena);
    if (st == ST_NOT_FOUND && f->sql->diag->sqlstate[0] == 0) {
        *out = NULL;
        return ST_OK;
    }
    if (st == ST_OK) *out = words[answer.word];
    return st;
}

/* --- the table ----------------------------------------------------------------------------------
 */

static void plan(sqlite3_index_info *info)
{
    int argument = 0;
    info->idxNum = 0;
    for (int column = 7; column <= 8; column++)
        for (int i = 0; i < info->nConstraint; i++) {
            const struct sqlite3_index_constraint *condition = &info->aConstraint[i];
            const bool is_argument = condition->usable && condition->iColumn == column &&
                                     condition->op == SQLITE_INDEX_CONSTRAINT_EQ;
            if (!is_argument) continue;
            info->aConstraintUsage[i].argvIndex = ++argument;
            info->aConstraintUsage[i].omit = 1;
            break;
        }
    info->estimatedCost = 100;
    info->estimatedRows = 1;
}

static void range(struct vtable_cursor *base, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    const struct chain_tables_source *source = base->source;
    (void)text;
    arena_reset(&c->arena);
    struct question q = {.reader = source->reader, .source = source, .arena = &c->arena};
    c->status = argc == 0 ? ST_INVALID : ask(&q, argv[0], argc > 1 ? argv[1] : NULL, &c->answer);
}

static enum status step(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    const struct chain_tables_source *source = base->source;
    const bool is_null = c->status == ST_NOT_FOUND && source->reader->sql->diag->sqlstate[0] == 0;
    c->base.is_at_end = !is_first || is_null;
    return is_null ? ST_OK : c->status;
}

/* Is there a checkpoint later than all that is known? Then the absence of the row there settles it.
 */
static bool has_late_checkpoint(const struct cursor *c)
{
    const struct chain_tables_source *source = c->base.source;
    const int64_t over_us = ((int64_t)c->answer.over_ms - EPOCH_2000_MS) * 1000;
    sqlite3_stmt *s = NULL;
    bool is_there = false;
    int code =
        sqlite3_prepare_v2(source->reader->connection,
                           "SELECT 1 FROM \"trustsql.checkpoints\" WHERE time > ?1", -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(s, 1, over_us);
    if (code == SQLITE_OK) is_there = sqlite3_step(s) == SQLITE_ROW;
    (void)sqlite3_finalize(s);
    return is_there;
}

static enum status put_absence(const struct cursor *c, sqlite3_context *to)
{
    const struct chain_tables_source *source = c->base.source;
    const struct answer *a = &c->answer;
    struct buf key;
    struct buf out;
    if (!has_late_checkpoint(c)) return ST_OK;
    buf_init(&key, source->mem, 0);
    buf_init(&out, source->mem, 0);
    cbor_put_array(&key, 2);
    cbor_put_uint(&key, a->account);
    cbor_put_bytes(&key, a->key);
    const struct proof_row_request request = {.connection = source->reader->connection,
                                              .table = sql_catalog_find(source->reader->catalog,
                                                                        span_text("trustsql"),
                                                                        span_text("idempotency")),
                                              .key = buf_span(&key),
                                              .height = a->seen_height,
                                              .look_at = LOOK_AT,
                                              .is_cancelled = source->reader->is_cancelled};
    enum status st = buf_status(&key);
    if (st == ST_OK) st = proof_make_row(source, &request, &out);
    if (st == ST_OK) sqlite3_result_blob64(to, out.data, out.size, SQLITE_TRANSIENT);
    buf_fini(&key);
    buf_fini(&out);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status put_proof(const struct cursor *c, sqlite3_context *to)
{
    const struct chain_tables_source *source = c->base.source;
    struct buf out;
    if (c->answer.word == WORD_NEVER) return put_absence(c, to);
    if (c->answer.word != WORD_COMMITTED || c->answer.receipt.size == 0) return ST_OK;
    buf_init(&out, source->mem, 0);
    const struct proof_tx_request request = {
        .height = c->answer.height, .index = c->answer.index, .has_genesis = true};
    const enum status st = proof_make_tx(source, &request, &out);
    if (st == ST_OK) sqlite3_result_blob64(to, out.data, out.size, SQLITE_TRANSIENT);
    buf_fini(&out);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status column(struct vtable_cursor *base, sqlite3_context *to, int number)
{
    const struct cursor *c = (const struct cursor *)base;
    const struct answer *a = &c->answer;
    sqlite3_result_null(to);
    switch (number) {
    case 0: vtable_put_text(to, span_text(words[a->word])); break;
    case 1:
        if (a->has_txid) vtable_put_hash(to, &a->txid);
        break;
    case 2:
        if (a->height > 0) vtable_put_u64(to, a->height);
        break;
    case 3:
        if (a->height > 0) vtable_put_time(to, a->time_ms);
        break;
    case 4:
        if (a->receipt.size > 0)
            sqlite3_result_blob64(to, a->receipt.data, a->receipt.size, SQLITE_TRANSIENT);
        break;
    case 5: return put_proof(c, to);
    case 6:
        if (a->word == WORD_PENDING) vtable_put_time(to, a->until_ms);
        break;
    default: break;
    }
    return ST_OK;
}

static void open_cursor(struct vtable_cursor *base)
{
    arena_init(&((struct cursor *)base)->arena, base->mem, 0);
}

static void close_cursor(struct vtable_cursor *base)
{
    arena_fini(&((struct cursor *)base)->arena);
}

static const struct vtable table = {
    .name = "trustsql.tx_status",
    .declaration = "CREATE TABLE x(c1, c2, c3, c4, c5, c6, c7, key HIDDEN, account HIDDEN)",
    .cursor_size = sizeof(struct cursor),
    .open = open_cursor,
    .close = close_cursor,
    .plan = plan,
    .range_by = range,
    .step = step,
    .column = column,
};

enum status tx_status_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    return vtable_register(connection, &table, source, source->mem);
}
