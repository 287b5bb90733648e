/* oracle.c - Tables of the oracle, and where what happens enters it. */
#include "base/endian.h"
#include "base/must.h"
#include "sim/clients.h"
#include "sim/oracle_int.h"

#define TABLE_KEY 0x9e3779b97f4a7c15u
#define VIEW_BITS 40u /* Of a round. */
#define U(x)      ((unsigned long long)(x))

static struct known_header *learn(struct oracle *o,
                                  const struct header *header,
                                  const struct hash *hash);
static void note_digest(struct oracle *o, const struct host *h, const struct flow_block *b);

/* --- tables ----------------------------------------------------------------------------------- */

void *oracle_grow(void *items, uint64_t count, uint32_t *room, size_t size)
{
    if (count < *room) return items;
    *room = *room == 0 ? 32 : 2 * *room;
    items = mem_resize(mem_system(), items, *room * size);
    must(items != NULL);
    return items;
}

static const uint8_t *header_id(const void *context, uint32_t number)
{
    return ((const struct oracle *)context)->headers[number].hash.bytes;
}

static const uint8_t *tally_id(const void *context, uint32_t number)
{
    return ((const struct oracle *)context)->tallies[number].id.bytes;
}

struct oracle *oracle_new(struct world *w)
{
    struct oracle *o = mem_alloc_zero(mem_system(), 1, sizeof *o);
    must(o != NULL);
    o->world = w;
    o->mode = oracle_mode_new();
    idtable_init(&o->header_index, mem_system(), header_id, o, TABLE_KEY);
    idtable_init(&o->tally_index, mem_system(), tally_id, o, TABLE_KEY);
    uint32_t room = 0;
    o->committed = oracle_grow(NULL, 0, &room, sizeof *o->committed);
    o->committed[0] = w->chain_id;
    o->committed_room = room;
    room = 0;
    o->digests = oracle_grow(NULL, 0, &room, sizeof *o->digests);
    o->digest_room = room;
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        buf_init(&o->promises[i].vc, mem_system(), 0);
    return o;
}

void oracle_free(struct oracle *o)
{
    if (o == NULL) return;
    for (uint32_t i = 0; i < HOSTS_MAX; i++) {
        buf_fini(&o->promises[i].vc);
        mem_free(mem_system(), o->promises[i].votes);
        mem_free(mem_system(), o->promises[i].written);
        mem_free(mem_system(), o->promises[i].made);
        mem_free(mem_system(), o->promises[i].proposals);
    }
    for (uint32_t i = 0; i < o->vc_count; i++)
        mem_free(mem_system(), o->vcs[i].vc);
    oracle_mode_free(o->mode);
    idtable_fini(&o->header_index);
    idtable_fini(&o->tally_index);
    mem_free(mem_system(), o->words);
    void *const lists[] = {o->headers,   o->tallies, o->entries, o->committed, o->commits,
                           o->certified, o->digests, o->anchors, o->evidence,  o->vcs};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        mem_free(mem_system(), lists[i]);
    mem_free(mem_system(), o);
}

uint64_t oracle_round(uint64_t epoch, uint64_t view)
{
    const uint64_t most_views = (UINT64_C(1) << VIEW_BITS) - 1; /* No honest node comes near. */
    const uint64_t most_epochs = UINT64_MAX >> VIEW_BITS;
    return (epoch < most_epochs ? epoch : most_epochs) << VIEW_BITS |
           (view < most_views ? view : most_views);
}

uint64_t oracle_round_view(uint64_t round)
{
    return round & ((UINT64_C(1) << VIEW_BITS) - 1);
}

uint64_t oracle_round_epoch(uint64_t round)
{
    return round >> VIEW_BITS;
}

struct known_header *oracle_find_header(const struct oracle *o, const struct hash *hash)
{
    uint32_t number = idtable_find(&o->header_index, hash->bytes);
    return number == IDTABLE_NONE ? NULL : &o->headers[number];
}

