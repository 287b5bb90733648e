/* bench_txs.c - Distinct transactions, signed ahead of the load by threads of their own. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/bench_int.h"
#include "os/thread.h"
#include "sql/value.h"

#define BENCH_SIGNERS  2u
#define BENCH_VALID_MS UINT64_C(540000) /* Nine minutes. */
#define BENCH_BLOCKS   60000u

struct sign_job { /* One thread's share. */
    struct bench *bench;
    struct bench_txs *txs;
    struct buf *buffer;
    size_t *offsets;
    uint64_t first_id;
    uint32_t first;
    uint32_t end;
    enum status status;
    struct thread *thread;
};

static void put_params(struct tx_param params[3],
                       struct buf items[3],
                       uint64_t id,
                       uint64_t account,
                       const char *payload)
{
    const struct sql_value values[3] = {
        {.type = SQL_INT8, .integer = (int64_t)id},
        {.type = SQL_INT8, .integer = (int64_t)account},
        {.type = SQL_TEXT, .bytes = span_of(payload, BENCH_PAYLOAD_SIZE)},
    };
    for (int i = 0; i < 3; i++) {
        buf_reset(&items[i]);
        sql_value_to_cbor(&items[i], &values[i]);
        params[i] =
            (struct tx_param){.type = (uint32_t)values[i].type, .value = buf_span(&items[i])};
    }
}

static enum status sign_one(struct sign_job *job, uint64_t id, struct buf items[3])
{
    struct bench *b = job->bench;
    uint64_t account = id % BENCH_ACCOUNTS;
    char payload[BENCH_PAYLOAD_SIZE + 1];
    struct tx_param params[3];
    struct signature signature;
    struct public_key public_key = b->publics[account];
    (void)snprintf(payload, sizeof payload, "%0*llu", (int)BENCH_PAYLOAD_SIZE,
                   (unsigned long long)id);
    put_params(params, items, id, account, payload);
    struct tx_op op = {
        .kind = TX_OP_SQL, .text = span_text(BENCH_INSERT), .params = params, .param_count = 3};
    struct tx tx = {.chain_id = b->chain_id,
                    .ledger = span_text("main"),
                    .account = account_id_of(&public_key),
                    .nonce = id,
                    .valid_until_ms = b->os->wall_ms(b->os) + BENCH_VALID_MS,
                    .valid_until_height = b->setup_height + BENCH_BLOCKS,
                    .ops = &op,
                    .op_count = 1,
                    .signers = &public_key,
                    .signatures = &signature,
                    .signer_count = 1};
    struct hash secret = hash_of("bench", span_of(&id, sizeof id));
    memcpy(tx.secret, secret.bytes, sizeof tx.secret);
    TRY(tx_hash(&tx));
    TRY(sign_hash(b->signer, &signature, &b->keys[account], &tx.txid));
    tx_encode(&tx, job->buffer);
    return buf_status(job->buffer);
}

static void sign_share(void *context)
{
    struct sign_job *job = context;
    struct buf items[3];
    for (int i = 0; i < 3; i++)
        buf_init(&items[i], mem_system(), 0);
    for (uint32_t i = job->first; i < job->end && job->status == ST_OK; i++) {
        job->offsets[i] = job->buffer->size;
        job->status = sign_one(job, job->first_id + i, items);
        job->txs->items[i].size = job->buffer->size - job->offsets[i];
    }
    for (int i = 0; i < 3; i++)
        buf_fini(&items[i]);
}

enum status bench_txs_make(struct bench_txs *out,
                           struct bench *b,
                           uint64_t first_id,
                           uint32_t count)
{
    must(count > 0);
    struct sign_job jobs[BENCH_SIGNERS] = {0};
    *out = (struct bench_txs){.count = count, .buffer_count = BENCH_SIGNERS};
    out->items = mem_alloc_zero(mem_system(), count, sizeof *out->items);
    out->buffers = mem_alloc_zero(mem_system(), BENCH_SIGNERS, sizeof *out->buffers);
    size_t *offsets = mem_alloc_zero(mem_system(), count, sizeof *offsets);
    enum status st =
        out->items == NULL || out->buffers == NULL || offsets == NULL ? ST_NO_MEMORY : ST_OK;
    for (uint32_t i = 0; i < BENCH_SIGNERS && st == ST_OK; i++) {
        buf_init(&out->buffers[i], mem_system(), 0);
        jobs[i] = (struct sign_job){.bench = b,
                                    .txs = out,
                                    .buffer = &out->buffers[i],
                                    .offsets = offsets,
                                    .first_id = first_id,
                                    .first = (uint32_t)((uint64_t)count * i / BENCH_SIGNERS),
                                    .end = (uint32_t)((uint64_t)count * (i + 1) / BENCH_SIGNERS)};
        st = thread_start(&jobs[i].thread, mem_system(), "sign", sign_share, &jobs[i]);
    }
    for (uint32_t i = 0; i < BENCH_SIGNERS; i++) {
        thread_join(jobs[i].thread);
        if (st == ST_OK) st = jobs[i].status;
        for (uint32_t k = jobs[i].first; k < jobs[i].end && st == ST_OK; k++)
            out->items[k].data = jobs[i].buffer->data + offsets[k];
    }
    mem_free(mem_system(), offsets);
    if (st != ST_OK) bench_txs_free(out);
    return st;
}

uint64_t bench_statement_bytes(void)
{
    return strlen(BENCH_INSERT) + 2 * sizeof(int64_t) + BENCH_PAYLOAD_SIZE;
}

void bench_txs_free(struct bench_txs *txs)
{
    for (uint32_t i = 0; i < txs->buffer_count && txs->buffers != NULL; i++)
        buf_fini(&txs->buffers[i]);
    mem_free(mem_system(), txs->buffers);
    mem_free(mem_system(), txs->items);
    *txs = (struct bench_txs){0};
}
