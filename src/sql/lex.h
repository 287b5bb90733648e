/* lex.h - PostgreSQL's tokens, as far as needed before and beside the real parser.
 *
 * The real grammar is libpg_query's. This scanner splits query strings, finds the end of a literal
 * whose start the parser told, and bounds the depth of a statement before the parser, which has no
 * such bound itself, sees it. Pure; no allocation; thread-safe. */
#ifndef TRUSTSQL_SQL_LEX_H
#define TRUSTSQL_SQL_LEX_H

#include "base/span.h"
#include "base/status.h"

enum lex_kind {
    LEX_END,
    LEX_WORD, /* Keyword or identifier, also quoted. */
    LEX_NUMBER,
    LEX_STRING, /* '…', E'…', $tag$…$tag$ and their kin. */
    LEX_PARAM,  /* $1 */
    LEX_OPERATOR,
    LEX_OPEN, /* ( or [ */
    LEX_CLOSE,
    LEX_COMMA,
    LEX_SEMICOLON,
    LEX_OTHER /* Any other single byte. */
};

struct lex_token {
    enum lex_kind kind;
    size_t start; /* Byte offset. */
    size_t size;
};

/* The next token at or after byte offset at; white space and comments are skipped. An unterminated
 * string or comment reaches to the end. */
struct lex_token lex_next(struct span text, size_t at);

/* Is there a comment without end after at? Only blanks and comments may follow at. */
bool lex_is_open_comment(struct span text, size_t at);

/* Is the token this lower-case keyword? Quoted words are none. */
bool lex_is(struct span text, struct lex_token token, const char *keyword);

/* ST_LIMIT: brackets, CASE, prefix operators, chains of operators, set operations or joins are
 * nested deeper than SQL_DEPTH_MAX; *position: the byte where. */
NODISCARD enum status lex_check_depth(struct span text, size_t *position);

/* Characters in UTF-8 text. */
uint32_t lex_char_count(struct span text);

/* Byte offset of the first byte that is no UTF-8 or is 0; text.size when there is none. */
size_t lex_invalid_at(struct span text);

#endif
