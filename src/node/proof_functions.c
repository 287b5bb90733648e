/* proof_functions.c - From arguments of SQL to requests of proofs. */
#include "node/proof_functions.h"

#include "base/must.h"
#include "node/chain_tables.h"
#include "node/proof_maker.h"
#include "node/row_key.h"

#define SHOWN_MAX 1024u

struct shown_list {
    struct proof_shown items[SHOWN_MAX];
    uint32_t count;
};

static enum status refuse(const struct node_functions *f, const char *sqlstate, const char *text)
{
    diag_set(f->sql->diag, sqlstate, "%s", text);
    return ST_INVALID;
}

static struct span bytes_of(sqlite3_value *value)
{
    const void *data = sqlite3_value_blob(value); /* First: it may change the encoding. */
    const int size = sqlite3_value_bytes(value);
    return data == NULL ? span_of("", 0) : span_of(data, (size_t)size);
}

static bool has_null(int count, sqlite3_value **args)
{
    for (int i = 0; i < count; i++)
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) return true;
    return false;
}

/* The proof, or NULL where none can be made. */
static enum status give(sqlite3_context *to, const struct buf *out, enum status st)
{
    if (st == ST_OK) sqlite3_result_blob64(to, out->data, out->size, SQLITE_TRANSIENT);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* --- transactions ----------------------------------------------------------------------------- */

static bool read_number(struct span *text, uint32_t *out)
{
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9' &&
           digits < 9)
        value = 10 * value + (uint64_t)(text->data[digits++] - '0');
    *text = span_of(text->data + digits, text->size - digits);
    *out = (uint32_t)value;
    return digits > 0;
}

static bool read_character(struct span *text, char c)
{
    if (text->size == 0 || text->data[0] != (uint8_t)c) return false;
    *text = span_of(text->data + 1, text->size - 1);
    return true;
}

/* "0.1,0.2": operation, as they are counted from 0, and the number of its $n. */
static bool parse_shown(struct shown_list *out, struct span text)
{
    out->count = 0;
    while (text.size > 0) {
        struct proof_shown *item = &out->items[out->count];
        if (out->count == SHOWN_MAX) return false;
        if (out->count > 0 && !read_character(&text, ',')) return false;
        if (!read_number(&text, &item->op) || !read_character(&text, '.')) return false;
        (void)read_character(&text, '$');
        if (!read_number(&text, &item->param) || item->param == 0) return false;
        item->param--;
        out->count++;
    }
    return true;
}

/* What stands in a transaction is for its own account: others read tables, by their rights. */
static enum status check_owner(const struct node_functions *f, uint64_t height, uint32_t index)
{
    struct proof_maker *m = proof_maker_new(f->source);
    struct body body;
    struct tx t;
    if (m == NULL) return ST_NO_MEMORY;
    enum status st = proof_maker_body(m, height, &body);
    if (st == ST_OK && index >= body.tx_count) st = ST_CORRUPT;
    if (st == ST_OK) st = tx_decode(&t, &m->arena, body.txs[index]);
    if (st == ST_OK && memcmp(&t.account, &f->account->address, sizeof t.account) != 0)
        st = refuse(f, "42501", "only the account of a transaction can show what stands in it");
    proof_maker_free(m);
    return st;
}

static enum status make_tx(const struct node_functions *f,
                           sqlite3_context *to,
                           struct proof_tx_request *request)
{
    struct buf out;
    buf_init(&out, f->source->mem, 0);
    enum status st = proof_make_tx(f->source, request, &out);
    if (st == ST_INVALID) st = refuse(f, "22023", "the transaction has no such parameter");
    st = give(to, &out, st);
    buf_fini(&out);
    return st;
}

