/* functions.h - Which PostgreSQL functions, operators and casts exist, and the SQLite text of each.
 *
 * The compiler resolves names against these tables and emits the template; the functions named in
 * the templates are the ones sql_functions_register() installs. Templates: "%1" … "%7" stand for an
 * argument already emitted, "%*" for all arguments with commas, "%t1" for the OID of
 * an argument's type, "%t0" for that of the result. An operator of SQLite appears in a
 * template only where docs/sql/functions.md shows that it gives PostgreSQL's result for stored
 * values of that type. Immutable data; thread-safe. */
#ifndef TRUSTSQL_SQL_FUNCTIONS_H
#define TRUSTSQL_SQL_FUNCTIONS_H

#include "sql/value.h"

#define SQL_FUNCTION_ARGS_MAX 7u

enum sql_function_kind {
    SQL_FUNCTION,  /* lower(text) */
    SQL_OPERATOR,  /* text || text */
    SQL_PREFIX,    /* - int4 */
    SQL_AGGREGATE, /* sum(int4); count(*) is the entry with no argument */
    SQL_ROWS,      /* generate_series(int4, int4): gives rows; in FROM. */
    SQL_NODE,      /* trustsql.proof_tx(bytea): a node answers for itself; only in plain reads */
};

/* How an argument declared SQL_UNKNOWN ("any" type) is handed over. */
enum sql_any {
    SQL_ANY_RAW,    /* As it is: count(x). */
    SQL_ANY_TEXT,   /* Cast to text first: text || any. */
    SQL_ANY_KNOWN,  /* As it is; an untyped constant is none: to_json(x). */
    SQL_ANY_OUTPUT, /* Printed by sql_output_template() first: concat(any). */
};

enum sql_volatility {
    SQL_IMMUTABLE,   /* May stand in CHECK constraints and indexes. */
    SQL_STABLE,      /* Depends on the context (now, current_user): not in CHECK and indexes. */
    SQL_INEXACT,     /* The last bits depend on the node's library: in plain reads only. */
    SQL_SYSTEM,      /* Reads the system catalogs: in plain reads only. */
    SQL_SYSTEM_PATH, /* The same; gets the search path behind its arguments. */
    SQL_ORDERED, /* Aggregate whose result depends on the order of rows: writes need ORDER BY. */
};

/* As a window function: what may stand in OVER. */
enum sql_window {
    SQL_WINDOW_NONE,
    SQL_WINDOW_GROWING, /* Frames whose start does not move. */
    SQL_WINDOW_ANY,     /* A row can be taken back. */
};

struct sql_function {
    const char *name; /* PostgreSQL's, lower case; the symbol of an operator ("~~" is LIKE). */
    enum sql_function_kind kind;
    uint8_t arg_count;
    bool is_variadic; /* The last argument may be repeated; given at least once. */
    enum sql_any any;
    enum sql_volatility volatility;
    enum sql_type args[SQL_FUNCTION_ARGS_MAX];
    enum sql_type result;
    const char *sqlite; /* Null: PostgreSQL has it, and it is refused. */
    /* Template to use instead when all numeric arguments have one known scale (columns
     * numeric(p,s), constants fitted to it): plain SQLite, so indexes serve it. Null: none. */
    const char *sqlite_same_scale;
    /* Of an aggregate: the template when it has ORDER BY or several arguments with DISTINCT, with
     * "%k" for the key to sort by and "%d" for 1 when equal rows count once. Null: none. */
    const char *sqlite_ordered;
    enum sql_window window; /* Of an aggregate. */
    uint32_t since;         /* exec_version from which it is there; 0: always. */
};

enum sql_cast_context { SQL_CAST_IMPLICIT, SQL_CAST_ASSIGNMENT, SQL_CAST_EXPLICIT };

struct sql_cast {
    enum sql_type from;
    enum sql_type to;
    enum sql_cast_context context; /* The weakest one in which it may be used. */
    const char *sqlite;            /* "%1" where the stored value is the same. */
};

/* The next entry called name of this kind from *at on, in table order; null after the last. *at
 * begins as 0. */
const struct sql_function *sql_function_next(struct span name,
                                             enum sql_function_kind kind,
                                             uint32_t *at);

/* The index-th entry called name of this kind, in table order; null after the last. */
const struct sql_function *sql_function_find(struct span name,
                                             enum sql_function_kind kind,
                                             uint32_t index);

/* Null: no such cast. from == to is never listed. SQL_UNKNOWN is never listed: the compiler parses
 * constants with sql_value_parse. */
const struct sql_cast *sql_cast_find(enum sql_type from, enum sql_type to);

/* After a cast to a type with a typmod, fit the value: template with "%1", and "%2" for the typmod
 * as an integer. is_assignment: too long is an error (INSERT, UPDATE), else text is cut (explicit
 * casts); numeric rounds in both. Null when the type has no typmods. */
const char *sql_fit_template(enum sql_type type, bool is_assignment);

/* Text as the output function of the type prints it (bool: "t"); casts to text print "true". */
const char *sql_output_template(enum sql_type type);

/* All entries, for tests and documentation; null after the last. */
const struct sql_function *sql_function_at(uint32_t index);
const struct sql_cast *sql_cast_at(uint32_t index);
const struct sql_function *sql_node_function_at(uint32_t index); /* Those of kind SQL_NODE. */

/* What functions charge of sql_context.fuel for each byte they read or make. */
#define SQL_FUEL_PER_BYTE 1u

#endif
