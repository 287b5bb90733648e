/* core.h - The deciding part of a replica: engine, pool, bodies, peers. One thread, no IO.
 *
 * Everything it needs of the world goes through a table of ports; everything that comes back is
 * handed in by one of the core_on_* calls. replica.c runs it on loop A with threads, store and
 * network behind the ports; the simulator (src/sim) runs the same code over virtual time. The same
 * calls give the same outputs, byte for byte.
 *
 *   peers ──core_on_message──▶ ┌──────┐ ──send──▶ peers
 *   verification ─core_on_tx─▶ │ core │ ──verify──▶ transactions of peers and of fetched bodies
 *   storage ──core_on_stored─▶ │      │ ──store──▶ hold, append, journal, one sync
 *   executor ─core_on_executed▶└──────┘ ──execute──▶ ordered blocks ; ──answer──▶ doors
 *
 * Ports never call back into the core before they return. */
#ifndef TRUSTSQL_NODE_CORE_H
#define TRUSTSQL_NODE_CORE_H

#include "consensus/consensus.h"
#include "ledger/config.h"
#include "node/consensus_view.h"
#include "node/flow.h"
#include "node/release.h"
#include "node/storage.h"

struct core;

enum core_channel { CORE_URGENT, CORE_TXS, CORE_BULK }; /* As enum p2p_channel, by priority. */

struct core_ports {
    uint64_t (*mono_ms)(void *context);
    uint64_t (*wall_ms)(void *context);
    /* Copies. ST_CLOSED: not connected; ST_BUSY: its queue is full. */
    enum status (*send)(void *context, uint32_t peer, enum core_channel channel, struct span bytes);
    /* Takes the job; it comes back through core_on_stored, in order. */
    enum status (*store)(void *context, struct storage_job *job);
    /* Takes t; it comes back through core_on_tx (flow kind FLOW_TX: good, FLOW_REFUSED: bad, with
     * its decoded form where there is one), in any order. is_final skips nothing: every signature
     * is checked here, whoever sent it. ST_BUSY: t stays the core's. */
    enum status (*verify)(void *context, struct flow_tx *t);
    /* Borrows b until core_on_executed. In order of height. */
    enum status (*execute)(void *context, struct flow_block *b);
    /* Takes a refused transaction of a local client, a certified block somebody waits for, early
     * answers of an executed one (FLOW_EXECUTED), or a read whose height is known. */
    void (*answer)(void *context, struct flow *item);
    /* Final block, stored result digest D_height, held body; appended to out. ST_NOT_FOUND. */
    enum status (*read_block)(void *context, uint64_t height, struct buf *out);
    enum status (*read_held)(void *context, const struct hash *hash, struct buf *out);
    /* The encoded configuration of an epoch that has begun as far as is executed here, and the
     * height of the last block before it. ST_NOT_FOUND. Null: there is epoch 0 of the genesis. */
    enum status (*read_config)(void *context, uint64_t epoch, struct buf *out, uint64_t *base);
    /* True: the key is this node's, and here is its secret. Null: it is if engine.node_key fits. */
    bool (*own_key)(void *context, const struct public_key *key, struct secret_key *out);
    /* From now on peer i is config->nodes[i], and those behind them are the former ones, who may
     * still ask for blocks. Once in core_new, then when an epoch begins. Where a connection stands
     * already the core knows it; core_on_peer tells of all others. May be null. */
    void (*nodes)(void *context,
                  const struct chain_config *config,
                  const struct public_key *former,
                  uint32_t former_count);
    /* Keep proof of misbehaviour for ever. */
    void (*keep_evidence)(void *context, const struct evidence *e);
    /* An incident of this node: keep it until drop_incident says that the chain has it. May be
     * null. */
    void (*keep_incident)(void *context, const struct incident *i, struct span bytes);
    void (*drop_incident)(void *context, const struct incident *i);
    /* CPU time of the calling thread, for core_engine_ns. Null: nobody wants to know. */
    uint64_t (*cpu_ns)(void);
    /* The node must stop; nothing else is called after it. */
    void (*failed)(void *context, enum status status, const char *what);
    void *context;
};

