/* func_system.c - The functions of the system catalogs: objects by oid and by name, rights, and the
 * definitions of system_text.c.
 *
 * An argument that is NULL gives NULL; an oid of nothing gives NULL, too, as in PostgreSQL where it
 * does not fail. Registered on connections that read, with the catalog of the statement. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/array.h"
#include "sql/ddl_sequence.h"
#include "sql/function_int.h"
#include "sql/system_int.h"

#define OID_DIGITS 10u

static struct system *system_of(sqlite3_context *c)
{
    return sqlite3_user_data(c);
}

/* False: an argument is NULL, or nothing can be said. The functions of function_int.h expect the
 * statement's context; these have a struct system, and charge by themselves. */
static bool begin(sqlite3_context *c,
                  int count,
                  sqlite3_value **args,
                  const struct sql_catalog **out)
{
    struct system *s = system_of(c);
    for (int i = 0; i < count; i++)
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) return false;
    *out = system_catalog(s);
    if (*out == NULL) {
        sqlite3_result_error(c, "no catalog", -1);
        return false;
    }
    return true;
}

struct failure { /* The message is what, the name in quotes, and rest. */
    const char *sqlstate;
    const char *what;
    const char *rest;
};

static const struct failure no_fuel = {"54000", "the statement reached its limit of work", NULL};
static const struct failure no_relation = {"42P01", "relation", "does not exist"};
static const struct failure no_type = {"42704", "type", "does not exist"};
static const struct failure no_schema = {"3F000", "schema", "does not exist"};
static const struct failure no_role = {"42704", "role", "does not exist"};
static const struct failure no_function = {"42883", "function", "does not exist"};
static const struct failure no_column = {"42703", "column", "of the relation does not exist"};
static const struct failure no_change = {
    "0A000", "set_config changes a setting only as a statement of its own", NULL};
static const struct failure no_record = {"0A000", "_pg_expandarray is there for arrays of integers",
                                         NULL};
static const struct failure no_oid = {"22003", "OID out of range", NULL};

static void fail(sqlite3_context *c, const struct failure *f, struct span name)
{
    struct diag *to = system_context(system_of(c))->diag;
    struct diag d;
    if (f->rest == NULL)
        diag_set(&d, f->sqlstate, "%s", f->what);
    else
        diag_set(&d, f->sqlstate, "%s \"%.*s\" %s", f->what, (int)name.size,
                 (const char *)name.data, f->rest);
    if (to->sqlstate[0] == 0) *to = d;
    sqlite3_result_error(c, d.message, -1);
}

