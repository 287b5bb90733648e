#include "node/explain_table.h"

#include <inttypes.h>

#include "base/must.h"
#include "node/functions.h"
#include "node/vtable.h"

#define DEPTH_MAX 64u

struct cursor {
    struct vtable_cursor base;
    sqlite3_stmt *plan; /* EXPLAIN QUERY PLAN of the text. */
    int ids[DEPTH_MAX]; /* Of the nodes above the present one. */
    uint32_t depth;
    struct buf line;
    struct buf names;
    struct buf text;
    bool analyzes;
    uint32_t told; /* Lines behind the plan. */
    uint64_t rows;
    uint64_t fuel;
    enum status status;
};

static enum status run(struct cursor *c);
static enum status next_node(struct cursor *c);
static void put_detail(struct cursor *c, struct span detail);

static void open_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    buf_init(&c->line, base->mem, 0);
    buf_init(&c->names, base->mem, 0);
    buf_init(&c->text, base->mem, 0);
}

static void close_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    (void)sqlite3_finalize(c->plan);
    buf_fini(&c->line);
    buf_fini(&c->names);
    buf_fini(&c->text);
}

static void plan(sqlite3_index_info *info)
{
    int argument = 0;
    for (int column = 1; column <= 3; column++)
        for (int i = 0; i < info->nConstraint; i++) {
            const struct sqlite3_index_constraint *k = &info->aConstraint[i];
            if (!k->usable || k->iColumn != column || k->op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
            info->aConstraintUsage[i].argvIndex = ++argument;
            info->aConstraintUsage[i].omit = 1;
            break;
        }
    info->estimatedCost = 100;
    info->estimatedRows = 10;
}

static struct span text_of(sqlite3_value *value)
{
    const void *data = sqlite3_value_text(value);
    if (data == NULL) return (struct span){0};
    return span_of(data, (size_t)sqlite3_value_bytes(value));
}

static void range(struct vtable_cursor *base, const char *unused, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    (void)unused;
    c->status = ST_INVALID; /* Only EXPLAIN reads it, with all arguments. */
    if (argc != 3) return;
    buf_put_text(&c->text, "EXPLAIN QUERY PLAN ");
    buf_put(&c->text, text_of(argv[0]));
    buf_put(&c->names, text_of(argv[1]));
    c->analyzes = sqlite3_value_int(argv[2]) != 0;
    c->status = buf_status(&c->text);
    if (c->status == ST_OK) c->status = buf_status(&c->names);
    if (c->status != ST_OK) return;
    const struct span text = buf_span(&c->text);
    const int code = sqlite3_prepare_v2(base->connection, (const char *)text.data, (int)text.size,
                                        &c->plan, NULL);
    c->status = code == SQLITE_OK ? ST_OK : code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_INVALID;
    if (c->status == ST_OK && c->analyzes) c->status = run(c);
}

/* The statement itself, for its rows and fuel: what it takes counts as this reading's. */
static enum status run(struct cursor *c)
{
    static const size_t prefix = sizeof "EXPLAIN QUERY PLAN " - 1;
    const struct chain_tables_source *source = c->base.source;
    const struct span text = buf_span(&c->text);
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(c->base.connection, (const char *)text.data + prefix,
                                  (int)(text.size - prefix), &s, NULL);
    const uint64_t before = source->reader->sql->fuel;
    while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        c->rows++;
        code = SQLITE_OK;
    }
    const uint64_t after = source->reader->sql->fuel;
    const int steps = s == NULL ? 0 : sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
    c->fuel = before > after ? before - after : 0;
    if (c->fuel < (uint64_t)steps) c->fuel = (uint64_t)steps; /* Fuel is taken in large steps. */
    (void)sqlite3_finalize(s);
    if (code == SQLITE_DONE) return ST_OK;
    return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_INVALID;
}

static enum status step(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    (void)is_first;
    if (c->status != ST_OK) return c->status;
    base->rowid++;
    buf_reset(&c->line);
    if (c->plan != NULL) TRY(next_node(c));
    if (c->plan != NULL) return buf_status(&c->line);
    if (c->analyzes && c->told == 0)
        buf_printf(&c->line, "Rows: %" PRIu64, c->rows);
    else if (c->analyzes && c->told == 1)
        buf_printf(&c->line, "Fuel: %" PRIu64, c->fuel);
    else
        base->is_at_end = true;
    c->told++;
    return buf_status(&c->line);
}

