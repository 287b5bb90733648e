/* results.c - Encoding of what a transaction returned.
 *
 *   results   = [operation…]
 *   operation = [tag, has count, notice or null, [[name, type, typmod]…], rows as bytes] */
#include "node/results.h"

#include "base/must.h"
#include "codec/cbor.h"

#define OP_ITEMS     5u
#define COLUMN_ITEMS 3u

static void get_operation(struct cbor *in, struct arena *a, struct exec_rows *op);
static void get_columns(struct cbor *in, struct arena *a, struct exec_rows *op);
static enum status count_rows(struct exec_rows *op);

void results_encode(struct buf *out, const struct exec_rows *ops, uint32_t count)
{
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct exec_rows *op = &ops[i];
        cbor_put_array(out, OP_ITEMS);
        cbor_put_text(out, span_text(op->tag));
        cbor_put_bool(out, op->tag_has_count);
        if (op->notice == NULL)
            cbor_put_null(out);
        else
            cbor_put_text(out, span_text(op->notice));
        cbor_put_array(out, op->column_count);
        for (uint32_t k = 0; k < op->column_count; k++) {
            cbor_put_array(out, COLUMN_ITEMS);
            cbor_put_text(out, op->columns[k].name);
            cbor_put_uint(out, (uint64_t)op->columns[k].type);
            cbor_put_int(out, op->columns[k].typmod);
        }
        cbor_put_bytes(out, op->rows);
    }
}

enum status results_decode(struct exec_rows **ops,
                           uint32_t *count,
                           struct arena *a,
                           struct span bytes)
{
    struct cbor in = cbor_of(bytes);
    uint64_t found = cbor_get_array(&in);
    if (found > TX_OPS_MAX) return ST_LIMIT;
    struct exec_rows *made = arena_alloc_zero(a, (size_t)found + 1, sizeof *made);
    if (made == NULL) return ST_NO_MEMORY;
    for (uint64_t i = 0; i < found && in.status == ST_OK; i++)
        get_operation(&in, a, &made[i]);
    TRY(cbor_end(&in));
    for (uint64_t i = 0; i < found; i++)
        TRY(count_rows(&made[i]));
    *ops = made;
    *count = (uint32_t)found;
    return ST_OK;
}

/* A copy that ends with 0; null after a failure. */
static const char *get_text(struct cbor *in, struct arena *a)
{
    struct span text = cbor_get_text(in);
    bool has_end = text.size > 0 && memchr(text.data, 0, text.size) != NULL;
    if (has_end) cbor_fail(in);
    if (in->status != ST_OK) return NULL;
    struct span copy = arena_copy(a, text);
    if (copy.data == NULL) cbor_fail_with(in, ST_NO_MEMORY);
    return (const char *)copy.data;
}

static void get_operation(struct cbor *in, struct arena *a, struct exec_rows *op)
{
    cbor_expect_array(in, OP_ITEMS);
    op->tag = get_text(in, a);
    op->tag_has_count = cbor_get_bool(in);
    if (!cbor_get_null(in)) op->notice = get_text(in, a);
    get_columns(in, a, op);
    op->rows = cbor_get_bytes(in);
}

static void get_columns(struct cbor *in, struct arena *a, struct exec_rows *op)
{
    uint64_t count = cbor_get_array(in);
    if (count > SQL_COLUMNS_MAX) {
        cbor_fail_with(in, ST_LIMIT);
        return;
    }
    op->columns = arena_alloc_zero(a, (size_t)count + 1, sizeof *op->columns);
    if (op->columns == NULL) {
        cbor_fail_with(in, ST_NO_MEMORY);
        return;
    }
    op->column_count = (uint32_t)count;
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        cbor_expect_array(in, COLUMN_ITEMS);
        op->columns[i].name = cbor_get_text(in);
        uint64_t type = cbor_get_uint(in);
        int64_t typmod = cbor_get_int(in);
        const bool is_known = type <= UINT32_MAX && sql_type_is_known((uint32_t)type, UINT32_MAX);
        if (!is_known || typmod < INT32_MIN || typmod > INT32_MAX) cbor_fail(in);
        op->columns[i].type = (enum sql_type)type;
        op->columns[i].typmod = (int32_t)typmod;
    }
}

/* The rows must be whole: a door does not look for their end. */
static enum status count_rows(struct exec_rows *op)
{
    struct span at = op->rows;
    if (op->column_count == 0) return at.size == 0 ? ST_OK : ST_INVALID;
    while (at.size > 0) {
        for (uint32_t i = 0; i < op->column_count; i++) {
            struct sql_value value;
            if (!sql_rowset_next(&at, op->columns[i].type, &value)) return ST_INVALID;
        }
        op->returned_count++;
    }
    return ST_OK;
}
