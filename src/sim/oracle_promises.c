/* oracle_promises.c - What an honest host may say, after all that it said and wrote: I2, I3, I4,
 * I7, and what a view change must tell. */
#include "base/must.h"
#include "sim/oracle_int.h"

#define MADE_LOOKED_AT 64u /* Of the newest: enough for what one record repeats. */
#define U(x)           ((unsigned long long)(x))

/* --- first votes ------------------------------------------------------------------------------ */

/* One chain a view: I2. */
static void judge_first(struct oracle *o, struct host *h, const struct statement *s)
{
    struct promises *p = &o->promises[h->id];
    const uint64_t round = oracle_round(s->epoch, s->view);
    if (oracle_find_header(o, &s->hash) == NULL)
        world_violate(o->world, "I2", "host %u votes for a block that nobody has proposed", h->id);
    for (uint32_t i = p->vote_count; i-- > 0;) {
        const struct first_vote *v = &p->votes[i];
        if (v->round != round) continue;
        if (v->height == s->height) {
            world_violate(o->world, "I2", "host %u votes twice for height %llu in view %llu", h->id,
                          U(s->height), U(s->view));
        } else if (!oracle_are_compatible(o, &v->hash, v->height, &s->hash, s->height)) {
            world_violate(o->world, "I2",
                          "host %u votes for forks in view %llu: heights %llu, %llu", h->id,
                          U(s->view), U(v->height), U(s->height));
        }
        break; /* Those before it were compared with it. */
    }
    p->votes = oracle_grow(p->votes, p->vote_count, &p->vote_room, sizeof *p->votes);
    p->votes[p->vote_count++] =
        (struct first_vote){.round = round, .height = s->height, .hash = s->hash};
}

/* Some durable record told of it, one of the first count votes of all records. */
static bool is_made(const struct promises *p, uint32_t count, const struct statement *s)
{
    const uint64_t round = oracle_round(s->epoch, s->view);
    for (uint32_t i = count; i-- > 0;) {
        const struct first_vote *v = &p->made[i];
        if (v->round == round && v->height == s->height && hash_equal(&v->hash, &s->hash))
            return true;
    }
    return false;
}

static bool was_written(const struct promises *p, const struct statement *s)
{
    if (!p->has_record) return false;
    if (s->height <= p->record.final_height) return true; /* It was, before it became final. */
    return is_made(p, p->made_count, s);
}

static void note_made(struct promises *p, const struct first_vote *vote)
{
    uint32_t looked = 0;
    for (uint32_t i = p->made_count; i-- > 0 && looked < MADE_LOOKED_AT; looked++) {
        const struct first_vote *v = &p->made[i];
        if (v->round == vote->round && v->height == vote->height &&
            hash_equal(&v->hash, &vote->hash))
            return;
    }
    ORACLE_GROW(p, made, made_count, made_room);
    p->made[p->made_count++] = *vote;
}

static void judge_first_durable(struct oracle *o, struct host *h, const struct statement *s)
{
    struct promises *p = &o->promises[h->id];
    const struct known_header *known = oracle_find_header(o, &s->hash);
    if (!was_written(p, s))
        world_violate(o->world, "I4", "host %u votes for %llu in view %llu before that is durable",
                      h->id, U(s->height), U(s->view));
    else if (known != NULL && (known->held >> h->id & 1u) == 0 &&
             s->height > p->record.final_height)
        world_violate(o->world, "I4", "host %u votes for %llu in view %llu without a durable body",
                      h->id, U(s->height), U(s->view));
}

/* --- locks, results --------------------------------------------------------------------------- */

static void judge_lock(struct oracle *o, struct host *h, const struct statement *s)
{
    struct promises *p = &o->promises[h->id];
    struct statement first = *s;
    const struct oracle_sizes sizes = oracle_sizes_of(o, s->epoch);
    const struct tally *t = oracle_tally(o, VOTE_P1, &first);
    uint64_t voters = t->voters | UINT64_C(1) << epochs_index_of(
                                      h, s->epoch); /* Its own may leave with the lock. */
    if (sizes.commit_p2 == 0)
        world_violate(o->world, "P2", "host %u locks %llu: there are no locks in this mode", h->id,
                      U(s->height));
    if ((uint32_t)__builtin_popcountll(voters) < sizes.certificate)
        world_violate(o->world, "P2", "host %u locks %llu in view %llu: only %d first votes exist",
                      h->id, U(s->height), U(s->view), __builtin_popcountll(voters));
    const struct consensus_record *r = &p->record;
    const uint64_t round = oracle_round(s->epoch, s->view);
    const uint64_t locked = oracle_round(r->epoch, r->lock_view);
    bool is_locked =
        r->epoch > s->epoch ||
        (r->has_lock && (locked > round || (locked == round && r->lock_height >= s->height)));
    if (!p->has_record || !is_locked)
        world_violate(
            o->world, "I4",
            "host %u locks %llu in view %llu before that is durable: its record has a lock "
            "of %llu in view %llu",
            h->id, U(s->height), U(s->view), U(r->lock_height), U(r->lock_view));
    bool is_higher = !p->has_locked || round > p->lock_round ||
                     (round == p->lock_round && s->height > p->lock_height);
    if (is_higher) {
        p->has_locked = true;
        p->lock_round = round;
        p->lock_height = s->height;
    }
}

