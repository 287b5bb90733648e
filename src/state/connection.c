/* connection.c - Settings of SQLite connections: see connection.h. */
#include "state/connection.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "state/vfs.h"

/* Limits change results ("too big"), so they are part of exec_version: never change them alone. */
#define LENGTH_MAX       (16 << 20)
#define SQL_LENGTH_MAX   (16 << 20)
#define COLUMN_MAX       2000
#define EXPR_DEPTH_MAX   1000
#define COMPOUND_MAX     500
#define VDBE_OP_MAX      25000000
#define FUNCTION_ARG_MAX 127
#define LIKE_PATTERN_MAX 50000
#define VARIABLE_MAX     32766
#define TRIGGER_MAX      100

struct pragma {
    const char *sql;
    const char *answer; /* What SQLite must say; null: nothing depends on it. */
};

static const struct pragma both_pragmas[] = {
    {"PRAGMA temp_store=2", NULL}, /* MEMORY: the VFS refuses temporary files. */
    {"PRAGMA temp_store", "2"},          {"PRAGMA mmap_size=0", NULL},
    {"PRAGMA cell_size_check=ON", NULL}, {"PRAGMA cell_size_check", "1"},
    {"PRAGMA page_size", "4096"},
};

static const struct pragma writer_pragmas[] = {
    {"PRAGMA auto_vacuum=NONE", NULL},
    {"PRAGMA encoding='UTF-8'", NULL},
    {"PRAGMA encoding", "UTF-8"},
    /* Without a journal ROLLBACK TO silently keeps the change, and DELETE asks for a file. */
    {"PRAGMA journal_mode=MEMORY", "memory"},
    {"PRAGMA synchronous=OFF", NULL},
    {"PRAGMA synchronous", "0"},
    /* EXCLUSIVE would keep the change counter still: stale readers. */
    {"PRAGMA locking_mode=NORMAL", "normal"},
};

static const struct pragma reader_pragmas[] = {
    {"PRAGMA query_only=ON", NULL},
    {"PRAGMA query_only", "1"},
};

static enum status set_up(sqlite3 *c, const struct connection_config *config);
static enum status set_switches(sqlite3 *c);
static void set_limits(sqlite3 *c);
static enum status run_pragmas(sqlite3 *c, const struct pragma *pragmas, size_t count);
static enum status run_pragma(sqlite3 *c, const struct pragma *p);
static int authorize(void *context,
                     int action,
                     const char *a,
                     const char *b,
                     const char *schema,
                     const char *trigger);

