/* rows.c - What the digests cost that an inserted row has: leaf and root of the write set, the tree
 * of rows, its files.
 *
 *   rows DIR ROWS [sequential|random]
 *
 * Makes a tree of ROWS rows in DIR/rows, then inserts 256,000 more, 500 in a block, keys ascending
 * or anywhere, saving every 128 blocks; then opens the files again. Prints CPU per row of each
 * part. Rows that DIR has already are not made again. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "crypto/merkle.h"
#include "rows/rows.h"
#include "support/test_rng.h"

#define TABLE       1000u
#define BLOCK_ROWS  500u
#define LOAD_ROWS   10000u
#define MORE_BLOCKS 512u
#define SAVE_BLOCKS 128u /* Of the measured part: saves are in its figures. */

struct bench {
    struct rows *rows;
    struct buf set;
    struct hash leaves[LOAD_ROWS];
    struct test_rng rng;
    bool is_random;
    uint64_t next;
    uint64_t height;
    uint64_t digest_ns;
    uint64_t feed_ns;
    uint64_t save_ns;
};

static uint64_t cpu_ns(void)
{
    return os_posix()->process_cpu_ns(os_posix());
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y ? 1 : 0;
}

/* An entry is what INSERT INTO t VALUES (id, n, 'some text of a usual size') leaves. */
static void put_entry(struct buf *out, uint64_t id)
{
    cbor_put_array(out, 3);
    cbor_put_uint(out, TABLE);
    cbor_put_array(out, 1);
    cbor_put_uint(out, id);
    cbor_put_array(out, 3);
    cbor_put_uint(out, id);
    cbor_put_uint(out, id * 7919 % 1000003);
    cbor_put_text(out, span_text("some text of a usual size"));
}

static void make_block(struct bench *b, uint32_t rows)
{
    static uint64_t ids[LOAD_ROWS];
    for (uint32_t i = 0; i < rows; i++)
        ids[i] = b->is_random ? test_rng_u64(&b->rng) >> 1 : b->next++;
    qsort(ids, rows, sizeof ids[0], compare_u64);
    buf_reset(&b->set);
    cbor_put_array(&b->set, rows);
    size_t begins[LOAD_ROWS + 1];
    for (uint32_t i = 0; i < rows; i++) {
        begins[i] = b->set.size;
        put_entry(&b->set, ids[i]);
    }
    begins[rows] = b->set.size;
    uint64_t from = cpu_ns();
    for (uint32_t i = 0; i < rows; i++)
        b->leaves[i] = merkle_leaf(span_of(b->set.data + begins[i], begins[i + 1] - begins[i]));
    (void)merkle_root(b->leaves, rows);
    b->digest_ns += cpu_ns() - from;
}

static void feed(struct bench *b, uint32_t rows, bool is_checkpoint)
{
    make_block(b, rows);
    const struct rows_block block = {.height = b->height,
                                     .write_set = buf_span(&b->set),
                                     .is_checkpoint = is_checkpoint,
                                     .before = b->height == 0 ? 0 : b->height - 1};
    uint64_t from = cpu_ns();
    must(rows_feed(b->rows, &block) == ST_OK);
    b->feed_ns += cpu_ns() - from;
    b->height++;
}

static void save(struct bench *b)
{
    uint64_t from = cpu_ns();
    must(rows_save(b->rows, b->height) == ST_OK);
    b->save_ns += cpu_ns() - from;
}

static void load(struct bench *b, uint64_t rows)
{
    for (uint64_t done = 0; done < rows; done += LOAD_ROWS) {
        feed(b, LOAD_ROWS, false);
        if (b->height % SAVE_BLOCKS == 0) save(b);
    }
    while (b->height % SAVE_BLOCKS != 1)
        feed(b, 1, false);
    save(b);
}

static void report(struct bench *b, const char *what, uint64_t rows)
{
    struct rows_cost cost;
    const double n = (double)rows * 1e3;
    rows_cost(b->rows, &cost);
    printf("%s: write-set digest %.2f us, tree %.2f us, files %.2f us a row; %llu rows, %u runs, "
           "%.0f MB on disk, process %.0f MB\n",
           what, (double)b->digest_ns / n, (double)b->feed_ns / n, (double)b->save_ns / n,
           (unsigned long long)cost.row_count, cost.run_count, (double)cost.disk_bytes / 1e6,
           (double)os_posix()->process_memory(os_posix()) / 1e6);
    b->digest_ns = b->feed_ns = b->save_ns = 0;
}

int main(int count, char **arguments)
{
    static struct bench b;
    if (count < 3) {
        fprintf(stderr, "usage: rows DIR ROWS [sequential|random]\n");
        return 2;
    }
    char dir[OS_PATH_MAX];
    must(os_path_join(dir, arguments[1], ROWS_DIR) == ST_OK);
    const uint64_t rows = strtoull(arguments[2], NULL, 10);
    const struct rows_config config = {.os = os_posix(), .mem = mem_system(), .dir = dir};
    b.rng = (struct test_rng){1};
    b.is_random = count > 3 && strcmp(arguments[3], "random") == 0;
    buf_init(&b.set, mem_system(), 0);
    must(rows_open(&b.rows, &config) == ST_OK);
    b.height = rows_next(b.rows);
    if (b.height == 0) {
        load(&b, rows);
        report(&b, "load", rows);
    }
    b.rng = (struct test_rng){rows};
    b.next = rows;
    for (uint32_t i = 0; i < MORE_BLOCKS; i++) {
        feed(&b, BLOCK_ROWS, b.height % CHECKPOINT_BLOCKS == 0);
        if (b.height % SAVE_BLOCKS == 1) save(&b);
    }
    report(&b, "insert", (uint64_t)MORE_BLOCKS * BLOCK_ROWS);
    rows_close(b.rows);
    uint64_t from = cpu_ns();
    must(rows_open(&b.rows, &config) == ST_OK);
    printf("open: %.0f ms\n", (double)(cpu_ns() - from) / 1e6);
    rows_close(b.rows);
    buf_fini(&b.set);
    return 0;
}
