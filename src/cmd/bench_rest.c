/* bench_rest.c - What writing leaves behind: work that nodes do later, and bytes on their disks.
 *
 * A chain is at rest when its state and its tree of rows are in their files, every version of a row
 * is indexed, and no sealed segment waits to be compressed. The rounds of the scrub go on for ever
 * and are no part of it. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/bench_int.h"
#include "os/process.h"

#define REST_WAIT_MS 3600000u
#define REST_POLL_MS 100u

static enum status flush_node(struct bench *b, uint32_t node)
{
    PGconn *link = NULL;
    enum status st = link_open_admin(&link, &b->layout, node);
    if (st == ST_OK) st = bench_query(b, link, "SELECT trustsql.flush()");
    PQfinish(link);
    return st;
}

static bool is_at_rest(const struct bench *b, const struct bench_usage *usage)
{
    for (uint32_t i = 0; i < b->layout.node_count; i++)
        if (usage[i].is_tidying || usage[i].history_height < usage[i].height) return false;
    return true;
}

enum status bench_await_rest(struct bench *b)
{
    struct bench_usage usage[LAYOUT_NODES_MAX];
    for (uint32_t node = 0; node < b->layout.node_count; node++)
        TRY(flush_node(b, node));
    for (uint32_t waited = 0; waited < REST_WAIT_MS; waited += REST_POLL_MS) {
        TRY(bench_usage_read(b, usage));
        if (is_at_rest(b, usage)) return ST_OK;
        process_sleep_ms(REST_POLL_MS);
    }
    return ST_TIMEOUT;
}

/* --- bytes on disk ---------------------------------------------------------------------------- */

static const struct {
    const char *dir;
    const char *ending; /* Of the files that count; null: all. */
    enum bench_bytes to;
} places[] = {{"blocks", ".seg", BYTES_BLOCKS},
              {"blocks/cold", ".seg", BYTES_BLOCKS},
              {"blocks", ".idx", BYTES_INDEX},
              {"results", NULL, BYTES_RESULTS},
              {"results/cold", NULL, BYTES_RESULTS},
              {"state", NULL, BYTES_STATE},
              {"rows", NULL, BYTES_ROWS},
              {"history", NULL, BYTES_HISTORY},
              {"pending", NULL, BYTES_PENDING}};

struct counting {
    struct os *os;
    const char *dir;
    const char *ending;
    uint64_t bytes;
};

static bool has_ending(const char *name, const char *ending)
{
    const size_t size = strlen(name);
    const size_t end = strlen(ending);
    return size >= end && strcmp(name + size - end, ending) == 0;
}

/* A file that goes while it is looked at is none; "cold" is a directory of its own. */
static enum status count_file(void *context, const char *name)
{
    struct counting *c = context;
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    uint64_t size = 0;
    if (strcmp(name, "cold") == 0) return ST_OK;
    if (c->ending != NULL && !has_ending(name, c->ending)) return ST_OK;
    TRY(os_path_join(path, c->dir, name));
    enum status st = c->os->file_open(c->os, &file, path, OS_READ);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    st = c->os->file_size(c->os, file, &size);
    c->os->file_close(c->os, file);
    if (st == ST_OK) c->bytes += size;
    return st;
}

enum status bench_bytes_read(struct bench *b, uint64_t out[BYTES_COUNT])
{
    char node[OS_PATH_MAX];
    memset(out, 0, BYTES_COUNT * sizeof *out);
    TRY(layout_node_dir(&b->layout, 0, node));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char dir[OS_PATH_MAX];
        struct counting c = {.os = b->os, .dir = dir, .ending = places[i].ending};
        TRY(os_path_join(dir, node, places[i].dir));
        enum status st = b->os->list_dir(b->os, dir, count_file, &c);
        if (st != ST_OK && st != ST_NOT_FOUND) return st;
        must(places[i].to < BYTES_COUNT);
        out[places[i].to] += c.bytes;
    }
    return ST_OK;
}
