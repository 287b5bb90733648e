/* idempotency.c - The table "trustsql.idempotency" (docs/format/catalog.md).
 *
 *   operations = H("ops" ‖ for each operation: u64 kind, u64 size, text, u64 parameter count,
 *                  for each parameter: u64 type, u64 size, CBOR item)         integers
 * little-endian
 *
 * Statements are prepared for each use: keys are rare. */
#include "exec/modules/system/idempotency.h"

#include "exec/exec.h"
#include "exec/sqlite.h"

static enum status prepare(sqlite3 *writer, const char *text, sqlite3_stmt **out);
static enum status bind_key(sqlite3_stmt *s, uint64_t account, struct span key);
static enum status bind_blob(sqlite3_stmt *s, int index, struct span bytes);
static bool read_hash(sqlite3_stmt *s, int column, struct hash *out);

static void add_bytes(struct hasher *h, struct span bytes)
{
    hash_add_u64(h, bytes.size);
    hash_add(h, bytes);
}

struct hash idempotency_operations(const struct tx *tx)
{
    struct hasher h;
    hash_init(&h, "ops");
    for (uint32_t i = 0; i < tx->op_count; i++) {
        const struct tx_op *op = &tx->ops[i];
        /* What the client saw is not what it asked for: a repetition may see something else. */
        if (op->kind == TX_OP_MODULE && span_equal(op->text, span_text(EXEC_EXPECT))) continue;
        hash_add_u64(&h, (uint64_t)op->kind);
        add_bytes(&h, op->text);
        hash_add_u64(&h, op->param_count);
        for (uint32_t p = 0; p < op->param_count; p++) {
            hash_add_u64(&h, op->params[p].type);
            add_bytes(&h, op->params[p].value);
        }
    }
    return hash_final(&h);
}

enum status idempotency_find(sqlite3 *writer,
                             uint64_t account,
                             struct span key,
                             struct idempotency_row *out)
{
    sqlite3_stmt *s;
    TRY(prepare(writer,
                "SELECT txid, height, operations FROM \"trustsql.idempotency\" "
                "WHERE account = ?1 AND key = ?2",
                &s));
    enum status st = bind_key(s, account, key);
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    if (st == ST_OK) {
        out->height = (uint64_t)sqlite3_column_int64(s, 1);
        bool is_right = read_hash(s, 0, &out->txid) && read_hash(s, 2, &out->operations);
        if (!is_right) st = ST_CORRUPT;
    }
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    return st;
}

enum status idempotency_add(sqlite3 *writer,
                            uint64_t account,
                            struct span key,
                            const struct idempotency_row *row)
{
    sqlite3_stmt *s;
    TRY(prepare(writer,
                "INSERT INTO \"trustsql.idempotency\"(account, key, txid, height, operations) "
                "VALUES(?1, ?2, ?3, ?4, ?5)",
                &s));
    enum status st = bind_key(s, account, key);
    if (st == ST_OK) st = bind_blob(s, 3, hash_span(&row->txid));
    if (st == ST_OK) st = sqlite_status(sqlite3_bind_int64(s, 4, (sqlite3_int64)row->height));
    if (st == ST_OK) st = bind_blob(s, 5, hash_span(&row->operations));
    if (st == ST_OK) st = sqlite_done_status(sqlite3_step(s));
    (void)sqlite3_finalize(s);
    return st;
}

static enum status prepare(sqlite3 *writer, const char *text, sqlite3_stmt **out)
{
    return sqlite_status(sqlite3_prepare_v2(writer, text, -1, out, NULL));
}

static enum status bind_key(sqlite3_stmt *s, uint64_t account, struct span key)
{
    TRY(sqlite_status(sqlite3_bind_int64(s, 1, (sqlite3_int64)account)));
    return bind_blob(s, 2, key);
}

static enum status bind_blob(sqlite3_stmt *s, int index, struct span bytes)
{
    return sqlite_status(sqlite3_bind_blob(s, index, bytes.data, (int)bytes.size, SQLITE_STATIC));
}

static bool read_hash(sqlite3_stmt *s, int column, struct hash *out)
{
    const void *bytes = sqlite3_column_blob(s, column);
    if (bytes == NULL || sqlite3_column_bytes(s, column) != (int)HASH_SIZE) return false;
    memcpy(out->bytes, bytes, HASH_SIZE);
    return true;
}
