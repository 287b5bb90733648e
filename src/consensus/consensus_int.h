/* consensus_int.h - The state of the engine, and what its files offer one another.
 *
 *   consensus.c   new, free, step; effects; durability: one record and one sync for all that is due
 *   recover.c     the state from the record of an earlier life
 *   blocks.c      known headers and bodies; the line: what is voted for or about to be
 *   normal.c      proposals, bodies, first votes
 *   validity.c    is a header, are its certificates acceptable
 *   propose.c     when a leader proposes, and what
 *   votes.c       the table of votes; certificates; own votes leave
 *   finality.c    commit, results, execution
 *   viewchange.c  VCs: own and others'
 *   newview.c     NEWVIEW and the adoption of its anchor
 *   pacemaker.c   timers
 *   floor.c       what a leader must achieve
 *   adapt.c       the mode of the chain; late votes
 *   epoch.c       the last block of an epoch, and the first
 *   sync.c        STATUS, anti-entropy, catching up
 *   suspect.c     evidence
 *   stand.c       what others may see; digest
 *
 * Invariants, cited where they are asserted:
 * I1 root ≤ final; the line starts above root and is at most W long.
 * I2 a statement is signed only when everything up to its lsn is durable.
 * I3 no P1 and no P2 of a view other than cur_view is signed, and only while it is open.
 * I4 heights become final one after the other.
 * I5 a P2 is wanted only when hq ≥ (view, height) is in the record that it waits for.
 * I6 tables do not grow: what a peer sends takes that peer's place or a bounded, shared one. */
#ifndef TRUSTSQL_CONSENSUS_CONSENSUS_INT_H
#define TRUSTSQL_CONSENSUS_CONSENSUS_INT_H

#include "base/buf.h"
#include "base/must.h"
#include "consensus/check.h"
#include "consensus/consensus.h"
#include "consensus/facts.h"
#include "consensus/select.h"

#define W                  CONSENSUS_WINDOW
#define BLOCKS_MAX         128u /* Known headers: line, anchor's path, ahead, proposals. */
#define VOTE_HEIGHTS       32u  /* Heights whose P1 and P2 are kept. */
#define VOTE_VIEWS         2u   /* Per voter and height: the newest. */
#define RESULT_HEIGHTS     128u
#define VIEWS_AHEAD        2u /* Proposals of later views are kept up to this. */
#define VIEW_MAX           (1ull << 62)
#define SMALL_MESSAGES_MAX 128u /* Sent in one step. */
#define FLUSH_MAX          24u  /* Own votes signed in one step. */
#define TREES_MAX          32u  /* 2 W: of heights above final. */
#define PATH_BLOCKS_MAX    32u  /* 2 W: walked down from a certificate or an anchor. */
#define RESEND_MAX         32u  /* 2 W: repeats to one peer in one step. */
#define FETCHES_MAX        16u
#define CHECKED_CERTS      64u
#define EVIDENCE_KINDS     (EVIDENCE_KIND_MAX + 1u)
#define EVIDENCE_KEPT      4u /* Per peer and kind: more of the same say nothing new. */
#define EVIDENCE_STEP_MAX  8u
#define EVIDENCE_BYTES     (1u << 20)

#define LOCK_WAIT_MS_MIN   1u  /* A lock of its own waits so long for the fast quorum … */
#define LOCK_WAIT_MS_MAX   20u /* … at least, and at most. */
#define PATIENCE_PARTS     4u  /* Under load a leader, and a vote, wait such a part of T_view. */
#define GAP_SCALE          16u /* The mean of gaps is kept in sixteenths of a millisecond … */
#define GAP_WEIGHT         8u  /* … and follows each new one by an eighth. */
#define GAP_MS_MAX         1000u

#define RAFT_DELTAS        5u /* Δ, the delay of a message, is such a part of the view timer. */

