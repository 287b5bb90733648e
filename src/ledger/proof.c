/* proof.c - Proofs: their bytes.
 *
 *   proof       = [version, genesis as bytes, kind, subject, block]       block: proof_block.c
 *   tx          = [receipt as bytes, [path node…], null / [transaction as bytes, [path node…]]]
 *   row version = [entry as bytes, sides, [path node…]]                   sides: side_path.c
 *   row         = [checkpoint, entry as bytes, row path]
 *   no row      = [checkpoint, table id, key as bytes, row path, claim]
 *   no tx       = [txid, interval, [[interval, block]…], claim]
 *   checkpoint  = [height, before, row root, txid root]
 *   row path    = [[[bit, sibling]…], [[position as bytes, leaf]…]]
 *   interval    = [checkpoint, neighbour / null, neighbour / null]
 *   neighbour   = [txid, sides, [path node…]]
 *   claim       H("no row" ‖ u64 table id ‖ key)   H("no tx" ‖ txid)
 *
 * A claim is there because a proof of absence proves as much of other keys and ids: a damaged one
 * would say something else, and true. */
#include "ledger/proof.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define CHECKPOINT_ITEMS 4u
#define PROOF_ITEMS      5u
#define GENESIS_SIZE_MAX (1u << 20)

static void put_head(struct buf *out, struct span genesis, enum proof_kind kind);
static void put_tx(struct buf *out, const struct proof_tx *p);
static void get_tx(struct proof_tx *p, struct cbor *in);
static void put_version(struct buf *out, const struct proof_version *p);
static void get_version(struct proof_version *p, struct cbor *in);
static void put_row(struct buf *out, const struct proof_row *p);
static void get_row(struct proof_row *p, struct cbor *in, struct arena *a);
static void put_no_row(struct buf *out, const struct proof_row *p);
static void get_no_row(struct proof_row *p, struct cbor *in, struct arena *a);
static void put_no_tx(struct buf *out, const struct proof_no_tx *p);
static void get_no_tx(struct proof_no_tx *p, struct cbor *in, struct arena *a);

const char *proof_kind_text(enum proof_kind kind)
{
    switch (kind) {
    case PROOF_TX: return "tx";
    case PROOF_ROW_VERSION: return "row version";
    case PROOF_ROW: return "row";
    case PROOF_NO_ROW: return "no row";
    case PROOF_NO_TX: return "no tx";
    }
    must(false);
    return "";
}

void proof_encode(struct buf *out, const struct proof *p)
{
    put_head(out, p->genesis, p->kind);
    switch (p->kind) {
    case PROOF_TX: put_tx(out, &p->of.tx); break;
    case PROOF_ROW_VERSION: put_version(out, &p->of.version); break;
    case PROOF_ROW: put_row(out, &p->of.row); break;
    case PROOF_NO_ROW: put_no_row(out, &p->of.row); break;
    case PROOF_NO_TX: put_no_tx(out, &p->of.no_tx); break;
    }
    proof_block_write(out, &p->block);
}

void proof_encode_tx(struct buf *out, const struct proof_tx *tx, struct span block)
{
    must(block.size > 0);
    put_head(out, (struct span){0}, PROOF_TX);
    put_tx(out, tx);
    buf_put(out, block);
}

enum status proof_decode(struct proof *p, struct arena *a, struct span bytes)
{
    if (bytes.size > PROOF_BYTES_MAX) return ST_LIMIT;
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, PROOF_ITEMS);
    if (cbor_get_uint(&in) != PROOF_VERSION) cbor_fail(&in);
    p->genesis = cbor_get_bytes(&in);
    if (p->genesis.size > GENESIS_SIZE_MAX) cbor_fail_with(&in, ST_LIMIT);
    const uint64_t kind = cbor_get_uint_max(&in, PROOF_NO_TX);
    if (kind == 0) cbor_fail(&in);
    if (in.status != ST_OK) return in.status;
    p->kind = (enum proof_kind)kind;
    switch (p->kind) {
    case PROOF_TX: get_tx(&p->of.tx, &in); break;
    case PROOF_ROW_VERSION: get_version(&p->of.version, &in); break;
    case PROOF_ROW: get_row(&p->of.row, &in, a); break;
    case PROOF_NO_ROW: get_no_row(&p->of.row, &in, a); break;
    case PROOF_NO_TX: get_no_tx(&p->of.no_tx, &in, a); break;
    }
    proof_block_read(&p->block, &in);
    return cbor_end(&in);
}

