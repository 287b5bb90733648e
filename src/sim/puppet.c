/* puppet.c - See puppet.h. */
#include "sim/puppet.h"

#include "base/must.h"
#include "sim/clients.h"

#define ANSWER_US 300u

struct puppet_block {
    struct puppet_block *next;
    struct hash hash;
    size_t size;
    uint8_t bytes[];
};

void puppet_keep(struct world *w, const struct hash *hash, struct span bytes)
{
    struct puppet_block *b = mem_alloc(mem_system(), sizeof *b + bytes.size);
    must(b != NULL);
    *b = (struct puppet_block){.next = w->puppet_blocks, .hash = *hash, .size = bytes.size};
    memcpy(b->bytes, bytes.data, bytes.size);
    w->puppet_blocks = b;
}

void puppet_free(struct world *w)
{
    while (w->puppet_blocks != NULL) {
        struct puppet_block *b = w->puppet_blocks;
        w->puppet_blocks = b->next;
        mem_free(mem_system(), b);
    }
}

static void answer(struct host *h, uint32_t to, const struct wire_message *m)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    wire_encode(&bytes, m);
    must(buf_status(&bytes) == ST_OK);
    network_inject(h->world, h->id, to, buf_span(&bytes), ANSWER_US);
    buf_fini(&bytes);
}

static const struct client_tx *tx_of_leaf(struct world *w, const uint8_t *leaf)
{
    for (uint32_t i = 0; i < clients_count(w); i++)
        if (memcmp(clients_at(w, i)->leaf.bytes, leaf, HASH_SIZE) == 0) return clients_at(w, i);
    return NULL;
}

static void answer_txs(struct host *h, uint32_t to, const struct wire_get_txs *question)
{
    struct wire_message m = {.kind = WIRE_TXS_FOUND};
    struct buf items;
    buf_init(&items, mem_system(), 0);
    m.txs_found.id = question->id;
    for (uint32_t i = 0; i < question->leaves.size / HASH_SIZE; i++) {
        const struct client_tx *t =
            tx_of_leaf(h->world, question->leaves.data + (size_t)i * HASH_SIZE);
        if (t == NULL) continue;
        wire_put_found(&items, i, t->bytes);
        m.txs_found.txs.count++;
    }
    m.txs_found.txs.bytes = buf_span(&items);
    answer(h, to, &m);
    buf_fini(&items);
}

static void answer_block(struct host *h, uint32_t to, const struct wire_get_block *question)
{
    struct wire_message m = {.kind = WIRE_BLOCK_PART};
    m.block_part.id = question->id;
    for (const struct puppet_block *b = h->world->puppet_blocks; b != NULL; b = b->next) {
        if (!hash_equal(&b->hash, &question->hash) || question->offset >= b->size) continue;
        size_t left = b->size - (size_t)question->offset;
        m.block_part.size = b->size;
        m.block_part.offset = question->offset;
        m.block_part.bytes =
            span_of(b->bytes + question->offset, left < WIRE_CHUNK_BYTES ? left : WIRE_CHUNK_BYTES);
    }
    answer(h, to, &m);
}

void puppet_on_parcel(struct host *h, uint32_t from, const struct parcel *p)
{
    struct wire_message *m = mem_alloc(mem_system(), sizeof *m);
    must(m != NULL);
    if (wire_decode(m, span_of(p->bytes, p->size)) == ST_OK) {
        if (m->kind == WIRE_GET_TXS) answer_txs(h, from, &m->get_txs);
        if (m->kind == WIRE_GET_BLOCK) answer_block(h, from, &m->get_block);
    }
    mem_free(mem_system(), m);
}
