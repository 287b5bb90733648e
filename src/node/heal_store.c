/* heal_store.c - Blocks, indexes, results, held bodies and the journal: the store looks at them,
 * others give blocks back (repair), results are made again here. */
#include <inttypes.h>
#include <stdio.h>

#include "node/heal_int.h"

#define FAST_BYTES  (1u << 20) /* Read in one step, when a round was asked for. */
#define SLOW_BYTES  (64u << 10)
#define PLACE_BYTES 4096u /* Of the damaged file: what was there, and what is there then. */
#define GAP_MS      8000u /* Of a round that somebody waits for. */

static enum status on_block(void *context,
                            uint64_t height,
                            const struct hash *hash,
                            struct span block,
                            const struct damage *place);
static void on_damage(void *context, const struct damage *damage);
static enum incident_kind kind_of(const char *file);
static struct hash hash_of_place(struct heal *h, const struct damage *damage);
static void settle(struct heal *h, uint32_t k);
static enum status mend_results(struct heal *h);
static enum status give_results(struct heal *h, struct heal_again *again, struct store_gap *gap);

enum status heal_store_step(struct heal *h, struct heal_round *round, bool is_fast)
{
    uint64_t read = 0;
    if (round->scrub == NULL) {
        const struct store_scrub_visitor visitor = {
            .visit = on_block, .found = on_damage, .context = h};
        round->link_height = 0;
        TRY(store_scrub_new(&round->scrub, h->config.store, &visitor));
    }
    enum status st = store_scrub_step(round->scrub, is_fast ? FAST_BYTES : SLOW_BYTES, &read);
    round->bytes += read;
    if (st != ST_NOT_FOUND) return st;
    store_scrub_free(round->scrub);
    round->scrub = NULL;
    round->stage = HEAL_GAPS;
    return ST_OK;
}

/* The header is what its child names: bytes that are whole, but not of this chain, are damage. */
static enum status on_block(void *context,
                            uint64_t height,
                            const struct hash *hash,
                            struct span block,
                            const struct damage *place)
{
    struct heal *h = context;
    struct heal_round *round = &h->round;
    struct header header;
    struct span head;
    struct span body;
    (void)hash;
    bool is_right = block_split(block, &head, &body) == ST_OK;
    if (is_right) {
        struct cbor in = cbor_of(head);
        header_decode(&header, &in);
        is_right = cbor_end(&in) == ST_OK && header.height == height;
    }
    const bool is_next = round->link_height > 0 && height == round->link_height + 1;
    if (is_right && is_next) is_right = hash_equal(&header.parent, &round->link_hash);
    round->link_height = is_right ? height : 0;
    if (is_right) round->link_hash = hash_of("hdr", head);
    if (!is_right) {
        struct damage damage = *place;
        damage.height = height;
        (void)snprintf(damage.what, sizeof damage.what, "the block is none of this chain");
        store_note_false(h->config.store, STORE_BLOCKS, height, height, &damage);
        on_damage(h, &damage);
    }
    return heal_is_closing(h) ? ST_CLOSED : ST_OK;
}

/* Told before, and nobody has been able to put it right. */
static bool is_open(const struct heal *h, const struct damage *damage)
{
    for (uint32_t k = 0; k < h->open_count; k++) {
        const struct damage *known = &h->open[k].damage;
        if (strcmp(known->file, damage->file) == 0 && known->height == damage->height) return true;
    }
    return false;
}

static void on_damage(void *context, const struct damage *damage)
{
    struct heal *h = context;
    if (is_open(h, damage)) return;
    struct heal_find find = {.kind = kind_of(damage->file),
                             .state = damage->is_mended ? INCIDENT_REPAIRED : INCIDENT_FOUND,
                             .height = damage->height,
                             .time_ms = h->config.os->wall_ms(h->config.os)};
    (void)snprintf(find.place, sizeof find.place, "%.90s offset %" PRIu64 " height %" PRIu64 ": %s",
                   damage->file, damage->offset, damage->height, damage->what);
    if (damage->is_mended)
        find.old_hash = hash_of_place(h, damage);
    else
        find.new_hash = hash_of_place(h, damage);
    heal_note(h, &h->round, &find, true);
    mutex_lock(h->mutex);
    if (!damage->is_mended && h->open_count < HEAL_OPEN_MAX)
        h->open[h->open_count++] = (struct heal_open){.find = find, .damage = *damage};
    mutex_unlock(h->mutex);
}

