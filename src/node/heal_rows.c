/* heal_rows.c - The rows of the state against the tree of rows: who forges the state file together
 * with its page sums is found here. */
#include <inttypes.h>
#include <stdio.h>

#include "node/heal_int.h"

#define FAST_ROWS 4096u /* Compared in one step, when a round was asked for. */
#define SLOW_ROWS 256u
#define TRIES_MAX 32u

static void on_find(struct heal *h, struct heal_round *round, const struct row_find *found);

enum status heal_rows_step(struct heal *h, struct heal_round *round, bool is_fast)
{
    const struct row_check_config config = {
        .mem = h->config.mem, .exec = h->config.exec, .store = h->config.store};
    struct row_find found;
    if (round->rows == NULL) TRY(row_check_new(&round->rows, &config));
    enum status st = row_check_step(round->rows, is_fast ? FAST_ROWS : SLOW_ROWS, &found);
    round->row_count = row_check_count(round->rows);
    if (st == ST_OK) return ST_OK;
    if (st == ST_CORRUPT) on_find(h, round, &found);
    if (st == ST_UNSUPPORTED)
        buf_put_text(&round->text, "  the files of the tree of rows (rows/) are damaged: a start "
                                   "makes them again\n");
    if (st == ST_BUSY && ++round->row_tries < TRIES_MAX) return ST_OK;
    if (st == ST_NO_MEMORY) return st;
    row_check_free(round->rows);
    round->rows = NULL;
    round->stage = HEAL_DONE;
    return ST_OK;
}

/* Pages are as they were written, so no page can be put right: the state is made again. If it was
 * just now, the program itself is at odds, and once more would help nobody. */
static void on_find(struct heal *h, struct heal_round *round, const struct row_find *found)
{
    struct heal_find find = {.kind = INCIDENT_ROW,
                             .state = INCIDENT_FOUND,
                             .height = found->height,
                             .old_hash = found->expected,
                             .new_hash = found->found,
                             .time_ms = h->config.os->wall_ms(h->config.os)};
    (void)snprintf(find.place, sizeof find.place, "%s", found->place);
    heal_note(h, round, &find, true);
    if (h->config.was_made_again || heal_has_gap(h))
        heal_retry_later(h);
    else
        heal_give_up(h, &find);
}
