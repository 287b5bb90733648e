/* core_rig.h - Cores of one chain in one thread: network, disk, verification and execution in
 * memory, time in the test's hand.
 *
 *     struct core_rig *rig = core_rig_new(4, seed);
 *     core_rig_submit(rig, 2, 1);                   // Client of node 2, transaction number 1.
 *     assert_true(core_rig_until(rig, 2000, done)); // Time passes until done(rig).
 *     core_rig_free(rig);
 *
 * Messages of one link arrive in order, after a few milliseconds from the seed; a link can be cut,
 * and a filter may change, drop or answer what is on its way. Verification decodes and checks
 * signatures for real; execution makes receipts and folds hashes. Every answer has a
 * proof, which is verified, of four nodes as a client would: by libtrustsql, from the genesis.
 * Whatever must not happen fails the test.
 *
 * Epochs: core_rig_decide says which transaction decides a configuration; it waits for the next
 * epoch from the block on that holds the transaction. A machine of the rig (index in nodes) is
 * whoever has its key; core_rig_join adds one that is no node of the chain yet. */
#ifndef TRUSTSQL_TEST_CORE_RIG_H
#define TRUSTSQL_TEST_CORE_RIG_H

#include "node/core.h"
#include "support/test_rng.h"

#define CORE_RIG_CLIENTS 4096u
#define CORE_RIG_EPOCHS  8u
#define CORE_RIG_NO_ONE  UINT32_MAX

#define CORE_RIG_PLACES  64u

struct core_rig;
struct core_rig_decision;
struct trustsql;

enum core_rig_outcome { RIG_WAITING, RIG_DONE, RIG_REFUSED, RIG_EARLY };

struct core_rig_client { /* By number of the transaction. */
    struct ticket ticket;
    enum core_rig_outcome outcome;
    enum status status;
    uint64_t height;
    bool has_rows;
    uint32_t answers; /* Must become 1 and stay so. */
};

struct core_rig_block {
    struct hash hash;
    uint8_t *bytes;
    size_t size;
};

struct core_rig_node {
    struct core_rig *rig;
    uint32_t index;
    struct core *core;
    struct core_ports ports;
    struct core_rig_block *blocks; /* [height - 1] */
    uint64_t block_count;
    struct core_rig_block *held;
    uint32_t held_count;
    uint64_t settled_count; /* Of blocks, by jobs that ask for it. */
    uint32_t release_count;
    bool is_crowded;      /* What the store says of its held blocks. */
    struct hash *digests; /* D of [height]. */
    struct storage_job *jobs[512];
    uint32_t job_count;
    struct flow_block *executing[128];
    uint32_t executing_count;
    struct flow_tx **verifying;
    uint32_t verifying_count;
    uint32_t verify_max; /* Beyond: ST_BUSY. */
    uint32_t evidence_count;
    struct evidence evidence[16]; /* Without bytes. */
    uint32_t invalid[NODES_MAX];  /* Messages of a peer that were refused. */
    uint64_t verified;
    enum status failed;
    struct span configs[CORE_RIG_EPOCHS]; /* As executed; allocated. */
    uint64_t bases[CORE_RIG_EPOCHS];
    uint32_t config_count;
    const struct core_rig_decision *pending; /* Waits for the next epoch; null: none. */
    uint32_t machines[CORE_RIG_PLACES];      /* By place of a peer; CORE_RIG_NO_ONE. */
    bool is_told[NODES_MAX];                 /* That the connection with a machine stands, */
    struct public_key told_key[NODES_MAX];   /* which was known by this key. */
    struct public_key place_keys[CORE_RIG_PLACES];
    struct public_key shown; /* To others: of its keys the one that its epoch names. */
    uint32_t key;            /* Of its keys: sample_node_secret. */
    uint32_t next_key;       /* It has this one too; CORE_RIG_NO_ONE: it has not. */
    uint64_t epoch;          /* In which its core is. */
    bool is_down;
    bool is_slow_to_execute; /* Nothing is executed. */
};

