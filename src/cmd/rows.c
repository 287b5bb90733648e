#include "cmd/rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/link.h"

static bool is_number_type(Oid type)
{
    return type == 20 || type == 21 || type == 23; /* int8, int2, int4 */
}

static void put_value(struct buf *out, PGresult *result, int row, int column)
{
    const char *value = PQgetvalue(result, row, column);
    if (PQgetisnull(result, row, column))
        buf_put_text(out, "null");
    else if (is_number_type(PQftype(result, column)))
        buf_put_text(out, value);
    else if (PQftype(result, column) == 16)
        buf_put_text(out, value[0] == 't' ? "true" : "false");
    else
        json_put_text(out, span_text(value));
}

void rows_put_json(struct buf *out, PGresult *result)
{
    buf_put_u8(out, '[');
    for (int row = 0; row < PQntuples(result); row++) {
        buf_put_text(out, row > 0 ? ",{" : "{");
        for (int column = 0; column < PQnfields(result); column++) {
            if (column > 0) buf_put_u8(out, ',');
            json_put_text(out, span_text(PQfname(result, column)));
            buf_put_u8(out, ':');
            put_value(out, result, row, column);
        }
        buf_put_u8(out, '}');
    }
    buf_put_u8(out, ']');
}

void rows_print(PGresult *result)
{
    char separator[] = "|";
    const PQprintOpt options = {.header = 1, .align = 1, .fieldSep = separator};
    PQprint(stdout, result, &options);
    (void)fflush(stdout);
}

PGresult *rows_query(const struct command *self, PGconn *link, const char *query)
{
    PGresult *result = link_query(link, query, LINK_PATIENCE_MS);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) return result;
    complain(self, NULL, "%s",
             result == NULL ? "the node does not answer" : PQresultErrorMessage(result));
    PQclear(result);
    return NULL;
}

static int column_of(PGresult *result, const char *column)
{
    int found = PQfnumber(result, column);
    must(found >= 0);
    return found;
}

const char *rows_get(PGresult *result, int row, const char *column)
{
    return PQgetvalue(result, row, column_of(result, column));
}

bool rows_is_null(PGresult *result, int row, const char *column)
{
    return PQgetisnull(result, row, column_of(result, column)) == 1;
}

bool rows_is_true(PGresult *result, int row, const char *column)
{
    return rows_get(result, row, column)[0] == 't';
}

uint64_t rows_number(PGresult *result, int row, const char *column)
{
    return strtoull(rows_get(result, row, column), NULL, 10);
}
