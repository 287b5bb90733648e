/* Goal: no bytes make the decoder of stored results misbehave, and a record that it takes is whole:
 * its receipts and write set lie inside the bytes. */
#include "base/must.h"
#include "exec/exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct span part, struct span whole)
{
    if (part.size == 0) return;
    must(part.data >= whole.data);
    must(part.data + part.size <= whole.data + whole.size);
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
            (void)receipt_decode(&r, &a, record.receipts[i]);
        }
        check_inside(record.write_set, bytes);
    }
    arena_fini(&a);
    return 0;
}
