/* A transaction may come twice: with gossip and, while that waits here, with a block. Leaves of
 * verified ones are remembered for a while: a leaf commits to all that is signed and to the
 * signatures. Who makes leaves share a place only has them verified again. */
#include "node/verify.h"

#include <stdatomic.h>

#include "base/endian.h"
#include "base/must.h"
#include "node/admission.h"
#include "node/keyed.h"
#include "os/thread.h"

#define LEAVES_KEPT (1u << 15)

struct verify_thread {
    struct verify *verify;
    struct thread *thread;
    struct key_cache *cache;
    struct admission *admission;
};

struct verify {
    struct verify_config config;
    struct queue *inbox;
    struct verify_thread threads[VERIFY_THREADS_MAX];
    uint32_t thread_count;
    _Atomic uint64_t signatures;
    struct mutex *leaves_mutex;
    struct hash *leaves; /* [LEAVES_KEPT], each at the place that its own bits give. */
};

static void run(void *context);

static enum status start_thread(struct verify *v, struct verify_thread *t)
{
    t->verify = v;
    TRY(key_cache_new(&t->cache, v->config.mem));
    TRY(admission_new(&t->admission, v->config.mem, v->config.exec));
    return thread_start(&t->thread, v->config.mem, "verify", run, t);
}

enum status verify_new(struct verify **out, const struct verify_config *config)
{
    must(config->thread_count > 0);
    must(config->thread_count <= VERIFY_THREADS_MAX);
    struct verify *v = mem_alloc_zero(config->mem, 1, sizeof *v);
    if (v == NULL) return ST_NO_MEMORY;
    v->config = *config;
    v->leaves = mem_alloc_zero(config->mem, LEAVES_KEPT, sizeof *v->leaves);
    enum status st = v->leaves == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) st = mutex_new(&v->leaves_mutex, config->mem);
    if (st == ST_OK) st = queue_new(&v->inbox, config->mem, VERIFY_QUEUE_MAX, NULL, NULL);
    while (st == ST_OK && v->thread_count < config->thread_count)
        st = start_thread(v, &v->threads[v->thread_count++]);
    if (st != ST_OK) {
        verify_free(v);
        return st;
    }
    *out = v;
    return ST_OK;
}

void verify_free(struct verify *v)
{
    if (v == NULL) return;
    if (v->inbox != NULL) queue_close(v->inbox);
    for (uint32_t i = 0; i < v->thread_count; i++) {
        thread_join(v->threads[i].thread);
        key_cache_free(v->threads[i].cache);
        admission_free(v->threads[i].admission);
    }
    queue_free(v->inbox);
    mutex_free(v->leaves_mutex);
    mem_free(v->config.mem, v->leaves);
    mem_free(v->config.mem, v);
}

enum status verify_submit(struct verify *v, struct flow_tx *t)
{
    must(t->flow.kind == FLOW_TX);
    return queue_push(v->inbox, t);
}

uint64_t verify_cpu_ns(const struct verify *v)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < v->thread_count; i++)
        total += thread_cpu_ns(v->threads[i].thread);
    return total;
}

uint64_t verify_signatures(const struct verify *v)
{
    return atomic_load(&v->signatures);
}

static struct hash *place_of(const struct verify *v, const struct hash *leaf)
{
    return &v->leaves[get_u64_le(leaf->bytes) % LEAVES_KEPT];
}

static bool is_known(struct verify *v, const struct hash *leaf)
{
    mutex_lock(v->leaves_mutex);
    bool is_here = hash_equal(place_of(v, leaf), leaf);
    mutex_unlock(v->leaves_mutex);
    return is_here;
}

static void remember(struct verify *v, const struct hash *leaf)
{
    mutex_lock(v->leaves_mutex);
    *place_of(v, leaf) = *leaf;
    mutex_unlock(v->leaves_mutex);
}

static enum status check_signatures(struct verify_thread *thread, const struct tx *tx)
{
    struct verify *v = thread->verify;
    if (is_known(v, &tx->leaf)) return ST_OK;
    TRY(tx_verify_cached(tx, v->config.signer, thread->cache));
    atomic_fetch_add(&v->signatures, tx->signer_count);
    remember(v, &tx->leaf);
    return ST_OK;
}

static enum status verify_tx(struct verify_thread *thread, struct flow_tx *t, struct diag *d)
{
    enum status st = tx_decode(&t->tx, &t->arena, span_of(t->bytes, t->size));
    if (st == ST_NO_MEMORY) {
        diag_set(d, "53200", "out of memory");
        return st;
    }
    if (st != ST_OK) {
        diag_set(d, "TQ005", "the bytes are not a well-formed transaction");
        diag_detail(d, "Decoding ended with %s.", status_name(st));
        diag_hint(d, "Use `trustsql tx sign` or a library that writes the format of docs/format.");
        return st;
    }
    if (t->tx.is_redacted) {
        diag_set(d, "TQ006", "a transaction with values taken out cannot be executed");
        diag_hint(d, "It only proves what it was; send the original.");
        return ST_REJECTED;
    }
    st = check_signatures(thread, &t->tx);
    if (st != ST_OK) {
        diag_set(d, "TQ004", "a signature of the transaction does not verify");
        diag_hint(d, "Sign the transaction again, with the keys that it names.");
    }
    return st;
}

static void note_key(struct keyed *keyed, const struct tx *tx)
{
    const struct hash name = keyed_name(&tx->account, tx->idempotency_key);
    const struct keyed_tx noted = {
        .txid = tx->txid, .until_ms = tx->valid_until_ms, .until_height = tx->valid_until_height};
    keyed_note(keyed, &name, &noted);
}

static void check_one(struct verify_thread *thread, struct flow_tx *t)
{
    struct diag d = {0};
    struct verify *v = thread->verify;
    enum status st = verify_tx(thread, t, &d);
    /* One for another chain is refused as such by the pool. */
    bool is_admitted = t->source != FLOW_BODY; /* What is in a block is there for execution. */
    if (st == ST_OK && is_admitted && hash_equal(&t->tx.chain_id, &v->config.chain_id))
        st = admission_check(thread->admission, &t->tx, &d);
    struct queue *sink = v->config.verified;
    if (st == ST_OK && v->config.keyed != NULL && t->tx.idempotency_key.size > 0)
        note_key(v->config.keyed, &t->tx);
    if (st != ST_OK) {
        if (t->ticket == NULL && t->source == FLOW_LOCAL) {
            flow_tx_free(t);
            return;
        }
        t->flow.kind = FLOW_REFUSED;
        t->status = st;
        if (t->ticket != NULL) {
            t->ticket->status = st;
            t->ticket->diag = d;
            sink = v->config.refused;
        }
    }
    /* The sinks hold as much as can be under way; they refuse only when the node is ending. */
    if (queue_push(sink, t) != ST_OK) flow_tx_free(t);
}

static void run(void *context)
{
    struct verify_thread *t = context;
    void *chunk[VERIFY_CHUNK];
    for (;;) {
        uint32_t count = queue_wait(t->verify->inbox, chunk, VERIFY_CHUNK);
        if (count == 0) return;
        for (uint32_t i = 0; i < count; i++)
            check_one(t, chunk[i]);
    }
}
