/* regex_match.c - A text read beside the graph of a pattern: whether and where it matches, and what
 * its groups matched.
 *
 * All states are followed at a time. To say what groups matched, the match is taken apart along the
 * tree as PostgreSQL does (regexec.c): the first piece of a pair takes the most (or the least) that
 * leaves the second one a match; of alternatives the first that matches; of repetitions each the
 * most. Pieces without groups are not looked into. */
#include "base/must.h"
#include "sql/regex_int.h"
#include "sql/value_int.h"

#define NONE REGEX_NONE

struct run {
    struct regex *r;
    struct span text;
    size_t at;
    uint32_t *list;
    uint32_t count;
    uint32_t stop; /* The state where a match is reached. */
    bool has_match;
};

struct dissection {
    struct regex *r;
    struct span text;
    struct regex_group *groups;
    bool has_failed; /* No memory, no work left. */
};

static bool dissect(struct dissection *d, const struct tree *t, size_t start, size_t end);

/* --- states -------------------------------------------------------------------------------- */

static bool is_word(const struct run *m, size_t at)
{
    if (at >= m->text.size) return false;
    const uint8_t b = m->text.data[at];
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_';
}

static bool holds(const struct run *m, const struct state *s)
{
    const bool is_line = m->r->flags.is_newline && !s->is_text;
    const bool before = m->at > 0 && is_word(m, m->at - 1);
    const bool behind = is_word(m, m->at);
    switch ((int)s->op) {
    case OP_BEGIN: return m->at == 0 || (is_line && m->text.data[m->at - 1] == '\n');
    case OP_END: return m->at == m->text.size || (is_line && m->text.data[m->at] == '\n');
    case OP_WORD_BEGIN: return !before && behind;
    case OP_WORD_END: return before && !behind;
    case OP_WORD_EDGE: return before != behind;
    default: break;
    }
    must(s->op == OP_WORD_INSIDE);
    return before == behind;
}

/* All states that are reached without a character; each is looked at once. */
static void add(struct run *m, uint32_t first)
{
    uint32_t *stack = m->list + m->count;
    uint32_t *mark = m->r->mark;
    const uint32_t stamp = m->r->stamp;
    uint32_t open = 0;
    if (mark[first] == stamp) return;
    mark[first] = stamp;
    stack[open++] = first;
    for (uint32_t i = 0; i < open; i++) {
        const struct state *s = &m->r->states[stack[i]];
        uint32_t next[2] = {NONE, NONE};
        if (stack[i] == m->stop) {
            m->has_match = true;
            continue;
        }
        if (s->op == OP_JUMP || s->op == OP_SPLIT) next[0] = s->next;
        if (s->op == OP_SPLIT) next[1] = s->other;
        if (s->op >= OP_BEGIN && s->op <= OP_WORD_INSIDE && holds(m, s)) next[0] = s->next;
        for (int k = 0; k < 2; k++) {
            if (next[k] == NONE || mark[next[k]] == stamp) continue;
            mark[next[k]] = stamp;
            stack[open++] = next[k];
        }
    }
    m->count += open;
}

static bool is_in(const struct regex *r, const struct state *s, uint32_t code)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct range *g = &r->ranges[s->code + i];
        if (code >= g->low && code <= g->high) return true;
    }
    return false;
}

static bool takes(const struct regex *r, const struct state *s, uint32_t code)
{
    const bool is_line = r->flags.is_newline && code == '\n';
    if (s->op == OP_ANY) return !is_line;
    if (s->op == OP_CHAR)
        return r->flags.ignores_case ? regex_lower(s->code) == regex_lower(code) : s->code == code;
    if (s->op != OP_SET || (is_line && s->is_not)) return false;
    bool found = is_in(r, s, code);
    if (r->flags.ignores_case && !found) {
        const uint32_t small = regex_lower(code);
        found = is_in(r, s, small) || (small >= 'a' && small <= 'z' && is_in(r, s, small - 32));
    }
    return found != s->is_not;
}

static bool spend(struct regex *r, uint32_t steps)
{
    if (r->left <= steps) {
        r->left = 0;
        return false;
    }
    r->left -= steps + 1;
    return true;
}

void regex_set_left(struct regex *r, uint64_t left)
{
    r->left = left;
}

uint64_t regex_left(const struct regex *r)
{
    return r->left;
}

/* A new set of states. */
static void renew(struct regex *r)
{
    if (++r->stamp != 0) return;
    memset(r->mark, 0, r->state_count * sizeof *r->mark);
    r->stamp = 1;
}

