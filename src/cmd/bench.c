/* bench.c - How much a chain carries, and what a transaction costs: a fresh chain, load, report.
 *
 * First half of the time: everything is due at once, bounded windows: throughput and CPU by stage.
 * Second half: an open loop at half of that rate: latencies. Then one session alone. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/bench_int.h"
#include "cmd/scratch.h"
#include "os/process.h"

#define BENCH_RATE_MAX  40000u /* Transactions signed ahead for each second of full load. */
#define BENCH_ID_SINGLE (1ull << 40)

struct bench_options {
    uint64_t nodes;
    uint64_t seconds;
    uint64_t base_port;
    uint64_t rate;
    const char *keep;
    const char *beside;
    bool is_json;
};

struct usage { /* trustsql.status of one node, as far as it is a cost. */
    uint64_t total;
    uint64_t verify;
    uint64_t consensus;
    uint64_t store;
    uint64_t exec;
    uint64_t checkpoint;
    uint64_t read;
    uint64_t rss_bytes;
};

struct figures {
    struct bench_result full;
    struct bench_result half;
    struct usage before;
    struct usage after;
    uint64_t idle_rss;
    double session_per_s;
    double sqlite_per_s;
    double sqlite_cpu_us;
};

static void take_usage(struct usage *u, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *to;
    } fields[] = {{"cpu_us_total", &u->total}, {"cpu_us_verify", &u->verify},
                  {"cpu_us_store", &u->store}, {"cpu_us_consensus", &u->consensus},
                  {"cpu_us_exec", &u->exec},   {"cpu_us_checkpoint", &u->checkpoint},
                  {"cpu_us_read", &u->read},   {"rss_bytes", &u->rss_bytes}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0) *fields[i].to += strtoull(value, NULL, 10);
}

