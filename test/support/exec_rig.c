#include "support/exec_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/cbor.h"
#include "support/cmocka_all.h"

#define PATH "main.db"

struct row {
    uint64_t table;
    size_t key;
    size_t row;
    size_t end;
};

struct dump { /* Rows of all tables, ascending by table and key. */
    struct buf bytes;
    struct row *rows;
    uint32_t count;
};

static enum status read_record(void *context, uint64_t height, struct buf *out)
{
    const struct exec_rig *rig = context;
    if (height == 0 || height > rig->record_count) return ST_NOT_FOUND;
    buf_put(out, buf_span(&rig->records[height - 1]));
    return buf_status(out);
}

static void keep_record(struct exec_rig *rig, uint64_t height, struct span record)
{
    if (height > rig->record_count) {
        assert_int_equal(height, rig->record_count + 1);
        rig->records = realloc(rig->records, height * sizeof *rig->records);
        assert_non_null(rig->records);
        buf_init(&rig->records[rig->record_count++], mem_system(), 0);
    }
    buf_reset(&rig->records[height - 1]);
    buf_put(&rig->records[height - 1], record);
    assert_int_equal(buf_status(&rig->records[height - 1]), ST_OK);
}

static void open_exec(struct exec_rig *rig)
{
    char what[DB_WHAT_MAX];
    const struct exec_config config = {.os = fake_os_table(rig->os),
                                       .mem = mem_system(),
                                       .path = PATH,
                                       .genesis = chain_genesis(rig->chain)};
    enum status st = exec_open(&rig->exec, &config, what);
    if (st != ST_OK) fail_msg("exec_open: %s, %s", status_name(st), what);
    const struct rows_config rows = {.os = config.os, .mem = config.mem};
    const struct exec_results results = {.read = read_record, .context = rig};
    assert_int_equal(rows_open(&rig->rows, &rows), ST_OK);
    assert_int_equal(exec_attach_rows(rig->exec, rig->rows, &config, &results), ST_OK);
}

void exec_rig_init(struct exec_rig *rig, const struct chain_options *options)
{
    *rig = (struct exec_rig){0};
    rig->os = fake_os_new(1);
    rig->chain = chain_builder_new(options);
    arena_init(&rig->arena, mem_system(), 0);
    exec_outcome_init(&rig->outcome, mem_system());
    open_exec(rig);
}

void exec_rig_fini(struct exec_rig *rig)
{
    exec_outcome_fini(&rig->outcome);
    exec_close(rig->exec);
    rows_close(rig->rows);
    for (uint64_t i = 0; i < rig->record_count; i++)
        buf_fini(&rig->records[i]);
    free(rig->records);
    chain_builder_free(rig->chain);
    arena_fini(&rig->arena);
    fake_os_free(rig->os);
}

void exec_rig_reopen(struct exec_rig *rig, bool with_checkpoint)
{
    uint64_t height = 0;
    if (with_checkpoint) assert_int_equal(db_checkpoint(exec_db(rig->exec), &height), ST_OK);
    exec_close(rig->exec);
    rows_close(rig->rows);
    open_exec(rig);
}

const struct exec_outcome *exec_rig_apply(struct exec_rig *rig)
{
    rig->block = chain_block_end(rig->chain);
    struct exec_block in = rig->block->in;
    bool *wants = calloc(in.tx_count + 1, sizeof *wants);
    assert_non_null(wants);
    for (uint32_t i = 0; i < in.tx_count; i++)
        wants[i] = true;
    in.wants_rows = wants;
    in.facts = rig->facts;
    rig->facts = NULL;
    in.incidents = rig->incidents;
    in.incident_count = rig->incident_count;
    rig->incident_count = 0;
    enum status st = exec_apply(rig->exec, &in, &rig->outcome);
    free(wants);
    if (st != ST_OK) fail_msg("exec_apply: %s", status_name(st));
    assert_int_equal(exec_height(rig->exec), rig->block->header.height);
    keep_record(rig, rig->block->header.height, rig->outcome.record);
    return &rig->outcome;
}

const struct exec_outcome *exec_rig_sql(struct exec_rig *rig, uint32_t account, const char *sql)
{
    chain_tx(rig->chain, account, sql);
    return exec_rig_apply(rig);
}

