/* core_int.h - The inside of the core, shared by core*.c alone.
 *
 *   core.c           life, events into the engine, its effects performed in order
 *   core_block.c     blocks in memory: under way, final, executed, answered
 *   core_commit.c    headers and commit certificates of the newest blocks, for proofs
 *   core_body.c      bodies being assembled and checked, for the engine and for catch-up
 *   core_fetch.c     asking peers for what bodies lack; answering such questions
 *   core_gossip.c    transactions from and to peers, and from clients
 *   core_sync.c      catch-up by final blocks
 *   core_tidy.c      settling after a pause, room for held blocks
 *   core_evidence.c  proofs of misbehaviour, own and of others
 *   core_incident.c  what nodes say of damage in their own files
 *   core_report.c    which program each node runs
 *   core_relay.c     words between validators that have no connection
 *   core_read.c      heights for linearizable reads
 *   core_epoch.c     configurations; the end of an epoch, the next engine
 *   core_view.c      what others see
 *
 * I1 effects are performed in the order given; what they cause in the engine is queued and stepped
 *    after the last of them.
 * I2 final_height grows by one at a time, along parents; history is over exactly these hashes.
 * I3 a block leaves memory only when no job of storage and no execution has it.
 * I4 a block is executed only when its body is durable: held (engine) or settled (catch-up).
 * I5 every ticket is answered once: with its block, or refused, never from a block that is not
 *    final.
 * I6 after a failure nothing is done any more. */
#ifndef TRUSTSQL_NODE_CORE_INT_H
#define TRUSTSQL_NODE_CORE_INT_H

#include "base/idtable.h"
#include "base/must.h"
#include "node/core.h"
#include "node/epoch_links.h"
#include "node/pool.h"
#include "node/replay.h"
#include "node/wire.h"

#define CORE_PEERS_MAX      64u /* Nodes of the epoch, then former ones: a bit each. */
#define CORE_NOBODY         CORE_PEERS_MAX
#define CORE_CHAIN_MAX      1024u /* Final blocks in memory that are not answered. */
#define CORE_CHAIN_KEPT     128u  /* Beyond this those nobody waits for are read again later. */
#define CORE_BLOCKS_MAX     (CORE_CHAIN_MAX + 128u)
#define CORE_BODIES_MAX     512u
#define CORE_SYNC_MAX       384u /* Of these, of catch-up. */
#define CORE_QUEUE_MAX      1024u
#define CORE_JOBS_MAX       224u /* Below STORAGE_QUEUE_MAX. */
#define CORE_BATCH_BYTES    (BLOCK_BYTES_MAX / 2u)
#define CORE_GOSSIP_BYTES   (64u << 10)
#define CORE_BACKLOG_MAX    512u  /* Transactions of a peer that wait for verification. */
#define CORE_VERIFYING_MAX  4096u /* Of a peer, in verification. */
#define CORE_QUESTIONS_MAX  (CONSENSUS_WINDOW + 4u) /* Of a peer, not answered: a line and more. */
#define CORE_INCIDENTS_MAX  64u
#define CORE_INCIDENTS_SEEN 64u
#define CORE_EVIDENCE_MAX   1000u
#define CORE_EVIDENCE_BYTES (8u << 20) /* Kept in memory, for peers that come later. */
#define CORE_DIGESTS        512u       /* Results remembered, by height. */
#define CORE_COMMITS        512u       /* Final blocks remembered, by height. */
#define CORE_GOSSIP_MS      500u /* … while what came with gossip before is in verification. */
#define CORE_WAIT_MS        20u  /* For gossip, before a missing transaction is asked for. */
#define CORE_ASK_MS         250u /* For an answer; grows with every try. */
#define CORE_ASK_MS_MAX     2000u
#define CORE_PART_BYTES     (256u << 10)
#define CORE_PART_MS        1000u /* For a part, and for a piece of the chain. */
#define CORE_PART_MS_MAX    8000u
#define CORE_SERVE_BYTES    (2u << 20) /* To a peer, between two ticks. */
#define CORE_LEAF_TRIES     3u         /* Then the whole block is fetched. */
#define CORE_VIEW_AGAIN_MS  250u       /* NEWVIEW to the same peer, at most this often. */
#define CORE_READ_MS        5000u      /* For the height of a linearizable read. */
#define CORE_STOP_MS        500u       /* For what is in flight, when the node ends. */
#define CORE_SWEEP_MS       50u        /* Between two looks for expired transactions. */
#define CORE_FORGOTTEN      4u /* View times that a transaction waits before it seems forgotten. */
#define CORE_BAD_MS         10000u
#define CORE_SETTLE_MS      500u   /* Without an append: what is appended is settled. */
#define CORE_RELEASE_MS     10000u /* Between two releases of held blocks. */

