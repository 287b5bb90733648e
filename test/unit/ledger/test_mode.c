/* Goal: the mode falls and returns at exactly the heights of docs/format/mode.md, as a second, slow
 * reading of that page over the whole history says, too; its state survives being encoded at any
 * height. */
#include "ledger/mode.h"

#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/test_rng.h"

#define HEIGHTS 6000u

static struct mode_rules rules(uint32_t count, uint32_t p)
{
    struct validators v = {.mode = MODE_FAST, .count = count, .p = p};
    struct consensus_params params = consensus_params_default();
    return mode_rules_of(&v, &params);
}

static uint32_t all_of(uint32_t count)
{
    return (uint32_t)((1ull << count) - 1);
}

/* --- the slow reading ------------------------------------------------------------------------- */

struct history { /* Of one epoch; a fall and a return look at all of it. */
    struct mode_rules rules;
    uint64_t first;
    uint64_t top;
    uint64_t known;
    uint64_t res_known;
    uint64_t fast_height;
    uint64_t return_height;
    uint64_t calm_height;
    uint32_t backoff;
    uint32_t run;
    bool is_fast; /* As decided. */
    uint32_t convicted;
    uint32_t diverged;
    uint64_t diverged_height;
    uint32_t present[HEIGHTS];
    uint64_t views[HEIGHTS];
    bool is_slow[HEIGHTS];
    uint64_t confirmed[NODES_MAX];
    enum block_mode modes[HEIGHTS + MODE_DELAY]; /* Of each height. */
};

static void read_result(struct history *y, uint32_t voter, uint64_t height, uint64_t now)
{
    for (uint64_t h = y->first; h <= height; h++) {
        bool is_near = h + y->rules.window + MODE_DELAY > now && h + MODE_GRACE > height;
        if (is_near && h > y->confirmed[voter]) y->present[h] |= 1u << voter;
    }
    if (height > y->confirmed[voter]) y->confirmed[voter] = height;
}

static void read_late(struct history *y, const struct mode_facts *f)
{
    for (uint32_t i = 0; i < f->late_count; i++) {
        const struct mode_late *late = &f->late[i];
        bool is_p3 = late->part == VOTE_P3;
        bool is_near = late->height + y->rules.window + MODE_DELAY > f->height;
        if (late->height < y->first || late->voter >= y->rules.count) continue;
        if (!is_p3 && is_near) y->present[late->height] |= 1u << late->voter;
        if (is_p3) read_result(y, late->voter, late->height, f->height);
    }
}

static void read_body(struct history *y, const struct mode_facts *f)
{
    if (f->final_height >= y->first) {
        for (uint64_t h = y->first; h <= f->final_height; h++) {
            bool is_new = h > y->known;
            if (is_new || h == f->final_height) y->present[h] |= f->final_signers;
            if (is_new) y->is_slow[h] = !f->is_fast;
        }
        if (f->final_height > y->known) y->known = f->final_height;
    }
    read_late(y, f);
    if (f->res_height < y->first) return;
    if (f->res_height > y->res_known) y->res_known = f->res_height;
    for (uint32_t i = 0; i < y->rules.count; i++)
        if ((f->res_signers >> i & 1u) != 0) read_result(y, i, f->res_height, f->height);
}

static uint32_t absentees(const struct history *y, uint32_t percent)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < y->rules.count; i++) {
        uint32_t attended = 0;
        for (uint64_t k = 0; k < y->rules.window; k++) {
            uint64_t back = MODE_GRACE + k;
            bool is_before = y->known < back || y->known - back < y->first;
            bool is_old = !is_before && y->top - (y->known - back) >= y->rules.window + MODE_DELAY;
            if (is_before || is_old || (y->present[y->known - back] >> i & 1u) != 0) attended++;
        }
        if (attended * 100 < percent * y->rules.window) bits |= 1u << i;
    }
    return bits;
}

static uint32_t ones(uint32_t bits)
{
    return bits == 0 ? 0 : (bits & 1u) + ones(bits >> 1);
}

