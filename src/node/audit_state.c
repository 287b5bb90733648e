/* The node's database is copied into the scratch directory, with the undo journal of an unfinished
 * checkpoint, and repaired there as a start of the node would. When the replay stands at its
 * height, the schema and every row are compared. */
#include <stdio.h>

#include "base/must.h"
#include "node/audit_int.h"
#include "state/db.h"

#define STATE_FILE     "state/main.db"
#define COPY_CHUNK     (1u << 20)
#define AUDIT_LINE_MAX 120u
#define AUDIT_TEXT_MAX 512u

struct audit_state {
    struct audit *audit;
    struct db *db; /* The copy; null: none could be opened. */
    uint64_t height;
    bool is_compared;
};

static const struct damage state_place = {.file = STATE_FILE};

static enum status copy_file(struct audit *a, const char *from, const char *to);
static enum status compare_schema(struct audit_state *s, sqlite3 *ours, sqlite3 *theirs);
static enum status compare_tables(struct audit_state *s, sqlite3 *ours, sqlite3 *theirs);
static void check_structure(struct audit_state *s, sqlite3 *theirs);

static enum status open_copy(struct audit_state *s)
{
    struct audit *a = s->audit;
    char from[OS_PATH_MAX];
    char to[OS_PATH_MAX];
    char what[DB_WHAT_MAX] = "";
    TRY(os_path_join(from, a->config->dir, STATE_FILE "-journal"));
    TRY(os_path_join(to, a->config->scratch, "node.db-journal"));
    enum status st = copy_file(a, from, to);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    TRY(os_path_join(from, a->config->dir, STATE_FILE));
    TRY(os_path_join(to, a->config->scratch, "node.db"));
    st = copy_file(a, from, to);
    if (st == ST_NOT_FOUND && a->config->is_restored) return ST_OK;
    if (st == ST_NOT_FOUND) {
        /* A start makes it again from the blocks: worth saying, and damage once it was made. */
        audit_found(a, &state_place, 0, "the file is missing");
        return ST_OK;
    }
    TRY(st);
    struct db_config config = {
        .os = a->config->os, .mem = a->config->mem, .path = to, .is_unchecked = true};
    st = db_open(&s->db, &config, what);
    if (st == ST_CORRUPT) {
        audit_found(a, &state_place, 0, "%s", what);
        return ST_OK;
    }
    TRY(st);
    if (db_is_new(s->db)) {
        audit_found(a, &state_place, 0, "the file holds no state");
        db_close(s->db);
        s->db = NULL;
        return ST_OK;
    }
    s->height = db_file_height(s->db);
    a->report->state_height = s->height;
    return ST_OK;
}

enum status audit_state_new(struct audit_state **out, struct audit *a)
{
    struct audit_state *s = mem_alloc_zero(a->config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->audit = a;
    *out = s;
    return open_copy(s);
}

void audit_state_free(struct audit_state *s)
{
    if (s == NULL) return;
    db_close(s->db);
    mem_free(s->audit->config->mem, s);
}

static enum status copy_chunks(struct os *os, struct os_file *from, struct os_file *to, void *chunk)
{
    uint64_t offset = 0;
    for (;;) {
        size_t got = 0;
        TRY(os->file_read(os, from, chunk, COPY_CHUNK, offset, &got));
        if (got == 0) return ST_OK;
        TRY(os->file_write(os, to, span_of(chunk, got), offset));
        offset += got;
    }
}

static enum status copy_file(struct audit *a, const char *from, const char *to)
{
    struct os *os = a->config->os;
    struct os_file *source = NULL;
    struct os_file *target = NULL;
    void *chunk = NULL;
    TRY(os->file_open(os, &source, from, OS_READ));
    enum status st = os->file_open(os, &target, to, OS_WRITE | OS_CREATE);
    if (st == ST_OK) {
        chunk = mem_alloc(a->config->mem, COPY_CHUNK);
        st = chunk == NULL ? ST_NO_MEMORY : copy_chunks(os, source, target, chunk);
    }
    mem_free(a->config->mem, chunk);
    os->file_close(os, target);
    os->file_close(os, source);
    return st;
}

void audit_state_finish(struct audit_state *s)
{
    if (s->db == NULL || s->is_compared || s->audit->is_broken) return;
    audit_found(s->audit, &state_place, s->height, "the state is ahead of the newest block, %llu",
                (unsigned long long)s->audit->report->height);
}

enum status audit_state_compare(struct audit_state *s, uint64_t height)
{
    if (s->db == NULL || s->is_compared || height != s->height) return ST_OK;
    s->is_compared = true;
    sqlite3 *ours = NULL;
    sqlite3 *theirs = NULL;
    struct db *replayed = exec_db(s->audit->exec);
    TRY(db_reader_open(replayed, &ours));
    enum status st = db_reader_open(s->db, &theirs);
    if (st == ST_OK) st = compare_schema(s, ours, theirs);
    if (st == ST_OK) st = compare_tables(s, ours, theirs);
    if (st == ST_OK) check_structure(s, theirs);
    if (theirs != NULL) db_reader_close(s->db, theirs);
    db_reader_close(replayed, ours);
    return st;
}

/* --- comparing ------------------------------------------------------------------------------- */

/* Our own side must not fail; the other side failing is damage. False: stop here. */
static bool step_both(struct audit_state *s, sqlite3_stmt *ours, sqlite3_stmt *theirs, int codes[2])
{
    codes[0] = sqlite3_step(ours);
    codes[1] = sqlite3_step(theirs);
    if (codes[1] == SQLITE_ROW || codes[1] == SQLITE_DONE) return true;
    audit_found(s->audit, &state_place, s->height, "SQLite cannot read it: %s",
                sqlite3_errmsg(sqlite3_db_handle(theirs)));
    return false;
}

static bool same_value(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int type = sqlite3_column_type(a, column);
    if (type != sqlite3_column_type(b, column)) return false;
    if (type == SQLITE_NULL) return true;
    if (type == SQLITE_INTEGER)
        return sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column);
    const void *left = sqlite3_column_blob(a, column);
    const void *right = sqlite3_column_blob(b, column);
    int size = sqlite3_column_bytes(a, column);
    if (size != sqlite3_column_bytes(b, column)) return false;
    return size == 0 || memcmp(left, right, (size_t)size) == 0;
}