/* Sum over all nodes. */
static enum status read_usage(struct bench *b, struct usage *out)
{
    *out = (struct usage){0};
    for (uint32_t node = 0; node < b->layout.node_count; node++) {
        PGconn *link = NULL;
        TRY(link_open_admin(&link, &b->layout, node));
        PGresult *result = PQexec(link, "SELECT name, value FROM trustsql.status");
        for (int i = 0; i < PQntuples(result); i++)
            take_usage(out, PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
        PQclear(result);
        PQfinish(link);
    }
    return ST_OK;
}

static void measure_verify(struct bench *b)
{
    enum { ROUNDS = 2000 };
    struct hash hash = hash_of("bench", span_text("one signature"));
    struct signature signature;
    enum status st = sign_hash(b->signer, &signature, &b->keys[0], &hash);
    uint64_t start = b->os->monotonic_ns(b->os);
    for (int i = 0; i < ROUNDS && st == ST_OK; i++)
        st = sign_verify(b->signer, &b->publics[0], &hash, &signature);
    b->verify_ns = (b->os->monotonic_ns(b->os) - start) / ROUNDS;
}

/* --- report ---------------------------------------------------------------------------------- */

static double per_tx(const struct figures *f, uint64_t after, uint64_t before, uint32_t nodes)
{
    if (f->full.committed == 0) return 0;
    return (double)(after - before) / (double)f->full.committed / (double)nodes;
}

static double throughput(const struct bench_result *r)
{
    return (double)r->committed * 1e9 / (double)(r->elapsed_ns + 1);
}

static void put_stages(struct buf *out, const struct figures *f, uint32_t nodes)
{
    const struct usage *a = &f->after;
    const struct usage *z = &f->before;
    double stages[] = {per_tx(f, a->verify, z->verify, nodes),
                       per_tx(f, a->consensus, z->consensus, nodes),
                       per_tx(f, a->exec, z->exec, nodes),
                       per_tx(f, a->store + a->checkpoint, z->store + z->checkpoint, nodes)};
    double door = per_tx(f, a->total, z->total, nodes);
    for (size_t i = 0; i < 4; i++)
        door -= stages[i];
    buf_printf(out, "{\"verify\":%.2f,\"net\":%.2f,\"exec\":%.2f,\"store\":%.2f,\"door\":%.2f}",
               stages[0], stages[1], stages[2], stages[3], door);
}

static int report(struct bench *b, const struct bench_options *o, const struct figures *f)
{
    struct buf out;
    uint32_t nodes = b->layout.node_count;
    double tx_per_s = throughput(&f->full);
    double verify_us = (double)b->verify_ns / 1e3;
    uint64_t cores = process_core_count();
    double efficiency = tx_per_s * nodes * verify_us / ((double)cores * 1e6);
    uint64_t committed = (uint64_t)f->full.committed + f->half.committed;
    buf_init(&out, mem_system(), 0);
    buf_printf(&out, "{\"nodes\":%u,\"transactions\":%llu,\"tx_per_s\":%.0f,", nodes,
               (unsigned long long)committed, tx_per_s);
    buf_printf(&out, "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"latency_at_tx_per_s\":%.0f,",
               (double)f->half.p50_ns / 1e6, (double)f->half.p99_ns / 1e6, throughput(&f->half));
    buf_printf(&out, "\"efficiency\":%.3f,\"verify_us\":%.2f,\"cores\":%llu,", efficiency,
               verify_us, (unsigned long long)cores);
    buf_printf(&out, "\"cpu_us_per_tx_node\":%.2f,\"cpu_us_by_stage\":",
               per_tx(f, f->after.total, f->before.total, nodes));
    put_stages(&out, f, nodes);
    buf_printf(&out, ",\"rss_mb\":%.1f,\"idle_rss_mb\":%.1f,\"session_writes_per_s\":%.0f,",
               (double)f->after.rss_bytes / nodes / 1e6, (double)f->idle_rss / nodes / 1e6,
               f->session_per_s);
    buf_printf(&out, "\"refused\":%u,\"setup_height\":%llu", f->full.refused + f->half.refused,
               (unsigned long long)b->setup_height);
    if (o->beside != NULL)
        buf_printf(&out,
                   ",\"sqlite_tx_per_s\":%.0f,\"sqlite_cpu_us\":%.2f,\"ratio_to_sqlite\":%.3f",
                   f->sqlite_per_s, f->sqlite_cpu_us, tx_per_s / f->sqlite_per_s);
    buf_put_text(&out, "}\n");
    if (!o->is_json) { /* The same figures, a line each. */
        for (size_t i = 0; i < out.size; i++)
            if (out.data[i] == ',') out.data[i] = '\n';
    }
    return print_and_free(&out);
}

/* --- the run --------------------------------------------------------------------------------- */

static int fail_load(struct bench *b, const struct bench_result *r, enum status st)
{
    complain(b->self, NULL, "the load failed: %s", r->error[0] != 0 ? r->error : status_text(st));
    return exit_code_of(st == ST_OK ? ST_REJECTED : st);
}

static int run_loads(struct bench *b, const struct bench_options *o, struct figures *f)
{
    struct bench_txs txs;
    uint64_t half_ns = o->seconds * 1000000000u / 2;
    uint64_t wanted = (o->rate > 0 ? o->rate : BENCH_RATE_MAX / 2) * o->seconds;
    uint32_t count = wanted > 4000000u ? 4000000u : (uint32_t)wanted;
    enum status st = bench_txs_make(&txs, b, 1, count);
    if (st != ST_OK) return fail_load(b, &f->full, st);
    struct bench_load full = {.txs = &txs, .count = count, .rate = o->rate, .duration_ns = half_ns};
    st = read_usage(b, &f->before);
    if (st == ST_OK) st = bench_load_run(b, &full, &f->full);
    if (st == ST_OK) st = read_usage(b, &f->after);
    if (st == ST_OK && f->full.refused == 0 && f->full.sent < count) {
        uint64_t rate = (uint64_t)throughput(&f->full) / 2 + 1;
        struct bench_load half = {.txs = &txs,
                                  .first = f->full.sent,
                                  .count = count - f->full.sent,
                                  .rate = rate,
                                  .duration_ns = half_ns};
        st = bench_load_run(b, &half, &f->half);
    }
    bench_txs_free(&txs);
    if (st != ST_OK || f->full.refused + f->half.refused > 0)
        return fail_load(b, f->full.error[0] != 0 ? &f->full : &f->half, st);
    return EXIT_FINE;
}

static int run_all(struct bench *b, const struct bench_options *o, struct figures *f)
{
    int exit_code = bench_chain_start(b);
    struct usage idle = {0};
    if (exit_code != EXIT_FINE) return exit_code;
    if (read_usage(b, &idle) != ST_OK) return EXIT_UNREACHABLE;
    f->idle_rss = idle.rss_bytes;
    exit_code = bench_chain_prepare(b);
    if (exit_code != EXIT_FINE) return exit_code;
    measure_verify(b);
    exit_code = run_loads(b, o, f);
    if (exit_code != EXIT_FINE || o->keep != NULL) return exit_code;
    enum status st = bench_session_run(b, BENCH_ID_SINGLE, 1000000000u, &f->session_per_s);
    return st == ST_OK ? EXIT_FINE : fail_load(b, &f->half, st);
}

static int run_bench(struct bench *b, const struct bench_options *o)
{
    struct figures f = {0};
    uint8_t seed[32];
    b->os->entropy(b->os, seed, sizeof seed);
    if (signer_new(&b->signer, seed) != ST_OK) return EXIT_CHECK_FAILED;
    buf_init(&b->genesis_bytes, mem_system(), 0);
    arena_init(&b->genesis_arena, mem_system(), 0);
    int exit_code = run_all(b, o, &f);
    int stopped = bench_chain_stop(b);
    if (exit_code == EXIT_FINE && o->beside != NULL &&
        bench_sqlite_run(b, f.full.committed, LAYOUT_BLOCK_TXS / 4, &f.sqlite_per_s,
                         &f.sqlite_cpu_us) != ST_OK)
        exit_code = EXIT_CHECK_FAILED;
    if (exit_code == EXIT_FINE) exit_code = stopped;
    if (exit_code == EXIT_FINE) exit_code = report(b, o, &f);
    mem_wipe(b->keys, sizeof b->keys);
    arena_fini(&b->genesis_arena);
    buf_fini(&b->genesis_bytes);
    signer_free(b->signer);
    return exit_code;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct bench_options o = {.nodes = 1, .seconds = 10, .base_port = 15440};
    const struct option_spec specs[] = {
        {"nodes", OPTION_NUMBER, &o.nodes, 1, LAYOUT_NODES_MAX},
        {"seconds", OPTION_NUMBER, &o.seconds, 2, 400},
        {"base-port", OPTION_NUMBER, &o.base_port, 1, 65000},
        {"rate", OPTION_NUMBER, &o.rate, 1, BENCH_RATE_MAX},
        {"keep", OPTION_TEXT, &o.keep, 0, 0},
        {"beside", OPTION_TEXT, &o.beside, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
    };
    int exit_code;
    if (!options_parse(self,
                       &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], NULL},
                       &exit_code))
        return exit_code;
    if (o.beside != NULL && strcmp(o.beside, "sqlite") != 0) {
        complain(self, NULL, "--beside takes \"sqlite\"");
        return EXIT_USAGE;
    }
    char scratch[OS_PATH_MAX] = "";
    if (o.keep == NULL && scratch_make("trustsql-bench", scratch) != ST_OK) {
        complain(self, "Set TMPDIR to a writable directory.", "there is no scratch directory");
        return EXIT_USAGE;
    }
    struct bench *b = mem_alloc_zero(mem_system(), 1, sizeof *b);
    if (b == NULL) return EXIT_CHECK_FAILED;
    b->self = self;
    b->os = os_posix();
    b->layout = (struct layout){.os = b->os,
                                .dir = o.keep != NULL ? o.keep : scratch,
                                .node_count = (uint32_t)o.nodes,
                                .base_port = (uint16_t)o.base_port};
    exit_code = run_bench(b, &o);
    mem_free(mem_system(), b);
    if (o.keep == NULL) scratch_remove(scratch);
    return exit_code;
}

const struct command command_bench = {
    "bench", "measure throughput, latency and CPU per transaction",
    "Usage: trustsql bench [--nodes N] [--seconds S] [--rate R] [--keep DIR]\n"
    "                      [--beside sqlite] [--base-port P] [--json]\n\n"
    "Make a chain, load it with distinct transactions signed ahead by 1,000 accounts (200-byte\n"
    "rows, one secondary index), count only receipts whose proof verifies. Half of the time at\n"
    "full load (throughput, CPU by stage), half as an open loop at half that rate (latencies).\n\n"
    "  --nodes N        number of nodes (default: 1)\n"
    "  --seconds S      duration of the load (default: 10)\n"
    "  --rate R         transactions due a second in the first half (default: as many as fit)\n"
    "  --keep DIR       make the chain in DIR and keep it; `trustsql verify node DIR/node0`\n"
    "                   then counts the same transactions\n"
    "  --beside sqlite  also measure SQLite alone with the same rows\n"
    "  --base-port P    first port of the chain (default: 15440)\n"
    "  --json           for machines\n",
    run};
