/* Goal: the write set is exactly what a comparison of the database before and after the block
 * finds, whatever way SQLite changed its rows, and the capture never misses, invents or survives a
 * failure. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/cbor.h"
#include "crypto/merkle.h"
#include "state/capture.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define TABLES   4
#define ROWS_MAX 4096

struct fixture {
    sqlite3 *db;
    struct capture *capture;
};

static const uint32_t key_first[] = {0};
static const uint32_t key_pair[] = {2, 0};

static const struct capture_table tables[TABLES] = {
    {"plain", 30, 2, 0, NULL},
    {"numbered", 20, 3, 1, key_first},
    {"pair", 10, 3, 2, key_pair},
    {"child", 40, 2, 1, key_first},
};

static const char schema[] =
    "CREATE TABLE plain(a, b);"
    "CREATE TABLE numbered(id INTEGER PRIMARY KEY, u UNIQUE, v);"
    "CREATE TABLE pair(x TEXT, y, z INT, PRIMARY KEY(z, x)) WITHOUT ROWID;"
    "CREATE TABLE child(id INT PRIMARY KEY, parent REFERENCES numbered ON DELETE CASCADE"
    " ON UPDATE CASCADE);"
    "CREATE TABLE trigger_target(a);"
    "CREATE INDEX plain_b ON plain(b);";

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    int rc = sqlite3_exec(db, sql, NULL, NULL, &message);
    if (rc != SQLITE_OK) fail_msg("%s: %s", sql, message);
}

static void open_with(struct fixture *f, struct mem *mem)
{
    assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    run(f->db, "PRAGMA foreign_keys=ON");
    assert_int_equal(capture_new(&f->capture, mem, f->db), ST_OK);
    run(f->db, schema);
    for (int i = 0; i < TABLES; i++)
        assert_int_equal(capture_table_add(f->capture, &tables[i]), ST_OK);
    capture_begin(f->capture);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    open_with(f, mem_system());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    capture_free(f->capture);
    sqlite3_close(f->db);
    free(f);
    return 0;
}

/* --- the independent comparison -------------------------------------------------------------- */

struct row {
    struct span key;
    struct span row;
};

struct dump {
    struct buf bytes;
    uint32_t count[TABLES];
    struct {
        size_t key, row, end;
    } at[TABLES][ROWS_MAX];
};

static void put_column(struct buf *b, sqlite3_stmt *s, int column)
{
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER: cbor_put_int(b, sqlite3_column_int64(s, column)); break;
    case SQLITE_FLOAT: cbor_put_float(b, sqlite3_column_double(s, column)); break;
    case SQLITE_NULL: cbor_put_null(b); break;
    case SQLITE_TEXT: {
        const void *text = sqlite3_column_text(s, column);
        cbor_put_text(b, span_of(text, (size_t)sqlite3_column_bytes(s, column)));
        break;
    }
    default: {
        const void *blob = sqlite3_column_blob(s, column);
        cbor_put_bytes(b, span_of(blob, (size_t)sqlite3_column_bytes(s, column)));
    }
    }
}

static void dump_table(struct dump *d, sqlite3 *db, int t)
{
    const struct capture_table *table = &tables[t];
    char sql[128];
    snprintf(sql, sizeof sql,
             table->key_count == 0 ? "SELECT *, rowid FROM %s" : "SELECT * FROM %s", table->name);
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        uint32_t n = d->count[t]++;
        assert_true(n < ROWS_MAX);
        d->at[t][n].key = d->bytes.size;
        cbor_put_array(&d->bytes, table->key_count == 0 ? 1 : table->key_count);
        if (table->key_count == 0) put_column(&d->bytes, s, (int)table->column_count);
        for (uint32_t k = 0; k < table->key_count; k++)
            put_column(&d->bytes, s, (int)table->key_columns[k]);
        d->at[t][n].row = d->bytes.size;
        cbor_put_array(&d->bytes, table->column_count);
        for (uint32_t c = 0; c < table->column_count; c++)
            put_column(&d->bytes, s, (int)c);
        d->at[t][n].end = d->bytes.size;
    }
    sqlite3_finalize(s);
}

