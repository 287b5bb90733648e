/* copy.h - COPY between a table and the bytes of its three formats: options, reader, writer.
 *
 * A COPY FROM STDIN is one operation of a transaction. Its text names table and columns (formats
 * are a matter between client and door); its parameters are bytea, and each holds whole rows: for
 * every column one CBOR item, as in a parameter of its type (docs/format/row.md). The reader makes
 * such rows of what a client sends, in portions of any size; sql_copy_row takes them apart again.
 * Everything is checked on both ways: the client of a door and the signer of a transaction are
 * strangers. Pure; not thread-safe. */
#ifndef TRUSTSQL_SQL_COPY_H
#define TRUSTSQL_SQL_COPY_H

#include "codec/cbor.h"
#include "sql/sql.h"

#define SQL_COPY_RECORD_MAX (17u << 20) /* Bytes of one row as the client sends it. */

enum sql_copy_format { SQL_COPY_TEXT, SQL_COPY_CSV, SQL_COPY_BINARY };
enum sql_copy_header { SQL_COPY_NO_HEADER, SQL_COPY_HEADER, SQL_COPY_HEADER_MATCH };

struct sql_copy { /* Arena memory of its statement. */
    enum sql_copy_format format;
    enum sql_copy_header header;
    bool is_from;
    uint8_t delimiter;
    uint8_t quote;
    uint8_t escape;
    struct span null;  /* How null looks. */
    struct span table; /* For messages. */
    struct span text;  /* FROM: the text of the operation, columns named. */
    const struct sql_column *columns;
    uint32_t column_count;
    /* For each column; null: none has it. */
    const bool *force_quote;
    const bool *force_not_null;
    const bool *force_null;
};

/* --- reader ----------------------------------------------------------------------------------- */

struct sql_copy_reader;

/* copy outlives it. ST_NO_MEMORY. */
NODISCARD enum status sql_copy_reader_new(struct sql_copy_reader **out,
                                          struct mem *mem,
                                          const struct sql_copy *copy);
void sql_copy_reader_free(struct sql_copy_reader *r); /* Null allowed. */

/* The next bytes of the client; whole rows are appended to rows. After a failure d says what is
 * wrong, with the context, and the reader is of no more use. */
NODISCARD enum status sql_copy_read(struct sql_copy_reader *r,
                                    struct span bytes,
                                    struct buf *rows,
                                    struct diag *d);
/* Nothing more comes. */
NODISCARD enum status sql_copy_read_end(struct sql_copy_reader *r,
                                        struct buf *rows,
                                        struct diag *d);
uint64_t sql_copy_row_count(const struct sql_copy_reader *r);
/* The line of a row, counted from 1: of the newest one exactly, of others when all rows had as many
 * lines. */
uint64_t sql_copy_line(const struct sql_copy_reader *r, uint64_t row);

/* Take the next row of an operation's parameter: values[column_count], borrowed. ST_INVALID: it is
 * none. */
NODISCARD enum status sql_copy_row(struct cbor *in,
                                   const struct sql_copy *copy,
                                   struct sql_value *values);

/* --- writer ----------------------------------------------------------------------------------- */

/* What stands before the rows and behind them; maybe nothing. Each is one message of its own. */
void sql_copy_write_head(struct buf *out, const struct sql_copy *copy);
void sql_copy_write_end(struct buf *out, const struct sql_copy *copy);
/* One row, taken from *rows (rowset encoding). ST_INVALID: it is not well formed. */
NODISCARD enum status sql_copy_write_row(struct buf *out,
                                         const struct sql_copy *copy,
                                         struct span *rows);

#endif
