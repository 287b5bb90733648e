/* consensus.h - Agreement of validators as a state machine: step(event) → effects.
 *
 * The protocol of consensus.md section 1 in its modes bft, adaptive and raft; with one
 * validator its own vote is the quorum. No IO, clock, randomness or threads; no allocation after
 * consensus_new. Time and completions arrive as events, everything to do leaves as effects, in
 * order. One thread.
 *
 * What the runtime owes it:
 *   - effects of one step are performed in order;
 *   - bodies that a HOLD names and the records of WRITE are durable before PERSISTED says so, the
 *     body before the record; after a failed write or sync nothing is ever reported again;
 *   - SEND leaves only when everything up to its after_lsn is durable. The engine emits it only
 *     then; the runtime checks it once more (must).
 *   - a block is executed only after FINAL, in order of height.
 *
 * Life of a block here:
 *   leader:   TICK → NEED_BATCH → BATCH → PROPOSE ┐
 *   follower: MESSAGE(proposal) → GET_BODY → BODY_OK ┴→ HOLD, WRITE, SYNC → PERSISTED → SEND(vote
 * P1) all: q equal P1 → WRITE(hq), SYNC → PERSISTED → SEND(vote P2) ; q equal P2 → FINAL EXECUTED →
 * SEND(vote P3) ; q equal P3 → RESULT When its own vote completes the quorum the lock goes into the
 * same record and the same sync: one validator alone needs one sync a block.
 *
 * Adaptive: n - p equal P1 → FINAL as well, whatever the state of the mode. In FAST a P2 waits for
 * that: it goes with the next P1, or alone when the block is not final after twice the mean time
 * between the two quorums (1 … 20 ms). In STRICT it goes at once. */
#ifndef TRUSTSQL_CONSENSUS_CONSENSUS_H
#define TRUSTSQL_CONSENSUS_CONSENSUS_H

#include "base/mem.h"
#include "consensus/evidence.h"
#include "consensus/fault.h"
#include "consensus/record.h"
#include "consensus/reject.h"
#include "crypto/merkle.h"
#include "ledger/notes.h"

#define CONSENSUS_EFFECTS_MAX 512u

#define CONSENSUS_VIEW_MS     500u   /* T0 (1.9). */
#define CONSENSUS_VIEW_MS_MAX 30000u /* T_view is doubled up to this. */
#define CONSENSUS_STATUS_MS   200u
#define CONSENSUS_PREC_MS     500u   /* Clocks may differ by this (1.16). */
#define CONSENSUS_DELAY_MS    2000u  /* D_msg. */
#define CONSENSUS_QUIET_MS    60000u /* An idle chain proposes an empty block this often. */

struct consensus;
struct mode_state; /* ledger/mode.h */

struct consensus_config {
    struct hash chain_id;
    uint64_t epoch;
    struct validators validators;
    struct validators previous; /* Of the epoch before, whose certificates the first bodies of this
                                   one show; count 0: there is none. */
    uint32_t self;              /* Voter index; NODES_MAX: follows, never signs. */
    const struct signer *signer;
    struct secret_key node_key;
    uint32_t exec_version;
    uint32_t block_txs_max;
    uint32_t batch_age_ms;
    uint32_t view_ms;           /* T0; 0: CONSENSUS_VIEW_MS. */
    bool has_observers;         /* One validator speaks to nobody but to them. */
    bool evidence_halts;        /* raft: evidence stops RESULT, which it else only alarms (1.18). */
    bool is_voter;              /* False: follows, never signs (journal lost, 1.14). */
    enum consensus_fault fault; /* FAULT_NONE but in the simulator. */
};

