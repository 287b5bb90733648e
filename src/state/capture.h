/* capture.h - The write set of a block: which rows changed, and to what.
 *
 * The pre-update hook is set before any statement is prepared and stays for the life of the writer
 * connection (a DELETE prepared earlier would truncate unseen). Net effect per (table id, key),
 * sorted; rows are canonical CBOR. Format of entries and leaves: docs/format/writeset.md. One
 * thread.
 *
 * SQLite does not tell when it takes back the rows of a failed statement or of a savepoint: the
 * caller marks before each and rolls back to the mark himself.
 *
 * A null capture takes all that and captures nothing: for connections whose writes end with them.
 */
#ifndef TRUSTSQL_STATE_CAPTURE_H
#define TRUSTSQL_STATE_CAPTURE_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/hash.h"

#define CAPTURE_BYTES_MAX   (512u << 20) /* Log of one block. */
#define CAPTURE_CHANGES_MAX (1u << 22)   /* Changes of one block. */

struct capture;

struct capture_table {
    const char *name; /* SQLite's name of the table. */
    uint64_t id;      /* Table id in the catalog. */
    uint32_t column_count;
    uint32_t key_count;          /* 0: the key is the rowid. */
    const uint32_t *key_columns; /* Positions of the primary key's columns, in key order. */
};

NODISCARD enum status capture_new(struct capture **out, struct mem *mem, sqlite3 *writer);
void capture_free(struct capture *c); /* Null allowed; before the connection closes. */

/* Tables not registered must not change while a block runs: such a change makes capture_finish fail
 * with ST_CORRUPT. Adding a name again replaces it. */
NODISCARD enum status capture_table_add(struct capture *c, const struct capture_table *table);
/* Changes logged for a table that is not registered at the end are no part of the write set: rows
 * go with their table. Adding it again (a DROP TABLE rolled back) brings them back. */
void capture_table_remove(struct capture *c, const char *name);

/* A registered table has another name, which no registered one has; what is logged for it stays. */
NODISCARD enum status capture_table_rename(struct capture *c, const char *from, const char *to);

void capture_begin(struct capture *c); /* A block begins: empty. */

/* Position in the log of changes, for transactions and operations; rollback forgets all after it,
 * also that a limit was reached there. */
uint64_t capture_mark(const struct capture *c);
void capture_rollback(struct capture *c, uint64_t mark);

/* Merkle root over the net changes since mark (zero hash when there are none). */
NODISCARD enum status capture_root(struct capture *c, uint64_t mark, struct hash *root);

/* The block's sorted net write set: root (zero hash when empty), and its encoding appended to out
 * (may be null). */
NODISCARD enum status capture_finish(struct capture *c,
                                     struct hash *root,
                                     uint32_t *entry_count,
                                     struct buf *out);

/* Who makes the changes from now on: kept by capture_begin at none. */
#define CAPTURE_NOBODY 0x7FFFFFFFu
void capture_origin(struct capture *c, uint32_t origin);

/* Right after capture_finish, what the write set does not tell. Appended to gone: the rows that
 * ended, by DELETE or with their table, as a write set whose rows are those from before the block
 * (nothing: there are none). Appended to origins: for each entry of the write set, then of gone,
 * four bytes, little-endian: bit 0, the row was there before the block; bits 1 to 31, who changed
 * it last (capture_origin). */
NODISCARD enum status capture_aside(struct capture *c, struct buf *gone, struct buf *origins);

/* First failure inside the hook since capture_begin: ST_OK if none; ST_LIMIT: the log of the block
 * is full (the same on every node); ST_NO_MEMORY, ST_CORRUPT: the node must stop. */
NODISCARD enum status capture_status(const struct capture *c);

#endif
