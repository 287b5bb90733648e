/* bind_int.h - The compiler's own form of a statement, between PostgreSQL's tree and SQLite's text.
 *
 * bind_*.c make it from libpg_query's tree: names are resolved, types known, what is not supported
 * refused. emit.c prints it. Everything lives in the statement's arena. For files of this folder.
 */
#ifndef TRUSTSQL_SQL_BIND_INT_H
#define TRUSTSQL_SQL_BIND_INT_H

#include "sql/functions.h"
#include "sql/parse.h"
#include "sql/quote.h"
#include "sql/sql.h"

#define BIND_VERSION_NEWEST UINT32_MAX /* exec_version of what a door compiles for itself. */
#define TYPES_SINCE         4u         /* exec_version of the types beside the first ten. */
#define BIND_PARAMS_MAX     65535u     /* PostgreSQL's own limit. */
#define BIND_SOURCES_MAX    64u        /* Tables of one FROM: SQLite's limit. */
#define BIND_TERMS_MAX      256u       /* Of GROUP BY and ORDER BY. */
#define BIND_PATH_MAX       16u        /* Schemas of search_path. */
#define BIND_CTES_MAX       256u       /* Of one WITH. */

enum expr_kind {
    EXPR_CONST,
    EXPR_PARAM,
    EXPR_COLUMN,
    EXPR_CALL,      /* A template with args: functions, operators, casts. */
    EXPR_JOINED,    /* All args with the template between them: AND, OR. */
    EXPR_CASE,      /* args: condition, result, …, and the ELSE result last. */
    EXPR_QUERY,     /* A template with args and "%q" for the query. */
    EXPR_AGGREGATE, /* As EXPR_CALL, with is_distinct and filter. */
    EXPR_GROUPING,  /* GROUPING(args); bind_branches() replaces it. */
    EXPR_WINDOW,    /* As EXPR_CALL, with filter and window. */
    EXPR_DEFAULT    /* DEFAULT in VALUES and SET. */
};

struct expr {
    enum expr_kind kind;
    enum sql_type type; /* SQL_UNKNOWN: only EXPR_CONST and EXPR_PARAM, before coercion. */
    int32_t typmod;
    int32_t scale;    /* numeric: every value has this scale; -1: not known. */
    int32_t position; /* Byte in the statement; -1: none. */
    bool is_stable;   /* Some part depends on the context (now, current_user). */
    struct sql_value value;
    uint32_t param; /* 1-based. */
    struct source *source;
    uint32_t column;
    const char *template;
    struct expr **args;
    uint32_t arg_count;
    struct query *query;
    bool is_distinct;
    struct expr *filter;
    struct sort *order; /* ORDER BY of an aggregate. */
    bool is_once;       /* Equal rows of an ordered aggregate count once; is_distinct is false. */
    uint32_t order_count;
    struct window *window;
    const struct sql_function *function; /* EXPR_AGGREGATE, and those of EXPR_WINDOW. */
};

struct field { /* A column of a source. */
    struct span name;
    enum sql_type type;
    int32_t typmod;
    int32_t scale;
    bool is_not_null;
    const char *sqlite; /* How it is read: "%s" is the source; null: the source's c1, c2 … */
};

struct source {                       /* A table or subquery in FROM, or the target of a write. */
    const struct catalog_table *view; /* It is the query of this view; null: none. */
    uint32_t id;                      /* Emitted as r<id>. */
    struct span alias;                /* Name it is known by. */
    struct span schema;               /* Of a table without alias: for schema.table.column. */
    const char *reference;            /* Emitted instead of r<id>; null: none. */
    const struct catalog_table *table;
    uint32_t system_oid; /* Of a system catalog, what tableoid says; 0: none. */
    struct query *query;
    struct cte *cte;
    const char *function; /* A function in FROM, with its arguments; null: none. */
    struct expr **args;
    uint32_t arg_count;
    const struct expr *rows; /* A function that gives rows (SQL_ROWS); null: none. */
    bool is_lateral;         /* A query that names items of FROM before it. */
    struct from *joined;     /* A join with a name: what it names; null: none. */
    struct entry *entries;   /* Of a join with a name: what its columns are. */
    struct field *fields;
    uint32_t field_count;
    bool is_nullable; /* On the side of an outer join that may be missing. */
};

