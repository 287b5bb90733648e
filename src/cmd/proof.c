/* proof.c - Fetch a proof from a node into a file that anybody can check: `trustsql verify proof`.
 */
#include <stdio.h>

#include "base/hex.h"
#include "cmd/link.h"
#include "os/process.h"
#include "trustsql.h"

struct proof_options {
    struct link_arguments link;
    const char *show;
    const char *out;
    uint64_t height; /* 0: not given. */
    uint64_t from;
    uint64_t to;
    bool is_json;
};

struct question { /* One call of a function of the node. */
    const char *text;
    const char *values[3];
    int count;
    char numbers[2][24];
};

static int ask(const struct command *self, const struct proof_options *o, const struct question *q);

static int wrong_use(const struct command *self)
{
    complain(self, "Try --help.",
             "say `proof tx TXID`, `proof row TABLE KEY` or `proof absent TXID`");
    return EXIT_USAGE;
}

static bool is_txid(const char *text)
{
    uint8_t bytes[32];
    return hex_decode(bytes, sizeof bytes, span_text(text)) == ST_OK;
}

static int run_tx(const struct command *self, const struct proof_options *o, const char *txid)
{
    struct question q = {
        .text = "SELECT trustsql.proof_tx(decode($1, 'hex'))", .values = {txid}, .count = 1};
    if (!is_txid(txid)) {
        complain(self, NULL, "a transaction id has 64 digits");
        return EXIT_USAGE;
    }
    if (o->show != NULL) {
        q.text = "SELECT trustsql.proof_tx(decode($1, 'hex'), $2)";
        q.values[1] = o->show;
        q.count = 2;
    }
    return ask(self, o, &q);
}

static int run_row(const struct command *self, const struct proof_options *o, const char **words)
{
    struct question q = {.text = "SELECT trustsql.proof_row($1, $2::text)",
                         .values = {words[0], words[1]},
                         .count = 2};
    if (o->height > 0) {
        (void)snprintf(q.numbers[0], sizeof q.numbers[0], "%llu", (unsigned long long)o->height);
        q.text = "SELECT trustsql.proof_row($1, $2::text, $3::bigint)";
        q.values[2] = q.numbers[0];
        q.count = 3;
    }
    return ask(self, o, &q);
}

static int run_absent(const struct command *self, const struct proof_options *o, const char *txid)
{
    struct question q = {
        .text = "SELECT trustsql.proof_absent(decode($1, 'hex'))", .values = {txid}, .count = 1};
    if (!is_txid(txid)) {
        complain(self, NULL, "a transaction id has 64 digits");
        return EXIT_USAGE;
    }
    if ((o->from == 0) != (o->to == 0)) {
        complain(self, NULL, "--from and --to belong together");
        return EXIT_USAGE;
    }
    if (o->from > 0) {
        q.text = "SELECT trustsql.proof_absent(decode($1, 'hex'), $2::bigint, $3::bigint)";
        (void)snprintf(q.numbers[0], sizeof q.numbers[0], "%llu", (unsigned long long)o->from);
        (void)snprintf(q.numbers[1], sizeof q.numbers[1], "%llu", (unsigned long long)o->to);
        q.values[1] = q.numbers[0];
        q.values[2] = q.numbers[1];
        q.count = 3;
    }
    return ask(self, o, &q);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Binary goes into files and pipes, JSON to people. */
static int write_proof(const struct command *self,
                       const struct proof_options *o,
                       const struct trustsql_bytes *proof)
{
    struct trustsql *lib = NULL;
    struct trustsql_bytes form = {0};
    const bool is_json = o->is_json || (o->out == NULL && terminal_is(1));
    if (trustsql_new(&lib) != TRUSTSQL_OK) return EXIT_CHECK_FAILED;
    enum trustsql_status st =
        trustsql_proof_form(lib, &form, is_json ? TRUSTSQL_JSON : TRUSTSQL_CBOR, proof);
    int exit_code = EXIT_FINE;
    if (st != TRUSTSQL_OK) {
        complain(self, "Do not rely on this node.", "what the node answers is no proof");
        exit_code = EXIT_CHECK_FAILED;
    } else if (o->out == NULL) {
        if (fwrite(form.data, 1, form.size, stdout) != form.size) exit_code = EXIT_CHECK_FAILED;
    } else {
        enum status written = os_replace_file(os_posix(), o->out, span_of(form.data, form.size));
        if (written != ST_OK) complain(self, NULL, "%s: %s", o->out, status_text(written));
        exit_code = exit_code_of(written);
    }
    trustsql_bytes_free(&form);
    trustsql_free(lib);
    return exit_code;
}

static int take_answer(const struct command *self,
                       const struct proof_options *o,
                       const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        fprintf(stderr, "%s %s", state != NULL ? state : "", PQresultErrorMessage(result));
        return EXIT_CHECK_FAILED;
    }
    if (PQgetisnull(result, 0, 0)) {
        complain(self,
                 "What is new can be proved when later blocks show its certificates: write "
                 "something, or wait.",
                 "the node has no proof of it");
        return EXIT_CHECK_FAILED;
    }
    struct buf copy;
    buf_init(&copy, mem_system(), 0);
    buf_put(&copy, span_of(PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)));
    const struct trustsql_bytes proof = {.data = copy.data, .size = copy.size};
    int exit_code = EXIT_CHECK_FAILED;
    if (buf_status(&copy) == ST_OK) exit_code = write_proof(self, o, &proof);
    buf_fini(&copy);
    return exit_code;
}

