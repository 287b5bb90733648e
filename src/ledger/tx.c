/* tx.c - Encoding of a transaction and the checks on a decoded one. Byte table: tx_decode.c. */
#include "ledger/tx.h"

#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/tx_int.h"

static void encode_op(struct buf *out, const struct tx *t, const struct tx_op *op);
static void encode_param(struct buf *out, const struct tx *t, const struct tx_param *p);
static void encode_auth(struct buf *out, const struct tx *t, const struct tx_auth *auth);

void tx_encode(const struct tx *t, struct buf *out)
{
    must(t->signer_count > 0 && t->signer_count <= TX_SIGNERS_MAX);
    must(t->op_count > 0 && t->op_count <= TX_OPS_MAX);
    cbor_put_array(out, 5);
    cbor_put_uint(out, TX_VERSION);
    tx_encode_envelope(t, out);
    if (t->is_redacted) {
        cbor_put_null(out);
    } else {
        cbor_put_bytes(out, span_of(t->secret, sizeof t->secret));
    }
    cbor_put_array(out, t->op_count);
    for (uint32_t i = 0; i < t->op_count; i++)
        encode_op(out, t, &t->ops[i]);
    cbor_put_array(out, t->signer_count);
    for (uint32_t i = 0; i < t->signer_count; i++)
        cbor_put_bytes(out, span_of(t->signatures[i].bytes, SIGN_SIGNATURE_SIZE));
}

void tx_encode_envelope(const struct tx *t, struct buf *out)
{
    must(t->ledger.size <= TX_LEDGER_MAX);
    must(t->reserved_count <= TX_RESERVED_MAX);
    must(t->idempotency_key.size <= TX_IDEMPOTENCY_MAX);
    uint8_t account[TX_ACCOUNT_SIZE];
    account[0] = t->account.version;
    memcpy(account + 1, t->account.bytes, ACCOUNT_ID_SIZE);
    cbor_put_array(out, 10);
    put_hash(out, &t->chain_id);
    cbor_put_text(out, t->ledger);
    cbor_put_bytes(out, span_of(account, sizeof account));
    cbor_put_uint(out, t->nonce);
    cbor_put_uint(out, t->valid_until_ms);
    cbor_put_uint(out, t->valid_until_height);
    cbor_put_uint(out, t->now_ms);
    cbor_put_array(out, t->reserved_count);
    for (uint32_t i = 0; i < t->reserved_count; i++) {
        cbor_put_array(out, 3);
        cbor_put_uint(out, t->reserved[i].sequence_id);
        cbor_put_uint(out, t->reserved[i].first);
        cbor_put_uint(out, t->reserved[i].count);
    }
    cbor_put_bytes(out, t->idempotency_key);
    cbor_put_array(out, t->signer_count);
    for (uint32_t i = 0; i < t->signer_count; i++) {
        cbor_put_array(out, 2);
        put_key(out, &t->signers[i]);
    }
}

enum status tx_verify(const struct tx *t, const struct signer *signer)
{
    return tx_verify_cached(t, signer, NULL);
}

enum status tx_verify_cached(const struct tx *t,
                             const struct signer *signer,
                             struct key_cache *cache)
{
    must(t->signer_count > 0);
    for (uint32_t i = 0; i < t->signer_count; i++)
        TRY(sign_verify_cached(signer, cache, &t->signers[i], &t->txid, &t->signatures[i]));
    return ST_OK;
}

enum status tx_check_span(const struct tx *t, uint64_t block_time_ms, uint64_t height)
{
    if (t->valid_until_ms < block_time_ms || t->valid_until_height < height) return ST_EXPIRED;
    if (t->valid_until_ms - block_time_ms > TX_SPAN_MS_MAX) return ST_EXPIRED;
    if (t->valid_until_height - height > TX_SPAN_BLOCKS_MAX) return ST_EXPIRED;
    return ST_OK;
}

bool tx_signers_are_distinct(const struct tx *t)
{
    for (uint32_t i = 1; i < t->signer_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (public_key_equal(&t->signers[i], &t->signers[j])) return false;
    return true;
}

static void encode_op(struct buf *out, const struct tx *t, const struct tx_op *op)
{
    must(op->kind >= TX_OP_SQL && op->kind <= TX_OP_MODULE);
    cbor_put_array(out, 4);
    cbor_put_uint(out, op->kind);
    cbor_put_text(out, op->text);
    cbor_put_array(out, op->param_count);
    for (uint32_t i = 0; i < op->param_count; i++)
        encode_param(out, t, &op->params[i]);
    cbor_put_array(out, op->auth_count);
    for (uint32_t i = 0; i < op->auth_count; i++)
        encode_auth(out, t, &op->auths[i]);
}

static void encode_param(struct buf *out, const struct tx *t, const struct tx_param *p)
{
    if (p->is_purged) {
        must(t->is_redacted);
        cbor_put_array(out, 1);
        put_hash(out, &p->commitment);
        return;
    }
    cbor_put_array(out, t->is_redacted ? 3 : 2);
    cbor_put_uint(out, p->type);
    buf_put(out, p->value);
    if (t->is_redacted) put_hash(out, &p->salt);
}

static void encode_auth(struct buf *out, const struct tx *t, const struct tx_auth *auth)
{
    cbor_put_array(out, t->is_redacted ? 5 : 4);
    cbor_put_uint(out, auth->scheme);
    cbor_put_bytes(out, auth->key);
    cbor_put_bytes(out, auth->signature);
    if (auth->is_purged) {
        must(t->is_redacted);
        cbor_put_null(out);
        put_hash(out, &auth->commitment);
        return;
    }
    cbor_put_bytes(out, auth->signed_bytes);
    if (t->is_redacted) put_hash(out, &auth->salt);
}
