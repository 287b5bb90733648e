/* journal.h - What this node has promised: the newest record of each slot, and how far blocks are
 * durable.
 *
 * Internal to src/store. One preallocated file of four areas; one is in use at a time, each in two
 * copies far apart:
 *
 *   area A copy 1 | area B copy 1 | area A copy 2 | area B copy 2
 *
 * Records are collected in memory (the image of the area in use) and reach the file in journal_sync
 * only, after the blocks they name are durable (S5): both copies, one sync. A full area is left by
 * generations: a snapshot of all slots goes to the other area, is synced, and only then the old
 * area is zeroed and synced, before anybody is told (S6). So at rest exactly one area is in use and
 * every other byte of the file is zero (S7): that is what tells torn from damaged. One thread. */
#ifndef TRUSTSQL_STORE_JOURNAL_H
#define TRUSTSQL_STORE_JOURNAL_H

#include "store/env.h"
#include "store/log.h"
#include "store/pending.h"

#define JOURNAL_NAME            "journal"
#define JOURNAL_AREA_SIZE       (1u << 20)
#define JOURNAL_AREA_MIN        (4u << 10)
#define JOURNAL_AREA_MAX        (1u << 26)
#define JOURNAL_SECTOR          512u
#define JOURNAL_OVERHEAD        24u /* Head 20 and checksum 4 of a record. */
#define JOURNAL_PLACE_SIZE      60u
#define JOURNAL_GENERATION_SIZE 48u
#define JOURNAL_HELD_SIZE       24u

enum journal_kind { JOURNAL_GENERATION = 1, JOURNAL_SLOT = 2, JOURNAL_END = 3, JOURNAL_HELD = 4 };

struct journal_slot {
    uint32_t at; /* Of the record's bytes in the image; 0: the slot is empty. */
    uint32_t size;
};

struct journal {
    const struct env *env;
    struct os_file *file;
    uint8_t *image; /* The area in use; zero behind used. */
    uint8_t *spare; /* Target of the next snapshot; scratch. */
    uint32_t area_size;
    uint32_t area; /* 0 or 1: where image belongs. */
    uint32_t used;
    uint32_t written;  /* Bytes of image that are in the file and durable. */
    uint32_t old_used; /* While is_wrapping: bytes to zero in the other area. */
    bool is_wrapping;  /* image is not in the file yet; the other area still counts. */
    bool has_rest;     /* Before renewal: the other area holds the rest of an unfinished wrap. */
    bool is_ready;     /* Renewed: the file is exactly the written part of image and zeros. */
    uint64_t generation;
    uint64_t seq;  /* Of the newest record. */
    uint32_t prev; /* Its checksum. */
    struct journal_slot slots[JOURNAL_SLOTS];
    struct place end;          /* Newest block that is durable once the image is. */
    struct pending_range held; /* Held bodies, likewise. */
};

struct journal_record { /* A decoded record; payload borrows. */
    enum journal_kind kind;
    bool is_first; /* First of what one sync made durable. */
    uint32_t slot;
    uint64_t seq;
    uint32_t prev;
    uint32_t crc;
    struct span payload;
    uint32_t size; /* With head and checksum. */
};

struct journal_ends {    /* What is durable beside the journal. */
    struct place newest; /* Height 0: no block. */
    struct pending_range held;
};

/* A fresh journal, durable. area_size 0: JOURNAL_AREA_SIZE. */
NODISCARD enum status journal_create(const struct env *env,
                                     uint32_t area_size,
                                     const struct journal_ends *ends);

/* Load. Writes nothing. ST_NOT_FOUND: no file; ST_CORRUPT; ST_INVALID: of another chain. ST_OK with
 * damage set: in one copy, which journal_renew repairs. */
NODISCARD enum status journal_open(struct journal *j, const struct env *env, struct damage *damage);
void journal_close(struct journal *j); /* Accepts a zeroed journal. */

/* Move to a fresh area, before the first use: both copies are whole again, and what was read is
 * durable even if the process before saw its sync fail. */
NODISCARD enum status journal_renew(struct journal *j);

/* Remember; durable after journal_sync. ST_LIMIT: too large. */
NODISCARD enum status journal_put(struct journal *j, uint32_t slot, struct span record);
/* What pending will be when it is synced, before a record that counts on it: a torn write keeps the
 * first of what it wrote, and must not keep that record alone (S10). */
void journal_name_held(struct journal *j, const struct pending_range *held);
struct span journal_get(const struct journal *j, uint32_t slot); /* Size 0: empty. */

/* Failure is final. */
NODISCARD enum status journal_sync(struct journal *j, const struct journal_ends *ends);

/* The file, found by its name, against what memory holds: each byte of both copies. ST_CORRUPT:
 * damage is set. Nobody may put or sync meanwhile, nor while it restores. */
NODISCARD enum status journal_compare(const struct journal *j, struct damage *damage);
/* Write what is durable to a new file and put it in the place of the old one. Failure is final. */
NODISCARD enum status journal_restore(struct journal *j);

/* Every byte of the file. Damage is handed to found; *ends is set when the journal can be read
 * (then ST_OK, also when one copy is damaged). */
struct journal_finder {
    void (*found)(void *context, const struct damage *damage);
    void *context;
};
NODISCARD enum status journal_scan(const struct env *env,
                                   const struct journal_finder *finder,
                                   struct journal_ends *ends);

/* Of the folder's files journal*.c: the forms of records and places. */
NODISCARD bool journal_decode(struct journal_record *r, const struct env *env, struct span in);
bool journal_place_decode(struct place *p, struct span in);
bool journal_held_decode(struct pending_range *r, struct span in);
uint64_t journal_offset(uint32_t area_size, uint32_t copy, uint32_t area);

#endif
