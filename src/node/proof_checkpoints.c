/* proof_checkpoints.c - Proofs of what checkpoints certify: a row, no row, no transaction.
 *
 * A checkpoint can be proved when later blocks show the certificates of the block 8 above it. */
#include <stdlib.h>

#include "base/must.h"
#include "node/proof_maker.h"
#include "node/row_entry.h"
#include "rows/rows.h"

#define VIEWS_MAX 8u /* Kept checkpoints that are tried, the newest first. */

struct row_search {
    const struct chain_tables_source *source;
    const struct proof_row_request *request;
    struct proof_maker *maker;
    struct rows_view *view; /* Of the checkpoint; null: none can be proved. */
};

struct id_list {
    struct hash *items;
    size_t count;
    size_t capacity;
};

static enum status open_checkpoint(struct row_search *s);
static enum status add_place(struct row_search *s, struct buf *entry);
static enum status find_entry(struct row_search *s, const struct row_place *place, struct buf *out);
static enum status read_checkpoint(sqlite3_stmt *rows, struct checkpoint *out);
static enum status add_interval(struct proof_maker *m,
                                const struct checkpoint *c,
                                const struct hash *txid,
                                struct proof_interval *out);

/* --- rows ------------------------------------------------------------------------------------- */

enum status proof_make_row(const struct chain_tables_source *source,
                           const struct proof_row_request *request,
                           struct buf *out)
{
    struct row_search s = {.source = source, .request = request};
    struct proof_row_request newer = *request;
    struct buf entry;
    buf_init(&entry, source->mem, 0);
    enum status st = open_checkpoint(&s);
    if (st == ST_NOT_FOUND) {
        st = proof_make_row_version(source, request, out);
    } else if (st == ST_OK) {
        /* What changed since is a version of its own. */
        newer.look_at = (uint32_t)(request->height - s.maker->proof.of.row.checkpoint.height);
        st = newer.look_at > 0 ? proof_find_row(source, &newer) : ST_NOT_FOUND;
        if (st == ST_OK) {
            st = proof_make_row_version(source, &newer, out);
        } else if (st == ST_NOT_FOUND) {
            st = add_place(&s, &entry);
            if (st == ST_OK) {
                proof_encode(out, &s.maker->proof);
                st = buf_status(out);
            }
        }
    }
    rows_view_close(s.view);
    proof_maker_free(s.maker);
    buf_fini(&entry);
    return st;
}

/* The newest kept checkpoint up to the request's height that can be proved; its block part is made.
 */
static enum status open_checkpoint(struct row_search *s)
{
    struct rows *rows = exec_row_tree(s->source->exec);
    uint64_t height = s->request->height;
    if (rows == NULL) return ST_NOT_FOUND;
    for (uint32_t tries = 0; tries < VIEWS_MAX; tries++) {
        struct rows_view *view = NULL;
        TRY(rows_view_open(&view, rows, height));
        const struct checkpoint c = *rows_view_checkpoint(view);
        enum status st = ST_NOT_FOUND;
        proof_maker_free(s->maker);
        s->maker = NULL;
        if (rows_view_is_checkpoint(view) &&
            c.height + CHECKPOINT_LAG <= chain_tables_height(s->source)) {
            s->maker = proof_maker_new(s->source);
            st = s->maker == NULL ? ST_NO_MEMORY
                                  : proof_maker_block(s->maker, c.height + CHECKPOINT_LAG,
                                                      &s->maker->proof.block);
        }
        if (st == ST_OK) {
            s->view = view;
            s->maker->proof.of.row.checkpoint = c;
            return ST_OK;
        }
        rows_view_close(view);
        if (st != ST_NOT_FOUND || c.height == 0) return st;
        height = c.height - 1;
    }
    return ST_NOT_FOUND;
}

/* The row in the tree, or the bucket that lacks it. */
static enum status add_place(struct row_search *s, struct buf *entry)
{
    struct proof *p = &s->maker->proof;
    struct proof_row *row = &p->of.row;
    struct row_position position;
    const struct row_place *found = NULL;
    TRY(row_position_of(&position, s->request->table->id, s->request->key));
    TRY(rows_view_path(s->view, &position, &s->maker->arena, &row->path));
    if (row_path_check(&row->path, &row->checkpoint.row_root, &position, &found) != ST_OK)
        return ST_CORRUPT;
    if (found == NULL) {
        p->kind = PROOF_NO_ROW;
        row->table_id = s->request->table->id;
        row->key = s->request->key;
        return ST_OK;
    }
    p->kind = PROOF_ROW;
    TRY(find_entry(s, found, entry));
    row->entry = buf_span(entry);
    return ST_OK;
}

