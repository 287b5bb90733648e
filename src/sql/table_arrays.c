/* table_arrays.c - Functions and operators of arrays. ANYARRAY and ANYELEMENT take the one element
 * type that fits all of a call's arguments (resolve.c). */
#define SINCE 4
#include "sql/function_table.h"

#define ANYARRAY SQL_ANYARRAY
#define ELEMENT  SQL_ANYELEMENT
#define TEXTS    SQL_TEXT_ARRAY
#define INTS     SQL_INT4_ARRAY

/* sqlite_same_scale: where equal elements are equal bytes. */
#define COMPARE_ARRAY(symbol)                                                                      \
    {                                                                                              \
        .name = (symbol), .kind = SQL_OPERATOR, .arg_count = 2, .args = {ANYARRAY, ANYARRAY},      \
        .result = BOOL, .sqlite = "(array_cmp(%t1, %1, %2) " symbol " 0)",                         \
        .sqlite_same_scale = "(%1 " symbol " %2)", .since = SINCE                                  \
    }

static const struct sql_function functions[] = {
    COMPARE_ARRAY("="),
    COMPARE_ARRAY("<>"),
    COMPARE_ARRAY("<"),
    COMPARE_ARRAY("<="),
    COMPARE_ARRAY(">"),
    COMPARE_ARRAY(">="),
    OPER("||", ANYARRAY, ANYARRAY, ANYARRAY, "array_cat(%t1, %1, %2)"),
    OPER("||", ANYARRAY, ELEMENT, ANYARRAY, "array_append(%t1, %1, %2)"),
    OPER("||", ELEMENT, ANYARRAY, ANYARRAY, "array_prepend(%t2, %1, %2)"),
    OPER("@>", ANYARRAY, ANYARRAY, BOOL, "array_contains(%t1, %1, %2)"),
    OPER("<@", ANYARRAY, ANYARRAY, BOOL, "array_contains(%t1, %2, %1)"),
    OPER("&&", ANYARRAY, ANYARRAY, BOOL, "array_overlaps(%t1, %1, %2)"),
    FUNC2("array_cat", ANYARRAY, ANYARRAY, ANYARRAY, "array_cat(%t1, %1, %2)"),
    FUNC2("array_append", ANYARRAY, ELEMENT, ANYARRAY, "array_append(%t1, %1, %2)"),
    FUNC2("array_prepend", ELEMENT, ANYARRAY, ANYARRAY, "array_prepend(%t2, %1, %2)"),
    FUNC2("array_remove", ANYARRAY, ELEMENT, ANYARRAY, "array_remove(%t1, %1, %2)"),
    FUNC3("array_replace", ANYARRAY, ELEMENT, ELEMENT, ANYARRAY, "array_replace(%t1, %1, %2, %3)"),
    FUNC2("array_position", ANYARRAY, ELEMENT, INT4, "array_position(%t1, %1, %2)"),
    FUNC3("array_position", ANYARRAY, ELEMENT, INT4, INT4, "array_position(%t1, %1, %2, %3)"),
    FUNC2("array_positions", ANYARRAY, ELEMENT, INTS, "array_positions(%t1, %1, %2)"),
    FUNC2("array_length", ANYARRAY, INT4, INT4, "array_length(%t1, %1, %2)"),
    FUNC2("array_upper", ANYARRAY, INT4, INT4, "array_length(%t1, %1, %2)"),
    FUNC2("array_lower", ANYARRAY, INT4, INT4, "array_lower(%t1, %1, %2)"),
    FUNC1("array_ndims", ANYARRAY, INT4, "array_ndims(%t1, %1)"),
    FUNC1("array_dims", ANYARRAY, TEXT, "array_dims(%t1, %1)"),
    FUNC1("cardinality", ANYARRAY, INT4, "cardinality(%t1, %1)"),
    FUNC2("trim_array", ANYARRAY, INT4, ANYARRAY, "trim_array(%t1, %1, %2)"),
    FUNC2("array_to_string", ANYARRAY, TEXT, TEXT, "array_to_string(%t1, %1, %2)"),
    FUNC3("array_to_string", ANYARRAY, TEXT, TEXT, TEXT, "array_to_string(%t1, %1, %2, %3)"),
    FUNC2("string_to_array", TEXT, TEXT, TEXTS, "string_to_array(1009, %1, %2)"),
    FUNC3("string_to_array", TEXT, TEXT, TEXT, TEXTS, "string_to_array(1009, %1, %2, %3)"),
    {.name = "array_agg",
     .kind = SQL_AGGREGATE,
     .arg_count = 1,
     .volatility = SQL_ORDERED,
     .args = {ELEMENT},
     .result = ANYARRAY,
     .sqlite = "array_agg(%t0, %1)",
     .sqlite_ordered = "array_agg_by(array_part(%t0, %1), x'', %k, %d)",
     .since = SINCE},
};

const struct function_table function_table_arrays = {functions, COUNT_OF(functions)};
