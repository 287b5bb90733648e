/* init.c - A chain made by its organisations: each makes its keys and a public card; the cards of
 * all make the genesis, the same bytes wherever it is made. Nobody ever holds another's key. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"
#include "cmd/card.h"
#include "cmd/cmd.h"
#include "cmd/passphrase.h"
#include "custody/custody.h"
#include "node/node.h"

struct init_options {
    const char *dir;
    const char *name;
    const char *node;
    const char *admin;
    const char *address;
    const char *password_file;
    const char *chain;
    const char *out;
    uint64_t port;
    struct shape_choice shape;
    bool is_json;
};

/* --- init org -------------------------------------------------------------------------------- */

static uint16_t port_of(const char *address)
{
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static enum status write_settings(const struct init_options *o)
{
    char path[OS_PATH_MAX];
    struct node_config config;
    struct buf text;
    TRY(os_path_join(path, o->dir, "node.conf"));
    node_config_defaults(&config);
    config.pg_port = (uint16_t)o->port;
    config.p2p_is_outbound_only = o->address[0] == 0;
    if (o->address[0] != 0) config.p2p_port = port_of(o->address);
    buf_init(&text, mem_system(), 0);
    node_config_write(&config, &text);
    enum status st = os_replace_file(os_posix(), path, buf_span(&text));
    buf_fini(&text);
    return st;
}

static enum status write_card(const struct init_options *o, const struct card *card)
{
    char path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(path, o->dir, "card"));
    buf_init(&text, mem_system(), 0);
    card_print(card, &text);
    enum status st = buf_status(&text);
    if (st == ST_OK) st = os_replace_file(os_posix(), path, buf_span(&text));
    buf_fini(&text);
    return st;
}

/* The node's key is written last: it marks completion. */
static enum status make_keys(const struct init_options *o,
                             const struct signer *signer,
                             const char *password,
                             struct card *card)
{
    struct os *os = os_posix();
    struct secret_key node_key;
    struct secret_key admin_key;
    struct custody *custody = NULL;
    TRY(layout_draw_key(os, signer, SIGN_ED25519, &node_key));
    TRY(layout_draw_key(os, signer, SIGN_SECP256K1, &admin_key));
    TRY(sign_public(signer, &card->node_key, &node_key));
    TRY(sign_public(signer, &card->accounts[0].key, &admin_key));
    enum status st = custody_open(&custody, os, mem_system(), o->dir, signer);
    if (st == ST_OK)
        st = custody_put(custody, span_text(card->accounts[0].name), &admin_key,
                         span_text(password));
    custody_close(custody);
    if (st == ST_OK) st = write_settings(o);
    if (st == ST_OK) st = write_card(o, card);
    if (st == ST_OK) st = node_key_write(os, o->dir, &node_key);
    mem_wipe(&node_key, sizeof node_key);
    mem_wipe(&admin_key, sizeof admin_key);
    return st;
}

