/* type.c - The table of types. An OID is the place in an array of small numbers, so that finding a
 * type costs two loads. */
#include "sql/type.h"

#include "base/must.h"
#include "sql/value_int.h"

#define OID_MAX 4100u

enum place {
    NOWHERE,
    AT_BOOL,
    AT_BYTEA,
    AT_INT8,
    AT_INT2,
    AT_INT4,
    AT_TEXT,
    AT_FLOAT4,
    AT_FLOAT8,
    AT_UNKNOWN,
    AT_BPCHAR,
    AT_DATE,
    AT_TIME,
    AT_TIMESTAMP,
    AT_TIMESTAMPTZ,
    AT_INTERVAL,
    AT_NUMERIC,
    AT_VOID,
    AT_UUID,
    AT_ANYARRAY,
    AT_ANYELEMENT,
    AT_BOOL_ARRAY,
    AT_BYTEA_ARRAY,
    AT_INT2_ARRAY,
    AT_INT4_ARRAY,
    AT_TEXT_ARRAY,
    AT_BPCHAR_ARRAY,
    AT_INT8_ARRAY,
    AT_FLOAT4_ARRAY,
    AT_FLOAT8_ARRAY,
    AT_TIMESTAMP_ARRAY,
    AT_DATE_ARRAY,
    AT_TIME_ARRAY,
    AT_TIMESTAMPTZ_ARRAY,
    AT_INTERVAL_ARRAY,
    AT_NUMERIC_ARRAY,
    AT_UUID_ARRAY,
    AT_JSON,
    AT_JSONB,
    AT_JSON_ARRAY,
    AT_JSONB_ARRAY,
    AT_CHAR,
    AT_NAME,
    AT_INT2VECTOR,
    AT_REGPROC,
    AT_OID,
    AT_XID,
    AT_OIDVECTOR,
    AT_NODE_TREE,
    AT_ACLITEM,
    AT_CHAR_ARRAY,
    AT_NAME_ARRAY,
    AT_REGPROC_ARRAY,
    AT_OID_ARRAY,
    AT_ACLITEM_ARRAY,
    AT_REGCLASS,
    AT_REGTYPE,
    AT_REGCLASS_ARRAY,
    AT_REGTYPE_ARRAY,
    AT_REGNAMESPACE,
    AT_REGNAMESPACE_ARRAY,
    AT_REGROLE,
    AT_REGROLE_ARRAY,
    AT_RECORD,
    PLACES
};

