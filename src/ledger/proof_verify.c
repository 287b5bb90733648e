/* proof_verify.c - The check of proofs that trusts nothing but the genesis.
 *
 * What follows from hashes first, and signatures last. The block (proof_block.c), then what hangs
 * under its result: a receipt under receipts_root
 * and its transaction under the header's tx_root, an entry of the write set under writeset_root, a
 * checkpoint in d_h and under it rows and transaction ids.
 * Reasons are fixed texts, in the order of docs/format/proof.md. */
#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/proof.h"

#define ENTRY_DEPTH_MAX 2u

struct check {
    const struct proof *proof;
    const struct proof_trust *trust;
    struct arena *arena;
    struct proof_facts facts;
    const char *what;
};

static enum status check_genesis(struct span genesis, const struct hash *chain_id);
static enum status check_subject(struct check *c);
static enum status check_tx(struct check *c);
static enum status check_shown(struct check *c);
static enum status check_version(struct check *c);
static enum status check_entry(struct check *c, struct span entry);
static enum status check_row(struct check *c);
static enum status check_no_row(struct check *c);
static enum status check_no_tx(struct check *c);
static enum status load_genesis(const struct proof *p,
                                const struct proof_anchor *anchor,
                                struct arena *a,
                                struct validators *out,
                                const char **what);

enum status proof_verify(const struct proof *p,
                         const struct proof_trust *trust,
                         struct proof_facts *out,
                         struct arena *a,
                         const char **what)
{
    struct check c = {.proof = p, .trust = trust, .arena = a, .facts = {.kind = p->kind}};
    *what = "the genesis in the proof is of another chain";
    TRY(check_genesis(p->genesis, trust->chain_id));
    *what = proof_block_check(&p->block, trust->chain_id, &c.facts.header);
    if (*what != NULL) return ST_REJECTED;
    enum status st = check_subject(&c);
    *what = c.what;
    if (st != ST_OK) return st == ST_NO_MEMORY || st == ST_SIGNATURE ? st : ST_REJECTED;
    TRY(proof_block_verify(&p->block, &c.facts.header, trust, a, what));
    *out = c.facts;
    return ST_OK;
}

bool proof_covers_life(const struct proof_facts *f,
                       uint64_t valid_until_ms,
                       uint64_t valid_until_height)
{
    must(f->kind == PROOF_NO_TX);
    const bool begins = f->after == 0 || (valid_until_height > TX_SPAN_BLOCKS_MAX &&
                                          f->after < valid_until_height - TX_SPAN_BLOCKS_MAX);
    return begins && (f->height >= valid_until_height || f->passed_ms > valid_until_ms);
}

