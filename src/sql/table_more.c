/* table_more.c - Functions beside those of one type: zones, periods, patterns of SIMILAR TO. */
#define SINCE 4
#include "sql/function_table.h"

#define OVERLAPS(type, add)                                                                        \
    FUNC4("overlaps", type, type, type, type, BOOL, "sql_overlaps(%1, %2, %3, %4)"),               \
        FUNC4("overlaps", type, INTERVAL, type, INTERVAL, BOOL,                                    \
              "sql_overlaps(%1, " add "(%1, %2), %3, " add "(%3, %4))"),                           \
        FUNC4("overlaps", type, type, type, INTERVAL, BOOL,                                        \
              "sql_overlaps(%1, %2, %3, " add "(%3, %4))"),                                        \
        FUNC4("overlaps", type, INTERVAL, type, type, BOOL,                                        \
              "sql_overlaps(%1, " add "(%1, %2), %3, %4)")

static const struct sql_function functions[] = {
    FUNC2("timezone", TEXT, TIME, STAMP, "zone_shift(%1, %2, 1)"),
    FUNC2("timezone", TEXT, STAMP, TIME, "zone_shift(%1, %2, -1)"),
    FUNC2("timezone", INTERVAL, TIME, STAMP, "zone_interval(%1, %2, 1)"),
    FUNC2("timezone", INTERVAL, STAMP, TIME, "zone_interval(%1, %2, -1)"),
    OVERLAPS(STAMP, "timestamp_add"),
    OVERLAPS(TIME, "timestamp_add"),
    OVERLAPS(CLOCK, "time_add"),
    FUNC2("to_char", TIME, TEXT, TEXT, "stamp_to_char(%1, %2, 1)"),
    FUNC2("to_char", STAMP, TEXT, TEXT, "stamp_to_char(%1, %2, 0)"),
    FUNC2("to_char", INTERVAL, TEXT, TEXT, "interval_to_char(%1, %2)"),
    FUNC2("to_char", NUM, TEXT, TEXT, "numeric_to_char(%1, %2)"),
    FUNC2("to_char", INT4, TEXT, TEXT, "numeric_to_char(int_to_numeric(%1), %2, 1)"),
    FUNC2("to_char", INT8, TEXT, TEXT, "numeric_to_char(int_to_numeric(%1), %2)"),
    FUNC2("to_char", FLOAT8, TEXT, TEXT, "float_to_char(%1, %2)"),
    FUNC2("to_char", FLOAT4, TEXT, TEXT, "float_to_char(float4_to_float8(%1), %2)"),
    ROWS2("regexp_matches", TEXT, TEXT, SQL_TEXT_ARRAY, "json_each(text_regex_matches(%1, %2))"),
    ROWS3("regexp_matches",
          TEXT,
          TEXT,
          TEXT,
          SQL_TEXT_ARRAY,
          "json_each(text_regex_matches(%1, %2, %3))"),
    FUNC2("regexp_instr", TEXT, TEXT, INT4, "text_regex_nth(%1, %2, '', 1, 1, 0, 1)"),
    FUNC3("substring", TEXT, TEXT, TEXT, TEXT, "text_regex_first(%1, similar_to_escape(%2, %3))"),
    FUNC1("format", TEXT, TEXT, "sql_format(%1)"),
    {.name = "format",
     .kind = SQL_FUNCTION,
     .arg_count = 2,
     .is_variadic = true,
     .any = SQL_ANY_OUTPUT,
     .args = {TEXT, ANY},
     .result = TEXT,
     .sqlite = "sql_format(%*)",
     .since = SINCE},
    FUNC3("date_trunc",
          TEXT,
          TIME,
          TEXT,
          TIME,
          "zone_shift(%3, time_trunc(%1, zone_shift(%3, %2, 1)), -1)"),
    ROWS3("regexp_split_to_table",
          TEXT,
          TEXT,
          TEXT,
          TEXT,
          "json_each(array_rows(1009, text_regex_split(%1, %2, %3), 0))"),
    ROWS3("string_to_table",
          TEXT,
          TEXT,
          TEXT,
          TEXT,
          "json_each(array_rows(1009, string_to_array(1009, %1, %2, %3), 0))"),
    FUNC1("similar_to_escape", TEXT, TEXT, "similar_to_escape(%1)"),
    FUNC2("similar_to_escape", TEXT, TEXT, TEXT, "similar_to_escape(%1, %2)"),
};

const struct function_table function_table_more = {functions, COUNT_OF(functions)};
