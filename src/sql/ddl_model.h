/* ddl_model.h - A table as DDL makes or changes it: columns, keys, indexes, checks, and where each
 * column's values come from when the rows move to a new form. For files of this folder.
 *
 * SQLite's name of a table of schema public is its own name, of another schema "schema.table",
 * when that is free there; else "t.<id>". A column keeps its name unless another differs only in
 * case, or SQLite numbers rows by it (rowid): then "c.<n>". So the plain sqlite3 tool reads a
 * stopped node's file. From exec_version 4 on checks are "k.<id>", indexes by the same rule as
 * tables or "i.<id>", and a column's new name changes the catalog only.
 */
#ifndef TRUSTSQL_SQL_DDL_MODEL_H
#define TRUSTSQL_SQL_DDL_MODEL_H

#include "sql/ddl_drop.h"
#include "sql/ddl_sequence.h"

#define DDL_OWN_NAMES_SINCE 4u         /* exec_version */
#define DDL_NEW_COLUMN      UINT32_MAX /* In sources: the column was not there. */

struct ddl_change;

struct ddl_key { /* PRIMARY KEY, UNIQUE, or an index. */
    enum catalog_index_kind kind;
    struct span name;
    uint64_t id;
    struct span sqlite_name;                   /* Of its index; size 0: not known yet. */
    uint32_t columns[CATALOG_KEY_COLUMNS_MAX]; /* CATALOG_EXPRESSION: exprs has it. */
    uint8_t options[CATALOG_KEY_COLUMNS_MAX];  /* enum catalog_order bits. */
    struct expr **exprs;                       /* Null: only columns. */
    struct span *texts;                        /* PostgreSQL's, of exprs. */
    uint32_t column_count;
    struct expr *where; /* Null: all rows. */
    struct span predicate;
};

struct ddl_check {
    struct span name;
    struct span sqlite_name; /* "table.name": other tables may use the same name. */
    struct span definition;
    struct expr *expr;
    uint64_t id;
};

struct ddl_foreign { /* FOREIGN KEY. */
    struct span name;
    uint64_t id;
    uint32_t columns[CATALOG_KEY_COLUMNS_MAX];
    uint32_t column_count;
    bool is_self;                             /* It refers to its own table: */
    uint64_t table_id;                        /* else to this one, */
    uint32_t others[CATALOG_KEY_COLUMNS_MAX]; /* there to these. */
    enum catalog_action on_update;
    enum catalog_action on_delete;
    uint32_t sets[CATALOG_KEY_COLUMNS_MAX]; /* ON DELETE SET … (columns) */
    uint32_t set_count;
    bool is_full;
    bool is_valid;
    bool is_deferrable;
    bool is_deferred;
};

struct ddl_table {
    struct catalog_table catalog; /* As the binder will see it. */
    struct catalog_column *columns;
    struct ddl_key *keys;
    struct ddl_check *checks;
    struct ddl_foreign *foreigns;
    struct ddl_sequence *serials; /* New, each of a column. */
    uint32_t key_count;
    uint32_t check_count;
    uint32_t foreign_count;
    uint32_t serial_count;
    struct ddl_names names;       /* Relations. */
    struct ddl_names constraints; /* Names of this table's constraints. */
    uint32_t *sources;            /* Of a changed table: position each column had; null: new. */
    struct expr **fills; /* Value of the rows that are there; null: the old one, or null. */
};

/* Id and names of a new table; sqlite_name follows from them. */
NODISCARD enum status ddl_model_begin(struct binder *b,
                                      struct ddl_table *t,
                                      uint64_t id,
                                      struct span name);
/* A table that exists, its texts bound again. */
NODISCARD enum status ddl_model_load(struct binder *b,
                                     struct ddl_table *t,
                                     const struct catalog_table *from);
/* Checks and parts of indexes bound again from their texts, against the columns as they are now. */
NODISCARD enum status ddl_model_bind(struct binder *b, struct ddl_table *t);

/* What CREATE TABLE and ALTER TABLE add. A CHECK is bound when all columns are known: the two for
 * constraints leave it out. */
NODISCARD enum status ddl_model_add_column(struct binder *b,
                                           struct ddl_table *t,
                                           const PgQuery__ColumnDef *d);
NODISCARD enum status ddl_model_column_constraint(struct binder *b,
                                                  struct ddl_table *t,
                                                  const PgQuery__Constraint *c,
                                                  uint32_t column);
NODISCARD enum status ddl_model_table_constraint(struct binder *b,
                                                 struct ddl_table *t,
                                                 const PgQuery__Constraint *c);
