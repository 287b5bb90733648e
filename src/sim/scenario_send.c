/* scenario_send.c - What a Byzantine node says: messages from templates, signed with its own key.
 */
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"
#include "consensus/select.h"
#include "sim/host.h"
#include "sim/scenario_int.h"

#define FRAME_MAX (64u << 20)

struct sending {
    uint32_t from;
    uint64_t to;
    uint64_t count; /* Of a flood. */
};

static void post(struct scenario *s, const struct sending *g, struct span bytes)
{
    for (uint32_t i = 0; i < s->world->host_count; i++)
        if ((g->to >> i & 1u) && i != g->from)
            network_inject(s->world, g->from, i, bytes, 200 + 10 * (uint64_t)i);
}

static void post_message(struct scenario *s,
                         const struct sending *g,
                         const struct consensus_message *m)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    wire_begin(&bytes, WIRE_CONSENSUS);
    consensus_message_encode(&bytes, m);
    must(buf_status(&bytes) == ST_OK);
    post(s, g, buf_span(&bytes));
    buf_fini(&bytes);
}

static void post_wire(struct scenario *s, const struct sending *g, const struct wire_message *m)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    wire_encode(&bytes, m);
    must(buf_status(&bytes) == ST_OK);
    post(s, g, buf_span(&bytes));
    buf_fini(&bytes);
}

/* --- templates -------------------------------------------------------------------------------- */

static bool send_propose(struct scenario *s, const struct sending *g)
{
    char name[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "a block that `block` made", name)) return false;
    const struct named_block *b = scenario_find_block(s, name);
    if (b == NULL) return scenario_fail(s, "there is no block \"%s\"", name);
    bool is_bad = scenario_accept(s, "bad-signature");
    if (s->is_dry) return true;
    if (!b->is_made) return scenario_fail(s, "only blocks that `block` made can be proposed");
    struct wire_message *m = mem_alloc_zero(mem_system(), 1, sizeof *m);
    must(m != NULL);
    m->kind = WIRE_PROPOSAL;
    m->proposal.proposal = b->proposal;
    liar_sign_proposal(&s->world->hosts[g->from], &m->proposal.proposal); /* Its own key. */
    if (is_bad) m->proposal.proposal.sig.bytes[5] ^= 1u;
    m->proposal.has_final_cert = b->has_final_cert;
    m->proposal.has_res_cert = b->has_res_cert;
    m->proposal.final_cert = b->final_cert;
    m->proposal.res_cert = b->res_cert;
    m->proposal.leaves =
        span_of(b->leaves, (size_t)b->proposal.header.tx_count * sizeof(struct hash));
    if (b->proposal.header.tx_count <= 64) post_wire(s, g, m);
    mem_free(mem_system(), m);
    return true;
}

static bool read_part(struct scenario *s, struct statement *st)
{
    struct block_ref block;
    if (!scenario_block(s, "a block", &block)) return false;
    st->is_null = false;
    st->height = block.height;
    st->hash = block.hash;
    st->view = block.known == NULL ? 0 : block.known->view;
    return !scenario_accept(s, "view") || scenario_number(s, "a view", &st->view);
}

static bool read_result_part(struct scenario *s, struct statement *st)
{
    st->is_null = false;
    if (!scenario_number(s, "a height", &st->height)) return false;
    bool is_false = scenario_accept(s, "false");
    if (s->is_dry) return true;
    if (!oracle_digest(s->world->oracle, st->height, &st->hash) && !is_false)
        return scenario_fail(s, "nobody has executed height %llu", (unsigned long long)st->height);
    if (is_false) st->hash.bytes[0] ^= 0x5a;
    return true;
}

static bool send_vote(struct scenario *s, const struct sending *g)
{
    struct vote v = {.voter = 0};
    uint64_t epoch = 0;
    bool is_bad = false;
    for (int i = 0; i < VOTE_PARTS; i++)
        v.parts[i].is_null = true;
    while (scenario_has_word(s)) {
        bool is_right = true;
        if (scenario_accept(s, "p1")) {
            is_right = read_part(s, &v.parts[VOTE_P1]);
        } else if (scenario_accept(s, "p2")) {
            is_right = read_part(s, &v.parts[VOTE_P2]);
        } else if (scenario_accept(s, "p3")) {
            is_right = read_result_part(s, &v.parts[VOTE_P3]);
        } else if (scenario_accept(s, "epoch")) {
            is_right = scenario_number(s, "an epoch", &epoch);
        } else if (scenario_accept(s, "bad-signature")) {
            is_bad = true;
        } else {
            return scenario_fail(s, "\"%s\": p1, p2, p3, epoch or bad-signature is expected",
                                 scenario_peek(s));
        }
        if (!is_right) return false;
    }
    if (s->is_dry) return true;
    for (int i = 0; i < VOTE_PARTS; i++)
        if (!v.parts[i].is_null) v.parts[i].epoch = epoch;
    v.voter = scenario_index(s, g->from, epoch);
    liar_sign_vote(&s->world->hosts[g->from], &v);
    if (is_bad) v.sig.bytes[5] ^= 1u;
    struct consensus_message *m = s->world->message;
    m->kind = CONSENSUS_VOTE;
    m->vote = v;
    post_message(s, g, m);
    return true;
}

