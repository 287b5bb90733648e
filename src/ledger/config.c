/* config.c - The configuration of an epoch.
 *
 *   config = [version, epoch, mode, f, p, exec_version, block_txs_max, batch_age_ms, fuel_tx,
 *             params, validator count, [node…]]
 *   node   = [organisation, node name, scheme, key, address, is_barred]
 *
 * A decoded configuration has passed chain_config_check, so the two refuse the same things. */
#include "ledger/config.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define CONFIG_VERSION 1u
#define CONFIG_ITEMS   12u
#define NODE_ITEMS     6u

_Static_assert(CONFIG_NODES_MAX == 2 * NODES_MAX, "as many observers as validators");

static void put_node(struct buf *out, const struct chain_node *n);
static void get_node(struct cbor *in, struct chain_node *n);
static void get_numbers(struct cbor *in, struct chain_config *c);
static void get_nodes(struct cbor *in, struct chain_config *c);
static const char *why_numbers(const struct chain_config *c);
static const char *why_node(const struct chain_config *c, uint32_t index);
static const char *why_pair(const struct chain_node *a, const struct chain_node *b);
static enum status check_nodes(const struct chain_config *c, char *why);
static void say(char *why, const char *text, struct span name);

void chain_config_of_genesis(struct chain_config *out, const struct genesis *g)
{
    must(g->member_count <= NODES_MAX);
    *out = (struct chain_config){.mode = g->mode,
                                 .f = g->f,
                                 .p = g->p,
                                 .exec_version = g->exec_version,
                                 .block_txs_max = g->block_txs_max,
                                 .batch_age_ms = g->batch_age_ms,
                                 .fuel_tx = g->fuel_tx,
                                 .params = g->params,
                                 .validator_count = g->member_count,
                                 .node_count = g->member_count};
    for (uint32_t i = 0; i < g->member_count; i++)
        out->nodes[i] = (struct chain_node){.organisation = g->members[i].organisation,
                                            .node_name = g->members[i].node_name,
                                            .node_key = g->members[i].node_key,
                                            .address = g->members[i].address};
}

void chain_config_encode(struct buf *out, const struct chain_config *c)
{
    must(c->validator_count > 0 && c->validator_count <= c->node_count);
    must(c->node_count <= CONFIG_NODES_MAX);
    cbor_put_array(out, CONFIG_ITEMS);
    cbor_put_uint(out, CONFIG_VERSION);
    cbor_put_uint(out, c->epoch);
    cbor_put_uint(out, c->mode);
    cbor_put_uint(out, c->f);
    cbor_put_uint(out, c->p);
    cbor_put_uint(out, c->exec_version);
    cbor_put_uint(out, c->block_txs_max);
    cbor_put_uint(out, c->batch_age_ms);
    cbor_put_uint(out, c->fuel_tx);
    consensus_params_put(out, &c->params);
    cbor_put_uint(out, c->validator_count);
    cbor_put_array(out, c->node_count);
    for (uint32_t i = 0; i < c->node_count; i++)
        put_node(out, &c->nodes[i]);
}

enum status chain_config_decode(struct chain_config *out, struct arena *a, struct span bytes)
{
    if (bytes.size > CONFIG_BYTES_MAX) return ST_LIMIT;
    struct span copy = arena_copy(a, bytes);
    if (copy.data == NULL && bytes.size > 0) return ST_NO_MEMORY;
    struct chain_config got = {0};
    struct cbor in = cbor_of(copy);
    cbor_expect_array(&in, CONFIG_ITEMS);
    if (cbor_get_uint(&in) != CONFIG_VERSION) cbor_fail(&in);
    get_numbers(&in, &got);
    get_nodes(&in, &got);
    TRY(cbor_end(&in));
    char why[CONFIG_WHY_MAX];
    TRY(chain_config_check(&got, why));
    *out = got;
    return ST_OK;
}

struct hash chain_config_hash(struct span bytes)
{
    return hash_of("config", bytes);
}

struct validators chain_config_validators(const struct chain_config *c)
{
    must(quorum_bounds_hold(c->mode, c->validator_count, c->f, c->p));
    struct validators v = {.mode = c->mode, .f = c->f, .p = c->p, .count = c->validator_count};
    for (uint32_t i = 0; i < c->validator_count; i++) {
        v.keys[i] = c->nodes[i].node_key;
        if (c->nodes[i].is_barred) v.barred |= 1u << i;
    }
    return v;
}

enum status chain_config_check(const struct chain_config *c, char *why)
{
    why[0] = 0;
    const char *text = quorum_why(c->mode, c->validator_count, c->f, c->p);
    if (text == NULL) text = why_numbers(c);
    if (text == NULL) text = consensus_params_why(&c->params);
    if (text == NULL) return check_nodes(c, why);
    say(why, text, (struct span){0});
    return ST_INVALID;
}