static enum status make_org(const struct init_options *o, struct card *card, const char *password)
{
    struct os *os = os_posix();
    uint8_t seed[32];
    struct signer *signer = NULL;
    struct secret_key existing;
    enum status st = node_key_read(os, o->dir, &existing);
    mem_wipe(&existing, sizeof existing);
    if (st != ST_NOT_FOUND) return ST_EXISTS;
    st = os->make_dir(os, o->dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    os->entropy(os, seed, sizeof seed);
    TRY(signer_new(&signer, seed));
    card->made_ms = os->wall_ms(os);
    st = make_keys(o, signer, password, card);
    signer_free(signer);
    return st;
}

/* "Bank A, Ltd." gives "bank-a-ltd"; nothing when no letter or digit of ASCII is in it. */
static void make_node_name(char *out, const char *organisation)
{
    size_t size = 0;
    for (; *organisation != 0 && size < NODE_PEER_NAME_MAX; organisation++) {
        char c = *organisation;
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (is_kept)
            out[size++] = c;
        else if (size > 0 && out[size - 1] != '-')
            out[size++] = '-';
    }
    while (size > 0 && out[size - 1] == '-')
        size--;
    out[size] = 0;
}

/* What is chosen must come back from a printed card unchanged. */
static bool survives_printing(const struct card *card, char *what)
{
    struct card again;
    struct card with_keys = *card;
    struct buf text;
    with_keys.node_key = (struct public_key){.scheme = SIGN_ED25519, .size = 32};
    with_keys.accounts[0].key =
        (struct public_key){.scheme = SIGN_SECP256K1, .size = 33, .bytes = {2}};
    with_keys.made_ms = 1;
    buf_init(&text, mem_system(), 0);
    card_print(&with_keys, &text);
    bool is_good = buf_status(&text) == ST_OK &&
                   card_parse(&again, buf_span(&text), what) == ST_OK &&
                   strcmp(again.organisation, card->organisation) == 0 &&
                   strcmp(again.node, card->node) == 0 &&
                   strcmp(again.accounts[0].name, card->accounts[0].name) == 0;
    buf_fini(&text);
    return is_good;
}

static bool take_name(
    const struct command *self, char *to, size_t size_max, const char *value, const char *option)
{
    size_t size = strlen(value);
    if (size > 0 && size <= size_max) {
        memcpy(to, value, size + 1);
        return true;
    }
    complain(self, NULL, "--%s has 1 to %zu bytes", option, size_max);
    return false;
}

static int fill_card(const struct command *self, const struct init_options *o, struct card *card)
{
    char made[NODE_PEER_NAME_MAX + 1];
    char admin[GENESIS_NAME_MAX + 1];
    char what[CARD_WHAT_MAX] = "";
    make_node_name(made, o->name);
    const char *node = o->node != NULL ? o->node : made;
    if (node[0] == 0) {
        complain(self, NULL, "choose a name for the node of %s with --node", o->name);
        return EXIT_USAGE;
    }
    if (!take_name(self, card->organisation, GENESIS_NAME_MAX, o->name, "name") ||
        !take_name(self, card->node, NODE_PEER_NAME_MAX, node, "node"))
        return EXIT_USAGE;
    (void)snprintf(admin, sizeof admin, "admin@%s", node);
    card->account_count = 1;
    card->accounts[0].is_admin = true;
    card->accounts[0].is_kept = true;
    if (!take_name(self, card->accounts[0].name, GENESIS_NAME_MAX,
                   o->admin != NULL ? o->admin : admin, "admin"))
        return EXIT_USAGE;
    if (o->address[0] != 0 && !genesis_address_is_formed(span_text(o->address))) {
        complain(self, NULL, "--address is HOST:PORT, such as bank-a.example:5440 or [::1]:5440");
        return EXIT_USAGE;
    }
    if (o->address[0] != 0 && port_of(o->address) == o->port) {
        complain(self, NULL, "--address and --port need ports of their own");
        return EXIT_USAGE;
    }
    (void)snprintf(card->address, sizeof card->address, "%s", o->address);
    if (survives_printing(card, what)) return EXIT_FINE;
    complain(self, "Names have no control characters, no \" ;\" and no space at their ends.",
             "these names do not fit on a card%s%s", what[0] != 0 ? ": " : "", what);
    return EXIT_USAGE;
}

static int show_org(const struct init_options *o, const struct card *card)
{
    if (o->is_json) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        buf_put_text(&out, "{\"dir\":");
        json_put_text(&out, span_text(o->dir));
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
           o->dir, card->node, card->accounts[0].name, o->dir, card->organisation, o->dir, o->dir);
    return EXIT_FINE;
}

static int run_org(const struct command *self, const struct init_options *o)
{
    struct card card = {0};
    char password[PASSPHRASE_MAX];
    if (o->dir == NULL || o->name == NULL) {
        complain(self, "Try --help.", "init org needs --dir and --name");
        return EXIT_USAGE;
    }
    int exit_code = fill_card(self, o, &card);
    if (exit_code != EXIT_FINE) return exit_code;
    enum status st = password_read(o->password_file, "Password of the administrator: ", password);
    if (st != ST_OK) {
        complain(self, "Give it with --password-file.", "there is no password for %s: %s",
                 card.accounts[0].name, status_text(st));
        return EXIT_USAGE;
    }
    st = make_org(o, &card, password);
    mem_wipe(password, sizeof password);
    if (st == ST_EXISTS) {
        complain(self, NULL, "%s has the keys of a node already; nothing was changed", o->dir);
        return EXIT_USAGE;
    }
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", o->dir, status_text(st));
        return exit_code_of(st);
    }
    return show_org(o, &card);
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
    if (o->dir != NULL && o->out != NULL) {
        complain(self, NULL, "--dir and --out exclude each other: D/genesis, or another file");
        return EXIT_USAGE;
    }
    if (o->out != NULL) (void)snprintf(path, sizeof path, "%s", o->out);
    if (o->dir != NULL && os_path_join(path, o->dir, "genesis") != ST_OK) return EXIT_USAGE;
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
    struct init_options o = {
        .address = "", .chain = "main", .port = 5442, .shape = {.f = SHAPE_AUTO, .p = SHAPE_AUTO}};
    const char *items[NODES_MAX + 2];
    struct words words = {.items = items, .max = NODES_MAX + 2};
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &o.dir, 0, 0},
        {"name", OPTION_TEXT, &o.name, 0, 0},
        {"node", OPTION_TEXT, &o.node, 0, 0},
        {"admin", OPTION_TEXT, &o.admin, 0, 0},
        {"address", OPTION_TEXT, &o.address, 0, 0},
        {"password-file", OPTION_TEXT, &o.password_file, 0, 0},
        {"port", OPTION_NUMBER, &o.port, 1, 65535},
        {"chain", OPTION_TEXT, &o.chain, 0, 0},
        {"mode", OPTION_TEXT, &o.shape.mode, 0, 0},
        {"f", OPTION_NUMBER, &o.shape.f, 0, NODES_MAX},
        {"faults", OPTION_NUMBER, &o.shape.f, 0, NODES_MAX}, /* The older name of --f. */
        {"p", OPTION_NUMBER, &o.shape.p, 0, NODES_MAX},
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
    "  --json               for machines\n",
    run};
