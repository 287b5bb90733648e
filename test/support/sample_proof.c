#include "support/sample_proof.h"

#include "base/must.h"
#include "ledger/config.h"
#include "support/sample_ledger.h"

#define ENTRIES 5u
#define LINKS   2u

struct span sample_genesis_bytes(void)
{
    static uint8_t bytes[4096];
    struct buf out;
    struct genesis g = sample_genesis();
    buf_init_fixed(&out, bytes, sizeof bytes);
    genesis_encode(&out, &g);
    must(buf_status(&out) == ST_OK);
    return buf_span(&out);
}

static struct header header_of(const struct proof *p)
{
    struct header h;
    struct cbor in = cbor_of(p->block.header);
    header_decode(&h, &in);
    must(cbor_end(&in) == ST_OK);
    return h;
}

static struct span encoded(struct arena *a, const struct buf *out)
{
    must(buf_status(out) == ST_OK);
    struct span copy = arena_copy(a, buf_span(out));
    must(copy.data != NULL);
    return copy;
}

/* The validators sign the block part as it is now. */
static void sign(struct proof *p, struct arena *a, struct header *header)
{
    uint8_t bytes[1024];
    struct buf out;
    struct proof_block *b = &p->block;
    buf_init_fixed(&out, bytes, sizeof bytes);
    header_encode(&out, header);
    b->header = encoded(a, &out);
    b->result.block_hash = header_hash(header);
    struct hash digest = proof_block_digest(b);
    for (size_t at = 0; at < b->later.size; at += HASH_SIZE) {
        struct hash d;
        memcpy(d.bytes, b->later.data + at, HASH_SIZE);
        digest = digest_fold(&digest, &d);
    }
    b->res_cert =
        sample_certificate(VOTE_P3, header->height + b->later.size / HASH_SIZE, &digest, 3);
    sample_successors(p, a, 1);
}

/* --- epochs ----------------------------------------------------------------------------------- */

/* Keys of an epoch: the last of four is another in each. */
static struct secret_key secret_of(uint64_t epoch, uint32_t voter)
{
    return sample_node_secret(voter == 3 && epoch > 0 ? 10 + (uint32_t)epoch : voter);
}

static struct span config_of(struct arena *a, uint64_t epoch)
{
    static const char *const names[SAMPLE_NODES] = {"n0", "n1", "n2", "n3"};
    uint8_t bytes[2048];
    struct buf out;
    struct chain_config c = {.epoch = epoch,
                             .mode = MODE_BFT,
                             .f = 1,
                             .exec_version = 1,
                             .block_txs_max = 10,
                             .batch_age_ms = 10,
                             .fuel_tx = 1000000,
                             .params = consensus_params_default(),
                             .validator_count = SAMPLE_NODES,
                             .node_count = SAMPLE_NODES};
    for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
        struct secret_key secret = secret_of(epoch, i);
        c.nodes[i] = (struct chain_node){.organisation = span_text("Bank"),
                                         .node_name = span_text(names[i]),
                                         .node_key = sample_public(&secret)};
    }
    buf_init_fixed(&out, bytes, sizeof bytes);
    chain_config_encode(&out, &c);
    return encoded(a, &out);
}

/* By three validators of the statement's epoch, with the one that is another in each. */
static struct certificate certificate_of(enum vote_part part, const struct statement *s)
{
    struct certificate c = {.part = part, .statement = *s, .entry_count = 3};
    struct hash chain_id = sample_chain_id();
    for (uint32_t i = 0; i < 3; i++) {
        struct vote v = {.voter = i + 1};
        for (int k = 0; k < VOTE_PARTS; k++)
            v.parts[k].is_null = k != (int)part;
        v.parts[part] = *s;
        struct hash hash = vote_hash(&v, &chain_id);
        struct secret_key secret = secret_of(s->epoch, v.voter);
        must(sign_hash(sample_signer(), &v.sig, &secret, &hash) == ST_OK);
        c.entries[i] = certificate_cut(&v, part);
    }
    return c;
}

static struct span header_bytes(struct arena *a, const struct header *h)
{
    uint8_t bytes[1024];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    header_encode(&out, h);
    return encoded(a, &out);
}

