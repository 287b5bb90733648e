/* mode.c - Counting, falling, returning.
 *
 * I1 known ≤ height, and slots hold the heights (height - window - MODE_DELAY, height] of the
 * epoch. I2 pending is ascending, above height, and alternates: a return is decided at least
 * return_blocks after a fall, which is more than MODE_DELAY or the fall is in force by then. I3
 * heights before the epoch's first and above known count as attended: a young window blames nobody.
 */
#include "ledger/mode.h"

#include "base/must.h"

static uint32_t missing(const struct mode_state *s, uint32_t percent);
static struct mode_slot *slot_of(struct mode_state *s, uint64_t height);
static const struct mode_slot *slot_at(const struct mode_state *s, uint64_t height);
static void note_commit(struct mode_state *s, const struct mode_facts *f);
static void note_late(struct mode_state *s, const struct mode_facts *f);
static void note_results(struct mode_state *s, const struct mode_facts *f);
static void note_evidence(struct mode_state *s, const struct mode_facts *f);
static bool falls(const struct mode_state *s, struct mode_switch *decided);
static bool is_well(const struct mode_state *s);
static void decide(struct mode_state *s, struct mode_switch *decided);

/* A return in less time than a decision takes, or than what is remembered, would undo itself. */
static uint32_t run_length(const struct consensus_params *p)
{
    uint32_t least = p->mode_window > MODE_DELAY ? p->mode_window : MODE_DELAY;
    return p->return_blocks > least ? p->return_blocks : least;
}

struct mode_rules mode_rules_of(const struct validators *v, const struct consensus_params *p)
{
    return (struct mode_rules){.mode = v->mode,
                               .count = v->count,
                               .p = v->p,
                               .barred = v->barred,
                               .window = p->mode_window,
                               .slow_max = p->slow_max,
                               .view_changes_max = p->view_changes_max,
                               .low_percent = p->low_percent,
                               .high_percent = p->high_percent,
                               .return_blocks = run_length(p)};
}

bool mode_rules_hold(const struct mode_rules *r)
{
    bool is_mode = r->mode == MODE_FAST || r->mode == MODE_BFT || r->mode == MODE_RAFT;
    bool is_count =
        r->count >= 1 && r->count <= NODES_MAX && r->p < r->count && r->barred >> r->count == 0;
    bool is_window = r->window >= PARAMS_WINDOW_MIN && r->window <= PARAMS_WINDOW_MAX;
    bool is_fall = r->slow_max >= 1 && r->slow_max <= r->window && r->view_changes_max >= 1 &&
                   r->view_changes_max <= r->window;
    bool is_share = r->low_percent <= r->high_percent && r->high_percent <= 100;
    bool is_return = r->return_blocks >= r->window && r->return_blocks >= MODE_DELAY &&
                     r->return_blocks <= PARAMS_RETURN_BLOCKS_MAX;
    return is_mode && is_count && is_window && is_fall && is_share && is_return;
}

void mode_begin(struct mode_state *s, const struct mode_rules *rules, uint64_t first)
{
    must(mode_rules_hold(rules));
    must(first > s->height);
    struct mode_state new = {.rules = *rules, .first = first, .height = first - 1};
    new.mode = rules->mode;
    if (rules->mode == MODE_FAST && s->rules.mode == MODE_FAST) {
        new.mode = s->mode;
        new.pending_count = s->pending_count;
        memcpy(new.pending, s->pending, sizeof new.pending);
        new.fast_height = s->fast_height;
        new.backoff = s->backoff;
        new.return_height = s->return_height;
        new.calm_height = s->calm_height;
    }
    new.known = new.res_known = first - 1;
    for (uint32_t i = 0; i < rules->count; i++)
        new.results[i] = first - 1;
    *s = new;
}

static uint32_t signers_of(const struct certificate *c)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < c->entry_count; i++)
        bits |= 1u << c->entries[i].voter;
    return bits;
}

