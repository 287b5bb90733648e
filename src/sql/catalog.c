/* Invariants of a loaded catalog:
 * C1 tables are sorted by id, ids are distinct; names points to the same tables sorted by
 *    (schema, name), also distinct;
 * C2 column positions of a table are 0 … column_count − 1; positions in indexes are below it;
 * C3 grants are sorted by (object, part, grantee, grantor), members by (member, role);
 * C4 nothing changes after the load but the reference count;
 * C5 schemas are sorted by name, properties by (object, part, kind), both distinct.
 * Rows that break C1 or C2 are ST_CORRUPT: only the chain itself writes these tables. */
#include "sql/catalog_int.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/sql.h"

#define CATALOG_ARENA_MAX ((size_t)1 << 30)

struct property {
    uint64_t object;
    uint32_t part;
    struct span kind;
    struct span value;
};

struct sql_catalog {
    struct mem *mem;
    struct arena arena;
    struct catalog_rights rights;
    struct catalog_table *tables;
    const struct catalog_table **names;
    struct catalog_column **columns; /* Those of tables[i], while loading. */
    struct catalog_index **indexes;
    struct catalog_schema *schemas;
    struct property *properties;
    uint64_t version;
    uint64_t next_id;
    uint32_t table_count;
    uint32_t schema_count;
    uint32_t property_count;
    atomic_uint references;
};

/* One pass over the rows of a query; row is called for each. */
struct load {
    struct sql_catalog *catalog;
    sqlite3 *connection;
    struct catalog_table *table; /* Of the last row. */
    uint32_t count;
    bool is_there[CATALOG_CHAIN_MAX]; /* Tables of the chain. */
};
typedef enum status row_fn(struct load *l, sqlite3_stmt *row);

static enum status load_all(struct load *l);
static int compare_names(const struct catalog_table *t, struct span schema, struct span name);

