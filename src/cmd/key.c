/* key.c - Keys of accounts that no server holds. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "cmd/cmd.h"
#include "cmd/passphrase.h"
#include "cmd/ticket.h"
#include "ledger/genesis.h"
#include "os/os.h"
#include "trustsql.h"

struct key_options {
    const char *out;
    const char *scheme;
    bool is_encrypted;
    const char *genesis;
    const char *node;
    uint64_t life_s;
    bool is_json;
};

static int fail(const struct command *self, const char *subject, enum trustsql_status st)
{
    complain(self, NULL, "%s: %s", subject, trustsql_status_text(st));
    return EXIT_CHECK_FAILED;
}

static int print_key(const struct trustsql_key *key, bool is_json)
{
    struct buf out;
    char digits[2 * sizeof key->public_key + 1];
    const char *scheme = key->scheme == TRUSTSQL_SECP256K1 ? "secp256k1" : "ed25519";
    hex_encode(digits, span_of(key->public_key, key->public_size));
    buf_init(&out, mem_system(), 0);
    if (is_json)
        buf_printf(&out, "{\"address\":\"%s\",\"scheme\":\"%s\",\"public_key\":\"%s\"}\n",
                   key->address, scheme, digits);
    else
        buf_printf(&out, "address     %s\nscheme      %s\npublic key  %s\n", key->address, scheme,
                   digits);
    return print_and_free(&out);
}

static int new_key(const struct command *self, struct trustsql *lib, const struct key_options *o)
{
    struct trustsql_key key;
    char passphrase[PASSPHRASE_MAX] = "";
    enum trustsql_scheme scheme = TRUSTSQL_SECP256K1;
    if (o->out == NULL) {
        complain(self, "Try --help.", "key new needs --out FILE");
        return EXIT_USAGE;
    }
    if (strcmp(o->scheme, "ed25519") == 0) {
        scheme = TRUSTSQL_ED25519;
    } else if (strcmp(o->scheme, "secp256k1") != 0) {
        complain(self, NULL, "--scheme takes secp256k1 or ed25519");
        return EXIT_USAGE;
    }
    if (o->is_encrypted && !passphrase_ask(self, passphrase)) return EXIT_USAGE;
    enum trustsql_status st = trustsql_key_new(lib, &key, scheme);
    if (st == TRUSTSQL_OK)
        st = trustsql_key_write(lib, &key, o->out, o->is_encrypted ? passphrase : NULL);
    mem_wipe(passphrase, sizeof passphrase);
    int exit_code = st == TRUSTSQL_OK ? print_key(&key, o->is_json) : fail(self, o->out, st);
    trustsql_key_wipe(&key);
    return exit_code;
}

static int show_key(const struct command *self,
                    const struct trustsql *lib,
                    const char *path,
                    bool is_json)
{
    struct trustsql_key key;
    if (!key_file_read(self, lib, &key, path)) return EXIT_CHECK_FAILED;
    int exit_code = print_key(&key, is_json);
    trustsql_key_wipe(&key);
    return exit_code;
}

/* --- tokens ---------------------------------------------------------------------------------- */

static const struct genesis_member *find_node(const struct genesis *g, const char *name)
{
    for (uint32_t i = 0; i < g->member_count; i++)
        if (span_equal(g->members[i].node_name, span_text(name))) return &g->members[i];
    return NULL;
}

static int print_token(const struct command *self,
                       const struct key_options *o,
                       const struct trustsql_key *key,
                       struct span genesis)
{
    struct genesis g;
    struct arena arena;
    struct signer *signer = NULL;
    uint8_t seed[32];
    arena_init(&arena, mem_system(), 0);
    enum status st = genesis_decode(&g, &arena, genesis);
    const struct genesis_member *node = st == ST_OK ? find_node(&g, o->node) : NULL;
    if (node == NULL) {
        arena_fini(&arena);
        complain(self, NULL, st == ST_OK ? "%s names no node \"%s\"" : "%s is no genesis file",
                 o->genesis, o->node);
        return EXIT_USAGE;
    }
    struct os *os = os_posix();
    struct hash chain_id = genesis_chain_id(genesis);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    os->entropy(os, seed, sizeof seed);
    st = signer_new(&signer, seed);
    const struct ticket_request request = {.key = key,
                                           .chain_id = &chain_id,
                                           .node = &node->node_key,
                                           .now_ms = os->wall_ms(os),
                                           .life_ms = o->life_s * 1000};
    if (st == ST_OK) st = ticket_make(&out, signer, &request);
    buf_put_text(&out, "\n");
    signer_free(signer);
    arena_fini(&arena);
    int printed = print_and_free(&out);
    return st == ST_OK ? printed : EXIT_CHECK_FAILED;
}

