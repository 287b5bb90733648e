/* regex.c - A pattern becomes a graph of states (Thompson), and, where it has groups or parts that
 * prefer differently, a tree of its pieces, shaped as PostgreSQL's (regcomp.c): what stands before
 * a group is one plain piece, and x{m,n} is x{m-1,n-1}x. regex_match.c reads texts. */
#include "sql/regex.h"

#include "base/must.h"
#include "sql/regex_int.h"
#include "sql/value_int.h"

#define DEPTH_MAX  100u
#define REPEAT_MAX 255u /* As PostgreSQL. */
#define NONE       REGEX_NONE
#define LOCAL      (PREFER_LONGER | PREFER_SHORTER)

struct piece { /* A part, what it prefers, and the tree of its groups; null: it has none. */
    struct part part;
    unsigned flags;
    struct tree *tree;
};

struct compiler {
    struct regex *r;
    struct arena *arena;
    struct span pattern;
    size_t at;
    uint32_t depth;
    uint32_t group_count;
    bool is_again; /* A piece is read once more, for another copy: its groups are those it has. */
    struct diag *diag;
};

static enum status parse_choice(struct compiler *c, struct piece *out);

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

uint32_t regex_decode(struct span s, size_t *at)
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

uint32_t regex_lower(uint32_t code)
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
    *code = regex_decode(c->pattern, &c->at);
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
    *code = regex_decode(c->pattern, &c->at);
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

static struct tree *new_tree(struct compiler *c, enum tree_op op, const struct piece *of)
{
    struct tree *t = arena_alloc_zero(c->arena, 1, sizeof *t);
    if (t == NULL) return NULL;
    t->op = op;
    t->flags = of->flags;
    t->part = of->part;
    return t;
}

static void join(struct compiler *c, struct part *to, struct part next)
{
    c->r->states[to->end].next = next.start;
    to->end = next.end;
}

static enum status empty(struct compiler *c, struct part *out)
{
    return single(c, OP_JUMP, out);
}

/* Its end is then a state of its own, which is reached when it has matched. */
static enum status close_part(struct compiler *c, struct part *p)
{
    struct part jump;
    TRY(empty(c, &jump));
    join(c, p, jump);
    return ST_OK;
}

/* (…): remembers what it matched. */
static enum status remember(struct compiler *c, struct piece *p, uint32_t group)
{
    TRY(close_part(c, &p->part));
    p->flags |= HAS_GROUP;
    if (c->is_again) return ST_OK;
    if (p->tree == NULL || p->tree->group != 0) {
        struct tree *inner = p->tree;
        p->tree = new_tree(c, inner == NULL ? TREE_PLAIN : TREE_GROUP, p);
        if (p->tree == NULL) return ST_NO_MEMORY;
        p->tree->left = inner;
    }
    p->tree->part = p->part;
    p->tree->flags = p->flags;
    p->tree->group = group;
    return ST_OK;
}

static enum status parse_group(struct compiler *c, struct piece *out)
{
    uint32_t group = 0;
    if (is_at(c, '?')) {
        if (!is_ahead(c, "?:")) return refused(c, "looking ahead and behind");
        c->at += 2;
    } else {
        group = ++c->group_count;
    }
    if (++c->depth > DEPTH_MAX) return refused(c, "so many groups inside each other");
    TRY(parse_choice(c, out));
    c->depth--;
    if (!is_at(c, ')')) return wrong(c, "parentheses () not balanced");
    c->at++;
    return group == 0 ? ST_OK : remember(c, out, group);
}

/* \m, \M, \y, \Y: the edges of words; \A, \Z: of the text. */
static enum status parse_edge(struct compiler *c, struct part *out, bool *is_edge)
{
    static const struct {
        char letter;
        enum op op;
    } edges[] = {{'A', OP_BEGIN},    {'Z', OP_END},       {'m', OP_WORD_BEGIN},
                 {'M', OP_WORD_END}, {'y', OP_WORD_EDGE}, {'Y', OP_WORD_INSIDE}};
    *is_edge = false;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        if (!is_at(c, edges[i].letter)) continue;
        *is_edge = true;
        TRY(single(c, edges[i].op, out));
        c->r->states[out->start].is_text = true;
        c->at++;
    }
    return ST_OK;
}