static bool is_falling(const struct history *y, struct mode_switch *out)
{
    *out = (struct mode_switch){.mode = MODE_STRICT};
    uint32_t bad = y->diverged | absentees(y, y->rules.low_percent);
    uint32_t slow = 0;
    uint32_t away[NODES_MAX] = {0};
    for (uint64_t h = y->first; h <= y->known; h++) {
        if (h + y->rules.window <= y->known || h < y->fast_height || !y->is_slow[h]) continue;
        if (y->top - h >= y->rules.window + MODE_DELAY) continue;
        slow++;
        for (uint32_t i = 0; i < y->rules.count; i++)
            away[i] += (y->present[h] >> i & 1u) == 0;
    }
    uint64_t old = y->top < y->first + y->rules.window ? 0 : y->views[y->top - y->rules.window];
    if (y->convicted != 0) {
        out->cause = MODE_EVIDENCE;
        out->nodes = y->convicted;
    } else if (ones(bad) > y->rules.p) {
        out->cause = y->diverged != 0 ? MODE_DIVERGENCE : MODE_ABSENT;
        out->nodes = bad;
    } else if (slow >= y->rules.slow_max) {
        for (uint32_t i = 0; i < y->rules.count; i++)
            if (2 * away[i] > slow) out->nodes |= 1u << i;
        out->cause = out->nodes != 0 ? MODE_ABSENT : MODE_SLOW;
    } else if (y->views[y->top] - old >= y->rules.view_changes_max) {
        out->cause = MODE_VIEW_CHANGES;
    } else {
        return false;
    }
    return true;
}

static bool is_sound(const struct history *y)
{
    if (y->convicted != 0 || y->diverged != 0 || y->rules.barred != 0) return false;
    if (absentees(y, y->rules.high_percent) != 0) return false;
    if (y->top > y->first && y->views[y->top] != y->views[y->top - 1]) return false;
    uint32_t late = 0;
    for (uint32_t i = 0; i < y->rules.count; i++)
        late += y->confirmed[i] + MODE_DELAY < y->res_known;
    return late <= y->rules.p;
}

static bool read_block(struct history *y, const struct mode_facts *f, struct mode_switch *out)
{
    y->top = f->height;
    y->present[f->height] = 0;
    y->views[f->height] = f->view;
    read_body(y, f);
    for (uint32_t i = 0; i < y->rules.count; i++)
        if (y->confirmed[i] > y->diverged_height) y->diverged &= ~(1u << i);
    y->convicted |= f->convicted & all_of(y->rules.count);
    if ((f->diverged & all_of(y->rules.count)) != 0) y->diverged_height = f->height;
    y->diverged |= f->diverged & all_of(y->rules.count);
    uint64_t length = (uint64_t)y->rules.return_blocks * (1ull << y->backoff);
    bool is_switch;
    if (y->is_fast) {
        y->run = 0;
        if (y->backoff > 0 && y->top - y->calm_height >= 8 * length) {
            y->backoff--;
            y->calm_height = y->top;
            length /= 2;
        }
        is_switch = is_falling(y, out);
        bool is_soon = y->return_height > 0 && y->top - y->return_height <= 4 * length;
        if (is_switch && is_soon && y->backoff < 8) y->backoff++;
    } else {
        y->run = is_sound(y) ? y->run + 1 : 0;
        is_switch = y->run >= length;
        *out = (struct mode_switch){.mode = MODE_FAST, .cause = MODE_REPAIRED};
    }
    if (!is_switch) return false;
    out->height = y->top + MODE_DELAY;
    y->is_fast = !y->is_fast;
    y->run = 0;
    y->calm_height = y->top;
    if (y->is_fast) {
        y->return_height = y->top;
        y->fast_height = out->height;
    }
    for (uint64_t h = out->height; h < HEIGHTS + MODE_DELAY; h++)
        y->modes[h] = out->mode;
    return true;
}

static struct history *history_new(const struct mode_rules *r, uint64_t first)
{
    struct history *y = calloc(1, sizeof *y);
    assert_non_null(y);
    y->rules = *r;
    y->first = first;
    y->known = y->res_known = y->top = first - 1;
    y->is_fast = true;
    for (uint32_t h = 0; h < HEIGHTS + MODE_DELAY; h++)
        y->modes[h] = MODE_FAST;
    return y;
}

