/* gaps.h - Heights of a log whose bytes are wrong, cut off or gone, until they are repaired.
 *
 * Internal to src/store. A gap lies within one file. The table is small: where it is full, gaps of
 * one file become one, which costs a few blocks more to fetch; a gap that finds no room at all is
 * found again by the next look. Safe from any thread. */
#ifndef TRUSTSQL_STORE_GAPS_H
#define TRUSTSQL_STORE_GAPS_H

#include "os/thread.h"
#include "store/store.h"

#define GAPS_MAX 64u

struct gap {
    uint64_t number; /* Of the file. */
    uint64_t first;  /* Above last: no block is wrong, but what surrounds them. */
    uint64_t last;
    bool is_false; /* Bytes there can be read, and are not those of the chain. */
    struct damage place;
};

struct gaps;

NODISCARD enum status gaps_new(struct gaps **out, struct mem *mem);
void gaps_free(struct gaps *g); /* Null allowed. */

void gaps_add(struct gaps *g, const struct gap *gap);
/* The highest one. False: there is none. */
bool gaps_highest(const struct gaps *g, struct gap *out);
/* The first of the file, with or without heights. False: there is none. */
bool gaps_of_file(const struct gaps *g, uint64_t number, struct gap *out);
/* The lowest gap of a file that ends at or above height. False: there is none. */
bool gaps_next(const struct gaps *g, uint64_t number, uint64_t height, struct gap *out);
/* All of the file. */
void gaps_clear(struct gaps *g, uint64_t number);
/* This height alone, which can be read after all. */
void gaps_clear_height(struct gaps *g, uint64_t number, uint64_t height);

#endif
