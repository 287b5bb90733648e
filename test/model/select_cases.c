/* select_cases.c - Runs select_anchor on cases from standard input, one a line, for
 * select_compare.py.
 *
 *   case   mode n f p count claim…      mode: 1 adaptive, 3 bft, 4 raft
 *   claim  final-height final-id voted-view count id… has-hq view height id count id…
 *   answer base-height base-id height id
 *
 * An id stands for a block's hash: its number, big-endian, then zeroes, so hashes are ordered as
 * ids. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "consensus/select.h"

static uint64_t number(char **at)
{
    char *end;
    uint64_t value = strtoull(*at, &end, 10);
    must(end != *at);
    *at = end;
    return value;
}

static struct hash hash_of_id(uint64_t id)
{
    struct hash h = {{0}};
    for (int i = 0; i < 8; i++)
        h.bytes[i] = (uint8_t)(id >> (56 - 8 * i));
    return h;
}

static uint64_t id_of_hash(const struct hash *h)
{
    uint64_t id = 0;
    for (int i = 0; i < 8; i++)
        id = id << 8 | h->bytes[i];
    return id;
}

static void read_claim(struct select_claim *c, char **at)
{
    memset(c, 0xff, sizeof *c); /* What is not set must not be looked at. */
    c->final_height = number(at);
    c->final_hash = hash_of_id(number(at));
    c->voted_view = number(at);
    c->block_count = (uint32_t)number(at);
    must(c->block_count <= CONSENSUS_WINDOW);
    for (uint32_t i = 0; i < c->block_count; i++)
        c->blocks[i] = hash_of_id(number(at));
    c->has_hq = number(at) != 0;
    uint64_t view = number(at);
    uint64_t height = number(at);
    uint64_t id = number(at);
    c->branch_count = (uint32_t)number(at);
    must(c->branch_count <= CONSENSUS_WINDOW);
    for (uint32_t i = 0; i < c->branch_count; i++)
        c->branch[i] = hash_of_id(number(at));
    if (!c->has_hq) return;
    c->hq_view = view;
    c->hq_height = height;
    c->hq_hash = hash_of_id(id);
}

int main(void)
{
    static char line[1u << 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *position = line;
        char **at = &position;
        struct validators v = {.mode = (enum block_mode)number(at)};
        v.count = (uint32_t)number(at);
        v.f = (uint32_t)number(at);
        v.p = (uint32_t)number(at);
        must(quorum_bounds_hold(v.mode, v.count, v.f, v.p));
        struct select_claim claims[NODES_MAX];
        uint32_t count = (uint32_t)number(at);
        must(count <= NODES_MAX);
        for (uint32_t i = 0; i < count; i++)
            read_claim(&claims[i], at);
        struct select_result x;
        select_anchor(&x, &v, claims, count);
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", x.base_height,
               id_of_hash(&x.base_hash), x.height, id_of_hash(&x.hash));
    }
    return 0;
}
