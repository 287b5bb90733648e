/* heal_state.c - The state file against its page sums, and its repair. */
#include <inttypes.h>
#include <stdio.h>

#include "node/heal_int.h"
#include "state/diff.h"

#define STATE_FILE "state/main.db"

static struct heal_find find_of(const struct heal *h, const struct db_damage *damage);
static enum status mend_pages(struct heal *h,
                              struct heal_round *round,
                              const struct db_damage *first);
static enum status mend_all(struct heal *h, struct heal_again *again, uint32_t *mended);
static enum status mend_one(struct heal *h,
                            struct heal_again *again,
                            uint32_t page,
                            bool *is_mended);

enum status heal_state_files(struct heal *h, struct heal_round *round)
{
    struct db_damage damage;
    enum status st = executor_check_files(h->config.executor, &damage);
    if (st != ST_CORRUPT) return st;
    struct heal_find find = find_of(h, &damage);
    heal_note(h, round, &find, true);
    if (damage.is_mended) return ST_OK;
    heal_give_up(h, &find);
    return ST_OK;
}

enum status heal_state_pages(struct heal *h, struct heal_round *round, uint32_t count)
{
    struct db_damage damage;
    const uint32_t first = round->page;
    enum status st = executor_check_pages(h->config.executor, &round->page, count, &damage);
    round->pages += round->page > first ? round->page - first : 0;
    if (st != ST_CORRUPT) return st;
    if (!damage.is_mended) return mend_pages(h, round, &damage);
    struct heal_find find = find_of(h, &damage);
    heal_note(h, round, &find, true);
    return ST_OK;
}

static struct heal_find find_of(const struct heal *h, const struct db_damage *damage)
{
    struct heal_find find = {.kind = INCIDENT_STATE,
                             .state = damage->is_mended ? INCIDENT_REPAIRED : INCIDENT_FOUND,
                             .height = db_file_height(exec_db(h->config.exec)),
                             .time_ms = h->config.os->wall_ms(h->config.os)};
    memcpy(find.old_hash.bytes, damage->expected, sizeof damage->expected);
    memcpy(find.new_hash.bytes, damage->found, sizeof damage->found);
    if (damage->page > 0)
        (void)snprintf(find.place, sizeof find.place, STATE_FILE " page %" PRIu32 ": %s",
                       damage->page, damage->what);
    else
        (void)snprintf(find.place, sizeof find.place, STATE_FILE ": %s", damage->what);
    return find;
}

/* All pages that are damaged get their bytes back from a state that is made again. */
static enum status mend_pages(struct heal *h,
                              struct heal_round *round,
                              const struct db_damage *first)
{
    struct heal_again *again = NULL;
    uint32_t mended = 0;
    struct heal_find find = find_of(h, first);
    const uint64_t height = db_file_height(exec_db(h->config.exec));
    heal_note(h, round, &find, true);
    if (h->config.settings.blocks_most > 0 && height >= h->config.settings.blocks_most) {
        heal_give_up(h, &find);
        return ST_OK;
    }
    enum status st = heal_again_new(&again, h, height);
    if (st == ST_OK) st = mend_all(h, again, &mended);
    heal_again_free(again);
    if (st == ST_CLOSED || st == ST_NO_MEMORY) return st;
    if (st == ST_CORRUPT) { /* Without whole blocks a removed state could not be made again. */
        buf_put_text(&round->text, "  the blocks that the state is made of are damaged, too\n");
        heal_retry_later(h);
        round->is_stuck = true;
        round->page = 0;
        return ST_OK;
    }
    if (st != ST_OK) {
        heal_give_up(h, &find);
        return ST_OK;
    }
    db_forget_damage(exec_db(h->config.exec));
    find.state = INCIDENT_REPAIRED;
    heal_note(h, round, &find, false);
    buf_printf(&round->text, "  %" PRIu32 " pages written again\n", mended);
    round->page = 1; /* Once more from the start: nothing may be left. */
    return ST_OK;
}

static enum status mend_all(struct heal *h, struct heal_again *again, uint32_t *mended)
{
    uint32_t page = 1;
    while (page != 0) {
        struct db_damage damage;
        bool is_mended = false;
        if (heal_is_closing(h)) return ST_CLOSED;
        enum status st = executor_check_pages(h->config.executor, &page, HEAL_PAGES, &damage);
        if (st == ST_OK) continue;
        if (st != ST_CORRUPT) return st;
        if (!damage.is_mended) {
            TRY(mend_one(h, again, damage.page, &is_mended));
            if (!is_mended) return ST_INVALID;
        }
        *mended += 1;
        if (page > db_page_count(exec_db(h->config.exec))) page = 0;
    }
    return ST_OK;
}

/* H2. What a checkpoint has written since is not damaged any more. */
static enum status mend_one(struct heal *h,
                            struct heal_again *again,
                            uint32_t page,
                            bool *is_mended)
{
    uint8_t bytes[PAGE_BYTES];
    struct db_damage damage;
    enum status st = heal_again_page(again, page, bytes);
    if (st == ST_OK) st = executor_mend_page(h->config.executor, page, bytes);
    if (st != ST_INVALID && st != ST_NOT_FOUND) TRY(st);
    uint32_t at = page;
    st = executor_check_pages(h->config.executor, &at, 1, &damage);
    if (st != ST_OK && st != ST_CORRUPT) return st;
    *is_mended = st == ST_OK || damage.is_mended;
    return ST_OK;
}

/* H3 */
void heal_give_up(struct heal *h, const struct heal_find *find)
{
    mutex_lock(h->mutex);
    h->has_given_up = true;
    h->mark = *find;
    mutex_unlock(h->mutex);
}
