/* adapt.c - The mode of the chain, as this node knows it, and what shows it in bodies.
 *
 * The state of the mode is that of the final block. Bodies in flight are stepped on a copy when a
 * leader wants to know what they will have shown.
 *
 * I7 while the engine adapts, mode.height is the final height, and a block becomes final only with
 * the facts of its body. */
#include "consensus/consensus_int.h"

_Static_assert(MODE_DELAY == 2 * W && MODE_GRACE == W, "the mode of each block in flight is known");

static void step_line(const struct consensus *c, struct mode_state *ahead);
static void note_lacking(const struct consensus *c,
                         const struct mode_state *ahead,
                         struct body_notes *notes);
static bool is_late_valid(const struct consensus *c,
                          const struct header *h,
                          const struct late_vote *late);
static bool is_slow(const struct consensus *c);
static uint32_t silent_count(const struct consensus *c);
static bool are_all_well(const struct consensus *c);

void adapt_start(struct consensus *c, const struct consensus_start *start)
{
    c->is_adapting = start->mode != NULL && c->config.validators.mode == MODE_FAST;
    if (!c->is_adapting) return;
    must(start->mode->height == start->height);
    c->mode = *start->mode;
}

enum block_mode mode_for(const struct consensus *c, uint64_t height)
{
    must(height > 0);
    return c->is_adapting ? mode_at(&c->mode, height) : c->config.validators.mode;
}

const struct mode_state *consensus_mode(const struct consensus *c)
{
    return c->is_adapting ? &c->mode : NULL;
}

void adapt_note_body(const struct consensus *c,
                     struct block *b,
                     const struct block_content *content)
{
    b->has_facts = true;
    if (c->is_adapting) facts_of_block(&b->facts, &b->header, content);
}

/* I7 */
void adapt_on_final(struct consensus *c, const struct block *b)
{
    if (!c->is_adapting) return;
    must(b->has_facts);
    must(b->header.height == c->mode.height + 1);
    if (mode_step(&c->mode, &b->facts, NULL)) c->idle_blocks = 0;
}

enum status adapt_on_advanced(struct consensus *c, const struct consensus_event *event)
{
    if (!c->is_adapting) return ST_OK;
    if (event->mode == NULL || event->mode->height != event->header->height) return ST_INVALID;
    c->mode = *event->mode;
    return ST_OK;
}

/* Votes that bodies so far, and the certificates that this one will show, leave out. */
const struct body_notes *adapt_gather(struct consensus *c, uint64_t height)
{
    if (!c->is_adapting) return NULL;
    struct mode_state *ahead = &c->ahead_mode;
    *ahead = c->mode;
    step_line(c, ahead);
    if (ahead->height + 1 != height) return NULL; /* A body of the line is not here again yet. */
    struct header h = {.height = height, .view = c->cur_view, .epoch = c->config.epoch};
    struct block_content content = {.final_cert = c->has_root_cert ? &c->root_cert : NULL,
                                    .res_cert = c->has_res_cert ? &c->res_cert : NULL};
    struct mode_facts facts;
    facts_of_block(&facts, &h, &content);
    (void)mode_step(ahead, &facts, NULL);
    note_lacking(c, ahead, &c->notes);
    return notes_are_empty(&c->notes) ? NULL : &c->notes;
}

/* Late votes of a body; its evidence is the runtime's to check. */
bool adapt_are_notes_valid(const struct consensus *c,
                           const struct header *h,
                           const struct body_notes *notes)
{
    if (notes == NULL) return true;
    if (c->config.validators.mode != MODE_FAST && notes->late_count > 0) return false;
    for (uint32_t i = 0; i < notes->late_count; i++)
        if (!is_late_valid(c, h, &notes->late[i])) return false;
    return true;
}

/* Blocks without transactions, so that an idle chain falls and returns in seconds, too (1.9). */
bool adapt_wants_blocks(const struct consensus *c, uint64_t height)
{
    if (!c->is_adapting) return false;
    enum block_mode decided = mode_decided(&c->mode);
    if (mode_for(c, height) != decided) return true;
    if (decided == MODE_FAST) return silent_count(c) > c->config.validators.p || is_slow(c);
    const struct mode_rules *r = &c->mode.rules;
    uint64_t enough = 2 * (((uint64_t)r->return_blocks << c->mode.backoff) + r->window);
    return mode_may_return(&c->mode) && are_all_well(c) && c->idle_blocks < enough;
}

