/* suspect.c - From what contradicts itself to transferable proof (1.10).
 *
 * One proof per (kind, offender, view, height), and of each kind a few per offender: more of the
 * same convict nobody more. A leader that is convicted in its own view loses it at once. */
#include "consensus/consensus_int.h"

static bool is_news(const struct consensus *c, const struct evidence *e);
static void report(struct consensus *c, struct evidence *e, struct buf *out);
static struct buf evidence_buf(struct consensus *c);
static bool suspect_contradiction(struct consensus *c,
                                  const struct vc_slot *slot,
                                  const struct vote *v);
static bool find_fork(struct consensus *c,
                      const struct statement *a,
                      const struct statement *b,
                      struct header *headers,
                      uint32_t *count);

void suspect_proposals(struct consensus *c, const struct block *a, const struct proposal *b)
{
    struct proposal first = {.header = a->header, .sig = a->sig};
    struct evidence e = {.kind = EVIDENCE_E1,
                         .offender = b->header.proposer,
                         .view = b->header.view,
                         .height = b->header.height};
    if (is_news(c, &e)) {
        struct buf out = evidence_buf(c);
        evidence_of_proposals(&e, &out, &first, b);
        report(c, &e, &out);
    }
    if (b->header.view == c->cur_view) change_start(c, c->cur_view + 1, true);
}

void suspect_votes(struct consensus *c, const struct vote *a, const struct vote *b)
{
    const struct statement *s = &b->parts[VOTE_P1];
    struct evidence e = {
        .kind = EVIDENCE_E2, .offender = b->voter, .view = s->view, .height = s->height};
    if (!is_news(c, &e)) return;
    struct buf out = evidence_buf(c);
    evidence_of_votes(&e, &out, a, b, NULL);
    report(c, &e, &out);
}

/* In raft nobody may lie: what a majority committed could be on one honest disk alone, and no
 * certificate tells. */
void suspect_convict(struct consensus *c, uint32_t offender)
{
    must(offender < c->config.validators.count);
    bool is_first = true;
    for (uint32_t i = 0; i < c->config.validators.count; i++)
        if (c->peers[i].stand.is_convicted) is_first = false;
    c->peers[offender].stand.is_convicted = true;
    if (!is_raft(c) || !is_first) return;
    c->is_final_halted = c->config.evidence_halts;
    alarm_raise(c, ALARM_EVIDENCE);
}

void suspect_results(struct consensus *c, const struct vote *a, const struct vote *b)
{
    struct evidence e = {
        .kind = EVIDENCE_E7, .offender = b->voter, .height = b->parts[VOTE_P3].height};
    if (!is_news(c, &e)) return;
    struct buf out = evidence_buf(c);
    evidence_of_results(&e, &out, a, b);
    report(c, &e, &out);
}

void suspect_result(struct consensus *c, const struct vote *v)
{
    const struct statement *s = &v->parts[VOTE_P3];
    const struct statement *right = &c->res_cert.statement;
    if (s->is_null || !c->has_res_cert || s->height != right->height) return;
    struct evidence e = {.kind = EVIDENCE_E8, .offender = v->voter, .height = s->height};
    bool is_other = s->epoch == right->epoch && !hash_equal(&s->hash, &right->hash);
    if (!is_other || !is_news(c, &e)) return;
    struct buf out = evidence_buf(c);
    evidence_of_false_result(&e, &out, v, &c->res_cert);
    report(c, &e, &out);
}