static const struct named_view_change *find_view_change(struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->vc_count; i++)
        if (strcmp(s->vcs[i].name, name) == 0) return &s->vcs[i];
    return NULL;
}

static bool send_view_change(struct scenario *s, const struct sending *g)
{
    struct view_change *vc = mem_alloc_zero(mem_system(), 1, sizeof *vc);
    must(vc != NULL);
    const struct named_view_change *named = find_view_change(s, scenario_peek(s));
    bool is_right = true;
    if (named != NULL) {
        *vc = named->vc;
        s->at++;
    } else {
        is_right = scenario_read_view_change(s, g->from, vc);
    }
    if (is_right && scenario_accept(s, "bad-signature")) vc->sig.bytes[5] ^= 1u;
    if (is_right && !s->is_dry) {
        struct consensus_message *m = mem_alloc_zero(mem_system(), 1, sizeof *m);
        must(m != NULL);
        m->kind = CONSENSUS_VIEW_CHANGE;
        m->view_change = *vc;
        post_message(s, g, m);
        mem_free(mem_system(), m);
    }
    mem_free(mem_system(), vc);
    return is_right;
}

/* One of the list: a node number (its VC for view as it was sent) or a name. */
static bool add_view_change(struct scenario *s, struct new_view *nv, const char *word)
{
    if (nv->vc_count == NODES_MAX) return scenario_fail(s, "too many view changes");
    const struct named_view_change *named = find_view_change(s, word);
    if (named != NULL) {
        nv->vcs[nv->vc_count++] = named->vc;
        return true;
    }
    char *end = NULL;
    unsigned long voter = strtoul(word, &end, 10);
    if (end == word || *end != 0 || voter >= s->set_up.world.nodes)
        return scenario_fail(s, "\"%s\": a node or the name of a view change is expected", word);
    if (s->is_dry) return true;
    const struct view_change *vc =
        oracle_view_change(s->world->oracle, (uint32_t)voter, nv->epoch, nv->view);
    if (vc == NULL)
        return scenario_fail(s, "node %lu has sent no view change for view %llu", voter,
                             (unsigned long long)nv->view);
    nv->vcs[nv->vc_count++] = *vc;
    return true;
}

static bool read_view_changes(struct scenario *s, struct new_view *nv)
{
    char list[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "view changes, as 0,2,mine", list)) return false;
    for (char *at = list; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma++ = 0;
        if (!add_view_change(s, nv, at)) return false;
        at = comma;
    }
    return true;
}

static void choose_anchor(struct scenario *s, struct new_view *nv)
{
    struct select_claim *claims = mem_alloc_zero(mem_system(), NODES_MAX, sizeof *claims);
    struct select_result result;
    must(claims != NULL);
    const struct known_epoch *e = epochs_at(s->world, nv->epoch);
    if (e == NULL) e = epochs_newest(s->world);
    uint32_t wanted = quorum_view_change(&e->validators);
    if (e->config.mode == MODE_RAFT && nv->vc_count > wanted) wanted = nv->vc_count;
    for (uint32_t i = 0; i < nv->vc_count; i++)
        select_claim_of(&claims[i], &nv->vcs[i]);
    if (nv->vc_count >= wanted) {
        select_anchor(&result, &e->validators, claims, wanted);
        nv->height = result.height;
        nv->hash = result.hash;
    }
    mem_free(mem_system(), claims);
}

