/* db.h - The chain's SQLite database on the multi-version page store.
 *
 * Design, invariants and traps: src/state/README.md. One writer connection (the execution thread),
 * any number of reader connections (each used by one thread at a time) that see one recent height
 * and never wait for the writer. Every connection has temp_store, authorizer and limits set as the
 * traps demand. A block's changes become visible, all at once, when db_commit returns. */
#ifndef TRUSTSQL_STATE_DB_H
#define TRUSTSQL_STATE_DB_H

#include <sqlite3.h>

#include "base/buf.h"
#include "os/os.h"

/* One row (height, note) written by db_commit inside the block: what the file holds. Local
 * bookkeeping, not part of any write set. */
#define DB_APPLIED_TABLE "trustsql.applied"
#define DB_NOTE_MAX      4096u
#define DB_WHAT_MAX      160u

struct db;

struct db_config {
    struct os *os;
    struct mem *mem;
    const char *path;       /* The database file, "DIR/state/main.db"; made when absent. */
    bool is_unchecked;      /* Without page sums: a copy whose damage is to be looked at. */
    uint32_t view_heights;  /* Heights that stay readable; 0: 1000. */
    size_t view_bytes;      /* Memory for differences; 0: 64 MB. */
    size_t clean_bytes;     /* Memory for clean pages kept as cache; 0: 64 MB. */
    uint64_t first_height;  /* Of the first block of a new file: what was before it comes whole from
                               elsewhere. */
    uint32_t overlay_pages; /* That one session may change beyond its cache; 0: 4096. */
    uint32_t overlay_pages_all; /* All sessions together; 0: 32768. */
};

/* Settings of SQLite for the whole process: no memory statistics, which would take a lock on every
 * allocation. Once, before anything else of SQLite; without it all works, only slower. */
void db_setup_process(void);

/* Open, repair from an unfinished checkpoint. ST_CORRUPT: rebuild from blocks: the file is not what
 * this program wrote last (page sums, sums.h). Its pages are checked when they are read, and by
 * db_check. ST_LOCKED: another process writes the file. what[DB_WHAT_MAX]: why it failed. */
NODISCARD enum status db_open(struct db **out, const struct db_config *config, char *what);
void db_close(struct db *db); /* Null allowed; does not checkpoint. All readers must be closed. */

bool db_is_new(const struct db *db);          /* No block was committed yet; the heights say 0. */
uint64_t db_height(const struct db *db);      /* Newest published height. */
uint64_t db_height_min(const struct db *db);  /* Oldest readable height. */
uint64_t db_file_height(const struct db *db); /* Height of the file: newest finished checkpoint. */

/* Memory of the differences that keep older heights readable. Any thread. */
uint64_t db_window_bytes(struct db *db);

/* The writer connection; it lives as long as db. Prepare with sqlite3_prepare_v3 as usual. Its
 * authorizer refuses ATTACH, DETACH, VACUUM, PRAGMA, virtual tables and temporary objects; who sets
 * another one must refuse these too. sqlite3_limit values are constants of db.c: they can change
 * the result of a statement, so they belong to exec_version. */
sqlite3 *db_writer(struct db *db);

/* One block = one SQLite transaction on the writer. height must be db_height + 1 (0 for genesis on
 * a new file). db_commit publishes; its failure means the block was rolled back. After an error of
 * SQLite inside a block (no memory, I/O) the transaction may be gone already: db_rollback then does
 * nothing, and db_commit fails. */
NODISCARD enum status db_begin(struct db *db, uint64_t height);
NODISCARD enum status db_commit(struct db *db);
void db_rollback(struct db *db);

/* Bytes (at most DB_NOTE_MAX) that the next db_commit stores beside the height; without a call the
 * last committed ones stay. db_note_read appends the committed note, empty on a new file. */
void db_note(struct db *db, struct span note);
NODISCARD enum status db_note_read(struct db *db, struct buf *out);

/* A read-only connection at the newest height. db_view moves it (0: newest), only while no
 * statement of it is running; ST_NOT_FOUND: the height is not retained. Each transaction (in
 * autocommit each statement) pins the height while it lasts. When a limit of the window retires it,
 * statements fail with SQLITE_BUSY_SNAPSHOT: the snapshot is too old. */
NODISCARD enum status db_reader_open(struct db *db, sqlite3 **out);
void db_reader_close(struct db *db, sqlite3 *reader);
NODISCARD enum status db_view(struct db *db, sqlite3 *reader, uint64_t height);

/* A connection that writes into a private copy: BEGIN IMMEDIATE, statements, savepoints, ROLLBACK.
 * COMMIT fails, whatever was done is seen by nobody else and gone with the transaction, which reads
 * the height of db_view (as readers) and pins it. A change that needs more pages than the limits
 * allow fails with SQLITE_FULL, which takes the transaction along. Any thread, one at a time. */
NODISCARD enum status db_session_open(struct db *db, sqlite3 **out);
void db_session_close(struct db *db, sqlite3 *session); /* Null allowed; rolls back. */
/* The height that the transaction under way reads. */
uint64_t db_session_height(sqlite3 *session);

/* Write all pages as of the newest height into the file, under the undo journal. Own thread; one at
 * a time. *height: what the file holds now. ST_BUSY: another process is reading the file, call
 * again soon (after a minute it is ignored). Other failures leave the file as it was, and a later
 * call tries again; but when db_has_failed the process must stop, and the next db_open repairs. */
NODISCARD enum status db_checkpoint(struct db *db, uint64_t *height);
/* The same as of the newest height up to height_max. ST_BUSY also: that is not readable any more.
 * Nothing is done when the file holds it already, or a newer one. */
NODISCARD enum status db_checkpoint_to(struct db *db, uint64_t height_max, uint64_t *height);
bool db_has_failed(const struct db *db); /* On the thread of db_checkpoint. */

/* The file against the page sums, a few pages at a time, on the thread of db_checkpoint. Damage of
 * pages that are in memory is mended at once. */
struct db_damage {
    uint32_t page;        /* 0: no single one; what says more. */
    bool is_mended;       /* The page was written again. */
    uint8_t expected[16]; /* Its sum. */
    uint8_t found[16];
    char what[DB_WHAT_MAX];
};
/* Pages *page … *page + count - 1, from 1 on; *page is moved behind them, to 0 after the last.
 * ST_CORRUPT: *out, and *page stands behind it. */
NODISCARD enum status db_check(struct db *db,
                               uint32_t *page,
                               uint32_t count,
                               struct db_damage *out);
uint32_t db_page_count(const struct db *db); /* Of the file. On the thread of db_checkpoint. */
/* The files themselves: still at their paths, as long as they must be? ST_CORRUPT: *out; what could
 * be put right was: files that were removed or exchanged are written again from their bytes. */
NODISCARD enum status db_check_files(struct db *db, struct db_damage *out);
/* A page of the file again, from elsewhere. ST_INVALID: that is not what was written. */
NODISCARD enum status db_mend(struct db *db, uint32_t page, const uint8_t *bytes);
/* A page of the newest height into to[4096]. Any thread. ST_NOT_FOUND: there are not so many. */
NODISCARD enum status db_page(struct db *db, uint32_t page, uint8_t *to);
/* A read met damage: its page; 0: none did. Any thread. db_forget_damage: it is mended. */
uint32_t db_damaged_page(const struct db *db);
void db_forget_damage(struct db *db);

/* True when a checkpoint is due by dirty bytes (64 MB) or heights (1,000) since the last. */
bool db_checkpoint_due(const struct db *db);

#endif
