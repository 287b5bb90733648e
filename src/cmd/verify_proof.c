/* verify_proof.c - A proof from a file, checked against the genesis, and what it proves in words.
 */
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "cmd/verify_int.h"
#include "ledger/proof.h"
#include "ledger/proof_json.h"
#include "node/node.h"

#define FILE_SIZE_MAX   ((size_t)3 * PROOF_BYTES_MAX) /* JSON has two digits for a byte. */
#define VALUE_DEPTH_MAX 1u

struct desk { /* What the check is made of. */
    struct buf genesis;
    struct buf file;
    struct buf bytes; /* Of a file in JSON. */
    struct arena arena;
    struct hash chain_id;
    struct signer *signer;
    struct proof_facts facts;
    const char *what;
};

static int read_files(const struct command *self,
                      struct desk *d,
                      const char *path,
                      const char *genesis);
static enum status check(struct desk *d);
static int show(const struct desk *d, bool is_json);

int verify_proof(const struct command *self,
                 const char *path,
                 const struct verify_proof_options *options)
{
    struct desk *d = mem_alloc_zero(mem_system(), 1, sizeof *d);
    if (d == NULL) return EXIT_CHECK_FAILED;
    buf_init(&d->genesis, mem_system(), 0);
    buf_init(&d->file, mem_system(), 0);
    buf_init(&d->bytes, mem_system(), PROOF_BYTES_MAX);
    arena_init(&d->arena, mem_system(), 0);
    int exit_code = read_files(self, d, path, options->genesis);
    if (exit_code == EXIT_FINE) {
        if (check(d) == ST_OK) {
            exit_code = show(d, options->is_json);
        } else {
            exit_code = EXIT_CHECK_FAILED;
            if (options->is_json) printf("{\"ok\":false,\"reason\":\"%s\"}\n", d->what);
            complain(self, NULL, "%s is not proved: %s", path, d->what);
        }
    }
    signer_free(d->signer);
    arena_fini(&d->arena);
    buf_fini(&d->bytes);
    buf_fini(&d->file);
    buf_fini(&d->genesis);
    mem_free(mem_system(), d);
    return exit_code;
}

enum status verify_from_hex(struct buf *file)
{
    if (file->size < 2 || file->data[0] != '\\' || file->data[1] != 'x') return ST_OK;
    while (file->size > 2 && file->data[file->size - 1] == '\n')
        file->size--;
    const size_t size = (file->size - 2) / 2;
    TRY(hex_decode(file->data, size, span_of(file->data + 2, file->size - 2)));
    file->size = size;
    return ST_OK;
}

/* 64 digits are the hash, anything else is a file. */
static enum status read_genesis(struct desk *d, const char *genesis)
{
    if (hex_decode(d->chain_id.bytes, HASH_SIZE, span_text(genesis)) == ST_OK) return ST_OK;
    TRY(os_read_file(os_posix(), genesis, NODE_GENESIS_SIZE_MAX, &d->genesis));
    d->chain_id = genesis_chain_id(buf_span(&d->genesis));
    return ST_OK;
}

static int read_files(const struct command *self,
                      struct desk *d,
                      const char *path,
                      const char *genesis)
{
    enum status st = read_genesis(d, genesis);
    if (st != ST_OK) {
        complain(self, "Give the genesis file of the chain, or its hash: 64 digits.",
                 "the genesis %s: %s", genesis, status_text(st));
        return EXIT_USAGE;
    }
    st = os_read_file(os_posix(), path, FILE_SIZE_MAX, &d->file);
    if (st == ST_OK) return EXIT_FINE;
    complain(self, NULL, "%s: %s", path, status_text(st));
    return EXIT_USAGE;
}

static bool is_text(const struct buf *file)
{
    size_t at = 0;
    while (at < file->size && (file->data[at] == ' ' || file->data[at] == '\n'))
        at++;
    return at < file->size && file->data[at] == '{';
}