/* The buffer's text; ends it. */
static void give(sqlite3_context *c, struct buf *b)
{
    struct sql_context *ctx = system_context(system_of(c));
    const struct span text = buf_span(b);
    if (buf_status(b) != ST_OK) {
        sqlite3_result_error_nomem(c);
    } else if (ctx->fuel < text.size) {
        ctx->fuel = 0;
        fail(c, &no_fuel, (struct span){0});
    } else {
        ctx->fuel -= text.size;
        sqlite3_result_text64(c, (const char *)text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    buf_fini(b);
}

static void return_flag(sqlite3_context *c, bool value)
{
    sqlite3_result_int(c, value ? 1 : 0);
}

static uint32_t oid_arg(sqlite3_value *value)
{
    return (uint32_t)sqlite3_value_int64(value);
}

static const struct catalog_table *table_arg(const struct sql_catalog *c, sqlite3_value *value)
{
    const uint64_t id = system_id(oid_arg(value));
    return id == 0 ? NULL : sql_catalog_by_id(c, id);
}

/* --- roles --------------------------------------------------------------------------------- */

bool system_role_read(const struct system *s, uint64_t account, struct system_role *out)
{
    sqlite3_stmt *stmt = NULL;
    bool is_there = account == 0;
    out->is_super = account == 0;
    out->is_admin = account == 0;
    out->can_log_in = account != 0;
    (void)snprintf(out->name, out->name_size, "%s", "trustsql");
    if (account == 0) return true;
    (void)snprintf(out->name, out->name_size, "unknown (OID=%u)",
                   (unsigned)system_role_oid(account));
    int code = sqlite3_prepare_v2(system_connection(s),
                                  "SELECT name, is_admin, is_closed FROM \"trustsql.accounts\" "
                                  "WHERE id = ?1",
                                  -1, &stmt, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(stmt, 1, (sqlite3_int64)account);
    if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        is_there = name != NULL;
        if (is_there) (void)snprintf(out->name, out->name_size, "%s", name);
        out->is_admin = sqlite3_column_int(stmt, 1) != 0;
        out->can_log_in = sqlite3_column_int(stmt, 2) == 0;
    }
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    return is_there;
}

/* 0: nobody is called so, or the chain itself. */
static uint64_t account_of_name(const struct system *s, struct span name)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t id = 0;
    int code =
        sqlite3_prepare_v2(system_connection(s),
                           "SELECT id FROM \"trustsql.accounts\" WHERE name = ?1", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_bind_text(stmt, 1, (const char *)name.data, (int)name.size, SQLITE_TRANSIENT);
    if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        id = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
    return id;
}

static uint64_t account_of_oid(uint32_t oid)
{
    return oid <= SYSTEM_ROLE_OFFSET ? 0 : oid - SYSTEM_ROLE_OFFSET;
}

static void show_role(const struct system *s, struct buf *out, uint32_t oid)
{
    char name[256];
    struct system_role role = {.name = name, .name_size = sizeof name};
    if (system_role_read(s, account_of_oid(oid), &role) &&
        (oid == SYSTEM_OWNER_OID || oid > SYSTEM_ROLE_OFFSET))
        system_show_name(out, span_text(name));
    else
        buf_printf(out, "%u", (unsigned)oid);
}

static void role_name_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    char name[256];
    struct buf out;
    const struct sql_catalog *catalog = NULL;
    struct system_role role = {.name = name, .name_size = sizeof name};
    if (!begin(c, count, args, &catalog)) return;
    const uint32_t oid = oid_arg(args[0]);
    (void)system_role_read(system_of(c), account_of_oid(oid), &role);
    buf_init(&out, mem_system(), 0);
    if (oid == SYSTEM_PUBLIC_OWNER)
        buf_put_text(&out, "pg_database_owner");
    else if (oid != SYSTEM_OWNER_OID && oid <= SYSTEM_ROLE_OFFSET)
        buf_printf(&out, "unknown (OID=%u)", (unsigned)oid);
    else
        buf_put_text(&out, name);
    give(c, &out);
}

/* system_role(name): its oid. */
static void role_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    if (!begin(c, count, args, &catalog)) return;
    const struct span name = function_bytes(args[0]);
    const uint64_t id = account_of_name(system_of(c), name);
    if (id == 0 && !span_equal(name, span_text("trustsql")))
        fail(c, &no_role, name);
    else
        sqlite3_result_int64(c, system_role_oid(id));
}

/* --- reg types ----------------------------------------------------------------------------- */

struct look { /* One look-up. */
    struct system *system;
    const struct sql_catalog *catalog;
    struct span path;
    enum sql_type type;
};

static uint32_t find_object(const struct look *l, struct span text)
{
    struct system_name p;
    if (l->type == SQL_REGTYPE) return system_find_type(text);
    if (!system_split(&p, text)) return 0;
    if (l->type == SQL_REGCLASS) return system_find_relation(l->catalog, &p, l->path);
    if (l->type == SQL_REGNAMESPACE) return system_schema_oid(l->catalog, system_name_part(&p));
    if (l->type == SQL_REGPROC) return system_function_oid(system_name_part(&p));
    const uint64_t account = account_of_name(l->system, system_name_part(&p));
    if (account != 0) return system_role_oid(account);
    return span_equal(system_name_part(&p), span_text("trustsql")) ? SYSTEM_OWNER_OID : 0;
}

