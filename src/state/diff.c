/* diff.c - Differences between two images of a page: see diff.h. */
#include "state/diff.h"

#include <string.h>

#include "base/must.h"

#define WORD       8u
#define JOIN_BELOW 8u /* Equal bytes between two runs that are cheaper copied than described. */

static uint64_t word_at(const uint8_t *from, size_t at);
static size_t skip_equal(const uint8_t *a, const uint8_t *b, size_t at);
static size_t run_end(const uint8_t *a, const uint8_t *b, size_t at);
static size_t put_run(uint8_t *out, const uint8_t *older, size_t offset, size_t length);

size_t diff_encode(uint8_t *out, const uint8_t *older, const uint8_t *newer)
{
    must(older != newer);
    size_t size = 0;
    size_t at = skip_equal(older, newer, 0);
    while (at < PAGE_BYTES) {
        size_t end = run_end(older, newer, at);
        size += put_run(out + size, older, at, end - at);
        at = skip_equal(older, newer, end);
    }
    must(size <= DIFF_SIZE_MAX);
    return size;
}

size_t diff_encode_whole(uint8_t *out, const uint8_t *older)
{
    return put_run(out, older, 0, PAGE_BYTES);
}

void diff_apply(uint8_t *page, const uint8_t *runs, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint16_t offset;
        uint16_t length;
        must(size - at >= DIFF_RUN_HEAD);
        memcpy(&offset, runs + at, sizeof offset);
        memcpy(&length, runs + at + sizeof offset, sizeof length);
        at += DIFF_RUN_HEAD;
        must((size_t)offset + length <= PAGE_BYTES);
        must(length <= size - at);
        memcpy(page + offset, runs + at, length);
        at += length;
    }
}

static uint64_t word_at(const uint8_t *from, size_t at)
{
    uint64_t word;
    memcpy(&word, from + at, sizeof word);
    return word;
}

/* First position from at on where a and b differ; PAGE_BYTES if there is none. */
static size_t skip_equal(const uint8_t *a, const uint8_t *b, size_t at)
{
    while (at < PAGE_BYTES && at % WORD != 0) {
        if (a[at] != b[at]) return at;
        at++;
    }
    while (at < PAGE_BYTES && word_at(a, at) == word_at(b, at))
        at += WORD;
    while (at < PAGE_BYTES && a[at] == b[at])
        at++;
    return at;
}

/* End of the run that begins at a difference: behind its last different byte. */
static size_t run_end(const uint8_t *a, const uint8_t *b, size_t at)
{
    must(at < PAGE_BYTES);
    size_t end = at + 1;
    for (size_t i = end; i < PAGE_BYTES && i - end < JOIN_BELOW; i++)
        if (a[i] != b[i]) end = i + 1;
    return end;
}

static size_t put_run(uint8_t *out, const uint8_t *older, size_t offset, size_t length)
{
    must(length > 0);
    must(offset + length <= PAGE_BYTES);
    uint16_t head[2] = {(uint16_t)offset, (uint16_t)length};
    memcpy(out, head, DIFF_RUN_HEAD);
    memcpy(out + DIFF_RUN_HEAD, older + offset, length);
    return DIFF_RUN_HEAD + length;
}
