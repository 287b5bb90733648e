/* wire.c - Byte table. A message is its kind, one byte, and then:
 *
 *    1 consensus    a message of the engine (docs/format/consensus.md)
 *    2 proposal     [header, signature, final certificate / null, result certificate / null, notes,
 *                   leaves]
 *    3 txs          [transaction as bytes…]
 *    4 get txs      [id, leaves]
 *    5 txs found    [id, [position, transaction as bytes, …]]
 *    6 get block    [id, height, hash / null, offset]
 *    7 block part   [id, size, offset, bytes]
 *    8 get chain    [id, height]
 *    9 chain        [id, final height, commit certificate / null, result certificate / null,
 *                   [block as bytes…]]
 *   10 evidence     evidence (docs/format/evidence.md)
 *   11 get height   [id, epoch, final height]
 *   12 height       [id, height, certificate / null]
 *   13 report       [hash of the program, exec_version at least, at most, version]
 *   14 join         [card]
 *   15 welcome      [genesis as bytes, is accepted, text]
 *   16 incident     incident (docs/format/incident.md)
 *   17 get history  [id, height]
 *   18 history      [id, final height, commit certificate / null, result certificate / null,
 *                   [block as bytes, result as bytes, …]]
 *   19 get snapshot [id, height]
 *   20 snapshot     [id, height, is ready, hash of the manifest, its size, size, chunks]
 *   21 get piece    [id, kind, height, at, size, offset]
 *   22 piece        [id, size, offset, bytes]
 *   23 links        [epoch, bits]
 *
 * Lists are checked whole when a message is decoded, and read item by item when they are used:
 * nothing is allocated here. */
#include "node/wire.h"

#include "base/must.h"
#include "ledger/card.h"

#define LINKS_ALL      ((1u << NODES_MAX) - 1u)
#define BLOCK_SIZE_MAX (BLOCK_BYTES_MAX + (64u << 10)) /* Encoded, with its header. */

static void decode_body(struct wire_message *m, struct cbor *in);

/* --- writing ---------------------------------------------------------------------------------- */

void wire_begin(struct buf *out, enum wire_kind kind)
{
    must(kind >= WIRE_CONSENSUS && kind <= WIRE_KIND_LAST);
    buf_put_u8(out, (uint8_t)kind);
}

static void put_certificate(struct buf *out, bool has, const struct certificate *c)
{
    if (has)
        certificate_encode(out, c);
    else
        cbor_put_null(out);
}

static void put_items(struct buf *out, const struct wire_items *items, uint32_t per_item)
{
    cbor_put_array(out, (uint64_t)items->count * per_item);
    buf_put(out, items->bytes);
}

static void put_proposal(struct buf *out, const struct wire_proposal *p)
{
    must(p->leaves.size == (size_t)p->proposal.header.tx_count * HASH_SIZE);
    cbor_put_array(out, 6);
    header_encode(out, &p->proposal.header);
    cbor_put_bytes(out, span_of(p->proposal.sig.bytes, SIGN_SIGNATURE_SIZE));
    put_certificate(out, p->has_final_cert, &p->final_cert);
    put_certificate(out, p->has_res_cert, &p->res_cert);
    notes_encode(out, &p->notes);
    cbor_put_bytes(out, p->leaves);
}

static void put_get_block(struct buf *out, const struct wire_get_block *g)
{
    cbor_put_array(out, 4);
    cbor_put_uint(out, g->id);
    cbor_put_uint(out, g->height);
    if (hash_is_zero(&g->hash))
        cbor_put_null(out);
    else
        cbor_put_bytes(out, hash_span(&g->hash));
    cbor_put_uint(out, g->offset);
}

static void put_block_part(struct buf *out, const struct wire_block_part *p)
{
    must(p->offset + p->bytes.size <= p->size);
    cbor_put_array(out, 4);
    cbor_put_uint(out, p->id);
    cbor_put_uint(out, p->size);
    cbor_put_uint(out, p->offset);
    cbor_put_bytes(out, p->bytes);
}

static void put_chain(struct buf *out, const struct wire_chain *c)
{
    must(c->blocks.count <= WIRE_CHAIN_BLOCKS);
    cbor_put_array(out, 5);
    cbor_put_uint(out, c->id);
    cbor_put_uint(out, c->final_height);
    put_certificate(out, c->has_cert, &c->cert);
    put_certificate(out, c->has_res_cert, &c->res_cert);
    put_items(out, &c->blocks, 1);
}

