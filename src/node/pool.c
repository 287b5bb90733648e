/* Entries in an array, in a list by arrival, and in two tables: by id and by leaf.
 *
 * I1 a transaction is here, or its id is in the span, never both.
 * I2 both tables hold exactly the entries in use.
 * I3 every entry before `oldest` in the list is marked; oldest itself is not.
 * I4 marked_count entries are marked; the others wait. */
#include "node/pool.h"

#include "base/idtable.h"
#include "base/must.h"

#define NONE           UINT32_MAX
#define ENTRIES_MIN    1024u
#define SWEEP_MAX      512u /* Entries looked at in one pool_sweep. */
#define ORIGIN_LOCAL   FLOW_PLACES
#define ORIGIN_BLOCK   (FLOW_PLACES + 1u) /* Came with a block alone. */
#define ORIGINS        (FLOW_PLACES + 2u)
#define PEERS_TXS_MAX  (POOL_TXS_MAX - POOL_TXS_MAX / POOL_SHARE)
#define PEERS_SIZE_MAX (POOL_BYTES_MAX - POOL_BYTES_MAX / POOL_SHARE)

struct pool_entry {
    struct flow_tx *t; /* Null: free; next leads to the next free one. */
    uint32_t previous; /* Nearer to the oldest. */
    uint32_t next;
    uint32_t marks; /* Blocks under way that hold it. */
    uint32_t origin;
    uint64_t seq; /* By arrival. */
    uint64_t arrived_ms;
    bool was_visited;
};

struct pool_usage {
    uint32_t count;
    size_t bytes;
};

struct pool {
    struct mem *mem;
    struct hash chain_id;
    struct txset *span;
    struct idtable by_id;
    struct idtable by_leaf;
    struct pool_entry *entries;
    uint32_t capacity;
    uint32_t free; /* First free entry. */
    uint32_t first;
    uint32_t last;
    uint32_t oldest; /* The oldest that waits. */
    uint32_t sweep;  /* Where the next sweep goes on. */
    uint32_t marked_count;
    uint64_t next_seq;
    struct pool_usage used[ORIGINS];
    bool forgets_ids;
};

static enum status check(struct pool *p,
                         struct flow_tx *t,
                         const struct pool_tip *tip,
                         struct diag *d);
static enum status grow(struct pool *p, uint32_t count);
static uint32_t append(struct pool *p, struct flow_tx *t, uint32_t origin, uint64_t mono_ms);
static struct flow_tx *remove_entry(struct pool *p, uint32_t number);
static bool has_room(const struct pool *p, uint32_t origin, size_t size);

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct pool *p = context;
    return p->entries[number].t->tx.txid.bytes;
}

static const uint8_t *leaf_of(const void *context, uint32_t number)
{
    const struct pool *p = context;
    return p->entries[number].t->tx.leaf.bytes;
}

/* --- life ------------------------------------------------------------------------------------- */