_Static_assert(CORE_NOBODY + 1u == FLOW_PLACES, "a tag tells the place");
_Static_assert(CORE_DIGESTS > PROOF_LATER_MAX, "a proof may need as many");
_Static_assert(CORE_CHAIN_KEPT > CONSENSUS_LAG_MAX + CONSENSUS_WINDOW, "all that executes");

enum core_block_state {
    BLOCK_FLYING,  /* Valid, not final; its transactions are marked. */
    BLOCK_DROPPED, /* It lost its view; kept for a while, it may come back. */
    BLOCK_CAUGHT,  /* Of catch-up, checked, not applied: nobody else sees it. */
    BLOCK_FINAL,   /* In chain. */
    BLOCK_DEAD     /* Only a job of storage still has it. */
};

struct core_block {
    enum core_block_state state;
    struct flow_block *flow;
    bool has_sig; /* Of the proposal. */
    struct signature sig;
    bool has_final_cert; /* In its body. */
    bool has_res_cert;
    struct certificate final_cert;
    struct certificate res_cert;
    struct body_notes *notes; /* In its body; null: none. */
    uint32_t jobs;            /* Of storage. */
    bool is_held;             /* Its body is durable with the next sync. */
    bool is_executing;
    bool is_executed;
    uint64_t told_ms;   /* When the engine was last told of its body. */
    struct idtable ids; /* Made when first asked for. */
};

struct core_commit {      /* What proofs show of a final block. */
    struct header header; /* Height 0: none. */
    struct hash hash;
    struct certificate cert; /* Of this very block; entry_count 0: only a descendant's is known. */
};

enum core_tx_state { TX_MISSING, TX_RAW, TX_VERIFYING, TX_GOOD, TX_BAD };

struct core_ask { /* What a peer was asked for. */
    uint64_t id;  /* 0: nothing is asked. */
    uint32_t peer;
    uint32_t tries;
    uint64_t until_ms; /* When the next peer is asked. */
};

struct core_body { /* A block in the making. */
    uint64_t id;
    bool is_wanted; /* The engine asked for it. */
    bool is_sync;   /* Of catch-up: verified and checked in order. */
    uint64_t height;
    struct hash hash; /* Zero: any final one. */
    bool has_header;
    struct header header;
    bool has_sig;
    struct signature sig;
    bool has_final_cert;
    bool has_res_cert;
    struct certificate final_cert;
    struct certificate res_cert;
    struct body_notes *notes; /* Null: none. */
    bool has_leaves;          /* They give the header's tx_root. */
    bool has_items;           /* txs, states, leaves are there. */
    struct hash *leaves;
    struct flow_tx **txs;
    uint8_t *states; /* enum core_tx_state. */
    uint32_t count;
    uint32_t good;
    uint32_t bad;
    uint32_t verifying;
    uint32_t cursor;   /* No position before it is TX_MISSING. */
    uint32_t raw;      /* Positions that are TX_RAW… */
    uint32_t raw_next; /* … none of them before this one. */
    uint32_t giver;    /* Who sent leaves or block. */
    struct buf block;  /* Parts so far. */
    uint64_t block_size;
    uint32_t from; /* Who has it: proposer, or who sent it. */
    uint64_t since_ms;
    uint64_t gossip_mark; /* gossip_in at that time. */
    struct core_ask ask;
    uint32_t *asked; /* Positions, in the order of the question. */
    uint32_t asked_count;
};