enum status sql_catalog_load(struct sql_catalog **out, struct mem *mem, sqlite3 *connection)
{
    struct sql_catalog *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    atomic_init(&c->references, 1u);
    arena_init(&c->arena, mem, CATALOG_ARENA_MAX);
    struct load l = {.catalog = c, .connection = connection};
    enum status st = load_all(&l);
    if (st != ST_OK) {
        sql_catalog_unref(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

struct sql_catalog *sql_catalog_ref(struct sql_catalog *c)
{
    unsigned before = atomic_fetch_add(&c->references, 1u);
    must(before > 0);
    return c;
}

void sql_catalog_unref(struct sql_catalog *c)
{
    if (c == NULL) return;
    unsigned before = atomic_fetch_sub(&c->references, 1u);
    must(before > 0);
    if (before > 1) return;
    arena_fini(&c->arena);
    mem_free(c->mem, c);
}

struct span catalog_column_name(const struct catalog_table *t, uint32_t column)
{
    must(column < t->column_count);
    const struct catalog_column *c = &t->columns[column];
    return c->sqlite_name.size > 0 ? c->sqlite_name : c->name;
}

uint32_t sql_catalog_schema_count(const struct sql_catalog *c)
{
    return c->schema_count;
}

const struct catalog_schema *sql_catalog_schema_at(const struct sql_catalog *c, uint32_t index)
{
    must(index < c->schema_count);
    return &c->schemas[index];
}

const struct catalog_schema *sql_catalog_schema(const struct sql_catalog *c, struct span name)
{
    for (uint32_t i = 0; i < c->schema_count; i++)
        if (span_equal(c->schemas[i].name, name)) return &c->schemas[i];
    return NULL;
}

const struct catalog_schema *sql_catalog_schema_by_id(const struct sql_catalog *c, uint64_t id)
{
    for (uint32_t i = 0; i < c->schema_count; i++)
        if (c->schemas[i].id == id) return &c->schemas[i];
    return NULL;
}

/* Order of (object, part, kind). */
static int compare_property(const struct property *p, const struct property *key)
{
    if (p->object != key->object) return p->object < key->object ? -1 : 1;
    if (p->part != key->part) return p->part < key->part ? -1 : 1;
    return span_compare(p->kind, key->kind);
}

struct span sql_catalog_property(const struct sql_catalog *c,
                                 uint64_t object,
                                 uint32_t part,
                                 const char *kind)
{
    const struct property key = {.object = object, .part = part, .kind = span_text(kind)};
    uint32_t low = 0;
    uint32_t high = c->property_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_property(&c->properties[middle], &key);
        if (order == 0) return c->properties[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct span){0};
}

uint64_t sql_catalog_version(const struct sql_catalog *c)
{
    return c->version;
}

uint64_t sql_catalog_next_id(const struct sql_catalog *c)
{
    must(c->next_id >= CATALOG_FIRST_ID);
    return c->next_id;
}

enum status sql_catalog_version_read(sqlite3 *connection, uint64_t *version)
{
    sqlite3_stmt *stmt = NULL;
    const char *text = "SELECT next FROM \"trustsql.sequences\" WHERE name = 'catalog'";
    int code = sqlite3_prepare_v2(connection, text, -1, &stmt, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) *version = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    if (code == SQLITE_DONE) return ST_CORRUPT;
    return code == SQLITE_ROW ? ST_OK : ST_IO;
}

uint32_t sql_catalog_table_count(const struct sql_catalog *c)
{
    return c->table_count;
}

const struct catalog_table *sql_catalog_table_at(const struct sql_catalog *c, uint32_t index)
{
    must(index < c->table_count);
    return &c->tables[index];
}

const struct catalog_table *sql_catalog_find(const struct sql_catalog *c,
                                             struct span schema,
                                             struct span name)
{
    if (schema.size == 0) schema = span_text("public");
    uint32_t low = 0;
    uint32_t high = c->table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_names(c->names[middle], schema, name);
        if (order == 0) return c->names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct catalog_table *find_id(const struct sql_catalog *c, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = c->table_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->tables[middle].id == id) return &c->tables[middle];
        if (c->tables[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct catalog_table *sql_catalog_by_id(const struct sql_catalog *c, uint64_t id)
{
    return find_id(c, id);
}

const struct catalog_table *sql_catalog_by_sqlite_name(const struct sql_catalog *c,
                                                       struct span sqlite_name)
{
    for (uint32_t i = 0; i < c->table_count; i++)
        if (span_equal(c->tables[i].sqlite_name, sqlite_name)) return &c->tables[i];
    return NULL;
}

const struct catalog_index *sql_catalog_find_index(const struct sql_catalog *c,
                                                   struct span schema,
                                                   struct span name,
                                                   const struct catalog_table **table)
{
    if (schema.size == 0) schema = span_text("public");
    for (uint32_t i = 0; i < c->table_count; i++) {
        const struct catalog_table *t = &c->tables[i];
        if (!span_equal(t->schema, schema)) continue;
        for (uint32_t k = 0; k < t->index_count; k++) {
            if (t->indexes[k].kind == CATALOG_CHECK) continue;
            if (t->indexes[k].kind == CATALOG_FOREIGN) continue;
            if (!span_equal(t->indexes[k].name, name)) continue;
            *table = t;
            return &t->indexes[k];
        }
    }
    return NULL;
}

const struct catalog_rights *catalog_rights_of(const struct sql_catalog *c)
{
    return &c->rights;
}

/* --- loading ------------------------------------------------------------------------------- */

static int compare_names(const struct catalog_table *t, struct span schema, struct span name)
{
    int order = span_compare(t->schema, schema);
    return order != 0 ? order : span_compare(t->name, name);
}

static int compare_tables(const void *a, const void *b)
{
    const struct catalog_table *const *left = a;
    const struct catalog_table *const *right = b;
    return compare_names(*left, (*right)->schema, (*right)->name);
}

static enum status from_sqlite(int code)
{
    if (code == SQLITE_DONE) return ST_OK;
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) return ST_CORRUPT;
    return ST_IO;
}

static enum status each_row(struct load *l, const char *text, row_fn *row)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(l->connection, text, -1, &stmt, NULL);
    if (code != SQLITE_OK) {
        (void)sqlite3_finalize(stmt);
        return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_IO;
    }
    enum status st = ST_OK;
    while (st == ST_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        st = row(l, stmt);
    if (st == ST_OK) st = from_sqlite(code);
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    return st;
}

static enum status copy_text(struct load *l, sqlite3_stmt *row, int column, struct span *out)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    if (text == NULL) return ST_NO_MEMORY; /* The columns are NOT NULL. */
    *out = arena_copy(&l->catalog->arena, span_of(text, (size_t)sqlite3_column_bytes(row, column)));
    return out->data == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status count_row(struct load *l, sqlite3_stmt *row)
{
    l->count = (uint32_t)sqlite3_column_int64(row, 0);
    return ST_OK;
}

static enum status sequence_row(struct load *l, sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    if (name == NULL) return ST_NO_MEMORY;
    uint64_t next = (uint64_t)sqlite3_column_int64(row, 1);
    if (strcmp(name, "catalog") == 0) l->catalog->version = next;
    if (strcmp(name, "object") == 0) l->catalog->next_id = next;
    return ST_OK;
}

static enum status table_row(struct load *l, sqlite3_stmt *row)
{
    struct sql_catalog *c = l->catalog;
    struct catalog_table *t = &c->tables[c->table_count];
    *t = (struct catalog_table){.id = (uint64_t)sqlite3_column_int64(row, 0),
                                .owner = (uint64_t)sqlite3_column_int64(row, 4)};
    if (t->id < CATALOG_FIRST_ID) return ST_CORRUPT; /* C1 */
    TRY(copy_text(l, row, 1, &t->schema));
    TRY(copy_text(l, row, 2, &t->name));
    TRY(copy_text(l, row, 3, &t->sqlite_name));
    t->has_own_names = sql_catalog_property(c, t->id, 0, "form").size > 0;
    t->definition = sql_catalog_property(c, t->id, 0, "view");
    if (t->definition.size > 0) t->relation = CATALOG_VIEW;
    if (sql_catalog_property(c, t->id, 0, "sequence").size > 0) t->relation = CATALOG_SEQUENCE;
    t->column_count = (uint32_t)sqlite3_column_int64(row, 5);
    t->index_count = (uint32_t)sqlite3_column_int64(row, 6);
    struct catalog_column *columns = arena_alloc_zero(&c->arena, t->column_count, sizeof *columns);
    struct catalog_index *indexes = arena_alloc_zero(&c->arena, t->index_count, sizeof *indexes);
    if (columns == NULL || indexes == NULL) return ST_NO_MEMORY;
    t->columns = columns;
    t->indexes = indexes;
    c->columns[c->table_count] = columns;
    c->indexes[c->table_count] = indexes;
    c->table_count++;
    return ST_OK;
}

/* The table a row of another table belongs to; its rows come in order, so the last is tried first.
 * l->count: rows of this table so far. */
static enum status enter_table(struct load *l, uint64_t id)
{
    if (l->table == NULL || l->table->id != id) {
        l->table = find_id(l->catalog, id);
        l->count = 0;
    }
    return l->table == NULL || id < CATALOG_FIRST_ID ? ST_CORRUPT : ST_OK;
}

static enum status column_row(struct load *l, sqlite3_stmt *row)
{
    TRY(enter_table(l, (uint64_t)sqlite3_column_int64(row, 0)));
    uint32_t position = (uint32_t)sqlite3_column_int64(row, 1);
    if (position != l->count || position >= l->table->column_count) return ST_CORRUPT; /* C2 */
    struct catalog_column c = {.type = (enum sql_type)sqlite3_column_int(row, 3),
                               .typmod = sqlite3_column_int(row, 4),
                               .is_not_null = sqlite3_column_int(row, 5) != 0};
    TRY(copy_text(l, row, 2, &c.name));
    TRY(copy_text(l, row, 6, &c.default_sql));
    c.sqlite_name = sql_catalog_property(l->catalog, l->table->id, position + 1, "sqlite_name");
    struct span identity = sql_catalog_property(l->catalog, l->table->id, position + 1, "identity");
    if (identity.size > 0) c.identity = (char)identity.data[0];
    c.generated = sql_catalog_property(l->catalog, l->table->id, position + 1, "generated");
    l->catalog->columns[l->table - l->catalog->tables][position] = c;
    l->count++;
    return ST_OK;
}

/* One of "0", "2d", "e": position or expression, and how it is ordered. */
static bool parse_column(struct span text, size_t *at, uint32_t *position, uint8_t *options)
{
    size_t start = *at;
    *position = 0;
    *options = 0;
    if (*at < text.size && text.data[*at] == 'e') { /* Its text is a property of the index. */
        *position = CATALOG_EXPRESSION;
        ++*at;
    }
    for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9' && *position < 10000;
         ++*at)
        *position = *position * 10 + (uint32_t)(text.data[*at] - '0');
    if (*at == start) return false;
    for (; *at < text.size && text.data[*at] != ','; ++*at) {
        const uint8_t flag = text.data[*at];
        if (flag != 'd' && flag != 'f' && flag != 'l' && flag != 'p') return false;
        *options |= flag == 'd'   ? CATALOG_DESC
                    : flag == 'f' ? CATALOG_NULLS_FIRST
                    : flag == 'l' ? CATALOG_NULLS_LAST
                                  : CATALOG_PATTERN;
    }
    return true;
}

/* "0,2d" → positions and options. */
static enum status parse_columns(struct load *l, struct span text, struct catalog_index *out)
{
    uint32_t positions[CATALOG_KEY_COLUMNS_MAX];
    uint8_t options[CATALOG_KEY_COLUMNS_MAX];
    uint32_t count = 0;
    for (size_t at = 0; at < text.size; count++) {
        if (count == CATALOG_KEY_COLUMNS_MAX) return ST_CORRUPT;
        if (!parse_column(text, &at, &positions[count], &options[count])) return ST_CORRUPT;
        if (positions[count] != CATALOG_EXPRESSION && positions[count] >= l->table->column_count)
            return ST_CORRUPT; /* C2 */
        at++;                  /* The comma. */
    }
    uint32_t *columns = arena_alloc(&l->catalog->arena, count * sizeof *columns);
    uint8_t *kept = arena_alloc(&l->catalog->arena, (size_t)count + 1);
    if (columns == NULL || kept == NULL) return ST_NO_MEMORY;
    memcpy(columns, positions, count * sizeof *columns);
    memcpy(kept, options, count);
    out->columns = columns;
    out->options = kept;
    out->column_count = count;
    return ST_OK;
}

static bool kind_of(struct span text, enum catalog_index_kind *kind)
{
    static const enum catalog_index_kind all[] = {CATALOG_PRIMARY,      CATALOG_UNIQUE,
                                                  CATALOG_UNIQUE_INDEX, CATALOG_INDEX,
                                                  CATALOG_CHECK,        CATALOG_FOREIGN};
    for (size_t i = 0; text.size == 1 && i < sizeof all / sizeof all[0]; i++) {
        if (text.data[0] != (uint8_t)all[i]) continue;
        *kind = all[i];
        return true;
    }
    return false;
}

static enum status set_columns_of(struct load *l,
                                  const struct catalog_index *index,
                                  struct catalog_foreign *f)
{
    struct catalog_index set = {0};
    TRY(parse_columns(l, sql_catalog_property(l->catalog, index->id, 0, "set_columns"), &set));
    f->set_columns = set.columns;
    f->set_count = set.column_count;
    return ST_OK;
}

#define FOREIGN_FLAGS 5u /* Each a letter behind a blank. */

/* "1005 0,1 a c s v n": table, its columns, ON UPDATE, ON DELETE, MATCH (s, f), v valid or n not,
 * n not deferrable, i deferrable, d initially deferred. */
static enum status foreign_of(struct load *l, struct catalog_index *index)
{
    struct span text = sql_catalog_property(l->catalog, index->id, 0, "references");
    struct catalog_index other = {0};
    uint32_t at = 0;
    uint64_t id = 0;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        id = id * 10 + (uint64_t)(text.data[at] - '0');
    const struct catalog_table *t = find_id(l->catalog, id);
    if (t == NULL || text.size < at + 2u + 2 * FOREIGN_FLAGS) return ST_CORRUPT;
    const struct catalog_table *own = l->table;
    const struct span columns =
        span_of(text.data + at + 1, text.size - at - 1 - 2 * (size_t)FOREIGN_FLAGS);
    l->table = find_id(l->catalog, id);
    enum status st = parse_columns(l, columns, &other);
    l->table = find_id(l->catalog, own->id);
    TRY(st);
    if (other.column_count != index->column_count) return ST_CORRUPT; /* C2 */
    struct catalog_foreign *f = arena_alloc_zero(&l->catalog->arena, 1, sizeof *f);
    if (f == NULL) return ST_NO_MEMORY;
    const uint8_t *flags = text.data + text.size - (2 * (size_t)FOREIGN_FLAGS - 1);
    *f = (struct catalog_foreign){.table_id = id,
                                  .columns = other.columns,
                                  .on_update = (enum catalog_action)flags[0],
                                  .on_delete = (enum catalog_action)flags[2],
                                  .is_full = flags[4] == 'f',
                                  .is_valid = flags[6] == 'v',
                                  .is_deferrable = flags[8] != 'n',
                                  .is_deferred = flags[8] == 'd'};
    TRY(set_columns_of(l, index, f));
    index->foreign = f;
    return ST_OK;
}

static enum status expressions_of(struct load *l, struct catalog_index *index)
{
    struct span *texts = NULL;
    for (uint32_t i = 0; i < index->column_count; i++) {
        if (index->columns[i] != CATALOG_EXPRESSION) continue;
        if (texts == NULL)
            texts = arena_alloc_zero(&l->catalog->arena, index->column_count, sizeof *texts);
        if (texts == NULL) return ST_NO_MEMORY;
        texts[i] = sql_catalog_property(l->catalog, index->id, i + 1, "expression");
    }
    index->expressions = texts;
    return ST_OK;
}

static enum status index_row(struct load *l, sqlite3_stmt *row)
{
    TRY(enter_table(l, (uint64_t)sqlite3_column_int64(row, 0)));
    if (l->count >= l->table->index_count) return ST_CORRUPT;
    struct catalog_index index = {.id = (uint64_t)sqlite3_column_int64(row, 1)};
    struct span kind;
    struct span columns;
    TRY(copy_text(l, row, 2, &kind));
    TRY(copy_text(l, row, 3, &index.name));
    TRY(copy_text(l, row, 4, &columns));
    if (!kind_of(kind, &index.kind)) return ST_CORRUPT;
    TRY(parse_columns(l, columns, &index));
    TRY(copy_text(l, row, 5, &index.definition));
    index.sqlite_name = index.name;
    const struct span own = sql_catalog_property(l->catalog, index.id, 0, "sqlite_name");
    if (own.size > 0) index.sqlite_name = own;
    index.predicate = sql_catalog_property(l->catalog, index.id, 0, "predicate");
    TRY(expressions_of(l, &index));
    if (index.kind == CATALOG_FOREIGN) TRY(foreign_of(l, &index));
    l->catalog->indexes[l->table - l->catalog->tables][l->count++] = index;
    if (index.kind == CATALOG_PRIMARY) {
        l->table->key_columns = index.columns;
        l->table->key_count = index.column_count;
    }
    return ST_OK;
}

static enum status grant_row(struct load *l, sqlite3_stmt *row)
{
    struct catalog_rights *r = &l->catalog->rights;
    r->grants[r->grant_count++] =
        (struct catalog_grant){.object = (uint64_t)sqlite3_column_int64(row, 0),
                               .part = (uint32_t)sqlite3_column_int64(row, 1),
                               .grantee = (uint64_t)sqlite3_column_int64(row, 2),
                               .grantor = (uint64_t)sqlite3_column_int64(row, 3),
                               .rights = (uint32_t)sqlite3_column_int64(row, 4),
                               .options = (uint32_t)sqlite3_column_int64(row, 5)};
    return ST_OK;
}

static enum status member_row(struct load *l, sqlite3_stmt *row)
{
    struct catalog_rights *r = &l->catalog->rights;
    r->members[r->member_count++] =
        (struct catalog_member){.member = (uint64_t)sqlite3_column_int64(row, 0),
                                .role = (uint64_t)sqlite3_column_int64(row, 1),
                                .grantor = (uint64_t)sqlite3_column_int64(row, 2),
                                .is_admin = sqlite3_column_int(row, 3) != 0,
                                .is_inherited = sqlite3_column_int(row, 4) != 0};
    return ST_OK;
}

static enum status ledger_row(struct load *l, sqlite3_stmt *row)
{
    struct catalog_rights *r = &l->catalog->rights;
    struct catalog_ledger *ledger = &r->ledgers[r->ledger_count++];
    ledger->id = (uint64_t)sqlite3_column_int64(row, 0);
    ledger->owner = (uint64_t)sqlite3_column_int64(row, 2);
    return copy_text(l, row, 1, &ledger->name);
}

/* Below exec_version 4 rights are of tables, and there is one ledger. */
static enum status load_old_rights(struct load *l)
{
    struct catalog_rights *r = &l->catalog->rights;
    struct arena *a = &l->catalog->arena;
    r->ledgers = arena_alloc_zero(a, 1, sizeof *r->ledgers);
    if (r->ledgers == NULL) return ST_NO_MEMORY;
    r->ledgers[r->ledger_count++] =
        (struct catalog_ledger){.id = CATALOG_LEDGER_ID, .name = span_text("main")};
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.rights\"", count_row));
    r->grants = arena_alloc_zero(a, (size_t)l->count + 2, sizeof *r->grants);
    if (r->grants == NULL) return ST_NO_MEMORY;
    r->grants[r->grant_count++] = (struct catalog_grant){
        .object = CATALOG_LEDGER_ID,
        .rights = SQL_RIGHT_CONNECT | SQL_RIGHT_TEMPORARY | SQL_RIGHT_CREATE};
    r->grants[r->grant_count++] = (struct catalog_grant){
        .object = CATALOG_PUBLIC_ID, .rights = SQL_RIGHT_USAGE | SQL_RIGHT_CREATE};
    return each_row(l,
                    "SELECT table_id, 0, grantee, t.owner, rights, 0 FROM \"trustsql.rights\" "
                    "JOIN \"trustsql.tables\" t ON t.id = table_id ORDER BY table_id, grantee",
                    grant_row);
}

static enum status load_rights(struct load *l)
{
    struct catalog_rights *r = &l->catalog->rights;
    struct arena *a = &l->catalog->arena;
    TRY(each_row(l, "SELECT count(*) FROM sqlite_master WHERE name = 'trustsql.grants'",
                 count_row));
    if (l->count == 0) return load_old_rights(l);
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.grants\"", count_row));
    r->grants = arena_alloc_zero(a, (size_t)l->count + 1, sizeof *r->grants);
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.role_members\"", count_row));
    r->members = arena_alloc_zero(a, (size_t)l->count + 1, sizeof *r->members);
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.ledgers\"", count_row));
    r->ledgers = arena_alloc_zero(a, (size_t)l->count + 1, sizeof *r->ledgers);
    if (r->grants == NULL || r->members == NULL || r->ledgers == NULL) return ST_NO_MEMORY;
    TRY(each_row(l, "SELECT id, name, owner FROM \"trustsql.ledgers\" ORDER BY id", ledger_row));
    TRY(each_row(l,
                 "SELECT m.member, m.role, m.grantor, m.is_admin, coalesce((SELECT r.inherits "
                 "FROM \"trustsql.roles\" r WHERE r.id = m.member), 0) "
                 "FROM \"trustsql.role_members\" m ORDER BY 1, 2",
                 member_row));
    return each_row(l,
                    "SELECT object, part, grantee, grantor, rights, options "
                    "FROM \"trustsql.grants\" ORDER BY object, part, grantee, grantor",
                    grant_row);
}

