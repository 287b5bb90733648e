/* capture.c - Log of row changes, and its net effect as a sorted Merkle tree.
 *
 * The hook appends to two growing arrays that live as long as the connection: `bytes` holds
 * encodings, `changes` one fixed record a change with offsets into bytes. A change's new state is
 * written as the finished write-set entry, so that its leaf is the hash of one slice and finishing
 * copies nothing but that slice. Net effect: sort by (table id, key, position); of each run of
 * equal keys the old row of the first and the new row of the last decide.
 *
 * Invariants
 * I1  Changes are in the order SQLite made them; marks are positions in that order.
 * I2  bytes_end of the last change is bytes.size: a rollback cuts both arrays at one place.
 * I3  A change refers to its table object, which lives at least until the next capture_begin.
 * I4  has_leaf implies that leaf is the RFC 9162 leaf of the change's entry. */
/* Debian's SQLite has the hook; its header shows it only when asked. */
#define SQLITE_ENABLE_PREUPDATE_HOOK 1

#include "state/capture.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "crypto/merkle.h"
#include "state/db.h"

#define COLUMNS_MAX 4096u /* More than SQLite's own limit. */
#define CHANGES_MIN 256u

struct table {
    char *name;
    uint64_t id;
    uint32_t column_count;
    uint32_t key_count;
    uint32_t *key_columns;
    bool is_live; /* False: removed since capture_begin. */
};

struct change {
    const struct table *table;
    uint32_t entry; /* [table id, key, new row | null], up to old. */
    uint32_t key;
    uint32_t row;
    uint32_t old; /* Old row, up to bytes_end; empty: there was none. */
    uint32_t bytes_end;
    uint32_t origin;
    bool has_new;
    bool has_leaf;
    struct hash leaf;
};

struct item { /* Sort record of a change. */
    uint64_t table_id;
    uint64_t prefix; /* First bytes of the key, big-endian. */
    uint32_t index;
    uint32_t began; /* Of a net change: the first of its key. */
};

struct capture {
    struct mem *mem;
    sqlite3 *writer;
    enum status status;
    struct table **tables; /* Live ones, ascending by name. */
    uint32_t table_count;
    uint32_t table_capacity;
    struct table **dead; /* Removed since capture_begin. */
    uint32_t dead_count;
    uint32_t dead_capacity;
    const struct table *recent; /* Found last; null: none. */
    struct buf bytes;
    struct buf scratch;
    struct change *changes;
    uint32_t change_count;
    uint32_t change_capacity;
    struct item *items; /* Room for two sort arrays of item_capacity. */
    struct hash *leaves;
    uint32_t item_capacity;
    uint32_t origin;
    uint32_t net_count; /* Of capture_finish: they are in items_net until another net effect. */
    const struct item *items_net;
};

/* One side of a changed row. */
struct side {
    int (*get)(sqlite3 *db, int column, sqlite3_value **out);
    sqlite3_int64 rowid;
};

/* What is left of the changes, in order: the last one of each key that ended otherwise than it
 * began. */
struct net {
    const struct item *items;
    uint32_t count;
};

enum tables_of_net { TABLES_LIVE, TABLES_DEAD };

static void on_change(void *context,
                      sqlite3 *db,
                      int operation,
                      char const *database,
                      char const *name,
                      sqlite3_int64 rowid_old,
                      sqlite3_int64 rowid_new);
static enum status log_change(struct capture *c,
                              const struct table *t,
                              int operation,
                              sqlite3_int64 rowid_old,
                              sqlite3_int64 rowid_new);
static enum status put_change(struct capture *c,
                              const struct table *t,
                              const struct side *before,
                              const struct side *after);
static enum status put_key(struct capture *c,
                           struct buf *out,
                           const struct table *t,
                           const struct side *side);
static enum status put_row(struct capture *c,
                           struct buf *out,
                           const struct table *t,
                           const struct side *side);
