/* tx_hash.c - Salts, commitments, the signed hash, and the leaf that blocks name.
 *
 *   salt(op, item)  H("salt" ‖ secret ‖ u32 op ‖ u32 item ‖ u8 kind)   kind 0: parameter, 1: auth
 *   parameter       H("val"  ‖ salt ‖ CBOR [type, value])
 *   auth            H("auth" ‖ salt ‖ signed bytes)
 *   operation       H("op"   ‖ u64 kind ‖ H("text" ‖ text) ‖ u64 parameters ‖ u64 auths
 *                            ‖ commitment of each parameter
 *                            ‖ for each auth: u64 scheme ‖ H("key" ‖ key) ‖ commitment
 *                                             ‖ H("sig" ‖ signature))
 *   txid            H("tx"   ‖ u64 version ‖ H("env" ‖ CBOR envelope)
 *                            ‖ RFC 9162 root over the operations)
 *   leaf            RFC 9162 leaf over txid ‖ H("sigs" ‖ signatures)
 *
 * Integers are little-endian. A value is hidden behind its salt: with salt and value anyone checks
 * the commitment; without the salt even a yes-or-no value cannot be guessed. As the secret gives
 * all salts, whoever purges one value must drop the secret and keep the salts of the others (the
 * redacted form). */
#include "base/endian.h"
#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/tx.h"
#include "ledger/tx_int.h"

#define SALT_PARAM        0u
#define SALT_AUTH         1u

#define RESERVED_SIZE_MAX (1u + 3u * 9u)
#define SIGNER_SIZE_MAX   (1u + 2u + 2u + SIGN_PUBLIC_MAX)
#define ENVELOPE_SIZE_MAX                                                                          \
    (512u + TX_IDEMPOTENCY_MAX + TX_RESERVED_MAX * RESERVED_SIZE_MAX +                             \
     TX_SIGNERS_MAX * SIGNER_SIZE_MAX)

static enum status check_form(const struct tx *t, uint32_t *items);
static enum status check_op(const struct tx_op *op, uint32_t *items);
static struct hash salt_of(const struct tx *t, uint32_t op, uint32_t item, uint8_t kind);
static void commit_op(struct tx *t, uint32_t index);

enum status tx_hash(struct tx *t)
{
    must(!t->is_redacted);
    uint32_t items = 0;
    TRY(check_form(t, &items));
    if (items == 0) memset(t->secret, 0, sizeof t->secret);
    struct merkle_tree ops;
    ops.count = 0;
    for (uint32_t i = 0; i < t->op_count; i++) {
        commit_op(t, i);
        struct hash leaf = tx_op_leaf(&t->ops[i]);
        merkle_tree_add(&ops, &leaf);
    }
    uint8_t bytes[ENVELOPE_SIZE_MAX];
    struct buf envelope;
    buf_init_fixed(&envelope, bytes, sizeof bytes);
    tx_encode_envelope(t, &envelope);
    must(buf_status(&envelope) == ST_OK);
    t->txid = tx_id_of(buf_span(&envelope), &ops);
    return ST_OK;
}

bool tx_secret_is_zero(const struct tx *t)
{
    uint8_t all = 0;
    for (size_t i = 0; i < sizeof t->secret; i++)
        all |= t->secret[i];
    return all == 0;
}

struct hash tx_param_salt(const struct tx *t, uint32_t op, uint32_t item)
{
    return salt_of(t, op, item, SALT_PARAM);
}

struct hash tx_auth_salt(const struct tx *t, uint32_t op, uint32_t item)
{
    return salt_of(t, op, item, SALT_AUTH);
}

struct hash tx_param_commitment(const struct tx_param *p)
{
    uint8_t bytes[8];
    struct buf head;
    buf_init_fixed(&head, bytes, sizeof bytes);
    cbor_put_array(&head, 2);
    cbor_put_uint(&head, p->type);
    must(buf_status(&head) == ST_OK);
    must(!p->is_purged);
    struct hasher h;
    hash_init(&h, "val");
    hash_add_hash(&h, &p->salt);
    hash_add(&h, buf_span(&head));
    hash_add(&h, p->value);
    return hash_final(&h);
}

struct hash tx_auth_commitment(const struct tx_auth *auth)
{
    must(!auth->is_purged);
    struct hasher h;
    hash_init(&h, "auth");
    hash_add_hash(&h, &auth->salt);
    hash_add(&h, auth->signed_bytes);
    return hash_final(&h);
}

