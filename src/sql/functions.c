/* functions.c - The tables of functions and casts, and look-up in them.
 *
 * A table line is a promise: the template gives PostgreSQL's result. Names in templates are those
 * of the func_*.c files. What came with exec_version 4 has tables of its own (table_*.c). */
#define SINCE 0
#include "sql/function_table.h"

static const struct sql_function functions[] = {
    COMPARE(BOOL),
    COMPARE(INT2),
    COMPARE(INT4),
    COMPARE(INT8),
    COMPARE(TEXT),
    COMPARE(BYTEA),
    COMPARE(TIME),
    COMPARE_NUM("="),
    COMPARE_NUM("<>"),
    COMPARE_NUM("<"),
    COMPARE_NUM("<="),
    COMPARE_NUM(">"),
    COMPARE_NUM(">="),

    ARITHMETIC(INT2, "int2"),
    ARITHMETIC(INT4, "int4"),
    ARITHMETIC(INT8, "int8"),
    ARITHMETIC(NUM, "numeric"),
    BITS(INT2, "int2"),
    BITS(INT4, "int4"),
    BITS(INT8, "int8"),
    FUNC2("div", NUM, NUM, NUM, "numeric_div_trunc(%1, %2)"),
    FUNC1("round", NUM, NUM, "numeric_round(%1, 0)"),
    FUNC2("round", NUM, INT4, NUM, "numeric_round(%1, %2)"),
    FUNC1("trunc", NUM, NUM, "numeric_trunc(%1, 0)"),
    FUNC2("trunc", NUM, INT4, NUM, "numeric_trunc(%1, %2)"),
    FUNC1("ceil", NUM, NUM, "numeric_ceil(%1)"),
    FUNC1("ceiling", NUM, NUM, "numeric_ceil(%1)"),
    FUNC1("floor", NUM, NUM, "numeric_floor(%1)"),
    FUNC1("sign", NUM, NUM, "numeric_sign(%1)"),
    FUNC1("scale", NUM, INT4, "numeric_scale(%1)"),
    FUNC1("min_scale", NUM, INT4, "numeric_min_scale(%1)"),
    FUNC1("trim_scale", NUM, NUM, "numeric_trim_scale(%1)"),

    OPER("||", TEXT, TEXT, TEXT, "text_cat(%1, %2)"),
    OPER("||", BYTEA, BYTEA, BYTEA, "bytea_cat(%1, %2)"),
    {.name = "||",
     .kind = SQL_OPERATOR,
     .arg_count = 2,
     .any = SQL_ANY_TEXT,
     .args = {TEXT, ANY},
     .result = TEXT,
     .sqlite = "text_cat(%1, %2)"},
    {.name = "||",
     .kind = SQL_OPERATOR,
     .arg_count = 2,
     .any = SQL_ANY_TEXT,
     .args = {ANY, TEXT},
     .result = TEXT,
     .sqlite = "text_cat(%1, %2)"},
    OPER("~~", TEXT, TEXT, BOOL, "text_like(%1, %2)"),
    OPER("!~~", TEXT, TEXT, BOOL, "(NOT text_like(%1, %2))"),
    OPER("~~*", TEXT, TEXT, BOOL, "text_ilike(%1, %2)"),
    OPER("!~~*", TEXT, TEXT, BOOL, "(NOT text_ilike(%1, %2))"),
    OPER("^@", TEXT, TEXT, BOOL, "text_starts_with(%1, %2)"),
    FUNC2("like_escape", TEXT, TEXT, TEXT, "text_like_escape(%1, %2)"),
    FUNC1("length", TEXT, INT4, "text_length(%1)"),
    FUNC1("length", BYTEA, INT4, "bytea_length(%1)"),
    FUNC1("char_length", TEXT, INT4, "text_length(%1)"),
    FUNC1("character_length", TEXT, INT4, "text_length(%1)"),
    FUNC1("octet_length", TEXT, INT4, "text_octets(%1)"),
    FUNC1("octet_length", BYTEA, INT4, "bytea_length(%1)"),
    FUNC1("bit_length", TEXT, INT4, "(8 * text_octets(%1))"),
    FUNC1("bit_length", BYTEA, INT4, "(8 * bytea_length(%1))"),
    FUNC1("lower", TEXT, TEXT, "text_lower(%1)"),
    FUNC1("upper", TEXT, TEXT, "text_upper(%1)"),
    FUNC1("initcap", TEXT, TEXT, "text_initcap(%1)"),
    FUNC2("substr", TEXT, INT4, TEXT, "text_substr(%1, %2)"),
    FUNC3("substr", TEXT, INT4, INT4, TEXT, "text_substr(%1, %2, %3)"),
    FUNC2("substring", TEXT, INT4, TEXT, "text_substr(%1, %2)"),
    FUNC3("substring", TEXT, INT4, INT4, TEXT, "text_substr(%1, %2, %3)"),
    FUNC2("substr", BYTEA, INT4, BYTEA, "bytea_substr(%1, %2)"),
    FUNC3("substr", BYTEA, INT4, INT4, BYTEA, "bytea_substr(%1, %2, %3)"),
    FUNC2("substring", BYTEA, INT4, BYTEA, "bytea_substr(%1, %2)"),
    FUNC3("substring", BYTEA, INT4, INT4, BYTEA, "bytea_substr(%1, %2, %3)"),
    FUNC2("position", TEXT, TEXT, INT4, "text_position(%1, %2)"),
    FUNC2("strpos", TEXT, TEXT, INT4, "text_position(%1, %2)"),
    FUNC2("starts_with", TEXT, TEXT, BOOL, "text_starts_with(%1, %2)"),
    FUNC1("btrim", TEXT, TEXT, "text_btrim(%1, ' ')"),
    FUNC2("btrim", TEXT, TEXT, TEXT, "text_btrim(%1, %2)"),
    FUNC1("ltrim", TEXT, TEXT, "text_ltrim(%1, ' ')"),
    FUNC2("ltrim", TEXT, TEXT, TEXT, "text_ltrim(%1, %2)"),
    FUNC1("rtrim", TEXT, TEXT, "text_rtrim(%1, ' ')"),
    FUNC2("rtrim", TEXT, TEXT, TEXT, "text_rtrim(%1, %2)"),
    FUNC3("replace", TEXT, TEXT, TEXT, TEXT, "text_replace(%1, %2, %3)"),
    FUNC3("translate", TEXT, TEXT, TEXT, TEXT, "text_translate(%1, %2, %3)"),
    FUNC2("left", TEXT, INT4, TEXT, "text_left(%1, %2)"),
    FUNC2("right", TEXT, INT4, TEXT, "text_right(%1, %2)"),
    FUNC2("lpad", TEXT, INT4, TEXT, "text_lpad(%1, %2, ' ')"),
    FUNC3("lpad", TEXT, INT4, TEXT, TEXT, "text_lpad(%1, %2, %3)"),
    FUNC2("rpad", TEXT, INT4, TEXT, "text_rpad(%1, %2, ' ')"),
    FUNC3("rpad", TEXT, INT4, TEXT, TEXT, "text_rpad(%1, %2, %3)"),
    FUNC2("repeat", TEXT, INT4, TEXT, "text_repeat(%1, %2)"),
    FUNC1("reverse", TEXT, TEXT, "text_reverse(%1)"),
    FUNC3("split_part", TEXT, TEXT, INT4, TEXT, "text_split_part(%1, %2, %3)"),
    {.name = "concat",
     .kind = SQL_FUNCTION,
     .arg_count = 1,
     .is_variadic = true,
     .any = SQL_ANY_OUTPUT,
     .args = {ANY},
     .result = TEXT,
     .sqlite = "text_concat(%*)"},
    {.name = "concat_ws",
     .kind = SQL_FUNCTION,
     .arg_count = 2,
     .is_variadic = true,
     .any = SQL_ANY_OUTPUT,
     .args = {TEXT, ANY},
     .result = TEXT,
     .sqlite = "text_concat_ws(%*)"},
    FUNC1("ascii", TEXT, INT4, "text_ascii(%1)"),
    FUNC1("chr", INT4, TEXT, "text_chr(%1)"),
    FUNC1("to_hex", INT4, TEXT, "int4_to_hex(%1)"),
    FUNC1("to_hex", INT8, TEXT, "int8_to_hex(%1)"),
    {.name = "quote_literal",
     .kind = SQL_FUNCTION,
     .arg_count = 1,
     .args = {TEXT},
     .result = TEXT,
     .sqlite = "text_quote_literal(%1)",
     .since = 2},
    {.name = "quote_literal",
     .kind = SQL_FUNCTION,
     .arg_count = 1,
     .any = SQL_ANY_TEXT,
     .args = {ANY},
     .result = TEXT,
     .sqlite = "text_quote_literal(%1)",
     .since = 2},
    FUNC2("encode", BYTEA, TEXT, TEXT, "bytea_encode(%1, %2)"),
    FUNC2("decode", TEXT, TEXT, BYTEA, "bytea_decode(%1, %2)"),
    FUNC2("get_byte", BYTEA, INT4, INT4, "bytea_get_byte(%1, %2)"),
    FUNC3("set_byte", BYTEA, INT4, INT4, BYTEA, "bytea_set_byte(%1, %2, %3)"),
    FUNC1("md5", TEXT, TEXT, "bytea_md5(%1)"),
    FUNC1("md5", BYTEA, TEXT, "bytea_md5(%1)"),
    FUNC1("sha256", BYTEA, BYTEA, "bytea_sha256(%1)"),

    STABLE0("now", TIME, "ctx_now()"),
    STABLE0("transaction_timestamp", TIME, "ctx_now()"),
    STABLE0("statement_timestamp", TIME, "ctx_now()"),
    STABLE0("current_user", TEXT, "ctx_user()"),
    STABLE0("session_user", TEXT, "ctx_user()"),
    STABLE0("current_database", TEXT, "ctx_database()"),
    FUNC0("version", TEXT, "ctx_version()"),
    FUNC2("extract", TEXT, TIME, NUM, "time_extract(%1, %2)"),
    FUNC2("date_trunc", TEXT, TIME, TIME, "time_trunc(%1, %2)"),

    MOST(BOOL, "int"),
    MOST(INT2, "int"),
    MOST(INT4, "int"),
    MOST(INT8, "int"),
    MOST(TIME, "int"),
    MOST(TEXT, "text"),
    MOST(BYTEA, "bytea"),
    MOST(NUM, "numeric"),

    {.name = "count",
     .kind = SQL_AGGREGATE,
     .result = INT8,
     .sqlite = "count(*)",
     .window = SQL_WINDOW_ANY},
    {.name = "count",
     .kind = SQL_AGGREGATE,
     .arg_count = 1,
     .args = {ANY},
     .result = INT8,
     .sqlite = "count(%1)",
     .window = SQL_WINDOW_ANY},
    MOVING1("sum", INT2, INT8, "int_sum(%1)"),
    MOVING1("sum", INT4, INT8, "int_sum(%1)"),
    MOVING1("sum", INT8, NUM, "int8_sum(%1)"),
    MOVING1("sum", NUM, NUM, "numeric_sum(%1)"),
    MOVING1("avg", INT2, NUM, "int_avg(%1)"),
    MOVING1("avg", INT4, NUM, "int_avg(%1)"),
    MOVING1("avg", INT8, NUM, "int_avg(%1)"),
    MOVING1("avg", NUM, NUM, "numeric_avg(%1)"),
    MIN_MAX(INT2),
    MIN_MAX(INT4),
    MIN_MAX(INT8),
    MIN_MAX(TEXT),
    MIN_MAX(TIME),
    {.name = "min",
     .kind = SQL_AGGREGATE,
     .arg_count = 1,
     .args = {NUM},
     .result = NUM,
     .sqlite = "numeric_min(%1)",
     .sqlite_same_scale = "min(%1)",
     .window = SQL_WINDOW_GROWING},
    {.name = "max",
     .kind = SQL_AGGREGATE,
     .arg_count = 1,
     .args = {NUM},
     .result = NUM,
     .sqlite = "numeric_max(%1)",
     .sqlite_same_scale = "max(%1)",
     .window = SQL_WINDOW_GROWING},
    MOVING1("bool_and", BOOL, BOOL, "min(%1)"),
    MOVING1("every", BOOL, BOOL, "min(%1)"),
    MOVING1("bool_or", BOOL, BOOL, "max(%1)"),
    {.name = "string_agg",
     .kind = SQL_AGGREGATE,
     .arg_count = 2,
     .volatility = SQL_ORDERED,
     .args = {TEXT, TEXT},
     .result = TEXT,
     .sqlite = "text_string_agg(%1, %2)",
     .sqlite_ordered = "text_string_agg_by(%1, %2, %k, %d)",
     .window = SQL_WINDOW_GROWING},
    {.name = "string_agg",
     .kind = SQL_AGGREGATE,
     .arg_count = 2,
     .volatility = SQL_ORDERED,
     .args = {BYTEA, BYTEA},
     .result = BYTEA,
     .sqlite = "bytea_string_agg(%1, %2)",
     .sqlite_ordered = "bytea_string_agg_by(%1, %2, %k, %d)",
     .window = SQL_WINDOW_GROWING},
};

