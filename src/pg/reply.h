/* reply.h - What the server says in the PostgreSQL protocol, version 3: encoders into a buffer.
 *
 *   u8 type, u32 size (counts itself, not the type), body; integers big-endian, strings end with 0
 *
 * A message is appended whole or, after a failure of the buffer, not at all that matters: the
 * failure sticks there and whoever sends the buffer finds it. Not thread-safe. */
#ifndef TRUSTSQL_PG_REPLY_H
#define TRUSTSQL_PG_REPLY_H

#include "base/buf.h"
#include "base/diag.h"
#include "node/backend.h"
#include "pg/wire.h"

#define REPLY_TYPE_VARCHAR 1043u /* What a column of varchar(n) is called on the wire. */

/* Messages without a body. */
enum reply_signal {
    REPLY_PARSE_COMPLETE = '1',
    REPLY_BIND_COMPLETE = '2',
    REPLY_CLOSE_COMPLETE = '3',
    REPLY_COPY_DONE = 'c',
    REPLY_EMPTY_QUERY = 'I',
    REPLY_NO_DATA = 'n',
    REPLY_SUSPENDED = 's'
};

void reply_signal(struct buf *to, enum reply_signal signal);
void reply_ready(struct buf *to, enum backend_block block);

/* Authentication. */
void reply_auth_ok(struct buf *to);
void reply_auth_sasl(struct buf *to);  /* Offers SCRAM-SHA-256. */
void reply_auth_clear(struct buf *to); /* Wants a password in the clear. */
void reply_auth_continue(struct buf *to, struct span data);
void reply_auth_final(struct buf *to, struct span data);
/* Protocol 3.0 is spoken; the options of parameters that begin with _pq_. are not known. */
void reply_negotiate(struct buf *to, struct span parameters);
void reply_parameter(struct buf *to, const char *name, struct span value);
void reply_key(struct buf *to, uint32_t process, uint32_t secret);

/* severity: ERROR or FATAL. A notice with a state of class 01 is a WARNING. */
void reply_error(struct buf *to, const char *severity, const struct diag *d);
void reply_notice(struct buf *to, const struct diag *d);

/* Results. */
struct reply_params {
    const enum sql_type *types;
    uint32_t count;
    const uint32_t *declared; /* OIDs that the client gave, 0: none; told as they are. */
    uint32_t declared_count;
};
void reply_param_types(struct buf *to, const struct reply_params *params);
void reply_columns(struct buf *to,
                   const struct sql_column *columns,
                   uint32_t count,
                   const struct wire_formats *formats);
/* CopyInResponse or CopyOutResponse; and CopyData around what is appended between the two calls,
 * which is no message when that is nothing. */
void reply_copy(struct buf *to, const struct sql_copy *copy);
size_t reply_copy_data_begin(struct buf *to);
void reply_copy_data_end(struct buf *to, size_t at);
/* One row, taken from *rows (rowset encoding). ST_INVALID: it is not well formed. */
NODISCARD enum status reply_row(struct buf *to,
                                const struct sql_column *columns,
                                uint32_t count,
                                const struct wire_formats *formats,
                                struct span *rows);
void reply_complete(struct buf *to, const char *tag, bool has_count, uint64_t count);

#endif
