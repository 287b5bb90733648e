/* The depth bound. The parser's tree is as deep as its text nests, and it nests in three ways:
 * brackets and CASE … END (a level), prefix operators and left-deep chains (a + b + c: one step a
 * token), and set operations and joins (also left-deep, but commas and ANDs do not end them). Every
 * level counts the steps of the second and third kind, and the sum over the open levels is bounded.
 * AND and OR chains are flattened by the grammar and count nothing; AND, OR, commas, WHEN, THEN and
 * ELSE begin a sibling, so the count of the second kind starts again. */
#include "sql/lex.h"

#include "base/must.h"
#include "sql/sql.h"

#define OPERATOR_RUN_MAX 1024u /* Operator characters in a row, comments included. */

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_word(uint8_t c)
{
    return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_operator(uint8_t c)
{
    return c != 0 && strchr("~!@#^&|`?+-*/%<>=:", c) != NULL;
}

static uint8_t byte_at(struct span text, size_t at)
{
    return at < text.size ? text.data[at] : 0;
}

static bool is_comment(struct span text, size_t at)
{
    uint8_t c = byte_at(text, at);
    uint8_t next = byte_at(text, at + 1);
    return (c == '-' && next == '-') || (c == '/' && next == '*');
}

/* The offset after the comment that starts at at; SIZE_MAX: it has no end. */
static size_t comment_end(struct span text, size_t at)
{
    if (text.data[at] == '-') {
        while (at < text.size && text.data[at] != '\n' && text.data[at] != '\r')
            at++;
        return at;
    }
    size_t depth = 0;
    while (at < text.size) {
        uint8_t c = text.data[at];
        uint8_t next = byte_at(text, at + 1);
        if (c == '/' && next == '*') {
            depth++;
            at += 2;
        } else if (c == '*' && next == '/') {
            at += 2;
            if (--depth == 0) return at;
        } else {
            at++;
        }
    }
    return SIZE_MAX;
}

static size_t skip_comment(struct span text, size_t at)
{
    size_t end = comment_end(text, at);
    return end == SIZE_MAX ? text.size : end;
}

bool lex_is_open_comment(struct span text, size_t at)
{
    while (at < text.size) {
        if (is_comment(text, at)) {
            at = comment_end(text, at);
            if (at == SIZE_MAX) return true;
        } else {
            at++;
        }
    }
    return false;
}

static size_t skip_blank(struct span text, size_t at)
{
    while (at < text.size) {
        if (is_space(text.data[at]))
            at++;
        else if (is_comment(text, at))
            at = skip_comment(text, at);
        else
            break;
    }
    return at;
}

/* at: the opening quote. A doubled quote stands for itself. */
static size_t skip_quoted(struct span text, size_t at, bool has_escapes)
{
    uint8_t quote = text.data[at++];
    while (at < text.size) {
        uint8_t c = text.data[at++];
        bool is_escape = has_escapes && c == '\\';
        if (is_escape || (c == quote && byte_at(text, at) == quote))
            at++;
        else if (c == quote)
            return at;
    }
    return text.size;
}

/* The size of $tag$ at at; 0: there is none. */
static size_t dollar_tag(struct span text, size_t at)
{
    size_t end = at + 1;
    if (is_word_start(byte_at(text, end)))
        while (end < text.size && is_word(text.data[end]) && text.data[end] != '$')
            end++;
    return byte_at(text, end) == '$' ? end + 1 - at : 0;
}

static size_t skip_dollar(struct span text, size_t at, size_t tag_size)
{
    const uint8_t *tag = text.data + at;
    for (at += tag_size; at + tag_size <= text.size; at++)
        if (memcmp(text.data + at, tag, tag_size) == 0) return at + tag_size;
    return text.size;
}

static size_t skip_number(struct span text, size_t at)
{
    while (is_digit(byte_at(text, at)))
        at++;
    if (byte_at(text, at) == '.' && byte_at(text, at + 1) != '.') at++;
    while (is_digit(byte_at(text, at)))
        at++;
    if ((byte_at(text, at) | 0x20u) != 'e') return at;
    size_t exponent = at + 1;
    if (byte_at(text, exponent) == '+' || byte_at(text, exponent) == '-') exponent++;
    if (!is_digit(byte_at(text, exponent))) return at;
    while (is_digit(byte_at(text, exponent)))
        exponent++;
    return exponent;
}

static size_t skip_operator(struct span text, size_t at)
{
    while (at < text.size && is_operator(text.data[at]) && !is_comment(text, at))
        at++;
    return at;
}

static struct lex_token word_token(struct span text, size_t start)
{
    size_t end = start;
    while (end < text.size && is_word(text.data[end]))
        end++;
    struct lex_token token = {LEX_WORD, start, end - start};
    uint8_t first = text.data[start] | 0x20u;
    uint8_t next = byte_at(text, end);
    bool is_prefix = token.size == 1 && next == '\'' &&
                     (first == 'e' || first == 'b' || first == 'x' || first == 'n');
    if (is_prefix) {
        token.kind = LEX_STRING;
        token.size = skip_quoted(text, end, first == 'e') - start;
    } else if (token.size == 1 && first == 'u' && next == '&') {
        uint8_t quote = byte_at(text, end + 1);
        if (quote != '\'' && quote != '"') return token;
        token.kind = quote == '"' ? LEX_WORD : LEX_STRING;
        token.size = skip_quoted(text, end + 1, false) - start;
    }
    return token;
}

static struct lex_token dollar_token(struct span text, size_t start)
{
    size_t tag_size = dollar_tag(text, start);
    if (tag_size > 0)
        return (struct lex_token){LEX_STRING, start, skip_dollar(text, start, tag_size) - start};
    size_t end = start + 1;
    while (is_digit(byte_at(text, end)))
        end++;
    return (struct lex_token){end > start + 1 ? LEX_PARAM : LEX_OTHER, start, end - start};
}

static enum lex_kind single_kind(uint8_t c)
{
    switch (c) {
    case '(':
    case '[': return LEX_OPEN;
    case ')':
    case ']': return LEX_CLOSE;
    case ',': return LEX_COMMA;
    case ';': return LEX_SEMICOLON;
    default: return LEX_OTHER;
    }
}

struct lex_token lex_next(struct span text, size_t at)
{
    size_t start = skip_blank(text, at);
    must(start <= text.size);
    if (start == text.size) return (struct lex_token){LEX_END, start, 0};
    uint8_t c = text.data[start];
    if (is_word_start(c)) return word_token(text, start);
    if (c == '\'')
        return (struct lex_token){LEX_STRING, start, skip_quoted(text, start, false) - start};
    if (c == '"')
        return (struct lex_token){LEX_WORD, start, skip_quoted(text, start, false) - start};
    if (c == '$') return dollar_token(text, start);
    if (is_digit(c) || (c == '.' && is_digit(byte_at(text, start + 1))))
        return (struct lex_token){LEX_NUMBER, start, skip_number(text, start) - start};
    if (is_operator(c))
        return (struct lex_token){LEX_OPERATOR, start, skip_operator(text, start) - start};
    return (struct lex_token){single_kind(c), start, 1};
}

bool lex_is(struct span text, struct lex_token token, const char *keyword)
{
    if (token.kind != LEX_WORD || strlen(keyword) != token.size) return false;
    for (size_t i = 0; i < token.size; i++)
        if ((text.data[token.start + i] | 0x20u) != (uint8_t)keyword[i]) return false;
    return true;
}

/* --- depth --------------------------------------------------------------------------------- */

struct level {
    bool is_case;
    uint32_t betweens; /* Whose AND is still to come. */
    uint32_t chain;    /* Steps since the last sibling began. */
    uint32_t sets;     /* Set operations and joins. */
};

struct depth {
    struct level levels[SQL_DEPTH_MAX + 1];
    uint32_t top;
    uint32_t sum; /* top + chain and sets of all levels. */
};

static void begin_sibling(struct depth *d)
{
    struct level *l = &d->levels[d->top];
    must(d->sum >= l->chain);
    d->sum -= l->chain;
    l->chain = 0;
}

static void enter_level(struct depth *d, bool is_case)
{
    must(d->top < SQL_DEPTH_MAX);
    d->levels[++d->top] = (struct level){.is_case = is_case};
    d->sum++;
}

static void leave_level(struct depth *d, bool is_case)
{
    struct level *l = &d->levels[d->top];
    if (d->top == 0 || l->is_case != is_case) return;
    must(d->sum >= l->chain + l->sets + 1);
    d->sum -= l->chain + l->sets + 1;
    d->top--;
}

static bool is_one_of(struct span text, struct lex_token token, const char *const *words)
{
    for (; *words != NULL; words++)
        if (lex_is(text, token, *words)) return true;
    return false;
}

static void count_word(struct depth *d, struct span text, struct lex_token token)
{
    static const char *const steps[] = {"not",    "is",      "isnull",  "notnull", "in",
                                        "like",   "ilike",   "similar", "collate", "at",
                                        "escape", "between", NULL};
    static const char *const sets[] = {"union", "except", "intersect", "join", NULL};
    static const char *const siblings[] = {"or", "when", "then", "else", NULL};
    struct level *l = &d->levels[d->top];
    if (token.size > 9) return; /* The longest keyword above. */
    if (lex_is(text, token, "case")) {
        enter_level(d, true);
    } else if (lex_is(text, token, "end")) {
        leave_level(d, true);
    } else if (lex_is(text, token, "and")) {
        if (l->betweens == 0)
            begin_sibling(d);
        else
            l->betweens--;
    } else if (is_one_of(text, token, siblings)) {
        begin_sibling(d);
    } else if (is_one_of(text, token, sets)) {
        l->sets++;
        d->sum++;
    } else if (is_one_of(text, token, steps)) {
        if (lex_is(text, token, "between")) l->betweens++;
        l->chain++;
        d->sum++;
    }
}

/* PostgreSQL's scanner reads a run of operator characters again from each comment that starts in
 * it, which is quadratic: runs outside of strings are bounded. */
static bool has_long_run(struct span text, size_t from, size_t to)
{
    size_t run = 0;
    for (size_t i = from; i < to; i++) {
        run = is_operator(text.data[i]) ? run + 1 : 0;
        if (run > OPERATOR_RUN_MAX) return true;
    }
    return false;
}

enum status lex_check_depth(struct span text, size_t *position)
{
    struct depth d = {.top = 0};
    size_t at = 0;
    size_t plain = 0; /* Where the text since the last string or word begins. */
    for (;;) {
        struct lex_token token = lex_next(text, at);
        bool is_operators = token.kind == LEX_OPERATOR;
        if (!is_operators && has_long_run(text, plain, token.start)) {
            *position = plain;
            return ST_LIMIT;
        }
        if (token.kind == LEX_END) return ST_OK;
        if (!is_operators) plain = token.start + token.size;
        must(token.size > 0);
        if (token.kind == LEX_WORD) count_word(&d, text, token);
        if (token.kind == LEX_OPEN) enter_level(&d, false);
        if (token.kind == LEX_CLOSE) leave_level(&d, false);
        if (token.kind == LEX_COMMA) begin_sibling(&d);
        if (token.kind == LEX_SEMICOLON && d.top == 0) d = (struct depth){.top = 0};
        if (token.kind == LEX_OPERATOR) {
            d.levels[d.top].chain++;
            d.sum++;
        }
        if (d.sum >= SQL_DEPTH_MAX) {
            *position = token.start;
            return ST_LIMIT;
        }
        at = token.start + token.size;
    }
}

/* --- characters ---------------------------------------------------------------------------- */

uint32_t lex_char_count(struct span text)
{
    uint32_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xC0u) != 0x80u;
    return count;
}

/* Bytes of the character at at; 0: not UTF-8 (overlong, surrogate and too large included). */
static size_t char_size(struct span text, size_t at)
{
    uint8_t c = text.data[at];
    if (c == 0) return 0;
    if (c < 0x80) return 1;
    size_t size = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || size > text.size - at) return 0;
    for (size_t i = 1; i < size; i++)
        if ((text.data[at + i] & 0xC0u) != 0x80u) return 0;
    uint8_t next = text.data[at + 1];
    bool is_wrong = (c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F) ||
                    (c == 0xF0 && next < 0x90) || (c == 0xF4 && next > 0x8F);
    return is_wrong ? 0 : size;
}

size_t lex_invalid_at(struct span text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t size = char_size(text, at);
        if (size == 0) return at;
        at += size;
    }
    return text.size;
}