/* As mode_begin: what is decided stays. */
static void history_begin(struct history *y, const struct mode_rules *r, uint64_t first)
{
    y->rules = *r;
    y->first = first;
    y->known = y->res_known = first - 1;
    y->run = 0;
    y->convicted = y->diverged = 0;
    y->diverged_height = 0;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        y->confirmed[i] = first - 1;
}

/* --- a chain of facts ------------------------------------------------------------------------- */

struct chain {
    struct mode_state state;
    struct history *history;
    struct mode_facts facts; /* Of the next block but for height: what is changed stays changed. */
    uint32_t switches;
    struct mode_switch newest;
};

static void chain_begin(struct chain *c, const struct mode_rules *r)
{
    memset(c, 0, sizeof *c);
    mode_begin(&c->state, r, 1);
    c->history = history_new(r, 1);
    c->facts.is_fast = true;
    c->facts.final_signers = c->facts.res_signers = all_of(r->count);
}

static void chain_end(struct chain *c)
{
    free(c->history);
}

static struct mode_state *recoded(const struct mode_state *s)
{
    static struct mode_state back;
    uint8_t bytes[MODE_ENCODED_SIZE];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    mode_encode(&out, s);
    assert_int_equal(buf_status(&out), ST_OK);
    assert_int_equal(mode_decode(&back, buf_span(&out)), ST_OK);
    return &back;
}

/* One block; both readings agree on it. */
static bool step(struct chain *c, const struct mode_facts *f)
{
    struct mode_switch got = {0};
    struct mode_switch want = {0};
    bool has = mode_step(&c->state, f, &got);
    bool wants = read_block(c->history, f, &want);
    if (has != wants) fail_msg("height %u: %d, not %d", (unsigned)f->height, has, wants);
    if (has) {
        assert_int_equal(got.height, want.height);
        assert_int_equal(got.mode, want.mode);
        assert_int_equal(got.cause, want.cause);
        assert_int_equal(got.nodes, want.nodes);
        c->newest = got;
        c->switches++;
    }
    for (uint64_t h = f->height; h <= f->height + MODE_DELAY && h < HEIGHTS; h++)
        assert_int_equal(mode_at(&c->state, h), c->history->modes[h]);
    return has;
}

/* count blocks as facts say, each with a certificate of its parent. Stops behind a switch. */
static uint32_t blocks(struct chain *c, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        struct mode_facts f = c->facts;
        f.height = c->state.height + 1;
        f.final_height = f.height - 1;
        f.res_height = f.height < 3 ? 0 : f.height - 2;
        if (step(c, &f)) return i;
    }
    return 0;
}

/* The same with one late vote, on the parent's parent. */
static uint32_t blocks_with_late(struct chain *c, uint32_t voter, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        struct mode_facts f = c->facts;
        f.height = c->state.height + 1;
        f.final_height = f.height - 1;
        f.res_height = f.height < 3 ? 0 : f.height - 2;
        f.late_count = f.height < 3 ? 0 : 1;
        f.late[0] = (struct mode_late){.part = VOTE_P1, .voter = voter, .height = f.height - 2};
        if (step(c, &f)) return i;
    }
    return 0;
}

static const char *cause_of(const struct chain *c)
{
    static char text[MODE_CAUSE_SIZE];
    size_t size = mode_cause_text(text, &c->newest);
    assert_int_equal(size, strlen(text));
    return text;
}

/* --- cases ------------------------------------------------------------------------------------ */

static void all_is_well(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    assert_int_equal(blocks(&c, 1000), 0);
    assert_int_equal(mode_at(&c.state, 1032), MODE_FAST);
    assert_false(mode_may_return(&c.state));
    chain_end(&c);
}

