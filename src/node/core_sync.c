/* Catch-up by final blocks (consensus.md 1.11).
 *
 *   ask for a piece of chain ─▶ link ─▶ verify every transaction ─▶ check ─▶ a certificate on one
 * of them ─▶ append, settle ─▶ execute, tell the engine
 *
 * What comes is believed in two ways together. Each block names its parent, so all hang on the one
 * that a valid commit certificate names; the certificate came with the peer's answer or stands in a
 * later body. And everything a block commits to is checked here as for any proposal: transactions,
 * tx_root, sizes, the certificates' hashes. The signatures of certificates inside bodies below the
 * one that counts are not checked again: a quorum has committed to them by hash.
 *
 * Bounds: CORE_SYNC_MAX blocks and SYNC_BYTES in memory, one question under way, BUILDS_MAX checks
 * a tick, CONSENSUS_LAG_MAX blocks applied and not executed. The blocks were never held, so they
 * are settled before anything is executed or the engine hears of them.
 *
 * A wrong answer is forgotten with all that came after it, its sender asked last from then on. */
#include "node/core_int.h"

#define SYNC_BYTES   ((size_t)64 << 20)
#define BUILDS_MAX   24u
#define UNPROVEN_MAX 2u /* Rounds through all peers for a certificate of what is here. */
#define NEAR_BLOCKS  CONSENSUS_WINDOW        /* So few are left to the engine and its votes. */
#define ROOM_MIN     (2u * CONSENSUS_WINDOW) /* Blocks that are taken whatever their size. */

static void trim(struct core *c);
static void cut(struct core *c, uint32_t from);
static void ask(struct core *c);
static void build(struct core *c);
static void prove(struct core *c);
static void apply(struct core *c);
static bool is_beyond(const struct core *c, const struct core_body *b);

/* --- the window ------------------------------------------------------------------------------- */

static uint64_t next_height(const struct core_sync *s)
{
    return s->first + s->count;
}

static void free_piece(struct core *c, struct core_piece *piece)
{
    c->sync.bytes -= piece->size;
    if (piece->body != NULL) core_body_free(c, piece->body);
    if (piece->block != NULL) {
        must(piece->block->state == BLOCK_CAUGHT);
        core_block_free(c, piece->block);
    }
    *piece = (struct core_piece){.sender = CORE_NOBODY};
}

/* Forget the pieces at and behind index from. */
static void cut(struct core *c, uint32_t from)
{
    struct core_sync *s = &c->sync;
    while (s->count > from)
        free_piece(c, &s->pieces[--s->count]);
    if (s->built > from) s->built = from;
    if (s->large != NULL) core_body_free(c, s->large);
    s->large = NULL;
    s->has_body_cert = false;
}

/* What a quorum has not certified: what it has is not lost by the lies of who sent something else.
 */
static void cut_unproven(struct core *c)
{
    const struct core_sync *s = &c->sync;
    uint64_t proven = 0;
    if (s->apply_to > c->final_height && s->apply_to >= s->first)
        proven = s->apply_to - s->first + 1;
    cut(c, proven < s->built ? (uint32_t)proven : s->built); /* A fork takes all: trim. */
}

static void shift(struct core *c, uint32_t count)
{
    struct core_sync *s = &c->sync;
    must(count <= s->count);
    s->count -= count;
    s->built = s->built > count ? s->built - count : 0;
    s->first += count;
    memmove(&s->pieces[0], &s->pieces[count], s->count * sizeof s->pieces[0]);
}

/* What became final otherwise is not needed any more. */
static void trim(struct core *c)
{
    struct core_sync *s = &c->sync;
    uint32_t gone = 0;
    while (gone < s->count && s->first + gone <= c->final_height)
        free_piece(c, &s->pieces[gone++]);
    shift(c, gone);
    if (s->count == 0 && s->first <= c->final_height) {
        cut(c, 0);
        s->first = c->final_height + 1;
    }
    bool is_other_fork = s->count > 0 && gone > 0 && s->pieces[0].body != NULL &&
                         !hash_equal(&s->pieces[0].body->header.parent, &c->final_hash);
    if (is_other_fork) cut(c, 0);
}

void core_sync_start(struct core *c, uint64_t height, uint64_t peers)
{
    struct core_sync *s = &c->sync;
    if (peers != 0) s->peers = peers;
    if (height <= c->final_height) return;
    if (height > s->target) s->target = height;
    if (s->is_active) return;
    s->is_active = true;
    s->first = c->final_height + 1;
    s->ask = (struct core_ask){.peer = CORE_NOBODY};
}

