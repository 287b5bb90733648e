/* Linearizable reads without ordering (R1, consensus.md 1.19): from which height on a read sees
 * every write that anybody was told is final before the read began.
 *
 *   fresh ──round begins──▶ asking ──enough answers──▶ waiting ──certified here──▶ answered
 *
 * Whoever was told `final` was told of a result that quorum_size validators had signed. A round
 * asks all of them what they have executed and waits for quorum_view_change answers: the two sets
 * share an honest one, and it answers with that height or a newer one. So the maximum is enough,
 * and a liar can only raise it. Against that, a height beyond what is final here is believed only
 * with a certificate that blocks up to it are ordered; then it will be executed and certified here,
 * too. What a read then sees is certified, so the same argument covers whoever reads after it.
 *
 * R1 a read is helped only by a round that began after it: answers to an older one may be older.
 * R2 a validator answers only with a height at or above all results that it has ever signed, and
 *    says no lower one to clients who do the same themselves (core_signed_height). What
 * it signed before a restart lies at most at the newest block it had voted for: until that one is
 *    executed or has lost its view, it does not answer. Without its journal it never does.
 * R3 both are in one epoch. Who has signed in the next one does not answer: the reader, whose set
 * of validators is an older one, learns of the epoch first. One change an epoch, so any set of the
 *    old validators that would do holds an honest one of any quorum of the new ones.
 * R4 a read is answered once: with a height, by its deadline, or because its asker gave up. */
#include "node/core_int.h"

#define READ_AGAIN_MS 100u /* Without an answer: asked again. */

/* --- lists ------------------------------------------------------------------------------------ */

static void put(struct flow_read **list, struct flow_read *r)
{
    r->next = *list;
    *list = r;
}

static void answer(struct core *c, struct flow_read *r, enum status st, uint64_t height)
{
    r->status = st;
    r->height = height;
    r->next = NULL;
    c->ports->answer(c->ports->context, &r->flow); /* R4: it is in no list any more. */
}

static void answer_all(struct core *c, struct flow_read **list, enum status st)
{
    while (*list != NULL) {
        struct flow_read *r = *list;
        *list = r->next;
        answer(c, r, st, 0);
    }
}

/* Those who gave up, and those who waited too long. */
static void expire(struct core *c, struct flow_read **list)
{
    struct flow_read **at = list;
    while (*at != NULL) {
        struct flow_read *r = *at;
        bool is_cancelled = atomic_load(&r->is_cancelled);
        if (!is_cancelled && c->mono_ms < r->until_ms) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        answer(c, r, is_cancelled ? ST_CLOSED : ST_TIMEOUT, 0);
    }
}

static void release(struct core *c)
{
    struct flow_read **at = &c->reads.waiting;
    while (*at != NULL) {
        struct flow_read *r = *at;
        if (r->height_min > c->certified_height) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        answer(c, r, ST_OK, c->certified_height);
    }
}

/* --- answering others, and ourselves ---------------------------------------------------------- */

/* R2 */
static bool may_answer(struct core *c)
{
    struct core_reads *reads = &c->reads;
    if (!c->config.engine.is_voter || c->is_stopping) return false;
    if (c->executed_height < reads->floor) {
        struct consensus_stand stand;
        consensus_stand_of(c->engine, &stand, c->mono_ms);
        if (stand.tip_height < reads->floor) reads->floor = stand.tip_height;
    }
    return c->executed_height >= reads->floor;
}

uint64_t core_signed_height(struct core *c)
{
    const bool is_validator = c->self < c->config.engine.validators.count;
    if (!is_validator || may_answer(c)) return c->executed_height;
    return c->config.engine.is_voter ? c->reads.floor : UINT64_MAX;
}

/* Null: none is known here now. */
static const struct certificate *proof_of(const struct core *c, uint64_t height)
{
    const struct certificate *commit = &c->final_cert;
    const struct certificate *result = &c->res_certs[c->result_height % CONSENSUS_LAG_MAX];
    if (commit->entry_count > 0 && commit->statement.height >= height) return commit;
    if (result->entry_count > 0 && result->statement.height >= height) return result;
    return NULL;
}

void core_on_get_height(struct core *c, uint32_t peer, const struct wire_get_height *q)
{
    const uint64_t height = c->executed_height;
    const struct certificate *cert = NULL;
    if (!may_answer(c) || q->epoch != c->config.engine.epoch) return; /* R3 */
    if (height > q->final_height) {
        cert = proof_of(c, height);
        if (cert == NULL) return;
    }
    struct wire_message *m = c->answer;
    m->kind = WIRE_HEIGHT;
    m->height.id = q->id;
    m->height.height = height;
    m->height.has_cert = cert != NULL;
    if (cert != NULL) m->height.cert = *cert;
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_URGENT);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void ask(struct core *c, uint32_t peer)
{
    struct wire_message *m = c->answer;
    m->kind = WIRE_GET_HEIGHT;
    m->get_height = (struct wire_get_height){
        .id = c->reads.round, .epoch = c->config.engine.epoch, .final_height = c->final_height};
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_URGENT);
}