/* Blocks 2 and 4 close epochs 0 and 1. */
static struct span epochs_of(struct arena *a)
{
    struct buf links;
    struct buf chain;
    buf_init(&links, mem_system(), 0);
    buf_init(&chain, mem_system(), 0);
    for (uint32_t i = 0; i < LINKS; i++) {
        struct span config = config_of(a, i + 1u);
        struct header h = {.chain_id = sample_chain_id(),
                           .epoch = i,
                           .height = 2ull * (i + 1u),
                           .exec_version = 1,
                           .mode = MODE_BFT,
                           .flags = BLOCK_EPOCH_CLOSE,
                           .next_config_hash = chain_config_hash(config)};
        struct statement s = {.epoch = i, .height = h.height, .hash = header_hash(&h)};
        struct epoch_link link = {
            .header = header_bytes(a, &h), .cert = certificate_of(VOTE_P2, &s), .config = config};
        epoch_link_encode(&links, &link);
    }
    epoch_chain_encode(&chain, LINKS, buf_span(&links));
    struct span bytes = encoded(a, &chain);
    buf_fini(&links);
    buf_fini(&chain);
    return bytes;
}

static void later_epoch(struct proof *p, struct arena *a)
{
    struct header h = header_of(p);
    struct proof_block *b = &p->block;
    h.epoch = LINKS;
    h.mode = MODE_BFT;
    b->header = header_bytes(a, &h);
    b->epochs = epochs_of(a);
    b->later = (struct span){0};
    b->successor_count = 0;
    b->result.block_hash = header_hash(&h);
    struct statement s = {
        .epoch = LINKS, .view = h.view, .height = h.height, .hash = b->result.block_hash};
    b->final_cert = certificate_of(VOTE_P2, &s);
    s = (struct statement){.epoch = LINKS, .height = h.height, .hash = proof_block_digest(b)};
    b->res_cert = certificate_of(VOTE_P3, &s);
}

/* --- subjects --------------------------------------------------------------------------------- */

/* Of a block of five transactions, the one with all kinds of values third. */
static void show(struct proof *p, struct arena *a)
{
    struct header header = header_of(p);
    struct hash leaves[SAMPLE_TXS_MAX];
    struct hash levels[3 * SAMPLE_TXS_MAX];
    uint8_t bytes[8192];
    struct buf out;
    struct tx t = sample_tx();
    struct receipt receipt = sample_receipt_ok();
    struct proof_tx *tx = &p->of.tx;
    receipt.txid = t.txid;
    buf_init_fixed(&out, bytes, sizeof bytes);
    receipt_encode(&out, &receipt);
    tx->receipt = encoded(a, &out);
    t.is_redacted = true;
    for (uint32_t i = 0; i < t.op_count; i++) {
        for (uint32_t k = 0; k < t.ops[i].param_count; k++)
            t.ops[i].params[k].is_purged = i + k > 0;
        for (uint32_t k = 0; k < t.ops[i].auth_count; k++)
            t.ops[i].auths[k].is_purged = true;
    }
    buf_reset(&out);
    tx_encode(&t, &out);
    tx->shown = encoded(a, &out);
    tx->has_shown = true;
    struct tx again;
    must(tx_decode(&again, a, tx->shown) == ST_OK);
    for (uint32_t i = 0; i < SAMPLE_TXS_MAX; i++)
        leaves[i] = merkle_leaf(span_of(&i, 1));
    leaves[receipt.index] = again.leaf;
    merkle_levels_build(levels, leaves, SAMPLE_TXS_MAX);
    merkle_levels_path(&tx->shown_path, levels, SAMPLE_TXS_MAX, receipt.index);
    header.tx_root = levels[merkle_levels_size(SAMPLE_TXS_MAX) - 1];
    leaves[receipt.index] = receipt_leaf(tx->receipt);
    merkle_levels_build(levels, leaves, SAMPLE_TXS_MAX);
    merkle_levels_path(&tx->path, levels, SAMPLE_TXS_MAX, receipt.index);
    p->block.result.receipts_root = levels[merkle_levels_size(SAMPLE_TXS_MAX) - 1];
    sign(p, a, &header);
}

static void put_entry(struct buf *out, uint32_t key, bool is_gone)
{
    cbor_put_array(out, 3);
    cbor_put_uint(out, 1000);
    cbor_put_array(out, 1);
    cbor_put_uint(out, key);
    if (is_gone) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 2);
    cbor_put_uint(out, key);
    cbor_put_text(out, span_text("value"));
}

