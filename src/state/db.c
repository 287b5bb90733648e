/* db.c - Connections of the state database: opening, repair, blocks, readers, checkpoints. See
 * db.h. */
#include "state/db.h"

#include <stdio.h>

#include "base/must.h"
#include "state/checkpoint.h"
#include "state/connection.h"
#include "state/sums.h"
#include "state/vfs.h"

#define VIEW_HEIGHTS_DEFAULT   1000u
#define VIEW_BYTES_DEFAULT     (64u << 20)
#define CLEAN_BYTES_DEFAULT    (64u << 20)
#define CHECKPOINT_DUE_BYTES   (64u << 20)
#define CHECKPOINT_DUE_HEIGHTS 1000u
#define FILES_LEFT_MAX         8u
#define WRITER_CACHE_KB        16384 /* At least; of a larger cache a quarter. */
#define WRITER_CACHE_KB_MAX    (1 << 30)
#define READER_CACHE_KB        2048
#define SESSION_CACHE_KB       1024
#define OVERLAY_PAGES_DEFAULT  4096u
#define OVERLAY_ALL_DEFAULT    32768u

static const char sql_create[] =
    "CREATE TABLE \"" DB_APPLIED_TABLE "\"(height INTEGER NOT NULL, note BLOB NOT NULL)";
static const char sql_insert[] =
    "INSERT INTO \"" DB_APPLIED_TABLE "\"(rowid, height, note) VALUES(1, 0, x'')";
static const char sql_update[] =
    "UPDATE \"" DB_APPLIED_TABLE "\" SET height = ?1, note = coalesce(?2, note) WHERE rowid = 1";
static const char sql_select[] =
    "SELECT height, note FROM \"" DB_APPLIED_TABLE "\" WHERE rowid = 1";

struct db {
    struct os *os;
    struct mem *mem;
    struct os_file *file;
    struct os_file *journal;
    char path[OS_PATH_MAX];
    struct os_file *left[FILES_LEFT_MAX]; /* Exchanged behind our back; a reader may be in them. */
    uint32_t left_count;
    struct sums *sums; /* Null: unchecked. */
    struct pages *pages;
    struct vfs *vfs;
    struct checkpoint checkpoint; /* Of the checkpoint's thread. */
    _Atomic uint64_t file_version;
    _Atomic uint32_t reader_count;

    int writer_cache_kb;

    /* Of the execution thread. */
    sqlite3 *writer;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    sqlite3_stmt *update;
    uint64_t version; /* What the block under way makes; 0: none. */
    bool has_row;     /* The table of the height is there. */
    bool has_note;
    size_t note_size;
    uint8_t note[DB_NOTE_MAX];
};

/* What the file says of itself before SQLite reads it. */
struct file_state {
    uint32_t page_count;
    uint8_t first_page[PAGE_BYTES];
};

static enum status checkpoint_to(struct db *db, uint64_t version_max, uint64_t *height);
static enum status open_files(struct db *db, const struct db_config *config, char *what);
static enum status open_file(struct db *db, struct os_file **out, const char *path);
static enum status sync_parent(struct db *db, const char *path);
static enum status repair(struct db *db, char *what);
static enum status check_journal(struct db *db);
static enum status write_again(struct db *db, const char *path);
static enum status inspect(struct db *db, struct file_state *out, char *what);
static enum status inspect_head(const uint8_t *head, uint32_t page_count, char *what);
static enum status open_pages(struct db *db,
                              const struct db_config *config,
                              uint64_t version,
                              uint32_t page_count);
static enum status open_writer(struct db *db, char *what);
static enum status find_version(struct db *db,
                                const struct db_config *config,
                                const struct file_state *state,
                                uint64_t *version,
                                char *what);
static enum status open_store(struct db *db, const struct db_config *config, char *what);
static enum status read_applied(struct db *db, uint64_t *version, struct buf *note);
static enum status check_height(struct db *db, uint64_t version, char *what);
static void close_store(struct db *db);
static enum status prepare_block(struct db *db);
static enum status write_applied(struct db *db);
static int writer_cache_kb(size_t cache_bytes);
static enum status say(char *what, enum status st, const char *text);
static uint64_t height_of(uint64_t version);