enum core_verdict {
    VERDICT_READY,
    VERDICT_BAD,  /* Provably: what the header commits to is wrong. */
    VERDICT_LIE,  /* What came beside the header is not what it commits to: another peer may. */
    VERDICT_WAIT, /* Not now: its parent is unknown, or there is no memory. */
};

struct core_parent {
    const struct header *header; /* Null: the block is the first. */
    struct hash hash;
};

enum core_question_kind { QUESTION_BLOCK, QUESTION_CHAIN };

struct core_question {
    enum core_question_kind kind;
    struct wire_get_block block;
    struct wire_get_chain chain;
};

struct core_peer {
    bool is_up;
    bool has_key; /* Somebody has this place. */
    struct public_key key;
    uint64_t serve_max;    /* Blocks up to here are told; a former node's last one. */
    bool is_late;          /* A former node that has not all of those yet. */
    uint64_t said_final;   /* What it last called final, in whatever epoch; 0: nothing yet. */
    uint64_t epoch_at_ms;  /* When it was last asked about a newer epoch. */
    uint64_t up_height;    /* What was final when it came up: it had no vote on that. */
    uint64_t lies;         /* Answers that were none. */
    uint64_t bad_until_ms; /* Asked last until then. */
    uint64_t view_sent_ms;
    uint64_t evidence_ms; /* When its newest evidence was verified. */
    size_t served;        /* Bytes since the last tick. */
    uint32_t verifying;
    struct flow_tx **backlog; /* Ring. */
    uint32_t backlog_first;
    uint32_t backlog_count;
    struct core_question questions[CORE_QUESTIONS_MAX];
    uint32_t question_count;
    struct release release; /* As it said. */
    bool has_links;         /* It said with whom it has no connection: */
    uint32_t links;         /* bit i: it has one with voter i, or is it. */
};

struct core_relay { /* core_relay.c tells the rules. */
    bool is_needed;
    uint32_t cut[NODES_MAX];   /* Of what voter i says: who hears nothing of it, but us. */
    uint32_t bears[NODES_MAX]; /* … and to whom of these we bring transactions. */
    uint32_t links;            /* Own ones, … */
    uint64_t links_ms;         /* … since when, */
    uint32_t told;             /* and as the voters know them. */
    uint64_t told_ms;
    struct buf txs; /* Items, all of txs_from. */
    uint32_t tx_count;
    uint32_t txs_from;
};

struct core_event { /* For the engine, queued. */
    enum consensus_event_kind kind;
    uint64_t height;
    struct hash hash;
    struct consensus_batch batch;
};

struct core_piece { /* A block of catch-up: a body until it is checked, then a block. */
    struct core_body *body;
    struct core_block *block;
    struct hash hash;
    uint32_t sender;
    size_t size;
};

struct core_sync {
    bool is_active;
    uint64_t target; /* Final blocks exist up to here. */
    bool has_more;   /* The newest answer was long: while it came, as many were made again. */
    uint64_t peers;  /* Bits: who has them, as BEHIND said; 0: anybody. */
    uint64_t first;  /* Height of pieces[0]. */
    uint32_t count;
    uint32_t built; /* Of them, checked: the first ones. */
    size_t bytes;
    struct core_piece pieces[CORE_SYNC_MAX];
    struct core_body *large; /* The block at first + count, being fetched in parts. */
    bool has_cert;           /* Of a peer's newest block; not checked. */
    struct certificate cert;
    uint32_t cert_from;
    bool has_body_cert; /* The newest in a body that was checked; itself not yet. */
    struct certificate body_cert;
    uint64_t apply_to; /* Above final_height: being applied, proven by apply_cert. */
    struct certificate apply_cert;
    bool is_settling;
    bool has_res_cert; /* Newest of what is applied; checked. */
    struct certificate res_cert;
    uint32_t unproven; /* Answers in a row that did not help to prove what is here. */
    struct hash passed[CONSENSUS_WINDOW]; /* Of the first heights above engine_final. */
    uint32_t passed_count;
    struct core_ask ask;
};

