/* type.h - What the types are: names, category, storage, and from which exec_version they exist.
 *
 * One table for everything that goes by type. The number of a type is PostgreSQL's OID. Immutable
 * data; thread-safe. */
#ifndef TRUSTSQL_SQL_TYPE_H
#define TRUSTSQL_SQL_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum sql_type {
    SQL_BOOL = 16,
    SQL_BYTEA = 17,
    SQL_INT8 = 20,
    SQL_INT2 = 21,
    SQL_INT4 = 23,
    SQL_TEXT = 25,
    SQL_FLOAT4 = 700,
    SQL_FLOAT8 = 701,
    SQL_UNKNOWN = 705, /* An untyped literal or parameter before binding. */
    SQL_BPCHAR = 1042, /* char(n): kept padded, compared without the blanks at its end. */
    SQL_DATE = 1082,   /* Days since 2000-01-01. */
    SQL_TIME = 1083,   /* Microseconds of the day. */
    SQL_TIMESTAMP = 1114,
    SQL_TIMESTAMPTZ = 1184, /* int64 microseconds since 2000-01-01 UTC, as PostgreSQL. */
    SQL_INTERVAL = 1186,    /* src/sql/interval.h. */
    SQL_NUMERIC = 1700,     /* memcmp-ordered decimal bytes, src/sql/numeric.h. */
    SQL_VOID = 2278,
    SQL_ANYARRAY = 2277,   /* Of arguments and results in the table of functions only. */
    SQL_ANYELEMENT = 2283, /* The same: the element of that array. */
    SQL_UUID = 2950,
    SQL_BOOL_ARRAY = 1000, /* Arrays of one dimension: src/sql/array.h. */
    SQL_BYTEA_ARRAY = 1001,
    SQL_INT2_ARRAY = 1005,
    SQL_INT4_ARRAY = 1007,
    SQL_TEXT_ARRAY = 1009,
    SQL_BPCHAR_ARRAY = 1014,
    SQL_INT8_ARRAY = 1016,
    SQL_FLOAT4_ARRAY = 1021,
    SQL_FLOAT8_ARRAY = 1022,
    SQL_TIMESTAMP_ARRAY = 1115,
    SQL_DATE_ARRAY = 1182,
    SQL_TIME_ARRAY = 1183,
    SQL_TIMESTAMPTZ_ARRAY = 1185,
    SQL_INTERVAL_ARRAY = 1187,
    SQL_NUMERIC_ARRAY = 1231,
    SQL_UUID_ARRAY = 2951,
    SQL_JSON = 114,   /* As it was given. */
    SQL_JSONB = 3802, /* src/sql/json.h */
    SQL_JSON_ARRAY = 199,
    SQL_JSONB_ARRAY = 3807,
    /* Of the system catalogs (system.h): in reads only. */
    SQL_CHAR = 18, /* "char": one byte. */
    SQL_NAME = 19,
    SQL_INT2VECTOR = 22, /* As int2[], shown and subscripted otherwise. */
    SQL_REGPROC = 24,
    SQL_OID = 26,
    SQL_XID = 28,
    SQL_OIDVECTOR = 30,
    SQL_NODE_TREE = 194, /* pg_node_tree: PostgreSQL's text of an expression. */
    SQL_ACLITEM = 1033,
    SQL_CHAR_ARRAY = 1002,
    SQL_NAME_ARRAY = 1003,
    SQL_REGPROC_ARRAY = 1008,
    SQL_OID_ARRAY = 1028,
    SQL_ACLITEM_ARRAY = 1034,
    SQL_REGCLASS = 2205, /* reg…: ten digits of the oid, and how the object is shown. */
    SQL_REGTYPE = 2206,
    SQL_REGCLASS_ARRAY = 2210,
    SQL_REGTYPE_ARRAY = 2211,
    SQL_REGNAMESPACE = 4089,
    SQL_REGNAMESPACE_ARRAY = 4090,
    SQL_RECORD = 2249, /* Two integers, what information_schema._pg_expandarray gives: low half x,
                        * high half n. */
    SQL_REGROLE = 4096,
    SQL_REGROLE_ARRAY = 4097
};

#define SQL_SINCE_READS UINT32_MAX /* since, of what no transaction of the chain knows. */

enum sql_storage { /* Where a value lies: in SQLite, in a rowset, in struct sql_value. */
                   SQL_STORE_NONE,
                   SQL_STORE_INTEGER, /* integer */
                   SQL_STORE_TEXT,    /* bytes, UTF-8 */
                   SQL_STORE_BLOB     /* bytes */
};

struct sql_codec; /* value_int.h */

struct sql_type_info {
    enum sql_type type;
    enum sql_storage storage;
    char category;     /* pg_type.typcategory */
    bool is_preferred; /* pg_type.typispreferred */
    int16_t size;      /* pg_type.typlen */
    uint32_t since;    /* exec_version from which it is there; 0: always. */
    const char *name;  /* pg_type.typname */
    const char *title; /* What format_type says of it. */
    /* Of SQLite, where equal values may be different bytes; null: the order of the bytes. */
    const char *collation;
    enum sql_type element;         /* Of an array; SQL_VOID: it is none. */
    enum sql_type array;           /* Of which this is the element; SQL_VOID: none. */
    const struct sql_codec *codec; /* Null: no input and no output. */
};

/* Null: no such type. */
const struct sql_type_info *sql_type_find(uint32_t oid);
/* Of a type of the enum. */
const struct sql_type_info *sql_type_info(enum sql_type type);
/* A type that columns, parameters and results may have under an exec_version (UINT32_MAX: any). */
bool sql_type_is_known(uint32_t oid, uint32_t exec_version);
enum sql_storage sql_type_storage(enum sql_type type);
static inline bool sql_type_is_array(enum sql_type type)
{
    return sql_type_info(type)->category == 'A';
}
/* regclass, regtype and the like: they stand for an oid, and are shown by a name. */
bool sql_type_is_reg(enum sql_type type);
/* Equal values are equal bytes. Of arrays: those of the elements are. */
bool sql_type_is_canonical(enum sql_type type);
/* "INTEGER", "TEXT COLLATE …", "BLOB": of a column in SQLite. */
const char *sql_type_column(enum sql_type type);

#endif
