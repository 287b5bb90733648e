/* receipt.c - Encoding of receipts, and the chain of execution digests.
 *
 *   receipt = [txid, height, index, status, outcome, write root or null, holder, holder name,
 * events] outcome, status 0: [[row count, result hash or null]…], one for each operation outcome,
 * status 1: [failed operation, sqlstate, position, message, detail, hint]
 *
 *   leaf    RFC 9162 leaf over the encoding
 *   d_h     H("exec"  ‖ u64 height ‖ block hash ‖ writeset root ‖ receipts root ‖ checkpoint)
 *   D_h     H("chain" ‖ D_{h-1} ‖ d_h)
 */
#include "ledger/receipt.h"

#include "base/must.h"
#include "crypto/merkle.h"
#include "ledger/ledger_int.h"
#include "ledger/tx.h"

#define EVENTS_DEPTH    8u
#define HOLDER_NAME_MAX 63u
#define SQLSTATE_SIZE   5u

static void put_diag_text(struct buf *out, const char *text);
static void get_diag_text(struct cbor *in, char out[DIAG_TEXT_MAX]);
static void put_failure(struct buf *out, const struct receipt *r);
static void get_failure(struct cbor *in, struct receipt *r);
static void put_results(struct buf *out, const struct receipt *r);
static void get_results(struct cbor *in, struct arena *a, struct receipt *r);
static struct span get_events(struct cbor *in);

void receipt_encode(struct buf *out, const struct receipt *r)
{
    must(r->height > 0);
    must(r->holder <= 1);
    must(r->holder_name.size <= HOLDER_NAME_MAX);
    cbor_put_array(out, 9);
    put_hash(out, &r->txid);
    cbor_put_uint(out, r->height);
    cbor_put_uint(out, r->index);
    cbor_put_uint(out, r->status);
    switch (r->status) {
    case RECEIPT_OK: put_results(out, r); break;
    case RECEIPT_FAILED: put_failure(out, r); break;
    }
    put_hash_or_null(out, &r->write_root);
    cbor_put_uint(out, r->holder);
    cbor_put_text(out, r->holder_name);
    if (r->events.size > 0) {
        buf_put(out, r->events);
    } else {
        cbor_put_array(out, 0);
    }
}

enum status receipt_decode(struct receipt *r, struct arena *a, struct span bytes)
{
    struct receipt got = {0};
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, 9);
    got.txid = get_hash(&in);
    got.height = cbor_get_uint(&in);
    if (got.height == 0) cbor_fail(&in);
    got.index = get_u32_max(&in, UINT32_MAX);
    got.status = (enum receipt_status)cbor_get_uint_max(&in, RECEIPT_FAILED);
    switch (got.status) {
    case RECEIPT_OK: get_results(&in, a, &got); break;
    case RECEIPT_FAILED: get_failure(&in, &got); break;
    }
    got.write_root = get_hash_or_null(&in);
    got.holder = (uint8_t)cbor_get_uint_max(&in, 1);
    got.holder_name = get_text_max(&in, HOLDER_NAME_MAX);
    got.events = get_events(&in);
    TRY(cbor_end(&in));
    *r = got;
    return ST_OK;
}

struct hash op_results_hash(const struct op_result *ops, uint32_t count)
{
    struct hasher h;
    hash_init(&h, "results");
    for (uint32_t i = 0; i < count; i++) {
        hash_add_u64(&h, ops[i].row_count);
        hash_add_hash(&h, &ops[i].result_hash);
    }
    return hash_final(&h);
}

struct hash receipt_leaf(struct span encoded)
{
    return merkle_leaf(encoded);
}

struct hash block_result_digest(const struct block_result *r)
{
    struct hasher h;
    hash_init(&h, "exec");
    hash_add_u64(&h, r->height);
    hash_add_hash(&h, &r->block_hash);
    hash_add_hash(&h, &r->writeset_root);
    hash_add_hash(&h, &r->receipts_root);
    hash_add_hash(&h, &r->checkpoint);
    return hash_final(&h);
}

struct hash digest_fold(const struct hash *before, const struct hash *block_digest)
{
    struct hasher h;
    hash_init(&h, "chain");
    hash_add_hash(&h, before);
    hash_add_hash(&h, block_digest);
    return hash_final(&h);
}

static void put_results(struct buf *out, const struct receipt *r)
{
    must(r->op_count <= TX_OPS_MAX);
    cbor_put_array(out, r->op_count);
    for (uint32_t i = 0; i < r->op_count; i++) {
        cbor_put_array(out, 2);
        cbor_put_uint(out, r->ops[i].row_count);
        put_hash_or_null(out, &r->ops[i].result_hash);
    }
}

static void get_results(struct cbor *in, struct arena *a, struct receipt *r)
{
    void *items;
    r->op_count = get_items(in, a, &items, sizeof *r->ops, TX_OPS_MAX);
    r->ops = items;
    for (uint32_t i = 0; i < r->op_count && in->status == ST_OK; i++) {
        cbor_expect_array(in, 2);
        r->ops[i].row_count = cbor_get_uint(in);
        r->ops[i].result_hash = get_hash_or_null(in);
    }
}

static void put_failure(struct buf *out, const struct receipt *r)
{
    must(strlen(r->diag.sqlstate) == SQLSTATE_SIZE);
    must(r->failed_op < TX_OPS_MAX);
    cbor_put_array(out, 6);
    cbor_put_uint(out, r->failed_op);
    cbor_put_text(out, span_text(r->diag.sqlstate));
    cbor_put_uint(out, r->diag.position);
    put_diag_text(out, r->diag.message);
    put_diag_text(out, r->diag.detail);
    put_diag_text(out, r->diag.hint);
}

static void get_failure(struct cbor *in, struct receipt *r)
{
    cbor_expect_array(in, 6);
    r->failed_op = get_u32_max(in, TX_OPS_MAX - 1);
    struct span sqlstate = cbor_get_text(in);
    if (sqlstate.size != SQLSTATE_SIZE) cbor_fail(in);
    for (size_t i = 0; i < SQLSTATE_SIZE && in->status == ST_OK; i++) {
        uint8_t c = sqlstate.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z')) cbor_fail(in);
        r->diag.sqlstate[i] = (char)c;
    }
    r->diag.position = get_u32_max(in, UINT32_MAX);
    get_diag_text(in, r->diag.message);
    get_diag_text(in, r->diag.detail);
    get_diag_text(in, r->diag.hint);
}

/* A text that is not UTF-8 (a value of the user cut in the middle) has every byte above ASCII
 * replaced, so that the receipt stays readable by its own rules. */
static void put_diag_text(struct buf *out, const char *text)
{
    char clean[DIAG_TEXT_MAX];
    size_t size = strlen(text);
    must(size < sizeof clean);
    memcpy(clean, text, size);
    if (!utf8_valid(span_of(text, size)))
        for (size_t i = 0; i < size; i++)
            if (((uint8_t)clean[i] & 0x80u) != 0) clean[i] = '?';
    cbor_put_text(out, span_of(clean, size));
}

static void get_diag_text(struct cbor *in, char out[DIAG_TEXT_MAX])
{
    struct span text = get_text_max(in, DIAG_TEXT_MAX - 1);
    if (text.size == 0) return;
    must(text.size < DIAG_TEXT_MAX);
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    if (strlen(out) != text.size) cbor_fail(in);
}

static struct span get_events(struct cbor *in)
{
    enum cbor_kind kind;
    if (!cbor_peek(in, &kind) || kind != CBOR_ARRAY) {
        cbor_fail(in);
        return (struct span){0};
    }
    return cbor_get_item(in, EVENTS_DEPTH);
}
