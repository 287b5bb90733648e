/* message.c - Encodings and signed hashes of what validators say to each other.
 *
 *   message     = [1, proposal] / [2, vote] / [3, view change] / [4, new view] / [5, status]
 *   proposal    = [header, signature]
 *   vote        : ledger/vote.c
 *   view change = [epoch, to view, sender, final height, final hash, final certificate or null,
 *                  voted view, [header…], highest quorum certificate or null, [header…],
 *                  tip's signature or null, signature]
 *   new view    = [epoch, view, sender, [view change…], height, hash, word or null, signature]
 *   status      = [epoch, sender, view, is open, tip height, final height, executed height,
 *                  executed digest, result height, suspects, is fresh, is answer, nonce, signature]
 *
 *   proposal    H("proposal" ‖ header hash)
 *   others      H(tag ‖ chain id ‖ the fields before the signature, as they are encoded)
 *               tags "view-change", "new-view", "status"
 *   word        H("anchor" ‖ chain id ‖ u64 epoch ‖ u64 view ‖ u64 height ‖ hash)
 *
 * The signed bytes of a new view are near a megabyte at most, so they are hashed item by item. */
#include "consensus/message.h"

#include "base/must.h"
#include "consensus/wire_int.h"

#define VIEW_CHANGE_FIELDS 12u
#define NEW_VIEW_FIELDS    8u
#define STATUS_FIELDS      14u
#define SMALL_SIZE_MAX     256u /* The fields of a new view or a status but the view changes. */
#define SUSPECTS_ALL       ((1u << NODES_MAX) - 1u)

static void put_view_change_fields(struct buf *out, const struct view_change *vc);
static void put_headers(struct buf *out, const struct header *headers, uint32_t count);
static uint32_t get_headers(struct header *headers, struct cbor *in);
static void put_new_view_start(struct buf *out, const struct new_view *nv);
static void put_new_view_end(struct buf *out, const struct new_view *nv);
static void put_status_fields(struct buf *out, const struct status_report *s);
static void decode_status(struct status_report *s, struct cbor *in);

void consensus_message_encode(struct buf *out, const struct consensus_message *m)
{
    must(m->kind >= CONSENSUS_PROPOSAL && m->kind <= CONSENSUS_STATUS);
    cbor_put_array(out, 2);
    cbor_put_uint(out, m->kind);
    switch (m->kind) {
    case CONSENSUS_PROPOSAL: proposal_encode(out, &m->proposal); return;
    case CONSENSUS_VOTE: vote_encode(out, &m->vote); return;
    case CONSENSUS_VIEW_CHANGE: view_change_encode(out, &m->view_change); return;
    case CONSENSUS_NEW_VIEW: new_view_encode(out, &m->new_view); return;
    case CONSENSUS_STATUS:
        put_status_fields(out, &m->status);
        wire_put_signature(out, &m->status.sig);
        return;
    }
}

enum status consensus_message_decode(struct consensus_message *m, struct span bytes)
{
    if (bytes.size > CONSENSUS_MESSAGE_SIZE_MAX) return ST_LIMIT;
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, 2);
    switch (cbor_get_uint(&in)) {
    case CONSENSUS_PROPOSAL:
        m->kind = CONSENSUS_PROPOSAL;
        proposal_decode(&m->proposal, &in);
        break;
    case CONSENSUS_VOTE:
        m->kind = CONSENSUS_VOTE;
        vote_decode(&m->vote, &in);
        break;
    case CONSENSUS_VIEW_CHANGE:
        m->kind = CONSENSUS_VIEW_CHANGE;
        view_change_decode(&m->view_change, &in);
        break;
    case CONSENSUS_NEW_VIEW:
        m->kind = CONSENSUS_NEW_VIEW;
        new_view_decode(&m->new_view, &in);
        break;
    case CONSENSUS_STATUS:
        m->kind = CONSENSUS_STATUS;
        decode_status(&m->status, &in);
        break;
    default: cbor_fail(&in);
    }
    return cbor_end(&in);
}

void view_change_encode(struct buf *out, const struct view_change *vc)
{
    put_view_change_fields(out, vc);
    wire_put_signature(out, &vc->sig);
}

void view_change_decode(struct view_change *vc, struct cbor *in)
{
    memset(vc, 0, sizeof *vc);
    cbor_expect_array(in, VIEW_CHANGE_FIELDS);
    vc->epoch = cbor_get_uint(in);
    vc->to_view = cbor_get_uint(in);
    vc->sender = wire_get_u32_max(in, NODES_MAX - 1);
    vc->final_height = cbor_get_uint(in);
    vc->final_hash = wire_get_hash(in);
    vc->has_final_cert = wire_get_certificate(in, &vc->final_cert);
    vc->voted_view = cbor_get_uint(in);
    vc->header_count = get_headers(vc->headers, in);
    vc->has_hq = wire_get_certificate(in, &vc->hq);
    vc->branch_count = get_headers(vc->branch, in);
    vc->has_tip_sig = wire_get_word(in, &vc->tip_sig);
    wire_get_signature(&vc->sig, in);
}

