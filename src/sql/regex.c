/* regex.c - A pattern becomes a graph of states (Thompson), and a text is read once per start with
 * all states at a time, so no pattern makes it slow. */
#include "sql/regex.h"

#include "base/must.h"
#include "sql/value_int.h"

#define DEPTH_MAX  100u
#define REPEAT_MAX 255u /* As PostgreSQL. */
#define NONE       UINT32_MAX

enum op { OP_CHAR, OP_ANY, OP_SET, OP_SPLIT, OP_JUMP, OP_BEGIN, OP_END, OP_MATCH };

struct range {
    uint32_t low;
    uint32_t high;
};

struct state {
    enum op op;
    uint32_t code; /* OP_CHAR; OP_SET: the first range. */
    uint32_t count;
    bool is_not;
    bool is_text; /* \A and \Z: of the whole text, whatever the flags say. */
    uint32_t next;
    uint32_t other; /* OP_SPLIT */
};

struct regex {
    struct state *states;
    struct range *ranges;
    uint32_t state_count;
    uint32_t range_count;
    uint32_t range_room;
    uint32_t start;
    bool has_groups;
    struct regex_flags flags;
    uint32_t *list[2]; /* Of regex_find: states at a character. */
    uint32_t *mark;
    uint64_t left;
};

struct part { /* A piece of the graph: where it begins, and its only open end. */
    uint32_t start;
    uint32_t end; /* A state whose next is open. */
};

struct compiler {
    struct regex *r;
    struct arena *arena;
    struct span pattern;
    size_t at;
    uint32_t depth;
    struct diag *diag;
};

static enum status parse_choice(struct compiler *c, struct part *out);

static enum status wrong(struct compiler *c, const char *why)
{
    diag_set(c->diag, "2201B", "invalid regular expression: %s", why);
    return ST_INVALID;
}

static enum status refused(struct compiler *c, const char *what)
{
    diag_set(c->diag, "0A000", "regular expressions with %s are not supported", what);
    diag_hint(c->diag, "See docs/sql/functions.md.");
    return ST_UNSUPPORTED;
}

static bool is_at(const struct compiler *c, char what)
{
    return c->at < c->pattern.size && c->pattern.data[c->at] == (uint8_t)what;
}

static bool is_ahead(const struct compiler *c, const char *text)
{
    const size_t size = strlen(text);
    return c->pattern.size - c->at >= size && memcmp(c->pattern.data + c->at, text, size) == 0;
}