/* Node 3 dies: every certificate is a slow one of three; then it is back. */
static void a_silent_node(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    assert_int_equal(blocks(&c, 100), 0);
    c.facts.is_fast = false;
    c.facts.final_signers = c.facts.res_signers = 7;
    assert_int_equal(blocks(&c, 100), 16); /* Block 116 shows the 16th slow certificate. */
    assert_string_equal(cause_of(&c), "absent 3");
    assert_int_equal(mode_at(&c.state, 147), MODE_FAST);
    assert_int_equal(mode_at(&c.state, 148), MODE_STRICT);
    assert_true(mode_may_return(&c.state));
    assert_int_equal(blocks(&c, 500), 0);
    c.facts.final_signers = c.facts.res_signers = 15; /* Locks count as presence. */
    /* At most 3 of the 64 judged heights may lack it: 61 blocks, then D; its first result stands
     * for as many heights as the grace is long. */
    assert_int_equal(blocks(&c, 1000), 61 + 128 - 1);
    assert_string_equal(cause_of(&c), "repaired");
    c.facts.is_fast = true;
    assert_int_equal(blocks(&c, 1000), 0);
    chain_end(&c);
}

static void a_slow_node_is_not_absent(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    c.facts.is_fast = false;
    c.facts.final_signers = 7;
    assert_int_equal(blocks_with_late(&c, 3, 100), 17); /* The first block shows none. */
    assert_string_equal(cause_of(&c), "slow");
    /* It is present all the time: only the length of the run stands against the return. */
    assert_int_equal(blocks_with_late(&c, 3, 1000), 128);
    assert_string_equal(cause_of(&c), "repaired");
    /* And it falls again, the sooner the longer the next return takes. */
    assert_int_equal(blocks_with_late(&c, 3, 1000), MODE_DELAY + 16);
    assert_string_equal(cause_of(&c), "slow");
    assert_int_equal(c.state.backoff, 1);
    assert_int_equal(blocks_with_late(&c, 3, 1000), 256);
    assert_int_equal(blocks_with_late(&c, 3, 1000), MODE_DELAY + 16);
    assert_int_equal(c.state.backoff, 2);
    assert_int_equal(blocks_with_late(&c, 3, 1000), 512);
    c.facts.is_fast = true;
    c.facts.final_signers = 15;
    assert_int_equal(blocks(&c, 8 * 512 - 1), 0);
    assert_int_equal(c.state.backoff, 2);
    assert_int_equal(blocks(&c, 1), 0);
    assert_int_equal(c.state.backoff, 1);
    chain_end(&c);
}

static void slack_tolerates_one(void **state)
{
    (void)state;
    struct mode_rules r = rules(6, 1);
    struct chain c;
    chain_begin(&c, &r);
    c.facts.final_signers = c.facts.res_signers = 0x1f;
    assert_int_equal(blocks(&c, 1000), 0);
    c.facts.final_signers = c.facts.res_signers = 0x0f; /* q of 6: the slow path. */
    c.facts.is_fast = false;
    assert_int_equal(blocks(&c, 100), 16);
    assert_string_equal(cause_of(&c), "absent 4,5");
    chain_end(&c);
    /* Absent by count alone: fast certificates that lack now one, now another. */
    chain_begin(&c, &r);
    c.facts.final_signers = c.facts.res_signers = 0x1f;
    assert_int_equal(blocks(&c, 18 + MODE_GRACE), 0); /* Its first result stands for some. */
    c.facts.final_signers = c.facts.res_signers = 0x2f;
    assert_int_equal(blocks(&c, 16 + MODE_GRACE), 0);
    assert_int_equal(blocks(&c, 100), 1); /* The 17th height without node 4 is judged. */
    assert_string_equal(cause_of(&c), "absent 4,5");
    chain_end(&c);
}

