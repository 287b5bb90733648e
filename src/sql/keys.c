/* keys.c - See keys.h: notes, and the statements that look at them. */
#include "sql/keys.h"

#include <inttypes.h>

#include "base/must.h"
#include "sql/function_int.h"
#include "sql/quote.h"

/* A note: size u32, table u64, key u64, event u8, count u8, then each value: a letter, and of an
 * integer 8 bytes, of text and blob a size u32 and the bytes. All little-endian. */
#define NOTE_HEAD 22u

enum value_kind { VALUE_NULL = 'n', VALUE_INTEGER = 'i', VALUE_TEXT = 't', VALUE_BLOB = 'b' };

bool sql_key_find(const struct sql_catalog *c, uint64_t table, uint64_t id, struct sql_key *out)
{
    const struct catalog_table *t = sql_catalog_by_id(c, table);
    for (uint32_t i = 0; t != NULL && i < t->index_count; i++) {
        if (t->indexes[i].id != id || t->indexes[i].foreign == NULL) continue;
        *out = (struct sql_key){.table = t,
                                .index = &t->indexes[i],
                                .other = sql_catalog_by_id(c, t->indexes[i].foreign->table_id)};
        return out->other != NULL;
    }
    return false;
}

/* --- notes --------------------------------------------------------------------------------- */

static void put_value(struct buf *out, sqlite3_value *v)
{
    const int kind = sqlite3_value_type(v);
    if (kind == SQLITE_NULL) {
        buf_put_u8(out, VALUE_NULL);
    } else if (kind == SQLITE_INTEGER) {
        buf_put_u8(out, VALUE_INTEGER);
        buf_put_u64_le(out, (uint64_t)sqlite3_value_int64(v));
    } else {
        const struct span bytes = function_bytes(v);
        buf_put_u8(out, kind == SQLITE_TEXT ? VALUE_TEXT : VALUE_BLOB);
        buf_put_u32_le(out, (uint32_t)bytes.size);
        buf_put(out, bytes);
    }
}

static void note_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_context *ctx = sqlite3_user_data(c);
    struct buf *out = ctx->key_notes;
    must(count > 3);
    if (out == NULL || !function_charge(c, 1)) return;
    const size_t start = out->size;
    const struct span event = function_bytes(args[2]);
    must(event.size == 1);
    buf_put_u32_le(out, 0);
    buf_put_u64_le(out, (uint64_t)sqlite3_value_int64(args[0]));
    buf_put_u64_le(out, (uint64_t)sqlite3_value_int64(args[1]));
    buf_put_u8(out, event.data[0]);
    buf_put_u8(out, (uint8_t)(count - 3));
    for (int i = 3; i < count; i++)
        put_value(out, args[i]);
    const enum status st = buf_status(out);
    if (st == ST_OK) {
        const uint32_t size = (uint32_t)(out->size - start);
        for (uint32_t i = 0; i < 4; i++)
            out->data[start + i] = (uint8_t)(size >> (8 * i));
    } else if (st == ST_LIMIT) {
        function_fail(c, "54000", "the statement changes too many rows of foreign keys");
    } else {
        function_no_memory(c);
    }
}

const struct native function_keys[] = {
    {.name = "sql_key_note", .args = -1, .call = note_call},
    {.name = NULL},
};

static uint64_t number_at(const uint8_t *data, uint32_t size)
{
    uint64_t value = 0;
    for (uint32_t i = size; i > 0; i--)
        value = value << 8 | data[i - 1];
    return value;
}

/* The size of the value that begins at data; 0: there is none. */
static size_t value_size(struct span rest)
{
    if (rest.size == 0) return 0;
    size_t size = 1;
    switch (rest.data[0]) {
    case VALUE_NULL: return size;
    case VALUE_INTEGER: size += 8; break;
    case VALUE_TEXT:
    case VALUE_BLOB:
        if (rest.size < 5) return 0;
        size += 4 + number_at(rest.data + 1, 4);
        break;
    default: return 0;
    }
    return size <= rest.size ? size : 0;
}