static const struct sql_cast casts[] = {
    CAST(INT2, INT4, IMPLICIT, "%1"),
    CAST(INT2, INT8, IMPLICIT, "%1"),
    CAST(INT2, NUM, IMPLICIT, "int_to_numeric(%1)"),
    CAST(INT4, INT2, ASSIGNMENT, "int_to_int2(%1)"),
    CAST(INT4, INT8, IMPLICIT, "%1"),
    CAST(INT4, NUM, IMPLICIT, "int_to_numeric(%1)"),
    CAST(INT8, INT2, ASSIGNMENT, "int_to_int2(%1)"),
    CAST(INT8, INT4, ASSIGNMENT, "int_to_int4(%1)"),
    CAST(INT8, NUM, IMPLICIT, "int_to_numeric(%1)"),
    CAST(NUM, INT2, ASSIGNMENT, "numeric_to_int2(%1)"),
    CAST(NUM, INT4, ASSIGNMENT, "numeric_to_int4(%1)"),
    CAST(NUM, INT8, ASSIGNMENT, "numeric_to_int8(%1)"),
    CAST(BOOL, INT4, EXPLICIT, "%1"),
    CAST(INT4, BOOL, EXPLICIT, "(%1 <> 0)"),

    CAST(BOOL, TEXT, ASSIGNMENT, "bool_to_text(%1)"),
    CAST(INT2, TEXT, ASSIGNMENT, "int_out(%1)"),
    CAST(INT4, TEXT, ASSIGNMENT, "int_out(%1)"),
    CAST(INT8, TEXT, ASSIGNMENT, "int_out(%1)"),
    CAST(NUM, TEXT, ASSIGNMENT, "numeric_out(%1)"),
    CAST(BYTEA, TEXT, ASSIGNMENT, "bytea_out(%1)"),
    CAST(TIME, TEXT, ASSIGNMENT, "time_out(%1)"),

    CAST(TEXT, BOOL, EXPLICIT, "bool_in(%1)"),
    CAST(TEXT, INT2, EXPLICIT, "int2_in(%1)"),
    CAST(TEXT, INT4, EXPLICIT, "int4_in(%1)"),
    CAST(TEXT, INT8, EXPLICIT, "int8_in(%1)"),
    CAST(TEXT, NUM, EXPLICIT, "numeric_in(%1)"),
    CAST(TEXT, BYTEA, EXPLICIT, "bytea_in(%1)"),
    CAST(TEXT, TIME, EXPLICIT, "time_in(%1)"),
};