static struct dump *dump_new(sqlite3 *db)
{
    struct dump *d = calloc(1, sizeof *d);
    assert_non_null(d);
    buf_init(&d->bytes, mem_system(), 0);
    for (int t = 0; t < TABLES; t++)
        dump_table(d, db, t);
    return d;
}

static void dump_free(struct dump *d)
{
    buf_fini(&d->bytes);
    free(d);
}

static struct row dump_row(const struct dump *d, int t, uint32_t n)
{
    const uint8_t *bytes = d->bytes.data;
    size_t key = d->at[t][n].key;
    size_t row = d->at[t][n].row;
    return (struct row){span_of(bytes + key, row - key),
                        span_of(bytes + row, d->at[t][n].end - row)};
}

static bool dump_find(const struct dump *d, int t, struct span key, struct span *row)
{
    for (uint32_t n = 0; n < d->count[t]; n++) {
        struct row r = dump_row(d, t, n);
        if (!span_equal(r.key, key)) continue;
        *row = r.row;
        return true;
    }
    return false;
}

struct entry {
    uint64_t table;
    struct span key;
    struct span row; /* Size 0: deleted. */
};

static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->table != y->table) return x->table < y->table ? -1 : 1;
    return span_compare(x->key, y->key);
}

/* Write set by comparing every row: encoding appended to out, root in *root. */
static uint32_t compare(struct dump *before, struct dump *after, struct buf *out, struct hash *root)
{
    static struct entry entries[2 * TABLES * ROWS_MAX];
    static struct hash leaves[2 * TABLES * ROWS_MAX];
    uint32_t count = 0;
    for (int t = 0; t < TABLES; t++) {
        for (uint32_t n = 0; n < after->count[t]; n++) {
            struct row r = dump_row(after, t, n);
            struct span old;
            if (!dump_find(before, t, r.key, &old) || !span_equal(old, r.row))
                entries[count++] = (struct entry){tables[t].id, r.key, r.row};
        }
        for (uint32_t n = 0; n < before->count[t]; n++) {
            struct row r = dump_row(before, t, n);
            struct span new;
            if (!dump_find(after, t, r.key, &new))
                entries[count++] = (struct entry){tables[t].id, r.key, {0}};
        }
    }
    qsort(entries, count, sizeof entries[0], entry_compare);
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        size_t start = out->size;
        cbor_put_array(out, 3);
        cbor_put_uint(out, entries[i].table);
        buf_put(out, entries[i].key);
        if (entries[i].row.size == 0)
            cbor_put_null(out);
        else
            buf_put(out, entries[i].row);
        leaves[i] = merkle_leaf(span_of(out->data + start, out->size - start));
    }
    *root = (struct hash){{0}};
    if (count > 0) *root = merkle_root(leaves, count);
    return count;
}

static void check_against(struct fixture *f, struct dump *before)
{
    struct dump *after = dump_new(f->db);
    struct buf expected;
    struct buf found;
    buf_init(&expected, mem_system(), 0);
    buf_init(&found, mem_system(), 0);
    struct hash expected_root;
    struct hash root;
    uint32_t count;
    uint32_t expected_count = compare(before, after, &expected, &expected_root);
    assert_int_equal(capture_finish(f->capture, &root, &count, &found), ST_OK);
    assert_int_equal(count, expected_count);
    assert_int_equal(found.size, expected.size);
    assert_memory_equal(found.data, expected.data, expected.size);
    assert_memory_equal(root.bytes, expected_root.bytes, HASH_SIZE);
    struct hash whole;
    assert_int_equal(capture_root(f->capture, 0, &whole), ST_OK);
    assert_true(hash_equal(&whole, &root));
    buf_fini(&expected);
    buf_fini(&found);
    dump_free(after);
}

/* The block sql, against the comparison. */
static void check_block(struct fixture *f, const char *sql)
{
    struct dump *before = dump_new(f->db);
    capture_begin(f->capture);
    run(f->db, sql);
    check_against(f, before);
    dump_free(before);
}

/* --- cases ----------------------------------------------------------------------------------- */