enum status sql_key_note_next(struct span *rest, struct sql_key_note *out)
{
    if (rest->size < NOTE_HEAD) return ST_CORRUPT;
    const size_t size = (size_t)number_at(rest->data, 4);
    if (size < NOTE_HEAD || size > rest->size) return ST_CORRUPT;
    *out = (struct sql_key_note){.table = number_at(rest->data + 4, 8),
                                 .key = number_at(rest->data + 12, 8),
                                 .event = (enum sql_key_event)rest->data[20],
                                 .count = rest->data[21],
                                 .values = span_of(rest->data + NOTE_HEAD, size - NOTE_HEAD),
                                 .bytes = span_of(rest->data, size)};
    struct span values = out->values;
    for (uint32_t i = 0; i < out->count; i++) {
        const size_t one = value_size(values);
        if (one == 0) return ST_CORRUPT;
        out->has_null = out->has_null || values.data[0] == VALUE_NULL;
        values = span_of(values.data + one, values.size - one);
    }
    *rest = span_of(rest->data + size, rest->size - size);
    return values.size == 0 ? ST_OK : ST_CORRUPT;
}

enum status sql_key_note_bind(const struct sql_key_note *note, sqlite3_stmt *stmt, uint32_t count)
{
    struct span rest = note->values;
    must(count <= note->count);
    for (uint32_t i = 0; i < count; i++) {
        const size_t size = value_size(rest);
        must(size > 0); /* sql_key_note_next has looked. */
        const uint8_t *data = rest.data + 1;
        const int at = (int)i + 1;
        int code = SQLITE_OK;
        if (rest.data[0] == VALUE_NULL)
            code = sqlite3_bind_null(stmt, at);
        else if (rest.data[0] == VALUE_INTEGER)
            code = sqlite3_bind_int64(stmt, at, (sqlite3_int64)number_at(data, 8));
        else if (rest.data[0] == VALUE_TEXT)
            code = sqlite3_bind_text64(stmt, at, (const char *)data + 4, size - 5, SQLITE_STATIC,
                                       SQLITE_UTF8);
        else
            code = sqlite3_bind_blob64(stmt, at, data + 4, size - 5, SQLITE_STATIC);
        if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
        if (code != SQLITE_OK) return ST_INVALID;
        rest = span_of(rest.data + size, rest.size - size);
    }
    return ST_OK;
}

/* --- statements ---------------------------------------------------------------------------- */

static void put_table(struct buf *out, const struct catalog_table *t)
{
    sql_put_name(out, t->schema);
    buf_put_u8(out, '.');
    sql_put_name(out, t->name);
}

static struct span own_name(const struct sql_key *k, uint32_t i)
{
    return k->table->columns[k->index->columns[i]].name;
}

static struct span other_name(const struct sql_key *k, uint32_t i)
{
    return k->other->columns[k->index->foreign->columns[i]].name;
}

/* alias."a" = $1 AND … */
static void put_match(struct buf *out, const struct sql_key *k, bool is_own, const char *operator)
{
    for (uint32_t i = 0; i < k->index->column_count; i++) {
        if (i > 0) buf_put_text(out, " AND ");
        buf_put_text(out, "x.");
        sql_put_name(out, is_own ? own_name(k, i) : other_name(k, i));
        buf_printf(out, " %s $%u", operator, i + 1);
    }
}

static void put_exists(struct buf *out, const struct sql_key *k, bool is_own, const char *operator)
{
    buf_put_text(out, "SELECT EXISTS (SELECT 1 FROM ");
    put_table(out, is_own ? k->table : k->other);
    buf_put_text(out, " x WHERE ");
    put_match(out, k, is_own, operator);
    buf_put_u8(out, ')');
}

static bool is_set(const struct sql_key *k, uint32_t column, bool is_delete)
{
    const struct catalog_foreign *f = k->index->foreign;
    if (!is_delete || f->set_count == 0) return true;
    for (uint32_t i = 0; i < f->set_count; i++)
        if (f->set_columns[i] == column) return true;
    return false;
}

