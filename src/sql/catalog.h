/* catalog.h - What tables, columns, indexes, constraints and rights exist at one height.
 *
 * A catalog is loaded from the chain-wide tables "trustsql.…" (docs/format/catalog.md), immutable
 * and reference-counted: readers at older heights keep theirs. Thread-safe. */
#ifndef TRUSTSQL_SQL_CATALOG_H
#define TRUSTSQL_SQL_CATALOG_H

#include "base/mem.h"
#include "sql/value.h"

#define CATALOG_FIRST_ID        1000u      /* Ids below belong to tables of the chain itself. */
#define CATALOG_GRANTEE_ALL     0u         /* PUBLIC, in rights. */
#define CATALOG_KEY_COLUMNS_MAX 32u        /* Of one index, as in PostgreSQL. */
#define CATALOG_EXPRESSION      UINT32_MAX /* In the columns of an index: an expression. */
#define CATALOG_LEDGER_ID       1u         /* Of ledger main. */
#define CATALOG_PUBLIC_ID       2u         /* Of schema public. */
#define CATALOG_ROLES_MAX       256u       /* That one role is a member of, directly or not. */

struct sql_catalog; /* Immutable. */

struct catalog_column {
    struct span name;
    enum sql_type type;
    int32_t typmod;
    bool is_not_null;
    struct span default_sql; /* PostgreSQL text; size 0: none. */
    struct span sqlite_name; /* Size 0: as name. Use catalog_column_name. */
    char identity;           /* 'a': ALWAYS, 'd': BY DEFAULT, 0: none. */
    struct span generated;   /* PostgreSQL text of GENERATED ALWAYS AS … STORED; size 0: none. */
};

enum catalog_index_kind {
    CATALOG_PRIMARY = 'p',
    CATALOG_UNIQUE = 'u', /* A UNIQUE constraint. */
    CATALOG_UNIQUE_INDEX = 'x',
    CATALOG_INDEX = 'i',
    CATALOG_CHECK = 'c',
    CATALOG_FOREIGN = 'f', /* A foreign key: columns refer to those of another table. */
};

/* What a table of users is. */
enum catalog_relation {
    CATALOG_TABLE = 0,
    CATALOG_VIEW,     /* definition is its query, columns are those of the query. */
    CATALOG_SEQUENCE, /* One row: last_value, log_cnt, is_called. */
};

/* What happens to rows that refer, when the row they refer to is deleted, or its key changes. */
enum catalog_action {
    CATALOG_NO_ACTION = 'a',
    CATALOG_RESTRICT = 'r',
    CATALOG_CASCADE = 'c',
    CATALOG_SET_NULL = 'n',
    CATALOG_SET_DEFAULT = 'd',
};

struct catalog_foreign { /* The other side of a foreign key. */
    uint64_t table_id;
    const uint32_t *columns; /* As many as the key has. */
    enum catalog_action on_update;
    enum catalog_action on_delete;
    bool is_full; /* MATCH FULL. */
    bool is_valid;
    bool is_deferrable;
    bool is_deferred;            /* INITIALLY DEFERRED. */
    const uint32_t *set_columns; /* ON DELETE SET …: of these; none: of all columns of the key. */
    uint32_t set_count;
};

enum catalog_order {
    CATALOG_DESC = 1,
    CATALOG_NULLS_FIRST = 2,
    CATALOG_NULLS_LAST = 4,
    CATALOG_PATTERN = 8, /* Made with text_pattern_ops or its like: the same order. */
};

struct catalog_index { /* An index or a constraint. */
    uint64_t id;
    enum catalog_index_kind kind;
    struct span name;
    struct span sqlite_name; /* Of an index, where SQLite has it by a name of its own. */
    const uint32_t *columns; /* Positions in the table; CATALOG_EXPRESSION; a CHECK has none. */
    const uint8_t *options;  /* Of each column: enum catalog_order bits. */
    const struct span *expressions; /* Of each column that is one, PostgreSQL text; null: none. */
    uint32_t column_count;
    struct span definition;                /* Of a CHECK: PostgreSQL text. */
    struct span predicate;                 /* Of a partial index, PostgreSQL text; size 0: none. */
    const struct catalog_foreign *foreign; /* Only of CATALOG_FOREIGN. */
};

