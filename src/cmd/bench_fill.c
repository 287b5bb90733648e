/* bench_fill.c - Grows a chain before it is measured: rows in its table, blocks in its store.
 *
 * Rows are copies of rows that are there, many in a statement. A block is made by a call that
 * changes nothing; a few sessions have one under way each, so that no block waits for a client. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/bench_int.h"

#define FILL_ID_FIRST (UINT64_C(1) << 41) /* Below are the ids of the measurement. */
#define FILL_SEED     500u                /* Rows that are written out. */
#define FILL_ROWS_MAX 100000u             /* Rows of one statement. */
#define FILL_LOOK     1000u               /* Calls between two looks at the height. */
#define FILL_LINKS    3u
#define FILL_CALL     "CALL trustsql.ping()"
#define FILL_WAIT_MS  60000

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

static enum status fill_blocks(struct bench *b, PGconn *links[FILL_LINKS], uint64_t blocks);
static enum status make_calls(struct bench *b, PGconn *links[FILL_LINKS], uint64_t count);
static enum status take_answer(struct bench *b, PGconn *link, bool *is_done);

enum status bench_fill_blocks(struct bench *b, uint64_t blocks)
{
    PGconn *links[FILL_LINKS] = {NULL};
    enum status st = ST_OK;
    if (blocks == 0) return ST_OK;
    for (uint32_t i = 0; i < FILL_LINKS && st == ST_OK; i++)
        st = link_open_admin(&links[i], &b->layout, i % b->layout.node_count);
    if (st == ST_OK) st = fill_blocks(b, links, blocks);
    for (uint32_t i = 0; i < FILL_LINKS; i++)
        PQfinish(links[i]);
    return st;
}

static enum status fill_blocks(struct bench *b, PGconn *links[FILL_LINKS], uint64_t blocks)
{
    uint64_t height = 0;
    TRY(bench_height(links[0], &height));
    while (height < blocks) {
        const uint64_t missing = blocks - height;
        TRY(make_calls(b, links, missing < FILL_LOOK ? missing : FILL_LOOK));
        TRY(bench_height(links[0], &height));
    }
    return ST_OK;
}

static enum status make_calls(struct bench *b, PGconn *links[FILL_LINKS], uint64_t count)
{
    struct pollfd polls[FILL_LINKS];
    bool is_idle[FILL_LINKS];
    uint64_t sent = 0;
    uint64_t done = 0;
    for (uint32_t i = 0; i < FILL_LINKS; i++) {
        polls[i] = (struct pollfd){.fd = PQsocket(links[i]), .events = POLLIN};
        is_idle[i] = true;
    }
    while (done < count) {
        for (uint32_t i = 0; i < FILL_LINKS && sent < count; i++) {
            if (!is_idle[i]) continue;
            if (PQsendQuery(links[i], FILL_CALL) != 1) return ST_UNREACHABLE;
            is_idle[i] = false;
            sent++;
        }
        if (poll(polls, FILL_LINKS, FILL_WAIT_MS) <= 0) return ST_TIMEOUT;
        for (uint32_t i = 0; i < FILL_LINKS; i++) {
            if (polls[i].revents == 0 || is_idle[i]) continue;
            TRY(take_answer(b, links[i], &is_idle[i]));
            if (is_idle[i]) done++;
        }
    }
    return ST_OK;
}

static enum status take_answer(struct bench *b, PGconn *link, bool *is_done)
{
    if (PQconsumeInput(link) != 1) return ST_UNREACHABLE;
    while (PQisBusy(link) == 0) {
        PGresult *result = PQgetResult(link);
        if (result == NULL) {
            *is_done = true;
            return ST_OK;
        }
        const bool is_good = PQresultStatus(result) == PGRES_COMMAND_OK;
        if (!is_good) complain(b->self, NULL, "%s", PQresultErrorMessage(result));
        PQclear(result);
        if (!is_good) return ST_REJECTED;
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
