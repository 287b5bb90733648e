/* liar.c - See liar.h. */
#include "sim/liar.h"

#include "base/must.h"
#include "sim/claims.h"
#include "sim/epochs.h"
#include "sim/oracle.h"

#define PPM      1000000u
#define KEPT_MAX 32u

struct liar {
    uint32_t lies;
    uint32_t chance_ppm;
    struct parcel_copy {
        size_t size;
        uint8_t *bytes;
    } kept[KEPT_MAX]; /* For replays. */
    uint32_t kept_count;
    struct certificate stale; /* LIE_STALE: the newest that it had when it was asked first. */
    uint64_t stale_height;
};

const char *lie_name(enum lie lie)
{
    static const char *const names[] = {
#define LIE_NAME(name, text) text,
        LIE_LIST(LIE_NAME)
#undef LIE_NAME
    };
    must(lie < LIE_COUNT);
    return names[lie];
}

struct liar *liar_new(uint32_t lies, uint32_t chance_ppm)
{
    struct liar *l = mem_alloc_zero(mem_system(), 1, sizeof *l);
    must(l != NULL);
    l->lies = lies;
    l->chance_ppm = chance_ppm;
    return l;
}

void liar_free(struct liar *l)
{
    if (l == NULL) return;
    for (uint32_t i = 0; i < KEPT_MAX; i++)
        mem_free(mem_system(), l->kept[i].bytes);
    mem_free(mem_system(), l);
}

/* --- signing ---------------------------------------------------------------------------------- */

/* With the key that it has in that epoch; its first, if it has none there. */
static void sign(const struct host *h, uint64_t epoch, struct signature *sig, struct hash hash)
{
    const struct world *w = h->world;
    const struct known_epoch *e = epochs_at(w, epoch);
    uint32_t index = epochs_index_of(h, epoch);
    uint32_t key = e == NULL || index == NODES_MAX ? h->voter : e->keys[index];
    must(sign_hash(w->signer, sig, &w->node_keys[key], &hash) == ST_OK);
}

static uint64_t epoch_of(const struct vote *v)
{
    for (int i = 0; i < VOTE_PARTS; i++)
        if (!v->parts[i].is_null) return v->parts[i].epoch;
    return 0;
}

void liar_sign_proposal(const struct host *h, struct proposal *p)
{
    struct hash hash = header_hash(&p->header);
    sign(h, p->header.epoch, &p->sig, proposal_hash(&hash));
}

void liar_sign_vote(const struct host *h, struct vote *v)
{
    sign(h, epoch_of(v), &v->sig, vote_hash(v, &h->world->chain_id));
}

void liar_sign_view_change(const struct host *h, struct view_change *vc)
{
    sign(h, vc->epoch, &vc->sig, view_change_hash(vc, &h->world->chain_id));
}

/* In raft with its word for the anchor. */
void liar_sign_new_view(const struct host *h, struct new_view *nv)
{
    const struct known_epoch *e = epochs_at(h->world, nv->epoch);
    const struct statement anchor = {
        .epoch = nv->epoch, .view = nv->view, .height = nv->height, .hash = nv->hash};
    nv->has_word = e != NULL && e->config.mode == MODE_RAFT;
    memset(&nv->word, 0, sizeof nv->word);
    if (nv->has_word) liar_sign_anchor(h, &anchor, &nv->word);
    sign(h, nv->epoch, &nv->sig, new_view_hash(nv, &h->world->chain_id));
}

void liar_sign_anchor(const struct host *h, const struct statement *anchor, struct signature *out)
{
    sign(h, anchor->epoch, out, anchor_hash(anchor, &h->world->chain_id));
}

void liar_sign_status(const struct host *h, struct status_report *s)
{
    sign(h, s->epoch, &s->sig, status_report_hash(s, &h->world->chain_id));
}

/* --- lies ------------------------------------------------------------------------------------- */