NODISCARD enum status ddl_model_add_check(struct binder *b,
                                          struct ddl_table *t,
                                          const PgQuery__Constraint *c);
/* The foreign keys of a column's constraints, with DEFERRABLE and the like. */
NODISCARD enum status ddl_model_column_foreigns(struct binder *b,
                                                struct ddl_table *t,
                                                const PgQuery__ColumnDef *d,
                                                uint32_t column);
/* SQLite's names of the columns, when all are known. */
NODISCARD enum status ddl_model_name_columns(struct binder *b, struct ddl_table *t);
/* What SQLite calls the number of a row: no column from exec_version 4 on has it there. */
bool ddl_is_row_name(struct span name);
/* SQLite's name of a table, by its schema, name and id. */
NODISCARD enum status ddl_sqlite_name(struct binder *b,
                                      const struct catalog_table *t,
                                      struct span *out);
/* "t.<id>" */
NODISCARD enum status ddl_own_name(struct binder *b, uint64_t id, struct span *out);
/* Names of what has none, the others checked. */
NODISCARD enum status ddl_model_name_key(struct binder *b, struct ddl_table *t, struct ddl_key *k);
NODISCARD enum status ddl_model_name_check(struct binder *b,
                                           struct ddl_table *t,
                                           struct ddl_check *c);
NODISCARD enum status ddl_model_name_all(struct binder *b, struct ddl_table *t);

/* PostgreSQL's order of checks, and SQLite's names of them. */
NODISCARD enum status ddl_model_sort_checks(struct binder *b, struct ddl_table *t);
/* The same, with ids of keys and checks from *next_id on. */
NODISCARD enum status ddl_model_number(struct binder *b, struct ddl_table *t, uint64_t *next_id);
/* Steps: the table without its indexes; its indexes; its rows in the catalog. */
NODISCARD enum status ddl_model_create(struct binder *b,
                                       struct sql_statement *out,
                                       const struct ddl_table *t);
/* SQLite's name of a new index, by its name and id. */
NODISCARD enum status ddl_model_name_index(struct binder *b,
                                           const struct ddl_table *t,
                                           struct ddl_key *k);
NODISCARD enum status ddl_model_index(struct binder *b,
                                      struct sql_statement *out,
                                      const struct ddl_table *t,
                                      const struct ddl_key *k);
NODISCARD enum status ddl_model_indexes(struct binder *b,
                                        struct sql_statement *out,
                                        const struct ddl_table *t);
NODISCARD enum status ddl_model_rows(struct binder *b,
                                     struct sql_statement *out,
                                     const struct ddl_table *t);
NODISCARD enum status ddl_model_key_row(struct binder *b,
                                        struct sql_statement *out,
                                        const struct ddl_table *t,
                                        const struct ddl_key *k);
NODISCARD enum status ddl_model_check_row(struct binder *b,
                                          struct sql_statement *out,
                                          const struct ddl_table *t,
                                          const struct ddl_check *c);

/* The sequences of serial and identity columns, with ids from *next_id on. */
NODISCARD enum status ddl_model_serials(struct binder *b,
                                        struct sql_statement *out,
                                        struct ddl_table *t,
                                        uint64_t *next_id);
/* A sequence for the column, and its DEFAULT. */
NODISCARD enum status ddl_model_add_serial(struct binder *b,
                                           struct ddl_table *t,
                                           uint32_t column,
                                           const PgQuery__Constraint *identity);

/* --- ddl_like.c ------------------------------------------------------------------------------ */

NODISCARD enum status ddl_like_table(struct binder *b,
                                     const PgQuery__TableLikeClause *c,
                                     const struct catalog_table **out);
/* What the clause copies, in the order in which it is due; first: of the columns it made. */
NODISCARD enum status ddl_like_columns(struct binder *b,
                                       struct ddl_table *t,
                                       const PgQuery__TableLikeClause *c);
NODISCARD enum status ddl_like_keys(struct binder *b,
                                    struct ddl_table *t,
                                    const PgQuery__TableLikeClause *c,
                                    uint32_t first);
NODISCARD enum status ddl_like_checks(struct binder *b,
                                      struct ddl_table *t,
                                      const PgQuery__TableLikeClause *c);

/* --- generated.c ----------------------------------------------------------------------------- */

/* GENERATED ALWAYS AS (…) STORED: kept now, looked at when all columns are known. */
NODISCARD enum status ddl_generated_add(struct binder *b,
                                        struct ddl_table *t,
                                        const PgQuery__Constraint *c,
                                        uint32_t column);