static int ask(const struct command *self, const struct proof_options *o, const struct question *q)
{
    PGconn *link = NULL;
    int exit_code = link_connect(&link, self, &o->link);
    if (exit_code == EXIT_FINE) {
        PGresult *result = PQexecParams(link, q->text, q->count, NULL, q->values, NULL, NULL, 1);
        exit_code = take_answer(self, o, result);
        PQclear(result);
    }
    PQfinish(link);
    return exit_code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int run(const struct command *self, int argc, char **argv)
{
    struct proof_options o = {0};
    const char *items[3];
    struct words words = {.items = items, .max = 3};
    struct option_spec specs[LINK_SPECS_MAX + 6];
    uint32_t count = link_specs(&o.link, specs);
    const struct option_spec own[] = {
        {"show", OPTION_TEXT, &o.show, 0, 0},
        {"out", OPTION_TEXT, &o.out, 0, 0},
        {"height", OPTION_NUMBER, &o.height, 1, INT64_MAX},
        {"from", OPTION_NUMBER, &o.from, 1, INT64_MAX},
        {"to", OPTION_NUMBER, &o.to, 1, INT64_MAX},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
    };
    memcpy(&specs[count], own, sizeof own);
    count += (uint32_t)(sizeof own / sizeof own[0]);
    int exit_code;
    if (!options_parse(self, &(struct arguments){argc, argv, specs, count, &words}, &exit_code))
        return exit_code;
    if (words.count == 2 && strcmp(items[0], "tx") == 0) return run_tx(self, &o, items[1]);
    if (words.count == 2 && strcmp(items[0], "absent") == 0) return run_absent(self, &o, items[1]);
    if (words.count == 3 && strcmp(items[0], "row") == 0) return run_row(self, &o, &items[1]);
    return wrong_use(self);
}

const struct command command_proof = {
    "proof", "fetch a proof of a transaction, a row, or an absence from a node",
    "Usage: trustsql proof tx TXID [--show OP.PARAM,…] [--out FILE] [--json]\n"
    "       trustsql proof row TABLE KEY [--height H] [--out FILE] [--json]\n"
    "       trustsql proof absent TXID [--from H --to H] [--out FILE] [--json]\n"
    "       " LINK_USAGE "\n\n"
    "A proof is one file that brings all that is needed: receipt or row, Merkle path, block,\n"
    "certificates, members. Anybody checks it with `trustsql verify proof FILE --genesis HASH`.\n"
    "tx: what became of a transaction. row: a row as it stands now, or after a height; or that "
    "there\n"
    "is none. absent: no block between two heights holds a transaction (without them: of the "
    "newest\n"
    "65,536 up to the last checkpoint).\n\n"
    "  --show LIST        show these values of the transaction and no other: operation, counted\n"
    "                     from 0, and the number of its $n: 0.1,0.2 (for its own account)\n"
    "  --height H         the row as it stood after this block\n"
    "  --out FILE         where the proof goes, in CBOR (default: standard output, on a terminal\n"
    "                     in JSON)\n"
    "  --json             in JSON\n"
    "KEY is the value of the primary key; of several columns: (1,abc).\n" LINK_HELP,
    run};
