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
