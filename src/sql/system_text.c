/* system_text.c - Definitions as PostgreSQL's pg_get_… functions and format_type show them: names,
 * types, indexes, constraints, defaults. Expressions are shown as the catalog keeps them. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/interval.h"
#include "sql/lex.h"
#include "sql/numeric.h"
#include "sql/postgres.h"
#include "sql/system_int.h"

#define LENGTH_OFFSET 4 /* Of the typmod of varchar(n). */

/* --- names --------------------------------------------------------------------------------- */

static bool is_plain_name(struct span name)
{
    if (name.size == 0) return false;
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t c = name.data[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || c == '_';
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_letter && (i == 0 || !is_digit)) return false;
    }
    return !postgres_is_keyword(name);
}

void system_show_name(struct buf *out, struct span name)
{
    if (is_plain_name(name))
        buf_put(out, name);
    else
        sql_put_name(out, name);
}

static void show_qualified(struct buf *out, const struct catalog_table *t)
{
    system_show_name(out, t->schema);
    buf_put_u8(out, '.');
    system_show_name(out, t->name);
}

void system_show_table(struct buf *out,
                       const struct sql_catalog *c,
                       const struct catalog_table *t,
                       struct span path)
{
    if (system_is_visible(c, path, t))
        system_show_name(out, t->name);
    else
        show_qualified(out, t);
}

/* The path of a statement is joined by commas (system_bind.c); no schema has one in its name. */
bool system_path_next(struct span *path, struct span *schema)
{
    if (path->size == 0) return false;
    const uint8_t *end = memchr(path->data, ',', path->size);
    const size_t size = end == NULL ? path->size : (size_t)(end - path->data);
    *schema = span_of(path->data, size);
    const size_t gone = size == path->size ? size : size + 1; /* With the comma. */
    *path = span_of(path->data + gone, path->size - gone);
    return true;
}

bool system_is_visible(const struct sql_catalog *c, struct span path, const struct catalog_table *t)
{
    struct span schema = {0};
    while (system_path_next(&path, &schema)) {
        const struct catalog_table *found = sql_catalog_find(c, schema, t->name);
        if (found != NULL) return found == t;
    }
    return false;
}

/* --- types --------------------------------------------------------------------------------- */

uint32_t system_type_oid(enum sql_type type, int32_t typmod)
{
    return type == SQL_TEXT && typmod >= 0 ? SYSTEM_VARCHAR : (uint32_t)type;
}

static void show_precision(struct buf *out, const char *name, int64_t typmod, const char *rest)
{
    buf_put_text(out, name);
    if (typmod >= 0) buf_printf(out, "(%" PRId64 ")", typmod);
    buf_put_text(out, rest);
}

static void show_interval(struct buf *out, int64_t typmod)
{
    static const struct {
        uint32_t fields;
        const char *words;
    } all[] = {{1u << 2, " year"},
               {1u << 1, " month"},
               {1u << 3, " day"},
               {1u << 10, " hour"},
               {1u << 11, " minute"},
               {1u << 12, " second"},
               {1u << 2 | 1u << 1, " year to month"},
               {1u << 3 | 1u << 10, " day to hour"},
               {1u << 3 | 1u << 10 | 1u << 11, " day to minute"},
               {1u << 3 | 1u << 10 | 1u << 11 | 1u << 12, " day to second"},
               {1u << 10 | 1u << 11, " hour to minute"},
               {1u << 10 | 1u << 11 | 1u << 12, " hour to second"},
               {1u << 11 | 1u << 12, " minute to second"}};
    buf_put_text(out, "interval");
    if (typmod < 0) return;
    const uint32_t fields = (uint32_t)typmod >> 16 & INTERVAL_ALL;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].fields == fields) buf_put_text(out, all[i].words);
    const uint32_t digits = (uint32_t)typmod & 0xFFFFu;
    if (digits != 0xFFFFu) buf_printf(out, "(%u)", (unsigned)digits);
}