struct core_proof {
    enum evidence_kind kind;
    uint64_t epoch;
    uint32_t offender;
    uint64_t view;
    uint64_t height;
    uint8_t *bytes; /* Encoded; null: too large to keep in memory. */
    size_t size;
};

struct core_digest {
    uint64_t height;
    struct hash next_config; /* Zero: none waited. */
    struct hash own;         /* d. */
    struct hash chained;     /* D. */
};

struct core_reads { /* core_read.c tells the rules. */
    struct flow_read *fresh;
    struct flow_read *asking;
    struct flow_read *waiting;
    uint64_t round;    /* The newest. */
    uint32_t heard;    /* Bit i: validator i has answered it. */
    uint64_t height;   /* The highest of these answers. */
    uint64_t asked_ms; /* When it was asked last. */
    uint64_t floor;    /* Of this node's own answers. */
};

struct core_epoch { /* core_epoch.c tells the rules. */
    uint64_t base;  /* Height of the last block of the epoch before; 0: the genesis. */
    struct arena arena;
    struct chain_config config;
    struct buf next; /* Encoded: what comes next, as of the executed blocks; size 0: nothing. */
    struct hash next_hash;
    uint64_t next_from;            /* Lowest height that said so. */
    bool is_over;                  /* What proves its last block is here: */
    struct certificate final_cert; /* it is final, */
    struct certificate res_cert;   /* and its result certified. */
    bool has_base_certs;           /* The same of base, for those who lag. */
    struct certificate base_final;
    struct certificate base_res;
    struct buf links; /* Encoded links of ledger/epochs.h, one after the other: */
    uint64_t linked;  /* those that lead into epochs 1 … linked. */
    struct buf ends;  /* u64 each: where in links the one into an epoch ends. */
};

struct core {
    struct core_config config;
    struct core_epoch epoch;
    const struct core_ports *ports;
    struct mem *mem;
    enum consensus_fault fault;
    bool has_failed;
    bool is_stopping;
    uint64_t stop_ms;       /* Since when. */
    uint64_t engine_ns;     /* CPU time in consensus_step. */
    uint64_t swept_ms;      /* When the pool was last looked through for what has expired. */
    bool is_engine_stopped; /* It has written down what is final. */
    uint64_t mono_ms;
    uint64_t wall_ms;

    struct consensus *engine;
    struct consensus_effects *effects;
    struct consensus_message *message; /* Being decoded. */
    struct wire_message *wire;         /* Being decoded. */
    struct wire_message *answer;       /* Being encoded. */
    struct core_event queue[CORE_QUEUE_MAX];
    uint32_t queue_first;
    uint32_t queue_count;
    bool is_stepping;
    bool has_tip; /* tip is as the engine has it. */
    struct pool_tip tip;
    uint64_t durable_lsn;
    uint64_t rejected; /* Messages that the engine refused. */

    struct pool *pool;
    struct flow_tx **batch;
    struct flow_block *proposed; /* Its body is encoded; its header is not known yet. */
    bool proposed_has_final_cert;
    bool proposed_has_res_cert;
    struct certificate proposed_final_cert;
    struct certificate proposed_res_cert;
    struct body_notes *proposed_notes; /* Null: none. */

