/* tx.c - Transactions without a server's key: signed offline, sent through any node, proved. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "cmd/link.h"
#include "cmd/passphrase.h"
#include "ledger/proof.h"
#include "ledger/tx.h"
#include "sql/sql.h"
#include "trustsql.h"

#define TX_VALID_S      300u
#define TX_VALID_BLOCKS 60000u
#define TX_TEXTS_MAX    (1u << 20)

struct sign_options {
    const char *key;
    const char *genesis;
    const char *chain;
    const char *sql;
    const char *out;
    const char *account;
    const char *idempotency_key;
    uint64_t height;
    uint64_t valid_s;
    bool is_json;
};

/* --- sign ------------------------------------------------------------------------------------ */

static enum status read_chain_id(const struct sign_options *o, uint8_t out[32])
{
    if (o->chain != NULL) return hex_decode(out, 32, span_text(o->chain));
    struct buf genesis;
    buf_init(&genesis, mem_system(), 0);
    enum status st = os_read_file(os_posix(), o->genesis, 16u << 20, &genesis);
    if (st == ST_OK) trustsql_chain_id(out, genesis.data, genesis.size);
    buf_fini(&genesis);
    return st;
}

static int add_statements(const struct command *self, struct trustsql_tx *tx, const char *text)
{
    struct arena arena;
    struct sql_text *texts;
    uint32_t count = 0;
    struct diag d = {0};
    int exit_code = EXIT_FINE;
    arena_init(&arena, mem_system(), 0);
    if (sql_split(&arena, span_text(text), &texts, &count, &d) != ST_OK) {
        complain(self, d.hint[0] != 0 ? d.hint : NULL, "%s: %s at character %u", d.sqlstate,
                 d.message, d.position);
        exit_code = EXIT_USAGE;
    } else if (count == 0) {
        complain(self, NULL, "--sql holds no statement");
        exit_code = EXIT_USAGE;
    }
    for (uint32_t i = 0; i < count && exit_code == EXIT_FINE; i++) {
        struct span copy = arena_copy(&arena, texts[i].text);
        if (copy.data == NULL)
            exit_code = EXIT_CHECK_FAILED;
        else
            trustsql_tx_add_sql(tx, (const char *)copy.data);
    }
    arena_fini(&arena);
    return exit_code;
}

static int write_tx(const struct command *self,
                    const struct sign_options *o,
                    struct trustsql_tx *tx,
                    const struct trustsql_key *key)
{
    struct trustsql_bytes bytes = {0};
    uint8_t txid[32];
    char digits[65];
    enum trustsql_status signed_st = trustsql_tx_sign(tx, key, 1, &bytes, txid);
    if (signed_st != TRUSTSQL_OK) {
        complain(self, NULL, "signing: %s", trustsql_status_text(signed_st));
        return EXIT_CHECK_FAILED;
    }
    enum status st = os_replace_file(os_posix(), o->out, span_of(bytes.data, bytes.size));
    trustsql_bytes_free(&bytes);
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", o->out, status_text(st));
        return exit_code_of(st);
    }
    hex_encode(digits, span_of(txid, sizeof txid));
    printf(o->is_json ? "{\"txid\":\"%s\"}\n" : "%s\n", digits);
    return EXIT_FINE;
}

static int build_and_sign(const struct command *self,
                          const struct sign_options *o,
                          const struct trustsql *lib,
                          const struct trustsql_key *key)
{
    uint8_t chain_id[32];
    struct trustsql_tx *tx = NULL;
    enum status st = read_chain_id(o, chain_id);
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", o->chain != NULL ? "--chain" : o->genesis, status_text(st));
        return EXIT_USAGE;
    }
    if (trustsql_tx_new(lib, &tx, chain_id, "main") != TRUSTSQL_OK) return EXIT_CHECK_FAILED;
    trustsql_tx_valid_until(tx, os_posix()->wall_ms(os_posix()) + o->valid_s * 1000u,
                            o->height + TX_VALID_BLOCKS);
    if (o->account != NULL) trustsql_tx_account(tx, o->account);
    if (o->idempotency_key != NULL)
        trustsql_tx_idempotency_key(tx, o->idempotency_key, strlen(o->idempotency_key));
    int exit_code = add_statements(self, tx, o->sql);
    if (exit_code == EXIT_FINE) exit_code = write_tx(self, o, tx, key);
    trustsql_tx_free(tx);
    return exit_code;
}

