/* machine.c - See machine.h. */
#include "sim/machine.h"

#include "base/must.h"

#define TABLE_KEY 0x9e3779b97f4a7c15u

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct machine *m = context;
    return m->txs[number].txid.bytes;
}

static void add_epoch(struct machine *m, struct span bytes, uint64_t base, uint64_t decided);
static void consider(struct machine *m, const struct tx *tx);
static void bar_convicted(struct machine *m, uint32_t convicted);

void machine_init(struct machine *m,
                  struct mem *mem,
                  const struct genesis *genesis,
                  const struct machine_keys *keys)
{
    *m = (struct machine){.mem = mem, .keys = *keys};
    struct chain_config *first = mem_alloc_zero(mem, 1, sizeof *first);
    struct buf bytes;
    must(first != NULL);
    arena_init(&m->arena, mem, 0);
    buf_init(&m->pending, mem, 0);
    buf_init(&bytes, mem, 0);
    chain_config_of_genesis(first, genesis);
    chain_config_encode(&bytes, first);
    add_epoch(m, buf_span(&bytes), 0, 0);
    buf_fini(&bytes);
    mem_free(mem, first);
    m->digests[0] = hash_of("sim-genesis", span_of(NULL, 0));
    idtable_init(&m->index, mem, id_of, m, TABLE_KEY);
}

void machine_fini(struct machine *m)
{
    idtable_fini(&m->index);
    for (uint32_t i = 0; i < m->epoch_count; i++)
        buf_fini(&m->epochs[i].bytes);
    buf_fini(&m->pending);
    arena_fini(&m->arena);
    if (m->mem != NULL) mem_free(m->mem, m->txs);
    *m = (struct machine){0};
}

static void note_tx(struct machine *m, const struct hash *txid, uint64_t height)
{
    if (idtable_find(&m->index, txid->bytes) != IDTABLE_NONE) {
        m->has_repeated = true;
        return;
    }
    if (m->tx_count == m->tx_room) {
        m->tx_room = m->tx_room == 0 ? 64 : 2 * m->tx_room;
        m->txs = mem_resize(m->mem, m->txs, m->tx_room * sizeof *m->txs);
        must(m->txs != NULL);
    }
    must(idtable_reserve(&m->index, m->tx_count + 1) == ST_OK);
    m->txs[m->tx_count] = (struct machine_tx){.txid = *txid, .height = height};
    idtable_add(&m->index, m->tx_count++);
}

enum status machine_apply(struct machine *m, struct flow_block *b)
{
    must(b->header.height == m->height + 1);
    bool is_false = m->false_from > 0 && b->header.height >= m->false_from;
    struct hasher h;
    hash_init(&h, is_false ? "sim-false" : "sim-writes");
    for (uint32_t i = 0; i < b->tx_count; i++) {
        note_tx(m, &b->txids[i], b->header.height);
        hash_add_hash(&h, &b->txids[i]);
        consider(m, &b->views[i]);
    }
    hash_add(&h, buf_span(&m->pending));
    struct exec_outcome *o = &b->outcome;
    o->result = (struct block_result){
        .height = b->header.height, .block_hash = b->hash, .writeset_root = hash_final(&h)};
    o->digest_before = machine_digest(m);
    struct hash own = block_result_digest(&o->result);
    o->digest = digest_fold(&o->digest_before, &own);
    o->record = hash_span(&o->digest);
    o->tx_count = 0;
    m->height++;
    m->digests[m->height % CONSENSUS_LAG_MAX] = o->digest;
    struct hash leaf = merkle_leaf(hash_span(&b->hash));
    merkle_tree_add(&m->history, &leaf);
    if (b->tx_count > 0) m->last_txs_height = m->height;
    (void)mode_step(&m->mode, &b->facts, NULL);
    bar_convicted(m, b->facts.convicted & ~b->facts.diverged);
    if (b->header.flags & BLOCK_EPOCH_CLOSE) {
        if (m->pending.size == 0) return ST_CORRUPT;
        add_epoch(m, buf_span(&m->pending), m->height, m->pending_from);
        buf_reset(&m->pending);
        m->convicted = 0;
    }
    o->next_config = buf_span(&m->pending);
    return ST_OK;
}

