/* quorum.c - n, f, p and the sizes that follow from them. Proofs: consensus 1.1 and 1.6. */
#include "ledger/quorum.h"

#include "base/must.h"

#define NODES_MIN_FOR_ONE_FAULT 4u

static const char *why_of_count(enum block_mode mode, uint32_t n);

bool quorum_bounds_hold(enum block_mode mode, uint32_t n, uint32_t f, uint32_t p)
{
    return quorum_why(mode, n, f, p) == NULL;
}

const char *quorum_why(enum block_mode mode, uint32_t n, uint32_t f, uint32_t p)
{
    const char *why = why_of_count(mode, n);
    if (why != NULL) return why;
    if (f > n || p > n) return "f and p are at most the count of validators";
    switch (mode) {
    case MODE_RAFT: return f == 0 && p == 0 ? NULL : "raft has f = 0 and p = 0";
    case MODE_BFT:
        if (p != 0) return "p is for the fast path of mode adaptive: bft has p = 0";
        return n >= 3 * f + 1 ? NULL : "bft takes n >= 3f + 1 validators";
    case MODE_FAST:
        return n >= 3 * f + 2 * p + 1 ? NULL : "adaptive takes n >= 3f + 2p + 1 validators";
    case MODE_STRICT: break;
    }
    return "a chain is adaptive, bft or raft";
}

static const char *why_of_count(enum block_mode mode, uint32_t n)
{
    if (n == 0 || n > NODES_MAX) return "a chain has 1 to 31 validators";
    if (n == 1 && mode != MODE_BFT) return "one validator runs in mode bft with f = 0";
    if (n == 2) return "two validators stop when one does: take one validator and one observer";
    if (n < NODES_MIN_FOR_ONE_FAULT && n > 1 && mode != MODE_RAFT)
        return "three validators run in mode raft: bft and adaptive take 4 or more";
    return NULL;
}

const char *quorum_warning(enum block_mode mode, uint32_t n, uint32_t f)
{
    if (mode == MODE_RAFT && n % 2 == 0)
        return "raft of an even count survives no more stopped nodes than of one less";
    if (mode != MODE_RAFT && n > 1 && f == 0)
        return "f = 0: one lying validator can split the chain";
    return NULL;
}

uint32_t quorum_stopped_max(const struct validators *v)
{
    return v->count -
           (quorum_size(v) > quorum_view_change(v) ? quorum_size(v) : quorum_view_change(v));
}

uint32_t quorum_leader(const struct validators *v, uint64_t view)
{
    must(v->count > 0 && v->count <= NODES_MAX);
    uint32_t leaders[NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < v->count; i++)
        if ((v->barred >> i & 1u) == 0) leaders[count++] = i;
    return count == 0 ? (uint32_t)(view % v->count) : leaders[view % count];
}

uint32_t quorum_size(const struct validators *v)
{
    must(v->count > 0);
    uint32_t q = v->mode == MODE_RAFT ? v->count / 2 + 1 : (v->count + v->f + 2) / 2;
    must(2 * q > v->count);
    must(q <= v->count);
    return q;
}

uint32_t quorum_fast_size(const struct validators *v)
{
    must(v->mode == MODE_FAST);
    must(v->p < v->count);
    return v->count - v->p;
}

uint32_t quorum_commit_p1(const struct validators *v)
{
    switch (v->mode) {
    case MODE_FAST: return quorum_fast_size(v);
    case MODE_RAFT: return quorum_size(v);
    case MODE_BFT: return 0;
    case MODE_STRICT: break;
    }
    must(false); /* A state of adaptive, never the mode of an epoch. */
    return 0;
}

uint32_t quorum_view_change(const struct validators *v)
{
    if (v->mode == MODE_RAFT) return quorum_size(v);
    must(v->f < v->count);
    must(quorum_size(v) <= v->count - v->f); /* Honest validators alone make certificates. */
    return v->count - v->f;
}

uint32_t quorum_fast_support(const struct validators *v)
{
    must(v->mode == MODE_FAST);
    must(v->count > v->p + 2 * v->f);
    uint32_t support = v->count - v->p - 2 * v->f;
    must(support > v->f + v->p);
    must(2 * support > v->count - v->f); /* No two blocks of a height have it. */
    return support;
}

enum status quorum_check_commit(const struct validators *v,
                                const struct certificate *c,
                                const struct signer *signer,
                                const struct hash *chain_id)
{
    uint32_t first = quorum_commit_p1(v);
    switch (c->part) {
    case VOTE_P1:
        if (first == 0) return ST_INVALID;
        return certificate_verify(c, signer, chain_id, v, first);
    case VOTE_P2:
        if (v->mode == MODE_RAFT) return ST_INVALID;
        return certificate_verify(c, signer, chain_id, v, quorum_size(v));
    case VOTE_P3:
    case VOTE_PARTS: return ST_INVALID;
    }
    return ST_INVALID;
}

enum status quorum_check_result(const struct validators *v,
                                const struct certificate *c,
                                const struct signer *signer,
                                const struct hash *chain_id)
{
    if (c->part != VOTE_P3) return ST_INVALID;
    return certificate_verify(c, signer, chain_id, v, quorum_size(v));
}