static const struct function_table own_functions = {functions, COUNT_OF(functions)};
static const struct cast_table own_casts = {casts, COUNT_OF(casts)};

static const struct function_table *const function_tables[] = {
    &own_functions,       &function_table_system, &function_table_types, &function_table_arrays,
    &function_table_rows, &function_table_json,   &function_table_more};
static const struct cast_table *const cast_tables[] = {&own_casts, &cast_table_types,
                                                       &cast_table_json, &cast_table_system};

static const struct sql_cast array_to_text = {SQL_ANYARRAY, SQL_TEXT, SQL_CAST_ASSIGNMENT,
                                              "value_out(%t1, %1)"};
static const struct sql_cast text_to_array = {SQL_TEXT, SQL_ANYARRAY, SQL_CAST_EXPLICIT,
                                              "value_in(%t0, %1)"};

static const struct sql_cast same_elements = {SQL_ANYARRAY, SQL_ANYARRAY, SQL_CAST_IMPLICIT, "%1"};

static bool has_name(const struct sql_function *f, struct span name)
{
    return name.size > 0 && f->name[0] == (char)name.data[0] &&
           span_equal(span_text(f->name), name);
}

const struct sql_function *sql_function_next(struct span name,
                                             enum sql_function_kind kind,
                                             uint32_t *at)
{
    if (kind == SQL_NODE) {
        const struct sql_function *f = NULL;
        while ((f = sql_node_function_at((*at)++)) != NULL)
            if (has_name(f, name)) return f;
        return NULL;
    }
    uint32_t before = 0;
    for (uint32_t t = 0; t < COUNT_OF(function_tables); t++) {
        const struct function_table *table = function_tables[t];
        for (; *at < before + table->count;) {
            const struct sql_function *f = &table->lines[(*at)++ - before];
            if (f->kind == kind && has_name(f, name)) return f;
        }
        before += table->count;
    }
    return NULL;
}