static void lie_in_vote(struct host *h, enum lie lie, struct vote *v)
{
    struct rng *r = &h->world->rng;
    struct statement *p1 = &v->parts[VOTE_P1];
    struct statement *p2 = &v->parts[VOTE_P2];
    struct statement *p3 = &v->parts[VOTE_P3];
    if (lie == LIE_EQUIVOCATE && !p1->is_null) {
        const struct known_header *other =
            oracle_proposed(h->world->oracle, p1->view, p1->height, rng_coin(r) ? 1 : 0);
        if (other != NULL)
            p1->hash = other->hash;
        else
            p1->hash.bytes[0] ^= 1u;
    } else if (lie == LIE_DIGEST && !p3->is_null) {
        p3->hash.bytes[rng_below(r, HASH_SIZE)] ^= 1u;
    } else if (lie == LIE_LOCK && !p1->is_null) {
        *p2 = *p1;
    } else if (lie == LIE_MUTATE) {
        struct statement *s = &v->parts[rng_below(r, VOTE_PARTS)];
        if (s->is_null) return;
        if (rng_coin(r)) s->height += rng_below(r, 40);
        if (s != p3 && rng_coin(r)) s->view += rng_below(r, 3);
        if (rng_below(r, 4) == 0) s->epoch ^= 1u;
    }
    liar_sign_vote(h, v);
}

static enum block_mode other_mode(enum block_mode mode)
{
    return mode == MODE_FAST ? MODE_STRICT : MODE_FAST;
}

/* Against somebody, most often honest; it is well formed and proves nothing. */
static void put_false_evidence(const struct host *h, struct rng *r, struct buf *out)
{
    static const uint8_t items[] = {0x82, 0x80, 0x80};
    struct evidence e = {.epoch = h->epoch, .bytes = span_of(items, sizeof items)};
    e.kind = (enum evidence_kind)(1 + rng_below(r, EVIDENCE_KIND_MAX));
    e.offender = (uint32_t)rng_below(r, h->world->config.nodes);
    e.view = rng_below(r, 2);
    e.height = 1 + rng_below(r, 40);
    evidence_encode(out, &e);
    must(buf_status(out) == ST_OK);
}

/* Late votes of others, forged or of another height, and evidence that proves nothing. To all the
 * same, so that it is one block. */
static void lie_in_notes(const struct host *h, struct wire_proposal *p, struct buf *items)
{
    struct rng own = {p->proposal.header.time_ms};
    struct rng *r = &own;
    struct body_notes *n = &p->notes;
    const bool is_evidence = rng_coin(r);
    if (is_evidence) {
        put_false_evidence(h, r, items);
        n->evidence_count = 1;
        n->evidence[0] = buf_span(items);
    } else if (n->late_count > 0) {
        struct late_vote *late = &n->late[rng_below(r, n->late_count)];
        late->entry.sig.bytes[0] ^= 1u;
    } else {
        n->late_count = 1;
        n->late[0] = (struct late_vote){.part = VOTE_P1};
        n->late[0].statement.height = 1 + rng_below(r, p->proposal.header.height);
        n->late[0].entry.voter = (uint32_t)rng_below(r, h->world->config.nodes);
    }
    p->proposal.header.notes_hash = notes_hash(n);
}

/* Answers to who catches up. items: room for the blocks of a lie. */
static void lie_in_chain(struct host *h, struct wire_chain *chain, struct buf *items)
{
    struct rng *r = &h->world->rng;
    if (chain->has_cert && chain->cert.entry_count > 1 && rng_coin(r)) {
        chain->cert.entry_count--;
        return;
    }
    if (chain->blocks.bytes.size == 0) return;
    buf_put(items, chain->blocks.bytes);
    must(buf_status(items) == ST_OK);
    items->data[items->size - 1 - rng_below(r, items->size / 2)] ^= 1u;
    chain->blocks.bytes = buf_span(items);
}

/* The parent is called final, by the votes of everybody, whom nobody asked; or votes are shown as
 * if of another view or height. To all the same. */