/* What was fetched stays: blocks of the epoch that begins now are checked by its rules. */
void core_sync_move(struct core *c, const uint32_t map[CORE_PEERS_MAX])
{
    struct core_sync *s = &c->sync;
    trim(c); /* The line may have been faster. */
    for (uint32_t i = 0; i < s->count; i++) {
        struct core_piece *piece = &s->pieces[i];
        must(piece->block == NULL); /* All of the old epoch is final. */
        piece->sender = piece->sender < CORE_NOBODY ? map[piece->sender] : CORE_NOBODY;
        piece->body->giver = piece->body->from = CORE_NOBODY;
    }
    if (s->large != NULL) core_body_free(c, s->large);
    s->large = NULL;
    s->peers = 0;
    s->has_cert = s->has_body_cert = s->has_res_cert = false;
    s->ask = (struct core_ask){.peer = CORE_NOBODY};
    s->passed_count = 0;
}

void core_sync_free(struct core *c)
{
    cut(c, 0);
}

static void stop(struct core *c)
{
    cut(c, 0);
    c->sync.is_active = false;
    c->sync.has_cert = false;
    c->sync.has_more = false;
    c->sync.target = 0;
}

/* Blocks that a quorum certified were lost before they were applied: the engine hears of those that
 * were when the rest is here again. */
static void want_again(struct core *c)
{
    struct core_sync *s = &c->sync;
    s->cert = s->apply_cert;
    s->has_cert = true;
    s->cert_from = CORE_NOBODY;
    if (s->target < s->apply_to) s->target = s->apply_to;
    s->apply_to = c->final_height;
}

void core_sync_tick(struct core *c)
{
    struct core_sync *s = &c->sync;
    if (!s->is_active || c->has_failed) return;
    if (s->apply_to > c->final_height) {
        trim(c); /* The engine may have made the next of them final, meanwhile. */
        bool is_ready = s->count > 0 && s->pieces[0].block != NULL;
        if (is_ready)
            apply(c);
        else
            want_again(c);
    } else if (!s->is_settling) {
        trim(c);
        if (c->final_height >= s->target && !s->has_more) {
            stop(c);
            return;
        }
        build(c); /* What can be judged has been looked at when it is. */
        prove(c);
    }
    build(c);
    ask(c);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool has_room(const struct core_sync *s)
{
    if (s->count + WIRE_CHAIN_BLOCKS > CORE_SYNC_MAX) return s->count < ROOM_MIN;
    return s->count < ROOM_MIN || s->bytes < SYNC_BYTES;
}

static void ask(struct core *c)
{
    struct core_sync *s = &c->sync;
    if (c->is_stopping || !has_room(s) || c->mono_ms < s->ask.until_ms) return;
    if (s->large != NULL) {
        core_fetch(c, s->large);
        return;
    }
    bool is_unproven = s->built == s->count && s->apply_to <= c->final_height && !s->is_settling;
    bool is_enough = next_height(s) > s->target && !s->has_more;
    if (s->count > 0 && is_enough && !is_unproven) return;
    if (s->ask.id != 0) s->ask.tries++; /* No answer: the next one. */
    uint64_t mask = s->peers == 0 ? UINT64_MAX : s->peers;
    uint32_t peer = core_next_peer(c, 0, s->ask.tries, mask);
    s->ask.until_ms = c->mono_ms + CORE_ASK_MS;
    s->ask.id = 0;
    if (peer == CORE_NOBODY) return;
    s->ask.id = ++c->ask_serial;
    s->ask.peer = peer;
    s->ask.until_ms = c->mono_ms + core_patience(s->ask.tries, CORE_PART_MS, CORE_PART_MS_MAX);
    struct wire_message *m = c->answer;
    m->kind = WIRE_GET_CHAIN;
    m->get_chain = (struct wire_get_chain){.id = s->ask.id, .height = next_height(s)};
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_BULK);
}

/* --- answers ---------------------------------------------------------------------------------- */

static const struct hash *hash_before(const struct core *c, uint32_t index)
{
    return index == 0 ? &c->final_hash : &c->sync.pieces[index - 1].hash;
}

/* One more at the end, linked to what is there. */
static enum status add_body(struct core *c, struct core_body *b, size_t size, uint32_t sender)
{
    struct core_sync *s = &c->sync;
    must(s->count < CORE_SYNC_MAX);
    if (b->header.height != next_height(s)) return ST_INVALID;
    if (!hash_equal(&b->header.chain_id, &c->config.engine.chain_id)) return ST_INVALID;
    bool is_first = s->count == 0 && s->first == c->final_height + 1;
    if (s->count > 0 || is_first) {
        if (!hash_equal(&b->header.parent, hash_before(c, s->count))) return ST_INVALID;
    }
    s->pieces[s->count++] =
        (struct core_piece){.body = b, .hash = b->hash, .sender = sender, .size = size};
    s->bytes += size;
    return ST_OK;
}

