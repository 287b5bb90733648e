/* tx_build.c - A transaction under construction: its parts in one arena, its arrays growing.
 *
 * Adding returns nothing, so that building reads as a list; the first failure is kept in status and
 * everything after it does nothing. */
#include "base/arena.h"
#include "base/must.h"
#include "client/client_int.h"
#include "codec/cbor.h"
#include "ledger/tx.h"

#define ITEMS_FIRST 4u

struct trustsql_tx {
    const struct trustsql *lib;
    struct arena arena;
    struct tx tx;
    enum status status;
    bool has_account; /* trustsql_tx_account was called. */
    uint32_t op_capacity;
    uint32_t param_capacity; /* Of the last operation. */
};

static void fail(struct trustsql_tx *tx, enum status st);
static struct span keep(struct trustsql_tx *tx, struct span bytes);
static void *grow(struct trustsql_tx *tx, const void *items, uint32_t *capacity, size_t item_size);
static void add_param(struct trustsql_tx *tx, uint32_t type, const struct buf *value);
static enum status set_signers(struct trustsql_tx *tx,
                               const struct trustsql_key *keys,
                               size_t count);
static enum status make_signatures(struct trustsql_tx *tx, const struct trustsql_key *keys);
static enum status encode(const struct tx *t, struct trustsql_bytes *out);

enum trustsql_status trustsql_tx_new(const struct trustsql *lib,
                                     struct trustsql_tx **out,
                                     const uint8_t chain_id[32],
                                     const char *ledger)
{
    struct trustsql_tx *made = mem_alloc_zero(lib->mem, 1, sizeof *made);
    if (made == NULL) return TRUSTSQL_NO_MEMORY;
    made->lib = lib;
    arena_init(&made->arena, lib->mem, 0);
    memcpy(made->tx.chain_id.bytes, chain_id, HASH_SIZE);
    made->tx.ledger = keep(made, span_text(ledger));
    lib->os->entropy(lib->os, &made->tx.nonce, sizeof made->tx.nonce);
    lib->os->entropy(lib->os, made->tx.secret, sizeof made->tx.secret);
    *out = made;
    return TRUSTSQL_OK;
}

void trustsql_tx_free(struct trustsql_tx *tx)
{
    if (tx == NULL) return;
    struct mem *mem = tx->lib->mem;
    arena_fini(&tx->arena);
    mem_wipe(tx, sizeof *tx);
    mem_free(mem, tx);
}

void trustsql_tx_valid_until(struct trustsql_tx *tx, uint64_t time_ms, uint64_t height)
{
    tx->tx.valid_until_ms = time_ms;
    tx->tx.valid_until_height = height;
}

void trustsql_tx_idempotency_key(struct trustsql_tx *tx, const void *key, size_t size)
{
    tx->tx.idempotency_key = keep(tx, span_of(key, size));
}

void trustsql_tx_account(struct trustsql_tx *tx, const char *address)
{
    enum status st = account_id_parse(&tx->tx.account, address);
    if (st != ST_OK) fail(tx, st);
    tx->has_account = true;
}

void trustsql_tx_add_sql(struct trustsql_tx *tx, const char *text)
{
    struct tx *t = &tx->tx;
    if (t->op_count == tx->op_capacity) {
        struct tx_op *ops = grow(tx, t->ops, &tx->op_capacity, sizeof *ops);
        if (ops == NULL) return;
        t->ops = ops;
    }
    struct span kept = keep(tx, span_text(text));
    if (tx->status != ST_OK) return;
    must(t->op_count < tx->op_capacity);
    t->ops[t->op_count++] = (struct tx_op){.kind = TX_OP_SQL, .text = kept};
    tx->param_capacity = 0;
}

void trustsql_tx_add_null(struct trustsql_tx *tx, enum trustsql_type type)
{
    uint8_t bytes[1];
    struct buf value;
    buf_init_fixed(&value, bytes, sizeof bytes);
    cbor_put_null(&value);
    add_param(tx, type, &value);
}

void trustsql_tx_add_bool(struct trustsql_tx *tx, int value)
{
    uint8_t bytes[1];
    struct buf item;
    buf_init_fixed(&item, bytes, sizeof bytes);
    cbor_put_bool(&item, value != 0);
    add_param(tx, TRUSTSQL_BOOL, &item);
}

void trustsql_tx_add_int(struct trustsql_tx *tx, enum trustsql_type type, int64_t value)
{
    uint8_t bytes[9];
    struct buf item;
    buf_init_fixed(&item, bytes, sizeof bytes);
    cbor_put_int(&item, value);
    add_param(tx, type, &item);
}

void trustsql_tx_add_text(struct trustsql_tx *tx, const char *value)
{
    struct buf item;
    buf_init(&item, tx->lib->mem, TX_BYTES_MAX);
    cbor_put_text(&item, span_text(value));
    add_param(tx, TRUSTSQL_TEXT, &item);
    buf_fini(&item);
}

