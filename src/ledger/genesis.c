/* genesis.c - The first configuration of a chain.
 *
 *   genesis = [version, chain name, time_ms, suite, exec_version, mode, f, p, block_txs_max,
 *              batch_age_ms, fuel_tx, params, [member…], [account…]]
 *   member  = [organisation, node name, scheme, key, address]
 *   account = [name, scheme, key, custodian, is_admin, organisation]
 */
#include "ledger/genesis.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define GENESIS_VERSION    1u
#define GENESIS_BYTES_MAX  (1u << 20)
#define GENESIS_ITEMS      14u
#define EXEC_VERSION_FIRST 1u

static void put_member(struct buf *out, const struct genesis_member *m);
static void get_member(struct cbor *in, struct genesis_member *m);
static void put_account(struct buf *out, const struct genesis_account *account);
static void get_account(struct cbor *in, struct genesis_account *account);
static void get_parameters(struct cbor *in, struct genesis *g);
static bool host_is_formed(struct span host);
static bool port_is_formed(struct span port);
static bool members_are_distinct(const struct genesis *g);
static bool accounts_are_distinct(const struct genesis *g);

void genesis_encode(struct buf *out, const struct genesis *g)
{
    must(g->member_count <= NODES_MAX);
    must(g->account_count <= GENESIS_ACCOUNTS_MAX);
    cbor_put_array(out, GENESIS_ITEMS);
    cbor_put_uint(out, GENESIS_VERSION);
    cbor_put_text(out, g->chain_name);
    cbor_put_uint(out, g->time_ms);
    cbor_put_uint(out, g->suite);
    cbor_put_uint(out, g->exec_version);
    cbor_put_uint(out, g->mode);
    cbor_put_uint(out, g->f);
    cbor_put_uint(out, g->p);
    cbor_put_uint(out, g->block_txs_max);
    cbor_put_uint(out, g->batch_age_ms);
    cbor_put_uint(out, g->fuel_tx);
    consensus_params_put(out, &g->params);
    cbor_put_array(out, g->member_count);
    for (uint32_t i = 0; i < g->member_count; i++)
        put_member(out, &g->members[i]);
    cbor_put_array(out, g->account_count);
    for (uint32_t i = 0; i < g->account_count; i++)
        put_account(out, &g->accounts[i]);
}

enum status genesis_decode(struct genesis *g, struct arena *a, struct span bytes)
{
    if (bytes.size > GENESIS_BYTES_MAX) return ST_LIMIT;
    struct genesis got = {0};
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, GENESIS_ITEMS);
    if (cbor_get_uint(&in) != GENESIS_VERSION) cbor_fail(&in);
    get_parameters(&in, &got);
    void *items;
    got.member_count = get_items(&in, a, &items, sizeof *got.members, NODES_MAX);
    got.members = items;
    for (uint32_t i = 0; i < got.member_count && in.status == ST_OK; i++)
        get_member(&in, &got.members[i]);
    got.account_count = get_items(&in, a, &items, sizeof *got.accounts, GENESIS_ACCOUNTS_MAX);
    got.accounts = items;
    for (uint32_t i = 0; i < got.account_count && in.status == ST_OK; i++)
        get_account(&in, &got.accounts[i]);
    TRY(cbor_end(&in));
    if (!quorum_bounds_hold(got.mode, got.member_count, got.f, got.p)) return ST_INVALID;
    if (!members_are_distinct(&got) || !accounts_are_distinct(&got)) return ST_INVALID;
    must(got.member_count > 0);
    *g = got;
    return ST_OK;
}

struct hash genesis_chain_id(struct span bytes)
{
    return hash_of("genesis", bytes);
}

struct validators genesis_validators(const struct genesis *g)
{
    must(g->member_count <= NODES_MAX);
    must(quorum_bounds_hold(g->mode, g->member_count, g->f, g->p));
    struct validators v = {.mode = g->mode, .f = g->f, .p = g->p, .count = g->member_count};
    for (uint32_t i = 0; i < g->member_count; i++)
        v.keys[i] = g->members[i].node_key;
    return v;
}

bool genesis_address_is_formed(struct span address)
{
    if (address.size == 0 || address.size > GENESIS_ADDRESS_MAX) return false;
    size_t colon = address.size;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    if (colon == 0) return false;
    return host_is_formed(span_of(address.data, colon - 1)) &&
           port_is_formed(span_of(address.data + colon, address.size - colon));
}