static bool read_new_view(struct scenario *s, struct new_view *nv, bool *is_bad)
{
    struct block_ref anchor;
    bool has_anchor = false;
    if (!scenario_number(s, "a view", &nv->view)) return false;
    while (scenario_has_word(s)) {
        bool is_right = true;
        if (scenario_accept(s, "vcs")) {
            is_right = read_view_changes(s, nv);
        } else if (scenario_accept(s, "x")) {
            has_anchor = true;
            is_right = scenario_block(s, "a block", &anchor);
        } else if (scenario_accept(s, "epoch")) {
            is_right = scenario_number(s, "an epoch", &nv->epoch);
        } else if (scenario_accept(s, "bad-signature")) {
            *is_bad = true;
        } else {
            return scenario_fail(s, "\"%s\": vcs, x, epoch or bad-signature is expected",
                                 scenario_peek(s));
        }
        if (!is_right) return false;
    }
    if (s->is_dry) return true;
    choose_anchor(s, nv);
    if (has_anchor) {
        nv->height = anchor.height;
        nv->hash = anchor.hash;
    }
    return true;
}

static bool send_new_view(struct scenario *s, const struct sending *g)
{
    struct consensus_message *m = mem_alloc_zero(mem_system(), 1, sizeof *m);
    must(m != NULL);
    bool is_bad = false;
    m->kind = CONSENSUS_NEW_VIEW;
    bool is_right = read_new_view(s, &m->new_view, &is_bad);
    if (is_right && !s->is_dry) {
        m->new_view.sender = scenario_index(s, g->from, m->new_view.epoch);
        liar_sign_new_view(&s->world->hosts[g->from], &m->new_view);
        if (is_bad) m->new_view.sig.bytes[5] ^= 1u;
        post_message(s, g, m);
    }
    mem_free(mem_system(), m);
    return is_right;
}

static bool send_status(struct scenario *s, const struct sending *g)
{
    struct status_report r = {.sender = 0};
    while (scenario_has_word(s)) {
        bool is_right = true;
        if (scenario_accept(s, "view"))
            is_right = scenario_number(s, "a view", &r.view);
        else if (scenario_accept(s, "tip"))
            is_right = scenario_number(s, "a height", &r.tip_height);
        else if (scenario_accept(s, "final"))
            is_right = scenario_number(s, "a height", &r.final_height);
        else if (scenario_accept(s, "executed"))
            is_right = scenario_number(s, "a height", &r.executed_height);
        else if (scenario_accept(s, "epoch"))
            is_right = scenario_number(s, "an epoch", &r.epoch);
        else
            return scenario_fail(s, "\"%s\": view, tip, final, executed or epoch is expected",
                                 scenario_peek(s));
        if (!is_right) return false;
    }
    if (s->is_dry) return true;
    r.sender = scenario_index(s, g->from, r.epoch);
    liar_sign_status(&s->world->hosts[g->from], &r);
    s->world->message->kind = CONSENSUS_STATUS;
    s->world->message->status = r;
    post_message(s, g, s->world->message);
    return true;
}

static bool send_txs(struct scenario *s, const struct sending *g)
{
    struct wire_message m = {.kind = WIRE_TXS};
    struct buf items;
    struct client_tx *t = NULL;
    buf_init(&items, mem_system(), 0);
    do {
        if (!scenario_tx(s, "a transaction", &t)) {
            buf_fini(&items);
            return false;
        }
        if (t != NULL) wire_put(&items, t->bytes);
        m.txs.count++;
    } while (scenario_has_word(s));
    m.txs.bytes = buf_span(&items);
    if (!s->is_dry) post_wire(s, g, &m);
    buf_fini(&items);
    return true;
}

static bool send_bytes(struct scenario *s, const struct sending *g)
{
    char word[SCENARIO_WORD_MAX];
    uint8_t bytes[SCENARIO_WORD_MAX / 2];
    if (!scenario_word(s, "bytes in hexadecimal", word)) return false;
    size_t size = strlen(word) / 2;
    if (hex_decode(bytes, size, span_text(word)) != ST_OK)
        return scenario_fail(s, "\"%s\": an even number of hexadecimal digits is expected", word);
    if (!s->is_dry) post(s, g, span_of(bytes, size));
    return true;
}

static bool send_garbage(struct scenario *s, const struct sending *g)
{
    uint64_t size = 0;
    if (!scenario_number(s, "a size in bytes", &size)) return false;
    if (size == 0 || size > FRAME_MAX)
        return scenario_fail(s, "a frame has 1 to %u bytes", FRAME_MAX);
    if (s->is_dry) return true;
    uint8_t *bytes = mem_alloc(mem_system(), (size_t)size);
    must(bytes != NULL);
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rng_u64(&s->world->rng);
    post(s, g, span_of(bytes, (size_t)size));
    mem_free(mem_system(), bytes);
    return true;
}

/* --- floods ----------------------------------------------------------------------------------- */

