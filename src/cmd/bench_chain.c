/* bench_chain.c - The chain of a measurement: made, given accounts and a table, stopped again. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "cmd/bench_int.h"
#include "node/config.h"
#include "node/node.h"

#define BENCH_ACCOUNTS_A_CALL 100u

/* Run another subcommand of this program in this process. */
static int run_testnet(const char *const *argv, int argc)
{
    union { /* getopt permutes the array, not the strings. */
        const char *const *in;
        char **out;
    } arguments = {.in = argv};
    return testnet_run_bound(argc, arguments.out);
}

static int fail(const struct bench *b, const char *what, enum status st)
{
    complain(b->self, NULL, "%s: %s", what, status_text(st));
    return exit_code_of(st);
}

static enum status read_genesis(struct bench *b)
{
    char dir[OS_PATH_MAX];
    TRY(layout_node_dir(&b->layout, 0, dir));
    TRY(node_genesis_read(b->os, dir, &b->genesis_bytes));
    TRY(genesis_decode(&b->genesis, &b->genesis_arena, buf_span(&b->genesis_bytes)));
    b->chain_id = genesis_chain_id(buf_span(&b->genesis_bytes));
    b->validators = genesis_validators(&b->genesis);
    return ST_OK;
}

static int start_nodes(const struct bench *b)
{
    char nodes[16];
    char port[16];
    (void)snprintf(nodes, sizeof nodes, "%u", b->layout.node_count);
    (void)snprintf(port, sizeof port, "%u", (unsigned)b->layout.base_port);
    const char *argv[] = {"testnet", "--dir",    b->layout.dir, "--nodes", nodes, "--base-port",
                          port,      "--detach", "--quiet",     NULL,      NULL,  NULL};
    int argc = 9;
    if (b->mode != NULL) {
        argv[argc++] = "--mode";
        argv[argc++] = b->mode;
    }
    return run_testnet(argv, argc);
}

/* A scrub without pauses, as that of a large state hardly has any: its share of a processor is
 * seen. */
static enum status configure(struct bench *b, uint32_t node)
{
    struct node_config config;
    struct buf text;
    char dir[OS_PATH_MAX];
    char path[OS_PATH_MAX];
    char what[160];
    TRY(layout_node_dir(&b->layout, node, dir));
    TRY(os_path_join(path, dir, "node.conf"));
    TRY(node_config_read(&config, b->os, dir, what));
    if (b->segment_bytes > 0) config.segment_size = b->segment_bytes;
    config.scrub_pause_seconds = 1;
    buf_init(&text, mem_system(), 0);
    node_config_write(&config, &text);
    enum status st = buf_status(&text);
    if (st == ST_OK) st = os_replace_file(b->os, path, buf_span(&text));
    buf_fini(&text);
    return st;
}

int bench_chain_start(struct bench *b)
{
    char what[160] = "";
    int exit_code = start_nodes(b);
    if (exit_code == EXIT_FINE && b->segment_bytes + b->rows + b->blocks > 0) {
        exit_code = bench_chain_stop(b);
        enum status st = ST_OK;
        for (uint32_t i = 0; i < b->layout.node_count && st == ST_OK; i++)
            st = configure(b, i);
        if (st != ST_OK) return fail(b, "the nodes cannot be configured", st);
        if (exit_code == EXIT_FINE) exit_code = start_nodes(b);
    }
    if (exit_code != EXIT_FINE) return exit_code;
    enum status st = layout_open(&b->layout, what);
    if (st == ST_OK) st = read_genesis(b);
    return st == ST_OK ? EXIT_FINE : fail(b, b->layout.dir, st);
}

int bench_chain_stop(struct bench *b)
{
    const char *argv[] = {"testnet", "--dir", b->layout.dir, "--stop", NULL};
    return run_testnet(argv, 4);
}

enum status bench_query(struct bench *b, PGconn *link, const char *text)
{
    PGresult *result = PQexec(link, text);
    ExecStatusType status = PQresultStatus(result);
    bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!is_good) complain(b->self, NULL, "%s", PQresultErrorMessage(result));
    PQclear(result);
    return is_good ? ST_OK : ST_REJECTED;
}

static enum status make_accounts(struct bench *b, PGconn *link)
{
    struct buf text;
    buf_init(&text, mem_system(), 0);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < BENCH_ACCOUNTS && st == ST_OK; i++) {
        char key[2 * SIGN_PUBLIC_MAX + 1];
        hex_encode(key, span_of(b->publics[i].bytes, b->publics[i].size));
        buf_printf(&text, "CALL trustsql.create_account('bench%u', '\\x%s'::bytea);", i, key);
        if ((i + 1) % BENCH_ACCOUNTS_A_CALL != 0 && i + 1 != BENCH_ACCOUNTS) continue;
        buf_put_u8(&text, 0);
        st = buf_status(&text);
        if (st == ST_OK) st = bench_query(b, link, (const char *)text.data);
        buf_reset(&text);
    }
    buf_fini(&text);
    return st;
}

/* The keys need not be secret, only distinct and many. */
static enum status draw_keys(struct bench *b)
{
    for (uint32_t i = 0; i < BENCH_ACCOUNTS; i++) {
        TRY(layout_draw_key(b->os, b->signer, SIGN_SECP256K1, &b->keys[i]));
        TRY(sign_public(b->signer, &b->publics[i], &b->keys[i]));
    }
    return ST_OK;
}

enum status bench_height(PGconn *link, uint64_t *height)
{
    PGresult *result = PQexec(link, "SELECT value FROM trustsql.status WHERE name = 'height'");
    bool is_good = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (is_good) *height = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return is_good ? ST_OK : ST_REJECTED;
}

/* For `trustsql verify`: blocks up to here are preparation. */
static enum status write_setup_height(struct bench *b)
{
    for (uint32_t i = 0; i < b->layout.node_count; i++) {
        char dir[OS_PATH_MAX];
        char path[OS_PATH_MAX];
        char text[32];
        TRY(layout_node_dir(&b->layout, i, dir));
        TRY(os_path_join(path, dir, "setup.height"));
        (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)b->setup_height);
        TRY(os_replace_file(b->os, path, span_text(text)));
    }
    return ST_OK;
}

int bench_chain_prepare(struct bench *b)
{
    PGconn *link = NULL;
    enum status st = draw_keys(b);
    if (st == ST_OK) st = link_open_admin(&link, &b->layout, 0);
    if (st == ST_OK) st = bench_query(b, link, BENCH_CREATE_TABLE "; " BENCH_CREATE_INDEX);
    if (st == ST_OK) st = bench_query(b, link, "GRANT INSERT ON bench TO PUBLIC");
    if (st == ST_OK) st = make_accounts(b, link);
    if (st == ST_OK) st = bench_fill_rows(b, link, b->rows);
    if (st == ST_OK) st = bench_fill_blocks(b, b->blocks);
    if (st == ST_OK) st = bench_await_level(b); /* All know the accounts. */
    if (st == ST_OK) st = bench_await_rest(b);
    if (st == ST_OK) st = bench_height(link, &b->setup_height);
    if (st == ST_OK) st = write_setup_height(b);
    PQfinish(link);
    return st == ST_OK ? EXIT_FINE : fail(b, "the chain cannot be prepared", st);
}
