/* Goal: what a transaction returned has one encoding and survives it, rows that are not whole are
 * refused, and complaints are counted. */
#include "node/results.h"

#include "node/complaints.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct exec_rows *ops;
    uint32_t count = 0;
    TRY(results_decode(&ops, &count, a, bytes));
    results_encode(out, ops, count);
    return buf_status(out);
}

static void encodings(void **state)
{
    (void)state;
    struct sql_column columns[] = {
        {.name = span_text("id"), .type = SQL_INT4, .typmod = -1},
        {.name = span_text("name"), .type = SQL_TEXT, .typmod = 24},
    };
    struct buf rows;
    struct buf out;
    buf_init(&rows, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    for (int64_t i = 0; i < 3; i++) {
        sql_rowset_put_integer(&rows, i);
        if (i == 1)
            sql_rowset_put_null(&rows);
        else
            sql_rowset_put_bytes(&rows, span_text("text"));
    }
    const struct exec_rows ops[] = {
        {.tag = "CREATE TABLE", .notice = "it is there"},
        {.columns = columns,
         .column_count = 2,
         .rows = buf_span(&rows),
         .tag = "INSERT 0",
         .tag_has_count = true},
    };
    results_encode(&out, ops, 2);
    golden_check("results", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    struct exec_rows *got;
    uint32_t count = 0;
    struct arena a;
    arena_init(&a, mem_system(), 0);
    assert_int_equal(results_decode(&got, &count, &a, buf_span(&out)), ST_OK);
    assert_int_equal(count, 2);
    assert_string_equal(got[0].notice, "it is there");
    assert_int_equal(got[1].returned_count, 3);
    assert_int_equal(got[1].columns[1].typmod, 24);
    assert_true(span_equal(got[1].rows, buf_span(&rows)));
    struct exec_rows cut = ops[1]; /* A row that ends within. */
    cut.rows.size--;
    buf_reset(&out);
    results_encode(&out, &cut, 1);
    assert_int_equal(results_decode(&got, &count, &a, buf_span(&out)), ST_INVALID);
    arena_fini(&a);
    buf_fini(&rows);
    buf_fini(&out);
}

static void complaints_are_counted(void **state)
{
    (void)state;
    struct complaints c = {0};
    const uint64_t now = 1000000;
    for (uint32_t i = 0; i < COMPLAINTS_MINUTE; i++)
        assert_true(complaints_take(&c, 7, now + i));
    assert_false(complaints_take(&c, 7, now + 59000));
    assert_true(complaints_take(&c, 8, now));
    assert_true(complaints_take(&c, 7, now + 60000));
    uint32_t baseless = 0;
    while (complaints_take(&c, 9, now)) {
        complaints_note_baseless(&c, 9);
        baseless++;
    }
    assert_int_equal(baseless, COMPLAINTS_MINUTE / COMPLAINTS_BASELESS);
}

/* Both kinds need bytes of their kind; what is none of them costs as much as ten. */
static void complaints_are_judged(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3};
    struct complaints c = {0};
    const char *why = NULL;
    struct complaint k = {.account = 5, .bytes = span_of(bytes, sizeof bytes)};
    assert_int_equal(complaints_judge(&c, &k, 60000, &why), ST_OK);
    k.kind = COMPLAINT_CONFLICT;
    assert_int_equal(complaints_judge(&c, &k, 60000, &why), ST_INVALID);
    assert_string_equal(why, "CONFLICT goes with evidence of kind E10");
    k.kind = COMPLAINT_OTHER;
    assert_int_equal(complaints_judge(&c, &k, 60000, &why), ST_INVALID);
    k.kind = COMPLAINT_TIMEOUT;
    k.bytes = span_of(NULL, 0);
    assert_int_equal(complaints_judge(&c, &k, 60000, &why), ST_INVALID);
    k.bytes = span_of(bytes, sizeof bytes);
    for (uint32_t i = 1 + 3 * COMPLAINTS_BASELESS; i < COMPLAINTS_MINUTE; i++)
        assert_int_equal(complaints_judge(&c, &k, 60000, &why), ST_OK);
    assert_int_equal(complaints_judge(&c, &k, 60000, &why), ST_BUSY);
    assert_string_equal(why, "too many complaints");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(complaints_are_counted),
        cmocka_unit_test(complaints_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
