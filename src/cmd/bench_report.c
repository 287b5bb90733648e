/* bench_report.c - What the nodes have spent, and what a measurement says in the end. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/bench_int.h"
#include "cmd/rows.h"
#include "os/process.h"

#define LEVEL_WAIT_MS 60000u
#define LEVEL_POLL_MS 20u
#define STAGE_COUNT   10u

/* digests: the tree of rows and the index of row versions; tidy: compressing sealed segments. */
static const char *const stage_names[STAGE_COUNT] = {
    "verify", "net", "exec", "store", "door", "consensus", "pool", "scrub", "digests", "tidy"};

static const char *const bytes_names[BYTES_COUNT] = {"blocks", "index",   "results", "state",
                                                     "rows",   "history", "pending"};

/* --- what the nodes say ---------------------------------------------------------------------- */

static void take_line(struct bench_usage *u, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *to;
    } fields[] = {{"cpu_us_total", &u->total},
                  {"cpu_us_verify", &u->verify},
                  {"cpu_us_net", &u->net},
                  {"cpu_us_consensus", &u->consensus},
                  {"cpu_us_pool", &u->pool},
                  {"cpu_us_heal", &u->scrub},
                  {"cpu_us_exec", &u->exec},
                  {"cpu_us_store", &u->store},
                  {"cpu_us_checkpoint", &u->checkpoint},
                  {"cpu_us_rows", &u->rows},
                  {"cpu_us_history", &u->history},
                  {"cpu_us_tidy", &u->tidy},
                  {"rss_bytes", &u->rss_bytes},
                  {"signatures_verified", &u->signatures},
                  {"height", &u->height},
                  {"history_height", &u->history_height}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(fields[i].name, name) == 0) *fields[i].to = strtoull(value, NULL, 10);
    if (strcmp(name, "tidying") == 0) u->is_tidying = strcmp(value, "yes") == 0;
}

static enum status read_node(struct bench *b, uint32_t node, struct bench_usage *out)
{
    PGconn *link = NULL;
    *out = (struct bench_usage){.at_ns = b->os->monotonic_ns(b->os)};
    enum status st = link_open_admin(&link, &b->layout, node);
    if (st == ST_OK) {
        PGresult *result = rows_query(b->self, link, "SELECT name, value FROM trustsql.status");
        if (result == NULL) st = ST_UNREACHABLE;
        for (int i = 0; st == ST_OK && i < PQntuples(result); i++)
            take_line(out, rows_get(result, i, "name"), rows_get(result, i, "value"));
        PQclear(result);
    }
    PQfinish(link);
    return st;
}

enum status bench_usage_read(struct bench *b, struct bench_usage *out)
{
    for (uint32_t node = 0; node < b->layout.node_count; node++)
        TRY(read_node(b, node, &out[node]));
    return ST_OK;
}

/* All have executed what the highest had when this began: a chain that returns to FAST goes on with
 * empty blocks, which are no cost of the load. */
enum status bench_await_level(struct bench *b)
{
    struct bench_usage usage[LAYOUT_NODES_MAX];
    uint64_t wanted = 0;
    for (uint32_t waited = 0; waited < LEVEL_WAIT_MS; waited += LEVEL_POLL_MS) {
        uint64_t low = UINT64_MAX;
        uint64_t high = 0;
        TRY(bench_usage_read(b, usage));
        for (uint32_t i = 0; i < b->layout.node_count; i++) {
            if (usage[i].height < low) low = usage[i].height;
            if (usage[i].height > high) high = usage[i].height;
        }
        if (wanted == 0) wanted = high;
        if (low >= wanted) return ST_OK;
        process_sleep_ms(LEVEL_POLL_MS);
    }
    return ST_TIMEOUT;
}

/* --- figures --------------------------------------------------------------------------------- */

double bench_throughput(const struct bench_result *r)
{
    return (double)r->committed * 1e9 / (double)(r->elapsed_ns + 1);
}

static double per_tx(const struct bench_figures *f, uint64_t after, uint64_t before)
{
    return f->full.committed == 0 ? 0 : (double)(after - before) / (double)f->full.committed;
}

/* CPU time of a node for each transaction, µs; what is none of the others' belongs to the doors. */
static void split_stages(const struct bench_figures *f, uint32_t node, double stages[STAGE_COUNT])
{
    const struct bench_usage *a = &f->after[node];
    const struct bench_usage *z = &f->before[node];
    stages[0] = per_tx(f, a->verify, z->verify);
    stages[1] = per_tx(f, a->net, z->net);
    stages[2] = per_tx(f, a->exec, z->exec);
    stages[3] = per_tx(f, a->store + a->checkpoint, z->store + z->checkpoint);
    stages[5] = per_tx(f, a->consensus, z->consensus);
    stages[6] = per_tx(f, a->pool, z->pool);
    stages[7] = per_tx(f, a->scrub, z->scrub);
    stages[8] = per_tx(f, a->rows + a->history, z->rows + z->history);
    stages[9] = per_tx(f, a->tidy, z->tidy);
    stages[4] = per_tx(f, a->total, z->total);
    for (uint32_t i = 0; i < STAGE_COUNT; i++)
        if (i != 4) stages[4] -= stages[i];
}