#define CERTIFY_MS         50u   /* A result waits at most this long for a block to carry it. */
#define SILENT_MS          1000u /* A validator that says nothing for so long is not there. */
#define REST_MS            100u  /* Of silence, before what is final is written down. */
#define QUIET_TXS          8u    /* A block with more transactions than this means load. */
#define BUSY_TXS           48u   /* … and with more than this, that it pays to wait for more. */
#define ENOUGH_TXS         60u   /* For each validator: its two signatures are 3 % beside them. */
#define AGREEMENT_MS_MAX   1000u
#define AGREEMENT_SCALE    16u   /* The mean is kept in sixteenths of a millisecond … */
#define AGREEMENT_WEIGHT   8u    /* … and follows each new one by an eighth. */
#define HEARD_MS           450u  /* A peer is heard if something came from it in this time. */
#define DEAF_MS            1000u /* So long without enough of them: the view timer starts anew. */
#define FRESH_MS           50u   /* Between questions of a node that starts. */
#define ASK_MS             500u  /* Between requests for the same body or block. */
#define VOTES_CLOSE_MS     400u  /* Two STATUS: a small gap that repeated votes may close. */
#define BEHIND_MS          500u  /* Between reports of being behind. */
#define BEHIND_PATIENCE    4u    /* Times longer a node that is behind waits before it blames. */
#define CALM_BLOCKS        64u   /* Final blocks for which k decreases by one (1.9). */
#define FAILED_VIEWS_MAX   16u

#define FLOOR_VIEWS        8u    /* Views that are remembered. */
#define FLOOR_WINDOWS      4u    /* View times in a row below the floor. */
#define FLOOR_PRESSURE     4u    /* Part of the view time that the oldest transaction waits. */
#define FLOOR_MS_MIN       1000u /* Of pressure, for a view to be remembered. */

_Static_assert(VOTE_HEIGHTS == 2 * W && TREES_MAX == 2 * W && PATH_BLOCKS_MAX == 2 * W &&
                   RESEND_MAX == 2 * W && RESULT_HEIGHTS == 2 * CONSENSUS_LAG_MAX &&
                   BLOCKS_MAX == 8 * W,
               "tables are as long as the window needs");

struct block {    /* A header that is known. */
    bool has_sig; /* As proposed by its leader. */
    bool has_body;
    bool is_held;    /* HOLD was emitted in this life, or it was held when it began. */
    bool is_bad;     /* Its body is provably invalid: not asked for again. */
    bool is_refused; /* Not voted for as a proposal; a new view may still build on it. */
    uint32_t from;
    struct hash hash;
    struct header header;
    struct signature sig;
    uint64_t wall_ms;          /* When it arrived: its time is judged by that (1.16). */
    uint64_t asked_mono_ms;    /* When its body was last asked for; 0: never. */
    uint64_t proposed_mono_ms; /* By this node; 0: by another one. */
    bool has_facts; /* Without them it cannot become final while the engine adapts (I7). */
    struct mode_facts facts;
};

struct fetch {
    struct hash hash;
    uint64_t mono_ms; /* 0: none. */
};

struct promise { /* An own statement on its way out. */
    bool is_wanted;
    bool is_sent;
    uint64_t lsn; /* Not before this is durable. */
};

struct line_item {
    struct hash hash;
    struct block *block; /* Null: header lost, being fetched (only after a restart). */
    struct promise p1;
    struct promise p2;
    uint64_t qc_mono_ms; /* Since when a quorum's P1 of this view are here; 0: they are not. */
    bool has_prepared;   /* Its own P1 makes the quorum: signed with P2, in the same record. */
    struct vote prepared;
};

struct branch { /* What leads from the voted chain to the block of hq, ascending. */
    uint32_t count;
    struct block *blocks[W];
};

struct tip { /* What a child is checked against. */
    uint64_t height;
    struct hash hash;
    uint64_t time_ms;
    uint64_t view;
    uint64_t final_height;
    uint64_t res_height;
    bool is_close; /* The last of this epoch. */
};

struct vote_slot {
    bool is_used;
    struct vote vote;
    struct certificate_entry cut; /* Of the part under which it is kept. */
};

