/* table_json.c - Functions, operators and casts of json and jsonb. */
#define SINCE 4
#include "sql/function_table.h"

#define JSON  SQL_JSON
#define JSONB SQL_JSONB
#define TEXTS SQL_TEXT_ARRAY

/* Of both types; is: "0" json, "1" jsonb. */
#define BOTH(type, prefix, is)                                                                     \
    OPER("->", type, TEXT, type, "json_get(%1, %2)"),                                              \
        OPER("->", type, INT4, type, "json_get(%1, %2, " is ")"),                                  \
        OPER("->>", type, TEXT, TEXT, "json_get_text(%1, %2)"),                                    \
        OPER("->>", type, INT4, TEXT, "json_get_text(%1, %2, " is ")"),                            \
        OPER("#>", type, TEXTS, type, "json_path(%1, %2, 0)"),                                     \
        OPER("#>>", type, TEXTS, TEXT, "json_path(%1, %2, 1)"),                                    \
        {.name = prefix "_extract_path",                                                           \
         .arg_count = 2,                                                                           \
         .is_variadic = true,                                                                      \
         .args = {type, TEXT},                                                                     \
         .result = (type),                                                                         \
         .sqlite = "json_names(0, %*)",                                                            \
         .since = SINCE},                                                                          \
        {.name = prefix "_extract_path_text",                                                      \
         .arg_count = 2,                                                                           \
         .is_variadic = true,                                                                      \
         .args = {type, TEXT},                                                                     \
         .result = TEXT,                                                                           \
         .sqlite = "json_names(1, %*)",                                                            \
         .since = SINCE},                                                                          \
        FUNC1(prefix "_typeof", type, TEXT, "json_kind(%1)"),                                      \
        FUNC1(prefix "_array_length", type, INT4, "json_length(%1)"),                              \
        {.name = "to_" prefix,                                                                     \
         .any = SQL_ANY_KNOWN,                                                                     \
         .arg_count = 1,                                                                           \
         .args = {ANY},                                                                            \
         .result = (type),                                                                         \
         .sqlite = "to_json_of(" is ", %t1, %1)",                                                  \
         .since = SINCE},                                                                          \
        FUNC0(prefix "_build_array", type, "'[]'"), FUNC0(prefix "_build_object", type, "'{}'"),   \
        {.name = prefix "_build_array",                                                            \
         .arg_count = 1,                                                                           \
         .is_variadic = true,                                                                      \
         .args = {ANY},                                                                            \
         .result = (type),                                                                         \
         .sqlite = "json_build_list(" is ", %p)",                                                  \
         .since = SINCE},                                                                          \
        {.name = prefix "_build_object",                                                           \
         .arg_count = 1,                                                                           \
         .is_variadic = true,                                                                      \
         .args = {ANY},                                                                            \
         .result = (type),                                                                         \
         .sqlite = "json_build_object(" is ", %p)",                                                \
         .since = SINCE},                                                                          \
        {.name = prefix "_agg",                                                                    \
         .any = SQL_ANY_KNOWN,                                                                     \
         .kind = SQL_AGGREGATE,                                                                    \
         .arg_count = 1,                                                                           \
         .volatility = SQL_ORDERED,                                                                \
         .args = {ANY},                                                                            \
         .result = (type),                                                                         \
         .sqlite = "json_list_agg(" is ", %t1, %1)",                                               \
         .sqlite_ordered = "json_list_agg_by(json_part(" is ", %t1, %1), ', ', %k, %d)",           \
         .since = SINCE},                                                                          \
        {.name = prefix "_object_agg",                                                             \
         .kind = SQL_AGGREGATE,                                                                    \
         .arg_count = 2,                                                                           \
         .volatility = SQL_ORDERED,                                                                \
         .args = {ANY, ANY},                                                                       \
         .result = (type),                                                                         \
         .sqlite = "json_object_agg(" is ", %t1, %1, %t2, %2)",                                    \
         .since = SINCE},                                                                          \
        ROWS1(prefix "_array_elements", type, type, "json_each(json_rows(%1, 'e'))"),              \
        ROWS1(prefix "_array_elements_text", type, TEXT, "json_each(json_rows(%1, 't'))"),         \
        ROWS1(prefix "_object_keys", type, TEXT, "json_each(json_rows(%1, 'k'))"),                 \
        ROWS1(prefix "_each", type, type, "json_each(json_rows(%1, 'p'))"),                        \
        ROWS1(prefix "_each_text", type, TEXT, "json_each(json_rows(%1, 'q'))")