static const uint8_t places[OID_MAX] = {
    [SQL_BOOL] = AT_BOOL,
    [SQL_BYTEA] = AT_BYTEA,
    [SQL_INT8] = AT_INT8,
    [SQL_INT2] = AT_INT2,
    [SQL_INT4] = AT_INT4,
    [SQL_TEXT] = AT_TEXT,
    [SQL_FLOAT4] = AT_FLOAT4,
    [SQL_FLOAT8] = AT_FLOAT8,
    [SQL_UNKNOWN] = AT_UNKNOWN,
    [SQL_BPCHAR] = AT_BPCHAR,
    [SQL_DATE] = AT_DATE,
    [SQL_TIME] = AT_TIME,
    [SQL_TIMESTAMP] = AT_TIMESTAMP,
    [SQL_TIMESTAMPTZ] = AT_TIMESTAMPTZ,
    [SQL_INTERVAL] = AT_INTERVAL,
    [SQL_NUMERIC] = AT_NUMERIC,
    [SQL_VOID] = AT_VOID,
    [SQL_UUID] = AT_UUID,
    [SQL_JSON] = AT_JSON,
    [SQL_JSONB] = AT_JSONB,
    [SQL_JSON_ARRAY] = AT_JSON_ARRAY,
    [SQL_JSONB_ARRAY] = AT_JSONB_ARRAY,
    [SQL_ANYARRAY] = AT_ANYARRAY,
    [SQL_ANYELEMENT] = AT_ANYELEMENT,
    [SQL_BOOL_ARRAY] = AT_BOOL_ARRAY,
    [SQL_BYTEA_ARRAY] = AT_BYTEA_ARRAY,
    [SQL_INT2_ARRAY] = AT_INT2_ARRAY,
    [SQL_INT4_ARRAY] = AT_INT4_ARRAY,
    [SQL_TEXT_ARRAY] = AT_TEXT_ARRAY,
    [SQL_BPCHAR_ARRAY] = AT_BPCHAR_ARRAY,
    [SQL_INT8_ARRAY] = AT_INT8_ARRAY,
    [SQL_FLOAT4_ARRAY] = AT_FLOAT4_ARRAY,
    [SQL_FLOAT8_ARRAY] = AT_FLOAT8_ARRAY,
    [SQL_TIMESTAMP_ARRAY] = AT_TIMESTAMP_ARRAY,
    [SQL_DATE_ARRAY] = AT_DATE_ARRAY,
    [SQL_TIME_ARRAY] = AT_TIME_ARRAY,
    [SQL_TIMESTAMPTZ_ARRAY] = AT_TIMESTAMPTZ_ARRAY,
    [SQL_INTERVAL_ARRAY] = AT_INTERVAL_ARRAY,
    [SQL_NUMERIC_ARRAY] = AT_NUMERIC_ARRAY,
    [SQL_UUID_ARRAY] = AT_UUID_ARRAY,
    [SQL_CHAR] = AT_CHAR,
    [SQL_NAME] = AT_NAME,
    [SQL_INT2VECTOR] = AT_INT2VECTOR,
    [SQL_REGPROC] = AT_REGPROC,
    [SQL_OID] = AT_OID,
    [SQL_XID] = AT_XID,
    [SQL_OIDVECTOR] = AT_OIDVECTOR,
    [SQL_NODE_TREE] = AT_NODE_TREE,
    [SQL_ACLITEM] = AT_ACLITEM,
    [SQL_CHAR_ARRAY] = AT_CHAR_ARRAY,
    [SQL_NAME_ARRAY] = AT_NAME_ARRAY,
    [SQL_REGPROC_ARRAY] = AT_REGPROC_ARRAY,
    [SQL_OID_ARRAY] = AT_OID_ARRAY,
    [SQL_ACLITEM_ARRAY] = AT_ACLITEM_ARRAY,
    [SQL_REGCLASS] = AT_REGCLASS,
    [SQL_REGTYPE] = AT_REGTYPE,
    [SQL_REGCLASS_ARRAY] = AT_REGCLASS_ARRAY,
    [SQL_REGTYPE_ARRAY] = AT_REGTYPE_ARRAY,
    [SQL_REGNAMESPACE] = AT_REGNAMESPACE,
    [SQL_REGNAMESPACE_ARRAY] = AT_REGNAMESPACE_ARRAY,
    [SQL_REGROLE] = AT_REGROLE,
    [SQL_REGROLE_ARRAY] = AT_REGROLE_ARRAY,
    [SQL_RECORD] = AT_RECORD,
};

#define INTEGER(type_, category_, preferred_, size_, since_, name_, title_, codec_, array_)        \
    {                                                                                              \
        .type = (type_), .storage = SQL_STORE_INTEGER, .category = (category_),                    \
        .is_preferred = (preferred_), .size = (size_), .since = (since_), .name = (name_),         \
        .title = (title_), .codec = (codec_), .array = (array_)                                    \
    }
#define BYTES(type_, storage_, category_, preferred_, size_, since_, name_, title_, codec_,        \
              array_)                                                                              \
    {                                                                                              \
        .type = (type_), .storage = SQL_STORE_##storage_, .category = (category_),                 \
        .is_preferred = (preferred_), .size = (size_), .since = (since_), .name = (name_),         \
        .title = (title_), .codec = (codec_), .array = (array_)                                    \
    }

#define ARRAY(name_, pg_, title_)                                                                  \
    {                                                                                              \
        .type = SQL_##name_##_ARRAY, .storage = SQL_STORE_BLOB, .category = 'A', .size = -1,       \
        .since = 4, .name = (pg_), .title = (title_), .element = SQL_##name_,                      \
        .codec = &codec_array                                                                      \
    }

/* Of the system catalogs. */
#define SYSTEM(name_, storage_, category_, size_, pg_, codec_, array_)                             \
    {                                                                                              \
        .type = SQL_##name_, .storage = SQL_STORE_##storage_, .category = (category_),             \
        .size = (size_), .since = SQL_SINCE_READS, .name = (pg_), .title = (pg_),                  \
        .codec = &(codec_), .array = (array_)                                                      \
    }
