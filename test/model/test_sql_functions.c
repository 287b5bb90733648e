/* Goal: every function, operator, cast and aggregate of the tables gives what a real PostgreSQL 15
 * gives for the same random arguments: value, type, SQLSTATE and message.
 *
 * Started alone it runs itself again under test/support/postgres.py. TRUSTSQL_SEED and
 * TRUSTSQL_ROUNDS change the run. What TrustSQL refuses on purpose (0A000, limits of its own:
 * 54000) is not a difference. */
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "sql/functions.h"
#include "sql/numeric.h"
#include "sql/sql.h"
#include "support/cmocka_all.h"
#include "support/test_rng.h"

#define ROUNDS_DEFAULT  20000u
#define DIFFERENCES_MAX 15u
#define ARGS_MAX        8u
#define ROWS_MAX        7u
#define FUEL            100000000u

struct argument {
    enum sql_type type;
    bool is_null;
    char text[256];
};

struct answer {
    bool is_ok;
    bool is_null;
    char sqlstate[6];
    char text[70000];
    char detail[512];
};

struct world {
    PGconn *postgres;
    sqlite3 *sqlite;
    struct sql_context ctx;
    struct diag diag;
    struct arena arena;
    struct test_rng rng;
    uint64_t compared;
    uint64_t succeeded;
    uint32_t differences;
};

static struct world world;
static struct answer ours;
static struct answer theirs;

static uint64_t below(uint64_t bound)
{
    return test_rng_below(&world.rng, bound);
}

/* --- random arguments ------------------------------------------------------------------------ */

static void random_number(char *out, uint32_t whole_max, uint32_t fraction_max)
{
    size_t n = 0;
    if (below(3) == 0) out[n++] = '-';
    const uint64_t whole = 1 + below(whole_max);
    for (uint64_t i = 0; i < whole; i++)
        out[n++] = (char)('0' + (below(3) == 0 ? 0 : below(10)));
    const uint64_t fraction = below(fraction_max + 1);
    if (fraction > 0) out[n++] = '.';
    for (uint64_t i = 0; i < fraction; i++)
        out[n++] = (char)('0' + (below(3) == 0 ? 0 : below(10)));
    out[n] = 0;
}

static void random_int(char *out, const char *low, const char *high)
{
    const char *const edges[] = {"0", "1", "-1", "2", low, high, "10", "-7"};
    if (below(3) == 0)
        (void)snprintf(out, 64, "%s", edges[below(8)]);
    else if (below(2) == 0)
        (void)snprintf(out, 64, "%d", (int)below(200) - 100);
    else
        (void)snprintf(out, 64, "%d", (int)below(65000) - 32500);
}

static void random_numeric(char *out)
{
    static const char *const edges[] = {"0",
                                        "0.00",
                                        "1",
                                        "-1",
                                        "1.50",
                                        "1.5",
                                        "0.5",
                                        "-0.5",
                                        "2.5",
                                        "9999.99",
                                        "1e20",
                                        "1e-20",
                                        "32767",
                                        "32767.5",
                                        "2147483647.5",
                                        "-2147483648.5",
                                        "9223372036854775807.4999",
                                        "9223372036854775807.5",
                                        "-9223372036854775808.5",
                                        "9999.5",
                                        "10000",
                                        "0.0001",
                                        "0.00009999",
                                        "99999999999999999999.99"};
    const uint64_t kind = below(6);
    if (kind == 0)
        (void)snprintf(out, 64, "%s", edges[below(sizeof edges / sizeof edges[0])]);
    else if (kind < 4)
        random_number(out, 9, 4);
    else
        random_number(out, 40, 30);
}

static void random_text(char *out)
{
    static const char *const pieces[] = {"a", "b",  "ab", "B", "Z", " ", "  ", "%",  "_",   "\\",
                                         "é", "中", "😀",  "x", ",", "1", "'",  "\"", "a%b", "yZ9"};
    size_t n = 0;
    const uint64_t count = below(9);
    for (uint64_t i = 0; i < count; i++)
        n += (size_t)snprintf(out + n, 200 - n, "%s",
                              pieces[below(sizeof pieces / sizeof pieces[0])]);
    out[n] = 0;
}

