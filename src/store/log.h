/* log.h - Segment files in a row: append at the end, read any height, cut the end off.
 *
 * Internal to src/store. One log holds the blocks, another the results. Files 1…sealed_count are
 * sealed and durable; the file behind them, if there is one, is current. One writer thread calls
 * append, seal, cut and sync; log_height and log_read are safe from any thread beside it: the lock
 * is held for look-ups only, never during IO. A repair (mend.h) puts another file in the place of a
 * damaged one: of the current one while it holds writing, so that nothing is appended meanwhile. */
#ifndef TRUSTSQL_STORE_LOG_H
#define TRUSTSQL_STORE_LOG_H

#include "store/gaps.h"
#include "store/segment.h"

struct place {       /* Where the record of a block lies. All zero: none. */
    uint64_t number; /* Of the segment. */
    uint64_t offset;
    uint32_t length; /* Head and payload. */
    uint64_t height;
    struct hash hash;
};

struct log_sealed {
    uint64_t first_height;
    uint64_t last_height;
    uint64_t seal_offset; /* 0: not known, since is_lost. */
    uint32_t salt;
    struct hash digest;
    struct hash previous; /* Digest of the file before. */
    bool is_packed;       /* Compressed, */
    bool is_cold;         /* and where old ones lie. */
    uint32_t version;     /* Counts the files that took this place: a repaired one is another. */
    bool is_lost;         /* Its header or its seal cannot be read: all of it is a gap. */
};

struct log {
    const struct env *env;
    const struct segment_kind *kind;
    struct mutex *lock;    /* Guards what readers see: sealed, offsets, heights. */
    struct mutex *writing; /* Held while the current file is written, or replaced. Taken first. */
    struct gaps *gaps;     /* What was found damaged. */
    bool can_mend;         /* Damage that log_open finds becomes gaps. */
    bool is_broken;        /* Of the current file it did: nothing is appended any more. */
    uint64_t segment_size;
    struct log_sealed *sealed; /* [i]: segment i + 1. */
    uint32_t sealed_count;
    uint32_t sealed_capacity;
    uint64_t height; /* Newest block in the log; 0: none. */
    /* The current file; file is null when the next append starts one. */
    struct os_file *file;
    uint64_t first_height;
    uint64_t size;
    uint32_t salt;
    struct hash digest;   /* Guarded by lock. */
    struct hash previous; /* Of the file before. */
    uint32_t *offsets;    /* Of blocks first_height, first_height + 1, … */
    uint32_t count;
    uint32_t capacity;
    bool is_dirty;     /* The current file has bytes that are not synced. */
    bool is_dir_dirty; /* Its directory entry is not synced. */
    struct place last; /* The newest block. */
    struct buf buffer; /* One record, written at once. */
};

struct log_record {
    uint64_t height;
    const struct hash *hash;
    const struct hash *txids;
    uint32_t count;
    struct span body;
};

/* The record, head and payload, appended to out. */
void log_record_encode(struct buf *out,
                       const struct env *env,
                       uint32_t salt,
                       const struct log_record *r);

/* Called for each block of the current segment when a log is opened. */
struct log_visitor {
    enum status (*visit)(void *context, const struct segment_reader *reader);
    void *context;
};

NODISCARD enum status log_init(struct log *l,
                               const struct env *env,
                               const struct segment_kind *kind,
                               uint64_t segment_size);
void log_fini(struct log *l); /* Accepts a zeroed log. */

/* Load the files. Up to durable everything must be right, else ST_CORRUPT, or gaps when can_mend is
 * set and what the files hold can be told from those around them; of what lies behind, whole
 * records count, the rest is cut (not when read only, not when is_broken). Null: nothing need be
 * right. */
NODISCARD enum status log_open(struct log *l,
                               const struct place *durable,
                               const struct log_visitor *visitor,
                               struct damage *damage);

/* Number of the newest file of this kind; 0: none. Files far behind a gap do not count. */
NODISCARD enum status log_newest(const struct env *env,
                                 const struct segment_kind *kind,
                                 uint64_t *newest);

uint64_t log_height(const struct log *l);

/* True when the current file is to be sealed before the next append. */
bool log_is_full(const struct log *l);
NODISCARD enum status log_seal(struct log *l);

/* Room in the tables for one more block: fails before anything is written. */
NODISCARD enum status log_reserve(struct log *l, const struct log_record *r);
/* Write it; log_reserve was called. */
NODISCARD enum status log_append(struct log *l, const struct log_record *r);
NODISCARD enum status log_sync(struct log *l);
/* As log_sync, from any thread beside the writer, through a file of its own. */
NODISCARD enum status log_sync_beside(const struct log *l);

/* Drop all blocks above height (at least 0). */
NODISCARD enum status log_cut(struct log *l, uint64_t height, struct damage *damage);

/* The body of height, appended to out. ST_NOT_FOUND; ST_CORRUPT: a gap is noted. */
NODISCARD enum status log_read(const struct log *l,
                               uint64_t height,
                               struct buf *out,
                               struct damage *damage);
/* Where height lies, read from its head. */
NODISCARD enum status log_place(const struct log *l,
                                uint64_t height,
                                struct place *out,
                                struct damage *damage);

/* --- of the files log*.c, mend.c and scrub.c -------------------------------------------------- */

/* The whole record, head included, appended to out and checked. ST_NOT_FOUND; ST_CORRUPT (also: no
 * such file), a gap is noted unless is_own. */
struct log_source {
    uint64_t height;
    bool is_own; /* Of the current file, by the descriptor this process writes to; hold writing. */
};
NODISCARD enum status log_read_record(const struct log *l,
                                      const struct log_source *source,
                                      struct buf *out,
                                      struct record *record,
                                      struct damage *damage);

struct log_file {
    uint64_t number;
    uint64_t first; /* Height. */
    uint64_t last;
    uint32_t salt;
    struct hash previous;
    struct hash digest; /* As of last. */
    bool is_sealed;
    bool is_cold;
    bool is_lost;
};
/* The file that holds height; that of this number. False: none. */
bool log_file_of(const struct log *l, uint64_t height, struct log_file *out);
bool log_file_at(const struct log *l, uint64_t number, struct log_file *out);

/* At opening: what the lost files hold, from those around them. May break the end. ST_CORRUPT:
 * nobody tells. */
NODISCARD enum status log_find_lost(struct log *l,
                                    uint64_t last,
                                    const struct place *durable,
                                    struct damage *damage);
NODISCARD enum status log_break(struct log *l,
                                const struct place *durable,
                                const struct damage *damage);
/* These heights are damaged. */
void log_note(const struct log *l, uint64_t first, uint64_t last, const struct damage *damage);

#endif