struct hash tx_op_leaf(const struct tx_op *op)
{
    must(op->param_count <= TX_PARAMS_MAX);
    must(op->auth_count <= TX_AUTHS_MAX);
    struct hash text = hash_of("text", op->text);
    struct hasher h;
    hash_init(&h, "op");
    hash_add_u64(&h, op->kind);
    hash_add_hash(&h, &text);
    hash_add_u64(&h, op->param_count);
    hash_add_u64(&h, op->auth_count);
    for (uint32_t i = 0; i < op->param_count; i++)
        hash_add_hash(&h, &op->params[i].commitment);
    for (uint32_t i = 0; i < op->auth_count; i++) {
        struct hash key = hash_of("key", op->auths[i].key);
        struct hash signature = hash_of("sig", op->auths[i].signature);
        hash_add_u64(&h, op->auths[i].scheme);
        hash_add_hash(&h, &key);
        hash_add_hash(&h, &op->auths[i].commitment);
        hash_add_hash(&h, &signature);
    }
    struct hash digest = hash_final(&h);
    return merkle_leaf(hash_span(&digest));
}

struct hash tx_id_of(struct span envelope, const struct merkle_tree *ops)
{
    must(ops->count > 0);
    struct hash head = hash_of("env", envelope);
    struct hash root = merkle_tree_root(ops);
    struct hasher h;
    hash_init(&h, "tx");
    hash_add_u64(&h, TX_VERSION);
    hash_add_hash(&h, &head);
    hash_add_hash(&h, &root);
    return hash_final(&h);
}

struct hash tx_leaf_of(const struct tx *t)
{
    must(t->signer_count > 0);
    uint8_t bytes[2 * HASH_SIZE];
    struct hasher h;
    hash_init(&h, "sigs");
    for (uint32_t i = 0; i < t->signer_count; i++)
        hash_add(&h, span_of(t->signatures[i].bytes, SIGN_SIGNATURE_SIZE));
    struct hash signatures = hash_final(&h);
    memcpy(bytes, t->txid.bytes, HASH_SIZE);
    memcpy(bytes + HASH_SIZE, signatures.bytes, HASH_SIZE);
    return merkle_leaf(span_of(bytes, sizeof bytes));
}

static struct hash salt_of(const struct tx *t, uint32_t op, uint32_t item, uint8_t kind)
{
    must(!t->is_redacted);
    uint8_t bytes[sizeof t->secret + 9];
    memcpy(bytes, t->secret, sizeof t->secret);
    put_u32_le(bytes + sizeof t->secret, op);
    put_u32_le(bytes + sizeof t->secret + 4, item);
    bytes[sizeof t->secret + 8] = kind;
    return hash_of("salt", span_of(bytes, sizeof bytes));
}

static void commit_op(struct tx *t, uint32_t index)
{
    must(index < t->op_count);
    struct tx_op *op = &t->ops[index];
    for (uint32_t i = 0; i < op->param_count; i++) {
        op->params[i].salt = tx_param_salt(t, index, i);
        op->params[i].commitment = tx_param_commitment(&op->params[i]);
    }
    for (uint32_t i = 0; i < op->auth_count; i++) {
        op->auths[i].salt = tx_auth_salt(t, index, i);
        op->auths[i].commitment = tx_auth_commitment(&op->auths[i]);
    }
}

/* The rules of tx_decode, on a transaction under construction. items: parameters and auths. */
static enum status check_form(const struct tx *t, uint32_t *items)
{
    if (t->op_count > TX_OPS_MAX || t->signer_count > TX_SIGNERS_MAX) return ST_LIMIT;
    if (t->reserved_count > TX_RESERVED_MAX) return ST_LIMIT;
    if (t->ledger.size > TX_LEDGER_MAX || t->idempotency_key.size > TX_IDEMPOTENCY_MAX)
        return ST_LIMIT;
    if (t->op_count == 0 || t->signer_count == 0) return ST_INVALID;
    if (!name_is_formed(t->ledger, TX_LEDGER_MAX)) return ST_INVALID;
    if (!account_version_is_known(t->account.version)) return ST_INVALID;
    for (uint32_t i = 0; i < t->signer_count; i++)
        if (!public_key_is_formed(&t->signers[i])) return ST_INVALID;
    if (!tx_signers_are_distinct(t)) return ST_INVALID;
    for (uint32_t i = 0; i < t->op_count; i++)
        TRY(check_op(&t->ops[i], items));
    return ST_OK;
}

static enum status check_op(const struct tx_op *op, uint32_t *items)
{
    if (op->param_count > TX_PARAMS_MAX || op->auth_count > TX_AUTHS_MAX) return ST_LIMIT;
    *items += op->param_count + op->auth_count;
    if (*items > TX_ITEMS_MAX) return ST_LIMIT;
    if (op->kind < TX_OP_SQL || op->kind > TX_OP_MODULE) return ST_INVALID;
    if (!utf8_valid(op->text)) return ST_INVALID;
    for (uint32_t i = 0; i < op->param_count; i++) {
        struct cbor value = cbor_of(op->params[i].value);
        (void)cbor_get_item(&value, 0);
        TRY(cbor_end(&value));
        if (op->params[i].type == 0 || op->params[i].is_purged) return ST_INVALID;
    }
    for (uint32_t i = 0; i < op->auth_count; i++)
        if (op->auths[i].is_purged) return ST_INVALID;
    return ST_OK;
}
