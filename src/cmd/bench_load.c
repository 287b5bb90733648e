/* An open loop: transaction i is due at start + i / rate, whatever has come back; its latency
 * counts from then. Without a rate all are due at once and the windows of the connections hold them
 * back. Every answer is checked as a client must: the first proof of a height in full, certificates
 * included; for the others of that height the Merkle path to the receipts root that the first one
 * proved. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/bench_int.h"

#define BENCH_SUBMIT   "SELECT * FROM trustsql.submit($1::bytea)"
#define BENCH_HEIGHTS  4096u /* Proved heights remembered. */
#define BENCH_BATCH    64u   /* Sent between two Sync messages. */
#define BENCH_GRACE_NS 60000000000u

struct lane { /* One connection. */
    PGconn *link;
    uint32_t in_flight[BENCH_WINDOW]; /* Ring of transaction indexes, in order of sending. */
    uint32_t first;
    uint32_t count;
    uint32_t unsynced;
    uint32_t syncs; /* Sync messages whose answer is awaited. */
};

struct proved {
    uint64_t height;
    uint32_t count;
    struct hash receipts_root;
};

struct load {
    struct bench *bench;
    const struct bench_load *config;
    struct bench_result *result;
    struct lane lanes[BENCH_LANES_MAX];
    uint32_t lane_count;
    struct proved proved[BENCH_HEIGHTS];
    struct arena arena;
    uint64_t *latencies;
    uint32_t latency_count;
    uint32_t next; /* To send, relative to config->first. */
    uint64_t start_ns;
    uint64_t last_ns;
};

static void note_error(struct load *l, const char *what)
{
    if (l->result->error[0] == 0)
        (void)snprintf(l->result->error, sizeof l->result->error, "%s", what);
}

/* --- checking answers ------------------------------------------------------------------------ */

static bool check_receipt(struct load *l, struct span receipt_bytes, struct span proof_bytes)
{
    struct proof proof;
    struct proof_facts facts = {.receipt = {.status = RECEIPT_FAILED}};
    struct receipt *receipt = &facts.receipt;
    const char *what = NULL;
    arena_reset(&l->arena);
    if (proof_decode(&proof, &l->arena, proof_bytes) != ST_OK || proof.kind != PROOF_TX) {
        note_error(l, "a proof is malformed");
        return false;
    }
    struct proved *known = &l->proved[proof.block.result.height % BENCH_HEIGHTS];
    if (known->height == proof.block.result.height) {
        struct hash leaf = receipt_leaf(proof.of.tx.receipt);
        if (receipt_decode(receipt, &l->arena, proof.of.tx.receipt) != ST_OK ||
            merkle_check(&proof.of.tx.path, &leaf, receipt->index, known->count,
                         &known->receipts_root) != ST_OK)
            what = "a receipt is not under the proved root";
    } else {
        struct proof_trust trust = {.validators = &l->bench->validators,
                                    .chain_id = &l->bench->chain_id,
                                    .signer = l->bench->signer};
        if (proof_verify(&proof, &trust, &facts, &l->arena, &what) == ST_OK)
            *known = (struct proved){.height = proof.block.result.height,
                                     .count = facts.header.tx_count,
                                     .receipts_root = proof.block.result.receipts_root};
    }
    if (what == NULL && !span_equal(receipt_bytes, proof.of.tx.receipt))
        what = "receipt and proof do not agree";
    if (what == NULL && receipt->status != RECEIPT_OK) what = receipt->diag.message;
    if (what == NULL) return true;
    note_error(l, what);
    return false;
}

static struct span field(PGresult *result, int column)
{
    return span_of(PQgetvalue(result, 0, column), (size_t)PQgetlength(result, 0, column));
}

