/* proof.c - Proofs for those who hold a genesis, or its hash: check, facts, forms. */
#include "ledger/proof.h"

#include "base/must.h"
#include "client/client_int.h"
#include "codec/cbor.h"
#include "ledger/proof_json.h"

#define VALUE_DEPTH_MAX 1u

struct request {
    const struct trustsql *lib;
    struct arena *arena;
    const struct hash *chain_id;
    struct span genesis; /* Size 0: the proof brings it. */
    struct span proof;   /* CBOR. */
};

static enum status bytes_of(struct span file, struct arena *a, struct span *out);
static enum status check(const struct request *r, struct proof_facts *out, const char **what);
static void fill_receipt(struct trustsql_receipt *out, const struct receipt *r);
static enum status fill_facts(struct trustsql_facts *out,
                              const struct proof_facts *f,
                              const struct hash *chain_id);
static void copy_text(char *to, size_t size, struct span text);
static enum status copy_bytes(struct trustsql_bytes *to, struct span bytes);
static struct span span_of_bytes(const struct trustsql_bytes *bytes);

void trustsql_chain_id(uint8_t out[32], const void *genesis, size_t size)
{
    struct hash id = genesis_chain_id(span_of(genesis, size));
    memcpy(out, id.bytes, HASH_SIZE);
}

enum trustsql_status trustsql_proof_verify(const struct trustsql *lib,
                                           struct trustsql_receipt *out,
                                           const char **what,
                                           const struct trustsql_bytes *genesis,
                                           const struct trustsql_bytes *proof)
{
    struct arena a;
    struct proof_facts facts;
    const char *wrong = "the proof is malformed";
    const struct hash chain_id = genesis_chain_id(span_of_bytes(genesis));
    struct request r = {
        .lib = lib, .arena = &a, .chain_id = &chain_id, .genesis = span_of_bytes(genesis)};
    arena_init(&a, lib->mem, 0);
    enum status st = bytes_of(span_of_bytes(proof), &a, &r.proof);
    if (st == ST_OK) st = check(&r, &facts, &wrong);
    if (st == ST_OK && facts.kind != PROOF_TX) {
        wrong = "the proof is not of a transaction";
        st = ST_REJECTED;
    }
    if (st == ST_OK) fill_receipt(out, &facts.receipt);
    if (what != NULL) *what = st == ST_OK ? NULL : wrong;
    arena_fini(&a);
    return client_status(st);
}

enum trustsql_status trustsql_proof_check(const struct trustsql *lib,
                                          struct trustsql_facts *out,
                                          const char **what,
                                          const uint8_t chain_id[32],
                                          const struct trustsql_bytes *proof)
{
    struct arena a;
    struct hash id;
    struct proof_facts facts;
    struct trustsql_facts told = {.kind = TRUSTSQL_PROOF_TX};
    const char *wrong = "the proof is malformed";
    memcpy(id.bytes, chain_id, HASH_SIZE);
    struct request r = {.lib = lib, .arena = &a, .chain_id = &id};
    arena_init(&a, lib->mem, 0);
    enum status st = bytes_of(span_of_bytes(proof), &a, &r.proof);
    if (st == ST_OK) st = check(&r, &facts, &wrong);
    if (st == ST_OK) st = fill_facts(&told, &facts, &id);
    if (st == ST_OK) *out = told;
    if (what != NULL) *what = st == ST_OK ? NULL : wrong;
    arena_fini(&a);
    return client_status(st);
}

void trustsql_facts_free(struct trustsql_facts *facts)
{
    trustsql_bytes_free(&facts->key);
    trustsql_bytes_free(&facts->row);
    trustsql_bytes_free(&facts->shown);
}

int trustsql_facts_never(const struct trustsql_facts *facts,
                         uint64_t valid_until_ms,
                         uint64_t valid_until_height)
{
    const struct proof_facts f = {.kind = (enum proof_kind)facts->kind,
                                  .height = facts->height,
                                  .after = facts->after,
                                  .passed_ms = facts->passed_ms};
    return f.kind == PROOF_NO_TX && proof_covers_life(&f, valid_until_ms, valid_until_height);
}

