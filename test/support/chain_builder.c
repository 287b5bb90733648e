#include "support/chain_builder.h"

#include <stdlib.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "crypto/merkle.h"

#define OPS_MIN    4u
#define PARAMS_MIN 8u
#define FUEL_TX    10000000u
#define ACCOUNTS   4u

struct chain_builder {
    struct arena arena;
    struct signer *signer;
    struct span genesis;
    struct hash chain_id;
    uint32_t account_count;
    enum block_mode mode;
    uint64_t epoch;
    uint64_t skipped_ms;
    uint32_t exec_version;
    uint32_t next_version; /* After the close. */
    bool is_closing;       /* The open block closes its epoch. */
    struct hash next_config;
    struct public_key keys[CHAIN_ACCOUNTS_MAX];
    uint64_t nonce;
    /* The open block. */
    uint64_t height;
    struct hash parent;
    struct merkle_tree history;
    struct tx txs[BLOCK_TXS_MAX];
    uint32_t tx_count;
};

static struct secret_key secret_of(uint32_t number)
{
    struct secret_key secret = {.scheme = SIGN_SECP256K1};
    memset(secret.bytes, 7, sizeof secret.bytes);
    secret.bytes[0] = (uint8_t)number;
    secret.bytes[1] = (uint8_t)(number >> 8);
    secret.bytes[2] = (uint8_t)(number >> 16);
    return secret;
}

struct public_key chain_new_key(struct chain_builder *b, uint32_t number)
{
    struct secret_key secret = secret_of(number);
    struct public_key key;
    must(sign_public(b->signer, &key, &secret) == ST_OK);
    return key;
}

static struct span take(struct chain_builder *b, struct buf *bytes)
{
    must(buf_status(bytes) == ST_OK);
    struct span copy = arena_copy(&b->arena, buf_span(bytes));
    must(copy.data != NULL);
    buf_fini(bytes);
    return copy;
}

static struct span name_of(struct chain_builder *b, uint32_t account)
{
    struct buf name;
    buf_init(&name, mem_system(), 0);
    if (account == 0)
        buf_put_text(&name, "admin");
    else
        buf_printf(&name, "user%u", account);
    return take(b, &name);
}

static struct span organisation_of(struct chain_builder *b, uint32_t index)
{
    struct buf name;
    buf_init(&name, mem_system(), 0);
    buf_printf(&name, "org%u", index);
    return take(b, &name);
}

static struct genesis_member member_of(struct chain_builder *b, uint32_t index)
{
    struct genesis_member member = {.organisation = organisation_of(b, index)};
    struct secret_key node = {.scheme = SIGN_ED25519};
    struct buf name;
    memset(node.bytes, 9 + (int)index, sizeof node.bytes);
    must(sign_public(b->signer, &member.node_key, &node) == ST_OK);
    buf_init(&name, mem_system(), 0);
    buf_printf(&name, "node%u", index);
    member.node_name = take(b, &name);
    return member;
}

static void make_genesis(struct chain_builder *b, const struct chain_options *options)
{
    struct genesis_member members[NODES_MAX];
    const uint32_t validators = options->validators == 0 ? 1 : options->validators;
    struct genesis g = {.chain_name = span_text("test"),
                        .time_ms = CHAIN_TIME_MS,
                        .suite = GENESIS_SUITE_INTL,
                        .exec_version = b->exec_version,
                        .mode = b->mode,
                        .f = options->f,
                        .block_txs_max = BLOCK_TXS_MAX,
                        .batch_age_ms = 10,
                        .fuel_tx = options->fuel_tx == 0 ? FUEL_TX : options->fuel_tx,
                        .params = consensus_params_default(),
                        .members = members,
                        .member_count = validators,
                        .account_count = b->account_count};
    g.accounts = arena_alloc_zero(&b->arena, b->account_count, sizeof *g.accounts);
    must(g.accounts != NULL);
    must(validators <= NODES_MAX);
    for (uint32_t i = 0; i < validators; i++)
        members[i] = member_of(b, i);
    for (uint32_t i = 0; i < b->account_count; i++) {
        b->keys[i] = chain_new_key(b, i);
        g.accounts[i] =
            (struct genesis_account){.name = name_of(b, i),
                                     .key = b->keys[i],
                                     .custodian = span_text(i == 2 ? "org0" : ""),
                                     .is_admin = i < validators,
                                     .organisation = organisation_of(b, i < validators ? i : 0)};
    }
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    genesis_encode(&bytes, &g);
    b->genesis = take(b, &bytes);
}