/* A node of the plan into the line; the plan is finished when there is none. */
static enum status next_node(struct cursor *c)
{
    const int code = sqlite3_step(c->plan);
    if (code != SQLITE_ROW) {
        (void)sqlite3_finalize(c->plan);
        c->plan = NULL;
        return code == SQLITE_DONE ? ST_OK : code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_INVALID;
    }
    const int parent = sqlite3_column_int(c->plan, 1);
    while (c->depth > 0 && c->ids[c->depth - 1] != parent)
        c->depth--;
    for (uint32_t i = 0; i < c->depth; i++)
        buf_put_text(&c->line, i + 1 == c->depth ? "->  " : "    ");
    const void *detail = sqlite3_column_text(c->plan, 3);
    if (detail == NULL) return ST_NO_MEMORY;
    put_detail(c, span_of(detail, (size_t)sqlite3_column_bytes(c->plan, 3)));
    if (c->depth < DEPTH_MAX) c->ids[c->depth++] = sqlite3_column_int(c->plan, 0);
    return ST_OK;
}

/* The name of source number n; size 0: it has none. */
static struct span name_of(const struct cursor *c, uint32_t n)
{
    const struct span all = buf_span(&c->names);
    for (size_t at = 0; at < all.size;) {
        uint32_t number = 0;
        for (; at < all.size && all.data[at] != '='; at++)
            number = number * 10 + (uint32_t)(all.data[at] - '0');
        const size_t start = ++at;
        while (at < all.size && all.data[at] != '\n')
            at++;
        if (number == n && start <= at && at <= all.size)
            return span_of(all.data + start, at - start);
        at++;
    }
    return (struct span){0};
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* What a user calls the object with SQLite's name t.n, i.n; size 0: none. */
static struct span object_of(const struct cursor *c, uint8_t kind, uint64_t id)
{
    const struct chain_tables_source *source = c->base.source;
    const struct sql_catalog *catalog = source->reader->catalog;
    if (kind == 't') {
        const struct catalog_table *t = sql_catalog_by_id(catalog, id);
        if (t != NULL) return t->name;
    }
    for (uint32_t i = 0; kind == 'i' && i < sql_catalog_table_count(catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(catalog, i);
        for (uint32_t k = 0; k < t->index_count; k++)
            if (t->indexes[k].id == id) return t->indexes[k].name;
    }
    return (struct span){0};
}

/* A word of a plan that is a name of the compiler's: r7, t.1000, i.1002. Its size; *name: the name
 * that it stands for. 0: it is none. */
static size_t read_name(const struct cursor *c, struct span word, struct span *name)
{
    const bool is_object =
        word.size > 2 && (word.data[0] == 't' || word.data[0] == 'i') && word.data[1] == '.';
    const size_t start = is_object ? 2 : 1;
    uint64_t number = 0;
    size_t end = start;
    if (!is_object && word.data[0] != 'r') return 0;
    while (end < word.size && end < start + 18 && is_digit(word.data[end]))
        number = number * 10 + (uint64_t)(word.data[end++] - '0');
    if (end == start) return 0;
    *name = is_object ? object_of(c, word.data[0], number) : name_of(c, (uint32_t)number);
    return name->size == 0 ? 0 : end;
}

static void put_detail(struct cursor *c, struct span detail)
{
    for (size_t i = 0; i < detail.size;) {
        struct span name = {0};
        const bool begins = i > 0 && detail.data[i - 1] == ' ';
        const size_t size =
            begins ? read_name(c, span_of(detail.data + i, detail.size - i), &name) : 0;
        buf_put(&c->line, size > 0 ? name : span_of(detail.data + i, 1));
        i += size > 0 ? size : 1;
    }
}

static enum status column(struct vtable_cursor *base, sqlite3_context *to, int number)
{
    const struct cursor *c = (const struct cursor *)base;
    if (number == 0)
        vtable_put_text(to, buf_span(&c->line));
    else
        sqlite3_result_null(to);
    return ST_OK;
}

static const struct vtable table = {
    .name = "trustsql.explain",
    .declaration = "CREATE TABLE x(c1, text HIDDEN, names HIDDEN, analyze HIDDEN)",
    .cursor_size = sizeof(struct cursor),
    .open = open_cursor,
    .close = close_cursor,
    .plan = plan,
    .range_by = range,
    .step = step,
    .column = column,
};

enum status explain_table_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    return vtable_register(connection, &table, source, source->mem);
}
