/* db.h - The chain's SQLite database on the multi-version page store.
 *
 * Design, invariants and traps: src/state/README.md. One writer connection (the execution thread), any
 * number of reader connections (each used by one thread at a time) that see one recent height and never
 * wait for the writer. Every connection has temp_store, authorizer and limits set as the traps demand.
 * A block's changes become visible, all at once, when db_commit returns. */
#ifndef TRUSTSQL_STATE_DB_H
#define TRUSTSQL_STATE_DB_H

#include <sqlite3.h>

#include "os/os.h"

struct db;

struct db_config {
    struct os *os;
    struct mem *mem;
    const char *path;      /* The database file, "DIR/state/main.db"; made when absent. */
    uint32_t view_heights; /* Heights that stay readable; 0: 1000. */
    size_t view_bytes;     /* Memory for differences; 0: 64 MB. */
    size_t clean_bytes;    /* Memory for clean pages kept as cache; 0: 64 MB. */
};

/* Open, repair from an unfinished checkpoint. ST_CORRUPT: rebuild from blocks. what[160]: why. */
NODISCARD enum status db_open(struct db **out, const struct db_config *config, char *what);
void db_close(struct db *db); /* Null allowed; does not checkpoint. All readers must be closed. */

uint64_t db_height(const struct db *db);     /* Newest published height. */
uint64_t db_height_min(const struct db *db); /* Oldest readable height. */
uint64_t db_file_height(const struct db *db); /* Height of the file: newest finished checkpoint. */

/* The writer connection; it lives as long as db. Prepare with sqlite3_prepare_v3 as usual. */
sqlite3 *db_writer(struct db *db);

/* One block = one SQLite transaction on the writer. height must be db_height + 1 (0 for genesis on a
 * new file). db_commit publishes; its failure means the block was rolled back. */
NODISCARD enum status db_begin(struct db *db, uint64_t height);
NODISCARD enum status db_commit(struct db *db);
void db_rollback(struct db *db);

/* A read-only connection at the newest height. db_view moves it (0: newest), only while no statement
 * of it is running; ST_NOT_FOUND: the height is not retained. */
NODISCARD enum status db_reader_open(struct db *db, sqlite3 **out);
void db_reader_close(struct db *db, sqlite3 *reader);
NODISCARD enum status db_view(struct db *db, sqlite3 *reader, uint64_t height);

/* Write all pages as of the newest height into the file, under the undo journal. Own thread; one at a
 * time. *height: what the file holds now. On failure follow the rules of the README: ST_IO after the
 * file was touched means the process must stop. */
NODISCARD enum status db_checkpoint(struct db *db, uint64_t *height);

/* True when a checkpoint is due by dirty bytes (64 MB) or heights (1,000) since the last. */
bool db_checkpoint_due(const struct db *db);

#endif
