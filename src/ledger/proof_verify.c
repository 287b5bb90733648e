/* proof_verify.c - The check of proofs that trusts nothing but the genesis.
 *
 * The block first (proof_block.c), then what hangs under its result: a receipt under receipts_root
 * and its transaction under the header's tx_root, an entry of the write set under writeset_root.
 * Reasons are fixed texts, in the order of docs/format/proof.md. */
#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/proof.h"

#define ENTRY_DEPTH_MAX 2u

struct check {
    const struct proof *proof;
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
    struct check c = {.proof = p, .arena = a, .facts = {.kind = p->kind}};
    *what = "the genesis in the proof is of another chain";
    TRY(check_genesis(p->genesis, trust->chain_id));
    TRY(proof_block_verify(&p->block, trust, &c.facts.header, a, what));
    enum status st = check_subject(&c);
    *what = st == ST_OK ? NULL : c.what;
    if (st == ST_OK) *out = c.facts;
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_REJECTED;
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
    TRY(proof_decode(p, bytes));
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
    facts->row = cbor_get_null(&in) ? (struct span){0} : cbor_get_item(&in, ENTRY_DEPTH_MAX);
    return cbor_end(&in);
}