enum trustsql_status trustsql_proof_form(const struct trustsql *lib,
                                         struct trustsql_bytes *out,
                                         enum trustsql_form form,
                                         const struct trustsql_bytes *proof)
{
    struct arena a;
    struct buf text;
    struct span bytes;
    arena_init(&a, lib->mem, 0);
    buf_init(&text, lib->mem, 0);
    enum status st = bytes_of(span_of_bytes(proof), &a, &bytes);
    struct proof *p = st == ST_OK ? arena_alloc_zero(&a, 1, sizeof *p) : NULL;
    if (st == ST_OK) st = p == NULL ? ST_NO_MEMORY : proof_decode(p, &a, bytes);
    if (st == ST_OK && form == TRUSTSQL_JSON) {
        st = proof_to_json(&text, bytes);
        bytes = buf_span(&text);
    }
    if (st == ST_OK) st = copy_bytes(out, bytes);
    buf_fini(&text);
    arena_fini(&a);
    return client_status(st);
}

/* --- values ----------------------------------------------------------------------------------- */

static enum status read_value(struct trustsql_value *out, struct span item)
{
    struct cbor in = cbor_of(item);
    enum cbor_kind kind;
    struct trustsql_value v = {.kind = TRUSTSQL_VALUE_NULL};
    struct span bytes = {0};
    if (!cbor_peek(&in, &kind)) return ST_TRUNCATED;
    switch (kind) {
    case CBOR_NULL: (void)cbor_get_null(&in); break;
    case CBOR_FALSE:
    case CBOR_TRUE:
        v.kind = TRUSTSQL_VALUE_INT;
        v.integer = cbor_get_bool(&in);
        break;
    case CBOR_UINT:
    case CBOR_NEGATIVE:
        v.kind = TRUSTSQL_VALUE_INT;
        v.integer = cbor_get_int(&in);
        break;
    case CBOR_FLOAT:
        v.kind = TRUSTSQL_VALUE_FLOAT;
        v.real = cbor_get_float(&in);
        break;
    case CBOR_TEXT:
        v.kind = TRUSTSQL_VALUE_TEXT;
        bytes = cbor_get_text(&in);
        break;
    case CBOR_BYTES:
        v.kind = TRUSTSQL_VALUE_BYTES;
        bytes = cbor_get_bytes(&in);
        break;
    case CBOR_ARRAY: cbor_fail(&in); break;
    }
    TRY(cbor_end(&in));
    v.data = bytes.data;
    v.size = bytes.size;
    *out = v;
    return ST_OK;
}

enum trustsql_status trustsql_row_value(struct trustsql_value *out,
                                        const struct trustsql_bytes *row,
                                        uint32_t index)
{
    struct cbor in = cbor_of(span_of_bytes(row));
    const uint64_t count = cbor_get_array(&in);
    if (in.status != ST_OK) return client_status(in.status);
    if (index >= count) return TRUSTSQL_NOT_FOUND;
    for (uint32_t i = 0; i < index; i++)
        (void)cbor_get_item(&in, VALUE_DEPTH_MAX);
    struct span item = cbor_get_item(&in, VALUE_DEPTH_MAX);
    if (in.status != ST_OK) return client_status(in.status);
    return client_status(read_value(out, item));
}

enum trustsql_status trustsql_shown_value(const struct trustsql *lib,
                                          struct trustsql_value *out,
                                          const struct trustsql_facts *facts,
                                          uint32_t op,
                                          uint32_t param)
{
    struct arena a;
    struct tx t = {0};
    arena_init(&a, lib->mem, 0);
    enum status st = ST_NOT_FOUND;
    if (facts->shown.size > 0) st = tx_decode(&t, &a, span_of_bytes(&facts->shown));
    if (st == ST_OK && (op >= t.op_count || param >= t.ops[op].param_count)) st = ST_NOT_FOUND;
    if (st == ST_OK && t.ops[op].params[param].is_purged) st = ST_DENIED;
    if (st == ST_OK) st = read_value(out, t.ops[op].params[param].value);
    arena_fini(&a);
    return client_status(st);
}