NODISCARD enum status ddl_generated_check(struct binder *b,
                                          const struct ddl_table *t,
                                          const PgQuery__ColumnDef *d,
                                          uint32_t column);
/* The first generated column from *user on that names the column; UINT32_MAX: none does. */
NODISCARD enum status ddl_generated_user(struct binder *b,
                                         const struct ddl_table *t,
                                         uint32_t column,
                                         uint32_t *user);

/* --- ddl_foreign.c --------------------------------------------------------------------------- */

/* A FOREIGN KEY, when all columns and keys of t are known. column: of a column constraint;
 * UINT32_MAX: of the table. It has a name then, and no id. */
NODISCARD enum status ddl_foreign_add(struct binder *b,
                                      struct ddl_table *t,
                                      const PgQuery__Constraint *c,
                                      uint32_t column);
NODISCARD enum status ddl_foreign_load(struct binder *b,
                                       struct ddl_table *t,
                                       const struct catalog_index *index);
NODISCARD enum status ddl_foreign_row(struct binder *b,
                                      struct sql_statement *out,
                                      const struct ddl_table *t,
                                      const struct ddl_foreign *f);
/* Behind all rows of the catalog and SQL_STEP_RELOAD: triggers of the table and of those its keys
 * refer to, and a check of the keys from first on. */
NODISCARD enum status ddl_foreign_steps(struct binder *b,
                                        struct sql_statement *out,
                                        const struct ddl_table *t,
                                        uint32_t first);
/* One step: triggers of a table; the check of a key. */
NODISCARD enum status ddl_foreign_triggers(struct binder *b,
                                           struct sql_statement *out,
                                           uint64_t table);
NODISCARD enum status ddl_foreign_check(struct binder *b,
                                        struct sql_statement *out,
                                        uint64_t table,
                                        uint64_t key);
/* Does the foreign key x of another table need the unique key of its table t? */
bool ddl_foreign_needs(const struct catalog_index *x, const struct catalog_table *t, uint64_t key);
/* The reshaped table of c: keys of other tables refer to the new one. */
NODISCARD enum status ddl_foreign_move(struct binder *b,
                                       struct sql_statement *out,
                                       const struct ddl_change *c);

/* The key is SQLite's row id: a primary key of one integer column. */
bool ddl_model_is_rowid(const struct ddl_table *t, const struct ddl_key *k);

/* PostgreSQL's text of an expression over the table, bound; is_alone: without the table's name,
 * as SQLite wants it in indexes. */
NODISCARD enum status ddl_bind_expr(struct binder *b,
                                    struct expr **out,
                                    const struct catalog_table *t,
                                    const PgQuery__Node *n,
                                    bool is_alone);
/* The tree of "SELECT text". */
NODISCARD enum status ddl_parse_expr(struct binder *b, struct span text, const PgQuery__Node **out);

/* A property of an object (docs/format/catalog.md); an empty value takes it away. */
struct ddl_property {
    uint64_t object;
    uint32_t part;
    const char *kind;
    struct span value;
};
NODISCARD enum status ddl_put_property(struct binder *b,
                                       struct sql_statement *out,
                                       const struct ddl_property *p);

/* --- ddl_reshape.c ------------------------------------------------------------------------- */

/* What ALTER TABLE found to do. */
struct ddl_change {
    const struct catalog_table *old;
    struct ddl_table now;
    bool is_reshaped;       /* SQLite's table must be made anew: under a new id. */
    uint32_t key_count;     /* Keys from here on are new, */
    uint32_t check_count;   /* and checks, */
    uint32_t foreign_count; /* and foreign keys, */
    bool *must_not_be_null; /* and of these columns (now's positions) it must be found out. */
    const struct catalog_index **dropped; /* Indexes that go. */
    uint32_t dropped_count;
    struct ddl_drops gone; /* Sequences of dropped columns; foreign keys of other tables. */
    uint64_t *to_check;    /* Keys of VALIDATE CONSTRAINT. */
    uint32_t to_check_count;
    uint64_t *left; /* Tables that dropped foreign keys referred to. */
    uint32_t left_count;
};
/* c->old as it is, with room for more columns. */
NODISCARD enum status ddl_change_open(struct binder *b, struct ddl_change *c, size_t more);
NODISCARD enum status ddl_change_steps(struct binder *b,
                                       struct sql_statement *out,
                                       struct ddl_change *c);

#endif
