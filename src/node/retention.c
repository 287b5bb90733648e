#include "node/retention.h"

#include "base/must.h"

enum status retention_first(sqlite3 *connection, uint64_t newest, uint64_t table, uint64_t *first)
{
    sqlite3_stmt *s = NULL;
    *first = 1;
    int code = sqlite3_prepare_v2(
        connection, "SELECT blocks FROM \"trustsql.retention\" WHERE table_id = ?1", -1, &s, NULL);
    if (code == SQLITE_ERROR) return ST_OK; /* The chain is of a version that has no such table. */
    if (code == SQLITE_OK) code = sqlite3_bind_int64(s, 1, (sqlite3_int64)table);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        const uint64_t blocks = (uint64_t)sqlite3_column_int64(s, 0);
        if (blocks < newest) *first = newest - blocks + 1;
    }
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    if (code == SQLITE_ROW || code == SQLITE_DONE) return ST_OK;
    return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_IO;
}

enum status retention_read(struct retention *out,
                           sqlite3 *connection,
                           uint64_t newest,
                           const struct sql_statement *statement)
{
    out->count = 0;
    for (uint32_t i = 0; i < statement->access_count; i++) {
        const uint64_t table = statement->access[i].table_id;
        uint64_t first = 1;
        if (table < CATALOG_FIRST_ID) continue;
        TRY(retention_first(connection, newest, table, &first));
        if (first == 1) continue;
        if (out->count == RETENTION_TABLES_MAX) return ST_LIMIT;
        out->tables[out->count].table = table;
        out->tables[out->count++].first = first;
    }
    return ST_OK;
}

uint64_t retention_of(const struct retention *r, uint64_t table)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->tables[i].table == table) return r->tables[i].first;
    return 1;
}