struct vc_slot {
    bool is_used;
    struct hash hash; /* view_change_hash. */
    struct select_claim claim;
    struct view_change vc;
};

struct small_message { /* The head of a consensus_message, for the small kinds. */
    enum consensus_message_kind kind;
    union {
        struct proposal proposal;
        struct vote vote;
        struct status_report status;
    };
};

enum phase {
    PHASE_OPEN,     /* Anchored: votes and proposes. */
    PHASE_CHANGING, /* VC for cur_view made, no NEWVIEW yet. */
    PHASE_ANCHORING /* NEWVIEW of cur_view accepted, the path to its X is being fetched. */
};

struct peer {
    struct consensus_peer_stand stand;
    bool is_up;
    uint64_t shown_final; /* Of the status before the newest: did it move? */
    uint64_t shown_result;
    uint64_t shown_tip;
    uint64_t result_height;
    uint64_t answered_mono_ms; /* When its question was last answered. */
    uint64_t resent_mono_ms;
    uint64_t changed_mono_ms;    /* When it was last given the own VC. */
    struct signature passed_sig; /* Of its newest status that came through another one. */
    uint32_t evidence_count[EVIDENCE_KINDS];
    struct evidence evidence[EVIDENCE_KINDS][EVIDENCE_KEPT]; /* Identities only. */
};

struct floor_state {
    uint64_t view;
    uint64_t since_ms; /* Of the present window; 0: nothing presses. */
    uint64_t txs;      /* Final in it. */
    uint64_t view_ms;  /* Windows of the view that are over… */
    uint64_t view_txs; /* … and what was final in them. */
    uint32_t low;      /* Windows in a row below the floor. */
    uint32_t next;
    uint32_t count;
    uint32_t rates[FLOOR_VIEWS]; /* Transactions a second of views that are over. */
};

struct consensus {
    struct mem *mem;
    struct consensus_config config;
    struct check_context check;
    uint32_t quorum;
    uint32_t commit_p1; /* Equal P1 that commit; 0: none do. */
    uint32_t vc_quorum;
    uint64_t nonce;

    struct consensus_effects *out; /* Of the step under way. */
    uint64_t mono_ms;
    uint64_t wall_ms;
    bool is_started; /* The first step was taken. */

    /* Promises. */
    uint64_t cur_view;
    uint64_t voted_view;
    enum phase phase;
    uint64_t anchor_height;
    struct hash anchor_hash;
    bool has_proposed;
    uint64_t proposer_view;
    uint64_t proposer_lsn;
    bool has_lock;
    struct statement lock;
    bool has_hq;
    struct certificate hq;

    /* Chain. */
    uint64_t root_height; /* Newest final block with a certificate on the voted chain. */
    struct hash root_hash;
    bool has_root_cert;
    struct certificate root_cert;
    uint32_t line_count;
    uint32_t voted_count;
    struct line_item line[W];
    bool is_record_ahead; /* The record knows of final blocks that are not here again yet. */
    bool is_dead; /* The voted chain lost against a final block: no votes before the next view. */
    struct tip final;
    bool has_final_cert; /* Exactly of final. */
    struct certificate final_cert;
    struct merkle_tree final_tree;       /* Over the hashes of blocks 1 … final. */
    struct merkle_tree trees[TREES_MAX]; /* By height mod TREES_MAX, of the line above final. */
    uint64_t last_txs_height;
    uint64_t wanted_height; /* An idle chain goes on up to here. */
    struct block blocks[BLOCKS_MAX];
    uint64_t block_heights[BLOCKS_MAX]; /* Of blocks[i]: a search need not touch them all. */
    uint32_t block_count;

    bool is_ahead; /* A certificate commits a block that is not here yet. */
    struct certificate ahead;
    struct fetch fetches[FETCHES_MAX]; /* Blocks without a known header that were asked for. */
    uint32_t fetch_next;               /* The oldest of them. */