static void put_action(struct buf *out, const struct sql_key *k, bool is_delete)
{
    const struct catalog_foreign *f = k->index->foreign;
    const enum catalog_action action = is_delete ? f->on_delete : f->on_update;
    uint32_t count = 0;
    buf_put_text(out, is_delete && action == CATALOG_CASCADE ? "DELETE FROM " : "UPDATE ");
    put_table(out, k->table);
    buf_put_text(out, " x");
    for (uint32_t i = 0; i < k->index->column_count; i++) {
        if (is_delete && action == CATALOG_CASCADE) break;
        if (!is_set(k, k->index->columns[i], is_delete)) continue;
        buf_put_text(out, count++ == 0 ? " SET " : ", ");
        sql_put_name(out, own_name(k, i));
        if (action == CATALOG_CASCADE)
            buf_printf(out, " = $%u", k->index->column_count + i + 1);
        else
            buf_put_text(out, action == CATALOG_SET_NULL ? " = NULL" : " = DEFAULT");
    }
    buf_put_text(out, " WHERE ");
    put_match(out, k, true, "=");
}

/* Rows of the key's table that break it; is_mixed: whose key is null in part. */
static void put_wrong(struct buf *out, const struct sql_key *k, bool is_mixed)
{
    const bool is_full = k->index->foreign->is_full;
    buf_put_text(out, "SELECT EXISTS (SELECT 1 FROM ");
    put_table(out, k->table);
    buf_put_text(out, " x WHERE (");
    for (uint32_t i = 0; i < k->index->column_count; i++) {
        if (i > 0) buf_put_text(out, is_full ? " OR x." : " AND x.");
        if (i == 0) buf_put_text(out, "x.");
        sql_put_name(out, own_name(k, i));
        buf_put_text(out, " IS NOT NULL");
    }
    buf_put_text(out, ") AND (");
    for (uint32_t i = 0; is_mixed && i < k->index->column_count; i++) {
        buf_put_text(out, i > 0 ? " OR x." : "x.");
        sql_put_name(out, own_name(k, i));
        buf_put_text(out, " IS NULL");
    }
    if (!is_mixed) {
        buf_put_text(out, "NOT EXISTS (SELECT 1 FROM ");
        put_table(out, k->other);
        buf_put_text(out, " y WHERE ");
        for (uint32_t i = 0; i < k->index->column_count; i++) {
            buf_put_text(out, i > 0 ? " AND y." : "y.");
            sql_put_name(out, other_name(k, i));
            buf_put_text(out, " = x.");
            sql_put_name(out, own_name(k, i));
        }
        buf_put_u8(out, ')');
    }
    buf_put_text(out, "))");
}

static void put_types(struct sql_key_text *out, const struct sql_key *k, bool is_own)
{
    for (uint32_t i = 0; i < k->index->column_count; i++)
        out->types[out->type_count++] = is_own
                                            ? k->table->columns[k->index->columns[i]].type
                                            : k->other->columns[k->index->foreign->columns[i]].type;
}

enum status sql_key_text(struct sql_key_text *out,
                         const struct sql_key *k,
                         enum sql_key_query query)
{
    struct buf *text = &out->text;
    must(k->index->foreign != NULL);
    must(k->index->column_count <= CATALOG_KEY_COLUMNS_MAX);
    buf_reset(text);
    out->type_count = 0;
    switch (query) {
    case SQL_KEY_HAS_OTHER:
    case SQL_KEY_HAS_OWN:
        put_types(out, k, true);
        put_exists(text, k, query == SQL_KEY_HAS_OWN,
                   query == SQL_KEY_HAS_OWN ? "IS NOT DISTINCT FROM" : "=");
        break;
    case SQL_KEY_HAS_REFERRING:
    case SQL_KEY_HAS_SAME:
        put_types(out, k, false);
        put_exists(text, k, query == SQL_KEY_HAS_REFERRING, "=");
        break;
    case SQL_KEY_ACT_UPDATE:
        put_types(out, k, false);
        if (k->index->foreign->on_update == CATALOG_CASCADE) put_types(out, k, false);
        put_action(text, k, false);
        break;
    case SQL_KEY_ACT_DELETE:
        put_types(out, k, false);
        put_action(text, k, true);
        break;
    case SQL_KEY_HAS_WRONG: put_wrong(text, k, false); break;
    case SQL_KEY_HAS_MIXED: put_wrong(text, k, true); break;
    }
    return buf_status(text);
}

