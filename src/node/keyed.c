/* A ring of the newest, and chains of those with equal names. Times are those of blocks.
 *
 * I1 whatever left the ring was valid at most until lost_ms.
 * I2 no transaction signed here is valid beyond promised_ms, and the file says at least that. */
#include "node/keyed.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/endian.h"
#include "base/must.h"
#include "os/thread.h"

#define NONE          UINT32_MAX
#define FILE_SIZE_MAX 32u

struct slot {
    struct hash name;
    struct keyed_tx tx;
    uint32_t next; /* Of the same chain, older. */
};

struct keyed {
    struct os *os;
    struct mem *mem;
    struct mutex *mutex;
    char path[OS_PATH_MAX];
    uint64_t before_ms;   /* What the file said at the start. */
    uint64_t promised_ms; /* I2 */
    uint64_t lost_ms;     /* I1 */
    struct slot *ring;    /* Null until it is needed. */
    uint32_t *heads;      /* [KEYED_MAX] */
    uint64_t count;       /* Ever added; the slot is its remainder. */
};

static enum status read_promise(struct keyed *k)
{
    struct buf text;
    buf_init(&text, k->mem, 0);
    enum status st = os_read_file(k->os, k->path, FILE_SIZE_MAX, &text);
    for (size_t i = 0; st == ST_OK && i < text.size && text.data[i] != '\n'; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i > 17) st = ST_CORRUPT;
        k->before_ms = k->before_ms * 10 + (uint64_t)(text.data[i] - '0');
    }
    buf_fini(&text);
    if (st == ST_NOT_FOUND) return ST_OK;
    if (st != ST_CORRUPT && st != ST_LIMIT) return st;
    k->before_ms = k->os->wall_ms(k->os) + KEYED_VALID_MS + KEYED_PROMISE_MS; /* At most that. */
    return ST_OK;
}

enum status keyed_open(struct keyed **out, struct os *os, struct mem *mem, const char *dir)
{
    struct keyed *k = mem_alloc_zero(mem, 1, sizeof *k);
    if (k == NULL) return ST_NO_MEMORY;
    k->os = os;
    k->mem = mem;
    enum status st = os_path_join(k->path, dir, "keyed");
    if (st == ST_OK) st = mutex_new(&k->mutex, mem);
    if (st == ST_OK) st = read_promise(k);
    k->promised_ms = k->before_ms;
    if (st != ST_OK) {
        keyed_free(k);
        return st;
    }
    *out = k;
    return ST_OK;
}

void keyed_free(struct keyed *k)
{
    if (k == NULL) return;
    mutex_free(k->mutex);
    mem_free(k->mem, k->ring);
    mem_free(k->mem, k->heads);
    mem_free(k->mem, k);
}

struct hash keyed_name(const struct account_id *account, struct span key)
{
    struct hasher h;
    hash_init(&h, "keyed");
    hash_add(&h, span_of(&account->version, 1));
    hash_add(&h, span_of(account->bytes, ACCOUNT_ID_SIZE));
    hash_add(&h, key);
    return hash_final(&h);
}

enum status keyed_promise(struct keyed *k, uint64_t until_ms)
{
    char text[FILE_SIZE_MAX];
    if (until_ms <= k->promised_ms) return ST_OK;
    const uint64_t promise = until_ms + KEYED_PROMISE_MS;
    int size = snprintf(text, sizeof text, "%" PRIu64 "\n", promise);
    must(size > 0);
    TRY(os_replace_file(k->os, k->path, span_of(text, (size_t)size)));
    k->promised_ms = promise; /* I2 */
    return ST_OK;
}

static bool make_room(struct keyed *k)
{
    if (k->ring != NULL) return true;
    struct slot *ring = mem_alloc_zero(k->mem, KEYED_MAX, sizeof *ring);
    uint32_t *heads = mem_alloc(k->mem, KEYED_MAX * sizeof *heads);
    if (ring == NULL || heads == NULL) {
        mem_free(k->mem, ring);
        mem_free(k->mem, heads);
        return false;
    }
    for (uint32_t i = 0; i < KEYED_MAX; i++)
        heads[i] = NONE;
    k->ring = ring;
    k->heads = heads;
    return true;
}

static uint32_t *head_of(const struct keyed *k, const struct hash *name)
{
    return &k->heads[get_u32_le(name->bytes) % KEYED_MAX];
}

static void lose(struct keyed *k, uint64_t until_ms)
{
    if (until_ms > k->lost_ms) k->lost_ms = until_ms; /* I1 */
}

/* Out of its chain; it is the oldest there. */
static void drop(struct keyed *k, uint32_t at)
{
    uint32_t *link = head_of(k, &k->ring[at].name);
    while (*link != at) {
        must(*link != NONE);
        link = &k->ring[*link].next;
    }
    *link = k->ring[at].next;
    lose(k, k->ring[at].tx.until_ms);
}

static bool is_here(const struct keyed *k, const struct hash *name, const struct keyed_tx *tx)
{
    for (uint32_t at = *head_of(k, name); at != NONE; at = k->ring[at].next) {
        const struct slot *s = &k->ring[at];
        if (hash_equal(&s->name, name) && hash_equal(&s->tx.txid, &tx->txid)) return true;
    }
    return false;
}

void keyed_note(struct keyed *k, const struct hash *name, const struct keyed_tx *tx)
{
    mutex_lock(k->mutex);
    if (!make_room(k)) {
        lose(k, tx->until_ms);
    } else if (!is_here(k, name, tx)) {
        const uint32_t at = (uint32_t)(k->count % KEYED_MAX);
        if (k->count >= KEYED_MAX) drop(k, at);
        uint32_t *head = head_of(k, name);
        k->ring[at] = (struct slot){.name = *name, .tx = *tx, .next = *head};
        *head = at;
        k->count++;
    }
    mutex_unlock(k->mutex);
}

uint32_t keyed_find(struct keyed *k, const struct hash *name, struct keyed_tx *out, uint32_t max)
{
    uint32_t count = 0;
    mutex_lock(k->mutex);
    uint32_t at = k->ring == NULL ? NONE : *head_of(k, name);
    for (; at != NONE && count < max; at = k->ring[at].next)
        if (hash_equal(&k->ring[at].name, name)) out[count++] = k->ring[at].tx;
    mutex_unlock(k->mutex);
    return count;
}

uint64_t keyed_floor(struct keyed *k, bool is_own)
{
    mutex_lock(k->mutex);
    const uint64_t lost = k->lost_ms;
    mutex_unlock(k->mutex);
    return is_own && k->before_ms > lost ? k->before_ms : lost;
}