static void evidence_stands_until_the_epoch_ends(void **state)
{
    (void)state;
    struct mode_rules r = rules(6, 1);
    struct chain c;
    chain_begin(&c, &r);
    assert_int_equal(blocks(&c, 10), 0);
    c.facts.convicted = 4;
    assert_int_equal(blocks(&c, 1), 1);
    assert_string_equal(cause_of(&c), "evidence 2");
    c.facts.convicted = 0;
    assert_int_equal(blocks(&c, 1000), 0);
    assert_int_equal(mode_at(&c.state, c.state.height), MODE_STRICT);
    assert_false(mode_may_return(&c.state));
    uint64_t first = c.state.height + 1;
    r.barred = 4; /* The next epoch bars it: not open, but no reason for trust either. */
    mode_begin(&c.state, &r, first);
    history_begin(c.history, &r, first);
    assert_int_equal(blocks(&c, 1000), 0);
    first = c.state.height + 1;
    r.barred = 0; /* Reinstated. */
    mode_begin(&c.state, &r, first);
    history_begin(c.history, &r, first);
    assert_int_equal(mode_at(&c.state, first), MODE_STRICT);
    assert_int_equal(blocks(&c, 1000), 128);
    chain_end(&c);
}

static void divergence_heals(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    assert_int_equal(blocks(&c, 10), 0);
    c.facts.diverged = 4;
    c.facts.res_signers = 11;
    assert_int_equal(blocks(&c, 1), 1);
    assert_string_equal(cause_of(&c), "divergence 2");
    c.facts.diverged = 0;
    assert_int_equal(blocks(&c, 300), 0);
    c.facts.res_signers = 15;
    assert_int_equal(blocks(&c, 300), 128);
    chain_end(&c);
    struct mode_rules slack = rules(6, 1);
    chain_begin(&c, &slack);
    c.facts.diverged = 4;
    assert_int_equal(blocks(&c, 100), 0); /* One of p. */
    c.facts.convicted = 4;                /* Both proofs in one block: it is malice. */
    assert_int_equal(blocks(&c, 1), 1);
    assert_string_equal(cause_of(&c), "evidence 2");
    chain_end(&c);
}

static void views_that_fail(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    assert_int_equal(blocks(&c, 100), 0);
    c.facts.view = 1;
    assert_int_equal(blocks(&c, 64), 0);
    c.facts.view = 2;
    assert_int_equal(blocks(&c, 63), 0); /* The other change has left the window. */
    c.facts.view = 3;
    assert_int_equal(blocks(&c, 1), 1);
    assert_string_equal(cause_of(&c), "view-changes");
    assert_int_equal(blocks(&c, 100), 0);
    c.facts.view = 4;
    assert_int_equal(blocks(&c, 128), 0);
    assert_int_equal(blocks(&c, 2), 1); /* From the block after the change on. */
    chain_end(&c);
}

static void results_must_agree(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    c.facts.is_fast = false;
    assert_int_equal(blocks(&c, 100), 17);
    c.facts.res_signers = 7;
    assert_int_equal(blocks(&c, 500), 0);
    c.facts.late_count = 1;
    c.facts.late[0] = (struct mode_late){.part = VOTE_P3, .voter = 3, .height = c.state.res_known};
    assert_int_equal(blocks(&c, 1), 0);
    c.facts.late_count = 0;
    assert_int_equal(blocks(&c, 500), 0); /* Once is not enough. */
    c.facts.res_signers = 15;
    assert_int_equal(blocks(&c, 500), 128);
    chain_end(&c);
}

static void fixed_modes_stay(void **state)
{
    (void)state;
    static const enum block_mode modes[] = {MODE_BFT, MODE_RAFT};
    for (int i = 0; i < 2; i++) {
        struct mode_rules r = rules(4, 0);
        r.mode = modes[i];
        struct mode_state s;
        memset(&s, 0, sizeof s);
        mode_begin(&s, &r, 1);
        for (uint64_t h = 1; h < 200; h++) {
            struct mode_facts f = {.height = h, .final_height = h - 1, .convicted = 15};
            assert_false(mode_step(&s, &f, NULL));
            assert_int_equal(mode_at(&s, h + MODE_DELAY), modes[i]);
        }
        assert_false(mode_lacks(&s, VOTE_P1, 0, 150));
        assert_memory_equal(recoded(&s), &s, sizeof s);
    }
}