static void show_relation(const struct look *l, struct buf *out, uint32_t oid)
{
    const struct system_relation *r = NULL;
    const struct catalog_table *t = sql_catalog_by_id(l->catalog, system_id(oid));
    if (oid > SYSTEM_OID_OFFSET && t != NULL) {
        system_show_table(out, l->catalog, t, l->path);
        return;
    }
    const struct catalog_index *i = system_index_by_id(l->catalog, system_id(oid), &t);
    if (i != NULL) {
        struct span path = l->path;
        struct span schema = {0};
        if (!system_path_next(&path, &schema) || !span_equal(schema, t->schema)) {
            system_show_name(out, t->schema);
            buf_put_u8(out, '.');
        }
        system_show_name(out, i->name);
        return;
    }
    for (uint32_t k = 0; (r = system_at(k)) != NULL; k++) {
        if (r->oid != oid) continue;
        if (r->schema != CATALOG) buf_put_text(out, "information_schema.");
        buf_put_text(out, r->name);
        return;
    }
    buf_printf(out, "%u", (unsigned)oid);
}

static void show_object(const struct look *l, struct buf *out, uint32_t oid)
{
    if (oid == 0) {
        buf_put_u8(out, '-');
    } else if (l->type == SQL_REGTYPE) {
        const bool is_there =
            sql_type_find(oid) != NULL || oid == SYSTEM_VARCHAR || oid == SYSTEM_VARCHAR_ARRAY;
        if (is_there)
            system_show_type(out, oid, -1);
        else
            buf_printf(out, "%u", (unsigned)oid);
    } else if (l->type == SQL_REGCLASS) {
        show_relation(l, out, oid);
    } else if (l->type == SQL_REGROLE) {
        show_role(l->system, out, oid);
    } else if (l->type == SQL_REGPROC) {
        buf_put_text(out, system_function_name(oid));
    } else {
        const struct span name = system_schema_of(l->catalog, oid);
        if (name.size > 0)
            system_show_name(out, name);
        else
            buf_printf(out, "%u", (unsigned)oid);
    }
}

static const struct failure *no_object(enum sql_type type)
{
    if (type == SQL_REGCLASS) return &no_relation;
    if (type == SQL_REGTYPE) return &no_type;
    if (type == SQL_REGNAMESPACE) return &no_schema;
    return type == SQL_REGPROC ? &no_function : &no_role;
}

static bool is_number(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    return text.size > 0 && text.size <= OID_DIGITS;
}

/* system_reg(type, name or oid, path [, NULL where there is none]) */
static void reg_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct look l = {.system = system_of(c)};
    struct buf out;
    if (!begin(c, count, args, &l.catalog)) return;
    l.type = (enum sql_type)sqlite3_value_int(args[0]);
    l.path = function_bytes(args[2]);
    uint32_t oid = oid_arg(args[1]);
    const bool is_text = sqlite3_value_type(args[1]) == SQLITE_TEXT;
    const struct span text = is_text ? function_bytes(args[1]) : (struct span){0};
    if (is_text && span_equal(text, span_text("-"))) {
        oid = 0;
    } else if (is_text && !is_number(text)) {
        oid = find_object(&l, text);
        if (oid == 0 && count < 4) fail(c, no_object(l.type), text);
        if (oid == 0) return;
    }
    buf_init(&out, mem_system(), 0);
    buf_printf(&out, "%010u", (unsigned)oid);
    show_object(&l, &out, oid);
    give(c, &out);
}