    struct storage_job *job; /* Being filled by the effects of one step. */
    uint32_t jobs_out;
    uint32_t jobs_stale; /* The first of them: of the engine before. */
    struct core_block *blocks[CORE_BLOCKS_MAX];
    uint32_t block_count;
    struct core_block *chain[CORE_CHAIN_MAX]; /* By height. */
    uint64_t final_height;
    struct hash final_hash;
    struct header final_header;    /* Unused at height 0. */
    struct certificate final_cert; /* Of final_height; entry_count 0: none. */
    struct merkle_tree history;
    bool has_mode;          /* Else it stays as the configuration says. */
    struct mode_state mode; /* As of final_height. */
    uint64_t last_txs_height;
    uint64_t wanted_height; /* As the newest executed block said. */
    uint64_t unseen_height; /* Newest that became final without any vote of others here. */
    uint64_t stored_height; /* Appended. */
    bool is_settled;        /* And a settling of it is asked for. */
    uint64_t appended_ms;
    bool is_crowded; /* Held blocks fill half of their room. */
    uint64_t released_ms;
    struct hash promised[CONSENSUS_WINDOW + 1]; /* Bodies that the newest record names. */
    uint32_t promised_count;
    uint64_t execute_gate; /* I4 */
    uint64_t execute_next;
    uint32_t executing;
    uint64_t executed_height;
    uint64_t engine_final;    /* As the engine knows it: catch-up may be ahead. */
    uint64_t engine_executed; /* What it was told of. */
    uint64_t answered_height;
    struct core_digest digests[CORE_DIGESTS];
    struct core_commit *commits;                     /* [CORE_COMMITS], by height. */
    struct certificate res_certs[CONSENSUS_LAG_MAX]; /* By height. */
    uint64_t result_height;
    uint64_t certified_height; /* Newest whose certified result is the same here. */
    struct core_reads reads;
    uint64_t report_ms; /* When all were told. */

    struct core_body *bodies[CORE_BODIES_MAX];
    uint32_t body_end; /* No slot from here on is in use. */
    uint64_t body_serial;
    const struct wire_proposal *compact; /* That a message brings while the engine looks at it. */
    struct hash compact_hash;
    uint32_t compact_from;
    uint64_t ask_serial;

    struct core_peer peers[CORE_PEERS_MAX]; /* Voters, observers, then former nodes. */
    uint64_t asked_us; /* Bits: peers that may have asked since the last tick, or wait for more. */
    struct certificate certified; /* The newest that our own results agree with. */
    uint32_t self;                /* Own place; CORE_NOBODY: no node of this epoch. */
    uint32_t n;                   /* Voters. */
    uint32_t node_count;          /* And observers. */
    uint32_t peer_generation;     /* Places of peers mean something else with each. */
    struct buf gossip;            /* Items. */
    uint32_t gossip_count;
    struct buf out;    /* The message being sent. */
    struct buf items;  /* Scratch of its list. */
    struct buf record; /* Scratch. */
    struct buf part;   /* The block that parts are cut from. */
    struct hash part_hash;
    uint64_t part_height;
    uint32_t verify_out;
    uint64_t gossip_in;   /* Transactions of peers given to verification so far, */
    uint64_t gossip_back; /* and how many of them came back. */
    uint64_t forward_ms;  /* When what is forgotten goes to everybody again. */
    struct core_relay relay;

    struct buf new_view; /* The encoded message; size 0: none. */
    uint64_t open_view;

    struct core_sync sync;
    uint32_t convicted;                  /* Bits: by the final blocks of this epoch. */
    uint32_t diverged;                   /* The same of E7 and E8. */
    uint64_t accuse_again_ms[NODES_MAX]; /* A block of ours accuses it again, at the earliest. */
    struct core_proof *proofs;
    uint32_t proof_count;
    size_t proof_bytes;
    struct core_incident {
        struct incident view; /* Borrows bytes. */
        size_t place_at;      /* Of its place in them. */
        size_t size;
        bool is_own;
        uint64_t known_ms; /* Since when, here. */
        uint64_t shown_ms; /* When a block of ours showed it last; 0: never. */
        uint8_t bytes[INCIDENT_SIZE_MAX];
    } * incidents;
    uint32_t incident_count;
    uint64_t incidents_told_ms;
    struct hash incidents_seen[CORE_INCIDENTS_SEEN]; /* In final blocks lately. */
    uint32_t incidents_seen_next;

