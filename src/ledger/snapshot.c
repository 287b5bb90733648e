/* snapshot.c - Byte table, deterministic CBOR:
 *
 *   manifest = [version = 1, chain id, [checkpoint, …], note, [statement, …], [table id, name, …],
 *               [node, …]]
 *   checkpoint = [height, before, row count, row root, txid root]
 *   node     = bit (unsigned: a branch; its left side follows, then its right)
 *            / part (76 bytes: u32 rows ‖ u64 size ‖ hash of the subtree ‖ hash of the chunk)
 *   chunk    = [row id / null, entry as bytes, …]
 *
 * Hashes: H("snapshot" ‖ manifest), H("chunk" ‖ chunk). u32 and u64 are little-endian. */
#include "ledger/snapshot.h"

#include "base/endian.h"
#include "base/must.h"
#include "codec/cbor.h"

#define VERSION 1u
#define FIELDS  7u

/* The fold of nodes in preorder: branches wait for their sides. */
struct fold {
    uint32_t depth;
    struct {
        uint16_t bit;
        bool has_left;
        struct hash left;
    } waiting[ROW_POSITION_BITS];
    bool is_done;
    struct hash root;
};

static enum status get_checkpoints(struct snapshot *s, struct cbor *in);
static enum status get_schema(struct snapshot *s, struct arena *a, struct cbor *in);
static enum status get_tables(struct snapshot *s, struct arena *a, struct cbor *in);
static enum status get_nodes(struct snapshot *s, struct arena *a, struct cbor *in);

struct hash snapshot_hash(struct span manifest)
{
    return hash_of("snapshot", manifest);
}

struct hash snapshot_chunk_hash(struct span chunk)
{
    return hash_of("chunk", chunk);
}

/* --- writing ---------------------------------------------------------------------------------- */

void snapshot_put_branch(struct buf *out, uint16_t bit)
{
    must(bit < ROW_POSITION_BITS);
    cbor_put_uint(out, bit);
}

void snapshot_put_part(struct buf *out, const struct snapshot_part *part)
{
    must(part->row_count > 0);
    must(part->size <= SNAPSHOT_CHUNK_BYTES_MAX);
    cbor_put_bytes_head(out, SNAPSHOT_PART_SIZE);
    buf_put_u32_le(out, part->row_count);
    buf_put_u64_le(out, part->size);
    buf_put(out, hash_span(&part->subtree));
    buf_put(out, hash_span(&part->chunk));
}

void snapshot_put_head(struct buf *out, const struct snapshot *s)
{
    must(s->checkpoint_count > 0 && s->checkpoint_count <= CHECKPOINT_LAG);
    must(s->note.size <= SNAPSHOT_NOTE_MAX);
    cbor_put_array(out, FIELDS);
    cbor_put_uint(out, VERSION);
    cbor_put_bytes(out, hash_span(&s->chain_id));
    cbor_put_array(out, s->checkpoint_count);
    for (uint32_t i = 0; i < s->checkpoint_count; i++) {
        const struct checkpoint *c = &s->checkpoints[i];
        cbor_put_array(out, 5);
        cbor_put_uint(out, c->height);
        cbor_put_uint(out, c->before);
        cbor_put_uint(out, c->row_count);
        cbor_put_bytes(out, hash_span(&c->row_root));
        cbor_put_bytes(out, hash_span(&c->txid_root));
    }
    cbor_put_bytes(out, s->note);
    cbor_put_array(out, s->schema_count);
    for (uint32_t i = 0; i < s->schema_count; i++)
        cbor_put_text(out, s->schema[i]);
    cbor_put_array(out, (uint64_t)s->table_count * 2);
    for (uint32_t i = 0; i < s->table_count; i++) {
        cbor_put_uint(out, s->tables[i].id);
        cbor_put_text(out, s->tables[i].name);
    }
}

void snapshot_encode(struct buf *out, const struct snapshot *s, struct span nodes, uint32_t count)
{
    snapshot_put_head(out, s);
    cbor_put_array(out, count);
    buf_put(out, nodes);
}

void snapshot_put_row(struct buf *out, const struct snapshot_row *row)
{
    if (row->has_rowid)
        cbor_put_int(out, row->rowid);
    else
        cbor_put_null(out);
    cbor_put_bytes(out, row->entry);
}