/* system_oid(x): of a value of a reg type, or of a wide integer. */
static void oid_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    if (!begin(c, count, args, &catalog)) return;
    int64_t oid = 0;
    if (sqlite3_value_type(args[0]) == SQLITE_TEXT) {
        const struct span text = function_bytes(args[0]);
        for (size_t i = 0; i < OID_DIGITS && i < text.size; i++)
            oid = oid * 10 + (text.data[i] - '0');
    } else {
        oid = sqlite3_value_int64(args[0]);
    }
    if (oid < 0 || oid > UINT32_MAX)
        fail(c, &no_oid, (struct span){0});
    else
        sqlite3_result_int64(c, oid);
}

/* --- text types ---------------------------------------------------------------------------- */

/* A name is cut to 63 bytes, at a character. */
static void name_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    struct span text = function_bytes(args[0]);
    if (text.size > SYSTEM_NAME_SIZE) {
        text.size = SYSTEM_NAME_SIZE;
        while (text.size > 0 && (text.data[text.size] & 0xC0u) == 0x80u)
            text.size--;
    }
    buf_init(&out, mem_system(), 0);
    buf_put(&out, text);
    give(c, &out);
}

/* "char" is the first byte; of a longer character nothing that could be shown. */
static void char_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    if (!begin(c, count, args, &catalog)) return;
    const struct span text = function_bytes(args[0]);
    const int size = text.size > 0 && text.data[0] < 0x80 ? 1 : 0;
    sqlite3_result_text(c, (const char *)text.data, size, SQLITE_TRANSIENT);
}

static void quote_ident_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    buf_init(&out, mem_system(), 0);
    system_show_name(&out, function_bytes(args[0]));
    give(c, &out);
}

/* --- definitions --------------------------------------------------------------------------- */

/* format_type(oid, typmod): without a typmod as with −1. */
static void format_type_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct buf out;
    const struct sql_catalog *catalog = NULL;
    (void)count;
    if (!begin(c, 1, args, &catalog)) return;
    const bool has_typmod = sqlite3_value_type(args[1]) != SQLITE_NULL;
    buf_init(&out, mem_system(), 0);
    system_show_type(&out, oid_arg(args[0]), has_typmod ? sqlite3_value_int64(args[1]) : -1);
    give(c, &out);
}

/* system_indexdef(oid, column, is_pretty): column 0 is the whole. */
static void indexdef_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct catalog_table *t = NULL;
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    const struct catalog_index *i = system_index_by_id(catalog, system_id(oid_arg(args[0])), &t);
    const int64_t column = sqlite3_value_int64(args[1]);
    if (i == NULL || i->kind == CATALOG_CHECK || i->kind == CATALOG_FOREIGN) return;
    buf_init(&out, mem_system(), 0);
    if (column == 0)
        system_show_index(&out, t, i, sqlite3_value_int(args[2]) != 0);
    else if (column > 0 && column <= (int64_t)i->column_count)
        system_show_index_column(&out, t, i, (uint32_t)column - 1);
    give(c, &out);
}

/* system_constraintdef(oid, is_pretty, path) */
static void constraintdef_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct catalog_table *t = NULL;
    struct system_shown how = {0};
    struct buf out;
    if (!begin(c, count, args, &how.catalog)) return;
    const struct catalog_index *i =
        system_index_by_id(how.catalog, system_id(oid_arg(args[0])), &t);
    how.is_pretty = sqlite3_value_int(args[1]) != 0;
    how.path = function_bytes(args[2]);
    if (i == NULL) return;
    buf_init(&out, mem_system(), 0);
    system_show_constraint(&out, &how, t, i);
    give(c, &out);
}

static void viewdef_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    const struct catalog_table *t = table_arg(catalog, args[0]);
    if (t == NULL || t->relation != CATALOG_VIEW) return;
    buf_init(&out, mem_system(), 0);
    buf_put_u8(&out, ' ');
    system_show_view(&out, catalog, t, function_bytes(args[1]));
    buf_put_u8(&out, ';');
    give(c, &out);
}