static uint32_t decode(struct span s, size_t *at)
{
    const uint8_t *p = s.data + *at;
    const size_t size = sql_char_size(p[0]);
    *at += size;
    if (size == 1) return p[0];
    if (size == 2) return (uint32_t)(p[0] & 31) << 6 | (p[1] & 63u);
    if (size == 3) return (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63u);
    return (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 | (uint32_t)(p[2] & 63) << 6 |
           (p[3] & 63u);
}

static uint32_t lower(uint32_t code)
{
    return code >= 'A' && code <= 'Z' ? code + 32 : code;
}

static enum status add_state(struct compiler *c, enum op op, uint32_t *out)
{
    struct regex *r = c->r;
    if (r->state_count == REGEX_STATES_MAX) {
        diag_set(c->diag, "54000", "a regular expression is too large");
        return ST_LIMIT;
    }
    *out = r->state_count++;
    r->states[*out] = (struct state){.op = op, .next = NONE, .other = NONE};
    return ST_OK;
}

static enum status single(struct compiler *c, enum op op, struct part *out)
{
    uint32_t s = 0;
    TRY(add_state(c, op, &s));
    *out = (struct part){s, s};
    return ST_OK;
}

static enum status add_range(struct compiler *c, uint32_t low, uint32_t high)
{
    struct regex *r = c->r;
    if (r->range_count == r->range_room) {
        const uint32_t room = r->range_room == 0 ? 32 : 2 * r->range_room;
        struct range *more = arena_alloc(c->arena, room * sizeof *more);
        if (more == NULL) return ST_NO_MEMORY;
        if (r->range_count > 0) memcpy(more, r->ranges, r->range_count * sizeof *more);
        r->ranges = more;
        r->range_room = room;
    }
    r->ranges[r->range_count++] = (struct range){low, high};
    return ST_OK;
}

static enum status add_class(struct compiler *c, char kind)
{
    if (kind == 'd' || kind == 'w') TRY(add_range(c, '0', '9'));
    if (kind == 'w' || kind == 'a' || kind == 'l') TRY(add_range(c, 'a', 'z'));
    if (kind == 'w' || kind == 'a' || kind == 'u') TRY(add_range(c, 'A', 'Z'));
    if (kind == 'w') TRY(add_range(c, '_', '_'));
    if (kind == 's') TRY(add_range(c, '\t', '\r'));
    if (kind == 's') TRY(add_range(c, ' ', ' '));
    return ST_OK;
}

/* [:alpha:] and the like; the "[" is read. */
static enum status named_class(struct compiler *c)
{
    static const struct {
        const char *name;
        const char *kinds;
    } names[] = {{":alpha:]", "a"}, {":digit:]", "d"}, {":alnum:]", "ad"}, {":space:]", "s"},
                 {":lower:]", "l"}, {":upper:]", "u"}, {":word:]", "w"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!is_ahead(c, names[i].name)) continue;
        c->at += strlen(names[i].name);
        for (const char *k = names[i].kinds; *k != 0; k++)
            TRY(add_class(c, *k));
        return ST_OK;
    }
    return refused(c, "this class of characters");
}

/* A character of an escape, or a class; *kind 0: *code is the character. */
static enum status read_escape(struct compiler *c, uint32_t *code, char *kind)
{
    *kind = 0;
    if (c->at == c->pattern.size) return wrong(c, "invalid escape \\ sequence");
    const uint8_t e = c->pattern.data[c->at];
    if (e == 'd' || e == 'w' || e == 's' || e == 'D' || e == 'W' || e == 'S') {
        c->at++;
        *kind = (char)e;
        return ST_OK;
    }
    static const char from[] = "nrtfv";
    static const char to[] = "\n\r\t\f\v";
    const char *found = strchr(from, e);
    if (e != 0 && found != NULL) {
        c->at++;
        *code = (uint8_t)to[found - from];
        return ST_OK;
    }
    const bool is_letter = (e | 0x20) >= 'a' && (e | 0x20) <= 'z';
    if (is_letter || (e >= '0' && e <= '9')) return refused(c, "this escape");
    *code = decode(c->pattern, &c->at);
    return ST_OK;
}

static enum status set_item(struct compiler *c, uint32_t *code, bool *is_range_end)
{
    char kind = 0;
    *is_range_end = false;
    if (is_at(c, '[')) {
        c->at++;
        if (is_at(c, ':')) return named_class(c);
        if (is_at(c, '.') || is_at(c, '=')) return refused(c, "collating elements");
        *code = '[';
        *is_range_end = true;
        return ST_OK;
    }
    if (is_at(c, '\\')) {
        c->at++;
        TRY(read_escape(c, code, &kind));
        if (kind == 'D' || kind == 'W' || kind == 'S') return refused(c, "this escape in brackets");
        if (kind != 0) return add_class(c, kind);
        *is_range_end = true;
        return ST_OK;
    }
    *code = decode(c->pattern, &c->at);
    *is_range_end = true;
    return ST_OK;
}

static enum status parse_set(struct compiler *c, struct part *out)
{
    const uint32_t first = c->r->range_count;
    const bool is_not = is_at(c, '^');
    if (is_not) c->at++;
    for (bool is_first = true; is_first || !is_at(c, ']'); is_first = false) {
        uint32_t low = 0;
        uint32_t high = 0;
        bool is_one = false;
        if (c->at >= c->pattern.size) return wrong(c, "brackets [] not balanced");
        TRY(set_item(c, &low, &is_one));
        if (!is_one) continue;
        high = low;
        const bool is_range =
            is_at(c, '-') && c->at + 1 < c->pattern.size && c->pattern.data[c->at + 1] != ']';
        if (is_range) {
            c->at++;
            TRY(set_item(c, &high, &is_one));
            if (!is_one || high < low) return wrong(c, "invalid character range");
        }
        TRY(add_range(c, low, high));
    }
    c->at++;
    TRY(single(c, OP_SET, out));
    struct state *s = &c->r->states[out->start];
    s->code = first;
    s->count = c->r->range_count - first;
    s->is_not = is_not;
    return ST_OK;
}

static enum status parse_class(struct compiler *c, char kind, struct part *out)
{
    const uint32_t first = c->r->range_count;
    const bool is_not = kind >= 'A' && kind <= 'Z';
    TRY(add_class(c, (char)(kind | 0x20)));
    TRY(single(c, OP_SET, out));
    struct state *s = &c->r->states[out->start];
    s->code = first;
    s->count = c->r->range_count - first;
    s->is_not = is_not;
    return ST_OK;
}

static enum status parse_group(struct compiler *c, struct part *out)
{
    if (is_at(c, '?')) {
        if (!is_ahead(c, "?:")) return refused(c, "looking ahead and behind");
        c->at += 2;
    } else {
        c->r->has_groups = true;
    }
    if (++c->depth > DEPTH_MAX) return refused(c, "so many groups inside each other");
    TRY(parse_choice(c, out));
    c->depth--;
    if (!is_at(c, ')')) return wrong(c, "parentheses () not balanced");
    c->at++;
    return ST_OK;
}

static enum status parse_atom(struct compiler *c, struct part *out)
{
    const uint8_t first = c->pattern.data[c->at];
    uint32_t code = 0;
    char kind = 0;
    if (first == '*' || first == '+' || first == '?') return wrong(c, "quantifier operand invalid");
    if (first == '\\') {
        c->at++;
        if (is_at(c, 'A') || is_at(c, 'Z')) {
            TRY(single(c, is_at(c, 'A') ? OP_BEGIN : OP_END, out));
            c->r->states[out->start].is_text = true;
            c->at++;
            return ST_OK;
        }
        TRY(read_escape(c, &code, &kind));
        if (kind != 0) return parse_class(c, kind, out);
    } else if (first == '.' || first == '^' || first == '$') {
        c->at++;
        return single(c, first == '.' ? OP_ANY : first == '^' ? OP_BEGIN : OP_END, out);
    } else if (first == '[') {
        c->at++;
        return parse_set(c, out);
    } else if (first == '(') {
        c->at++;
        return parse_group(c, out);
    } else {
        code = decode(c->pattern, &c->at);
    }
    TRY(single(c, OP_CHAR, out));
    c->r->states[out->start].code = code;
    return ST_OK;
}

/* {m}, {m,}, {m,n}; most NONE: without end. */
static enum status read_bounds(struct compiler *c, uint32_t *least, uint32_t *most)
{
    uint32_t n[2] = {0, NONE};
    for (int i = 0; i < 2; i++) {
        const size_t start = c->at;
        uint32_t value = 0;
        for (; c->at < c->pattern.size && c->pattern.data[c->at] >= '0' &&
               c->pattern.data[c->at] <= '9' && value <= REPEAT_MAX;
             c->at++)
            value = value * 10 + (uint32_t)(c->pattern.data[c->at] - '0');
        if (value > REPEAT_MAX) return wrong(c, "invalid repetition count(s)");
        if (c->at > start) n[i] = value;
        if (c->at == start && i == 0) return wrong(c, "invalid repetition count(s)");
        if (i == 0 && is_at(c, '}')) {
            n[1] = n[0];
            break;
        }
        if (i == 0 && !is_at(c, ',')) return wrong(c, "braces {} not balanced");
        if (i == 0) c->at++;
    }
    if (!is_at(c, '}')) return wrong(c, "braces {} not balanced");
    c->at++;
    if (n[1] != NONE && n[1] < n[0]) return wrong(c, "invalid repetition count(s)");
    *least = n[0];
    *most = n[1];
    return ST_OK;
}

static enum status empty(struct compiler *c, struct part *out)
{
    return single(c, OP_JUMP, out);
}

static void join(struct compiler *c, struct part *to, struct part next)
{
    c->r->states[to->end].next = next.start;
    to->end = next.end;
}

/* The atom once more: its text is read again. */
static enum status again(struct compiler *c, size_t from, size_t to, struct part *out)
{
    const size_t here = c->at;
    c->at = from;
    enum status st = parse_atom(c, out);
    must(st != ST_OK || c->at == to);
    c->at = here;
    return st;
}

/* One or none; or, with is_loop, any number. */
static enum status maybe(struct compiler *c, struct part item, bool is_loop, struct part *out)
{
    uint32_t split = 0;
    uint32_t done = 0;
    TRY(add_state(c, OP_SPLIT, &split));
    TRY(add_state(c, OP_JUMP, &done));
    c->r->states[split].next = item.start;
    c->r->states[split].other = done;
    c->r->states[item.end].next = is_loop ? split : done;
    *out = (struct part){split, done};
    return ST_OK;
}

static enum status parse_piece(struct compiler *c, struct part *out)
{
    const size_t from = c->at;
    uint32_t least = 1;
    uint32_t most = 1;
    struct part item;
    TRY(parse_atom(c, &item));
    const size_t to = c->at;
    if (is_at(c, '*') || is_at(c, '+') || is_at(c, '?')) {
        least = is_at(c, '+') ? 1 : 0;
        most = is_at(c, '?') ? 1 : NONE;
        c->at++;
    } else if (is_at(c, '{') && c->at + 1 < c->pattern.size && c->pattern.data[c->at + 1] >= '0' &&
               c->pattern.data[c->at + 1] <= '9') {
        c->at++;
        TRY(read_bounds(c, &least, &most));
    } else {
        *out = item;
        return ST_OK;
    }
    if (is_at(c, '?')) return refused(c, "quantifiers that prefer less");
    if (is_at(c, '*') || is_at(c, '+')) return wrong(c, "quantifier operand invalid");
    TRY(empty(c, out));
    bool is_used = false;
    for (uint32_t i = 0; i < least; i++) {
        if (is_used) TRY(again(c, from, to, &item));
        join(c, out, item);
        is_used = true;
    }
    const uint32_t rest = most == NONE ? 1 : most - least;
    for (uint32_t i = 0; i < rest; i++) {
        struct part more;
        if (is_used) TRY(again(c, from, to, &item));
        TRY(maybe(c, item, most == NONE, &more));
        join(c, out, more);
        is_used = true;
    }
    return ST_OK;
}

static enum status parse_sequence(struct compiler *c, struct part *out)
{
    TRY(empty(c, out));
    while (c->at < c->pattern.size && !is_at(c, '|') && !is_at(c, ')')) {
        struct part next;
        TRY(parse_piece(c, &next));
        join(c, out, next);
    }
    return ST_OK;
}

/* Recursion is bounded by DEPTH_MAX groups. */
static enum status parse_choice(struct compiler *c, struct part *out)
{
    TRY(parse_sequence(c, out));
    while (is_at(c, '|')) {
        struct part next;
        uint32_t split = 0;
        uint32_t done = 0;
        c->at++;
        TRY(parse_sequence(c, &next));
        TRY(add_state(c, OP_SPLIT, &split));
        TRY(add_state(c, OP_JUMP, &done));
        c->r->states[split].next = out->start;
        c->r->states[split].other = next.start;
        c->r->states[out->end].next = done;
        c->r->states[next.end].next = done;
        *out = (struct part){split, done};
    }
    return ST_OK;
}

enum status regex_compile(struct regex **out,
                          struct arena *a,
                          struct span pattern,
                          struct regex_flags flags,
                          struct diag *d)
{
    struct regex *r = arena_alloc_zero(a, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->flags = flags;
    r->states = arena_alloc_zero(a, REGEX_STATES_MAX, sizeof *r->states);
    if (r->states == NULL) return ST_NO_MEMORY;
    struct compiler c = {.r = r, .arena = a, .pattern = pattern, .diag = d};
    struct part all;
    uint32_t match = 0;
    if (is_ahead(&c, "***") || is_ahead(&c, "(?i") || is_ahead(&c, "(?n"))
        return refused(&c, "embedded options");
    TRY(parse_choice(&c, &all));
    if (c.at < pattern.size) return wrong(&c, "parentheses () not balanced");
    TRY(add_state(&c, OP_MATCH, &match));
    r->states[all.end].next = match;
    r->start = all.start;
    for (int i = 0; i < 2; i++)
        r->list[i] = arena_alloc(a, r->state_count * sizeof(uint32_t));
    r->mark = arena_alloc_zero(a, r->state_count, sizeof(uint32_t));
    if (r->list[0] == NULL || r->list[1] == NULL || r->mark == NULL) return ST_NO_MEMORY;
    *out = r;
    return ST_OK;
}

bool regex_has_groups(const struct regex *r)
{
    return r->has_groups;
}

uint32_t regex_size(const struct regex *r)
{
    return r->state_count;
}

/* --- matching ------------------------------------------------------------------------------ */

struct run {
    const struct regex *r;
    struct span text;
    size_t at;
    uint32_t stamp;
    uint32_t *list;
    uint32_t count;
    bool has_match;
};

static bool holds(const struct run *m, const struct state *s)
{
    const bool is_line = m->r->flags.is_newline && !s->is_text;
    if (s->op == OP_BEGIN) return m->at == 0 || (is_line && m->text.data[m->at - 1] == '\n');
    return m->at == m->text.size || (is_line && m->text.data[m->at] == '\n');
}

/* All states that are reached without a character; each is looked at once. */
static void add(struct run *m, uint32_t first)
{
    uint32_t *stack = m->list + m->count;
    uint32_t open = 0;
    if (m->r->mark[first] == m->stamp) return;
    m->r->mark[first] = m->stamp;
    stack[open++] = first;
    for (uint32_t i = 0; i < open; i++) {
        const struct state *s = &m->r->states[stack[i]];
        uint32_t next[2] = {NONE, NONE};
        if (s->op == OP_JUMP || s->op == OP_SPLIT) next[0] = s->next;
        if (s->op == OP_SPLIT) next[1] = s->other;
        if ((s->op == OP_BEGIN || s->op == OP_END) && holds(m, s)) next[0] = s->next;
        if (s->op == OP_MATCH) m->has_match = true;
        for (int k = 0; k < 2; k++) {
            if (next[k] == NONE || m->r->mark[next[k]] == m->stamp) continue;
            m->r->mark[next[k]] = m->stamp;
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
        return r->flags.ignores_case ? lower(s->code) == lower(code) : s->code == code;
    if (s->op != OP_SET || (is_line && s->is_not)) return false;
    bool found = is_in(r, s, code);
    if (r->flags.ignores_case && !found) {
        const uint32_t small = lower(code);
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

/* Every character may be the first of a match: one reading for all of them. */
bool regex_test(struct regex *r, struct span text)
{
    uint32_t stamp = 1;
    struct run m = {.r = r, .text = text, .stamp = stamp, .list = r->list[0]};
    memset(r->mark, 0, r->state_count * sizeof *r->mark);
    add(&m, r->start);
    for (int turn = 1; !m.has_match; turn ^= 1) {
        if (m.at == text.size || !spend(r, m.count)) return false;
        const uint32_t *now = m.list;
        const uint32_t count = m.count;
        size_t at = m.at;
        const uint32_t code = decode(text, &at);
        stamp++;
        m = (struct run){.r = r, .text = text, .at = at, .stamp = stamp, .list = r->list[turn]};
        for (uint32_t i = 0; i < count; i++) {
            const struct state *s = &r->states[now[i]];
            const bool is_char = s->op == OP_CHAR || s->op == OP_ANY || s->op == OP_SET;
            if (is_char && takes(r, s, code)) add(&m, s->next);
        }
        add(&m, r->start);
    }
    return true;
}

/* The longest match from here; false: none. */
static bool longest(struct regex *r, struct span text, size_t from, uint32_t *stamp, size_t *end)
{
    struct run m = {.r = r, .text = text, .at = from, .stamp = ++*stamp, .list = r->list[0]};
    bool is_found = false;
    add(&m, r->start);
    for (int turn = 1;; turn ^= 1) {
        if (m.has_match) {
            is_found = true;
            *end = m.at;
        }
        if (m.at == text.size || m.count == 0 || !spend(r, m.count)) return is_found;
        const uint32_t *now = m.list;
        const uint32_t count = m.count;
        size_t at = m.at;
        const uint32_t code = decode(text, &at);
        m = (struct run){.r = r, .text = text, .at = at, .stamp = ++*stamp, .list = r->list[turn]};
        for (uint32_t i = 0; i < count; i++) {
            const struct state *s = &r->states[now[i]];
            const bool is_char = s->op == OP_CHAR || s->op == OP_ANY || s->op == OP_SET;
            if (is_char && takes(r, s, code)) add(&m, s->next);
        }
    }
}

bool regex_find(struct regex *r, struct span text, size_t from, size_t *start, size_t *end)
{
    uint32_t stamp = 0;
    memset(r->mark, 0, r->state_count * sizeof *r->mark);
    for (size_t at = from; at <= text.size;) {
        if (longest(r, text, at, &stamp, end)) {
            *start = at;
            return true;
        }
        if (at == text.size || r->left == 0) return false;
        at += sql_char_size(text.data[at]);
    }
    return false;
}