const struct sql_function *sql_function_find(struct span name,
                                             enum sql_function_kind kind,
                                             uint32_t index)
{
    const struct sql_function *f = NULL;
    for (uint32_t at = 0; (f = sql_function_next(name, kind, &at)) != NULL;)
        if (index-- == 0) return f;
    return NULL;
}

/* Arrays are cast by way of the elements' text: where that is what a cast of elements gives. */
static const struct sql_cast *array_cast_find(enum sql_type from, enum sql_type to)
{
    static const struct sql_cast by_context[] = {
        {SQL_ANYARRAY, SQL_ANYARRAY, SQL_CAST_IMPLICIT, "array_cast(%t1, %1, %t0)"},
        {SQL_ANYARRAY, SQL_ANYARRAY, SQL_CAST_ASSIGNMENT, "array_cast(%t1, %1, %t0)"},
        {SQL_ANYARRAY, SQL_ANYARRAY, SQL_CAST_EXPLICIT, "array_cast(%t1, %1, %t0)"}};
    const enum sql_type left = sql_type_info(from)->element;
    const enum sql_type right = sql_type_info(to)->element;
    if (left == right) return &same_elements; /* int2vector and int2[] */
    const struct sql_cast *of_elements = sql_cast_find(left, right);
    const bool is_int = left == SQL_INT2 || left == SQL_INT4 || left == SQL_INT8;
    const bool is_text = left == SQL_TEXT || right == SQL_TEXT;
    const bool is_number =
        is_int && sql_type_info(right)->category == 'N'; /* Their text is exact. */
    if (of_elements == NULL || !(is_text || is_number)) return NULL;
    return &by_context[of_elements->context];
}