static void test_golden(void **state)
{
    struct fixture *f = *state;
    run(f->db, "INSERT INTO numbered VALUES(1, 'a', x'00ff'), (-2, 1.5, NULL)");
    static const uint8_t bytes[] = {0x82, 0x83, 0x14, 0x81, 0x01, 0x83, 0x01, 0x61, 'a',  0x42,
                                    0x00, 0xff, 0x83, 0x14, 0x81, 0x21, 0x83, 0x21, 0xfb, 0x3f,
                                    0xf8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf6};
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct hash root;
    uint32_t count;
    assert_int_equal(capture_finish(f->capture, &root, &count, &out), ST_OK);
    assert_int_equal(count, 2);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    struct hash a = merkle_leaf(span_of(bytes + 1, 11));
    struct hash b = merkle_leaf(span_of(bytes + 12, sizeof bytes - 12));
    struct hash expected = merkle_node(&a, &b);
    assert_true(hash_equal(&root, &expected));
    buf_fini(&out);
}

static void test_empty(void **state)
{
    struct fixture *f = *state;
    check_block(f, "SELECT 1");
    struct hash root;
    uint32_t count = 1;
    assert_int_equal(capture_finish(f->capture, &root, &count, NULL), ST_OK);
    assert_int_equal(count, 0);
    assert_true(hash_is_zero(&root));
}

