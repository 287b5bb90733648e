/* What a body lacks is asked for, and what others lack is answered.
 *
 *   leaves known: 20 ms of patience for gossip, then the missing transactions by leaf, from the
 *   proposer, then from others in turn; after three tries, or without leaves: the whole block, in
 *   parts, from one peer after the other. A block comes from one peer alone: so a lie has a name.
 *
 * Answers are bounded: by bytes, by questions held for a peer, and to one look at the disk for each
 * peer and tick. Questions beyond are dropped; who asked asks again. */
#include "node/core_int.h"

static void ask_txs(struct core *c, struct core_body *b, uint32_t peer);
static void ask_part(struct core *c, struct core_body *b, uint32_t peer);
static void answer_block(struct core *c, uint32_t peer, const struct wire_get_block *q);
static void answer_chain(struct core *c, uint32_t peer, const struct wire_get_chain *q);

/* --- asking ----------------------------------------------------------------------------------- */

uint32_t core_next_peer(const struct core *c, uint32_t first, uint32_t tries, uint64_t mask)
{
    uint32_t order[CORE_PEERS_MAX];
    uint32_t count = 0;
    uint32_t start = first < c->node_count ? first : 0;
    for (uint32_t pass = 0; pass < 2 && count == 0; pass++) {
        for (uint32_t i = 0; i < c->node_count; i++) {
            uint32_t peer = (start + i) % c->node_count;
            bool is_bad = c->peers[peer].bad_until_ms > c->mono_ms;
            if (!core_is_usable(c, peer) || (mask >> peer & 1u) == 0) continue;
            if (is_bad == (pass == 1)) order[count++] = peer;
        }
    }
    return count == 0 ? CORE_NOBODY : order[tries % count];
}

uint64_t core_patience(uint32_t tries, uint32_t ms, uint32_t ms_max)
{
    uint64_t wait = (uint64_t)ms * (tries + 1u);
    return wait < ms_max ? wait : ms_max;
}

static void next_try(struct core_body *b)
{
    b->ask.id = 0;
    b->ask.until_ms = 0;
    b->ask.tries++;
}

/* What a block names was sent to everybody before: under load it waits here for verification, and
 * asking for it again would only make that wait longer. */
static bool is_gossip_under_way(const struct core *c, const struct core_body *b)
{
    uint64_t age = c->mono_ms - b->since_ms;
    bool is_verifying = c->gossip_back < b->gossip_mark;
    return age < CORE_WAIT_MS || (is_verifying && age < CORE_GOSSIP_MS);
}

void core_fetch(struct core *c, struct core_body *b)
{
    if (b->verifying > 0 || b->raw > 0 || core_body_is_complete(b)) return;
    if (c->mono_ms < b->ask.until_ms) return;
    if (b->ask.id != 0) next_try(b); /* No answer. */
    if (b->has_leaves && b->ask.tries == 0 && is_gossip_under_way(c, b)) return;
    if (b->has_items && b->ask.tries >= CORE_LEAF_TRIES) core_body_forget_items(c, b);
    uint32_t peer = core_next_peer(c, b->from, b->ask.tries, UINT64_MAX);
    if (peer == CORE_NOBODY) {
        b->ask.until_ms = c->mono_ms + CORE_ASK_MS;
        return;
    }
    if (b->has_items)
        ask_txs(c, b, peer);
    else
        ask_part(c, b, peer);
}

static void note_ask(struct core *c, struct core_body *b, uint32_t peer, uint64_t wait_ms)
{
    b->ask.peer = peer;
    b->giver = peer;
    b->ask.until_ms = c->mono_ms + wait_ms;
}