static void put_value(struct buf *out, sqlite3_value *value);
static struct change *change_push(struct capture *c);
static const struct table *table_find(struct capture *c, const char *name);
static bool table_search(const struct capture *c, const char *name, uint32_t *at);
static struct table *table_new(struct mem *mem, const struct capture_table *in);
static enum status table_shape(struct mem *mem, struct table *t, const struct capture_table *in);
static void table_free(struct mem *mem, struct table *t);
static bool tables_reserve(struct capture *c);
static struct table *dead_take(struct capture *c, const struct capture_table *in);
static bool items_reserve(struct capture *c, uint32_t count);
static bool item_less(const struct capture *c, const struct item *a, const struct item *b);
static struct item *items_sort(const struct capture *c, struct item *items, uint32_t count);
static void items_merge(const struct capture *c,
                        const struct item *from,
                        struct item *to,
                        uint32_t count,
                        uint32_t width);
static enum status net_effect(struct capture *c,
                              uint32_t from,
                              enum tables_of_net which,
                              struct net *net);
static bool is_unchanged(const struct capture *c, const struct change *a, const struct change *z);
static struct hash net_root(struct capture *c, const struct net *net);

static struct span key_of(const struct capture *c, const struct change *change)
{
    return span_of(c->bytes.data + change->key, change->row - change->key);
}

static struct span entry_of(const struct capture *c, const struct change *change)
{
    return span_of(c->bytes.data + change->entry, change->old - change->entry);
}

enum status capture_new(struct capture **out, struct mem *mem, sqlite3 *writer)
{
    struct capture *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    c->writer = writer;
    buf_init(&c->bytes, mem, CAPTURE_BYTES_MAX);
    buf_init(&c->scratch, mem, 0);
    void *other = sqlite3_preupdate_hook(writer, on_change, c);
    must(other == NULL);
    *out = c;
    return ST_OK;
}

void capture_free(struct capture *c)
{
    if (c == NULL) return;
    (void)sqlite3_preupdate_hook(c->writer, NULL, NULL);
    for (uint32_t i = 0; i < c->table_count; i++)
        table_free(c->mem, c->tables[i]);
    for (uint32_t i = 0; i < c->dead_count; i++)
        table_free(c->mem, c->dead[i]);
    mem_free(c->mem, c->tables);
    mem_free(c->mem, c->dead);
    mem_free(c->mem, c->changes);
    mem_free(c->mem, c->items);
    mem_free(c->mem, c->leaves);
    buf_fini(&c->bytes);
    buf_fini(&c->scratch);
    mem_free(c->mem, c);
}

enum status capture_table_add(struct capture *c, const struct capture_table *table)
{
    if (c == NULL) return ST_OK;
    must(table->column_count <= COLUMNS_MAX);
    must(table->key_count <= table->column_count);
    uint32_t at;
    if (table_search(c, table->name, &at)) {
        if (c->tables[at]->id == table->id) return table_shape(c->mem, c->tables[at], table);
        capture_table_remove(c, table->name);
    }
    if (!tables_reserve(c)) return ST_NO_MEMORY;
    struct table *t = dead_take(c, table);
    if (t == NULL) t = table_new(c->mem, table);
    if (t == NULL) return ST_NO_MEMORY;
    bool is_known = table_search(c, table->name, &at);
    must(!is_known);
    memmove(c->tables + at + 1, c->tables + at, (c->table_count - at) * sizeof(struct table *));
    c->tables[at] = t;
    c->table_count++;
    t->is_live = true;
    return table_shape(c->mem, t, table);
}

void capture_table_remove(struct capture *c, const char *name)
{
    if (c == NULL) return;
    uint32_t at;
    if (!table_search(c, name, &at)) return;
    struct table *t = c->tables[at];
    c->table_count--;
    memmove(c->tables + at, c->tables + at + 1, (c->table_count - at) * sizeof(struct table *));
    c->recent = NULL;
    t->is_live = false;
    must(c->dead_count < c->dead_capacity); /* tables_reserve made room for each. */
    c->dead[c->dead_count++] = t;           /* I3 */
}