/* Where a (re)start continues. Everything borrowed, copied by consensus_new. */
struct consensus_start {
    uint64_t height;  /* Newest final block stored; 0: the genesis. */
    struct hash hash; /* Chain id at 0. */
    uint64_t time_ms;
    struct certificate final_cert; /* Of height or above a part of chain; entry_count 0: none. */
    struct merkle_tree history;    /* Over the hashes of blocks 1 … height. */
    uint64_t res_height;           /* Of the header of height. */
    uint32_t flags;                /* Of the header of height. */
    uint64_t base_height;          /* Of the block before the epoch's first; 0 in epoch 0. */
    struct hash next_config;       /* Of the configuration that waits as of height; zero: none. */
    uint64_t next_from;            /* From which height on it does; 0: not known. */
    struct certificate res_cert;   /* Newest certified result, verified; entry_count 0: none. */
    uint64_t last_txs_height;      /* Newest block with transactions; 0: none. */
    uint64_t wanted_height;        /* As of EXECUTED. */
    uint64_t executed_height;      /* == height: replay ran before. */
    uint32_t digest_count;         /* D of executed_height, executed_height - 1, …; at least 1. */
    struct hash digests[CONSENSUS_LAG_MAX];
    const struct consensus_record *record; /* Null: first start (then nothing was ever said). */
    const struct view_change *view_change; /* What the journal has; null: none. */
    const struct header *held;             /* Headers of intact bodies, held or stored, above
                                              record->final_height or height, whichever is
                                              lower, in any order and fork: the record may be
                                              older than the newest stored block, or newer. */
    uint32_t held_count;
    uint64_t nonce;                /* Random: pairs questions and answers of this start. */
    uint64_t silent_until;         /* No result up to this height is voted for: an earlier run of
                                      this node may have voted for a wrong one. */
    const struct mode_state *mode; /* As of height; needed in adaptive to leave FAST. Null: the mode
                                      stays that of validators, and ADVANCED need not bring one. */
};

enum consensus_event_kind {
    CONSENSUS_ON_TICK,      /* Time passed, or transactions arrived. At least every 10 ms. */
    CONSENSUS_ON_BATCH,     /* The batch asked for by NEED_BATCH. */
    CONSENSUS_ON_MESSAGE,   /* Decoded, from an authenticated peer (from; may relay others'). */
    CONSENSUS_ON_BODY_OK,   /* The body that GET_BODY or GET_BLOCK named is here and valid. */
    CONSENSUS_ON_BODY_BAD,  /* It is provably invalid: never vote for it. */
    CONSENSUS_ON_PERSISTED, /* Everything up to lsn is durable. */
    CONSENSUS_ON_EXECUTED,  /* Block height was executed here; its chained digest is digest. */
    CONSENSUS_ON_ADVANCED,  /* Catch-up: header is final by cert (verified), all blocks up to it are
                               stored; the runtime has executed or will execute them by itself. */
    CONSENSUS_ON_PEER,      /* Peer from came up (is_up) or went down. */
    CONSENSUS_ON_CONVICTED, /* Evidence against validator from, of this epoch and not of class
                               divergence, was verified here or stands in the chain. */
    CONSENSUS_ON_STOP       /* The node is ending: sign nothing more, write down what is final. */
};

struct consensus_batch {
    struct hash tx_root;
    uint32_t tx_count;
    uint32_t body_size;     /* With the certificates that NEED_BATCH named. */
    struct hash notes_hash; /* Of the notes in it: those of NEED_BATCH and evidence. */
};

struct consensus_event {
    enum consensus_event_kind kind;
    uint64_t mono_ms;        /* Every event. */
    uint64_t wall_ms;        /* Every event. */
    uint32_t waiting;        /* TICK: transactions in the pool that are in no block above final. */
    uint64_t oldest_wait_ms; /* TICK: how long the oldest of them has waited. */
    struct consensus_batch batch;
    uint32_t from; /* MESSAGE, PEER, CONVICTED. */
    bool is_up;    /* PEER. */
    const struct consensus_message *message;
    const struct header *header;          /* BODY_OK, ADVANCED. */
    struct hash hash;                     /* BODY_OK, BODY_BAD, ADVANCED: of the block. */
    const struct certificate *final_cert; /* BODY_OK: in the body, or null; ADVANCED: commits it. */
    const struct certificate *res_cert;   /* BODY_OK: in the body, or null; ADVANCED: newest known
                                             certified result, verified, or null. */
    const struct body_notes *notes;    /* BODY_OK: in the body, its evidence verified; BATCH: in the
                                          body that was made. Null: none. */
    const struct mode_state *mode;     /* ADVANCED: as of header.height. */
    uint64_t last_txs_height;          /* ADVANCED: newest block with transactions up to it. */
    const struct merkle_tree *history; /* ADVANCED: over blocks 1 … header.height. */
    const struct hash *passed;         /* ADVANCED: hashes of the first final blocks above the
                                          final height of before, W of them or as many as there
                                          are: shows whether what was voted for is among them.
                                          Without it nothing is voted for in this view. */
    uint32_t passed_count;
    uint64_t lsn;
    uint64_t height; /* EXECUTED. */
    struct hash digest;
    struct hash next_config; /* EXECUTED: of the configuration that waits for the next epoch as of
                                height; zero: none does. */
    uint64_t wanted_height;  /* EXECUTED: blocks up to here are wanted, empty ones too, for what the
                                chain has begun; 0: none. */
};