enum status connection_open(sqlite3 **out, const struct connection_config *config)
{
    sqlite3 *c = NULL;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    const bool writes = config->role != CONNECTION_READER;
    const char *name = config->role == CONNECTION_SESSION ? VFS_SESSION_NAME : "main.db";
    flags |= writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    int rc = sqlite3_open_v2(name, &c, flags, config->vfs);
    enum status st = connection_status(rc);
    if (st == ST_OK) st = set_up(c, config);
    if (st != ST_OK) {
        connection_close(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

void connection_close(sqlite3 *connection)
{
    int rc = sqlite3_close(connection);
    must(rc == SQLITE_OK); /* A statement of it still lives. */
}

enum status connection_prepare(sqlite3_stmt **out, sqlite3 *connection, const char *sql)
{
    int rc = sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return connection_status(rc);
}

enum status connection_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    must(rc != SQLITE_ROW);
    int reset = sqlite3_reset(statement);
    if (rc == SQLITE_DONE) rc = reset;
    return connection_status(rc);
}

enum status connection_status(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE: return ST_OK;
    case SQLITE_NOMEM: return ST_NO_MEMORY;
    case SQLITE_FULL: return ST_NO_SPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ST_CORRUPT;
    case SQLITE_BUSY: return ST_BUSY;
    case SQLITE_TOOBIG: return ST_LIMIT;
    case SQLITE_ERROR: return ST_INVALID;
    case SQLITE_AUTH: return ST_DENIED;
    default: break;
    }
    if (code == SQLITE_IOERR_DATA) return ST_CORRUPT; /* The page store says so. */
    return code == SQLITE_IOERR_NOMEM ? ST_NO_MEMORY : ST_IO;
}

static enum status set_up(sqlite3 *c, const struct connection_config *config)
{
    char cache[64];
    (void)snprintf(cache, sizeof cache, "PRAGMA cache_size=-%d", config->cache_kb);
    const struct pragma cache_size = {cache, NULL};
    TRY(set_switches(c));
    TRY(run_pragmas(c, &cache_size, 1));
    TRY(run_pragmas(c, both_pragmas, sizeof both_pragmas / sizeof both_pragmas[0]));
    if (config->role != CONNECTION_READER)
        TRY(run_pragmas(c, writer_pragmas, sizeof writer_pragmas / sizeof writer_pragmas[0]));
    else
        TRY(run_pragmas(c, reader_pragmas, sizeof reader_pragmas / sizeof reader_pragmas[0]));
    set_limits(c);
    return connection_status(sqlite3_set_authorizer(c, authorize, NULL));
}

static enum status set_switches(sqlite3 *c)
{
    static const struct {
        int option;
        int value;
    } switches[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0},
        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_LEGACY_FILE_FORMAT, 0},
        {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
    };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        int now = -1;
        int rc = sqlite3_db_config(c, switches[i].option, switches[i].value, &now);
        TRY(connection_status(rc));
        if (now != switches[i].value) return ST_UNSUPPORTED;
    }
    return ST_OK;
}

static void set_limits(sqlite3 *c)
{
    static const struct {
        int limit;
        int value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, LENGTH_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, SQL_LENGTH_MAX},
        {SQLITE_LIMIT_COLUMN, COLUMN_MAX},
        {SQLITE_LIMIT_EXPR_DEPTH, EXPR_DEPTH_MAX},
        {SQLITE_LIMIT_COMPOUND_SELECT, COMPOUND_MAX},
        {SQLITE_LIMIT_VDBE_OP, VDBE_OP_MAX},
        {SQLITE_LIMIT_FUNCTION_ARG, FUNCTION_ARG_MAX},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LIKE_PATTERN_MAX},
        {SQLITE_LIMIT_VARIABLE_NUMBER, VARIABLE_MAX},
        {SQLITE_LIMIT_TRIGGER_DEPTH, TRIGGER_MAX},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        (void)sqlite3_limit(c, limits[i].limit, limits[i].value);
        must(sqlite3_limit(c, limits[i].limit, -1) == limits[i].value);
    }
}

static enum status run_pragmas(sqlite3 *c, const struct pragma *pragmas, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(run_pragma(c, &pragmas[i]));
    return ST_OK;
}

static enum status run_pragma(sqlite3 *c, const struct pragma *p)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(c, p->sql, -1, &statement, NULL);
    if (rc != SQLITE_OK) return connection_status(rc);
    rc = sqlite3_step(statement);
    enum status st = rc == SQLITE_ROW ? ST_OK : connection_status(rc);
    if (st == ST_OK && p->answer != NULL) {
        const void *text = rc == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
        if (text == NULL || strcmp(text, p->answer) != 0) st = ST_UNSUPPORTED;
    }
    sqlite3_finalize(statement);
    return st;
}

/* VACUUM attaches a database, so it is refused with ATTACH. SQLite names the six parameters. */
/* NOLINTNEXTLINE(readability-function-size) */
static int authorize(void *context,
                     int action,
                     const char *a,
                     const char *b,
                     const char *schema,
                     const char *trigger)
{
    (void)context;
    (void)a;
    (void)b;
    (void)schema;
    (void)trigger;
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA:
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_ANALYZE: return SQLITE_DENY;
    default: return SQLITE_OK;
    }
}