struct catalog_schema {
    uint64_t id;
    struct span name;
    uint64_t owner; /* Account row id; 0: the chain. */
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
    bool is_virtual;    /* Read-only view of chain data ("trustsql.blocks"). */
    bool has_own_names; /* Of exec_version 4: keys are indexes, checks "k.<id>" in SQLite. */
    enum catalog_relation relation;
    struct span definition; /* Of a view: its query, PostgreSQL text. */
};

/* SQLite's name of a column. */
struct span catalog_column_name(const struct catalog_table *t, uint32_t column);

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
/* Schemas of users in order of name; public is one of them until it is dropped. */
uint32_t sql_catalog_schema_count(const struct sql_catalog *c);
const struct catalog_schema *sql_catalog_schema_at(const struct sql_catalog *c, uint32_t index);
const struct catalog_schema *sql_catalog_schema(const struct sql_catalog *c, struct span name);
const struct catalog_schema *sql_catalog_schema_by_id(const struct sql_catalog *c, uint64_t id);

/* What is said of an object (table, index, schema) or of one of its parts (column position + 1; 0:
 * the whole), by kind: docs/format/catalog.md lists them. Size 0: nothing. */
struct span sql_catalog_property(const struct sql_catalog *c,
                                 uint64_t object,
                                 uint32_t part,
                                 const char *kind);

/* By SQLite's name of it. */
const struct catalog_table *sql_catalog_by_sqlite_name(const struct sql_catalog *c,
                                                       struct span sqlite_name);
/* The index (not CHECK, not a foreign key) of this name; schema size 0: public; *table: whose.
 * Null: none. */
const struct catalog_index *sql_catalog_find_index(const struct sql_catalog *c,
                                                   struct span schema,
                                                   struct span name,
                                                   const struct catalog_table **table);

/* --- rights: docs/sql/rights.md ---------------------------------------------------------------
 * A role is an account with a name, or a name alone (trustsql.roles); ids are those of accounts. */

struct catalog_ledger {
    uint64_t id;
    struct span name;
    uint64_t owner; /* Role id; 0: the chain. */
};

struct catalog_grant {
    uint64_t object;  /* A table, a schema, a ledger. */
    uint32_t part;    /* Position of a column + 1; 0: the whole. */
    uint64_t grantee; /* CATALOG_GRANTEE_ALL: PUBLIC. */
    uint64_t grantor;
    uint32_t rights;  /* enum sql_right bits. */
    uint32_t options; /* Those of them that the grantee may grant. */
};

struct catalog_member {
    uint64_t member;
    uint64_t role;
    uint64_t grantor;
    bool is_admin;     /* WITH ADMIN OPTION. */
    bool is_inherited; /* The member inherits. */
};

const struct catalog_ledger *sql_catalog_ledger(const struct sql_catalog *c, struct span name);

/* In order of (part, grantee, grantor). */
const struct catalog_grant *sql_catalog_grants(const struct sql_catalog *c,
                                               uint64_t object,
                                               uint32_t *count);
/* All of them, in order of (object, part, grantee, grantor). */
const struct catalog_grant *sql_catalog_all_grants(const struct sql_catalog *c, uint32_t *count);
/* In order of (member, role). */
const struct catalog_member *sql_catalog_members(const struct sql_catalog *c, uint32_t *count);

/* Has account the rights of role (itself, or as a member that inherits)? */
bool sql_catalog_acts_as(const struct sql_catalog *c, uint64_t account, uint64_t role);
/* Is it role, or a member of it, directly or not? */
bool sql_catalog_is_member(const struct sql_catalog *c, uint64_t account, uint64_t role);

/* Rights of an account (row id) on a whole table: its own, those of roles it inherits from, those
 * of PUBLIC. Owner: all. */
uint32_t sql_catalog_rights(const struct sql_catalog *c, uint64_t table_id, uint64_t account);
/* The same on a part alone: what was granted on the column of this position. */
uint32_t sql_catalog_column_rights(const struct sql_catalog *c,
                                   uint64_t table_id,
                                   uint32_t column,
                                   uint64_t account);
/* On a schema or a ledger. owner 0: nobody owns it. */
uint32_t sql_catalog_object_rights(const struct sql_catalog *c,
                                   uint64_t object,
                                   uint64_t owner,
                                   uint64_t account);
/* Bits granted to exactly this grantee (CATALOG_GRANTEE_ALL: PUBLIC), by whomever. */
uint32_t sql_catalog_granted(const struct sql_catalog *c, uint64_t table_id, uint64_t grantee);

#endif