struct core_rig_message {
    uint64_t due_ms;
    uint32_t from;
    uint32_t to;
    enum core_channel channel;
    struct span bytes;
    uint8_t *own; /* The same bytes: a filter may change them. */
};

struct core_rig {
    uint32_t n;
    uint64_t ms;
    struct test_rng rng;
    struct core_rig_node nodes[NODES_MAX];
    struct core_rig_message *messages;
    uint32_t message_count;
    uint32_t message_capacity;
    uint64_t last_due[NODES_MAX][NODES_MAX];
    bool is_cut[NODES_MAX][NODES_MAX];
    uint32_t delay_ms; /* At most; 0 … */
    uint32_t loss_percent;
    uint32_t sync_ms; /* A sync of the disk ends only every so many. */
    enum consensus_fault fault;
    struct core_rig_client clients[CORE_RIG_CLIENTS];
    uint64_t bytes_sent;
    struct core_rig_decision { /* Transaction number decides on this, encoded. */
        uint64_t number;
        struct buf config;
    } decisions[CORE_RIG_EPOCHS];
    uint32_t decision_count;
    struct buf first; /* Configuration of epoch 0. */
    struct trustsql *lib;
    struct buf genesis;     /* Encoded; of four nodes. */
    uint64_t proof_count;   /* Verified. */
    uint64_t later_max;     /* Heights to the farthest result certificate. */
    uint64_t by_descendant; /* Of these, through the certificate of a later block. */
    /* False: the message is lost. May send others itself. */
    bool (*filter)(struct core_rig *rig, const struct core_rig_message *m);
    void *context;
};

struct core_rig *core_rig_new(uint32_t n, uint64_t seed);
void core_rig_free(struct core_rig *rig);

/* Bytes of transaction number, valid for long; the caller's buf. */
void core_rig_tx(uint64_t number, struct buf *out);
void core_rig_submit(struct core_rig *rig, uint32_t node, uint64_t number);
/* With a ticket that wants rows. */
void core_rig_submit_rows(struct core_rig *rig, uint32_t node, uint64_t number);
/* Its outcome is RIG_EARLY, once the block is executed. */
void core_rig_submit_early(struct core_rig *rig, uint32_t node, uint64_t number);

struct core_rig_read {
    struct flow_read read; /* What came back, when answers is 1. */
    uint32_t answers;
};
/* A linearizable read; *read lives until it is answered. */
void core_rig_read(struct core_rig *rig, uint32_t node, struct core_rig_read *read);

void core_rig_run(struct core_rig *rig, uint64_t ms);
bool core_rig_until(struct core_rig *rig, uint64_t ms_max, bool (*is_done)(struct core_rig *rig));

/* Hand bytes to a node as a message of from. */
enum status core_rig_inject(
    struct core_rig *rig, uint32_t from, uint32_t to, enum core_channel channel, struct span bytes);
void core_rig_send(
    struct core_rig *rig, uint32_t from, uint32_t to, enum core_channel channel, struct span bytes);

/* One more machine, with key number: no node of the chain. Its index. */
uint32_t core_rig_join(struct core_rig *rig, uint32_t key);
/* Transaction number decides on what change makes of the newest configuration that node executed.
 */
void core_rig_decide(struct core_rig *rig,
                     uint64_t number,
                     uint32_t node,
                     void (*change)(struct chain_config *config));
uint64_t core_rig_epoch(const struct core_rig *rig, uint32_t node);
void core_rig_cut(struct core_rig *rig, uint32_t node, bool is_cut); /* From all others. */
uint64_t core_rig_final(const struct core_rig *rig, uint32_t node);
uint64_t core_rig_executed(const struct core_rig *rig, uint32_t node);
/* All nodes have equal blocks and digests as far as both have them. */
void core_rig_check_equal(const struct core_rig *rig);

#endif
