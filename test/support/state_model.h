/* state_model.h - The state database over a fake disk, beside what its rows must be at each height.
 *
 * Every function gives null, or a text that says what is wrong: planted faults must make one speak.
 * One table of numbered rows with a filler, so that rows move between pages. */
#ifndef TRUSTSQL_TEST_SUPPORT_STATE_MODEL_H
#define TRUSTSQL_TEST_SUPPORT_STATE_MODEL_H

#include "os/fake/fake_os.h"
#include "state/db.h"
#include "support/test_rng.h"

#define STATE_MODEL_KEYS    150u
#define STATE_MODEL_HEIGHTS 600u
#define STATE_MODEL_NONE    UINT64_MAX

struct state_model {
    struct fake_os *disk;
    struct os *os; /* Of disk, or a wrapper around it. */
    struct db *db;
    sqlite3 *reader;
    struct test_rng rng;
    uint64_t newest; /* Height of the newest block; STATE_MODEL_NONE: new. */
    uint64_t safe;   /* Of the newest checkpoint that succeeded. */
    uint64_t tried;  /* Of one that did not: the file may hold it all the same. */
    char what[256];
    int64_t rows[STATE_MODEL_HEIGHTS][STATE_MODEL_KEYS + 1]; /* Value of each key, 0: no row. */
};

/* disk is taken. os null: that of disk. */
struct state_model *state_model_new(struct fake_os *take_disk, struct os *os, uint64_t seed);
void state_model_free(struct state_model *m);

const char *state_model_open(struct state_model *m);
void state_model_close(struct state_model *m);

/* After an open: the height is one that the disk had to keep. Forgets what is lost. */
const char *state_model_check_open(struct state_model *m);

const char *state_model_block(struct state_model *m); /* One more; some are rolled back. */
const char *state_model_view(struct state_model *m);  /* Read one retained height. */
const char *state_model_read(struct state_model *m, uint64_t height);
const char *state_model_integrity(struct state_model *m); /* At the newest height. */

/* A checkpoint that may fail when may_fail. */
const char *state_model_checkpoint(struct state_model *m, bool may_fail);

#endif
