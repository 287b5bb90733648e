/* world.h - One simulated cluster: hosts, network, clients, and what is checked about them.
 *
 * Virtual time in microseconds, one seed, one thread. A host is a machine with a disk; when it is
 * up it runs the production core over ports of the simulation. Two hosts may be the same validator
 * (twins). After every event the oracle may have found a violation; then nothing happens any more.
 *
 *   W1 the same configuration, seed and calls give the same events, byte for byte.
 *   W2 what a host had in memory is gone when it dies; its disk stays.
 *   W3 the first violation stands. */
#ifndef TRUSTSQL_SIM_WORLD_H
#define TRUSTSQL_SIM_WORLD_H

#include "base/rng.h"
#include "node/complaints.h"
#include "node/core.h"
#include "os/fake/fake_os.h"
#include "sim/keys.h"
#include "sim/machine.h"
#include "sim/memory.h"
#include "sim/schedule.h"

#define HOSTS_MAX          48u
#define WORLD_CLIENTS      4u  /* Keys of clients. */
#define WORLD_KEYS_MAX     64u /* Of nodes: those of the genesis, of spare hosts, of rotations. */
#define WORLD_SPARES_MAX   8u
#define WORLD_ROTATIONS    4u /* Keys beyond those that hosts begin with. */
#define WORLD_EPOCHS_MAX   64u
#define HOST_KEYS_MAX      4u
#define HOST_PLACES_MAX    64u /* Peers of a core: nodes of its epoch, then former ones. */
#define KEY_NONE           WORLD_KEYS_MAX
#define WORLD_TICK_US      10000u
#define WORLD_WALL_MS      UINT64_C(1767225600000) /* 2026-01-01 00:00:00 UTC. */
#define WORLD_MEMORY_MAX   (UINT64_C(512) << 20)   /* I14: of one node. */
#define WORLD_JOBS_MAX     STORAGE_QUEUE_MAX
#define WORLD_EXECUTES_MAX 128u
#define WORLD_VERIFIES_MAX 4096u
#define VIOLATION_TEXT_MAX 320u

struct oracle;
struct network;
struct clients;
struct reads;
struct liar;
struct puppet_block;
struct known_epoch;

struct world_config {
    uint32_t nodes;
    uint32_t spares; /* Hosts that are no nodes of the genesis; hosts nodes, nodes + 1, … */
    uint32_t f;
    uint32_t p;
    enum block_mode mode;
    uint64_t seed;
    uint32_t view_ms; /* T0; 0: CONSENSUS_VIEW_MS. */
    uint32_t batch_age_ms;
    uint32_t block_txs_max;
    bool has_real_signatures;
    bool has_step_digests;  /* consensus_digest goes into the trace after each event of a host. */
    bool has_reject_counts; /* Refusals are asked for: also those of engines of epochs before. */
    enum consensus_fault fault;
    void (*say)(void *context, const char *line); /* Each event as text; null: none. */
    void *context;
};

enum host_part { /* What a validator does. */
                 PART_HONEST,
                 PART_PUPPET, /* Byzantine; runs nothing, sends what a scenario says. */
                 PART_LIAR    /* Byzantine; runs the core, and what it sends is turned into lies. */
};

struct host {
    struct world *world;
    uint32_t id;
    uint32_t voter; /* Number of the key it began with: its index among the first validators. */
    uint32_t keys[HOST_KEYS_MAX]; /* All that it owns, by number. */
    uint32_t key_count;
    uint32_t places[HOST_PLACES_MAX];  /* Key of each peer of its core; KEY_NONE. */
    bool is_place_up[HOST_PLACES_MAX]; /* As its core was told. */
    bool is_linked[HOSTS_MAX];         /* Connections that it has noticed. */
    uint64_t epoch;                    /* That its core is in. */
    enum host_part part;
    bool was_false;    /* Its executor was wrong once: E7 and E8 may say so. */
    bool was_restored; /* An old directory was put back: a Byzantine act (1.14). */
    bool is_up;
    bool is_halted;  /* It stopped by itself: failure says why. Its disk is as it was. */
    bool cannot_run; /* Its disk does not let it start. */
    enum status failure;
    char why[96];
    uint32_t life;
    struct memory memory;
    struct fake_os *os;
    struct store *store;
    struct core *core;
    struct machine machine;
    struct liar *liar;

