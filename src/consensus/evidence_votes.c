/* evidence_votes.c - E7, E8, E9: results and commits that cannot both be true.
 *
 *   items of E7   [vote, vote]                          ascending by digest of P3
 *            E8   [vote, certificate]                   a result and the certified one
 *            E9   [certificate, certificate, [header…]] ascending by height, then by block hash
 *
 * E7 and E8 prove that a validator computed something else, not that it wanted to: a broken disk or
 * a bug does the same (class divergence).
 *
 * E9 names a validator that signed both certificates, and the certificates are of one view: within
 * a view the first votes and the locks of a validator that keeps the rules stand on one chain.
 * Certificates of different views name nobody by themselves. Who signed both may be honest: a new
 * view built on lying view changes led it away from what it had voted for. Then it is those view
 * changes that convict (E3). */
#include "base/must.h"
#include "consensus/evidence_int.h"
#include "consensus/wire_int.h"

static int compare_statements(const struct statement *a, const struct statement *b);
static bool is_signer(const struct certificate *c, uint32_t voter);

bool evidence_is_divergence(enum evidence_kind kind)
{
    return kind == EVIDENCE_E7 || kind == EVIDENCE_E8;
}

void evidence_of_results(struct evidence *e,
                         struct buf *out,
                         const struct vote *a,
                         const struct vote *b)
{
    const struct statement *s = &a->parts[VOTE_P3];
    int order = compare_statements(s, &b->parts[VOTE_P3]);
    must(order != 0 && a->voter == b->voter);
    *e = (struct evidence){
        .kind = EVIDENCE_E7, .epoch = s->epoch, .offender = a->voter, .height = s->height};
    cbor_put_array(out, 2);
    vote_encode(out, order < 0 ? a : b);
    vote_encode(out, order < 0 ? b : a);
}

void evidence_of_false_result(struct evidence *e,
                              struct buf *out,
                              const struct vote *vote,
                              const struct certificate *result)
{
    const struct statement *s = &vote->parts[VOTE_P3];
    must(result->part == VOTE_P3 && s->height == result->statement.height);
    *e = (struct evidence){
        .kind = EVIDENCE_E8, .epoch = s->epoch, .offender = vote->voter, .height = s->height};
    cbor_put_array(out, 2);
    vote_encode(out, vote);
    certificate_encode(out, result);
}

uint32_t evidence_commit_signers(const struct certificate *a, const struct certificate *b)
{
    uint32_t both = 0;
    if (a->statement.epoch != b->statement.epoch || a->statement.view != b->statement.view)
        return 0;
    for (uint32_t i = 0; i < a->entry_count; i++)
        if (is_signer(b, a->entries[i].voter)) both |= 1u << a->entries[i].voter;
    return both;
}

void evidence_of_commits(struct evidence *e,
                         struct buf *out,
                         const struct evidence_commits *commits,
                         uint32_t offender)
{
    const struct certificate *a = commits->a;
    const struct certificate *b = commits->b;
    bool is_ordered = compare_statements(&a->statement, &b->statement) < 0;
    const struct certificate *low = is_ordered ? a : b;
    uint32_t count = commits->fork == NULL ? 0 : commits->fork->count;
    must((evidence_commit_signers(a, b) >> offender & 1u) != 0);
    must(count <= EVIDENCE_HEADERS_MAX);
    *e = (struct evidence){.kind = EVIDENCE_E9,
                           .epoch = low->statement.epoch,
                           .offender = offender,
                           .view = low->statement.view,
                           .height = low->statement.height};
    cbor_put_array(out, 3);
    certificate_encode(out, low);
    certificate_encode(out, is_ordered ? b : a);
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        header_encode(out, &commits->fork->headers[i]);
}

enum status evidence_verify_results(const struct evidence *e, const struct check_context *context)
{
    struct vote a;
    struct vote b;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 2);
    vote_decode(&a, &in);
    vote_decode(&b, &in);
    const struct statement *p = &a.parts[VOTE_P3];
    const struct statement *q = &b.parts[VOTE_P3];
    if (cbor_end(&in) != ST_OK || p->is_null || q->is_null || e->view != 0) return ST_INVALID;
    if (p->epoch != e->epoch || q->epoch != e->epoch) return ST_INVALID;
    if (p->height != e->height || q->height != e->height) return ST_INVALID;
    if (compare_statements(p, q) >= 0) return ST_INVALID;
    TRY(evidence_check_vote(e, &a, context));
    return evidence_check_vote(e, &b, context);
}

enum status evidence_verify_false_result(const struct evidence *e,
                                         const struct check_context *context)
{
    struct vote vote;
    struct certificate result;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 2);
    vote_decode(&vote, &in);
    certificate_decode(&result, &in);
    const struct statement *p = &vote.parts[VOTE_P3];
    if (cbor_end(&in) != ST_OK || p->is_null || result.part != VOTE_P3) return ST_INVALID;
    const struct statement *q = &result.statement;
    if (p->epoch != e->epoch || q->epoch != e->epoch || e->view != 0) return ST_INVALID;
    if (p->height != e->height || q->height != e->height) return ST_INVALID;
    if (hash_equal(&p->hash, &q->hash)) return ST_INVALID;
    TRY(evidence_check_vote(e, &vote, context));
    return quorum_check_result(context->validators, &result, context->signer, context->chain_id);
}

enum status evidence_verify_commits(const struct evidence *e, const struct check_context *context)
{
    struct certificate low;
    struct certificate high;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 3);
    certificate_decode(&low, &in);
    certificate_decode(&high, &in);
    evidence_check_fork(&in, &low.statement, &high.statement);
    if (cbor_end(&in) != ST_OK || low.statement.epoch != e->epoch) return ST_INVALID;
    if (low.statement.view != e->view || low.statement.height != e->height) return ST_INVALID;
    if ((evidence_commit_signers(&low, &high) >> e->offender & 1u) == 0) return ST_INVALID;
    const struct validators *v = context->validators;
    TRY(quorum_check_commit(v, &low, context->signer, context->chain_id));
    return quorum_check_commit(v, &high, context->signer, context->chain_id);
}

static int compare_statements(const struct statement *a, const struct statement *b)
{
    if (a->height != b->height) return a->height < b->height ? -1 : 1;
    return memcmp(a->hash.bytes, b->hash.bytes, HASH_SIZE);
}

static bool is_signer(const struct certificate *c, uint32_t voter)
{
    for (uint32_t i = 0; i < c->entry_count; i++)
        if (c->entries[i].voter == voter) return true;
    return false;
}