static void random_bytea(char *out)
{
    size_t n = (size_t)snprintf(out, 8, "\\x");
    const uint64_t count = below(2) == 0 ? below(6) : below(100);
    for (uint64_t i = 0; i < count; i++)
        n += (size_t)snprintf(out + n, 4, "%02x", (unsigned)below(256));
}

static void random_time(char *out)
{
    static const char *const edges[] = {"infinity",
                                        "-infinity",
                                        "epoch",
                                        "4714-11-24 00:00:00+00 BC",
                                        "0001-01-01 00:00:00+00",
                                        "0001-12-31 23:59:59+00 BC",
                                        "2000-02-29 12:00:00+00",
                                        "1999-12-31 23:59:59.999999+00",
                                        "294276-12-31 23:59:59.999999+00",
                                        "1900-01-01 00:00+00"};
    if (below(6) == 0) {
        (void)snprintf(out, 64, "%s", edges[below(sizeof edges / sizeof edges[0])]);
        return;
    }
    const unsigned year =
        below(3) == 0 ? (unsigned)(1 + below(9999)) : (unsigned)(1960 + below(90));
    (void)snprintf(out, 100, "%04u-%02u-%02u %02u:%02u:%02u.%06u%s%s", year,
                   (unsigned)(1 + below(12)), (unsigned)(1 + below(28)), (unsigned)below(24),
                   (unsigned)below(60), (unsigned)below(60), (unsigned)below(1000000),
                   below(2) == 0 ? "+00" : (below(2) == 0 ? "+05:30" : "-0800"),
                   below(12) == 0 ? " BC" : "");
}

static void random_bool(char *out)
{
    (void)snprintf(out, 8, "%s", below(2) == 0 ? "t" : "f");
}

static void random_int2(char *out)
{
    random_int(out, "-32768", "32767");
}

static void random_int4(char *out)
{
    random_int(out, "-2147483648", "2147483647");
}

static void random_int8(char *out)
{
    random_int(out, "-9223372036854775808", "9223372036854775807");
}

/* The types whose values are drawn here. Functions over the others are compared by the topics of
 * test/conform/sqldiff. */
static const struct drawn {
    enum sql_type type;
    void (*draw)(char *out);
} drawn[] = {
    {SQL_BOOL, random_bool},       {SQL_INT2, random_int2},        {SQL_INT4, random_int4},
    {SQL_INT8, random_int8},       {SQL_TEXT, random_text},        {SQL_BYTEA, random_bytea},
    {SQL_NUMERIC, random_numeric}, {SQL_TIMESTAMPTZ, random_time},
};

static const struct drawn *find_drawn(enum sql_type type)
{
    for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++)
        if (drawn[i].type == type) return &drawn[i];
    return NULL;
}

static void random_argument(struct argument *a, enum sql_type type)
{
    const struct drawn *d = find_drawn(type);
    assert_non_null(d);
    a->type = type;
    a->is_null = below(25) == 0;
    d->draw(a->text);
}

static enum sql_type random_type(void)
{
    return drawn[below(sizeof drawn / sizeof drawn[0])].type;
}

/* Every argument can be drawn, the result is compared as one of these types, and the template needs
 * no word of the compiler's. */
static bool is_tried(const struct sql_function *f)
{
    const bool is_value = f->kind == SQL_FUNCTION || f->kind == SQL_OPERATOR ||
                          f->kind == SQL_PREFIX || f->kind == SQL_AGGREGATE;
    bool is_it = is_value && find_drawn(f->result) != NULL && strstr(f->sqlite, "%t") == NULL &&
                 strstr(f->sqlite, "%p") == NULL;
    for (uint32_t i = 0; i < f->arg_count; i++)
        is_it = is_it && (f->args[i] == SQL_UNKNOWN || find_drawn(f->args[i]) != NULL);
    return is_it;
}

static bool is_one_of(const char *name, const char *list)
{
    const char *at = strstr(list, name);
    const size_t size = strlen(name);
    return at != NULL && (at == list || at[-1] == ' ') && (at[size] == ' ' || at[size] == 0);
}

