/* snapshot.h - The state of the chain at a checkpoint, as it is handed to a node that joins.
 *
 * Format: docs/format/snapshot.md. A manifest lists the chunks and, around them, the branches of
 * the row tree: folded, they give the certified root. A chunk holds all rows of one subtree, as
 * entries of a write set; its rows have the subtree's hash. So every chunk is checked by itself,
 * whoever gave it. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_SNAPSHOT_H
#define TRUSTSQL_LEDGER_SNAPSHOT_H

#include "base/arena.h"
#include "ledger/checkpoint.h"
#include "ledger/row_path.h"

#define SNAPSHOT_CHUNK_ROWS      4096u             /* A chunk of more is divided, */
#define SNAPSHOT_CHUNK_BYTES     ((size_t)1 << 20) /* or of so many bytes, unless it is a bucket. */
#define SNAPSHOT_CHUNK_BYTES_MAX ((size_t)64 << 20) /* A larger bucket has no snapshot. */
#define SNAPSHOT_MANIFEST_MAX    ((size_t)64 << 20)
#define SNAPSHOT_NOTE_MAX        4096u
#define SNAPSHOT_TABLES_MAX      65536u
#define SNAPSHOT_STATEMENTS_MAX  262144u /* Four a table. */
#define SNAPSHOT_PART_SIZE       76u

struct snapshot_part { /* A chunk, and the subtree that it holds. */
    uint32_t row_count;
    uint64_t size; /* Bytes of the chunk. */
    struct hash subtree;
    struct hash chunk; /* snapshot_chunk_hash. */
};

struct snapshot_table { /* SQLite's name of a table, for the rows of its id. */
    uint64_t id;
    struct span name;
};

struct snapshot {
    struct hash chain_id;
    struct checkpoint checkpoints[CHECKPOINT_LAG]; /* Whose hash is due in later results, ascending;
                                                      the last is that of the rows. */
    uint32_t checkpoint_count;
    struct span note;    /* Of the state at that height (docs/format/result.md). */
    struct span *schema; /* SQLite's statements, in order of creation. */
    uint32_t schema_count;
    struct snapshot_table *tables; /* Ascending by id. */
    uint32_t table_count;
    struct snapshot_part *parts; /* In order of position. */
    uint32_t part_count;
};

/* Append the head of a manifest; then the nodes of the tree follow, a parent before its sides, and
 * snapshot_end, with how many they were. */
void snapshot_put_head(struct buf *out, const struct snapshot *s);
void snapshot_put_branch(struct buf *out, uint16_t bit);
void snapshot_put_part(struct buf *out, const struct snapshot_part *part);
void snapshot_encode(struct buf *out, const struct snapshot *s, struct span nodes, uint32_t count);

/* Borrows bytes; arrays in a. ST_OK: its nodes are a whole tree under the row root that it names,
 * with so many rows. ST_INVALID, ST_TRUNCATED, ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status snapshot_decode(struct snapshot *out, struct arena *a, struct span bytes);
static inline const struct checkpoint *snapshot_checkpoint(const struct snapshot *s)
{
    return &s->checkpoints[s->checkpoint_count - 1];
}
struct hash snapshot_hash(struct span manifest);
struct hash snapshot_chunk_hash(struct span chunk);

/* --- chunks -------------------------------------------------------------------------------------
 *
 * chunk = [[row id / null, entry], …] as one array of 2n items */

struct snapshot_row {
    bool has_rowid; /* SQLite's row id, where neither key nor columns tell it. */
    int64_t rowid;
    struct span entry; /* [table id, key, row] */
};
/* The items of a row; the head of the array is put before them: snapshot_put_chunk. */
void snapshot_put_row(struct buf *out, const struct snapshot_row *row);
void snapshot_put_chunk(struct buf *out, struct span rows, uint32_t count);

struct snapshot_rows { /* Walks over a chunk. */
    struct span bytes;
    uint32_t count; /* Left. */
};
/* ST_OK: the chunk has exactly the rows of its part. Scratch: some 72 bytes a row. ST_INVALID,
 * ST_TRUNCATED, ST_NO_MEMORY. */
NODISCARD enum status snapshot_chunk_check(struct span chunk,
                                           const struct snapshot_part *part,
                                           struct arena *scratch);
/* Of a chunk that was checked. */
void snapshot_rows_begin(struct snapshot_rows *r, struct span chunk);
bool snapshot_rows_next(struct snapshot_rows *r, struct snapshot_row *row); /* False: none left. */

/* Hash of the tree over places[count], ascending; none: zero. */
struct hash snapshot_tree_hash(const struct row_place *places, size_t count);

#endif
