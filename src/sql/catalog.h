/* catalog.h - What tables, columns, indexes, constraints and rights exist at one height.
 *
 * A catalog is loaded from the chain-wide tables "trustsql.…" (docs/format/catalog.md), immutable
 * and reference-counted: readers at older heights keep theirs. Thread-safe. */
#ifndef TRUSTSQL_SQL_CATALOG_H
#define TRUSTSQL_SQL_CATALOG_H

#include "base/mem.h"
#include "sql/value.h"

struct sql_catalog; /* Immutable. */

struct catalog_column {
    struct span name;
    enum sql_type type;
    int32_t typmod;
    bool is_not_null;
    struct span default_sql; /* PostgreSQL text; size 0: none. */
};

struct catalog_table {
    uint64_t id;
    struct span schema; /* "public" or "trustsql". */
    struct span name;
    struct span sqlite_name;
    uint64_t owner; /* Account row id; 0: the chain. */
    const struct catalog_column *columns;
    const uint32_t *key_columns; /* Primary key, in key order. */
    uint32_t column_count;
    uint32_t key_count;
    bool is_virtual; /* Read-only view of chain data ("trustsql.blocks"). */
};

/* SQLite statements that make the catalog's own tables, run once at genesis, null-terminated. */
const char *const *sql_catalog_ddl(void);

/* Load from a connection at its height. */
NODISCARD enum status sql_catalog_load(struct sql_catalog **out, struct mem *mem,
                                       sqlite3 *connection);
struct sql_catalog *sql_catalog_ref(struct sql_catalog *c);
void sql_catalog_unref(struct sql_catalog *c); /* Null allowed. */

/* Grows by one with every change; equal versions are equal catalogs. */
uint64_t sql_catalog_version(const struct sql_catalog *c);
/* The version as of a connection's height, without loading. */
NODISCARD enum status sql_catalog_version_read(sqlite3 *connection, uint64_t *version);

uint32_t sql_catalog_table_count(const struct sql_catalog *c);
const struct catalog_table *sql_catalog_table_at(const struct sql_catalog *c, uint32_t index);
/* schema size 0: search path (public, then trustsql is not searched). Null: none. */
const struct catalog_table *sql_catalog_find(const struct sql_catalog *c, struct span schema,
                                             struct span name);
const struct catalog_table *sql_catalog_by_id(const struct sql_catalog *c, uint64_t id);

/* Rights of an account (row id) on a table, from its own grants and those to PUBLIC. Owner: all. */
uint32_t sql_catalog_rights(const struct sql_catalog *c, uint64_t table_id, uint64_t account);

#endif
