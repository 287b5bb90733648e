/* joining_int.h - Shared by joining*.c alone.
 *
 *   joining.c            life, the loop, peers, questions and their answers
 *   joining_history.c    blocks and results: proved, then appended
 *   joining_snapshot.c   which snapshot, its manifest, its chunks
 *   joining_files.c      the directory joining/, and the exchange at the end
 *
 * J1 a block reaches the store only when a commit certificate of its epoch is on it or above it,
 *    and a result only when its digest is one that a quorum signed, or that such a block names.
 * J2 a chunk is written to the file only when it has its hash in the manifest.
 * J3 a question has a number of its own; only the peer that was asked can answer it. */
#ifndef TRUSTSQL_NODE_JOINING_INT_H
#define TRUSTSQL_NODE_JOINING_INT_H

#include "ledger/config.h"
#include "ledger/snapshot.h"
#include "node/flow.h"
#include "node/joining.h"
#include "node/peers.h"
#include "node/wire.h"
#include "os/loop.h"

#define JOINING_WINDOW      1024u  /* Pairs in memory. */
#define JOINING_LANES       8u     /* Chunks asked for at a time. */
#define JOINING_OFFERS      8u     /* Heights tried. */
#define JOINING_ASK_MS      4000u  /* Without an answer: the next peer. */
#define JOINING_REST_MS     100u   /* Before a peer that has no more is asked again. */
#define JOINING_NEAR        256u   /* Blocks behind the peers that are left to the core. */
#define JOINING_PATIENCE_MS 30000u /* Without any progress: given up. */
#define JOINING_ALONE_MS    10000u /* Without any connection: given up. */
#define JOINING_NOBODY      UINT32_MAX

struct piece { /* A block and its result, not proved yet. */
    struct flow_block *block;
    struct buf bytes;   /* Of the block. */
    struct buf record;  /* Of the result, without what no digest binds. */
    struct hash digest; /* D of its height, as the record says. */
    uint32_t sender;
};

struct lane { /* One thing that is asked for in parts from one peer. */
    bool is_open;
    struct wire_get_piece question;
    uint64_t size; /* Of the whole; 0: not known. */
    uint32_t chunk;
    uint32_t peer;
    uint64_t id; /* Of the question under way. */
    uint64_t until_ms;
    struct buf bytes;
};

struct offer {
    bool is_known;
    struct wire_snapshot snapshot;
};

struct joining_peer {
    bool is_liar;
    bool is_busy; /* A lane of chunks asks it. */
    struct offer offer;
    uint64_t asked_ms; /* For its offer. */
    uint64_t offer_id;
    uint64_t slow_until_ms; /* It did not answer in time. */
};

enum joining_step { STEP_HISTORY, STEP_OFFERS, STEP_MANIFEST, STEP_CHUNKS, STEP_READY };

struct joining {
    const struct joining_config *config;
    struct loop *loop;
    struct loop_timer *timer;
    struct peers *peers;
    struct wire_message *in;
    struct wire_message *out;
    struct buf sent;
    uint64_t serial;
    uint64_t now_ms;
    bool has_met;         /* Somebody was reached. */
    uint64_t progress_ms; /* When something came that was of use. */
    uint64_t told_ms;
    enum status status; /* Not ST_OK: it is over. */
    const char *why;    /* ST_NOT_FOUND: static text. */
    struct joining_peer peer[PEERS_PLACES];
    uint32_t next_peer;
    enum joining_step step;

    /* Of the epoch whose blocks come now. */
    struct arena config_arena;
    struct chain_config *nodes;
    struct validators validators;
    struct buf next_config; /* Encoded, of the epoch after; empty: none was seen. */
    bool is_peers_stale;

    /* History. */
    struct piece *window; /* [JOINING_WINDOW] */
    uint32_t count;
    uint64_t first;       /* Height of window[0]. */
    struct hash before;   /* Hash of the block before it, */
    struct header parent; /* its header; height 0: there is none. */
    struct hash digest;   /* D of the height before it. */
    uint64_t seen_final;  /* Of the peers, as they say. */
    uint64_t history_id;  /* 0: no question is under way. */
    uint32_t history_peer;
    uint64_t history_until_ms;
    struct lane large[2];      /* A pair too large for an answer: block, result. */
    struct certificate commit; /* Newest of the epoch that was shown; entry_count 0: none. */
    uint32_t commit_from;      /* By whom. */
    struct certificate result;

    /* Snapshot. */
    uint64_t wanted; /* Height; 0: any. */
    uint64_t wanted_ms;
    uint64_t none_ms;       /* Since when nobody has any; 0: not so. */
    uint64_t made_until_ms; /* So long whoever says that it makes it is believed. */
    uint32_t tries;
    struct offer chosen;
    struct buf manifest;
    struct arena manifest_arena;
    struct snapshot snapshot;
    struct os_file *chunks;
    uint8_t *has_chunk; /* [part_count]: 1 it is there, 2 it is asked for. */
    uint64_t *offsets;
    uint32_t have;
    uint64_t reused; /* Chunks that a run before had brought. */
    struct lane lanes[JOINING_LANES];
};

/* --- joining.c --- */
void joining_fail(struct joining *j, enum status st, const char *why);
void joining_warn(const struct joining *j, const char *text);
/* It is named, left, and not asked again. */
void joining_lie(struct joining *j, uint32_t peer, const char *what);
const char *joining_name(const struct joining *j, uint32_t peer);
/* Who may be asked next; JOINING_NOBODY: nobody can be reached. */
uint32_t joining_next_peer(struct joining *j, bool (*is_fit)(const struct joining *, uint32_t));
/* Sends j->out. False: not to be reached. */
bool joining_send(struct joining *j, uint32_t peer);
void joining_progress(struct joining *j);
/* Ask for the next part of what the lane wants. */
void joining_lane_ask(struct joining *j, struct lane *lane, uint32_t peer);
enum lane_result { LANE_OTHER, LANE_MORE, LANE_DONE, LANE_NONE, LANE_LIE };
/* What a piece means to a lane; LANE_MORE: the next part is asked for. */
enum lane_result joining_lane_take(struct joining *j,
                                   struct lane *lane,
                                   uint32_t peer,
                                   const struct wire_piece *p);
void joining_lane_close(struct lane *lane);

/* --- joining_history.c --- */
enum status joining_history_open(struct joining *j);
void joining_history_fini(struct joining *j);
void joining_history_tick(struct joining *j);
void joining_on_history(struct joining *j, uint32_t peer, struct wire_history *h);
/* True: it was a part of a large pair. */
bool joining_history_piece(struct joining *j, uint32_t peer, const struct wire_piece *p);
bool joining_history_is_near(const struct joining *j);
uint64_t joining_height(const struct joining *j); /* Proved and stored. */

/* --- joining_snapshot.c --- */
void joining_snapshot_tick(struct joining *j);
void joining_on_offer(struct joining *j, uint32_t peer, const struct wire_snapshot *s);
void joining_snapshot_piece(struct joining *j, uint32_t peer, const struct wire_piece *p);
void joining_snapshot_fini(struct joining *j);

/* --- joining_files.c --- */
enum status joining_path(const struct joining *j, char *out, const char *name);
enum status joining_write(const struct joining *j, const char *name, struct span bytes);
enum status joining_read(const struct joining *j, const char *name, struct buf *out);
/* All is in joining/state and joining/rows. */
enum status joining_finish(const struct joining *j);

#endif
