/* cursor.h - Statements of the modules' own with bound values, prepared for each use.
 *
 * For what runs rarely. Failures are of the machine or the file: the node stops. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_CURSOR_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_CURSOR_H

#include <sqlite3.h>

#include "base/span.h"
#include "base/status.h"

enum field_kind { FIELD_NULL, FIELD_INT, FIELD_TEXT, FIELD_BLOB };

struct field { /* ?1, ?2, … */
    enum field_kind kind;
    uint64_t integer;
    struct span bytes;
};

static inline struct field field_int(uint64_t value)
{
    return (struct field){.kind = FIELD_INT, .integer = value};
}

static inline struct field field_text(struct span value)
{
    return (struct field){.kind = FIELD_TEXT, .bytes = value};
}

static inline struct field field_blob(struct span value)
{
    return (struct field){.kind = FIELD_BLOB, .bytes = value};
}

struct cursor {
    sqlite3_stmt *statement;
};

/* Begin a query; cursor_end ends it, also after a failure. */
NODISCARD enum status cursor_begin(struct cursor *r,
                                   sqlite3 *connection,
                                   const char *text,
                                   const struct field *fields,
                                   uint32_t count);
/* ST_NOT_FOUND: there are no more. */
NODISCARD enum status cursor_next(struct cursor *r);
void cursor_end(struct cursor *r);

/* Of the present row; bytes are good until the next. */
uint64_t cursor_int(const struct cursor *r, int column);
struct span cursor_bytes(const struct cursor *r, int column);
bool cursor_is_null(const struct cursor *r, int column);

/* A statement that returns no rows. */
NODISCARD enum status cursor_run(sqlite3 *connection,
                                 const char *text,
                                 const struct field *fields,
                                 uint32_t count);

#endif