static void put_history(struct buf *out, const struct wire_history *h)
{
    must(h->items.count <= 2 * WIRE_CHAIN_BLOCKS);
    must(h->items.count % 2 == 0);
    cbor_put_array(out, 5);
    cbor_put_uint(out, h->id);
    cbor_put_uint(out, h->final_height);
    put_certificate(out, h->has_cert, &h->cert);
    put_certificate(out, h->has_res_cert, &h->res_cert);
    put_items(out, &h->items, 1);
}

static void put_snapshot(struct buf *out, const struct wire_snapshot *s)
{
    cbor_put_array(out, 7);
    cbor_put_uint(out, s->id);
    cbor_put_uint(out, s->height);
    cbor_put_bool(out, s->is_ready);
    cbor_put_bytes(out, hash_span(&s->hash));
    cbor_put_uint(out, s->manifest_size);
    cbor_put_uint(out, s->size);
    cbor_put_uint(out, s->chunk_count);
}

static void put_get_piece(struct buf *out, const struct wire_get_piece *g)
{
    cbor_put_array(out, 6);
    cbor_put_uint(out, g->id);
    cbor_put_uint(out, (uint64_t)g->kind);
    cbor_put_uint(out, g->height);
    cbor_put_uint(out, g->at);
    cbor_put_uint(out, g->size);
    cbor_put_uint(out, g->offset);
}

static void put_piece(struct buf *out, const struct wire_piece *p)
{
    must(p->offset + p->bytes.size <= p->size);
    cbor_put_array(out, 4);
    cbor_put_uint(out, p->id);
    cbor_put_uint(out, p->size);
    cbor_put_uint(out, p->offset);
    cbor_put_bytes(out, p->bytes);
}

static void put_report(struct buf *out, const struct wire_report *r)
{
    must(r->exec_version_min <= r->exec_version_max);
    cbor_put_array(out, 4);
    cbor_put_bytes(out, hash_span(&r->program));
    cbor_put_uint(out, r->exec_version_min);
    cbor_put_uint(out, r->exec_version_max);
    cbor_put_text(out, r->version);
}

static void put_links(struct buf *out, const struct wire_links *l)
{
    cbor_put_array(out, 2);
    cbor_put_uint(out, l->epoch);
    cbor_put_uint(out, l->links);
}

void wire_encode(struct buf *out, const struct wire_message *m)
{
    wire_begin(out, m->kind);
    switch (m->kind) {
    case WIRE_CONSENSUS:
    case WIRE_INCIDENT:
    case WIRE_EVIDENCE: buf_put(out, m->bytes); return;
    case WIRE_PROPOSAL: put_proposal(out, &m->proposal); return;
    case WIRE_TXS: put_items(out, &m->txs, 1); return;
    case WIRE_GET_TXS:
        cbor_put_array(out, 2);
        cbor_put_uint(out, m->get_txs.id);
        cbor_put_bytes(out, m->get_txs.leaves);
        return;
    case WIRE_TXS_FOUND:
        cbor_put_array(out, 2);
        cbor_put_uint(out, m->txs_found.id);
        put_items(out, &m->txs_found.txs, 2);
        return;
    case WIRE_GET_BLOCK: put_get_block(out, &m->get_block); return;
    case WIRE_BLOCK_PART: put_block_part(out, &m->block_part); return;
    case WIRE_GET_CHAIN:
        cbor_put_array(out, 2);
        cbor_put_uint(out, m->get_chain.id);
        cbor_put_uint(out, m->get_chain.height);
        return;
    case WIRE_CHAIN: put_chain(out, &m->chain); return;
    case WIRE_GET_HEIGHT:
        cbor_put_array(out, 3);
        cbor_put_uint(out, m->get_height.id);
        cbor_put_uint(out, m->get_height.epoch);
        cbor_put_uint(out, m->get_height.final_height);
        return;
    case WIRE_HEIGHT:
        cbor_put_array(out, 3);
        cbor_put_uint(out, m->height.id);
        cbor_put_uint(out, m->height.height);
        put_certificate(out, m->height.has_cert, &m->height.cert);
        return;
    case WIRE_REPORT: put_report(out, &m->report); return;
    case WIRE_JOIN:
        cbor_put_array(out, 1);
        cbor_put_text(out, m->card);
        return;
    case WIRE_WELCOME:
        cbor_put_array(out, 3);
        cbor_put_bytes(out, m->welcome.genesis);
        cbor_put_bool(out, m->welcome.is_accepted);
        cbor_put_text(out, m->welcome.said);
        return;
    case WIRE_GET_HISTORY:
        cbor_put_array(out, 2);
        cbor_put_uint(out, m->get_history.id);
        cbor_put_uint(out, m->get_history.height);
        return;
    case WIRE_HISTORY: put_history(out, &m->history); return;
    case WIRE_GET_SNAPSHOT:
        cbor_put_array(out, 2);
        cbor_put_uint(out, m->get_snapshot.id);
        cbor_put_uint(out, m->get_snapshot.height);
        return;
    case WIRE_SNAPSHOT: put_snapshot(out, &m->snapshot); return;
    case WIRE_GET_PIECE: put_get_piece(out, &m->get_piece); return;
    case WIRE_PIECE: put_piece(out, &m->piece); return;
    case WIRE_LINKS: put_links(out, &m->links); return;
    }
    must(false);
}