static void test_ways_of_change(void **state)
{
    struct fixture *f = *state;
    static const char *const blocks[] = {
        "INSERT INTO numbered VALUES(1,'a',1),(2,'b',2),(3,'c',3),(4,NULL,NULL)",
        "REPLACE INTO numbered VALUES(1,'b',9)", /* Replaces two rows. */
        "INSERT INTO numbered VALUES(3,'z',1) ON CONFLICT(id) DO UPDATE SET v = excluded.v + v",
        "INSERT INTO numbered VALUES(3,'z',1) ON CONFLICT DO NOTHING",
        "UPDATE numbered SET id = id + 100 WHERE id = 3",
        "UPDATE numbered SET id = -id",
        "UPDATE numbered SET v = v",
        "INSERT INTO child VALUES(1,-1),(2,-1),(3,-4)",
        "UPDATE numbered SET id = 77 WHERE id = -1", /* Cascades. */
        "DELETE FROM numbered WHERE id = 77",        /* Cascades. */
        "INSERT INTO plain VALUES('x', 1.25), (x'', ''), (NULL, -9223372036854775808)",
        "UPDATE plain SET rowid = rowid + 10",
        "UPDATE OR REPLACE plain SET rowid = 12 WHERE rowid = 11",
        "DELETE FROM plain",
        "INSERT INTO pair VALUES('a',1,1),('b',1,1),('a',1,-1),('a',2,300)",
        "REPLACE INTO pair VALUES('a','other',1)",
        "UPDATE pair SET z = z + 1 WHERE x = 'b'",
        "UPDATE OR REPLACE pair SET x = 'same', z = 0",
        "INSERT INTO pair VALUES('t',1,1); DELETE FROM pair WHERE x = 't'",
        "DELETE FROM pair; INSERT INTO pair VALUES('same',2,0)",
        "DELETE FROM child; DELETE FROM numbered",
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        check_block(f, blocks[i]);
}

static void test_delete_prepared_before_rows(void **state)
{
    struct fixture *f = *state;
    sqlite3_stmt *all;
    assert_int_equal(sqlite3_prepare_v2(f->db, "DELETE FROM plain", -1, &all, NULL), SQLITE_OK);
    run(f->db, "INSERT INTO plain VALUES(1,1),(2,2),(3,3)");
    struct dump *before = dump_new(f->db);
    capture_begin(f->capture);
    assert_int_equal(sqlite3_step(all), SQLITE_DONE);
    check_against(f, before);
    assert_int_equal(capture_mark(f->capture), 3);
    dump_free(before);
    sqlite3_finalize(all);
}

static void test_row_that_returns_is_no_entry(void **state)
{
    struct fixture *f = *state;
    run(f->db, "INSERT INTO numbered VALUES(5,'five',5)");
    check_block(f, "UPDATE numbered SET v = 6; UPDATE numbered SET v = 5;"
                   "DELETE FROM numbered; INSERT INTO numbered VALUES(5,'five',5);"
                   "INSERT INTO plain VALUES(1,1); DELETE FROM plain");
    struct hash root;
    uint32_t count;
    assert_int_equal(capture_finish(f->capture, &root, &count, NULL), ST_OK);
    assert_int_equal(count, 0);
    assert_true(capture_mark(f->capture) > 0);
}

static void test_failed_statement_and_savepoint(void **state)
{
    struct fixture *f = *state;
    run(f->db, "INSERT INTO numbered VALUES(1,'a',1),(2,'b',2),(3,'c',3)");
    struct dump *before = dump_new(f->db);
    capture_begin(f->capture);
    run(f->db, "BEGIN; SAVEPOINT t; UPDATE numbered SET v = 10 WHERE id = 1");
    uint64_t mark = capture_mark(f->capture);
    /* Two rows change before the third collides; SQLite takes them back without a word. */
    int rc = sqlite3_exec(f->db, "INSERT INTO numbered VALUES(7,'g',7),(8,'h',8),(9,'a',9)", NULL,
                          NULL, NULL);
    assert_int_equal(rc, SQLITE_CONSTRAINT);
    assert_true(capture_mark(f->capture) > mark);
    capture_rollback(f->capture, mark);
    check_against(f, before);
    run(f->db, "DELETE FROM numbered; ROLLBACK TO t");
    capture_rollback(f->capture, 0);
    run(f->db, "INSERT INTO pair VALUES('k',0,0); RELEASE t; COMMIT");
    check_against(f, before);
    dump_free(before);
}

static void test_root_since_mark(void **state)
{
    struct fixture *f = *state;
    run(f->db, "INSERT INTO numbered VALUES(1,'a',1)");
    uint64_t mark = capture_mark(f->capture);
    run(f->db, "UPDATE numbered SET v = 2; INSERT INTO numbered VALUES(2,'b',2)");
    struct hash root;
    assert_int_equal(capture_root(f->capture, mark, &root), ST_OK);
    static const uint8_t one[] = {0x83, 0x14, 0x81, 0x01, 0x83, 0x01, 0x61, 'a', 0x02};
    static const uint8_t two[] = {0x83, 0x14, 0x81, 0x02, 0x83, 0x02, 0x61, 'b', 0x02};
    struct hash a = merkle_leaf(span_of(one, sizeof one));
    struct hash b = merkle_leaf(span_of(two, sizeof two));
    struct hash expected = merkle_node(&a, &b);
    assert_true(hash_equal(&root, &expected));
    assert_int_equal(capture_root(f->capture, capture_mark(f->capture), &root), ST_OK);
    assert_true(hash_is_zero(&root));
}

static void test_unregistered_table(void **state)
{
    struct fixture *f = *state;
    run(f->db, "INSERT INTO trigger_target VALUES(1)");
    struct hash root;
    uint32_t count;
    assert_int_equal(capture_status(f->capture), ST_CORRUPT);
    assert_int_equal(capture_finish(f->capture, &root, &count, NULL), ST_CORRUPT);
    capture_rollback(f->capture, 0); /* A rollback does not excuse it. */
    assert_int_equal(capture_status(f->capture), ST_CORRUPT);
    capture_begin(f->capture);
    run(f->db, "INSERT INTO plain VALUES(1,1)");
    assert_int_equal(capture_status(f->capture), ST_OK);
}

static void test_wrong_column_count(void **state)
{
    struct fixture *f = *state;
    run(f->db, "ALTER TABLE plain ADD COLUMN c");
    run(f->db, "INSERT INTO plain VALUES(1,1,1)");
    assert_int_equal(capture_status(f->capture), ST_CORRUPT);
}

static void test_dropped_table_takes_its_entries(void **state)
{
    struct fixture *f = *state;
    struct hash root;
    struct hash kept;
    uint32_t count;
    run(f->db, "INSERT INTO plain VALUES(1,1); INSERT INTO pair VALUES('a',1,1)");
    assert_int_equal(capture_finish(f->capture, &kept, &count, NULL), ST_OK);
    assert_int_equal(count, 2);
    run(f->db, "SAVEPOINT s; DROP TABLE plain");
    capture_table_remove(f->capture, "plain");
    capture_table_remove(f->capture, "plain"); /* Not there: nothing. */
    assert_int_equal(capture_finish(f->capture, &root, &count, NULL), ST_OK);
    assert_int_equal(count, 1);
    run(f->db, "ROLLBACK TO s; RELEASE s");
    assert_int_equal(capture_table_add(f->capture, &tables[0]), ST_OK);
    assert_int_equal(capture_finish(f->capture, &root, &count, NULL), ST_OK);
    assert_int_equal(count, 2);
    assert_true(hash_equal(&root, &kept));
    /* The same name with another id is another table. */
    struct capture_table other = tables[0];
    other.id = 31;
    assert_int_equal(capture_table_add(f->capture, &other), ST_OK);
    assert_int_equal(capture_finish(f->capture, &root, &count, NULL), ST_OK);
    assert_int_equal(count, 1);
}

static void test_text_that_is_not_utf8(void **state)
{
    struct fixture *f = *state;
    run(f->db, "INSERT INTO plain VALUES(CAST(x'ff' AS TEXT), 'a')");
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct hash root;
    uint32_t count;
    assert_int_equal(capture_finish(f->capture, &root, &count, &out), ST_OK);
    struct cbor in = cbor_of(buf_span(&out));
    (void)cbor_get_item(&in, 8);
    assert_int_equal(cbor_end(&in), ST_OK);
    buf_fini(&out);
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void random_statement(sqlite3 *db, uint32_t *seed, struct capture *c)
{
    static const char *const forms[] = {
        "INSERT INTO numbered VALUES(%u, %u, %u), (%u + 1, NULL, 7)",
        "REPLACE INTO numbered VALUES(%u, %u, %u), (%u + 2, 'x', 7)",
        "UPDATE OR REPLACE numbered SET id = %u, u = %u WHERE id = %u OR id = %u",
        "UPDATE numbered SET v = v + 1 WHERE id %% 7 IN (%u %% 7, %u %% 7, %u %% 7, %u %% 7)",
        "DELETE FROM numbered WHERE id IN (%u, %u, %u, %u)",
        "INSERT INTO pair VALUES('k' || %u, %u, %u), ('l', 'text', %u)",
        "UPDATE OR REPLACE pair SET x = 'k' || %u, z = %u WHERE z IN (%u, %u)",
        "INSERT INTO plain VALUES(%u, %u), (%u, 'blob' || %u)",
        "UPDATE OR REPLACE plain SET rowid = %u WHERE rowid IN (%u, %u, %u)",
        "DELETE FROM plain WHERE rowid IN (%u, %u, %u, %u)",
        "REPLACE INTO child SELECT %u, id FROM numbered WHERE id IN (%u, %u, %u)",
    };
    char sql[256];
    uint32_t r[4];
    for (int i = 0; i < 4; i++)
        r[i] = draw(seed, 40);
    const char *form = forms[draw(seed, (uint32_t)(sizeof forms / sizeof forms[0]))];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, sizeof sql, form, r[0], r[1], r[2], r[3]);
#pragma GCC diagnostic pop
    uint64_t mark = capture_mark(c);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK) capture_rollback(c, mark);
}