/* system_expr(text, relation, is_pretty, path) */
static void expr_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    buf_init(&out, mem_system(), 0);
    system_show_expression(&out, catalog, function_bytes(args[0]), function_bytes(args[3]));
    give(c, &out);
}

static void ruledef_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    const struct catalog_table *t = table_arg(catalog, args[0]);
    if (t == NULL || t->relation != CATALOG_VIEW) return;
    buf_init(&out, mem_system(), 0);
    buf_put_text(&out, "CREATE RULE \"_RETURN\" AS ON SELECT TO ");
    system_show_name(&out, t->schema);
    buf_put_u8(&out, '.');
    system_show_name(&out, t->name);
    buf_put_text(&out, " DO INSTEAD ");
    buf_put(&out, t->definition);
    buf_put_u8(&out, ';');
    give(c, &out);
}

/* system_comment(oid, part, class) */
static void comment_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    const uint32_t oid = oid_arg(args[0]);
    const int64_t part = sqlite3_value_int64(args[1]);
    const struct span class = function_bytes(args[2]);
    const bool is_schema = span_equal(class, span_text("pg_namespace"));
    const bool is_known = is_schema || span_equal(class, span_text("pg_class")) ||
                          span_equal(class, span_text("pg_constraint"));
    uint64_t id = system_id(oid);
    if (is_schema && oid == SYSTEM_PUBLIC_OID) id = CATALOG_PUBLIC_ID;
    if (!is_known || part < 0 || part > UINT32_MAX) return;
    const struct span text = sql_catalog_property(catalog, id, (uint32_t)part, "comment");
    if (text.size == 0) return;
    buf_init(&out, mem_system(), 0);
    buf_put(&out, text);
    give(c, &out);
}

/* --- sequences ----------------------------------------------------------------------------- */

/* The name of the sequence of a column: pg_get_serial_sequence. */
static void serial_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct system_name p;
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    if (!begin(c, count, args, &catalog)) return;
    const struct span column = function_bytes(args[1]);
    const uint32_t oid = system_split(&p, function_bytes(args[0]))
                             ? system_find_relation(catalog, &p, function_bytes(args[2]))
                             : 0;
    const struct catalog_table *t = sql_catalog_by_id(catalog, system_id(oid));
    if (t == NULL) {
        fail(c, &no_relation, function_bytes(args[0]));
        return;
    }
    uint32_t at = 0;
    while (at < t->column_count && !span_equal(t->columns[at].name, column))
        at++;
    if (at == t->column_count) {
        fail(c, &no_column, column);
        return;
    }
    for (uint32_t i = 0; i < sql_catalog_table_count(catalog); i++) {
        struct ddl_sequence q = {0};
        const struct catalog_table *s = sql_catalog_table_at(catalog, i);
        if (s->relation != CATALOG_SEQUENCE) continue;
        ddl_sequence_load(&q, catalog, s);
        if (q.table_id != t->id || q.column != at) continue;
        buf_init(&out, mem_system(), 0);
        system_show_name(&out, s->schema);
        buf_put_u8(&out, '.');
        system_show_name(&out, s->name);
        give(c, &out);
        return;
    }
}

/* NULL until it was used. */
static void last_value_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    char text[96];
    sqlite3_stmt *stmt = NULL;
    const struct sql_catalog *catalog = NULL;
    if (!begin(c, count, args, &catalog)) return;
    uint64_t oid = 0;
    const struct span reg = function_bytes(args[0]);
    for (size_t i = 0; i < OID_DIGITS && i < reg.size; i++)
        oid = oid * 10 + (uint64_t)(reg.data[i] - '0');
    const struct catalog_table *t = sql_catalog_by_id(catalog, system_id((uint32_t)oid));
    if (t == NULL || t->relation != CATALOG_SEQUENCE) return;
    (void)snprintf(text, sizeof text, "SELECT last_value FROM \"t.%" PRIu64 "\" WHERE is_called",
                   t->id);
    int code = sqlite3_prepare_v2(system_connection(system_of(c)), text, -1, &stmt, NULL);
    if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        sqlite3_result_int64(c, sqlite3_column_int64(stmt, 0));
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
}

