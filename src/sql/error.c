/* error.c - A failure of SQLite in PostgreSQL's terms.
 *
 * SQLite names a violated constraint by its table and columns, without quotes. Taking such a text
 * apart would be fooled by names with dots and commas, so the text of every constraint of the
 * catalog is made and compared instead; that costs time only when a statement fails. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/sql.h"

#define UNIQUE_PREFIX   "UNIQUE constraint failed: "
#define NOT_NULL_PREFIX "NOT NULL constraint failed: "
#define CHECK_PREFIX    "CHECK constraint failed: "

static void constraint_error(struct diag *d, const char *text, const struct sql_catalog *catalog);
static bool unique_error(struct diag *d, struct span what, const struct catalog_table *t);
static bool not_null_error(struct diag *d, struct span what, const struct catalog_table *t);
static bool check_error(struct diag *d, struct span what, const struct catalog_table *t);
static bool is_columns(struct span what,
                       const struct catalog_table *t,
                       const struct catalog_index *index);
static bool take(struct span *text, struct span part);
static void list_columns(char out[DIAG_TEXT_MAX],
                         const struct catalog_table *t,
                         const struct catalog_index *index);
static void unnamed_error(struct diag *d, const char *text);
static void other_error(struct diag *d, const char *text, int code);

void sql_error(struct diag *d,
               sqlite3 *connection,
               int code,
               const struct sql_catalog *catalog,
               const struct sql_context *ctx)
{
    const int primary = code & 0xFF;
    must(primary != SQLITE_OK);
    if (ctx != NULL && ctx->diag != NULL && ctx->diag->sqlstate[0] != 0 &&
        (primary == SQLITE_ERROR || primary == SQLITE_ABORT)) {
        if (d != ctx->diag) *d = *ctx->diag;
        return;
    }
    const char *text = sqlite3_errmsg(connection);
    if (primary == SQLITE_CONSTRAINT && catalog != NULL)
        constraint_error(d, text, catalog);
    else if (primary == SQLITE_CONSTRAINT)
        unnamed_error(d, text);
    else
        other_error(d, text, primary);
}

static void constraint_error(struct diag *d, const char *text, const struct sql_catalog *catalog)
{
    static const struct {
        const char *prefix;
        bool (*tell)(struct diag *d, struct span what, const struct catalog_table *t);
    } kinds[] = {{UNIQUE_PREFIX, unique_error},
                 {NOT_NULL_PREFIX, not_null_error},
                 {CHECK_PREFIX, check_error}};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct span what = span_text(text);
        if (!take(&what, span_text(kinds[k].prefix))) continue;
        for (uint32_t i = 0; i < sql_catalog_table_count(catalog); i++) {
            if (kinds[k].tell(d, what, sql_catalog_table_at(catalog, i))) return;
        }
    }
    unnamed_error(d, text);
}

static bool unique_error(struct diag *d, struct span what, const struct catalog_table *t)
{
    for (uint32_t i = 0; i < t->index_count; i++) {
        const struct catalog_index *index = &t->indexes[i];
        const bool is_unique = index->kind == CATALOG_PRIMARY || index->kind == CATALOG_UNIQUE ||
                               index->kind == CATALOG_UNIQUE_INDEX;
        if (!is_unique || !is_columns(what, t, index)) continue;
        char columns[DIAG_TEXT_MAX];
        list_columns(columns, t, index);
        diag_set(d, "23505", "duplicate key value violates unique constraint \"%.*s\"",
                 (int)index->name.size, (const char *)index->name.data);
        diag_detail(d, "Key (%s) already exists.", columns);
        return true;
    }
    return false;
}

static bool not_null_error(struct diag *d, struct span what, const struct catalog_table *t)
{
    if (!take(&what, t->sqlite_name) || !take(&what, span_text("."))) return false;
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(what, catalog_column_name(t, i))) continue;
        const struct span name = t->columns[i].name;
        diag_set(d, "23502",
                 "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint",
                 (int)name.size, (const char *)name.data, (int)t->name.size,
                 (const char *)t->name.data);
        return true;
    }
    return false;
}

static bool is_id(struct span text, uint64_t id)
{
    char wanted[24];
    (void)snprintf(wanted, sizeof wanted, "%" PRIu64, id);
    return span_equal(text, span_text(wanted));
}

/* The constraint's name in SQLite is "table.name", or the name alone, or "k.id". */
static bool check_error(struct diag *d, struct span what, const struct catalog_table *t)
{
    struct span full = what;
    const bool is_full = take(&full, t->sqlite_name) && take(&full, span_text("."));
    if (t->has_own_names && !take(&what, span_text("k."))) return false;
    for (uint32_t i = 0; i < t->index_count; i++) {
        const struct catalog_index *check = &t->indexes[i];
        const bool is_named =
            t->has_own_names ? is_id(what, check->id) : span_equal(what, check->name);
        if (check->kind != CATALOG_CHECK) continue;
        if (!is_named && !(is_full && span_equal(full, check->name))) continue;
        diag_set(d, "23514", "new row for relation \"%.*s\" violates check constraint \"%.*s\"",
                 (int)t->name.size, (const char *)t->name.data, (int)check->name.size,
                 (const char *)check->name.data);
        return true;
    }
    return false;
}

