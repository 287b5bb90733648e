/* system.c - The filled relations of the system catalogs as virtual tables of SQLite.
 *
 * What the rows are about (struct system_place) is listed once for each catalog of a connection,
 * the values of a row when a cursor stands on it. A condition on an oid finds its rows through a
 * sorted list of them, made when it is asked for first.
 *
 * Invariants
 * V1  Places and keys belong to s->catalog, of which a reference is held; both are dropped only
 *     while no cursor is open.
 * V2  What is listed of the catalog is bounded by it; every row and every entry of a list is
 * charged as fuel of the statement. */
#include "sql/system.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/function_int.h"
#include "sql/system_int.h"

#define ROW_FUEL 16u

struct entry_of_key {
    int64_t value;
    uint32_t row;
};

struct key { /* Rows of a relation by one of its columns. */
    struct key *next;
    const struct system_relation *relation;
    uint32_t column;
    uint32_t count;
    struct entry_of_key entries[];
};

struct system {
    struct mem *mem;
    sqlite3 *connection;
    struct sql_context *context;
    struct sql_catalog *catalog; /* V1; null: none yet. */
    struct system_places places[SYSTEM_WALKS];
    struct key *keys;
    uint32_t cursor_count;
    uint32_t reference_count; /* Relations registered. */
};

struct relation_module { /* Of one relation on one connection. */
    struct system *system;
    const struct system_relation *relation;
};

struct relation_table {
    sqlite3_vtab base;
    struct system *system;
    const struct system_relation *relation;
    uint32_t column_count;
    enum sql_type types[SYSTEM_COLUMNS_MAX];
};

struct relation_cursor {
    sqlite3_vtab_cursor base;
    const struct relation_table *table;
    const struct key *key; /* Null: all rows. */
    uint32_t at;           /* Row, or entry of the key. */
    uint32_t end;
    bool is_filled;
    struct arena arena;
    struct system_row row;
};

const struct sql_catalog *system_catalog(const struct system *s)
{
    return s->context->catalog;
}

struct mem *system_mem(const struct system *s)
{
    return s->mem;
}

sqlite3 *system_connection(const struct system *s)
{
    return s->connection;
}

struct sql_context *system_context(const struct system *s)
{
    return s->context;
}

/* --- lists --------------------------------------------------------------------------------- */

/* Of the relations that are listed by it. */
static void drop_keys(struct system *s, enum system_walk walk)
{
    for (struct key **at = &s->keys; *at != NULL;) {
        struct key *k = *at;
        if (k->relation->walk != walk) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        mem_free(s->mem, k);
    }
}

static void drop_places(struct system *s, enum system_walk walk)
{
    drop_keys(s, walk);
    mem_free(s->mem, s->places[walk].items);
    s->places[walk] = (struct system_places){0};
}

static void drop_all(struct system *s)
{
    must(s->cursor_count == 0); /* V1 */
    for (size_t i = 0; i < SYSTEM_WALKS; i++)
        drop_places(s, (enum system_walk)i);
    sql_catalog_unref(s->catalog);
    s->catalog = NULL;
}

/* The first cursor of a statement: what is listed goes by the statement's catalog. Roles change
 * without it. */
static enum status enter(struct system *s)
{
    struct sql_catalog *now = s->context->catalog;
    if (now == NULL) return ST_UNSUPPORTED;
    if (s->cursor_count > 0) return now == s->catalog ? ST_OK : ST_BUSY;
    if (now != s->catalog) {
        drop_all(s);
        s->catalog = sql_catalog_ref(now);
    }
    drop_places(s, SYSTEM_ROLES);
    return ST_OK;
}

static bool charge(struct system *s, uint64_t count)
{
    const uint64_t cost = count * ROW_FUEL;
    if (cost <= s->context->fuel) {
        s->context->fuel -= cost;
        return true;
    }
    s->context->fuel = 0;
    diag_set(s->context->diag, "54000", "the statement reached its limit of work");
    return false;
}

/* Null: no memory, or no fuel. */
static const struct system_places *places_of(struct system *s, enum system_walk walk)
{
    struct system_places *p = &s->places[walk];
    if (!p->is_made) {
        system_walk(s, walk, p);
        p->is_made = !p->has_failed;
        if (p->has_failed) {
            drop_places(s, walk);
            return NULL;
        }
        if (!charge(s, p->count)) return NULL;
    }
    return p;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry_of_key *left = a;
    const struct entry_of_key *right = b;
    if (left->value != right->value) return left->value < right->value ? -1 : 1;
    return left->row < right->row ? -1 : 1; /* Rows differ. */
}

static void fill_row(const struct relation_table *t, struct system_row *row, uint32_t number)
{
    const struct system_places *p = &t->system->places[t->relation->walk];
    must(number < p->count);
    arena_reset(row->arena);
    row->count = 0;
    t->relation->fill(row, &p->items[number]);
    system_put_zeros(row, t->column_count - row->count);
}

