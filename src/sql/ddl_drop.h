/* ddl_drop.h - What goes when an object is dropped. For files of this folder. */
#ifndef TRUSTSQL_SQL_DDL_DROP_H
#define TRUSTSQL_SQL_DDL_DROP_H

#include "sql/ddl_int.h"

struct ddl_object { /* A relation, or a constraint of it. */
    const struct catalog_table *table;
    const struct catalog_index *index; /* Null: the relation. */
};

struct ddl_drops {
    struct ddl_object *items; /* Named ones first, then what depends on them. */
    uint32_t count;
    uint32_t named;
};

NODISCARD enum status ddl_drops_add(struct binder *b, struct ddl_drops *d, struct ddl_object o);
/* What depends on the items joins them (CASCADE), or is an error 2BP01 of subject, as in "table t".
 * subject null: "desired object(s)". */
struct ddl_drop_mode {
    bool is_cascade;
    const char *subject;
};
NODISCARD enum status ddl_drops_close(struct binder *b,
                                      struct sql_statement *out,
                                      struct ddl_drops *d,
                                      struct ddl_drop_mode mode);
NODISCARD enum status ddl_drops_steps(struct binder *b,
                                      struct sql_statement *out,
                                      const struct ddl_drops *d);
/* Behind all rows: triggers of tables that stay, where foreign keys went. */
NODISCARD enum status ddl_drops_triggers(struct binder *b,
                                         struct sql_statement *out,
                                         const struct ddl_drops *d);
/* "table s.t", "constraint c on table t"; schemas of the search path are left out. */
const char *ddl_object_text(struct binder *b, struct ddl_object o);
NODISCARD enum status ddl_drop_schema(struct binder *b,
                                      struct sql_statement *out,
                                      const PgQuery__DropStmt *d);

#endif
