/* function_int.h - What the function files share: arguments, results, fuel and errors.
 *
 * Every function finds its struct sql_context as user data. Arguments have the SQLite storage class
 * of their SQL type, because the compiler typed them. Most functions are strict: NULL in, NULL out.
 */
#ifndef TRUSTSQL_SQL_FUNCTION_INT_H
#define TRUSTSQL_SQL_FUNCTION_INT_H

#include "sql/functions.h"
#include "sql/numeric.h"
#include "sql/sql.h"

struct native {       /* One function as SQLite knows it. */
    const char *name; /* Null ends a table. */
    int args;         /* −1: any number. */
    void (*call)(sqlite3_context *c, int count, sqlite3_value **args);
    void (*step)(sqlite3_context *c, int count, sqlite3_value **args);
    void (*finish)(sqlite3_context *c);
    void (*value)(sqlite3_context *c); /* The result so far; null: it is no window function. */
    void (*inverse)(sqlite3_context *c, int count, sqlite3_value **args); /* Take a row back. */
};

extern const struct native function_integers[];
extern const struct native function_numerics[];
extern const struct native function_texts[];
extern const struct native function_text_parts[];
extern const struct native function_searches[];
extern const struct native function_matches[];
extern const struct native function_byteas[];
extern const struct native function_times[];
extern const struct native function_casts[];
extern const struct native function_aggregates[];
extern const struct native function_ordered[];
extern const struct native function_compilers[];
extern const struct native function_values[];
extern const struct native function_floats[];
extern const struct native function_datetimes[];
extern const struct native function_arrays[];
extern const struct native function_rows[];
extern const struct native function_zones[];
extern const struct native function_words[];
extern const struct native function_to_chars[];
extern const struct native function_number_to_chars[];
extern const struct native function_similars[];
extern const struct native function_jsons[];
extern const struct native function_regexes[];
extern const struct native function_sequences[]; /* Not deterministic for SQLite. */
extern const struct native function_keys[];      /* Not deterministic for SQLite. */
extern const struct native function_contexts[];  /* Not deterministic for SQLite. */

/* Begin a strict function: false when an argument is NULL (the result is NULL then) or the fuel for
 * the arguments' bytes is not left (the error is set). */
bool function_begin(sqlite3_context *c, int count, sqlite3_value **args);

/* Take fuel for bytes; false: reached the limit, the error is set. */
bool function_charge(sqlite3_context *c, size_t bytes);

/* End with an error. The first one of a statement stays. */
void function_fail(sqlite3_context *c, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void function_fail_with(sqlite3_context *c, const struct diag *d);
void function_no_memory(sqlite3_context *c);

struct span function_bytes(sqlite3_value *value); /* Of text, bytea, numeric. */
int32_t function_int4(sqlite3_value *value);
/* A stored numeric; false when its bytes are none (damaged file): the error is set. */
bool function_numeric(sqlite3_context *c, sqlite3_value *value, struct span *out);

/* wanted is lower case; ASCII case is ignored. */
bool function_has_name(struct span name, const char *wanted);

/* Memory for a result, charged; null: limit or no memory, the error is set. */
uint8_t *function_alloc(sqlite3_context *c, size_t size);
/* Give back what function_alloc gave as the result, or part of it. */
void function_take_text(sqlite3_context *c, uint8_t *data, size_t size);
void function_take_bytea(sqlite3_context *c, uint8_t *data, size_t size);
/* Copies. */
void function_return_text(sqlite3_context *c, struct span text);
void function_return_bytea(sqlite3_context *c, struct span bytes);
void function_return_numeric(sqlite3_context *c, const struct numeric *n);
void function_return_bool(sqlite3_context *c, bool value);

/* func_value.c: a stored value of any type; false when it is damaged, the error is set. */
bool function_value(sqlite3_context *c,
                    sqlite3_value *value,
                    enum sql_type type,
                    struct sql_value *out);
void function_return_value(sqlite3_context *c, const struct sql_value *v);
/* The buffer's text, or its failure; ends the buffer. */
void function_return_buf(sqlite3_context *c, struct buf *text);
/* func_array.c: a string of JSON; bytes as hexadecimal digits in one. */
void function_put_string(struct buf *out, struct span s);
void function_put_hex(struct buf *out, struct span s);
struct interval;
bool function_interval(sqlite3_context *c, sqlite3_value *value, struct interval *out);
void function_return_interval(sqlite3_context *c, const struct interval *v);
int function_collations(sqlite3 *connection); /* SQLite's code. */
int function_collation_jsonb(sqlite3 *connection);

#endif