static void lie_in_certificate(struct host *h, struct wire_proposal *p)
{
    struct header *header = &p->proposal.header;
    const struct known_epoch *e = epochs_at(h->world, header->epoch);
    const struct known_header *parent = oracle_header(h->world->oracle, &header->parent);
    if (e == NULL || parent == NULL || e->config.mode == MODE_RAFT) return;
    if (p->has_final_cert && parent->height % 2 == 0) { /* Signed, but not for this. */
        struct statement *s = &p->final_cert.statement;
        if (parent->height % 4 == 0 || s->height + 1 >= header->height)
            s->view++;
        else
            header->final_height = ++s->height;
        header->final_cert_hash = certificate_hash(&p->final_cert);
        return;
    }
    p->has_final_cert = true;
    p->final_cert = (struct certificate){.part = VOTE_P2, .entry_count = e->validators.count};
    p->final_cert.statement = (struct statement){.epoch = header->epoch,
                                                 .view = parent->view,
                                                 .height = parent->height,
                                                 .hash = header->parent};
    for (uint32_t i = 0; i < e->validators.count; i++)
        p->final_cert.entries[i].voter = i;
    header->final_height = parent->height;
    header->final_cert_hash = certificate_hash(&p->final_cert);
}

/* Of what a body has beside its transactions. */
static uint32_t size_beside_txs(const struct wire_proposal *p)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    const struct body beside = {.has_final_cert = p->has_final_cert,
                                .has_res_cert = p->has_res_cert,
                                .final_cert = p->final_cert,
                                .res_cert = p->res_cert,
                                .notes = p->notes};
    body_encode(&bytes, &beside);
    must(buf_status(&bytes) == ST_OK);
    uint32_t size = (uint32_t)bytes.size;
    buf_fini(&bytes);
    return size;
}

/* items: room for the evidence of a lie. */
static void lie_in_proposal(struct host *h,
                            enum lie lie,
                            struct wire_proposal *p,
                            struct buf *items)
{
    struct rng *r = &h->world->rng;
    struct header *header = &p->proposal.header;
    const uint32_t before = size_beside_txs(p);
    if (lie == LIE_NOTES) lie_in_notes(h, p, items);
    if (lie == LIE_CERTIFICATE) lie_in_certificate(h, p);
    header->body_size += size_beside_txs(p) - before;
    if (lie == LIE_MODE) header->mode = other_mode(header->mode);
    if (lie == LIE_EQUIVOCATE) header->time_ms += 1 + rng_below(r, 3);
    if (lie != LIE_MUTATE) return;
    switch (rng_below(r, 8)) {
    case 0: header->time_ms += 1000000; break;
    case 1: header->height += 1; break;
    case 2: header->parent.bytes[1] ^= 1u; break;
    case 3: header->tx_root.bytes[2] ^= 1u; break;
    case 4: header->history_root.bytes[0] ^= 1u; break;
    case 5: header->mode = other_mode(header->mode); break;
    case 6: header->view += 1; break;
    default: header->res_digest.bytes[0] ^= 1u; break;
    }
}

static void lie_in_view_change(struct host *h, enum lie lie, struct view_change *vc)
{
    struct rng *r = &h->world->rng;
    if (lie == LIE_DENY) vc->header_count = 0;
    if (lie == LIE_OLD_HQ) (void)claims_take_old_hq(h->world, vc, rng_u64(r));
    if (lie == LIE_VIEW_CHANGE || lie == LIE_MUTATE) {
        switch (rng_below(r, 6)) {
        case 0: vc->header_count = 0; break;
        case 1: vc->has_hq = false; break;
        case 4: /* Signed, but not for this view. */
            if (rng_coin(r)) vc->voted_view = vc->to_view - 1;
            vc->hq.statement.view = vc->voted_view;
            break;
        case 2:
            vc->header_count = 0;
            vc->has_hq = false;
            break;
        case 3:
            if (vc->voted_view > 0) vc->voted_view--;
            break;
        default:
            vc->final_height = 0;
            vc->final_hash = h->world->chain_id;
            vc->has_final_cert = false;
            vc->header_count = 0;
            break;
        }
    }
    if (rng_below(r, 8) != 0) claims_complete(h->world, vc);
    liar_sign_view_change(h, vc);
}

