/* engine_rig.h - Some engines and a small world around them: network, disks, execution, a clock.
 *
 *     struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4, .seed = 1});
 *     engine_rig_submit(r, 10);                 // Transactions, known to every node at once.
 *     engine_rig_run(r, 1000);                  // A second of virtual time.
 *     engine_rig_crash(r, 0, true); … engine_rig_restart(r, 0);
 *     engine_rig_free(r);
 *
 * A small cousin of the simulator: bodies are their certificates, a result is a hash over the
 * blocks. Checked after every step: final chains agree, heights come in order, what is sent was
 * durable before, no proof convicts an honest node, and each proof verifies. What fails aborts the
 * test. At the end the mode that each engine knows is computed again from its chain. The same
 * options give the same run. */
#ifndef TRUSTSQL_TEST_SUPPORT_ENGINE_RIG_H
#define TRUSTSQL_TEST_SUPPORT_ENGINE_RIG_H

#include "consensus/consensus.h"
#include "support/test_rng.h"

#define RIG_TIME_MS 1800000000000u /* Wall clock at the start. */

struct engine_rig;

struct engine_rig_options {
    uint32_t count;       /* Validators at first; f follows, by p and the mode. */
    uint32_t nodes;       /* All nodes; those behind the validators look on. 0: count. */
    enum block_mode mode; /* 0: MODE_BFT. */
    uint32_t p;
    uint64_t seed;
    uint32_t loss_permille;
    uint32_t copy_permille; /* Delivered twice. */
    uint32_t delay_ms_max;  /* Each message takes 0 … this: order is lost. */
    uint32_t disk_ms;       /* A sync takes this. */
    uint32_t execute_ms;
    uint32_t pressed_ms;    /* The oldest transaction seems to have waited this long at least. */
    uint32_t block_txs_max; /* 0: 100. */
    uint32_t observers;     /* Bit i: node i follows and never signs. */
    const struct consensus_params *params; /* Of the mode, in MODE_FAST; null: the default. */
    enum consensus_fault fault;
    bool evidence_alarms; /* raft: evidence does not halt. */
    bool is_traced;       /* For engine_rig_trace. */
};

struct engine_rig *engine_rig_new(const struct engine_rig_options *options);
void engine_rig_free(struct engine_rig *r);

void engine_rig_submit(struct engine_rig *r, uint32_t txs);
void engine_rig_run(struct engine_rig *r, uint64_t ms);
/* Until every node that is up has a certified result for all transactions submitted; false: not
 * within ms. */
bool engine_rig_settle(struct engine_rig *r, uint64_t ms);

/* keeps: un-synced writes survive too. */
void engine_rig_crash(struct engine_rig *r, uint32_t node, bool keeps);
void engine_rig_restart(struct engine_rig *r, uint32_t node);
/* The node crashes when its count-th WRITE or SYNC from now is performed; 0: never. */
void engine_rig_crash_at(struct engine_rig *r, uint32_t node, uint32_t count, bool keeps);
/* Writes and syncs until that crash; 0: it came, or none is planned. */
uint32_t engine_rig_writes_left(const struct engine_rig *r, uint32_t node);
bool engine_rig_is_up(const struct engine_rig *r, uint32_t node);
/* Its journal is replaced by that of now when it restarts next. */
void engine_rig_keep_journal(struct engine_rig *r, uint32_t node);

/* The next block executed decides on another configuration: the first count nodes are validators,
 * those in barred never lead. */
void engine_rig_change(struct engine_rig *r, uint32_t count, uint32_t barred);
uint64_t engine_rig_epoch(const struct engine_rig *r, uint32_t node);
uint64_t engine_rig_base(const struct engine_rig *r, uint64_t epoch);
/* Of the final block. */
const struct header *engine_rig_header(const struct engine_rig *r, uint32_t node, uint64_t height);

/* Messages from → to are lost. */
void engine_rig_cut(struct engine_rig *r, uint32_t from, uint32_t to, bool is_cut);
/* Every message passes this first; false: it is lost. */
void engine_rig_filter(
    struct engine_rig *r,
    bool (*filter)(void *context, uint32_t from, uint32_t to, const struct consensus_message *m),
    void *context);
void engine_rig_skew(struct engine_rig *r, uint32_t node, uint64_t ms); /* Its clock is ahead. */
/* Its results are wrong from now on. */
void engine_rig_spoil(struct engine_rig *r, uint32_t node, bool is_spoilt);
/* It never sees more than this many of them waiting; 0: all. */
void engine_rig_throttle(struct engine_rig *r, uint32_t node, uint32_t txs);
void engine_rig_set_byzantine(struct engine_rig *r, uint32_t node); /* Proofs may convict it. */

/* Mode of the chain as of the node's final block, from its blocks alone. */
void engine_rig_mode(const struct engine_rig *r, uint32_t node, struct mode_state *out);

struct consensus *engine_rig_engine(struct engine_rig *r, uint32_t node);
void engine_rig_stand(struct engine_rig *r, uint32_t node, struct consensus_stand *out);
uint64_t engine_rig_final_height(const struct engine_rig *r, uint32_t node);
uint64_t engine_rig_now(const struct engine_rig *r);
uint32_t engine_rig_evidence(const struct engine_rig *r,
                             enum evidence_kind kind); /* Seen so far. */
uint32_t engine_rig_alarms(const struct engine_rig *r, enum consensus_alarm alarm);
uint32_t engine_rig_syncs(const struct engine_rig *r, uint32_t node);
/* Over the engine's state after every step; zero without is_traced. */
struct hash engine_rig_trace(const struct engine_rig *r);

/* For tests that speak themselves. */
const struct signer *engine_rig_signer(const struct engine_rig *r);
const struct consensus_config *engine_rig_config(const struct engine_rig *r, uint32_t node);
void engine_rig_sign(const struct engine_rig *r,
                     uint32_t node,
                     const struct hash *hash,
                     struct signature *sig);
/* To one node, now; the status of its step. */
enum status engine_rig_tell(struct engine_rig *r,
                            uint32_t from,
                            uint32_t to,
                            const struct consensus_message *m);
/* An event of the test's own. */
enum status engine_rig_step(struct engine_rig *r, uint32_t node, struct consensus_event *event);
/* The body of the block is everywhere, valid or not. */
void engine_rig_add_body(struct engine_rig *r, const struct header *h, bool is_bad);

/* Keyed hashes in place of signatures. */
struct signer *engine_rig_signer_new(void);

#endif