const struct known_header *oracle_header(const struct oracle *o, const struct hash *hash)
{
    return oracle_find_header(o, hash);
}

void oracle_learn(struct oracle *o, const struct header *header)
{
    struct hash hash = header_hash(header);
    (void)learn(o, header, &hash);
}

static struct known_header *learn(struct oracle *o,
                                  const struct header *header,
                                  const struct hash *hash)
{
    struct known_header *known = oracle_find_header(o, hash);
    if (known != NULL) return known;
    ORACLE_GROW(o, headers, header_count, header_room);
    must(idtable_reserve(&o->header_index, o->header_count + 1) == ST_OK);
    o->headers[o->header_count] = (struct known_header){.hash = *hash,
                                                        .parent = header->parent,
                                                        .height = header->height,
                                                        .view = header->view,
                                                        .time_ms = header->time_ms,
                                                        .proposer = header->proposer,
                                                        .seen_us = o->world->now_us,
                                                        .header = *header};
    idtable_add(&o->header_index, o->header_count);
    return &o->headers[o->header_count++];
}

const struct known_header *oracle_proposed(const struct oracle *o,
                                           uint64_t view,
                                           uint64_t height,
                                           uint32_t nth)
{
    for (uint32_t i = 0; i < o->header_count; i++) {
        const struct known_header *h = &o->headers[i];
        if (h->view == view && h->height == height && nth-- == 0) return h;
    }
    return NULL;
}

/* As good as statement_hash where nobody looks for collisions, at a small part of the price. */
struct hash oracle_tally_id(enum vote_part part, const struct statement *s)
{
    const uint64_t words[] = {(uint64_t)part, s->epoch, part == VOTE_P3 ? 0 : s->view, s->height};
    struct hash id = s->hash;
    uint64_t z = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        z = (z ^ words[i]) * 0xbf58476d1ce4e5b9u;
        z ^= z >> 31;
    }
    put_u64_le(id.bytes, get_u64_le(id.bytes) ^ z);
    return id;
}

struct tally *oracle_tally(struct oracle *o, enum vote_part part, const struct statement *s)
{
    struct hash id = oracle_tally_id(part, s);
    uint32_t number = idtable_find(&o->tally_index, id.bytes);
    if (number != IDTABLE_NONE) return &o->tallies[number];
    ORACLE_GROW(o, tallies, tally_count, tally_room);
    must(idtable_reserve(&o->tally_index, o->tally_count + 1) == ST_OK);
    struct tally *t = &o->tallies[o->tally_count];
    *t = (struct tally){.id = id, .part = part, .statement = *s};
    idtable_add(&o->tally_index, o->tally_count++);
    return t;
}

bool oracle_ancestor(const struct oracle *o,
                     const struct hash *hash,
                     uint64_t height,
                     uint64_t low,
                     struct hash *out)
{
    struct hash at = *hash;
    while (height > low) {
        const struct known_header *h = oracle_find_header(o, &at);
        if (h == NULL || h->height != height) return false;
        at = h->parent;
        height--;
    }
    *out = at;
    return true;
}

bool oracle_are_compatible(const struct oracle *o,
                           const struct hash *a,
                           uint64_t a_height,
                           const struct hash *b,
                           uint64_t b_height)
{
    const struct hash *low = a_height < b_height ? a : b;
    const struct hash *high = a_height < b_height ? b : a;
    uint64_t low_height = a_height < b_height ? a_height : b_height;
    struct hash found;
    if (!oracle_ancestor(o, high, a_height + b_height - low_height, low_height, &found))
        return false;
    return hash_equal(&found, low);
}

bool oracle_descends(const struct oracle *o, const struct hash *b, const struct hash *a)
{
    const struct known_header *from = oracle_find_header(o, b);
    const struct known_header *to = oracle_find_header(o, a);
    if (hash_equal(a, &o->world->chain_id) || hash_equal(a, b)) return true;
    if (from == NULL || to == NULL || from->height < to->height) return false;
    return oracle_are_compatible(o, b, from->height, a, to->height);
}