static void ask_txs(struct core *c, struct core_body *b, uint32_t peer)
{
    if (b->asked == NULL) b->asked = mem_alloc_zero(c->mem, b->count + 1u, sizeof *b->asked);
    if (b->asked == NULL) return;
    b->asked_count = 0;
    buf_reset(&c->items);
    for (uint32_t i = b->cursor; i < b->count; i++) {
        if (b->states[i] != TX_MISSING) continue;
        b->asked[b->asked_count++] = i;
        buf_put(&c->items, hash_span(&b->leaves[i]));
    }
    must(b->asked_count > 0);
    b->ask.id = ++c->ask_serial;
    note_ask(c, b, peer, core_patience(b->ask.tries, CORE_ASK_MS, CORE_ASK_MS_MAX));
    struct wire_message *m = c->answer;
    m->kind = WIRE_GET_TXS;
    m->get_txs = (struct wire_get_txs){.id = b->ask.id, .leaves = buf_span(&c->items)};
    buf_reset(&c->out);
    if (buf_status(&c->items) == ST_OK) wire_encode(&c->out, m);
    core_send(c, peer, CORE_URGENT);
}

static void ask_part(struct core *c, struct core_body *b, uint32_t peer)
{
    if (b->ask.peer != peer || b->ask.id == 0) buf_reset(&b->block);
    b->ask.id = ++c->ask_serial;
    note_ask(c, b, peer, core_patience(b->ask.tries, CORE_PART_MS, CORE_PART_MS_MAX));
    struct wire_message *m = c->answer;
    m->kind = WIRE_GET_BLOCK;
    m->get_block = (struct wire_get_block){
        .id = b->ask.id, .height = b->height, .hash = b->hash, .offset = b->block.size};
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_URGENT);
}

/* --- answers to us ---------------------------------------------------------------------------- */

static struct core_body *asked_for(const struct core *c, uint32_t peer, uint64_t id)
{
    for (uint32_t i = 0; i < c->body_end; i++) {
        struct core_body *b = c->bodies[i];
        if (b != NULL && b->ask.id == id && b->ask.id != 0 && b->ask.peer == peer) return b;
    }
    return NULL; /* Too late, or never. */
}

void core_on_txs_found(struct core *c, uint32_t peer, struct wire_txs_found *a)
{
    struct core_body *b = asked_for(c, peer, a->id);
    if (b == NULL || !b->has_items || b->asked == NULL) return;
    uint32_t position;
    struct span tx;
    uint32_t given = 0;
    bool is_lie = false;
    while (!is_lie && wire_next_found(&a->txs, &position, &tx)) {
        is_lie = position >= b->asked_count;
        if (!is_lie && core_body_give_tx(c, b, b->asked[position], tx) == ST_OK) given++;
    }
    if (is_lie) core_lie(c, peer);
    next_try(b);
    if (given > 0 && !is_lie)
        b->ask.tries--; /* The rest from the same one. */
    else if (!is_lie && b->ask.tries < CORE_LEAF_TRIES)
        b->ask.tries = CORE_LEAF_TRIES; /* Final there already: the block has them. */
    core_body_submit(c, b);
}

static void finish_parts(struct core *c, struct core_body *b, uint32_t peer)
{
    if (b->is_sync) {
        core_sync_part(c, b);
        return;
    }
    struct buf block = b->block; /* give_block forgets the parts. */
    buf_init(&b->block, c->mem, 0);
    enum status st = core_body_give_block(c, b, buf_span(&block));
    buf_fini(&block);
    if (st == ST_INVALID) core_lie(c, peer);
    next_try(b);
    if (st == ST_OK) core_body_submit(c, b);
}

void core_on_block_part(struct core *c, uint32_t peer, const struct wire_block_part *p)
{
    struct core_body *b = asked_for(c, peer, p->id);
    if (b == NULL || b->has_items) return;
    if (p->size == 0) {
        next_try(b);
        return;
    }
    bool is_first = b->block.size == 0;
    if (is_first) b->block_size = p->size;
    if (p->offset != b->block.size || p->size != b->block_size) {
        core_lie(c, peer);
        next_try(b);
        return;
    }
    buf_put(&b->block, p->bytes);
    if (buf_status(&b->block) != ST_OK)
        next_try(b);
    else if (b->block.size == b->block_size)
        finish_parts(c, b, peer);
    else
        ask_part(c, b, peer);
}

