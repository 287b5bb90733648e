/* evidence_reply.c - E10: a validator's signed reply to a client that cannot be true.
 *
 *   items = [1, reply, reply]            ascending by what is signed: one of them is false
 *           [2, reply, proof as bytes]   the receipt proof refutes the reply
 *
 * The replies are the offender's. What refutes alone is signed by a quorum, as every proof is. */
#include "base/must.h"
#include "consensus/evidence_int.h"
#include "consensus/wire_int.h"
#include "ledger/proof.h"

enum reply_form { FORM_REPLIES = 1, FORM_PROOF = 2 };

static enum status verify_reply(const struct evidence *e,
                                const struct reply *r,
                                const struct check_context *context);
static enum status verify_replies(const struct evidence *e,
                                  struct cbor *in,
                                  const struct check_context *context);
static enum status verify_refuted(const struct evidence *e,
                                  struct cbor *in,
                                  const struct check_context *context,
                                  struct mem *mem);
static void describe(struct evidence *e, const struct reply *r, uint64_t height);

void evidence_of_replies(struct evidence *e,
                         struct buf *out,
                         const struct reply *a,
                         const struct reply *b)
{
    must(a->node == b->node);
    must(reply_contradicts(a, b));
    struct hash hash_a = reply_hash(a);
    struct hash hash_b = reply_hash(b);
    bool is_in_order = memcmp(hash_a.bytes, hash_b.bytes, HASH_SIZE) < 0;
    describe(e, a, a->height < b->height ? a->height : b->height);
    cbor_put_array(out, 3);
    cbor_put_uint(out, FORM_REPLIES);
    reply_encode(out, is_in_order ? a : b);
    reply_encode(out, is_in_order ? b : a);
}

void evidence_of_refuted_reply(struct evidence *e,
                               struct buf *out,
                               const struct reply *r,
                               struct span proof)
{
    describe(e, r, r->height);
    cbor_put_array(out, 3);
    cbor_put_uint(out, FORM_PROOF);
    reply_encode(out, r);
    cbor_put_bytes(out, proof);
}

enum status evidence_verify_reply(const struct evidence *e,
                                  const struct check_context *context,
                                  struct mem *mem)
{
    if (e->view != 0) return ST_INVALID;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 3);
    switch (cbor_get_uint(&in)) {
    case FORM_REPLIES: return verify_replies(e, &in, context);
    case FORM_PROOF: return verify_refuted(e, &in, context, mem);
    default: return ST_INVALID;
    }
}

static void describe(struct evidence *e, const struct reply *r, uint64_t height)
{
    *e = (struct evidence){
        .kind = EVIDENCE_E10, .epoch = r->epoch, .offender = r->node, .height = height};
}

/* The offender's, of this chain and epoch. */
static enum status verify_reply(const struct evidence *e,
                                const struct reply *r,
                                const struct check_context *context)
{
    if (r->node != e->offender || r->epoch != e->epoch) return ST_INVALID;
    if (!hash_equal(&r->chain_id, context->chain_id)) return ST_INVALID;
    must(e->offender < context->validators->count);
    return reply_verify(r, context->signer, &context->validators->keys[e->offender]);
}

static enum status verify_replies(const struct evidence *e,
                                  struct cbor *in,
                                  const struct check_context *context)
{
    struct reply a;
    struct reply b;
    reply_read(&a, in);
    reply_read(&b, in);
    if (cbor_end(in) != ST_OK || !reply_contradicts(&a, &b)) return ST_INVALID;
    struct hash hash_a = reply_hash(&a);
    struct hash hash_b = reply_hash(&b);
    if (memcmp(hash_a.bytes, hash_b.bytes, HASH_SIZE) >= 0) return ST_INVALID;
    if (e->height != (a.height < b.height ? a.height : b.height)) return ST_INVALID;
    TRY(verify_reply(e, &a, context));
    return verify_reply(e, &b, context);
}

/* What the proof proves, as an honest node would have said it. */
static struct reply reply_of_proof(const struct proof *p, const struct receipt *receipt)
{
    return (struct reply){.txid = receipt->txid,
                          .height = receipt->height,
                          .index = receipt->index,
                          .receipt = receipt_leaf(p->of.tx.receipt),
                          .digest = proof_block_digest(&p->block)};
}

static enum status verify_refuted(const struct evidence *e,
                                  struct cbor *in,
                                  const struct check_context *context,
                                  struct mem *mem)
{
    struct reply r;
    struct proof_facts facts;
    const char *what = NULL;
    reply_read(&r, in);
    struct span bytes = cbor_get_bytes(in);
    if (cbor_end(in) != ST_OK || e->height != r.height) return ST_INVALID;
    TRY(verify_reply(e, &r, context));
    struct proof *p = mem_alloc(mem, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    struct arena arena;
    struct proof_trust trust = {.validators = context->validators,
                                .epoch = e->epoch,
                                .chain_id = context->chain_id,
                                .signer = context->signer};
    arena_init(&arena, mem, 0);
    enum status st = proof_decode(p, &arena, bytes);
    if (st == ST_OK && p->kind != PROOF_TX) st = ST_INVALID;
    if (st == ST_OK) st = proof_verify(p, &trust, &facts, &arena, &what);
    if (st == ST_OK) {
        struct reply truth = reply_of_proof(p, &facts.receipt);
        if (!reply_contradicts(&r, &truth)) st = ST_INVALID;
    }
    arena_fini(&arena);
    mem_free(mem, p);
    return st == ST_OK || st == ST_NO_MEMORY || st == ST_SIGNATURE ? st : ST_INVALID;
}