void mode_facts_of(struct mode_facts *f, const struct mode_source *from)
{
    const struct header *h = from->header;
    *f = (struct mode_facts){.height = h->height,
                             .view = h->view,
                             .convicted = from->convicted,
                             .diverged = from->diverged};
    const struct certificate *c = from->final_cert;
    if (c != NULL && c->statement.epoch == h->epoch) {
        f->final_height = c->statement.height;
        f->is_fast = c->part == VOTE_P1;
        f->final_signers = signers_of(c);
    }
    c = from->res_cert;
    if (c != NULL && c->statement.epoch == h->epoch) {
        f->res_height = c->statement.height;
        f->res_signers = signers_of(c);
    }
    uint32_t count = from->notes == NULL ? 0 : from->notes->late_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct late_vote *late = &from->notes->late[i];
        if (late->statement.epoch != h->epoch) continue;
        f->late[f->late_count++] = (struct mode_late){
            .part = late->part, .voter = late->entry.voter, .height = late->statement.height};
    }
}

bool mode_step(struct mode_state *s, const struct mode_facts *f, struct mode_switch *decided)
{
    struct mode_switch next;
    must(f->height == s->height + 1);
    s->height = f->height;
    if (s->rules.mode != MODE_FAST) return false;
    *slot_of(s, f->height) = (struct mode_slot){.view = f->view};
    note_commit(s, f);
    note_late(s, f);
    note_results(s, f);
    note_evidence(s, f);
    while (s->pending_count > 0 && s->pending[0].height <= s->height) {
        s->mode = s->pending[0].mode;
        s->pending[0] = s->pending[1];
        s->pending[1] = (struct mode_switch){0};
        s->pending_count--;
    }
    bool is_fast = mode_decided(s) == MODE_FAST;
    s->run = !is_fast && is_well(s) ? s->run + 1 : 0;
    if (is_fast) {
        uint64_t calm = (uint64_t)s->rules.return_blocks << s->backoff << 3;
        if (s->backoff > 0 && s->height - s->calm_height >= calm) {
            s->backoff--;
            s->calm_height = s->height;
        }
        if (!falls(s, &next)) return false;
    } else {
        if (s->run < (uint64_t)s->rules.return_blocks << s->backoff) return false;
        next = (struct mode_switch){.mode = MODE_FAST, .cause = MODE_REPAIRED};
    }
    decide(s, &next);
    if (decided != NULL) *decided = next;
    return true;
}

enum block_mode mode_at(const struct mode_state *s, uint64_t height)
{
    must(height <= s->height + MODE_DELAY);
    enum block_mode mode = s->mode;
    for (uint32_t i = 0; i < s->pending_count; i++)
        if (s->pending[i].height <= height) mode = s->pending[i].mode;
    return mode;
}

enum block_mode mode_decided(const struct mode_state *s)
{
    return s->pending_count > 0 ? s->pending[s->pending_count - 1].mode : s->mode;
}

uint32_t mode_absent(const struct mode_state *s)
{
    if (s->rules.mode != MODE_FAST || s->height < s->first) return 0;
    return missing(s, s->rules.high_percent);
}

void mode_progress(const struct mode_state *s, uint64_t *well, uint64_t *needed)
{
    *well = s->run;
    *needed = (uint64_t)s->rules.return_blocks << s->backoff;
}

bool mode_may_return(const struct mode_state *s)
{
    return s->rules.mode == MODE_FAST && mode_decided(s) == MODE_STRICT && s->convicted == 0 &&
           s->rules.barred == 0;
}

static bool is_in_slots(const struct mode_state *s, uint64_t height)
{
    return height >= s->first && height <= s->height &&
           s->height - height < s->rules.window + MODE_DELAY;
}

bool mode_lacks(const struct mode_state *s, enum vote_part part, uint32_t voter, uint64_t height)
{
    if (s->rules.mode != MODE_FAST || voter >= s->rules.count) return false;
    if (part == VOTE_P3)
        return height >= s->first && height <= s->res_known && s->results[voter] < height;
    if (!is_in_slots(s, height) || height > s->known) return false;
    return (slot_at(s, height)->present >> voter & 1u) == 0;
}

