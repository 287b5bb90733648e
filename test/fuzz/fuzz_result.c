/* Goal: no bytes make the decoder of stored results misbehave, and a record that it takes is whole:
 * its receipts and write set lie inside the bytes, and it encodes to the same bytes. */
#include "base/must.h"
#include "exec/exec_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct span part, struct span whole)
{
    if (part.size == 0) return;
    must(part.data >= whole.data);
    must(part.data + part.size <= whole.data + whole.size);
}

static void check_again(struct arena *a, const struct exec_record *r, struct span bytes)
{
    struct exec_outcome o = {.result = r->result,
                             .digest_before = r->digest_before,
                             .digest = r->digest,
                             .tx_count = r->receipt_count};
    o.txs = arena_alloc_zero(a, r->receipt_count, sizeof *o.txs);
    if (o.txs == NULL || r->rows.write_set.size == 0) return;
    for (uint32_t i = 0; i < r->receipt_count; i++)
        o.txs[i].receipt = r->receipts[i];
    struct buf out;
    buf_init(&out, mem_system(), 0);
    exec_record_encode(&out, &o, &r->rows);
    must(span_equal(buf_span(&out), bytes));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a, mem_system(), 16u << 20);
    struct span bytes = span_of(data, size);
    struct exec_record record;
    if (exec_record_decode(&record, &a, bytes) == ST_OK) {
        for (uint32_t i = 0; i < record.receipt_count; i++) {
            check_inside(record.receipts[i], bytes);
            struct receipt r;
            enum status st = receipt_decode(&r, &a, record.receipts[i]);
            must(st != ST_OK || r.op_count <= TX_OPS_MAX);
        }
        check_inside(record.rows.write_set, bytes);
        check_inside(record.rows.gone, bytes);
        check_inside(record.rows.origins, bytes);
        check_again(&a, &record, bytes);
    }
    arena_fini(&a);
    return 0;
}
