/* copy_int.h - What the files of COPY share. */
#ifndef TRUSTSQL_SQL_COPY_INT_H
#define TRUSTSQL_SQL_COPY_INT_H

#include "sql/bind_int.h"
#include "sql/copy.h"

/* copy_options.c - the options of the statement; copy's table and columns are known. */
NODISCARD enum status copy_options(struct binder *b,
                                   struct sql_copy *copy,
                                   const PgQuery__CopyStmt *s);

/* copy_fields.c - one record of text or csv taken apart. */
struct copy_field {
    struct span bytes;
    bool is_null;
};

struct copy_fields { /* Of one record; reused. */
    struct copy_field *items;
    uint32_t count; /* At most max + 1: one too many is enough to know. */
    uint32_t max;
    struct buf bytes; /* Of the fields that are not as they stand in the record. */
};

/* record: without the end of its line. */
NODISCARD enum status copy_fields_split(struct copy_fields *f,
                                        const struct sql_copy *copy,
                                        struct span record,
                                        struct diag *d);

#endif
