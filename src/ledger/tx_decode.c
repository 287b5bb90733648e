/* tx_decode.c - From bytes to a transaction with its hashes, in one pass.
 *
 *   transaction = [version, envelope, secret, [operation…], [signature…]]
 *   envelope    = [chain id, ledger, account, nonce, valid_until_ms, valid_until_height, now_ms,
 *                  [[sequence, first, count]…], idempotency key, [[scheme, key]…]]
 *   operation   = [kind, text, [parameter…], [auth…]]
 *
 *                  whole form                        redacted form
 *   secret         bytes, 32; without items zero     null
 *   parameter      [type, value]                     [type, value, salt]   or [commitment]
 *   auth           [scheme, key, signature,          [scheme, key, signature, signed bytes, salt]
 *                   signed bytes]                    or [scheme, key, signature, null, commitment]
 *
 * Reading is hashing: a value is committed as soon as it is read. Failures stick in the reader, so
 * only loops and memory ask for them. */
#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/tx.h"
#include "ledger/tx_int.h"

struct pass { /* Where reading is. */
    struct cbor in;
    struct arena *arena;
    struct tx *t;
    uint32_t op;    /* Index of the operation. */
    uint32_t items; /* Parameters and auths so far. */
};

static struct span read_envelope(struct pass *p);
static void read_account(struct account_id *account, struct cbor *in);
static void read_reserved(struct pass *p);
static void read_signers(struct pass *p);
static void read_secret(struct pass *p);
static void check_secret(struct pass *p);
static void read_ops(struct pass *p, struct merkle_tree *tree);
static void read_signatures(struct pass *p);
static void read_op(struct pass *p, struct tx_op *op);
static void read_param(struct pass *p, struct tx_param *param, uint32_t index);
static void read_auth(struct pass *p, struct tx_auth *auth, uint32_t index);
static uint32_t read_item_count(struct pass *p, void **items, size_t item_size, uint32_t count_max);

enum status tx_decode(struct tx *t, struct arena *a, struct span bytes)
{
    if (bytes.size > TX_BYTES_MAX) return ST_LIMIT;
    struct tx out = {.bytes = bytes};
    struct pass p = {.in = cbor_of(bytes), .arena = a, .t = &out};
    struct merkle_tree ops;
    ops.count = 0;
    cbor_expect_array(&p.in, 5);
    if (cbor_get_uint(&p.in) != TX_VERSION) cbor_fail(&p.in);
    struct span envelope = read_envelope(&p);
    read_secret(&p);
    read_ops(&p, &ops);
    check_secret(&p);
    read_signatures(&p);
    TRY(cbor_end(&p.in));
    must(out.op_count > 0);
    must(out.signer_count > 0);
    must(ops.count == out.op_count);
    out.txid = tx_id_of(envelope, &ops);
    out.leaf = tx_leaf_of(&out);
    out.full = hash_of("txfull", bytes);
    *t = out;
    return ST_OK;
}

static struct span read_envelope(struct pass *p)
{
    struct tx *t = p->t;
    struct cbor *in = &p->in;
    const uint8_t *start = in->at;
    cbor_expect_array(in, 10);
    t->chain_id = get_hash(in);
    t->ledger = get_name(in, TX_LEDGER_MAX);
    read_account(&t->account, in);
    t->nonce = cbor_get_uint(in);
    t->valid_until_ms = cbor_get_uint(in);
    t->valid_until_height = cbor_get_uint(in);
    t->now_ms = cbor_get_uint(in);
    read_reserved(p);
    t->idempotency_key = cbor_get_bytes(in);
    if (t->idempotency_key.size > TX_IDEMPOTENCY_MAX) cbor_fail_with(in, ST_LIMIT);
    read_signers(p);
    must(in->at >= start);
    return span_of(start, (size_t)(in->at - start));
}

static void read_account(struct account_id *account, struct cbor *in)
{
    uint8_t bytes[TX_ACCOUNT_SIZE];
    cbor_get_fixed(in, bytes, sizeof bytes);
    account->version = bytes[0];
    memcpy(account->bytes, bytes + 1, ACCOUNT_ID_SIZE);
    if (!account_version_is_known(account->version)) cbor_fail(in);
}

static void read_reserved(struct pass *p)
{
    struct tx *t = p->t;
    struct cbor *in = &p->in;
    void *items;
    t->reserved_count = get_items(in, p->arena, &items, sizeof *t->reserved, TX_RESERVED_MAX);
    t->reserved = items;
    for (uint32_t i = 0; i < t->reserved_count && in->status == ST_OK; i++) {
        cbor_expect_array(in, 3);
        t->reserved[i].sequence_id = cbor_get_uint(in);
        t->reserved[i].first = cbor_get_uint(in);
        t->reserved[i].count = cbor_get_uint(in);
    }
}

