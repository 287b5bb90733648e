/* proof_block.c - The part of a proof that every kind shares.
 *
 *   block  = [result, D_{h-1}, header as bytes, [successor's header as bytes…], commit certificate,
 *             execution certificate, later, epochs as bytes]
 *   result = [height, block hash, writeset root, receipts root, checkpoint]
 *   later  = d_{h+1} ‖ … ‖ d_H as one byte string
 *
 * The chain of reasoning, bottom up: what is proved hangs under a root in d_h; d_h and the later d
 * fold into D_H; a quorum signed D_H. d_h names the block; the header has that hash; each successor
 * names the one before as its parent, and a quorum committed the last, which commits its ancestors.
 * Whose quorum that is follows from the genesis by the chain of epochs. */
#include "ledger/proof_block.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define BLOCK_ITEMS 8u

struct proof_search {
    const struct proof_block *proof;
    const struct proof_trust *trust;
};

static void get_successors(struct cbor *in, struct proof_block *p);
static void put_result(struct buf *out, const struct block_result *r);
static struct block_result get_result(struct cbor *in);
static const char *check_header(const struct proof_block *p,
                                const struct hash *chain_id,
                                struct header *header);
static const char *check_successors(const struct proof_block *p, struct header *last);
static const char *check_statements(const struct proof_block *p,
                                    const struct header *header,
                                    const struct header *last);
static struct hash fold_later(const struct proof_block *p);

void proof_block_write(struct buf *out, const struct proof_block *p)
{
    must(p->later.size % HASH_SIZE == 0);
    must(p->later.size / HASH_SIZE <= PROOF_LATER_MAX);
    must(p->successor_count <= PROOF_SUCCESSORS_MAX);
    cbor_put_array(out, BLOCK_ITEMS);
    put_result(out, &p->result);
    put_hash(out, &p->digest_before);
    cbor_put_bytes(out, p->header);
    cbor_put_array(out, p->successor_count);
    for (uint32_t i = 0; i < p->successor_count; i++)
        cbor_put_bytes(out, p->successors[i]);
    certificate_encode(out, &p->final_cert);
    certificate_encode(out, &p->res_cert);
    cbor_put_bytes(out, p->later);
    cbor_put_bytes(out, p->epochs);
}

void proof_block_read(struct proof_block *p, struct cbor *in)
{
    cbor_expect_array(in, BLOCK_ITEMS);
    p->result = get_result(in);
    p->digest_before = get_hash(in);
    p->header = cbor_get_bytes(in);
    get_successors(in, p);
    certificate_decode(&p->final_cert, in);
    certificate_decode(&p->res_cert, in);
    p->later = cbor_get_bytes(in);
    if (p->later.size % HASH_SIZE != 0) cbor_fail(in);
    if (p->later.size / HASH_SIZE > PROOF_LATER_MAX) cbor_fail_with(in, ST_LIMIT);
    p->epochs = cbor_get_bytes(in);
    if (p->epochs.size > EPOCH_BYTES_MAX) cbor_fail_with(in, ST_LIMIT);
}

/* Of the header's epoch: known, or at the end of the chain of epochs. */
static enum status find_validators(const struct proof_search *s,
                                   const struct header *header,
                                   struct arena *a,
                                   struct validators *out,
                                   const char **what)
{
    const struct proof_trust *trust = s->trust;
    struct epoch_chain chain;
    struct epoch_end end;
    *out = *trust->validators;
    *what = "a block of epoch 0 needs no chain of epochs";
    if (header->epoch == 0 && s->proof->epochs.size > 0) return ST_REJECTED;
    if (header->epoch == trust->epoch) return ST_OK;
    *what = "the block is of another epoch: its validators are unknown";
    if (trust->epoch != 0) return ST_REJECTED;
    enum status st = epoch_chain_decode(&chain, a, s->proof->epochs);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_REJECTED;
    if (chain.count != header->epoch) return ST_REJECTED;
    struct epoch_trust from = {
        .validators = trust->validators, .chain_id = trust->chain_id, .signer = trust->signer};
    TRY(epoch_chain_verify(&chain, &from, a, &end, what));
    must(end.epoch == header->epoch);
    *what = "the header is not above the last block of the epoch before";
    if (header->height <= end.base) return ST_REJECTED;
    *out = end.validators;
    return ST_OK;
}

const char *proof_block_check(const struct proof_block *p,
                              const struct hash *chain_id,
                              struct header *header)
{
    struct header own;
    const char *what = check_header(p, chain_id, &own);
    struct header last = own;
    if (what == NULL) what = check_successors(p, &last);
    if (what == NULL) what = check_statements(p, &own, &last);
    if (what == NULL) *header = own;
    return what;
}