    /* Execution. */
    uint64_t executed_height;
    uint64_t digest_low; /* Digests are known from here … */
    struct hash digests[RESULT_HEIGHTS];
    uint64_t p3_height;        /* Newest P3 sent. */
    uint64_t executed_mono_ms; /* When the newest block was executed. */
    uint32_t last_final_txs;   /* In the newest final block. */
    uint64_t result_height;
    bool has_res_cert;
    struct certificate res_cert; /* Newest certified, executed here too. */
    bool has_next_res;
    struct certificate next_res; /* Certified, not executed here yet. */

    uint32_t gap; /* Mean time from a quorum's P1 to the fast quorum's, in GAP_SCALE parts. */

    /* Epoch. */
    uint64_t base_height; /* Of the block before its first. */
    uint64_t none_height; /* Nothing waited for the next epoch up to here. */
    uint64_t next_from;   /* From here on next_config did; 0: nothing known does. */
    struct hash next_config;
    bool is_over; /* EPOCH_END was said. */

    /* Mode. */
    bool is_adapting;
    struct mode_state mode;       /* As of final. */
    struct mode_state ahead_mode; /* As of the tip, while a body is made. */
    struct body_notes notes;      /* Of the body being made. */
    uint64_t idle_blocks;         /* Own empty blocks since the last with transactions. */

    /* Durability. */
    bool is_stopping;
    uint64_t rest_mono_ms; /* Since when nothing is in flight; 0: something is. */
    bool is_dirty;
    bool is_vc_dirty;
    uint64_t next_lsn;
    uint64_t durable_lsn;
    struct consensus_record record; /* Of the last WRITE. */

    /* Proposing. */
    bool is_batch_asked;
    bool is_batch_stale;
    struct tip batch_parent;
    uint64_t batch_time_ms;
    uint64_t batch_final_height;
    struct hash batch_final_hash;
    struct certificate batch_final_cert; /* In the body being made, as batch_res_cert. */
    struct certificate batch_res_cert;
    uint64_t batch_res_height;
    struct hash batch_res_digest;
    struct hash batch_res_hash;
    uint64_t proposed_mono_ms;
    uint32_t last_tx_count;
    uint32_t agreement; /* Mean time from an own proposal to its finality, scaled. */
    uint32_t waiting;
    uint64_t waiting_since_ms;
    uint64_t oldest_wait_ms;

    /* View change. */
    bool is_vc_pending; /* An own VC for cur_view is due but cannot be made yet. */
    bool is_vc_made;
    bool is_vc_sent;
    uint64_t vc_lsn;
    uint64_t vc_mono_ms; /* Last sent. */
    bool is_nv_ours;
    bool is_nv_sent;
    uint64_t nv_lsn;
    struct select_result anchor; /* ANCHORING: what to adopt. */
    bool has_anchor_word;        /* raft: of the leader of voted_view for its anchor. */
    struct signature anchor_word;
    uint64_t majority_mono_ms; /* raft: since when a majority's VCs of cur_view are here; 0. */
    bool is_open_told;
    uint64_t open_lsn;
    uint64_t open_mono_ms;

    /* Pacemaker. */
    uint32_t failed_views;
    uint32_t calm_blocks;
    bool is_timing;
    uint64_t timer_mono_ms; /* Since when. */
    struct floor_state floor;
    uint64_t deaf_mono_ms; /* Since when it hears too few; 0: it hears enough. */

    /* Sync. */
    bool is_admitted; /* Enough peers answered: may vote. */
    uint32_t answered;
    uint64_t status_mono_ms;
    bool is_status_due;
    uint64_t behind_mono_ms;
    uint64_t lagging_mono_ms; /* Since when a peer shows more final blocks; 0: none does. */

    enum consensus_alarm alarm;
    bool is_final_halted; /* raft: evidence was verified, no result is certified any more. */
    uint64_t rejects[REJECT_COUNT];
    uint32_t checked_next;
    struct hash checked[CHECKED_CERTS]; /* Hashes of certificates that verify. */
    struct peer peers[NODES_MAX];

