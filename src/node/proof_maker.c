/* proof_maker.c - The block part of a proof, from stored blocks and results. */
#include "node/proof_maker.h"

#include "base/must.h"

#define LOOK_AHEAD 48u /* Later blocks that are looked into: bodies lag by less. */

struct search {
    struct proof_maker *maker;
    uint64_t height;
    uint64_t epoch; /* Of the block. */
    bool has_commit;
    bool has_result;
    struct proof_block *out;
};

static enum status read_block(struct proof_maker *m,
                              uint64_t height,
                              struct span *header,
                              struct body *body);
static enum status add_epochs(struct search *s);
static enum status add_certificates(struct search *s);
static void add_newest(struct search *s);
static enum status add_successors(struct search *s);
static enum status add_later(struct search *s);

struct proof_maker *proof_maker_new(const struct chain_tables_source *source)
{
    struct proof_maker *m = mem_alloc_zero(source->mem, 1, sizeof *m);
    if (m == NULL) return NULL;
    m->source = source;
    m->proof.genesis = source->genesis;
    arena_init(&m->arena, source->mem, 0);
    buf_init(&m->bytes, source->mem, 0);
    return m;
}

void proof_maker_free(struct proof_maker *m)
{
    if (m == NULL) return;
    buf_fini(&m->bytes);
    arena_fini(&m->arena);
    mem_free(m->source->mem, m);
}

enum status proof_maker_read(struct proof_maker *m, uint64_t height)
{
    buf_reset(&m->bytes);
    TRY(store_read_result(m->source->store, height, &m->bytes, NULL));
    struct span kept = arena_copy(&m->arena, buf_span(&m->bytes));
    if (kept.data == NULL) return ST_NO_MEMORY;
    return exec_record_decode(&m->record, &m->arena, kept);
}

enum status proof_maker_block(struct proof_maker *m, uint64_t height, struct proof_block *out)
{
    struct search s = {.maker = m, .height = height, .out = out};
    out->successor_count = 0;
    TRY(read_block(m, height, &out->header, NULL));
    TRY(proof_maker_read(m, height));
    out->result = m->record.result;
    out->digest_before = m->record.digest_before;
    TRY(add_epochs(&s));
    TRY(add_certificates(&s));
    TRY(add_successors(&s));
    return add_later(&s);
}

enum status proof_maker_body(struct proof_maker *m, uint64_t height, struct body *out)
{
    return read_block(m, height, NULL, out);
}

struct hash *proof_maker_levels(struct proof_maker *m, const struct hash *leaves, size_t count)
{
    struct hash *levels = arena_alloc_zero(&m->arena, merkle_levels_size(count), sizeof *levels);
    if (levels != NULL) merkle_levels_build(levels, leaves, count);
    return levels;
}

/* header may be null, body too. The header lives in the arena; what the body borrows stands in
 * m->bytes. */
static enum status read_block(struct proof_maker *m,
                              uint64_t height,
                              struct span *header,
                              struct body *body)
{
    struct span head;
    struct span rest;
    buf_reset(&m->bytes);
    TRY(store_read_block(m->source->store, height, &m->bytes, NULL));
    TRY(block_split(buf_span(&m->bytes), &head, &rest));
    if (header != NULL) {
        *header = arena_copy(&m->arena, head);
        if (header->data == NULL) return ST_NO_MEMORY;
    }
    return body == NULL ? ST_OK : body_decode(body, &m->arena, rest);
}

/* From the genesis to the epoch of the block. */
static enum status add_epochs(struct search *s)
{
    const struct chain_tables_source *source = s->maker->source;
    struct header header;
    struct cbor in = cbor_of(s->out->header);
    header_decode(&header, &in);
    TRY(cbor_end(&in));
    s->epoch = header.epoch;
    s->out->epochs = (struct span){0};
    buf_reset(&s->maker->bytes);
    TRY(source->epochs(source->context, header.epoch, &s->maker->bytes));
    if (s->maker->bytes.size == 0) return ST_OK;
    s->out->epochs = arena_copy(&s->maker->arena, buf_span(&s->maker->bytes));
    return s->out->epochs.data == NULL ? ST_NO_MEMORY : ST_OK;
}

