/* repeat.c - The event ["first", txid, height] of a receipt (docs/format/result.md), followed. */
#include "node/repeat.h"

#include "codec/cbor.h"
#include "exec/exec.h"

enum status receipt_find(struct store *store,
                         struct arena *a,
                         const struct hash *txid,
                         struct receipt *out,
                         struct span *bytes)
{
    uint64_t height = 0;
    uint32_t index = 0;
    struct exec_record result;
    struct buf record;
    TRY(store_find_tx(store, txid, &height, &index));
    buf_init(&record, a->mem, 0);
    enum status st = store_read_result(store, height, &record, NULL);
    if (st == ST_OK) st = exec_record_decode(&result, a, buf_span(&record));
    if (st == ST_OK && index >= result.receipt_count) st = ST_CORRUPT;
    if (st == ST_OK) {
        *bytes = arena_copy(a, result.receipts[index]);
        if (bytes->data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&record);
    TRY(st);
    TRY(receipt_decode(out, a, *bytes));
    return hash_equal(&out->txid, txid) ? ST_OK : ST_CORRUPT;
}

enum status repeat_first(struct store *store,
                         struct arena *a,
                         struct span receipt,
                         struct receipt *out)
{
    struct receipt own;
    struct span bytes;
    struct hash txid;
    TRY(receipt_decode(&own, a, receipt));
    struct cbor in = cbor_of(own.events);
    cbor_expect_array(&in, 1);
    cbor_expect_array(&in, 3);
    if (in.status != ST_OK) return ST_NOT_FOUND; /* None. */
    if (!span_equal(cbor_get_text(&in), span_text("first"))) return ST_NOT_FOUND;
    cbor_get_fixed(&in, txid.bytes, HASH_SIZE);
    (void)cbor_get_uint(&in);
    TRY(cbor_end(&in));
    return receipt_find(store, a, &txid, out, &bytes);
}
