/* store.h - Blocks in segment files, held bodies, results, and the consensus journal, on one
 * directory.
 *
 * Layout, formats and crash rules: src/store/README.md and docs/format/store.md. A body is held
 * before the vote for it and appended to the open segment when it is final; store_sync makes held
 * bodies, then the journal, durable; store_settle the segment. Bytes the journal calls durable are
 * never taken for a torn tail: their damage is ST_CORRUPT. One thread (storage) holds and appends
 * blocks, journals, syncs and settles; one appends results, another may sync them; everything that
 * reads is safe from any thread beside them. */
#ifndef TRUSTSQL_STORE_STORE_H
#define TRUSTSQL_STORE_STORE_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "os/os.h"

struct store;

struct store_config {
    struct os *os;
    struct mem *mem;
    const char *dir; /* The node's directory; blocks/, results/ and journal live in it. */
    struct hash chain_id;
    const char *cold_dir;       /* Of old segments; must exist; null: blocks/cold, results/cold. */
    uint32_t hot_segments;      /* Sealed ones of a kind that stay; 0: STORE_HOT_SEGMENTS. */
    uint64_t segment_size;      /* Bytes after which a segment is sealed; 0: STORE_SEGMENT_SIZE. */
    uint32_t journal_area_size; /* A multiple of 512, from 4 KiB; 0: 1 MiB, which holds every slot
                                   at its limit. Counts when the journal is made. */
    uint64_t pending_size;      /* Bytes after which held bodies start a new file; 0: 16 MiB. */
    uint64_t held_max;          /* Bytes of all pending files; 0: STORE_HELD_MAX. */
    bool can_mend;     /* The owner closes gaps: damaged blocks do not end it all (store_gap). */
    bool has_peers;    /* A lost journal does not end it all: open, promise nothing any more. */
    bool is_read_only; /* Offline tools: no repair, nothing is written. */
};

#define STORE_SEGMENT_SIZE (64u << 20)
#define STORE_HOT_SEGMENTS 16u
#define STORE_COLD_MAX     200u /* Bytes of the name of the cold directory. */
/* Appended since the newest settling: settle. A start goes through as much again. */
#define STORE_UNSETTLED_MAX        (4u << 20) /* Bytes. */
#define STORE_UNSETTLED_BLOCKS_MAX 512u
/* Bytes of pending files; no more is held beyond. A window of the largest blocks fits four times.
 */
#define STORE_HELD_MAX ((uint64_t)4 << 30)
#define STORE_WHAT_MAX 160

struct damage {                 /* Where stored bytes are wrong, as far as known. */
    char file[OS_NAME_MAX + 1]; /* Relative to the node's directory. */
    uint64_t offset;
    uint64_t height; /* 0: unknown. */
    bool is_mended;  /* It was put right at once: an index, the journal. */
    char what[STORE_WHAT_MAX];
};

/* Open, recover (cut a torn tail behind what the journal calls durable). On ST_CORRUPT damage is
 * set. With can_mend damage of blocks is a gap instead, as far as the files around it tell what is
 * missing. Only the open segment, the heads and ends of sealed ones and held blocks are read:
 * store_scan reads all. ST_OK with damage->file not empty: the journal is lost (see
 * store_journal_is_lost), or, with is_mended, something was damaged and made again. */
NODISCARD enum status store_open(struct store **out,
                                 const struct store_config *config,
                                 struct damage *damage);
void store_close(struct store *s); /* Null allowed. Does not sync. */

/* Height of the newest block in the store; 0: none. */
uint64_t store_height(const struct store *s);

struct store_block { /* Everything is borrowed for the call. */
    uint64_t height; /* store_height + 1. */
    struct hash hash;
    struct span bytes;        /* The encoded [header, body]. */
    const struct hash *txids; /* In the order of the block; they feed the index of the segment. */
    uint32_t tx_count;
};

/* Append a final block. ST_LIMIT: larger than any block may be. Durable after store_settle; what a
 * crash takes before (store_height is less then) is among the held blocks, and is appended again.
 */
NODISCARD enum status store_append(struct store *s, const struct store_block *block);

/* Keep a block that is voted for: any height above store_height (else ST_INVALID), any number of
 * forks. Durable after store_sync. ST_OK and nothing written: held already. Txids are not used.
 * ST_LIMIT: too large, or held_max is reached: release what is not promised any more. */
