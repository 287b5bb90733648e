/* consensus_view.h - What a replica knows of the agreement at one moment, as plain values.
 *
 * The replica's thread fills it (filling writes every field), everybody else reads copies: the SQL
 * tables trustsql.status, nodes, consensus and evidence, and through them `trustsql status` and
 * `trustsql doctor`. Heights are 0 where there is none. No pointer inside: a copy is complete. */
#ifndef TRUSTSQL_NODE_CONSENSUS_VIEW_H
#define TRUSTSQL_NODE_CONSENSUS_VIEW_H

#include "base/buf.h"
#include "ledger/config.h"
#include "ledger/vote.h"
#include "node/release.h"

#define CONSENSUS_VIEW_BLOCKS    32u
#define CONSENSUS_VIEW_TEXT_SIZE 200u
#define CONSENSUS_VIEW_NEVER     UINT64_MAX /* As a time that has passed: not yet. */

struct consensus_view_member { /* Validators by voter index, then observers. */
    char name[GENESIS_NAME_MAX + 1];
    char organisation[GENESIS_NAME_MAX + 1];
    bool is_validator;
    bool is_barred;         /* Convicted: it does not lead. */
    struct release release; /* As it said last; version "": nothing yet. */
    bool is_self;
    bool is_connected;       /* True for oneself. */
    bool is_late;            /* A validator whose votes do not arrive in time. */
    bool is_suspect;         /* Convicted by evidence kept here, or silent. */
    bool has_status;         /* The five fields from `view` on are what it said last. */
    uint64_t rtt_us;         /* 0: not measured. */
    int64_t clock_offset_ms; /* Its clock less ours. */
    uint64_t last_seen_ms;   /* Since its newest message; CONSENSUS_VIEW_NEVER. */
    uint64_t view;
    uint64_t tip_height;
    uint64_t final_height;
    uint64_t executed_height;
    struct hash executed_digest;
    uint64_t said_final;                         /* As it said, in whatever epoch it is. */
    uint64_t voted_height[VOTE_PARTS];           /* Newest height of each part that is held here. */
    char address[CONSENSUS_VIEW_TEXT_SIZE];      /* Dialled, or "" when it dials us; own. */
    char last_failure[CONSENSUS_VIEW_TEXT_SIZE]; /* Why no connection came about; "" none since. */
};

struct consensus_view_block {
    uint64_t height;
    uint64_t view; /* In which it was first proposed. */
    struct hash hash;
    uint32_t proposer;
    uint32_t tx_count;
    uint32_t signers[VOTE_PARTS]; /* Bit i: the vote of member i for this block is held here. */
    bool is_final;                /* Ordered irrevocably. */
    bool is_certified;            /* A quorum signed its result. */
};

/* How the mode of an adaptive chain moves (ledger/mode.h). In bft and raft nothing is decided. */
struct consensus_view_mode {
    enum block_mode decided; /* The newest decision; takes effect at decided_height. */
    uint64_t decided_height; /* 0: it holds already. */
    uint64_t well_blocks;    /* STRICT: blocks in a row on which all was well… */
    uint64_t well_needed;    /* … of so many. */
    bool has_bars;           /* A conviction stands against the return. */
    uint32_t convicted;      /* Bits: of this epoch, or barred by the configuration. */
    uint32_t diverged;       /* Bits. */
    uint32_t absent;         /* Bits: who is missing too often for the return. */
};

struct consensus_view {
    uint64_t epoch;
    uint32_t exec_version;
    enum block_mode mode; /* Of the next block. */
    struct consensus_view_mode change;
    uint32_t n;          /* Validators. */
    uint32_t node_count; /* And observers: so many members. */
    uint32_t f;
    uint32_t p;
    uint32_t quorum;             /* Equal votes that lock, certify and, locked, commit. */
    uint32_t fast_quorum;        /* Equal first votes that commit at once; 0: none do. */
    uint32_t view_change_quorum; /* Votes for a change that open a view. */
    uint32_t self;               /* Own index in members; CONFIG_NO_NODE: not among them. */
    uint32_t leader;
    uint64_t view;
    uint32_t failed_views; /* k: consecutive ones. */
    bool is_anchored;      /* The view is open: its first block is agreed. */
    bool is_voting;
    char not_voting_reason[CONSENSUS_VIEW_TEXT_SIZE]; /* "" while it votes. */
    uint64_t tip_height;                              /* Newest block voted for. */
    uint64_t final_height;
    uint64_t executed_height;
    uint64_t result_height;    /* Newest result with a certificate. */
    uint64_t view_timer_ms;    /* Until the view is given up; CONSENSUS_VIEW_NEVER: not running. */
    uint32_t view_change_held; /* VC messages held for the current view. */
    uint32_t waiting_txs;
    uint64_t oldest_waiting_ms; /* Age of the oldest of them; 0 when none waits. */
    uint32_t evidence_count;
    uint32_t block_count; /* In blocks, ascending by height, the newest last. */
    struct consensus_view_block blocks[CONSENSUS_VIEW_BLOCKS];
    struct consensus_view_member members[CONFIG_NODES_MAX]; /* node_count of them. */
};

struct evidence_view {
    char kind[4]; /* "E1" … "E10" */
    uint32_t offender;
    uint64_t view;
    uint64_t height;
};

#endif
