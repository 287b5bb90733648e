/* bench.c - How much a chain carries, and what a transaction costs: a fresh chain, load, report.
 *
 * First half of the time: everything is due at once, bounded windows: throughput and CPU by stage.
 * Second half: an open loop at half of that rate: latencies. Then one session alone. */
#include <stdio.h>

#include "cmd/bench_int.h"
#include "cmd/scratch.h"
#include "os/process.h"
#include "os/thread.h"

#define BENCH_RATE_MAX   40000u /* Transactions signed ahead for each second of full load. */
#define BENCH_ID_SINGLE  (1ull << 40)
#define BENCH_ROWS_MAX   1000000000u
#define BENCH_BLOCKS_MAX 100000000u

struct bench_options {
    uint64_t nodes;
    uint64_t seconds;
    uint64_t base_port;
    uint64_t rate;
    uint64_t rows;
    uint64_t blocks;
    uint64_t segment_bytes;
    const char *keep;
    const char *beside;
    const char *mode;
    bool is_json;
};

/* In CPU time: neighbours on the machine are no cost of a verification. */
static void measure_verify(struct bench *b)
{
    enum { ROUNDS = 2000 };
    struct hash hash = hash_of("bench", span_text("one signature"));
    struct signature signature;
    enum status st = sign_hash(b->signer, &signature, &b->keys[0], &hash);
    uint64_t start = thread_own_cpu_ns();
    for (int i = 0; i < ROUNDS && st == ST_OK; i++)
        st = sign_verify(b->signer, &b->publics[0], &hash, &signature);
    b->verify_ns = (thread_own_cpu_ns() - start) / ROUNDS;
}

/* --- the run --------------------------------------------------------------------------------- */

static int fail_load(struct bench *b, const struct bench_result *r, enum status st)
{
    complain(b->self, NULL, "the load failed: %s", r->error[0] != 0 ? r->error : status_text(st));
    return exit_code_of(st == ST_OK ? ST_REJECTED : st);
}

static int run_loads(struct bench *b, const struct bench_options *o, struct bench_figures *f)
{
    struct bench_txs txs;
    uint64_t half_ns = o->seconds * 1000000000u / 2;
    uint64_t wanted = (o->rate > 0 ? o->rate : BENCH_RATE_MAX / 2) * o->seconds;
    uint32_t count = wanted > 4000000u ? 4000000u : (uint32_t)wanted;
    enum status st = bench_txs_make(&txs, b, 1, count);
    if (st != ST_OK) return fail_load(b, &f->full, st);
    st = bench_bytes_read(b, f->bytes_before);
    struct bench_load full = {.txs = &txs, .count = count, .rate = o->rate, .duration_ns = half_ns};
    if (st == ST_OK) st = bench_usage_read(b, f->before);
    if (st == ST_OK) st = bench_load_run(b, &full, &f->full);
    if (st == ST_OK) st = bench_await_level(b); /* What is still on its way is a cost, too. */
    if (st == ST_OK) st = bench_usage_read(b, f->after);
    if (st == ST_OK && f->full.refused == 0 && f->full.sent < count) {
        uint64_t rate = (uint64_t)bench_throughput(&f->full) / 2 + 1;
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
    st = bench_await_level(b);
    if (st == ST_OK) st = bench_usage_read(b, f->last);
    if (st == ST_OK) st = bench_await_rest(b);
    if (st == ST_OK) st = bench_bytes_read(b, f->bytes_after);
    if (st != ST_OK) return fail_load(b, &f->half, st);
    return exit_code_of(bench_check_signatures(b, f));
}

static int run_all(struct bench *b, const struct bench_options *o, struct bench_figures *f)
{
    int exit_code = bench_chain_start(b);
    if (exit_code != EXIT_FINE) return exit_code;
    if (bench_usage_read(b, f->idle) != ST_OK) return EXIT_UNREACHABLE;
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
    struct bench_figures f = {0};
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
    if (exit_code == EXIT_FINE) exit_code = bench_report(b, &f, o->is_json);
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
        {"rows", OPTION_NUMBER, &o.rows, 0, BENCH_ROWS_MAX},
        {"blocks", OPTION_NUMBER, &o.blocks, 0, BENCH_BLOCKS_MAX},
        {"segment-bytes", OPTION_NUMBER, &o.segment_bytes, 1u << 16, 1u << 30},
        {"keep", OPTION_TEXT, &o.keep, 0, 0},
        {"beside", OPTION_TEXT, &o.beside, 0, 0},
        {"mode", OPTION_TEXT, &o.mode, 0, 0},
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
    b->mode = o.mode;
    b->rows = o.rows;
    b->blocks = o.blocks;
    b->segment_bytes = o.segment_bytes;
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
    "Usage: trustsql bench [--nodes N] [--mode MODE] [--seconds S] [--rate R] [--rows N] [--blocks "
    "N]\n"
    "                      [--segment-bytes N] [--keep DIR] [--beside sqlite] [--base-port P]\n"
    "                      [--json]\n\n"
    "Make a chain, load all its nodes alike with distinct transactions signed ahead by 1,000\n"
    "accounts (200-byte rows, one secondary index), count only receipts whose proof verifies.\n"
    "Half of the time at full load (throughput, CPU by stage and node), half as an open loop at\n"
    "half that rate (latencies). It fails when a node has not verified every signature itself.\n"
    "efficiency = transactions/s x nodes x one verification / all CPU time of the machine.\n\n"
    "  --nodes N        number of nodes: 1, or 3 to 31 (default: 1)\n"
    "  --mode MODE      raft, bft or adaptive (default: as testnet)\n"
    "  --seconds S      duration of the load (default: 10)\n"
    "  --rate R         transactions due a second in the first half (default: as many as fit)\n"
    "  --rows N         so many rows are in the table before the load begins (default: 0)\n"
    "  --blocks N       … and so many blocks in the chain\n"
    "  --segment-bytes N\n"
    "                   size at which nodes seal and compress segments (default: as node.conf)\n"
    "  --keep DIR       make the chain in DIR and keep it; `trustsql verify node DIR/node<i>`\n"
    "                   then counts the same transactions and signatures\n"
    "  --beside sqlite  also measure SQLite alone with the same rows\n"
    "  --base-port P    first port of the chain (default: 15440)\n"
    "  --json           for machines\n",
    run};
