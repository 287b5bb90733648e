/* bench_int.h - The parts of `trustsql bench`: a chain to load, transactions, load, report. */
#ifndef TRUSTSQL_CMD_BENCH_INT_H
#define TRUSTSQL_CMD_BENCH_INT_H

#include <stdatomic.h>

#include "cmd/layout.h"
#include "cmd/link.h"
#include "ledger/proof.h"

#define BENCH_ACCOUNTS     1000u
#define BENCH_PAYLOAD_SIZE 200u
#define BENCH_LANES        8u /* Connections, at least; the same number to each node. */
#define BENCH_LANES_MAX    (LAYOUT_NODES_MAX + BENCH_LANES)
#define BENCH_WINDOW       256u /* Under way on one connection. */

#define BENCH_CREATE_TABLE                                                                         \
    "CREATE TABLE bench (id bigint PRIMARY KEY, account bigint NOT NULL, payload text NOT NULL)"
#define BENCH_CREATE_INDEX "CREATE INDEX bench_account ON bench (account)"
#define BENCH_INSERT       "INSERT INTO bench (id, account, payload) VALUES ($1, $2, $3)"

struct bench {
    const struct command *self;
    struct os *os;
    struct layout layout;
    const char *mode;       /* Null: as testnet chooses. */
    uint64_t rows;          /* In its table, before it is measured … */
    uint64_t blocks;        /* … and height of the chain, at least. */
    uint64_t segment_bytes; /* Of the store; 0: as nodes have it. */
    struct signer *signer;
    struct buf genesis_bytes;
    struct arena genesis_arena;
    struct genesis genesis;
    struct validators validators;
    struct hash chain_id;
    struct secret_key keys[BENCH_ACCOUNTS];
    struct public_key publics[BENCH_ACCOUNTS];
    uint64_t setup_height;
    uint64_t verify_ns; /* One signature verification on this machine, now. */
};

/* bench_chain.c: make and start a chain; accounts, table and index; stop it. Exit codes. */
int bench_chain_start(struct bench *b);
int bench_chain_prepare(struct bench *b);
int bench_chain_stop(struct bench *b);
NODISCARD enum status bench_query(struct bench *b, PGconn *link, const char *text); /* It tells. */
NODISCARD enum status bench_height(PGconn *link, uint64_t *height);

/* bench_fill.c */
NODISCARD enum status bench_fill_rows(struct bench *b, PGconn *link, uint64_t rows);
NODISCARD enum status bench_fill_blocks(struct bench *b, uint64_t blocks);

/* bench_rest.c: until no node has work left of what was written, but for the scrub's rounds. */
NODISCARD enum status bench_await_rest(struct bench *b);

enum bench_bytes {
    BYTES_BLOCKS,
    BYTES_INDEX, /* Of txids. */
    BYTES_RESULTS,
    BYTES_STATE,
    BYTES_ROWS,
    BYTES_HISTORY,
    BYTES_PENDING,
    BYTES_COUNT
};
/* What the files of the first node have now. */
NODISCARD enum status bench_bytes_read(struct bench *b, uint64_t out[BYTES_COUNT]);

/* bench_txs.c: signed transactions made ahead. */
struct bench_txs {
    struct span *items; /* Encoded; memory of buffers. */
    uint32_t count;
    struct buf *buffers; /* One a thread. */
    uint32_t buffer_count;
};
/* Bytes of a statement with its values, which is what a client gave. */
uint64_t bench_statement_bytes(void);
NODISCARD enum status bench_txs_make(struct bench_txs *out,
                                     struct bench *b,
                                     uint64_t first_id,
                                     uint32_t count);
void bench_txs_free(struct bench_txs *txs);

/* bench_load.c: send transactions, verify what comes back. */
struct bench_load {
    const struct bench_txs *txs;
    uint32_t first;       /* Index of the first to send. */
    uint32_t count;       /* How many there are to send. */
    uint64_t rate;        /* A second; 0: as fast as windows allow. */
    uint64_t duration_ns; /* Stop sending then. */
};

struct bench_result {
    uint32_t sent;
    uint32_t committed; /* With a verified receipt that says ok. */
    uint32_t refused;
    uint32_t unproved;   /* Answered with a receipt, but without a proof: not counted. */
    uint64_t elapsed_ns; /* First sent to last answered. */
    uint64_t p50_ns;     /* From when it was due, to its verified receipt. */
    uint64_t p99_ns;
    char error[256]; /* The first refusal or failed check; empty: none. */
};
NODISCARD enum status bench_load_run(struct bench *b,
                                     const struct bench_load *load,
                                     struct bench_result *out);

/* One session, one statement after the other, each final before the next; writes a second. */
NODISCARD enum status bench_session_run(struct bench *b,
                                        uint64_t first_id,
                                        uint64_t duration_ns,
                                        double *per_second);

/* bench_sqlite.c: SQLite alone with the same rows, batches of batch rows a transaction. */
NODISCARD enum status bench_sqlite_run(
    struct bench *b, uint32_t count, uint32_t batch, double *per_second, double *cpu_us);

/* bench_report.c: what the nodes have spent (trustsql.status), and the figures of a measurement. */
struct bench_usage { /* CPU in µs. */
    uint64_t total;
    uint64_t verify;
    uint64_t net;
    uint64_t consensus;
    uint64_t pool;
    uint64_t scrub;
    uint64_t store;
    uint64_t exec;
    uint64_t checkpoint;
    uint64_t rows;
    uint64_t history;
    uint64_t tidy;
    uint64_t rss_bytes;
    uint64_t signatures;
    uint64_t height;
    uint64_t history_height;
    bool is_tidying;
    uint64_t at_ns; /* When it was read. */
};

struct bench_figures { /* Arrays: by node. */
    struct bench_result full;
    struct bench_result half;
    struct bench_usage idle[LAYOUT_NODES_MAX];   /* Before anything was written. */
    struct bench_usage before[LAYOUT_NODES_MAX]; /* The full load. */
    struct bench_usage after[LAYOUT_NODES_MAX];
    struct bench_usage last[LAYOUT_NODES_MAX]; /* After both loads. */
    uint64_t bytes_before[BYTES_COUNT];        /* On the disk of the first node. */
    uint64_t bytes_after[BYTES_COUNT];
    double session_per_s;
    double sqlite_per_s; /* 0: not measured. */
    double sqlite_cpu_us;
};

NODISCARD enum status bench_usage_read(struct bench *b, struct bench_usage *out);

/* Until all nodes have executed the same height. */
NODISCARD enum status bench_await_level(struct bench *b);

double bench_throughput(const struct bench_result *r);

/* ST_REJECTED, complained: a node has not verified every signature itself. */
NODISCARD enum status bench_check_signatures(struct bench *b, const struct bench_figures *f);

int bench_report(const struct bench *b, const struct bench_figures *f, bool is_json);

#endif