enum status capture_table_rename(struct capture *c, const char *from, const char *to)
{
    uint32_t at;
    const bool is_known = table_search(c, from, &at);
    must(is_known);
    struct table *t = c->tables[at];
    char *name = mem_alloc(c->mem, strlen(to) + 1);
    if (name == NULL) return ST_NO_MEMORY;
    memcpy(name, to, strlen(to) + 1);
    mem_free(c->mem, t->name);
    t->name = name;
    c->recent = NULL;
    c->table_count--;
    memmove(c->tables + at, c->tables + at + 1, (c->table_count - at) * sizeof(struct table *));
    const bool is_taken = table_search(c, to, &at);
    must(!is_taken);
    memmove(c->tables + at + 1, c->tables + at, (c->table_count - at) * sizeof(struct table *));
    c->tables[at] = t;
    c->table_count++;
    return ST_OK;
}

void capture_begin(struct capture *c)
{
    for (uint32_t i = 0; i < c->dead_count; i++)
        table_free(c->mem, c->dead[i]);
    c->dead_count = 0;
    c->change_count = 0;
    c->status = ST_OK;
    c->origin = CAPTURE_NOBODY;
    buf_reset(&c->bytes);
    buf_reset(&c->scratch);
}

void capture_origin(struct capture *c, uint32_t origin)
{
    must(origin <= CAPTURE_NOBODY);
    c->origin = origin;
}

uint64_t capture_mark(const struct capture *c)
{
    if (c == NULL) return 0;
    return c->change_count;
}

void capture_rollback(struct capture *c, uint64_t mark)
{
    if (c == NULL) return;
    must(mark <= c->change_count); /* I1 */
    c->change_count = (uint32_t)mark;
    size_t size = mark == 0 ? 0 : c->changes[mark - 1].bytes_end;
    must(size <= c->bytes.size); /* I2 */
    c->bytes.size = size;
    if (c->status != ST_LIMIT) return;
    c->status = ST_OK;
    c->bytes.status = ST_OK;
}

enum status capture_root(struct capture *c, uint64_t mark, struct hash *root)
{
    must(mark <= c->change_count);
    TRY(c->status);
    struct net net;
    TRY(net_effect(c, (uint32_t)mark, TABLES_LIVE, &net));
    *root = net_root(c, &net);
    return ST_OK;
}

enum status capture_finish(struct capture *c,
                           struct hash *root,
                           uint32_t *entry_count,
                           struct buf *out)
{
    TRY(c->status);
    struct net net;
    TRY(net_effect(c, 0, TABLES_LIVE, &net));
    if (out != NULL) {
        cbor_put_array(out, net.count);
        for (uint32_t i = 0; i < net.count; i++)
            buf_put(out, entry_of(c, &c->changes[net.items[i].index]));
        TRY(buf_status(out));
    }
    *entry_count = net.count;
    *root = net_root(c, &net);
    c->items_net = net.items;
    c->net_count = net.count;
    return ST_OK;
}

/* The row before the block of a net change; empty: there was none. */
static struct span old_of(const struct capture *c, const struct item *item)
{
    const struct change *began = &c->changes[item->began];
    return span_of(c->bytes.data + began->old, began->bytes_end - began->old);
}

static bool is_end(const struct capture *c, const struct item *item)
{
    const struct change *change = &c->changes[item->index];
    const bool stays = change->has_new && change->table->is_live;
    return !stays && old_of(c, item).size > 0;
}

static uint32_t count_ends(const struct capture *c, const struct net *net)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < net->count; i++)
        count += is_end(c, &net->items[i]);
    return count;
}