static void judge_result(struct oracle *o, struct host *h, const struct statement *s)
{
    if (h->core == NULL) return;
    const struct machine *m = &h->machine;
    if (s->height > m->height) {
        world_violate(o->world, "P3", "host %u votes for the result of %llu, it executed %llu",
                      h->id, U(s->height), U(m->height));
        return;
    }
    if (m->height - s->height >= CONSENSUS_LAG_MAX) return;
    if (!hash_equal(&m->digests[s->height % CONSENSUS_LAG_MAX], &s->hash))
        world_violate(o->world, "P3", "host %u votes for a result of %llu that is not its own",
                      h->id, U(s->height));
}

/* It was made before the promise, only sent later: then the view change tells it. */
static bool vc_tells(const struct oracle *o,
                     const struct host *h,
                     enum vote_part part,
                     const struct statement *s)
{
    const uint64_t promised = o->promises[h->id].promised_round;
    const uint64_t epoch = oracle_round_epoch(promised);
    const struct view_change *vc =
        oracle_view_change(o, epochs_index_of(h, epoch), epoch, oracle_round_view(promised));
    struct hash committed;
    if (vc == NULL) return false;
    if (s->height <= vc->final_height) {
        bool is_committed =
            oracle_committed(o, s->height, &committed) && hash_equal(&committed, &s->hash);
        /* Of a fork that lost: the view change before this one told it. */
        bool was_told =
            part == VOTE_P1 && is_made(&o->promises[h->id], o->promises[h->id].made_before, s);
        return is_committed || was_told;
    }
    if (part == VOTE_P2) {
        const struct statement *hq = &vc->hq.statement;
        return vc->has_hq &&
               (hq->view > s->view || (hq->view == s->view && hq->height >= s->height));
    }
    return is_made(&o->promises[h->id], o->promises[h->id].made_before, s);
}

void oracle_judge_vote(struct oracle *o, struct host *h, const struct vote *v)
{
    struct promises *p = &o->promises[h->id];
    for (int i = 0; i < VOTE_PARTS; i++) {
        const struct statement *s = &v->parts[i];
        if (s->is_null) continue;
        const struct tally *t = oracle_tally(o, (enum vote_part)i, s);
        if (t->voters >> v->voter & 1u) continue; /* Said before. */
        bool is_left = oracle_round(s->epoch, s->view) < p->promised_round;
        if (i != VOTE_P3 && is_left && !vc_tells(o, h, (enum vote_part)i, s))
            world_violate(o->world, "I3", "host %u votes in view %llu after it promised view %llu",
                          h->id, U(s->view), U(oracle_round_view(p->promised_round)));
        if (i == VOTE_P1) {
            judge_first(o, h, s);
            judge_first_durable(o, h, s);
        } else if (i == VOTE_P2) {
            judge_lock(o, h, s);
        } else {
            judge_result(o, h, s);
        }
    }
}

static bool was_locked(const struct promises *p, const struct statement *s)
{
    const struct consensus_record *r = &p->record;
    if (!p->has_record) return false;
    if (r->epoch != s->epoch) return r->epoch > s->epoch;
    return r->has_lock &&
           (r->lock_view > s->view || (r->lock_view == s->view && r->lock_height >= s->height));
}

void oracle_judge_shown(struct oracle *o, const struct certificate *c, uint32_t voter)
{
    const struct statement *s = &c->statement;
    const struct host *h = epochs_host_at(o->world, s->epoch, voter);
    if (h == NULL || !host_is_honest(h) || c->part == VOTE_P3) return;
    const struct promises *p = &o->promises[h->id];
    if (c->part == VOTE_P1 ? was_written(p, s) : was_locked(p, s)) return;
    world_violate(o->world, "I2",
                  "a certificate shows a vote of host %u for %llu in view %llu that it never made",
                  h->id, U(s->height), U(s->view));
}