static enum status add_block(struct core *c, struct span bytes, uint32_t sender)
{
    const struct hash any = {{0}};
    struct core_body *b = core_body_new(c, &any, next_height(&c->sync));
    if (b == NULL) return ST_NO_MEMORY;
    b->is_sync = true;
    b->giver = sender;
    enum status st = core_body_give_block(c, b, bytes);
    if (st == ST_OK) st = add_body(c, b, bytes.size, sender);
    if (st != ST_OK) core_body_free(c, b);
    return st;
}

/* The block is larger than an answer: in parts, from the same peer first. */
static void ask_large(struct core *c, uint32_t peer)
{
    const struct hash any = {{0}};
    struct core_body *b = core_body_new(c, &any, next_height(&c->sync));
    if (b == NULL) return;
    b->is_sync = true;
    b->from = peer;
    c->sync.large = b;
}

void core_sync_part(struct core *c, struct core_body *b)
{
    struct core_sync *s = &c->sync;
    must(b == s->large);
    struct buf block = b->block; /* give_block forgets the parts. */
    buf_init(&b->block, c->mem, 0);
    uint32_t sender = b->ask.peer;
    enum status st = core_body_give_block(c, b, buf_span(&block));
    if (st == ST_OK) st = add_body(c, b, block.size, sender);
    buf_fini(&block);
    s->large = NULL;
    if (st == ST_OK) return;
    if (st == ST_INVALID) core_lie(c, sender);
    core_body_free(c, b);
}

static void note_certificate(struct core *c, const struct wire_chain *a, uint32_t peer)
{
    struct core_sync *s = &c->sync;
    uint64_t height = s->cert.statement.height;
    bool is_of_use = s->has_cert && height >= s->first && height < next_height(s);
    if (!a->has_cert || a->cert.part == VOTE_P3) return;
    if (a->cert.statement.epoch != c->config.engine.epoch) return;
    if (is_of_use && a->cert.statement.height <= height) return;
    s->has_cert = true;
    s->cert = a->cert;
    s->cert_from = peer;
}

/* It has no more than is here: others may have the certificate that proves it. */
static void on_no_more(struct core *c)
{
    struct core_sync *s = &c->sync;
    s->ask.tries++;
    s->unproven++;
    if (s->unproven <= UNPROVEN_MAX * c->node_count || s->count == 0) return;
    s->unproven = 0;
    cut_unproven(c); /* All were asked, none has the word of a quorum for this. */
}

enum status core_on_chain(struct core *c, uint32_t peer, struct wire_chain *a)
{
    struct core_sync *s = &c->sync;
    if (!s->is_active || s->ask.id == 0 || a->id != s->ask.id || peer != s->ask.peer) return ST_OK;
    s->ask.id = 0;
    s->ask.until_ms = 0;
    trim(c);
    note_certificate(c, a, peer);
    if (a->has_cert && a->has_res_cert) core_epoch_use(c, &a->cert, &a->res_cert);
    s->has_more = a->blocks.count > NEAR_BLOCKS;
    if (a->blocks.count == 0) {
        if (a->final_height >= next_height(s))
            ask_large(c, peer);
        else
            on_no_more(c);
        s->ask.until_ms = c->mono_ms + (s->large != NULL ? CORE_WAIT_MS : CORE_ASK_MS);
        return ST_OK;
    }
    struct span bytes;
    enum status st = ST_OK;
    while (st == ST_OK && s->count < CORE_SYNC_MAX && wire_next(&a->blocks, &bytes))
        st = add_block(c, bytes, peer);
    if (st != ST_INVALID) return ST_OK; /* No memory: again later. */
    /* Not necessarily this one: what it does not link to may be another's lie. */
    core_lie(c, peer);
    s->ask.tries++;
    cut_unproven(c);
    return ST_OK;
}

/* --- checking --------------------------------------------------------------------------------- */

static void blame(struct core *c, uint32_t index)
{
    uint32_t sender = c->sync.pieces[index].sender;
    if (sender < CORE_NOBODY) core_lie(c, sender);
    c->sync.ask.tries++;
    cut(c, index);
}