/* What a later exec_version brings is in the catalog from then on. */
static enum status late_table_row(struct load *l, sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    if (name == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < catalog_chain_count; i++)
        l->is_there[i] =
            l->is_there[i] || span_equal(catalog_chain_tables[i].sqlite_name, span_text(name));
    return ST_OK;
}

static enum status load_tables(struct load *l)
{
    struct sql_catalog *c = l->catalog;
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.tables\"", count_row));
    uint32_t capacity = l->count + catalog_chain_count;
    c->tables = arena_alloc_zero(&c->arena, capacity, sizeof *c->tables);
    c->names = arena_alloc_zero(&c->arena, capacity, sizeof(struct catalog_table *));
    c->columns = arena_alloc_zero(&c->arena, capacity, sizeof(struct catalog_column *));
    c->indexes = arena_alloc_zero(&c->arena, capacity, sizeof(struct catalog_index *));
    if (c->tables == NULL || c->names == NULL) return ST_NO_MEMORY;
    if (c->columns == NULL || c->indexes == NULL) return ST_NO_MEMORY;
    TRY(each_row(l,
                 "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'trustsql.*'",
                 late_table_row));
    for (uint32_t i = 0; i < catalog_chain_count; i++)
        if (sql_catalog_since(catalog_chain_tables[i].id) == 1 || l->is_there[i])
            c->tables[c->table_count++] = catalog_chain_tables[i];
    const uint32_t absent = catalog_chain_count - c->table_count;
    TRY(each_row(l,
                 "SELECT id, schema, name, sqlite_name, owner, "
                 "(SELECT count(*) FROM \"trustsql.columns\" c WHERE c.table_id = t.id), "
                 "(SELECT count(*) FROM \"trustsql.indexes\" i WHERE i.table_id = t.id) "
                 "FROM \"trustsql.tables\" t ORDER BY id",
                 table_row));
    must(c->table_count + absent == capacity);
    return ST_OK;
}