    struct core_seen { /* For the view. */
        uint64_t height;
        uint64_t view;
        struct hash hash;
        uint32_t proposer;
        uint32_t tx_count;
        uint32_t signers[VOTE_PARTS];
        bool is_final;
        bool is_certified;
    } seen[CONSENSUS_VIEW_BLOCKS];
};

/* --- core.c --- */
void core_fail(struct core *c, enum status st, const char *what);
void core_push(struct core *c, enum consensus_event_kind kind, const struct hash *hash);
/* And all that is queued. What the engine says; ST_CLOSED: nothing was done. */
enum status core_step(struct core *c, struct consensus_event *event);
enum status core_submit(struct core *c, struct storage_job *job);
void core_step_queued(struct core *c);
void core_look_at_clocks(struct core *c);
struct storage_job *core_new_job(struct core *c, uint32_t slot, struct span record);
bool core_is_usable(const struct core *c, uint32_t peer); /* Connected. */
/* What names a peer beyond an epoch, and back; CORE_NOBODY: of an earlier one. */
uint32_t core_peer_tag(const struct core *c, uint32_t peer);
uint32_t core_peer_of_tag(const struct core *c, uint32_t tag);
void core_send(struct core *c, uint32_t peer, enum core_channel channel); /* c->out. */
void core_send_all(struct core *c, enum core_channel channel);
void core_lie(struct core *c, uint32_t peer);

/* --- core_block.c --- */
struct core_block *core_block_find(const struct core *c, const struct hash *hash);
struct core_block *core_block_of(const struct core *c, const struct flow_block *flow);
/* Takes flow. Null: no memory or no room; flow is freed. */
struct core_block *core_block_add(struct core *c, struct flow_block *flow);
void core_block_free(struct core *c, struct core_block *b);
void core_block_drop(struct core *c, struct core_block *b);  /* Off the chain. */
void core_block_leave(struct core *c, struct core_block *b); /* Off memory, as soon as I3 allows. */
/* tip and its ancestors that are not final, the nearest first. */
uint32_t core_block_line(const struct core *c,
                         const struct hash *tip,
                         struct core_block *out[CONSENSUS_LAG_MAX]);
/* Its transactions are marked again: it is built on. recall_line: all that tip stands on. */
enum status core_block_recall(struct core *c, struct core_block *b);
enum status core_block_recall_line(struct core *c, const struct hash *tip);
/* Exactly what the engine's tip stands on is marked: it says nothing of blocks that it never took
 * into its line. */
enum status core_block_follow_line(struct core *c);
bool core_block_has_id(struct core *c, struct core_block *b, const struct hash *txid);
enum status core_block_final(struct core *c, struct core_block *b, const struct certificate *cert);
void core_execute(struct core *c);
void core_result(struct core *c, uint64_t height, const struct certificate *cert);
void core_refuse(struct core *c, struct flow_tx *t, enum status st, const struct diag *d);
enum status core_block_batch(struct core *c, const struct consensus_effect *need);
enum status core_block_propose(struct core *c, const struct consensus_effect *effect);
void core_block_send(struct core *c,
                     const struct core_block *b,
                     uint32_t peer); /* CORE_NOBODY: all. */
enum status core_block_decode(struct core *c, struct span bytes, struct core_block **out);
const struct core_digest *core_digest_at(const struct core *c, uint64_t height);

/* --- core_commit.c --- */
/* b is final, cert commits it or another final block; entry_count 0: none. */
void core_commit_note(struct core *c, const struct core_block *b, const struct certificate *cert);
/* Fill in how flow became final. False: no certificate near enough is known, or no memory. */
bool core_commit_prove(struct core *c, struct flow_block *flow);

