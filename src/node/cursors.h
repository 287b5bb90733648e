/* cursors.h - DECLARE … CURSOR: rows of one SELECT, kept in memory for FETCH.
 *
 * A cursor is read to its end when it is declared: it sees what the transaction saw then, and the
 * transaction can go on. Bounded in bytes for each session. One session's thread. */
#ifndef TRUSTSQL_NODE_CURSORS_H
#define TRUSTSQL_NODE_CURSORS_H

#include "base/buf.h"
#include "sql/sql.h"

#define CURSORS_MAX       64u
#define CURSORS_BYTES_MAX (32u << 20) /* Rows of all cursors of a session. */

struct cursor_rows {
    struct cursor_rows *next;
    struct arena arena; /* Name and columns. */
    struct span name;
    struct sql_column *columns;
    uint32_t column_count;
    bool is_scroll;
    struct buf rows;    /* Rowset encoding. */
    struct buf offsets; /* size_t of each row, and of the end. */
    uint64_t row_count;
    uint64_t at;    /* Rows before the one that it stands on; 0: before the first. */
    uint32_t depth; /* Savepoints that were open when it was declared. */
};

struct cursors {
    struct mem *mem;
    struct cursor_rows *first;
    uint32_t count;
    size_t bytes;
};

/* 42P03, 54000. */
NODISCARD enum status cursors_declare(struct cursors *c,
                                      struct cursor_rows **out,
                                      const struct sql_control *control,
                                      const struct sql_statement *select,
                                      struct diag *d);
/* Rows of its SELECT. 54000: too much is kept. */
NODISCARD enum status cursors_add(struct cursors *c,
                                  struct cursor_rows *cursor,
                                  struct span rows,
                                  uint64_t row_count,
                                  struct diag *d);

/* Null: there is none. */
struct cursor_rows *cursors_find(const struct cursors *c, struct span name);
/* name size 0: all. False: there is none. */
bool cursors_close(struct cursors *c, struct span name);
/* Those that were declared behind this many savepoints. */
void cursors_close_from(struct cursors *c, uint32_t depth);

/* Move it, and say which rows lie on the way, as spans of the rowset in order of fetching: one for
 * a forward move, one for each row else. 55000: it does not go backwards. */
struct cursor_move {
    uint64_t first; /* Row index of the first one. */
    uint64_t count;
    bool is_backward;
};
NODISCARD enum status cursor_move(struct cursor_rows *cursor,
                                  struct cursor_move *out,
                                  const struct sql_control *control,
                                  struct diag *d);
/* Rows first … first + count - 1. */
struct span cursor_span(const struct cursor_rows *cursor, uint64_t first, uint64_t count);

#endif
