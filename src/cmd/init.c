/* init.c - A chain made by its organisations: each makes its keys and a public card; the cards of
 * all make the genesis, the same bytes wherever it is made. Nobody ever holds another's key. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"
#include "cmd/card.h"
#include "cmd/cmd.h"
#include "cmd/org.h"
#include "node/node.h"

struct init_options {
    struct org_options org;
    const char *chain;
    const char *out;
    struct shape_choice shape;
    bool is_json;
};

/* --- init org -------------------------------------------------------------------------------- */

static int show_org(const struct init_options *o, const struct card *card)
{
    if (o->is_json) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        buf_put_text(&out, "{\"dir\":");
        json_put_text(&out, span_text(o->org.dir));
        buf_put_text(&out, ",\"organisation\":");
        json_put_text(&out, span_text(card->organisation));
        buf_put_text(&out, ",\"node\":");
        json_put_text(&out, span_text(card->node));
        buf_put_text(&out, ",\"admin\":");
        json_put_text(&out, span_text(card->accounts[0].name));
        buf_put_text(&out, ",\"address\":");
        json_put_text(&out, span_text(card->address));
        buf_put_text(&out, "}\n");
        return print_and_free(&out);
    }
    printf("%s: keys of node %s and of account %s\n"
           "%s/card is the public card of %s: give it to the other organisations.\n"
           "With the cards of all:  trustsql init genesis --dir %s CARD...\n"
           "Then:                   trustsql node %s\n",
           o->org.dir, card->node, card->accounts[0].name, o->org.dir, card->organisation,
           o->org.dir, o->org.dir);
    return EXIT_FINE;
}

static int run_org(const struct command *self, const struct init_options *o)
{
    struct card card = {0};
    if (o->org.dir == NULL || o->org.name == NULL) {
        complain(self, "Try --help.", "init org needs --dir and --name");
        return EXIT_USAGE;
    }
    int exit_code = org_make_asking(self, &o->org, &card);
    return exit_code == EXIT_FINE ? show_org(o, &card) : exit_code;
}

/* --- init genesis ---------------------------------------------------------------------------- */

/* The directory that a file is in, with its last "/"; "" for the current one. */
static void folder_of(char *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    (void)snprintf(out, OS_PATH_MAX, "%.*s", (int)size, path);
    if (size == 0) (void)snprintf(out, OS_PATH_MAX, ".");
}

/* A directory with keys gets only a genesis that its node belongs to. */
static enum status check_own_key(const char *dir, const struct card *cards, uint32_t count)
{
    uint8_t seed[32];
    struct signer *signer = NULL;
    struct secret_key secret;
    struct public_key own = {0};
    enum status st = node_key_read(os_posix(), dir, &secret);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    os_posix()->entropy(os_posix(), seed, sizeof seed);
    st = signer_new(&signer, seed);
    if (st == ST_OK) st = sign_public(signer, &own, &secret);
    signer_free(signer);
    mem_wipe(&secret, sizeof secret);
    TRY(st);
    for (uint32_t i = 0; i < count; i++)
        if (public_key_equal(&cards[i].node_key, &own)) return ST_OK;
    return ST_DENIED;
}

static int read_cards(const struct command *self, struct card *cards, const struct words *files)
{
    for (uint32_t i = 1; i < files->count; i++) { /* The first word is "genesis". */
        char what[CARD_WHAT_MAX];
        enum status st = card_read(&cards[i - 1], os_posix(), files->items[i], what);
        if (st == ST_OK) continue;
        complain(self, NULL, "card %s: %s", files->items[i], what);
        return exit_code_of(st);
    }
    return EXIT_FINE;
}

static void shape_of_genesis(struct span bytes, uint32_t count, char says[SHAPE_SAYS_SIZE])
{
    struct genesis g;
    struct arena arena;
    arena_init(&arena, mem_system(), 0);
    enum status st = genesis_decode(&g, &arena, bytes);
    must(st == ST_OK); /* It was made a moment ago. */
    const struct shape shape = {.mode = g.mode, .f = g.f, .p = g.p};
    shape_says(&shape, count, says);
    arena_fini(&arena);
}