/* --- view changes, new views, proposals ------------------------------------------------------- */

static bool vc_shows(const struct view_change *vc, const struct first_vote *v)
{
    const uint64_t voted = oracle_round(vc->epoch, vc->voted_view);
    if (v->height <= vc->final_height) return true;
    if (v->round < voted) return true; /* A newer anchor replaced it, whole. */
    if (v->round > voted) return false;
    /* The final block was committed in a later view, whose anchor stood at it or below: nothing
     * above it can have been committed in the view of the vote. */
    const struct statement *final = &vc->final_cert.statement;
    if (vc->has_final_cert && oracle_round(final->epoch, final->view) > v->round) return true;
    uint64_t at = v->height - vc->final_height - 1;
    if (at >= vc->header_count) return false;
    struct hash hash = header_hash(&vc->headers[at]);
    return hash_equal(&hash, &v->hash);
}

static void judge_vc_content(struct oracle *o, struct host *h, const struct view_change *vc)
{
    const struct promises *p = &o->promises[h->id];
    const uint64_t wanted = oracle_round(vc->epoch, vc->to_view);
    for (uint32_t i = p->vote_count; i-- > 0;) {
        const struct first_vote *v = &p->votes[i];
        if (v->round >= wanted || v->round + 64 < wanted) continue;
        if (v->height + (uint64_t)4 * CONSENSUS_WINDOW < vc->final_height) break;
        if (!vc_shows(vc, v))
            world_violate(o->world, "VC", "host %u hides its vote for %llu in view %llu", h->id,
                          U(v->height), U(oracle_round_view(v->round)));
    }
    if (!p->has_locked || p->lock_round >= wanted) return;
    /* The last block of that epoch is final: what was locked above it is committed nowhere. */
    if (oracle_round_epoch(p->lock_round) < vc->epoch) return;
    const uint64_t hq = oracle_round(vc->hq.statement.epoch, vc->hq.statement.view);
    bool is_shown =
        vc->final_height >= p->lock_height ||
        (vc->has_hq && (hq > p->lock_round ||
                        (hq == p->lock_round && vc->hq.statement.height >= p->lock_height)));
    if (!is_shown)
        world_violate(o->world, "VC", "host %u hides its lock of %llu in view %llu", h->id,
                      U(p->lock_height), U(oracle_round_view(p->lock_round)));
}

void oracle_judge_view_change(struct oracle *o, struct host *h, const struct view_change *vc)
{
    struct promises *p = &o->promises[h->id];
    const uint64_t wanted = oracle_round(vc->epoch, vc->to_view);
    const uint64_t recorded = oracle_round(p->record.epoch, p->record.cur_view);
    if (wanted < p->promised_round) return; /* An old one, again. */
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    view_change_encode(&bytes, vc);
    bool is_durable = p->has_record && recorded >= wanted &&
                      (recorded > wanted || span_equal(buf_span(&bytes), buf_span(&p->vc)));
    buf_fini(&bytes);
    if (!is_durable)
        world_violate(
            o->world, "I4",
            "host %u sends its VC for view %llu before it is durable (its record is of view %llu)",
            h->id, U(vc->to_view), U(p->record.cur_view));
    if (wanted > p->promised_round) judge_vc_content(o, h, vc);
    if (wanted > p->promised_round) p->made_before = p->made_count;
    p->promised_round = wanted;
}

static void judge_leading(struct oracle *o, struct host *h, uint64_t round, const char *what)
{
    const struct promises *p = &o->promises[h->id];
    const struct consensus_record *r = &p->record;
    bool is_durable = p->has_record && oracle_round(r->epoch, r->cur_view) >= round &&
                      (oracle_round_epoch(round) < r->epoch ||
                       (r->has_proposed && oracle_round(r->epoch, r->proposer_view) >= round));
    if (!is_durable)
        world_violate(o->world, "I4",
                      "host %u sends %s of view %llu before it is durable that it "
                      "leads",
                      h->id, what, U(oracle_round_view(round)));
}

void oracle_judge_new_view(struct oracle *o, struct host *h, const struct new_view *nv)
{
    judge_leading(o, h, oracle_round(nv->epoch, nv->view), "the NEWVIEW");
}

