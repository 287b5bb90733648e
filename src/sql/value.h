/* value.h - SQL values between doors, transactions, SQLite and result rows.
 *
 * Types are PostgreSQL OIDs. Storage class of each in SQLite and CBOR: docs/format/row.md.
 * Rowsets are what a statement returns, in one encoding for receipts (hashed) and doors:
 * per value u8 tag (0 null, 1 int64 little-endian, 2 bytes: u32 length little-endian and bytes). */
#ifndef TRUSTSQL_SQL_VALUE_H
#define TRUSTSQL_SQL_VALUE_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/status.h"
#include "sql/type.h"

#define SQL_VALUE_MAX (1u << 20) /* Bytes of one value. */

struct sql_value {
    enum sql_type type;
    bool is_null;
    int64_t integer;   /* Of types stored as integers (sql_type_storage). */
    struct span bytes; /* Of the others, as they are stored. */
};

/* PostgreSQL's text input and output of a type (typmod -1: none). Input failures: 22P02, 22003,
 * 22007… in d. Output is appended to out. */
NODISCARD enum status sql_value_parse(struct sql_value *v,
                                      struct arena *a,
                                      enum sql_type type,
                                      int32_t typmod,
                                      struct span text,
                                      struct diag *d);
void sql_value_print(struct buf *out, const struct sql_value *v, int32_t typmod);

/* PostgreSQL's binary send and receive forms. */
NODISCARD enum status sql_value_receive(
    struct sql_value *v, struct arena *a, enum sql_type type, struct span bytes, struct diag *d);
void sql_value_send(struct buf *out, const struct sql_value *v, int32_t typmod);

/* The CBOR item of a transaction parameter, both ways. Decode checks range and form for the type.
 */
void sql_value_to_cbor(struct buf *out, const struct sql_value *v);
NODISCARD enum status sql_value_from_cbor(struct sql_value *v,
                                          enum sql_type type,
                                          struct span item);

/* Bind to parameter index (1-based); bytes must stay valid until the statement is reset. */
NODISCARD enum status sql_value_bind(sqlite3_stmt *stmt, int index, const struct sql_value *v);

/* Append column of the current row in rowset encoding. */
void sql_rowset_put_column(struct buf *out, sqlite3_stmt *stmt, int column);

/* Append one value that does not come from SQLite. */
void sql_rowset_put_null(struct buf *out);
void sql_rowset_put_integer(struct buf *out, int64_t value);
void sql_rowset_put_bytes(struct buf *out, struct span bytes);

/* Next value of a rowset from *at; false at the end or on malformed bytes. */
bool sql_rowset_next(struct span *at, enum sql_type type, struct sql_value *out);

/* "integer", "numeric(10,2)" … as format_type; into out[64]. */
void sql_type_name(char out[64], enum sql_type type, int32_t typmod);
/* pg_type.typlen: 1, 2, 4, 8 or -1. */
int16_t sql_type_size(enum sql_type type);

#endif