/* Blocks of transactions of statements, some failing, some rolled back. */
static void test_random_blocks(void **state)
{
    struct fixture *f = *state;
    uint32_t seed = 20240607;
    for (int block = 0; block < 150; block++) {
        struct dump *before = dump_new(f->db);
        capture_begin(f->capture);
        run(f->db, "BEGIN");
        for (int t = 0; t < 12; t++) {
            run(f->db, "SAVEPOINT tx");
            uint64_t mark = capture_mark(f->capture);
            uint32_t statements = 1 + draw(&seed, 4);
            for (uint32_t i = 0; i < statements; i++)
                random_statement(f->db, &seed, f->capture);
            if (draw(&seed, 4) == 0) {
                run(f->db, "ROLLBACK TO tx");
                capture_rollback(f->capture, mark);
            }
            run(f->db, "RELEASE tx");
        }
        run(f->db, "COMMIT");
        check_against(f, before);
        dump_free(before);
    }
}

/* Fail allocation n for n = 1, 2, …: the failure is told, nothing half done is taken for whole. */
static void test_failing_memory(void **state)
{
    (void)state;
    struct hash right;
    bool is_done = false;
    for (uint32_t n = 0; !is_done; n++) { /* n = 0: none fails. */
        struct fail_mem mem;
        fail_mem_init(&mem, n);
        struct fixture f = {0};
        assert_int_equal(sqlite3_open(":memory:", &f.db), SQLITE_OK);
        enum status st = capture_new(&f.capture, &mem.mem, f.db);
        run(f.db, schema);
        for (int i = 0; st == ST_OK && i < TABLES; i++)
            st = capture_table_add(f.capture, &tables[i]);
        struct hash root = {{0}};
        uint32_t count;
        struct buf out;
        buf_init(&out, &mem.mem, 0);
        if (st == ST_OK) {
            capture_begin(f.capture);
            run(f.db, "WITH RECURSIVE r(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM r WHERE i<400)"
                      "INSERT INTO plain SELECT 'a long enough text', i FROM r;"
                      "UPDATE plain SET rowid = -rowid");
            st = capture_finish(f.capture, &root, &count, &out);
        }
        if (n == 0) {
            assert_int_equal(st, ST_OK);
            right = root;
        } else if (st == ST_OK) {
            assert_true(hash_equal(&root, &right));
            is_done = mem.calls < n;
        } else {
            assert_int_equal(st, ST_NO_MEMORY);
        }
        buf_fini(&out);
        capture_free(f.capture);
        sqlite3_close(f.db);
        assert_int_equal(mem.live, 0);
    }
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double bench(bool with_capture, int rows)
{
    struct fixture f = {0};
    open_with(&f, mem_system());
    if (!with_capture) {
        capture_free(f.capture);
        f.capture = NULL;
    }
    sqlite3_stmt *s;
    sqlite3_prepare_v2(f.db, "INSERT INTO numbered VALUES(?1, ?2, ?3)", -1, &s, NULL);
    char text[181];
    memset(text, 'x', sizeof text);
    double start = cpu_us();
    for (int i = 0; i < rows; i++) {
        if (i % 500 == 0) run(f.db, "BEGIN");
        sqlite3_bind_int(s, 1, (int)((uint32_t)i * 7919u % 1000003u));
        sqlite3_bind_int(s, 2, i);
        sqlite3_bind_text(s, 3, text, 180, SQLITE_STATIC);
        uint64_t mark = with_capture ? capture_mark(f.capture) : 0;
        sqlite3_step(s);
        sqlite3_reset(s);
        struct hash root;
        uint32_t count;
        if (with_capture) assert_int_equal(capture_root(f.capture, mark, &root), ST_OK);
        if (i % 500 != 499) continue;
        if (with_capture) assert_int_equal(capture_finish(f.capture, &root, &count, NULL), ST_OK);
        if (with_capture) capture_begin(f.capture);
        run(f.db, "COMMIT");
    }
    double used = (cpu_us() - start) / rows;
    sqlite3_finalize(s);
    capture_free(f.capture);
    sqlite3_close(f.db);
    return used;
}

/* Only when asked: BENCH=1 build/…/test_capture. */
static void test_cost(void **state)
{
    (void)state;
    if (getenv("BENCH") == NULL) skip();
    double without = bench(false, 100000);
    double with = bench(true, 100000);
    printf("insert %.2f us, with capture %.2f us: capture %.2f us a row\n", without, with,
           with - without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_golden, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ways_of_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete_prepared_before_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_row_that_returns_is_no_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_statement_and_savepoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_since_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unregistered_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_column_count, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dropped_table_takes_its_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_that_is_not_utf8, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_blocks, setup, teardown),
        cmocka_unit_test(test_failing_memory),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