static void note_body_certificate(struct core *c, const struct core_block *b)
{
    struct core_sync *s = &c->sync;
    if (!b->has_final_cert || b->final_cert.part == VOTE_P3) return;
    if (b->final_cert.statement.epoch != c->config.engine.epoch) return;
    if (b->final_cert.statement.height <= c->final_height) return;
    s->has_body_cert = true;
    s->body_cert = b->final_cert;
}

/* False: not now, or it was wrong. */
static bool build_one(struct core *c)
{
    struct core_sync *s = &c->sync;
    struct core_piece *piece = &s->pieces[s->built];
    struct core_parent parent = {.hash = *hash_before(c, s->built)};
    if (s->built > 0)
        parent.header = &s->pieces[s->built - 1].block->flow->header;
    else if (c->final_height > 0)
        parent.header = &c->final_header;
    struct core_block *block = NULL;
    switch (core_body_build(c, piece->body, &parent, &block)) {
    case VERDICT_READY: break;
    case VERDICT_WAIT: return false;
    case VERDICT_LIE:
    case VERDICT_BAD: blame(c, s->built); return false;
    }
    block->state = BLOCK_CAUGHT;
    core_body_free(c, piece->body);
    piece->body = NULL;
    piece->block = block;
    s->built++;
    note_body_certificate(c, block);
    return true;
}

static bool is_beyond(const struct core *c, const struct core_body *b)
{
    return b->header.epoch != c->config.engine.epoch;
}

/* A block of the next epoch is checked when that has begun. Its body shows what ends this one. */
static void look_beyond(struct core *c, const struct core_body *b)
{
    struct core_sync *s = &c->sync;
    if (!b->has_final_cert || b->final_cert.part == VOTE_P3) return;
    if (b->final_cert.statement.epoch != c->config.engine.epoch) return;
    if (b->has_res_cert) core_epoch_use(c, &b->final_cert, &b->res_cert);
    if (b->final_cert.statement.height <= c->final_height) return;
    s->has_body_cert = true;
    s->body_cert = b->final_cert;
}

/* It was looked at: does it stand where no block of another epoch can stand, or not show what it
 * should? While the own execution of the closing block is under way nobody can tell. */
static bool is_false_beyond(const struct core *c)
{
    const struct core_sync *s = &c->sync;
    must(s->built < s->count);
    if (s->has_body_cert || c->epoch.is_over) return false;
    if (s->built > 0) return true;
    if (s->first != c->final_height + 1) return false;
    return !core_epoch_is_closed(c) || c->executed_height == c->final_height;
}

static void build(struct core *c)
{
    struct core_sync *s = &c->sync;
    for (uint32_t i = s->built; i < s->count; i++) {
        struct core_body *b = s->pieces[i].body;
        must(b != NULL);
        if (!b->has_items) { /* One of its transactions was no transaction: forgotten. */
            blame(c, i);
            return;
        }
        if (b->raw > 0) core_body_submit(c, b);
        if (b->raw > 0) break; /* Verification is full. */
    }
    for (uint32_t i = 0; i < BUILDS_MAX && s->built < s->count; i++) {
        if (is_beyond(c, s->pieces[s->built].body)) {
            look_beyond(c, s->pieces[s->built].body);
            return;
        }
        bool is_on_final = s->built > 0 || s->first == c->final_height + 1;
        if (!is_on_final || !core_body_is_complete(s->pieces[s->built].body)) return;
        if (!build_one(c)) return;
    }
}

/* --- proof and application -------------------------------------------------------------------- */

static bool covers(const struct core_sync *s, const struct certificate *cert)
{
    uint64_t height = cert->statement.height;
    return height >= s->first && height - s->first < s->built;
}

/* A quorum's word on one of the blocks here: all up to it are final. */
static bool use_certificate(struct core *c, const struct certificate *cert, uint32_t from)
{
    struct core_sync *s = &c->sync;
    uint32_t index = (uint32_t)(cert->statement.height - s->first);
    const struct consensus_config *e = &c->config.engine;
    if (quorum_check_commit(&e->validators, cert, e->signer, &e->chain_id) != ST_OK) {
        if (from < CORE_NOBODY) core_lie(c, from);
        return false;
    }
    if (!hash_equal(&cert->statement.hash, &s->pieces[index].hash)) {
        blame(c, 0); /* The quorum says otherwise: somebody made up these blocks. */
        return false;
    }
    s->apply_cert = *cert;
    s->apply_to = cert->statement.height;
    if (c->engine_final >= c->final_height) s->passed_count = 0; /* It has heard of all before. */
    s->unproven = 0;
    return true;
}

