/* verify.c - Offline checks of what a node or a proof says, from the genesis alone. */
#include <stdio.h>

#include "base/hex.h"
#include "cmd/cmd.h"
#include "cmd/scratch.h"
#include "cmd/verify_int.h"
#include "node/audit.h"
#include "os/process.h"

struct verify_options {
    bool is_json;
    uint64_t threads;
    const char *scratch;
    const char *genesis;
};

/* --- progress -------------------------------------------------------------------------------- */

struct progress {
    struct os *os;
    uint64_t started_ns;
    uint64_t shown_ns;
    bool is_shown;
};

static void on_progress(void *context, uint64_t height)
{
    struct progress *p = context;
    uint64_t now = p->os->monotonic_ns(p->os);
    if (now - p->shown_ns < 500000000u) return;
    p->shown_ns = now;
    if (!p->is_shown) return;
    fprintf(stderr, "\rblock %llu, %llu blocks/s ", (unsigned long long)height,
            (unsigned long long)(height * 1000000000u / (now - p->started_ns + 1)));
}

/* --- report ---------------------------------------------------------------------------------- */

static void put_damage_json(struct buf *out, const struct damage *d)
{
    buf_put_text(out, "{\"file\":");
    json_put_text(out, span_text(d->file));
    buf_printf(out, ",\"offset\":%llu,\"height\":%llu,\"what\":", (unsigned long long)d->offset,
               (unsigned long long)d->height);
    json_put_text(out, span_text(d->what));
    buf_put_u8(out, '}');
}

static void put_json(struct buf *out, const struct audit_report *r, uint64_t elapsed_ms)
{
    char chain[2 * HASH_SIZE + 1];
    char digest[2 * HASH_SIZE + 1];
    hex_encode(chain, hash_span(&r->chain_id));
    hex_encode(digest, hash_span(&r->digest));
    buf_printf(out, "{\"ok\":%s,\"chain_id\":\"%s\",\"height\":%llu,\"blocks\":%llu,",
               r->damage_count == 0 ? "true" : "false", chain, (unsigned long long)r->height,
               (unsigned long long)r->height);
    buf_printf(out, "\"transactions\":%llu,\"signatures\":%llu,\"setup_signatures\":%llu,",
               (unsigned long long)r->transactions, (unsigned long long)r->signatures,
               (unsigned long long)r->setup_signatures);
    buf_printf(out, "\"certificates\":%llu,\"tables\":%llu,\"rows\":%llu,\"state_height\":%llu,",
               (unsigned long long)r->certificates, (unsigned long long)r->tables,
               (unsigned long long)r->rows, (unsigned long long)r->state_height);
    buf_printf(out,
               "\"digest\":\"%s\",\"certified\":%s,\"uncertified\":%llu,\"elapsed_ms\":%llu,"
               "\"blocks_per_s\":%llu,",
               digest, r->is_certified ? "true" : "false", (unsigned long long)r->uncertified,
               (unsigned long long)elapsed_ms,
               (unsigned long long)(r->height * 1000u / (elapsed_ms + 1)));
    buf_printf(out, "\"damage_count\":%llu,\"damage\":[", (unsigned long long)r->damage_count);
    for (uint32_t i = 0; i < r->damage_kept; i++) {
        if (i > 0) buf_put_u8(out, ',');
        put_damage_json(out, &r->damage[i]);
    }
    buf_put_text(out, "]}\n");
}

static void put_text(struct buf *out, const struct audit_report *r, uint64_t elapsed_ms)
{
    char digest[2 * HASH_SIZE + 1];
    hex_encode(digest, hash_span(&r->digest));
    for (uint32_t i = 0; i < r->damage_kept; i++)
        buf_printf(out, "file %s offset %llu height %llu: %s\n", r->damage[i].file,
                   (unsigned long long)r->damage[i].offset, (unsigned long long)r->damage[i].height,
                   r->damage[i].what);
    if (r->damage_count > r->damage_kept)
        buf_printf(out, "… and %llu more\n",
                   (unsigned long long)(r->damage_count - r->damage_kept));
    buf_printf(out, "%llu blocks in %llu.%03llu s (%llu blocks/s)\n", (unsigned long long)r->height,
               (unsigned long long)(elapsed_ms / 1000), (unsigned long long)(elapsed_ms % 1000),
               (unsigned long long)(r->height * 1000u / (elapsed_ms + 1)));
    if (r->damage_count > 0) {
        buf_printf(out, "DAMAGED: %llu finding%s; proved up to height %llu\n",
                   (unsigned long long)r->damage_count, r->damage_count == 1 ? "" : "s",
                   (unsigned long long)r->height);
        return;
    }
    buf_printf(
        out,
        "proved from the genesis: chain links, Merkle roots and history tree of all blocks;\n"
        "  %llu client signatures of %llu transactions (%llu more in the set-up); "
        "%llu node signatures in certificates;\n"
        "  replay of all blocks and every stored result; %llu rows of %llu tables in the state "
        "file at height %llu\n",
        (unsigned long long)r->signatures, (unsigned long long)r->transactions,
        (unsigned long long)r->setup_signatures, (unsigned long long)r->certificates,
        (unsigned long long)r->rows, (unsigned long long)r->tables,
        (unsigned long long)r->state_height);
    if (r->uncertified > 0)
        buf_printf(
            out,
            "the newest %llu blocks have no certificate on this disk: a crash leaves them so; "
            "start the node, or compare with another one\n",
            (unsigned long long)r->uncertified);
    buf_printf(out, "height %llu digest %s%s\n", (unsigned long long)r->height, digest,
               r->is_certified ? "" : " (its certificate is made at the next start)");
}