void trustsql_tx_add_bytes(struct trustsql_tx *tx, const void *value, size_t size)
{
    struct buf item;
    buf_init(&item, tx->lib->mem, TX_BYTES_MAX);
    cbor_put_bytes(&item, span_of(value, size));
    add_param(tx, TRUSTSQL_BYTEA, &item);
    buf_fini(&item);
}

enum trustsql_status trustsql_tx_sign(struct trustsql_tx *tx,
                                      const struct trustsql_key *keys,
                                      size_t key_count,
                                      struct trustsql_bytes *out,
                                      uint8_t txid[32])
{
    enum status st = tx->status;
    if (st == ST_OK) st = set_signers(tx, keys, key_count);
    if (st == ST_OK) st = tx_hash(&tx->tx);
    if (st == ST_OK) st = make_signatures(tx, keys);
    if (st == ST_OK) st = encode(&tx->tx, out);
    if (st == ST_OK) memcpy(txid, tx->tx.txid.bytes, HASH_SIZE);
    return client_status(st);
}

static void fail(struct trustsql_tx *tx, enum status st)
{
    must(st != ST_OK);
    if (tx->status == ST_OK) tx->status = st;
}

/* A copy that lives as long as the transaction. */
static struct span keep(struct trustsql_tx *tx, struct span bytes)
{
    if (bytes.size > TX_BYTES_MAX) fail(tx, ST_LIMIT);
    if (tx->status != ST_OK) return (struct span){0};
    struct span copy = arena_copy(&tx->arena, bytes);
    if (copy.data == NULL) fail(tx, ST_NO_MEMORY);
    return copy;
}

/* A copy of items[*capacity] with twice the room; null after a failure. */
static void *grow(struct trustsql_tx *tx, const void *items, uint32_t *capacity, size_t item_size)
{
    if (tx->status != ST_OK) return NULL;
    if (*capacity > TX_ITEMS_MAX) {
        fail(tx, ST_LIMIT);
        return NULL;
    }
    uint32_t room = *capacity == 0 ? ITEMS_FIRST : *capacity * 2;
    void *grown = arena_alloc_zero(&tx->arena, room, item_size);
    if (grown == NULL) {
        fail(tx, ST_NO_MEMORY);
        return NULL;
    }
    if (*capacity > 0) memcpy(grown, items, *capacity * item_size);
    must(room > *capacity);
    *capacity = room;
    return grown;
}

static void add_param(struct trustsql_tx *tx, uint32_t type, const struct buf *value)
{
    if (buf_status(value) != ST_OK) fail(tx, buf_status(value));
    if (tx->tx.op_count == 0) fail(tx, ST_INVALID);
    struct span kept = keep(tx, buf_span(value));
    if (tx->status != ST_OK) return;
    struct tx_op *op = &tx->tx.ops[tx->tx.op_count - 1];
    if (op->param_count == tx->param_capacity) {
        struct tx_param *params = grow(tx, op->params, &tx->param_capacity, sizeof *params);
        if (params == NULL) return;
        op->params = params;
    }
    must(op->param_count < tx->param_capacity);
    op->params[op->param_count++] = (struct tx_param){.type = type, .value = kept};
}

static enum status set_signers(struct trustsql_tx *tx,
                               const struct trustsql_key *keys,
                               size_t count)
{
    struct tx *t = &tx->tx;
    if (count == 0) return ST_INVALID;
    if (count > TX_SIGNERS_MAX) return ST_LIMIT;
    t->signers = arena_alloc_zero(&tx->arena, count, sizeof *t->signers);
    t->signatures = arena_alloc_zero(&tx->arena, count, sizeof *t->signatures);
    if (t->signers == NULL || t->signatures == NULL) return ST_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        t->signers[i].scheme = keys[i].scheme;
        t->signers[i].size = keys[i].public_size;
        memcpy(t->signers[i].bytes, keys[i].public_key, sizeof keys[i].public_key);
        if (!public_key_is_formed(&t->signers[i])) return ST_INVALID;
    }
    must(count <= TX_SIGNERS_MAX);
    t->signer_count = (uint32_t)count;
    if (!tx->has_account) t->account = account_id_of(&t->signers[0]);
    return ST_OK;
}

static enum status make_signatures(struct trustsql_tx *tx, const struct trustsql_key *keys)
{
    struct tx *t = &tx->tx;
    must(t->signer_count > 0);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < t->signer_count && st == ST_OK; i++) {
        struct secret_key secret = {.scheme = keys[i].scheme};
        memcpy(secret.bytes, keys[i].secret, sizeof secret.bytes);
        st = sign_hash(tx->lib->signer, &t->signatures[i], &secret, &t->txid);
        mem_wipe(&secret, sizeof secret);
    }
    return st;
}

static enum status encode(const struct tx *t, struct trustsql_bytes *out)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), TX_BYTES_MAX);
    tx_encode(t, &bytes);
    enum status st = buf_status(&bytes);
    if (st != ST_OK) {
        buf_fini(&bytes);
        return st;
    }
    *out = (struct trustsql_bytes){.data = bytes.data, .size = bytes.size};
    return ST_OK;
}