/* --- rights -------------------------------------------------------------------------------- */

/* Words of "SELECT, INSERT WITH GRANT OPTION": is one of them had? */
static bool has_word(struct span text, uint32_t rights)
{
    static const struct {
        const char *name;
        uint32_t right;
    } all[] = {{"select", SQL_RIGHT_SELECT},     {"insert", SQL_RIGHT_INSERT},
               {"update", SQL_RIGHT_UPDATE},     {"delete", SQL_RIGHT_DELETE},
               {"truncate", SQL_RIGHT_TRUNCATE}, {"references", SQL_RIGHT_REFERENCES},
               {"trigger", SQL_RIGHT_TRIGGER},   {"usage", SQL_RIGHT_SELECT},
               {"maintain", SQL_RIGHT_OWNER}};
    for (size_t at = 0; at < text.size;) {
        size_t end = at;
        while (end < text.size && text.data[end] != ',')
            end++;
        while (at < end && text.data[at] == ' ')
            at++;
        size_t word = at;
        while (word < end && text.data[word] != ' ')
            word++;
        const struct span name = span_of(text.data + at, word - at);
        const bool is_option = word < end; /* WITH GRANT OPTION: owners have it. */
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            if (function_has_name(name, all[i].name) &&
                (rights & (is_option ? (uint32_t)SQL_RIGHT_OWNER : all[i].right)) != 0)
                return true;
        at = end + 1;
    }
    return false;
}

/* What a role may do with schemas and the ledger: use them; who owns one may create in it. */
static bool has_on_schema(const struct sql_catalog *c,
                          uint64_t account,
                          uint32_t oid,
                          struct span words)
{
    const struct span name = system_schema_of(c, oid);
    const struct catalog_schema *s = sql_catalog_schema(c, name);
    const bool is_own = s != NULL && (s->owner == account || s->id == CATALOG_PUBLIC_ID);
    if (is_own) return true;
    for (size_t i = 0; i + 5 <= words.size; i++)
        if (function_has_name(span_of(words.data + i, 5), "usage")) return true;
    return false;
}

/* system_has(role or NULL, kind, oid, words) */
static void has_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct system *s = system_of(c);
    const struct sql_catalog *catalog = NULL;
    (void)count;
    if (!begin(c, 3, args + 1, &catalog)) return;
    const bool is_self = sqlite3_value_type(args[0]) == SQLITE_NULL;
    const uint64_t account =
        is_self ? account_of_name(s, system_context(s)->user) : account_of_oid(oid_arg(args[0]));
    const struct span kind = function_bytes(args[1]);
    const uint32_t oid = oid_arg(args[2]);
    const struct span words = function_bytes(args[3]);
    if (kind.data[0] == 'r') {
        return_flag(c, account_of_oid(oid) == account && oid > SYSTEM_ROLE_OFFSET);
    } else if (kind.data[0] == 't') {
        const uint64_t id = system_id(oid);
        const struct catalog_table *t = id == 0 ? NULL : sql_catalog_by_id(catalog, id);
        const bool is_read = t == NULL && oid < SYSTEM_OID_OFFSET; /* A system catalog. */
        const uint32_t rights =
            is_read ? (uint32_t)SQL_RIGHT_SELECT : sql_catalog_rights(catalog, id, account);
        if (t != NULL || is_read) return_flag(c, has_word(words, rights));
    } else if (kind.data[0] == 's') {
        return_flag(c, has_on_schema(catalog, account, oid, words));
    } else {
        return_flag(c, true); /* Everybody may connect. */
    }
}