struct chain_builder *chain_builder_new(const struct chain_options *options)
{
    static const struct chain_options defaults = {0};
    if (options == NULL) options = &defaults;
    struct chain_builder *b = calloc(1, sizeof *b);
    must(b != NULL);
    arena_init(&b->arena, mem_system(), 0);
    static const uint8_t seed[32] = {1};
    must(signer_new(&b->signer, seed) == ST_OK);
    b->account_count = options->account_count == 0 ? ACCOUNTS : options->account_count;
    must(b->account_count <= CHAIN_ACCOUNTS_MAX);
    b->mode = options->mode == 0 ? MODE_BFT : options->mode;
    b->exec_version = options->exec_version == 0 ? 1 : options->exec_version;
    make_genesis(b, options);
    b->chain_id = genesis_chain_id(b->genesis);
    b->parent = b->chain_id;
    b->height = 1;
    return b;
}

void chain_builder_free(struct chain_builder *b)
{
    if (b == NULL) return;
    signer_free(b->signer);
    arena_fini(&b->arena);
    free(b);
}

struct span chain_genesis(const struct chain_builder *b)
{
    return b->genesis;
}

const struct hash *chain_id(const struct chain_builder *b)
{
    return &b->chain_id;
}

const struct signer *chain_signer(const struct chain_builder *b)
{
    return b->signer;
}

const struct public_key *chain_key(const struct chain_builder *b, uint32_t account)
{
    must(account < b->account_count);
    return &b->keys[account];
}

void chain_tx(struct chain_builder *b, uint32_t account, const char *sql)
{
    struct tx *tx = chain_tx_begin(b, account);
    (void)chain_op(b, tx, sql);
    (void)chain_tx_end(b, tx);
}

struct tx *chain_tx_begin(struct chain_builder *b, uint32_t account)
{
    struct tx *tx = arena_alloc_zero(&b->arena, 1, sizeof *tx);
    must(tx != NULL);
    tx->signers = arena_alloc_zero(&b->arena, TX_SIGNERS_MAX, sizeof *tx->signers);
    tx->signatures = arena_alloc_zero(&b->arena, TX_SIGNERS_MAX, sizeof *tx->signatures);
    must(tx->signers != NULL);
    must(tx->signatures != NULL);
    tx->chain_id = b->chain_id;
    tx->ledger = span_text("main");
    tx->signers[0] = account < b->account_count ? b->keys[account] : chain_new_key(b, account);
    tx->signer_count = 1;
    tx->account = account_id_of(&tx->signers[0]);
    tx->nonce = ++b->nonce;
    tx->valid_until_ms = CHAIN_TIME_MS + b->height * CHAIN_BLOCK_MS + 60000;
    tx->valid_until_height = b->height + 100;
    memset(tx->secret, (int)(b->nonce & 0xff), sizeof tx->secret);
    /* Which secret signs: found again by chain_tx_end. */
    tx->full.bytes[0] = (uint8_t)account;
    tx->full.bytes[1] = (uint8_t)(account >> 8);
    tx->full.bytes[2] = (uint8_t)(account >> 16);
    return tx;
}

/* Arrays double; the arena keeps the old ones until the end. */
static void *grow(struct chain_builder *b, void *items, uint32_t count, uint32_t min, size_t size)
{
    bool is_full = count == 0 || (count >= min && (count & (count - 1)) == 0);
    if (!is_full) return items;
    void *more = arena_alloc_zero(&b->arena, count == 0 ? min : 2 * (size_t)count, size);
    must(more != NULL);
    if (count > 0) memcpy(more, items, count * size);
    return more;
}

struct tx_op *chain_op(struct chain_builder *b, struct tx *tx, const char *sql)
{
    tx->ops = grow(b, tx->ops, tx->op_count, OPS_MIN, sizeof *tx->ops);
    struct tx_op *op = &tx->ops[tx->op_count++];
    op->kind = TX_OP_SQL;
    op->text = arena_copy(&b->arena, span_text(sql));
    must(op->text.data != NULL);
    return op;
}

static void add_param(struct chain_builder *b, struct tx_op *op, const struct sql_value *v)
{
    op->params = grow(b, op->params, op->param_count, PARAMS_MIN, sizeof *op->params);
    struct buf item;
    buf_init(&item, mem_system(), 0);
    sql_value_to_cbor(&item, v);
    struct tx_param *param = &op->params[op->param_count++];
    param->type = (uint32_t)v->type;
    param->value = take(b, &item);
}

void chain_param_int(struct chain_builder *b, struct tx_op *op, enum sql_type type, int64_t value)
{
    add_param(b, op, &(struct sql_value){.type = type, .integer = value});
}

