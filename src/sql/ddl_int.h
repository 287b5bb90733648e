/* ddl_int.h - What the DDL files share: steps, names, catalog rows. For files of this folder. */
#ifndef TRUSTSQL_SQL_DDL_INT_H
#define TRUSTSQL_SQL_DDL_INT_H

#include "sql/bind_int.h"

#define DDL_NAME_MAX 63u /* Bytes of an identifier, as in PostgreSQL. */

/* Add a step: begin, print into the buffer, end. */
void ddl_step(struct binder *b, struct buf *text);
NODISCARD enum status ddl_step_end(struct binder *b, struct sql_statement *out, struct buf *text);

/* The last steps of every change of the catalog: version, and the next id if any was used. */
NODISCARD enum status ddl_finish(struct binder *b, struct sql_statement *out, uint64_t next_id);

/* A step that is before, a number, after. */
struct ddl_numbered {
    const char *before;
    uint64_t number;
    const char *after;
};
NODISCARD enum status ddl_number_step(struct binder *b,
                                      struct sql_statement *out,
                                      struct ddl_numbered n);
/* rights_owner.c: ALTER TABLE … OWNER TO; access as its owner is noted already. */
NODISCARD enum status ddl_set_owner(struct binder *b,
                                    struct sql_statement *out,
                                    const struct catalog_table *t,
                                    const PgQuery__RoleSpec *role);
/* The account acts as the owner of the schema, or as an administrator when nobody owns it: 42501.
 */
NODISCARD enum status ddl_check_schema_owner(struct binder *b, const struct catalog_schema *s);
/* The steps before take part in what follows (SQL_STEP_RELOAD). */
NODISCARD enum status ddl_reload(struct binder *b, struct sql_statement *out);
void ddl_notice(struct binder *b, struct sql_statement *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Names of relations given out by this statement, not yet in the catalog. */
struct ddl_names {
    struct span schema; /* Whose relations; size 0: public. */
    struct span *taken;
    uint32_t count;
};
bool ddl_is_taken(const struct binder *b, const struct ddl_names *names, struct span name);
NODISCARD enum status ddl_take(struct binder *b, struct ddl_names *names, struct span name);
/* PostgreSQL's own name: table_columns_label, with a number when it is taken. columns may be empty.
 */
struct ddl_name_parts {
    struct span table;
    struct span columns;
    const char *label;
};
NODISCARD enum status ddl_choose_name(struct binder *b,
                                      struct ddl_names *names,
                                      const struct ddl_name_parts *parts,
                                      struct span *out);
/* No other table (id) or index of SQLite has the name, in any case. */
bool ddl_is_sqlite_free(const struct binder *b, struct span name, uint64_t id);
bool ddl_is_same_folded(struct span a, struct span b);
/* A name SQLite can hold beside those that exist: 0A000 else. */
NODISCARD enum status ddl_check_name(struct binder *b, struct span name, int32_t position);
/* Schema of a new object: the one named, or the first of the search path that exists. */
NODISCARD enum status ddl_target_schema(struct binder *b,
                                        const PgQuery__RangeVar *r,
                                        struct span *out);
/* A schema that users may have, by name. */
bool ddl_is_reserved_schema(struct span name);

/* The catalog row of an index or constraint. */
struct ddl_index_row {
    uint64_t id;
    uint64_t table_id;
    enum catalog_index_kind kind;
    struct span name;
    const uint32_t *columns;
    const uint8_t *options; /* enum catalog_order bits; null: none. */
    uint32_t column_count;
    struct span definition;
};
NODISCARD enum status ddl_index_row(struct binder *b,
                                    struct sql_statement *out,
                                    const struct ddl_index_row *row);

/* PostgreSQL's text of an expression. */
NODISCARD enum status ddl_deparse(struct binder *b, const PgQuery__Node *n, struct span *out);

/* PostgreSQL's text of a whole query. */
NODISCARD enum status ddl_deparse_query(struct binder *b, const PgQuery__Node *n, struct span *out);
/* Some view reads the relation. */
bool ddl_has_views(const struct binder *b, uint64_t id);
/* What views read keeps its name and form: 0A000. */
NODISCARD enum status ddl_check_views(struct binder *b, const struct catalog_table *t);

/* Nothing to do: a notice "kind \"name\" does not exist (relation: already exists), skipping". */
void ddl_skip(struct binder *b, struct sql_statement *out, const char *kind, struct span name);

#endif