/* --- sent ------------------------------------------------------------------------------------- */

static void keep_view_change(struct oracle *o, const struct view_change *vc)
{
    for (uint32_t i = o->vc_count; i-- > 0;) {
        struct frozen_vc *f = &o->vcs[i];
        if (f->voter != vc->sender || f->round != oracle_round(vc->epoch, vc->to_view)) continue;
        *f->vc = *vc;
        return;
    }
    ORACLE_GROW(o, vcs, vc_count, vc_room);
    struct view_change *copy = mem_alloc(mem_system(), sizeof *copy);
    must(copy != NULL);
    *copy = *vc;
    o->vcs[o->vc_count++] = (struct frozen_vc){
        .voter = vc->sender, .round = oracle_round(vc->epoch, vc->to_view), .vc = copy};
}

static void learn_view_change(struct oracle *o, const struct view_change *vc)
{
    for (uint32_t i = 0; i < vc->header_count; i++)
        oracle_learn(o, &vc->headers[i]);
    for (uint32_t i = 0; i < vc->branch_count; i++)
        oracle_learn(o, &vc->branch[i]);
    if (vc->has_final_cert) oracle_count_certificate(o, &vc->final_cert);
    if (vc->has_hq) oracle_count_certificate(o, &vc->hq);
}

static void learn_proposal(struct oracle *o, const struct proposal *p)
{
    struct hash hash = header_hash(&p->header);
    struct known_header *known = learn(o, &p->header, &hash);
    known->has_word = true;
    known->word = p->sig;
}

static void learn_new_view(struct oracle *o, const struct new_view *nv)
{
    for (uint32_t i = 0; i < nv->vc_count; i++)
        learn_view_change(o, &nv->vcs[i]);
    if (!nv->has_word) return;
    ORACLE_GROW(o, words, word_count, word_room);
    o->words[o->word_count++] = (struct anchor_word){
        .round = oracle_round(nv->epoch, nv->view), .hash = nv->hash, .sig = nv->word};
}

bool oracle_word(const struct oracle *o,
                 const struct statement *block,
                 bool is_proposal,
                 struct signature *out)
{
    const struct known_header *known = oracle_find_header(o, &block->hash);
    if (is_proposal && known != NULL && known->has_word) *out = known->word;
    if (is_proposal) return known != NULL && known->has_word;
    const uint64_t round = oracle_round(block->epoch, block->view);
    for (uint32_t i = 0; i < o->word_count; i++) {
        if (o->words[i].round != round || !hash_equal(&o->words[i].hash, &block->hash)) continue;
        *out = o->words[i].sig;
        return true;
    }
    return false;
}

static void learn_message(struct oracle *o, const struct consensus_message *m)
{
    switch (m->kind) {
    case CONSENSUS_PROPOSAL: learn_proposal(o, &m->proposal); return;
    case CONSENSUS_VOTE: oracle_count_vote(o, &m->vote); return;
    case CONSENSUS_VIEW_CHANGE:
        learn_view_change(o, &m->view_change);
        keep_view_change(o, &m->view_change);
        return;
    case CONSENSUS_NEW_VIEW: learn_new_view(o, &m->new_view); return;
    case CONSENSUS_STATUS: return;
    }
}

static void learn_wire(struct oracle *o,
                       const struct wire_message *wire,
                       const struct consensus_message *message)
{
    if (wire->kind == WIRE_CONSENSUS) learn_message(o, message);
    if (wire->kind == WIRE_PROPOSAL) {
        learn_proposal(o, &wire->proposal.proposal);
        if (wire->proposal.has_final_cert) oracle_count_certificate(o, &wire->proposal.final_cert);
        if (wire->proposal.has_res_cert) oracle_count_certificate(o, &wire->proposal.res_cert);
    }
    if (wire->kind == WIRE_CHAIN && wire->chain.has_cert)
        oracle_count_certificate(o, &wire->chain.cert);
}

static bool is_own(const struct host *h, uint64_t epoch, uint32_t index)
{
    return index < NODES_MAX && epochs_index_of(h, epoch) == index;
}