void proposal_encode(struct buf *out, const struct proposal *p)
{
    cbor_put_array(out, 2);
    header_encode(out, &p->header);
    wire_put_signature(out, &p->sig);
}

void proposal_decode(struct proposal *p, struct cbor *in)
{
    *p = (struct proposal){0};
    cbor_expect_array(in, 2);
    header_decode(&p->header, in);
    wire_get_signature(&p->sig, in);
}

void new_view_encode(struct buf *out, const struct new_view *nv)
{
    put_new_view_start(out, nv);
    for (uint32_t i = 0; i < nv->vc_count; i++)
        view_change_encode(out, &nv->vcs[i]);
    put_new_view_end(out, nv);
    wire_put_signature(out, &nv->sig);
}

/* View changes that are not there are left as they are: to clear them would cost more than a small
 * message is worth. */
void new_view_decode(struct new_view *nv, struct cbor *in)
{
    cbor_expect_array(in, NEW_VIEW_FIELDS);
    nv->epoch = cbor_get_uint(in);
    nv->view = cbor_get_uint(in);
    nv->sender = wire_get_u32_max(in, NODES_MAX - 1);
    nv->vc_count = wire_get_count(in, NODES_MAX);
    for (uint32_t i = 0; i < nv->vc_count && in->status == ST_OK; i++)
        view_change_decode(&nv->vcs[i], in);
    nv->height = cbor_get_uint(in);
    nv->hash = wire_get_hash(in);
    nv->has_word = wire_get_word(in, &nv->word);
    wire_get_signature(&nv->sig, in);
}

struct hash proposal_hash(const struct hash *hash)
{
    return hash_of("proposal", hash_span(hash));
}

struct hash view_change_hash(const struct view_change *vc, const struct hash *chain_id)
{
    uint8_t bytes[VIEW_CHANGE_SIZE_MAX];
    struct buf fields;
    buf_init_fixed(&fields, bytes, sizeof bytes);
    put_view_change_fields(&fields, vc);
    must(buf_status(&fields) == ST_OK);
    struct hasher h;
    hash_init(&h, "view-change");
    hash_add_hash(&h, chain_id);
    hash_add(&h, buf_span(&fields));
    return hash_final(&h);
}

struct hash anchor_hash(const struct statement *s, const struct hash *chain_id)
{
    struct hasher h;
    hash_init(&h, "anchor");
    hash_add_hash(&h, chain_id);
    hash_add_u64(&h, s->epoch);
    hash_add_u64(&h, s->view);
    hash_add_u64(&h, s->height);
    hash_add_hash(&h, &s->hash);
    return hash_final(&h);
}

struct hash new_view_hash(const struct new_view *nv, const struct hash *chain_id)
{
    must(nv->vc_count <= NODES_MAX);
    uint8_t bytes[VIEW_CHANGE_SIZE_MAX];
    struct buf part;
    struct hasher h;
    hash_init(&h, "new-view");
    hash_add_hash(&h, chain_id);
    buf_init_fixed(&part, bytes, sizeof bytes);
    put_new_view_start(&part, nv);
    for (uint32_t i = 0; i < nv->vc_count; i++) {
        hash_add(&h, buf_span(&part));
        buf_init_fixed(&part, bytes, sizeof bytes);
        view_change_encode(&part, &nv->vcs[i]);
        must(buf_status(&part) == ST_OK);
    }
    hash_add(&h, buf_span(&part));
    buf_init_fixed(&part, bytes, sizeof bytes);
    put_new_view_end(&part, nv);
    must(buf_status(&part) == ST_OK);
    hash_add(&h, buf_span(&part));
    return hash_final(&h);
}

struct hash status_report_hash(const struct status_report *s, const struct hash *chain_id)
{
    uint8_t bytes[SMALL_SIZE_MAX];
    struct buf fields;
    buf_init_fixed(&fields, bytes, sizeof bytes);
    put_status_fields(&fields, s);
    must(buf_status(&fields) == ST_OK);
    struct hasher h;
    hash_init(&h, "status");
    hash_add_hash(&h, chain_id);
    hash_add(&h, buf_span(&fields));
    return hash_final(&h);
}

void wire_put_certificate(struct buf *out, bool has, const struct certificate *c)
{
    if (has) {
        certificate_encode(out, c);
    } else {
        cbor_put_null(out);
    }
}

