/* index.h - The sorted txids of one sealed segment: blocks/00000001.idx.
 *
 * Internal to src/store. Derived from the segment, immutable, rebuilt at will. Every page carries
 * its own checksum, so a look-up verifies what it reads. Byte table: docs/format/store.md.
 * Functions hold no state; index_find is safe from any thread. */
#ifndef TRUSTSQL_STORE_INDEX_H
#define TRUSTSQL_STORE_INDEX_H

#include "store/env.h"
#include "store/txmap.h"

struct index_id { /* Which segment an index must be of. */
    uint64_t number;
    uint64_t first_height;
    struct hash digest; /* Of the sealed segment. */
};

/* "blocks/00000001.idx" */
void index_name(char out[OS_NAME_MAX + 1], uint64_t number);

/* Write the index of the blocks in txids; replaces what is there, durably. temporary: a name in
 * blocks/ that nobody else uses meanwhile. */
NODISCARD enum status index_write(const struct env *env,
                                  const struct index_id *id,
                                  const struct txmap *txids,
                                  const char *temporary);

/* As index_write, from the sealed segment itself. ST_CORRUPT: the segment is damaged. */
NODISCARD enum status index_rebuild(const struct env *env,
                                    const struct index_id *id,
                                    const char *temporary);

/* The txids of a sealed segment into an empty map. */
NODISCARD enum status index_collect(const struct env *env,
                                    const struct index_id *id,
                                    struct txmap *out);

/* Only the first page and the size. ST_OK, ST_NOT_FOUND (no file), ST_CORRUPT. */
NODISCARD enum status index_check(const struct env *env,
                                  const struct index_id *id,
                                  struct damage *damage);

/* Of which segment the index number is, from its first page alone. ST_NOT_FOUND, ST_CORRUPT. */
NODISCARD enum status index_identify(const struct env *env, uint64_t number, struct index_id *out);

/* Every byte. As index_check; damage may be several: only the first is told. */
NODISCARD enum status index_scan(const struct env *env,
                                 const struct index_id *id,
                                 struct damage *damage);

/* Every byte, and that it names exactly these txids. As index_scan. */
NODISCARD enum status index_compare(const struct env *env,
                                    const struct index_id *id,
                                    const struct txmap *txids,
                                    struct damage *damage);

/* Height and index of txid. ST_NOT_FOUND: no such txid; ST_CORRUPT: no usable index. */
NODISCARD enum status index_find(const struct env *env,
                                 const struct index_id *id,
                                 const struct hash *txid,
                                 uint64_t *height,
                                 uint32_t *index);

#endif