void wire_put(struct buf *items, struct span item)
{
    must(item.size > 0);
    cbor_put_bytes(items, item);
}

void wire_put_found(struct buf *items, uint32_t position, struct span tx)
{
    must(position < WIRE_TXS_MAX);
    cbor_put_uint(items, position);
    wire_put(items, tx);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum status wire_decode(struct wire_message *m, struct span bytes)
{
    if (bytes.size == 0) return ST_TRUNCATED;
    uint8_t kind = bytes.data[0];
    if (kind < WIRE_CONSENSUS || kind > WIRE_KIND_LAST) return ST_INVALID;
    struct span rest = span_of(bytes.data + 1, bytes.size - 1);
    m->kind = (enum wire_kind)kind;
    if (m->kind == WIRE_CONSENSUS || m->kind == WIRE_EVIDENCE || m->kind == WIRE_INCIDENT) {
        m->bytes = rest;
        return rest.size == 0 ? ST_TRUNCATED : ST_OK;
    }
    struct cbor in = cbor_of(rest);
    decode_body(m, &in);
    return cbor_end(&in);
}

static bool get_certificate(struct cbor *in, struct certificate *c)
{
    if (cbor_get_null(in)) return false;
    certificate_decode(c, in);
    return true;
}

static struct span get_leaves(struct cbor *in)
{
    struct span leaves = cbor_get_bytes(in);
    if (leaves.size % HASH_SIZE != 0) cbor_fail(in);
    if (leaves.size / HASH_SIZE > WIRE_TXS_MAX) cbor_fail_with(in, ST_LIMIT);
    return leaves;
}

/* One item of a list of transactions or blocks. */
static void check_item(struct cbor *in, size_t size_max)
{
    struct span item = cbor_get_bytes(in);
    if (item.size == 0) cbor_fail(in);
    if (item.size > size_max) cbor_fail_with(in, ST_LIMIT);
}

static struct wire_items get_items(struct cbor *in, uint32_t count_max, size_t size_max)
{
    uint64_t count = cbor_get_array(in);
    if (count > count_max) cbor_fail_with(in, ST_LIMIT);
    const uint8_t *first = in->at;
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++)
        check_item(in, size_max);
    if (in->status != ST_OK) return (struct wire_items){.count = 0};
    return (struct wire_items){.bytes = span_of(first, (size_t)(in->at - first)),
                               .count = (uint32_t)count};
}

/* Positions ascend, so none comes twice. */
static struct wire_items get_found(struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    if (count % 2 != 0) cbor_fail(in);
    count /= 2;
    if (count > WIRE_TXS_MAX) cbor_fail_with(in, ST_LIMIT);
    const uint8_t *first = in->at;
    uint64_t least = 0;
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        uint64_t position = cbor_get_uint_max(in, WIRE_TXS_MAX - 1);
        if (position < least) cbor_fail(in);
        least = position + 1;
        check_item(in, TX_BYTES_MAX);
    }
    if (in->status != ST_OK) return (struct wire_items){.count = 0};
    return (struct wire_items){.bytes = span_of(first, (size_t)(in->at - first)),
                               .count = (uint32_t)count};
}

static void get_proposal(struct wire_proposal *p, struct cbor *in)
{
    cbor_expect_array(in, 6);
    header_decode(&p->proposal.header, in);
    cbor_get_fixed(in, p->proposal.sig.bytes, SIGN_SIGNATURE_SIZE);
    p->has_final_cert = get_certificate(in, &p->final_cert);
    p->has_res_cert = get_certificate(in, &p->res_cert);
    notes_decode(&p->notes, in);
    p->leaves = get_leaves(in);
    if (in->status != ST_OK) return;
    if (p->leaves.size != (size_t)p->proposal.header.tx_count * HASH_SIZE) cbor_fail(in);
}