static void put_origin(const struct capture *c, struct buf *out, const struct item *item)
{
    const uint32_t was_there = old_of(c, item).size > 0;
    buf_put_u32_le(out, c->changes[item->index].origin << 1 | was_there);
}

static void put_ends(const struct capture *c,
                     struct buf *gone,
                     struct buf *origins,
                     const struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        const struct item *item = &net->items[i];
        const struct change *change = &c->changes[item->index];
        if (!is_end(c, item)) continue;
        buf_put(gone, span_of(c->bytes.data + change->entry, change->row - change->entry));
        buf_put(gone, old_of(c, item));
        put_origin(c, origins, item);
    }
}

enum status capture_aside(struct capture *c, struct buf *gone, struct buf *origins)
{
    TRY(c->status);
    const struct net live = {c->items_net, c->net_count};
    struct net dead = {NULL, 0};
    struct buf ends;
    uint32_t end_count = count_ends(c, &live);
    for (uint32_t i = 0; i < live.count; i++)
        put_origin(c, origins, &live.items[i]);
    buf_init(&ends, c->mem, 0);
    put_ends(c, &ends, origins, &live);
    c->net_count = 0;
    enum status st = c->dead_count > 0 ? net_effect(c, 0, TABLES_DEAD, &dead) : ST_OK;
    end_count += count_ends(c, &dead);
    put_ends(c, &ends, origins, &dead);
    if (end_count > 0) {
        cbor_put_array(gone, end_count);
        buf_put(gone, buf_span(&ends));
    }
    if (st == ST_OK) st = buf_status(&ends);
    buf_fini(&ends);
    TRY(st);
    TRY(buf_status(gone));
    return buf_status(origins);
}

enum status capture_status(const struct capture *c)
{
    if (c == NULL) return ST_OK;
    return c->status;
}

/* SQLite gives its callback seven arguments. */
/* NOLINTNEXTLINE(readability-function-size) */
static void on_change(void *context,
                      sqlite3 *db,
                      int operation,
                      char const *database,
                      char const *name,
                      sqlite3_int64 rowid_old,
                      sqlite3_int64 rowid_new)
{
    struct capture *c = context;
    must(db == c->writer);
    if (c->status != ST_OK) return;
    const struct table *t = strcmp(database, "main") == 0 ? table_find(c, name) : NULL;
    if (t == NULL) {
        /* The height of the page store is written beside the chain's rows, and digested apart. */
        if (strcmp(name, DB_APPLIED_TABLE) != 0) c->status = ST_CORRUPT;
        return;
    }
    if (sqlite3_preupdate_count(db) != (int)t->column_count) {
        c->status = ST_CORRUPT;
        return;
    }
    uint32_t count = c->change_count;
    enum status st = log_change(c, t, operation, rowid_old, rowid_new);
    if (st == ST_OK) st = buf_status(&c->bytes);
    if (st == ST_OK) st = buf_status(&c->scratch);
    if (st == ST_OK) return;
    capture_rollback(c, count); /* Half a change is none. */
    c->status = st;
}

static enum status log_change(struct capture *c,
                              const struct table *t,
                              int operation,
                              sqlite3_int64 rowid_old,
                              sqlite3_int64 rowid_new)
{
    const struct side before = {.get = sqlite3_preupdate_old, .rowid = rowid_old};
    const struct side after = {.get = sqlite3_preupdate_new, .rowid = rowid_new};
    if (operation == SQLITE_INSERT) return put_change(c, t, NULL, &after);
    if (operation == SQLITE_DELETE) return put_change(c, t, &before, NULL);
    must(operation == SQLITE_UPDATE);
    buf_reset(&c->scratch);
    TRY(put_key(c, &c->scratch, t, &before));
    size_t size = c->scratch.size;
    TRY(put_key(c, &c->scratch, t, &after));
    TRY(buf_status(&c->scratch));
    struct span old_key = span_of(c->scratch.data, size);
    struct span new_key = span_of(c->scratch.data + size, c->scratch.size - size);
    if (span_equal(old_key, new_key)) return put_change(c, t, &before, &after);
    TRY(put_change(c, t, &before, NULL));
    return put_change(c, t, NULL, &after);
}

