/* proof_stored.c - A receipt proof from what stands in the store, long after the answer was given.
 *
 * The certificates of a block stand in bodies of later ones. The nearest of each kind is taken: the
 * first later body whose commit certificate is of the block or one after it, and the first whose
 * execution certificate is. */
#include "base/must.h"
#include "ledger/proof.h"
#include "node/proof_tables.h"

#define LOOK_AHEAD 48u /* Later blocks that are looked into: bodies lag by less. */

struct maker {
    struct store *store;
    struct arena arena; /* All that the proof borrows. */
    struct buf bytes;   /* Scratch. */
    struct buf epochs;
    uint64_t height;
    bool has_commit;
    bool has_result;
    struct receipt_proof proof;
};

static enum status read_block(struct maker *m,
                              uint64_t height,
                              struct span *header,
                              struct body *body);
static enum status add_own(struct maker *m, uint32_t index);
static enum status add_epochs(struct maker *m, const struct chain_tables_source *source);
static enum status add_certificates(struct maker *m);
static enum status add_successors(struct maker *m);
static enum status add_later(struct maker *m);

enum status proof_of_stored(const struct chain_tables_source *source,
                            uint64_t height,
                            uint32_t index,
                            struct buf *out)
{
    struct mem *mem = source->mem;
    struct maker *m = mem_alloc_zero(mem, 1, sizeof *m);
    if (m == NULL) return ST_NO_MEMORY;
    m->store = source->store;
    m->height = height;
    arena_init(&m->arena, mem, 0);
    buf_init(&m->bytes, mem, 0);
    buf_init(&m->epochs, mem, 0);
    enum status st = add_own(m, index);
    if (st == ST_OK) st = add_epochs(m, source);
    if (st == ST_OK) st = add_certificates(m);
    if (st == ST_OK) st = add_successors(m);
    if (st == ST_OK) st = add_later(m);
    if (st == ST_OK) {
        receipt_proof_encode(out, &m->proof);
        st = buf_status(out);
    }
    buf_fini(&m->bytes);
    buf_fini(&m->epochs);
    arena_fini(&m->arena);
    mem_free(mem, m);
    return st;
}

/* header may be null, body too; both live in the arena. */
static enum status read_block(struct maker *m,
                              uint64_t height,
                              struct span *header,
                              struct body *body)
{
    struct span head;
    struct span rest;
    buf_reset(&m->bytes);
    TRY(store_read_block(m->store, height, &m->bytes, NULL));
    TRY(block_split(buf_span(&m->bytes), &head, &rest));
    if (header != NULL) {
        *header = arena_copy(&m->arena, head);
        if (header->data == NULL) return ST_NO_MEMORY;
    }
    return body == NULL ? ST_OK : body_decode(body, &m->arena, rest);
}

/* The receipt, its path, the result and the header. */
static enum status add_own(struct maker *m, uint32_t index)
{
    struct exec_record record;
    struct receipt_proof *p = &m->proof;
    TRY(read_block(m, m->height, &p->header, NULL));
    buf_reset(&m->bytes);
    TRY(store_read_result(m->store, m->height, &m->bytes, NULL));
    struct span kept = arena_copy(&m->arena, buf_span(&m->bytes));
    if (kept.data == NULL) return ST_NO_MEMORY;
    TRY(exec_record_decode(&record, &m->arena, kept));
    if (index >= record.receipt_count) return ST_CORRUPT;
    uint32_t count = record.receipt_count;
    struct hash *leaves = arena_alloc_zero(&m->arena, count, sizeof *leaves);
    struct hash *levels = arena_alloc_zero(&m->arena, merkle_levels_size(count), sizeof *levels);
    if (leaves == NULL || levels == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        leaves[i] = receipt_leaf(record.receipts[i]);
    merkle_levels_build(levels, leaves, count);
    merkle_levels_path(&p->path, levels, count, index);
    p->receipt = record.receipts[index];
    p->receipt_index = index;
    p->receipt_count = count;
    p->result = record.result;
    p->digest_before = record.digest_before;
    return ST_OK;
}

/* From the genesis to the epoch of the block. */
static enum status add_epochs(struct maker *m, const struct chain_tables_source *source)
{
    struct header header;
    struct cbor in = cbor_of(m->proof.header);
    header_decode(&header, &in);
    TRY(cbor_end(&in));
    TRY(source->epochs(source->context, header.epoch, &m->epochs));
    m->proof.epochs = buf_span(&m->epochs);
    return ST_OK;
}

static bool is_near(const struct maker *m, uint64_t height, uint64_t max)
{
    return height >= m->height && height - m->height <= max;
}

static enum status add_certificates(struct maker *m)
{
    uint64_t last = store_height(m->store);
    if (last > m->height + LOOK_AHEAD) last = m->height + LOOK_AHEAD;
    struct receipt_proof *p = &m->proof;
    struct body *body = arena_alloc_zero(&m->arena, 1, sizeof *body);
    if (body == NULL) return ST_NO_MEMORY;
    for (uint64_t h = m->height + 1; h <= last && !(m->has_commit && m->has_result); h++) {
        TRY(read_block(m, h, NULL, body));
        const struct certificate *commit = &body->final_cert;
        const struct certificate *result = &body->res_cert;
        if (!m->has_commit && body->has_final_cert &&
            is_near(m, commit->statement.height, PROOF_SUCCESSORS_MAX)) {
            p->final_cert = *commit;
            m->has_commit = true;
        }
        if (!m->has_result && body->has_res_cert &&
            is_near(m, result->statement.height, PROOF_LATER_MAX)) {
            p->res_cert = *result;
            m->has_result = true;
        }
    }
    return m->has_commit && m->has_result ? ST_OK : ST_NOT_FOUND;
}

static enum status add_successors(struct maker *m)
{
    struct receipt_proof *p = &m->proof;
    uint64_t until = p->final_cert.statement.height;
    for (uint64_t h = m->height + 1; h <= until; h++) {
        must(p->successor_count < PROOF_SUCCESSORS_MAX);
        TRY(read_block(m, h, &p->successors[p->successor_count], NULL));
        p->successor_count++;
    }
    return ST_OK;
}

static enum status add_later(struct maker *m)
{
    struct receipt_proof *p = &m->proof;
    uint64_t until = p->res_cert.statement.height;
    size_t count = (size_t)(until - m->height);
    uint8_t *to = arena_alloc(&m->arena, count * HASH_SIZE + 1);
    if (to == NULL) return ST_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct exec_record record;
        buf_reset(&m->bytes);
        TRY(store_read_result(m->store, m->height + 1 + i, &m->bytes, NULL));
        TRY(exec_record_decode(&record, &m->arena, buf_span(&m->bytes)));
        struct hash digest = block_result_digest(&record.result);
        memcpy(to + i * HASH_SIZE, digest.bytes, HASH_SIZE);
    }
    p->later = span_of(to, count * HASH_SIZE);
    return ST_OK;
}