/* --- core_body.c --- */
struct core_body *core_body_new(struct core *c, const struct hash *hash, uint64_t height);
void core_body_free(struct core *c, struct core_body *b);
struct core_body *core_body_find(const struct core *c, const struct hash *hash);
struct core_body *core_body_by_id(const struct core *c, uint64_t id);
enum status core_body_give_leaves(struct core *c,
                                  struct core_body *b,
                                  const struct wire_proposal *p);
/* The whole block. ST_INVALID: it is not what hash says. */
enum status core_body_give_block(struct core *c, struct core_body *b, struct span bytes);
enum status core_body_give_tx(struct core *c,
                              struct core_body *b,
                              uint32_t position,
                              struct span tx);
void core_body_forget_items(struct core *c, struct core_body *b);
void core_body_submit(struct core *c, struct core_body *b);
void core_body_on_tx(struct core *c, struct flow_tx *t);
bool core_body_is_complete(const struct core_body *b); /* Every transaction was judged. */
enum core_verdict core_body_build(struct core *c,
                                  struct core_body *b,
                                  const struct core_parent *parent,
                                  struct core_block **out);
void core_body_want(struct core *c, const struct consensus_effect *effect);
void core_body_keep_compact(struct core *c, uint32_t peer, bool was_accepted);
void core_body_tick(struct core *c);

/* --- core_fetch.c --- */
void core_fetch(struct core *c, struct core_body *b);
/* The next to ask: usable, in mask, those that lied lately last. CORE_NOBODY: none. */
uint32_t core_next_peer(const struct core *c, uint32_t first, uint32_t tries, uint64_t mask);
uint64_t core_patience(uint32_t tries, uint32_t ms, uint32_t ms_max);
void core_on_get_txs(struct core *c, uint32_t peer, const struct wire_get_txs *q);
void core_on_txs_found(struct core *c, uint32_t peer, struct wire_txs_found *a);
void core_on_question(struct core *c, uint32_t peer, const struct core_question *q);
void core_on_block_part(struct core *c, uint32_t peer, const struct wire_block_part *p);
void core_serve(struct core *c);

/* --- core_gossip.c --- */
void core_gossip_add(struct core *c, const struct flow_tx *t);
void core_gossip_flush(struct core *c);
void core_gossip_to(struct core *c, uint32_t peer); /* It has come up. */
void core_gossip_forward(struct core *c);
void core_gossip_tick(struct core *c);
void core_on_txs(struct core *c, uint32_t peer, struct wire_items *txs);
void core_on_client_tx(struct core *c, struct flow_tx *t);
void core_sweep(struct core *c);

/* --- core_sync.c --- */
void core_sync_start(struct core *c, uint64_t height, uint64_t peers);
void core_sync_tick(struct core *c);
void core_sync_stored(struct core *c);                                   /* A settling is done. */
void core_sync_part(struct core *c, struct core_body *b);                /* All parts are there. */
void core_sync_move(struct core *c, const uint32_t map[CORE_PEERS_MAX]); /* Peers have moved. */
enum status core_on_chain(struct core *c, uint32_t peer, struct wire_chain *a);
void core_sync_free(struct core *c);

/* --- core_tidy.c --- */
void core_tidy(struct core *c);
void core_tidy_promised(struct core *c, const struct consensus_record *record); /* Is written. */
void core_tidy_submitted(struct core *c, const struct storage_job *job);

/* --- core_evidence.c --- */
void core_evidence_keep(struct core *c, const struct evidence *e);
enum status core_on_evidence(struct core *c, uint32_t peer, struct span bytes);
void core_evidence_to(struct core *c, uint32_t peer);
/* Add to the notes of a new block what convicts a validator whom the chain has not convicted. */
void core_evidence_choose(struct core *c, struct body_notes *notes);
/* The evidence in a body is what it says. ST_INVALID: some is not; else ST_NO_MEMORY. */
enum status core_evidence_check(struct core *c,
                                const struct header *h,
                                const struct body_notes *notes);