    /* Tables of their own size. */
    struct vote_slot *votes;   /* [voter][P1, P2][height][view]. */
    struct vote_slot *results; /* [voter][height]. */
    struct vc_slot *vcs;       /* [voter][2]. */

    /* Messages and proofs of the step under way. */
    uint32_t small_count;
    struct small_message small[SMALL_MESSAGES_MAX];
    struct consensus_message *own_vc;
    struct consensus_message *new_view; /* Of cur_view: own or accepted. */
    uint32_t evidence_used;
    struct evidence evidence[EVIDENCE_STEP_MAX];
    struct certificate result_cert; /* Of the RESULT effect. */
    struct certificate commit_cert; /* Newest of the step. */
    uint32_t shown_count;
    struct certificate shown[W]; /* Of the FINAL effects; the last may serve several. */
    uint8_t *evidence_bytes;
    size_t evidence_size;
};

/* --- consensus.c --- */
struct consensus_effect *effect_add(struct consensus *c, enum consensus_effect_kind kind);
struct small_message *message_add(struct consensus *c, enum consensus_message_kind kind);
void message_send(struct consensus *c, const struct small_message *m, uint32_t peer, uint64_t lsn);
void message_send_large(struct consensus *c,
                        const struct consensus_message *m,
                        uint32_t peer,
                        uint64_t lsn);
enum status engine_reject(struct consensus *c, enum consensus_reject reason);
void alarm_raise(struct consensus *c, enum consensus_alarm alarm);
bool is_durable(const struct consensus *c, uint64_t lsn);
bool is_raft(const struct consensus *c);
bool is_halted(const struct consensus *c);  /* Signs nothing ever again. */
bool is_signing(const struct consensus *c); /* Votes, proposes, changes views. */
bool is_open_for_votes(const struct consensus *c);
uint32_t leader_of(const struct consensus *c, uint64_t view);
uint64_t load_wait_ms(const struct consensus *c); /* Under load; see PATIENCE_PARTS. */
struct signature sign_own(const struct consensus *c, const struct hash *hash);
bool is_signed_by(const struct consensus *c,
                  uint32_t voter,
                  const struct hash *hash,
                  const struct signature *sig);

/* --- adapt.c --- */
void adapt_start(struct consensus *c, const struct consensus_start *start);
enum block_mode mode_for(const struct consensus *c, uint64_t height); /* Of its header. */
void adapt_note_body(const struct consensus *c,
                     struct block *b,
                     const struct block_content *content);
void adapt_on_final(struct consensus *c, const struct block *b);
enum status adapt_on_advanced(struct consensus *c, const struct consensus_event *event);
const struct body_notes *adapt_gather(struct consensus *c, uint64_t height); /* Null: none. */
bool adapt_are_notes_valid(const struct consensus *c,
                           const struct header *h,
                           const struct body_notes *notes);
bool adapt_wants_blocks(const struct consensus *c, uint64_t height);

/* --- epoch.c --- */
enum epoch_verdict { EPOCH_RIGHT, EPOCH_WAIT, EPOCH_WRONG };
void epoch_start(struct consensus *c, const struct consensus_start *start);
void epoch_on_executed(struct consensus *c, const struct consensus_event *event);
enum epoch_verdict epoch_judge(const struct consensus *c, const struct header *h);
bool epoch_close(const struct consensus *c, uint64_t height, struct header *h); /* h may be null. */
bool epoch_is_step_due(const struct consensus *c, const struct tip *tip);
void epoch_settle(struct consensus *c);

/* --- recover.c --- */
void recover_start(struct consensus *c, const struct consensus_start *start);
void recover_first_step(struct consensus *c);
void recover_chain(struct consensus *c); /* The final block has reached the record's, if it may. */

