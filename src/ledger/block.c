/* block.c - Header, body and stored block, and the checks of a block against its parent.
 *
 *   header = [chain id, epoch, height, view, parent, exec_version, history root, time_ms, tx root,
 *             tx count, body size, proposer, final height, final certificate hash, result height,
 *             result digest, result certificate hash, notes hash, mode, flags, next configuration
 *             hash]
 *   body   = [final certificate or null, result certificate or null, notes,
 *             [transaction as bytes…]]
 *   block  = [header as bytes, body as bytes] */
#include "ledger/block.h"

#include "base/must.h"
#include "crypto/merkle.h"
#include "ledger/ledger_int.h"

#define HEADER_FIELDS   21u
#define HEADER_SIZE_MAX 512u
#define FLAGS_ALL       ((uint32_t)BLOCK_HANDOVER | BLOCK_EPOCH_CLOSE | BLOCK_CHECKPOINT)

static bool header_is_formed(const struct header *h);
static bool get_certificate(struct cbor *in, struct certificate *c);
static const char *check_links(const struct header *h,
                               const struct header *parent,
                               const struct hash *parent_hash);
static const char *check_certificates(const struct header *h, const struct body *b);
static const char *check_notes(const struct header *h, const struct body_notes *n);
static const char *check_txs(const struct block_parts *block);
static enum status find_duplicate(const struct tx *txs,
                                  uint32_t count,
                                  struct arena *scratch,
                                  bool *is_found);
static void merge_sort(const struct hash **items, const struct hash **spare, size_t count);

const char *block_mode_text(enum block_mode mode)
{
    switch (mode) {
    case MODE_FAST: return "FAST";
    case MODE_STRICT: return "STRICT";
    case MODE_BFT: return "BFT";
    case MODE_RAFT: return "RAFT";
    }
    return "";
}

void header_encode(struct buf *out, const struct header *h)
{
    must(h->mode >= MODE_FAST && h->mode <= MODE_RAFT);
    must(h->tx_count <= BLOCK_TXS_MAX);
    cbor_put_array(out, HEADER_FIELDS);
    put_hash(out, &h->chain_id);
    cbor_put_uint(out, h->epoch);
    cbor_put_uint(out, h->height);
    cbor_put_uint(out, h->view);
    put_hash(out, &h->parent);
    cbor_put_uint(out, h->exec_version);
    put_hash(out, &h->history_root);
    cbor_put_uint(out, h->time_ms);
    put_hash(out, &h->tx_root);
    cbor_put_uint(out, h->tx_count);
    cbor_put_uint(out, h->body_size);
    cbor_put_uint(out, h->proposer);
    cbor_put_uint(out, h->final_height);
    put_hash(out, &h->final_cert_hash);
    cbor_put_uint(out, h->res_height);
    put_hash(out, &h->res_digest);
    put_hash(out, &h->res_cert_hash);
    put_hash(out, &h->notes_hash);
    cbor_put_uint(out, h->mode);
    cbor_put_uint(out, h->flags);
    put_hash(out, &h->next_config_hash);
}

void header_decode(struct header *h, struct cbor *in)
{
    cbor_expect_array(in, HEADER_FIELDS);
    h->chain_id = get_hash(in);
    h->epoch = cbor_get_uint(in);
    h->height = cbor_get_uint(in);
    h->view = cbor_get_uint(in);
    h->parent = get_hash(in);
    h->exec_version = get_u32_max(in, UINT32_MAX);
    h->history_root = get_hash(in);
    h->time_ms = cbor_get_uint(in);
    h->tx_root = get_hash(in);
    h->tx_count = get_u32_max(in, BLOCK_TXS_MAX);
    h->body_size = get_u32_max(in, BLOCK_BYTES_MAX);
    h->proposer = get_u32_max(in, NODES_MAX - 1);
    h->final_height = cbor_get_uint(in);
    h->final_cert_hash = get_hash(in);
    h->res_height = cbor_get_uint(in);
    h->res_digest = get_hash(in);
    h->res_cert_hash = get_hash(in);
    h->notes_hash = get_hash(in);
    uint64_t mode = cbor_get_uint_max(in, MODE_RAFT);
    h->mode = mode < MODE_FAST ? MODE_FAST : (enum block_mode)mode;
    h->flags = get_u32_max(in, FLAGS_ALL);
    h->next_config_hash = get_hash(in);
    if (mode < MODE_FAST || !header_is_formed(h)) cbor_fail(in);
}