static void step_line(const struct consensus *c, struct mode_state *ahead)
{
    for (uint32_t i = 0; i < c->line_count; i++) {
        const struct block *b = c->line[i].block;
        if (c->root_height + i + 1 <= ahead->height) continue;
        if (b == NULL || !b->has_facts) return;
        (void)mode_step(ahead, &b->facts, NULL);
    }
}

/* The vote on height that is kept, of the newest view. */
static void note_vote(const struct vote *v, enum vote_part part, struct body_notes *notes)
{
    must(notes->late_count < LATE_VOTES_MAX);
    notes->late[notes->late_count++] = (struct late_vote){
        .part = part, .statement = v->parts[part], .entry = certificate_cut(v, part)};
}

static void note_block_votes(const struct consensus *c,
                             const struct mode_state *ahead,
                             enum vote_part part,
                             struct body_notes *notes)
{
    uint64_t low = ahead->known > VOTE_HEIGHTS ? ahead->known - VOTE_HEIGHTS : 0;
    for (uint64_t h = low + 1; h <= ahead->known; h++)
        for (uint32_t i = 0; i < c->config.validators.count; i++) {
            if (notes->late_count == LATE_VOTES_MAX - NODES_MAX) return;
            if (!mode_lacks(ahead, part, i, h)) continue;
            const struct vote *v = votes_newest_of(c, i, part, h);
            /* Who is known by its P1 needs no P2. */
            bool is_shown = part == VOTE_P2 && votes_newest_of(c, i, VOTE_P1, h) != NULL;
            if (v != NULL && !is_shown) note_vote(v, part, notes);
        }
}

/* In the order of notes: P1, P2, P3; each by height, then voter. One result of each, which is
 * cumulative: of the height certified, or the newest below it. */
static void note_lacking(const struct consensus *c,
                         const struct mode_state *ahead,
                         struct body_notes *notes)
{
    notes->late_count = notes->evidence_count = notes->incident_count = 0;
    note_block_votes(c, ahead, VOTE_P1, notes);
    note_block_votes(c, ahead, VOTE_P2, notes);
    uint64_t low = ahead->res_known > MODE_DELAY ? ahead->res_known - MODE_DELAY : 0;
    for (uint64_t h = low + 1; h <= ahead->res_known; h++)
        for (uint32_t i = 0; i < c->config.validators.count; i++) {
            uint64_t newest = c->peers[i].stand.vote_heights[VOTE_P3];
            bool is_it = newest < ahead->res_known ? h == newest : h == ahead->res_known;
            if (!is_it || !mode_lacks(ahead, VOTE_P3, i, h)) continue;
            const struct vote *v = votes_newest_of(c, i, VOTE_P3, h);
            const struct hash *own = digest_at(c, h);
            bool is_equal = v != NULL && own != NULL && hash_equal(own, &v->parts[VOTE_P3].hash);
            if (is_equal && notes->late_count < LATE_VOTES_MAX) note_vote(v, VOTE_P3, notes);
        }
}

static bool is_late_valid(const struct consensus *c,
                          const struct header *h,
                          const struct late_vote *late)
{
    const struct statement *s = &late->statement;
    uint64_t top = late->part == VOTE_P3 ? h->res_height : h->final_height;
    if (s->epoch != c->config.epoch || s->height == 0 || s->height > top) return false;
    if (h->height - s->height >= PARAMS_WINDOW_MAX) return false;
    const struct hash *own = late->part == VOTE_P3 ? digest_at(c, s->height) : NULL;
    if (own != NULL && !hash_equal(own, &s->hash)) return false;
    return is_late_signed(c, late);
}

/* The newest commit took the slow path. */
static bool is_slow(const struct consensus *c)
{
    return c->has_root_cert && c->root_cert.part == VOTE_P2 && c->root_height >= c->mode.first;
}

static uint32_t silent_count(const struct consensus *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        uint64_t heard = c->peers[i].stand.heard_mono_ms;
        if (i != c->config.self && (heard == 0 || c->mono_ms - heard >= SILENT_MS)) count++;
    }
    return count;
}

/* As far as their own words tell: everybody is there, in this view, and near. */
static bool are_all_well(const struct consensus *c)
{
    if (silent_count(c) > 0) return false;
    for (uint32_t i = 0; i < c->config.validators.count; i++) {
        const struct consensus_peer_stand *p = &c->peers[i].stand;
        if (i == c->config.self) continue;
        if (p->view != c->cur_view || p->executed_height + W < c->executed_height) return false;
    }
    return true;
}
