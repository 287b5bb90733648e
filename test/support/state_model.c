/* state_model.c - Rows by height beside the state database: see state_model.h. */
#include "support/state_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/endian.h"
#include "base/must.h"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        const char *check_wrong = (call);                                                          \
        if (check_wrong != NULL) return check_wrong;                                               \
    } while (0)

static const char *wrong(struct state_model *m, const char *what, uint64_t height);
static const char *change(struct state_model *m, int64_t *rows);
static const char *execute(struct state_model *m, const char *sql);

struct state_model *state_model_new(struct fake_os *take_disk, struct os *os, uint64_t seed)
{
    struct state_model *m = calloc(1, sizeof *m);
    must(m != NULL);
    m->disk = take_disk;
    m->os = os != NULL ? os : fake_os_table(take_disk);
    m->rng.state = seed;
    m->newest = STATE_MODEL_NONE;
    m->safe = STATE_MODEL_NONE;
    m->tried = STATE_MODEL_NONE;
    return m;
}

void state_model_free(struct state_model *m)
{
    state_model_close(m);
    fake_os_free(m->disk);
    free(m);
}

const char *state_model_open(struct state_model *m)
{
    char what[DB_WHAT_MAX];
    const struct db_config config = {.os = m->os,
                                     .mem = mem_system(),
                                     .path = "main.db",
                                     .view_heights = 60,
                                     .view_bytes = 1 << 20,
                                     .clean_bytes = (size_t)8 * 4096};
    enum status st = db_open(&m->db, &config, what);
    if (st != ST_OK) {
        (void)snprintf(m->what, sizeof m->what, "open: %s: %s", status_name(st), what);
        return m->what;
    }
    st = db_reader_open(m->db, &m->reader);
    if (st == ST_OK) return NULL;
    state_model_close(m);
    return wrong(m, "the reader does not open", 0);
}

void state_model_close(struct state_model *m)
{
    if (m->db != NULL) db_reader_close(m->db, m->reader);
    db_close(m->db);
    m->reader = NULL;
    m->db = NULL;
}

const char *state_model_check_open(struct state_model *m)
{
    uint64_t height = db_is_new(m->db) ? STATE_MODEL_NONE : db_height(m->db);
    if (height != m->safe && height != m->tried)
        return wrong(m, "the file holds a height that no checkpoint wrote", height);
    m->newest = height;
    m->safe = height;
    m->tried = STATE_MODEL_NONE;
    if (height == STATE_MODEL_NONE) return NULL;
    struct buf note;
    buf_init(&note, mem_system(), 0);
    enum status st = db_note_read(m->db, &note);
    bool is_right = st == ST_OK && note.size == 8 && get_u64_le(note.data) == height;
    buf_fini(&note);
    if (!is_right) return wrong(m, "the note is not the height's", height);
    if (db_height_min(m->db) != height || db_file_height(m->db) != height)
        return wrong(m, "heights differ after opening", height);
    CHECK(state_model_read(m, height));
    return state_model_integrity(m);
}

const char *state_model_block(struct state_model *m)
{
    uint64_t height = m->newest + 1; /* STATE_MODEL_NONE + 1 is 0. */
    must(height < STATE_MODEL_HEIGHTS);
    int64_t *rows = m->rows[height];
    if (height == 0)
        memset(rows, 0, sizeof m->rows[0]);
    else
        memcpy(rows, m->rows[height - 1], sizeof m->rows[0]);
    if (db_begin(m->db, height) != ST_OK) return wrong(m, "begin fails", height);
    if (height == 0) CHECK(execute(m, "CREATE TABLE t(k INTEGER PRIMARY KEY, v INT, f BLOB)"));
    if (height == 0) CHECK(execute(m, "CREATE INDEX i ON t(v)"));
    CHECK(change(m, rows));
    if (test_rng_below(&m->rng, 8) == 0) {
        db_rollback(m->db);
        return NULL;
    }
    uint8_t note[8];
    put_u64_le(note, height);
    db_note(m->db, span_of(note, sizeof note));
    if (db_commit(m->db) != ST_OK) return wrong(m, "commit fails", height);
    if (db_height(m->db) != height) return wrong(m, "commit did not publish", height);
    m->newest = height;
    return NULL;
}

const char *state_model_view(struct state_model *m)
{
    if (m->newest == STATE_MODEL_NONE) return NULL;
    uint64_t low = db_height_min(m->db);
    return state_model_read(m, low + test_rng_below(&m->rng, m->newest - low + 1));
}