enum consensus_effect_kind {
    CONSENSUS_NEED_BATCH, /* Choose transactions for a block at height and time_ms on top of hash
                             (its in-flight ancestors' transactions excluded), encode the body with
                             the certificates; answer with BATCH, which may come at once. */
    CONSENSUS_PROPOSE,    /* proposal of that batch and its hash: keep the block, send it to all
                             (subject to after_lsn). */
    CONSENSUS_GET_BODY,   /* Obtain and check the body of proposal (hash), first from peer; the
                             parent is known. Answer BODY_OK or BODY_BAD, or nothing while it
                             cannot be had. */
    CONSENSUS_GET_BLOCK,  /* As GET_BODY, but the header is unknown too: by height and hash, from
                             anyone. A known ancestor of an anchor; answer as above. */
    CONSENSUS_HOLD,       /* Make the body of hash durable with the next SYNC. */
    CONSENSUS_WRITE,      /* Journal: slot, and record or view_change. */
    CONSENSUS_SYNC,       /* Make everything so far durable, then report lsn. */
    CONSENSUS_SEND,       /* message to peer, or to all others when peer == NODES_MAX. */
    CONSENSUS_FINAL,      /* Block (height, hash) is ordered irrevocably, cert commits it or a
                             descendant: store and execute it. In order of height. */
    CONSENSUS_RESULT,     /* The result of height, hash, is certified by res_cert, and with it all
                             below. Replies may say final. One a step; heights may be skipped. */
    CONSENSUS_DROP,       /* The block (height, hash) left the chain voted for: its transactions may
                             be proposed again. Its body stays held. */
    CONSENSUS_OPEN,   /* View is open: message is its NEWVIEW (null in view 0): keep its bytes for
                         peers that missed it; height, hash: the anchor. */
    CONSENSUS_BEHIND, /* Final blocks up to at least height exist (peers says who has them): catch
                         up by blocks; answer ADVANCED. Repeated now and then while so. height may
                         be that of the newest block stored here: then its certificate is lost,
                         and ADVANCED brings it. */
    CONSENSUS_EPOCH_END, /* The epoch's last block (height, hash) is final by final_cert, its result
                            certified by res_cert. Once; nothing is signed any more, others are
                            still answered: go on with a new engine of the next epoch. */
    CONSENSUS_EVIDENCE,  /* Proof of misbehaviour; keep it and send it to all. */
    CONSENSUS_ALARM      /* alarm. */
};

enum consensus_alarm {
    ALARM_NONE,
    ALARM_JOURNAL_ROLLED_BACK, /* A peer shows a vote of ours that we do not remember: we do not
                                  vote any more. */
    ALARM_DIVERGED,            /* A certified result differs from ours: no P3 any more. */
    ALARM_EVIDENCE, /* raft: somebody lies, which this mode cannot bear. Results are not certified
                       any more, if so configured; blocks go on. */
    ALARM_CONFLICT  /* Two commit certificates conflict: more than f are lying. Halted. */
};