/* --- blocks.c --- */
bool block_is_whole(const struct consensus *c, const struct block *b); /* May become final. */
struct block *block_find(struct consensus *c, const struct hash *hash);
struct block *block_add(struct consensus *c, const struct header *header, const struct hash *hash);
struct block *block_proposed(struct consensus *c, uint64_t view, uint64_t height);
struct tip tip_of(const struct header *header, const struct hash *hash);
struct tip line_tip(const struct consensus *c);
uint64_t line_tip_height(const struct consensus *c);
uint64_t voted_tip_height(const struct consensus *c);
struct line_item *line_at(struct consensus *c, uint64_t height); /* Null: not on the line. */
/* block null: its header is not known (after a restart). */
struct line_item *line_add(struct consensus *c, const struct hash *hash, struct block *block);
void line_cut(struct consensus *c, uint32_t count);   /* Drops what is beyond. */
void line_trim(struct consensus *c, uint64_t height); /* Root is now height. */
const struct merkle_tree *tree_below(const struct consensus *c, uint64_t height);
enum path { PATH_WHOLE, PATH_MISSING, PATH_FORK, PATH_FAR };
/* The blocks final + 1 … height that lead to hash, ascending in path[*count]. MISSING: *missing is
 * the height and hash of the next that is not known. FORK: they do not lead to the final block.
 * FAR: more than PATH_BLOCKS_MAX of them. height > final. */
enum path path_find(struct consensus *c,
                    const struct statement *to,
                    struct block **path,
                    uint32_t *count,
                    struct statement *missing);

/* What a VC has to show of hq besides the voted chain; nothing when it stands there, or below root,
 * or root supersedes it. False: *missing is not known (height 0: hq is on a fork of root). */
bool branch_find(struct consensus *c, struct branch *out, struct statement *missing);
/* raft: the word of voted_view's leader for the last block voted for. False: it is not known. */
bool tip_word(const struct consensus *c, struct signature *out);

/* --- normal.c --- */
enum status normal_on_proposal(struct consensus *c, const struct proposal *p, uint32_t from);
enum status normal_on_body_ok(struct consensus *c, const struct consensus_event *event);
enum status normal_on_body_bad(struct consensus *c, const struct hash *hash);
void normal_extend(struct consensus *c); /* Line, bodies, first votes: as far as they go. */
void normal_want_p1(struct consensus *c, struct line_item *item);
void normal_want_anchor(struct consensus *c); /* If it was adopted before it could be voted for. */
void block_ask(struct consensus *c, struct block *b);
void block_fetch(struct consensus *c, uint64_t height, const struct hash *hash);

/* --- validity.c --- */
enum consensus_reject header_check(const struct consensus *c,
                                   const struct block *b,
                                   const struct tip *parent);
enum consensus_reject body_check(struct consensus *c,
                                 const struct block *b,
                                 const struct consensus_event *event);
bool certificate_is_valid(struct consensus *c, const struct certificate *cert, enum vote_part part);
bool is_late_signed(const struct consensus *c, const struct late_vote *late);
uint64_t message_delay_ms(const struct consensus *c);

/* --- propose.c --- */
void propose_settle(struct consensus *c);
enum status propose_on_batch(struct consensus *c, const struct consensus_event *event);
void propose_on_final(struct consensus *c, const struct block *b);
void propose_claim(struct consensus *c); /* Promise to be the one who proposes in cur_view. */

/* --- votes.c --- */
enum status votes_on_vote(struct consensus *c, const struct vote *v);
void votes_flush(struct consensus *c);
uint32_t votes_count(const struct consensus *c,
                     enum vote_part part,
                     const struct statement *s,
                     bool with_own);
void votes_certify(const struct consensus *c,
                   struct certificate *out,
                   enum vote_part part,
                   const struct statement *s);
void votes_make(struct consensus *c, struct vote *v);
void votes_on_quorum_p1(struct consensus *c, const struct statement *s);
void votes_want_p2(struct consensus *c, struct line_item *item, uint64_t height);
void votes_ride(struct consensus *c);   /* Locks that wait go with the P1 that is due now. */
void votes_settle(struct consensus *c); /* Locks that waited long enough go alone. */
/* True: votes here commit s, and *out shows it. */
bool votes_commit(const struct consensus *c, struct certificate *out, const struct statement *s);
void votes_raise_hq(struct consensus *c, const struct certificate *cert);
struct vote_slot *vote_slots(const struct consensus *c,
                             uint32_t voter,
                             enum vote_part part,
                             uint64_t height);