/* Names of units and encodings, and counts that PostgreSQL would spend a gigabyte on. */
static void adjust(const struct sql_function *f, struct argument *args)
{
    static const char *const units[] = {
        "microseconds", "milliseconds",  "second",  "minute", "hour",    "day",
        "week",         "month",         "quarter", "year",   "decade",  "century",
        "millennium",   "dow",           "isodow",  "doy",    "isoyear", "epoch",
        "timezone",     "timezone_hour", "bogus",   "Year"};
    static const char *const encodings[] = {"hex", "base64", "escape", "HEX", "rot13"};
    if (is_one_of(f->name, "extract date_trunc"))
        (void)snprintf(args[0].text, 64, "%s", units[below(sizeof units / sizeof units[0])]);
    if (is_one_of(f->name, "encode decode"))
        (void)snprintf(args[1].text, 64, "%s", encodings[below(5)]);
    if (is_one_of(f->name, "decode") && below(2) == 0)
        (void)snprintf(args[0].text, 64, "%s", below(2) == 0 ? "q83v EjQ=" : "00ff a1B2");
    if (is_one_of(f->name, "repeat lpad rpad"))
        (void)snprintf(args[1].text, 64, "%d", (int)below(40) - 5);
    if (is_one_of(f->name, "like_escape"))
        (void)snprintf(args[1].text, 64, "%s", below(4) == 0 ? "" : "a");
    if (is_one_of(f->name, "get_byte set_byte substr substring left right split_part") &&
        below(2) == 0)
        (void)snprintf(args[f->arg_count > 2 && below(2) == 0 ? 2 : 1].text, 64, "%d",
                       (int)below(9) - 3);
    if (is_one_of(f->name, "split_part"))
        for (uint32_t i = 1; i < 3; i++)
            (void)snprintf(args[i].text, 64, i == 1 ? "%s" : "%.0s%d", "a", (int)below(9) - 4);
    if (f->kind == SQL_FUNCTION && is_one_of(f->name, "chr") && below(2) == 0)
        (void)snprintf(args[0].text, 64, "%d", (int)below(0x110000));
}

/* --- PostgreSQL's side
 * ----------------------------------------------------------------------------- */

static const char *type_name(enum sql_type type)
{
    static char name[64];
    sql_type_name(name, type, -1);
    return name;
}

static void put_literal(struct buf *sql, const struct argument *a)
{
    if (a->is_null) {
        buf_printf(sql, "NULL::%s", type_name(a->type));
        return;
    }
    buf_put_text(sql, "'");
    for (const char *c = a->text; *c != 0; c++)
        buf_printf(sql, *c == '\'' ? "''" : "%c", *c);
    buf_printf(sql, "'::%s", type_name(a->type));
}