static bool is_near(const struct search *s, uint64_t height, uint64_t max)
{
    return height >= s->height && height - s->height <= max;
}

static enum status add_certificates(struct search *s)
{
    struct proof_maker *m = s->maker;
    uint64_t last = store_height(m->source->store);
    if (last > s->height + LOOK_AHEAD) last = s->height + LOOK_AHEAD;
    struct body *body = arena_alloc_zero(&m->arena, 1, sizeof *body);
    if (body == NULL) return ST_NO_MEMORY;
    for (uint64_t h = s->height + 1; h <= last && !(s->has_commit && s->has_result); h++) {
        TRY(read_block(m, h, NULL, body));
        const struct certificate *commit = &body->final_cert;
        const struct certificate *result = &body->res_cert;
        if (!s->has_commit && body->has_final_cert &&
            is_near(s, commit->statement.height, PROOF_SUCCESSORS_MAX)) {
            s->out->final_cert = *commit;
            s->has_commit = true;
        }
        if (!s->has_result && body->has_res_cert &&
            is_near(s, result->statement.height, PROOF_LATER_MAX)) {
            s->out->res_cert = *result;
            s->has_result = true;
        }
    }
    if (!s->has_commit || !s->has_result) add_newest(s);
    return s->has_commit && s->has_result ? ST_OK : ST_NOT_FOUND;
}

/* What no body shows yet: of the newest blocks the node itself knows both. */
static void add_newest(struct search *s)
{
    const struct chain_tables_source *source = s->maker->source;
    struct certificate commit;
    struct certificate result;
    uint64_t executed = 0;
    if (source->committed == NULL || source->certified == NULL) return;
    if (!source->committed(source->context, &commit)) return;
    if (!source->certified(source->context, &result, &executed)) return;
    const bool is_same_epoch =
        commit.statement.epoch == s->epoch && result.statement.epoch == s->epoch;
    if (!is_same_epoch || commit.statement.height > chain_tables_height(source)) return;
    if (!s->has_commit && is_near(s, commit.statement.height, PROOF_SUCCESSORS_MAX)) {
        s->out->final_cert = commit;
        s->has_commit = true;
    }
    if (!s->has_result && is_near(s, result.statement.height, PROOF_LATER_MAX)) {
        s->out->res_cert = result;
        s->has_result = true;
    }
}

static enum status add_successors(struct search *s)
{
    struct proof_block *p = s->out;
    uint64_t until = p->final_cert.statement.height;
    for (uint64_t h = s->height + 1; h <= until; h++) {
        must(p->successor_count < PROOF_SUCCESSORS_MAX);
        TRY(read_block(s->maker, h, &p->successors[p->successor_count], NULL));
        p->successor_count++;
    }
    return ST_OK;
}

static enum status add_later(struct search *s)
{
    struct proof_maker *m = s->maker;
    uint64_t until = s->out->res_cert.statement.height;
    size_t count = (size_t)(until - s->height);
    uint8_t *to = arena_alloc(&m->arena, count * HASH_SIZE + 1);
    if (to == NULL) return ST_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct exec_record record;
        buf_reset(&m->bytes);
        TRY(store_read_result(m->source->store, s->height + 1 + i, &m->bytes, NULL));
        TRY(exec_record_decode(&record, &m->arena, buf_span(&m->bytes)));
        struct hash digest = block_result_digest(&record.result);
        memcpy(to + i * HASH_SIZE, digest.bytes, HASH_SIZE);
    }
    s->out->later = span_of(to, count * HASH_SIZE);
    return ST_OK;
}