static void show_genesis(const struct init_options *o,
                         const char *path,
                         struct span bytes,
                         const struct card *cards,
                         uint32_t count)
{
    char id_text[2 * HASH_SIZE + 1];
    struct hash id = genesis_chain_id(bytes);
    hex_encode(id_text, hash_span(&id));
    if (o->is_json) {
        printf("{\"chain_id\":\"%s\",\"organisations\":%u}\n", id_text, count);
        return;
    }
    char says[SHAPE_SAYS_SIZE];
    shape_of_genesis(bytes, count, says);
    printf("%s: chain %s, id %s\n%s\n", path, o->chain, id_text, says);
    for (uint32_t i = 0; i < count; i++)
        printf("  %2u  %s  (%s)  %s\n", i, cards[i].node, cards[i].organisation,
               cards[i].address[0] != 0 ? cards[i].address : "dials only");
    printf(
        "Every organisation gets the same id from the same cards: compare it with the others.\n");
}

static int write_genesis(const struct command *self,
                         const struct init_options *o,
                         const char *path,
                         struct card *cards,
                         uint32_t count)
{
    char what[CARD_WHAT_MAX];
    struct buf bytes;
    const struct card_set set = {
        .cards = cards, .count = count, .chain_name = o->chain, .shape = o->shape};
    buf_init(&bytes, mem_system(), 0);
    enum status st = card_make_genesis(&bytes, &set, what);
    if (st == ST_OK) {
        st = os_replace_file(os_posix(), path, buf_span(&bytes));
        if (st != ST_OK) (void)snprintf(what, sizeof what, "%.200s: %s", path, status_text(st));
    }
    if (st == ST_OK)
        show_genesis(o, path, buf_span(&bytes), cards, count);
    else
        complain(self, NULL, "no genesis was made: %s", what[0] != 0 ? what : status_text(st));
    buf_fini(&bytes);
    return exit_code_of(st);
}

static int make_genesis(const struct command *self,
                        const struct init_options *o,
                        const char *path,
                        const struct words *files,
                        struct card *cards)
{
    char dir[OS_PATH_MAX];
    const uint32_t count = files->count - 1;
    int exit_code = read_cards(self, cards, files);
    if (exit_code != EXIT_FINE) return exit_code;
    folder_of(dir, path);
    enum status st = check_own_key(dir, cards, count);
    if (st == ST_DENIED)
        complain(self, "Name its own card, too: DIR/card.",
                 "the key of the node in %s is on none of these cards", dir);
    else if (st != ST_OK)
        complain(self, NULL, "%s/node.key: %s", dir, status_text(st));
    return st == ST_OK ? write_genesis(self, o, path, cards, count) : exit_code_of(st);
}