/* From the tables, when the row is still the same there, else from the block that wrote it. */
static enum status find_entry(struct row_search *s, const struct row_place *place, struct buf *out)
{
    const struct proof_row_request *request = s->request;
    enum status st = row_entry_read(out, request->connection, request->table, request->key);
    struct hash leaf = merkle_leaf(buf_span(out));
    if (st == ST_OK && hash_equal(&leaf, &place->leaf)) return ST_OK;
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    struct proof_row_request older = *request;
    older.height = s->maker->proof.of.row.checkpoint.height;
    buf_reset(out);
    TRY(proof_find_entry(s->source, &older, out));
    leaf = merkle_leaf(buf_span(out));
    return hash_equal(&leaf, &place->leaf) ? ST_OK : ST_CORRUPT;
}

/* --- transactions that are not there -----------------------------------------------------------
 */

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, HASH_SIZE);
}

static enum status list_add(struct id_list *l, struct arena *a, const struct hash *id)
{
    if (l->count == l->capacity) {
        const size_t capacity = l->capacity == 0 ? 256 : 2 * l->capacity;
        struct hash *items = arena_alloc(a, capacity * sizeof *items);
        if (items == NULL) return ST_NO_MEMORY;
        if (l->count > 0) memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->count++] = *id;
    return ST_OK;
}

/* The ids of an interval's transactions, ascending; a receipt begins with its id. */
static enum status list_ids(struct proof_maker *m, const struct checkpoint *c, struct id_list *out)
{
    *out = (struct id_list){.count = 0};
    for (uint64_t height = c->before + 1; height <= c->height; height++) {
        struct exec_record record;
        buf_reset(&m->bytes);
        TRY(store_read_result(m->source->store, height, &m->bytes, NULL));
        TRY(exec_record_decode(&record, &m->arena, buf_span(&m->bytes)));
        for (uint32_t i = 0; i < record.receipt_count; i++) {
            struct hash id;
            struct cbor in = cbor_of(record.receipts[i]);
            (void)cbor_get_array(&in);
            cbor_get_fixed(&in, id.bytes, HASH_SIZE);
            if (in.status != ST_OK) return ST_CORRUPT;
            TRY(list_add(out, &m->arena, &id));
        }
    }
    if (out->count > 1) qsort(out->items, out->count, sizeof *out->items, compare_ids);
    return ST_OK;
}

static enum status add_interval(struct proof_maker *m,
                                const struct checkpoint *c,
                                const struct hash *txid,
                                struct proof_interval *out)
{
    struct id_list ids;
    *out = (struct proof_interval){.checkpoint = *c};
    TRY(list_ids(m, c, &ids));
    if (ids.count == 0) return ST_OK;
    struct hash *leaves = arena_alloc(&m->arena, ids.count * sizeof *leaves);
    if (leaves == NULL) return ST_NO_MEMORY;
    for (size_t i = 0; i < ids.count; i++)
        leaves[i] = merkle_leaf(hash_span(&ids.items[i]));
    const struct hash *levels = proof_maker_levels(m, leaves, ids.count);
    if (levels == NULL) return ST_NO_MEMORY;
    if (!hash_equal(&levels[merkle_levels_size(ids.count) - 1], &c->txid_root)) return ST_CORRUPT;
    size_t at = 0;
    while (at < ids.count && compare_ids(&ids.items[at], txid) < 0)
        at++;
    if (at < ids.count && hash_equal(&ids.items[at], txid)) return ST_EXISTS;
    if (at > 0) {
        out->left = (struct proof_neighbour){.is_there = true, .txid = ids.items[at - 1]};
        side_path_make(&out->left.path, levels, ids.count, at - 1);
    }
    if (at < ids.count) {
        out->right = (struct proof_neighbour){.is_there = true, .txid = ids.items[at]};
        side_path_make(&out->right.path, levels, ids.count, at);
    }
    return ST_OK;
}

static enum status read_checkpoint(sqlite3_stmt *rows, struct checkpoint *out)
{
    const int code = sqlite3_step(rows);
    if (code != SQLITE_ROW) return code == SQLITE_DONE ? ST_NOT_FOUND : ST_BUSY;
    *out = (struct checkpoint){.height = (uint64_t)sqlite3_column_int64(rows, 0),
                               .before = (uint64_t)sqlite3_column_int64(rows, 1)};
    for (int i = 2; i < 4; i++) {
        if (sqlite3_column_bytes(rows, i) != (int)HASH_SIZE) return ST_CORRUPT;
        struct hash *to = i == 2 ? &out->row_root : &out->txid_root;
        memcpy(to->bytes, sqlite3_column_blob(rows, i), HASH_SIZE);
    }
    return ST_OK;
}

