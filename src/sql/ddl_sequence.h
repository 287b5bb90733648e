/* ddl_sequence.h - Sequences: a table of one row (last_value, log_cnt, is_called), and what the
 * catalog says of them. For files of this folder. */
#ifndef TRUSTSQL_SQL_DDL_SEQUENCE_H
#define TRUSTSQL_SQL_DDL_SEQUENCE_H

#include "sql/ddl_int.h"

struct ddl_sequence {
    struct span schema;
    struct span name;
    uint64_t id;
    enum sql_type type;
    int64_t start;
    int64_t increment;
    int64_t min;
    int64_t max;
    int64_t cache;
    bool is_cycle;
    uint64_t table_id; /* Of the column it belongs to; 0: none. */
    uint32_t column;
};

/* Options of CREATE SEQUENCE, serial and identity, over PostgreSQL's own. */
NODISCARD enum status ddl_sequence_options(struct binder *b,
                                           struct ddl_sequence *s,
                                           PgQuery__Node *const *options,
                                           size_t count);
/* Steps that make it; SQL_STEP_RELOAD is among them. */
NODISCARD enum status ddl_sequence_steps(struct binder *b,
                                         struct sql_statement *out,
                                         const struct ddl_sequence *s);
/* From the catalog. */
void ddl_sequence_load(struct ddl_sequence *s,
                       const struct sql_catalog *catalog,
                       const struct catalog_table *t);
/* nextval('name'::regclass), as a DEFAULT says it. */
NODISCARD enum status ddl_sequence_default(struct binder *b,
                                           const struct ddl_sequence *s,
                                           struct span *out);

#endif