void snapshot_put_chunk(struct buf *out, struct span rows, uint32_t count)
{
    must(count > 0);
    cbor_put_array(out, (uint64_t)count * 2);
    buf_put(out, rows);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum status snapshot_decode(struct snapshot *out, struct arena *a, struct span bytes)
{
    struct snapshot s = {.part_count = 0};
    struct cbor in = cbor_of(bytes);
    if (bytes.size > SNAPSHOT_MANIFEST_MAX) return ST_LIMIT;
    cbor_expect_array(&in, FIELDS);
    if (cbor_get_uint(&in) != VERSION) cbor_fail(&in);
    cbor_get_fixed(&in, s.chain_id.bytes, HASH_SIZE);
    TRY(get_checkpoints(&s, &in));
    s.note = cbor_get_bytes(&in);
    if (s.note.size > SNAPSHOT_NOTE_MAX) cbor_fail_with(&in, ST_LIMIT);
    TRY(get_schema(&s, a, &in));
    TRY(get_tables(&s, a, &in));
    TRY(get_nodes(&s, a, &in));
    TRY(cbor_end(&in));
    *out = s;
    return ST_OK;
}

static enum status get_checkpoints(struct snapshot *s, struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    if (in->status == ST_OK && (count == 0 || count > CHECKPOINT_LAG)) cbor_fail(in);
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        struct checkpoint *c = &s->checkpoints[s->checkpoint_count++];
        cbor_expect_array(in, 5);
        c->height = cbor_get_uint(in);
        c->before = cbor_get_uint(in);
        c->row_count = cbor_get_uint(in);
        cbor_get_fixed(in, c->row_root.bytes, HASH_SIZE);
        cbor_get_fixed(in, c->txid_root.bytes, HASH_SIZE);
        if (c->before >= c->height) cbor_fail(in);
        if (i > 0 && c[-1].height != c->before) cbor_fail(in); /* They touch. */
    }
    return in->status;
}

/* Room for count items of at least one byte each: the count is never above the bytes left. */
static enum status get_schema(struct snapshot *s, struct arena *a, struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    if (in->status != ST_OK) return in->status;
    if (count > SNAPSHOT_STATEMENTS_MAX) return ST_LIMIT;
    s->schema = arena_alloc_zero(a, (size_t)count, sizeof *s->schema);
    if (s->schema == NULL) return ST_NO_MEMORY;
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        s->schema[s->schema_count] = cbor_get_text(in);
        if (s->schema[s->schema_count++].size == 0) cbor_fail(in);
    }
    return in->status;
}

static enum status get_tables(struct snapshot *s, struct arena *a, struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    if (in->status == ST_OK && count % 2 != 0) cbor_fail(in);
    if (in->status != ST_OK) return in->status;
    count /= 2;
    if (count > SNAPSHOT_TABLES_MAX) return ST_LIMIT;
    s->tables = arena_alloc_zero(a, (size_t)count, sizeof *s->tables);
    if (s->tables == NULL) return ST_NO_MEMORY;
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        struct snapshot_table *t = &s->tables[s->table_count++];
        t->id = cbor_get_uint(in);
        t->name = cbor_get_text(in);
        if (t->name.size == 0 || (i > 0 && t[-1].id >= t->id)) cbor_fail(in);
    }
    return in->status;
}

/* A subtree is whole: it is a side of the branch that waits, which may be whole with it. */
static void fold_side(struct fold *f, struct hash hash)
{
    while (f->depth > 0) {
        const uint32_t top = f->depth - 1;
        if (!f->waiting[top].has_left) {
            f->waiting[top].has_left = true;
            f->waiting[top].left = hash;
            return;
        }
        hash = row_branch_hash(f->waiting[top].bit, &f->waiting[top].left, &hash);
        f->depth--;
    }
    f->is_done = true;
    f->root = hash;
}

static bool fold_branch(struct fold *f, uint64_t bit)
{
    if (f->depth > 0 && f->waiting[f->depth - 1].bit >= bit) return false;
    must(f->depth < ROW_POSITION_BITS); /* Bits ascend. */
    f->waiting[f->depth].bit = (uint16_t)bit;
    f->waiting[f->depth++].has_left = false;
    return true;
}

static void get_part(struct snapshot_part *p, struct cbor *in)
{
    uint8_t bytes[SNAPSHOT_PART_SIZE] = {0};
    cbor_get_fixed(in, bytes, sizeof bytes);
    p->row_count = get_u32_le(bytes);
    p->size = get_u64_le(bytes + 4);
    memcpy(p->subtree.bytes, bytes + 12, HASH_SIZE);
    memcpy(p->chunk.bytes, bytes + 12 + HASH_SIZE, HASH_SIZE);
    if (p->row_count == 0 || p->size > SNAPSHOT_CHUNK_BYTES_MAX) cbor_fail(in);
    if (p->row_count > SNAPSHOT_CHUNK_ROWS) cbor_fail_with(in, ST_LIMIT);
}