#define REG(name_, pg_) SYSTEM(name_, TEXT, 'N', 4, pg_, codec_reg, SQL_##name_##_ARRAY)
#define SYSTEM_ARRAY(name_, pg_, title_)                                                           \
    {                                                                                              \
        .type = SQL_##name_##_ARRAY, .storage = SQL_STORE_BLOB, .category = 'A', .size = -1,       \
        .since = SQL_SINCE_READS, .name = (pg_), .title = (title_), .element = SQL_##name_,        \
        .codec = &codec_array                                                                      \
    }
#define VECTOR(name_, pg_, element_)                                                               \
    {                                                                                              \
        .type = SQL_##name_, .storage = SQL_STORE_BLOB, .category = 'A', .size = -1,               \
        .since = SQL_SINCE_READS, .name = (pg_), .title = (pg_), .element = (element_),            \
        .codec = &codec_vector                                                                     \
    }

static const struct sql_type_info types[PLACES] = {
    [AT_BOOL] = INTEGER(SQL_BOOL, 'B', true, 1, 0, "bool", "boolean", &codec_bool, SQL_BOOL_ARRAY),
    [AT_BYTEA] =
        BYTES(SQL_BYTEA, BLOB, 'U', false, -1, 0, "bytea", "bytea", &codec_bytea, SQL_BYTEA_ARRAY),
    [AT_INT8] = INTEGER(SQL_INT8, 'N', false, 8, 0, "int8", "bigint", &codec_int, SQL_INT8_ARRAY),
    [AT_INT2] = INTEGER(SQL_INT2, 'N', false, 2, 0, "int2", "smallint", &codec_int, SQL_INT2_ARRAY),
    [AT_INT4] = INTEGER(SQL_INT4, 'N', false, 4, 0, "int4", "integer", &codec_int, SQL_INT4_ARRAY),
    [AT_TEXT] =
        BYTES(SQL_TEXT, TEXT, 'S', true, -1, 0, "text", "text", &codec_text, SQL_TEXT_ARRAY),
    [AT_FLOAT4] =
        INTEGER(SQL_FLOAT4, 'N', false, 4, 4, "float4", "real", &codec_float, SQL_FLOAT4_ARRAY),
    [AT_FLOAT8] = INTEGER(
        SQL_FLOAT8, 'N', true, 8, 4, "float8", "double precision", &codec_float, SQL_FLOAT8_ARRAY),
    [AT_UNKNOWN] =
        BYTES(SQL_UNKNOWN, TEXT, 'X', false, -2, 0, "unknown", "unknown", &codec_text, SQL_VOID),
    [AT_BPCHAR] = {.type = SQL_BPCHAR,
                   .storage = SQL_STORE_TEXT,
                   .category = 'S',
                   .size = -1,
                   .since = 4,
                   .name = "bpchar",
                   .title = "character",
                   .collation = "RTRIM",
                   .codec = &codec_bpchar,
                   .array = SQL_BPCHAR_ARRAY},
    [AT_DATE] =
        INTEGER(SQL_DATE, 'D', false, 4, 4, "date", "date", &codec_datetime, SQL_DATE_ARRAY),
    [AT_TIME] = INTEGER(SQL_TIME,
                        'D',
                        false,
                        8,
                        4,
                        "time",
                        "time without time zone",
                        &codec_datetime,
                        SQL_TIME_ARRAY),
    [AT_TIMESTAMP] = INTEGER(SQL_TIMESTAMP,
                             'D',
                             false,
                             8,
                             4,
                             "timestamp",
                             "timestamp without time zone",
                             &codec_datetime,
                             SQL_TIMESTAMP_ARRAY),
    [AT_TIMESTAMPTZ] = INTEGER(SQL_TIMESTAMPTZ,
                               'D',
                               true,
                               8,
                               0,
                               "timestamptz",
                               "timestamp with time zone",
                               &codec_timestamptz,
                               SQL_TIMESTAMPTZ_ARRAY),
    [AT_INTERVAL] = {.type = SQL_INTERVAL,
                     .storage = SQL_STORE_TEXT,
                     .category = 'T',
                     .is_preferred = true,
                     .size = 16,
                     .since = 4,
                     .name = "interval",
                     .title = "interval",
                     .collation = "TRUSTSQL_INTERVAL",
                     .codec = &codec_interval,
                     .array = SQL_INTERVAL_ARRAY},
    [AT_NUMERIC] = BYTES(SQL_NUMERIC,
                         BLOB,
                         'N',
                         false,
                         -1,
                         0,
                         "numeric",
                         "numeric",
                         &codec_numeric,
                         SQL_NUMERIC_ARRAY),
    [AT_VOID] = BYTES(SQL_VOID, NONE, 'P', false, 4, 0, "void", "void", NULL, SQL_VOID),
    [AT_JSON] =
        BYTES(SQL_JSON, TEXT, 'U', false, -1, 4, "json", "json", &codec_json, SQL_JSON_ARRAY),
    [AT_JSONB] = {.type = SQL_JSONB,
                  .storage = SQL_STORE_TEXT,
                  .category = 'U',
                  .size = -1,
                  .since = 4,
                  .name = "jsonb",
                  .title = "jsonb",
                  .collation = "TRUSTSQL_JSONB",
                  .array = SQL_JSONB_ARRAY,
                  .codec = &codec_jsonb},
    [AT_JSON_ARRAY] = ARRAY(JSON, "_json", "json[]"),
    [AT_JSONB_ARRAY] = ARRAY(JSONB, "_jsonb", "jsonb[]"),
    [AT_UUID] =
        BYTES(SQL_UUID, BLOB, 'U', false, 16, 4, "uuid", "uuid", &codec_uuid, SQL_UUID_ARRAY),
    [AT_ANYARRAY] =
        BYTES(SQL_ANYARRAY, NONE, 'P', false, -1, 4, "anyarray", "anyarray", NULL, SQL_VOID),
    [AT_ANYELEMENT] =
        BYTES(SQL_ANYELEMENT, NONE, 'P', false, 4, 4, "anyelement", "anyelement", NULL, SQL_VOID),
    [AT_BOOL_ARRAY] = ARRAY(BOOL, "_bool", "boolean[]"),
    [AT_BYTEA_ARRAY] = ARRAY(BYTEA, "_bytea", "bytea[]"),
    [AT_INT2_ARRAY] = ARRAY(INT2, "_int2", "smallint[]"),
    [AT_INT4_ARRAY] = ARRAY(INT4, "_int4", "integer[]"),
    [AT_TEXT_ARRAY] = ARRAY(TEXT, "_text", "text[]"),
    [AT_BPCHAR_ARRAY] = ARRAY(BPCHAR, "_bpchar", "character[]"),
    [AT_INT8_ARRAY] = ARRAY(INT8, "_int8", "bigint[]"),
    [AT_FLOAT4_ARRAY] = ARRAY(FLOAT4, "_float4", "real[]"),
    [AT_FLOAT8_ARRAY] = ARRAY(FLOAT8, "_float8", "double precision[]"),
    [AT_TIMESTAMP_ARRAY] = ARRAY(TIMESTAMP, "_timestamp", "timestamp without time zone[]"),
    [AT_DATE_ARRAY] = ARRAY(DATE, "_date", "date[]"),
    [AT_TIME_ARRAY] = ARRAY(TIME, "_time", "time without time zone[]"),
    [AT_TIMESTAMPTZ_ARRAY] = ARRAY(TIMESTAMPTZ, "_timestamptz", "timestamp with time zone[]"),
    [AT_INTERVAL_ARRAY] = ARRAY(INTERVAL, "_interval", "interval[]"),
    [AT_NUMERIC_ARRAY] = ARRAY(NUMERIC, "_numeric", "numeric[]"),
    [AT_UUID_ARRAY] = ARRAY(UUID, "_uuid", "uuid[]"),
    [AT_CHAR] = {.type = SQL_CHAR,
                 .storage = SQL_STORE_TEXT,
                 .category = 'Z',
                 .size = 1,
                 .since = SQL_SINCE_READS,
                 .name = "char",
                 .title = "\"char\"",
                 .codec = &codec_text,
                 .array = SQL_CHAR_ARRAY},
    [AT_NAME] = SYSTEM(NAME, TEXT, 'S', 64, "name", codec_text, SQL_NAME_ARRAY),
    [AT_INT2VECTOR] = VECTOR(INT2VECTOR, "int2vector", SQL_INT2),
    [AT_REGPROC] = REG(REGPROC, "regproc"),
    [AT_OID] = {.type = SQL_OID,
                .storage = SQL_STORE_INTEGER,
                .category = 'N',
                .is_preferred = true,
                .size = 4,
                .since = SQL_SINCE_READS,
                .name = "oid",
                .title = "oid",
                .codec = &codec_oid,
                .array = SQL_OID_ARRAY},
    [AT_XID] = SYSTEM(XID, INTEGER, 'U', 4, "xid", codec_oid, SQL_VOID),
    [AT_OIDVECTOR] = VECTOR(OIDVECTOR, "oidvector", SQL_OID),
    [AT_NODE_TREE] = SYSTEM(NODE_TREE, TEXT, 'Z', -1, "pg_node_tree", codec_text, SQL_VOID),
    [AT_ACLITEM] = SYSTEM(ACLITEM, TEXT, 'U', 12, "aclitem", codec_text, SQL_ACLITEM_ARRAY),
    [AT_CHAR_ARRAY] = SYSTEM_ARRAY(CHAR, "_char", "\"char\"[]"),
    [AT_NAME_ARRAY] = SYSTEM_ARRAY(NAME, "_name", "name[]"),
    [AT_REGPROC_ARRAY] = SYSTEM_ARRAY(REGPROC, "_regproc", "regproc[]"),
    [AT_OID_ARRAY] = SYSTEM_ARRAY(OID, "_oid", "oid[]"),
    [AT_ACLITEM_ARRAY] = SYSTEM_ARRAY(ACLITEM, "_aclitem", "aclitem[]"),
    [AT_REGCLASS] = REG(REGCLASS, "regclass"),
    [AT_REGTYPE] = REG(REGTYPE, "regtype"),
    [AT_REGCLASS_ARRAY] = SYSTEM_ARRAY(REGCLASS, "_regclass", "regclass[]"),
    [AT_REGTYPE_ARRAY] = SYSTEM_ARRAY(REGTYPE, "_regtype", "regtype[]"),
    [AT_REGNAMESPACE] = REG(REGNAMESPACE, "regnamespace"),
    [AT_REGNAMESPACE_ARRAY] = SYSTEM_ARRAY(REGNAMESPACE, "_regnamespace", "regnamespace[]"),
    [AT_REGROLE] = REG(REGROLE, "regrole"),
    [AT_RECORD] = SYSTEM(RECORD, INTEGER, 'P', -1, "record", codec_record, SQL_VOID),
    [AT_REGROLE_ARRAY] = SYSTEM_ARRAY(REGROLE, "_regrole", "regrole[]"),
};

