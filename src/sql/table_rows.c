/* table_rows.c - Functions that give rows. A series is a recursive query; the steps of SQLite that
 * it takes are the statement's fuel. */
#define SINCE 4
#include "sql/function_table.h"

#define INT_SERIES(type)                                                                           \
    ROWS3("generate_series", type, type, type, type,                                               \
          "(WITH RECURSIVE g(c1) AS (SELECT %1 WHERE (series_step(%3) > 0 AND %1 <= %2) OR (%3 < " \
          "0 AND %1 >= %2) UNION ALL SELECT c1 + %3 FROM g WHERE (%3 > 0 AND c1 <= %2 - %3) OR "   \
          "(%3 < 0 AND c1 >= %2 - %3)) SELECT c1 FROM g)"),                                        \
        ROWS2("generate_series", type, type, type,                                                 \
              "(WITH RECURSIVE g(c1) AS (SELECT %1 WHERE %1 <= %2 UNION ALL SELECT c1 + 1 FROM g " \
              "WHERE c1 < %2) SELECT c1 FROM g)")
#define STAMP_SERIES(type)                                                                         \
    ROWS3("generate_series", type, type, INTERVAL, type,                                           \
          "(WITH RECURSIVE g(c1) AS (SELECT %1 WHERE (series_interval(%3) > 0 AND %1 <= %2) OR "   \
          "(series_interval(%3) < 0 AND %1 >= %2) UNION ALL SELECT timestamp_add(c1, %3) FROM g "  \
          "WHERE (series_interval(%3) > 0 AND timestamp_add(c1, %3) <= %2) OR "                    \
          "(series_interval(%3) < 0 AND timestamp_add(c1, %3) >= %2)) SELECT c1 FROM g)")

static const struct sql_function functions[] = {
    INT_SERIES(INT4),
    INT_SERIES(INT8),
    ROWS3("generate_series",
          NUM,
          NUM,
          NUM,
          NUM,
          "(WITH RECURSIVE g(c1) AS (SELECT %1 WHERE (series_numeric(%3) > 0 AND "
          "numeric_cmp(%1, %2) <= 0) OR (series_numeric(%3) < 0 AND numeric_cmp(%1, %2) >= 0) "
          "UNION ALL SELECT numeric_add(c1, %3) FROM g WHERE (series_numeric(%3) > 0 AND "
          "numeric_cmp(numeric_add(c1, %3), %2) <= 0) OR (series_numeric(%3) < 0 AND "
          "numeric_cmp(numeric_add(c1, %3), %2) >= 0)) SELECT c1 FROM g)"),
    ROWS2("generate_series",
          NUM,
          NUM,
          NUM,
          "(WITH RECURSIVE g(c1) AS (SELECT %1 WHERE numeric_cmp(%1, %2) <= 0 UNION ALL SELECT "
          "numeric_add(c1, int_to_numeric(1)) FROM g WHERE numeric_cmp(numeric_add(c1, "
          "int_to_numeric(1)), %2) <= 0) SELECT c1 FROM g)"),
    STAMP_SERIES(STAMP),
    STAMP_SERIES(TIME),
    ROWS1("unnest", SQL_ANYARRAY, SQL_ANYELEMENT, "json_each(array_rows(%t1, %1, 0))"),
    ROWS2("generate_subscripts",
          SQL_ANYARRAY,
          INT4,
          INT4,
          "(WITH RECURSIVE g(c1) AS (SELECT 1 WHERE array_length(%t1, %1, %2) > 0 UNION ALL SELECT "
          "c1 + 1 FROM g WHERE c1 < array_length(%t1, %1, %2)) SELECT c1 FROM g)"),
    ROWS2("regexp_split_to_table",
          TEXT,
          TEXT,
          TEXT,
          "json_each(array_rows(1009, text_regex_split(%1, %2), 0))"),
    ROWS2("string_to_table",
          TEXT,
          TEXT,
          TEXT,
          "json_each(array_rows(1009, string_to_array(1009, %1, %2), 0))"),
};

const struct function_table function_table_rows = {functions, COUNT_OF(functions)};