struct hash header_hash(const struct header *h)
{
    uint8_t bytes[HEADER_SIZE_MAX];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    header_encode(&out, h);
    must(buf_status(&out) == ST_OK);
    return hash_of("hdr", buf_span(&out));
}

void body_encode(struct buf *out, const struct body *b)
{
    must(b->tx_count <= BLOCK_TXS_MAX);
    cbor_put_array(out, 4);
    if (b->has_final_cert) {
        certificate_encode(out, &b->final_cert);
    } else {
        cbor_put_null(out);
    }
    if (b->has_res_cert) {
        certificate_encode(out, &b->res_cert);
    } else {
        cbor_put_null(out);
    }
    notes_encode(out, &b->notes);
    cbor_put_array(out, b->tx_count);
    for (uint32_t i = 0; i < b->tx_count; i++)
        cbor_put_bytes(out, b->txs[i]);
}

enum status body_decode(struct body *b, struct arena *a, struct span bytes)
{
    if (bytes.size > BLOCK_BYTES_MAX) return ST_LIMIT;
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, 4);
    b->has_final_cert = get_certificate(&in, &b->final_cert);
    b->has_res_cert = get_certificate(&in, &b->res_cert);
    notes_decode(&b->notes, &in);
    void *items;
    b->tx_count = get_items(&in, a, &items, sizeof *b->txs, BLOCK_TXS_MAX);
    b->txs = items;
    for (uint32_t i = 0; i < b->tx_count && in.status == ST_OK; i++) {
        b->txs[i] = cbor_get_bytes(&in);
        if (b->txs[i].size > TX_BYTES_MAX) cbor_fail_with(&in, ST_LIMIT);
    }
    must(b->tx_count <= BLOCK_TXS_MAX);
    b->size = (uint32_t)bytes.size;
    return cbor_end(&in);
}

void block_encode(struct buf *out, struct span header, struct span body)
{
    cbor_put_array(out, 2);
    cbor_put_bytes(out, header);
    cbor_put_bytes(out, body);
}

enum status block_split(struct span block, struct span *header, struct span *body)
{
    struct cbor in = cbor_of(block);
    cbor_expect_array(&in, 2);
    struct span first = cbor_get_bytes(&in);
    struct span second = cbor_get_bytes(&in);
    TRY(cbor_end(&in));
    *header = first;
    *body = second;
    return ST_OK;
}

enum status block_check(const struct block_parts *block,
                        const struct header *parent,
                        const struct hash *parent_hash,
                        struct arena *scratch,
                        const char **what)
{
    const char *wrong = check_links(block->header, parent, parent_hash);
    if (wrong == NULL) wrong = check_certificates(block->header, block->body);
    if (wrong == NULL) wrong = check_notes(block->header, &block->body->notes);
    if (wrong == NULL) wrong = check_txs(block);
    if (wrong == NULL) {
        bool is_found = false;
        TRY(find_duplicate(block->txs, block->body->tx_count, scratch, &is_found));
        if (is_found) wrong = "a transaction stands twice in the block";
    }
    if (wrong == NULL) return ST_OK;
    must(wrong[0] != 0);
    *what = wrong;
    return ST_REJECTED;
}

/* Relations between the fields of one header. */
static bool header_is_formed(const struct header *h)
{
    if (h->height == 0) return false;
    if (h->final_height >= h->height || h->res_height >= h->height) return false;
    if ((h->final_height == 0) != hash_is_zero(&h->final_cert_hash)) return false;
    if ((h->res_height == 0) != hash_is_zero(&h->res_cert_hash)) return false;
    if ((h->res_height == 0) != hash_is_zero(&h->res_digest)) return false;
    bool is_close = (h->flags & BLOCK_EPOCH_CLOSE) != 0;
    return is_close != hash_is_zero(&h->next_config_hash);
}

/* False: null stood there. */
static bool get_certificate(struct cbor *in, struct certificate *c)
{
    if (cbor_get_null(in)) return false;
    certificate_decode(c, in);
    return true;
}

