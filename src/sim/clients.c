/* clients.c - See clients.h. */
#include "sim/clients.h"

#include "base/must.h"
#include "sim/host.h"

#define CLIENT_TXS_MAX 1000000u
#define TABLE_KEY      0x9e3779b97f4a7c15u
#define LOADS_MAX      16u
#define RETRY_US       2000000u

struct load {
    uint64_t hosts;
    uint32_t left;
    uint64_t period_us;
};

struct clients {
    struct arena arena;
    struct client_tx **txs;
    uint32_t count;
    uint32_t room;
    struct idtable index;
    struct secret_key secrets[WORLD_CLIENTS];
    struct public_key keys[WORLD_CLIENTS];
    uint64_t nonce;
    struct load loads[LOADS_MAX];
    uint32_t load_count;
};

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct clients *c = context;
    return c->txs[number]->txid.bytes;
}

struct clients *clients_new(struct world *w)
{
    struct clients *c = mem_alloc_zero(mem_system(), 1, sizeof *c);
    must(c != NULL);
    arena_init(&c->arena, mem_system(), 0);
    idtable_init(&c->index, mem_system(), id_of, c, TABLE_KEY);
    for (uint32_t i = 0; i < WORLD_CLIENTS; i++) {
        c->secrets[i] = keys_secret(w->signer, KEYS_CLIENT, i);
        must(sign_public(w->signer, &c->keys[i], &c->secrets[i]) == ST_OK);
    }
    return c;
}

void clients_free(struct clients *c)
{
    if (c == NULL) return;
    idtable_fini(&c->index);
    mem_free(mem_system(), c->txs);
    arena_fini(&c->arena);
    mem_free(mem_system(), c);
}

static void sign_and_encode(struct world *w, struct tx *tx, struct client_tx *out, bool is_bad)
{
    struct clients *c = w->clients;
    uint32_t client = (uint32_t)(tx->nonce % WORLD_CLIENTS);
    must(tx_hash(tx) == ST_OK);
    must(sign_hash(w->signer, &tx->signatures[0], &c->secrets[client], &tx->txid) == ST_OK);
    if (is_bad) tx->signatures[0].bytes[3] ^= 4u;
    struct buf bytes;
    struct tx decoded;
    buf_init(&bytes, mem_system(), 0);
    tx_encode(tx, &bytes);
    must(buf_status(&bytes) == ST_OK);
    out->bytes = arena_copy(&c->arena, buf_span(&bytes));
    must(out->bytes.data != NULL);
    must(tx_decode(&decoded, &c->arena, out->bytes) == ST_OK);
    out->txid = decoded.txid;
    out->leaf = decoded.leaf;
    buf_fini(&bytes);
}

static void make_tx(struct world *w, const struct tx_wish *wish, struct client_tx *out)
{
    struct clients *c = w->clients;
    struct tx_op op = {.kind = TX_OP_SQL, .text = span_text("INSERT INTO t VALUES (1)")};
    struct signature signature = {{0}};
    if (wish->operation != NULL) op.text = span_text(wish->operation);
    struct tx tx = {.chain_id = w->chain_id, .ledger = span_text("main"), .ops = &op};
    uint64_t wall = WORLD_WALL_MS + w->now_us / 1000;
    if (wish->is_other_chain) tx.chain_id.bytes[0] ^= 1u;
    tx.nonce = c->nonce++ * WORLD_CLIENTS + wish->client % WORLD_CLIENTS;
    tx.signers = &c->keys[tx.nonce % WORLD_CLIENTS];
    tx.signatures = &signature;
    tx.signer_count = 1;
    tx.op_count = 1;
    tx.account = account_id_of(tx.signers);
    tx.valid_until_ms = wall + (wish->valid_ms == 0 ? TX_SPAN_MS_MAX - 5000 : wish->valid_ms);
    tx.valid_until_height = wish->valid_blocks == 0 ? 65000 : wish->valid_blocks;
    memset(tx.secret, (int)(tx.nonce & 0xff), sizeof tx.secret);
    sign_and_encode(w, &tx, out, wish->has_bad_signature);
}

struct client_tx *clients_make(struct world *w, const struct tx_wish *wish)
{
    struct clients *c = w->clients;
    must(c->count < CLIENT_TXS_MAX);
    if (c->count == c->room) {
        c->room = c->room == 0 ? 64 : 2 * c->room;
        c->txs = mem_resize(mem_system(), c->txs, c->room * sizeof(struct client_tx *));
        must(c->txs != NULL);
    }
    struct client_tx *t = arena_alloc_zero(&c->arena, 1, sizeof *t);
    must(t != NULL);
    t->is_good = !wish->has_bad_signature && !wish->is_other_chain;
    if (wish->name != NULL) {
        must(strlen(wish->name) < sizeof t->name);
        memcpy(t->name, wish->name, strlen(wish->name));
    }
    make_tx(w, wish, t);
    c->txs[c->count] = t;
    must(idtable_reserve(&c->index, c->count + 1) == ST_OK);
    idtable_add(&c->index, c->count++);
    return t;
}