static bool is_hex_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The characters are right; whether the host exists is found out when it is dialled. */
static bool host_is_formed(struct span host)
{
    bool is_v6 = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    if (is_v6) host = span_of(host.data + 1, host.size - 2);
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool is_good = is_v6 ? is_hex_digit(c) || c == ':' || c == '.'
                             : is_hex_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_';
        if (!is_good) return false;
    }
    return host.size > 0;
}

static bool port_is_formed(struct span port)
{
    uint32_t number = 0;
    if (port.size == 0 || port.size > 5 || port.data[0] == '0') return false;
    for (size_t i = 0; i < port.size; i++) {
        if (port.data[i] < '0' || port.data[i] > '9') return false;
        number = number * 10 + (uint32_t)(port.data[i] - '0');
    }
    return number <= UINT16_MAX;
}

static void get_parameters(struct cbor *in, struct genesis *g)
{
    g->chain_name = get_name(in, GENESIS_NAME_MAX);
    g->time_ms = cbor_get_uint(in);
    g->suite = get_u32_max(in, GENESIS_SUITE_INTL);
    g->exec_version = get_u32_max(in, UINT32_MAX);
    uint64_t mode = cbor_get_uint_max(in, MODE_RAFT);
    if (mode < MODE_FAST) {
        cbor_fail(in);
        mode = MODE_FAST;
    }
    g->mode = (enum block_mode)mode;
    g->f = get_u32_max(in, NODES_MAX);
    g->p = get_u32_max(in, NODES_MAX);
    g->block_txs_max = get_u32_max(in, BLOCK_TXS_MAX);
    g->batch_age_ms = get_u32_max(in, GENESIS_BATCH_AGE_MS_MAX);
    g->fuel_tx = cbor_get_uint(in);
    g->params = consensus_params_get(in);
    if (g->suite != GENESIS_SUITE_INTL || g->exec_version < EXEC_VERSION_FIRST) cbor_fail(in);
    if (g->block_txs_max == 0 || g->fuel_tx == 0) cbor_fail(in);
}

static void put_member(struct buf *out, const struct genesis_member *m)
{
    cbor_put_array(out, 5);
    cbor_put_text(out, m->organisation);
    cbor_put_text(out, m->node_name);
    put_key(out, &m->node_key);
    cbor_put_text(out, m->address);
}

static void get_member(struct cbor *in, struct genesis_member *m)
{
    cbor_expect_array(in, 5);
    m->organisation = get_name(in, GENESIS_NAME_MAX);
    m->node_name = get_name(in, GENESIS_NAME_MAX);
    m->node_key = get_key(in);
    if (m->node_key.scheme != SIGN_ED25519) cbor_fail(in);
    m->address = get_text_max(in, GENESIS_ADDRESS_MAX);
    if (m->address.size > 0 && !genesis_address_is_formed(m->address)) cbor_fail(in);
}

static void put_account(struct buf *out, const struct genesis_account *account)
{
    cbor_put_array(out, 6);
    cbor_put_text(out, account->name);
    put_key(out, &account->key);
    cbor_put_text(out, account->custodian);
    cbor_put_bool(out, account->is_admin);
    cbor_put_text(out, account->organisation);
}

static void get_account(struct cbor *in, struct genesis_account *account)
{
    cbor_expect_array(in, 6);
    account->name = get_name(in, GENESIS_NAME_MAX);
    account->key = get_key(in);
    account->custodian = get_text_max(in, GENESIS_NAME_MAX);
    if (account->custodian.size > 0 && !name_is_formed(account->custodian, GENESIS_NAME_MAX))
        cbor_fail(in);
    account->is_admin = cbor_get_bool(in);
    account->organisation = get_name(in, GENESIS_NAME_MAX);
}

static bool members_are_distinct(const struct genesis *g)
{
    for (uint32_t i = 1; i < g->member_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (span_equal(g->members[i].node_name, g->members[j].node_name) ||
                public_key_equal(&g->members[i].node_key, &g->members[j].node_key))
                return false;
    return true;
}

static bool accounts_are_distinct(const struct genesis *g)
{
    for (uint32_t i = 1; i < g->account_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (span_equal(g->accounts[i].name, g->accounts[j].name) ||
                public_key_equal(&g->accounts[i].key, &g->accounts[j].key))
                return false;
    return true;
}
