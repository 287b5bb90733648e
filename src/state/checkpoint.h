/* checkpoint.h - Bring the file to a newer height, safely against a crash at any moment.
 *
 * 0. write the sums of the height the file goes to, sync; 1. append the old images to the undo
 * journal, sync; 2. write its head, sync; 3. write the pages in place, sync; 4. zero the journal's
 * head, sync, then cut it. A crash before 2 leaves the file untouched, one after it is undone at
 * the next open, by us or by stock SQLite.
 *
 * Failures: before 3 the journal is emptied and nothing happened. In 3 the file is mixed: it is
 * repaired at once (all pages concerned are in memory, no view notices). A failed sync, or a failed
 * repair, is final: has_failed, and every further call says ST_CLOSED; a restart repairs. */
#ifndef TRUSTSQL_STATE_CHECKPOINT_H
#define TRUSTSQL_STATE_CHECKPOINT_H

#include "state/pages.h"
#include "state/undo.h"

/* SQLite's lock bytes, seen by other processes that open the file. */
#define LOCK_PENDING           0x40000000u
#define LOCK_RESERVED          (LOCK_PENDING + 1u)
#define LOCK_SHARED            (LOCK_PENDING + 2u)
#define LOCK_SHARED_BYTES      510u

#define CHECKPOINT_PATIENCE_NS 60000000000ull /* For foreign readers; then they are ignored. */

struct checkpoint {
    struct undo_files files;
    struct pages *pages;
    struct sums *sums;         /* Null: none are kept. */
    uint64_t waiting_since_ns; /* A foreign reader is in the way since; 0: none. */
    uint32_t file_pages;       /* Of the file now. */
    bool has_failed;           /* Only a restart helps. */
};

/* The newest version up to version_max, which is not older than the file's. version: what the file
 * holds after ST_OK. ST_BUSY: another process reads the file (call again; after a minute it is
 * ignored), or the view is retired already, or was under way. Other failures: as told above. */
NODISCARD enum status checkpoint_run(struct checkpoint *c, uint64_t version_max, uint64_t *version);

#endif