static enum status get_nodes(struct snapshot *s, struct arena *a, struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    uint64_t rows = 0;
    if (in->status != ST_OK) return in->status;
    struct fold *f = arena_alloc_zero(a, 1, sizeof *f);
    s->parts = arena_alloc_zero(a, (size_t)(count / 2 + 1), sizeof *s->parts);
    if (f == NULL || s->parts == NULL) return ST_NO_MEMORY;
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        enum cbor_kind kind = CBOR_NULL;
        if (!cbor_peek(in, &kind)) cbor_fail_with(in, ST_TRUNCATED);
        if (f->is_done) cbor_fail(in); /* Something behind the tree. */
        if (in->status != ST_OK) break;
        if (kind == CBOR_UINT) {
            if (!fold_branch(f, cbor_get_uint_max(in, ROW_POSITION_BITS - 1))) cbor_fail(in);
            continue;
        }
        if (s->part_count > count / 2) { /* A tree of n parts has n - 1 branches. */
            cbor_fail(in);
            break;
        }
        struct snapshot_part *p = &s->parts[s->part_count++];
        get_part(p, in);
        rows += p->row_count;
        fold_side(f, p->subtree);
    }
    if (in->status != ST_OK) return in->status;
    const struct checkpoint *c = snapshot_checkpoint(s);
    bool is_right = f->is_done && hash_equal(&f->root, &c->row_root) && rows == c->row_count;
    return is_right ? ST_OK : ST_INVALID;
}

/* --- chunks ----------------------------------------------------------------------------------- */

static enum status get_row(struct snapshot_row *row, struct cbor *in)
{
    row->has_rowid = !cbor_get_null(in);
    row->rowid = row->has_rowid ? cbor_get_int(in) : 0;
    row->entry = cbor_get_bytes(in);
    return in->status;
}

/* Ascending, so that the tree is the one that these rows alone make. */
static enum status get_places(struct row_place *places, uint32_t count, struct cbor *in)
{
    for (uint32_t i = 0; i < count; i++) {
        struct snapshot_row row;
        struct row_change change;
        TRY(get_row(&row, in));
        TRY(row_change_of(&change, row.entry));
        if (change.is_gone) return ST_INVALID;
        places[i] = change.place;
        if (i == 0) continue;
        if (row_position_compare(&places[i - 1].position, &places[i].position) >= 0)
            return ST_INVALID;
    }
    return cbor_end(in);
}

enum status snapshot_chunk_check(struct span chunk,
                                 const struct snapshot_part *part,
                                 struct arena *scratch)
{
    struct cbor in = cbor_of(chunk);
    if (chunk.size != part->size) return ST_INVALID;
    cbor_expect_array(&in, (uint64_t)part->row_count * 2);
    if (in.status != ST_OK) return in.status;
    struct row_place *places = arena_alloc_zero(scratch, part->row_count, sizeof *places);
    if (places == NULL) return ST_NO_MEMORY;
    TRY(get_places(places, part->row_count, &in));
    const struct hash hash = snapshot_tree_hash(places, part->row_count);
    return hash_equal(&hash, &part->subtree) ? ST_OK : ST_INVALID;
}

void snapshot_rows_begin(struct snapshot_rows *r, struct span chunk)
{
    struct cbor in = cbor_of(chunk);
    r->count = (uint32_t)(cbor_get_array(&in) / 2);
    must(in.status == ST_OK); /* It was checked. */
    r->bytes = span_of(in.at, (size_t)(in.end - in.at));
}

bool snapshot_rows_next(struct snapshot_rows *r, struct snapshot_row *row)
{
    if (r->count == 0) return false;
    struct cbor in = cbor_of(r->bytes);
    enum status st = get_row(row, &in);
    must(st == ST_OK); /* It was checked. */
    r->bytes = span_of(in.at, (size_t)(in.end - in.at));
    r->count--;
    return true;
}

/* As deep as a position has bits: each level looks at a later one. */
struct hash snapshot_tree_hash(const struct row_place *places, size_t count)
{
    static const struct hash none = {{0}};
    if (count == 0) return none;
    if (count <= ROW_BUCKET_MAX) return row_bucket_hash(places, (uint32_t)count);
    const uint32_t bit = row_position_differ(&places[0].position, &places[count - 1].position);
    must(bit < ROW_POSITION_BITS);
    size_t low = 1;
    size_t high = count - 1;
    while (low < high) { /* The first with the bit set. */
        const size_t middle = low + (high - low) / 2;
        if (row_position_bit(&places[middle].position, bit))
            high = middle;
        else
            low = middle + 1;
    }
    const struct hash left = snapshot_tree_hash(places, low);
    const struct hash right = snapshot_tree_hash(places + low, count - low);
    return row_branch_hash(bit, &left, &right);
}