static void ask_postgres(const char *sql, enum sql_type expected)
{
    PGresult *r = PQexec(world.postgres, sql);
    theirs.is_ok = PQresultStatus(r) == PGRES_TUPLES_OK;
    theirs.is_null = false;
    theirs.detail[0] = 0;
    theirs.sqlstate[0] = 0;
    if (theirs.is_ok) {
        assert_int_equal(PQntuples(r), 1);
        theirs.is_null = PQgetisnull(r, 0, 0) != 0;
        (void)snprintf(theirs.text, sizeof theirs.text, "%s", PQgetvalue(r, 0, 0));
        const bool is_varchar = PQftype(r, 0) == 1043 && expected == SQL_TEXT;
        if (PQftype(r, 0) != (Oid)expected && !is_varchar)
            fail_msg("%s: type %u, not %u", sql, PQftype(r, 0), (unsigned)expected);
    } else {
        const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        (void)snprintf(theirs.sqlstate, 6, "%s", state != NULL ? state : "?");
        (void)snprintf(theirs.text, sizeof theirs.text, "%s",
                       PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
        (void)snprintf(theirs.detail, sizeof theirs.detail, "%s", detail != NULL ? detail : "");
    }
    PQclear(r);
}

/* --- our side
 * -------------------------------------------------------------------------------------- */

static void take_diag(void)
{
    ours.is_ok = false;
    memcpy(ours.sqlstate, world.diag.sqlstate, 6);
    (void)snprintf(ours.text, sizeof ours.text, "%s", world.diag.message);
    (void)snprintf(ours.detail, sizeof ours.detail, "%s", world.diag.detail);
}

static void reset_ours(void)
{
    memset(&world.diag, 0, sizeof world.diag);
    arena_reset(&world.arena);
    world.ctx.fuel = FUEL;
    ours.is_ok = true;
    ours.is_null = false;
    ours.sqlstate[0] = 0;
    ours.detail[0] = 0;
}

/* Run sqlite with the arguments bound; false: ours tells the error. */
static void ask_sqlite(const char *sql,
                       const struct argument *args,
                       uint32_t count,
                       enum sql_type result)
{
    sqlite3_stmt *stmt = NULL;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    if (sqlite3_prepare_v2(world.sqlite, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(world.sqlite));
    reset_ours();
    for (uint32_t i = 0; i < count; i++) {
        struct sql_value v = {.type = args[i].type, .is_null = true};
        if (!args[i].is_null && sql_value_parse(&v, &world.arena, args[i].type, -1,
                                                span_text(args[i].text), &world.diag) != ST_OK) {
            take_diag();
            goto out;
        }
        assert_int_equal(sql_value_bind(stmt, (int)i + 1, &v), ST_OK);
    }
    const int code = sqlite3_step(stmt);
    if (code != SQLITE_ROW) {
        sql_error(&world.diag, world.sqlite, code, NULL, &world.ctx);
        take_diag();
        goto out;
    }
    sql_rowset_put_column(&out, stmt, 0);
    struct span at = buf_span(&out);
    struct sql_value v;
    if (!sql_rowset_next(&at, result, &v)) fail_msg("%s: no value of the type", sql);
    ours.is_null = v.is_null;
    struct buf text;
    buf_init(&text, mem_system(), 0);
    if (!v.is_null) sql_value_print(&text, &v, -1);
    (void)snprintf(ours.text, sizeof ours.text, "%.*s", (int)text.size,
                   text.size > 0 ? (const char *)text.data : "");
    buf_fini(&text);
out:
    (void)sqlite3_finalize(stmt);
    buf_fini(&out);
}

static void put_template(struct buf *out, const char *template, char args[][64], uint32_t count)
{
    for (const char *c = template; *c != 0; c++) {
        if (*c != '%' || (c[1] != '*' && (c[1] < '1' || c[1] > '4'))) {
            buf_printf(out, "%c", *c);
            continue;
        }
        c++;
        if (*c != '*') buf_put_text(out, args[*c - '1']);
        for (uint32_t i = 0; *c == '*' && i < count; i++)
            buf_printf(out, "%s%s", i > 0 ? ", " : "", args[i]);
    }
}

/* --- comparison
 * ------------------------------------------------------------------------------------ */

static void show(const char *who, const struct answer *a)
{
    (void)fprintf(stderr, "  %-10s: %s %s %.300s %s (%zu bytes)\n", who, a->sqlstate,
                  a->is_null ? "NULL" : "", a->text, a->detail, strlen(a->text));
}

static void compare(const char *sql, const char *sqlite)
{
    world.compared++;
    if (!ours.is_ok && strcmp(ours.sqlstate, "0A000") == 0) return;
    if (!ours.is_ok && strcmp(ours.sqlstate, "54000") == 0) return;
    /* More than 2,000 digits: docs/sql/functions.md. */
    if (!ours.is_ok && strcmp(ours.text, "value overflows numeric format") == 0) return;
    world.succeeded += ours.is_ok ? 1 : 0;
    /* Of a malformed timestamp PostgreSQL's reader may find another part wrong first. */
    if (!ours.is_ok && !theirs.is_ok && strstr(sqlite, "time_in") != NULL) return;
    const bool is_same = ours.is_ok == theirs.is_ok && ours.is_null == theirs.is_null &&
                         strcmp(ours.sqlstate, theirs.sqlstate) == 0 &&
                         (ours.is_null || strcmp(ours.text, theirs.text) == 0) &&
                         (ours.is_ok || strcmp(ours.detail, theirs.detail) == 0);
    if (is_same) return;
    (void)fprintf(stderr, "\n%.300s\n  %s\n", sql, sqlite);
    show("PostgreSQL", &theirs);
    show("ours", &ours);
    if (++world.differences >= DIFFERENCES_MAX) fail_msg("too many differences");
}

static void put_call(struct buf *sql,
                     const struct sql_function *f,
                     const struct argument *args,
                     uint32_t count)
{
    const bool is_special = is_one_of(f->name, "greatest least");
    buf_put_text(sql, "SELECT ");
    if (f->kind == SQL_FUNCTION)
        buf_printf(sql, is_special ? "%s(" : "pg_catalog.\"%s\"(", f->name);
    if (f->kind == SQL_PREFIX) buf_printf(sql, "%s (", f->name);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) buf_printf(sql, " %s ", f->kind == SQL_OPERATOR ? f->name : ",");
        put_literal(sql, &args[i]);
    }
    if (f->kind != SQL_OPERATOR) buf_put_text(sql, ")");
}

