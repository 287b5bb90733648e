/* manifest.c - What stands on disk, in one file that is replaced as a whole.
 *
 *   manifest = [version = 1, height, is checkpoint, before, row count, row root, txid root,
 *               next id, [[run id, size], …], [dropped table, …],
 *               [[height, before, row count, row root, txid root], …]]   deterministic CBOR,
 *   then H("rows" ‖ these bytes)
 *
 * Runs newest first, dropped tables ascending, the recent checkpoints ascending. */
#include "base/must.h"
#include "codec/cbor.h"
#include "rows/rows_int.h"

#define MANIFEST_VERSION 1u
#define MANIFEST_FIELDS  11u
#define RECENT_FIELDS    5u

static void put_checkpoint(struct buf *out, const struct checkpoint *c);
static struct checkpoint get_checkpoint(struct cbor *in);
static enum status get_runs(struct cbor *in, struct arena *a, struct saved *s);
static enum status get_dropped(struct cbor *in, struct arena *a, struct saved *s);
static void get_recent(struct cbor *in, struct recent *out);

void manifest_encode(struct buf *out, const struct saved *s)
{
    must(s->checkpoint.height < UINT64_MAX);
    const size_t from = out->size;
    cbor_put_array(out, MANIFEST_FIELDS);
    cbor_put_uint(out, MANIFEST_VERSION);
    cbor_put_uint(out, s->checkpoint.height);
    cbor_put_bool(out, s->is_checkpoint);
    cbor_put_uint(out, s->checkpoint.before);
    cbor_put_uint(out, s->checkpoint.row_count);
    cbor_put_bytes(out, hash_span(&s->checkpoint.row_root));
    cbor_put_bytes(out, hash_span(&s->checkpoint.txid_root));
    cbor_put_uint(out, s->next_id);
    cbor_put_array(out, s->run_count);
    for (uint32_t i = 0; i < s->run_count; i++) {
        cbor_put_array(out, 2);
        cbor_put_uint(out, s->run_ids[i]);
        cbor_put_uint(out, s->run_sizes[i]);
    }
    cbor_put_array(out, s->dropped_count);
    for (uint32_t i = 0; i < s->dropped_count; i++)
        cbor_put_uint(out, s->dropped[i]);
    cbor_put_array(out, s->recent.count);
    for (uint32_t i = 0; i < s->recent.count; i++)
        put_checkpoint(out, &s->recent.items[i]);
    if (buf_status(out) != ST_OK) return;
    struct hash sum = hash_of("rows", span_of(out->data + from, out->size - from));
    buf_put(out, hash_span(&sum));
}

enum status manifest_decode(struct saved *out, struct arena *a, struct span bytes)
{
    if (bytes.size < HASH_SIZE) return ST_TRUNCATED;
    struct span content = span_of(bytes.data, bytes.size - HASH_SIZE);
    struct hash sum = hash_of("rows", content);
    if (memcmp(sum.bytes, bytes.data + content.size, HASH_SIZE) != 0) return ST_INVALID;
    struct saved s = {0};
    struct cbor in = cbor_of(content);
    cbor_expect_array(&in, MANIFEST_FIELDS);
    if (cbor_get_uint(&in) != MANIFEST_VERSION) cbor_fail(&in);
    s.checkpoint.height = cbor_get_uint_max(&in, INT64_MAX);
    s.is_checkpoint = cbor_get_bool(&in);
    s.checkpoint.before = cbor_get_uint(&in);
    s.checkpoint.row_count = cbor_get_uint(&in);
    cbor_get_fixed(&in, s.checkpoint.row_root.bytes, HASH_SIZE);
    cbor_get_fixed(&in, s.checkpoint.txid_root.bytes, HASH_SIZE);
    s.next_id = cbor_get_uint(&in);
    TRY(get_runs(&in, a, &s));
    TRY(get_dropped(&in, a, &s));
    get_recent(&in, &s.recent);
    TRY(cbor_end(&in));
    *out = s;
    return ST_OK;
}

static void put_checkpoint(struct buf *out, const struct checkpoint *c)
{
    cbor_put_array(out, RECENT_FIELDS);
    cbor_put_uint(out, c->height);
    cbor_put_uint(out, c->before);
    cbor_put_uint(out, c->row_count);
    cbor_put_bytes(out, hash_span(&c->row_root));
    cbor_put_bytes(out, hash_span(&c->txid_root));
}

static struct checkpoint get_checkpoint(struct cbor *in)
{
    struct checkpoint c = {0};
    cbor_expect_array(in, RECENT_FIELDS);
    c.height = cbor_get_uint(in);
    c.before = cbor_get_uint(in);
    c.row_count = cbor_get_uint(in);
    cbor_get_fixed(in, c.row_root.bytes, HASH_SIZE);
    cbor_get_fixed(in, c.txid_root.bytes, HASH_SIZE);
    if (c.before >= c.height) cbor_fail(in);
    return c;
}

static enum status get_runs(struct cbor *in, struct arena *a, struct saved *s)
{
    uint64_t count = cbor_get_array(in);
    if (count > RUN_SET_MAX) cbor_fail(in);
    if (in->status != ST_OK) return in->status;
    s->run_ids = arena_alloc(a, count * sizeof *s->run_ids);
    s->run_sizes = arena_alloc(a, count * sizeof *s->run_sizes);
    if (s->run_ids == NULL || s->run_sizes == NULL) return ST_NO_MEMORY;
    s->run_count = (uint32_t)count;
    for (uint32_t i = 0; i < s->run_count; i++) {
        cbor_expect_array(in, 2);
        s->run_ids[i] = cbor_get_uint(in);
        s->run_sizes[i] = cbor_get_uint(in);
        if (s->run_ids[i] == 0 || s->run_ids[i] >= s->next_id) cbor_fail(in);
    }
    return in->status;
}

static enum status get_dropped(struct cbor *in, struct arena *a, struct saved *s)
{
    uint64_t count = cbor_get_array(in);
    if (count > UINT32_MAX) cbor_fail(in);
    if (in->status != ST_OK) return in->status;
    s->dropped = arena_alloc(a, count * sizeof *s->dropped);
    if (s->dropped == NULL) return ST_NO_MEMORY;
    s->dropped_count = (uint32_t)count;
    for (uint32_t i = 0; i < s->dropped_count; i++) {
        s->dropped[i] = cbor_get_uint(in);
        if (i > 0 && s->dropped[i - 1] >= s->dropped[i]) cbor_fail(in);
    }
    return in->status;
}

static void get_recent(struct cbor *in, struct recent *out)
{
    uint64_t count = cbor_get_array(in);
    if (count > RECENT_MAX) cbor_fail(in);
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        out->items[out->count++] = get_checkpoint(in);
        if (i > 0 && out->items[i - 1].height >= out->items[i].height) cbor_fail(in);
    }
}