static void show_length(struct buf *out, const char *name, int64_t typmod)
{
    buf_put_text(out, name);
    if (typmod >= LENGTH_OFFSET) buf_printf(out, "(%" PRId64 ")", typmod - LENGTH_OFFSET);
}

static void show_number(struct buf *out, int64_t typmod)
{
    buf_put_text(out, "numeric");
    if (typmod < LENGTH_OFFSET) return;
    buf_printf(out, "(%u,%d)", (unsigned)numeric_typmod_precision((int32_t)typmod),
               (int)numeric_typmod_scale((int32_t)typmod));
}

/* typmod −1: none. */
static void show_scalar(struct buf *out, uint32_t oid, int64_t typmod)
{
    switch (oid) {
    case SYSTEM_VARCHAR: show_length(out, "character varying", typmod); return;
    case SQL_BPCHAR: show_length(out, "character", typmod); return;
    case SQL_NUMERIC: show_number(out, typmod); return;
    case SQL_INTERVAL: show_interval(out, typmod); return;
    case SQL_TIME: show_precision(out, "time", typmod, " without time zone"); return;
    case SQL_TIMESTAMP: show_precision(out, "timestamp", typmod, " without time zone"); return;
    case SQL_TIMESTAMPTZ: show_precision(out, "timestamp", typmod, " with time zone"); return;
    default: break;
    }
    const struct sql_type_info *t = sql_type_find(oid);
    buf_put_text(out, t == NULL ? "???" : t->title);
}

void system_show_type(struct buf *out, uint32_t oid, int64_t typmod)
{
    const struct sql_type_info *t = sql_type_find(oid);
    const bool is_vector = oid == SQL_INT2VECTOR || oid == SQL_OIDVECTOR;
    if (oid == 0) {
        buf_put_u8(out, '-');
        return;
    }
    if (oid == SYSTEM_VARCHAR_ARRAY) {
        show_scalar(out, SYSTEM_VARCHAR, typmod);
        buf_put_text(out, "[]");
    } else if (t != NULL && t->category == 'A' && !is_vector) {
        show_scalar(out, (uint32_t)t->element, typmod);
        buf_put_text(out, "[]");
    } else {
        show_scalar(out, oid, typmod);
    }
}

/* --- indexes ------------------------------------------------------------------------------- */

/* A call stands alone, anything else in brackets. */
static bool is_call(struct span text)
{
    size_t at = 0;
    uint32_t depth = 0;
    while (at < text.size && (text.data[at] == '_' || text.data[at] == '.' ||
                              (text.data[at] >= 'a' && text.data[at] <= 'z') ||
                              (text.data[at] >= '0' && text.data[at] <= '9')))
        at++;
    if (at == 0 || at == text.size || text.data[at] != '(') return false;
    for (; at < text.size; at++) {
        depth += text.data[at] == '(';
        if (text.data[at] == ')' && --depth == 0) break;
    }
    return at + 1 == text.size;
}

struct span system_index_column_name(const struct catalog_table *t,
                                     const struct catalog_index *i,
                                     uint32_t column)
{
    must(column < i->column_count);
    const uint32_t position = i->columns[column];
    if (position != CATALOG_EXPRESSION) return t->columns[position].name;
    const struct span text = i->expressions[column];
    if (!is_call(text)) return span_text("expr");
    const uint8_t *end = memchr(text.data, '(', text.size);
    return span_of(text.data, (size_t)(end - text.data));
}

void system_show_index_column(struct buf *out,
                              const struct catalog_table *t,
                              const struct catalog_index *i,
                              uint32_t column)
{
    must(column < i->column_count);
    const uint32_t position = i->columns[column];
    if (position != CATALOG_EXPRESSION)
        system_show_name(out, t->columns[position].name);
    else if (is_call(i->expressions[column]))
        buf_put(out, i->expressions[column]);
    else
        buf_printf(out, "(%.*s)", (int)i->expressions[column].size,
                   (const char *)i->expressions[column].data);
}

