/* store_rig.h - A store on a fake disk, with blocks that are made from their height.
 *
 * A block, its hash and its txids follow from height and salt alone, so a test knows what must be
 * there without keeping it. */
#ifndef TRUSTSQL_TEST_SUPPORT_STORE_RIG_H
#define TRUSTSQL_TEST_SUPPORT_STORE_RIG_H

#include "os/fake/fake_os.h"
#include "store/store.h"

#define STORE_RIG_TXIDS_MAX 5u

struct store_rig {
    struct fake_os *fake;
    struct store_config config; /* Directory "node"; small segments and journal. */
    struct store *store;        /* Null: closed. */
    struct damage damage;       /* Of the last failed open. */
    uint64_t salt;
    uint64_t final_height; /* For scans. */
};

void store_rig_init(struct store_rig *r, uint64_t seed);
void store_rig_fini(struct store_rig *r);
NODISCARD enum status store_rig_open(struct store_rig *r);
void store_rig_close(struct store_rig *r);

struct hash store_rig_hash(uint64_t height, uint64_t salt);
struct hash store_rig_txid(uint64_t height, uint32_t index, uint64_t salt);
uint32_t store_rig_txid_count(uint64_t height);
/* Appended to out: up to 600 bytes. */
void store_rig_block(struct buf *out, uint64_t height, uint64_t salt);

/* Append the next block. */
NODISCARD enum status store_rig_append(struct store_rig *r);
/* Hold the next block, journal a vote for it in slot 0, sync; append it. */
NODISCARD enum status store_rig_add(struct store_rig *r);
/* Hold the block of height and fork (a salt); its hash is store_rig_hash(height, fork). */
NODISCARD enum status store_rig_hold(struct store_rig *r, uint64_t height, uint64_t fork);
/* It is held, and what is read is right. */
bool store_rig_holds(struct store_rig *r, uint64_t height, uint64_t fork);
/* Append a result for height. */
NODISCARD enum status store_rig_result(struct store_rig *r, uint64_t height);

/* True when blocks 1…store_height are all there, with their txids, and nothing behind. */
bool store_rig_is_whole(struct store_rig *r);

/* Whole file name ("blocks/00000001.seg"), appended to out. */
void store_rig_file(struct store_rig *r, const char *name, struct buf *out);
/* Replace the file's content (it is made when missing) and make that durable. */
void store_rig_set_file(struct store_rig *r, const char *name, struct span bytes);
void store_rig_remove(struct store_rig *r, const char *name);

struct store_rig_scan {
    uint64_t blocks; /* Visited. */
    uint32_t found;  /* Damage. */
    struct damage first;
};
/* Scan; ST_OK or ST_CORRUPT expected, anything else ends the test. */
enum status store_rig_scan(struct store_rig *r, struct store_rig_scan *out);

/* Compress and move all that is to be. */
void store_rig_tidy(struct store_rig *r);

struct store_rig_mending {
    uint32_t given;  /* Blocks and results that were asked for. */
    uint32_t opened; /* How often the store had to be opened anew. */
    struct damage first;
};
/* Close all gaps of blocks, and of results, with what the heights must hold. ST_NOT_FOUND: none is
 * left; else what store_gap or store_open said. */
enum status store_rig_mend(struct store_rig *r, struct store_rig_mending *out);

struct store_rig_scrub {
    uint64_t blocks; /* Visited. */
    uint32_t found;
    uint32_t mended; /* Of them, at once. */
    struct damage first;
};
/* One round. */
void store_rig_scrub(struct store_rig *r, struct store_rig_scrub *out);

#endif