/* --- errors -------------------------------------------------------------------------------- */

static void list_columns(struct buf *out, const struct sql_key *k, bool is_own)
{
    for (uint32_t i = 0; i < k->index->column_count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        buf_put(out, is_own ? own_name(k, i) : other_name(k, i));
    }
}

void sql_key_violated(struct diag *d, const struct sql_key *k, enum sql_key_fault fault)
{
    char names[DIAG_TEXT_MAX];
    struct buf list;
    const struct span name = k->index->name;
    const struct span table = k->table->name;
    const struct span other = k->other->name;
    const bool is_gone = fault == SQL_KEY_STILL_REFERENCED;
    buf_init_fixed(&list, names, sizeof names); /* What does not fit is left out. */
    list_columns(&list, k, !is_gone);
    if (is_gone) {
        diag_set(d, "23503",
                 "update or delete on table \"%.*s\" violates foreign key constraint \"%.*s\" on "
                 "table \"%.*s\"",
                 (int)other.size, (const char *)other.data, (int)name.size, (const char *)name.data,
                 (int)table.size, (const char *)table.data);
        diag_detail(d, "Key (%.*s) is still referenced from table \"%.*s\".", (int)list.size, names,
                    (int)table.size, (const char *)table.data);
        return;
    }
    diag_set(d, "23503",
             "insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"",
             (int)table.size, (const char *)table.data, (int)name.size, (const char *)name.data);
    if (fault == SQL_KEY_MIXED)
        diag_detail(d, "MATCH FULL does not allow mixing of null and nonnull key values.");
    else
        diag_detail(d, "Key (%.*s) is not present in table \"%.*s\".", (int)list.size, names,
                    (int)other.size, (const char *)other.data);
}

/* --- triggers ------------------------------------------------------------------------------ */

struct trigger {
    struct buf *out;
    const struct catalog_table *table;
    const struct sql_catalog *catalog;
    char event; /* i, u, d */
};

static void put_column(const struct trigger *t, const char *version, uint32_t column)
{
    buf_put_text(t->out, version);
    sql_put_name(t->out, catalog_column_name(t->table, column));
}

/* " AND (OLD.a COLLATE BINARY IS NOT NEW.a OR …)": equal values in other bytes count, too. */
static void put_change(const struct trigger *t, const uint32_t *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_column(t, i == 0 ? " AND (OLD." : " OR OLD.", columns[i]);
        put_column(t, " COLLATE BINARY IS NOT NEW.", columns[i]);
    }
    buf_put_u8(t->out, ')');
}

static void put_not_null(const struct trigger *t,
                         const char *version,
                         const uint32_t *columns,
                         const struct catalog_index *index)
{
    const bool is_any = version[0] == 'N' && index->foreign->is_full;
    buf_put_text(t->out, " WHERE (");
    for (uint32_t i = 0; i < index->column_count; i++) {
        if (i > 0) buf_put_text(t->out, is_any ? " OR " : " AND ");
        put_column(t, version, columns[i]);
        buf_put_text(t->out, " IS NOT NULL");
    }
    buf_put_u8(t->out, ')');
}