static void show_order(struct buf *out, uint8_t options)
{
    const bool is_desc = (options & CATALOG_DESC) != 0;
    if (is_desc) buf_put_text(out, " DESC");
    if (is_desc && (options & CATALOG_NULLS_LAST) != 0) buf_put_text(out, " NULLS LAST");
    if (!is_desc && (options & CATALOG_NULLS_FIRST) != 0) buf_put_text(out, " NULLS FIRST");
}

static void show_pattern(struct buf *out, const struct catalog_column *c)
{
    const char *varying = c->typmod >= 0 ? " varchar_pattern_ops" : " text_pattern_ops";
    buf_put_text(out, c->type == SQL_BPCHAR ? " bpchar_pattern_ops" : varying);
}

void system_show_index(struct buf *out,
                       const struct catalog_table *t,
                       const struct catalog_index *i,
                       bool is_pretty)
{
    buf_put_text(out, i->kind == CATALOG_INDEX ? "CREATE INDEX " : "CREATE UNIQUE INDEX ");
    system_show_name(out, i->name);
    buf_put_text(out, " ON ");
    show_qualified(out, t);
    buf_put_text(out, " USING btree (");
    for (uint32_t k = 0; k < i->column_count; k++) {
        if (k > 0) buf_put_text(out, ", ");
        system_show_index_column(out, t, i, k);
        if ((i->options[k] & CATALOG_PATTERN) != 0) show_pattern(out, &t->columns[i->columns[k]]);
        show_order(out, i->options[k]);
    }
    buf_put_u8(out, ')');
    if (i->predicate.size == 0) return;
    buf_printf(out, is_pretty ? " WHERE %.*s" : " WHERE (%.*s)", (int)i->predicate.size,
               (const char *)i->predicate.data);
}

/* --- constraints --------------------------------------------------------------------------- */

static void show_columns(struct buf *out,
                         const struct catalog_table *t,
                         const uint32_t *columns,
                         uint32_t count)
{
    buf_put_u8(out, '(');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        system_show_name(out, t->columns[columns[i]].name);
    }
    buf_put_u8(out, ')');
}

static const char *action_text(enum catalog_action action)
{
    switch (action) {
    case CATALOG_RESTRICT: return "RESTRICT";
    case CATALOG_CASCADE: return "CASCADE";
    case CATALOG_SET_NULL: return "SET NULL";
    case CATALOG_SET_DEFAULT: return "SET DEFAULT";
    case CATALOG_NO_ACTION: break;
    }
    return NULL;
}

static void show_foreign(struct buf *out,
                         const struct system_shown *how,
                         const struct catalog_table *t,
                         const struct catalog_index *i)
{
    const struct catalog_foreign *f = i->foreign;
    const struct catalog_table *other = sql_catalog_by_id(how->catalog, f->table_id);
    must(other != NULL); /* catalog.c: foreign_of */
    buf_put_text(out, "FOREIGN KEY ");
    show_columns(out, t, i->columns, i->column_count);
    buf_put_text(out, " REFERENCES ");
    system_show_table(out, how->catalog, other, how->path);
    show_columns(out, other, f->columns, i->column_count);
    if (f->is_full) buf_put_text(out, " MATCH FULL");
    if (action_text(f->on_update) != NULL)
        buf_printf(out, " ON UPDATE %s", action_text(f->on_update));
    if (action_text(f->on_delete) != NULL)
        buf_printf(out, " ON DELETE %s", action_text(f->on_delete));
    if (f->set_count > 0) {
        buf_put_u8(out, ' ');
        show_columns(out, t, f->set_columns, f->set_count);
    }
    if (f->is_deferrable) buf_put_text(out, " DEFERRABLE");
    if (f->is_deferred) buf_put_text(out, " INITIALLY DEFERRED");
    if (!f->is_valid) buf_put_text(out, " NOT VALID");
}

