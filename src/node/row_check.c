/* row_check.c - Three passes over one state: how many rows each table has, each row of the tree,
 * and what changed above the tree's height.
 *
 * Every step looks at one height of the state and one of the tree, and may look at others than the
 * step before. */
#include "node/row_check.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "node/row_entry.h"
#include "rows/delta.h"
#include "rows/rows.h"

#define VIEWS_TRIED 8u
#define ABOVE_MAX   4096u /* Blocks between tree and state whose results are read. */
#define KEY_SHOWN   48u
#define START_STEP  4096u

enum pass { PASS_COUNTS, PASS_ROWS, PASS_ABOVE, PASS_DONE };

struct row_check {
    struct row_check_config config;
    enum pass pass;
    uint32_t next_table;
    struct row_position next_row;
    size_t next_change;
    uint64_t compared;

    sqlite3 *reader;
    struct rows_view *view;
    uint64_t tree_height;
    uint64_t state_height; /* Above tree_height: above has what changed. */
    struct delta above;
    uint64_t above_from; /* Of which heights above is; both 0: of none. */
    uint64_t above_to;

    struct sql_catalog *catalog;
    struct row_reader rows;
    struct buf entry;
    struct arena arena;

    uint32_t left; /* Of a walk. */
    struct row_find *find;
};

static enum status begin_step(struct row_check *c);
static enum status open_view(struct row_check *c);
static bool is_certified(struct row_check *c, const struct rows_view *view);
static enum status choose_height(struct row_check *c);
static enum status read_above(struct row_check *c);
static enum status load_catalog(struct row_check *c);
static void end_step(struct row_check *c);
static enum status check_table(struct row_check *c);
static enum status check_walk(struct row_check *c, uint32_t rows);
static enum status on_row(void *context, const struct rows_row *row);
static enum status check_above(struct row_check *c, uint32_t rows);
static enum status check_row(struct row_check *c,
                             const struct row_position *position,
                             struct span key,
                             const struct hash *leaf);
static enum status find_stranger(struct row_check *c, const struct catalog_table *table);
static enum status is_expected(struct row_check *c,
                               const struct row_position *position,
                               struct hash *leaf);
static enum status tell(struct row_check *c,
                        const struct catalog_table *table,
                        struct span key,
                        const char *what);