/* before null: the row is new under its key; after null: it is gone. */
static enum status put_change(struct capture *c,
                              const struct table *t,
                              const struct side *before,
                              const struct side *after)
{
    must(before != NULL || after != NULL);
    struct change *change = change_push(c);
    if (change == NULL) return c->change_count < CAPTURE_CHANGES_MAX ? ST_NO_MEMORY : ST_LIMIT;
    struct buf *out = &c->bytes;
    change->table = t;
    change->entry = (uint32_t)out->size;
    cbor_put_array(out, 3);
    cbor_put_uint(out, t->id);
    change->key = (uint32_t)out->size;
    TRY(put_key(c, out, t, after != NULL ? after : before));
    change->row = (uint32_t)out->size;
    change->has_new = after != NULL;
    if (after != NULL)
        TRY(put_row(c, out, t, after));
    else
        cbor_put_null(out);
    change->old = (uint32_t)out->size;
    if (before != NULL) TRY(put_row(c, out, t, before));
    change->bytes_end = (uint32_t)out->size; /* I2 */
    return ST_OK;
}

static enum status put_key(struct capture *c,
                           struct buf *out,
                           const struct table *t,
                           const struct side *side)
{
    if (t->key_count == 0) {
        cbor_put_array(out, 1);
        cbor_put_int(out, side->rowid);
        return ST_OK;
    }
    cbor_put_array(out, t->key_count);
    for (uint32_t i = 0; i < t->key_count; i++) {
        sqlite3_value *value = NULL;
        int rc = side->get(c->writer, (int)t->key_columns[i], &value);
        if (rc != SQLITE_OK || value == NULL) return ST_NO_MEMORY;
        put_value(out, value);
    }
    return ST_OK;
}

static enum status put_row(struct capture *c,
                           struct buf *out,
                           const struct table *t,
                           const struct side *side)
{
    cbor_put_array(out, t->column_count);
    for (uint32_t i = 0; i < t->column_count; i++) {
        sqlite3_value *value = NULL;
        int rc = side->get(c->writer, (int)i, &value);
        if (rc != SQLITE_OK || value == NULL) return ST_NO_MEMORY;
        put_value(out, value);
    }
    return ST_OK;
}

/* sqlite3_value_blob gives text without the copy that a terminating zero would cost. Text that is
 * not UTF-8 cannot be a CBOR text; it becomes bytes, so that no statement can stop the node. */
static void put_value(struct buf *out, sqlite3_value *value)
{
    int type = sqlite3_value_type(value);
    if (type == SQLITE_INTEGER) {
        cbor_put_int(out, sqlite3_value_int64(value));
    } else if (type == SQLITE_NULL) {
        cbor_put_null(out);
    } else if (type == SQLITE_FLOAT) {
        cbor_put_float(out, sqlite3_value_double(value));
    } else {
        const void *data = sqlite3_value_blob(value);
        struct span bytes = span_of(data, (size_t)sqlite3_value_bytes(value));
        if (type == SQLITE_TEXT && utf8_valid(bytes))
            cbor_put_text(out, bytes);
        else
            cbor_put_bytes(out, bytes);
    }
}

static struct change *change_push(struct capture *c)
{
    if (c->change_count == c->change_capacity) {
        if (c->change_count == CAPTURE_CHANGES_MAX) return NULL;
        uint32_t capacity = c->change_capacity == 0 ? CHANGES_MIN : 2 * c->change_capacity;
        struct change *changes = mem_resize(c->mem, c->changes, capacity * sizeof *changes);
        if (changes == NULL) return NULL;
        c->changes = changes;
        c->change_capacity = capacity;
    }
    struct change *change = &c->changes[c->change_count++];
    change->has_leaf = false;
    change->origin = c->origin;
    change->bytes_end = (uint32_t)c->bytes.size;
    return change;
}

