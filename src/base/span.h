/* span.h - Borrowed bytes: a pointer and a length, never owned.
 *
 * Pure; safe from any thread. data may be null only when size is 0. */
#ifndef TRUSTSQL_BASE_SPAN_H
#define TRUSTSQL_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data;
    size_t size;
};

static inline struct span span_of(const void *data, size_t size)
{
    return (struct span){.data = data, .size = size};
}

static inline struct span span_text(const char *text)
{
    return span_of(text, strlen(text));
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Order of memcmp, a prefix before what it begins. Returns <0, 0 or >0. */
int span_compare(struct span a, struct span b);

#endif