static void prove(struct core *c)
{
    struct core_sync *s = &c->sync;
    if (s->first != c->final_height + 1) return;
    if (s->has_cert && covers(s, &s->cert)) {
        s->has_cert = false;
        struct certificate cert = s->cert;
        if (use_certificate(c, &cert, s->cert_from)) return;
    }
    bool is_beyond_next = s->built < s->count && is_beyond(c, s->pieces[s->built].body);
    bool is_built = s->built == s->count || is_beyond_next;
    if (!is_built || s->count == 0) return;
    if (s->has_body_cert && covers(s, &s->body_cert)) {
        s->has_body_cert = false;
        struct certificate cert = s->body_cert;
        uint32_t index = (uint32_t)(cert.statement.height - s->first);
        if (use_certificate(c, &cert, s->pieces[index].sender)) return;
        if (s->count > 0) blame(c, 0);
    } else if (is_beyond_next) {
        if (is_false_beyond(c)) blame(c, s->built);
    } else if (!has_room(s)) {
        blame(c, 0); /* So many blocks and no word of a quorum. */
    }
}

/* The span knows all ids below; a quorum that repeats one has more than f liars in it. */
static bool is_fresh(struct core *c, const struct flow_block *flow)
{
    if (c->fault == FAULT_DEDUPE_OFF) return true;
    for (uint32_t i = 0; i < flow->tx_count; i++)
        if (pool_final_height_of(c->pool, &flow->txids[i]) > 0) return false;
    return true;
}

static void note_result_certificate(struct core *c, const struct core_block *b)
{
    struct core_sync *s = &c->sync;
    if (!b->has_res_cert) return;
    s->has_res_cert = true;
    s->res_cert = b->res_cert;
}

/* The next piece becomes final. is_last: of this round, which then is made durable. */
static enum status apply_one(struct core *c, bool is_last)
{
    struct core_sync *s = &c->sync;
    struct core_block *b = s->pieces[0].block;
    if (!is_fresh(c, b->flow)) return ST_CORRUPT;
    struct storage_job *job = core_new_job(c, 0, span_of(NULL, 0));
    if (job == NULL) return ST_NO_MEMORY;
    job->append = b->flow;
    job->needs_settle = is_last;
    TRY(core_submit(c, job));
    bool is_next = b->flow->header.height == c->engine_final + s->passed_count + 1;
    if (is_next && s->passed_count < CONSENSUS_WINDOW) s->passed[s->passed_count++] = b->flow->hash;
    note_result_certificate(c, b);
    s->bytes -= s->pieces[0].size;
    s->pieces[0] = (struct core_piece){.sender = CORE_NOBODY};
    shift(c, 1);
    if (is_last) s->is_settling = true;
    return core_block_final(c, b, &s->apply_cert);
}

static void apply(struct core *c)
{
    struct core_sync *s = &c->sync;
    if (s->is_settling) return;
    uint64_t lag = c->final_height - c->executed_height;
    if (lag >= CONSENSUS_LAG_MAX || c->jobs_out >= CORE_JOBS_MAX) return;
    uint64_t left = s->apply_to - c->final_height;
    uint64_t round = CONSENSUS_LAG_MAX - lag;
    if (round > left) round = left;
    if (round > CORE_JOBS_MAX - c->jobs_out) round = CORE_JOBS_MAX - c->jobs_out;
    for (uint64_t i = 0; i < round; i++) {
        enum status st = apply_one(c, i + 1 == round);
        if (st == ST_OK) continue;
        core_fail(c, st, "blocks that a quorum certified cannot follow the own ones");
        return;
    }
}

static void check_result_certificate(struct core *c)
{
    struct core_sync *s = &c->sync;
    const struct consensus_config *e = &c->config.engine;
    if (!s->has_res_cert) return;
    if (quorum_check_result(&e->validators, &s->res_cert, e->signer, &e->chain_id) != ST_OK)
        s->has_res_cert = false;
}

void core_sync_stored(struct core *c)
{
    struct core_sync *s = &c->sync;
    if (!s->is_settling) return;
    s->is_settling = false;
    c->execute_gate = c->final_height;
    if (c->final_height < s->apply_to) return;
    /* The line may have been faster, or the rest was lost: the certificate is of another block. */
    if (s->apply_cert.statement.height != c->final_height) return;
    check_result_certificate(c);
    core_push(c, CONSENSUS_ON_ADVANCED, &c->final_hash);
    core_push(c, CONSENSUS_ON_EXECUTED, NULL);
    core_step_queued(c);
}