/* --- epochs ----------------------------------------------------------------------------------- */

static void begin_mode(struct machine *m, struct span bytes, uint64_t base)
{
    struct chain_config *config = mem_alloc(m->mem, sizeof *config);
    must(config != NULL);
    must(chain_config_decode(config, &m->arena, bytes) == ST_OK);
    struct validators v = chain_config_validators(config);
    struct mode_rules rules = mode_rules_of(&v, &config->params);
    mode_begin(&m->mode, &rules, base + 1);
    mem_free(m->mem, config);
    arena_reset(&m->arena);
}

static void add_epoch(struct machine *m, struct span bytes, uint64_t base, uint64_t decided)
{
    must(m->epoch_count < MACHINE_EPOCHS_MAX);
    struct machine_epoch *e = &m->epochs[m->epoch_count++];
    e->base = base;
    e->decided = decided;
    buf_init(&e->bytes, m->mem, 0);
    buf_put(&e->bytes, bytes);
    must(buf_status(&e->bytes) == ST_OK);
    begin_mode(m, bytes, base);
}

/* The first decision stands; what comes before its epoch begins does nothing. */
static void consider(struct machine *m, const struct tx *tx)
{
    const struct tx_op *op = &tx->ops[0];
    if (tx->op_count == 0 || op->kind != TX_OP_SQL || !decision_is_one(op->text)) return;
    if (m->pending.size > 0 || m->epoch_count == MACHINE_EPOCHS_MAX) return;
    struct chain_config *config = mem_alloc(m->mem, sizeof *config);
    must(config != NULL);
    struct span now = buf_span(&m->epochs[m->epoch_count - 1].bytes);
    must(chain_config_decode(config, &m->arena, now) == ST_OK);
    if (decision_apply(config, &m->arena, op->text, m->keys.keys, m->keys.count))
        chain_config_encode(&m->pending, config);
    m->pending_from = m->height + 1;
    must(buf_status(&m->pending) == ST_OK);
    mem_free(m->mem, config);
    arena_reset(&m->arena);
}

struct span machine_next_config(const struct machine *m, uint64_t epoch, uint64_t *decided)
{
    *decided = m->pending_from;
    if (epoch + 1 == m->epoch_count) return buf_span(&m->pending);
    must(epoch + 1 < m->epoch_count);
    *decided = m->epochs[epoch + 1].decided;
    return buf_span(&m->epochs[epoch + 1].bytes);
}

/* Who was convicted in this epoch and may still lead does not in the next. */
static void bar_convicted(struct machine *m, uint32_t convicted)
{
    m->convicted |= convicted;
    if (m->convicted == 0 || m->pending.size > 0 || m->epoch_count == MACHINE_EPOCHS_MAX) return;
    struct chain_config *config = mem_alloc(m->mem, sizeof *config);
    must(config != NULL);
    struct span now = buf_span(&m->epochs[m->epoch_count - 1].bytes);
    must(chain_config_decode(config, &m->arena, now) == ST_OK);
    for (uint32_t i = 0; i < config->validator_count; i++)
        if (m->convicted >> i & 1u) config->nodes[i].is_barred = true;
    config->epoch++;
    chain_config_encode(&m->pending, config);
    must(buf_status(&m->pending) == ST_OK);
    m->pending_from = m->height;
    mem_free(m->mem, config);
    arena_reset(&m->arena);
}

enum status machine_config(const struct machine *m, uint64_t epoch, struct buf *out, uint64_t *base)
{
    if (epoch >= m->epoch_count) return ST_NOT_FOUND;
    buf_put(out, buf_span(&m->epochs[epoch].bytes));
    *base = m->epochs[epoch].base;
    return buf_status(out);
}

struct hash machine_digest(const struct machine *m)
{
    return m->digests[m->height % CONSENSUS_LAG_MAX];
}

uint64_t machine_find(const struct machine *m, const struct hash *txid)
{
    uint32_t number = idtable_find(&m->index, txid->bytes);
    return number == IDTABLE_NONE ? 0 : m->txs[number].height;
}
