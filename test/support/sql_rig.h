/* sql_rig.h - A database in memory that runs PostgreSQL's dialect through the compiler.
 *
 *     struct sql_rig *r = sql_rig_new();
 *     sql_rig_ok(r, "CREATE TABLE t(a integer)");
 *     assert_string_equal(sql_rig_run(r, "SELECT count(*) FROM t"), "count\n0\n");
 *     assert_string_equal(sql_rig_run(r, "SELECT b FROM t"), "ERROR 42703 8: column \"b\" …");
 *     sql_rig_free(r);
 *
 * Rows come as psql -A prints them: names, then values separated by '|'; NULL is "\\N". */
#ifndef TRUSTSQL_TEST_SQL_RIG_H
#define TRUSTSQL_TEST_SQL_RIG_H

#include "sql/sql.h"

struct sql_rig;

struct sql_rig *sql_rig_new(void);
void sql_rig_free(struct sql_rig *r);

/* Whose statements come now: 7 alice, who creates roles, 8 bob; both of organisation bank. */
void sql_rig_as(struct sql_rig *r, uint64_t account);

/* Run the statements of a query string in one transaction. The text of the last result or of the
 * failure; valid until the next call. */
const char *sql_rig_run(struct sql_rig *r, const char *text);
/* As above, each statement lifted first and the lifted text compiled. */
const char *sql_rig_run_lifted(struct sql_rig *r, const char *text);
/* With text parameters. */
const char *sql_rig_params(struct sql_rig *r,
                           const char *text,
                           const char *const *params,
                           uint32_t count);
/* Must succeed. */
void sql_rig_ok(struct sql_rig *r, const char *text);
/* The SQLite text a statement compiles to, or the failure. */
const char *sql_rig_sqlite(struct sql_rig *r, const char *text);
/* What lifting makes of a statement: its text and " -- " and the values. */
const char *sql_rig_lift(struct sql_rig *r, const char *text);

const struct sql_catalog *sql_rig_catalog(struct sql_rig *r);
sqlite3 *sql_rig_connection(struct sql_rig *r);

#endif