void exec_rig_do(struct exec_rig *rig, uint32_t account, const char *sql)
{
    (void)exec_rig_sql(rig, account, sql);
    exec_rig_expect(rig, 0, "");
}

struct receipt exec_rig_receipt(struct exec_rig *rig, uint32_t index)
{
    struct receipt r;
    assert_true(index < rig->outcome.tx_count);
    struct span bytes = rig->outcome.txs[index].receipt;
    assert_int_equal(receipt_decode(&r, &rig->arena, bytes), ST_OK);
    assert_int_equal(r.index, index);
    assert_int_equal(r.height, rig->block->header.height);
    assert_true(hash_equal(&r.txid, &rig->block->txs[index].txid));
    return r;
}

void exec_rig_expect(struct exec_rig *rig, uint32_t index, const char *sqlstate)
{
    struct receipt r = exec_rig_receipt(rig, index);
    bool is_ok = r.status == RECEIPT_OK;
    const char *found = is_ok ? "" : r.diag.sqlstate;
    struct span text = rig->block->txs[index].ops[0].text;
    if (strcmp(found, sqlstate) != 0)
        fail_msg("\"%.*s\": expected '%s', found '%s' %s", (int)text.size, (const char *)text.data,
                 sqlstate, found, is_ok ? "" : r.diag.message);
    assert_int_equal(rig->outcome.txs[index].is_ok, is_ok);
    assert_string_equal(rig->outcome.txs[index].diag.sqlstate, sqlstate);
}

static sqlite3 *open_reader(struct exec_rig *rig, uint64_t height)
{
    sqlite3 *reader = NULL;
    assert_int_equal(db_reader_open(exec_db(rig->exec), &reader), ST_OK);
    if (height > 0) assert_int_equal(db_view(exec_db(rig->exec), reader, height), ST_OK);
    return reader;
}

int64_t exec_rig_int(struct exec_rig *rig, const char *sql)
{
    sqlite3 *reader = open_reader(rig, 0);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(reader, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(reader));
    int rc = sqlite3_step(s);
    assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
    int64_t value = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : INT64_MIN;
    sqlite3_finalize(s);
    db_reader_close(exec_db(rig->exec), reader);
    return value;
}

static void put_column(struct buf *b, sqlite3_stmt *s, int column)
{
    const void *bytes = sqlite3_column_blob(s, column);
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER: cbor_put_int(b, sqlite3_column_int64(s, column)); break;
    case SQLITE_NULL: cbor_put_null(b); break;
    case SQLITE_TEXT:
        cbor_put_text(b, span_of(bytes, (size_t)sqlite3_column_bytes(s, column)));
        break;
    case SQLITE_BLOB:
        cbor_put_bytes(b, span_of(bytes, (size_t)sqlite3_column_bytes(s, column)));
        break;
    default: fail_msg("a real number in the state");
    }
}

static void dump_row(struct dump *d, const struct catalog_table *t, sqlite3_stmt *s)
{
    d->rows = realloc(d->rows, (d->count + 1) * sizeof *d->rows);
    assert_non_null(d->rows);
    struct row *row = &d->rows[d->count++];
    row->table = t->id;
    row->key = d->bytes.size;
    cbor_put_array(&d->bytes, t->key_count == 0 ? 1 : t->key_count);
    if (t->key_count == 0) put_column(&d->bytes, s, (int)t->column_count);
    for (uint32_t k = 0; k < t->key_count; k++)
        put_column(&d->bytes, s, (int)t->key_columns[k]);
    row->row = d->bytes.size;
    cbor_put_array(&d->bytes, t->column_count);
    for (uint32_t c = 0; c < t->column_count; c++)
        put_column(&d->bytes, s, (int)c);
    row->end = d->bytes.size;
}

static void dump_table(struct dump *d, sqlite3 *reader, const struct catalog_table *t)
{
    char sql[512];
    int size = (int)t->sqlite_name.size;
    const char *name = (const char *)t->sqlite_name.data;
    snprintf(sql, sizeof sql,
             t->key_count == 0 ? "SELECT *, rowid FROM \"%.*s\"" : "SELECT * FROM \"%.*s\"", size,
             name);
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(reader, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(reader));
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        dump_row(d, t, s);
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(s);
}

static struct span part(const struct dump *d, size_t from, size_t to)
{
    return span_of(d->bytes.data + from, to - from);
}

