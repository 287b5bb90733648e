/* side_path.h - Inclusion in an RFC 9162 tree by directions instead of an index and a count.
 *
 * For trees whose count nothing certifies: each step says on which side the other node stands, so
 * every bit of the path is bound by the root. Two paths also show that no leaf lies between theirs,
 * whatever the count. Format: docs/format/proof.md. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_SIDE_PATH_H
#define TRUSTSQL_LEDGER_SIDE_PATH_H

#include "codec/cbor.h"
#include "crypto/merkle.h"

struct side_path {
    uint64_t sides; /* Bit i: node i stands on the left, and what is proved on the right. */
    struct merkle_path path;
};

/* Of leaf index in merkle_levels_build's levels. */
void side_path_make(struct side_path *out, const struct hash *levels, size_t count, size_t index);

/* ST_OK, else ST_INVALID. */
NODISCARD enum status side_path_check(const struct side_path *p,
                                      const struct hash *leaf,
                                      const struct hash *root);

/* The leaf is the first, the last of its tree. Of paths that were checked. */
bool side_path_is_first(const struct side_path *p);
bool side_path_is_last(const struct side_path *p);

/* Nothing lies between left's leaf and right's, which stands after it. Of paths that were checked
 * against one root. */
bool side_path_are_neighbours(const struct side_path *left, const struct side_path *right);

/* Two items: sides, [node…]; the reader refuses sides of nodes that are not there. */
void side_path_write(struct buf *out, const struct side_path *p);
void side_path_read(struct side_path *p, struct cbor *in);

/* [node…] */
void merkle_path_write(struct buf *out, const struct merkle_path *path);
void merkle_path_read(struct merkle_path *path, struct cbor *in);

#endif