/* The states one character further; is_everywhere: and those of a match that begins there. */
static void step(struct run *m, int turn, bool is_everywhere)
{
    const uint32_t *now = m->list;
    const uint32_t count = m->count;
    struct regex *r = m->r;
    const uint32_t code = regex_decode(m->text, &m->at);
    renew(r);
    m->list = r->list[turn];
    m->count = 0;
    m->has_match = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct state *s = &r->states[now[i]];
        const bool is_char = s->op == OP_CHAR || s->op == OP_ANY || s->op == OP_SET;
        if (is_char && now[i] != m->stop && takes(r, s, code)) add(m, s->next);
    }
    if (is_everywhere) add(m, r->start);
}

/* Every character may be the first of a match: one reading for all of them. */
bool regex_test(struct regex *r, struct span text)
{
    struct run m = {.r = r, .text = text, .list = r->list[0], .stop = r->end};
    renew(r);
    add(&m, r->start);
    for (int turn = 1; !m.has_match; turn ^= 1) {
        if (m.at == text.size || !spend(r, m.count)) return false;
        step(&m, turn, true);
    }
    return true;
}

bool regex_part(
    struct regex *r, struct part part, struct span text, const struct reach *reach, size_t *end)
{
    struct run m = {.r = r, .text = text, .at = reach->from, .list = r->list[0], .stop = part.end};
    bool is_found = false;
    renew(r);
    add(&m, part.start);
    for (int turn = 1;; turn ^= 1) {
        if (m.has_match && m.at >= reach->least) {
            is_found = true;
            *end = m.at;
            if (reach->is_shortest) return true;
        }
        if (m.at >= reach->most || m.count == 0 || !spend(r, m.count)) return is_found;
        step(&m, turn, false);
    }
}

bool regex_find(struct regex *r, struct span text, size_t from, size_t *start, size_t *end)
{
    const bool is_shortest = (r->flags_of_tree & PREFER_SHORTER) != 0;
    const struct part all = {r->start, r->end};
    for (size_t at = from; at <= text.size;) {
        const struct reach reach = {at, at, text.size, is_shortest};
        if (regex_part(r, all, text, &reach, end)) {
            *start = at;
            return true;
        }
        if (at == text.size || r->left == 0) return false;
        at += sql_char_size(text.data[at]);
    }
    return false;
}

/* --- groups -------------------------------------------------------------------------------- */

static size_t after(const struct dissection *d, size_t at)
{
    return at + (at < d->text.size ? sql_char_size(d->text.data[at]) : 1);
}

static size_t before(const struct dissection *d, size_t at)
{
    must(at > 0);
    do
        at--;
    while (at > 0 && (d->text.data[at] & 0xC0) == 0x80);
    return at;
}

static bool end_of(struct dissection *d,
                   const struct tree *t,
                   const struct reach *reach,
                   size_t *end)
{
    const bool is_found = regex_part(d->r, t->part, d->text, reach, end);
    if (d->r->left == 0) d->has_failed = true;
    return is_found && !d->has_failed;
}

static bool is_whole(struct dissection *d, const struct tree *t, size_t start, size_t end)
{
    size_t found = 0;
    const struct reach reach = {start, end, end, false};
    return end_of(d, t, &reach, &found) && found == end;
}

static void forget(struct dissection *d, const struct tree *t)
{
    if (t == NULL) return;
    if (t->group > 0) d->groups[t->group - 1] = (struct regex_group){REGEX_NO_MATCH, 0};
    if (t->op == TREE_CHOICE)
        for (const struct tree *c = t->left; c != NULL; c = c->next)
            forget(d, c);
    else
        forget(d, t->left);
    forget(d, t->right);
}

static bool dissect_pair(struct dissection *d, const struct tree *t, size_t start, size_t end)
{
    const bool is_shortest = (t->left->flags & PREFER_SHORTER) != 0;
    struct reach reach = {start, start, end, is_shortest};
    size_t middle = 0;
    while (end_of(d, t->left, &reach, &middle)) {
        if (is_whole(d, t->right, middle, end)) {
            if (dissect(d, t->left, start, middle) && dissect(d, t->right, middle, end))
                return true;
            forget(d, t);
        }
        if (d->has_failed || middle == (is_shortest ? end : start)) return false;
        if (is_shortest)
            reach.least = after(d, middle);
        else
            reach.most = before(d, middle);
    }
    return false;
}

static bool dissect_choice(struct dissection *d, const struct tree *t, size_t start, size_t end)
{
    for (const struct tree *c = t->left; c != NULL; c = c->next) {
        if (is_whole(d, c, start, end) && dissect(d, c, start, end)) return true;
        if (d->has_failed) return false;
    }
    return false;
}

