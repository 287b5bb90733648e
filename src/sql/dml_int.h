/* dml_int.h - What the files of INSERT, UPDATE and DELETE share. For files of this folder. */
#ifndef TRUSTSQL_SQL_DML_INT_H
#define TRUSTSQL_SQL_DML_INT_H

#include "sql/bind_int.h"

#define STATEMENT_TEXT_MAX (16u << 20) /* Bytes of SQLite text. */

struct write {
    const struct catalog_table *table;
    struct source *target;
    struct query *query;  /* Holds the scope, WITH, WHERE and RETURNING targets. */
    struct expr **values; /* UPDATE, DO UPDATE: new value per column; null: unchanged. */
    uint32_t value_count;
};

/* The table that is written, and room for its new values. */
NODISCARD enum status write_open(struct binder *b, struct write *w, const PgQuery__RangeVar *r);
/* The column that SET or the list of an INSERT names. */
NODISCARD enum status write_find_column(struct binder *b,
                                        const struct catalog_table *t,
                                        const PgQuery__ResTarget *target,
                                        uint32_t *column);
void write_emit_set_list(struct buf *out, const struct write *w);
/* A value for a column: DEFAULT replaced, converted by assignment, fitted, guarded. */
NODISCARD enum status write_assign(struct binder *b,
                                   struct expr **e,
                                   const struct catalog_table *t,
                                   uint32_t column);
/* 428C9: the column is not a client's to write. Returns ST_INVALID. */
enum status write_not_of_user(struct binder *b, struct span column, const char *before);
/* The column's DEFAULT, bound from its text. */
NODISCARD enum status write_default(struct binder *b,
                                    struct expr **out,
                                    const struct catalog_column *column);
/* SET: new values into w->values. */
NODISCARD enum status write_set_list(struct binder *b,
                                     struct write *w,
                                     PgQuery__Node *const *items,
                                     size_t count);
NODISCARD enum status write_where(struct binder *b, struct write *w, const PgQuery__Node *where);
NODISCARD enum status write_returning(struct binder *b,
                                      struct sql_statement *out,
                                      struct write *w,
                                      PgQuery__Node *const *items,
                                      size_t count);
void write_emit_returning(struct buf *out, const struct write *w);
/* AND a test that makes SQLite find all rows before it deletes the first. */
void write_emit_find_first(struct buf *out, const struct write *w);

/* --- generated.c --------------------------------------------------------------------------- */

bool generated_has_any(const struct catalog_table *t);
/* The expression of a generated column, over columns of t, as the column's type. */
NODISCARD enum status generated_bind(struct binder *b,
                                     struct expr **out,
                                     const struct catalog_table *t,
                                     uint32_t column);
/* The same over values, of which each column has one. */
NODISCARD enum status generated_value(struct binder *b,
                                      struct expr **out,
                                      const struct catalog_table *t,
                                      uint32_t column,
                                      struct expr *const *values);
/* SET: new values of generated columns whose columns have new values. */
NODISCARD enum status generated_set(struct binder *b, struct write *w);
/* Of each column the value that INSERT writes, over proposed rows with columns c1, c2 … */
NODISCARD enum status generated_proposed(struct binder *b,
                                         struct expr ***out,
                                         const struct catalog_table *t);
/* 428C9: text before and after the column's name. Returns ST_INVALID. */
enum status generated_refuse(struct binder *b,
                             const char *before,
                             struct span name,
                             const char *after);

/* --- dml_from.c: the scope has the target and is entered ---------------------------------------
 */

NODISCARD enum status compile_update_from(struct binder *b,
                                          struct sql_statement *out,
                                          struct write *w,
                                          const PgQuery__UpdateStmt *u);
NODISCARD enum status compile_delete_using(struct binder *b,
                                           struct sql_statement *out,
                                           struct write *w,
                                           const PgQuery__DeleteStmt *s);

#endif
