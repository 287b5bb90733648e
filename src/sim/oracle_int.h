/* oracle_int.h - What the parts of the oracle share: tables of headers, tallies, promises.
 *
 *   O1 headers has every header that was seen anywhere, each once; so has tallies every statement.
 *   O2 voters of a tally signed it: a vote was sent, or its cut stood in a certificate and
 * verified. O3 committed[1 … committed_height] is one chain (that is I1).
 *   O4 a round is an epoch and a view of it in one number, so rounds are ordered as both are. */
#ifndef TRUSTSQL_SIM_ORACLE_INT_H
#define TRUSTSQL_SIM_ORACLE_INT_H

#include "base/idtable.h"
#include "sim/epochs.h"
#include "sim/oracle.h"

struct tally {
    struct hash id; /* oracle_tally_id. */
    enum vote_part part;
    struct statement statement;
    uint64_t voters;  /* Bits. */
    uint32_t entries; /* First of its entries in the list, + 1; 0: none. */
};

struct entry {
    struct certificate_entry cut;
    uint32_t next; /* As tally.entries. */
};

struct first_vote {
    uint64_t round;
    uint64_t height;
    struct hash hash;
};

struct view_mark { /* The highest block of a view that is certified, or committed. */
    uint64_t round;
    uint64_t height;
    struct hash hash;
};

struct anchor_word { /* Of a NEWVIEW in raft. */
    uint64_t round;
    struct hash hash;
    struct signature sig;
};

struct frozen_vc {
    uint32_t voter;
    uint64_t round;
    struct view_change *vc;
};

struct promises { /* Of one host, over all its lives. */
    struct first_vote *votes;
    uint32_t vote_count;
    uint32_t vote_room;
    struct first_vote *made; /* In durable records; sent or not. */
    uint32_t made_count;
    uint32_t made_room;
    uint32_t made_before;         /* Of these, before promised_round was promised. */
    struct first_vote *proposals; /* Made by it, as a leader. */
    uint32_t proposal_count;
    uint32_t proposal_room;
    uint64_t promised_round; /* No vote below it: a VC for it was sent. */
    uint64_t lock_round;     /* Highest P2 sent. */
    uint64_t lock_height;
    bool has_locked;
    bool has_record;
    struct consensus_record record; /* Newest durable one. */
    struct buf vc;                  /* Newest durable slot 1. */
    struct hash *written;           /* Bodies since the newest sync. */
    uint32_t written_count;
    uint32_t written_room;
    uint64_t executed_height;
    uint64_t rejects[REJECT_COUNT]; /* Of engines that are gone. */
    uint64_t counted[REJECT_COUNT]; /* Of this one, at the event before. */
    uint64_t epoch;                 /* Of that one. */
    struct hash unproven;           /* A final block that must be committed when the event ends. */
    uint64_t unproven_height;
};

struct oracle_mode; /* oracle_mode.c */

struct oracle {
    struct world *world;
    struct known_header *headers;
    uint32_t header_count;
    uint32_t header_room;
    struct idtable header_index;
    struct tally *tallies;
    uint32_t tally_count;
    uint32_t tally_room;
    struct idtable tally_index;
    struct entry *entries;
    uint32_t entry_count;
    uint32_t entry_room;
    struct hash *committed; /* [height]; [0]: chain id. */
    uint64_t committed_height;
    uint64_t committed_room;
    struct view_mark *commits; /* Highest of each view. */
    uint32_t commit_count;
    uint32_t commit_room;
    struct view_mark *certified; /* The same of P1 certificates. */
    uint32_t certified_count;
    uint32_t certified_room;
    struct hash *digests; /* [height]: right results. */
    uint64_t digest_height;
    uint64_t digest_room;
    uint64_t result_height; /* Highest with a quorum of P3. */
    struct seen_anchor *anchors;
    uint32_t anchor_count;
    uint32_t anchor_room;
    struct seen_evidence *evidence;
    uint32_t evidence_count;
    uint32_t evidence_room;
    struct anchor_word *words;
    uint32_t word_count;
    uint32_t word_room;
    struct frozen_vc *vcs;
    uint32_t vc_count;
    uint32_t vc_room;
    uint64_t pending_height; /* Lowest of the newest epoch after which a configuration waits. */
    uint64_t newest_wall_ms; /* Of all honest clocks, ever. */
    struct oracle_mode *mode;
    struct promises promises[HOSTS_MAX];
    struct consensus_stand stand; /* Scratch. */
    struct evidence scratch;
};

/* How many votes make what, by the rules of consensus.md 1.1, written here a second time. */
struct oracle_sizes {
    uint32_t certificate; /* P1 that certify, P2 that commit, P3 that certify a result. */
    uint32_t commit_p1;   /* 0: first votes commit nothing. */
    uint32_t commit_p2;   /* 0: there are no locks. */
};

/* Room for one more item in *items of count. */
#define ORACLE_GROW(o, items, count, room)                                                         \
    ((o)->items = oracle_grow((o)->items, (o)->count, &(o)->room, sizeof *(o)->items))
void *oracle_grow(void *items, uint64_t count, uint32_t *room, size_t size);

uint64_t oracle_round(uint64_t epoch, uint64_t view); /* O4 */
uint64_t oracle_round_view(uint64_t round);
uint64_t oracle_round_epoch(uint64_t round);

/* oracle.c: tables. */
struct known_header *oracle_find_header(const struct oracle *o, const struct hash *hash);
struct hash oracle_tally_id(enum vote_part part, const struct statement *s);
struct tally *oracle_tally(struct oracle *o, enum vote_part part, const struct statement *s);
/* Hash of the ancestor of (hash, height) at low; false: a header is unknown. */
bool oracle_ancestor(const struct oracle *o,
                     const struct hash *hash,
                     uint64_t height,
                     uint64_t low,
                     struct hash *out);
/* Is the lower of both an ancestor of the other, or equal? */
bool oracle_are_compatible(const struct oracle *o,
                           const struct hash *a,
                           uint64_t a_height,
                           const struct hash *b,
                           uint64_t b_height);

/* oracle_votes.c: what follows from votes, whoever sent them. */
struct oracle_sizes oracle_sizes_of(const struct oracle *o, uint64_t epoch);
void oracle_count_vote(struct oracle *o, const struct vote *v);
void oracle_count_certificate(struct oracle *o, const struct certificate *c);
void oracle_commit_alone(struct oracle *o, const struct consensus_record *r);
void oracle_check_anchor(struct oracle *o, const struct seen_anchor *a);

/* oracle_mode.c: an honest host executed b, whose epoch is known. */
struct oracle_mode *oracle_mode_new(void);
void oracle_mode_free(struct oracle_mode *m); /* Null allowed. */
void oracle_judge_mode(struct oracle *o, const struct host *h, const struct flow_block *b);

/* oracle_promises.c: what an honest host may say. */
void oracle_judge_vote(struct oracle *o, struct host *h, const struct vote *v);
/* c shows a vote of voter that it has not sent by itself. */
void oracle_judge_shown(struct oracle *o, const struct certificate *c, uint32_t voter);
void oracle_judge_view_change(struct oracle *o, struct host *h, const struct view_change *vc);
void oracle_judge_new_view(struct oracle *o, struct host *h, const struct new_view *nv);
void oracle_judge_proposal(struct oracle *o, struct host *h, const struct proposal *p);

#endif