struct core_config {
    struct mem *mem;
    struct consensus_config engine; /* chain_id, signer, node_key, is_voter, fault; the rest comes
                                       from the configuration of the epoch. */
    uint32_t view_ms;               /* Not 0: instead of what the configuration says. */
    const struct genesis *genesis;  /* Outlives the core. */
    const struct core_ports *ports;
    uint64_t key;           /* Of hash tables: base/idtable.h. */
    struct release release; /* Of this node's program; version "": others are told nothing. */
};

/* Replay has run: the state stands at start->engine.height, the live span of ids is in pool. */
struct core_start {
    struct consensus_start engine;
    struct pool *pool;       /* Taken. */
    uint64_t epoch;          /* In which it goes on: core_start.h tells which that is. */
    struct span next_config; /* Encoded; waits for the next epoch; size 0: none does. */
    uint64_t next_from;      /* Lowest height of the epoch as of which it waits. */
    struct span
        *held; /* Encoded bodies [header, body] held above height, that engine.held names. */
    uint32_t held_count;
};

NODISCARD enum status core_new(struct core **out,
                               const struct core_config *config,
                               const struct core_start *start);
/* Nothing may be out any more (jobs, executing blocks, transactions in verification). Null allowed.
 */
void core_free(struct core *c);

/* --- what arrives; replica's thread ------------------------------------------------------------
 */

void core_tick(struct core *c); /* At least every 10 ms, and after a burst of the others. */
void core_on_peer(struct core *c, uint32_t peer, bool is_up);
/* Anything from a peer: hostile until checked. ST_OK, or ST_INVALID: what no correct peer sends;
 * drop the connection. */
NODISCARD enum status core_on_message(struct core *c,
                                      uint32_t peer,
                                      enum core_channel channel,
                                      struct span bytes);
/* Verified: of a local client (ticket or not; has passed admission), or what the verify port was
 * given. */
void core_on_tx(struct core *c, struct flow_tx *t);
/* Borrows r until the answer port has it. */
void core_on_read(struct core *c, struct flow_read *r);
void core_on_stored(struct core *c, struct storage_job *job);
void core_on_executed(struct core *c, struct flow_block *flow);

/* Refuse what waits from now on, let what is in flight end (ticks go on); core_is_idle: nothing is
 * out any more, everything final is executed and written down. */
void core_stop(struct core *c);
bool core_is_idle(const struct core *c);
/* After core_stop and the end of all threads: let go everybody who still waits. */
void core_refuse_rest(struct core *c);

/* --- looking at it; replica's thread ------------------------------------------------------------
 */

const struct consensus *core_engine(const struct core *c);
uint32_t core_waiting(const struct core *c);
uint64_t core_engine_ns(const struct core *c); /* CPU time in the engine: the agreement itself. */
/* How often peer gave an answer that was none: blocks that are not what was asked for, catch-up
 * that no quorum has signed. */
uint64_t core_lies(const struct core *c, uint32_t peer);
/* What this node can say under its signature: the newest certified result that it found itself too
 * (entry_count 0: none since the start), and who it is in the present epoch. */
struct core_voice {
    struct certificate certified;
    struct certificate committed; /* Of the newest final block; entry_count 0: none is known. */
    uint64_t epoch;
    uint32_t self;         /* At least NODES_MAX: no validator. */
    struct secret_key key; /* Wipe after use. */
};
uint64_t core_present_epoch(const struct core *c);
uint64_t core_certified_height(const struct core *c);
/* No result above it was ever signed here, in no life of this node; UINT64_MAX: nobody knows. */
uint64_t core_signed_height(struct core *c);
void core_voice(const struct core *c, struct core_voice *out);
/* Proof of misbehaviour that a client brought: kept and told to all when it proves something. */
NODISCARD enum status core_on_proof(struct core *c, struct span bytes);
/* Damage of this node's files: chain id, key and signature are filled in. */
void core_incident_found(struct core *c, const struct incident *found);
/* One that was kept by the port before. */
void core_incident_own(struct core *c, struct span bytes);
/* Fills all but what the network knows (connection, rtt, clock, address, failure). */
void core_view(const struct core *c, struct consensus_view *out);

#endif
