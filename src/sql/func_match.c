/* func_match.c - LIKE, ILIKE, escape and prefix tests.
 *
 * The pattern is walked once beside the text; a mismatch goes back to the last % and lets it take
 * one character more, which is enough because % is the only wildcard of open length. Each step is
 * charged. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

#define STEPS_PER_CHARGE 256u

struct match {
    struct span text;
    struct span pattern;
    bool ignores_case;
    size_t text_at;
    size_t pattern_at;
    size_t retry_text;    /* Where the last % may go on; SIZE_MAX: there was none. */
    size_t retry_pattern; /* After the last %. */
};

enum match_step { MATCH_ON, MATCH_DIFFERS, MATCH_BAD_ESCAPE };

static void like(sqlite3_context *c, int count, sqlite3_value **args, bool ignores_case);
static enum match_step match_one(struct match *m);
static bool match_retry(struct match *m);
static uint8_t fold(const struct match *m, uint8_t byte);

static void text_like(sqlite3_context *c, int count, sqlite3_value **args)
{
    like(c, count, args, false);
}

static void text_ilike(sqlite3_context *c, int count, sqlite3_value **args)
{
    like(c, count, args, true);
}

static void text_starts_with(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const struct span prefix = function_bytes(args[1]);
    function_return_bool(c, text.size >= prefix.size &&
                                span_equal(span_of(text.data, prefix.size), prefix));
}

/* Rewrite a pattern with another escape character to one with the backslash. */
static void text_like_escape(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span pattern = function_bytes(args[0]);
    const struct span escape = function_bytes(args[1]);
    if (escape.size > 0 && sql_char_size(escape.data[0]) != escape.size) {
        struct diag d;
        diag_set(&d, "22025", "invalid escape string");
        diag_hint(&d, "Escape string must be empty or one character.");
        function_fail_with(c, &d);
        return;
    }
    if (span_equal(escape, span_text("\\"))) {
        function_return_text(c, pattern);
        return;
    }
    uint8_t *out = function_alloc(c, 2 * pattern.size);
    if (out == NULL) return;
    size_t size = 0;
    bool is_escaped = false;
    for (size_t at = 0; at < pattern.size;) {
        const size_t width = sql_char_size(pattern.data[at]);
        const struct span character = span_of(pattern.data + at, width);
        at += width;
        if (escape.size > 0 && !is_escaped && span_equal(character, escape)) {
            out[size++] = '\\';
            is_escaped = true;
            continue;
        }
        if (character.data[0] == '\\' && !is_escaped) out[size++] = '\\';
        memcpy(out + size, character.data, width);
        size += width;
        is_escaped = false;
    }
    function_take_text(c, out, size);
}

const struct native function_matches[] = {
    {.name = "text_like", .args = 2, .call = text_like},
    {.name = "text_ilike", .args = 2, .call = text_ilike},
    {.name = "text_starts_with", .args = 2, .call = text_starts_with},
    {.name = "text_like_escape", .args = 2, .call = text_like_escape},
    {.name = NULL},
};

static void like(sqlite3_context *c, int count, sqlite3_value **args, bool ignores_case)
{
    if (!function_begin(c, count, args)) return;
    struct match m = {.text = function_bytes(args[0]),
                      .pattern = function_bytes(args[1]),
                      .ignores_case = ignores_case,
                      .retry_text = SIZE_MAX};
    for (uint32_t steps = 1; m.text_at < m.text.size; steps++) {
        if (steps % STEPS_PER_CHARGE == 0 && !function_charge(c, STEPS_PER_CHARGE)) return;
        const enum match_step step = match_one(&m);
        if (step == MATCH_BAD_ESCAPE) {
            function_fail(c, "22025", "LIKE pattern must not end with escape character");
            return;
        }
        if (step == MATCH_DIFFERS && !match_retry(&m)) {
            function_return_bool(c, false);
            return;
        }
    }
    while (m.pattern_at < m.pattern.size && m.pattern.data[m.pattern_at] == '%')
        m.pattern_at++;
    function_return_bool(c, m.pattern_at == m.pattern.size);
}

/* One step of the pattern, with text left. */
static enum match_step match_one(struct match *m)
{
    must(m->text_at < m->text.size);
    if (m->pattern_at == m->pattern.size) return MATCH_DIFFERS;
    const uint8_t *p = m->pattern.data + m->pattern_at;
    if (*p == '%') {
        m->pattern_at++;
        m->retry_pattern = m->pattern_at;
        m->retry_text = m->text_at;
        if (m->pattern_at == m->pattern.size) m->text_at = m->text.size; /* Takes the rest. */
        return MATCH_ON;
    }
    if (*p == '_') {
        m->pattern_at++;
        m->text_at += sql_char_size(m->text.data[m->text_at]);
        return MATCH_ON;
    }
    const bool is_escape = *p == '\\';
    if (is_escape && m->pattern_at + 1 == m->pattern.size) return MATCH_BAD_ESCAPE;
    if (is_escape) p++;
    if (fold(m, *p) != fold(m, m->text.data[m->text_at])) return MATCH_DIFFERS;
    m->pattern_at += is_escape ? 2 : 1;
    m->text_at++;
    return MATCH_ON;
}

/* Let the last % take one character more. */
static bool match_retry(struct match *m)
{
    if (m->retry_text == SIZE_MAX) return false;
    must(m->retry_text < m->text.size);
    m->retry_text += sql_char_size(m->text.data[m->retry_text]);
    m->text_at = m->retry_text;
    m->pattern_at = m->retry_pattern;
    return m->text_at < m->text.size;
}

static uint8_t fold(const struct match *m, uint8_t byte)
{
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    return m->ignores_case && is_upper ? (uint8_t)(byte + 32) : byte;
}
