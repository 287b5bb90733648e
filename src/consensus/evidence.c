/* evidence.c - Encoding and building of evidence.
 *
 *   evidence = [kind, epoch, offender, view, height, items as bytes]
 *
 *   items of E1   [proposal, proposal]           ascending by block hash
 *            E2   [vote, vote, [header…]]        ascending by height of P1, then by block hash
 *            E3   [vote, view change]
 *            E4   [view change, view change]     ascending by what is signed
 *            E5   new view
 *            E6   [fault, proposal, [[index, transaction as bytes, [node…]]…]]
 *            E10  evidence_reply.c
 *
 * Every item is signed by the offender, or is bound by hash to one that is; so nothing in evidence
 * can be changed without spoiling it. */
#include "consensus/evidence.h"

#include "base/must.h"
#include "consensus/evidence_int.h"
#include "consensus/wire_int.h"

#define EVIDENCE_FIELDS 6u

static void put_item(struct buf *out, const struct content_item *item);
static int compare_hashes(const struct hash *a, const struct hash *b);
static int compare_votes(const struct vote *a, const struct vote *b);
static bool is_promise_broken(const struct statement *p1, const struct view_change *vc);
static bool is_lock_denied(const struct statement *p2, const struct view_change *vc);

const char *evidence_name(enum evidence_kind kind)
{
    switch (kind) {
    case EVIDENCE_E1: return "E1";
    case EVIDENCE_E2: return "E2";
    case EVIDENCE_E3: return "E3";
    case EVIDENCE_E4: return "E4";
    case EVIDENCE_E5: return "E5";
    case EVIDENCE_E6: return "E6";
    case EVIDENCE_E7: return "E7";
    case EVIDENCE_E8: return "E8";
    case EVIDENCE_E9: return "E9";
    case EVIDENCE_E10: return "E10";
    }
    return "?";
}

void evidence_encode(struct buf *out, const struct evidence *e)
{
    must(e->offender < NODES_MAX);
    cbor_put_array(out, EVIDENCE_FIELDS);
    cbor_put_uint(out, e->kind);
    cbor_put_uint(out, e->epoch);
    cbor_put_uint(out, e->offender);
    cbor_put_uint(out, e->view);
    cbor_put_uint(out, e->height);
    cbor_put_bytes(out, e->bytes);
}

enum status evidence_decode(struct evidence *e, struct span bytes)
{
    if (bytes.size > EVIDENCE_SIZE_MAX) return ST_LIMIT;
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, EVIDENCE_FIELDS);
    uint64_t kind = cbor_get_uint_max(&in, EVIDENCE_KIND_MAX);
    if (kind < EVIDENCE_E1) cbor_fail(&in);
    struct evidence out = {.epoch = cbor_get_uint(&in)};
    out.offender = wire_get_u32_max(&in, NODES_MAX - 1);
    out.view = cbor_get_uint(&in);
    out.height = cbor_get_uint(&in);
    out.bytes = cbor_get_bytes(&in);
    TRY(cbor_end(&in));
    out.kind = (enum evidence_kind)kind;
    *e = out;
    return ST_OK;
}

bool evidence_is_same(const struct evidence *a, const struct evidence *b)
{
    return a->kind == b->kind && a->offender == b->offender && a->epoch == b->epoch &&
           a->view == b->view && a->height == b->height;
}

void evidence_of_proposals(struct evidence *e,
                           struct buf *out,
                           const struct proposal *a,
                           const struct proposal *b)
{
    struct hash hash_a = header_hash(&a->header);
    struct hash hash_b = header_hash(&b->header);
    int order = compare_hashes(&hash_a, &hash_b);
    must(order != 0);
    *e = (struct evidence){.kind = EVIDENCE_E1,
                           .epoch = a->header.epoch,
                           .offender = a->header.proposer,
                           .view = a->header.view,
                           .height = a->header.height};
    cbor_put_array(out, 2);
    proposal_encode(out, order < 0 ? a : b);
    proposal_encode(out, order < 0 ? b : a);
}

void evidence_of_votes(struct evidence *e,
                       struct buf *out,
                       const struct vote *a,
                       const struct vote *b,
                       const struct evidence_fork *fork)
{
    uint32_t header_count = fork == NULL ? 0 : fork->count;
    must(header_count <= EVIDENCE_HEADERS_MAX);
    const struct vote *first = compare_votes(a, b) < 0 ? a : b;
    const struct statement *p1 = &first->parts[VOTE_P1];
    *e = (struct evidence){.kind = EVIDENCE_E2,
                           .epoch = p1->epoch,
                           .offender = a->voter,
                           .view = p1->view,
                           .height = p1->height};
    cbor_put_array(out, 3);
    vote_encode(out, first);
    vote_encode(out, first == a ? b : a);
    cbor_put_array(out, header_count);
    for (uint32_t i = 0; i < header_count; i++)
        header_encode(out, &fork->headers[i]);
}