static bool same_row(sqlite3_stmt *a, sqlite3_stmt *b)
{
    int count = sqlite3_column_count(a);
    if (count != sqlite3_column_count(b)) return false;
    for (int i = 0; i < count; i++)
        if (!same_value(a, b, i)) return false;
    return true;
}

/* The beginning of a row as text, for the finding. */
static void print_row(char out[AUDIT_LINE_MAX], sqlite3_stmt *row)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 1; i < sqlite3_column_count(row) && used + 24 < AUDIT_LINE_MAX; i++) {
        const char *separator = i > 1 ? ", " : "";
        const char *text = sqlite3_column_type(row, i) == SQLITE_BLOB
                               ? "<bytes>"
                               : (const char *)sqlite3_column_text(row, i);
        used += (size_t)snprintf(out + used, AUDIT_LINE_MAX - used, "%s%.20s", separator,
                                 text == NULL ? "NULL" : text);
    }
}

static void found_row(struct audit_state *s, const char *table, const char *what, sqlite3_stmt *row)
{
    char line[AUDIT_LINE_MAX];
    print_row(line, row);
    audit_found(s->audit, &state_place, s->height, "table %.60s: row %lld %s: %.60s", table,
                (long long)sqlite3_column_int64(row, 0), what, line);
}

/* Rows in order of rowid, column 0; both cursors stand on a row or at the end. */
static void compare_rows(struct audit_state *s,
                         const char *table,
                         sqlite3_stmt *ours,
                         sqlite3_stmt *theirs)
{
    int codes[2];
    bool is_going = step_both(s, ours, theirs, codes);
    while (is_going && (codes[0] == SQLITE_ROW || codes[1] == SQLITE_ROW)) {
        int64_t left = codes[0] == SQLITE_ROW ? sqlite3_column_int64(ours, 0) : INT64_MAX;
        int64_t right = codes[1] == SQLITE_ROW ? sqlite3_column_int64(theirs, 0) : INT64_MAX;
        bool has_left = codes[0] == SQLITE_ROW && (codes[1] != SQLITE_ROW || left <= right);
        bool has_right = codes[1] == SQLITE_ROW && (codes[0] != SQLITE_ROW || right <= left);
        if (has_left && !has_right) found_row(s, table, "was deleted", ours);
        if (has_right && !has_left) found_row(s, table, "was added", theirs);
        if (has_left && has_right && !same_row(ours, theirs))
            found_row(s, table, "was changed", theirs);
        s->audit->report->rows++;
        if (has_left) codes[0] = sqlite3_step(ours);
        if (!has_right) continue;
        codes[1] = sqlite3_step(theirs);
        if (codes[1] == SQLITE_ROW || codes[1] == SQLITE_DONE) continue;
        audit_found(s->audit, &state_place, s->height, "table %.60s cannot be read: %.60s", table,
                    sqlite3_errmsg(sqlite3_db_handle(theirs)));
        is_going = false;
    }
}