enum status proof_verify_bytes(struct span bytes,
                               const struct proof_anchor *anchor,
                               struct proof_facts *out,
                               struct arena *a,
                               const char **what)
{
    *what = "out of memory";
    struct proof *p = arena_alloc_zero(a, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    *what = "the proof is malformed";
    TRY(proof_decode(p, a, bytes));
    struct validators validators;
    TRY(load_genesis(p, anchor, a, &validators, what));
    const struct proof_trust trust = {
        .validators = &validators, .chain_id = anchor->chain_id, .signer = anchor->signer};
    return proof_verify(p, &trust, out, a, what);
}

/* Of the first epoch. The anchor's own file stands before the proof's. */
static enum status load_genesis(const struct proof *p,
                                const struct proof_anchor *anchor,
                                struct arena *a,
                                struct validators *out,
                                const char **what)
{
    struct genesis g;
    struct span bytes = anchor->genesis.size > 0 ? anchor->genesis : p->genesis;
    *what = "the proof does not contain the genesis: give its file";
    if (bytes.size == 0) return ST_REJECTED;
    *what = "the genesis in the proof is of another chain";
    TRY(check_genesis(bytes, anchor->chain_id));
    *what = "the genesis is malformed";
    TRY(genesis_decode(&g, a, bytes));
    *out = genesis_validators(&g);
    return ST_OK;
}

static enum status check_genesis(struct span genesis, const struct hash *chain_id)
{
    if (genesis.size == 0) return ST_OK;
    struct hash hash = genesis_chain_id(genesis);
    return hash_equal(&hash, chain_id) ? ST_OK : ST_REJECTED;
}

static enum status check_subject(struct check *c)
{
    switch (c->proof->kind) {
    case PROOF_TX: return check_tx(c);
    case PROOF_ROW_VERSION: return check_version(c);
    case PROOF_ROW: return check_row(c);
    case PROOF_NO_ROW: return check_no_row(c);
    case PROOF_NO_TX: return check_no_tx(c);
    }
    must(false);
    return ST_INVALID;
}

static enum status check_tx(struct check *c)
{
    const struct proof_tx *tx = &c->proof->of.tx;
    const struct header *header = &c->facts.header;
    struct receipt *receipt = &c->facts.receipt;
    c->what = "the receipt is malformed";
    TRY(receipt_decode(receipt, c->arena, tx->receipt));
    c->what = "the receipt is of another height";
    if (receipt->height != header->height) return ST_REJECTED;
    struct hash leaf = receipt_leaf(tx->receipt);
    c->what = "the receipt is not under the receipts root";
    TRY(merkle_check(&tx->path, &leaf, receipt->index, header->tx_count,
                     &c->proof->block.result.receipts_root));
    return tx->has_shown ? check_shown(c) : ST_OK;
}

static enum status check_shown(struct check *c)
{
    const struct proof_tx *tx = &c->proof->of.tx;
    c->what = "the transaction shown is malformed";
    struct tx *shown = arena_alloc_zero(c->arena, 1, sizeof *shown);
    if (shown == NULL) return ST_NO_MEMORY;
    TRY(tx_decode(shown, c->arena, tx->shown));
    c->what = "the transaction shown is another one";
    if (!hash_equal(&shown->txid, &c->facts.receipt.txid)) return ST_REJECTED;
    c->what = "the transaction shown is not under the root of transactions";
    TRY(merkle_check(&tx->shown_path, &shown->leaf, c->facts.receipt.index,
                     c->facts.header.tx_count, &c->facts.header.tx_root));
    c->facts.shown = shown;
    return ST_OK;
}

static enum status check_version(struct check *c)
{
    const struct proof_version *version = &c->proof->of.version;
    TRY(check_entry(c, version->entry));
    c->facts.height = c->facts.header.height;
    struct hash leaf = merkle_leaf(version->entry);
    c->what = "the row is not under the root of the write set";
    return side_path_check(&version->path, &leaf, &c->proof->block.result.writeset_root);
}

/* [table id, key, row / null] */
static enum status check_entry(struct check *c, struct span entry)
{
    struct proof_facts *facts = &c->facts;
    struct cbor in = cbor_of(entry);
    c->what = "the row is malformed";
    cbor_expect_array(&in, 3);
    facts->table_id = cbor_get_uint(&in);
    facts->key = cbor_get_item(&in, ENTRY_DEPTH_MAX);
    facts->row = (struct span){0};
    if (!cbor_get_null(&in)) facts->row = cbor_get_item(&in, ENTRY_DEPTH_MAX);
    return cbor_end(&in);
}

/* The block is the one that certifies it, and does. */
static enum status check_checkpoint(struct check *c,
                                    const struct checkpoint *checkpoint,
                                    const struct block_result *result)
{
    c->what = "the checkpoint is of another height";
    if (result->height != checkpoint->height + CHECKPOINT_LAG) return ST_REJECTED;
    struct hash hash = checkpoint_hash(checkpoint);
    c->what = "the checkpoint is not the one that the block certifies";
    return hash_equal(&hash, &result->checkpoint) ? ST_OK : ST_REJECTED;
}

static enum status check_row(struct check *c)
{
    const struct proof_row *row = &c->proof->of.row;
    const struct row_place *found = NULL;
    struct row_change change;
    TRY(check_checkpoint(c, &row->checkpoint, &c->proof->block.result));
    TRY(check_entry(c, row->entry));
    if (row_change_of(&change, row->entry) != ST_OK || change.is_gone) return ST_REJECTED;
    c->what = "the path does not lead to the row";
    TRY(row_path_check(&row->path, &row->checkpoint.row_root, &change.place.position, &found));
    c->what = "the row is another one at the checkpoint";
    if (found == NULL || !hash_equal(&found->leaf, &change.place.leaf)) return ST_REJECTED;
    c->facts.height = row->checkpoint.height;
    return ST_OK;
}

static enum status check_no_row(struct check *c)
{
    const struct proof_row *row = &c->proof->of.row;
    const struct row_place *found = NULL;
    struct row_position position;
    TRY(check_checkpoint(c, &row->checkpoint, &c->proof->block.result));
    c->what = "the key is malformed";
    struct cbor in = cbor_of(row->key);
    (void)cbor_get_item(&in, 1);
    TRY(cbor_end(&in));
    TRY(row_position_of(&position, row->table_id, row->key));
    c->what = "the path does not lead to the row";
    TRY(row_path_check(&row->path, &row->checkpoint.row_root, &position, &found));
    c->what = "the row is there";
    if (found != NULL) return ST_REJECTED;
    c->facts.table_id = row->table_id;
    c->facts.key = row->key;
    c->facts.height = row->checkpoint.height;
    return ST_OK;
}

static enum status check_neighbour(struct check *c,
                                   const struct proof_neighbour *n,
                                   const struct hash *root)
{
    struct hash leaf = merkle_leaf(hash_span(&n->txid));
    c->what = "a neighbour is not under the root of transaction ids";
    return n->is_there ? side_path_check(&n->path, &leaf, root) : ST_OK;
}

/* The id would stand between left and right, and nothing stands there. */
static enum status check_interval(struct check *c, const struct proof_interval *i)
{
    const struct hash *txid = &c->proof->of.no_tx.txid;
    const struct hash *root = &i->checkpoint.txid_root;
    TRY(check_neighbour(c, &i->left, root));
    TRY(check_neighbour(c, &i->right, root));
    c->what = "the transaction is not between its neighbours";
    if (i->left.is_there && memcmp(i->left.txid.bytes, txid->bytes, HASH_SIZE) >= 0)
        return ST_REJECTED;
    if (i->right.is_there && memcmp(i->right.txid.bytes, txid->bytes, HASH_SIZE) <= 0)
        return ST_REJECTED;
    c->what = "other transactions are between the neighbours";
    bool is_tight;
    if (i->left.is_there && i->right.is_there) {
        is_tight = side_path_are_neighbours(&i->left.path, &i->right.path);
    } else if (i->left.is_there) {
        is_tight = side_path_is_last(&i->left.path);
    } else if (i->right.is_there) {
        is_tight = side_path_is_first(&i->right.path);
    } else {
        struct hash empty = hash_of("", (struct span){0});
        is_tight = hash_equal(root, &empty);
    }
    return is_tight ? ST_OK : ST_REJECTED;
}

static void note_passed(struct proof_facts *f, const struct header *header)
{
    if (header->height <= f->height && header->time_ms > f->passed_ms)
        f->passed_ms = header->time_ms;
}

static enum status check_no_tx(struct check *c)
{
    const struct proof_no_tx *p = &c->proof->of.no_tx;
    TRY(check_checkpoint(c, &p->interval.checkpoint, &c->proof->block.result));
    TRY(check_interval(c, &p->interval));
    c->facts.txid = p->txid;
    c->facts.height = p->interval.checkpoint.height;
    c->facts.after = p->interval.checkpoint.before;
    for (uint32_t i = 0; i < p->older_count; i++) {
        const struct proof_older *older = &p->older[i];
        struct header header;
        c->what = "blocks between two checkpoints are left out";
        if (older->interval.checkpoint.height != c->facts.after) return ST_REJECTED;
        c->what = proof_block_check(&older->block, c->trust->chain_id, &header);
        if (c->what != NULL) return ST_REJECTED;
        TRY(check_checkpoint(c, &older->interval.checkpoint, &older->block.result));
        TRY(check_interval(c, &older->interval));
        TRY(proof_block_verify(&older->block, &header, c->trust, c->arena, &c->what));
        note_passed(&c->facts, &header);
        c->facts.after = older->interval.checkpoint.before;
    }
    return ST_OK;
}