    struct storage_job *jobs[WORLD_JOBS_MAX]; /* Waiting for the disk, in order. */
    uint32_t job_count;
    uint32_t jobs_under_way; /* The first of them, that the sync under way covers. */
    uint32_t execute_count;
    uint32_t verify_count;
    uint64_t executor_free_us;
    bool has_tick;                /* One is planned for what just arrived. */
    uint64_t events;              /* Handled so far. */
    uint64_t codec_refusals;      /* What arrived and was no message. */
    struct complaints complaints; /* Of clients, in this life. */
    struct {
        uint64_t taken;
        uint64_t refused; /* Beyond a client's quota. */
        uint64_t baseless;
    } complained; /* Over all lives. */
    struct core_ports ports;

    /* Settings. */
    int64_t skew_ms;
    int64_t drift_ppm;
    uint64_t drift_base_us;  /* Its clock when the drift began, */
    uint64_t drift_since_us; /* and the world's. */
    uint64_t disk_low_us;
    uint64_t disk_high_us;
    uint64_t execute_us;
    uint64_t false_from;
    uint64_t restart_us;      /* After a crash by its disk: up again after this; 0: stays down. */
    uint64_t crash_at_height; /* Dies while it executes this; 0: never. */
    enum fake_os_crash crash_mode;
    bool is_cut_armed; /* fake_os_cut_power is set. */
};

struct violation {
    bool is_set;
    uint64_t at_us;
    char rule[8]; /* "I1"; "live". */
    char text[VIOLATION_TEXT_MAX];
};

struct world {
    struct world_config config;
    struct rng rng;
    struct schedule schedule;
    uint64_t now_us;
    uint64_t event_count;
    uint64_t trace; /* Folds everything that happens. */
    struct violation violation;
    struct violation anarchy; /* raft with a liar: what it cannot prevent has happened (1.18). */
    struct signer *signer;
    struct buf genesis_bytes;
    struct arena arena;
    struct genesis genesis;
    struct hash chain_id;
    struct secret_key node_keys[WORLD_KEYS_MAX];
    struct public_key public_keys[WORLD_KEYS_MAX];
    uint32_t key_count;
    struct known_epoch *epochs[WORLD_EPOCHS_MAX]; /* epochs.h */
    uint32_t epoch_count;
    struct host hosts[HOSTS_MAX];
    uint32_t host_count;
    struct network *network;
    struct oracle *oracle;
    struct clients *clients;
    struct reads *reads;
    struct puppet_block *puppet_blocks; /* What puppets can serve. */
    struct consensus_message *message;  /* Scratch of who decodes. */
    struct consensus_stand *stand;      /* Scratch of who looks. */
};

struct world *world_new(const struct world_config *config);
void world_free(struct world *w); /* Null allowed. */

/* Another host with the key of voter. */
struct host *world_add_host(struct world *w, uint32_t voter, enum host_part part);

/* All hosts start. */
void world_begin(struct world *w);

/* The next event. False: a violation, or nothing is planned. */
bool world_step(struct world *w);
/* All events up to at_us; then it is at_us, unless there was a violation. */
void world_run_until(struct world *w, uint64_t at_us);

/* The rule is broken: the run ends (W3). In raft with a Byzantine host forks are no violation of
 * its promises: the first is kept in anarchy, and the run goes on. */
void world_violate(struct world *w, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- trace --------------------------------------------------------------------------------- */

void world_mix(struct world *w, uint64_t value);
void world_mix_bytes(struct world *w, struct span bytes);
/* Only when somebody listens; mix what matters beside it. */
void world_say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- asking -------------------------------------------------------------------------------- */

/* "bft", "adaptive", "raft". False: no mode. */
bool world_mode_of(const char *name, enum block_mode *mode);
const char *world_mode_name(enum block_mode mode);
bool host_is_honest(const struct host *h);
/* It is no node of the genesis, and down at first. */
bool world_is_spare(const struct world *w, uint32_t host);
/* 0 while it is down. */
uint64_t host_result_height(const struct host *h);
/* The wall clock is off by skew; both clocks run fast by drift. */
void host_set_clock(struct host *h, int64_t skew_ms, int64_t drift_ppm);
uint64_t host_mono_ms(const struct host *h);
uint64_t host_wall_ms(const struct host *h);

#endif