static void lie_in_new_view(struct host *h, struct new_view *nv)
{
    struct rng *r = &h->world->rng;
    uint64_t choice = rng_below(r, 4);
    if (choice == 0 || nv->vc_count == 0) {
        nv->height += 1;
    } else if (choice == 1) {
        const struct view_change *vc = &nv->vcs[rng_below(r, nv->vc_count)];
        nv->height = vc->final_height;
        nv->hash = vc->final_hash;
    } else if (choice == 2) {
        nv->vc_count--;
    } else {
        struct view_change *own = NULL;
        for (uint32_t i = 0; i < nv->vc_count; i++)
            if (nv->vcs[i].sender == nv->sender) own = &nv->vcs[i];
        if (own != NULL) lie_in_view_change(h, LIE_VIEW_CHANGE, own);
    }
    liar_sign_new_view(h, nv);
}

static bool is_own(const struct host *h, uint64_t epoch, uint32_t index)
{
    return index < NODES_MAX && epochs_index_of(h, epoch) == index;
}

static bool is_own_proposal(const struct host *h, const struct wire_message *m)
{
    const struct header *header = &m->proposal.proposal.header;
    return is_own(h, header->epoch, header->proposer);
}

/* False: this lie does not fit that message. */
static bool twist(struct host *h, enum lie lie, struct consensus_message *m)
{
    switch (m->kind) {
    case CONSENSUS_VOTE:
        lie_in_vote(h, lie, &m->vote);
        return is_own(h, epoch_of(&m->vote), m->vote.voter);
    case CONSENSUS_VIEW_CHANGE:
        if (!is_own(h, m->view_change.epoch, m->view_change.sender)) return false;
        lie_in_view_change(h, lie, &m->view_change);
        return true;
    case CONSENSUS_NEW_VIEW:
        if (!is_own(h, m->new_view.epoch, m->new_view.sender) ||
            (lie != LIE_NEW_VIEW && lie != LIE_MUTATE))
            return false;
        lie_in_new_view(h, &m->new_view);
        return true;
    case CONSENSUS_STATUS:
        if (lie != LIE_MUTATE) return false;
        m->status.final_height += rng_below(&h->world->rng, 1000);
        m->status.view += rng_below(&h->world->rng, 1000);
        liar_sign_status(h, &m->status);
        return true;
    case CONSENSUS_PROPOSAL: return false; /* Travels as WIRE_PROPOSAL. */
    }
    return false;
}

static void remember_stale(struct host *h)
{
    struct liar *l = h->liar;
    struct core_voice voice;
    if (l->stale.entry_count > 0) return;
    core_voice(h->core, &voice);
    l->stale = voice.certified;
    l->stale_height = voice.certified.statement.height;
}

static bool tells(const struct host *h, enum lie lie)
{
    struct rng *r = &h->world->rng;
    return (h->liar->lies >> lie & 1u) != 0 && rng_below(r, PPM) < h->liar->chance_ppm;
}

void liar_twist_height(struct host *h, struct certificate *certified, uint64_t *executed)
{
    if (!tells(h, LIE_STALE)) return;
    remember_stale(h);
    *certified = h->liar->stale;
    *executed = h->liar->stale_height;
}

void liar_twist_rows(struct host *h, struct hash *rows)
{
    if (tells(h, LIE_ROWS)) rows->bytes[0] ^= 1u;
}

static bool build_lie(struct host *h, enum lie lie, struct span bytes, struct buf *out)
{
    struct world *w = h->world;
    struct wire_message *wire = mem_alloc(mem_system(), sizeof *wire);
    must(wire != NULL);
    bool is_one = false;
    struct buf items;
    buf_init(&items, mem_system(), 0);
    if (wire_decode(wire, bytes) != ST_OK) goto out;
    if (wire->kind == WIRE_CONSENSUS) {
        is_one =
            consensus_message_decode(w->message, wire->bytes) == ST_OK && twist(h, lie, w->message);
        if (is_one) {
            wire_begin(out, WIRE_CONSENSUS);
            consensus_message_encode(out, w->message);
        }
    } else if (wire->kind == WIRE_PROPOSAL && is_own_proposal(h, wire)) {
        lie_in_proposal(h, lie, &wire->proposal, &items);
        liar_sign_proposal(h, &wire->proposal.proposal);
        wire_encode(out, wire);
        is_one = true;
    }
    if (wire->kind == WIRE_HEIGHT && lie == LIE_STALE) {
        remember_stale(h);
        wire->height.height = h->liar->stale_height;
        wire->height.has_cert = false;
        wire_encode(out, wire);
        is_one = true;
    }
    if (wire->kind == WIRE_CHAIN && lie == LIE_CHAIN) {
        lie_in_chain(h, &wire->chain, &items);
        wire_encode(out, wire);
        is_one = true;
    }
out:
    buf_fini(&items);
    mem_free(mem_system(), wire);
    return is_one && buf_status(out) == ST_OK;
}