static int run_sign(const struct command *self, const struct sign_options *o)
{
    struct trustsql *lib = NULL;
    struct trustsql_key key;
    bool is_complete = o->key != NULL && o->sql != NULL && o->out != NULL &&
                       o->height != UINT64_MAX && (o->genesis != NULL || o->chain != NULL);
    if (!is_complete) {
        complain(self, "Try --help.",
                 "tx sign needs --key, --sql, --out, --height, and --genesis or --chain");
        return EXIT_USAGE;
    }
    if (trustsql_new(&lib) != TRUSTSQL_OK) return EXIT_CHECK_FAILED;
    int exit_code = EXIT_CHECK_FAILED;
    if (key_file_read(self, lib, &key, o->key)) {
        exit_code = build_and_sign(self, o, lib, &key);
        trustsql_key_wipe(&key);
    }
    trustsql_free(lib);
    return exit_code;
}

/* --- send ------------------------------------------------------------------------------------ */

struct send_options {
    struct link_arguments link;
    const char *genesis; /* Null: that of the chain at --dir, when it is one. */
    const char *proof;
    bool is_json;
};

/* Whoever gets the file needs the hash of the genesis only. */
static enum status write_proof(const char *path, struct span proof, struct span genesis)
{
    struct arena arena;
    struct buf whole;
    arena_init(&arena, mem_system(), 0);
    buf_init(&whole, mem_system(), 0);
    enum status st = proof_add_genesis(&whole, &arena, proof, genesis);
    if (st == ST_OK) st = os_replace_file(os_posix(), path, buf_span(&whole));
    buf_fini(&whole);
    arena_fini(&arena);
    return st;
}

/* What the node claims must be what its proof proves; then it is kept. */
static enum status check_proof(const struct send_options *o,
                               struct trustsql_bytes *proof,
                               struct trustsql_receipt *receipt,
                               const char **what)
{
    struct buf genesis;
    struct trustsql *lib = NULL;
    char path[OS_PATH_MAX];
    const char *file = o->genesis;
    if (file == NULL) {
        TRY(os_path_join(path, o->link.dir, "node0/genesis"));
        file = path;
    }
    buf_init(&genesis, mem_system(), 0);
    enum status st = os_read_file(os_posix(), file, 16u << 20, &genesis);
    if (st != ST_OK) *what = "the genesis to check the proof against cannot be read";
    if (st == ST_OK && trustsql_new(&lib) != TRUSTSQL_OK) st = ST_NO_MEMORY;
    if (st == ST_OK) {
        struct trustsql_bytes bytes = {.data = genesis.data, .size = genesis.size};
        if (trustsql_proof_verify(lib, receipt, what, &bytes, proof) != TRUSTSQL_OK)
            st = ST_REJECTED;
    }
    if (st == ST_OK && o->proof != NULL) {
        st = write_proof(o->proof, span_of(proof->data, proof->size), buf_span(&genesis));
        *what = "the proof cannot be written";
    }
    trustsql_free(lib);
    buf_fini(&genesis);
    return st;
}