size_t mode_cause_text(char out[MODE_CAUSE_SIZE], const struct mode_switch *decided)
{
    static const char *const names[] = {
        [MODE_GENESIS] = "genesis",   [MODE_SLOW] = "slow",
        [MODE_ABSENT] = "absent",     [MODE_VIEW_CHANGES] = "view-changes",
        [MODE_EVIDENCE] = "evidence", [MODE_DIVERGENCE] = "divergence",
        [MODE_REPAIRED] = "repaired"};
    must(decided->cause <= MODE_REPAIRED);
    struct buf text;
    buf_init_fixed(&text, out, MODE_CAUSE_SIZE);
    buf_put_text(&text, names[decided->cause]);
    const char *separator = " ";
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if ((decided->nodes >> i & 1u) == 0) continue;
        buf_printf(&text, "%s%u", separator, i);
        separator = ",";
    }
    buf_put_u8(&text, 0);
    must(buf_status(&text) == ST_OK); /* 31 numbers and commas are 85 characters. */
    return text.size - 1;
}

/* --- what a block says ------------------------------------------------------------------------ */

static struct mode_slot *slot_of(struct mode_state *s, uint64_t height)
{
    return &s->slots[height % (s->rules.window + MODE_DELAY)];
}

static const struct mode_slot *slot_at(const struct mode_state *s, uint64_t height)
{
    must(is_in_slots(s, height)); /* I1 */
    return &s->slots[height % (s->rules.window + MODE_DELAY)];
}

/* A certificate commits what is below it, too, and its signers voted on that. */
static void note_commit(struct mode_state *s, const struct mode_facts *f)
{
    must(f->final_height < f->height);
    if (f->final_height < s->first) return;
    uint64_t from = s->known < f->final_height ? s->known + 1 : f->final_height;
    for (uint64_t h = f->final_height; h >= from && is_in_slots(s, h); h--) {
        struct mode_slot *slot = slot_of(s, h);
        slot->present |= f->final_signers;
        if (h > s->known) slot->is_slow = !f->is_fast;
    }
    if (f->final_height > s->known) s->known = f->final_height;
}

/* A result is signed after its block was executed, by those too whose vote came when the block was
 * final already: it shows presence on the heights that it is new for, the nearest of them. */
static void confirm(struct mode_state *s, uint32_t voter, uint64_t height)
{
    if (height <= s->results[voter]) return;
    for (uint64_t h = height; h > s->results[voter] && height - h < MODE_GRACE; h--)
        if (is_in_slots(s, h)) slot_of(s, h)->present |= 1u << voter;
    s->results[voter] = height;
}

static void note_late(struct mode_state *s, const struct mode_facts *f)
{
    for (uint32_t i = 0; i < f->late_count; i++) {
        const struct mode_late *late = &f->late[i];
        if (late->voter >= s->rules.count || late->height < s->first) continue;
        if (late->part == VOTE_P3)
            confirm(s, late->voter, late->height);
        else if (is_in_slots(s, late->height))
            slot_of(s, late->height)->present |= 1u << late->voter;
    }
}

static void note_results(struct mode_state *s, const struct mode_facts *f)
{
    if (f->res_height < s->first) return;
    if (f->res_height > s->res_known) s->res_known = f->res_height;
    for (uint32_t i = 0; i < s->rules.count; i++)
        if ((f->res_signers >> i & 1u) != 0) confirm(s, i, f->res_height);
}

/* Who diverged is well again with a result that it confirms above the proof. */
static void note_evidence(struct mode_state *s, const struct mode_facts *f)
{
    uint32_t all = (uint32_t)((1ull << s->rules.count) - 1);
    for (uint32_t i = 0; i < s->rules.count; i++)
        if (s->results[i] > s->diverged_height) s->diverged &= ~(1u << i);
    s->convicted |= f->convicted & all;
    if ((f->diverged & all) == 0) return;
    s->diverged |= f->diverged & all;
    s->diverged_height = f->height;
}

/* --- judgement -------------------------------------------------------------------------------- */

/* Heights of the window, the newest aside, on which each validator is missing: at most percent of
 * the window may be. The others, as bits. */
