#include "support/engine_forge.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

static struct consensus_message *new_message(enum consensus_message_kind kind)
{
    struct consensus_message *m = calloc(1, sizeof *m);
    must(m != NULL);
    m->kind = kind;
    return m;
}

static enum status tell(struct engine_rig *r,
                        uint32_t from,
                        uint32_t to,
                        struct consensus_message *m)
{
    enum status st = engine_rig_tell(r, from, to, m);
    free(m);
    return st;
}

struct header forge_first(struct engine_rig *r, uint64_t view, uint8_t variant)
{
    const struct consensus_config *config = engine_rig_config(r, 0);
    static const struct merkle_tree empty;
    struct header h = {.chain_id = config->chain_id,
                       .height = 1,
                       .view = view,
                       .parent = config->chain_id,
                       .exec_version = config->exec_version,
                       .history_root = merkle_tree_root(&empty),
                       .time_ms = RIG_TIME_MS + engine_rig_now(r),
                       .body_size = 10,
                       .proposer = (uint32_t)(view % config->validators.count),
                       .mode = config->validators.mode};
    h.tx_root.bytes[0] = variant;
    return h;
}

struct header forge_child(struct engine_rig *r,
                          const struct header *parent,
                          uint64_t view,
                          uint8_t variant)
{
    struct header h = forge_first(r, view, variant);
    h.height = parent->height + 1;
    h.parent = header_hash(parent);
    h.time_ms = parent->time_ms + 1;
    h.final_height = parent->final_height;
    h.final_cert_hash = parent->final_cert_hash;
    h.res_height = parent->res_height;
    h.res_digest = parent->res_digest;
    h.res_cert_hash = parent->res_cert_hash;
    struct merkle_tree tree = {0};
    struct hash leaf = merkle_leaf(hash_span(&h.parent));
    merkle_tree_add(&tree, &leaf);
    h.history_root = merkle_tree_root(&tree);
    return h;
}

struct proposal forge_proposal(struct engine_rig *r, const struct header *h)
{
    struct proposal p = {.header = *h};
    struct hash hash = header_hash(h);
    struct hash signed_hash = proposal_hash(&hash);
    uint32_t count = engine_rig_config(r, 0)->validators.count;
    engine_rig_sign(r, h->proposer % count, &signed_hash, &p.sig);
    return p;
}

struct statement forge_statement(uint64_t view, const struct header *h)
{
    return (struct statement){.view = view, .height = h->height, .hash = header_hash(h)};
}

struct vote forge_vote(struct engine_rig *r,
                       uint32_t voter,
                       enum vote_part part,
                       const struct statement *s)
{
    struct vote v = {.parts = {{.is_null = true}, {.is_null = true}, {.is_null = true}},
                     .voter = voter};
    v.parts[part] = *s;
    forge_sign_vote(r, &v);
    return v;
}

struct certificate forge_certificate(struct engine_rig *r,
                                     enum vote_part part,
                                     const struct statement *s,
                                     uint32_t first,
                                     uint32_t count)
{
    struct certificate cert = {.part = part, .statement = *s};
    for (uint32_t i = first; i < first + count; i++) {
        struct vote v = forge_vote(r, i, part, s);
        cert.entries[cert.entry_count++] = certificate_cut(&v, part);
    }
    return cert;
}

struct view_change forge_view_change(struct engine_rig *r, uint32_t sender, uint64_t to_view)
{
    struct view_change vc = {
        .to_view = to_view, .sender = sender, .final_hash = engine_rig_config(r, 0)->chain_id};
    forge_sign_view_change(r, &vc);
    return vc;
}

void forge_new_view(struct engine_rig *r, struct new_view *out, uint64_t view)
{
    const struct consensus_config *config = engine_rig_config(r, 0);
    out->epoch = 0;
    out->view = view;
    out->sender = (uint32_t)(view % config->validators.count);
    out->vc_count = quorum_view_change(&config->validators);
    for (uint32_t i = 0; i < out->vc_count; i++)
        out->vcs[i] = forge_view_change(r, i, view);
    out->height = 0;
    out->hash = config->chain_id;
    out->has_word = false;
    forge_sign_new_view(r, out);
}

void forge_sign_vote(struct engine_rig *r, struct vote *v)
{
    struct hash hash = vote_hash(v, &engine_rig_config(r, 0)->chain_id);
    engine_rig_sign(r, v->voter, &hash, &v->sig);
}

void forge_sign_view_change(struct engine_rig *r, struct view_change *vc)
{
    struct hash hash = view_change_hash(vc, &engine_rig_config(r, 0)->chain_id);
    engine_rig_sign(r, vc->sender, &hash, &vc->sig);
}

void forge_sign_new_view(struct engine_rig *r, struct new_view *nv)
{
    struct hash hash = new_view_hash(nv, &engine_rig_config(r, 0)->chain_id);
    engine_rig_sign(r, nv->sender, &hash, &nv->sig);
}

enum status forge_tell_proposal(struct engine_rig *r, uint32_t to, const struct proposal *p)
{
    struct consensus_message *m = new_message(CONSENSUS_PROPOSAL);
    m->proposal = *p;
    return tell(r, p->header.proposer % 4u, to, m);
}

enum status forge_tell_vote(struct engine_rig *r, uint32_t to, const struct vote *v)
{
    struct consensus_message *m = new_message(CONSENSUS_VOTE);
    m->vote = *v;
    return tell(r, 0, to, m);
}

enum status forge_tell_view_change(struct engine_rig *r, uint32_t to, const struct view_change *vc)
{
    struct consensus_message *m = new_message(CONSENSUS_VIEW_CHANGE);
    m->view_change = *vc;
    return tell(r, 0, to, m);
}

enum status forge_tell_new_view(struct engine_rig *r, uint32_t to, const struct new_view *nv)
{
    struct consensus_message *m = new_message(CONSENSUS_NEW_VIEW);
    memcpy(&m->new_view, nv, sizeof *nv);
    return tell(r, 0, to, m);
}

uint64_t forge_refused(struct engine_rig *r, uint32_t node, enum consensus_reject reason)
{
    struct consensus_stand stand;
    engine_rig_stand(r, node, &stand);
    return stand.rejects[reason];
}
