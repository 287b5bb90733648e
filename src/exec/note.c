/* note.c - Digest, history and open checkpoints of the applied height, stored in the commit of its
 * block.
 *
 *   note    = [version = 1, digest, count, [peak, …]]   deterministic CBOR
 *   note    = [version = 2, digest, count, [peak, …], last, last time, has changed,
 *              [[height, before, time], …]]             from the first block of exec_version 3 on
 *   digest  = D of the height, 32 bytes
 *   count   = leaves of the history tree: the height
 *   peak    = 32 bytes, one for each bit of count that is set, from the lowest
 *   last    = height and time (Unix milliseconds) of the newest checkpoint; before there was one,
 *             the height below and the time of the first block that could be one
 *   has changed: transactions changed rows since
 *   the last list: checkpoints whose hash is due in a later result
 */
#include "exec/exec_int.h"

#include "base/must.h"
#include "codec/cbor.h"

#define NOTE_VERSION             1u
#define NOTE_FIELDS              4u
#define NOTE_CHECKPOINTS_VERSION 2u
#define NOTE_CHECKPOINTS_FIELDS  8u
#define NOTE_CHECKPOINTS_SIZE    (CHECKPOINT_LAG * 28u + 32u)

_Static_assert(MERKLE_PATH_MAX *(HASH_SIZE + 2) + 64 + NOTE_CHECKPOINTS_SIZE <= DB_NOTE_MAX,
               "a note always fits");

static void put_checkpoints(struct buf *out, const struct checkpoints *c);
static void get_checkpoints(struct cbor *in, struct checkpoints *c);

static uint32_t bit_count(uint64_t value)
{
    uint32_t count = 0;
    for (; value != 0; value &= value - 1)
        count++;
    return count;
}

enum status note_write(struct exec *e, const struct note *note)
{
    struct buf *out = &e->bytes;
    const struct merkle_tree *history = &note->history;
    const bool is_longer = note->checkpoints.has_begun;
    buf_reset(out);
    cbor_put_array(out, is_longer ? NOTE_CHECKPOINTS_FIELDS : NOTE_FIELDS);
    cbor_put_uint(out, is_longer ? NOTE_CHECKPOINTS_VERSION : NOTE_VERSION);
    cbor_put_bytes(out, hash_span(&note->digest));
    cbor_put_uint(out, history->count);
    cbor_put_array(out, bit_count(history->count));
    for (uint32_t i = 0; i < MERKLE_PATH_MAX; i++)
        if (history->count >> i & 1) cbor_put_bytes(out, hash_span(&history->peaks[i]));
    if (is_longer) put_checkpoints(out, &note->checkpoints);
    TRY(buf_status(out));
    must(out->size <= DB_NOTE_MAX);
    db_note(e->db, buf_span(out));
    return ST_OK;
}

static enum status decode(struct note *out, struct span bytes)
{
    struct cbor in = cbor_of(bytes);
    struct note note = {0};
    struct merkle_tree *history = &note.history;
    const uint64_t fields = cbor_get_array(&in);
    const uint64_t version = cbor_get_uint(&in);
    const bool is_longer = version == NOTE_CHECKPOINTS_VERSION;
    if (!is_longer && version != NOTE_VERSION) cbor_fail(&in);
    if (fields != (is_longer ? NOTE_CHECKPOINTS_FIELDS : NOTE_FIELDS)) cbor_fail(&in);
    cbor_get_fixed(&in, note.digest.bytes, HASH_SIZE);
    history->count = cbor_get_uint(&in);
    cbor_expect_array(&in, bit_count(history->count));
    for (uint32_t i = 0; i < MERKLE_PATH_MAX; i++)
        if (history->count >> i & 1) cbor_get_fixed(&in, history->peaks[i].bytes, HASH_SIZE);
    if (is_longer) get_checkpoints(&in, &note.checkpoints);
    TRY(cbor_end(&in));
    *out = note;
    return ST_OK;
}

enum status note_read(struct exec *e)
{
    struct note note;
    buf_reset(&e->bytes);
    TRY(db_note_read(e->db, &e->bytes));
    enum status st = decode(&note, buf_span(&e->bytes));
    if (st != ST_OK || note.history.count != db_height(e->db)) return ST_CORRUPT;
    e->height = note.history.count;
    e->digest = note.digest;
    e->history = note.history;
    e->checkpoints = note.checkpoints;
    return ST_OK;
}

enum status exec_note_read(struct span bytes, struct hash *digest, struct merkle_tree *history)
{
    struct note note;
    TRY(decode(&note, bytes));
    *digest = note.digest;
    *history = note.history;
    return ST_OK;
}

static void put_checkpoints(struct buf *out, const struct checkpoints *c)
{
    must(c->open_count <= CHECKPOINT_LAG);
    cbor_put_uint(out, c->last);
    cbor_put_uint(out, c->last_ms);
    cbor_put_bool(out, c->has_changed);
    cbor_put_array(out, c->open_count);
    for (uint32_t i = 0; i < c->open_count; i++) {
        cbor_put_array(out, 3);
        cbor_put_uint(out, c->open[i].height);
        cbor_put_uint(out, c->open[i].before);
        cbor_put_uint(out, c->open[i].time_ms);
    }
}

static void get_checkpoints(struct cbor *in, struct checkpoints *c)
{
    c->has_begun = true;
    c->last = cbor_get_uint(in);
    c->last_ms = cbor_get_uint(in);
    c->has_changed = cbor_get_bool(in);
    uint64_t count = cbor_get_array(in);
    if (count > CHECKPOINT_LAG) cbor_fail(in);
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        struct open_checkpoint *o = &c->open[c->open_count++];
        cbor_expect_array(in, 3);
        o->height = cbor_get_uint(in);
        o->before = cbor_get_uint(in);
        o->time_ms = cbor_get_uint(in);
        if (i > 0 && o[-1].height >= o->height) cbor_fail(in);
    }
}
