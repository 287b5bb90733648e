/* Goal: no bytes make the decoder of the row tree's manifest misbehave, and what it takes encodes
 * to the same bytes; no write set, which other nodes may have made, makes the tree misbehave. */
#include "base/must.h"
#include "os/fake/fake_os.h"
#include "rows/rows_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sum is made right, or nothing would get past it. */
static void manifest(struct span content)
{
    struct arena a;
    struct buf bytes;
    struct buf again;
    struct saved s;
    const struct hash sum = hash_of("rows", content);
    arena_init(&a, mem_system(), 16u << 20);
    buf_init(&bytes, mem_system(), 0);
    buf_init(&again, mem_system(), 0);
    buf_put(&bytes, content);
    buf_put(&bytes, hash_span(&sum));
    if (manifest_decode(&s, &a, buf_span(&bytes)) == ST_OK) {
        manifest_encode(&again, &s);
        must(span_equal(buf_span(&again), buf_span(&bytes)));
    }
    buf_fini(&again);
    buf_fini(&bytes);
    arena_fini(&a);
}

static void write_sets(struct span bytes)
{
    struct rows *r = NULL;
    struct fake_os *os = fake_os_new(1);
    const struct rows_config config = {.os = fake_os_table(os), .mem = mem_system()};
    must(rows_open(&r, &config) == ST_OK);
    const struct rows_block genesis = {.height = 0, .write_set = bytes};
    if (rows_feed(r, &genesis) == ST_OK) {
        const struct rows_block again = {
            .height = 1, .write_set = bytes, .is_checkpoint = true, .before = 0};
        struct checkpoint c;
        must(rows_feed(r, &again) == ST_OK);
        must(rows_checkpoint(r, 1, &c) == ST_OK);
        must((c.row_count == 0) == hash_is_zero(&c.row_root));
    }
    rows_close(r);
    fake_os_free(os);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const struct span bytes = span_of(data + 1, size - 1);
    if ((data[0] & 1) == 0)
        manifest(bytes);
    else
        write_sets(bytes);
    return 0;
}
