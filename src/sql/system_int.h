/* system_int.h - The system catalogs: what a relation is, and how its rows are made. For files of
 * this folder.
 *
 * Invariants
 * Y1  An oid is a function of the object's id alone: the same at every height and on every node.
 * Y2  The rows of a relation depend on the catalog, and those of roles and ledgers on their tables,
 *     at the height of the connection; never on the account that reads. */
#ifndef TRUSTSQL_SQL_SYSTEM_INT_H
#define TRUSTSQL_SQL_SYSTEM_INT_H

#include "sql/bind_int.h"
#include "sql/system.h"

#define SYSTEM_IS_PUBLIC           'p' /* The role pg_database_owner. */
#define SYSTEM_HAS_TRIGGERS        't'
#define SYSTEM_COLUMNS_MAX         48u
#define SYSTEM_OID_OFFSET          UINT64_C(15384) /* Of users' objects: 16384 and more. */
#define SYSTEM_CATALOG_OID         11u             /* Schema pg_catalog. */
#define SYSTEM_PUBLIC_OID          2200u
#define SYSTEM_INFORMATION_OID     13000u /* Schema information_schema. */
#define SYSTEM_CHAIN_OID           13001u /* Schema trustsql. */
#define SYSTEM_EXTENSION_OID       13002u /* What the chain's own tables belong to. */
#define SYSTEM_DATABASE_OID        5u
#define SYSTEM_PUBLIC_OWNER        6171u /* pg_database_owner, who has schema public. */
#define SYSTEM_OWNER_OID           10u   /* Of what belongs to the chain. */
#define SYSTEM_ROLE_OFFSET         UINT64_C(16384)
#define SYSTEM_VARCHAR             1043u
#define SYSTEM_VARCHAR_ARRAY       1015u
#define SYSTEM_OIDS_OF_TYPES       4100u
#define SYSTEM_CLASS_OF_CLASS      1259u
#define SYSTEM_CLASS_OF_RULES      2618u
#define SYSTEM_CLASS_OF_DEFAULT    2604u
#define SYSTEM_CLASS_OF_CONSTRAINT 2606u
#define SYSTEM_CLASS_OF_EXTENSION  3079u
#define SYSTEM_CLASS_OF_SCHEMA     2615u

enum system_schema { CATALOG, INFORMATION };

/* What the rows of a relation are about: which places there are. */
enum system_walk {
    SYSTEM_NOTHING,
    SYSTEM_RELATIONS,
    SYSTEM_COLUMNS,
    SYSTEM_DEFAULTS,
    SYSTEM_INDEXES,
    SYSTEM_CONSTRAINTS,
    SYSTEM_SEQUENCES,
    SYSTEM_VIEWS,
    SYSTEM_SCHEMAS,
    SYSTEM_TYPES,
    SYSTEM_ROLES,
    SYSTEM_COMMENTS,
    SYSTEM_DEPENDENCIES,
    SYSTEM_WALKS
};

struct system_relation;

struct system_place { /* What one row is about; what does not apply is zero. */
    const struct system_relation *relation; /* A system catalog itself. */
    const struct catalog_table *table;
    const struct catalog_index *index;
    uint64_t number; /* Of a schema, role or type; of a dependency, what it is on. */
    uint32_t part;   /* Position of a column. */
    char kind;       /* Of a dependency or comment; of a relation, if it has triggers. */
};

struct system;

struct system_row { /* Of which a fill puts one value after the other. */
    struct system *system;
    struct arena *arena; /* Of the row. */
    const enum sql_type *types;
    uint32_t column_count;
    uint32_t count;
    struct sql_value values[SYSTEM_COLUMNS_MAX];
};

typedef void system_fill(struct system_row *r, const struct system_place *p);

struct system_relation {
    uint32_t oid;
    enum system_schema schema;
    const char *name;
    const char *columns; /* "oid oid,relname name": names and types. */
    enum system_walk walk;
    system_fill *fill; /* Null: text, or no rows. */
    const char *text;  /* A query that gives the columns; null: none. */
};

extern const struct system_relation system_catalog_relations[];
extern const struct system_relation system_information_relations[];
extern const uint32_t system_catalog_count;
extern const uint32_t system_information_count;

/* Null: there is none. schema size 0: pg_catalog. */
const struct system_relation *system_find(struct span schema, struct span name);
const struct system_relation *system_at(uint32_t index); /* Null after the last. */
const char *system_schema_name(enum system_schema schema);

/* One column of the text after another; false at the end. */
struct system_column {
    struct span name;
    enum sql_type type;
};
bool system_next_column(const char **at, struct system_column *out);
uint32_t system_column_count(const struct system_relation *r);

/* --- oids ---------------------------------------------------------------------------------- */

static inline uint32_t system_oid(uint64_t id) /* Y1 */
{
    return (uint32_t)(id + SYSTEM_OID_OFFSET);
}
static inline uint64_t system_id(uint32_t oid)
{
    return oid < SYSTEM_OID_OFFSET ? 0 : oid - SYSTEM_OID_OFFSET;
}
static inline uint32_t system_role_oid(uint64_t account)
{
    return account == 0 ? SYSTEM_OWNER_OID : (uint32_t)(account + SYSTEM_ROLE_OFFSET);
}
uint32_t system_schema_oid(const struct sql_catalog *c, struct span name);
struct span system_schema_of(const struct sql_catalog *c, uint32_t oid); /* Size 0: none. */
/* Of a column's DEFAULT. */
uint32_t system_default_oid(const struct catalog_table *t, uint32_t column);
bool system_has_default(const struct catalog_column *c); /* Or it is generated. */
/* varchar has the type text here. */
uint32_t system_type_oid(enum sql_type type, int32_t typmod);