static bool is_own_vote(const struct host *h, const struct vote *v)
{
    for (int i = 0; i < VOTE_PARTS; i++)
        if (!v->parts[i].is_null) return is_own(h, v->parts[i].epoch, v->voter);
    return false;
}

static void judge(struct oracle *o,
                  struct host *h,
                  const struct parcel *p,
                  const struct consensus_message *m)
{
    switch (p->gist.kind) {
    case GIST_VOTE:
        if (is_own_vote(h, &m->vote)) oracle_judge_vote(o, h, &m->vote);
        return;
    case GIST_VC:
        if (is_own(h, m->view_change.epoch, m->view_change.sender))
            oracle_judge_view_change(o, h, &m->view_change);
        return;
    case GIST_NEWVIEW:
        if (is_own(h, m->new_view.epoch, m->new_view.sender))
            oracle_judge_new_view(o, h, &m->new_view);
        return;
    case GIST_PROPOSE:
        if (is_own(h, m->proposal.header.epoch, m->proposal.header.proposer))
            oracle_judge_proposal(o, h, &m->proposal);
        return;
    case GIST_GARBAGE:
        world_violate(o->world, "codec", "honest host %u sent what nobody can read", h->id);
        return;
    case GIST_STATUS:
    case GIST_TXS:
    case GIST_GET_TXS:
    case GIST_TXS_FOUND:
    case GIST_GET_BLOCK:
    case GIST_BLOCK_PART:
    case GIST_GET_CHAIN:
    case GIST_CHAIN:
    case GIST_EVIDENCE:
    case GIST_GET_HEIGHT:
    case GIST_HEIGHT:
    case GIST_INCIDENT:
    case GIST_LINKS:
    case GIST_REPORT: return;
    case GIST_KINDS: break;
    }
    must(false);
}

void oracle_on_send(struct oracle *o,
                    struct host *h,
                    const struct parcel *p,
                    const struct wire_message *wire,
                    const struct consensus_message *message)
{
    if (p->gist.kind == GIST_GARBAGE && !host_is_honest(h)) return;
    /* Judged before it is counted: what was said before is no news. */
    if (host_is_honest(h)) judge(o, h, p, message);
    if (p->gist.kind != GIST_GARBAGE) learn_wire(o, wire, message);
}

/* --- executed --------------------------------------------------------------------------------- */

/* The epoch of a final block, and whether it is the last of it: the first block whose certified
 * result lies at or above the height after which a configuration waits (consensus.md 1.12). */
static void judge_epoch(struct oracle *o, const struct header *header)
{
    struct world *w = o->world;
    uint64_t epoch = 0;
    while (epoch + 1 < w->epoch_count && epochs_at(w, epoch + 1)->base < header->height)
        epoch++;
    bool is_close = (header->flags & BLOCK_EPOCH_CLOSE) != 0;
    if (header->epoch != epoch)
        world_violate(w, "I12", "block %llu is of epoch %llu in place of %llu", U(header->height),
                      U(header->epoch), U(epoch));
    bool is_named = false;
    for (size_t i = 0; i < HASH_SIZE; i++)
        if (header->next_config_hash.bytes[i] != 0) is_named = true;
    if (is_close != is_named)
        world_violate(w, "I12", "block %llu: the last block of an epoch names the next",
                      U(header->height));
    if (epoch + 1 < w->epoch_count) return; /* Judged by whoever executed it first. */
    bool is_due = o->pending_height > 0 && header->res_height >= o->pending_height;
    if (is_close != is_due)
        world_violate(w, "I12",
                      "block %llu %s its epoch: something waits since %llu, its result is %llu",
                      U(header->height), is_close ? "closes" : "does not close",
                      U(o->pending_height), U(header->res_height));
}