struct client_tx *clients_find(struct world *w, const char *name)
{
    for (uint32_t i = 0; i < w->clients->count; i++)
        if (strcmp(w->clients->txs[i]->name, name) == 0) return w->clients->txs[i];
    return NULL;
}

struct client_tx *clients_by_id(struct world *w, const struct hash *txid)
{
    uint32_t number = idtable_find(&w->clients->index, txid->bytes);
    return number == IDTABLE_NONE ? NULL : w->clients->txs[number];
}

bool clients_are_busy(const struct world *w)
{
    for (uint32_t i = 0; i < w->clients->load_count; i++)
        if (w->clients->loads[i].left > 0) return true;
    return false;
}

uint32_t clients_count(const struct world *w)
{
    return w->clients->count;
}

struct client_tx *clients_at(struct world *w, uint32_t number)
{
    must(number < w->clients->count);
    return w->clients->txs[number];
}

uint64_t clients_executed_at(const struct world *w, const struct client_tx *t)
{
    uint64_t height = 0;
    for (uint32_t i = 0; i < w->host_count && height == 0; i++)
        if (w->hosts[i].is_up) height = machine_find(&w->hosts[i].machine, &t->txid);
    return height;
}

bool clients_is_final(const struct client_tx *t, const struct host *h)
{
    uint64_t height = machine_find(&h->machine, &t->txid);
    if (h->core == NULL || consensus_is_final_halted(core_engine(h->core))) return false;
    return height > 0 && height <= host_result_height(h);
}

/* --- handing in ------------------------------------------------------------------------------- */

void clients_submit(struct world *w, const struct client_tx *t, uint32_t host, uint64_t retry_us)
{
    must(host < w->host_count);
    if (w->hosts[host].is_up) host_submit(&w->hosts[host], t->bytes, true);
    if (retry_us == 0) return;
    uint32_t number = idtable_find(&w->clients->index, t->txid.bytes);
    struct event e = {.at_us = w->now_us + retry_us,
                      .kind = HAPPENS_CLIENT,
                      .host = host,
                      .number = number,
                      .life = (uint32_t)(retry_us / 1000)};
    schedule_add(&w->schedule, &e);
}

static bool is_done(const struct world *w, const struct client_tx *t)
{
    for (uint32_t i = 0; i < w->host_count; i++)
        if (host_is_honest(&w->hosts[i]) && clients_is_final(t, &w->hosts[i])) return true;
    return false;
}

static void on_load(struct world *w, struct load *l, const struct event *e)
{
    uint32_t host = (uint32_t)rng_below(&w->rng, w->host_count);
    while ((l->hosts >> host & 1u) == 0)
        host = (host + 1) % w->host_count;
    struct tx_wish wish = {.client = l->left};
    struct client_tx *t = clients_make(w, &wish);
    t->is_tracked = true;
    clients_submit(w, t, host, RETRY_US);
    if (--l->left == 0) return;
    struct event next = *e;
    next.at_us = w->now_us + l->period_us;
    schedule_add(&w->schedule, &next);
}

void clients_on_event(struct world *w, const struct event *e)
{
    if (e->kind == HAPPENS_LOAD) {
        on_load(w, &w->clients->loads[e->number], e);
        return;
    }
    must(e->kind == HAPPENS_CLIENT);
    struct client_tx *t = w->clients->txs[e->number];
    if (is_done(w, t)) return;
    clients_submit(w, t, (e->host + 1) % w->host_count, (uint64_t)e->life * 1000);
}

void clients_load(struct world *w, uint64_t hosts, uint32_t count, uint64_t period_us)
{
    struct clients *c = w->clients;
    uint64_t known = w->host_count == 64 ? HOSTS_MAX : (UINT64_C(1) << w->host_count) - 1;
    must((hosts & known) != 0);
    must(c->load_count < LOADS_MAX);
    if (count == 0) return;
    c->loads[c->load_count] = (struct load){hosts, count, period_us};
    struct event e = {
        .at_us = w->now_us + period_us, .kind = HAPPENS_LOAD, .number = c->load_count++};
    schedule_add(&w->schedule, &e);
}