static int compare_keys(const struct dump *a,
                        const struct row *x,
                        const struct dump *b,
                        const struct row *y)
{
    if (x->table != y->table) return x->table < y->table ? -1 : 1;
    return span_compare(part(a, x->key, x->row), part(b, y->key, y->row));
}

/* Insertion sort: keys come nearly in order, and qsort takes no context. */
static void sort_rows(struct dump *d)
{
    for (uint32_t i = 1; i < d->count; i++) {
        struct row row = d->rows[i];
        uint32_t at = i;
        for (; at > 0 && compare_keys(d, &d->rows[at - 1], d, &row) > 0; at--)
            d->rows[at] = d->rows[at - 1];
        d->rows[at] = row;
    }
}

static void dump_init(struct dump *d, struct exec_rig *rig, uint64_t height)
{
    *d = (struct dump){0};
    buf_init(&d->bytes, mem_system(), 0);
    sqlite3 *reader = open_reader(rig, height);
    struct sql_catalog *catalog = NULL;
    assert_int_equal(sql_catalog_load(&catalog, mem_system(), reader), ST_OK);
    for (uint32_t i = 0; i < sql_catalog_table_count(catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(catalog, i);
        if (!t->is_virtual) dump_table(d, reader, t);
    }
    sql_catalog_unref(catalog);
    db_reader_close(exec_db(rig->exec), reader);
    assert_int_equal(buf_status(&d->bytes), ST_OK);
    sort_rows(d);
}

static void dump_fini(struct dump *d)
{
    buf_fini(&d->bytes);
    free(d->rows);
}

static bool has_table(const struct dump *d, uint64_t table, struct exec_rig *rig)
{
    (void)d;
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT id FROM \"trustsql.tables\" WHERE id = %llu",
             (unsigned long long)table);
    return table < CATALOG_FIRST_ID || exec_rig_int(rig, sql) != INT64_MIN;
}

static void put_entry(struct buf *out, const struct dump *d, const struct row *row, bool is_gone)
{
    cbor_put_array(out, 3);
    cbor_put_uint(out, row->table);
    buf_put(out, part(d, row->key, row->row));
    if (is_gone)
        cbor_put_null(out);
    else
        buf_put(out, part(d, row->row, row->end));
}

void exec_rig_compare(struct exec_rig *rig, uint64_t before, uint64_t after, struct buf *out)
{
    struct dump a;
    struct dump b;
    struct buf entries;
    buf_init(&entries, mem_system(), 0);
    dump_init(&a, rig, before);
    dump_init(&b, rig, after);
    uint32_t count = 0;
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < a.count || k < b.count) {
        int order = i == a.count   ? 1
                    : k == b.count ? -1
                                   : compare_keys(&a, &a.rows[i], &b, &b.rows[k]);
        if (order < 0) { /* Rows of a dropped table go without entries. */
            if (has_table(&b, a.rows[i].table, rig)) {
                put_entry(&entries, &a, &a.rows[i], true);
                count++;
            }
            i++;
            continue;
        }
        bool is_new = order > 0 || !span_equal(part(&a, a.rows[i].row, a.rows[i].end),
                                               part(&b, b.rows[k].row, b.rows[k].end));
        if (is_new) put_entry(&entries, &b, &b.rows[k], false);
        if (is_new) count++;
        if (order == 0) i++;
        k++;
    }
    cbor_put_array(out, count);
    buf_put(out, buf_span(&entries));
    buf_fini(&entries);
    dump_fini(&a);
    dump_fini(&b);
}

struct hash exec_rig_contents(struct exec_rig *rig)
{
    struct dump d;
    dump_init(&d, rig, 0);
    struct hasher h;
    hash_init(&h, "contents");
    for (uint32_t i = 0; i < d.count; i++) {
        hash_add_u64(&h, d.rows[i].table);
        hash_add(&h, part(&d, d.rows[i].key, d.rows[i].end));
    }
    dump_fini(&d);
    return hash_final(&h);
}

void exec_rig_rows(struct exec_rig *rig, struct buf *out)
{
    struct dump d;
    dump_init(&d, rig, 0);
    cbor_put_array(out, d.count);
    for (uint32_t i = 0; i < d.count; i++)
        put_entry(out, &d, &d.rows[i], false);
    dump_fini(&d);
}