struct entry { /* A column name visible without qualification. */
    struct span name;
    struct expr *expr;
};

enum join_kind { JOIN_NONE, JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL };

struct from { /* One item of FROM: a source, or a join of two. */
    enum join_kind join;
    struct source *source;
    struct from *left;
    struct from *right;
    struct expr *on;         /* Null: none (CROSS JOIN). */
    struct source **sources; /* All below. */
    struct entry *entries;
    uint32_t source_count;
    uint32_t entry_count;
};

struct scope { /* Where names are looked up; the chain of parents are the enclosing queries. */
    struct scope *parent;
    struct source **sources;
    struct entry *entries;
    uint32_t source_count;
    uint32_t entry_count;
    struct expr **outer_refs; /* Columns of this scope used in nested queries. */
    uint32_t outer_ref_count;
};

struct target {
    struct expr *expr;
    struct span name;
};

struct sort {
    struct expr *expr;
    uint32_t ordinal; /* Output column, 1-based, when expr is one; 0: none. */
    bool is_desc;
    bool is_nulls_first;
};

struct window { /* OVER (…): what a window function looks at. */
    struct span name;
    struct expr **partitions;
    struct sort *sorts;
    struct expr *start; /* Offsets of the frame; null: none. */
    struct expr *end;
    uint32_t partition_count;
    uint32_t sort_count;
    uint32_t frame; /* window.c: enum frame_option */
};

enum set_op { SET_NONE, SET_UNION, SET_UNION_ALL, SET_INTERSECT, SET_EXCEPT };

struct row {
    struct expr **values;
    uint32_t count;
};

enum cte_state {
    CTE_BOUND, /* Or WITH without RECURSIVE: it is not visible before. */
    CTE_LATER, /* Of WITH RECURSIVE, its turn has not come. */
    CTE_FIRST, /* Its query is being bound; of a UNION, the non-recursive term. */
    CTE_AGAIN  /* Its recursive term is. */
};

struct cte {
    struct cte *next; /* The one visible before it. */
    struct span name;
    uint32_t id; /* Emitted as "w.<id>". */
    struct query *query;
    struct field *fields;
    uint32_t field_count;
    const PgQuery__CommonTableExpr *node;
    enum cte_state state;
    uint32_t ref_count; /* To itself. */
};

struct query {
    struct cte **ctes;
    uint32_t cte_count;
    enum set_op op;
    struct query *left;
    struct query *right;
    struct row *rows; /* VALUES. */
    uint32_t row_count;
    struct target *targets;
    uint32_t target_count;
    struct from **from;
    uint32_t from_count;
    struct expr *where;
    struct expr **groups;
    uint32_t group_count;
    uint32_t *sets; /* GROUPING SETS: bit masks over groups. */
    uint32_t set_count;
    struct query **branches; /* The query is UNION ALL of them. */
    uint32_t branch_count;
    struct expr *having;
    struct window **windows; /* WINDOW w AS (…). */
    uint32_t window_count;
    struct expr **distinct_on;
    uint32_t distinct_on_count;
    bool keeps_any; /* DISTINCT ON: rows of one group are equal, whichever comes first is kept. */
    struct sort *sorts;
    uint32_t sort_count;
    struct expr *limit;
    struct expr *offset;
    struct scope scope;
    uint32_t first_grouped_ref; /* Of scope.outer_refs: those made in targets, HAVING, ORDER BY. */
    uint32_t grouped_ref_count;
    struct set_calls *set_calls; /* Functions that give rows, in the list of columns; null: none. */
    bool keeps_unknown;  /* An operand of a set operation: constants take the other side's type. */
    struct cte *defines; /* It is the query of this one of WITH RECURSIVE. */
    struct cte *recursion; /* It is the recursive term of this one. */
    bool is_distinct;
    bool is_all;    /* INTERSECT ALL, EXCEPT ALL. */
    bool with_ties; /* FETCH FIRST … WITH TIES. */
    bool has_aggregates;
    bool has_grouping; /* GROUPING() */
    bool is_scalar;    /* More than one row is an error: 21000. */
};