/* acldefault(kind, owner): what PostgreSQL gives an owner and everybody. */
static void acldefault_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    char name[256];
    char item[600];
    struct buf out;
    struct system_role role = {.name = name, .name_size = sizeof name};
    const struct sql_catalog *catalog = NULL;
    static const struct {
        char kind;
        const char *everybody;
        const char *owner;
    } all[] = {{'r', NULL, "arwdDxt"}, {'s', NULL, "rwU"}, {'n', NULL, "UC"},
               {'d', "=Tc", "CTc"},    {'c', NULL, ""},    {'T', "=U", "U"},
               {'f', "=X", "X"},       {'l', "=U", "U"},   {'t', NULL, "C"}};
    if (!begin(c, count, args, &catalog)) return;
    const struct span kind = function_bytes(args[0]);
    (void)system_role_read(system_of(c), account_of_oid(oid_arg(args[1])), &role);
    buf_init(&out, mem_system(), 0);
    for (size_t i = 0; kind.size == 1 && i < sizeof all / sizeof all[0]; i++) {
        if ((uint8_t)all[i].kind != kind.data[0]) continue;
        struct sql_value v = {.type = SQL_ACLITEM};
        (void)snprintf(item, sizeof item, "%s/%s", all[i].everybody == NULL ? "" : all[i].everybody,
                       name);
        v.bytes = span_text(item);
        if (all[i].everybody != NULL) array_put(&out, &v);
        (void)snprintf(item, sizeof item, "%s=%s/%s", name, all[i].owner, name);
        v.bytes = span_text(item);
        if (all[i].owner[0] != 0) array_put(&out, &v);
    }
    array_end(&out);
    if (buf_status(&out) == ST_OK)
        sqlite3_result_blob64(c, buf_span(&out).data, out.size, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_nomem(c);
    buf_fini(&out);
}

/* --- the rest ------------------------------------------------------------------------------ */

/* system_is_visible(oid, path) */
static void visible_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct catalog_table *t = NULL;
    const struct sql_catalog *catalog = NULL;
    if (!begin(c, count, args, &catalog)) return;
    const uint32_t oid = oid_arg(args[0]);
    const uint64_t id = system_id(oid);
    struct span path = function_bytes(args[1]);
    const struct system_relation *r = NULL;
    for (uint32_t i = 0; oid < SYSTEM_OID_OFFSET && (r = system_at(i)) != NULL; i++)
        if (r->oid == oid) return_flag(c, r->schema == CATALOG);
    if (id == 0) return;
    t = sql_catalog_by_id(catalog, id);
    if (t != NULL) {
        return_flag(c, system_is_visible(catalog, path, t));
        return;
    }
    const struct catalog_index *i = system_index_by_id(catalog, id, &t);
    struct span schema = {0};
    if (i == NULL) return;
    while (system_path_next(&path, &schema)) {
        const uint32_t found = system_find_in_schema(catalog, schema, i->name);
        if (found == 0) continue;
        return_flag(c, found == oid);
        return;
    }
    return_flag(c, false);
}

/* system_schemas(with pg_catalog, path) */
static void schemas_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span schema = {0};
    struct buf out;
    struct sql_value v = {.type = SQL_NAME};
    const struct sql_catalog *catalog = NULL;
    if (!begin(c, count, args, &catalog)) return;
    struct span path = function_bytes(args[1]);
    buf_init(&out, mem_system(), 0);
    v.bytes = span_text("pg_catalog");
    if (sqlite3_value_int(args[0]) != 0) array_put(&out, &v);
    while (system_path_next(&path, &schema)) {
        v.bytes = schema;
        if (system_schema_oid(catalog, schema) != 0) array_put(&out, &v);
    }
    array_end(&out);
    if (buf_status(&out) == ST_OK)
        sqlite3_result_blob64(c, buf_span(&out).data, out.size, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_nomem(c);
    buf_fini(&out);
}

/* system_expand(type, array of integers): a JSON array of records (type.h) of element and number.
 */