static const struct key *find_key(struct system *s,
                                  const struct relation_table *t,
                                  uint32_t column,
                                  struct system_row *row)
{
    for (const struct key *k = s->keys; k != NULL; k = k->next)
        if (k->relation == t->relation && k->column == column) return k;
    const uint32_t count = s->places[t->relation->walk].count;
    if (!charge(s, count)) return NULL;
    struct key *k = mem_alloc(s->mem, sizeof *k + (size_t)count * sizeof k->entries[0]);
    if (k == NULL) return NULL;
    *k = (struct key){.next = s->keys, .relation = t->relation, .column = column, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        fill_row(t, row, i);
        k->entries[i] = (struct entry_of_key){row->values[column].integer, i};
    }
    qsort(k->entries, count, sizeof k->entries[0], compare_entries);
    s->keys = k;
    return k;
}

/* --- the module of SQLite ------------------------------------------------------------------ */

/* NOLINTNEXTLINE(readability-function-size): the signature is SQLite's. */
static int connect(
    sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **error)
{
    const struct relation_module *module = aux;
    struct relation_table *t = mem_alloc_zero(module->system->mem, 1, sizeof *t);
    struct system_column column;
    struct buf text;
    (void)argc;
    (void)argv;
    (void)error;
    if (t == NULL) return SQLITE_NOMEM;
    t->system = module->system;
    t->relation = module->relation;
    buf_init(&text, module->system->mem, 0);
    buf_put_text(&text, "CREATE TABLE x(");
    for (const char *at = module->relation->columns; system_next_column(&at, &column);) {
        must(t->column_count < SYSTEM_COLUMNS_MAX);
        if (t->column_count > 0) buf_put_u8(&text, ',');
        sql_put_name(&text, column.name);
        t->types[t->column_count++] = column.type;
    }
    buf_put_u8(&text, ')');
    buf_put_u8(&text, 0);
    int code = buf_status(&text) == ST_OK
                   ? sqlite3_declare_vtab(db, (const char *)buf_span(&text).data)
                   : SQLITE_NOMEM;
    buf_fini(&text);
    if (code != SQLITE_OK) {
        mem_free(module->system->mem, t);
        return code;
    }
    *out = &t->base;
    return SQLITE_OK;
}

static int disconnect(sqlite3_vtab *base)
{
    struct relation_table *t = (struct relation_table *)base;
    mem_free(t->system->mem, t);
    return SQLITE_OK;
}

/* An oid that stands for few rows: not those of classes, schemas and owners. */
static bool is_key(const struct relation_table *t, int column)
{
    static const char *const many[] = {"classid",   "classoid", "namespace", "owner",
                                       "collation", "am",       "refclassid"};
    struct system_column c = {0};
    const char *at = t->relation->columns;
    if (column < 0 || t->types[column] != SQL_OID) return false;
    for (int i = 0; i <= column; i++)
        if (!system_next_column(&at, &c)) return false;
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        const size_t size = strlen(many[i]);
        if (c.name.size >= size && memcmp(c.name.data + c.name.size - size, many[i], size) == 0)
            return false;
    }
    return true;
}

static int plan(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct relation_table *t = (const struct relation_table *)base;
    int best = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        const int column = info->aConstraint[i].iColumn;
        if (!info->aConstraint[i].usable || !is_key(t, column)) continue;
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
        if (best < 0 || column < info->aConstraint[best].iColumn) best = i;
    }
    info->idxNum = 0;
    info->estimatedCost = 10000.0;
    info->estimatedRows = 10000;
    if (best < 0) return SQLITE_OK;
    info->idxNum = info->aConstraint[best].iColumn + 1;
    info->aConstraintUsage[best].argvIndex = 1;
    info->estimatedRows = info->idxNum == 1 ? 8 : 16;
    info->estimatedCost = (double)info->estimatedRows;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    struct relation_table *t = (struct relation_table *)base;
    struct relation_cursor *c = mem_alloc_zero(t->system->mem, 1, sizeof *c);
    if (c == NULL) return SQLITE_NOMEM;
    const enum status st = enter(t->system);
    if (st != ST_OK) {
        mem_free(t->system->mem, c);
        return SQLITE_ERROR;
    }
    t->system->cursor_count++;
    c->table = t;
    arena_init(&c->arena, t->system->mem, 0);
    c->row = (struct system_row){.system = t->system,
                                 .arena = &c->arena,
                                 .types = t->types,
                                 .column_count = t->column_count};
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct relation_cursor *c = (struct relation_cursor *)base;
    struct system *s = c->table->system;
    must(s->cursor_count > 0);
    s->cursor_count--;
    arena_fini(&c->arena);
    mem_free(s->mem, c);
    return SQLITE_OK;
}

