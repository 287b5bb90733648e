/* Goal: no bytes of a peer make the decoders of snapshots misbehave; a manifest that is taken has
 * parts enough for its rows, and a chunk that is taken can be walked. */
#include "base/must.h"
#include "ledger/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void manifest(struct span bytes)
{
    struct arena a;
    struct snapshot s;
    arena_init(&a, mem_system(), 64u << 20);
    if (snapshot_decode(&s, &a, bytes) == ST_OK) {
        uint64_t rows = 0;
        for (uint32_t i = 0; i < s.part_count; i++)
            rows += s.parts[i].row_count;
        must(rows == snapshot_checkpoint(&s)->row_count);
    }
    arena_fini(&a);
}

/* The hash of the subtree cannot be guessed: the count of rows can. */
static void chunk(struct span bytes, uint32_t count)
{
    struct arena a;
    const struct snapshot_part part = {.row_count = count, .size = bytes.size};
    arena_init(&a, mem_system(), 16u << 20);
    if (snapshot_chunk_check(bytes, &part, &a) == ST_OK) {
        struct snapshot_rows rows;
        struct snapshot_row row;
        snapshot_rows_begin(&rows, bytes);
        while (snapshot_rows_next(&rows, &row))
            must(row.entry.size > 0);
    }
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const struct span bytes = span_of(data + 1, size - 1);
    if (data[0] == 0)
        manifest(bytes);
    else
        chunk(bytes, data[0]);
    return 0;
}