static int print_receipt(const struct trustsql_receipt *r, bool is_json)
{
    struct buf out;
    char txid[65];
    hex_encode(txid, span_of(r->txid, sizeof r->txid));
    buf_init(&out, mem_system(), 0);
    if (is_json) {
        buf_printf(&out, "{\"txid\":\"%s\",\"height\":%llu,\"index\":%u,\"status\":\"%s\",", txid,
                   (unsigned long long)r->height, r->index, r->is_ok ? "ok" : "failed");
        buf_printf(&out, "\"row_count\":%llu,\"sqlstate\":\"%s\",\"message\":",
                   (unsigned long long)r->row_count, r->sqlstate);
        json_put_text(&out, span_text(r->message));
        buf_put_text(&out, ",\"holder\":");
        json_put_text(&out, span_text(r->is_custodial ? r->custodian : "self"));
        buf_put_text(&out, ",\"proved\":true}\n");
    } else if (r->is_ok) {
        buf_printf(&out, "%s ok in block %llu, %llu row%s; the proof verifies\n", txid,
                   (unsigned long long)r->height, (unsigned long long)r->row_count,
                   r->row_count == 1 ? "" : "s");
    } else {
        buf_printf(&out, "%s failed in block %llu: %s %s; the proof verifies\n", txid,
                   (unsigned long long)r->height, r->sqlstate, r->message);
    }
    int exit_code = print_and_free(&out);
    return r->is_ok ? exit_code : EXIT_CHECK_FAILED;
}

static int take_result(const struct command *self, const struct send_options *o, PGresult *result)
{
    struct trustsql_receipt receipt;
    const char *what = "the answer has no proof";
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        fprintf(stderr, "%s %s", state != NULL ? state : "", PQresultErrorMessage(result));
        return EXIT_CHECK_FAILED;
    }
    struct buf copy;
    buf_init(&copy, mem_system(), 0);
    buf_put(&copy, span_of(PQgetvalue(result, 0, 4), (size_t)PQgetlength(result, 0, 4)));
    struct trustsql_bytes proof = {.data = copy.data, .size = copy.size};
    enum status st = buf_status(&copy);
    if (st == ST_OK) st = check_proof(o, &proof, &receipt, &what);
    buf_fini(&copy);
    if (st == ST_OK) return print_receipt(&receipt, o->is_json);
    complain(self, "Do not rely on the answer of this node.", "%s", what);
    return EXIT_CHECK_FAILED;
}

static int run_send(const struct command *self, const char *file, const struct send_options *o)
{
    struct buf bytes;
    PGconn *link = NULL;
    buf_init(&bytes, mem_system(), 0);
    enum status st = os_read_file(os_posix(), file, TX_BYTES_MAX, &bytes);
    if (st == ST_LIMIT) {
        complain(self, "Split it into several.",
                 "54000 %s is larger than a transaction of %u bytes", file, TX_BYTES_MAX);
        buf_fini(&bytes);
        return EXIT_CHECK_FAILED;
    }
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", file, status_text(st));
        buf_fini(&bytes);
        return EXIT_USAGE;
    }
    int exit_code = link_connect(&link, self, &o->link);
    if (exit_code == EXIT_FINE) {
        const char *values[1] = {(const char *)bytes.data};
        const int lengths[1] = {(int)bytes.size};
        const int formats[1] = {1};
        PGresult *result = PQexecParams(link, "SELECT * FROM trustsql.submit($1::bytea)", 1, NULL,
                                        values, lengths, formats, 1);
        exit_code = take_result(self, o, result);
        PQclear(result);
    }
    PQfinish(link);
    buf_fini(&bytes);
    return exit_code;
}

/* --- cosign ---------------------------------------------------------------------------------- */

static bool is_txid(const char *text)
{
    uint8_t bytes[HASH_SIZE];
    return strlen(text) == 2 * (size_t)HASH_SIZE &&
           hex_decode(bytes, HASH_SIZE, span_text(text)) == ST_OK;
}

/* Without a key the node signs for the user who logs in; with one the approval is a transaction
 * signed here: `tx sign`, then `tx send`. */