void chain_param_text(struct chain_builder *b, struct tx_op *op, const char *text)
{
    add_param(b, op, &(struct sql_value){.type = SQL_TEXT, .bytes = span_text(text)});
}

void chain_param_bytes(struct chain_builder *b, struct tx_op *op, struct span bytes)
{
    add_param(b, op, &(struct sql_value){.type = SQL_BYTEA, .bytes = bytes});
}

void chain_param_null(struct chain_builder *b, struct tx_op *op, enum sql_type type)
{
    add_param(b, op, &(struct sql_value){.type = type, .is_null = true});
}

const struct tx *chain_tx_end(struct chain_builder *b, struct tx *tx)
{
    must(b->tx_count < BLOCK_TXS_MAX);
    struct secret_key secret =
        secret_of((uint32_t)tx->full.bytes[0] | (uint32_t)tx->full.bytes[1] << 8 |
                  (uint32_t)tx->full.bytes[2] << 16);
    must(tx_hash(tx) == ST_OK);
    must(sign_hash(b->signer, &tx->signatures[0], &secret, &tx->txid) == ST_OK);
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    tx_encode(tx, &bytes);
    struct tx *out = &b->txs[b->tx_count++];
    must(tx_decode(out, &b->arena, take(b, &bytes)) == ST_OK);
    must(hash_equal(&out->txid, &tx->txid));
    return out;
}

static void make_body(struct chain_builder *b, struct chain_block *block, struct buf *out)
{
    struct body body = {.tx_count = block->tx_count};
    struct hash *leaves = arena_alloc(&b->arena, block->tx_count * sizeof *leaves);
    body.txs = arena_alloc(&b->arena, block->tx_count * sizeof *body.txs);
    must(leaves != NULL);
    must(body.txs != NULL);
    for (uint32_t i = 0; i < block->tx_count; i++) {
        leaves[i] = block->txs[i].leaf;
        body.txs[i] = block->txs[i].bytes;
    }
    body_encode(out, &body);
    block->header.tx_root = merkle_root(leaves, block->tx_count);
    block->header.tx_count = block->tx_count;
    block->header.body_size = (uint32_t)out->size;
}

void chain_time_skip(struct chain_builder *b, uint64_t ms)
{
    b->skipped_ms += ms;
}

void chain_epoch_close(struct chain_builder *b,
                       const struct hash *next_config,
                       uint32_t exec_version)
{
    b->is_closing = true;
    b->next_config = *next_config;
    b->next_version = exec_version;
}

static void begin_epoch(struct chain_builder *b)
{
    b->is_closing = false;
    b->next_config = (struct hash){{0}};
    b->exec_version = b->next_version;
    b->epoch++;
}

const struct chain_block *chain_block_end(struct chain_builder *b)
{
    struct chain_block *block = arena_alloc_zero(&b->arena, 1, sizeof *block);
    must(block != NULL);
    block->txs = arena_alloc(&b->arena, b->tx_count * sizeof *block->txs);
    must(block->txs != NULL);
    if (b->tx_count > 0) memcpy(block->txs, b->txs, b->tx_count * sizeof *block->txs);
    block->tx_count = b->tx_count;
    block->header =
        (struct header){.chain_id = b->chain_id,
                        .height = b->height,
                        .parent = b->parent,
                        .epoch = b->epoch,
                        .exec_version = b->exec_version,
                        .history_root = merkle_tree_root(&b->history),
                        .time_ms = CHAIN_TIME_MS + b->skipped_ms + b->height * CHAIN_BLOCK_MS,
                        .mode = b->mode,
                        .flags = b->is_closing ? BLOCK_EPOCH_CLOSE : 0,
                        .next_config_hash = b->next_config};
    struct buf body;
    struct buf header;
    struct buf whole;
    buf_init(&body, mem_system(), 0);
    buf_init(&header, mem_system(), 0);
    buf_init(&whole, mem_system(), 0);
    make_body(b, block, &body);
    header_encode(&header, &block->header);
    block_encode(&whole, buf_span(&header), buf_span(&body));
    block->bytes = take(b, &whole);
    buf_fini(&body);
    buf_fini(&header);
    block->hash = header_hash(&block->header);
    block->in = (struct exec_block){.header = &block->header,
                                    .hash = block->hash,
                                    .txs = block->txs,
                                    .tx_count = block->tx_count};
    struct hash leaf = merkle_leaf(hash_span(&block->hash));
    merkle_tree_add(&b->history, &leaf);
    b->parent = block->hash;
    b->height++;
    b->tx_count = 0;
    if (b->is_closing) begin_epoch(b);
    return block;
}
