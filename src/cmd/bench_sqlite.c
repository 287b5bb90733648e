/* The yardstick: SQLite alone, write-ahead log, the same table, index, rows and batch size, on the
 * same disk, one sync a batch. */
#include <stdio.h>

#include <sqlite3.h>

#include "cmd/bench_int.h"

static bool run_text(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool insert_rows(sqlite3 *db, uint32_t count, uint32_t batch)
{
    sqlite3_stmt *insert = NULL;
    char payload[BENCH_PAYLOAD_SIZE + 1];
    bool is_good = sqlite3_prepare_v2(db, "INSERT INTO bench VALUES (?1, ?2, ?3)", -1, &insert,
                                      NULL) == SQLITE_OK;
    for (uint32_t i = 0; i < count && is_good; i++) {
        if (i % batch == 0) is_good = run_text(db, "BEGIN");
        (void)snprintf(payload, sizeof payload, "%0*u", (int)BENCH_PAYLOAD_SIZE, i);
        (void)sqlite3_bind_int64(insert, 1, i);
        (void)sqlite3_bind_int64(insert, 2, i % BENCH_ACCOUNTS);
        (void)sqlite3_bind_text(insert, 3, payload, (int)BENCH_PAYLOAD_SIZE, SQLITE_STATIC);
        is_good = is_good && sqlite3_step(insert) == SQLITE_DONE;
        (void)sqlite3_reset(insert);
        if (is_good && ((i + 1) % batch == 0 || i + 1 == count)) is_good = run_text(db, "COMMIT");
    }
    sqlite3_finalize(insert);
    return is_good;
}

enum status bench_sqlite_run(
    struct bench *b, uint32_t count, uint32_t batch, double *per_second, double *cpu_us)
{
    char path[OS_PATH_MAX];
    sqlite3 *db = NULL;
    TRY(os_path_join(path, b->layout.dir, "beside.db"));
    bool is_good = sqlite3_open(path, &db) == SQLITE_OK &&
                   run_text(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;") &&
                   run_text(db, BENCH_CREATE_TABLE ";" BENCH_CREATE_INDEX);
    uint64_t start = b->os->monotonic_ns(b->os);
    uint64_t cpu = b->os->process_cpu_ns(b->os);
    is_good = is_good && insert_rows(db, count, batch);
    *per_second = (double)count * 1e9 / (double)(b->os->monotonic_ns(b->os) - start + 1);
    *cpu_us = (double)(b->os->process_cpu_ns(b->os) - cpu) / 1e3 / (double)count;
    (void)sqlite3_close(db);
    (void)!b->os->remove(b->os, path);
    return is_good ? ST_OK : ST_IO;
}