static int run_cosign(const struct command *self,
                      const char *txid,
                      const struct sign_options *s,
                      const struct send_options *o)
{
    char text[2 * HASH_SIZE + 40];
    PGconn *link = NULL;
    if (!is_txid(txid)) {
        complain(self, NULL, "a txid has 64 hexadecimal digits");
        return EXIT_USAGE;
    }
    (void)snprintf(text, sizeof text, "CALL trustsql.approve('%s')", txid);
    if (s->key != NULL) {
        if (s->out == NULL) {
            complain(self, "Try --help.", "say where the signed approval is to be: --out FILE");
            return EXIT_USAGE;
        }
        struct sign_options approval = *s;
        approval.sql = text;
        int exit_code = run_sign(self, &approval);
        return exit_code == EXIT_FINE ? run_send(self, s->out, o) : exit_code;
    }
    int exit_code = link_connect(&link, self, &o->link);
    if (exit_code == EXIT_FINE) {
        PGresult *result = PQexec(link, text);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            fprintf(stderr, "%s", PQresultErrorMessage(result));
            exit_code = EXIT_CHECK_FAILED;
        }
        PQclear(result);
    }
    PQfinish(link);
    return exit_code;
}

/* --- show ------------------------------------------------------------------------------------ */

static void put_tx_json(struct buf *out, const struct tx *tx)
{
    char txid[2 * HASH_SIZE + 1];
    char chain[2 * HASH_SIZE + 1];
    char account[ACCOUNT_TEXT_MAX];
    hex_encode(txid, hash_span(&tx->txid));
    hex_encode(chain, hash_span(&tx->chain_id));
    account_id_text(account, &tx->account);
    buf_printf(out, "{\"txid\":\"%s\",\"chain_id\":\"%s\",\"account\":\"%s\",\"ledger\":", txid,
               chain, account);
    json_put_text(out, tx->ledger);
    buf_printf(out, ",\"valid_until_ms\":%llu,\"valid_until_height\":%llu,\"signatures\":%u,",
               (unsigned long long)tx->valid_until_ms, (unsigned long long)tx->valid_until_height,
               tx->signer_count);
    buf_put_text(out, "\"operations\":[");
    for (uint32_t i = 0; i < tx->op_count; i++) {
        buf_put_text(out, i > 0 ? ",{\"text\":" : "{\"text\":");
        json_put_text(out, tx->ops[i].text);
        buf_printf(out, ",\"parameters\":%u}", tx->ops[i].param_count);
    }
    buf_put_text(out, "]}\n");
}

static void put_tx(struct buf *out, const struct tx *tx)
{
    char txid[2 * HASH_SIZE + 1];
    char chain[2 * HASH_SIZE + 1];
    char account[ACCOUNT_TEXT_MAX];
    hex_encode(txid, hash_span(&tx->txid));
    hex_encode(chain, hash_span(&tx->chain_id));
    account_id_text(account, &tx->account);
    buf_printf(out, "txid          %s\nchain         %s\nledger        %.*s\naccount       %s\n",
               txid, chain, (int)tx->ledger.size, (const char *)tx->ledger.data, account);
    buf_printf(out, "valid until   %llu ms, height %llu\nsignatures    %u\n",
               (unsigned long long)tx->valid_until_ms, (unsigned long long)tx->valid_until_height,
               tx->signer_count);
    for (uint32_t i = 0; i < tx->op_count; i++)
        buf_printf(out, "operation %-3u %.*s (%u parameters)\n", i, (int)tx->ops[i].text.size,
                   (const char *)tx->ops[i].text.data, tx->ops[i].param_count);
}