struct literal {  /* A constant that sql_lift() may make a parameter. */
    size_t start; /* Bytes of the statement. */
    size_t size;
    struct expr *expr;
};

enum clause {
    CLAUSE_NONE,
    CLAUSE_TARGET,
    CLAUSE_WHERE,
    CLAUSE_ON,
    CLAUSE_GROUP,
    CLAUSE_HAVING,
    CLAUSE_ORDER,
    CLAUSE_LIMIT,
    CLAUSE_VALUES,
    CLAUSE_SET,
    CLAUSE_RETURNING,
    CLAUSE_CHECK,
    CLAUSE_GENERATED,
    CLAUSE_DEFAULT,
    CLAUSE_AGGREGATE,
    CLAUSE_FILTER,
    CLAUSE_WINDOW
};

struct binder {
    struct arena *arena;
    const struct sql_catalog *catalog;
    uint32_t exec_version;
    struct span text;
    struct diag *diag;
    enum sql_type *param_types;
    uint32_t param_count;
    struct scope *scope;
    struct scope *beside; /* Items of FROM before this one, for LATERAL and functions. */
    struct cte *ctes;     /* Visible here, newest first. */
    struct query *query;  /* Whose clauses are being bound; null outside. */
    enum clause clause;
    struct sql_access *access;
    uint32_t access_count;
    struct literal *literals;
    uint32_t literal_count;
    uint32_t keep_literals; /* > 0: constants stay in the text (they must match others). */
    uint32_t next_id;
    bool keeps_unknown;    /* For the next query, as the two below. */
    struct cte *defining;  /* query.defines */
    struct cte *recursion; /* query.recursion */
    bool is_write;
    bool calls_node;
    bool is_inexact;
    bool explains; /* EXPLAIN: sources are listed. */
    struct source **explained;
    uint32_t explained_count;
    const char *locks;   /* "FOR UPDATE" …; null: none. */
    bool moves_sequence; /* nextval, setval: a write, also in a SELECT. */
    bool is_identity;    /* The DEFAULT of an identity column: no right on its sequence is asked. */
    uint32_t view_count; /* Views expanded so far. */
    uint64_t account;
    sqlite3 *state; /* Where roles are looked up; null: nowhere. */
    uint64_t height;
    struct sql_schema_access *schemas;
    uint32_t schema_count;
    const struct sql_password *password;
    struct span path[BIND_PATH_MAX]; /* Schemas where names without one are looked for. */
    uint32_t path_count;
};

/* --- bind.c: tools ------------------------------------------------------------------------- */