static double mean_stages(const struct bench_figures *f, uint32_t nodes, double mean[STAGE_COUNT])
{
    double all = 0;
    memset(mean, 0, STAGE_COUNT * sizeof *mean);
    for (uint32_t node = 0; node < nodes; node++) {
        double stages[STAGE_COUNT];
        split_stages(f, node, stages);
        for (uint32_t i = 0; i < STAGE_COUNT; i++) {
            mean[i] += stages[i] / nodes;
            all += stages[i] / nodes;
        }
    }
    return all;
}

/* Of one processor, while both loads ran. */
static double scrub_share(const struct bench_figures *f, uint32_t nodes)
{
    double sum = 0;
    for (uint32_t node = 0; node < nodes; node++)
        sum += (double)(f->last[node].scrub - f->before[node].scrub) * 1e3 /
               (double)(f->last[node].at_ns - f->before[node].at_ns + 1);
    return sum / nodes;
}

static double bytes_per_tx(const struct bench_figures *f, uint32_t what)
{
    const uint32_t count = f->full.committed + f->half.committed;
    const double bytes = (double)f->bytes_after[what] - (double)f->bytes_before[what];
    return count == 0 ? 0 : bytes / count;
}

static double all_bytes_per_tx(const struct bench_figures *f)
{
    double sum = 0;
    for (uint32_t i = 0; i < BYTES_COUNT; i++)
        sum += bytes_per_tx(f, i);
    return sum;
}

static double mean_mb(const struct bench_usage *usage, uint32_t nodes)
{
    double sum = 0;
    for (uint32_t node = 0; node < nodes; node++)
        sum += (double)usage[node].rss_bytes / 1e6;
    return sum / nodes;
}

static uint64_t verified_by(const struct bench_figures *f, uint32_t node)
{
    return f->last[node].signatures - f->before[node].signatures;
}

enum status bench_check_signatures(struct bench *b, const struct bench_figures *f)
{
    const uint64_t committed = (uint64_t)f->full.committed + f->half.committed;
    for (uint32_t node = 0; node < b->layout.node_count; node++) {
        if (verified_by(f, node) >= committed) continue;
        complain(b->self, NULL, "node%u has verified %llu signatures of %llu transactions", node,
                 (unsigned long long)verified_by(f, node), (unsigned long long)committed);
        return ST_REJECTED;
    }
    return ST_OK;
}

/* --- output ---------------------------------------------------------------------------------- */

static void put_stages(struct buf *out, const double stages[STAGE_COUNT])
{
    for (uint32_t i = 0; i < STAGE_COUNT; i++)
        buf_printf(out, "%s\"%s\":%.2f", i == 0 ? "{" : ",", stage_names[i], stages[i]);
    buf_put_u8(out, '}');
}

static void put_bytes(struct buf *out, const struct bench_figures *f)
{
    buf_printf(out, "{\"statement\":%llu", (unsigned long long)bench_statement_bytes());
    for (uint32_t i = 0; i < BYTES_COUNT; i++)
        buf_printf(out, ",\"%s\":%.1f", bytes_names[i], bytes_per_tx(f, i));
    buf_printf(out, ",\"all\":%.1f}", all_bytes_per_tx(f));
}

static void put_nodes(struct buf *out, const struct bench *b, const struct bench_figures *f)
{
    buf_put_text(out, "\"per_node\":[");
    for (uint32_t node = 0; node < b->layout.node_count; node++) {
        double stages[STAGE_COUNT];
        split_stages(f, node, stages);
        buf_printf(out, "%s{\"index\":%u,\"signatures_verified\":%llu,\"cpu_us_per_tx\":%.2f,",
                   node > 0 ? "," : "", node, (unsigned long long)verified_by(f, node),
                   per_tx(f, f->after[node].total, f->before[node].total));
        buf_put_text(out, "\"cpu_us_by_stage\":");
        put_stages(out, stages);
        buf_printf(out, ",\"rss_mb\":%.1f,\"idle_rss_mb\":%.1f}",
                   (double)f->after[node].rss_bytes / 1e6, (double)f->idle[node].rss_bytes / 1e6);
    }
    buf_put_u8(out, ']');
}

static double efficiency_of(const struct bench *b, const struct bench_figures *f)
{
    return bench_throughput(&f->full) * b->layout.node_count * (double)b->verify_ns / 1e3 /
           ((double)process_core_count() * 1e6);
}

