/* array.h - Arrays of one dimension, from 1 on, as bytes that memcmp orders.
 *
 *   bytes   what
 *   1       1: an element follows; 2: a NULL; 0: the end
 *   8       of an element stored as an integer: the value + 2^63, big-endian
 *   n       of another: its bytes, 0 as 0 255, and 0 1 behind
 *
 * memcmp of two arrays is PostgreSQL's order where equal elements are equal bytes; a −0 is kept as
 * 0. Numbers of other scales, intervals and char are compared by array_compare. Pure. */
#ifndef TRUSTSQL_SQL_ARRAY_H
#define TRUSTSQL_SQL_ARRAY_H

#include "sql/value.h"

#define ARRAY_ELEMENTS_MAX (1u << 17)

struct array_reader {
    struct span rest;
    enum sql_type element;
    struct arena *arena; /* Elements live there. */
    bool is_damaged;
};

struct array_reader array_read(struct span array, enum sql_type element, struct arena *a);
/* The next element; false at the end, or when is_damaged or memory is out (is_damaged, too). */
bool array_next(struct array_reader *r, struct sql_value *out);

/* Elements one after the other, then the end. */
void array_put(struct buf *out, const struct sql_value *v);
void array_end(struct buf *out);

/* How many elements; −1: damaged. */
int64_t array_count(struct span array, enum sql_type element);

/* −1, 0, 1 of two values of one type; NULLs are equal and last. Damaged ones are equal to all. */
int array_compare(struct span a, struct span b, enum sql_type element, struct arena *arena);
int value_compare(const struct sql_value *a, const struct sql_value *b);

#endif
