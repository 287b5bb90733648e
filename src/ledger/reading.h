/* reading.h - What a client believes of several nodes, of which f may lie (consensus.md 1.19, R1).
 *
 *   heights  Each node says what it has executed when it is first asked, and shows certificates of
 *            results. When n - f have shown one that reaches what they said, the highest certified
 *            height misses nothing that anybody was told is final before: whoever signed that was
 *            a quorum, which meets any n - f in an honest node, and an honest node never says less
 *            than it has signed for.
 *   rows     At that height f + 1 equal answers are the truth: one of them is honest.
 *
 * A node is known by its place, 0 … NODES_MAX - 1, among those that are asked. Pure. */
#ifndef TRUSTSQL_LEDGER_READING_H
#define TRUSTSQL_LEDGER_READING_H

#include <stdbool.h>

#include "crypto/hash.h"
#include "ledger/block.h"

#define READING_TRIES 2u /* Then the read is ordered as a transaction (R2). */

struct reading_heights {          /* Zeroed: nobody has said anything. */
    uint64_t executed[NODES_MAX]; /* As first said; 0: not said yet. */
    uint32_t proven;              /* Mask of those whose certificate reaches it. */
    uint64_t height;              /* The highest certified. */
};

/* Its certificate of height certified is valid, and it says that it has executed so far (0: it does
 * not say). */
void reading_on_height(struct reading_heights *h,
                       uint32_t place,
                       uint64_t certified,
                       uint64_t executed);
/* So many have proven theirs that at h->height may be read. */
bool reading_has_height(const struct reading_heights *h, uint32_t needed); /* n - f */

struct reading_rows { /* Zeroed but for needed. */
    struct hash hashes[NODES_MAX];
    uint32_t counted; /* Mask of those that have answered. */
    uint32_t winner;  /* Mask of equal ones, needed at least; 0: none yet. */
    uint32_t needed;  /* f + 1 */
};

/* Equal answers have equal hashes. */
void reading_on_rows(struct reading_rows *r, uint32_t place, const struct hash *rows);
/* There is a truth to tell. A difference is looked at twice: in the moment of a change of a table
 * two honest nodes may differ. */
bool reading_is_settled(const struct reading_rows *r, bool is_last_try);

#endif