const struct sql_cast *sql_cast_find(enum sql_type from, enum sql_type to)
{
    if (sql_type_is_array(from) && sql_type_is_array(to)) return array_cast_find(from, to);
    if (sql_type_is_array(from) && to == SQL_TEXT) return &array_to_text;
    if (sql_type_is_array(to) && from == SQL_TEXT) return &text_to_array;
    for (uint32_t t = 0; t < COUNT_OF(cast_tables); t++) {
        const struct cast_table *table = cast_tables[t];
        for (uint32_t i = 0; i < table->count; i++)
            if (table->lines[i].from == from && table->lines[i].to == to) return &table->lines[i];
    }
    return NULL;
}

const char *sql_fit_template(enum sql_type type, bool is_assignment)
{
    if (type == SQL_NUMERIC) return "numeric_fit(%1, %2)";
    if (type == SQL_BPCHAR)
        return is_assignment ? "bpchar_fit(%1, %2, 0)" : "bpchar_fit(%1, %2, 1)";
    if (type == SQL_TIME) return "time_of_day_fit(%1, %2)";
    if (type == SQL_TIMESTAMP || type == SQL_TIMESTAMPTZ) return "timestamp_fit(%1, %2)";
    if (type == SQL_INTERVAL) return "interval_fit(%1, %2)";
    if (type == SQL_TEXT) return is_assignment ? "text_fit(%1, %2)" : "text_cut(%1, %2)";
    return NULL;
}

const char *sql_output_template(enum sql_type type)
{
    if (sql_type_info(type)->since == 0) {
        if (type == SQL_BOOL) return "bool_out(%1)";
        if (type == SQL_INT2 || type == SQL_INT4 || type == SQL_INT8) return "int_out(%1)";
        if (type == SQL_NUMERIC) return "numeric_out(%1)";
        if (type == SQL_BYTEA) return "bytea_out(%1)";
        return type == SQL_TIMESTAMPTZ ? "time_out(%1)" : "%1";
    }
    const bool is_text = type == SQL_BPCHAR || type == SQL_JSON || type == SQL_JSONB;
    return is_text ? "%1" : "value_out(%t1, %1)";
}

const struct sql_function *sql_function_at(uint32_t index)
{
    for (uint32_t t = 0; t < COUNT_OF(function_tables); t++) {
        if (index < function_tables[t]->count) return &function_tables[t]->lines[index];
        index -= function_tables[t]->count;
    }
    return NULL;
}

const struct sql_cast *sql_cast_at(uint32_t index)
{
    for (uint32_t t = 0; t < COUNT_OF(cast_tables); t++) {
        if (index < cast_tables[t]->count) return &cast_tables[t]->lines[index];
        index -= cast_tables[t]->count;
    }
    return NULL;
}