static const char *check_links(const struct header *h,
                               const struct header *parent,
                               const struct hash *parent_hash)
{
    if (!hash_equal(&h->parent, parent_hash)) return "the parent hash is not that of the parent";
    if (parent == NULL) {
        if (h->height != 1) return "the first block has not height 1";
        if (!hash_equal(&h->chain_id, parent_hash)) return "the block is of another chain";
        if (h->epoch != 0) return "the first block is not in epoch 0";
        return NULL;
    }
    if (!hash_equal(&h->chain_id, &parent->chain_id)) return "the block is of another chain";
    if (h->height - 1 != parent->height) return "the height does not follow the parent's";
    if (h->time_ms <= parent->time_ms) return "the time is not after the parent's";
    bool is_new_epoch = (parent->flags & BLOCK_EPOCH_CLOSE) != 0;
    if (h->epoch != parent->epoch + (is_new_epoch ? 1u : 0u))
        return "the epoch does not follow the parent's";
    if (!is_new_epoch && h->view < parent->view) return "the view is below the parent's";
    if (!is_new_epoch && h->exec_version != parent->exec_version)
        return "exec_version changes inside an epoch";
    return NULL;
}

static const char *check_certificates(const struct header *h, const struct body *b)
{
    if (b->has_final_cert != (h->final_height != 0))
        return "the body's commit certificate is not the header's";
    if (b->has_final_cert) {
        struct hash hash = certificate_hash(&b->final_cert);
        if (!hash_equal(&hash, &h->final_cert_hash) || b->final_cert.part == VOTE_P3 ||
            b->final_cert.statement.height != h->final_height)
            return "the body's commit certificate is not the header's";
    }
    if (b->has_res_cert != (h->res_height != 0))
        return "the body's execution certificate is not the header's";
    if (b->has_res_cert) {
        struct hash hash = certificate_hash(&b->res_cert);
        if (!hash_equal(&hash, &h->res_cert_hash) || b->res_cert.part != VOTE_P3 ||
            b->res_cert.statement.height != h->res_height ||
            !hash_equal(&b->res_cert.statement.hash, &h->res_digest))
            return "the body's execution certificate is not the header's";
    }
    return NULL;
}

static const char *check_notes(const struct header *h, const struct body_notes *n)
{
    struct hash hash = notes_hash(n);
    return hash_equal(&hash, &h->notes_hash) ? NULL : "the body's notes are not the header's";
}

static const char *check_txs(const struct block_parts *block)
{
    const struct header *h = block->header;
    if (block->body->size != h->body_size) return "the body has not the size the header tells";
    if (block->body->tx_count != h->tx_count)
        return "the body has not the count of transactions the header tells";
    struct merkle_tree tree;
    tree.count = 0;
    for (uint32_t i = 0; i < h->tx_count; i++) {
        const struct tx *t = &block->txs[i];
        if (!hash_equal(&t->chain_id, &h->chain_id)) return "a transaction is of another chain";
        if (t->is_redacted) return "a transaction is redacted";
        if (tx_check_span(t, h->time_ms, h->height) != ST_OK)
            return "a transaction is outside its span of validity";
        merkle_tree_add(&tree, &t->leaf);
    }
    struct hash root = merkle_tree_root(&tree);
    if (!hash_equal(&root, &h->tx_root)) return "the transactions do not give the header's tx_root";
    return NULL;
}

/* By sorting: the order of txids is the sender's choice, so a hash table could be made slow. */
static enum status find_duplicate(const struct tx *txs,
                                  uint32_t count,
                                  struct arena *scratch,
                                  bool *is_found)
{
    must(count <= BLOCK_TXS_MAX);
    *is_found = false;
    if (count < 2) return ST_OK;
    const struct hash **items = arena_alloc(scratch, 2 * (size_t)count * sizeof(void *));
    if (items == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        items[i] = &txs[i].txid;
    merge_sort(items, items + count, count);
    must(memcmp(items[0], items[count - 1], HASH_SIZE) <= 0);
    for (uint32_t i = 1; i < count; i++)
        if (hash_equal(items[i - 1], items[i])) *is_found = true;
    return ST_OK;
}

static void merge(const struct hash **to, const struct hash **from, size_t middle, size_t count)
{
    must(middle <= count);
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        bool take_left =
            left < middle &&
            (right == count || memcmp(from[left]->bytes, from[right]->bytes, HASH_SIZE) <= 0);
        to[i] = take_left ? from[left++] : from[right++];
    }
    must(left == middle);
    must(right == count);
}

/* Bottom-up, in place; spare[count] is scratch. */
static void merge_sort(const struct hash **items, const struct hash **spare, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t size = count - at < 2 * width ? count - at : 2 * width;
            size_t middle = size < width ? size : width;
            merge(spare + at, items + at, middle, size);
        }
        memcpy(items, spare, count * sizeof(void *));
    }
}