static void put_json(struct buf *out, const struct bench *b, const struct bench_figures *f)
{
    const uint32_t nodes = b->layout.node_count;
    double stages[STAGE_COUNT];
    const double cpu_us = mean_stages(f, nodes, stages);
    const uint64_t committed = (uint64_t)f->full.committed + f->half.committed;
    buf_printf(out, "{\"nodes\":%u,\"transactions\":%llu,\"tx_per_s\":%.0f,", nodes,
               (unsigned long long)committed, bench_throughput(&f->full));
    buf_printf(out, "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"latency_at_tx_per_s\":%.0f,",
               (double)f->half.p50_ns / 1e6, (double)f->half.p99_ns / 1e6,
               bench_throughput(&f->half));
    buf_printf(out, "\"efficiency\":%.3f,\"verify_us\":%.2f,\"cores\":%u,", efficiency_of(b, f),
               (double)b->verify_ns / 1e3, process_core_count());
    buf_printf(out, "\"cpu_us_per_tx_node\":%.2f,\"cpu_us_by_stage\":", cpu_us);
    put_stages(out, stages);
    buf_printf(out, ",\"rss_mb\":%.1f,\"idle_rss_mb\":%.1f,\"session_writes_per_s\":%.0f,",
               mean_mb(f->after, nodes), mean_mb(f->idle, nodes), f->session_per_s);
    buf_printf(out, "\"scrub_share\":%.4f,\"bytes_per_tx\":", scrub_share(f, nodes));
    put_bytes(out, f);
    buf_printf(out, ",\"refused\":%u,\"unproved\":%u,\"setup_height\":%llu,",
               f->full.refused + f->half.refused, f->full.unproved + f->half.unproved,
               (unsigned long long)b->setup_height);
    put_nodes(out, b, f);
    if (f->sqlite_per_s > 0)
        buf_printf(out, ",\"sqlite_tx_per_s\":%.0f,\"sqlite_cpu_us\":%.2f,\"ratio_to_sqlite\":%.3f",
                   f->sqlite_per_s, f->sqlite_cpu_us, bench_throughput(&f->full) / f->sqlite_per_s);
    buf_put_text(out, "}\n");
}

static void put_text_node(struct buf *out, const struct bench_figures *f, uint32_t node)
{
    double stages[STAGE_COUNT];
    split_stages(f, node, stages);
    buf_printf(out, "  node%u: %.1f us (", node,
               per_tx(f, f->after[node].total, f->before[node].total));
    for (uint32_t i = 0; i < STAGE_COUNT; i++)
        buf_printf(out, "%s%s %.1f", i > 0 ? ", " : "", stage_names[i], stages[i]);
    buf_printf(out, "), %.0f MB, idle %.0f MB, %llu signatures verified\n",
               (double)f->after[node].rss_bytes / 1e6, (double)f->idle[node].rss_bytes / 1e6,
               (unsigned long long)verified_by(f, node));
}

static void put_text(struct buf *out, const struct bench *b, const struct bench_figures *f)
{
    const uint32_t nodes = b->layout.node_count;
    double stages[STAGE_COUNT];
    buf_printf(out, "%u node%s, %u cores, one verification %.1f us\n", nodes, nodes == 1 ? "" : "s",
               process_core_count(), (double)b->verify_ns / 1e3);
    buf_printf(out,
               "full load: %.0f transactions/s, efficiency %.3f (of all CPU for checking "
               "each signature on each node)\n",
               bench_throughput(&f->full), efficiency_of(b, f));
    buf_printf(out,
               "half load: %.0f transactions/s, due to verified receipt p50 %.1f ms, p99 %.1f "
               "ms\n",
               bench_throughput(&f->half), (double)f->half.p50_ns / 1e6,
               (double)f->half.p99_ns / 1e6);
    if (f->session_per_s > 0)
        buf_printf(out, "one session alone: %.0f final writes/s\n", f->session_per_s);
    buf_printf(out, "CPU per transaction and node at full load: %.1f us\n",
               mean_stages(f, nodes, stages));
    for (uint32_t node = 0; node < nodes; node++)
        put_text_node(out, f, node);
    buf_printf(out, "scrub: %.1f %% of a processor meanwhile\n", 100 * scrub_share(f, nodes));
    buf_printf(out, "on disk: %.0f bytes a transaction of %llu bytes (", all_bytes_per_tx(f),
               (unsigned long long)bench_statement_bytes());
    for (uint32_t i = 0; i < BYTES_COUNT; i++)
        buf_printf(out, "%s%s %.0f", i > 0 ? ", " : "", bytes_names[i], bytes_per_tx(f, i));
    buf_put_text(out, ")\n");
    buf_printf(out, "%llu transactions with verified receipts after height %llu\n",
               (unsigned long long)f->full.committed + f->half.committed,
               (unsigned long long)b->setup_height);
    if (f->full.unproved + f->half.unproved > 0)
        buf_printf(out, "%u more came without a proof and are not counted\n",
                   f->full.unproved + f->half.unproved);
    if (f->sqlite_per_s > 0)
        buf_printf(out, "SQLite alone: %.0f rows/s, %.1f us; ratio %.3f\n", f->sqlite_per_s,
                   f->sqlite_cpu_us, bench_throughput(&f->full) / f->sqlite_per_s);
}

int bench_report(const struct bench *b, const struct bench_figures *f, bool is_json)
{
    struct buf out;
    must(b->layout.node_count > 0);
    buf_init(&out, mem_system(), 0);
    if (is_json)
        put_json(&out, b, f);
    else
        put_text(&out, b, f);
    return print_and_free(&out);
}