/* The configuration of each epoch, from whoever executed its beginning first. */
static void judge_configs(struct oracle *o, const struct host *h, const struct flow_block *b)
{
    struct world *w = o->world;
    const uint64_t height = b->header.height;
    struct buf bytes;
    uint64_t base = 0;
    if (b->outcome.next_config.size > 0 && o->pending_height == 0 &&
        b->header.epoch + 1 == w->epoch_count)
        o->pending_height = height;
    if ((b->header.flags & BLOCK_EPOCH_CLOSE) == 0) return;
    buf_init(&bytes, mem_system(), 0);
    must(machine_config(&h->machine, b->header.epoch + 1, &bytes, &base) == ST_OK);
    struct hash hash = chain_config_hash(buf_span(&bytes));
    if (b->header.epoch + 1 == w->epoch_count) {
        epochs_learn(w, buf_span(&bytes), height);
        o->pending_height = 0;
        world_say(w, "epoch %llu begins after block %llu", U(b->header.epoch + 1), U(height));
    }
    const struct known_epoch *e = epochs_at(w, b->header.epoch + 1);
    must(e != NULL);
    if (e->base != height || !span_equal(buf_span(&e->bytes), buf_span(&bytes)) ||
        !hash_equal(&hash, &b->header.next_config_hash))
        world_violate(w, "I12", "host %u begins epoch %llu with another configuration than others",
                      h->id, U(b->header.epoch + 1));
    buf_fini(&bytes);
}

void oracle_on_execute(struct oracle *o, struct host *h, const struct flow_block *b)
{
    struct world *w = o->world;
    (void)learn(o, &b->header, &b->hash);
    if (!host_is_honest(h)) return;
    struct promises *p = &o->promises[h->id];
    p->unproven = b->hash;
    p->unproven_height = b->header.height;
    judge_epoch(o, &b->header);
    if (b->header.proposer != epochs_leader(w, b->header.epoch, b->header.view))
        world_violate(w, "I12", "block %llu of view %llu is by %u, not its leader",
                      (unsigned long long)b->header.height, (unsigned long long)b->header.view,
                      b->header.proposer);
    struct known_header *known = oracle_find_header(o, &b->hash);
    must(known != NULL);
    known->final_us = w->now_us;
    const struct known_header *parent = oracle_find_header(o, &b->header.parent);
    if (parent != NULL && parent->time_ms >= b->header.time_ms)
        world_violate(w, "I13", "block %llu is not younger than its parent",
                      (unsigned long long)b->header.height);
    if (b->header.time_ms > o->newest_wall_ms + CONSENSUS_PREC_MS)
        world_violate(w, "I13", "block %llu is of the future: %llu ms ahead of every honest clock",
                      (unsigned long long)b->header.height,
                      (unsigned long long)(b->header.time_ms - o->newest_wall_ms));
    for (uint32_t i = 0; i < b->tx_count; i++) {
        if (tx_verify(&b->views[i], w->signer) != ST_OK ||
            tx_check_span(&b->views[i], b->header.time_ms, b->header.height) != ST_OK)
            world_violate(w, "I10",
                          "host %u executes a transaction of block %llu that is not "
                          "signed or outside its span",
                          h->id, (unsigned long long)b->header.height);
    }
}

void oracle_on_executed(struct oracle *o, struct host *h, const struct flow_block *b)
{
    struct world *w = o->world;
    if (h->machine.has_repeated)
        world_violate(w, "I9", "host %u executed a transaction twice, again in block %llu", h->id,
                      (unsigned long long)b->header.height);
    uint64_t height = b->header.height;
    o->promises[h->id].executed_height = height;
    if (h->false_from > 0 && height >= h->false_from) return;
    if (!host_is_honest(h)) return;
    oracle_judge_mode(o, h, b);
    judge_configs(o, h, b);
    note_digest(o, h, b);
}

void oracle_on_replayed(struct oracle *o, struct host *h, const struct flow_block *b)
{
    /* It stands in a segment: on the disk, even if it died before that was told. */
    learn(o, &b->header, &b->hash)->held |= UINT64_C(1) << h->id;
    if (h->false_from > 0 && b->header.height >= h->false_from) return;
    if (host_is_honest(h)) note_digest(o, h, b);
}