static void expand_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct arena arena;
    struct sql_value v;
    struct buf out;
    const struct sql_catalog *catalog = NULL;
    int64_t number = 0;
    if (!begin(c, count, args, &catalog)) return;
    const struct sql_type_info *t = sql_type_find((uint32_t)sqlite3_value_int64(args[0]));
    if (t == NULL || t->category != 'A' || sql_type_storage(t->element) != SQL_STORE_INTEGER) {
        fail(c, &no_record, (struct span){0});
        return;
    }
    arena_init(&arena, mem_system(), 0);
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    struct array_reader r = array_read(function_bytes(args[1]), t->element, &arena);
    buf_put_u8(&out, '[');
    while (array_next(&r, &v)) {
        const int64_t element = (int64_t)(uint32_t)v.integer;
        buf_printf(&out, "%s%" PRId64, number > 0 ? "," : "", (number + 1) << 32 | element);
        number++;
    }
    buf_put_u8(&out, ']');
    arena_fini(&arena);
    give(c, &out);
}

/* Bytes are not counted by table. */
static void size_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_catalog *catalog = NULL;
    (void)count;
    if (begin(c, 1, args, &catalog)) sqlite3_result_int64(c, 0);
}

static void size_pretty_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    const struct sql_catalog *catalog = NULL;
    struct buf out;
    size_t unit = 0;
    if (!begin(c, count, args, &catalog)) return;
    const int64_t size = sqlite3_value_int64(args[0]);
    uint64_t rest = size < 0 ? (uint64_t)0 - (uint64_t)size : (uint64_t)size;
    /* As PostgreSQL: a unit goes to ten thousand of it, and halves are rounded up. */
    while (unit + 1 < sizeof units / sizeof units[0] && rest >= (unit == 0 ? 10240u : 20479u)) {
        rest >>= unit == 0 ? 9 : 10;
        unit++;
    }
    if (unit > 0) rest = (rest + 1) >> 1;
    buf_init(&out, mem_system(), 0);
    buf_printf(&out, "%s%" PRIu64 " %s", size < 0 ? "-" : "", rest, units[unit]);
    give(c, &out);
}

/* Over no rows it changes nothing; else the session would have to know. */
static void set_config_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)count;
    (void)args;
    fail(c, &no_change, (struct span){0});
}

int system_functions(sqlite3 *connection, struct system *s)
{
    static const struct {
        const char *name;
        int args;
        void (*call)(sqlite3_context *c, int count, sqlite3_value **args);
    } all[] = {{"system_role_name", 1, role_name_call},
               {"system_role", 1, role_call},
               {"system_reg", 3, reg_call},
               {"system_reg", 4, reg_call},
               {"system_oid", 1, oid_call},
               {"system_name", 1, name_call},
               {"system_char", 1, char_call},
               {"system_quote_ident", 1, quote_ident_call},
               {"system_format_type", 2, format_type_call},
               {"system_indexdef", 3, indexdef_call},
               {"system_constraintdef", 3, constraintdef_call},
               {"system_viewdef", 2, viewdef_call},
               {"system_expr", 4, expr_call},
               {"system_ruledef", 1, ruledef_call},
               {"system_comment", 3, comment_call},
               {"system_serial", 3, serial_call},
               {"system_last_value", 1, last_value_call},
               {"system_has", 4, has_call},
               {"system_acldefault", 2, acldefault_call},
               {"system_is_visible", 2, visible_call},
               {"system_schemas", 2, schemas_call},
               {"system_set_config", 1, set_config_call},
               {"system_expand", 2, expand_call},
               {"system_size", 1, size_call},
               {"system_size_pretty", 1, size_pretty_call}};
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && code == SQLITE_OK; i++)
        code = sqlite3_create_function_v2(connection, all[i].name, all[i].args, SQLITE_UTF8, s,
                                          all[i].call, NULL, NULL, NULL);
    return code;
}