bool evidence_is_contradiction(const struct vote *vote,
                               const struct view_change *vc,
                               uint64_t *height)
{
    if (vote->voter != vc->sender) return false;
    const struct statement *p1 = &vote->parts[VOTE_P1];
    const struct statement *p2 = &vote->parts[VOTE_P2];
    if (is_promise_broken(p1, vc)) {
        *height = p1->height;
        return true;
    }
    if (!is_lock_denied(p2, vc)) return false;
    *height = p2->height;
    return true;
}

void evidence_of_false_view_change(struct evidence *e,
                                   struct buf *out,
                                   const struct vote *vote,
                                   const struct view_change *vc)
{
    *e = (struct evidence){
        .kind = EVIDENCE_E3, .epoch = vc->epoch, .offender = vc->sender, .view = vc->to_view};
    bool is_one = evidence_is_contradiction(vote, vc, &e->height);
    must(is_one);
    cbor_put_array(out, 2);
    vote_encode(out, vote);
    view_change_encode(out, vc);
}

/* The chain id plays no part in the order of two messages of one chain: what is signed is compared
 * without one. */
void evidence_of_view_changes(struct evidence *e,
                              struct buf *out,
                              const struct view_change *a,
                              const struct view_change *b)
{
    static const struct hash no_chain = {{0}};
    struct hash hash_a = view_change_hash(a, &no_chain);
    struct hash hash_b = view_change_hash(b, &no_chain);
    int order = compare_hashes(&hash_a, &hash_b);
    must(order != 0);
    *e = (struct evidence){
        .kind = EVIDENCE_E4, .epoch = a->epoch, .offender = a->sender, .view = a->to_view};
    cbor_put_array(out, 2);
    view_change_encode(out, order < 0 ? a : b);
    view_change_encode(out, order < 0 ? b : a);
}

void evidence_of_new_view(struct evidence *e, struct buf *out, const struct new_view *nv)
{
    must(nv->sender < NODES_MAX);
    *e = (struct evidence){
        .kind = EVIDENCE_E5, .epoch = nv->epoch, .offender = nv->sender, .view = nv->view};
    new_view_encode(out, nv);
}

void evidence_of_content(struct evidence *e,
                         struct buf *out,
                         const struct proposal *p,
                         const struct content_proof *proof)
{
    must(proof->item_count <= CONTENT_ITEMS_MAX);
    *e = (struct evidence){.kind = EVIDENCE_E6,
                           .epoch = p->header.epoch,
                           .offender = p->header.proposer,
                           .view = p->header.view,
                           .height = p->header.height};
    cbor_put_array(out, 3);
    cbor_put_uint(out, proof->fault);
    proposal_encode(out, p);
    cbor_put_array(out, proof->item_count);
    for (uint32_t i = 0; i < proof->item_count; i++)
        put_item(out, &proof->items[i]);
}

static void put_item(struct buf *out, const struct content_item *item)
{
    must(item->path.count <= MERKLE_PATH_MAX);
    cbor_put_array(out, 3);
    cbor_put_uint(out, item->index);
    cbor_put_bytes(out, item->tx);
    cbor_put_array(out, item->path.count);
    for (uint32_t i = 0; i < item->path.count; i++)
        wire_put_hash(out, &item->path.nodes[i]);
}

static int compare_hashes(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_SIZE);
}

static int compare_votes(const struct vote *a, const struct vote *b)
{
    const struct statement *p = &a->parts[VOTE_P1];
    const struct statement *q = &b->parts[VOTE_P1];
    must(!p->is_null && !q->is_null);
    if (p->height != q->height) return p->height < q->height ? -1 : 1;
    return compare_hashes(&p->hash, &q->hash);
}

static bool is_promise_broken(const struct statement *p1, const struct view_change *vc)
{
    if (p1->is_null || p1->epoch != vc->epoch) return false;
    if (p1->view >= vc->to_view || p1->height <= vc->final_height) return false;
    if (p1->view != vc->voted_view) return p1->view > vc->voted_view;
    const struct statement *final = &vc->final_cert.statement;
    bool is_later = vc->has_final_cert && final->epoch == p1->epoch && final->view > p1->view;
    if (is_later) return false;
    uint64_t at = p1->height - vc->final_height;
    if (at > vc->header_count) return true;
    struct hash hash = header_hash(&vc->headers[at - 1]);
    return !hash_equal(&hash, &p1->hash);
}

static bool is_lock_denied(const struct statement *p2, const struct view_change *vc)
{
    if (p2->is_null || p2->epoch != vc->epoch) return false;
    if (p2->view >= vc->to_view || p2->height <= vc->final_height) return false;
    if (!vc->has_hq) return true;
    const struct statement *hq = &vc->hq.statement;
    return p2->view > hq->view || (p2->view == hq->view && p2->height > hq->height);
}
