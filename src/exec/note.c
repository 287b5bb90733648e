/* note.c - Digest and history of the applied height, stored in the commit of its block.
 *
 *   note    = [version = 1, digest, count, [peak, …]]   deterministic CBOR
 *   digest  = D of the height, 32 bytes
 *   count   = leaves of the history tree: the height
 *   peak    = 32 bytes, one for each bit of count that is set, from the lowest
 */
#include "exec/exec_int.h"

#include "base/must.h"
#include "codec/cbor.h"

#define NOTE_VERSION 1u

_Static_assert(MERKLE_PATH_MAX *(HASH_SIZE + 2) + 64 <= DB_NOTE_MAX, "a note always fits");

static uint32_t bit_count(uint64_t value)
{
    uint32_t count = 0;
    for (; value != 0; value &= value - 1)
        count++;
    return count;
}

enum status note_write(struct exec *e, const struct hash *digest, const struct merkle_tree *history)
{
    struct buf *out = &e->bytes;
    buf_reset(out);
    cbor_put_array(out, 4);
    cbor_put_uint(out, NOTE_VERSION);
    cbor_put_bytes(out, hash_span(digest));
    cbor_put_uint(out, history->count);
    cbor_put_array(out, bit_count(history->count));
    for (uint32_t i = 0; i < MERKLE_PATH_MAX; i++)
        if (history->count >> i & 1) cbor_put_bytes(out, hash_span(&history->peaks[i]));
    TRY(buf_status(out));
    must(out->size <= DB_NOTE_MAX);
    db_note(e->db, buf_span(out));
    return ST_OK;
}

enum status note_read(struct exec *e)
{
    buf_reset(&e->bytes);
    TRY(db_note_read(e->db, &e->bytes));
    struct cbor in = cbor_of(buf_span(&e->bytes));
    struct hash digest = {0};
    struct merkle_tree history = {0};
    cbor_expect_array(&in, 4);
    if (cbor_get_uint(&in) != NOTE_VERSION) cbor_fail(&in);
    cbor_get_fixed(&in, digest.bytes, HASH_SIZE);
    history.count = cbor_get_uint(&in);
    cbor_expect_array(&in, bit_count(history.count));
    for (uint32_t i = 0; i < MERKLE_PATH_MAX; i++)
        if (history.count >> i & 1) cbor_get_fixed(&in, history.peaks[i].bytes, HASH_SIZE);
    if (cbor_end(&in) != ST_OK || history.count != db_height(e->db)) return ST_CORRUPT;
    e->height = history.count;
    e->digest = digest;
    e->history = history;
    return ST_OK;
}