static int run_genesis(const struct command *self,
                       const struct init_options *o,
                       const struct words *files)
{
    char path[OS_PATH_MAX] = "genesis";
    struct os_file *file = NULL;
    if (files->count < 2) {
        complain(self, "Try --help.", "init genesis needs the cards of all organisations");
        return EXIT_USAGE;
    }
    if (files->count - 1 > NODES_MAX) {
        complain(self, NULL, "a chain has at most %u validators", NODES_MAX);
        return EXIT_USAGE;
    }
    if (o->org.dir != NULL && o->out != NULL) {
        complain(self, NULL, "--dir and --out exclude each other: D/genesis, or another file");
        return EXIT_USAGE;
    }
    if (o->out != NULL) (void)snprintf(path, sizeof path, "%s", o->out);
    if (o->org.dir != NULL && os_path_join(path, o->org.dir, "genesis") != ST_OK) return EXIT_USAGE;
    if (os_posix()->file_open(os_posix(), &file, path, OS_READ) == ST_OK) {
        os_posix()->file_close(os_posix(), file);
        complain(self, "Another genesis is another chain: choose another name, or remove it.",
                 "%s exists already; nothing was changed", path);
        return EXIT_USAGE;
    }
    struct card *cards = mem_alloc_zero(mem_system(), files->count - 1, sizeof *cards);
    if (cards == NULL) return EXIT_CHECK_FAILED;
    int exit_code = make_genesis(self, o, path, files, cards);
    mem_free(mem_system(), cards);
    return exit_code;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct init_options o = {.org = {.address = "", .port = 5442},
                             .chain = "main",
                             .shape = {.f = SHAPE_AUTO, .p = SHAPE_AUTO}};
    const char *items[NODES_MAX + 2];
    struct words words = {.items = items, .max = NODES_MAX + 2};
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &o.org.dir, 0, 0},
        {"name", OPTION_TEXT, &o.org.name, 0, 0},
        {"node", OPTION_TEXT, &o.org.node, 0, 0},
        {"admin", OPTION_TEXT, &o.org.admin, 0, 0},
        {"address", OPTION_TEXT, &o.org.address, 0, 0},
        {"password-file", OPTION_TEXT, &o.org.password_file, 0, 0},
        {"port", OPTION_NUMBER, &o.org.port, 1, 65535},
        {"chain", OPTION_TEXT, &o.chain, 0, 0},
        {"mode", OPTION_TEXT, &o.shape.mode, 0, 0},
        {"f", OPTION_NUMBER, &o.shape.f, 0, NODES_MAX},
        {"faults", OPTION_NUMBER, &o.shape.f, 0, NODES_MAX}, /* The older name of --f. */
        {"p", OPTION_NUMBER, &o.shape.p, 0, NODES_MAX},
        {"exec-version", OPTION_NUMBER, &o.shape.exec_version, EXEC_VERSION_MIN, EXEC_VERSION_MAX},
        {"out", OPTION_TEXT, &o.out, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
    };
    int exit_code;
    if (!options_parse(
            self, &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], &words},
            &exit_code))
        return exit_code;
    if (words.count == 1 && strcmp(items[0], "org") == 0) return run_org(self, &o);
    if (words.count >= 1 && strcmp(items[0], "genesis") == 0) return run_genesis(self, &o, &words);
    complain(self, "Try --help.", "say `init org` or `init genesis`");
    return EXIT_USAGE;
}

const struct command command_init = {
    "init", "make the keys of an organisation, or the genesis of a chain",
    "Usage: trustsql init org --dir D --name ORGANISATION [--address HOST:PORT] [--node NAME]\n"
    "                         [--admin ACCOUNT] [--port P] [--password-file F] [--json]\n"
    "       trustsql init genesis [--dir D | --out FILE] [--chain NAME] " SHAPE_USAGE "\n"
    "                             [--json] CARD...\n\n"
    "org makes the keys of one organisation's node and administrator in D, and D/card: its\n"
    "public card, which it gives to the others. genesis makes the genesis of the chain from the\n"
    "cards of all organisations. Each may do so by itself: the same cards and the same name give\n"
    "the same bytes, in whatever order the cards come. One organisation, or 3 to 31.\n\n"
    "  --dir D              directory of the node; for genesis: write D/genesis, and refuse\n"
    "                       cards among which that of D is not\n"
    "  --name ORGANISATION  name of the organisation\n"
    "  --address HOST:PORT  where other nodes reach this one; without it the node only dials\n"
    "  --node NAME          name of its node (default: made of the organisation's)\n"
    "  --admin ACCOUNT      account of its administrator (default: admin@NAME of the node)\n"
    "  --port P             port for PostgreSQL clients (default: 5442)\n"
    "  --password-file F    the administrator's password; asked for otherwise\n"
    "  --out FILE           where the genesis goes (default: genesis)\n"
    "  --chain NAME         name of the chain (default: main)\n"
    "  --mode MODE          raft, bft or adaptive (default: adaptive from 4 organisations, raft "
    "with\n"
    "                       3)\n"
    "  --f F                faulty or lying validators the chain bears, n >= 3F + 2P + 1 "
    "(default:\n"
    "                       the most); raft bears crashes only, of less than half\n"
    "  --p P                adaptive: validators that may be slow while blocks take one round\n"
    "  --exec-version V     what blocks mean, for nodes with older programs (default: newest)\n"
    "  --json               for machines\n",
    run};