static const struct table *table_find(struct capture *c, const char *name)
{
    if (c->recent != NULL && strcmp(c->recent->name, name) == 0) return c->recent;
    uint32_t at;
    if (!table_search(c, name, &at)) return NULL;
    c->recent = c->tables[at];
    must(c->recent->is_live);
    return c->recent;
}

/* at: where the name is, or belongs. */
static bool table_search(const struct capture *c, const char *name, uint32_t *at)
{
    uint32_t low = 0;
    uint32_t high = c->table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(c->tables[middle]->name, name);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

static struct table *table_new(struct mem *mem, const struct capture_table *in)
{
    struct table *t = mem_alloc_zero(mem, 1, sizeof *t);
    if (t == NULL) return NULL;
    size_t name_size = strlen(in->name) + 1;
    t->id = in->id;
    t->name = mem_alloc(mem, name_size);
    if (t->name == NULL) {
        mem_free(mem, t);
        return NULL;
    }
    memcpy(t->name, in->name, name_size);
    return t;
}

/* Columns and key as given. The object stays, and with it what is logged for it. */
static enum status table_shape(struct mem *mem, struct table *t, const struct capture_table *in)
{
    if (in->key_count > 0) {
        uint32_t *keys = mem_resize(mem, t->key_columns, in->key_count * sizeof *keys);
        if (keys == NULL) return ST_NO_MEMORY;
        memcpy(keys, in->key_columns, in->key_count * sizeof *keys);
        t->key_columns = keys;
    }
    t->column_count = in->column_count;
    t->key_count = in->key_count;
    return ST_OK;
}

static void table_free(struct mem *mem, struct table *t)
{
    mem_free(mem, t->name);
    mem_free(mem, t->key_columns);
    mem_free(mem, t);
}

/* Room for one more live table, and for all of them among the dead: removal cannot fail. */
static bool tables_reserve(struct capture *c)
{
    if (c->table_count == c->table_capacity) {
        uint32_t capacity = c->table_capacity == 0 ? 16 : 2 * c->table_capacity;
        struct table **tables = mem_resize(c->mem, c->tables, capacity * sizeof(struct table *));
        if (tables == NULL) return false;
        c->tables = tables;
        c->table_capacity = capacity;
    }
    uint32_t dead_need = c->dead_count + c->table_count + 1;
    if (dead_need <= c->dead_capacity) return true;
    uint32_t capacity = 2 * dead_need;
    struct table **dead = mem_resize(c->mem, c->dead, capacity * sizeof(struct table *));
    if (dead == NULL) return false;
    c->dead = dead;
    c->dead_capacity = capacity;
    return true;
}

static struct table *dead_take(struct capture *c, const struct capture_table *in)
{
    for (uint32_t i = 0; i < c->dead_count; i++) {
        struct table *t = c->dead[i];
        if (t->id != in->id || strcmp(t->name, in->name) != 0) continue;
        c->dead[i] = c->dead[--c->dead_count];
        return t;
    }
    return NULL;
}

/* The net effect of changes[from…]. */
static enum status net_effect(struct capture *c,
                              uint32_t from,
                              enum tables_of_net which,
                              struct net *net)
{
    must(from <= c->change_count);
    uint32_t count = c->change_count - from;
    if (!items_reserve(c, count)) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct change *change = &c->changes[from + i];
        struct span key = key_of(c, change);
        uint64_t prefix = 0;
        for (size_t k = 0; k < 8; k++)
            prefix = prefix << 8 | (k < key.size ? key.data[k] : 0u);
        c->items[i] = (struct item){change->table->id, prefix, from + i, 0};
    }
    struct item *items = items_sort(c, c->items, count);
    uint32_t kept = 0;
    uint32_t first = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct change *change = &c->changes[items[i].index];
        bool is_last = i + 1 == count || items[i + 1].table_id != items[i].table_id ||
                       !span_equal(key_of(c, &c->changes[items[i + 1].index]), key_of(c, change));
        if (!is_last) continue;
        const uint32_t first_index = items[first].index;
        const struct change *began = &c->changes[first_index];
        first = i + 1;
        if (change->table->is_live != (which == TABLES_LIVE)) continue;
        if (is_unchanged(c, began, change)) continue;
        items[kept] = items[i];
        items[kept++].began = first_index;
    }
    must(kept <= count);
    *net = (struct net){items, kept};
    return ST_OK;
}