NODISCARD enum status store_hold(struct store *s, const struct store_block *block);

/* Forget all held blocks but those of keep, which the newest synced record of the engine promises:
 * leaders that propose without end would fill the disk else. Settles, and copies what it keeps. */
NODISCARD enum status store_release(struct store *s, const struct hash *keep, uint32_t count);
bool store_is_crowded(const struct store *s); /* Half of held_max is used. */

/* Make appended blocks durable and remove pending files that hold only such heights. Call it when
 * store_wants_settle says so, and at the end. Failure is final, as of store_sync. */
NODISCARD enum status store_settle(struct store *s);
bool store_wants_settle(const struct store *s);

/* Make appended blocks durable, from any one thread beside the others: before a checkpoint of the
 * state, which must not be newer than the blocks. Failure is final, as of store_sync. */
NODISCARD enum status store_blocks_sync(struct store *s);

/* At the start: first what is damaged (a height, or 0 when it cannot be told), then each whole held
 * block above store_height, in order of writing. found decides: ST_OK goes on without (peers have
 * it), any other status ends this and is returned. The visit may hold and append. */
struct store_held_visitor {
    enum status (*visit)(void *context,
                         uint64_t height,
                         const struct hash *hash,
                         struct span bytes);
    enum status (*found)(void *context, const struct damage *damage);
    void *context;
};
NODISCARD enum status store_held_each(struct store *s, const struct store_held_visitor *v);

/* A held block by its hash, from any thread; appended to out. ST_NOT_FOUND: never held, or settled
 * since (then store_read_block has it, if it is final); ST_CORRUPT. */
NODISCARD enum status store_read_held(struct store *s, const struct hash *hash, struct buf *out);

/* Safety record of the engine (own vote, lock, view, frozen message, certificate): the newest of
 * each slot is what store_journal_read returns after a restart. */
#define JOURNAL_SLOTS      8u
#define JOURNAL_RECORD_MAX (64u << 10)
NODISCARD enum status store_journal(struct store *s, uint32_t slot, struct span record);
NODISCARD enum status store_journal_read(struct store *s, uint32_t slot, struct buf *out);

/* What was promised in this directory cannot be known any more, for ever: store_journal answers
 * ST_DENIED, store_journal_read finds nothing. All else works. The node must not vote under this
 * key again; damage of store_open says why. */
bool store_journal_is_lost(const struct store *s);

/* Make held blocks and journal records durable: blocks first, then the journal, one fdatasync each
 * (none when clean; two more when the journal turns over). Any failure is final, here and above:
 * every later call that writes fails, the process must stop. ST_LIMIT, ST_NO_MEMORY and ST_INVALID
 * of the calls above change nothing and are not final. */
NODISCARD enum status store_sync(struct store *s);

/* Results (receipts, write set, digest) of executed blocks: derived, rebuilt by replay. Appending
 * height again after a restart overwrites from there; the first may have any height, a gap is
 * ST_INVALID. Durable after store_results_sync, which the state's checkpoint calls first. */
NODISCARD enum status store_append_result(struct store *s, uint64_t height, struct span result);
NODISCARD enum status store_results_sync(struct store *s);
uint64_t store_result_height(const struct store *s);

/* Appended to out; checksum verified. ST_NOT_FOUND, ST_CORRUPT (damage set when not null). */
NODISCARD enum status store_read_block(struct store *s,
                                       uint64_t height,
                                       struct buf *out,
                                       struct damage *damage);
NODISCARD enum status store_read_result(struct store *s,
                                        uint64_t height,
                                        struct buf *out,
                                        struct damage *damage);

/* Height and position of a transaction in sealed segments and the open one. ST_NOT_FOUND. */
NODISCARD enum status store_find_tx(struct store *s,
                                    const struct hash *txid,
                                    uint64_t *height,
                                    uint32_t *index);

/* --- damage while the store is open -----------------------------------------------------------
 *
 * A gap is a row of heights whose bytes are wrong, cut off or gone: found by store_open, by a read,
 * by the scrub or by the owner. Until it is closed these heights are read as ST_CORRUPT, all others
 * as ever. To close one: store_gap names it; blocks that were proved to be the chain's are given to
 * store_repair in ascending order; the next store_gap writes the file anew beside the damaged one,
 * checks that it is what it was (its digest, or the place the journal names), puts it in its place
 * and names the next gap. One thread at a time does this, any thread, beside all others. */