enum status proof_add_genesis(struct buf *out,
                              struct arena *a,
                              struct span bytes,
                              struct span genesis)
{
    struct proof *p = arena_alloc_zero(a, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    TRY(proof_decode(p, a, bytes));
    p->genesis = genesis;
    proof_encode(out, p);
    return buf_status(out);
}

static void put_head(struct buf *out, struct span genesis, enum proof_kind kind)
{
    cbor_put_array(out, PROOF_ITEMS);
    cbor_put_uint(out, PROOF_VERSION);
    cbor_put_bytes(out, genesis);
    cbor_put_uint(out, (uint64_t)kind);
}

static void put_tx(struct buf *out, const struct proof_tx *p)
{
    cbor_put_array(out, 3);
    cbor_put_bytes(out, p->receipt);
    merkle_path_write(out, &p->path);
    if (!p->has_shown) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 2);
    cbor_put_bytes(out, p->shown);
    merkle_path_write(out, &p->shown_path);
}

static void get_tx(struct proof_tx *p, struct cbor *in)
{
    cbor_expect_array(in, 3);
    p->receipt = cbor_get_bytes(in);
    merkle_path_read(&p->path, in);
    p->has_shown = !cbor_get_null(in);
    if (!p->has_shown) return;
    cbor_expect_array(in, 2);
    p->shown = cbor_get_bytes(in);
    merkle_path_read(&p->shown_path, in);
}

static void put_version(struct buf *out, const struct proof_version *p)
{
    cbor_put_array(out, 3);
    cbor_put_bytes(out, p->entry);
    side_path_write(out, &p->path);
}

static void get_version(struct proof_version *p, struct cbor *in)
{
    cbor_expect_array(in, 3);
    p->entry = cbor_get_bytes(in);
    side_path_read(&p->path, in);
}

/* --- checkpoints ------------------------------------------------------------------------------ */

static void put_checkpoint(struct buf *out, const struct checkpoint *c)
{
    must(c->before < c->height);
    cbor_put_array(out, CHECKPOINT_ITEMS);
    cbor_put_uint(out, c->height);
    cbor_put_uint(out, c->before);
    put_hash(out, &c->row_root);
    put_hash(out, &c->txid_root);
}

static struct checkpoint get_checkpoint(struct cbor *in)
{
    struct checkpoint c = {.row_count = 0};
    cbor_expect_array(in, CHECKPOINT_ITEMS);
    c.height = cbor_get_uint(in);
    c.before = cbor_get_uint(in);
    c.row_root = get_hash(in);
    c.txid_root = get_hash(in);
    if (c.before >= c.height || c.height > UINT64_MAX - CHECKPOINT_LAG) cbor_fail(in);
    return c;
}

static void put_row_path(struct buf *out, const struct row_path *path)
{
    cbor_put_array(out, 2);
    cbor_put_array(out, path->step_count);
    for (uint32_t i = 0; i < path->step_count; i++) {
        cbor_put_array(out, 2);
        cbor_put_uint(out, path->steps[i].bit);
        put_hash(out, &path->steps[i].sibling);
    }
    cbor_put_array(out, path->place_count);
    for (uint32_t i = 0; i < path->place_count; i++) {
        cbor_put_array(out, 2);
        cbor_put_bytes(out, span_of(path->places[i].position.bytes, ROW_POSITION_SIZE));
        put_hash(out, &path->places[i].leaf);
    }
}

static void get_row_path(struct row_path *path, struct cbor *in, struct arena *a)
{
    void *items = NULL;
    cbor_expect_array(in, 2);
    path->step_count = get_items(in, a, &items, sizeof *path->steps, ROW_POSITION_BITS);
    struct row_step *steps = items;
    for (uint32_t i = 0; i < path->step_count; i++) {
        cbor_expect_array(in, 2);
        steps[i].bit = (uint16_t)get_u32_max(in, ROW_POSITION_BITS - 1);
        steps[i].sibling = get_hash(in);
    }
    path->steps = steps;
    path->place_count = get_items(in, a, &items, sizeof *path->places, ROW_BUCKET_MAX);
    struct row_place *places = items;
    for (uint32_t i = 0; i < path->place_count; i++) {
        cbor_expect_array(in, 2);
        cbor_get_fixed(in, places[i].position.bytes, ROW_POSITION_SIZE);
        places[i].leaf = get_hash(in);
    }
    path->places = places;
}

