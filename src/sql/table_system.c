/* table_system.c - Functions, operators and casts of the system catalogs and their types: in reads
 * only.
 *
 * SQL_SYSTEM_PATH adds the schemas of the search path as the last argument. What PostgreSQL would
 * find in files, in other sessions or in what does not exist here has PostgreSQL's answer for
 * "there is none". */
#define SINCE SQL_SINCE_READS
#include "sql/function_table.h"

#define CHAR     SQL_CHAR
#define NAME     SQL_NAME
#define OID      SQL_OID
#define REGCLASS SQL_REGCLASS
#define REGTYPE  SQL_REGTYPE
#define TREE     SQL_NODE_TREE
#define TEXTS    SQL_TEXT_ARRAY

#define SYSTEM0(name_, result_, sqlite_)                                                           \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM, .result = (result_),      \
        .sqlite = (sqlite_), .since = SINCE                                                        \
    }
#define SYSTEM1(name_, a, result_, sqlite_)                                                        \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM, .arg_count = 1,           \
        .args = {a}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                      \
    }
#define SYSTEM2(name_, a, b, result_, sqlite_)                                                     \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM, .arg_count = 2,           \
        .args = {a, b}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                   \
    }
#define SYSTEM3(name_, a, b, c, result_, sqlite_)                                                  \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM, .arg_count = 3,           \
        .args = {a, b, c}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                \
    }
#define PATH1(name_, a, result_, sqlite_)                                                          \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM_PATH, .arg_count = 1,      \
        .args = {a}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                      \
    }
#define PATH2(name_, a, b, result_, sqlite_)                                                       \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM_PATH, .arg_count = 2,      \
        .args = {a, b}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                   \
    }

#define PATH3(name_, a, b, c, result_, sqlite_)                                                    \
    {                                                                                              \
        .name = (name_), .kind = SQL_FUNCTION, .volatility = SQL_SYSTEM_PATH, .arg_count = 3,      \
        .args = {a, b, c}, .result = (result_), .sqlite = (sqlite_), .since = SINCE                \
    }

/* Rights: of the account that reads, or of one named or numbered. */
#define HAS_RIGHT(name_, object_, sqlite_)                                                         \
    SYSTEM2(name_, OID, TEXT, BOOL, "system_has(NULL, '" object_ "', %1, %2)"),                    \
        PATH2(name_, TEXT, TEXT, BOOL, "system_has(NULL, '" object_ "', " sqlite_ ", %2)"),        \
        SYSTEM3(name_, OID, OID, TEXT, BOOL, "system_has(%1, '" object_ "', %2, %3)"),             \
        SYSTEM3(name_, NAME, OID, TEXT, BOOL,                                                      \
                "system_has(system_role(%1), '" object_ "', %2, %3)")
/* What nobody has made here is visible, as in PostgreSQL what is in pg_catalog. */
#define VISIBLE(name_)  SYSTEM1(name_, OID, BOOL, "(%1 IS NOT NULL OR NULL)")
#define NO_TEXT(name_)  SYSTEM1(name_, OID, TEXT, "nullif(%1, %1)")
#define NO_TEXT2(name_) SYSTEM2(name_, OID, BOOL, TEXT, "nullif(%1, %1)")