/* what is "table.a, table.b", or "index 'name'" for an index on expressions. */
static bool is_columns(struct span what,
                       const struct catalog_table *t,
                       const struct catalog_index *index)
{
    struct span named = what;
    if (take(&named, span_text("index '")) && take(&named, index->sqlite_name) &&
        span_equal(named, span_text("'")))
        return true;
    for (uint32_t i = 0; i < index->column_count; i++) {
        if (index->columns[i] >= t->column_count) return false; /* An expression. */
        if (i > 0 && !take(&what, span_text(", "))) return false;
        if (!take(&what, t->sqlite_name) || !take(&what, span_text("."))) return false;
        if (!take(&what, catalog_column_name(t, index->columns[i]))) return false;
    }
    return index->column_count > 0 && what.size == 0;
}

/* Remove part from the beginning. */
static bool take(struct span *text, struct span part)
{
    if (text->size < part.size || !span_equal(span_of(text->data, part.size), part)) return false;
    *text = span_of(text->data + part.size, text->size - part.size);
    return true;
}

static void list_columns(char out[DIAG_TEXT_MAX],
                         const struct catalog_table *t,
                         const struct catalog_index *index)
{
    size_t used = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < index->column_count && used < DIAG_TEXT_MAX; i++) {
        const struct span name = index->columns[i] == CATALOG_EXPRESSION
                                     ? index->expressions[i]
                                     : t->columns[index->columns[i]].name;
        const int size = snprintf(out + used, DIAG_TEXT_MAX - used, "%s%.*s", i > 0 ? ", " : "",
                                  (int)name.size, (const char *)name.data);
        if (size < 0) return;
        used += (size_t)size;
    }
}

static void unnamed_error(struct diag *d, const char *text)
{
    const struct span what = span_text(text);
    struct span rest = what;
    if (take(&rest, span_text(UNIQUE_PREFIX)))
        diag_set(d, "23505", "duplicate key value violates a unique constraint (%s)",
                 (const char *)rest.data);
    else if (take(&rest, span_text(NOT_NULL_PREFIX)))
        diag_set(d, "23502", "null value violates the not-null constraint of %s",
                 (const char *)rest.data);
    else if (take(&rest, span_text(CHECK_PREFIX)))
        diag_set(d, "23514", "new row violates check constraint \"%s\"", (const char *)rest.data);
    else if (take(&rest, span_text("FOREIGN KEY")))
        diag_set(d, "23503", "a row is referenced from another table, or refers to none");
    else
        diag_set(d, "23000", "%s", text);
}

/* Limits of SQLite's own parser and code generator, the same on every node. */
static bool is_too_complex(const char *text)
{
    return strstr(text, "parser stack overflow") != NULL ||
           strstr(text, "Expression tree is too large") != NULL ||
           strstr(text, "too many ") != NULL;
}

static void other_error(struct diag *d, const char *text, int code)
{
    switch (code) {
    case SQLITE_INTERRUPT: diag_set(d, "54000", "the statement reached its limit of work"); return;
    case SQLITE_NOMEM: diag_set(d, "53200", "out of memory"); return;
    case SQLITE_FULL: diag_set(d, "53100", "the database is full"); return;
    case SQLITE_TOOBIG:
        diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        return;
    case SQLITE_AUTH: diag_set(d, "42501", "permission denied"); return;
    case SQLITE_READONLY: diag_set(d, "25006", "cannot write in a read-only transaction"); return;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: diag_set(d, "55P03", "the database is busy"); return;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: diag_set(d, "XX001", "stored data are damaged"); return;
    case SQLITE_IOERR: diag_set(d, "58030", "input/output error"); return;
    default: break;
    }
    if (is_too_complex(text))
        diag_set(d, "54001", "statement is nested too deeply");
    else
        diag_set(d, "XX000", "internal error: %s", text);
}