const struct sql_type_info *sql_type_find(uint32_t oid)
{
    if (oid >= OID_MAX || places[oid] == NOWHERE) return NULL;
    return &types[places[oid]];
}

const struct sql_type_info *sql_type_info(enum sql_type type)
{
    const struct sql_type_info *info = sql_type_find((uint32_t)type);
    must(info != NULL);
    return info;
}

bool sql_type_is_known(uint32_t oid, uint32_t exec_version)
{
    const struct sql_type_info *info = sql_type_find(oid);
    return info != NULL && info->type != SQL_UNKNOWN && info->storage != SQL_STORE_NONE &&
           info->since <= exec_version;
}

enum sql_storage sql_type_storage(enum sql_type type)
{
    return sql_type_info(type)->storage;
}

bool sql_type_is_reg(enum sql_type type)
{
    return type == SQL_REGCLASS || type == SQL_REGTYPE || type == SQL_REGPROC ||
           type == SQL_REGNAMESPACE || type == SQL_REGROLE;
}

bool sql_type_is_canonical(enum sql_type type)
{
    const struct sql_type_info *info = sql_type_info(type);
    if (info->category == 'A') return sql_type_is_canonical(info->element);
    return info->collation == NULL && type != SQL_NUMERIC;
}

const char *sql_type_column(enum sql_type type)
{
    const struct sql_type_info *info = sql_type_info(type);
    if (info->type == SQL_BPCHAR) return "TEXT COLLATE RTRIM";
    if (info->type == SQL_INTERVAL) return "TEXT COLLATE TRUSTSQL_INTERVAL";
    if (info->type == SQL_JSONB) return "TEXT COLLATE TRUSTSQL_JSONB";
    switch (info->storage) {
    case SQL_STORE_INTEGER: return "INTEGER";
    case SQL_STORE_TEXT: return "TEXT";
    case SQL_STORE_BLOB: return "BLOB";
    case SQL_STORE_NONE: break;
    }
    must(false); /* No column has this type. */
    return "";
}