enum status pool_new(struct pool **out, struct mem *mem, const struct hash *chain_id, uint64_t key)
{
    struct pool *p = mem_alloc_zero(mem, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    p->mem = mem;
    p->chain_id = *chain_id;
    p->free = p->first = p->last = p->oldest = p->sweep = NONE;
    idtable_init(&p->by_id, mem, id_of, p, key);
    idtable_init(&p->by_leaf, mem, leaf_of, p, key);
    enum status st = txset_new(&p->span, mem, key);
    if (st == ST_OK) st = grow(p, ENTRIES_MIN);
    if (st != ST_OK) {
        pool_free(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

void pool_free(struct pool *p)
{
    if (p == NULL) return;
    for (struct flow_tx *t = pool_drain(p); t != NULL; t = pool_drain(p))
        flow_tx_free(t);
    idtable_fini(&p->by_id);
    idtable_fini(&p->by_leaf);
    txset_free(p->span);
    mem_free(p->mem, p->entries);
    mem_free(p->mem, p);
}

void pool_forget_ids(struct pool *p)
{
    p->forgets_ids = true;
}

/* Room for count entries. */
static enum status grow(struct pool *p, uint32_t count)
{
    uint32_t capacity = p->capacity == 0 ? ENTRIES_MIN : p->capacity;
    while (capacity < count)
        capacity *= 2;
    if (capacity == p->capacity) return ST_OK;
    TRY(idtable_reserve(&p->by_id, capacity));
    TRY(idtable_reserve(&p->by_leaf, capacity));
    struct pool_entry *entries = mem_resize(p->mem, p->entries, capacity * sizeof *entries);
    if (entries == NULL) return ST_NO_MEMORY;
    for (uint32_t i = capacity; i > p->capacity; i--) {
        entries[i - 1] = (struct pool_entry){.next = p->free};
        p->free = i - 1;
    }
    p->entries = entries;
    p->capacity = capacity;
    return ST_OK;
}

/* --- the list --------------------------------------------------------------------------------- */

static uint32_t total(const struct pool *p)
{
    must(p->by_id.count == p->by_leaf.count); /* I2 */
    return p->by_id.count;
}

static uint32_t origin_of(const struct flow_tx *t)
{
    if (t->source == FLOW_PEER) return t->peer % FLOW_PLACES;
    return t->source == FLOW_BODY ? ORIGIN_BLOCK : ORIGIN_LOCAL;
}

/* The first entry from number on that is not marked. */
static uint32_t unmarked_from(const struct pool *p, uint32_t number)
{
    while (number != NONE && p->entries[number].marks > 0)
        number = p->entries[number].next;
    return number;
}

static uint32_t append(struct pool *p, struct flow_tx *t, uint32_t origin, uint64_t mono_ms)
{
    uint32_t number = p->free;
    must(number != NONE); /* grow has been called. */
    p->free = p->entries[number].next;
    p->entries[number] = (struct pool_entry){.t = t,
                                             .previous = p->last,
                                             .next = NONE,
                                             .origin = origin,
                                             .seq = p->next_seq++,
                                             .arrived_ms = mono_ms};
    if (p->last == NONE)
        p->first = number;
    else
        p->entries[p->last].next = number;
    p->last = number;
    if (p->oldest == NONE) p->oldest = number;
    p->used[origin].count++;
    p->used[origin].bytes += t->size;
    idtable_add(&p->by_id, number);
    idtable_add(&p->by_leaf, number);
    return number;
}

static struct flow_tx *remove_entry(struct pool *p, uint32_t number)
{
    struct pool_entry *e = &p->entries[number];
    struct flow_tx *t = e->t;
    must(t != NULL);
    idtable_remove(&p->by_id, t->tx.txid.bytes);
    idtable_remove(&p->by_leaf, t->tx.leaf.bytes);
    if (e->marks > 0) p->marked_count--;
    if (p->oldest == number) p->oldest = unmarked_from(p, e->next);
    if (p->sweep == number) p->sweep = e->next;
    if (e->previous == NONE)
        p->first = e->next;
    else
        p->entries[e->previous].next = e->next;
    if (e->next == NONE)
        p->last = e->previous;
    else
        p->entries[e->next].previous = e->previous;
    must(p->used[e->origin].count > 0);
    must(p->used[e->origin].bytes >= t->size);
    p->used[e->origin].count--;
    p->used[e->origin].bytes -= t->size;
    *e = (struct pool_entry){.next = p->free};
    p->free = number;
    must(p->marked_count <= total(p)); /* I4 */
    return t;
}

/* --- what comes in ---------------------------------------------------------------------------- */

static bool has_room(const struct pool *p, uint32_t origin, size_t size)
{
    struct pool_usage peers = {0};
    for (uint32_t i = 0; i < FLOW_PLACES; i++) {
        peers.count += p->used[i].count;
        peers.bytes += p->used[i].bytes;
    }
    uint32_t count = peers.count + p->used[ORIGIN_LOCAL].count;
    size_t bytes = peers.bytes + p->used[ORIGIN_LOCAL].bytes;
    if (count >= POOL_TXS_MAX || size > POOL_BYTES_MAX - bytes) return false;
    if (origin == ORIGIN_LOCAL) return true;
    const struct pool_usage *own = &p->used[origin];
    if (own->count >= POOL_TXS_MAX / POOL_SHARE) return false;
    if (own->bytes + size > POOL_BYTES_MAX / POOL_SHARE) return false;
    return peers.count < PEERS_TXS_MAX && peers.bytes + size <= PEERS_SIZE_MAX;
}

static enum status refuse_known(struct pool *p, struct flow_tx *t, struct diag *d)
{
    uint64_t height = txset_find(p->span, &t->tx.txid);
    uint32_t number = idtable_find(&p->by_id, t->tx.txid.bytes);
    if (height == 0 && number == IDTABLE_NONE) return ST_OK;
    if (height == 0 && p->entries[number].t->ticket == NULL && t->ticket != NULL) {
        struct flow_tx *known = p->entries[number].t;
        known->ticket = t->ticket;
        known->wants_rows = t->wants_rows;
        t->ticket = NULL;
        return ST_EXISTS;
    }
    diag_set(d, "TQ003", "the transaction is known already");
    if (height > 0)
        diag_detail(d, "It is in block %llu.", (unsigned long long)height);
    else
        diag_detail(d, "It waits for a block.");
    diag_hint(d, "Its result is in trustsql.transactions; sign with a new nonce to repeat it.");
    return ST_DUPLICATE;
}

static enum status check(struct pool *p,
                         struct flow_tx *t,
                         const struct pool_tip *tip,
                         struct diag *d)
{
    if (!hash_equal(&t->tx.chain_id, &p->chain_id)) {
        diag_set(d, "TQ001", "the transaction is made for another chain");
        diag_hint(d, "Sign it again with the chain id that `trustsql status` shows.");
        return ST_WRONG_CHAIN;
    }
    if (tx_check_span(&t->tx, tip->time_ms, tip->height) != ST_OK) {
        diag_set(d, "TQ002", "the transaction is outside its span of validity");
        diag_detail(
            d, "It may be included for at most 10 minutes and 65,536 blocks, until its own limit.");
        diag_hint(d, "Sign it again; check the clock of the signing machine.");
        return ST_EXPIRED;
    }
    return refuse_known(p, t, d);
}

enum status pool_add(struct pool *p, struct flow_tx *t, const struct pool_tip *tip, struct diag *d)
{
    TRY(check(p, t, tip, d));
    uint32_t origin = origin_of(t);
    must(origin != ORIGIN_BLOCK);
    if (!has_room(p, origin, t->size) || grow(p, total(p) + 1) != ST_OK) {
        diag_set(d, "53400", "too many transactions are waiting");
        diag_hint(d, "Try again in a moment.");
        return ST_BUSY;
    }
    (void)append(p, t, origin, tip->mono_ms);
    return ST_OK;
}

/* --- looking ---------------------------------------------------------------------------------- */

uint32_t pool_waiting(const struct pool *p)
{
    return total(p) - p->marked_count; /* I4 */
}

uint64_t pool_oldest_ms(const struct pool *p)
{
    if (p->oldest == NONE) return 0;
    must(p->entries[p->oldest].marks == 0); /* I3 */
    return p->entries[p->oldest].arrived_ms;
}

struct flow_tx *pool_find_leaf(const struct pool *p, const struct hash *leaf)
{
    uint32_t number = idtable_find(&p->by_leaf, leaf->bytes);
    return number == IDTABLE_NONE ? NULL : p->entries[number].t;
}

uint64_t pool_final_height_of(const struct pool *p, const struct hash *txid)
{
    return txset_find(p->span, txid);
}

bool pool_is_marked(const struct pool *p, const struct hash *txid)
{
    uint32_t number = idtable_find(&p->by_id, txid->bytes);
    return number != IDTABLE_NONE && p->entries[number].marks > 0;
}

uint32_t pool_take(struct pool *p, struct flow_tx **out, const struct pool_take *take)
{
    uint32_t count = 0;
    size_t bytes = 0;
    uint32_t number = p->forgets_ids ? p->first : p->oldest;
    for (; number != NONE && count < take->count_max; number = p->entries[number].next) {
        const struct pool_entry *e = &p->entries[number];
        if (e->marks > 0 && !p->forgets_ids) continue;
        if (tx_check_span(&e->t->tx, take->tip.time_ms, take->tip.height) != ST_OK) continue;
        if (count > 0 && e->t->size > take->bytes_max - bytes) break;
        out[count++] = flow_tx_ref(e->t);
        bytes += e->t->size;
        if (bytes >= take->bytes_max) break;
    }
    return count;
}

void pool_visit(struct pool *p, const struct pool_visit *v)
{
    for (uint32_t number = p->oldest; number != NONE; number = p->entries[number].next) {
        struct pool_entry *e = &p->entries[number];
        if (v->is_late && e->arrived_ms > v->late_ms) return;
        if (e->marks > 0 || (v->is_late && e->was_visited)) continue;
        if (!v->visit(v->context, e->t)) return;
        if (v->is_late) e->was_visited = true;
    }
}

void pool_visit_again(struct pool *p)
{
    for (uint32_t number = p->first; number != NONE; number = p->entries[number].next)
        p->entries[number].was_visited = false;
}

/* --- blocks ----------------------------------------------------------------------------------- */

enum status pool_mark(struct pool *p, const struct flow_block *b, uint64_t mono_ms)
{
    TRY(grow(p, total(p) + b->tx_count));
    for (uint32_t i = 0; i < b->tx_count; i++) {
        uint32_t number = idtable_find(&p->by_id, b->txids[i].bytes);
        if (number == IDTABLE_NONE) {
            if (txset_find(p->span, &b->txids[i]) > 0) continue; /* Only with the fault. I1 */
            number = append(p, flow_tx_ref(b->txs[i]), ORIGIN_BLOCK, mono_ms);
        }
        struct pool_entry *e = &p->entries[number];
        if (e->marks++ > 0) continue;
        p->marked_count++;
        if (p->oldest == number) p->oldest = unmarked_from(p, e->next);
    }
    return ST_OK;
}

void pool_unmark(struct pool *p, const struct flow_block *b)
{
    for (uint32_t i = 0; i < b->tx_count; i++) {
        uint32_t number = idtable_find(&p->by_id, b->txids[i].bytes);
        if (number == IDTABLE_NONE) continue; /* Final meanwhile, in another block. */
        struct pool_entry *e = &p->entries[number];
        if (e->marks == 0 || --e->marks > 0) continue;
        p->marked_count--;
        if (p->oldest == NONE || e->seq < p->entries[p->oldest].seq) p->oldest = number;
        if (e->origin == ORIGIN_BLOCK && e->t->ticket == NULL)
            flow_tx_free(remove_entry(p, number));
    }
}

static void forget_entry(struct pool *p, const struct hash *txid, struct flow_tx *heir)
{
    uint32_t number = idtable_find(&p->by_id, txid->bytes);
    if (number == IDTABLE_NONE) return;
    struct flow_tx *t = remove_entry(p, number);
    if (heir != NULL && heir != t && t->ticket != NULL && heir->ticket == NULL) {
        heir->ticket = t->ticket;
        heir->wants_rows = t->wants_rows;
        t->ticket = NULL;
    }
    flow_tx_free(t);
}

enum status pool_settle(struct pool *p, struct flow_block *b)
{
    for (uint32_t i = 0; i < b->tx_count; i++)
        forget_entry(p, &b->txids[i], b->txs[i]);
    return pool_note_block(p, b->header.height, b->header.time_ms, b->txids, b->tx_count);
}

/* With the fault ids may be known: the span takes only those that are not. */
static enum status note_new_ids(
    struct pool *p, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count)
{
    struct hash *fresh = mem_alloc(p->mem, (count + 1u) * sizeof *fresh);
    if (fresh == NULL) return ST_NO_MEMORY;
    uint32_t fresh_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (txset_find(p->span, &txids[i]) == 0) fresh[fresh_count++] = txids[i];
    enum status st = txset_add_block(p->span, height, time_ms, fresh, fresh_count);
    mem_free(p->mem, fresh);
    return st;
}

enum status pool_note_block(
    struct pool *p, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        forget_entry(p, &txids[i], NULL);
    txset_expire(p->span, height, time_ms);
    if (p->forgets_ids) return note_new_ids(p, height, time_ms, txids, count);
    return txset_add_block(p->span, height, time_ms, txids, count);
}

/* --- what leaves ------------------------------------------------------------------------------ */

void pool_sweep(struct pool *p,
                const struct pool_tip *tip,
                void (*expired)(void *context, struct flow_tx *t),
                void *context)
{
    if (p->sweep == NONE) p->sweep = p->oldest;
    for (uint32_t i = 0; i < SWEEP_MAX && p->sweep != NONE; i++) {
        uint32_t number = p->sweep;
        const struct pool_entry *e = &p->entries[number];
        p->sweep = e->next;
        const struct tx *tx = &e->t->tx;
        bool is_expired = tx->valid_until_ms < tip->time_ms || tx->valid_until_height < tip->height;
        if (is_expired && e->marks == 0) expired(context, remove_entry(p, number));
    }
}

struct flow_tx *pool_drain(struct pool *p)
{
    return p->first == NONE ? NULL : remove_entry(p, p->first);
}

struct flow_tx *pool_drain_waiting(struct pool *p)
{
    return p->oldest == NONE ? NULL : remove_entry(p, p->oldest);
}