static enum status parse_atom(struct compiler *c, struct piece *out)
{
    const uint8_t first = c->pattern.data[c->at];
    uint32_t code = 0;
    char kind = 0;
    *out = (struct piece){0};
    if (first == '*' || first == '+' || first == '?') return wrong(c, "quantifier operand invalid");
    if (first == '\\') {
        bool is_edge = false;
        c->at++;
        TRY(parse_edge(c, &out->part, &is_edge));
        if (is_edge) return ST_OK;
        TRY(read_escape(c, &code, &kind));
        if (kind != 0) return parse_class(c, kind, &out->part);
    } else if (first == '.' || first == '^' || first == '$') {
        c->at++;
        return single(c, first == '.' ? OP_ANY : first == '^' ? OP_BEGIN : OP_END, &out->part);
    } else if (first == '[') {
        c->at++;
        return parse_set(c, &out->part);
    } else if (first == '(') {
        c->at++;
        return parse_group(c, out);
    } else {
        code = regex_decode(c->pattern, &c->at);
    }
    TRY(single(c, OP_CHAR, &out->part));
    c->r->states[out->part.start].code = code;
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

/* The atom once more: its text is read again. */
static enum status again(struct compiler *c, size_t from, size_t to, struct part *out)
{
    const size_t here = c->at;
    const uint32_t groups = c->group_count;
    const bool before = c->is_again;
    struct piece copy;
    c->at = from;
    c->is_again = true;
    TRY(parse_atom(c, &copy));
    must(c->at == to);
    *out = copy.part;
    c->at = here;
    c->group_count = groups;
    c->is_again = before;
    return ST_OK;
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

struct quantifier {
    uint32_t least;
    uint32_t most; /* NONE: without end. */
    unsigned prefers;
    size_t from; /* The text of what is repeated. */
    size_t to;
};

static enum status read_quantifier(struct compiler *c, struct quantifier *q)
{
    q->to = c->at;
    q->least = q->most = 1;
    if (is_at(c, '*') || is_at(c, '+') || is_at(c, '?')) {
        q->least = is_at(c, '+') ? 1 : 0;
        q->most = is_at(c, '?') ? 1 : NONE;
        q->prefers = PREFER_LONGER;
        c->at++;
    } else if (is_at(c, '{') && c->at + 1 < c->pattern.size && c->pattern.data[c->at + 1] >= '0' &&
               c->pattern.data[c->at + 1] <= '9') {
        const size_t start = c->at++;
        TRY(read_bounds(c, &q->least, &q->most));
        /* {m} prefers what is in it; {m,m} says something. */
        const bool has_comma = memchr(c->pattern.data + start, ',', c->at - start) != NULL;
        q->prefers = has_comma ? PREFER_LONGER : 0;
    } else {
        return ST_OK;
    }
    if (is_at(c, '?')) {
        c->at++;
        if (q->prefers != 0) q->prefers = PREFER_SHORTER;
    }
    if (is_at(c, '*') || is_at(c, '+') || is_at(c, '?'))
        return wrong(c, "quantifier operand invalid");
    return ST_OK;
}

/* least to most copies of an item; is_used: the item is part of something else, all are copies. */
static enum status repeat(struct compiler *c,
                          struct part item,
                          const struct quantifier *q,
                          bool is_used,
                          struct part *out)
{
    TRY(empty(c, out));
    for (uint32_t i = 0; i < q->least; i++) {
        if (is_used) TRY(again(c, q->from, q->to, &item));
        join(c, out, item);
        is_used = true;
    }
    const uint32_t rest = q->most == NONE ? 1 : q->most - q->least;
    for (uint32_t i = 0; i < rest; i++) {
        struct part more;
        if (is_used) TRY(again(c, q->from, q->to, &item));
        TRY(maybe(c, item, q->most == NONE, &more));
        join(c, out, more);
        is_used = true;
    }
    return ST_OK;
}

/* PostgreSQL's UP and COMBINE: what is known of a whole, and what it prefers: what its first part
 * that prefers anything does. */
static unsigned above(unsigned flags)
{
    return (flags & ~LOCAL) | ((flags << 2) & (flags << 1) & PREFER_MIXED);
}

static unsigned combine(unsigned first, unsigned second)
{
    const unsigned local = (first & LOCAL) != 0 ? first & LOCAL : second & LOCAL;
    return above(first | second) | local;
}

static bool is_messy(unsigned flags)
{
    return (flags & (PREFER_MIXED | HAS_GROUP)) != 0;
}

static enum status settle_tree(struct compiler *c, struct piece *p)
{
    if (c->is_again) return ST_OK;
    if (p->tree == NULL) p->tree = new_tree(c, TREE_PLAIN, p);
    return p->tree == NULL ? ST_NO_MEMORY : ST_OK;
}

/* first and then second, as one; both are closed. */
static enum status pair(struct compiler *c, struct piece *first, const struct piece *second)
{
    struct piece whole = {.part = first->part, .flags = first->flags};
    join(c, &whole.part, second->part);
    if (!c->is_again) {
        TRY(settle_tree(c, first));
        whole.tree = new_tree(c, TREE_PAIR, &whole);
        if (whole.tree == NULL) return ST_NO_MEMORY;
        whole.tree->left = first->tree;
        whole.tree->right = second->tree;
        must(second->tree != NULL);
    }
    *first = whole;
    return ST_OK;
}

static void set_flags(struct piece *p, unsigned flags)
{
    p->flags = flags;
    if (p->tree != NULL) p->tree->flags = flags;
}

/* A piece that has groups or prefers otherwise, with its quantifier. */
static enum status repeat_messy(struct compiler *c, struct piece *p, const struct quantifier *q)
{
    const unsigned inner = p->flags & (LOCAL | PREFER_MIXED);
    const unsigned flags = combine(q->prefers, p->flags);
    TRY(close_part(c, &p->part));
    if (p->tree != NULL) p->tree->part = p->part;
    TRY(settle_tree(c, p));
    if (q->least == 1 && q->most == 1 && (q->prefers == 0 || inner == 0 || q->prefers == inner))
        return ST_OK;
    if ((p->flags & HAS_GROUP) == 0) {
        struct part all;
        TRY(repeat(c, p->part, q, false, &all));
        TRY(close_part(c, &all));
        *p = (struct piece){.part = all, .flags = flags};
        return settle_tree(c, p);
    }
    if (q->least > 0) { /* x{m,n} is x{m-1,n-1} and then x, whose groups count. */
        struct quantifier before = *q;
        struct piece prefix = {.flags = flags & LOCAL};
        before.least--;
        if (before.most != NONE) before.most--;
        TRY(repeat(c, p->part, &before, true, &prefix.part));
        TRY(close_part(c, &prefix.part));
        TRY(pair(c, &prefix, p));
        *p = prefix;
        set_flags(p, flags);
        return ST_OK;
    }
    struct piece all = {.flags = flags};
    TRY(repeat(c, p->part, q, false, &all.part));
    TRY(close_part(c, &all.part));
    if (!c->is_again) {
        all.tree = new_tree(c, TREE_REPEAT, &all);
        if (all.tree == NULL) return ST_NO_MEMORY;
        all.tree->most = q->most;
        all.tree->left = p->tree;
    }
    *p = all;
    return ST_OK;
}

static bool is_end(const struct compiler *c)
{
    return c->at >= c->pattern.size || is_at(c, '|') || is_at(c, ')');
}

/* What stands before a messy piece is one plain part; what stands behind it is a sequence. */
static enum status parse_sequence(struct compiler *c, struct piece *out);

static enum status parse_messy(struct compiler *c,
                               struct piece *before,
                               struct piece *messy,
                               const struct quantifier *q)
{
    TRY(close_part(c, &before->part));
    TRY(repeat_messy(c, messy, q));
    unsigned flags = messy->flags;
    if (!is_end(c)) {
        struct piece rest;
        flags = combine(q->prefers, flags);
        if (++c->depth > DEPTH_MAX) return refused(c, "so many groups");
        TRY(parse_sequence(c, &rest));
        c->depth--;
        TRY(close_part(c, &rest.part));
        if (rest.tree != NULL) rest.tree->part = rest.part;
        TRY(settle_tree(c, &rest));
        TRY(pair(c, messy, &rest));
        flags |= combine(flags, rest.flags);
        set_flags(messy, flags);
    }
    const unsigned top = before->flags;
    TRY(pair(c, before, messy));
    set_flags(before, top | combine(top, flags));
    return ST_OK;
}

static enum status parse_sequence(struct compiler *c, struct piece *out)
{
    *out = (struct piece){0};
    TRY(empty(c, &out->part));
    while (!is_end(c)) {
        struct piece item;
        struct part all;
        struct quantifier q = {.from = c->at};
        const bool is_group = is_at(c, '(') && !is_ahead(c, "(?");
        TRY(parse_atom(c, &item));
        TRY(read_quantifier(c, &q));
        if (q.most == 0) continue; /* {0}: nothing; its groups match nothing. */
        const unsigned flags = out->flags | q.prefers | item.flags;
        if (is_group || is_messy(above(flags))) return parse_messy(c, out, &item, &q);
        if (q.least == 1 && q.most == 1)
            all = item.part;
        else
            TRY(repeat(c, item.part, &q, false, &all));
        join(c, &out->part, all);
        out->flags = flags;
    }
    return ST_OK;
}

/* One more alternative. */
static enum status add_choice(struct compiler *c, struct piece *out, const struct piece *next)
{
    uint32_t split = 0;
    uint32_t done = 0;
    TRY(add_state(c, OP_SPLIT, &split));
    TRY(add_state(c, OP_JUMP, &done));
    c->r->states[split].next = out->part.start;
    c->r->states[split].other = next->part.start;
    c->r->states[out->part.end].next = done;
    c->r->states[next->part.end].next = done;
    out->part = (struct part){split, done};
    out->flags |= above(out->flags | next->flags);
    return ST_OK;
}

static enum status parse_branch(struct compiler *c, struct piece *out)
{
    TRY(parse_sequence(c, out));
    TRY(close_part(c, &out->part));
    if (out->tree != NULL) out->tree->part = out->part;
    return ST_OK;
}

/* Recursion is bounded by DEPTH_MAX groups. */
static enum status parse_choice(struct compiler *c, struct piece *out)
{
    struct tree *first = NULL;
    struct tree **last = &first;
    struct piece all;
    TRY(parse_branch(c, &all));
    if (!is_at(c, '|')) {
        *out = all;
        return ST_OK;
    }
    TRY(settle_tree(c, &all));
    *last = all.tree;
    all.flags = PREFER_LONGER | above(PREFER_LONGER | all.flags);
    while (is_at(c, '|')) {
        struct piece next;
        c->at++;
        TRY(parse_branch(c, &next));
        TRY(settle_tree(c, &next));
        if (*last != NULL) last = &(*last)->next;
        *last = next.tree;
        TRY(add_choice(c, &all, &next));
    }
    all.tree = NULL;
    if (is_messy(all.flags) && !c->is_again) {
        all.tree = new_tree(c, TREE_CHOICE, &all);
        if (all.tree == NULL) return ST_NO_MEMORY;
        all.tree->left = first;
    }
    *out = all;
    return ST_OK;
}

/* (?i) and the like at the start. */
static enum status read_options(struct compiler *c)
{
    if (is_ahead(c, "***")) return refused(c, "embedded options");
    const bool is_letter = c->pattern.size > 2 && c->pattern.data[2] >= 'a';
    if (!is_ahead(c, "(?") || !is_letter) return ST_OK;
    for (c->at = 2; !is_at(c, ')'); c->at++) {
        if (c->at >= c->pattern.size) return wrong(c, "invalid embedded option");
        switch (c->pattern.data[c->at]) {
        case 'i': c->r->flags.ignores_case = true; break;
        case 'c': c->r->flags.ignores_case = false; break;
        case 'n':
        case 'm': c->r->flags.is_newline = true; break;
        case 's': c->r->flags.is_newline = false; break;
        case 't': break;
        default: return refused(c, "this embedded option");
        }
    }
    c->at++;
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
    struct piece all;
    uint32_t match = 0;
    TRY(read_options(&c));
    TRY(parse_choice(&c, &all));
    if (c.at < pattern.size) return wrong(&c, "parentheses () not balanced");
    TRY(add_state(&c, OP_MATCH, &match));
    r->states[all.part.end].next = match;
    r->start = all.part.start;
    r->end = match;
    r->flags_of_tree = all.flags;
    r->tree = c.group_count > 0 ? all.tree : NULL;
    r->group_count = c.group_count;
    for (int i = 0; i < 2; i++)
        r->list[i] = arena_alloc(a, r->state_count * sizeof(uint32_t));
    r->mark = arena_alloc_zero(a, r->state_count, sizeof(uint32_t));
    if (r->list[0] == NULL || r->list[1] == NULL || r->mark == NULL) return ST_NO_MEMORY;
    *out = r;
    return ST_OK;
}

uint32_t regex_group_count(const struct regex *r)
{
    return r->group_count;
}

uint32_t regex_size(const struct regex *r)
{
    return r->state_count;
}