static void put_note(const struct trigger *t,
                     const struct catalog_table *of,
                     const struct catalog_index *index,
                     bool is_own)
{
    const uint32_t *columns = is_own ? index->columns : index->foreign->columns;
    char event = t->event;
    if (is_own) event = 'i';
    const char *version = is_own ? "NEW." : "OLD.";
    buf_printf(t->out, " SELECT sql_key_note(%" PRIu64 ", %" PRIu64 ", '%c'", of->id, index->id,
               event);
    for (uint32_t i = 0; i < index->column_count; i++) {
        buf_put_text(t->out, ", ");
        put_column(t, version, columns[i]);
    }
    for (uint32_t i = 0; event == 'u' && i < index->column_count; i++)
        put_column(t, ", NEW.", columns[i]);
    buf_put_u8(t->out, ')');
    put_not_null(t, version, columns, index);
    if (t->event == 'u') put_change(t, columns, index->column_count);
    buf_put_u8(t->out, ';');
}

static void put_columns(const struct trigger *t,
                        const uint32_t *columns,
                        uint32_t count,
                        bool *is_first)
{
    for (uint32_t i = 0; i < count; i++) {
        put_column(t, *is_first ? " " : ", ", columns[i]);
        *is_first = false;
    }
}

/* Those that refer to the table first, as in PostgreSQL; each in order of creation. */
static void each_key(const struct trigger *t,
                     void (*do_it)(const struct trigger *t,
                                   const struct catalog_table *of,
                                   const struct catalog_index *index,
                                   bool is_own,
                                   void *context),
                     void *context)
{
    for (uint32_t i = 0; t->event != 'i' && i < sql_catalog_table_count(t->catalog); i++) {
        const struct catalog_table *of = sql_catalog_table_at(t->catalog, i);
        for (uint32_t k = 0; k < of->index_count; k++)
            if (of->indexes[k].foreign != NULL && of->indexes[k].foreign->table_id == t->table->id)
                do_it(t, of, &of->indexes[k], false, context);
    }
    for (uint32_t k = 0; t->event != 'd' && k < t->table->index_count; k++)
        if (t->table->indexes[k].foreign != NULL)
            do_it(t, t->table, &t->table->indexes[k], true, context);
}

static void visit_columns(const struct trigger *t,
                          const struct catalog_table *of,
                          const struct catalog_index *index,
                          bool is_own,
                          void *context)
{
    (void)of;
    put_columns(t, is_own ? index->columns : index->foreign->columns, index->column_count, context);
}

static void visit_note(const struct trigger *t,
                       const struct catalog_table *of,
                       const struct catalog_index *index,
                       bool is_own,
                       void *context)
{
    (void)context;
    put_note(t, of, index, is_own);
}

static void visit_count(const struct trigger *t,
                        const struct catalog_table *of,
                        const struct catalog_index *index,
                        bool is_own,
                        void *context)
{
    uint32_t *count = context;
    (void)t;
    (void)of;
    (void)index;
    (void)is_own;
    ++*count;
}

static void put_trigger(const struct trigger *t)
{
    uint32_t count = 0;
    bool is_first = true;
    buf_printf(t->out, "DROP TRIGGER IF EXISTS \"f.%" PRIu64 ".%c\"", t->table->id, t->event);
    buf_put_u8(t->out, 0);
    each_key(t, visit_count, &count);
    if (count == 0) return;
    buf_printf(t->out, "CREATE TRIGGER \"f.%" PRIu64 ".%c\" AFTER %s", t->table->id, t->event,
               t->event == 'i'   ? "INSERT"
               : t->event == 'd' ? "DELETE"
                                 : "UPDATE OF");
    if (t->event == 'u') each_key(t, visit_columns, &is_first);
    buf_put_text(t->out, " ON ");
    sql_put_name(t->out, t->table->sqlite_name);
    buf_put_text(t->out, " BEGIN");
    each_key(t, visit_note, NULL);
    buf_put_text(t->out, " END");
    buf_put_u8(t->out, 0);
}

enum status sql_key_triggers(struct buf *out,
                             const struct sql_catalog *c,
                             const struct catalog_table *t)
{
    static const char events[] = {'i', 'u', 'd'};
    must(t->relation == CATALOG_TABLE);
    for (size_t i = 0; i < sizeof events; i++) {
        const struct trigger trigger = {.out = out, .table = t, .catalog = c, .event = events[i]};
        put_trigger(&trigger);
    }
    return buf_status(out);
}
