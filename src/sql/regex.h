/* regex.h - Regular expressions: PostgreSQL's advanced ones without back references.
 *
 * Literals, ., [...] with ranges and classes, \d \w \s \D \W \S and escapes of single characters,
 * groups, |, * + ? {m,n} and their forms with ? behind, ^ $ \A \Z \m \M \y \Y, (?i) and the like at
 * the start. The match is the leftmost and of those the longest, or the shortest where what prefers
 * anything first prefers less; what groups matched follows PostgreSQL's rules (manual 9.7.3.5).
 * Refused (0A000): back references, looking ahead and behind, collating elements.
 * Letters are those of ASCII for classes and for ignoring case, as with collation "C". Time is at
 * most the product of both lengths. Memory of an arena. */
#ifndef TRUSTSQL_SQL_REGEX_H
#define TRUSTSQL_SQL_REGEX_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/span.h"
#include "base/status.h"

#define REGEX_STATES_MAX 4096u

struct regex; /* Compiled; lives in the arena. */

struct regex_flags {
    bool ignores_case;
    bool is_newline; /* ^ and $ at lines, . and [^…] not over them. */
};

/* 2201B of a wrong pattern, 0A000, 54000 too large. */
NODISCARD enum status regex_compile(struct regex **out,
                                    struct arena *a,
                                    struct span pattern,
                                    struct regex_flags flags,
                                    struct diag *d);
uint32_t regex_group_count(const struct regex *r); /* (…), not (?:…) */
uint32_t regex_size(const struct regex *r);        /* States: what a step over a character costs. */

/* Work of looking, in steps of states over characters, counts down from left; at 0 nothing is found
 * any more. */
void regex_set_left(struct regex *r, uint64_t left);
uint64_t regex_left(const struct regex *r);

/* Whether it matches anywhere. */
bool regex_test(struct regex *r, struct span text);
#define REGEX_NO_MATCH SIZE_MAX

struct regex_group {
    size_t start; /* REGEX_NO_MATCH: it took no part. */
    size_t end;
};

/* What each group matched, of a match that was found; groups has regex_group_count() places. False:
 * no memory, or no work left. */
bool regex_groups(
    struct regex *r, struct span text, size_t start, size_t end, struct regex_group *groups);

/* The match that begins leftmost at or after from; false: none. */
bool regex_find(struct regex *r, struct span text, size_t from, size_t *start, size_t *end);

#endif