static void what_is_lacking(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    struct chain c;
    chain_begin(&c, &r);
    c.facts.final_signers = c.facts.res_signers = 7;
    assert_int_equal(blocks(&c, 5), 0);
    assert_true(mode_lacks(&c.state, VOTE_P1, 3, 4));
    assert_true(mode_lacks(&c.state, VOTE_P2, 3, 4));
    assert_false(mode_lacks(&c.state, VOTE_P1, 2, 4));
    assert_false(mode_lacks(&c.state, VOTE_P1, 3, 5)); /* No certificate is shown yet. */
    assert_true(mode_lacks(&c.state, VOTE_P3, 3, 3));
    assert_false(mode_lacks(&c.state, VOTE_P3, 3, 4));
    assert_false(mode_lacks(&c.state, VOTE_P1, 4, 4));
    assert_int_equal(blocks_with_late(&c, 3, 1), 0);
    assert_false(mode_lacks(&c.state, VOTE_P1, 3, 4));
    chain_end(&c);
}

static void facts_of_a_block(void **state)
{
    (void)state;
    struct header h = {.height = 20, .view = 3, .epoch = 2};
    struct certificate final_cert = {.part = VOTE_P1,
                                     .statement = {.epoch = 2, .height = 19},
                                     .entry_count = 2,
                                     .entries = {{.voter = 0}, {.voter = 30}}};
    struct certificate res_cert = {.part = VOTE_P3,
                                   .statement = {.epoch = 2, .height = 18},
                                   .entry_count = 1,
                                   .entries = {{.voter = 4}}};
    static struct body_notes notes = {
        .late_count = 2,
        .late = {{.part = VOTE_P2, .statement = {.epoch = 2, .height = 17}, .entry = {.voter = 6}},
                 {.part = VOTE_P3, .statement = {.epoch = 1}}}};
    struct mode_source source = {.header = &h,
                                 .final_cert = &final_cert,
                                 .res_cert = &res_cert,
                                 .notes = &notes,
                                 .convicted = 5,
                                 .diverged = 4};
    struct mode_facts f;
    mode_facts_of(&f, &source);
    assert_int_equal(f.height, 20);
    assert_int_equal(f.view, 3);
    assert_int_equal(f.final_height, 19);
    assert_true(f.is_fast);
    assert_int_equal(f.final_signers, 1u << 30 | 1u);
    assert_int_equal(f.res_height, 18);
    assert_int_equal(f.res_signers, 16);
    assert_int_equal(f.late_count, 1); /* The other is of another epoch. */
    assert_int_equal(f.late[0].voter, 6);
    assert_int_equal(f.convicted, 5);
    assert_int_equal(f.diverged, 4);
    final_cert.statement.epoch = res_cert.statement.epoch = 1; /* Other validators signed. */
    source.notes = NULL;
    mode_facts_of(&f, &source);
    assert_int_equal(f.final_height, 0);
    assert_int_equal(f.res_height, 0);
    assert_int_equal(f.late_count, 0);
}

static void rules_have_bounds(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    assert_true(mode_rules_hold(&r));
    struct validators v = {.mode = MODE_FAST, .count = 4, .barred = 2};
    struct consensus_params least = {.mode_window = PARAMS_WINDOW_MIN,
                                     .slow_max = 1,
                                     .view_changes_max = 1,
                                     .low_percent = 1,
                                     .high_percent = 1,
                                     .return_blocks = 1,
                                     .view_ms = PARAMS_VIEW_MS_MIN};
    assert_null(consensus_params_why(&least)); /* Whatever a configuration may say, holds. */
    struct mode_rules low = mode_rules_of(&v, &least);
    assert_true(mode_rules_hold(&low));
    assert_int_equal(low.return_blocks, MODE_DELAY);
    assert_int_equal(low.barred, 2);
    least.mode_window = PARAMS_WINDOW_MAX;
    low = mode_rules_of(&v, &least);
    assert_true(mode_rules_hold(&low));
    assert_int_equal(low.return_blocks, PARAMS_WINDOW_MAX);
}