static void note_digest(struct oracle *o, const struct host *h, const struct flow_block *b)
{
    const uint64_t height = b->header.height;
    while (o->digest_room <= height) {
        uint32_t room = (uint32_t)o->digest_room;
        o->digests = oracle_grow(o->digests, room, &room, sizeof *o->digests);
        o->digest_room = room;
    }
    if (height == o->digest_height + 1) {
        o->digests[height] = b->outcome.digest;
        o->digest_height = height;
    } else if (height <= o->digest_height && !hash_equal(&o->digests[height], &b->outcome.digest)) {
        world_violate(o->world, "I8", "host %u has another result of block %llu than others", h->id,
                      (unsigned long long)height);
    }
}

void oracle_on_answer(struct oracle *o, struct host *h, const struct flow_block *b)
{
    struct world *w = o->world;
    if (!host_is_honest(h)) return;
    const struct certificate *c = &b->res_cert;
    const struct known_epoch *e = epochs_at(w, c->statement.epoch);
    enum status st =
        e == NULL ? ST_INVALID : quorum_check_result(&e->validators, c, w->signer, &w->chain_id);
    bool is_right = st == ST_OK && c->statement.height >= b->header.height;
    if (!is_right)
        world_violate(w, "I8", "host %u says final of block %llu without a certified result", h->id,
                      (unsigned long long)b->header.height);
}

void oracle_on_evidence(struct oracle *o, struct host *h, const struct evidence *e)
{
    struct world *w = o->world;
    ORACLE_GROW(o, evidence, evidence_count, evidence_room);
    o->evidence[o->evidence_count++] = (struct seen_evidence){
        .at_us = w->now_us, .host = h->id, .kind = e->kind, .offender = e->offender};
    if (!host_is_honest(h)) return;
    const struct known_epoch *known = epochs_at(w, e->epoch);
    enum status st = ST_INVALID;
    if (known != NULL)
        st = evidence_verify(e, &known->validators, w->signer, &w->chain_id, mem_system());
    if (st != ST_OK)
        world_violate(w, "I11", "host %u keeps %s against %u that proves nothing (%s)", h->id,
                      evidence_name(e->kind), e->offender, status_text(st));
    for (uint32_t i = 0; i < w->host_count && st == ST_OK; i++) {
        if (!host_is_honest(&w->hosts[i]) || !is_own(&w->hosts[i], e->epoch, e->offender)) continue;
        if (w->hosts[i].was_false && ((int)e->kind == 7 || (int)e->kind == 8)) continue;
        world_violate(w, "I11", "%s names honest validator %u (kept by host %u)",
                      evidence_name(e->kind), e->offender, h->id);
    }
}

void oracle_on_hold(struct oracle *o, struct host *h, const struct flow_block *b)
{
    struct promises *p = &o->promises[h->id];
    (void)learn(o, &b->header, &b->hash);
    ORACLE_GROW(p, written, written_count, written_room);
    p->written[p->written_count++] = b->hash;
}

void oracle_on_crash(struct oracle *o, struct host *h)
{
    struct promises *p = &o->promises[h->id];
    p->unproven_height = 0;
    p->written_count = 0; /* The disk may have lost them. */
    if (h->core == NULL) return;
    consensus_stand_of(core_engine(h->core), &o->stand, host_mono_ms(h));
    for (uint32_t i = 0; i < REJECT_COUNT; i++)
        p->rejects[i] += o->stand.rejects[i];
    memset(p->counted, 0, sizeof p->counted);
}

/* Its own vote completes the quorum as soon as it is durable, also while no line takes it out. */
static void count_own_vote(struct oracle *o, const struct host *h)
{
    if (h->core == NULL) return;
    const struct certificate *cert = consensus_commit_certificate(core_engine(h->core));
    if (cert != NULL) oracle_count_certificate(o, cert);
}

