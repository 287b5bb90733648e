/* libpg_query keeps its memory per thread and returns the tree as Protocol Buffers; they are
 * unpacked into the arena, so nothing is freed node by node and a limit of the arena bounds the
 * tree. Both recurse over the tree: lex_check_depth() has bounded it before. */
#include "sql/parse.h"

#include <pg_query.h>

#include "base/must.h"
#include "sql/lex.h"
#include "sql/sql.h"

static void *tree_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void tree_free(void *arena, void *block)
{
    (void)arena; /* The arena frees all at once. */
    (void)block;
}

void parse_position(struct diag *d, struct span text, int32_t offset)
{
    if (offset < 0) return;
    size_t bytes = (size_t)offset < text.size ? (size_t)offset : text.size;
    d->position = lex_char_count(span_of(text.data, bytes)) + 1;
}

static enum status check_text(struct span text, struct diag *d)
{
    size_t at = 0;
    if (text.size > SQL_TEXT_MAX) {
        diag_set(d, "54000", "query string is longer than %u bytes", SQL_TEXT_MAX);
        return ST_LIMIT;
    }
    at = lex_invalid_at(text);
    if (at < text.size) {
        diag_set(d, "22021", "invalid byte sequence for encoding \"UTF8\": 0x%02x", text.data[at]);
        return ST_INVALID;
    }
    if (lex_check_depth(text, &at) != ST_OK) {
        diag_set(d, "54001", "statement is nested too deeply");
        diag_hint(d, "At most %u levels of brackets, operators and joins.", SQL_DEPTH_MAX);
        parse_position(d, text, (int32_t)at);
        return ST_LIMIT;
    }
    return ST_OK;
}

/* Whether the letters are there at all: asked of every text, and nearly always enough. */
static bool has_letters(struct span text)
{
    static const char word[] = "password";
    for (size_t i = 4; i + 4 <= text.size; i++) {
        if ((text.data[i] | 0x20u) != 'w') continue;
        size_t k = 0;
        while (k < sizeof word - 1 && (text.data[i - 4 + k] | 0x20u) == (uint8_t)word[k])
            k++;
        if (k == sizeof word - 1) return true;
    }
    return false;
}

bool sql_may_have_password(struct span text)
{
    if (!has_letters(text)) return false;
    struct lex_token t = lex_next(text, 0);
    while (t.kind != LEX_END && !lex_is(text, t, "password"))
        t = lex_next(text, t.start + t.size);
    return t.kind != LEX_END;
}

static struct lex_token behind(struct span text, struct lex_token t)
{
    return lex_next(text, t.start + t.size);
}

bool sql_sets_password(struct span text)
{
    static const char key[] = "'" SQL_KEY_PREFIX;
    struct lex_token t = lex_next(text, 0);
    if (!lex_is(text, t, "create") && !lex_is(text, t, "alter")) return false;
    t = behind(text, t);
    if (!lex_is(text, t, "user") && !lex_is(text, t, "role") && !lex_is(text, t, "group"))
        return false;
    while (t.kind != LEX_END && !lex_is(text, t, "password"))
        t = behind(text, t);
    if (t.kind != LEX_END) t = behind(text, t);
    if (t.kind != LEX_STRING) return false;
    return t.size < sizeof key || memcmp(text.data + t.start, key, sizeof key - 1) != 0;
}

static enum status parse_failed(const PgQueryError *error, struct span text, struct diag *d)
{
    const char *message = error->message != NULL ? error->message : "syntax error";
    if (strcmp(message, "out of memory") == 0) {
        diag_set(d, "53200", "out of memory");
        return ST_NO_MEMORY;
    }
    bool is_unsupported = strstr(message, "not supported") != NULL ||
                          strstr(message, "not implemented") != NULL ||
                          strstr(message, "not yet implemented") != NULL;
    bool is_depth = strcmp(message, "memory exhausted") == 0;
    const bool is_reserved =
        strncmp(message, "role name ", 10) == 0 && strstr(message, " is reserved") != NULL;
    diag_set(d,
             is_unsupported ? "0A000"
             : is_depth     ? "54001"
             : is_reserved  ? "42939"
                            : "42601",
             "%s", message);
    if (strchr(message, '\'') != NULL && sql_may_have_password(text))
        diag_set(d, "42601", "syntax error at or near a literal");
    if (error->cursorpos > 0) d->position = (uint32_t)error->cursorpos;
    return is_unsupported ? ST_UNSUPPORTED : ST_INVALID;
}

enum status parse_tree(PgQuery__ParseResult **out,
                       struct arena *a,
                       struct span text,
                       struct diag *d)
{
    TRY(check_text(text, d));
    struct span copy = arena_copy(a, text); /* With the 0 that libpg_query wants. */
    if (copy.data == NULL) {
        diag_set(d, "53200", "out of memory");
        return ST_NO_MEMORY;
    }
    must(memchr(copy.data, 0, copy.size) == NULL);
    PgQueryProtobufParseResult result = pg_query_parse_protobuf((const char *)copy.data);
    enum status st = ST_OK;
    if (result.error != NULL) {
        st = parse_failed(result.error, text, d);
    } else {
        ProtobufCAllocator allocator = {tree_alloc, tree_free, a};
        *out = pg_query__parse_result__unpack(&allocator, result.parse_tree.len,
                                              (const uint8_t *)result.parse_tree.data);
        if (*out == NULL) {
            diag_set(d, "53200", "out of memory");
            st = ST_NO_MEMORY;
        }
    }
    pg_query_free_protobuf_parse_result(result);
    return st;
}