/* What the compiler does with an argument before it goes into a template. */
static void emit_argument(char out[64],
                          const struct sql_function *f,
                          uint32_t i,
                          enum sql_type declared,
                          enum sql_type given)
{
    const char *template = "%1";
    if (declared == SQL_UNKNOWN && f->any == SQL_ANY_OUTPUT) template = sql_output_template(given);
    if (declared == SQL_UNKNOWN && f->any == SQL_ANY_TEXT && given != SQL_TEXT)
        template = sql_cast_find(given, SQL_TEXT)->sqlite;
    char name[1][64];
    (void)snprintf(name[0], 64, "?%u", i + 1);
    struct buf b;
    buf_init(&b, mem_system(), 0);
    put_template(&b, template, name, 1);
    (void)snprintf(out, 64, "%.*s", (int)b.size, (const char *)b.data);
    buf_fini(&b);
}

static void try_function(const struct sql_function *f)
{
    struct argument args[ARGS_MAX];
    char names[ARGS_MAX][64];
    uint32_t count = f->arg_count;
    if (f->is_variadic) count += (uint32_t)below(3);
    for (uint32_t i = 0; i < count; i++) {
        const enum sql_type declared = f->args[i < f->arg_count ? i : f->arg_count - 1u];
        random_argument(&args[i], declared == SQL_UNKNOWN ? random_type() : declared);
        emit_argument(names[i], f, i, declared, args[i].type);
    }
    adjust(f, args);
    if (count > 1 && below(4) == 0 && args[1].type == args[0].type) args[1] = args[0];
    struct buf sql;
    struct buf sqlite;
    buf_init(&sql, mem_system(), 0);
    buf_init(&sqlite, mem_system(), 0);
    put_call(&sql, f, args, count);
    buf_put_text(&sqlite, "SELECT ");
    put_template(&sqlite, f->sqlite, names, count);
    buf_put_u8(&sql, 0);
    buf_put_u8(&sqlite, 0);
    ask_postgres((const char *)sql.data, f->result);
    ask_sqlite((const char *)sqlite.data, args, count, f->result);
    compare((const char *)sql.data, (const char *)sqlite.data);
    buf_fini(&sql);
    buf_fini(&sqlite);
}

/* The i-th argument, as a literal of both; rows are width arguments long. */
static void put_row_argument(
    struct buf *sql, struct buf *sqlite, struct argument *arg, uint32_t i, uint32_t width)
{
    const bool is_first = i % width == 0;
    const bool is_last = i % width + 1 == width;
    if (is_first) buf_put_text(sql, i == 0 ? "(" : ", (");
    if (is_first) buf_put_text(sqlite, i == 0 ? "SELECT " : " UNION ALL SELECT ");
    put_literal(sql, arg);
    buf_put_text(sql, is_last ? ")" : ", ");
    buf_printf(sqlite, "?%u AS %s%s", i + 1, is_first ? "a" : "b", is_last ? "" : ", ");
}