enum status proof_function_tx(const struct node_functions *f,
                              sqlite3_context *to,
                              int count,
                              sqlite3_value **args)
{
    struct hash txid;
    struct proof_tx_request request = {.has_genesis = true, .shows = count == 2};
    if (has_null(count, args)) return ST_OK;
    if (sqlite3_value_bytes(args[0]) != (int)HASH_SIZE)
        return refuse(f, "22023", "a transaction id is 32 bytes long");
    memcpy(txid.bytes, sqlite3_value_blob(args[0]), HASH_SIZE);
    enum status st = store_find_tx(f->source->store, &txid, &request.height, &request.index);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    if (request.height > chain_tables_height(f->source)) return ST_OK;
    if (!request.shows) return make_tx(f, to, &request);
    struct shown_list *list = mem_alloc_zero(f->source->mem, 1, sizeof *list);
    if (list == NULL) return ST_NO_MEMORY;
    if (!parse_shown(list, bytes_of(args[1])))
        st = refuse(f, "22023", "what is to be shown is a list of OPERATION.PARAMETER: 0.1,0.2");
    request.shown = list->items;
    request.shown_count = list->count;
    if (st == ST_OK) st = check_owner(f, request.height, request.index);
    if (st == ST_OK) st = make_tx(f, to, &request);
    mem_free(f->source->mem, list);
    return st;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* "t", "public.t" or "trustsql.accounts", by the rights of the one who asks. */
static enum status find_table(const struct node_functions *f,
                              struct span name,
                              const struct catalog_table **out)
{
    struct span schema = {0};
    struct diag *d = f->sql->diag;
    struct span rest = name;
    const uint8_t *dot = name.size == 0 ? NULL : memchr(name.data, '.', name.size);
    if (dot != NULL) {
        schema = span_of(name.data, (size_t)(dot - name.data));
        rest = span_of(dot + 1, name.size - schema.size - 1);
    }
    const struct catalog_table *t = sql_catalog_find(f->catalog, schema, rest);
    if (t == NULL) {
        diag_set(d, "42P01", "relation \"%.*s\" does not exist", (int)name.size,
                 (const char *)name.data);
        return ST_INVALID;
    }
    struct sql_access access = {.table_id = t->id, .rights = SQL_RIGHT_SELECT};
    const struct sql_statement reading = {.access = &access, .access_count = 1};
    TRY(exec_check_access(f->catalog, &reading, f->account, d));
    if (t->is_virtual) return refuse(f, "0A000", "the table has no rows in the chain");
    *out = t;
    return ST_OK;
}

static enum status make_row(const struct node_functions *f,
                            sqlite3_context *to,
                            struct proof_row_request *request,
                            struct span text)
{
    struct arena a;
    struct buf key;
    struct buf out;
    arena_init(&a, f->source->mem, 0);
    buf_init(&key, f->source->mem, 0);
    buf_init(&out, f->source->mem, 0);
    enum status st = row_key_encode(&key, request->table, text, &a, f->sql->diag);
    request->key = buf_span(&key);
    if (st == ST_OK) st = give(to, &out, proof_make_row(f->source, request, &out));
    buf_fini(&out);
    buf_fini(&key);
    arena_fini(&a);
    return st;
}

enum status proof_function_row(const struct node_functions *f,
                               sqlite3_context *to,
                               int count,
                               sqlite3_value **args)
{
    const struct catalog_table *table = NULL;
    if (has_null(count, args)) return ST_OK;
    TRY(find_table(f, bytes_of(args[0]), &table));
    struct proof_row_request request = {.connection = f->connection,
                                        .table = table,
                                        .height = chain_tables_height(f->source),
                                        .look_at = UINT32_MAX,
                                        .is_cancelled = f->is_cancelled};
    if (count == 3) {
        const int64_t height = sqlite3_value_int64(args[2]);
        if (height < 1) return refuse(f, "22023", "the first height is 1");
        if ((uint64_t)height > request.height)
            return refuse(f, "TQ008", "the height is not executed here yet");
        request.height = (uint64_t)height;
    }
    if (f->lasts != NULL) f->lasts(f->context);
    return make_row(f, to, &request, bytes_of(args[1]));
}

/* --- transactions that are not there -----------------------------------------------------------
 */

static enum status explain_absence(const struct node_functions *f, enum status st)
{
    if (st == ST_EXISTS)
        return refuse(f, "22023", "the transaction stands in the chain: ask for proof_tx");
    if (st == ST_LIMIT)
        return refuse(f, "54000", "the heights reach over too many checkpoints for one proof");
    return st;
}

enum status proof_function_absent(const struct node_functions *f,
                                  sqlite3_context *to,
                                  int count,
                                  sqlite3_value **args)
{
    struct buf out;
    struct proof_no_tx_request request = {.connection = f->connection,
                                          .interval_max = PROOF_INTERVALS_MAX,
                                          .is_cancelled = f->is_cancelled};
    if (has_null(count, args)) return ST_OK;
    const uint64_t newest = chain_tables_height(f->source);
    if (sqlite3_value_bytes(args[0]) != (int)HASH_SIZE)
        return refuse(f, "22023", "a transaction id is 32 bytes long");
    memcpy(request.txid.bytes, sqlite3_value_blob(args[0]), HASH_SIZE);
    request.from = newest > TX_SPAN_BLOCKS_MAX ? newest - TX_SPAN_BLOCKS_MAX : 1;
    if (count == 3) {
        const int64_t from = sqlite3_value_int64(args[1]);
        const int64_t last = sqlite3_value_int64(args[2]);
        if (from < 1 || last < from) return refuse(f, "22023", "heights are from 1 on, ascending");
        request.from = (uint64_t)from;
        request.to = (uint64_t)last;
    }
    if (f->lasts != NULL) f->lasts(f->context);
    buf_init(&out, f->source->mem, 0);
    enum status st = proof_make_no_tx(f->source, &request, &out);
    st = give(to, &out, explain_absence(f, st));
    buf_fini(&out);
    return st;
}
