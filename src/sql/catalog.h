/* catalog.h - What tables, columns, indexes, constraints and rights exist at one height.
 *
 * A catalog is loaded from the chain-wide tables "trustsql.…" (docs/format/catalog.md), immutable
 * and reference-counted: readers at older heights keep theirs. Thread-safe. */
#ifndef TRUSTSQL_SQL_CATALOG_H
#define TRUSTSQL_SQL_CATALOG_H

#include "base/mem.h"
#include "sql/value.h"

#define CATALOG_FIRST_ID        1000u /* Ids below belong to tables of the chain itself. */
#define CATALOG_GRANTEE_ALL     0u    /* PUBLIC, in rights. */
#define CATALOG_KEY_COLUMNS_MAX 32u   /* Of one index, as in PostgreSQL. */

struct sql_catalog; /* Immutable. */

struct catalog_column {
    struct span name;
    enum sql_type type;
    int32_t typmod;
    bool is_not_null;
    struct span default_sql; /* PostgreSQL text; size 0: none. */
};

enum catalog_index_kind {
    CATALOG_PRIMARY = 'p',
    CATALOG_UNIQUE = 'u', /* A UNIQUE constraint. */
    CATALOG_UNIQUE_INDEX = 'x',
    CATALOG_INDEX = 'i',
    CATALOG_CHECK = 'c',
};

struct catalog_index { /* An index or a constraint. */
    uint64_t id;
    enum catalog_index_kind kind;
    struct span name;        /* Also SQLite's name, where it has one of its own ('i' and 'x'). */
    const uint32_t *columns; /* Positions in the table; a CHECK has none. */
    uint32_t column_count;
};

struct catalog_table {
    uint64_t id;
    struct span schema; /* "public" or "trustsql". */
    struct span name;
    struct span sqlite_name;
    uint64_t owner; /* Account row id; 0: the chain. */
    const struct catalog_column *columns;
    const uint32_t *key_columns;         /* Primary key, in key order. */
    const struct catalog_index *indexes; /* In order of creation. */
    uint32_t column_count;
    uint32_t key_count;
    uint32_t index_count;
    bool is_virtual; /* Read-only view of chain data ("trustsql.blocks"). */
};

/* SQLite statements that make the chain's own tables and their first rows, null-terminated: of
 * version 1 run once at genesis; what a later exec_version adds, where it begins (genesis, or the
 * block that closes the epoch before). Each version up to the chain's, in order. */
const char *const *sql_catalog_ddl(uint32_t exec_version);

uint32_t sql_catalog_since(uint64_t id); /* The version that brought a table of the chain. */

/* Load from a connection at its height. */
NODISCARD enum status sql_catalog_load(struct sql_catalog **out,
                                       struct mem *mem,
                                       sqlite3 *connection);
struct sql_catalog *sql_catalog_ref(struct sql_catalog *c);
void sql_catalog_unref(struct sql_catalog *c); /* Null allowed. */

/* Grows by one with every change; equal versions are equal catalogs. */
uint64_t sql_catalog_version(const struct sql_catalog *c);
/* The version as of a connection's height, without loading. */
NODISCARD enum status sql_catalog_version_read(sqlite3 *connection, uint64_t *version);
/* The id the next new table, index or constraint gets. */
uint64_t sql_catalog_next_id(const struct sql_catalog *c);

/* In order of id; those of the chain first. */
uint32_t sql_catalog_table_count(const struct sql_catalog *c);
const struct catalog_table *sql_catalog_table_at(const struct sql_catalog *c, uint32_t index);
/* schema size 0: public. Null: none. */
const struct catalog_table *sql_catalog_find(const struct sql_catalog *c,
                                             struct span schema,
                                             struct span name);
const struct catalog_table *sql_catalog_by_id(const struct sql_catalog *c, uint64_t id);
/* By SQLite's name of it. */
const struct catalog_table *sql_catalog_by_sqlite_name(const struct sql_catalog *c,
                                                       struct span sqlite_name);
/* The index (not CHECK) of this name in schema public; *table: whose. Null: none. */
const struct catalog_index *sql_catalog_find_index(const struct sql_catalog *c,
                                                   struct span name,
                                                   const struct catalog_table **table);

/* Rights of an account (row id) on a table, from its own grants and those to PUBLIC. Owner: all. */
uint32_t sql_catalog_rights(const struct sql_catalog *c, uint64_t table_id, uint64_t account);
/* Bits granted to exactly this grantee (CATALOG_GRANTEE_ALL: PUBLIC). */
uint32_t sql_catalog_granted(const struct sql_catalog *c, uint64_t table_id, uint64_t grantee);

#endif
