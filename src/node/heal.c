/* heal.c - The thread, its rounds, and who waits for them: see heal.h. */
#include "node/heal_int.h"

#include <inttypes.h>
#include <stdio.h>

#define MARK_NAME     "state/damaged"
#define MARK_SIZE_MAX 512u
#define KEPT_NAME     "main.db.damaged" /* To be looked at; the newest one. */
#define GIVE_UP_MS    300u              /* Reports of the damage go out before the node ends. */
#define PAGE_SIZE     4096u
#define RETRY_MS      30000u
#define PERCENT_MAX   100u

static void run(void *context);
static void close_round(struct heal *h);
static enum status round_step(struct heal *h, bool is_fast);
static void finish_asked(struct heal *h);

enum status heal_new(struct heal **out, const struct heal_config *config)
{
    struct heal *h = mem_alloc_zero(config->mem, 1, sizeof *h);
    if (h == NULL) return ST_NO_MEMORY;
    h->config = *config;
    buf_init(&h->report, config->mem, HEAL_TEXT_MAX);
    buf_init(&h->round.text, config->mem, HEAL_TEXT_MAX);
    enum status st = mutex_new(&h->mutex, config->mem);
    if (st == ST_OK) st = cond_new(&h->wake, config->mem);
    if (st == ST_OK) st = cond_new(&h->change, config->mem);
    if (st == ST_OK) st = thread_start(&h->thread, config->mem, "heal", run, h);
    if (st != ST_OK) {
        heal_free(h);
        return st;
    }
    *out = h;
    return ST_OK;
}

void heal_stop(struct heal *h)
{
    if (h->thread != NULL) {
        mutex_lock(h->mutex);
        h->is_closing = true;
        cond_broadcast(h->wake);
        cond_broadcast(h->change);
        mutex_unlock(h->mutex);
        thread_join(h->thread);
        h->thread = NULL;
    }
    store_scrub_free(h->round.scrub);
    h->round.scrub = NULL;
    row_check_free(h->round.rows);
    h->round.rows = NULL;
}

void heal_free(struct heal *h)
{
    if (h == NULL) return;
    heal_stop(h);
    cond_free(h->wake);
    cond_free(h->change);
    mutex_free(h->mutex);
    buf_fini(&h->report);
    buf_fini(&h->round.text);
    mem_free(h->config.mem, h);
}

void heal_tick(struct heal *h, uint64_t mono_ms)
{
    bool is_over = false;
    mutex_lock(h->mutex);
    h->mono_ms = mono_ms;
    const bool has_damage = db_damaged_page(exec_db(h->config.exec)) != 0;
    const bool may_ask = !h->has_given_up && h->asked == h->answered && mono_ms >= h->retry_ms;
    if (has_damage && may_ask) h->asked++;
    const bool is_paced = h->config.settings.cpu_percent > 0 && mono_ms >= h->next_ms;
    if (is_paced) h->is_due = true;
    if (h->is_due || h->asked > h->answered || h->wait_asked > h->wait_answered)
        cond_signal(h->wake);
    if (h->asked > h->answered) cond_broadcast(h->change); /* Who waits may have been cancelled. */
    if (h->has_given_up && h->give_up_ms == 0) h->give_up_ms = mono_ms + GIVE_UP_MS;
    is_over = h->has_given_up && mono_ms >= h->give_up_ms && !h->is_told;
    if (is_over) h->is_told = true;
    mutex_unlock(h->mutex);
    if (!is_over) return;
    enum status st = heal_mark(h->config.os, h->config.dir, &h->mark);
    h->config.failed(h->config.context, st == ST_OK ? ST_CORRUPT : st,
                     "the state file is damaged: it is made again from the blocks");
}

