/* The newest final blocks as proofs need them: for each height the header and, if one is known, the
 * certificate that commits exactly this block.
 *
 * Blocks leave memory at different moments; these do not depend on it. A certificate comes with
 * finality, or in the body of a later block: what is in a body was checked by the quorum that made
 * that block final, so catch-up, which proves hundreds of blocks by one certificate, finds nearer
 * ones there. */
#include "node/core_int.h"

_Static_assert(PROOF_SUCCESSORS_MAX == CONSENSUS_WINDOW,
               "no certificate is farther from its block");

static struct core_commit *commit_at(struct core *c, uint64_t height)
{
    struct core_commit *at = &c->commits[height % CORE_COMMITS];
    return height > 0 && at->header.height == height ? at : NULL;
}

static void note_certificate(struct core *c, const struct certificate *cert)
{
    const struct statement *s = &cert->statement;
    struct core_commit *at = commit_at(c, s->height);
    if (at == NULL || cert->entry_count == 0 || at->cert.entry_count > 0) return;
    if (hash_equal(&at->hash, &s->hash)) at->cert = *cert;
}

void core_commit_note(struct core *c, const struct core_block *b, const struct certificate *cert)
{
    const struct flow_block *flow = b->flow;
    struct core_commit *at = &c->commits[flow->header.height % CORE_COMMITS];
    must(flow->header.height <= c->final_height);
    if (at->header.height > flow->header.height) return;
    if (at->header.height < flow->header.height)
        *at = (struct core_commit){.header = flow->header, .hash = flow->hash};
    if (!hash_equal(&at->hash, &flow->hash)) return; /* Read again from a disk that lies. */
    note_certificate(c, cert);
    if (b->has_final_cert) note_certificate(c, &b->final_cert);
}

bool core_commit_prove(struct core *c, struct flow_block *flow)
{
    uint64_t height = flow->header.height;
    struct core_commit *at = commit_at(c, height);
    flow->successor_count = 0;
    buf_reset(&flow->successors);
    if (at == NULL || !hash_equal(&at->hash, &flow->hash)) return false;
    while (at->cert.entry_count == 0) {
        at = commit_at(c, ++height);
        if (at == NULL || flow->successor_count == PROOF_SUCCESSORS_MAX) return false;
        header_encode(&flow->successors, &at->header);
        flow->successor_count++;
    }
    flow->final_cert = at->cert;
    return buf_status(&flow->successors) == ST_OK;
}