static void rules_outside_do_not_hold(void **state)
{
    (void)state;
    struct mode_rules bad[13];
    for (int n = 0; n < 13; n++)
        bad[n] = rules(4, 0);
    bad[0].mode = MODE_STRICT;
    bad[1].count = 0;
    bad[2].count = NODES_MAX + 1;
    bad[3].p = 4;
    bad[4].barred = 16;
    bad[5].window = PARAMS_WINDOW_MIN - 1;
    bad[6].window = PARAMS_WINDOW_MAX + 1;
    bad[7].slow_max = 0;
    bad[8].slow_max = bad[8].window + 1;
    bad[9].view_changes_max = 0;
    bad[10].low_percent = 96;
    bad[11].high_percent = 101;
    bad[12].return_blocks = bad[12].window - 1;
    for (int n = 0; n < 13; n++)
        if (mode_rules_hold(&bad[n])) fail_msg("case %d", n);
}

static void causes_have_names(void **state)
{
    (void)state;
    char text[MODE_CAUSE_SIZE];
    struct mode_switch all = {.cause = MODE_VIEW_CHANGES, .nodes = all_of(NODES_MAX)};
    size_t size = mode_cause_text(text, &all);
    assert_int_equal(size, strlen(text));
    assert_string_equal(text + strlen(text) - 9, ",28,29,30");
    struct mode_switch genesis = {.cause = MODE_GENESIS};
    assert_int_equal(mode_cause_text(text, &genesis), 7);
    assert_string_equal(text, "genesis");
}

static enum status state_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    static struct mode_state s;
    TRY(mode_decode(&s, bytes));
    mode_encode(out, &s);
    /* Whatever decodes can be stepped. */
    static struct mode_facts f;
    for (int i = 0; i < 3; i++) {
        f = (struct mode_facts){.height = s.height + 1, .final_height = s.height, .convicted = 1};
        (void)mode_step(&s, &f, NULL);
        (void)mode_at(&s, s.height + MODE_DELAY);
    }
    return buf_status(out);
}

static void states_are_encoded_one_way(void **state)
{
    (void)state;
    struct mode_rules r = rules(4, 0);
    r.window = 16;
    r.slow_max = 8;
    r.return_blocks = 32;
    static const uint32_t counts[] = {0, 20, 9, 60};
    struct chain c;
    chain_begin(&c, &r);
    for (uint32_t i = 0; i < 4; i++) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        (void)blocks(&c, counts[i]);
        c.facts.is_fast = i % 2 == 1;
        mode_encode(&out, &c.state);
        assert_true(out.size <= MODE_ENCODED_SIZE);
        codec_sweep(buf_span(&out), state_again);
        if (i == 3) golden_check("mode", buf_span(&out));
        buf_fini(&out);
    }
    chain_end(&c);
}

static void the_largest_state_fits(void **state)
{
    (void)state;
    static struct mode_state s;
    struct mode_rules r = rules(NODES_MAX, 0);
    r.window = PARAMS_WINDOW_MAX;
    r.return_blocks = PARAMS_RETURN_BLOCKS_MAX;
    mode_begin(&s, &r, (1ull << 62) - 2000);
    for (int i = 0; i < 1000; i++) {
        struct mode_facts f = {.height = s.height + 1,
                               .view = 1ull << 61,
                               .final_height = s.height,
                               .final_signers = all_of(NODES_MAX),
                               .res_height = s.height,
                               .res_signers = all_of(NODES_MAX)};
        (void)mode_step(&s, &f, NULL);
    }
    assert_memory_equal(recoded(&s), &s, sizeof s);
}

/* --- random chains ---------------------------------------------------------------------------- */

static void choose_weather(struct chain *c, struct test_rng *rng)
{
    uint32_t all = all_of(c->state.rules.count);
    struct mode_facts *f = &c->facts;
    f->is_fast = test_rng_below(rng, 3) > 0;
    f->final_signers = all;
    f->res_signers = all;
    if (test_rng_below(rng, 3) == 0) f->final_signers &= (uint32_t)test_rng_below(rng, all + 1);
    if (test_rng_below(rng, 4) == 0) f->res_signers &= (uint32_t)test_rng_below(rng, all + 1);
}