static void read_signers(struct pass *p)
{
    struct tx *t = p->t;
    struct cbor *in = &p->in;
    void *items;
    t->signer_count = get_items(in, p->arena, &items, sizeof *t->signers, TX_SIGNERS_MAX);
    t->signers = items;
    if (t->signer_count == 0) cbor_fail(in);
    for (uint32_t i = 0; i < t->signer_count && in->status == ST_OK; i++) {
        cbor_expect_array(in, 2);
        t->signers[i] = get_key(in);
    }
    if (in->status == ST_OK && !tx_signers_are_distinct(t)) cbor_fail(in);
}

static void read_secret(struct pass *p)
{
    p->t->is_redacted = cbor_get_null(&p->in);
    if (!p->t->is_redacted) cbor_get_fixed(&p->in, p->t->secret, sizeof p->t->secret);
}

/* No hash covers a secret that salts nothing: one encoding alone may be under a txid's leaf. */
static void check_secret(struct pass *p)
{
    if (p->items == 0 && !tx_secret_is_zero(p->t)) cbor_fail(&p->in);
}

static void read_ops(struct pass *p, struct merkle_tree *tree)
{
    struct tx *t = p->t;
    void *items;
    t->op_count = get_items(&p->in, p->arena, &items, sizeof *t->ops, TX_OPS_MAX);
    t->ops = items;
    if (t->op_count == 0) cbor_fail(&p->in);
    for (; p->op < t->op_count; p->op++) {
        read_op(p, &t->ops[p->op]);
        if (p->in.status != ST_OK) return;
        struct hash leaf = tx_op_leaf(&t->ops[p->op]);
        merkle_tree_add(tree, &leaf);
    }
}

static void read_signatures(struct pass *p)
{
    struct tx *t = p->t;
    void *items;
    uint32_t count = get_items(&p->in, p->arena, &items, sizeof *t->signatures, TX_SIGNERS_MAX);
    t->signatures = items;
    if (count != t->signer_count) cbor_fail(&p->in);
    must(count <= TX_SIGNERS_MAX);
    for (uint32_t i = 0; i < count; i++)
        cbor_get_fixed(&p->in, t->signatures[i].bytes, SIGN_SIGNATURE_SIZE);
}

static void read_op(struct pass *p, struct tx_op *op)
{
    cbor_expect_array(&p->in, 4);
    uint64_t kind = cbor_get_uint_max(&p->in, TX_OP_MODULE);
    if (kind < TX_OP_SQL) cbor_fail(&p->in);
    op->kind = (enum tx_op_kind)kind;
    op->text = cbor_get_text(&p->in);
    void *items;
    op->param_count = read_item_count(p, &items, sizeof *op->params, TX_PARAMS_MAX);
    op->params = items;
    for (uint32_t i = 0; i < op->param_count && p->in.status == ST_OK; i++)
        read_param(p, &op->params[i], i);
    op->auth_count = read_item_count(p, &items, sizeof *op->auths, TX_AUTHS_MAX);
    op->auths = items;
    for (uint32_t i = 0; i < op->auth_count && p->in.status == ST_OK; i++)
        read_auth(p, &op->auths[i], i);
}

/* As get_items, also counting towards TX_ITEMS_MAX before any memory is taken. */
static uint32_t read_item_count(struct pass *p, void **items, size_t item_size, uint32_t count_max)
{
    must(p->items <= TX_ITEMS_MAX);
    uint32_t left = TX_ITEMS_MAX - p->items;
    uint32_t most = count_max < left ? count_max : left;
    uint32_t count = get_items(&p->in, p->arena, items, item_size, most);
    p->items += count;
    must(p->items <= TX_ITEMS_MAX);
    return count;
}

static void read_param(struct pass *p, struct tx_param *param, uint32_t index)
{
    must(index < TX_PARAMS_MAX);
    struct cbor *in = &p->in;
    uint64_t shape = cbor_get_array(in);
    if (p->t->is_redacted && shape == 1) {
        param->is_purged = true;
        param->commitment = get_hash(in);
        return;
    }
    if (shape != (p->t->is_redacted ? 3u : 2u)) cbor_fail(in);
    param->type = get_u32_max(in, UINT32_MAX);
    if (param->type == 0) cbor_fail(in);
    param->value = cbor_get_item(in, 0);
    param->salt = p->t->is_redacted ? get_hash(in) : tx_param_salt(p->t, p->op, index);
    if (in->status == ST_OK) param->commitment = tx_param_commitment(param);
}

static void read_auth(struct pass *p, struct tx_auth *auth, uint32_t index)
{
    struct cbor *in = &p->in;
    cbor_expect_array(in, p->t->is_redacted ? 5 : 4);
    auth->scheme = (uint8_t)cbor_get_uint_max(in, UINT8_MAX);
    auth->key = cbor_get_bytes(in);
    auth->signature = cbor_get_bytes(in);
    if (p->t->is_redacted && cbor_get_null(in)) {
        auth->is_purged = true;
        auth->commitment = get_hash(in);
        return;
    }
    auth->signed_bytes = cbor_get_bytes(in);
    auth->salt = p->t->is_redacted ? get_hash(in) : tx_auth_salt(p->t, p->op, index);
    if (in->status == ST_OK) auth->commitment = tx_auth_commitment(auth);
}
