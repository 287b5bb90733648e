/* Goal: the rows of a COPY are inserted as an INSERT of each would, whatever parameters they come
 * in; parameters that hold no rows of the table are refused and leave nothing. */
#include "codec/cbor.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"

#define COPY "COPY \"public\".\"t\" (\"id\", \"b\") FROM STDIN"

static void add_row(struct buf *rows, int64_t id, const char *text)
{
    cbor_put_int(rows, id);
    if (text == NULL)
        cbor_put_null(rows);
    else
        cbor_put_text(rows, span_text(text));
}

/* One transaction of one COPY; each part is a parameter. */
static void copy(struct exec_rig *rig, const char *text, const struct span *parts, uint32_t count)
{
    struct tx *tx = chain_tx_begin(rig->chain, 0);
    struct tx_op *op = chain_op(rig->chain, tx, text);
    for (uint32_t i = 0; i < count; i++)
        chain_param_bytes(rig->chain, op, parts[i]);
    (void)chain_tx_end(rig->chain, tx);
    (void)exec_rig_apply(rig);
}

static void begin(struct exec_rig *rig, uint32_t exec_version)
{
    const struct chain_options options = {.exec_version = exec_version};
    exec_rig_init(rig, &options);
    exec_rig_do(rig, 0, "CREATE TABLE t (id integer PRIMARY KEY, b text, c integer DEFAULT 5)");
}

static void test_rows_of_several_parameters(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct buf rows;
    begin(&rig, 4);
    buf_init(&rows, mem_system(), 0);
    add_row(&rows, 1, "one");
    add_row(&rows, -2, NULL);
    const size_t first = rows.size;
    add_row(&rows, 3, "");
    const struct span parts[] = {span_of(rows.data, first), span_of("", 0),
                                 span_of(rows.data + first, rows.size - first)};
    copy(&rig, COPY, parts, 3);
    exec_rig_expect(&rig, 0, "");
    assert_int_equal(exec_rig_receipt(&rig, 0).ops[0].row_count, 3);
    assert_string_equal(rig.outcome.txs[0].ops[0].tag, "COPY");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM t WHERE c = 5"), 3);
    assert_int_equal(exec_rig_int(&rig, "SELECT id FROM t WHERE b IS NULL"), -2);
    buf_fini(&rows);
    exec_rig_fini(&rig);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct buf rows;
    begin(&rig, 4);
    buf_init(&rows, mem_system(), 0);
    add_row(&rows, 7, "seven");
    for (size_t size = 1; size < rows.size; size++) {
        const struct span part = span_of(rows.data, size);
        copy(&rig, COPY, &part, 1);
        exec_rig_expect(&rig, 0, "22P03");
    }
    add_row(&rows, INT64_C(1) << 31, "too large");
    struct span part = buf_span(&rows);
    copy(&rig, COPY, &part, 1);
    exec_rig_expect(&rig, 0, "22P03");
    assert_int_equal(rig.outcome.txs[0].diag.row, 2);
    buf_reset(&rows);
    add_row(&rows, 7, "seven");
    add_row(&rows, 8, "eight");
    add_row(&rows, 7, "again");
    part = buf_span(&rows);
    copy(&rig, COPY, &part, 1);
    exec_rig_expect(&rig, 0, "23505");
    assert_int_equal(rig.outcome.txs[0].diag.row, 3);
    copy(&rig, "COPY t FROM '/etc/passwd'", &part, 1);
    exec_rig_expect(&rig, 0, "42501");
    copy(&rig, "COPY t TO STDOUT", &part, 0);
    exec_rig_expect(&rig, 0, "0A000");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM t"), 0);
    struct tx *tx = chain_tx_begin(rig.chain, 0);
    struct tx_op *op = chain_op(rig.chain, tx, COPY);
    chain_param_text(rig.chain, op, "1\tone");
    (void)chain_tx_end(rig.chain, tx);
    (void)exec_rig_apply(&rig);
    exec_rig_expect(&rig, 0, "22P03");
    buf_fini(&rows);
    exec_rig_fini(&rig);
}

static void test_fuel_and_version(void **state)
{
    (void)state;
    const struct chain_options little = {.exec_version = 4, .fuel_tx = 20000};
    struct exec_rig rig;
    struct buf rows;
    buf_init(&rows, mem_system(), 0);
    for (int64_t i = 0; i < 5000; i++)
        add_row(&rows, i, "x");
    const struct span part = buf_span(&rows);
    exec_rig_init(&rig, &little);
    exec_rig_do(&rig, 0, "CREATE TABLE t (id integer PRIMARY KEY, b text)");
    copy(&rig, COPY, &part, 1);
    exec_rig_expect(&rig, 0, "54000");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM t"), 0);
    exec_rig_fini(&rig);
    begin(&rig, 3);
    copy(&rig, COPY, &part, 1);
    exec_rig_expect(&rig, 0, "0A000");
    exec_rig_fini(&rig);
    buf_fini(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_several_parameters),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_fuel_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
