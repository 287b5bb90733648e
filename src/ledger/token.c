/* token.c - Encoding and check of login tokens.
 *
 *   token  = [version, chain id, node's scheme, node's key, account's scheme, account's key,
 *             from, until, signature]
 *   signed = H("token" ‖ chain id ‖ u64 scheme ‖ node's key ‖ u64 scheme ‖ account's key ‖
 *              u64 from ‖ u64 until)                                 integers little-endian */
#include "ledger/token.h"

#include "base/hex.h"
#include "base/must.h"
#include "ledger/ledger_int.h"

#define TOKEN_VERSION  1u
#define TOKEN_ITEMS    9u
#define TOKEN_SIZE_MAX (TOKEN_TEXT_MAX / 2u)

static void add_key(struct hasher *h, const struct public_key *key);

struct hash token_hash(const struct token *t)
{
    struct hasher h;
    hash_init(&h, "token");
    hash_add_hash(&h, &t->chain_id);
    add_key(&h, &t->node);
    add_key(&h, &t->account);
    hash_add_u64(&h, t->from_ms);
    hash_add_u64(&h, t->until_ms);
    return hash_final(&h);
}

enum status token_print(struct buf *out, const struct token *t)
{
    uint8_t bytes[TOKEN_SIZE_MAX];
    char text[TOKEN_TEXT_MAX + 1];
    struct buf b;
    buf_init_fixed(&b, bytes, sizeof bytes);
    cbor_put_array(&b, TOKEN_ITEMS);
    cbor_put_uint(&b, TOKEN_VERSION);
    put_hash(&b, &t->chain_id);
    put_key(&b, &t->node);
    put_key(&b, &t->account);
    cbor_put_uint(&b, t->from_ms);
    cbor_put_uint(&b, t->until_ms);
    cbor_put_bytes(&b, span_of(t->sig.bytes, sizeof t->sig.bytes));
    must(buf_status(&b) == ST_OK); /* All its parts are of bounded size. */
    hex_encode(text, buf_span(&b));
    buf_put_text(out, text);
    return buf_status(out);
}

enum status token_parse(struct token *t, struct span text)
{
    uint8_t bytes[TOKEN_SIZE_MAX];
    if (text.size > TOKEN_TEXT_MAX) return ST_LIMIT;
    if (text.size % 2 != 0) return ST_INVALID;
    TRY(hex_decode(bytes, text.size / 2, text));
    struct token got = {0};
    struct cbor in = cbor_of(span_of(bytes, text.size / 2));
    cbor_expect_array(&in, TOKEN_ITEMS);
    if (cbor_get_uint(&in) != TOKEN_VERSION) cbor_fail(&in);
    got.chain_id = get_hash(&in);
    got.node = get_key(&in);
    got.account = get_key(&in);
    got.from_ms = cbor_get_uint(&in);
    got.until_ms = cbor_get_uint(&in);
    cbor_get_fixed(&in, got.sig.bytes, sizeof got.sig.bytes);
    TRY(cbor_end(&in));
    *t = got;
    return ST_OK;
}

enum status token_check(const struct token *t, const struct token_check *against)
{
    if (!hash_equal(&t->chain_id, against->chain_id)) return ST_WRONG_CHAIN;
    if (!public_key_equal(&t->node, against->node)) return ST_DENIED;
    bool is_bounded = t->until_ms >= t->from_ms && t->until_ms - t->from_ms <= TOKEN_LIFE_MS_MAX;
    bool has_begun = t->from_ms <= against->now_ms || t->from_ms - against->now_ms <= TOKEN_SKEW_MS;
    bool has_ended = against->now_ms > t->until_ms && against->now_ms - t->until_ms > TOKEN_SKEW_MS;
    if (!is_bounded || !has_begun || has_ended) return ST_EXPIRED;
    struct hash hash = token_hash(t);
    return sign_verify(against->signer, &t->account, &hash, &t->sig);
}

static void add_key(struct hasher *h, const struct public_key *key)
{
    hash_add_u64(h, key->scheme);
    hash_add(h, span_of(key->bytes, key->size));
}