static void take_answer(struct load *l, struct lane *lane, PGresult *result)
{
    must(lane->count > 0);
    uint32_t index = lane->in_flight[lane->first];
    lane->first = (lane->first + 1) % BENCH_WINDOW;
    lane->count--;
    l->last_ns = l->bench->os->monotonic_ns(l->bench->os);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        l->result->refused++;
        note_error(l, PQresultErrorMessage(result));
        return;
    }
    if (PQgetisnull(result, 0, 4) == 1) { /* Final, but this node cannot prove it yet. */
        l->result->unproved++;
        return;
    }
    if (!check_receipt(l, field(result, 3), field(result, 4))) {
        l->result->refused++;
        return;
    }
    uint64_t due = l->start_ns;
    if (l->config->rate > 0) due += (uint64_t)index * 1000000000u / l->config->rate;
    l->result->committed++;
    l->latencies[l->latency_count++] = l->last_ns - due;
}

/* All that has arrived. In a pipeline each query ends with a null result, each Sync with its own.
 */
static enum status receive(struct load *l, struct lane *lane)
{
    if (PQconsumeInput(lane->link) != 1) {
        note_error(l, PQerrorMessage(lane->link));
        return ST_UNREACHABLE;
    }
    while ((lane->count > 0 || lane->syncs > 0) && PQisBusy(lane->link) == 0) {
        PGresult *result = PQgetResult(lane->link);
        if (result == NULL) continue; /* End of one query. */
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
            lane->syncs--;
        else
            take_answer(l, lane, result);
        PQclear(result);
    }
    return ST_OK;
}

/* --- sending --------------------------------------------------------------------------------- */

static enum status sync_lane(struct lane *lane)
{
    if (lane->unsynced == 0) return ST_OK;
    lane->unsynced = 0;
    lane->syncs++;
    return PQpipelineSync(lane->link) == 1 ? ST_OK : ST_UNREACHABLE;
}

static enum status send_one(struct load *l, struct lane *lane, uint32_t index)
{
    struct span tx = l->config->txs->items[l->config->first + index];
    const char *values[1] = {(const char *)tx.data};
    const int lengths[1] = {(int)tx.size};
    const int formats[1] = {1};
    if (PQsendQueryPrepared(lane->link, "submit", 1, values, lengths, formats, 1) != 1) {
        note_error(l, PQerrorMessage(lane->link));
        return ST_UNREACHABLE;
    }
    lane->in_flight[(lane->first + lane->count) % BENCH_WINDOW] = index;
    lane->count++;
    l->result->sent++;
    return ++lane->unsynced >= BENCH_BATCH ? sync_lane(lane) : ST_OK;
}

/* How many are due by now. */
static uint32_t due_count(const struct load *l, uint64_t now)
{
    if (now - l->start_ns >= l->config->duration_ns) return l->next;
    if (l->config->rate == 0) return l->config->count;
    uint64_t due = (now - l->start_ns) * l->config->rate / 1000000000u + 1;
    return due < l->config->count ? (uint32_t)due : l->config->count;
}

static enum status send_due(struct load *l, uint64_t now)
{
    uint32_t due = due_count(l, now);
    for (uint32_t i = 0; i < l->lane_count; i++) {
        struct lane *lane = &l->lanes[i];
        /* Half a window at least, so that batches stay batches. */
        bool is_open = lane->count <= BENCH_WINDOW / 2 || l->config->rate > 0;
        while (is_open && l->next < due && lane->count < BENCH_WINDOW) {
            TRY(send_one(l, lane, l->next++));
            if (l->config->rate > 0 && lane->unsynced >= BENCH_BATCH / 8) break;
        }
        TRY(sync_lane(lane));
        if (PQflush(lane->link) < 0) return ST_UNREACHABLE;
    }
    return ST_OK;
}

static enum status turn(struct load *l)
{
    struct pollfd polls[BENCH_LANES_MAX];
    for (uint32_t i = 0; i < l->lane_count; i++) {
        polls[i] = (struct pollfd){.fd = PQsocket(l->lanes[i].link), .events = POLLIN};
        if (PQflush(l->lanes[i].link) == 1) polls[i].events |= POLLOUT;
    }
    if (poll(polls, l->lane_count, 1) < 0) return ST_IO;
    for (uint32_t i = 0; i < l->lane_count; i++)
        if (polls[i].revents != 0) TRY(receive(l, &l->lanes[i]));
    return send_due(l, l->bench->os->monotonic_ns(l->bench->os));
}