struct consensus_effect {
    enum consensus_effect_kind kind;
    uint32_t peer;      /* SEND; GET_BODY: who proposed; NODES_MAX: all. */
    uint32_t peers;     /* BEHIND: bit i: validator i. */
    uint64_t lsn;       /* SYNC. */
    uint64_t after_lsn; /* SEND, PROPOSE. */
    uint64_t view;
    uint64_t height;
    struct hash hash;
    uint64_t time_ms;                     /* NEED_BATCH. */
    const struct proposal *proposal;      /* PROPOSE, GET_BODY. */
    const struct certificate *final_cert; /* NEED_BATCH: for the body, or null; FINAL, EPOCH_END. */
    const struct certificate *res_cert; /* NEED_BATCH: for the body, or null; RESULT, EPOCH_END. */
    const struct body_notes *notes;     /* NEED_BATCH: for the body, evidence may be added; null:
                                           none. */
    enum consensus_slot slot;           /* WRITE. */
    const struct consensus_record *record;   /* WRITE of CONSENSUS_SLOT_PROMISE. */
    const struct view_change *view_change;   /* WRITE of CONSENSUS_SLOT_VIEW_CHANGE; null: clear. */
    const struct consensus_message *message; /* SEND, OPEN. */
    const struct evidence *evidence;         /* EVIDENCE; its bytes too. */
    enum consensus_alarm alarm;
};

/* Pointers inside are valid until the next step. */
struct consensus_effects {
    uint32_t count;
    struct consensus_effect items[CONSENSUS_EFFECTS_MAX];
};

/* ST_NO_MEMORY; ST_INVALID: the key is not that of validator self, or the record is of another
 * epoch. */
NODISCARD enum status consensus_new(struct consensus **out,
                                    struct mem *mem,
                                    const struct consensus_config *config,
                                    const struct consensus_start *start);
void consensus_free(struct consensus *c); /* Wipes the key. Null allowed. */

/* ST_OK; ST_REJECTED: a message or body was refused (consensus_stand_of tells why; *out may still
 * hold effects); ST_INVALID: an event that cannot come now, a bug of the runtime. */
NODISCARD enum status consensus_step(struct consensus *c,
                                     const struct consensus_event *event,
                                     struct consensus_effects *out);

/* H over the whole state: the same events give the same digest everywhere. */
struct hash consensus_digest(const struct consensus *c);

/* --- looking at it --------------------------------------------------------------------------- */

struct consensus_peer_stand { /* As its messages said. */
    uint64_t heard_mono_ms;   /* 0: never. */
    uint64_t view;
    uint64_t tip_height;
    uint64_t final_height;
    uint64_t executed_height;
    struct hash executed_digest;
    uint64_t vote_heights[VOTE_PARTS]; /* Newest P1, P2, P3. */
    bool is_convicted;                 /* Evidence against it is held. */
    bool is_divergent;                 /* It had other results: evidence of class divergence. */
};

struct consensus_stand {
    uint64_t view;
    bool is_open;
    bool is_changing; /* Sent a VC for view, no NEWVIEW yet. */
    uint32_t leader;
    uint32_t failed_views; /* k. */
    bool is_voting;
    enum consensus_alarm alarm;
    bool is_final_halted; /* raft: no RESULT any more, because of evidence. */
    uint64_t tip_height;
    struct hash tip_hash;
    uint64_t tip_time_ms;
    uint64_t final_height;
    struct hash final_hash;
    uint64_t executed_height;
    struct hash executed_digest;
    uint64_t result_height;
    uint32_t vc_count;      /* VCs held for view. */
    uint64_t timer_left_ms; /* 0: no view timer runs. */
    uint64_t rejects[REJECT_COUNT];
    struct consensus_peer_stand peers[NODES_MAX];
};
void consensus_stand_of(const struct consensus *c, struct consensus_stand *out, uint64_t mono_ms);

/* When it wants its next step even if nothing happens: a TICK then is in time for the lock that
 * waits. 0: nothing waits. */
uint64_t consensus_due_ms(const struct consensus *c);

/* Mode of the chain as of the final block; null: it was started without. Valid until the next step.
 */
const struct mode_state *consensus_mode(const struct consensus *c);

/* Of the newest block of the line, or the final one: as consensus_stand_of says. */
struct hash consensus_tip_hash(const struct consensus *c);

/* Raft: somebody was convicted, and no result is final until people have decided (1.18). */
bool consensus_is_final_halted(const struct consensus *c);

/* What commits the final block, exactly; null: not known here. Valid until the next step. */
const struct certificate *consensus_commit_certificate(const struct consensus *c);

/* Who voted for height so far, as bits: of the newest view known. False: not in the window. */
bool consensus_signers(const struct consensus *c, uint64_t height, uint32_t signers[VOTE_PARTS]);

#endif