static void flood_vote(struct scenario *s, const struct sending *g, uint64_t view_max)
{
    struct world *w = s->world;
    struct consensus_message *m = w->message;
    m->kind = CONSENSUS_VOTE;
    m->vote = (struct vote){.voter = scenario_index(s, g->from, 0)};
    for (int i = 0; i < VOTE_PARTS; i++) {
        struct statement *st = &m->vote.parts[i];
        st->is_null = i == VOTE_P3;
        if (st->is_null) continue;
        st->view = view_max == 0 ? 0 : rng_u64(&w->rng) % view_max;
        st->height = 1 + rng_below(&w->rng, 40);
        for (uint32_t b = 0; b < 4; b++) {
            uint64_t word = rng_u64(&w->rng);
            memcpy(st->hash.bytes + (size_t)8 * b, &word, 8);
        }
    }
    liar_sign_vote(&w->hosts[g->from], &m->vote);
    post_message(s, g, m);
}

static void flood_view_change(struct scenario *s, const struct sending *g, uint64_t view_max)
{
    struct world *w = s->world;
    struct consensus_message *m = w->message;
    m->kind = CONSENSUS_VIEW_CHANGE;
    struct view_change *vc = &m->view_change;
    memset(vc, 0, sizeof *vc);
    vc->sender = scenario_index(s, g->from, 0);
    vc->to_view = 1 + (view_max == 0 ? 0 : rng_u64(&w->rng) % view_max);
    vc->final_hash = w->chain_id;
    liar_sign_view_change(&w->hosts[g->from], vc);
    post_message(s, g, m);
}

/* flood NODE to NODES votes|vcs COUNT over DURATION [views MAX] */
static bool on_flood(struct scenario *s)
{
    struct sending g = {0};
    uint64_t us = 0;
    uint64_t view_max = (uint64_t)1 << 63;
    if (!scenario_host(s, "a Byzantine node", &g.from)) return false;
    if (!scenario_accept(s, "to") || !scenario_hosts(s, "nodes", &g.to))
        return scenario_fail(s, "to and nodes are expected");
    bool is_votes = scenario_accept(s, "votes");
    if (!is_votes && !scenario_accept(s, "vcs"))
        return scenario_fail(s, "\"%s\": votes or vcs is expected", scenario_peek(s));
    if (!scenario_number(s, "how many", &g.count)) return false;
    if (!scenario_accept(s, "over") || !scenario_duration(s, "a duration", &us))
        return scenario_fail(s, "over and a duration are expected");
    if (scenario_accept(s, "views") && !scenario_number(s, "views below", &view_max)) return false;
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint64_t i = 0; i < g.count; i++) {
        if (is_votes)
            flood_vote(s, &g, view_max);
        else
            flood_view_change(s, &g, view_max);
        if (!scenario_pass(s, us / g.count)) return false;
        if (s->world->violation.is_set) return true;
    }
    return true;
}

/* --- statements ------------------------------------------------------------------------------- */

static bool on_send(struct scenario *s)
{
    static const struct {
        const char *name;
        bool (*send)(struct scenario *s, const struct sending *g);
    } templates[] = {{"propose", send_propose},  {"vote", send_vote},      {"vc", send_view_change},
                     {"newview", send_new_view}, {"status", send_status},  {"txs", send_txs},
                     {"bytes", send_bytes},      {"garbage", send_garbage}};
    struct sending g = {0};
    if (!scenario_host(s, "a Byzantine node", &g.from)) return false;
    uint32_t voter = g.from;
    if (!s->is_dry) voter = s->world->hosts[g.from].voter;
    bool is_honest = voter < s->set_up.world.nodes && s->set_up.parts[voter] == PART_HONEST;
    if (is_honest)
        return scenario_fail(s, "node %u is honest: `byzantine %u puppet` makes it say this", voter,
                             voter);
    if (!scenario_accept(s, "to") || !scenario_hosts(s, "nodes that receive", &g.to))
        return s->result->error[0] != 0 || scenario_fail(s, "to and nodes are expected");
    if (!scenario_begin(s)) return false;
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
        if (scenario_accept(s, templates[i].name)) return templates[i].send(s, &g);
    if (strcmp(scenario_peek(s), "handover") == 0)
        return scenario_fail(s, "handover: planned rotation is not built");
    return scenario_fail(s,
                         "\"%s\": propose, vote, vc, newview, status, txs, bytes or garbage is "
                         "expected",
                         scenario_peek(s));
}

bool scenario_send_statement(struct scenario *s, bool *is_one)
{
    *is_one = true;
    if (scenario_accept(s, "send")) return on_send(s);
    if (scenario_accept(s, "flood")) return on_flood(s);
    *is_one = false;
    return true;
}