enum status row_check_new(struct row_check **out, const struct row_check_config *config)
{
    struct row_check *c = mem_alloc_zero(config->mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->config = *config;
    delta_init(&c->above, config->mem);
    buf_init(&c->entry, config->mem, 0);
    arena_init(&c->arena, config->mem, 0);
    enum status st = db_reader_open(exec_db(config->exec), &c->reader);
    if (st != ST_OK) {
        row_check_free(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

void row_check_free(struct row_check *c)
{
    if (c == NULL) return;
    end_step(c);
    if (c->reader != NULL) db_reader_close(exec_db(c->config.exec), c->reader);
    sql_catalog_unref(c->catalog);
    delta_fini(&c->above);
    buf_fini(&c->entry);
    arena_fini(&c->arena);
    mem_free(c->config.mem, c);
}

enum status row_check_start(const struct row_check_config *config,
                            uint64_t rows,
                            struct row_find *find)
{
    struct row_check *check = NULL;
    if (rows == 0) return ST_OK;
    TRY(row_check_new(&check, config));
    enum status st = ST_OK;
    while (st == ST_OK && check->compared < rows)
        st = row_check_step(check, START_STEP, find);
    row_check_free(check);
    return st == ST_CORRUPT || st == ST_NO_MEMORY ? st : ST_OK;
}

uint64_t row_check_count(const struct row_check *c)
{
    return c->compared;
}

enum status row_check_step(struct row_check *c, uint32_t rows, struct row_find *find)
{
    *find = (struct row_find){0};
    c->find = find;
    if (c->pass == PASS_DONE) return ST_NOT_FOUND;
    enum status st = begin_step(c);
    if (st == ST_OK) {
        switch (c->pass) {
        case PASS_COUNTS: st = check_table(c); break;
        case PASS_ROWS: st = check_walk(c, rows); break;
        case PASS_ABOVE: st = check_above(c, rows); break;
        case PASS_DONE: break;
        }
    }
    if (find->place[0] != 0) find->height = c->state_height;
    end_step(c);
    return st;
}

/* --- a step ---------------------------------------------------------------------------------- */

static enum status begin_step(struct row_check *c)
{
    TRY(open_view(c));
    TRY(choose_height(c));
    return load_catalog(c);
}

static void end_step(struct row_check *c)
{
    row_reader_fini(&c->rows);
    row_reader_init(&c->rows, c->reader);
    rows_view_close(c->view);
    c->view = NULL;
    arena_reset(&c->arena);
}

/* The newest checkpoint that is certified. */
static enum status open_view(struct row_check *c)
{
    struct rows *rows = exec_row_tree(c->config.exec);
    uint64_t height = UINT64_MAX;
    if (rows == NULL) return ST_NOT_FOUND;
    for (uint32_t tries = 0; tries < VIEWS_TRIED; tries++) {
        TRY(rows_view_open(&c->view, rows, height));
        height = rows_view_checkpoint(c->view)->height;
        if (is_certified(c, c->view)) {
            c->tree_height = height;
            return ST_OK;
        }
        rows_view_close(c->view);
        c->view = NULL;
        if (height == 0) return ST_NOT_FOUND;
        height--;
    }
    return ST_NOT_FOUND;
}

/* What cannot be read says nothing: an older one will do. */
static bool is_certified(struct row_check *c, const struct rows_view *view)
{
    const struct checkpoint *k = rows_view_checkpoint(view);
    struct exec_record record;
    if (!rows_view_is_checkpoint(view)) return false;
    if (k->height + CHECKPOINT_LAG > db_height(exec_db(c->config.exec))) return false;
    buf_reset(&c->entry);
    if (store_read_result(c->config.store, k->height + CHECKPOINT_LAG, &c->entry, NULL) != ST_OK ||
        exec_record_decode(&record, &c->arena, buf_span(&c->entry)) != ST_OK)
        return false;
    const struct hash hash = checkpoint_hash(k);
    return hash_equal(&hash, &record.result.checkpoint);
}

static enum status choose_height(struct row_check *c)
{
    struct db *db = exec_db(c->config.exec);
    c->state_height = c->tree_height;
    enum status st = db_view(db, c->reader, c->tree_height);
    if (st != ST_NOT_FOUND) return st;
    c->state_height = db_height(db);
    if (c->state_height < c->tree_height || c->state_height - c->tree_height > ABOVE_MAX)
        return ST_BUSY;
    st = db_view(db, c->reader, c->state_height);
    if (st == ST_NOT_FOUND) return ST_BUSY;
    TRY(st);
    if (c->above_from == c->tree_height && c->above_to == c->state_height) return ST_OK;
    if (c->pass == PASS_ABOVE) c->next_change = 0;
    return read_above(c);
}

static enum status read_above(struct row_check *c)
{
    struct exec_record record;
    c->above_from = 0;
    c->above_to = 0;
    delta_clear(&c->above);
    for (uint64_t h = c->tree_height + 1; h <= c->state_height; h++) {
        buf_reset(&c->entry);
        enum status st = store_read_result(c->config.store, h, &c->entry, NULL);
        if (st == ST_OK) st = exec_record_decode(&record, &c->arena, buf_span(&c->entry));
        if (st == ST_OK) st = delta_add(&c->above, record.rows.write_set);
        if (st == ST_NO_MEMORY) return st;
        if (st != ST_OK) return ST_BUSY; /* Not there yet, or damaged: others look after it. */
        arena_reset(&c->arena);
    }
    TRY(delta_sort(&c->above));
    c->above_from = c->tree_height;
    c->above_to = c->state_height;
    return ST_OK;
}

static enum status load_catalog(struct row_check *c)
{
    uint64_t version = 0;
    enum status st = sql_catalog_version_read(c->reader, &version);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_BUSY;
    if (c->catalog != NULL && sql_catalog_version(c->catalog) == version) return ST_OK;
    sql_catalog_unref(c->catalog);
    c->catalog = NULL;
    st = sql_catalog_load(&c->catalog, c->config.mem, c->reader);
    if (st == ST_CORRUPT) return tell(c, NULL, (struct span){0}, "the catalog cannot be read");
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_BUSY;
}

static bool has_above(const struct row_check *c)
{
    return c->state_height > c->tree_height;
}

/* --- how many rows --------------------------------------------------------------------------- */

static enum status count_rows(struct row_check *c,
                              const struct catalog_table *table,
                              uint64_t *count)
{
    sqlite3_stmt *s = NULL;
    struct buf text;
    buf_init(&text, c->config.mem, 0);
    buf_put_text(&text, "SELECT count(*) FROM \"");
    for (size_t i = 0; i < table->sqlite_name.size; i++) {
        if (table->sqlite_name.data[i] == '"') buf_put_u8(&text, '"');
        buf_put_u8(&text, table->sqlite_name.data[i]);
    }
    buf_put_text(&text, "\"");
    buf_put_u8(&text, 0);
    enum status st = buf_status(&text);
    int code = SQLITE_OK;
    if (st == ST_OK) code = sqlite3_prepare_v2(c->reader, (const char *)text.data, -1, &s, NULL);
    if (st == ST_OK && code == SQLITE_OK) code = sqlite3_step(s);
    if (code == SQLITE_ROW) *count = (uint64_t)sqlite3_column_int64(s, 0);
    if (st == ST_OK && code != SQLITE_ROW) {
        st = code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_BUSY;
        if (code == SQLITE_ERROR || code == SQLITE_CORRUPT) st = ST_CORRUPT;
    }
    sqlite3_finalize(s);
    buf_fini(&text);
    return st;
}

/* Rows that came and went above the tree's height. */
static enum status add_above(struct row_check *c, uint64_t table, uint64_t *count)
{
    size_t change_count = 0;
    const struct delta_order *orders = delta_orders(&c->above, &change_count);
    for (size_t i = 0; i < change_count && has_above(c); i++) {
        const struct row_position *p = &orders[i].position;
        struct row_path path;
        const struct row_place *place = NULL;
        if (row_position_table(p) != table) continue;
        if (i + 1 < change_count && row_position_compare(p, &orders[i + 1].position) == 0) continue;
        const struct delta_change *change = delta_find(&c->above, p);
        TRY(rows_view_path(c->view, p, &c->arena, &path));
        for (uint32_t k = 0; k < path.place_count; k++)
            if (row_position_compare(&path.places[k].position, p) == 0) place = &path.places[k];
        if (!change->is_gone && place == NULL) *count += 1;
        if (change->is_gone && place != NULL) *count -= 1;
    }
    return ST_OK;
}

/* A table that changed its columns or went since the tree's height is the next round's. */
static enum status check_table(struct row_check *c)
{
    uint64_t expected = 0;
    uint64_t found = 0;
    if (c->next_table == sql_catalog_table_count(c->catalog)) {
        c->pass = PASS_ROWS;
        return ST_OK;
    }
    const struct catalog_table *table = sql_catalog_table_at(c->catalog, c->next_table++);
    if (table->is_virtual) return ST_OK;
    enum status st = rows_view_count(c->view, table->id, &expected);
    if (st == ST_OK) st = add_above(c, table->id, &expected);
    if (st == ST_CORRUPT) return ST_UNSUPPORTED;
    TRY(st);
    st = count_rows(c, table, &found);
    if (st == ST_CORRUPT) return tell(c, table, (struct span){0}, "the table is missing");
    TRY(st);
    if (found <= expected) return ST_OK; /* The walk names what is missing. */
    return find_stranger(c, table);
}

/* A row that nobody wrote. */
static enum status find_stranger(struct row_check *c, const struct catalog_table *table)
{
    sqlite3_stmt *keys = NULL;
    struct row_position position;
    struct hash leaf;
    enum status st = row_keys_begin(&keys, c->config.mem, c->reader, table);
    if (st == ST_UNSUPPORTED) st = ST_NOT_FOUND;
    while (st == ST_OK) {
        buf_reset(&c->entry);
        arena_reset(&c->arena);
        st = row_keys_next(&c->entry, keys, table);
        if (st == ST_OK) st = row_position_of(&position, table->id, buf_span(&c->entry));
        if (st != ST_OK) break;
        st = is_expected(c, &position, &leaf);
        if (st == ST_NOT_FOUND) {
            st = tell(c, table, buf_span(&c->entry), "a row that no transaction wrote");
            break;
        }
    }
    sqlite3_finalize(keys);
    return st == ST_NOT_FOUND ? ST_BUSY : st; /* None after all: they went meanwhile. */
}

static enum status is_expected(struct row_check *c,
                               const struct row_position *position,
                               struct hash *leaf)
{
    struct row_path path;
    const struct delta_change *change = has_above(c) ? delta_find(&c->above, position) : NULL;
    if (change != NULL) {
        *leaf = change->place.leaf;
        return change->is_gone ? ST_NOT_FOUND : ST_OK;
    }
    enum status st = rows_view_path(c->view, position, &c->arena, &path);
    if (st == ST_CORRUPT) return ST_UNSUPPORTED;
    TRY(st);
    for (uint32_t i = 0; i < path.place_count; i++) {
        if (row_position_compare(&path.places[i].position, position) != 0) continue;
        *leaf = path.places[i].leaf;
        return ST_OK;
    }
    return ST_NOT_FOUND;
}

/* --- rows ------------------------------------------------------------------------------------ */

static enum status check_walk(struct row_check *c, uint32_t rows)
{
    struct rows_walk walk = {.from = c->next_row, .visit = on_row, .context = c};
    memset(walk.below.bytes, UINT8_MAX, sizeof walk.below.bytes);
    c->left = rows;
    enum status st = rows_view_walk_checked(c->view, &walk);
    if (st == ST_LIMIT) return ST_OK;
    if (st == ST_CORRUPT && c->find->place[0] == 0) return ST_UNSUPPORTED;
    if (st == ST_OK) c->pass = PASS_ABOVE;
    return st;
}

static enum status on_row(void *context, const struct rows_row *row)
{
    struct row_check *c = context;
    const struct row_position *p = &row->place.position;
    c->next_row = *p;
    if (c->left == 0) return ST_LIMIT;
    c->left--;
    if (has_above(c) && delta_find(&c->above, p) != NULL) return ST_OK;
    TRY(check_row(c, p, row->key, &row->place.leaf));
    return ST_OK;
}

/* What blocks above the tree's height wrote or took away. */
static enum status check_above(struct row_check *c, uint32_t rows)
{
    size_t count = 0;
    const struct delta_order *orders = delta_orders(&c->above, &count);
    for (; has_above(c) && c->next_change < count; c->next_change++) {
        const struct row_position *p = &orders[c->next_change].position;
        const struct delta_change *change = delta_find(&c->above, p);
        struct span key = span_of(c->above.keys.data + change->key_at, change->key_size);
        struct buf integer;
        uint8_t bytes[16];
        if (rows-- == 0) return ST_OK;
        if (change->is_gone) continue; /* Tables that went have no rows; others are counted. */
        buf_init_fixed(&integer, bytes, sizeof bytes);
        if (row_position_has_key(p)) {
            row_position_key(p, &integer);
            key = buf_span(&integer);
        }
        TRY(check_row(c, p, key, &change->place.leaf));
    }
    c->pass = PASS_DONE;
    return ST_OK;
}

/* leaf: of the row that must be there. */
static enum status check_row(struct row_check *c,
                             const struct row_position *position,
                             struct span key,
                             const struct hash *leaf)
{
    const uint64_t id = row_position_table(position);
    const struct catalog_table *table = sql_catalog_by_id(c->catalog, id);
    int64_t rowid = 0;
    c->find->expected = *leaf;
    if (table == NULL) /* Its row in the list of tables is another find, unless it went since. */
        return has_above(c) ? ST_OK : tell(c, NULL, key, "a row of a table that is missing");
    buf_reset(&c->entry);
    enum status st = row_reader_read(&c->rows, &c->entry, table, key, &rowid);
    if (st == ST_UNSUPPORTED) return ST_OK; /* SQLite has no name for its row ids. */
    if (st == ST_NOT_FOUND) return tell(c, table, key, "the row is missing");
    if (st == ST_CORRUPT) return tell(c, table, key, "the row cannot be read");
    TRY(st);
    c->compared++;
    c->find->found = merkle_leaf(buf_span(&c->entry));
    if (hash_equal(&c->find->found, leaf)) return ST_OK;
    return tell(c, table, key, "the row is not what the chain says");
}

/* --- telling --------------------------------------------------------------------------------- */

/* Printable, and short: what is not a plain value is shown in hexadecimal. */
static void put_key(struct buf *out, struct span key)
{
    struct cbor in = cbor_of(key);
    const uint64_t count = cbor_get_array(&in);
    enum cbor_kind kind = CBOR_NULL;
    for (uint64_t i = 0; i < count && in.status == ST_OK && cbor_peek(&in, &kind); i++) {
        struct span bytes = {0};
        if (i > 0) buf_put_u8(out, ',');
        if (kind == CBOR_TEXT) {
            bytes = cbor_get_text(&in);
            for (size_t k = 0; k < bytes.size && k < KEY_SHOWN; k++) {
                const bool is_plain = bytes.data[k] >= ' ' && bytes.data[k] <= '~';
                buf_put_u8(out, is_plain ? bytes.data[k] : '?');
            }
        } else if (kind == CBOR_BYTES) {
            bytes = cbor_get_bytes(&in);
            for (size_t k = 0; k < bytes.size && k < KEY_SHOWN / 2; k++)
                buf_printf(out, "%02x", bytes.data[k]);
        } else {
            buf_printf(out, "%" PRId64, cbor_get_int(&in));
        }
    }
}

static enum status tell(struct row_check *c,
                        const struct catalog_table *table,
                        struct span key,
                        const char *what)
{
    char text[INCIDENT_PLACE_MAX - 64];
    struct buf shown;
    buf_init_fixed(&shown, (uint8_t *)text, sizeof text - 1);
    if (key.size > 0) put_key(&shown, key);
    const int key_size = (int)(key.size > 0 ? shown.size : 0);
    const struct span schema = table == NULL ? span_text("") : table->schema;
    const struct span name = table == NULL ? span_text("?") : table->name;
    (void)snprintf(c->find->place, sizeof c->find->place, "table %.*s.%.*s%s%.*s%s: %s",
                   (int)schema.size, (const char *)schema.data, (int)name.size,
                   (const char *)name.data, key.size > 0 ? " key (" : "", key_size, text,
                   key.size > 0 ? ")" : "", what);
    for (char *at = c->find->place; *at != 0; at++) /* Names are as forged as all else. */
        if (*at < ' ' || *at > '~') *at = '?';
    return ST_CORRUPT;
}