static enum status compare_table(struct audit_state *s,
                                 const char *table,
                                 sqlite3 *ours,
                                 sqlite3 *theirs)
{
    sqlite3_stmt *left = NULL;
    sqlite3_stmt *right = NULL;
    char *text = sqlite3_mprintf("SELECT rowid, * FROM \"%w\" ORDER BY rowid", table);
    if (text == NULL) return ST_NO_MEMORY;
    int code = sqlite3_prepare_v2(ours, text, -1, &left, NULL);
    if (code != SQLITE_OK) { /* A table WITHOUT ROWID: its own order will do. */
        sqlite3_free(text);
        text = sqlite3_mprintf("SELECT 0, * FROM \"%w\"", table);
        if (text == NULL) return ST_NO_MEMORY;
        code = sqlite3_prepare_v2(ours, text, -1, &left, NULL);
    }
    must(code == SQLITE_OK); /* The replayed database is our own. */
    code = sqlite3_prepare_v2(theirs, text, -1, &right, NULL);
    if (code == SQLITE_OK)
        compare_rows(s, table, left, right);
    else
        audit_found(s->audit, &state_place, s->height, "table %.60s cannot be read: %.80s", table,
                    sqlite3_errmsg(theirs));
    sqlite3_finalize(left);
    sqlite3_finalize(right);
    sqlite3_free(text);
    return ST_OK;
}

/* Everything in the schema, in order of name: tables, indexes, their texts. */
static enum status compare_schema(struct audit_state *s, sqlite3 *ours, sqlite3 *theirs)
{
    static const char text[] =
        "SELECT 0, type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 2";
    sqlite3_stmt *left = NULL;
    sqlite3_stmt *right = NULL;
    int codes[2] = {sqlite3_prepare_v2(ours, text, -1, &left, NULL),
                    sqlite3_prepare_v2(theirs, text, -1, &right, NULL)};
    must(codes[0] == SQLITE_OK);
    if (codes[1] != SQLITE_OK) {
        audit_found(s->audit, &state_place, s->height, "its schema cannot be read: %.80s",
                    sqlite3_errmsg(theirs));
    } else {
        bool is_going = step_both(s, left, right, codes);
        while (is_going && codes[0] == SQLITE_ROW && codes[1] == SQLITE_ROW &&
               same_row(left, right))
            is_going = step_both(s, left, right, codes);
        bool is_equal = codes[0] == SQLITE_DONE && codes[1] == SQLITE_DONE;
        if (is_going && !is_equal) {
            sqlite3_stmt *shown = codes[0] == SQLITE_ROW ? left : right;
            audit_found(s->audit, &state_place, s->height, "the schema differs at: %.80s",
                        (const char *)sqlite3_column_text(shown, 1));
        }
    }
    sqlite3_finalize(left);
    sqlite3_finalize(right);
    return ST_OK;
}

static enum status compare_tables(struct audit_state *s, sqlite3 *ours, sqlite3 *theirs)
{
    static const char text[] = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    sqlite3_stmt *tables = NULL;
    int code = sqlite3_prepare_v2(ours, text, -1, &tables, NULL);
    must(code == SQLITE_OK);
    enum status st = ST_OK;
    while (st == ST_OK && sqlite3_step(tables) == SQLITE_ROW) {
        char name[AUDIT_TEXT_MAX];
        (void)snprintf(name, sizeof name, "%s", (const char *)sqlite3_column_text(tables, 0));
        s->audit->report->tables++;
        st = compare_table(s, name, ours, theirs);
    }
    sqlite3_finalize(tables);
    return st;
}

/* Rows are compared by table; that each index agrees with its table is SQLite's to say. */
static void check_structure(struct audit_state *s, sqlite3 *theirs)
{
    sqlite3_stmt *check = NULL;
    (void)sqlite3_set_authorizer(theirs, NULL, NULL); /* It refuses every PRAGMA. */
    int code = sqlite3_prepare_v2(theirs, "PRAGMA integrity_check(8)", -1, &check, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(check);
    for (; code == SQLITE_ROW; code = sqlite3_step(check)) {
        const char *text = (const char *)sqlite3_column_text(check, 0);
        if (text != NULL && strcmp(text, "ok") != 0)
            audit_found(s->audit, &state_place, s->height, "%.120s", text);
    }
    if (code != SQLITE_DONE)
        audit_found(s->audit, &state_place, s->height, "SQLite cannot check it: %.80s",
                    sqlite3_errmsg(theirs));
    sqlite3_finalize(check);
}
