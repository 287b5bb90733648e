/* undo.h - The undo journal of a checkpoint: a rollback journal of SQLite with digests of our own.
 *
 * Big-endian, sector and page size 4096 (docs/format/state.md):
 *
 *     0-7    magic d9 d5 05 f9 20 a1 63 d7
 *     8-11   record count
 *     12-15  seed of the record checksums
 *     16-19  pages of the file before
 *     20-23  sector size 4096
 *     24-27  page size 4096
 *     28-31  zero
 *     32-39  "TSQLUNDO"
 *     40-47  height the checkpoint goes to
 *     48-55  first 8 bytes of hash("undo", all records)
 *     56-63  first 8 bytes of hash("undohead", bytes 0-55)
 *     4096-  records: page number (4), old bytes (4096), SQLite's checksum (4)
 *
 * Stock SQLite ignores bytes 28-511 and repairs the file by itself; we check the digests first, so
 * that a flipped byte is found instead of written. */
#ifndef TRUSTSQL_STATE_UNDO_H
#define TRUSTSQL_STATE_UNDO_H

#include "base/mem.h"
#include "os/os.h"
#include "state/diff.h"

#define UNDO_HEAD_BYTES   64u
#define UNDO_SECTOR       4096u
#define UNDO_RECORD_BYTES (PAGE_BYTES + 8u)
#define UNDO_BATCH        64u /* Pages read or written at once. */
/* SQLite never uses the page of the lock bytes; in a journal it would end the roll-back. */
#define UNDO_LOCK_PAGE ((1u << 30) / PAGE_BYTES + 1u)

struct undo_head {
    uint32_t record_count;
    uint32_t seed;
    uint32_t page_count; /* Of the file before. */
    uint64_t height;
    uint8_t digest[8]; /* Of the records. */
};

struct undo_files {
    struct os *os;
    struct mem *mem;
    struct os_file *file; /* The database. */
    struct os_file *journal;
};

void undo_head_encode(uint8_t out[UNDO_HEAD_BYTES], const struct undo_head *head);
/* ST_TRUNCATED: never finished, the file is untouched. ST_CORRUPT: right digest, impossible values.
 */
NODISCARD enum status undo_head_decode(struct undo_head *out, struct span bytes);

/* SQLite's checksum of a journalled page. */
uint32_t undo_checksum(uint32_t seed, const uint8_t *page);

/* Append the file's pages numbers[count] (sorted, at most page_count) as records; fills head's
 * record_count and digest. Syncs nothing. */
NODISCARD enum status undo_write_records(const struct undo_files *f,
                                         struct undo_head *head,
                                         const uint32_t *numbers,
                                         uint32_t count);

/* Undo a half-done checkpoint. *did_repair: the file was written. ST_CORRUPT: the records are
 * damaged, the file is lost: rebuild it. Idempotent. */
NODISCARD enum status undo_repair(const struct undo_files *f, bool *did_repair);

/* Make the journal say nothing, durably: its head is zeroed and synced, then it is cut. */
NODISCARD enum status undo_clear(const struct undo_files *f);

#endif