/* --- questions of others ---------------------------------------------------------------------- */

void core_on_get_txs(struct core *c, uint32_t peer, const struct wire_get_txs *q)
{
    struct core_peer *p = &c->peers[peer];
    if (p->served >= CORE_SERVE_BYTES) return;
    uint32_t count = (uint32_t)(q->leaves.size / HASH_SIZE);
    uint32_t found = 0;
    buf_reset(&c->items);
    for (uint32_t i = 0; i < count && c->items.size < WIRE_CHUNK_BYTES; i++) {
        struct hash leaf;
        memcpy(leaf.bytes, q->leaves.data + (size_t)i * HASH_SIZE, HASH_SIZE);
        const struct flow_tx *t = pool_find_leaf(c->pool, &leaf);
        if (t == NULL || (found > 0 && c->items.size + t->size > WIRE_CHUNK_BYTES)) continue;
        wire_put_found(&c->items, i, span_of(t->bytes, t->size));
        found++;
    }
    c->asked_us |= UINT64_C(1) << peer;
    p->served += c->items.size + q->leaves.size / 4u + 64u;
    struct wire_message *m = c->answer;
    m->kind = WIRE_TXS_FOUND;
    m->txs_found =
        (struct wire_txs_found){.id = q->id, .txs = {.bytes = buf_span(&c->items), .count = found}};
    buf_reset(&c->out);
    if (buf_status(&c->items) == ST_OK) wire_encode(&c->out, m);
    core_send(c, peer, CORE_TXS);
}

void core_on_question(struct core *c, uint32_t peer, const struct core_question *q)
{
    struct core_peer *p = &c->peers[peer];
    if (p->question_count == CORE_QUESTIONS_MAX) return;
    p->questions[p->question_count++] = *q;
    c->asked_us |= UINT64_C(1) << peer;
}

void core_serve(struct core *c)
{
    for (uint32_t i = 0; i < CORE_PEERS_MAX && c->asked_us >> i != 0; i++) {
        struct core_peer *p = &c->peers[i];
        if ((c->asked_us >> i & 1u) == 0) continue;
        p->served = 0;
        if (p->question_count <= 1) c->asked_us &= ~(UINT64_C(1) << i);
        if (p->question_count == 0) continue;
        struct core_question q = p->questions[0];
        p->question_count--;
        memmove(&p->questions[0], &p->questions[1], p->question_count * sizeof q);
        if (q.kind == QUESTION_BLOCK)
            answer_block(c, i, &q.block);
        else
            answer_chain(c, i, &q.chain);
    }
}

static bool is_block(struct span bytes, const struct hash *want)
{
    struct span header;
    struct span body;
    if (block_split(bytes, &header, &body) != ST_OK) return false;
    struct hash hash = hash_of("hdr", header);
    return hash_equal(&hash, want);
}

/* The block asked for, in c->part; the next question is most often about the same one. */
static bool load_part(struct core *c, uint32_t peer, const struct wire_get_block *q)
{
    uint64_t serve_max = c->peers[peer].serve_max;
    if (q->height > serve_max) return false;
    bool is_any = hash_is_zero(&q->hash);
    if (c->part_height == q->height && c->part.size > 0 &&
        (is_any || hash_equal(&c->part_hash, &q->hash)))
        return true;
    buf_reset(&c->part);
    c->part_height = 0;
    c->part_hash = q->hash;
    enum status st = ST_NOT_FOUND;
    const struct core_block *b = is_any ? NULL : core_block_find(c, &q->hash);
    if (b != NULL) {
        buf_put(&c->part, buf_span(&b->flow->bytes));
        st = buf_status(&c->part);
    }
    if (q->height > serve_max) return false;
    if (st != ST_OK && q->height > 0 && q->height <= c->stored_height) {
        st = c->ports->read_block(c->ports->context, q->height, &c->part);
        if (st == ST_OK && !is_any && !is_block(buf_span(&c->part), &q->hash)) st = ST_NOT_FOUND;
    }
    if (st != ST_OK && !is_any) {
        buf_reset(&c->part);
        st = c->ports->read_held(c->ports->context, &q->hash, &c->part);
    }
    if (st != ST_OK) buf_reset(&c->part);
    /* Of a height alone only final blocks are told, which never change. */
    if (st == ST_OK) c->part_height = q->height;
    return st == ST_OK;
}

