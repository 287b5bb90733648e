#include "support/codec_sweep.h"

#include "support/cmocka_all.h"

#include <stdlib.h>

#include "support/share.h"

#define LARGE      1024u /* Bytes: a share of their lengths and bits at a time (share.h). */
#define LARGE_STEP 5u

/* The status of again(); equal: its encoding is bytes. A copy of exactly the size lets the address
 * sanitizer see a read beyond the end. */
static enum status attempt(struct span bytes, codec_again *again, bool *equal)
{
    uint8_t *copy = malloc(bytes.size + 1);
    assert_non_null(copy);
    uint8_t *start = copy + 1; /* No byte after the last. */
    if (bytes.size > 0) memcpy(start, bytes.data, bytes.size);
    struct arena a;
    struct buf out;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    struct span input = span_of(start, bytes.size);
    enum status st = again(input, &a, &out);
    *equal = span_equal(buf_span(&out), input);
    buf_fini(&out);
    arena_fini(&a);
    free(copy);
    return st;
}

void codec_sweep(struct span bytes, codec_again *again)
{
    bool equal;
    const size_t apart = bytes.size > LARGE ? LARGE_STEP : 1;
    const size_t from = share_from(apart);
    assert_int_equal(attempt(bytes, again, &equal), ST_OK);
    assert_true(equal);
    for (size_t size = from; size < bytes.size; size += share_step(apart))
        assert_int_not_equal(attempt(span_of(bytes.data, size), again, &equal), ST_OK);
    uint8_t *bad = malloc(bytes.size + 1);
    assert_non_null(bad);
    memcpy(bad, bytes.data, bytes.size);
    bad[bytes.size] = 0;
    assert_int_not_equal(attempt(span_of(bad, bytes.size + 1), again, &equal), ST_OK);
    for (size_t bit = from; bit < 8 * bytes.size; bit += share_step(apart)) {
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (attempt(span_of(bad, bytes.size), again, &equal) == ST_OK) assert_true(equal);
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bad);
}