void core_evidence_final(struct core *c, const struct core_block *b); /* It is in the chain now. */
void core_evidence_of_body(struct core *c, const struct core_body *b);
void core_evidence_free(struct core *c);

/* --- core_incident.c --- */
enum status core_on_incident(struct core *c, struct span bytes);
void core_incidents_to(struct core *c, uint32_t peer);
void core_incidents_tick(struct core *c);
bool core_incidents_wait(const struct core *c); /* Some are worth a block. */
/* The leader has had time enough to show one: it is blamed as for a transaction, but not for long,
 * since it may have had no place for what one node tells again and again. */
bool core_incidents_are_late(const struct core *c);
/* Add to the notes of a new block what no final block has. */
void core_incidents_choose(struct core *c, struct body_notes *notes);
/* ST_INVALID: one is no incident of a node of this epoch, or they are too early. */
enum status core_incidents_check(const struct core *c,
                                 const struct header *h,
                                 const struct body_notes *notes);
void core_incidents_final(struct core *c, const struct core_block *b);

/* --- core_report.c --- */
void core_report_to(struct core *c, uint32_t peer); /* It has come up. */
void core_reports_tick(struct core *c);
void core_on_report(struct core *c, uint32_t peer, const struct wire_report *report);

/* --- core_relay.c --- */
void core_relay_restart(struct core *c);                /* Validators have other places. */
void core_relay_on_peer(struct core *c, uint32_t peer); /* It came up or went down. */
void core_relay_tick(struct core *c);
void core_on_links(struct core *c, uint32_t peer, const struct wire_links *links);
/* What came from peer and is in c->message: to those who have no connection with it. */
void core_relay_message(struct core *c, uint32_t peer, struct span bytes);
void core_relay_send(struct core *c, uint32_t to); /* c->out, to a voter without a connection. */
void core_relay_block(struct core *c, const struct core_block *b); /* Its body is valid. */
void core_relay_tx(struct core *c, const struct flow_tx *t);       /* Of a peer, verified. */
void core_relay_flush(struct core *c);

/* --- core_read.c --- */
void core_reads_start(struct core *c);
void core_reads_tick(struct core *c);
void core_reads_certified(struct core *c, uint64_t height);
void core_reads_restart(struct core *c); /* The nodes have changed. */
void core_reads_end(struct core *c);     /* Nobody waits any more. */
void core_on_get_height(struct core *c, uint32_t peer, const struct wire_get_height *q);
void core_on_height(struct core *c, uint32_t peer, const struct wire_height *a);

/* --- core_epoch.c --- */
enum status core_epoch_open(struct core *c, const struct core_start *start);
/* The engine, where start says. */
enum status core_epoch_engine(struct core *c, const struct consensus_start *start);
void core_epoch_free(struct core *c);
/* A block of the epoch was executed. ST_CORRUPT: it closes the epoch for another configuration. */
enum status core_epoch_executed(struct core *c, const struct flow_block *flow);
/* The engine says that the epoch is over, or certificates of a peer do (they are checked). */
void core_epoch_end(struct core *c,
                    const struct certificate *final_cert,
                    const struct certificate *res_cert);
void core_epoch_use(struct core *c,
                    const struct certificate *final_cert,
                    const struct certificate *res_cert);
/* Fill in how the validators of flow's epoch follow from the genesis. False: not known here. */
bool core_epoch_prove(struct core *c, struct flow_block *flow);
bool core_epoch_is_closed(const struct core *c); /* Its last block is final here. */
void core_epoch_settle(struct core *c);          /* Begin the next, if it is time. */
/* ST_NOT_FOUND: that epoch has not begun, or is not known any more. */
enum status core_epoch_validators(struct core *c, uint64_t epoch, struct validators *out);

/* --- core_view.c --- */
void core_seen_note(struct core *c, const struct header *h, const struct hash *hash);
void core_seen_final(struct core *c, const struct header *h, const struct hash *hash);
void core_seen_certified(struct core *c, uint64_t height);

#endif
