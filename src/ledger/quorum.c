/* quorum.c - n, f, p and the sizes that follow from them. Proofs: consensus 1.1 and 1.6. */
#include "ledger/quorum.h"

#include "base/must.h"

#define NODES_MIN_FOR_ONE_FAULT 4u

bool quorum_bounds_hold(enum block_mode mode, uint32_t n, uint32_t f, uint32_t p)
{
    if (n == 0 || n > NODES_MAX || f > n || p > n) return false;
    switch (mode) {
    case MODE_RAFT: return f == 0 && p == 0;
    case MODE_BFT:
        if (n > 1 && n < NODES_MIN_FOR_ONE_FAULT) return false;
        return p == 0 && n >= 3 * f + 1;
    case MODE_FAST:
        if (n > 1 && n < NODES_MIN_FOR_ONE_FAULT) return false;
        return n >= 3 * f + 2 * p + 1;
    case MODE_STRICT: return false;
    }
    return false;
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
