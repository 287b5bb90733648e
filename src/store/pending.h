/* pending.h - Bodies that were voted for and are not final yet: pending/00000001.blk.
 *
 * Internal to src/store. Any height, several blocks a height, in the order of writing. A file is
 * removed as a whole when all its heights are durable in segments, the oldest first, so what is
 * there is a range of numbers; numbers are never used again. The journal names the range and how
 * far the last file is durable (S10). Byte tables: docs/format/store.md.
 *
 * One writer thread calls hold, sync, drop; pending_read is safe from any thread beside it: the
 * lock is held for look-ups only, never during IO. */
#ifndef TRUSTSQL_STORE_PENDING_H
#define TRUSTSQL_STORE_PENDING_H

#include "os/thread.h"
#include "store/segment.h"

#define PENDING_DIR         "pending"
#define PENDING_FILE_SIZE   (16u << 20) /* Then the next file is started. */
#define PENDING_HEADER_SIZE 60u
#define PENDING_DAMAGE_MAX  32u
#define PENDING_FILE_MAX    ((uint64_t)SEGMENT_SIZE_MAX + RECORD_BODY_MAX + RECORD_HEAD_SIZE)

struct pending_range { /* What is durable. first > last: no file. */
    uint64_t first;    /* Numbers, from 1. */
    uint64_t last;     /* The highest ever durable, also when it is removed. */
    uint64_t size;     /* Durable bytes of the last file; 0: no file. */
};

struct pending_entry { /* A held body. */
    struct hash hash;
    uint64_t number; /* Of the file. */
    uint64_t height;
    uint32_t offset; /* Of the record. */
    uint32_t size;   /* Of the body. */
};

struct pending_damage {
    struct damage damage;
    bool is_one; /* Of one block, whose height is known; else more is lost. */
};

struct pending_file {
    uint64_t number;
    uint64_t size;       /* As far as durable, if it is damaged. */
    uint64_t height_max; /* Of the records that could be read. */
    uint32_t salt;
    bool is_damaged; /* Nothing is appended to it. */
};

struct pending {
    const struct env *env;
    struct mutex *lock; /* Guards files, entries and slots. */
    uint32_t file_size;
    struct pending_file *files; /* Numbers without a gap. */
    uint32_t file_count;
    uint32_t file_capacity;
    struct pending_entry *entries; /* In order of writing. */
    uint32_t entry_count;
    uint32_t entry_capacity;
    uint32_t *slots; /* Ordinal + 1 of an entry, by its hash; 0: free. */
    uint32_t slot_count;
    uint64_t seed;
    uint64_t bytes;       /* Of all files. */
    uint64_t last;        /* The highest number used. */
    struct os_file *file; /* The last file; null: the next record starts one. */
    bool is_dirty;
    bool is_dir_dirty;
    struct buf buffer;              /* One record, written at once. */
    struct pending_damage *damages; /* Found by pending_open. */
    uint32_t damage_count;
};

/* file_size 0: PENDING_FILE_SIZE. */
NODISCARD enum status pending_init(struct pending *p, const struct env *env, uint32_t file_size);
void pending_fini(struct pending *p); /* Accepts a zeroed one. */

/* Read all that durable names; what lies behind was promised to nobody and is cut. durable null:
 * the journal was lost, everything whole counts. Damage is kept in p->damages and read past. */
NODISCARD enum status pending_open(struct pending *p, const struct pending_range *durable);

/* Append. ST_OK and nothing written: held already. ST_LIMIT and ST_NO_MEMORY change nothing. */
NODISCARD enum status pending_reserve(struct pending *p, const struct store_block *block);
NODISCARD enum status pending_hold(struct pending *p, const struct store_block *block);
NODISCARD enum status pending_sync(struct pending *p);
bool pending_find(const struct pending *p, const struct hash *hash, uint64_t *height);
/* In order of writing, from any thread; entries move down when files are dropped. False: none. */
bool pending_entry_at(const struct pending *p, uint32_t index, struct pending_entry *out);
/* The next record starts a file. */
NODISCARD enum status pending_start_file(struct pending *p);

/* The range that is durable after the next pending_sync, without the first files that hold nothing
 * above height; height 0: with all. */
struct pending_range pending_range(const struct pending *p, uint64_t height);
/* Forget and remove the files below range->first, which the journal does not name any more. */
NODISCARD enum status pending_drop(struct pending *p, const struct pending_range *range);

/* The body, appended to out. ST_NOT_FOUND, ST_CORRUPT (damage set when not null). */
NODISCARD enum status pending_read(const struct pending *p,
                                   const struct hash *hash,
                                   struct buf *out,
                                   struct damage *damage);
NODISCARD enum status pending_read_entry(const struct pending *p,
                                         const struct pending_entry *entry,
                                         struct buf *out,
                                         struct damage *damage);

/* True: there are files. */
NODISCARD enum status pending_is_there(const struct env *env, bool *is_there);

/* Every byte of every file. durable null: unknown. */
struct pending_finder {
    void (*found)(void *context, const struct damage *damage);
    void *context;
};
NODISCARD enum status pending_scan(const struct env *env,
                                   const struct pending_range *durable,
                                   const struct pending_finder *finder);

/* Of the folder's files pending*.c. */
void pending_name(char out[OS_NAME_MAX + 1], uint64_t number);
uint32_t pending_header_encode(uint8_t out[PENDING_HEADER_SIZE],
                               const struct env *env,
                               uint64_t number,
                               uint64_t size_before);
NODISCARD enum status pending_reserve_file(struct pending *p);
NODISCARD enum status pending_reserve_entry(struct pending *p);
void pending_add(struct pending *p, const struct pending_entry *entry);

#endif