static const struct sql_function functions[] = {
    COMPARE(NAME),
    COMPARE(CHAR),
    COMPARE(OID),
    OPER("=", SQL_XID, SQL_XID, BOOL, "(%1 = %2)"),
    MIN_MAX(OID),
    MIN_MAX(NAME),
    MIN_MAX(CHAR),

    PATH1("pg_table_is_visible", OID, BOOL, "system_is_visible(%1, %2)"),
    VISIBLE("pg_type_is_visible"),
    VISIBLE("pg_function_is_visible"),
    VISIBLE("pg_operator_is_visible"),
    VISIBLE("pg_opclass_is_visible"),
    VISIBLE("pg_opfamily_is_visible"),
    VISIBLE("pg_collation_is_visible"),
    VISIBLE("pg_conversion_is_visible"),
    VISIBLE("pg_statistics_obj_is_visible"),
    VISIBLE("pg_ts_config_is_visible"),
    VISIBLE("pg_ts_dict_is_visible"),
    VISIBLE("pg_ts_parser_is_visible"),
    VISIBLE("pg_ts_template_is_visible"),

    SYSTEM1("pg_get_userbyid", OID, NAME, "system_role_name(%1)"),
    SYSTEM2("format_type", OID, INT4, TEXT, "system_format_type(%1, %2)"),
    PATH2("pg_get_expr", TREE, OID, TEXT, "system_expr(%1, %2, 0, %3)"),
    PATH3("pg_get_expr", TREE, OID, BOOL, TEXT, "system_expr(%1, %2, %3, %4)"),
    SYSTEM1("pg_get_indexdef", OID, TEXT, "system_indexdef(%1, 0, 0)"),
    SYSTEM3("pg_get_indexdef", OID, INT4, BOOL, TEXT, "system_indexdef(%1, %2, %3)"),
    PATH1("pg_get_constraintdef", OID, TEXT, "system_constraintdef(%1, 0, %2)"),
    PATH2("pg_get_constraintdef", OID, BOOL, TEXT, "system_constraintdef(%1, %2, %3)"),
    PATH1("pg_get_viewdef", OID, TEXT, "system_viewdef(%1, %2)"),
    PATH2("pg_get_viewdef", OID, BOOL, TEXT, "system_viewdef(%1, %3)"),
    PATH2("pg_get_viewdef", OID, INT4, TEXT, "system_viewdef(%1, %3)"),
    PATH1("pg_get_viewdef", TEXT, TEXT, "system_viewdef(system_oid(system_reg(2205, %1, %2)), %2)"),
    SYSTEM1("pg_get_ruledef", OID, TEXT, "system_ruledef(%1)"),
    SYSTEM2("pg_get_ruledef", OID, BOOL, TEXT, "system_ruledef(%1)"),
    PATH2("pg_get_serial_sequence", TEXT, TEXT, TEXT, "system_serial(%1, %2, %3)"),
    NO_TEXT("pg_get_triggerdef"),
    NO_TEXT2("pg_get_triggerdef"),
    NO_TEXT("pg_get_functiondef"),
    NO_TEXT("pg_get_function_arguments"),
    NO_TEXT("pg_get_function_identity_arguments"),
    NO_TEXT("pg_get_function_result"),
    NO_TEXT("pg_get_function_sqlbody"),
    NO_TEXT("pg_get_partkeydef"),
    NO_TEXT("pg_get_statisticsobjdef"),
    NO_TEXT("pg_get_statisticsobjdef_columns"),
    NO_TEXT("pg_get_partition_constraintdef"),
    SYSTEM1("pg_relation_is_publishable", REGCLASS, BOOL, "(%1 IS NOT NULL OR NULL)"),
    SYSTEM1("pg_partition_ancestors", REGCLASS, REGCLASS, "nullif(%1, %1)"),
    /* The first element of a vector has number 0. */
    {.name = "generate_subscripts",
     .kind = SQL_ROWS,
     .arg_count = 2,
     .args = {SQL_INT2VECTOR, INT4},
     .result = INT4,
     .sqlite = "(WITH RECURSIVE g(c1) AS (SELECT 0 WHERE array_length(%t1, %1, %2) > 0 UNION ALL "
               "SELECT c1 + 1 FROM g WHERE c1 + 1 < array_length(%t1, %1, %2)) SELECT c1 FROM g)",
     .since = SINCE},
    {.name = "_pg_expandarray",
     .kind = SQL_ROWS,
     .arg_count = 1,
     .volatility = SQL_SYSTEM,
     .args = {SQL_ANYARRAY},
     .result = SQL_RECORD,
     .sqlite = "json_each(system_expand(%t1, %1))",
     .since = SINCE},
    {.name = "pg_options_to_table",
     .kind = SQL_ROWS,
     .arg_count = 1,
     .volatility = SQL_SYSTEM,
     .args = {TEXTS},
     .result = TEXT,
     .sqlite = "json_each(iif(%1 IS NULL, '[]', '[]'))", /* Nothing has options. */
     .since = SINCE},
    {.name = "pg_partition_ancestors",
     .kind = SQL_ROWS,
     .arg_count = 1,
     .volatility = SQL_SYSTEM,
     .args = {REGCLASS},
     .result = REGCLASS,
     .sqlite = "json_each(iif(%1 IS NULL, '[]', '[]'))",
     .since = SINCE},

    SYSTEM2("obj_description", OID, NAME, TEXT, "system_comment(%1, 0, %2)"),
    SYSTEM1("obj_description", OID, TEXT, "system_comment(%1, 0, 'pg_class')"),
    SYSTEM2("col_description", OID, INT4, TEXT, "system_comment(%1, %2, 'pg_class')"),
    SYSTEM2("shobj_description", OID, NAME, TEXT, "nullif(%1, %1)"),

    HAS_RIGHT("has_table_privilege", "t", "system_oid(system_reg(2205, %1, %3))"),
    HAS_RIGHT("has_sequence_privilege", "t", "system_oid(system_reg(2205, %1, %3))"),
    HAS_RIGHT("has_any_column_privilege", "t", "system_oid(system_reg(2205, %1, %3))"),
    HAS_RIGHT("has_schema_privilege", "s", "system_oid(system_reg(4089, %1, %3))"),
    HAS_RIGHT("has_database_privilege", "d", "5"),
    SYSTEM2("has_tablespace_privilege", OID, TEXT, BOOL, "(%1 IS NOT NULL AND %2 IS NOT NULL)"),
    SYSTEM2("has_type_privilege", OID, TEXT, BOOL, "(%1 IS NOT NULL AND %2 IS NOT NULL)"),
    SYSTEM2("has_function_privilege", OID, TEXT, BOOL, "(%1 IS NOT NULL AND %2 IS NOT NULL)"),
    SYSTEM2("has_language_privilege", OID, TEXT, BOOL, "(%1 IS NOT NULL AND %2 IS NOT NULL)"),
    SYSTEM3("has_column_privilege", OID, INT2, TEXT, BOOL, "system_has(NULL, 't', %1, %3)"),
    SYSTEM3("has_column_privilege", OID, TEXT, TEXT, BOOL, "system_has(NULL, 't', %1, %3)"),
    SYSTEM2("pg_has_role", OID, TEXT, BOOL, "system_has(NULL, 'r', %1, %2)"),
    SYSTEM2("pg_has_role", NAME, TEXT, BOOL, "system_has(NULL, 'r', system_role(%1), %2)"),
    SYSTEM3("pg_has_role", OID, OID, TEXT, BOOL, "system_has(%1, 'r', %2, %3)"),
    SYSTEM3("pg_has_role", NAME, OID, TEXT, BOOL, "system_has(system_role(%1), 'r', %2, %3)"),
    SYSTEM3("pg_has_role",
            NAME,
            NAME,
            TEXT,
            BOOL,
            "system_has(system_role(%1), 'r', system_role(%2), %3)"),

    PATH1("to_regclass", TEXT, REGCLASS, "system_reg(2205, %1, %2, 1)"),
    PATH1("to_regtype", TEXT, REGTYPE, "system_reg(2206, %1, %2, 1)"),
    PATH1("to_regnamespace", TEXT, SQL_REGNAMESPACE, "system_reg(4089, %1, %2, 1)"),
    PATH1("to_regrole", TEXT, SQL_REGROLE, "system_reg(4096, %1, %2, 1)"),
    PATH1("to_regproc", TEXT, SQL_REGPROC, "system_reg(24, %1, %2, 1)"),
    PATH1("current_schemas", BOOL, SQL_NAME_ARRAY, "system_schemas(%1, %2)"),
    PATH1("row_security_active", OID, BOOL, "(%1 <> %1)"),
    SYSTEM1("pg_encoding_to_char", INT4, NAME, "iif(%1 = 6, 'UTF8', '')"),
    SYSTEM1("pg_char_to_encoding", NAME, INT4, "iif(%1 IN ('UTF8', 'utf8'), 6, -1)"),
    SYSTEM0("pg_client_encoding", NAME, "'UTF8'"),
    SYSTEM3("set_config", TEXT, TEXT, BOOL, TEXT, "system_set_config(%1)"),
    SYSTEM0("pg_is_in_recovery", BOOL, "0"),
    SYSTEM0("pg_is_wal_replay_paused", BOOL, "0"),
    SYSTEM0("pg_my_temp_schema", OID, "0"),
    SYSTEM1("pg_is_other_temp_schema", OID, BOOL, "(%1 <> %1)"),
    SYSTEM1("pg_relation_size", REGCLASS, INT8, "system_size(%1)"),
    SYSTEM2("pg_relation_size", REGCLASS, TEXT, INT8, "system_size(%1)"),
    SYSTEM1("pg_table_size", REGCLASS, INT8, "system_size(%1)"),
    SYSTEM1("pg_total_relation_size", REGCLASS, INT8, "system_size(%1)"),
    SYSTEM1("pg_indexes_size", REGCLASS, INT8, "system_size(%1)"),
    SYSTEM1("pg_database_size", OID, INT8, "iif(%1 IS NULL, NULL, 0)"),
    SYSTEM1("pg_database_size", NAME, INT8, "iif(%1 IS NULL, NULL, 0)"),
    SYSTEM1("pg_tablespace_size", OID, INT8, "iif(%1 IS NULL, NULL, 0)"),
    SYSTEM1("pg_tablespace_location", OID, TEXT, "iif(%1 IS NULL, NULL, '')"),
    SYSTEM1("pg_size_pretty", INT8, TEXT, "system_size_pretty(%1)"),
    SYSTEM1("pg_sequence_last_value", REGCLASS, INT8, "system_last_value(%1)"),
    SYSTEM2("acldefault", CHAR, OID, SQL_ACLITEM_ARRAY, "system_acldefault(%1, %2)"),
    SYSTEM1("quote_ident", TEXT, TEXT, "system_quote_ident(%1)"),
    SYSTEM2("pg_indexam_has_property", OID, TEXT, BOOL, "(%2 IN ('can_order', 'can_unique'))"),
    SYSTEM2("pg_index_has_property", REGCLASS, TEXT, BOOL, "(%2 IN ('index_scan'))"),
    SYSTEM0("pg_postmaster_start_time", TIME, "ctx_now()"),
    SYSTEM0("pg_conf_load_time", TIME, "ctx_now()"),
    SYSTEM0("inet_server_port", INT4, "NULL"),
    SYSTEM0("pg_export_snapshot", TEXT, "'00000000-00000000-1'"),
    SYSTEM1("pg_stat_get_numscans", OID, INT8, "iif(%1 IS NULL, NULL, 0)"),
};