struct vote_slot *result_slot(const struct consensus *c, uint32_t voter, uint64_t height);
const struct vote *votes_newest_of(const struct consensus *c,
                                   uint32_t voter,
                                   enum vote_part part,
                                   uint64_t height);
uint64_t vote_floor(const struct consensus *c);
struct statement statement_of(const struct consensus *c,
                              const struct line_item *item,
                              uint64_t height);

/* --- finality.c --- */
void finality_commit(struct consensus *c, const struct certificate *cert);
void finality_retry(struct consensus *c); /* A body arrived: is what is ahead complete now? */
void finality_on_result(struct consensus *c, const struct certificate *cert);
enum status finality_on_executed(struct consensus *c, const struct consensus_event *event);
enum status finality_on_advanced(struct consensus *c, const struct consensus_event *event);
const struct hash *digest_at(const struct consensus *c, uint64_t height); /* Null: unknown. */

/* --- viewchange.c --- */
void change_start(struct consensus *c, uint64_t view, bool is_failure);
enum status change_on_message(struct consensus *c, const struct view_change *vc);
void change_learn(struct consensus *c, const struct view_change *vc); /* Valid; of a NEWVIEW. */
void change_settle(struct consensus *c); /* Make, send and count the own VC when it may be. */
void change_send(struct consensus *c, uint32_t peer);
uint32_t change_count(const struct consensus *c, uint64_t view, bool is_above);
struct vc_slot *vc_slot_of(const struct consensus *c, uint32_t voter, uint64_t view);

/* --- newview.c --- */
enum status newview_on_message(struct consensus *c, const struct new_view *nv);
void newview_settle(struct consensus *c);

/* --- pacemaker.c --- */
void pace_tick(struct consensus *c);
void pace_restart(struct consensus *c);
void pace_on_final(struct consensus *c);
uint64_t view_ms(const struct consensus *c);
bool pace_is_due(const struct consensus *c); /* There is work: the view timer runs. */

/* --- floor.c --- */
void floor_on_final(struct consensus *c, const struct block *b);
bool floor_tick(struct consensus *c, bool is_fair); /* True: the leader is too slow. */

/* --- sync.c --- */
enum status sync_on_status(struct consensus *c, const struct status_report *s);
enum status sync_on_passed_status(struct consensus *c, const struct status_report *s);
void sync_tick(struct consensus *c);
void sync_on_peer(struct consensus *c, const struct consensus_event *event);
void sync_behind(struct consensus *c, uint64_t height, uint32_t peers);
uint32_t sync_peers_beyond(const struct consensus *c, uint64_t height);
uint32_t sync_heard(const struct consensus *c);

/* --- suspect.c --- */
bool suspect_wants_proposals(const struct consensus *c, const struct header *h);
void suspect_proposals(struct consensus *c, const struct block *a, const struct proposal *b);
void suspect_convict(struct consensus *c, uint32_t offender); /* Of a lie, proven. */
void suspect_results(struct consensus *c, const struct vote *a, const struct vote *b);
void suspect_result(struct consensus *c, const struct vote *v); /* Against the certified one. */
void suspect_commits(struct consensus *c, const struct certificate *cert); /* … the final one. */
void suspect_votes(struct consensus *c, const struct vote *a, const struct vote *b);
void suspect_fork(struct consensus *c, const struct vote *v);
void suspect_show(struct consensus *c, const struct vote *v);
void suspect_vote_against_changes(struct consensus *c, const struct vote *v);
void suspect_change_against_votes(struct consensus *c, const struct vc_slot *slot);
void suspect_changes(struct consensus *c, const struct view_change *a, const struct view_change *b);
void suspect_new_view(struct consensus *c, const struct new_view *nv);

#endif