const char *state_model_read(struct state_model *m, uint64_t height)
{
    if (db_view(m->db, m->reader, height == m->newest ? 0 : height) != ST_OK)
        return height == 0 ? NULL : wrong(m, "a retained height is refused", height);
    if (height == 0 && m->newest != 0) return NULL; /* 0 asks for the newest. */
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(m->reader, "SELECT k, v, length(f) FROM t ORDER BY k", -1, &s, NULL) !=
        SQLITE_OK)
        return wrong(m, sqlite3_errmsg(m->reader), height);
    uint32_t key = 1;
    int rc = sqlite3_step(s);
    bool is_right = true;
    for (; rc == SQLITE_ROW && is_right; rc = sqlite3_step(s)) {
        while (key <= STATE_MODEL_KEYS && m->rows[height][key] == 0)
            key++;
        int64_t value = sqlite3_column_int64(s, 1);
        is_right = sqlite3_column_int64(s, 0) == key && value == m->rows[height][key] &&
                   sqlite3_column_int64(s, 2) == value % 900;
        key++;
    }
    while (key <= STATE_MODEL_KEYS && m->rows[height][key] == 0)
        key++;
    sqlite3_finalize(s);
    if (rc != SQLITE_DONE) return wrong(m, sqlite3_errmsg(m->reader), height);
    return is_right && key > STATE_MODEL_KEYS ? NULL : wrong(m, "rows differ", height);
}

const char *state_model_integrity(struct state_model *m)
{
    must(m->newest != STATE_MODEL_NONE);
    if (db_view(m->db, m->reader, 0) != ST_OK) return wrong(m, "newest refused", m->newest);
    sqlite3_stmt *s = NULL;
    (void)sqlite3_set_authorizer(m->reader, NULL, NULL); /* Or it would refuse the pragma. */
    int rc = sqlite3_prepare_v2(m->reader, "PRAGMA integrity_check", -1, &s, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(s);
    const void *text = rc == SQLITE_ROW ? sqlite3_column_text(s, 0) : NULL;
    bool is_ok = text != NULL && strcmp(text, "ok") == 0;
    sqlite3_finalize(s);
    return is_ok ? NULL : wrong(m, "integrity_check", m->newest);
}

const char *state_model_checkpoint(struct state_model *m, bool may_fail)
{
    uint64_t height = STATE_MODEL_NONE;
    enum status st = db_checkpoint(m->db, &height);
    if (st == ST_OK) {
        if (m->newest != STATE_MODEL_NONE && height != m->newest)
            return wrong(m, "a checkpoint of another height", height);
        m->safe = m->newest;
        m->tried = STATE_MODEL_NONE;
        return NULL;
    }
    if (st != ST_CLOSED) m->tried = m->newest;
    return may_fail ? NULL : wrong(m, status_name(st), m->newest);
}

/* A few rows appear, change and go; some of it is rolled back to a savepoint. */
static const char *change(struct state_model *m, int64_t *rows)
{
    uint64_t count = 1 + test_rng_below(&m->rng, 9);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = 1 + test_rng_below(&m->rng, STATE_MODEL_KEYS);
        int64_t value = 1 + (int64_t)test_rng_below(&m->rng, 100000);
        bool is_kept = test_rng_below(&m->rng, 4) != 0;
        bool is_delete = test_rng_below(&m->rng, 3) == 0;
        char sql[256];
        const char *end = is_kept ? "" : "ROLLBACK TO s;";
        if (is_delete)
            (void)snprintf(sql, sizeof sql,
                           "SAVEPOINT s; DELETE FROM t WHERE k = %llu; %s RELEASE s",
                           (unsigned long long)key, end);
        else
            (void)snprintf(sql, sizeof sql,
                           "SAVEPOINT s; REPLACE INTO t VALUES(%llu, %lld, zeroblob(%lld));"
                           " %s RELEASE s",
                           (unsigned long long)key, (long long)value, (long long)value % 900, end);
        CHECK(execute(m, sql));
        if (is_kept) rows[key] = is_delete ? 0 : value;
    }
    return NULL;
}

static const char *execute(struct state_model *m, const char *sql)
{
    int rc = sqlite3_exec(db_writer(m->db), sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? NULL : wrong(m, sqlite3_errmsg(db_writer(m->db)), m->newest);
}

static const char *wrong(struct state_model *m, const char *what, uint64_t height)
{
    (void)snprintf(m->what, sizeof m->what, "height %llu: %s", (unsigned long long)height, what);
    return m->what;
}