static enum status check(struct desk *d)
{
    uint8_t seed[32];
    struct span bytes = buf_span(&d->file);
    d->what = "the proof is malformed";
    if (is_text(&d->file)) {
        TRY(proof_from_json(&d->bytes, bytes));
        bytes = buf_span(&d->bytes);
    } else {
        TRY(verify_from_hex(&d->file));
        bytes = buf_span(&d->file);
    }
    os_posix()->entropy(os_posix(), seed, sizeof seed);
    TRY(signer_new(&d->signer, seed));
    const struct proof_anchor anchor = {
        .chain_id = &d->chain_id, .genesis = buf_span(&d->genesis), .signer = d->signer};
    return proof_verify_bytes(bytes, &anchor, &d->facts, &d->arena, &d->what);
}

/* --- in words and in JSON --------------------------------------------------------------------- */

static void put_hex(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        buf_printf(out, "%02x", bytes.data[i]);
}

/* One value as JSON; bytes as psql prints them. */
static void put_value(struct buf *out, struct cbor *in)
{
    enum cbor_kind kind = CBOR_NULL;
    if (!cbor_peek(in, &kind)) return;
    switch (kind) {
    case CBOR_UINT:
    case CBOR_NEGATIVE: buf_printf(out, "%lld", (long long)cbor_get_int(in)); return;
    case CBOR_TEXT: json_put_text(out, cbor_get_text(in)); return;
    case CBOR_BYTES:
        buf_put_text(out, "\"\\\\x");
        put_hex(out, cbor_get_bytes(in));
        buf_put_u8(out, '"');
        return;
    case CBOR_FALSE:
    case CBOR_TRUE: buf_put_text(out, cbor_get_bool(in) ? "true" : "false"); return;
    case CBOR_FLOAT: buf_printf(out, "%.17g", cbor_get_float(in)); return;
    case CBOR_NULL:
    case CBOR_ARRAY: break;
    }
    (void)cbor_get_item(in, VALUE_DEPTH_MAX);
    buf_put_text(out, "null");
}

static void put_values(struct buf *out, struct span array)
{
    struct cbor in = cbor_of(array);
    const uint64_t count = cbor_get_array(&in);
    buf_put_u8(out, '[');
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        put_value(out, &in);
    }
    buf_put_u8(out, ']');
}

static void put_shown(struct buf *out, const struct tx *t)
{
    bool is_first = true;
    buf_put_text(out, ",\"operations\":[");
    for (uint32_t i = 0; i < t->op_count; i++) {
        if (i > 0) buf_put_u8(out, ',');
        json_put_text(out, t->ops[i].text);
    }
    buf_put_text(out, "],\"shown\":[");
    for (uint32_t i = 0; i < t->op_count; i++) {
        for (uint32_t k = 0; k < t->ops[i].param_count; k++) {
            if (t->ops[i].params[k].is_purged) continue;
            struct cbor in = cbor_of(t->ops[i].params[k].value);
            buf_printf(out, "%s{\"operation\":%u,\"parameter\":%u,\"value\":", is_first ? "" : ",",
                       i, k + 1);
            put_value(out, &in);
            buf_put_u8(out, '}');
            is_first = false;
        }
    }
    buf_put_u8(out, ']');
}

static void put_receipt(struct buf *out, const struct receipt *r)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < r->op_count; i++)
        rows += r->ops[i].row_count;
    buf_put_text(out, ",\"txid\":\"");
    put_hex(out, hash_span(&r->txid));
    buf_printf(out, "\",\"index\":%u,\"status\":\"%s\",\"row_count\":%llu,\"sqlstate\":\"%s\",",
               r->index, r->status == RECEIPT_OK ? "ok" : "failed", (unsigned long long)rows,
               r->diag.sqlstate);
    buf_put_text(out, "\"message\":");
    json_put_text(out, span_text(r->diag.message));
}