/* The fourth of five entries. */
static void version(struct proof *p, struct arena *a, bool is_gone)
{
    struct header header = header_of(p);
    struct hash leaves[ENTRIES];
    struct hash levels[3 * ENTRIES];
    p->kind = PROOF_ROW_VERSION;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint8_t bytes[128];
        struct buf out;
        buf_init_fixed(&out, bytes, sizeof bytes);
        put_entry(&out, i, is_gone);
        leaves[i] = merkle_leaf(buf_span(&out));
        if (i == 3) p->of.version.entry = encoded(a, &out);
    }
    merkle_levels_build(levels, leaves, ENTRIES);
    side_path_make(&p->of.version.path, levels, ENTRIES, 3);
    p->block.result.writeset_root = levels[merkle_levels_size(ENTRIES) - 1];
    sign(p, a, &header);
}

/* --- at a checkpoint -------------------------------------------------------------------------- */

#define ROWS_MAX 200u

struct tree { /* A naive row tree over keys 0, 2, 4…, by its definition. */
    struct row_place places[ROWS_MAX];
    uint32_t count;
};

static struct hash root_of(const struct row_place *places, uint32_t count)
{
    if (count == 0) return (struct hash){{0}};
    if (count <= ROW_BUCKET_MAX) return row_bucket_hash(places, count);
    uint32_t bit = row_position_differ(&places[0].position, &places[count - 1].position);
    uint32_t split = 0;
    while (!row_position_bit(&places[split].position, bit))
        split++;
    struct hash left = root_of(places, split);
    struct hash right = root_of(places + split, count - split);
    return row_branch_hash(bit, &left, &right);
}

static void row_entry(struct arena *a, uint32_t key, struct span *entry)
{
    uint8_t bytes[128];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    put_entry(&out, key, false);
    *entry = encoded(a, &out);
}

static void tree_make(struct tree *t, struct arena *a, uint32_t count)
{
    must(count <= ROWS_MAX);
    t->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct span entry;
        struct row_change change;
        row_entry(a, 2 * i, &entry);
        must(row_change_of(&change, entry) == ST_OK);
        t->places[i] = change.place;
    }
}

static void path_to(struct row_path *out,
                    struct arena *a,
                    const struct tree *t,
                    const struct row_position *position)
{
    const struct row_place *places = t->places;
    uint32_t count = t->count;
    struct row_step *steps = arena_alloc_zero(a, (size_t)ROW_POSITION_BITS, sizeof *steps);
    out->step_count = 0;
    while (count > ROW_BUCKET_MAX) {
        uint32_t bit = row_position_differ(&places[0].position, &places[count - 1].position);
        uint32_t split = 0;
        while (!row_position_bit(&places[split].position, bit))
            split++;
        const bool is_right = row_position_bit(position, bit);
        struct row_step *step = &steps[out->step_count++];
        step->bit = (uint16_t)bit;
        step->sibling = is_right ? root_of(places, split) : root_of(places + split, count - split);
        places += is_right ? split : 0;
        count = is_right ? count - split : split;
    }
    out->steps = steps;
    out->place_count = count;
    out->places = NULL;
    if (count == 0) return;
    out->places =
        (const struct row_place *)arena_copy(a, span_of(places, count * sizeof *places)).data;
}

/* The block becomes the one that certifies the checkpoint, 8 above it. */
static void certify(struct proof *p, struct arena *a, const struct checkpoint *c)
{
    struct header header = header_of(p);
    header.height = c->height + CHECKPOINT_LAG;
    header.time_ms = SAMPLE_TIME_MS + header.height;
    header.final_height = header.height - 1;
    header.res_height = header.height - 2;
    p->block.result.height = header.height;
    p->block.result.checkpoint = checkpoint_hash(c);
    sign(p, a, &header);
}

static void row(struct proof *p, struct arena *a, uint32_t count, uint32_t index)
{
    struct tree t;
    struct proof_row *r = &p->of.row;
    tree_make(&t, a, count);
    *r = (struct proof_row){.checkpoint = {.height = 128,
                                           .row_root = root_of(t.places, count),
                                           .txid_root = hash_of("txids", (struct span){0})}};
    p->kind = PROOF_ROW;
    row_entry(a, 2 * index, &r->entry);
    path_to(&r->path, a, &t, &t.places[index].position);
    certify(p, a, &r->checkpoint);
}