/* An epoch that begins has another engine, which counts from zero. */
static void count_rejects(struct oracle *o, const struct host *h)
{
    struct promises *p = &o->promises[h->id];
    if (h->core == NULL || !h->is_up) return;
    for (uint32_t i = 0; p->epoch != h->epoch && i < REJECT_COUNT; i++)
        p->rejects[i] += p->counted[i];
    p->epoch = h->epoch;
    consensus_stand_of(core_engine(h->core), &o->stand, host_mono_ms(h));
    memcpy(p->counted, o->stand.rejects, sizeof p->counted);
}

void oracle_settle(struct oracle *o, struct host *h)
{
    struct world *w = o->world;
    struct promises *p = &o->promises[h->id];
    if (w->config.has_reject_counts) count_rejects(o, h);
    if (host_is_honest(h) && host_wall_ms(h) > o->newest_wall_ms)
        o->newest_wall_ms = host_wall_ms(h);
    if (p->unproven_height > 0) {
        count_own_vote(o, h);
        bool is_committed = p->unproven_height <= o->committed_height &&
                            hash_equal(&o->committed[p->unproven_height], &p->unproven);
        if (!is_committed)
            world_violate(w, "I1",
                          "host %u finalises block %llu, which is not committed: too few votes "
                          "for it exist",
                          h->id, (unsigned long long)p->unproven_height);
        p->unproven_height = 0;
    }
    if (h->memory.live_bytes > WORLD_MEMORY_MAX && host_is_honest(h))
        world_violate(w, "I14", "host %u uses %llu MiB", h->id,
                      (unsigned long long)(h->memory.live_bytes >> 20));
}

/* --- asking ----------------------------------------------------------------------------------- */

uint64_t oracle_committed_height(const struct oracle *o)
{
    return o->committed_height;
}

bool oracle_committed(const struct oracle *o, uint64_t height, struct hash *hash)
{
    if (height > o->committed_height) return false;
    *hash = o->committed[height];
    return true;
}

uint32_t oracle_evidence_count(const struct oracle *o)
{
    return o->evidence_count;
}

const struct seen_evidence *oracle_evidence_at(const struct oracle *o, uint32_t number)
{
    must(number < o->evidence_count);
    return &o->evidence[number];
}

bool oracle_anchor(
    const struct oracle *o, uint32_t host, uint64_t epoch, uint64_t view, struct seen_anchor *out)
{
    uint64_t round = oracle_round(epoch, view);
    if (view == 0) {
        const struct known_epoch *e = epochs_at(o->world, epoch);
        if (e == NULL) return false;
        *out = (struct seen_anchor){.host = host, .round = round, .height = e->base};
        return oracle_committed(o, e->base, &out->hash);
    }
    for (uint32_t i = o->anchor_count; i-- > 0;) {
        if (o->anchors[i].host != host || o->anchors[i].round != round) continue;
        *out = o->anchors[i];
        return true;
    }
    return false;
}

uint64_t oracle_rejects(const struct oracle *o, const struct host *h, enum consensus_reject reason)
{
    uint64_t sum = o->promises[h->id].rejects[reason];
    if (h->core == NULL) return sum;
    struct consensus_stand *stand = mem_alloc(mem_system(), sizeof *stand);
    must(stand != NULL);
    consensus_stand_of(core_engine(h->core), stand, host_mono_ms(h));
    sum += stand->rejects[reason];
    mem_free(mem_system(), stand);
    return sum;
}

const struct view_change *oracle_view_change(const struct oracle *o,
                                             uint32_t voter,
                                             uint64_t epoch,
                                             uint64_t view)
{
    uint64_t round = oracle_round(epoch, view);
    for (uint32_t i = 0; i < o->vc_count; i++)
        if (o->vcs[i].voter == voter && o->vcs[i].round == round) return o->vcs[i].vc;
    return NULL;
}

bool oracle_digest(const struct oracle *o, uint64_t height, struct hash *digest)
{
    if (height == 0 || height > o->digest_height) return false;
    *digest = o->digests[height];
    return true;
}

uint64_t oracle_result_height(const struct oracle *o)
{
    return o->result_height;
}