enum status heal_scrub(struct heal *h,
                       struct buf *report,
                       bool *was_clean,
                       const atomic_bool *is_cancelled)
{
    mutex_lock(h->mutex);
    /* One that is under way may have passed what is damaged since: the one after it counts. */
    const uint64_t mine = h->asked + 1;
    h->asked = mine;
    cond_signal(h->wake);
    while (h->answered < mine && !h->is_closing && !atomic_load(is_cancelled))
        cond_wait(h->change, h->mutex);
    const bool is_done = h->answered >= mine;
    if (is_done) {
        buf_put(report, buf_span(&h->report));
        *was_clean = h->was_clean;
    }
    mutex_unlock(h->mutex);
    if (is_done) return buf_status(report);
    return ST_CLOSED;
}

enum status heal_wait(struct heal *h)
{
    mutex_lock(h->mutex);
    const uint64_t mine = ++h->wait_asked;
    cond_signal(h->wake);
    while (h->wait_answered < mine && !h->is_closing && !h->has_given_up)
        cond_wait(h->change, h->mutex);
    enum status st = h->wait_answered >= mine && !h->has_given_up ? h->wait_status : ST_CLOSED;
    mutex_unlock(h->mutex);
    return st;
}

void heal_view(struct heal *h, struct heal_view *out)
{
    mutex_lock(h->mutex);
    *out = h->view;
    mutex_unlock(h->mutex);
}

uint64_t heal_cpu_ns(const struct heal *h)
{
    return h->thread == NULL ? 0 : thread_cpu_ns(h->thread);
}

/* Told by the open find of that file, or by the owner. */
bool heal_expects(struct heal *h, const struct damage *place)
{
    bool is_open = false;
    mutex_lock(h->mutex);
    for (uint32_t k = 0; k < h->open_count; k++)
        if (strcmp(h->open[k].damage.file, place->file) == 0) is_open = true;
    if (is_open && h->asked == h->answered) h->asked++; /* It is looked at again, and told. */
    mutex_unlock(h->mutex);
    return is_open;
}

bool heal_is_closing(struct heal *h)
{
    mutex_lock(h->mutex);
    const bool is_closing = h->is_closing;
    mutex_unlock(h->mutex);
    return is_closing;
}

void heal_tell(struct heal *h, const struct heal_find *find, bool is_new)
{
    mutex_lock(h->mutex);
    if (is_new) h->view.finds++;
    h->view.is_damaged = find->state == INCIDENT_FOUND;
    (void)snprintf(h->view.last_find, sizeof h->view.last_find, "%s: %s",
                   incident_state_text(find->state), find->place);
    mutex_unlock(h->mutex);
    h->config.found(h->config.context, find);
}

void heal_note(struct heal *h, struct heal_round *round, const struct heal_find *find, bool is_new)
{
    heal_tell(h, find, is_new);
    if (is_new) round->finds++;
    if (is_new && find->state == INCIDENT_FOUND) round->open++;
    if (!is_new && find->state == INCIDENT_REPAIRED) round->open--;
    buf_printf(&round->text, "%s: %s\n", incident_state_text(find->state), find->place);
}