struct laps { /* Where each repetition ends; the first one begins at ends[0]. */
    size_t *ends;
    size_t count;
    size_t most;
    size_t checked; /* So many were taken apart. */
};

/* Are all repetitions a match? Else the first that is none becomes the last. */
static bool check_laps(struct dissection *d, const struct tree *t, struct laps *l)
{
    for (size_t i = l->checked + 1; i <= l->count; i++) {
        forget(d, t->left);
        if (!dissect(d, t->left, l->ends[i - 1], l->ends[i])) {
            l->count = i;
            return false;
        }
        l->checked = i;
    }
    return true;
}

/* The last repetition that can end elsewhere; false: there is none. */
static bool step_back(
    struct dissection *d, struct laps *l, bool is_shortest, size_t end, size_t *to)
{
    for (; l->count > 0; l->count--) {
        const size_t at = l->ends[l->count];
        if (is_shortest ? at < end : at > l->ends[l->count - 1]) {
            *to = is_shortest ? after(d, at) : before(d, at);
            return true;
        }
    }
    return false;
}

/* What became of one more repetition. */
enum lap { LAP_NONE, LAP_SHORT, LAP_WHOLE };

/* The end of the last repetition; limit: the least or the most that it may be. */
static enum lap run_lap(struct dissection *d,
                        const struct tree *t,
                        struct laps *l,
                        const struct reach *reach,
                        size_t end)
{
    const bool is_ready = end_of(d, t->left, reach, &l->ends[l->count]);
    if (!is_ready) {
        l->count--;
        return LAP_NONE;
    }
    if (l->checked >= l->count) l->checked = l->count - 1;
    if (l->ends[l->count] == end) return LAP_WHOLE;
    if (l->count >= l->most) {
        l->count--;
        return LAP_NONE;
    }
    const bool is_empty = !reach->is_shortest && l->ends[l->count] == reach->from;
    return is_empty ? LAP_NONE : LAP_SHORT;
}

static bool run_laps(struct dissection *d, const struct tree *t, struct laps *l, size_t end)
{
    const bool is_shortest = (t->left->flags & PREFER_SHORTER) != 0;
    size_t limit = is_shortest ? l->ends[0] : end;
    l->count = 1;
    for (;;) {
        const size_t from = l->ends[l->count - 1];
        struct reach reach = {from, from, limit, false};
        if (is_shortest) {
            if (limit == from && limit != end) limit = after(d, limit);
            reach = (struct reach){from, l->count >= l->most ? end : limit, end, true};
        }
        const enum lap lap = run_lap(d, t, l, &reach, end);
        if (d->has_failed) return false;
        if (lap == LAP_SHORT) {
            limit = is_shortest ? l->ends[l->count] : end;
            l->count++;
            continue;
        }
        if (lap == LAP_WHOLE && check_laps(d, t, l)) return true;
        if (d->has_failed || !step_back(d, l, is_shortest, end, &limit)) return false;
    }
}

static bool dissect_repeat(struct dissection *d, const struct tree *t, size_t start, size_t end)
{
    struct laps l = {.most = end - start};
    if (l.most > t->most) l.most = t->most;
    if (l.most == 0) l.most = 1;
    l.ends = mem_alloc(mem_system(), (l.most + 1) * sizeof *l.ends);
    if (l.ends == NULL) {
        d->has_failed = true;
        return false;
    }
    l.ends[0] = start;
    const bool is_right = run_laps(d, t, &l, end);
    mem_free(mem_system(), l.ends);
    if (!is_right) forget(d, t->left);
    return is_right || (start == end && !d->has_failed);
}

/* The part matches [start, end]; false: its pieces do not. Depth is that of the tree. */
static bool dissect(struct dissection *d, const struct tree *t, size_t start, size_t end)
{
    bool is_right = true;
    switch (t->op) {
    case TREE_PLAIN: break;
    case TREE_PAIR: is_right = dissect_pair(d, t, start, end); break;
    case TREE_CHOICE: is_right = dissect_choice(d, t, start, end); break;
    case TREE_REPEAT: is_right = dissect_repeat(d, t, start, end); break;
    case TREE_GROUP: is_right = dissect(d, t->left, start, end); break;
    }
    if (is_right && t->group > 0) d->groups[t->group - 1] = (struct regex_group){start, end};
    return is_right;
}

bool regex_groups(
    struct regex *r, struct span text, size_t start, size_t end, struct regex_group *groups)
{
    struct dissection d = {.r = r, .text = text, .groups = groups};
    for (uint32_t i = 0; i < r->group_count; i++)
        groups[i] = (struct regex_group){REGEX_NO_MATCH, 0};
    if (r->tree == NULL) return true;
    return dissect(&d, r->tree, start, end) && !d.has_failed;
}
