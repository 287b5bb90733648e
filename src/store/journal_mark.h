/* journal_mark.h - How far the journal had come, beside it: an older journal in its place is found.
 *
 * Internal to src/store. File journal.mark, 20 bytes, little-endian: "TSQLMARK", the number of the
 * newest record that was durable (8), CRC-32C of the bytes before (4). It is written after the
 * journal was synced, and not synced itself: it is never ahead of the journal, so nothing but an
 * exchange of the journal makes it so. A missing or torn one says nothing. */
#ifndef TRUSTSQL_STORE_JOURNAL_MARK_H
#define TRUSTSQL_STORE_JOURNAL_MARK_H

#include "store/env.h"

NODISCARD enum status journal_mark_write(const struct env *env, uint64_t seq);
/* *seq 0: it says nothing. */
NODISCARD enum status journal_mark_read(const struct env *env, uint64_t *seq);
/* Before a new journal is made. */
NODISCARD enum status journal_mark_remove(const struct env *env);

#endif