static int run_show(const struct command *self, const char *file, bool is_json)
{
    struct buf bytes;
    struct buf out;
    struct arena arena;
    struct tx tx;
    buf_init(&bytes, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    arena_init(&arena, mem_system(), 0);
    enum status st = os_read_file(os_posix(), file, TX_BYTES_MAX, &bytes);
    if (st == ST_OK) st = tx_decode(&tx, &arena, buf_span(&bytes));
    if (st == ST_OK && is_json)
        put_tx_json(&out, &tx);
    else if (st == ST_OK)
        put_tx(&out, &tx);
    else
        complain(self, NULL, "%s: %s", file, status_text(st));
    arena_fini(&arena);
    buf_fini(&bytes);
    int printed = print_and_free(&out);
    return st == ST_OK ? printed : EXIT_CHECK_FAILED;
}

/* --- the command ----------------------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
    struct sign_options s = {.height = UINT64_MAX, .valid_s = TX_VALID_S};
    struct send_options o = {0};
    const char *items[2];
    struct words words = {.items = items, .max = 2};
    struct option_spec specs[LINK_SPECS_MAX + 11];
    uint32_t count = link_specs(&o.link, specs);
    const struct option_spec own[] = {
        {"key", OPTION_TEXT, &s.key, 0, 0},
        {"genesis", OPTION_TEXT, &s.genesis, 0, 0},
        {"chain", OPTION_TEXT, &s.chain, 0, 0},
        {"sql", OPTION_TEXT, &s.sql, 0, 0},
        {"out", OPTION_TEXT, &s.out, 0, 0},
        {"account", OPTION_TEXT, &s.account, 0, 0},
        {"idempotency-key", OPTION_TEXT, &s.idempotency_key, 0, 0},
        {"height", OPTION_NUMBER, &s.height, 0, UINT64_MAX - TX_VALID_BLOCKS - 1},
        {"valid-for", OPTION_NUMBER, &s.valid_s, 1, TX_SPAN_MS_MAX / 1000u},
        {"proof", OPTION_TEXT, &o.proof, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
    };
    memcpy(&specs[count], own, sizeof own);
    count += (uint32_t)(sizeof own / sizeof own[0]);
    int exit_code;
    if (!options_parse(self, &(struct arguments){argc, argv, specs, count, &words}, &exit_code))
        return exit_code;
    o.genesis = s.genesis;
    s.is_json = o.is_json;
    if (words.count == 1 && strcmp(items[0], "sign") == 0) return run_sign(self, &s);
    if (words.count == 2 && strcmp(items[0], "send") == 0) return run_send(self, items[1], &o);
    if (words.count == 2 && strcmp(items[0], "show") == 0)
        return run_show(self, items[1], o.is_json);
    if (words.count == 2 && strcmp(items[0], "cosign") == 0)
        return run_cosign(self, items[1], &s, &o);
    complain(self, "Try --help.",
             "say `tx sign`, `tx send FILE`, `tx cosign TXID` or `tx show FILE`");
    return EXIT_USAGE;
}

const struct command command_tx = {
    "tx", "sign a transaction offline, send it, show it",
    "Usage: trustsql tx sign --key F --sql 'STATEMENT; …' --height H --out FILE\n"
    "                        (--genesis G | --chain ID) [--valid-for S] [--account ADDRESS]\n"
    "                        [--idempotency-key TEXT] [--json]\n"
    "       trustsql tx send FILE [--genesis G] [--proof FILE] [--json]\n"
    "                        " LINK_USAGE "\n"
    "       trustsql tx cosign TXID [--key F --height H --out FILE (--genesis G | --chain ID)]\n"
    "                        " LINK_USAGE "\n"
    "       trustsql tx show FILE [--json]\n\n"
    "sign needs no network: it writes the signed transaction to FILE and prints its txid. send\n"
    "hands it to a node, waits until it is final, and checks the proof of the receipt against\n"
    "the genesis. Exit code 1: it was refused, failed, or the proof does not hold. cosign\n"
    "approves a transaction that waits for signatures (docs/sql/signatures.md): with --key as a\n"
    "transaction signed here, else with the key that the node keeps for the user.\n\n"
    "  --key F            key file made by `trustsql key new`\n"
    "  --sql TEXT         statements; all of them are one transaction\n"
    "  --height H         the chain's height as you know it: the transaction is valid for 60,000\n"
    "                     blocks from there\n"
    "  --valid-for S      and for S seconds from now (default: 300, at most 600)\n"
    "  --genesis G        the genesis file of the chain; --chain ID: only its id\n"
    "  --account ADDRESS  act for another account than the key's own\n"
    "  --idempotency-key  of several transactions with the same key only the first has effect\n"
    "  --proof FILE       keep the proof, for `trustsql verify proof FILE --genesis HASH`\n"
    "  --json             for machines\n" LINK_HELP,
    run};