static enum incident_kind kind_of(const char *file)
{
    const char *end = strrchr(file, '.');
    if (strncmp(file, "journal", 7) == 0) return INCIDENT_JOURNAL;
    if (end != NULL && strcmp(end, ".res") == 0) return INCIDENT_RESULT;
    if (strncmp(file, "pending", 7) == 0) return INCIDENT_HELD;
    return end != NULL && strcmp(end, ".idx") == 0 ? INCIDENT_INDEX : INCIDENT_BLOCK;
}

/* Zero: there is nothing. */
static struct hash hash_of_place(struct heal *h, const struct damage *damage)
{
    char path[OS_PATH_MAX];
    uint8_t bytes[PLACE_BYTES];
    size_t got = 0;
    struct os *os = h->config.os;
    struct os_file *file = NULL;
    const struct hash nothing = {{0}};
    /* Closing a second object of the journal would give up its lock. */
    if (kind_of(damage->file) == INCIDENT_JOURNAL) return nothing;
    if (os_path_join(path, h->config.dir, damage->file) != ST_OK) return nothing;
    if (os->file_open(os, &file, path, OS_READ) != ST_OK) return nothing;
    enum status st = os->file_read(os, file, bytes, sizeof bytes, damage->offset, &got);
    os->file_close(os, file);
    return st == ST_OK && got > 0 ? hash_of("place", span_of(bytes, got)) : nothing;
}

bool heal_has_gap(const struct heal *h)
{
    return store_has_gap(h->config.store, STORE_BLOCKS) ||
           store_has_gap(h->config.store, STORE_RESULTS);
}

/* Blocks come by themselves; without anybody who has them they stay a gap. */
enum status heal_store_gaps(struct heal *h, struct heal_round *round, bool is_fast)
{
    struct store *store = h->config.store;
    uint64_t until = 0;
    round->stage = HEAL_ROWS;
    mutex_lock(h->mutex);
    until = h->mono_ms + GAP_MS;
    while (is_fast && store_has_gap(store, STORE_BLOCKS) && !h->is_closing && h->mono_ms < until)
        cond_wait(h->wake, h->mutex);
    mutex_unlock(h->mutex);
    if (!store_has_gap(store, STORE_BLOCKS) && store_has_gap(store, STORE_RESULTS)) {
        enum status st = mend_results(h);
        if (st == ST_CLOSED || st == ST_NO_MEMORY) return st;
        if (st != ST_OK) buf_put_text(&round->text, "results could not be made again\n");
    }
    for (uint32_t k = h->open_count; k > 0; k--)
        settle(h, k - 1);
    if (!round->is_stuck || round->was_stuck || heal_has_gap(h)) return ST_OK;
    round->stage = HEAL_FILES; /* Now the blocks are whole. */
    round->is_stuck = false;
    round->was_stuck = true;
    return ST_OK;
}

/* An open find is told again once its kind has no gap any more. */
static void settle(struct heal *h, uint32_t k)
{
    mutex_lock(h->mutex);
    struct heal_open open = h->open[k];
    const enum store_part part = open.find.kind == INCIDENT_RESULT ? STORE_RESULTS : STORE_BLOCKS;
    const bool is_closed = !store_has_gap(h->config.store, part);
    if (is_closed) h->open[k] = h->open[--h->open_count];
    mutex_unlock(h->mutex);
    if (!is_closed) return;
    open.find.state = INCIDENT_REPAIRED;
    open.find.old_hash = hash_of_place(h, &open.damage);
    heal_note(h, &h->round, &open.find, false);
}

/* --- results ---------------------------------------------------------------------------------- */

static enum status mend_results(struct heal *h)
{
    struct store_gap gap;
    struct heal_again *again = NULL;
    enum status st = store_gap(h->config.store, STORE_RESULTS, &gap);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    TRY(heal_again_new(&again, h, gap.first - 1));
    st = give_results(h, again, &gap);
    heal_again_free(again);
    if (st != ST_OK) store_repair_cancel(h->config.store);
    return st;
}

static enum status give_results(struct heal *h, struct heal_again *again, struct store_gap *gap)
{
    uint64_t height = gap->first;
    for (;;) {
        while (height <= gap->last) {
            struct buf record;
            if (heal_is_closing(h)) return ST_CLOSED;
            buf_init(&record, h->config.mem, 0);
            enum status st = heal_again_next(again, &record);
            const struct store_block block = {.height = height, .bytes = buf_span(&record)};
            if (st == ST_OK && height >= gap->first)
                st = store_repair(h->config.store, STORE_RESULTS, &block);
            buf_fini(&record);
            TRY(st);
            height++;
        }
        enum status st = store_gap(h->config.store, STORE_RESULTS, gap);
        if (st == ST_NOT_FOUND) return ST_OK;
        TRY(st);
        if (gap->first < height) return ST_INVALID; /* Behind us: the next round. */
    }
}