void db_setup_process(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum status db_open(struct db **out, const struct db_config *config, char *what)
{
    must(config->os != NULL);
    must(config->mem != NULL);
    what[0] = 0;
    /* A result of the chain depends on the very library: the one linked is the one compiled for. */
    if (strcmp(sqlite3_sourceid(), SQLITE_SOURCE_ID) != 0)
        return say(what, ST_UNSUPPORTED, "the SQLite library is not the one this was built for");
    struct db *db = mem_alloc_zero(config->mem, 1, sizeof *db);
    if (db == NULL) return ST_NO_MEMORY;
    db->os = config->os;
    db->mem = config->mem;
    db->writer_cache_kb = writer_cache_kb(config->clean_bytes);
    enum status st = open_files(db, config, what);
    if (st == ST_OK) st = repair(db, what);
    if (st == ST_OK) st = open_store(db, config, what);
    if (st != ST_OK) {
        if (what[0] == 0) (void)say(what, st, status_text(st));
        db_close(db);
        return st;
    }
    *out = db;
    return ST_OK;
}

void db_close(struct db *db)
{
    if (db == NULL) return;
    must(atomic_load(&db->reader_count) == 0);
    close_store(db);
    sums_free(db->sums);
    db->os->file_close(db->os, db->journal);
    for (uint32_t i = 0; i < db->left_count; i++)
        db->os->file_close(db->os, db->left[i]);
    db->os->file_close(db->os, db->file); /* Gives the lock bytes back. */
    mem_free(db->mem, db);
}

bool db_is_new(const struct db *db)
{
    return pages_newest(db->pages) == 0;
}

uint64_t db_height(const struct db *db)
{
    return height_of(pages_newest(db->pages));
}

uint64_t db_height_min(const struct db *db)
{
    return height_of(pages_oldest(db->pages));
}

uint64_t db_file_height(const struct db *db)
{
    return height_of(atomic_load(&db->file_version));
}

uint64_t db_window_bytes(struct db *db)
{
    struct pages_usage usage;
    pages_usage(db->pages, &usage);
    return usage.diff_bytes;
}

sqlite3 *db_writer(struct db *db)
{
    return db->writer;
}

enum status db_begin(struct db *db, uint64_t height)
{
    must(db->version == 0); /* One block at a time. */
    uint64_t version = height + 1;
    if (version != pages_newest(db->pages) + 1) return ST_INVALID; /* I7 */
    TRY(connection_run(db->begin));
    vfs_set_version(db->writer, version);
    db->version = version;
    enum status st = db->has_row ? ST_OK : prepare_block(db);
    if (st != ST_OK) db_rollback(db);
    return st;
}

enum status db_commit(struct db *db)
{
    must(db->version != 0);
    enum status st = write_applied(db);
    if (st == ST_OK) st = connection_run(db->commit);
    if (st != ST_OK) {
        db_rollback(db);
        return st;
    }
    must(pages_newest(db->pages) == db->version);
    db->version = 0;
    db->has_note = false;
    db->has_row = true;
    return ST_OK;
}

void db_rollback(struct db *db)
{
    must(db->version != 0);
    if (sqlite3_get_autocommit(db->writer) == 0) {
        int rc = sqlite3_exec(db->writer, "ROLLBACK", NULL, NULL, NULL);
        /* Whatever it says, the transaction is over, and what was staged is gone. */
        must(rc == SQLITE_OK || sqlite3_get_autocommit(db->writer) != 0);
    }
    must(!pages_has_staged(db->pages));
    db->version = 0;
    db->has_note = false;
}

void db_note(struct db *db, struct span note)
{
    must(note.size <= DB_NOTE_MAX);
    if (note.size > 0) memcpy(db->note, note.data, note.size);
    db->note_size = note.size;
    db->has_note = true;
}

enum status db_note_read(struct db *db, struct buf *out)
{
    if (db_is_new(db)) return ST_OK;
    uint64_t version = 0;
    return read_applied(db, &version, out);
}

enum status db_reader_open(struct db *db, sqlite3 **out)
{
    const struct connection_config config = {
        .vfs = vfs_name(db->vfs), .role = CONNECTION_READER, .cache_kb = READER_CACHE_KB};
    TRY(connection_open(out, &config));
    atomic_fetch_add(&db->reader_count, 1);
    return ST_OK;
}

void db_reader_close(struct db *db, sqlite3 *reader)
{
    if (reader == NULL) return;
    connection_close(reader);
    uint32_t before = atomic_fetch_sub(&db->reader_count, 1);
    must(before > 0);
}

enum status db_session_open(struct db *db, sqlite3 **out)
{
    const struct connection_config config = {
        .vfs = vfs_name(db->vfs), .role = CONNECTION_SESSION, .cache_kb = SESSION_CACHE_KB};
    TRY(connection_open(out, &config));
    atomic_fetch_add(&db->reader_count, 1);
    return ST_OK;
}

void db_session_close(struct db *db, sqlite3 *session)
{
    db_reader_close(db, session); /* Closing rolls back. */
}

uint64_t db_session_height(sqlite3 *session)
{
    const uint64_t version = vfs_view(session);
    must(version != WINDOW_NEWEST); /* Inside a transaction it is pinned. */
    return height_of(version);
}

enum status db_view(struct db *db, sqlite3 *reader, uint64_t height)
{
    uint64_t version = height == 0 ? WINDOW_NEWEST : height + 1;
    struct window_view view;
    TRY(pages_pin(db->pages, version, &view));
    pages_unpin(db->pages, &view);
    vfs_set_view(reader, version);
    return ST_OK;
}

enum status db_checkpoint(struct db *db, uint64_t *height)
{
    return checkpoint_to(db, WINDOW_NEWEST, height);
}

enum status db_checkpoint_to(struct db *db, uint64_t height_max, uint64_t *height)
{
    must(height_max < WINDOW_NEWEST - 1);
    return checkpoint_to(db, height_max + 1, height);
}

static enum status checkpoint_to(struct db *db, uint64_t version_max, uint64_t *height)
{
    uint64_t version = atomic_load(&db->file_version);
    if (version_max > version) TRY(checkpoint_run(&db->checkpoint, version_max, &version));
    must(version >= atomic_load(&db->file_version)); /* I5 */
    atomic_store(&db->file_version, version);
    *height = height_of(version);
    return ST_OK;
}

bool db_has_failed(const struct db *db)
{
    return db->checkpoint.has_failed;
}

bool db_checkpoint_due(const struct db *db)
{
    uint64_t behind = pages_newest(db->pages) - atomic_load(&db->file_version);
    return behind >= CHECKPOINT_DUE_HEIGHTS || pages_dirty_bytes(db->pages) >= CHECKPOINT_DUE_BYTES;
}

uint32_t db_page_count(const struct db *db)
{
    return db->checkpoint.file_pages;
}

uint32_t db_damaged_page(const struct db *db)
{
    return pages_damage(db->pages);
}

void db_forget_damage(struct db *db)
{
    pages_forget_damage(db->pages);
}

enum status db_mend(struct db *db, uint32_t page, const uint8_t *bytes)
{
    return pages_mend(db->pages, page, bytes);
}

enum status db_page(struct db *db, uint32_t page, uint8_t *to)
{
    struct window_view view;
    TRY(pages_pin(db->pages, WINDOW_NEWEST, &view));
    enum status st = page > view.page_count ? ST_NOT_FOUND : pages_read(db->pages, &view, page, to);
    pages_unpin(db->pages, &view);
    return st;
}

enum status db_check_files(struct db *db, struct db_damage *out)
{
    char path[OS_PATH_MAX + 8];
    bool is_at = false;
    bool is_mended = false;
    uint64_t size = 0;
    const uint64_t expected = (uint64_t)db->checkpoint.file_pages * PAGE_BYTES;
    must(db->sums != NULL);
    *out = (struct db_damage){.page = 0};
    TRY(check_journal(db));
    (void)snprintf(path, sizeof path, "%s.sums", db->path);
    TRY(sums_mend(db->sums, path, &is_mended));
    out->is_mended = is_mended;
    if (is_mended) return say(out->what, ST_CORRUPT, "the page sums are not those written");
    TRY(db->os->file_is_at(db->os, db->file, db->path, &is_at));
    if (!is_at) {
        (void)snprintf(path, sizeof path, "%s.new", db->path);
        enum status st = write_again(db, path);
        out->is_mended = st == ST_OK;
        if (st != ST_OK && st != ST_CORRUPT) return st;
        return say(out->what, ST_CORRUPT, "the file was removed or exchanged");
    }
    TRY(db->os->file_size(db->os, db->file, &size));
    if (size <= expected) return ST_OK; /* What lacks is found page by page. */
    TRY(db->os->file_truncate(db->os, db->file, expected));
    out->is_mended = true;
    return say(out->what, ST_CORRUPT, "the file is longer than it was written");
}

/* It is empty while no checkpoint runs: another one will do. */
static enum status check_journal(struct db *db)
{
    char path[OS_PATH_MAX + 16];
    bool is_at = false;
    struct os_file *journal = NULL;
    (void)snprintf(path, sizeof path, "%s-journal", db->path);
    TRY(db->os->file_is_at(db->os, db->journal, path, &is_at));
    if (is_at) return ST_OK;
    TRY(open_file(db, &journal, path));
    db->os->file_close(db->os, db->journal);
    db->journal = journal;
    db->checkpoint.files.journal = journal;
    return undo_clear(&db->checkpoint.files);
}

static enum status copy_pages(struct db *db, struct os_file *to)
{
    for (uint32_t number = 1; number <= db->checkpoint.file_pages; number++) {
        uint8_t page[PAGE_BYTES];
        struct pages_check check;
        size_t got = 0;
        const uint64_t offset = (uint64_t)(number - 1) * PAGE_BYTES;
        if (number != UNDO_LOCK_PAGE) {
            enum status st = pages_check(db->pages, number, &check);
            if (st != ST_OK && !check.is_mended) return st;
        }
        TRY(db->os->file_read(db->os, db->file, page, sizeof page, offset, &got));
        memset(page + got, 0, sizeof page - got);
        TRY(db->os->file_write(db->os, to, span_of(page, sizeof page), offset));
    }
    return db->os->file_sync(db->os, to);
}

/* The file that we still have open, once more, and at its path. */
static enum status write_again(struct db *db, const char *path)
{
    struct os_file *file = NULL;
    struct os *os = db->os;
    if (db->left_count == FILES_LEFT_MAX) return ST_CORRUPT;
    enum status st = os->remove(os, path);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    TRY(os->file_open(os, &file, path, OS_WRITE | OS_CREATE));
    st = copy_pages(db, file);
    if (st == ST_OK) st = os->file_lock(os, file, OS_LOCK_EXCLUSIVE, LOCK_RESERVED, 1);
    if (st == ST_OK) st = os->rename(os, path, db->path);
    if (st == ST_OK) st = sync_parent(db, db->path);
    if (st != ST_OK) {
        os->file_close(os, file);
        return st;
    }
    db->left[db->left_count++] = db->file;
    db->file = file;
    db->checkpoint.files.file = file;
    pages_move(db->pages, file);
    return ST_OK;
}

enum status db_check(struct db *db, uint32_t *page, uint32_t count, struct db_damage *out)
{
    const uint32_t last = db->checkpoint.file_pages;
    must(db->sums != NULL);
    *out = (struct db_damage){.page = 0};
    for (uint32_t i = 0; i < count && *page <= last; i++) {
        struct pages_check check;
        const uint32_t number = (*page)++;
        if (number == UNDO_LOCK_PAGE) continue;
        enum status st = pages_check(db->pages, number, &check);
        if (st == ST_CORRUPT) {
            out->page = number;
            out->is_mended = check.is_mended;
            memcpy(out->expected, check.expected.bytes, sizeof out->expected);
            memcpy(out->found, check.found.bytes, sizeof out->found);
            (void)say(out->what, st, "a page is not what was written");
        }
        TRY(st);
    }
    if (*page > last) *page = 0;
    return ST_OK;
}

static enum status open_files(struct db *db, const struct db_config *config, char *what)
{
    const char *path = config->path;
    if (strlen(path) >= sizeof db->path)
        return say(what, ST_LIMIT, "the path of the state database is too long");
    memcpy(db->path, path, strlen(path) + 1);
    char journal[OS_PATH_MAX];
    char sums[OS_PATH_MAX];
    int length = snprintf(journal, sizeof journal, "%s-journal", path);
    (void)snprintf(sums, sizeof sums, "%s.sums", path); /* Shorter. */
    if (length < 0 || (size_t)length >= sizeof journal)
        return say(what, ST_LIMIT, "the path of the state database is too long");
    TRY(open_file(db, &db->file, path));
    /* For life: other processes may read the file, and never take our journal for a hot one. */
    enum status st = db->os->file_lock(db->os, db->file, OS_LOCK_EXCLUSIVE, LOCK_RESERVED, 1);
    if (st == ST_LOCKED) return say(what, st, "another process writes the state database");
    TRY(st);
    TRY(open_file(db, &db->journal, journal));
    if (!config->is_unchecked) TRY(sums_open(&db->sums, db->os, db->mem, sums));
    return sync_parent(db, path); /* Also when a run before died between making and syncing. */
}

static enum status open_file(struct db *db, struct os_file **out, const char *path)
{
    enum status st = db->os->file_open(db->os, out, path, OS_WRITE);
    if (st != ST_NOT_FOUND) return st;
    return db->os->file_open(db->os, out, path, OS_WRITE | OS_CREATE);
}

static enum status sync_parent(struct db *db, const char *path)
{
    char dir[OS_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    must(length < sizeof dir);
    memcpy(dir, path, length);
    dir[length] = 0;
    if (length == 0) (void)snprintf(dir, sizeof dir, "%s", slash == NULL ? "." : "/");
    return db->os->sync_dir(db->os, dir);
}

static enum status repair(struct db *db, char *what)
{
    const struct undo_files files = {
        .os = db->os, .mem = db->mem, .file = db->file, .journal = db->journal};
    struct os *os = db->os;
    uint64_t size = 0;
    TRY(os->file_size(os, db->journal, &size));
    if (size == 0) return undo_clear(&files); /* A cut that was not synced could come undone. */
    /* Somebody may be reading the mixed file right now. */
    enum status st = os->file_lock(os, db->file, OS_LOCK_EXCLUSIVE, LOCK_PENDING, 1);
    if (st == ST_OK)
        st = os->file_lock(os, db->file, OS_LOCK_EXCLUSIVE, LOCK_SHARED, LOCK_SHARED_BYTES);
    if (st == ST_LOCKED)
        return say(what, st, "another process reads the state database, which needs a repair");
    TRY(st);
    bool did_repair = false;
    st = undo_repair(&files, &did_repair);
    if (st == ST_CORRUPT) (void)say(what, st, "the checkpoint's undo journal is damaged");
    (void)os->file_lock(os, db->file, OS_UNLOCK, LOCK_SHARED, LOCK_SHARED_BYTES);
    (void)os->file_lock(os, db->file, OS_UNLOCK, LOCK_PENDING, 1);
    return st;
}

static enum status inspect(struct db *db, struct file_state *out, char *what)
{
    uint64_t size = 0;
    TRY(db->os->file_size(db->os, db->file, &size));
    *out = (struct file_state){0};
    if (size == 0) return ST_OK;
    if (size % PAGE_BYTES != 0 || size / PAGE_BYTES >= UINT32_MAX)
        return say(what, ST_CORRUPT, "the state database is not a whole number of pages");
    size_t got = 0;
    TRY(db->os->file_read(db->os, db->file, out->first_page, PAGE_BYTES, 0, &got));
    if (got < PAGE_BYTES) return ST_IO;
    out->page_count = (uint32_t)(size / PAGE_BYTES);
    return inspect_head(out->first_page, out->page_count, what);
}

/* SQLite's file format, section 1.3: what the page store relies on. */
static enum status inspect_head(const uint8_t *head, uint32_t page_count, char *what)
{
    static const char sqlite_magic[16] = "SQLite format 3";
    bool is_sqlite = memcmp(head, sqlite_magic, sizeof sqlite_magic) == 0;
    if (!is_sqlite) return say(what, ST_CORRUPT, "the state database is not an SQLite file");
    bool is_ours = head[16] == PAGE_BYTES >> 8 && head[17] == 0 && head[18] == 1 && head[19] == 1 &&
                   head[20] == 0;
    if (!is_ours)
        return say(what, ST_CORRUPT, "the state database has a page size or journal mode not ours");
    uint32_t counted =
        (uint32_t)head[28] << 24 | (uint32_t)head[29] << 16 | (uint32_t)head[30] << 8 | head[31];
    if (counted != page_count)
        return say(what, ST_CORRUPT, "the state database is shorter or longer than it says");
    return ST_OK;
}

/* Of a file that is not empty: its sums tell. Unchecked, it is a row of the file itself, read at a
 * provisional version. */
static enum status find_version(struct db *db,
                                const struct db_config *config,
                                const struct file_state *state,
                                uint64_t *version,
                                char *what)
{
    if (db->sums != NULL) {
        enum status st = sums_load(db->sums, version, state->page_count, state->first_page);
        if (st == ST_CORRUPT)
            return say(what, st, "the state database is not the one that this node wrote last");
        if (st == ST_EXPIRED)
            return say(what, ST_CORRUPT, "the state database was replaced by an older copy");
        return st;
    }
    TRY(open_pages(db, config, 1, state->page_count));
    TRY(open_writer(db, what));
    enum status st = read_applied(db, version, NULL);
    close_store(db);
    if (st == ST_OK) return ST_OK;
    return say(what, st, "the state database does not say which height it holds");
}

static enum status open_store(struct db *db, const struct db_config *config, char *what)
{
    struct file_state state;
    TRY(inspect(db, &state, what));
    uint64_t version = config->first_height; /* As if the file held the height before. */
    db->has_row = state.page_count > 0;
    if (db->has_row) TRY(find_version(db, config, &state, &version, what));
    TRY(open_pages(db, config, version, state.page_count));
    TRY(open_writer(db, what));
    if (db->has_row) TRY(check_height(db, version, what));
    atomic_init(&db->file_version, version);
    db->checkpoint = (struct checkpoint){
        .files = {.os = db->os, .mem = db->mem, .file = db->file, .journal = db->journal},
        .pages = db->pages,
        .sums = db->sums,
        .file_pages = state.page_count};
    return ST_OK;
}

static enum status open_pages(struct db *db,
                              const struct db_config *config,
                              uint64_t version,
                              uint32_t page_count)
{
    uint32_t heights = config->view_heights == 0 ? VIEW_HEIGHTS_DEFAULT : config->view_heights;
    if (heights > WINDOW_HEIGHTS_MAX) return ST_LIMIT;
    const struct pages_config pages = {
        .os = db->os,
        .mem = db->mem,
        .file = db->file,
        .sums = db->sums,
        .limits = {.view_heights = heights,
                   .view_bytes = config->view_bytes == 0 ? VIEW_BYTES_DEFAULT : config->view_bytes},
        .clean_bytes = config->clean_bytes == 0 ? CLEAN_BYTES_DEFAULT : config->clean_bytes,
        .base = {.version = version, .page_count = page_count}};
    TRY(pages_new(&db->pages, &pages));
    const struct vfs_limits limits = {
        .session_pages = config->overlay_pages == 0 ? OVERLAY_PAGES_DEFAULT : config->overlay_pages,
        .all_pages =
            config->overlay_pages_all == 0 ? OVERLAY_ALL_DEFAULT : config->overlay_pages_all};
    return vfs_register(&db->vfs, db->mem, db->pages, &limits);
}

static enum status open_writer(struct db *db, char *what)
{
    const struct connection_config config = {
        .vfs = vfs_name(db->vfs), .role = CONNECTION_WRITER, .cache_kb = db->writer_cache_kb};
    enum status st = connection_open(&db->writer, &config);
    if (st == ST_OK) st = connection_prepare(&db->begin, db->writer, "BEGIN IMMEDIATE");
    if (st == ST_OK) st = connection_prepare(&db->commit, db->writer, "COMMIT");
    if (st != ST_OK) (void)say(what, st, "SQLite cannot open the state database");
    return st;
}

/* What is changed soon again is best kept by SQLite itself. */
static int writer_cache_kb(size_t cache_bytes)
{
    const size_t kb = cache_bytes / 4 / 1024;
    if (kb < WRITER_CACHE_KB) return WRITER_CACHE_KB;
    return kb < WRITER_CACHE_KB_MAX ? (int)kb : WRITER_CACHE_KB_MAX;
}

static void close_store(struct db *db)
{
    sqlite3_finalize(db->begin);
    sqlite3_finalize(db->commit);
    sqlite3_finalize(db->update);
    connection_close(db->writer);
    vfs_unregister(db->vfs);
    pages_free(db->pages);
    db->begin = NULL;
    db->commit = NULL;
    db->update = NULL;
    db->writer = NULL;
    db->vfs = NULL;
    db->pages = NULL;
}

/* Version and, when note is not null, the note of the row. ST_CORRUPT: there is no such row. */
static enum status read_applied(struct db *db, uint64_t *version, struct buf *note)
{
    sqlite3_stmt *select = NULL;
    enum status st = connection_prepare(&select, db->writer, sql_select);
    if (st == ST_INVALID) return ST_CORRUPT; /* No such table. */
    TRY(st);
    int rc = sqlite3_step(select);
    if (rc == SQLITE_ROW) {
        sqlite3_int64 height = sqlite3_column_int64(select, 0);
        int size = sqlite3_column_bytes(select, 1);
        bool is_sane = height >= 0 && height < INT64_MAX && size >= 0 && size <= (int)DB_NOTE_MAX &&
                       sqlite3_column_type(select, 0) == SQLITE_INTEGER;
        *version = is_sane ? (uint64_t)height + 1 : 0;
        if (is_sane && note != NULL)
            buf_put(note, span_of(sqlite3_column_blob(select, 1), (size_t)size));
        st = is_sane ? ST_OK : ST_CORRUPT;
        if (is_sane && note != NULL) st = buf_status(note);
    } else {
        st = rc == SQLITE_DONE ? ST_CORRUPT : connection_status(rc);
    }
    sqlite3_finalize(select);
    return st;
}

/* The row and the sums are of one height (I7). */
static enum status check_height(struct db *db, uint64_t version, char *what)
{
    uint64_t applied = 0;
    enum status st = read_applied(db, &applied, NULL);
    if (st == ST_OK && applied != version) st = ST_CORRUPT;
    return st == ST_OK ? st
                       : say(what, st, "the state database does not say which height it holds");
}

/* The first block makes the table of the row. */
static enum status prepare_block(struct db *db)
{
    int rc = sqlite3_exec(db->writer, sql_create, NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_exec(db->writer, sql_insert, NULL, NULL, NULL);
    return connection_status(rc);
}

static enum status write_applied(struct db *db)
{
    if (db->update == NULL) TRY(connection_prepare(&db->update, db->writer, sql_update));
    int rc = sqlite3_bind_int64(db->update, 1, (sqlite3_int64)height_of(db->version));
    if (rc == SQLITE_OK && db->has_note)
        rc = sqlite3_bind_blob(db->update, 2, db->note, (int)db->note_size, SQLITE_STATIC);
    if (rc == SQLITE_OK && !db->has_note) rc = sqlite3_bind_null(db->update, 2);
    if (rc != SQLITE_OK) return connection_status(rc);
    return connection_run(db->update);
}

static enum status say(char *what, enum status st, const char *text)
{
    (void)snprintf(what, DB_WHAT_MAX, "%s", text);
    return st;
}

static uint64_t height_of(uint64_t version)
{
    return version == 0 ? 0 : version - 1;
}