static enum status schema_row(struct load *l, sqlite3_stmt *row)
{
    struct catalog_schema *s = &l->catalog->schemas[l->catalog->schema_count++];
    s->id = (uint64_t)sqlite3_column_int64(row, 0);
    s->owner = (uint64_t)sqlite3_column_int64(row, 2);
    return copy_text(l, row, 1, &s->name);
}

static enum status property_row(struct load *l, sqlite3_stmt *row)
{
    struct property *p = &l->catalog->properties[l->catalog->property_count++];
    p->object = (uint64_t)sqlite3_column_int64(row, 0);
    p->part = (uint32_t)sqlite3_column_int64(row, 1);
    TRY(copy_text(l, row, 2, &p->kind));
    return copy_text(l, row, 3, &p->value);
}

/* Below exec_version 4 there is schema public, and nothing is said of any object. */
static enum status load_schemas(struct load *l)
{
    struct sql_catalog *c = l->catalog;
    TRY(each_row(l, "SELECT count(*) FROM sqlite_master WHERE name = 'trustsql.schemas'",
                 count_row));
    const bool is_there = l->count > 0;
    l->count = 1;
    if (is_there) TRY(each_row(l, "SELECT count(*) FROM \"trustsql.schemas\"", count_row));
    c->schemas = arena_alloc_zero(&c->arena, (size_t)l->count + 1, sizeof *c->schemas);
    if (c->schemas == NULL) return ST_NO_MEMORY;
    if (!is_there) {
        c->schemas[c->schema_count++] =
            (struct catalog_schema){.id = CATALOG_PUBLIC_ID, .name = span_text("public")};
        return ST_OK;
    }
    TRY(each_row(l, "SELECT id, name, owner FROM \"trustsql.schemas\" ORDER BY name", schema_row));
    TRY(each_row(l, "SELECT count(*) FROM \"trustsql.properties\"", count_row));
    c->properties = arena_alloc_zero(&c->arena, (size_t)l->count + 1, sizeof *c->properties);
    if (c->properties == NULL) return ST_NO_MEMORY;
    return each_row(l,
                    "SELECT object, part, kind, value FROM \"trustsql.properties\" "
                    "ORDER BY object, part, kind",
                    property_row);
}

static enum status load_all(struct load *l)
{
    struct sql_catalog *c = l->catalog;
    TRY(each_row(l, "SELECT name, next FROM \"trustsql.sequences\"", sequence_row));
    if (c->version == 0 || c->next_id < CATALOG_FIRST_ID) return ST_CORRUPT;
    TRY(load_schemas(l)); /* Before the tables: what is said of them. */
    TRY(load_tables(l));
    TRY(each_row(l,
                 "SELECT table_id, position, name, type, typmod, is_not_null, default_sql "
                 "FROM \"trustsql.columns\" ORDER BY table_id, position",
                 column_row));
    l->table = NULL;
    TRY(each_row(l,
                 "SELECT table_id, id, kind, name, columns, definition FROM \"trustsql.indexes\" "
                 "ORDER BY table_id, id",
                 index_row));
    TRY(load_rights(l));
    for (uint32_t i = 0; i < c->table_count; i++)
        c->names[i] = &c->tables[i];
    qsort(c->names, c->table_count, sizeof(struct catalog_table *),
          compare_tables); /* C1: no ties. */
    return ST_OK;
}
