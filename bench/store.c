/* store.c - What the store costs a block: appended at once, or held, then appended and settled.
 *
 *     build/release/bench/store DIRECTORY [BLOCKS [TRANSACTIONS [RECORD_BYTES]]]
 *
 * DIRECTORY is made and must not exist. A transaction counts 400 bytes and a txid. Each block is
 * followed by two journal records, as the engine writes them: one before the vote, one with the
 * lock. Prints CPU and wall time per block and per transaction, and the longest single block. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "store/store.h"

#define TX_SIZE 400u

struct run {
    struct os *os;
    struct store *store;
    uint64_t blocks;
    uint32_t tx_count;
    uint32_t record_size;
    struct hash *txids;
    uint8_t *body;
    uint64_t longest_ns;
};

static void check(enum status st, const char *what)
{
    if (st == ST_OK) return;
    (void)fprintf(stderr, "%s: %s\n", what, status_text(st));
    exit(1);
}

static void open_store(struct run *r, const char *dir, const char *name)
{
    static char path[OS_PATH_MAX];
    struct damage damage;
    check(os_path_join(path, dir, name), "the directory");
    struct store_config config = {.os = r->os,
                                  .mem = mem_system(),
                                  .dir = path,
                                  .chain_id = hash_of("bench", span_text("a"))};
    check(store_open(&r->store, &config, &damage), "opening");
}

static void journal(struct run *r)
{
    struct span record = span_of(r->body, r->record_size);
    check(store_journal(r->store, 0, record), "journal");
    check(store_sync(r->store), "sync");
}

static void add(struct run *r, uint64_t height, bool holds)
{
    struct span bytes = span_of(r->body, (size_t)r->tx_count * TX_SIZE);
    memcpy(r->body, &height, sizeof height);
    for (uint32_t i = 0; i < r->tx_count; i++)
        memcpy(r->txids[i].bytes, &(uint64_t[2]){height * 2654435761u, i}, 16);
    struct store_block block = {.height = height,
                                .hash = hash_of("block", span_of(r->body, 64)),
                                .bytes = bytes,
                                .txids = r->txids,
                                .tx_count = r->tx_count};
    uint64_t start = r->os->monotonic_ns(r->os);
    if (holds) {
        check(store_hold(r->store, &block), "hold");
        journal(r);
        journal(r);
        check(store_append(r->store, &block), "append");
        if (store_wants_settle(r->store)) check(store_settle(r->store), "settle");
    } else {
        check(store_append(r->store, &block), "append");
        journal(r);
        journal(r);
    }
    uint64_t took = r->os->monotonic_ns(r->os) - start;
    if (took > r->longest_ns) r->longest_ns = took;
}

static void measure(struct run *r, const char *dir, bool holds)
{
    open_store(r, dir, holds ? "held" : "appended");
    r->longest_ns = 0;
    uint64_t cpu = r->os->process_cpu_ns(r->os);
    uint64_t wall = r->os->monotonic_ns(r->os);
    for (uint64_t height = 1; height <= r->blocks; height++)
        add(r, height, holds);
    if (holds) check(store_settle(r->store), "settle");
    cpu = r->os->process_cpu_ns(r->os) - cpu;
    wall = r->os->monotonic_ns(r->os) - wall;
    store_close(r->store);
    double blocks = (double)r->blocks;
    printf("%-9s cpu %8.1f us/block %6.3f us/tx   wall %8.1f us/block   longest %7.2f ms\n",
           holds ? "held" : "appended", (double)cpu / blocks / 1e3,
           (double)cpu / blocks / r->tx_count / 1e3, (double)wall / blocks / 1e3,
           (double)r->longest_ns / 1e6);
}

static uint64_t number(int argc, char **argv, int index, uint64_t otherwise)
{
    return argc > index ? strtoull(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    struct run r = {.os = os_posix(),
                    .blocks = number(argc, argv, 2, 500),
                    .tx_count = (uint32_t)number(argc, argv, 3, 500),
                    .record_size = (uint32_t)number(argc, argv, 4, 4096)};
    if (argc < 2 || r.blocks == 0 || r.tx_count == 0 || r.tx_count > 50000 || r.record_size == 0 ||
        r.record_size > JOURNAL_RECORD_MAX) {
        (void)fprintf(stderr, "usage: store DIRECTORY [BLOCKS [TRANSACTIONS [RECORD_BYTES]]]\n");
        return 2;
    }
    size_t size = (size_t)r.tx_count * TX_SIZE;
    r.body = mem_alloc_zero(mem_system(), 1, size > JOURNAL_RECORD_MAX ? size : JOURNAL_RECORD_MAX);
    r.txids = mem_alloc_zero(mem_system(), r.tx_count, sizeof *r.txids);
    must(r.body != NULL);
    must(r.txids != NULL);
    check(r.os->make_dir(r.os, argv[1]), "the directory");
    for (int i = 0; i < 2; i++) {
        measure(&r, argv[1], i == 1);
    }
    mem_free(mem_system(), r.body);
    mem_free(mem_system(), r.txids);
    return 0;
}