/* Checkpoints downwards from the newest that can be proved (and is needed) to the first height. */
static enum status collect(struct proof_maker *m,
                           const struct proof_no_tx_request *r,
                           sqlite3_stmt *rows)
{
    struct proof_no_tx *n = &m->proof.of.no_tx;
    struct checkpoint c;
    enum status st = ST_NOT_FOUND;
    while (st == ST_NOT_FOUND) {
        TRY(read_checkpoint(rows, &c));
        if (c.height < r->to) return ST_NOT_FOUND;
        st = proof_maker_block(m, c.height + CHECKPOINT_LAG, &m->proof.block);
    }
    TRY(st);
    TRY(add_interval(m, &c, &r->txid, &n->interval));
    while (c.before >= r->from && c.before > 0) {
        if (r->is_cancelled != NULL && atomic_load(r->is_cancelled)) return ST_NOT_FOUND;
        const uint64_t below = c.before;
        if (n->older_count == r->interval_max - 1) return ST_LIMIT;
        st = read_checkpoint(rows, &c);
        if (st == ST_NOT_FOUND) break; /* Before exec_version 3 there was none. */
        TRY(st);
        if (c.height != below) return ST_CORRUPT;
        struct proof_older *older = &n->older[n->older_count++];
        TRY(proof_maker_block(m, c.height + CHECKPOINT_LAG, &older->block));
        TRY(add_interval(m, &c, &r->txid, &older->interval));
    }
    return ST_OK;
}

/* For as many intervals as there can be at most. */
static enum status make_room(struct proof_maker *m, const struct proof_no_tx_request *r)
{
    static const char text[] = "SELECT count(*) FROM \"trustsql.checkpoints\" WHERE height >= ?1";
    sqlite3_stmt *rows = NULL;
    if (sqlite3_prepare_v2(r->connection, text, -1, &rows, NULL) != SQLITE_OK)
        return ST_NOT_FOUND; /* The chain makes no checkpoints yet. */
    uint64_t count = r->interval_max;
    if (sqlite3_bind_int64(rows, 1, (sqlite3_int64)r->from) == SQLITE_OK &&
        sqlite3_step(rows) == SQLITE_ROW && (uint64_t)sqlite3_column_int64(rows, 0) < count)
        count = (uint64_t)sqlite3_column_int64(rows, 0);
    sqlite3_finalize(rows);
    struct proof_no_tx *n = &m->proof.of.no_tx;
    n->older = arena_alloc(&m->arena, (size_t)(count + 1) * sizeof *n->older);
    return n->older == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status proof_make_no_tx(const struct chain_tables_source *source,
                             const struct proof_no_tx_request *request,
                             struct buf *out)
{
    static const char text[] = "SELECT height, before, row_root, txid_root FROM "
                               "\"trustsql.checkpoints\" WHERE height <= ?1 ORDER BY height DESC";
    const uint64_t newest = chain_tables_height(source);
    sqlite3_stmt *rows = NULL;
    must(request->interval_max <= PROOF_INTERVALS_MAX);
    if (newest < CHECKPOINT_LAG) return ST_NOT_FOUND;
    struct proof_maker *m = proof_maker_new(source);
    if (m == NULL) return ST_NO_MEMORY;
    m->proof.kind = PROOF_NO_TX;
    struct proof_no_tx *n = &m->proof.of.no_tx;
    *n = (struct proof_no_tx){.txid = request->txid};
    enum status st = make_room(m, request);
    if (st == ST_OK && sqlite3_prepare_v2(request->connection, text, -1, &rows, NULL) != SQLITE_OK)
        st = ST_NOT_FOUND;
    if (st == ST_OK &&
        sqlite3_bind_int64(rows, 1, (sqlite3_int64)(newest - CHECKPOINT_LAG)) != SQLITE_OK)
        st = ST_NO_MEMORY;
    if (st == ST_OK) st = collect(m, request, rows);
    sqlite3_finalize(rows);
    if (st == ST_OK) {
        proof_encode(out, &m->proof);
        st = buf_status(out);
    }
    proof_maker_free(m);
    return st;
}
