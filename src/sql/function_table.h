/* function_table.h - Short names for lines of the tables of functions and casts. A file sets SINCE,
 * the exec_version of its lines, before it includes this. Types have short names in lines. */
#ifndef TRUSTSQL_SQL_FUNCTION_TABLE_H
#define TRUSTSQL_SQL_FUNCTION_TABLE_H

#include "sql/functions.h"

struct function_table {
    const struct sql_function *lines;
    uint32_t count;
};

struct cast_table {
    const struct sql_cast *lines;
    uint32_t count;
};

extern const struct function_table function_table_types, function_table_arrays;
extern const struct function_table function_table_rows, function_table_json;
extern const struct function_table function_table_system, function_table_more;
extern const struct cast_table cast_table_types, cast_table_json, cast_table_system;

#define COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof(table)[0]))

#define BOOL            SQL_BOOL
#define BYTEA           SQL_BYTEA
#define INT2            SQL_INT2
#define INT4            SQL_INT4
#define INT8            SQL_INT8
#define TEXT            SQL_TEXT
#define TIME            SQL_TIMESTAMPTZ
#define NUM             SQL_NUMERIC
#define ANY             SQL_UNKNOWN
#define FLOAT4          SQL_FLOAT4
#define FLOAT8          SQL_FLOAT8
#define BPCHAR          SQL_BPCHAR
#define DATE            SQL_DATE
#define CLOCK           SQL_TIME /* time without time zone */
#define STAMP           SQL_TIMESTAMP
#define INTERVAL        SQL_INTERVAL
#define UUID            SQL_UUID

#define FUNC0(name_, result_, sqlite_)                                                             \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .result = (result_), .sqlite = (sqlite_),           \
        .since = SINCE                                                                             \
    }
#define STABLE0(name_, result_, sqlite_)                                                           \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_STABLE, .result = (result_),      \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }
#define FUNC1(name_, a, result_, sqlite_)                                                          \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 1, .args = {a}, .result = (result_),   \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }
#define FUNC2(name_, a, b, result_, sqlite_)                                                       \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 2, .args = {a, b},                     \
        .result = (result_), .sqlite = (sqlite_), .since = SINCE                                   \
    }
#define FUNC3(name_, a, b, c, result_, sqlite_)                                                    \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 3, .args = {a, b, c},                  \
        .result = (result_), .sqlite = (sqlite_), .since = SINCE                                   \
    }
#define VARIADIC(name_, a, result_, sqlite_)                                                       \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 1, .is_variadic = true, .args = {a},   \
        .result = (result_), .sqlite = (sqlite_), .since = SINCE                                   \
    }
#define OPER(name_, a, b, result_, sqlite_)                                                        \
    {                                                                                              \
        .name = (name_), .kind = SQL_OPERATOR, .arg_count = 2, .args = {a, b},                     \
        .result = (result_), .sqlite = (sqlite_), .since = SINCE                                   \
    }
#define PREFIX(name_, a, result_, sqlite_)                                                         \
    {                                                                                              \
        .name = (name_), .kind = SQL_PREFIX, .arg_count = 1, .args = {a}, .result = (result_),     \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }
#define AGG1(name_, a, result_, sqlite_)                                                           \
    {                                                                                              \
        .name = (name_), .kind = SQL_AGGREGATE, .arg_count = 1, .args = {a}, .result = (result_),  \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }

/* An aggregate that can also take a row back (function_int.h): for any frame of a window. */
#define MOVING1(name_, a, result_, sqlite_)                                                        \
    {                                                                                              \
        .name = (name_), .kind = SQL_AGGREGATE, .arg_count = 1, .args = {a}, .result = (result_),  \
        .sqlite = (sqlite_), .since = SINCE, .window = SQL_WINDOW_ANY                              \
    }

/* Comparison of a type whose stored order in SQLite is PostgreSQL's. */
#define COMPARE(type)                                                                              \
    OPER("=", type, type, BOOL, "(%1 = %2)"), OPER("<>", type, type, BOOL, "(%1 <> %2)"),          \
        OPER("<", type, type, BOOL, "(%1 < %2)"), OPER("<=", type, type, BOOL, "(%1 <= %2)"),      \
        OPER(">", type, type, BOOL, "(%1 > %2)"), OPER(">=", type, type, BOOL, "(%1 >= %2)")