static void get_get_block(struct wire_get_block *g, struct cbor *in)
{
    cbor_expect_array(in, 4);
    g->id = cbor_get_uint(in);
    g->height = cbor_get_uint(in);
    g->hash = (struct hash){{0}};
    if (!cbor_get_null(in)) {
        cbor_get_fixed(in, g->hash.bytes, HASH_SIZE);
        if (hash_is_zero(&g->hash)) cbor_fail(in); /* One value, one encoding. */
    }
    g->offset = cbor_get_uint_max(in, BLOCK_SIZE_MAX);
}

static void get_block_part(struct wire_block_part *p, struct cbor *in)
{
    cbor_expect_array(in, 4);
    p->id = cbor_get_uint(in);
    p->size = cbor_get_uint_max(in, BLOCK_SIZE_MAX);
    p->offset = cbor_get_uint_max(in, BLOCK_SIZE_MAX);
    p->bytes = cbor_get_bytes(in);
    if (p->offset > p->size || p->bytes.size > p->size - p->offset) cbor_fail(in);
    if (p->size > 0 && p->bytes.size == 0) cbor_fail(in); /* It would be asked for again. */
}

static void get_chain(struct wire_chain *c, struct cbor *in)
{
    cbor_expect_array(in, 5);
    c->id = cbor_get_uint(in);
    c->final_height = cbor_get_uint(in);
    c->has_cert = get_certificate(in, &c->cert);
    c->has_res_cert = get_certificate(in, &c->res_cert);
    c->blocks = get_items(in, WIRE_CHAIN_BLOCKS, BLOCK_SIZE_MAX);
}

static void get_history(struct wire_history *h, struct cbor *in)
{
    cbor_expect_array(in, 5);
    h->id = cbor_get_uint(in);
    h->final_height = cbor_get_uint(in);
    h->has_cert = get_certificate(in, &h->cert);
    h->has_res_cert = get_certificate(in, &h->res_cert);
    h->items = get_items(in, 2 * WIRE_CHAIN_BLOCKS, BLOCK_SIZE_MAX);
    if (h->items.count % 2 != 0) cbor_fail(in);
}

static void get_snapshot(struct wire_snapshot *s, struct cbor *in)
{
    cbor_expect_array(in, 7);
    s->id = cbor_get_uint(in);
    s->height = cbor_get_uint(in);
    s->is_ready = cbor_get_bool(in);
    cbor_get_fixed(in, s->hash.bytes, HASH_SIZE);
    s->manifest_size = cbor_get_uint_max(in, WIRE_PIECE_MAX);
    s->size = cbor_get_uint(in);
    s->chunk_count = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
}

static void get_get_piece(struct wire_get_piece *g, struct cbor *in)
{
    cbor_expect_array(in, 6);
    g->id = cbor_get_uint(in);
    const uint64_t kind = cbor_get_uint_max(in, PIECE_CHUNK);
    if (kind < PIECE_BLOCK) cbor_fail(in);
    g->kind = kind < PIECE_BLOCK ? PIECE_BLOCK : (enum wire_piece_kind)kind;
    g->height = cbor_get_uint(in);
    g->at = cbor_get_uint(in);
    g->size = cbor_get_uint_max(in, WIRE_PIECE_MAX);
    g->offset = cbor_get_uint_max(in, WIRE_PIECE_MAX);
    if (g->kind != PIECE_CHUNK && (g->at != 0 || g->size != 0)) cbor_fail(in);
}

static void get_piece(struct wire_piece *p, struct cbor *in)
{
    cbor_expect_array(in, 4);
    p->id = cbor_get_uint(in);
    p->size = cbor_get_uint_max(in, WIRE_PIECE_MAX);
    p->offset = cbor_get_uint_max(in, WIRE_PIECE_MAX);
    p->bytes = cbor_get_bytes(in);
    if (p->offset > p->size || p->bytes.size > p->size - p->offset) cbor_fail(in);
    if (p->size > 0 && p->bytes.size == 0) cbor_fail(in); /* It would be asked for again. */
}

static void get_get_txs(struct wire_get_txs *g, struct cbor *in)
{
    cbor_expect_array(in, 2);
    g->id = cbor_get_uint(in);
    g->leaves = get_leaves(in);
    if (g->leaves.size == 0) cbor_fail(in);
}

static void get_height(struct wire_height *h, struct cbor *in)
{
    cbor_expect_array(in, 3);
    h->id = cbor_get_uint(in);
    h->height = cbor_get_uint(in);
    h->has_cert = get_certificate(in, &h->cert);
}