static void put_row(struct buf *out, const struct proof_row *p)
{
    cbor_put_array(out, 3);
    put_checkpoint(out, &p->checkpoint);
    cbor_put_bytes(out, p->entry);
    put_row_path(out, &p->path);
}

static void get_row(struct proof_row *p, struct cbor *in, struct arena *a)
{
    cbor_expect_array(in, 3);
    p->checkpoint = get_checkpoint(in);
    p->entry = cbor_get_bytes(in);
    get_row_path(&p->path, in, a);
}

static struct hash claim_of_row(const struct proof_row *p)
{
    struct hasher h;
    hash_init(&h, "no row");
    hash_add_u64(&h, p->table_id);
    hash_add(&h, p->key);
    return hash_final(&h);
}

/* Refuses a claim of something else. */
static void expect_claim(struct cbor *in, const struct hash *claim)
{
    struct hash got = get_hash(in);
    if (!hash_equal(&got, claim)) cbor_fail(in);
}

static void put_no_row(struct buf *out, const struct proof_row *p)
{
    struct hash claim = claim_of_row(p);
    cbor_put_array(out, 5);
    put_checkpoint(out, &p->checkpoint);
    cbor_put_uint(out, p->table_id);
    cbor_put_bytes(out, p->key);
    put_row_path(out, &p->path);
    put_hash(out, &claim);
}

static void get_no_row(struct proof_row *p, struct cbor *in, struct arena *a)
{
    cbor_expect_array(in, 5);
    p->checkpoint = get_checkpoint(in);
    p->table_id = cbor_get_uint(in);
    p->key = cbor_get_bytes(in);
    get_row_path(&p->path, in, a);
    struct hash claim = claim_of_row(p);
    expect_claim(in, &claim);
}

static void put_neighbour(struct buf *out, const struct proof_neighbour *n)
{
    if (!n->is_there) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 3);
    put_hash(out, &n->txid);
    side_path_write(out, &n->path);
}

static void get_neighbour(struct proof_neighbour *n, struct cbor *in)
{
    n->is_there = !cbor_get_null(in);
    if (!n->is_there) return;
    cbor_expect_array(in, 3);
    n->txid = get_hash(in);
    side_path_read(&n->path, in);
}

static void put_interval(struct buf *out, const struct proof_interval *i)
{
    cbor_put_array(out, 3);
    put_checkpoint(out, &i->checkpoint);
    put_neighbour(out, &i->left);
    put_neighbour(out, &i->right);
}

static void get_interval(struct proof_interval *i, struct cbor *in)
{
    cbor_expect_array(in, 3);
    i->checkpoint = get_checkpoint(in);
    get_neighbour(&i->left, in);
    get_neighbour(&i->right, in);
}

static void put_no_tx(struct buf *out, const struct proof_no_tx *p)
{
    must(p->older_count < PROOF_INTERVALS_MAX);
    struct hash claim = hash_of("no tx", hash_span(&p->txid));
    cbor_put_array(out, 4);
    put_hash(out, &p->txid);
    put_interval(out, &p->interval);
    cbor_put_array(out, p->older_count);
    for (uint32_t i = 0; i < p->older_count; i++) {
        cbor_put_array(out, 2);
        put_interval(out, &p->older[i].interval);
        proof_block_write(out, &p->older[i].block);
    }
    put_hash(out, &claim);
}

static void get_no_tx(struct proof_no_tx *p, struct cbor *in, struct arena *a)
{
    void *items = NULL;
    cbor_expect_array(in, 4);
    p->txid = get_hash(in);
    get_interval(&p->interval, in);
    p->older_count = get_items(in, a, &items, sizeof *p->older, PROOF_INTERVALS_MAX - 1);
    p->older = items;
    for (uint32_t i = 0; i < p->older_count && in->status == ST_OK; i++) {
        cbor_expect_array(in, 2);
        get_interval(&p->older[i].interval, in);
        proof_block_read(&p->older[i].block, in);
    }
    struct hash claim = hash_of("no tx", hash_span(&p->txid));
    expect_claim(in, &claim);
}