static bool is_settled(const struct load *l)
{
    for (uint32_t i = 0; i < l->lane_count; i++)
        if (l->lanes[i].count > 0) return false;
    return true;
}

static enum status run_load(struct load *l)
{
    struct os *os = l->bench->os;
    l->start_ns = os->monotonic_ns(os);
    l->last_ns = l->start_ns;
    for (;;) {
        TRY(turn(l));
        uint64_t now = os->monotonic_ns(os);
        bool is_over = now - l->start_ns >= l->config->duration_ns || l->next == l->config->count;
        if (is_over && is_settled(l)) return ST_OK;
        if (is_over && now - l->last_ns > BENCH_GRACE_NS) return ST_TIMEOUT;
    }
}

/* --- one run --------------------------------------------------------------------------------- */

static enum status open_lane(struct load *l, uint32_t index)
{
    struct lane *lane = &l->lanes[index];
    TRY(link_open_admin(&lane->link, &l->bench->layout, index % l->bench->layout.node_count));
    PGresult *result = PQprepare(lane->link, "submit", BENCH_SUBMIT, 0, NULL);
    bool is_prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!is_prepared) note_error(l, PQresultErrorMessage(result));
    PQclear(result);
    if (!is_prepared || PQsetnonblocking(lane->link, 1) != 0 ||
        PQenterPipelineMode(lane->link) != 1)
        return ST_UNREACHABLE;
    return ST_OK;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void summarise(struct load *l)
{
    struct bench_result *r = l->result;
    r->elapsed_ns = l->last_ns - l->start_ns;
    if (l->latency_count == 0) return;
    qsort(l->latencies, l->latency_count, sizeof *l->latencies, compare_u64);
    r->p50_ns = l->latencies[l->latency_count / 2];
    r->p99_ns = l->latencies[(uint64_t)l->latency_count * 99 / 100];
}

enum status bench_load_run(struct bench *b, const struct bench_load *load, struct bench_result *out)
{
    *out = (struct bench_result){0};
    struct load *l = mem_alloc_zero(mem_system(), 1, sizeof *l);
    if (l == NULL) return ST_NO_MEMORY;
    l->bench = b;
    l->config = load;
    l->result = out;
    const uint32_t nodes = b->layout.node_count;
    l->lane_count = (BENCH_LANES + nodes - 1) / nodes * nodes;
    must(l->lane_count <= BENCH_LANES_MAX);
    arena_init(&l->arena, mem_system(), 0);
    l->latencies = mem_alloc(mem_system(), (size_t)load->count * sizeof *l->latencies);
    enum status st = l->latencies == NULL ? ST_NO_MEMORY : ST_OK;
    for (uint32_t i = 0; i < l->lane_count && st == ST_OK; i++)
        st = open_lane(l, i);
    if (st == ST_OK) st = run_load(l);
    if (l->latencies != NULL) summarise(l);
    for (uint32_t i = 0; i < l->lane_count; i++)
        PQfinish(l->lanes[i].link);
    arena_fini(&l->arena);
    mem_free(mem_system(), l->latencies);
    mem_free(mem_system(), l);
    return st;
}

enum status bench_session_run(struct bench *b,
                              uint64_t first_id,
                              uint64_t duration_ns,
                              double *per_second)
{
    PGconn *link = NULL;
    TRY(link_open_admin(&link, &b->layout, 0));
    uint64_t start = b->os->monotonic_ns(b->os);
    uint64_t elapsed = 0;
    uint64_t count = 0;
    enum status st = ST_OK;
    while (st == ST_OK && elapsed < duration_ns) {
        char text[160];
        (void)snprintf(text, sizeof text,
                       "INSERT INTO bench (id, account, payload) VALUES (%llu, 0, 'one session')",
                       (unsigned long long)first_id + count);
        PGresult *result = PQexec(link, text);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) st = ST_REJECTED;
        PQclear(result);
        count++;
        elapsed = b->os->monotonic_ns(b->os) - start;
    }
    PQfinish(link);
    *per_second = (double)count * 1e9 / (double)(elapsed + 1);
    return st;
}