static void get_report(struct wire_report *r, struct cbor *in)
{
    cbor_expect_array(in, 4);
    cbor_get_fixed(in, r->program.bytes, HASH_SIZE);
    r->exec_version_min = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    r->exec_version_max = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    r->version = cbor_get_text(in);
    if (r->exec_version_min > r->exec_version_max) cbor_fail(in);
    if (r->version.size > WIRE_VERSION_MAX) cbor_fail_with(in, ST_LIMIT);
    for (size_t i = 0; i < r->version.size && in->status == ST_OK; i++)
        if (r->version.data[i] <= ' ' || r->version.data[i] > '~') cbor_fail(in);
}

static void get_welcome(struct wire_welcome *w, struct cbor *in)
{
    cbor_expect_array(in, 3);
    w->genesis = cbor_get_bytes(in);
    w->is_accepted = cbor_get_bool(in);
    w->said = cbor_get_text(in);
    if (w->said.size > WIRE_SAID_MAX) cbor_fail_with(in, ST_LIMIT);
}

static void decode_body(struct wire_message *m, struct cbor *in)
{
    switch (m->kind) {
    case WIRE_CONSENSUS:
    case WIRE_INCIDENT:
    case WIRE_EVIDENCE: break; /* Not CBOR of ours: wire_decode. */
    case WIRE_PROPOSAL: get_proposal(&m->proposal, in); return;
    case WIRE_TXS:
        m->txs = get_items(in, WIRE_TXS_MAX, TX_BYTES_MAX);
        if (m->txs.count == 0) cbor_fail(in);
        return;
    case WIRE_GET_TXS: get_get_txs(&m->get_txs, in); return;
    case WIRE_TXS_FOUND:
        cbor_expect_array(in, 2);
        m->txs_found.id = cbor_get_uint(in);
        m->txs_found.txs = get_found(in);
        return;
    case WIRE_GET_BLOCK: get_get_block(&m->get_block, in); return;
    case WIRE_BLOCK_PART: get_block_part(&m->block_part, in); return;
    case WIRE_GET_CHAIN:
        cbor_expect_array(in, 2);
        m->get_chain.id = cbor_get_uint(in);
        m->get_chain.height = cbor_get_uint(in);
        return;
    case WIRE_CHAIN: get_chain(&m->chain, in); return;
    case WIRE_GET_HEIGHT:
        cbor_expect_array(in, 3);
        m->get_height.id = cbor_get_uint(in);
        m->get_height.epoch = cbor_get_uint(in);
        m->get_height.final_height = cbor_get_uint(in);
        return;
    case WIRE_HEIGHT: get_height(&m->height, in); return;
    case WIRE_REPORT: get_report(&m->report, in); return;
    case WIRE_JOIN:
        cbor_expect_array(in, 1);
        m->card = cbor_get_text(in);
        if (m->card.size > CARD_SIZE_MAX) cbor_fail_with(in, ST_LIMIT);
        return;
    case WIRE_WELCOME: get_welcome(&m->welcome, in); return;
    case WIRE_GET_HISTORY:
        cbor_expect_array(in, 2);
        m->get_history.id = cbor_get_uint(in);
        m->get_history.height = cbor_get_uint(in);
        return;
    case WIRE_HISTORY: get_history(&m->history, in); return;
    case WIRE_GET_SNAPSHOT:
        cbor_expect_array(in, 2);
        m->get_snapshot.id = cbor_get_uint(in);
        m->get_snapshot.height = cbor_get_uint(in);
        return;
    case WIRE_SNAPSHOT: get_snapshot(&m->snapshot, in); return;
    case WIRE_GET_PIECE: get_get_piece(&m->get_piece, in); return;
    case WIRE_PIECE: get_piece(&m->piece, in); return;
    case WIRE_LINKS:
        cbor_expect_array(in, 2);
        m->links.epoch = cbor_get_uint(in);
        m->links.links = (uint32_t)cbor_get_uint_max(in, LINKS_ALL);
        return;
    }
    cbor_fail(in);
}

static struct cbor walk(struct wire_items *items)
{
    must(items->count > 0);
    items->count--;
    return cbor_of(items->bytes);
}

static void walked(struct wire_items *items, const struct cbor *in)
{
    must(in->status == ST_OK); /* The list was checked when it was decoded. */
    items->bytes = span_of(in->at, (size_t)(in->end - in->at));
}

bool wire_next(struct wire_items *items, struct span *item)
{
    if (items->count == 0) return false;
    struct cbor in = walk(items);
    *item = cbor_get_bytes(&in);
    walked(items, &in);
    return true;
}

bool wire_next_found(struct wire_items *items, uint32_t *position, struct span *tx)
{
    if (items->count == 0) return false;
    struct cbor in = walk(items);
    *position = (uint32_t)cbor_get_uint(&in);
    *tx = cbor_get_bytes(&in);
    walked(items, &in);
    return true;
}
