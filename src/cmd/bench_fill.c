/* bench_fill.c - Grows a chain before it is measured: rows in its table, blocks in its store.
 *
 * Rows are copies of rows that are there, many in a statement; a block is made by a call that
 * changes nothing, one after the other. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/bench_int.h"

#define FILL_ID_FIRST (UINT64_C(1) << 41) /* Below are the ids of the measurement. */
#define FILL_SEED     500u                /* Rows that are written out. */
#define FILL_ROWS_MAX 100000u             /* Rows of one statement. */
#define FILL_LOOK     1000u               /* Calls between two looks at the height. */

static enum status seed_rows(struct bench *b, PGconn *link, uint64_t count);
static enum status copy_rows(struct bench *b, PGconn *link, uint64_t have, uint64_t count);

enum status bench_fill_rows(struct bench *b, PGconn *link, uint64_t rows)
{
    uint64_t have = rows < FILL_SEED ? rows : FILL_SEED;
    enum status st = have > 0 ? seed_rows(b, link, have) : ST_OK;
    while (st == ST_OK && have < rows) {
        uint64_t count = have < FILL_ROWS_MAX ? have : FILL_ROWS_MAX;
        if (count > rows - have) count = rows - have;
        st = copy_rows(b, link, have, count);
        have += count;
    }
    return st;
}

enum status bench_fill_blocks(struct bench *b, PGconn *link, uint64_t blocks)
{
    uint64_t height = 0;
    TRY(bench_height(link, &height));
    while (height < blocks) {
        uint64_t missing = blocks - height;
        for (uint64_t i = 0; i < FILL_LOOK && i < missing; i++)
            TRY(bench_query(b, link, "CALL trustsql.ping()"));
        TRY(bench_height(link, &height));
    }
    return ST_OK;
}

static enum status seed_rows(struct bench *b, PGconn *link, uint64_t count)
{
    struct buf text;
    must(count <= FILL_SEED);
    buf_init(&text, mem_system(), 0);
    buf_put_text(&text, "INSERT INTO bench VALUES");
    for (uint64_t i = 0; i < count; i++) {
        const unsigned long long id = FILL_ID_FIRST + i;
        buf_printf(&text, "%s (%llu, %llu, '%0*llu')", i > 0 ? "," : "", id, id % BENCH_ACCOUNTS,
                   (int)BENCH_PAYLOAD_SIZE, id);
    }
    buf_put_u8(&text, 0);
    enum status st = buf_status(&text);
    if (st == ST_OK) st = bench_query(b, link, (const char *)text.data);
    buf_fini(&text);
    return st;
}

static enum status copy_rows(struct bench *b, PGconn *link, uint64_t have, uint64_t count)
{
    char text[256];
    must(count > 0 && count <= have);
    must(snprintf(text, sizeof text,
                  "INSERT INTO bench SELECT id + %llu, account, payload FROM bench "
                  "WHERE id >= %llu AND id < %llu",
                  (unsigned long long)have, (unsigned long long)FILL_ID_FIRST,
                  (unsigned long long)(FILL_ID_FIRST + count)) < (int)sizeof text);
    return bench_query(b, link, text);
}