/* cert, which is valid, and the certificate of the final block stand on forks. */
void suspect_commits(struct consensus *c, const struct certificate *cert)
{
    if (!c->has_final_cert) return;
    const struct statement *a = &c->final_cert.statement;
    const struct statement *b = &cert->statement;
    struct header headers[EVIDENCE_HEADERS_MAX];
    struct evidence_fork fork = {.headers = headers};
    if (a->height != b->height && !find_fork(c, a, b, headers, &fork.count)) return;
    struct evidence_commits commits = {.a = &c->final_cert, .b = cert, .fork = &fork};
    uint32_t both = evidence_commit_signers(&c->final_cert, cert);
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        struct evidence e = {.kind = EVIDENCE_E9,
                             .offender = i,
                             .view = a->view,
                             .height = a->height < b->height ? a->height : b->height};
        if ((both >> i & 1u) == 0 || !is_news(c, &e)) continue;
        struct buf out = evidence_buf(c);
        evidence_of_commits(&e, &out, &commits, i);
        report(c, &e, &out);
    }
}

/* Two words of the leader of that view and height would be a proof that is not here yet: what else
 * convicts it does not make it less welcome to others. */
bool suspect_wants_proposals(const struct consensus *c, const struct header *h)
{
    struct evidence e = {
        .kind = EVIDENCE_E1, .offender = h->proposer, .view = h->view, .height = h->height};
    return is_news(c, &e);
}

/* The voter of another block than this view's leader gave us must have had it from the leader: it
 * gets the leader's word to us, and one of two such words convicts there (E1). */
void suspect_show(struct consensus *c, const struct vote *v)
{
    const struct statement *s = &v->parts[VOTE_P1];
    if (s->is_null || s->view < c->cur_view) return;
    const struct block *b = block_proposed(c, s->view, s->height);
    if (b == NULL || hash_equal(&b->hash, &s->hash)) return;
    if (!suspect_wants_proposals(c, &b->header)) return;
    struct small_message *m = message_add(c, CONSENSUS_PROPOSAL);
    if (m == NULL) return;
    m->proposal = (struct proposal){.header = b->header, .sig = b->sig};
    message_send(c, m, v->voter, 0);
}

/* P1 of one view on chains that do not contain one another, where both chains are known here. */
void suspect_fork(struct consensus *c, const struct vote *v)
{
    const struct statement *s = &v->parts[VOTE_P1];
    const struct line_item *item = line_at(c, s->height);
    if (item != NULL && hash_equal(&item->hash, &s->hash) && !c->is_dead) return;
    const struct vote_slot *all = vote_slots(c, v->voter, VOTE_P1, 0);
    for (uint32_t i = 0; i < VOTE_HEIGHTS * VOTE_VIEWS; i++) {
        const struct statement *kept = &all[i].vote.parts[VOTE_P1];
        if (!all[i].is_used || kept->view != s->view || kept->height == s->height) continue;
        struct evidence e = {.kind = EVIDENCE_E2,
                             .offender = v->voter,
                             .view = s->view,
                             .height = kept->height < s->height ? kept->height : s->height};
        struct header headers[EVIDENCE_HEADERS_MAX];
        uint32_t count = 0;
        if (!is_news(c, &e) || !find_fork(c, kept, s, headers, &count)) continue;
        struct buf out = evidence_buf(c);
        struct evidence_fork fork = {.headers = headers, .count = count};
        evidence_of_votes(&e, &out, &all[i].vote, v, &fork);
        report(c, &e, &out);
    }
}

void suspect_vote_against_changes(struct consensus *c, const struct vote *v)
{
    for (uint32_t k = 0; k < 2; k++) {
        const struct vc_slot *slot = &c->vcs[v->voter * 2 + k];
        if (slot->is_used) (void)suspect_contradiction(c, slot, v);
    }
}

void suspect_change_against_votes(struct consensus *c, const struct vc_slot *slot)
{
    for (int part = VOTE_P1; part <= VOTE_P2; part++) {
        const struct vote_slot *all = vote_slots(c, slot->vc.sender, (enum vote_part)part, 0);
        for (uint32_t i = 0; i < VOTE_HEIGHTS * VOTE_VIEWS; i++)
            if (all[i].is_used && suspect_contradiction(c, slot, &all[i].vote))
                return; /* One is enough: the others say the same of this VC. */
    }
}