void heal_retry_later(struct heal *h)
{
    mutex_lock(h->mutex);
    h->retry_ms = h->mono_ms + RETRY_MS;
    mutex_unlock(h->mutex);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* True: a round now, false: a step of the background. With the mutex; false in *goes_on: the end.
 */
static bool wait_for_work(struct heal *h, bool *goes_on)
{
    mutex_lock(h->mutex);
    while (!h->is_closing && !h->is_due && h->asked == h->answered &&
           h->wait_asked == h->wait_answered)
        cond_wait(h->wake, h->mutex);
    *goes_on = !h->is_closing;
    const bool is_asked = h->asked > h->answered || h->wait_asked > h->wait_answered;
    h->is_due = false;
    mutex_unlock(h->mutex);
    return is_asked;
}

/* The share of a processor decides when the next step is due, and so does that of the disk. */
static void pace(struct heal *h, uint64_t used_ns, bool is_end)
{
    const struct heal_settings *s = &h->config.settings;
    const uint64_t rate = (uint64_t)(s->mb_per_second > 0 ? s->mb_per_second : 1) << 20;
    uint64_t wait_ms = used_ns * PERCENT_MAX / (s->cpu_percent > 0 ? s->cpu_percent : 1) / 1000000u;
    const uint64_t read_ms =
        (uint64_t)HEAL_PAGES * PAGE_SIZE * 1000u / rate; /* Of a step at most. */
    if (read_ms > wait_ms) wait_ms = read_ms;
    if (is_end) wait_ms = (uint64_t)s->pause_seconds * 1000u;
    mutex_lock(h->mutex);
    h->next_ms = h->mono_ms + wait_ms;
    h->is_due = false; /* Ticks during the step were of the time before it. */
    mutex_unlock(h->mutex);
}

static void run_background(struct heal *h)
{
    const uint64_t start = thread_own_cpu_ns();
    enum status st = round_step(h, false);
    const bool is_end = st != ST_OK || h->round.stage == HEAL_DONE;
    pace(h, thread_own_cpu_ns() - start, is_end);
    if (is_end) close_round(h);
}

static void run_asked(struct heal *h)
{
    mutex_lock(h->mutex);
    const uint64_t asked = h->asked;
    const uint64_t wait_asked = h->wait_asked;
    mutex_unlock(h->mutex);
    close_round(h);                            /* That of the background begins anew. */
    db_forget_damage(exec_db(h->config.exec)); /* It is found again, or was none. */
    enum status st = ST_OK;
    while (st == ST_OK && h->round.stage != HEAL_DONE && !heal_is_closing(h))
        st = round_step(h, true);
    finish_asked(h);
    mutex_lock(h->mutex);
    h->answered = asked;
    h->wait_answered = wait_asked;
    h->wait_status = h->has_given_up || h->round.is_stuck ? ST_CORRUPT : st;
    h->was_clean = st == ST_OK && h->round.finds == 0;
    cond_broadcast(h->change);
    mutex_unlock(h->mutex);
    close_round(h);
}

static void run(void *context)
{
    struct heal *h = context;
    for (;;) {
        bool goes_on = true;
        const bool is_asked = wait_for_work(h, &goes_on);
        if (!goes_on) return;
        if (is_asked)
            run_asked(h);
        else
            run_background(h);
    }
}

static bool has_given_up(struct heal *h)
{
    mutex_lock(h->mutex);
    const bool is_so = h->has_given_up;
    mutex_unlock(h->mutex);
    return is_so;
}

static enum status round_step(struct heal *h, bool is_fast)
{
    struct heal_round *round = &h->round;
    if (has_given_up(h)) round->stage = HEAL_DONE;
    switch (round->stage) {
    case HEAL_FILES:
        round->page = 1;
        round->stage = HEAL_PAGES_STAGE;
        return heal_state_files(h, round);
    case HEAL_PAGES_STAGE: {
        enum status st = heal_state_pages(h, round, HEAL_PAGES);
        if (st == ST_OK && round->page == 0) round->stage = HEAL_STORE;
        return st;
    }
    case HEAL_STORE: return heal_store_step(h, round, is_fast);
    case HEAL_GAPS: return heal_store_gaps(h, round, is_fast);
    case HEAL_ROWS: return heal_rows_step(h, round, is_fast);
    case HEAL_DONE: break;
    }
    return ST_OK;
}

/* The first line of the report is a summary. */
static void finish_asked(struct heal *h)
{
    const struct heal_round *round = &h->round;
    mutex_lock(h->mutex);
    buf_reset(&h->report);
    buf_printf(&h->report, "%" PRIu32 " damaged", round->finds);
    if (round->open > 0) buf_printf(&h->report, ", %" PRIu32 " not repaired yet", round->open);
    buf_printf(&h->report,
               "; %" PRIu64 " pages and %" PRIu64 " rows of the state, %" PRIu64
               " bytes of blocks and results\n",
               round->pages, round->row_count, round->bytes);
    buf_put(&h->report, buf_span(&round->text));
    if (h->has_given_up)
        buf_put_text(&h->report, "the node starts again and makes its state from the blocks\n");
    mutex_unlock(h->mutex);
}

static void close_round(struct heal *h)
{
    struct buf text = h->round.text;
    store_scrub_free(h->round.scrub);
    row_check_free(h->round.rows);
    const bool was_whole = h->round.stage == HEAL_DONE;
    buf_reset(&text);
    h->round = (struct heal_round){.stage = HEAL_FILES, .text = text};
    if (!was_whole) return;
    mutex_lock(h->mutex);
    h->view.round_ms = h->config.os->wall_ms(h->config.os);
    mutex_unlock(h->mutex);
}

/* --- at a start ------------------------------------------------------------------------------- */

/* "time of the find\nplace\n" */
enum status heal_mark(struct os *os, const char *dir, const struct heal_find *find)
{
    char path[OS_PATH_MAX];
    char text[MARK_SIZE_MAX];
    TRY(os_path_join(path, dir, MARK_NAME));
    (void)snprintf(text, sizeof text, "%" PRIu64 "\n%s\n", find->time_ms, find->place);
    return os_replace_file(os, path, span_text(text));
}

static bool read_mark(struct os *os, const char *dir, struct heal_find *find)
{
    char path[OS_PATH_MAX];
    struct buf text;
    if (os_path_join(path, dir, MARK_NAME) != ST_OK) return false;
    buf_init(&text, mem_system(), 0);
    const bool is_there = os_read_file(os, path, MARK_SIZE_MAX, &text) == ST_OK;
    struct span rest = buf_span(&text);
    size_t at = 0;
    *find = (struct heal_find){.state = INCIDENT_REPAIRED};
    for (; at < rest.size && rest.data[at] >= '0' && rest.data[at] <= '9'; at++)
        find->time_ms = find->time_ms * 10 + (uint64_t)(rest.data[at] - '0');
    find->time_ms &= INT64_MAX; /* Whoever wrote it. */
    const size_t from = at + 1;
    for (at = from; at < rest.size && rest.data[at] != '\n' && at - from < INCIDENT_PLACE_MAX; at++)
        find->place[at - from] = (char)rest.data[at];
    if (find->place[0] == 0) (void)snprintf(find->place, sizeof find->place, "state/main.db");
    find->kind =
        strncmp(find->place, "table ", strlen("table ")) == 0 ? INCIDENT_ROW : INCIDENT_STATE;
    buf_fini(&text);
    return is_there;
}

bool heal_is_due(struct os *os, const char *dir)
{
    struct heal_find find;
    return read_mark(os, dir, &find);
}

enum status heal_settle(struct os *os, const char *dir, struct heal_find *find)
{
    if (read_mark(os, dir, find)) return heal_remove_state(os, dir);
    find->place[0] = 0;
    return ST_OK;
}

struct removal {
    struct os *os;
    char dir[OS_PATH_MAX];
    bool has_mark;
};

/* The mark goes last: a crash in between leaves it. */
static enum status remove_one(void *context, const char *name)
{
    struct removal *r = context;
    char path[OS_PATH_MAX];
    if (strcmp(name, KEPT_NAME) == 0) return ST_OK;
    if (strcmp(name, &MARK_NAME[strlen("state/")]) == 0) {
        r->has_mark = true;
        return ST_OK;
    }
    TRY(os_path_join(path, r->dir, name));
    if (strcmp(name, "main.db") != 0) return r->os->remove(r->os, path);
    char kept[OS_PATH_MAX];
    TRY(os_path_join(kept, r->dir, KEPT_NAME));
    return r->os->rename(r->os, path, kept);
}

enum status heal_remove_state(struct os *os, const char *dir)
{
    struct removal r = {.os = os};
    char path[OS_PATH_MAX];
    TRY(os_path_join(r.dir, dir, "state"));
    enum status st = os->list_dir(os, r.dir, remove_one, &r);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    TRY(os->sync_dir(os, r.dir));
    if (!r.has_mark) return ST_OK;
    TRY(os_path_join(path, dir, MARK_NAME));
    TRY(os->remove(os, path));
    return os->sync_dir(os, r.dir);
}