enum store_part { STORE_BLOCKS, STORE_RESULTS };

struct store_gap {
    uint64_t first; /* The height that store_repair takes next. */
    uint64_t last;
    bool is_end;          /* last is the newest block, and this is its hash: */
    struct hash end_hash; /* else block last + 1 is whole, and names it. Zero for results. */
    struct damage place;  /* What was seen first. */
};

/* What can be closed without others is closed first: what the open file of a process still holds
 * when the name of it is gone, what can be read after all. ST_NOT_FOUND: there is no gap (more).
 * ST_CORRUPT: all blocks of a file are there and do not make the file that the others continue; no
 * peer can mend that. Other failures concern this attempt alone. */
NODISCARD enum status store_gap(struct store *s, enum store_part part, struct store_gap *out);
/* ST_INVALID: not the next height. Results: hash and txids empty. */
NODISCARD enum status store_repair(struct store *s,
                                   enum store_part part,
                                   const struct store_block *block);
/* What was given for the file at hand is forgotten: somebody lied. */
void store_repair_cancel(struct store *s);
/* Cheap, any thread: is there any gap? */
bool store_has_gap(struct store *s, enum store_part part);
/* The newest file was damaged when the store was opened: nothing can be appended (ST_CORRUPT). When
 * no gap is left, close the store and open it anew. */
bool store_is_broken(const struct store *s);
/* Opened with can_mend: results were damaged, and are as good as none. They are derived: remove
 * results/ and the state, close, open, execute all blocks. */
bool store_results_are_lost(const struct store *s);

/* The owner knows better: bytes of these heights are readable and not those of the chain. */
void store_note_false(struct store *s,
                      enum store_part part,
                      uint64_t first,
                      uint64_t last,
                      const struct damage *place);

/* One round over everything on disk, a bounded step at a time, while the store is in use: segments
 * with their indexes, results, held bodies, both copies of the journal. What is wrong is told to
 * found, once a round; what is wrong in blocks and results is a gap from then on. Indexes are made
 * again, the journal is written anew from memory (is_mended). One thread for one round. */
struct store_scrub_visitor {
    /* Each whole block: the owner checks what it means. May be null. A failure ends the round. */
    enum status (*visit)(void *context,
                         uint64_t height,
                         const struct hash *hash,
                         struct span block,
                         const struct damage *place);
    void (*found)(void *context, const struct damage *damage);
    void *context;
};
struct store_scrub;
NODISCARD enum status store_scrub_new(struct store_scrub **out,
                                      struct store *s,
                                      const struct store_scrub_visitor *visitor);
void store_scrub_free(struct store_scrub *c); /* Before store_close. Null allowed. */
/* Read about this many bytes more; *read is how many it were (an index and a block are read as a
 * whole). ST_NOT_FOUND: the round is done. */
NODISCARD enum status store_scrub_step(struct store_scrub *c, uint64_t bytes, uint64_t *read);
/* How much a round reads, and how much of it was: for people. */
void store_scrub_progress(const struct store_scrub *c, uint64_t *done, uint64_t *total);

/* Sealed segments are compressed, and the oldest moved to the cold directory: about this many bytes
 * more of that work, on any one thread beside all others. ST_NOT_FOUND: nothing is to do. Failures
 * concern this attempt alone. */
NODISCARD enum status store_tidy(struct store *s, uint64_t bytes);
bool store_is_tidy(struct store *s); /* Nothing is to do, or could be done. Any thread. */

/* Make the index of every sealed segment again from the segment; *made: how many. ST_CORRUPT: a
 * segment is damaged, the others' are made. */
NODISCARD enum status store_rebuild_indexes(struct store *s, uint64_t *made);

/* Read every byte of every segment, index and the journal, in order of height; blocks are handed to
 * visit with their place (file, offset). Damage does not stop the scan of later files: each is
 * handed to found. Returns ST_OK, ST_CORRUPT when anything was found, or visit's failure. */
struct store_scan {
    enum status (*visit)(void *context,
                         uint64_t height,
                         struct span block,
                         const struct damage *place);
    void (*found)(void *context, const struct damage *damage);
    void *context;
    uint64_t final_height; /* The owner knew it as final: segments that end below were cut. */
};
NODISCARD enum status store_scan(const struct store_config *config, const struct store_scan *scan);

#endif