static void remember(struct host *h, struct span bytes)
{
    struct liar *l = h->liar;
    uint32_t at = (uint32_t)rng_below(&h->world->rng, KEPT_MAX);
    mem_free(mem_system(), l->kept[at].bytes);
    l->kept[at].bytes = mem_alloc(mem_system(), bytes.size);
    must(l->kept[at].bytes != NULL);
    memcpy(l->kept[at].bytes, bytes.data, bytes.size);
    l->kept[at].size = bytes.size;
}

static enum lie choose(struct host *h)
{
    uint32_t at = (uint32_t)rng_below(&h->world->rng, LIE_COUNT);
    while ((h->liar->lies >> at & 1u) == 0)
        at = (at + 1) % LIE_COUNT;
    return (enum lie)at;
}

static void send_replay(struct host *h, uint32_t peer, enum core_channel channel)
{
    const struct parcel_copy *k = &h->liar->kept[rng_below(&h->world->rng, KEPT_MAX)];
    if (k->size > 0) (void)network_send(h->world, h->id, peer, channel, span_of(k->bytes, k->size));
}

static void accuse(struct host *h, uint32_t peer)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    wire_begin(&out, WIRE_EVIDENCE);
    put_false_evidence(h, &h->world->rng, &out);
    (void)network_send(h->world, h->id, peer, CORE_BULK, buf_span(&out));
    buf_fini(&out);
}

static void flip_one(struct rng *r, uint8_t *bytes, size_t size)
{
    size_t at = (size_t)rng_below(r, size);
    bytes[at] ^= (uint8_t)(1u << rng_below(r, 8));
}

static void send_garbage(struct host *h,
                         uint32_t peer,
                         enum core_channel channel,
                         struct span bytes)
{
    struct rng *r = &h->world->rng;
    uint8_t *copy = mem_alloc(mem_system(), bytes.size);
    must(copy != NULL);
    memcpy(copy, bytes.data, bytes.size);
    for (uint64_t flips = 1 + rng_below(r, 4); flips > 0; flips--)
        flip_one(r, copy, bytes.size);
    (void)network_send(h->world, h->id, peer, channel, span_of(copy, bytes.size));
    mem_free(mem_system(), copy);
}

enum status liar_send(struct host *h, uint32_t peer, enum core_channel channel, struct span bytes)
{
    struct world *w = h->world;
    must(h->liar != NULL);
    if (rng_below(&w->rng, 8) == 0) remember(h, bytes);
    bool is_true = h->liar->lies == 0 || rng_below(&w->rng, PPM) >= h->liar->chance_ppm;
    if (is_true) return network_send(w, h->id, peer, channel, bytes);
    enum lie lie = choose(h);
    if (lie == LIE_SILENT) return ST_OK;
    if (lie == LIE_GARBAGE) {
        send_garbage(h, peer, channel, bytes);
        return ST_OK;
    }
    if (lie == LIE_EVIDENCE) {
        accuse(h, peer);
        return network_send(w, h->id, peer, channel, bytes);
    }
    if (lie == LIE_REPLAY) {
        send_replay(h, peer, channel);
        return network_send(w, h->id, peer, channel, bytes);
    }
    struct buf out;
    buf_init(&out, mem_system(), 0);
    bool is_lie = build_lie(h, lie, bytes, &out);
    enum status st = network_send(w, h->id, peer, channel, is_lie ? buf_span(&out) : bytes);
    buf_fini(&out);
    return st;
}