enum status proof_block_verify(const struct proof_block *p,
                               const struct header *header,
                               const struct proof_trust *trust,
                               struct arena *a,
                               const char **what)
{
    must(trust->validators->count > 0);
    must(header->height == p->result.height);
    struct validators v;
    const struct proof_search search = {.proof = p, .trust = trust};
    TRY(find_validators(&search, header, a, &v, what));
    *what = "the commit certificate does not verify";
    TRY(quorum_check_commit(&v, &p->final_cert, trust->signer, trust->chain_id));
    *what = "the execution certificate does not verify";
    TRY(quorum_check_result(&v, &p->res_cert, trust->signer, trust->chain_id));
    *what = NULL;
    return ST_OK;
}

struct hash proof_block_digest(const struct proof_block *p)
{
    struct hash block_digest = block_result_digest(&p->result);
    return digest_fold(&p->digest_before, &block_digest);
}

static const char *check_header(const struct proof_block *p,
                                const struct hash *chain_id,
                                struct header *header)
{
    struct cbor in = cbor_of(p->header);
    header_decode(header, &in);
    if (cbor_end(&in) != ST_OK) return "the header is malformed";
    if (!hash_equal(&header->chain_id, chain_id)) return "the header is of another chain";
    struct hash hash = header_hash(header);
    if (!hash_equal(&hash, &p->result.block_hash)) return "the result is of another block";
    if (header->height != p->result.height) return "the result is of another height";
    return NULL;
}

/* From the block, in last, to the one that the quorum committed: a chain of children. */
static const char *check_successors(const struct proof_block *p, struct header *last)
{
    for (uint32_t i = 0; i < p->successor_count; i++) {
        struct cbor in = cbor_of(p->successors[i]);
        struct header next;
        header_decode(&next, &in);
        if (cbor_end(&in) != ST_OK) return "a successor's header is malformed";
        if (!hash_equal(&next.chain_id, &last->chain_id)) return "a successor is of another chain";
        if (next.epoch != last->epoch) return "a successor is of another epoch";
        if (next.height != last->height + 1) return "a successor is of another height";
        if (next.view < last->view) return "a successor is of an earlier view";
        struct hash parent = header_hash(last);
        if (!hash_equal(&next.parent, &parent)) return "a successor is the child of another block";
        *last = next;
    }
    return NULL;
}

/* The certificates speak of the last block, so of all of them, and of this digest. */
static const char *check_statements(const struct proof_block *p,
                                    const struct header *header,
                                    const struct header *last)
{
    const struct statement *commit = &p->final_cert.statement;
    struct hash hash = header_hash(last);
    if (commit->height != last->height || commit->epoch != last->epoch ||
        !hash_equal(&commit->hash, &hash))
        return "the commit certificate is of another block";
    if (commit->view < last->view) return "the commit certificate is of an earlier view";
    const struct statement *result = &p->res_cert.statement;
    uint64_t ahead = p->later.size / HASH_SIZE;
    if (result->height < header->height || result->height - header->height != ahead)
        return "the execution certificate is of another height";
    if (result->epoch != header->epoch) return "the execution certificate is of another epoch";
    struct hash digest = fold_later(p);
    if (!hash_equal(&digest, &result->hash))
        return "the execution certificate is of another result";
    return NULL;
}

/* D_H: D_{h-1}, then d_h, then each later d. */
static struct hash fold_later(const struct proof_block *p)
{
    struct hash digest = proof_block_digest(p);
    for (size_t at = 0; at + HASH_SIZE <= p->later.size; at += HASH_SIZE) {
        struct hash block_digest;
        memcpy(block_digest.bytes, p->later.data + at, HASH_SIZE);
        digest = digest_fold(&digest, &block_digest);
    }
    return digest;
}

static void get_successors(struct cbor *in, struct proof_block *p)
{
    uint64_t count = cbor_get_array(in);
    if (count > PROOF_SUCCESSORS_MAX) {
        cbor_fail_with(in, ST_LIMIT);
        count = 0;
    }
    p->successor_count = (uint32_t)count;
    for (uint32_t i = 0; i < p->successor_count; i++)
        p->successors[i] = cbor_get_bytes(in);
}

static void put_result(struct buf *out, const struct block_result *r)
{
    cbor_put_array(out, 5);
    cbor_put_uint(out, r->height);
    put_hash(out, &r->block_hash);
    put_hash(out, &r->writeset_root);
    put_hash(out, &r->receipts_root);
    put_hash(out, &r->checkpoint);
}

static struct block_result get_result(struct cbor *in)
{
    struct block_result r;
    cbor_expect_array(in, 5);
    r.height = cbor_get_uint(in);
    r.block_hash = get_hash(in);
    r.writeset_root = get_hash(in);
    r.receipts_root = get_hash(in);
    r.checkpoint = get_hash(in);
    return r;
}
