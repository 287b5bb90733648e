/* sums.h - What every page of the state file must be: a hash of each, as of the file's height.
 *
 * The file beside the database has two slots, written in turn: a checkpoint first makes the slot of
 * the height it goes to durable, then touches the database. So whatever a crash leaves of the
 * database - the old height or the new one - a slot tells each of its bytes. The hashes are in
 * memory while the node runs; a page read from the file that has another one is damage, never data.
 *
 * Byte table of main.db.sums (docs/format/state.md), little-endian:
 *
 *     0      head of slot 0        4096   head of slot 1        8192   mark
 *     12288  sums: 4096 bytes of slot 0 (pages 1-256), 4096 of slot 1 (the same), 4096 of slot 0 …
 *
 *     head   "TSQLSUMS", version (8), page count (4), zero (4), hash("sums", version, page count,
 *            all sums of the slot) (32), first 8 bytes of hash("sumshead", bytes 0-55)
 *     mark   version whose checkpoint has ended (8), first 8 bytes of hash("sumsmark", version)
 *     sum    first 16 bytes of hash("page", page number (8), the page); zero for a page of zeros
 *
 * Invariants:
 *   S1 the slot of the file's version is whole on disk; only the other one is ever written.
 *   S2 the sums in memory are those of the file's version; a checkpoint's become theirs when it has
 *      ended.
 * sums_get may be called on any thread, all else on that of the checkpoints. */
#ifndef TRUSTSQL_STATE_SUMS_H
#define TRUSTSQL_STATE_SUMS_H

#include <stdbool.h>

#include "base/mem.h"
#include "os/os.h"
#include "state/diff.h"

#define SUM_BYTES 16u

struct sum {
    uint8_t bytes[SUM_BYTES];
};

struct sums;

struct sum sum_of_page(uint32_t number, const uint8_t *page);

/* Made when absent; borrowed by the table of sums until it is freed. */
NODISCARD enum status sums_open(struct sums **out,
                                struct os *os,
                                struct mem *mem,
                                const char *path);
void sums_free(struct sums *s); /* Null allowed. */

/* The sums of a file of page_count pages whose first page is this. ST_CORRUPT: no slot is of such a
 * file; ST_EXPIRED: one is, but a later checkpoint had ended: it is an older copy. */
NODISCARD enum status sums_load(struct sums *s,
                                uint64_t *version,
                                uint32_t page_count,
                                const uint8_t *first_page);

/* Of the file as it is. */
struct sum sums_get(struct sums *s, uint32_t number);

/* A checkpoint: what its pages will be; then all of it durable, before the database is touched. */
NODISCARD enum status sums_stage(struct sums *s, uint32_t number, struct sum sum);
/* Not synced yet: *file is what must be. */
NODISCARD enum status sums_write(struct sums *s,
                                 uint64_t version,
                                 uint32_t page_count,
                                 struct os_file **file);
/* The database is at that version, durably (S2). */
void sums_adopt(struct sums *s);
/* It stayed where it was. */
void sums_drop(struct sums *s);

/* Is the file at path still the one that was written, as far as this version needs it? Else it is
 * written again, durably: *is_mended. No checkpoint is under way. */
NODISCARD enum status sums_mend(struct sums *s, const char *path, bool *is_mended);

#endif