static void answer_block(struct core *c, uint32_t peer, const struct wire_get_block *q)
{
    struct wire_message *m = c->answer;
    m->kind = WIRE_BLOCK_PART;
    m->block_part = (struct wire_block_part){.id = q->id};
    if (load_part(c, peer, q) && q->offset < c->part.size) {
        size_t left = c->part.size - q->offset;
        size_t size = left < CORE_PART_BYTES ? left : CORE_PART_BYTES;
        m->block_part.size = c->part.size;
        m->block_part.offset = q->offset;
        m->block_part.bytes = span_of(c->part.data + q->offset, size);
    }
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_TXS);
}

/* Of a block that closed an epoch the next one shows both: for those who hear of no later one. */
static void show_closing(struct core *c, uint64_t height, struct wire_chain *out)
{
    struct arena arena;
    struct span header;
    struct span bytes = {0};
    arena_init(&arena, c->mem, 0);
    buf_reset(&c->part);
    struct body *body = arena_alloc_zero(&arena, 1, sizeof *body);
    enum status st = body == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) st = c->ports->read_block(c->ports->context, height + 1, &c->part);
    if (st == ST_OK) st = block_split(buf_span(&c->part), &header, &bytes);
    if (st == ST_OK) st = body_decode(body, &arena, bytes);
    out->has_cert = st == ST_OK && body->has_final_cert;
    out->has_res_cert = st == ST_OK && body->has_res_cert;
    if (out->has_cert) out->cert = body->final_cert;
    if (out->has_res_cert) out->res_cert = body->res_cert;
    arena_fini(&arena);
    buf_reset(&c->part);
}

static void show_certificates(struct core *c, uint64_t last, struct wire_chain *out)
{
    out->has_cert = out->has_res_cert = false;
    if (last < c->final_height) {
        show_closing(c, last, out);
        return;
    }
    out->has_cert = c->final_cert.entry_count > 0;
    if (out->has_cert) out->cert = c->final_cert;
    bool is_base = c->epoch.has_base_certs && c->epoch.base == last;
    const struct certificate *res =
        is_base ? &c->epoch.base_res : &c->res_certs[c->result_height % CONSENSUS_LAG_MAX];
    out->has_res_cert = res->entry_count > 0;
    if (out->has_res_cert) out->res_cert = *res;
}

static void answer_chain(struct core *c, uint32_t peer, const struct wire_get_chain *q)
{
    uint64_t last = c->final_height < c->stored_height ? c->final_height : c->stored_height;
    uint32_t count = 0;
    if (last > c->peers[peer].serve_max) last = c->peers[peer].serve_max;
    buf_reset(&c->items);
    buf_reset(&c->part);
    c->part_height = 0;
    for (uint64_t h = q->height; h > 0 && h <= last && count < WIRE_CHAIN_BLOCKS; h++) {
        buf_reset(&c->part);
        if (c->ports->read_block(c->ports->context, h, &c->part) != ST_OK) break;
        if (c->items.size + c->part.size > WIRE_CHUNK_BYTES) break;
        wire_put(&c->items, buf_span(&c->part));
        count++;
    }
    buf_reset(&c->part);
    struct wire_message *m = c->answer;
    m->kind = WIRE_CHAIN;
    m->chain.id = q->id;
    m->chain.final_height = last;
    show_certificates(c, last, &m->chain);
    m->chain.blocks = (struct wire_items){.bytes = buf_span(&c->items), .count = count};
    buf_reset(&c->out);
    if (buf_status(&c->items) == ST_OK) wire_encode(&c->out, m);
    core_send(c, peer, CORE_BULK);
}