/* --- verify node ----------------------------------------------------------------------------- */

static bool is_running(const char *dir)
{
    char path[OS_PATH_MAX];
    return os_path_join(path, dir, "lock") == ST_OK && process_lock_holder(path) != 0;
}

static int verify_node(const struct command *self, const char *dir, const struct verify_options *o)
{
    char scratch[OS_PATH_MAX];
    char what[160] = "";
    struct os *os = os_posix();
    if (is_running(dir)) {
        complain(self, "Stop the node first, or verify a copy of its directory.",
                 "a node is running on %s", dir);
        return EXIT_USAGE;
    }
    enum status st = scratch_make_in(o->scratch, "trustsql-verify", scratch);
    if (st != ST_OK) {
        complain(self, "Name a writable directory with --scratch.", "%s: %s", o->scratch,
                 status_text(st));
        return EXIT_USAGE;
    }
    struct progress progress = {
        .os = os, .started_ns = os->monotonic_ns(os), .is_shown = terminal_is(2) && !o->is_json};
    progress.shown_ns = progress.started_ns;
    struct audit_config config = {.os = os,
                                  .mem = mem_system(),
                                  .dir = dir,
                                  .scratch = scratch,
                                  .thread_count = (uint32_t)o->threads,
                                  .progress = on_progress,
                                  .context = &progress};
    struct audit_report *report = mem_alloc_zero(mem_system(), 1, sizeof *report);
    if (report == NULL) return EXIT_CHECK_FAILED;
    st = audit_run(&config, report, what);
    scratch_remove(scratch);
    uint64_t elapsed_ms = (os->monotonic_ns(os) - progress.started_ns) / 1000000u;
    int exit_code = exit_code_of(st);
    if (st != ST_OK && st != ST_CORRUPT) {
        complain(self, NULL, "%s: %s", dir, what);
    } else {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        if (o->is_json)
            put_json(&out, report, elapsed_ms);
        else
            put_text(&out, report, elapsed_ms);
        if (print_and_free(&out) != EXIT_FINE) exit_code = EXIT_CHECK_FAILED;
    }
    mem_free(mem_system(), report);
    return exit_code;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct verify_options o = {.threads = 2, .scratch = scratch_base()};
    const char *items[2];
    struct words words = {.items = items, .max = 2};
    const struct option_spec specs[] = {
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
        {"threads", OPTION_NUMBER, &o.threads, 1, AUDIT_THREADS_MAX},
        {"scratch", OPTION_TEXT, &o.scratch, 0, 0},
        {"genesis", OPTION_TEXT, &o.genesis, 0, 0},
    };
    int exit_code;
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 4, &words}, &exit_code))
        return exit_code;
    if (words.count == 2 && strcmp(items[0], "node") == 0) return verify_node(self, items[1], &o);
    if (words.count == 2 && strcmp(items[0], "evidence") == 0 && o.genesis != NULL)
        return verify_evidence(self, items[1], o.genesis, o.is_json);
    if (words.count == 2 && strcmp(items[0], "proof") == 0 && o.genesis != NULL) {
        const struct verify_proof_options proof = {.genesis = o.genesis, .is_json = o.is_json};
        return verify_proof(self, items[1], &proof);
    }
    complain(self, "Try --help.",
             "say `verify node DIR`, `verify proof FILE --genesis HASH`, or `verify evidence FILE "
             "--genesis FILE`");
    return EXIT_USAGE;
}

const struct command command_verify = {
    "verify", "prove a node's files, or check a proof, from the genesis, offline",
    "Usage: trustsql verify node DIR [--json] [--threads N] [--scratch D]\n"
    "       trustsql verify proof FILE --genesis HASH [--json]\n"
    "       trustsql verify evidence FILE --genesis FILE [--json]\n\n"
    "node: check everything that a stopped node has stored, trusting nothing but DIR/genesis: "
    "chain\n"
    "links, Merkle roots, history tree, every client signature, certificates; replay all blocks\n"
    "into a temporary database and compare all digests, results and rows. Changes nothing.\n"
    "Damage is named as `file F offset N height H: what`, with exit code 4.\n"
    "proof: check a proof of `trustsql proof` or of SQL, in CBOR, in JSON or as psql writes "
    "bytea,\n"
    "trusting nothing but the hash of the genesis, and say what it proves. Exit code 1, with the\n"
    "reason: it does not hold.\n"
    "evidence: check a proof of misbehaviour, the bytes of trustsql.evidence as they are or as\n"
    "psql writes them, and name the node that has broken the protocol.\n\n"
    "  --json          for machines\n"
    "  --threads N     for signatures (default: 2)\n"
    "  --scratch D     where the temporary database goes (default: $TMPDIR or /tmp)\n"
    "  --genesis FILE  of the chain that evidence or proof is about; for a proof also its hash, "
    "64\n"
    "                  digits: chain_id in trustsql.status\n",
    run};
