/* prepared.h - PREPARE, EXECUTE, DEALLOCATE in SQL: statements that a session keeps by name.
 *
 * EXECUTE stands for the text that was prepared, with its arguments as constants of the parameters'
 * types in the place of $1, $2 …; from then on it is a statement like any. Names live as long as
 * the session, also when the transaction that prepared them is undone. Those of the protocol's
 * Parse are the door's. One session's thread. */
#ifndef TRUSTSQL_NODE_PREPARED_H
#define TRUSTSQL_NODE_PREPARED_H

#include "sql/sql.h"

#define PREPARED_MAX       256u /* Of one session, */
#define PREPARED_BYTES_MAX (8u << 20)

struct prepared_statement;

struct prepared_list {
    struct mem *mem;
    struct prepared_statement *first;
    uint32_t count;
    size_t bytes;
};

struct prepared_text { /* PREPARE name (types) AS text, taken apart. In arena memory. */
    struct span name;
    struct span text;  /* As it was written. */
    struct span typed; /* With parameters of a declared type as CAST($1 AS type). */
};

bool prepared_is_prepare(struct span text);
bool prepared_is_execute(struct span text);

/* 42601 in d. */
NODISCARD enum status prepared_parse(struct prepared_text *out,
                                     struct arena *a,
                                     struct span text,
                                     struct diag *d);

/* s: typed, compiled. 42P05, 54000, 0A000 in d. */
NODISCARD enum status prepared_add(struct prepared_list *l,
                                   const struct prepared_text *p,
                                   const struct sql_statement *s,
                                   struct diag *d);

/* EXECUTE as the statement it stands for. 26000, 42601, 0A000 in d. */
NODISCARD enum status prepared_expand(const struct prepared_list *l,
                                      struct arena *a,
                                      struct span text,
                                      struct span *out,
                                      struct diag *d);

/* Size 0: all. False: there is none. */
bool prepared_remove(struct prepared_list *l, struct span name);

#endif