static void put_json(struct buf *out, const struct desk *d)
{
    const struct proof_facts *f = &d->facts;
    const bool is_tx = f->kind == PROOF_TX;
    buf_printf(out, "{\"ok\":true,\"kind\":\"%s\",\"chain_id\":\"", proof_kind_text(f->kind));
    put_hex(out, hash_span(&d->chain_id));
    buf_printf(out, "\",\"height\":%llu,\"block\":%llu,\"epoch\":%llu,\"time_ms\":%llu",
               (unsigned long long)(is_tx ? f->header.height : f->height),
               (unsigned long long)f->header.height, (unsigned long long)f->header.epoch,
               (unsigned long long)f->header.time_ms);
    if (is_tx) put_receipt(out, &f->receipt);
    if (is_tx && f->shown != NULL) put_shown(out, f->shown);
    if (f->kind == PROOF_NO_TX) {
        buf_put_text(out, ",\"txid\":\"");
        put_hex(out, hash_span(&f->txid));
        buf_printf(out, "\",\"after\":%llu,\"passed_ms\":%llu", (unsigned long long)f->after,
                   (unsigned long long)f->passed_ms);
    } else if (!is_tx) {
        buf_printf(out, ",\"table_id\":%llu,\"key\":", (unsigned long long)f->table_id);
        put_values(out, f->key);
        buf_put_text(out, ",\"row\":");
        if (f->row.size > 0)
            put_values(out, f->row);
        else
            buf_put_text(out, "null");
    }
    buf_put_text(out, "}\n");
}

static void put_tx_text(struct buf *out, const struct proof_facts *f)
{
    const struct receipt *r = &f->receipt;
    buf_put_text(out, "transaction ");
    put_hex(out, hash_span(&r->txid));
    buf_printf(out, " stands in block %llu at place %u and ", (unsigned long long)r->height,
               r->index);
    if (r->status == RECEIPT_OK)
        buf_put_text(out, "succeeded\n");
    else
        buf_printf(out, "failed: %s %s\n", r->diag.sqlstate, r->diag.message);
    const struct tx *t = f->shown;
    for (uint32_t i = 0; t != NULL && i < t->op_count; i++) {
        buf_printf(out, "operation %u: %.*s\n", i, (int)t->ops[i].text.size,
                   (const char *)t->ops[i].text.data);
        for (uint32_t k = 0; k < t->ops[i].param_count; k++) {
            struct cbor in = cbor_of(t->ops[i].params[k].value);
            buf_printf(out, "  $%u = ", k + 1);
            if (t->ops[i].params[k].is_purged)
                buf_put_text(out, "(not shown)");
            else
                put_value(out, &in);
            buf_put_u8(out, '\n');
        }
    }
}

static void put_text(struct buf *out, const struct desk *d)
{
    const struct proof_facts *f = &d->facts;
    buf_put_text(out, "proved from the genesis: ");
    if (f->kind == PROOF_TX) {
        put_tx_text(out, f);
        return;
    }
    if (f->kind == PROOF_NO_TX) {
        const uint64_t first = f->after + 1;
        buf_put_text(out, "transaction ");
        put_hex(out, hash_span(&f->txid));
        buf_printf(out, " stands in none of the blocks %llu to %llu\n", (unsigned long long)first,
                   (unsigned long long)f->height);
        return;
    }
    const bool is_version = f->kind == PROOF_ROW_VERSION;
    buf_put_text(out, is_version ? "block " : "after block ");
    buf_printf(out, "%llu ", (unsigned long long)f->height);
    buf_put_text(out, is_version ? "made of the row with key " : "the row with key ");
    put_values(out, f->key);
    buf_printf(out, " of table %llu", (unsigned long long)f->table_id);
    if (f->row.size == 0) {
        buf_put_text(out, is_version ? " nothing: it is gone\n" : " does not exist\n");
        return;
    }
    buf_put_text(out, is_version ? " this: " : " is ");
    put_values(out, f->row);
    buf_put_u8(out, '\n');
}

static int show(const struct desk *d, bool is_json)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    if (is_json)
        put_json(&out, d);
    else
        put_text(&out, d);
    return print_and_free(&out);
}
