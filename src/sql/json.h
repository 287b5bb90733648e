/* json.h - JSON values: parsing into a tree, PostgreSQL's jsonb form, comparison and editing.
 *
 * json is kept as it was given. jsonb is kept as PostgreSQL prints it: keys once and ordered by
 * length, then bytes, one blank behind colons and commas, numbers as numeric. So a part of a jsonb
 * value is a part of its text. Nesting is bounded by JSON_DEPTH_MAX. Pure; memory of an arena. */
#ifndef TRUSTSQL_SQL_JSON_H
#define TRUSTSQL_SQL_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "base/status.h"

#define JSON_DEPTH_MAX 256u

enum json_kind { /* In jsonb's order. */
                 JSON_NULL,
                 JSON_STRING,
                 JSON_NUMBER,
                 JSON_BOOL,
                 JSON_ARRAY,
                 JSON_OBJECT
};

struct json {
    enum json_kind kind;
    bool is_true;
    struct span raw;    /* As it stands in the text. */
    struct span string; /* Of a string: decoded. Of a number: its digits. */
    struct span key;    /* Of a member of an object: decoded. */
    struct json *next;  /* The next element or member. */
    struct json *first;
    uint32_t count;
};

/* 22P02 malformed, 22P05 the character 0, 54001 too deep, ST_NO_MEMORY. */
NODISCARD enum status json_parse(struct json **out,
                                 struct arena *a,
                                 struct span text,
                                 struct diag *d);

/* Keys once and ordered, numbers checked: what json_print makes jsonb of. 22003 */
NODISCARD enum status json_normalize(struct json *j, struct arena *a, struct diag *d);
void json_print(struct buf *out, const struct json *j);
void json_pretty(struct buf *out, const struct json *j);
void json_put_string(struct buf *out, struct span text);

/* Of a stored value, which was valid when it was stored. Null: no memory, or it is damaged. */
struct json *json_read(struct arena *a, struct span text);

/* A member of an object, the last of its name; null: none, or no object. */
struct json *json_member(const struct json *j, struct span key);
/* An element, counted from 0, or from −1 at the end; null: none, or no array. */
struct json *json_element(const struct json *j, int64_t index);

int json_compare(const struct json *a, const struct json *b); /* jsonb's order. */
bool json_contains(const struct json *a, const struct json *b);

#endif
