/* Goal: whatever a peer sends, in whatever order, a core stays whole: it answers ST_OK or
 * ST_INVALID, keeps its bounds, and ends without a leak. What the codec of messages takes it
 * encodes to the same bytes. The input is a row of messages: peer and channel (1 byte), length (2),
 * bytes; between them time passes and the ports do their work. */
#include <stdlib.h>

#include "base/must.h"
#include "node/core.h"
#include "node/pool.h"
#include "node/wire.h"
#include "support/sample_ledger.h"

#define SELF         1u
#define MESSAGES_MAX 64u
#define QUEUE_MAX    4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_world {
    struct core *core;
    uint64_t ms;
    struct flow_tx *verifying[QUEUE_MAX];
    uint32_t verifying_count;
    struct storage_job *jobs[QUEUE_MAX];
    uint32_t job_count;
    struct flow_block *executing[CONSENSUS_LAG_MAX];
    uint32_t executing_count;
    bool has_failed;
};

static uint64_t mono_ms(void *context)
{
    const struct fuzz_world *w = context;
    return w->ms;
}

static uint64_t wall_ms(void *context)
{
    const struct fuzz_world *w = context;
    return SAMPLE_TIME_MS + w->ms;
}

/* What a core sends is well formed. */
static enum status send_port(void *context,
                             uint32_t peer,
                             enum core_channel channel,
                             struct span bytes)
{
    static struct wire_message m;
    (void)context;
    must(peer != SELF);
    must(channel <= CORE_BULK);
    must(wire_decode(&m, bytes) == ST_OK);
    return ST_OK;
}

static enum status store_port(void *context, struct storage_job *job)
{
    struct fuzz_world *w = context;
    must(w->job_count < QUEUE_MAX);
    w->jobs[w->job_count++] = job;
    return ST_OK;
}

static enum status verify_port(void *context, struct flow_tx *t)
{
    struct fuzz_world *w = context;
    if (w->verifying_count == QUEUE_MAX) return ST_BUSY;
    w->verifying[w->verifying_count++] = t;
    return ST_OK;
}

static enum status execute_port(void *context, struct flow_block *b)
{
    struct fuzz_world *w = context;
    must(w->executing_count < CONSENSUS_LAG_MAX);
    w->executing[w->executing_count++] = b;
    return ST_OK;
}

static void answer_port(void *context, struct flow *item)
{
    (void)context;
    (void)item;
    must(false); /* Nobody waits here. */
}

static enum status read_block_port(void *context, uint64_t height, struct buf *out)
{
    (void)context;
    (void)height;
    (void)out;
    return ST_NOT_FOUND;
}

static enum status read_held_port(void *context, const struct hash *hash, struct buf *out)
{
    (void)context;
    (void)hash;
    (void)out;
    return ST_NOT_FOUND;
}

static void keep_evidence_port(void *context, const struct evidence *e)
{
    (void)context;
    must(e->offender < SAMPLE_NODES);
}

static void failed_port(void *context, enum status status, const char *what)
{
    struct fuzz_world *w = context;
    must(status != ST_OK);
    must(what[0] != 0);
    w->has_failed = true;
}

static void work(struct fuzz_world *w)
{
    w->ms += 7;
    uint32_t count = w->verifying_count;
    w->verifying_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct flow_tx *t = w->verifying[i];
        enum status st = tx_decode(&t->tx, &t->arena, span_of(t->bytes, t->size));
        if (st == ST_OK && t->tx.is_redacted) st = ST_REJECTED;
        if (st == ST_OK) st = tx_verify(&t->tx, sample_signer());
        t->flow.kind = st == ST_OK ? FLOW_TX : FLOW_REFUSED;
        t->status = st;
        core_on_tx(w->core, t);
    }
    count = w->job_count;
    w->job_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        w->jobs[i]->status = ST_OK;
        core_on_stored(w->core, w->jobs[i]);
    }
    count = w->executing_count;
    w->executing_count = 0;
    for (uint32_t i = 0; i < count; i++)
        core_on_executed(w->core, w->executing[i]);
    core_tick(w->core);
}

static void open_core(struct fuzz_world *w, const struct core_ports *ports)
{
    static struct genesis genesis;
    static struct validators validators;
    if (validators.count == 0) {
        genesis = sample_genesis();
        validators = (struct validators){.mode = MODE_BFT, .f = 1, .count = SAMPLE_NODES};
        for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
            struct secret_key secret = sample_node_secret(i);
            validators.keys[i] = sample_public(&secret);
        }
    }
    struct core_config config = {
        .mem = mem_system(), .genesis = &genesis, .ports = ports, .key = 9};
    config.engine = (struct consensus_config){.chain_id = sample_chain_id(),
                                              .validators = validators,
                                              .self = SELF,
                                              .signer = sample_signer(),
                                              .node_key = sample_node_secret(SELF),
                                              .exec_version = 1,
                                              .block_txs_max = 100,
                                              .batch_age_ms = 10,
                                              .is_voter = true};
    struct core_start start = {.engine = {.hash = sample_chain_id(), .digest_count = 1}};
    start.engine.nonce = 1;
    must(pool_new(&start.pool, mem_system(), &config.engine.chain_id, 5) == ST_OK);
    must(core_new(&w->core, &config, &start) == ST_OK);
    for (uint32_t i = 0; i < SAMPLE_NODES; i++)
        if (i != SELF) core_on_peer(w->core, i, true);
}

static void check_codec(struct span bytes)
{
    static struct wire_message m;
    struct buf out;
    if (wire_decode(&m, bytes) != ST_OK) return;
    buf_init(&out, mem_system(), 0);
    wire_encode(&out, &m);
    must(buf_status(&out) == ST_OK);
    must(span_equal(buf_span(&out), bytes));
    buf_fini(&out);
}

static void feed(struct fuzz_world *w, struct span input)
{
    for (uint32_t i = 0; i < MESSAGES_MAX && input.size >= 3 && !w->has_failed; i++) {
        uint32_t peer = input.data[0] / 3u % SAMPLE_NODES;
        enum core_channel channel = (enum core_channel)(input.data[0] % 3u);
        size_t size = input.data[1] + 256u * input.data[2];
        input = span_of(input.data + 3, input.size - 3);
        if (size > input.size) size = input.size;
        struct span bytes = span_of(input.data, size);
        input = span_of(input.data + size, input.size - size);
        check_codec(bytes);
        if (peer == SELF) continue;
        enum status st = core_on_message(w->core, peer, channel, bytes);
        must(st == ST_OK || st == ST_INVALID);
        if (i % 2 == 0) work(w);
    }
}

static void close_core(struct fuzz_world *w)
{
    for (uint32_t i = 0; i < 4; i++)
        work(w);
    core_stop(w->core);
    while (w->job_count > 0 || w->verifying_count > 0 || w->executing_count > 0)
        work(w);
    core_refuse_rest(w->core);
    static struct consensus_view view;
    core_view(w->core, &view);
    must(view.final_height >= view.executed_height);
    core_free(w->core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_world w;
    w = (struct fuzz_world){.ms = 1000};
    struct core_ports ports = {.mono_ms = mono_ms,
                               .wall_ms = wall_ms,
                               .send = send_port,
                               .store = store_port,
                               .verify = verify_port,
                               .execute = execute_port,
                               .answer = answer_port,
                               .read_block = read_block_port,
                               .read_held = read_held_port,
                               .keep_evidence = keep_evidence_port,
                               .failed = failed_port,
                               .context = &w};
    open_core(&w, &ports);
    feed(&w, span_of(data, size));
    close_core(&w);
    return 0;
}
