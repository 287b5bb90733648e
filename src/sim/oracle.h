/* oracle.h - The judge: the invariants of consensus.md 2.3, over what was sent, not what arrived.
 *
 * It sees every message when it is sent and every sync when it ends, so it knows that a block is
 * committed as soon as enough locks exist anywhere, whether or not a single node will ever learn
 * it. That is much stronger than comparing chains. What is broken is told to world_violate under
 * the name of the invariant:
 *
 *   I1  committed blocks lie on one chain          I8  one certified result per height; final
 *   I2  no honest double P1; one chain a view          only with its certificate
 *   I3  no P1, P2 below the promised view          I9  each transaction once
 *   I4  what a message promises is durable         I10 executed transactions are signed, in span
 *   I5  anchors descend from all committed before  I11 evidence proves, and never names the honest
 *   I6  certificates of a view are compatible      I12 leader and mode of each block
 *   I7  promises of a node never go back           I13 time ascends, inside honest clocks
 *   I14 memory and queues of a node are bounded    I15 the same events, the same digest (world.h)
 *   P2  a lock needs q first votes sent            P3  a result needs its own execution
 *   VC  a view change tells all that its sender promised
 *   R1  a linearizable read misses nothing that was certified before (reads.h)
 *
 * Hosts that are Byzantine are counted, not judged. */
#ifndef TRUSTSQL_SIM_ORACLE_H
#define TRUSTSQL_SIM_ORACLE_H

#include "sim/network.h"

struct oracle *oracle_new(struct world *w);
void oracle_free(struct oracle *o); /* Null allowed. */

/* --- what happens --------------------------------------------------------------------------- */

/* wire and message: p decoded, as gist_read left them. Before anything of it leaves. */
void oracle_on_send(struct oracle *o,
                    struct host *h,
                    const struct parcel *p,
                    const struct wire_message *wire,
                    const struct consensus_message *message);
/* A body was written. */
void oracle_on_hold(struct oracle *o, struct host *h, const struct flow_block *b);
/* A sync ended, and the disk was asked: all bodies are on it, and these records of both slots. */
void oracle_on_durable(struct oracle *o, struct host *h, struct span record, struct span vc);
void oracle_on_execute(struct oracle *o, struct host *h, const struct flow_block *b);
void oracle_on_executed(struct oracle *o, struct host *h, const struct flow_block *b);
/* Executed once more at a start; or for the first time, when it died before. */
void oracle_on_replayed(struct oracle *o, struct host *h, const struct flow_block *b);
void oracle_on_answer(struct oracle *o, struct host *h, const struct flow_block *b);
void oracle_on_evidence(struct oracle *o, struct host *h, const struct evidence *e);
void oracle_on_crash(struct oracle *o, struct host *h);
/* A host has handled an event. */
void oracle_settle(struct oracle *o, struct host *h);
/* Not told by a message: a header that a Byzantine host made. */
void oracle_learn(struct oracle *o, const struct header *header);

/* --- asking ----------------------------------------------------------------------------------- */

struct known_header {
    struct hash hash;
    struct hash parent;
    uint64_t height;
    uint64_t view;
    uint64_t time_ms;
    uint32_t proposer;
    uint64_t held;     /* Hosts on whose disk the body is safe, as bits. */
    uint64_t seen_us;  /* When it was seen first: its leader sent it. */
    uint64_t final_us; /* When the last honest host so far finalised it. */
    bool has_word;     /* Its leader signed for it: */
    struct signature word;
    struct header header;
};

const struct known_header *oracle_header(const struct oracle *o, const struct hash *hash);
/* The nth (0: the first) header seen of this view and height. */
const struct known_header *oracle_proposed(const struct oracle *o,
                                           uint64_t view,
                                           uint64_t height,
                                           uint32_t nth);
uint64_t oracle_committed_height(const struct oracle *o);
bool oracle_committed(const struct oracle *o, uint64_t height, struct hash *hash);
/* Is a an ancestor of b, or b itself? False, too, when a header between is unknown. */
bool oracle_descends(const struct oracle *o, const struct hash *b, const struct hash *a);

struct seen_evidence {
    uint64_t at_us;
    uint32_t host;
    enum evidence_kind kind;
    uint32_t offender;
};
uint32_t oracle_evidence_count(const struct oracle *o);
const struct seen_evidence *oracle_evidence_at(const struct oracle *o, uint32_t number);

struct seen_anchor {
    uint32_t host;
    uint64_t round; /* Epoch and view: oracle_int.h O4. */
    uint64_t height;
    struct hash hash;
};
/* Where view of epoch started on host, as a durable record said. False: it never opened there. */
bool oracle_anchor(
    const struct oracle *o, uint32_t host, uint64_t epoch, uint64_t view, struct seen_anchor *out);

/* Refusals counted by a host over all its lives. */
uint64_t oracle_rejects(const struct oracle *o, const struct host *h, enum consensus_reject reason);

/* Votes seen for a statement, as a certificate. False: fewer than wanted. */
bool oracle_certificate(const struct oracle *o,
                        enum vote_part part,
                        const struct statement *statement,
                        uint64_t voters,
                        struct certificate *out);
/* A leader's word for a block, seen in a proposal or, as that view's anchor, in a NEWVIEW. */
bool oracle_word(const struct oracle *o,
                 const struct statement *block,
                 bool is_proposal,
                 struct signature *out);
/* The newest VC of voter for view that was sent. Null: none. */
const struct view_change *oracle_view_change(const struct oracle *o,
                                             uint32_t voter,
                                             uint64_t epoch,
                                             uint64_t view);

/* Highest result that a quorum has signed, whoever knows it. */
uint64_t oracle_result_height(const struct oracle *o);

/* The right result of a height. False: nobody executed it. */
bool oracle_digest(const struct oracle *o, uint64_t height, struct hash *digest);

#endif