void system_show_constraint(struct buf *out,
                            const struct system_shown *how,
                            const struct catalog_table *t,
                            const struct catalog_index *i)
{
    const char *open = how->is_pretty ? "CHECK (" : "CHECK ((";
    switch (i->kind) {
    case CATALOG_CHECK:
        buf_put_text(out, open);
        buf_put(out, i->definition);
        buf_put_text(out, how->is_pretty ? ")" : "))");
        return;
    case CATALOG_FOREIGN: show_foreign(out, how, t, i); return;
    case CATALOG_PRIMARY: buf_put_text(out, "PRIMARY KEY "); break;
    case CATALOG_UNIQUE:
    case CATALOG_UNIQUE_INDEX: buf_put_text(out, "UNIQUE "); break;
    case CATALOG_INDEX: return;
    }
    show_columns(out, t, i->columns, i->column_count);
}

uint32_t system_columns_named(uint32_t columns[CATALOG_KEY_COLUMNS_MAX],
                              const struct catalog_table *t,
                              struct span expression)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->column_count && count < CATALOG_KEY_COLUMNS_MAX; i++) {
        bool is_named = false;
        struct lex_token k = lex_next(expression, 0);
        for (; k.kind != LEX_END && !is_named; k = lex_next(expression, k.start + k.size)) {
            struct span word = span_of(expression.data + k.start, k.size);
            if (word.size > 2 && word.data[0] == '"') word = span_of(word.data + 1, word.size - 2);
            is_named = span_equal(word, t->columns[i].name);
        }
        if (is_named) columns[count++] = i;
    }
    return count;
}

/* --- defaults ------------------------------------------------------------------------------ */

bool system_has_default(const struct catalog_column *c)
{
    /* DEFAULT NULL is none. */
    const bool is_given = c->default_sql.size > 0 && !span_equal(c->default_sql, span_text("NULL"));
    return c->generated.size > 0 || (is_given && c->identity == 0);
}

/* One string constant, whose type PostgreSQL names. */
static bool is_string(struct span text)
{
    if (text.size < 2 || text.data[0] != '\'') return false;
    const struct lex_token first = lex_next(text, 0);
    return first.kind == LEX_STRING && first.size == text.size;
}

void system_show_default(struct buf *out, const struct catalog_column *c)
{
    const struct span text = c->generated.size > 0 ? c->generated : c->default_sql;
    buf_put(out, text);
    if (!is_string(text)) return;
    buf_put_text(out, "::");
    system_show_type(out, system_type_oid(c->type, c->typmod), -1);
}

uint32_t system_default_oid(const struct catalog_table *t, uint32_t column)
{
    return (uint32_t)((t->id * SQL_COLUMNS_MAX + column) % 2000000000u) + 2000000000u;
}

/* --- look-up ------------------------------------------------------------------------------- */

const struct catalog_index *system_index_by_id(const struct sql_catalog *c,
                                               uint64_t id,
                                               const struct catalog_table **table)
{
    for (uint32_t i = 0; id >= CATALOG_FIRST_ID && i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        for (uint32_t k = 0; k < t->index_count; k++) {
            if (t->indexes[k].id != id) continue;
            *table = t;
            return &t->indexes[k];
        }
    }
    return NULL;
}

uint32_t system_schema_oid(const struct sql_catalog *c, struct span name)
{
    if (span_equal(name, span_text("trustsql"))) return SYSTEM_CHAIN_OID;
    if (span_equal(name, span_text("pg_catalog"))) return SYSTEM_CATALOG_OID;
    if (span_equal(name, span_text("information_schema"))) return SYSTEM_INFORMATION_OID;
    const struct catalog_schema *s = sql_catalog_schema(c, name);
    if (s == NULL) return 0;
    return s->id == CATALOG_PUBLIC_ID ? SYSTEM_PUBLIC_OID : system_oid(s->id);
}

struct span system_schema_of(const struct sql_catalog *c, uint32_t oid)
{
    if (oid == SYSTEM_CHAIN_OID) return span_text("trustsql");
    if (oid == SYSTEM_CATALOG_OID) return span_text("pg_catalog");
    if (oid == SYSTEM_INFORMATION_OID) return span_text("information_schema");
    for (uint32_t i = 0; i < sql_catalog_schema_count(c); i++) {
        const struct catalog_schema *s = sql_catalog_schema_at(c, i);
        if (system_schema_oid(c, s->name) == oid) return s->name;
    }
    return (struct span){0};
}