void oracle_judge_proposal(struct oracle *o, struct host *h, const struct proposal *p)
{
    struct promises *own = &o->promises[h->id];
    struct hash hash = header_hash(&p->header);
    const uint64_t round = oracle_round(p->header.epoch, p->header.view);
    for (uint32_t i = own->proposal_count; i-- > 0;) {
        const struct first_vote *said = &own->proposals[i];
        if (said->round != round || said->height != p->header.height) continue;
        if (!hash_equal(&said->hash, &hash))
            world_violate(o->world, "I2", "host %u proposes two blocks %llu in view %llu", h->id,
                          U(p->header.height), U(p->header.view));
        return;
    }
    ORACLE_GROW(own, proposals, proposal_count, proposal_room);
    own->proposals[own->proposal_count++] =
        (struct first_vote){.round = round, .height = p->header.height, .hash = hash};
    judge_leading(o, h, round, "a proposal");
}

/* --- what is durable -------------------------------------------------------------------------- */

/* What of it is less than before; null: nothing. */
static const char *back_in(const struct consensus_record *old, const struct consensus_record *new)
{
    if (new->epoch < old->epoch) return "epoch";
    if (new->final_height < old->final_height) return "final height";
    if (new->epoch > old->epoch) return NULL; /* Views begin anew. */
    if (new->cur_view < old->cur_view) return "view";
    if (new->voted_view < old->voted_view) return "voted view";
    if (old->has_proposed && (!new->has_proposed || new->proposer_view < old->proposer_view))
        return "proposer's view";
    if (!old->has_hq) return NULL;
    const struct statement *a = &old->hq.statement;
    const struct statement *b = &new->hq.statement;
    bool is_less =
        !new->has_hq || b->view < a->view || (b->view == a->view && b->height < a->height);
    return is_less ? "highest certificate" : NULL;
}

static void note_anchor(struct oracle *o, struct host *h, const struct consensus_record *r)
{
    struct seen_anchor known;
    if (!r->is_open || r->cur_view == 0) return; /* View 0 starts at the last block before. */
    if (oracle_anchor(o, h->id, r->epoch, r->cur_view, &known)) return;
    struct seen_anchor a = {.host = h->id,
                            .round = oracle_round(r->epoch, r->cur_view),
                            .height = r->anchor_height,
                            .hash = r->anchor_hash};
    ORACLE_GROW(o, anchors, anchor_count, anchor_room);
    o->anchors[o->anchor_count++] = a;
    oracle_check_anchor(o, &a);
}

/* A view change that is durable tells votes whose record a crash cut off: they are made, too. */
static void note_told(struct promises *p, struct span bytes)
{
    struct view_change *vc = mem_alloc(mem_system(), sizeof *vc);
    must(vc != NULL);
    struct cbor in = cbor_of(bytes);
    view_change_decode(vc, &in);
    for (uint32_t i = 0; in.status == ST_OK && i < vc->header_count; i++) {
        const struct first_vote made = {.round = oracle_round(vc->epoch, vc->voted_view),
                                        .height = vc->final_height + i + 1,
                                        .hash = header_hash(&vc->headers[i])};
        note_made(p, &made);
    }
    mem_free(mem_system(), vc);
}

void oracle_on_durable(struct oracle *o, struct host *h, struct span record, struct span vc)
{
    struct promises *p = &o->promises[h->id];
    while (p->written_count > 0) {
        struct known_header *known = oracle_find_header(o, &p->written[--p->written_count]);
        must(known != NULL); /* oracle_on_hold learned it. */
        known->held |= UINT64_C(1) << h->id;
    }
    struct consensus_record *r = mem_alloc(mem_system(), sizeof *r);
    must(r != NULL);
    if (record.size > 0 && consensus_record_decode(r, record) == ST_OK) {
        const char *back = p->has_record ? back_in(&p->record, r) : NULL;
        if (host_is_honest(h) && back != NULL)
            world_violate(o->world, "I7", "host %u goes back in its %s", h->id, back);
        p->record = *r;
        p->has_record = true;
        for (uint32_t i = 0; i < r->chain_count; i++) {
            struct first_vote made = {.round = oracle_round(r->epoch, r->voted_view),
                                      .height = r->final_height + i + 1,
                                      .hash = r->chain[i]};
            note_made(p, &made);
        }
        const struct known_epoch *e = epochs_at(o->world, r->epoch);
        if (e != NULL && e->config.validator_count == 1) oracle_commit_alone(o, r);
        if (host_is_honest(h)) note_anchor(o, h, r);
    } else if (record.size > 0 && host_is_honest(h)) {
        world_violate(o->world, "codec", "host %u wrote a record that nobody can read", h->id);
    }
    mem_free(mem_system(), r);
    if (vc.size > 0 && !span_equal(buf_span(&p->vc), vc)) note_told(p, vc);
    buf_reset(&p->vc);
    buf_put(&p->vc, vc);
}