void suspect_changes(struct consensus *c, const struct view_change *a, const struct view_change *b)
{
    struct evidence e = {.kind = EVIDENCE_E4, .offender = b->sender, .view = b->to_view};
    if (!is_news(c, &e)) return;
    struct buf out = evidence_buf(c);
    evidence_of_view_changes(&e, &out, a, b);
    report(c, &e, &out);
}

void suspect_new_view(struct consensus *c, const struct new_view *nv)
{
    struct evidence e = {.kind = EVIDENCE_E5, .offender = nv->sender, .view = nv->view};
    struct check_context context = c->check;
    context.previous = NULL; /* As who reads the proof: what that alone shows wrong is none. */
    if (!is_news(c, &e) || new_view_check(nv, &context, NULL) == REJECT_NONE) return;
    struct buf out = evidence_buf(c);
    evidence_of_new_view(&e, &out, nv);
    report(c, &e, &out);
}

static bool is_news(const struct consensus *c, const struct evidence *e)
{
    must(e->offender < c->config.validators.count);
    const struct peer *p = &c->peers[e->offender];
    uint32_t count = p->evidence_count[e->kind];
    for (uint32_t i = 0; i < count; i++) {
        const struct evidence *kept = &p->evidence[e->kind][i];
        if (kept->view == e->view && kept->height == e->height) return false;
    }
    return count < EVIDENCE_KEPT && c->evidence_used < EVIDENCE_STEP_MAX &&
           e->offender != c->config.self;
}

static struct buf evidence_buf(struct consensus *c)
{
    struct buf out;
    buf_init_fixed(&out, c->evidence_bytes + c->evidence_size, EVIDENCE_BYTES - c->evidence_size);
    return out;
}

/* A proof too long for this step is given up: its maker has others to show. */
static void report(struct consensus *c, struct evidence *e, struct buf *out)
{
    if (evidence_is_divergence(e->kind))
        c->peers[e->offender].stand.is_divergent = true;
    else
        suspect_convict(c, e->offender);
    if (buf_status(out) != ST_OK) return;
    evidence_attach(e, out);
    c->evidence_size += out->size;
    struct evidence *kept = &c->evidence[c->evidence_used++];
    *kept = *e;
    struct peer *p = &c->peers[e->offender];
    p->evidence[e->kind][p->evidence_count[e->kind]++] =
        (struct evidence){.kind = e->kind, .view = e->view, .height = e->height};
    struct consensus_effect *effect = effect_add(c, CONSENSUS_EVIDENCE);
    effect->evidence = kept;
    effect->view = e->view;
    effect->height = e->height;
}

/* E3: a VC that hides what its sender had said before it. */
static bool suspect_contradiction(struct consensus *c,
                                  const struct vc_slot *slot,
                                  const struct vote *v)
{
    struct evidence e = {.kind = EVIDENCE_E3, .offender = v->voter, .view = slot->vc.to_view};
    if (!evidence_is_contradiction(v, &slot->vc, &e.height)) return false;
    if (!is_news(c, &e)) return true;
    struct buf out = evidence_buf(c);
    evidence_of_false_view_change(&e, &out, v, &slot->vc);
    report(c, &e, &out);
    return true;
}

/* Headers above the lower block up to the higher one, ascending; true: they miss it. */
static bool find_fork(struct consensus *c,
                      const struct statement *a,
                      const struct statement *b,
                      struct header *headers,
                      uint32_t *count)
{
    const struct statement *high = a->height > b->height ? a : b;
    const struct statement *low = a->height > b->height ? b : a;
    if (high->height - low->height > EVIDENCE_HEADERS_MAX) return false;
    *count = (uint32_t)(high->height - low->height);
    struct hash hash = high->hash;
    for (uint32_t i = *count; i > 0; i--) {
        const struct block *at = block_find(c, &hash);
        if (at == NULL || at->header.height != low->height + i) return false;
        headers[i - 1] = at->header;
        hash = at->header.parent;
    }
    return !hash_equal(&hash, &low->hash);
}