static void ask_silent(struct core *c)
{
    c->reads.asked_ms = c->mono_ms;
    for (uint32_t i = 0; i < c->config.engine.validators.count; i++)
        if (i != c->self && (c->reads.heard >> i & 1u) == 0) ask(c, i);
}

static void finish_round(struct core *c)
{
    struct core_reads *reads = &c->reads;
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->config.engine.validators.count; i++)
        count += reads->heard >> i & 1u;
    if (count < quorum_view_change(&c->config.engine.validators)) return;
    while (reads->asking != NULL) {
        struct flow_read *r = reads->asking;
        reads->asking = r->next;
        if (r->height_min < reads->height) r->height_min = reads->height;
        put(&reads->waiting, r);
    }
    release(c);
}

static void note_answer(struct core *c, uint32_t voter, uint64_t height)
{
    c->reads.heard |= 1u << voter;
    if (height > c->reads.height) c->reads.height = height;
    finish_round(c);
}

/* R1: only now is anybody asked. */
static void begin_round(struct core *c)
{
    struct core_reads *reads = &c->reads;
    must(reads->asking == NULL);
    reads->asking = reads->fresh;
    reads->fresh = NULL;
    reads->round++;
    reads->heard = 0;
    reads->height = 0;
    ask_silent(c);
    const bool is_validator = c->self < c->config.engine.validators.count;
    if (is_validator && may_answer(c)) note_answer(c, c->self, c->executed_height);
}

/* Of this epoch, or, when it has just begun, of the one before. */
static bool is_proven(struct core *c, const struct wire_height *a)
{
    const struct consensus_config *config = &c->config.engine;
    struct validators v;
    if (a->height <= c->final_height) return true;
    if (!a->has_cert || a->cert.statement.height < a->height) return false;
    if (core_epoch_validators(c, a->cert.statement.epoch, &v) != ST_OK) return false;
    enum status st = a->cert.part == VOTE_P3
                         ? quorum_check_result(&v, &a->cert, config->signer, &config->chain_id)
                         : quorum_check_commit(&v, &a->cert, config->signer, &config->chain_id);
    return st == ST_OK;
}

void core_on_height(struct core *c, uint32_t peer, const struct wire_height *a)
{
    const struct core_reads *reads = &c->reads;
    const bool is_expected = reads->asking != NULL && a->id == reads->round &&
                             peer < c->config.engine.validators.count &&
                             (reads->heard >> peer & 1u) == 0;
    if (!is_expected) return;
    if (!is_proven(c, a)) {
        core_lie(c, peer);
        return;
    }
    note_answer(c, peer, a->height);
}

/* --- the rest --------------------------------------------------------------------------------- */

void core_on_read(struct core *c, struct flow_read *r)
{
    r->until_ms = c->mono_ms + CORE_READ_MS;
    put(&c->reads.fresh, r); /* Its round begins with the next tick: one for all of a burst. */
}

void core_reads_tick(struct core *c)
{
    struct core_reads *reads = &c->reads;
    expire(c, &reads->fresh);
    expire(c, &reads->asking);
    expire(c, &reads->waiting);
    release(c);
    if (c->is_stopping) core_reads_end(c);
    if (reads->asking == NULL && reads->fresh != NULL)
        begin_round(c);
    else if (reads->asking != NULL && c->mono_ms - reads->asked_ms >= READ_AGAIN_MS)
        ask_silent(c);
}

/* The result of height is certified, and the same as here. */
void core_reads_certified(struct core *c, uint64_t height)
{
    must(height <= c->executed_height);
    if (height <= c->certified_height) return;
    c->certified_height = height;
    release(c);
}

void core_reads_start(struct core *c)
{
    struct consensus_stand stand;
    consensus_stand_of(c->engine, &stand, c->mono_ms);
    c->reads.floor = stand.tip_height;
    const struct header *h = &c->final_header;
    const struct core_digest *d = core_digest_at(c, h->res_height);
    if (c->final_height > 0 && d != NULL && hash_equal(&d->chained, &h->res_digest))
        c->certified_height = h->res_height; /* A quorum agreed to what the header says. */
}

/* Another epoch: those who answered were others. What waits for a height goes on waiting. */
void core_reads_restart(struct core *c)
{
    struct core_reads *reads = &c->reads;
    while (reads->asking != NULL) {
        struct flow_read *r = reads->asking;
        reads->asking = r->next;
        put(&reads->fresh, r);
    }
    reads->round++;
    reads->heard = 0;
    reads->height = 0;
}

void core_reads_end(struct core *c)
{
    answer_all(c, &c->reads.fresh, ST_CLOSED);
    answer_all(c, &c->reads.asking, ST_CLOSED);
    answer_all(c, &c->reads.waiting, ST_CLOSED);
}
