/* cbor.h - Deterministic CBOR (RFC 8949 section 4.2.1), writer and strict reader.
 *
 * Only what the formats use: unsigned and negative integers within int64/uint64, byte and text
 * strings (text must be valid UTF-8), arrays of definite length, false, true, null, float64 (SQL
 * values). One value, one encoding: the reader refuses longer-than-needed heads, indefinite
 * lengths, tags, maps and other simple values. Strings are borrowed from the input. Pure;
 * thread-safe. */
#ifndef TRUSTSQL_CODEC_CBOR_H
#define TRUSTSQL_CODEC_CBOR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"
#include "base/status.h"

#define CBOR_DEPTH_MAX 16u /* Arrays inside arrays that cbor_get_item can follow. */

enum cbor_kind {
    CBOR_UINT,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,
    CBOR_FLOAT
};

/* Writers: append to b; failure sticks in b. */
void cbor_put_uint(struct buf *b, uint64_t value);
void cbor_put_int(struct buf *b, int64_t value);
void cbor_put_bytes(struct buf *b, struct span bytes);
void cbor_put_bytes_head(struct buf *b, uint64_t size); /* size bytes follow. */
void cbor_put_text(struct buf *b, struct span text);    /* Caller guarantees UTF-8. */
void cbor_put_array(struct buf *b, uint64_t count);     /* Head; count items follow. */
void cbor_put_bool(struct buf *b, bool value);
void cbor_put_null(struct buf *b);
void cbor_put_float(struct buf *b, double value); /* Always 64 bit; NaN in one form. */

/* Reader. The first failure sticks: later reads return zero values, cbor_end tells. */
struct cbor {
    const uint8_t *at;
    const uint8_t *end;
    enum status status; /* ST_OK, ST_TRUNCATED, ST_INVALID or of cbor_fail_with. */
};

struct cbor cbor_of(struct span bytes);
bool cbor_peek(struct cbor *c, enum cbor_kind *kind); /* False at the end or after a failure. */
uint64_t cbor_get_uint(struct cbor *c);
uint64_t cbor_get_uint_max(struct cbor *c, uint64_t max); /* Above max: ST_INVALID. */
int64_t cbor_get_int(struct cbor *c);
struct span cbor_get_bytes(struct cbor *c);
void cbor_get_fixed(struct cbor *c, void *to, size_t size); /* Byte string of exactly size. */
struct span cbor_get_text(struct cbor *c);
uint64_t cbor_get_array(struct cbor *c); /* Item count; never above the bytes left. */
void cbor_expect_array(struct cbor *c, uint64_t count); /* Exactly count items. */
bool cbor_get_bool(struct cbor *c);
bool cbor_get_null(struct cbor *c); /* True and consumed when the next item is null. */
double cbor_get_float(struct cbor *c);
/* Skip one item of any kind, arrays nested at most depth_max deep (0: none); its bytes. */
struct span cbor_get_item(struct cbor *c, uint32_t depth_max);
void cbor_fail(struct cbor *c);                      /* The caller found the content invalid. */
void cbor_fail_with(struct cbor *c, enum status st); /* As cbor_fail, with another reason. */
/* ST_OK only when all was read without failure and nothing is left over. */
NODISCARD enum status cbor_end(const struct cbor *c);

bool utf8_valid(struct span text);

#endif