/* --- system.c ------------------------------------------------------------------------------ */

struct system_places {
    struct system_place *items;
    uint32_t count;
    uint32_t capacity;
    bool is_made;
    bool has_failed; /* No memory. */
};

const struct sql_catalog *system_catalog(const struct system *s);
struct mem *system_mem(const struct system *s);
sqlite3 *system_connection(const struct system *s);
struct sql_context *system_context(const struct system *s);

/* --- system_walk.c ------------------------------------------------------------------------- */

void system_walk(struct system *s, enum system_walk walk, struct system_places *out);

/* --- system_rows.c: putting values --------------------------------------------------------- */

void system_put_integer(struct system_row *r, int64_t value);
void system_put_text(struct system_row *r, struct span text);
void system_put_null(struct system_row *r);
void system_put_zeros(struct system_row *r, uint32_t count); /* 0, '', '-', or null of arrays. */

system_fill fill_class, fill_attribute, fill_attrdef, fill_index, fill_constraint, fill_namespace;
system_fill fill_type, fill_authid, fill_sequence, fill_description, fill_depend, fill_rewrite;

/* --- system_types.c ------------------------------------------------------------------------ */

#define SYSTEM_IO_FUNCTIONS 6u

struct system_io { /* Of a type. */
    uint32_t oid;
    char align;
    char storage;
    uint32_t oids[SYSTEM_IO_FUNCTIONS];
    const char *names[SYSTEM_IO_FUNCTIONS];
};

const struct system_io *system_io(uint32_t oid);
/* The functions of types, by name and number; 0, or the number as text. */
uint32_t system_function_oid(struct span name);
const char *system_function_name(uint32_t oid); /* "-": none of them. */
uint32_t system_class_of_type(uint32_t oid);    /* The operator class that an index takes. */

/* --- system_text.c: definitions as PostgreSQL shows them ----------------------------------- */

void system_show_name(struct buf *out, struct span name); /* Quoted where it must be. */
void system_show_table(struct buf *out,
                       const struct sql_catalog *c,
                       const struct catalog_table *t,
                       struct span path);
void system_show_type(struct buf *out, uint32_t oid, int64_t typmod);
void system_show_index(struct buf *out,
                       const struct catalog_table *t,
                       const struct catalog_index *i,
                       bool is_pretty);
struct span system_index_column_name(const struct catalog_table *t,
                                     const struct catalog_index *i,
                                     uint32_t column);
/* One column of it, from 1 on. */
void system_show_index_column(struct buf *out,
                              const struct catalog_table *t,
                              const struct catalog_index *i,
                              uint32_t column);
struct system_shown {
    const struct sql_catalog *catalog;
    struct span path; /* Schemas that need not be named. */
    bool is_pretty;
};
void system_show_constraint(struct buf *out,
                            const struct system_shown *how,
                            const struct catalog_table *t,
                            const struct catalog_index *i);
/* A DEFAULT, or what a column is generated from. */
void system_show_default(struct buf *out, const struct catalog_column *c);
/* Positions of a table's columns that an expression names, ascending; how many. */
uint32_t system_columns_named(uint32_t columns[CATALOG_KEY_COLUMNS_MAX],
                              const struct catalog_table *t,
                              struct span expression);
/* Is a relation of this name the one that the path finds? */
bool system_is_visible(const struct sql_catalog *c,
                       struct span path,
                       const struct catalog_table *t);
bool system_path_next(struct span *path, struct span *schema);

/* The index or constraint of an id, and whose; null: none. */
const struct catalog_index *system_index_by_id(const struct sql_catalog *c,
                                               uint64_t id,
                                               const struct catalog_table **table);

/* --- system_name.c ------------------------------------------------------------------------- */

#define SYSTEM_NAME_SIZE 63u

struct system_name { /* schema.name; schema_size 0: none was given. */
    char schema[SYSTEM_NAME_SIZE + 1];
    char name[SYSTEM_NAME_SIZE + 1];
    size_t schema_size;
    size_t name_size;
};
bool system_split(struct system_name *p, struct span text); /* False: it is no name. */
struct span system_name_part(const struct system_name *p);
/* Oid of a table, view, sequence, index or system catalog; 0: none. */
uint32_t system_find_in_schema(const struct sql_catalog *c, struct span schema, struct span name);
uint32_t system_find_relation(const struct sql_catalog *c,
                              const struct system_name *p,
                              struct span path);
uint32_t system_find_type(struct span text);

/* --- system_view.c ------------------------------------------------------------------------- */

void system_show_view(struct buf *out,
                      const struct sql_catalog *c,
                      const struct catalog_table *view,
                      struct span path);
/* The sequence that nextval('s'::regclass) draws from; null: it is something else. */
const struct catalog_table *system_sequence_of(const struct sql_catalog *c, struct span text);
void system_show_expression(struct buf *out,
                            const struct sql_catalog *c,
                            struct span text,
                            struct span path);

/* --- func_system.c ------------------------------------------------------------------------- */

int system_functions(sqlite3 *connection, struct system *s); /* SQLite's code. */

struct system_role {
    char *name;
    size_t name_size;
    bool is_super; /* The chain, which owns its own tables. */
    bool is_admin;
    bool can_log_in;
};
/* Of an account, or of the chain (0). False: there is none; the name is "unknown (OID=n)". */
bool system_role_read(const struct system *s, uint64_t account, struct system_role *out);

#endif