/* --- insides ---------------------------------------------------------------------------------- */

/* A file is CBOR, or JSON. */
static enum status bytes_of(struct span file, struct arena *a, struct span *out)
{
    struct buf bytes;
    *out = file;
    size_t at = 0;
    while (at < file.size && (file.data[at] == ' ' || file.data[at] == '\n'))
        at++;
    if (at == file.size || file.data[at] != '{') return ST_OK;
    buf_init(&bytes, a->mem, PROOF_BYTES_MAX);
    enum status st = proof_from_json(&bytes, file);
    if (st == ST_OK) {
        *out = arena_copy(a, buf_span(&bytes));
        if (out->data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&bytes);
    return st;
}

static enum status check(const struct request *r, struct proof_facts *out, const char **what)
{
    const struct proof_anchor anchor = {
        .chain_id = r->chain_id, .genesis = r->genesis, .signer = r->lib->signer};
    return proof_verify_bytes(r->proof, &anchor, out, r->arena, what);
}

static void fill_receipt(struct trustsql_receipt *out, const struct receipt *r)
{
    memset(out, 0, sizeof *out);
    memcpy(out->txid, r->txid.bytes, HASH_SIZE);
    out->height = r->height;
    out->index = r->index;
    out->op_count = r->op_count;
    for (uint32_t i = 0; i < r->op_count; i++)
        out->row_count += r->ops[i].row_count;
    out->is_ok = r->status == RECEIPT_OK;
    out->failed_op = r->failed_op;
    memcpy(out->sqlstate, r->diag.sqlstate, sizeof out->sqlstate);
    copy_text(out->message, sizeof out->message, span_text(r->diag.message));
    out->is_custodial = r->holder != 0;
    copy_text(out->custodian, sizeof out->custodian, r->holder_name);
}

static enum status fill_facts(struct trustsql_facts *out,
                              const struct proof_facts *f,
                              const struct hash *chain_id)
{
    memset(out, 0, sizeof *out);
    out->kind = (enum trustsql_proof_kind)f->kind;
    memcpy(out->chain_id, chain_id->bytes, HASH_SIZE);
    out->block_height = f->header.height;
    out->epoch = f->header.epoch;
    out->time_ms = f->header.time_ms;
    out->height = f->kind == PROOF_TX ? f->header.height : f->height;
    out->after = f->after;
    out->passed_ms = f->passed_ms;
    out->table_id = f->table_id;
    if (f->kind == PROOF_TX) fill_receipt(&out->receipt, &f->receipt);
    memcpy(out->txid, f->kind == PROOF_TX ? f->receipt.txid.bytes : f->txid.bytes, HASH_SIZE);
    enum status st = copy_bytes(&out->key, f->key);
    if (st == ST_OK) st = copy_bytes(&out->row, f->row);
    if (st == ST_OK && f->shown != NULL) st = copy_bytes(&out->shown, f->shown->bytes);
    if (st != ST_OK) trustsql_facts_free(out);
    return st;
}

/* Cut rather than too long: the texts of a receipt fit. */
static void copy_text(char *to, size_t size, struct span text)
{
    must(text.size < size);
    if (text.size > 0) memcpy(to, text.data, text.size);
    to[text.size] = 0;
}

/* As trustsql_bytes_free takes it. Nothing: null. */
static enum status copy_bytes(struct trustsql_bytes *to, struct span bytes)
{
    *to = (struct trustsql_bytes){0};
    if (bytes.size == 0) return ST_OK;
    to->data = mem_alloc(mem_system(), bytes.size);
    if (to->data == NULL) return ST_NO_MEMORY;
    memcpy(to->data, bytes.data, bytes.size);
    to->size = bytes.size;
    return ST_OK;
}

static struct span span_of_bytes(const struct trustsql_bytes *bytes)
{
    return span_of(bytes->data, bytes->size);
}