/* Entries of the key that have the value. */
static void find_range(struct relation_cursor *c, int64_t value)
{
    uint32_t low = 0;
    uint32_t high = c->key->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (c->key->entries[middle].value < value)
            low = middle + 1;
        else
            high = middle;
    }
    c->at = low;
    c->end = low;
    while (c->end < c->key->count && c->key->entries[c->end].value == value)
        c->end++;
}

static int filter(
    sqlite3_vtab_cursor *base, int index, const char *name, int argc, sqlite3_value **argv)
{
    struct relation_cursor *c = (struct relation_cursor *)base;
    struct system *s = c->table->system;
    const struct system_places *p = places_of(s, c->table->relation->walk);
    (void)name;
    if (p == NULL) return s->context->fuel == 0 ? SQLITE_ERROR : SQLITE_NOMEM;
    c->key = NULL;
    c->at = 0;
    c->end = p->count;
    c->is_filled = false;
    if (index == 0) return SQLITE_OK;
    must(argc == 1);
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL) {
        c->end = 0;
        return SQLITE_OK;
    }
    c->key = find_key(s, c->table, (uint32_t)index - 1, &c->row);
    if (c->key == NULL) return s->context->fuel == 0 ? SQLITE_ERROR : SQLITE_NOMEM;
    find_range(c, sqlite3_value_int64(argv[0]));
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct relation_cursor *c = (struct relation_cursor *)base;
    must(c->at < c->end);
    c->at++;
    c->is_filled = false;
    return charge(c->table->system, 1) ? SQLITE_OK : SQLITE_ERROR;
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
    const struct relation_cursor *c = (const struct relation_cursor *)base;
    return c->at >= c->end;
}

static uint32_t row_number(const struct relation_cursor *c)
{
    must(c->at < c->end);
    return c->key == NULL ? c->at : c->key->entries[c->at].row;
}

static int give_column(sqlite3_vtab_cursor *base, sqlite3_context *to, int column)
{
    struct relation_cursor *c = (struct relation_cursor *)base;
    must(column >= 0 && (uint32_t)column < c->table->column_count);
    if (!c->is_filled) fill_row(c->table, &c->row, row_number(c));
    c->is_filled = true;
    const struct sql_value *v = &c->row.values[column];
    if (v->is_null) return SQLITE_OK;
    const int size = (int)v->bytes.size;
    switch (sql_type_storage(c->table->types[column])) {
    case SQL_STORE_INTEGER: sqlite3_result_int64(to, v->integer); break;
    case SQL_STORE_TEXT:
        sqlite3_result_text(to, (const char *)v->bytes.data, size, SQLITE_TRANSIENT);
        break;
    case SQL_STORE_BLOB: sqlite3_result_blob(to, v->bytes.data, size, SQLITE_TRANSIENT); break;
    case SQL_STORE_NONE: break;
    }
    return SQLITE_OK;
}

static int give_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
    *rowid = (sqlite3_int64)row_number((const struct relation_cursor *)base);
    return SQLITE_OK;
}

static const sqlite3_module module = {.xConnect = connect,
                                      .xBestIndex = plan,
                                      .xDisconnect = disconnect,
                                      .xOpen = open_cursor,
                                      .xClose = close_cursor,
                                      .xFilter = filter,
                                      .xNext = next,
                                      .xEof = is_at_end,
                                      .xColumn = give_column,
                                      .xRowid = give_rowid};

/* --- registering --------------------------------------------------------------------------- */

/* The connection is closed, or a module could not be made. */
static void forget(void *aux)
{
    struct relation_module *m = aux;
    struct system *s = m->system;
    mem_free(s->mem, m);
    must(s->reference_count > 0);
    if (--s->reference_count > 0) return;
    drop_all(s);
    mem_free(s->mem, s);
}

static int register_relation(struct system *s, const struct system_relation *r)
{
    char name[96];
    struct relation_module *m = mem_alloc(s->mem, sizeof *m);
    if (m == NULL) return SQLITE_NOMEM;
    *m = (struct relation_module){.system = s, .relation = r};
    (void)snprintf(name, sizeof name, "%s.%s", system_schema_name(r->schema), r->name);
    s->reference_count++;
    return sqlite3_create_module_v2(s->connection, name, &module, m, forget);
}

enum status sql_system_register(sqlite3 *connection, struct sql_context *ctx, struct mem *mem)
{
    struct system *s = mem_alloc_zero(mem, 1, sizeof *s);
    const struct system_relation *r = NULL;
    if (s == NULL) return ST_NO_MEMORY;
    *s =
        (struct system){.mem = mem, .connection = connection, .context = ctx, .reference_count = 1};
    int code = SQLITE_OK;
    for (uint32_t i = 0; code == SQLITE_OK && (r = system_at(i)) != NULL; i++)
        if (r->fill != NULL) code = register_relation(s, r);
    if (code == SQLITE_OK) code = system_functions(connection, s);
    if (--s->reference_count == 0) mem_free(mem, s);
    if (code == SQLITE_OK) return ST_OK;
    return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_BUSY;
}
