/* diff.h - What turns a newer image of a page back into the older one.
 *
 * A difference is a list of runs: u16 offset, u16 length (host order, memory only), then the old
 * bytes. Runs less than 8 equal bytes apart are joined, so the encoding is never longer than
 * DIFF_SIZE_MAX. Pure; safe from any thread. */
#ifndef TRUSTSQL_STATE_DIFF_H
#define TRUSTSQL_STATE_DIFF_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES    4096u
#define DIFF_RUN_HEAD 4u
/* Each run but the last is followed by at least 8 equal bytes, which pay for the head of the next.
 */
#define DIFF_SIZE_MAX (PAGE_BYTES + DIFF_RUN_HEAD)

/* Bytes written to out[DIFF_SIZE_MAX]; 0: the images are equal. Both images are PAGE_BYTES long. */
size_t diff_encode(uint8_t *out, const uint8_t *older, const uint8_t *newer);

/* One run with the whole page: rebuilds older from anything. Always DIFF_SIZE_MAX bytes. */
size_t diff_encode_whole(uint8_t *out, const uint8_t *older);

/* Put the old bytes of runs[size] into page. The runs are our own: damage is a bug. */
void diff_apply(uint8_t *page, const uint8_t *runs, size_t size);

#endif