static void no_row(struct proof *p, struct arena *a, uint32_t count)
{
    struct tree t;
    struct row_position position;
    struct proof_row *r = &p->of.row;
    tree_make(&t, a, count);
    *r = (struct proof_row){.checkpoint = {.height = 256,
                                           .before = 128,
                                           .row_root = root_of(t.places, count),
                                           .txid_root = hash_of("txids", (struct span){0})},
                            .table_id = 1000,
                            .key = span_text("\x81\x07")};
    p->kind = PROOF_NO_ROW;
    must(row_position_of(&position, r->table_id, r->key) == ST_OK);
    path_to(&r->path, a, &t, &position);
    certify(p, a, &r->checkpoint);
}

/* Ids 10.., 30.., 50.. of count transactions, and the neighbours of id. */
static void interval(struct proof_interval *i, uint32_t count, const struct hash *id)
{
    struct hash ids[8];
    struct hash leaves[8];
    struct hash levels[24];
    *i = (struct proof_interval){.checkpoint = i->checkpoint};
    i->checkpoint.txid_root = hash_of("", (struct span){0});
    if (count == 0) return;
    for (uint32_t k = 0; k < count; k++) {
        ids[k] = (struct hash){{(uint8_t)(16 + 32 * k)}};
        leaves[k] = merkle_leaf(hash_span(&ids[k]));
    }
    merkle_levels_build(levels, leaves, count);
    i->checkpoint.txid_root = levels[merkle_levels_size(count) - 1];
    uint32_t at = 0;
    while (at < count && memcmp(ids[at].bytes, id->bytes, HASH_SIZE) < 0)
        at++;
    if (at > 0) {
        i->left = (struct proof_neighbour){.is_there = true, .txid = ids[at - 1]};
        side_path_make(&i->left.path, levels, count, at - 1);
    }
    if (at < count) {
        i->right = (struct proof_neighbour){.is_there = true, .txid = ids[at]};
        side_path_make(&i->right.path, levels, count, at);
    }
}

static void no_tx(struct proof *p, struct arena *a, uint32_t count)
{
    struct proof_no_tx *n = &p->of.no_tx;
    p->kind = PROOF_NO_TX;
    *n = (struct proof_no_tx){.txid = {{0x38}}};
    if (count > 0) {
        struct proof_older *older = arena_alloc_zero(a, 1, sizeof *older);
        older->interval.checkpoint = (struct checkpoint){.height = 128};
        interval(&older->interval, 1, &n->txid);
        certify(p, a, &older->interval.checkpoint);
        older->block = p->block;
        n->older = older;
        n->older_count = 1;
        n->interval.checkpoint = (struct checkpoint){.height = 256, .before = 128};
    } else {
        n->interval.checkpoint = (struct checkpoint){.height = 128};
    }
    interval(&n->interval, count, &n->txid);
    certify(p, a, &n->interval.checkpoint);
}

void sample_proof_of(struct proof *p, struct arena *a, enum sample_subject subject)
{
    sample_proof(p, a, 2);
    sample_successors(p, a, 1);
    p->genesis = sample_genesis_bytes();
    switch (subject) {
    case SAMPLE_TX: break;
    case SAMPLE_TX_LATER: later_epoch(p, a); break;
    case SAMPLE_TX_SHOWN: show(p, a); break;
    case SAMPLE_VERSION: version(p, a, false); break;
    case SAMPLE_VERSION_GONE: version(p, a, true); break;
    case SAMPLE_ROW: row(p, a, 40, 7); break;
    case SAMPLE_ROW_OF_MANY: row(p, a, 200, 123); break;
    case SAMPLE_NO_ROW: no_row(p, a, 100); break;
    case SAMPLE_NO_ROW_OF_NONE: no_row(p, a, 0); break;
    case SAMPLE_NO_TX: no_tx(p, a, 3); break;
    case SAMPLE_NO_TX_OF_NONE: no_tx(p, a, 0); break;
    case SAMPLE_SUBJECTS: must(false);
    }
}