static int make_token(const struct command *self,
                      const struct trustsql *lib,
                      const struct key_options *o,
                      const char *path)
{
    struct trustsql_key key;
    struct buf genesis;
    if (o->genesis == NULL || o->node == NULL) {
        complain(self, "Try --help.", "key token needs --genesis FILE and --node NAME");
        return EXIT_USAGE;
    }
    buf_init(&genesis, mem_system(), 0);
    int exit_code = EXIT_CHECK_FAILED;
    enum status st = os_read_file(os_posix(), o->genesis, 16u << 20, &genesis);
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", o->genesis, status_text(st));
        exit_code = EXIT_USAGE;
    } else if (key_file_read(self, lib, &key, path)) {
        exit_code = print_token(self, o, &key, buf_span(&genesis));
        trustsql_key_wipe(&key);
    }
    buf_fini(&genesis);
    return exit_code;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct key_options o = {.scheme = "secp256k1", .life_s = 60};
    const char *items[2];
    struct words words = {.items = items, .max = 2};
    struct trustsql *lib = NULL;
    const struct option_spec specs[] = {
        {"out", OPTION_TEXT, &o.out, 0, 0},
        {"scheme", OPTION_TEXT, &o.scheme, 0, 0},
        {"encrypt", OPTION_FLAG, &o.is_encrypted, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
        {"genesis", OPTION_TEXT, &o.genesis, 0, 0},
        {"node", OPTION_TEXT, &o.node, 0, 0},
        {"valid-for", OPTION_NUMBER, &o.life_s, 1, TOKEN_LIFE_MS_MAX / 1000u},
    };
    int exit_code;
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 7, &words}, &exit_code))
        return exit_code;
    bool is_new = words.count == 1 && strcmp(items[0], "new") == 0;
    bool is_show = words.count == 2 && strcmp(items[0], "show") == 0;
    bool is_token = words.count == 2 && strcmp(items[0], "token") == 0;
    if (!is_new && !is_show && !is_token) {
        complain(self, "Try --help.",
                 "say `key new --out FILE`, `key show FILE` or `key token FILE`");
        return EXIT_USAGE;
    }
    enum trustsql_status st = trustsql_new(&lib);
    if (st != TRUSTSQL_OK) return fail(self, "the library", st);
    if (is_token)
        exit_code = make_token(self, lib, &o, items[1]);
    else
        exit_code = is_new ? new_key(self, lib, &o) : show_key(self, lib, items[1], o.is_json);
    trustsql_free(lib);
    return exit_code;
}

const struct command command_key = {
    "key", "make and show keys that no server holds",
    "Usage: trustsql key new --out FILE [--scheme secp256k1|ed25519] [--encrypt] [--json]\n"
    "       trustsql key show FILE [--json]\n"
    "       trustsql key token FILE --genesis G --node NAME [--valid-for S]\n\n"
    "new makes a key and prints its address and public key; an administrator makes an account\n"
    "of it with CALL trustsql.create_account('name', '\\x<public key>').\n\n"
    "token prints a password for one login to one node, over TLS:\n"
    "    PGPASSWORD=$(trustsql key token F --genesis G --node node0) \\\n"
    "        psql 'host=H port=P user=NAME dbname=main sslmode=require'\n\n"
    "  --out FILE  where the key goes; an existing file is not overwritten\n"
    "  --scheme S  secp256k1 (default) or ed25519\n"
    "  --encrypt   under a passphrase: asked for, or from TRUSTSQL_PASSPHRASE\n"
    "  --genesis G the genesis file of the chain\n"
    "  --node NAME the node to log in to, as the genesis names it\n"
    "  --valid-for S seconds that the token is good for (default: 60, at most 600)\n"
    "  --json      for machines\n",
    run};