/* Set the diag (printf) with the position of a byte offset; returns ST_INVALID. */
enum status bind_fail(struct binder *b,
                      int32_t position,
                      const char *sqlstate,
                      const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
/* 0A000; hint may be null. Returns ST_UNSUPPORTED. */
enum status bind_unsupported(struct binder *b,
                             int32_t position,
                             const char *what,
                             const char *hint);
/* Where a construct that came with an exec_version enters: below that version the refusal of then,
 * which stands in receipts. node: a statement, whose refusal compile.c knows; or a construct:
 * 0A000 "what is not supported" at its place. */
NODISCARD enum status bind_needs(struct binder *b,
                                 uint32_t exec_version,
                                 const PgQuery__Node *node,
                                 const char *what);
/* The same with the whole refusal of then; hint may be null. */
NODISCARD enum status bind_needs_or(
    struct binder *b, uint32_t exec_version, int32_t position, const char *what, const char *hint);
/* 54000: more than max of what; returns ST_LIMIT. */
enum status bind_too_many(struct binder *b, const char *what, uint32_t max);
/* 53200; returns ST_NO_MEMORY. */
enum status bind_no_memory(struct binder *b);

/* Room for one more item in an array without spare room of its own; null: no memory. */
void *bind_grow(struct binder *b, void *items, uint32_t count, size_t size);
struct expr *bind_new_expr(struct binder *b,
                           enum expr_kind kind,
                           enum sql_type type,
                           int32_t position);
/* An EXPR_CALL with up to three arguments (null: no more). Null: no memory. */
struct expr *bind_call(struct binder *b,
                       enum sql_type type,
                       const char *template,
                       struct expr *const args[static 3]);
/* bind_access.c: rights that are needed on the whole table, */
NODISCARD enum status bind_access(struct binder *b, const struct catalog_table *t, uint32_t rights);
/* that suffice on any column (and on those that follow), */
NODISCARD enum status bind_access_any(struct binder *b,
                                      const struct catalog_table *t,
                                      uint32_t rights);
/* on one column, */
NODISCARD enum status bind_access_column(struct binder *b,
                                         const struct catalog_table *t,
                                         uint32_t column,
                                         uint32_t rights);
/* on a column that an expression reads, if it is one. */
NODISCARD enum status bind_access_field(struct binder *b, const struct expr *e);
/* On a schema, by its name; those of the chain are everybody's. */
NODISCARD enum status bind_access_schema(struct binder *b, struct span name, uint32_t rights);
/* The text of a String node; size 0: it is none. */
struct span bind_string(const PgQuery__Node *n);
struct span bind_cstring(const char *text); /* Null: empty. */
const char *bind_type_name(struct binder *b, enum sql_type type);

/* --- types.c ------------------------------------------------------------------------------- */

NODISCARD enum status bind_type(struct binder *b,
                                const PgQuery__TypeName *name,
                                enum sql_type *type,
                                int32_t *typmod);
/* The type of a name that this exec_version knows; false: none. */
bool bind_type_of_name(const struct binder *b, struct span name, enum sql_type *type);
/* A type of PostgreSQL, known here or not. */
bool bind_is_type(struct span name);
bool type_can_coerce(enum sql_type from, enum sql_type to, enum sql_cast_context context);
/* *e becomes an expression of the type. what names the target in a failure of assignment, null:
 * 42846. */
struct coercion {
    enum sql_type type;
    int32_t typmod;
    enum sql_cast_context context;
    struct span column; /* For assignments: the column. */
};
NODISCARD enum status bind_coerce(struct binder *b, struct expr **e, const struct coercion *to);
/* To a type by implicit casts, no typmod. */
NODISCARD enum status bind_coerce_implicit(struct binder *b, struct expr **e, enum sql_type type);
/* PostgreSQL's common type of CASE, COALESCE, UNION …; construct names it in the failure. */
NODISCARD enum status bind_common_type(struct binder *b,
                                       struct expr *const *items,
                                       uint32_t count,
                                       const char *construct,
                                       enum sql_type *type);
NODISCARD enum status bind_coerce_all(struct binder *b,
                                      struct expr **items,
                                      uint32_t count,
                                      const char *construct,
                                      enum sql_type *type);
/* The typmod that all have; -1: they differ. */
int32_t bind_common_typmod(struct expr *const *items, uint32_t count);
/* A condition: bool, else 42804 "argument of WHERE must be type boolean, not type text". */
NODISCARD enum status bind_condition(struct binder *b, struct expr **e, const char *clause);
/* Unknown becomes text. */
NODISCARD enum status bind_settle(struct binder *b, struct expr **e);

/* --- resolve.c ----------------------------------------------------------------------------- */

NODISCARD enum status bind_operator(struct binder *b,
                                    struct expr **out,
                                    struct span symbol,
                                    struct expr *const args[static 2],
                                    int32_t position);
NODISCARD enum status bind_prefix(
    struct binder *b, struct expr **out, struct span symbol, struct expr *arg, int32_t position);
struct call_site {
    struct span name;
    struct expr **args;
    uint32_t arg_count;
    int32_t position;
    bool is_ordered; /* An aggregate that has ORDER BY, or is DISTINCT. */
    bool is_rows;    /* In FROM: a function that gives rows. */
    bool is_node;    /* trustsql.f(…): a function that the node answers for itself. */
};
NODISCARD enum status bind_function(struct binder *b,
                                    struct expr **out,
                                    const struct call_site *site);
/* A form in which equal values are equal bytes: numeric of unknown scale without trailing zeros, no
 * −0 of floating point. */
NODISCARD enum status bind_canonical(struct binder *b, struct expr **e);

/* --- bind_array.c -------------------------------------------------------------------------- */

bool polymorph_is(const struct sql_function *f); /* ANYARRAY or ANYELEMENT among its arguments. */
/* The element type that fits all such arguments; SQL_UNKNOWN: all are untyped; SQL_VOID: none. */
enum sql_type polymorph_element(const struct sql_function *f,
                                struct expr *const *args,
                                uint32_t count);
enum sql_type polymorph_type(enum sql_type declared, enum sql_type element);
/* ARRAY[…]; wanted: the array type it is cast to at once, SQL_VOID: none. */
NODISCARD enum status bind_array(struct binder *b,
                                 struct expr **out,
                                 const PgQuery__Node *n,
                                 enum sql_type wanted);
NODISCARD enum status bind_indirection(struct binder *b, struct expr **out, const PgQuery__Node *n);
/* x = ANY (array), x <> ALL (array) */
NODISCARD enum status bind_any_array(struct binder *b, struct expr **out, const PgQuery__AExpr *e);

/* --- expr.c, call.c ------------------------------------------------------------------------ */

NODISCARD enum status bind_expr(struct binder *b, struct expr **out, const PgQuery__Node *n);
NODISCARD enum status bind_expr_list(struct binder *b,
                                     struct expr ***out,
                                     PgQuery__Node *const *items,
                                     size_t count);
NODISCARD enum status bind_func_call(struct binder *b, struct expr **out, const PgQuery__Node *n);
/* call_sequence.c: nextval, currval, lastval, setval. */
bool bind_is_sequence_call(const struct binder *b, struct span name);
NODISCARD enum status bind_sequence_call(struct binder *b,
                                         struct expr **out,
                                         const PgQuery__FuncCall *c);
/* A DEFAULT that is nextval('s'): its text as PostgreSQL keeps it; anything else: as it was. */
NODISCARD enum status bind_sequence_default(struct binder *b,
                                            const PgQuery__Node *n,
                                            struct span *text);
NODISCARD enum status bind_value_function(struct binder *b,
                                          struct expr **out,
                                          const PgQuery__Node *n);
NODISCARD enum status bind_sublink(struct binder *b, struct expr **out, const PgQuery__Node *n);
NODISCARD enum status bind_a_expr(struct binder *b, struct expr **out, const PgQuery__Node *n);
bool bind_is_aggregate_name(struct span name);
/* DISTINCT and FILTER of an aggregate. */
NODISCARD enum status bind_finish_aggregate(struct binder *b,
                                            struct expr *e,
                                            const PgQuery__FuncCall *c);
/* As failures name the clause; null: aggregates are allowed there. */
const char *bind_clause_name(enum clause clause);
/* The name PostgreSQL gives to an unnamed output column. */
struct span bind_column_name(const PgQuery__Node *n);

/* --- from.c -------------------------------------------------------------------------------- */

NODISCARD enum status bind_column_ref(struct binder *b, struct expr **out, const PgQuery__Node *n);
NODISCARD enum status bind_from(struct binder *b,
                                struct query *q,
                                PgQuery__Node *const *items,
                                size_t count);
NODISCARD enum status bind_table(struct binder *b,
                                 const PgQuery__RangeVar *name,
                                 const struct catalog_table **out);
/* ddl_view.c: the query of a view, bound with the rights of its owner. */
NODISCARD enum status bind_view(struct binder *b,
                                struct query **out,
                                const struct catalog_table *view);
/* The names of a search path, instead of those that are there. */
void bind_take_path(struct binder *b, struct span text);
/* schema size 0: the first of the search path that has one. Null: none. */
const struct catalog_table *bind_find_table(const struct binder *b,
                                            struct span schema,
                                            struct span name);
NODISCARD enum status bind_table_source(struct binder *b,
                                        struct source **out,
                                        const struct catalog_table *t,
                                        struct span alias);
struct field bind_table_field(const struct catalog_table *t, uint32_t column);
/* t(a, b): other names for the first columns. alias may be null. */
NODISCARD enum status bind_rename_fields(struct binder *b,
                                         struct source *s,
                                         const PgQuery__Alias *alias);
NODISCARD enum status bind_star(struct binder *b, struct query *q, const PgQuery__ColumnRef *ref);
struct expr *bind_field(struct binder *b, struct source *s, uint32_t column);
NODISCARD enum status bind_scope_add(struct binder *b, struct scope *scope, struct source *s);

/* --- table_function.c --------------------------------------------------------------------------
 */

#define HISTORY_FIELDS 4u /* Of trustsql.history, before the table's columns. */

/* trustsql.tx_status reads the table of keys: as part of a query, and in an expression. */
NODISCARD enum status bind_key_access(struct binder *b);
/* Functions of PostgreSQL in FROM (rows_function.c); *is_ready false: it is none. */
NODISCARD enum status bind_rows_function(struct binder *b,
                                         struct source **out,
                                         const PgQuery__RangeFunction *r,
                                         bool *is_ready);
/* One call as a list of rows: its columns; the list as JSON that json_each takes. */
struct row_list {
    const struct expr *rows; /* As it stands in FROM. */
    const struct expr *list; /* The JSON array of the rows; of one column: of the values. */
    struct field *fields;    /* As columns of the list. */
    uint32_t field_count;
};
NODISCARD enum status bind_row_list(struct binder *b,
                                    struct row_list *out,
                                    const PgQuery__Node *call);
/* record_function.c: f() AS (columns) */
NODISCARD enum status bind_record_function(struct binder *b,
                                           struct source **out,
                                           const PgQuery__RangeFunction *f);
/* Column i of n as it stands in the value of json_each over such a list. */
NODISCARD enum status bind_list_column(struct binder *b, struct field *f, uint32_t i, uint32_t n);
/* json_each(list) */
NODISCARD enum status bind_each(struct binder *b, const struct expr **out, const struct expr *list);
/* One source of several lists, side by side, the shorter ones filled up with NULL. */
NODISCARD enum status bind_row_lists(struct binder *b,
                                     struct source **out,
                                     struct row_list *lists,
                                     uint32_t count);
NODISCARD enum status bind_range_function(struct binder *b,
                                          struct source **out,
                                          const PgQuery__RangeFunction *r);

/* --- set_calls.c --------------------------------------------------------------------------- */

/* A function that gives rows, called in the list of columns or ORDER BY. */
NODISCARD bool bind_is_set_call(const struct binder *b, const PgQuery__FuncCall *c);
NODISCARD enum status bind_set_call(struct binder *b,
                                    struct expr **out,
                                    const PgQuery__FuncCall *c);
/* After all clauses but LIMIT are bound: they join what FROM gives. */
NODISCARD enum status bind_set_calls(struct binder *b, struct query *q);

/* ctid, xmin, …: every table of PostgreSQL has them. */
bool bind_is_system_column(struct span name);

/* --- system_bind.c ------------------------------------------------------------------------- */

struct system_source {
    uint32_t oid; /* 0: the name is none of the system catalogs, or this is no plain read. */
    const struct catalog_table *table;
    struct query *query; /* Null: the table itself. */
};
/* The system catalog of a name; schema size 0: pg_catalog. */
NODISCARD enum status bind_system_relation(struct binder *b,
                                           struct span schema,
                                           struct span name,
                                           struct system_source *out);
/* The statement asks what the catalog knows: in plain reads only. */
NODISCARD enum status bind_reads_system(struct binder *b, int32_t position);
/* The schemas of the search path, for functions that show or look up names. */
NODISCARD enum status bind_system_path(struct binder *b, struct expr **out);

/* --- query.c, group.c ---------------------------------------------------------------------- */

NODISCARD enum status bind_query(struct binder *b,
                                 struct query **out,
                                 const PgQuery__SelectStmt *s);
/* The node must be a SelectStmt. */
NODISCARD enum status bind_query_node(struct binder *b, struct query **out, const PgQuery__Node *n);
/* Untyped constants in the targets become text. */
NODISCARD enum status bind_settle_targets(struct binder *b, struct query *q);

/* A term of GROUP BY or DISTINCT ON (b->clause): output column by name or number, or an expression.
 */
NODISCARD enum status bind_output_term(struct binder *b,
                                       const struct query *q,
                                       const PgQuery__Node *n,
                                       struct expr **out);
/* All columns of the primary key of the only table are sorted by: no two rows are equal. */
bool bind_is_total_order(const struct query *q);
/* Do both print the same? False: no memory. */
bool bind_same_text(struct binder *b,
                    const struct expr *left,
                    const struct expr *right,
                    bool *is_same);
/* ASC, DESC, NULLS FIRST, NULLS LAST. */
NODISCARD enum status bind_sort_direction(struct binder *b,
                                          struct sort *out,
                                          const PgQuery__SortBy *s);

/* A query as an item of FROM, without a name. */
NODISCARD enum status bind_query_source(struct binder *b, struct source **out, struct query *q);

/* --- grouping.c ---------------------------------------------------------------------------- */

/* GROUP BY; query.c has the plain one, and how one term is bound. */
NODISCARD enum status bind_grouping(struct binder *b,
                                    struct query *q,
                                    const PgQuery__SelectStmt *s);
NODISCARD enum status bind_plain_groups(struct binder *b,
                                        struct query *q,
                                        const PgQuery__SelectStmt *s);
NODISCARD enum status bind_grouping_call(struct binder *b,
                                         struct expr **out,
                                         const PgQuery__Node *n);
/* After all clauses but LIMIT are bound and checked. */
NODISCARD enum status bind_branches(struct binder *b, struct query *q);

/* --- distinct.c ---------------------------------------------------------------------------- */

bool bind_is_distinct_on(const PgQuery__SelectStmt *s);
NODISCARD enum status bind_distinct_on(struct binder *b,
                                       struct query *q,
                                       const PgQuery__SelectStmt *s);
/* After the clauses of a SELECT, or of a set operation, are bound, before LIMIT. */
NODISCARD enum status bind_distinct(struct binder *b, struct query *q);
NODISCARD enum status bind_distinct_set(struct binder *b, struct query *q);

/* --- agg_order.c --------------------------------------------------------------------------- */

/* ORDER BY and DISTINCT of an aggregate that depends on the order of rows. */
NODISCARD enum status bind_aggregate_order(struct binder *b,
                                           struct expr *e,
                                           const PgQuery__FuncCall *c);

/* --- row_compare.c ------------------------------------------------------------------------- */

bool bind_is_row(const PgQuery__Node *n); /* (a, b); null allowed. */
NODISCARD enum status bind_rows(struct binder *b, struct expr **out, const PgQuery__AExpr *e);
NODISCARD enum status bind_rows_in(struct binder *b, struct expr **out, const PgQuery__AExpr *e);
/* test operator ANY or ALL (query); q is bound. */
NODISCARD enum status bind_rows_of_query(struct binder *b,
                                         struct expr **out,
                                         struct query *q,
                                         const PgQuery__SubLink *s);

/* --- window.c ------------------------------------------------------------------------------ */

NODISCARD enum status bind_windows(struct binder *b, struct query *q, const PgQuery__SelectStmt *s);
NODISCARD enum status bind_window_call(struct binder *b,
                                       struct expr **out,
                                       const PgQuery__FuncCall *c);
/* 42809 when the function called without OVER is nothing without it. */
NODISCARD enum status bind_needs_window(struct binder *b, const PgQuery__FuncCall *c);
void emit_window(struct buf *out, const struct window *w);

/* --- with.c -------------------------------------------------------------------------------- */

NODISCARD enum status bind_with(struct binder *b, struct query *q, const PgQuery__WithClause *w);
/* FROM names the query: is that right where it stands? */
NODISCARD enum status bind_cte_use(struct binder *b, struct cte *cte, int32_t position);
/* Of a UNION that q->defines: after its left side, before the types of both are made one, after. */
NODISCARD enum status bind_recursion_begin(struct binder *b, struct query *q);
NODISCARD enum status bind_recursion_types(struct binder *b, const struct query *q);
NODISCARD enum status bind_recursion_end(struct binder *b,
                                         const struct query *q,
                                         const PgQuery__SelectStmt *s);
/* from.c: t or t.* where no column is called t. */
bool bind_is_whole_row(const struct binder *b, const PgQuery__ColumnRef *r);
/* Its columns; *mark: one that is NULL only where an outer join found no row, or null. */
NODISCARD enum status bind_whole_row(struct binder *b,
                                     struct query *out,
                                     const PgQuery__ColumnRef *r,
                                     struct expr **mark);
/* row_json.c: row_to_json(t), json_agg(t), …: the argument as JSON. */
bool bind_is_row_json(const struct binder *b, const PgQuery__FuncCall *c);
NODISCARD enum status bind_row_json(struct binder *b,
                                    struct expr **out,
                                    const PgQuery__FuncCall *c);
NODISCARD enum status bind_targets(struct binder *b,
                                   struct query *q,
                                   PgQuery__Node *const *items,
                                   size_t count);
NODISCARD enum status bind_check_groups(struct binder *b, struct query *q);

/* --- emit.c -------------------------------------------------------------------------------- */

void emit_expr(struct buf *out, const struct expr *e);
void emit_query(struct buf *out, const struct query *q);
/* is_output: of output columns alone, by their numbers. */
void emit_sort_terms(struct buf *out, const struct sort *sorts, uint32_t count, bool is_output);
void emit_targets(struct buf *out, const struct target *targets, uint32_t count);
/* FROM and its items; is_beside: another item stands before them. */
void emit_from_items(struct buf *out, const struct query *q, bool is_beside);
void emit_ctes(struct buf *out, const struct query *q);
/* The buffer's text into the arena, terminated. */
NODISCARD enum status emit_finish(struct binder *b, struct buf *out, const char **text);

/* --- dml.c, ddl*.c, utility.c: one function a statement ------------------------------------ */

typedef enum status bind_statement_fn(struct binder *b,
                                      struct sql_statement *out,
                                      const PgQuery__Node *n);
bind_statement_fn compile_select, compile_insert, compile_update, compile_delete;
bind_statement_fn compile_create_table, compile_drop, compile_create_index, compile_grant;
bind_statement_fn compile_create_sequence, compile_alter_sequence;
bind_statement_fn compile_truncate, compile_vacuum, compile_reindex, compile_cluster;
bind_statement_fn compile_set_constraints, compile_create_table_as, compile_select_into;
bind_statement_fn compile_comment, compile_create_view;
bind_statement_fn compile_create_schema, compile_alter_table, compile_rename, compile_set_schema;
bind_statement_fn compile_create_role, compile_alter_role, compile_drop_role, compile_grant_role;
bind_statement_fn compile_owner, compile_reassign;
bind_statement_fn compile_old_grant; /* Below exec_version 4. */
bind_statement_fn compile_set, compile_show, compile_call, compile_transaction, compile_explain;
bind_statement_fn compile_statement; /* Any. */
bind_statement_fn compile_lock, compile_declare, compile_fetch, compile_close;
NODISCARD enum status compile_set_transaction(struct binder *b,
                                              struct sql_statement *out,
                                              const PgQuery__VariableSetStmt *s);
/* FOR UPDATE, FOR SHARE: what PostgreSQL does not take with them is refused. */
NODISCARD enum status bind_locking(struct binder *b, const PgQuery__SelectStmt *s);
/* The same, of what is known when the query is bound. */
NODISCARD enum status bind_locked(struct binder *b,
                                  const struct query *q,
                                  const PgQuery__SelectStmt *s);
bind_statement_fn compile_copy, compile_deallocate, compile_discard, compile_unlisten;
/* SELECT set_config(…), current_setting(…): SET and SHOW by another name. False: it is neither. */
NODISCARD bool bind_setting_call(const PgQuery__SelectStmt *s);
bind_statement_fn compile_setting_call;

/* Result columns from targets, and the SQLite text. */
NODISCARD enum status compile_columns(struct binder *b,
                                      struct sql_statement *out,
                                      const struct query *q);

#endif