#define COMPARE_NUM(symbol)                                                                        \
    {                                                                                              \
        .name = (symbol), .kind = SQL_OPERATOR, .arg_count = 2, .args = {NUM, NUM},                \
        .result = BOOL, .sqlite = "(numeric_cmp(%1, %2) " symbol " 0)",                            \
        .sqlite_same_scale = "(%1 " symbol " %2)", .since = SINCE                                  \
    }
#define ARITHMETIC(type, prefix)                                                                   \
    OPER("+", type, type, type, prefix "_add(%1, %2)"),                                            \
        OPER("-", type, type, type, prefix "_sub(%1, %2)"),                                        \
        OPER("*", type, type, type, prefix "_mul(%1, %2)"),                                        \
        OPER("/", type, type, type, prefix "_div(%1, %2)"),                                        \
        OPER("%", type, type, type, prefix "_mod(%1, %2)"),                                        \
        PREFIX("-", type, type, prefix "_neg(%1)"), PREFIX("+", type, type, "%1"),                 \
        FUNC1("abs", type, type, prefix "_abs(%1)"),                                               \
        FUNC2("mod", type, type, type, prefix "_mod(%1, %2)")
#define BITS(type, prefix)                                                                         \
    OPER("&", type, type, type, "(%1 & %2)"), OPER("|", type, type, type, "(%1 | %2)"),            \
        OPER("#", type, type, type, "int_xor(%1, %2)"), PREFIX("~", type, type, "(~%1)"),          \
        OPER("<<", type, INT4, type, prefix "_shl(%1, %2)"),                                       \
        OPER(">>", type, INT4, type, prefix "_shr(%1, %2)")
#define MIN_MAX(type) MOVING1("min", type, type, "min(%1)"), MOVING1("max", type, type, "max(%1)")
#define MOST(type, prefix)                                                                         \
    VARIADIC("greatest", type, type, prefix "_greatest(%*)"),                                      \
        VARIADIC("least", type, type, prefix "_least(%*)")

#define FUNC4(name_, a, b, c, d, result_, sqlite_)                                                 \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 4, .args = {a, b, c, d},               \
        .result = (result_), .sqlite = (sqlite_), .since = SINCE                                   \
    }
/* The last bits of the result depend on the library of the node: in reads only. */
#define READ1(name_, a, result_, sqlite_)                                                          \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 1, .volatility = SQL_INEXACT,          \
        .args = {a}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                      \
    }
#define READ2(name_, a, b, result_, sqlite_)                                                       \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .arg_count = 2, .volatility = SQL_INEXACT,          \
        .args = {a, b}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                   \
    }
#define READ_OPER(name_, a, b, result_, sqlite_)                                                   \
    {                                                                                              \
        .name = (name_), .kind = SQL_OPERATOR, .arg_count = 2, .volatility = SQL_INEXACT,          \
        .args = {a, b}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                   \
    }
#define READ_AGG1(name_, a, result_, sqlite_)                                                      \
    {                                                                                              \
        .name = (name_), .kind = SQL_AGGREGATE, .arg_count = 1, .volatility = SQL_INEXACT,         \
        .args = {a}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                      \
    }
#define READ_AGG2(name_, a, b, result_, sqlite_)                                                   \
    {                                                                                              \
        .name = (name_), .kind = SQL_AGGREGATE, .arg_count = 2, .volatility = SQL_INEXACT,         \
        .args = {a, b}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                   \
    }

#define ROWS2(name_, a, b, result_, sqlite_)                                                       \
    {                                                                                              \
        .name = (name_), .kind = SQL_ROWS, .arg_count = 2, .args = {a, b}, .result = (result_),    \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }
#define ROWS3(name_, a, b, c, result_, sqlite_)                                                    \
    {                                                                                              \
        .name = (name_), .kind = SQL_ROWS, .arg_count = 3, .args = {a, b, c}, .result = (result_), \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }
#define ROWS1(name_, a, result_, sqlite_)                                                          \
    {                                                                                              \
        .name = (name_), .kind = SQL_ROWS, .arg_count = 1, .args = {a}, .result = (result_),       \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }

#define CAST(from_, to_, context_, sqlite_)                                                        \
    {                                                                                              \
        .from = (from_), .to = (to_), .context = SQL_CAST_##context_, .sqlite = (sqlite_)          \
    }

#endif