bool wire_get_certificate(struct cbor *in, struct certificate *c)
{
    memset(c, 0, sizeof *c);
    if (cbor_get_null(in)) return false;
    certificate_decode(c, in);
    return true;
}

void wire_put_word(struct buf *out, bool has, const struct signature *sig)
{
    if (has) {
        wire_put_signature(out, sig);
    } else {
        cbor_put_null(out);
    }
}

bool wire_get_word(struct cbor *in, struct signature *sig)
{
    memset(sig, 0, sizeof *sig);
    if (cbor_get_null(in)) return false;
    wire_get_signature(sig, in);
    return true;
}

uint32_t wire_get_count(struct cbor *in, uint32_t max)
{
    uint64_t count = cbor_get_array(in);
    if (count <= max) return (uint32_t)count;
    cbor_fail_with(in, ST_LIMIT);
    return 0;
}

static void put_view_change_fields(struct buf *out, const struct view_change *vc)
{
    must(vc->sender < NODES_MAX);
    cbor_put_array(out, VIEW_CHANGE_FIELDS);
    cbor_put_uint(out, vc->epoch);
    cbor_put_uint(out, vc->to_view);
    cbor_put_uint(out, vc->sender);
    cbor_put_uint(out, vc->final_height);
    wire_put_hash(out, &vc->final_hash);
    wire_put_certificate(out, vc->has_final_cert, &vc->final_cert);
    cbor_put_uint(out, vc->voted_view);
    put_headers(out, vc->headers, vc->header_count);
    wire_put_certificate(out, vc->has_hq, &vc->hq);
    put_headers(out, vc->branch, vc->branch_count);
    wire_put_word(out, vc->has_tip_sig, &vc->tip_sig);
}

static void put_headers(struct buf *out, const struct header *headers, uint32_t count)
{
    must(count <= CONSENSUS_WINDOW);
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        header_encode(out, &headers[i]);
}

static uint32_t get_headers(struct header *headers, struct cbor *in)
{
    uint32_t count = wire_get_count(in, CONSENSUS_WINDOW);
    for (uint32_t i = 0; i < count && in->status == ST_OK; i++)
        header_decode(&headers[i], in);
    return count;
}

static void put_new_view_start(struct buf *out, const struct new_view *nv)
{
    must(nv->sender < NODES_MAX);
    must(nv->vc_count <= NODES_MAX);
    cbor_put_array(out, NEW_VIEW_FIELDS);
    cbor_put_uint(out, nv->epoch);
    cbor_put_uint(out, nv->view);
    cbor_put_uint(out, nv->sender);
    cbor_put_array(out, nv->vc_count);
}

static void put_new_view_end(struct buf *out, const struct new_view *nv)
{
    cbor_put_uint(out, nv->height);
    wire_put_hash(out, &nv->hash);
    wire_put_word(out, nv->has_word, &nv->word);
}

static void put_status_fields(struct buf *out, const struct status_report *s)
{
    must(s->sender < NODES_MAX);
    must(s->suspects <= SUSPECTS_ALL);
    cbor_put_array(out, STATUS_FIELDS);
    cbor_put_uint(out, s->epoch);
    cbor_put_uint(out, s->sender);
    cbor_put_uint(out, s->view);
    cbor_put_bool(out, s->is_open);
    cbor_put_uint(out, s->tip_height);
    cbor_put_uint(out, s->final_height);
    cbor_put_uint(out, s->executed_height);
    wire_put_hash(out, &s->executed_digest);
    cbor_put_uint(out, s->result_height);
    cbor_put_uint(out, s->suspects);
    cbor_put_bool(out, s->is_fresh);
    cbor_put_bool(out, s->is_answer);
    cbor_put_uint(out, s->nonce);
}

static void decode_status(struct status_report *s, struct cbor *in)
{
    *s = (struct status_report){0};
    cbor_expect_array(in, STATUS_FIELDS);
    s->epoch = cbor_get_uint(in);
    s->sender = wire_get_u32_max(in, NODES_MAX - 1);
    s->view = cbor_get_uint(in);
    s->is_open = cbor_get_bool(in);
    s->tip_height = cbor_get_uint(in);
    s->final_height = cbor_get_uint(in);
    s->executed_height = cbor_get_uint(in);
    s->executed_digest = wire_get_hash(in);
    s->result_height = cbor_get_uint(in);
    s->suspects = wire_get_u32_max(in, SUSPECTS_ALL);
    s->is_fresh = cbor_get_bool(in);
    s->is_answer = cbor_get_bool(in);
    s->nonce = cbor_get_uint(in);
    wire_get_signature(&s->sig, in);
}