static const struct sql_function functions[] = {
    BOTH(JSON, "json", "0"),
    BOTH(JSONB, "jsonb", "1"),
    COMPARE(JSONB),
    OPER("@>", JSONB, JSONB, BOOL, "jsonb_contains(%1, %2)"),
    OPER("<@", JSONB, JSONB, BOOL, "jsonb_contains(%2, %1)"),
    OPER("?", JSONB, TEXT, BOOL, "jsonb_exists(%1, %2)"),
    OPER("?|", JSONB, TEXTS, BOOL, "jsonb_exists_of(%1, %2, 0)"),
    OPER("?&", JSONB, TEXTS, BOOL, "jsonb_exists_of(%1, %2, 1)"),
    OPER("||", JSONB, JSONB, JSONB, "jsonb_cat(%1, %2)"),
    OPER("-", JSONB, TEXT, JSONB, "jsonb_delete(%1, %2)"),
    OPER("-", JSONB, INT4, JSONB, "jsonb_delete(%1, %2)"),
    OPER("-", JSONB, TEXTS, JSONB, "jsonb_delete(%1, %2)"),
    OPER("#-", JSONB, TEXTS, JSONB, "jsonb_edit(%1, %2, 0, 0, 0, 0)"),
    FUNC3("jsonb_set", JSONB, TEXTS, JSONB, JSONB, "jsonb_edit(%1, %2, %3, 1, 0, 0)"),
    FUNC4("jsonb_set", JSONB, TEXTS, JSONB, BOOL, JSONB, "jsonb_edit(%1, %2, %3, %4, 0, 0)"),
    FUNC3("jsonb_insert", JSONB, TEXTS, JSONB, JSONB, "jsonb_edit(%1, %2, %3, 1, 1, 0)"),
    FUNC4("jsonb_insert", JSONB, TEXTS, JSONB, BOOL, JSONB, "jsonb_edit(%1, %2, %3, 1, 1, %4)"),
    FUNC1("jsonb_strip_nulls", JSONB, JSONB, "jsonb_strip_nulls(%1)"),
    FUNC1("jsonb_pretty", JSONB, TEXT, "jsonb_pretty(%1)"),
    FUNC1("array_to_json", SQL_ANYARRAY, JSON, "to_json_of(0, %t1, %1)"),
};

const struct function_table function_table_json = {functions, COUNT_OF(functions)};

#define BY_TEXT(type)                                                                              \
    CAST(type, TEXT, ASSIGNMENT, "%1"), CAST(TEXT, type, EXPLICIT, "value_in(%t0, %1)"),           \
        CAST(type, BPCHAR, ASSIGNMENT, "%1"), CAST(BPCHAR, type, EXPLICIT, "value_in(%t0, %1)")

static const struct sql_cast casts[] = {
    BY_TEXT(JSON),
    BY_TEXT(JSONB),
    CAST(JSON, JSONB, ASSIGNMENT, "json_to_jsonb(%1)"),
    CAST(JSONB, JSON, ASSIGNMENT, "%1"),
    CAST(JSONB, BOOL, EXPLICIT, "jsonb_to_bool(%1)"),
    CAST(JSONB, NUM, EXPLICIT, "jsonb_to_numeric(%1, 'numeric')"),
    CAST(JSONB, INT2, EXPLICIT, "numeric_to_int2(jsonb_to_numeric(%1, 'smallint'))"),
    CAST(JSONB, INT4, EXPLICIT, "numeric_to_int4(jsonb_to_numeric(%1, 'integer'))"),
    CAST(JSONB, INT8, EXPLICIT, "numeric_to_int8(jsonb_to_numeric(%1, 'bigint'))"),
    CAST(
        JSONB, FLOAT8, EXPLICIT, "numeric_to_float(jsonb_to_numeric(%1, 'double precision'), 701)"),
    CAST(JSONB, FLOAT4, EXPLICIT, "numeric_to_float(jsonb_to_numeric(%1, 'real'), 700)"),
};

const struct cast_table cast_table_json = {casts, COUNT_OF(casts)};