static void try_aggregate(const struct sql_function *f)
{
    struct argument args[2 * ROWS_MAX];
    char names[2][64] = {"a", "b"};
    const uint32_t rows = (uint32_t)below(ROWS_MAX);
    const uint32_t width = f->arg_count == 0 ? 1 : f->arg_count;
    const enum sql_type any = random_type();
    struct buf sql;
    struct buf sqlite;
    buf_init(&sql, mem_system(), 0);
    buf_init(&sqlite, mem_system(), 0);
    buf_printf(&sql, "SELECT %s(%s) FROM (VALUES ", f->name,
               f->arg_count == 0 ? "*" : (width == 2 ? "a, b" : "a"));
    buf_put_text(&sqlite, "SELECT ");
    put_template(&sqlite, f->sqlite, names, width);
    buf_put_text(&sqlite, " FROM (");
    for (uint32_t i = 0; i < width * (rows + 1); i++) {
        const enum sql_type declared = f->arg_count == 0 ? SQL_INT4 : f->args[i % width];
        random_argument(&args[i], declared == SQL_UNKNOWN ? any : declared);
        if (i < width) args[i].is_null = true; /* A first row of NULL, so that there is a row. */
        put_row_argument(&sql, &sqlite, &args[i], i, width);
    }
    const bool is_empty = below(10) == 0;
    buf_printf(&sql, ") v(%s)%s", width == 2 ? "a, b" : "a", is_empty ? " WHERE false" : "");
    buf_printf(&sqlite, ")%s", is_empty ? " WHERE 0" : "");
    buf_put_u8(&sql, 0);
    buf_put_u8(&sqlite, 0);
    ask_postgres((const char *)sql.data, f->result);
    ask_sqlite((const char *)sqlite.data, args, width * (rows + 1), f->result);
    compare((const char *)sql.data, (const char *)sqlite.data);
    buf_fini(&sql);
    buf_fini(&sqlite);
}

static void try_cast(const struct sql_cast *cast)
{
    static const char *const inputs[] = {"t",
                                         "TRUE",
                                         " off ",
                                         "o",
                                         "yes",
                                         "1",
                                         "",
                                         " 12 ",
                                         "+5",
                                         "12x",
                                         "99999",
                                         "99999999999",
                                         "-9223372036854775808",
                                         "9223372036854775808",
                                         "1e3",
                                         "1.5e-3",
                                         ".5",
                                         "5.",
                                         ".",
                                         "1e",
                                         "--1",
                                         "0x10",
                                         "\\x0aFf",
                                         "\\x0",
                                         "\\x0g",
                                         "a\\\\b",
                                         "a\\101",
                                         "a\\9",
                                         "2026-01-02",
                                         "2026-01-02T03:04:05Z",
                                         "2026-02-30",
                                         "2026-13-01",
                                         "20260102",
                                         "2026-01-02 24:00",
                                         "2026-01-02 24:01",
                                         "2026-01-02 03:04:60",
                                         "0000-01-01",
                                         "2026-01-02 03:04+16",
                                         "2026-01-02 03:04:05.1234567",
                                         "2026/1/2 3:4:5 BC",
                                         "294277-01-01",
                                         "5000-01-01 BC",
                                         "2026-01-02 03:04:05 UTC",
                                         "garbage"};
    struct argument a;
    char names[1][64] = {"?1"};
    random_argument(&a, cast->from);
    if (cast->from == SQL_TEXT && below(3) != 0)
        (void)snprintf(a.text, 64, "%s", inputs[below(sizeof inputs / sizeof inputs[0])]);
    if (cast->from == SQL_TEXT && cast->to != SQL_TIMESTAMPTZ && below(4) == 0)
        random_numeric(a.text);
    struct buf sql;
    struct buf sqlite;
    buf_init(&sql, mem_system(), 0);
    buf_init(&sqlite, mem_system(), 0);
    buf_put_text(&sql, "SELECT (");
    put_literal(&sql, &a);
    buf_printf(&sql, ")::%s", type_name(cast->to));
    buf_put_text(&sqlite, "SELECT ");
    put_template(&sqlite, cast->sqlite, names, 1);
    buf_put_u8(&sql, 0);
    buf_put_u8(&sqlite, 0);
    ask_postgres((const char *)sql.data, cast->to);
    ask_sqlite((const char *)sqlite.data, &a, 1, cast->to);
    compare((const char *)sql.data, (const char *)sqlite.data);
    buf_fini(&sql);
    buf_fini(&sqlite);
}

