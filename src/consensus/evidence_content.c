/* evidence_content.c - E6: a leader signed a header whose block is provably invalid.
 *
 * A transaction is bound to the header by its leaf and path: the leaf covers txid and signatures,
 * the txid the signers' keys and all that is signed. An honest leader decodes, verifies and places
 * every transaction itself before it signs, so none of these can be shown against it. What depends
 * on more than the block and its parent (txids of earlier blocks, balances) is no evidence. */
#include "base/must.h"
#include "consensus/evidence_int.h"
#include "consensus/wire_int.h"

struct content {
    enum evidence_content fault;
    struct proposal proposal;
    uint32_t item_count;
    struct content_item items[CONTENT_ITEMS_MAX];
};

static enum status decode_content(struct content *c, struct span bytes);
static void decode_item(struct content_item *item, struct cbor *in);
static enum status check_fault(const struct content *c,
                               const struct check_context *context,
                               struct arena *scratch);
static enum status check_tx(const struct content *c,
                            const struct check_context *context,
                            struct arena *scratch);
static enum status check_duplicate(const struct content *c, struct arena *scratch);
static enum status check_time(const struct content *c);
static enum status decode_tx(struct tx *t,
                             const struct content *c,
                             uint32_t index,
                             struct arena *scratch);
static bool is_mode_possible(enum block_mode header, enum block_mode chain);
static enum status proved(bool is_wrong);

enum status evidence_verify_content(const struct evidence *e,
                                    const struct check_context *context,
                                    struct mem *mem)
{
    struct content c;
    TRY(decode_content(&c, e->bytes));
    TRY(evidence_check_proposal(e, &c.proposal, context));
    struct arena scratch;
    arena_init(&scratch, mem, 0); /* Bounded by the limits of transactions. */
    enum status st = check_fault(&c, context, &scratch);
    arena_fini(&scratch);
    return st;
}

static enum status decode_content(struct content *c, struct span bytes)
{
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, 3);
    uint64_t fault = cbor_get_uint_max(&in, CONTENT_MODE);
    if (fault < CONTENT_SIGNATURE) cbor_fail(&in);
    proposal_decode(&c->proposal, &in);
    c->item_count = wire_get_count(&in, CONTENT_ITEMS_MAX);
    for (uint32_t i = 0; i < c->item_count; i++)
        decode_item(&c->items[i], &in);
    if (cbor_end(&in) != ST_OK) return ST_INVALID;
    c->fault = (enum evidence_content)fault;
    return ST_OK;
}

static void decode_item(struct content_item *item, struct cbor *in)
{
    cbor_expect_array(in, 3);
    item->index = wire_get_u32_max(in, BLOCK_TXS_MAX - 1);
    item->tx = cbor_get_bytes(in);
    item->path.count = wire_get_count(in, MERKLE_PATH_MAX);
    for (uint32_t i = 0; i < item->path.count; i++)
        item->path.nodes[i] = wire_get_hash(in);
}

static enum status check_fault(const struct content *c,
                               const struct check_context *context,
                               struct arena *scratch)
{
    uint32_t want = c->fault == CONTENT_MODE ? 0 : c->fault == CONTENT_DUPLICATE ? 2 : 1;
    if (c->item_count != want) return ST_INVALID;
    switch (c->fault) {
    case CONTENT_SIGNATURE:
    case CONTENT_MALFORMED:
    case CONTENT_SPAN: return check_tx(c, context, scratch);
    case CONTENT_DUPLICATE: return check_duplicate(c, scratch);
    case CONTENT_TIME: return check_time(c);
    case CONTENT_MODE:
        return proved(!is_mode_possible(c->proposal.header.mode, context->validators->mode));
    }
    return ST_INVALID;
}

static enum status check_tx(const struct content *c,
                            const struct check_context *context,
                            struct arena *scratch)
{
    const struct header *h = &c->proposal.header;
    struct tx t;
    TRY(decode_tx(&t, c, 0, scratch));
    if (c->fault == CONTENT_SIGNATURE) return proved(tx_verify(&t, context->signer) != ST_OK);
    if (c->fault == CONTENT_MALFORMED) return proved(!hash_equal(&t.chain_id, &h->chain_id));
    must(c->fault == CONTENT_SPAN);
    return proved(tx_check_span(&t, h->time_ms, h->height) != ST_OK);
}

/* The same txid twice, whatever the signatures. */
static enum status check_duplicate(const struct content *c, struct arena *scratch)
{
    struct tx a;
    struct tx b;
    if (c->items[0].index >= c->items[1].index) return ST_INVALID;
    TRY(decode_tx(&a, c, 0, scratch));
    TRY(decode_tx(&b, c, 1, scratch));
    return proved(hash_equal(&a.txid, &b.txid));
}

/* The parent's header needs no signature: the child's names its hash. */
static enum status check_time(const struct content *c)
{
    const struct header *h = &c->proposal.header;
    const struct content_item *item = &c->items[0];
    if (item->index != 0 || item->path.count != 0) return ST_INVALID;
    struct header parent;
    struct cbor in = cbor_of(item->tx);
    header_decode(&parent, &in);
    if (cbor_end(&in) != ST_OK) return ST_INVALID;
    struct hash hash = header_hash(&parent);
    return proved(hash_equal(&hash, &h->parent) && h->time_ms <= parent.time_ms);
}

/* ST_OK: item index is a whole transaction that stands in the block where it says. */
static enum status decode_tx(struct tx *t,
                             const struct content *c,
                             uint32_t index,
                             struct arena *scratch)
{
    must(index < c->item_count);
    const struct header *h = &c->proposal.header;
    const struct content_item *item = &c->items[index];
    enum status st = tx_decode(t, scratch, item->tx);
    if (st == ST_NO_MEMORY) return st;
    if (st != ST_OK || t->is_redacted) return ST_INVALID;
    return merkle_check(&item->path, &t->leaf, item->index, h->tx_count, &h->tx_root);
}

static bool is_mode_possible(enum block_mode header, enum block_mode chain)
{
    if (chain == MODE_FAST) return header == MODE_FAST || header == MODE_STRICT;
    return header == chain;
}

static enum status proved(bool is_wrong)
{
    return is_wrong ? ST_OK : ST_INVALID;
}