static uint32_t missing(const struct mode_state *s, uint32_t percent)
{
    uint32_t counts[NODES_MAX] = {0};
    uint32_t bits = 0;
    uint64_t top = s->known < MODE_GRACE ? 0 : s->known - MODE_GRACE;
    for (uint64_t h = top; h >= s->first && top - h < s->rules.window && is_in_slots(s, h); h--)
        for (uint32_t i = 0; i < s->rules.count; i++)
            counts[i] += (slot_at(s, h)->present >> i & 1u) == 0;
    for (uint32_t i = 0; i < s->rules.count; i++)
        if (counts[i] * 100 > s->rules.window * (100 - percent)) bits |= 1u << i;
    return bits;
}

/* Slow certificates of the window since FAST; *absent: who is missing on most of them. */
static uint32_t slow_count(const struct mode_state *s, uint32_t *absent)
{
    uint32_t counts[NODES_MAX] = {0};
    uint32_t slow = 0;
    for (uint64_t h = s->known; h >= s->first && h >= s->fast_height &&
                                s->known - h < s->rules.window && is_in_slots(s, h);
         h--) {
        const struct mode_slot *slot = slot_at(s, h);
        if (!slot->is_slow) continue;
        slow++;
        for (uint32_t i = 0; i < s->rules.count; i++)
            counts[i] += (slot->present >> i & 1u) == 0;
    }
    *absent = 0;
    for (uint32_t i = 0; i < s->rules.count; i++)
        if (slow > 0 && counts[i] * 2 > slow) *absent |= 1u << i;
    return slow;
}

static uint64_t view_changes(const struct mode_state *s)
{
    uint64_t now = slot_at(s, s->height)->view;
    uint64_t height = s->height - s->rules.window;
    bool is_young = s->height < s->first + s->rules.window;
    uint64_t before = is_young ? 0 : slot_at(s, height)->view;
    return now > before ? now - before : 0;
}

static uint32_t bit_count(uint32_t bits)
{
    uint32_t count = 0;
    for (; bits != 0; bits &= bits - 1)
        count++;
    return count;
}

static bool falls(const struct mode_state *s, struct mode_switch *decided)
{
    uint32_t absent;
    *decided = (struct mode_switch){.mode = MODE_STRICT, .cause = MODE_EVIDENCE};
    decided->nodes = s->convicted;
    if (s->convicted != 0) return true;
    uint32_t bad = s->diverged | missing(s, s->rules.low_percent);
    decided->nodes = bad;
    decided->cause = s->diverged != 0 ? MODE_DIVERGENCE : MODE_ABSENT;
    if (bit_count(bad) > s->rules.p) return true;
    uint32_t slow = slow_count(s, &absent);
    decided->nodes = absent;
    decided->cause = absent != 0 ? MODE_ABSENT : MODE_SLOW;
    if (slow >= s->rules.slow_max) return true;
    decided->nodes = 0;
    decided->cause = MODE_VIEW_CHANGES;
    return view_changes(s) >= s->rules.view_changes_max;
}

/* All conditions of the return but their length. */
static bool is_well(const struct mode_state *s)
{
    if (!mode_may_return(s) || s->diverged != 0) return false;
    if (missing(s, s->rules.high_percent) != 0) return false;
    bool is_first = s->height == s->first;
    if (!is_first && slot_at(s, s->height)->view != slot_at(s, s->height - 1)->view) return false;
    uint32_t lagging = 0;
    for (uint32_t i = 0; i < s->rules.count; i++)
        if (s->results[i] + MODE_DELAY < s->res_known) lagging++;
    return lagging <= s->rules.p;
}

static void decide(struct mode_state *s, struct mode_switch *decided)
{
    uint64_t length = (uint64_t)s->rules.return_blocks << s->backoff;
    decided->height = s->height + MODE_DELAY;
    must(s->pending_count < MODE_PENDING_MAX); /* I2 */
    s->pending[s->pending_count++] = *decided;
    s->calm_height = s->height;
    s->run = 0;
    if (decided->mode == MODE_FAST) {
        s->return_height = s->height;
        s->fast_height = decided->height;
        return;
    }
    bool is_flapping = s->return_height > 0 && s->height - s->return_height <= 4 * length;
    if (is_flapping && s->backoff < MODE_BACKOFF_MAX) s->backoff++;
}