static void try_fit(bool is_numeric)
{
    struct argument a;
    char sql[512];
    char sqlite[128];
    const uint32_t precision = (uint32_t)(1 + below(20));
    const int32_t scale = (int32_t)below(25) - 5;
    struct buf literal;
    random_argument(&a, is_numeric ? SQL_NUMERIC : SQL_TEXT);
    buf_init(&literal, mem_system(), 0);
    put_literal(&literal, &a);
    if (is_numeric) {
        (void)snprintf(sql, sizeof sql, "SELECT (%.*s)::numeric(%u,%d)", (int)literal.size,
                       (const char *)literal.data, precision, (int)scale);
        (void)snprintf(sqlite, sizeof sqlite, "SELECT numeric_fit(?1, %d)",
                       (int)numeric_typmod(precision, scale));
    } else {
        (void)snprintf(sql, sizeof sql, "SELECT (%.*s)::varchar(%u)", (int)literal.size,
                       (const char *)literal.data, precision);
        (void)snprintf(sqlite, sizeof sqlite, "SELECT text_cut(?1, %u)", precision + 4);
    }
    ask_postgres(sql, a.type);
    ask_sqlite(sqlite, &a, 1, a.type);
    compare(sql, sqlite);
    buf_fini(&literal);
}

static uint32_t function_count(void)
{
    uint32_t count = 0;
    while (sql_function_at(count) != NULL)
        count++;
    return count;
}

static void as_postgresql(void **state)
{
    (void)state;
    const char *seed = getenv("TRUSTSQL_SEED");
    const char *rounds = getenv("TRUSTSQL_ROUNDS");
    world.rng.state = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    const uint64_t count = rounds != NULL ? strtoull(rounds, NULL, 10) : ROUNDS_DEFAULT;
    uint32_t casts = 0;
    while (sql_cast_at(casts) != NULL)
        casts++;
    for (uint64_t i = 0; i < count; i++) {
        const struct sql_function *f = sql_function_at((uint32_t)below(function_count()));
        const uint64_t kind = below(8);
        const struct sql_cast *cast = sql_cast_at((uint32_t)below(casts));
        const bool is_cast_tried = find_drawn(cast->from) != NULL && find_drawn(cast->to) != NULL;
        if (kind == 0 && is_cast_tried)
            try_cast(cast);
        else if (kind == 1)
            try_fit(below(2) == 0);
        else if (!is_tried(f))
            continue;
        else if (f->kind == SQL_AGGREGATE)
            try_aggregate(f);
        else if (f->volatility == SQL_IMMUTABLE && strcmp(f->name, "version") != 0)
            try_function(f);
    }
    print_message("%llu expressions compared, %llu of them with a value\n",
                  (unsigned long long)world.compared, (unsigned long long)world.succeeded);
    assert_int_equal(world.differences, 0);
    assert_true(world.succeeded > world.compared / 2);
}

static int set_up(void **state)
{
    (void)state;
    world.postgres = PQconnectdb("");
    if (PQstatus(world.postgres) != CONNECTION_OK) return -1;
    world.ctx = (struct sql_context){.fuel = FUEL, .diag = &world.diag};
    arena_init(&world.arena, mem_system(), 0);
    if (sqlite3_open(":memory:", &world.sqlite) != SQLITE_OK) return -1;
    return sql_functions_register(world.sqlite, &world.ctx) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(world.postgres);
    arena_fini(&world.arena);
    return sqlite3_close(world.sqlite);
}

int main(int argc, char **argv)
{
    if (argc > 0 && getenv("PGHOST") == NULL) {
        char runner[] = "test/support/postgres.py";
        char *const command[] = {runner, argv[0], NULL};
        (void)execv(runner, command);
        perror(runner);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_postgresql)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
