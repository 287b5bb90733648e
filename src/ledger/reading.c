/* reading.c - See reading.h. */
#include "ledger/reading.h"

#include "base/must.h"

static uint32_t count_bits(uint32_t mask)
{
    uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1)
        count++;
    return count;
}

void reading_on_height(struct reading_heights *h,
                       uint32_t place,
                       uint64_t certified,
                       uint64_t executed)
{
    must(place < NODES_MAX);
    if (h->executed[place] == 0) h->executed[place] = executed > 0 ? executed : certified;
    if (certified > h->height) h->height = certified;
    if (certified >= h->executed[place]) h->proven |= 1u << place;
}

bool reading_has_height(const struct reading_heights *h, uint32_t needed)
{
    must(needed > 0);
    return count_bits(h->proven) >= needed;
}

void reading_on_rows(struct reading_rows *r, uint32_t place, const struct hash *rows)
{
    must(place < NODES_MAX && r->needed > 0);
    uint32_t equal = 1u << place;
    r->hashes[place] = *rows;
    r->counted |= 1u << place;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if ((r->counted >> i & 1u) != 0 && hash_equal(&r->hashes[i], rows)) equal |= 1u << i;
    if (count_bits(equal) >= r->needed) r->winner = equal;
}

bool reading_is_settled(const struct reading_rows *r, bool is_last_try)
{
    return r->winner != 0 && (r->winner == r->counted || is_last_try);
}