static void random_late(struct chain *c, struct test_rng *rng, struct mode_facts *f)
{
    f->late_count = (uint32_t)test_rng_below(rng, 6);
    for (uint32_t i = 0; i < f->late_count; i++) {
        uint64_t back = 1 + test_rng_below(rng, 40);
        f->late[i].part = (enum vote_part)test_rng_below(rng, 3);
        f->late[i].voter = (uint32_t)test_rng_below(rng, c->state.rules.count);
        f->late[i].height = f->height > back ? f->height - back : 1;
    }
}

static void random_block(struct chain *c, struct test_rng *rng, uint64_t *final, uint64_t *res)
{
    struct mode_facts f = c->facts;
    f.height = c->state.height + 1;
    if (test_rng_below(rng, 4) > 0) *final = f.height - 1 - test_rng_below(rng, 12) % f.height;
    if (*final < c->state.known) *final = c->state.known;
    if (test_rng_below(rng, 4) > 0) *res = f.height - 1 - test_rng_below(rng, 30) % f.height;
    if (*res < c->state.res_known) *res = c->state.res_known;
    f.final_height = *final;
    f.res_height = *res;
    if (test_rng_below(rng, 3) == 0) random_late(c, rng, &f);
    if (test_rng_below(rng, 300) == 0) c->facts.view = ++f.view;
    if (test_rng_below(rng, 1500) == 0) f.convicted = 1u << test_rng_below(rng, 4);
    if (test_rng_below(rng, 700) == 0) f.diverged = 1u << test_rng_below(rng, 4);
    (void)step(c, &f);
}

static void random_chain(uint64_t seed)
{
    struct test_rng rng = {.state = seed};
    struct mode_rules r = rules(4 + (uint32_t)test_rng_below(&rng, 4), 0);
    r.p = (uint32_t)test_rng_below(&rng, 2);
    r.window = 16 + (uint32_t)test_rng_below(&rng, 60);
    r.slow_max = 1 + (uint32_t)test_rng_below(&rng, r.window / 2);
    r.return_blocks = 80 + (uint32_t)test_rng_below(&rng, 40);
    struct chain c;
    chain_begin(&c, &r);
    uint64_t final = 0;
    uint64_t res = 0;
    for (uint32_t i = 1; i < HEIGHTS - 1; i++) {
        if (test_rng_below(&rng, 150) == 0) choose_weather(&c, &rng);
        if (test_rng_below(&rng, 900) == 0) {
            r.count = 4 + (uint32_t)test_rng_below(&rng, 4);
            r.barred = test_rng_below(&rng, 4) == 0;
            mode_begin(&c.state, &r, i);
            history_begin(c.history, &r, i);
            final = res = i - 1;
            c.facts.view = 0;
            choose_weather(&c, &rng);
        }
        random_block(&c, &rng, &final, &res);
        if (test_rng_below(&rng, 20) == 0) {
            assert_memory_equal(recoded(&c.state), &c.state, sizeof c.state);
        }
    }
    chain_end(&c);
}

static void both_readings_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        random_chain(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_is_well),
                                       cmocka_unit_test(a_silent_node),
                                       cmocka_unit_test(a_slow_node_is_not_absent),
                                       cmocka_unit_test(slack_tolerates_one),
                                       cmocka_unit_test(evidence_stands_until_the_epoch_ends),
                                       cmocka_unit_test(divergence_heals),
                                       cmocka_unit_test(views_that_fail),
                                       cmocka_unit_test(results_must_agree),
                                       cmocka_unit_test(fixed_modes_stay),
                                       cmocka_unit_test(what_is_lacking),
                                       cmocka_unit_test(facts_of_a_block),
                                       cmocka_unit_test(rules_have_bounds),
                                       cmocka_unit_test(rules_outside_do_not_hold),
                                       cmocka_unit_test(causes_have_names),
                                       cmocka_unit_test(states_are_encoded_one_way),
                                       cmocka_unit_test(the_largest_state_fits),
                                       cmocka_unit_test(both_readings_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
