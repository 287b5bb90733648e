/* row_files.c - The files of the row tree are derived: damaged, or ahead of a state that was put
 * back, they are removed and made again from the results up to the state's height. */
#include "node/row_files.h"

static enum status attach(struct rows **out, const struct row_files_config *config);
static enum status read_result(void *context, uint64_t height, struct buf *out);

enum status row_files_open(struct rows **out, const struct row_files_config *config)
{
    char dir[OS_PATH_MAX];
    enum status st = attach(out, config);
    *config->was_ahead = false;
    if (st != ST_CORRUPT && st != ST_EXISTS) return st;
    *config->was_ahead = st == ST_EXISTS; /* The state is always saved first. */
    if (st == ST_CORRUPT && config->warn != NULL)
        config->warn("the tree of rows (rows/) is damaged: it is made again from the results");
    TRY(os_path_join(dir, config->dir, ROWS_DIR));
    TRY(rows_remove(config->os, dir));
    return attach(out, config);
}

static enum status attach(struct rows **out, const struct row_files_config *config)
{
    char dir[OS_PATH_MAX];
    char path[OS_PATH_MAX];
    struct rows *rows = NULL;
    TRY(os_path_join(path, config->dir, "state/main.db"));
    TRY(os_path_join(dir, config->dir, ROWS_DIR));
    const struct rows_config open = {
        .os = config->os, .mem = config->mem, .dir = dir, .is_threaded = true};
    const struct exec_config exec = {
        .os = config->os, .mem = config->mem, .path = path, .genesis = config->genesis};
    const struct exec_results results = {.read = read_result, .context = config->store};
    TRY(rows_open(&rows, &open));
    enum status st = exec_attach_rows(config->exec, rows, &exec, &results);
    if (st != ST_OK) {
        rows_close(rows);
        return st;
    }
    *out = rows;
    return ST_OK;
}

static enum status read_result(void *context, uint64_t height, struct buf *out)
{
    return store_read_result(context, height, out, NULL);
}
