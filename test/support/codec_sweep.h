/* codec_sweep.h - What every decoder must stand: its input cut at each length, and each bit
 * flipped.
 *
 * A cut input must be refused. An input with a flipped bit must be refused, or decode to something
 * whose encoding is that very input: one value, one encoding. */
#ifndef TRUSTSQL_TEST_CODEC_SWEEP_H
#define TRUSTSQL_TEST_CODEC_SWEEP_H

#include "base/arena.h"
#include "base/buf.h"

/* Decode bytes and append the encoding of what came out. The status of decoding. */
typedef enum status codec_again(struct span bytes, struct arena *a, struct buf *out);

/* Fails the test unless bytes decode, encode to themselves and stand the sweep. */
void codec_sweep(struct span bytes, codec_again *again);

#endif