/* The row was before a what it is after z. */
static bool is_unchanged(const struct capture *c, const struct change *a, const struct change *z)
{
    struct span old = span_of(c->bytes.data + a->old, a->bytes_end - a->old);
    if (!z->has_new) return old.size == 0;
    return span_equal(old, span_of(c->bytes.data + z->row, z->old - z->row));
}

static struct hash net_root(struct capture *c, const struct net *net)
{
    if (net->count == 0) return (struct hash){{0}};
    for (uint32_t i = 0; i < net->count; i++) {
        struct change *change = &c->changes[net->items[i].index];
        if (!change->has_leaf) change->leaf = merkle_leaf(entry_of(c, change));
        change->has_leaf = true; /* I4 */
        c->leaves[i] = change->leaf;
    }
    return merkle_root(c->leaves, net->count);
}

static bool items_reserve(struct capture *c, uint32_t count)
{
    if (count <= c->item_capacity) return true;
    uint32_t capacity = c->item_capacity == 0 ? CHANGES_MIN : c->item_capacity;
    while (capacity < count)
        capacity *= 2;
    struct item *items = mem_resize(c->mem, c->items, 2 * (size_t)capacity * sizeof *items);
    if (items == NULL) return false;
    c->items = items;
    struct hash *leaves = mem_resize(c->mem, c->leaves, capacity * sizeof *leaves);
    if (leaves == NULL) return false;
    c->leaves = leaves;
    c->item_capacity = capacity;
    return true;
}

/* Total order: no two items have the same index. */
static bool item_less(const struct capture *c, const struct item *a, const struct item *b)
{
    if (a->table_id != b->table_id) return a->table_id < b->table_id;
    if (a->prefix != b->prefix) return a->prefix < b->prefix;
    int order = span_compare(key_of(c, &c->changes[a->index]), key_of(c, &c->changes[b->index]));
    if (order != 0) return order < 0;
    must(a->index != b->index);
    return a->index < b->index;
}

/* Bottom-up merge sort between the two halves of items; the sorted half. Keys often come in order,
 * so that case costs one pass. */
static struct item *items_sort(const struct capture *c, struct item *items, uint32_t count)
{
    uint32_t sorted = 1;
    while (sorted < count && item_less(c, &items[sorted - 1], &items[sorted]))
        sorted++;
    if (sorted >= count) return items;
    struct item *from = items;
    struct item *to = items + c->item_capacity;
    for (uint32_t width = 1; width < count; width *= 2) {
        items_merge(c, from, to, count, width);
        struct item *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

static void items_merge(const struct capture *c,
                        const struct item *from,
                        struct item *to,
                        uint32_t count,
                        uint32_t width)
{
    for (uint32_t low = 0; low < count; low += 2 * width) {
        uint32_t middle = count - low < width ? count : low + width;
        uint32_t high = count - low < 2 * width ? count : low + 2 * width;
        uint32_t a = low;
        uint32_t b = middle;
        for (uint32_t i = low; i < high; i++) {
            bool is_left = b == high || (a < middle && !item_less(c, &from[b], &from[a]));
            to[i] = is_left ? from[a++] : from[b++];
        }
    }
}