const struct function_table function_table_system = {functions, COUNT_OF(functions)};

#define REG(type_, number_)                                                                        \
    CAST(TEXT, type_, IMPLICIT, "system_reg(" number_ ", %1, %2)"),                                \
        CAST(NAME, type_, EXPLICIT, "system_reg(" number_ ", %1, %2)"),                            \
        CAST(OID, type_, IMPLICIT, "system_reg(" number_ ", %1, %2)"),                             \
        CAST(INT4, type_, IMPLICIT, "system_reg(" number_ ", %1 & 4294967295, %2)"),               \
        CAST(INT2, type_, IMPLICIT, "system_reg(" number_ ", %1 & 4294967295, %2)"),               \
        CAST(INT8, type_, IMPLICIT, "system_reg(" number_ ", system_oid(%1), %2)"),                \
        CAST(type_, OID, IMPLICIT, "system_oid(%1)"),                                              \
        CAST(type_, INT8, ASSIGNMENT, "system_oid(%1)"),                                           \
        CAST(type_, INT4, ASSIGNMENT, "system_oid(%1)"),                                           \
        CAST(type_, TEXT, ASSIGNMENT, "substr(%1, 11)")

static const struct sql_cast casts[] = {
    CAST(NAME, TEXT, IMPLICIT, "%1"),
    CAST(TEXT, NAME, IMPLICIT, "system_name(%1)"),
    CAST(NAME, BPCHAR, ASSIGNMENT, "%1"),
    CAST(BPCHAR, NAME, IMPLICIT, "system_name(bpchar_to_text(%1))"),
    CAST(CHAR, TEXT, IMPLICIT, "%1"),
    CAST(TEXT, CHAR, ASSIGNMENT, "system_char(%1)"),
    CAST(CHAR, BPCHAR, ASSIGNMENT, "%1"),
    CAST(BPCHAR, CHAR, ASSIGNMENT, "system_char(%1)"),
    CAST(CHAR, INT4, EXPLICIT, "coalesce(unicode(%1), iif(%1 IS NULL, NULL, 0))"),
    CAST(INT4, CHAR, EXPLICIT, "iif(%1 IS NULL, NULL, iif(%1 = 0, '', char(%1)))"),
    CAST(INT2, OID, IMPLICIT, "(%1 & 4294967295)"),
    CAST(INT4, OID, IMPLICIT, "(%1 & 4294967295)"),
    CAST(INT8, OID, IMPLICIT, "system_oid(%1)"),
    CAST(OID, INT4, ASSIGNMENT, "(%1 - (%1 > 2147483647) * 4294967296)"),
    CAST(OID, INT8, ASSIGNMENT, "%1"),
    CAST(OID, TEXT, ASSIGNMENT, "int_out(%1)"),
    CAST(TEXT, OID, EXPLICIT, "value_in(26, %1)"),
    CAST(NAME, OID, EXPLICIT, "value_in(26, %1)"),
    CAST(INT4, SQL_XID, EXPLICIT, "%1"),
    CAST(SQL_XID, TEXT, ASSIGNMENT, "int_out(%1)"),
    CAST(TEXT, SQL_XID, EXPLICIT, "value_in(28, %1)"),
    CAST(TREE, TEXT, IMPLICIT, "%1"),
    CAST(TEXT, TREE, EXPLICIT, "%1"),
    CAST(SQL_ACLITEM, TEXT, ASSIGNMENT, "%1"),
    CAST(TEXT, SQL_ACLITEM, EXPLICIT, "%1"),
    REG(REGCLASS, "2205"),
    REG(REGTYPE, "2206"),
    REG(SQL_REGPROC, "24"),
    REG(SQL_REGNAMESPACE, "4089"),
    REG(SQL_REGROLE, "4096"),
};

const struct cast_table cast_table_system = {casts, COUNT_OF(casts)};