uint32_t chain_config_find(const struct chain_config *c, struct span node_name)
{
    for (uint32_t i = 0; i < c->node_count; i++)
        if (span_equal(c->nodes[i].node_name, node_name)) return i;
    return CONFIG_NO_NODE;
}

uint32_t chain_config_find_key(const struct chain_config *c, const struct public_key *key)
{
    for (uint32_t i = 0; i < c->node_count; i++)
        if (public_key_equal(&c->nodes[i].node_key, key)) return i;
    return CONFIG_NO_NODE;
}

static const char *why_numbers(const struct chain_config *c)
{
    if (c->validator_count > c->node_count || c->node_count > CONFIG_NODES_MAX)
        return "a chain has at most 31 validators and 62 nodes";
    if (c->exec_version == 0) return "exec_version is 1 or more";
    if (c->block_txs_max == 0 || c->block_txs_max > BLOCK_TXS_MAX)
        return "block_txs_max is 1 to 65536";
    if (c->batch_age_ms > GENESIS_BATCH_AGE_MS_MAX) return "batch_age_ms is 0 to 60000";
    if (c->fuel_tx == 0) return "fuel_tx is 1 or more";
    return NULL;
}

static enum status check_nodes(const struct chain_config *c, char *why)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        const char *text = why_node(c, i);
        for (uint32_t j = 0; j < i && text == NULL; j++)
            text = why_pair(&c->nodes[i], &c->nodes[j]);
        if (text == NULL) continue;
        say(why, text, c->nodes[i].node_name);
        return ST_INVALID;
    }
    return ST_OK;
}

/* name: of the node it is about, shown when it can be. */
static void say(char *why, const char *text, struct span name)
{
    struct buf out;
    buf_init_fixed(&out, why, CONFIG_WHY_MAX - 1);
    buf_put_text(&out, text);
    if (name_is_formed(name, GENESIS_NAME_MAX)) {
        buf_put_text(&out, ": ");
        buf_put(&out, name);
    }
    must(buf_status(&out) == ST_OK);
    why[out.size] = 0;
}

static const char *why_node(const struct chain_config *c, uint32_t index)
{
    const struct chain_node *n = &c->nodes[index];
    if (!name_is_formed(n->organisation, GENESIS_NAME_MAX))
        return "the name of an organisation is 1 to 63 bytes without control characters";
    if (!name_is_formed(n->node_name, GENESIS_NAME_MAX))
        return "the name of a node is 1 to 63 bytes without control characters";
    if (n->node_key.scheme != SIGN_ED25519 || !public_key_is_formed(&n->node_key))
        return "the key of a node is Ed25519";
    if (n->address.size > 0 && !genesis_address_is_formed(n->address))
        return "an address is host:port";
    if (n->is_barred && index >= c->validator_count) return "an observer cannot be barred";
    return NULL;
}

static const char *why_pair(const struct chain_node *a, const struct chain_node *b)
{
    if (span_equal(a->node_name, b->node_name)) return "two nodes have the same name";
    if (public_key_equal(&a->node_key, &b->node_key)) return "two nodes have the same key";
    return NULL;
}

static void put_node(struct buf *out, const struct chain_node *n)
{
    cbor_put_array(out, NODE_ITEMS);
    cbor_put_text(out, n->organisation);
    cbor_put_text(out, n->node_name);
    put_key(out, &n->node_key);
    cbor_put_text(out, n->address);
    cbor_put_bool(out, n->is_barred);
}

static void get_node(struct cbor *in, struct chain_node *n)
{
    cbor_expect_array(in, NODE_ITEMS);
    n->organisation = cbor_get_text(in);
    n->node_name = cbor_get_text(in);
    n->node_key = get_key(in);
    n->address = cbor_get_text(in);
    n->is_barred = cbor_get_bool(in);
}

static void get_numbers(struct cbor *in, struct chain_config *c)
{
    c->epoch = cbor_get_uint(in);
    uint64_t mode = cbor_get_uint_max(in, MODE_RAFT);
    if (mode < MODE_FAST) cbor_fail(in);
    c->mode = in->status == ST_OK ? (enum block_mode)mode : MODE_BFT;
    c->f = get_u32_max(in, NODES_MAX);
    c->p = get_u32_max(in, NODES_MAX);
    c->exec_version = get_u32_max(in, UINT32_MAX);
    c->block_txs_max = get_u32_max(in, UINT32_MAX);
    c->batch_age_ms = get_u32_max(in, UINT32_MAX);
    c->fuel_tx = cbor_get_uint(in);
    c->params = consensus_params_get(in);
}

static void get_nodes(struct cbor *in, struct chain_config *c)
{
    c->validator_count = get_u32_max(in, NODES_MAX);
    uint64_t count = cbor_get_array(in);
    if (count > CONFIG_NODES_MAX) {
        cbor_fail_with(in, ST_LIMIT);
        return;
    }
    c->node_count = (uint32_t)count;
    for (uint32_t i = 0; i < c->node_count && in->status == ST_OK; i++)
        get_node(in, &c->nodes[i]);
}
