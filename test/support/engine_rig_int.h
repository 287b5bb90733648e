/* engine_rig_int.h - The rig's inside: what its files share. */
#ifndef TRUSTSQL_TEST_SUPPORT_ENGINE_RIG_INT_H
#define TRUSTSQL_TEST_SUPPORT_ENGINE_RIG_INT_H

#include "ledger/mode.h"
#include "support/engine_rig.h"

#define RIG_BLOCKS_MAX 4096u
#define RIG_JOBS_MAX   65536u
#define RIG_ALARMS     (ALARM_CONFLICT + 1u)
#define RIG_EPOCHS_MAX 8u
#define TICK_MS        10u

struct rig_block { /* Known to the world; nodes hold it or not. */
    struct hash hash;
    struct header header;
    bool has_final_cert;
    bool has_res_cert;
    bool is_bad;
    struct certificate final_cert;
    struct certificate res_cert;
    struct body_notes *notes; /* Null: none. */
    uint32_t here;            /* Bit i: node i has the body in memory or on disk. */
    uint32_t held;            /* … on disk, durable. */
    uint32_t line;            /* … its transactions are in flight there. */
};

enum job_kind { JOB_MESSAGE, JOB_SYNCED, JOB_EXECUTED, JOB_BODY };

struct job {
    enum job_kind kind;
    uint64_t due_ms;
    uint64_t order;
    uint32_t node;
    uint32_t from;
    uint32_t life;
    struct consensus_message *message;
    uint64_t lsn;
    uint64_t height;
    uint32_t block;
};

struct rig_journal {
    bool has_record;
    bool has_vc;
    struct consensus_record record;
    struct view_change vc;
};

struct rig_epoch {
    struct validators validators;
    uint64_t base; /* Of the block before its first. */
    uint64_t from; /* Executed from here on the next configuration waits; 0: none does. */
};

struct rig_node {
    struct consensus_config config;
    uint64_t epoch;
    bool is_ending; /* Its engine has said EPOCH_END: with these. */
    struct certificate end_final;
    struct certificate end_result;
    struct certificate epoch_cert[RIG_EPOCHS_MAX]; /* Of the last blocks of epochs. */
    struct certificate epoch_result[RIG_EPOCHS_MAX];
    uint64_t caught_ms;
    uint32_t throttle;
    struct consensus *engine;
    uint32_t life;
    bool is_byzantine;
    bool is_spoilt;
    struct rig_journal written;
    struct rig_journal durable;
    struct rig_journal kept;
    bool has_kept;
    uint32_t holds[64]; /* Blocks held since the last sync. */
    uint32_t hold_count;
    uint64_t pending_lsn;
    uint64_t durable_lsn;
    uint32_t crash_count;
    bool crash_keeps;
    bool is_crashing;
    uint64_t final_count;
    uint64_t final_synced;          /* What a crash leaves of them. */
    uint64_t voted_before;          /* Height up to which an earlier life has voted. */
    uint32_t chain[RIG_BLOCKS_MAX]; /* chain[h]: index of block h. */
    struct hash digests[RIG_BLOCKS_MAX];
    uint64_t executed;
    uint64_t result;
    uint64_t final_txs;
    uint64_t waiting_since_ms;
    struct certificate newest_cert;
    struct merkle_tree history;
    uint32_t syncs;
    uint64_t skew_ms;
};

struct engine_rig {
    struct engine_rig_options options;
    struct test_rng rng;
    struct signer *signer;
    struct hash chain_id;
    uint64_t now_ms;
    uint64_t order;
    uint64_t submitted;
    struct rig_block *blocks;
    uint32_t block_count;
    struct job *jobs;
    uint32_t job_count;
    uint32_t total; /* Nodes. */
    uint64_t epoch; /* Newest that anybody is in. */
    struct rig_epoch epochs[RIG_EPOCHS_MAX];
    struct rig_node nodes[NODES_MAX];
    bool cut[NODES_MAX][NODES_MAX];
    bool (*filter)(void *, uint32_t, uint32_t, const struct consensus_message *);
    void *filter_context;
    struct consensus_effects effects;
    uint32_t evidence[EVIDENCE_KIND_MAX + 1];
    uint32_t alarms[RIG_ALARMS];
    struct hash trace;
};

/* --- engine_rig.c --- */
struct rig_block *rig_get_block(struct engine_rig *r, const struct hash *hash);
struct hash rig_digest_of(const struct hash *before, const struct hash *block);

/* --- engine_rig_start.c --- */
struct validators rig_validators_of(const struct engine_rig *r, uint32_t count, uint32_t barred);
void rig_start_node(struct engine_rig *r, uint32_t node, uint64_t nonce);
/* The engine knows the mode that its chain gives. */
void rig_check_mode(const struct engine_rig *r, uint32_t node);
/* What waits as of the result of height. */
struct hash rig_next_config(const struct engine_rig *r, uint64_t epoch, uint64_t height);
void rig_on_epoch_end(struct engine_rig *r, uint32_t node, const struct consensus_effect *e);
void rig_switch_epoch(struct engine_rig *r, uint32_t node);

#endif
